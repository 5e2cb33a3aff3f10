"""Makes ``four-stages.webm``: ``python app/demo/film/make.py [CHROMIUM]``. Ours from the first pixel: Chromium (of the tests)
draws and compresses each picture (WebCodecs, VP8), and the container (WebM, RFC 9559) is written here, with length and cues,
so that browsers can seek. The film is silent; its words stand in the subtitles beside it.
"""

from __future__ import annotations

import base64
import http.server
import struct
import sys
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WIDTH, HEIGHT, RATE, SECONDS = 640, 360, 4, 60
EVERY = 12
"""Seconds between pictures that stand by themselves."""

DRAW = """
async ([width, height, rate, seconds, every]) => {
  const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d"), made = [];
  const stages = [["培训", "Training", "#2f6fb3"], ["考试", "Exam", "#6a4fa3"], ["实操", "Practice", "#176b6f"], ["绩效", "Performance", "#8f580b"]];
  const x = (n) => 100 + n * 146, y = 190;
  const words = (text, left, top, size, colour, weight = 400) => {
    pen.font = `${weight} ${size}px sans-serif`; pen.fillStyle = colour; pen.textAlign = "center"; pen.fillText(text, left, top);
  };
  const picture = (t) => {
    pen.fillStyle = "#f6f7f9"; pen.fillRect(0, 0, width, height);
    pen.fillStyle = "#1f3a68"; pen.fillRect(0, 0, width, 8);
    if (t < 6) {
      words("四个阶段，一条路径", width / 2, 165, 40, "#1f3a68", 700);
      words("Four stages, one path", width / 2, 212, 22, "#55607a");
      return;
    }
    if (t >= 54) {
      words("每一步都有记录，每一分都有依据", width / 2, 170, 32, "#1f3a68", 700);
      words("Every step on record, every point with its reason", width / 2, 212, 18, "#55607a");
      return;
    }
    const along = Math.min(1, (t - 6) / 48), at = along * 4, now = Math.min(3, Math.floor(at));
    pen.lineWidth = 6; pen.lineCap = "round";
    pen.strokeStyle = "#dfe3ea"; pen.beginPath(); pen.moveTo(x(0), y); pen.lineTo(x(3), y); pen.stroke();
    const head = x(0) + (x(3) - x(0)) * Math.min(1, at / 3.4);
    pen.strokeStyle = "#1f3a68"; pen.beginPath(); pen.moveTo(x(0), y); pen.lineTo(head, y); pen.stroke();
    stages.forEach(([zh, en, colour], n) => {
      const reached = head >= x(n) - 1;
      pen.beginPath(); pen.arc(x(n), y, n === now ? 44 : 36, 0, 7); pen.fillStyle = reached ? colour : "#ffffff"; pen.fill();
      pen.lineWidth = 3; pen.strokeStyle = colour; pen.stroke();
      words(zh, x(n), y + 8, 24, reached ? "#ffffff" : colour, 700);
      words(en, x(n), y + 76, 17, "#55607a");
    });
    words(`${now + 1} / 4`, width / 2, 70, 26, "#1d2433", 700);
  };
  let failed = null, config = null;
  const encoder = new VideoEncoder({
    output: (chunk) => { const data = new Uint8Array(chunk.byteLength); chunk.copyTo(data);
      made.push([chunk.timestamp / 1000, chunk.type === "key", btoa(String.fromCharCode(...data))]); },
    error: (fault) => { failed = String(fault); },
  });
  encoder.configure({ codec: "vp8", width, height, bitrate: 9000, framerate: rate, latencyMode: "quality" });
  for (let n = 0; n < seconds * rate; n++) {
    picture(n / rate);
    const frame = new VideoFrame(canvas, { timestamp: (n * 1e6) / rate, duration: 1e6 / rate });
    encoder.encode(frame, { keyFrame: n % (every * rate) === 0 });
    frame.close();
    if (encoder.encodeQueueSize > 8) await encoder.flush();
  }
  await encoder.flush();
  if (failed) throw new Error(failed);
  return made;
}
"""


def element(name: int, body: bytes) -> bytes:
    length = (0x80 | len(body)).to_bytes(1, "big") if len(body) < 127 else (1 << 56 | len(body)).to_bytes(8, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + length + body


def number(name: int, value: int) -> bytes:
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def webm(pictures: list[tuple[int, bool, bytes]]) -> bytes:
    """(milliseconds, stands by itself, data) as a file: head, cues, then a cluster for each picture that stands by itself."""
    head = element(
        0x1A45DFA3,
        number(0x4286, 1) + number(0x42F7, 1) + number(0x42F2, 4) + number(0x42F3, 8) + element(0x4282, b"webm")
        + number(0x4287, 2) + number(0x4285, 2),
    )  # fmt: skip
    info = element(
        0x1549A966,
        number(0x2AD7B1, 1_000_000) + element(0x4489, struct.pack(">d", SECONDS * 1000))
        + element(0x4D80, b"ttm") + element(0x5741, b"ttm"),
    )  # fmt: skip
    video = element(0xE0, number(0xB0, WIDTH) + number(0xBA, HEIGHT))
    track = element(
        0x1654AE6B,
        element(0xAE, number(0xD7, 1) + number(0x73C5, 1) + number(0x83, 1) + number(0x9C, 0) + element(0x86, b"V_VP8")
                + number(0x23E383, 1_000_000_000 // RATE) + video),
    )  # fmt: skip
    clusters: list[tuple[int, bytes]] = []
    for at, alone, data in pictures:
        if alone:
            clusters.append((at, number(0xE7, at)))
        began, body = clusters[-1]
        block = b"\x81" + struct.pack(">h", at - began) + (b"\x80" if alone else b"\x00") + data
        clusters[-1] = began, body + element(0xA3, block)
    made = [(began, element(0x1F43B675, body)) for began, body in clusters]

    def cues(first: int) -> bytes:
        points, at = b"", first
        for began, cluster in made:
            place = element(0xB7, number(0xF7, 1) + element(0xF1, at.to_bytes(4, "big")))
            points += element(0xBB, element(0xB3, began.to_bytes(4, "big")) + place)
            at += len(cluster)
        return element(0x1C53BB6B, points)

    before = len(info) + len(track)
    index = cues(before + len(cues(0)))
    return head + element(0x18538067, info + track + index + b"".join(cluster for _began, cluster in made))


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>film</title>")

    def log_message(self, *more: Any) -> None:
        pass


def drawn(browser: str) -> list[tuple[int, bool, bytes]]:
    from playwright.sync_api import sync_playwright

    server = http.server.HTTPServer(("127.0.0.1", 0), Quiet)  # the encoder wants a page of a trusted origin
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
        one = play.chromium.launch(executable_path=browser, args=flags)
        page = one.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        found = page.evaluate(DRAW, [WIDTH, HEIGHT, RATE, SECONDS, EVERY])
        one.close()
    server.shutdown()
    return [(int(at), alone, base64.b64decode(data)) for at, alone, data in found]


if __name__ == "__main__":
    film = webm(drawn(sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/chromium"))
    (HERE / "four-stages.webm").write_bytes(film)
    print(f"{len(film)} bytes")
