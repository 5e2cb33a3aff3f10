"""Many certificates at once: a ZIP that is written while it is sent, a print file made in the background, a list for
handing them out.

The ZIP never lies in memory as a whole: the library's writer puts each piece into a small buffer that is emptied to the
reader. PDF files do not shrink, so they are stored as they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.service import record
from app.certification import service
from app.certification.deeds import Did
from app.certification.earlier_models import PrintBatch
from app.certification.models import Certificate, Edition
from app.core import clock
from app.core.archive import Source, streamed_zip
from app.core.errors import NotFound, Refused
from app.core.sheets import as_csv
from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF, delete_file, keep_bytes, open_file
from app.jobs.models import Job
from app.jobs.service import DrawAgain, enqueue, every, work

MOST = 20_000
MOST_PRINTED = 500
KEEP_DAYS = 7
PRINT = "certification.print"


class NothingChosen(Refused):
    message = _l("No certificate was chosen.")


class TooManyToPrint(Refused):
    message = _l(
        "A print file holds at most %(most)s certificates. Please narrow the filter, for example to a level or a year."
    )


@dataclass(frozen=True)
class Entry:
    """A certificate with the file of its current edition, as a download needs it."""

    certificate_id: int
    number: str
    name: str
    edition: int
    file: StoredFile | None

    @property
    def file_name(self) -> str:
        return f"{re.sub(r'[^0-9A-Za-z-]', '_', self.number)}-{self.edition}-{self.certificate_id}.pdf"


def entries(by: Person, ids: Sequence[int]) -> Iterator[Entry]:
    """The chosen certificates the officer sees, in the order chosen; read five hundred at a time."""
    for at in range(0, len(ids), 500):
        part = ids[at : at + 500]
        asked = (
            select(Certificate.id, Certificate.number, Certificate.holder_name, Edition.no, StoredFile)
            .join(Edition, Edition.certificate_id == Certificate.id)
            .outerjoin(StoredFile, StoredFile.id == Edition.pdf_file_id)
            .where(Certificate.id.in_(part))
            .where(Certificate.id.in_(service.certificates_visible_to(by).with_only_columns(Certificate.id)))
            .order_by(Certificate.id, Edition.no)
        )
        last = {row[0]: Entry(*row) for row in db.session.execute(asked)}
        yield from (last[i] for i in part if i in last)


def note_export(ids: Sequence[int], what: str, *, by: Person) -> None:
    """Write down who took which certificates away."""
    if not ids:
        raise NothingChosen
    first = db.session.get_one(Certificate, ids[0])
    record(Did.EXPORT, first, by=by, more={"what": what, "count": len(ids), "ids": list(ids)})


def stream(found: Iterable[Entry], now: datetime) -> Iterator[bytes]:
    """The ZIP in pieces: each PDF, then ``manifest.csv`` (number, name, file, SHA-256)."""
    local = clock.local(now)
    stamp = (local.year, local.month, local.day, local.hour, local.minute, local.second)
    return streamed_zip(_members(found), stamp)


def _members(found: Iterable[Entry]) -> Iterator[tuple[str, Source]]:
    rows: list[Sequence[Any]] = [[_("Certificate number"), _("Full name"), _("File"), "SHA-256"]]
    for one in found:
        if one.file is None:
            rows.append([one.number, one.name, _("no PDF"), ""])
            continue
        rows.append([one.number, one.name, one.file_name, one.file.sha256])
        yield one.file_name, partial(open_file, one.file)
    yield "manifest.csv", as_csv(rows)


# The print file


def start_print(ids: Sequence[int], *, by: Person, now: datetime) -> PrintBatch:
    """Have the current editions joined into one PDF in the background. Raises NothingChosen, TooManyToPrint."""
    if not ids:
        raise NothingChosen
    if len(ids) > MOST_PRINTED:
        raise TooManyToPrint(most=MOST_PRINTED)
    kept = [e.certificate_id for e in entries(by, ids)]
    note_export(kept, "print", by=by)
    made = PrintBatch(title=f"{clock.local(now):%Y-%m-%d %H:%M}", by_id=by.id, made_at=now, certificates=kept)
    db.session.add(made)
    db.session.flush()  # the job names it
    job = enqueue(PRINT, [{"batch": made.id, "label": str(len(kept))}], by=by, title=_l("Print file of certificates"))
    made.job_id = job.id
    return made


@dataclass(frozen=True)
class Joined:
    """A print file, and which files stand in it in which order (None: a certificate without a PDF)."""

    data: bytes
    pages: int
    lacking: list[str]
    files: list[int | None]


def _chosen(batch: PrintBatch) -> list[Entry]:
    return list(entries(db.session.get_one(Person, batch.by_id), batch.certificates))


def _files(chosen: Sequence[Entry]) -> list[int | None]:
    return [one.file.id if one.file is not None else None for one in chosen]


def _join(item: dict[str, Any], job: Job) -> Joined:
    """Join the PDFs, in the order chosen; numbers without a PDF are named."""
    import pikepdf

    chosen, out = _chosen(db.session.get_one(PrintBatch, item["batch"])), io.BytesIO()
    with ExitStack() as opened:  # pages refer to the files they come from until all is written
        joined = opened.enter_context(pikepdf.new())
        for one in chosen:
            if one.file is not None:
                with open_file(one.file) as source:
                    joined.pages.extend(opened.enter_context(pikepdf.open(io.BytesIO(source.read()))).pages)
        pages = len(joined.pages)
        if pages:
            joined.save(out)
    return Joined(out.getvalue(), pages, [one.number for one in chosen if one.file is None], _files(chosen))


@work(PRINT, draws=_join, back=("certification.all_certificates", _l("Certificates")))
def print_one(item: dict[str, Any], job: Job, joined: Joined) -> dict[str, Any]:
    """Keep the print file, unless a certificate has another current edition by now: that is the one to be printed."""
    batch = db.session.get_one(PrintBatch, item["batch"], with_for_update=True)
    if _files(_chosen(batch)) != joined.files:
        raise DrawAgain
    batch.lacking, batch.pages = joined.lacking, joined.pages
    if batch.pages:
        kept = keep_bytes(
            joined.data, f"print-{batch.id}.pdf", owner=batch.by, kinds=frozenset({PDF}), max_bytes=200 * 1024 * 1024
        )
        batch.file_id = kept.id
    return {"pages": batch.pages}


def batch_for(person: Person, batch_id: int) -> PrintBatch:
    """One's own print file. NotFound otherwise."""
    found = db.session.get(PrintBatch, batch_id)
    if found is None or found.by_id != person.id:
        raise NotFound
    return found


@every(seconds=3600, name="certification.forget_prints")
def forget_prints(now: datetime) -> None:
    """Print files go after a week: they can be made again at any time."""
    over = now - timedelta(days=KEEP_DAYS)
    ids = db.session.scalars(
        select(PrintBatch.id).where(PrintBatch.made_at < over, PrintBatch.file_id.is_not(None))
    ).all()
    for batch_id in ids:
        with unit_of_work():
            batch = db.session.get_one(PrintBatch, batch_id, with_for_update=True)
            old, batch.file = batch.file, None
            db.session.flush()  # the row lets go of the file before that is deleted
            if old is not None:
                delete_file(old)
