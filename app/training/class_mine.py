"""A trainee's pages of running classes: offers, change of class, calendar, leave and make-up, hours from elsewhere."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, public, signed_in
from app.accounts.models import Organisation
from app.core import clock
from app.core.crypto import settings
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.tables import Column, Listing
from app.db import db, locked, unit_of_work
from app.files.service import hand_out
from app.outline.service import level_names
from app.training import claims, class_words, documents, enrolments, feeds, hours, make_ups, moving, offers, timetable
from app.training import words as training_words
from app.training.class_forms import ContinuingForm, LeaveForm, MakeUpForm, MoveForm, RecognitionForm
from app.training.class_models import ClassTransfer, HourClaimProof, LeaveRequest, MakeUp, Purpose
from app.training.classes import public_class
from app.training.models import ClassSession, Enrolment, HourEntry

bp = Blueprint("training_classes", __name__, url_prefix="/training", template_folder="templates")

place("training_classes.calendar", _l("Calendar of my classes"), "account", order=30)


def _own(enrolment_id: int) -> Enrolment:
    return enrolments.own_enrolment(current_person(), enrolment_id)


# --- offers, change of class -----------------------------------------------------------------------------------------------


@bp.post("/enrolments/<int:enrolment_id>/offer")
@signed_in
def offer(enrolment_id: int) -> Any:
    """Accept or decline a place from the waiting list."""
    answer = request.form.get("answer", "")
    if answer not in ("accept", "decline"):
        raise NotFound
    back = redirect(url_for("training.enrolment", enrolment_id=enrolment_id))
    try:
        with unit_of_work():
            offers.answer(_own(enrolment_id), answer == "accept", by=current_person(), now=clock.now())
    except NotFound:
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return back
    flash(
        _("The place is yours. See the timetable below.") if answer == "accept" else _("You have declined the place."),
        "success",
    )
    return back


@bp.route("/enrolments/<int:enrolment_id>/transfer", methods=["GET", "POST"])
@signed_in
def transfer(enrolment_id: int) -> Any:
    """Ask to change to another class of the level."""
    found = _own(enrolment_id)
    form = MoveForm()
    form.to_class_id.label.text = _("To the class")
    form.reason.description = _("The training base reads it.")
    targets = moving.classes_to_change_to(found)
    form.offer(targets)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                moving.ask_transfer(
                    _own(enrolment_id), public_class(form.to_class_id.data), by=current_person(),
                    reason=form.reason.data or "", now=clock.now(),
                )  # fmt: skip
            flash(_("Your wish has been sent to the training base."), "success")
            return redirect(url_for("training.enrolment", enrolment_id=enrolment_id))
        except NotFound:
            raise
        except Refused as refusal:
            form.refuse(refusal)
            found = _own(enrolment_id)
    return (
        render_template(
            "training/running/transfer.html",
            enrolment=found, klass=found.training_class, form=form, targets=targets, asked=moving.asked_transfer(found),
        ),
        422 if request.method == "POST" else 200,
    )  # fmt: skip


@bp.post("/enrolments/<int:enrolment_id>/transfer/<int:transfer_id>/withdraw")
@signed_in
def withdraw_transfer(enrolment_id: int, transfer_id: int) -> Any:
    with unit_of_work():
        asked = db.session.get(ClassTransfer, transfer_id)
        if asked is None or asked.enrolment_id != _own(enrolment_id).id:
            raise NotFound
        moving.withdraw_transfer(asked, by=current_person(), now=clock.now())
    flash(_("Your wish was taken back."), "success")
    return redirect(url_for("training.enrolment", enrolment_id=enrolment_id))


@bp.get("/enrolments/<int:enrolment_id>/documents/<int:document_id>")
@signed_in
def document(enrolment_id: int, document_id: int) -> Response:
    return hand_out(documents.document_in(_own(enrolment_id), document_id).file, inline=True)


# --- calendar -------------------------------------------------------------------------------------------------------------


@bp.get("/calendar")
@signed_in
def calendar() -> Any:
    """A person's own month, as trainee and as teacher, and the address for the phone's calendar."""
    person, today = current_person(), clock.today()
    month = timetable.month_of(request.args.get("month", ""), today)
    weeks = timetable.weeks_of(month)
    found = timetable.own_periods(person, weeks[0][0], weeks[-1][-1])
    before, after = timetable.beside(month)
    feed = feeds.feed_of(person)
    address = f"{settings().PUBLIC_URL}{url_for('training_classes.feed', token=feeds.token_of(feed))}" if feed else ""
    return render_template(
        "training/running/my_calendar.html",
        month=month, weeks=weeks, days=timetable.by_day(found), today=today, before=before, after=after,
        address=address, feed=feed,
    )  # fmt: skip


@bp.post("/calendar/address")
@signed_in
def renew_feed() -> Any:
    with unit_of_work():
        feeds.renew(current_person(), now=clock.now())
    flash(_("This is your new address. An earlier one no longer works."), "success")
    return redirect(url_for("training_classes.calendar"))


@bp.get("/feed/<token>.ics")
@public
def feed(token: str) -> Response:
    """The calendar behind a secret address, in the person's language; nothing else can be reached by it."""
    person = feeds.person_of(token)
    with force_locale(person.locale or "zh_Hans"):
        body = feeds.calendar_bytes(person, clock.now())
    made = Response(body, content_type="text/calendar; charset=utf-8")
    made.headers["Content-Disposition"] = 'inline; filename="classes.ics"'
    made.headers["Cache-Control"] = "private, max-age=900"
    made.headers["X-Robots-Tag"] = "noindex"
    return made


