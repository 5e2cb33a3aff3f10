"""The photo on the certificate: with consent alone, and what is said where the rule asks for one."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts import consents
from app.accounts.models import ConsentKind, Person
from app.certification import issuing, rules
from app.certification.errors import PhotoMissing
from app.certification.models import Certificate
from app.certification.states import EditionKind, State
from app.core import clock
from app.db import db, unit_of_work
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.factories import certification as made
from tests.factories import people


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id, populate_existing=True)


def withdraw(person: Person) -> None:
    with unit_of_work():
        consents.withdraw_consent(again(person), ConsentKind.PHOTO, now=clock.now())


def shows_photo(certificate: Certificate) -> bool:
    return again(certificate).current.snapshot["photo"] is not None


def photo_asked_for(at: Any) -> None:
    body = dict(outline.current(rules.LIFE).body) | {"photo_required": True}
    with unit_of_work():
        outline.save_version(
            KINDS[rules.LIFE], "", body, by=None, now=at("2026-03-01 09:00"), effective_from=at("2026-03-02 09:00").date()
        )  # fmt: skip


def test_it_is_printed_with_consent_alone_and_not_after_its_withdrawal(
    judged: Any, holder: Person, officers: Any
) -> None:
    people.photo(holder)
    withdraw(holder)
    assert not shows_photo(made.certificate(holder, 1, now=clock.now()))
    people.photo(holder)
    certificate = made.certificate(holder, 2, now=clock.now())
    assert shows_photo(certificate)
    withdraw(holder)
    assert shows_photo(certificate)  # what was made stays as it was made
    with unit_of_work():
        issuing.reissue(again(certificate), EditionKind.REPRINT, by=again(officers()), reason="遗失", now=clock.now())
    assert not shows_photo(certificate)


def test_where_the_rule_asks_for_one_all_are_told_what_is_missing(
    judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    photo_asked_for(at)
    set_clock(at("2026-03-10 09:00"))
    reviewer, second = officers(), officers()
    case = made.application(
        holder, now=at("2026-03-02 09:00"), state=State.PUBLICITY, reviewed_by_id=reviewer.id,
        published_on=at("2026-03-02 09:00").date(), notice_ends_on=at("2026-03-09 09:00").date(),
    )  # fmt: skip
    pages = {
        f"/applications/{case.id}": (holder, "缺少您的照片"),
        "/apply/2": (holder, "缺少您的照片"),
        f"/office/applications/{case.id}": (second, "尚无可印在证书上的照片"),
    }

    def told() -> list[bool]:
        return [words in client_as(who).get(path).text for path, (who, words) in pages.items()]

    assert told() == [True, True, True]
    people.photo(holder)
    assert told() == [False, False, False]
    withdraw(holder)
    assert told() == [True, True, True]
    with pytest.raises(PhotoMissing), unit_of_work():
        issuing.decide(again(case), by=again(second), now=clock.now())
    people.photo(holder)
    with unit_of_work():
        number = issuing.decide(again(case), by=again(second), now=clock.now())
    assert number is not None and shows_photo(number)
