"""Questions as a file, with their pictures where the format has a place for them.

To write a question is to read it back as well, which shows what the format does not carry: a thousandth of a second or some for
each. A short list is written while its asker waits; a long one by the worker, in parts that stay small in memory, into one
zip. Reading and writing happen outside of any transaction.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.audit.service import record
from app.bank import pictures
from app.bank.deeds import Did
from app.bank.models import Question, QuestionExport
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.files.service import ZIP, delete_file, keep_bytes
from question_bank.formats import WITH_PICTURES, Writing, write
from question_bank.items import Item

AT_ONCE = 300
"""Up to so many questions are written while their asker waits: half a second at most."""
PART = 2500
"""Questions of one file within a long export."""
SMALLER = {"qti": 800, "qti-3": 800}
"""Formats that need more memory for each question."""
SHOWN = 200
"""Questions named for each thing that is lost."""
STALE = timedelta(minutes=15)
KEPT = timedelta(days=3)
MOST_BYTES = 300 * 1024 * 1024
ENDINGS = {
    "yaml": "yaml",
    "excel": "xlsx",
    "gift": "txt",
    "moodle-xml": "xml",
    "aiken": "txt",
    "qti": "zip",
    "qti-3": "zip",
}
_PLACE = re.compile(r"\[\d+\]")


def written(items: Sequence[Item], format: str) -> Writing:
    """The file. Where the format holds no pictures, texts keep the address that these have here, and the loss is named."""
    if format in WITH_PICTURES:
        items, shown = pictures.for_files(items)
        made = write(items, format, shown)
    else:
        made = write(items, format)
    return Writing(made.data, [*made.losses, *(f"{item.id}: pictures" for item in items if pictures.pictures_in(item))])


def by_field(losses: Iterable[str]) -> dict[str, list[str]]:
    """What is lost, field by field (without the place in a list): the questions concerned."""
    found: dict[str, list[str]] = {}
    for line in losses:
        code, _sep, field = line.partition(": ")
        codes = found.setdefault(_PLACE.sub("", field), [])
        if not codes or codes[-1] != code:
            codes.append(code)
    return found


# --- long lists ----------------------------------------------------------------------------------------------------------


def ask(ids: Sequence[int], format: str, *, by: Person, now: datetime) -> QuestionExport:
    """Have a long list written by the worker."""
    made = QuestionExport(by_id=by.id, format=format, ids=list(ids), created_at=now)
    db.session.add(made)
    db.session.flush()  # the view leads to it by its id
    return made


def part_of(format: str) -> int:
    """How many questions one file holds."""
    return min(PART, SMALLER.get(format, PART))


def exports_of(person: Person) -> Select[QuestionExport]:
    """A person's own."""
    return select(QuestionExport).where(QuestionExport.by_id == person.id).order_by(QuestionExport.id.desc())


def export_for(person: Person, export_id: int) -> QuestionExport:
    found = db.session.scalar(exports_of(person).where(QuestionExport.id == export_id))
    if found is None:
        raise NotFound
    return found


def in_parts(ids: Sequence[int], format: str) -> Writing:
    """One file of any number of questions; of a format that needs more memory a zip of several, each as large as readers take."""
    part = SMALLER.get(format) or max(1, len(ids))
    if len(ids) <= part:
        return written(_items(ids), format)
    held, losses = io.BytesIO(), list[str]()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, start in enumerate(range(0, len(ids), part), 1):
            made = written(_items(ids[start : start + part]), format)
            archive.writestr(f"questions-{place}.{ENDINGS[format]}", made.data)
            losses += made.losses
    return Writing(held.getvalue(), losses)


def waiting(now: datetime) -> list[int]:
    """Exports that nobody works on."""
    begun = QuestionExport.begun_at
    asked = select(QuestionExport.id).where(
        QuestionExport.done_at.is_(None), begun.is_(None) | (begun < now - STALE)
    )  # fmt: skip
    return list(db.session.scalars(asked.order_by(QuestionExport.id)))


def write_export(export_id: int) -> None:
    """Write an export. Opens its own units of work; the files are made between them."""
    with unit_of_work():
        found = db.session.get_one(QuestionExport, export_id, with_for_update=True, populate_existing=True)
        now = clock.now()
        if found.done_at is not None or (found.begun_at is not None and now - found.begun_at < STALE):
            return
        found.begun_at, found.written, found.losses = now, 0, []
        ids, format = list(found.ids), found.format
    held, losses = io.BytesIO(), dict[str, list[Any]]()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        part = part_of(format)
        for place, start in enumerate(range(0, len(ids), part), 1):
            made = written(_items(ids[start : start + part]), format)
            archive.writestr(f"questions-{place}.{ENDINGS[format]}", made.data)
            for field, codes in by_field(made.losses).items():
                count, first = losses.get(field, (0, []))
                losses[field] = [count + len(codes), [*first, *codes][:SHOWN]]
            with unit_of_work():
                found = db.session.get_one(QuestionExport, export_id, with_for_update=True, populate_existing=True)
                found.written, found.begun_at = min(start + part, len(ids)), clock.now()
    with unit_of_work():
        found = db.session.get_one(QuestionExport, export_id, with_for_update=True, populate_existing=True)
        by, now = db.session.get_one(Person, found.by_id), clock.now()
        stored = keep_bytes(
            held.getvalue(), "questions.zip", owner=by, kinds=frozenset({ZIP}), max_bytes=MOST_BYTES
        )  # fmt: skip
        found.file, found.done_at = stored, now
        found.losses = [[field, count, first] for field, (count, first) in losses.items()]
        record(Did.EXPORT, found, by=by, more={"format": format, "questions": len(ids)})


def _items(ids: Sequence[int]) -> list[Item]:
    """The newest revisions of some questions, in their order, not kept in memory."""
    rows: dict[int, Item] = {}
    for start in range(0, len(ids), 500):
        asked = select(Question).where(Question.id.in_(ids[start : start + 500])).options(joinedload(Question.latest))
        rows |= {one.id: Item.from_dict(one.latest.body) for one in db.session.scalars(asked)}
        db.session.expunge_all()
    return [rows[one] for one in ids if one in rows]


def let_go(now: datetime) -> None:
    """Delete exports whose time is over, files and all."""
    old = db.session.scalars(select(QuestionExport.id).where(QuestionExport.created_at < now - KEPT)).all()
    for export_id in old:
        with unit_of_work():
            row = db.session.get_one(QuestionExport, export_id, with_for_update=True)
            stored = row.file
            db.session.delete(row)
            db.session.flush()  # the row lets go of the file before that is deleted
            if stored is not None:
                delete_file(stored)
