"""What happened to the demonstration's people: classes, exams, tasks, credit, certificates, recognition.

Everything goes through the services at the time it is said to have happened (``clock.at``), so that every rule was
kept and the log tells the same story.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from flask import current_app
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from app.accounts import consents, identity
from app.accounts.models import ConsentKind, Person
from app.certification import applications, issuing, renewals, status
from app.certification.models import Application, Certificate
from app.certification.states import Change, EditionKind
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.demo import classroom
from app.demo.mandates import entrusted
from app.demo.sitters import many_sat
from app.demo.teams import reported, teamed
from app.demo.verifying import tell_of_verification
from app.demo.world import World
from app.exams import appeals, marking, papers, places, regrading, sessions, sittings
from app.exams.models import Eligibility, ExamSession, MarkingTask, RegradeKind, Shown, Sitting, TaskState
from app.files.service import keep_bytes
from app.jobs.service import run_waiting
from app.outline import service as outline
from app.pathway import service as pathway
from app.performance import claims, contracts, integrity
from app.performance.claims import ClaimData
from app.performance.contracts import ContractData
from app.performance.models import Contract, ContractKind, HonourKind
from app.practice import reviewing
from app.practice import service as practice
from app.practice.models import Confidentiality, LogEntry, Review, ReviewState, TaskRole
from app.recognition import service as recognition
from app.recognition.states import AgreementMove, Outcome
from app.training import attendance, classes, enrolments, hours
from app.training.models import AttendanceState, Enrolment, TrainingClass
from app.training.states import ClassMove
from question_bank.grading import Rule, correct_answer

LEVELS = {1: "初级", 2: "中级", 3: "高级"}
TASKS = {
    1: (("T01", "柔性传感材料发明披露"), ("T02", "装备企业检测需求挖掘"), ("T03", "膜分离技术专利检索")),
    2: (
        ("T01", "碳纤维回收技术披露"), ("T03", "固态电池专利导航"), ("T04", "水处理装置技术成熟度评价"),
        ("T05", "图像识别专利包价值评估"), ("T10", "技术许可合同起草与登记"),
    ),
}  # fmt: skip
PDF = b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 120]/Contents 4 0 R>>endobj\n4 0 obj<</Length 0>>stream\n\nendstream endobj\ntrailer<</Root 1 0 R>>\n%% %s\n%%%%EOF\n"


def _as_sent(answer: object) -> list[str]:
    """An answer as a form sends it: a list of texts."""
    if isinstance(answer, bool):
        return [str(answer).lower()]
    return [str(one) for one in answer] if isinstance(answer, list) else [str(answer)]


class Storyteller:
    """Moves people through the stages. ``now``: the demonstration's present."""

    def __init__(self, world: World, now: datetime) -> None:
        self.world, self.now = world, now
        self.dice = random.Random(20261122)
        self.files = 0

    def back(self, days: int, hour: int = 9) -> datetime:
        """An instant ``days`` days before the present (negative: to come), at an hour in Asia/Shanghai."""
        day = clock.local_date(self.now) - timedelta(days=days)
        return clock.start_of(day) + timedelta(hours=hour)

    def who(self, key: str) -> Person:
        return self.world.person(key)

    def paper(self, words: str) -> bytes:
        """A small real PDF, different each time."""
        self.files += 1
        return PDF % f"{words.encode('ascii', 'ignore').decode()} {self.files}".encode()

    # Training

    def open_class(
        self,
        base: str,
        level: int,
        title: str,
        starts: datetime,
        *,
        days: int = 14,
        capacity: int = 30,
        online: bool = False,
    ) -> int:
        """A class of a base, open for enrolment from twenty days before it starts; its id."""
        first = clock.local_date(starts)
        before = starts - timedelta(days=20)
        values = {
            "title": title, "online": online, "place": "培训基地一号教室", "starts_on": first, "ends_on": first + timedelta(days=days - 1),
            "enrol_from": clock.local_date(before), "enrol_until": first + timedelta(days=3), "capacity": capacity, "teacher_id": self.world.people["lecturer"],
            "about": "面向企业、高校院所和技术转移机构从业人员，按系统默认大纲授课，含案例研讨与实训。",
        }  # fmt: skip
        with clock.at(before), unit_of_work():
            base_officer = self.who("base")
            made = classes.make_class(self.world.organisation(base), level, values, by=base_officer, now=before)
            db.session.flush()  # periods name it
            classes.plan(made, by=base_officer, now=before)
            classes.move_class(made, ClassMove.OPEN, by=base_officer, now=before)
        return made.id

    def enrol(self, class_id: int, keys: Iterable[str], at: datetime, *, admit: bool = True) -> None:
        for n, key in enumerate(keys):
            when = at + timedelta(minutes=17 * n)
            with clock.at(when):
                with unit_of_work():
                    person = self.who(key)
                    pathway.set_goal(person, db.session.get_one(TrainingClass, class_id).level, by=person, now=when)
                    assert person.education is not None
                    background = enrolments.Background(
                        person.education, person.experience_years, person.title_level, person.title_years
                    )
                    made = enrolments.enrol(
                        db.session.get_one(TrainingClass, class_id),
                        by=person,
                        background=background,
                        pledged=True,
                        now=when,
                    )
                if admit:
                    with unit_of_work():
                        enrolments.admit(
                            db.session.get_one(Enrolment, made.id), by=self.who("base"), now=when + timedelta(hours=5)
                        )

    def teach(self, class_id: int, keys: Iterable[str], until: datetime, *, absent: int = 0) -> None:
        """Everybody signs in to the periods held before ``until`` (but for ``absent`` of them), hours are credited."""
        people = [self.world.people[key] for key in keys]
        with clock.at(until), unit_of_work():
            klass = db.session.get_one(TrainingClass, class_id)
            held = [s for s in klass.sessions if s.ends_at < until]
            marks = {(s.id, p): AttendanceState.PRESENT for s in held[absent:] for p in people}
            marks |= {(s.id, p): AttendanceState.ABSENT for s in held[:absent] for p in people}
            attendance.record_by_hand(klass, marks, by=self.who("base"), reason="纸质签到表录入", now=until)
        with clock.at(until), unit_of_work():
            hours.credit_class(db.session.get_one(TrainingClass, class_id), by=self.who("base"), now=until)

    def online(self, keys: Iterable[str], level: int, at: datetime, count: int = 4) -> None:
        """Read the first online lessons of a level: the time is counted by the server, the quiz passed."""
        from app.training import lessons

        for key in keys:
            with unit_of_work():
                place = lessons.place_of(self.who(key), level)
                programme = lessons.programme_of(self.who(key), level, place)
                lines = lessons.course_lines(self.who(key), level, programme)
                wanted = [lesson.revision.lesson_id for line in lines for lesson in line.lessons][:count]
            when = at
            for lesson_id in wanted:
                when = self._read(key, lesson_id, when)

    def _read(self, key: str, lesson_id: int, when: datetime) -> datetime:
        from app.training import lessons

        with clock.at(when), unit_of_work():
            reading = lessons.open_(self.who(key), lesson_id, now=when)
            minutes = reading.revision.minutes
        end = when + timedelta(minutes=minutes)
        for minute in (*range(5, minutes, 5), minutes):
            then = when + timedelta(minutes=minute)
            with clock.at(then), unit_of_work():
                lessons.beat(self.who(key), lessons.read(self.who(key), lesson_id), 300, now=then)
        with clock.at(end), unit_of_work():
            reading = lessons.read(self.who(key), lesson_id)
            answers = {item.id: _as_sent(correct_answer(item)) for item in lessons.quiz_of(reading.revision)}
            lessons.answer_quiz(self.who(key), reading, answers, now=end)
        return end + timedelta(minutes=5)

    def move(self, class_id: int, move: ClassMove, at: datetime) -> None:
        with clock.at(at), unit_of_work():
            klass = db.session.get_one(TrainingClass, class_id, with_for_update=True)
            classes.move_class(klass, move, by=self.who("base"), now=at)

    # Exam

    def exam(
        self, region: str, level: int, title: str, opens: datetime, *, hours_open: float = 4, listed: bool = False,
        markers: int = 1,
    ) -> int:  # fmt: skip
        """A published exam session; its id."""
        rules = sessions.rules_for(level, self.world.regions[region], clock.local_date(opens))
        body = outline.rule("blueprint", level)
        plan = sessions.Plan(
            level=level, region_id=self.world.regions[region], title=title, opens_at=opens,
            closes_at=opens + timedelta(hours=hours_open), minutes=body["minutes"], late_entry_minutes=rules["late_entry"] if hours_open <= 4 else int(hours_open * 60),
            pass_mark=Decimal(60), multiple_rule=Rule.ALL_OR_NOTHING, late_counts=False,
            eligibility=Eligibility.LIST if listed else Eligibility.TRAINING, shown=Shown.ANSWERS, place="第一机房", seats=None,
            markers=markers,
        )  # fmt: skip
        at = min(opens - timedelta(days=8), self.back(1))  # nothing is planned in the future
        with clock.at(at):
            with unit_of_work():
                made = sessions.plan(plan, by=self.who("exams"), now=at)
            with unit_of_work():
                sessions.publish(locked(made), by=self.who("exams"), now=at)
        return made.id

    def seats(self, session_id: int, keys: list[str], at: datetime) -> None:
        """The office names candidates, adds a place with two rooms, draws the seat plan and publishes it."""
        office = self.who("exams")
        with clock.at(at):
            for key in keys:
                with unit_of_work():
                    session = db.session.get_one(ExamSession, session_id)
                    sessions.register(session, self.who(key), by=office, now=at, waive="经培训基地推荐，主管部门核准")
            with unit_of_work():
                session = db.session.get_one(ExamSession, session_id, with_for_update=True)
                wanted = places.PlaceWanted(
                    "滨海职业学院考点", "滨海新区学府路 8 号实训楼", "地铁 9 号线学府站 B 口步行 5 分钟"
                )
                place = places.save_place(session, None, wanted, by=office, now=at)
                db.session.flush()
                for name, columns in (("第一机房", 5), ("第二机房", 4)):
                    places.save_room(session, place, None, places.RoomWanted(name, 4, columns), by=office, now=at)
            for act in (places.draw, places.publish_seats):
                with unit_of_work():
                    act(db.session.get_one(ExamSession, session_id), by=office, now=at)

    def sit(self, session_id: int, keys: dict[str, float], opens: datetime) -> None:
        """Candidates register, sit and hand in, each knowing the given share of the answers; results are released."""
        for key in keys:
            at = opens - timedelta(days=5)
            with clock.at(at), unit_of_work():
                session = db.session.get_one(ExamSession, session_id)
                sessions.register(session, self.who(key), by=self.who(key), now=at)
        with clock.at(opens - timedelta(days=4)):
            run_waiting()
        for n, (key, share) in enumerate(keys.items()):
            self._script(session_id, key, share, opens + timedelta(minutes=n % 5))
        self._mark_essays(opens + timedelta(days=1))
        at = opens + timedelta(days=3)
        self.close(session_id, at)
        self.release(session_id, at)

    def sit_listed(self, session_id: int, keys: dict[str, float], opens: datetime) -> None:
        """The same for people whom the office puts on the list; nothing is marked by people yet."""
        at = opens - timedelta(days=5)
        with clock.at(at):
            for key in keys:
                with unit_of_work():
                    session = db.session.get_one(ExamSession, session_id)
                    sessions.register(
                        session, self.who(key), by=self.who("exams"), now=at, waive="外省培训合格，经考务核准"
                    )
            run_waiting()
        for n, (key, share) in enumerate(keys.items()):
            self._script(session_id, key, share, opens + timedelta(minutes=n % 5))
        self.close(session_id, opens + timedelta(hours=5))

    def close(self, session_id: int, at: datetime) -> None:
        with clock.at(at), unit_of_work():
            sessions.close_if_over(db.session.get_one(ExamSession, session_id, with_for_update=True), at)

    def release(self, session_id: int, at: datetime) -> None:
        with clock.at(at), unit_of_work():
            session = db.session.get_one(ExamSession, session_id, with_for_update=True)
            marking.release(session, by=self.who("exams"), now=at)

    def mark_written(self, session_id: int, marker: str, shares: list[str], at: datetime) -> None:
        """A marker gives these shares to the written answers of a session, one after another, as far as they go."""
        with clock.at(at):
            asked = select(MarkingTask.id).where(MarkingTask.session_id == session_id).order_by(MarkingTask.id)
            for task_id, share in zip(list(db.session.scalars(asked)), shares, strict=False):
                with unit_of_work():
                    task = db.session.get_one(MarkingTask, task_id)
                    limits = marking.limits_of(marking.script_of(task).question)
                    given = [(most * Decimal(share)).quantize(Decimal("0.5")) for most in limits]
                    marking.give(task, given, by=self.who(marker), remark="", now=at)

    def _script(self, session_id: int, key: str, share: float, at: datetime) -> None:
        person_id = self.world.people[key]
        sitting_id = db.session.scalars(
            select(Sitting.id).where(Sitting.session_id == session_id, Sitting.candidate_id == person_id)
        ).one()
        with clock.at(at):
            with unit_of_work():
                sittings.start(sitting_id, by=self.who(key), honour=True, now=at)
            paper = papers.paper_of(db.session.get_one(Sitting, sitting_id))
            steps = []
            for entry in paper:
                answer = correct_answer(entry.item)
                if isinstance(answer, dict):
                    answer = {
                        p: (a if a is not None else "结合案例，应先核实权属与资金流，再按合同约定分阶段处理。")
                        for p, a in answer.items()
                    }
                if self.dice.random() < share:
                    steps.append(sittings.Step(entry.place, 1, answer))
            with unit_of_work():
                sittings.save(sitting_id, 1, steps, by=self.who(key), now=at + timedelta(minutes=40))
            with unit_of_work():
                sittings.hand_in(sitting_id, 1, [], by=self.who(key), now=at + timedelta(minutes=55))
            with unit_of_work():
                marking.mark(sitting_id, now=at + timedelta(minutes=56))

    def _mark_essays(self, at: datetime) -> None:
        with clock.at(at):
            for task_id in list(
                db.session.scalars(select(MarkingTask.id).where(MarkingTask.state == TaskState.WAITING))
            ):
                with unit_of_work():
                    task = db.session.get_one(MarkingTask, task_id)
                    question = marking.script_of(task).question
                    limits = [line.points for line in question.rubric] or [question.points]
                    given = [max(Decimal(0), most - (i % 2)) for i, most in enumerate(limits)]
                    marking.give(task, given, by=self.who("marker"), remark="要点基本齐全。", now=at)

    # Practice

    def base_near(self, person: Person) -> int:
        """The training base of the person's region that accompanies their tasks."""
        bases = {
            self.world.regions["1201"]: "滨海技术转移人才培养基地",
            self.world.regions["2301"]: "哈尔滨技术转移人才培养基地",
        }
        return self.world.organisations[bases[person.region_id or self.world.regions["1201"]]]

    def task(
        self, key: str, rank: int, code: str, title: str, at: datetime, *, stop: str = "", score: int = 82, real: bool = True,
        confidentiality: Confidentiality = Confidentiality.INTERNAL,
    ) -> int:  # fmt: skip
        """A practical task up to ``stop`` (draft, submitted, review, returned) or passed; its id."""
        last = clock.local_date(at) - timedelta(days=2)
        with clock.at(at):
            with unit_of_work():
                person = self.who(key)
                entry = practice.new_entry(
                    person, rank=rank, task_code=code, title=title, now=at, real=real, project=title.replace("报告", "") + "项目",
                    counterpart="渤海湾新材料有限公司", host_unit="滨海先进制造研究院", role=TaskRole.LEADING, share=Decimal(100),
                    started_on=last - timedelta(days=6), ended_on=last,
                    did="走访实验室与企业，整理技术要点，核对权属与既有专利。", result="形成交付材料一份，对方书面确认。", next_step="与对方约定下一次沟通，补充数据。",
                    confidentiality=confidentiality, self_score=score, mentor_id=self.world.people["mentor"],
                    base_id=self.base_near(person),
                    lines=[(last - timedelta(days=5), Decimal("3"), "现场访谈，记录技术要点"), (last, Decimal("4"), "整理材料并请对方确认")],
                )  # fmt: skip
                practice.attach(entry, self.paper(f"{key} {code}"), name=f"{title}.pdf", by=person, now=at)
            if stop == "draft":
                return entry.id
            with unit_of_work():
                practice.submit(db.session.get_one(LogEntry, entry.id), by=self.who(key), now=at)
        if stop == "submitted":
            return entry.id
        then = at + timedelta(days=1)
        with clock.at(then), unit_of_work():
            practice.confirm(
                db.session.get_one(LogEntry, entry.id), by=self.who("mentor"), remark="情况属实。", now=then
            )
        if stop != "review":
            self._review(entry.id, at + timedelta(days=3), score, returned=stop == "returned")
        return entry.id

    def _review(self, entry_id: int, at: datetime, score: int, *, returned: bool) -> None:
        most = {"truth": 20, "analysis": 25, "process": 20, "quality": 25, "compliance": 10}
        points = {code: (Decimal(full) * score / 100).quantize(Decimal(1)) for code, full in most.items()}
        with clock.at(at):
            asked = list(
                db.session.scalars(
                    select(Review.id).where(Review.entry_id == entry_id, Review.state == ReviewState.ASKED)
                )
            )
            for review_id in asked:
                with unit_of_work():
                    review = db.session.get_one(Review, review_id)
                    if returned:
                        reviewing.ask_return(review, by=review.reviewer, remark="请补充企业盖章的需求确认单。", now=at)
                    else:
                        reviewing.give_review(
                            review, by=review.reviewer, points=points, remarks={}, remark="过程规范，证据充分。", now=at
                        )

    # Performance

    def deal(self, keys: dict[str, int], title: str, amount: int, on: datetime) -> int:
        """A registered technology contract claimed by people with their shares in per cent, granted; its id."""
        self.files += 1
        data = ContractData(
            number=f"{on.year}1201{self.files:06d}", title=title, kind=ContractKind.LICENCE, buyer="渤海湾新材料有限公司",
            seller="海河理工大学技术转移中心", amount=Decimal(amount), signed_on=clock.local_date(on), registered_on=clock.local_date(on),
        )  # fmt: skip
        with clock.at(on), unit_of_work():
            contract = contracts.register(data, by=self.who("cert1"), now=on, region_id=self.world.regions["1201"])
        for key, share in keys.items():
            self.claim(
                key,
                ClaimData("P1", title, data.signed_on, data.amount, share=Decimal(share), contract=data),
                on + timedelta(days=3),
            )
        return contract.id

    def claim(self, key: str, data: ClaimData, at: datetime, *, stop: str = "") -> None:
        with clock.at(at):
            with unit_of_work():
                upload = FileStorage(io.BytesIO(self.paper(f"{key} {data.indicator}")), filename="证明材料.pdf")
                draft = claims.draft(data, uploads=[upload], by=self.who(key), now=at)
            if stop == "draft":
                return
            with unit_of_work():
                claims.submit(claims.own_claim_for(self.who(key), draft.id), by=self.who(key), now=at)
            if stop == "submitted":
                return
            then = at + timedelta(days=2)
            with clock.at(then), unit_of_work():
                found = claims.claim_for(self.who("cert2"), draft.id)
                claims.approve(found, by=self.who("cert2"), now=then, remark="证明齐全。")

    # Certification

    def apply(self, key: str, rank: int, at: datetime) -> int:
        with clock.at(at), unit_of_work():
            person = self.who(key)
            made = applications.apply_for(person, rank, by=person, now=at)
        return made.id

    def publish(self, application_id: int, at: datetime) -> None:
        with clock.at(at), unit_of_work():
            found = db.session.get_one(Application, application_id, with_for_update=True)
            applications.take(found, by=self.who("cert1"), now=at)
            applications.publish(found, by=self.who("cert1"), now=at, remark="材料齐全，进入公示。")

    def decide(self, application_id: int, at: datetime) -> int:
        with clock.at(at), unit_of_work():
            found = db.session.get_one(Application, application_id, with_for_update=True)
            made = issuing.decide(found, by=self.who("cert2"), now=at)
        assert made is not None, f"application {application_id} went back to review"
        return made.id

    def certify(self, key: str, rank: int, at: datetime) -> int:
        """Application, review, notice, decision; the certificate's id. Takes sixteen days."""
        application = self.apply(key, rank, at)
        self.publish(application, at + timedelta(days=1))
        return self.decide(application, at + timedelta(days=16))

    def photo(self, key: str, n: int) -> None:
        """A drawn silhouette in place of a photo: the demonstration's people do not exist."""
        from PIL import Image, ImageDraw

        tone = ((74, 104, 140), (92, 120, 104), (120, 98, 110), (104, 104, 128))[n % 4]
        picture = Image.new("RGB", (358, 501), (226, 232, 240))
        pen = ImageDraw.Draw(picture)
        pen.ellipse((109, 96, 249, 256), fill=tone)
        pen.ellipse((39, 286, 319, 640), fill=tone)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=88)
        out.seek(0)
        at = self.back(1290)
        with clock.at(at), unit_of_work():
            identity.set_photo(self.who(key), FileStorage(out, filename="photo.jpg"), by=self.who(key), now=at)
            consents.give_consent(self.who(key), ConsentKind.PHOTO, now=at)

    def run_jobs(self) -> None:
        current_app.logger.info("demonstration: making documents")
        run_waiting()


