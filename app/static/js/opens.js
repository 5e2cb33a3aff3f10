// Counts down to the opening of an exam and then loads the page again. The server says how long it is; a wrong clock of the computer
// does no harm. A computer that slept asks again when it is looked at.
(() => {
  const box = document.querySelector("[data-opens-in]");
  if (!box) return;
  const clock = box.querySelector("[data-clock]");
  const begun = performance.now(), loaded = Date.now();
  const spread = Math.random() * 1500; // not everybody in the same instant
  let asked = false;
  const again = () => {
    if (asked) return;
    asked = true;
    location.reload();
  };
  const tick = () => {
    const left = Number(box.dataset.opensIn) - (performance.now() - begun);
    if (left + spread <= 0) return again();
    const seconds = Math.max(0, Math.ceil(left / 1000));
    if (clock && seconds < 24 * 3600) {
      const two = (n) => String(n).padStart(2, "0");
      clock.textContent = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
      clock.parentElement.hidden = false;
    }
    setTimeout(tick, Math.min(1000, Math.max(100, left + spread)));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() - loaded > 60_000) again();
  });
  tick();
})();
