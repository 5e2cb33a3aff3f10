"""The shipped bank is in use from the first start, and loading it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.bank import service
from app.bank.models import Question, QuestionRevision, QuestionState
from app.core.start import load_shipped
from app.db import db, unit_of_work
from question_bank.assembly import assemble
from question_bank.defaults import default_blueprint


def test_every_level_can_fill_its_default_blueprint(app: Any) -> None:
    for level in (1, 2, 3):
        pool = [live.item for live in service.items_live(level)]
        paper = assemble(pool, default_blueprint(level), "trial")
        assert paper.points == 100


def test_a_second_start_reads_the_table_and_nothing_else(app: Any, queries: Any) -> None:
    count = select(func.count()).select_from(QuestionRevision)
    before = db.session.scalar(count)
    load_shipped()
    assert db.session.scalar(count) == before
    with queries() as seen:
        service._load()
    assert len(seen) == 1


def _folder(tmp_path: Path, explanation: str) -> Path:
    (tmp_path / "x.yaml").write_text(
        "format: ttm-questions/1\nquestions:\n- id: X-1\n  kind: truefalse\n  text: 技术合同应当登记后才成立。\n"
        f"  answer: false\n  level: 1\n  module: policy\n  difficulty: easy\n  explanation: {explanation}\n  source: 民法典\n"
    )
    return tmp_path


def test_a_changed_file_makes_a_new_revision_and_keeps_the_old(app: Any, tmp_path: Path, at: Any) -> None:
    now = at("2026-03-01 09:00")
    with unit_of_work():
        assert service.load_questions(_folder(tmp_path, "甲"), now=now) == 1
    with unit_of_work():
        assert service.load_questions(_folder(tmp_path, "乙"), now=now) == 1
    question = db.session.scalars(select(Question).where(Question.code == "X-1")).one()
    assert (question.latest_number, question.live_number, question.state) == (2, 2, QuestionState.LIVE)
    assert [r.item.explanation for r in question.revisions] == ["甲", "乙"]


def test_a_question_revised_here_is_not_overwritten(app: Any, tmp_path: Path, at: Any) -> None:
    from dataclasses import replace

    from tests.factories import people

    now = at("2026-03-01 09:00")
    author = people.person()
    with unit_of_work():
        service.load_questions(_folder(tmp_path, "甲"), now=now)
    with unit_of_work():
        question = db.session.scalars(select(Question).where(Question.code == "X-1")).one()
        item = question.revisions[0].item
        service.revise(question, replace(item, explanation="本地修改"), by=author, now=now)
    with unit_of_work():
        assert service.load_questions(_folder(tmp_path, "乙"), now=now) == 0
    with unit_of_work():
        question = db.session.scalars(select(Question).where(Question.code == "X-1")).one()
        assert [r.item.explanation for r in question.revisions] == ["甲", "本地修改"]
        assert question.live_number == 1 and question.state is QuestionState.DRAFT


def test_what_is_shipped_no_more_is_retired_unless_it_was_revised_here(app: Any, tmp_path: Path, at: Any) -> None:
    from dataclasses import replace

    from tests.factories import people

    now = at("2026-03-01 09:00")
    author = people.person()
    folder = _folder(tmp_path, "甲")
    text = (folder / "x.yaml").read_text()
    second = text.partition("questions:\n")[2].replace("X-1", "X-2").replace("登记后", "公证后")
    (folder / "x.yaml").write_text(text + second)
    with unit_of_work():
        assert service.load_questions(folder, now=now) == 2
    ours = db.session.scalars(select(Question).where(Question.code == "X-2")).one()
    with unit_of_work():
        item = replace(ours.revisions[0].item, explanation="本地修改")
        service.revise(ours, item, by=author, now=now)
        ours.state = QuestionState.LIVE
    (folder / "x.yaml").write_text(text.partition("- id:")[0] + second.replace("X-2", "X-3").replace("公证", "备案"))
    (folder / "withdrawn.txt").write_text("# replaced\n\nX-1\nX-2\nnever-there\n")
    with unit_of_work():
        assert service.load_questions(folder, now=now) == 2  # one new, one retired
        assert service.load_questions(folder, now=now) == 0
    states = dict(db.session.execute(select(Question.code, Question.state).where(Question.code.like("X-%"))).all())
    assert states == {"X-1": QuestionState.RETIRED, "X-2": QuestionState.LIVE, "X-3": QuestionState.LIVE}
    assert "X-1" not in {live.item.id for live in service.items_live(1)}
