// Notes which parts of a film are really played, and tells the server all of them again and again: what a lost report held
// stands in the next one. The server unites them and never believes more than time allows.
(() => {
  const box = document.querySelector("[data-film]");
  if (!box || !box.dataset.film) return;
  const film = box.querySelector("video"), side = document.querySelector("[data-watched]");
  const bar = side.querySelector("progress"), minutes = side.querySelector("[data-minutes]"), said = side.querySelector("[data-said]");
  const speed = box.querySelector("[data-speed]"), length = Number(box.dataset.length), fastest = 2;
  let spans = [], from = null, last = 0, at = 0, told = "", busy = false, again = 0;

  const unite = () => {
    spans.sort((a, b) => a[0] - b[0]);
    const made = [];
    for (const [start, end] of spans) {
      const before = made[made.length - 1];
      if (before && start <= before[1] + 0.05) before[1] = Math.max(before[1], end); else made.push([start, end]);
    }
    spans = made;
  };
  const round = (seconds) => Math.round(seconds * 100) / 100;
  const close = () => {
    if (from !== null && last > from) { spans.push([round(from), round(last)]); unite(); }
    from = null;
  };
  const open = () => { from = last = film.currentTime; at = performance.now(); };
  const covered = () => spans.reduce((sum, [start, end]) => sum + Math.min(end, length) - Math.min(start, length), 0);

  film.addEventListener("playing", () => { if (from === null && !film.seeking) open(); });
  film.addEventListener("timeupdate", () => {
    if (from === null || film.seeking) return;
    const moved = film.currentTime - last, wall = (performance.now() - at) / 1000;
    // A jump that no event announced: more film than time has passed.
    if (moved < 0 || moved > wall * Math.min(film.playbackRate, fastest) + 1) { close(); if (!film.paused) open(); return; }
    last = film.currentTime;
    at = performance.now();
  });
  film.addEventListener("seeking", close);
  film.addEventListener("seeked", () => { if (!film.paused) open(); });
  film.addEventListener("pause", () => { if (!film.seeking && from !== null) last = Math.max(last, Math.min(film.currentTime, last + 1)); close(); report(); });
  film.addEventListener("ended", () => { close(); report(); });
  film.addEventListener("ratechange", () => { if (film.playbackRate > fastest) film.playbackRate = fastest; });
  speed.addEventListener("change", () => { film.playbackRate = Number(speed.value); });
  film.addEventListener("loadedmetadata", () => {
    const start = Number(box.dataset.start);
    if (start > 2 && start < film.duration - 5) film.currentTime = start;
  }, { once: true });
  if (film.readyState >= 1) film.dispatchEvent(new Event("loadedmetadata"));

  async function report(leaving) {
    const playing = from !== null;
    if (playing) { close(); open(); }
    const body = JSON.stringify({ spans, position: Math.min(Math.floor(film.currentTime), length) });
    if ((body === told && !again) || (busy && !leaving)) return;
    busy = true;
    try {
      const answer = await fetch(box.dataset.film, {
        method: "POST", keepalive: Boolean(leaving), credentials: "same-origin",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": box.dataset.token }, body,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      told = body;
      bar.value = now.seconds;
      minutes.textContent = (now.seconds / 60).toLocaleString(undefined, { maximumFractionDigits: 1 });
      said.textContent = now.completed ? said.dataset.done : "";
      // The clock allowed less than was played: tell it again when more time has passed.
      again = now.seconds + 1 < Math.floor(covered()) ? again + 1 : 0;
      if (again && again < 20) setTimeout(() => report(), 5000);
    } catch {
      told = "";
      said.textContent = said.dataset.lost;
    }
    busy = false;
  }
  setInterval(() => report(), 15000);
  document.addEventListener("visibilitychange", () => { if (document.hidden) report(true); });
})();
