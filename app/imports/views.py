"""Pages of sheets handed in: kinds and their templates, upload, columns, dry run, taking over, result, undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.core import clock, sheets
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download, excel
from app.db import db, locked, unit_of_work
from app.files.service import safe_name
from app.imports import service, words
from app.imports.forms import SeenForm, UploadForm, columns_form
from app.imports.kinds import KINDS, Kind
from app.imports.models import SheetImport, SheetRow
from app.imports.states import ImportState, RowFate
from app.jobs.service import run_now

bp = Blueprint("imports", __name__, url_prefix="/imports", template_folder="templates")
WHO = (Can.RUN_CLASS, Can.KEEP_CONTRACT, Can.KEEP_CERTIFICATE)
"""Who hands in sheets of some kind; each kind has a right of its own."""
AT_ONCE = 200
"""So few rows are looked through while the officer waits."""
AREAS = {
    one.area: one
    for one in (
        place("imports.training", _l("Import sheets"), "training", can=Can.RUN_CLASS, order=60),
        place("imports.performance", _l("Import the register"), "performance", can=Can.KEEP_CONTRACT, order=35),
        place("imports.certification", _l("Earlier certificates"), "certification", can=Can.KEEP_CERTIFICATE, order=50),
    )
}


def _officer() -> Person:
    return db.session.get_one(Person, current_person().id)


@bp.get("/training")
@requires(Can.RUN_CLASS)
def training() -> Any:
    return _index("training")


@bp.get("/performance")
@requires(Can.KEEP_CONTRACT)
def performance() -> Any:
    return _index("performance")


@bp.get("/certification")
@requires(Can.KEEP_CERTIFICATE)
def certification() -> Any:
    return _index("certification")


def _index(area: str) -> Any:
    person = current_person()
    kinds = [k for k in KINDS.values() if k.area == area and person.can(k.can)]
    listing = Listing(
        service.imports_visible_to(person, area).options(selectinload(SheetImport.by)).order_by(SheetImport.id.desc()),
        [
            Column("name", _l("File"), lambda f: f.name, SheetImport.name),
            Column("kind", _l("What it holds"), lambda f: str(KINDS[f.kind].title), SheetImport.kind),
            Column("target", _l("For"), lambda f: f.target, SheetImport.target),
            Column("total", _l("Rows"), lambda f: f.total, SheetImport.total, numeric=True),
            Column("made", _l("Uploaded"), lambda f: f.made_at, SheetImport.made_at),
            Column("by", _l("By"), lambda f: f.by.name),
            Column("state", _l("State"), lambda f: str(words.STATES[f.state]), SheetImport.state),
        ],
        request.args,
        filters=[
            Filter("kind", _l("What it holds"), [(k.code, k.title) for k in kinds], lambda v: SheetImport.kind == v),
            Filter("state", _l("State"), [(s.value, w) for s, w in words.STATES.items()], lambda v: SheetImport.state == ImportState(v)),
        ],
        search=[SheetImport.name, SheetImport.target],
    )  # fmt: skip
    return render_template("imports/index.html", listing=listing, kinds=kinds, area=area, heading=AREAS[area].label)


@bp.get("/<kind>/template")
@requires(*WHO)
def template(kind: str) -> Any:
    """The sheet, all columns as text; what each holds stands on its second sheet. ``?target=``: with its people in it."""
    found = service.kind_for(current_person(), kind)
    asked, name, rows = request.args.get("target", ""), str(found.title), found.samples()
    if asked:
        target = next((t for t in found.targets(current_person()) if str(t.id) == asked), None)
        if target is None or not found.fills:
            raise NotFound
        name, rows = f"{name}-{target.label}", found.filled(target)
    columns = [(p.heading, f"{p.label}{'（*）' if p.required else ''}：{p.help}") for p in found.parts]
    return download(sheets.template(str(found.title), columns, rows, help_title=_("Help")), name)


@bp.route("/<kind>/new", methods=["GET", "POST"])
@requires(*WHO)
def new(kind: str) -> Any:
    found = service.kind_for(current_person(), kind)
    form = UploadForm()
    targets = found.targets(current_person())
    form.target.label.text = found.target_label
    form.target.choices = [(t.id, t.label) for t in targets]
    asked = request.args.get("target", "")
    if request.method == "GET" and asked.isascii() and asked.isdigit() and len(asked) < 10:
        form.target.data = int(asked)
    status = 422 if request.method == "POST" else 200
    if form.validate_on_submit():
        try:
            data = form.file.data.stream.read(sheets.MOST_BYTES + 1)
            sheet = service.read_file(data, found)
            name = safe_name(form.file.data.filename)
            with unit_of_work():
                by = _officer()
                target = next((t for t in found.targets(by) if t.id == form.target.data), None)
                if target is None:
                    raise NotFound
                made = service.keep(found, sheet, data, name, target, by=by, now=clock.now())
            return redirect(url_for("imports.show", import_id=made.id))
        except NotFound:
            raise
        except Refused as error:
            form.refuse(error)
            status = error.status
    return render_template(
        "imports/new.html", form=form, kind=found, targets=targets, heading=AREAS[found.area].label
    ), status


def _rows(found: SheetImport, kind: Kind) -> Listing:
    return Listing(
        select(SheetRow).where(SheetRow.import_id == found.id).order_by((SheetRow.fate != RowFate.REFUSED), SheetRow.line),
        [
            Column("line", _l("Line"), lambda r: r.line, SheetRow.line, numeric=True),
            Column("label", _l("What the row is about"), lambda r: r.label, SheetRow.label),
            Column("fate", _l("Outcome"), lambda r: str(words.FATES[r.fate]), SheetRow.fate),
            Column("why", _l("Reason"), lambda r: words.problem_words(kind, r.problems)),
        ],
        request.args,
        filters=[Filter("fate", _l("Outcome"), [(k.value, w) for k, w in words.FATES.items()], lambda v: SheetRow.fate == RowFate(v))],
        search=[SheetRow.label],
    )  # fmt: skip


@bp.get("/<int:import_id>")
@requires(*WHO)
def show(import_id: int) -> Any:
    found = service.import_for(current_person(), import_id)
    kind = service.kind_of(found.kind)
    name = f"{found.name.rsplit('.', 1)[0]}-{found.id}"
    if request.args.get("export") == "xlsx":
        return _rows(found, kind).as_download(_("Outcome, row by row"), name)
    if request.args.get("export") == "refused" and service.cells_kept(found):
        mend = _("to be mended")
        return download(_refused_file(found, kind), f"{name}-{mend}")
    return _page(found, kind, None)


def _refused_file(found: SheetImport, kind: Kind) -> bytes:
    """The rows that were not taken, as they came, with the reason in a last column: to be mended and uploaded again."""
    width = len(found.headings)
    rows = (
        [*(service.cells_of(r) or [""] * width), words.problem_words(kind, r.problems)]
        for r in service.refused_rows(found)
    )
    return excel([*found.headings, _("Reason")], rows, _("Rows to be mended"))


def _columns(found: SheetImport, kind: Kind, sent: Any) -> SeenForm:
    """As matched before, or as sent."""
    form = columns_form(kind)(formdata=sent)
    offered = [
        ("", _("– none –")),
        *((str(i), h or _("column %(n)s", n=i + 1)) for i, h in enumerate(found.headings)),
    ]
    for part in kind.parts:
        field = form[f"part_{part.key}"]
        field.flags.required = part.required
        field.choices = offered
        if sent is None:
            field.data = str(found.mapping[part.key]) if part.key in found.mapping else ""
    for choice in kind.choices:
        form[f"choice_{choice.key}"].flags.required = True
        if sent is None:
            form[f"choice_{choice.key}"].data = found.choices.get(choice.key, choice.default)
    form.seen.data = found.version
    return form


def _page(found: SheetImport, kind: Kind, form: SeenForm | None) -> str:
    job = found.job
    busy = job is not None and job.ended_at is None
    may_undo = service.may_undo(found, clock.now())
    taken = found.state in (ImportState.RUNNING, ImportState.DONE)
    rows = _rows(found, kind)
    kept = service.cells_kept(found)
    open_to_columns = found.state in (ImportState.READ, ImportState.CHECKED) and not busy and kept
    return render_template(
        "imports/show.html",
        found=found, kind=kind, job=job, busy=busy, counts=service.counts(found), rows=rows, links=kind.links_of(rows.rows),
        form=(form or _columns(found, kind, None)) if open_to_columns else None,
        figures=kind.figures(found) if taken else [], words=words.STATES[found.state], labels=words.FATES, tones=words.TONES, RowFate=RowFate, ImportState=ImportState,
        samples=service.first_rows(found) if open_to_columns else [], undo_hours=service.UNDO_HOURS, kept=kept, gone=service.CellsGone.message,
        may_undo=may_undo, also=kind.also_undone(found) if may_undo else "", undoing=service.undoing(found), refusal=service.refusal_of(found), link=kind.link(found), area=kind.area, heading=AREAS[kind.area].label,
    )  # fmt: skip


@bp.post("/<int:import_id>/columns")
@requires(*WHO)
def columns(import_id: int) -> Any:
    found = service.import_for(current_person(), import_id)
    kind = service.kind_of(found.kind)
    form = _columns(found, kind, request.form)
    seen = _seen()
    if not form.validate_on_submit():
        return _page(found, kind, form), 422
    places = {str(i): i for i in range(len(found.headings))}
    mapping = {p.key: places[v] for p in kind.parts if (v := form[f"part_{p.key}"].data) in places}
    choices = {c.key: form[f"choice_{c.key}"].data for c in kind.choices}
    try:
        with unit_of_work():
            by, now = _officer(), clock.now()
            row = locked(service.import_for(by, import_id))
            service.act(row, seen, by=by, now=now)
            job_id, few = service.look_through(row, mapping, choices, by=by, now=now).id, row.total <= AT_ONCE
        if few:
            run_now(job_id)
    except Refused as error:
        if error.status == 404:
            raise
        form.refuse(error)
        found = service.import_for(current_person(), import_id)
        if found.state not in (ImportState.READ, ImportState.CHECKED):
            flash(error.text, "warning")
        return _page(found, kind, form), error.status
    return redirect(url_for("imports.show", import_id=import_id))


def _seen() -> int:
    said = request.form.get("seen", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0


@bp.post("/<int:import_id>/take")
@requires(*WHO)
def take(import_id: int) -> Any:
    return _act(import_id, service.take_over)


@bp.post("/<int:import_id>/undo")
@requires(*WHO)
def undo(import_id: int) -> Any:
    return _act(import_id, service.undo, at_once=True)


def _act(import_id: int, do: Callable[..., Any], *, at_once: bool = False) -> Any:
    service.import_for(current_person(), import_id)
    try:
        with unit_of_work():
            by, now = _officer(), clock.now()
            row = locked(service.import_for(by, import_id))
            service.act(row, _seen(), by=by, now=now)
            job_id, few = do(row, by=by, now=now).id, row.total <= AT_ONCE
        if at_once and few:
            run_now(job_id)
    except Refused as error:
        if error.status == 404:
            raise
        flash(error.text, "warning")
    return redirect(url_for("imports.show", import_id=import_id))
