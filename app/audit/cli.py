"""``flask audit``: seal the log, prove that it was not touched."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from app.audit import service
from app.core import clock
from app.db import unit_of_work

group = AppGroup("audit", help="The log of deeds: seal it, verify it.")


@group.command("verify")
def verify() -> None:
    """Recompute every hash, seal and signed head; exit 1 and name the faults where something was touched."""
    found = service.verify()
    click.echo(
        f"{found.entries} entries ({found.erased} with erased details, {found.unsealed} not sealed yet), "
        f"{found.seals} seals, {found.heads} signed heads"
    )
    for fault in found.faults:
        click.echo(f"FAULT: {fault}", err=True)
    click.echo("the log holds" if found.holds else "the log does not hold")
    sys.exit(0 if found.holds else 1)


@group.command("seal")
def seal() -> None:
    """Seal what is not sealed yet and sign the newest seal into the file outside the database."""
    with unit_of_work():
        while service.seal() is not None:
            pass
    click.echo(service.write_head(clock.now()) or "nothing to seal")
