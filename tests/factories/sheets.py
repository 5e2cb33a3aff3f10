"""Sheets handed in through the services, as the pages do it. Each call commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.accounts.models import Person
from app.core import clock
from app.core.id_number import check_character
from app.core.sheets import Sheet
from app.db import db, locked, unit_of_work
from app.imports import service
from app.imports.kinds import KINDS
from app.imports.models import SheetImport, SheetRow
from app.jobs.service import run_waiting


def id_number(n: int, born: str = "19900901") -> str:
    """A resident number that checks: the n-th born on a day."""
    body = f"120116{born}{n % 1000:03d}" if n < 1000 else f"{120101 + n // 1000}{born}{n % 1000:03d}"
    return body + check_character(body)


def upload(
    kind: str, head: Sequence[str], rows: Sequence[Sequence[str]], target_id: int, by: Person, name: str = "名单.xlsx"
) -> SheetImport:
    the_kind, by_id = KINDS[kind], by.id
    with unit_of_work():
        officer = db.session.get_one(Person, by_id)
        target = next(t for t in the_kind.targets(officer) if t.id == target_id)
        sheet = Sheet(tuple(head), tuple((i, tuple(r)) for i, r in enumerate(rows, start=2)))
        return service.keep(the_kind, sheet, repr((head, rows)).encode(), name, target, by=officer, now=clock.now())


def check(found: SheetImport, by: Person, mapping: Any = None, **choices: str) -> SheetImport:
    found_id, by_id = found.id, by.id
    with unit_of_work():
        row = locked(db.session.get_one(SheetImport, found_id))
        officer = db.session.get_one(Person, by_id)
        service.act(row, row.version, by=officer, now=clock.now())
        service.look_through(row, mapping or dict(row.mapping), row.choices | choices, by=officer, now=clock.now())
    run_waiting()
    return fresh(found_id)


def take(found: SheetImport, by: Person, *, run: bool = True) -> SheetImport:
    found_id, by_id = found.id, by.id
    with unit_of_work():
        row = locked(db.session.get_one(SheetImport, found_id))
        service.take_over(row, by=db.session.get_one(Person, by_id), now=clock.now())
    if run:
        run_waiting()
    return fresh(found_id)


def undo(found: SheetImport, by: Person) -> SheetImport:
    found_id, by_id = found.id, by.id
    with unit_of_work():
        row = locked(db.session.get_one(SheetImport, found_id))
        service.undo(row, by=db.session.get_one(Person, by_id), now=clock.now())
    run_waiting()
    return fresh(found_id)


def imported(
    kind: str, head: Sequence[str], rows: Sequence[Sequence[str]], target_id: int, by: Person, **more: Any
) -> SheetImport:
    return take(check(upload(kind, head, rows, target_id, by, **more), by), by)


def fresh(import_id: int) -> SheetImport:
    db.session.rollback()
    return db.session.get_one(SheetImport, import_id, populate_existing=True)


def fates(found: SheetImport) -> dict[str, int]:
    return {fate.value: n for fate, n in service.counts(found).items()}


def problems(found: SheetImport) -> dict[int, list[tuple[str, str]]]:
    """Line → (part, code) of what is wrong."""
    rows = db.session.query(SheetRow).filter_by(import_id=found.id).order_by(SheetRow.line)
    return {r.line: [(part, code) for part, code, _said in r.problems] for r in rows if r.problems}
