"""Plain text and HTML as Markdown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_strategies import NASTY

from question_bank.formats import read
from question_bank.formats.markup import Lost, TooLong, from_html, from_markdown, from_plain, plain


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>a < b &amp; c > d</p>", "a < b & c > d"),
        ("<p>一</p><p>二<br>三</p>", "一\n\n二\\\n三"),
        ("<p>x<!-- c --><![if !s]>y<![endif]></p>", "xy"),
        ("H<sub>2</sub>O 10<sup>-3</sup> x<sub>max</sub> y<sup>a</sup>", "H₂O 10⁻³ x\\_(max) y^a"),
        ("甲<b> 乙 </b>丙 <i>丁</i> <del>戊</del> <code>a*`b</code>", "甲 **乙** 丙 *丁* ~~戊~~ ``a*`b``"),
        ("<ol start=3><li>a<ul><li>b<li>c</ul><li>d</ol>", "3. a\n   - b\n   - c\n4. d"),
        ("<blockquote>q</blockquote><pre>x\n  y</pre><h3>T</h3><hr>", "> q\n\n```\nx\n  y\n```\n\n### T\n\n---"),
        ("<p>1. not a list</p><p># no</p><p>- no</p>", "1\\. not a list\n\n\\# no\n\n\\- no"),
        ("<span><p>in</p></span>", "in"),
        ('<a href="https://a.b/c?d=1">k</a>', "[k](https://a.b/c?d=1)"),
        ('<img src="https://a.b/c.png" alt="图">', "![图](https://a.b/c.png)"),
        ("2*3*4 _a_ [[1]] &amp;lt;", "2\\*3\\*4 \\_a\\_ [\\[1]] \\&lt;"),
        ("2*3 = 6_a", "2\\*3 = 6_a"),
        ("<table><caption>C</caption><tr><th>a<th>b<tr><td>c|d</table>", "C\n\n| a | b |\n| --- | --- |\n| c\\|d |  |"),
        ("<script>alert(1)</script><style>p{}</style>x", "x"),
        ("<div>" * 200 + "deep" + "</div>" * 200, "deep"),
        ("<p", "<p"),
        ("", ""),
    ],
)
def test_html_becomes_markdown(html, markdown):
    assert from_html(html, Lost()) == markdown


def test_what_html_loses_is_told():
    lost = Lost()
    html = (
        '<p style="color:red"><u>x</u> <b>（甲）</b>乙</p><iframe src="x"></iframe><a href="javascript:alert(1)">j</a>'
        '<img src="@@PLUGINFILE@@/a%20b.png" alt="图 1"><img src="data:image/png;base64,AAAA">'
    )
    made = from_html(html, lost)
    assert made == "x （**甲**）乙\n\nj（图：图 1）（图）"
    assert (lost.pictures, lost.media) == (["a b.png", "data"], ["iframe", "a javascript:alert(1)"])
    assert lost.formatting == ["u"]
    assert from_markdown("a ![流程](@@PLUGINFILE@@/x.png) b", lost) == "a （图：流程） b"
    assert lost.pictures[-1] == "x.png"


def test_html_as_plain_words():
    assert from_html("<p>a <b>*b*</b></p><ul><li>c</li></ul>", Lost(), marks=False) == "a *b*\n\n- c"


def test_too_much_html():
    with pytest.raises(TooLong):
        from_html("x" * 100_001, Lost())
    assert from_html('<img src="data:image/png;base64,' + "A" * 200_000 + '">', Lost()) == "（图）"


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from(NASTY + "|\n"), max_size=20))
def test_plain_text_shows_as_it_is(text):
    lines = [line.strip() for line in text.strip().split("\n")]
    words = "\n".join(lines)
    while "\n\n\n" in words:
        words = words.replace("\n\n\n", "\n\n")
    assert plain(from_plain(words)) == words


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("**a** b", "a b"),
        ("a\\*b", "a*b"),
        ("- a\n- b", None),
        ("| a |\n| - |\n| b |", None),
        ("![x](y)", None),
        ("甲", "甲"),
    ],
)
def test_the_words_of_markdown(markdown, words):
    assert plain(markdown) == words


@pytest.mark.parametrize("bit", ["<a ", '<a href="x', "<!--", "<![", "<", "&#", "</a ", "[", "![", "`a", "*a "])
def test_broken_markup_costs_no_more_than_its_length(bit):
    """Each of these would take a minute where every bracket is searched for its end."""
    from_html(bit * (90_000 // len(bit)), Lost())
    assert read((bit * 200_000).encode(), "gift").items == []
