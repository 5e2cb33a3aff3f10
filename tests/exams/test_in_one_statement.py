"""The hot steps through their addresses: what was judged is written only where it is still so; else the slow way decides.

On PostgreSQL these go the way of one statement, on SQLite through a unit of work; what holds is the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.accounts import signing
from app.accounts.models import Person, PersonState, SignIn
from app.accounts.sessions import IDLE, LONGEST, end_all
from app.core import clock
from app.db import db, is_sqlite, locked, unit_of_work
from app.exams import at_once, marking, sittings
from app.exams import room as hall
from app.exams.models import EventKind, Fate, Mark, Sitting, SittingEvent, SittingStep
from app.exams.sittings import Step
from app.exams.states import SittingState
from tests.exams.factories import Room, sitting

MINUTE = timedelta(minutes=1)


@pytest.fixture
def room(app: Any, set_clock: Any) -> Room:
    made = Room(candidates=2)
    set_clock(made.opens + MINUTE)
    return made


def _begin(room: Room, client_as: Any, n: int = 0) -> tuple[Any, str]:
    browser, address = client_as(room.people[n]), f"/exams/sittings/{room.sittings[n]}"
    assert browser.post(f"{address}/start", data={"honour": "y"}).status_code == 302
    assert browser.post(f"{address}/open", json={"device": "device-one"}).json["epoch"] == 1
    return browser, address


def _told(room: Room, counter: int = 1, n: int = 0) -> list[dict[str, Any]]:
    return [{"question": s.question, "counter": counter, "answer": s.answer} for s in room.right(n)]


def _fates(room: Room, n: int = 0) -> list[Fate]:
    db.session.rollback()
    asked = select(SittingStep.fate).where(SittingStep.sitting_id == room.sittings[n])
    return list(db.session.scalars(asked.order_by(SittingStep.epoch, SittingStep.counter)))


def _slow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the steps went through a unit of work."""
    gone: list[str] = []
    for module, name in ((sittings, "start"), (sittings, "save"), (sittings, "hand_in"), (marking, "mark_once")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, r=real, n=name, **k: (gone.append(n), r(*a, **k))[1])
    return gone


def test_a_whole_sitting_in_single_statements(
    room: Room, client_as: Any, queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _slow(monkeypatch)
    browser, address = _begin(room, client_as)
    steps = _told(room)
    assert browser.post(f"{address}/answers", json={"epoch": 1, "steps": steps[:1]}).json["saved"] == {"1": 1}
    with queries() as seen:
        again = browser.post(f"{address}/answers", json={"epoch": 1, "steps": steps}).json
    assert len(again["saved"]) == 6 and again["state"] == "in_progress"
    last = {"question": 1, "counter": 2, "answer": None, "cleared": True}
    with queries() as ended:
        reply = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": [last]}).json
    assert reply["state"] == "submitted" and reply["saved"] == {"1": 2}
    assert _fates(room) == [Fate.APPLIED] * 7
    done = sitting(room.sittings[0])
    assert done.state is SittingState.MARKED and (done.score, done.maximum, done.passed) == (25, 30, True)
    assert done.submitted_at and done.submitted_at <= done.marked_at <= clock.now() and done.submitted_by == "candidate"
    kinds = db.session.scalars(select(SittingEvent.kind).order_by(SittingEvent.id)).all()
    assert kinds == [EventKind.STARTED, EventKind.HANDED_IN]
    mark = db.session.scalars(select(Mark)).one()
    assert mark.shares["1"] == {"whole": "0"} and mark.shares["2"] == {"whole": "1"} and mark.working["rule"]
    if is_sqlite(db.engine):
        assert slow == ["start", "save", "save", "hand_in", "mark_once"]
    else:
        assert (
            not slow and len(seen) == 1 and len(ended) == 3
        )  # the write, which asks who; what marking reads; the marks


def test_time_given_meanwhile_is_told_by_the_next_save(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    first = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room)[:1]}).json
    with unit_of_work():
        mine = sittings.with_session(room.sittings[0])
        sittings.add_time(mine, 10, by=room.office, reason="停电", now=clock.now())
    second = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 2)[:1]}).json
    assert 590_000 < second["remaining_ms"] - first["remaining_ms"] <= 600_000


