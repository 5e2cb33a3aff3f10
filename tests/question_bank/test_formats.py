import io
import zipfile
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from question_samples import ITEMS, RAW

from question_bank.formats import Reading, UnknownFormat, formats, read, write
from question_bank.formats.compare import losses
from question_bank.items import Item, Kind

ALL = list(ITEMS.values())
HEAD = "format: ttm-questions/1\nquestions:\n"
QUESTION = "  - {id: q1, kind: truefalse, text: 对吗, answer: true}\n"


def refused(reading: Reading):
    return [(refusal.where, refusal.field, refusal.reason) for refusal in reading.refusals]


def test_an_unknown_format_is_named():
    with pytest.raises(UnknownFormat) as unknown:
        read(b"", "docx")
    assert unknown.value.name == "docx"
    assert {"yaml", "excel"} <= set(unknown.value.known) == set(formats())
    with pytest.raises(UnknownFormat):
        write([], "docx")


@pytest.mark.parametrize("name", ["yaml", "excel"])
def test_a_file_that_is_too_large_is_not_opened(name):
    assert refused(read(b" " * (20 * 1024 * 1024 + 1), name)) == [("", "", "too_large")]


@pytest.mark.parametrize("name", ["yaml", "excel"])
@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_never_raises(name, data):
    reading = read(data, name)
    assert reading.items == [] and reading.refusals
    assert all(refusal.text("zh") and refusal.text("en") for refusal in reading.refusals)


# --- yaml


def test_yaml_loses_nothing():
    writing = write(ALL, "yaml")
    assert writing.losses == []
    assert read(writing.data, "yaml") == Reading(ALL, [])


def test_yaml_keeps_ids_that_were_given_by_other_texts():
    options = [{"id": "k", "text": "甲", "correct": True}, {"id": "a", "text": "乙"}]
    item = Item.from_dict({"id": "q", "kind": "single", "text": "?", "options": options})
    assert read(write([item], "yaml").data, "yaml").items == [item]
    edited = replace(ITEMS["o1"], sequence=tuple(replace(step, text=step.text + "!") for step in ITEMS["o1"].sequence))
    assert read(write([edited], "yaml").data, "yaml").items == [edited]


def test_one_wrong_question_does_not_stop_the_rest():
    text = HEAD + QUESTION + "  - {id: q2, kind: truefalse, text: x}\n" + QUESTION.replace("q1", "q3")
    reading = read(text.encode(), "yaml")
    assert [item.id for item in reading.items] == ["q1", "q3"]
    assert refused(reading) == [("line 4 · q2", "answer", "not_boolean")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("questions: []", "wrong_format_mark"),
        ("format: other\nquestions: []", "wrong_format_mark"),
        ("format: ttm-questions/1", "no_questions"),
        (HEAD + QUESTION + "more: 1\n", "unknown_key"),
        (HEAD + QUESTION + QUESTION, "duplicate_id"),
        (HEAD + "  - {id: q, kind: truefalse, text: a, text: b, answer: true}\n", "duplicate_key"),
        (HEAD + "  - {id: q, kind: truefalse, text: 2024-13-45, answer: true}\n", "not_readable"),
        (HEAD + "  - {id: q, kind: truefalse, text: 2024-01-02, answer: true}\n", "not_text"),
        (HEAD + "  - {id: q, kind: truefalse, text: !!python/object:os.system {}, answer: true}\n", "not_readable"),
        (HEAD + "  - &a [*a]\n", "alias"),
        (HEAD + "  - " + "[" * 500 + "]" * 500 + "\n", "not_readable"),
        (HEAD + "  - just text\n", "not_mapping"),
        ("format: [", "not_readable"),
        (HEAD + QUESTION + "---\n" + HEAD, "not_readable"),
    ],
)
def test_yaml_that_is_refused(text, reason):
    reading = read(text.encode(), "yaml")
    assert reason in [refusal.reason for refusal in reading.refusals]


def test_aliases_that_would_fill_the_memory_are_refused():
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x'}]" for n in range(6)]
    bomb = HEAD + "  - {id: q, kind: single, text: t, options: *a5}\n"
    reading = read(("x: {" + ", ".join(lines) + "}\n" + bomb).encode(), "yaml")
    assert not reading.items
    assert "alias" in [refusal.reason for refusal in reading.refusals]


def test_a_file_in_another_encoding_is_read_and_the_guess_is_told():
    reading = read((HEAD + QUESTION).encode("gb18030"), "yaml")
    assert [item.text for item in reading.items] == ["对吗"]
    assert [note.reason for note in reading.notes] == ["note_encoding"]
    assert refused(read((HEAD + QUESTION).encode() + b"\xff\xff", "yaml")) == [("", "", "not_decodable")]


