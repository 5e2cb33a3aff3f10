"""A class of sixty from enrolment to hours without paper: the base's officers at a desk, the lecturer's screen, phones of 390 px."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.service import CLOCKWORK
from app.training import signing
from app.training.class_models import Way
from app.training.models import Attendance, ClassSession, Enrolment, HourEntry, TrainingClass
from app.training.states import EnrolmentState
from tests.browser.server import Server, running
from tests.factories import people, training

DRAWN = """async () => {
  for (let n = 0; n < 10; n += 1) await new Promise((go) => requestAnimationFrame(go));
  return document.querySelector("[data-code] svg path").getBoundingClientRect().width;
}"""
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj trailer<<>>\n%%EOF"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, translations: None) -> Iterator[Server]:
    """A server of its own: the clock is moved."""
    with running(tmp_path_factory.mktemp("sixty")) as made:
        yield made
        clock.set_offset(timedelta())


def show(instant: datetime) -> None:
    clock.set_offset(instant - datetime.now(UTC))


def press(page: Any, label: str, *, confirm: bool = False) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=label, exact=True).first.click()
        if confirm:
            page.locator("#confirm-dialog[open] [value=yes]").click()
    assert not page.locator(".error-summary").count(), page.locator(".error-summary").first.inner_text()


def sound(page: Any, axe: Any) -> None:
    """Nothing wider than the page, nothing said on the console, accessible."""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, page.url
    assert not page.said, (page.url, page.said)
    axe(page)


def test_a_class_of_sixty(house: Server, page_as: Any, axe: Any, picture: Any) -> None:
    start = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
    show(start)

    def begin() -> dict[str, Any]:
        base = training.base(people.region("1200", "天津市滨海新区"))
        officer, second = training.base_officer(base), training.base_officer(base)
        lecturer = people.officer(Role.LECTURER, Scope.ORGANISATION, base.id, name="陈讲师")
        old = training.make_class(base, by=officer, title="第一期初级班", capacity=60, days=10)
        with unit_of_work():
            for session in db.session.get_one(TrainingClass, old.id).sessions:
                session.room, session.teacher_id = "201教室", lecturer.id
        crowd = [people.person(f"学员{n:02d}") for n in range(61)]
        return {"officer": officer, "second": second, "lecturer": lecturer, "old": old.id, "crowd": crowd}

    told = house.do(begin)
    desk = page_as(told["officer"], at=house)

    # The class: copied from the last one, announced.
    desk.goto(f"/training/office/classes/{told['old']}/copy")
    desk.locator("[name=title]").fill("第二期初级班")
    sound(desk, axe)
    picture(desk, "sixty-copy")
    press(desk, "复制班次")
    class_id = int(desk.url.split("/classes/")[1].split("/")[0])
    sound(desk, axe)
    press(desk, "公布班次")

    # Enrolment on the phone, with a document; sixty others by the same service.
    me = told["crowd"][0]
    phone = page_as(me, width=390, at=house)
    phone.goto(f"/training/classes/{class_id}/enrol")
    phone.locator("[name=experience_years]").fill("2")
    phone.locator("[name=title_years]").fill("0")
    phone.locator("[name=document_education]").set_input_files(
        {"name": "学历证明.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    phone.locator("[name=pledge]").check()
    sound(phone, axe)
    picture(phone, "sixty-enrol-390")
    press(phone, "提交报名")
    sound(phone, axe)
    house.do(lambda: [training.apply(db.session.get_one(TrainingClass, class_id), p) for p in told["crowd"][1:]])

    # Review in one action: sixty places, one waits.
    desk.goto("/training/office/queue")
    desk.locator("[name=whole]").check()
    sound(desk, axe)
    picture(desk, "sixty-queue")
    with desk.expect_navigation():
        desk.locator("button[value=admit]").click()

    def counts() -> dict[str, int]:
        rows = db.session.execute(
            select(Enrolment.state, func.count()).where(Enrolment.class_id == class_id).group_by(Enrolment.state)
        )
        return {s.value: n for s, n in rows}

    assert house.do(counts) == {"admitted": 60, "waiting": 1}

    # One gives the place up; the last one accepts the offer on the phone.
    def states() -> dict[int, tuple[int, EnrolmentState]]:
        rows = db.session.scalars(select(Enrolment).where(Enrolment.class_id == class_id))
        return {e.person_id: (e.id, e.state) for e in rows}

    found = house.do(states)
    waiting = next(p for p in told["crowd"] if found[p.id][1] is EnrolmentState.WAITING)
    leaver = told["crowd"][5] if waiting.id != told["crowd"][5].id else told["crowd"][6]
    other = page_as(leaver, width=390, at=house)
    other.goto(f"/training/enrolments/{found[leaver.id][0]}")
    press(other, "退出班次" if other.get_by_role("button", name="退出班次").count() else "放弃名额", confirm=True)
    last = page_as(waiting, width=390, at=house)
    last.goto(f"/training/enrolments/{found[waiting.id][0]}")
    sound(last, axe)
    picture(last, "sixty-offer-390")
    press(last, "接受名额")
    assert house.do(counts) == {"admitted": 60, "withdrawn": 1}

    # Leave from the second period, asked on the phone, granted at the desk of the second officer.
    phone.goto(f"/training/leave/{class_id}")
    phone.locator("main details summary").nth(1).click()
    phone.locator("main details[open] textarea").fill("出差")
    sound(phone, axe)
    picture(phone, "sixty-leave-390")
    press(phone, "提交申请")
    colleague = page_as(told["second"], at=house)
    colleague.goto("/training/office/absences")
    sound(colleague, axe)
    picture(colleague, "sixty-absences")
    press(colleague, "同意")

    # The first period: the screen in the room, sign-in and sign-out by phone.
    periods = house.do(
        lambda: [
            (s.id, s.starts_at, s.ends_at)
            for s in db.session.scalars(
                select(ClassSession).where(ClassSession.class_id == class_id).order_by(ClassSession.starts_at)
            )
        ]
    )
    first, starts, ends = periods[0]
    show(starts - timedelta(minutes=5))
    house.do(lambda: CLOCKWORK["training.start_classes"][1](clock.now()))
    screen = page_as(told["lecturer"], at=house)
    with screen.expect_response("**/screen.json*"):
        screen.goto(f"/training/office/periods/{first}/screen")
    assert screen.evaluate(DRAWN) > 200  # the code of the second round is seen, too
    sound(screen, axe)
    picture(screen, "sixty-screen")
    phone = page_as(me, width=390, at=house)
    phone.goto(screen.locator("[data-address]").get_attribute("href"))
    sound(phone, axe)
    press(phone, "我已到场，签到")
    sound(phone, axe)
    picture(phone, "sixty-signed-in-390")

    def others(way: Way) -> None:
        for person in [p for p in told["crowd"][1:] if p.id != leaver.id]:
            with unit_of_work():
                session = db.session.get_one(ClassSession, first)
                token = signing.code_for(session, way, clock.now()).token
                signing.sign(db.session.get_one(Person, person.id), token, now=clock.now())

    house.do(lambda: others(Way.IN))
    show(ends - timedelta(minutes=2))
    screen = page_as(told["lecturer"], at=house)
    screen.goto(f"/training/office/periods/{first}/screen")
    assert screen.locator("[data-way]").get_attribute("data-way") == "out"
    phone = page_as(me, width=390, at=house)
    phone.goto(screen.locator("[data-address]").get_attribute("href"))
    press(phone, "节次签退")
    sound(phone, axe)
    picture(phone, "sixty-signed-out-390")
    house.do(lambda: others(Way.OUT))

    # The other periods by list, with a reason; the sheet for whoever wants paper; hours in one action.
    show(periods[-1][2] + timedelta(hours=2))
    desk = page_as(told["officer"], at=house)
    for ident, _starts, _ends in periods[1:3]:
        desk.goto(f"/training/office/classes/{class_id}/attendance?period={ident}")
        desk.locator("[data-all]").click()
        desk.locator("#reason").fill("平台外签到")
        press(desk, "保存考勤")
    sound(desk, axe)
    picture(desk, "sixty-sheet")
    desk.goto(f"/training/office/classes/{class_id}/hours")
    with desk.expect_navigation():
        desk.locator(f"form[action$='/classes/{class_id}/credit'] button").first.click()
    picture(desk, "sixty-hours")

    def sums() -> tuple[int, int, int]:
        lines = select(func.count()).select_from(HourEntry).where(HourEntry.class_id == class_id)
        marks = select(func.count()).select_from(Attendance).join(ClassSession).where(ClassSession.class_id == class_id)
        people_ = select(func.count(HourEntry.person_id.distinct())).where(HourEntry.class_id == class_id)
        return db.session.scalar(lines) or 0, db.session.scalar(marks) or 0, db.session.scalar(people_) or 0

    lines, marks, credited = house.do(sums)
    assert credited == 60 and marks >= 180 and lines >= 179
    with desk.expect_navigation():
        desk.locator(f"form[action$='/classes/{class_id}/credit'] button").first.click()
    assert house.do(sums)[0] == lines  # a second click credits nothing
    phone = page_as(me, width=390, at=house)
    phone.goto("/training/hours")
    sound(phone, axe)
    picture(phone, "sixty-ledger-390")
    for path in ("/training/calendar", "/training/hours/elsewhere", "/training/continuing", "/training/mine"):
        phone.goto(path)
        sound(phone, axe)
        picture(phone, f"sixty{path.replace('/', '-')}-390")
    for path in (
        f"/training/office/calendar?month={clock.local(starts):%Y-%m}", f"/training/office/classes/{class_id}/people",
        f"/training/office/classes/{class_id}/timetable", "/training/office/transfers", "/training/office/hours-elsewhere",
    ):  # fmt: skip
        for width in (1280, 390):
            desk.set_viewport_size({"width": width, "height": 900})
            desk.goto(path)
            sound(desk, axe)
            picture(desk, f"sixty{path.split('?')[0].replace('/', '-')}-{width}")
