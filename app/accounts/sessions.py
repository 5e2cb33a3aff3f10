"""Who is signed in: a row per browser, its token in the cookie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from flask import Flask, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user
from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, insert, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, lazyload, load_only
from sqlalchemy.sql.dml import ReturningInsert

from app.accounts.deeds import Did
from app.accounts.models import Person, PersonState, RoleHeld, SignIn
from app.audit.models import AuditDetails, AuditEntry
from app.audit.service import columns_of
from app.core import clock, crypto
from app.core.access import SIGNED_IN
from app.core.errors import Forbidden
from app.core.permissions import Role
from app.db import db, is_busy, is_sqlite, unit_of_work
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


@dataclass(frozen=True, slots=True)
class Unasked:
    """Whoever a browser says it is, not asked yet. A statement that writes something for them holds the conditions of
    :func:`proven_by`, with :meth:`values`: it does nothing where nobody is signed in by this token."""

    token_hash: str
    needs_second_factor: bool
    now: datetime

    def values(self) -> dict[str, Any]:
        return {"by_token": self.token_hash, "by_seen": self.now - SEEN_EVERY, "by_created": self.now - LONGEST}


def unasked(*, needs_second_factor: bool) -> Unasked | None:
    """Who the cookie of this request says it is; None without one."""
    token = session.get("_user_id")
    return Unasked(crypto.token_hash(str(token)), needs_second_factor, clock.now()) if token else None


SIGN_INS: Any = SignIn.__table__
PERSONS: Any = Person.__table__


def _staff() -> ColumnElement[bool]:
    r = RoleHeld.__table__.c
    return exists().where(r.person_id == PERSONS.c.id, r.ended_at.is_(None), r.role != Role.EMPLOYER)


def _may_ask() -> list[ColumnElement[bool]]:
    """A session that was not ended, of a person who is active: the ground of every lean door."""
    s, p = SIGN_INS.c, PERSONS.c
    return [s.person_id == p.id, s.ended_at.is_(None), p.state == PersonState.ACTIVE]


def proven_by(second_factor: bool) -> list[ColumnElement[bool]]:
    """Conditions of a statement on ``SIGN_INS`` and ``PERSONS``: this browser's session is in force as at a lean door, it was
    seen in the last minutes (else the ordinary way notes it), and where a second factor is needed none is wanting."""
    s, p = SIGN_INS.c, PERSONS.c
    seen, created = bindparam("by_seen", type_=s.seen_at.type), bindparam("by_created", type_=s.created_at.type)
    asked = [s.token_hash == bindparam("by_token"), *_may_ask(), s.seen_at >= seen, s.created_at >= created]
    if second_factor:
        asked.append(or_(s.second_factor_at.is_not(None), and_(p.totp_confirmed_at.is_(None), ~_staff())))
    return asked


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

    @cached_property
    def role_kinds(self) -> frozenset[Role]:
        """The roles held when the request began: what the frame is made for."""
        return frozenset(self.person.role_kinds)

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
    s, p = SIGN_INS.c, PERSONS.c
    return select(
        p.id, p.name, p.id_masked, p.locale, s.id, s.seen_at, s.second_factor_at,
        or_(p.totp_confirmed_at.is_not(None), _staff()), s.created_at,
    ).where(s.token_hash == bindparam("token_hash"), *_may_ask())  # fmt: skip


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


_GIVEN = ("token_hash", "created_at", "seen_at", "address_hash", "agent")
_LINE = ("at", "person_id", "deed", "about", "about_id", "details_hash", "leaf")


@cache
def _beginning() -> ReturningInsert[Any]:
    """The session row, for somebody who is active, whose mailbox was shown to be theirs, and whose password is still the one
    that was compared."""
    p, row = Person.__table__.c, SignIn.__table__
    who = (
        select(p.id, *(bindparam(f"b_{name}", type_=row.c[name].type) for name in _GIVEN))
        .where(
            p.id == bindparam("b_who"), p.password_hash == bindparam("b_kept"), p.state == PersonState.ACTIVE,
            p.email_confirmed_at.is_not(None),
        )
        .with_for_update(key_share=True)
    )  # fmt: skip
    made = insert(row).from_select(["person_id", *_GIVEN], who, include_defaults=False)  # type: ignore[arg-type]
    return made.returning(row.c.id)


@cache
def _beginning_and_line() -> ReturningInsert[Any]:
    """The same with its line of the log, as one statement (PostgreSQL): without a session there is no line."""
    entry, details = AuditEntry.__table__, AuditDetails.__table__
    begun = _beginning().cte("begun")
    named = [bindparam(f"l_{name}", type_=entry.c[name].type) for name in _LINE]
    line = insert(entry).from_select([*_LINE], select(*named).select_from(begun)).returning(entry.c.id).cte("line")  # type: ignore[arg-type]
    more = [bindparam(f"d_{name}", type_=details.c[name].type) for name in ("salt", "payload")]
    made = insert(details).from_select(["entry_id", "salt", "payload"], select(line.c.id, *more))  # type: ignore[arg-type]
    return made.returning(details.c.entry_id)


def begin(person_id: int, kept_hash: str, *, now: datetime) -> bool:
    """Sign a person in in this browser, and write it into the log; a fresh token each time. False, and nothing done, where
    the account is not open (erased, mailbox not confirmed) or its password has changed since ``kept_hash`` was compared.

    Inside ``one_line`` or a unit of work.
    """
    token = crypto.token()
    given = {
        "b_who": person_id, "b_kept": kept_hash, "b_token_hash": crypto.token_hash(token), "b_created_at": now, "b_seen_at": now,
        "b_address_hash": address_hash(), "b_agent": (request.user_agent.string or "")[:200],
    }  # fmt: skip
    line, details = columns_of(Did.SIGN_IN, Person.__tablename__, person_id, by=person_id)
    if db.session.autoflush:
        db.session.flush()
    if is_sqlite(db.session.get_bind()):
        begun = db.session.execute(_beginning(), given).first() is not None
        if begun:
            made = db.session.execute(insert(AuditEntry.__table__), line).inserted_primary_key  # type: ignore[arg-type, attr-defined]
            db.session.execute(insert(AuditDetails.__table__), {"entry_id": made[0], **details})  # type: ignore[arg-type]
    else:
        values = given | {f"l_{k}": v for k, v in line.items()} | {f"d_{k}": v for k, v in details.items()}
        begun = db.session.execute(_beginning_and_line(), values).first() is not None
    if begun:
        _hand_over(token)
    return begun


def _hand_over(token: str) -> None:
    """The browser gets the token; of what its session held before only the language stays."""
    kept = {name: session[name] for name in ("lang",) if name in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    login_user(SignedIn(token))


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
        try:
            with unit_of_work() as work:
                work.execute(update(SignIn).where(SignIn.id == caller.sign_in_id).values(seen_at=now))
        except OperationalError as error:  # the next request writes it; nobody is refused a page for it
            if not is_busy(error):
                raise


def init_app(app: Flask) -> None:
    login_manager.init_app(app)
    login_manager.session_protection = None

    @app.before_request
    def _touch() -> Any:
        touch()
