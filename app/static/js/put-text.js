// A button with data-put writes its words into the field of that name.
(() => {
  for (const button of document.querySelectorAll("[data-put]")) {
    button.addEventListener("click", () => {
      const field = document.querySelector(`[name="${button.dataset.put}"]`);
      if (field) { field.value = button.textContent.trim(); field.focus(); }
    });
  }
})();
