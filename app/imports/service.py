"""Sheets handed in (导入): read, columns matched, looked through, taken over in the background, undone within a day.

The file is read outside of any transaction and not kept. Its rows lie sealed; they are looked through and taken over by the
worker in many small transactions, and a row's outcome is stored in the transaction that takes it over: whatever stops the
worker, a row is taken over exactly once. What a row means is the business of its kind (:mod:`app.imports.kinds`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, delete, exists, false, func, insert, or_, select, update
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.accounts.rotation import sealed_column
from app.audit.service import record
from app.core import clock, crypto, sheets
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.text import in_a_row, moment
from app.db import db
from app.imports.columns import guess, plain
from app.imports.deeds import Did
from app.imports.kinds import KINDS, Kind, Row, Target
from app.imports.models import SheetColumns, SheetImport, SheetRow
from app.imports.states import ImportState, RowFate
from app.jobs.models import Job, JobItem
from app.jobs.service import enqueue, work

PURPOSE, KEY_PURPOSE = "imports.row", "imports.key"
CHECK, TAKE, UNDO = "imports.check", "imports.take", "imports.undo"
CHECK_STEP = 1000
UNDO_HOURS = 24
KEPT_DAYS = 90
"""So long the result of a sheet can be read row by row."""
sealed_column(SheetRow, "sealed", PURPOSE)
_CELLS = exists().where(SheetRow.import_id == SheetImport.id, SheetRow.sealed.is_not(None))


class SameSheetAgain(Refused):
    message = _l("This very file was uploaded already by %(name)s, %(moment)s: %(file)s. Go on there; nothing was read a second time.")  # fmt: skip


class SomebodyActed(Refused):
    message = _l("%(name)s has gone on with this sheet meanwhile (%(moment)s). Please look at where it stands now.")


class ColumnsMissing(Invalid):
    message = _l("Please say which column holds: %(names)s.")


class ColumnTwice(Invalid):
    message = _l("The column “%(name)s” is chosen for two things. Please choose each column once.")


class NothingToTake(Refused):
    message = _l("No row of this sheet can be taken over. Please mend the file and upload it again.")


class CellsGone(Refused):
    message = _l("What the rows of this sheet held is gone, since nobody went on with it for a week. Please upload the file again.")  # fmt: skip


class TooLateToUndo(Refused):
    message = _l("A sheet can be undone within %(hours)s hours after it was taken over. That time is over; single rows are corrected where they stand.")  # fmt: skip


class InUse(Refused):
    message = _l("The sheet can no longer be undone, since something rests on it: %(what)s. Nothing was changed.")


# Upload


def kind_of(code: str) -> Kind:
    """A kind of sheet by its code. NotFound."""
    if code not in KINDS:
        raise NotFound
    return KINDS[code]


def kind_for(person: Person, code: str) -> Kind:
    """A kind whose sheets the person may hand in. NotFound otherwise."""
    found = kind_of(code)
    if not person.can(found.can):
        raise NotFound
    return found


def read_file(data: bytes, found: Kind) -> sheets.Sheet:
    """The uploaded file as rows. Raises SheetRefused. Call outside of a unit of work: it may take seconds."""
    return sheets.read_sheet(data, most_rows=found.most_rows)


def keep(
    the_kind: Kind, sheet: sheets.Sheet, data: bytes, name: str, target: Target, *, by: Person, now: datetime
) -> SheetImport:
    """Store what was read; columns are matched as this organisation said last time, else by their headings.

    Raises SameSheetAgain when this very file waits or was taken over already for the same class or region; one that was
    forgotten before it was taken over does not wait.
    """
    sha = hashlib.sha256(data).hexdigest()
    same = db.session.scalar(
        select(SheetImport).where(
            SheetImport.sha256 == sha,
            SheetImport.kind == the_kind.code,
            SheetImport.target_id == target.id,
            or_(SheetImport.state.in_([ImportState.RUNNING, ImportState.DONE]), _CELLS),
            SheetImport.state != ImportState.UNDONE,
        )
    )
    if same is not None:
        raise SameSheetAgain(name=same.by.name, moment=moment(same.made_at), file=same.name)
    kept = remembered(the_kind, target)
    made = SheetImport(
        kind=the_kind.code, target_id=target.id, target=target.label[:200], region_id=target.region_id,
        organisation_id=target.organisation_id, name=name[:200], sha256=sha, headings=list(sheet.headings),
        mapping=guess(the_kind.parts, sheet.headings, kept.headings if kept else None),
        choices={c.key: _choice(kept, c.key, c.default, c.options) for c in the_kind.choices},
        notes=[str(n) for n in sheet.notes], total=len(sheet.rows), by_id=by.id, made_at=now, acted_by_id=by.id, acted_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the rows name it
    rows = [
        {"import_id": made.id, "line": line, "sealed": _seal(cells), "fate": RowFate.READ, "problems": [], "outcome": {},
         "key": "", "label": ""}
        for line, cells in sheet.rows
    ]  # fmt: skip
    for start in range(0, len(rows), 2000):
        db.session.execute(insert(SheetRow), rows[start : start + 2000])
    record(Did.READ_SHEET, made, by=by, more={"kind": made.kind, "name": made.name, "rows": made.total, "sha256": sha})
    return made


def _choice(kept: SheetColumns | None, key: str, default: str, options: Any) -> str:
    said = str(kept.choices.get(key, "")) if kept else ""
    return said if said in options else default


def _seal(cells: Sequence[str]) -> str:
    return crypto.encrypt(json.dumps(cells, ensure_ascii=False), purpose=PURPOSE)


def cells_of(row: SheetRow) -> list[str]:
    """What the row held; empty once it is forgotten."""
    return json.loads(crypto.decrypt(row.sealed, purpose=PURPOSE)) if row.sealed else []


def cells_kept(found: SheetImport) -> bool:
    """Is what the rows held still there?"""
    return db.session.scalar(select(SheetImport.id).where(SheetImport.id == found.id, _CELLS)) is not None


def remembered(the_kind: Kind, target: Target) -> SheetColumns | None:
    return db.session.scalar(
        select(SheetColumns).where(SheetColumns.kind == the_kind.code, SheetColumns.owner == target.owner)
    )


def _remember(found: SheetImport, the_kind: Kind, now: datetime) -> None:
    target = Target(found.target_id, found.target, found.region_id, found.organisation_id)
    kept = remembered(the_kind, target)
    if kept is None:
        kept = SheetColumns(kind=the_kind.code, owner=target.owner)
        db.session.add(kept)
    said = {plain(found.headings[place]): key for key, place in found.mapping.items()}
    here = {plain(heading) for heading in found.headings}
    others = {word: key for word, key in (kept.headings or {}).items() if word not in here}
    kept.headings = dict(list((others | said).items())[-200:])
    kept.choices, kept.changed_at = dict(found.choices), now


# Looking through


def act(found: SheetImport, seen: int, *, by: Person, now: datetime) -> None:
    """Mark that somebody goes on with a sheet they have looked at in this version. Raises SomebodyActed."""
    if seen != found.version:
        raise SomebodyActed(name=found.acted_by.name, moment=moment(found.acted_at))
    found.version += 1
    found.acted_by_id, found.acted_at = by.id, now
    found.acted_by = by


def _idle(found: SheetImport) -> bool:
    return found.job is None or found.job.ended_at is not None


def look_through(
    found: SheetImport, mapping: dict[str, int], choices: dict[str, str], *, by: Person, now: datetime
) -> Job:
    """Match the columns and have every row looked at in the background. Raises CellsGone, ColumnsMissing, ColumnTwice."""
    the_kind = kind_of(found.kind)
    if found.state not in (ImportState.READ, ImportState.CHECKED) or not _idle(found):
        raise NotAllowedNow
    if not cells_kept(found):
        raise CellsGone
    lacking = [str(p.label) for p in the_kind.parts if p.required and p.key not in mapping]
    if lacking:
        raise ColumnsMissing(names=in_a_row(lacking))
    places = list(mapping.values())
    twice = next((i for i in places if places.count(i) > 1), None)
    if twice is not None:
        raise ColumnTwice(name=found.headings[twice])
    found.mapping, found.state = mapping, ImportState.CHECKED
    found.choices = {c.key: choices.get(c.key, c.default) for c in the_kind.choices}
    _remember(found, the_kind, now)
    db.session.execute(
        update(SheetRow)
        .where(SheetRow.import_id == found.id)
        .values(fate=RowFate.READ, problems=[], key="", label="", outcome={})
    )
    found.job = enqueue(CHECK, _portions(found, CHECK_STEP), by=by, title=_l("Look through a sheet"))
    return found.job


def _portions(found: SheetImport, step: int, *fates: RowFate) -> list[dict[str, Any]]:
    """Portions of the sheet by line: the lines of a portion are never of another one."""
    asked = select(SheetRow.line).where(SheetRow.import_id == found.id).order_by(SheetRow.line)
    lines = list(db.session.scalars(asked.where(SheetRow.fate.in_(fates)) if fates else asked))
    parts = [lines[i : i + step] for i in range(0, len(lines), step)]
    return [{"import": found.id, "from": p[0], "to": p[-1], "label": f"{p[0]}–{p[-1]}"} for p in parts]


def _rows(found: SheetImport, item: dict[str, Any], *fates: RowFate) -> list[SheetRow]:
    asked = select(SheetRow).where(SheetRow.import_id == found.id, SheetRow.line.between(item["from"], item["to"]))
    asked = asked.where(SheetRow.fate.in_(fates)) if fates else asked
    return list(db.session.scalars(asked.order_by(SheetRow.line)))


def _read(found: SheetImport, the_kind: Kind, kept: Sequence[SheetRow]) -> list[Row]:
    made, readers = [], the_kind.readers(found)
    for one in kept:
        cells = cells_of(one)
        row = Row(one.line, {key: cells[i].strip() for key, i in found.mapping.items() if i < len(cells)})
        the_kind.read(row, found, readers)
        made.append(row)
    return made


def _judge(found: SheetImport, the_kind: Kind, rows: Sequence[Row], first: int) -> None:
    """What stands twice in the sheet, then what the database says."""
    for row in rows:
        row.key = crypto.lookup(row.key, purpose=KEY_PURPOSE) if row.key else ""
    keys = [row.key for row in rows if row.key]
    before = select(SheetRow.key, SheetRow.line).where(
        SheetRow.import_id == found.id, SheetRow.line < first, SheetRow.key.in_(keys)
    )
    seen: dict[str, int] = {one.key: one.line for one in db.session.execute(before)} if keys else {}
    for row in rows:
        if row.key and row.key in seen:
            row.wrong("", "twice", seen[row.key])
        elif row.key:
            seen[row.key] = row.line
    good = [row for row in rows if row.good]
    if good:
        the_kind.look(found, good)


def _keep_row(one: SheetRow, row: Row) -> None:
    one.key, one.label, one.problems, one.fate = row.key, row.label[:200], row.problems, row.fate
    one.outcome = row.outcome if row.fate is not RowFate.REFUSED else {}


@work(CHECK)
def check_portion(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Look at some rows: what each holds, and what stands against it."""
    found = db.session.get_one(SheetImport, item["import"])
    the_kind = kind_of(found.kind)
    kept = _rows(found, item)
    rows = _read(found, the_kind, kept)
    _judge(found, the_kind, rows, item["from"])
    for one, row in zip(kept, rows, strict=True):
        _keep_row(one, row)
    return {}


