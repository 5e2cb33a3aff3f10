"""签发密钥: which authority signs with which key. Rows hold the public part; the private part is an encrypted file.

The folder is ``SIGNING_P12``, its password ``SIGNING_P12_PASSWORD``; only the worker and ``flask keys`` open files in it.
An authority (the site, or the authority of a region) has one key that signs credentials and status lists and one that
signs PDF files. A rotation retires a key: it signs nothing new, and what it signed goes on proving itself.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person, Region
from app.accounts.service import regions
from app.audit.service import record
from app.certification import signers
from app.certification.deeds import Did
from app.certification.proof_models import IssuerKey, KeyKind
from app.core.crypto import settings
from app.core.errors import Refused
from app.db import db
from certificates import did
from certificates.trust import Trust

if TYPE_CHECKING:
    from certificates.keys import CredentialKey
    from certificates.signing import DocumentSigner

SITE = "site"
WARNING = timedelta(days=60)
"""How long before its end a key is warned of."""
TRIAL_AUTHORITY = "trial-authority.p12"
ELSEWHERE = ""
"""In place of a file's name: the private key is on a token or at a signing service."""


class NoKeys(Refused):
    message = _l(
        "%(authority)s has no signing key yet. Run “flask keys create --region %(code)s” where the worker runs."
    )


class NoFolder(Refused):
    message = _l("No folder of signing keys is set: SIGNING_P12 and SIGNING_P12_PASSWORD.")


class KeyFileGone(Refused):
    message = _l("The key file %(name)s is not in the folder of SIGNING_P12, or its password is another one.")


class NoSignerElsewhere(Refused):
    message = _l("Neither SIGNING_PKCS11 nor SIGNING_REMOTE is set, so there is no key to adopt.")


class KeysThere(Refused):
    message = _l("%(authority)s has keys already; “rotate” replaces them.")


class AddressMoved(Refused):
    message = _l(
        "PUBLIC_URL is %(now)s, but the keys there are were made for %(then)s. The address is part of every credential "
        "and stays as it is: set PUBLIC_URL back."
    )


class NeedsHttps(Refused):
    message = _l("Keys for real issue need a PUBLIC_URL that begins with https://; it is %(now)s.")


def authority_of(region: Region | None) -> str:
    """The code of an authority: the region's, or ``site``."""
    return region.code if region is not None else SITE


def did_for(authority: str) -> str:
    """The did an authority has at the present PUBLIC_URL."""
    return did.did_web(settings().PUBLIC_URL, None if authority == SITE else authority)


def name_of(authority: str) -> str:
    """What an authority is called in its certificates."""
    if authority == SITE:
        return settings().OPERATOR
    return db.session.scalar(select(Region.authority_zh).where(Region.code == authority)) or authority


def keys_of(authority: str | None = None) -> list[IssuerKey]:
    """Every key, or those of one authority: the ones that sign first, then by age."""
    asked = select(IssuerKey).order_by(
        IssuerKey.authority, IssuerKey.retired_at.is_not(None), IssuerKey.kind, IssuerKey.id.desc()
    )
    return list(db.session.scalars(asked if authority is None else asked.where(IssuerKey.authority == authority)))


def current(authority: str, kind: KeyKind) -> IssuerKey | None:
    """The key that signs now, if there is one."""
    return db.session.scalar(
        select(IssuerKey).where(
            IssuerKey.authority == authority, IssuerKey.kind == kind, IssuerKey.retired_at.is_(None)
        )
    )


# Making keys: inside a unit of work, by command or in the demonstration


def create(authority: str, *, now: datetime, by: Person | None = None) -> list[IssuerKey]:
    """Both keys of an authority. Raises KeysThere, AddressMoved, NeedsHttps, NoFolder."""
    _must_fit()
    if current(authority, KeyKind.CREDENTIAL) or current(authority, KeyKind.DOCUMENT):
        raise KeysThere(authority=name_of(authority))
    return [_new(authority, kind, now=now, by=by) for kind in KeyKind]


def rotate(
    authority: str, *, now: datetime, kinds: Iterable[KeyKind] = tuple(KeyKind), by: Person | None = None
) -> list[IssuerKey]:
    """Fresh keys in place of those that sign; the old ones stay listed. Raises NoKeys, AddressMoved, NoFolder."""
    _must_fit()
    made = []
    for kind in kinds:
        _retire(authority, kind, now=now, by=by)
        made.append(_new(authority, kind, now=now, by=by))
    return made


def install(authority: str, data: bytes, password: str, *, now: datetime, by: Person | None = None) -> IssuerKey:
    """Let a PKCS#12 file of a licensed certification authority sign the PDF files from now on.

    Raises KeyRefused for a file that cannot be used, NoFolder, AddressMoved.
    """
    from certificates.keys import certificates_in, relock

    _must_fit()
    _, ours = _folder()
    chain, locked = certificates_in(data, password), relock(data, password, ours)
    if current(authority, KeyKind.DOCUMENT) is not None:
        _retire(authority, KeyKind.DOCUMENT, now=now, by=by)
    return _store(authority, KeyKind.DOCUMENT, _fragment(authority, KeyKind.DOCUMENT, now), locked, chain=chain,
                  trial=False, now=now, by=by)  # fmt: skip


