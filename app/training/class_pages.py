"""Officers' pages of running classes: calendar, copy, moving people, leave and make-up, the printed sheet, hours from elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.forms import clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, locked, unit_of_work
from app.files.service import hand_out
from app.outline.rules import MODULES
from app.training import (
    claims,
    class_words,
    classes,
    documents,
    enrolments,
    make_ups,
    moving,
    printed,
    timetable,
    words,
)
from app.training.class_forms import AmountForm, CopyForm, MoveForm, SplitForm
from app.training.class_models import (
    AskState,
    ClaimState,
    ClassTransfer,
    HourClaim,
    HourClaimProof,
    LeaveRequest,
    MakeUp,
    MakeUpState,
)
from app.training.models import Enrolment, TrainingClass
from app.training.office import _class, _enrolment, _frame, _sessions, reasons
from app.training.states import TAKES_PEOPLE, EnrolmentState

bp = Blueprint("training_running", __name__, url_prefix="/training/office", template_folder="templates")

place("training_running.calendar", _l("Calendar of classes"), "training", can=Can.READ_CLASS, order=11)
place(
    "training_running.transfers", _l("Changes of class"), "training", can=Can.RUN_CLASS, order=13,
    count=moving.transfers_waiting,
)  # fmt: skip
place(
    "training_running.absences", _l("Leave and make-up"), "training", can=Can.TEACH, order=15, count=make_ups.waiting_for
)  # fmt: skip
place(
    "training_running.claims_list", _l("Hours from elsewhere"), "training", can=Can.RUN_CLASS, order=16,
    count=claims.waiting_for,
)  # fmt: skip


@bp.app_context_processor
def helpers() -> dict[str, Any]:
    return {"class_words": class_words}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _words(name: str, most: int = 1000) -> str:
    """What was typed into a plain field, without control characters."""
    return str(clean_text(request.form.get(name, "")))[:most]


def _ids(name: str = "ids") -> list[int]:
    return [i for i in map(_number, request.form.getlist(name)) if i is not None][:500]


# --- calendar -------------------------------------------------------------------------------------------------------------


@bp.get("/calendar")
@requires(Can.READ_CLASS, Can.TEACH)
def calendar() -> Any:
    """A month of every class within reach, by day, to be narrowed to a room or a teacher."""
    person, today = current_person(), clock.today()
    month = timetable.month_of(request.args.get("month", ""), today)
    weeks = timetable.weeks_of(month)
    room, teacher = str(clean_text(request.args.get("room", "")))[:120], _number(request.args.get("teacher", ""))
    rooms, teachers = timetable.rooms_and_teachers(person)
    found = timetable.office_periods(person, weeks[0][0], weeks[-1][-1], room=room, teacher=teacher)
    before, after = timetable.beside(month)
    return render_template(
        "training/running/calendar.html",
        month=month, weeks=weeks, days=timetable.by_day(found), today=today, before=before, after=after,
        rooms=rooms, teachers=teachers, room=room, teacher=teacher,
    )  # fmt: skip


# --- copying --------------------------------------------------------------------------------------------------------------


@bp.route("/classes/<int:class_id>/copy", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def copy(class_id: int) -> Any:
    """The class again, with its timetable moved to a new first day."""
    old = _class(class_id, Can.RUN_CLASS)
    today = clock.today()
    start = max(today + timedelta(days=14), old.ends_on + timedelta(days=1))
    start += timedelta(days=(old.starts_on.weekday() - start.weekday()) % 7)  # the same day of the week
    form = CopyForm(
        data={
            "title": old.title, "starts_on": start, "enrol_from": today, "enrol_until": start - timedelta(days=1),
            "rooms": True, "teachers": True,
        } if request.method == "GET" else None
    )  # fmt: skip
    if form.validate_on_submit():
        assert form.starts_on.data and form.enrol_from.data and form.enrol_until.data and form.title.data
        try:
            with unit_of_work():
                made = moving.copy_class(
                    _class(class_id, Can.RUN_CLASS), title=form.title.data, starts_on=form.starts_on.data,
                    enrol_from=form.enrol_from.data, enrol_until=form.enrol_until.data, rooms=bool(form.rooms.data),
                    teachers=bool(form.teachers.data), by=current_person(), now=clock.now(),
                )  # fmt: skip
            flash(
                ngettext(
                    "The class was copied as a draft with %(n)s period.",
                    "The class was copied as a draft with %(n)s periods.",
                    made.periods,
                ),
                "success",
            )
            for words_ in made.left_out[:5]:
                flash(_("Left out: %(what)s", what=words_), "warning")
            return redirect(url_for("training_office.timetable", class_id=made.made.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            old = _class(class_id, Can.RUN_CLASS)
    return render_template("training/running/copy.html", form=form, klass=old), 422 if form.is_submitted() else 200


# --- moving people --------------------------------------------------------------------------------------------------------


def _targets(klass: TrainingClass) -> list[TrainingClass]:
    """Other classes of the level that this officer runs and that take people."""
    person = current_person()
    return [
        c
        for c in db.session.scalars(
            classes.classes_visible_to(person).where(
                TrainingClass.level == klass.level, TrainingClass.id != klass.id, TrainingClass.state.in_(TAKES_PEOPLE)
            )
        )
        if classes.runs(person, c)
    ]


def _people_page(class_id: int, status: int = 200, **forms: Any) -> Any:
    klass = _class(class_id, Can.RUN_CLASS)
    targets = _targets(klass)
    move = forms.get("move") or MoveForm(formdata=None, prefix="move-")
    merge = forms.get("merge") or MoveForm(formdata=None, prefix="merge-")
    split = forms.get("split") or SplitForm(
        formdata=None,
        prefix="split-",
        data={"title": _("%(title)s (2)", title=klass.title), "capacity": klass.capacity},
    )
    move.offer(targets)
    merge.offer(targets)
    people = list(
        db.session.scalars(
            select(Enrolment)
            .join(Enrolment.person)
            .where(Enrolment.class_id == class_id, Enrolment.state.in_(moving.MOVABLE))
            .order_by(Enrolment.state, Enrolment.id)
            .options(joinedload(Enrolment.person))
        )
    )
    return (
        render_template(
            "training/running/people.html",
            people=people, move=move, merge=merge, split=split, targets=targets, chosen=set(_ids()),
            **_frame(klass, "people"),
        ),
        status,
    )  # fmt: skip


@bp.get("/classes/<int:class_id>/people")
@requires(Can.RUN_CLASS)
def people(class_id: int) -> Any:
    """Move people to another class, split the class, or merge it into another."""
    return _people_page(class_id)


@bp.post("/classes/<int:class_id>/people/move")
@requires(Can.RUN_CLASS)
def move_people(class_id: int) -> Any:
    klass = _class(class_id, Can.RUN_CLASS)
    form = MoveForm(prefix="move-")
    form.offer(_targets(klass))
    ids = _ids()
    if form.validate_on_submit():
        try:
            if not ids:
                raise moving.Nobody
            with unit_of_work():
                source, target = moving._lock_two(
                    _class(class_id, Can.RUN_CLASS), _class(form.to_class_id.data, Can.RUN_CLASS)
                )
                chosen = db.session.scalars(
                    select(Enrolment)
                    .where(Enrolment.class_id == source.id, Enrolment.id.in_(ids))
                    .order_by(Enrolment.id)
                ).all()
                for one in chosen:
                    moving.transfer(
                        one, target, by=current_person(), reason=form.reason.data or "", now=clock.now()
                    )  # fmt: skip
            flash(ngettext("%(n)s person was moved.", "%(n)s people were moved.", len(chosen)), "success")
            return redirect(url_for("training_office.class_page", class_id=target.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    return _people_page(class_id, 422, move=form)


@bp.post("/classes/<int:class_id>/people/split")
@requires(Can.RUN_CLASS)
def split(class_id: int) -> Any:
    form = SplitForm(prefix="split-")
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = moving.split_class(
                    _class(class_id, Can.RUN_CLASS), _ids(), title=form.title.data or "",
                    capacity=form.capacity.data or 1, by=current_person(), reason=form.reason.data or "", now=clock.now(),
                )  # fmt: skip
            flash(_("The class was split. Give the new class its rooms and teachers."), "success")
            return redirect(url_for("training_office.timetable", class_id=made.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    return _people_page(class_id, 422, split=form)


@bp.post("/classes/<int:class_id>/people/merge")
@requires(Can.RUN_CLASS)
def merge(class_id: int) -> Any:
    form = MoveForm(prefix="merge-")
    form.offer(_targets(_class(class_id, Can.RUN_CLASS)))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                target = _class(form.to_class_id.data, Can.RUN_CLASS)
                moved = moving.merge_class(
                    _class(class_id, Can.RUN_CLASS), target, by=current_person(), reason=form.reason.data or "",
                    now=clock.now(),
                )  # fmt: skip
            flash(
                ngettext(
                    "%(n)s person goes on in “%(title)s”; this class is cancelled.",
                    "%(n)s people go on in “%(title)s”; this class is cancelled.",
                    moved, title=target.title,
                ),
                "success",
            )  # fmt: skip
            return redirect(url_for("training_office.class_page", class_id=target.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    return _people_page(class_id, 422, merge=form)


@bp.get("/transfers")
@requires(Can.RUN_CLASS)
def transfers() -> Any:
    """People who ask to come into a class of the officer."""
    listing = Listing(
        moving.transfers_visible_to(current_person()),
        [
            Column("person", _l("Name"), lambda t: t.enrolment.person.name),
            Column("from", _l("From"), lambda t: t.enrolment.training_class.title),
            Column("to", _l("To"), lambda t: t.to_class.title),
            Column("reason", _l("Reason"), lambda t: t.reason),
            Column("asked_at", _l("Asked at"), lambda t: t.asked_at, ClassTransfer.asked_at),
            Column("state", _l("State"), lambda t: class_words.ASKS[t.state][0], ClassTransfer.state),
        ],
        request.args,
        filters=[
            Filter(
                "state", _l("State"), [(s.value, w) for s, (w, _t) in class_words.ASKS.items()],
                lambda v: ClassTransfer.state == AskState(v),
            )
        ],
    )  # fmt: skip
    return render_template("training/running/transfers.html", listing=listing)


def _decided(redirect_to: str) -> Any:
    flash(_("Decided. The person has been told."), "success")
    return redirect(redirect_to)


@bp.post("/transfers/<int:transfer_id>/<decision>")
@requires(Can.RUN_CLASS)
def decide_transfer(transfer_id: int, decision: str) -> Any:
    back = url_for("training_running.transfers", state="asked")
    return _decide(moving.transfer_for, moving.decide_transfer, transfer_id, decision, back)


# --- review queue ----------------------------------------------------------------------------------------------------------


@bp.post("/queue/decide")
@requires(Can.RUN_CLASS)
def decide_queue() -> Any:
    """Decide on everybody chosen in the queue, over several classes, in the order in which they applied."""
    decision, ids = request.form.get("do", ""), _ids()
    if decision not in enrolments.DECISIONS:
        raise NotFound
    back = redirect(url_for("training_office.queue"))
    if request.form.get("whole") == "1":  # everybody who waits, not the page only
        waiting = enrolments.enrolments_visible_to(current_person()).where(
            Enrolment.state == EnrolmentState.APPLIED, TrainingClass.state.in_(TAKES_PEOPLE)
        )
        ids = list(db.session.scalars(waiting.with_only_columns(Enrolment.id).order_by(None)))
    if not ids:
        flash(_("Nobody was chosen. Tick the people first."), "warning")
        return back
    reason = _words("reason")
    parts: dict[str, int] = {}
    try:
        with unit_of_work():
            person = current_person()
            found = db.session.execute(
                enrolments.enrolments_visible_to(person)
                .where(Enrolment.id.in_(ids))
                .with_only_columns(Enrolment.class_id)
                .order_by(None)
                .distinct()
            )
            for class_id in sorted(c for (c,) in found):
                klass = locked(classes.class_for(person, class_id, Can.RUN_CLASS))
                made = enrolments.decide_many(klass, ids, decision, by=person, reason=reason, now=clock.now())
                for state, n in made.items():
                    parts[state] = parts.get(state, 0) + n
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return back
    said = [f"{words.ENROLMENT_STATES[EnrolmentState(s)][0]}: {n}" for s, n in parts.items() if s != "skipped"]
    if parts.get("skipped"):
        said.append(_("left out, because already decided: %(n)s", n=parts["skipped"]))
    flash(" · ".join(map(str, said)) or _("There was nothing to decide."), "success")
    return back


@bp.get("/enrolments/<int:enrolment_id>/documents/<int:document_id>")
@requires(Can.READ_CLASS)
def document(enrolment_id: int, document_id: int) -> Response:
    """A document handed in with an enrolment."""
    return hand_out(documents.document_in(_enrolment(enrolment_id), document_id).file, inline=True)


# --- the printed sheet ----------------------------------------------------------------------------------------------------


@bp.get("/classes/<int:class_id>/sheet.pdf")
@requires(Can.READ_CLASS, Can.TEACH)
def sheet_pdf(class_id: int) -> Response:
    """The attendance sheet to print and sign: one period (``?period=``) or the whole class."""
    klass = classes.class_to_teach(current_person(), class_id)
    asked = _number(request.args.get("period", ""))
    sessions = [s for s in _sessions(klass) if asked is None or s.id == asked]
    if not sessions:
        raise NotFound
    made = Response(printed.sheet_pdf(printed.face_of(klass, sessions)), mimetype="application/pdf")
    made.headers["Content-Disposition"] = f'attachment; filename="attendance-{klass.id}.pdf"'
    made.headers["Cache-Control"] = "private, no-store"
    return made


# --- leave and make-up ----------------------------------------------------------------------------------------------------


@bp.get("/absences")
@requires(Can.TEACH, Can.RUN_CLASS)
def absences() -> Any:
    """Wishes for leave, and for making up a period in one of the officer's classes."""
    person = current_person()
    return render_template(
        "training/running/absences.html",
        leaves=list(db.session.scalars(make_ups.leaves_visible_to(person).where(LeaveRequest.state == AskState.ASKED))),
        make_ups=list(db.session.scalars(make_ups.make_ups_visible_to(person).where(MakeUp.state == MakeUpState.ASKED))),
        guests=list(
            db.session.scalars(make_ups.make_ups_visible_to(person).where(MakeUp.state == MakeUpState.PLANNED))
        ),
        now_=clock.now(),
    )  # fmt: skip


