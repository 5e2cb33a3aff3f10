"""What the people of a class say of it: questions put from its last day on, answers without names, results as figures.

Answers are kept apart from who gave them and carry no time. Results open once nobody can answer any more (the term is over,
or everybody has answered) and only from five answers on: fewer would tell who said what, and so would two looks at figures
that have grown by one.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, func, select

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.forms import clean_text
from app.core.text import chinese
from app.db import db
from app.notices.service import post
from app.outline.service import rule
from app.training import letters
from app.training.classes import runs
from app.training.deeds import Did
from app.training.learning_models import FeedbackAnswer, FeedbackForm, FeedbackGiven
from app.training.models import Enrolment, TrainingClass
from app.training.states import IN_TRAINING, ClassState

LEAST = 5
"""Fewer answers than this are shown to nobody."""
MOST_QUESTIONS = 20
MOST_WORDS = 2000
SCALE = (1, 2, 3, 4, 5)
SCALE_KIND, CHOICE_KIND, WORDS_KIND = "scale", "choice", "words"


class NotOpen(Refused):
    message = _l("The questionnaire is open from %(first)s to %(last)s.")


class GivenAlready(Refused):
    message = _l("You have answered this questionnaire. Answers carry no name, so they cannot be changed afterwards.")


class AnswerMissing(Invalid):
    message = _l("Please answer this question.")


class AnswersThere(Refused):
    message = _l("People have begun to answer, so the questions stay as they are.")


class BadQuestion(Invalid):
    message = _l("Question %(n)s: %(why)s")


# --- questions ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """One question in both languages. ``key`` names it in answers."""

    key: str
    kind: str
    zh: str
    en: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        return self.zh if chinese() or not self.en else self.en

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(value, words) of what can be chosen."""
        return [(str(i), zh if chinese() or not en else en) for i, (zh, en) in enumerate(self.options)]

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "kind": self.kind,
            "zh": self.zh,
            "en": self.en,
            "options": [list(o) for o in self.options],
        }


def read_questions(raw: Iterable[Mapping[str, Any]]) -> list[Question]:
    """Questions out of typed rows (kind, zh, en, options as lines). Raises BadQuestion."""
    made = []
    for n, row in enumerate(raw, 1):
        zh, en, kind = (str(row.get(key) or "").strip() for key in ("zh", "en", "kind"))
        if not zh and not en:
            continue
        if not zh:
            raise BadQuestion("questions", n=n, why=_l("it has no Chinese words."))
        if kind not in (SCALE_KIND, CHOICE_KIND, WORDS_KIND):
            raise BadQuestion("questions", n=n, why=_l("choose how it is answered."))
        if len(zh) > 300 or len(en) > 300:
            raise BadQuestion("questions", n=n, why=_l("it is too long."))
        options = _options(row) if kind == CHOICE_KIND else ()
        if kind == CHOICE_KIND and not 2 <= len(options) <= 12:
            raise BadQuestion("questions", n=n, why=_l("it needs two to twelve choices, one per line."))
        made.append(Question(f"f{n}", kind, zh, en, options))
    if not made:
        raise BadQuestion("questions", n=1, why=_l("at least one question is needed."))
    if len(made) > MOST_QUESTIONS:
        raise BadQuestion("questions", n=MOST_QUESTIONS + 1, why=_l("there are too many questions."))
    return made


