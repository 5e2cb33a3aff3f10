"""Pages of the training base and of the teacher: classes, enrolment review, timetable, attendance, hours, letters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Organisation, Person
from app.accounts.words import place_name
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese, number
from app.db import db, locked, unit_of_work
from app.notices.models import Notice
from app.notices.service import subject_of
from app.outline.rules import MODULES
from app.outline.service import level_names, rule
from app.training import attendance, classes, completion, enrolments, hours, make_ups, moving, signing, words
from app.training import timetable as timetables
from app.training.class_models import Way
from app.training.forms import ClassForm, LetterForm, ReasonForm, SessionForm
from app.training.models import Attendance, AttendanceState, ClassSession, Enrolment, HourEntry, TrainingClass
from app.training.programme import courses_of
from app.training.states import CLASS_MOVES, ClassMove, ClassState, EnrolmentState

bp = Blueprint("training_office", __name__, url_prefix="/training/office", template_folder="templates")

place("training_office.index", _l("Classes"), "training", can=Can.READ_CLASS, order=10)
place(
    "training_office.queue",
    _l("Enrolments to review"),
    "training",
    can=Can.RUN_CLASS,
    order=12,
    count=classes.waiting_for,
)
place("training_office.teaching", _l("My teaching"), "training", can=Can.TEACH, order=14)


def _class(class_id: int, can: Can = Can.READ_CLASS) -> TrainingClass:
    return classes.class_for(current_person(), class_id, can)


def _locked_class(class_id: int, can: Can = Can.RUN_CLASS) -> TrainingClass:
    return locked(_class(class_id, can))


# --- lists ----------------------------------------------------------------------------------------------------------------


@bp.get("/classes")
@requires(Can.READ_CLASS)
def index() -> Any:
    names, person = level_names(), current_person()
    counts: dict[int, Any] = {}
    columns = [
        Column("title", _l("Class"), lambda c: c.title, TrainingClass.title),
        Column("level", _l("Level"), lambda c: names.get(c.level, c.level), TrainingClass.level),
        Column("base", _l("Training base"), lambda c: place_name(c.organisation)),
        Column("starts_on", _l("Class begins"), lambda c: c.starts_on, TrainingClass.starts_on),
        Column("ends_on", _l("Class ends"), lambda c: c.ends_on, TrainingClass.ends_on),
        Column("places", _l("Places taken"), lambda c: f"{_placed(counts, c.id)} / {c.capacity}"),
        Column("applied", _l("To review"), lambda c: counts.get(c.id, {}).get(EnrolmentState.APPLIED, 0), numeric=True),
        Column("state", _l("State"), lambda c: words.CLASS_STATES[c.state][0], TrainingClass.state),
    ]
    listing = Listing(
        classes.classes_visible_to(person).options(
            joinedload(TrainingClass.organisation).joinedload(Organisation.region)
        ),
        columns,
        request.args,
        filters=[
            Filter(
                "state",
                _l("State"),
                [(s.value, w) for s, (w, _t) in words.CLASS_STATES.items()],
                lambda v: TrainingClass.state == ClassState(v),
            ),
            Filter(
                "level", _l("Level"), [(str(k), v) for k, v in names.items()], lambda v: TrainingClass.level == int(v)
            ),
        ],
        search=[TrainingClass.title, TrainingClass.place],
        default_sort="-starts_on",
    )
    counts.update(classes.counts_of([c.id for c in listing.rows]))
    if request.args.get("export") == "xlsx":
        counts.update(classes.counts_of(list(db.session.scalars(select(TrainingClass.id)))))
        return listing.as_download(_("Classes"))
    return render_template("training/office/classes.html", listing=listing, may_run=person.can(Can.RUN_CLASS))


def _placed(counts: dict[int, Any], class_id: int) -> int:
    found = counts.get(class_id, {})
    return found.get(EnrolmentState.ADMITTED, 0) + found.get(EnrolmentState.COMPLETED, 0)


@bp.get("/queue")
@requires(Can.RUN_CLASS)
def queue() -> Any:
    """Every enrolment that waits for a decision, oldest first, over all classes of the officer."""
    names = level_names()
    listing = Listing(
        enrolments.enrolments_visible_to(current_person())
        .where(Enrolment.state == EnrolmentState.APPLIED)
        .options(joinedload(Enrolment.person), joinedload(Enrolment.training_class)),
        [
            Column("person", _l("Name"), lambda e: e.person.name),
            Column("class", _l("Class"), lambda e: e.training_class.title, TrainingClass.title),
            Column("level", _l("Level"), lambda e: names.get(e.training_class.level, ""), TrainingClass.level),
            Column("applied_at", _l("Applied at"), lambda e: e.applied_at, Enrolment.applied_at),
        ],
        request.args,
    )
    return render_template("training/office/queue.html", listing=listing)


@bp.get("/teaching")
@requires(Can.TEACH)
def teaching() -> Any:
    """A teacher's own classes with today's and the coming periods, and the way to the sign-in screen."""
    person, now = current_person(), clock.now()
    mine = list(db.session.scalars(classes.taught_by(person).options(selectinload(TrainingClass.sessions))))
    sessions = db.session.scalars(
        select(ClassSession)
        .where(ClassSession.class_id.in_([c.id for c in mine]), ClassSession.ends_at > now - timedelta(hours=12))
        .order_by(ClassSession.starts_at)
        .limit(20)
        .options(joinedload(ClassSession.course_version), joinedload(ClassSession.training_class))
    )
    return render_template(
        "training/office/teaching.html",
        classes=mine,
        sessions=list(sessions),
        counts=classes.counts_of([c.id for c in mine]),
        levels=level_names(),
        **_teaching_extras(person, mine),
    )


def _teaching_extras(person: Person, mine: list[TrainingClass]) -> dict[str, Any]:
    from app.training.feedback_pages import teaching_extras

    return teaching_extras(person, mine)


# --- one class ------------------------------------------------------------------------------------------------------------


@bp.route("/classes/new", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def new() -> Any:
    """A new class, empty or as a copy of an earlier one."""
    person = current_person()
    form = ClassForm(data=_copied() if request.method == "GET" else None)
    form.offer(classes.bases_for(person), classes.lecturers_for(person))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                base = next((b for b in classes.bases_for(by) if b.id == form.organisation_id.data), None)
                if base is None:
                    raise NotFound
                made = classes.make_class(base, form.level.data, form.values(), by=by, now=clock.now())
            flash(_("The class is saved as a draft. Fill its timetable, then announce it."), "success")
            return redirect(url_for("training_office.timetable", class_id=made.id))
        except Refused as refusal:
            form.refuse(refusal)
    no_base = not form.organisation_id.choices
    return render_template("training/office/class_form.html", form=form, klass=None, no_base=no_base), (
        422 if request.method == "POST" else 200
    )


def _copied() -> dict[str, Any] | None:
    """What a copy begins with: everything of the earlier class but its dates, which move on to the day after it ended."""
    asked = request.args.get("copy", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        return {"capacity": 40, "online": False}
    old = _class(int(asked))
    today = clock.today()
    start = max(today + timedelta(days=14), old.ends_on + timedelta(days=1))
    made: dict[str, Any] = {name: getattr(old, name) for name in classes.FIELDS}
    return made | {
        "organisation_id": old.organisation_id,
        "level": old.level,
        "starts_on": start,
        "ends_on": start + (old.ends_on - old.starts_on),
        "enrol_from": today,
        "enrol_until": start - timedelta(days=1),
    }


@bp.route("/classes/<int:class_id>/edit", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def edit(class_id: int) -> Any:
    person, klass = current_person(), _class(class_id, Can.RUN_CLASS)
    form = ClassForm(obj=klass if request.method == "GET" else None)
    teachers = classes.lecturers_for(person)
    if klass.teacher is not None and klass.teacher not in teachers:
        teachers.append(klass.teacher)
    form.offer([klass.organisation], teachers)
    if request.method == "POST":
        form.organisation_id.data, form.level.data = klass.organisation_id, klass.level
    if form.validate_on_submit():
        try:
            with unit_of_work():
                classes.change_class(_locked_class(class_id), form.values(), by=current_person(), now=clock.now())
            flash(_("The class is saved."), "success")
            return redirect(url_for("training_office.class_page", class_id=class_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            klass = _class(class_id, Can.RUN_CLASS)
    return render_template("training/office/class_form.html", form=form, klass=klass, no_base=False), (
        422 if request.method == "POST" else 200
    )


def _frame(klass: TrainingClass, tab: str) -> dict[str, Any]:
    """What every tab of a class shows: head, counts, moves that are possible."""
    counts = classes.counts_of([klass.id])[klass.id]
    runs = classes.runs(current_person(), klass)
    return {
        "klass": klass,
        "tab": tab,
        "counts": counts,
        "placed": counts.get(EnrolmentState.ADMITTED, 0) + counts.get(EnrolmentState.COMPLETED, 0),
        "runs": runs,
        "level": level_names().get(klass.level, klass.level),
        "moves": [m for m in ClassMove if (klass.state, m) in CLASS_MOVES] if runs else [],
        "reason_form": ReasonForm(formdata=None),
    }


_TABS = {
    "review": [EnrolmentState.APPLIED],
    "returned": [EnrolmentState.RETURNED],
    "placed": [EnrolmentState.ADMITTED, EnrolmentState.COMPLETED],
    "waiting": [EnrolmentState.OFFERED, EnrolmentState.WAITING],
    "over": [EnrolmentState.REFUSED, EnrolmentState.WITHDRAWN],
}


@bp.get("/classes/<int:class_id>")
@requires(Can.READ_CLASS)
def class_page(class_id: int) -> Any:
    """Enrolments, by what is to be done with them."""
    klass = _class(class_id)
    frame = _frame(klass, "enrolments")
    shown = request.args.get("show", "review" if frame["counts"].get(EnrolmentState.APPLIED) else "placed")
    shown = shown if shown in _TABS else "review"
    listing = Listing(
        enrolments.enrolments_visible_to(current_person())
        .where(Enrolment.class_id == class_id, Enrolment.state.in_(_TABS[shown]))
        .options(joinedload(Enrolment.person)),
        [
            Column("person", _l("Name"), lambda e: e.person.name),
            Column(
                "employer",
                _l("Organisation"),
                lambda e: place_name(e.person.organisation) or "—",
            ),
            Column("education", _l("Education"), lambda e: words.EDUCATION[e.education]),
            Column(
                "experience_years",
                _l("Years of experience"),
                lambda e: e.experience_years,
                Enrolment.experience_years,
                numeric=True,
            ),
            Column("title_level", _l("Professional title"), lambda e: words.TITLES[e.title_level]),
            Column("applied_at", _l("Applied at"), lambda e: e.applied_at, Enrolment.applied_at),
            Column("state", _l("State"), lambda e: words.ENROLMENT_STATES[e.state][0]),
        ],
        request.args,
    )
    if request.args.get("export") == "xlsx":
        return listing.as_download(klass.title)
    return render_template("training/office/enrolments.html", listing=listing, shown=shown, groups=_TABS, **frame)


@bp.get("/enrolments/<int:enrolment_id>")
@requires(Can.READ_CLASS)
def enrolment(enrolment_id: int) -> Any:
    """One case: what was declared at the left, the decision at the right."""
    found = _enrolment(enrolment_id)
    klass = found.training_class
    return _case(found, klass, ReasonForm(formdata=None))


def _case(found: Enrolment, klass: TrainingClass, form: ReasonForm, status: int = 200) -> Any:
    person = found.person
    return (
        render_template(
            "training/office/enrolment.html",
            enrolment=found,
            form=form,
            reasons=reasons(klass.region_id),
            standing=hours.standing_of(person, klass.level, clock.today()),
            others=[e for e in enrolments.enrolments_of(person) if e.id != found.id],
            free=klass.capacity - classes.places_taken(klass.id),
            **_frame(klass, "enrolments"),
        ),
        status,
    )


def reasons(region_id: int | None) -> list[str]:
    """The usual reasons in the reader's language."""
    column = "zh" if chinese() else "en"
    return [row[column] for row in rule("enrolment_reasons", region_id=region_id)["reasons"]]


