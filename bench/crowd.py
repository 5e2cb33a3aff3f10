"""A hall full of candidates at once: sign in, start within ten seconds, answer everything with saves, hand in within ten
seconds. Every answer the server acknowledged is compared with the script that was marked.

Each candidate is a thread-free coroutine-like walk over one kept connection; a few threads drive them, so that the client
costs little beside the server. Loopback only; it ends by itself.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.client import Client, Wrong, token_in

DRIVERS = 16
SECONDS = 300
"""The most a run may take."""


@dataclass
class Candidate:
    """One person: what the server has acknowledged, and how long each step took."""

    port: int
    told: dict[str, Any]
    acknowledged: dict[str, Any] = field(default_factory=dict)
    waited: dict[str, list[float]] = field(default_factory=dict)
    error: str = ""

    def timed(self, step: str, ask: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        try:
            return ask()
        finally:
            self.waited.setdefault(step, []).append(time.perf_counter() - begun)

    def begin(self) -> None:
        """Start, and read the first page."""
        self.client = Client(self.port, self.told["cookie"])
        self.path = f"/exams/sittings/{self.told['sitting']}"
        token = token_in(self.client.get(f"{self.path}/start"))
        self.timed("start", lambda: self.client.form(f"{self.path}/start", {"csrf_token": token, "honour": "y"}, 302))
        self.token = token_in(self.timed("first page", lambda: self.client.get(self.path)))
        device = f"crowd-device-{self.told['sitting']}"
        self.epoch = self.client.json(f"{self.path}/open", {"device": device, "token": self.token})["epoch"]

    def answers(self) -> Iterator[None]:
        """Each question once, one save an answer; every fifth is changed once more."""
        for n, (place, answer) in enumerate(sorted(self.told["right"].items(), key=lambda one: int(one[0]))):
            for counter in (1, 2) if n % 5 == 0 else (1,):
                step = {"question": int(place), "counter": counter, "answer": answer, "at_ms": 1000 * n}
                body = {"token": self.token, "epoch": self.epoch, "steps": [step]}
                reply = self.timed("save", lambda body=body: self.client.json(f"{self.path}/answers", body))
                if reply["saved"].get(place) != counter:
                    raise Wrong(f"question {place} was not acknowledged: {reply}")
                self.acknowledged[place] = answer
                yield

    def hand_in(self) -> None:
        body = {"token": self.token, "epoch": self.epoch, "steps": []}
        reply = self.timed("hand in", lambda: self.client.json(f"{self.path}/hand-in", body))
        if reply["state"] not in ("submitted", "marked"):
            raise Wrong(f"hand-in: {reply}")


def each(
    candidates: list[Candidate], do: Callable[[Candidate], None], within: float = 0.0, drivers: int = DRIVERS
) -> float:
    """Do something for every candidate, begun evenly within some seconds by a few threads; the seconds it took in all."""
    begun = time.perf_counter()
    turns = iter(list(enumerate(candidates)))
    lock = threading.Lock()

    def drive() -> None:
        while time.perf_counter() - begun < SECONDS:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            n, one = turn
            time.sleep(max(0.0, begun + within * n / len(candidates) - time.perf_counter()))
            if one.error:
                continue
            try:
                do(one)
            except Exception as wrong:
                one.error = f"{type(wrong).__name__}: {wrong}"

    threads = [threading.Thread(target=drive) for _ in range(drivers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def _answer_all(one: Candidate) -> None:
    for _ in one.answers():
        pass


def run(port: int, told: list[dict[str, Any]], cpu_ms: Callable[[], float]) -> dict[str, Any]:
    """The whole exam of a crowd; figures, and the acknowledged answers by sitting."""
    crowd = [Candidate(port, one) for one in told]
    begun_cpu = cpu_ms()
    at_once = each(crowd, Candidate.begin, drivers=min(len(crowd), 100))  # everybody at the same moment
    before = cpu_ms()
    answering = each(crowd, _answer_all)
    saves = sum(len(one.waited.get("save", [])) for one in crowd)
    per_save = (cpu_ms() - before) / max(1, saves)
    each(crowd, Candidate.hand_in, within=10)
    waited = {
        step: sorted(seconds for one in crowd for seconds in one.waited.get(step, []))
        for step in ("start", "first page", "save", "hand in")
    }
    return {
        "people": len(crowd),
        "at_once_s": at_once,
        "saves": saves,
        "saves_per_s": saves / answering if answering else 0,
        "save_cpu_ms": per_save,
        "cpu_ms_each": (cpu_ms() - begun_cpu) / max(1, len(crowd)),
        "waited_ms": {
            step: {"median": statistics.median(times) * 1000, "p95": times[int(len(times) * 0.95)] * 1000, "p99": times[int(len(times) * 0.99)] * 1000}
            for step, times in waited.items() if times
        },
        "errors": [f"sitting {one.told['sitting']}: {one.error}" for one in crowd if one.error],
        "acknowledged": {str(one.told["sitting"]): one.acknowledged for one in crowd},
    }  # fmt: skip
