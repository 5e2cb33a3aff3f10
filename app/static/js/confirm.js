// Asks before a form with data-confirm (on the form or on the pressed button) is sent. Without script it is sent as it is.
(() => {
  const dialog = document.getElementById("confirm-dialog");
  if (!dialog || !dialog.showModal) return;
  const words = dialog.querySelector("#confirm-words");
  const yes = dialog.querySelector('[value="yes"]');
  const no = dialog.querySelector('[value="no"]');
  let waiting = null;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    const question = (button && button.dataset.confirm) || form.dataset.confirm;
    if (!question || form.dataset.confirmed) { delete form.dataset.confirmed; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = { form, button };
    words.textContent = question;
    yes.textContent = (button && button.textContent.trim()) || yes.textContent;
    dialog.showModal();
    no.focus();
  }, true);
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    const { form, button } = waiting;
    dialog.close();
    form.dataset.confirmed = "yes";
    form.requestSubmit(button && button.form === form ? button : undefined);
  });
})();
