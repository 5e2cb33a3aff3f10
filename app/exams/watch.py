"""How the room of an exam session is watched: its settings, with defaults from the rule in force."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from app.accounts.models import Person
from app.accounts.scope import must_reach
from app.audit.service import record
from app.core.errors import Refused
from app.core.permissions import Can
from app.exams.deeds import Did
from app.exams.models import ExamSession
from app.exams.states import SessionState


class WatchFixed(Refused):
    message = _l("The exam has opened already: how it is watched can no longer be changed.")


class AtLimit(StrEnum):
    RECORD = "record"
    HAND_IN = "hand_in"


@dataclass(frozen=True)
class Watch:
    """Settings of one session. What the browser tells is evidence: by default it is only recorded."""

    switch_limit: int = 3
    """So often the page may be left before the limit is reached; each time is warned about."""
    switch_seconds: int = 5
    """Shorter absences are recorded and not counted: input methods and calls take the focus too."""
    at_limit: AtLimit = AtLimit.RECORD
    idle_seconds: int = 0
    """0: off."""
    copy_free: bool = False
    watermark: bool = False
    full_screen: bool = False
    room_code: str = ""
    """Not empty: a candidate starts with this code, or when the invigilator admits them."""
    quit_hash: str = ""
    """SHA-256 of the password that ends Safe Exam Browser."""

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Watch:
        """From JSON; what is missing (an older row or rule) takes its default."""
        known = {f.name for f in fields(cls)}
        given = {
            key: value for key, value in (kept or {}).items() if key in known and value is not None and value != ""
        }
        given["at_limit"] = AtLimit(given.get("at_limit", AtLimit.RECORD))
        return cls(**given)

    @classmethod
    def from_rules(cls, rules: Mapping[str, Any]) -> Watch:
        """The defaults of the exam rules in force."""
        return cls.of({key: rules.get(key) for key in RULED})

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"at_limit": self.at_limit.value}


RULED = ("switch_limit", "switch_seconds", "at_limit", "idle_seconds", "copy_free", "watermark")
"""What the exam rules give defaults for."""


def watch_of(session: ExamSession) -> Watch:
    return Watch.of(session.watch)


def fixed(session: ExamSession, now: datetime) -> bool:
    """Candidates sit under rules they could read before: nothing is changed once the session is open."""
    return session.state not in (SessionState.DRAFT, SessionState.PUBLISHED) or now >= session.opens_at


def change(
    session: ExamSession,
    wanted: Watch,
    *,
    seb: bool = False,
    admission: bool = False,
    quit_password: str = "",
    by: Person,
    now: datetime,
) -> None:
    """Set how a session is watched. A room code is made when candidates are to be admitted, and kept from then on."""
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    if fixed(session, now):
        raise WatchFixed
    before = watch_of(session).as_json()
    made = wanted.as_json()
    made["quit_hash"] = hashlib.sha256(quit_password.encode()).hexdigest() if quit_password else before["quit_hash"]
    made["room_code"] = (before["room_code"] or new_code()) if admission else ""
    secret = {"quit_hash", "room_code"}
    changed = {
        key: ("…", "…") if key in secret else (old, made[key]) for key, old in before.items() if old != made[key]
    }
    if session.seb != seb:
        changed["seb"] = (session.seb, seb)
    session.watch, session.seb = made, seb
    record(Did.WATCH, session, by=by, changed=changed)


def new_code() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"