def test_an_old_device_is_told_at_its_next_save(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room)[:1]})
    taken = browser.post(f"{address}/open", json={"device": "device-two", "take_over": True}).json
    assert taken["epoch"] == 2
    old = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 2)[:1]}).json
    new = browser.post(f"{address}/answers", json={"epoch": 2, "steps": _told(room)[:1]}).json
    assert old["messages"] == ["read_only"] and new["messages"] == []
    assert _fates(room) == [Fate.APPLIED, Fate.OLD, Fate.APPLIED]
    ended = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": []}).json
    assert ended["state"] == "in_progress" and ended["messages"] == ["read_only"]


def test_late_saves_and_saves_after_the_hand_in_go_the_slow_way(room: Room, client_as: Any, set_clock: Any) -> None:
    browser, address = _begin(room, client_as)
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room)[:1]})
    set_clock(room.opens + 61 * MINUTE + timedelta(seconds=30))
    late = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 2)[:1]}).json
    assert late["messages"] == ["late"] and _fates(room) == [Fate.APPLIED, Fate.LATE]
    assert browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": []}).json["state"] == "submitted"
    after = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 3)[:1]}).json
    assert after["saved"] == {"1": 3} and _fates(room)[-1] is Fate.CLOSED
    assert db.session.scalar(select(func.count()).select_from(Mark)) == 1


def test_nobody_saves_into_the_sitting_of_another(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room)[:1]})
    stranger = client_as(room.people[1])
    for what in ("answers", "hand-in"):
        body = {"epoch": 1, "steps": _told(room, 5)[:1]}
        assert stranger.post(f"{address}/{what}", json=body).status_code == 404
    assert len(_fates(room)) == 1 and sitting(room.sittings[0]).state is SittingState.IN_PROGRESS


def _warm(room: Room, client_as: Any, n: int = 0) -> tuple[Any, str]:
    """A candidate whose sitting the process knows: the next save goes before the door is asked."""
    browser, address = _begin(room, client_as, n)
    assert browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 1, n)[:1]}).status_code == 200
    return browser, address


def _nothing_goes(room: Room, browser: Any, address: str, status: int = 401) -> None:
    for what in ("answers", "hand-in"):
        answer = browser.post(f"{address}/{what}", json={"epoch": 1, "steps": _told(room, 7)})
        assert answer.status_code == status, what
    assert _fates(room) == [Fate.APPLIED] and sitting(room.sittings[0]).state is SittingState.IN_PROGRESS


