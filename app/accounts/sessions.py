"""Who is signed in: a row per browser, its token in the cookie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from flask import Flask, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user
from sqlalchemy import ColumnElement, Select, bindparam, exists, or_, select, update
from sqlalchemy.orm import joinedload, lazyload, load_only

from app.accounts.models import Person, PersonState, RoleHeld, SignIn
from app.core import clock, crypto
from app.core.access import SIGNED_IN
from app.core.errors import Forbidden
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.notices.service import unread_of

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=5)

login_manager = LoginManager()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks at a lean door, as far as the door needs to know: columns of one statement, no mapped rows."""

    id: int
    name: str
    id_masked: str
    locale: str
    sign_in_id: int
    seen_at: datetime
    second_factor_at: datetime | None
    wants_second_factor: bool


class SignedIn(UserMixin):
    """What Flask-Login keeps for a request: who asks. A lean door knows the caller alone; person, session row and the figures
    of every page are read there when somebody asks for them."""

    def __init__(
        self, token: str, *, caller: Caller | None = None, full: tuple[SignIn, dict[str, Any]] | None = None
    ) -> None:
        self.token = token
        if caller is not None:
            self.caller = caller
        if full is not None:
            self._full = full

    @cached_property
    def caller(self) -> Caller:
        row, p = self.sign_in, self.person
        return Caller(
            id=p.id, name=p.name, id_masked=p.id_masked, locale=p.locale, sign_in_id=row.id, seen_at=row.seen_at,
            second_factor_at=row.second_factor_at, wants_second_factor=p.is_staff or p.totp_confirmed_at is not None,
        )  # fmt: skip

    @cached_property
    def _full(self) -> tuple[SignIn, dict[str, Any]]:
        found = _read_full(self.token, tuple(_ALSO))
        if found is None:
            raise Forbidden  # signed out between the two statements
        return found

    @property
    def sign_in(self) -> SignIn:
        return self._full[0]

    @property
    def person(self) -> Person:
        return self._full[0].person

    @property
    def asked(self) -> dict[str, Any]:
        return self._full[1]

    @property
    def reader(self) -> Person | Caller:
        """Who reads a page, for its words: the person where the row was read, else the caller."""
        return self.person if "_full" in vars(self) else self.caller

    def get_id(self) -> str:
        return self.token


_ALSO: dict[str, Callable[[], ColumnElement[Any]]] = {}


def ask_with_each_page(name: str, figure: Callable[[], ColumnElement[Any]]) -> None:
    """A figure that every page shows or rests on, read in the statement that reads the person.

    ``figure()`` gives a scalar subquery; it may refer to ``SignIn.person_id``. Read it with :func:`asked`.
    """
    _ALSO[name] = figure


def asked(name: str) -> Any:
    """A figure of :func:`ask_with_each_page` as it was when the request began; None where nobody asked."""
    return current_user.asked.get(name) if current_user and current_user.is_authenticated else None


ask_with_each_page("unread_letters", lambda: unread_of(SignIn.person_id))


@cache
def _by_token(figures: tuple[str, ...]) -> Select[Any]:
    """Every request asks this: written once. Region and employer, and what is sealed, are read by the few pages that ask."""
    p, r = Person, RoleHeld
    person = joinedload(SignIn.person).options(
        lazyload(p.region), lazyload(p.organisation), joinedload(p.roles).load_only(r.role, r.scope, r.scope_id, r.ended_at),
        load_only(
            p.state, p.name, p.name_latin, p.locale, p.email, p.totp_confirmed_at, p.region_id, p.organisation_id, p.id_masked,
            p.education, p.experience_years, p.title_level, p.title_years, p.practice_kind, p.full_time, p.field,
        ),
    )  # fmt: skip
    row = load_only(SignIn.person_id, SignIn.created_at, SignIn.seen_at, SignIn.second_factor_at)
    return (
        select(SignIn, *(_ALSO[name]().label(name) for name in figures))
        .where(SignIn.token_hash == bindparam("token_hash"), SignIn.ended_at.is_(None))
        .options(row, person)
    )


