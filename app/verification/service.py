"""查验: is this certificate what it says? One answer for a wrong name and an unknown number, with the same work done."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, func, insert, select, update
from sqlalchemy.orm import selectinload

from app.accounts.models import Consent, ConsentKind, Organisation, Person
from app.certification import credentials
from app.certification import service as certification
from app.certification.models import Certificate
from app.certification.states import EditionKind, Standing
from app.certification.words import said
from app.core import limits
from app.core.clock import local_date
from app.core.crypto import lookup
from app.core.personal import Part, holds
from app.core.text import chinese
from app.db import db
from app.outline import service as outline
from app.outline.service import level_names
from app.performance import service as performance
from app.recognition import service as recognition
from app.verification import finding
from app.verification.finding import Found
from app.verification.models import VerificationQuery
from app.verification.states import FORMAT_ERROR, NOT_FOUND
from certificates.names import comparable
from certificates.numbers import Explanation, Typed, explain

LIMIT = "10 per 10 minutes"
MISSES = "3 per 10 minutes"


@dataclass(frozen=True)
class Answer:
    """What a reader is told. ``state`` is a certificate state or one of ``states``; the rest is empty where nothing was
    found."""

    state: str
    query: str
    at: datetime
    number: str = ""
    name: str = ""
    snapshot: dict[str, Any] = field(default_factory=dict)
    since: date | None = None
    """When a suspension, revocation or cancellation took effect."""
    recognitions: tuple[dict[str, Any], ...] = ()
    token: str = ""
    certificate_id: int | None = None
    before_platform: bool = False
    """Issued on paper before this platform; taken over from the issuer's register."""

    @property
    def found(self) -> bool:
        return bool(self.snapshot)

    @property
    def stands(self) -> bool:
        return self.state in ("valid", "expiring")


@dataclass(frozen=True)
class Asker:
    """Who asks, for the limits and the record: a visitor's address, or a registered employer."""

    address: str = ""
    organisation_id: int | None = None

    @property
    def known(self) -> bool:
        return self.organisation_id is not None


def verify(number: str, name: str, *, address: str, way: str, now: datetime, by: Asker | None = None) -> Answer:
    """The answer to number and full name. Spends from the limits first; call inside ``one_line`` or a unit of work.

    Raises TooMany. A number of our shape that cannot be is a format error and is not searched (worked example 10);
    wrong name and unknown number cannot be told apart (example 11). A registered employer has limits of its own.
    """
    asker = by or Asker(address)
    if not asker.known:
        spend(address)
    typed = _explained(number)
    if typed.kind in (Typed.FORMAT_ERROR, Typed.EMPTY):
        return log(FORMAT_ERROR, None, asker=asker, way=way, now=now, typed=number)
    if not asker.known:
        limits.spend("verify.number", LIMIT, lookup(typed.text, purpose="verify"))
    found, mark = finding.by_number(_wanted(typed))
    if not outline.still_true(mark):
        found, _mark = finding.by_number(_wanted(explain(number, certification.number_patterns())))
    if not finding.same_name(found.name_key if found else "", comparable(name)):
        if not asker.known:
            limits.count("verify.miss", MISSES, address)
        return log(NOT_FOUND, None, asker=asker, way=way, now=now, typed=number)
    return log(None, found, asker=asker, way=way, now=now, name=" ".join(name.split()), typed=number)


def _explained(number: str) -> Explanation:
    """What was typed, by the patterns in memory; a format error is said only after they were read again."""
    remembered = outline.from_memory()
    typed = explain(number, certification.number_patterns())
    if remembered and typed.kind is Typed.FORMAT_ERROR and not outline.still_true(outline.read_mark()):
        return explain(number, certification.number_patterns())
    return typed


def spend(address: str) -> None:
    """Count a query against the address. Raises TooMany at the limit."""
    limits.spend("verify", LIMIT, address)


def _wanted(typed: Explanation) -> str:
    """What is searched: ours as composed; other shapes as they are typed, in capitals as they are kept."""
    return typed.text.upper()[:40]


def verify_token(token: str, *, address: str, way: str, now: datetime) -> Answer:
    """The answer to a scanned code: the holder is masked, because whoever holds the paper has the name already."""
    spend(address)
    found = finding.by_token(token[:60])
    if found is None:
        limits.count("verify.miss", MISSES, address)
        return log(NOT_FOUND, None, asker=Asker(address), way=way, now=now)
    return log(None, found, asker=Asker(address), way=way, now=now, name=masked(found.snapshot["holder_name"]))


