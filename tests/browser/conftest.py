"""Fixtures for tests in a real browser: the server, Chromium, the accessibility rules.

Where Chromium or axe-core is missing the tests are skipped with the reason; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.server import ROOT, Server, running

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "test-output"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

STILL = """async () => {
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  for (let round = 0; round < 10; round += 1) {
    await frame(); await frame();
    const moving = document.getAnimations().filter((a) => a.playState === 'running' && a.effect.getComputedTiming().endTime !== Infinity);
    if (!moving.length) return;
    await Promise.allSettled(moving.map((a) => a.finished));
  }
}"""
"""Resolves when two frames in a row show nothing that moves."""


def _missing(what: str) -> Any:
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, translations: None) -> Iterator[Server]:
    """The product in demonstration mode on a database of its own (shipped rules, no people)."""
    with running(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(scope="session")
def chromium(server: Server) -> Iterator[Any]:
    """One Chromium for all tests; closed before the server, whose end Playwright's loop would disturb."""
    from playwright.sync_api import expect, sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        _missing("no Chromium: install the system package chromium, or set CHROMIUM")
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe_script() -> str:
    if not AXE.exists():
        npm = shutil.which("npm")
        done = npm and subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=ROOT, capture_output=True)
        if not done or done.returncode or not AXE.exists():
            _missing("axe-core is not installed: npm ci")
    return AXE.read_text()


@pytest.fixture(scope="session")
def axe(axe_script: str) -> Callable[[Any], None]:
    """``axe(page)``: fails on serious and critical findings, naming rule and places."""

    def check(page: Any) -> None:
        # Evaluated through the debugging door, so the page's own content policy stays as strict as it is.
        page.evaluate(axe_script)
        # Half-way through a change of colour every contrast is wrong: wait until nothing moves, and whatever began with it.
        page.evaluate(STILL)
        result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        found = [
            f"{v['id']} ({v['impact']}): {v['help']} at {[n['target'] for n in v['nodes'][:4]]}"
            for v in result["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert not found, "; ".join(found)

    return check


@pytest.fixture
def page_as(server: Server, chromium: Any) -> Iterator[Callable[..., Any]]:
    """``page_as(person, width=1280, language="zh_Hans", at=server)``: a page in a browser of its own, signed in (None: a
    visitor).

    ``page.said`` lists what the console and uncaught errors said.
    """
    contexts = []

    def enter(
        person: Any = None, *, width: int = 1280, language: str = "zh_Hans", at: Server = server, **more: Any
    ) -> Any:
        locale = "en-GB" if language == "en" else "zh-CN"
        context = chromium.new_context(
            base_url=at.url,
            locale=locale,
            viewport={"width": width, "height": 900},
            timezone_id="Asia/Shanghai",
            **more,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        if person is not None:
            context.add_cookies([at.do(lambda: at.cookie_for(person))])
        page = context.new_page()
        page.said = []
        page.on("console", lambda m: page.said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: page.said.append(str(e)))
        return page

    yield enter
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def picture() -> Callable[[Any, str], Path]:
    """``picture(page, "home-390")``: a screenshot of the whole page under test-output/."""

    def take(page: Any, name: str) -> Path:
        PICTURES.mkdir(exist_ok=True)
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path).replace("\\", "/"):
            item.add_marker(pytest.mark.browser)
