"""create_app(): the only place that knows every feature."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import logging
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from flask import Flask, g, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import configure_mappers
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Rule

from app.core import asks, clock, watch
from app.core.errors import Busy, Refused
from app.core.everybody import Sessions
from app.core.frame import Templates
from app.core.jsons import StrictJson
from app.db import ask_idle_connections, db, is_busy
from app.features import FEATURES
from config import Config, from_env

log = logging.getLogger(__name__)
csrf = CSRFProtect()

ROOMS = ("models", "asks", "deeds", "letters", "rules", "tasks", "imports", "service", "answers", "views", "api", "cli")
"""Modules of a feature that announce something at import, in the order in which they are read."""

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

STATEMENTS = 250
"""How many compiled statements a process keeps (a half more before it forgets the least used). One that loads a row with three
joined rows weighs 0.4 MB, all of the site's together 70: those of pages that people open stay, rare ones are made anew in a
millisecond or two."""


class RowId(IntegerConverter):
    """``<int:…>`` in an address: a number the database can hold. A larger one is an address that does not exist."""

    def __init__(self, map: Any, **more: Any) -> None:
        super().__init__(map, **({"max": 2**31 - 1} | more))


class Address(Rule):
    """A rule that makes its builder of links when the first link is asked for. Werkzeug makes two for each rule at once: with
    some seven hundred rules 4 MB and a quarter of a second in every process, for the few dozen that it will use."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return self._first_with_unknown if append_unknown else self._first

    @staticmethod
    def _first(rule: Address, **values: Any) -> tuple[str, str]:
        rule._build = Rule._compile_builder(rule, False).__get__(rule, None)
        return rule._build(**values)

    @staticmethod
    def _first_with_unknown(rule: Address, **values: Any) -> tuple[str, str]:
        rule._build_unknown = Rule._compile_builder(rule, True).__get__(rule, None)
        return rule._build_unknown(**values)


def create_app(config: Config | None = None) -> Flask:
    """The application, complete. Raises config.HalfSet when a setting is missing, RuntimeError when a slot is empty."""
    config = config or from_env()
    app = Flask(__name__)
    app.url_map.converters["int"] = RowId
    app.url_rule_class = Address
    app.session_interface = Sessions()
    app.jinja_environment = Templates
    app.extensions["settings"] = config
    app.config.update(
        SECRET_KEY=config.SECRET_KEY,
        SQLALCHEMY_ENGINES={"default": _engine(config)},
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
        SESSION_REFRESH_EACH_REQUEST=False,  # a session ends fourteen days after it began, whatever is read in it
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.PUBLIC_URL.startswith("https://"),
        SESSION_COOKIE_NAME="ttm",
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session: an exam lasts longer than an hour
        BOOTSTRAP_SERVE_LOCAL=True,
        BOOTSTRAP_BTN_STYLE="primary",
        TESTING=config.APP_MODE == "test",
    )
    clock.configure(config.INSTANCE / "clock.json" if config.clock_moves else None)
    if config.TRUSTED_PROXIES:
        count = config.TRUSTED_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.json = StrictJson(app)
    db.init_app(app)
    # The extension would close async sessions after each request, in a thread started for it. There are none here.
    app.teardown_appcontext_funcs[:] = [do for do in app.teardown_appcontext_funcs if not iscoroutinefunction(do)]
    with app.app_context():
        ask_idle_connections(db.engine)
    csrf.init_app(app)
    _headers(app)  # first: the request has its number before anything may refuse it
    watch.init_app(app)
    _frame(app)
    for feature in FEATURES:
        for room in ROOMS:
            _load(app, feature, room)
    asks.check_filled()
    _refusals(app)
    if not app.config["TESTING"]:
        _spare_the_collector()
    return app


def _spare_the_collector() -> None:
    """What was made at the start lives as long as the process: the collector need not look through it at each round. The
    mapper is made ready here, or else the first request would wait for it and each round would look through it."""
    configure_mappers()
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def _engine(config: Config) -> dict[str, Any]:
    if config.DATABASE_URL.startswith("sqlite"):
        path = config.DATABASE_URL.removeprefix("sqlite:///")
        if path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return {"url": config.DATABASE_URL, "pool_use_lifo": True, "query_cache_size": STATEMENTS}
    return {
        "url": config.DATABASE_URL,
        "isolation_level": "AUTOCOMMIT",
        "skip_autocommit_rollback": True,  # a request that only read has nothing to roll back
        "pool_use_lifo": True,
        "pool_size": 10,
        "max_overflow": 10,
        "query_cache_size": STATEMENTS,
    }


