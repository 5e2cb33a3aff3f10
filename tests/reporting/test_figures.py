"""Figures of a period: what is counted, for whom, and that a past day gives the same figures again."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF, read_file
from app.jobs.models import Job
from app.jobs.service import run_waiting
from app.performance.models import Contract, ContractKind, ContractState
from app.practice.models import LogEntry
from app.reporting import report_print, reports
from app.reporting.catalogue import BLOCKS, FIGURES
from app.reporting.figures import Asked, count_all, counted, rows_of, scopes_of
from app.reporting.models import Report
from tests.factories import people
from tests.factories import performance as credit
from tests.factories import practice as tasks
from tests.factories import training as make

pytestmark = pytest.mark.usefixtures("app")
YEAR = (date(2026, 1, 1), date(2026, 6, 30))


@pytest.fixture
def lived(set_clock, at):
    """Two people admitted in Tianjin, one in Harbin; hours, a passed task, points, contracts."""
    set_clock(at("2026-03-02 09:00"))
    here, there = people.region("1200", "天津市滨海新区"), people.region("2301", "黑龙江省哈尔滨市")
    house, other = make.base(here), make.base(there)
    officer = people.officer(Role.CERTIFICATION, name="李主任")
    one, two, far = (people.person(n, region=r) for n, r in (("周洁", here), ("吴𠮷", here), ("郑远", there)))
    klass, away = make.make_class(house), make.make_class(other)
    for who, where in ((one, klass), (two, klass), (far, away)):
        make.admit(where, who)
    tasks.passed_task(one, "T01")
    credit.granted(one, "P3", on=date(2026, 2, 1), by=officer)
    with unit_of_work():
        for n, (region, amount, registered, gone) in enumerate(
            (
                (here, "500", date(2026, 2, 1), None),
                (here, "300", date(2026, 2, 10), date(2026, 4, 1)),
                (there, "70", date(2026, 2, 3), None),
            ),
            1,
        ):
            db.session.add(Contract(
                number=f"2026120000{n}", title=f"合同{n}", kind=ContractKind.SERVICE, buyer="甲", seller="乙", amount=Decimal(amount),
                signed_on=registered, registered_on=registered, region_id=region.id,
                state=ContractState.DISSOLVED if gone else ContractState.REGISTERED, dissolved_on=gone, dissolved_because="解除" if gone else "",
            ))  # fmt: skip
    return {"here": here, "there": there, "house": house, "one": one, "officer": officer}


def number(key: str, **more):
    since, on = more.pop("since", YEAR[0]), more.pop("on", date(2026, 3, 2))
    return counted(FIGURES[key], Asked(since, on, **more)).total


def test_people_are_followed_from_admission(lived) -> None:
    assert [number(k) for k in ("admitted", "practice", "credit", "certified")] == [3, 1, 1, 0]
    assert number("admitted", regions=frozenset({lived["here"].id})) == 2
    assert number("practice", regions=frozenset({lived["there"].id})) == 0
    assert number("admitted", bases=frozenset({lived["house"].id})) == 2
    assert number("admitted", rank=3) == 0
    assert number("admitted", on=date(2026, 2, 28)) == 0, "the day before they were admitted"
    assert number("admitted", since=date(2026, 3, 3), on=date(2026, 6, 1)) == 0, "admitted before the period"


def test_contracts_count_once_and_as_they_stood(lived) -> None:
    assert number("contract_amount") == Decimal("870")
    assert number("contract_amount", on=date(2026, 4, 1)) == Decimal("570"), "one was dissolved on this day"
    assert number("contract_amount", on=date(2026, 3, 31)) == Decimal("870"), "the past day stays as it was"
    assert number("dissolved", on=date(2026, 6, 30)) == 1
    assert number("contract_amount", regions=frozenset({lived["here"].id})) == Decimal("800")
    assert number("contracts", bases=frozenset({lived["house"].id})) == 0, "nobody of the base claims them"


def test_a_figure_is_the_sum_of_its_rows_for_every_figure(lived) -> None:
    asked = Asked(date(2025, 1, 1), date(2026, 3, 2))
    for block, figures in count_all(BLOCKS, asked):
        for found in figures:
            rows = rows_of(found.figure, asked, limit=1000)
            assert len(rows) == found.rows, (block.key, found.figure.key)
            if found.figure.adds:
                assert sum((r.value for r in rows), Decimal(0)) == found.total, found.figure.key


def test_every_figure_can_be_asked_for_a_region_a_base_and_a_level(lived) -> None:
    for asked in (
        Asked(*YEAR, regions=frozenset({lived["here"].id}), rank=1),
        Asked(*YEAR, bases=frozenset({lived["house"].id}), rank=2),
        Asked(*YEAR, regions=frozenset({lived["there"].id}), bases=frozenset({lived["house"].id})),
        Asked(*YEAR, regions=frozenset(), bases=frozenset()),
    ):
        for figure in FIGURES.values():
            counted(figure, asked)
            rows_of(figure, asked, limit=3)
    assert number("admitted", regions=frozenset(), bases=frozenset()) == 0, "who reaches nothing counts nothing"


def test_later_changes_do_not_change_a_past_day(lived, set_clock, at) -> None:
    before = reports.drawn(Asked(YEAR[0], date(2026, 3, 2)), reports.Scope("site", None, None))
    set_clock(at("2026-03-05 09:00"))
    tasks.passed_task(lived["one"], "T02")
    credit.granted(lived["one"], "P3", on=date(2026, 2, 2), by=lived["officer"])
    set_clock(at("2026-05-05 09:00"))
    again = reports.drawn(Asked(YEAR[0], date(2026, 3, 2)), reports.Scope("site", None, None))
    assert again["blocks"] == before["blocks"]


def test_a_reader_chooses_among_the_scopes_of_the_role(lived) -> None:
    site = people.officer(Role.AUDITOR)
    region = people.officer(Role.AUTHORITY, Scope.REGION, lived["here"].id)
    base = people.officer(Role.BASE, Scope.ORGANISATION, lived["house"].id)
    assert scopes_of(site)[0].code == "site" and len(scopes_of(site)) == 5
    assert [s.code for s in scopes_of(region)] == [f"r{lived['here'].id}", f"o{lived['house'].id}"]
    assert [s.code for s in scopes_of(base)] == [f"o{lived['house'].id}"]


def kept(lived, **more) -> Report:
    with unit_of_work():
        by = db.session.get_one(Person, lived["officer"].id)
        return reports.keep(
            scopes_of(by)[0],
            more.pop("since", date(2026, 1, 1)),
            more.pop("on", date(2026, 3, 31)),
            None,
            by=by,
            now=clock.now(),
        )


def test_a_kept_report_is_drawn_again_with_the_same_figures(lived, set_clock, at) -> None:
    set_clock(at("2026-04-10 09:00"))
    report = kept(lived)
    assert report.title == "技术经理人培训认证统计报告（2026-01-01 至 2026-03-31）"
    assert reports.compared(report) == []
    run_waiting()
    made = db.session.get_one(Report, report.id, populate_existing=True)
    assert read_file(made.file)[:5] == b"%PDF-"
    set_clock(at("2026-04-11 09:00"))
    with unit_of_work():
        contract = db.session.scalars(select(Contract).where(Contract.number == "20261200001")).one()
        contract.amount = Decimal(400)
    found = reports.compared(made)
    assert any(("970" in d.now or "770" in d.now) and "870" in d.then for d in found), found


@pytest.mark.parametrize(
    ("since", "on", "refusal"),
    [(date(2026, 3, 1), date(2026, 2, 1), reports.PeriodCrossed), (date(2026, 1, 1), date(2026, 3, 2), reports.NotOverYet)],
)  # fmt: skip
def test_a_report_is_kept_of_days_that_are_over(lived, since, on, refusal) -> None:
    with pytest.raises(refusal):
        kept(lived, since=since, on=on)


def test_pages_and_files(lived, client_as, set_clock, at) -> None:
    set_clock(at("2027-01-10 09:00"))
    client = client_as(lived["officer"])
    assert "技术合同" in client.get("/office/reports?since=2026-01-01&on=2026-03-02").text
    page = client.get("/office/reports/figures/admitted?since=2026-01-01&on=2026-03-02").text
    assert "吴𠮷" in page and "郑远" in page
    sheet = client.get("/office/reports/figures/contract_amount?since=2026-01-01&on=2026-03-02&export=xlsx")
    lines = list(openpyxl.load_workbook(io.BytesIO(sheet.data)).active.values)
    assert len(lines) == 4 and sum(row[5] for row in lines[1:]) == 870
    whole = client.get("/office/reports?since=2026-01-01&on=2026-03-02&export=xlsx")
    assert any(row[4] == 870 for row in openpyxl.load_workbook(io.BytesIO(whole.data)).active.values)
    assert client.get("/office/reports/figures/nothing").status_code == 404
    assert client.get("/office/reports?since=2026-99-01&on=x&level=77&scope=r99999").status_code == 200
    form = {"since": "2026-01-01", "on": "2026-12-31", "scope": "site", "level": "", "title": "", "once": "a" * 20}
    answer = client.post("/office/reports/kept", data=form)
    assert answer.status_code == 302, answer.text
    page = client.get(answer.location + "?compare=1").text
    assert "2026 年度技术经理人培训认证统计报告" in page and "每项数值都相同" in page


def test_an_auditor_reads_but_keeps_nothing_and_a_base_sees_its_own(lived, client_as) -> None:
    auditor = people.officer(Role.AUDITOR)
    assert "保存这份报告" not in client_as(auditor).get("/office/reports/kept").text
    assert client_as(auditor).post("/office/reports/kept", data={}).status_code == 404
    base = people.officer(Role.BASE, Scope.ORGANISATION, lived["house"].id)
    page = client_as(base).get("/office/reports/figures/admitted?since=2026-01-01&on=2026-03-02").text
    assert "周洁" in page and "郑远" not in page
    assert client_as(lived["one"]).get("/office/reports").status_code == 403


def test_core_material_is_counted_without_its_title(lived) -> None:
    with unit_of_work():
        entry = db.session.scalars(select(LogEntry)).one()
        entry.was_core = True
    rows = rows_of(FIGURES["tasks_passed"], Asked(YEAR[0], date(2026, 3, 2)), limit=5)
    assert [row.what for row in rows] == [""]


def test_queries_do_not_grow_with_rows(lived, client_as, queries) -> None:
    client = client_as(lived["officer"])
    address = "/office/reports?since=2026-01-01&on=2026-03-02"
    client.get(address)
    with queries() as few:
        client.get(address)
    klass = make.make_class(lived["house"])
    for n in range(6):
        who = people.person(f"学员{n}", region=lived["here"])
        make.admit(klass, who)
    with queries() as many:
        client.get(address)
    assert len(many) == len(few), (len(few), len(many))


def test_the_figures_of_the_page_as_pdf_twice_the_same(lived, client_as, set_clock, at) -> None:
    set_clock(at("2026-04-10 09:00"))
    client, address = client_as(lived["officer"]), "?since=2026-01-01&on=2026-03-02&scope=site&level="
    assert "/office/reports/pdf?" in client.get(f"/office/reports{address}").text
    jobs, pages = [], []
    for _n in range(2):
        client = client_as(lived["officer"])  # a month ends a sign-in
        answer = client.post(f"/office/reports/pdf{address}")
        assert answer.status_code == 302 and "正在生成" in client.get(answer.location).text
        run_waiting()
        page = client.get(answer.location).text
        assert "下载 PDF" in page and "2026-03-02" in page
        found = client.get(f"{answer.location.split('?')[0]}/file")
        assert found.data[:5] == b"%PDF-" and found.mimetype == "application/pdf"
        db.session.rollback()
        jobs.append(
            db.session.scalars(select(Job).where(Job.kind == reports.DRAW).order_by(Job.id.desc()).limit(1)).one()
        )
        told = jobs[-1].params
        pages.append(report_print.report_html(
            told["body"], title=reports.drawing_title(told["body"]), made_at=clock.now().replace(second=0, microsecond=0),
            fingerprint=told["fingerprint"], trial=True, kept=False, over=told["over"],
        ))  # fmt: skip
        set_clock(at("2026-05-11 09:00"))  # much happens between the two, none of it by the cut-off day
        tasks.passed_task(lived["one"], "T02")
    assert (
        jobs[0].params["body"] == jobs[1].params["body"]
        and jobs[0].params["fingerprint"] == jobs[1].params["fingerprint"]
    )
    assert pages[0].split("生成时间")[0] == pages[1].split("生成时间")[0]
    shown = {one["key"]: one["total"] for block in jobs[1].params["body"]["blocks"] for one in block["figures"]}
    assert Decimal(shown["contract_amount"]) == number("contract_amount") == 870
    assert "870" in pages[1] and "截止" in pages[1] and str(FIGURES["contracts"].label) in pages[1]
    assert str(FIGURES["contracts"].definition)[:20] in pages[1] and 'class="bar"' in pages[1]


def test_a_pdf_of_figures_is_its_askers_alone_and_goes_after_a_week(lived, client_as, set_clock, at, queries) -> None:
    client = client_as(lived["officer"])
    path = client.post("/office/reports/pdf?since=2026-01-01&on=2026-03-02").location.split("?")[0]
    assert client.get(f"{path}/file").status_code == 404
    run_waiting()
    colleague = client_as(people.officer(Role.AUDITOR))
    assert colleague.get(path).status_code == colleague.get(f"{path}/file").status_code == 404
    assert client_as(lived["one"]).post("/office/reports/pdf").status_code == 403
    assert client.get(f"{path}/file").status_code == 200
    set_clock(at("2026-03-10 10:00"))
    with unit_of_work():
        assert reports.forget_drawings(clock.now()) == 1
    with queries() as looked, unit_of_work():  # what was forgotten is not looked at again
        assert reports.forget_drawings(clock.now()) == 0
    assert len(looked) == 1
    client = client_as(lived["officer"])
    assert client.get(f"{path}/file").status_code == 404 and "已删除" in client.get(path).text


def test_a_pdf_of_figures_and_a_report_drawn_by_two_workers_are_kept_once(
    lived, client_as, set_clock, at, twice
) -> None:
    set_clock(at("2027-01-10 09:00"))
    client = client_as(lived["officer"])
    form = {"since": "2026-01-01", "on": "2026-12-31", "scope": "site", "level": "", "title": "", "once": "a" * 20}
    figures = client.post("/office/reports/pdf?since=2026-01-01&on=2026-03-02").location.split("?")[0]
    drawn, made = twice(reports.DRAW), twice(reports.MAKE)
    run_waiting()
    report = client.post("/office/reports/kept", data=form).location
    run_waiting()
    assert drawn == made == [False, False]
    names = select(StoredFile.name).where(StoredFile.media_type == PDF, StoredFile.name != "evidence.pdf")
    assert [one.partition("-")[0] for one in db.session.scalars(names.order_by(StoredFile.id))] == ["figures", "report"]
    assert client.get(f"{figures}/file").data[:5] == client.get(f"{report}/pdf").data[:5] == b"%PDF-"


def test_the_yearly_report_is_drawn_twice_on_the_page_with_the_same_figures(lived, client_as, set_clock, at) -> None:
    set_clock(at("2027-01-10 09:00"))
    client = client_as(lived["officer"])
    form = {"since": "2026-01-01", "on": "2026-12-31", "scope": "site", "level": "", "title": ""}
    first = client.post("/office/reports/kept", data=form | {"once": "a" * 20}).location
    set_clock(at("2027-02-10 09:00"))
    tasks.passed_task(lived["one"], "T02")
    credit.granted(lived["one"], "P3", on=date(2027, 2, 2), by=lived["officer"])
    second = client_as(lived["officer"]).post("/office/reports/kept", data=form | {"once": "b" * 20}).location
    assert first != second
    run_waiting()
    told, client = [], client_as(lived["officer"])
    for path in (first, second):
        page = client.get(path + "?compare=1").text
        assert "每项数值都相同" in page
        assert client.get(f"{path}/pdf").data[:5] == b"%PDF-"
        lines = openpyxl.load_workbook(io.BytesIO(client.get(f"{path}?export=xlsx").data)).active.values
        told.append([page[page.index('<section aria-labelledby="block-') :], list(lines)])
    assert told[0] == told[1] and any(row[4] == 570 for row in told[0][1])
