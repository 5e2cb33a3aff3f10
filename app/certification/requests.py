"""What holders ask of the office about a certificate: correction, reprint, claim of an earlier certificate, appeal.

Correction and reprint make a new edition under the same number. A claim links an earlier certificate to the account of its
holder, once an officer confirms that number, name and ID number fit. An appeal is looked at by officers who took no part
in the decision; upheld, it proposes to reinstate, and a second officer confirms.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from app.accounts.identity import set_name
from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.certification import issuing, letters, rules, status
from app.certification.deeds import Did
from app.certification.earlier_models import Ask, EarlierRecord
from app.certification.errors import (
    AskThere,
    ClaimDoesNotFit,
    Gone,
    NameNeeded,
    NoIdentity,
    NoRegion,
    NothingToAppeal,
    OwnCase,
    ProofNeeded,
    ReasonMissing,
    TookPart,
)
from app.certification.models import Certificate, StatusChange
from app.certification.states import (
    AGAINST,
    ASK_KIND_LABELS,
    ASK_MOVES,
    AskKind,
    AskMove,
    AskState,
    Change,
    EditionKind,
    Standing,
)
from app.core.clock import local_date
from app.core.errors import NotFound
from app.core.permissions import Can
from app.core.states import moved
from app.db import db
from app.files.models import StoredFile
from app.notices.service import post
from certificates.names import NameRefused, comparable, printable
from certificates.numbers import tidy


def ask_edition(
    certificate: Certificate,
    kind: AskKind,
    *,
    words: str,
    by: Person,
    now: datetime,
    proof: StoredFile | None = None,
    name: str = "",
    name_latin: str = "",
) -> Ask:
    """The holder asks for a correction (with proof) or a reprint. Raises ProofNeeded, NameNeeded, Gone, AskThere."""
    if certificate.holder_id != by.id or kind not in (AskKind.CORRECTION, AskKind.REPRINT):
        raise NotFound
    if certificate.standing in (Standing.REVOKED, Standing.CANCELLED):
        raise Gone
    if kind is AskKind.CORRECTION and proof is None:
        raise ProofNeeded("proof")
    if kind is AskKind.REPRINT:
        name = name_latin = ""
    if name:
        _must_print(name)
    return _keep(
        kind, by, certificate.region_id, certificate=certificate, number=certificate.number, words=words, proof=proof,
        name=name, name_latin=name_latin, now=now,
    )  # fmt: skip


def _must_print(name: str) -> None:
    try:
        printable(name)
    except NameRefused:
        raise NameNeeded("name") from None


def claim(*, number: str, name: str, words: str, proof: StoredFile | None, by: Person, now: datetime) -> Ask:
    """Somebody says that an earlier certificate is theirs. The answer is the same whether it exists or not.

    Raises NoIdentity without an ID number in the profile, NoRegion, AskThere for the same number again.
    """
    if not by.id_lookup:
        raise NoIdentity
    if by.region_id is None:
        raise NoRegion
    asked = tidy(number).upper()[:60]
    open_one = select(Ask).where(
        Ask.person_id == by.id, Ask.kind == AskKind.CLAIM, Ask.state == AskState.SUBMITTED, Ask.number == asked
    )
    if db.session.scalar(open_one) is not None:
        raise AskThere
    found = db.session.scalar(select(Certificate).where(Certificate.number == asked, Certificate.earlier))
    region_id = found.region_id if found else by.region_id
    return _keep(AskKind.CLAIM, by, region_id, number=asked, name=name, words=words, proof=proof, now=now)


def appeal(certificate: Certificate, *, words: str, proof: StoredFile | None, by: Person, now: datetime) -> Ask:
    """The holder appeals against the decision in force, within the rule's term. Raises NothingToAppeal, AskThere."""
    if certificate.holder_id != by.id:
        raise NotFound
    against = appealable(certificate, now)
    if against is None:
        raise NothingToAppeal(days=rules.life(certificate.region_id)["appeal_days"])
    return _keep(
        AskKind.APPEAL, by, certificate.region_id, certificate=certificate, number=certificate.number, words=words,
        proof=proof, change_id=against.id, now=now,
    )  # fmt: skip


