"""Alembic's door: the application's engine and models."""

from __future__ import annotations

from alembic import context
from flask import current_app

from app.db import Model, for_transactions

config = context.config


def run() -> None:
    connectable = config.attributes.get("connection") or for_transactions().connect()
    with connectable as connection:
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
            render_item=_render,
            include_object=_ours,
        )
        with context.begin_transaction():
            context.run_migrations()


def _ours(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
    """Leave the queue's own tables alone; with ``flask db new --only FEATURE`` look at that feature's tables only."""
    if kind != "table":
        return True
    if reflected and other is None:
        return not (name or "").startswith(("kv", "schedule", "task", "huey")) and not config.attributes.get("only")
    only = config.attributes.get("only")
    return not only or feature_of(name or "") in only


def feature_of(table: str) -> str | None:
    for mapper in Model.registry.mappers:
        if table in {t.name for t in mapper.tables}:
            return mapper.class_.__module__.split(".")[1]
    return None


def _render(kind: str, thing: object, autogen: object) -> str | bool:
    """Our own column kinds are written by the plain SQLAlchemy kinds they are stored as: migrations never import app."""
    from sqlalchemy import Enum

    from app.db import Hundredths, UtcDateTime

    if kind == "type":
        if isinstance(thing, UtcDateTime):
            return "sa.DateTime(timezone=True)"
        if isinstance(thing, Hundredths):
            return "sa.BigInteger()"
        if isinstance(thing, Enum):
            return f"sa.String(length={thing.length})"
        if type(thing).__name__ in ("JSON", "JSONB"):
            return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


assert current_app
run()
