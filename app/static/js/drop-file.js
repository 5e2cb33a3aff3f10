// A certificate dropped on the box is checked at once; a file that is too large is not sent. Without script the field does it.
(() => {
  for (const form of document.querySelectorAll("[data-drop-file]")) {
    const input = form.querySelector("input[type=file]"), box = form.closest("section"), said = form.querySelector("[data-drop-status]");
    const fits = () => {
      const large = input.files.length && input.files[0].size > Number(form.dataset.most);
      said.textContent = large ? form.dataset.large : "";
      return !large;
    };
    const show = (on) => box.classList.toggle("dragging", on);
    box.addEventListener("dragover", (event) => { event.preventDefault(); show(true); });
    box.addEventListener("dragleave", () => show(false));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      show(false);
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      if (fits()) form.requestSubmit();
    });
    input.addEventListener("change", fits);
    form.addEventListener("submit", (event) => { if (!fits()) event.preventDefault(); });
  }
})();
