// The bar over a list with boxes: counts what is chosen and names the effect on its buttons.
(() => {
  for (const form of document.querySelectorAll("form[data-bulk]")) {
    const boxes = [...document.querySelectorAll(`input[name="ids"][form="${form.id}"]`)];
    const all = [...document.querySelectorAll("[data-pick-all]")].find((one) => (one.dataset.pickAll || "bulk") === form.id);
    const whole = form.querySelector("[data-pick-whole]");
    const count = form.querySelector(".bulk-count");
    const buttons = [...form.querySelectorAll("button")];
    buttons.forEach((b) => { b.dataset.plain = b.textContent; });
    const show = () => {
      const here = boxes.filter((b) => b.checked).length;
      const n = whole && whole.checked ? Number(whole.dataset.pickWhole) : here;
      form.classList.toggle("chosen", n > 0);
      count.textContent = n ? count.dataset.some.replace("{n}", n) : count.dataset.none;
      buttons.forEach((b) => {
        b.disabled = n === 0;
        b.textContent = n && b.dataset.words ? b.dataset.words.replace("{n}", n) : b.dataset.plain;
      });
      if (all) { all.checked = here > 0 && here === boxes.length; all.indeterminate = here > 0 && here < boxes.length; }
    };
    boxes.forEach((b) => b.addEventListener("change", show));
    if (whole) whole.addEventListener("change", show);
    if (all) all.addEventListener("change", () => { boxes.forEach((b) => { b.checked = all.checked; }); show(); });
    show();
  }
})();
