"""The attendance sheet on paper, one page or more for each period: out of plain values, by the common setter of sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.accounts.models import Person
from app.core import clock
from app.core.text import number
from app.training import make_ups
from app.training.attendance import matrix
from app.training.classes import admitted_to
from app.training.models import AttendanceState, ClassSession, TrainingClass
from certificates.faces import date_zh

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "prints"
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    masked_id: str
    organisation: str


@dataclass(frozen=True)
class Period:
    label: str
    day: str
    starts: str
    ends: str
    hours: str
    room: str
    teacher: str
    guests: tuple[Row, ...] = ()
    remarks: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Face:
    title: str
    base: str
    place: str
    people: tuple[Row, ...]
    periods: tuple[Period, ...]


def _row(person: Person) -> Row:
    place = person.organisation.name_zh if person.organisation else ""
    return Row(person.id, person.name, person.id_masked, place)


def face_of(klass: TrainingClass, sessions: Sequence[ClassSession]) -> Face:
    """What is printed: those with a place by name, guests of each period below them, leave in the last column."""
    people = tuple(_row(e.person) for e in admitted_to(klass))
    marks, guests = matrix(klass), make_ups.guests_of(klass)
    periods = []
    for one in sessions:
        start, end = clock.local(one.starts_at), clock.local(one.ends_at)
        leave = {p.id: "请假" for p in people if (m := marks.get((one.id, p.id))) and m.state is AttendanceState.LEAVE}
        periods.append(
            Period(
                label=one.label, day=f"{date_zh(start.date())} 星期{WEEKDAYS[start.weekday()]}",
                starts=f"{start:%H:%M}", ends=f"{end:%H:%M}", hours=number(one.hours), room=one.room,
                teacher=one.teacher.name if one.teacher else "", remarks=leave,
                guests=tuple(_row(g.person) for g in guests if g.session_id == one.id),
            )
        )  # fmt: skip
    place = "线上" if klass.online else klass.place
    return Face(klass.title, klass.organisation.name_zh, place, people, tuple(periods))


def sheet_pdf(face: Face) -> bytes:
    """The setter is imported here, so that web processes stay small until somebody prints."""
    from certificates.sheets import sheet_pdf as press

    page = _templates().get_template("sheet.html").render(face=face)
    return press(page, (HERE / "print.css").read_text("utf-8"), {})


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made: Any = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    return made
