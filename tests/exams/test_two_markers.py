"""Written answers by two markers blind to each other, a third where they differ, the median; progress, agreement, release."""

from __future__ import annotations

import html
import re
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.exams import agreement, marking, sessions
from app.exams.models import ExamSession, Mark, MarkedBy, MarkingTask, Reading, TaskState
from app.exams.rules import MARKING, marking_rules
from app.exams.states import SessionState, SittingState
from app.notices.models import Notice
from app.outline import service as outline
from tests.exams.factories import Over, plan, session, sitting
from tests.exams.test_at_once import at_once
from tests.factories import people


def _mark_rows(sitting_id: int, by: MarkedBy) -> list[Mark]:
    return list(db.session.scalars(select(Mark).where(Mark.sitting_id == sitting_id, Mark.by == by)))


def test_two_that_agree_settle_at_their_median(app: Any) -> None:
    room = Over(1, markers=2)
    [task] = room.tasks
    room.give(task, "0.5", 0, "先核权属")
    assert sitting(room.sittings[0]).state is SittingState.SUBMITTED
    assert not _mark_rows(room.sittings[0], MarkedBy.MARKER)
    room.give(task, "0.7", 1, "要点不全")
    made = sitting(room.sittings[0])
    assert made.state is SittingState.MARKED and made.score == 20 + 6
    [mark] = _mark_rows(made.id, MarkedBy.MARKER)
    assert [Decimal(one) for one in mark.working["shares"]] == [Decimal("0.5"), Decimal("0.7")]
    remarks = next(line.remarks for line in marking.result_of(made).lines if line.remarks)
    assert remarks == {"whole": "先核权属\n要点不全"}


@pytest.mark.parametrize(("second", "third", "points"), [("0.75", "0.7", 7), ("0.75", "0", 5), ("0.75", "1", "7.5")])
def test_beyond_the_limit_a_third_is_asked_and_the_median_counts(
    app: Any, second: str, third: str, points: Any
) -> None:
    room = Over(1, markers=2)
    [task] = room.tasks
    room.give(task, "0.5", 0)
    room.give(task, second, 1)
    assert room.tasks[0].wanted == 3 and sitting(room.sittings[0]).state is SittingState.SUBMITTED
    with pytest.raises(marking.NotMarked):
        room.release()
    room.give(task, third, 2)
    made = sitting(room.sittings[0])
    assert made.score == 20 + Decimal(points)
    assert [one.third for one in db.session.scalars(select(Reading).order_by(Reading.id))] == [False, False, True]


def test_exactly_the_limit_is_within(app: Any) -> None:
    room = Over(1, markers=2)
    room.give(room.tasks[0], "0.5", 0)
    room.give(room.tasks[0], "0.7", 1)
    assert room.tasks[0].state is TaskState.DONE


def test_nobody_marks_the_same_answer_twice(app: Any) -> None:
    room = Over(1, markers=2)
    room.give(room.tasks[0], "0.5", 0)
    assert marking.tasks_waiting(room.markers[0]) == 0 and marking.tasks_waiting(room.markers[1]) == 1
    assert marking.next_task(room.markers[0]) is None
    with pytest.raises(marking.MarkedBefore):
        room.give(room.tasks[0], "0.6", 0)
    room.give(room.tasks[0], "0.5", 1)
    with pytest.raises(marking.MarkedMeanwhile):
        room.give(room.tasks[0], "0.5", 2)
    assert db.session.scalar(select(func.count()).select_from(Reading)) == 2


def test_three_markers_at_once_leave_two_readings(app: Any) -> None:
    room = Over(1, markers=2)
    task_id, ids = room.tasks[0].id, [one.id for one in room.markers]
    limits = marking.limits_of(marking.script_of(room.tasks[0]).question)

    def give(n: int) -> Any:
        from app.accounts.models import Person

        person = db.session.get_one(Person, ids[n])
        with unit_of_work():
            task = db.session.get_one(MarkingTask, task_id)
            marking.give(task, limits, by=person, remark="", now=clock.now())
        return "given"

    results = at_once(app, 3, give)
    assert results.count("given") == 2
    assert [type(one) for one in results if one != "given"] == [marking.MarkedMeanwhile]
    assert sitting(room.sittings[0]).state is SittingState.MARKED
    assert len(_mark_rows(room.sittings[0], MarkedBy.MARKER)) == 1


def test_one_marker_is_enough_where_the_session_says_so(app: Any) -> None:
    room = Over(1, markers=1)
    room.give(room.tasks[0], "0.4")
    assert sitting(room.sittings[0]).score == 24


