"""Pages of an import: upload, dry run with its choices, progress, result, undo."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts.guard import current_person, requires
from app.bank import importing, words
from app.bank.faces import face_of
from app.bank.forms import UploadForm
from app.bank.models import Choice, Fate, ImportState, QuestionImport, QuestionImportRow, RowOutcome
from app.core import clock
from app.core.errors import Invalid, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download, excel
from app.db import db, locked, unit_of_work
from app.jobs.models import Job
from question_bank.formats import write

bp = Blueprint("bank_import", __name__, url_prefix="/bank/import", template_folder="templates")
place("bank_import.index", _l("Imports of questions"), "exams", can=Can.WRITE_QUESTION, order=33,
      count=importing.waiting_imports)  # fmt: skip


@bp.app_template_global("import_words")
def import_words() -> dict[str, Any]:
    """Names and colours of what an import is made of."""
    return {
        "states": words.IMPORT_NAMES, "state_tones": words.IMPORT_TONES, "fates": words.FATE_NAMES,
        "fate_tones": words.FATE_TONES, "choices": words.CHOICE_NAMES, "outcomes": words.OUTCOME_NAMES,
        "outcome_tones": words.OUTCOME_TONES,
    }  # fmt: skip


@bp.get("/all")
@requires(Can.WRITE_QUESTION)
def index() -> Any:
    columns = [
        Column("file", _l("File"), lambda one: one.name),
        Column("format", _l("Format"), lambda one: importing.FORMAT_NAMES.get(one.format, one.format)),
        Column("state", _l("State"), lambda one: words.IMPORT_NAMES[one.state], QuestionImport.state),
        Column("created", _l("Uploaded"), lambda one: one.created_at, QuestionImport.created_at),
        Column("done", _l("Taken in"), lambda one: one.done_at, QuestionImport.done_at),
    ]
    rows = Listing(importing.imports_visible_to(current_person()), columns, request.args, default_sort="-created")
    return render_template("bank/imports.html", rows=rows)


@bp.route("", methods=["GET", "POST"])
@requires(Can.WRITE_QUESTION)
def upload() -> Any:
    form = UploadForm()
    form.format.choices = [("", "—"), *importing.import_choices()]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = importing.upload(form.file.data, form.format.data, by=current_person(), now=clock.now())
                small = importing.read_at_once(made)
        except Invalid as error:
            form.refuse(error)
        else:
            if small:
                importing.read_upload(made.id)
            return redirect(url_for("bank_import.show", import_id=made.id))
    status = 422 if request.method == "POST" else 200
    return render_template("bank/upload.html", form=form, carries=importing.format_help()), status


@bp.get("/template.xlsx")
@requires(Can.WRITE_QUESTION)
def template() -> Any:
    """The empty Excel template, with its headings, choices and a sheet that says how to fill it in."""
    return download(write([], "excel").data, "questions")


def _rows(found: QuestionImport) -> Listing:
    """One page of the rows; the fate and the outcome asked for stand in the address."""
    filters = [
        Filter("fate", _l("Found"), [(f.value, name) for f, name in words.FATE_NAMES.items()],
               lambda value: QuestionImportRow.fate == Fate(value)),
        Filter("outcome", _l("Outcome"), [(o.value, name) for o, name in words.OUTCOME_NAMES.items()],
               lambda value: QuestionImportRow.outcome == RowOutcome(value)),
    ]  # fmt: skip
    return Listing(importing.rows_of(found), [], request.args, filters, search=[QuestionImportRow.code])


def _preview(row: QuestionImportRow) -> Any:
    """The question of a row as a candidate would see it."""
    from app.bank.faces import digest_of

    item = importing.item_in(row)
    if item is None or row.body is None:
        return ""
    return face_of(digest_of(row.body), item).html(f"s{row.position}", title="", points=item.points, closed=True)


def _page(found: QuestionImport, status: int = 200, error: str = "") -> Any:
    language = words.short_language()
    job = db.session.get(Job, found.job_id) if found.job_id else None
    chosen = importing.chosen_of(found)
    values: dict[str, Any] = {
        "upload": found,
        "rows": _rows(found),
        "fates": importing.fates_of(found),
        "outcomes": importing.outcomes_of(found) if found.done_at else {},
        "wanted": sum(count for choice, count in chosen.items() if choice is not Choice.SKIP),
        "job": job,
        "stopped": found.state is ImportState.RUNNING and job is not None and job.ended_at is not None,
        "preview": _preview,
        "item_in": importing.item_in,
        "allowed": importing.CHOICES,
        "duplicate_choices": importing.CHOICES[Fate.DUPLICATE],
        "note": lambda note: importing.note_text(note, language),
        "problem": importing.problem_text,
        "where": importing.where_text,
        "error": error,
        "step": importing.STEP,
    }
    return render_template("bank/import.html", **values), status


@bp.get("/<int:import_id>")
@requires(Can.WRITE_QUESTION)
def show(import_id: int) -> Any:
    return _page(importing.import_for(current_person(), import_id))


@bp.get("/<int:import_id>.json")
@requires(Can.WRITE_QUESTION)
def state(import_id: int) -> Any:
    """Whether the file has been read, for the page that waits for it."""
    found = importing.import_for(current_person(), import_id)
    ended = found.state is not ImportState.READING
    return {"ended": ended, "finished": int(ended), "done": int(ended), "refused": 0, "left": ""}


def _chosen() -> dict[int, Choice]:
    """What the selects of the page say (name ``choice-<row id>``)."""
    found: dict[int, Choice] = {}
    for name, value in request.form.items():
        key = name.removeprefix("choice-")
        if name.startswith("choice-") and key.isascii() and key.isdigit() and len(key) < 10 and value in set(Choice):
            found[int(key)] = Choice(value)
    return found


@bp.post("/<int:import_id>/choices")
@requires(Can.WRITE_QUESTION)
def choose(import_id: int) -> Any:
    """Keep the choices of the page; or the same for all rows of a kind."""
    found = importing.import_for(current_person(), import_id)
    with unit_of_work():
        found = locked(found)
        fate, choice = request.form.get("all", ""), request.form.get("all_choice", "")
        if fate in set(Fate) and choice in set(Choice):
            importing.choose_all(found, Fate(fate), Choice(choice))
        else:
            importing.choose(found, _chosen())
    flash(_("Your choices were kept. Nothing has been taken in yet."), "success")
    return redirect(url_for("bank_import.show", import_id=import_id, **_place()))


def _place() -> dict[str, Any]:
    """Where on the list the form was sent from."""
    return {name: request.args[name][:100] for name in ("fate", "page", "q", "outcome") if request.args.get(name)}


@bp.post("/<int:import_id>/start")
@requires(Can.WRITE_QUESTION)
def start(import_id: int) -> Any:
    found = importing.import_for(current_person(), import_id)
    try:
        with unit_of_work():
            found = locked(found)
            importing.choose(found, _chosen())
            importing.start(found, by=current_person(), now=clock.now())
    except Invalid as error:
        return _page(importing.import_for(current_person(), import_id), 422, error.text)
    flash(_("The questions are being taken in. You can leave this page; the work goes on."), "success")
    return redirect(url_for("bank_import.show", import_id=import_id))


@bp.post("/<int:import_id>/go-on")
@requires(Can.WRITE_QUESTION)
def go_on(import_id: int) -> Any:
    found = importing.import_for(current_person(), import_id)
    with unit_of_work():
        importing.go_on(locked(found), by=current_person(), now=clock.now())
    flash(_("The work goes on with the questions that are left."), "success")
    return redirect(url_for("bank_import.show", import_id=import_id))


@bp.post("/<int:import_id>/undo")
@requires(Can.WRITE_QUESTION)
def undo(import_id: int) -> Any:
    found = importing.import_for(current_person(), import_id)
    try:
        with unit_of_work():
            count = importing.undo(locked(found), by=current_person(), now=clock.now())
    except Refused as error:
        return _page(importing.import_for(current_person(), import_id), 409, error.text)
    words = ngettext(
        "The import was undone: %(n)s question was taken back.",
        "The import was undone: %(n)s questions were taken back.",
        count,
    )
    flash(words, "success")
    return redirect(url_for("bank_import.show", import_id=import_id))


@bp.get("/<int:import_id>/result")
@requires(Can.WRITE_QUESTION)
def result(import_id: int) -> Any:
    """Every row with its outcome and the reason, as a sheet."""
    found = importing.import_for(current_person(), import_id)
    headings = [
        _("No."),
        _("Place in the file"),
        _("Question number"),
        _("Found"),
        _("Chosen"),
        _("Outcome"),
        _("Reason"),
    ]
    names: dict[Any, Any] = {**words.FATE_NAMES, **words.CHOICE_NAMES, **words.OUTCOME_NAMES}
    rows = importing.result_rows(found, names, words.short_language())
    return download(excel(headings, rows, _("Result of the import")), f"import-{found.id}")
