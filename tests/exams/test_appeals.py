"""Result reviews: the term in working days, the blind second look, the decision by another person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow, NotFound
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import appeals, marking
from app.exams.models import Appeal, AppealOutcome, AppealState, Mark, MarkedBy
from app.exams.states import SittingState
from app.notices.models import Notice
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.exams.factories import Over, sitting
from tests.factories import people

REASON = "第5题要点二已经写明，请复核。"


def _ask(room: Over, n: int = 0, at: Any = None, by: Any = None) -> Appeal:
    with unit_of_work():
        return appeals.ask(room.sittings[n], by=by or room.people[n], reason=REASON, now=at or room.over)


def _look(appeal: Appeal, share: str, by: Any, room: Over) -> None:
    with unit_of_work():
        row = locked(appeal)
        points = {
            one.name: [most * Decimal(share) for most in one.limits] for one in appeals.written_parts(row.sitting)
        }
        appeals.look(row, points, by=by, remark="", now=room.over)


def _decide(appeal: Appeal, outcome: AppealOutcome, by: Any, room: Over) -> None:
    with unit_of_work():
        appeals.decide(locked(appeal), outcome, by=by, finding="要点二成立", now=room.over)


@pytest.fixture
def room(app: Any) -> Over:
    made = Over(1, markers=2, knows=[2])
    made.mark_all("0")
    made.release()
    return made


def _day(room: Over, words: str, at: Any) -> Any:
    return at(f"{words} 10:00")


def test_the_term_is_counted_in_working_days(app: Any, at: Any) -> None:
    """Released on Thursday 30 April 2026; 1 to 5 May are free, Saturday 9 May is a make-up working day."""
    office = people.officer(Role.ADMIN)
    days = [{"day": f"2026-05-{n:02d}", "works": False, "name": "劳动节"} for n in range(1, 6)]
    days.append({"day": "2026-05-09", "works": True, "name": "调休"})
    with unit_of_work():
        outline.save_version(KINDS["calendar"], "", {"days": days}, by=office, now=clock.now(),
                             effective_from=outline.BEGINNING)  # fmt: skip
    room = Over(1, essays=0)
    room.release(at("2026-04-30 18:00"))
    for when, fine in (("2026-05-01 00:10", True), ("2026-05-11 23:50", True), ("2026-05-12 00:10", False)):
        term = appeals.term_of(sitting(room.sittings[0]), at(when))
        assert (term.refusal is None) is fine, when
        assert f"{term.last_day}" == "2026-05-11"  # 6, 7, 8, 9, 11 May
    with pytest.raises(appeals.OverTime):
        _ask(room, at=at("2026-05-12 08:00"))
    made = _ask(room, at=at("2026-05-11 08:00"))
    assert f"{made.due_on}" == "2026-05-25"


def test_one_review_for_each_sitting_and_only_of_one_s_own(room: Over) -> None:
    with pytest.raises(NotFound):
        _ask(room, by=room.office)
    with pytest.raises(Invalid), unit_of_work():
        appeals.ask(room.sittings[0], by=room.people[0], reason="短", now=room.over)
    _ask(room)
    with pytest.raises(appeals.AskedBefore):
        _ask(room)
    assert db.session.scalar(select(func.count()).where(Notice.letter == "exams.appeal_made")) == 1


def test_before_the_release_there_is_nothing_to_review(app: Any) -> None:
    room = Over(1, essays=0)
    with pytest.raises(appeals.NotReleased):
        _ask(room)


def test_who_marked_does_not_look_again(room: Over) -> None:
    made = _ask(room)
    assert appeals.looks_waiting(room.markers[0]) == 0 and appeals.looks_waiting(room.markers[2]) == 1
    people.hold(room.people[0], Role.MARKER, Scope.REGION, room.region.id)
    elsewhere = people.officer(Role.MARKER, Scope.REGION, people.region().id)
    for person in (room.markers[0], room.markers[1], room.people[0], elsewhere):
        with pytest.raises(NotFound):
            _look(made, "1", person, room)
    _look(made, "1", room.markers[2], room)
    assert appeals.decisions_waiting(room.office) == 1
    with pytest.raises(NotFound):
        _look(made, "0", room.markers[2], room)


def test_corrected_adds_an_entry_and_tells_the_candidate(room: Over) -> None:
    assert sitting(room.sittings[0]).score == 10 and not sitting(room.sittings[0]).passed
    made = _ask(room)
    with pytest.raises(NotAllowedNow):
        _decide(made, AppealOutcome.UNCHANGED, room.office, room)
    _look(made, "0.9", room.markers[2], room)
    finding = appeals.finding_of(db.session.get_one(Appeal, made.id), room.over)
    assert (finding.score, finding.machine, finding.corrected) == (10, 10, 19)
    assert finding.lines[0].readings == (0, 0) and finding.lines[0].second == 9
    _decide(made, AppealOutcome.CORRECTED, room.office, room)
    done = sitting(room.sittings[0])
    assert done.score == 19 and done.passed and done.state is SittingState.RELEASED
    marks = db.session.scalars(select(Mark).where(Mark.sitting_id == done.id).order_by(Mark.id)).all()
    assert marks[-1].by is MarkedBy.REVIEW and [one.by for one in marks].count(MarkedBy.MARKER) == 1
    kept = db.session.get_one(Appeal, made.id)
    assert kept.state is AppealState.DECIDED and kept.score_after == marking.percent_of(done)
    assert db.session.scalar(select(func.count()).where(Notice.letter == "exams.appeal_corrected")) == 1
    deeds = db.session.scalars(select(AuditEntry.deed).where(AuditEntry.deed.like("exams.appeal%"))).all()
    assert sorted(deeds) == ["exams.appeal.answer", "exams.appeal.ask", "exams.appeal.look"]
    with pytest.raises(NotAllowedNow):
        _decide(made, AppealOutcome.CORRECTED, room.office, room)


def test_unchanged_leaves_every_mark(room: Over) -> None:
    made = _ask(room)
    _look(made, "1", room.markers[2], room)
    marks = db.session.scalar(select(func.count()).select_from(Mark))
    _decide(made, AppealOutcome.UNCHANGED, room.office, room)
    assert sitting(room.sittings[0]).score == 10 and db.session.scalar(select(func.count()).select_from(Mark)) == marks
    assert db.session.scalar(select(func.count()).where(Notice.letter == "exams.appeal_unchanged")) == 1


def test_the_same_points_are_no_correction(room: Over) -> None:
    made = _ask(room)
    _look(made, "0", room.markers[2], room)
    with pytest.raises(appeals.NothingToCorrect):
        _decide(made, AppealOutcome.CORRECTED, room.office, room)


def test_whoever_looked_does_not_decide(room: Over) -> None:
    both = room.officer(Role.EXAM_OFFICE)
    made = _ask(room)
    _look(made, "1", both, room)
    with pytest.raises(appeals.LookedYourself):
        _decide(made, AppealOutcome.CORRECTED, both, room)
    assert appeals.decisions_waiting(both) == 0
    _decide(made, AppealOutcome.CORRECTED, room.office, room)


def test_without_written_answers_the_office_decides_at_once(app: Any) -> None:
    room = Over(1, essays=0, knows=[2])
    room.release()
    made = _ask(room)
    assert made.state is AppealState.LOOKED
    with pytest.raises(appeals.NothingToCorrect):
        _decide(made, AppealOutcome.CORRECTED, room.office, room)
    _decide(made, AppealOutcome.UNCHANGED, room.office, room)


def test_the_page_offers_no_outcome_that_would_be_refused(room: Over, client_as: Any, set_clock: Any) -> None:
    set_clock(room.over)
    made = _ask(room)
    _look(made, "0", room.markers[2], room)
    desk, own = client_as(room.office), f"/exams/office/appeals/{made.id}"
    page = desk.get(own).text
    assert 'value="unchanged"' in page and 'value="corrected"' not in page and "结果只能是" in page
    assert desk.post(own, data={"outcome": "corrected", "finding": "要点二成立"}).status_code == 422
    assert desk.post(own, data={"outcome": "unchanged", "finding": "两次评阅一致"}).status_code == 302


def test_pages_from_asking_to_the_answer(room: Over, client_as: Any, set_clock: Any) -> None:
    set_clock(room.over)
    mine, address = client_as(room.people[0]), f"/exams/sittings/{room.sittings[0]}"
    assert f"{address}/appeal" in mine.get(f"{address}/result").text
    assert mine.get(f"{address}/appeal").status_code == 200
    assert mine.post(f"{address}/appeal", data={"reason": ""}).status_code == 422
    assert mine.post(f"{address}/appeal", data={"reason": REASON}).status_code == 302
    assert mine.post(f"{address}/appeal", data={"reason": REASON}).status_code == 302  # sent twice
    assert db.session.scalar(select(func.count()).select_from(Appeal)) == 1
    appeal_id = db.session.scalars(select(Appeal.id)).one()
    assert f"{address}/appeal" not in mine.get(f"{address}/result").text

    looker = client_as(room.markers[2])
    assert f"/office/looks/{appeal_id}" in looker.get("/exams/office/looks").text
    page = looker.get(f"/exams/office/looks/{appeal_id}").text
    assert "考生答卷0" in page and room.people[0].name not in page and REASON not in page
    names = [part.split('"')[0] for part in page.split('name="')[1:] if part.startswith("points-")]
    assert looker.post(f"/exams/office/looks/{appeal_id}", data={names[0]: "99"}).status_code == 422
    full = dict.fromkeys(names, "1")
    assert looker.post(f"/exams/office/looks/{appeal_id}", data=full).status_code == 302
    assert looker.post(f"/exams/office/looks/{appeal_id}", data=full).status_code == 404
    assert client_as(room.markers[0]).get(f"/exams/office/looks/{appeal_id}").status_code == 404

    desk = client_as(room.office)
    assert room.people[0].name in desk.get("/exams/office/appeals").text
    own = f"/exams/office/appeals/{appeal_id}"
    assert REASON in desk.get(own).text and 'value="corrected"' in desk.get(own).text
    assert desk.post(own, data={"outcome": "better", "finding": "x"}).status_code == 422
    assert desk.post(own, data={"outcome": "corrected"}).status_code == 422
    assert desk.post(own, data={"outcome": "corrected", "finding": "要点二成立"}).status_code == 302
    assert desk.post(own, data={"outcome": "corrected", "finding": "要点二成立"}).status_code == 409
    assert "要点二成立" in mine.get(f"{address}/result").text
    assert mine.get("/exams/").status_code == 200
    elsewhere = client_as(people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region().id))
    assert elsewhere.get(own).status_code == 404 and elsewhere.post(own).status_code == 404


def test_the_list_costs_the_same_with_more_reviews(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 3):
        room = Over(candidates, markers=1)
        room.mark_all()
        room.release()
        for n in range(candidates):
            _ask(room, n)
        with queries() as sent:
            assert client_as(room.office).get("/exams/office/appeals").status_code == 200
        with queries() as more:
            assert client_as(room.markers[1]).get("/exams/office/looks").status_code == 200
        counts.append((len(sent), len(more)))
    assert counts[0] == counts[1]
