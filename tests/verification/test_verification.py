"""Verification: worked examples 10 and 11, limits, the JSON door, the register, the holder's count."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import ConsentKind, Person
from app.accounts.service import give_consent, withdraw_consent
from app.certification import service as certification
from app.certification.models import Certificate
from app.certification.states import Change, Standing
from app.core.errors import TooMany
from app.db import db, locked, unit_of_work
from app.verification import challenge, finding, service
from app.verification.models import VerificationQuery
from tests.factories import certification as made
from tests.factories import people


def ask(browser: Any, number: str, name: str) -> Any:
    return browser.post("/verify", data={"number": number, "name": name})


def without_query(page: str) -> str:
    """The answer without what must differ: query number, time, form token, and what the reader typed."""
    page = re.sub(r"<dd>[^<]*</dd>|/verify\?number=[^\"]*", "TYPED", page)
    page = re.sub(r"V\d{8}[0-9A-F]{10}", "QUERY", page)
    page = re.sub(r"\d{4}年\d+月\d+日 \d\d:\d\d", "TIME", page)
    return re.sub(r'name="csrf_token"[^>]*', "", page)


def test_the_right_number_and_name(certificate: Certificate, client: Any) -> None:
    page = ask(client, f" {certificate.number.lower()} ", "阿卜杜热西提•买买提").text
    assert "有效" in page and "阿卜杜热西提•买买提" in page and certificate.number in page
    assert "2028年9月14日" in page
    asked = client.get("/verify", query_string={"number": certificate.number, "name": "阿卜杜热西提·买买提"}).text
    assert "阿卜杜热西提·买买提" in asked


def test_worked_example_10_a_wrong_check_character_is_not_searched(
    certificate: Certificate, client: Any, queries: Any
) -> None:
    with queries() as seen:
        page = ask(client, "TTM1200202530001237", "王建国").text
    assert "编号格式有误" in page and "未查到" not in page
    assert "您输入的内容" in page and "王建国" in page and "/verify?number=TTM1200202530001237" in page
    again = client.get("/verify", query_string={"number": "TTM1200202530001237"})
    assert again.status_code == 200 and 'value="TTM1200202530001237"' in again.text
    assert not [s for s in seen if "FROM certificate" in s]
    assert ask(client, "TTM1200202530001236", "王建国").text.count("未查到") >= 1


def test_worked_example_11_wrong_name_and_unknown_number_look_alike(
    certificate: Certificate, client: Any, queries: Any
) -> None:
    with queries() as one:
        wrong_name = ask(client, certificate.number, "王建国")
    with queries() as two:
        unknown = ask(client, "TTM1200202530001236", "王建国")
    with queries() as three:
        other_shape = ask(client, "旧证字第 2019-0007 号", "王建国")
    assert without_query(wrong_name.text) == without_query(unknown.text) == without_query(other_shape.text)
    assert wrong_name.status_code == unknown.status_code == other_shape.status_code == 200
    assert dict(wrong_name.headers).keys() == dict(unknown.headers).keys()

    def shape(seen: list[str]) -> list[str]:
        return [re.sub(r"\s+", " ", s) for s in seen]

    assert shape(one) == shape(two) == shape(three)


def test_names_of_nothing_match_nothing(certificate: Certificate, client: Any) -> None:
    assert not finding.same_name("", "")
    assert "未查到" in ask(client, certificate.number, "··").text
    assert ask(client, certificate.number, "").status_code == 422
    assert ask(client, "x" * 61, "王").status_code == 422


@pytest.mark.parametrize(
    ("kind", "word"), [(Change.SUSPEND, "已暂停"), (Change.REVOKE, "已撤销"), (Change.CANCEL, "已注销")]
)
def test_state_words_differ(kind: Change, word: str, certificate: Certificate, client: Any, at: Any) -> None:
    a, b = people.officer(people.Role.CERTIFICATION), people.officer(people.Role.CERTIFICATION)
    now = at("2026-03-01 09:00")
    with unit_of_work():
        made_change = certification.change(
            locked(certificate), kind, by=db.session.get_one(Person, a.id), reason="查", now=now
        )
    if made_change.in_force is None:
        made.heard(made_change, now=now)
        with unit_of_work():
            certification.confirm(locked(made_change), by=db.session.get_one(Person, b.id), now=now)
    page = ask(client, certificate.number, "阿卜杜热西提·买买提").text
    assert f"<span>{word}</span>" in page and "2026年3月1日" in page and "未查到" not in page


def test_expiring_and_expired(certificate: Certificate, client: Any, at: Any, set_clock: Any) -> None:
    for day, state in (("2028-06-16", "即将到期"), ("2028-09-14", "即将到期"), ("2028-09-15", "已过期")):
        set_clock(at(f"{day} 12:00"))
        assert f"<span>{state}</span>" in ask(client, certificate.number, "阿卜杜热西提·买买提").text


def test_the_code_masks_the_holder(certificate: Certificate, client: Any) -> None:
    page = client.get(f"/c/{certificate.token}")
    assert page.status_code == 200 and "阿**" in page.text and "买买提" not in page.text
    for answer in (
        client.get(f"/c/{certificate.token}.json"),
        client.get(f"/c/{certificate.token}", headers={"Accept": "application/json"}),
    ):
        assert answer.json["state"] == "valid" and answer.json["name"] == "阿**"
    for path in ("/c/nothing", "/c/" + "x" * 300):
        assert client.get(path).status_code == 404
        assert client.get(path + ".json").json["state"] == "not_found"


def test_ten_queries_in_ten_minutes(limited: Any, certificate: Certificate, client: Any) -> None:
    for _ in range(10):
        assert ask(client, certificate.number, "阿卜杜热西提·买买提").status_code == 200
    answer = ask(client, certificate.number, "阿卜杜热西提·买买提")
    assert answer.status_code == 429 and "分钟" in answer.text
    assert client.post("/api/v1/verify", json={"number": "A1", "name": "王"}).status_code == 429
    assert client.get(f"/c/{certificate.token}").status_code == 429


def test_one_number_is_limited_from_many_addresses(limited: Any, certificate: Certificate, at: Any) -> None:
    def query(i: int) -> service.Answer:
        with unit_of_work():
            return service.verify(
                certificate.number, f"猜{i}", address=f"address {i}", way="page", now=at("2026-03-02 09:00")
            )

    for i in range(10):
        assert query(i).state == service.NOT_FOUND
    with pytest.raises(TooMany):
        query(11)


def test_after_three_misses_a_sum_is_asked(limited: Any, certificate: Certificate, client: Any) -> None:
    for _ in range(3):
        assert "未查到" in ask(client, "旧证 1", "王建国").text
    page = ask(client, certificate.number, "阿卜杜热西提·买买提")
    assert page.status_code == 422 and "请先计算" in page.text
    shown = client.get("/verify").text
    one, other = map(int, re.search(r"(\d+) \+ (\d+)", shown).groups())  # type: ignore[union-attr]
    ticket = re.search(r'name="ticket"[^>]*value="([^"]+)"', shown)[1]  # type: ignore[index]
    data = {"number": certificate.number, "name": "阿卜杜热西提·买买提", "ticket": ticket}
    wrong = client.post("/verify", data=data | {"sum": "1"})
    assert wrong.status_code == 422
    shown = client.get("/verify").text
    one, other = map(int, re.search(r"(\d+) \+ (\d+)", shown).groups())  # type: ignore[union-attr]
    data["ticket"] = re.search(r'name="ticket"[^>]*value="([^"]+)"', shown)[1]  # type: ignore[index]
    assert "有效" in client.post("/verify", data=data | {"sum": str(one + other)}).text
    assert client.post("/verify", data=data | {"sum": str(one + other)}).status_code == 422  # a ticket works once
    assert not challenge.answered("forged", "4")


def test_the_json_door(certificate: Certificate, client: Any) -> None:
    right = client.post("/api/v1/verify", json={"number": certificate.number, "name": "阿卜杜热西提·买买提"})
    assert right.status_code == 200
    assert {k: right.json[k] for k in ("state", "number", "name", "issued_on", "valid_until", "recognitions")} == {
        "state": "valid", "number": certificate.number, "name": "阿卜杜热西提·买买提", "issued_on": "2025-09-15",
        "valid_until": "2028-09-14", "recognitions": [],
    }  # fmt: skip
    assert right.json["level"] == "初级技术经理人" and right.json["issuer"]

    def bare(number: str, name: str) -> bytes:
        answer = client.post("/api/v1/verify", json={"number": number, "name": name})
        return json.dumps({k: v for k, v in answer.json.items() if k not in ("query", "queried_at")}).encode()

    assert (
        bare(certificate.number, "王建国")
        == bare("TTM1200202530001236", "王建国")
        == bare("旧 7", "阿卜杜热西提·买买提")
    )
    assert b"format_error" in bare("TTM1200202530001237", "王建国")


@pytest.mark.parametrize(
    "body",
    [None, {}, [], {"number": "A"}, {"number": "", "name": ""}, {"number": 7, "name": ["x"]}, {"number": "x" * 61, "name": "y"},
     {"number": "A\0B", "name": "y", "more": 1}],
)  # fmt: skip
def test_bad_bodies_are_named(body: Any, client: Any) -> None:
    answer = client.post("/api/v1/verify", json=body)
    assert answer.status_code == 422 and answer.json["error"]
    broken = client.post("/api/v1/verify", data=b"{", content_type="application/json")
    assert broken.status_code in (400, 422) and broken.is_json


def test_the_description_of_the_api(client: Any) -> None:
    text = client.get("/api/v1/openapi.json").json
    assert text["openapi"].startswith("3.")
    operation = text["paths"]["/api/v1/verify"]["post"]
    assert set(operation["responses"]) >= {"200", "422", "429"}
    assert set(text["components"]["schemas"]["Answer"]["properties"]) >= {
        "state", "number", "name", "level", "issuer", "issued_on", "valid_until", "recognitions",
    }  # fmt: skip


def test_errors_of_pages_are_pages_still(client: Any) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404 and "<html" in answer.text
    assert client.get("/api/v1/nowhere").is_json


def test_the_holder_sees_how_often(certificate: Certificate, holder: Person, client: Any, client_as: Any) -> None:
    ask(client, certificate.number, "阿卜杜热西提·买买提")
    ask(client, certificate.number, "猜的人")
    client.get(f"/c/{certificate.token}")
    rows = list(db.session.scalars(select(VerificationQuery).order_by(VerificationQuery.id)))
    assert [(r.way, r.outcome, r.certificate_id) for r in rows] == [
        ("page", "valid", certificate.id), ("page", "not_found", None), ("code", "valid", certificate.id),
    ]  # fmt: skip
    assert all(r.address_hash and "127.0.0.1" not in r.address_hash for r in rows)
    page = client_as(holder).get("/my/checks").text
    assert certificate.number in page and ">2<" in page


def test_the_register_shows_those_who_agreed(
    certificate: Certificate, holder: Person, client: Any, at: Any, queries: Any
) -> None:
    region = holder.region_id
    path = f"/register?region={region}&level=1"
    assert holder.name not in client.get(path).text
    with unit_of_work():
        give_consent(db.session.get_one(Person, holder.id), ConsentKind.PUBLIC_REGISTER, now=at("2026-01-01 09:00"))
    page = client.get(path).text
    assert holder.name in page and certificate.number not in page and certificate.token not in page
    assert holder.name in client.get(path + "&field=材料").text
    assert holder.name not in client.get(path + "&field=生物").text
    for less in (
        "/register",
        f"/register?region={region}",
        "/register?level=1",
        "/register?region=x&level=9",
        "/register?field=材料",
    ):
        assert holder.name not in client.get(less).text
    with unit_of_work():
        locked(certificate).standing = Standing.SUSPENDED
    assert holder.name not in client.get(path).text
    with unit_of_work():
        locked(certificate).standing = Standing.GOOD
        withdraw_consent(db.session.get_one(Person, holder.id), ConsentKind.PUBLIC_REGISTER, now=at("2026-01-02 09:00"))
    assert holder.name not in client.get(path).text


def test_the_register_costs_the_same_with_more_rows(
    holder: Person, client: Any, at: Any, set_clock: Any, queries: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    region = people.Region  # the region of the holder is used again
    region = db.session.get_one(region, holder.region_id)

    def fill(count: int) -> None:
        for _ in range(count):
            one = made.trainee(region, f"名录{made.id_number()[-4:]}")
            made.certificate(one, now=at("2026-01-05 09:00"))
            with unit_of_work():
                give_consent(
                    db.session.get_one(Person, one.id), ConsentKind.PUBLIC_REGISTER, now=at("2026-01-01 09:00")
                )

    def cost() -> int:
        with queries() as seen:
            client.get(f"/register?region={region.id}&level=1&page=999999")
        return len(seen)

    fill(2)
    few = cost()
    fill(4)
    assert cost() == few <= 12


def test_the_answer_speaks_english(certificate: Certificate, client: Any) -> None:
    client.get("/language/en")
    page = ask(client, certificate.number, "阿卜杜热西提·买买提").text
    assert "Valid" in page and "Junior Technology Manager" in page
    assert "Not found" in ask(client, "A 1", "x").text


def test_recognitions_are_shown(certificate: Certificate, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    harbin = people.region("2301", "哈尔滨市", name_en="Harbin")
    case = type(
        "Case",
        (),
        {"number": "RN2301202600001", "region": harbin, "rank": 1, "target_rank": 1, "valid_until": date(2026, 12, 31)},
    )
    real = finding._found
    monkeypatch.setattr("app.verification.finding._found", lambda row: replace(real(row), recognised=True))
    monkeypatch.setattr("app.recognition.service.recognitions_in_force", lambda certificate, on: [case])
    page = ask(client, certificate.number, "阿卜杜热西提·买买提").text
    assert "哈尔滨市" in page and "2026年12月31日" in page
    answer = client.post("/api/v1/verify", json={"number": certificate.number, "name": "阿卜杜热西提·买买提"}).json
    assert answer["recognitions"][0]["valid_until"] == "2026-12-31"


def test_the_form_carries_its_token(client: Any) -> None:
    """Without it what is typed would be refused, however often the page is read again."""
    assert 'name="csrf_token"' in client.get("/verify").text
