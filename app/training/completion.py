"""结业证明: hours of a class by module, frozen, numbered, and confirmed to whoever holds the paper. No certificate of a level.

Made when the training gate is passed: at the end of the class, or later, when the hours that lacked have been earned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.accounts.scope import within
from app.audit.service import record
from app.core import clock, crypto
from app.core.crypto import settings
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.db import db, locked
from app.files.service import read_file
from app.jobs.service import enqueue
from app.notices.service import post
from app.outline.rules import MODULES
from app.outline.service import rule
from app.training import letters
from app.training.classes import runs
from app.training.deeds import Did
from app.training.hours import standing_of
from app.training.learning_models import Completion
from app.training.models import Enrolment, HourEntry, TrainingClass
from app.training.states import ClassState, EnrolmentState
from certificates.names import NameRefused, printable
from certificates.snapshot import fingerprint, plain

RENDER = "training.completion"


class NoStatement(Refused):
    message = _l("There is no completion statement: the class has not ended, or its hours do not reach what is asked.")


class CannotPrint(Refused):
    message = _l(
        "The name “%(name)s” holds a character that cannot be printed. Please have it written as on the ID document; the "
        "statement itself is valid and can be checked by its number."
    )


class ReasonNeeded(Invalid):
    message = _l("Please say why the statement is withdrawn; its readers see that it no longer stands.")


class WithdrawnAlready(Refused):
    message = _l("This statement has been withdrawn.")


_MODULES_ZH = {"common": "公共知识", "policy": "政策法规", "skill": "实务技能", "advanced": "能力提升"}


# --- making ---------------------------------------------------------------------------------------------------------------


def issue(enrolment: Enrolment, *, by: Person | None, now: datetime) -> Completion | None:
    """The statement of an enrolment whose class is completed, where the hours suffice; None where they do not.

    Call under the lock of the class, so that numbers follow each other. Asked again it gives the one that is there.
    """
    if enrolment.state is not EnrolmentState.COMPLETED or enrolment.completed_at is None:
        return None
    if held := of_enrolment(enrolment.id):
        return held
    klass, person = enrolment.training_class, enrolment.person
    # Statements of before this table have a number and were judged at the end of their class.
    fresh = enrolment.completion_number is None
    on = clock.local_date(now if fresh else enrolment.completed_at)
    if fresh and not standing_of(person, klass.level, on).met:
        return None
    number = enrolment.completion_number or _next_number(klass)
    enrolment.completion_number = number
    snapshot = plain({"format": "completion/1", "number": number, **_told(enrolment, on)})
    made = Completion(
        enrolment_id=enrolment.id, number=number, token=crypto.token(), snapshot=snapshot, fingerprint=fingerprint(snapshot),
        made_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the job names it by its id
    record(Did.ISSUE_COMPLETION, enrolment, by=by, more={"number": number, "fingerprint": made.fingerprint})
    enqueue(RENDER, [{"completion": made.id, "label": number}], by=by, title=_l("Completion statement as PDF"))
    return made


def _next_number(klass: TrainingClass) -> str:
    stem = f"JY{klass.region.code}{klass.ends_on.year}{klass.id:05d}"
    taken = db.session.scalars(
        select(Enrolment.completion_number).where(
            Enrolment.class_id == klass.id, Enrolment.completion_number.is_not(None)
        )
    )
    last = max((int(one[len(stem) :]) for one in taken if one and one[len(stem) :].isdigit()), default=0)
    return f"{stem}{last + 1:03d}"


def _told(enrolment: Enrolment, on: date) -> dict[str, Any]:
    """Everything the statement says, as plain values."""
    klass, person = enrolment.training_class, enrolment.person
    level = next((row for row in rule("levels", on=on)["levels"] if row["rank"] == klass.level), None)
    return {
        "name": person.name,
        "masked_id": person.id_masked or "—",
        "class": klass.title,
        "programme_zh": f"{level['zh'] if level else klass.level}培训",
        "programme_en": f"{level['en'] if level else klass.level} programme",
        "starts_on": klass.starts_on,
        "ends_on": klass.ends_on,
        "modules": [
            {"code": m, "zh": _MODULES_ZH.get(m, m), "en": _english(m), "hours": hours}
            for m, hours in _hours(person.id, klass.level, on).items()
        ],
        "base_zh": klass.organisation.name_zh,
        "base_en": klass.organisation.name_en,
        "issued_on": on,
    }


def _hours(person_id: int, level: int, on: date) -> dict[str, Decimal]:
    """Module → hours credited up to a day as the ledger says now, in the order of the modules."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for module, hours in db.session.execute(
        select(HourEntry.module, func.sum(HourEntry.hours))
        .where(HourEntry.person_id == person_id, HourEntry.level == level, HourEntry.earned_on <= on)
        .group_by(HourEntry.module)
    ):
        found[module] = hours
    return {m: found[m] for m in (*MODULES, *(m for m in found if m not in MODULES)) if found.get(m)}


