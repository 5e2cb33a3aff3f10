"""Pages of earlier certificates: template, upload, columns, dry run, taking over, result, undo."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person, Region
from app.accounts.scope import reach_of
from app.accounts.service import regions
from app.accounts.words import place_name
from app.certification import earlier
from app.certification.door import bp
from app.certification.earlier_fields import BY_KEY, PARTS, PROBLEMS
from app.certification.earlier_models import EarlierList, EarlierRow
from app.certification.forms import ColumnsForm, ListForm
from app.certification.states import IMPORT_LABELS, ROW_LABELS, ROW_TONES, ImportState, RowFate
from app.core import clock, sheets
from app.core.errors import Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download
from app.db import db, locked, unit_of_work
from app.files.service import safe_name

place("certification.earlier_lists", _l("Earlier certificates"), "certification", can=Can.KEEP_CERTIFICATE, order=50)


def _officer() -> Person:
    return db.session.get_one(Person, current_person().id)


def my_regions(can: Can = Can.KEEP_CERTIFICATE) -> list[Region]:
    """The regions an officer acts for."""
    reach = reach_of(current_person(), can)
    return [r for r in regions() if r.ours and (reach.site or r.id in reach.regions)]


@bp.get("/office/earlier")
@requires(Can.KEEP_CERTIFICATE)
def earlier_lists() -> Any:
    listing = Listing(
        earlier.lists_visible_to(current_person())
        .options(selectinload(EarlierList.region), selectinload(EarlierList.by))
        .order_by(EarlierList.id.desc()),
        [
            Column("name", _l("File"), lambda f: f.name, EarlierList.name),
            Column("region", _l("Region"), lambda f: place_name(f.region)),
            Column("total", _l("Rows"), lambda f: f.total, EarlierList.total, numeric=True),
            Column("made", _l("Uploaded"), lambda f: f.made_at, EarlierList.made_at),
            Column("by", _l("By"), lambda f: f.by.name),
            Column("state", _l("State"), lambda f: IMPORT_LABELS[f.state], EarlierList.state),
        ],
        request.args,
    )  # fmt: skip
    return render_template("certification/earlier_lists.html", listing=listing)


@bp.get("/office/earlier/template")
@requires(Can.KEEP_CERTIFICATE)
def earlier_template() -> Any:
    """The empty list, all columns as text, with a sample row that cannot be taken for a real one."""
    columns = [(p.heading, f"{p.label}{'（*）' if p.required else ''}：{p.help}") for p in PARTS]
    data = sheets.template(_("Earlier certificates"), columns, help_title=_("Help"))
    return download(data, _("Earlier certificates"))


@bp.route("/office/earlier/new", methods=["GET", "POST"])
@requires(Can.KEEP_CERTIFICATE)
def earlier_new() -> Any:
    form = ListForm()
    form.region.choices = [(r.id, place_name(r)) for r in my_regions()]
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate_on_submit():
            try:
                data = form.file.data.stream.read(sheets.MOST_BYTES + 1)
                sheet = earlier.read_file(data)
                with unit_of_work():
                    made = earlier.keep_list(
                        sheet, data, safe_name(form.file.data.filename), db.session.get_one(Region, form.region.data),
                        by=_officer(), now=clock.now(),
                    )  # fmt: skip
                return redirect(url_for("certification.earlier_list", list_id=made.id))
            except Refused as error:
                form.refuse(error)
                status = error.status
    return render_template("certification/earlier_new.html", form=form, parts=PARTS, most=earlier.MOST_ROWS), status


def _with(words: str, more: str) -> str:
    return _("%(what)s (%(more)s)", what=words, more=more) if more else words


def problem_words(problems: list[list[str]]) -> str:
    """Column, what is wrong, what stood there."""
    between, said_all = _(": "), []
    for part, code, said in problems:
        problem = str(PROBLEMS[code])
        named = problem % {"said": said} if "%(said)s" in problem else _with(problem, said)
        said_all.append(f"{BY_KEY[part].label}{between}{named}")
    return _("; ").join(said_all)


def _rows(found: EarlierList) -> Listing:
    return Listing(
        select(EarlierRow).where(EarlierRow.list_id == found.id).order_by((EarlierRow.fate != RowFate.REFUSED), EarlierRow.line),
        [
            Column("line", _l("Line"), lambda r: r.line, EarlierRow.line, numeric=True),
            Column("number", _l("Certificate number"), lambda r: r.number, EarlierRow.number),
            Column("name", _l("Full name"), lambda r: r.name, EarlierRow.name),
            Column("fate", _l("Outcome"), lambda r: ROW_LABELS[r.fate], EarlierRow.fate),
            Column("why", _l("Reason"), lambda r: problem_words(r.problems)),
        ],
        request.args,
        filters=[Filter("fate", _l("Outcome"), [(k.value, w) for k, w in ROW_LABELS.items()], lambda v: EarlierRow.fate == RowFate(v))],
        search=[EarlierRow.number, EarlierRow.name],
    )  # fmt: skip


@bp.get("/office/earlier/<int:list_id>")
@requires(Can.KEEP_CERTIFICATE)
def earlier_list(list_id: int) -> Any:
    found = earlier.list_for(current_person(), list_id)
    if request.args.get("export") == "xlsx":
        return _rows(found).as_download(_("Outcome, row by row"), f"{found.name.rsplit('.', 1)[0]}-{found.id}")
    return _page(found, _columns(found, None))


def _columns(found: EarlierList, sent: Any) -> ColumnsForm:
    """One choice of column for each part; as matched before."""
    form = ColumnsForm(formdata=sent)
    for part in PARTS:
        field = form[part.key]
        field.label.text = part.label
        field.flags.required = part.required
        field.choices = [
            ("", _("– none –")),
            *((str(i), h or _("column %(n)s", n=i + 1)) for i, h in enumerate(found.headings)),
        ]
        if sent is None:
            field.data = str(found.mapping[part.key]) if part.key in found.mapping else ""
    return form


def _page(found: EarlierList, form: ColumnsForm) -> str:
    job = found.job
    first = select(EarlierRow).where(EarlierRow.list_id == found.id).order_by(EarlierRow.line).limit(3)
    return render_template(
        "certification/earlier_list.html",
        found=found, form=form, job=job, busy=job is not None and job.ended_at is None, counts=earlier.counts(found), rows=_rows(found),
        words=IMPORT_LABELS[found.state], labels=ROW_LABELS, tones=ROW_TONES, RowFate=RowFate, ImportState=ImportState,
        samples=[earlier.cells_of(r) for r in db.session.scalars(first)], linked=earlier.linked_count(found),
        undo_hours=earlier.UNDO_HOURS, undoable=earlier.within_undo(found, clock.now()), region=place_name(found.region),
    )  # fmt: skip


@bp.post("/office/earlier/<int:list_id>/columns")
@requires(Can.KEEP_CERTIFICATE)
def earlier_columns(list_id: int) -> Any:
    found = earlier.list_for(current_person(), list_id)
    form = _columns(found, request.form)
    if not form.validate_on_submit():
        return _page(found, form), 422
    places = {str(i): i for i in range(len(found.headings))}
    mapping = {part.key: places[form[part.key].data] for part in PARTS if form[part.key].data in places}
    try:
        with unit_of_work():
            officer = _officer()
            earlier.look_through(locked(earlier.list_for(officer, list_id)), mapping, by=officer)
    except Refused as error:
        form.refuse(error)
        return _page(earlier.list_for(current_person(), list_id), form), error.status
    return redirect(url_for("certification.earlier_list", list_id=list_id))


@bp.post("/office/earlier/<int:list_id>/take")
@requires(Can.KEEP_CERTIFICATE)
def earlier_take(list_id: int) -> Any:
    return _act(list_id, lambda found, by: earlier.take_over(found, by=by))


@bp.post("/office/earlier/<int:list_id>/undo")
@requires(Can.KEEP_CERTIFICATE)
def earlier_undo(list_id: int) -> Any:
    def act(found: EarlierList, by: Person) -> None:
        n = earlier.undo(found, by=by, now=clock.now())
        flash(_("The list was undone; certificates taken out of the register: %(n)s.", n=n), "success")

    return _act(list_id, act)


def _act(list_id: int, act: Any) -> Any:
    earlier.list_for(current_person(), list_id)
    try:
        with unit_of_work():
            officer = _officer()
            act(locked(earlier.list_for(officer, list_id)), officer)
    except Refused as error:
        flash(error.text, "warning")
    return redirect(url_for("certification.earlier_list", list_id=list_id))
