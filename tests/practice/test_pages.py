"""The pages: entry form, files, confidentiality, other people's ids, lists."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import OrganisationKind, Person
from app.audit.models import AuditEntry
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.practice import service
from app.practice.models import Confidentiality, Evidence, LogEntry, Review, TaskView
from app.practice.states import State
from tests.factories import people as make
from tests.factories import practice


@pytest.fixture
def here(app: Any) -> Any:
    return make.region()


@pytest.fixture
def trainee(here: Any) -> Person:
    return make.person("周敏", region=here, organisation_id=make.organisation(here).id)


def fresh(row: Any) -> Any:
    db.session.rollback()
    return db.session.get_one(type(row), row.id, populate_existing=True)


def day(back: int) -> str:
    return (clock.today() - timedelta(days=back)).isoformat()


def task_fields(**more: Any) -> dict[str, Any]:
    return {
        "rank": "1", "task_code": "T02", "title": "膜材料企业需求挖掘", "project": "膜材料", "real": "1", "counterpart": "甲公司",
        "host_unit": "转移中心", "role": "leading", "share": "100", "started_on": day(5), "ended_on": day(2), "base_id": "0",
    } | more  # fmt: skip


def files(*named: tuple[str, bytes], **more: Any) -> dict[str, Any]:
    return {"files": [(io.BytesIO(data), name) for name, data in named], "do": "add"} | more


# --- the entry form ---------------------------------------------------------------------------------------------------


def test_a_task_is_logged_step_by_step(client_as: Any, trainee: Person) -> None:
    mentor = make.officer(Role.MENTOR, name="陈导师")
    browser = client_as(trainee)
    assert "还没有填报任务" in browser.get("/practice").text
    made = browser.post("/practice/new", data=task_fields(do="next"))
    entry = db.session.query(LogEntry).one()
    assert made.location == f"/practice/{entry.id}/edit/work"
    lines = {
        "lines-0-on": day(3),
        "lines-0-hours": "6.5",
        "lines-0-text": "走访",
        "lines-1-on": "",
        "lines-1-hours": "",
        "lines-1-text": "",
    }
    told = {"did": "走访企业", "result": "需求三项", "next_step": "检索专利"}
    assert browser.post(f"/practice/{entry.id}/edit/work", data=lines | told | {"do": "next"}).status_code == 302
    picture = b"\x89PNG\r\n\x1a\n" + b"x" * 50
    sent = browser.post(
        f"/practice/{entry.id}/edit/evidence", data=files(("需求书.pdf", practice.PDF), ("照片.png", picture))
    )
    assert sent.status_code == 302
    page = browser.get(f"/practice/{entry.id}/edit/submit").text
    assert "陈导师 · 待办 0 项" in page and "还需补全" not in page
    done = browser.post(
        f"/practice/{entry.id}/edit/submit",
        data={
            "confidentiality": "internal",
            "mentor_id": str(mentor.id),
            "self_score": "85",
            "honest": "y",
            "do": "submit",
        },
    )
    assert done.location == f"/practice/{entry.id}"
    entry = fresh(entry)
    assert (entry.state, str(entry.hours), len(entry.versions[0].file_ids)) == (State.SUBMITTED, "6.50", 2)
    assert "需求三项" in browser.get(f"/practice/{entry.id}").text


def test_a_draft_may_leave_things_out_and_going_on_may_not(client_as: Any, trainee: Person) -> None:
    browser = client_as(trainee)
    little = {"rank": "1", "task_code": "T01", "title": "先占个位置"}
    refused = browser.post("/practice/new", data=little | {"do": "next"})
    assert refused.status_code == 422 and "先占个位置" in refused.text
    assert browser.post("/practice/new", data=little | {"do": "draft"}).status_code == 302
    assert browser.post("/practice/new", data={"rank": "1", "task_code": "T01", "do": "draft"}).status_code == 422
    assert db.session.query(LogEntry).one().title == "先占个位置"


@pytest.mark.parametrize(
    "bad",
    [
        {"rank": "9"}, {"rank": "x"}, {"task_code": "T99"}, {"task_code": "T14"}, {"title": "长" * 161}, {"real": "2"},
        {"role": "boss"}, {"share": "0"}, {"share": "100.01"}, {"share": "NaN"}, {"share": "33.333"}, {"started_on": "2026-02-30"},
        {"started_on": "9999-12-31"}, {"ended_on": "gestern"}, {"base_id": "999"}, {"base_id": "x"},
    ],
)  # fmt: skip
def test_bad_values_are_named_and_nothing_is_saved(client_as: Any, trainee: Person, bad: dict[str, str]) -> None:
    answer = client_as(trainee).post("/practice/new", data=task_fields(do="next") | bad)
    assert answer.status_code == 422
    assert "field-error" in answer.text or "error-summary" in answer.text
    assert db.session.query(LogEntry).count() == 0


def test_script_and_nul_in_text_are_only_text(client_as: Any, trainee: Person) -> None:
    browser = client_as(trainee)
    browser.post("/practice/new", data=task_fields(title="<script>alert(1)</script>\0", project="=1+1", do="next"))
    entry = db.session.query(LogEntry).one()
    page = browser.get(f"/practice/{entry.id}").text
    assert entry.title == "<script>alert(1)</script>" and "&lt;script&gt;" in page and "<script>alert" not in page


@pytest.mark.parametrize(
    "line",
    [
        {"on": "", "hours": "2", "text": "x"},
        {"on": "x", "hours": "2", "text": "x"},
        {"on": None, "hours": "25", "text": "x"},
        {"on": None, "hours": "0", "text": "x"},
        {"on": None, "hours": "2", "text": ""},
    ],
)
def test_half_a_work_line_is_refused_and_kept(client_as: Any, trainee: Person, line: dict[str, Any]) -> None:
    entry = practice.draft(trainee)
    sent = {f"lines-0-{k}": day(1) if v is None else v for k, v in line.items()} | {
        "did": "改过的经过",
        "result": "r",
        "next_step": "n",
    }
    answer = client_as(trainee).post(f"/practice/{entry.id}/edit/work", data=sent | {"do": "draft"})
    assert answer.status_code == 422 and "改过的经过" in answer.text
    assert len(fresh(entry).lines) == 1


def test_submitting_too_early_lists_what_is_missing(client_as: Any, trainee: Person) -> None:
    mentor = make.officer(Role.MENTOR)
    with unit_of_work():
        entry = service.new_entry(trainee, rank=1, task_code="T01", title="早了", now=clock.now())
    sent = {"confidentiality": "open", "mentor_id": str(mentor.id), "self_score": "60", "honest": "y", "do": "submit"}
    answer = client_as(trainee).post(f"/practice/{entry.id}/edit/submit", data=sent)
    assert answer.status_code == 422
    assert "尚无佐证材料" in answer.text and f"/practice/{entry.id}/edit/evidence" in answer.text
    assert fresh(entry).state is State.DRAFT


def test_a_submitted_entry_is_not_edited_by_address(client_as: Any, trainee: Person) -> None:
    entry = practice.submitted(trainee)
    browser = client_as(trainee)
    for step in ("task", "work", "evidence", "submit"):
        assert (
            browser.post(f"/practice/{entry.id}/edit/{step}", data=task_fields(title="偷改")).location
            == f"/practice/{entry.id}"
        )
    assert browser.post(f"/practice/{entry.id}/delete").status_code == 409
    assert fresh(entry).title != "偷改"


def test_a_draft_is_deleted_with_its_files(client_as: Any, trainee: Person) -> None:
    entry = practice.draft(trainee)
    assert client_as(trainee).post(f"/practice/{entry.id}/delete").status_code == 302
    assert db.session.query(LogEntry).count() == db.session.query(Evidence).count() == 0


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("report.pdf", b"<html><script>alert(1)</script></html>", "内容"),
        ("photo.png", b"%PDF-1.4 not a picture", "内容"),
        ("page.html", b"<html></html>", "内容"),
        ("tool.exe", b"MZ\x90\x00\x03\x00", "内容"),
        ("empty.pdf", b"", "空"),
        ("big.pdf", b"%PDF-1.4" + b"0" * (20 * 1024 * 1024), "10"),
    ],
    ids=["html as pdf", "pdf as png", "html", "program", "empty", "20 MB"],
)
def test_wrong_files_are_refused_by_name(client_as: Any, trainee: Person, name: str, data: bytes, words: str) -> None:
    entry = practice.draft(trainee)
    answer = client_as(trainee).post(f"/practice/{entry.id}/edit/evidence", data=files((name, data)))
    assert answer.status_code == 422
    assert name in answer.text and words in answer.text
    assert len(fresh(entry).files) == 1


def test_a_bad_file_does_not_take_the_good_one_with_it(client_as: Any, trainee: Person) -> None:
    entry = practice.draft(trainee)
    answer = client_as(trainee).post(
        f"/practice/{entry.id}/edit/evidence", data=files(("a.pdf", b""), ("b.pdf", practice.PDF + b"new"))
    )
    assert answer.status_code == 422 and "a.pdf" in answer.text
    assert [e.file.name for e in fresh(entry).files] == ["evidence.pdf", "b.pdf"]


def test_the_same_file_twice(client_as: Any, trainee: Person, here: Any) -> None:
    one = practice.submitted(trainee, evidence=practice.PDF + b"same")
    answer = client_as(trainee)
    again = practice.draft(trainee, "T02", evidence=practice.PDF + b"same")
    assert f"任务 {one.id} 号" in answer.get(f"/practice/{again.id}/edit/evidence").text
    twice = answer.post(f"/practice/{again.id}/edit/evidence", data=files(("again.pdf", practice.PDF + b"same")))
    assert twice.status_code == 422 and "内容相同" in twice.text
    other = make.person("吴强", region=here)
    copied = practice.in_review(other, evidence=practice.PDF + b"same")
    review = practice.asked(copied)[0]
    page = client_as(review.reviewer).get(f"/practice/reviews/{review.id}").text
    assert "其他人也提交过" in page and "周敏" not in page


def test_files_come_as_they_are_and_never_run(client_as: Any, trainee: Person) -> None:
    entry = practice.draft(trainee)
    browser = client_as(trainee)
    browser.post(f"/practice/{entry.id}/edit/evidence", data=files(("note.txt", b"<script>alert(1)</script>")))
    note = next(e for e in fresh(entry).files if e.file.name == "note.txt")
    answer = browser.get(f"/practice/{entry.id}/files/{note.file_id}?show=1")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


# --- who sees what ----------------------------------------------------------------------------------------------------


def seen_by(client_as: Any, person: Any, entry: LogEntry, file_id: int) -> tuple[int, int]:
    browser = client_as(person)
    return browser.get(f"/practice/{entry.id}").status_code, browser.get(
        f"/practice/{entry.id}/files/{file_id}"
    ).status_code


@pytest.mark.parametrize("level", list(Confidentiality))
def test_confidentiality(client_as: Any, trainee: Person, here: Any, level: Confidentiality) -> None:
    entry = practice.in_review(trainee, confidentiality=level)
    file_id, reviewer = entry.files[0].file_id, practice.asked(entry)[0].reviewer
    office = make.officer(Role.CERTIFICATION, Scope.REGION, here.id)
    elsewhere = make.officer(Role.CERTIFICATION, Scope.REGION, make.region().id)
    auditor, stranger = make.officer(Role.AUDITOR), make.person()
    other_reviewer, other_mentor = make.officer(Role.REVIEWER), make.officer(Role.MENTOR)
    for allowed in (trainee, entry.mentor, reviewer, auditor):
        assert seen_by(client_as, allowed, entry, file_id) == (200, 200), allowed
    for refused in (stranger, elsewhere, other_reviewer, other_mentor):
        assert seen_by(client_as, refused, entry, file_id) == (404, 404), refused
    assert seen_by(client_as, office, entry, file_id) == ((404, 404) if level is Confidentiality.CORE else (200, 200))
    assert client_as(None).get(f"/practice/{entry.id}").status_code == 302
    desk = client_as(office).get(f"/practice/entries/{entry.id}")
    assert desk.status_code == 200 and "访谈发明人" not in desk.text
    assert client_as(elsewhere).get(f"/practice/entries/{entry.id}").status_code == 404
    views = db.session.query(TaskView).count()
    assert views == (6 if level is Confidentiality.CORE else 0)  # page and file, three others than the owner


def test_openings_of_core_are_logged_and_shown_to_the_owner(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee, confidentiality=Confidentiality.CORE)
    review = practice.asked(entry)[0]
    browser, name, file_id = client_as(review.reviewer), review.reviewer.name, entry.files[0].file_id
    assert "已被记录" in browser.get(f"/practice/reviews/{review.id}").text
    browser.get(f"/practice/{entry.id}/files/{file_id}")
    browser.get(f"/practice/{entry.id}/versions/1")
    rows = [(v.person_id, v.file_id) for v in db.session.query(TaskView).order_by(TaskView.id)]
    assert rows == [(review.reviewer_id, None), (review.reviewer_id, file_id), (review.reviewer_id, None)]
    assert db.session.query(AuditEntry).filter_by(deed="practice.core.open", person_id=review.reviewer_id).count() == 3
    page = client_as(trainee).get(f"/practice/{entry.id}").text
    assert page.count(name) == 3 and "evidence.pdf" in page


def test_core_stays_guarded_after_it_was_opened_up(client_as: Any, trainee: Person, here: Any) -> None:
    entry = practice.submitted(trainee, confidentiality=Confidentiality.CORE)
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.return_to_trainee(found, by=found.mentor, remark="请修改", now=clock.now())
        service.save_draft(found, by=found.trainee, now=clock.now(), confidentiality=Confidentiality.OPEN)
    practice.submit(entry)
    office = make.officer(Role.CERTIFICATION, Scope.REGION, here.id)
    assert client_as(office).get(f"/practice/{entry.id}/versions/1").status_code == 404


def test_drafts_and_unsubmitted_changes_are_the_owners_alone(client_as: Any, trainee: Person) -> None:
    entry = practice.draft(trainee)
    auditor, mentor_id = make.officer(Role.AUDITOR), entry.mentor_id
    mentor = db.session.get_one(Person, mentor_id)
    for person in (auditor, mentor):
        assert client_as(person).get(f"/practice/{entry.id}").status_code == 404
    practice.submit(entry)
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.return_to_trainee(found, by=found.mentor, remark="请修改", now=clock.now())
        service.save_draft(found, by=found.trainee, now=clock.now(), result="尚未提交的新结果")
        added = service.attach(
            found, practice.PDF + b"later", name="later.pdf", by=found.trainee, now=clock.now()
        ).file_id
    page = client_as(mentor).get(f"/practice/{entry.id}").text
    assert "尚未提交的新结果" not in page and "later.pdf" not in page
    assert client_as(mentor).get(f"/practice/{entry.id}/files/{added}").status_code == 404
    assert "尚未提交的新结果" in client_as(trainee).get(f"/practice/{entry.id}").text


def test_who_loses_the_role_loses_the_material(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    for person in (entry.mentor, practice.asked(entry)[0].reviewer):
        assert client_as(person).get(f"/practice/{entry.id}").status_code == 200
        with unit_of_work():
            for held in db.session.get_one(Person, person.id).roles:
                held.ended_at = clock.now()
        assert client_as(person).get(f"/practice/{entry.id}").status_code == 404


def test_a_long_log_can_still_be_opened(client_as: Any, trainee: Person) -> None:
    entry = practice.draft(trainee)
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        many = [(clock.today(), Decimal("0.25"), f"第 {n} 条") for n in range(200)]
        service.save_draft(found, by=found.trainee, now=clock.now(), lines=many)
    assert client_as(trainee).get(f"/practice/{entry.id}/edit/work").status_code == 200


def test_other_peoples_ids(client_as: Any, trainee: Person, here: Any) -> None:
    entry = practice.in_review(trainee)
    review, file_id = practice.asked(entry)[0], entry.files[0].file_id
    thief = make.person("路人", region=here)
    for role in (Role.MENTOR, Role.REVIEWER):
        make.hold(thief, role)
    browser = client_as(thief)
    for path in (
        f"/practice/{entry.id}",
        f"/practice/{entry.id}/edit/task",
        f"/practice/{entry.id}/versions/1",
        f"/practice/{entry.id}/compare",
        f"/practice/reviews/{review.id}",
        f"/practice/{entry.id}/files/{file_id}",
        "/practice/99999999999999999999",
        "/practice/reviews/99999999999",
    ):
        assert browser.get(path).status_code == 404, path
    for path in (
        f"/practice/{entry.id}/edit/task",
        f"/practice/{entry.id}/withdraw",
        f"/practice/{entry.id}/delete",
        f"/practice/{entry.id}/files/{file_id}/remove",
        f"/practice/{entry.id}/confirm",
        f"/practice/reviews/{review.id}",
    ):
        assert browser.post(path, data=task_fields(remark="x", do="score")).status_code == 404, path
    own = practice.draft(thief, mentor=make.officer(Role.MENTOR))
    assert browser.get(f"/practice/{own.id}/files/{file_id}").status_code == 404
    assert browser.post(f"/practice/{own.id}/files/{file_id}/remove").status_code == 404
    assert fresh(entry).state is State.IN_REVIEW


def test_roles_that_do_not_fit_are_refused(client_as: Any, trainee: Person) -> None:
    for path in ("/practice/mentoring", "/practice/reviews", "/practice/entries", "/practice/load"):
        assert client_as(trainee).get(path).status_code == 403
    auditor = client_as(make.officer(Role.AUDITOR))
    entry = practice.submitted(trainee)
    assert auditor.get("/practice/entries").status_code == auditor.get("/practice/load").status_code == 200
    assert auditor.post(f"/practice/entries/{entry.id}/pick").status_code == 403


def test_a_base_sees_the_mentors_and_reviewers_of_the_whole_site(client_as: Any, here: Any) -> None:
    region = make.region()
    base = make.organisation(region, OrganisationKind.BASE)
    officer = make.officer(Role.BASE, Scope.ORGANISATION, base.id)
    make.officer(Role.MENTOR, name="方志远")
    make.officer(Role.REVIEWER, Scope.ORGANISATION, base.id, name="宋雅琴")
    make.officer(Role.MENTOR, Scope.ORGANISATION, make.organisation(region).id, name="别处导师")
    page = client_as(officer).get("/practice/load").text
    assert "方志远" in page and "宋雅琴" in page and "别处导师" not in page


# --- mentor, reviewer, office -----------------------------------------------------------------------------------------


def test_the_mentor_confirms_or_returns(client_as: Any, trainee: Person) -> None:
    practice.reviewers(1)
    one, two = practice.submitted(trainee), practice.submitted(trainee, "T02")
    browser = client_as(one.mentor)
    assert browser.get("/practice/mentoring").text.count("已提交") >= 2
    bare = browser.post(f"/practice/{one.id}/confirm", data={"remark": "", "do": "return"})
    assert bare.status_code == 422 and "需要修改之处" in bare.text
    assert browser.post(f"/practice/{one.id}/confirm", data={"remark": "缺少签字页", "do": "return"}).status_code == 302
    assert browser.post(f"/practice/{two.id}/confirm", data={"remark": "", "do": "confirm"}).status_code == 302
    assert (fresh(one).state, fresh(two).state) == (State.RETURNED, State.IN_REVIEW)
    assert browser.post(f"/practice/{two.id}/confirm", data={"do": "confirm"}).status_code == 409
    assert "缺少签字页" in client_as(trainee).get(f"/practice/{one.id}").text


def rubric(total: int, **more: Any) -> dict[str, Any]:
    return (
        {f"points_{c}": str(p) for c, p in practice.shares(total).items()}
        | {"remark": "总体可行", "do": "score"}
        | more
    )


def test_the_reviewer_scores_by_the_rubric(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    review = practice.asked(entry)[0]
    browser = client_as(review.reviewer)
    assert entry.title in browser.get("/practice/reviews").text
    too_much = browser.post(f"/practice/reviews/{review.id}", data=rubric(80, points_truth="21"))
    assert too_much.status_code == 422 and "总体可行" in too_much.text
    assert browser.post(f"/practice/reviews/{review.id}", data=rubric(80, points_truth="")).status_code == 422
    assert browser.post(f"/practice/reviews/{review.id}", data=rubric(40, remark="")).status_code == 422
    done = browser.post(f"/practice/reviews/{review.id}", data=rubric(81, remark_truth="材料互证"))
    assert done.location == "/practice/reviews"
    assert browser.post(f"/practice/reviews/{review.id}", data=rubric(99)).status_code == 409
    page = client_as(trainee).get(f"/practice/{entry.id}").text
    assert "得分 81" in page and "材料互证" in page
    assert review.reviewer.name not in page  # the trainee is not told who
    assert fresh(entry).score == 81


def test_reviewers_are_blind_to_each_other(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee, "T05", 3)
    first, second = practice.asked(entry)
    practice.give(first, 77, remark="第一位的意见")
    browser = client_as(second.reviewer)
    for path in (f"/practice/reviews/{second.id}", f"/practice/{entry.id}"):
        page = browser.get(path).text
        assert "第一位的意见" not in page and "得分 77" not in page
    make.hold(second.reviewer, Role.CERTIFICATION)  # an officer who reviews is as blind as any reviewer
    desk = client_as(second.reviewer).get(f"/practice/entries/{entry.id}").text
    assert first.reviewer.name in desk and ">77<" not in desk
    assert ">77<" in client_as(make.officer(Role.CERTIFICATION)).get(f"/practice/entries/{entry.id}").text
    for person in (trainee, entry.mentor):
        assert "第一位的意见" not in client_as(person).get(f"/practice/{entry.id}").text
    practice.give(second, 79)
    assert "第一位的意见" in browser.get(f"/practice/reviews/{second.id}").text


def test_return_and_decline_from_the_page(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    review = practice.asked(entry)[0]
    browser = client_as(review.reviewer)
    assert browser.post(f"/practice/reviews/{review.id}", data={"do": "return", "remark": ""}).status_code == 422
    assert (
        browser.post(f"/practice/reviews/{review.id}", data={"do": "return", "remark": "补充检索式"}).status_code == 302
    )
    assert fresh(entry).state is State.RETURNED
    assert "补充检索式" in client_as(trainee).get(f"/practice/{entry.id}").text
    practice.submit(entry)
    practice.confirm(entry)
    again = practice.asked(entry)[0]
    assert (
        browser.post(f"/practice/reviews/{again.id}", data={"do": "decline", "decline-remark": ""}).status_code == 422
    )
    assert (
        browser.post(f"/practice/reviews/{again.id}", data={"do": "decline", "decline-remark": "亲属"}).status_code
        == 302
    )
    assert browser.get(f"/practice/reviews/{again.id}").status_code == 404


def test_versions_side_by_side(client_as: Any, trainee: Person) -> None:
    entry = practice.submitted(trainee)
    browser = client_as(trainee)
    assert browser.get(f"/practice/{entry.id}/compare").status_code == 404
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.return_to_trainee(found, by=found.mentor, remark="请修改", now=clock.now())
        service.save_draft(found, by=found.trainee, now=clock.now(), result="形成披露表两份。")
    practice.submit(entry)
    page = browser.get(f"/practice/{entry.id}/compare").text
    assert "<del>一</del><ins>两</ins>" in page and "共修改 1 项" in page
    assert browser.get(f"/practice/{entry.id}/compare?old=x&new=9").status_code == 404
    assert "形成披露表一份" in browser.get(f"/practice/{entry.id}/versions/1").text


def test_the_office_assigns(client_as: Any, trainee: Person, here: Any) -> None:
    office = make.officer(Role.BASE, Scope.REGION, here.id)
    entry = practice.submitted(trainee)
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.confirm(found, by=found.mentor, now=clock.now())
    browser = client_as(office)
    assert fresh(entry).state is State.CONFIRMED
    assert "没有可用且无利益冲突" in browser.get(f"/practice/entries/{entry.id}").text
    colleague = make.officer(Role.REVIEWER, name="同事", organisation_id=trainee.organisation_id)
    fit = make.officer(Role.REVIEWER, name="合适人选")
    page = browser.get(f"/practice/entries/{entry.id}").text
    assert "合适人选 · 待办 0 项" in page and "同事 ·" not in page
    assert (
        browser.post(f"/practice/entries/{entry.id}/reviewer", data={"reviewer-person_id": colleague.id}).status_code
        == 422
    )
    assert (
        browser.post(f"/practice/entries/{entry.id}/reviewer", data={"reviewer-person_id": fit.id}).status_code == 302
    )
    review = practice.asked(entry)[0]
    assert review.reviewer_id == fit.id
    assert browser.post(f"/practice/entries/{entry.id}/release/{review.id}").status_code == 302
    assert fresh(entry).state is State.CONFIRMED
    assert browser.get(f"/practice/{entry.id}").status_code == 200  # internal material is open to the office
    sheet = browser.get("/practice/entries?export=xlsx")
    assert sheet.data[:2] == b"PK"


def test_a_defence_is_recorded_from_the_page(client_as: Any, trainee: Person) -> None:
    browser = client_as(make.officer(Role.CERTIFICATION))
    entry = practice.in_review(trainee, "T14", 3)
    sent = {"defence-held_on": day(-3), "defence-panel": "甲、乙", "defence-minutes": "问答", "defence-outcome": "1"}
    assert browser.post(f"/practice/entries/{entry.id}/defence", data=sent).status_code == 422
    assert (
        browser.post(f"/practice/entries/{entry.id}/defence", data=sent | {"defence-held_on": day(0)}).status_code
        == 302
    )
    assert fresh(entry).defences[0].passed


# --- languages and cost -----------------------------------------------------------------------------------------------

HAN = re.compile(r"[\u4e00-\u9fff]")
TEXT = re.compile(r"<(?:script|style)[^>]*>.*?</(?:script|style)>|<[^>]+>", re.S)


def test_english_is_complete(client_as: Any, here: Any) -> None:
    trainee = make.person("Anna", region=None, locale="en")
    entry = practice.draft(trainee, title="A task", mentor=make.officer(Role.MENTOR, name="Ben"))
    browser = client_as(trainee)
    for path in (
        "/practice",
        "/practice/catalogue",
        "/practice/new",
        f"/practice/{entry.id}/edit/work",
        f"/practice/{entry.id}/edit/evidence",
        f"/practice/{entry.id}/edit/submit",
    ):
        words = TEXT.sub(" ", browser.get(path).text)
        left = [m.group() for m in re.finditer(r"[\u4e00-\u9fff]{2,}", words) if m.group() not in KNOWN]
        assert not left, (path, left)


KNOWN = {
    "中文",
    "访谈发明人并填写披露表",
    "形成披露表一份",
    "开展专利检索",
    "访谈与整理",
    "技术经理人培训认证平台运营方",
}


@pytest.mark.parametrize("who", ["mine", "mentoring", "reviews", "entries"])
def test_lists_cost_the_same_with_more_rows(client_as: Any, trainee: Person, queries: Any, who: str) -> None:
    def count(browser: Any, path: str) -> int:
        db.session.rollback()
        with queries() as seen:
            assert browser.get(path).status_code == 200
        return len(seen)

    mentor, reviewer = make.officer(Role.MENTOR), make.officer(Role.REVIEWER)
    practice.in_review(trainee, "T01", mentor=mentor)
    person, path = {
        "mine": (trainee, "/practice"), "mentoring": (mentor, "/practice/mentoring"), "reviews": (reviewer, "/practice/reviews"),
        "entries": (make.officer(Role.CERTIFICATION), "/practice/entries"),
    }[who]  # fmt: skip
    browser = client_as(person)
    browser.get(path)
    before = count(browser, path)
    for n in range(6):
        other = (
            trainee if who == "mine" else make.person(f"学员{n}", organisation_id=make.organisation(trainee.region).id)
        )
        practice.in_review(other, "T02", mentor=mentor)
    assert count(browser, path) == before <= 14


@pytest.mark.parametrize("path", ["/practice/mentoring", "/practice/reviews"])
def test_what_is_behind_a_mentor_and_a_reviewer_has_its_own_tab(client_as: Any, trainee: Person, path: str) -> None:
    mentor = make.officer(Role.MENTOR)
    practice.reviewers(1)
    old, new = practice.submitted(trainee, mentor=mentor), practice.submitted(trainee, "T02", mentor=mentor)
    practice.confirm(old)
    reader = mentor
    if path.endswith("reviews"):
        practice.confirm(new)
        found = db.session.query(Review).filter_by(entry_id=old.id).one()
        practice.give(found, 80)
        reader = found.reviewer
    browser = client_as(reader)
    now, past, done = (
        browser.get(path).text,
        browser.get(f"{path}?tab=past").text,
        browser.get(f"{path}?tab=past&q=%E6%97%A0").text,
    )
    assert new.title in now and old.title not in now and "已处理" in now
    assert old.title in past and new.title not in past
    assert f'href="{path}?tab=past"' in done, "clearing the search stays on the tab"


def test_reviews_are_asked_of_the_reviewer_alone(client_as: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    assert db.session.query(Review).filter_by(entry_id=entry.id).count() == 1
    assert "没有待您评审的任务" in client_as(make.officer(Role.REVIEWER)).get("/practice/reviews").text


def test_a_mentor_goes_from_one_task_to_the_next(app: Any, client_as: Any) -> None:
    """Ten taps for ten tasks: each confirmation opens the next one; core material is not opened in passing."""
    mentor = make.officer(Role.MENTOR, name="郑国")
    made = [practice.submitted(make.person(f"学员{n}"), mentor=mentor) for n in range(3)]
    core = practice.submitted(make.person("保密"), mentor=mentor, confidentiality=Confidentiality.CORE)
    client = client_as(mentor)
    page = client.get(f"/practice/{made[0].id}").text
    assert "共有 4 项待您确认" in page and f'href="/practice/{made[1].id}"' in page
    answer = client.post(f"/practice/{made[0].id}/confirm", data={"do": "confirm", "remark": ""})
    assert answer.location == f"/practice/{made[1].id}"
    page = client.get(answer.location).text
    assert "还有 3 项" in page and "共有 3 项待您确认" in page
    answer = client.post(f"/practice/{made[1].id}/confirm", data={"do": "return", "remark": "请补充签字页。"})
    assert answer.location == f"/practice/{made[2].id}"
    answer = client.post(f"/practice/{made[2].id}/confirm", data={"do": "confirm", "remark": ""})
    assert answer.location == "/practice/mentoring"
    assert "还有 1 项" in client.get(answer.location).text
    db.session.rollback()
    assert db.session.scalar(select(func.count()).where(TaskView.entry_id == core.id)) == 0
