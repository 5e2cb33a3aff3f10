"""Moodle's XML, as ``qformat_xml`` reads and writes it.

``<quiz>`` holds ``<question type="…">`` elements: ``multichoice`` (``<single>``), ``truefalse``, ``shortanswer``, ``numerical``, ``matching``, ``essay``,
``ordering``, ``cloze`` (:mod:`question_bank.formats.cloze`) and ``category``, which holds for what follows. Other types are refused by name. Texts may be
HTML, Markdown, plain or Moodle's mixture. ``<idnumber>`` is the id, ``<defaultgrade>`` the points, ``<generalfeedback>`` the explanation, ``<graderinfo>`` the
reference answer and, below the line 评分要点：, the rubric; tags hold the rest (:mod:`question_bank.formats.labels`).

Ours go out in Markdown, a 填空 and a case as cloze. There is no form for cases with essays. Pictures go along as ``<file>`` beside the text
that shows them (``@@PLUGINFILE@@``).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from question_bank.formats import labels, markup
from question_bank.formats.carrying import carried
from question_bank.formats.cloze import blanks_as_cloze, case_as_cloze, read_cloze
from question_bank.formats.decoding import Undecodable, decode_xml
from question_bank.formats.labels import Category
from question_bank.formats.moodle import (
    AUTO,
    HTML,
    MARKDOWN,
    PLAIN,
    Weighted,
    accepted,
    markdown_of,
    set_number,
    set_options,
    weight_of,
    weights_for,
    words_of,
)
from question_bank.formats.pictures import addresses, file_name
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.formats.taking import Full, Notes, Taking
from question_bank.formats.xml_nodes import Node, XmlRefused, parse
from question_bank.items import BadItem, Criterion, Item, Kind

MOST_ELEMENTS = 2_000_000
RUBRIC = "评分要点："
_FORMATS = {"html": HTML, "markdown": MARKDOWN, "plain_text": PLAIN, "moodle_auto_format": AUTO, "wiki_like": PLAIN}
_TEXT_WITH_PICTURE = re.compile(r"<text>([^<]*picture:[^<]*)</text>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CRITERION = re.compile(r"(?:\\?[-+]|\*) (\d+(?:\.\d+)?) ?分[：:] ?(.+)")
#: What Moodle fills in by itself.
_STANDARD = frozenset(
    {
        "Your answer is correct.",
        "Your answer is partially correct.",
        "Your answer is incorrect.",
        "回答正确。",
        "部分正确。",
        "回答错误。",
    }
)
_REMARKS = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback", "responsetemplate", "instructions")
#: Elements that are read somewhere.
_KNOWN = frozenset(
    "name questiontext generalfeedback defaultgrade idnumber tags coursetags answer subquestion units single shuffleanswers "
    "graderinfo hint image image_base64".split()
) | set(_REMARKS)
#: Settings with the values that say what holds here anyway, or that concern the look of Moodle's pages alone.
_SETTINGS = {
    "penalty": {"0", "1", "0.1", "0.33", "0.333", "0.3333", "0.33333", "0.333333", "0.3333333"},
    "hidden": {"0"},
    "usecase": {"0"},
    "answernumbering": {"abc", "ABCD", "none", "123"},
    "showstandardinstruction": {"0", "1"},
    "responseformat": {"editor", "plain"},
    "responserequired": {"0", "1"},
    "attachments": {"0"},
    "attachmentsrequired": {"0"},
    "maxbytes": {"0"},
    "unitgradingtype": {"0"},
    "unitpenalty": {"0", "0.1"},
    "showunits": {"0", "3"},
    "unitsleft": {"0"},
    "layouttype": {"VERTICAL", "HORIZONTAL", "0", "1"},
    "selecttype": {"ALL", "0"},
    "selectcount": {"0"},
    "gradingtype": {"RELATIVE_NEXT_EXCLUDE_LAST"},
    "showgrading": {"SHOW", "HIDE", "0", "1"},
    "numberingstyle": {"none", "abc", "ABCD", "123", "iii", "IIII"},
}
_UNIMPORTANT = frozenset({"responsefieldlines", "shownumcorrect", "clearwrong"})


# --- reading ------------------------------------------------------------------------------------------------------------


def read(data: bytes) -> Reading:
    """Questions of a Moodle XML file. See ``formats.read``."""
    try:
        text, notes = decode_xml(data)
    except Undecodable as error:
        return Reading([], [error.refusal])
    return _read_text(text, notes)


def _read_text(text: str, notes: Sequence[Refusal] = ()) -> Reading:
    taking = Taking(notes)
    root: Node | None
    try:
        root = parse(text, namespaces=False, most_nodes=MOST_ELEMENTS)
    except XmlRefused as error:
        root = error.root
        where = f"line {error.line}" if error.line else ""
        taking.reading.refusals.append(Refusal(where, error.reason, "", error.values))
    if root is not None and root.name != "quiz":
        taking.refuse(f"line {root.line}", "wrong_root", expected="quiz")
    elif root is not None:
        _read_quiz(root, taking)
    return taking.done()


def _read_quiz(root: Node, taking: Taking) -> None:
    category = Category()
    try:
        for node in root.nodes:
            if node.name != "question":
                taking.refuse(f"line {node.line}", "unknown_key", f"<{node.name[:40]}>")
            elif node.attributes.get("type") == "category":
                category = Category.of(node.words("category", "text"))
                if node.words("info", "text"):
                    note = Refusal(f"line {node.line}", "note_category", "", {"text": node.words("info", "text")[:200]})
                    taking.reading.notes.append(note)
            else:
                taking.meet()
                _take(node, category, taking)
    except Full:
        pass


def _take(node: Node, category: Category, taking: Taking) -> None:
    where = f"line {node.line}"
    notes = Notes(taking.shelf)
    data: dict[str, Any] = {}
    type = node.attributes.get("type", "").strip()
    name = node.words("name", "text")
    try:
        for part in node.walk():
            if _CONTROL.search(part.own):
                raise BadItem(part.name, "control_character")
        labels.set_id(data, node.words("idnumber"), notes)
        where += f" · {data['id']}" if "id" in data else f" · {' '.join(name.split())[:40]}" if name else ""
        notes.names = int(bool(name) and name != data.get("id"))
        if type == "description":
            raise BadItem("", "not_a_question")
        if type not in _READERS:
            raise BadItem("type", "kind_not_taken", kind=type[:40])
        _read_common(node, data, notes)
        _READERS[type](node, _form(node), data, notes)
        tags = [tag.words("text") for group in ("tags", "coursetags") for t in node.all(group) for tag in t.all("tag")]
        labels.set_tags(data, tags, notes)
        category.fill(data, notes)
    except BadItem as bad:
        taking.reading.refusals.append(Refusal.of(where, bad))
        return
    taking.take(where, data, notes)


def _form(node: Node) -> str:
    words = node.first("questiontext")
    return _format(words, HTML)


def _format(node: Node | None, otherwise: str) -> str:
    return otherwise if node is None else _FORMATS.get(node.attributes.get("format", "").strip(), otherwise)


def _markdown(node: Node | None, otherwise: str, notes: Notes, field: str) -> str:
    if node is None:
        return ""
    notes.files = _files(node)
    return markdown_of(node.words("text"), _format(node, otherwise), notes, field)


def _files(node: Node) -> dict[str, str]:
    """Files beside a text: path and name → base64."""
    found = {}
    for file in node.all("file"):
        encoding = file.attributes.get("encoding", "base64")
        if encoding == "base64":
            path = file.attributes.get("path", "/").strip("/")
            found[f"{path}/{file.attributes.get('name', '')}".lstrip("/")] = file.own
    return found


def _words(node: Node | None, otherwise: str, notes: Notes, field: str) -> str:
    if node is None:
        return ""
    return words_of(node.words("text"), _format(node, otherwise), notes, field)


def _read_common(node: Node, data: dict[str, Any], notes: Notes) -> None:
    form = _form(node)
    data["text"] = _markdown(node.first("questiontext"), HTML, notes, "text")
    data["explanation"] = _markdown(node.first("generalfeedback"), form, notes, "explanation")
    if node.words("image"):
        notes.add("note_picture", "text", name=node.words("image"))
    _read_points(node.words("defaultgrade"), data, notes)
    for hint in node.all("hint"):
        words = _words(hint, form, notes, "hint") or _words(hint.first("hintcontent"), form, notes, "hint")
        if words:
            notes.add("note_text", "hint", text=words)
    for name in _REMARKS:
        words = _words(node.first(name), form, notes, name)
        if words in _STANDARD:
            notes.setting(name)
        elif words:
            notes.add("note_text", name, text=words)
    for child in node.nodes:
        value = child.own.strip()
        value = value.rstrip("0").rstrip(".") or "0" if "." in value else value
        if value and child.name not in _KNOWN | _UNIMPORTANT and value not in _SETTINGS.get(child.name, ()):
            notes.setting(child.name[:40])


def _read_points(written: str, data: dict[str, Any], notes: Notes) -> None:
    if not written:
        return
    if re.search(r"\.\d{6,}\Z", written):  # Moodle writes 2.0000000
        written = written.rstrip("0").rstrip(".")
    if labels.is_points(written):
        data["points"] = written
    else:
        notes.add("note_points", "points", points=written)


def _weight(answer: Node) -> Decimal:
    return weight_of(answer.attributes.get("fraction", "0").strip() or "0")


def _yes(written: str, otherwise: bool) -> bool:
    return otherwise if not written else written not in ("false", "0")


def _read_multichoice(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    single = _yes(node.words("single"), True)
    data["kind"] = (Kind.SINGLE if single else Kind.MULTIPLE).value
    data["shuffle"] = _yes(node.words("shuffleanswers"), False)
    rows = [
        Weighted(
            _markdown(answer, form, notes, f"options[{n}].text"),
            _weight(answer),
            _words(answer.first("feedback"), form, notes, f"options[{n}].feedback"),
        )
        for n, answer in enumerate(node.all("answer"))
    ]
    set_options(data, rows, notes)


def _read_truefalse(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.TRUEFALSE.value
    for n, answer in enumerate(node.all("answer")):
        word = answer.words("text")
        if word not in ("true", "false"):  # old files hold the words of their language, true first
            word = "true" if n == 0 else "false"
        data["answer"] = (_weight(answer) == 100) is (word == "true")
        feedback = _words(answer.first("feedback"), form, notes, "answer")
        if feedback:
            notes.add("note_feedback", "answer", text=feedback)


def _read_shortanswer(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.BLANK.value
    rows = [
        Weighted(answer.words("text"), _weight(answer), _words(answer.first("feedback"), form, notes, "blanks[0]"))
        for answer in node.all("answer")
    ]
    data["blanks"] = [accepted(rows, notes)]
    # Moodle shows the field where five or more underscores stand, else below.
    gap = re.compile(r"_{5,}|(?:\\_){5,}")
    if gap.search(data["text"]):
        data["text"] = gap.sub("[[1]]", data["text"], count=1)
    else:
        data["text"] += "\n\n[[1]]"


def _read_numerical(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.NUMERIC.value
    rows = []
    for answer in node.all("answer"):
        weight = _weight(answer)
        if answer.words("fraction"):
            weight = weight_of(answer.words("fraction")) * 100
        feedback = _words(answer.first("feedback"), form, notes, "value")
        number = answer.words("text") or answer.own.strip()
        rows.append(Weighted(number, weight, feedback, answer.words("tolerance")))
    set_number(data, rows, notes)
    units = [unit for group in node.all("units") for unit in group.all("unit")]
    own = next((u for u in units if weight_of(u.words("multiplier"), Decimal(1)) == 1), None)
    if own is not None and own.words("unit_name"):
        data["unit"] = own.words("unit_name")
    for unit in units:
        if unit is not own:
            notes.add("note_unit", "unit", unit=f"{unit.words('unit_name')} × {unit.words('multiplier')}")


def _read_matching(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.MATCHING.value
    data["pairs"], data["distractors"] = [], []
    if not _yes(node.words("shuffleanswers"), True):
        notes.setting("shuffleanswers")
    for n, pair in enumerate(node.all("subquestion")):
        left = _markdown(pair, form, notes, f"pairs[{n}].left")
        right = markup.from_plain(pair.words("answer", "text"))
        if left:
            data["pairs"].append({"left": left, "right": right})
        else:
            data["distractors"].append(right)


def _read_essay(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.ESSAY.value
    told = _markdown(node.first("graderinfo"), form, notes, "reference")
    reference, mark, below = told.rpartition(RUBRIC)
    rows = below.strip().removeprefix("\\\n").replace("\\\n", "\n").split("\n")
    lines = [_CRITERION.fullmatch(row.strip()) for row in rows]
    if mark and (not reference or reference.endswith("\n")) and all(lines):
        data["reference"] = reference.strip()
        data["rubric"] = [{"points": found[1], "point": _unescaped(found[2])} for found in lines if found]
    else:
        data["reference"] = told


def _read_ordering(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["kind"] = Kind.ORDERING.value
    answers = node.all("answer")
    places = [_weight(answer) for answer in answers]
    if len(set(places)) == len(places) and all(place > 0 for place in places):
        answers = [answer for _, answer in sorted(zip(places, answers, strict=True), key=lambda pair: pair[0])]
    data["sequence"] = [_markdown(answer, form, notes, f"sequence[{n}]") for n, answer in enumerate(answers)]
    for n, answer in enumerate(answers):
        feedback = _words(answer.first("feedback"), form, notes, f"sequence[{n}]")
        if feedback and not feedback.isdigit():
            notes.add("note_feedback", f"sequence[{n}]", text=feedback)


def _read_cloze(node: Node, form: str, data: dict[str, Any], notes: Notes) -> None:
    data.pop("points", None)  # its gaps say
    before = [told for told in notes.told if told[1] != "text"]
    notes.told = before  # the words are converted again, without the gaps
    words = node.first("questiontext")
    if node.words("image"):
        notes.add("note_picture", "text", name=node.words("image"))
    notes.files = _files(words) if words else {}
    read_cloze(words.words("text") if words else "", form, data, notes)


_READERS: dict[str, Callable[[Node, str, dict[str, Any], Notes], None]] = {
    "multichoice": _read_multichoice,
    "truefalse": _read_truefalse,
    "shortanswer": _read_shortanswer,
    "numerical": _read_numerical,
    "matching": _read_matching,
    "match": _read_matching,
    "essay": _read_essay,
    "ordering": _read_ordering,
    "cloze": _read_cloze,
    "multianswer": _read_cloze,
}


# --- writing ------------------------------------------------------------------------------------------------------------


def write(items: Sequence[Item], pictures: Mapping[str, bytes] | None = None) -> Writing:
    """Questions as Moodle XML. One that has no form there is left out and named in the losses."""

    def made(item: Item) -> str | None:
        text = _written(item)
        return text and _with_files(text, pictures or {})

    written, losses = carried(items, made, lambda text: _read_text(f"<quiz>{text}</quiz>"))
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n{"".join(written)}</quiz>\n'
    return Writing(text.encode(), losses)


def _with_files(xml: str, pictures: Mapping[str, bytes]) -> str:
    """Each text that shows pictures with these beside it, as Moodle keeps them."""

    def beside(found: re.Match[str]) -> str:
        shown = [address for address in addresses([found[1]]) if address in pictures]
        text, files = found[1], ""
        for address in shown:
            name = file_name(pictures[address])
            text = text.replace(address, f"@@PLUGINFILE@@/{name}")
            files += f'<file name="{name}" path="/" encoding="base64">{b64encode(pictures[address]).decode()}</file>'
        return f"<text>{text}</text>{files}"

    return _TEXT_WITH_PICTURE.sub(beside, xml)


def _x(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _text(tag: str, text: str, form: str = "markdown", more: str = "", attributes: str = "") -> str:
    named = f' format="{form}"' if form else ""
    return f"    <{tag}{attributes}{named}><text>{_x(text)}</text>{more}</{tag}>\n"


def _written(item: Item) -> str | None:
    words: str | None = item.text
    cloze = item.kind in (Kind.BLANK, Kind.CASE)
    standard = Decimal(1)
    if item.kind is Kind.BLANK:
        words, standard = blanks_as_cloze(item), Decimal(len(item.blanks))
    elif item.kind is Kind.CASE:
        words, standard = case_as_cloze(item), sum((part.points for part in item.parts), Decimal(0))
    if words is None:
        return None
    type, body = _WRITERS[item.kind](item)
    tags = [tag for tag in labels.tags_of(item, points=False, unit=False) if tag != "shuffle:no" or not item.options]
    if cloze and str(item.points) != str(standard):
        tags.append(f"points:{item.points}")
    written = f'  <question type="{type}">\n' + _text("name", item.id, "") + _text("questiontext", words)
    written += _text("generalfeedback", item.explanation)
    if not cloze:
        written += f"    <defaultgrade>{item.points}</defaultgrade>\n"
    written += f"    <penalty>0</penalty>\n    <hidden>0</hidden>\n    <idnumber>{_x(item.id)}</idnumber>\n{body}"
    if tags:
        written += "    <tags>" + "".join(f"<tag><text>{_x(tag)}</text></tag>" for tag in tags) + "</tags>\n"
    return written + "  </question>\n"


def _answer(text: str, fraction: str, form: str = "markdown", more: str = "", feedback: str = "") -> str:
    if feedback:
        more += f'<feedback format="plain_text"><text>{_x(feedback)}</text></feedback>'
    return _text("answer", text, form, more, f' fraction="{fraction}"')


def _choices(item: Item) -> tuple[str, str]:
    single = item.kind is Kind.SINGLE
    correct = [option.correct for option in item.options]
    weights = ["100" if right else "0" for right in correct] if single else weights_for(correct)
    body = f"    <single>{str(single).lower()}</single>\n    <shuffleanswers>{str(item.shuffle).lower()}</shuffleanswers>\n"
    for option, weight in zip(item.options, weights, strict=True):
        body += _answer(option.text, weight, feedback=option.feedback)
    return "multichoice", body


def _truefalse(item: Item) -> tuple[str, str]:
    right = ["100", "0"] if item.answer else ["0", "100"]
    return "truefalse", "".join(_answer(word, w, "") for word, w in zip(("true", "false"), right, strict=True))


def _numeric(item: Item) -> tuple[str, str]:
    body = _answer(str(item.value), "100", "", f"<tolerance>{item.tolerance}</tolerance>")
    if item.unit:
        body += f"    <units><unit><multiplier>1</multiplier><unit_name>{_x(item.unit)}</unit_name></unit></units>\n"
    return "numerical", body


def _matching(item: Item) -> tuple[str, str]:
    sides = [(pair.left, pair.right) for pair in item.pairs] + [("", choice.text) for choice in item.distractors]
    body = "    <shuffleanswers>true</shuffleanswers>\n"
    for left, right in sides:
        words = markup.plain(right)
        right = right if words is None else words
        body += _text("subquestion", left, more=f"<answer><text>{_x(right)}</text></answer>")
    return "matching", body


def _ordering(item: Item) -> tuple[str, str]:
    body = "".join(_answer(step.text, str(n)) for n, step in enumerate(item.sequence, start=1))
    settings = {"layouttype": "VERTICAL", "selecttype": "ALL", "selectcount": "0", "gradingtype": "RELATIVE_NEXT_EXCLUDE_LAST",
                "showgrading": "SHOW", "numberingstyle": "none"}  # fmt: skip
    return "ordering", "".join(f"    <{name}>{value}</{name}>\n" for name, value in settings.items()) + body


def _essay(item: Item) -> tuple[str, str]:
    told = [item.reference] if item.reference else []
    if item.rubric:
        told.append("\n".join([RUBRIC, *map(_criterion, item.rubric)]))
    return "essay", _text("graderinfo", "\n\n".join(told))


def _criterion(criterion: Criterion) -> str:
    return f"- {criterion.points:f} 分：{_escaped(criterion.point)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\n])", lambda found: "\n" if found[1] == "n" else "\\", text)


_WRITERS: dict[Kind, Callable[[Item], tuple[str, str]]] = {
    Kind.SINGLE: _choices,
    Kind.MULTIPLE: _choices,
    Kind.TRUEFALSE: _truefalse,
    Kind.BLANK: lambda item: ("cloze", ""),
    Kind.CASE: lambda item: ("cloze", ""),
    Kind.NUMERIC: _numeric,
    Kind.MATCHING: _matching,
    Kind.ORDERING: _ordering,
    Kind.ESSAY: _essay,
}
