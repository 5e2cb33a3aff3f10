import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.names import (
    PRIVATE_USE,
    NameRefused,
    comparable,
    printable,
    same_name,
)

DOTTED = "阿卜杜热西提·买买提"


@pytest.mark.parametrize("dot", list("·•‧．・･∙⋅.") + [" · ", "• ", "\u2e31", "··"])
def test_every_kind_of_dot_prints_as_the_middle_dot(dot):
    assert printable(f"阿卜杜热西提{dot}买买提") == DOTTED
    assert same_name(f"阿卜杜热西提{dot}买买提", DOTTED)


@pytest.mark.parametrize(
    ("given_name", "on_paper"),
    [
        ("王 芳", "王芳"),
        ("王\u3000芳", "王芳"),
        ("\ufeff王\u200b芳 ", "王芳"),
        ("ＪＯＨＮ　Ｓｍｉｔｈ", "JOHN Smith"),
        ("J. R.  Smith", "J. R. Smith"),
        ("Zoë O’Neill-Brown", "Zoë O'Neill-Brown"),
        ("Zoe\u0308", "Zoë"),
        ("⻢⻰", "马龙"),
        ("\uf9a8狐", "令狐"),
        ("𠮷田䶮㐂", "𠮷田䶮㐂"),
        ("李雷 Leo", "李雷Leo"),
        ("葛\U000e0100城", "葛城"),
    ],
)
def test_what_goes_on_paper(given_name, on_paper):
    assert printable(given_name) == on_paper


def test_a_private_use_character_is_refused_by_name():
    with pytest.raises(NameRefused) as refusal:
        printable("王\ue863")
    assert refusal.value.code == "private-use"
    (meant,) = refusal.value.meant
    assert (meant.code, meant.suggestion) == ("U+E863", "䶮")
    assert "U+E863" in str(refusal.value) and "䶮" in str(refusal.value)


def test_an_unknown_private_use_character_has_no_suggestion():
    with pytest.raises(NameRefused) as refusal:
        printable("王\ue000")
    assert refusal.value.meant[0].suggestion is None


@pytest.mark.parametrize(
    ("private", "meant"),
    [
        ("\ue863", "䶮"),
        ("\ue815", "⺁"),
        ("\ue844", "䜣"),
        ("\ue83b", "𢦏"),
        ("\ue864", "龻"),
        ("\ue836", "⺮"),
        ("\ue856", "䲣"),
    ],
)
def test_the_known_private_use_table(private, meant):
    assert PRIVATE_USE[private] == meant


def test_the_table_is_whole_and_leads_out_of_private_use():
    assert set(PRIVATE_USE) == {chr(c) for c in range(0xE815, 0xE865)}
    assert not set(PRIVATE_USE) & set(PRIVATE_USE.values())
    assert len(set(PRIVATE_USE.values())) == len(PRIVATE_USE)


def test_an_old_register_still_matches():
    assert same_name("王\ue863", "王䶮")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("john smith", "JOHN SMITH"),
        ("John Smith", "JohnSmith"),
        ("O'Neill", "ONEILL"),
        ("王 芳", "王芳"),
        ("阿卜杜热西提买买提", DOTTED),
    ],
)
def test_the_same_name(one, other):
    assert same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("王芳", "王方"), ("王芳", "芳王"), ("", ""), ("·", " "), ("吉田", "𠮷田"), ("Zoë", "Zoe")]
)
def test_not_the_same_name(one, other):
    assert not same_name(one, other)


@pytest.mark.parametrize("empty", ["", "  ", "\u3000", "·", "\u200b"])
def test_an_empty_name_is_refused(empty):
    with pytest.raises(NameRefused) as refusal:
        printable(empty)
    assert refusal.value.code == "empty"


def test_control_characters_are_refused():
    with pytest.raises(NameRefused) as refusal:
        printable("王\x00芳")
    assert refusal.value.code == "control"


@given(st.text(max_size=30))
def test_printing_is_settled_after_once_and_compares_equal(name):
    try:
        once = printable(name)
    except NameRefused:
        comparable(name)
        return
    assert printable(once) == once
    assert comparable(once) == comparable(name)
