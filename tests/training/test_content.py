"""The shipped programme and lessons are whole: hours add up, quizzes can be answered, texts say something."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

CONTENT = Path(__file__).parents[2] / "app" / "training" / "content"
LESSONS = sorted((CONTENT / "lessons").glob("*.md"))
LEGAL = CONTENT.parents[1] / "accounts" / "content"
HOURS = {1: (8, 8, 16, 8), 2: (8, 12, 28, 12), 3: (8, 12, 36, 24)}
HAN = re.compile(r"[\u4e00-\u9fff]")


def programme() -> dict[str, Any]:
    return yaml.safe_load((CONTENT / "programme.yaml").read_text(encoding="utf-8"))


def courses() -> dict[str, dict[str, Any]]:
    return {course["code"]: course for level in programme()["levels"] for course in level["courses"]}


def lesson(path: Path) -> tuple[dict[str, Any], str]:
    opening, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == "", "front matter begins on the first line"
    return yaml.safe_load(head), body


def test_the_figures_are_marked_as_system_defaults() -> None:
    assert (programme()["mark"], programme()["basis"]) == ("D", "系统默认")


@pytest.mark.parametrize("level", programme()["levels"], ids=lambda level: level["code"])
def test_hours_of_each_module_add_up(level: dict[str, Any]) -> None:
    modules = [module["code"] for module in programme()["modules"]]
    planned = dict(zip(modules, HOURS[level["rank"]], strict=True))
    found: Counter[str] = Counter()
    for course in level["courses"]:
        found[course["module"]] += course["hours"]
    assert dict(found) == level["hours"] == planned


@pytest.mark.parametrize("level", programme()["levels"], ids=lambda level: level["code"])
def test_no_level_is_taught_online_for_more_than_half(level: dict[str, Any]) -> None:
    online = sum(course["hours"] for course in level["courses"] if course["online"])
    total = sum(course["hours"] for course in level["courses"])
    assert online <= total * programme()["online_share_limit"]


def test_courses_are_complete() -> None:
    known = {key: {row["code"] for row in programme()[key]} for key in ("modules", "categories", "modes")}
    assert len(courses()) == sum(len(level["courses"]) for level in programme()["levels"]), "codes are unique"
    for code, course in courses().items():
        assert course["module"] in known["modules"], code
        assert course["category"] in known["categories"], code
        assert course["mode"] in known["modes"], code
        assert type(course["hours"]) is int and course["hours"] > 0, code
        assert type(course["online"]) is bool, code
        for field in ("title_zh", "title_en", "summary_zh", "summary_en"):
            assert course[field].strip(), (code, field)


def test_lessons_of_an_online_course_add_up_to_its_hours() -> None:
    hours: defaultdict[str, Decimal] = defaultdict(Decimal)
    orders: defaultdict[str, list[int]] = defaultdict(list)
    for path in LESSONS:
        head, _ = lesson(path)
        hours[head["course"]] += Decimal(str(head["hours"]))
        orders[head["course"]].append(head["order"])
    assert dict(hours) == {code: course["hours"] for code, course in courses().items() if course["online"]}
    assert all(found == list(range(1, len(found) + 1)) for found in orders.values())
    assert len(LESSONS) >= 12


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_worth_its_time(path: Path) -> None:
    head, body = lesson(path)
    assert path.name.startswith(f"{head['course']}-{head['order']:02d}-")
    assert head["title_zh"].strip() and head["title_en"].strip() and head["sources"]
    assert 3 <= len(head["key_points"]) <= 6
    assert 80 <= len(head["summary_en"].split()) <= 125
    assert 1_100 <= len(HAN.findall(body)) <= 2_200
    assert head["minutes"] <= head["hours"] * programme()["hour_minutes"], "no more time asked than is credited"
    for part in ("## 常见错误", "## 动手练习", "## 小结"):
        assert part in body, part


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_quiz_question_has_a_key_and_a_reason(path: Path) -> None:
    head, _ = lesson(path)
    assert 3 <= len(head["quiz"]) <= 4
    for question in head["quiz"]:
        assert question["text"].strip() and question["explanation"].strip()
        if question["kind"] == "truefalse":
            assert type(question["answer"]) is bool and "options" not in question
            continue
        texts = [option["text"] for option in question["options"]]
        right = sum(option["correct"] for option in question["options"])
        assert all(type(text) is str and text.strip() for text in texts) and len(set(texts)) == len(texts) >= 3
        assert {"single": right == 1, "multiple": 2 <= right < len(texts)}[question["kind"]]


def test_public_texts_exist_in_both_languages() -> None:
    texts = sorted(path.name.removesuffix(".zh.md") for path in LEGAL.glob("*.zh.md"))
    assert texts and texts == sorted(path.name.removesuffix(".en.md") for path in LEGAL.glob("*.en.md"))
    for name in texts:
        places = [
            set(re.findall(r"\{(\w*)\}", (LEGAL / f"{name}.{lang}.md").read_text("utf-8"))) for lang in ("zh", "en")
        ]
        assert places[0] == places[1] <= {"operator", "contact"}, name


@pytest.mark.parametrize("path", LESSONS + sorted(LEGAL.glob("*.md")), ids=lambda path: path.stem)
def test_markdown_leaves_no_stray_stars(path: Path) -> None:
    """Bold beside Chinese punctuation is easily left as plain stars by the CommonMark rule."""
    text = path.read_text(encoding="utf-8")
    body = lesson(path)[1] if path in LESSONS else text
    assert "**" not in MarkdownIt("commonmark").enable("table").render(body)
