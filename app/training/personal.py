"""What training holds about a person, and what it takes away on erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.core.personal import Part, erases, holds
from app.db import db
from app.files.service import read_file
from app.training.learning_models import Completion, LessonNote, LessonPlace
from app.training.models import Attendance, Enrolment, HourEntry, LessonProgress


@holds("training")
def tell(person: Person) -> Part:
    """Enrolments, attendance, lessons, quizzes and the hours ledger."""
    return {
        "enrolments": [
            {
                "class": e.training_class.title,
                "state": e.state.value,
                "applied_at": e.applied_at.isoformat(),
                "education": e.education.value,
                "experience_years": e.experience_years,
                "title_level": e.title_level.value,
                "title_years": e.title_years,
                "remark": e.remark,
                "reason": e.reason,
                "completion_number": e.completion_number,
            }
            for e in db.session.scalars(
                select(Enrolment).where(Enrolment.person_id == person.id).order_by(Enrolment.id)
            )
        ],
        "attendance": [
            {
                "session": a.session.label,
                "at": a.at.isoformat(),
                "state": a.state.value,
                "method": a.method.value,
                "reason": a.reason,
            }
            for a in db.session.scalars(
                select(Attendance).where(Attendance.person_id == person.id).order_by(Attendance.id)
            )
        ],
        "lessons": [
            {
                "lesson": p.lesson_id,
                "seconds": p.seconds,
                "completed_at": p.completed_at.isoformat() if p.completed_at else None,
                "tries": [
                    {"at": t.at.isoformat(), "answers": t.answers, "right": t.right, "of": t.total} for t in p.tries
                ],
            }
            for p in db.session.scalars(select(LessonProgress).where(LessonProgress.person_id == person.id))
        ],
        "notes": [
            {"lesson": n.lesson_id, "text": n.text, "updated_at": n.updated_at.isoformat()}
            for n in db.session.scalars(select(LessonNote).where(LessonNote.person_id == person.id))
        ],
        "films": [
            {"file": p.file_id, "position": p.position, "played": p.played}
            for p in db.session.scalars(select(LessonPlace).where(LessonPlace.person_id == person.id))
        ],
        "completions": [
            {"number": c.number, "made_at": c.made_at.isoformat(), "states": c.snapshot, "withdrawn": c.reason}
            for c in _completions(person)
        ],
        "hours": [_line(e) for e in db.session.scalars(select(HourEntry).where(HourEntry.person_id == person.id))],
    }, {f"{c.number}.pdf": read_file(c.pdf) for c in _completions(person) if c.pdf is not None}


def _completions(person: Person) -> list[Completion]:
    return list(
        db.session.scalars(
            select(Completion)
            .join(Enrolment, Enrolment.id == Completion.enrolment_id)
            .where(Enrolment.person_id == person.id)
            .order_by(Completion.id)
            .options(joinedload(Completion.pdf))
        )
    )


def _line(entry: HourEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "level": entry.level,
        "module": entry.module,
        "hours": str(entry.hours),
        "earned_on": entry.earned_on.isoformat(),
        "working": entry.working,
    }


@erases("training")
def forget(person: Person, now: datetime) -> None:
    """Free words, notes and quiz answers go; hours and decisions stay as the record behind what was issued, without a name.
    Completion statements stay as certificates do: their readers hold the paper."""
    db.session.execute(delete(LessonNote).where(LessonNote.person_id == person.id))
    db.session.execute(delete(LessonPlace).where(LessonPlace.person_id == person.id))
    db.session.execute(update(Enrolment).where(Enrolment.person_id == person.id).values(remark="", reason=""))
    db.session.execute(update(Attendance).where(Attendance.person_id == person.id).values(reason=""))
    for progress in db.session.scalars(select(LessonProgress).where(LessonProgress.person_id == person.id)):
        for one in progress.tries:
            db.session.delete(one)
