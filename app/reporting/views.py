"""Pages of the statistics: figures of a period with their rows, and reports that are kept."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import access_of, current_person, requires
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.forms import Day, OnceForm, SelectField, ShortText
from app.core.nav import place
from app.core.permissions import Can
from app.core.speech import language
from app.core.tables import Column, Filter, Listing, download, excel
from app.db import unit_of_work
from app.files.service import hand_out
from app.outline.service import level_names
from app.reporting import reports
from app.reporting.catalogue import BLOCKS, FIGURES, kind_labels
from app.reporting.deeds import Did
from app.reporting.figures import Asked, Figure, Scope, count_all, counted, rows_of, scopes_of
from app.reporting.models import Report
from app.reporting.words import scope_name

bp = Blueprint("reporting", __name__, url_prefix="/office/reports", template_folder="templates")
place("reporting.overview", _l("Figures"), "reports", can=Can.READ_REPORT, order=10)
place("reporting.kept", _l("Kept reports"), "reports", can=Can.READ_REPORT, order=20)
MOST_YEARS = 10
PER_PAGE = 40
MOST_ROWS = 20_000


@bp.url_value_preprocessor
def _sane_ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A number no row can have is an unknown row, not a fault of the database."""
    if any(isinstance(value, int) and value > 2**31 - 1 for value in (values or {}).values()):
        raise NotFound


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _period() -> tuple[date, date]:
    """The period of the address, within ten years; without one, this year up to today."""
    today = clock.today()
    on = min(_day("on") or today, today)
    since = _day("since") or date(on.year, 1, 1)
    return max(min(since, on), on - timedelta(days=366 * MOST_YEARS)), on


def _scope(scopes: list[Scope]) -> Scope:
    asked = request.args.get("scope", "")
    return next((one for one in scopes if one.code == asked), scopes[0])


def _asked() -> tuple[list[Scope], Scope, Asked]:
    scopes = scopes_of(current_person())
    scope, (since, on) = _scope(scopes), _period()
    level = request.args.get("level", "")
    rank = int(level) if level.isascii() and level.isdigit() and int(level[:4]) in level_names() else None
    return scopes, scope, reports.asked_of(scope, since, on, rank)


def _kept_in_address(scope: Scope, asked: Asked) -> dict[str, Any]:
    return {
        "since": asked.since.isoformat(),
        "on": asked.on.isoformat(),
        "scope": scope.code,
        "level": asked.rank or "",
    }


