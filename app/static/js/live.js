// Renews the part of the page marked data-live every five seconds, as long as the page is looked at.
(() => {
  const renew = async () => {
    if (document.visibilityState === "visible" && !document.querySelector("dialog[open]")) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Requested-With": "live" } });
        if (answer.ok && !answer.redirected) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
          const old = document.querySelector("[data-live]");
          if (fresh && old && !old.contains(document.activeElement)) old.replaceWith(fresh);
        }
      } catch { /* the next round tries again */ }
    }
    setTimeout(renew, 5000);
  };
  setTimeout(renew, 5000);
})();
