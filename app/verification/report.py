"""核验报告: an answer as a PDF. Its address is sealed and given to whoever received the answer; it holds for a day."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from app.certification.states import Standing
from app.core import limits
from app.core.crypto import settings
from app.core.errors import NotFound, Refused
from app.core.speech import language
from app.db import db
from app.verification import finding, service, states
from app.verification.models import VerificationQuery
from app.verification.service import Answer

HOURS = 24
LIMIT = "10 per 10 minutes"
PATIENCE = 60
ROOT = Path(__file__).resolve().parents[2]


class NotMade(Refused):
    status = 503
    message = _l("The report could not be made just now. Please print the page instead, or try again in a minute.")


@lru_cache(maxsize=4)
def _sealer(key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="verification report")


def _seal() -> URLSafeTimedSerializer:
    return _sealer(settings().SECRET_KEY)


def ticket(answer: Answer) -> str:
    """The sealed name of an answer: its query number, and the name as it was shown."""
    return _seal().dumps([answer.query, answer.name])


def opened(sealed: str) -> Answer:
    """The answer again, as it was: state and time of the query, the words of the edition in force. NotFound after a day."""
    try:
        number, name = _seal().loads(sealed, max_age=HOURS * 3600)
    except (BadData, ValueError, TypeError):
        raise NotFound from None
    row = db.session.scalar(select(VerificationQuery).where(VerificationQuery.number == number))
    if row is None or row.certificate_id is None:
        raise NotFound
    found = finding.by_id(row.certificate_id)
    since = found.standing_since if found.standing is not Standing.GOOD else None
    return Answer(
        row.outcome, row.number, row.at, number=found.number, name=name, snapshot=found.snapshot, since=since,
        token=found.token, recognitions=service.recognitions(found, row.at.date()),
    )  # fmt: skip


def pdf(sealed: str, *, address: str) -> tuple[str, bytes]:
    """Query number and PDF. It is set by a process apart: this one stays small. Raises NotFound, TooMany, NotMade."""
    answer = opened(sealed)
    limits.spend("verify.report", LIMIT, address)
    page = render_template(
        "verification/report.html", answer=answer, label=states.LABELS[answer.state], meaning=states.MEANING[answer.state],
        language=language(), address=f"{settings().PUBLIC_URL}/c/{answer.token}",
    )  # fmt: skip
    style = (ROOT / "app/verification/templates/verification/report.css").read_text(encoding="utf-8")
    return answer.query, _set(page, style)


def _set(page: str, style: str) -> bytes:
    command: list[Any] = [sys.executable, "-m", "certificates", "sheet"]
    try:
        done = subprocess.run(
            command, input=json.dumps({"page": page, "style": style}).encode(), capture_output=True, cwd=ROOT, timeout=PATIENCE, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotMade from None
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        raise NotMade
    return done.stdout
