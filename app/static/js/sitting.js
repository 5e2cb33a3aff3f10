// The exam page. Every change goes to local storage first and to the server within two seconds; what the server has
// acknowledged is in its log. The server's clock decides; the page counts down from what the server says is left.
(() => {
  const form = document.getElementById("sitting");
  if (!form) return;
  const data = form.dataset;
  const words = JSON.parse(data.words);
  const say = (key, values = {}) => Object.entries(values).reduce((s, [k, v]) => s.replace(`{${k}}`, v), words[key] || key);
  const $ = (id) => document.getElementById(id);

  // --- what is kept on this device ---------------------------------------------------------------------------------

  const keptAt = `exam:${location.host}:${data.id}:${data.person}`;
  const storage = (kind) => { try { const s = window[kind]; s.setItem("exam:try", "1"); s.removeItem("exam:try"); return s; } catch { return null; } };
  const local = storage("localStorage");
  const tab = storage("sessionStorage");
  const empty = () => ({ epoch: 0, pending: {}, counters: {}, flags: [], at: 0 });
  let kept = empty();
  const remember = () => { if (local) { try { local.setItem(keptAt, JSON.stringify(kept)); } catch { /* full: the server still gets it */ } } };
  const recall = () => { try { return { ...empty(), ...JSON.parse((local && local.getItem(keptAt)) || "{}") }; } catch { return empty(); } };
  const forget = () => { if (local) local.removeItem(keptAt); if (tab) tab.removeItem(`${keptAt}:device`); };
  kept = recall();
  if (!kept.epoch) kept.epoch = Number(form.elements.epoch.value) || 0; // of the page: what is answered before the server opens it belongs there

  const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  let device = (tab && tab.getItem(`${keptAt}:device`)) || fresh();
  const keepDevice = () => { if (tab) tab.setItem(`${keptAt}:device`, device); };

  // --- questions: reading and writing answers -----------------------------------------------------------------------

  const frames = [...form.querySelectorAll("fieldset.question")];
  const placeOf = (frame) => Number(frame.dataset.name.slice(1));
  const frameOf = (place) => frames.find((f) => placeOf(f) === place);
  const inputs = (box, name) => [...box.querySelectorAll("input, select, textarea")].filter((i) => i.name === name || i.name.startsWith(`${name}.`));

  const readers = {
    single: (found) => (found.find((i) => i.checked) || {}).value || null,
    multiple: (found) => { const all = found.filter((i) => i.checked).map((i) => i.value).sort(); return all.length ? all : null; },
    truefalse: (found) => { const one = found.find((i) => i.checked); return one ? one.value === "true" : null; },
    blank: (found) => { const all = found.map((i) => i.value); return all.some((t) => t.trim()) ? all : null; },
    numeric: (found) => found[0].value.trim() || null,
    essay: (found) => (found[0].value.trim() ? found[0].value : null),
    matching: (found, name) => { const pairs = found.filter((i) => i.value).map((i) => [i.name.slice(name.length + 1), i.value]); return pairs.length ? Object.fromEntries(pairs) : null; },
    ordering: (found, name) => { const all = found.filter((i) => i.value).map((i) => [Number(i.value), i.name.slice(name.length + 1)]).sort((a, b) => a[0] - b[0]); return all.length ? all.map((p) => p[1]) : null; },
  };
  const writers = {
    single: (found, a) => found.forEach((i) => { i.checked = i.value === a; }),
    multiple: (found, a) => found.forEach((i) => { i.checked = (a || []).includes(i.value); }),
    truefalse: (found, a) => found.forEach((i) => { i.checked = a !== null && i.value === String(a); }),
    blank: (found, a) => found.forEach((i, n) => { i.value = (a || [])[n] || ""; }),
    numeric: (found, a) => { found[0].value = a && a.value !== undefined ? a.value + a.unit : a || ""; },
    essay: (found, a) => { found[0].value = a || ""; },
    matching: (found, a, name) => found.forEach((i) => { i.value = (a || {})[i.name.slice(name.length + 1)] || ""; }),
    ordering: (found, a, name) => found.forEach((i) => { const n = (a || []).indexOf(i.name.slice(name.length + 1)); i.value = n < 0 ? "" : String(n + 1); }),
  };
  const read = (frame) => {
    const name = frame.dataset.name;
    if (frame.dataset.kind !== "case") return readers[frame.dataset.kind](inputs(frame, name), name);
    const parts = {};
    for (const box of frame.querySelectorAll("[data-part]")) {
      const part = `${name}-${box.dataset.part}`;
      const answer = readers[box.dataset.kind](inputs(box, part), part);
      if (answer !== null) parts[box.dataset.part] = answer;
    }
    return Object.keys(parts).length ? parts : null;
  };
  const write = (frame, answer) => {
    const name = frame.dataset.name;
    if (frame.dataset.kind !== "case") { writers[frame.dataset.kind](inputs(frame, name), answer, name); return; }
    for (const box of frame.querySelectorAll("[data-part]")) {
      const part = `${name}-${box.dataset.part}`;
      writers[box.dataset.kind](inputs(box, part), (answer || {})[box.dataset.part] ?? null, part);
    }
  };

  // --- state of the page ----------------------------------------------------------------------------------------------

  let epoch = 0;          // 0: not opened yet
  const early = new Set(); // places answered before that
  let readOnly = false;
  let handingIn = false;
  let finished = false;
  let sending = false;
  let failures = 0;
  let timer = null;
  let savedAt = "";
  let signedOut = false;
  const last = new Map(frames.map((f) => [placeOf(f), JSON.stringify(read(f))]));
  const pendingCount = () => Object.keys(kept.pending).length;

  const show = () => {
    const box = $("saved");
    const n = pendingCount();
    let text = savedAt ? say("saved", { time: savedAt }) : epoch ? say("ready") : "";
    let mood = "fine";
    if (readOnly) { text = say("readOnly"); mood = "warn"; }
    else if (signedOut) { text = say("signedOut", { n }); mood = "warn"; }
    else if (failures && (n || handingIn)) { text = say("offline", { n }); mood = "warn"; }
    else if (n || sending) { text = say("saving"); mood = "busy"; }
    if (box.textContent !== text) box.textContent = text;
    box.dataset.mood = mood;
    map();
  };
  const tell = (text) => { const box = $("notice"); box.textContent = text; box.hidden = !text; };
  let toast = null;
  const announce = (text) => { $("announce").textContent = text; clearTimeout(toast); toast = setTimeout(() => { $("announce").textContent = ""; }, 10000); };

  const links = new Map([...form.querySelectorAll("[data-map]")].map((a) => [Number(a.dataset.map), a]));
  const map = () => {
    for (const frame of frames) {
      const place = placeOf(frame);
      const answered = read(frame) !== null;
      const flagged = kept.flags.includes(place);
      const unsaved = place in kept.pending;
      const link = links.get(place);
      link.className = [answered ? "answered" : "", flagged ? "flagged" : "", unsaved ? "unsaved" : ""].filter(Boolean).join(" ");
      const state = [say(answered ? "answered" : "open"), flagged ? say("flagged") : "", unsaved ? say("unsaved") : ""].filter(Boolean).join(", ");
      link.setAttribute("aria-label", `${say("question", { n: place })}: ${state}`);
    }
  };

  // --- the clock: monotonic, from what the server says is left ---------------------------------------------------------

  let left = Number(data.remaining);
  let since = performance.now();
  let spoken = left;
  let paused = false;
  const remaining = () => (paused ? left : left - (performance.now() - since));
  const setRemaining = (ms) => {
    if (ms > remaining() + 30000 && epoch) announce(say("more"));
    left = ms; since = performance.now();
    if (ms > spoken) spoken = ms;
  };
  const tick = () => {
    const ms = Math.max(0, remaining());
    const s = Math.ceil(ms / 1000);
    const two = (n) => String(n).padStart(2, "0");
    $("clock").textContent = `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
    $("timer").classList.toggle("soon", s <= 900 && s > 300);
    $("timer").classList.toggle("short", s <= 300);
    for (const [minutes, key] of [[15, "left15"], [5, "left5"], [1, "left1"]]) {
      const edge = minutes * 60000;
      if (spoken > edge && ms <= edge) announce(say(key));
    }
    spoken = ms;
    if (epoch && !readOnly && !finished && !handingIn) {
      if (ms <= 1500 && pendingCount()) send();
      if (ms <= 0) { tell(say("over")); announce(say("over")); handIn(); }
    }
  };

  // --- sending --------------------------------------------------------------------------------------------------------

  // Safe Exam Browser tells the page the key of its settings, hashed with the page's address.
  const safe = () => { const key = window.SafeExamBrowser && window.SafeExamBrowser.security && window.SafeExamBrowser.security.configKey; return key ? { seb: key } : {}; };
  const post = async (url, body, again = true) => {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 15000);
    try {
      const answer = await fetch(url, {
        method: "POST", redirect: "manual", credentials: "same-origin", signal: stop.signal,
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ ...body, token: data.token, ...safe() }),
      });
      signedOut = answer.type === "opaqueredirect" || answer.status === 401;
      if (signedOut) throw new Error("signed out");
      if (answer.status >= 500 || answer.status === 429) throw new Error(`status ${answer.status}`);
      const said = await answer.json();
      if (answer.status === 409 && said.token && again) { // signed in again in another tab: this session has another form token
        data.token = form.elements.csrf_token.value = said.token;
        return await post(url, body, false);
      }
      return { status: answer.status, body: said };
    } finally { clearTimeout(limit); }
  };
  const steps = () => Object.entries(kept.pending).map(([place, p]) => ({ question: Number(place), counter: p.counter, answer: p.answer, cleared: p.cleared, at_ms: p.at_ms }));
  const pause = () => Math.min(30000, 1000 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random());
  // So often a page that saves nothing asks for a pause, a message, more time: spread, since a hall begins in the same second.
  const quiet = () => (paused ? 4000 : 9000 + 2000 * Math.random());
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(send, ms); };

  const tellWatch = () => document.dispatchEvent(new CustomEvent("exam:state", { detail: { active: Boolean(epoch) && !readOnly && !finished && !handingIn && !paused } }));
  const hold = (now) => {
    if (now === paused) return;
    if (now) setRemaining(remaining());
    paused = now;
    since = performance.now();
    tick(); // the moments between the pause and the news of it are given back before the page says so
    const dialog = $("pause-dialog");
    if (paused && !dialog.open) dialog.showModal(); else if (!paused && dialog.open) dialog.close();
    tellWatch();
  };

  $("pause-dialog").addEventListener("cancel", (event) => event.preventDefault());
  $("pause-dialog").addEventListener("close", () => { if (paused) $("pause-dialog").showModal(); });

  const settle = (reply) => {
    setRemaining(reply.remaining_ms);
    hold(reply.paused === true);
    document.dispatchEvent(new CustomEvent("exam:reply", { detail: reply }));
    for (const [place, counter] of Object.entries(reply.saved || {})) {
      if (kept.pending[place] && kept.pending[place].counter <= counter) delete kept.pending[place];
    }
    for (const place of Object.keys(reply.refused || {})) {
      delete kept.pending[place];
      tell(say("refused", { n: place }));
    }
    remember();
    savedAt = reply.at;
    if ((reply.messages || []).includes("late")) tell(say("late"));
    if ((reply.messages || []).includes("read_only")) freeze();
  };

  async function send() {
    clearTimeout(timer);
    if (sending || finished || !epoch || readOnly || handingIn) return;
    sending = true; show();
    try {
      const { status, body } = await post(data.save, { epoch, steps: steps() });
      if (status === 200) {
        failures = 0;
        settle(body);
        if (body.state !== "in_progress") { leave(body); return; }
      } else { failures += 1; tell(body.error || ""); }
    } catch { failures += 1; }
    finally { sending = false; show(); }
    if (failures) later(pause());
    else later(pendingCount() ? 500 : quiet());
  }

  const leave = () => {
    if (finished) return;
    finished = true;
    forget();
    location.href = data.done;
  };

  // At leaving there is no time to wait: pieces below the limit of a beacon; what it does not take stays on this device.
  const beacon = () => {
    if (!epoch || readOnly || finished || !pendingCount() || !navigator.sendBeacon) return;
    let piece = [];
    const fly = () => {
      if (!piece.length) return true;
      const text = JSON.stringify({ epoch, steps: piece, token: data.token, ...safe() });
      piece = [];
      return navigator.sendBeacon(data.save, new Blob([text], { type: "application/json" }));
    };
    const size = (list) => new Blob([JSON.stringify(list)]).size;
    for (const step of steps()) {
      if (size([step]) > 55000) continue;
      if (size([...piece, step]) > 55000 && !fly()) return;
      piece.push(step);
    }
    fly();
  };

  // --- changes --------------------------------------------------------------------------------------------------------

  const changed = (frame, typing) => {
    if (readOnly || finished) return;
    const place = placeOf(frame);
    const answer = read(frame);
    const text = JSON.stringify(answer);
    if (text === last.get(place)) return;
    last.set(place, text);
    if (!epoch) early.add(place);
    const counter = 1 + Math.max(kept.counters[place] || 0, Number(frame.dataset.counter) || 0);
    kept.counters[place] = counter;
    kept.pending[place] = { counter, answer, cleared: answer === null, at_ms: Math.round(performance.now()) };
    remember();
    show();
    if (!sending && !(failures && timer)) later(typing ? 1500 : 250);
  };
  form.addEventListener("input", (event) => { const f = event.target.closest("fieldset.question"); if (f) changed(f, /^(text|textarea)$/.test(event.target.type)); });
  form.addEventListener("change", (event) => {
    const f = event.target.closest("fieldset.question");
    if (f) changed(f, false);
    const flag = event.target.dataset.flag;
    if (flag) { const n = Number(flag); kept.flags = event.target.checked ? [...new Set([...kept.flags, n])] : kept.flags.filter((x) => x !== n); remember(); show(); }
  });
  const ask = (id) => new Promise((answer) => {
    const dialog = $(id);
    dialog.returnValue = "";
    dialog.oncancel = (event) => { if (id === "take-over-dialog") event.preventDefault(); };
    dialog.onclick = (event) => { const button = event.target.closest("[data-go]"); if (button) dialog.close(button.dataset.go); };
    dialog.addEventListener("close", () => answer(dialog.returnValue), { once: true });
    if (!dialog.open) dialog.showModal();
  });

  // --- one active device ----------------------------------------------------------------------------------------------

  const freeze = () => {
    if (readOnly) return;
    readOnly = true;
    tellWatch();
    frames.forEach((f) => { f.disabled = true; });
    $("hand-in").disabled = true;
    show();
    ask("take-over-dialog").then((go) => { if (go === "take-over") open_(true); });
  };

  async function open_(takeOver) {
    let reply;
    try { reply = await post(data.open, { device, take_over: takeOver }); } catch { failures += 1; show(); setTimeout(() => open_(takeOver), pause()); return; }
    failures = 0;
    if (reply.status !== 200) { tell(reply.body.error || ""); return; }
    const opened = reply.body;
    if (opened.state !== "in_progress") { leave(); return; }
    setRemaining(opened.remaining_ms);
    if (opened.taken) { const go = await ask("take-over-dialog"); if (go === "take-over") open_(true); return; }
    keepDevice();
    if (takeOver && opened.epoch !== opened.previous) {
      // What this device had not uploaded is its own newest word only if nobody else took over in between.
      if (kept.epoch === opened.previous) { kept.epoch = opened.epoch; remember(); }
      location.reload();
      return;
    }
    begin(opened.epoch);
  }

  function begin(given) {
    if (kept.epoch !== given) {
      const old = kept.epoch;
      if (old && old < given && pendingCount()) post(data.save, { epoch: old, steps: steps() }).catch(() => {});
      const mine = [...early].filter((place) => place in kept.pending); // chosen in this page before the server answered
      kept = { ...empty(), epoch: given, flags: kept.flags, at: kept.at, pending: Object.fromEntries(mine.map((place) => [place, kept.pending[place]])) };
      for (const place of mine) kept.counters[place] = kept.pending[place].counter;
    }
    early.clear();
    epoch = given;
    form.elements.epoch.value = form.dataset.epoch = String(given);
    for (const [place, p] of Object.entries(kept.pending)) {
      const frame = frameOf(Number(place));
      if (frame) { write(frame, p.answer); last.set(Number(place), JSON.stringify(read(frame))); }
    }
    form.querySelectorAll("[data-flag]").forEach((box) => { box.checked = kept.flags.includes(Number(box.dataset.flag)); });
    remember();
    show();
    frames.forEach((f) => changed(f, false)); // what was typed before the server answered
    tellWatch();
    if (data.paused === "1") hold(true);
    if (pendingCount()) send(); else later(quiet());
  }

  // A duplicated tab has the same token: the tab that is there already says so, and the new one takes a token of its own.
  const me = fresh();
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(keptAt) : null;
  if (channel) channel.onmessage = (event) => {
    const said = event.data || {};
    if (said.me === me) return;
    if (said.hello === device) channel.postMessage({ me, here: device });
    if (said.here === device && !epoch) device = fresh();
  };

  // --- handing in -----------------------------------------------------------------------------------------------------

  let byRule = false;
  document.addEventListener("exam:hand-in", () => { if (!finished && !handingIn && epoch && !readOnly) { byRule = true; handIn(); } });

  // A signal may end the sitting, where the session says so: what is not uploaded goes along with it.
  document.addEventListener("exam:unsent", (event) => { if (epoch && !readOnly && !finished && pendingCount()) Object.assign(event.detail, { epoch, steps: steps(), ...safe() }); });

  async function handIn() {
    if (finished) return;
    handingIn = true;
    tellWatch();
    clearTimeout(timer);
    $("hand-in").disabled = true;
    tell(say("handingIn"));
    try {
      const { status, body } = await post(data.handIn, { epoch, steps: steps(), by_rule: byRule });
      if (status === 200) {
        failures = 0;
        settle(body);
        if (body.state !== "in_progress") { leave(body); return; }
        handingIn = false; // another device holds it: settle() has shown that
        tellWatch();
        tell("");
        return;
      }
      tell(body.error || "");
      handingIn = false;
      tellWatch();
      $("hand-in").disabled = readOnly;
      show();
      return;
    } catch { failures += 1; }
    tell(say("handInOffline"));
    show();
    setTimeout(handIn, pause());
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (readOnly || handingIn || !epoch) return;
    frames.forEach((f) => changed(f, false));
    const open = frames.filter((f) => read(f) === null).map(placeOf);
    $("hand-in-words").textContent = open.length ? say("unanswered", { n: open.length }) : say("allAnswered", { n: frames.length });
    const list = $("hand-in-open");
    list.replaceChildren(...open.map((n) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#q${n}`; link.textContent = String(n);
      link.addEventListener("click", (event) => { event.preventDefault(); $("hand-in-dialog").close(); goTo(link.hash); });
      item.append(link);
      return item;
    }));
    if (await ask("hand-in-dialog") === "hand-in") handIn();
  });

  // --- moving about: keys, map, text size --------------------------------------------------------------------------------

  let at = Math.max(0, Math.min(frames.length - 1, kept.at || 0));
  let single = Boolean(local && local.getItem("exam:one") === "1");
  const boxes = frames.map((f) => f.closest(".question-frame"));
  const place = (n, focus) => {
    at = Math.max(0, Math.min(frames.length - 1, n));
    if (kept.at !== at) { kept.at = at; remember(); }
    boxes.forEach((box, i) => box.classList.toggle("here", i === at));
    form.querySelectorAll("main section").forEach((s) => s.classList.toggle("here", s.contains(boxes[at])));
    links.forEach((a, n2) => { if (n2 === placeOf(frames[at])) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current"); });
    form.querySelectorAll("[data-step]").forEach((b) => { b.disabled = Number(b.dataset.step) < 0 ? at === 0 : at === frames.length - 1; });
    if (!focus) return;
    const target = frames[at].querySelector("input, select, textarea") || frames[at];
    boxes[at].scrollIntoView({ block: "start" });
    target.focus({ preventScroll: true });
  };
  const go = (n) => place(n, true);
  const goTo = (hash) => { const n = frames.findIndex((f) => `#${f.id}` === hash); if (n >= 0) go(n); return n >= 0; };
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-map]");
    if (link && goTo(link.hash)) { event.preventDefault(); if (narrow.matches) mapBox.open = false; }
    const step = event.target.closest("[data-step]");
    if (step) go(at + Number(step.dataset.step));
  });
  form.addEventListener("focusin", (event) => { const f = event.target.closest("fieldset.question"); if (f && frames.indexOf(f) !== at) place(frames.indexOf(f), false); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    if (/^(text|textarea)$/.test(event.target.type || "") || event.target.tagName === "SELECT") return;
    const key = event.key.toLowerCase();
    if (key === "n") go(at + 1);
    else if (key === "p") go(at - 1);
    else if (key === "f") { const box = form.querySelector(`[data-flag="${placeOf(frames[at])}"]`); if (box) box.click(); }
    else if (/^[a-h1-9]$/.test(key)) {
      const part = document.activeElement && document.activeElement.closest("[data-part]");
      const choices = [...(part || frames[at]).querySelectorAll("input[type=radio], input[type=checkbox]")];
      const chosen = choices[key.charCodeAt(0) - (key < "a" ? 49 : 97)];
      if (chosen && !chosen.disabled) chosen.click();
    } else return;
    event.preventDefault();
  });
  const tools = form.querySelector(".exam-tools");
  if (tools) {
    tools.hidden = false;
    let size = Number((local && local.getItem("exam:text-size")) || 0);
    const root = document.documentElement;
    const contrast = tools.querySelector("[data-contrast]");
    const one = tools.querySelector("[data-one]");
    const keep = (name, value) => { if (!local) return; if (value) local.setItem(name, value); else local.removeItem(name); };
    const apply = () => {
      root.dataset.textSize = String(size);
      keep("exam:text-size", String(size));
      contrast.setAttribute("aria-pressed", String(root.dataset.theme === "contrast"));
      one.setAttribute("aria-pressed", String(single));
      document.body.classList.toggle("one", single);
      form.querySelector(".exam-steps").hidden = !single;
      keep("exam:one", single ? "1" : "");
      place(at, false);
    };
    tools.addEventListener("click", (event) => {
      const tool = event.target.closest("button");
      if (!tool) return;
      if (tool.dataset.size) size = Math.max(-1, Math.min(3, size + Number(tool.dataset.size)));
      else if (tool === contrast) {
        const before = (local && local.getItem("exam:theme-before")) || "";
        if (root.dataset.theme !== "contrast") { keep("exam:theme-before", root.dataset.theme || ""); root.dataset.theme = "contrast"; }
        else if (before) root.dataset.theme = before;
        else delete root.dataset.theme;
        keep("theme", root.dataset.theme || "");
      } else if (tool === one) { single = !single; apply(); if (single) window.scrollTo(0, 0); else boxes[at].scrollIntoView({ block: "start" }); return; }
      apply();
    });
    apply();
  }
  const narrow = window.matchMedia("(max-width: 800px)");
  const mapBox = form.querySelector(".exam-map details");
  if (narrow.matches) mapBox.open = false;

  // --- events of the browser ----------------------------------------------------------------------------------------------

  window.addEventListener("online", () => { if (handingIn) handIn(); else if (epoch) send(); });
  window.addEventListener("offline", () => { failures = Math.max(failures, 1); show(); });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") beacon(); else if (epoch) send(); });
  window.addEventListener("pagehide", beacon);
  window.addEventListener("beforeunload", (event) => { if (!finished && pendingCount() && epoch && !readOnly) event.preventDefault(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  setInterval(tick, 250);
  tick();
  show();
  if (location.hash) goTo(location.hash);
  if (channel) { channel.postMessage({ me, hello: device }); setTimeout(() => open_(false), 120); } else open_(false);
})();
