"""Pages of the course editor beside the text of a lesson: order, preview, films, documents, links, pictures, bank questions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import and_, select
from wtforms import HiddenField
from wtforms.validators import InputRequired, StopValidation

from app.accounts.guard import current_person, requires, signed_in
from app.bank.models import Question, QuestionRevision
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Forbidden, NotFound, Refused
from app.core.forms import BaseForm, OnceForm, SelectField, ShortText
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, locked, unit_of_work
from app.files import uploads
from app.files.media import Film, hand_out_parts, take_film
from app.files.service import FileRefused, hand_out
from app.outline.rules import MODULE_CHOICES
from app.outline.service import level_names, rule
from app.training import lessons, materials, planning, programme
from app.training.learning_models import LessonMaterial, MaterialKind
from app.training.models import CourseVersion, LessonRevision
from app.training.words import MATERIALS, SUBTITLE_LANGUAGES

bp = Blueprint("training_lessons", __name__, url_prefix="/training/office/courses", template_folder="templates")
pictures_bp = Blueprint("training_pictures", __name__, url_prefix="/training/pictures")

FILM = {"training_lessons.add_film", "training_films.piece"}


@bp.url_value_preprocessor
def let_films_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """The addresses that take large uploads, from those alone who may put a film there."""
    if endpoint in FILM and current_user.is_authenticated and current_user.person.can(Can.EDIT_COURSE):
        request.max_content_length = (settings().VIDEO_MB + 1) * 1024 * 1024


NEEDED = FileRequired(_l("Please choose a file."))


class DocumentForm(OnceForm):
    file = FileField(
        _l("PDF file"),
        [NEEDED],
        description=_l("At most %(mb)s MB, 300 pages.", mb=materials.DOCUMENT_BYTES // 1024 // 1024),
    )
    title = ShortText(_l("Title"), required=False, maximum=200, description=_l("Empty: the name of the file."))


class _Sent:
    """A film was chosen, or one that arrived is named."""

    field_flags = {"required": True}

    def __call__(self, form: Any, field: Any) -> None:
        if not form.upload.data and not getattr(field.data, "filename", ""):
            raise StopValidation(_("Please choose a file."))


class FilmForm(OnceForm):
    """The film itself, or the name of one that came piece by piece (:mod:`app.training.film_pages`)."""

    upload = HiddenField()
    file = FileField(_l("Film"), [_Sent()])
    title = ShortText(_l("Title"), required=False, maximum=200, description=_l("Empty: the name of the file."))


class SubtitlesForm(OnceForm):
    file = FileField(_l("Subtitles"), [NEEDED], description=_l("A WebVTT file (.vtt) in UTF-8, at most 1 MB."))
    language = SelectField(_l("Language of the subtitles"), [InputRequired()], choices=SUBTITLE_LANGUAGES)


class LinkForm(OnceForm):
    url = ShortText(
        _l("Web address"), maximum=500, description=_l("For example a page of a law, or a film on another site.")
    )
    title = ShortText(_l("Title"), required=False, maximum=200, description=_l("Empty: the address."))


class PictureForm(BaseForm):
    file = FileField(_l("Picture"), [NEEDED], description=_l("PNG, JPEG or WebP, at most 5 MB."))
    words = ShortText(_l("What it shows"), maximum=120, description=_l("For those who cannot see it."))


def _version(version_id: int) -> CourseVersion:
    return programme.version_for(current_person(), version_id)


def _revision(version: CourseVersion, lesson_id: int) -> LessonRevision:
    found = next((one.revision for one in version.lessons if one.revision.lesson_id == lesson_id), None)
    if found is None:
        raise NotFound
    return found


# --- order and preview ----------------------------------------------------------------------------------------------------


@bp.post("/<int:version_id>/order")
@requires(Can.EDIT_COURSE)
def order(version_id: int) -> Any:
    """The lessons of a draft in the order sent; or one of them moved by its button, where there is no script."""
    ids = planning.as_ids(request.form.getlist("order"))
    way, _dash, lesson = request.form.get("do", "").partition("-")
    with unit_of_work():
        version = locked(_version(version_id))
        if way in ("up", "down") and lesson.isascii() and lesson.isdigit():
            programme.move_lesson(version, int(lesson), way == "up", by=current_person())
        else:
            programme.reorder_lessons(version, ids, by=current_person())
    if request.accept_mimetypes.best == "application/json":
        return {"saved": True}
    return redirect(url_for("training_courses.course", version_id=version_id) + "#lessons")


@bp.get("/<int:version_id>/preview")
@requires(Can.EDIT_COURSE)
def preview(version_id: int) -> Any:
    """The whole course as learners will see it."""
    version = _version(version_id)
    held = {one.revision_id: materials.of_revision(one.revision_id) for one in version.lessons}
    return render_template(
        "training/courses/preview.html",
        version=version,
        held=held,
        quizzes={one.revision_id: lessons.quiz_of(one.revision) for one in version.lessons},
        documents=materials.documents_of([m for found in held.values() for m in found]),
        rule=rule("attendance"),
        needs=planning.needs_of([version.id]).get(version.id, []),
        film_url=_film_url(version_id),
        words_url=_words_url(version_id),
        page_url=_page_url(version_id),
    )


def _film_url(version_id: int) -> Any:
    return lambda lesson_id, material: url_for(
        "training_lessons.film", version_id=version_id, lesson_id=lesson_id, material_id=material.id
    )


def _words_url(version_id: int) -> Any:
    return lambda lesson_id, material: url_for(
        "training_lessons.subtitles", version_id=version_id, lesson_id=lesson_id, material_id=material.id
    )


def _page_url(version_id: int) -> Any:
    return lambda lesson_id, material, number: url_for(
        "training_lessons.page", version_id=version_id, lesson_id=lesson_id, material_id=material.id, number=number
    )


def _material(version_id: int, lesson_id: int, material_id: int, kind: MaterialKind) -> LessonMaterial:
    revision = _revision(_version(version_id), lesson_id)
    found = db.session.get(LessonMaterial, material_id)
    if found is None or found.revision_id != revision.id or found.kind is not kind:
        raise NotFound
    return found


@bp.get("/<int:version_id>/lessons/<int:lesson_id>/films/<int:material_id>")
@requires(Can.EDIT_COURSE)
def film(version_id: int, lesson_id: int, material_id: int) -> Any:
    found = _material(version_id, lesson_id, material_id, MaterialKind.VIDEO)
    assert found.file is not None
    return hand_out_parts(found.file)


@bp.get("/<int:version_id>/lessons/<int:lesson_id>/subtitles/<int:material_id>")
@requires(Can.EDIT_COURSE)
def subtitles(version_id: int, lesson_id: int, material_id: int) -> Any:
    found = _material(version_id, lesson_id, material_id, MaterialKind.SUBTITLES)
    assert found.file is not None
    return hand_out_parts(found.file)


@bp.get("/<int:version_id>/lessons/<int:lesson_id>/documents/<int:material_id>/pages/<int:number>")
@requires(Can.EDIT_COURSE)
def page(version_id: int, lesson_id: int, material_id: int, number: int) -> Any:
    found = _material(version_id, lesson_id, material_id, MaterialKind.DOCUMENT)
    assert found.file_id is not None
    drawn = materials.page_of(found.file_id, number)
    if drawn is None:
        raise NotFound
    return hand_out(drawn.picture, inline=True)


# --- what a lesson holds --------------------------------------------------------------------------------------------------


def _held_page(version_id: int, lesson_id: int, *, status: int = 200, **forms: Any) -> Any:
    version = _version(version_id)
    revision = _revision(version, lesson_id)
    held = materials.of_revision(revision.id)
    return render_template(
        "training/courses/materials.html",
        version=version,
        revision=revision,
        lesson_id=lesson_id,
        held=held,
        documents=materials.documents_of(held),
        film=materials.film_of(held),
        is_draft=programme.is_draft(version),
        kinds=MATERIALS,
        most=settings().VIDEO_MB,
        arriving=uploads.open_of(current_person(), about_film(lesson_id)),
        term=uploads.TERM.days,
        subtitles_form=forms.get("subtitles_form") or SubtitlesForm(formdata=None, prefix="subtitles-"),
        languages=SUBTITLE_LANGUAGES,
        document_form=forms.get("document_form") or DocumentForm(formdata=None, prefix="document-"),
        film_form=forms.get("film_form") or FilmForm(formdata=None, prefix="film-"),
        link_form=forms.get("link_form") or LinkForm(formdata=None, prefix="link-"),
    ), status


@bp.get("/<int:version_id>/lessons/<int:lesson_id>/materials")
@requires(Can.EDIT_COURSE)
def held(version_id: int, lesson_id: int) -> Any:
    return _held_page(version_id, lesson_id)


def _added(version_id: int, lesson_id: int, name: str, form: Any, add: Any) -> Any:
    """Add something by its form; refused, the page comes back with what was typed."""
    if form.validate_on_submit():
        try:
            with unit_of_work():
                add(locked(_version(version_id)))
            flash(_("It is in the draft of the lesson."), "success")
            return redirect(url_for("training_lessons.held", version_id=version_id, lesson_id=lesson_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    return _held_page(version_id, lesson_id, status=422, **{name: form})


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/documents")
@requires(Can.EDIT_COURSE)
def add_document(version_id: int, lesson_id: int) -> Any:
    form = DocumentForm(prefix="document-")
    return _added(
        version_id, lesson_id, "document_form", form,
        lambda version: materials.add_document(
            version, lesson_id, form.file.data, form.title.data or "", by=current_person(), now=clock.now()
        ),
    )  # fmt: skip


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/films")
@requires(Can.EDIT_COURSE)
def add_film(version_id: int, lesson_id: int) -> Any:
    """A film sent whole with the form, or one whose pieces have arrived. Its bytes are looked at before anything is locked."""
    form = FilmForm(prefix="film-")
    if not form.validate_on_submit():
        return _held_page(version_id, lesson_id, status=422, film_form=form)
    try:
        materials.must_take_film(_version(version_id), lesson_id)
        film = _film_sent(lesson_id, form)
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        form.refuse(refusal)
        return _held_page(version_id, lesson_id, status=422, film_form=form)
    left: list[str] = []
    try:
        with unit_of_work():
            person = current_person()
            materials.add_film(
                locked(_version(version_id)), lesson_id, film, form.title.data or "", by=person, now=clock.now()
            )
            if form.upload.data:
                left = uploads.discard(uploads.upload_for(person, form.upload.data, hold=True))
    except (NotFound, Forbidden):
        film.drop()
        raise
    except Refused as refusal:
        film.drop()
        form.refuse(refusal)
        return _held_page(version_id, lesson_id, status=422, film_form=form)
    uploads.remove(left)
    flash(_("It is in the draft of the lesson."), "success")
    return redirect(url_for("training_lessons.held", version_id=version_id, lesson_id=lesson_id))


def about_film(lesson_id: int) -> str:
    """What an upload is for, as its row says it."""
    return f"film of lesson {lesson_id}"


def _film_sent(lesson_id: int, form: FilmForm) -> Film:
    """The film of the form, checked and in the storage. What arrived in pieces and is no film goes at once.

    Raises NoFile, FileRefused, NotWhole, NotFound."""
    most = settings().VIDEO_MB * 1024 * 1024
    if not form.upload.data:
        materials.must_be_there(form.file.data)
        return take_film(form.file.data.stream, form.file.data.filename, max_bytes=most, field="file")
    upload = uploads.upload_for(current_person(), form.upload.data)
    if upload.about != about_film(lesson_id):
        raise NotFound
    try:
        with uploads.whole(upload) as source:
            return take_film(source, upload.name, max_bytes=most, field="file")
    except FileRefused:
        with unit_of_work():
            left = uploads.discard(uploads.upload_for(current_person(), form.upload.data, hold=True))
        uploads.remove(left)
        raise


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/subtitles")
@requires(Can.EDIT_COURSE)
def add_subtitles(version_id: int, lesson_id: int) -> Any:
    form = SubtitlesForm(prefix="subtitles-")
    return _added(
        version_id, lesson_id, "subtitles_form", form,
        lambda version: materials.add_subtitles(
            version, lesson_id, form.file.data, form.language.data or "", by=current_person(), now=clock.now()
        ),
    )  # fmt: skip


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/links")
@requires(Can.EDIT_COURSE)
def add_link(version_id: int, lesson_id: int) -> Any:
    form = LinkForm(prefix="link-")
    return _added(
        version_id, lesson_id, "link_form", form,
        lambda version: materials.add_link(
            version, lesson_id, form.url.data or "", form.title.data or "", by=current_person(), now=clock.now()
        ),
    )  # fmt: skip


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/materials/<int:position>/<deed>")
@requires(Can.EDIT_COURSE)
def move_material(version_id: int, lesson_id: int, position: int, deed: str) -> Any:
    if deed not in ("up", "down", "remove"):
        raise NotFound
    try:
        with unit_of_work():
            materials.move_material(
                locked(_version(version_id)), lesson_id, position, deed, by=current_person(), now=clock.now()
            )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_lessons.held", version_id=version_id, lesson_id=lesson_id))


# --- pictures -------------------------------------------------------------------------------------------------------------


@bp.route("/<int:version_id>/pictures", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def pictures(version_id: int) -> Any:
    """The pictures of a course, each with the line that puts it into a text."""
    version, made = _version(version_id), ""
    form = PictureForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                kept = materials.keep_picture(
                    locked(_version(version_id)), form.file.data, by=current_person(), now=clock.now()
                )
                made = materials.as_markdown(kept.token, form.words.data or "")
            form = PictureForm(formdata=None)
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            version = _version(version_id)
    failed = request.method == "POST" and not made
    return render_template(
        "training/courses/pictures.html",
        version=version,
        form=form,
        made=made,
        pictures=materials.pictures_of(version.course_id),
        as_markdown=materials.as_markdown,
        is_draft=programme.is_draft(version),
    ), (422 if failed else 200)


@pictures_bp.get("/<token>")
@signed_in
def picture(token: str) -> Any:
    """A picture of a lesson. Whoever knows its address was shown it; it never changes."""
    answer = hand_out(materials.picture(token), inline=True)
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


# --- questions of the bank ------------------------------------------------------------------------------------------------


@bp.route("/<int:version_id>/lessons/<int:lesson_id>/questions", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def questions(version_id: int, lesson_id: int) -> Any:
    """Choose live questions of the bank for the quiz. For whom the bank is closed, the page says so."""
    version, person = _version(version_id), current_person()
    revision = _revision(version, lesson_id)
    if request.method == "POST":
        codes = _codes(planning.as_ids(request.form.getlist("ids")))
        try:
            with unit_of_work():
                materials.add_questions(
                    locked(_version(version_id)), lesson_id, codes, by=current_person(), now=clock.now()
                )
            flash(_("The questions are in the quiz of the draft."), "success")
            return redirect(url_for("training_courses.lesson", version_id=version_id, lesson_id=lesson_id) + "#quiz")
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            flash(refusal.text, "warning")
            return redirect(url_for("training_lessons.questions", version_id=version_id, lesson_id=lesson_id))
    kinds = dict(lessons_kinds())
    listing = Listing(
        materials.questions_for_quiz(person, version.course.level, "", ""),
        [
            Column("code", _l("Question no."), lambda q: q.code, Question.code),
            Column("text", _l("Question text"), lambda q: q.text[:120]),
            Column("kind", _l("Kind of question"), lambda q: kinds.get(q.kind.value, q.kind.value), Question.kind),
            Column("point", _l("Knowledge point"), lambda q: q.point),
        ],
        request.args,
        filters=[Filter("module", _l("Module"), MODULE_CHOICES, lambda v: Question.module == v)],
        search=[Question.code, Question.text, Question.point],
    )
    return render_template(
        "training/courses/questions.html",
        version=version,
        revision=revision,
        lesson_id=lesson_id,
        listing=listing,
        there={one["id"] for one in revision.quiz},
        open_bank=person.can(Can.READ_BANK),
        is_draft=programme.is_draft(version),
        levels=level_names(),
    )


def lessons_kinds() -> list[tuple[str, Any]]:
    from app.bank.faces import KIND_NAMES

    return [(kind.value, KIND_NAMES[kind]) for kind in programme.QUIZ_KINDS]


def _codes(ids: list[int]) -> list[str]:
    live = and_(QuestionRevision.question_id == Question.id, QuestionRevision.number == Question.live_number)
    return list(db.session.scalars(select(Question.code).join(QuestionRevision, live).where(Question.id.in_(ids))))
