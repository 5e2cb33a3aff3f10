"""An organisation that has an English name is called by it on English pages, and by its Chinese name elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts.models import Organisation, OrganisationKind, Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.training.models import TrainingClass
from tests.factories import people, training
from tests.factories import performance as performance_made
from tests.factories import practice as practice_made


@pytest.fixture
def base(app: Any) -> Organisation:
    made = people.organisation(people.region(), OrganisationKind.BASE, "滨海培训基地")
    with unit_of_work():
        db.session.get_one(Organisation, made.id).name_en = "Binhai Training Base"
    return made


def seen(client: Any, person: Person | None, path: str) -> tuple[str, str]:
    """The page in both languages."""
    said = []
    for locale in ("zh_Hans", "en"):
        if person is not None:
            with unit_of_work():
                db.session.get_one(Person, person.id).locale = locale
        answer = client.get(path, headers={"Accept-Language": locale[:2]})
        assert answer.status_code == 200, path
        said.append(answer.text)
    return said[0], said[1]


def test_training_pages(base: Organisation, client_as: Any) -> None:
    klass: TrainingClass = training.make_class(base)
    person = people.person("王一", organisation_id=base.id)
    training.admit(klass, person)
    runner = training.runner_of(klass)
    office = "/training/office/classes"
    pages = [
        (None, "/training"),
        (None, f"/training/classes/{klass.id}"),
        (runner, office),
        (runner, f"{office}/{klass.id}"),
    ]
    for who, path in pages:
        zh, en = seen(client_as(who), who, path)
        assert "滨海培训基地" in zh and "Binhai Training Base" in en and "滨海培训基地" not in en, path


def test_pages_of_performance_and_practice(base: Organisation, client_as: Any) -> None:
    person = people.person("王一", region=base.region, organisation_id=base.id)
    claim = performance_made.submitted(performance_made.claim(person, "P6", on=clock.today()))
    officer: Person = people.officer(Role.CERTIFICATION)
    client = client_as(officer)
    for path in ("/performance/inbox", f"/performance/claims/{claim.id}", f"/performance/people/{person.id}"):
        zh, en = seen(client, officer, path)
        assert "滨海培训基地" in zh and "Binhai Training Base" in en and "滨海培训基地" not in en, path
    entry = practice_made.submitted(person)
    zh, en = seen(client, officer, f"/practice/entries/{entry.id}")
    assert "滨海培训基地" in zh and "Binhai Training Base" in en and "滨海培训基地" not in en
