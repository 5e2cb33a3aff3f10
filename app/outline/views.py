"""Pages of the rules: what is in force, all versions, comparing two, and the editor made from a kind's description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.accounts.guard import current_person, requires
from app.accounts.models import Person, Region
from app.accounts.scope import reach_of, within
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.forms import BaseForm, Day, LongText, SelectField, ShortText
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import download, excel, page_of
from app.db import db, unit_of_work
from app.jobs.service import run_now
from app.outline import effects, service
from app.outline.kinds import KINDS, BadRule, Kind
from app.outline.models import RuleVersion

bp = Blueprint("outline", __name__, url_prefix="/rules", template_folder="templates")
place("outline.rules", _l("Rules in force"), "rules", can=Can.READ_RULES, order=10)

MAX_ROWS = 400


class VersionForm(BaseForm):
    """What goes with every version; the rule's own fields are made from its kind."""

    effective_from = Day(_l("In force from"), back=30, ahead=20)
    basis = ShortText(_l("Document number it rests on"), required=False, maximum=200)
    note = LongText(_l("Why it is changed"), maximum=1000, minimum=2)


class EffectForm(BaseForm):
    """How a draft is compared with what is in force."""

    on = Day(_l("Compared on the day"))
    way = SelectField(_l("Compared"), choices=list(effects.WAYS.items()))


def kind_or_404(code: str) -> Kind:
    if code not in KINDS:
        raise NotFound
    return KINDS[code]


def keys_of(kind: Kind) -> list[str]:
    return [str(rank) for rank in service.level_names()] if kind.by_level else [""]


def region_of(value: str | None) -> Region | None:
    """The region asked for in the address, if it is one of ours."""
    found = (
        db.session.get(Region, int(value))
        if value and value.isascii() and value.isdigit() and len(value) < 10
        else None
    )
    if value and (found is None or not found.ours):
        raise NotFound
    return found


def may_edit(region: Region | None) -> bool:
    """General rules are edited by whoever holds the right for the site; a region's own by those who reach it."""
    reach = reach_of(current_person(), Can.EDIT_RULES)
    return reach.site or (region is not None and region.id in reach.regions)


@bp.get("/")
@requires(Can.READ_RULES)
def rules() -> Any:
    region = region_of(request.args.get("region"))
    today = clock.today()
    rows = []
    for kind in sorted(KINDS.values(), key=lambda k: k.order):
        for key in keys_of(kind):
            try:
                rule = service.current(kind.code, key, region_id=region.id if region else None, on=today)
            except NotFound:
                rule = None
            rows.append((kind, key, rule))
    return render_template(
        "outline/rules.html", rows=rows, levels=service.level_names(), region=region, regions=our_regions()
    )


def our_regions() -> list[Region]:
    return list(db.session.scalars(select(Region).where(Region.ours).order_by(Region.code)))


@bp.get("/<code>")
@requires(Can.READ_RULES)
def rule(code: str) -> Any:
    """One rule: the version asked for (or in force), all its versions, and the difference to another."""
    kind, key, region = _addressed(code)
    found = service.versions(code, key, region.id if region else None)
    inherited = not found and region is not None
    if inherited:
        found = service.versions(code, key)
    if not found:
        raise NotFound
    shown = _version(found, request.args.get("version")) or _in_force(found)
    other = _version(found, request.args.get("with"))
    return render_template(
        "outline/rule.html",
        kind=kind, key=key, region=region, versions=found, shown=shown, in_force=_in_force(found), other=other, inherited=inherited,
        differences=service.differences(kind, other, shown) if other else None,
        levels=service.level_names(), may_edit=may_edit(region), shown_words=service.shown,
    )  # fmt: skip


def _addressed(code: str) -> tuple[Kind, str, Region | None]:
    kind = kind_or_404(code)
    key = request.args.get("key", "")
    if key not in keys_of(kind):
        raise NotFound
    region = region_of(request.args.get("region"))
    if region is not None and not kind.regional:
        raise NotFound
    return kind, key, region


def _version(found: list[RuleVersion], number: str | None) -> RuleVersion | None:
    return next((r for r in found if str(r.version) == number), None)


def _in_force(found: list[RuleVersion]) -> RuleVersion:
    today = clock.today()
    running = [r for r in found if r.effective_from <= today]
    return max(running or found, key=lambda r: (r.effective_from, r.version))