def verify_many(rows: Sequence[tuple[str, str]], *, by: Asker, way: str, now: datetime) -> list[Answer]:
    """The answers to many pairs of number and name, for a registered employer: two statements however many there are."""
    patterns = certification.number_patterns()
    typed = [explain(number, patterns) for number, _name in rows]
    searched = [t for t in typed if t.kind not in (Typed.FORMAT_ERROR, Typed.EMPTY)]
    found = finding.by_numbers(_wanted(t) for t in searched)
    made, lines = [], []
    for (number, name), one in zip(rows, typed, strict=True):
        impossible = one.kind in (Typed.FORMAT_ERROR, Typed.EMPTY)
        hit = None if impossible else found.get(_wanted(one))
        if not finding.same_name(hit.name_key if hit else "", comparable(name)):
            hit = None
        outcome = FORMAT_ERROR if impossible else NOT_FOUND if hit is None else None
        line, answer = _told(outcome, hit, asker=by, way=way, now=now, name=" ".join(name.split()), typed=number)
        lines.append(line)
        made.append(answer)
    if lines:
        db.session.execute(_keep(), lines)
    return made


def shared_credential(answer: Answer) -> bytes | None:
    """The credential of the certificate that was found, where its holder allows it to be fetched; else None."""
    found = certification.by_token(answer.token) if answer.found else None
    return credentials.shared_bytes(found) if found is not None else None


def masked(name: str) -> str:
    """王建国 → 王**; the number of characters is not told."""
    return f"{name[:1]}**"


@cache
def _keep() -> Insert:
    return insert(VerificationQuery.__table__).inline()  # type: ignore[arg-type]  # nobody asks for the row's id


def log(
    outcome: str | None, found: Found | None, *, asker: Asker, way: str, now: datetime, name: str = "", typed: str = ""
) -> Answer:
    """Keep the query and make its answer. ``outcome`` None: the certificate's own state."""
    line, answer = _told(outcome, found, asker=asker, way=way, now=now, name=name, typed=typed)
    db.session.execute(_keep(), line)
    return answer


def _told(
    outcome: str | None, found: Found | None, *, asker: Asker, way: str, now: datetime, name: str, typed: str
) -> tuple[dict[str, Any], Answer]:
    today = local_date(now)
    query = f"V{today:%Y%m%d}{secrets.token_hex(5).upper()}"
    state = outcome or (found.state_on(today) if found else NOT_FOUND)
    line = {
        "number": query, "at": now, "address_hash": asker.address, "way": way, "outcome": state,
        "certificate_id": found.id if found else None, "organisation_id": asker.organisation_id,
        "typed": " ".join(typed.split())[:60] if asker.known else "",
    }  # fmt: skip
    if found is None:
        return line, Answer(state, query, now)
    return line, Answer(
        state, query, now, number=found.number, name=name, snapshot=found.snapshot,
        since=found.standing_since if found.standing is not Standing.GOOD else None,
        recognitions=recognitions(found, today), token=found.token, certificate_id=found.id,
        before_platform=found.kind in BEFORE,
    )  # fmt: skip


BEFORE = frozenset({EditionKind.PRIOR.value})
"""Kinds of editions that were taken over from an older register."""


def recognitions(found: Found, on: date) -> tuple[dict[str, Any], ...]:
    """Where else the certificate is recognised on a day."""
    if not found.recognised:
        return ()
    cases = recognition.recognitions_in_force(db.session.get_one(Certificate, found.id), on)
    levels = level_names() if cases else {}
    return tuple(
        {
            "number": one.number,
            "region": one.region.name_zh if chinese() else one.region.name_en,
            "authority": one.region.authority_zh if chinese() else one.region.authority_en,
            "level": levels.get(one.rank or one.target_rank, ""),
            "valid_until": one.valid_until,
        }
        for one in cases
    )


