"""Numbers, editions, decisions on certificates, reminders, renewal."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import faces, issuing, renewals, rules, service
from app.certification.errors import (
    ChangeWaits,
    Gone,
    NotRenewable,
    OutsideWindow,
    OwnCase,
    ReasonMissing,
    RenewalShort,
    RenewalThere,
    SamePerson,
    SerialsUsedUp,
)
from app.certification.models import Application, Certificate, Edition
from app.certification.states import CHANGES, CertificateState, Change, EditionKind, Standing, State
from app.core.errors import NotAllowedNow, NotFound
from app.core.permissions import Role
from app.core.states import moved
from app.db import db, locked, unit_of_work
from app.files.service import TEXT, keep_bytes, read_file
from app.jobs.models import Job, JobItem
from app.jobs.service import run_waiting
from app.notices.models import Notice
from app.outline import service as outline
from app.outline.kinds import KINDS
from app.training.models import HourEntry, HourSource
from certificates import designs, numbers
from certificates.rendering import TextTooLong
from certificates.snapshot import fingerprint
from certificates.validity import renewal_window
from tests.factories import certification as made
from tests.factories import people


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


@pytest.fixture
def certificate(judged: Any, holder: Person, at: Any) -> Certificate:
    return made.certificate(holder, now=at("2025-09-15 09:00"))


def test_a_certificate_says_everything_in_its_snapshot(certificate: Certificate, holder: Person) -> None:
    assert certificate.number == numbers.compose("1200", 2025, 1, 1)
    assert numbers.parse(certificate.number).serial == 1
    assert (certificate.first_issued_on, certificate.valid_until) == (date(2025, 9, 15), date(2028, 9, 14))
    edition = certificate.current
    assert edition.snapshot_hash == fingerprint(again(edition).snapshot)
    assert edition.snapshot["holder_name"] == "王建国"
    assert edition.snapshot["masked_id"].startswith("1*") and len(edition.snapshot["masked_id"]) == 18
    assert edition.snapshot["verify_url"].endswith(f"/c/{certificate.token}")
    assert len(certificate.token) >= 26 and certificate.token not in certificate.number
    assert service.by_number(certificate.number) == certificate == service.by_token(certificate.token)


def test_worked_example_7_dates(certificate: Certificate) -> None:
    window = renewals.window_of(certificate, date(2026, 1, 1))
    assert (window.opens, window.closes) == (date(2028, 6, 16), date(2029, 3, 13))
    days = {
        date(2025, 9, 15): CertificateState.VALID,
        date(2028, 6, 15): CertificateState.VALID,
        date(2028, 6, 16): CertificateState.EXPIRING,
        date(2028, 9, 14): CertificateState.EXPIRING,
        date(2028, 9, 15): CertificateState.EXPIRED,
    }
    assert {day: service.state_on(certificate, day) for day in days} == days


def test_an_edition_cannot_be_edited(certificate: Certificate) -> None:
    with pytest.raises(ValueError, match="fixed"), unit_of_work():
        again(certificate).current.snapshot = {"holder_name": "另一个人"}
    with pytest.raises(ValueError, match="fixed"), unit_of_work():
        again(certificate).current.issued_on = date(2020, 1, 1)


def test_serials_run_by_region_year_and_level(judged: Any, binhai: Any, at: Any) -> None:
    harbin = people.region("2301", "哈尔滨市")
    issued = [
        made.certificate(made.trainee(place), rank, now=at(day))
        for place, rank, day in (
            (binhai, 1, "2025-12-31 09:00"), (binhai, 1, "2025-12-31 10:00"), (binhai, 2, "2025-12-31 10:00"),
            (harbin, 1, "2025-12-31 10:00"), (binhai, 1, "2026-01-01 00:30"),
        )
    ]  # fmt: skip
    assert [(c.number[3:12], c.serial) for c in issued] == [
        ("120020253", 1), ("120020253", 2), ("120020252", 1), ("230120253", 1), ("120020263", 1),
    ]  # fmt: skip


def test_a_serial_is_given_back_when_the_issue_fails(judged: Any, binhai: Any, at: Any) -> None:
    made.certificate(made.trainee(binhai), now=at("2026-03-02 09:00"))
    with pytest.raises(RuntimeError), unit_of_work():
        assert issuing.next_serial("1200", 2026, 1) == 2
        raise RuntimeError
    assert made.certificate(made.trainee(binhai), now=at("2026-03-02 09:00")).serial == 2


def test_twenty_at_once_leave_no_gap_and_no_double(app: Any, judged: Any, binhai: Any, officers: Any, at: Any) -> None:
    """Threads as so many web workers: each decides another case at the same moment, and each case twice."""
    reviewer, decider = officers(), officers()
    cases = [
        made.application(
            made.trainee(binhai, f"学员{i}"), now=at("2026-03-01 09:00"), state=State.PUBLICITY, reviewed_by_id=reviewer.id,
            notice_ends_on=date(2026, 3, 9), published_on=date(2026, 3, 2),
        ).id
        for i in range(10)
    ]  # fmt: skip
    decider_id, now, start = decider.id, at("2026-03-10 09:00"), threading.Barrier(20)
    outcomes: list[str] = []
    db.session.rollback()

    def act(case: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with unit_of_work():
                    row = db.session.get_one(Application, case, with_for_update=True)
                    one = service.decide(row, by=db.session.get_one(Person, decider_id), now=now)
                    assert one is not None
                outcomes.append(one.number)
            except NotAllowedNow:
                outcomes.append("already")

    threads = [threading.Thread(target=act, args=(case,)) for case in cases * 2]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count("already") == 10
    assert sorted(db.session.scalars(select(Certificate.serial))) == list(range(1, 11))
    assert len(set(outcomes)) == 11


def test_numbers_beyond_the_pattern_are_refused_not_lengthened(judged: Any, binhai: Any, officers: Any) -> None:
    with unit_of_work():
        body = outline.current(rules.NUMBER).body | {"serial_digits": 1}
        outline.save_version(
            KINDS[rules.NUMBER], "", body, by=again(officers()), now=_now(), effective_from=date(2026, 1, 1)
        )
    with pytest.raises(SerialsUsedUp), unit_of_work():
        for _ in range(10):
            issuing.take_number(again(binhai), 1, date(2026, 3, 2))


def _now() -> Any:
    from app.core import clock

    return clock.now()


def test_the_pdf_is_made_from_the_snapshot_alone(certificate: Certificate, holder: Person) -> None:
    from certificates.rendering import attachments_in

    with unit_of_work():
        again(holder).name = "改名之后"
    assert run_waiting() == 1
    edition = again(certificate).current
    job = db.session.scalar(select(Job))
    assert job is not None and job.state == "done", db.session.scalar(select(JobItem.message))
    assert edition.pdf is not None and edition.pdf.name == f"{certificate.number}-1.pdf"
    from app.files.service import read_file

    data = read_file(edition.pdf)
    assert data.startswith(b"%PDF-") and list(attachments_in(data)) == ["credential.json"]
    import io

    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        title = str(pdf.docinfo["/Title"])
    assert "王建国" in title and certificate.number in title


@pytest.mark.parametrize("standing", list(Standing))
@pytest.mark.parametrize("kind", list(Change))
def test_decisions_on_a_certificate_cell_by_cell(standing: Standing, kind: Change) -> None:
    may = {
        Change.SUSPEND: {Standing.GOOD},
        Change.RESTORE: {Standing.SUSPENDED},
        Change.REVOKE: {Standing.GOOD, Standing.SUSPENDED},
        Change.CANCEL: {Standing.GOOD, Standing.SUSPENDED},
        Change.REINSTATE: {Standing.REVOKED, Standing.CANCELLED},
    }
    if standing in may[kind]:
        assert moved(CHANGES, standing, kind) is not standing
    else:
        with pytest.raises(NotAllowedNow):
            moved(CHANGES, standing, kind)


def test_suspend_and_restore(certificate: Certificate, holder: Person, officers: Any, at: Any) -> None:
    officer = officers()
    with pytest.raises(ReasonMissing), unit_of_work():
        service.change(locked(certificate), Change.SUSPEND, by=again(officer), reason="", now=at("2026-01-05 09:00"))
    with unit_of_work():
        service.change(
            locked(certificate), Change.SUSPEND, by=again(officer), reason="调查中", now=at("2026-01-05 09:00")
        )
    with unit_of_work():
        service.change(
            locked(certificate), Change.RESTORE, by=again(officer), reason="查清", now=at("2026-02-05 09:00")
        )
    certificate = again(certificate)
    said = {
        d: service.state_on(certificate, d).value
        for d in (date(2026, 1, 4), date(2026, 1, 5), date(2026, 2, 4), date(2026, 2, 5))
    }
    assert list(said.values()) == ["valid", "suspended", "suspended", "valid"]
    seen = list(db.session.scalars(select(Notice.letter).where(Notice.person_id == holder.id)))
    assert seen[-2:] == ["certification.suspended", "certification.restored"]


@pytest.mark.parametrize("kind", [Change.REVOKE, Change.CANCEL])
def test_what_cannot_be_undone_takes_two_people(kind: Change, certificate: Certificate, officers: Any, at: Any) -> None:
    a, b, now = officers(), officers(), at("2026-01-05 09:00")
    with unit_of_work():
        proposal = service.change(locked(certificate), kind, by=again(a), reason="查实", now=now)
    assert service.state_on(again(certificate), date(2026, 1, 5)) is CertificateState.VALID
    with pytest.raises(ChangeWaits), unit_of_work():
        service.change(locked(certificate), Change.SUSPEND, by=again(b), reason="先停", now=now)
    with pytest.raises(SamePerson), unit_of_work():
        service.confirm(locked(proposal), by=again(a), now=now)
    made.heard(proposal, now=now)
    with unit_of_work():
        service.confirm(locked(proposal), by=again(b), now=now)
    wanted = CertificateState.REVOKED if kind is Change.REVOKE else CertificateState.CANCELLED
    assert service.state_on(again(certificate), date(2030, 1, 1)) is wanted
    for verb in (lambda: service.confirm(locked(proposal), by=again(b), now=now),
                 lambda: service.change(locked(certificate), Change.RESTORE, by=again(b), reason="x", now=now)):  # fmt: skip
        with pytest.raises(NotAllowedNow), unit_of_work():
            verb()
    with pytest.raises(Gone), unit_of_work():
        service.reissue(locked(certificate), EditionKind.REPRINT, by=again(a), reason="遗失", now=now)


def test_a_proposal_can_be_dropped(certificate: Certificate, officers: Any, at: Any) -> None:
    a, now = officers(), at("2026-01-05 09:00")
    with unit_of_work():
        proposal = service.change(locked(certificate), Change.REVOKE, by=again(a), reason="查实", now=now)
    with unit_of_work():
        service.drop(locked(proposal), by=again(officers()), finding="证据不足", now=now)
    assert again(certificate).standing is Standing.GOOD and service.proposed(again(certificate)) is None


def test_officers_keep_off_their_own_certificate(certificate: Certificate, holder: Person, at: Any) -> None:
    people.hold(holder, Role.CERTIFICATION)
    with pytest.raises(OwnCase), unit_of_work():
        service.change(locked(certificate), Change.SUSPEND, by=again(holder), reason="x", now=at("2026-01-05 09:00"))
    with pytest.raises(OwnCase), unit_of_work():
        service.reissue(
            locked(certificate), EditionKind.REPRINT, by=again(holder), reason="x", now=at("2026-01-05 09:00")
        )


def test_reprint_and_correction_keep_number_and_end(
    certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    officer = officers()
    with unit_of_work():
        again(holder).name = "王建囯"
        service.reissue(
            locked(certificate), EditionKind.REPRINT, by=again(officer), reason="遗失", now=at("2026-01-05 09:00")
        )
    with unit_of_work():
        service.reissue(
            locked(certificate),
            EditionKind.CORRECTION,
            by=again(officer),
            reason="更正姓名",
            now=at("2026-01-06 09:00"),
        )
    first, reprint, correction = service.editions_of(again(certificate))
    assert [e.no for e in (first, reprint, correction)] == [1, 2, 3]
    assert reprint.snapshot["holder_name"] == "王建国" and correction.snapshot["holder_name"] == "王建囯"
    assert {e.snapshot["number"] for e in (first, reprint, correction)} == {certificate.number}
    assert {e.valid_until for e in (first, reprint, correction)} == {date(2028, 9, 14)}
    from app.certification.faces import face

    assert face(reprint.snapshot).reprint and not face(correction.snapshot).reprint
    assert again(certificate).first_issued_on == date(2025, 9, 15)


def test_a_later_edition_is_set_in_the_newest_version_of_its_design(
    holder: Person, judged: Any, officers: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old version prints the seal over the name: it is kept for what was printed in it, not for what is printed now."""
    old = {"name": "classic", "version": "1", "language": "zh", "signature_field": True}
    with monkeypatch.context() as then:
        then.setattr(faces, "look_for", lambda *_: old)
        certificate = made.certificate(holder, now=at("2025-09-15 09:00"))

    def printed_again(day: str) -> dict[str, Any]:
        with unit_of_work():
            service.reissue(locked(certificate), EditionKind.REPRINT, by=again(officers()), reason="遗失", now=at(day))
        return service.editions_of(again(certificate))[-1].snapshot

    newest = designs.layout("classic").version
    assert printed_again("2026-01-05 09:00")["layout"] == old | {"version": newest} and newest != "1"
    assert service.editions_of(again(certificate))[0].snapshot["layout"] == old

    def no_room(*_: Any) -> None:
        raise TextTooLong("王建国")

    monkeypatch.setattr(faces, "must_fit", no_room)  # a reprint is given nevertheless
    first = service.editions_of(again(certificate))[0].snapshot
    assert faces.in_newest_version(first)["layout"] == old


