"""Our own YAML (``format: ttm-questions/1``): carries everything an :class:`Item` holds.

Read with PyYAML's safe loader only. Each question is built on its own, so one that is wrong does not stop the rest, and
its line is named. A key that occurs twice is refused: YAML would silently keep the last.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import yaml

from question_bank.formats.decoding import Undecodable, decode
from question_bank.formats.pictures import PREFIX, BadPicture, Shelf, addresses, renamed
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.items import BadItem, Item, given_ids
from question_bank.texts import texts_of

MARK = "ttm-questions/1"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(data: bytes) -> Reading:
    """Questions of a YAML file. See ``formats.read``."""
    try:
        text, notes = decode(data)
    except Undecodable as error:
        return Reading([], [error.refusal])
    try:
        reading = _read_document(_Loader(text))
        reading.notes += notes
        return reading
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        detail = getattr(error, "problem", None) or type(error).__name__
        return Reading([], [Refusal(where, "not_readable", values={"detail": detail})])
    except RecursionError:
        return Reading([], [Refusal("", "not_readable", values={"detail": "nested too deeply"})])


def _read_document(loader: Any) -> Reading:
    root = loader.get_single_node()
    entries = _entries(root)
    mark = entries.get("format")
    if mark is None or getattr(mark, "value", None) != MARK:
        return Reading([], [Refusal("line 1", "wrong_format_mark", values={"expected": MARK})])
    reading = Reading()
    for key in entries.keys() - {"format", "questions", "pictures"}:
        reading.refusals.append(Refusal("", "unknown_key", key))
    questions = entries.get("questions")
    if not isinstance(questions, yaml.SequenceNode) or not questions.value:
        reading.refusals.append(Refusal("", "no_questions"))
        return reading
    seen: dict[str, str] = {}
    met: set[int] = set()
    names = _pictures(entries.get("pictures"), reading)
    for node in questions.value:
        _read_question(loader, node, reading, seen, met, names)
    return reading


def _pictures(node: Any, reading: Reading) -> dict[str, str]:
    """Keep the pictures of the file; ``picture:name`` → the address it has with us."""
    if node is None:
        return {}
    shelf, names = Shelf(), {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        name, text = str(key.value), value.value if isinstance(value, yaml.ScalarNode) else ""
        try:
            names[PREFIX + name] = shelf.put_base64(name, text)
        except BadPicture as bad:
            where = f"line {key.start_mark.line + 1}"
            reading.notes.append(Refusal(where, bad.reason, values=bad.values))
    if not isinstance(node, yaml.MappingNode):
        reading.refusals.append(Refusal(f"line {node.start_mark.line + 1}", "not_mapping", "pictures"))
    reading.pictures = shelf.kept
    return names


def _entries(node: Any) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value}


def _read_question(
    loader: Any, node: Any, reading: Reading, seen: dict[str, str], met: set[int], names: Mapping[str, str]
) -> None:
    where = f"line {node.start_mark.line + 1}"
    named = _entries(node).get("id")
    if isinstance(named, yaml.ScalarNode):
        where += f" · {named.value[:64]}"
    try:
        _check_nodes(node, met)
        item = Item.from_dict(renamed(_stripped(loader.construct_document(node)), names))
    except BadItem as bad:
        reading.refusals.append(Refusal.of(where, bad))
        return
    except (yaml.YAMLError, ValueError) as error:  # a date that is none, a tag that is not allowed
        detail = getattr(error, "problem", None) or str(error)
        reading.refusals.append(Refusal(where, "not_readable", values={"detail": detail[:200]}))
        return
    if item.id in seen:
        reading.refusals.append(Refusal(where, "duplicate_id", "id", {"other": seen[item.id]}))
        return
    seen[item.id] = where
    reading.items.append(item)


def _check_nodes(node: Any, met: set[int], depth: int = 0) -> None:
    """Refuse keys given twice and aliases (a few lines of which can stand for gigabytes). Each node is met once."""
    if id(node) in met:
        raise BadItem("", "alias")
    met.add(id(node))
    if depth > 10:
        raise BadItem("", "not_readable", detail="nested too deeply")
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            _check_nodes(key, met, depth + 1)
            if str(key.value) in keys:
                raise BadItem(str(key.value)[:40], "duplicate_key")
            keys.add(str(key.value))
            _check_nodes(value, met, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_nodes(value, met, depth + 1)


def _stripped(value: Any) -> Any:
    """Texts without the white space around them (a literal block ends with a line break)."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [_stripped(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _stripped(entry) for key, entry in value.items()}
    return value


class _Dumper(yaml.SafeDumper):
    """Block style throughout, indented lists, long texts as literal blocks where YAML allows."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def write(items: Sequence[Item], pictures: Mapping[str, bytes] | None = None) -> Writing:
    """Questions as YAML. Nothing is lost."""
    document: dict[str, Any] = {"format": MARK, "questions": [_tidy(item) for item in items]}
    shown = [
        address
        for address in addresses(text for item in items for text in texts_of(item))
        if address in (pictures or {})
    ]
    if pictures and shown:
        document["pictures"] = {one.removeprefix(PREFIX): encodebytes(pictures[one]).decode() for one in shown}
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    return Writing(text.encode(), [])


def _tidy(item: Item) -> dict[str, Any]:
    """The JSON form without the ids that reading would give again, numbers as numbers."""
    data = item.to_dict()
    _drop_option_ids(data, item.id)
    for part in data.get("parts", []):
        _drop_option_ids(part, f"{item.id}/{part['id']}")
        _numbers(part)
    for criterion in data.get("rubric", []):
        _numbers(criterion)
    if [part["id"] for part in data.get("parts", [])] == [f"p{n + 1}" for n in range(len(data.get("parts", [])))]:
        for part in data.get("parts", []):
            del part["id"]
    if "sequence" in data:
        texts = [step["text"] for step in data["sequence"]]
        if [step["id"] for step in data["sequence"]] == given_ids(item.id, texts):
            data["sequence"] = texts
    _drop_pair_ids(data, item.id)
    _numbers(data)
    return data


def _drop_option_ids(data: dict[str, Any], salt: str) -> None:
    options = data.get("options", [])
    if [option["id"] for option in options] == given_ids(salt, [option["text"] for option in options]):
        for option in options:
            del option["id"]
    for criterion in data.get("rubric", []):
        _numbers(criterion)


def _drop_pair_ids(data: dict[str, Any], salt: str) -> None:
    pairs, loose = data.get("pairs", []), data.get("distractors", [])
    lefts, rights = [pair["left"] for pair in pairs], [pair["right"] for pair in pairs]
    right_ids = [pair["right_id"] for pair in pairs] + [choice["id"] for choice in loose]
    given = given_ids(f"{salt}/right", [*rights, *(choice["text"] for choice in loose)])
    if right_ids == given and [pair["left_id"] for pair in pairs] == given_ids(f"{salt}/left", lefts):
        for pair in pairs:
            del pair["left_id"], pair["right_id"]
        if loose:
            data["distractors"] = [choice["text"] for choice in loose]


def _numbers(data: dict[str, Any]) -> None:
    """Decimals as YAML numbers where these come back exactly as they are; else they stay quoted."""
    for key in ("points", "value", "tolerance"):
        written = data.get(key)
        if not isinstance(written, str):
            continue
        if written.lstrip("-").isdigit() and str(int(written)) == written:
            data[key] = int(written)
        elif "E" not in written and str(float(written)) == written and Decimal(written) == Decimal(str(float(written))):
            data[key] = float(written)
