"""``flask jobs``: do by hand what the worker does by itself."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.jobs import service

group = AppGroup("jobs", help="Background work.")


@group.command("run")
def run() -> None:
    """Do every waiting job and everything that goes by the clock, once."""
    taken = service.run_waiting()
    service.run_clockwork()
    click.echo(f"{taken} jobs done, {len(service.CLOCKWORK)} pieces of clockwork run")