def _enrolment(enrolment_id: int) -> Enrolment:
    found = db.session.scalar(
        enrolments.enrolments_visible_to(current_person()).where(Enrolment.id == enrolment_id).order_by(None)
    )
    if found is None:
        raise NotFound
    return found


@bp.post("/enrolments/<int:enrolment_id>/<decision>")
@requires(Can.RUN_CLASS)
def decide(enrolment_id: int, decision: str) -> Any:
    """Approve, return, refuse or (for somebody with a place) take out one person."""
    verbs: dict[str, Any] = {
        "return": enrolments.give_back,
        "refuse": enrolments.refuse,
        "withdraw": enrolments.withdraw,
    }
    if decision not in ("admit", *verbs):
        raise NotFound
    found = _enrolment(enrolment_id)
    class_id = found.class_id
    form = ReasonForm()
    if decision != "admit" and not form.validate_on_submit():
        return _case(found, found.training_class, form, 422)
    try:
        with unit_of_work():
            if decision == "admit":
                enrolments.admit(_enrolment(enrolment_id), by=current_person(), now=clock.now())
            else:
                verbs[decision](
                    _enrolment(enrolment_id), by=current_person(), reason=form.reason.data or "", now=clock.now()
                )
    except Invalid as refusal:
        form.refuse(refusal)
        found = _enrolment(enrolment_id)
        return _case(found, found.training_class, form, 422)
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return redirect(url_for("training_office.enrolment", enrolment_id=enrolment_id))
    state = words.ENROLMENT_STATES[_enrolment(enrolment_id).state][0]
    flash(_("Decided: %(state)s. The person has been told.", state=state), "success")
    return redirect(url_for("training_office.class_page", class_id=class_id))


