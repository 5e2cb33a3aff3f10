import pytest

from question_bank.flags import WORDS, Concern, Flag, Limits, flags
from question_bank.option_analysis import ChoiceAnalysis, OptionAnalysis
from question_bank.statistics import ItemAnalysis


def figures(count=100, facility=0.6, discrimination=0.4, sd=0.49):
    return ItemAnalysis(count, facility, sd, discrimination, 0.5, 0.1)


def choice(name, count, upper, lower, *, key=False, of=100, group=27):
    return ChoiceAnalysis(
        id=name, key=key, count=count, share=count / of, upper=upper, lower=lower, upper_share=upper / group,
        lower_share=lower / group, discrimination=(upper - lower) / group, correlation=None, mean_score=None,
    )  # fmt: skip


def options(*choices, omitted=0, count=100):
    return OptionAnalysis(count, 27, 27, choices, choice("", omitted, 0, 0, of=count))


SOUND = options(choice("a", 60, 24, 9, key=True), choice("b", 15, 1, 7), choice("c", 13, 1, 6), choice("d", 12, 1, 5))


def concerns(found):
    return [(flag.concern.value, flag.choice) for flag in found]


def test_a_sound_question_has_no_flag():
    assert flags(figures()) == flags(figures(), SOUND) == ()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (figures(count=29), [("too_few", 29, 30)]),
        (figures(facility=0.19), [("too_hard", 0.19, 0.2)]),
        (figures(facility=0.2), []),
        (figures(facility=0.96), [("too_easy", 0.96, 0.95)]),
        (figures(facility=0.95), []),
        (figures(discrimination=0.09), [("weak", 0.09, 0.1)]),
        (figures(discrimination=0.1), []),
        (figures(discrimination=-0.01), [("negative", -0.01, 0)]),
        (figures(discrimination=None), []),
        (figures(facility=1, discrimination=None, sd=0), [("too_easy", 1, 0.95), ("constant", 1, None)]),
        (ItemAnalysis(0, None, None, None, None, None), [("too_few", 0, 30)]),
    ],
)
def test_what_the_figures_show(item, expected):
    assert [(flag.concern, flag.value, flag.limit) for flag in flags(item)] == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        # nobody takes d
        ((choice("a", 60, 24, 9, key=True), choice("b", 40, 3, 18), choice("d", 0, 0, 0)), [("unused", "d")]),
        # the better ones prefer b to the key
        ((choice("a", 50, 10, 12, key=True), choice("b", 50, 17, 15)),
         [("rival", "b"), ("key_repels", "a"), ("attracts", "b")]),
        # b is taken by more than the key, but not by the better ones
        ((choice("a", 30, 20, 2, key=True), choice("b", 70, 7, 25)), [("popular", "b")]),
        # a few good ones take b
        ((choice("a", 80, 20, 18, key=True), choice("b", 20, 7, 5)), [("attracts", "b")]),
    ],
)  # fmt: skip
def test_what_the_options_show(chosen, expected):
    assert concerns(flags(figures(), options(*chosen))) == expected


def test_with_few_candidates_an_option_that_nobody_took_says_nothing():
    few = options(choice("a", 9, 2, 1, key=True, of=10, group=3), choice("b", 0, 0, 0, of=10, group=3), count=10)
    assert concerns(flags(figures(count=10), few)) == [("too_few", "")]


def test_a_question_that_many_left_open():
    left = options(choice("a", 60, 24, 9, key=True), choice("b", 29, 3, 9), omitted=11)
    assert [(flag.concern, flag.value, flag.limit) for flag in flags(figures(), left)] == [("omitted", 0.11, 0.1)]


def test_a_distractor_of_a_multiple_question_is_held_against_the_key_that_fewest_took():
    several = options(
        choice("a", 90, 27, 20, key=True),
        choice("b", 40, 10, 8, key=True),
        choice("c", 45, 12, 15),
        choice("d", 5, 0, 3),
    )
    assert concerns(flags(figures(), several)) == [("rival", "c")]


def test_limits_can_be_set():
    strict = Limits(hard=0.7, easy=0.8, weak=0.5, few=200, omitted=0)
    assert concerns(flags(figures(), limits=strict)) == [("too_hard", ""), ("weak", ""), ("too_few", "")]


def test_the_gravest_comes_first_and_says_whether_the_key_is_in_doubt():
    found = flags(
        figures(count=20, facility=0.1, discrimination=-0.3),
        options(choice("a", 10, 1, 4, key=True), choice("b", 90, 26, 23)),
    )
    assert concerns(found) == [
        ("negative", ""),
        ("rival", "b"),
        ("key_repels", "a"),
        ("attracts", "b"),
        ("too_hard", ""),
        ("too_few", ""),
    ]
    assert [flag.serious for flag in found] == [True, True, True, False, False, False]


def test_every_concern_has_a_reason_in_both_languages():
    assert set(WORDS) == set(Concern)
    for concern in Concern:
        flag = Flag(concern, "b", 0.125, 0.1)
        for language in ("zh", "en"):
            said = flag.text(language)
            assert said and "{" not in said
    assert Flag(Concern.TOO_HARD, "", 0.125, 0.2).text("zh") == "太难：得分率 0.12，低于 0.20"
    assert Flag(Concern.TOO_FEW, "", 12, 30).text("en") == (
        "Only 12 candidates, fewer than 30: the figures prove little"
    )
    assert Flag(Concern.RIVAL, "b", 0.6, 0.25).text("en", choice="C") == (
        "More of the upper group chose distractor C (60%) than the key (25%); check the key"
    )
    assert Flag(Concern.UNUSED, "d", 0).text() == "没有人选干扰项 d"
