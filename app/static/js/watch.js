// What happens around the exam page, told to the server as evidence: leaving it, copying, pasting, doing nothing. Each
// absence has a number of its own and is told when it begins and again when it ends; told twice it is one.
(() => {
  const form = document.getElementById("sitting");
  if (!form) return;
  const data = form.dataset;
  const rule = JSON.parse(data.watch);
  const words = JSON.parse(data.watchWords);
  const say = (key, values = {}) => Object.entries(values).reduce((s, [k, v]) => s.replace(`{${k}}`, v), words[key] || key);
  const notice = document.getElementById("watch-notice");
  const tell = (text) => { notice.textContent = text; notice.hidden = !text; };

  // --- what is still to be told is kept in this tab, so that a reload loses nothing -----------------------------------

  const keptAt = `exam-watch:${data.id}:${data.person}`;
  const fresh = () => [...crypto.getRandomValues(new Uint8Array(6))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const store = (() => { try { sessionStorage.setItem("exam:try", "1"); sessionStorage.removeItem("exam:try"); return sessionStorage; } catch { return null; } })();
  let kept = { tab: fresh(), number: 0, waiting: [], away: null };
  try { kept = { ...kept, ...JSON.parse((store && store.getItem(keptAt)) || "{}") }; } catch { /* begins anew */ }
  const remember = () => { if (store) { try { store.setItem(keptAt, JSON.stringify(kept)); } catch { /* full */ } } };

  let active = false;
  let sending = false;
  let timer = null;
  const unsent = () => { const more = {}; if (rule.hand_in) document.dispatchEvent(new CustomEvent("exam:unsent", { detail: more })); return more; };
  const body = (more = unsent()) => JSON.stringify({
    ...more, tab: kept.tab, token: data.token,
    signals: kept.waiting.slice(0, 50).map((s) => ({ number: s.number, kind: s.kind, ms: Math.round(s.ms), ago_ms: Math.max(0, Math.min(86400000, Date.now() - s.at)) })),
  });
  const settled = (sent) => { kept.waiting = kept.waiting.filter((s) => !sent.some((t) => t.number === s.number && t.ms === s.ms)); remember(); };

  async function send() {
    clearTimeout(timer);
    if (sending || !kept.waiting.length) return;
    sending = true;
    const sent = kept.waiting.slice(0, 50).map((s) => ({ ...s }));
    try {
      const answer = await fetch(data.signals, { method: "POST", redirect: "manual", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: body() });
      if (answer.ok) { settled(sent); stand(await answer.json(), sent); }
      else if (answer.status === 422) settled(sent); // it will not be understood later either
      else throw new Error(`status ${answer.status}`);
    } catch { timer = setTimeout(send, 10000); }
    finally { sending = false; }
    if (kept.waiting.length && !timer) timer = setTimeout(send, 500);
  }
  const note = (kind, ms = 0, at = Date.now()) => {
    kept.number += 1;
    kept.waiting.push({ number: kept.number, kind, ms, at });
    if (kept.waiting.length > 200) kept.waiting.shift();
    remember();
    return kept.number;
  };
  const again = (number, kind, ms, at) => {
    kept.waiting = kept.waiting.filter((s) => s.number !== number);
    kept.waiting.push({ number, kind, ms, at });
    remember();
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(() => { timer = null; send(); }, 1000); };

  // The server counts; each absence is warned about.
  const stand = (reply, sent) => {
    const longest = Math.max(0, ...sent.filter((s) => s.kind === "hidden" || s.kind === "blur").map((s) => s.ms));
    // The server has ended the sitting; the page follows.
    if (reply.hand_in) tell(say("handIn", { n: reply.counted }));
    if (reply.hand_in || reply.state !== "in_progress") { document.dispatchEvent(new Event("exam:hand-in")); return; }
    if (longest <= 0) return;
    const s = Math.round(longest / 1000);
    if (longest <= rule.seconds * 1000) { if (s >= 2) tell(say("leftShort", { s })); return; }
    tell(say("left", { s, n: reply.counted, limit: reply.limit }) + (reply.counted >= reply.limit ? ` ${say("limit", { n: reply.counted })}` : ""));
  };

  // --- leaving the page: hidden and blurred are one absence -----------------------------------------------------------

  const here = () => document.visibilityState === "visible" && document.hasFocus();
  const leave = (kind) => {
    if (!active) return;
    if (kept.away) {
      if (kind === "hidden" && kept.away.kind !== kind) { kept.away.kind = kind; again(kept.away.number, kind, Math.max(1, Date.now() - kept.away.at), kept.away.at); }
      return;
    }
    const at = Date.now();
    kept.away = { at, kind, number: note(kind, 0, at) };
    remember();
  };
  const back = () => {
    const away = kept.away;
    if (!away || !here()) return;
    kept.away = null;
    again(away.number, away.kind, Math.max(1, Date.now() - away.at), away.at);
    if (active) send();
  };
  const beacon = () => {
    if (!kept.waiting.length || !navigator.sendBeacon) return;
    const whole = new Blob([body()], { type: "application/json" });
    navigator.sendBeacon(data.signals, whole.size <= 55000 ? whole : new Blob([body({})], { type: "application/json" }));
  };
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") { leave("hidden"); beacon(); } else back(); });
  window.addEventListener("blur", () => { if (document.visibilityState === "visible") leave("blur"); });
  window.addEventListener("focus", back);
  window.addEventListener("pagehide", () => { if (active && !kept.away) leave("hidden"); beacon(); });

  // --- copying and pasting: one's own words may move about within the page --------------------------------------------

  let own = "";
  const field = (target) => target instanceof Element && target.closest("input[type=text], textarea");
  const selected = (box) => box.value.slice(box.selectionStart || 0, box.selectionEnd || 0);
  for (const name of ["copy", "cut"]) {
    document.addEventListener(name, (event) => {
      const box = field(event.target);
      if (box) { own = selected(box); return; }
      if (!active || !rule.guarded) return;
      event.preventDefault();
      note("copy"); soon(); tell(say("copy"));
    });
  }
  const pasted = (event, text) => {
    if (!active || !rule.guarded || (text && text === own)) return;
    event.preventDefault();
    note("paste"); soon(); tell(say("paste"));
  };
  document.addEventListener("paste", (event) => pasted(event, event.clipboardData ? event.clipboardData.getData("text") : ""));
  document.addEventListener("drop", (event) => pasted(event, event.dataTransfer ? event.dataTransfer.getData("text") : ""));
  document.addEventListener("contextmenu", (event) => { if (active && rule.guarded && !field(event.target)) event.preventDefault(); });

  // --- full screen --------------------------------------------------------------------------------------------------

  const button = form.querySelector("[data-full]");
  const full = () => Boolean(document.fullscreenElement);
  let was = false;
  let leftFullAt = null;
  if (button && document.fullscreenEnabled) {
    button.hidden = false;
    button.addEventListener("click", () => { if (full()) document.exitFullscreen(); else document.documentElement.requestFullscreen().catch(() => {}); });
    document.addEventListener("fullscreenchange", () => {
      button.setAttribute("aria-pressed", String(full()));
      if (full() && leftFullAt) { again(leftFullAt.number, "full_screen_left", Date.now() - leftFullAt.at, leftFullAt.at); leftFullAt = null; soon(); tell(""); }
      else if (was && !full() && active) { const at = Date.now(); leftFullAt = { at, number: note("full_screen_left", 0, at) }; soon(); tell(say("fullScreenLeft")); }
      was = full();
    });
  }

  // --- doing nothing --------------------------------------------------------------------------------------------------

  let touched = performance.now();
  const dialog = document.getElementById("idle-dialog");
  const alive = () => { if (!dialog.open) touched = performance.now(); };
  for (const name of ["input", "keydown", "pointerdown", "wheel", "touchstart"]) document.addEventListener(name, alive, { passive: true });
  dialog.addEventListener("click", (event) => { if (event.target.closest("[data-go]")) dialog.close(); });
  dialog.addEventListener("close", () => { touched = performance.now(); });
  let asked = 0;
  setInterval(() => {
    if (!active || !rule.idle) return;
    const idle = performance.now() - touched;
    if (!dialog.open && idle >= rule.idle * 1000) {
      asked = performance.now();
      note("idle", idle); soon();
      dialog.showModal();
    }
    if (!dialog.open) return;
    const rest = Math.ceil(60 - (performance.now() - asked) / 1000);
    const text = say(rule.hand_in ? "idleHandIn" : "idle", { m: Math.round(rule.idle / 60), s: Math.max(0, rest) });
    if (document.getElementById("idle-words").textContent !== text) document.getElementById("idle-words").textContent = text;
    if (rule.hand_in && rest <= 0) { dialog.close(); document.dispatchEvent(new Event("exam:hand-in")); }
  }, 1000);

  // --- what the invigilator says -----------------------------------------------------------------------------------

  const shown = new Set();
  let fetching = false;
  const read = (id) => { kept.read = Math.max(kept.read || 0, id); remember(); };
  const showMessage = (one) => {
    if (shown.has(one.id)) return;
    shown.add(one.id);
    const box = document.createElement("p");
    const head = document.createElement("strong");
    const done = document.createElement("button");
    box.className = "exam-notice message";
    head.textContent = `${say("message", { at: one.at })}: `;
    done.type = "button"; done.className = "btn btn-outline-secondary btn-sm"; done.textContent = say("read");
    done.addEventListener("click", () => { read(one.id); box.remove(); });
    box.append(head, document.createTextNode(`${one.text} `), done);
    document.getElementById("room-messages").append(box);
  };
  const hear = async (newest) => {
    if (fetching || !newest || newest <= Math.max(kept.read || 0, ...shown)) return;
    fetching = true;
    try {
      const answer = await fetch(`${data.newsUrl}?after=${Math.max(kept.read || 0, ...shown)}`, { headers: { Accept: "application/json" }, redirect: "manual", credentials: "same-origin" });
      if (answer.ok) (await answer.json()).forEach(showMessage);
    } catch { /* the next save asks again */ }
    fetching = false;
  };
  document.addEventListener("exam:reply", (event) => hear(event.detail.news));
  hear(Number(data.news));

  // --- begin ----------------------------------------------------------------------------------------------------------

  document.addEventListener("exam:state", (event) => {
    const before = active;
    active = event.detail.active;
    touched = performance.now();
    if (!active || before) return;
    if (kept.away) back(); // the page was reloaded, or left and come back to
    if (rule.full_screen && !full()) tell(say("fullScreen"));
    if (kept.waiting.length) send();
  });
})();
