"""Keeping a report: the figures of a period frozen with their definitions, drawn again and compared, made into a PDF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select

from app.accounts.models import Organisation, Person
from app.accounts.scope import reach_of
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.core.text import chinese
from app.db import db
from app.files.models import StoredFile
from app.files.service import delete_file
from app.jobs.models import Job, JobItem
from app.jobs.service import enqueue
from app.outline.service import level_names
from app.reporting.catalogue import BLOCKS, kind_labels
from app.reporting.deeds import Did
from app.reporting.figures import Asked, Counted, Scope, count_all
from app.reporting.models import Report
from app.reporting.words import scope_name
from certificates.snapshot import fingerprint, plain

MAKE, DRAW = "reporting.report", "reporting.figures"
DRAWN_DAYS = 7
"""So long a PDF of figures can be taken; it can be drawn again at any time."""
FORMAT = "report/1"


class PeriodCrossed(Invalid):
    message = _l("The end of the period lies before its beginning.")


class NotOverYet(Invalid):
    message = _l("A report is kept of days that are over: its cut-off day is yesterday at the latest.")


class ChooseScope(Invalid):
    message = _l("Please choose one region or one base: a report is kept of one.")


def asked_of(scope: Scope, since: date, on: date, rank: int | None) -> Asked:
    return Asked(since, on, scope.regions, scope.bases, rank)


def keep(
    scope: Scope, since: date, on: date, rank: int | None, *, title: str = "", by: Person, now: datetime
) -> Report:
    """Freeze the figures and have the PDF made. Raises PeriodCrossed, NotOverYet, ChooseScope."""
    if not scope.single:
        raise ChooseScope("scope")
    if on < since:
        raise PeriodCrossed("on")
    if on >= clock.local_date(now):
        raise NotOverYet("on")
    body = drawn(asked_of(scope, since, on, rank), scope)
    made = Report(
        title=title[:160] or usual_title(since, on), since=since, until=on, rank=rank, body=body, fingerprint=fingerprint(body),
        region_id=scope.region.id if scope.region else None, made_at=now, made_by_id=by.id,
        organisation_id=scope.organisation.id if scope.organisation else None,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the job names it by its id
    made.job_id = enqueue(
        MAKE, [{"report": made.id, "label": made.title}], by=by, title=_l("Statistical report as PDF")
    ).id
    record(Did.KEEP_REPORT, made, by=by, more={"since": since, "until": on, "fingerprint": made.fingerprint})
    return made


def draw(scope: Scope, asked: Asked, *, by: Person, now: datetime) -> Job:
    """Have the figures of the page made into a PDF. They are drawn here, once: the document shows what the page showed."""
    body = drawn(asked, scope)
    job = enqueue(
        DRAW, [{"label": f"{asked.since} – {asked.on}"}], by=by, title=_l("Figures as PDF"),
        params={"body": body, "fingerprint": fingerprint(body), "made_at": now.isoformat(), "over": asked.on < clock.local_date(now)},
    )  # fmt: skip
    record(Did.DRAW_FIGURES, job, by=by, more={"since": asked.since, "on": asked.on, "scope": scope.code or "all"})
    return job


def drawing_for(reader: Person, job_id: int) -> tuple[Job, StoredFile | None]:
    """A PDF the reader has asked for: its job, and the file once it is there. Raises NotFound."""
    job = db.session.scalar(select(Job).where(Job.id == job_id, Job.kind == DRAW, Job.by_id == reader.id))
    if job is None:
        raise NotFound
    result = db.session.scalar(select(JobItem.result).where(JobItem.job_id == job.id).limit(1)) or {}
    return job, db.session.get(StoredFile, result["file"]) if "file" in result else None


def forget_drawings(now: datetime) -> int:
    """Take away PDFs of figures whose days are over; what was drawn stays with the job for the log."""
    asked = select(JobItem).join(Job, Job.id == JobItem.job_id).where(
        Job.kind == DRAW, Job.ended_at < now - timedelta(days=DRAWN_DAYS), JobItem.result["file"].as_integer().is_not(None)
    )  # fmt: skip
    gone = 0
    for item in db.session.scalars(asked):
        stored = db.session.get(StoredFile, item.result.get("file", 0))
        item.result = {}
        if stored is not None:
            delete_file(stored)
            gone += 1
    return gone


def usual_title(since: date, on: date) -> str:
    """Reports are official papers: their title is Chinese."""
    if (since.month, since.day, on.month, on.day) == (1, 1, 12, 31) and since.year == on.year:
        return f"{since.year} 年度技术经理人培训认证统计报告"
    return f"技术经理人培训认证统计报告（{since:%Y-%m-%d} 至 {on:%Y-%m-%d}）"


def drawing_title(body: Mapping[str, Any]) -> str:
    return f"技术经理人培训认证统计（{body['since'][:10]} 至 {body['until'][:10]}）"


def drawn(asked: Asked, scope: Scope) -> dict[str, Any]:
    """The figures as plain values, with their words in both languages."""
    found = count_all(BLOCKS, asked)
    words = {}
    for language in ("zh_Hans", "en"):
        with force_locale(language):
            words["zh" if language == "zh_Hans" else "en"] = _words(found, scope)
    blocks = [
        {
            "key": block.key,
            "figures": [
                {
                    "key": one.figure.key, "total": one.total, "rows": one.rows,
                    "share": None if one.share is None else Decimal(str(round(one.share, 4))),
                    "kinds": dict(one.kinds) if one.figure.kinds is not None else {},
                    "levels": {str(k): v for k, v in one.levels.items()},
                }
                for one in figures
            ],
        }
        for block, figures in found
    ]  # fmt: skip
    made: dict[str, Any] = plain(
        {
            "format": FORMAT,
            "since": asked.since,
            "until": asked.on,
            "rank": asked.rank,
            "words": words,
            "blocks": blocks,
        }
    )
    return made


def _words(found: list[tuple[Any, list[Counted]]], scope: Scope) -> dict[str, Any]:
    return {
        "scope": scope_name(scope),
        "levels": {str(k): str(v) for k, v in level_names().items()},
        "blocks": {block.key: str(block.label) for block, _figures in found},
        "figures": {
            one.figure.key: {
                "label": str(one.figure.label), "definition": str(one.figure.definition), "unit": str(one.figure.unit or ""),
                "kinds": {k: str(v) for k, v in kind_labels(one.figure).items() if k in one.kinds},
            }
            for _block, figures in found
            for one in figures
        },
    }  # fmt: skip


def reports_visible_to(reader: Person) -> Select[Any]:
    """Reports of scopes the reader may see."""
    reach, one = reach_of(reader, Can.READ_REPORT), Report
    asked = select(one)
    if reach.site:
        return asked
    inside = select(Organisation.id).where(Organisation.region_id.in_(reach.regions))
    return asked.where(
        or_(
            one.region_id.in_(reach.regions),
            one.organisation_id.in_(reach.organisations),
            one.organisation_id.in_(inside),
        )
    )


def report_for(reader: Person, report_id: int) -> Report:
    """Raises NotFound for "not there" and "not yours" alike."""
    found: Report | None = db.session.scalar(reports_visible_to(reader).where(Report.id == report_id))
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class Difference:
    """A figure that comes out otherwise than it was kept."""

    label: str
    then: str
    now: str


def compared(report: Report) -> list[Difference]:
    """Draw the report again and say which figures differ: none, unless what it rests on was corrected since."""
    scope = scope_of(report)
    again = drawn(asked_of(scope, report.since, report.until, report.rank), scope)
    language = "zh" if chinese() else "en"
    words = report.body["words"][language]["figures"]
    before, after = _flat(report.body), _flat(again)
    made = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            figure, part = key
            label = words.get(figure, {}).get("label", figure)
            told = words.get(figure, {}).get("kinds", {}).get(part, part)
            made.append(Difference(f"{label} · {told}" if part else label, before.get(key, "0"), after.get(key, "0")))
    return made


def _flat(body: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    made: dict[tuple[str, str], str] = {}
    for block in body["blocks"]:
        for one in block["figures"]:
            made[(one["key"], "")] = str(one["total"])
            made |= {(one["key"], kind): str(n) for kind, n in one["kinds"].items()}
    return made


def scope_of(report: Report) -> Scope:
    """The scope a report was kept of."""
    if report.region is not None:
        return Scope(f"r{report.region_id}", frozenset({report.region.id}), None, region=report.region)
    if report.organisation is not None:
        return Scope(
            f"o{report.organisation_id}", None, frozenset({report.organisation.id}), organisation=report.organisation
        )
    return Scope("site", None, None)


def flat_rows(body: Mapping[str, Any], language: str) -> list[list[Any]]:
    """The figures one a line, for a spreadsheet: block, figure, told apart by, what, number, unit, definition."""
    words = body["words"]["en" if language == "en" else "zh"]
    rows: list[list[Any]] = []
    for block in body["blocks"]:
        for one in block["figures"]:
            said = words["figures"][one["key"]]
            head = [words["blocks"][block["key"]], said["label"]]
            rows.append([*head, "", "", _number(one["total"]), said["unit"], said["definition"]])
            rows += [
                [*head, _("level"), words["levels"].get(k, k), _number(n), said["unit"], ""]
                for k, n in one["levels"].items()
            ]
            rows += [
                [*head, _("kind"), said["kinds"].get(k, k), _number(n), said["unit"], ""]
                for k, n in one["kinds"].items()
            ]
    return rows


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value