def through_practice(tell: Storyteller, key: str, rank: int, at: datetime, count: int | None = None) -> None:
    """The tasks a level asks for, a week apart."""
    for n, (code, title) in enumerate(TASKS[rank][:count]):
        tell.task(key, rank, code, title, at + timedelta(days=7 * n), score=70 + (n * 7 + len(key)) % 25)


def batch(
    tell: Storyteller,
    keys: list[str],
    rank: int,
    base: str,
    region: str,
    ago: int,
    title: str,
    shares: list[float] | None = None,
) -> int:
    """A class that is long over: taught, examined, tasks done. Its start lies ``ago`` days back; takes about 80 days."""
    starts = tell.back(ago)
    klass = tell.open_class(base, rank, title, starts)
    tell.enrol(klass, keys, starts - timedelta(days=12))
    tell.move(klass, ClassMove.START, starts)
    over = starts + timedelta(days=15)
    tell.teach(klass, keys, over)
    if rank == 1:
        tell.online(keys, 1, starts + timedelta(days=1, hours=10))
    tell.move(klass, ClassMove.END, over)
    if len(keys) >= 5:
        classroom.answered(tell, klass, keys)
    opens = starts + timedelta(days=25)
    session = tell.exam(region, rank, f"{title} 理论考试", opens)
    known = shares or [0.78 + (n % 4) * 0.05 for n in range(len(keys))]
    tell.sit(session, dict(zip(keys, known, strict=True)), opens)
    for n, key in enumerate(keys):
        through_practice(tell, key, rank, starts + timedelta(days=18 + n % 3))
    return klass


