"""The pages: who sees what, what refuses, and that lists cost the same with more rows."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import service
from app.certification.models import Application, Certificate, Objection, StatusChange
from app.certification.states import Change, Standing, State
from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from app.jobs.models import Job
from app.jobs.service import run_waiting
from tests.factories import certification as made
from tests.factories import people


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id, populate_existing=True)


def on_notice(holder: Person, reviewer: Person, at: Any, rank: int = 1) -> Application:
    return made.application(
        holder, rank, now=at("2026-03-01 09:00"), state=State.PUBLICITY, reviewed_by_id=reviewer.id,
        published_on=date(2026, 3, 2), notice_ends_on=date(2026, 3, 9), unit_name="滨海创新公司", class_name="第一期",
        evidence={"applicant": {"name": holder.name, "unit": "滨海创新公司", "class": "第一期"},
                  "pathway": made.pathway(rank).as_evidence()},
    )  # fmt: skip


def test_applying_on_the_page(judged: Any, holder: Person, client_as: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    browser = client_as(holder)
    assert "还没有证书" in browser.get("/certificates").text
    assert browser.get("/apply/9").status_code == 404
    page = browser.get("/apply/1")
    assert page.status_code == 200 and "提交申请" in page.text
    assert browser.post("/apply/1", data={}).status_code == 422
    answer = browser.post("/apply/1", data={"pledge": "y"})
    assert answer.status_code == 302
    page = browser.get(answer.location)
    assert "待审核" in page.text and "SHA-256" in page.text
    assert browser.get("/apply/1").location == answer.location
    assert 'href="/apply/1"' not in browser.get("/certificates").text
    assert browser.post(answer.location + "/withdraw").status_code == 302
    assert "已撤回" in browser.get(answer.location).text


def test_a_holder_is_offered_the_levels_above_alone(holder: Person, client_as: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    made.certificate(holder, 2, now=at("2026-03-02 09:00"))
    page = client_as(holder).get("/certificates").text
    assert [rank for rank in (1, 2, 3) if f'href="/apply/{rank}"' in page] == [3]


def test_missing_is_said_and_the_form_is_not_offered(judged: Any, holder: Person, client_as: Any) -> None:
    judged.missing = True
    page = client_as(holder).get("/apply/1")
    assert "3" in page.text and 'name="pledge"' not in page.text
    answer = client_as(holder).post("/apply/1", data={"pledge": "y"})
    assert answer.status_code == 422 and "还差" in answer.text


def test_other_peoples_cases_and_certificates_are_not_there(
    judged: Any, binhai: Any, holder: Person, client_as: Any, at: Any
) -> None:
    application = made.application(holder, now=at("2026-03-02 09:00"))
    certificate = made.certificate(made.trainee(binhai, "另一人"), now=at("2026-03-02 09:00"))
    other, elsewhere = people.person("旁人"), people.region("2301", "哈尔滨市")
    browser = client_as(other)
    for path in (f"/applications/{application.id}", f"/certificates/{certificate.id}/pdf", f"/certificates/{certificate.id}/renewal",
                 "/applications/99999999999", "/certificates/99999999999/pdf"):  # fmt: skip
        assert browser.get(path).status_code == 404, path
    for path in (f"/applications/{application.id}/withdraw", f"/applications/{application.id}/submit"):
        assert browser.post(path).status_code == 404, path
    harbin = client_as(people.officer(Role.CERTIFICATION, people.Scope.REGION, elsewhere.id))
    for path in (f"/office/applications/{application.id}", f"/office/certificates/{certificate.id}"):
        assert harbin.get(path).status_code == 404, path
    assert harbin.post(f"/office/applications/{application.id}", data={"do": "take"}).status_code == 404
    assert holder.name not in harbin.get("/office/applications?tab=review").text


def test_the_officers_walk_a_case_to_the_certificate(
    judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    application = made.application(holder, now=at("2026-03-02 09:00"))
    a, b = client_as(officers()), client_as(officers())
    path = f"/office/applications/{application.id}"
    set_clock(at("2026-03-02 10:00"))
    assert "待审核" in a.get("/office/applications").text
    assert a.post(path, data={"do": "take"}).status_code == 302
    answer = a.post(path, data={"do": "return"})
    assert answer.status_code == 422 and "理由" in answer.text
    assert a.post(path, data={"do": "nonsense"}).status_code == 404
    assert a.post(path, data={"do": "publish", "reason": "材料齐全"}).status_code == 302
    notice = client_as(None).get("/notice")
    assert holder.name in notice.text and "2026年3月9日" in notice.text
    set_clock(at("2026-03-10 00:01"))
    assert holder.name not in client_as(None).get("/notice").text
    assert a.post(path, data={"do": "issue"}).status_code == 403
    assert "待审定" in b.get("/office/applications?tab=decide").text
    answer = b.post(path, data={"do": "issue"})
    assert answer.status_code == 302
    number = db.session.scalars(select(Certificate.number)).one()
    assert number in b.get(answer.location).text
    assert "正在制作" in client_as(holder).get("/certificates").text
    run_waiting()
    page = client_as(holder).get("/certificates").text
    assert number in page and "下载 PDF" in page
    certificate = db.session.scalars(select(Certificate)).one()
    pdf = client_as(holder).get(f"/certificates/{certificate.id}/pdf")
    assert pdf.data.startswith(b"%PDF") and number in pdf.headers["Content-Disposition"]
    assert b.get(f"/office/certificates/{certificate.id}/pdf?edition=1").data == pdf.data


def test_the_notice_shows_only_what_may_be_shown(
    judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    application = on_notice(holder, officers(), at)
    set_clock(at("2026-03-09 23:00"))
    page = client_as(None).get(f"/notice/{application.id}").text
    for word in (holder.name, "滨海创新公司", "第一期"):
        assert word in page
    for secret in (holder.email, holder.id_masked):
        assert secret and secret not in page
    assert client_as(None).get(f"/notice/{application.id + 1}").status_code == 404


def test_anybody_objects_and_the_office_settles(
    judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    officer = officers()
    application = on_notice(holder, officer, at)
    set_clock(at("2026-03-05 09:00"))
    path, anybody = f"/notice/{application.id}", client_as(None)
    assert anybody.post(path, data={"name": "张"}).status_code == 422
    words = {"name": "张三", "contact": "zhang@example.org", "grounds": "<script>alert(1)</script> 培训学时不实"}
    assert anybody.post(path, data=words).status_code == 302
    one = db.session.scalars(select(Objection)).one()
    case = client_as(officer).get(f"/office/applications/{application.id}").text
    assert "<script>alert" not in case and "zhang@example.org" in case
    assert "张三" not in client_as(holder).get(f"/applications/{application.id}").text
    settle = f"/office/objections/{one.id}"
    assert client_as(officer).post(settle, data={"upheld": "maybe"}).status_code == 422
    office = client_as(officer)
    answer = office.post(settle, data={"upheld": "no", "finding": "查无实据"})
    assert answer.status_code == 302 and "zhang@example.org 答复异议人张三" in office.get(answer.location).text
    assert again(application).state is State.PUBLICITY
    set_clock(at("2026-03-10 09:00"))
    assert anybody.post(path, data=words).status_code == 404
    page = anybody.get(path)  # the address was kept, or handed on
    assert page.status_code == 404 and "公示可能已经结束" in page.text and holder.name not in page.text
    assert anybody.get("/notice/99999").text.split("<main")[1] == page.text.split("<main")[1]
    assert "现由另一位工作人员审定" in client_as(holder).get(f"/applications/{application.id}").text
    assert "待审定" in client_as(holder).get("/certificates").text


def test_objections_are_limited_by_address(
    app: Any, judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    application = on_notice(holder, officers(), at)
    set_clock(at("2026-03-05 09:00"))
    words = {"name": "张三", "contact": "zhang@example.org", "grounds": "培训学时不实，请核查。"}
    app.config["RATELIMIT_ENABLED"] = True
    try:
        answers = [client_as(None).post(f"/notice/{application.id}", data=words).status_code for _ in range(6)]
    finally:
        app.config["RATELIMIT_ENABLED"] = False
    assert answers == [302] * 5 + [422]


def test_bulk_review_and_issue_run_case_by_case(
    judged: Any, binhai: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    cases = [made.application(made.trainee(binhai, f"学员{i}"), now=at("2026-03-02 09:00")) for i in range(3)]
    own = made.application(a_as_trainee(a), now=at("2026-03-02 09:00"))
    set_clock(at("2026-03-02 10:00"))
    ids = [c.id for c in (*cases, own)]
    answer = client_as(a).post("/office/applications/bulk", data={"do": "publish", "ids": [*ids, "x", "99999"]})
    assert answer.status_code == 302
    run_waiting()
    job = db.session.scalars(select(Job)).one()
    assert (job.done, job.refused) == (3, 1)
    assert 'href="/office/applications">认证申请</a>' in client_as(a).get(f"/jobs/{job.id}").text
    set_clock(at("2026-03-10 09:00"))
    client_as(b).post("/office/applications/bulk", data={"do": "issue", "ids": [c.id for c in cases]})
    client_as(b).post("/office/applications/bulk", data={"do": "issue", "ids": [c.id for c in cases]})  # pressed twice
    run_waiting()
    assert sorted(db.session.scalars(select(Certificate.serial))) == [1, 2, 3]
    assert client_as(b).post("/office/applications/bulk", data={"do": "else", "ids": ids}).status_code == 404
    assert client_as(b).post("/office/applications/bulk", data={"do": "issue"}).status_code == 302


def a_as_trainee(officer: Person) -> Person:
    return again(officer)


def test_decisions_on_the_certificate_page(judged: Any, holder: Person, officers: Any, client_as: Any, at: Any) -> None:
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    a, b = client_as(officers()), client_as(officers())
    path = f"/office/certificates/{certificate.id}"
    assert a.post(f"{path}/change", data={"kind": "suspend"}).status_code == 422
    assert a.post(f"{path}/change", data={"kind": "blow up", "reason": "x"}).status_code == 422
    assert a.post(f"{path}/change", data={"kind": "suspend", "reason": "调查中"}).status_code == 302
    assert "已暂停" in a.get(path).text
    assert a.post(f"{path}/change", data={"kind": "revoke", "reason": "查实"}).status_code == 302
    one = db.session.scalars(select(StatusChange).where(StatusChange.kind == Change.REVOKE)).one()
    assert a.post(f"/office/changes/{one.id}/confirm").status_code == 403
    assert b.post(f"/office/changes/{one.id}/drop", data={}).status_code == 422
    early_page = b.get(path).text  # no button that would only be refused
    assert f"{one.id}/confirm" not in early_page and "到期次日" in early_page
    early = b.post(f"/office/changes/{one.id}/confirm")
    assert early.status_code == 409 and "陈述" in early.text  # the holder is heard first
    made.heard(one, now=clock.now())
    assert f"/office/changes/{one.id}/confirm" in b.get(path).text
    assert b.post(f"/office/changes/{one.id}/confirm").status_code == 302
    assert again(certificate).standing is Standing.REVOKED
    assert b.post(f"{path}/edition", data={"kind": "reprint", "reason": "遗失"}).status_code == 409
    assert "已撤销" in client_as(holder).get("/certificates").text


def test_a_new_edition_on_the_page(judged: Any, holder: Person, officers: Any, client_as: Any, at: Any) -> None:
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    officer = client_as(officers())
    path = f"/office/certificates/{certificate.id}"
    assert officer.post(f"{path}/edition", data={"kind": "first", "reason": "x"}).status_code == 422
    assert officer.post(f"{path}/edition", data={"kind": "reprint", "reason": "遗失"}).status_code == 302
    assert officer.post(f"{path}/render").status_code == 302
    run_waiting()
    assert len(again(certificate).editions) == 2
    page = officer.get(path).text
    assert "已被替代" in page and "补发" in page
    assert client_as(holder).get(f"/certificates/{certificate.id}/pdf?edition=1").status_code == 200


def test_an_auditor_reads_and_changes_nothing(judged: Any, holder: Person, client_as: Any, at: Any) -> None:
    application = made.application(holder, 2, now=at("2026-03-02 09:00"))
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    auditor = client_as(people.officer(Role.AUDITOR))
    page = auditor.get(f"/office/applications/{application.id}").text
    assert 'name="do"' not in page
    page = auditor.get(f"/office/certificates/{certificate.id}").text
    assert "/change" not in page and "/edition" not in page
    for path in (
        f"/office/applications/{application.id}",
        f"/office/certificates/{certificate.id}/change",
        "/office/applications/bulk",
    ):
        assert auditor.post(path, data={"do": "take"}).status_code == 403


def test_renewal_on_the_pages(
    judged: Any, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    certificate = made.certificate(holder, now=at("2025-09-15 09:00"))
    clerk = officers()
    path = f"/certificates/{certificate.id}/renewal"
    set_clock(at("2028-01-01 09:00"))
    held = client_as(holder).get("/certificates").text
    assert "2028年6月16日" in held
    assert 'href="/apply/1"' not in held and 'href="/apply/2"' in held
    set_clock(at("2028-07-01 09:00"))
    browser, officer = client_as(holder), client_as(clerk)
    assert "申请续期" in browser.get("/certificates").text
    assert browser.post(path, data={"hours": "x"}).status_code == 422

    def file(name: str, data: bytes) -> dict[str, Any]:
        return {"hours": "72", "policy_hours": "12", "proof": (io.BytesIO(data), name)}

    assert browser.post(path, data=file("proof.pdf", b"MZ\0\0 not a pdf")).status_code == 422
    assert browser.post(path, data=file("proof.pdf", b"%PDF-1.7\n...") | {"hours": "10"}).status_code == 422
    assert browser.post(path, data=file("proof.pdf", b"%PDF-1.7\n...")).status_code == 302
    waiting = browser.get(path).text
    assert "待审核" in waiting and "proof.pdf" in waiting and "填报学时" in waiting and "正在核对" in waiting
    page = officer.get("/office/renewals")
    assert certificate.number in page.text
    case = "/office/renewals/1"
    assert "proof.pdf" in officer.get(case).text
    assert officer.get(f"{case}/proof").data.startswith(b"%PDF")
    assert officer.post(f"{case}/return", data={}).status_code == 422
    assert officer.post(f"{case}/grant").status_code == 302
    assert officer.post(f"{case}/grant").status_code == 409
    assert again(certificate).valid_until == date(2031, 9, 14)
    assert "续期受理时间：2031年6月" in browser.get(path).text and "逾期须重新认定" not in browser.get(path).text
    assert client_as(people.person("旁人")).get(case).status_code == 403


@pytest.mark.parametrize("path", ["/office/applications?tab=review", "/office/certificates", "/notice"])
def test_lists_cost_the_same_with_more_rows(
    path: str, judged: Any, binhai: Any, officers: Any, client_as: Any, queries: Any, set_clock: Any, at: Any
) -> None:
    officer = officers()
    browser = client_as(officer)
    set_clock(at("2026-03-05 09:00"))

    def fill(count: int) -> None:
        for _ in range(count):
            holder = made.trainee(binhai)
            made.application(holder, 2, now=at("2026-03-02 09:00"))
            on_notice(holder, officer, at, 3)
            made.certificate(holder, now=at("2026-03-02 09:00"), by=officer)

    def cost() -> int:
        with queries() as seen:
            assert browser.get(path).status_code == 200
        return len(seen)

    fill(2)
    few = cost()
    fill(6)
    assert cost() == few <= 16


def test_filters_and_excel(judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any) -> None:
    officer = officers()
    for day in ("2023-03-02", "2026-03-02"):
        made.certificate(made.trainee(binhai, f"=持证人{day[:4]}"), now=at(f"{day} 09:00"), by=officer)
    set_clock(at("2026-03-05 09:00"))
    browser = client_as(officer)
    expired = browser.get("/office/certificates?state=expired").text
    assert "持证人2023" in expired and "持证人2026" not in expired
    assert "持证人2026" in browser.get("/office/certificates?q=持证人2026&state=valid").text
    sheet = load_workbook(io.BytesIO(browser.get("/office/certificates?export=xlsx&state=valid").data)).active
    rows = list(sheet.values)
    assert len(rows) == 2 and rows[1][1] == "=持证人2026" and sheet["B2"].data_type == "s"
    for value in ("valid", "expiring", "expired", "suspended", "revoked", "cancelled"):
        shown = browser.get(f"/office/certificates?state={value}").text
        for one in db.session.scalars(select(Certificate)):
            assert (one.number in shown) == (service.state_on(one, date(2026, 3, 5)).value == value)


def test_pages_speak_english_too(judged: Any, holder: Person, officers: Any, client_as: Any, at: Any) -> None:
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    application = made.application(holder, 2, now=at("2026-03-02 09:00"))
    officer = client_as(officers())
    officer.get("/language/en")
    assert "Waiting for review" in officer.get(f"/office/applications/{application.id}").text
    queue = officer.get("/office/applications?tab=review").text
    assert "Waiting for review" not in queue and ">Waiting</span>" in queue.replace("\n", "")
    page = officer.get(f"/office/certificates/{certificate.id}").text
    assert "Technology Manager Certificate" in page and "Suspend" in page


def test_a_second_tab_does_not_act_twice(judged: Any, holder: Person, officers: Any, client_as: Any, at: Any) -> None:
    application = made.application(holder, now=at("2026-03-02 09:00"))
    officer = client_as(officers())
    path = f"/office/applications/{application.id}"
    assert officer.post(path, data={"do": "return", "reason": "补材料"}).status_code == 302
    answer = officer.post(path, data={"do": "publish"})
    assert answer.status_code == 409 and "状态" in answer.text
    with unit_of_work():
        assert locked(application).state is State.RETURNED


def test_with_the_real_pathway_a_newcomer_reads_what_is_missing(
    holder: Person, officers: Any, client_as: Any, at: Any
) -> None:
    """Nothing handed in here: the stages themselves answer."""
    page = client_as(holder).get("/apply/2")
    assert page.status_code == 200 and "还差" in page.text and 'name="pledge"' not in page.text
    assert client_as(holder).post("/apply/2", data={"pledge": "y"}).status_code == 422
    application = made.application(holder, now=at("2026-03-02 09:00"))
    case = client_as(officers()).get(f"/office/applications/{application.id}").text
    assert "今日核对尚缺" in case
