import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.numbers import (
    NumberError,
    NumberPattern,
    Typed,
    compose,
    explain,
    mod_11_2,
    parse,
)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("1200", 2025, 1, 123), "TTM1200202530001236"),
        (("2301", 2026, 2, 7), "TTM230120262000007X"),
        (("3100", 2026, 3, 45), "TTM3100202610000459"),
    ],
)
def test_the_examples_of_the_domain_notes(parts, text):
    assert compose(*parts) == text
    number = parse(text)
    assert (number.region, number.year, number.rank, number.serial) == parts


@pytest.mark.parametrize(
    ("digits", "check"),
    [
        ("0794", "0"), ("079", "X"),  # ISO 7064 itself: 0794 0 and 079 X
        ("11010519491231002", "X"), ("44052418800101001", "4"),  # the two identity numbers in the text of GB 11643-1999
        ("000000021825009", "7"), ("000000021694233", "X"), ("000000015109370", "0"),  # ORCID's own examples
    ],
)  # fmt: skip
def test_published_examples_of_iso_7064_mod_11_2(digits, check):
    assert mod_11_2(digits) == check


@given(st.text("0123456789", min_size=1, max_size=25))
def test_the_check_character_is_the_one_of_the_definition(digits):
    """The sum of digits times powers of two, check character included (X: ten), is 1 modulo 11."""
    values = [int(c) for c in digits] + [10 if (c := mod_11_2(digits)) == "X" else int(c)]
    assert sum(v * 2**i for i, v in enumerate(reversed(values))) % 11 == 1


def test_a_wrong_check_digit_is_a_format_error_and_not_a_search():
    told = explain("TTM1200202530001237")
    assert (told.kind, told.reason, told.text) == (Typed.FORMAT_ERROR, "check", "")


@pytest.mark.parametrize(
    "typed", ["津技经〔2019〕第 0087 号", "2022-120116-00031", "TTM12002025300012", "ABC1200202530001236"]
)
def test_another_shape_is_searched_as_it_is(typed):
    told = explain(f"  {typed}\u200b ")
    assert (told.kind, told.text) == (Typed.OTHER, typed)


@pytest.mark.parametrize(
    "typed",
    [
        "ttm1200202530001236",
        "ＴＴＭ１２００２０２５３０００１２３６",
        " TTM 1200 2025 3000 1236 ",
        "TTM-1200-2025-3-000123-6",
    ],
)
def test_forgiven_ways_of_typing(typed):
    assert explain(typed).text == "TTM1200202530001236"


def test_nothing_typed():
    assert explain(" \u3000\t").kind is Typed.EMPTY


@pytest.mark.parametrize(("body", "reason"), [("120020259000123", "level"), ("120020253000000", "serial")])
def test_right_check_but_never_given(body, reason):
    told = explain(f"TTM{body}{mod_11_2(body)}")
    assert (told.kind, told.reason) == (Typed.FORMAT_ERROR, reason)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (("12", 2025, 1, 1), "region"),
        (("１２００", 2025, 1, 1), "region"),
        (("1200", 25, 1, 1), "year"),
        (("1200", 2025, 4, 1), "rank"),
        (("1200", 2025, 1, 0), "serial"),
        (("1200", 2025, 1, 1_000_000), "serial"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, code):
    with pytest.raises(NumberError) as refusal:
        compose(*parts)
    assert refusal.value.code == code


def test_a_pattern_is_data_and_comes_back_the_same():
    pattern = NumberPattern(prefix="HRB", region_digits=6, serial_digits=5, level_digits={1: "1", 2: "2"})
    assert NumberPattern.from_data(pattern.as_data()) == pattern
    text = compose("230100", 2026, 2, 77, pattern)
    assert parse(text, pattern).rank == 2
    assert explain(text).kind is Typed.OTHER
    assert explain(text, [NumberPattern(), pattern]).kind is Typed.OURS


@pytest.mark.parametrize(
    "data",
    [
        {"prefix": "ttm"},
        {"prefix": ""},
        {"serial_digits": 0},
        {"level_digits": {"1": "3", "2": "3"}},
        {"check": "luhn"},
    ],
)
def test_impossible_patterns_are_refused(data):
    with pytest.raises(NumberError):
        NumberPattern.from_data(data)


@given(st.integers(0, 9999), st.integers(1000, 9999), st.integers(1, 3), st.integers(1, 999_999), st.data())
def test_one_wrong_or_two_swapped_characters_never_pass(region, year, rank, serial, data):
    text = compose(f"{region:04d}", year, rank, serial)
    at = data.draw(st.integers(3, 17))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != text[at]]))
    assert explain(text[:at] + wrong + text[at + 1 :]).kind is Typed.FORMAT_ERROR
    if text[at] != text[at + 1] and text[at + 1] != "X":
        swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        assert explain(swapped).kind is Typed.FORMAT_ERROR


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(typed):
    assert explain(typed).kind in Typed
