// A second click does not send a form again. The server does not rely on it; the reader is spared a refusal.
(() => {
  const sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || !("once" in form.dataset) || event.defaultPrevented) return;
    if (sent.has(form)) { event.preventDefault(); return; }
    sent.add(form);
    form.setAttribute("aria-busy", "true");
    setTimeout(() => { sent.delete(form); form.removeAttribute("aria-busy"); }, 8000);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[aria-busy]").forEach((f) => { sent.delete(f); f.removeAttribute("aria-busy"); });
  });
})();
