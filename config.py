"""Settings: one typed object, read once from the environment, complete or not at all.

``APP_MODE`` decides how strict the reading is:

* ``production`` (default): every secret must be given; a missing one stops the start and is named.
* ``demo``: loopback only; secrets are made once under ``instance/`` and the clock can be moved.
* ``test``: like demo, with throw-away secrets.

A file ``.env`` beside this module is read first; the real environment wins.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from click import ClickException

ROOT = Path(__file__).resolve().parent


class Mode(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class HalfSet(ClickException):
    """The environment is incomplete or contradictory; ``problems`` says what, one line each. Commands print it as it is."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("cannot start:\n  " + "\n  ".join(problems))


@dataclass(frozen=True)
class Config:
    """Everything the product may be told from outside. Names equal the environment variables."""

    APP_MODE: Mode
    SECRET_KEY: str = field(repr=False)
    """Signs cookies and form tokens."""
    DATA_KEY: tuple[bytes, ...] = field(repr=False)
    """AES-256 keys for personal data; the first encrypts, the others still decrypt (rotation)."""
    LOOKUP_KEY: bytes = field(repr=False)
    """Key of the hashes by which encrypted values are found."""
    DATABASE_URL: str = field(repr=False)
    STORAGE_URL: str
    """Where files are kept: a folder, or any address fsspec understands (``s3://bucket/prefix``)."""
    PUBLIC_URL: str
    """The address people see; in QR codes, letters and credentials."""
    PORT: int = 8000
    REDIS_URL: str | None = field(default=None, repr=False)
    """Shared limits and queue when several machines serve; None keeps both in the database or process."""
    TRUSTED_PROXIES: int = 0
    """How many reverse proxies stand before us and may set X-Forwarded-For."""
    SMTP_URL: str | None = field(default=None, repr=False)
    """``smtp://user:password@host:587`` (STARTTLS), ``smtps://…:465``; None prints letters to the log (demo, test)."""
    MAIL_FROM: str = "no-reply@localhost"
    SIGNING_P12: str | None = None
    """Folder with the encrypted PKCS#12 files of the signing keys (one credential key and one document signer for each
    authority), made by ``flask keys create``. Only the worker opens them. None: nothing can be signed, certificates wait."""
    SIGNING_P12_PASSWORD: str | None = field(default=None, repr=False)
    """Opens every file in that folder."""
    SIGNING_PKCS11: str | None = None
    """Key of document signers on a token or HSM: ``/path/of/the/library.so;token=its label;label={authority}``."""
    SIGNING_PKCS11_PIN: str | None = field(default=None, repr=False)
    SIGNING_REMOTE: str | None = None
    """Address of a signing service (https) that signs hashes with the key called by the authority's code."""
    SIGNING_REMOTE_SECRET: str | None = field(default=None, repr=False)
    SIGNING_CHAINS: str | None = None
    """Folder with ``<authority>.pem``: certificate and chain of each document signer whose key is elsewhere."""
    TSA_URL: str | None = None
    """Time-stamp authority (RFC 3161) for the signatures of PDF files; None: the signer's own time."""
    PUBLISH_DIR: Path | None = None
    """Folder that ``flask publish`` and the worker keep did documents and status lists in, for a web server or CDN."""
    OPERATOR: str = "技术经理人培训认证平台运营方"
    """Who runs this site: shown in the foot and in the privacy statement."""
    CONTACT: str = "service@localhost"
    INSTANCE: Path = ROOT / "instance"
    VIDEO_MB: int = 500
    """The largest film a lesson may hold, in MB. A web server in front must let uploads of this size pass too."""
    EXEMPT_ADDRESSES: tuple[str, ...] = ()
    """Addresses of exam rooms: many people behind one, so not limited by address."""

    @property
    def demo(self) -> bool:
        return self.APP_MODE is Mode.DEMO

    @property
    def clock_moves(self) -> bool:
        """True where the clock may be moved (demonstration and tests)."""
        return self.APP_MODE is not Mode.PRODUCTION

    @property
    def second_factor(self) -> bool:
        """Staff must give a second factor everywhere but in the demonstration."""
        return self.APP_MODE is not Mode.DEMO


SECRETS = ("SECRET_KEY", "DATA_KEY", "LOOKUP_KEY")


