"""What candidates made of a question: figures of each exam session, and of all sessions together, by revision. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, tanh

NEARLY_ONE = 0.999999


@dataclass(frozen=True)
class ChoiceCount:
    """How many chose an option. ``part`` of a case, else empty; ``name``: its letter, ``true`` or ``false``."""

    part: str
    name: str
    text: str
    key: bool
    count: int


@dataclass(frozen=True)
class Sat:
    """One exam session: who had the question (``count``), facility 0–1, discrimination −1…1, how many left it open."""

    title: str
    url: str
    count: int
    facility: float | None
    discrimination: float | None
    omitted: int
    choices: tuple[ChoiceCount, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class RevisionHistory:
    number: int
    sessions: tuple[Sat, ...]

    @property
    def pooled(self) -> Sat:
        """All sessions together."""
        return pooled(self.sessions)


def pooled(sessions: Sequence[Sat]) -> Sat:
    """Counts are added, the facility is the mean over all candidates.

    Discriminations are correlations with the rest of different papers, so no mark can be put beside another; their mean is taken
    over Fisher's z, each weighted by its candidates less 3 (Hedges and Olkin, *Statistical Methods for Meta-Analysis*, 1985,
    ch. 11). ``None`` where no session has one, or none has more than three candidates.
    """
    choices: dict[tuple[str, str], ChoiceCount] = {}
    for one in sessions:
        for choice in one.choices:
            known = choices.get((choice.part, choice.name))
            count = choice.count + (known.count if known else 0)
            choices[choice.part, choice.name] = ChoiceCount(choice.part, choice.name, choice.text, choice.key, count)
    known_facility = [(one.count, one.facility) for one in sessions if one.facility is not None and one.count]
    flags = dict.fromkeys(flag for one in sessions for flag in one.flags)
    return Sat(
        title="",
        url="",
        count=sum(one.count for one in sessions),
        facility=_mean(known_facility),
        discrimination=_mean_correlation(sessions),
        omitted=sum(one.omitted for one in sessions),
        choices=tuple(choices.values()),
        flags=tuple(flags),
    )


def _mean(weighted: Sequence[tuple[int, float]]) -> float | None:
    whole = sum(weight for weight, _value in weighted)
    return sum(weight * value for weight, value in weighted) / whole if whole else None


def _mean_correlation(sessions: Sequence[Sat]) -> float | None:
    found = [
        (one.count - 3, atanh(max(-NEARLY_ONE, min(NEARLY_ONE, one.discrimination))))
        for one in sessions
        if one.discrimination is not None and one.count > 3
    ]
    mean = _mean(found)
    return None if mean is None else tanh(mean)
