"""Who takes part in a journey, and one method per stage, through the services."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import current_app
from PIL import Image
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from app.accounts import identity, passwords, service, signing
from app.accounts.models import Education, IdKind, OrganisationKind, Person, TitleLevel
from app.certification import applications
from app.certification.models import Application
from app.core import clock
from app.core.errors import Refused
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import marking, papers, sessions, sittings
from app.exams.models import Eligibility, ExamSession, MarkingTask, Shown, Sitting, TaskState
from app.exams.states import SessionState, SittingState
from app.jobs.service import run_clockwork
from app.pathway import service as pathway
from app.pathway.rules import Stage
from app.performance import claims, contracts
from app.performance.claims import ClaimData
from app.performance.contracts import ContractData
from app.performance.models import ContractKind
from app.practice import reviewing
from app.practice import service as practice
from app.practice.models import Confidentiality, LogEntry, Review, ReviewState, TaskRole
from app.recognition import service as recognition
from app.recognition.states import AgreementMove
from app.training import attendance, classes, enrolments, hours
from app.training import signing as signing_in
from app.training.models import ClassSession, Enrolment, TrainingClass
from app.training.states import ClassMove, ClassState, EnrolmentState
from app.verification import service as verification
from question_bank.grading import Rule, correct_answer
from question_bank.items import Kind, questions_of
from tests.factories import people
from tests.factories.certification import id_number

RANK = 2
TASKS = (("T01", True), ("T03", False), ("T04", False), ("T05", False), ("T05", False))
"""Five tasks of four kinds, one of them real."""
PAGE = b"%%PDF-1.4\n%% evidence %d\n%%%%EOF\n"
PASSWORD = "journey-2026-long"
NAMES = {
    "base": "孟庆华", "exams": "郭淑珍", "marker": "梁思齐", "mentor": "方志远", "reviewer": "宋雅琴", "colleague": "高鹏程",
    "cert1": "田国强", "cert2": "邓丽华", "north1": "赵维东", "north2": "金秀兰",
}  # fmt: skip


class Walk:
    """Who takes part, and one method per stage. The clock is moved; ``clock.now()`` is handed to every service."""

    def __init__(self, set_clock: Any, at: Any) -> None:
        self.set_clock, self.files = set_clock, 0
        self.move_to = lambda words: set_clock(at(words))
        south = people.region("1201", "天津市滨海新区")
        north = people.region("2301", "黑龙江省哈尔滨市")
        self.regions = {"south": south.id, "north": north.id}
        base = people.organisation(south, OrganisationKind.BASE, "滨海技术转移人才培养基地")
        self.employer_id = people.organisation(south, name="渤海湾新材料有限公司").id
        other = people.organisation(south, name="津门技术交易服务有限公司")
        self.base_id = base.id
        self.ids: dict[str, int] = {}
        known = passwords.hashed(PASSWORD)
        cast = {
            "base": (Role.BASE, Scope.ORGANISATION, base.id, {}),
            "exams": (Role.EXAM_OFFICE, Scope.REGION, south.id, {}),
            "marker": (Role.MARKER, Scope.REGION, south.id, {}),
            "mentor": (Role.MENTOR, Scope.REGION, south.id, {}),
            "reviewer": (Role.REVIEWER, Scope.REGION, south.id, {"organisation_id": other.id}),
            "colleague": (Role.REVIEWER, Scope.REGION, south.id, {"organisation_id": self.employer_id}),
            "cert1": (Role.CERTIFICATION, Scope.REGION, south.id, {}),
            "cert2": (Role.CERTIFICATION, Scope.REGION, south.id, {}),
            "north1": (Role.AUTHORITY, Scope.REGION, north.id, {}),
            "north2": (Role.AUTHORITY, Scope.REGION, north.id, {}),
        }
        for key, (role, scope, scope_id, more) in cast.items():
            name, email = NAMES[key], f"{key}@journey.example"
            self.ids[key] = people.officer(
                role, scope, scope_id, name=name, email=email, region_id=south.id, password_hash=known,
                email_confirmed_at=clock.now(), **more,
            ).id  # fmt: skip

    # Who, and what they lack

    def who(self, key: str) -> Person:
        return db.session.get_one(Person, self.ids[key])

    @property
    def me(self) -> Person:
        return self.who("me")

    @contextmanager
    def doing(self) -> Iterator[datetime]:
        """A unit of work at the clock's time."""
        with unit_of_work():
            yield clock.now()

    def open_gates(self) -> set[Stage]:
        way = pathway.current_pathway(self.me, RANK, clock.today())
        return {gate.stage for gate in way.gates if not gate.passed}

    def missing(self) -> set[str]:
        return {one.code for one in pathway.current_pathway(self.me, RANK, clock.today()).missing}

    def evidence(self) -> FileStorage:
        self.files += 1
        return FileStorage(io.BytesIO(PAGE % self.files), filename="证明材料.pdf")

    # Stages

    def sign_up(self) -> None:
        known = passwords.hashed(PASSWORD)
        with self.doing() as now:
            wish = signing.SignUp(
                "lu.mingyuan@example.org", "陆明远", known, db.session.get_one(people.Region, self.regions["south"]),
                db.session.get_one(people.Organisation, self.employer_id), "zh_Hans", "1",
            )  # fmt: skip
            token = signing.sign_up(wish, now=now)
        assert token
        with self.doing() as now:
            self.ids["me"] = signing.confirm_email(token, PASSWORD, now=now).id
        with current_app.test_request_context():
            found = signing.recognise("lu.mingyuan@example.org", PASSWORD, known_browser=False)
            with self.doing() as now:
                assert signing.sign_in(found, now=now)

    def complete_profile(self) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (358, 501), (90, 120, 160)).save(picture, "JPEG")
        picture.seek(0)
        with self.doing() as now:
            identity.set_id_number(self.me, IdKind.RESIDENT, id_number(), by=self.me, today=clock.local_date(now))
            identity.set_photo(self.me, FileStorage(picture, filename="photo.jpg"), by=self.me, now=now)
            service.set_background(
                self.me, by=self.me, education=Education.BACHELOR, experience_years=2,
                title_level=TitleLevel.MIDDLE, title_years=3, field="新材料",
            )  # fmt: skip

    def make_class(self) -> int:
        """A class of sixty hours that begins in a week; its id."""
        starts = clock.today() + timedelta(days=7)
        values = {
            "title": "滨海中级技术经理人培训班", "online": False, "place": "一号教室", "about": "", "starts_on": starts,
            "ends_on": starts + timedelta(days=20), "enrol_from": clock.today(), "enrol_until": starts, "capacity": 20,
            "teacher_id": None,
        }  # fmt: skip
        with self.doing() as now:
            base = db.session.get_one(people.Organisation, self.base_id)
            made = classes.make_class(base, RANK, values, by=self.who("base"), now=now)
            db.session.flush()  # periods name it
            classes.plan(made, by=self.who("base"), now=now)
            classes.move_class(made, ClassMove.OPEN, by=self.who("base"), now=now)
        return made.id

    def enrol(self, class_id: int) -> None:
        background = enrolments.Background(Education.BACHELOR, 2, TitleLevel.MIDDLE, 3)
        with self.doing() as now:
            klass = db.session.get_one(TrainingClass, class_id)
            made = enrolments.enrol(klass, by=self.me, background=background, pledged=True, now=now)
        assert made.state is EnrolmentState.APPLIED
        with self.doing() as now:
            found = db.session.get_one(Enrolment, made.id)
            assert enrolments.admit(found, by=self.who("base"), now=now) is EnrolmentState.ADMITTED

    def attend(self, class_id: int) -> None:
        """Sign in to every period by the code on the screen, then have the hours credited and the class ended."""
        first = db.session.get_one(TrainingClass, class_id).starts_on
        self.set_clock(clock.start_of(first) + timedelta(hours=8))
        run_clockwork(only="training.start_classes")
        assert db.session.get_one(TrainingClass, class_id).state is ClassState.RUNNING
        periods = db.session.scalars(
            select(ClassSession.id).where(ClassSession.class_id == class_id).order_by(ClassSession.starts_at)
        ).all()
        for period_id in periods:
            period = db.session.get_one(ClassSession, period_id)
            self.set_clock(period.starts_at + timedelta(minutes=2))
            token = attendance.code_for(period, clock.now()).token
            with self.doing() as now:
                signing_in.sign(self.me, token, now=now)
            self.set_clock(period.ends_at - timedelta(minutes=3))
            token = signing_in.code_for(period, signing_in.way_now(period, clock.now()), clock.now()).token
            with self.doing() as now:
                assert signing_in.sign(self.me, token, now=now).way.value == "out"
        self.set_clock(db.session.get_one(ClassSession, periods[-1]).ends_at + timedelta(hours=1))
        with self.doing() as now:
            outcome = hours.credit_class(db.session.get_one(TrainingClass, class_id), by=self.who("base"), now=now)
        assert outcome.hours[self.ids["me"]] == 60
        with self.doing() as now:
            klass = db.session.get_one(TrainingClass, class_id, with_for_update=True)
            classes.move_class(klass, ClassMove.END, by=self.who("base"), now=now)

    def plan_exam(self) -> int:
        """A published session a week ahead; its id."""
        opens = clock.start_of(clock.today() + timedelta(days=7)) + timedelta(hours=9)
        plan = sessions.Plan(
            level=RANK, region_id=self.regions["south"], title="中级技术经理人考试", opens_at=opens,
            closes_at=opens + timedelta(hours=3), minutes=120, late_entry_minutes=30, pass_mark=Decimal(60),
            multiple_rule=Rule.ALL_OR_NOTHING, late_counts=False, eligibility=Eligibility.TRAINING, shown=Shown.ANSWERS,
            place="第一机房", markers=1,
        )  # fmt: skip
        with self.doing() as now:
            made = sessions.plan(plan, by=self.who("exams"), now=now)
        with self.doing() as now:
            sessions.publish(locked(made), by=self.who("exams"), now=now)
        return made.id

    def register(self, session_id: int) -> int:
        """Register; where the paper happens to hold no written part, step back and register again."""
        for _ in range(20):
            with self.doing() as now:
                session = db.session.get_one(ExamSession, session_id)
                sitting_id = sessions.register(session, self.me, by=self.me, now=now).id
            if has_written_part(papers.paper_of(db.session.get_one(Sitting, sitting_id))):
                return sitting_id
            with self.doing() as now:
                sessions.withdraw(db.session.get_one(Sitting, sitting_id), by=self.me, now=now)
        raise AssertionError("twenty papers without a written part")

    def sit(self, session_id: int, sitting_id: int) -> None:
        """Three of the single-choice questions are left out; everything else is answered, in several saves."""
        assert papers.paper_of(db.session.get_one(Sitting, sitting_id)), "the paper was made before the start"
        with pytest.raises(Refused), self.doing() as now:
            sittings.start(sitting_id, by=self.me, honour=True, now=now)  # the exam is not open yet
        self.set_clock(db.session.get_one(ExamSession, session_id).opens_at + timedelta(minutes=3))
        with self.doing() as now:
            sittings.start(sitting_id, by=self.me, honour=True, now=now)
        with self.doing() as now:
            opened = sittings.open_(sitting_id, "browser-of-lu", by=self.me, take_over=False, now=now)
        steps = [
            sittings.Step(entry.place, 1, self._answer(entry))
            for entry in papers.paper_of(db.session.get_one(Sitting, sitting_id))
            if entry.place > 3
        ]
        for part in (steps[:20], steps[20:]):
            self.set_clock(clock.now() + timedelta(minutes=25))
            with self.doing() as now:
                saved = sittings.save(sitting_id, opened.epoch, part, by=self.me, now=now)
            assert not saved.refused and len(saved.saved) == len(part)
        with self.doing() as now:
            sittings.hand_in(sitting_id, opened.epoch, [], by=self.me, now=now)

    @staticmethod
    def _answer(entry: Any) -> Any:
        answer = correct_answer(entry.item)
        words = "先核实成果权属与资金来源，再按合同约定分阶段处理，并留存书面记录。"
        if isinstance(answer, dict):
            return {part: words if one is None else one for part, one in answer.items()}
        return words if answer is None else answer

    def mark_and_release(self, session_id: int, sitting_id: int) -> None:
        self.set_clock(db.session.get_one(ExamSession, session_id).closes_at + timedelta(hours=1))
        run_clockwork(only="exams.sweep")  # marks what was handed in, closes the session
        session = db.session.get_one(ExamSession, session_id)
        assert session.state is SessionState.CLOSED
        waiting = [t.id for t in db.session.scalars(marking.tasks_visible_to(self.who("marker")))]
        assert waiting, "the written parts of the cases wait for a marker"
        with pytest.raises(marking.NotMarked), self.doing() as now:
            marking.release(db.session.get_one(ExamSession, session_id), by=self.who("exams"), now=now)
        for task_id in waiting:
            task = db.session.get_one(MarkingTask, task_id)
            question = marking.script_of(task).question
            points = [line.points for line in question.rubric] or [question.points]
            points[0] -= 1
            with self.doing() as now:
                task = marking.task_for(self.who("marker"), task_id)
                marking.give(task, points, by=self.who("marker"), remark="要点齐全。", now=now)
            assert db.session.get_one(MarkingTask, task_id).state is TaskState.DONE
        with self.doing() as now:
            marking.release(db.session.get_one(ExamSession, session_id), by=self.who("exams"), now=now)
        sitting = db.session.get_one(Sitting, sitting_id)
        assert sitting.state is SittingState.RELEASED and sitting.passed
        assert Decimal(60) < marking.percent_of(sitting) < Decimal(98)

    def do_task(self, code: str, real: bool) -> None:
        last = clock.today() - timedelta(days=1)
        with self.doing() as now:
            entry = practice.new_entry(
                self.me, rank=RANK, task_code=code, title=f"{code} 高性能膜材料", now=now, real=real, project="高性能膜材料成果转化",
                counterpart="滨海新材料公司", host_unit="滨海先进制造研究院", role=TaskRole.LEADING, share=Decimal(100),
                started_on=last, ended_on=last, did="访谈发明人并核对权属。", result="形成交付材料一份。", next_step="与对方约定下一次沟通。",
                confidentiality=Confidentiality.INTERNAL, self_score=80, mentor_id=self.ids["mentor"],
                lines=[(last, Decimal(4), "访谈与整理")],
            )  # fmt: skip
            practice.attach(entry, self.evidence(), by=self.me, now=now, name="交付材料.pdf")
        with self.doing() as now:
            practice.submit(db.session.get_one(LogEntry, entry.id), by=self.me, now=now)
        with self.doing() as now:
            practice.confirm(db.session.get_one(LogEntry, entry.id), by=self.who("mentor"), remark="属实。", now=now)
        asked = db.session.scalars(
            select(Review).where(Review.entry_id == entry.id, Review.state == ReviewState.ASKED)
        ).all()
        assert [r.reviewer_id for r in asked] == [self.ids["reviewer"]], "neither the mentor nor a colleague reviews"
        points = {"truth": 18, "analysis": 20, "process": 16, "quality": 20, "compliance": 9}
        with self.doing() as now:
            review = db.session.get_one(Review, asked[0].id)
            given = {key: Decimal(value) for key, value in points.items()}
            reviewing.give_review(review, by=review.reviewer, points=given, remarks={}, remark="证据充分。", now=now)

    def earn(self, number: str, amount: int, indicator: str = "P1") -> None:
        """A registered contract of the person's own (or another result), claimed and granted."""
        contract = None
        if indicator == "P1":
            contract = ContractData(
                number=number, title="膜分离专利实施许可", kind=ContractKind.LICENCE, buyer="滨海制造有限公司", seller="海河理工大学",
                amount=Decimal(amount), signed_on=clock.today() - timedelta(days=2),
            )  # fmt: skip
            with self.doing() as now:
                contracts.register(contract, by=self.who("cert1"), now=now, region_id=self.regions["south"])
        data = ClaimData(
            indicator, "膜分离专利实施许可", clock.today() - timedelta(days=2), contract.amount if contract else None,
            share=Decimal(100), contract=contract,
        )  # fmt: skip
        with self.doing() as now:
            draft = claims.draft(data, uploads=[self.evidence()], by=self.me, now=now)
        with self.doing() as now:
            claims.submit(claims.own_claim_for(self.me, draft.id), by=self.me, now=now)
        with self.doing() as now:
            found = claims.claim_for(self.who("cert2"), draft.id)
            claims.approve(found, by=self.who("cert2"), now=now, remark="证明齐全。")

    def apply(self) -> int:
        with self.doing() as now:
            return applications.apply_for(self.me, RANK, by=self.me, now=now).id

    def application(self, application_id: int) -> Application:
        return db.session.get_one(Application, application_id, with_for_update=True)

    def agree(self) -> None:
        """Harbin trusts Binhai's certificates for two years."""
        today = clock.today()
        values = {
            "region_id": self.regions["north"], "partner_id": self.regions["south"], "basis": "哈津科互认〔2026〕1号",
            "signed_on": today, "effective_on": today, "ends_on": today + timedelta(days=730), "scope": "各级证书",
            "contact": "互认联系人",
        }  # fmt: skip
        levels = [("初级技术经理人", 1, ""), ("中级技术经理人", 2, "")]
        with self.doing() as now:
            made = recognition.save_agreement(None, values, levels, by=self.who("north1"), now=now)
            recognition.move_agreement(made, AgreementMove.GRANT, by=self.who("north1"), reason="双方会签", now=now)

    def verify(self, number: str, name: str) -> verification.Answer:
        with self.doing() as now:
            return verification.verify(number, name, address="journey", way="page", now=now)


def has_written_part(paper: Any) -> bool:
    """Does a person have to mark something on this paper?"""
    return any(question.kind is Kind.ESSAY for entry in paper for question in questions_of(entry.item).values())