@bp.post("/classes/<int:class_id>/decide")
@requires(Can.RUN_CLASS)
def decide_many(class_id: int) -> Any:
    """Approve, return or refuse everybody who was chosen."""
    decision = request.form.get("do", "")
    _class(class_id, Can.RUN_CLASS)
    if decision not in enrolments.DECISIONS:
        raise NotFound
    ids = [int(i) for i in request.form.getlist("ids") if i.isascii() and i.isdigit() and len(i) < 10][:500]
    if request.form.get("whole") == "1":  # everybody who waits, not the page only
        waiting = select(Enrolment.id).where(Enrolment.class_id == class_id, Enrolment.state == EnrolmentState.APPLIED)
        ids = list(db.session.scalars(waiting))
    reason = request.form.get("reason", "").strip()[:1000]
    if not ids:
        flash(_("Nobody was chosen. Tick the people first."), "warning")
        return redirect(url_for("training_office.class_page", class_id=class_id))
    try:
        with unit_of_work():
            made = enrolments.decide_many(
                _locked_class(class_id), ids, decision, by=current_person(), reason=reason, now=clock.now()
            )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
        return redirect(url_for("training_office.class_page", class_id=class_id))
    parts = [f"{words.ENROLMENT_STATES[EnrolmentState(s)][0]}: {n}" for s, n in made.items() if s != "skipped"]
    if made["skipped"]:
        parts.append(_("left out, because already decided: %(n)s", n=made["skipped"]))
    flash(" · ".join(str(p) for p in parts), "success")
    return redirect(url_for("training_office.class_page", class_id=class_id))


