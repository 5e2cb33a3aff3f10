"""Beside the answers: what the exam page tells of the browser, and what the invigilator tells the candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, send_file, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadData, URLSafeSerializer

from app.accounts.guard import current_caller, current_person, lean, public, signed_in
from app.core import clock, limits
from app.core.crypto import settings
from app.core.errors import NotFound, Refused, TooMany
from app.core.limits import address
from app.db import db, unit_of_work
from app.exams import room, seb, signals, sittings
from app.exams.body import posted
from app.exams.models import ExamSession, Sitting
from app.exams.sittings import Held
from app.exams.states import SessionState
from app.exams.watch import watch_of

bp = Blueprint("exam_hall", __name__, url_prefix="/exams/sittings")
quit_bp = Blueprint("exam_seb", __name__, url_prefix="/exams")


@bp.app_template_global("seb_link")
def _seb_link(session: ExamSession) -> str:
    return seb_link(session)


def script_words() -> dict[str, str]:
    """What the watching script says, in the reader's language."""
    return {
        "left": _("You left the exam page for {s} seconds. This is recorded ({n} of {limit})."),
        "leftShort": _("You left the exam page for {s} seconds. This is recorded."),
        "limit": _("You have left the exam page {n} times. The invigilator sees this and will judge it."),
        "handIn": _("You have left the exam page {n} times. By the rules of this exam your answers are now handed in."),
        "copy": _("Copying is blocked in this exam. The attempt is recorded."),
        "paste": _("Pasting from elsewhere is blocked in this exam. The attempt is recorded."),
        "fullScreenLeft": _("You left the full screen. This is recorded."),
        "fullScreen": _("This exam is to be sat in full screen."),
        "message": _("Message of the invigilator, {at}"),
        "read": _("Read"),
        "idle": _("You have done nothing for {m} minutes. Are you still there?"),
        "idleHandIn": _("You have done nothing for {m} minutes. Without a sign of life your answers are handed in in {s} seconds."),
    }  # fmt: skip


# --- Safe Exam Browser ---------------------------------------------------------------------------------------------------------


def key_of(session_id: int) -> str:
    """The Config Key of a session; reads its settings, so it is asked only where the session wants it."""
    session = db.session.get_one(ExamSession, session_id)
    return seb.key_for(settings().PUBLIC_URL, watch_of(session).quit_hash)


def _sites() -> set[str]:
    return {settings().PUBLIC_URL, request.host_url.rstrip("/")}


def _by_header(key: str) -> bool:
    """Does this request carry the key in its header? Compared with its own address, as the browser wrote it."""
    given = request.headers.get(seb.HEADER)
    path = request.full_path if request.query_string else request.path
    return any(seb.fits(given, f"{site}{path}", key) for site in _sites())


def _by_script(given: Any, sitting_id: int, key: str) -> bool:
    """The value that the page's script was told: it belongs to the address of the page."""
    pages = [url_for(page, sitting_id=sitting_id) for page in ("exams.sit", "exams.begin", "exam_hall.gate")]
    return any(seb.fits(given, f"{site}{page}", key) for site in _sites() for page in pages)


def _mark(sitting_id: int) -> str:
    return f"seb:{sitting_id}"


def is_safe(sitting: Sitting | Held) -> bool:
    """May this page be shown? The header says so, or the script of the page has proven it in this sign-in."""
    if not sitting.needs_seb:
        return True
    key = key_of(sitting.session_id)
    return _by_header(key) or cookie.get(_mark(sitting.id)) == key[:16]


def safe_browser(data: Mapping[str, Any] | None = None) -> Callable[[Sitting | Held], None]:
    """What each request of an exam must satisfy: the header, or the value from the script in the body ``data``; a form
    without script (``data`` None) what its page has proven. Costs nothing where the session asks for nothing."""

    def check(sitting: Sitting | Held) -> None:
        if not sitting.needs_seb:
            return
        if data is None:
            fine = is_safe(sitting)
        else:
            key = key_of(sitting.session_id)
            fine = _by_header(key) or _by_script(data.get("seb"), sitting.id, key)
        if not fine:
            raise refusal_of(sitting, None if data is None else data.get("seb"))

    return check


def refusal_of(sitting: Sitting | Held, by_script: Any = None) -> sittings.SafeBrowserNeeded:
    """The refusal of a request, with what is recorded of it: no sign of the browser, or one of other settings."""
    refusal = sittings.SafeBrowserNeeded()
    refusal.sitting_id = sitting.id
    refusal.way = "wrong" if request.headers.get(seb.HEADER) or by_script else "missing"
    return refusal


ATTEMPTS = {
    "exams.begin": "start", "exams.start": "start", "exams.sit": "page", "exams.open_": "open", "exams.save": "save",
    "exams.hand_in": "hand_in", "exam_hall.prove": "settings", "exam_hall.tell": "save",
}  # fmt: skip
"""Endpoint → what was refused, as the event's note has it."""


def record_refused(refusal: sittings.SafeBrowserNeeded) -> None:
    """Keep a refused attempt for the invigilator, in a transaction of its own (that of the request was given up)."""
    what = ATTEMPTS.get(request.endpoint or "", "page")
    if refusal.sitting_id:
        with unit_of_work():
            signals.seb_refused(refusal.sitting_id, f"{what}:{refusal.way}", now=clock.now())


