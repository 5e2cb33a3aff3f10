"""``flask keys``: one group of commands for every kind of key; features hang theirs on it."""

from __future__ import annotations

import base64
import secrets

import click
from flask.cli import AppGroup

group = AppGroup("keys", help="Keys: fresh secrets, rotation, signing keys.")


@group.command("secrets")
def print_secrets() -> None:
    """Print a fresh SECRET_KEY, DATA_KEY and LOOKUP_KEY for the environment."""
    for name in ("SECRET_KEY", "DATA_KEY", "LOOKUP_KEY"):
        click.echo(f"{name}={base64.b64encode(secrets.token_bytes(32)).decode()}")
