"""Files of questions in: uploaded, read into rows, looked through (the dry run), taken in by the worker, undone.

Each row is decided and taken in on its own, together with its outcome in one transaction; so whatever stops the worker, a
row is taken in exactly once, and the work goes on with the rows that have no outcome yet. Reading a file happens outside of
any transaction: nobody who writes waits for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext
from sqlalchemy import Select, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from app.accounts.models import Person
from app.audit.service import record
from app.bank import pictures, service
from app.bank.deeds import Did
from app.bank.editing import place_words
from app.bank.faces import digest_of, item_of
from app.bank.models import (
    Choice,
    EnemyGroupMember,
    Fate,
    ImportState,
    Question,
    QuestionImport,
    QuestionImportRow,
    QuestionReview,
    QuestionRevision,
    QuestionState,
    RowOutcome,
)
from app.bank.uses import in_use
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.files.service import TEXT, XLSX, ZIP, keep, read_file
from app.jobs.models import Job
from app.jobs.service import enqueue
from question_bank.formats import MOST_BYTES, Reading, Refusal, formats, read
from question_bank.items import Item

FORMAT_NAMES: dict[str, Any] = {
    "yaml": "YAML",
    "excel": "Excel",
    "gift": "Moodle GIFT",
    "moodle-xml": "Moodle XML",
    "aiken": "Aiken",
    "qti": "QTI",
}
#: What each format carries, in words for the page of the upload.
CARRIES: dict[str, Any] = {
    "yaml": _l("Everything a question holds, pictures included."),
    "excel": _l(
        "Everything; of pictures the address alone. For writing many questions at once: export a list as Excel to have the form."
    ),
    "gift": _l(
        "Single and multiple choice, true/false, one blank, number, matching, ordering and essay, with remarks and "
        "explanation. No cases, no second blank, no rubric or model answer."
    ),
    "moodle-xml": _l(
        "Every kind with remarks, explanation, rubric and model answer; cases without essays. Pictures go along."
    ),
    "aiken": _l("Single choice in plain text: question, options and key, nothing else; questions get new numbers."),
    "qti": _l(
        "Everything a question holds. Packages or single items of QTI 2.1, 2.2 and 3.0, as learning platforms exchange "
        "them. Pictures go along."
    ),
}
#: Names of a question's fields, as losses name them (``parts[0].explanation``).
FIELD_NAMES: dict[str, Any] = {
    "id": _l("question number"),
    "text": _l("formatting of the words"),
    "level": _l("level"),
    "module": _l("module"),
    "difficulty": _l("difficulty"),
    "point": _l("knowledge point"),
    "points": _l("points of the question"),
    "options": _l("option"),
    "feedback": _l("remark"),
    "shuffle": _l("fixed order of the options"),
    "explanation": _l("explanation"),
    "source": _l("source"),
    "enemies": _l("questions that must not be on the same paper"),
    "rubric": _l("rubric"),
    "reference": _l("model answer"),
    "parts": _l("part"),
    "pairs": _l("pair"),
    "left": _l("left side"),
    "right": _l("right side"),
    "sequence": _l("step"),
    "distractors": _l("surplus right side"),
    "tolerance": _l("tolerance"),
    "unit": _l("unit"),
}
MEDIA = {"excel": XLSX, "qti": ZIP}
JOB = "bank.import"
STEP = 50
"""Rows that one step of the job takes in, in one transaction."""
AT_ONCE: dict[str, int] = {"excel": 16 * 1024, "qti": 48 * 1024}
AT_ONCE_ELSE = 96 * 1024
"""A file up to this size is read while its owner waits (half a second at most); a larger one by the worker. A zip holds more."""
STALE = timedelta(minutes=15)

CHOICES: dict[Fate, tuple[Choice, ...]] = {
    Fate.NEW: (Choice.CREATE, Choice.SKIP),
    Fate.REVISED: (Choice.REVISE, Choice.SKIP),
    Fate.DUPLICATE: (Choice.SKIP, Choice.REVISE, Choice.CREATE),
    Fate.UNCHANGED: (Choice.SKIP,),
    Fate.CLOSED: (Choice.SKIP,),
    Fate.REFUSED: (Choice.SKIP,),
}
"""What may be chosen for a row; the first is what holds until something else is chosen."""

FORMAT_NAMES |= {"qti": _l("QTI 2.2 package"), "qti-3": _l("QTI 3.0 package")}
MEDIA["qti-3"] = ZIP
#: Where reading takes more than is written under that name.
READ_NAMES: dict[str, Any] = {"qti": _l("QTI 2.1, 2.2 or 3.0, package or single item")}
#: Written only: another name reads the same files.
WRITTEN = frozenset({"qti-3"})


class NoFile(Invalid):
    message = _l("Please choose a file.")


class NothingToImport(Invalid):
    message = _l("Nothing is chosen to be taken in. Choose at least one question below, or another file.")


class Used(Refused):
    message = lazy_ngettext(
        "The import cannot be undone: %(count)s of its questions was changed, reviewed or used since: %(codes)s.",
        "The import cannot be undone: %(count)s of its questions were changed, reviewed or used since. First: %(codes)s.",
        "count",
    )


class NumberTaken(Refused):
    message = _l("The number %(code)s was taken meanwhile by another question.")


class NoTwin(Refused):
    message = _l("The question %(code)s, which it repeats, is not in the bank.")


class TwinClosed(Refused):
    message = _l("The question %(code)s is in review or retired and takes no new revision now.")


class NoRight(Refused):
    message = _l("Whoever uploaded the file may no longer write questions.")


PROBLEMS: dict[str, type[Refused]] = {
    one.__name__: one for one in (NumberTaken, NoTwin, TwinClosed, NoRight, service.NothingChanged, NotAllowedNow)
}


def problem_text(row: QuestionImportRow) -> str:
    """Why a row was not taken in, in the reader's language."""
    if row.problem is None:
        return ""
    return PROBLEMS.get(row.problem["code"], Refused)(**row.problem["values"]).text