def test_a_signed_out_session_saves_nothing(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    with browser.session_transaction() as cookie:
        kept = dict(cookie)
    assert browser.post("/sign-out").status_code == 302
    with browser.session_transaction() as cookie:
        cookie.update(kept)  # somebody kept the cookie
    _nothing_goes(room, browser, address)


def test_signing_out_everywhere_holds_for_saves(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    with unit_of_work():
        end_all(db.session.get_one(Person, room.people[0].id), now=clock.now())
    _nothing_goes(room, browser, address)


def test_a_new_password_ends_what_was_open(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    with unit_of_work():
        signing.change_password(db.session.get_one(Person, room.people[0].id), "new", now=clock.now(), keep=None)
    _nothing_goes(room, browser, address)


def test_an_account_that_is_closed_saves_nothing(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    with unit_of_work():
        db.session.get_one(Person, room.people[0].id).state = PersonState.ERASED
    _nothing_goes(room, browser, address)


@pytest.mark.parametrize("days", [IDLE.total_seconds() / 86_400 + 0.01, LONGEST.days + 0.01])
def test_a_session_that_is_over_saves_nothing(room: Room, client_as: Any, days: float) -> None:
    browser, address = _warm(room, client_as)
    with unit_of_work():
        mine = db.session.scalars(select(SignIn).where(SignIn.person_id == room.people[0].id)).one()
        mine.created_at -= timedelta(days=days)
        mine.seen_at -= timedelta(days=days if days < 1 else 0)
    _nothing_goes(room, browser, address)


def test_without_the_second_factor_nothing_is_saved(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    with unit_of_work():
        db.session.scalars(select(SignIn).where(SignIn.person_id == room.people[0].id)).one().second_factor_at = None
    assert browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 2)[:1]}).status_code == 200
    with unit_of_work():
        db.session.get_one(Person, room.people[0].id).totp_confirmed_at = clock.now()
    for what in ("answers", "hand-in"):
        answer = browser.post(f"{address}/{what}", json={"epoch": 1, "steps": _told(room, 7)})
        assert answer.status_code == 302 and "second-factor" in answer.location
    assert len(_fates(room)) == 2 and sitting(room.sittings[0]).state is SittingState.IN_PROGRESS


def test_a_stranger_cannot_save_into_a_sitting_the_process_knows(room: Room, client_as: Any, queries: Any) -> None:
    _, address = _warm(room, client_as)
    stranger = client_as(room.people[1])
    _nothing_goes(room, stranger, address, 404)
    nobody, body = client_as(None), {"epoch": 1, "steps": _told(room, 7)}
    with queries() as seen:
        answer = nobody.post(f"{address}/answers", json=body)
    assert answer.status_code == 401 and not seen


def test_the_form_token_is_asked_for_before_anything_is_written(
    app: Any, room: Room, client_as: Any, queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, address = _warm(room, client_as)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    for token in (None, "", "no", 7):
        with queries() as seen:
            answer = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 9), "token": token})
        assert answer.status_code == 409 and answer.json["token"] and not any("INSERT" in one for one in seen)
    body = {"epoch": 1, "steps": _told(room, 9), "token": answer.json["token"]}
    assert browser.post(f"{address}/answers", json=body).status_code == 200 and len(_fates(room)) == 7


def test_a_save_after_a_while_notes_that_the_session_was_seen(
    room: Room, client_as: Any, set_clock: Any, queries: Any
) -> None:
    browser, address = _warm(room, client_as)
    set_clock(room.opens + 20 * MINUTE)
    assert browser.post(f"{address}/answers", json={"epoch": 1, "steps": _told(room, 2)[:1]}).status_code == 200
    mine = db.session.scalars(select(SignIn).where(SignIn.person_id == room.people[0].id)).one()
    assert clock.now() - mine.seen_at < MINUTE
    body = {"epoch": 1, "steps": _told(room, 3)[:1]}
    with queries() as seen:
        browser.post(f"{address}/answers", json=body)
    assert len(_fates(room)) == 3 and (is_sqlite(db.engine) or len(seen) == 1)


def test_what_is_refused_is_named_beside_what_is_saved(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    steps = [*_told(room)[:1], {"question": 2, "counter": 1, "answer": "no such option"}]
    reply = browser.post(f"{address}/answers", json={"epoch": 1, "steps": steps}).json
    assert reply["saved"] == {"1": 1} and list(reply["refused"]) == ["2"]


def test_a_paper_with_a_written_answer_waits_for_a_person(app: Any, set_clock: Any, client_as: Any) -> None:
    room = Room(kinds=(("single", 2, "5"), ("essay", 1, "10")), level=3)
    set_clock(room.opens + MINUTE)
    browser, address = _begin(room, client_as)
    steps = [{"question": n, "counter": 1, "answer": "x" * 20 if n == 3 else None} for n in (1, 2, 3)]
    browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps})
    assert sitting(room.sittings[0]).state is SittingState.SUBMITTED
    assert db.session.scalars(select(Mark)).one().shares["3"] == {"whole": None}


