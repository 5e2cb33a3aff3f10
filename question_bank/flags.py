"""Why an examiner should look at a question again: findings as data, with their figures and a sentence in both languages.

The limits are 系统默认, figures of habit: facility 0.2 to 0.95 and discrimination from 0.1 up (Ebel and Frisbie, *Essentials of
Educational Measurement*, call a question below 0.2 poor); fewer than 30 candidates prove little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from question_bank.option_analysis import ChoiceAnalysis, OptionAnalysis
from question_bank.statistics import ItemAnalysis


class Concern(StrEnum):
    """What is wrong, the gravest first; :data:`WORDS` says what each means."""

    NEGATIVE = "negative"
    RIVAL = "rival"
    KEY_REPELS = "key_repels"
    POPULAR = "popular"
    ATTRACTS = "attracts"
    TOO_HARD = "too_hard"
    TOO_EASY = "too_easy"
    CONSTANT = "constant"
    WEAK = "weak"
    UNUSED = "unused"
    OMITTED = "omitted"
    TOO_FEW = "too_few"


#: The key itself is in doubt: a question with one of these is looked at before all others.
SERIOUS = frozenset({Concern.NEGATIVE, Concern.RIVAL, Concern.KEY_REPELS})

WORDS: dict[Concern, tuple[str, str]] = {
    Concern.NEGATIVE: (
        "区分度为负（{value}）：其他题答得好的人在本题得分反而低，请先核对答案",
        "Negative discrimination ({value}): those who did well elsewhere did worse here; check the key first",
    ),
    Concern.RIVAL: (
        "高分组选干扰项 {choice} 的人（{value}）多于选正确选项的人（{limit}），请核对答案",
        "More of the upper group chose distractor {choice} ({value}) than the key ({limit}); check the key",
    ),
    Concern.KEY_REPELS: (
        "正确选项 {choice} 低分组选得比高分组多（差 {value}），请核对答案",
        "The right option {choice} is chosen more by the lower than by the upper group (difference {value}); check the key",
    ),
    Concern.POPULAR: (
        "选干扰项 {choice} 的人（{value}）多于选正确选项的人（{limit}）",
        "More candidates chose distractor {choice} ({value}) than the key ({limit})",
    ),
    Concern.ATTRACTS: (
        "干扰项 {choice} 高分组选得比低分组多（差 {value}），可能有歧义",
        "Distractor {choice} is chosen more by the upper than by the lower group (difference {value}); it may be ambiguous",
    ),
    Concern.TOO_HARD: ("太难：得分率 {value}，低于 {limit}", "Too hard: facility {value}, below {limit}"),
    Concern.TOO_EASY: ("太易：得分率 {value}，高于 {limit}", "Too easy: facility {value}, above {limit}"),
    Concern.CONSTANT: (
        "所有人得分相同，本题不能区分任何人",
        "Everybody got the same mark: the question tells nobody apart",
    ),
    Concern.WEAK: (
        "区分度低：{value}，低于 {limit}",
        "Weak discrimination: {value}, below {limit}",
    ),
    Concern.UNUSED: ("没有人选干扰项 {choice}", "Nobody chose distractor {choice}"),
    Concern.OMITTED: ("{value} 的人未作答，超过 {limit}", "{value} left it open, above {limit}"),
    Concern.TOO_FEW: (
        "只有 {value} 人作答，不足 {limit} 人，各项数字仅供参考",
        "Only {value} candidates, fewer than {limit}: the figures prove little",
    ),
}

_PERCENT = frozenset({Concern.RIVAL, Concern.POPULAR, Concern.OMITTED})
_COUNT = frozenset({Concern.TOO_FEW})


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is a concern. ``hard``, ``easy``: facility; ``weak``: discrimination index; ``omitted``: share who
    left it open; ``few``: candidates."""

    hard: float = 0.2
    easy: float = 0.95
    weak: float = 0.1
    omitted: float = 0.1
    few: int = 30


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding: ``choice`` is the id of the option concerned (``""``: the question as a whole), ``value`` the figure that
    was found and ``limit`` what it was held against (of ``rival`` and ``popular``: the key's own share)."""

    concern: Concern
    choice: str = ""
    value: float | None = None
    limit: float | None = None

    @property
    def serious(self) -> bool:
        """Whether the key itself is in doubt."""
        return self.concern in SERIOUS

    def text(self, language: str = "zh", *, choice: str = "") -> str:
        """The reason as a sentence in ``zh`` or ``en``; ``choice`` is how the page names the option (a letter), else its id."""
        chinese, english = WORDS[self.concern]
        words = english if language.startswith("en") else chinese
        return words.format(choice=choice or self.choice, value=self._shown(self.value), limit=self._shown(self.limit))

    def _shown(self, figure: float | None) -> str:
        if figure is None:
            return "–"
        if self.concern in _COUNT:
            return f"{figure:.0f}"
        return f"{figure:.0%}" if self.concern in _PERCENT else f"{figure:.2f}"


def flags(item: ItemAnalysis, options: OptionAnalysis | None = None, limits: Limits | None = None) -> tuple[Flag, ...]:
    """All concerns about a question, the gravest first. Without ``options``, only those that its figures show."""
    limits = limits or Limits()
    found = [*_of_figures(item, limits), *(_of_options(options, limits) if options else ())]
    order = list(Concern)
    return tuple(sorted(found, key=lambda flag: order.index(flag.concern)))


def _of_figures(item: ItemAnalysis, limits: Limits) -> Iterator[Flag]:
    facility, discrimination = item.facility, item.discrimination_index
    if item.count < limits.few:
        yield Flag(Concern.TOO_FEW, value=item.count, limit=limits.few)
    if facility is not None and facility < limits.hard:
        yield Flag(Concern.TOO_HARD, value=facility, limit=limits.hard)
    if facility is not None and facility > limits.easy:
        yield Flag(Concern.TOO_EASY, value=facility, limit=limits.easy)
    if item.sd == 0:
        yield Flag(Concern.CONSTANT, value=facility)
    if discrimination is not None and discrimination < 0:
        yield Flag(Concern.NEGATIVE, value=discrimination, limit=0)
    elif discrimination is not None and discrimination < limits.weak:
        yield Flag(Concern.WEAK, value=discrimination, limit=limits.weak)


def _of_options(options: OptionAnalysis, limits: Limits) -> Iterator[Flag]:
    """What the choices show. That nobody took an option, or that many took none, says something only of enough candidates."""
    enough = options.count >= limits.few
    keys = [choice for choice in options.choices if choice.key]
    for choice in options.choices:
        yield from _of_key(choice) if choice.key else _of_distractor(choice, keys, enough)
    omitted = options.omitted.share
    if enough and omitted is not None and omitted > limits.omitted:
        yield Flag(Concern.OMITTED, value=omitted, limit=limits.omitted)


def _of_key(key: ChoiceAnalysis) -> Iterator[Flag]:
    if key.discrimination is not None and key.discrimination < 0:
        yield Flag(Concern.KEY_REPELS, key.id, key.discrimination, 0)


def _of_distractor(choice: ChoiceAnalysis, keys: Sequence[ChoiceAnalysis], enough: bool) -> Iterator[Flag]:
    """Held against the key that fewest chose (a single question has but one)."""
    if enough and not choice.count:
        yield Flag(Concern.UNUSED, choice.id, 0)
    weakest_above = min((key.upper for key in keys), default=0)
    weakest = min((key.count for key in keys), default=0)
    if choice.upper > weakest_above:
        key_share = min((key.upper_share for key in keys if key.upper_share is not None), default=None)
        yield Flag(Concern.RIVAL, choice.id, choice.upper_share, key_share)
    elif choice.count > weakest:
        key_share = min((key.share for key in keys if key.share is not None), default=None)
        yield Flag(Concern.POPULAR, choice.id, choice.share, key_share)
    if choice.discrimination is not None and choice.discrimination > 0:
        yield Flag(Concern.ATTRACTS, choice.id, choice.discrimination, 0)
