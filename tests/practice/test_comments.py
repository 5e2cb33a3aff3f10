"""Comments at the line: typed beside a passage, kept with the review, read by the trainee once it is decided."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts.models import Person
from app.practice.models import Review
from app.practice.passages import comments_given, paragraphs, passages
from tests.factories import people as make
from tests.factories import practice

TOLD = {
    "did": "第一段\n\n  第二段  ", "result": "", "next_step": "下一步",
    "lines": [{"on": "2026-03-01", "text": "访谈", "hours": "3"}], "files": [{"name": "报告.pdf"}],
}  # fmt: skip


def test_passages_are_paragraphs_lines_and_files() -> None:
    assert paragraphs("甲\r\n\n乙\n") == ["甲", "乙"]
    assert list(passages(TOLD)) == ["did.0", "did.1", "next_step.0", "lines.0", "files.0"]


@pytest.mark.parametrize("place", ["did.2", "result.0", "__class__", "lines.-1", "did"])
def test_places_that_do_not_exist_are_not_kept(place: str) -> None:
    assert comments_given(TOLD, {place: "多余", "did.1": "  请写明日期 "}) == {"did.1": "请写明日期"}


def test_a_reviewer_comments_and_the_trainee_reads_it_once_decided(client_as: Any, app: Any) -> None:
    here = make.region()
    trainee: Person = make.person("周敏", region=here, organisation_id=make.organisation(here).id)
    entry = practice.in_review(trainee)
    review: Review = practice.asked(entry)[0]
    browser = client_as(review.reviewer)
    page = f"/practice/reviews/{review.id}"
    assert 'name="at-did.0" form="review-form"' in browser.get(page).text.replace('id="at-did.0" ', "")
    sent = {"remark": "", "do": "return", "at-did.0": "请附发明人签字", "at-lines.0": "时长不符", "at-did.9": "无此段"}
    refused = browser.post(page, data=sent)
    assert refused.status_code == 422 and "请附发明人签字" in refused.text
    assert browser.post(page, data=sent | {"remark": "请补充材料"}).status_code == 302
    seen = client_as(trainee).get(f"/practice/{entry.id}").text
    assert "请附发明人签字" in seen and "时长不符" in seen and "无此段" not in seen
    assert "请附发明人签字" in browser.get(page).text