def _load(app: Flask, feature: str, room: str) -> None:
    """Import one module of a feature if it is there, and take what it announces: ``bp`` or ``blueprints``, ``group`` or ``commands``."""
    name = f"app.{feature}.{room}"
    if importlib.util.find_spec(f"app.{feature}") is None or importlib.util.find_spec(name) is None:
        return
    module = importlib.import_module(name)
    if room in ("views", "api"):
        for blueprint in getattr(module, "blueprints", [getattr(module, "bp", None)]):
            if blueprint is not None:
                app.register_blueprint(blueprint)
    if room == "cli":
        for command in getattr(module, "commands", [getattr(module, "group", None)]):
            if command is not None:
                app.cli.add_command(command)
    if hasattr(module, "init_app"):
        module.init_app(app)


def _frame(app: Flask) -> None:
    """What every page needs: languages, sessions, the closed door, words and macros for templates."""
    from flask_bootstrap import Bootstrap5

    from app.accounts import guard, sessions
    from app.core import frame, limits

    Bootstrap5(app)
    limits.init_app(app)
    frame.init_app(app)
    app.before_request(guard.try_act)
    sessions.init_app(app)
    app.before_request(guard.check)


def _refusals(app: Flask) -> None:
    """Every refusal becomes a page (or JSON) that says what, why, and what to do; never a trace."""

    def answer(status: int, words: str) -> Any:
        reference = g.get("request_id", "")
        if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
            return {"error": words, "reference": reference}, status
        from app.core.frame import http_steps, http_title

        page = render_template(
            "error.html",
            status=status,
            title=http_title(status),
            words=words,
            next_steps=http_steps(status),
            back=_referrer(),
            reference=reference,
        )
        return page, status

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Any:
        db.session.rollback()
        return answer(error.status, error.text)

    @app.errorhandler(CSRFError)
    def stale(error: CSRFError) -> Any:
        from flask_babel import gettext as _
        from flask_login import current_user

        from app.accounts import guard, resume

        if not current_user.is_authenticated and guard.access_of(request.endpoint or "") != guard.PUBLIC:
            came = request.referrer or ""
            here = came.removeprefix(request.host_url.rstrip("/")) if came.startswith(request.host_url) else None
            return resume.door(here)  # the cookie went with the session; the page in the browser keeps its words
        return answer(
            400,
            _(
                "This form was opened in another session. Go back, reload the page and send it again; what you typed is kept in this browser."
            ),
        )

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Any:
        from app.core.frame import http_words

        return answer(error.code or 500, http_words(error.code or 500))

    @app.errorhandler(OperationalError)
    def waited_in_vain(error: OperationalError) -> Any:
        if not is_busy(error):
            return broken(error)
        db.session.rollback()
        log.warning("request %s waited in vain for the database", g.get("request_id"))
        told = app.make_response(app.handle_user_exception(Busy()))  # each door tells it as its other refusals
        told.headers["Retry-After"] = "5"
        return told

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Any:
        if app.config.get("PROPAGATE_BROKEN"):
            raise error
        db.session.rollback()
        log.exception("request %s failed", g.get("request_id"))
        from app.core.frame import http_words

        return answer(500, http_words(500))


def _referrer() -> str:
    """The page the reader came from, where it is one of ours; a form that is sent to its own address is one to go back to."""
    came = request.referrer or ""
    here = came == request.url and request.method == "GET"
    return came if came.startswith(request.host_url) and not here else ""


def _headers(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = secrets.token_hex(6)
        g.begun = time.perf_counter()

    @app.after_request
    def end(response: Any) -> Any:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
        if app.config["SESSION_COOKIE_SECURE"]:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint not in (None, "static", "bootstrap.static"):
            headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-Id"] = g.get("request_id", "")
        return response
