"""Recognition by hand: agreements, cases with documents, two people per decision, notes that hold as long as their source.

A recognition is a decision of its own with a note (认可凭证); it never is a certificate of the deciding region. When the
source is suspended, revoked or ends, or the agreement ends, the recognition is put under re-examination (待复核), not deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import selectinload

from app.accounts import service as accounts
from app.accounts.models import ConsentKind, Person, Region
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.certification import service as certification
from app.certification.models import Certificate
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.core.waiting import Waiting, waiting
from app.db import db
from app.files.models import StoredFile
from app.jobs.service import enqueue
from app.notices.service import post
from app.outline import service as outline
from app.pathway import service as pathway
from app.pathway.rules import Stage
from app.recognition import endorsements, letters
from app.recognition.deeds import Did
from app.recognition.models import (
    Agreement,
    AgreementEvent,
    CaseDocument,
    CaseEvent,
    Equivalence,
    RecognitionCase,
    RecognitionCounter,
)
from app.recognition.rules import code_words, valid_until
from app.recognition.states import (
    AGREEMENT_MOVES,
    CASE_MOVES,
    OPEN,
    AgreementMove,
    AgreementState,
    CaseMove,
    CaseState,
    Outcome,
    Validity,
    Verified,
)
from certificates.names import comparable

PREFIX = "RZ"


class SamePerson(Refused):
    status = 403
    message = _l("Whoever proposed a decision does not take it. A colleague has to decide.")


class OwnCase(Refused):
    status = 403
    message = _l("Nobody examines or decides their own request.")


class AlreadyAsked(Invalid):
    message = _l("You have asked this region to recognise this certificate already; that request is still open.")


class AlreadyRecognised(Invalid):
    message = _l("This region recognises this certificate already (%(number)s).")


class NoConsent(Invalid):
    message = _l("Without your consent your data cannot be given to %(receiver)s.")


class OwnRegion(Invalid):
    message = _l("The certificate was issued by this region itself; it needs no recognition there.")


class NotIssuedYet(Invalid):
    message = _l("This day lies ahead. Please give the day printed on the certificate.")


class ExpiresFirst(Invalid):
    message = _l("The validity cannot end before the certificate was issued.")


class ReasonsMissing(Invalid):
    message = _l("A refusal needs at least one reason code.")


class ConditionsMissing(Invalid):
    message = _l("Please write down the conditions.")


class NotVerified(Invalid):
    message = _l("A certificate that was not verified cannot be recognised. Verify it first, or refuse with code N1.")


class WrongRank(Invalid):
    message = _l("This outcome does not fit the level asked for.")


# Agreements


def agreements_visible_to(person: Person) -> Select[Agreement]:
    """Agreements of the regions an officer reaches, on either side."""
    return select(Agreement).where(
        or_(
            within(person, Can.READ_RECOGNITION, region=Agreement.region_id),
            within(person, Can.READ_RECOGNITION, region=Agreement.partner_id),
        )
    )


def agreement_for(person: Person, agreement_id: int) -> Agreement:
    found = db.session.scalars(agreements_visible_to(person).where(Agreement.id == agreement_id)).unique().one_or_none()
    if found is None:
        raise NotFound
    return found


def public_agreements(on: date) -> list[Agreement]:
    """Agreements in force on a day: what anybody may know."""
    rows = db.session.scalars(
        select(Agreement).where(Agreement.state == AgreementState.IN_FORCE).order_by(Agreement.region_id, Agreement.id)
    ).unique()
    return [row for row in rows if row.holds_on(on)]


def save_agreement(
    agreement: Agreement | None,
    values: Mapping[str, Any],
    levels: Iterable[tuple[str, int, str]],
    *,
    by: Person,
    now: datetime,
) -> Agreement:
    """Add an agreement, or correct a draft. ``levels``: (their level, our rank, condition). Raises Invalid at a field,
    Forbidden outside the officer's region, NotAllowedNow once it is in force (end it and make a new one)."""
    must_reach(by, Can.KEEP_AGREEMENT, region=values["region_id"])
    if values["region_id"] == values["partner_id"]:
        raise SameSides("partner_id")
    if values.get("ends_on") and values["ends_on"] < values["effective_on"]:
        raise EndsBefore("ends_on")
    if agreement is None:
        agreement = Agreement(created_by_id=by.id, created_at=now, state=AgreementState.DRAFT)
        db.session.add(agreement)
    elif agreement.state is not AgreementState.DRAFT:
        raise NotAllowedNow
    else:
        must_reach(by, Can.KEEP_AGREEMENT, region=agreement.region_id)
    for name, value in values.items():
        setattr(agreement, name, value)
    known = outline.level_names()
    rows = [Equivalence(source_level=text, rank=rank, condition=condition) for text, rank, condition in levels]
    if not rows:
        raise NoLevels("levels")
    if any(row.rank not in known for row in rows) or len({row.source_level for row in rows}) != len(rows):
        raise BadLevels("levels")
    for old in list(agreement.levels):
        db.session.delete(old)
    db.session.flush()  # the old rows go before the new ones with the same names come
    agreement.levels = rows
    record(
        Did.SAVE_AGREEMENT, agreement, by=by, more={"basis": agreement.basis, "levels": [r.source_level for r in rows]}
    )
    return agreement