def tell_it(world: World, now: datetime) -> None:
    """The whole story."""
    tell = Storyteller(world, now)
    south, north, second_north = "滨海技术转移人才培养基地", "哈尔滨技术转移人才培养基地", "松江科技服务培训中心"
    holders = ["holder", "trainee2", *[f"p{n:02d}" for n in range(1, 43)]]
    for n, key in enumerate(holders):
        tell.photo(key, n)
    with clock.at(tell.back(1295)), unit_of_work():
        from app.accounts import service as accounts

        accounts.grant_role(
            tell.who("base"),
            Role.BASE,
            Scope.ORGANISATION,
            world.organisations[second_north],
            by=None,
            now=tell.back(1295),
        )
    agreements(tell)

    first = ["p02", "p03", "p04", "p05", "p07", "p08", "p09", "p12"]
    batch(tell, first, 1, south, "1201", 1260, "滨海初级技术经理人培训班第一期")
    issued = {key: tell.certify(key, 1, tell.back(1189 - n)) for n, key in enumerate(first)}
    for key in ("p03", "p04"):
        renew(tell, issued[key], key, tell.back(70))

    second = ["p31", "p32", "p33", "p34"]
    batch(tell, second, 1, north, "2301", 1130, "哈尔滨初级技术经理人培训班第一期")
    for n, key in enumerate(second):
        tell.certify(key, 1, tell.back(1052 - n))

    third = ["holder", "p02", "p05", "p06", "p08", "p11", "p16", "p26"]
    batch(
        tell,
        third,
        2,
        south,
        "1201",
        420,
        "滨海中级技术经理人培训班第二期",
        [0.9, 0.84, 0.8, 0.86, 0.82, 0.84, 0.8, 0.88],
    )
    deals(tell, third)
    middle = {key: tell.certify(key, 2, tell.back(330 - n)) for n, key in enumerate(third)}

    fourth = ["p13", "p14", "p15", "p17", "p18", "p19"]
    batch(tell, fourth, 1, south, "1201", 560, "滨海初级技术经理人培训班第二期")
    for n, key in enumerate(fourth):
        tell.certify(key, 1, tell.back(478 - n))

    entrusted(tell)
    what_became(tell, middle)
    matters(tell)
    cases(tell, middle)
    tell_of_verification(tell, middle)
    in_progress(tell, south)
    today(tell, south, north)
    many_sat(tell)
    defence(tell)
    teamed(tell)
    reported(tell)
    tell.run_jobs()


