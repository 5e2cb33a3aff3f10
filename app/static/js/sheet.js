// "All present" for a period of the attendance sheet: fills what is still empty.
(() => {
  for (const button of document.querySelectorAll("[data-all]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const choice of document.querySelectorAll(`select[name^="a-${button.dataset.all}-"]`)) {
        if (!choice.value) choice.value = "present";
      }
    });
  }
})();
