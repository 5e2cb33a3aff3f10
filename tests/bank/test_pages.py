"""Pages of the bank: closed to those without the right, kind to bad input, quick with many rows."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bank import exporting, importing
from app.bank.faces import answer_from_form, face_of
from app.bank.models import Question, QuestionImport, QuestionRevision
from app.core.permissions import Role
from app.db import db
from question_bank.formats import read, write
from question_bank.grading import correct_answer, grade
from question_bank.items import Item, Kind
from tests.bank import factories
from tests.factories import people


def _count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_closed_without_the_right(app: Any, client_as: Any) -> None:
    trainee = people.person()
    made = factories.question(people.officer(Role.LECTURER))
    browser = client_as(trainee)
    for path in ("/bank/questions", f"/bank/questions/{made.id}", "/bank/questions/new/single", "/bank/import",
                 "/bank/import/all", "/bank/export", "/bank/groups"):  # fmt: skip
        assert browser.get(path).status_code == 403


def test_the_list_costs_the_same_with_more_rows(app: Any, client_as: Any, queries: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    with queries() as few:
        assert browser.get("/bank/questions?q=T-").status_code == 200
    author = people.person()
    for n in range(8):
        factories.question(author, factories.item(f"T-{n}"))
    with queries() as many:
        page = browser.get("/bank/questions?q=T-")
    assert "T-7" in page.text and len(many) <= len(few) <= 8


FORMS: dict[str, dict[str, Any]] = {
    "single": {"option-0": "甲", "option-1": "乙", "correct": "1"},
    "multiple": {"option-0": "甲", "option-1": "乙", "option-3": "丙", "correct": ["0", "3"], "keep": "1"},
    "truefalse": {"answer": "false"},
    "blank": {"text": "第一 [[1]] 第二 [[2]]", "blank-0": "全部|所有", "blank-1": "部分"},
    "numeric": {"value": "12.5", "tolerance": "0.1", "unit": "万元"},
    "matching": {"left-0": "甲", "right-0": "1", "left-1": "乙", "right-1": "2", "right-2": "3"},
    "ordering": {"step-0": "先", "step-1": "中", "step-2": "后"},
    "essay": {"rubric-0": "要点", "rubric-points-0": "3", "reference": "范文"},
    "case": {"p0-kind": "single", "p0-text": "小题", "p0-option-0": "甲", "p0-option-1": "乙", "p0-correct": "0",
             "p0-points": "4", "p1-kind": "essay", "p1-text": "论述", "p1-points": "6"},
}  # fmt: skip
COMMON = {
    "text": "一道新题",
    "level": "1",
    "module": "skill",
    "difficulty": "hard",
    "explanation": "解",
    "source": "法",
}


@pytest.mark.parametrize("kind", list(FORMS))
def test_every_kind_is_written_shown_and_edited(app: Any, client_as: Any, kind: str) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    address = f"/bank/questions/new/{kind}"
    assert browser.get(address).status_code == 200
    answer = browser.post(address, data=COMMON | FORMS[kind])
    assert answer.status_code == 302, answer.text
    page = browser.get(answer.location)
    assert page.status_code == 200 and "解" in page.text
    edit = browser.get(f"{answer.location}/edit")
    assert edit.status_code == 200
    again = browser.post(
        f"{answer.location}/edit", data=COMMON | FORMS[kind] | {"explanation": "新解", "note": "更清楚"}
    )
    assert again.status_code == 302
    question = db.session.scalars(select(Question).order_by(Question.id.desc()).limit(1)).one()
    first, second = (revision.item for revision in question.revisions)
    assert (first.explanation, second.explanation) == ("解", "新解") and first.kind == kind


@pytest.mark.parametrize("kind", list(FORMS))
def test_bad_input_keeps_what_was_typed(app: Any, client_as: Any, kind: str) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    before = _count(QuestionRevision)
    answer = browser.post(f"/bank/questions/new/{kind}", data={"text": "<script>alert(1)</script>", "points": "x"})
    assert answer.status_code == 422
    if kind != "essay":
        assert "&lt;script&gt;" in answer.text and "<script>alert" not in answer.text
    assert _count(QuestionRevision) == before


def test_another_kind_of_address_is_not_found(app: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    assert browser.get("/bank/questions/new/riddle").status_code == 404
    assert browser.get("/bank/questions/999999").status_code == 404


@pytest.mark.parametrize("kind", ["single", "case"])
def test_enter_in_a_field_saves(app: Any, client_as: Any, kind: str) -> None:
    """A browser presses the first button of the form: not one that adds a part or a picture."""
    page = client_as(people.officer(Role.LECTURER)).get(f"/bank/questions/new/{kind}").get_data(as_text=True)
    form = page[page.index('enctype="multipart/form-data"') :]
    first = form[form.index("<button") :].split("</button>")[0]
    assert "name=" not in first and "保存草稿" in first
    assert 'name="add_' in form[form.index("</button>") :]


def test_the_format_of_a_file_is_chosen_and_not_assumed(app: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    answer = browser.post("/bank/import", data={"format": "", "file": (io.BytesIO(b"::1:: ? {T}"), "q.txt")})
    assert answer.status_code == 422
    assert _count(QuestionImport) == 0


def test_a_case_grows_by_a_part(app: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    page = browser.post("/bank/questions/new/case", data={"text": "背景", "add_part": "numeric"})
    assert page.status_code == 200 and 'name="p0-value"' in page.text and "背景" in page.text


@pytest.mark.parametrize(
    ("format", "name", "data"),
    [("yaml", "q.yaml", b"\x00\x01"), ("yaml", "q.yaml", b""), ("excel", "q.xlsx", b"not a sheet"),
     ("excel", "q.txt", b"text")],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_words(app: Any, client_as: Any, format: str, name: str, data: bytes) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    answer = browser.post("/bank/import", data={"format": format, "file": (io.BytesIO(data), name)})
    assert answer.status_code == 422
    assert browser.post("/bank/import", data={"format": format}).status_code == 422


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_what_a_file_holds_besides_is_shown_before_it_is_taken_in(app: Any, client_as: Any, encoding: str) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    data = "::题名::首都是 {=北京 =%50%北平#旧称}。\n\n只是说明".encode(encoding)
    sent = browser.post("/bank/import", data={"format": "gift", "file": (io.BytesIO(data), "moodle.gift")})
    assert sent.status_code == 302, sent.text
    page = browser.get(sent.location).text
    assert "首都是" in page and "只是说明文字，不是题目" in page
    assert "“北平”原可得 50% 的分，未保留" in page and "1 道题的题名未保留" in page
    assert ("按 GB18030 编码读取" in page) is (encoding == "gb18030")
    page = browser.get(f"{sent.location}?lang=en", headers={"Accept-Language": "en"}).text
    assert "首都是" in page


def test_the_upload_page_says_what_each_format_carries(app: Any, client_as: Any) -> None:
    page = client_as(people.officer(Role.LECTURER)).get("/bank/import").text
    for name, label in importing.import_choices():  # one name may read what several write
        assert f'value="{name}"' in page and f"<dt>{label}</dt>" in page
        assert name in importing.CARRIES
    assert {name for name, _label in importing.format_choices()} <= set(exporting.ENDINGS)


def test_fields_in_words(app: Any) -> None:
    assert importing.field_words("parts[0].options[1].feedback") == "小题 1 · 选项 2 · 点评"


def test_commands(app: Any, tmp_path: Any) -> None:
    from app.bank.cli import group

    author = people.person(email="author@example.org")
    file = tmp_path / "q.yaml"
    file.write_bytes(write([factories.item("C-1")], "yaml").data)
    run = app.test_cli_runner().invoke
    arguments = ["import", str(file), "--format", "yaml", "--by", author.email]
    assert "new: 1" in run(group, [*arguments, "--dry-run"]).output
    assert "new: 1" in run(group, arguments).output
    assert "unchanged: 1" in run(group, arguments).output
    moodle = tmp_path / "q.gift"
    moodle.write_text("::a::Q {=x =%50%y}")
    told = run(group, ["import", str(moodle), "--format", "gift", "--by", author.email, "--dry-run"]).output
    assert "noted: line 1 · a: blanks[0]" in told and "new: 1" in told
    out = tmp_path / "out.yaml"
    assert run(group, ["export", "--format", "yaml", "--out", str(out), "--level", "1"]).exit_code == 0
    assert "C-1" in {item.id for item in read(out.read_bytes(), "yaml").items}


def _samples() -> list[Item]:
    from app.bank import service

    found: dict[Kind, Item] = {}
    for live in service.items_live():
        found.setdefault(live.item.kind, live.item)
    raws: list[dict[str, Any]] = [
        {
            "id": "M",
            "kind": "matching",
            "text": "连",
            "pairs": [{"left": "a", "right": "1"}, {"left": "b", "right": "2"}],
        },
        {"id": "O", "kind": "ordering", "text": "排", "sequence": ["x", "y", "z"]},
        {"id": "B", "kind": "blank", "text": "填 [[1]]", "blanks": [["全部"]]},
    ]
    return [*found.values(), *(Item.from_dict(raw) for raw in raws)]


def test_a_right_answer_survives_page_and_form(app: Any) -> None:
    """What the page shows as chosen, posted as a plain form, is the answer again; the key itself is never on the page."""
    from html.parser import HTMLParser

    from werkzeug.datastructures import MultiDict

    class Inputs(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.pairs: list[tuple[str, str]] = []
            self.select = self.area = ""

        def handle_starttag(self, tag: str, attributes: Any) -> None:
            given = dict(attributes)
            if tag == "input" and ("checked" in given or given["type"] == "text"):
                self.pairs.append((given["name"], given["value"]))
            if tag == "select":
                self.select = given["name"]
            if tag == "option" and "selected" in given:
                self.pairs.append((self.select, given["value"]))
            if tag == "textarea":
                self.area = given["name"]

        def handle_data(self, data: str) -> None:
            if self.area:
                self.pairs.append((self.area, data))
                self.area = ""

    with app.test_request_context():
        for item in _samples():
            key = correct_answer(item)
            html = face_of(f"test-{item.id}", item).html("q1", title="1", answer=key)
            seen = Inputs()
            seen.feed(html)
            back = answer_from_form(item, MultiDict(seen.pairs), "q1")
            assert "<script" not in html and "correct" not in html
            if item.kind not in (Kind.ESSAY, Kind.CASE):
                assert grade(item, back) == 1, item.id
            empty = face_of(f"test-{item.id}", item).html("q1", title="1")
            if item.explanation:
                assert item.explanation[:20] not in empty


def test_lists_show_words_and_no_marks_of_markdown() -> None:
    from app.bank.words import in_words

    assert in_words("下列**正确**的是`A`？\n\n- 甲\n- 乙") == "下列正确的是A？ 甲 乙"
    assert in_words("求 $x^2$ 的**值**") == "求 $x^2$ 的**值**" and in_words("1 < 2") == "1 < 2" and in_words("") == ""
