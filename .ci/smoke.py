"""Sign in as a demonstration account, open the home page, verify one certificate of the demonstration data."""

from __future__ import annotations

import http.cookiejar
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

base = sys.argv[1]
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
browser = urllib.request.build_opener(jar)
browser.addheaders = [("Accept-Language", "zh-CN")]


def get(path: str, data: dict[str, str] | None = None) -> str:
    body = urllib.parse.urlencode(data).encode() if data else None
    with browser.open(base + path, body, timeout=20) as answer:
        return answer.read().decode()


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


for _ in range(600):
    try:
        get("/readyz")
        break
    except (urllib.error.URLError, ConnectionError):
        time.sleep(1)
else:
    sys.exit("the site did not start within ten minutes")

page = get("/sign-in")
home = get(
    "/sign-in", {"csrf_token": field(page, "csrf_token"), "email": "holder@demo.example", "password": "demo-2026-pass"}
)
assert "许文博" in home and "退出" in home, "signing in did not lead to a page of one's own"
number = re.search(r"TTM\d{15}[\dX]", get("/certificates"))
assert number, "the holder's page shows no certificate"
answer = get("/verify?" + urllib.parse.urlencode({"number": number[0], "name": "许文博"}))
assert number[0] in answer and "有效" in answer, "verification did not answer"
print(f"smoke: signed in, verified {number[0]}")