@bp.post("/classes/<int:class_id>/move")
@requires(Can.RUN_CLASS)
def move(class_id: int) -> Any:
    asked = request.form.get("move", "")
    if asked not in {m.value for m in ClassMove}:
        raise NotFound
    try:
        with unit_of_work():
            classes.move_class(
                _class(class_id, Can.RUN_CLASS),
                ClassMove(asked),
                by=current_person(),
                reason=request.form.get("reason", "").strip()[:1000],
                now=clock.now(),
            )
        flash(
            _("The state of the class has changed: %(state)s.", state=words.CLASS_STATES[_class(class_id).state][0]),
            "success",
        )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_office.class_page", class_id=class_id))


# --- timetable ------------------------------------------------------------------------------------------------------------


def _sessions(klass: TrainingClass) -> list[ClassSession]:
    return list(
        db.session.scalars(
            select(ClassSession)
            .where(ClassSession.class_id == klass.id)
            .order_by(ClassSession.starts_at, ClassSession.id)
            .options(joinedload(ClassSession.course_version), joinedload(ClassSession.teacher))
        )
    )


@bp.get("/classes/<int:class_id>/timetable")
@requires(Can.READ_CLASS)
def timetable(class_id: int) -> Any:
    klass = _class(class_id)
    sessions = _sessions(klass)
    planned: dict[str, Any] = {}
    for one in sessions:
        planned[one.module] = planned.get(one.module, 0) + one.hours
    online: dict[str, Any] = {}
    for course in courses_of(klass.programme_id):
        if course.online:
            online[course.module] = online.get(course.module, 0) + course.hours
    return render_template(
        "training/office/timetable.html",
        sessions=sessions,
        planned=planned,
        online=online,
        required=hours.required_hours(klass.outline),
        clashes=timetables.clashes(klass) if klass.state not in (ClassState.ENDED, ClassState.CANCELLED) else [],
        days_off=moving.days_off(klass),
        **_frame(klass, "timetable"),
    )


