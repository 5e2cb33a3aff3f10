"""The database door: base model, column kinds, constraint names, and the unit of work."""

from __future__ import annotations

import enum
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import JSON, BigInteger, DateTime, Enum, Executable, Index, MetaData, String, Text, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect, Engine, Result
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, QueryableAttribute, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from app.core import clock

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Handed in and out with a time zone, stored in UTC on every engine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Hundredths(TypeDecorator[Decimal]):
    """An exact decimal with two places (points, hours, amounts in 万元), kept as a whole number of hundredths.

    SQLite has no decimal type; whole numbers add up exactly on both engines.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        exact = Decimal(value) * 100
        if exact != exact.to_integral_value():
            raise ValueError(f"{value} has more than two decimal places")
        return int(exact)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else (Decimal(value) / 100).quantize(Decimal("0.01"))


JsonDict = JSON().with_variant(JSONB(), "postgresql")


class Model(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: UtcDateTime,
        Decimal: Hundredths,
        dict: JsonDict,
        dict[str, Any]: JsonDict,
        list: JsonDict,
        list[Any]: JsonDict,
        list[str]: JsonDict,
        list[int]: JsonDict,
        str: String(400),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=False,
            length=40,
            values_callable=lambda kind: [m.value for m in kind],
        ),
    }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'id', None)}>"


@event.listens_for(Model.registry, "before_configured")
def _own_events(models: Any) -> None:
    """Give every attribute its events before the mapper asks whether it has them: to answer "no", SQLAlchemy would make the
    attribute's expression in a query, 5 MB for all columns of all tables, of which a process uses a part."""
    slot, events = (vars(QueryableAttribute)[name] for name in ("_slots_dispatch", "dispatch"))
    for attribute in (attribute for mapper in models.mappers for attribute in mapper.class_manager.values()):
        try:
            slot.__get__(attribute)
        except AttributeError:
            slot.__set__(attribute, events.dispatch._for_instance(attribute))


pk = Annotated[int, mapped_column(primary_key=True)]
stamp = Annotated[datetime, mapped_column(UtcDateTime, default=clock.now)]
long_text = Annotated[str, mapped_column(Text)]


class Work(Session):
    """The session of a request, a job, a command."""


db = SQLAlchemy(session_options={"expire_on_commit": False, "class_": Work})

M = TypeVar("M", bound=Model)


WRITING: dict[str, dict[str, Any]] = {
    "sqlite": {"writes": True},  # BEGIN IMMEDIATE, see below
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One user action, one transaction.

    Ends the reading transaction (rows read before are read again inside), takes the write lock where the engine
    has only one (SQLite: BEGIN IMMEDIATE), commits at the end, rolls everything back on any exception.
    Services never open one; views, jobs and commands do. It does not nest.
    """
    session = db.session
    if session.info.get("unit_of_work"):
        raise RuntimeError("a unit of work is open already: services compose, only the caller opens one")
    session.rollback()
    session.connection(execution_options=WRITING[session.get_bind().dialect.name])
    session.info["unit_of_work"] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("unit_of_work", None)


@contextmanager
def one_line() -> Iterator[Session]:
    """For an action that looks something up and writes one row by one statement that rests on nothing it read.

    On PostgreSQL that statement is its own transaction, which saves BEGIN and COMMIT; on SQLite it is a unit of work.
    Rows are written by ``session.execute(insert(…))`` alone: a flush is refused.
    """
    session = db.session
    if session.info.get("unit_of_work"):
        yield session
    elif is_sqlite(session.get_bind()):
        with unit_of_work():
            yield session
    else:
        yield session


def rows(statement: Executable, values: dict[str, Any]) -> Result[*tuple[Any, ...]]:
    """Read by a statement on tables' columns (``Model.__table__.c``): no mapped rows, so nothing of the mapper is paid for.

    What the session holds and has not written yet is written first, as for any other read.
    """
    session = db.session
    if session.autoflush:
        session.flush()
    return session.execute(statement, values)


def locked(row: M) -> M:
    """The same row read again under a row lock: what a decision rests on. Use inside a unit of work."""
    from sqlalchemy import inspect

    identity = inspect(row).identity
    only = {"of": type(row)}  # not what is joined to it: PostgreSQL cannot lock the empty side of an outer join
    return db.session.get_one(type(row), identity, with_for_update=only, populate_existing=True)


ONE_STATE: dict[str, dict[str, Any]] = {"sqlite": {}, "postgresql": {"isolation_level": "REPEATABLE READ"}}


@contextmanager
def one_state() -> Iterator[Session]:
    """A transaction that only reads: all its statements, and streams, see the database in one state."""
    session = db.session
    if session.info.get("unit_of_work"):
        yield session
        return
    session.rollback()
    session.connection(execution_options=ONE_STATE[session.get_bind().dialect.name])
    try:
        yield session
    finally:
        session.rollback()


@event.listens_for(Work, "before_flush")
def _only_inside(session: Work, context: Any, instances: Any) -> None:
    """On PostgreSQL what is read outside a unit of work is read without a transaction, so nothing may be written there:
    it would be stored at once, half an action."""
    if not session.info.get("unit_of_work"):
        raise RuntimeError("something is written outside a unit of work")


def for_transactions() -> Engine:
    """The engine for code that opens transactions of its own (migrations, backup). On PostgreSQL the engine of requests
    reads without transactions: BEGIN and ROLLBACK cost two round trips, and a ROLLBACK makes psycopg forget every
    statement it has prepared."""
    return db.engine if is_sqlite(db.engine) else db.engine.execution_options(isolation_level="READ COMMITTED")


BUSY_ON_POSTGRES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available."""


def is_busy(error: DBAPIError) -> bool:
    """Did a transaction fail only because another one held its lock for too long? The same may succeed a moment later."""
    on_sqlite = getattr(error.orig, "sqlite_errorcode", None)
    if on_sqlite is not None:
        return on_sqlite & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # above stands why exactly
    return getattr(error.orig, "sqlstate", None) in BUSY_ON_POSTGRES


def is_sqlite(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "sqlite"


IDLE = 1.0


def ask_idle_connections(engine: Engine) -> None:
    """A connection that lay idle for more than a second is asked whether it still lives before it is used: what a
    ping at each request promises, without its round trip while the site is busy."""
    if is_sqlite(engine):
        return

    @event.listens_for(engine, "checkin")
    def returned(connection: Any, record: Any) -> None:
        record.info["returned"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get("returned", time.monotonic()) > IDLE:
            try:
                alive = engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as lost:
                raise DisconnectionError("the server has closed this connection") from lost
            if not alive:
                raise DisconnectionError("the server does not answer on this connection")


@event.listens_for(Engine, "connect")
def _tune_sqlite(connection: Any, record: Any) -> None:
    if type(connection).__module__.split(".")[0] != "sqlite3":
        return
    connection.isolation_level = None  # we say BEGIN ourselves, see below
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if is_sqlite(connection):
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


__all__ = [
    "Hundredths",
    "Index",
    "JsonDict",
    "Model",
    "UtcDateTime",
    "date",
    "db",
    "is_busy",
    "locked",
    "long_text",
    "one_line",
    "pk",
    "rows",
    "stamp",
    "unit_of_work",
]
