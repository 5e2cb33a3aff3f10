"""学时认定: proof, two different people, the cap by programme explained; continuing education; worked example 1."""

from __future__ import annotations

import io
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.training import claims, hours, moving
from app.training.class_models import ClaimState, HourClaim, Purpose
from app.training.models import Enrolment, HourEntry, HourSource, TrainingClass
from tests.factories import people, training

D = Decimal


class Upload:
    """A file as a form hands it in."""

    def __init__(self, words: str = "proof") -> None:
        self.filename, self.stream = "证明.pdf", io.BytesIO(b"%PDF-1.7 " + words.encode())


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


@pytest.fixture
def case(app: Any) -> tuple[Enrolment, Person, Person]:
    """An intermediate trainee (60 hours asked) and two officers of the base."""
    klass = training.make_class(level=2)
    one = training.admit(klass, people.person("林学员"))
    return one, training.runner_of(klass), training.base_officer(klass.organisation)


def state_hours(one: Enrolment, amount: str, *, module: str = "skill", proof: str = "proof", **more: Any) -> HourClaim:
    today = clock.today()
    values = {
        "module": module, "title": "技术经理人研修", "provider": "清华大学", "from_on": today - timedelta(days=30),
        "until_on": today - timedelta(days=28), "hours": D(amount), "about": "",
    } | more  # fmt: skip
    with unit_of_work():
        found = again(one)
        return claims.submit(
            found.person, Purpose.RECOGNITION, values, [Upload(proof)], enrolment=found, now=clock.now()
        )  # fmt: skip


def examine(claim: HourClaim, amount: str, by: Person) -> None:
    with unit_of_work():
        claims.examine(again(claim), D(amount), by=again(by), now=clock.now())


def decide(claim: HourClaim, amount: str, by: Person, reason: str = "") -> Any:
    with unit_of_work():
        return claims.decide(again(claim), D(amount), by=again(by), reason=reason, now=clock.now())


def test_two_people_and_a_line_with_its_arithmetic(case: Any) -> None:
    one, first, second = case
    made = state_hours(one, "10")
    with pytest.raises(moving.DecidedAlready):
        decide(made, "10", second)  # nobody has examined it
    with pytest.raises(claims.MoreThanStated):
        examine(made, "11", first)
    examine(made, "8", first)
    with pytest.raises(moving.DecidedAlready):  # the second examiner is told
        examine(made, "7", second)
    with pytest.raises(claims.SamePerson):
        decide(made, "8", first)
    with pytest.raises(claims.MoreThanExamined):
        decide(made, "9", second)
    with pytest.raises(claims.ReasonMissing):
        decide(made, "6", second)
    entry = decide(made, "8", second)
    assert (entry.hours, entry.source_kind, entry.module, entry.level) == (D(8), HourSource.RECOGNISED, "skill", 2)
    assert entry.working | {
        "stated": "10.00", "examined": "8.00", "granted": "8", "limit": "18.00", "whole": "60.00", "used_before": "0",
    } == entry.working or entry.working["limit"] == "18.00"  # fmt: skip
    with pytest.raises(moving.DecidedAlready):
        decide(made, "8", second)
    assert db.session.scalar(select(func.count()).select_from(HourEntry)) == 1
    assert hours.credited_hours(one.person_id, 2, clock.today()) == {"skill": D(8)}


def test_nobody_decides_on_the_own_hours(app: Any) -> None:
    klass = training.make_class(level=2)
    officer = training.base_officer(klass.organisation)
    one = training.admit(klass, officer)
    made = state_hours(one, "5")
    with pytest.raises(claims.OwnClaim):
        examine(made, "5", officer)


def test_thirty_per_cent_of_the_programme_and_no_more(case: Any) -> None:
    one, first, second = case
    with pytest.raises(claims.AboveCap) as told:
        state_hours(one, "18.25")
    assert all(part in told.value.text for part in ("18", "60", "30"))
    big, small = state_hours(one, "15"), state_hours(one, "6", module="policy", proof="other")
    for claim, amount in ((big, "15"), (small, "6")):
        examine(claim, amount, first)
    decide(big, "15", second)
    with pytest.raises(claims.AboveCap):
        decide(small, "6", second)
    decide(small, "3", second, reason="已到上限")
    assert claims.cap_of(one.person_id, again(one)).left == 0
    with unit_of_work():
        claims.revoke(again(big), by=again(first), reason="证明不实", now=clock.now())
    db.session.expire_all()
    assert claims.cap_of(one.person_id, again(one)).left == 15  # taken back, the room is there again
    assert hours.credited_hours(one.person_id, 2, clock.today()) == {"policy": D(3)}


