"""The offline verifier for files of strangers: in a process of its own, with bounds on time and memory.

Whoever reads PDF files of unknown make must expect some that take all memory, never end, or bring the reader down. So
they are read by a short-lived process that has no secrets in its environment, cannot write files, and is ended when it
takes too long. What it could not read to the end is reported as such (``CannotRead``).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from certificates.trust import Trust

MEMORY = 1024 * 1024 * 1024  # bytes of address space; an ordinary file takes about 300 MB of it, 90 MB resident
SECONDS = 20  # of processor time
PATIENCE = 30.0  # seconds by the wall
ROOT = Path(__file__).resolve().parent.parent


class CannotRead(RuntimeError):
    """The file took too long or too much memory, or ended its reader. ``code``: ``time`` or ``ended``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def limit_this_process() -> None:
    """Take the limits on before anything of the file is read. No file can be written, no core is left."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))


def verify_apart(
    data: bytes, now: datetime, trust: Trust, lists: Sequence[bytes] = (), *, patience: float = PATIENCE
) -> dict[str, Any]:
    """The report of :func:`certificates.verify.as_data`, made in a process apart. Raises ``CannotRead``."""
    with tempfile.TemporaryDirectory(prefix="ttm-verify-") as folder:
        keys = Path(folder, "keys.json")
        keys.write_text(trust.as_json(), encoding="utf-8")
        command = [sys.executable, "-m", "certificates", "verify", "-", "--bounded", "--json", "--trust", str(keys)]
        command += ["--at", now.isoformat()]
        for n, one in enumerate(lists):
            path = Path(folder, f"list-{n}.json")
            path.write_bytes(one)
            command += ["--status", str(path)]
        environ = {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", "HOME": folder}
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, cwd=ROOT, env=environ, timeout=patience, check=False
            )
        except subprocess.TimeoutExpired:
            raise CannotRead("time") from None
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise CannotRead("ended") from None
