"""What a candidate sees: my exams, the start, the exam itself, the result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import before_the_door, current_caller, current_person, lean, signed_in
from app.accounts.sessions import Unasked
from app.bank.faces import KIND_NAMES, answer_from_form, face_of
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.limits import address
from app.core.nav import place
from app.core.text import number
from app.db import db, unit_of_work
from app.exams import (  # noqa: F401 - pages
    appeal_pages,
    appeals,
    at_once,
    attempts,
    blueprint_pages,
    fault_pages,
    hall,
    marking,
    marking_pages,
    page,
    papers,
    places,
    regrade_pages,
    room_pages,
    sessions,
    signals,
    sittings,
    statistics_pages,
    watch_pages,
)
from app.exams.body import check_token, posted, proven
from app.exams.candidates_pages import bp as candidates_pages
from app.exams.forms import StartForm
from app.exams.models import Appeal, ExamSession, Shown, Sitting
from app.exams.office import bp as office
from app.exams.places_pages import bp as places_pages
from app.exams.prints_pages import bp as prints_pages
from app.exams.setup_pages import bp as setup_pages
from app.exams.sittings import BadSteps, Saved, Step
from app.exams.states import SessionState, SittingState
from app.exams.watch import watch_of
from app.exams.words import PART_NOTES, REGRADE_NOTES, STATE_NAMES, STATE_TONES
from app.outline.rules import MODULES
from app.outline.service import level_names
from question_bank.grading import BadAnswer, clean_answer
from question_bank.items import Kind

log = logging.getLogger(__name__)
bp = Blueprint("exams", __name__, url_prefix="/exams", template_folder="templates")
blueprints = [
    bp, office, setup_pages, candidates_pages, places_pages, prints_pages, blueprint_pages.bp, hall.bp, hall.quit_bp,
    marking_pages.bp, regrade_pages.bp, appeal_pages.bp, statistics_pages.bp,
    fault_pages.bp,
]  # fmt: skip

RECENT = timedelta(days=366)
"""Attempts are told of levels sat in not longer ago than this."""

place("exams.mine", _l("My exams"), "me", order=20)


@bp.app_template_global("exam_words")
def exam_words() -> dict[str, Any]:
    """Names of states, kinds and modules for templates."""
    return {
        "states": STATE_NAMES,
        "tones": STATE_TONES,
        "kinds": KIND_NAMES,
        "modules": MODULES,
        "levels": level_names(),
    }


# --- my exams --------------------------------------------------------------------------------------------------------------


@bp.get("/")
@signed_in
def mine() -> Any:
    person, now = current_person(), clock.now()
    rows = db.session.scalars(
        select(Sitting)
        .join(Sitting.session)
        .where(Sitting.candidate_id == person.id)
        .options(joinedload(Sitting.session))
        .order_by(ExamSession.opens_at.desc(), Sitting.id.desc())
    ).all()
    ahead = [
        one for one in rows
        if one.state is SittingState.IN_PROGRESS
        or (one.state is SittingState.REGISTERED and now <= one.session.last_entry_at
            and one.session.state in (SessionState.PUBLISHED, SessionState.DRAFT))
    ]  # fmt: skip
    offers = sessions.sessions_open_to(person, now)
    choices = places.choices([one.session.id for one in offers] + [one.session_id for one in ahead])
    return render_template(
        "exams/mine.html", ahead=ahead[::-1], past=[one for one in rows if one not in ahead],
        offers=offers, percent=marking.percent_of, choices=choices, seats=places.seats_for([one.id for one in ahead]),
        published=places.published([one.session_id for one in ahead]), seat_words=places.seat_words, now=now,
        passed_levels={one.session.level for one in rows if one.state is SittingState.RELEASED and one.passed},
        standings=attempts.standings_of(person, {one.session.level for one in rows if one.started_at and now - one.started_at < RECENT}, now),
        reviews=_reviews(past_ids=[one.id for one in rows]),
    )  # fmt: skip


def _reviews(past_ids: list[int]) -> dict[int, Appeal]:
    """Sitting → the review asked for."""
    return {one.sitting_id: one for one in db.session.scalars(select(Appeal).where(Appeal.sitting_id.in_(past_ids)))}


@bp.post("/sessions/<int:session_id>/register")
@signed_in
def register(session_id: int) -> Any:
    person = current_person()
    offer = next((one for one in sessions.sessions_open_to(person, clock.now()) if one.session.id == session_id), None)
    if offer is None:
        raise NotFound
    text = request.form.get("place", "")
    place_id = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    with unit_of_work():
        made = sessions.register(offer.session, person, by=person, now=clock.now(), place_id=place_id)
    flash(_("You are registered. A letter with time and place has been sent to you."), "success")
    return redirect(url_for("exams.begin", sitting_id=made.id))


@bp.post("/sittings/<int:sitting_id>/withdraw")
@signed_in
def withdraw(sitting_id: int) -> Any:
    person = current_person()
    sittings.sitting_for(person, sitting_id)
    with unit_of_work():
        sessions.withdraw(sittings.with_session(sitting_id), by=person, now=clock.now())
    flash(_("Your registration was withdrawn."), "success")
    return redirect(url_for("exams.mine"))


# --- start -----------------------------------------------------------------------------------------------------------------


@bp.get("/sittings/<int:sitting_id>/start")
@signed_in
def begin(sitting_id: int) -> Any:
    return _start_page(sitting_id, StartForm())


@bp.post("/sittings/<int:sitting_id>/start")
@signed_in
@lean
def start(sitting_id: int) -> Any:
    """Three hundred press this button in the same second: it leads on without the frame of a page."""
    form = StartForm()
    if form.validate_on_submit():
        given: dict[str, Any] = {
            "by": current_caller(), "honour": form.honour.data, "now": clock.now(), "code": form.code.data or "",
            "allowed": hall.safe_browser(),
        }  # fmt: skip
        try:
            hall.spend_code(sitting_id)
            if at_once.start(sitting_id, **given) is None:
                with unit_of_work():
                    sittings.start(sitting_id, **given)
        except Invalid as error:
            hall.count_code(sitting_id, error)
            form.refuse(error)
        else:
            return redirect(url_for("exams.sit", sitting_id=sitting_id))
    return _start_page(sitting_id, form, 422)


def _start_page(sitting_id: int, form: StartForm, status: int = 200) -> Any:
    now = clock.now()
    sitting = sittings.sitting_for(current_caller(), sitting_id)
    if sitting.state is not SittingState.REGISTERED:
        return redirect(url_for("exams.sit", sitting_id=sitting_id))
    rules = [(KIND_NAMES[kind], page.rule_words(kind, sitting.session.multiple_rule)) for kind in _kinds_on(sitting)]
    return render_template("exams/start.html", sitting=sitting, session=sitting.session, form=form, now=now, rules=rules, watch=watch_of(sitting.session), safe=hall.is_safe(sitting), token=generate_csrf(),
                           seat=places.seat_told(sitting), opens_in=max(0, int((sitting.session.opens_at - now).total_seconds() * 1000)),
                           open=sitting.session.opens_at <= now <= sitting.session.last_entry_at), status  # fmt: skip


def _kinds_on(sitting: Sitting) -> list[Kind]:
    return list(dict.fromkeys(entry.item.kind for entry in papers.paper_of(sitting)))


# --- the exam --------------------------------------------------------------------------------------------------------------


@bp.get("/sittings/<int:sitting_id>")
@signed_in
@lean
def sit(sitting_id: int) -> Any:
    person = current_caller()
    opened = page.read(sitting_id, person.id)
    if opened.held.state is SittingState.REGISTERED:
        return redirect(url_for("exams.begin", sitting_id=sitting_id))
    if opened.held.state is not SittingState.IN_PROGRESS:
        return redirect(url_for("exams.done", sitting_id=sitting_id))
    if not hall.is_safe(opened.held):
        hall.record_refused(hall.refusal_of(opened.held))
        return redirect(url_for("exam_hall.gate", sitting_id=sitting_id))
    return page.html(opened, person, clock.now())


def _epoch(data: dict[str, Any]) -> int:
    epoch = data.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise BadSteps
    return epoch


@bp.post("/sittings/<int:sitting_id>/open")
@signed_in
@lean
def open_(sitting_id: int) -> Any:
    data, person = posted(), current_caller()
    agent = (request.user_agent.string or "")[:200]
    with unit_of_work():
        opened = sittings.open_(sitting_id, str(data.get("device", "")), by=person, now=clock.now(), agent=agent,
                                take_over=data.get("take_over") is True, address=address(), allowed=hall.safe_browser(data))  # fmt: skip
    return jsonify(vars(opened) | {"state": opened.state.value})


def _save_at_once(who: Unasked, sitting_id: int) -> Any:
    """A save in the plain case, by one statement that also finds who is signed in."""

    def act(sitting_id: int, epoch: int, steps: list[Step], **more: Any) -> Saved | None:
        if not steps:
            return at_once.look(sitting_id, epoch, **more, address=address())
        return at_once.save(sitting_id, epoch, steps, **more, address=address())

    return _at_once(who, sitting_id, act)


def _hand_in_at_once(who: Unasked, sitting_id: int) -> Any:
    return _at_once(who, sitting_id, at_once.hand_in, ends=True)


def _at_once(who: Unasked, sitting_id: int, act: Callable[..., Saved | None], ends: bool = False) -> Any:
    """What can be done before the door is asked; None where it cannot, and nothing has happened."""
    data = proven() if request.is_json and at_once.possible() else None
    if data is None or data.get("by_rule") is True:
        return None
    try:
        steps, epoch = sittings.read_steps(data.get("steps")), _epoch(data)
    except BadSteps:
        return None
    reply = act(sitting_id, epoch, steps, by=who, now=who.now, allowed=hall.safe_browser(data))
    if reply is None:
        return None
    return _handed_in(sitting_id, reply) if ends else jsonify(reply.as_json())


@bp.post("/sittings/<int:sitting_id>/answers")
@signed_in
@lean
@before_the_door(_save_at_once)
def save(sitting_id: int) -> Any:
    data, person = posted(), current_caller()
    steps, epoch = sittings.read_steps(data.get("steps")), _epoch(data)
    given: dict[str, Any] = {"by": person, "now": clock.now(), "address": address(), "allowed": hall.safe_browser(data)}
    reply = at_once.save(sitting_id, epoch, steps, **given) if steps else at_once.look(sitting_id, epoch, **given)
    if reply is None:
        with unit_of_work():
            reply = sittings.save(sitting_id, epoch, steps, **given)
    return jsonify(reply.as_json())


@bp.post("/sittings/<int:sitting_id>/hand-in")
@signed_in
@lean
@before_the_door(_hand_in_at_once)
def hand_in(sitting_id: int) -> Any:
    """The end, from the script as JSON or from the page itself as a plain form."""
    if not request.is_json:
        return _plain_hand_in(sitting_id)
    data, person = posted(), current_caller()
    steps, epoch = sittings.read_steps(data.get("steps")), _epoch(data)
    given: dict[str, Any] = {"by": person, "now": clock.now(), "allowed": hall.safe_browser(data)}
    by_rule = data.get("by_rule") is True
    reply = None if by_rule else at_once.hand_in(sitting_id, epoch, steps, **given)
    if reply is None:
        with unit_of_work():
            reply = sittings.hand_in(sitting_id, epoch, steps, **given)
            if by_rule:
                signals.handed_in_by_rule(sitting_id, now=clock.now())
    return _handed_in(sitting_id, reply)


def _handed_in(sitting_id: int, reply: Saved) -> Any:
    _mark_now(sitting_id, reply.state)
    return jsonify(reply.as_json() | {"done": url_for("exams.done", sitting_id=sitting_id)})


def _mark_now(sitting_id: int, state: SittingState) -> None:
    """Marking is a step of its own: were it to fail, the hand-in stands and the sweep marks later."""
    if state is not SittingState.SUBMITTED:
        return
    try:
        if not at_once.mark(sitting_id, now=clock.now()):
            with unit_of_work():
                marking.mark_once(sitting_id, now=clock.now())
    except Exception:
        log.exception("marking of sitting %s is left to the sweep", sitting_id)


def _plain_hand_in(sitting_id: int) -> Any:
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        check_token(request.form.get("csrf_token"))
    person = current_caller()
    ends = request.form.get("do") != "save"
    text = request.form.get("epoch", "")
    epoch = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    steps = _form_steps(sittings.sitting_for(person, sitting_id))
    with unit_of_work():
        act = sittings.hand_in if ends else sittings.save
        reply = act(sitting_id, epoch, steps, by=person, now=clock.now(), allowed=hall.safe_browser())
    if "read_only" in reply.messages:
        flash(_("Another window or device has taken over this exam. What you sent is kept in the log."), "warning")
        return redirect(url_for("exams.sit", sitting_id=sitting_id))
    _mark_now(sitting_id, reply.state)
    if not ends:
        flash(ngettext("Saved: %(n)s answer.", "Saved: %(n)s answers.", len(reply.saved)), "success")
    return redirect(url_for("exams.done" if ends else "exams.sit", sitting_id=sitting_id))


def _form_steps(sitting: Sitting) -> list[Step]:
    """The plain form as steps: only what differs from what is saved; an empty field never clears an answer."""
    kept = sittings.answers_of(sitting)
    steps = []
    for entry in papers.paper_of(sitting):
        try:
            answer = clean_answer(entry.item, answer_from_form(entry.item, request.form, f"q{entry.place}"))
        except BadAnswer:
            continue
        before = kept.get(entry.place)
        if answer is not None and (before is None or before.answer != answer):
            steps.append(Step(entry.place, (before.counter if before else 0) + 1, answer))
    return steps


@bp.get("/sittings/<int:sitting_id>/done")
@signed_in
def done(sitting_id: int) -> Any:
    sitting = sittings.sitting_for(current_person(), sitting_id)
    if sitting.state is SittingState.RELEASED:
        return redirect(url_for("exams.result", sitting_id=sitting_id))
    if sitting.state in (SittingState.REGISTERED, SittingState.IN_PROGRESS):
        return redirect(url_for("exams.sit", sitting_id=sitting_id))
    answered = sum(kept.answer is not None for kept in sittings.answers_of(sitting).values())
    return render_template("exams/done.html", sitting=sitting, session=sitting.session, answered=answered,
                           count=len(sitting.entries))  # fmt: skip


@bp.get("/sittings/<int:sitting_id>/result")
@signed_in
def result(sitting_id: int) -> Any:
    sitting = sittings.sitting_for(current_person(), sitting_id)
    if sitting.state is not SittingState.RELEASED:
        return redirect(url_for("exams.done", sitting_id=sitting_id))
    found = marking.result_of(sitting)
    faces = {}
    if sitting.session.shown is Shown.ANSWERS:
        faces = {
            line.entry.place: face_of(line.entry.digest, line.entry.item).html(
                f"q{line.entry.place}", title=str(line.entry.place), order=line.entry.order, answer=line.answer,
                closed=True,
            )
            for line in found.lines
        }  # fmt: skip
    return render_template(
        "exams/result.html", sitting=sitting, session=sitting.session, result=found, faces=faces,
        percent=marking.percent_of(sitting), modules=MODULES, number=number, notes=REGRADE_NOTES, part_notes=PART_NOTES,
        review=appeals.appeal_of(sitting), term=appeals.term_of(sitting, clock.now()),
        standing=None if sitting.passed else attempts.standing_of(current_person(), sitting.session.level, clock.now()),
    )  # fmt: skip


def init_app(app: Flask) -> None:
    """The page of an exam sends its form token in the body (a beacon has no headers); it is checked in the views."""
    for view in (open_, save, hand_in, hall.tell, hall.prove):
        app.extensions["csrf"].exempt(view)
