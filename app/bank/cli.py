"""``flask questions``: files of questions in and out."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.accounts.models import Person
from app.bank import exporting, pictures, service
from app.bank.models import Question
from app.core import clock
from app.db import db, unit_of_work
from question_bank.formats import formats, read

group = AppGroup("questions", help="The question bank: import and export files.")
KIND = click.Choice(formats())


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=KIND, required=True, help="What kind of file it is.")
@click.option("--by", "email", required=True, help="E-mail of the person who becomes author of the drafts.")
@click.option("--duplicates", is_flag=True, help="Take in questions whose text is there already.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, change nothing.")
def import_(file: Path, format_: str, email: str, duplicates: bool, dry_run: bool) -> None:
    """Take in FILE: new questions become drafts, known ones get a new revision."""
    reading = read(file.read_bytes(), format_)
    for refusal in reading.refusals:
        click.echo(f"refused: {refusal.text('en')}")
    for note in reading.notes:
        click.echo(f"noted: {note.text('en')}")
    author = db.session.scalar(select(Person).where(Person.email == email.lower()))
    if author is None:
        raise click.ClickException(f"nobody has the address {email}")
    if dry_run:
        done = service.look_through(pictures.from_file(reading.items, pictures.known_of(reading.pictures)))
    else:
        with unit_of_work():
            here = pictures.keep_read(pictures.brought(reading), by=author, now=clock.now())
            done = service.take_in(
                pictures.from_file(reading.items, here),
                by=author,
                now=clock.now(),
                note=file.name,
                duplicates=duplicates,
            )
    for code, other in done.duplicates.items():
        click.echo(f"duplicate: {code} repeats {other}")
    click.echo(", ".join(f"{name}: {count}" for name, count in done.counts().items())
               + f", refused: {len(reading.refusals)}")  # fmt: skip


@group.command("export")
@click.option("--format", "format_", type=KIND, required=True, help="What kind of file to write.")
@click.option(
    "--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; default: standard output."
)
@click.option("--level", type=int, help="Only questions of this level.")
def export(format_: str, out: Path | None, level: int | None) -> None:
    """Write the newest revisions of all questions; what the format cannot carry is told on standard error.

    QTI packages hold 800 questions each, as much as readers take; where there are more, the file is a zip of packages.
    """
    asked = select(Question.id).order_by(Question.code)
    if level is not None:
        asked = asked.where(Question.level == level)
    made = exporting.in_parts(list(db.session.scalars(asked)), format_)
    for loss in made.losses:
        click.echo(f"not carried: {loss}", err=True)
    if out is None:
        click.echo(made.data, nl=False)
    else:
        out.write_bytes(made.data)
        click.echo(f"written: {out}", err=True)
