"""Signing up, in and out; reset links; the second factor; limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select

from app.accounts import passwords, signing
from app.accounts.models import ConsentKind, OneTimeLink, Organisation, Person, SignIn
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.core import clock, crypto
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.notices.service import SECRET, link_in_mail, message_for, settle
from tests.factories import people

GOOD = "horse battery staple"


@pytest.fixture(scope="session")
def good_hash() -> str:
    return passwords.hashed(GOOD)


@pytest.fixture
def wang(app: Any, good_hash: str) -> Person:
    return people.person(email="wang@example.org", password_hash=good_hash, email_confirmed_at=clock.now())


def filled(at: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "王建国", "email": "new@example.org", "password": GOOD, "again": GOOD, "region": str(at.id),
        "employer": "滨海新材料有限公司", "locale": "zh_Hans", "terms": "y",
    } | more  # fmt: skip


def last_letter(email: str) -> tuple[str, str]:
    """Code and path of the newest letter to an address."""
    db.session.rollback()
    notice = db.session.scalars(
        select(Notice)
        .join(Person, Person.id == Notice.person_id)
        .where(Person.email == email)
        .order_by(Notice.id.desc())
    ).first()
    return notice.letter, link_in_mail(notice)


def enter(client: Any, email: str = "wang@example.org", password: str = GOOD, **more: Any) -> Any:
    return client.post("/sign-in", data={"email": email, "password": password} | more)


def test_sign_up_opens_after_link_and_password(client: Any) -> None:
    answer = client.post("/sign-up", data=filled(people.region()))
    assert answer.status_code == 200 and "new@example.org" in answer.text
    assert "/confirm/" not in answer.text, "the link goes by mail alone"
    letter, link = last_letter("new@example.org")
    assert letter == "accounts.confirm"
    assert client.get(link).status_code == 200
    assert client.post(link, data={"password": "not the right one"}).status_code == 422
    assert client.post(link, data={"password": GOOD}).headers["Location"] == "/me"
    assert client.get("/me").status_code == 200
    assert client.post(link, data={"password": GOOD}).status_code == 410
    person = signing.person_by_email("NEW@example.org ")
    assert person.organisation.name_zh == "滨海新材料有限公司"
    from app.accounts.consents import has_consent

    assert has_consent(person, ConsentKind.TERMS)


def test_an_unconfirmed_account_does_not_open_and_gets_the_link_again(client: Any) -> None:
    client.post("/sign-up", data=filled(people.region()))
    first = last_letter("new@example.org")[1]
    assert enter(client, "new@example.org").status_code == 403
    second = last_letter("new@example.org")[1]
    assert first != second and client.get(first).status_code == 410 and client.get(second).status_code == 200


def test_the_newest_sign_up_of_an_unconfirmed_address_counts(client: Any) -> None:
    """Somebody who signed up with a stranger's address gains nothing when the stranger signs up and confirms."""
    region = people.region()
    client.post("/sign-up", data=filled(region, password="the attackers own", again="the attackers own"))
    stolen = last_letter("new@example.org")[1]
    client.post("/sign-up", data=filled(region, name="真正的人"))
    assert client.get(stolen).status_code == 410
    client.post(last_letter("new@example.org")[1], data={"password": GOOD})
    assert enter(client, "new@example.org", "the attackers own").status_code in (302, 401)
    assert signing.person_by_email("new@example.org").name == "真正的人"
    assert not passwords.check(signing.person_by_email("new@example.org").password_hash, "the attackers own").right