def test_the_number_comes_from_the_rule_and_older_versions_are_filled_up(app: Any) -> None:
    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    assert outline.rule("exam", 2)["markers"] == "2"
    with unit_of_work():
        made = sessions.plan(plan(region, markers=None), by=office, now=clock.now())
    assert made.markers == 2
    old = marking_rules({"pass_mark": Decimal(60)})
    assert old["markers"] == 2 and old["marker_limit"] == Decimal("0.2")
    assert old["appeal_days"] == MARKING["appeal_days"] == 5


def test_the_markers_page_shows_no_name_and_no_other_mark(app: Any, client_as: Any) -> None:
    room = Over(2, markers=2)
    first = room.tasks[0]
    room.give(first, "0.3", 0, "旁人评语")
    desk = client_as(room.markers[1])
    page = desk.get(f"/exams/office/marking/{first.id}").text
    assert "考生答卷0" in page and room.people[0].name not in page and room.people[0].email not in page
    assert "旁人评语" not in page and room.markers[0].name not in page and "data-points" in page
    lines = page.count("data-points=")
    data = {f"points-{n}": "0" for n in range(lines)}
    assert desk.post(f"/exams/office/marking/{first.id}", data=data | {"points-1": "x"}).status_code == 422
    assert desk.post(f"/exams/office/marking/{first.id}", data=data | {"points-1": "-1"}).status_code == 422
    answer = desk.post(f"/exams/office/marking/{first.id}", data=data)
    assert answer.status_code == 302 and "/marking/next" in answer.location
    following = desk.get(answer.location).location
    assert following.endswith(f"/marking/{room.tasks[1].id}")
    assert desk.post(f"/exams/office/marking/{first.id}", data=data).status_code == 409
    page = desk.get(f"/exams/office/marking/{first.id}").text
    assert "您已评阅本答卷" in page and "旁人评语" not in page


def test_what_is_left_for_later_comes_again_after_all_the_others(app: Any, client_as: Any) -> None:
    room = Over(4, markers=1)
    ids = {one.id for one in room.tasks}
    desk, seen = client_as(room.markers[0]), []
    address = desk.get("/exams/office/marking/next").location
    for _n in range(5):
        seen.append(int(address.rpartition("/")[2]))
        page = desk.get(address).text
        left = re.findall(r'href="([^"]*marking/next[^"]*)">稍后再评', page)
        address = desk.get(html.unescape(left[0])).location
    assert set(seen[:4]) == ids and seen[4] == seen[0]
    room.give(next(one for one in room.tasks if one.id == seen[1]), "0.5")
    assert marking.next_task(room.markers[0], seen[1]).id == seen[2], "on from where one was, also when it is marked"


def test_after_a_question_come_the_others_of_the_same_exam(app: Any, client_as: Any) -> None:
    earlier, here = Over(1, markers=1), Over(1, markers=1)
    marker = people.officer(Role.MARKER)  # of both regions
    desk = client_as(marker)
    [task] = here.tasks
    other = task.revision_id + 1  # a question of which nothing waits
    address = f"/exams/office/marking/next?session_id={here.session.id}&revision_id={other}"
    assert desk.get(address).location.endswith(f"/marking/{task.id}")
    room_of = f"/exams/office/marking/next?session_id={here.session.id}&after={task.id}"
    assert desk.get(room_of).location.endswith(f"/marking/{earlier.tasks[0].id}"), (
        "nothing more here: on to the next exam"
    )
    page = desk.get("/exams/office/marking").text
    assert page.count('class="group"') == 2 and "2 份答卷待阅" in page


def test_late_by_a_moment_the_marker_is_led_on(app: Any, client_as: Any) -> None:
    room = Over(1, markers=1)
    [task] = room.tasks
    desk = client_as(room.markers[1])
    lines = desk.get(f"/exams/office/marking/{task.id}").text.count("data-points=")
    room.give(task, "1", 0)
    answer = desk.post(f"/exams/office/marking/{task.id}", data={f"points-{n}": "0" for n in range(lines)})
    assert answer.status_code == 302
    assert "已由他人评阅" in desk.get(answer.location, follow_redirects=True).text
    assert sitting(room.sittings[0]).score == 30


def test_markers_of_another_region_find_nothing(app: Any, client_as: Any) -> None:
    room = Over(1, markers=2)
    other = people.region()
    desk = client_as(people.officer(Role.MARKER, Scope.REGION, other.id))
    assert desk.get(f"/exams/office/marking/{room.tasks[0].id}").status_code == 404
    assert "没有待阅的答卷" in desk.get("/exams/office/marking").text
    office = client_as(people.officer(Role.EXAM_OFFICE, Scope.REGION, other.id))
    for path in ("marking", "regrade", "statistics"):
        assert office.get(f"/exams/office/sessions/{room.session.id}/{path}").status_code == 404, path


