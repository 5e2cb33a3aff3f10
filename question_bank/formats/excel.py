"""The Excel template (.xlsx), with Chinese headings: one row per question; the parts of a case are rows below it.

What stands in 答案 (where a kind has several, one per line; ``\\n``, ``\\|``, ``\\=`` and ``\\\\`` stand for the characters themselves):

* 单选 ``B``; 多选 ``ABD``; 判断 ``对`` or ``错``
* 选项说明: ``A = remark`` per line, for options that have one
* 填空: one line per blank, accepted answers separated by ``|``
* 数值: the number (误差 and 单位 have columns)
* 连线: ``left = right`` per line; ``= right`` for a right side that belongs to none
* 排序: the steps in their right order, one per line
* 简答: the reference answer; 评分要点: ``3 分：what earns them``, one per line

Text is written as text, also where it begins with ``=``, ``+``, ``-`` or ``@``, and marked so that a spreadsheet does not turn it into
a formula when the cell is edited. Formulas in a file are refused: their value is not ours to compute.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from question_bank.formats.compare import losses
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.formats.words import DIFFICULTY_WORDS, LEVEL_WORDS, MODULE_WORDS
from question_bank.items import BadItem, Item, Kind, Part, new_item_id, questions_of

SHEET = "题目"
MOST_UNPACKED = 200 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 60
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FEWEST_OPTION_COLUMNS = 6

KIND_WORDS = {
    Kind.SINGLE: "单选",
    Kind.MULTIPLE: "多选",
    Kind.TRUEFALSE: "判断",
    Kind.BLANK: "填空",
    Kind.NUMERIC: "数值",
    Kind.MATCHING: "连线",
    Kind.ORDERING: "排序",
    Kind.CASE: "案例",
    Kind.ESSAY: "简答",
}
#: Other words for kinds that people write.
KIND_SYNONYMS = {
    "论述": Kind.ESSAY,
    "问答": Kind.ESSAY,
    "计算": Kind.NUMERIC,
    "案例分析": Kind.CASE,
    "匹配": Kind.MATCHING,
}
YES, NO = "是", "否"
TRUE_WORDS = {"对", "正确", "√", "是", "true", "t"}
FALSE_WORDS = {"错", "错误", "×", "否", "false", "f"}
#: In 题型 before the kind of a part of the case above.
PART_PREFIX = "小题·"

PLAIN_COLUMNS = ("编号", "题型", "级别", "模块", "知识点", "难度", "分值", "题干")
LATER_COLUMNS = ("答案", "选项说明", "误差", "单位", "评分要点", "不乱序", "解析", "出处", "互斥题")
REQUIRED_COLUMNS = ("题型", "题干", "答案")
WIDTHS = {
    "编号": 16,
    "题干": 60,
    "答案": 30,
    "选项说明": 30,
    "评分要点": 30,
    "解析": 50,
    "出处": 30,
    "知识点": 20,
    "题型": 12,
}

HELP = (
    "每行一题；案例的小题写在案例行的下面，题型写“小题·单选”等，并填分值。",
    "题型：单选、多选、判断、填空、数值、连线、排序、案例、简答。",
    "级别：初级、中级、高级。模块：公共知识、政策法规、实务技能、能力提升（或大纲中的模块代码）。难度：易、中、难。",
    "单选答案写 B，多选写 ABD，判断写“对”或“错”。选项按顺序填入“选项A”“选项B”……",
    "选项说明（随成绩显示，可不填）：每行一个选项，写“A = 说明”。",
    "填空：题干中用 [[1]]、[[2]] 标出空；答案每空一行，同一空的几种写法用 | 分隔。",
    "数值：答案写数字，允许误差写在“误差”，单位写在“单位”。",
    "连线：答案每行“左 = 右”；多余的右项写“= 右”。排序：答案按正确顺序每行一步。",
    "简答：答案写参考答案；评分要点每行“3 分：要点”。",
    "不乱序：选项须保持原有次序时写“是”（例如含“以上均是”）。互斥题：不能同卷的题目编号，用逗号分隔。",
    "文字中要写 | = 换行 \\ 时，写成 \\| \\= \\n \\\\。编号可不填，由系统按题干生成。",
)


# --- escapes --------------------------------------------------------------------------------------------------------------


def _escaped(text: str) -> str:
    for plain, code in (("\\", "\\\\"), ("\n", "\\n"), ("|", "\\|"), ("=", "\\=")):
        text = text.replace(plain, code)
    return text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text).strip()


def _split(text: str, separator: str, most: int = 0) -> list[str]:
    """Parts between separators that no backslash stands before (``most`` splits at most, 0 for any number); still escaped."""
    parts = [""]
    for token in re.findall(r"\\.|.", text):
        if token == separator and (not most or len(parts) <= most):
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


# --- reading --------------------------------------------------------------------------------------------------------------


class _Formula(str):
    """The text of a cell that holds a formula."""


def read(data: bytes) -> Reading:
    """Questions of a workbook: of the sheet 题目, else of the first. See ``formats.read``."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                return Reading([], [Refusal("", "too_large", values={"limit": MOST_UNPACKED // 1024 // 1024})])
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        sheet = workbook[SHEET] if SHEET in workbook.sheetnames else workbook.worksheets[0]
        rows = list(_rows(sheet))
        workbook.close()
    except Exception as error:  # openpyxl raises whatever its many parsers raise
        return Reading([], [Refusal("", "not_readable", values={"detail": type(error).__name__})])
    if not rows:
        return Reading([], [Refusal("", "no_questions")])
    return _read_rows(rows)


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Row number and cells of rows that hold something; at most as many as :data:`MOST_ROWS`."""
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS), start=1):
        values = [_Formula(cell.value) if cell.data_type == "f" else cell.value for cell in row]
        if any(value is not None and str(value).strip() for value in values):
            yield number, values


def _read_rows(rows: Sequence[tuple[int, list[Any]]]) -> Reading:
    reading = Reading()
    headings = {str(value).strip(): place for place, value in enumerate(rows[0][1]) if value is not None}
    missing = [heading for heading in REQUIRED_COLUMNS if heading not in headings]
    if missing:
        reading.refusals = [Refusal("row 1", "no_heading", values={"heading": heading}) for heading in missing]
        return reading
    known = {*PLAIN_COLUMNS, *LATER_COLUMNS, *(f"选项{letter}" for letter in LETTERS)}
    reading.refusals += [Refusal("row 1", "unknown_key", heading) for heading in headings if heading not in known]
    if len(rows) == 1:
        reading.refusals.append(Refusal("", "no_questions"))
    seen: dict[str, str] = {}
    for question in _grouped([(number, _named(values, headings)) for number, values in rows[1:]]):
        _take(question, reading, seen)
    return reading


Row = tuple[int, dict[str, Any]]


def _named(values: Sequence[Any], headings: dict[str, int]) -> dict[str, Any]:
    return {heading: values[place] for heading, place in headings.items() if place < len(values)}


def _grouped(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """A question and the parts below it."""
    group: list[Row] = []
    for row in rows:
        if group and not str(row[1].get("题型") or "").strip().startswith("小题"):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _take(rows: list[Row], reading: Reading, seen: dict[str, str]) -> None:
    number, cells = rows[0]
    where = f"row {number}"
    try:
        data = _question(cells, part=False)
        if data["kind"] == Kind.CASE:
            data["parts"] = []
            for part_number, part_cells in rows[1:]:
                where = f"row {part_number}"
                data["parts"].append(_question(part_cells, part=True))
            where = f"row {number}"
        elif len(rows) > 1:
            where = f"row {rows[1][0]}"
            raise BadItem("题型", "unknown_word", word=_text(rows[1][1], "题型"))
        data.setdefault("id", new_item_id(data["kind"], data["text"], *_shown_texts(data)))
        where += f" · {data['id'][:64]}"
        item = Item.from_dict(data)
    except BadItem as bad:
        reading.refusals.append(Refusal.of(where, bad))
        return
    if item.id in seen:
        reading.refusals.append(Refusal(where, "duplicate_id", "编号", {"other": seen[item.id]}))
        return
    seen[item.id] = where
    reading.items.append(item)


def _shown_texts(data: dict[str, Any]) -> list[str]:
    """The texts below the stem that tell one question from another."""
    options = [option["text"] for option in data.get("options", [])]
    pairs = [text for pair in data.get("pairs", []) for text in pair.values()]
    return [*options, *pairs, *data.get("sequence", []), *(part["text"] for part in data.get("parts", []))]


def _text(cells: dict[str, Any], heading: str) -> str:
    value = cells.get(heading)
    if value is None:
        return ""
    if isinstance(value, _Formula):
        raise BadItem(heading, "formula")
    if isinstance(value, bool):
        return "对" if value else "错"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise BadItem(heading, "not_text")
    return value.replace("\r\n", "\n").strip()


def _word(cells: dict[str, Any], heading: str, words: dict[Any, str]) -> Any:
    """The code behind a word; None where the cell is empty. Raises for another word."""
    written = _text(cells, heading)
    if not written:
        return None
    for code, word in words.items():
        if written in (word, str(code)):
            return code
    raise BadItem(heading, "unknown_word", word=written[:40])


def _kind(cells: dict[str, Any]) -> Kind:
    written = _text(cells, "题型")
    if not written:
        raise BadItem("题型", "required")
    bare = re.sub(r"^小题[·.:：\s-]*", "", written)
    bare = bare.removesuffix("题")
    for kind, word in KIND_WORDS.items():
        if bare in (word, kind.value):
            return kind
    if bare in KIND_SYNONYMS:
        return KIND_SYNONYMS[bare]
    raise BadItem("题型", "unknown_word", word=written[:40])


def _question(cells: dict[str, Any], *, part: bool) -> dict[str, Any]:
    """The JSON form of an item or part from the cells of its row."""
    kind = _kind(cells)
    data: dict[str, Any] = {"kind": kind.value, "text": _text(cells, "题干"), "explanation": _text(cells, "解析")}
    if _text(cells, "分值"):
        data["points"] = _text(cells, "分值")
    if not part:
        data |= {
            "level": _word(cells, "级别", LEVEL_WORDS),
            "difficulty": _word(cells, "难度", {d.value: word for d, word in DIFFICULTY_WORDS.items()}),
            "module": _module(cells),
            "point": _text(cells, "知识点"),
            "source": _text(cells, "出处"),
            "enemies": [name for name in re.split(r"[,，;；\s]+", _text(cells, "互斥题")) if name],
        }
        if _text(cells, "编号"):
            data["id"] = _text(cells, "编号")
    _ANSWERS[kind](cells, data)
    return data


def _module(cells: dict[str, Any]) -> str | None:
    written = _text(cells, "模块")
    return next((code for code, word in MODULE_WORDS.items() if word == written), written or None)


def _options(cells: dict[str, Any], data: dict[str, Any]) -> None:
    texts = {letter: _text(cells, f"选项{letter}") for letter in LETTERS}
    letters = [letter for letter in LETTERS if texts[letter]]
    key = re.sub(r"[\s,，、;；]+", "", _text(cells, "答案")).upper()
    if not key:
        raise BadItem("答案", "required")
    for letter in key:
        if letter not in letters:
            raise BadItem("答案", "unknown_word", word=letter)
    remarks = _remarks(cells, letters)
    data["options"] = [
        {"text": texts[letter], "correct": letter in key, "feedback": remarks.get(letter, "")} for letter in letters
    ]
    if _word(cells, "不乱序", {True: YES, False: NO}):
        data["shuffle"] = False


def _remarks(cells: dict[str, Any], letters: Sequence[str]) -> dict[str, str]:
    """Letter → what is shown with the result about this option."""
    found = {}
    for line in _lines(_text(cells, "选项说明")):
        sides = [_unescaped(side) for side in _split(line, "=", 1)]
        if len(sides) != 2 or sides[0].upper() not in letters:
            raise BadItem("选项说明", "bad_line", line=line[:60])
        found[sides[0].upper()] = sides[1]
    return found


def _truefalse(cells: dict[str, Any], data: dict[str, Any]) -> None:
    written = _text(cells, "答案").casefold()
    if written not in TRUE_WORDS | FALSE_WORDS:
        raise BadItem("答案", "unknown_word" if written else "required", word=written[:40])
    data["answer"] = written in TRUE_WORDS


def _blanks(cells: dict[str, Any], data: dict[str, Any]) -> None:
    data["blanks"] = [[_unescaped(word) for word in _split(line, "|")] for line in _lines(_text(cells, "答案"))]


def _numeric(cells: dict[str, Any], data: dict[str, Any]) -> None:
    data["value"] = _text(cells, "答案") or None
    data["tolerance"] = _text(cells, "误差") or None
    data["unit"] = _text(cells, "单位")


def _matching(cells: dict[str, Any], data: dict[str, Any]) -> None:
    data["pairs"], data["distractors"] = [], []
    for line in _lines(_text(cells, "答案")):
        sides = [_unescaped(side) for side in _split(line, "=", 1)]
        if len(sides) != 2:
            raise BadItem("答案", "bad_line", line=line[:60])
        if sides[0]:
            data["pairs"].append({"left": sides[0], "right": sides[1]})
        else:
            data["distractors"].append(sides[1])


def _ordering(cells: dict[str, Any], data: dict[str, Any]) -> None:
    data["sequence"] = [_unescaped(line) for line in _lines(_text(cells, "答案"))]


def _essay(cells: dict[str, Any], data: dict[str, Any]) -> None:
    data["reference"] = _text(cells, "答案")
    data["rubric"] = []
    for line in _lines(_text(cells, "评分要点")):
        found = re.match(r"\s*(\d+(?:\.\d+)?)\s*分\s*[:：]\s*(.+)", line)
        if not found:
            raise BadItem("评分要点", "bad_line", line=line[:60])
        data["rubric"].append({"points": found[1], "point": _unescaped(found[2])})


def _case(cells: dict[str, Any], data: dict[str, Any]) -> None:
    if _text(cells, "答案"):
        raise BadItem("答案", "not_for_kind", kind=KIND_WORDS[Kind.CASE])


_ANSWERS: dict[Kind, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    Kind.SINGLE: _options,
    Kind.MULTIPLE: _options,
    Kind.TRUEFALSE: _truefalse,
    Kind.BLANK: _blanks,
    Kind.NUMERIC: _numeric,
    Kind.MATCHING: _matching,
    Kind.ORDERING: _ordering,
    Kind.CASE: _case,
    Kind.ESSAY: _essay,
}


# --- writing --------------------------------------------------------------------------------------------------------------


def write(items: Sequence[Item]) -> Writing:
    """The template filled with questions; without any, the empty template. What does not come back from it is a loss."""
    data = _workbook(items)
    return Writing(data, losses(items, read(data).items) if items else [])


def _workbook(items: Sequence[Item]) -> bytes:
    most = max((len(question.options) for item in items for question in questions_of(item).values()), default=0)
    options = tuple(f"选项{letter}" for letter in LETTERS[: max(FEWEST_OPTION_COLUMNS, most)])
    columns = (*PLAIN_COLUMNS, *options, *LATER_COLUMNS)
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(SHEET)
    sheet.freeze_panes = "C2"
    for place, column in enumerate(columns):
        sheet.column_dimensions[_letters(place)].width = WIDTHS.get(column, 20 if column in options else 10)
    for column, words in _choices().items():
        validation = DataValidation(
            type="list", formula1=f'"{",".join(words)}"', allow_blank=True, showErrorMessage=False
        )
        validation.add(f"{_letters(columns.index(column))}2:{_letters(columns.index(column))}{MOST_ROWS}")
        sheet.data_validations.append(validation)
    sheet.append([_cell(sheet, column, heading=True) for column in columns])
    for cells in _table(items):
        sheet.append([_cell(sheet, cells.get(column, "")) for column in columns])
    notes = workbook.create_sheet("填写说明")
    notes.column_dimensions["A"].width = 110
    for line in HELP:
        notes.append([_cell(notes, line)])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _choices() -> dict[str, Iterable[str]]:
    kinds = list(KIND_WORDS.values()) + [
        PART_PREFIX + word for word in ("单选", "多选", "判断", "填空", "数值", "简答")
    ]
    return {
        "题型": kinds,
        "级别": LEVEL_WORDS.values(),
        "模块": MODULE_WORDS.values(),
        "难度": DIFFICULTY_WORDS.values(),
        "不乱序": (YES, NO),
    }


def _letters(place: int) -> str:
    return LETTERS[place] if place < 26 else LETTERS[place // 26 - 1] + LETTERS[place % 26]


def _cell(sheet: Any, text: str, *, heading: bool = False) -> Any:
    """A cell that holds text whatever it begins with, also after somebody has edited it (the quote prefix of Excel)."""
    cell = WriteOnlyCell(sheet, text or None)
    if text:
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@\t\r|%"
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    if heading:
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDE7F0")
    return cell


def _table(items: Sequence[Item]) -> Iterator[dict[str, str]]:
    for item in items:
        cells = _common(item) | {
            "编号": item.id,
            "级别": LEVEL_WORDS.get(item.level or 0, ""),
            "模块": MODULE_WORDS.get(item.module or "", item.module or ""),
            "难度": DIFFICULTY_WORDS[item.difficulty] if item.difficulty else "",
            "知识点": item.point,
            "出处": item.source,
            "互斥题": ", ".join(item.enemies),
        }
        yield cells
        for part in item.parts:
            cells = _common(part)
            yield cells | {"题型": PART_PREFIX + cells["题型"]}


def _common(question: Item | Part) -> dict[str, str]:
    cells = {
        "题型": KIND_WORDS[question.kind],
        "题干": question.text,
        "分值": f"{question.points:f}",
        "解析": question.explanation,
        "答案": _answer(question),
        "选项说明": "\n".join(
            f"{LETTERS[n]} = {_escaped(option.feedback)}"
            for n, option in enumerate(question.options)
            if option.feedback
        ),
        "不乱序": "" if question.shuffle else YES,
        "评分要点": "\n".join(f"{c.points:f} 分：{_escaped(c.point)}" for c in question.rubric),
    }
    if question.kind is Kind.NUMERIC:
        cells |= {"误差": f"{question.tolerance:f}", "单位": question.unit}
    return cells | {f"选项{LETTERS[n]}": option.text for n, option in enumerate(question.options)}


def _answer(question: Item | Part) -> str:
    if question.options:
        return "".join(LETTERS[n] for n, option in enumerate(question.options) if option.correct)
    if question.kind is Kind.TRUEFALSE:
        return "对" if question.answer else "错"
    if question.kind is Kind.BLANK:
        return "\n".join("|".join(_escaped(word) for word in blank.accepted) for blank in question.blanks)
    if question.kind is Kind.NUMERIC:
        return f"{question.value:f}"
    if isinstance(question, Item) and question.kind is Kind.MATCHING:
        pairs = [f"{_escaped(pair.left)} = {_escaped(pair.right)}" for pair in question.pairs]
        return "\n".join([*pairs, *(f"= {_escaped(choice.text)}" for choice in question.distractors)])
    if isinstance(question, Item) and question.kind is Kind.ORDERING:
        return "\n".join(_escaped(step.text) for step in question.sequence)
    return question.reference
