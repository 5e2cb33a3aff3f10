"""Certificates issued before the platform: list in, dry run, taking over, claim, undo."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.accounts.identity import id_number_of
from app.accounts.models import Person, Region
from app.certification import issuing, requests, service
from app.certification.earlier_models import Ask, EarlierRecord
from app.certification.import_earlier import EarlierSheet
from app.certification.models import Certificate, Edition, NumberCounter
from app.certification.states import AskState, Change, EditionKind
from app.core.id_number import check_character
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.imports import columns
from app.imports.models import SheetImport, SheetRow
from app.imports.service import InUse, SameSheetAgain, TooLateToUndo
from app.imports.states import ImportState, RowFate
from app.jobs.models import Job
from app.jobs.service import run_waiting
from app.notices.models import Notice
from certificates import numbers
from tests.core.test_sheets import excel
from tests.factories import certification as made
from tests.factories import people
from tests.factories.sheets import check, fates, imported, problems, take, undo, upload

HEAD = ("证书编号", "姓名", "等级", "颁发日期", "有效期至", "证件号码", "手机号", "邮箱")
GOOD = ("津技经2019-00012", "王建国", "初级", "2019-09-01", "2032-08-31", "", "", "")


Wrong = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def wrong(binhai: Region, officer: Person, set_clock: Any, at: Any) -> Wrong:
    """``wrong(name="x")``: what is wrong with the good row, changed."""
    set_clock(at("2026-03-02 09:00"))

    def ask(**cells: str) -> list[tuple[str, str]]:
        return problems(check(upload("earlier", HEAD, [row(**cells)], binhai.id, officer), officer)).get(2, [])

    return ask


def guess(headings: tuple[str, ...]) -> dict[str, int]:
    return columns.guess(EarlierSheet.parts, headings)


def test_headings_are_found_by_what_people_call_them() -> None:
    assert list(guess(HEAD)) == ["number", "name", "level", "issued", "until", "id", "phone", "email"]
    assert guess(("姓 名", "Certificate Number", "发证日期*")) == {"name": 0, "number": 1, "issued": 2}


def test_a_good_row_has_no_problem_and_every_fault_is_named(wrong: Wrong) -> None:
    assert wrong() == []
    assert wrong(number="TTM1200202530001236") == []
    assert wrong(number="TTM1200202530001237") == [("number", "own_check")]
    assert wrong(number="TTM2301202530001230"[:-1] + numbers.mod_11_2("230120253000123")) == [("number", "own_region")]
    assert wrong(number="1.23E+17") == [("number", "lost")]
    assert wrong(number="ab") == [("number", "shape")] and wrong(number="") == [("number", "missing")]
    assert wrong(name="王1") == [("name", "name")] and wrong(level="特级") == [("level", "choice")]
    assert wrong(issued="2019-13-01") == [("issued", "day")] and wrong(issued="2030-01-01") == [("issued", "future")]
    assert wrong(until="2018-01-01") == [("until", "before")] and wrong(until="长期") == []
    assert wrong(issued="43709", until="２０３２年８月３１日") == []
    assert wrong(id="1.10105E+17") == [("id", "lost")]
    assert wrong(id="110105199009012340") == [("id", "id_check")]
    assert wrong(phone="123") == [("phone", "phone")] and wrong(email="x@") == [("email", "email")]


def test_who_is_born_in_september_is_taken(wrong: Wrong) -> None:
    body = "11010519900901234"
    number = body + check_character(body)
    assert wrong(id=number) == []
    assert wrong(id="".join(chr(ord(c) + 0xFEE0) for c in number)) == []


@pytest.fixture
def officer(officers: Callable[[], Person]) -> Person:
    return officers()


def taken_over(officer: Person, region: Region, *rows: tuple[str, ...]) -> SheetImport:
    return imported("earlier", HEAD, rows, region.id, officer)


def row(number: str = "津技经2019-00012", name: str = "王建国", **more: str) -> tuple[str, ...]:
    cells = dict(zip(guess(HEAD), GOOD, strict=True)) | {"number": number, "name": name} | more
    return tuple(cells.values())


def by_number(number: str) -> Certificate:
    found = service.by_number(number)
    assert found is not None
    return found


def test_a_list_is_taken_over_with_its_own_numbers(binhai: Region, officer: Person, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    rows = [row(), row("JS-1", "李四", level="9"), row("JS-2", "赵六", until=""), row("JS-2", "赵六")]
    found = check(upload("earlier", HEAD, rows, binhai.id, officer), officer)
    assert fates(found) == {"ready": 2, "refused": 2} and found.state is ImportState.CHECKED
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0  # nothing but looked at
    found = take(found, officer)
    assert found.state is ImportState.DONE and fates(found)["done"] == 2
    one = by_number("津技经2019-00012")
    assert one.earlier and one.holder_id is None and one.application_id is None
    assert (one.first_issued_on, one.valid_until) == (date(2019, 9, 1), date(2032, 8, 31))
    assert [e.kind for e in one.editions] == [EditionKind.PRIOR] and one.current.pdf_file_id is None
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.kind == issuing.RENDER)) == 0
    assert by_number("JS-2").valid_until is None
    sealed = db.session.scalars(select(SheetRow.sealed)).first()
    assert sealed and "王建国" not in sealed


def test_everybody_can_verify_it_and_reads_where_it_comes_from(
    binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(officer, binhai, row("ＪＳ-２０１９"))
    answer = client_as(None).post("/api/v1/verify", json={"number": "js-2019", "name": "王建国"}).json
    assert (answer["state"], answer["number"], answer["issued_on"]) == ("valid", "JS-2019", "2019-09-01")
    page = client_as(None).get(f"/c/{by_number('JS-2019').token}").text
    assert "平台上线前颁发" in page


def test_the_holder_is_linked_by_id_number_and_told(
    binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    number = id_number_of(holder) or ""
    taken_over(officer, binhai, row(id=number), row("JS-9", "别人", id=number))
    assert by_number("津技经2019-00012").holder_id == holder.id
    assert db.session.scalars(select(Notice.letter).where(Notice.person_id == holder.id)).all() == [
        "certification.linked"
    ]
    refused = db.session.scalars(select(SheetRow).where(SheetRow.fate == RowFate.REFUSED)).one()
    assert refused.problems == [["id", "other_person", ""]]


def test_an_address_counts_only_once_it_was_confirmed(binhai: Region, officer: Person, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    sure, unsure = people.person("孙七", region=binhai), people.person("周八", region=binhai)
    with unit_of_work():
        db.session.get_one(Person, sure.id).email_confirmed_at = at("2026-01-01 09:00")
        db.session.get_one(Person, unsure.id).email_confirmed_at = None
    rows = [row("A-01", "孙七", email=sure.email or ""), row("A-02", "周八", email=unsure.email or "")]
    taken_over(officer, binhai, *rows)
    assert by_number("A-01").holder_id == sure.id and by_number("A-02").holder_id is None


def test_twice_does_no_harm(binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(officer, binhai, row())
    with pytest.raises(SameSheetAgain):
        taken_over(officer, binhai, row())
    again = taken_over(officer, binhai, row(), row("B-01", "李四"))
    assert fates(again) == {"same": 1, "done": 1}
    page = client_as(officer).get(f"/imports/{again.id}").text  # both rows lead to what is in the register
    assert all(f"/office/certificates/{by_number(n).id}" in page for n in ("津技经2019-00012", "B-01"))
    other = check(upload("earlier", HEAD, [row(level="中级")], binhai.id, officer), officer)
    assert problems(other) == {2: [("number", "taken")]}
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 2


def test_a_row_leads_to_what_was_there_already_while_it_is(
    binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    first = taken_over(officer, binhai, row())
    again, client = taken_over(officer, binhai, row(), row("B-01", "李四")), client_as(officer)
    old, new = (f'"/office/certificates/{by_number(n).id}"' for n in ("津技经2019-00012", "B-01"))
    assert old in client.get(f"/imports/{again.id}").text
    undo(first, officer)
    page = client.get(f"/imports/{again.id}").text
    assert old not in page and "津技经2019-00012" in page and new in page


def test_the_counter_goes_on_after_numbers_of_our_pattern(
    judged: Any, binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    ours = numbers.compose("1200", 2026, 1, 7)
    taken_over(officer, binhai, row(ours, issued="2026-01-05"))
    assert db.session.scalars(select(NumberCounter.last)).one() == 7
    assert made.certificate(holder, now=at("2026-03-03 09:00")).number == numbers.compose("1200", 2026, 1, 8)


def test_a_list_is_undone_whole_while_nothing_rests_on_it(
    binhai: Region, officer: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    found = taken_over(officer, binhai, row(), row("C-01", "李四"))
    set_clock(at("2026-03-03 09:01"))
    with pytest.raises(TooLateToUndo):
        undo(found, officer)
    set_clock(at("2026-03-02 10:00"))
    assert fates(undo(found, officer)) == {"undone": 2}
    left = [db.session.scalar(select(func.count()).select_from(t)) for t in (Certificate, Edition, EarlierRecord)]
    assert left == [0, 0, 0]
    found = taken_over(officer, binhai, row())
    with unit_of_work():
        me, one = db.session.get_one(Person, officer.id), locked(by_number("津技经2019-00012"))
        service.change(one, Change.SUSPEND, by=me, reason="核查", now=at("2026-03-02 12:00"))
    with pytest.raises(InUse) as caught:
        undo(found, officer)
    assert "津技经2019-00012" in caught.value.text
    assert fates(found) == {"done": 1}


def test_a_later_edition_keeps_a_sheet_from_being_undone(
    judged: Any, binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    found = taken_over(officer, binhai, row(id=id_number_of(holder) or ""))
    with unit_of_work():
        me, one = db.session.get_one(Person, officer.id), locked(by_number("津技经2019-00012"))
        service.reissue(one, EditionKind.CORRECTION, by=me, reason="换发", now=at("2026-03-02 10:00"))
    with pytest.raises(InUse):
        undo(found, officer)


def test_an_officer_of_another_region_sees_nothing_of_it(
    binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    found = taken_over(officer, binhai, row())
    elsewhere = people.region("1201", "天津市滨海高新区")
    stranger = client_as(
        people.officer(Role.CERTIFICATION, Scope.REGION, elsewhere.id, name="吴科员", region=elsewhere)
    )
    assert stranger.get(f"/imports/{found.id}").status_code == 404
    assert "名单.xlsx" not in stranger.get("/imports/certification").text
    sent = {"target": binhai.id, "file": (io.BytesIO(excel(HEAD, row("D-01"))), "x.xlsx")}
    assert stranger.post("/imports/earlier/new", data=sent).status_code == 422


def claimed(person: Person, at: Any, **more: Any) -> Ask:
    with unit_of_work():
        values = {"number": "津技经2019-00012", "name": "王建国", "words": "", "proof": None, "now": at} | more
        return requests.claim(by=db.session.get_one(Person, person.id), **values)


def test_the_holder_claims_and_an_officer_confirms(
    judged: Any, binhai: Region, officer: Person, holder: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(officer, binhai, row())
    client = client_as(holder)
    for number in ("津技经2019-00012", "没有这个-1"):  # the same answer
        assert client.post("/certificates/claim", data={"number": number, "name": "王建国"}).status_code == 302
    office = client_as(officer)
    good, bad = db.session.scalars(select(Ask).order_by(Ask.id)).all()
    assert office.get(f"/office/requests/{good.id}").status_code == 200
    assert office.post(f"/office/requests/{bad.id}", data={"do": "grant"}).status_code == 409
    assert office.post(f"/office/requests/{bad.id}", data={"do": "decline", "finding": "查无此证"}).status_code == 302
    assert office.post(f"/office/requests/{good.id}", data={"do": "grant"}).status_code == 302
    one = by_number("津技经2019-00012")
    assert one.holder_id == holder.id
    assert "津技经2019-00012" in client.get("/certificates").text
    assert client.get(f"/certificates/{one.id}/pdf").status_code == 404
    with unit_of_work():  # a new edition is one of ours
        edition = service.reissue(
            locked(one),
            EditionKind.CORRECTION,
            by=db.session.get_one(Person, officer.id),
            reason="换发",
            now=at("2026-03-03 09:00"),
        )
    assert edition.no == 2 and edition.snapshot["scheme"]["id"] and edition.valid_until == date(2032, 8, 31)


def test_a_claim_with_another_id_number_cannot_be_granted(
    binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(officer, binhai, row(id=made.id_number()))
    ask = claimed(holder, at("2026-03-02 10:00"))
    fit = requests.fits(ask)
    assert fit.name and fit.id is False and fit.why
    with pytest.raises(requests.ClaimDoesNotFit), unit_of_work():
        requests.grant(locked(ask), by=db.session.get_one(Person, officer.id), finding="", now=at("2026-03-02 11:00"))
    assert db.session.get_one(Ask, ask.id).state is AskState.SUBMITTED


def test_the_pages_from_upload_to_undo(
    binhai: Region, officer: Person, holder: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    client = client_as(officer)
    moved = client.get("/office/earlier/7")
    assert moved.status_code == 302 and moved.location == "/imports/certification"
    page = client.get("/imports/certification").text
    assert "/imports/earlier/new" in page and "/imports/trainees/new" not in page
    heads = [c.value for c in load_workbook(io.BytesIO(client.get("/imports/earlier/template").data)).worksheets[0][1]]
    assert columns.guess(EarlierSheet.parts, heads) == {part.key: i for i, part in enumerate(EarlierSheet.parts)}
    head = ("号码", *HEAD[1:])  # the office's own word for it
    good = row(name=holder.name, id=id_number_of(holder) or "")
    data = excel(head, good, ("=HYPERLINK(1)", "李四", "初级", "昨天", "", "", "", ""))
    path = client.post(
        "/imports/earlier/new", data={"target": binhai.id, "file": (io.BytesIO(data), "名单.xlsx")}
    ).location
    assert holder.name in client.get(path).text
    form = {f"part_{key}": str(i) for i, key in enumerate(guess(HEAD))}
    assert client.post(f"{path}/columns", data=form | {"seen": "1", "part_number": ""}).status_code == 422
    assert client.post(f"{path}/columns", data=form | {"seen": "1"}).status_code == 302
    page = client.get(path).text
    assert "不是日期" in page and "昨天" in page and "接收 1 行" in page
    assert client.post(f"{path}/take", data={"seen": "2"}).status_code == 302
    run_waiting()
    page = client.get(path).text
    assert f"/office/certificates/{by_number(GOOD[0]).id}" in page
    assert re.search(r"<dt>已关联账号</dt><dd>1</dd>", page)
    assert "平台上线前颁发" in client.get(f"/office/certificates/{by_number(GOOD[0]).id}").text
    again = upload("earlier", head, [row("E-01")], binhai.id, officer)
    assert again.mapping["number"] == 0  # as it was said before
    mend = load_workbook(io.BytesIO(client.get(f"{path}?export=refused").data)).active
    assert [line[1] for line in mend.iter_rows(values_only=True)] == ["姓名", "李四"]
    assert client.get(f"{path}?export=xlsx").data.startswith(b"PK")
    assert client.post(f"{path}/undo", data={"seen": "3"}).status_code == 302
    assert service.by_number(GOOD[0]) is None
