"""The macros every page is made of: forms, lists, parts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from flask import render_template_string
from flask_babel import force_locale
from sqlalchemy import select
from wtforms import BooleanField, FileField, FormField
from wtforms.widgets import CheckboxInput, ListWidget

from app.accounts.models import Region
from app.core.forms import BaseForm, Exact, LongText, RadioField, SelectField, SelectMultipleField, ShortText
from app.core.tables import Column, Filter, Listing
from app.core.text import strung
from tests.factories import people


class Inner(BaseForm):
    class Meta(BaseForm.Meta):
        csrf = False

    city = ShortText("City")


class Everything(BaseForm):
    title = ShortText("Title", description="As printed")
    body = LongText("Body", required=False)
    points = Exact("Points")
    kind = SelectField("Kind", choices=[("a", "A"), ("b", "B")])
    one = RadioField("One of", choices=[("x", "X"), ("y", "Y")])
    many = SelectMultipleField("Several", choices=[("p", "P")], widget=ListWidget(), option_widget=CheckboxInput())
    agreed = BooleanField("Agreed")
    file = FileField("File")
    inner = FormField(Inner, "Address")


def show(source: str, **values: Any) -> str:
    return render_template_string(source, **values)


FORM = '{% from "_macros/form.html" import form %}{{ form(f, submit="Send", keep="k", confirm="Sure?") }}'


def test_a_form_labels_every_field_and_names_every_error(app: Any) -> None:
    with app.test_request_context(method="POST", data={"points": "many", "title": ""}):
        f = Everything()
        assert not f.validate()
        f.form_errors.append("Something across fields")
        page = show(FORM, f=f)
    for field in ("title", "body", "points", "kind", "agreed", "file", "inner-city"):
        assert f'for="{field}"' in page
    assert page.count('role="alert"') == 1
    assert 'href="#title"' in page
    assert "Something across fields" in page
    assert 'aria-describedby="title-help title-error"' in page
    assert 'aria-invalid="true"' in page
    assert 'enctype="multipart/form-data"' in page
    assert 'data-keep="k"' in page
    assert 'data-confirm="Sure?"' in page
    assert page.count("<fieldset") == 3
    assert "City" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_token_of_a_form_is_no_field_of_the_reader(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    with app.test_request_context():
        page = show(FORM, f=Everything())
    assert page.count('name="csrf_token"') == 1 and "CSRF" not in page


def test_a_form_escapes_what_was_typed(app: Any) -> None:
    with app.test_request_context(method="POST", data={"title": '"><script>alert(1)</script>'}):
        f = Everything()
        f.validate()
        page = show(FORM, f=f)
    assert "<script>" not in page


def test_an_action_button_is_a_form_with_its_values(app: Any) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        with app.test_request_context():
            page = show(
                '{% from "_macros/form.html" import action_button %}'
                '{{ action_button("/x", "Withdraw", confirm="Really?", reason="<late>") }}'
            )
    finally:
        app.config["WTF_CSRF_ENABLED"] = False
    assert 'method="post" action="/x"' in page
    assert 'name="csrf_token" value="' in page
    assert 'name="reason" value="&lt;late&gt;"' in page
    assert 'data-confirm="Really?"' in page


@pytest.fixture
def regions(app: Any) -> None:
    for i in range(60):
        people.region(f"{3000 + i}", f"地区{i:02d}")


def regions_list(args: dict[str, str]) -> Listing:
    columns = [
        Column("code", "Code", lambda r: r.code, Region.code),
        Column("name", "Name", lambda r: r.name_zh),
        Column("share", "Share", lambda r: Decimal("0.50"), numeric=True),
    ]
    ours = Filter("ours", "Ours", [("yes", "Yes"), ("no", "No")], lambda v: Region.ours.is_(v == "yes"))
    return Listing(select(Region).where(Region.code >= "3000", Region.code < "4000"), columns, args, [ours],
                   [Region.name_zh], "code")  # fmt: skip


LIST = """{% from "_macros/table.html" import listing %}
{% call(row, column) listing(rows, caption="Regions", empty="None yet", export=true) %}{% if column.key == "name" %}<b>{{ row.name_zh }}</b>{% endif %}{% endcall %}"""


@pytest.mark.usefixtures("regions")
def test_a_list_keeps_filter_sort_and_page_in_the_address(app: Any) -> None:
    with app.test_request_context("/regions"):
        page = show(LIST, rows=regions_list({"q": "地区", "ours": "yes", "sort": "-code", "page": "2", "other": "1"}))
    assert 'aria-sort="descending"' in page
    assert "共 60 条" in page
    assert "第 2 页，共 3 页" in page
    assert re.search(r'rel="next" href="\?[^"]*q=[^"]*ours=yes[^"]*sort=-code[^"]*page=3', page)
    assert 'name="other" value="1"' in page
    assert "page=" not in re.search(r'class="list-export" href="([^"]+)"', page)[1]  # type: ignore[index]
    assert page.count("<b>地区") == 25
    assert 'data-label="Code"' in page
    assert ">0.5<" in page


@pytest.mark.usefixtures("regions")
def test_a_very_long_list_is_not_counted_to_its_end_and_can_be_leafed_through(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.tables.COUNTED", 30)
    with app.test_request_context("/regions"):
        pages = [show(LIST, rows=regions_list({"page": str(n)})) for n in (1, 2, 3, 900)]
        rows = regions_list({"page": "3"})
    assert all("共 超过 30 条" in page for page in pages)
    assert "第 1 页" in pages[0] and "页，共" not in pages[0]
    assert 'page=2"' in pages[0] and 'page=3"' in pages[1]
    assert "下一页" not in pages[2]
    assert [page.count("<b>地区") for page in pages] == [25, 25, 10, 25]
    assert "第 2 页" in pages[3], "behind the end: the last page that was counted"
    assert (rows.total, rows.exact_total) == (30, 60)


@pytest.mark.usefixtures("regions")
def test_a_list_says_when_nothing_matches_and_when_nothing_is_there(app: Any) -> None:
    with app.test_request_context("/regions"):
        nothing = show(LIST, rows=regions_list({"q": "无此地区"}))
        assert "没有符合筛选条件的内容" in nothing
        assert "None yet" not in nothing
        rows = regions_list({})
        rows.total = 0
        assert "None yet" in show(LIST, rows=rows)


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize(
    "args", [{"page": "-1"}, {"page": "x"}, {"sort": "drop table"}, {"ours": "maybe"}, {"q": "\0%_"}]
)
def test_a_list_ignores_what_it_does_not_know(app: Any, args: dict[str, str]) -> None:
    with app.test_request_context("/regions"):
        page = show(LIST, rows=regions_list(args))
    assert ("没有符合筛选条件的内容" if "q" in args else "第 1 页，共 3 页") in page


@pytest.mark.usefixtures("regions")
def test_bulk_names_its_buttons_and_boxes(app: Any) -> None:
    with app.test_request_context("/regions"):
        page = show(
            '{% from "_macros/table.html" import listing %}{{ listing(rows, bulk=[{"url": "/do", "label": "Do", "words": "Do it to {n}", "confirm": "Sure?"}]) }}',
            rows=regions_list({}),
        )
    assert page.count('name="ids"') == 25
    assert 'formaction="/do"' in page
    assert 'data-words="Do it to {n}"' in page
    assert "js/bulk.js" in page


def test_parts_show_progress_in_words_and_without_styles(app: Any) -> None:
    with app.test_request_context("/"):
        page = show(
            '{% from "_macros/parts.html" import ring, steps, timeline, facts, tabs, notice %}'
            '{% from "_macros/chart.html" import bars %}{% from "_macros/state.html" import badge, stage_name %}'
            '{{ ring(12, 60, "h", stage="training") }}{{ ring(0, 0) }}{{ steps(["A", "B", "C"], 1) }}'
            '{{ facts([("Nothing", none), ("Truth", true)]) }}{{ tabs([{"label": "T", "url": "/", "count": 0, "active": true}]) }}'
            '{{ bars("Chart", [("A", 0.5), ("B", 1)], unit="%", scale=100) }}{{ badge("有效", "valid") }}{{ stage_name("exam") }}'
            '{{ timeline([{"at": none, "what": "W"}]) }}{% call notice("soon", "N") %}body{% endcall %}'
        )
    assert 'stroke-dasharray="20.00 100"' in page
    assert "<strong>12</strong>" in page
    assert "style=" not in page
    assert 'aria-current="step"' in page
    assert 'class="count">0<' in page
    assert 'width="50.00%"' in page
    assert page.count("50%</td>") == 1
    assert "是" in page


def test_sentences_of_several_are_strung_together_without_doubled_marks(app: Any) -> None:
    with app.test_request_context("/"):
        assert (
            strung("出借证书", "经核实属实。", "", "持证人陈述：没有。") == "出借证书；经核实属实；持证人陈述：没有。"
        )
        assert strung("查实", "查实") == "查实" and strung() == ""
        assert strung("lent", "found so.", english=True) == "lent; found so."


def test_names_in_a_row_are_set_apart_as_the_language_does(app: Any) -> None:
    source = "{{ ['甲', '乙 & 丙']|in_a_row }}"
    with app.test_request_context("/"):
        assert show(source) == "甲、乙 &amp; 丙"
    with app.test_request_context("/"), force_locale("en"):
        assert show(source) == "甲, 乙 &amp; 丙"
