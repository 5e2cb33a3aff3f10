"""Statistics of a session: figures out of the marks that count, per revision; the page and the Excel file."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook

from app.core.permissions import Role
from app.core.tables import page_of
from app.db import locked, unit_of_work
from app.exams import figures, regrading
from app.exams.models import RegradeKind
from app.exams.regrading import Wanted
from app.outline.rules import module_rank
from tests.exams.factories import Over, session, sitting


def test_bands_take_in_both_ends() -> None:
    bands = figures.bands_of([Decimal(0), Decimal("9.99"), Decimal(10), Decimal(60), Decimal("99.5"), Decimal(100)])
    assert [band.count for band in bands] == [2, 1, 0, 0, 0, 0, 1, 0, 0, 2] and bands[0].low == 0
    assert figures.bands_of([])[0].count == 0


def test_the_figures_of_a_session(app: Any) -> None:
    room = Over(3, essays=1, markers=1, knows=[0, 2, 4])
    room.mark_all("0.5")
    report = figures.report_of(session(room.session.id))
    assert report.test.count == 3 and report.passed == 1
    assert (report.lowest, report.highest) == (Decimal("16.67"), Decimal("83.33"))
    assert abs(report.test.mean - 50) < 0.01 and sum(band.count for band in report.bands) == 3
    first = sitting(room.sittings[0]).entries[0]["revision"]
    found = report.question(first)
    assert found is not None and found.figures.count == sum(
        any(e["revision"] == first for e in sitting(one).entries) for one in room.sittings
    )
    assert found.omitted >= 1 and found.options[0].analysis.count == found.figures.count
    assert {flag.concern.value for flag, _name in found.flags} >= {"too_few"}
    essay = report.question(room.tasks[0].revision_id)
    assert essay is not None and essay.figures.facility == 0.5 and not essay.options
    if not report.same_papers:
        assert report.test.alpha is None and found.weight is None


def test_a_regrade_shows_in_the_figures(app: Any) -> None:
    room = Over(2, essays=0, knows=[0, 4])
    revision = sitting(room.sittings[0]).entries[0]["revision"]
    before = figures.report_of(session(room.session.id))
    assert before.lowest == 0
    for kind, check in ((RegradeKind.FULL, False), (RegradeKind.DROP, True)):
        with unit_of_work():
            row = regrading.propose(locked(room.session), Wanted(kind, "x", revision), by=room.office, now=room.over)
        second = room.officer(Role.EXAM_OFFICE)
        with unit_of_work():
            regrading.commit(locked(row), by=second, remark="", now=room.over)
        report = figures.report_of(session(room.session.id))
        assert (report.question(revision) is None) is check
        if not check:
            assert report.lowest == 25 and report.question(revision).figures.facility == 1  # type: ignore[union-attr]
        else:
            assert report.dropped == (revision,)


def test_nothing_is_defined_without_candidates_or_for_one(app: Any, client_as: Any) -> None:
    room = Over(1, markers=1)
    desk = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/statistics"
    assert "尚无" in desk.get(address).text
    assert desk.get(f"{address}?export=xlsx").status_code == 200
    room.mark_all()
    page = desk.get(address).text
    assert "—" in page and "None" not in page and "nan" not in page


def test_the_page_the_question_and_the_excel_file(app: Any, client_as: Any) -> None:
    room = Over(3, essays=0, knows=[0, 2, 4])
    desk = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/statistics"
    page = desk.get(address).text
    assert "<svg" in page and "0–9" in page and " style=" not in page
    revision = sitting(room.sittings[0]).entries[0]["revision"]
    assert f"{address}/{revision}" in page
    for query in ("?only=flagged", "?sort=flags", "?sort=discrimination", "?sort=nonsense"):
        assert desk.get(address + query).status_code == 200, query
    one = desk.get(f"{address}/{revision}").text
    assert f"regrade/new?revision={revision}" in one and "未作答" in one
    assert desk.get(f"{address}/999999").status_code == 404
    book = load_workbook(io.BytesIO(desk.get(f"{address}?export=xlsx").data))
    rows = list(book.active.iter_rows(values_only=True))
    assert len(rows) == 1 + len(figures.report_of(session(room.session.id)).questions)
    assert "难度" in rows[0] and "区分度" in rows[0]


def test_statistics_cost_the_same_with_more_candidates(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 4):
        room = Over(candidates, essays=0)
        desk = client_as(room.office)
        with queries() as sent:
            assert desk.get(f"/exams/office/sessions/{room.session.id}/statistics").status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_pages_of_a_long_table_take_any_number() -> None:
    rows = list(range(95))
    for asked, page, first in (("1", 1, 0), ("3", 3, 80), ("99", 3, 80), ("0", 1, 0), ("-1", 1, 0), ("x", 1, 0)):
        shown, at, pages = page_of(rows, {"page": asked})
        assert (at, pages, shown[0]) == (page, 3, first), asked
    assert page_of([], {}) == ([], 1, 1)


def test_modules_stand_in_the_order_of_the_outline() -> None:
    """Not by their codes, which nobody sees: 公共知识, 政策法规, 实务技能, 能力提升."""
    assert sorted(["skill", "", "advanced", "policy", "common"], key=module_rank) == [
        "common", "policy", "skill", "advanced", "",
    ]  # fmt: skip
