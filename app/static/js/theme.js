// Light, dark, high contrast or as the device says; kept in this browser. Loaded before the page is painted.
(() => {
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("theme") || ""; } catch { return ""; } };
  const apply = (name) => { if (name) root.dataset.theme = name; else delete root.dataset.theme; };
  root.classList.add("js");
  apply(kept());
  document.addEventListener("DOMContentLoaded", () => {
    const buttons = document.querySelectorAll("[data-theme-set]");
    const show = () => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.themeSet === kept())));
    document.querySelectorAll("[data-theme-menu]").forEach((menu) => { menu.hidden = false; });
    buttons.forEach((button) => button.addEventListener("click", () => {
      try { localStorage.setItem("theme", button.dataset.themeSet); } catch { /* private window: this page only */ }
      apply(button.dataset.themeSet);
      show();
    }));
    show();
  });
})();
