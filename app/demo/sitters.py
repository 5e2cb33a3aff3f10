"""An exam that many sat: invented candidates of different ability, so that its statistics are worth looking at."""

from __future__ import annotations

import math
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.demo.world import GIVEN, SURNAMES
from app.exams import marking, papers, sessions, sittings
from app.exams.models import ExamSession, Sitting
from app.jobs.service import run_waiting
from question_bank.grading import correct_answer
from question_bank.items import Difficulty, Item, Kind

if TYPE_CHECKING:
    from app.demo.life import Storyteller

MANY = 36
HARD = {Difficulty.EASY: -1.4, Difficulty.MEDIUM: -0.4, Difficulty.HARD: 0.7}


def many_sat(tell: Storyteller) -> int:
    """A released session of thirty-six candidates on the list; its id."""
    dice = Random(36)
    opens = tell.back(12)
    session_id = tell.exam("1201", 1, "2026年秋季初级技术经理人统一考试", opens, listed=True)
    at = opens - timedelta(days=5)
    with clock.at(at):
        with unit_of_work():
            people = [
                Person(name=_name(n), region_id=tell.world.regions["1201"], email=f"sitter{n:02d}@demo.example")
                for n in range(MANY)
            ]
            db.session.add_all(people)
        ids = [one.id for one in people]
        for one in ids:
            with unit_of_work():
                session, person = db.session.get_one(ExamSession, session_id), db.session.get_one(Person, one)
                sessions.register(session, person, by=tell.who("exams"), now=at, waive="外省培训合格，经考务核准")
        run_waiting()
    for n, one in enumerate(ids):
        _sit(session_id, one, dice.gauss(0, 1.1), dice, opens + timedelta(seconds=10 * n))
    tell.close(session_id, opens + timedelta(hours=5))
    tell.release(session_id, tell.back(9))
    return session_id


def _name(n: int) -> str:
    """Some with characters that few fonts know."""
    if n % 9 == 4:
        return f"{'𠮷䶮㐂'[n // 9 % 3]}{GIVEN[n]}"
    return f"{SURNAMES[-1 - n % len(SURNAMES)]}{GIVEN[n * 7 % len(GIVEN)]}"


def _sit(session_id: int, person_id: int, ability: float, dice: Random, at: Any) -> None:
    with clock.at(at):
        person = db.session.get_one(Person, person_id)
        own = db.session.query(Sitting.id).filter_by(session_id=session_id, candidate_id=person_id).scalar()
        with unit_of_work():
            sittings.start(own, by=person, honour=True, now=at)
        steps = []
        for entry in papers.paper_of(db.session.get_one(Sitting, own)):
            answer = _answer(entry.item, ability, dice)
            if answer is not None:
                steps.append(sittings.Step(entry.place, 1, answer))
        with unit_of_work():
            sittings.hand_in(own, 1, steps, by=db.session.get_one(Person, person_id), now=at + timedelta(minutes=62))
        with unit_of_work():
            marking.mark(own, now=at + timedelta(minutes=63))


def _answer(item: Item, ability: float, dice: Random) -> Any:
    """Right as often as ability and difficulty say (a logistic curve); else a wrong choice, or nothing."""
    own = Random(item.id).gauss(0, 0.5)  # some questions are harder than their author thought
    if dice.random() < 1 / (1 + math.exp(-(ability - HARD[item.difficulty or Difficulty.MEDIUM] - own))):
        return correct_answer(item)
    if dice.random() < 0.08:
        return None
    wrong = [one.id for one in item.options if not one.correct]
    if item.kind is Kind.SINGLE and wrong:
        return dice.choices(wrong, weights=range(len(wrong), 0, -1))[0]
    if item.kind is Kind.MULTIPLE:
        return sorted({one.id for one in item.options if one.correct != (dice.random() < 0.25)}) or None
    if item.kind is Kind.TRUEFALSE:
        return not correct_answer(item)
    return None
