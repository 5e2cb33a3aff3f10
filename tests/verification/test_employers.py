"""Employers: registration and review, sheets, history, keys and the interface."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from app.accounts.models import Organisation, Person
from app.certification.models import Certificate
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.models import Job, JobState
from app.jobs.service import run_waiting
from app.verification import employers, keys, service, sheets
from app.verification.models import ApiKey, ApiUse, EmployerRegistration, VerificationQuery
from app.verification.states import RegistrationState
from tests.factories import people

CODE = "91350100M000100Y43"


@pytest.fixture
def employer(app: Any) -> Organisation:
    return people.organisation(people.region("1201"), name="渤海湾新材料有限公司")


@pytest.fixture
def clerk(employer: Organisation) -> Person:
    return people.officer(Role.EMPLOYER, Scope.ORGANISATION, employer.id, name="施明轩")


def wish(region_id: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "渤海湾新材料有限公司",
        "credit_code": CODE,
        "region": region_id,
        "contact": "施明轩",
        "purpose": "招聘核验证书",
    } | more


# Registration


def test_from_registration_to_the_role(app: Any, client_as: Any, at: Any) -> None:
    region = people.region("1201")
    person = people.person("施明轩", region=region, email_confirmed_at=at("2026-01-01 09:00"))
    officer = people.officer(Role.CERTIFICATION, Scope.REGION, region.id)
    stranger = people.officer(Role.CERTIFICATION, Scope.REGION, people.region("2301", "哈尔滨市").id)
    browser = client_as(person)
    assert browser.get("/employers/desk").status_code == 403
    assert browser.post("/employers/register", data=wish(region.id, credit_code=CODE[:-1] + "0")).status_code == 422
    assert browser.post("/employers/register", data=wish(region.id)).status_code == 302
    assert browser.post("/employers/register", data=wish(region.id)).status_code == 409
    row = db.session.scalars(select(EmployerRegistration)).one()
    desk = client_as(officer)
    assert "渤海湾新材料有限公司" in desk.get("/office/employers").text
    assert client_as(stranger).get(f"/office/employers/{row.id}").status_code == 404
    assert "渤海湾" not in client_as(stranger).get("/office/employers").text
    assert desk.post(f"/office/employers/{row.id}/return", data={}).status_code == 422
    assert desk.post(f"/office/employers/{row.id}/return", data={"reason": "请说明用途"}).status_code == 302
    assert "请说明用途" in browser.get("/employers/register").text
    assert browser.post("/employers/register", data=wish(region.id, purpose="招聘与年度核验")).status_code == 302
    assert desk.post(f"/office/employers/{row.id}/approve", data={}).status_code == 302
    assert desk.post(f"/office/employers/{row.id}/approve", data={}).status_code == 409
    assert browser.get("/employers/desk").status_code == 200
    made = db.session.scalars(select(Organisation).where(Organisation.credit_code == CODE)).one()
    assert made.name_zh == "渤海湾新材料有限公司"
    assert desk.post(f"/office/employers/{row.id}/end", data={"reason": "查询用途不符"}).status_code == 302
    assert browser.get("/employers/desk").status_code == 403


def test_refusals_of_registration(app: Any, client_as: Any, at: Any) -> None:
    region = people.region("1201")
    unconfirmed = people.person("王芳", region=region)
    assert client_as(unconfirmed).post("/employers/register", data=wish(region.id)).status_code == 409
    own = people.officer(
        Role.CERTIFICATION, Scope.REGION, region.id, region=region, email_confirmed_at=at("2026-01-01 09:00")
    )
    browser = client_as(own)
    browser.post("/employers/register", data=wish(region.id))
    row = db.session.scalars(select(EmployerRegistration)).one()
    assert browser.post(f"/office/employers/{row.id}/approve", data={}).status_code == 403
    other = client_as(people.officer(Role.CERTIFICATION, Scope.REGION, region.id))
    assert other.post(f"/office/employers/{row.id}/refuse", data={"reason": "单位不符"}).status_code == 302
    assert db.session.get_one(EmployerRegistration, row.id).state is RegistrationState.REFUSED
    assert other.post(f"/office/employers/{row.id}/other", data={}).status_code == 404


# Sheets


def book(rows: list[tuple[Any, Any]]) -> bytes:
    made = Workbook()
    made.active.append(["证书编号", "姓名"])
    for row in rows:
        made.active.append(row)
    for line in made.active.iter_rows():
        for cell in line:
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def send(browser: Any, data: bytes, name: str = "员工.xlsx") -> Any:
    return browser.post("/employers/desk", data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def test_a_small_sheet_is_answered_at_once(
    certificate: Certificate, holder: Person, clerk: Person, client_as: Any, queries: Any
) -> None:
    browser = client_as(clerk)
    rows = [(certificate.number, holder.name), (certificate.number, "王建国"), ("TTM1200202530001236", "王建国"), ("TTM1200202530001237", "王建国"), (None, None), ("=1+1", "=HYPERLINK()")]  # fmt: skip
    answer = send(browser, book(rows))
    assert answer.status_code == 302
    page = browser.get(answer.location).text
    assert "有效 1" in page and "未查到 3" in page and "编号格式有误 1" in page
    found = load_workbook(io.BytesIO(browser.get(answer.location + "/result.xlsx").data)).active
    assert found is not None
    told = [[c.value for c in line] for line in found.iter_rows(min_row=2)]
    assert told[0][:3] == [certificate.number, holder.name, "有效"] and told[1][2] == told[2][2] == "未查到"
    assert found.cell(6, 1).data_type == "s"
    history = browser.get("/employers/history").text
    assert certificate.number in history and "表格" in history
    assert browser.get("/employers/history?outcome=valid").text.count('data-label="查询编号"') == 1
    assert browser.get("/employers/history?export=xlsx").status_code == 200
    other = people.officer(Role.EMPLOYER, Scope.ORGANISATION, people.organisation(people.region("3100")).id)
    assert client_as(other).get(answer.location).status_code == 404
    assert certificate.number not in client_as(other).get("/employers/history").text
    mine = client_as(holder).get("/my/checks").text
    assert "渤海湾新材料有限公司 × 1" in mine


def test_a_large_sheet_goes_to_the_worker_and_can_be_cancelled(
    certificate: Certificate, holder: Person, clerk: Person, client_as: Any
) -> None:
    browser = client_as(clerk)
    rows = [(certificate.number, holder.name)] * 450
    answer = send(browser, book(rows))
    assert "/ 5" in browser.get(answer.location).text
    run_waiting()
    page = browser.get(answer.location).text
    assert "有效 450" in page and "前 200 行" in page
    job = db.session.scalars(select(Job).where(Job.kind == sheets.KIND)).one()
    assert job.state is JobState.DONE and db.session.scalar(select(func.count()).select_from(VerificationQuery)) == 450
    second = send(browser, book(rows))
    job_id = int(second.location.rsplit("/", 1)[1])
    assert browser.post(f"/jobs/{job_id}/cancel").status_code == 302
    run_waiting()
    assert db.session.get_one(Job, job_id).state is JobState.CANCELLED


def test_an_employer_s_sheets_are_found_by_whose_they_are(
    clerk: Person, employer: Organisation, client_as: Any, queries: Any
) -> None:
    browser = client_as(clerk)
    first = send(browser, book([("A1", "王")]), "第一份.xlsx").location
    other = people.organisation(people.region("3100"))
    elsewhere = client_as(people.officer(Role.EMPLOYER, Scope.ORGANISATION, other.id))
    theirs = send(elsewhere, book([("A2", "李")]), "别家.xlsx").location

    def cost() -> int:
        owner = db.session.get_one(Organisation, employer.id)
        with queries() as seen:
            found = sheets.sheets_of(owner)
        assert [job.params["name"] for job in found][-1] == "第一份.xlsx"
        return len(seen)

    few = cost()
    for n in range(3):
        send(browser, book([("A1", "王")]), f"更多{n}.xlsx")
    db.session.expire_all()
    assert cost() == few == 1
    page = browser.get("/employers/desk").text
    assert "第一份.xlsx" in page and "别家.xlsx" not in page
    assert browser.get(first).status_code == 200 and browser.get(theirs).status_code == 404


def test_a_sheet_costs_the_same_statements_however_long(
    certificate: Certificate, clerk: Person, employer: Organisation, queries: Any, app: Any
) -> None:
    asker = service.Asker("", employer.id)

    def cost(count: int) -> int:
        with queries() as seen, unit_of_work():
            service.verify_many(
                [(certificate.number, f"猜{n}") for n in range(count)], by=asker, way="sheet", now=clock.now()
            )
        return len(seen)

    assert cost(1) == cost(100) <= 5


def test_sheets_that_are_not_taken(clerk: Person, client_as: Any) -> None:
    browser = client_as(clerk)
    for data in (b"", b"not a sheet", b"PK\x03\x04broken", book([])):
        assert send(browser, data).status_code == 422
    with pytest.raises(sheets.SheetLong):
        list(sheets._rows(type("S", (), {"iter_rows": lambda self, **k: iter([("A", "b")] * 10_001)})()))
    assert client_as(people.person()).get("/employers/desk").status_code == 403
    assert browser.get("/employers/template.xlsx").status_code == 200


def test_what_was_checked_is_forgotten_in_time(
    certificate: Certificate, holder: Person, clerk: Person, client_as: Any, set_clock: Any
) -> None:
    from app.verification.tasks import forget

    browser = client_as(clerk)
    answer = send(browser, book([(certificate.number, holder.name)]))
    forget(clock.now() + timedelta(days=31))
    assert db.session.scalar(select(func.count()).where(Job.kind == sheets.KIND)) == 0
    assert browser.get(answer.location).status_code == 404
    forget(clock.now() + timedelta(days=366))
    db.session.expire_all()
    row = db.session.scalars(select(VerificationQuery)).one()
    assert (row.typed, row.address_hash, row.outcome) == ("", "", "valid")


# Keys and the interface


def make_key(browser: Any, **more: Any) -> str:
    data = {"name": "人事系统", "scopes": ["verify", "batch"], "quota": 1000} | more
    page = browser.post("/employers/keys", data=data, follow_redirects=True)
    found = re.search(r"ttm_[0-9a-f]{10}_[\w-]{20,}", page.text)
    assert found, page.text
    return found[0]


def call(client: Any, path: str, body: Any, key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(path, json=body, headers=headers)


def test_a_key_is_told_once_and_raises_the_limits(
    limited: Any, certificate: Certificate, holder: Person, clerk: Person, client: Any, client_as: Any
) -> None:
    browser = client_as(clerk)
    key = make_key(browser)
    assert key not in browser.get("/employers/keys").text and key[:14] in browser.get("/employers/keys").text
    kept = db.session.scalars(select(ApiKey)).one()
    assert key.split("_", 2)[2] not in json.dumps([kept.secret_hash, kept.prefix])
    body = {"number": certificate.number, "name": holder.name}
    for _ in range(12):
        assert call(client, "/api/v1/verify", body, key).json["state"] == "valid"
    many = call(client, "/api/v1/verify/batch", {"rows": [body, body | {"name": "王建国"}]}, key)
    assert [one["state"] for one in many.json["results"]] == ["valid", "not_found"] and many.json["left"] == 986
    rows = list(db.session.scalars(select(VerificationQuery)))
    assert {r.way for r in rows} == {"api"} and all(r.organisation_id == kept.organisation_id for r in rows)


def test_refusals_are_problem_details(clerk: Person, client: Any, client_as: Any) -> None:
    browser = client_as(clerk)
    single = make_key(browser, scopes=["verify"])
    one = {"number": "A1", "name": "王"}
    for path, body, key, status in (
        ("/api/v1/verify", one, "ttm_nothing_x", 401), ("/api/v1/verify", one, single + "x", 401),
        ("/api/v1/verify/batch", {"rows": [one]}, "", 401), ("/api/v1/verify/batch", {"rows": [one]}, single, 403),
        ("/api/v1/verify/batch", {"rows": [one] * 201}, single, 422), ("/api/v1/verify", {}, single, 422),
    ):  # fmt: skip
        answer = call(client, path, body, key)
        assert answer.status_code == status and answer.content_type == "application/problem+json", answer.text
        assert answer.json["status"] == status and answer.json["detail"] and answer.json["error"]
    assert (
        client.post("/api/v1/verify", data="{", content_type="application/json").content_type
        == "application/problem+json"
    )


def test_the_quota_of_a_day(clerk: Person, client: Any, client_as: Any, set_clock: Any) -> None:
    key = make_key(client_as(clerk))
    one = {"number": "A1", "name": "王"}
    for _ in range(5):
        assert call(client, "/api/v1/verify/batch", {"rows": [one] * 200}, key).status_code == 200
    assert call(client, "/api/v1/verify", one, key).status_code == 429
    assert db.session.scalars(select(ApiUse)).one().rows == 1000
    set_clock(clock.now() + timedelta(days=1))
    assert call(client, "/api/v1/verify", one, key).status_code == 200


def test_replacing_and_revoking(clerk: Person, client: Any, client_as: Any, set_clock: Any) -> None:
    browser = client_as(clerk)
    old = make_key(browser)
    row = db.session.scalars(select(ApiKey)).one()
    page = browser.post(f"/employers/keys/{row.id}/rotate", data={"overlap": 24}, follow_redirects=True).text
    new = re.search(r"ttm_[0-9a-f]{10}_[\w-]{20,}", page)[0]  # type: ignore[index]
    one = {"number": "A1", "name": "王"}
    assert [call(client, "/api/v1/verify", one, k).status_code for k in (old, new)] == [200, 200]
    set_clock(clock.now() + timedelta(hours=25))
    assert [call(client, "/api/v1/verify", one, k).status_code for k in (old, new)] == [401, 200]
    fresh = db.session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).first()
    assert fresh is not None
    assert client_as(people.person()).post(f"/employers/keys/{fresh.id}/revoke").status_code == 403
    browser = client_as(clerk)
    browser.post(f"/employers/keys/{fresh.id}/revoke")
    assert call(client, "/api/v1/verify", one, new).status_code == 401
    assert browser.post("/employers/keys", data={"name": "x", "quota": 1000}).status_code == 422


def test_ended_registrations_end_keys(clerk: Person, employer: Organisation, client: Any, client_as: Any) -> None:
    key = make_key(client_as(clerk))
    with unit_of_work():
        keys.revoke_all(employer.id, by=db.session.get_one(Person, clerk.id), now=clock.now())
    assert call(client, "/api/v1/verify", {"number": "A1", "name": "王"}, key).status_code == 401
    assert employers.employer_id(clerk) == employer.id


def test_the_description_and_its_page(client: Any) -> None:
    told = client.get("/api/v1/openapi.json").json
    assert told["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    batch = told["paths"]["/api/v1/verify/batch"]["post"]
    assert set(batch["responses"]) >= {"200", "401", "403", "422", "429"} and batch["security"] == [{"key": []}]
    page = client.get("/employers/api").text
    assert "curl" in page and "/api/v1/verify/batch" in page
    assert client.get("/employers").status_code == 200
