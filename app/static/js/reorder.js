// Puts lines into another order: by their buttons (which work without script too) or by dragging. What has moved is said.
// data-reorder="keep": sent with the form around it. data-reorder="save": sent at once.
(() => {
  for (const list of document.querySelectorAll("[data-reorder]")) {
    const form = list.closest("form"), said = form.querySelector("[data-reorder-said]");
    const items = () => [...list.querySelectorAll("[data-reorder-item]")];
    const save = async () => {
      if (list.dataset.reorder !== "save") return true;
      try {
        const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin", headers: { Accept: "application/json" } });
        return answer.ok;
      } catch { return false; }
    };
    const moved = async (item) => {
      const n = items().indexOf(item) + 1;
      const good = await save();
      said.textContent = good ? said.dataset.words.replace("{name}", item.dataset.name).replace("{n}", String(n)) : said.dataset.failed;
      said.classList.toggle("visually-hidden", good);
    };
    list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (!button) return;
      event.preventDefault();
      const item = button.closest("[data-reorder-item]");
      const other = button.dataset.move === "up" ? item.previousElementSibling : item.nextElementSibling;
      if (!other) return;
      if (button.dataset.move === "up") other.before(item); else other.after(item);
      button.focus();
      moved(item);
    });
    let held = null;
    for (const item of items()) {
      item.draggable = true;
      item.addEventListener("dragstart", (event) => {
        if (event.target !== item) return;
        held = item;
        item.classList.add("dragged");
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", item.dataset.name);
      });
      item.addEventListener("dragend", () => {
        item.classList.remove("dragged");
        if (held) moved(held);
        held = null;
      });
    }
    list.addEventListener("dragover", (event) => {
      if (!held) return;
      event.preventDefault();
      const over = event.target.closest("[data-reorder-item]");
      if (!over || over === held) return;
      const box = over.getBoundingClientRect();
      if (event.clientY < box.top + box.height / 2) over.before(held); else over.after(held);
    });
    list.addEventListener("drop", (event) => event.preventDefault());
  }
})();