def agreements(tell: Storyteller) -> None:
    """Binhai and Harbin recognise each other; trust in Xi'an's paper certificates was suspended."""
    wanted = (
        ("2301", "1201", "哈津科互认〔2024〕3号", "authority1", [AgreementMove.GRANT]),
        ("1201", "2301", "哈津科互认〔2024〕3号", "authority3", [AgreementMove.GRANT]),
        ("1201", "6101", "津陕科互认〔2023〕11号", "authority3", [AgreementMove.GRANT, AgreementMove.SUSPEND]),
    )
    at = tell.back(700)
    for ours, theirs, basis, officer, moves in wanted:
        day = clock.local_date(at)
        values = {
            "region_id": tell.world.regions[ours], "partner_id": tell.world.regions[theirs], "basis": basis, "signed_on": day,
            "effective_on": day, "ends_on": day + timedelta(days=1500), "scope": "初级、中级、高级技术经理人证书", "contact": "互认工作联系人",
        }  # fmt: skip
        levels = [(f"{LEVELS[r]}技术经理人", r, "" if r < 3 else "附业绩材料") for r in (1, 2, 3)]
        with clock.at(at), unit_of_work():
            made = recognition.save_agreement(None, values, levels, by=tell.who(officer), now=at)
            for move in moves:
                reason = "双方会签完成" if move is AgreementMove.GRANT else "对方登记册暂停更新，待核实"
                recognition.move_agreement(made, move, by=tell.who(officer), reason=reason, now=at)


