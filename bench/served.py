"""What granian serves while it is measured: the product without its limits, and the floor it is compared with."""

from __future__ import annotations

import os
import time
from typing import Any

from flask import Flask, g
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, insert, select

from bench.client import HASH


def site() -> Flask:
    """The product as it is; only counters of how often one address may ask are off, since all questions come from one."""
    from app import create_app

    made = create_app()
    made.config["RATELIMIT_ENABLED"] = False
    _tell_the_hash(made)
    return made


def _tell_the_hash(made: Flask) -> None:
    """CPU of the password hash of a request stands in its answer: a sign-in is told without it, whatever it cost just then."""
    from app.accounts import passwords

    check = passwords.check

    def counted(kept: str | None, typed: str) -> passwords.Answer:
        begun = time.thread_time()
        try:
            return check(kept, typed)
        finally:
            g.hash_ms = (time.thread_time() - begun) * 1000

    passwords.check = counted

    @made.after_request
    def told(response: Any) -> Any:
        if "hash_ms" in g:
            response.headers[HASH] = f"{g.hash_ms:.3f}"
        return response


TABLE = Table("bench_floor", MetaData(), Column("id", Integer, primary_key=True), Column("word", String(40)))


def _engine() -> Engine:
    import app.db  # its settings of a connection (WAL, synchronous=FULL, BEGIN) hold for the floor too

    assert app.db
    return create_engine(os.environ["DATABASE_URL"], pool_size=10)


def lay_floor() -> None:
    """The table of the floor, made once before the server's processes start."""
    engine = _engine()
    TABLE.metadata.create_all(engine)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(TABLE), [{"word": f"word {n}"} for n in range(1000)])
    engine.dispose()


def floor() -> Flask:
    """The least a page can do here: one select by primary key, or one insert and commit, through SQLAlchemy."""
    engine, table = _engine(), TABLE
    made = Flask(__name__)

    @made.get("/healthz")
    def healthz() -> str:
        return "ok"

    @made.get("/select/<int:key>")
    def one(key: int) -> Any:
        with engine.connect() as connection:
            return connection.execute(select(table.c.word).where(table.c.id == key)).scalar_one()

    @made.get("/insert")
    def more() -> Any:
        with engine.execution_options(writes=True).begin() as connection:
            return str(connection.execute(insert(table).values(word="more")).inserted_primary_key[0])

    return made
