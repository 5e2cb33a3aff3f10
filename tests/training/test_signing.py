"""Signing in and out by phone: bound to class, period, way and moment; late, early, never signed out; one phone for two."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.training import attendance, class_tasks, signing
from app.training.class_models import SignStamp, Way
from app.training.models import Attendance, AttendanceState, ClassSession, TrainingClass
from tests.factories import people, training

PRESENT, LATE, EARLY = AttendanceState.PRESENT, AttendanceState.LATE, AttendanceState.LEFT_EARLY


@pytest.fixture
def room(app: Any) -> tuple[TrainingClass, ClassSession, Person]:
    klass, person = training.make_class(), people.person("林学员")
    training.admit(klass, person)
    return klass, klass.sessions[0], person


def sign(person: Person, session: ClassSession, way: Way, now: Any, device: str = "") -> signing.Signed:
    with unit_of_work():
        found = db.session.get_one(ClassSession, session.id)
        token = signing.code_for(found, way, now).token
        return signing.sign(db.session.get_one(Person, person.id), token, device=device, now=now)


def state(session: ClassSession, person: Person) -> AttendanceState:
    db.session.expire_all()
    return db.session.scalars(
        select(Attendance.state).where(Attendance.session_id == session.id, Attendance.person_id == person.id)
    ).one()


def test_a_code_opens_its_own_way_period_and_minute(room: Any) -> None:
    klass, session, _person = room
    now = clock.start_of(clock.local_date(session.starts_at)) + timedelta(hours=9)
    in_, out = (signing.code_for(session, way, now).token for way in Way)
    assert in_ != out
    assert signing.read(in_, now)[1] is Way.IN and signing.read(out, now)[1] is Way.OUT
    assert signing.read(out, now + timedelta(seconds=59))[1] is Way.OUT
    other = klass.sessions[1]
    mac = out.split(".")[1]
    for wrong, at in (
        (out, now + timedelta(seconds=60)), (out, now - timedelta(seconds=1)), (f"{other.id}.{mac}", now),
        (out[:-1] + ("A" if out[-1] != "A" else "B"), now), ("", now), (f"{session.id}.", now), (f"{10**9}.{mac}", now),
        (f"{session.id}.é", now),
    ):  # fmt: skip
        with pytest.raises(attendance.BadCode):
            signing.read(wrong, at)
    elsewhere = training.make_class().sessions[0]
    with pytest.raises(attendance.BadCode):
        signing.read(f"{elsewhere.id}.{mac}", now)


def test_the_screen_changes_by_itself(room: Any) -> None:
    _klass, session, _person = room
    assert signing.way_now(session, session.ends_at - timedelta(minutes=16)) is Way.IN
    assert signing.way_now(session, session.ends_at - timedelta(minutes=15)) is Way.OUT


@pytest.mark.parametrize(("minutes", "after"), [(-16, EARLY), (-15, PRESENT), (0, PRESENT), (60, PRESENT)])
def test_early_is_more_than_fifteen_minutes(room: Any, minutes: int, after: AttendanceState) -> None:
    _klass, session, person = room
    sign(person, session, Way.IN, session.starts_at)
    sign(person, session, Way.OUT, session.ends_at + timedelta(minutes=minutes))
    assert state(session, person) is after


def test_who_comes_back_signs_out_again(room: Any) -> None:
    _klass, session, person = room
    sign(person, session, Way.IN, session.starts_at)
    sign(person, session, Way.OUT, session.starts_at + timedelta(minutes=20))
    assert state(session, person) is EARLY
    last = session.ends_at - timedelta(minutes=1)
    first = sign(person, session, Way.OUT, last)
    again = sign(person, session, Way.OUT, last + timedelta(seconds=20))  # a double tap
    assert first.at == again.at == last and state(session, person) is PRESENT
    assert db.session.scalar(select(func.count()).select_from(SignStamp)) == 2


def test_signing_out_needs_signing_in_and_has_a_window(room: Any) -> None:
    _klass, session, person = room
    with pytest.raises(signing.NotSignedIn):
        sign(person, session, Way.OUT, session.ends_at)
    sign(person, session, Way.IN, session.starts_at - timedelta(minutes=5))
    for now in (session.starts_at - timedelta(minutes=1), session.ends_at + timedelta(minutes=61)):
        with pytest.raises(signing.OutNotInTime):
            sign(person, session, Way.OUT, now)


def test_late_stays_late(room: Any) -> None:
    _klass, session, person = room
    sign(person, session, Way.IN, session.starts_at + timedelta(minutes=16))
    sign(person, session, Way.OUT, session.ends_at)
    assert state(session, person) is LATE


def test_who_never_signs_out_is_settled_and_not_credited(room: Any) -> None:
    klass, session, person = room
    good = people.person()
    training.admit(klass, good)
    for one in (person, good):
        sign(one, session, Way.IN, session.starts_at)
    sign(good, session, Way.OUT, session.ends_at)
    waiting = session.ends_at + timedelta(minutes=30)
    first = training.credit(klass, now=waiting)  # while signing out is open the other one waits
    assert list(first.hours) == [good.id] and state(session, person) is PRESENT
    closed = session.ends_at + timedelta(minutes=61)
    class_tasks.settle_sign_outs(closed)
    class_tasks.settle_sign_outs(closed)
    assert state(session, person) is EARLY
    assert training.credit(klass, now=closed).hours == {}
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "training.attendance.settle")).all()
    assert len(lines) == 1


def test_the_list_by_hand_stands_above_the_phone(room: Any) -> None:
    klass, session, person = room
    training.attend(klass, person, [session], now=session.ends_at)
    sign(person, session, Way.OUT, session.ends_at)
    class_tasks.settle_sign_outs(session.ends_at + timedelta(minutes=61))
    assert state(session, person) is PRESENT


def test_two_people_on_one_phone_are_shown(room: Any) -> None:
    klass, session, person = room
    other, third = people.person("代签人"), people.person("王学员")
    for one in (other, third):
        training.admit(klass, one)
    sign(person, session, Way.IN, session.starts_at, "a" * 32)
    sign(other, session, Way.IN, session.starts_at, "a" * 32)
    sign(third, session, Way.IN, session.starts_at, "b" * 32)
    assert [(s.id, names) for s, names in signing.one_phone(klass)] == [(session.id, ["代签人", "林学员"])]


def test_two_taps_at_once_make_one_mark(app: Any, room: Any) -> None:
    _klass, session, person = room
    now, errors, ids = session.starts_at, [], (person.id, session.id)

    def tap() -> None:
        with app.app_context():
            try:
                mine = db.session.get_one(Person, ids[0]), db.session.get_one(ClassSession, ids[1])
                sign(*mine, Way.IN, now)
            except Exception as error:
                errors.append(error)
            finally:
                db.session.close()

    db.session.rollback()
    threads = [threading.Thread(target=tap) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    db.session.rollback()
    assert not errors
    assert db.session.scalar(select(func.count()).select_from(Attendance)) == 1
    assert db.session.scalar(select(func.count()).select_from(SignStamp)) == 1


def test_phone_and_screen(room: Any, client_as: Any, set_clock: Any) -> None:
    klass, session, person = room
    teacher = people.officer(Role.LECTURER, Scope.ORGANISATION, klass.organisation_id, name="陈讲师")
    with unit_of_work():
        db.session.get_one(ClassSession, session.id).teacher_id = teacher.id
    set_clock(session.starts_at)
    screen = client_as(teacher)
    told = screen.get(f"/training/office/periods/{session.id}/screen.json").json
    assert told["way"] == "in"
    path = told["address"].split("/training/", 1)[1]
    phone = client_as(person)
    assert "我到了" in phone.get(f"/training/{path}").text or phone.get(f"/training/{path}").status_code == 200
    answer = phone.post(f"/training/{path}")
    assert (
        answer.status_code == 200
        and "phone=" in answer.headers["Set-Cookie"]
        and "HttpOnly" in answer.headers["Set-Cookie"]
    )
    set_clock(session.ends_at - timedelta(minutes=5))
    told = screen.get(f"/training/office/periods/{session.id}/screen.json").json
    assert told["way"] == "out" and told["signed"] == 0
    assert screen.get(f"/training/office/periods/{session.id}/screen.json?way=in").json["way"] == "in"
    assert phone.post(f"/training/{path}").status_code == 409  # the old code is worth nothing
    out = told["address"].split("/training/", 1)[1]
    assert phone.get(f"/training/{out}").status_code == 200
    assert phone.post(f"/training/{out}").status_code == 200
    assert screen.get(f"/training/office/periods/{session.id}/screen.json").json["signed"] == 1
    sheet = screen.get(f"/training/office/classes/{klass.id}/attendance").text
    assert "林学员" in sheet


def test_the_sheet_to_print_holds_the_names(room: Any, client_as: Any) -> None:
    pytest.importorskip("weasyprint")
    import pypdfium2

    klass, session, person = room
    training.admit(klass, people.person("欧阳䶮"))
    officer = client_as(training.runner_of(klass))
    answer = officer.get(f"/training/office/classes/{klass.id}/sheet.pdf?period={session.id}")
    assert answer.status_code == 200 and answer.mimetype == "application/pdf"
    pdf = pypdfium2.PdfDocument(answer.data)
    words = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    assert len(pdf) == 1 and all(name in words for name in ("林学员", "欧阳䶮", "签到", "签退", klass.title))
    assert client_as(person).get(f"/training/office/classes/{klass.id}/sheet.pdf").status_code == 403
    other = client_as(training.base_officer(training.base()))
    assert other.get(f"/training/office/classes/{klass.id}/sheet.pdf").status_code == 404
