"""Pages of the question bank."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.bank import (
    asks,
    comparing,
    editing,
    export_pages,
    group_pages,
    groups,
    import_pages,
    picture_pages,
    pictures,
    service,
)
from app.bank.faces import DIFFICULTY_NAMES, KIND_NAMES, face_of
from app.bank.forms import ReasonForm, RemarkForm
from app.bank.lists import listing_of
from app.bank.models import Question, QuestionRevision, QuestionState
from app.bank.states import MOVES, Move
from app.bank.statistics_words import flag_badges
from app.bank.uses import uses_of
from app.bank.words import STATE_NAMES, STATE_TONES, in_words, rules_of
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.formulae import not_understood
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Listing
from app.db import locked, unit_of_work
from app.outline.rules import MODULES
from app.outline.service import level_names
from question_bank.grading import correct_answer
from question_bank.items import PART_KINDS, Item, Kind
from question_bank.texts import texts_of

bp = Blueprint("bank", __name__, url_prefix="/bank", template_folder="templates")

place("bank.questions", _l("Question bank"), "exams", can=Can.READ_BANK, order=30)
place("bank.to_review", _l("Questions to review"), "exams", can=Can.REVIEW_QUESTION, order=31,
      count=service.waiting_for_review)  # fmt: skip


@bp.app_template_global("question_words")
def question_words() -> dict[str, Any]:
    """Names of kinds, difficulties, modules and states for templates of the bank and of exams."""
    return {"kinds": KIND_NAMES, "difficulties": DIFFICULTY_NAMES, "modules": MODULES, "states": STATE_NAMES,
            "tones": STATE_TONES}  # fmt: skip


bp.add_app_template_filter(in_words, "in_words")


@bp.app_template_global("question_preview")
def question_preview(item: Item, digest: str, name: str = "preview", answer: Any = None) -> Any:
    """The question as a candidate sees it, not to be filled in."""
    return face_of(digest, item).html(name, title="", points=item.points, answer=answer, closed=True)


@bp.get("/questions")
@requires(Can.READ_BANK)
def questions() -> Any:
    rows = listing_of(service.questions_visible_to(current_person()), request.args)
    return _list(rows, _("Question bank"))


def _list(rows: Listing, title: str, *, review: bool = False) -> Any:
    flags = asks.flags_of([row.id for row in rows.rows])
    return render_template("bank/questions.html", rows=rows, kinds=KIND_NAMES, title=title, review=review,
                           flags={one: flag_badges(found) for one, found in flags.items()})  # fmt: skip


@bp.get("/review")
@requires(Can.REVIEW_QUESTION)
def to_review() -> Any:
    asked = service.questions_visible_to(current_person()).where(Question.state == QuestionState.IN_REVIEW)
    return _list(listing_of(asked, request.args), _("Questions to review"), review=True)


def _page(question: Question, revision: QuestionRevision, status: int = 200, **more: Any) -> Any:
    person = current_person()
    own = person.id in (question.author_id, question.latest.made_by_id)
    allowed = {move for (state, move) in MOVES if state is question.state}
    values: dict[str, Any] = {
        "question": question,
        "revision": revision,
        "item": revision.item,
        "key": correct_answer(revision.item),
        "level": level_names().get(revision.item.level or 0, "—"),
        "may_write": person.can(Can.WRITE_QUESTION),
        "may_review": person.can(Can.REVIEW_QUESTION) and not own,
        "own": own,
        "moves": allowed,
        "Move": Move,
        "remark_form": RemarkForm(),
        "reason_form": ReasonForm(),
        "uses": uses_of(question),
        "groups": groups.groups_of(question),
        "rules": rules_of(question.kind),
        "history": asks.history_of(question.id),
        "known_faults": asks.known_faults(question.id),
        "fault_page": asks.fault_page(person, question.id),
        "flag_badges": flag_badges,
        "reads_exams": person.can(Can.READ_EXAM),
        "bad_formulae": not_understood(" \n\n".join(texts_of(revision.item))),
    }
    return render_template("bank/question.html", **(values | more)), status


@bp.get("/questions/<int:question_id>")
@requires(Can.READ_BANK)
def question(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    return _page(found, found.latest)


@bp.get("/questions/<int:question_id>/compare")
@requires(Can.READ_BANK)
def compare(question_id: int) -> Any:
    """Two revisions side by side; ``old`` and ``new`` in the address, else the newest and the one before it."""
    person = current_person()
    found = service.question_for(person, question_id)
    new = _number(request.args.get("new"), found.latest_number)
    old = _number(request.args.get("old"), max(1, new - 1))
    before, after = (service.revision_for(person, question_id, number) for number in (old, new))
    return render_template("bank/compare.html", question=found, before=before, after=after,
                           rows=comparing.compare(before.item, after.item))  # fmt: skip


def _number(typed: str | None, otherwise: int) -> int:
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) < 7 else otherwise


@bp.get("/questions/<int:question_id>/revisions/<int:number>")
@requires(Can.READ_BANK)
def revision(question_id: int, number: int) -> Any:
    person = current_person()
    return _page(service.question_for(person, question_id), service.revision_for(person, question_id, number))


def _edit_page(kind: Kind, raw: Any, question: Question | None, error: str = "", status: int = 200) -> Any:
    return (
        render_template(
            "bank/edit.html", kind=kind, raw=editing.shown(raw), question=question, error=error, modules=MODULES,
            levels=level_names(), difficulties=DIFFICULTY_NAMES, kinds=KIND_NAMES, part_kinds=PART_KINDS,
            shown=editing.shown, note=request.form.get("note", ""), rules=rules_of(kind), picture_places=editing.PICTURE_PLACES,
        ),
        status,
    )  # fmt: skip


def _more(kind: Kind, question: Question | None) -> Any:
    """The form again with what was typed and one part or picture more (the buttons "add a part", "add the picture")."""
    raw = editing.raw_from(request.form, kind)
    if request.form.get("add_picture"):
        try:
            with unit_of_work():
                kept = pictures.keep_picture(request.files.get("picture"), by=current_person(), now=clock.now())
        except Invalid as error:
            return _edit_page(kind, raw, question, error.text, 422)
        editing.put_picture(
            raw, request.form.get("picture_to", ""), kept.markdown(request.form.get("picture_words", ""))
        )
        return _edit_page(kind, raw, question)
    added = request.form.get("add_part", "")
    if added in {k.value for k in PART_KINDS}:
        raw.setdefault("parts", []).append({"kind": added, "text": "", "points": ""})
    return _edit_page(kind, raw, question)


@bp.route("/questions/new/<kind>", methods=["GET", "POST"])
@requires(Can.WRITE_QUESTION)
def new(kind: str) -> Any:
    if kind not in set(Kind):
        raise NotFound
    asked = Kind(kind)
    if request.method == "GET":
        return _edit_page(asked, {"kind": kind, "points": "1"}, None)
    if request.form.get("add_part") or request.form.get("add_picture"):
        return _more(asked, None)
    try:
        item = editing.item_from(request.form, asked)
        twin = service.look_through([item])
        if not twin.new:
            code = twin.duplicates.get(item.id, item.id)
            raise editing.BadQuestion(
                "text", words=_("A question with this text is in the bank already: %(code)s.", code=code)
            )
        with unit_of_work():
            made = service.create(item, by=current_person(), now=clock.now())
    except Invalid as error:
        return _edit_page(asked, editing.raw_from(request.form, asked), None, error.text, 422)
    flash(_("The question was saved as a draft. Submit it for review when it is ready."), "success")
    return redirect(url_for("bank.question", question_id=made.id))


@bp.route("/questions/<int:question_id>/edit", methods=["GET", "POST"])
@requires(Can.WRITE_QUESTION)
def edit(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    if request.method == "GET":
        return _edit_page(found.kind, found.latest.body, found)
    if request.form.get("add_part") or request.form.get("add_picture"):
        return _more(found.kind, found)
    try:
        item = editing.item_from(request.form, found.kind, found.code)
        with unit_of_work():
            service.revise(locked(found), item, by=current_person(), now=clock.now(),
                           note=request.form.get("note", "")[:400])  # fmt: skip
    except Invalid as error:
        raw = editing.raw_from(request.form, found.kind)
        return _edit_page(found.kind, raw, service.question_for(current_person(), question_id), error.text, 422)
    flash(_("A new revision was saved. What is live stays in use until the new revision is approved."), "success")
    return redirect(url_for("bank.question", question_id=question_id))


@bp.post("/questions/<int:question_id>/submit")
@requires(Can.WRITE_QUESTION)
def submit(question_id: int) -> Any:
    """To the reviewers; what is still missing is said where the author can fill it in."""
    found = service.question_for(current_person(), question_id)
    try:
        with unit_of_work():
            service.submit(locked(found), by=current_person(), now=clock.now())
    except service.Incomplete as refusal:
        flash(refusal.text, "warning")
        return redirect(url_for("bank.edit", question_id=question_id))
    flash(_("Submitted for review."), "success")
    return redirect(url_for("bank.question", question_id=question_id))


@bp.post("/questions/<int:question_id>/approve")
@requires(Can.REVIEW_QUESTION)
def approve(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    form = RemarkForm()
    if not form.validate_on_submit():
        return _page(found, found.latest, 422, remark_form=form)
    with unit_of_work():
        service.approve(locked(found), by=current_person(), now=clock.now(), remark=form.remark.data or "")
    flash(_("The question is live: papers may draw it."), "success")
    return redirect(url_for("bank.to_review"))


@bp.post("/questions/<int:question_id>/return")
@requires(Can.REVIEW_QUESTION)
def send_back(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    form = RemarkForm()
    form.remark.validators = [*form.remark.validators]
    if form.validate_on_submit() and (form.remark.data or "").strip():
        with unit_of_work():
            service.send_back(locked(found), by=current_person(), now=clock.now(), remark=form.remark.data)
        flash(_("Returned to the author with your remark."), "success")
        return redirect(url_for("bank.to_review"))
    form.remark.errors = [*form.remark.errors, _("Please say what should be changed.")]
    return _page(found, found.latest, 422, remark_form=form)


@bp.post("/questions/<int:question_id>/retire")
@requires(Can.REVIEW_QUESTION)
def retire(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(found, found.latest, 422, reason_form=form)
    with unit_of_work():
        service.retire(locked(found), by=current_person(), now=clock.now(), reason=form.reason.data)
    flash(_("Retired: no new paper draws it. The exam office is shown papers not begun that hold it."), "success")
    return redirect(url_for("bank.question", question_id=question_id))


@bp.post("/questions/<int:question_id>/revive")
@requires(Can.REVIEW_QUESTION)
def revive(question_id: int) -> Any:
    found = service.question_for(current_person(), question_id)
    with unit_of_work():
        service.revive(locked(found), by=current_person(), now=clock.now())
    flash(_("A draft again. It must be reviewed before papers draw it."), "success")
    return redirect(url_for("bank.question", question_id=question_id))


blueprints = [bp, import_pages.bp, export_pages.bp, group_pages.bp, picture_pages.bp]
