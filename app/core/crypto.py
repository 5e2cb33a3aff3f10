"""Personal data at rest: AES-256-GCM with rotating keys, and keyed hashes to find it again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from flask import current_app

from config import Config

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def settings() -> Config:
    """The running application's settings."""
    return current_app.extensions["settings"]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"key id" + key).hexdigest()[:8]


def _cipher(key: bytes) -> AESGCM:
    """The library is 6 MB: it is loaded by those who seal or open something."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def encrypt(text: str, *, purpose: str) -> str:
    """``text`` sealed under the current key; ``purpose`` is bound in, so a value cannot be moved to another column."""
    key = settings().DATA_KEY[0]
    nonce = secrets.token_bytes(12)
    sealed = _cipher(key).encrypt(nonce, text.encode(), purpose.encode())
    return f"{_key_id(key)}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(sealed: str, *, purpose: str) -> str:
    """The text again. Raises ValueError when no known key opens it or it was tampered with."""
    from cryptography.exceptions import InvalidTag

    key_id, _, body = sealed.partition(".")
    raw = base64.urlsafe_b64decode(body)
    for key in settings().DATA_KEY:
        if _key_id(key) == key_id:
            try:
                return _cipher(key).decrypt(raw[:12], raw[12:], purpose.encode()).decode()
            except InvalidTag:
                raise ValueError("sealed value was changed") from None
    raise ValueError(f"no key {key_id} to open this value; add the old key to DATA_KEY")


def is_current(sealed: str) -> bool:
    """True when sealed under the first key (rotation looks for the others)."""
    return sealed.partition(".")[0] == _key_id(settings().DATA_KEY[0])


def lookup(text: str, *, purpose: str) -> str:
    """A keyed hash (HMAC-SHA256, hex) by which an encrypted value is found."""
    return hmac.new(settings().LOOKUP_KEY, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def token() -> str:
    """An unguessable token of 160 bits for addresses and links."""
    return secrets.token_urlsafe(20)


def token_hash(value: str) -> str:
    """How a token is kept: its SHA-256; the token itself is never stored."""
    return hashlib.sha256(value.encode()).hexdigest()
