"""The page of figures and its Excel file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.accounts.guard import current_person, requires
from app.accounts.words import place_name
from app.certification import figures
from app.certification.door import bp
from app.core import clock
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import download, excel
from app.outline.service import level_names

place("certification.statistics", _l("Statistics of certificates"), "certification", can=Can.READ_CERTIFICATE, order=60)

DEED_LABELS: dict[str, Any] = {
    "first": lazy_pgettext("figures", "issued"),
    "renewal": lazy_pgettext("figures", "renewed"),
    "correction": lazy_pgettext("figures", "corrected"),
    "reprint": lazy_pgettext("figures", "reprinted"),
    "suspend": lazy_pgettext("figures", "suspended"),
    "restore": lazy_pgettext("figures", "restored"),
    "revoke": lazy_pgettext("figures", "revoked"),
    "cancel": lazy_pgettext("figures", "cancelled"),
    "reinstate": lazy_pgettext("figures", "reinstated"),
}
MOST_YEARS = 10


def _day(name: str, otherwise: date) -> date:
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise
    return day if 1990 <= day.year <= 2200 else otherwise


def _period() -> tuple[date, date]:
    """From the first of a month to the day; at most ten years."""
    on = _day("on", clock.today())
    since = _day("since", date(on.year, 1, 1) if on.month > 2 else date(on.year - 1, 1, 1)).replace(day=1)
    earliest = (on - timedelta(days=366 * MOST_YEARS)).replace(day=1)
    return max(min(since, on.replace(day=1)), earliest), on


@bp.get("/office/certificates/statistics")
@requires(Can.READ_CERTIFICATE)
def statistics() -> Any:
    """Holders on a chosen day by level and region; issued and decided by month."""
    me, levels = current_person(), level_names()
    regions = figures.regions_seen(me)
    asked = request.args.get("region", "")
    region_id = next((r.id for r in regions if str(r.id) == asked), None)
    since, on = _period()
    found = figures.figures(me, on, since, region_id=region_id)
    shown = [r for r in regions if region_id in (None, r.id)]
    ranks = sorted(set(levels) | {rank for _r, rank, _e in found.valid})
    deeds = [
        d
        for d in figures.DEEDS
        if d in ("first", "renewal", "suspend", "revoke", "cancel") or any(m[d] for m in found.months.values())
    ]
    if request.args.get("export") == "xlsx":
        return _file(found, shown, ranks, levels, deeds)
    return render_template(
        "certification/statistics.html",
        found=found, regions=regions, shown=shown, ranks=ranks, levels=levels, deeds=deeds, deed_labels=DEED_LABELS, region_id=region_id,
        since=since, on=on, names={r.id: place_name(r) for r in regions},
        by_level=[(levels.get(k, k), found.valid_of(rank=k)) for k in ranks],
        by_region=[(place_name(r), found.valid_of(region_id=r.id)) for r in shown],
        by_month=[(month[2:], row["first"]) for month, row in found.months.items()][-24:],
    )  # fmt: skip


def _file(found: figures.Figures, shown: list[Any], ranks: list[int], levels: dict[int, str], deeds: list[str]) -> Any:
    """One flat table: what, where, level, month, number."""
    rows: list[list[Any]] = []
    for (region_id, rank, before), n in sorted(found.valid.items()):
        name = next((place_name(r) for r in shown if r.id == region_id), region_id)
        what = _("valid, issued before the platform") if before else _("valid")
        rows.append([what, name, levels.get(rank, rank), found.on, n])
    for month, row in found.months.items():
        rows += [[str(DEED_LABELS[d]), "", "", month, row[d]] for d in deeds]
    for deed in deeds:
        rows += [
            [str(DEED_LABELS[deed]), "", levels.get(rank, rank), f"{found.since} – {found.on}", n]
            for rank, n in sorted(found.levels[deed].items())
        ]
    headings = [_("Figure"), _("Region"), _("Level"), _("Day or month"), _("Number")]
    return download(
        excel(headings, rows, _("Statistics of certificates")), f"{_('Statistics of certificates')}-{found.on}"
    )
