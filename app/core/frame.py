"""The frame of every page: language, places, words for templates."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from flask import Flask, current_app, g, has_request_context, render_template, request, session, url_for
from flask.templating import Environment
from flask_babel import Babel
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from jinja2 import FileSystemBytecodeCache
from markupsafe import Markup, escape
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.core import clock, nav, speech, text

LANGUAGES = {"zh_Hans": "中文", "en": "English"}
VERSION: str = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]["version"]


LOCALES = {name: Locale.parse(name) for name in LANGUAGES}


def _pick_locale() -> Locale | str:
    """Chosen by click, else by the person's setting, else by the browser, else Chinese."""
    picked = _picked()
    return LOCALES.get(picked, picked)


def _picked() -> str:
    if not has_request_context():
        return "zh_Hans"  # a command or the worker; letters force the reader's own
    if session.get("lang") in LANGUAGES:
        return session["lang"]
    if current_user and current_user.is_authenticated:
        return current_user.reader.locale
    return _of_the_browser(request.headers.get("Accept-Language", "")[:200])


@lru_cache(maxsize=500)
def _of_the_browser(header: str) -> str:
    best = parse_accept_header(header, LanguageAccept).best_match(["zh-CN", "zh", "en"], default="zh")
    return "en" if best == "en" else "zh_Hans"


class Templates(Environment):
    """Templates share the words of the environment as they are. Where each has a layer of its own above them, every import of a
    macro compares the two in Python: a twentieth of a page that imports three."""

    def make_globals(self, d: Any) -> Any:
        return super().make_globals(d) if d else self.globals