def test_two_decisions_at_once_do_not_pass_the_cap_together(app: Any, case: Any) -> None:
    one, first, second = case
    made = [state_hours(one, "10", proof=str(n)) for n in range(2)]
    for claim in made:
        examine(claim, "9" if claim is made[0] else "10", first)
    db.session.expunge_all()  # the threads have sessions of their own
    db.session.rollback()
    start, faults = threading.Barrier(2), []

    def run(claim: HourClaim, amount: str) -> None:
        with app.app_context():
            start.wait(5)
            try:
                decide(claim, amount, second)
            except Exception as error:
                faults.append(type(error).__name__)
            finally:
                db.session.close()

    threads = [threading.Thread(target=run, args=(c, a)) for c, a in zip(made, ("9", "10"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    db.session.rollback()
    assert faults == ["AboveCap"]
    assert sum(hours.credited_hours(one.person_id, 2, clock.today()).values()) <= 18


def test_a_returned_statement_is_corrected(case: Any) -> None:
    one, first, second = case
    made = state_hours(one, "10")
    with pytest.raises(claims.ReasonMissing), unit_of_work():
        claims.give_back(again(made), by=again(first), reason="", now=clock.now())
    with unit_of_work():
        claims.give_back(again(made), by=again(first), reason="缺学时清单", now=clock.now())
    with unit_of_work():
        found = again(made)
        values = {name: getattr(found, name) for name in claims.FIELDS} | {"hours": D(7)}
        claims.submit(found.person, Purpose.RECOGNITION, values, [], claim=found, now=clock.now())
    assert (again(made).state, again(made).hours) == (ClaimState.SUBMITTED, D(7))
    assert claims.waiting_for(first) == claims.waiting_for(second) == 1
    examine(made, "7", first)
    assert (claims.waiting_for(first), claims.waiting_for(second)) == (0, 1)


def test_the_same_proof_twice_is_flagged(case: Any) -> None:
    one, _first, _second = case
    made = state_hours(one, "5", proof="one file")
    klass = training.make_class(level=2)
    other = state_hours(training.admit(klass, people.person("抄袭者")), "5", proof="one file")
    assert [c.id for c in claims.same_files(made)] == [other.id]
    assert claims.same_files(state_hours(one, "2", proof="own file")) == []


def test_continuing_education_never_opens_the_training_gate(case: Any, app: Any) -> None:
    one, first, second = case
    person, today = again(one).person, clock.today()
    values = {
        "module": "policy", "title": "政策研讨", "provider": "科技局", "from_on": today, "until_on": today,
        "hours": D(90), "about": "",
    }  # fmt: skip
    with unit_of_work():
        found = again(person)
        base = again(one).training_class.organisation
        made = claims.submit(found, Purpose.CONTINUING, values, [Upload()], base=base, now=clock.now())
    examine(made, "80", first)
    entry = decide(made, "80", second)
    assert (entry.level, entry.source_kind) == (0, HourSource.CONTINUING)
    assert hours.credited_hours(person.id, 2, today) == {}
    assert claims.cap_of(person.id, again(one)).used == 0
    found = claims.continuing_of(person, today - timedelta(days=1), today)
    assert (found.total, found.policy) == (D(80), D(80))
    assert claims.continuing_of(person, today + timedelta(days=1), today + timedelta(days=2)).total == 0
    assert claims.continuing_by_year(person, today)[0][1].total == 80


def test_worked_example_1(app: Any) -> None:
    """中级, 60 h: attended 49 h (81.7 %) but 政策法规 7 of 12 h (58.3 %): the training gate fails; one more hour opens it."""
    klass = training.make_class(level=2, planned=False, open=False, days=40)
    person = people.person("林学员")
    heard = {"common": D(8), "policy": D(7), "skill": D(24), "advanced": D(10)}
    now = clock.now()
    training.module_days(klass, heard | {"policy": D(7)}, now=now)
    with unit_of_work():
        from app.training.classes import move_class
        from app.training.states import ClassMove

        move_class(again(klass), ClassMove.OPEN, by=db.session.get_one(Person, klass.created_by_id), now=now)
    one = training.admit(klass, person)
    db.session.expire_all()
    after = again(klass).sessions[-1].ends_at
    training.attend(again(klass), person, now=after)
    training.credit(again(klass), now=after)
    on = clock.local_date(after)
    assert hours.credited_hours(person.id, 2, on) == heard
    standing = hours.standing_of(person, 2, on)
    assert (standing.counted, standing.required) == (D(49), D(60))
    assert round(standing.share * 100, 1) == D("81.7") and not standing.missing
    (short,) = standing.short_modules
    assert (short.module, round(short.share * 100, 1)) == ("policy", D("58.3"))
    assert not standing.met
    first = db.session.get_one(Person, klass.created_by_id)
    second = training.base_officer(klass.organisation)
    made = state_hours(one, "0.25", module="policy")
    examine(made, "0.25", first)
    decide(made, "0.25", second)
    assert hours.standing_of(person, 2, on).met  # 7.25 of 12 is 60.4 %


def test_the_pages(case: Any, client_as: Any) -> None:
    one, first, second = case
    trainee = client_as(again(one).person)
    for path in (
        "/training/hours/elsewhere", "/training/hours/elsewhere/new/recognition", "/training/hours/elsewhere/new/continuing",
        "/training/continuing", "/training/hours", "/training/mine",
    ):  # fmt: skip
        assert trainee.get(path).status_code == 200, path
    assert trainee.get("/training/hours/elsewhere/new/other").status_code == 404
    today = clock.today().isoformat()
    data = {
        "enrolment_id": one.id, "module": "skill", "title": "研修", "provider": "大学", "from_on": today, "until_on": today,
        "hours": "40", "once": "x1",
    }  # fmt: skip
    refused = trainee.post("/training/hours/elsewhere/new/recognition", data=data)
    assert refused.status_code == 422 and "18" in refused.text
    bad = data | {"hours": "6", "proofs": (io.BytesIO(b"PK\x03\x04broken"), "a.xlsx")}
    assert trainee.post("/training/hours/elsewhere/new/recognition", data=bad).status_code == 422
    good = data | {"hours": "6", "proofs": (io.BytesIO(b"%PDF-1.7"), "证明.pdf")}
    assert trainee.post("/training/hours/elsewhere/new/recognition", data=good).status_code == 302
    twice = data | {"hours": "6", "proofs": (io.BytesIO(b"%PDF-1.7"), "证明.pdf")}
    assert trainee.post("/training/hours/elsewhere/new/recognition", data=twice).status_code == 422
    claim = db.session.scalars(select(HourClaim)).one()
    page = f"/training/office/hours-elsewhere/{claim.id}"
    one_officer, other = client_as(first), client_as(second)
    assert "证明.pdf" in one_officer.get(page).text
    assert one_officer.get("/training/office/hours-elsewhere").status_code == 200
    assert one_officer.get(f"{page}/proofs/{claim.proofs[0].id}").status_code == 200
    stranger = client_as(training.base_officer(training.base()))
    assert (
        stranger.get(page).status_code == 404 and stranger.get(f"{page}/proofs/{claim.proofs[0].id}").status_code == 404
    )
    assert client_as(people.person()).get(f"/training/hours/elsewhere/{claim.id}").status_code == 404
    assert one_officer.post(f"{page}/examine", data={"hours": "7"}).status_code == 422
    assert one_officer.post(f"{page}/examine", data={"hours": "6"}).status_code == 302
    told = one_officer.post(f"{page}/decide", data={"hours": "6"}, follow_redirects=True)
    assert "另一人" in told.text
    assert other.post(f"{page}/decide", data={"hours": "6"}).status_code == 302
    assert "认定 6" in trainee.get("/training/hours").text
    assert trainee.get(f"/training/hours/elsewhere/{claim.id}").status_code == 200
    assert isinstance(again(one).training_class, TrainingClass)
