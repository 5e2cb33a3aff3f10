// Keeps what is typed into a form with data-draft in this browser until the server has acknowledged it, and sends it by
// itself, again and again while the network is poor. data-draft: the version of the draft this page was made from.
(() => {
  const form = document.querySelector("form[data-draft]");
  const store = (() => { try { return window.localStorage; } catch { return null; } })();
  if (!form || !store) return;
  const line = document.querySelector("[data-draft-state]");
  const choice = document.querySelector("[data-draft-choice]");
  const person = document.body.dataset.person || "";
  const PAUSE = 1500, LONGEST = 60000;
  const skipped = ["password", "file", "submit", "button", "fieldset"];
  const fields = () => [...form.elements].filter((f) => f.name && !skipped.includes(f.type) && (f.type !== "hidden" || f.name === "draft_key"));
  const ticks = (f) => f.type === "checkbox" || f.type === "radio";
  const collect = () => fields().map((f) => [f.name, f.value, ticks(f) ? f.checked : null]);
  const restore = (kept) => {
    const seen = {};
    for (const [name, value, checked] of kept) {
      const same = fields().filter((f) => f.name === name);
      if (checked !== null) { same.filter((f) => f.value === value).forEach((f) => { f.checked = checked; }); continue; }
      seen[name] = (seen[name] ?? -1) + 1;
      const f = same[seen[name]];
      if (f && (f.tagName !== "SELECT" || [...f.options].some((o) => o.value === value))) f.value = value;
    }
  };
  let version = form.dataset.draft, address = location.href.split("#")[0], wait = PAUSE, timer = null, busy = false, held = false, going = false;
  const key = () => `draft:${person}:${new URL(address).pathname}`;
  const say = (state) => { line.textContent = line.dataset[state]; line.dataset.state = state; };
  const keep = () => { try { store.setItem(key(), JSON.stringify({ version, fields: collect() })); return true; } catch { say("full"); return false; } };
  const forget = (sent) => { if (JSON.stringify(collect()) === sent) store.removeItem(key()); };
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(send, ms); };

  // One letter to the server. "auto": save what there is; else the name of the button that was pressed.
  const post = async (how) => {
    const body = new FormData(form);
    for (const f of form.querySelectorAll("input[type=file]")) body.delete(f.name);
    body.set("do", how === "auto" ? "draft" : how);
    body.set("draft_version", version);
    const stop = new AbortController(), limit = setTimeout(() => stop.abort(), 20000);
    try {
      return await fetch(address, { method: "POST", body, redirect: "manual", signal: stop.signal, headers: { "X-Draft": how === "auto" ? "auto" : "go" } });
    } finally { clearTimeout(limit); }
  };
  const taken = (answer, sent) => {
    version = answer.headers.get("X-Draft-Version") || version;
    forget(sent);
    const moved = answer.headers.get("X-Draft-Address");
    if (moved && moved !== new URL(address).pathname) {
      store.removeItem(key());
      address = new URL(moved, location.href).href;
      history.replaceState(null, "", address);
      if (form.hasAttribute("action")) form.action = address;
    }
  };
  async function send() {
    if (busy || held) return;
    busy = true;
    const sent = JSON.stringify(collect());
    say("sending");
    try {
      const answer = await post("auto");
      if (answer.status === 204) {
        taken(answer, sent); wait = PAUSE;
        if (JSON.stringify(collect()) === sent) say("saved"); else { keep(); later(PAUSE); }
      } else if (answer.status === 422) say("wrong");
      else if (answer.status === 409) { held = true; say("elsewhere"); }
      else if (answer.status === 429 || answer.status >= 500) { say("kept"); wait = Math.min(wait * 2, LONGEST); later(wait); }
      else say("out");
    } catch { say("kept"); wait = Math.min(wait * 2, LONGEST); later(wait); }
    busy = false;
  }
  const typed = () => { if (keep()) { if (!navigator.onLine) say("kept"); later(PAUSE); } };
  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  window.addEventListener("online", () => { if (store.getItem(key())) { wait = PAUSE; send(); } });
  document.addEventListener("visibilitychange", () => { if (document.hidden && store.getItem(key()) && !busy) send(); });

  form.addEventListener("submit", async (event) => {
    if (form.dataset.plain) return;
    event.preventDefault();
    if (going) return; // a second click
    going = true;
    clearTimeout(timer);
    keep();
    const how = event.submitter && event.submitter.name === "do" ? event.submitter.value : "next";
    const free = () => { going = false; };
    say("sending");
    try {
      const answer = await post(how);
      if (answer.status === 204) { store.removeItem(key()); location.assign(answer.headers.get("X-Draft-Next") || address); return; }
      if (answer.status === 409) { held = true; say("elsewhere"); free(); return; }
      if (answer.status >= 500 || answer.status === 429) throw new Error("later");
      const asked = document.createElement("input"); // the page says what is wrong: send it the plain way
      asked.type = "hidden"; asked.name = "do"; asked.value = how; form.append(asked);
      form.dataset.plain = "1"; form.submit();
    } catch { free(); say("kept"); later(wait); }
  });

  const kept = JSON.parse(store.getItem(key()) || "null");
  if (!kept || JSON.stringify(kept.fields) === JSON.stringify(collect())) { if (kept) store.removeItem(key()); return; }
  if (document.querySelector(".error-summary")) return; // the page shows what was typed, and what is wrong with it
  if (kept.version === version) { restore(kept.fields); say("restored"); later(PAUSE); return; }
  held = true;
  choice.hidden = false;
  choice.querySelector("[data-use]").addEventListener("click", () => { held = false; choice.hidden = true; restore(kept.fields); typed(); });
  choice.querySelector("[data-drop]").addEventListener("click", () => { held = false; choice.hidden = true; store.removeItem(key()); say("saved"); });
})();
