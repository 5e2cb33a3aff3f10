"""``flask backup``: everything the site holds, in one file and back."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from app.core import clock

group = AppGroup("backup", help="Backup: rows and files in one archive, and back into an empty database.")


@group.command("create")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def create_command(file: Path) -> None:
    """Write all rows and files to FILE (.tar.gz). The site may go on working meanwhile.

    The secrets of the environment and the signing key are not in it: keep them elsewhere, it cannot be used without.
    """
    from app.admin.backup import BackupRefused, create

    try:
        made = create(file, now=clock.now())
    except BackupRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"{file}: {made.total} rows in {len(made.rows)} tables, {made.files} files")


@group.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
def restore_command(file: Path) -> None:
    """Fill an empty database and an empty storage from FILE. Stop web and worker first."""
    from app.admin.backup import BackupRefused, restore

    try:
        done = restore(file)
    except BackupRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(f"restored {done.total} rows and {done.files} files as of {done.made_at}; start web and worker again")
