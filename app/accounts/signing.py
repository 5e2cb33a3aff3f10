"""Signing up, in and out; lost passwords; the second factor."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pyotp
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext
from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import lazyload

from app.accounts import passwords, sessions
from app.accounts.consents import give_consent
from app.accounts.deeds import Did
from app.accounts.letters import (
    ALREADY_HERE,
    CONFIRM,
    INVITED,
    PASSWORD_CHANGED,
    RESET,
    SECOND_FACTOR_RESET,
    SECOND_FACTOR_SET,
)
from app.accounts.links import CONFIRM_LIVES, RESET_LIVES, link_behind, make_link
from app.accounts.models import ConsentKind, LinkPurpose, Organisation, Person, PersonState, Region, SignIn
from app.audit.service import record
from app.core import crypto, limits
from app.core.errors import Invalid, Refused, TooMany
from app.db import db, rows
from app.notices.service import post

ADDRESS_OF_MAIL = re.compile(
    r"[^@\s<>\"(),;:\\\[\]]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]*[a-z0-9])*\.[a-z]{2,}"
)
NEAR, WIDE, ROOM = "5 per 5 minutes", "60 per hour", "60 per 10 minutes"
"""Failed sign-ins: per account and address; per account from unknown browsers; per address whatever the account."""
CODES = "8 per 10 minutes"
ISSUER = "TTM"


class EmailTaken(Invalid):
    message = _l("There is an account with this e-mail address already.")


class NotAnAddress(Invalid):
    message = _l("This is not an e-mail address. Example: wang@example.org")


class WrongPair(Invalid):
    status = 401
    message = _l("E-mail address and password do not fit together. Please check both, or ask for a new password.")


class NotConfirmed(Refused):
    status = 403
    message = _l(
        "Your e-mail address is not confirmed yet. We have sent the link again; please look into your mailbox."
    )


class WrongPassword(Invalid):
    message = _l("This is not your current password.")


class WrongCode(Invalid):
    message = _l("This code does not fit. Codes change every 30 seconds and work once; please enter the one shown now.")


class SlowDown(TooMany):
    message = lazy_ngettext(
        "Too many tries that did not fit. Please wait %(minutes)s minute, or ask for a new password by mail.",
        "Too many tries that did not fit. Please wait %(minutes)s minutes, or ask for a new password by mail.",
        "minutes",
    )


def tidy_email(typed: str) -> str:
    """Lower case, without spaces. Raises NotAnAddress."""
    plain = (typed or "").strip().lower()
    if len(plain) > 254 or not ADDRESS_OF_MAIL.fullmatch(plain):
        raise NotAnAddress("email")
    return plain


def person_by_email(typed: str) -> Person | None:
    plain = (typed or "").strip().lower()
    return db.session.scalar(select(Person).where(Person.email == plain).limit(1)) if plain else None


def register(
    *,
    email: str,
    name: str,
    now: datetime,
    password: str = "",
    password_hash: str = "",
    region: Region | None = None,
    organisation: Organisation | None = None,
    locale: str = "zh_Hans",
    terms_version: str | None = None,
    confirmed: bool = True,
    by: Person | None = None,
    **background: Any,
) -> Person:
    """Add a person. ``background`` takes any column of Person (``name_latin``, ``education``, …).

    ``confirmed``: the mailbox is known to be theirs (officers, imports, demonstration); sign-up says False. Without a
    password the account is opened by the link of :func:`invite`. Raises EmailTaken, NotAnAddress, WeakPassword.
    """
    address = tidy_email(email)
    if person_by_email(address) is not None:
        raise EmailTaken("email")
    if password:
        passwords.must_be_strong(password, email=address, name=name)
    person = Person(
        email=address,
        name=name.strip(),
        password_hash=password_hash or (passwords.hashed(password) if password else ""),
        region_id=region.id if region else None,
        organisation_id=organisation.id if organisation else None,
        locale=locale,
        email_confirmed_at=now if confirmed else None,
        created_at=now,
        **background,
    )
    db.session.add(person)
    db.session.flush()  # consents and log lines name the person by id
    record(Did.INVITE if by else Did.SIGN_UP, person, by=by or person)
    if terms_version is not None or by is None:
        give_consent(person, ConsentKind.TERMS, now=now, version=terms_version)
    return person


@dataclass
class SignUp:
    """What the sign-up form holds, with the password hashed already."""

    email: str
    name: str
    password_hash: str
    region: Region | None
    organisation: Organisation | None
    locale: str
    terms_version: str
    background: dict[str, Any] = field(default_factory=dict)


def sign_up(wish: SignUp, *, now: datetime) -> str | None:
    """Take a sign-up. The answer to the outside is the same whether the address is known or not; the mail tells.

    An account never confirmed is overwritten by the newest sign-up: nobody can have used it, and whoever confirms must
    know the password of the same sign-up. Returns the token for the demonstration, which has no mail server.
    """
    known = person_by_email(wish.email)
    if known is not None and (known.email_confirmed_at is not None or known.state is not PersonState.ACTIVE):
        post(ALREADY_HERE, to=known, link="/sign-in", now=now)
        return None
    if known is None:
        known = register(
            email=wish.email, name=wish.name, password_hash=wish.password_hash, region=wish.region,
            organisation=wish.organisation, locale=wish.locale, terms_version=wish.terms_version, confirmed=False,
            now=now, **wish.background,
        )  # fmt: skip
    else:
        known.name, known.password_hash, known.locale = wish.name, wish.password_hash, wish.locale
        known.region, known.organisation = wish.region, wish.organisation
        for column, value in wish.background.items():
            setattr(known, column, value)
        give_consent(known, ConsentKind.TERMS, now=now, version=wish.terms_version)
        record(Did.SIGN_UP, known, by=known)
    return send_confirmation(known, now=now)


def send_confirmation(person: Person, *, now: datetime) -> str:
    token = make_link(person, LinkPurpose.CONFIRM_EMAIL, lives=CONFIRM_LIVES, now=now)
    post(CONFIRM, to=person, secret_link=f"/confirm/{token}", hours=48, now=now)
    return token


def confirm_email(token: str, password: str, *, now: datetime) -> Person:
    """Open the account: the link shows the mailbox, the password shows that the same person signed up.

    Raises LinkUsedUp, WrongPassword.
    """
    link = link_behind(token, LinkPurpose.CONFIRM_EMAIL, now=now)
    person = db.session.get_one(Person, link.person_id)
    if not passwords.check(person.password_hash, password).right:
        raise WrongPassword("password")
    link.used_at = now
    person.email_confirmed_at = now
    record(Did.CONFIRM_EMAIL, person, by=person)
    return person


@cache
def _at_the_door() -> Select[Any]:
    p = Person.__table__.c
    return select(p.id, p.password_hash, p.state).where(p.email == bindparam("email"))


@dataclass(frozen=True)
class Recognised:
    """Who typed the right pair, and the hash it was compared with; ``new_hash`` is set when that is of older parameters."""

    person_id: int
    kept_hash: str
    new_hash: str | None = None


def recognise(email: str, password: str, *, known_browser: bool) -> Recognised:
    """Compare what was typed at the door, outside any transaction. Raises WrongPair, SlowDown.

    Only failures count. Somebody else's failures slow down unknown browsers; the owner's own browser
    (``known_browser``) and the link by mail stay open, so that nobody can be locked out by others.
    """
    plain = (email or "").strip().lower()
    account = crypto.lookup(plain, purpose="sign in")[:32]
    where = limits.address()
    counters: list[tuple[str, str, tuple[str, ...]]] = [("sign-in-near", NEAR, (account, where))]
    if not known_browser:
        counters.append(("sign-in-wide", WIDE, (account,)))
    if not limits.address_is_exempt():
        counters.append(("sign-in-room", ROOM, (where,)))
    if any(limits.used_up(name, limit, *keys) for name, limit, keys in counters):
        raise SlowDown(minutes=10)
    person = rows(_at_the_door(), {"email": plain}).one_or_none()
    open_to = person is not None and person.state is PersonState.ACTIVE
    answer = passwords.check(person.password_hash if person and open_to else None, password)
    if not answer.right or person is None:
        for name, limit, keys in counters:
            limits.count(name, limit, *keys)
        raise WrongPair("email")
    limits.forget("sign-in-near", NEAR, account, where)
    return Recognised(person.id, person.password_hash, passwords.hashed(password) if answer.again else None)


def sign_in(found: Recognised, *, now: datetime) -> bool:
    """Begin a session for somebody recognised, inside ``one_line`` or a unit of work; False where the account is not open:
    see :func:`not_let_in`."""
    return sessions.begin(found.person_id, found.kept_hash, now=now)


def renew_hash(found: Recognised) -> Recognised:
    """Keep the hash of today's parameters in place of the one that was compared."""
    if found.new_hash is None:
        return found
    p = Person.__table__
    db.session.execute(
        update(p)  # type: ignore[arg-type]
        .where(p.c.id == found.person_id, p.c.password_hash == found.kept_hash)
        .values(password_hash=found.new_hash)
    )
    return Recognised(found.person_id, found.new_hash)


