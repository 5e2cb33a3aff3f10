"""Trainees by sheet: accounts, places, who is who, what is refused, undoing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts import identity
from app.accounts.models import Education, IdKind, OneTimeLink, Organisation, Person
from app.db import db, unit_of_work
from app.imports import service
from app.imports.models import SheetRow
from app.imports.service import InUse, TooLateToUndo
from app.imports.states import ImportState
from app.notices.models import Notice
from app.training.models import Enrolment, TrainingClass
from app.training.states import EnrolmentState
from tests.factories import people, training
from tests.factories.sheets import check, fates, id_number, imported, problems, take, undo, upload

HEAD = ("姓名", "身份证号", "电子邮箱", "手机号", "单位", "学历", "从业年限", "职称")


def row(n: int, name: str = "", **more: str) -> tuple[str, ...]:
    cells = {
        "姓名": name or f"学员{chr(0x4E00 + n % 2000)}", "身份证号": id_number(n), "电子邮箱": f"t{n}@example.org", "手机号": f"138{n:08d}",
        "单位": f"滨海科技第{n % 7}公司", "学历": "本科", "从业年限": "3", "职称": "中级",
    }  # fmt: skip
    return tuple((cells | more).values())


def states(klass: TrainingClass) -> list[EnrolmentState]:
    return list(db.session.scalars(select(Enrolment.state).where(Enrolment.class_id == klass.id).order_by(Enrolment.id)))  # fmt: skip


def person_of(number: str) -> Person:
    found = identity.find_person_by_id_number(number)
    assert found is not None
    return found


def test_people_get_accounts_and_places(klass: TrainingClass, base: Person) -> None:
    found = check(upload("trainees", HEAD, [row(1), row(2)], klass.id, base), base)
    assert fates(found) == {"ready": 2} and states(klass) == []  # nothing but looked at
    found = take(found, base)
    assert found.state is ImportState.DONE and fates(found) == {"done": 2}
    assert states(klass) == [EnrolmentState.ADMITTED] * 2
    one = person_of(id_number(1))
    assert one.email == "t1@example.org" and one.password_hash == "" and one.email_confirmed_at is None
    assert one.id_kind is IdKind.RESIDENT and one.id_masked.endswith(id_number(1)[-4:])
    assert one.id_sealed and id_number(1) not in one.id_sealed and identity.id_number_of(one) == id_number(1)
    assert identity.phone_of(one) == "13800000001" and one.region_id == klass.region_id
    assert one.organisation is not None and one.organisation.name_zh == "滨海科技第1公司"
    assert (one.education, one.experience_years) == (Education.BACHELOR, 3)
    letters = db.session.scalars(select(Notice.letter).where(Notice.person_id == one.id).order_by(Notice.id)).all()
    assert letters == ["accounts.invited", "training.admitted"]
    assert db.session.scalar(select(func.count()).where(OneTimeLink.person_id == one.id)) == 1
    sealed = db.session.scalars(select(SheetRow.sealed)).first()
    assert sealed and id_number(1) not in sealed and "学员" not in sealed


def test_who_is_known_is_found_by_the_number_and_keeps_what_they_said(klass: TrainingClass, base: Person) -> None:
    known = people.person("赵六", region=klass.region)
    with unit_of_work():
        identity.set_id_number(
            db.session.get_one(Person, known.id), IdKind.RESIDENT, id_number(3), by=base, today=klass.starts_on
        )
    sheet = [row(3, "赵六", 电子邮箱=""), row(4, "赵六")]  # two people of one name
    found = imported("trainees", HEAD, sheet, klass.id, base)
    assert fates(found) == {"done": 2}
    assert db.session.scalar(select(func.count()).select_from(Person).where(Person.name == "赵六")) == 2
    assert db.session.get_one(Person, known.id).phone_lookup is None  # left as it is
    other = training.make_class(klass.organisation, level=2, by=base)
    again = check(upload("trainees", HEAD, sheet, other.id, base), base, existing="update")
    take(again, base)
    assert identity.phone_of(db.session.get_one(Person, known.id)) == "13800000003"


def test_a_row_is_refused_with_column_and_reason(klass: TrainingClass, base: Person) -> None:
    people.person("占用", email="taken@example.org")
    other = training.make_class(klass.organisation, level=1, by=base)
    imported("trainees", HEAD, [row(20)], other.id, base)
    rows = [
        row(1, 身份证号="1.20116E+17"), row(2, 身份证号=id_number(2)[:-1] + "x0"), row(3, 电子邮箱=""), row(4, 学历="很高"),
        row(5, 电子邮箱="taken@example.org"), row(6), row(6), row(7, 手机号="13800000006"), row(20), row(8, "学员9"),
        row(9, 电子邮箱="t6@example.org"), row(10, 单位="2026-09-01"), row(20, "别人"),
    ]  # fmt: skip
    found = check(upload("trainees", HEAD, rows, klass.id, base), base)
    assert problems(found) == {
        2: [("id", "lost")], 3: [("id", "id_length")], 4: [("email", "account_needs")], 5: [("education", "choice")],
        6: [("email", "email_taken")], 8: [("", "twice")], 9: [("phone", "twice")], 10: [("", "other_class")],
        11: [("name", "name")], 12: [("email", "twice")], 13: [("organisation", "made_a_date")], 14: [("", "twice")],
    }  # fmt: skip
    found = take(found, base)
    assert fates(found) == {"done": 1, "refused": 12} and len(states(klass)) == 1


def test_september_birthdays_full_width_and_spaces(klass: TrainingClass, base: Person) -> None:
    number = id_number(1, "19900901")
    wide = "".join(chr(ord(c) + 0xFEE0) for c in id_number(2, "19890930"))
    rows = [row(1, "阿卜杜热西提•买买提", 身份证号=f" {number[:6]} {number[6:]}"), row(2, "王　芳", 身份证号=wide, 手机号="１３８００００００２２")]  # fmt: skip
    found = imported("trainees", HEAD, rows, klass.id, base)
    assert fates(found) == {"done": 2}
    assert person_of(number).name == "阿卜杜热西提·买买提" and person_of(id_number(2, "19890930")).name == "王芳"


def test_a_full_class_has_a_waiting_list_in_the_order_of_the_sheet(app: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 10:00"))
    klass = training.make_class(capacity=2)
    found = imported("trainees", HEAD, [row(n) for n in range(1, 4)], klass.id, training.runner_of(klass))
    assert fates(found) == {"done": 3}
    assert states(klass) == [EnrolmentState.ADMITTED, EnrolmentState.ADMITTED, EnrolmentState.WAITING]


def test_twice_does_no_harm(klass: TrainingClass, base: Person) -> None:
    imported("trainees", HEAD, [row(1)], klass.id, base)
    with pytest.raises(service.SameSheetAgain) as caught:
        upload("trainees", HEAD, [row(1)], klass.id, base)
    assert "赵敏" in caught.value.text
    again = imported("trainees", HEAD, [row(1), row(2)], klass.id, base)
    assert fates(again) == {"same": 1, "done": 1} and len(states(klass)) == 2


def test_undone_whole_and_taken_over_again(klass: TrainingClass, base: Person) -> None:
    known = people.person("赵六", region=klass.region)
    with unit_of_work():
        identity.set_id_number(
            db.session.get_one(Person, known.id), IdKind.RESIDENT, id_number(3), by=base, today=klass.starts_on
        )
    rows = [row(1), row(3, "赵六", 电子邮箱="")]
    found = check(upload("trainees", HEAD, rows, klass.id, base), base, existing="update")
    found = undo(take(found, base), base)
    assert found.state is ImportState.UNDONE and fates(found) == {"undone": 2}
    assert states(klass) == [] and identity.find_person_by_id_number(id_number(1)) is None
    back = db.session.get_one(Person, known.id, populate_existing=True)
    assert back.phone_lookup is None and back.organisation_id is None and back.education is None
    told = select(Notice.letter).where(Notice.person_id == known.id).order_by(Notice.id.desc()).limit(1)
    assert db.session.scalar(told) == "training.taken_back"
    assert fates(imported("trainees", HEAD, rows, klass.id, base)) == {"done": 2}


def test_undoing_takes_out_the_employers_that_nothing_else_uses(
    klass: TrainingClass, base: Person, client_as: Any
) -> None:
    there = people.organisation(klass.region, name="早已登记公司").name_zh
    rows = [row(1, 单位="只在表里公司"), row(2, 单位="只在表里公司"), row(3, 单位="别人也用公司"), row(4, 单位="管理员补全公司"), row(5, 单位=there)]  # fmt: skip
    found = imported("trainees", HEAD, rows, klass.id, base)

    def organisation(name: str) -> Organisation | None:
        return db.session.scalar(select(Organisation).where(Organisation.name_zh == name))

    with unit_of_work():
        used, completed = organisation("别人也用公司"), organisation("管理员补全公司")
        assert used is not None and completed is not None
        completed.name_en = "Completed Ltd"
        used_id = used.id
    people.person("后来的人", organisation_id=used_id)
    client, path = client_as(base), f"/imports/{found.id}"
    page = client.get(path).text
    assert page.count("共新增 3 个工作单位") == 2  # beside the button, and in what is asked before
    undo(found, base)
    names = set(db.session.scalars(select(Organisation.name_zh)))
    assert "只在表里公司" not in names and {"别人也用公司", "管理员补全公司", there} <= names
    page = client.get(path).text
    assert (
        "已一并删除的工作单位：只在表里公司" in page
        and "因另有使用而保留的工作单位：别人也用公司、管理员补全公司" in page
    )
    again = imported("trainees", HEAD, rows, klass.id, base, name="again")
    assert fates(again) == {"done": 5}


def test_an_employer_of_known_people_whose_data_stays_is_not_added(klass: TrainingClass, base: Person) -> None:
    known = people.person("赵六", region=klass.region)
    with unit_of_work():
        identity.set_id_number(
            db.session.get_one(Person, known.id), IdKind.RESIDENT, id_number(3), by=base, today=klass.starts_on
        )
    imported("trainees", HEAD, [row(3, "赵六", 单位="没人用的公司")], klass.id, base)
    assert db.session.scalar(select(Organisation).where(Organisation.name_zh == "没人用的公司")) is None


def test_not_undone_once_somebody_rests_on_it(klass: TrainingClass, base: Person, set_clock: Any, at: Any) -> None:
    found = imported("trainees", HEAD, [row(1, "钱一"), row(2, "孙二")], klass.id, base)
    with unit_of_work():
        person_of(id_number(2)).password_hash = "x"
    with pytest.raises(InUse) as caught:
        undo(found, base)
    assert "孙二" in caught.value.text and "钱一" not in caught.value.text
    assert len(states(klass)) == 2
    set_clock(at("2026-03-03 10:01"))
    with pytest.raises(TooLateToUndo):
        undo(found, base)


def test_questions_do_not_grow_with_the_rows(klass: TrainingClass, base: Person, queries: Any) -> None:
    def asked(first: int, n: int) -> int:
        found = upload("trainees", HEAD, [row(i) for i in range(first, first + n)], klass.id, base)
        with queries() as seen:
            take(check(found, base), base)
        return len([s for s in seen if not s.startswith("INSERT")])

    asked(900, 2)
    few, many = asked(1, 4), asked(100, 40)
    assert many <= few + 2
    assert db.session.scalar(select(func.count()).select_from(Organisation)) >= 7