@bp.route("/<code>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_RULES)
def edit(code: str) -> Any:
    """The editor: what is in force filled in; saving makes a new version."""
    kind, key, region = _addressed(code)
    if not may_edit(region):
        raise Forbidden
    draft = _draft(code, key, region)
    form = VersionForm(**{"effective_from": clock.today(), **draft.get("typed", {})})
    effect_form = EffectForm(**{"on": clock.today(), **draft.get("compared", {})}) if code in effects.EFFECTS else None
    base = service.current(code, key, region_id=region.id if region else None)
    raw: dict[str, Any] = dict(draft.get("body", base.body))
    errors: dict[str, str] = {}
    if request.method == "POST":
        raw = collected(kind, request.form)
        if "add_row" in request.form:
            raw.setdefault(request.form["add_row"], []).append({})
        elif "effect" in request.form and effect_form is not None:
            try:
                return _compare(kind, key, region, raw, form, effect_form)
            except BadRule as bad:
                errors[bad.field or ""] = bad.text
            except effects.NobodyConcerned as bad:
                form.form_errors.append(bad.text)
            except Invalid as bad:
                effect_form.refuse(bad)
        elif form.validate_on_submit():
            try:
                with unit_of_work():
                    made = service.save_version(
                        kind, key, raw, by=current_person(), now=clock.now(), region_id=region.id if region else None,
                        effective_from=form.effective_from.data, basis=form.basis.data or "", note=form.note.data or "",
                    )  # fmt: skip
                flash(
                    _("Version %(n)s is saved. What began under earlier versions keeps them.", n=made.version),
                    "success",
                )
                return redirect(url_for(".rule", code=code, key=key, region=region.id if region else None))
            except BadRule as bad:
                errors[bad.field or ""] = bad.text
            except Invalid as bad:
                form.refuse(bad)
    status = 422 if request.method == "POST" and "add_row" not in request.form else 200
    return render_template(
        "outline/edit.html", kind=kind, key=key, region=region, form=form, raw=raw, errors=errors, base=base,
        levels=service.level_names(), effect_form=effect_form,
    ), status  # fmt: skip


def _draft(code: str, key: str, region: Region | None) -> dict[str, Any]:
    """What the editor goes on with after a comparison (``?draft=12``): the body, and what was typed beside it."""
    asked = request.args.get("draft", "")
    if request.method == "POST" or not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        return {}
    made = effects.comparison_for(current_person(), int(asked)).asked
    if (made.kind, made.key, made.region_id) != (code, key, region.id if region else None):
        raise NotFound
    job = effects.comparison_for(current_person(), int(asked)).job
    return {
        "body": made.body, "typed": {"effective_from": made.effective_from, **job.params["draft"]},
        "compared": {"on": made.on, "way": made.way},
    }  # fmt: skip


class DayMissing(Invalid):
    message = _l("Please give the day.")


def _compare(
    kind: Kind, key: str, region: Region | None, raw: dict[str, Any], form: VersionForm, how: EffectForm
) -> Any:
    """Compare the draft with what is in force, then show what came of it; nothing is saved."""
    body = kind.clean(raw)
    if form.effective_from.data is None:
        raise BadRule("effective_from", label=form.effective_from.label.text, why=DayMissing.message)
    if how.on.data is None or not 2000 <= how.on.data.year <= 2100:
        raise DayMissing("on")
    asked = effects.Asked(
        kind.code, key, region.id if region else None, body, form.effective_from.data, how.on.data,
        how.way.data if how.way.data in effects.WAYS else effects.FROM_ITS_DAY,
    )  # fmt: skip
    kept = {"basis": (form.basis.data or "")[:200], "note": (form.note.data or "")[:1000]}
    with unit_of_work():
        job, at_once = effects.ask(kind, asked, by=current_person(), draft=kept)
    job_id = job.id
    if at_once:
        run_now(job_id)
    return redirect(url_for(".effect", job_id=job_id))


@bp.get("/effects/<int:job_id>")
@requires(Can.EDIT_RULES)
def effect(job_id: int) -> Any:
    """What a draft would change, on real people: totals, and the list for those who may read it."""
    person = current_person()
    made = effects.comparison_for(person, job_id)
    provider, kind = effects.EFFECTS[made.asked.kind], kind_or_404(made.asked.kind)
    named, show = person.can(provider.can), request.args.get("show", "changed")
    rows = _shown(made, show)
    if request.args.get("export") == "xlsx":
        if not named:
            raise Forbidden
        return download(_sheet(provider, rows, kind), str(kind.label))
    page, number, pages = page_of(rows, request.args)
    return render_template(
        "outline/effect.html", made=made, kind=kind, provider=provider, named=named, rows=page, page=number, pages=pages,
        show=show if show in SHOWN else "changed", shown=SHOWN, counts={k: len(_shown(made, k)) for k in SHOWN},
        people=_people(page, provider.can) if named else {}, levels=service.level_names(), ways=effects.WAYS, gates=made.gates(),
        totals=_totals(made, provider), region=db.session.get(Region, made.asked.region_id) if made.asked.region_id else None,
    )  # fmt: skip


SHOWN = {
    "changed": _l("Whatever changes"), "less": _l("Who loses"), "more": _l("Who gains"), "out": _l("No longer passing"),
    "into": _l("Newly passing"), "all": _l("Everybody compared"),
}  # fmt: skip


def _shown(made: effects.Comparison, show: str) -> list[effects.Judged]:
    numeric = effects.EFFECTS[made.asked.kind].numeric
    tests: dict[str, Any] = {
        "all": lambda r: True,
        "less": lambda r: numeric and Decimal(r.after) < Decimal(r.before),
        "more": lambda r: numeric and Decimal(r.after) > Decimal(r.before),
        "out": lambda r: bool(set(r.passes_before) - set(r.passes_after)),
        "into": lambda r: bool(set(r.passes_after) - set(r.passes_before)),
    }
    return [r for r in made.rows if tests[show](r)] if show in tests else made.changed


def _totals(made: effects.Comparison, provider: effects.Effect) -> tuple[Decimal, Decimal] | None:
    if not provider.numeric:
        return None
    before, after = ((Decimal(getattr(r, side)) for r in made.rows) for side in ("before", "after"))
    return sum(before, Decimal(0)), sum(after, Decimal(0))


def _people(rows: Sequence[effects.Judged], can: Can) -> dict[int, Person]:
    """Those of the people compared whose figures the reader may see, by id."""
    reach = within(current_person(), can, region=Person.region_id, organisation=Person.organisation_id)
    found = db.session.scalars(select(Person).where(Person.id.in_([r.person_id for r in rows]), reach)).unique()
    return {one.id: one for one in found}


def _sheet(provider: effects.Effect, rows: Sequence[effects.Judged], kind: Kind) -> bytes:
    people, levels = _people(rows, provider.can), service.level_names()

    def line(row: effects.Judged) -> list[Any]:
        one = people.get(row.person_id)
        figures: list[Any] = [row.before, row.after]
        figures = [Decimal(v) for v in figures] if provider.numeric else [provider.say(v) for v in figures]
        gates = [", ".join(levels.get(n, str(n)) for n in side) for side in (row.passes_before, row.passes_after)]
        return [one.name if one else "", one.organisation.name_zh if one and one.organisation else "", *figures, *gates]

    headings = [
        _("Full name"),
        _("Organisation"),
        _("Now"),
        _("With the new version"),
        _("Passes now"),
        _("Passes then"),
    ]
    return excel(headings, (line(row) for row in rows), str(kind.label))


def collected(kind: Kind, sent: MultiDict[str, str]) -> dict[str, Any]:
    """The raw values of a sent editor form: ``field`` and ``table-row-field``; empty and removed rows are left out."""
    raw: dict[str, Any] = {f.key: sent.get(f.key, "") for f in kind.fields}
    for table in kind.tables:
        numbers = sorted({int(m[1]) for name in sent if (m := re.fullmatch(rf"{table.key}-(\d{{1,4}})-\w+", name))})[
            :MAX_ROWS
        ]
        rows = [{f.key: sent.get(f"{table.key}-{n}-{f.key}", "") for f in table.fields} for n in numbers
                if f"{table.key}-{n}-remove" not in sent]  # fmt: skip
        raw[table.key] = [row for row in rows if any(str(v).strip() for v in row.values())]
    return raw
