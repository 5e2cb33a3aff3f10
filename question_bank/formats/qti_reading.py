"""One assessmentItem as a question, in the form that ``Item.from_dict`` reads.

What the item asks decides the kind: a choice, an order, pairs, gaps in a text, a number, a text. Several interactions in one
body become a case (only text entries: the blanks of one question). What cannot be a question of ours raises
:class:`BadItem` with the name of the element; what is left out of a question that is taken is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

from question_bank.formats.html_markdown import BLOCKS, to_markdown
from question_bank.formats.pictures import Resolve
from question_bank.formats.qti_scoring import Declared, Rule, declarations, number, points_of, scoring, within, yes
from question_bank.formats.xml_nodes import Node, Raw
from question_bank.items import MOST_POINTS, BadItem, Kind, plain

#: Interactions that can be questions of ours …
BLOCK = frozenset({"choiceInteraction", "orderInteraction", "matchInteraction", "associateInteraction",
                   "gapMatchInteraction", "extendedTextInteraction"})  # fmt: skip
INLINE = frozenset({"textEntryInteraction", "inlineChoiceInteraction"})
TAKEN = BLOCK | INLINE
#: … as parts of a case, too.
IN_CASE = INLINE | {"choiceInteraction", "extendedTextInteraction"}

TRUE_WORDS = frozenset({"对", "正确", "√", "真", "true", "t", "right", "correct", "richtig"})
FALSE_WORDS = frozenset({"错", "错误", "×", "x", "假", "false", "f", "wrong", "incorrect", "falsch"})
GAP = "＿＿＿＿"

MOST_ELEMENTS, MOST_ALIKE, MOST_TEXT = 10_000, 2_000, 1_000_000

CLASS_PART, CLASS_UNIT, CLASS_REFERENCE = "ttm-part", "ttm-unit", "ttm-reference"
PREFIXES = {"option": "o-", "left": "l-", "right": "r-", "step": "s-"}

_CRITERION = re.compile(
    r"(\d+(?:\.\d*)?(?:E[+-]?\d+)?)\s*(?:分|points?|pts?\.?|marks?)\s*[:：]\s*(.+)\Z", re.DOTALL | re.IGNORECASE
)
_OWN_ID = re.compile(r"[a-z0-9]{1,8}\Z")

Said = Callable[..., None]


class ItemReader:
    """Reads one item. ``own``: it was written here, so its ids are ours. ``kind``: what its metadata calls it."""

    def __init__(
        self,
        root: Node,
        said: Said,
        *,
        own: bool = False,
        kind: str = "",
        passage: Node | None = None,
        pictures: Callable[[Said], Resolve] | None = None,
    ) -> None:
        self.root, self.said, self.own, self.kind = root, said, own, kind
        self.passage, self.pictures = passage, pictures
        self.feedback: list[tuple[list[str], str, Node]] = []
        self.rubrics: list[tuple[list[str], Node]] = []
        self.lost: list[tuple[str, str, dict[str, object]]] = []
        """What each text lost on its way: the text as it was read, the code and its values."""

    def read(self) -> dict[str, Any]:
        """The question without id and without what metadata tell. Raises :class:`BadItem`."""
        root = self.root
        _bounded(root)
        if yes(root.get("adaptive")):
            raise BadItem("assessmentItem", "qti_adaptive")
        changing = root.find(
            "templateDeclaration", "templateProcessing", "printedVariable", "templateBlock", "templateInline"
        )
        if changing:
            raise BadItem(changing[0].name, "qti_template")
        included = root.find("include")
        if included:
            raise BadItem("include", "qti_include", name=included[0].get("href")[:80])
        body = root.first("itemBody")
        others = [node.name for node in root.walk() if node.name.endswith("Interaction") and node.name not in TAKEN]
        if others:
            raise BadItem(others[0], "qti_interaction")
        if body is None or not body.find(*TAKEN):
            raise BadItem("itemBody", "qti_no_interaction")
        self.declared = declarations(root)
        self.scoring = scoring(root, self.declared)
        if self.scoring.unknown:
            for name in self.responses(body):
                if not self.declared[name].correct and not self.is_essay(body, name):
                    raise BadItem("responseProcessing", "qti_processing", name=self.scoring.unknown[0])
            self.said("qti_simplified", name=", ".join(dict.fromkeys(self.scoring.unknown))[:80])
        elif self.scoring.joint:
            self.said("qti_joint")
        if self.scoring.partial:
            self.said("qti_partial")
        for modal in root.all("modalFeedback"):
            self.feedback.append((modal.classes, modal.get("identifier"), modal))
        for node in root.all("catalogInfo", "companionMaterialsInfo", "apipAccessibility"):
            self.said("qti_left_out", name=node.name)
        self.lift(body)
        data = self.question(body)
        return self.finished(data)

    def responses(self, body: Node) -> list[str]:
        names = [node.get("responseIdentifier") for node in body.find(*TAKEN)]
        for name in names:
            if name not in self.declared:
                raise BadItem("responseIdentifier", "qti_undeclared", name=name[:60])
        return names

    def is_essay(self, body: Node, name: str) -> bool:
        return any(node.get("responseIdentifier") == name for node in body.find("extendedTextInteraction"))

    def markdown(self, nodes: Sequence[Node | str]) -> str:
        lost: list[tuple[str, dict[str, object]]] = []
        node = Node("div", {}, list(nodes))

        plainer: dict[str, None] = {}

        def said(code: str, **values: object) -> None:
            if code == "formatting_left_out":
                plainer[f"<{values['name']}>"] = None
            else:
                lost.append((code, values))

        text = to_markdown(node, said=said, resolve=self.pictures and self.pictures(said))
        if plainer:
            lost.append(("formatting_left_out", {"name": ", ".join(plainer)[:80]}))
        self.lost += [(text, code, values) for code, values in lost]
        return text

    def words(self, choice: Node) -> str:
        """The text of a choice. Raises :class:`BadItem` for one that is nothing but a picture."""
        text = self.markdown(choice.children)
        pictured = choice.find("img", "object")
        if choice.nodes and (
            not text or (pictured and not (choice.text or "![" in text or any(n.get("alt") for n in pictured)))
        ):
            raise BadItem(choice.name, "qti_picture_choice")
        return text

    # --- what stands beside the question

    def lift(self, node: Node) -> None:
        """Take rubrics and feedback out of the body, except feedback on a choice."""
        kept: list[Node | str] = []
        for child in node.children:
            if isinstance(child, str):
                kept.append(child)
            elif child.name == "rubricBlock":
                views = child.get("view").split()
                if "candidate" in views:
                    kept.append(Node("div", {}, child.children))
                else:
                    self.rubrics.append((child.classes, child))
            elif child.name in ("feedbackBlock", "feedbackInline"):
                self.feedback.append((child.classes, child.get("identifier"), child))
            elif child.name == "infoControl":
                self.said("qti_left_out", name="infoControl")
            else:
                if child.name not in ("simpleChoice", "inlineChoice", "simpleAssociableChoice", "gapText"):
                    self.lift(child)
                kept.append(child)
        node.children[:] = kept

    def finished(self, data: dict[str, Any]) -> dict[str, Any]:
        """Explanation, passage, points; and what nobody asked for."""
        told = [text for _, _, node in self.feedback if (text := self.markdown(node.children))]
        told = list(dict.fromkeys(told))
        if told:
            data["explanation"] = "\n\n".join(told)
        if len(told) > 1:
            self.said("qti_feedback_joined", count=len(told))
        for _, rubric in self.rubrics:
            self.said("qti_left_out", name=f"rubricBlock {rubric.get('view')}"[:60])
        if self.passage is not None:
            passage = self.markdown(self.passage.children)
            data["text"] = f"{passage}\n\n{data['text']}" if data["text"] else passage
        if not data["text"]:
            data["text"] = to_markdown(Node("div", {}, [self.root.get("title")]))
        points = points_of(self.root) or self.earned()
        if data["kind"] == Kind.CASE:
            parts = [Decimal(part["points"]) for part in data["parts"]]
            points = points_of(self.root) or min(sum(parts, Decimal(0)), MOST_POINTS)
        if points is not None:
            data["points"] = str(points) if self.own else f"{points.normalize():f}"
        return data

    def earned(self) -> Decimal | None:
        """What the rules give for everything right, where each of them says so."""
        worth = [self.worth(name) for name in self.declared]
        with localcontext(prec=28):
            total = sum((one for one in worth if one is not None), Decimal(0))
        return total if worth and None not in worth and 0 < total <= MOST_POINTS else None

    def worth(self, name: str) -> Decimal | None:
        rule, declared = self.scoring.rules[name], self.declared[name]
        worth = rule.points or (declared.best if rule.mode == "map" else None)
        return worth if worth is not None and 0 < worth <= MOST_POINTS else None

    # --- the question in the body

    def question(self, body: Node) -> dict[str, Any]:
        self.responses(body)
        own_parts = [node for node in body.nodes if CLASS_PART in node.classes and node.find(*TAKEN)]
        if own_parts:
            return self.written_case(body, own_parts)
        interactions = body.find(*TAKEN)
        if not any(node.name in BLOCK for node in interactions):
            return self.gaps(body, interactions)
        if len(interactions) == 1:
            return self.single_block(body, interactions[0])
        return self.case(body)

    def single_block(self, body: Node, interaction: Node) -> dict[str, Any]:
        prompt = interaction.first("prompt")
        question = _BLOCK_READERS[interaction.name](self, interaction)
        instead: list[Node | str] = [Raw(question.pop("gapped"))] if "gapped" in question else []
        if prompt is not None:
            instead.insert(0, Node("div", {}, prompt.children))
        text = self.markdown([_replaced(body, {id(interaction): Node("div", {}, instead)})])
        return {"kind": question.pop("kind"), "text": text, **question}

    def gaps(self, body: Node, interactions: Sequence[Node]) -> dict[str, Any]:
        """Text entries and drop-down lists in a running text."""
        entries = [node for node in interactions if node.name == "textEntryInteraction"]
        if len(entries) == len(interactions):
            if len(entries) == 1 and self.is_number(entries[0]):
                return self.numeric(body, entries[0])
            marks = {id(node): Raw(f"[[{n}]]") for n, node in enumerate(entries, start=1)}
            blanks = [self.accepted(node) for node in entries]
            return {"kind": "blank", "text": self.markdown([_replaced(body, marks)]), "blanks": blanks}
        if len(interactions) == 1:
            text = self.markdown([_replaced(body, {id(interactions[0]): Raw(GAP)})])
            return {"text": text, **self.choice(interactions[0])}
        marks = {id(node): Raw(f"（{n}）{GAP}") for n, node in enumerate(interactions, start=1)}
        parts = [self.gap_part(node, f"（{n}）") for n, node in enumerate(interactions, start=1)]
        return {"kind": "case", "text": self.markdown([_replaced(body, marks)]), "parts": parts}

    def gap_part(self, node: Node, text: str) -> dict[str, Any]:
        points = str(self.worth(node.get("responseIdentifier")) or 1)
        if node.name == "inlineChoiceInteraction":
            return {"text": text, "points": points, **self.choice(node)}
        if self.is_number(node):
            value, tolerance = self.value(node)
            return {"kind": "numeric", "text": text, "points": points, "value": value, "tolerance": tolerance}
        return {"kind": "blank", "text": f"{text} [[1]]", "points": points, "blanks": [self.accepted(node)]}

    # --- several questions in one body

    def case(self, body: Node) -> dict[str, Any]:
        for node in body.find(*TAKEN):
            if node.name not in IN_CASE:
                raise BadItem(node.name, "part_kind")
        pending: list[Node | str] = []
        stem: list[Node | str] | None = None
        parts: list[dict[str, Any]] = []
        units = _units(body)
        for place, (nodes, interactive) in enumerate(units):
            if not interactive:
                pending += nodes
                continue
            alone = nodes[0] if isinstance(nodes[0], Node) and nodes[0].name in BLOCK else None
            if stem is None:
                unprompted = alone is not None and alone.first("prompt") is None
                cut = len(pending) - 1 if unprompted and len(pending) > 1 else len(pending)
                stem, pending = pending[:cut], pending[cut:]
            parts += self.case_part(Node("div", {}, [*pending, *nodes]), len(parts) + 1)
            pending = []
            if not any(later for _, later in units[place + 1 :]):
                pending = [node for rest, _ in units[place + 1 :] for node in rest]
                break
        text = self.markdown([*(stem or []), *pending])
        return {"kind": "case", "text": text, "parts": parts}

    def case_part(self, body: Node, place: int) -> list[dict[str, Any]]:
        interactions = body.find(*TAKEN)
        question = self.question(body)
        if question["kind"] == "case":  # drop-down lists and text entries in one paragraph
            inner = question["parts"]
            for part in inner:
                part["text"] = f"{question['text']}\n\n{part['text']}"
            return inner
        worth = [self.worth(node.get("responseIdentifier")) for node in interactions]
        total = sum((one for one in worth if one is not None), Decimal(0))
        question["points"] = str(total if None not in worth and total > 0 else Decimal(len(worth)))
        question["text"] = question["text"] or f"（{place}）"
        return [question]

    def written_case(self, body: Node, own_parts: Sequence[Node]) -> dict[str, Any]:
        """A case as the writer of this package makes it: every part in an element of its own."""
        parts = []
        for node in own_parts:
            part_id = node.get("id").removeprefix("part-")
            mine = f"{CLASS_PART}-{part_id}"
            self.kind = next((name.removeprefix("ttm-") for name in node.classes if name != CLASS_PART), "")
            around, self.rubrics = self.rubrics, [one for one in self.rubrics if mine in one[0]]
            told = [one for one in self.feedback if mine in one[0]]
            part = self.question(node)
            self.rubrics = [one for one in around if mine not in one[0]]
            self.feedback = [one for one in self.feedback if one not in told]
            if told:
                part["explanation"] = "\n\n".join(self.markdown(feedback.children) for _, _, feedback in told)
            if self.own and _OWN_ID.match(part_id):
                part["id"] = part_id
            part["points"] = str(points_of(self.root, f"SCORE_{part_id}") or 1)
            parts.append(part)
        rest = [child for child in body.children if child not in own_parts]
        return {"kind": "case", "text": self.markdown(rest), "parts": parts}

    # --- keys

    def key(self, interaction: Node, cardinality: Sequence[str], base_type: str) -> tuple[Declared, Rule]:
        name = interaction.get("responseIdentifier")
        declared = self.declared[name]
        if declared.cardinality not in cardinality:
            raise BadItem(
                interaction.name, "qti_declaration", name=name[:60], detail=f"cardinality {declared.cardinality}"[:60]
            )
        if declared.base_type not in (base_type, ""):
            raise BadItem(
                interaction.name, "qti_declaration", name=name[:60], detail=f"baseType {declared.base_type}"[:60]
            )
        return declared, self.scoring.rules[name]

    def right(self, declared: Declared, rule: Rule) -> list[str]:
        """The values that are right. Raises :class:`BadItem` where nothing says so."""
        if declared.correct and (rule.mode != "" or not rule.accepted):
            return declared.correct
        accepted = rule.accepted
        if accepted:
            best = max(points or Decimal(0) for points in accepted.values())
            if any((points or Decimal(0)) < best for points in accepted.values()):
                self.said("qti_partial")
            return [value for value, points in accepted.items() if (points or Decimal(0)) == best]
        earned = {value: points for value, points in declared.mapping.items() if points > 0}
        if not earned:
            raise BadItem("responseDeclaration", "qti_no_key", name=declared.id[:60])
        if declared.cardinality != "single":
            return list(earned)
        best = max(earned.values())
        return [value for value, points in earned.items() if points == best]

    def uneven(self, declared: Declared, rule: Rule, right: Sequence[str]) -> None:
        """Say that shares of a mapping are not kept."""
        others = [points for value, points in declared.mapping.items() if value not in right and points != 0]
        mine = {points for value, points in declared.mapping.items() if value in right}
        if rule.mode == "map" and declared.mapping and (others or declared.default != 0 or len(mine) > 1):
            self.said("qti_partial")

    # --- choices

    def choice(self, interaction: Node) -> dict[str, Any]:
        declared, rule = self.key(interaction, ("single", "multiple"), "identifier")
        right = self.right(declared, rule)
        choices = interaction.find("simpleChoice", "inlineChoice")
        known = [choice.get("identifier") for choice in choices]
        _known("value", right, known)
        single = declared.cardinality == "single"
        if not single and len(right) == 1 and interaction.get("maxChoices", "1") == "1":
            single = True
        if not single and rule.mode == "map":
            self.said("qti_partial")
        else:
            self.uneven(declared, rule, right)
        options = [self.option(choice, right) for choice in choices]
        shuffle = yes(interaction.get("shuffle"))
        if shuffle and any(yes(choice.get("fixed")) for choice in choices):
            shuffle = False
            if not all(yes(choice.get("fixed")) for choice in choices):
                self.said("qti_fixed")
        if single and self.kind != Kind.SINGLE:
            answer = _truth(options)
            if answer is not None:
                return {"kind": "truefalse", "answer": answer}
        limit = number(interaction.get("maxChoices"))
        if not single and limit is not None and 0 < limit < len(choices):
            self.said("qti_limit", limit=limit)
        return {"kind": "single" if single else "multiple", "options": options, "shuffle": shuffle}

    def option(self, choice: Node, right: Sequence[str]) -> dict[str, Any]:
        identifier = choice.get("identifier")
        told = choice.find("feedbackInline", "feedbackBlock")
        text = self.words(_replaced(choice, {id(node): "" for node in told}))
        option: dict[str, Any] = {"text": text, "correct": identifier in right}
        matching = [one for one in self.feedback if one[1] == identifier and one[2].name == "modalFeedback"]
        feedback = [self.markdown(node.children) for node in told] + [
            self.markdown(one[2].children) for one in matching
        ]
        self.feedback = [one for one in self.feedback if one not in matching]
        if any(feedback):
            option["feedback"] = "\n\n".join(text for text in feedback if text)
        return option | self.own_id("option", identifier)

    def own_id(self, what: str, identifier: str, key: str = "id") -> dict[str, str]:
        """The id inside an identifier that we have written."""
        bare = identifier.removeprefix(PREFIXES[what])
        return {key: bare} if self.own and bare != identifier and _OWN_ID.match(bare) else {}

    # --- order, pairs

    def order(self, interaction: Node) -> dict[str, Any]:
        declared, rule = self.key(interaction, ("ordered",), "identifier")
        right = declared.correct
        steps = {choice.get("identifier"): choice for choice in interaction.all("simpleChoice")}
        if not right:
            raise BadItem("responseDeclaration", "qti_no_key", name=declared.id[:60])
        _known("value", right, list(steps))
        if len(right) != len(steps):
            raise BadItem("orderInteraction", "qti_partial_order")
        if rule.mode == "map":
            self.said("qti_partial")
        sequence = [{"text": self.words(steps[name])} | self.own_id("step", name) for name in right]
        return {"kind": "ordering", "sequence": sequence}

    def match(self, interaction: Node) -> dict[str, Any]:
        declared, rule = self.key(interaction, ("multiple", "single"), "directedPair")
        sets = interaction.all("simpleMatchSet")
        if len(sets) != 2:
            raise BadItem("matchInteraction", "qti_declaration", name=declared.id[:60], detail="simpleMatchSet")
        lefts, rights = ({node.get("identifier"): node for node in one.all("simpleAssociableChoice")} for one in sets)
        pairs = []
        right = self.right(declared, rule)
        for one, two in map(_pair, right):
            if one in rights and two in lefts and one not in lefts:
                one, two = two, one
            _known("value", [one], list(lefts))
            _known("value", [two], list(rights))
            pairs.append((one, two))
        self.uneven(declared, rule, right)
        if not _covers(pairs, lefts) and _covers([(two, one) for one, two in pairs], rights):
            pairs, lefts, rights = [(two, one) for one, two in pairs], rights, lefts
        if not _covers(pairs, lefts):
            raise BadItem("matchInteraction", "qti_match_many")
        return self.pairs(dict(pairs), lefts, rights)

    def pairs(self, pairs: Mapping[str, str], lefts: Mapping[str, Node], rights: Mapping[str, Node]) -> dict[str, Any]:
        made = [
            {"left": self.words(node), "right": self.words(rights[pairs[name]])}
            | self.own_id("left", name, "left_id")
            | self.own_id("right", pairs[name], "right_id")
            for name, node in lefts.items()
        ]
        loose = [
            {"text": self.words(node)} | self.own_id("right", name)
            for name, node in rights.items()
            if name not in pairs.values()
        ]
        return {"kind": "matching", "pairs": made, "distractors": loose}

    def associate(self, interaction: Node) -> dict[str, Any]:
        declared, rule = self.key(interaction, ("multiple", "single"), "pair")
        choices = {node.get("identifier"): node for node in interaction.find("simpleAssociableChoice")}
        right = self.right(declared, rule)
        pairs = [_pair(value) for value in right]
        used = [name for pair in pairs for name in pair]
        _known("value", used, list(choices))
        if len(set(used)) != len(used):
            raise BadItem("associateInteraction", "qti_match_many")
        self.uneven(declared, rule, right)
        self.said("qti_associate")
        lefts = {one: choices[one] for one, _ in pairs}
        rights = {name: node for name, node in choices.items() if name not in lefts}
        return self.pairs(dict(pairs), lefts, rights)

    def gap_match(self, interaction: Node) -> dict[str, Any]:
        declared, rule = self.key(interaction, ("multiple", "single"), "directedPair")
        if interaction.find("gapImg"):
            raise BadItem("gapImg", "qti_interaction")
        words = {node.get("identifier"): node for node in interaction.find("gapText")}
        gaps = {node.get("identifier"): node for node in interaction.find("gap")}
        pairs = []
        right = self.right(declared, rule)
        for one, two in map(_pair, right):
            if one in gaps and two in words:
                one, two = two, one
            _known("value", [one], list(words))
            _known("value", [two], list(gaps))
            pairs.append((two, one))
        self.uneven(declared, rule, right)
        if not _covers(pairs, gaps):
            raise BadItem("gapMatchInteraction", "qti_match_many")
        marks: dict[int, Node | str] = {id(node): "" for node in words.values()}
        alone = len(gaps) == 1
        marks |= {id(node): Raw(GAP if alone else f"（{n}）{GAP}") for n, node in enumerate(gaps.values(), start=1)}
        prompt = interaction.first("prompt")
        if prompt is not None:
            marks[id(prompt)] = ""
        gapped = self.markdown([_replaced(interaction, marks)])
        key = dict(pairs)
        if alone:
            options = [{"text": self.words(node), "correct": name in key.values()} for name, node in words.items()]
            return {"kind": "single", "options": options, "shuffle": yes(interaction.get("shuffle")), "gapped": gapped}
        numbered = {name: Node("div", {}, [f"（{n}）"]) for n, name in enumerate(gaps, start=1)}
        return self.pairs(key, numbered, words) | {"gapped": gapped}

    # --- texts and numbers

    def essay(self, interaction: Node) -> dict[str, Any]:
        declared = self.declared[interaction.get("responseIdentifier")]
        if declared.cardinality == "record" or declared.base_type not in ("string", ""):
            raise BadItem(interaction.name, "qti_declaration", name=declared.id[:60], detail=declared.base_type[:60])
        if declared.cardinality != "single":
            self.said("qti_several_fields")
        rubric, reference = self.rubric()
        return {"kind": "essay", "rubric": rubric, "reference": "\n\n".join([*reference, *declared.correct])}

    def rubric(self) -> tuple[list[dict[str, str]], list[str]]:
        """What scorers are told: lines such as “3 分：…” are criteria, the rest is the reference answer."""
        criteria: list[dict[str, str]] = []
        reference: list[str] = []
        for classes, block in list(self.rubrics):
            if "scorer" not in block.get("view").split():
                continue
            self.rubrics.remove((classes, block))
            written = [node for node in block.find("div") if CLASS_REFERENCE in node.classes]
            marks: dict[int, Node | str] = {id(node): "" for node in written}
            inside = {id(node) for one in written for node in one.walk()}
            for node in block.find("li", "p", "tr"):
                found = _CRITERION.match(self.markdown(node.children))
                if found and len(criteria) < 50 and id(node) not in inside:
                    criteria.append({"point": found[2].strip(), "points": found[1].rstrip(".")})
                    marks[id(node)] = ""
            rest = self.markdown([_replaced(block, marks)])
            reference += [text for text in [rest, *(self.markdown(node.children) for node in written)] if text]
        return criteria, reference

    def is_number(self, entry: Node) -> bool:
        name = entry.get("responseIdentifier")
        rule, declared = self.scoring.rules[name], self.declared[name]
        bounded = rule.tolerance is not None or (rule.low is not None and rule.high is not None)
        return declared.base_type in ("float", "integer") or bounded

    def value(self, entry: Node) -> tuple[str, str]:
        """Value and tolerance of a numeric entry."""
        name = entry.get("responseIdentifier")
        declared, rule = self.declared[name], self.scoring.rules[name]
        if declared.cardinality != "single":
            raise BadItem(
                entry.name, "qti_declaration", name=name[:60], detail=f"cardinality {declared.cardinality}"[:60]
            )
        if rule.low is not None and rule.high is not None and not declared.correct:
            with localcontext(prec=30):
                found: Decimal | None = (rule.low + rule.high) / 2
        else:
            right = self.right(declared, rule)
            found = number(right[0])
            if len(right) > 1:
                self.said("qti_partial")
        if found is None:
            raise BadItem(entry.name, "not_number")
        tolerance, uneven = within(found, rule)
        if uneven:
            self.said("qti_uneven")
        return str(found), str(tolerance)

    def numeric(self, body: Node, entry: Node) -> dict[str, Any]:
        value, tolerance = self.value(entry)
        units = [node for node in body.find("span") if CLASS_UNIT in node.classes]
        marks: dict[int, Node | str] = {id(node): "" for node in units}
        text = self.markdown([_replaced(body, marks | {id(entry): Raw(GAP)})])
        if text.endswith(GAP):  # the field stands at the end: the text needs no sign of it
            text = text.removesuffix(GAP).rstrip()
        unit = units[0].text if units else ""
        return {"kind": "numeric", "text": text, "value": value, "tolerance": tolerance, "unit": unit}

    def accepted(self, entry: Node) -> list[str]:
        """All texts that are right for one gap; first the one that is shown as the answer."""
        name = entry.get("responseIdentifier")
        declared, rule = self.declared[name], self.scoring.rules[name]
        if declared.cardinality == "record" or declared.base_type not in ("string", "integer", "float", ""):
            raise BadItem(
                entry.name, "qti_declaration", name=name[:60], detail=declared.base_type or declared.cardinality
            )
        if self.is_number(entry):
            value, tolerance = self.value(entry)
            if Decimal(tolerance) != 0:
                self.said("qti_tolerance", name=value)
            return [value]
        right = list(declared.correct[:1]) if rule.mode == "map" and declared.mapping else self.right(declared, rule)
        if rule.mode == "map":
            best = max(declared.mapping.values(), default=Decimal(0))
            right += [
                key for key, points in declared.mapping.items() if points == best and points > 0 and key not in right
            ]
            if any(0 < points < best for points in declared.mapping.values()):
                self.said("qti_partial")
            if declared.strict:
                self.said("qti_case_sensitive")
        elif rule.mode == "correct":
            right += [value for value in rule.accepted if value not in right]
        if not right:
            raise BadItem("responseDeclaration", "qti_no_key", name=name[:60])
        return right


_BLOCK_READERS: dict[str, Callable[[ItemReader, Node], dict[str, Any]]] = {
    "choiceInteraction": ItemReader.choice,
    "orderInteraction": ItemReader.order,
    "matchInteraction": ItemReader.match,
    "associateInteraction": ItemReader.associate,
    "gapMatchInteraction": ItemReader.gap_match,
    "extendedTextInteraction": ItemReader.essay,
}


def _bounded(root: Node) -> None:
    """Refuse an item of a size that no question has, before anything is compared with everything."""
    counts: dict[str, int] = {}
    length = 0
    for place, node in enumerate(root.walk()):
        counts[node.name] = counts.get(node.name, 0) + 1
        length += sum(len(child) for child in node.children if isinstance(child, str))
        if place > MOST_ELEMENTS or (counts[node.name] > MOST_ALIKE and node.name not in BLOCKS):
            raise BadItem(node.name, "too_many", limit=MOST_ELEMENTS if place > MOST_ELEMENTS else MOST_ALIKE)
    if length > MOST_TEXT:
        raise BadItem("itemBody", "too_long", limit=MOST_TEXT)


def _replaced(node: Node, marks: Mapping[int, Node | str]) -> Node:
    """A copy of an element in which others stand for some of its descendants."""
    children: list[Node | str] = []
    for child in node.children:
        if isinstance(child, str):
            children.append(child)
        else:
            children.append(marks[id(child)] if id(child) in marks else _replaced(child, marks))
    return Node(node.name, node.attributes, children, node.line)


def _units(node: Node) -> list[tuple[list[Node | str], bool]]:
    """A body as blocks in order, each with whether something is asked in it; wrappers around questions are opened."""
    units: list[tuple[list[Node | str], bool]] = []
    for child in node.children:
        if isinstance(child, str):
            if child.strip():
                units.append(([child], False))
        elif child.name in BLOCK:
            units.append(([child], True))
        elif not child.find(*TAKEN):
            units.append(([child], False))
        elif child.find(*BLOCK):
            units += _units(child)
        else:
            units.append(([child], True))
    return units


def _known(field: str, values: Sequence[str], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise BadItem(field, "qti_unknown_choice", name=value[:60])


def _pair(value: str) -> tuple[str, str]:
    words = value.split()
    if len(words) != 2:
        raise BadItem("value", "qti_unknown_choice", name=value[:60])
    return words[0], words[1]


def _covers(pairs: Sequence[tuple[str, str]], lefts: Mapping[str, Node]) -> bool:
    """Whether each left belongs to exactly one right."""
    return sorted(one for one, _ in pairs) == sorted(lefts)


def _truth(options: Sequence[Mapping[str, Any]]) -> bool | None:
    """What a pair of options such as 对/错 says, where it is one that needs no feedback kept."""
    if len(options) != 2 or any(option.get("feedback") for option in options):
        return None
    words = [plain(option["text"]) for option in options]
    if words[0] in TRUE_WORDS and words[1] in FALSE_WORDS:
        return bool(options[0]["correct"])
    if words[0] in FALSE_WORDS and words[1] in TRUE_WORDS:
        return bool(options[1]["correct"])
    return None