def _compiled_templates(folder: Path) -> FileSystemBytecodeCache | None:
    """Where templates are kept once compiled, known again by their source: to compile one leaves a process 3 MB larger, and its first
    reader waiting. A folder of the platform's own, since what is read there is run; None where it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


def compile_templates(app: Flask) -> None:
    """Compile what is new, so that no process of the site does."""
    for name in app.jinja_env.list_templates(extensions=["html", "txt", "xml", "svg", "css"]):
        app.jinja_env.get_template(name)


def init_app(app: Flask) -> None:
    folder = Path(app.root_path) / "translations"
    domains = sorted(p.stem for p in (folder / "zh_Hans" / "LC_MESSAGES").glob("*.po")) or ["messages"]
    app.config.update(
        BABEL_DEFAULT_LOCALE="zh_Hans",
        BABEL_DOMAIN=";".join(domains),
        BABEL_TRANSLATION_DIRECTORIES=";".join([str(folder)] * len(domains)),
    )
    Babel(app, locale_selector=_pick_locale, timezone_selector=lambda: "Asia/Shanghai")
    speech.install_in_templates(app.jinja_env)
    app.jinja_env.bytecode_cache = _compiled_templates(app.extensions["settings"].INSTANCE / "templates")
    app.jinja_env.filters.update(
        markdown=text.markdown,
        day=text.day,
        moment=text.moment,
        number=text.number,
        percent=text.percent,
        shown=text.shown,
        in_a_row=text.in_a_row,
    )
    stamps = _stamps(Path(app.root_path) / "static")
    static = f"{app.static_url_path}/"
    app.jinja_env.globals.update(
        asset=lambda name: f"{request.script_root}{static}{name}?v={stamps.get(name, '')}",
        bootstrap_css=lambda: url_for("bootstrap.static", filename="css/bootstrap.min.css"),
        has=has,
        here_path=here_path,
        frame_part=frame_part,
        clock_part=clock_part,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def words() -> dict[str, Any]:
        settings = app.extensions["settings"]
        return {
            "settings": settings,
            "languages": LANGUAGES,
            "language": speech.language(),
            "html_lang": "en" if speech.language() == "en" else "zh-CN",
            "places": open_places,
            "office_areas": office_areas,
            "area_here": area_here,
            "area_label": nav.area_label,
            "place_here": place_here,
            "place_above": place_above,
            "place_count": place_count,
            "unread_letters": unread_letters,
            "site_version": VERSION,
            "now": clock.now(),
            "person": current_user.reader if current_user and current_user.is_authenticated else None,
        }


def open_places(area: str | None = None) -> list[nav.Place]:
    """The places open to the reader, of one area or of all; found once for all readers with the same roles."""
    person = current_user.person if current_user and current_user.is_authenticated else None
    roles = None if person is None else current_user.role_kinds
    known: dict[tuple[Any, ...], list[nav.Place]] = current_app.extensions.setdefault("open_places", {})
    key = (roles, area, tuple(map(id, nav.PLACES)))
    if key not in known:
        known[key] = _find_places(area, person)
    return known[key]


def _find_places(area: str | None, person: Any) -> list[nav.Place]:
    found = []
    for one in nav.PLACES:
        if area is not None and one.area != area:
            continue
        if not has(one.endpoint):
            continue
        if one.area == "public" or (person is not None and _open_to(one, person)):
            found.append(one)
    return found


MOST_PARTS = 1000


def frame_part(template: str, here: str = "", **filled: Any) -> Markup:
    """A part of the frame as rendered before for readers with the same roles and language who stood at the same place.

    ``here``: the area. A part shows nothing of the person but what the roles open, and what is ``filled`` in each time: values
    that are only shown, each under its name.
    """
    roles = current_user.role_kinds if current_user and current_user.is_authenticated else None
    place = request.endpoint if request.endpoint in nav.ENDPOINTS or request.endpoint in DOORS else None
    parts: dict[tuple[Any, ...], list[str]] = current_app.extensions.setdefault("frame_parts", {})
    key = (template, speech.language(), roles, here, place, request.script_root)
    pieces = parts.get(key)
    if pieces is None:
        if len(parts) >= MOST_PARTS:
            parts.clear()
        marked = {name: f"{PLACE}{name}{PLACE}" for name in filled}
        pieces = parts[key] = render_template(template, here=here, **marked).split(PLACE)  # words, name, words, name …
    if len(pieces) == 1:
        return Markup(pieces[0])  # noqa: S704 - a template has escaped it
    made = [str(escape(filled[piece])) if n % 2 else piece for n, piece in enumerate(pieces)]
    return Markup("".join(made))  # noqa: S704 - the same, and the values escaped


def kept(template: str, *version: Any, values: Callable[[], dict[str, Any]]) -> Markup:
    """A part of a page that says the same to every reader of a language for as long as ``version`` names what it shows: numbers
    of rows that never change. Rendered once; ``values()`` is asked only then."""
    parts: dict[tuple[Any, ...], Markup] = current_app.extensions.setdefault("kept_parts", {})
    key = (template, speech.language(), request.script_root, *version)
    if key not in parts:
        if len(parts) >= MOST_PARTS:
            parts.clear()
        parts[key] = Markup(render_template(template, **values()))  # noqa: S704 - a template has escaped it
    return parts[key]


def clock_part() -> Markup:
    """The clock of the demonstration; nothing elsewhere."""
    settings = current_app.extensions["settings"]
    if not (settings.demo and settings.clock_moves):
        return Markup("")
    now = clock.now()
    reset = frame_part("_frame/clock_reset.html") if clock.offset() else ""
    return frame_part(
        "_frame/clock.html", token=generate_csrf(), back=here_path(), iso=now.isoformat(), words=text.moment(now), reset=reset
    )  # fmt: skip


PLACE = "\ue001"
DOORS = ("accounts.sign_in", "accounts.sign_up")
"""Links of the bar beside the places of the menu."""
TITLE, MAIN, CLOCK = "\ue000title\ue000", "\ue000main\ue000", "\ue000clock\ue000"


def in_visitors_frame(page: str, title: str, main: Callable[[], Markup | str]) -> Markup | None:
    """A page for a visitor, its frame as rendered before and only ``main`` made now (HTML); None where the frame says more than
    language and place: somebody is signed in, a message waits, the address is in it.

    ``page`` is the whole template; it shows ``frame_title`` and ``frame_main`` where they are given.
    """
    if session.get("_flashes") or session.get("_user_id") or request.method != "POST":
        return None
    frames: dict[tuple[Any, ...], Any] = current_app.extensions.setdefault("visitor_frames", {})
    key = (page, speech.language(), request.endpoint, request.script_root)
    if key not in frames:
        whole = render_template(page, frame_title=TITLE, frame_main=MAIN, frame_clock=CLOCK)
        before, rest = whole.split(TITLE, 1)
        between, rest = rest.split(MAIN, 1)
        frames[key] = (before, between, *rest.split(CLOCK, 1))
    before, between, after, end = frames[key]
    return Markup(  # noqa: S704 - templates have escaped what is in them
        f"{before}{escape(title)}{between}{main()}{after}{clock_part()}{end}"
    )


def _open_to(one: nav.Place, person: Any) -> bool:
    if one.roles and not person.role_kinds & set(one.roles):
        return False
    if isinstance(one.can, tuple):
        return any(person.can(right) for right in one.can)
    return one.can is None or person.can(one.can)


def has(endpoint: str) -> bool:
    """Is there such a page in this application?"""
    return endpoint in current_app.view_functions


def here_path() -> str:
    """The address of this page, for coming back to it; the first page where it cannot be opened by a link."""
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


def office_areas() -> list[tuple[str, Any, list[nav.Place]]]:
    """The officers' areas open to the reader: key, words, pages."""
    found: dict[str, list[nav.Place]] = {}
    for one in open_places():
        if one.area in nav.AREAS:
            found.setdefault(one.area, []).append(one)
    return [(key, words, found[key]) for key, words in nav.AREAS.items() if key in found]


