// A button with data-copy="text" copies it and says so; without the right to the clipboard the text is selected instead.
(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const plain = button.textContent;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = button.dataset.copied || plain;
        setTimeout(() => { button.textContent = plain; }, 2500);
      } catch {
        const shown = document.getElementById(button.dataset.copyFrom || "");
        if (shown) window.getSelection().selectAllChildren(shown);
      }
    });
  }
})();
