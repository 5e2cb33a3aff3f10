"""Team tasks: shares that add up, confirmations, skills, one log, an entry and a mark for each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.practice import people as near
from app.practice import service, teams
from app.practice.models import LogEntry, TaskRole
from app.practice.refusals import Incomplete
from app.practice.states import State, TeamState
from app.practice.team_models import Team
from tests.factories import people
from tests.factories import practice as make

pytestmark = pytest.mark.usefixtures("app")


def do(work: Any, team: Team, *args: Any, by: Person, **more: Any) -> Any:
    with unit_of_work():
        return work(
            db.session.get_one(Team, team.id), *args, by=db.session.get_one(Person, by.id), now=clock.now(), **more
        )


@pytest.fixture
def cast(set_clock, at) -> dict[str, Any]:
    set_clock(at("2026-03-02 09:00"))
    region = people.region("1200", "天津市滨海新区")
    lead, law = people.person("周洁", region=region), people.person("吴𠮷", region=region, email="law@x.example")
    with unit_of_work():
        team = teams.form_team(
            db.session.get_one(Person, lead.id), rank=2, share=Decimal(60), brings=["technology"], needed=["technology", "law"],
            now=clock.now(), task_code="T09", title="催化剂许可谈判", project="催化剂", real=True, counterpart="滨海化工", host_unit="转移中心",
            started_on=date(2026, 2, 1), ended_on=date(2026, 2, 20),
        )  # fmt: skip
    return {"lead": lead, "law": law, "team": team, "region": region}


def asked(cast, share: str = "40") -> Any:
    return do(
        teams.ask, cast["team"], "law@x.example", role=TaskRole.TAKING_PART, share=Decimal(share), by=cast["lead"]
    )


def fresh(cast) -> Team:
    return db.session.get_one(Team, cast["team"].id, populate_existing=True)


def standing(cast) -> list[LogEntry]:
    asked(cast)
    do(teams.confirm, cast["team"], rank=2, brings=["technology"], by=cast["lead"])
    do(teams.confirm, cast["team"], rank=2, brings=["law", "language"], by=cast["law"])
    return teams.entries_of(fresh(cast))


def test_it_stands_when_all_have_confirmed_shares_of_a_hundred(cast) -> None:
    asked(cast, "30")
    with pytest.raises(teams.SharesWrong):
        do(teams.confirm, cast["team"], rank=2, brings=[], by=cast["law"])
    member = next(m for m in fresh(cast).members if m.person_id == cast["law"].id)
    do(teams.change_member, cast["team"], member.id, role=TaskRole.TAKING_PART, share=Decimal(40), by=cast["lead"])
    assert not do(teams.confirm, cast["team"], rank=2, brings=["law"], by=cast["law"])
    assert teams.entries_of(fresh(cast)) == [], "nothing is made before everybody has said yes"
    assert do(teams.confirm, cast["team"], rank=2, brings=["technology"], by=cast["lead"])
    found = {e.trainee_id: e for e in teams.entries_of(fresh(cast))}
    assert {(e.share, e.role, e.project, e.state) for e in found.values()} == {
        (Decimal(60), TaskRole.LEADING, "催化剂", State.DRAFT), (Decimal(40), TaskRole.TAKING_PART, "催化剂", State.DRAFT),
    }  # fmt: skip


def test_a_change_asks_everybody_again(cast) -> None:
    member = asked(cast)
    do(teams.confirm, cast["team"], rank=2, brings=[], by=cast["law"])
    do(teams.change_member, cast["team"], member.id, role=TaskRole.LEADING, share=Decimal(40), by=cast["lead"])
    assert all(m.confirmed_at is None for m in fresh(cast).members)


def test_who_declines_is_left_out_and_may_be_asked_again(cast) -> None:
    asked(cast)
    do(teams.decline, cast["team"], why="在休假", by=cast["law"])
    assert teams.shares_of(fresh(cast)) == 60
    with pytest.raises(teams.NotFound):
        teams.team_for(db.session.get_one(Person, cast["law"].id), cast["team"].id)
    asked(cast)
    assert len(fresh(cast).members) == 2 and teams.shares_of(fresh(cast)) == 100


def test_asking_tells_nothing_but_that_nobody_can_be_asked(cast) -> None:
    with pytest.raises(teams.NobodyThere):
        do(teams.ask, cast["team"], "nobody@x.example", role=TaskRole.LEADING, share=Decimal(1), by=cast["lead"])
    asked(cast)
    with pytest.raises(teams.AlreadyMember):
        asked(cast)
    with pytest.raises(teams.NotFound):
        do(teams.ask, cast["team"], "law@x.example", role=TaskRole.LEADING, share=Decimal(1), by=cast["law"])


def test_the_matrix_says_what_nobody_brings(cast) -> None:
    asked(cast)
    assert teams.uncovered(fresh(cast)) == ["law"]
    do(teams.confirm, cast["team"], rank=2, brings=["law", "no such skill"], by=cast["law"])
    assert teams.uncovered(fresh(cast)) == []


def test_facts_of_the_team_cannot_be_changed_by_a_member(cast) -> None:
    one = next(e for e in standing(cast) if e.trainee_id == cast["law"].id)
    with unit_of_work():
        entry = db.session.get_one(LogEntry, one.id)
        service.save_draft(
            entry,
            by=entry.trainee,
            now=clock.now(),
            share=Decimal(100),
            role=TaskRole.LEADING,
            project="别的",
            did="起草条款",
        )
    assert (entry.share, entry.role, entry.project, entry.did) == (
        Decimal(40),
        TaskRole.TAKING_PART,
        "催化剂",
        "起草条款",
    )


def complete(entry: LogEntry, mentor: Person, words: str) -> None:
    with unit_of_work():
        entry = db.session.get_one(LogEntry, entry.id)
        service.save_draft(
            entry, by=entry.trainee, now=clock.now(), did=words, result="签约", next_step="跟进", mentor_id=mentor.id, self_score=80,
            lines=[(date(2026, 2, 3), Decimal(4), words)],
        )  # fmt: skip
        service.attach(
            entry,
            make.PDF if hasattr(make, "PDF") else b"%PDF-1.4\n%%EOF\n",
            by=entry.trainee,
            name="e.pdf",
            now=clock.now(),
        )


def test_the_log_is_one_and_each_is_judged_alone(cast) -> None:
    mine, other = standing(cast)
    mentor = make.mentor_of(cast["lead"])
    complete(mine, mentor, "谈判")
    complete(other, mentor, "起草合同")
    assert [(row["who"], row["text"]) for row in teams.log_of(fresh(cast))] == [("周洁", "谈判"), ("吴𠮷", "起草合同")]
    version = None
    with unit_of_work():
        entry = db.session.get_one(LogEntry, mine.id)
        version = service.submit(entry, by=entry.trainee, now=clock.now())
    told = version.snapshot["team"]
    assert [(m["name"], m["share"]) for m in told["members"]] == [("周洁", "60.00"), ("吴𠮷", "40.00")]
    assert len(told["log"]) == 2 and told["needed"][1]["zh"] == "法律与合同"
    assert db.session.get_one(LogEntry, other.id).state is State.DRAFT
    with pytest.raises(teams.Begun):
        do(teams.give_up, cast["team"], by=cast["lead"])
    files = [e.file_id for e in db.session.get_one(LogEntry, other.id).files]
    assert service.used_elsewhere(files, db.session.get_one(LogEntry, other.id)) == {}, (
        "shared evidence of a team is no copy"
    )


def test_no_member_reviews_or_mentors_the_team(cast) -> None:
    mine, _other = standing(cast)
    people.hold(cast["law"], Role.REVIEWER)
    people.hold(cast["law"], Role.MENTOR)
    entry = db.session.get_one(LogEntry, mine.id)
    law = db.session.get_one(Person, cast["law"].id, populate_existing=True)
    assert near.conflict(entry, law) == "team"
    complete(mine, law, "谈判")
    with pytest.raises(Incomplete) as refused, unit_of_work():
        entry = db.session.get_one(LogEntry, mine.id)
        service.submit(entry, by=entry.trainee, now=clock.now())
    assert [part for part, _words in refused.value.parts] == ["submit"]


def test_a_team_that_is_given_up_leaves_the_drafts(cast) -> None:
    standing(cast)
    do(teams.give_up, cast["team"], by=cast["lead"])
    assert fresh(cast).state is TeamState.DISSOLVED
    assert set(db.session.scalars(select(LogEntry.team_id))) == {None}


def test_pages(cast, client_as) -> None:
    lead, law = client_as(cast["lead"]), client_as(cast["law"])
    assert law.get(f"/practice/teams/{cast['team'].id}").status_code == 404
    form = {"email": "LAW@x.example ", "role": "taking_part", "share": "40"}
    assert lead.post(f"/practice/teams/{cast['team'].id}/ask", data=form).status_code == 302
    assert "邀请您加入" in law.get("/practice/teams").text
    page = law.get(f"/practice/teams/{cast['team'].id}").text
    assert "尚无人具备：法律与合同" in page and "40" in page
    assert law.post(f"/practice/teams/{cast['team'].id}/give-up").status_code == 404
    for client, brings in ((law, "law"), (lead, "technology")):
        answer = client.post(f"/practice/teams/{cast['team'].id}/confirm", data={"rank": "2", "brings": [brings]})
        assert answer.status_code == 302, answer.text
    assert "进行中" in lead.get(f"/practice/teams/{cast['team'].id}").text
    assert "填写本人部分" in law.get(f"/practice/teams/{cast['team'].id}").text
    entry = db.session.scalars(select(LogEntry).where(LogEntry.trainee_id == cast["law"].id)).one()
    assert "这是团队任务中您本人的部分" in law.get(f"/practice/{entry.id}/edit/task").text
    assert lead.post("/practice/teams/new", data={"title": "x" * 400}).status_code == 422
    assert lead.get("/practice/teams/new").status_code == 200
