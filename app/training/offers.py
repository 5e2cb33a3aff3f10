"""The waiting list: a free place is offered to who has waited longest, with a term; declined or lapsed, it goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.errors import NotFound, Refused
from app.core.states import moved
from app.core.text import moment
from app.db import db, locked
from app.notices.service import post
from app.outline.service import rule
from app.training import class_letters as letters
from app.training.class_deeds import Ran
from app.training.class_models import OfferState, PlaceOffer
from app.training.classes import words
from app.training.models import Enrolment, TrainingClass
from app.training.states import ENROLMENT_MOVES, EnrolmentMove, EnrolmentState


class NoOffer(Refused):
    message = _l("There is no place offered to you here any more. The state of your enrolment stands on this page.")


class OfferOver(Refused):
    message = _l("The term to accept ended on %(expired)s; the place goes to the next person.")


def terms(region_id: int | None) -> dict[str, Any]:
    """The terms of classes in a region."""
    return rule("class_terms", region_id=region_id)


def expiry(klass: TrainingClass, now: datetime) -> datetime | None:
    """Until when a place offered now is kept; None where places are given at once."""
    asked = terms(klass.region_id)
    if not asked["accept_hours"]:
        return None
    near = clock.start_of(klass.starts_on - timedelta(days=asked["accept_late_days"]))
    return now + timedelta(hours=asked["accept_late_hours"] if now >= near else asked["accept_hours"])


def offer(enrolment: Enrolment, klass: TrainingClass, expires: datetime, *, now: datetime) -> PlaceOffer:
    """Offer a place. The class is locked by the caller, the enrolment waits."""
    db.session.execute(
        update(PlaceOffer)
        .where(PlaceOffer.enrolment_id == enrolment.id, PlaceOffer.state == OfferState.OPEN)
        .values(state=OfferState.VOID)
    )
    before = enrolment.state
    enrolment.state = moved(ENROLMENT_MOVES, before, EnrolmentMove.OFFER)
    made = PlaceOffer(enrolment_id=enrolment.id, enrolment=enrolment, offered_at=now, expires_at=expires)
    db.session.add(made)
    record(Ran.OFFER, enrolment, by=None, changed={"state": (before, enrolment.state)}, more={"expires": expires})
    post(
        letters.OFFERED, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
        expires=expires, **words(klass),
    )  # fmt: skip
    return made


def open_offer(enrolment: Enrolment) -> PlaceOffer | None:
    if enrolment.state is not EnrolmentState.OFFERED:
        return None
    return db.session.scalar(
        select(PlaceOffer).where(PlaceOffer.enrolment_id == enrolment.id, PlaceOffer.state == OfferState.OPEN)
    )


def answer(enrolment: Enrolment, accept: bool, *, by: Person, now: datetime) -> None:
    """The person accepts or declines. A second click changes nothing.

    Raises NotFound, NoOffer, OfferOver (the clock's job passes the place on).
    """
    from app.training.enrolments import move_up

    klass = locked(enrolment.training_class)
    enrolment = locked(enrolment)
    if enrolment.person_id != by.id:
        raise NotFound
    if accept and enrolment.state is EnrolmentState.ADMITTED:
        return
    found = open_offer(enrolment)
    if found is None:
        raise NoOffer
    if now > found.expires_at:
        raise OfferOver(expired=moment(found.expires_at))
    before = enrolment.state
    move = EnrolmentMove.ADMIT if accept else EnrolmentMove.WITHDRAW
    enrolment.state = moved(ENROLMENT_MOVES, before, move)
    enrolment.waiting_since = None
    found.state, found.answered_at = OfferState.ACCEPTED if accept else OfferState.DECLINED, now
    record(Ran.ANSWER_OFFER, enrolment, by=by, changed={"state": (before, enrolment.state)})
    if accept:
        enrolment.admitted_at = now
        post(
            letters.OFFER_ACCEPTED, to=by, link=f"/training/enrolments/{enrolment.id}", now=now, **words(klass)
        )  # fmt: skip
    else:
        move_up(klass, now=now)


def close(enrolment: Enrolment, state: OfferState, *, now: datetime) -> None:
    """An offer ends by something else than an answer: the base decided, the person withdrew."""
    db.session.execute(
        update(PlaceOffer)
        .where(PlaceOffer.enrolment_id == enrolment.id, PlaceOffer.state == OfferState.OPEN)
        .values(state=state, answered_at=now)
    )


def run_out(now: datetime) -> list[int]:
    """Ids of offers whose term is over."""
    return list(
        db.session.scalars(
            select(PlaceOffer.id)
            .where(PlaceOffer.state == OfferState.OPEN, PlaceOffer.expires_at < now)
            .order_by(PlaceOffer.expires_at, PlaceOffer.id)
        )
    )


def lapse(offer_id: int, *, now: datetime) -> bool:
    """End one offer that ran out and pass the place on. Safe to repeat; False when somebody answered meanwhile."""
    from app.training.enrolments import move_up

    found = db.session.get(PlaceOffer, offer_id)
    if found is None:
        return False
    klass = locked(found.enrolment.training_class)  # the class first, as everywhere
    enrolment, found = locked(found.enrolment), locked(found)
    if found.state is not OfferState.OPEN or found.expires_at >= now:
        return False
    if enrolment.state is not EnrolmentState.OFFERED:
        found.state = OfferState.VOID
        return False
    found.state, found.answered_at = OfferState.LAPSED, now
    before = enrolment.state
    enrolment.state = moved(ENROLMENT_MOVES, before, EnrolmentMove.LAPSE)
    enrolment.waiting_since = None
    record(Ran.LAPSE_OFFER, enrolment, by=None, changed={"state": (before, enrolment.state)})
    post(
        letters.OFFER_LAPSED, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
        title=klass.title,
    )  # fmt: skip
    move_up(klass, now=now)
    return True
