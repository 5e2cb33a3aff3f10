"""``flask performance recompute``."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask.cli import AppGroup

from app.performance.ledger import recompute

group = AppGroup("performance", help="The ledger of performance credit.")


@group.command("recompute")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Balances as of this day (default: today).")
@click.option("--balances", is_flag=True, help="List every balance.")
def recompute_command(on: datetime | None, balances: bool) -> None:
    """Compute every line and every balance again and say where the ledger does not agree (exit 1 then)."""
    found = recompute(on.date() if on else None)
    if balances:
        for person_id, points in found.balances.items():
            click.echo(f"person {person_id}: {points} points")
    for words in found.faults:
        click.echo(words, err=True)
    click.echo(
        f"{found.entries} entries, {len(found.balances)} balances: "
        + ("the ledger agrees" if found.agrees else f"{len(found.faults)} differences")
    )
    if not found.agrees:
        sys.exit(1)