def format_choices() -> list[tuple[str, str]]:
    return [(name, FORMAT_NAMES.get(name, name)) for name in formats()]


def format_help() -> list[tuple[str, Any]]:
    """The formats there are, and what each carries."""
    return [(label, CARRIES.get(name, "")) for name, label in import_choices()]


def field_words(path: str) -> str:
    """``parts[0].explanation`` in words: part 1, explanation."""
    words = []
    for step in path.split("."):
        name, bracket, place = step.partition("[")
        number = f" {int(place.rstrip(']')) + 1}" if bracket and place.rstrip("]").isdigit() else ""
        words.append(f"{FIELD_NAMES.get(name, name)}{number}")
    return " · ".join(words)


# --- reading -----------------------------------------------------------------------------------------------------------


def imports_visible_to(person: Person) -> Select[QuestionImport]:
    """A person's own uploads."""
    return select(QuestionImport).where(QuestionImport.by_id == person.id).order_by(QuestionImport.id.desc())


def import_for(person: Person, import_id: int) -> QuestionImport:
    """The upload, to its owner alone. Raises NotFound."""
    found = db.session.scalar(imports_visible_to(person).where(QuestionImport.id == import_id))
    if found is None:
        raise NotFound
    return found


def waiting_imports(person: Person) -> int:
    """Uploads that were read and wait for their owner's decision."""
    return (
        db.session.scalar(
            select(func.count()).where(QuestionImport.by_id == person.id, QuestionImport.state == ImportState.READY)
        )
        or 0
    )


def rows_of(upload: QuestionImport) -> Select[QuestionImportRow]:
    return (
        select(QuestionImportRow)
        .where(QuestionImportRow.import_id == upload.id)
        .order_by(QuestionImportRow.position)
    )  # fmt: skip


def fates_of(upload: QuestionImport) -> dict[Fate, int]:
    rows = db.session.execute(
        select(QuestionImportRow.fate, func.count())
        .where(QuestionImportRow.import_id == upload.id)
        .group_by(QuestionImportRow.fate)
    )
    return {row[0]: row[1] for row in rows}


def chosen_of(upload: QuestionImport) -> dict[Choice, int]:
    """How many rows wait with which choice."""
    rows = db.session.execute(
        select(QuestionImportRow.choice, func.count())
        .where(QuestionImportRow.import_id == upload.id, QuestionImportRow.outcome.is_(None))
        .group_by(QuestionImportRow.choice)
    )
    return {row[0]: row[1] for row in rows}


def item_in(row: QuestionImportRow) -> Item | None:
    return item_of(digest_of(row.body), row.body) if row.body else None


# --- uploading and looking through ---------------------------------------------------------------------------------------


