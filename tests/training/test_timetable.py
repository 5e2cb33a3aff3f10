"""Conflicts of rooms, teachers and trainees; the month; the calendar feed by the rules of RFC 5545."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.training import feeds, ical, timetable
from app.training.models import ClassSession, TrainingClass
from tests.factories import people, training


def test_what_is_wanted_twice_is_shown(app: Any, queries: Any) -> None:
    base = training.base()
    officer = training.base_officer(base)
    first, second = (training.make_class(base, by=officer, days=20) for _ in range(2))
    third = training.make_class(level=2, days=20, starts_on=first.starts_on)
    teacher = people.officer(Role.LECTURER, Scope.ORGANISATION, base.id, name="陈讲师")
    person = people.person("林学员")
    training.admit(first, person)
    training.admit(third, person)
    with unit_of_work():
        for klass, room in ((first, "201 "), (second, "201"), (third, "201")):
            session = db.session.get_one(TrainingClass, klass.id).sessions[0]
            session.room, session.teacher_id = room, teacher.id if klass is not third else None
    mine = db.session.get_one(TrainingClass, first.id)
    with queries() as asked:
        found = timetable.clashes(mine)
    kinds = {c.kind for c in found}
    assert kinds == {"room", "teacher", "trainee"}
    assert [c.other.class_id for c in found if c.kind == "room"] == [second.id]  # another base has its own room 201
    assert {c.what for c in found if c.kind == "teacher"} == {"陈讲师"}
    assert {(c.what, c.other.class_id) for c in found if c.kind == "trainee"} == {("林学员", third.id)}
    assert len(asked) <= 5
    for _ in range(3):
        training.make_class(base, by=officer, days=20)
    mine = db.session.get_one(TrainingClass, first.id)
    with queries() as more:
        timetable.clashes(mine)
    assert len(more) == len(asked)


def test_a_month_for_officer_and_trainee(app: Any, client_as: Any) -> None:
    klass = training.make_class()
    person, stranger = people.person(), people.person()
    training.admit(klass, person)
    first = clock.local_date(klass.sessions[0].starts_at)
    month = f"?month={first:%Y-%m}"
    own = client_as(person).get(f"/training/calendar{month}").text
    assert klass.sessions[0].label in own
    assert klass.sessions[0].label not in client_as(stranger).get(f"/training/calendar{month}").text
    officer = client_as(training.runner_of(klass))
    assert klass.sessions[0].label in officer.get(f"/training/office/calendar{month}").text
    assert officer.get("/training/office/calendar?month=99999-1&teacher=x&room=%00").status_code == 200


# --- iCalendar --------------------------------------------------------------------------------------------------------------


def parsed(body: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Content lines by the grammar of RFC 5545 section 3.1, written here anew; anything else fails the test."""
    assert (
        body.endswith(b"\r\n") and b"\n" not in body.replace(b"\r\n", b"") and b"\r" not in body.replace(b"\r\n", b"")
    )
    for row in body.split(b"\r\n"):
        assert len(row) <= 75
        row.decode("utf-8")  # no character is cut by a fold
    lines = body.decode("utf-8").replace("\r\n ", "").replace("\r\n\t", "").split("\r\n")[:-1]
    made = []
    for line in lines:
        found = re.fullmatch(r"([A-Z0-9-]+)((?:;[A-Z-]+=[^;:]+)*):(.*)", line)
        assert found, line
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line)
        parameters = dict(p.split("=", 1) for p in found[2].split(";")[1:])
        made.append((found[1], parameters, found[3]))
    return made


def events(lines: list[tuple[str, dict[str, str], str]]) -> list[dict[str, str]]:
    assert lines[0][::2] == ("BEGIN", "VCALENDAR") and lines[-1][::2] == ("END", "VCALENDAR")
    heads = [name for name, _p, _v in lines]
    assert heads.count("VERSION") == heads.count("PRODID") == 1
    stack: list[str] = []
    made: list[dict[str, str]] = []
    for name, _parameters, value in lines:
        if name == "BEGIN":
            stack.append(value)
            if value == "VEVENT":
                made.append({})
        elif name == "END":
            assert stack.pop() == value
        elif stack[-1] == "VEVENT":
            assert name not in made[-1], f"{name} twice"
            made[-1][name] = value
    assert not stack
    for one in made:
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY"} <= set(one)
        for key in ("DTSTAMP", "DTSTART", "DTEND"):
            datetime.strptime(one[key], "%Y%m%dT%H%M%SZ")
    assert len({one["UID"] for one in made}) == len(made)
    return made