class SameSides(Invalid):
    message = _l("The two sides must be different regions.")


class EndsBefore(Invalid):
    message = _l("The end lies before the beginning.")


class NoLevels(Invalid):
    message = _l("At least one level of theirs must be set against one of ours.")


class BadLevels(Invalid):
    message = _l("Each of their levels may stand once, against a level that exists here.")


def move_agreement(agreement: Agreement, move: AgreementMove, *, by: Person, reason: str, now: datetime) -> None:
    """Grant, suspend, restore or end trust, with a reason. Recognitions under it are checked again when it stops."""
    must_reach(by, Can.KEEP_AGREEMENT, region=agreement.region_id)
    before = agreement.state
    agreement.state = moved(AGREEMENT_MOVES, agreement.state, move)
    agreement.events.append(AgreementEvent(at=now, by_id=by.id, move=move, reason=reason))
    record(Did.MOVE_AGREEMENT, agreement, by=by, reason=reason, changed={"state": (before, agreement.state)})
    if move in (AgreementMove.SUSPEND, AgreementMove.END):
        for case in _in_force_under(agreement.id):
            doubt(
                case, reason=str(_l("the agreement was suspended or ended: %(reason)s", reason=reason)), by=by, now=now
            )


def _in_force_under(agreement_id: int) -> list[RecognitionCase]:
    return list(
        db.session.scalars(
            select(RecognitionCase)
            .where(RecognitionCase.agreement_id == agreement_id, RecognitionCase.state == CaseState.RECOGNISED)
            .order_by(RecognitionCase.id)
            .with_for_update()
        )
    )


def agreement_between(region_id: int, partner_id: int | None, on: date) -> Agreement | None:
    """The agreement under which a region recognises certificates of another on a day, else None."""
    if partner_id is None:
        return None
    rows = db.session.scalars(
        select(Agreement)
        .where(Agreement.region_id == region_id, Agreement.partner_id == partner_id)
        .order_by(Agreement.id.desc())
    ).unique()
    return next((row for row in rows if row.holds_on(on)), None)


# Cases


def cases_visible_to(person: Person) -> Select[RecognitionCase]:
    return (
        select(RecognitionCase)
        .where(within(person, Can.READ_RECOGNITION, region=RecognitionCase.region_id))
        .options(selectinload(RecognitionCase.person), selectinload(RecognitionCase.region))
    )


def case_for(person: Person, case_id: int) -> RecognitionCase:
    """A case within an officer's reach. NotFound otherwise."""
    found = db.session.scalar(cases_visible_to(person).where(RecognitionCase.id == case_id))
    if found is None:
        raise NotFound
    return found