@bp.get("")
@requires(Can.READ_REPORT)
def overview() -> Any:
    """Every figure of a period, for a scope, as known on the cut-off day."""
    scopes, scope, asked = _asked()
    if request.args.get("export") == "xlsx":
        return _file(reports.drawn(asked, scope), scope, asked)
    today = clock.today()
    found = count_all(BLOCKS, asked)
    return render_template(
        "reporting/overview.html",
        found=found, asked=asked, scope=scope, scopes=[(one.code, scope_name(one)) for one in scopes], levels=level_names(),
        address=_kept_in_address(scope, asked), labels={key: kind_labels(one) for key, one in FIGURES.items()},
        quick=[
            (_("This year"), date(today.year, 1, 1), today),
            (_("Last year"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
            (_("Last 30 days"), today - timedelta(days=29), today),
        ],
        may_keep=current_person().can(Can.MAKE_REPORT),
    )  # fmt: skip


@bp.post("/pdf")
@requires(Can.READ_REPORT)
def draw() -> Any:
    """The figures of the page as a PDF, made in the background."""
    _scopes, scope, asked = _asked()
    with unit_of_work():
        job_id = reports.draw(scope, asked, by=current_person(), now=clock.now()).id
    return redirect(url_for("reporting.drawing", job_id=job_id, **_kept_in_address(scope, asked)))


@bp.get("/pdf/<int:job_id>")
@requires(Can.READ_REPORT)
def drawing(job_id: int) -> Any:
    """How far a PDF of figures is; the file once it is there."""
    job, stored = reports.drawing_for(current_person(), job_id)
    _scopes, scope, asked = _asked()
    return render_template(
        "reporting/drawing.html", job=job, stored=stored, days=reports.DRAWN_DAYS, address=_kept_in_address(scope, asked),
        body=job.params["body"], words=job.params["body"]["words"]["en" if language() == "en" else "zh"],
    )  # fmt: skip


@bp.get("/pdf/<int:job_id>/file")
@requires(Can.READ_REPORT)
def drawing_file(job_id: int) -> Any:
    _job, stored = reports.drawing_for(current_person(), job_id)
    if stored is None:
        raise NotFound
    return hand_out(stored, inline=request.args.get("show") == "1")


def _file(body: dict[str, Any], scope: Scope, asked: Asked) -> Any:
    headings = [_("Area"), _("Figure"), _("Told apart by"), _("Which"), _("Number"), _("Unit"), _("Definition")]
    rows = [
        [_("Whose figures"), scope_name(scope), "", "", None, "", ""],
        [_("Period"), f"{asked.since} – {asked.on}", "", "", None, "", ""],
    ]
    return download(
        excel(headings, [*rows, *reports.flat_rows(body, language())], _("Figures")),
        f"{_('Figures')}-{asked.since}-{asked.on}",
    )


def _figure(key: str) -> Figure:
    if key not in FIGURES:
        raise NotFound
    return FIGURES[key]


@bp.get("/figures/<key>")
@requires(Can.READ_REPORT)
def rows(key: str) -> Any:
    """The rows behind a figure."""
    figure = _figure(key)
    _scopes, scope, asked = _asked()
    labels, levels = kind_labels(figure), level_names()
    if request.args.get("export") == "xlsx":
        return _rows_file(figure, asked, labels, levels)
    found = counted(figure, asked)
    pages = max(1, -(-found.rows // PER_PAGE))
    number = request.args.get("page", "1")
    page = min(max(1, int(number) if number.isascii() and number.isdigit() and len(number) < 8 else 1), pages)
    return render_template(
        "reporting/rows.html",
        figure=figure, found=found, asked=asked, scope_words=scope_name(scope), labels=labels, levels=levels, page=page, pages=pages,
        rows=rows_of(figure, asked, limit=PER_PAGE, offset=(page - 1) * PER_PAGE), address=_kept_in_address(scope, asked),
        row_page=_row_page(figure),
    )  # fmt: skip


def _row_page(figure: Figure) -> Any:
    """The address of a row's own page, where the reader's rights open it."""
    endpoint, _colon, argument = figure.page.partition(":")
    if not endpoint or endpoint not in current_app.view_functions:
        return None
    rights = access_of(endpoint)
    if not isinstance(rights, tuple) or not any(current_person().can(right) for right in rights):
        return None
    return lambda row_id: url_for(endpoint, **{argument: row_id})


def _rows_file(figure: Figure, asked: Asked, labels: Any, levels: dict[int, str]) -> Any:
    """The rows as an Excel file; that names were taken is written down."""
    found = rows_of(figure, asked, limit=MOST_ROWS)
    headings = [
        _("Day"),
        _("Person"),
        _("Level"),
        str(figure.kind_label or _("Kind")),
        _("What"),
        str(figure.unit or _("Number")),
    ]
    lines = [
        [r.at, r.person, levels.get(r.level, "") if r.level else "", str(labels.get(r.kind, r.kind)), r.what,
         r.value if r.value is not None else 1]
        for r in found
    ]  # fmt: skip
    with unit_of_work():
        by = current_person()
        record(
            Did.TAKE_ROWS,
            by,
            by=by,
            more={"figure": figure.key, "since": asked.since, "on": asked.on, "rows": len(found)},
        )
    return download(excel(headings, lines, str(figure.label)), f"{figure.label}-{asked.since}-{asked.on}")


# --- kept reports ------------------------------------------------------------------------------------------------------------


class KeepForm(OnceForm):
    since = Day(_l("From"))
    on = Day(_l("Cut-off day"), description=_l("Included. A day that is over."))
    scope = SelectField(_l("Whose figures"))
    level = SelectField(_l("Level"))
    title = ShortText(
        _l("Title"), maximum=160, required=False, description=_l("Left empty, the report is named by its period.")
    )


@bp.route("/kept", methods=["GET", "POST"])
@requires(Can.READ_REPORT)
def kept() -> Any:
    """Reports that were kept, and the form that keeps another."""
    me, levels = current_person(), level_names()
    scopes = [one for one in scopes_of(me) if one.single]
    last = clock.today().year - 1
    form = KeepForm(since=date(last, 1, 1), on=date(last, 12, 31))
    form.scope.choices = [(one.code, scope_name(one)) for one in scopes]
    form.level.choices = [("", _("All levels")), *((str(k), v) for k, v in levels.items())]
    if form.is_submitted() and not me.can(Can.MAKE_REPORT):
        raise NotFound
    if form.validate_on_submit():
        chosen = next(one for one in scopes if one.code == form.scope.data)
        try:
            with unit_of_work():
                made = reports.keep(
                    chosen, form.since.data, form.on.data, int(form.level.data) if form.level.data else None,
                    title=form.title.data or "", by=current_person(), now=clock.now(),
                )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The report is kept; its PDF follows in a moment."), "success")
            return redirect(url_for("reporting.report", report_id=made.id))
    listing = Listing(
        reports.reports_visible_to(me).order_by(Report.id.desc()),
        [
            Column("title", _l("Report"), lambda r: r.title, Report.title),
            Column("scope", _l("Whose figures"), lambda r: scope_name(reports.scope_of(r))),
            Column("since", _l("From"), lambda r: r.since, Report.since),
            Column("until", _l("Cut-off day"), lambda r: r.until, Report.until),
            Column("made", _l("Kept on"), lambda r: r.made_at, Report.made_at),
        ],
        request.args,
        [Filter("level", _l("Level"), [(str(k), v) for k, v in levels.items()], lambda v: Report.rank == int(v))],
        search=[Report.title],
    )
    page = render_template(
        "reporting/kept.html", listing=listing, form=form, may_keep=me.can(Can.MAKE_REPORT), last=last
    )
    return (page, 422) if form.is_submitted() else page


@bp.get("/kept/<int:report_id>")
@requires(Can.READ_REPORT)
def report(report_id: int) -> Any:
    """A kept report as it was frozen; ``?compare=1`` draws it again beside."""
    found = reports.report_for(current_person(), report_id)
    if request.args.get("export") == "xlsx":
        return _file(found.body, reports.scope_of(found), Asked(found.since, found.until))
    again = reports.compared(found) if request.args.get("compare") else None
    return render_template(
        "reporting/report.html", report=found, body=found.body, words=found.body["words"]["en" if language() == "en" else "zh"],
        again=again, number=_as_number, address={
            "since": found.since.isoformat(), "on": found.until.isoformat(), "scope": reports.scope_of(found).code,
            "level": found.rank or "",
        },
    )  # fmt: skip


def _as_number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value


@bp.get("/kept/<int:report_id>/pdf")
@requires(Can.READ_REPORT)
def report_pdf(report_id: int) -> Any:
    found = reports.report_for(current_person(), report_id)
    if found.file is None:
        raise NotFound
    return hand_out(found.file, inline=request.args.get("show") == "1")