def not_let_in(found: Recognised, *, now: datetime) -> Refused:
    """Why somebody recognised was not signed in: the address is not confirmed (the link is sent again), or the account was
    changed in the meantime."""
    bare = [lazyload(Person.region), lazyload(Person.organisation)]
    lock = {"of": Person, "key_share": True}
    person = db.session.get_one(Person, found.person_id, with_for_update=lock, populate_existing=True, options=bare)
    if person.email_confirmed_at is None and person.state is PersonState.ACTIVE:
        send_confirmation(person, now=now)
        return NotConfirmed()
    return WrongPair("email")


def ask_reset(email: str, *, now: datetime) -> str | None:
    """Send a link for a new password when the address is known; say nothing either way. The token, for the
    demonstration only, or None."""
    person = person_by_email(email)
    if person is None or person.state is not PersonState.ACTIVE:
        return None
    token = make_link(person, LinkPurpose.RESET, lives=RESET_LIVES, now=now)
    post(RESET, to=person, secret_link=f"/reset/{token}", now=now)
    record(Did.ASK_RESET, person, by=None)
    return token


def invite(person: Person, *, by: Person | None, now: datetime) -> str:
    """Send somebody whose account an officer made the link to choose a password; returns the token."""
    token = make_link(person, LinkPurpose.RESET, lives=CONFIRM_LIVES, now=now)
    post(INVITED, to=person, secret_link=f"/reset/{token}", by=by.name if by else "—", hours=48, now=now)
    return token