def own_case(person: Person, case_id: int) -> RecognitionCase:
    """A case of the person's own. NotFound otherwise."""
    found = db.session.scalar(
        select(RecognitionCase).where(RecognitionCase.id == case_id, RecognitionCase.person_id == person.id)
    )
    if found is None:
        raise NotFound
    return found


def cases_of(person: Person) -> list[RecognitionCase]:
    return list(
        db.session.scalars(
            select(RecognitionCase).where(RecognitionCase.person_id == person.id).order_by(RecognitionCase.id.desc())
        )
    )


def certificates_to_offer(person: Person) -> list[Certificate]:
    """Certificates of this site that the person could have recognised elsewhere."""
    return list(certification.certificates_of(person))


@dataclass(frozen=True)
class Source:
    """The certificate to be recognised, as its holder states it."""

    issuer: str
    number: str
    name: str
    level: str
    issued_on: date
    expires_on: date | None
    region_id: int | None = None
    certificate_id: int | None = None


def source_of(certificate: Certificate) -> Source:
    """What the register of this site says of a certificate."""
    return Source(
        issuer=certificate.region.authority_zh,
        number=certificate.number,
        name=certificate.holder_name,
        level=outline.level_name(certificate.rank, region_id=certificate.region_id),
        issued_on=certificate.issued_on,
        expires_on=certificate.valid_until,
        region_id=certificate.region_id,
        certificate_id=certificate.id,
    )


def submit(
    person: Person,
    region: Region,
    source: Source,
    target_rank: int,
    documents: Iterable[StoredFile],
    *,
    purpose: str = "",
    consents: bool,
    now: datetime,
) -> RecognitionCase:
    """Ask a region to recognise a certificate. The holder's separate consent names the receiver (PIPL art. 23).

    Raises NoConsent, OwnRegion, NotIssuedYet, ExpiresFirst, AlreadyAsked, AlreadyRecognised, WrongRank.
    """
    if not consents:
        raise NoConsent("consents", receiver=region.authority_zh)
    if source.region_id == region.id:
        raise OwnRegion("region_id")
    if source.issued_on > clock.local_date(now):
        raise NotIssuedYet("source_issued_on")
    if source.expires_on is not None and source.expires_on < source.issued_on:
        raise ExpiresFirst("source_expires_on")
    if target_rank not in outline.level_names(region_id=region.id):
        raise WrongRank("target_rank")
    for other in _same_source(person, region, source.number):
        if other.state in OPEN:
            raise AlreadyAsked("region_id")
        if other.state is CaseState.RECOGNISED and holds_on(other, clock.local_date(now)):
            raise AlreadyRecognised("region_id", number=other.number)
    accounts.give_consent(person, ConsentKind.EXCHANGE, now=now, receiver=region.authority_zh)
    agreement = agreement_between(region.id, source.region_id, clock.local_date(now))
    case = RecognitionCase(
        person_id=person.id, region_id=region.id, agreement_id=agreement.id if agreement else None,
        certificate_id=source.certificate_id, source_issuer=source.issuer, source_region_id=source.region_id,
        source_number=source.number, source_name=source.name, source_level=source.level,
        source_issued_on=source.issued_on, source_expires_on=source.expires_on, target_rank=target_rank, purpose=purpose,
        submitted_at=now, state=CaseState.SUBMITTED,
        verified=Verified.REGISTER if source.certificate_id else Verified.NONE,
        verified_on=clock.local_date(now) if source.certificate_id else None,
        documents=[CaseDocument(file=file) for file in documents],
    )  # fmt: skip
    db.session.add(case)
    _note(case, CaseMove.SUBMIT, person, now)
    record(Did.SUBMIT, case, by=person, more={"region": region.code, "number": source.number})
    return case


def _same_source(person: Person, region: Region, number: str) -> list[RecognitionCase]:
    return list(
        db.session.scalars(
            select(RecognitionCase).where(
                RecognitionCase.person_id == person.id,
                RecognitionCase.region_id == region.id,
                RecognitionCase.source_number == number,
            )
        )
    )


