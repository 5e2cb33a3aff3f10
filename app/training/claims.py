"""学时认定: hours earned elsewhere, with proof. One officer examines, another decides; towards a class's programme at most
the share of the rule counts. After the certificate the same way brings continuing education into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from app.accounts.models import Organisation, OrganisationKind, Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import number, percent
from app.db import db, locked
from app.files.models import StoredFile
from app.files.service import EVIDENCE, keep
from app.notices.service import post
from app.training import class_letters as letters
from app.training import hours
from app.training.class_deeds import Ran
from app.training.class_models import ClaimState, HourClaim, HourClaimProof, Purpose
from app.training.enrolments import ReasonMissing
from app.training.models import Enrolment, HourEntry, HourSource
from app.training.moving import DecidedAlready
from app.training.offers import terms
from app.training.states import IN_TRAINING

CONTINUING = 0
"""The level of hours after the certificate: they never count towards the training gate of a level."""
PROOFS = 6


class NoProof(Invalid):
    message = _l("Please add a proof: a certificate, a list of hours or a letter of the organiser.")


class TooManyProofs(Invalid):
    message = _l("At most %(most)s files; put the pages of one document into one PDF.")


class NoClass(Invalid):
    message = _l("Hours are recognised for a class in which you have a place. Enrol first.")


class DatesWrong(Invalid):
    message = _l("The last day cannot lie before the first, nor in the future.")


class AboveCap(Invalid):
    message = _l(
        "At most %(limit)s class hours from elsewhere count (%(share)s of the programme's %(whole)s); %(used)s are "
        "recognised already, so %(left)s can still be."
    )


class MoreThanStated(Invalid):
    message = _l("The person stated %(hours)s class hours; more cannot be recognised.")


class MoreThanExamined(Invalid):
    message = _l("The examiner found %(hours)s class hours proved; more cannot be recognised.")


class SamePerson(Refused):
    message = _l("You examined this yourself; another officer decides. Ask a colleague.")


class OwnClaim(Refused):
    message = _l("These are your own hours; somebody else has to look at them.")


# --- the cap --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cap:
    """How many hours from elsewhere may count towards a programme, and how many do."""

    whole: Decimal
    share: Decimal
    used: Decimal

    @property
    def limit(self) -> Decimal:
        return (self.whole * self.share).quantize(Decimal("0.01"))

    @property
    def left(self) -> Decimal:
        return max(self.limit - self.used, Decimal(0))

    @property
    def words(self) -> str:
        return AboveCap(None, **self.values()).text

    def values(self) -> dict[str, str]:
        return {
            "limit": number(self.limit), "share": percent(self.share), "whole": number(self.whole),
            "used": number(self.used), "left": number(self.left),
        }  # fmt: skip


def cap_of(person_id: int, enrolment: Enrolment) -> Cap:
    """The cap by the outline the enrolment pinned; reversed hours give their room back."""
    klass = enrolment.training_class
    taken = aliased(HourEntry)
    used = db.session.scalar(
        select(func.sum(HourEntry.hours))
        .outerjoin(taken, taken.id == HourEntry.reverses_id)
        .where(
            HourEntry.person_id == person_id,
            HourEntry.level == klass.level,
            or_(HourEntry.source_kind == HourSource.RECOGNISED, taken.source_kind == HourSource.RECOGNISED),
        )
    )
    whole = sum(hours.required_hours(enrolment.outline).values(), Decimal(0))
    return Cap(whole, terms(klass.region_id)["recognised_share"], used or Decimal(0))


# --- by the person --------------------------------------------------------------------------------------------------------


def enrolments_to_claim_for(person: Person) -> list[Enrolment]:
    return list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.person_id == person.id, Enrolment.state.in_(IN_TRAINING))
            .order_by(Enrolment.id.desc())
            .options(joinedload(Enrolment.training_class))
        )
    )


def bases_to_ask(person: Person) -> list[Organisation]:
    """Training bases that look at continuing education: those of the person's region, else all."""
    asked = select(Organisation).where(Organisation.kind == OrganisationKind.BASE).order_by(Organisation.name_zh)
    near = list(db.session.scalars(asked.where(Organisation.region_id == person.region_id)))
    return near or list(db.session.scalars(asked))


FIELDS = ("module", "title", "provider", "from_on", "until_on", "hours", "about")