@bp.post("/leave/<int:leave_id>/<decision>")
@requires(Can.TEACH, Can.RUN_CLASS)
def decide_leave(leave_id: int, decision: str) -> Any:
    return _decide(make_ups.leave_for, make_ups.decide_leave, leave_id, decision, url_for("training_running.absences"))


@bp.post("/make-ups/<int:make_up_id>/<decision>")
@requires(Can.TEACH, Can.RUN_CLASS)
def decide_make_up(make_up_id: int, decision: str) -> Any:
    if decision == "present":
        try:
            with unit_of_work():
                make_ups.mark_guest(
                    make_ups.make_up_for(current_person(), make_up_id), by=current_person(),
                    reason=_words("reason", 300), now=clock.now(),
                )  # fmt: skip
            flash(
                _("The guest is recorded as present; the hours come with the next crediting of the class."), "success"
            )
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            flash(refusal.text, "warning")
        return redirect(url_for("training_running.absences"))
    return _decide(
        make_ups.make_up_for, make_ups.decide_make_up, make_up_id, decision, url_for("training_running.absences")
    )


def _decide(find: Any, decide: Any, ident: int, decision: str, back: str) -> Any:
    """Grant or refuse what somebody asked for, and go back to the list it stood in."""
    if decision not in ("grant", "refuse"):
        raise NotFound
    try:
        with unit_of_work():
            decide(
                find(current_person(), ident), decision == "grant", by=current_person(),
                remark=_words("reason"), now=clock.now(),
            )  # fmt: skip
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return redirect(back)
    return _decided(back)


