"""A form sent after the session had ended: kept (signed, in the sign-in page itself) and offered again to the same person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, request, session
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from app.accounts.models import SignIn
from app.core import crypto
from app.db import db

LARGEST = 200_000
LIVES = 3600
NEVER_KEPT = ("password", "csrf_token", "code", "secret")


@dataclass(frozen=True)
class Kept:
    """A form to be sent again: where to, and its fields."""

    to: str
    fields: list[tuple[str, str]]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="accounts.resume")


def keep() -> str:
    """The form of this request as a signed text; empty when there is nothing to keep or nobody to keep it for."""
    token = session.get("_user_id")
    if not token or request.files or request.endpoint == "accounts.sign_out":
        return ""
    owner = db.session.scalar(select(SignIn.person_id).where(SignIn.token_hash == crypto.token_hash(str(token))))
    fields = [
        [name, value]
        for name, value in request.form.items(multi=True)
        if not any(part in name.lower() for part in NEVER_KEPT)
    ]
    if owner is None or not fields or sum(len(name) + len(value) for name, value in fields) > LARGEST:
        return ""
    return _signer().dumps({"person": owner, "to": request.full_path.rstrip("?"), "fields": fields})


def kept_for(person_id: int, text: str) -> Kept | None:
    """What :func:`keep` kept, when it is fresh, untouched, and this person's own."""
    if not text:
        return None
    try:
        value: dict[str, Any] = _signer().loads(text, max_age=LIVES)
    except BadData:
        return None
    if value["person"] != person_id:
        return None
    return Kept(value["to"], [(name, words) for name, words in value["fields"]])


def door(back: str | None) -> Any:
    """The sign-in page, with the form that was sent inside it."""
    from app.accounts.forms import SignInForm

    form = SignInForm(formdata=None)
    form.next.data, form.kept.data = back or "", keep()
    return render_template("accounts/sign_in.html", form=form, ended=True), 401
