"""Every page that needs no number in its address, as every role, wide and narrow, in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.accounts.guard import PUBLIC, SIGNED_IN, access_of
from app.core.permissions import Role, Scope
from tests.browser.server import Server
from tests.factories import people

NOT_PAGES = {"/me/photo", "/metrics", "/healthz", "/readyz", "/favicon.ico", "/office/certificates/download.zip"}
WIDTHS = (1280, 390)
LOOKED_AT: set[tuple[str, int]] = set()
"""Pages whose accessibility was checked and picture taken: once per page and width, by the first role that may enter."""
RAW = re.compile(r"<built-in|<bound method|object at 0x|\bundefined\b|%\(\w+\)s|\{\{|\}\}|datetime\.|Decimal\(")
"""What a page never shows: the insides of the program."""
MEASURE = """() => ({
  headings: document.querySelectorAll('h1').length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  lang: document.documentElement.lang,
  words: document.querySelector('main') ? document.querySelector('main').innerText : '',
  html: Boolean(document.querySelector('main')),
  unsealed: [...document.querySelectorAll('form')].filter((f) => f.method === 'post' && !f.querySelector('[name$=csrf_token]')).length,
  labels: [...document.querySelectorAll('h1, h2, h3, label, legend, th, button, .btn, .tabs a, .area-list a, .places a')]
    .map((e) => e.textContent.trim()).filter(Boolean),
})"""


def addresses(server: Server, person: Any) -> list[str]:
    """Rules that answer GET, need no value, and are open to this reader."""
    found = {
        rule.rule
        for rule in server.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and open_to(access_of(rule.endpoint), person)
    }
    return sorted(a for a in found - NOT_PAGES if not a.startswith(("/api/", "/.well-known/", "/static/")))


def open_to(access: Any, person: Any) -> bool:
    if access == PUBLIC:
        return True
    if person is None or not access:
        return False
    return access == SIGNED_IN or any(person.can(right) for right in access)


@pytest.fixture(scope="session")
def cast(server: Server) -> dict[str, Any]:
    """A person for each role, over the whole site, and one without any."""
    region = people.region("1200", "天津市滨海新区")
    made: dict[str, Any] = {"trainee": people.person("陈学员", region=region)}
    for role in Role:
        made[role.value] = people.officer(role, Scope.SITE, name=f"{role.value[:3]}主任", region_id=region.id)
    # An employer's role is held in an organisation, or it is none.
    people.hold(made["employer"], Role.EMPLOYER, Scope.ORGANISATION, people.organisation(region).id)
    return {"visitor": None, **made}


def looks_english(label: str) -> bool:
    """Words that a Chinese page should not show: three or more Latin words and no Chinese character."""
    return not re.search(r"[一-鿿]", label) and len(re.findall(r"[A-Za-z]{2,}", label)) >= 2 and "@" not in label


@pytest.mark.parametrize("who", ["visitor", "trainee", *[role.value for role in Role]])
def test_every_page(who: str, server: Server, cast: dict[str, Any], page_as: Any, axe: Any, picture: Any) -> None:
    faults: dict[str, list[str]] = {}
    for language in ("zh_Hans", "en"):
        page = page_as(cast[who], language=language)
        page.goto(f"/language/{language}?next=/healthz")
        for address in addresses(server, cast[who]):
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                seen = visit(page, address) if width == WIDTHS[0] else page.evaluate(MEASURE) | {"status": 200}
                if seen is None:
                    break
                found = judge(seen, language) + [f"console: {words}" for words in page.said]
                if seen["status"] < 400 and language == "zh_Hans" and (address, width) not in LOOKED_AT:
                    LOOKED_AT.add((address, width))
                    try:
                        axe(page)
                    except AssertionError as broken:
                        found.append(str(broken))
                    picture(page, f"page{address.replace('/', '-')}-{width}-{who}")
                for fault in found:
                    faults.setdefault(f"{address}: {fault}", []).append(f"{width} {language}")
                if seen["status"] >= 400:
                    break
    told = [f"{fault} ({', '.join(where)})" for fault, where in sorted(faults.items())]
    assert not told, f"as {who}:\n" + "\n".join(told)


def visit(page: Any, address: str) -> dict[str, Any] | None:
    """Open an address; what stands there, or None where this reader is not let in or it is no page."""
    page.said.clear()
    try:
        answer = page.goto(address, wait_until="load")
    except Exception as stopped:
        if "Download is starting" in str(stopped) or "ERR_ABORTED" in str(stopped):
            return None
        raise
    if answer.status < 400 and not answer.headers.get("content-type", "").startswith("text/html"):
        return None
    if answer.status >= 400:
        return {"status": answer.status}
    return {"status": answer.status, **page.evaluate(MEASURE)}


def judge(seen: dict[str, Any], language: str) -> list[str]:
    """Faults of a page in words."""
    if seen["status"] >= 400:
        return [f"answered {seen['status']}"]
    faults = []
    if not seen["html"]:
        return ["has no main part"]
    if seen["headings"] != 1:
        faults.append(f"has {seen['headings']} headings of the first rank")
    faults += [f"shows {raw!r}" for raw in RAW.findall(seen["words"])]
    if seen["unsealed"]:
        faults.append(f"has {seen['unsealed']} forms without a token: what they send is refused")
    if seen["overflow"] > 1:
        faults.append(f"is {seen['overflow']} px too wide")
    if seen["lang"] != ("en" if language == "en" else "zh-CN"):
        faults.append(f"says its language is {seen['lang']}")
    if language == "zh_Hans":
        faults += ["shows 'None'"] if re.search(r"\bNone\b", seen["words"]) else []
        faults += [f"untranslated: {label!r}" for label in seen["labels"] if looks_english(label)]
    elif re.search(r"[一-鿿]", "".join(seen["labels"][:1])):
        faults.append(f"Chinese heading on an English page: {seen['labels'][0]!r}")
    return faults
