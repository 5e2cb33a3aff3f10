"""What the clock does for classes: offers whose term is over, who never signed out, the letter before the class begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app.core import clock
from app.core.text import moment
from app.db import db, locked, unit_of_work
from app.jobs.service import every
from app.notices.service import post
from app.training import class_letters as letters
from app.training import offers, signing
from app.training.class_models import ClassReminder
from app.training.classes import words
from app.training.models import ClassSession, Enrolment, TrainingClass
from app.training.states import ClassState, EnrolmentState


@every(seconds=60, name="training.lapse_offers")
def lapse_offers(now: datetime) -> None:
    """Places nobody accepted go to the next person, each in its own transaction: a kill in between loses nothing."""
    for offer_id in offers.run_out(now):
        with unit_of_work():
            offers.lapse(offer_id, now=now)


@every(seconds=120, name="training.fill_places")
def fill_places(now: datetime) -> None:
    """Classes in which people wait while places are free (a capacity raised by hand, a restart in between)."""
    from app.training.classes import places_taken
    from app.training.enrolments import move_up
    from app.training.states import TAKES_PEOPLE

    waiting = db.session.scalars(
        select(Enrolment.class_id)
        .join(TrainingClass)
        .where(Enrolment.state == EnrolmentState.WAITING, TrainingClass.state.in_(TAKES_PEOPLE))
        .distinct()
        .order_by(Enrolment.class_id)
    ).all()
    for class_id in waiting:
        with unit_of_work():
            klass = locked(db.session.get_one(TrainingClass, class_id))
            if places_taken(klass.id) < klass.capacity:
                move_up(klass, now=now)


@every(seconds=300, name="training.settle_sign_outs")
def settle_sign_outs(now: datetime) -> None:
    for session_id in signing.to_settle(now):
        with unit_of_work():
            session = db.session.get_one(ClassSession, session_id)
            signing.settle([session], now=now)


@every(seconds=1800, name="training.remind_of_classes")
def remind(now: datetime) -> None:
    """A letter some days before the class begins, once for each person with a place."""
    today = clock.local_date(now)
    soon = db.session.scalars(
        select(TrainingClass)
        .where(
            TrainingClass.state == ClassState.OPEN,
            TrainingClass.starts_on > today,
            TrainingClass.starts_on <= today + timedelta(days=30),
        )
        .order_by(TrainingClass.id)
    ).all()
    for one in soon:
        if (one.starts_on - today).days > offers.terms(one.region_id)["remind_days"]:
            continue
        with unit_of_work():
            klass = locked(one)
            told = select(ClassReminder.enrolment_id)
            first = min((s.starts_at for s in klass.sessions), default=None)
            for enrolment in db.session.scalars(
                select(Enrolment)
                .where(
                    Enrolment.class_id == klass.id,
                    Enrolment.state == EnrolmentState.ADMITTED,
                    Enrolment.id.not_in(told),
                )
                .order_by(Enrolment.id)
            ):
                db.session.add(ClassReminder(enrolment_id=enrolment.id, at=now))
                post(
                    letters.REMINDER, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
                    first=moment(first) if first else "—", **words(klass),
                )  # fmt: skip
