"""表格核验: many certificates at once by a spreadsheet of numbers and names; small ones at once, large ones by the worker."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select

from app.accounts.models import Organisation, Person
from app.audit.service import record
from app.core import clock, limits
from app.core.errors import Invalid, NotFound
from app.core.tables import excel
from app.db import db
from app.jobs import service as jobs
from app.jobs.models import ItemState, Job, JobItem, JobState
from app.verification import service
from app.verification.deeds import Did
from app.verification.models import SheetCheck
from app.verification.service import Asker
from app.verification.states import LABELS

KIND = "verification.sheet"
AT_ONCE = 200
MOST = 10_000
CHUNK = 100
MAX_BYTES = 5 * 1024 * 1024
MAX_UNPACKED = 80 * 1024 * 1024
LIMIT = "40 per day"
KEPT = timedelta(days=30)
HEADINGS = ("证书编号 Certificate number", "姓名 Full name")


class SheetUnreadable(Invalid):
    message = _l("This is not a readable Excel file (.xlsx). Please use the template.")


class SheetEmpty(Invalid):
    message = _l("There are no rows: the first column holds the certificate number, the second the full name, from the second row on.")  # fmt: skip


class SheetLong(Invalid):
    message = _l("More than %(most)s rows. Please divide the file.")


def template() -> bytes:
    """An empty sheet to fill in, with one line as an example."""
    return excel(HEADINGS, [("TTM1200202530001236", "王建国")], "核验 Check")


def read(data: bytes) -> list[tuple[str, str]]:
    """Pairs of number and name out of a spreadsheet: the first two columns below the headings; rows without both are
    left out. Raises SheetUnreadable, SheetEmpty, SheetLong."""
    if not data or len(data) > MAX_BYTES:
        raise SheetUnreadable("file")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MAX_UNPACKED:
                raise SheetUnreadable("file")
        from openpyxl import load_workbook

        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        rows = list(_rows(book.worksheets[0]))
        book.close()
    except (SheetLong, SheetUnreadable):
        raise
    except Exception:
        raise SheetUnreadable("file") from None
    if not rows:
        raise SheetEmpty("file")
    return rows


def _rows(sheet: Any) -> Iterator[tuple[str, str]]:
    found = 0
    for values in sheet.iter_rows(min_row=2, max_col=2, max_row=MOST * 3, values_only=True):
        number, name = (str(one).strip() if one is not None else "" for one in (*values, None, None)[:2])
        if number or name:
            found += 1
            if found > MOST:
                raise SheetLong("file", most=MOST)
            yield number[:60], name[:100]


def start(rows: list[tuple[str, str]], organisation: Organisation, *, by: Person, name: str, now: datetime) -> Job:
    """Check the rows: up to 200 now, more by the worker. Raises TooMany."""
    limits.spend("verify.sheet", LIMIT, organisation.id)
    items = [
        {"label": f"{at + 1}–{min(at + CHUNK, len(rows))}", "rows": [list(one) for one in rows[at : at + CHUNK]]}
        for at in range(0, len(rows), CHUNK)
    ]
    job = jobs.enqueue(KIND, items, by=by, title=_l("Check of a spreadsheet"), params={"organisation": organisation.id, "rows": len(rows), "name": name[:120]})  # fmt: skip
    db.session.add(SheetCheck(job=job, organisation_id=organisation.id))
    record(Did.CHECK_SHEET, job, by=by, more={"rows": len(rows)})
    if len(rows) <= AT_ONCE:
        _now(job, now)
    return job


def _now(job: Job, now: datetime) -> None:
    for item in db.session.scalars(select(JobItem).where(JobItem.job_id == job.id).order_by(JobItem.position)):
        item.result, item.state = check(item.payload, job), ItemState.DONE
        job.done += 1
    job.state, job.started_at, job.ended_at = JobState.DONE, now, now


def check(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """One piece of a sheet."""
    asker = Asker("", job.params["organisation"])
    answers = service.verify_many([(n, name) for n, name in item["rows"]], by=asker, way="sheet", now=clock.now())
    made = []
    for answer, (typed, name) in zip(answers, item["rows"], strict=True):
        said = answer.snapshot
        words = [
            said.get(key) or said.get(f"{key[:-3]}_zh", "")
            for key in ("level_zh", "level_en", "issuer_zh", "issuer_en")
        ]
        dates = [said.get("issued_on") or "", said.get("valid_until") or ""]
        made.append([typed, name, answer.state, *words, *dates, answer.query])
    return {"rows": made}


def sheets_of(organisation: Organisation, limit: int = 20) -> list[Job]:
    """The latest sheets an employer has had checked in the last thirty days, the newest first."""
    mine = (
        select(Job).join(SheetCheck, SheetCheck.job_id == Job.id).where(SheetCheck.organisation_id == organisation.id)
    )
    return list(db.session.scalars(mine.order_by(SheetCheck.job_id.desc()).limit(limit)))


def sheet_of(organisation: Organisation, job_id: int) -> Job:
    """One sheet of the employer. NotFound otherwise."""
    found = db.session.get(SheetCheck, job_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound
    return found.job


def results_of(job: Job, limit: int | None = None) -> Iterator[list[Any]]:
    """The rows that were checked, in order."""
    count = 0
    asked = (
        select(JobItem.result)
        .where(JobItem.job_id == job.id, JobItem.state == ItemState.DONE)
        .order_by(JobItem.position)
    )
    for result in db.session.scalars(asked):
        for row in result.get("rows", []):
            if limit is not None and count >= limit:
                return
            count += 1
            yield row


def counts_of(job: Job) -> dict[str, int]:
    """How many rows came out in each state."""
    found: dict[str, int] = {}
    for row in results_of(job):
        found[row[2]] = found.get(row[2], 0) + 1
    return found


def result_file(job: Job, english: bool) -> bytes:
    """The result spreadsheet."""
    headings = [_("Certificate number"), _("Full name"), _("State"), _("Level"), _("Issued by"), _("Date of issue"), _("Valid until"), _("Query number")]  # fmt: skip
    return excel([str(h) for h in headings], _lines(job, english), _("Check of a spreadsheet"))


def _lines(job: Job, english: bool) -> Iterable[list[Any]]:
    for number, name, state, level_zh, level_en, issuer_zh, issuer_en, issued, until, query in results_of(job):
        yield [number, name, str(LABELS[state]), level_en if english else level_zh, issuer_en if english else issuer_zh, issued, until, query]  # fmt: skip


def forget(now: datetime) -> int:
    """What sheets held is not kept longer than thirty days; the checks themselves stay in the history."""
    old = select(Job.id).where(Job.kind == KIND, Job.created_at < now - KEPT)
    gone = db.session.execute(delete(JobItem).where(JobItem.job_id.in_(old)))
    db.session.execute(delete(SheetCheck).where(SheetCheck.job_id.in_(old)))
    db.session.execute(delete(Job).where(Job.id.in_(old)))
    return gone.rowcount  # type: ignore[attr-defined]
