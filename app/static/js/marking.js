// Marking by keyboard: Enter to the next line, arrows by half a point, F for all points, Ctrl+Enter saves; the sum is shown.
(() => {
  const form = document.querySelector("form[data-marking]");
  if (!form) return;
  const fields = [...form.querySelectorAll("[data-points]")];
  const sum = form.querySelector("[data-sum]");
  const value = (field) => (field.value.trim() === "" ? NaN : Number(field.value));
  const show = () => {
    const given = fields.map(value).filter((one) => !Number.isNaN(one));
    if (sum) sum.textContent = given.length ? String(Math.round(given.reduce((a, b) => a + b, 0) * 100) / 100) : "—";
  };
  const put = (field, points) => {
    field.value = String(Math.min(Number(field.dataset.points), Math.max(0, points)));
    show();
  };
  form.addEventListener("input", show);
  form.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    const at = fields.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = value(event.target) || 0;
    if (event.key === "Enter") {
      event.preventDefault();
      (fields[at + 1] || form.querySelector("textarea") || form.querySelector("[type=submit]")).focus();
    } else if (event.key === "ArrowUp") {
      event.preventDefault();
      put(event.target, now + 0.5);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      put(event.target, now - 0.5);
    } else if (event.key === "f" || event.key === "F") {
      event.preventDefault();
      put(event.target, Number(event.target.dataset.points));
    }
  });
  show();
  const first = form.querySelector("[data-first]");
  if (first && window.matchMedia("(min-width: 1100px)").matches) first.focus({ preventScroll: true });
})();