def deals(tell: Storyteller, keys: list[str]) -> None:
    """Contracts and other results that carry the intermediate certificates."""
    for n, key in enumerate(keys):
        tell.deal(
            {key: 100},
            f"{('膜材料', '检测装备', '生物肥', '机器视觉')[n % 4]}专利实施许可",
            1020 + 40 * n,
            tell.back(380 - n),
        )
        tell.claim(
            key,
            ClaimData("P5", "装备企业技术需求书", clock.local_date(tell.back(370)), quantity=Decimal(3)),
            tell.back(365 - n),
        )
    tell.deal({"holder": 60, "p05": 40}, "固态电解质中试成果作价许可", 500, tell.back(200))
    lost = tell.deal({"p08": 100}, "智能巡检系统技术开发", 180, tell.back(190))
    at = tell.back(120)
    with clock.at(at), unit_of_work():
        contract = db.session.get_one(Contract, lost, with_for_update=True)
        contracts.dissolve(
            contract, on=clock.local_date(at), reason="双方协商解除，未实际履行", by=tell.who("cert1"), now=at
        )


def renew(tell: Storyteller, certificate_id: int, key: str, at: datetime) -> None:
    with clock.at(at):
        with unit_of_work():
            person = tell.who(key)
            proof = keep_bytes(tell.paper("hours"), "继续教育学时证明.pdf", owner=person)
            made = renewals.ask_renewal(
                db.session.get_one(Certificate, certificate_id),
                hours=Decimal(76),
                policy_hours=Decimal(16),
                proof=proof,
                by=person,
                now=at,
            )
        with unit_of_work():
            renewals.grant_renewal(locked(made), by=tell.who("cert2"), now=at + timedelta(days=2))