def plain(text: str) -> str:
    return re.sub(r"\\([\\;,nN])", lambda m: "\n" if m[1] in "nN" else m[1], text)


@pytest.mark.parametrize(
    "words",
    ["短", "技术经理人" * 40, "a" * 200, "一;二,三\\四\n五", "𠮷野家" * 30, "x" * 66 + "技", "é" * 75, "a\x07b"],
)
def test_text_survives_folding_and_escaping(words: str) -> None:
    at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    event = ical.Event("1@x", at, at + timedelta(hours=1), words, at, location=words, description=words)
    (found,) = events(parsed(ical.calendar("名称", [event])))
    assert plain(found["SUMMARY"]) == words.replace("\x07", "")
    assert (found["DTSTART"], found["DTEND"]) == ("20260302T010000Z", "20260302T020000Z")


def test_the_feed_follows_the_timetable(app: Any, client: Any, client_as: Any) -> None:
    klass, person = training.make_class(), people.person()
    training.admit(klass, person)
    mine = client_as(person)
    assert mine.post("/training/calendar/address").status_code == 302
    token = feeds.token_of(feeds.feed_of(person))
    answer = client.get(f"/training/feed/{token}.ics")  # the calendar program does not sign in
    assert answer.status_code == 200 and answer.mimetype == "text/calendar"
    before = events(parsed(answer.data))
    assert len(before) == len(klass.sessions)
    starts = {one["UID"]: one["DTSTART"] for one in before}
    first = klass.sessions[0]
    assert ical.instant(first.starts_at) in starts.values()
    with unit_of_work():
        moved = db.session.get_one(ClassSession, first.id)
        moved.starts_at += timedelta(hours=1)
        moved.ends_at += timedelta(hours=1)
    after = {one["UID"]: one["DTSTART"] for one in events(parsed(client.get(f"/training/feed/{token}.ics").data))}
    assert set(after) == set(starts)  # the number stays, so the calendar moves the event instead of doubling it
    assert [uid for uid in after if after[uid] != starts[uid]] == [
        u for u in after if u.startswith(f"period-{first.id}@")
    ]


def test_the_address_is_secret(app: Any, client: Any, client_as: Any) -> None:
    person = people.person()
    client_as(person).post("/training/calendar/address")
    feed = feeds.feed_of(person)
    token = feeds.token_of(feed)
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (flipped, f"{feed.id + 1}-{token.split('-', 1)[1]}", str(feed.id), "x", "1-", "９-x"):
        assert client.get(f"/training/feed/{wrong}.ics").status_code == 404, wrong
    client_as(person).post("/training/calendar/address")
    assert client.get(f"/training/feed/{token}.ics").status_code == 404  # the old address is dead
    db.session.expire_all()
    assert client.get(f"/training/feed/{feeds.token_of(feeds.feed_of(person))}.ics").status_code == 200


def test_a_cancelled_class_is_cancelled_in_the_calendar(app: Any) -> None:
    from app.training.classes import move_class
    from app.training.states import ClassMove

    klass = training.make_class()
    teacher = people.officer(Role.LECTURER, Scope.ORGANISATION, klass.organisation_id, name="陈讲师")
    with unit_of_work():
        found = db.session.get_one(TrainingClass, klass.id)
        found.sessions[0].teacher_id = teacher.id
        move_class(
            found,
            ClassMove.CANCEL,
            by=db.session.get_one(Person, klass.created_by_id),
            reason="人数不足",
            now=clock.now(),
        )
    (one,) = events(parsed(feeds.calendar_bytes(teacher, clock.now())))
    assert one["STATUS"] == "CANCELLED"