# Taking over


def take_over(found: SheetImport, *, by: Person, now: datetime) -> Job:
    """Have the good rows taken over in the background, also those a stopped job has left. Raises CellsGone, NothingToTake."""
    if found.state not in (ImportState.CHECKED, ImportState.RUNNING) or not _idle(found):
        raise NotAllowedNow
    if found.state is ImportState.CHECKED and not cells_kept(found):
        raise CellsGone
    the_kind = kind_of(found.kind)
    items = _portions(found, the_kind.step, RowFate.READY)
    if not items and found.state is not ImportState.RUNNING:
        raise NothingToTake
    items.append({"import": found.id, "end": True, "label": "✓"})
    found.job = enqueue(TAKE, items, by=by, title=_l("Take over a sheet"))
    found.state = ImportState.RUNNING
    record(Did.TAKE_SHEET, found, by=by, more={"kind": found.kind, "rows": counts(found).get(RowFate.READY, 0)})
    return found.job


@work(TAKE)
def take_portion(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Take some rows over; each is looked at again, since others write meanwhile."""
    found = db.session.get_one(SheetImport, item["import"], with_for_update=True)
    the_kind, now = kind_of(found.kind), clock.now()
    by = db.session.get_one(Person, job.by_id)
    if item.get("end"):
        the_kind.finish(found, outcomes(found), by=by, now=now)
        found.state, found.done_at = ImportState.DONE, now
        return {}
    kept = _rows(found, item, RowFate.READY)
    rows = _read(found, the_kind, kept)
    _judge(found, the_kind, rows, item["from"])
    good = [row for row in rows if row.good]
    if good:
        the_kind.apply(found, good, by=by, now=now)
    for one, row in zip(kept, rows, strict=True):
        _keep_row(one, row)
        if row.good:
            one.fate = RowFate.DONE
    return {}


def outcomes(found: SheetImport) -> list[dict[str, Any]]:
    """What was made of the rows that were taken over, in their order."""
    return list(
        db.session.scalars(
            select(SheetRow.outcome)
            .where(SheetRow.import_id == found.id, SheetRow.fate == RowFate.DONE)
            .order_by(SheetRow.line)
        )
    )


# Undoing and forgetting


def may_undo(found: SheetImport, now: datetime) -> bool:
    return (
        found.state in (ImportState.DONE, ImportState.RUNNING)
        and _idle(found)
        and now <= (found.done_at or found.acted_at) + timedelta(hours=UNDO_HOURS)
    )


def undo(found: SheetImport, *, by: Person, now: datetime) -> Job:
    """Take everything back that was made of the sheet. Raises TooLateToUndo, InUse naming what rests on it."""
    if found.state not in (ImportState.DONE, ImportState.RUNNING) or not _idle(found):
        raise NotAllowedNow
    if not may_undo(found, now):
        raise TooLateToUndo(hours=UNDO_HOURS)
    _must_be_free(found)
    found.job = enqueue(UNDO, [{"import": found.id, "label": found.name[:100]}], by=by, title=_l("Undo a sheet"))
    return found.job


def _must_be_free(found: SheetImport) -> None:
    used = kind_of(found.kind).in_use(found, outcomes(found))
    if used:
        more = len(used) - 5
        raise InUse(what=_("; ").join(used[:5]) + (f" …（+{more}）" if more > 0 else ""))


@work(UNDO)
def undo_all(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """The whole sheet or nothing of it, in one transaction."""
    found = db.session.get_one(SheetImport, item["import"], with_for_update=True)
    by, now = db.session.get_one(Person, job.by_id), clock.now()
    if found.state is ImportState.UNDONE:
        return {}
    _must_be_free(found)
    made = outcomes(found)
    more = kind_of(found.kind).undo(found, made, by=by, now=now) or {}
    db.session.execute(
        update(SheetRow)
        .where(SheetRow.import_id == found.id, SheetRow.fate == RowFate.DONE)
        .values(fate=RowFate.UNDONE, outcome={})
    )
    found.state, found.undone_at = ImportState.UNDONE, now
    record(Did.UNDO_SHEET, found, by=by, more={"kind": found.kind, "rows": len(made)})
    return {"rows": len(made)} | more


def undoing(found: SheetImport) -> list[str]:
    """What was taken back beside the rows, and what stayed, in words."""
    if found.state is not ImportState.UNDONE or found.job is None or found.job.kind != UNDO:
        return []
    result = db.session.scalar(select(JobItem.result).where(JobItem.job_id == found.job_id).limit(1))
    return kind_of(found.kind).undone(result or {})


def refusal_of(found: SheetImport) -> str:
    """Why the worker did not undo the sheet, where something came between."""
    if found.job is None or found.job.kind != UNDO or found.state is ImportState.UNDONE or not found.job.refused:
        return ""
    return db.session.scalar(select(JobItem.message).where(JobItem.job_id == found.job_id).limit(1)) or ""


def forget_rows(now: datetime) -> int:
    """What the rows held goes once a sheet can no longer be undone, or was left lying for a week."""
    over, left = now - timedelta(hours=UNDO_HOURS), now - timedelta(days=7)
    old = select(SheetImport.id).where(
        or_(SheetImport.done_at < over, SheetImport.undone_at < over, SheetImport.acted_at < left)
    )
    gone = db.session.execute(
        update(SheetRow).where(SheetRow.import_id.in_(old), SheetRow.sealed.is_not(None)).values(sealed=None)
    )
    return int(getattr(gone, "rowcount", 0))


def forget_results(now: datetime) -> int:
    """Later the rows go too, with the names in them; that the sheet was taken over, by whom and what was made stays."""
    old = select(SheetImport.id).where(SheetImport.acted_at < now - timedelta(days=KEPT_DAYS))
    gone = db.session.execute(delete(SheetRow).where(SheetRow.import_id.in_(old)))
    return int(getattr(gone, "rowcount", 0))


# Sight


def imports_visible_to(person: Person, area: str | None = None) -> Select[SheetImport]:
    """Sheets within an officer's reach, of every kind or of those of an area of the menu."""
    parts = [
        and_(SheetImport.kind == k.code, k.reach(person))
        for k in KINDS.values()
        if person.can(k.can) and area in (None, k.area)
    ]
    return select(SheetImport).where(or_(*parts) if parts else false())


def import_for(person: Person, import_id: int) -> SheetImport:
    """One sheet. NotFound otherwise."""
    found = db.session.scalar(
        imports_visible_to(person)
        .where(SheetImport.id == import_id)
        .options(selectinload(SheetImport.by), selectinload(SheetImport.acted_by), selectinload(SheetImport.job))
    )
    if found is None:
        raise NotFound
    return found


def counts(found: SheetImport) -> dict[RowFate, int]:
    asked = select(SheetRow.fate, func.count()).where(SheetRow.import_id == found.id).group_by(SheetRow.fate)
    return {row[0]: row[1] for row in db.session.execute(asked)}


def first_rows(found: SheetImport, n: int = 3) -> list[list[str]]:
    asked = select(SheetRow).where(SheetRow.import_id == found.id).order_by(SheetRow.line).limit(n)
    return [cells_of(row) for row in db.session.scalars(asked)]


def refused_rows(found: SheetImport) -> Iterable[SheetRow]:
    return db.session.scalars(
        select(SheetRow).where(SheetRow.import_id == found.id, SheetRow.fate == RowFate.REFUSED).order_by(SheetRow.line)
    )