def from_env(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings. Raises :class:`HalfSet` naming everything that is missing or wrong."""
    if environ is None:
        from dotenv import dotenv_values

        environ = {**{k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}, **os.environ}
    problems: list[str] = []
    try:
        mode = Mode(environ.get("APP_MODE", "production"))
    except ValueError:
        raise HalfSet([f"APP_MODE is {environ['APP_MODE']!r}; it must be demo, test or production"]) from None
    instance = Path(environ.get("INSTANCE") or ROOT / "instance").absolute()
    values = {name: environ.get(name, "") for name in SECRETS}
    if mode is not Mode.PRODUCTION:
        made = (
            _made_secrets(instance) if mode is Mode.DEMO else {name: f"{name}-for-tests-only" * 2 for name in SECRETS}
        )
        values = {name: values[name] or made[name] for name in SECRETS}
    for name, value in values.items():
        if len(value) < 32:
            problems.append(
                f"{name} is missing or shorter than 32 characters (APP_MODE=test .venv/bin/flask keys secrets prints fresh ones)"
            )
    for name in ("DATABASE_URL", "STORAGE_URL", "PUBLIC_URL", "SMTP_URL", "OPERATOR", "CONTACT", "MAIL_FROM"):
        if mode is Mode.PRODUCTION and not environ.get(name):
            problems.append(f"{name} is missing")
    port = _whole(environ, "PORT", 8000, problems)
    proxies = _whole(environ, "TRUSTED_PROXIES", 0, problems)
    video_mb = _whole(environ, "VIDEO_MB", 500, problems)
    public_url = (environ.get("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/")
    if mode is Mode.PRODUCTION and environ.get("PUBLIC_URL") and not public_url.startswith("https://"):
        problems.append("PUBLIC_URL must begin with https:// in production")
    if bool(environ.get("SIGNING_P12")) != bool(environ.get("SIGNING_P12_PASSWORD")):
        problems.append("SIGNING_P12 and SIGNING_P12_PASSWORD must be given together")
    if (
        environ.get("SIGNING_P12")
        and not Path(environ["SIGNING_P12"]).is_dir()
        and Path(environ["SIGNING_P12"]).exists()
    ):
        problems.append(
            "SIGNING_P12 is a file; it names the folder of keys (flask keys install takes a single file in)"
        )
    problems += _keys_elsewhere(environ)
    if problems:
        raise HalfSet(problems)
    optional = ("REDIS_URL", "SMTP_URL", "TSA_URL", *ELSEWHERE)
    keys, password = environ.get("SIGNING_P12") or None, environ.get("SIGNING_P12_PASSWORD") or None
    if mode is not Mode.PRODUCTION and keys is None:
        keys, password = str(instance / "keys"), _derived(values["SECRET_KEY"], "signing keys")
    named: dict[str, Any] = {name: environ[name] for name in ("OPERATOR", "CONTACT", "MAIL_FROM") if environ.get(name)}
    return Config(
        APP_MODE=mode,
        SECRET_KEY=values["SECRET_KEY"],
        DATA_KEY=tuple(_key(part) for part in values["DATA_KEY"].split(",")),
        LOOKUP_KEY=_key(values["LOOKUP_KEY"]),
        DATABASE_URL=_database(environ.get("DATABASE_URL") or f"sqlite:///{instance / 'platform.sqlite3'}"),
        STORAGE_URL=environ.get("STORAGE_URL") or str(instance / "files"),
        PUBLIC_URL=public_url,
        PORT=port,
        TRUSTED_PROXIES=proxies,
        VIDEO_MB=video_mb,
        INSTANCE=instance,
        SIGNING_P12=keys,
        SIGNING_P12_PASSWORD=password,
        PUBLISH_DIR=Path(environ["PUBLISH_DIR"]).absolute() if environ.get("PUBLISH_DIR") else None,
        EXEMPT_ADDRESSES=tuple(a.strip() for a in environ.get("EXEMPT_ADDRESSES", "").split(",") if a.strip()),
        **{name: environ.get(name) or None for name in optional},  # type: ignore[arg-type]  # all of them optional texts
        **named,
    )


ELSEWHERE = ("SIGNING_PKCS11", "SIGNING_PKCS11_PIN", "SIGNING_REMOTE", "SIGNING_REMOTE_SECRET", "SIGNING_CHAINS")


def _keys_elsewhere(environ: Mapping[str, str]) -> list[str]:
    """What contradicts in the settings of keys on tokens and at services."""
    problems = []
    if bool(environ.get("SIGNING_PKCS11")) != bool(environ.get("SIGNING_PKCS11_PIN")):
        problems.append("SIGNING_PKCS11 and SIGNING_PKCS11_PIN must be given together")
    if environ.get("SIGNING_PKCS11") and environ.get("SIGNING_REMOTE"):
        problems.append("SIGNING_PKCS11 and SIGNING_REMOTE exclude each other")
    if environ.get("SIGNING_REMOTE") and not environ.get("SIGNING_CHAINS"):
        problems.append("SIGNING_REMOTE needs SIGNING_CHAINS: a service tells no certificates")
    return problems


def _database(url: str) -> str:
    """A plain ``postgresql://`` address is served by psycopg 3."""
    return "postgresql+psycopg://" + url.split("://", 1)[1] if url.startswith(("postgres://", "postgresql://")) else url


def _whole(environ: Mapping[str, str], name: str, default: int, problems: list[str]) -> int:
    text = environ.get(name) or str(default)
    if text.isdigit():
        return int(text)
    problems.append(f"{name} is {text!r}; it must be a whole number")
    return default


def _key(text: str) -> bytes:
    """32 bytes out of a secret: base64 of 32 bytes is taken as it is, any other text is hashed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) == 32:
        return raw
    import hashlib

    return hashlib.sha256(text.encode()).digest()


def _derived(secret: str, purpose: str) -> str:
    """A password of the demonstration's own that need not be kept beside its secrets."""
    return hmac.new(secret.encode(), purpose.encode(), "sha256").hexdigest()


def _made_secrets(instance: Path) -> dict[str, str]:
    """The demonstration's own secrets, made once and kept beside its database."""
    path = instance / "secrets.json"
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in SECRETS}
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(made))
        with contextlib.suppress(FileExistsError):  # the first process wins, the others read what it wrote
            os.link(fresh, path)
        fresh.unlink()
    return json.loads(path.read_text())