def what_became(tell: Storyteller, middle: dict[str, int]) -> None:
    """Suspended, revoked, cancelled, reprinted; an honour."""

    def change(key: str, kind: Change, reason: str, at: datetime, *, second: bool) -> None:
        with clock.at(at):
            with unit_of_work():
                made = status.change(
                    db.session.get_one(Certificate, middle[key], with_for_update=True),
                    kind,
                    by=tell.who("cert1"),
                    reason=reason,
                    now=at,
                )
            if made.hearing_until is not None:
                with clock.at(at + timedelta(days=1)), unit_of_work():
                    words = "合作方提供的材料我未逐一核对，愿意配合调查。"
                    status.state_view(locked(made), by=tell.who(key), words=words, now=clock.now())
            if second:
                with unit_of_work():
                    status.confirm(locked(made), by=tell.who("cert2"), now=at + timedelta(days=2))

    change("p06", Change.SUSPEND, "投诉核查期间暂停", tell.back(40), second=False)
    change("p11", Change.REVOKE, "业绩材料经核实为伪造", tell.back(60), second=True)
    change("p16", Change.CANCEL, "持证人书面申请注销", tell.back(50), second=True)
    at = tell.back(30)
    with clock.at(at), unit_of_work():
        certificate = db.session.get_one(Certificate, middle["p26"], with_for_update=True)
        issuing.reissue(certificate, EditionKind.REPRINT, by=tell.who("cert1"), reason="纸质证书遗失补发", now=at)
    at = tell.back(25)
    with clock.at(at), unit_of_work():
        integrity.record_honour(
            tell.who("holder"),
            HonourKind.GOLD,
            year=at.year,
            body="天津市滨海新区技术经理人认证中心（演示）",
            by=tell.who("cert1"),
            now=at,
        )


def matters(tell: Storyteller) -> None:
    """Two matters of integrity: one deducted and appealed, so that a third officer decides; one answered, to be decided."""

    def raised(key: str, code: str, reason: str, answer: str, at: datetime) -> int:
        with clock.at(at), unit_of_work():
            made = integrity.notify(
                tell.who(key), code, happened_on=clock.local_date(at) - timedelta(days=5), reason=reason, by=tell.who("cert1"), now=at
            )  # fmt: skip
        then = at + timedelta(days=3)
        with clock.at(then), unit_of_work():
            integrity.answer(integrity.event_for(tell.who(key), made.id), answer, by=tell.who(key), now=then)
        return made.id

    appealed = raised(
        "p26", "complaint", "委托企业投诉：未按约定提交尽职调查报告。", "报告已提交，仅晚于约定两日。", tell.back(24)
    )
    at = tell.back(15)
    with clock.at(at), unit_of_work():
        officer = tell.who("cert2")
        integrity.decide(
            integrity.event_for(officer, appealed), uphold=True, reason="经核查投诉属实。", by=officer, now=at
        )
    at = tell.back(5)
    with clock.at(at), unit_of_work():
        integrity.appeal(
            integrity.event_for(tell.who("p26"), appealed), "延迟系对方未提供资料所致，已附往来邮件说明。", by=tell.who("p26"), now=at
        )  # fmt: skip
    raised("p12", "late_report", "年度报告逾期两个月。", "因单位更名延误，现已补交。", tell.back(8))


