"""What the browser tells: evidence that is kept once, counted as the session says, and never judged by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import signals, watch
from app.exams.models import EventKind, ExamSession, Signal, SittingEvent, SittingSignal
from app.exams.signals import read_told
from app.exams.sittings import BadSteps
from app.exams.states import SittingState, SubmittedBy
from app.exams.watch import AtLimit, Watch, WatchFixed, watch_of
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.exams.factories import Room, session, sitting
from tests.factories import people

MINUTE = timedelta(minutes=1)
TAB = "0123456789ab"


def told(number: int = 1, kind: str = "hidden", ms: int = 0, ago_ms: int = 0) -> dict[str, Any]:
    return {"number": number, "kind": kind, "ms": ms, "ago_ms": ago_ms}


def tell(room: Room, *rows: dict[str, Any], tab: str = TAB, at: Any = None) -> signals.Standing:
    with unit_of_work():
        return signals.tell(
            room.sittings[0], tab, read_told(list(rows)), by=room.people[0], now=at or room.opens + MINUTE
        )


def kept() -> list[SittingSignal]:
    db.session.rollback()
    return list(db.session.scalars(select(SittingSignal).order_by(SittingSignal.number)))


@pytest.fixture
def room(app: Any, set_clock: Any) -> Room:
    made = Room()
    made.start()
    set_clock(made.opens + MINUTE)
    return made


def set_watch(room: Room, wanted: Watch, **more: Any) -> None:
    with unit_of_work():
        watch.change(locked(room.session), wanted, by=room.office, now=room.opens - MINUTE, **more)


def test_the_same_signal_twice_is_one_and_an_absence_grows(room: Room) -> None:
    tell(room, told(1, ms=0))
    tell(room, told(1, ms=0), told(1, kind="hidden", ms=7000, ago_ms=8000))
    standing = tell(room, told(1, ms=7000, ago_ms=8000), told(1, ms=10))
    (only,) = kept()
    assert (only.kind, only.ms, only.counted) == (Signal.HIDDEN, 7000, True)
    assert only.at == room.opens + MINUTE, "when it began is kept as first told"
    assert (standing.counted, standing.limit, standing.hand_in) == (1, 3, False)


def test_only_longer_absences_count_and_the_default_is_to_record(room: Room) -> None:
    rows = [told(n, ms=ms, kind=kind) for n, (kind, ms) in enumerate(
        [("hidden", 5000), ("blur", 5001), ("paste", 60_000), ("copy", 0), ("idle", 700_000), ("hidden", 9000),
         ("full_screen_left", 6000), ("hidden", 8000)], 1)]  # fmt: skip
    standing = tell(room, *rows)
    assert standing.counted == 4 and standing.hand_in is False, "past the limit, and still nothing happens by itself"
    assert sitting(room.sittings[0]).state is SittingState.IN_PROGRESS
    assert len(kept()) == 8


def test_two_tabs_count_apart(room: Room) -> None:
    tell(room, told(1, ms=6000))
    assert tell(room, told(1, ms=6000), tab="fedcba987654").counted == 2


def test_the_operator_may_choose_to_hand_in(app: Any, set_clock: Any, client_as: Any) -> None:
    room = Room()
    set_watch(room, Watch(switch_limit=2, switch_seconds=3, at_limit=AtLimit.HAND_IN))
    room.start()
    set_clock(room.opens + MINUTE)
    browser = client_as(room.people[0])
    address = f"/exams/sittings/{room.sittings[0]}"
    first = browser.post(f"{address}/signals", json={"tab": TAB, "signals": [told(1, ms=3500)]})
    assert first.json == {"state": "in_progress", "counted": 1, "limit": 2, "hand_in": False}
    steps = [{"question": 1, "counter": 1, "answer": room.right()[0].answer}]
    body = {"tab": TAB, "signals": [told(2, ms=3500)], "epoch": 1, "steps": steps}
    reached = browser.post(f"{address}/signals", json=body).json
    assert reached == {"state": "submitted", "counted": 2, "limit": 2, "hand_in": True, "saved": {"1": 1}}
    assert sitting(room.sittings[0]).state is SittingState.SUBMITTED, "ended by the server, whatever the page does"
    again = browser.post(f"{address}/signals", json=body).json
    assert (again["state"], again["hand_in"]) == ("submitted", False)
    late = [*steps, {"question": 2, "counter": 1, "answer": room.right()[1].answer}]
    reply = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": late, "by_rule": True})
    assert reply.json["state"] == "submitted"
    made = sitting(room.sittings[0])
    assert made.submitted_by is SubmittedBy.RULE and made.score == 5, (
        "what came with the signal counts, later answers do not"
    )
    kinds = db.session.scalars(select(SittingEvent.kind).where(SittingEvent.sitting_id == made.id)).all()
    assert kinds.count(EventKind.CLOSED_BY_RULE) == 1
    assert "离开考试页面" in browser.get(f"{address}/done").text


def test_without_the_choice_the_limit_ends_nothing_and_evidence_is_kept_whatever_comes_along(
    room: Room, client_as: Any
) -> None:
    browser, address = client_as(room.people[0]), f"/exams/sittings/{room.sittings[0]}"
    body = {"tab": TAB, "signals": [told(n, ms=9000) for n in range(1, 6)], "epoch": 99, "steps": [
        {"question": 1, "counter": 1, "answer": None}]}  # fmt: skip
    assert browser.post(f"{address}/signals", json=body).json == {
        "state": "in_progress", "counted": 5, "limit": 3, "hand_in": False,
    }  # fmt: skip
    assert len(kept()) == 5 and sitting(room.sittings[0]).state is SittingState.IN_PROGRESS
    for bad in ("x", [1], [{"question": "1"}]):
        assert browser.post(f"{address}/signals", json=body | {"steps": bad}).status_code == 422


def test_the_rule_ends_a_sitting_once_however_many_signals_come(app: Any, set_clock: Any) -> None:
    room = Room()
    set_watch(room, Watch(switch_limit=1, switch_seconds=3, at_limit=AtLimit.HAND_IN))
    room.start()
    set_clock(room.opens + MINUTE)
    assert [tell(room, told(n, ms=4000)).hand_in for n in (1, 2, 3)] == [True, False, False]
    assert len(kept()) == 1, "nothing is kept after the end"
    kinds = db.session.scalars(select(SittingEvent.kind)).all()
    assert kinds.count(EventKind.CLOSED_BY_RULE) == 1


def test_a_browser_cannot_claim_the_rule(room: Room, client_as: Any) -> None:
    browser = client_as(room.people[0])
    browser.post(f"/exams/sittings/{room.sittings[0]}/hand-in", json={"epoch": 1, "steps": [], "by_rule": True})
    assert sitting(room.sittings[0]).submitted_by is SubmittedBy.CANDIDATE


@pytest.mark.parametrize(
    "raw",
    [None, {}, "x", [1], [{}], [told(kind="murder")], [told(number=-1)], [told(ms=-1)], [told(ms=10**12)],
     [told() | {"ms": True}], [told() | {"number": "1"}], [told(n) for n in range(60)]],
)  # fmt: skip
def test_bad_signals_are_refused(app: Any, raw: Any) -> None:
    with pytest.raises(BadSteps):
        read_told(raw)


def test_the_endpoint_is_the_candidates_own_and_cheap(room: Room, client_as: Any, queries: Any) -> None:
    body = {"tab": TAB, "signals": [told(n, ms=6000) for n in range(1, 21)]}
    other = people.person("别人", region=room.region)
    address = f"/exams/sittings/{room.sittings[0]}/signals"
    assert client_as(other).post(address, json=body, headers={"Accept": "application/json"}).status_code == 404
    browser = client_as(room.people[0])
    for bad in ({}, {"tab": TAB}, {"tab": "<script>", "signals": []}, {"tab": 5, "signals": []}):
        assert browser.post(address, json=bad).status_code == 422, bad
    with queries() as seen:
        assert browser.post(address, json=body).json["counted"] == 20
    assert len(seen) == 5, seen
    assert len(kept()) == 20


def test_nothing_is_kept_after_the_end_or_in_a_pause(room: Room) -> None:
    room.hand_in()
    assert tell(room, told(1, ms=9000)).state in (SittingState.SUBMITTED, SittingState.MARKED)
    assert kept() == []


def test_a_change_of_address_is_recorded_by_saves(room: Room, client_as: Any, queries: Any) -> None:
    browser = client_as(room.people[0])
    address = f"/exams/sittings/{room.sittings[0]}"
    browser.post(f"{address}/open", json={"device": "d" * 20})
    first = sitting(room.sittings[0]).address
    assert first and "127" not in first, "a keyed hash, not the address"

    def changes() -> list[SittingEvent]:
        db.session.rollback()
        asked = select(SittingEvent).where(SittingEvent.kind == EventKind.ADDRESS_CHANGED)
        return list(db.session.scalars(asked))

    right = room.right()[0].answer
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": [{"question": 1, "counter": 1, "answer": right}]})
    with queries() as seen:  # the first save has read what a process keeps: paper, rules
        browser.post(f"{address}/answers", json={"epoch": 1, "steps": [{"question": 1, "counter": 2, "answer": right}]})
    assert len(seen) <= 4 and changes() == [], seen  # sign-in, sitting, log, address
    other = {"REMOTE_ADDR": "10.9.8.7"}
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": []}, environ_overrides=other)
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": []}, environ_overrides=other)
    (only,) = changes()
    assert only.note == f"{first[:6]} → {sitting(room.sittings[0]).address[:6]}"


def test_settings_come_from_the_rule_in_force(app: Any) -> None:
    office = people.officer(Role.EXAM_OFFICE, Scope.SITE)
    body = dict(KINDS["exam"].defaults["1"]) | {"switch_limit": 7, "at_limit": "hand_in", "watermark": True}  # type: ignore[index]
    with unit_of_work():
        outline.save_version(KINDS["exam"], "1", body, by=office, now=clock.now(), effective_from=outline.BEGINNING)
    room = Room()
    found = watch_of(session(room.session.id))
    assert (found.switch_limit, found.at_limit, found.watermark, found.idle_seconds) == (7, AtLimit.HAND_IN, True, 0)
    assert Watch.of({}) == Watch.of(None) == Watch() == Watch.from_rules({})
    assert Watch.of({"gone": 1, "switch_limit": None}).switch_limit == 3


def test_settings_are_fixed_once_the_exam_is_open(room: Room) -> None:
    with unit_of_work(), pytest.raises(WatchFixed):
        watch.change(locked(room.session), Watch(), by=room.office, now=room.opens)
    set_watch(room, Watch(watermark=True), admission=True, quit_password="geheim")
    found = watch_of(db.session.get_one(ExamSession, room.session.id, populate_existing=True))
    assert found.watermark and len(found.room_code) == 6 and len(found.quit_hash) == 64
    set_watch(room, Watch(), admission=True)
    again = watch_of(session(room.session.id))
    assert again.room_code == found.room_code and again.quit_hash == found.quit_hash and not again.watermark