def as_json(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer: the same keys whatever was found."""
    made: dict[str, Any] = {
        "state": answer.state, "number": None, "name": None, "level": None, "issuer": None, "issued_on": None,
        "valid_until": None, "recognitions": [], "before_platform": False, "query": answer.query, "queried_at": answer.at.isoformat(),
    }  # fmt: skip
    if answer.found:
        made |= {
            "number": answer.number,
            "name": answer.name,
            "level": said(answer.snapshot, "level"),
            "issuer": said(answer.snapshot, "issuer"),
            "issued_on": answer.snapshot["issued_on"],
            "valid_until": answer.snapshot["valid_until"],
            "recognitions": [
                one | {"valid_until": one["valid_until"].isoformat() if one["valid_until"] else None}
                for one in answer.recognitions
            ],
            "before_platform": answer.before_platform,
        }
    return made


# The holder's side


@dataclass(frozen=True)
class Checks:
    """How often a certificate was checked: in all, in the last thirty days, when last, and by which registered employers."""

    certificate: Certificate
    total: int
    recent: int
    last: datetime | None
    employers: tuple[tuple[str, int], ...] = ()


def checks_of(person: Person, now: datetime) -> list[Checks]:
    """How often each certificate of a person was checked. Who asked is known of registered employers alone."""
    month, q = now - timedelta(days=30), VerificationQuery
    counts = (
        select(q.certificate_id, func.count().label("total"),
               func.count().filter(q.at >= month).label("recent"), func.max(q.at).label("last"))
        .join(Certificate, Certificate.id == q.certificate_id)
        .where(Certificate.holder_id == person.id)
        .group_by(q.certificate_id)
    )  # fmt: skip
    found = {row[0]: row for row in db.session.execute(counts)}
    known = (
        select(q.certificate_id, Organisation.name_zh, func.count())
        .join(Certificate, Certificate.id == q.certificate_id)
        .join(Organisation, Organisation.id == q.organisation_id)
        .where(Certificate.holder_id == person.id)
        .group_by(q.certificate_id, Organisation.id, Organisation.name_zh)
        .order_by(func.count().desc(), Organisation.name_zh)
    )
    by: dict[int | None, list[tuple[str, int]]] = {}
    for certificate_id, name, count in db.session.execute(known):
        by.setdefault(certificate_id, []).append((name, count))
    return [
        Checks(one, found[one.id].total, found[one.id].recent, found[one.id].last, tuple(by.get(one.id, ())))
        if one.id in found
        else Checks(one, 0, 0, None)
        for one in certification.certificates_of(person)
    ]


# The public register


def register(today: date, *, region_id: int, rank: int, field_words: str = "") -> Select[Any]:
    """Valid certificates of one region and level whose holders agreed to stand in the register."""
    agreed = select(Consent.person_id).where(
        Consent.kind == ConsentKind.PUBLIC_REGISTER, Consent.withdrawn_at.is_(None)
    )
    made = (
        select(Certificate)
        .join(Person, Person.id == Certificate.holder_id)
        .where(
            Certificate.region_id == region_id,
            Certificate.rank == rank,
            Certificate.standing == Standing.GOOD,
            Certificate.valid_until.is_(None) | (Certificate.valid_until >= today),
            Certificate.holder_id.in_(agreed),
        )
        .options(selectinload(Certificate.holder), selectinload(Certificate.region), selectinload(Certificate.editions))
        .order_by(Certificate.first_issued_on.desc(), Certificate.id.desc())
    )
    return made.where(Person.field.contains(field_words, autoescape=True)) if field_words else made


KEPT = timedelta(days=365)
"""How long the address of a query and what an employer typed are kept; the count of checks stays."""


def forget(now: datetime) -> int:
    """Take from old queries what is not needed any more; from how many."""
    old = update(VerificationQuery).where(
        VerificationQuery.at < now - KEPT, (VerificationQuery.address_hash != "") | (VerificationQuery.typed != "")
    )
    return db.session.execute(old.values(address_hash="", typed="")).rowcount  # type: ignore[attr-defined]


def honours_in_words(people: list[int]) -> dict[int, str]:
    """Person → honours with their years, for people who agreed to stand in the register."""
    return {
        person: "、".join(f"{performance.HONOUR_NAMES[h.kind]} {h.year}" for h in honours)
        for person, honours in performance.honours_of_people(people).items()
    }


@holds("verification")
def _held(person: Person) -> Part:
    """When the person's certificates were checked, and how."""
    rows = db.session.scalars(
        select(VerificationQuery)
        .join(Certificate, Certificate.id == VerificationQuery.certificate_id)
        .where(Certificate.holder_id == person.id)
        .order_by(VerificationQuery.id)
    )
    return {"checks": [{"query": r.number, "at": r.at, "way": r.way, "outcome": r.outcome} for r in rows]}, {}
