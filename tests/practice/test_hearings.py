"""Oral defences: who may sit on a panel, how it decides, who sees what, through services and pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.accounts.models import Person
from app.core import clock
from app.core.errors import NotAllowedNow, NotFound
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.outline.service import current
from app.practice import access, hearings, service
from app.practice.models import Confidentiality, Defence, Hearing, LogEntry
from app.practice.refusals import (
    AlreadyPlanned,
    ChairOutside,
    ConflictOfInterest,
    InThePast,
    NotBegun,
    Occupied,
    PanelIncomplete,
    PanelTooSmall,
)
from app.practice.states import HEARING_MOVES, HearingMove, HearingState, hearing_moved
from tests.factories import people as make
from tests.factories import practice

FULL = {"statement": Decimal(30), "answers": Decimal(40), "own_part": Decimal(30)}
HALF = {"statement": Decimal(15), "answers": Decimal(20), "own_part": Decimal(15)}


@pytest.fixture
def trainee(app: Any) -> Person:
    here = make.region()
    return make.person("周敏", region=here, organisation_id=make.organisation(here).id)


@pytest.fixture
def office(trainee: Person) -> Person:
    return make.officer(Role.CERTIFICATION, name="办公室")


def in_the_morning(days: int = 3, hour: int = 9) -> datetime:
    return clock.start_of(clock.today() + timedelta(days=days)) + timedelta(hours=hour)


def plan(entry: LogEntry, office: Person, panel: list[Person], **more: Any) -> Hearing:
    with unit_of_work():
        made = hearings.plan(
            db.session.get_one(LogEntry, entry.id), by=office, panel=panel, now=clock.now(),
            **{"starts_at": in_the_morning(), "minutes": 30, "place": "三号会议室", "chair": panel[0] if panel else None} | more,
        )  # fmt: skip
        number = made.id
    return db.session.get_one(Hearing, number)


def judge(hearing: Hearing, by: Person, points: dict[str, Decimal], now: datetime) -> None:
    with unit_of_work():
        hearings.judge(db.session.get_one(Hearing, hearing.id), by=by, points=points, remark="", now=now)


def close(hearing: Hearing, by: Person, now: datetime, minutes: str = "提问三项，回答清楚。") -> Defence:
    with unit_of_work():
        made = hearings.close(db.session.get_one(Hearing, hearing.id), by=by, minutes=minutes, now=now)
        number = made.id
    return db.session.get_one(Defence, number)


def letters(person: Person) -> list[str]:
    return [n.letter for n in db.session.query(Notice).filter_by(person_id=person.id).order_by(Notice.id)]


def test_from_the_appointment_to_the_decision(trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    panel = practice.reviewers(3)
    hearing = plan(entry, office, panel)
    assert letters(trainee)[-1] == "practice.hearing_planned" and letters(panel[1]) == ["practice.hearing_panel"]
    assert service.facts_of(trainee, 3, clock.today()).passed[0].defended is False
    then = hearing.starts_at + timedelta(minutes=20)
    for member, points in zip(panel, (FULL, HALF, FULL), strict=True):
        judge(hearing, member, points, then)
    made = close(hearing, panel[0], then)
    assert (made.passed, hearing.score, hearing.state) == (True, Decimal("83.33"), HearingState.HELD)
    assert letters(trainee)[-1] == "practice.hearing_passed"
    assert service.facts_of(trainee, 3, clock.local_date(then)).passed[0].defended is True


@pytest.mark.parametrize(
    ("totals", "mean", "passed"),
    [
        (("60", "60", "60"), "60.00", True),
        (("59.99", "60", "60"), "60.00", True),
        (("59", "59", "100"), "72.67", False),
        (("100", "60", "0"), "53.33", False),
        (("60", "60"), "60.00", True),
        (("60", "90", "59", "59"), "67.00", False),
    ],
)
def test_the_mean_and_the_majority_decide(totals: tuple[str, ...], mean: str, passed: bool) -> None:
    assert hearings.outcome_of([Decimal(t) for t in totals], Decimal(60)) == (Decimal(mean), passed)


def test_who_may_not_sit_on_the_panel(trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    fit = practice.reviewers(3)
    colleague = make.officer(Role.REVIEWER, name="同事", organisation_id=trainee.organisation_id)
    for other in (entry.mentor, trainee, colleague):
        with pytest.raises(ConflictOfInterest):
            plan(entry, office, [*fit, other])
    with pytest.raises(PanelTooSmall):
        plan(entry, office, fit[:2])
    with pytest.raises(ChairOutside):
        plan(entry, office, fit, chair=practice.reviewers(1)[0])
    with pytest.raises(InThePast):
        plan(entry, office, fit, starts_at=clock.now() - timedelta(minutes=1))
    plan(entry, office, fit)
    with pytest.raises(AlreadyPlanned):
        plan(entry, office, fit)


def test_nobody_sits_in_two_defences_at_once(trainee: Person, office: Person) -> None:
    one, other = (practice.passed_task(trainee, "T14", 3, score="80") for _ in range(2))
    panel = practice.reviewers(3)
    hearing = plan(one, office, panel)
    with pytest.raises(Occupied):
        plan(other, office, practice.reviewers(3), starts_at=hearing.starts_at + timedelta(minutes=29))
    assert plan(other, office, panel, starts_at=hearing.starts_at + timedelta(minutes=30)).state is HearingState.PLANNED


def test_judging_before_the_start_and_closing_before_all_have_judged(trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    panel = practice.reviewers(3)
    hearing = plan(entry, office, panel)
    with pytest.raises(NotBegun):
        judge(hearing, panel[0], FULL, hearing.starts_at - timedelta(minutes=1))
    then = hearing.starts_at
    judge(hearing, panel[0], FULL, then)
    with pytest.raises(PanelIncomplete):
        close(hearing, panel[0], then)
    for member in panel[1:]:
        judge(hearing, member, HALF, then)
    with pytest.raises(NotFound):
        close(hearing, panel[1], then)
    judge(hearing, panel[0], HALF, then)  # changed before the close: it counts
    assert close(hearing, panel[0], then).passed is False
    with pytest.raises(NotAllowedNow):
        judge(hearing, panel[0], FULL, then)


def test_a_member_who_became_a_colleague_is_refused_at_the_judgement(trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    panel = practice.reviewers(3)
    hearing = plan(entry, office, panel)
    with unit_of_work():
        db.session.get_one(Person, panel[1].id).organisation_id = trainee.organisation_id
    with pytest.raises(ConflictOfInterest):
        judge(hearing, panel[1], FULL, hearing.starts_at)


def test_core_material_is_open_to_the_panel_while_the_defence_stands(trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80", confidentiality=Confidentiality.CORE)
    panel, stranger = practice.reviewers(3), practice.reviewers(1)[0]
    asked = {review.reviewer_id for review in entry.reviews}
    panel = [one for one in panel if one.id not in asked]
    assert not access.may_read(panel[0], entry)
    hearing = plan(entry, office, panel)
    assert access.may_read(panel[0], entry) and not access.may_read(stranger, entry)
    with unit_of_work():
        hearings.call_off(db.session.get_one(Hearing, hearing.id), by=office, why="会议室停用", now=clock.now())
    assert not access.may_read(panel[0], entry)
    assert letters(trainee)[-1] == letters(panel[2])[-1] == "practice.hearing_cancelled"


def test_the_shipped_figures_are_called_defaults(app: Any) -> None:
    assert current("practice_defence").is_default


@pytest.mark.parametrize("state", list(HearingState))
@pytest.mark.parametrize("move", list(HearingMove))
def test_every_cell_of_the_table(state: HearingState, move: HearingMove) -> None:
    if (state, move) in HEARING_MOVES:
        assert hearing_moved(state, move) is HEARING_MOVES[state, move]
    else:
        with pytest.raises(NotAllowedNow):
            hearing_moved(state, move)


# --- pages ---------------------------------------------------------------------------------------------------------------


def test_a_panel_that_cannot_be_filled_is_said_and_not_asked_for(
    client_as: Any, trainee: Person, office: Person
) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    colleague, address = practice.reviewers(1)[0], f"/practice/entries/{entry.id}/hearing"
    with unit_of_work():
        db.session.get_one(Person, colleague.id).organisation_id = trainee.organisation_id
    page = client_as(office).get(address).text
    assert "需要 3 人，现有 2 人可选" in page and 'name="panel"' not in page
    assert (
        f"<ul><li>{colleague.name}：其与学员同属一个单位。</li></ul>" in page
    )  # the two who judged the task could sit
    practice.reviewers(1)
    assert 'name="panel"' in client_as(office).get(address).text


def test_in_the_browser(client_as: Any, set_clock: Any, trainee: Person, office: Person) -> None:
    entry = practice.passed_task(trainee, "T14", 3, score="80")
    panel = practice.reviewers(3)
    desk = client_as(office)
    assert entry.title in desk.get("/practice/hearings").text
    form = desk.get(f"/practice/entries/{entry.id}/hearing").text
    assert all(one.name in form for one in panel) and entry.mentor.name not in form
    when = clock.local(in_the_morning())
    sent = {"starts": f"{when:%Y-%m-%dT%H:%M}", "minutes": "30", "place": "三号会议室", "chair_id": str(panel[0].id)}
    refused = desk.post(f"/practice/entries/{entry.id}/hearing", data=sent | {"panel": [str(panel[0].id)]})
    assert refused.status_code == 422 and "至少需要 3 名成员" in refused.text
    answer = desk.post(f"/practice/entries/{entry.id}/hearing", data=sent | {"panel": [str(one.id) for one in panel]})
    assert answer.status_code == 302
    page = answer.headers["Location"]
    assert "三号会议室" in client_as(trainee).get(f"/practice/{entry.id}").text
    assert "保存评分" not in client_as(panel[0]).get(page).text
    outsider = client_as(practice.reviewers(1)[0])
    assert outsider.get(page).status_code == 404 and outsider.post(f"{page}/judge", data={}).status_code == 404
    set_clock(in_the_morning())
    points = {f"points_{code}": str(value) for code, value in FULL.items()}
    first = client_as(panel[0])
    assert first.post(f"{page}/judge", data=points | {"points_answers": "41"}).status_code == 422
    for member in panel:
        assert client_as(member).post(f"{page}/judge", data=points | {"remark": "机密评语"}).status_code == 302
    assert "机密评语" not in client_as(office).get(page).text and "机密评语" in first.get(page).text
    assert client_as(panel[1]).post(f"{page}/close", data={"minutes": "越权"}).status_code == 404
    assert first.post(f"{page}/close", data={"minutes": "提问三项，回答清楚。"}).status_code == 302
    assert "提问三项" in client_as(trainee).get(f"/practice/{entry.id}").text
    assert "100" in client_as(office).get("/practice/hearings?state=held").text
