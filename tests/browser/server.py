"""A real server on a free port with a database of its own, for tests that drive a browser."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
MODE = "demo"
"""The demonstration's settings: secrets of its own, no second factor, a clock that moves."""


@dataclass
class Server:
    """Where it answers, and the same application in this process (for factories and services)."""

    url: str
    app: Flask
    instance: Path
    launch: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the web process (again) and wait until it answers."""
        self.process = self.launch()
        _wait_for(self.url, self.process)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End every process of the server; with SIGKILL as a power failure would."""
        assert self.process is not None
        for last in (sign, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, last)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=15)
                return

    def do(self, work: Callable[[], Any]) -> Any:
        """Run something in an application context of its own, in a thread: Playwright's loop holds this one."""

        def inside() -> Any:
            with self.app.app_context():
                return work()

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(inside).result()

    def cookie_for(self, person: Any) -> dict[str, Any]:
        """A cookie for Playwright with which the person is signed in."""
        from app.accounts.models import SignIn
        from app.core import clock, crypto
        from app.db import db, unit_of_work

        person_id, token, now = person.id, crypto.token(), clock.now()
        with unit_of_work():
            db.session.add(
                SignIn(person_id=person_id, token_hash=crypto.token_hash(token), created_at=now, seen_at=now,
                       second_factor_at=now)
            )  # fmt: skip
        signer = self.app.session_interface.get_signing_serializer(self.app)
        value = signer.dumps({"_user_id": token, "_fresh": True, "_permanent": True})
        return {"name": self.app.config["SESSION_COOKIE_NAME"], "value": value, "url": self.url}


PORTS = range(20_000, 30_000)
"""Below those which the system gives to outgoing connections: one of these is not taken between the look and the start."""


def free_port() -> int:
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


@contextmanager
def running(instance: Path, **environ: str) -> Iterator[Server]:
    """Make tables and shipped data, start the server of production on a free port, stop it at the end."""
    from app import create_app
    from app.core.start import load_shipped
    from app.db import Model, db
    from app.run import SLIM
    from config import from_env

    port = free_port()
    settings = {"APP_MODE": MODE, "INSTANCE": str(instance), "PORT": str(port), **environ}
    app = create_app(from_env(settings))
    url = f"http://127.0.0.1:{port}"
    with app.app_context():
        Model.metadata.create_all(db.engine)
        load_shipped()
        db.session.remove() if hasattr(db.session, "remove") else db.session.close()
    log = (instance / "server.log").open("wb")

    def launch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "app:create_app", "--host", "127.0.0.1",
             "--port", str(port), "--workers", "1", "--no-ws"],
            cwd=ROOT, env={**SLIM, **os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    served = Server(url, app, instance, launch)
    try:
        served.start()
        with app.app_context():
            yield served
            db.session.close()
            db.engine.dispose()
    finally:
        served.end()
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("the server did not start; see server.log")
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")
