"""English says one claim and two claims; Chinese says the same either way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask_babel import force_locale

from app.core.speech import Counted, say_many
from app.pathway.rules import Missing, Stage
from app.pathway.words import missing_words

ONE, MANY = "%(n)s claim is in review.", "%(n)s claims are in review."


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 claims are in review."), (1, "1 claim is in review."), (Decimal("1.00"), "1 claim is in review."),
     ("1", "1 claim is in review."), (2, "2 claims are in review."), (1200, "1,200 claims are in review.")],
)  # fmt: skip
def test_english_counts(app: Any, count: Any, said: str) -> None:
    with app.test_request_context(), force_locale("en"):
        assert say_many("pathway", ONE, MANY, count, {}) == said


def test_chinese_has_one_form(app: Any) -> None:
    with app.test_request_context(), force_locale("zh_Hans"):
        assert [say_many("pathway", ONE, MANY, n, {}) for n in (1, 2)] == [
            "有 1 项申报正在审核。",
            "有 2 项申报正在审核。",
        ]


def test_words_filled_later_are_counted_then(app: Any) -> None:
    taken = Counted("training", "%(hours)s class hour was taken back", "%(hours)s class hours were taken back", "hours")
    with app.test_request_context(), force_locale("en"):
        assert taken % {"hours": "1"} == "1 class hour was taken back"
        assert taken % {"hours": "1.5"} == "1.5 class hours were taken back"
        assert str(taken) == "%(hours)s class hours were taken back"


def test_what_is_missing_is_counted(app: Any) -> None:
    with app.test_request_context(), force_locale("en"):
        assert (
            missing_words(Missing(Stage.TRAINING, "total_hours", {"hours": Decimal("1.00")}))
            == "1 more class hour in all"
        )
        assert missing_words(Missing(Stage.PRACTICE, "tasks", {"n": 2})) == "2 more passed tasks"


def test_words_of_ours_in_a_letter_are_said_to_its_reader(app: Any) -> None:
    from app.accounts.letters import ROLE_GRANTED
    from app.accounts.words import ROLES
    from app.core.permissions import Role
    from app.db import unit_of_work
    from app.notices.service import post, subject_of
    from tests.factories import people

    reader = people.person()
    with unit_of_work():
        letter = post(ROLE_GRANTED, to=reader, role=ROLES[Role.LECTURER], scope="x")
    with app.test_request_context(), force_locale("en"):
        assert subject_of(letter) == "A role was granted to you: Lecturer"
    with app.test_request_context(), force_locale("zh_Hans"):
        assert subject_of(letter) == "您被授予角色：讲师"


def test_a_job_is_called_in_the_readers_language(app: Any) -> None:
    from flask_babel import lazy_gettext

    from app.db import unit_of_work
    from app.jobs.service import enqueue, title_of

    with unit_of_work():
        named = enqueue("certification.render", [], by=None, title=lazy_gettext("Certificate PDF"))
        typed = enqueue("exams.papers", [], by=None, title="2026年冬季考试")
    said = []
    for locale in ("en", "zh_Hans"):
        with app.test_request_context(), force_locale(locale):
            said.append((title_of(named), title_of(typed)))
    assert said == [("Certificate PDF", "2026年冬季考试"), ("证书 PDF 制作", "2026年冬季考试")]