# --- leave and make-up ------------------------------------------------------------------------------------------------------


def _leave_page(class_id: int, status: int = 200, error: tuple[int, str] | None = None, typed: str = "") -> Any:
    person, now = current_person(), clock.now()
    klass = public_class(class_id)
    if not make_ups._placed(person, class_id):
        raise NotFound
    sessions = list(
        db.session.scalars(
            select(ClassSession)
            .where(ClassSession.class_id == class_id)
            .order_by(ClassSession.starts_at, ClassSession.id)
            .options(joinedload(ClassSession.course_version), joinedload(ClassSession.training_class))
        )
    )
    leaves = {
        x.session_id: x
        for x in db.session.scalars(
            select(LeaveRequest).where(
                LeaveRequest.person_id == person.id, LeaveRequest.session_id.in_([s.id for s in sessions])
            )
        )
    }
    missed = make_ups.missed_of(person, klass, now)
    return (
        render_template(
            "training/running/leave.html",
            klass=klass, ahead=[s for s in sessions if s.starts_at > now], leaves=leaves, missed=missed,
            ups=make_ups.make_ups_of(person, klass), last_day=make_ups.last_day, error=error, typed=typed,
            form=LeaveForm(formdata=None), class_words=class_words,
        ),
        status,
    )  # fmt: skip


@bp.get("/leave/<int:class_id>")
@signed_in
def leave(class_id: int) -> Any:
    """Leave from periods to come, and making up periods that were missed."""
    return _leave_page(class_id)


@bp.post("/leave/periods/<int:session_id>")
@signed_in
def ask_leave(session_id: int) -> Any:
    person = current_person()
    class_id = make_ups.own_session(person, session_id).class_id
    form = LeaveForm()
    if not form.validate_on_submit():
        return _leave_page(
            class_id, 422, (session_id, _("Please give a reason (at most 1000 characters).")), form.reason.data or ""
        )
    try:
        with unit_of_work():
            me = current_person()
            make_ups.ask_leave(
                me, make_ups.own_session(me, session_id), reason=form.reason.data or "", upload=form.proof.data,
                now=clock.now(),
            )  # fmt: skip
    except NotFound:
        raise
    except Refused as refusal:
        return _leave_page(class_id, 422, (session_id, refusal.text), form.reason.data or "")
    flash(_("Your wish for leave has been sent to the training base."), "success")
    return redirect(url_for("training_classes.leave", class_id=class_id))