def resubmit(
    case: RecognitionCase, documents: Iterable[StoredFile], *, purpose: str, by: Person, now: datetime
) -> None:
    """Send a returned case again, with further documents."""
    if case.person_id != by.id:
        raise NotFound
    case.state = moved(CASE_MOVES, case.state, CaseMove.SUBMIT)
    case.documents.extend(CaseDocument(file=file) for file in documents)
    case.purpose, case.submitted_at, case.correct_until = purpose or case.purpose, now, None
    _note(case, CaseMove.SUBMIT, by, now)
    record(Did.SUBMIT, case, by=by, more={"again": True})


def withdraw(case: RecognitionCase, *, by: Person, now: datetime) -> None:
    if case.person_id != by.id:
        raise NotFound
    case.state = moved(CASE_MOVES, case.state, CaseMove.WITHDRAW)
    _note(case, CaseMove.WITHDRAW, by, now)
    record(Did.WITHDRAW, case, by=by)


@dataclass(frozen=True)
class Check:
    """One thing the system looked at: ``fine`` None where only a person can say."""

    code: str
    label: Any
    fine: bool | None
    words: str = ""


def checks(case: RecognitionCase, on: date) -> list[Check]:
    """What can be checked without a person, each with the reason code it would lead to."""
    found: list[Check] = []
    certificate = case.certificate
    if certificate is not None:
        state = certification.state_on(certificate, on)
        found.append(Check("N1", _l("Found in this site's register"), certificate.number == case.source_number))
        found.append(
            Check(
                "N3",
                _l("Neither suspended nor revoked"),
                str(state) not in ("suspended", "revoked", "cancelled"),
                str(state),
            )
        )
        same = comparable(certificate.holder_name) == comparable(case.person.name)
        found.append(Check("N7", _l("Holder is the applicant"), same and certificate.holder_id == case.person_id))
    else:
        found.append(Check("N1", _l("Verified with the issuer"), True if case.verified is not Verified.NONE else None))
        found.append(
            Check(
                "N7",
                _l("Name on the certificate is the applicant's"),
                _comparable(case.source_name) == _comparable(case.person.name),
            )
        )
    found.append(Check("N2", _l("Not expired"), case.source_expires_on is None or case.source_expires_on >= on))
    agreement = case.agreement
    if agreement is None:
        found.append(Check("N4", _l("Covered by an agreement"), None, str(_l("no agreement: a case review is needed"))))
    else:
        found.append(Check("N10", _l("Agreement in force"), agreement.holds_on(on), agreement.basis))
        covered = any(row.source_level == case.source_level for row in agreement.levels)
        found.append(Check("N4", _l("Level stands in the agreement"), covered, case.source_level))
    others = [c for c in _same_source(case.person, case.region, case.source_number) if c.id != case.id]
    found.append(Check("N9", _l("Not recognised already"), not any(holds_on(c, on) for c in others)))
    return found


def _comparable(name: str) -> str:
    try:
        return comparable(name)
    except ValueError:
        return name


def proposal(case: RecognitionCase) -> Equivalence | None:
    """What the agreement's equivalence proposes for the level of the source certificate."""
    rows = case.agreement.levels if case.agreement else []
    return next((row for row in rows if row.source_level == case.source_level), None)


def verify_source(case: RecognitionCase, how: Verified, note: str, *, by: Person, now: datetime) -> None:
    """Write down how the source certificate was verified."""
    _may(case, by, Can.REVIEW_RECOGNITION)
    if case.state is not CaseState.SUBMITTED:
        raise NotAllowedNow
    before = case.verified
    case.verified, case.verified_note, case.verified_on = how, note, clock.local_date(now)
    record(Did.PROPOSE, case, by=by, reason=note, changed={"verified": (before, how)})


