"""Reading the rule in force, and saving a new version. Nothing is ever edited in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from flask import g, has_request_context
from flask_babel import gettext
from sqlalchemy import ScalarSelect, String, cast, func, select

from app.accounts.sessions import ask_with_each_page, asked
from app.audit.service import record
from app.core import clock
from app.core.errors import NotFound
from app.core.speech import language
from app.core.start import shipped
from app.core.text import day, percent
from app.core.workdays import Calendar
from app.db import db, rows, unit_of_work
from app.outline.deeds import Did
from app.outline.kinds import KINDS, Field, Kind
from app.outline.models import SYSTEM_DEFAULT, RuleVersion

BEGINNING = date(2020, 1, 1)
T = TypeVar("T")


def current(kind: str, key: str | int = "", *, region_id: int | None = None, on: date | None = None) -> RuleVersion:
    """The version in force on a day: the region's own where it has one, else the general one.

    Raises NotFound when there is none.
    """
    return in_session(_in_force(kind, key, region_id, on))


def _in_force(kind: str, key: str | int, region_id: int | None, on: date | None) -> RuleVersion:
    day = on or clock.today()
    for place in (region_id, 0) if region_id else (0,):
        running = [r for r in _all_versions().versions.get((kind, str(key), place or 0), ()) if r.effective_from <= day]
        if running:
            return max(running, key=lambda r: (r.effective_from, r.version))
    raise NotFound


@dataclass(frozen=True)
class _Kept:
    """All versions as they stood at a mark, by kind, key and region; and what was made of one, as far as somebody asked."""

    mark: Any = None
    versions: dict[tuple[str, str, int], list[RuleVersion]] = field(default_factory=dict)
    by_id: dict[int, RuleVersion] = field(default_factory=dict)
    made: dict[tuple[int, Callable[[RuleVersion], Any]], Any] = field(default_factory=dict)


_kept = _Kept()


@cache
def _mark() -> ScalarSelect[str]:
    """What changes when a version is added: one text, so that it can be read along with other things."""
    r = RuleVersion.__table__.c
    parts = (func.max(r.id), func.max(r.created_at), func.count(), func.sum(r.version))
    told = [func.coalesce(cast(part, String), "") for part in parts]
    return (
        select(told[0] + " " + told[1] + " " + told[2] + " " + told[3])
        .select_from(RuleVersion.__table__)
        .scalar_subquery()
    )


ask_with_each_page("rule_versions", _mark)


def _all_versions() -> _Kept:
    """Every version. Rows never change, so one look per request tells whether any was added."""
    global _kept
    memo = g if has_request_context() else None
    if memo is not None and "rule_versions" in memo:
        return memo.rule_versions
    known = None if memo is None or "rule_saved" in memo else asked("rule_versions")
    mark = (db.engine.url, known or read_mark())
    if _kept.mark != mark:
        made = _Kept(mark)
        for row in db.session.scalars(select(RuleVersion)):
            db.session.expunge(row)
            made.versions.setdefault((row.kind, row.key, row.region_key), []).append(row)
            made.by_id[row.id] = row
        _kept = made
    if memo is not None:
        memo.rule_versions = _kept
    return _kept


def mark() -> ScalarSelect[str]:
    """The mark of the versions as a column of another statement: see :func:`from_memory`."""
    return _mark()


def read_mark() -> str:
    """The mark as it is now, by a statement of its own."""
    return rows(select(_mark()), {}).scalar() or ""


def from_memory() -> bool:
    """Take the versions of this request from memory without asking; False where there is nothing yet.

    For pages that must do with one statement: that statement reads :func:`mark`, and :func:`still_true` is told of it.
    """
    if "rule_versions" in g:
        return False  # read in this request already
    if _kept.mark is None or _kept.mark[0] != db.engine.url:
        return False
    g.rule_versions = _kept
    return True


def still_true(told: str) -> bool:
    """Were the versions that this request took from memory those of ``told``? If not they are read at the next look."""
    if "rule_versions" in g and g.rule_versions.mark[1] == told:
        return True
    g.pop("rule_versions", None)
    return False


def history(kind: str, key: str = "", *, region_id: int | None = None) -> list[RuleVersion]:
    """The versions that concern a region, the region's own first, the newest first. They come from memory: read them
    only; :func:`in_session` gives one that a row can point to."""
    places = (region_id, 0) if region_id else (0,)
    kept = _all_versions().versions
    return [
        row
        for place in places
        for row in sorted(kept.get((kind, key, place), ()), key=lambda r: (r.effective_from, r.version), reverse=True)
    ]


def pinned(version_id: int) -> RuleVersion:
    """The version a row has pinned, from memory: read it only."""
    return _all_versions().by_id[version_id]


def in_session(version: RuleVersion) -> RuleVersion:
    """The same version as a row of this session."""
    return db.session.merge(version, load=False)


def remembered(version: RuleVersion, make: Callable[[RuleVersion], T]) -> T:
    """What ``make`` makes of a version, made once in this process: versions never change. It is shared: only read it."""
    made, key = _all_versions().made, (version.id, make)
    if key not in made:
        made[key] = make(version)
    return made[key]


def typed(rule: RuleVersion) -> dict[str, Any]:
    """The body of a version with Decimals and dates."""
    return KINDS[rule.kind].typed(rule.body)


def rule(kind: str, key: str | int = "", *, region_id: int | None = None, on: date | None = None) -> dict[str, Any]:
    """The typed body of the version in force. It is shared: do not change it."""
    return remembered(_in_force(kind, key, region_id, on), typed)


def save_version(
    kind: Kind,
    key: str,
    raw: Mapping[str, Any],
    *,
    by: Any,
    now: datetime,
    effective_from: date,
    region_id: int | None = None,
    basis: str = "",
    note: str = "",
) -> RuleVersion:
    """Save a new version of a rule. Raises kinds.BadRule naming the field. ``by`` is None only for shipped defaults."""
    made = RuleVersion(
        kind=kind.code,
        key=key,
        region_id=region_id,
        region_key=region_id or 0,
        version=1 + _last_version(kind.code, key, region_id),
        body=kind.clean(raw),
        mark="" if by else SYSTEM_DEFAULT,
        basis=basis,
        note=note,
        effective_from=effective_from,
        created_at=now,
        created_by_id=by.id if by else None,
    )
    db.session.add(made)
    if has_request_context():
        g.pop("rule_versions", None)
        g.rule_saved = True
    if by:
        record(Did.SAVE_RULE, made, by=by, reason=note, more={"kind": kind.code, "key": key, "version": made.version})
    return made


def _last_version(kind: str, key: str, region_id: int | None) -> int:
    return (
        db.session.scalar(
            select(func.max(RuleVersion.version)).where(
                RuleVersion.kind == kind, RuleVersion.key == key, RuleVersion.region_key == (region_id or 0)
            )
        )
        or 0
    )


def load_defaults(*, now: datetime) -> int:
    """Load every shipped default that is not there yet, marked 系统默认; how many. Safe to repeat."""
    there = {
        (r.kind, r.key)
        for r in db.session.execute(select(RuleVersion.kind, RuleVersion.key).where(RuleVersion.region_key == 0))
    }
    made = 0
    for one in KINDS.values():
        for key, body in (one.defaults or {}).items():
            if (one.code, key) not in there:
                save_version(one, key, body, by=None, now=now, effective_from=BEGINNING)
                made += 1
    return made


def versions(kind: str, key: str = "", region_id: int | None = None) -> list[RuleVersion]:
    """All versions of a rule, newest first."""
    return list(
        db.session.scalars(
            select(RuleVersion)
            .where(RuleVersion.kind == kind, RuleVersion.key == key, RuleVersion.region_key == (region_id or 0))
            .order_by(RuleVersion.version.desc())
        )
    )


def level_names(*, region_id: int | None = None, on: date | None = None) -> dict[int, str]:
    """Rank → name of the level in the reader's language."""
    column = "en" if language() == "en" else "zh"
    return {row["rank"]: row[column] for row in rule("levels", region_id=region_id, on=on)["levels"]}