@bp.post("/leave/<int:leave_id>/withdraw")
@signed_in
def withdraw_leave(leave_id: int) -> Any:
    found = db.session.get(LeaveRequest, leave_id)
    if found is None or found.person_id != current_person().id:
        raise NotFound
    class_id = found.session.class_id
    try:
        with unit_of_work():
            make_ups.withdraw_leave(found, by=current_person(), now=clock.now())
        flash(_("Your wish was taken back."), "success")
    except NotFound:
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_classes.leave", class_id=class_id))


@bp.route("/make-up/<int:session_id>", methods=["GET", "POST"])
@signed_in
def make_up(session_id: int) -> Any:
    """Choose a period in another class in which a missed one is heard."""
    missed = make_ups.own_session(current_person(), session_id)
    now = clock.now()
    form = MakeUpForm()
    chances = make_ups.chances(missed, now)
    form.session.choices = [
        (s.id, f"{_time(s)} · {s.training_class.title} · {s.room or s.training_class.place or '—'}") for s in chances
    ]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                me = current_person()
                make_ups.ask_make_up(me, make_ups.own_session(me, session_id), form.session.data, now=clock.now())
            flash(_("Your wish has been sent to the training base."), "success")
            return redirect(url_for("training_classes.leave", class_id=missed.class_id))
        except NotFound:
            raise
        except Refused as refusal:
            form.refuse(refusal)
            missed = make_ups.own_session(current_person(), session_id)
    return (
        render_template(
            "training/running/make_up.html",
            missed=missed, klass=missed.training_class, form=form, chances=chances, last=make_ups.last_day(missed),
        ),
        422 if request.method == "POST" else 200,
    )  # fmt: skip


def _time(session: ClassSession) -> str:
    from app.core.text import moment

    return moment(session.starts_at)


@bp.post("/make-up/<int:make_up_id>/drop")
@signed_in
def drop_make_up(make_up_id: int) -> Any:
    found = db.session.get(MakeUp, make_up_id)
    if found is None or found.person_id != current_person().id:
        raise NotFound
    class_id = found.missed.class_id
    with unit_of_work():
        make_ups.drop_make_up(found, by=current_person(), now=clock.now())
    flash(_("Your wish was taken back."), "success")
    return redirect(url_for("training_classes.leave", class_id=class_id))


# --- hours from elsewhere, continuing education -----------------------------------------------------------------------------


@bp.get("/hours/elsewhere")
@signed_in
def elsewhere() -> Any:
    """Hours stated to have been earned elsewhere, and how many of them can count."""
    person = current_person()
    mine = claims.enrolments_to_claim_for(person)
    return render_template(
        "training/running/elsewhere.html",
        claims=claims.claims_of(person), class_words=class_words, names=level_names(),
        caps=[(e, claims.cap_of(person.id, e)) for e in mine[:3]],
    )  # fmt: skip


@bp.route("/hours/elsewhere/new/<purpose>", methods=["GET", "POST"])
@signed_in
def new_claim(purpose: str) -> Any:
    if purpose not in {p.value for p in Purpose}:
        raise NotFound
    return _claim_form(Purpose(purpose))


@bp.route("/hours/elsewhere/<int:claim_id>", methods=["GET", "POST"])
@signed_in
def own_claim(claim_id: int) -> Any:
    """One statement: its state and arithmetic; returned, it can be corrected and sent again."""
    found = claims.own_claim(current_person(), claim_id)
    if found.state.value == "returned":
        return _claim_form(found.purpose, claim_id)
    if request.method == "POST":
        raise claims.DecidedAlready
    return render_template(
        "training/running/own_claim.html", claim=found, class_words=class_words, entry_words=entry_words
    )  # fmt: skip


def entry_words(entry: HourEntry) -> str:
    from app.training.views import working_words

    return working_words(entry)


