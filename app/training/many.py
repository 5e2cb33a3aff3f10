"""Deciding on many at once: leave, periods made up, changes of class, hours from elsewhere.

The decision on each is the one of its own page, so nothing is allowed here that is refused there. A trial runs the very same
decisions and takes all of them back: what it says is what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select

from app.accounts.models import Person
from app.core.errors import Refused
from app.core.text import moment, number
from app.db import db
from app.training import claims, make_ups, moving
from app.training.class_models import ClassTransfer, HourClaim, LeaveRequest, MakeUp
from app.training.models import TrainingClass

MOST = 500

Do = Callable[[Any, Person, str, datetime], Any]


class NotExamined(Refused):
    message = _l("Nobody has examined this yet.")


def _examined(claim: HourClaim) -> Decimal:
    if claim.recommended is None:
        raise NotExamined
    return claim.recommended


@dataclass(frozen=True)
class Kind:
    """Something that waits in a list: which rows an officer sees, whom and what one is about, what can be decided."""

    rows: Callable[[Person], Select[Any]]
    row_id: Any
    who: Callable[[Any], str]
    what: Callable[[Any], str]
    deeds: dict[str, Do]
    classes: Callable[[Any], Sequence[int]] = lambda row: ()
    """Classes whose places a decision counts: all are locked in key order before the first decision."""


KINDS: dict[str, Kind] = {
    "leave": Kind(
        make_ups.leaves_visible_to, LeaveRequest.id, lambda r: r.person.name,
        lambda r: f"{moment(r.session.starts_at)} {r.session.label}",
        {
            "grant": lambda r, by, words, now: make_ups.decide_leave(r, True, by=by, remark=words, now=now),
            "refuse": lambda r, by, words, now: make_ups.decide_leave(r, False, by=by, remark=words, now=now),
        },
    ),
    "make-ups": Kind(
        make_ups.make_ups_visible_to, MakeUp.id, lambda r: r.person.name,
        lambda r: f"{r.missed.label} → {moment(r.session.starts_at)} {r.session.training_class.title}",
        {
            "grant": lambda r, by, words, now: make_ups.decide_make_up(r, True, by=by, remark=words, now=now),
            "refuse": lambda r, by, words, now: make_ups.decide_make_up(r, False, by=by, remark=words, now=now),
            "present": lambda r, by, words, now: make_ups.mark_guest(r, by=by, reason=words, now=now),
        },
    ),
    "transfers": Kind(
        moving.transfers_visible_to, ClassTransfer.id, lambda r: r.enrolment.person.name,
        lambda r: f"{r.enrolment.training_class.title} → {r.to_class.title}",
        {
            "grant": lambda r, by, words, now: moving.decide_transfer(r, True, by=by, remark=words, now=now),
            "refuse": lambda r, by, words, now: moving.decide_transfer(r, False, by=by, remark=words, now=now),
        },
        lambda r: (r.enrolment.class_id, r.to_class_id),
    ),
    "hours": Kind(
        claims.claims_visible_to, HourClaim.id, lambda r: r.person.name,
        lambda r: f"{r.title} · {number(r.hours if r.recommended is None else r.recommended)}",
        {
            "examine": lambda r, by, words, now: claims.examine(r, r.hours, by=by, remark=words, now=now),
            "decide": lambda r, by, words, now: claims.decide(r, _examined(r), by=by, reason=words, now=now),
            "return": lambda r, by, words, now: claims.give_back(r, by=by, reason=words, now=now),
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One of the list: ``refused`` says in words why it is left out, else it is empty."""

    id: int
    who: str
    what: str
    refused: str


def decide(what: str, deed: str, ids: Collection[int], *, by: Person, reason: str, now: datetime) -> list[Line]:
    """Decide on each, in the order of the list; what cannot be decided is left out and says why. NotFound never tells of
    rows out of reach: they are in no list."""
    kind = KINDS[what]
    found = db.session.scalars(kind.rows(by).where(kind.row_id.in_(sorted(ids)[:MOST]))).all()
    places = sorted({class_id for row in found for class_id in kind.classes(row)})
    if places:
        db.session.execute(
            select(TrainingClass.id).where(TrainingClass.id.in_(places)).order_by(TrainingClass.id).with_for_update()
        )
    made = []
    for row in found:
        row_id, who, words, refused = row.id, kind.who(row), kind.what(row), ""
        try:
            with db.session.begin_nested():
                kind.deeds[deed](row, by, reason, now)
        except Refused as refusal:
            refused = refusal.text
        made.append(Line(row_id, who, words, refused))
    return made
