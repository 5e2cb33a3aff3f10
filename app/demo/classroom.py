"""What goes on around classes: leave asked, hours from elsewhere waiting for the first and for the second officer, a lesson
with a film, questionnaires answered, an event of continuing education."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.core import clock
from app.db import db, unit_of_work
from app.files.media import take_film
from app.training import claims, events, feedback, feeds, make_ups, materials, programme
from app.training.class_models import ContinuingEvent, HourClaim, Purpose
from app.training.models import CourseVersion, Enrolment, TrainingClass

if TYPE_CHECKING:
    from app.demo.life import Storyteller


FILM = Path(__file__).parent / "film"
GAINED = (
    "合同谈判一节收获最大。", "", "案例贴近实际，回去就能用。", "披露表的填写方法。", "签到方便，学时到账及时。", "", "线上课程可以反复看。", "分组演练。",
)  # fmt: skip
WISHED = ("希望增加分组演练的时间。", "", "", "建议提前一周发放阅读材料。", "", "午后的节次略长。", "", "")
CHOSEN = ((1, 1, 2, 1, 1, 0, 1, 1), (0, 0, 1, 0, 0, 0, 0, 1))
"""Which choice somebody makes: of the difficulty (the middle one), of recommending it (the first one)."""


class _Paper:
    """A file as a form hands it in."""

    def __init__(self, name: str, data: bytes) -> None:
        self.filename, self.stream = name, io.BytesIO(data)


def going_on(tell: Storyteller, class_id: int) -> None:
    """Two trainees state hours from elsewhere; one statement the base has examined. One has the calendar's address."""
    at = tell.back(1, 15)
    with clock.at(at), unit_of_work():
        feeds.renew(tell.who("trainee"), now=at)
    _claim(tell, class_id, "trainee", "知识产权运营高级研修班", "6", "skill")
    examined = _claim(tell, class_id, "p21", "科技成果转化政策解读会", "4", "policy")
    later = at + timedelta(hours=3)
    with clock.at(later), unit_of_work():
        claims.examine(
            db.session.get_one(HourClaim, examined),
            Decimal(4),
            by=tell.who("base"),
            remark="学时清单已核对。",
            now=later,
        )


def leave(tell: Storyteller, class_id: int, key: str) -> None:
    """Somebody asks for leave from the first period of a class to come."""
    at = tell.back(1, 15)
    with clock.at(at), unit_of_work():
        first = db.session.get_one(TrainingClass, class_id).sessions[0]
        make_ups.ask_leave(tell.who(key), first, reason="参加单位项目验收，请假一次。", now=at)


def _claim(tell: Storyteller, class_id: int, key: str, title: str, hours: str, module: str) -> int:
    at = tell.back(1, 16)
    day = clock.local_date(tell.back(40))
    values: dict[str, Any] = {
        "module": module, "title": title, "provider": "津门技术交易服务有限公司", "from_on": day, "until_on": day,
        "hours": Decimal(hours), "about": "",
    }  # fmt: skip
    with clock.at(at), unit_of_work():
        person = tell.who(key)
        enrolment = db.session.scalars(
            select(Enrolment).where(Enrolment.class_id == class_id, Enrolment.person_id == person.id)
        ).one()
        paper: Any = _Paper("学时证明.pdf", tell.paper(title))
        return claims.submit(person, Purpose.RECOGNITION, values, [paper], enrolment=enrolment, now=at).id


def answered(tell: Storyteller, class_id: int, keys: list[str]) -> None:
    """Those of a class that is over answer its questionnaire."""
    klass = db.session.get_one(TrainingClass, class_id)
    at = clock.start_of(klass.ends_on + timedelta(days=1)) + timedelta(hours=12)
    with clock.at(at), unit_of_work():
        feedback.ask(db.session.get_one(TrainingClass, class_id, with_for_update=True), now=at)
    for n, key in enumerate(keys):
        when = at + timedelta(hours=2 + n)
        with clock.at(when), unit_of_work():
            person = tell.who(key)
            asked = select(Enrolment).where(Enrolment.class_id == class_id, Enrolment.person_id == person.id)
            form = feedback.form_of(class_id)
            assert form is not None
            raw = _answers(feedback.questions_of(form), n)
            feedback.give(db.session.scalars(asked).one(), raw, by=person, now=when)


def _answers(questions: list[feedback.Question], n: int) -> dict[str, str]:
    """What the n-th of them says."""
    made, chosen, words = {}, iter(CHOSEN), iter((GAINED, WISHED))
    for place, one in enumerate(questions):
        if one.kind == feedback.WORDS_KIND:
            made[one.key] = next(words)[n % 8]
        elif one.kind == feedback.SCALE_KIND:
            made[one.key] = str((5, 4, 5, 3, 4, 5, 4)[(n + place) % 7])
        else:
            made[one.key] = one.choices[next(chosen)[n % 8]][0]
    return made


def filmed(tell: Storyteller) -> None:
    """The base gives the last lesson of an online course a film with subtitles; classes opened before keep their version."""
    at = tell.back(33)
    with (FILM / "four-stages.webm").open("rb") as source:
        film = take_film(source, "四个阶段.webm", max_bytes=1 << 20)
    with clock.at(at), unit_of_work():
        by = tell.who("base")
        held = programme.current_programme(1, programme.editing_base(by))
        course = next(c for c in reversed(programme.courses_of(held.id)) if c.online and c.lessons)
        draft_id = programme.open_draft(course, by=by, now=at).id
    with clock.at(at), unit_of_work():
        draft = db.session.get_one(CourseVersion, draft_id)
        lesson_id = draft.lessons[-1].revision.lesson_id
        materials.add_film(draft, lesson_id, film, "四个阶段，一条路径", by=tell.who("base"), now=at)
        for language, name in (("zh", "zh.vtt"), ("en", "en.vtt")):
            words: Any = _Paper(name, (FILM / name).read_bytes())
            materials.add_subtitles(draft, lesson_id, words, language, by=tell.who("base"), now=at)
        programme.publish(draft, by=tell.who("base"), note="末课加入短片，配中英文字幕。", now=at)


def continued(tell: Storyteller, base: str) -> None:
    """A base holds an event of continuing education; three holders took part and have the hours."""
    at = tell.back(18)
    day = clock.local_date(tell.back(20))
    values = {
        "title": "技术合同登记新规与税收优惠研讨", "module": "policy", "from_on": day, "until_on": day, "hours": Decimal(4),
    }  # fmt: skip
    with clock.at(at):
        with unit_of_work():
            event_id = events.make_event(tell.world.organisation(base), values, by=tell.who("base"), now=at).id
        with unit_of_work():
            event = db.session.get_one(ContinuingEvent, event_id)
            said = "\n".join(tell.who(key).email or "" for key in ("holder", "p02", "p05"))
            events.credit(event, said, (), by=tell.who("base"), now=at)