def _english(module: str) -> str:
    with force_locale("en"):
        return str(MODULES.get(module, module))


def due(now: datetime) -> list[int]:
    """Ids of enrolments that may have reached their statement since: hours came after the class was over, or the statement
    is of before statements were kept."""
    recent = exists().where(
        HourEntry.person_id == Enrolment.person_id,
        HourEntry.created_at > Enrolment.completed_at,
        HourEntry.created_at > now - timedelta(days=2),
    )
    known = exists().where(Completion.enrolment_id == Enrolment.id)
    return list(
        db.session.scalars(
            select(Enrolment.id)
            .join(TrainingClass)
            .where(
                Enrolment.state == EnrolmentState.COMPLETED,
                TrainingClass.state == ClassState.ENDED,
                ~known,
                Enrolment.completion_number.is_not(None) | recent,
            )
            .order_by(Enrolment.id)
            .limit(500)
        )
    )


def issue_late(enrolment_id: int, *, now: datetime) -> None:
    """A statement for hours that came after the end of the class; its holder is told."""
    enrolment = db.session.get_one(Enrolment, enrolment_id)
    db.session.get_one(TrainingClass, enrolment.class_id, with_for_update=True)
    had = enrolment.completion_number
    made = issue(enrolment, by=None, now=now)
    if made is not None and had is None:
        post(
            letters.COMPLETED, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
            number=made.number, title=enrolment.training_class.title,
        )  # fmt: skip


# --- the paper ------------------------------------------------------------------------------------------------------------


def address_of(completion: Completion) -> str:
    """Where the QR code leads."""
    return f"{settings().PUBLIC_URL}/training/confirm/{completion.token}"


def pdf_of(completion: Completion) -> bytes:
    """The statement as PDF, out of its snapshot alone; the renderer is imported here, so that web processes stay small.

    Raises CannotPrint.
    """
    from certificates import faces, rendering

    s: Mapping[str, Any] = completion.snapshot
    try:
        name = printable(s["name"])
    except NameRefused:
        raise CannotPrint(name=s["name"]) from None
    return rendering.completion_pdf(
        faces.CompletionFace(
            number=completion.number,
            holder_name=name,
            masked_id=s["masked_id"],
            class_name=s["class"],
            programme_zh=s["programme_zh"],
            programme_en=s["programme_en"],
            starts_on=date.fromisoformat(s["starts_on"]),
            ends_on=date.fromisoformat(s["ends_on"]),
            modules=tuple(faces.ModuleHours(m["zh"], m["en"], Decimal(m["hours"])) for m in s["modules"]),
            base_zh=s["base_zh"],
            base_en=s["base_en"],
            issued_on=date.fromisoformat(s["issued_on"]),
            verify_url=address_of(completion),
            trial=settings().APP_MODE != "production",
        )
    )


