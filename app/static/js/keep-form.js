// Keeps what was typed into a form with data-keep when the session ends while it is being written or sent, and puts it
// back afterwards, for the same person only. Passwords, files and hidden fields are never kept; the tab's end forgets all.
(() => {
  const store = (() => { try { return window.sessionStorage; } catch { return null; } })();
  if (!store) return;
  const person = document.body.dataset.person || "";
  const key = (form) => `kept:${person}:${location.pathname}:${form.dataset.keep}`;
  const read = (name) => JSON.parse(store.getItem(name) || "null");
  const write = (name, value) => store.setItem(name, JSON.stringify(value));
  const skipped = ["hidden", "password", "file", "submit", "button", "fieldset"];
  const fields = (form) => [...form.elements].filter((f) => f.name && !skipped.includes(f.type));
  const ticks = (f) => f.type === "checkbox" || f.type === "radio";
  const collect = (form) => fields(form).map((f) => [f.name, f.value, ticks(f) ? f.checked : null]);
  const restore = (form, kept) => {
    const seen = {};
    for (const [name, value, checked] of kept) {
      const same = fields(form).filter((f) => f.name === name);
      if (checked !== null) { same.filter((f) => f.value === value).forEach((f) => { f.checked = checked; }); continue; }
      seen[name] = (seen[name] ?? -1) + 1;
      const f = same[seen[name]];
      if (f && (f.tagName !== "SELECT" || [...f.options].some((o) => o.value === value))) f.value = value;
    }
  };
  const refused = document.querySelector(".error-summary");
  const stopped = refused || document.querySelector("input[type=password], .error-page");
  for (const name of Object.keys(store).filter((one) => one.startsWith("kept:"))) {
    const kept = read(name);
    if (stopped) write(name, { ...kept, lost: true });
    else if (kept.sent && !kept.lost) store.removeItem(name); // the server took it
  }
  for (const form of document.querySelectorAll("form[data-keep]")) {
    const kept = read(key(form));
    if (kept && kept.lost && !refused) restore(form, kept.fields);
    const save = (sent) => write(key(form), { fields: collect(form), sent, lost: false });
    document.addEventListener("input", (e) => { if (e.target.form === form) save(false); }); // fields may stand outside
    form.addEventListener("submit", () => save(true));
  }
})();