def person_of_reset(token: str, *, now: datetime) -> Person:
    """Whose password the link sets. Raises LinkUsedUp."""
    return db.session.get_one(Person, link_behind(token, LinkPurpose.RESET, now=now).person_id)


def reset_password(token: str, password_hash: str, *, now: datetime) -> Person:
    """Set a new password by link, end every session. The mailbox is shown to be theirs. Raises LinkUsedUp."""
    link = link_behind(token, LinkPurpose.RESET, now=now)
    person = db.session.get_one(Person, link.person_id, with_for_update={"of": Person}, populate_existing=True)
    link.used_at = now
    person.password_hash = password_hash
    person.email_confirmed_at = person.email_confirmed_at or now
    sessions.end_all(person, now=now)
    record(Did.RESET_PASSWORD, person, by=person)
    post(PASSWORD_CHANGED, to=person, now=now)
    return person


def change_password(person: Person, password_hash: str, *, now: datetime, keep: SignIn | None) -> None:
    """Set a new password (the old one was checked), end all sessions but one."""
    person.password_hash = password_hash
    sessions.end_all(person, now=now, but=keep)
    record(Did.CHANGE_PASSWORD, person, by=person)
    post(PASSWORD_CHANGED, to=person, now=now)


# The second factor: time-based codes (RFC 6238), 30 s, six digits, one step to either side.


def begin_second_factor(person: Person) -> str:
    """A secret to be shown once and confirmed by a code; the same one until it is confirmed."""
    if person.totp_sealed and person.totp_confirmed_at is None:
        return crypto.decrypt(person.totp_sealed, purpose="totp")
    secret = pyotp.random_base32()
    person.totp_sealed, person.totp_confirmed_at, person.totp_last_step = (
        crypto.encrypt(secret, purpose="totp"),
        None,
        0,
    )
    return secret


def second_factor_address(person: Person, secret: str) -> str:
    """The otpauth address an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.email or str(person.id), issuer_name=ISSUER)


def use_code(person: Person, code: str, *, now: datetime) -> None:
    """Take a code of the authenticator app, once. The person's row is locked by the caller. Raises WrongCode."""
    digits = "".join(c for c in code if c.isdigit())
    if person.totp_sealed and len(digits) == 6:
        totp = pyotp.TOTP(crypto.decrypt(person.totp_sealed, purpose="totp"))
        today = int(now.timestamp()) // 30
        for step in (today - 1, today, today + 1):
            if step > person.totp_last_step and pyotp.utils.strings_equal(totp.generate_otp(step), digits):
                person.totp_last_step = step
                return
    raise WrongCode("code")


def confirm_second_factor(person: Person, code: str, *, now: datetime) -> None:
    """The first code shows that the app is set up. Raises WrongCode."""
    use_code(person, code, now=now)
    person.totp_confirmed_at = now
    record(Did.SET_SECOND_FACTOR, person, by=person)
    post(SECOND_FACTOR_SET, to=person, now=now)


def reset_second_factor(person: Person, *, by: Person, reason: str, now: datetime) -> None:
    """Take away a lost second factor; the next sign-in sets it up anew. All sessions end. Nobody resets their own."""
    if by.id == person.id:
        raise OwnSecondFactor
    person.totp_sealed, person.totp_confirmed_at, person.totp_last_step = None, None, 0
    sessions.end_all(person, now=now)
    record(Did.RESET_SECOND_FACTOR, person, by=by, reason=reason)
    post(SECOND_FACTOR_RESET, to=person, reason=reason, now=now)


class OwnSecondFactor(Refused):
    status = 403
    message = _l("Nobody resets their own second factor. Please ask another administrator.")


def drop_second_factor(person: Person) -> None:
    """Take the own second factor away, after a code was taken."""
    person.totp_sealed, person.totp_confirmed_at, person.totp_last_step = None, None, 0
    record(Did.RESET_SECOND_FACTOR, person, by=person)
