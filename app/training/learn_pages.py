"""Pages of learning: the page of a course, films and documents of a lesson, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, signed_in
from app.core import clock
from app.core.errors import NotFound
from app.core.forms import BaseForm, LongText
from app.core.nav import place
from app.db import unit_of_work
from app.files.media import hand_out_parts
from app.files.service import hand_out
from app.outline.service import rule
from app.training import learning, lessons, materials, planning
from app.training.learning_models import LessonMaterial, MaterialKind

bp = Blueprint("training_learning", __name__, url_prefix="/training", template_folder="templates")

place("training_learning.notes", _l("My lesson notes"), "account", order=40)


class NoteForm(BaseForm):
    text = LongText(
        _l("My notes on this lesson"), required=False, maximum=learning.MOST_NOTE,
        description=_l("Only you see them. They stay when the lesson changes."),
    )  # fmt: skip


def extras(reading: lessons.Reading) -> dict[str, Any]:
    """What the page of a lesson shows besides text and quiz."""
    person = current_person()
    documents = materials.documents_of(reading.held)
    places = learning.places_in(person, reading.held)
    note = learning.note_in(person, reading.revision.lesson_id)
    return {
        "held": reading.held,
        "film": reading.film,
        "documents": documents,
        "places": places,
        "shown": _shown(reading, documents, places),
        "note_form": NoteForm(formdata=None, data={"text": note.text if note else ""}),
        "film_url": lambda lesson_id, material: url_for(
            "training_learning.film", lesson_id=lesson_id, material_id=material.id
        ),
        "words_url": lambda lesson_id, material: url_for(
            "training_learning.subtitles", lesson_id=lesson_id, material_id=material.id
        ),
        "page_url": lambda lesson_id, material, number: url_for(
            "training_learning.page", lesson_id=lesson_id, material_id=material.id, number=number
        ),
    }


def _shown(reading: lessons.Reading, documents: Any, places: Any) -> dict[int, Any]:
    """Material id → the page that is shown: the one asked for, else where the reader was."""
    made = {}
    for one in reading.held:
        drawn = documents.get(one.file_id)
        if one.kind is not MaterialKind.DOCUMENT or drawn is None or not drawn.pages:
            continue
        was = places[one.file_id].position if one.file_id in places else 1
        asked = asked_page() if request.args.get("document") == str(one.id) else None
        number = min(max(1, asked or was), drawn.pages)
        made[one.id] = materials.page_of(one.file_id, number) if one.file_id else None
    return made


def asked_page() -> int | None:
    """The page number in the address, or None."""
    found = planning.as_ids([request.args.get("page", "")])
    return found[0] if found else None


def keep_place(reading: lessons.Reading, now: Any) -> None:
    """Within a unit of work: the page asked for is where the reader is from now on."""
    material, page = planning.as_ids([request.args.get("document", "")]), asked_page()
    if material and page and any(one.id == material[0] for one in reading.held):
        learning.turned(current_person(), reading, material[0], min(page, 100_000), now=now)


@bp.get("/learn/<int:course_id>")
@signed_in
def course(course_id: int) -> Any:
    """A course with its lessons: how far, what each gives, where to go on."""
    found = learning.course_for(current_person(), course_id)
    version = found.line.version
    held = materials.kinds_of(one.revision.id for one in found.line.lessons)
    return render_template(
        "training/learn_course.html",
        found=found,
        version=version,
        lines=found.line.lessons,
        holds=held,
        needs=planning.needs_of([version.id]).get(version.id, []),
        rule=rule("attendance", region_id=current_person().region_id),
    )


def _material(lesson_id: int, material_id: int, kind: MaterialKind) -> LessonMaterial:
    reading = lessons.read(current_person(), lesson_id)
    found = next((one for one in reading.held if one.id == material_id and one.kind is kind), None)
    if found is None or found.file is None:
        raise NotFound
    return found


@bp.get("/lessons/<int:lesson_id>/films/<int:material_id>")
@signed_in
def film(lesson_id: int, material_id: int) -> Any:
    """The film, in the parts the player asks for."""
    found = _material(lesson_id, material_id, MaterialKind.VIDEO)
    assert found.file is not None
    return hand_out_parts(found.file)


@bp.get("/lessons/<int:lesson_id>/subtitles/<int:material_id>")
@signed_in
def subtitles(lesson_id: int, material_id: int) -> Any:
    """Subtitles of the film, for the player."""
    found = _material(lesson_id, material_id, MaterialKind.SUBTITLES)
    assert found.file is not None
    return hand_out_parts(found.file)


@bp.get("/lessons/<int:lesson_id>/documents/<int:material_id>/pages/<int:number>")
@signed_in
def page(lesson_id: int, material_id: int, number: int) -> Any:
    """One page of a document as a picture."""
    found = _material(lesson_id, material_id, MaterialKind.DOCUMENT)
    assert found.file_id is not None
    drawn = materials.page_of(found.file_id, number)
    if drawn is None:
        raise NotFound
    answer = hand_out(drawn.picture, inline=True)
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@bp.post("/lessons/<int:lesson_id>/watched")
@signed_in
def watched(lesson_id: int) -> Any:
    """What the player has really played: ``{"spans": [[from, to], …], "position": second}``."""
    told = request.get_json(silent=True)
    told = told if isinstance(told, Mapping) else {}
    with unit_of_work():
        person = current_person()
        found = learning.watched(
            person, lessons.read(person, lesson_id), told.get("spans"), told.get("position"), now=clock.now()
        )
    return jsonify(seconds=found.seconds, asked=found.asked, position=found.position, completed=found.completed)


@bp.post("/lessons/<int:lesson_id>/note")
@signed_in
def note(lesson_id: int) -> Any:
    form = NoteForm()
    lessons.read(current_person(), lesson_id)  # NotFound for what their programme does not hold
    if form.validate_on_submit():
        with unit_of_work():
            learning.write_note(current_person(), lesson_id, form.text.data or "", now=clock.now())
        flash(_("Your note is kept."), "success")
        return redirect(url_for("training.lesson", lesson_id=lesson_id) + "#notes")
    return render_template("training/note.html", form=form, lesson_id=lesson_id), 422


@bp.get("/notes")
@signed_in
def notes() -> Any:
    """All notes of the reader, newest first."""
    return render_template("training/notes.html", notes=learning.notes_of(current_person()))