def upload(file: Any, format: str, *, by: Person, now: datetime) -> QuestionImport:
    """Keep an uploaded file for reading. Raises FileRefused or NoFile at field ``file``."""
    if file is None or not file.filename:
        raise NoFile("file")
    if format not in formats():
        raise Invalid("format")
    media = MEDIA.get(format, TEXT)
    if media == ZIP and file.stream.read(8).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \r\n\t").startswith(b"<"):
        media = TEXT  # a single item as XML
    file.stream.seek(0)
    file.filename = _named(file.filename, media)
    kinds = frozenset({media})
    stored = keep(file, owner=by, kinds=kinds, field="file", max_bytes=MOST_BYTES)
    made = QuestionImport(file_id=stored.id, format=format, by_id=by.id, created_at=now)
    made.file = stored
    db.session.add(made)
    db.session.flush()  # the view redirects to it by id
    return made


def read_at_once(upload: QuestionImport) -> bool:
    """Whether reading takes so little that its owner may wait for it."""
    return upload.file.size <= AT_ONCE.get(upload.format, AT_ONCE_ELSE)


def _named(name: str, media: str) -> str:
    """Text formats come with many endings (.yaml, .yml, .gift); they are kept as text."""
    return name if media != TEXT or name.lower().endswith((".txt", ".csv", ".md")) else f"{name}.txt"


def read_upload(import_id: int) -> None:
    """Read an upload into rows, once. Opens its own units of work; the file is read between them."""
    with unit_of_work():
        found = db.session.get_one(QuestionImport, import_id, with_for_update=True, populate_existing=True)
        if found.state is not ImportState.READING or not _claimed(found):
            return
        file, format = found.file, found.format
    reading = _with_pictures(read(read_file(file), format), by=found.by_id)
    rows = _looked_through(reading)
    with unit_of_work():
        found = db.session.get_one(QuestionImport, import_id, with_for_update=True, populate_existing=True)
        if found.state is not ImportState.READING:
            return
        db.session.execute(delete(QuestionImportRow).where(QuestionImportRow.import_id == import_id))
        if rows:
            db.session.execute(insert(QuestionImportRow), [{"import_id": import_id} | row for row in rows])
        loose = _loose_notes(reading, {item.id for item in reading.items})
        found.outcome = {"notes": [_plain(note) for note in loose]} if loose else {}
        found.state = ImportState.READY if reading.items else ImportState.UNREADABLE


def _with_pictures(reading: Reading, *, by: int) -> Reading:
    """The pictures that the file brought are kept, so that the dry run shows them; those it lacks are told."""
    brought = pictures.brought(reading)
    if brought:
        with unit_of_work():
            here = pictures.keep_read(brought, by=db.session.get_one(Person, by), now=clock.now())
        reading.items = pictures.from_file(reading.items, here)
    for code, count in pictures.unknown_in(reading.items).items():
        reading.notes.append(Refusal(f" · {code}", "pictures_elsewhere", values={"count": count}))
    return reading


def _claimed(upload: QuestionImport) -> bool:
    """Whether this process may read it: another one that began and is alive goes first."""
    now, since = clock.now(), upload.outcome.get("reading_since")
    if since and now - datetime.fromisoformat(since) < STALE:
        return False
    upload.outcome = {"reading_since": now.isoformat()}
    return True


def uploads_to_read() -> Sequence[int]:
    return db.session.scalars(
        select(QuestionImport.id).where(QuestionImport.state == ImportState.READING).order_by(QuestionImport.id)
    ).all()


def _plain(refusal: Refusal) -> dict[str, Any]:
    return {
        "where": refusal.where,
        "reason": refusal.reason,
        "field": refusal.field,
        "values": {name: str(value) for name, value in refusal.values.items()},
    }


_COUNTED = re.compile(r"\b(line|row|question|item)s? (\d+)")


def where_text(where: str) -> str:
    """A place in a file (``line 12 · L1-001``) in the reader's language."""
    names = {
        "line": _("line %(n)s"),
        "row": _("row %(n)s"),
        "question": _("question %(n)s"),
        "item": _("question %(n)s"),
    }
    return _COUNTED.sub(lambda found: names[found[1]].replace("%(n)s", found[2]), where)


def note_text(note: Mapping[str, Any], language: str) -> str:
    """A kept refusal or remark as a sentence: where, which field, why."""
    field = " ".join(place_words(step) for step in note["field"].split(".") if step)
    return Refusal(where_text(note["where"]), note["reason"], field, note["values"]).text(language)


def _notes(reading: Reading) -> list[Refusal]:
    return reading.notes


def _code_in(refusal: Refusal) -> str:
    return refusal.where.rpartition(" · ")[2]


