// Watches a running job and shows how far it is; reloads the page once it has ended.
(() => {
  const panel = document.querySelector("[data-job]");
  if (!panel) return;
  const put = (name, value) => {
    const place = panel.querySelector(`[data-${name}]`);
    if (place && place.textContent !== String(value)) place.textContent = value;
  };
  let pause = 2000;
  const look = async () => {
    try {
      const answer = await fetch(panel.dataset.job, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const job = await answer.json();
      if (job.ended) { location.reload(); return; }
      const bar = panel.querySelector("progress");
      if (job.total) bar.max = job.total;
      if (job.total || job.finished) bar.value = job.finished;
      ["finished", "done", "refused", "left", "total"].forEach((name) => job[name] !== undefined && put(name, job[name]));
      pause = 2000;
    } catch {
      pause = Math.min(pause * 2, 30000);
    }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