def area_here(said: str | None = None) -> str:
    """The area this page belongs to: as its template says, else by its address, else by its feature's first place."""
    if said:
        return said
    endpoint = request.endpoint or ""
    feature = endpoint.split(".")[0]
    by_feature = [p for p in nav.PLACES if p.area in nav.AREAS and p.endpoint.split(".")[0] == feature]
    exact = [p for p in by_feature if p.endpoint == endpoint]
    return next((p.area for p in exact + by_feature), "")


def place_here(one: nav.Place) -> bool:
    """Does the reader stand on this place?"""
    return request.endpoint == one.endpoint


def place_above(places: list[nav.Place], said: str = "") -> str:
    """The endpoint of the place this page lies under: as its template says, else the one whose address its own goes on from."""
    if said or any(map(place_here, places)):
        return said
    addresses = {url_for(one.endpoint).rstrip("/"): one.endpoint for one in places}
    here = f"{request.script_root}{request.path}"
    above = [address for address in addresses if here.startswith(f"{address}/")]
    return addresses[max(above, key=len)] if above else ""


def place_count(one: nav.Place) -> int:
    """How many things wait at a place, asked once per request and only where it is shown."""
    if one.count is None or not current_user.is_authenticated:
        return 0
    known = g.setdefault("place_counts", {})
    if one.endpoint not in known:
        known[one.endpoint] = one.count(current_user.person)
    return known[one.endpoint]


def unread_letters() -> int:
    """The number at the bell, read along with the person."""
    return current_user.asked.get("unread_letters") or 0


def _stamps(folder: Path) -> dict[str, str]:
    """Static file → a few letters of its hash, so that browsers keep a file until it changes."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        for file in folder.rglob("*")
        if file.is_file()
    }


def http_title(status: int) -> str:
    """The heading of the page for a refusal."""
    return {
        400: _("The request was not understood"),
        401: _("Please sign in"),
        403: _("Not open to your role"),
        404: _("Page not found"),
        405: _("The request was not understood"),
        409: _("This cannot be done now"),
        413: _("Too large"),
        422: _("Something needs mending"),
        429: _("Too many requests"),
        500: _("Something went wrong on our side"),
        503: _("Not available for a moment"),
    }.get(status, _("This could not be done"))


def http_steps(status: int) -> list[str]:
    """What the reader can do next."""
    return {
        400: [_("Go back, reload the page and send the form again."), _("What you typed is kept in this browser.")],
        403: [
            _("Go back to your own pages."),
            _("If your work needs this page, ask your administrator for the role."),
        ],
        404: [
            _("Check the address; a letter may be missing."),
            _("Start from the first page and find the way through the menu."),
            _("If somebody gave you the link, ask them to share it with you."),
        ],
        409: [_("Go back and look at the current state."), _("Nothing was changed by this attempt.")],
        413: [_("Send a smaller file, or several one by one."), _("Pictures are small enough at 1600 pixels width.")],
        422: [_("Go back and mend what is named above."), _("Nothing was changed by this attempt.")],
        429: [_("Wait a few minutes, then try again."), _("Nothing was changed by this attempt.")],
        500: [
            _("Go back and try again; what was saved before is safe."),
            _("If it happens again, write to us with the reference number below."),
        ],
        503: [
            _("Wait a few seconds, then go back and try again."),
            _("Nothing was changed by this attempt."),
            _("What you typed is kept in this browser."),
        ],
    }.get(status, [_("Go back and try again."), _("Nothing was changed by this attempt.")])


def http_words(status: int) -> str:
    """What happened, for a status without a message of its own."""
    return {
        400: _("The request could not be understood. Nothing was changed."),
        401: _("Please sign in first."),
        403: _("Your role does not include this. If you need it, ask your administrator."),
        404: _("This page does not exist, or it is not open to you."),
        405: _("This address does not take this kind of request."),
        413: _("What you sent is too large. Nothing was changed; please send a smaller file."),
        429: _("Too many requests. Please wait a few minutes and try again."),
        500: _("Something went wrong on our side. What was saved before is safe; please try again."),
    }.get(status, _("The request could not be carried out. Nothing was changed."))