def _loose_notes(reading: Reading, codes: set[str]) -> list[Refusal]:
    return [note for note in _notes(reading) if _code_in(note) not in codes]


def _looked_through(reading: Reading) -> list[dict[str, Any]]:
    """The rows of a reading: what each question is to the bank, then what was refused."""
    intake = service.look_through(reading.items)
    closed = _closed([*intake.revised])
    notes: dict[str, list[dict[str, Any]]] = {}
    wheres: dict[str, str] = {}
    for note in _notes(reading):
        notes.setdefault(_code_in(note), []).append(_plain(note))
        wheres.setdefault(_code_in(note), note.where.rpartition(" · ")[0])
    revised, unchanged = set(intake.revised), set(intake.unchanged)
    rows: list[dict[str, Any]] = []
    for item in reading.items:
        if item.id in revised:
            fate = Fate.CLOSED if item.id in closed else Fate.REVISED
        elif item.id in unchanged:
            fate = Fate.UNCHANGED
        else:
            fate = Fate.DUPLICATE if item.id in intake.duplicates else Fate.NEW
        rows.append(
            {"code": item.id, "where": wheres.get(item.id, "")[:400], "body": item.to_dict(), "fate": fate,
             "notes": notes.get(item.id, []), "twin": intake.duplicates.get(item.id, "")}
        )  # fmt: skip
    rows += [
        {"code": "", "where": refusal.where[:400], "body": None, "notes": [_plain(refusal)], "fate": Fate.REFUSED,
         "twin": ""}
        for refusal in reading.refusals
    ]  # fmt: skip
    return [
        row | {"position": position, "choice": CHOICES[row["fate"]][0], "before": ""}
        for position, row in enumerate(rows, 1)
    ]


def _closed(codes: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(codes), 500):
        found |= set(
            db.session.scalars(
                select(Question.code).where(
                    Question.code.in_(codes[start : start + 500]),
                    Question.state.in_([QuestionState.IN_REVIEW, QuestionState.RETIRED]),
                )
            )
        )
    return found


# --- deciding --------------------------------------------------------------------------------------------------------------


def choose(upload: QuestionImport, choices: Mapping[int, Choice]) -> None:
    """What is to become of these rows (row id → choice). A choice that its row does not have is left out."""
    _ready(upload)
    rows = db.session.scalars(rows_of(upload).where(QuestionImportRow.id.in_(choices)))
    for row in rows:
        if choices[row.id] in CHOICES[row.fate]:
            row.choice = choices[row.id]


def choose_all(upload: QuestionImport, fate: Fate, choice: Choice) -> None:
    """The same for all rows of a kind."""
    _ready(upload)
    if choice not in CHOICES[fate]:
        raise Invalid("choice")
    db.session.execute(
        update(QuestionImportRow)
        .where(QuestionImportRow.import_id == upload.id, QuestionImportRow.fate == fate)
        .values(choice=choice)
        .execution_options(synchronize_session="fetch")
    )


def _ready(upload: QuestionImport) -> None:
    if upload.state is not ImportState.READY:
        raise NotAllowedNow


def start(upload: QuestionImport, *, by: Person, now: datetime) -> Job:
    """Take in what was chosen, in the background. Raises NothingToImport."""
    _ready(upload)
    if not any(count for choice, count in chosen_of(upload).items() if choice is not Choice.SKIP):
        raise NothingToImport
    upload.state = ImportState.RUNNING
    record(Did.START_IMPORT, upload, by=by, more={"file": upload.name, "format": upload.format})
    return _enqueue(upload, by=by)


def go_on(upload: QuestionImport, *, by: Person, now: datetime) -> Job:
    """Take up an import whose job was cancelled or stopped by an error."""
    job = db.session.get(Job, upload.job_id) if upload.job_id else None
    if upload.state is not ImportState.RUNNING or job is None or job.ended_at is None:
        raise NotAllowedNow
    return _enqueue(upload, by=by)


def _enqueue(upload: QuestionImport, *, by: Person) -> Job:
    positions = db.session.scalars(
        select(QuestionImportRow.position)
        .where(QuestionImportRow.import_id == upload.id, QuestionImportRow.outcome.is_(None))
        .order_by(QuestionImportRow.position)
    ).all()
    steps = [positions[n : n + STEP] for n in range(0, len(positions), STEP)]
    items = [{"import": upload.id, "first": s[0], "last": s[-1], "label": f"{s[0]}–{s[-1]}"} for s in steps]
    job = enqueue(JOB, items, by=by, title=upload.name)
    upload.job_id = job.id
    return job


