"""Figures for the bureau: holders on a day, and what was issued and decided month by month.

Everything is counted from editions and decisions, which are only ever added to; so the figures of a past day come out the same
whenever they are asked for. Certificates issued before the platform are told apart, since a list may be taken over later.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.accounts.models import Person, Region
from app.accounts.scope import within
from app.certification.models import Certificate, Edition, StatusChange
from app.certification.states import Change, EditionKind
from app.core.clock import LOCAL, end_of, start_of
from app.core.permissions import Can
from app.db import db

DECISIONS = (Change.SUSPEND, Change.RESTORE, Change.REVOKE, Change.CANCEL, Change.REINSTATE)
DEEDS = ("first", "renewal", "correction", "reprint", *(c.value for c in DECISIONS))
"""What is counted month by month: kinds of editions, then kinds of decisions."""
RESTORING = (Change.RESTORE, Change.REINSTATE)


@dataclass
class Figures:
    """``valid``: (region id, rank, earlier) → holders on the day. ``months``: month → deed → how many. ``levels``: deed → rank →
    how many, ``regions``: deed → region id → how many, of the same period."""

    on: date
    since: date
    valid: dict[tuple[int, int, bool], int] = field(default_factory=dict)
    months: dict[str, dict[str, int]] = field(default_factory=dict)
    levels: dict[str, dict[int, int]] = field(default_factory=dict)
    regions: dict[str, dict[int, int]] = field(default_factory=dict)

    def valid_of(self, *, rank: int | None = None, region_id: int | None = None, earlier: bool | None = None) -> int:
        """Holders on the day, of a level, a region, from before the platform or not."""
        return sum(
            n
            for (where, level, before), n in self.valid.items()
            if rank in (None, level) and region_id in (None, where) and earlier in (None, before)
        )


def figures(by: Person, on: date, since: date, *, region_id: int | None = None) -> Figures:
    """The figures of a day, and of the months from ``since`` to it, for the officer's regions (or one of them)."""
    made = Figures(on, since, valid=_valid(by, on, region_id))
    months: dict[str, dict[str, int]] = {m: dict.fromkeys(DEEDS, 0) for m in _months(since, on)}
    levels: dict[str, dict[int, int]] = {d: defaultdict(int) for d in DEEDS}
    regions: dict[str, dict[int, int]] = {d: defaultdict(int) for d in DEEDS}
    for deed, month, rank, region, n in [*_editions(by, on, since, region_id), *_decisions(by, on, since, region_id)]:
        months[month][deed] += n
        levels[deed][rank] += n
        regions[deed][region] += n
    made.months, made.levels, made.regions = months, levels, regions
    return made


def _reach(by: Person, region_id: int | None) -> Any:
    mine = within(by, Can.READ_CERTIFICATE, region=Certificate.region_id)
    return and_(mine, Certificate.region_id == region_id) if region_id else mine


def valid_on(on: date) -> Any:
    """Certificates with the edition of a day, where that had not ended and the last decision by then had not stopped them."""
    newest = (
        select(func.max(Edition.no))
        .where(Edition.certificate_id == Certificate.id, Edition.issued_on <= on)
        .correlate(Certificate)
        .scalar_subquery()
    )
    last = (
        select(func.max(StatusChange.decided_at))
        .where(
            StatusChange.certificate_id == Certificate.id,
            StatusChange.in_force.is_(True),
            StatusChange.decided_at < end_of(on),
        )
        .correlate(Certificate)
        .scalar_subquery()
    )
    standing = (
        select(StatusChange.id)
        .where(
            StatusChange.certificate_id == Certificate.id, StatusChange.in_force.is_(True), StatusChange.decided_at == last,
            StatusChange.kind.not_in(RESTORING),
        )
        .correlate(Certificate)
        .exists()
    )  # fmt: skip
    return (
        select(Certificate, Edition)
        .join(Edition, and_(Edition.certificate_id == Certificate.id, Edition.no == newest))
        .where(or_(Edition.valid_until.is_(None), Edition.valid_until >= on), ~standing)
    )


def _valid(by: Person, on: date, region_id: int | None) -> dict[tuple[int, int, bool], int]:
    columns = (Certificate.region_id, Certificate.rank, Certificate.earlier)
    asked = valid_on(on).where(_reach(by, region_id)).with_only_columns(*columns, func.count()).group_by(*columns)
    return {(region, rank, bool(before)): n for region, rank, before, n in db.session.execute(asked)}


def _months(since: date, on: date) -> list[str]:
    made, year, month = [], since.year, since.month
    while (year, month) <= (on.year, on.month):
        made.append(f"{year}-{month:02d}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return made


Row = tuple[str, str, int, int, int]


def _editions(by: Person, on: date, since: date, region_id: int | None) -> list[Row]:
    """Editions by kind and month of issue; what was taken over from lists was not issued here."""
    asked: Any = (
        select(Edition.kind, Edition.issued_on, Certificate.rank, Certificate.region_id, func.count())
        .join(Certificate, Certificate.id == Edition.certificate_id)
        .where(Edition.kind != EditionKind.PRIOR, Edition.issued_on.between(since, on), _reach(by, region_id))
        .group_by(Edition.kind, Edition.issued_on, Certificate.rank, Certificate.region_id)
    )
    return [(kind.value, f"{day:%Y-%m}", rank, region, n) for kind, day, rank, region, n in db.session.execute(asked)]


def _decisions(by: Person, on: date, since: date, region_id: int | None) -> list[Row]:
    asked: Any = (
        select(StatusChange.kind, StatusChange.decided_at, Certificate.rank, Certificate.region_id)
        .join(Certificate, Certificate.id == StatusChange.certificate_id)
        .where(
            StatusChange.in_force.is_(True), StatusChange.decided_at >= start_of(since), StatusChange.decided_at < end_of(on),
            _reach(by, region_id),
        )
    )  # fmt: skip
    return [
        (kind.value, f"{at.astimezone(LOCAL):%Y-%m}", rank, region, 1)
        for kind, at, rank, region in db.session.execute(asked)
        if at is not None
    ]


def regions_seen(by: Person) -> list[Region]:
    """Regions with certificates the officer may read."""
    mine = (
        select(Certificate.region_id).where(within(by, Can.READ_CERTIFICATE, region=Certificate.region_id)).distinct()
    )
    return list(db.session.scalars(select(Region).where(Region.id.in_(mine)).order_by(Region.code)))