def appealable(certificate: Certificate, now: datetime) -> StatusChange | None:
    """The decision in force against the holder, while the term to appeal runs."""
    last = next((c for c in reversed(certificate.changes) if c.in_force), None)
    if last is None or last.kind not in AGAINST or last.decided_at is None:
        return None
    days = rules.life(certificate.region_id)["appeal_days"]
    return last if local_date(now) <= local_date(last.decided_at) + timedelta(days=days) else None


def may_appeal(certificate: Certificate, now: datetime) -> bool:
    """Whether there is still something to appeal for: no appeal against the same decision is open or was upheld."""
    against = appealable(certificate, now)
    if against is None:
        return False
    raised = select(Ask.id).where(Ask.change_id == against.id, Ask.state.in_((AskState.SUBMITTED, AskState.GRANTED)))
    return db.session.scalar(raised.limit(1)) is None


def name_then(ask: Ask) -> str:
    """The name on the certificate a request was made about, as it stood before the request was decided."""
    if ask.certificate is None:
        return ""
    earlier = [one for one in ask.certificate.editions if ask.decided_at is None or one.issued_at < ask.decided_at]
    return str((earlier[-1] if earlier else ask.certificate.current).snapshot["holder_name"])


def _keep(kind: AskKind, by: Person, region_id: int, **values: Any) -> Ask:
    certificate: Certificate | None = values.get("certificate")
    if certificate is not None and open_ask(certificate, kind) is not None:
        raise AskThere
    if not values["words"].strip() and kind is not AskKind.CLAIM:
        raise ReasonMissing("words")
    made = Ask(kind=kind, person_id=by.id, region_id=region_id, made_at=values.pop("now"), **values)
    db.session.add(made)
    record(Did.ASK, made, by=by, more={"kind": kind, "number": made.number})
    return made


def open_ask(certificate: Certificate, kind: AskKind) -> Ask | None:
    return db.session.scalar(
        select(Ask).where(Ask.certificate_id == certificate.id, Ask.kind == kind, Ask.state == AskState.SUBMITTED)
    )


def withdraw(ask: Ask, *, by: Person) -> None:
    if ask.person_id != by.id:
        raise NotFound
    ask.state = moved(ASK_MOVES, ask.state, AskMove.WITHDRAW)
    record(Did.WITHDRAW_ASK, ask, by=by)


def decline(ask: Ask, *, by: Person, finding: str, now: datetime) -> None:
    """Say no, with the reason."""
    _may(ask, by)
    after = moved(ASK_MOVES, ask.state, AskMove.DECLINE)
    if not finding.strip():
        raise ReasonMissing("finding")
    _settle(ask, after, by, finding, now)
    record(Did.DECLINE_ASK, ask, by=by, reason=finding, more={"kind": ask.kind, "number": ask.number})
    _tell(letters.ASK_DECLINED, ask)


def grant(ask: Ask, *, by: Person, finding: str, now: datetime) -> None:
    """Do what was asked: the new edition, the link, or the proposal to reinstate. Raises what these refuse."""
    _may(ask, by)
    after = moved(ASK_MOVES, ask.state, AskMove.GRANT)
    GRANTS[ask.kind](ask, by, finding, now)
    _settle(ask, after, by, finding, now)
    record(Did.GRANT_ASK, ask, by=by, reason=finding, more={"kind": ask.kind, "number": ask.number})
    _tell(letters.ASK_GRANTED, ask)


def _settle(ask: Ask, after: AskState, by: Person, finding: str, now: datetime) -> None:
    ask.state, ask.decided_by_id, ask.decided_at, ask.finding = after, by.id, now, finding


def _grant_edition(ask: Ask, by: Person, finding: str, now: datetime) -> None:
    certificate = _locked(ask)
    if ask.kind is AskKind.CORRECTION and (ask.name or ask.name_latin):
        set_name(
            ask.person, ask.name or ask.person.name, ask.name_latin or ask.person.name_latin, by=by, reason=ask.words
        )
    made = issuing.reissue(
        certificate, EditionKind(ask.kind.value), by=by, reason=(finding or ask.words)[:400], now=now
    )
    ask.edition_id = made.id


def _grant_claim(ask: Ask, by: Person, finding: str, now: datetime) -> None:
    fit = fits(ask)
    if fit.why:
        raise ClaimDoesNotFit(why=fit.why)
    found = fit.certificate
    assert found is not None
    link(found, ask.person, by=by, reason=finding)
    ask.certificate_id = found.id


