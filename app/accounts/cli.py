"""``flask accounts`` and ``flask keys rotate-data``."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from app.accounts import rotation, service, signing
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Refused
from app.core.keys import group as keys
from app.core.permissions import Role
from app.db import unit_of_work

group = AppGroup("accounts", help="People and their accounts.")


@group.command("create-admin")
@click.argument("email")
@click.argument("name")
def create_admin(email: str, name: str) -> None:
    """Make the first administrator of the whole site; prints a link that works once to choose a password."""
    now = clock.now()
    try:
        with unit_of_work():
            person = service.person_by_email(email) or service.register(
                email=email, name=name, now=now, confirmed=True, password=""
            )
            if not any(r.role is Role.ADMIN and r.ended_at is None for r in person.roles):
                service.grant_role(person, Role.ADMIN, by=None, now=now)
            token = signing.invite(person, by=None, now=now)
    except Refused as refused:
        raise click.ClickException(str(refused.text)) from None
    click.echo(f"{settings().PUBLIC_URL}/reset/{token}")


@keys.command("rotate-data")
@click.option("--batch", default=100, show_default=True, help="Rows per transaction.")
def rotate_data(batch: int) -> None:
    """Seal personal data again with the first DATA_KEY. Run it after putting a new key in front of the old ones; when
    it reports nothing left, the old keys may go."""
    done, left = rotation.rotate(batch=batch)
    click.echo(f"sealed again: {done}; left: {left}")
    if left:
        raise click.ClickException("some values could not be opened: keep the old keys")


def init_app(app: Flask) -> None:
    app.cli.add_command(keys)