@bp.get("/leave/<int:leave_id>/proof")
@requires(Can.TEACH, Can.RUN_CLASS)
def leave_proof(leave_id: int) -> Response:
    found = make_ups.leave_for(current_person(), leave_id)
    if found.file is None:
        raise NotFound
    return hand_out(found.file, inline=True)


# --- hours from elsewhere ---------------------------------------------------------------------------------------------------


@bp.get("/hours-elsewhere")
@requires(Can.RUN_CLASS)
def claims_list() -> Any:
    """Hours that people state to have earned elsewhere, oldest first."""
    listing = Listing(
        claims.claims_visible_to(current_person()).options(joinedload(HourClaim.person)),
        [
            Column("person", _l("Name"), lambda c: c.person.name),
            Column("title", _l("What was heard"), lambda c: c.title),
            Column("purpose", _l("For"), lambda c: class_words.PURPOSES[c.purpose], HourClaim.purpose),
            Column("hours", _l("Class hours"), lambda c: c.hours, HourClaim.hours, numeric=True),
            Column("submitted_at", _l("Sent"), lambda c: c.submitted_at, HourClaim.submitted_at),
            Column("state", _l("State"), lambda c: class_words.CLAIMS[c.state][0], HourClaim.state),
        ],
        request.args,
        filters=[
            Filter(
                "state", _l("State"), [(s.value, w) for s, (w, _t) in class_words.CLAIMS.items()],
                lambda v: HourClaim.state == ClaimState(v),
            ),
            Filter(
                "purpose", _l("For"), [(p.value, w) for p, w in class_words.PURPOSES.items()],
                lambda v: HourClaim.purpose == v,
            ),
        ],
        search=[HourClaim.title, HourClaim.provider],
    )  # fmt: skip
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Hours from elsewhere"))
    return render_template("training/running/claims.html", listing=listing)