@bp.post("/classes/<int:class_id>/plan")
@requires(Can.RUN_CLASS)
def plan(class_id: int) -> Any:
    try:
        with unit_of_work():
            made = classes.plan(_locked_class(class_id), by=current_person(), now=clock.now())
        flash(
            ngettext(
                "%(n)s period was put into the timetable. Please check times, rooms and teachers.",
                "%(n)s periods were put into the timetable. Please check times, rooms and teachers.",
                made,
            ),
            "success",
        )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_office.timetable", class_id=class_id))


@bp.route("/classes/<int:class_id>/periods/new", methods=["GET", "POST"], defaults={"session_id": None})
@bp.route("/classes/<int:class_id>/periods/<int:session_id>", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def period(class_id: int, session_id: int | None) -> Any:
    person, klass = current_person(), _class(class_id, Can.RUN_CLASS)
    found = _period(klass, session_id)
    form = SessionForm(data=_period_data(klass, found) if request.method == "GET" else None)
    teachers = classes.lecturers_for(person)
    for one in (klass.teacher, found.teacher if found else None):
        if one is not None and one not in teachers:
            teachers.append(one)
    form.offer([c for c in courses_of(klass.programme_id) if not c.online], teachers)
    if form.validate_on_submit():
        if not form.course_version_id.data and not form.title.data:
            form.title.errors = [*form.title.errors, _("Please choose a course or give a title.")]
        else:
            try:
                with unit_of_work():
                    klass = _locked_class(class_id)
                    classes.save_session(
                        klass, _period(klass, session_id), _period_values(form), by=current_person(), now=clock.now()
                    )
                flash(_("The period is saved."), "success")
                return redirect(url_for("training_office.timetable", class_id=class_id))
            except Refused as refusal:
                form.refuse(refusal)
                klass = _class(class_id, Can.RUN_CLASS)
                found = _period(klass, session_id)
    return render_template("training/office/period.html", form=form, session=found, **_frame(klass, "timetable")), (
        422 if request.method == "POST" else 200
    )


def _period(klass: TrainingClass, session_id: int | None) -> ClassSession | None:
    if session_id is None:
        return None
    found = db.session.get(ClassSession, session_id)
    if found is None or found.class_id != klass.id:
        raise NotFound
    return found


def _period_data(klass: TrainingClass, found: ClassSession | None) -> dict[str, Any]:
    if found is None:
        last = max((s.starts_at for s in klass.sessions), default=None)
        day = min(clock.local_date(last) + timedelta(days=1), klass.ends_on) if last else klass.starts_on
        return {"day": day, "starts": classes.DAY_BEGINS, "teacher_id": klass.teacher_id}
    start, end = clock.local(found.starts_at), clock.local(found.ends_at)
    return {
        "course_version_id": found.course_version_id, "module": found.module, "title": found.title, "day": start.date(),
        "starts": start.time(), "ends": end.time(), "hours": found.hours, "room": found.room,
        "teacher_id": found.teacher_id,
    }  # fmt: skip


def _period_values(form: SessionForm) -> dict[str, Any]:
    assert form.day.data and form.starts.data and form.ends.data
    return {
        "course_version_id": form.course_version_id.data,
        "module": form.module.data,
        "title": form.title.data or "",
        "starts_at": datetime.combine(form.day.data, form.starts.data, tzinfo=clock.LOCAL),
        "ends_at": datetime.combine(form.day.data, form.ends.data, tzinfo=clock.LOCAL),
        "hours": form.hours.data,
        "room": form.room.data or "",
        "teacher_id": form.teacher_id.data,
    }


@bp.post("/classes/<int:class_id>/periods/<int:session_id>/remove")
@requires(Can.RUN_CLASS)
def remove_period(class_id: int, session_id: int) -> Any:
    try:
        with unit_of_work():
            found = _period(_locked_class(class_id), session_id)
            assert found is not None
            classes.drop_session(found, by=current_person())
        flash(_("The period is removed."), "success")
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_office.timetable", class_id=class_id))


# --- attendance -----------------------------------------------------------------------------------------------------------


@bp.route("/classes/<int:class_id>/attendance", methods=["GET", "POST"])
@requires(Can.READ_CLASS, Can.TEACH)
def sheet(class_id: int) -> Any:
    """The attendance sheet of a class: everybody by every period. ``?period=`` narrows it to one."""
    if request.method == "POST":
        return _save_sheet(class_id)
    return _sheet_page(class_id)


def _sheet_page(class_id: int, error: str = "", typed_marks: Any = None, status: int = 200) -> Any:
    klass = _class(class_id)
    asked = request.args.get("period", "")
    sessions = _sessions(klass)
    chosen = [s for s in sessions if str(s.id) == asked] or sessions
    return (
        render_template(
            "training/office/attendance.html",
            sessions=chosen,
            all_sessions=sessions,
            one=len(chosen) == 1 and asked != "",
            people=classes.admitted_to(klass),
            marks=attendance.matrix(klass),
            stamps=signing.stamps_of(klass),
            one_phone=signing.one_phone(klass),
            guests=make_ups.guests_of(klass),
            may_record=_may_record(klass),
            error=error,
            typed_marks=typed_marks or {},
            reason=request.form.get("reason", ""),
            **_frame(klass, "attendance"),
        ),
        status,
    )


def _may_record(klass: TrainingClass) -> bool:
    try:
        classes.class_to_teach(current_person(), klass.id)
    except NotFound:
        return False
    return klass.state is not ClassState.CANCELLED


def _save_sheet(class_id: int) -> Any:
    marks: dict[tuple[int, int], AttendanceState | None] = {}
    for name, value in request.form.items():
        parts = name.split("-")
        if (
            len(parts) == 3
            and parts[0] == "a"
            and all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts[1:])
            and value
        ):
            if value not in {s.value for s in AttendanceState}:
                return _sheet_page(class_id, error=_("Please choose one of the offered marks."), status=422)
            marks[int(parts[1]), int(parts[2])] = AttendanceState(value)
    try:
        with unit_of_work():
            klass = locked(classes.class_to_teach(current_person(), class_id))
            changed = attendance.record_by_hand(
                klass, marks, by=current_person(), reason=request.form.get("reason", "")[:300], now=clock.now()
            )
        flash(ngettext("%(n)s mark was recorded.", "%(n)s marks were recorded.", changed), "success")
    except (attendance.HandReasonMissing, attendance.NotBegun) as refusal:
        return _sheet_page(class_id, error=refusal.text, typed_marks={k: v for k, v in marks.items() if v}, status=422)
    return redirect(url_for("training_office.sheet", class_id=class_id, period=request.args.get("period") or None))


