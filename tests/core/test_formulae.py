"""Formulae as MathML, and nothing else."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.drawn_formulae import svg
from app.core.formulae import mathml, not_understood
from app.core.text import markdown


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (r"\frac{a}{b}", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"),
        ("x_1^2", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\sum_{t=1}^n C_t", "<munderover><mo>∑</mo>"),
        (r"\sqrt[3]{8}", "<mroot>"),
        (r"r \leq 5\%", "<mo>≤</mo><mn>5</mn>"),
        (r"\text{许可费<i>}", "<mtext>许可费&lt;i&gt;</mtext>"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "<mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr>"),
        (r"\begin{cases}1 & x>0\\0 & x \le 0\end{cases}", "<mtable>"),
        ("1,200.50", "<mn>1,200.50</mn>"),
        ("f(1,2)", "<mn>1</mn><mo>,</mo><mn>2</mn>"),
        (r"\left\{ a \right\}", "{</mo>"),
        ("f'", "′"),
        ("a<b", "<mo>&lt;</mo>"),
        (r"\alpha\times\bar{x}\pm\mathrm{NPV}", "<mi>α</mi>"),
    ],
)
def test_what_is_understood(source, holds):
    made = mathml(source, block=True)
    assert made is not None and holds in made
    ElementTree.fromstring(made)


@pytest.mark.parametrize(
    "source", [r"\foo{x}", "{", "}", "x^", "a^b^c", r"\frac{a}", r"\left(x", r"\begin{what}1\end{what}", "{" * 50 + "}" * 50,
     "&", "}", "a^", "{" * 900, r"\sqrt{" * 150 + "x" + "}" * 150, r"\left(" * 60, "x" * 2000, "a\x07b",
     r"\newcommand{\a}{xx}\a", r"\def\a{\b\b}\a", r"\href{javascript:alert(1)}{x}", r"\style{color:red}{x}"]
)  # fmt: skip
def test_what_is_not_understood_stays_readable(source):
    assert mathml(source) is None
    assert "<code>" in markdown(f"${source}$")


@given(st.text(alphabet=r"\{}[]^_&'abx12+-<>$%圆 fractextsumlimbegindpm", max_size=40))
def test_any_source_is_harmless(source):
    made = mathml(source)
    if made is not None:
        ElementTree.fromstring(made)
    html = markdown(f"$${source}$$")
    assert "<script" not in html and "onerror" not in html


def test_amounts_stay_amounts():
    html = markdown("费用 $5 到 $6，另付 $7")
    assert "<math" not in html and "$5" in html
    assert "<math" in markdown("费率 $r$。")
    assert "$r$" in markdown(r"\$r\$")


def test_pictures_of_ours_and_no_scripts():
    assert '<img src="/bank/pictures/abc"' in markdown("![x](/bank/pictures/abc)")
    for bad in (
        "![x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "[x](data:text/html,x)",
        "<svg onload=alert(1)>",
    ):
        html = markdown(bad)
        assert "<img src=x" not in html and "<svg" not in html and 'href="data:' not in html and 'src="java' not in html


def test_nothing_but_known_attributes_passes():
    made = mathml(r"\color{red}{x} \binom{n}{k} \mspace{2em} \rule{1em}{2em}") or ""
    assert "mathcolor" not in made and "style=" not in made and "height" not in made
    html = markdown(r"$\binom{n}{k}$")
    assert '<mfrac linethickness="0">' in html


def test_the_sanitiser_takes_nothing_away_from_a_formula():
    for source in (
        r"\frac{a}{b}",
        r"\sqrt[3]{x}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\left(\sum_{i=1}^n x_i\right)",
    ):
        assert (mathml(source) or "").replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "") in markdown(
            f"${source}$"
        )


def test_what_an_author_is_told():
    assert not_understood(r"费率 $r$ 与 $\foo{x}$，$$\frac{a$$ 和 $\foo{x}$，\$5 到 $6") == [r"\foo{x}", r"\frac{a"]


def test_for_print_formulae_are_drawn():
    html = markdown(r"净现值 $\frac{C_t}{1+r}$ 与 $\text{收益率}$ 与 $\foo{x}$", for_print=True)
    assert html.count("<svg") == 2 and "<math" not in html and r"<code>\foo{x}</code>" in html
    assert "<text" not in html and "id=" not in html


def test_characters_without_a_glyph_there_come_from_the_papers_font():
    assert svg("净") != svg("现") and (svg("净") or "").count("<path") == 1


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet=r"\{}[]^_&'abx12+-<>$%圆 fractextsumlimbegindpm", max_size=30))
def test_drawing_any_source_is_harmless(source):
    html = markdown(f"$${source}$$", for_print=True)
    assert "<script" not in html and "onerror" not in html