def _grant_appeal(ask: Ask, by: Person, finding: str, now: datetime) -> None:
    certificate = _locked(ask)
    against = db.session.get_one(StatusChange, ask.change_id)
    if by.id in (against.proposed_by_id, against.decided_by_id):
        raise TookPart
    if not finding.strip():
        raise ReasonMissing("finding")
    kind = Change.RESTORE if certificate.standing is Standing.SUSPENDED else Change.REINSTATE
    code = "cleared" if kind is Change.RESTORE else "appeal"
    known = {row["code"] for row in rules.life(certificate.region_id)["reasons"]}
    status.change(certificate, kind, by=by, reason=finding, now=now, code=code if code in known else "")


GRANTS = {
    AskKind.CORRECTION: _grant_edition,
    AskKind.REPRINT: _grant_edition,
    AskKind.CLAIM: _grant_claim,
    AskKind.APPEAL: _grant_appeal,
}


def _locked(ask: Ask) -> Certificate:
    return db.session.get_one(Certificate, ask.certificate_id, with_for_update=True, populate_existing=True)


def _same(kept: str | None, own: str | None) -> bool | None:
    """Whether two keyed hashes are of the same thing; None where the register holds none."""
    return None if kept is None else kept == own


class Fit:
    """What the register says to a claim. ``why``: what stands against it, empty when nothing does."""

    def __init__(self, ask: Ask) -> None:
        self.certificate = db.session.scalar(
            select(Certificate).where(Certificate.number == ask.number, Certificate.earlier)
        )
        kept = db.session.get(EarlierRecord, self.certificate.id) if self.certificate else None
        self.name = self.certificate is not None and self.certificate.name_key == comparable(ask.name)
        self.own_name = self.certificate is not None and self.certificate.name_key == comparable(ask.person.name)
        self.id = _same(kept.id_lookup if kept else None, ask.person.id_lookup)
        self.phone = _same(kept.phone_lookup if kept else None, ask.person.phone_lookup)

    @property
    def why(self) -> str:
        if self.certificate is None:
            return _("no earlier certificate of this number is in the register")
        if self.certificate.holder_id is not None:
            return _("the certificate has a holder already")
        if not self.name:
            return _("the name on it is another")
        if self.id is False:
            return _("the ID number is another")
        return ""


def fits(ask: Ask) -> Fit:
    return Fit(ask)


def link(certificate: Certificate, person: Person, *, by: Person, reason: str) -> None:
    """An earlier certificate gets its holder's account."""
    certificate.holder = person
    record(Did.LINK_HOLDER, certificate, by=by, reason=reason, more={"number": certificate.number, "person": person.id})
    post(letters.LINKED, to=person, link="/certificates", number=certificate.number)


def _may(ask: Ask, by: Person) -> None:
    must_reach(by, Can.KEEP_CERTIFICATE, region=ask.region_id)
    if ask.person_id == by.id:
        raise OwnCase


def _tell(letter: Any, ask: Ask) -> None:
    with force_locale(ask.person.locale or "zh_Hans"):
        what = str(ASK_KIND_LABELS[ask.kind])
    post(letter, to=ask.person, link="/certificates", number=ask.number, what=what, finding=ask.finding)


# Sight


def asks_visible_to(person: Person) -> Select[Ask]:
    return select(Ask).where(within(person, Can.READ_CERTIFICATE, region=Ask.region_id))


def ask_for(person: Person, ask_id: int) -> Ask:
    """One request an officer may read. NotFound otherwise."""
    found = db.session.scalar(asks_visible_to(person).where(Ask.id == ask_id))
    if found is None:
        raise NotFound
    return found


def own_ask(person: Person, ask_id: int) -> Ask:
    found = db.session.get(Ask, ask_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def asks_of(person: Person) -> list[Ask]:
    return list(db.session.scalars(select(Ask).where(Ask.person_id == person.id).order_by(Ask.id.desc())))


def asks_about(certificate: Certificate) -> list[Ask]:
    return list(db.session.scalars(select(Ask).where(Ask.certificate_id == certificate.id).order_by(Ask.id)))


def asks_waiting(person: Person) -> int:
    waiting = asks_visible_to(person).where(Ask.state == AskState.SUBMITTED)
    return db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