@bp.get("/periods/<int:session_id>/screen")
@requires(Can.TEACH, Can.RUN_CLASS)
def screen(session_id: int) -> Any:
    """What is projected in the room: the code that changes, and how many have signed in."""
    found = classes.session_to_teach(current_person(), session_id)
    return render_template("training/office/screen.html", session=found, klass=found.training_class, **_code(found))


def _way(session: ClassSession) -> Way:
    """What the teacher asks for, else what the time of day asks for."""
    asked = request.args.get("way", "")
    return Way(asked) if asked in {w.value for w in Way} else signing.way_now(session, clock.now())


@bp.get("/periods/<int:session_id>/screen.json")
@requires(Can.TEACH, Can.RUN_CLASS)
def screen_code(session_id: int) -> Any:
    found = classes.session_to_teach(current_person(), session_id)
    code = _code(found)
    return jsonify(
        svg=code["svg"],
        address=code["address"],
        left=code["left"],
        signed=code["signed"],
        of=code["of"],
        way=code["way"],
    )


def _code(session: ClassSession) -> dict[str, Any]:
    way = _way(session)
    made = signing.code_for(session, way, clock.now())
    address = settings().PUBLIC_URL + url_for("training.sign_in", token=made.token)
    signed = (
        signing.signed_out(session)
        if way is Way.OUT
        else db.session.scalar(
            select(func.count()).where(
                Attendance.session_id == session.id,
                Attendance.state.in_([AttendanceState.PRESENT, AttendanceState.LATE]),
            )
        )
    )
    return {
        "svg": attendance.qr_svg(address),
        "address": address,
        "left": made.seconds_left,
        "every": made.every,
        "way": way.value,
        "chosen": request.args.get("way", ""),
        "signed": signed or 0,
        "of": classes.places_taken(session.class_id),
    }