def return_case(case: RecognitionCase, *, by: Person, codes: list[str], remark: str, now: datetime) -> None:
    """Send it back for correction, with the term of the rule."""
    _may(case, by, Can.REVIEW_RECOGNITION)
    case.state = moved(CASE_MOVES, case.state, CaseMove.RETURN)
    days = outline.rule("recognition_codes", region_id=case.region_id)["correct_days"]
    case.codes, case.remark, case.correct_until = codes, remark, clock.local_date(now) + timedelta(days=days)
    _note(case, CaseMove.RETURN, by, now, remark)
    record(Did.RETURN, case, by=by, reason=remark, more={"codes": codes})
    post(
        letters.RETURNED, to=case.person, link=f"/recognition/{case.id}", authority=case.region.authority_zh,
        number=case.source_number, remark=remark, until=case.correct_until,
    )  # fmt: skip


def propose(
    case: RecognitionCase,
    outcome: Outcome,
    *,
    by: Person,
    rank: int | None,
    conditions: str,
    codes: list[str],
    remark: str,
    now: datetime,
) -> None:
    """The first officer's proposal. Raises ReasonsMissing, ConditionsMissing, WrongRank, NotVerified at a field."""
    _may(case, by, Can.REVIEW_RECOGNITION)
    if outcome is Outcome.REFUSED:
        if not codes:
            raise ReasonsMissing("codes")
        rank, conditions = None, ""
    else:
        if case.verified is Verified.NONE:
            raise NotVerified("outcome")
        if rank not in outline.level_names(region_id=case.region_id):
            raise WrongRank("rank")
        if (outcome is Outcome.LOWER) != (rank < case.target_rank):  # type: ignore[operator]
            raise WrongRank("rank")
        if outcome is Outcome.CONDITIONAL and not conditions:
            raise ConditionsMissing("conditions")
    case.state = moved(CASE_MOVES, case.state, CaseMove.PROPOSE)
    case.outcome, case.rank, case.conditions, case.codes, case.remark = outcome, rank, conditions, codes, remark
    case.proposed_by_id, case.proposed_at = by.id, now
    seen = {check.code: check.fine for check in checks(case, clock.local_date(now))}
    _note(case, CaseMove.PROPOSE, by, now, remark, {"checks": seen, "outcome": outcome.value, "rank": rank})
    record(Did.PROPOSE, case, by=by, reason=remark, more={"outcome": outcome, "rank": rank, "codes": codes})


def send_back(case: RecognitionCase, *, by: Person, remark: str, now: datetime) -> None:
    """The second officer does not agree: back to examination."""
    _may_decide(case, by)
    case.state = moved(CASE_MOVES, case.state, CaseMove.SEND_BACK)
    case.proposed_by_id = case.proposed_at = None
    _note(case, CaseMove.SEND_BACK, by, now, remark)
    record(Did.SEND_BACK, case, by=by, reason=remark)