def _options(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Lines of choices; the English ones stand beside the Chinese ones in the same order."""
    zh, en = (
        [line.strip()[:100] for line in str(row.get(key) or "").splitlines() if line.strip()]
        for key in ("options_zh", "options_en")
    )
    return tuple((one, en[i] if i < len(en) else "") for i, one in enumerate(zh))


def default_questions(klass: TrainingClass) -> list[Question]:
    """What the rule in force for the region puts to every class."""
    return read_questions(
        {**row, "kind": row["kind"]} for row in rule("class_feedback", region_id=klass.region_id)["questions"]
    )


def as_row(question: Question) -> dict[str, str]:
    """A question as it is typed."""
    return {
        "kind": question.kind, "zh": question.zh, "en": question.en,
        "options_zh": "\n".join(zh for zh, _en in question.options),
        "options_en": "\n".join(en for _zh, en in question.options),
    }  # fmt: skip


def questions_of(form: FeedbackForm) -> list[Question]:
    return [
        Question(q["key"], q["kind"], q["zh"], q["en"], tuple((o[0], o[1]) for o in q["options"]))
        for q in form.questions
    ]


# --- the form of a class --------------------------------------------------------------------------------------------------


def form_of(class_id: int) -> FeedbackForm | None:
    return db.session.get(FeedbackForm, class_id)


def make_form(klass: TrainingClass, questions: Sequence[Question] | None = None) -> FeedbackForm:
    """The form of a class, made where it has none: the default questions, open from the last day for the days of the rule."""
    held = form_of(klass.id)
    if held is None:
        days = rule("class_feedback", region_id=klass.region_id)["days"]
        held = FeedbackForm(
            class_id=klass.id, questions=[q.as_dict() for q in questions or default_questions(klass)],
            opens_on=klass.ends_on, closes_on=klass.ends_on + timedelta(days=days),
        )  # fmt: skip
        db.session.add(held)
    return held


def answered(class_id: int) -> int:
    return db.session.scalar(select(func.count()).where(FeedbackAnswer.class_id == class_id)) or 0


def asked(class_id: int) -> int:
    """How many people have or had a place in the class."""
    return (
        db.session.scalar(select(func.count()).where(Enrolment.class_id == class_id, Enrolment.state.in_(IN_TRAINING)))
        or 0
    )


def change_questions(klass: TrainingClass, raw: Iterable[Mapping[str, Any]], *, by: Person) -> FeedbackForm:
    """Put other questions to a class than the default ones. Raises NotFound, AnswersThere, BadQuestion.

    ``klass`` is locked.
    """
    if not runs(by, klass):
        raise NotFound
    questions = read_questions(raw)
    if answered(klass.id):
        raise AnswersThere
    form = make_form(klass, questions)
    before = form.questions
    form.questions = [q.as_dict() for q in questions]
    record(Did.EDIT_FEEDBACK, klass, by=by, changed={"questions": (len(before), len(questions))})
    return form


def due(now: datetime) -> list[int]:
    """Ids of classes whose last day has come and whose people have not been asked yet."""
    today = clock.local_date(now)
    told = exists().where(FeedbackForm.class_id == TrainingClass.id, FeedbackForm.asked_at.is_not(None))
    return list(
        db.session.scalars(
            select(TrainingClass.id)
            .where(
                TrainingClass.state.in_((ClassState.RUNNING, ClassState.ENDED)),
                TrainingClass.ends_on <= today,
                TrainingClass.ends_on > today - timedelta(days=14),
                ~told,
            )
            .order_by(TrainingClass.id)
        )
    )


def ask(klass: TrainingClass, *, now: datetime) -> int:
    """Tell the people of a class, once, that the questionnaire is open; how many. ``klass`` is locked."""
    form = make_form(klass)
    if form.asked_at is not None:
        return 0
    form.asked_at = now
    people = db.session.scalars(
        select(Enrolment).where(Enrolment.class_id == klass.id, Enrolment.state.in_(IN_TRAINING)).order_by(Enrolment.id)
    ).all()
    for one in people:
        post(
            letters.FEEDBACK, to=one.person, link=f"/training/enrolments/{one.id}/feedback", now=now, title=klass.title,
            until=form.closes_on,
        )  # fmt: skip
    return len(people)


# --- answering ------------------------------------------------------------------------------------------------------------


def may_answer(enrolment: Enrolment, now: datetime) -> FeedbackForm:
    """The form, where this person may answer now. Raises NotFound, NotOpen, GivenAlready."""
    klass, today = enrolment.training_class, clock.local_date(now)
    if enrolment.state not in IN_TRAINING or klass.state not in (ClassState.RUNNING, ClassState.ENDED):
        raise NotFound
    form = form_of(klass.id)
    if form is None and today < klass.ends_on:
        raise NotOpen(first=klass.ends_on, last="—")
    if form is None:
        raise NotFound  # made by the clock on the last day
    if not form.opens_on <= today <= form.closes_on:
        raise NotOpen(first=form.opens_on, last=form.closes_on)
    if has_given(klass.id, enrolment.person_id):
        raise GivenAlready
    return form


def has_given(class_id: int, person_id: int) -> bool:
    return db.session.get(FeedbackGiven, (class_id, person_id)) is not None


def give(enrolment: Enrolment, raw: Mapping[str, str], *, by: Person, now: datetime) -> None:
    """Keep somebody's answers without their name. Raises NotFound, NotOpen, GivenAlready, AnswerMissing (its field: the key)."""
    if enrolment.person_id != by.id:
        raise NotFound
    db.session.get_one(Enrolment, enrolment.id, with_for_update=True)  # sent twice, it is kept once
    form = may_answer(enrolment, now)
    answers = {q.key: value for q in questions_of(form) if (value := _clean(q, raw.get(q.key, ""))) is not None}
    db.session.add(FeedbackGiven(class_id=form.class_id, person_id=by.id))
    db.session.add(FeedbackAnswer(key=secrets.token_hex(16), class_id=form.class_id, answers=answers))


def _clean(question: Question, raw: str) -> Any:
    text = clean_text(raw)
    if question.kind == WORDS_KIND:
        return text[:MOST_WORDS] or None
    allowed = [str(n) for n in SCALE] if question.kind == SCALE_KIND else [value for value, _words in question.choices]
    if text not in allowed:
        raise AnswerMissing(question.key)
    return int(text)


# --- results --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What was answered to one question."""

    question: Question
    counts: tuple[tuple[str, int], ...] = ()
    mean: Decimal | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """Results of a class, or why there are none yet: ``waits`` (still open), ``few`` (fewer than five)."""

    answered: int
    asked: int
    waits: bool
    results: tuple[Result, ...] = field(default=())

    @property
    def few(self) -> bool:
        return self.answered < LEAST

    @property
    def shown(self) -> bool:
        return not self.waits and not self.few

    @property
    def share(self) -> Decimal:
        return Decimal(self.answered) / self.asked if self.asked else Decimal(0)


def results_of(form: FeedbackForm, *, now: datetime) -> Results:
    given, people = answered(form.class_id), asked(form.class_id)
    waits = clock.local_date(now) <= form.closes_on and given < people
    if waits or given < LEAST:
        return Results(given, people, waits)
    rows = db.session.scalars(
        select(FeedbackAnswer.answers).where(FeedbackAnswer.class_id == form.class_id).order_by(FeedbackAnswer.key)
    ).all()
    return Results(given, people, waits, tuple(_result(q, rows) for q in questions_of(form)))


def _result(question: Question, rows: Sequence[Mapping[str, Any]]) -> Result:
    values = [row[question.key] for row in rows if question.key in row]
    if question.kind == WORDS_KIND:
        return Result(question, words=tuple(str(v) for v in values))
    counted = Counter(values)
    if question.kind == SCALE_KIND:
        mean = round(Decimal(sum(values)) / len(values), 2) if values else None
        return Result(question, tuple((str(n), counted[n]) for n in SCALE), mean)
    return Result(question, tuple((words, counted[int(value)]) for value, words in question.choices))


@dataclass(frozen=True)
class Glance:
    """Feedback of a class in one line of a teacher's page."""

    answered: int
    asked: int
    state: str
    mean: Decimal | None


def glances(class_ids: Sequence[int], *, now: datetime) -> dict[int, Glance]:
    """Class id → its feedback at a glance: figures only where the results are open. Three questions, whatever the number."""
    forms = {
        f.class_id: f for f in db.session.scalars(select(FeedbackForm).where(FeedbackForm.class_id.in_(class_ids)))
    }
    people: dict[int, int] = dict(
        tuple(row)  # type: ignore[misc]
        for row in db.session.execute(
            select(Enrolment.class_id, func.count())
            .where(Enrolment.class_id.in_(class_ids), Enrolment.state.in_(IN_TRAINING))
            .group_by(Enrolment.class_id)
        )
    )
    rows: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for class_id, answers in db.session.execute(
        select(FeedbackAnswer.class_id, FeedbackAnswer.answers).where(FeedbackAnswer.class_id.in_(class_ids))
    ):
        rows[class_id].append(answers)
    made = {}
    for class_id, form in forms.items():
        given, whole = len(rows[class_id]), people.get(class_id, 0)
        waits = clock.local_date(now) <= form.closes_on and given < whole
        state = "waits" if waits else "few" if given < LEAST else "shown"
        scales = [q.key for q in questions_of(form) if q.kind == SCALE_KIND]
        values = [row[key] for row in rows[class_id] for key in scales if key in row] if state == "shown" else []
        made[class_id] = Glance(given, whole, state, round(Decimal(sum(values)) / len(values), 2) if values else None)
    return made
