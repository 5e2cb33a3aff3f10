// Tells the server the key of Safe Exam Browser's settings, where the browser tells it to the page, and loads the page anew.
(() => {
  const box = document.getElementById("seb");
  const browser = window.SafeExamBrowser;
  if (!box || !browser || !browser.security) return;
  const prove = async () => {
    const key = browser.security.configKey;
    if (!key) return;
    try {
      const answer = await fetch(box.dataset.prove, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify({ token: box.dataset.token, seb: key }) });
      if (answer.ok) location.reload();
      else document.getElementById("seb-failed").hidden = false;
    } catch { setTimeout(prove, 5000); }
  };
  if (browser.security.configKey) prove();
  else if (browser.security.updateKeys) browser.security.updateKeys(prove);
})();