def decide(case: RecognitionCase, *, by: Person, now: datetime) -> None:
    """The second officer takes the proposed decision. The case is locked by the caller; everything it rests on is looked
    at again. Raises SamePerson, OwnCase, SourceChanged."""
    _may_decide(case, by)
    today = clock.local_date(now)
    if case.outcome is Outcome.REFUSED:
        case.state = moved(CASE_MOVES, case.state, CaseMove.REFUSE)
        case.decided_by_id, case.decided_at = by.id, now
        _note(case, CaseMove.REFUSE, by, now, case.remark)
        record(Did.DECIDE, case, by=by, reason=case.remark, more={"outcome": case.outcome, "codes": case.codes})
        post(
            letters.REFUSED, to=case.person, link=f"/recognition/{case.id}", authority=case.region.authority_zh,
            source=case.source_number, reasons="；".join([*reasons(case), case.remark]).strip("；"),
        )  # fmt: skip
        return
    state = moved(CASE_MOVES, case.state, CaseMove.RECOGNISE)
    wrong = [
        check for check in checks(case, today) if check.fine is False and check.code in ("N2", "N3", "N7", "N9", "N10")
    ]
    if wrong:
        raise SourceChanged(what=", ".join(f"{check.code} {check.label}" for check in wrong))
    case.state = state
    case.decided_by_id, case.decided_at = by.id, now
    rule = outline.rule("recognition_codes", region_id=case.region_id, on=today)
    assert case.rank is not None
    ours = outline.typed(pathway.scheme_for(case.rank, case.region_id, today))["validity_months"]
    case.valid_from = today
    case.valid_until = valid_until(
        today,
        source_expires=case.source_expires_on,
        agreement_ends=case.agreement.ends_on if case.agreement else None,
        months=rule["months"],
        rule=case.agreement.validity if case.agreement else Validity.SHORTER,
        ours_months=ours,
    )
    case.number, case.serial = _next_number(case.region, today.year)
    endorsements.place(case, now=now)
    _note(case, CaseMove.RECOGNISE, by, now, case.remark)
    record(
        Did.DECIDE, case, by=by, reason=case.remark,
        more={"outcome": case.outcome, "rank": case.rank, "number": case.number, "until": case.valid_until},
    )  # fmt: skip
    _count_in_pathway(case, by, now)
    post(
        letters.RECOGNISED, to=case.person, link=f"/recognition/{case.id}", authority=case.region.authority_zh,
        source=case.source_number, level=outline.level_name(case.rank), number=case.number, until=case.valid_until,
    )  # fmt: skip
    enqueue("recognition.note", [{"case_id": case.id, "label": case.number}], by=by, title=_l("Recognition note"))


class SourceChanged(Refused):
    message = _l("The case no longer stands as proposed: %(what)s. Please send it back for examination.")


def _next_number(region: Region, year: int) -> tuple[str, int]:
    """Gapless per region and year, raised under lock in the deciding transaction."""
    counter = db.session.scalar(
        select(RecognitionCounter)
        .where(RecognitionCounter.region_code == region.code, RecognitionCounter.year == year)
        .with_for_update()
    )
    if counter is None:
        counter = RecognitionCounter(region_code=region.code, year=year, last=0)
        db.session.add(counter)
    counter.last += 1
    db.session.flush()  # two first decisions of a year collide here, not later
    return f"{PREFIX}{region.code}{year}{counter.last:05d}", counter.last


def because(case: RecognitionCase) -> str:
    return f"互认 {case.number}"


def _count_in_pathway(case: RecognitionCase, by: Person | None, now: datetime) -> None:
    """A recognised certificate opens the entry condition of the next level, as long as it holds."""
    if case.rank and case.rank + 1 in outline.level_names() and by is not None:
        pathway.exempt(
            case.person, case.rank + 1, Stage.ENTRY, because=because(case), by=by, now=now, until=case.valid_until
        )


def doubt(case: RecognitionCase, *, reason: str, by: Person | None, now: datetime) -> None:
    """Put a recognition under re-examination (待复核): it does not count until somebody settles it."""
    case.state = moved(CASE_MOVES, case.state, CaseMove.DOUBT)
    endorsements.say(case)
    _note(case, CaseMove.DOUBT, by, now, reason)
    pathway.end_exemptions(case.person, because(case), by=by, now=now, reason=reason)
    record(Did.DOUBT, case, by=by, reason=reason)
    post(letters.RECHECK, to=case.person, link=f"/recognition/{case.id}", number=case.number, reason=reason)


def settle_doubt(case: RecognitionCase, *, confirm: bool, by: Person, reason: str, now: datetime) -> None:
    """After re-examination: it counts again, or it ends. Confirming needs a source that holds today."""
    _may(case, by, Can.DECIDE_RECOGNITION)
    today = clock.local_date(now)
    if confirm and not _source_holds(case, today):
        raise SourceChanged(what=str(_l("source or agreement does not hold")))
    case.state = moved(CASE_MOVES, case.state, CaseMove.CONFIRM if confirm else CaseMove.END)
    endorsements.say(case)
    _note(case, CaseMove.CONFIRM if confirm else CaseMove.END, by, now, reason)
    record(Did.SETTLE_DOUBT, case, by=by, reason=reason, more={"confirmed": confirm})
    if confirm:
        _count_in_pathway(case, by, now)
    else:
        pathway.end_exemptions(case.person, because(case), by=by, now=now, reason=reason)
    letter = letters.CONFIRMED if confirm else letters.ENDED
    post(letter, to=case.person, link=f"/recognition/{case.id}", number=case.number, reason=reason)