def adopt(authority: str, *, now: datetime, by: Person | None = None) -> IssuerKey:
    """Let the key on a token or at a signing service (``signers.elsewhere``) sign the PDF files from now on.

    Raises SignerMissing, NoSignerElsewhere, AddressMoved.
    """
    from certificates.keys import validity_of_pem

    _must_fit()
    there = signers.elsewhere(authority)
    if there is None:
        raise NoSignerElsewhere
    chain = list(there.certificates)
    begins, ends = validity_of_pem(chain[0])
    if current(authority, KeyKind.DOCUMENT) is not None:
        _retire(authority, KeyKind.DOCUMENT, now=now, by=by)
    return _row(authority, KeyKind.DOCUMENT, _fragment(authority, KeyKind.DOCUMENT, now), ELSEWHERE, (begins, ends),
                chain=chain, trial=False, now=now, by=by)  # fmt: skip


def make_missing(now: datetime) -> list[IssuerKey]:
    """The demonstration's keys: for the site and each of its regions, where they are missing."""
    made = []
    for authority in (SITE, *(one.code for one in regions())):
        made += [_new(authority, kind, now=now, by=None) for kind in KeyKind if current(authority, kind) is None]
    return made


def _must_fit() -> None:
    url = settings().PUBLIC_URL
    other = db.session.scalar(select(IssuerKey.public_url).where(IssuerKey.public_url != url).limit(1))
    if other is not None:
        raise AddressMoved(now=url, then=other)
    if not settings().clock_moves and not url.startswith("https://"):
        raise NeedsHttps(now=url)


def _retire(authority: str, kind: KeyKind, *, now: datetime, by: Person | None) -> None:
    old = current(authority, kind)
    if old is None:
        raise NoKeys(authority=name_of(authority), code=authority)
    old.retired_at = now
    db.session.flush()  # one key signs at a time: the old row goes first
    record(Did.RETIRE_KEY, old, by=by, more={"authority": authority, "key": old.fragment})


def _new(authority: str, kind: KeyKind, *, now: datetime, by: Person | None) -> IssuerKey:
    from certificates import keys

    folder, password = _folder()
    fragment = _fragment(authority, kind, now)
    name, named = name_of(authority), _did_kept(authority)
    trial = settings().clock_moves
    if kind is KeyKind.CREDENTIAL:
        data = keys.make_credential_key(named, fragment, password, now)
        return _store(authority, kind, fragment, data, trial=trial, now=now, by=by)
    data = keys.make_signer(_trial_authority(folder, password, now), password, name, named, password, now)
    chain = keys.certificates_in(data, password)
    return _store(authority, kind, fragment, data, chain=chain, trial=True, now=now, by=by)


def _did_kept(authority: str) -> str:
    """The did an authority has had from its first key on; the demonstration may meanwhile answer at another port."""
    kept = db.session.scalar(select(IssuerKey.did).where(IssuerKey.authority == authority).limit(1))
    return kept or did_for(authority)


def _fragment(authority: str, kind: KeyKind, now: datetime) -> str:
    stem = f"{'key' if kind is KeyKind.CREDENTIAL else 'pdf'}-{now.year}"
    taken = set(db.session.scalars(select(IssuerKey.fragment).where(IssuerKey.authority == authority)))
    return next(f"{stem}-{n}" for n in range(1, 10_000) if f"{stem}-{n}" not in taken)


def _store(
    authority: str,
    kind: KeyKind,
    fragment: str,
    data: bytes,
    *,
    trial: bool,
    now: datetime,
    by: Person | None,
    chain: list[str] | None = None,
) -> IssuerKey:
    from certificates.keys import load_credential_key, validity_of

    folder, password = _folder()
    name = f"{authority}-{fragment}-{secrets.token_hex(4)}.p12"
    _write(folder / name, data)
    shown = load_credential_key(data, password).published.multibase if kind is KeyKind.CREDENTIAL else ""
    return _row(authority, kind, fragment, name, validity_of(data, password), shown=shown, chain=chain or [],
                trial=trial, now=now, by=by)  # fmt: skip


def _row(
    authority: str,
    kind: KeyKind,
    fragment: str,
    file_name: str,
    holds: tuple[datetime, datetime],
    *,
    trial: bool,
    now: datetime,
    by: Person | None,
    shown: str = "",
    chain: list[str],
) -> IssuerKey:
    made = IssuerKey(
        authority=authority, kind=kind, did=_did_kept(authority), public_url=settings().PUBLIC_URL, fragment=fragment,
        multibase=shown, chain="".join(chain), file_name=file_name, trial=trial, valid_from=holds[0],
        valid_until=holds[1], created_at=now,
    )  # fmt: skip
    db.session.add(made)
    record(Did.MAKE_KEY, made, by=by, more={"authority": authority, "key": fragment, "did": made.did, "trial": trial})
    return made


