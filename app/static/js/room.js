// Renews the invigilator's list every four seconds, as long as the page is looked at. Without it the page is reloaded by hand.
(() => {
  const room = document.getElementById("room");
  if (!room) return;
  const badges = document.getElementById("room-badges");
  const stale = document.getElementById("room-stale");
  const busy = () => { const at = document.activeElement; return Boolean(at && at.closest("form, dialog")) || Boolean(document.querySelector("dialog[open]")); };
  const put = (node, text) => {
    if (!node || node.textContent === text) return;
    node.textContent = text;
    node.toggleAttribute("data-void", text === "" || text === "—");
  };
  const show = (state) => {
    put(document.getElementById("room-at"), state.at);
    put(document.getElementById("room-sums"), state.sums.map(([name, n]) => `${name} ${n}`).join(" · "));
    const there = new Set(state.rows.map((row) => String(row.id)));
    let missing = [...room.querySelectorAll("[data-sitting]")].some((line) => !there.has(line.dataset.sitting)); // gone, or no longer of this filter
    for (const row of state.rows) {
      const line = room.querySelector(`[data-sitting="${row.id}"]`);
      if (!line) { missing = true; continue; }
      line.classList.toggle("alarm", row.alarm);
      for (const [key, text] of Object.entries(row.cells)) put(line.querySelector(`[data-cell="${key}"]`), text);
      const state = line.querySelector("[data-state]");
      if (state.dataset.state !== row.state) {
        state.dataset.state = row.state;
        state.replaceChildren(...[...badges.querySelector(`[data-badge="${row.state}"]`).childNodes].map((n) => n.cloneNode(true)));
      }
    }
    const known = room.dataset.open.trim().split(/\s+/).filter(Boolean).sort().join(" ");
    if (missing || known !== [...state.open].sort().join(" ")) {
      if (busy()) document.getElementById("room-changed").hidden = false;
      else location.reload();
    }
  };
  const renew = async () => {
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(room.dataset.url, { headers: { Accept: "application/json" }, redirect: "manual", credentials: "same-origin" });
        if (answer.ok) show(await answer.json());
        stale.hidden = answer.ok;
      } catch { stale.hidden = false; }
    }
    setTimeout(renew, 4000);
  };
  setTimeout(renew, 4000);
})();
