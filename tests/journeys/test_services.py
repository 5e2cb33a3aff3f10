"""The whole way through the services: from sign-up to a 中级 certificate that is verified and recognised elsewhere.

Nothing is handed in by hand: every stage is reached as people reach it, at the time it happens, and after each the pathway
says what is still missing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.audit.service import seal
from app.audit.service import verify as verify_log
from app.certification import applications, issuing
from app.certification import service as certification
from app.certification.errors import NoticeRuns, SamePerson
from app.certification.models import Application, Certificate
from app.certification.states import CertificateState, State
from app.core import clock
from app.db import db, unit_of_work
from app.exams import sessions
from app.files.models import StoredFile
from app.files.service import read_file
from app.jobs.service import run_waiting
from app.pathway import service as pathway
from app.pathway.rules import Stage
from app.recognition import service as recognition
from app.recognition.models import RecognitionCase
from app.recognition.states import CaseState, Outcome
from app.verification import service as verification
from tests.factories import people
from tests.journeys.walk import RANK, TASKS, Walk


@pytest.fixture
def walk(app: Any, set_clock: Any, at: Any) -> Walk:
    return Walk(set_clock, at)


def test_from_sign_up_to_recognition(walk: Walk) -> None:
    walk.move_to("2026-03-02 09:00")
    walk.sign_up()
    assert walk.open_gates() == {
        Stage.ENTRY, Stage.TRAINING, Stage.EXAM, Stage.PRACTICE, Stage.PERFORMANCE,
    }  # fmt: skip
    assert {"education", "experience", "prior"} <= walk.missing()
    walk.complete_profile()
    with walk.doing() as now:
        pathway.set_goal(walk.me, RANK, by=walk.me, now=now)
    assert pathway.goal_of(walk.me) == RANK
    assert Stage.ENTRY not in walk.open_gates()
    with pytest.raises(applications.NotEligible):
        walk.apply()

    class_id = walk.make_class()
    session_id = walk.plan_exam()
    with pytest.raises(sessions.NotEligible):
        walk.register(session_id)
    walk.enrol(class_id)
    assert "total_hours" in walk.missing()
    walk.attend(class_id)
    assert walk.open_gates() == {Stage.EXAM, Stage.PRACTICE, Stage.PERFORMANCE}

    session_id = walk.plan_exam()
    sitting_id = walk.register(session_id)
    walk.sit(session_id, sitting_id)
    assert "no_result" in walk.missing()
    walk.mark_and_release(session_id, sitting_id)
    assert walk.open_gates() == {Stage.PRACTICE, Stage.PERFORMANCE}

    for code, real in TASKS:
        assert "tasks" in walk.missing()
        walk.do_task(code, real)
        walk.set_clock(clock.now() + timedelta(days=3))
    assert walk.open_gates() == {Stage.PERFORMANCE}

    walk.earn("2026120100017", 600)  # 25 points for the amount and 3 for the contract
    assert walk.missing() == {"points"}
    walk.earn("", 0, "P5")
    assert walk.missing() == {"points"}
    walk.earn("", 0, "P5")
    assert walk.open_gates() == set()

    number = certify(walk)
    recognise(walk, number)
    with unit_of_work():
        seal()
    verdict = verify_log()
    assert verdict.holds and verdict.unsealed == 0, verdict
    deeds = set(db.session.scalars(select(AuditEntry.deed)))
    assert {"accounts.sign_up", "certification.certificate.issue"} <= deeds, sorted(deeds)


def certify(walk: Walk) -> str:
    """Application, review, notice over five working days, decision by another officer, PDF; the certificate's number."""
    application_id = walk.apply()
    with pytest.raises(applications.AlreadyApplied):
        walk.apply()
    frozen = db.session.get_one(Application, application_id).evidence
    assert frozen["pathway"]["eligible"] and frozen["applicant"]["class"] == "滨海中级技术经理人培训班"

    walk.move_to("2026-04-28 10:00")  # a Tuesday; the holiday of 1 May lies within the five working days
    for do in (applications.take, applications.publish):
        with walk.doing() as now:
            do(walk.application(application_id), by=walk.who("cert1"), now=now)
    application = db.session.get_one(Application, application_id)
    assert application.state is State.PUBLICITY and application.notice_ends_on == notice_end()
    with pytest.raises(SamePerson), walk.doing() as now:
        issuing.decide(walk.application(application_id), by=walk.who("cert1"), now=now)
    walk.set_clock(clock.start_of(notice_end()) + timedelta(hours=18))
    with pytest.raises(NoticeRuns), walk.doing() as now:
        issuing.decide(walk.application(application_id), by=walk.who("cert2"), now=now)
    walk.set_clock(clock.start_of(notice_end() + timedelta(days=1)) + timedelta(hours=9))
    with walk.doing() as now:
        certificate = issuing.decide(walk.application(application_id), by=walk.who("cert2"), now=now)
    assert certificate is not None
    number, issued = certificate.number, clock.today()
    assert number.startswith(f"TTM1201{issued.year}{RANK}")
    assert certificate.current.pdf_file_id is None
    run_waiting()
    certificate = certification.by_number(number)
    assert certificate is not None
    stored = db.session.get_one(StoredFile, certificate.current.pdf_file_id)
    assert read_file(stored).startswith(b"%PDF-")
    assert certification.state_on(certificate, issued) is CertificateState.VALID
    assert certificate.valid_until == date(issued.year + 3, issued.month, issued.day) - timedelta(days=1)
    assert certificate.current.snapshot["holder_name"] == "陆明远"

    right, wrong, unknown = (
        walk.verify(number, "陆明远"), walk.verify(number, "陆明元"), walk.verify(number[:-5] + "99999", "陆明远"),
    )  # fmt: skip
    assert right.state == "valid" and right.number == number and right.recognitions == ()
    assert not wrong.found and wrong.state == verification.NOT_FOUND
    assert not unknown.found
    return number


def notice_end() -> date:
    """The fifth working day after Tuesday 2026-04-28: 29 and 30 April, then 6, 7 and 8 May, after the holiday."""
    return date(2026, 5, 8)


def recognise(walk: Walk, number: str) -> None:
    """Harbin examines with one officer and decides with another; verification then shows it."""
    walk.agree()
    certificate = certification.by_number(number)
    assert certificate is not None
    with walk.doing() as now:
        source = recognition.source_of(db.session.get_one(Certificate, certificate.id))
        north = db.session.get_one(people.Region, walk.regions["north"])
        case_id = recognition.submit(
            walk.me, north, source, RANK, [], purpose="参与当地项目", consents=True, now=now
        ).id

    def case() -> RecognitionCase:
        return recognition.case_for(walk.who("north2"), case_id)

    assert all(check.fine for check in recognition.checks(case(), clock.today())), recognition.checks(
        case(), clock.today()
    )
    with walk.doing() as now:
        recognition.propose(
            case(),
            Outcome.EQUAL,
            by=walk.who("north1"),
            rank=RANK,
            conditions="",
            codes=[],
            remark="登记册一致。",
            now=now,
        )
    with pytest.raises(recognition.SamePerson), walk.doing() as now:
        recognition.decide(case(), by=walk.who("north1"), now=now)
    with walk.doing() as now:
        recognition.decide(case(), by=walk.who("north2"), now=now)
    run_waiting()
    assert case().state is CaseState.RECOGNISED and case().number.startswith("RZ")
    answer = walk.verify(number, "陆明远")
    assert [r["number"] for r in answer.recognitions] == [case().number]
    assert answer.recognitions[0]["level"] == "中级技术经理人"
