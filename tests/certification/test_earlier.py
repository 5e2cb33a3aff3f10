"""Certificates issued before the platform: list in, dry run, taking over, claim, undo."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person, Region
from app.certification import earlier, issuing, requests, service
from app.certification.earlier import InUse, SameListAgain, TooLateToUndo
from app.certification.earlier_fields import Frame, guess, read
from app.certification.earlier_models import Ask, EarlierList, EarlierRow
from app.certification.models import Certificate, Edition, NumberCounter
from app.certification.states import AskState, Change, EditionKind, ImportState, RowFate
from app.core.sheets import Sheet
from app.db import db, locked, unit_of_work
from app.jobs.models import Job
from app.jobs.service import run_waiting
from app.notices.models import Notice
from certificates import numbers
from certificates.numbers import DEFAULT_PATTERN
from tests.core.test_sheets import excel
from tests.factories import certification as made
from tests.factories import people

HEAD = ("证书编号", "姓名", "等级", "颁发日期", "有效期至", "证件号码", "手机号", "邮箱")
GOOD = ("津技经2019-00012", "王建国", "初级", "2019-09-01", "2032-08-31", "", "", "")
FRAME = Frame({"初级": 1, "中级": 2, "1": 1}, (DEFAULT_PATTERN,), "1200", date(2026, 3, 2))


def problems(**cells: str) -> list[tuple[str, str]]:
    row = dict(zip(guess(HEAD), GOOD, strict=True)) | cells
    return [
        (part, code) for part, code, _ in read(list(row.values()), {k: i for i, k in enumerate(row)}, FRAME).problems
    ]


def test_headings_are_found_by_what_people_call_them() -> None:
    assert list(guess(HEAD)) == ["number", "name", "level", "issued", "until", "id", "phone", "email"]
    assert guess(("姓 名", "Certificate Number", "发证日期*")) == {"name": 0, "number": 1, "issued": 2}


def test_a_good_row_has_no_problem_and_every_fault_is_named() -> None:
    assert problems() == []
    assert problems(number="TTM1200202530001236") == []
    assert problems(number="TTM1200202530001237") == [("number", "own_check")]
    assert problems(number="TTM2301202530001230"[:-1] + numbers.mod_11_2("230120253000123")) == [
        ("number", "own_region")
    ]
    assert problems(number="1.23E+17") == [("number", "lost")]
    assert problems(number="ab") == [("number", "shape")] and problems(number="") == [("number", "missing")]
    assert problems(name="王1") == [("name", "name")] and problems(level="特级") == [("level", "level")]
    assert problems(issued="2019-13-01") == [("issued", "day")] and problems(issued="2030-01-01") == [
        ("issued", "future")
    ]
    assert problems(until="2018-01-01") == [("until", "before")] and problems(until="长期") == []
    assert problems(issued="43709", until="２０３２年８月３１日") == []
    assert problems(id="1.10105E+17") == [("id", "lost")]
    assert problems(id="110105199009012340") == [("id", "id_check")]
    assert problems(phone="123") == [("phone", "phone")] and problems(email="x@") == [("email", "email")]


def test_who_is_born_in_september_is_taken() -> None:
    body = "11010519900901234"
    from app.core.id_number import check_character

    number = body + check_character(body)
    assert problems(id=number) == []
    assert problems(id="".join(chr(ord(c) + 0xFEE0) for c in number)) == []


@pytest.fixture
def officer(officers: Callable[[], Person]) -> Person:
    return officers()


def uploaded(
    officer: Person, region: Region, rows: list[tuple[str, ...]], at: Any, name: str = "名单.xlsx"
) -> EarlierList:
    with unit_of_work():
        return earlier.keep_list(
            Sheet(HEAD, tuple((i + 2, r) for i, r in enumerate(rows))), repr(rows).encode(), name, db.session.get_one(Region, region.id),
            by=db.session.get_one(Person, officer.id), now=at,
        )  # fmt: skip


def looked_through(found: EarlierList, officer: Person) -> EarlierList:
    with unit_of_work():
        earlier.look_through(locked(found), dict(found.mapping), by=db.session.get_one(Person, officer.id))
    run_waiting()
    return db.session.get_one(EarlierList, found.id)


def taken_over(found: EarlierList, officer: Person) -> EarlierList:
    found = looked_through(found, officer)
    with unit_of_work():
        earlier.take_over(locked(found), by=db.session.get_one(Person, officer.id))
    run_waiting()
    return db.session.get_one(EarlierList, found.id)


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
    found = looked_through(uploaded(officer, binhai, rows, at("2026-03-02 09:00")), officer)
    assert earlier.counts(found) == {RowFate.READY: 2, RowFate.REFUSED: 2} and found.state is ImportState.CHECKED
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0  # nothing but looked at
    found = taken_over(found, officer)
    assert found.state is ImportState.DONE and earlier.counts(found)[RowFate.DONE] == 2
    one = by_number("津技经2019-00012")
    assert one.earlier and one.holder_id is None and one.application_id is None
    assert (one.first_issued_on, one.valid_until) == (date(2019, 9, 1), date(2032, 8, 31))
    assert [e.kind for e in one.editions] == [EditionKind.PRIOR] and one.current.pdf_file_id is None
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.kind == issuing.RENDER)) == 0
    assert by_number("JS-2").valid_until is None
    sealed = db.session.scalars(select(EarlierRow.sealed)).first()
    assert sealed and "王建国" not in sealed


def test_everybody_can_verify_it_and_reads_where_it_comes_from(
    binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(uploaded(officer, binhai, [row("ＪＳ-２０１９")], at("2026-03-02 09:00")), officer)
    answer = client_as(None).post("/api/v1/verify", json={"number": "js-2019", "name": "王建国"}).json
    assert (answer["state"], answer["number"], answer["issued_on"]) == ("valid", "JS-2019", "2019-09-01")
    page = client_as(None).get(f"/c/{by_number('JS-2019').token}").text
    assert "平台上线前颁发" in page


def test_the_holder_is_linked_by_id_number_and_told(
    binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    from app.accounts.identity import id_number_of

    set_clock(at("2026-03-02 09:00"))
    number = id_number_of(holder) or ""
    taken_over(
        uploaded(officer, binhai, [row(id=number), row("JS-9", "别人", id=number)], at("2026-03-02 09:00")), officer
    )
    assert by_number("津技经2019-00012").holder_id == holder.id
    assert db.session.scalars(select(Notice.letter).where(Notice.person_id == holder.id)).all() == [
        "certification.linked"
    ]
    refused = db.session.scalars(select(EarlierRow).where(EarlierRow.fate == RowFate.REFUSED)).one()
    assert refused.problems == [["id", "other_person", ""]]


def test_an_address_counts_only_once_it_was_confirmed(binhai: Region, officer: Person, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    sure, unsure = people.person("孙七", region=binhai), people.person("周八", region=binhai)
    with unit_of_work():
        db.session.get_one(Person, sure.id).email_confirmed_at = at("2026-01-01 09:00")
        db.session.get_one(Person, unsure.id).email_confirmed_at = None
    rows = [row("A-01", "孙七", email=sure.email or ""), row("A-02", "周八", email=unsure.email or "")]
    taken_over(uploaded(officer, binhai, rows, at("2026-03-02 09:00")), officer)
    assert by_number("A-01").holder_id == sure.id and by_number("A-02").holder_id is None


def test_twice_does_no_harm(binhai: Region, officer: Person, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(uploaded(officer, binhai, [row()], at("2026-03-02 09:00")), officer)
    with pytest.raises(SameListAgain):
        uploaded(officer, binhai, [row()], at("2026-03-02 10:00"))
    rows = [row(), row("B-01", "李四")]
    again = taken_over(uploaded(officer, binhai, rows, at("2026-03-02 10:00")), officer)
    assert earlier.counts(again) == {RowFate.SAME: 1, RowFate.DONE: 1}
    other = looked_through(uploaded(officer, binhai, [row(level="中级")], at("2026-03-02 11:00")), officer)
    assert earlier.counts(other) == {RowFate.REFUSED: 1}
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 2


def test_the_counter_goes_on_after_numbers_of_our_pattern(
    judged: Any, binhai: Region, officer: Person, holder: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    ours = numbers.compose("1200", 2026, 1, 7)
    taken_over(uploaded(officer, binhai, [row(ours, issued="2026-01-05")], at("2026-03-02 09:00")), officer)
    assert db.session.scalars(select(NumberCounter.last)).one() == 7
    assert made.certificate(holder, now=at("2026-03-03 09:00")).number == numbers.compose("1200", 2026, 1, 8)


def test_a_list_is_undone_whole_while_nothing_rests_on_it(
    binhai: Region, officer: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    found = taken_over(uploaded(officer, binhai, [row(), row("C-01", "李四")], at("2026-03-02 09:00")), officer)
    me = db.session.get_one(Person, officer.id)
    with pytest.raises(TooLateToUndo), unit_of_work():
        earlier.undo(locked(found), by=me, now=at("2026-03-03 09:01"))
    with unit_of_work():
        assert earlier.undo(locked(found), by=me, now=at("2026-03-02 10:00")) == 2
    assert db.session.scalar(select(func.count()).select_from(Edition)) == 0
    found = taken_over(uploaded(officer, binhai, [row()], at("2026-03-02 11:00")), officer)
    with unit_of_work():
        service.change(
            locked(by_number("津技经2019-00012")), Change.SUSPEND, by=me, reason="核查", now=at("2026-03-02 12:00")
        )
    with pytest.raises(InUse) as caught, unit_of_work():
        earlier.undo(locked(found), by=me, now=at("2026-03-02 13:00"))
    assert "津技经2019-00012" in caught.value.text


def test_rows_are_forgotten_once_the_list_cannot_be_undone(
    binhai: Region, officer: Person, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(uploaded(officer, binhai, [row()], at("2026-03-02 09:00")), officer)
    with unit_of_work():
        assert earlier.forget_rows(at("2026-03-02 20:00")) == 0
        assert earlier.forget_rows(at("2026-03-02 09:00") + timedelta(days=1, hours=1)) == 1
    assert db.session.scalars(select(EarlierRow.sealed)).all() == [None]


def claimed(person: Person, at: Any, **more: Any) -> Ask:
    with unit_of_work():
        values = {"number": "津技经2019-00012", "name": "王建国", "words": "", "proof": None, "now": at} | more
        return requests.claim(by=db.session.get_one(Person, person.id), **values)


def test_the_holder_claims_and_an_officer_confirms(
    judged: Any, binhai: Region, officer: Person, holder: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    taken_over(uploaded(officer, binhai, [row()], at("2026-03-02 09:00")), officer)
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
    taken_over(uploaded(officer, binhai, [row(id=made.id_number())], at("2026-03-02 09:00")), officer)
    ask = claimed(holder, at("2026-03-02 10:00"))
    fit = requests.fits(ask)
    assert fit.name and fit.id is False and fit.why
    with pytest.raises(requests.ClaimDoesNotFit), unit_of_work():
        requests.grant(locked(ask), by=db.session.get_one(Person, officer.id), finding="", now=at("2026-03-02 11:00"))
    assert db.session.get_one(Ask, ask.id).state is AskState.SUBMITTED


def test_the_pages_from_upload_to_undo(
    binhai: Region, officer: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    client = client_as(officer)
    assert client.get("/office/earlier").status_code == 200
    sheet = client.get("/office/earlier/template")
    assert sheet.status_code == 200 and sheet.data.startswith(b"PK")
    assert client.get("/office/earlier/new").status_code == 200
    bad = {"region": binhai.id, "file": (io.BytesIO(excel(("a", "a"), ("1", "2"))), "x.xlsx")}
    assert client.post("/office/earlier/new", data=bad).status_code == 422
    data = excel(HEAD, GOOD, ("=HYPERLINK(1)", "李四", "初级", "昨天", "", "", "", ""))
    answer = client.post("/office/earlier/new", data={"region": binhai.id, "file": (io.BytesIO(data), "名单.xlsx")})
    assert answer.status_code == 302
    path = answer.location
    assert "王建国" in client.get(path).text
    assert client.post(f"{path}/columns", data={"number": "0"}).status_code == 422
    columns = {key: str(i) for i, key in enumerate(guess(HEAD))}
    assert client.post(f"{path}/columns", data=columns).status_code == 302
    run_waiting()
    page = client.get(path).text
    assert "不是日期" in page and "昨天" in page
    assert client.post(f"{path}/take").status_code == 302
    run_waiting()
    assert "平台上线前颁发" in client.get(f"/office/certificates/{by_number(GOOD[0]).id}").text
    result = client.get(f"{path}?export=xlsx")
    assert result.status_code == 200 and result.data.startswith(b"PK")
    assert client.post(f"{path}/undo").status_code == 302
    assert service.by_number(GOOD[0]) is None
