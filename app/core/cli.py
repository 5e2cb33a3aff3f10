"""``flask db``: migrations. ``flask clock``: move the clock of the demonstration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

from app.core import clock
from app.db import db

if TYPE_CHECKING:  # imported where it is used: a web process of 150 MB need not hold it
    from alembic.config import Config as Alembic

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
group = AppGroup("db", help="The database: migrate it, write a migration.")


def alembic(connection: Any = None) -> Alembic:
    """Alembic's configuration; with a connection it uses that one."""
    from alembic.config import Config as Alembic

    made = Alembic()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option(
        "file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d_%%(rev)s_%%(slug)s"
    )
    made.set_main_option("truncate_slug_length", "60")
    if connection is not None:
        made.attributes["connection"] = connection
    return made


@group.command("up")
def up() -> None:
    """Migrate to the newest state and load the shipped rules that are missing."""
    from alembic import command

    command.upgrade(alembic(), "head")
    from app.core.start import load_shipped

    load_shipped()
    click.echo("database is up to date")


@group.command("down")
@click.argument("revision")
def down(revision: str) -> None:
    """Go back to REVISION ("base" for empty)."""
    from alembic import command

    command.downgrade(alembic(), revision)


@group.command("new")
@click.argument("message")
@click.option("--only", multiple=True, metavar="FEATURE", help="Look at the tables of this feature only (repeat it).")
@click.option("--rev", help="Give the revision this id.")
def new(message: str, only: tuple[str, ...], rev: str | None) -> None:
    """Write a migration from the difference between models and database; read it before you commit it."""
    from alembic import command

    command.upgrade(alembic(), "head")
    settings = alembic()
    settings.attributes["only"] = only
    command.revision(settings, message, autogenerate=True, rev_id=rev)
    db.session.rollback()


@click.command("clock", context_settings={"ignore_unknown_options": True})
@click.argument("shift", required=False)
def clock_command(shift: str | None) -> None:
    """Show the clock, move it (+5d, -2h, +90m, +30s) or set it right again (reset). Not in production."""
    try:
        if shift == "reset":
            clock.set_offset(timedelta())
        elif shift:
            clock.move(clock.parse_shift(shift))
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None
    except clock.ClockFixed:
        raise click.ClickException("the clock cannot be moved in production") from None
    click.echo(f"{clock.local(clock.now()):%Y-%m-%d %H:%M:%S} (moved by {clock.offset()})")


commands = [group, clock_command]