def test_reminders_go_out_once_each_and_overtaken_ones_not_at_all(
    certificate: Certificate, holder: Person, at: Any
) -> None:
    def sent() -> int:
        return len(list(db.session.scalars(select(Notice.id).where(Notice.letter == "certification.expiring"))))

    for day, due, total in (
        ("2028-06-15", False, 0), ("2028-06-16", True, 1), ("2028-06-17", False, 1), ("2028-09-07", True, 2),
        ("2028-09-08", False, 2), ("2028-09-15", False, 2),
    ):  # fmt: skip
        now = at(f"{day} 09:00")
        assert service.due_reminders(date.fromisoformat(day)) == ([certificate.id] if due else []), day
        with unit_of_work():
            assert service.remind(locked(certificate), now=now) is due
        assert sent() == total


HOURS = {"hours": Decimal(72), "policy_hours": Decimal(12)}


def proof(holder: Person) -> Any:
    return keep_bytes("继续教育证明".encode(), "proof.txt", owner=holder, kinds=frozenset({TEXT}))


def test_renewal_inside_its_window(
    judged: Any, certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    def ask(now: str, **more: Any) -> Any:
        with unit_of_work():
            values = HOURS | more
            return service.ask_renewal(
                locked(certificate), proof=proof(again(holder)), by=again(holder), now=at(f"{now} 09:00"), **values
            )

    for day in ("2028-06-15", "2029-03-14"):
        with pytest.raises(OutsideWindow):
            ask(day)
    with pytest.raises(RenewalShort) as short:
        ask("2028-07-01", hours=Decimal("71.5"))
    assert "71.5" in short.value.text and "12" not in short.value.text
    judged.performance = replace(judged.performance, integrity=Decimal(74))
    with pytest.raises(RenewalShort):
        ask("2028-07-01")
    judged.performance = replace(judged.performance, integrity=Decimal(75))
    renewal = ask("2028-07-01")
    with pytest.raises(RenewalThere):
        ask("2028-07-02")
    officer = officers()
    with unit_of_work():
        service.return_renewal(locked(renewal), by=again(officer), reason="看不清", now=at("2028-07-03 09:00"))
    ask("2028-07-04")
    with unit_of_work():
        edition = service.grant_renewal(locked(renewal), by=again(officer), now=at("2028-07-05 09:00"))
    assert (edition.kind, edition.issued_on, edition.valid_until) == (
        EditionKind.RENEWAL,
        date(2028, 7, 5),
        date(2031, 9, 14),
    )
    certificate = again(certificate)
    assert service.state_on(certificate, date(2029, 1, 1)) is CertificateState.VALID
    assert renewal_window(certificate.valid_until).opens > date(2029, 1, 1)
    with pytest.raises(NotAllowedNow), unit_of_work():
        service.grant_renewal(locked(renewal), by=again(officer), now=at("2028-07-05 10:00"))


def test_hours_of_the_ledger_count_without_a_proof(
    judged: Any, certificate: Certificate, holder: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    """Continuing education decided upon by the base fills the form and is its own proof; what is more asks for one."""
    with unit_of_work():
        for n, (module, on) in enumerate((("skill", "2026-05-01"), ("policy", "2027-05-01"), ("policy", "2025-01-01"))):
            db.session.add(
                HourEntry(
                    person_id=holder.id, level=0, module=module, hours=Decimal(60 if module == "skill" else 12),
                    source_kind=HourSource.CONTINUING, source_id=900 + n, earned_on=date.fromisoformat(on), working={},
                )
            )  # fmt: skip
    on = date(2028, 7, 1)
    ledger = renewals.ledger_of(again(certificate), on)
    assert (ledger.total, ledger.policy) == (Decimal(72), Decimal(12))  # not what was earned before the issue
    evidence = renewals.judge(again(certificate), Decimal(0), Decimal(0), on)
    assert {g["code"]: g["passed"] for g in evidence["gates"]}["hours"]
    set_clock(at("2028-07-01 09:00"))
    browser = client_as(again(holder))
    path = f"/certificates/{certificate.id}/renewal"
    assert 'value="72.00"' in browser.get(path).text
    assert browser.post(path, data={"hours": "80", "policy_hours": "12"}).status_code == 422
    assert browser.post(path, data={"hours": "72", "policy_hours": "12"}).status_code == 302
    (asked,) = renewals.renewals_of(again(certificate))
    kept = read_file(asked.proof).decode()
    assert "60.00" in kept and "2025-01-01" not in kept


def test_a_late_renewal_counts_from_the_day_of_issue(
    certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    with unit_of_work():
        renewal = service.ask_renewal(
            locked(certificate), proof=proof(again(holder)), by=again(holder), now=at("2029-03-13 09:00"), **HOURS
        )
        edition = service.grant_renewal(renewal, by=again(officers()), now=at("2029-03-20 09:00"))
    assert edition.valid_until == date(2032, 3, 19)


def test_no_renewal_of_a_suspended_certificate_nor_by_somebody_else(
    certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    officer, now = officers(), at("2028-07-01 09:00")
    with pytest.raises(NotFound), unit_of_work():
        service.ask_renewal(locked(certificate), proof=proof(again(officer)), by=again(officer), now=now, **HOURS)
    with unit_of_work():
        service.change(locked(certificate), Change.SUSPEND, by=again(officer), reason="调查", now=now)
    with pytest.raises(NotRenewable), unit_of_work():
        service.ask_renewal(locked(certificate), proof=proof(again(holder)), by=again(holder), now=now, **HOURS)


def test_the_pathway_asks_which_certificates_are_held(
    certificate: Certificate, holder: Person, set_clock: Any, at: Any
) -> None:
    from app.pathway import asks

    set_clock(at("2026-01-05 09:00"))
    (held,) = asks.certificates_held(again(holder))
    assert (held.rank, held.first_issued_on, held.valid) == (1, date(2025, 9, 15), True)
    set_clock(at("2028-09-15 09:00"))
    (held,) = asks.certificates_held(again(holder))
    assert not held.valid


def test_editions_and_certificates_are_guarded_by_the_database(certificate: Certificate) -> None:
    from sqlalchemy.exc import IntegrityError

    first = again(certificate).current
    with pytest.raises(IntegrityError), unit_of_work():
        db.session.add(
            Edition(certificate_id=certificate.id, no=1, kind=EditionKind.REPRINT, issued_on=first.issued_on, snapshot={},
                    snapshot_hash="0" * 64, issued_at=first.issued_at)
        )  # fmt: skip


def test_my_data_holds_the_certificates(certificate: Certificate, holder: Person, at: Any) -> None:
    import zipfile
    from io import BytesIO

    from app.accounts.personal import export

    made.application(again(holder), 2, now=at("2025-09-16 09:00"))
    with zipfile.ZipFile(BytesIO(export(again(holder), now=at("2025-09-16 09:00")))) as archive:
        told = archive.read("certification.json").decode()
        assert "checks" in archive.read("verification.json").decode()
    assert certificate.number in told and "evidence_hash" in told


def test_erasure_withdraws_what_is_open_and_keeps_what_was_issued(
    certificate: Certificate, holder: Person, at: Any
) -> None:
    from app.certification.personal import forget

    application = made.application(again(holder), 2, now=at("2025-09-16 09:00"))
    with unit_of_work():
        forget(again(holder), at("2025-09-17 09:00"))
    assert again(application).state is State.WITHDRAWN
    assert service.by_number(certificate.number) is not None
