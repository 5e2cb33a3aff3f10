"""Databases and servers of a measurement, and what they cost, read from /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")


def cpu_ms(pids: list[int]) -> float:
    """User and system time of processes so far, in milliseconds."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total * 1000 / TICK


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def processes() -> Iterator[tuple[int, int, str]]:
    """Number, process group and command line of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                yield int(entry.name), int(stat[2]), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()


class Served:
    """A running server: its address, its processes, the database backends that work for it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, database: str | None) -> None:
        self.process, self.url, self.database = process, url, database
        self.port = int(url.rsplit(":", 1)[1])

    def pids(self) -> list[int]:
        return [
            pid
            for pid, group, line in processes()
            if group == self.process.pid or (self.database and line.startswith("postgres:") and self.database in line)
        ]

    def cpu_ms(self) -> float:
        return cpu_ms(self.pids())

    def largest_mb(self) -> float:
        """Resident memory of the largest web process (the server's own parent process does not serve)."""
        return max(rss_mb(pid) for pid, group, _ in processes() if group == self.process.pid)


def environment(url: str, instance: Path) -> dict[str, str]:
    """Settings as in production, in a folder of their own. A second start finds the modules compiled, as on any machine: where
    Python is told to write nothing down (``PYTHONDONTWRITEBYTECODE``) a start costs nearly twice as much."""
    from app.run import SLIM

    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**SLIM, **inherited, "APP_MODE": "demo", "DATABASE_URL": url, "INSTANCE": str(instance), "LOG_LEVEL": "ERROR",
            "STORAGE_URL": str(instance / "files"), "PYTHONPYCACHEPREFIX": str(instance / "bytecode")}  # fmt: skip


@contextmanager
def serve(factory: str, environ: Mapping[str, str], database: str | None) -> Iterator[tuple[Served, float]]:
    """Start granian as in production (two workers) on a free port; the server, and the seconds until it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", factory, "--host", "127.0.0.1", "--port",
         str(port), "--workers", "2", "--blocking-threads", "4", "--no-ws", "--log-level", "error"],
        cwd=ROOT, env={**environ, "PORT": str(port)}, start_new_session=True,
    )  # fmt: skip
    try:
        while True:
            if process.poll() is not None or time.perf_counter() - begun > 60:
                raise RuntimeError(f"{factory} did not start")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=5):
                break
            time.sleep(0.05)
        yield Served(process, url, database), time.perf_counter() - begun
    finally:
        _end(process, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sign)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def worker_mb(environ: Mapping[str, str], seconds: float = 8) -> float:
    """Resident memory of a background worker a few seconds after its start."""
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "huey_consumer"), "app.jobs.worker.huey", "-w", "3", "-q"],
        cwd=ROOT, env=dict(environ), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(seconds)
        if process.poll() is not None:
            raise RuntimeError("the worker did not start")
        return max(rss_mb(pid) for pid, group, _ in processes() if group == process.pid)
    finally:
        _end(process, signal.SIGINT)


def load_demonstration(environ: Mapping[str, str]) -> None:
    """Bring the database up to date and load the demonstration through the services."""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from app.run import prepare; prepare()"],
        cwd=ROOT, env=dict(environ), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def fill(environ: Mapping[str, str], instance: Path, candidates: int, short: int = 40) -> dict[str, Any]:
    """``short``: how many of the candidates also sit an exam of fifty questions."""
    out = instance / "told.json"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.fill", str(out), str(candidates), str(min(short, candidates))],
        cwd=ROOT,
        env=dict(environ),
        check=True,
    )
    return json.loads(out.read_text())


def marks(environ: Mapping[str, str], sittings: list[int]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.fill", "--check", *map(str, sittings)],
        cwd=ROOT, env=dict(environ), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def compare(environ: Mapping[str, str], instance: Path, acknowledged: Mapping[str, Any]) -> dict[str, Any]:
    """What clients were told against what was marked: ``lost``."""
    told = instance / "acknowledged.json"
    told.write_text(json.dumps(acknowledged))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.fill", "--compare", str(told)],
        cwd=ROOT, env=dict(environ), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


BY_QUESTION, BY_SITTING = ("sitting_step", "mark", "marking_task"), ("sitting_event", "sitting_signal")
"""Tables of sittings with their indexes: those that grow with the questions, and those that do not."""


def stored(url: str) -> dict[str, float] | None:
    """Kilobytes of the tables of sittings (PostgreSQL can tell), and of one row of ``sitting``, its paper with it."""
    if not url.startswith("postgresql"):
        return None
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.connect() as connection:
        size = "SELECT pg_total_relation_size(:name) / 1024.0"
        found = {name: float(connection.scalar(text(size), {"name": name})) for name in (*BY_QUESTION, *BY_SITTING)}
        rows = connection.scalar(text("SELECT count(*) FROM sitting")) or 1
        found["sitting"] = float(connection.scalar(text(size), {"name": "sitting"})) / rows
    engine.dispose()
    return found


def kb_each(before: dict[str, float], after: dict[str, float], people: int, share: float = 1.0) -> float:
    """What one of these people has added, and the paper; ``share``: for a paper of so much of the questions."""
    added = {name: (after[name] - before[name]) / people for name in (*BY_QUESTION, *BY_SITTING)}
    grows = after["sitting"] + sum(added[name] for name in BY_QUESTION)
    return share * grows + sum(added[name] for name in BY_SITTING)


@contextmanager
def database(kind: str, instance: Path) -> Iterator[tuple[str, str | None]]:
    """Address and (PostgreSQL) name of a database of its own, dropped at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{instance / 'bench.sqlite3'}", None
        return
    from sqlalchemy import create_engine, text

    from tests.conftest import POSTGRES

    name = f"ttm_bench_{os.getpid()}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False), name
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()