def cases(tell: Storyteller, middle: dict[str, int]) -> None:
    """Three recognition cases in Harbin: recognised, waiting for decision, not recognised; and a paper one returned."""

    def ask(key: str, at: datetime) -> int:
        with clock.at(at), unit_of_work():
            source = recognition.source_of(db.session.get_one(Certificate, middle[key]))
            made = recognition.submit(
                tell.who(key),
                tell.world.region("2301"),
                source,
                2,
                [],
                purpose="参与哈尔滨装备企业技术转移项目",
                consents=True,
                now=at,
            )
        return made.id

    def propose(case_id: int, outcome: Outcome, at: datetime, **more: object) -> None:
        values = {"rank": 2, "conditions": "", "codes": [], "remark": "登记册核对一致。"} | more
        with clock.at(at), unit_of_work():
            recognition.propose(
                recognition.case_for(tell.who("authority1"), case_id),
                outcome,
                by=tell.who("authority1"),
                now=at,
                **values,  # type: ignore[arg-type]
            )

    def decide(case_id: int, at: datetime) -> None:
        with clock.at(at), unit_of_work():
            recognition.decide(recognition.case_for(tell.who("authority2"), case_id), by=tell.who("authority2"), now=at)

    won = ask("holder", tell.back(90))
    propose(won, Outcome.EQUAL, tell.back(85))
    decide(won, tell.back(84))
    lost = ask("p05", tell.back(45))
    propose(lost, Outcome.REFUSED, tell.back(40), rank=None, codes=["N6"], remark="未附本地项目业绩材料。")
    decide(lost, tell.back(39))
    propose(ask("p02", tell.back(6)), Outcome.CONDITIONAL, tell.back(3), conditions="参加本地政策法规 8 学时")
    at = tell.back(20)
    with clock.at(at), unit_of_work():
        person = tell.who("p35")
        copy = keep_bytes(tell.paper("copy"), "西安证书复印件.pdf", owner=person)
        source = recognition.Source(
            "西安市技术转移行业组织（演示）", "XATM-2024-0117", person.name, "专业性技术经理人", date(at.year - 1, 5, 20), date(at.year + 2, 5, 19),
            region_id=tell.world.regions["6101"],
        )  # fmt: skip
        case = recognition.submit(person, tell.world.region("2301"), source, 2, [copy], consents=True, now=at)
    with clock.at(tell.back(15)), unit_of_work():
        recognition.return_case(
            recognition.case_for(tell.who("authority1"), case.id), by=tell.who("authority1"), codes=["N1"], remark="请附颁发机构核验函。",
            now=tell.back(15),
        )  # fmt: skip


def in_progress(tell: Storyteller, south: str) -> None:
    """People whose application stands somewhere on the way."""
    keys = ["trainee2", "p13", "p14", "p17"]
    batch(tell, keys, 2, south, "1201", 130, "滨海中级技术经理人培训班第三期", [0.88, 0.84, 0.86, 0.9])
    for n, key in enumerate(keys[1:]):
        tell.deal({key: 100}, f"{('冷链传感', '催化剂', '数控刀具')[n]}技术转让", 1060 + 30 * n, tell.back(80 - n))
        tell.claim(
            key, ClaimData("P5", "需求书", clock.local_date(tell.back(75)), quantity=Decimal(3)), tell.back(74 - n)
        )
    ready = tell.apply("p13", 2, tell.back(20))
    tell.publish(ready, tell.back(19))
    tell.publish(tell.apply("p14", 2, tell.back(4)), tell.back(2))
    tell.apply("p17", 2, tell.back(1))
    tell.deal({"trainee2": 100}, "工业软件专利许可", 260, tell.back(35))
    tell.claim(
        "trainee2",
        ClaimData("P7", "装备企业技术对接会", clock.local_date(tell.back(30)), quantity=Decimal(1)),
        tell.back(29),
    )
    tell.claim(
        "trainee2",
        ClaimData("P6", "成果披露报告", clock.local_date(tell.back(12)), quantity=Decimal(2)),
        tell.back(5),
        stop="submitted",
    )

    keys = ["p22", "p24", "p27"]
    batch(tell, keys, 1, south, "1201", 95, "滨海初级技术经理人培训班第三期")
    tell.publish(tell.apply("p22", 1, tell.back(5)), tell.back(3))
    returned = tell.apply("p24", 1, tell.back(8))
    at = tell.back(6)
    with clock.at(at), unit_of_work():
        found = db.session.get_one(Application, returned, with_for_update=True)
        applications.return_for_correction(
            found, by=tell.who("cert1"), reason="工作单位名称与登记不一致，请更正后再次提交。", now=at
        )
    tell.apply("p27", 1, tell.back(2))
    disputed = db.session.scalars(select(Application).where(Application.person_id == tell.world.people["p22"])).one()
    at = tell.back(1)
    with clock.at(at), unit_of_work():
        applications.object_to(
            db.session.get_one(Application, disputed.id, with_for_update=True), name="匿名群众代表", contact="objection@demo.example",
            grounds="公示单位与本人现单位不符，请核实。", now=at,
        )  # fmt: skip


def defence(tell: Storyteller) -> None:
    """A senior task that waits for its oral defence in three days. A third reviewer comes late, so that the panel is full."""
    from app.accounts import service as accounts
    from app.practice import hearings

    task = tell.task("p16", 3, "T14", "膜分离技术转化全流程复盘", tell.back(9), score=86)
    now = clock.now()
    with unit_of_work():
        accounts.grant_role(tell.who("marker2"), Role.REVIEWER, Scope.SITE, 0, by=None, now=now)
    panel = ("reviewer", "reviewer2", "marker2")
    with unit_of_work():
        hearings.plan(
            db.session.get_one(LogEntry, task), starts_at=clock.start_of(clock.today() + timedelta(days=3)) + timedelta(hours=9),
            minutes=30, place="滨海技术转移人才培养基地 三号会议室", panel=[tell.who(key) for key in panel],
            chair=tell.who("reviewer"), by=tell.who("cert1"), now=now,
        )  # fmt: skip


