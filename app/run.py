"""``python -m app.run``: migrate, load what is shipped, start web and worker together, end both with Ctrl-C.

``make run`` calls it with APP_MODE=demo. In production start the two programs by a service manager (docs/operations.md).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

from alembic import command

from app import create_app
from app.core.cli import alembic
from app.core.frame import compile_templates
from app.core.start import load_shipped
from config import HalfSet, from_env

BIN = Path(sys.executable).parent
SLIM = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "PYTHONOPTIMIZE": "2", "PYTHONNODEBUGRANGES": "1"}
"""glibc keeps memory apart for each thread; two shares are enough and save a quarter of a web process. What a password
hash takes (19 MiB) goes back to the system at once instead of staying with the process. The texts that describe functions
are 6 MB which no page shows: they are left out (``PYTHONOPTIMIZE``); nothing may rest on them, nor on ``assert``. Where in its
line an instruction stands is another megabyte; a trace tells the line without it."""


def prepare() -> int:
    """Bring the database up to date; the port. Runs in a process of its own, so that web and worker start slim."""
    config = from_env()
    app = create_app(config)
    compile_templates(app)
    with app.app_context():
        command.upgrade(alembic(), "head")
        load_shipped()
        if config.demo:
            from app.demo.service import load_if_empty

            load_if_empty()
            _make_keys()
    return config.PORT


def _make_keys() -> None:
    """The demonstration's own trial keys, where they are missing; it says so."""
    from app.certification import keyring
    from app.core import clock
    from app.db import unit_of_work

    with unit_of_work():
        keyring.make_missing(clock.now())
        count = len(keyring.keys_of())
    print(
        f"签发密钥 {count} 个：由试用根证书签发，只供演示  {count} signing keys of a trial authority, for demonstration alone"
    )


def commands(port: int, workers: int) -> dict[str, Sequence[str]]:
    """The two programs."""
    return {
        "web": [
            str(BIN / "granian"), "--interface", "wsgi", "--factory", "app:create_app", "--host", "127.0.0.1",
            "--port", str(port), "--workers", str(workers), "--blocking-threads", "4", "--no-ws", "--log-level", "warning",
        ],
        "worker": [str(BIN / "huey_consumer"), "app.jobs.worker.huey", "-w", "3", "-q"],
    }  # fmt: skip


def main() -> int:
    try:
        config = from_env()
    except HalfSet as stopped:
        print(stopped, file=sys.stderr)
        return 2
    done = subprocess.run([sys.executable, "-c", "from app.run import prepare; prepare()"])
    if done.returncode:
        return done.returncode
    logs = config.INSTANCE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    running = {
        name: subprocess.Popen(
            line,
            env={**SLIM, **os.environ},
            start_new_session=True,
            stdout=(logs / f"{name}.log").open("a"),
            stderr=subprocess.STDOUT,
        )
        for name, line in commands(config.PORT, int(os.environ.get("WEB_WORKERS", "2"))).items()
    }
    asked_to_stop = []
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: asked_to_stop.append(True))
    try:
        _announce(config)
        while not asked_to_stop and all(process.poll() is None for process in running.values()):
            time.sleep(0.2)
    finally:
        for process in running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM if process is running["web"] else signal.SIGINT)
        for process in running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    return 0 if asked_to_stop else 1


def _announce(config: object) -> None:
    """Wait until the site answers, then say where it is and who can sign in."""
    url = f"http://127.0.0.1:{config.PORT}"  # type: ignore[attr-defined]
    for _ in range(150):
        try:
            urlopen(f"{url}/healthz", timeout=2).close()  # noqa: S310 - our own address
            break
        except OSError:
            time.sleep(0.1)
    print(f"\n技术经理人培训认证平台  {url}\n")
    if config.demo:  # type: ignore[attr-defined]
        from app.demo.accounts import ACCOUNTS, PASSWORD

        print(f"演示账号 demonstration accounts (密码 password: {PASSWORD})")
        for account in ACCOUNTS:
            print(f"  {account.email:<32} {account.role_zh}  {account.role_en}")
    print(f"\n日志 logs: {config.INSTANCE / 'logs'}\nCtrl-C 停止 stops web and worker.", flush=True)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