def test_agreement_in_figures() -> None:
    none = agreement.agreement([], Decimal("0.2"))
    assert none.count == 0 and none.difference is None and none.within is None
    pairs = [(Decimal("0.5"), Decimal("0.7")), (Decimal(1), Decimal("0.4")), (Decimal("0.3"), Decimal("0.3"))]
    found = agreement.agreement(pairs, Decimal("0.2"))
    assert found.count == 3 and found.within == Decimal(2) / 3
    assert found.difference == (Decimal("0.2") + Decimal("0.6")) / 3


def test_the_office_sees_progress_and_agreement(app: Any, client_as: Any) -> None:
    room = Over(3, markers=2)
    one, two, three = room.tasks
    room.give(one, "0.5", 0)
    room.give(one, "0.6", 1)
    room.give(two, "0.2", 0)
    room.give(two, "0.9", 1)
    room.give(three, "1", 2)
    report = agreement.report_of(session(room.session.id))
    assert (report.total, report.done, report.third) == (3, 1, 1)
    assert report.agreement.count == 2 and report.agreement.within == Decimal("0.5")
    assert report.agreement.difference == Decimal("0.4")
    assert {work.person: work.count for work in report.markers} == {"阅卷人0": 2, "阅卷人1": 2, "阅卷人2": 1}
    page = client_as(room.office).get(f"/exams/office/sessions/{room.session.id}/marking").text
    assert "40%" in page and "阅卷人0" in page


def test_progress_costs_the_same_with_more_answers(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 4):
        room = Over(candidates, markers=2)
        for task in room.tasks:
            room.give(task, "0.5", 0)
        seen = []
        for person, path in ((room.office, f"sessions/{room.session.id}/marking"), (room.office, "release"),
                             (room.markers[1], "marking")):  # fmt: skip
            desk = client_as(person)
            with queries() as sent:
                assert desk.get(f"/exams/office/{path}").status_code == 200
            seen.append(len(sent))
        counts.append(seen)
    assert counts[0] == counts[1]


def test_results_are_released_in_bulk_where_every_check_is_fine(app: Any, client_as: Any) -> None:
    ready, waiting = Over(1, essays=0), Over(1, markers=1)
    office = people.officer(Role.EXAM_OFFICE)
    desk = client_as(office)
    page = desk.get("/exams/office/release").text
    assert f'value="{ready.session.id}"' in page and f'value="{waiting.session.id}"' not in page
    assert "1 份" in page
    for what in ("marking", "regrade"):  # from what is to be done to where it is done
        assert f"/sessions/{waiting.session.id}/{what}" in page and f"/sessions/{ready.session.id}/{what}" not in page
    ids = {"ids": [str(ready.session.id), str(waiting.session.id), "x", "999999"]}
    answer = desk.post("/exams/office/release", data=ids)
    assert answer.status_code == 422 and "暂不能发布成绩" in answer.text
    assert session(ready.session.id).state is SessionState.RELEASED
    assert session(waiting.session.id).state is SessionState.CLOSED
    told = db.session.scalar(select(func.count()).where(Notice.letter == "exams.result"))
    assert told == 1
    assert desk.post("/exams/office/release", data=ids).status_code == 422  # nothing is released twice
    assert desk.post("/exams/office/release", data={}).status_code == 302
    assert db.session.scalar(select(func.count()).where(Notice.letter == "exams.result")) == 1


def test_a_further_check_can_stop_the_release(app: Any, monkeypatch: Any) -> None:
    room = Over(1, essays=0)
    monkeypatch.setattr(marking, "RELEASE_CHECKS", [*marking.RELEASE_CHECKS])

    @marking.release_check
    def _incident(asked: Any) -> dict[int, tuple[str, bool]]:
        return {one.id: ("无未决事件", False) for one in asked}

    with pytest.raises(marking.NotMarked) as stopped:
        room.release()
    assert "无未决事件" in stopped.value.text
    assert db.session.get_one(ExamSession, room.session.id).state is SessionState.CLOSED


def test_the_release_is_offered_only_when_all_is_in_order(app: Any, client_as: Any) -> None:
    room = Over()
    desk, page = client_as(room.office), f"/exams/office/sessions/{room.session.id}"
    assert f'{page}/release"' not in desk.get(page).get_data(as_text=True)
    room.mark_all()
    assert f'{page}/release"' in desk.get(page).get_data(as_text=True)
