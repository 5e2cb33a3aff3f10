"""结业证明: made when the gate is passed, frozen, numbered, confirmed to readers, withdrawn with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF
from app.jobs.service import run_waiting
from app.notices.models import Notice
from app.training import completion, hours, tasks
from app.training.learning_models import Completion
from app.training.models import Enrolment, HourEntry, HourSource, TrainingClass
from tests.factories import people, training


@pytest.fixture
def made(app: Any) -> Completion:
    training.credit_all_hours(people.person("王建国", id_masked="1****************4"), 1, end=True)
    return db.session.scalars(select(Completion)).one()


def test_it_is_made_at_the_end_of_the_class(made: Completion) -> None:
    enrolment = db.session.scalars(select(Enrolment)).one()
    assert made.number == enrolment.completion_number and made.number.startswith("JY") and len(made.token) > 20
    assert made.snapshot["name"] == "王建国" and sum(float(m["hours"]) for m in made.snapshot["modules"]) == 40
    run_waiting()
    db.session.expire_all()
    assert made.pdf is not None
    assert completion.completion_pdf_of(enrolment)[:5] == b"%PDF-"
    with unit_of_work():
        held = db.session.get_one(Enrolment, enrolment.id)
        assert completion.issue(held, by=None, now=clock.now()).id == made.id
    assert len(db.session.scalars(select(Completion)).all()) == 1


def test_a_statement_drawn_by_two_workers_is_kept_once(made: Completion, twice: Any) -> None:
    drawn = twice(completion.RENDER)
    run_waiting()
    db.session.expire_all()
    assert drawn == [False, False] and made.pdf is not None
    assert list(db.session.scalars(select(StoredFile.name).where(StoredFile.media_type == PDF))) == [made.pdf.name]


def test_the_snapshot_stays_when_the_person_is_renamed(made: Completion) -> None:
    with unit_of_work():
        db.session.get_one(Person, made.enrolment.person_id).name = "王建军"
    assert completion.confirm(made, whole_name=True).name == "王建国"


def test_readers_are_told_by_code_and_by_number(made: Completion, client: Any) -> None:
    by_code = client.get(f"/training/confirm/{made.token}")
    assert by_code.status_code == 200 and "王建国" in by_code.text and "核验一致" in by_code.text
    assert by_code.headers["X-Robots-Tag"] == "noindex"
    by_number = client.get(f"/training/confirm?number=%20{made.number.lower()}").text
    assert "王**" in by_number and "王建国" not in by_number
    assert "未查到" in client.get("/training/confirm?number=JY000").text
    assert client.get("/training/confirm/nothing").status_code == 404
    assert client.get("/training/confirm?number=").status_code == 200
    assert client.get("/training/confirm").status_code == 200


def test_hours_taken_back_show(made: Completion, client: Any) -> None:
    entry_id, officer = (
        db.session.scalars(select(HourEntry.id)).first(),
        training.runner_of(made.enrolment.training_class).id,
    )
    with unit_of_work():
        hours.reverse(
            db.session.get_one(HourEntry, entry_id),
            by=db.session.get_one(Person, officer),
            reason="代签",
            now=clock.now(),
        )
    page = client.get(f"/training/confirm/{made.token}").text
    assert "台账此后有变动" in page or "此后有学时被冲回" in page
    assert completion.confirm(made, whole_name=False).changed and not completion.confirm(made, whole_name=False).stands


def test_the_base_withdraws_with_a_reason(made: Completion, client_as: Any, client: Any) -> None:
    klass = made.enrolment.training_class
    officer, person = training.runner_of(klass), made.enrolment.person
    here = f"/training/office/completions/{made.id}"
    browser = client_as(officer)
    assert made.number in browser.get("/training/office/completions").text
    assert browser.get("/training/office/completions?export=xlsx").status_code == 200
    assert browser.get(f"{here}/pdf").data[:5] == b"%PDF-"
    assert browser.post(here, data={"reason": ""}).status_code == 422
    assert browser.post(here, data={"reason": "培训记录有误"}).status_code == 302
    assert browser.post(here, data={"reason": "再来"}).status_code == 422
    page = client.get(f"/training/confirm/{made.token}").text
    assert "已撤回" in page and "培训记录有误" not in page
    assert "培训记录有误" in client_as(person).get(f"/training/enrolments/{made.enrolment_id}").text
    assert client_as(person).get(f"/training/enrolments/{made.enrolment_id}/statement.pdf").status_code == 409
    letter = db.session.scalars(select(Notice).where(Notice.letter == "training.completion_withdrawn")).one()
    assert letter.person_id == person.id


def test_another_base_sees_nothing(made: Completion, client_as: Any) -> None:
    stranger = client_as(training.base_officer(training.base()))
    assert made.number not in stranger.get("/training/office/completions").text
    for path in (f"/training/office/completions/{made.id}", f"/training/office/completions/{made.id}/pdf"):
        assert stranger.get(path).status_code == 404
    assert client_as(people.person()).get("/training/office/completions").status_code == 403
    outsider = training.base_officer(training.base())
    with pytest.raises(NotFound), unit_of_work():
        completion.withdraw(
            db.session.get_one(Completion, made.id),
            by=db.session.get_one(Person, outsider.id),
            reason="x",
            now=clock.now(),
        )


def test_hours_that_come_after_the_class_bring_the_statement(app: Any) -> None:
    person = people.person("迟到者")
    klass = training.credit_all_hours(person, 1, end=False)
    entries = db.session.scalars(select(HourEntry)).all()
    officer_id = klass.created_by_id
    with unit_of_work():
        for one in entries[:4]:
            hours.reverse(
                db.session.get_one(HourEntry, one.id),
                by=db.session.get_one(Person, officer_id),
                reason="补课",
                now=clock.now(),
            )
    from app.training import classes
    from app.training.states import ClassMove

    with unit_of_work():
        classes.move_class(
            db.session.get_one(TrainingClass, klass.id),
            ClassMove.END,
            by=db.session.get_one(Person, officer_id),
            now=clock.now(),
        )
    assert db.session.scalars(select(Completion)).first() is None
    tasks.issue_late_completions(clock.now())
    assert db.session.scalars(select(Completion)).first() is None
    later = clock.now() + timedelta(hours=1)
    with unit_of_work():
        for n, one in enumerate(entries[:4]):
            db.session.add(
                HourEntry(
                    person_id=one.person_id, level=one.level, module=one.module, hours=one.hours, source_kind=HourSource.SESSION,
                    source_id=90_000 + n, earned_on=clock.local_date(later), working={"rule": "session", "credited": "8"},
                    created_at=later,
                )
            )  # fmt: skip
    tasks.issue_late_completions(later + timedelta(minutes=10))
    tasks.issue_late_completions(later + timedelta(minutes=20))
    found = db.session.scalars(select(Completion)).one()
    assert found.enrolment.completion_number == found.number
    letters = db.session.scalars(select(Notice).where(Notice.letter == "training.completed")).all()
    assert len(letters) == 1


def test_statements_of_before_get_their_page(made: Completion) -> None:
    """A number that was given before statements were kept stays; the sweep freezes what it said."""
    number, enrolment_id = made.number, made.enrolment_id
    with unit_of_work():
        db.session.delete(db.session.get_one(Completion, made.id))
    tasks.issue_late_completions(clock.now() + timedelta(days=30))
    again = db.session.scalars(select(Completion)).one()
    assert (again.number, again.enrolment_id) == (number, enrolment_id)


def test_numbers_of_a_class_follow_each_other(app: Any) -> None:
    klass = training.credit_all_hours(people.person("甲"), 1, end=True)
    with unit_of_work():
        assert completion._next_number(db.session.get_one(TrainingClass, klass.id)).endswith("002")


def test_a_name_that_cannot_be_printed_does_not_stop_the_class(app: Any, client_as: Any) -> None:
    person = people.person("王\ue000")
    training.credit_all_hours(person, 1, end=True)
    made = db.session.scalars(select(Completion)).one()
    refused = client_as(person).get(f"/training/enrolments/{made.enrolment_id}/statement.pdf")
    assert refused.status_code == 409 and "无法打印" in refused.text
