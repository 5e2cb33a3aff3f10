"""The log of answers: adding to it, and reading what is in force. One row for each step, and nothing of it stored twice.

On PostgreSQL steps go in and come out as one JSON value, so that a paper of eighty questions is one row to the driver.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, SmallInteger, bindparam, cast, column, func, select, true
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db, is_sqlite
from app.exams.models import FATE_CODES, FATES, Fate, SittingStep

STEPS: Any = SittingStep.__table__


class Logged(NamedTuple):
    """A step as it stands in the log, as far as a replay looks at it."""

    question: int
    epoch: int
    counter: int
    fate: Fate
    answer: Any


class InForce(NamedTuple):
    """The answer in force for one question."""

    epoch: int
    counter: int
    answer: Any


# --- reading ---------------------------------------------------------------------------------------------------------------


def in_force(steps: Iterable[Any], *, late_counts: bool) -> dict[int, InForce]:
    """Place → the greatest (epoch, counter) among the steps that count. Pure."""
    newest: dict[int, InForce] = {}
    for step in steps:
        if step.fate is not Fate.APPLIED and not (step.fate is Fate.LATE and late_counts and step.answer is not None):
            continue
        known = newest.get(step.question)
        if known is None or (known.epoch, known.counter) < (step.epoch, step.counter):
            newest[step.question] = InForce(step.epoch, step.counter, step.answer)
    return newest


def replay(steps: Iterable[Any], *, late_counts: bool) -> dict[int, Any]:
    """Place → answer in force. Pure."""
    return {place: one.answer for place, one in in_force(steps, late_counts=late_counts).items()}


def as_one_value(sitting: Any) -> Any:
    """PostgreSQL: the whole log of one sitting as one JSON value, for :func:`read`; a scalar subquery."""
    s = STEPS.c
    row = func.json_build_array(s.question, s.epoch, s.counter, cast(s.fate, SmallInteger), s.answer)
    return select(func.json_agg(row)).where(s.sitting_id == sitting).scalar_subquery()


def read(value: list[list[Any]] | None) -> list[Logged]:
    """What :func:`as_one_value` gave."""
    return [
        Logged(question, epoch, counter, FATES[fate], answer) for question, epoch, counter, fate, answer in value or ()
    ]


@cache
def _whole() -> Any:
    return select(as_one_value(bindparam("sitting", type_=Integer)))


@cache
def _rows() -> Any:
    s = STEPS.c
    return select(s.question, s.epoch, s.counter, s.fate, s.answer).where(s.sitting_id == bindparam("sitting"))


def steps_of(sitting_id: int) -> list[Any]:
    """All steps of one sitting, in no order."""
    if is_sqlite(db.session.get_bind()):
        return list(db.session.execute(_rows(), {"sitting": sitting_id}))
    return read(db.session.scalar(_whole(), {"sitting": sitting_id}))


# --- adding ----------------------------------------------------------------------------------------------------------------


def as_given(question: int, counter: int, answer: Any, at_ms: int, fate: Fate) -> dict[str, Any]:
    """A step as the statements below take it."""
    return {"question": question, "counter": counter, "answer": answer, "at_ms": at_ms, "fate": FATE_CODES[fate]}


def added_to(held: Any = None) -> Any:
    """PostgreSQL: the INSERT that adds ``given`` to the log of the sitting whose ``id`` a query gives (none, and nothing is added),
    or the parameter ``sitting``; what is there already stays as it is. Takes ``given``, ``at_epoch``, ``now``."""
    number, small = Integer(), SmallInteger()
    given = (
        func.jsonb_to_recordset(bindparam("given", type_=postgresql.JSONB))
        .table_valued(
            column("question", small), column("counter", number), column("answer", postgresql.JSONB),
            column("at_ms", number), column("fate", small), name="given",
        )
        .render_derived(with_types=True)
    )  # fmt: skip
    g, epoch, now = given.c, bindparam("at_epoch", type_=small), bindparam("now", type_=STEPS.c.arrived_at.type)
    sitting = bindparam("sitting", type_=number) if held is None else held.c.id
    chosen = select(now, sitting, g.counter, g.at_ms, epoch, g.question, cast(g.fate, STEPS.c.fate.type), g.answer)
    names = ["arrived_at", "sitting_id", "counter", "at_ms", "epoch", "question", "fate", "answer"]
    rows = chosen.select_from(given if held is None else held.join(given, true()))
    return postgresql.insert(STEPS).from_select(names, rows).on_conflict_do_nothing()


@cache
def _added() -> Any:
    return added_to()


@cache
def _added_rows() -> Any:
    """SQLite: made once per process, since making it costs more than sending it."""
    return sqlite.insert(STEPS).on_conflict_do_nothing()


def add(sitting_id: int, epoch: int, given: list[dict[str, Any]], now: Any) -> None:
    """Add steps that are not in the log yet, inside a unit of work that holds the sitting."""
    if is_sqlite(db.session.get_bind()):
        own = {"sitting_id": sitting_id, "epoch": epoch, "arrived_at": now}
        db.session.execute(_added_rows(), [{**one, **own, "fate": FATES[one["fate"]]} for one in given])
    else:
        values = {"sitting": sitting_id, "at_epoch": epoch, "now": now, "given": given}
        db.session.execute(_added(), values)


__all__ = ["InForce", "Logged", "add", "added_to", "as_given", "as_one_value", "in_force", "read", "replay", "steps_of"]
