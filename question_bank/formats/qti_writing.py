"""A question as an assessmentItem, with the names of QTI 2.x (``qti_versions`` turns them into those of 3.0).

What other tools read is written plainly: standard interactions, one correctResponse, the standard template where its marks are
ours. Marks for ourselves are class names (``ttm-…``), which other tools pass over. Where a template would not give our marks
(points other than 1, several gaps, parts of a case), the rule is written out with match, equal, mapResponse and sum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, localcontext

from question_bank.formats.html_markdown import BLOCKS, to_nodes
from question_bank.formats.qti_reading import CLASS_PART, CLASS_REFERENCE, CLASS_UNIT, PREFIXES
from question_bank.formats.qti_versions import XSI, Version, in_version
from question_bank.formats.xml_nodes import Node, element, render
from question_bank.items import Item, Kind, Part, choices_of

_MARK = re.compile(r"\[\[(\d{1,3})\]\]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
LONGEST_TITLE = 60


def assessment_item(item: Item, version: Version) -> str:
    """The item as an XML document."""
    root = in_version(_Writing(item, version).root(), version)
    root.attributes = {
        "xmlns": version.item,
        "xmlns:xsi": XSI,
        "xsi:schemaLocation": f"{version.item} {version.item_xsd}",
        **root.attributes,
    }
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{render(root)}\n'


def identifier(name: str) -> str:
    """An id as an XML name (the metadata keep the id itself)."""
    name = name.replace(":", "_")
    return name if re.match(r"[A-Za-z_]", name) else f"i{name}"


def shown_title(text: str) -> str:
    """The first words of a stem."""
    words = " ".join(_MARK.sub("＿＿", element("div", None, *to_nodes(text)).text).split())
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"


def interactions_of(item: Item) -> list[str]:
    kinds = [part.kind for part in item.parts] if item.kind is Kind.CASE else [item.kind]
    return list(dict.fromkeys(_INTERACTION[kind] for kind in kinds))


_INTERACTION = {
    Kind.SINGLE: "choiceInteraction",
    Kind.MULTIPLE: "choiceInteraction",
    Kind.TRUEFALSE: "choiceInteraction",
    Kind.BLANK: "textEntryInteraction",
    Kind.NUMERIC: "textEntryInteraction",
    Kind.MATCHING: "matchInteraction",
    Kind.ORDERING: "orderInteraction",
    Kind.ESSAY: "extendedTextInteraction",
}


def _float(value: Decimal) -> Node:
    return element("baseValue", {"baseType": "float"}, str(value))


def _variable(name: str) -> Node:
    return element("variable", {"identifier": name})


def _set(name: str, value: Node) -> Node:
    return element("setOutcomeValue", {"identifier": name}, value)


def _share(points: Decimal, count: int) -> str:
    with localcontext(prec=28):
        share = points / count
        return str(points if count == 1 else share.quantize(Decimal("1e-9")).normalize() or share)


def _in_blocks(nodes: Sequence[Node | str]) -> list[Node | str]:
    """Text and inline elements put into paragraphs: a body holds blocks only."""
    made: list[Node | str] = []
    line: Node | None = None
    for node in nodes:
        if isinstance(node, Node) and node.name in BLOCKS:
            made.append(node)
            line = None
        elif line is None:
            line = element("p", None, node)
            made.append(line)
        else:
            line.children.append(node)
    return made


class _Writing:
    def __init__(self, item: Item, version: Version) -> None:
        self.item, self.version = item, version
        self.responses: list[Node] = []
        self.outcomes: list[Node] = []
        self.rules: list[Node] = []
        self.template = ""
        self.has_essay = False

    def root(self) -> Node:
        item = self.item
        body = self.case() if item.kind is Kind.CASE else self.ask(item, "")
        score = {"identifier": "SCORE", "cardinality": "single", "baseType": "float", "normalMaximum": str(item.points)}
        if self.has_essay and self.version.kebab:
            score["externalScored"] = "human"
        modal = []
        if (
            item.explanation
        ):  # shown after an attempt unless SOLUTION says "hidden", which it never does: no rule is needed
            self.outcome("SOLUTION", "single", "identifier")
            about = {"outcomeIdentifier": "SOLUTION", "identifier": "hidden", "showHide": "hide"}
            modal.append(element("modalFeedback", about, *_in_blocks(to_nodes(item.explanation))))
        processing = []
        if self.template:
            processing.append(element("responseProcessing", {"template": self.version.templates % self.template}))
        elif self.rules:
            processing.append(element("responseProcessing", None, *self.rules))
        maximum = {"identifier": "MAXSCORE", "cardinality": "single", "baseType": "float"}
        attributes = {
            "identifier": identifier(item.id),
            "title": shown_title(item.text),
            "adaptive": "false",
            "timeDependent": "false",
        }
        if _CHINESE.search(item.text):
            attributes["xml:lang"] = "zh-CN"
        return element(
            "assessmentItem",
            attributes,
            *self.responses,
            element("outcomeDeclaration", score, element("defaultValue", None, element("value", None, "0"))),
            element("outcomeDeclaration", maximum,
                    element("defaultValue", None, element("value", None, str(item.points)))),
            *self.outcomes,
            element("itemBody", None, *body),
            *processing,
            *modal,
        )  # fmt: skip

    def outcome(self, name: str, cardinality: str, base_type: str, maximum: Decimal | None = None) -> None:
        attributes = {"identifier": name, "cardinality": cardinality, "baseType": base_type}
        default = []
        if maximum is not None:
            attributes["normalMaximum"] = str(maximum)
            default = [element("defaultValue", None, element("value", None, "0"))]
        if all(node.attributes["identifier"] != name for node in self.outcomes):
            self.outcomes.append(element("outcomeDeclaration", attributes, *default))

    def declare(
        self,
        name: str,
        cardinality: str,
        base_type: str,
        correct: Sequence[str] = (),
        mapping: Sequence[str] = (),
        each: str = "",
    ) -> None:
        children = []
        if correct:
            children.append(element("correctResponse", None, *(element("value", None, value) for value in correct)))
        if mapping:
            text = {"caseSensitive": "false"} if base_type == "string" else {}
            entries = [
                element("mapEntry", {"mapKey": key, "mappedValue": each, **text}) for key in dict.fromkeys(mapping)
            ]
            children.append(element("mapping", {"defaultValue": "0"}, *entries))
        about = {"identifier": name, "cardinality": cardinality, "baseType": base_type}
        self.responses.append(element("responseDeclaration", about, *children))

    # --- cases

    def case(self) -> list[Node | str]:
        body = _in_blocks(to_nodes(self.item.text))
        scores = []
        for part in self.item.parts:
            mine = f"{CLASS_PART}-{part.id}"
            score = f"SCORE_{part.id}"
            self.outcome(score, "single", "float", part.points)
            scores.append(_variable(score))
            asked = self.ask(part, f"_{part.id}")
            beside = [node for node in asked if isinstance(node, Node) and node.name == "rubricBlock"]
            within = [node for node in asked if node not in beside]
            about = {"id": f"part-{part.id}", "class": f"{CLASS_PART} ttm-{part.kind.value}"}
            body.append(element("div", about, *within))
            for node in beside:
                node.attributes["class"] = mine
            body += beside
            if part.explanation:
                self.outcome("SOLUTION", "single", "identifier")
                about = {"outcomeIdentifier": "SOLUTION", "identifier": "shown", "showHide": "show", "class": mine}
                body.append(element("feedbackBlock", about, *_in_blocks(to_nodes(part.explanation))))
        if any(part.explanation for part in self.item.parts):
            self.rules.append(_set("SOLUTION", element("baseValue", {"baseType": "identifier"}, "shown")))
        total = sum((part.points for part in self.item.parts), Decimal(0))
        earned = element("sum", None, *scores)
        if total != self.item.points:
            whole = element("divide", None, _float(self.item.points), _float(total))
            earned = element("product", None, earned, whole)
        self.rules.append(_set("SCORE", earned))
        return body

    # --- one question

    def ask(self, question: Item | Part, suffix: str) -> list[Node | str]:
        return getattr(self, f"_{question.kind.value}")(question, suffix)

    def earn(
        self, question: Item | Part, suffix: str, condition: Node | None = None, mapped: Sequence[str] = ()
    ) -> None:
        """The points of a question: all of them where a condition holds, or what its mappings give."""
        if not suffix and not self.rules and len(self.responses) == 1:
            if mapped:
                self.template = "map_response"
                return
            if condition is not None and condition.name == "match" and question.points == 1:
                self.template = "match_correct"
                return
        score = f"SCORE{suffix}"
        if condition is None:
            self.rules.append(
                _set(score, element("sum", None, *(element("mapResponse", {"identifier": name}) for name in mapped)))
            )
            return
        branch = element("responseIf", None, condition, _set(score, _float(question.points)))
        self.rules.append(element("responseCondition", None, branch))

    def _match(self, name: str) -> Node:
        return element("match", None, _variable(name), element("correct", {"identifier": name}))

    def _choice(
        self, question: Item | Part, suffix: str, rows: Sequence[tuple[str, str, bool, str]]
    ) -> list[Node | str]:
        """Rows: identifier, text, correct, feedback."""
        name = f"RESPONSE{suffix}"
        many = question.kind is Kind.MULTIPLE
        cardinality = "multiple" if many else "single"
        self.declare(name, cardinality, "identifier", [key for key, _, correct, _ in rows if correct])
        choices = []
        for key, text, _, feedback in rows:
            children = list(to_nodes(text))
            if feedback:
                told = to_nodes(feedback)
                blocks = any(isinstance(node, Node) and node.name in BLOCKS for node in told)
                about = {"outcomeIdentifier": f"FEEDBACK{suffix}", "identifier": key, "showHide": "show"}
                children.append(element("feedbackBlock" if blocks else "feedbackInline", about, *told))
            choices.append(element("simpleChoice", {"identifier": key}, *children))
        if any(row[3] for row in rows):
            self.outcome(f"FEEDBACK{suffix}", cardinality, "identifier")
            self.rules.append(_set(f"FEEDBACK{suffix}", _variable(name)))
        shuffle = "true" if question.shuffle and question.kind is not Kind.TRUEFALSE else "false"
        about = {"responseIdentifier": name, "shuffle": shuffle, "maxChoices": "0" if many else "1"}
        self.earn(question, suffix, self._match(name))
        return [*_in_blocks(to_nodes(question.text)), element("choiceInteraction", about, *choices)]

    def _single(self, question: Item | Part, suffix: str) -> list[Node | str]:
        rows = [
            (PREFIXES["option"] + option.id, option.text, option.correct, option.feedback)
            for option in question.options
        ]
        return self._choice(question, suffix, rows)

    _multiple = _single

    def _truefalse(self, question: Item | Part, suffix: str) -> list[Node | str]:
        yes, no = ("对", "错") if _CHINESE.search(question.text) else ("True", "False")
        rows = [("true", yes, question.answer is True, ""), ("false", no, question.answer is False, "")]
        return self._choice(question, suffix, rows)

    def _blank(self, question: Item | Part, suffix: str) -> list[Node | str]:
        count = len(question.blanks)
        names = [f"RESPONSE{suffix}" if count == 1 else f"RESPONSE{suffix}_{n}" for n in range(1, count + 1)]
        entries: dict[str, Node] = {}
        for number, (name, blank) in enumerate(zip(names, question.blanks, strict=True), start=1):
            self.declare(name, "single", "string", blank.accepted[:1], blank.accepted, _share(question.points, count))
            length = str(max(map(len, blank.accepted)) + 2)
            about = {"responseIdentifier": name, "expectedLength": length}
            entries[str(number)] = element("textEntryInteraction", about)
        self.earn(question, suffix, mapped=names)
        body = element("div", None, *_in_blocks(to_nodes(question.text)))
        if _placed(body, entries) != count:  # a mark inside of a link, a code …: then the text as it is written
            body = element("div", None, element("p", None, question.text))
            _placed(body, entries)
        return list(body.children)

    def _numeric(self, question: Item | Part, suffix: str) -> list[Node | str]:
        name = f"RESPONSE{suffix}"
        self.declare(name, "single", "float", [str(question.value)])
        condition = self._match(name)
        if question.tolerance:
            about = {"toleranceMode": "absolute", "tolerance": f"{question.tolerance} {question.tolerance}"}
            condition = element("equal", about, _variable(name), element("correct", {"identifier": name}))
        self.earn(question, suffix, condition)
        line: list[Node | str] = [element("textEntryInteraction", {"responseIdentifier": name, "expectedLength": "20"})]
        if question.unit:
            line += [" ", element("span", {"class": CLASS_UNIT}, question.unit)]
        return [*_in_blocks(to_nodes(question.text)), element("p", None, *line)]

    def _essay(self, question: Item | Part, suffix: str) -> list[Node | str]:
        name = f"RESPONSE{suffix}"
        self.has_essay = True
        self.declare(name, "single", "string")
        told: list[Node | str] = []
        if question.rubric:
            lines = [element("li", None, f"{one.points} 分：", *to_nodes(one.point)) for one in question.rubric]
            told.append(element("ul", None, *lines))
        if question.reference:
            told.append(element("div", {"class": CLASS_REFERENCE}, *_in_blocks(to_nodes(question.reference))))
        asked = element("extendedTextInteraction", {"responseIdentifier": name, "expectedLines": "10"})
        rubric = [element("rubricBlock", {"view": "scorer"}, *told)] if told else []
        return [*_in_blocks(to_nodes(question.text)), asked, *rubric]

    def _matching(self, item: Item, suffix: str) -> list[Node | str]:
        name = f"RESPONSE{suffix}"
        lefts = {PREFIXES["left"] + pair.left_id: pair.left for pair in item.pairs}
        rights = {PREFIXES["right"] + key: text for key, text in choices_of(item).items()}
        pairs = [f"{PREFIXES['left']}{pair.left_id} {PREFIXES['right']}{pair.right_id}" for pair in item.pairs]
        self.declare(name, "multiple", "directedPair", pairs, pairs, _share(item.points, len(pairs)))
        sets = [
            element("simpleMatchSet", None, *(
                element("simpleAssociableChoice", {"identifier": key, "matchMax": most}, *to_nodes(text))
                for key, text in side.items()
            ))
            for side, most in ((lefts, "1"), (rights, "0"))
        ]  # fmt: skip
        about = {"responseIdentifier": name, "shuffle": "true", "maxAssociations": str(len(pairs))}
        self.earn(item, suffix, mapped=[name])
        return [*_in_blocks(to_nodes(item.text)), element("matchInteraction", about, *sets)]

    def _ordering(self, item: Item, suffix: str) -> list[Node | str]:
        name = f"RESPONSE{suffix}"
        self.declare(name, "ordered", "identifier", [PREFIXES["step"] + step.id for step in item.sequence])
        steps = [  # in the order of ids, which says nothing: not every player shuffles
            element("simpleChoice", {"identifier": PREFIXES["step"] + step.id}, *to_nodes(step.text))
            for step in sorted(item.sequence, key=lambda step: step.id)
        ]
        self.earn(item, suffix, self._match(name))
        about = {"responseIdentifier": name, "shuffle": "true"}
        return [*_in_blocks(to_nodes(item.text)), element("orderInteraction", about, *steps)]


def _placed(node: Node, entries: dict[str, Node]) -> int:
    """Put the entries where their marks stand; how many were put."""
    count = 0
    children: list[Node | str] = []
    for child in node.children:
        if isinstance(child, Node):
            count += _placed(child, entries)
            children.append(child)
            continue
        for place, piece in enumerate(_MARK.split(child)):
            if place % 2 == 0:
                children += [piece] if piece else []
            elif str(int(piece)) in entries:
                children.append(entries[str(int(piece))])
                count += 1
            else:
                children.append(f"[[{piece}]]")
    node.children[:] = children
    return count