def _folder() -> tuple[Path, str]:
    told = settings()
    if not told.SIGNING_P12 or not told.SIGNING_P12_PASSWORD:
        raise NoFolder
    folder = Path(told.SIGNING_P12)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder, told.SIGNING_P12_PASSWORD


def _write(path: Path, data: bytes) -> None:
    """A file that nobody else may read and that replaces none."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _trial_authority(folder: Path, password: str, now: datetime) -> bytes:
    from certificates.keys import make_trial_authority

    path = folder / TRIAL_AUTHORITY
    if not path.exists():
        _write(path, make_trial_authority(f"{settings().OPERATOR[:40]} 试用根证书", password, now))
    return path.read_bytes()


# Signing: the worker alone


def signing_row(authority: str, kind: KeyKind, now: datetime) -> IssuerKey:
    """The key that signs now. In the demonstration it is made when it is missing. Raises NoKeys."""
    found = current(authority, kind)
    if found is None and settings().clock_moves:
        found = _new(authority, kind, now=now, by=None)
        db.session.flush()  # what it signs names it by its id
    if found is None:
        raise NoKeys(authority=name_of(authority), code=authority)
    return found


def credential_key(region: Region | None, now: datetime) -> CredentialKey:
    """The private key that signs credentials and lists of an authority. Raises NoKeys, NoFolder, KeyFileGone."""
    return open_credential_key(signing_row(authority_of(region), KeyKind.CREDENTIAL, now))


def signer(region: Region | None, now: datetime) -> DocumentSigner:
    """What signs the PDF files of an authority, with the time-stamp authority that is set. Raises as above."""
    return open_signer(signing_row(authority_of(region), KeyKind.DOCUMENT, now))


def open_credential_key(row: IssuerKey) -> CredentialKey:
    """The private part of a row. Raises NoFolder, KeyFileGone."""
    return _opened(*_file(row), "credential", "")


def open_signer(row: IssuerKey, *, stamped: bool = True) -> DocumentSigner:
    """The signer of a row; ``stamped=False`` leaves the time-stamp authority out. Raises NoFolder, KeyFileGone,
    SignerMissing."""
    if row.file_name == ELSEWHERE:
        return _elsewhere(row, settings().TSA_URL or "" if stamped else "")
    return _opened(*_file(row), "document", settings().TSA_URL or "" if stamped else "")


def _elsewhere(row: IssuerKey, tsa_url: str) -> DocumentSigner:
    from certificates.timestamps import HttpTimeStamper

    found = signers.elsewhere(row.authority, timestamper=HttpTimeStamper(tsa_url) if tsa_url else None)
    if found is None:
        raise NoSignerElsewhere
    return found


def _file(row: IssuerKey) -> tuple[str, int]:
    path = _folder()[0] / row.file_name
    try:
        return str(path), path.stat().st_mtime_ns
    except OSError:
        raise KeyFileGone(name=row.file_name) from None


@lru_cache(maxsize=64)
def _opened(path: str, changed: int, kind: str, tsa_url: str) -> Any:
    """A key file is opened once in a process: decrypting it costs more than signing."""
    from certificates import keys, signing
    from certificates.timestamps import HttpTimeStamper

    password, data = _folder()[1], Path(path).read_bytes()
    try:
        if kind == "credential":
            return keys.load_credential_key(data, password)
        return signing.pkcs12_signer(data, password, timestamper=HttpTimeStamper(tsa_url) if tsa_url else None)
    except keys.KeyRefused as refusal:
        raise KeyFileGone(name=Path(path).name) from refusal


# What everybody may know


def document_of(authority: str) -> dict[str, Any] | None:
    """The did document of an authority with every key it ever had; None without keys."""
    rows = [row for row in keys_of(authority) if row.kind is KeyKind.CREDENTIAL]
    return _document(rows) if rows else None


def _document(rows: list[IssuerKey]) -> dict[str, Any]:
    return did.did_document(rows[0].did, [did.PublishedKey(row.fragment, row.multibase) for row in rows])


def trust(authority: str | None = None) -> Trust:
    """What a verifier of our certificates needs: did documents, with retired keys, and X.509 roots. Of all, or of one."""
    rows = keys_of(authority)
    by_did: dict[str, list[IssuerKey]] = {}
    for row in rows:
        if row.kind is KeyKind.CREDENTIAL:
            by_did.setdefault(row.did, []).append(row)
    roots = dict.fromkeys(root_of(row) for row in rows if row.chain)
    return Trust({name: _document(held) for name, held in by_did.items()}, tuple(roots))


def root_of(row: IssuerKey) -> str:
    """The last certificate of a chain, as PEM."""
    begin = "-----BEGIN CERTIFICATE-----"
    return begin + row.chain.rsplit(begin, 1)[1]


def ends_soon(row: IssuerKey, now: datetime) -> bool:
    """A key in use that ends within the time of warning, or has ended."""
    return row.retired_at is None and row.valid_until < now + WARNING
