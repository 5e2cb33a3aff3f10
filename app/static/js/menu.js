// The folded menu at phone width; open menus close on Escape and on a click elsewhere; filters send themselves.
(() => {
  const opener = document.querySelector("[data-menu]");
  const menu = opener && document.getElementById(opener.getAttribute("aria-controls"));
  if (menu) {
    opener.addEventListener("click", () => {
      const open = menu.classList.toggle("open");
      opener.setAttribute("aria-expanded", String(open));
    });
  }
  const drops = [...document.querySelectorAll("details[data-drop]")];
  document.addEventListener("click", (event) => {
    drops.filter((d) => d.open && !d.contains(event.target)).forEach((d) => { d.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    drops.filter((d) => d.open).forEach((d) => { d.open = false; d.querySelector("summary").focus(); });
  });
  document.querySelectorAll("select[data-send]").forEach((choice) => {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  });
  // at phone width the pages of an area stand in one row that slides: the page one is on is in sight
  const here = document.querySelector(".area-list a[aria-current]");
  const row = here && here.closest("ul");
  if (row && row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - row.offsetLeft - 24;
  const errors = document.querySelector(".error-summary");
  if (errors) errors.focus();
})();