def test_a_save_that_waits_for_a_hand_in_is_not_written_past_it(app: Any) -> None:
    """The row is held by another transaction that changes it: the save waits, sees the change, and is judged again."""
    if is_sqlite(db.engine):
        pytest.skip("SQLite has one writer: nobody waits inside a statement")
    room = Room()
    room.start()
    mine, person, now, step = room.sittings[0], room.people[0], room.opens + MINUTE, room.right()[0]
    me = person.id
    assert at_once.save(mine, 1, [step], by=person, now=now) is not None

    def save() -> Any:
        from app.accounts.models import Person

        with app.app_context():
            by = db.session.get_one(Person, me)
            try:
                return at_once.save(mine, 1, [Step(step.question, 2, step.answer)], by=by, now=now)
            finally:
                db.session.close()

    with ThreadPoolExecutor(1) as other:
        with unit_of_work():
            sittings.hand_in(mine, 1, [], by=person, now=now)
            waits = other.submit(save)
            held = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            for _ in range(2000):
                if db.session.scalar(held):
                    break
            else:
                raise AssertionError("the save does not wait")
        assert waits.result(timeout=30) is None
    assert db.session.scalar(select(func.count()).select_from(SittingStep)) == 1
    assert db.session.get_one(Sitting, mine, populate_existing=True).state is SittingState.SUBMITTED


def test_twenty_hand_ins_and_marks_at_once_make_one(app: Any) -> None:
    from app.accounts.models import Person
    from tests.exams.test_at_once import at_once as together

    room = Room()
    room.start()
    room.save(room.right())
    mine, me, now = room.sittings[0], room.people[0].id, room.opens + 2 * MINUTE

    def hand_in(n: int) -> Any:
        by = db.session.get_one(Person, me)
        if at_once.hand_in(mine, 1, [], by=by, now=now) is None:
            with unit_of_work():
                sittings.hand_in(mine, 1, [], by=by, now=now)
        if not at_once.mark(mine, now=now):
            with unit_of_work():
                marking.mark_once(mine, now=now)
        return None

    assert together(app, 20, hand_in) == [None] * 20
    assert db.session.scalar(select(func.count()).select_from(Mark)) == 1
    ended = select(func.count()).select_from(SittingEvent).where(SittingEvent.kind == EventKind.HANDED_IN)
    assert db.session.scalar(ended) == 1 and sitting(mine).state is SittingState.MARKED


def test_a_page_that_is_only_read_hears_of_everything_by_one_look(room: Room, client_as: Any, queries: Any) -> None:
    """A save of nothing locks nothing: one statement on PostgreSQL, who asks and the sitting on SQLite."""
    browser, address = _warm(room, client_as)
    nothing = {"epoch": 1, "steps": []}
    first = browser.post(f"{address}/answers", json=nothing).json
    with queries() as seen:
        again = browser.post(f"{address}/answers", json=nothing).json
    assert len(seen) == (2 if is_sqlite(db.engine) else 1) and not any("FOR " in one or "UPDATE" in one for one in seen)
    assert again["state"] == "in_progress" and not again["paused"] and first["news"] == again["news"]
    with unit_of_work():
        sittings.add_time(sittings.with_session(room.sittings[0]), 10, by=room.office, reason="停电", now=clock.now())
    assert browser.post(f"{address}/answers", json=nothing).json["remaining_ms"] > again["remaining_ms"] + 590_000
    with unit_of_work():
        hall.say(locked(room.session), "请安静", by=room.office, now=clock.now())
    assert browser.post(f"{address}/answers", json=nothing).json["news"] > again["news"]
    with unit_of_work():
        hall.pause(sittings.with_session(room.sittings[0]), by=room.office, reason="停电", now=clock.now())
    held = browser.post(f"{address}/answers", json=nothing).json
    assert held["paused"] and browser.post(f"{address}/answers", json=nothing).json["paused"]
    assert browser.post(f"{address}/open", json={"device": "device-two", "take_over": True}).json["epoch"] == 2
    assert browser.post(f"{address}/answers", json=nothing).json["messages"] == ["read_only"]
    assert len(_fates(room)) == 1


def test_a_look_tells_nothing_to_others(room: Room, client_as: Any) -> None:
    browser, address = _warm(room, client_as)
    nothing = {"epoch": 1, "steps": []}
    assert browser.post(f"{address}/answers", json=nothing).status_code == 200
    assert client_as(room.people[1]).post(f"{address}/answers", json=nothing).status_code == 404
    assert client_as(None).post(f"{address}/answers", json=nothing).status_code == 401
    with unit_of_work():
        end_all(db.session.get_one(Person, room.people[0].id), now=clock.now())
    assert browser.post(f"{address}/answers", json=nothing).status_code == 401
