"""A browser reduced to what is measured: one kept connection, cookies, plain requests."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any
from urllib.parse import urlencode

HASH = "X-Hash-Ms"
"""What the password hash of a request cost, in CPU milliseconds; see bench.served."""
hashes: list[float] = []
"""Of all requests since it was last emptied."""


class Wrong(Exception):
    """An answer that is not the right one: an error of the product, not a sample."""


class Client:
    def __init__(self, port: int, cookie: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies = {"ttm": cookie} if cookie else {}

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, str]:
        headers = {"Accept-Language": "zh-CN", "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if kind:
            headers["Content-Type"] = kind
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # Idle for half a minute the server closes a kept connection; like a browser, ask again on a new one.
            self.connection.close()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        text = answer.read().decode(errors="replace")  # a sheet or a picture is read as well
        if HASH in answer.headers:
            hashes.append(float(answer.headers[HASH]))
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";", 1)[0].partition("=")
            self.cookies[name] = value
        return answer.status, text

    def get(self, path: str, holds: str = "", status: int = 200) -> str:
        got, text = self.ask("GET", path)
        if got != status or holds not in text:
            raise Wrong(f"GET {path}: {got}, {text[:200]!r}")
        return text

    def form(self, path: str, fields: dict[str, Any], status: int, holds: str = "") -> str:
        got, text = self.ask("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")
        if got != status or holds not in text:
            raise Wrong(f"POST {path}: {got} instead of {status}, {text[:200]!r}")
        return text

    def json(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        got, text = self.ask("POST", path, json.dumps(body).encode(), "application/json")
        if got != 200:
            raise Wrong(f"POST {path}: {got}, {text[:200]!r}")
        return json.loads(text)


def token_in(page: str) -> str:
    """The form token of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', page)
    if not found:
        raise Wrong("a form without token")
    return found[1]