def _source_holds(case: RecognitionCase, on: date) -> bool:
    """Source certificate (where it is ours) and agreement are good on a day."""
    if case.certificate is not None and str(certification.state_on(case.certificate, on)) not in ("valid", "expiring"):
        return False
    return case.agreement is None or case.agreement.holds_on(on)


def holds_on(case: RecognitionCase, on: date) -> bool:
    """Does a recognition count on a day: decided, within its dates, source and agreement good."""
    if case.state is not CaseState.RECOGNISED or case.valid_from is None or case.valid_until is None:
        return False
    return case.valid_from <= on <= case.valid_until and _source_holds(case, on)


@cache
def _recognised() -> Select[RecognitionCase]:
    of_it = RecognitionCase.certificate_id == bindparam("certificate")
    return (
        select(RecognitionCase).where(of_it, RecognitionCase.state == CaseState.RECOGNISED).order_by(RecognitionCase.id)
    )


def recognitions_in_force(certificate: Certificate, on: date) -> list[RecognitionCase]:
    """Recognitions of a certificate of this site that count on a day: shown wherever it is verified."""
    rows = db.session.scalars(_recognised(), {"certificate": certificate.id})
    return [case for case in rows if holds_on(case, on)]


def by_number(number: str) -> RecognitionCase | None:
    """The recognition with this number, for verification."""
    return db.session.scalar(select(RecognitionCase).where(RecognitionCase.number == number.strip().upper()))


def reasons(case: RecognitionCase) -> list[str]:
    """Reason codes of a case in the reader's words, each with its next step."""
    words = code_words(outline.rule("recognition_codes", region_id=case.region_id), str(get_locale()) == "en")
    return [
        _("%(what)s (%(more)s)", what=f"{code} {words[code][0]}", more=words[code][1]) if code in words else code
        for code in case.codes
    ]


def to_doubt(on: date) -> list[int]:
    """Recognitions in force whose source or agreement no longer holds, found by the clock."""
    rows = db.session.scalars(select(RecognitionCase).where(RecognitionCase.state == CaseState.RECOGNISED))
    return [case.id for case in rows if not _source_holds(case, on) and (case.valid_until or on) >= on]


def waiting_count(person: Person) -> Waiting:
    """How many cases wait for this officer."""
    states = [CaseState.SUBMITTED, CaseState.PROPOSED, CaseState.RECHECK]
    return waiting(cases_visible_to(person).where(RecognitionCase.state.in_(states)), RecognitionCase.submitted_at)


def _may(case: RecognitionCase, by: Person, can: Can) -> None:
    must_reach(by, can, region=case.region_id)
    if case.person_id == by.id:
        raise OwnCase


def _may_decide(case: RecognitionCase, by: Person) -> None:
    _may(case, by, Can.DECIDE_RECOGNITION)
    if case.state is not CaseState.PROPOSED:
        raise NotAllowedNow
    if case.proposed_by_id == by.id:
        raise SamePerson


def _note(
    case: RecognitionCase,
    move: CaseMove,
    by: Person | None,
    now: datetime,
    note: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> None:
    case.events.append(
        CaseEvent(at=now, by_id=by.id if by else None, move=move, note=note, evidence=dict(evidence or {}))
    )


def document_of(person: Person, case: RecognitionCase, file_id: int) -> StoredFile:
    """A document of a case the caller already may see."""
    for document in case.documents:
        if document.file_id == file_id:
            return document.file
    raise NotFound
