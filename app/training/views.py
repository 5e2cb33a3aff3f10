"""Pages for everybody: classes, enrolling, my training, lessons, signing in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, public, signed_in, visitor
from app.accounts.models import Education, Organisation, Region, TitleLevel
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import NotFound, Refused
from app.core.forms import clean_text
from app.core.frame import kept
from app.core.nav import place
from app.core.tables import Column, Filter, Listing
from app.core.text import number, percent
from app.db import db, locked, rows, unit_of_work
from app.outline.rules import MODULES
from app.outline.service import level_names
from app.training import (
    attendance,
    claims,
    classes,
    completion,
    completion_pages,
    documents,
    enrolments,
    event_pages,
    events,
    feedback,
    feedback_pages,
    film_pages,
    hours,
    learn_pages,
    learning,
    lesson_pages,
    lessons,
    many_pages,
    moving,
    offers,
    prerequisites,
    programme_pages,
    signing,
    words,
)
from app.training.class_forms import enrol_form
from app.training.class_mine import bp as classes_bp
from app.training.class_pages import bp as running_bp
from app.training.editor import bp as editor_bp
from app.training.models import Enrolment, HourEntry, LessonProgress, TrainingClass
from app.training.office import bp as office_bp
from app.training.programme import NoProgramme, courses_and_lessons, courses_of, newest_programme
from app.training.states import HELD, IN_TRAINING, TAKES_A_PLACE, EnrolmentState

bp = Blueprint("training", __name__, url_prefix="/training", template_folder="templates")
blueprints = [
    bp, office_bp, editor_bp, running_bp, classes_bp, programme_pages.bp, lesson_pages.bp, lesson_pages.pictures_bp,
    film_pages.bp, learn_pages.bp, completion_pages.bp, feedback_pages.bp, event_pages.bp, many_pages.bp,
]  # fmt: skip

place("training.classes", _l("Training classes"), "public", order=20)
place("training.mine", _l("My training"), "me", order=10, icon="training")


@bp.app_context_processor
def labels() -> dict[str, Any]:
    return {"training_words": words, "module_names": MODULES, "asked_words": asked_words}


def _region_choices() -> list[tuple[str, str]]:
    return [(str(r.id), r.name_zh if words_chinese() else r.name_en) for r in rows(_our_regions(), {})]


@cache
def _our_regions() -> Select[Any]:
    r = Region.__table__.c
    return select(r.id, r.name_zh, r.name_en).where(r.ours.is_(True)).order_by(r.code)


def words_chinese() -> bool:
    from app.core.text import chinese

    return chinese()


@bp.get("", endpoint="classes")
@public
def classes_list() -> Any:
    """Classes that are announced or running."""
    names = level_names()
    taken = Column(
        "taken", _l("Places taken"), lambda c: f"{counts.get(c.id, {}).get(EnrolmentState.ADMITTED, 0)} / {c.capacity}"
    )
    columns = [
        Column("title", _l("Class"), lambda c: c.title, TrainingClass.title),
        Column("level", _l("Level"), lambda c: names.get(c.level, c.level), TrainingClass.level),
        Column("base", _l("Training base"), lambda c: place_name(c.organisation)),
        Column("starts_on", _l("Class begins"), lambda c: c.starts_on, TrainingClass.starts_on),
        Column("enrol_until", _l("Enrolment closes"), lambda c: c.enrol_until, TrainingClass.enrol_until),
        taken,
        Column("state", _l("State"), lambda c: c.state),
    ]
    listing = Listing(
        classes.public_classes().options(joinedload(TrainingClass.organisation).joinedload(Organisation.region)),
        columns,
        request.args,
        filters=[
            Filter(
                "level", _l("Level"), [(str(k), v) for k, v in names.items()], lambda v: TrainingClass.level == int(v)
            ),
            Filter("region", _l("Region"), _region_choices(), lambda v: TrainingClass.region_id == int(v)),
        ],
        search=[TrainingClass.title, TrainingClass.place],
    )
    counts = classes.counts_of([c.id for c in listing.rows])

    def full(klass: TrainingClass) -> bool:
        return sum(counts.get(klass.id, {}).get(s, 0) for s in TAKES_A_PLACE) >= klass.capacity

    return render_template("training/classes.html", listing=listing, today=clock.today(), full=full)


@bp.get("/classes/<int:class_id>")
@public
def class_page(class_id: int) -> Any:
    klass, person, now = classes.public_class(class_id), visitor(), clock.now()
    mine = enrolments.enrolment_in(klass, person) if person else None
    counts = classes.counts_of([klass.id])[klass.id]
    return render_template(
        "training/class.html",
        klass=klass,
        level=level_names().get(klass.level, klass.level),
        sessions=_timetable(klass),
        courses=courses_of(klass.programme_id),
        required=hours.required_hours(klass.outline),
        hindrance=enrolments.hindrance(klass, person, now),
        mine=mine,
        queue=enrolments.queue_place(mine) if mine and mine.state is EnrolmentState.WAITING else None,
        taken=sum(counts.get(s, 0) for s in TAKES_A_PLACE),
        waiting=counts.get(EnrolmentState.WAITING, 0),
    )


def _timetable(klass: TrainingClass) -> list[Any]:
    from app.training.models import ClassSession

    return list(
        db.session.query(ClassSession)
        .where(ClassSession.class_id == klass.id)
        .order_by(ClassSession.starts_at)
        .options(joinedload(ClassSession.course_version), joinedload(ClassSession.teacher))
    )


@bp.route("/classes/<int:class_id>/enrol", methods=["GET", "POST"])
@signed_in
def enrol(class_id: int) -> Any:
    person, klass = current_person(), classes.public_class(class_id)
    before = enrolments.enrolment_in(klass, person)
    asked = documents.asked_for(klass)
    form = enrol_form(asked)(
        data=None
        if request.method == "POST"
        else {
            "education": (person.education or Education.BACHELOR).value,
            "experience_years": person.experience_years,
            "title_level": person.title_level.value,
            "title_years": person.title_years,
            "remark": before.remark if before else "",
        }
    )
    if form.validate_on_submit():
        background = enrolments.Background(
            Education(form.education.data),
            form.experience_years.data or 0,
            TitleLevel(form.title_level.data),
            form.title_years.data or 0,
        )
        uploads = {one.field: form[one.field.replace("-", "_")].data for one in asked}
        try:
            with unit_of_work():
                documents.check(klass, before, uploads)
                made = enrolments.enrol(
                    locked(klass),
                    by=current_person(),
                    background=background,
                    pledged=bool(form.pledge.data),
                    remark=form.remark.data or "",
                    now=clock.now(),
                )
                db.session.flush()  # documents name it
                documents.take(made, uploads, by=current_person(), now=clock.now())
            flash(_("Your enrolment has been sent to the training base."), "success")
            return redirect(url_for("training.enrolment", enrolment_id=made.id))
        except Refused as refusal:
            if getattr(refusal, "field", None):
                refusal.field = refusal.field.replace("-", "_")  # type: ignore[attr-defined]
            form.refuse(refusal)
            klass = classes.public_class(class_id)
            before = enrolments.enrolment_in(klass, current_person())
    hindrance = enrolments.hindrance(klass, current_person(), clock.now())
    if hindrance is not None and request.method == "GET":
        flash(hindrance.text, "warning")
        return redirect(url_for("training.class_page", class_id=class_id))
    return (
        render_template(
            "training/enrol.html",
            klass=klass,
            form=form,
            before=before,
            level=level_names().get(klass.level, klass.level),
            asked=asked,
        ),
        422 if request.method == "POST" else 200,
    )


@bp.get("/enrolments/<int:enrolment_id>")
@signed_in
def enrolment(enrolment_id: int) -> Any:
    person = current_person()
    found = enrolments.own_enrolment(person, enrolment_id)
    klass = found.training_class
    seen = {
        a.session_id: a
        for a in db.session.query(attendance.Attendance).where(
            attendance.Attendance.person_id == person.id,
            attendance.Attendance.session_id.in_([s.id for s in klass.sessions]),
        )
    }
    return render_template(
        "training/enrolment.html",
        enrolment=found,
        klass=klass,
        sessions=_timetable(klass),
        completion=completion.of_enrolment(found.id) if found.completion_number else None,
        address=completion.address_of,
        feedback=_feedback_open(found),
        seen=seen,
        level=level_names().get(klass.level, klass.level),
        queue=enrolments.queue_place(found) if found.state is EnrolmentState.WAITING else None,
        offer=offers.open_offer(found),
        transfer=moving.asked_transfer(found),
        late=enrolments.withdraws_late(found, clock.now()),
        last_day=enrolments.last_day_to_withdraw(klass),
    )


def _feedback_open(found: Enrolment) -> bool:
    try:
        feedback.may_answer(found, clock.now())
    except Refused:
        return False
    return True


@bp.post("/enrolments/<int:enrolment_id>/withdraw")
@signed_in
def withdraw(enrolment_id: int) -> Any:
    found = enrolments.own_enrolment(current_person(), enrolment_id)
    reason = str(clean_text(request.form.get("reason", "")))[:1000]
    try:
        with unit_of_work():
            enrolments.withdraw(found, by=current_person(), reason=reason, now=clock.now())
    except enrolments.LateReasonMissing as refusal:
        flash(refusal.text, "warning")
        return redirect(url_for("training.enrolment", enrolment_id=enrolment_id))
    flash(_("You have given up your place. You can enrol again while enrolment is open."), "success")
    return redirect(url_for("training.enrolment", enrolment_id=enrolment_id))


@bp.get("/enrolments/<int:enrolment_id>/statement.pdf")
@signed_in
def statement(enrolment_id: int) -> Any:
    found = enrolments.own_enrolment(current_person(), enrolment_id)
    return _pdf(found)


def _pdf(found: Enrolment) -> Response:
    made = Response(completion.completion_pdf_of(found), mimetype="application/pdf")
    made.headers["Content-Disposition"] = f'attachment; filename="{found.completion_number}.pdf"'
    return made


# --- my training ----------------------------------------------------------------------------------------------------------


@bp.get("/mine")
@signed_in
def mine() -> Any:
    """Hours by module against what is asked, courses and lessons, and what to do next."""
    person, today, names = current_person(), clock.today(), level_names()
    all_mine = enrolments.enrolments_of(person)
    asked = request.args.get("level", "")
    levels = sorted({e.training_class.level for e in all_mine if e.state in HELD} | _levels_with_hours(person))
    rank = (
        int(asked)
        if asked.isascii() and asked.isdigit() and int(asked) in names
        else (levels[-1] if levels else min(names))
    )
    facts = hours.facts_of(person, rank, today)
    placed = max(
        (e for e in all_mine if e.training_class.level == rank and e.state in IN_TRAINING),
        key=lambda e: (e.training_class.starts_on, e.id),
        default=None,
    )
    try:
        lines = lessons.course_lines(person, rank, lessons.programme_of(person, rank, placed))
    except NoProgramme:
        lines = []
    return render_template(
        "training/mine.html",
        rank=rank,
        levels=names,
        facts=facts,
        standing=hours.standing_of(person, rank, today, facts),
        enrolments=[e for e in all_mine if e.training_class.level == rank],
        placed=placed,
        lines=lines,
        next_lesson=lessons.next_lesson(lines) if placed else None,
    )


def _levels_with_hours(person: Any) -> set[int]:
    found = db.session.query(HourEntry.level).where(HourEntry.person_id == person.id).distinct()
    return {level for (level,) in found if level}  # 0: after the certificate


@bp.get("/hours")
@signed_in
def ledger() -> Any:
    """Where each class hour came from."""
    names = level_names()
    listing = Listing(
        hours.entries_of(current_person()).options(joinedload(HourEntry.training_class), joinedload(HourEntry.course)),
        [
            Column("earned_on", _l("Date"), lambda e: e.earned_on, HourEntry.earned_on),
            Column("level", _l("Level"), lambda e: names.get(e.level, _("After the certificate")), HourEntry.level),
            Column("module", _l("Module"), lambda e: MODULES.get(e.module, e.module), HourEntry.module),
            Column("hours", _l("Class hours"), lambda e: e.hours, HourEntry.hours, numeric=True),
            Column("source", _l("Earned by"), lambda e: words.SOURCES[e.source_kind], HourEntry.source_kind),
            Column("class", _l("Class"), lambda e: e.training_class.title if e.training_class else "—"),
            Column("working", _l("How it was worked out"), lambda e: working_words(e)),
        ],
        request.args,
        default_sort="-earned_on",
    )
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Hours ledger"))
    return render_template("training/hours.html", listing=listing)


def asked_words(standing: hours.Standing) -> str:
    """What the gate asks in all; the home page says it in the same words (``pathway.words.share_words``)."""
    return _(
        "Asked: %(needed)s of %(whole)s class hours (%(share)s)",
        needed=number(standing.needed), whole=number(standing.required), share=percent(standing.total_share),
    )  # fmt: skip


def working_words(entry: HourEntry) -> str:
    """The arithmetic of a ledger line in words."""
    working = entry.working
    if working.get("rule") == "reversal":
        return _("Takes back entry %(id)s: %(reason)s", id=working["of"], reason=working["reason"])
    if working.get("rule") in ("recognised", "continuing"):
        return claims.working_words(working)
    if working.get("rule") == "event":
        return events.working_words(working)
    if working.get("rule") == "make_up":
        return _(
            "Made up in “%(class_)s” for “%(missed)s” of %(day)s",
            class_=working["heard_in"],
            missed=working["missed"],
            day=working["missed_on"],
        )
    if working.get("rule") == "lesson":
        if working.get("by") == "film":
            return _(
                "Played %(minutes)s of the %(asked)s minutes of the film, quiz passed; course %(course)s",
                minutes=number(Decimal(working["seconds"]) / 60, 1),
                asked=number(Decimal(working["asked"]) / 60, 1),
                course=working.get("course", ""),
            )
        return _(
            "Read for %(minutes)s of %(asked)s minutes, quiz passed; course %(course)s",
            minutes=number(Decimal(working["seconds"]) / 60, 1),
            asked=number(Decimal(working["asked"]) / 60, 1),
            course=working.get("course", ""),
        )
    credited = working["credited"]
    if "course" in working:
        return ngettext(
            "Present; %(hours)s class hour of the course %(course)s (%(before)s of %(whole)s credited before)",
            "Present; %(hours)s class hours of the course %(course)s (%(before)s of %(whole)s credited before)",
            credited,
            hours=number(Decimal(credited)),
            course=working["course"],
            before=number(Decimal(working["before"])),
            whole=number(Decimal(working["course_hours"])),
        )
    return ngettext(
        "Present; %(hours)s class hour", "Present; %(hours)s class hours", credited, hours=number(Decimal(credited))
    )


@bp.get("/courses/<int:level>")
@public
def programme(level: int) -> Any:
    """The programme of a level as anybody may read it."""
    if level not in level_names():
        raise NotFound
    try:
        newest = newest_programme(level)
    except NoProgramme:
        raise NotFound from None
    courses = kept(
        "training/_programme.html",
        newest.id,
        newest.created_at,
        values=lambda: {"courses": courses_and_lessons(newest.id)},
    )
    return render_template(
        "training/programme.html", level=level, levels=level_names(), mark=newest.mark, courses=courses
    )


# --- lessons --------------------------------------------------------------------------------------------------------------


@bp.get("/lessons/<int:lesson_id>")
@signed_in
def lesson(lesson_id: int) -> Any:
    with unit_of_work():
        reading = lessons.open_(current_person(), lesson_id, now=clock.now())
        learning.opened(current_person(), reading, now=clock.now())
        learn_pages.keep_place(reading, clock.now())
    return _lesson_page(reading)


def _lesson_page(
    reading: lessons.Reading, marked: list[lessons.Marked] | None = None, note: str = "", status: int = 200
) -> Any:
    person, revision = current_person(), reading.revision
    order = [one.revision for version in courses_of(reading.programme_id) for one in version.lessons]
    at = next((i for i, one in enumerate(order) if one.id == revision.id), 0)
    progress: LessonProgress | None = reading.progress
    return (
        render_template(
            "training/lesson.html",
            reading=reading,
            revision=revision,
            quiz=lessons.quiz_of(revision),
            marked={one.item.id: one for one in marked or []},
            progress=progress,
            rule=lessons.rule("attendance", region_id=person.region_id),
            before=order[at - 1] if at > 0 else None,
            after=order[at + 1] if at + 1 < len(order) else None,
            note=note,
            missing=prerequisites.missing(person, reading.course, reading.programme_id),
            **learn_pages.extras(reading),
        ),
        status,
    )


@bp.post("/lessons/<int:lesson_id>/progress")
@signed_in
def progress(lesson_id: int) -> Any:
    """Time read, from the page's script (JSON) or from its button."""
    told = request.get_json(silent=True) if request.is_json else request.form
    raw = str(told.get("seconds", "")) if isinstance(told, Mapping) else ""
    claimed = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 7 else 0
    with unit_of_work():
        found = lessons.beat(current_person(), lessons.read(current_person(), lesson_id), claimed, now=clock.now())
    if request.is_json:
        reading = lessons.read(current_person(), lesson_id)
        return jsonify(seconds=found.seconds, asked=reading.seconds_asked, completed=found.completed_at is not None)
    flash(_("Your reading time has been counted."), "success")
    return redirect(url_for("training.lesson", lesson_id=lesson_id))