# --- hours, letters -------------------------------------------------------------------------------------------------------


@bp.get("/classes/<int:class_id>/hours")
@requires(Can.READ_CLASS)
def class_hours(class_id: int) -> Any:
    """What everybody has earned in the class, by module, and what can be credited now."""
    klass = _class(class_id)
    earned: dict[int, dict[str, Any]] = {}
    for person_id, module, amount in db.session.execute(
        select(HourEntry.person_id, HourEntry.module, func.sum(HourEntry.hours))
        .where(
            HourEntry.level == klass.level,
            HourEntry.person_id.in_(select(Enrolment.person_id).where(Enrolment.class_id == klass.id)),
        )
        .group_by(HourEntry.person_id, HourEntry.module)
    ):
        earned.setdefault(person_id, {})[module] = amount
    scheme = rule("scheme", klass.level, region_id=klass.region_id)
    required = hours.required_hours(klass.outline)
    people = [
        (e, hours.standing(required, earned.get(e.person_id, {}), scheme["training_total"], scheme["training_module"]))
        for e in classes.admitted_to(klass)
    ]
    sessions = _sessions(klass)
    return render_template(
        "training/office/hours.html",
        people=people,
        required=required,
        sessions=sessions,
        over=[s for s in sessions if s.ends_at <= clock.now()],
        uncredited=_uncredited(klass),
        entries=_entries(klass),
        **_frame(klass, "hours"),
    )


def _uncredited(klass: TrainingClass) -> int:
    """Present marks of periods that are over and have no line in the ledger yet."""
    counted = select(HourEntry.id).where(
        HourEntry.person_id == Attendance.person_id,
        HourEntry.source_kind == hours.HourSource.SESSION,
        HourEntry.source_id == Attendance.session_id,
    )
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Attendance)
            .join(ClassSession, ClassSession.id == Attendance.session_id)
            .where(
                ClassSession.class_id == klass.id,
                ClassSession.ends_at <= clock.now(),
                Attendance.state == AttendanceState.PRESENT,
                ~counted.exists(),
            )
        )
        or 0
    )


