"""``flask keys create|rotate|install|adopt|show`` and ``flask publish``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import select

from app.accounts.models import Region
from app.accounts.service import regions
from app.certification import keyring, lists, publishing
from app.certification.proof_models import IssuerKey, KeyKind
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Refused
from app.core.keys import group as keys
from app.db import db, unit_of_work

TRIAL = (
    "注意：PDF 签名证书由本平台自建的试用根证书签发，只供演示与试用，其他软件不会信任它。"
    "可靠的电子签章须使用持牌电子认证机构签发的证书（flask keys install）。\n"
    "Note: the signer of PDF files comes from this platform's own trial authority, for demonstrations and trials; no other "
    "software trusts it. A reliable electronic seal needs the certificate of a licensed authority (flask keys install)."
)
for_whom = click.option(
    "--region", "code", default=keyring.SITE, show_default=True, metavar="CODE",
    help="Code of the region whose authority signs, or “site”.",
)  # fmt: skip


@contextmanager
def _words() -> Iterator[None]:
    """Refusals as one line on the terminal."""
    from certificates.keys import KeyRefused

    try:
        yield
    except Refused as refusal:
        raise click.ClickException(str(refusal.text)) from None
    except KeyRefused as refusal:
        raise click.ClickException(str(refusal)) from None


def _authority(code: str) -> str:
    if code != keyring.SITE and db.session.scalar(select(Region.id).where(Region.code == code)) is None:
        known = ", ".join(one.code for one in regions())
        raise click.BadParameter(f"there is no region {code}; known: {known}", param_hint="--region")
    return code


def _told(rows: list[IssuerKey]) -> None:
    for row in rows:
        click.echo(f"{row.did}#{row.fragment}  {row.kind.value}  {row.file_name}  {row.valid_until:%Y-%m-%d}")
    if any(row.trial for row in rows):
        click.echo(TRIAL, err=True)
    publishing.refresh(clock.now(), changed=True)


@keys.command("create")
@for_whom
@click.option("--all", "everybody", is_flag=True, help="For the site and every region that has none yet.")
def create(code: str, everybody: bool) -> None:
    """Make an authority's two keys (credentials: Ed25519; PDF files: P-256) as encrypted files in SIGNING_P12."""
    with _words(), unit_of_work():
        if everybody:
            wanted = [keyring.SITE, *(one.code for one in regions())]
            made = [
                row
                for one in wanted
                if keyring.current(one, KeyKind.CREDENTIAL) is None and keyring.current(one, KeyKind.DOCUMENT) is None
                for row in keyring.create(one, now=clock.now())
            ]
        else:
            made = keyring.create(_authority(code), now=clock.now())
    _told(made)


@keys.command("rotate")
@for_whom
@click.option("--only", type=click.Choice([str(kind.value) for kind in KeyKind]), help="One of the two keys only.")
def rotate(code: str, only: str | None) -> None:
    """Put fresh keys in place of those that sign. The old ones stay listed: what they signed goes on verifying."""
    kinds = [KeyKind(only)] if only else list(KeyKind)
    with _words(), unit_of_work():
        made = keyring.rotate(_authority(code), kinds=kinds, now=clock.now())
    _told(made)


@keys.command("install")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@for_whom
@click.option("--password", prompt=True, hide_input=True, help="The file's own password.")
def install(file: Path, code: str, password: str) -> None:
    """Let the PKCS#12 file of a licensed authority sign an authority's PDF files from now on."""
    with _words(), unit_of_work():
        made = keyring.install(_authority(code), file.read_bytes(), password, now=clock.now())
    _told([made])


@keys.command("adopt")
@for_whom
def adopt(code: str) -> None:
    """Let the key on the token or at the signing service (SIGNING_PKCS11, SIGNING_REMOTE) sign from now on."""
    with _words(), unit_of_work():
        made = keyring.adopt(_authority(code), now=clock.now())
    _told([made])


@keys.command("show")
@click.option("--region", "code", metavar="CODE", help="One authority only.")
@click.option(
    "--trust", "as_trust", is_flag=True, help="As the file that “python -m certificates verify --trust” reads."
)
def show(code: str | None, as_trust: bool) -> None:
    """List the public part of every key, also of those that sign no more."""
    authority = _authority(code) if code else None
    if as_trust:
        click.echo(keyring.trust(authority).as_json())
        return
    for row in keyring.keys_of(authority):
        state = f"retired {row.retired_at:%Y-%m-%d}" if row.retired_at else "signs"
        click.echo(
            f"{row.authority}  {row.kind.value}  {row.did}#{row.fragment}  {row.valid_from:%Y-%m-%d}–{row.valid_until:%Y-%m-%d}  "
            f"{state}{'  trial' if row.trial else ''}"
        )


@click.command("publish")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder; else PUBLISH_DIR.")
def publish(folder: Path | None) -> None:
    """Write did documents and status lists as files for a web server or CDN; lists that are due are signed first."""
    target = folder or settings().PUBLISH_DIR
    if target is None:
        raise click.UsageError("name a folder with --to, or set PUBLISH_DIR")
    lists.sign_due(clock.now())
    written = publishing.publish(target)
    click.echo(f"{len(written)} files written, {len(publishing.pages())} in all: {target}")
    late = lists.late(clock.now())
    if late:
        raise click.ClickException(f"{len(late)} lists could not be signed: {late[0].problem}")


commands = [publish]
