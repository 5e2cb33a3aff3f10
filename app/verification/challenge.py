"""A small sum to be answered after several misses, without any outside service. Each works once, for ten minutes."""

from __future__ import annotations

import hmac
import secrets

from itsdangerous import BadData, URLSafeTimedSerializer

from app.core import limits
from app.core.crypto import lookup, settings

MINUTES = 10


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().SECRET_KEY, salt="verification challenge")


def asked(address: str, misses: str) -> bool:
    """Has this address missed so often that it must answer first?"""
    return limits.used_up("verify.miss", misses, address)


def fresh() -> tuple[str, str]:
    """A sum in words, and the sealed ticket that goes with it (the answer is not readable in it)."""
    one, other = secrets.randbelow(8) + 2, secrets.randbelow(8) + 2
    nonce = secrets.token_hex(8)
    return f"{one} + {other}", _signer().dumps([nonce, _seal(nonce, str(one + other))])


def _seal(nonce: str, answer: str) -> str:
    return lookup(f"{nonce}:{answer}", purpose="challenge")


def answered(ticket: str, answer: str) -> bool:
    """Is it the right answer to a ticket of ours that was not used before?"""
    try:
        nonce, seal = _signer().loads(ticket, max_age=MINUTES * 60)
    except (BadData, ValueError, TypeError):
        return False
    once = f"1 per {MINUTES} minutes"
    if limits.used_up("challenge", once, nonce):
        return False
    limits.count("challenge", once, nonce)
    return hmac.compare_digest(seal, _seal(nonce, answer.strip()))