def today(tell: Storyteller, south: str, north: str) -> None:
    """What is going on now: a class running, one to come with a waiting list, exams open, tasks and claims waiting."""
    classroom.filmed(tell)
    classroom.continued(tell, south)
    running = tell.open_class(south, 1, "滨海初级技术经理人培训班第四期", tell.back(9), days=20)
    here = ["trainee", "p20", "p21", "p23", "p25", "p29", "p30"]
    tell.enrol(running, here, tell.back(20))
    tell.move(running, ClassMove.START, tell.back(9))
    tell.teach(running, here, tell.back(0, 8), absent=1)
    classroom.going_on(tell, running)
    tell.online(["trainee"], 1, tell.back(8))
    tell.task("trainee", 1, "T01", "柔性电路发明披露", tell.back(6))
    tell.task("trainee", 1, "T02", "检测设备需求挖掘", tell.back(5), stop="returned")
    tell.task("trainee", 1, "T03", "涂层材料专利检索", tell.back(1), stop="draft")
    tell.task("p20", 1, "T01", "水质传感器发明披露", tell.back(3), stop="submitted")
    tell.task("p21", 1, "T02", "养殖企业需求挖掘", tell.back(4), stop="review", confidentiality=Confidentiality.CORE)
    tell.task("p23", 1, "T01", "储能材料发明披露", tell.back(4), stop="review")

    coming = tell.open_class(south, 2, "滨海中级技术经理人培训班第四期", tell.back(-16), days=20, capacity=3)
    tell.enrol(coming, ["p15", "p18", "p07", "p09"], tell.back(3))
    tell.enrol(coming, ["p10", "p01"], tell.back(2), admit=False)
    classroom.leave(tell, coming, "p15")
    far = tell.open_class(north, 1, "哈尔滨初级技术经理人培训班第二期", tell.back(-12), days=16, capacity=24)
    tell.enrol(far, ["p36", "p37", "p38"], tell.back(4))
    tell.enrol(far, ["p39", "p40"], tell.back(1), admit=False)

    batch(tell, ["p41"], 1, north, "2301", 300, "哈尔滨初级技术经理人冬季班", [0.4])
    done = tell.open_class(south, 1, "滨海初级技术经理人强化班", tell.back(34), days=14)
    tell.enrol(done, ["candidate", "p28"], tell.back(46))
    tell.move(done, ClassMove.START, tell.back(34))
    tell.teach(done, ["candidate", "p28"], tell.back(19))
    tell.online(["candidate", "p28"], 1, tell.back(33))
    open_now = tell.exam(
        "1201", 1, "2026年冬季初级技术经理人考试（随到随考）", tell.now - timedelta(minutes=30), hours_open=24 * 20
    )
    at = tell.back(2)
    with clock.at(at), unit_of_work():
        for key in ("candidate", "p28"):
            sessions.register(db.session.get_one(ExamSession, open_now), tell.who(key), by=tell.who(key), now=at)
    coming_exam = tell.exam("1201", 2, "2026年冬季中级技术经理人考试", tell.back(-9))
    tell.seats(coming_exam, ["p15", "p18", "p07", "p09", "p10", "p01", "p20", "p21"], tell.back(0))
    written_exams(tell)
    with clock.at(tell.now):
        run_waiting()


def written_exams(tell: Storyteller) -> None:
    """Two markers: one session half marked; one released, with a review asked for and a regrade proposed."""
    opens = tell.back(4)
    half = tell.exam("1201", 3, "2026年秋季高级技术经理人考试", opens, listed=True, markers=2)
    tell.sit_listed(half, {"p02": 0.9, "p05": 0.8, "p08": 0.7, "p26": 0.85}, opens)
    tell.mark_written(half, "marker", ["0.8", "0.6", "0.9", "0.7", "0.8", "0.5"], tell.back(3))
    tell.mark_written(half, "marker2", ["0.75", "0.2", "0.85", "0.7"], tell.back(2))

    opens = tell.back(8)
    done = tell.exam("1201", 2, "2026年秋季中级技术经理人考试（补考）", opens, listed=True, markers=2)
    tell.sit_listed(done, {"p03": 0.85, "p04": 0.56, "p12": 0.75, "p19": 0.7}, opens)
    tell.mark_written(done, "marker", ["0.7"] * 40, tell.back(6))
    tell.mark_written(done, "marker2", ["0.6"] * 40, tell.back(6, 14))
    tell.release(done, tell.back(3))
    at = tell.back(2)
    asked = select(Sitting).where(Sitting.session_id == done, Sitting.candidate_id == tell.world.people["p04"])
    with clock.at(at):
        with unit_of_work():
            own = db.session.scalars(asked).one()
            lost = next(line for line in marking.result_of(own).lines if not line.points)
            reason = f"第 {lost.entry.place} 题的题干可作两种理解，我按其中一种作答而未得分，请复核该题得分。"
            appeals.ask(own.id, by=tell.who("p04"), reason=reason, now=at)
        with unit_of_work():
            session = db.session.get_one(ExamSession, done, with_for_update=True)
            wanted = regrading.Wanted(
                RegradeKind.FULL, "题干表述存在歧义，经命题组研究全体给满分。", lost.entry.revision
            )
            regrading.propose(session, wanted, by=tell.who("exams"), now=at)
