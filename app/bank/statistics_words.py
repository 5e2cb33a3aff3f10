"""Findings of the statistics in words: short ones for lists, with what they mean."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from question_bank.flags import SERIOUS, Concern

CONCERNS = {
    Concern.NEGATIVE: _l("negative discrimination"),
    Concern.RIVAL: _l("distractor beats the key"),
    Concern.KEY_REPELS: _l("key repels the best"),
    Concern.POPULAR: _l("popular distractor"),
    Concern.ATTRACTS: _l("distractor attracts the best"),
    Concern.TOO_HARD: _l("too hard"),
    Concern.TOO_EASY: _l("too easy"),
    Concern.CONSTANT: _l("same mark for all"),
    Concern.WEAK: _l("weak discrimination"),
    Concern.UNUSED: _l("unused option"),
    Concern.OMITTED: _l("often left open"),
    Concern.TOO_FEW: _l("few candidates"),
}
MEANINGS = {
    Concern.NEGATIVE: _l("Those who did well elsewhere did worse here: check the key."),
    Concern.RIVAL: _l("More of the best chose a wrong option than the key: check the key."),
    Concern.KEY_REPELS: _l("The weak chose the key more often than the best: check the key."),
    Concern.POPULAR: _l("More candidates chose a wrong option than the key."),
    Concern.ATTRACTS: _l("The best chose a wrong option more often than the weak: it may be ambiguous."),
    Concern.TOO_HARD: _l("Hardly anybody has it right."),
    Concern.TOO_EASY: _l("Nearly everybody has it right."),
    Concern.CONSTANT: _l("Everybody got the same mark."),
    Concern.WEAK: _l("It hardly tells the better from the weaker."),
    Concern.UNUSED: _l("Nobody chose one of the wrong options."),
    Concern.OMITTED: _l("Many left it open."),
    Concern.TOO_FEW: _l("Too few candidates to judge."),
}


def flag_badges(flags: tuple[str, ...]) -> list[tuple[object, str, object]]:
    """Word, tone and meaning of each finding."""
    found = [Concern(flag) for flag in flags if flag in set(Concern)]
    return [(CONCERNS[one], "stopped" if one in SERIOUS else "soon", MEANINGS[one]) for one in found]
