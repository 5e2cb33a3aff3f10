"""What goes on around a running class: leave asked, hours from elsewhere waiting for the first and for the second officer."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.core import clock
from app.db import db, unit_of_work
from app.training import claims, feeds, make_ups
from app.training.class_models import HourClaim, Purpose
from app.training.models import Enrolment, TrainingClass

if TYPE_CHECKING:
    from app.demo.life import Storyteller


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