def test_a_byte_order_mark_does_no_harm():
    assert len(read((HEAD + QUESTION).encode("utf-8-sig"), "yaml").items) == 1


# --- excel


def workbook(*rows, title="题目"):
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADINGS = [
    "编号",
    "题型",
    "级别",
    "模块",
    "难度",
    "题干",
    "选项A",
    "选项B",
    "选项C",
    "答案",
    "选项说明",
    "误差",
    "单位",
    "分值",
    "评分要点",
]


def row(**cells):
    return [cells.get(heading) for heading in HEADINGS]


def test_excel_carries_everything():
    writing = write(ALL, "excel")
    assert writing.losses == []
    reading = read(writing.data, "excel")
    assert reading.refusals == []
    assert any(option.feedback for option in ITEMS["s1"].options)
    assert reading.items == ALL


NASTY = st.text(st.sampled_from("a\\|=\nn甲 -"), min_size=1, max_size=8).filter(lambda text: text.strip() == text)


@settings(max_examples=40, deadline=None)
@given(st.lists(NASTY, min_size=2, max_size=4, unique=True))
def test_excel_carries_the_characters_that_mean_something_to_it(texts):
    ordering = Item.from_dict({"id": "o", "kind": "ordering", "text": "?", "sequence": texts})
    pairs = [{"left": text, "right": text[::-1]} for text in texts[:-1]] + [{"left": texts[-1], "right": "右"}]
    matching = Item.from_dict({"id": "x", "kind": "matching", "text": "?", "pairs": pairs, "distractors": ["= 无 |"]})
    letters = "a" + texts[0]
    blank = Item.from_dict({"id": "b", "kind": "blank", "text": "[[1]]", "blanks": [[letters, "z|="]]})
    writing = write([ordering, matching, blank], "excel")
    assert writing.losses == []
    assert read(writing.data, "excel").items == [ordering, matching, blank]


def test_text_stays_text_in_a_spreadsheet():
    attack = '=HYPERLINK("http://example.org","x")'
    options = [{"text": "+1", "correct": True}, {"text": "-1"}, {"text": "@SUM(1)"}]
    item = Item.from_dict({"id": "q", "kind": "single", "text": attack, "options": options, "source": "=1+1"})
    data = write([item], "excel").data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "<f " not in sheet
    cells = {cell.value: cell for line in load_workbook(io.BytesIO(data))["题目"].iter_rows() for cell in line}
    for text in (attack, "+1", "-1", "@SUM(1)", "=1+1"):
        assert cells[text].data_type == "s" and cells[text].quotePrefix
    assert read(data, "excel").items == [item]


def test_the_empty_template_has_headings_choices_and_notes():
    book = load_workbook(io.BytesIO(write([], "excel").data))
    sheet = book["题目"]
    assert [cell.value for cell in sheet[1]][:4] == ["编号", "题型", "级别", "模块"]
    assert any("单选" in validation.formula1 for validation in sheet.data_validations.dataValidation)
    assert book["填写说明"]["A1"].value
    assert refused(read(write([], "excel").data, "excel")) == [("", "", "no_questions")]