def _claim_form(purpose: Purpose, claim_id: int | None = None) -> Any:
    person = current_person()
    claim = claims.own_claim(person, claim_id) if claim_id is not None else None
    kind = RecognitionForm if purpose is Purpose.RECOGNITION else ContinuingForm
    data = {name: getattr(claim, name) for name in claims.FIELDS} if claim else {}
    form: Any = kind(data=data if request.method == "GET" else None)
    mine, caps = claims.enrolments_to_claim_for(person), []
    if purpose is Purpose.RECOGNITION:
        form.enrolment_id.choices = [(e.id, e.training_class.title) for e in mine]
        caps = [(e, claims.cap_of(person.id, e)) for e in mine[:3]]
        if claim is not None:
            form.enrolment_id.data = claim.enrolment_id
    else:
        form.organisation_id.choices = [(b.id, training_words_place(b)) for b in claims.bases_to_ask(person)]
        if claim is not None:
            form.organisation_id.data = claim.organisation_id
            if claim.organisation_id not in {v for v, _w in _pairs(form.organisation_id)}:
                form.organisation_id.choices = [(claim.organisation_id, training_words_place(claim.organisation))]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                me = current_person()
                enrolment = base = None
                if purpose is Purpose.RECOGNITION:
                    enrolment = enrolments.own_enrolment(me, form.enrolment_id.data)
                else:
                    base = db.session.get_one(Organisation, form.organisation_id.data)
                made = claims.submit(
                    me, purpose, {name: form[name].data for name in claims.FIELDS}, form.proofs.data or [],
                    enrolment=enrolment, base=base,
                    claim=claims.own_claim(me, claim_id) if claim_id is not None else None, now=clock.now(),
                )  # fmt: skip
            flash(
                _("Your hours were sent to the training base. Two officers look at them one after the other."),
                "success",
            )
            return redirect(url_for("training_classes.own_claim", claim_id=made.id))
        except NotFound:
            raise
        except Refused as refusal:
            form.refuse(refusal)
            claim = claims.own_claim(current_person(), claim_id) if claim_id is not None else None
    return (
        render_template(
            "training/running/claim_form.html", form=form, purpose=purpose, claim=claim, caps=caps, mine=mine
        ),
        422 if request.method == "POST" else 200,
    )


def _pairs(field: Any) -> list[tuple[Any, Any]]:
    return [(c.value, c.label) for c in field.choices]


def training_words_place(base: Organisation) -> str:
    from app.accounts.words import place_name

    return place_name(base)


@bp.post("/hours/elsewhere/<int:claim_id>/withdraw")
@signed_in
def withdraw_claim(claim_id: int) -> Any:
    with unit_of_work():
        me = current_person()
        claims.withdraw(locked(claims.own_claim(me, claim_id)), by=me, now=clock.now())
    flash(_("Your statement was taken back."), "success")
    return redirect(url_for("training_classes.elsewhere"))


@bp.get("/hours/elsewhere/<int:claim_id>/proofs/<int:proof_id>")
@signed_in
def own_proof(claim_id: int, proof_id: int) -> Response:
    found = claims.own_claim(current_person(), claim_id)
    proof = db.session.get(HourClaimProof, proof_id)
    if proof is None or proof.claim_id != found.id:
        raise NotFound
    return hand_out(proof.file, inline=True)


@bp.get("/continuing")
@signed_in
def continuing() -> Any:
    """Continuing education by calendar year out of the ledger, and each line behind it."""
    person, today = current_person(), clock.today()
    names = level_names()
    listing = Listing(
        hours.entries_of(person).options(joinedload(HourEntry.training_class)),
        [
            Column("earned_on", _l("Date"), lambda e: e.earned_on, HourEntry.earned_on),
            Column("level", _l("Level"), lambda e: names.get(e.level, _("After the certificate"))),
            Column("hours", _l("Class hours"), lambda e: e.hours, HourEntry.hours, numeric=True),
            Column("source", _l("Earned by"), lambda e: training_words.SOURCES[e.source_kind], HourEntry.source_kind),
            Column("working", _l("How it was worked out"), entry_words),
        ],
        request.args,
        default_sort="-earned_on",
    )
    return render_template(
        "training/running/continuing.html", years=claims.continuing_by_year(person, today), listing=listing
    )