def submit(
    person: Person,
    purpose: Purpose,
    values: Mapping[str, Any],
    uploads: Iterable[Any],
    *,
    enrolment: Enrolment | None = None,
    base: Organisation | None = None,
    claim: HourClaim | None = None,
    now: datetime,
) -> HourClaim:
    """State hours with proof, or send a returned statement again.

    Raises NoClass, DatesWrong, AboveCap (more than could ever be recognised), NoProof, TooManyProofs, FileRefused.
    """
    if claim is not None:
        claim = locked(claim)
        if claim.person_id != person.id:
            raise NotFound
        if claim.state is not ClaimState.RETURNED:
            raise DecidedAlready
        purpose, enrolment, base = claim.purpose, claim.enrolment, claim.organisation
    if purpose is Purpose.RECOGNITION:
        if enrolment is None or enrolment.person_id != person.id or enrolment.state not in IN_TRAINING:
            raise NoClass("enrolment_id")
        klass = enrolment.training_class
        level, organisation_id, region_id = klass.level, klass.organisation_id, klass.region_id
        cap = cap_of(person.id, enrolment)
        if values["hours"] > cap.left:
            raise AboveCap("hours", **cap.values())
    else:
        if base is None:
            raise NoClass("organisation_id")
        level, organisation_id, region_id = CONTINUING, base.id, base.region_id
    if values["until_on"] < values["from_on"] or values["until_on"] > clock.local_date(now):
        raise DatesWrong("until_on")
    sent = [u for u in uploads if u is not None and u.filename]
    there = len(claim.proofs) if claim else 0
    if not sent and not there:
        raise NoProof("proofs")
    if len(sent) + there > PROOFS:
        raise TooManyProofs("proofs", most=PROOFS)
    made = claim or HourClaim(
        person_id=person.id, person=person, purpose=purpose, level=level, organisation_id=organisation_id,
        region_id=region_id, enrolment_id=enrolment.id if enrolment else None, submitted_at=now,
    )  # fmt: skip
    for name in FIELDS:
        setattr(made, name, values[name])
    made.state, made.submitted_at = ClaimState.SUBMITTED, now
    made.recommended = made.examined_by_id = made.examined_at = None
    made.examiner_remark = ""
    db.session.add(made)
    db.session.flush()  # proofs name it
    for upload in sent:
        made.proofs.append(HourClaimProof(file=keep(upload, owner=person, kinds=EVIDENCE, field="proofs")))
    record(Ran.STATE_HOURS, made, by=person, more={"hours": made.hours, "purpose": purpose, "level": level})
    return made


def claims_of(person: Person) -> list[HourClaim]:
    return list(
        db.session.scalars(
            select(HourClaim)
            .where(HourClaim.person_id == person.id)
            .order_by(HourClaim.id.desc())
            .options(selectinload(HourClaim.proofs).joinedload(HourClaimProof.file), joinedload(HourClaim.organisation))
        )
    )