def test_what_people_type_is_understood():
    data = workbook(
        HEADINGS,
        row(题型="单选题", 级别="初级", 模块="政策法规", 难度="易", 题干="?", 选项A=1, 选项B=2.5, 答案="b"),
        row(题型="多选", 题干="??", 选项A="x", 选项B="y", 选项C="z", 答案="A、C"),
        [None] * 3,
        row(题型="判断", 题干="?", 答案=False),
        row(题型="判断题", 题干="???", 答案="√"),
        row(题型="数值", 题干="多少", 答案=0.1, 误差=0, 单位="万元", 分值=2),
        row(题型="论述", 题干="论", 答案="参考", 评分要点="3分:一\n2.5 分： 二", 分值="5.5"),
        title="Sheet1",
    )
    reading = read(data, "excel")
    assert reading.refusals == []
    single, multiple, false, true, numeric, essay = reading.items
    assert [(o.text, o.correct) for o in single.options] == [("1", False), ("2.5", True)]
    assert (single.level, single.module, single.difficulty) == (1, "policy", "easy")
    assert [option.correct for option in multiple.options] == [True, False, True]
    assert (false.answer, true.answer) == (False, True)
    assert (str(numeric.value), str(numeric.points), numeric.unit) == ("0.1", "2", "万元")
    assert [(c.point, str(c.points)) for c in essay.rubric] == [("一", "3"), ("二", "2.5")]
    assert len({item.id for item in reading.items}) == 6


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"题型": "选择", "题干": "?", "答案": "A"}, "题型", "unknown_word"),
        ({"题干": "?", "答案": "A"}, "题型", "required"),
        ({"题型": "单选", "题干": "?", "选项A": "x", "选项B": "y", "答案": "D"}, "答案", "unknown_word"),
        ({"题型": "单选", "题干": "?", "选项A": "x", "选项B": "y"}, "答案", "required"),
        (
            {"题型": "单选", "题干": "?", "选项A": "x", "选项B": "y", "答案": "A", "选项说明": "对"},
            "选项说明",
            "bad_line",
        ),
        (
            {"题型": "单选", "题干": "?", "选项A": "x", "选项B": "y", "答案": "A", "选项说明": "C = 无"},
            "选项说明",
            "bad_line",
        ),
        ({"题型": "单选", "题干": "?", "选项A": "x", "选项B": "y", "答案": "AB"}, "options", "one_correct"),
        ({"题型": "单选", "题干": "=1+1", "选项A": "x", "选项B": "y", "答案": "A"}, "题干", "formula"),
        ({"题型": "判断", "题干": "?", "答案": "也许"}, "答案", "unknown_word"),
        ({"题型": "判断", "题干": date(2024, 1, 2), "答案": "对"}, "题干", "not_text"),
        ({"题型": "判断", "题干": "?", "答案": "对", "级别": "特级"}, "级别", "unknown_word"),
        ({"题型": "判断", "题干": "?", "答案": "对", "难度": "极难"}, "难度", "unknown_word"),
        ({"题型": "判断", "题干": "?", "答案": "对", "模块": "不存在的模块"}, "module", "bad_code"),
        ({"题型": "判断", "题干": "?", "答案": "对", "分值": "两分"}, "points", "not_number"),
        ({"题型": "连线", "题干": "?", "答案": "甲 乙"}, "答案", "bad_line"),
        ({"题型": "简答", "题干": "?", "评分要点": "好"}, "评分要点", "bad_line"),
        ({"题型": "填空", "题干": "没有空", "答案": "x"}, "text", "blank_marks"),
        ({"题型": "案例", "题干": "?", "答案": "A"}, "答案", "not_for_kind"),
        ({"题型": "案例", "题干": "?"}, "parts", "too_few"),
        ({"题型": "小题·判断", "题干": "?", "答案": "对", "分值": 1, "编号": "a b"}, "id", "bad_id"),
    ],
)
def test_a_wrong_row_is_named(cells, field, reason):
    good = row(编号="good", 题型="判断", 题干="好", 答案="对")
    reading = read(
        workbook(HEADINGS, row(**cells), good) if field != "id" else workbook(HEADINGS, row(**cells)), "excel"
    )
    assert [(refusal.field, refusal.reason) for refusal in reading.refusals] == [(field, reason)]
    assert reading.refusals[0].where.startswith("row 2")
    assert [item.id for item in reading.items] == ([] if field == "id" else ["good"])


def test_a_wrong_part_is_named_by_its_row():
    reading = read(
        workbook(
            HEADINGS,
            row(编号="c", 题型="案例", 题干="背景"),
            row(题型="小题·判断", 题干="一", 答案="对", 分值=1),
            row(题型="小题·判断", 题干="二", 答案="?", 分值=1),
        ),
        "excel",
    )
    assert refused(reading) == [("row 4", "答案", "unknown_word")]


def test_missing_and_unknown_headings_are_named():
    assert {refusal.values["heading"] for refusal in read(workbook(["题型", "题目"]), "excel").refusals} == {
        "题干",
        "答案",
    }
    reading = read(workbook([*HEADINGS, "备注"], [*row(题型="判断", 题干="?", 答案="对"), "x"]), "excel")
    assert refused(reading) == [("row 1", "备注", "unknown_key")]
    assert len(reading.items) == 1


def test_the_same_number_twice_is_refused():
    same = row(编号="a", 题型="判断", 题干="?", 答案="对")
    assert refused(read(workbook(HEADINGS, same, same), "excel")) == [("row 3 · a", "编号", "duplicate_id")]


def test_a_workbook_that_unpacks_to_more_than_fits_is_not_opened():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/workbook.xml", "w") as entry:
        for _ in range(201):
            entry.write(b" " * 1024 * 1024)
    assert refused(read(out.getvalue(), "excel")) == [("", "", "too_large")]


# --- losses


def test_losses_name_question_and_field():
    changed = replace(ITEMS["c1"], explanation="", parts=ITEMS["c1"].parts[:1])
    assert losses([ITEMS["c1"], ITEMS["s1"]], [changed]) == ["c1: parts", "s1: question"]
    assert losses(ALL, ALL) == []
    assert {raw["kind"] for raw in RAW} == {kind.value for kind in Kind}
