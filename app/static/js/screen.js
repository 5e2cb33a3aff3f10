// Keeps the sign-in code on the screen fresh: asks for the next one when the present one has run out.
(() => {
  const box = document.querySelector("[data-screen]");
  if (!box) return;
  const code = box.querySelector("[data-code]");
  const ask = async () => {
    let wait = 3;
    try {
      const answer = await fetch(box.dataset.screen, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      if (now.way !== box.dataset.way) { location.reload(); return; }  // the end is near: the other code, with its words
      // Read as HTML: the drawing names no namespace of its own, and read as XML it would be there but not be drawn.
      const drawn = new DOMParser().parseFromString(now.svg, "text/html").body.firstElementChild;
      code.replaceChildren(document.importNode(drawn, true));
      box.querySelector("[data-address]").href = now.address;
      box.querySelector("[data-signed]").textContent = now.signed;
      box.querySelector("[data-of]").textContent = now.of;
      wait = Math.min(Math.max(now.left, 1), 5);
    } catch { /* the next round tries again; the old code stays for one step */ }
    setTimeout(ask, wait * 1000);
  };
  setTimeout(ask, 2000);
})();