@bp.app_errorhandler(sittings.SafeBrowserNeeded)
def refused(error: sittings.SafeBrowserNeeded) -> Any:
    """Recorded, then answered like every refusal."""
    db.session.rollback()
    record_refused(error)
    return current_app.error_handler_spec[None][None][Refused](error)


@bp.get("/<int:sitting_id>/safe")
@signed_in
def gate(sitting_id: int) -> Any:
    """Before an exam that has begun: what to do without Safe Exam Browser, or straight on with it."""
    sitting = sittings.sitting_for(current_person(), sitting_id)
    if is_safe(sitting):
        return redirect(url_for("exams.sit", sitting_id=sitting_id))
    return render_template("exams/seb.html", sitting=sitting, session=sitting.session, token=generate_csrf())


@bp.post("/<int:sitting_id>/seb")
@signed_in
@lean
def prove(sitting_id: int) -> Any:
    """The script tells the key of the browser's settings; newer versions send no header."""
    data = posted()
    sitting = sittings.sitting_for(current_caller(), sitting_id)
    if not sitting.session.seb:
        return jsonify({"safe": True})
    key = key_of(sitting.session_id)
    if not _by_script(data.get("seb"), sitting_id, key):
        raise refusal_of(sitting, data.get("seb"))
    cookie[_mark(sitting_id)] = key[:16]
    return jsonify({"safe": True})


def seb_file(session: ExamSession) -> Response:
    """The settings of a session as a file that opens Safe Exam Browser."""
    body = seb.settings_file(seb.settings_for(settings().PUBLIC_URL, quit_hash=watch_of(session).quit_hash))
    return send_file(
        BytesIO(body), mimetype=seb.MEDIA_TYPE, as_attachment=True, download_name=f"exam-{session.id}.seb", max_age=0
    )


@bp.get("/<int:sitting_id>/settings.seb")
@signed_in
def settings_download(sitting_id: int) -> Any:
    sitting = sittings.sitting_for(current_person(), sitting_id)
    if not sitting.session.seb:
        raise NotFound
    return seb_file(sitting.session)


def _link_signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="exams.seb")


def seb_link(session: ExamSession) -> str:
    """The address that starts Safe Exam Browser with the settings of a session: ``sebs://`` where the site speaks https,
    else ``seb://``. It carries no sign-in (the browser starts without one); who has it reads what every candidate may."""
    path = url_for("exam_seb.linked", token=_link_signer().dumps(session.id))
    return settings().PUBLIC_URL.replace("http", "seb", 1) + path


@quit_bp.get("/seb/<token>.seb")
@public
def linked(token: str) -> Any:
    """The settings behind :func:`seb_link`. Anything else than an address of ours is not there."""
    try:
        session_id = _link_signer().loads(token)
    except BadData:
        raise NotFound from None
    session = db.session.get(ExamSession, session_id)
    if session is None or not session.seb or session.state is not SessionState.PUBLISHED:
        raise NotFound
    return seb_file(session)


@quit_bp.get("/seb-quit")
@public
def seb_quit() -> Any:
    """Safe Exam Browser closes when this address is opened; every other browser shows the page."""
    return render_template("exams/seb_quit.html")


CODE_LIMIT = "10 per 10 minutes"
"""Wrong room codes of one sitting: a million codes are not tried out."""


def spend_code(sitting_id: int) -> None:
    """Raises TooMany when too many wrong room codes were given."""
    if limits.used_up("exams.room_code", CODE_LIMIT, sitting_id):
        raise TooMany


def count_code(sitting_id: int, error: Exception) -> None:
    if isinstance(error, sittings.NotAdmitted):
        limits.count("exams.room_code", CODE_LIMIT, sitting_id)


@bp.get("/<int:sitting_id>/news")
@signed_in
@lean
def news(sitting_id: int) -> Any:
    """What the invigilator said since a message; asked for when a save names a newer one."""
    sitting = sittings.sitting_for(current_caller(), sitting_id)
    text = request.args.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 15 else 0
    return jsonify(
        [
            {"id": one.id, "at": room.as_of(one.at), "text": one.text, "all": one.sitting_id is None}
            for one in room.news_for(sitting, after)
        ]
    )


@bp.post("/<int:sitting_id>/signals")
@signed_in
@lean
def tell(sitting_id: int) -> Any:
    """Signals, and with them what was not uploaded yet (``epoch``, ``steps``): saved first, since they may end the sitting."""
    data, person = posted(), current_caller()
    told, tab = signals.read_told(data.get("signals")), data.get("tab")
    steps, epoch, saved = sittings.read_steps(data.get("steps", [])), data.get("epoch"), {}
    with unit_of_work():
        now = clock.now()
        if steps and isinstance(epoch, int) and not isinstance(epoch, bool):
            with suppress(Refused):  # what cannot be saved keeps no evidence back
                reply = sittings.save(
                    sitting_id, epoch, steps, by=person, now=now, address=address(), allowed=safe_browser(data)
                )
                saved = {"saved": reply.saved}
        standing = signals.tell(sitting_id, tab if isinstance(tab, str) else "", told, by=person, now=now)
    return jsonify(standing.as_json() | saved)
