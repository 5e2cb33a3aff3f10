"""Officers' pages: people in scope, roles, erasure, organisations, regions, the log; a person's own pages."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.accounts import personal, service, signing, texts
from app.accounts.consents import consent_of, has_consent
from app.accounts.models import (
    Consent,
    ConsentKind,
    ErasureRequest,
    Organisation,
    Person,
    PersonState,
    Region,
    RoleHeld,
)
from app.audit.models import AuditDetails, AuditEntry
from app.audit.service import seal, verify
from app.core import clock
from app.core.errors import Forbidden
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.models import Notice
from tests.factories import people


def letters_to(person_id: int) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person_id).order_by(Notice.id)))


# Who is seen


def test_officers_see_the_people_of_their_scope(client_as: Any) -> None:
    here, there = people.region(), people.region()
    inside, outside = people.person("内某", region=here), people.person("外某", region=there)
    employer = people.organisation(there)
    with unit_of_work():
        db.session.get(Person, outside.id).organisation_id = employer.id
    officers = {
        "site": people.officer(Role.ADMIN),
        "region": people.officer(Role.CERTIFICATION, Scope.REGION, here.id),
        "organisation": people.officer(Role.BASE, Scope.ORGANISATION, employer.id),
    }
    seen = {"site": {"内某", "外某"}, "region": {"内某"}, "organisation": {"外某"}}
    for kind, officer in officers.items():
        browser = client_as(officer)
        page = browser.get("/people").text
        assert {n for n in ("内某", "外某") if n in page} == seen[kind]
        for person in (inside, outside):
            wanted = 200 if person.name in seen[kind] else 404
            assert browser.get(f"/people/{person.id}").status_code == wanted


def test_an_upper_feature_can_widen_the_sight(client_as: Any, monkeypatch: Any) -> None:
    region = people.region()
    trainee = people.person("学员某", region=region)
    base = people.organisation(region)
    officer = people.officer(Role.BASE, Scope.ORGANISATION, base.id)
    browser, trainee_id = client_as(officer), trainee.id
    assert browser.get(f"/people/{trainee_id}").status_code == 404
    monkeypatch.setattr(service, "MORE_PEOPLE", [])
    service.widen_people(
        lambda reach: select(Person.id).where(Person.id == trainee_id) if base.id in reach.organisations else None
    )
    assert browser.get(f"/people/{trainee_id}").status_code == 200


def test_search_filter_and_masked_export(client_as: Any) -> None:
    region = people.region()
    for name in ("赵一", "钱二"):
        person = people.person(name, region=region)
        with unit_of_work():
            kept = db.session.get(Person, person.id)
            service.set_phone(kept, f"1381234{ord(name[0]) % 10000:04d}", by=kept)
    browser = client_as(people.officer(Role.ADMIN))
    assert "钱二" not in browser.get("/people?q=赵").text
    assert "赵一" not in browser.get("/people?role=admin").text
    sheet = load_workbook(io.BytesIO(browser.get("/people?q=赵&export=xlsx").data)).active
    rows = [[str(c.value) for c in row] for row in sheet.iter_rows()]
    assert len(rows) == 2 and rows[1][2].startswith("138****")
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "accounts.export_people")).one()


def test_the_list_of_people_asks_the_same_number_of_questions_for_more_rows(client_as: Any, queries: Any) -> None:
    region = people.region()
    browser = client_as(people.officer(Role.ADMIN))

    def asked() -> int:
        browser.get("/people")
        with queries() as seen:
            assert browser.get("/people").status_code == 200
        return len(seen)

    for _ in range(2):
        people.officer(Role.MENTOR, region=region)
    few = asked()
    for _ in range(8):
        people.officer(Role.MENTOR, region=region)
    assert asked() == few <= 12


def test_finding_by_number_leaves_it_in_no_address(client_as: Any) -> None:
    here, there = people.region(), people.region()
    person = people.person(region=here)
    with unit_of_work():
        kept = db.session.get(Person, person.id)
        service.set_phone(kept, "13812341234", by=kept)
    mine = client_as(people.officer(Role.CERTIFICATION, Scope.REGION, here.id))
    theirs = client_as(people.officer(Role.CERTIFICATION, Scope.REGION, there.id))
    assert mine.post("/people/find", data={"number": "138 1234 1234"}).headers["Location"] == f"/people/{person.id}"
    assert theirs.post("/people/find", data={"number": "13812341234"}).headers["Location"] == "/people"
    assert mine.post("/people/find", data={"number": "x" * 100}).headers["Location"] == "/people"


# Roles


def test_a_role_is_granted_and_ended_with_letter_and_line(client_as: Any) -> None:
    region = people.region()
    person = people.person(region=region)
    browser = client_as(people.officer(Role.ADMIN))
    data = {"role": "mentor", "where": f"region:{region.id}"}
    assert browser.post(f"/people/{person.id}/roles", data=data).status_code == 302
    assert browser.post(f"/people/{person.id}/roles", data=data).status_code == 422, "not twice"
    held = db.session.scalars(select(RoleHeld).where(RoleHeld.person_id == person.id)).one()
    address = f"/people/{person.id}/roles/{held.id}/end"
    assert browser.post(address, data={"end-reason": ""}).status_code == 422
    assert browser.post(address, data={"end-reason": "任期届满"}).status_code == 302
    assert letters_to(person.id) == ["accounts.role_granted", "accounts.role_ended"]
    db.session.expire_all()
    assert db.session.get(RoleHeld, held.id).ended_at is not None
    assert browser.post(f"/people/{person.id}/roles", data=data).status_code == 302, "and again later"


@pytest.mark.parametrize("where", ["", "x", "site:1", "region:999999", "class:1", "region:"])
def test_scopes_that_are_not_there_are_refused(client_as: Any, where: str) -> None:
    person = people.person(region=people.region())
    answer = client_as(people.officer(Role.ADMIN)).post(
        f"/people/{person.id}/roles", data={"role": "mentor", "where": where}
    )
    assert answer.status_code == 422


def test_nobody_grants_beyond_their_scope_or_to_themselves(client_as: Any) -> None:
    here, there = people.region(), people.region()
    admin = people.officer(Role.ADMIN, Scope.REGION, here.id, region=here)
    person = people.person(region=here)
    browser = client_as(admin)
    for where in ("site:0", f"region:{there.id}"):
        answer = browser.post(f"/people/{person.id}/roles", data={"role": "admin", "where": where})
        assert answer.status_code == 422
    own = {"role": "certification", "where": f"region:{here.id}"}
    assert browser.post(f"/people/{admin.id}/roles", data=own).status_code == 422
    with unit_of_work():
        by, whom = db.session.get(Person, admin.id), db.session.get(Person, person.id)
        for scope, scope_id in ((Scope.SITE, 0), (Scope.REGION, there.id)):
            with pytest.raises(Forbidden):
                service.grant_role(whom, Role.ADMIN, scope, scope_id, by=by, now=clock.now())
        with pytest.raises(service.OwnRole):
            service.grant_role(by, Role.MENTOR, Scope.REGION, here.id, by=by, now=clock.now())


def test_the_last_administrator_stays(client_as: Any) -> None:
    admin = people.officer(Role.ADMIN)
    other = people.officer(Role.ADMIN)
    browser = client_as(admin)
    held = {r.person_id: r.id for r in db.session.scalars(select(RoleHeld))}
    assert (
        browser.post(f"/people/{other.id}/roles/{held[other.id]}/end", data={"end-reason": "离职交接"}).status_code
        == 302
    )
    answer = browser.post(f"/people/{admin.id}/roles/{held[admin.id]}/end", data={"end-reason": "离职交接"})
    assert answer.status_code == 422 and "最后一位" in answer.text


def test_a_role_id_of_somebody_else_is_not_found(client_as: Any) -> None:
    admin = people.officer(Role.ADMIN)
    mentor, person = people.officer(Role.MENTOR), people.person()
    held = db.session.scalars(select(RoleHeld).where(RoleHeld.person_id == mentor.id)).one()
    answer = client_as(admin).post(f"/people/{person.id}/roles/{held.id}/end", data={"end-reason": "任期届满"})
    assert answer.status_code == 404


def test_holders_of_a_role_by_reach(app: Any) -> None:
    here, there = people.region(), people.region()
    site = people.officer(Role.REVIEWER, name="全站评审")
    mine = people.officer(Role.REVIEWER, Scope.REGION, here.id, name="本地评审")
    people.officer(Role.REVIEWER, Scope.REGION, there.id, name="外地评审")
    assert {p.id for p in service.holders_of(Role.REVIEWER, region_id=here.id)} == {site.id, mine.id}


def test_an_invited_person_chooses_a_password(client_as: Any, client: Any) -> None:
    from tests.accounts.test_signing import GOOD, last_letter

    region = people.region()
    browser = client_as(people.officer(Role.ADMIN))
    data = {"name": "周老师", "email": "zhou@example.org", "region": str(region.id), "employer": "", "locale": "en"}
    assert browser.post("/people/invite", data=data).status_code == 302
    assert browser.post("/people/invite", data=data).status_code == 422, "the address is taken"
    letter, link = last_letter("zhou@example.org")
    assert letter == "accounts.invited"
    assert client.post(link, data={"password": GOOD, "again": GOOD}).status_code == 302
    assert client.post("/sign-in", data={"email": "zhou@example.org", "password": GOOD}).status_code == 302


def test_a_lost_second_factor_is_reset_by_another_administrator(client_as: Any) -> None:
    admin = people.officer(Role.ADMIN)
    person = people.officer(Role.CERTIFICATION)
    with unit_of_work():
        for one in (admin, person):
            kept = db.session.get(Person, one.id)
            signing.begin_second_factor(kept)
            kept.totp_confirmed_at = clock.now()
    browser, theirs = client_as(admin), client_as(person)
    assert theirs.get("/me").status_code == 200
    assert browser.post(f"/people/{person.id}/second-factor/reset", data={"reset-reason": ""}).status_code == 422
    assert (
        browser.post(
            f"/people/{person.id}/second-factor/reset", data={"reset-reason": "手机丢失，已当面核对"}
        ).status_code
        == 302
    )
    assert db.session.get(Person, person.id).totp_sealed is None
    assert theirs.get("/me").status_code == 302, "signed out"
    assert (
        browser.post(f"/people/{admin.id}/second-factor/reset", data={"reset-reason": "我自己的手机"}).status_code
        == 403
    )


# One's own pages


def profile(at: Region, **more: Any) -> dict[str, Any]:
    return {
        "name": "王建国", "name_latin": "Wang Jianguo", "region": str(at.id), "employer": "天津大学",
        "practice_kind": "supply", "full_time": "no", "field": "新材料", "education": "master", "experience_years": "4",
        "title_level": "middle", "title_years": "2", "locale": "zh_Hans",
    } | more  # fmt: skip


def test_the_profile_is_saved_and_logged_with_before_and_after(client_as: Any) -> None:
    region = people.region()
    person = people.person("王建", region=region)
    browser = client_as(person)
    assert browser.post("/me", data=profile(region)).status_code == 302
    kept = db.session.get(Person, person.id)
    assert (kept.name, kept.organisation.name_zh, kept.full_time, kept.experience_years) == (
        "王建国",
        "天津大学",
        False,
        4,
    )
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "accounts.edit_profile")).one()
    assert line.details.payload["changed"]["name"] == ["王建", "王建国"]
    assert browser.post("/me", data=profile(region, employer="")).status_code == 302
    assert db.session.get(Person, person.id).organisation_id is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 101), ("name_latin", "王"), ("region", "999"), ("education", "sage"), ("locale", ""),
        ("experience_years", "-1"), ("experience_years", "71"), ("experience_years", "many"), ("title_level", "x"),
        ("employer", "x" * 161), ("full_time", "perhaps"), ("practice_kind", ""),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_and_kept_on_the_page(client_as: Any, field: str, value: str) -> None:
    region = people.region()
    person = people.person("王建", region=region)
    answer = client_as(person).post("/me", data=profile(region, **{field: value}))
    assert answer.status_code == 422 and "新材料" in answer.text
    assert db.session.get(Person, person.id).name == "王建"


def test_markup_in_a_name_is_shown_as_text(client_as: Any) -> None:
    """The form refuses it; a name that came another way is shown as text all the same."""
    region = people.region()
    person = people.person(name="<script>alert(1)</script>", region=region)
    refused = client_as(person).post("/me", data=profile(region, name="<b>王</b>"))
    assert refused.status_code == 422 and "<b>王" not in refused.text
    page = client_as(people.officer(Role.ADMIN)).get(f"/people/{person.id}").text
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_one_session_or_all_others_are_ended(client_as: Any) -> None:
    person = people.person()
    here, there, third = client_as(person), client_as(person), client_as(person)
    foreign = client_as(people.person())
    from app.accounts.models import SignIn

    rows = list(db.session.scalars(select(SignIn.id).where(SignIn.person_id == person.id).order_by(SignIn.id)))
    assert foreign.post("/me/security/sessions/end", data={"id": rows[1]}).status_code == 404
    assert here.post("/me/security/sessions/end", data={"id": rows[1]}).status_code == 302
    assert there.get("/me").status_code == 302 and third.get("/me").status_code == 200
    assert here.post("/me/security/sessions/end").status_code == 302
    assert third.get("/me").status_code == 302 and here.get("/me").status_code == 200


def test_the_password_changes_only_with_the_old_one(client_as: Any) -> None:
    from app.accounts import passwords
    from tests.accounts.test_signing import GOOD

    person = people.person(password_hash=passwords.hashed(GOOD))
    browser, other = client_as(person), client_as(person)
    new = "一句很长的新密码，好记"
    address = "/me/security/password"
    assert browser.post(address, data={"old": "wrong", "password": new, "again": new}).status_code == 422
    assert browser.post(address, data={"old": GOOD, "password": "1234567890", "again": "1234567890"}).status_code == 422
    assert browser.post(address, data={"old": GOOD, "password": new, "again": new + "x"}).status_code == 422
    assert browser.post(address, data={"old": GOOD, "password": new, "again": new}).status_code == 302
    assert browser.get("/me").status_code == 200 and other.get("/me").status_code == 302
    assert letters_to(person.id) == ["accounts.password_changed"]


def test_consents_are_given_and_withdrawn_by_version(client_as: Any) -> None:
    person = people.person()
    browser = client_as(person)
    assert not has_consent(person, ConsentKind.PUBLIC_REGISTER)
    for _ in range(2):
        assert browser.post("/me/consents/public_register", data={"do": "give"}).status_code == 302
    assert len(list(db.session.scalars(select(Consent)))) == 1, "giving it again changes nothing"
    assert consent_of(person, ConsentKind.PUBLIC_REGISTER).version == texts.version(ConsentKind.PUBLIC_REGISTER)
    assert browser.post("/me/consents/public_register", data={"do": "withdraw"}).status_code == 302
    db.session.expire_all()
    assert not has_consent(person, ConsentKind.PUBLIC_REGISTER)
    browser.post("/me/consents/terms", data={"do": "give"})
    assert browser.post("/me/consents/terms", data={"do": "withdraw"}).status_code == 409
    for kind, do in (("nonsense", "give"), ("photo", "x"), ("photo", "")):
        assert browser.post(f"/me/consents/{kind}", data={"do": do}).status_code == 404


def test_consent_for_one_receiver_is_not_consent_for_another(app: Any) -> None:
    person = people.person()
    with unit_of_work():
        kept = db.session.get(Person, person.id)
        service.give_consent(kept, ConsentKind.EXCHANGE, now=clock.now(), receiver="哈尔滨市科学技术局")
    assert has_consent(person, ConsentKind.EXCHANGE, receiver="哈尔滨市科学技术局")
    assert not has_consent(person, ConsentKind.EXCHANGE) and not has_consent(person, ConsentKind.EXCHANGE, receiver="x")


# My data


def test_the_export_holds_everything_and_no_secret(client_as: Any, monkeypatch: Any) -> None:
    from app.core import personal as registry
    from tests.accounts.test_identity import made, picture, send

    person = people.person("王建国", password_hash="$argon2id$secret")
    browser = client_as(person)
    browser.post("/me/identity/number", data={"kind": "resident", "number": made()})
    send(browser, picture())
    monkeypatch.setattr(registry, "HOLDERS", dict(registry.HOLDERS))
    monkeypatch.setattr(personal, "HOLDERS", registry.HOLDERS)
    registry.holds("invented")(lambda p: ({"hours": 3}, {"a.txt": b"x"}))
    archive = zipfile.ZipFile(io.BytesIO(browser.post("/me/data/export").data))
    assert {"README.txt", "accounts.json", "notices.json", "audit.json", "invented.json", "invented/a.txt",
            "accounts/photo.jpg", "files/photo.jpg"} <= set(archive.namelist())  # fmt: skip
    accounts = json.loads(archive.read("accounts.json"))
    assert accounts["id_number"] == made() and accounts["profile"]["name"] == "王建国"
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"$argon2id$" not in whole and b"token_hash" not in whole


def test_records_of_every_feature_are_in_the_export(app: Any) -> None:
    """Whatever table names a person as its owner is covered, by a part of its own or by this one."""
    from app.core.personal import HOLDERS
    from app.db import Model

    person = people.person()
    with unit_of_work():
        db.session.execute(
            Model.metadata.tables["goal"].insert().values(person_id=person.id, rank=1, set_at=clock.now())
        )
    told, files = HOLDERS["records"](person)
    assert [row["rank"] for row in told["goal"]] == [1] and files == {}
    assert "sign_in" not in told


def test_what_is_not_needed_is_forgotten(app: Any) -> None:
    """Accounts never confirmed go after 14 days; confirmed ones, invited ones and officers stay."""
    now = clock.now()
    old = now - timedelta(days=15)
    gone = people.person("从未确认", password_hash="x", created_at=old)
    fresh = people.person("刚刚注册", password_hash="x", created_at=now - timedelta(days=13))
    used = people.person("已确认", password_hash="x", created_at=old, email_confirmed_at=old)
    officer = people.officer(Role.MENTOR, password_hash="x", created_at=old)
    with unit_of_work():
        assert personal.forget_old(now) == 1
    states = {p.id: p.state for p in db.session.scalars(select(Person)).unique()}
    assert states[gone.id] is PersonState.ERASED
    assert {states[p.id] for p in (fresh, used, officer)} == {PersonState.ACTIVE}


def ask(person: Person, browser: Any) -> int:
    assert browser.post("/me/data/erasure").status_code == 302
    return db.session.scalars(select(ErasureRequest.id).where(ErasureRequest.person_id == person.id)).one()


def test_erasure_anonymises_and_the_log_still_holds(client_as: Any) -> None:
    from tests.accounts.test_identity import made, picture, send

    region = people.region()
    admin = people.officer(Role.ADMIN, region=region)
    person = people.person("王建国", email="wang@example.org", region=region)
    browser = client_as(person)
    browser.post("/me/identity/number", data={"kind": "resident", "number": made()})
    send(browser, picture())
    with unit_of_work():
        seal()
    request_id = ask(person, browser)
    assert browser.post("/me/data/erasure").status_code == 409, "once is enough"
    assert letters_to(admin.id) == ["accounts.erasure_asked"]
    office = client_as(admin)
    assert "王建国" in office.get("/people/erasures").text
    assert office.post(f"/people/erasures/{request_id}", data={"decision": ""}).status_code == 422
    assert office.post(f"/people/erasures/{request_id}", data={"decision": "erase"}).status_code == 302
    db.session.expire_all()
    kept = db.session.get(Person, person.id)
    assert (kept.email, kept.name, kept.state, kept.id_lookup) == (None, "—", PersonState.ERASED, None)
    assert service.photo_of(kept) is None and letters_to(person.id) == []
    assert service.find_person_by_id_number(made()) is None
    assert browser.get("/me").status_code == 302
    left = [
        str(d.payload)
        for d in db.session.scalars(select(AuditDetails).join(AuditEntry).where(AuditEntry.about == "person"))
    ]
    assert not any("王建国" in words or "wang@" in words for words in left)
    assert verify().holds
    assert office.get(f"/people/{person.id}").status_code == 200


def test_erasure_is_refused_with_a_reason_that_reaches_the_person(client_as: Any) -> None:
    region = people.region()
    admin, person = people.officer(Role.ADMIN, region=region), people.person(region=region)
    request_id = ask(person, client_as(person))
    office = client_as(admin)
    assert office.post(f"/people/erasures/{request_id}", data={"decision": "refuse"}).status_code == 422
    data = {"decision": "refuse", "reason": "申诉处理期间须保留"}
    assert office.post(f"/people/erasures/{request_id}", data=data).status_code == 302
    assert letters_to(person.id) == ["accounts.erasure_refused"]
    assert office.post(f"/people/erasures/{request_id}", data=data).status_code == 404, "settled already"


def test_erasure_waits_for_roles_and_is_for_the_right_office(client_as: Any) -> None:
    here, there = people.region(), people.region()
    person = people.officer(Role.MENTOR, region=here)
    request_id = ask(person, client_as(person))
    address = f"/people/erasures/{request_id}"
    far = client_as(people.officer(Role.ADMIN, Scope.REGION, there.id))
    near = client_as(people.officer(Role.ADMIN, Scope.REGION, here.id))
    assert far.get(address).status_code == 404
    assert near.get(address).status_code == 200
    assert near.post(address, data={"decision": "erase"}).status_code == 422
    assert db.session.get(Person, person.id).state is PersonState.ACTIVE


# Organisations and regions


def test_organisations_are_added_and_corrected_in_scope(client_as: Any) -> None:
    here, there = people.region(), people.region()
    browser = client_as(people.officer(Role.ADMIN, Scope.REGION, here.id))
    data = {"name_zh": "天津大学", "name_en": "Tianjin University", "kind": "university", "region": str(here.id),
            "credit_code": "91350100M000100Y43"}  # fmt: skip
    assert browser.post("/organisations/new", data=data).status_code == 302
    assert browser.post("/organisations/new", data=data).status_code == 422, "the name is taken"
    assert browser.post("/organisations/new", data=data | {"region": str(there.id)}).status_code == 422
    made = db.session.scalars(select(Organisation)).one()
    assert browser.post(f"/organisations/{made.id}", data=data | {"name_en": "TJU"}).status_code == 302
    db.session.expire_all()
    assert db.session.get(Organisation, made.id).name_en == "TJU"
    foreign = people.organisation(there)
    assert browser.get(f"/organisations/{foreign.id}").status_code == 404
    assert foreign.name_zh not in browser.get("/organisations").text


def test_credit_codes_are_checked() -> None:
    """GB 32100-2015: the check character of 91350100M000100Y4 is 3."""
    assert service.credit_code_checks("91350100M000100Y43")
    assert not service.credit_code_checks("91350100M000100Y44") and not service.credit_code_checks("x")


def test_brackets_and_blanks_do_not_make_another_organisation(app: Any) -> None:
    region = people.region()
    people.organisation(region, name="天津（滨海）科技有限公司")
    assert service.organisation_named("天津(滨海)科技有限公司") is not None
    with unit_of_work(), pytest.raises(service.NameTaken):
        service.create_organisation(name_zh=" 天津(滨海)科技有限公司 ", region=region, now=clock.now())


def test_regions_are_added_by_the_whole_site_only(client_as: Any) -> None:
    here = people.region()
    data = {"code": "2301", "name_zh": "哈尔滨市", "name_en": "Harbin", "authority_zh": "哈尔滨市科学技术局",
            "authority_en": "Harbin Bureau", "ours": "y"}  # fmt: skip
    regional = client_as(people.officer(Role.ADMIN, Scope.REGION, here.id))
    assert regional.post("/regions/new", data=data).status_code == 404
    browser = client_as(people.officer(Role.ADMIN))
    assert browser.post("/regions/new", data=data).status_code == 302
    assert browser.post("/regions/new", data=data).status_code == 422
    assert browser.post("/regions/new", data=data | {"code": "abc"}).status_code == 422
    made = db.session.scalars(select(Region).where(Region.code == "2301")).one()
    assert regional.get(f"/regions/{made.id}").status_code == 404


# The audit log


def test_the_log_is_read_in_scope_filtered_and_exported(client_as: Any) -> None:
    here, there = people.region(), people.region()
    for region, name in ((here, "近某"), (there, "远某")):
        person = people.person(name, region=region)
        client_as(person).post("/me/consents/photo", data={"do": "give"})
    near = client_as(people.officer(Role.AUDITOR, Scope.REGION, here.id))
    whole = client_as(people.officer(Role.AUDITOR))
    assert "近某" in near.get("/audit").text and "远某" not in near.get("/audit").text
    page = whole.get("/audit?deed=accounts.give_consent").text
    assert "近某" in page and "远某" in page
    assert "近某" not in whole.get("/audit?from=2020-01-01&to=2020-02-01").text
    assert whole.get("/audit?from=nonsense&to=2026-99-99").status_code == 200
    assert "近某" in whole.get("/audit?q=近某").text
    far = db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id.desc())).first()
    assert whole.get(f"/audit/{far}").status_code == 200 and near.get(f"/audit/{far}").status_code == 404
    sheet = load_workbook(io.BytesIO(whole.get("/audit?export=xlsx").data)).active
    assert "远某" in {c.value for row in sheet.iter_rows() for c in row}


# Commands


def test_the_first_administrator_gets_a_link(app: Any) -> None:
    answer = app.test_cli_runner().invoke(args=["accounts", "create-admin", "Admin@Example.org", "系统管理员"])
    assert answer.exit_code == 0 and "/reset/" in answer.output
    with app.app_context():
        person = signing.person_by_email("admin@example.org")
        assert person.role_kinds == {Role.ADMIN}
        link = "/reset/" + answer.output.strip().rsplit("/", 1)[1]
        assert app.test_client().get(link).status_code == 200
    again = app.test_cli_runner().invoke(args=["accounts", "create-admin", "admin@example.org", "x"])
    assert again.exit_code == 0 and again.output != answer.output


def test_fresh_secrets_are_accepted_by_the_settings(app: Any) -> None:
    from config import from_env

    answer = app.test_cli_runner().invoke(args=["keys", "secrets"])
    made = dict(line.split("=", 1) for line in answer.output.strip().splitlines())
    assert set(made) == {"SECRET_KEY", "DATA_KEY", "LOOKUP_KEY"}
    assert len(from_env(made | {"APP_MODE": "test"}).DATA_KEY[0]) == 32


def test_rotation_by_command(app: Any) -> None:
    assert "left: 0" in app.test_cli_runner().invoke(args=["keys", "rotate-data"]).output