def own_claim(person: Person, claim_id: int) -> HourClaim:
    found = db.session.get(HourClaim, claim_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def withdraw(claim: HourClaim, *, by: Person, now: datetime) -> None:
    claim = locked(claim)
    if claim.person_id != by.id:
        raise NotFound
    if claim.state not in (ClaimState.SUBMITTED, ClaimState.RETURNED, ClaimState.EXAMINED):
        raise DecidedAlready
    claim.state = ClaimState.WITHDRAWN
    record(Ran.STATE_HOURS, claim, by=by, more={"withdrawn": True})


# --- by officers ----------------------------------------------------------------------------------------------------------


def claims_visible_to(person: Person) -> Select[HourClaim]:
    return (
        select(HourClaim)
        .where(within(person, Can.RUN_CLASS, region=HourClaim.region_id, organisation=HourClaim.organisation_id))
        .order_by(HourClaim.submitted_at, HourClaim.id)
    )


def claim_for(person: Person, claim_id: int) -> HourClaim:
    found = db.session.scalar(claims_visible_to(person).where(HourClaim.id == claim_id).order_by(None))
    if found is None:
        raise NotFound
    return found


def waiting_for(person: Person) -> int:
    """What this officer can do something about: to examine, or examined by somebody else."""
    asked = claims_visible_to(person).where(
        or_(
            HourClaim.state == ClaimState.SUBMITTED,
            (HourClaim.state == ClaimState.EXAMINED) & (HourClaim.examined_by_id != person.id),
        ),
        HourClaim.person_id != person.id,
    )
    return db.session.scalar(asked.with_only_columns(func.count()).order_by(None)) or 0


def same_files(claim: HourClaim) -> list[HourClaim]:
    """Other statements proved by the very same bytes: whoever examines is told."""
    mine = select(StoredFile.sha256).join(HourClaimProof, HourClaimProof.file_id == StoredFile.id).where(
        HourClaimProof.claim_id == claim.id
    )  # fmt: skip
    return list(
        db.session.scalars(
            select(HourClaim)
            .join(HourClaimProof, HourClaimProof.claim_id == HourClaim.id)
            .join(StoredFile, StoredFile.id == HourClaimProof.file_id)
            .where(StoredFile.sha256.in_(mine), HourClaim.id != claim.id)
            .distinct()
            .order_by(HourClaim.id)
            .options(joinedload(HourClaim.person))
        )
    )


def _may(claim: HourClaim, by: Person) -> None:
    must_reach(by, Can.RUN_CLASS, region=claim.region_id, organisation=claim.organisation_id)
    if claim.person_id == by.id:
        raise OwnClaim


def _within_cap(claim: HourClaim, amount: Decimal, field: str) -> Cap | None:
    """Refuses with the arithmetic in words. None for continuing education, which has no cap."""
    if claim.purpose is not Purpose.RECOGNITION:
        return None
    assert claim.enrolment is not None
    cap = cap_of(claim.person_id, claim.enrolment)
    if amount > cap.left:
        raise AboveCap(field, **cap.values())
    return cap


def examine(claim: HourClaim, amount: Decimal, *, by: Person, remark: str = "", now: datetime) -> None:
    """First look: how many hours the proof shows. Raises DecidedAlready, OwnClaim, MoreThanStated, AboveCap."""
    claim = locked(claim)
    _may(claim, by)
    if claim.state is not ClaimState.SUBMITTED:
        raise DecidedAlready
    if amount > claim.hours:
        raise MoreThanStated("hours", hours=number(claim.hours))
    _within_cap(claim, amount, "hours")
    claim.state, claim.recommended, claim.examiner_remark = ClaimState.EXAMINED, amount, remark.strip()
    claim.examined_by_id, claim.examined_at = by.id, now
    record(Ran.EXAMINE_HOURS, claim, by=by, reason=remark, more={"hours": amount})


def give_back(claim: HourClaim, *, by: Person, reason: str, now: datetime) -> None:
    """Back to the person, with a reason. Raises DecidedAlready, OwnClaim, ReasonMissing."""
    claim = locked(claim)
    _may(claim, by)
    if claim.state not in (ClaimState.SUBMITTED, ClaimState.EXAMINED):
        raise DecidedAlready
    if not reason.strip():
        raise ReasonMissing("reason")
    claim.state, claim.remark = ClaimState.RETURNED, reason.strip()
    record(Ran.DECIDE_HOURS, claim, by=by, reason=reason, more={"state": claim.state})
    post(
        letters.CLAIM_RETURNED, to=claim.person, link=f"/training/hours/elsewhere/{claim.id}", now=now,
        title=claim.title, reason=reason.strip(),
    )  # fmt: skip


def decide(claim: HourClaim, amount: Decimal, *, by: Person, reason: str = "", now: datetime) -> HourEntry | None:
    """Second look, by another officer: the hours go into the ledger, or none with a reason.

    The cap is read again under the lock of the enrolment, so that two decisions at once cannot pass it together.
    Raises DecidedAlready, OwnClaim, SamePerson, MoreThanExamined, AboveCap, ReasonMissing.
    """
    if claim.enrolment is not None:
        locked(claim.enrolment)
    claim = locked(claim)
    _may(claim, by)
    if claim.state is not ClaimState.EXAMINED:
        raise DecidedAlready
    if claim.examined_by_id == by.id:
        raise SamePerson
    assert claim.recommended is not None
    if amount > claim.recommended:
        raise MoreThanExamined("hours", hours=number(claim.recommended))
    if amount < claim.recommended and not reason.strip():
        raise ReasonMissing("reason")
    cap = _within_cap(claim, amount, "hours")
    claim.decided_by_id, claim.decided_at, claim.remark = by.id, now, reason.strip()
    claim.granted = amount
    claim.state = ClaimState.GRANTED if amount > 0 else ClaimState.REFUSED
    claim.working = {"stated": str(claim.hours), "examined": str(claim.recommended), "granted": str(amount)}
    if cap is not None:
        claim.working |= {
            "whole": str(cap.whole), "share": str(cap.share), "limit": str(cap.limit), "used_before": str(cap.used),
        }  # fmt: skip
    made = None
    if amount > 0:
        recognised = claim.purpose is Purpose.RECOGNITION
        made = HourEntry(
            person_id=claim.person_id, level=claim.level, module=claim.module, hours=amount,
            source_kind=HourSource.RECOGNISED if recognised else HourSource.CONTINUING, source_id=claim.id,
            class_id=claim.enrolment.class_id if claim.enrolment else None, online=False, earned_on=claim.until_on
            if not recognised else min(claim.until_on, clock.local_date(now)),
            working={
                "rule": "recognised" if recognised else "continuing", "title": claim.title, "provider": claim.provider,
                "from": claim.from_on.isoformat(), "until": claim.until_on.isoformat(), "credited": str(amount),
            } | claim.working,
            created_at=now, by_id=by.id,
        )  # fmt: skip
        db.session.add(made)
        db.session.flush()  # the claim names its line
        claim.entry_id, claim.entry = made.id, made
    record(Ran.DECIDE_HOURS, claim, by=by, reason=reason, more={"state": claim.state, "hours": amount})
    post(
        letters.CLAIM_DECIDED, to=claim.person, link=f"/training/hours/elsewhere/{claim.id}", now=now,
        title=claim.title, granted=amount, hours=claim.hours, reason=reason.strip(),
    )  # fmt: skip
    return made


def revoke(claim: HourClaim, *, by: Person, reason: str, now: datetime) -> None:
    """Hours that turn out to be wrong are taken back by a reversing line. Raises DecidedAlready, OwnClaim, ReasonMissing."""
    claim = locked(claim)
    _may(claim, by)
    if claim.state is not ClaimState.GRANTED or claim.entry is None:
        raise DecidedAlready
    if not reason.strip():
        raise ReasonMissing("reason")
    hours.reverse(claim.entry, by=by, reason=reason.strip(), now=now)
    claim.state, claim.remark = ClaimState.REFUSED, reason.strip()
    record(Ran.REVOKE_HOURS, claim, by=by, reason=reason, more={"hours": claim.granted})


def working_words(working: Mapping[str, Any]) -> str:
    """The arithmetic of a ledger line in words."""
    words = _(
        "%(title)s, %(provider)s: stated %(stated)s, proved %(examined)s, recognised %(granted)s",
        title=working["title"], provider=working["provider"], stated=number(Decimal(working["stated"])),
        examined=number(Decimal(working["examined"])), granted=number(Decimal(working["granted"])),
    )  # fmt: skip
    if "limit" in working:
        words += "; " + _(
            "at most %(limit)s (%(share)s of %(whole)s), %(used)s before",
            limit=number(Decimal(working["limit"])), share=percent(Decimal(working["share"])),
            whole=number(Decimal(working["whole"])), used=number(Decimal(working["used_before"])),
        )  # fmt: skip
    return words


# --- continuing education --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Continuing:
    """继续教育 in a period by the ledger: all hours, and those on policy and law."""

    total: Decimal
    policy: Decimal


def continuing_of(person: Person, since: date, until: date) -> Continuing:
    """Everything the ledger holds for a period: classes of any level, and continuing education decided upon."""
    found = hours.hours_between(person, since, until)
    return Continuing(
        max(sum(found.values(), Decimal(0)), Decimal(0)), max(found.get("policy", Decimal(0)), Decimal(0))
    )


def continuing_by_year(person: Person, today: date, years: int = 4) -> list[tuple[int, Continuing]]:
    """Calendar year → hours, newest first."""
    first = today.year - years + 1
    rows = db.session.execute(
        select(HourEntry.earned_on, HourEntry.module, HourEntry.hours).where(
            HourEntry.person_id == person.id, HourEntry.earned_on >= date(first, 1, 1), HourEntry.earned_on <= today
        )
    ).all()
    made = []
    for year in range(today.year, first - 1, -1):
        mine = [(module, amount) for on, module, amount in rows if on.year == year]
        total = sum((amount for _m, amount in mine), Decimal(0))
        policy = sum((amount for module, amount in mine if module == "policy"), Decimal(0))
        made.append((year, Continuing(total, policy)))
    return made
