"""Pages a trainee opens every day ask few questions, and not more as the class grows."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts.models import Person
from app.db import db
from app.training.models import Enrolment
from app.training.service import completion_pdf_of
from tests.factories import people, training


def test_a_trainees_pages(client_as: Any, app: Any, queries: Any) -> None:
    person, klass = people.person(), training.make_class(capacity=50)
    training.admit(klass, person)
    browser, seen = client_as(person), {}
    for size in (1, 12):
        for n in range(size):
            training.apply(klass, people.person(f"学员{n}"))
        for path in (
            "/training",
            f"/training/classes/{klass.id}",
            "/training/mine",
            "/training/lessons/1",
            "/training/hours",
        ):
            browser.get(path)
            with queries() as asked:
                assert browser.get(path).status_code == 200
            seen.setdefault(path, []).append(len(asked))
    for path, (few, many) in seen.items():
        assert few == many, path
        assert few <= 12, (path, few)


def test_the_completion_statement_is_a_pdf(app: Any, client_as: Any) -> None:
    pytest.importorskip("weasyprint")
    person = people.person("王建国", id_masked="1****************4")
    training.credit_all_hours(person, 1, end=True)
    made = db.session.query(Enrolment).one()
    assert completion_pdf_of(made)[:5] == b"%PDF-"
    answer = client_as(person).get(f"/training/enrolments/{made.id}/statement.pdf")
    assert answer.status_code == 200 and answer.data[:5] == b"%PDF-"
    other = client_as(people.person())
    assert other.get(f"/training/enrolments/{made.id}/statement.pdf").status_code == 404
    assert db.session.get_one(Person, person.id).name == "王建国"