def _entries(klass: TrainingClass) -> list[HourEntry]:
    """The newest lines of the ledger from this class."""
    return list(
        db.session.scalars(
            select(HourEntry).where(HourEntry.class_id == klass.id).order_by(HourEntry.id.desc()).limit(20)
        )
    )


@bp.post("/classes/<int:class_id>/credit")
@requires(Can.RUN_CLASS, Can.TEACH)
def credit(class_id: int) -> Any:
    """Credit one period (``period``) or every period that is over, in one action."""
    asked = request.form.get("period", "")
    try:
        with unit_of_work():
            klass = locked(classes.class_to_teach(current_person(), class_id))
            if asked:
                session = _period(klass, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else -1)
                assert session is not None
                made = hours.credit_session(session, by=current_person(), now=clock.now())
            else:
                made = hours.credit_class(klass, by=current_person(), now=clock.now())
        if made.hours:
            flash(
                _(
                    "%(hours)s class hours were credited to %(people)s people.",
                    hours=number(made.total),
                    people=len(made.hours),
                ),
                "success",
            )
        else:
            flash(
                _("There was nothing new to credit: record attendance first, or everything is credited already."),
                "info",
            )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_office.class_hours", class_id=class_id))


@bp.route("/classes/<int:class_id>/letters", methods=["GET", "POST"])
@requires(Can.READ_CLASS)
def class_letters(class_id: int) -> Any:
    """What was written to the people of the class, and a letter to all of them."""
    klass = _class(class_id)
    form = LetterForm()
    if request.method == "POST" and not classes.runs(current_person(), klass):
        raise NotFound
    if form.validate_on_submit():
        with unit_of_work():
            sent = classes.write_to_class(
                _locked_class(class_id),
                form.subject.data or "",
                form.text.data or "",
                by=current_person(),
                now=clock.now(),
            )
        flash(_("Your letter has gone to %(n)s people.", n=sent), "success")
        return redirect(url_for("training_office.class_letters", class_id=class_id))
    ids = list(db.session.scalars(select(Enrolment.id).where(Enrolment.class_id == class_id)))
    listing = Listing(
        select(Notice)
        .where(Notice.link.in_([f"/training/enrolments/{i}" for i in ids]), Notice.letter.like("training.%"))
        .order_by(Notice.id.desc()),
        [
            Column("created_at", _l("Sent"), lambda n: n.created_at, Notice.created_at),
            Column("person", _l("Recipient"), lambda n: names.get(n.person_id, "—")),
            Column("subject", _l("Subject"), lambda n: subject_of(n)),
            Column("read_at", _l("Read"), lambda n: n.read_at is not None),
        ],
        request.args,
    )
    names = {
        p.id: p.name
        for p in db.session.scalars(select(Person).where(Person.id.in_([n.person_id for n in listing.rows])))
    }
    return render_template("training/office/letters.html", listing=listing, form=form, **_frame(klass, "letters")), (
        422 if request.method == "POST" else 200
    )


@bp.get("/enrolments/<int:enrolment_id>/statement.pdf")
@requires(Can.READ_CLASS)
def statement(enrolment_id: int) -> Any:
    found = _enrolment(enrolment_id)
    made = Response(completion.completion_pdf_of(found), mimetype="application/pdf")
    made.headers["Content-Disposition"] = f'attachment; filename="{found.completion_number}.pdf"'
    return made


def outline_words(klass: TrainingClass) -> str:
    """Which outline version a class is judged by."""
    said = [_("version %(n)s", n=klass.outline.version)]
    return " · ".join([*said, _("system default")] if klass.outline.is_default else said)


@bp.app_context_processor
def helpers() -> dict[str, Any]:
    return {"outline_words": outline_words}


@bp.app_template_filter("clock_time")
def clock_time(value: datetime | None) -> str:
    """The time of day in Asia/Shanghai."""
    return "—" if value is None else f"{clock.local(value):%H:%M}"


@bp.app_template_filter("module_word")
def module_word(code: str) -> Any:
    return MODULES.get(code, code)
