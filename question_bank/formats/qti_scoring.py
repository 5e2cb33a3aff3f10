"""What a QTI item declares about its answers, and by what rule it marks them.

The standard templates (match_correct, map_response) are known by their addresses in 2.x and 3.0. Written-out rules are
*recognised*, not run: a comparison of a response with its key, with values, within a tolerance or between two bounds, and
the points that follow. What is not recognised is kept by name in ``Scoring.unknown``; the reader then takes the declared key
and says so, or refuses the question where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as made
from decimal import Decimal, InvalidOperation, localcontext

from question_bank.formats.xml_nodes import Node
from question_bank.items import MOST_POINTS, BadItem

_TEMPLATE = re.compile(
    r"(https?://((www|purl)\.)?(imsglobal|1edtech)\.org/.*|[./\w-]*)?rptemplates/(?P<name>\w+?)(\.xml)?\Z",
    re.IGNORECASE,
)
_TEMPLATES = {
    "match_correct": "correct",
    "map_response": "map",
    "cc2_match": "correct",
    "cc2_match_basic": "correct",
    "cc2_map_response": "map",
    "map_response_point": "point",
}


def number(text: str) -> Decimal | None:
    """A decimal number as XML writes it, or None."""
    try:
        made = Decimal(text.strip()) if len(text) <= 64 and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        return None
    return made if made.is_finite() and -30 <= made.adjusted() <= 30 else None


def yes(text: str) -> bool:
    return text.strip().lower() in ("true", "1")


@dataclass
class Declared:
    """A responseDeclaration."""

    id: str
    cardinality: str
    base_type: str
    correct: list[str]
    mapping: dict[str, Decimal]
    default: Decimal = Decimal(0)
    bounds: tuple[Decimal | None, Decimal | None] = (None, None)
    strict: bool = False
    """Whether an entry of the mapping asks for upper and lower case as written."""

    @property
    def best(self) -> Decimal | None:
        """The most that the mapping gives."""
        earned = [value for value in self.mapping.values() if value > 0]
        if not earned:
            return None
        total = max(earned) if self.cardinality == "single" else sum(earned, Decimal(0))
        return total if self.bounds[1] is None else min(total, self.bounds[1])


def declarations(item: Node) -> dict[str, Declared]:
    """All responseDeclarations by identifier. Raises :class:`BadItem` for one that cannot be a question of ours."""
    found = {}
    for node in item.all("responseDeclaration"):
        name = node.get("identifier")
        if node.first("areaMapping"):
            raise BadItem("responseDeclaration", "qti_processing", name="areaMapping")
        mapping, default, bounds, strict = _mapping(node.first("mapping"))
        correct = node.first("correctResponse")
        found[name] = Declared(
            name,
            node.get("cardinality", "single"),
            node.get("baseType"),
            [value.text for value in correct.all("value")] if correct else [],
            mapping,
            default,
            bounds,
            strict,
        )
    return found


def _mapping(
    node: Node | None,
) -> tuple[dict[str, Decimal], Decimal, tuple[Decimal | None, Decimal | None], bool]:
    if node is None:
        return {}, Decimal(0), (None, None), False
    entries = node.all("mapEntry")
    mapping = {entry.get("mapKey"): number(entry.get("mappedValue")) or Decimal(0) for entry in entries}
    bounds = (number(node.get("lowerBound")), number(node.get("upperBound")))
    strict = any(yes(entry.get("caseSensitive")) for entry in entries)
    return mapping, number(node.get("defaultValue")) or Decimal(0), bounds, strict


@dataclass
class Rule:
    """How one response is marked, as far as it was recognised."""

    mode: str = ""
    """``correct`` or ``map``; empty: by ``accepted``, or not at all."""
    accepted: dict[str, Decimal | None] = made(default_factory=dict)
    """Values compared with, and what each earns (None: not said)."""
    tolerance: tuple[Decimal, Decimal] | None = None
    relative: bool = False
    low: Decimal | None = None
    high: Decimal | None = None
    points: Decimal | None = None


@dataclass
class Scoring:
    rules: dict[str, Rule]
    unknown: list[str] = made(default_factory=list)
    joint: bool = False
    """Several responses earn together, or not at all."""
    partial: bool = False
    """A lesser answer earns a part."""


@dataclass
class _Test:
    response: str
    kind: str  # correct, values, low, high, null
    values: tuple[str, ...] = ()
    tolerance: tuple[Decimal, Decimal] | None = None
    relative: bool = False


class _Unknown(Exception):
    pass


def scoring(item: Node, declared: dict[str, Declared]) -> Scoring:
    """The rules behind each response. Raises :class:`BadItem` for a template that cannot be kept."""
    found = Scoring({name: Rule() for name in declared})
    processing = item.first("responseProcessing")
    if processing is None:
        return found
    address = processing.get("template") or processing.get("templateLocation")
    if address and not processing.nodes:
        name = _template(address)
        for response in declared:
            found.rules[response].mode = name
        return found
    _Recogniser(item, declared, found).run(processing.nodes, [])
    return found


def _template(address: str) -> str:
    match = _TEMPLATE.match(address)
    mode = _TEMPLATES.get(match["name"].lower()) if match else None
    if mode is None or mode == "point":
        raise BadItem("responseProcessing", "qti_processing", name=address.rpartition("/")[2][:60] or address[:60])
    return mode


class _Recogniser:
    def __init__(self, item: Node, declared: dict[str, Declared], found: Scoring) -> None:
        self.declared, self.found = declared, found
        self.outcomes = {node.get("identifier"): node for node in item.all("outcomeDeclaration")}

    def run(self, statements: Sequence[Node], guard: list[_Test]) -> None:
        for node in statements:
            if node.name == "responseCondition":
                self.condition(node, guard)
            elif node.name == "setOutcomeValue":
                self.outcome(node, guard)
            elif node.name == "responseProcessingFragment":
                self.run(node.nodes, guard)
            elif node.name not in ("exitResponse",) and self.about(node):
                self.found.unknown.append(node.name)

    def about(self, node: Node) -> bool:
        """Whether an expression looks at a response."""
        names = ("variable", "correct", "mapResponse", "mapResponsePoint")
        return any(one.get("identifier") in self.declared for one in node.find(*names))

    def numeric(self, name: str) -> bool:
        node = self.outcomes.get(name)
        return node is not None and node.get("baseType") in ("float", "integer")

    def condition(self, node: Node, guard: list[_Test]) -> None:
        before: list[_Test] = []
        for branch in node.all("responseIf", "responseElseIf", "responseElse"):
            expression, body = (branch.nodes[0], branch.nodes[1:]) if branch.name != "responseElse" and branch.nodes \
                else (None, branch.nodes)  # fmt: skip
            try:
                tests = self.tests(expression) if expression is not None else []
            except _Unknown as unknown:
                if any(self.scores(one) for one in body):
                    self.found.unknown.append(str(unknown))
                continue
            if any(test.kind == "null" for test in tests):
                continue
            earning = before and any(self.scores(one) for one in body)
            if earning and not tests:
                self.found.partial = True  # something earns although no comparison held
                continue
            if earning and any(test.kind != "values" for test in tests):
                self.found.partial = True
                continue
            self.run(body, [*guard, *tests])
            before += tests

    def scores(self, node: Node) -> bool:
        """Whether a statement may give points (more than none)."""
        return any(
            self.numeric(one.get("identifier")) and self.value(one) not in (Decimal(0), None)
            for one in node.find("setOutcomeValue")
        ) or any(one.name.startswith("mapResponse") for one in node.walk())

    def value(self, node: Node) -> Decimal | None:
        """The number that a setOutcomeValue adds; -1 where it cannot be said."""
        numbers = [number(one.text) for one in node.find("baseValue")]
        outcomes = [one.get("identifier") for one in node.find("variable")]
        if len(numbers) == 1 and not node.find("product", "divide", "subtract"):
            return numbers[0]
        if not numbers and "MAXSCORE" in outcomes:
            return _default(self.outcomes.get("MAXSCORE"))
        return Decimal(0) if not numbers and all(one not in self.declared for one in outcomes) else Decimal(-1)

    def outcome(self, node: Node, guard: list[_Test]) -> None:
        if not self.numeric(node.get("identifier")):
            return
        for mapped in node.find("mapResponse"):
            rule = self.found.rules.get(mapped.get("identifier"))
            if rule is not None:
                rule.mode = "map"
        if node.find("mapResponse"):
            return
        if node.find("mapResponsePoint"):
            raise BadItem("responseProcessing", "qti_processing", name="mapResponsePoint")
        if self.about(node):
            self.found.unknown.append(node.nodes[0].name)
            return
        earned = self.value(node)
        if not guard or earned is None or earned == 0:
            return
        points = earned if earned > 0 else None
        responses = {test.response for test in guard}
        self.found.joint = self.found.joint or len(responses) > 1
        for test in guard:
            self.take(test, points if len(responses) == 1 else None)

    def take(self, test: _Test, points: Decimal | None) -> None:
        rule = self.found.rules[test.response]
        if test.kind == "correct":
            rule.mode = "correct"
        elif test.kind == "values":
            for value in test.values:
                rule.accepted.setdefault(value, points)
        else:
            bound = number(test.values[0])
            setattr(rule, test.kind, bound)
        if test.tolerance is not None:
            rule.tolerance, rule.relative = test.tolerance, test.relative
        if points is not None and (rule.points is None or points > rule.points):
            rule.points = points

    # --- comparisons

    def tests(self, node: Node) -> list[_Test]:
        """The comparisons that must all hold. Raises :class:`_Unknown`."""
        if not self.about(node):
            return []
        if node.name == "isNull":
            return [_Test("", "null")]
        if node.name == "not":
            if len(node.nodes) == 1 and node.nodes[0].name == "isNull":
                return []
            raise _Unknown("not")
        if node.name == "and":
            return [test for child in node.nodes for test in self.tests(child)]
        if node.name == "or":
            return self.either(node)
        if node.name in ("match", "equal", "equalRounded", "stringMatch", "lt", "lte", "gt", "gte"):
            return [self.comparison(node)]
        raise _Unknown(node.name)

    def either(self, node: Node) -> list[_Test]:
        found = [test for child in node.nodes for test in self.tests(child)]
        if len({test.response for test in found}) != 1 or any(test.kind not in ("correct", "values") for test in found):
            raise _Unknown("or")
        correct = [test for test in found if test.kind == "correct"]
        values = tuple(value for test in found for value in test.values)
        if correct and values:
            values = (*self.declared[found[0].response].correct, *values)
        return [_Test(found[0].response, "values", values)] if values else correct[:1]

    def comparison(self, node: Node) -> _Test:
        if len(node.nodes) != 2:
            raise _Unknown(node.name)
        left, right = node.nodes
        name = node.name
        if left.name != "variable" or left.get("identifier") not in self.declared:
            left, right = right, left
            name = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}.get(name, name)
        response = left.get("identifier")
        values: tuple[str, ...] = ()
        if left.name != "variable" or response not in self.declared:
            raise _Unknown(name)
        if right.name == "correct" and right.get("identifier") == response:
            kind = "correct"
        elif right.name == "baseValue":
            kind, values = "values", (right.text,)
        else:
            raise _Unknown(right.name)
        if name in ("lt", "lte", "gt", "gte"):
            if kind != "values" or number(values[0]) is None:
                raise _Unknown(name)
            return _Test(response, "low" if name in ("gt", "gte") else "high", values)
        if name == "stringMatch" and yes(node.get("substring")):
            raise _Unknown("stringMatch substring")
        return _Test(response, kind, values, *self.tolerance(node))

    def tolerance(self, node: Node) -> tuple[tuple[Decimal, Decimal] | None, bool]:
        if node.name == "equalRounded":
            figures = number(node.get("figures"))
            if (
                node.get("roundingMode", "significantFigures") != "decimalPlaces"
                or figures is None
                or not 0 <= figures <= 20
            ):
                raise _Unknown("equalRounded")
            half = Decimal("0.5").scaleb(-int(figures))
            return (half, half), False
        if node.name != "equal" or node.get("toleranceMode", "exact") == "exact":
            return None, False
        given = [number(word) for word in node.get("tolerance").split()]
        if not 1 <= len(given) <= 2 or any(one is None or one < 0 for one in given):
            raise _Unknown("equal tolerance")
        low, high = given[0], given[-1]
        assert low is not None and high is not None
        return (low, high), node.get("toleranceMode") == "relative"


def _default(node: Node | None) -> Decimal | None:
    values = node.find("value") if node is not None else []
    return number(values[0].text) if values else None


def points_of(item: Node, outcome: str = "") -> Decimal | None:
    """What the item (or the outcome of one part) is worth at most, where it says so."""
    outcomes = {node.get("identifier"): node for node in item.all("outcomeDeclaration")}
    names = [outcome] if outcome else ["SCORE", "MAXSCORE"]
    for name in names:
        node = outcomes.get(name)
        worth = number(node.get("normalMaximum")) if node is not None and node.get("normalMaximum") else None
        if worth is None and name == "MAXSCORE":
            worth = _default(node)
        if worth is not None and 0 < worth <= MOST_POINTS:
            return worth
    return None


def within(value: Decimal, rule: Rule) -> tuple[Decimal, bool]:
    """The tolerance around a value, and whether the rule's bounds were not of the same width on both sides."""
    with localcontext(prec=60):
        if rule.low is not None and rule.high is not None:
            low, high = value - rule.low, rule.high - value
        elif rule.tolerance is not None:
            low, high = rule.tolerance
            if rule.relative:
                low, high = abs(value) * low / 100, abs(value) * high / 100
        else:
            return Decimal(0), False
        return max(min(low, high), Decimal(0)), low != high
