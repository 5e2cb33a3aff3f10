"""The rules every stage shares: levels, modules, hours, the holiday calendar, and what documents show masked."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.outline.kinds import BadRule, Field, Kind, Table, kind

MODULES: dict[str, Any] = {
    "common": _l("General knowledge"),
    "policy": _l("Policy and law"),
    "skill": _l("Practical skills"),
    "advanced": _l("Advanced ability"),
}
"""The four modules of the national outline (火炬中心 2020, domain.md section 2)."""

MODULE_CHOICES = tuple(MODULES.items())


def module_rank(code: str) -> tuple[int, str]:
    """To sort by: the modules as the outline lists them, others behind."""
    known = list(MODULES)
    return (known.index(code) if code in known else len(known), code)


def _distinct_ranks(body: dict[str, Any]) -> None:
    ranks = [row["rank"] for row in body["levels"]]
    if len(set(ranks)) != len(ranks):
        raise BadRule("levels", label=_l("Levels"), why=_l("each rank may stand once."))


LEVELS = kind(
    Kind(
        "levels",
        _l("Levels and their names"),
        tables=[
            Table(
                "levels",
                _l("Levels"),
                [
                    Field("rank", _l("Rank"), "int", low=1, high=9),
                    Field("zh", _l("Name in Chinese")),
                    Field("en", _l("Name in English")),
                ],
                min_rows=1,
            )
        ],
        check=_distinct_ranks,
        order=1,
        defaults={
            "": {
                "levels": [
                    {"rank": 1, "zh": "初级技术经理人", "en": "Junior Technology Manager"},
                    {"rank": 2, "zh": "中级技术经理人", "en": "Intermediate Technology Manager"},
                    {"rank": 3, "zh": "高级技术经理人", "en": "Senior Technology Manager"},
                ]
            }
        },
    )
)


def _hours(common: int, policy: int, skill: int, advanced: int) -> dict[str, Any]:
    hours = {"common": common, "policy": policy, "skill": skill, "advanced": advanced}
    return {
        "hours": [{"module": m, "hours": str(h)} for m, h in hours.items()],
        "hour_minutes": 45,
        "online_share": "0.5",
    }


def _each_module_once(body: dict[str, Any]) -> None:
    if sorted(row["module"] for row in body["hours"]) != sorted(MODULES):
        raise BadRule("hours", label=_l("Hours by module"), why=_l("each of the four modules must stand exactly once."))


OUTLINE = kind(
    Kind(
        "outline",
        _l("Training hours by module"),
        by_level=True,
        fields=[
            Field("hour_minutes", _l("Minutes of a class hour"), "int", low=30, high=60),
            Field("online_share", _l("Online share at most"), "share"),
        ],
        tables=[
            Table(
                "hours",
                _l("Hours by module"),
                [
                    Field("module", _l("Module"), "choice", choices=MODULE_CHOICES),
                    Field("hours", _l("Class hours"), "decimal", low=0, high=1000),
                ],
                min_rows=4,
            )
        ],
        check=_each_module_once,
        order=2,
        defaults={"1": _hours(8, 8, 16, 8), "2": _hours(8, 12, 28, 12), "3": _hours(8, 12, 36, 24)},
    )
)


def _off(name: str, month: str, first: int, last: int) -> list[dict[str, Any]]:
    return [{"day": f"{month}-{d:02d}", "works": False, "name": name} for d in range(first, last + 1)]


def _worked(name: str, *days: str) -> list[dict[str, Any]]:
    return [{"day": day, "works": True, "name": f"{name}调休"} for day in days]


# 2026 as the State Council's general office announced it on 2025-11-04; later years are entered as they are announced.
CALENDAR = kind(
    Kind(
        "calendar",
        _l("Holidays and make-up working days"),
        tables=[
            Table(
                "days",
                _l("Days that differ from the ordinary week"),
                [
                    Field("day", _l("Date"), "date"),
                    Field("works", _l("Worked (make-up day)"), "bool"),
                    Field("name", _l("Occasion"), required=False),
                ],
            )
        ],
        help=_l(
            "Weekends are free unless listed here as worked. Public notice periods count working days by this calendar."
        ),
        order=3,
        defaults={
            "": {
                "days": [
                    {"day": "2025-09-28", "works": True, "name": "国庆节调休"},
                    *({"day": f"2025-10-{d:02d}", "works": False, "name": "国庆节、中秋节"} for d in range(1, 9)),
                    {"day": "2025-10-11", "works": True, "name": "国庆节调休"},
                    *_off("元旦", "2026-01", 1, 3),
                    *_worked("元旦", "2026-01-04"),
                    *_off("春节", "2026-02", 15, 23),
                    *_worked("春节", "2026-02-14", "2026-02-28"),
                    *_off("清明节", "2026-04", 4, 6),
                    *_off("劳动节", "2026-05", 1, 5),
                    *_worked("劳动节", "2026-05-09"),
                    *_off("端午节", "2026-06", 19, 21),
                    *_off("中秋节", "2026-09", 25, 27),
                    *_off("国庆节", "2026-10", 1, 7),
                    *_worked("国庆节", "2026-09-20", "2026-10-10"),
                    {"day": "2027-01-01", "works": False, "name": "元旦"},
                ]
            }
        },
    )
)
