"""``python -m bench.fill OUT CANDIDATES SHORT``: what is measured, made through the services, and told as JSON.

An exam session of the first level with the shipped blueprint and its papers, candidates who are signed in, SHORT of them with a
second exam of fifty questions, a class to enrol in, a certificate to verify. ``python -m bench.fill --check SITTING…`` says what marks the sittings got;
``--compare FILE`` holds the answers that clients were told are saved against the marked scripts.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, is_dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from alembic import command

from app import create_app
from app.accounts import passwords, signing
from app.accounts.models import Person, SignIn
from app.core import clock, crypto
from app.core.cli import alembic
from app.core.frame import compile_templates
from app.core.permissions import Role, Scope
from app.core.start import load_shipped
from app.db import db, locked, unit_of_work
from app.exams import papers, sessions
from app.exams.models import Sitting
from app.pathway.service import set_goal
from bench.served import lay_floor
from question_bank.grading import correct_answer
from tests.exams.factories import plan, small_blueprint, training
from tests.factories import certification, people
from tests.factories import training as classes

PASSWORD = "measured-2026-Pass"


FIFTY = (("single", 30, "1"), ("multiple", 12, "2"), ("truefalse", 8, "1"))
"""The paper by which the hand-in is judged: its limit was set for fifty questions."""


def main(out: Path, count: int, short: int) -> None:
    app = create_app()
    compile_templates(app)
    with app.app_context():
        command.upgrade(alembic(), "head")
        load_shipped()
        region = people.region("1201")
        candidates = _candidates(region, count)
        for n in range(8):
            classes.make_class(level=1, title=f"第{n + 1}期初级班")
        office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
        sittings = _sittings(_session(region, office, candidates, 1).id)
        small_blueprint(office, *FIFTY, level=2)
        of_fifty = _sittings(_session(region, office, candidates[:short], 2).id) if short else {}
        holder = certification.trainee(region, "许文博")
        issued = certification.certificate(holder, now=clock.now())
        number, name = issued.number, holder.name
        clock.set_offset(timedelta(minutes=61))
        told = {
            "candidates": [_candidate(app, person_id, sittings[person_id]) for person_id in candidates],
            "short": [_candidate(app, person_id, of_fifty[person_id]) for person_id in candidates[:short]],
            "password": PASSWORD,
            "number": number,
            "name": name,
        }
        db.session.close()
        db.engine.dispose()
    lay_floor()
    out.write_text(json.dumps(told, ensure_ascii=False, default=_plain))


def _candidates(region: Any, count: int) -> list[int]:
    known, made = passwords.hashed(PASSWORD), []
    region_id = region.id
    for n in range(count):
        with unit_of_work():
            region = db.session.get_one(type(region), region_id)
            one = signing.register(
                email=f"c{n}@bench.example", name=f"考生{n}", password_hash=known, region=region, now=clock.now()
            )
            db.session.flush()  # its id is told
            set_goal(one, 1, by=one, now=clock.now())
            made.append(one.id)
    return made


def _session(region: Any, office: Any, candidates: list[int], level: int) -> Any:
    with unit_of_work():
        session = sessions.plan(plan(region, level=level), by=office, now=clock.now())
    with training(True):
        for person_id in candidates:
            with unit_of_work():
                sessions.register(session, db.session.get_one(Person, person_id), by=office, now=clock.now())
    with unit_of_work():
        sessions.publish(locked(session), by=office, now=clock.now())
    from app.jobs.service import run_waiting

    run_waiting()
    return session


def _sittings(session_id: int) -> dict[int, Sitting]:
    db.session.rollback()
    return {one.candidate_id: one for one in db.session.query(Sitting).filter_by(session_id=session_id)}


def _candidate(app: Any, person_id: int, sitting: Sitting) -> dict[str, Any]:
    token, now = crypto.token(), clock.now()
    sitting_id = sitting.id
    right = {entry.place: correct_answer(entry.item) for entry in papers.paper_of(sitting)}
    with unit_of_work():
        db.session.add(SignIn(person_id=person_id, token_hash=crypto.token_hash(token), created_at=now, seen_at=now))
    signer = app.session_interface.get_signing_serializer(app)
    person = db.session.get_one(Person, person_id)
    return {
        "email": person.email,
        "name": person.name,
        "cookie": signer.dumps({"_user_id": token, "_fresh": True, "_permanent": True}),
        "sitting": sitting_id,
        "right": right,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else list(value)


def check(ids: list[int]) -> None:
    from app.exams.marking import percent_of

    with create_app().app_context():
        marks = {i: str(percent_of(db.session.get_one(Sitting, i))) for i in ids}
        states = {i: db.session.get_one(Sitting, i).state.value for i in ids}
    print(json.dumps({"percent": marks, "state": states}))


def compare(file: Path) -> None:
    """Sitting → place → acknowledged answer, against the replayed log."""
    from app.exams import marking
    from question_bank.grading import clean_answer

    told: dict[str, dict[str, Any]] = json.loads(file.read_text())
    lost = []
    with create_app().app_context():
        for sitting_id, answers in told.items():
            sitting = db.session.get_one(Sitting, int(sitting_id))
            script = marking.replay(marking.steps_of(sitting), late_counts=sitting.session.late_counts)
            items = papers.items_on(sitting.entries)
            for place, answer in answers.items():
                if script.get(int(place)) != clean_answer(items[int(place)], answer):
                    lost.append(
                        f"sitting {sitting_id}, question {place}: told {answer!r}, marked {script.get(int(place))!r}"
                    )
            if str(sitting.state) != "marked":
                lost.append(f"sitting {sitting_id} is {sitting.state}")
        print(json.dumps({"lost": lost, "sittings": len(told)}))


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check([int(one) for one in sys.argv[2:]])
    elif sys.argv[1] == "--compare":
        compare(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
