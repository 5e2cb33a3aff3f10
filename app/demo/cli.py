"""``flask demo load``."""

from __future__ import annotations

import click
from flask.cli import AppGroup

group = AppGroup("demo", help="The demonstration data.")


@group.command("load")
def load() -> None:
    """Load the demonstration into an empty database (never in production)."""
    from app.core.clock import ClockFixed
    from app.demo.service import load_if_empty

    try:
        loaded = load_if_empty()
    except ClockFixed:
        raise click.ClickException("the demonstration is not loaded in production: its passwords are known") from None
    click.echo("the demonstration is loaded" if loaded else "the database is not empty: nothing was loaded")
