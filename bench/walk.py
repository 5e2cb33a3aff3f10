"""``make bench ONLY=memory``: what a web process holds when every page has been opened by every role in both languages.

The demonstration is loaded through the services; then each of its accounts follows the links of the pages it sees, at most two
addresses of a kind and :data:`MOST` pages, in Chinese and in English, files and sheets included. An answer of 5xx is an error.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter, deque
from html import unescape
from pathlib import Path

from bench.client import Client
from bench.machine import Served, database, environment, load_demonstration, serve
from bench.scale import signed_in

MOST = 90
LEFT_OUT = ("sign-out", "/static", "/language")


def run(kind: str) -> tuple[list[str], list[str]]:
    """Lines of the table for one engine; the errors."""
    instance = Path(tempfile.mkdtemp(prefix="ttm-bench-"))
    errors: list[str] = []
    try:
        with database(kind, instance) as (url, name):
            environ = environment(url, instance)
            load_demonstration(environ)
            with serve("bench.served:site", environ, name) as (served, _):
                lines = _all_roles(kind, served, errors)
    finally:
        shutil.rmtree(instance, ignore_errors=True)
    return lines, errors


def _all_roles(kind: str, served: Served, errors: list[str]) -> list[str]:
    from app.demo.accounts import ACCOUNTS

    lines, pages = [f"{kind}: web process {served.largest_mb():.1f} MB at the start"], 0
    for account in ACCOUNTS:
        for language in ("zh", "en"):
            pages += _follow(signed_in(served.port, account.email), language, errors)
        lines.append(f"  {pages:5} pages, {account.email:28} {served.largest_mb():6.1f} MB")
    return lines


def _follow(client: Client, language: str, errors: list[str]) -> int:
    """Open what the pages link to, breadth first; how many pages."""
    client.ask("GET", f"/language/{language}?next=/")
    waiting, seen, kinds, opened = deque(["/"]), {"/"}, Counter[str](), 0
    while waiting and opened < MOST:
        path = waiting.popleft()
        status, text = client.ask("GET", path)
        opened += 1
        if status >= 500:
            errors.append(f"GET {path}: {status}")
        for link in map(unescape, re.findall(r'href="(/[^"#]*)"', text)):
            kind = re.sub(r"\d+|[A-Z0-9]{8,}", "N", link.split("?")[0])
            if link in seen or kinds[kind] >= 2 or any(part in link for part in LEFT_OUT):
                continue
            seen.add(link)
            kinds[kind] += 1
            waiting.append(link)
    return opened