def test_sign_up_does_not_tell_who_has_an_account(client: Any, wang: Person) -> None:
    known = client.post("/sign-up", data=filled(people.region(), email="wang@example.org"))
    fresh = client.post("/sign-up", data=filled(people.region()))
    assert known.status_code == fresh.status_code == 200
    assert known.text.replace("wang@example.org", "new@example.org") == fresh.text
    assert last_letter("wang@example.org")[0] == "accounts.already_here"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 101), ("email", "nobody"), ("email", "a@b"), ("email", "x" * 250 + "@example.org"),
        ("password", "short"), ("again", "something else"), ("region", "999999"), ("region", "x"), ("region", ""),
        ("employer", "长" * 161), ("terms", ""), ("locale", "fr"),
    ],
)  # fmt: skip
def test_sign_up_refuses_bad_input_and_keeps_what_was_typed(client: Any, field: str, value: str) -> None:
    answer = client.post("/sign-up", data=filled(people.region(), **{field: value}))
    assert answer.status_code == 422
    assert GOOD not in answer.text, "passwords are never sent back"
    if field != "employer":
        assert "滨海新材料有限公司" in answer.text
    assert signing.person_by_email("new@example.org") is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("zhangwei88888", "e-mail"), ("aaaaaaaaaaaa", "same"), ("abcabcabcabc", "same"), ("1234567890", "common"),
        ("qwertyuiop", "common"), ("23456789:;", "common"), ("ninechars", "fewer"),
    ],
)  # fmt: skip
def test_easy_passwords(app: Any, password: str, why: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert why in str(passwords.weakness(password, email="zhangwei@example.org", name="张伟"))


@pytest.mark.parametrize(
    "password", ["correct horse battery", "我喜欢在海河边散步", "aaaaabbbbbcde", "  spaces  count  "]
)
def test_long_passwords_without_decoration_are_fine(app: Any, password: str) -> None:
    assert passwords.weakness(password + "!" * max(0, 10 - len(password)), email="li@example.org") is None


def test_parameters_of_the_hash() -> None:
    assert passwords.hashed("whatever it is").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_older_parameters_is_renewed(client: Any, wang: Person) -> None:
    from argon2 import PasswordHasher

    with unit_of_work():
        db.session.get(Person, wang.id).password_hash = PasswordHasher(1, 8192, 1).hash(GOOD)
    assert enter(client).status_code == 302
    db.session.rollback()
    assert db.session.get(Person, wang.id).password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_sign_in_and_out(client: Any, wang: Person) -> None:
    assert enter(client, " WANG@example.org").headers["Location"] == "/"
    assert client.get("/me").status_code == 200
    assert client.get("/sign-in?next=/me").headers["Location"] == "/me"

    token_hash = db.session.scalars(select(SignIn.token_hash)).one()
    with client.session_transaction() as session:
        assert session["_user_id"] not in token_hash
    assert client.post("/sign-out").status_code == 302
    assert client.get("/me").headers["Location"].startswith("/sign-in")


def test_a_closed_page_says_why_and_where_one_comes_back_to(client: Any) -> None:
    led = client.get("/exams/").headers["Location"]
    assert led.endswith("/sign-in?next=/exams/") or "next=%2Fexams%2F" in led
    assert "登录后才能查看" in client.get(led).text
    for plain in (
        "/sign-in",
        "/sign-in?next=/",
        "/sign-in?next=//evil.example/",
        "/sign-in?next=https://evil.example/",
    ):
        assert "登录后才能查看" not in client.get(plain).text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(client: Any, wang: Person, target: str) -> None:
    assert enter(client, next=target).headers["Location"] == "/"


def test_wrong_pair_and_unknown_address_get_the_same_answer(client: Any, wang: Person) -> None:
    wrong = enter(client, password="wrong password")
    unknown = enter(client, "nobody@example.org", "wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("wang@", "nobody@") == unknown.text


def test_an_unknown_address_costs_the_same_work(client: Any, wang: Person, monkeypatch: Any) -> None:
    checked: list[str | None] = []
    real = passwords._hasher.verify
    monkeypatch.setattr(passwords, "_hasher", passwords._hasher)
    monkeypatch.setattr(type(passwords._hasher), "verify", lambda self, h, p: checked.append(h) or real(h, p))
    enter(client, password="wrong password")
    enter(client, "nobody@example.org", "wrong password")
    assert len(checked) == 2 and all(h.startswith("$argon2id$") for h in checked)


def test_an_erased_person_cannot_sign_in(client: Any, wang: Person) -> None:
    with unit_of_work():
        db.session.get(Person, wang.id).state = "erased"
    assert enter(client).status_code == 401


# Reset


def test_reset_link_works_once_and_ends_sessions(app: Any, client: Any, client_as: Any, wang: Person) -> None:
    elsewhere = client_as(wang)
    assert elsewhere.get("/me").status_code == 200
    client.post("/forgot", data={"email": "wang@example.org"})
    letter, link = last_letter("wang@example.org")
    assert letter == "accounts.reset"
    new = "a completely new one"
    assert client.post(link, data={"password": new, "again": new}).headers["Location"] == "/sign-in"
    assert elsewhere.get("/me").status_code == 302
    assert client.post(link, data={"password": GOOD, "again": GOOD}).status_code == 410
    assert enter(client).status_code == 401
    assert enter(client, password=new).status_code == 302


def test_reset_tells_nothing(client: Any, wang: Person) -> None:
    known = client.post("/forgot", data={"email": "wang@example.org"})
    unknown = client.post("/forgot", data={"email": "nobody@example.org"})
    assert known.text.replace("wang@", "nobody@") == unknown.text and known.status_code == 200
    assert client.post("/forgot", data={"email": "no address"}).status_code == 422


def test_reset_link_lives_an_hour_and_a_newer_one_ends_it(client: Any, wang: Person, set_clock: Any) -> None:
    client.post("/forgot", data={"email": "wang@example.org"})
    first = last_letter("wang@example.org")[1]
    client.post("/forgot", data={"email": "wang@example.org"})
    second = last_letter("wang@example.org")[1]
    assert client.get(first).status_code == 410 and client.get(second).status_code == 200
    set_clock(clock.now() + timedelta(minutes=61))
    assert client.get(second).status_code == 410
    assert client.get("/reset/nonsense").status_code == 410


def test_tokens_are_kept_as_hashes_and_forgotten_once_sent(client: Any, wang: Person) -> None:
    client.post("/forgot", data={"email": "wang@example.org"})
    token = last_letter("wang@example.org")[1].removeprefix("/reset/")
    db.session.rollback()
    with unit_of_work():
        notice = db.session.scalars(select(Notice)).one()
        assert token not in str(notice.values) and notice.link == ""
        assert db.session.scalars(select(OneTimeLink.token_hash)).one() == crypto.token_hash(token)
        assert token in message_for(notice, wang).get_content()
        settle(notice, None, clock.now())
        assert SECRET not in notice.values


def test_a_weak_new_password_is_refused_at_its_field(client: Any, wang: Person) -> None:
    client.post("/forgot", data={"email": "wang@example.org"})
    link = last_letter("wang@example.org")[1]
    assert client.post(link, data={"password": "1234567890", "again": "1234567890"}).status_code == 422
    assert client.get(link).status_code == 200, "the link was not used up"


# An ended session


def test_what_was_typed_survives_an_ended_session(client: Any, wang: Person, set_clock: Any) -> None:
    enter(client)
    set_clock(clock.now() + timedelta(hours=13))
    typed = {"name": "王建国<b>", "region": "1", "employer": "某公司", "csrf_token": "x", "old_password": "never"}
    door = client.post("/me", data=typed)
    assert door.status_code == 401 and "never" not in door.text
    kept = door.text.split('name="kept"')[1].split('value="')[1].split('"')[0]
    again = enter(client, kept=kept)
    assert again.status_code == 200 and 'action="/me"' in again.text
    assert "王建国&lt;b&gt;" in again.text and "某公司" in again.text


def test_what_was_typed_is_given_back_to_nobody_else(client: Any, wang: Person, set_clock: Any, good_hash: str) -> None:
    people.person(email="li@example.org", password_hash=good_hash, email_confirmed_at=clock.now())
    enter(client)
    set_clock(clock.now() + timedelta(hours=13))
    kept = client.post("/me", data={"name": "秘密"}).text.split('name="kept"')[1].split('value="')[1].split('"')[0]
    assert enter(client, "li@example.org", kept=kept).status_code == 302
    client.post("/sign-out")
    assert enter(client, kept=kept[:-3] + "abc").status_code == 302


def test_scripts_get_401_as_json(client: Any) -> None:
    answer = client.post("/me", json={"a": 1})
    assert answer.status_code == 401 and "error" in answer.json


# Limits


@pytest.fixture
def limited(app: Any) -> Any:
    from app.core.limits import limiter

    limiter.reset()
    app.config["RATELIMIT_ENABLED"] = True
    yield
    app.config["RATELIMIT_ENABLED"] = False
    limiter.reset()


@pytest.fixture
def quick_hash(monkeypatch: Any) -> None:
    """Compare passwords without the costly hash, so that many tries are cheap."""
    monkeypatch.setattr(passwords, "check", lambda kept, typed: passwords.Answer(bool(kept) and typed == GOOD))


def test_failures_slow_down_one_account_at_one_address(
    app: Any, client: Any, wang: Person, limited: None, quick_hash: None
) -> None:
    for _ in range(5):
        assert enter(client, password="wrong").status_code == 401
    assert enter(client).status_code == 429
    other = {"REMOTE_ADDR": "203.0.113.9"}
    assert (
        client.post("/sign-in", data={"email": "wang@example.org", "password": GOOD}, environ_base=other).status_code
        == 302
    )


def test_others_cannot_lock_an_account_out(
    app: Any, client: Any, wang: Person, limited: None, quick_hash: None
) -> None:
    assert enter(client).status_code == 302
    client.post("/sign-out")
    stranger = app.test_client()
    for n in range(70):
        data = {"email": "wang@example.org", "password": "wrong"}
        answer = stranger.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": f"198.51.100.{n}"})
    assert answer.status_code == 429, "the whole account is slowed down for strangers"
    assert enter(client).status_code == 302, "but not for the browser its owner used"
    assert stranger.post("/forgot", data={"email": "wang@example.org"}).status_code == 200


def test_success_counts_for_nothing_and_rooms_are_exempt(
    app: Any, client: Any, limited: None, quick_hash: None, good_hash: str, monkeypatch: Any
) -> None:
    for n in range(8):
        people.person(email=f"c{n}@example.org", password_hash=good_hash, email_confirmed_at=clock.now())
    monkeypatch.setattr(signing, "ROOM", "3 per 10 minutes")
    for n in range(8):
        assert enter(app.test_client(), f"c{n}@example.org").status_code == 302
    for n in range(3):
        enter(client, f"c{n}@example.org", "wrong")
    assert enter(client, "c7@example.org").status_code == 429
    import dataclasses

    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, EXEMPT_ADDRESSES=("127.0.0.1",))
    try:
        assert enter(client, "c7@example.org").status_code == 302
    finally:
        app.extensions["settings"] = settings


def test_mails_to_one_address_are_limited(client: Any, wang: Person, limited: None) -> None:
    answers = [client.post("/forgot", data={"email": "wang@example.org"}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 422]
    assert db.session.scalar(select(func.count()).select_from(Notice)) == 4


# The second factor


def staff(good_hash: str) -> Person:
    return people.officer(
        Role.CERTIFICATION, email="officer@example.org", password_hash=good_hash, email_confirmed_at=clock.now()
    )


def secret_of(person_id: int) -> str:
    db.session.rollback()
    db.session.expire_all()
    return crypto.decrypt(db.session.get(Person, person_id).totp_sealed, purpose="totp")


def code_at(secret: str, step: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(int(clock.now().timestamp()) // 30 + step)


def test_staff_set_up_a_second_factor_and_give_it_each_time(client: Any, good_hash: str, set_clock: Any) -> None:
    person_id = staff(good_hash).id
    enter(client, "officer@example.org")
    assert client.get("/me").headers["Location"].startswith("/second-factor")
    page = client.get("/second-factor/set-up")
    secret = secret_of(person_id)
    assert page.status_code == 200 and secret[:4] in page.text and "data:image/svg+xml" in page.text
    assert client.post("/second-factor/set-up", data={"code": "000000"}).status_code == 422
    code = code_at(secret)
    assert client.post("/second-factor/set-up", data={"code": code}).status_code == 302
    assert client.get("/me").status_code == 200
    client.post("/sign-out")
    enter(client, "officer@example.org")
    assert client.post("/second-factor?next=/me", data={"code": code}).status_code == 422, "a code works once"
    set_clock(clock.now() + timedelta(seconds=60))
    answer = client.post("/second-factor?next=/me", data={"code": code_at(secret)})
    assert answer.headers["Location"] == "/me" and client.get("/me").status_code == 200


def test_the_set_up_page_does_not_replace_a_second_factor(client: Any, good_hash: str) -> None:
    person_id = staff(good_hash).id
    with unit_of_work():
        person = db.session.get(Person, person_id)
        secret = signing.begin_second_factor(person)
        person.totp_confirmed_at = clock.now()
    enter(client, "officer@example.org")
    assert "/second-factor" in client.get("/second-factor/set-up").headers["Location"]
    assert client.post("/second-factor/set-up", data={"code": code_at(secret)}).status_code == 302
    assert client.get("/me").status_code == 302, "still not let in"
    assert secret_of(person_id) == secret


def test_the_demonstration_asks_for_no_second_factor(app: Any, client: Any, good_hash: str) -> None:
    import dataclasses

    staff(good_hash)
    enter(client, "officer@example.org")
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, APP_MODE="demo")
    try:
        from config import Mode

        app.extensions["settings"] = dataclasses.replace(settings, APP_MODE=Mode.DEMO)
        assert client.get("/me").status_code == 200
    finally:
        app.extensions["settings"] = settings


def test_guessing_codes_is_limited(client: Any, good_hash: str, limited: None) -> None:
    person_id = staff(good_hash).id
    with unit_of_work():
        person = db.session.get(Person, person_id)
        secret = signing.begin_second_factor(person)
        person.totp_confirmed_at = clock.now()
    enter(client, "officer@example.org")
    for n in range(8):
        client.post("/second-factor", data={"code": f"{n:06}"})
    assert client.post("/second-factor", data={"code": code_at(secret)}).status_code == 422
    assert client.get("/me").status_code == 302


def test_a_new_phone(client_as: Any, app: Any, good_hash: str) -> None:
    person = staff(good_hash)
    with unit_of_work():
        kept = db.session.get(Person, person.id)
        secret = signing.begin_second_factor(kept)
        kept.totp_confirmed_at = clock.now()
    browser = client_as(person)
    assert browser.post("/second-factor/drop", data={"code": "123"}).status_code == 422
    assert browser.post("/second-factor/drop", data={"code": code_at(secret)}).status_code == 302
    assert browser.get("/me").headers["Location"].startswith("/second-factor")


def test_employers_typed_by_visitors_are_not_offered_to_others(client: Any) -> None:
    region = people.region()
    listed = people.organisation(region, name="天津大学")
    client.post("/sign-up", data=filled(region, employer="某某人随便写的"))
    page = client.get("/sign-up").text
    assert listed.name_zh in page and "某某人随便写的" not in page
    assert db.session.scalar(select(func.count()).where(Organisation.name_zh == "某某人随便写的")) == 1


def test_signing_in_asks_little_and_writes_session_and_line_together(
    client: Any, wang: Person, quick_hash: None, queries: Any, app: Any
) -> None:
    enter(client)
    browser = app.test_client()
    with queries() as seen:
        assert enter(browser).status_code == 302
    few = 2 if db.engine.dialect.name == "postgresql" else 4  # who; session row, line of the log and its details in one
    assert len(seen) == few, "\n".join(seen)
    line = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert line is not None and (line.deed, line.about_id, line.person_id) == ("accounts.sign_in", wang.id, wang.id)
    assert line.details is not None and line.details.payload["address"]
    assert audit.verify().holds
    assert browser.get("/me").status_code == 200


def test_a_password_changed_between_comparing_and_entering_lets_nobody_in(client: Any, wang: Person, app: Any) -> None:
    with app.test_request_context("/sign-in"):
        found = signing.recognise("wang@example.org", GOOD, known_browser=False)
        with unit_of_work():
            db.session.get_one(Person, wang.id).password_hash = passwords.hashed("another one, just set")
        with unit_of_work():
            assert not signing.sign_in(found, now=clock.now())
        with unit_of_work():
            assert isinstance(signing.not_let_in(found, now=clock.now()), signing.WrongPair)
    assert db.session.query(SignIn).count() == 0
