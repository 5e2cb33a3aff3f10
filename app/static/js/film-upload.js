// Sends a film piece by piece (tus 1.0): what has arrived stays when the line breaks or the page is closed, and the same
// file chosen again goes on from there. Without script the form sends the film whole.
(() => {
  const box = document.querySelector("[data-film-upload]");
  if (!box || !window.fetch || !window.crypto) return;
  const form = box.querySelector("form"), input = form.querySelector("input[type=file]"), token = form.querySelector("[name=film-upload]");
  const side = box.querySelector("[data-sending]"), bar = side.querySelector("progress"), said = side.querySelector("[data-said]"), hold = side.querySelector("[data-hold]");
  const LEAST = 256 * 1024, MOST = 8 * 1024 * 1024, TUS = { "Tus-Resumable": "1.0.0", "X-CSRFToken": box.dataset.token };
  const words = (name, values = {}) => Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), box.dataset[name]);
  const say = (text) => { said.textContent = text; };
  const mb = (bytes) => (bytes / 1048576).toLocaleString(undefined, { maximumFractionDigits: 1 });
  let stop = null, held = false, running = false;

  const hex = (buffer) => [...new Uint8Array(buffer)].map((n) => n.toString(16).padStart(2, "0")).join("");
  const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
  const sum = async (blob) => (crypto.subtle ? crypto.subtle.digest("SHA-256", await blob.arrayBuffer()) : null);
  // By its length, its first and last part the same file is known again, on whichever machine.
  const markOf = async (file) => {
    const found = await sum(new Blob([file.slice(0, LEAST), file.slice(-LEAST), String(file.size)]));
    return found ? hex(found) : `${file.size}-${file.lastModified}`;
  };
  class Refused extends Error {}
  const ask = async (url, method, headers, body) => {
    stop = new AbortController();
    const answer = await fetch(url, { method, headers: { ...TUS, Accept: "application/json", ...headers }, body, signal: stop.signal, credentials: "same-origin", redirect: "manual" });
    if (answer.ok || answer.status === 409 || answer.status === 460) return answer;
    if (answer.status >= 500 || answer.status === 0) throw new Error(String(answer.status));
    const told = await answer.json().catch(() => ({}));
    throw Object.assign(new Refused(told.error || words("refused")), { status: answer.status });
  };
  const offsetOf = async (url) => Number((await ask(url, "HEAD", {})).headers.get("Upload-Offset"));

  const begin = async (file) => {
    const mark = await markOf(file);
    const known = [...box.querySelectorAll("[data-arriving]")].find((one) => one.dataset.mark === mark && Number(one.dataset.size) === file.size);
    if (known) return known.dataset.arriving;
    const told = { filename: file.name, mark };
    const pairs = Object.entries(told).map(([key, value]) => `${key} ${base64(new TextEncoder().encode(value))}`).join(",");
    const answer = await ask(box.dataset.filmUpload, "POST", { "Upload-Length": String(file.size), "Upload-Metadata": pairs });
    return answer.headers.get("Location");
  };

  // Waits longer after each failure; a line that is back is used at once, and so is the button.
  const pause = (wait) => new Promise((go) => {
    const on = () => { clearTimeout(timer); window.removeEventListener("online", on); hold.removeEventListener("click", on); go(); };
    const timer = setTimeout(on, wait);
    window.addEventListener("online", on);
    hold.addEventListener("click", on);
  });
  const released = () => new Promise((go) => {
    const on = () => { if (!held) { hold.removeEventListener("click", on); go(); } };
    hold.addEventListener("click", on);
  });

  async function send(file) {
    let url = null, at = null, size = 1024 * 1024, wait = 1000;
    for (;;) {
      if (held) { say(words("held", { done: mb(at || 0), all: mb(file.size) })); await released(); }
      try {
        url = url || await begin(file);
        if (at === null) at = await offsetOf(url);
        bar.value = at / file.size;
        say(words("sent", { done: mb(at), all: mb(file.size) }));
        if (at >= file.size) return url;
        const piece = file.slice(at, at + size), digest = await sum(piece), begun = performance.now();
        const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(at) };
        if (digest) headers["Upload-Checksum"] = `sha256 ${base64(new Uint8Array(digest))}`;
        const answer = await ask(url, "PATCH", headers, piece);
        at = answer.ok ? Number(answer.headers.get("Upload-Offset")) : null;
        if (answer.ok) wait = 1000;
        if (performance.now() - begun < 4000) size = Math.min(MOST, size * 2);
      } catch (error) {
        if (error instanceof Refused && error.status === 404 && url) { url = null; at = null; box.querySelectorAll("[data-arriving]").forEach((one) => delete one.dataset.mark); continue; }
        if (error instanceof Refused) throw error;
        at = null;
        size = Math.max(LEAST, size / 4);
        if (held) continue;
        say(words("lost"));
        await pause(wait);
        wait = Math.min(60000, wait * 2);
      }
    }
  }

  form.addEventListener("submit", async (event) => {
    const file = input.files[0];
    if (!file || token.value) return;
    event.preventDefault();
    if (running) return;
    if (file.size > Number(box.dataset.most)) { side.hidden = false; say(words("large")); return; }
    running = true;
    side.hidden = false;
    input.disabled = true;
    window.addEventListener("beforeunload", leaving);
    try {
      const url = await send(file);
      token.value = url.split("/").pop();
      say(words("checked"));
      window.removeEventListener("beforeunload", leaving);
      form.submit();
    } catch (error) {
      say(error.message);
      input.disabled = false;
      window.removeEventListener("beforeunload", leaving);
    }
    running = false;
  });
  const leaving = (event) => event.preventDefault();
  hold.addEventListener("click", () => {
    held = !held;
    hold.textContent = words(held ? "goOn" : "holdOn");
    if (held && stop) stop.abort();
  });
  for (const button of box.querySelectorAll("[data-discard]")) {
    button.addEventListener("click", async () => {
      const line = button.closest("[data-arriving]");
      try { await ask(line.dataset.arriving, "DELETE", {}); line.remove(); } catch (error) { button.textContent = error instanceof Refused ? error.message : words("lost"); }
    });
  }
})();