@cache
def _caller() -> Select[Any]:
    """What a lean door asks: is this session in force, whose is it, must a second factor be given."""
    s, p, r = SignIn.__table__.c, Person.__table__.c, RoleHeld.__table__.c
    staff = exists().where(r.person_id == p.id, r.ended_at.is_(None), r.role != Role.EMPLOYER)
    return (
        select(
            p.id, p.name, p.id_masked, p.locale, s.id, s.seen_at, s.second_factor_at,
            or_(p.totp_confirmed_at.is_not(None), staff), s.created_at,
        )
        .join_from(SignIn.__table__, Person.__table__, s.person_id == p.id)
        .where(s.token_hash == bindparam("token_hash"), s.ended_at.is_(None), p.state == PersonState.ACTIVE)
    )  # fmt: skip


def _in_force(seen_at: datetime, created_at: datetime) -> bool:
    now = clock.now()
    return now - seen_at <= IDLE and now - created_at <= LONGEST


def _read_full(token: str, figures: tuple[str, ...]) -> tuple[SignIn, dict[str, Any]] | None:
    found = db.session.execute(_by_token(figures), {"token_hash": crypto.token_hash(token)}).unique().one_or_none()
    if found is None or found[0].person.state is not PersonState.ACTIVE:
        return None
    return found[0], dict(zip(figures, found[1:], strict=True))


@login_manager.user_loader
def _load(token: str) -> SignedIn | None:
    view = current_app.view_functions.get(request.endpoint or "")
    lean = getattr(view, "lean", False)
    if lean and getattr(view, "access", None) == SIGNED_IN:  # a door that asks for a right asks for the roles
        found = db.session.execute(_caller(), {"token_hash": crypto.token_hash(token)}).one_or_none()
        if found is None or not _in_force(found.seen_at, found.created_at):
            return None
        return SignedIn(token, caller=Caller(*found[:-1]))
    full = _read_full(token, () if lean else tuple(_ALSO))
    if full is None or not _in_force(full[0].seen_at, full[0].created_at):
        return None
    return SignedIn(token, full=full)


def begin(person: Person, *, now: datetime) -> SignIn:
    """Sign a person in in this browser, inside the caller's unit of work. A fresh token each time."""
    token = crypto.token()
    row = SignIn(
        person=person,
        token_hash=crypto.token_hash(token),
        created_at=now,
        seen_at=now,
        address_hash=address_hash(),
        agent=(request.user_agent.string or "")[:200],
    )
    db.session.add(row)
    kept = {name: session[name] for name in ("lang",) if name in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    login_user(SignedIn(token, full=(row, {})))
    return row


def end_all(person: Person, *, now: datetime, but: SignIn | None = None) -> int:
    """End every session of a person (but one); how many."""
    change = update(SignIn).where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
    if but is not None:
        change = change.where(SignIn.id != but.id)
    return db.session.execute(change.values(ended_at=now)).rowcount  # type: ignore[attr-defined]


def address_hash() -> str:
    """The client's address as a keyed hash: the same address can be counted, not read."""
    return crypto.lookup(request.remote_addr or "", purpose="address")[:32]


def touch() -> None:
    """Before every request: the address for the log, and 'last seen' at most every five minutes."""
    g.address_hash = address_hash()
    if request.endpoint in (None, "static", "bootstrap.static") or not current_user.is_authenticated:
        return
    now, caller = clock.now(), current_user.caller
    if now - caller.seen_at > SEEN_EVERY:
        with unit_of_work() as work:
            work.execute(update(SignIn).where(SignIn.id == caller.sign_in_id).values(seen_at=now))


def init_app(app: Flask) -> None:
    login_manager.init_app(app)
    login_manager.session_protection = None

    @app.before_request
    def _touch() -> Any:
        touch()