def level_name(rank: int, *, region_id: int | None = None) -> str:
    return level_names(region_id=region_id).get(rank, str(rank))


def calendar(*, region_id: int | None = None, on: date | None = None) -> Calendar:
    """The working-day calendar in force."""
    days = rule("calendar", region_id=region_id, on=on)["days"]
    return Calendar(
        off=frozenset(d["day"] for d in days if not d["works"]), on=frozenset(d["day"] for d in days if d["works"])
    )


@shipped
def _load() -> None:
    with unit_of_work():
        load_defaults(now=clock.now())


def differences(kind: Kind, old: RuleVersion, new: RuleVersion) -> list[tuple[Any, str, str]]:
    """(label, old value, new value) of everything that differs between two versions of a rule."""
    found: list[tuple[Any, str, str]] = []
    for one in kind.fields:
        before, after = old.body.get(one.key), new.body.get(one.key)
        if before != after:
            found.append((one.label, shown(one, before), shown(one, after)))
    for table in kind.tables:
        rows = [old.body.get(table.key, []), new.body.get(table.key, [])]
        lines = [[" · ".join(shown(f, row.get(f.key)) for f in table.fields) for row in side] for side in rows]
        gone = [line for line in lines[0] if line not in lines[1]]
        come = [line for line in lines[1] if line not in lines[0]]
        if gone or come:
            found.append((table.label, "\n".join(gone) or "—", "\n".join(come) or "—"))
    return found


def shown(field: Field, value: Any) -> str:
    """A value of a rule in words."""
    if value is None or value == "":
        return "—"
    if field.type == "bool":
        return gettext("yes") if value else gettext("no")
    if field.type == "choice":
        return str({str(k): label for k, label in field.choices}.get(str(value), value))
    if field.type == "share":
        return percent(Decimal(value))
    return day(date.fromisoformat(value)) if field.type == "date" else str(value)