def _claim_page(claim_id: int, form: AmountForm | None = None, status: int = 200) -> Any:
    found = claims.claim_for(current_person(), claim_id)
    examined = found.state is ClaimState.EXAMINED
    cap = claims.cap_of(found.person_id, found.enrolment) if found.enrolment else None
    amount = found.recommended if examined else found.hours
    if cap is not None and amount is not None:
        amount = min(amount, cap.left)
    return (
        render_template(
            "training/running/claim.html",
            claim=found, cap=cap, modules=MODULES, examined=examined,
            form=form or AmountForm(formdata=None, data={"hours": amount}),
            own=found.person_id == current_person().id, mine=found.examined_by_id == current_person().id,
            same=claims.same_files(found),
            others=[
                c
                for c in db.session.scalars(
                    claims.claims_visible_to(current_person()).where(HourClaim.person_id == found.person_id)
                )
                if c.id != found.id
            ],
        ),
        status,
    )  # fmt: skip


@bp.get("/hours-elsewhere/<int:claim_id>")
@requires(Can.RUN_CLASS)
def claim(claim_id: int) -> Any:
    """One statement: proof and figures at the left, the decision at the right."""
    return _claim_page(claim_id)


@bp.post("/hours-elsewhere/<int:claim_id>/<step>")
@requires(Can.RUN_CLASS)
def claim_step(claim_id: int, step: str) -> Any:
    """Examine, decide, return, or take back what was granted."""
    if step not in ("examine", "decide", "return", "revoke"):
        raise NotFound
    form = AmountForm()
    amount_asked = step in ("examine", "decide")
    if amount_asked and not form.validate_on_submit():
        return _claim_page(claim_id, form, 422)
    reason = (form.reason.data or "")[:1000]
    try:
        with unit_of_work():
            found, by, now = claims.claim_for(current_person(), claim_id), current_person(), clock.now()
            if step == "examine":
                claims.examine(found, form.hours.data, by=by, remark=reason, now=now)
            elif step == "decide":
                claims.decide(found, form.hours.data, by=by, reason=reason, now=now)
            elif step == "return":
                claims.give_back(found, by=by, reason=reason, now=now)
            else:
                claims.revoke(found, by=by, reason=reason, now=now)
    except Invalid as refusal:
        form.refuse(refusal)
        return _claim_page(claim_id, form, 422)
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return redirect(url_for("training_running.claim", claim_id=claim_id))
    flash(
        _("Examined. Another officer now decides.") if step == "examine" else _("Decided. The person has been told."),
        "success",
    )
    return redirect(url_for("training_running.claims_list"))


@bp.get("/hours-elsewhere/<int:claim_id>/proofs/<int:proof_id>")
@requires(Can.RUN_CLASS)
def claim_proof(claim_id: int, proof_id: int) -> Response:
    found = claims.claim_for(current_person(), claim_id)
    proof = db.session.get(HourClaimProof, proof_id)
    if proof is None or proof.claim_id != found.id:
        raise NotFound
    return hand_out(proof.file, inline=True)


@bp.app_template_global()
def enrolment_documents(enrolment: Enrolment) -> Any:
    """Documents of an enrolment with their words, for the pages of both sides."""
    return [
        (documents.words_of(d.code, enrolment.training_class.region_id), d) for d in documents.documents_of(enrolment)
    ]


@bp.app_template_global()
def usual_reasons() -> list[str]:
    return reasons(None)
