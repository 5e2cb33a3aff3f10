"""HTML to Markdown and back: what is shown stays the same, and nothing is read into plain text."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from question_bank.formats.html_markdown import nodes_of, parse_html, to_html, to_markdown, to_nodes


def shown(markdown):
    """The words of a Markdown text as a page shows them."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", to_html(markdown))).split())


MARKS = "a1 甲*_`#>-+.[](){}<&\\|~!:=\n\"'/@;x"


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from(MARKS), max_size=24))
def test_plain_text_is_shown_as_it_is(text):
    markdown = to_markdown(f"<p>{html.escape(text)}</p>")
    rendered = to_html(markdown)
    assert re.sub(r"</?p>|<br />", "", rendered).count("<") == 0, rendered
    kept = re.sub(r"(?<=甲)\s*\n\s*(?=甲)", "", text)
    assert shown(markdown) == " ".join(kept.split())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.sampled_from(MARKS), max_size=10), max_size=4),
    st.sampled_from(["p", "li", "td", "h2", "blockquote"]),
)
def test_blocks_keep_their_words(texts, name):
    inside = "".join(f"<{name}>{html.escape(text)}</{name}>" for text in texts)
    markdown = to_markdown({"li": "<ul>{}</ul>", "td": "<table><tr>{}</tr></table>"}.get(name, "{}").format(inside))
    kept = [re.sub(r"(?<=甲)\s*\n\s*(?=甲)", "", text) for text in texts]
    assert shown(markdown).split() == " ".join(kept).split()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_anything_can_be_read(text):
    for source in (text, f"<p>{text}<b>{text}</p>", f"<{text}>", f"<ul><li>{text}<li>x</ul>"):
        made = to_markdown(source)
        assert made == made.strip() and "\ud800" not in made
    assert isinstance(to_nodes(text), list)


@pytest.mark.parametrize(
    ("source", "markdown"),
    [
        ("一<br>二", "一\\\n二"),
        ("<p>a</p>\n<p>b</p>", "a\n\nb"),
        ("<b>粗体：</b>后文", "**粗体**：后文"),
        ("<em> x </em>y", " *x* y".strip()),
        ("<b></b>x<i> </i>", "x"),
        ("<del>旧</del><s>旧</s>", "~~旧~~~~旧~~"),
        ("<code>a*b</code> <code>`</code>", "`a*b` `` ` ``"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ("<ol start=3><li>x<ul><li>y</ul><li>z</ol>", "3. x\n   - y\n4. z"),
        ("<dl><dt>词</dt><dd>义</dd></dl>", "**词**\n\n义"),
        ("<h3>题</h3>文", "### 题\n\n文"),
        ("<hr>x", "---\n\nx"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        (
            "<table><caption>表</caption><tr><th>a|b<th>c<tr><td>1</table>",
            "表\n\n| a\\|b | c |\n| --- | --- |\n| 1 |  |",
        ),
        ("x<sup>2</sup>y<sub>n</sub><sup>ab</sup>", "x²y\\_n^(ab)"),
        ("<ruby>汉<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby>", "汉（hàn）"),
        ("<q>引</q>", "“引”"),
        ('<a href="https://a.b/c">文</a>', "[文](https://a.b/c)"),
        ('<a href="javascript:alert(1)">文</a>', "文"),
        ('<a href="https://a.b/c(d)">文</a>', "文"),
        ('<img src="https://a.b/c.png" alt="[图]">', "![[图]](https://a.b/c.png)"),
        ('<img src="x.png" alt="图">', "（图：图）"),
        ("<script>alert(1)</script><style>p{}</style>x", "x"),
        ("<!-- no -->x<![CDATA[y]]>", "x"),
        ("中文\n  断行 a\n b", "中文断行 a b"),
        ("&lt;b&gt; &amp;amp; 1&nbsp;2", "<b> \\&amp; 1 2"),
        ("1. 不是列表", "1\\. 不是列表"),
        ("[[1]]", "[\\[1]]"),
    ],
)
def test_each_thing_has_its_marks(source, markdown):
    assert to_markdown(source) == markdown


def test_what_is_left_out_is_said():
    told = []
    to_markdown(
        '<img src="a.png"><audio src="b.mp3"></audio><a href="c.pdf">c</a><math><mi>x</mi></math>',
        said=lambda code, **values: told.append((code, values.get("name"))),
    )
    assert told == [
        ("picture_left_out", "a.png"),
        ("media_left_out", "b.mp3"),
        ("link_left_out", "c.pdf"),
        ("formula_simplified", None),
    ]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", "a/(b+1)"),
        ("<msqrt><mi>x</mi></msqrt>", "√(x)"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "3√(x)"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x\\_(i)^(2)"),
        ('<semantics><mi>x</mi><annotation encoding="application/x-tex">\\alpha</annotation></semantics>', "\\alpha"),
    ],
)
def test_formulas_become_one_line(formula, text):
    assert to_markdown(f"<math>{formula}</math>") == text


@pytest.mark.parametrize(
    "markdown",
    ["**粗** *斜* ~~删~~ `码`", "一\n\n二", "- a\n- b", "1. a\n2. b", "> 引", "| a | b |\n| --- | --- |\n| 1 | 2 |", "# 题",
     "[文](https://a.b)", "![图](https://a.b/c.png)", "```\nx < y\n```", "一\\\n二", "A_1 \\*x", "---"],
)  # fmt: skip
def test_markdown_comes_back(markdown):
    assert to_markdown(nodes_of(to_nodes(markdown))) == markdown
    assert "style=" not in to_html(markdown)


def test_markdown_that_shows_nothing_stays_as_text():
    assert to_nodes("[x]: http://a.b") == ["[x]: http://a.b"]


def test_untidy_html_is_bounded():
    assert to_markdown("<div>" * 5000 + "x") == "x"
    assert parse_html("<![if x]>y").text.endswith("y")