# --- taking in -------------------------------------------------------------------------------------------------------------


def take_rows(import_id: int, first: int, last: int, *, now: datetime) -> Counter[RowOutcome]:
    """Take in the rows of one step that have no outcome yet; in the caller's unit of work. Ends the import after the last."""
    upload = db.session.get_one(QuestionImport, import_id, with_for_update=True, populate_existing=True)
    author = db.session.get_one(Person, upload.by_id)
    done: Counter[RowOutcome] = Counter()
    if upload.state is not ImportState.RUNNING:
        return done
    rows = db.session.scalars(
        rows_of(upload).where(
            QuestionImportRow.position.between(first, last), QuestionImportRow.outcome.is_(None)
        )
    ).all()  # fmt: skip
    _create(rows, upload, by=author, now=now)
    for row in rows:
        if row.outcome is not None:
            done[row.outcome] += 1
            continue
        try:
            with db.session.begin_nested():
                row.outcome = _take(row, upload, by=author, now=now)
        except Refused as refusal:
            row.outcome = RowOutcome.REFUSED
            row.problem = {"code": type(refusal).__name__, "values": refusal.values}
        done[row.outcome] += 1
    db.session.flush()  # the next line counts what is left
    if not db.session.scalar(
        select(func.count()).where(QuestionImportRow.import_id == upload.id, QuestionImportRow.outcome.is_(None))
    ):
        _end(upload, by=author, now=now)
    return done


def import_choices() -> list[tuple[str, str]]:
    """Formats to read."""
    return [(name, READ_NAMES.get(name, label)) for name, label in format_choices() if name not in WRITTEN]


def _create(rows: Sequence[QuestionImportRow], upload: QuestionImport, *, by: Person, now: datetime) -> None:
    """The new questions of a step, at the price of one: most rows of most files are such. Others are left to ``_take``."""
    if not by.can(Can.WRITE_QUESTION):
        return
    new = [row for row in rows if row.choice is Choice.CREATE and row.body is not None]
    codes = select(Question.code).where(Question.code.in_([row.code for row in new]))
    taken = set(db.session.scalars(codes)) if new else set()
    made = [(row, item) for row in new if row.code not in taken and (item := item_in(row)) is not None]
    questions = service.create_all([item for _row, item in made], by=by, now=now, note=upload.name[:400])
    for (row, _item), question in zip(made, questions, strict=True):
        row.question_id, row.revision_number, row.outcome = question.id, 1, RowOutcome.CREATED


def _take(row: QuestionImportRow, upload: QuestionImport, *, by: Person, now: datetime) -> RowOutcome:
    item = item_in(row)
    if item is None:
        return RowOutcome.REFUSED
    if row.choice is Choice.SKIP:
        return RowOutcome.SKIPPED
    if not by.can(Can.WRITE_QUESTION):
        raise NoRight
    note = upload.name[:400]
    known = service.by_code(item.id)
    if row.choice is Choice.CREATE:
        if known is not None:
            raise NumberTaken(code=item.id)
        question = service.create(item, by=by, now=now, note=note)
        db.session.flush()  # the row names the question by its id
        row.question_id, row.revision_number = question.id, 1
        return RowOutcome.CREATED
    target = service.by_code(row.twin) if row.fate is Fate.DUPLICATE else known
    if target is None:
        raise NoTwin(code=row.twin or item.id)
    target = locked(target)
    if target.state in (QuestionState.IN_REVIEW, QuestionState.RETIRED):
        raise TwinClosed(code=target.code)
    before = target.state
    made = service.revise(target, item, by=by, now=now, note=note)
    row.question_id, row.revision_number, row.before = target.id, made.number, before.value
    return RowOutcome.REVISED


def _end(upload: QuestionImport, *, by: Person, now: datetime) -> None:
    counts = outcomes_of(upload)
    upload.state, upload.done_at = ImportState.DONE, now
    upload.outcome = {**upload.outcome, **{outcome.value: count for outcome, count in counts.items()}}
    record(Did.IMPORT, upload, by=by, more={"file": upload.name, **{k.value: n for k, n in counts.items()}})


def outcomes_of(upload: QuestionImport) -> dict[RowOutcome, int]:
    rows = db.session.execute(
        select(QuestionImportRow.outcome, func.count())
        .where(QuestionImportRow.import_id == upload.id, QuestionImportRow.outcome.is_not(None))
        .group_by(QuestionImportRow.outcome)
    )
    return {outcome: count for outcome, count in rows if outcome is not None}