def completion_pdf_of(enrolment: Enrolment) -> bytes:
    """The statement of an enrolment as PDF: as the worker made it, or made now where it has not come to it.

    Raises NoStatement, WithdrawnAlready.
    """
    held = of_enrolment(enrolment.id)
    if held is None:
        raise NoStatement
    if held.withdrawn_at is not None:
        raise WithdrawnAlready
    return read_file(held.pdf) if held.pdf is not None else pdf_of(held)


# --- asking ---------------------------------------------------------------------------------------------------------------


def of_enrolment(enrolment_id: int) -> Completion | None:
    return db.session.scalar(
        select(Completion).where(Completion.enrolment_id == enrolment_id).options(joinedload(Completion.pdf))
    )


def _reach(person: Person) -> ColumnElement[bool]:
    return within(
        person, Can.READ_CLASS, region=TrainingClass.region_id, organisation=TrainingClass.organisation_id,
        klass=TrainingClass.id,
    )  # fmt: skip


def visible_to(person: Person) -> Select[Completion]:
    """Statements of the classes an officer may read."""
    return (
        select(Completion)
        .join(Enrolment, Enrolment.id == Completion.enrolment_id)
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .join(Person, Person.id == Enrolment.person_id)
        .where(_reach(person))
        .order_by(Completion.id.desc())
    )


def completion_for(person: Person, completion_id: int) -> Completion:
    """NotFound for "not there" and "not yours" alike."""
    found = db.session.scalar(visible_to(person).where(Completion.id == completion_id))
    if found is None:
        raise NotFound
    return found


def withdraw(completion: Completion, *, by: Person, reason: str, now: datetime) -> None:
    """Take a statement back, with a reason. The paper stays what it is; its page says that it no longer stands.

    Raises ReasonNeeded, WithdrawnAlready, NotFound (whose classes these are not).
    """
    completion = locked(completion)
    klass = completion.enrolment.training_class
    if not runs(by, klass):
        raise NotFound
    if not reason.strip():
        raise ReasonNeeded("reason")
    if completion.withdrawn_at is not None:
        raise WithdrawnAlready
    completion.withdrawn_at, completion.withdrawn_by_id, completion.reason = now, by.id, reason.strip()
    record(Did.WITHDRAW_COMPLETION, completion.enrolment, by=by, reason=reason, more={"number": completion.number})
    post(
        letters.COMPLETION_WITHDRAWN, to=completion.enrolment.person,
        link=f"/training/enrolments/{completion.enrolment_id}", now=now, number=completion.number, reason=reason.strip(),
    )  # fmt: skip


# --- confirming -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confirmed:
    """What a reader of the paper is told."""

    completion: Completion
    name: str
    stated: Decimal
    now: Decimal

    @property
    def withdrawn(self) -> bool:
        return self.completion.withdrawn_at is not None

    @property
    def changed(self) -> bool:
        """The ledger no longer holds the hours that were stated."""
        return self.now < self.stated

    @property
    def stands(self) -> bool:
        return not self.withdrawn and not self.changed


def by_token(token: str) -> Completion | None:
    return db.session.scalar(select(Completion).where(Completion.token == token.replace("\0", "")[:60]))


def by_number(number: str) -> Completion | None:
    wanted = "".join(number.split()).upper()
    return db.session.scalar(select(Completion).where(Completion.number == wanted[:30]))


def confirm(completion: Completion, *, whole_name: bool) -> Confirmed:
    """What was stated and whether the ledger still says so. The number alone is easily guessed, so whoever has only that is
    not told the whole name; the code on the paper is not."""
    s, enrolment = completion.snapshot, completion.enrolment
    stated = sum((Decimal(m["hours"]) for m in s["modules"]), Decimal(0))
    held = _hours(enrolment.person_id, enrolment.training_class.level, date.fromisoformat(s["issued_on"]))
    now = sum((min(Decimal(m["hours"]), held.get(m["code"], Decimal(0))) for m in s["modules"]), Decimal(0))
    name = s["name"]
    return Confirmed(completion, name if whole_name else f"{name[:1]}**", stated, now)