@bp.post("/lessons/<int:lesson_id>/quiz")
@signed_in
def quiz(lesson_id: int) -> Any:
    raw = {key: request.form.getlist(key) for key in request.form if key != "csrf_token"}
    try:
        with unit_of_work():
            tried, marked = lessons.answer_quiz(
                current_person(), lessons.read(current_person(), lesson_id), raw, now=clock.now()
            )
    except (lessons.QuizIncomplete, prerequisites.NeedsFirst) as refusal:
        return _lesson_page(lessons.read(current_person(), lesson_id), note=refusal.text, status=422)
    note = (
        _("%(right)s of %(total)s right: passed.", right=tried.right, total=tried.total)
        if tried.passed
        else _(
            "%(right)s of %(total)s right: not passed yet. Read the explanations and try again.",
            right=tried.right,
            total=tried.total,
        )
    )
    return _lesson_page(lessons.read(current_person(), lesson_id), marked, note)


# --- signing in -----------------------------------------------------------------------------------------------------------


@bp.route("/sign-in/<token>", methods=["GET", "POST"])
@signed_in
def sign_in(token: str) -> Any:
    """Where the code on the screen leads, for signing in and for signing out: one button, then the answer."""
    device = request.cookies.get(PHONE, "")
    try:
        if request.method == "POST":
            device = device if len(device) == 22 else secrets.token_urlsafe(16)
            with unit_of_work():
                made = signing.sign(current_person(), token, device=signing.device_mark(device), now=clock.now())
            page = render_template(
                "training/signed_in.html", attendance=made.attendance, session=made.attendance.session, signed=made
            )
            answer = Response(page)
            answer.set_cookie(
                PHONE,
                device,
                max_age=180 * 86400,
                httponly=True,
                samesite="Lax",
                secure=request.is_secure,
                path="/training",
            )
            return answer
        now = clock.now()
        found, way = signing.read(token, now)
    except Refused as refusal:
        return render_template("training/sign_in_refused.html", refusal=refusal), refusal.status
    return render_template(
        "training/sign_in.html",
        token=token,
        session=found,
        klass=found.training_class,
        way=way.value,
        early=way.value == "out" and signing.leaves_early(found, now),
    )


PHONE = "phone"
"""Cookie with a random mark of the browser: two people on one phone in one period are shown to the teacher."""