# --- undoing ---------------------------------------------------------------------------------------------------------------


def touched(upload: QuestionImport) -> list[str]:
    """Codes of questions of the import that somebody has changed, reviewed, grouped or used since: these forbid undoing."""
    fresh = QuestionImportRow.outcome == RowOutcome.CREATED
    reviewed = (
        exists()
        .where(QuestionReview.revision_id == QuestionRevision.id)
        .where(
            QuestionRevision.question_id == Question.id,
            QuestionRevision.number == QuestionImportRow.revision_number,
        )
    )
    grouped = exists().where(EnemyGroupMember.question_id == Question.id)
    other = aliased(QuestionImportRow)
    newest = (
        select(func.max(other.revision_number))
        .where(other.import_id == upload.id, other.question_id == Question.id)
        .scalar_subquery()
    )
    bad = or_(
        Question.state != QuestionState.DRAFT,
        Question.latest_number != newest,
        reviewed,
        and_(fresh, or_(Question.live_number.is_not(None), grouped)),
    )
    found = list(db.session.scalars(_taken(upload, Question.code).where(bad).order_by(QuestionImportRow.position)))
    made = db.session.execute(_taken(upload, Question.id, Question.code).where(fresh)).all()
    used = in_use(made)
    return list(dict.fromkeys([*found, *(row.code for row in made if row.id in used)]))


def _taken(upload: QuestionImport, *columns: Any) -> Select[Any]:
    """What of an import is in the bank now: rows and their questions."""
    return (
        select(*columns)
        .select_from(QuestionImportRow)
        .join(Question, Question.id == QuestionImportRow.question_id)
        .where(
            QuestionImportRow.import_id == upload.id,
            QuestionImportRow.outcome.in_([RowOutcome.CREATED, RowOutcome.REVISED]),
        )
    )


def undo(upload: QuestionImport, *, by: Person, now: datetime) -> int:
    """Take an import back as if it had not been: its drafts go, its revisions of other questions too; how many.

    Only while nobody has changed, reviewed or used any of them. Raises Used, NotAllowedNow.
    """
    if upload.state is not ImportState.DONE:
        raise NotAllowedNow
    db.session.execute(_taken(upload, Question.id).with_for_update(of=Question)).all()
    bad = touched(upload)
    if bad:
        raise Used(count=len(bad), codes=", ".join(bad[:5]))
    revised = QuestionImportRow.outcome == RowOutcome.REVISED
    rows = db.session.execute(
        _taken(upload, QuestionImportRow, Question).where(revised).order_by(QuestionImportRow.position.desc())
    ).all()
    for row, question in rows:
        service.take_back_revision(question, QuestionState(row.before))
        row.outcome, row.question_id = RowOutcome.UNDONE, None
    db.session.flush()  # what follows speaks to the database directly
    gone = db.session.scalars(_taken(upload, Question.id)).all()
    db.session.execute(
        update(QuestionImportRow)
        .where(QuestionImportRow.import_id == upload.id, QuestionImportRow.outcome == RowOutcome.CREATED)
        .values(outcome=RowOutcome.UNDONE, question_id=None)
        .execution_options(synchronize_session=False)
    )
    for start in range(0, len(gone), 500):
        some = gone[start : start + 500]
        for statement in (
            delete(QuestionRevision).where(QuestionRevision.question_id.in_(some)),
            delete(Question).where(Question.id.in_(some)),
        ):
            db.session.execute(statement.execution_options(synchronize_session=False))
    upload.state, upload.undone_at = ImportState.UNDONE, now
    count = len(rows) + len(gone)
    record(Did.UNDO_IMPORT, upload, by=by, more={"file": upload.name, "questions": count})
    return count


# --- the result as a sheet ----------------------------------------------------------------------------------------------------


def result_rows(upload: QuestionImport, words: Mapping[Any, Any], language: str) -> Iterable[list[Any]]:
    """No., where, number, found, chosen, outcome, reason: for the result sheet. ``words`` names fates, choices, outcomes."""
    for row in db.session.scalars(rows_of(upload)):
        reason = "; ".join([problem_text(row), *(note_text(note, language) for note in row.notes)]).strip("; ")
        if row.fate is Fate.DUPLICATE:
            reason = "; ".join(filter(None, [reason, f"= {row.twin}"]))
        yield [row.position, where_text(row.where), row.code, str(words[row.fate]), str(words[row.choice]),
               str(words[row.outcome]) if row.outcome else "", reason]  # fmt: skip
