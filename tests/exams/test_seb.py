"""Safe Exam Browser: the Config Key, the settings file, and every request of an exam held against them."""

from __future__ import annotations

import hashlib
import plistlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import room as rooms
from app.exams import seb, watch
from app.exams.models import EventKind, ExamSession, SittingEvent
from app.exams.states import SittingState
from app.exams.watch import Watch
from tests.exams.factories import Room, session, sitting
from tests.factories import people

MINUTE = timedelta(minutes=1)
QUIT = hashlib.sha256(b"schluss").hexdigest()


def test_the_text_of_the_settings_follows_the_description() -> None:
    """The computation was also held against the published macOS example of Moodle's quizaccess_seb, which it reproduces."""
    settings = {
        "originatorVersion": "left out", "startURL": "https://example.org/考试?a=1&b=2", "allowWLAN": False, "allowQuit": True,
        "empty": {}, "list": [], "number": 3, "Zoom": 1, "salt": b"\x00\x01", "socket": "ws:\\localhost:8706",
        "since": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "rules": [{"b": 1, "A": "x", "none": {}}],
        "nested": {"z": False, "Y": {"k": ""}},
    }  # fmt: skip
    assert seb.seb_json(settings) == (
        '{"allowQuit":true,"allowWLAN":false,"list":[],"nested":{"Y":{"k":""},"z":false},"number":3,'
        '"rules":[{"A":"x","b":1}],"salt":"AAE=","since":"2026-01-02T03:04:05+00:00","socket":"ws:\\localhost:8706",'
        '"startURL":"https://example.org/考试?a=1&b=2","Zoom":1}'
    )
    assert seb.config_key(settings) == hashlib.sha256(seb.seb_json(settings).encode()).hexdigest()
    assert seb.config_key(settings | {"originatorVersion": "other"}) == seb.config_key(settings)
    assert seb.config_key(settings | {"allowQuit": False}) != seb.config_key(settings)


def test_the_hash_of_a_request() -> None:
    key = "81aad4ab9dfd447cc479e6a4a7c9a544e2cafc7f3adeb68b2a21efad68eca4dc"
    url = "https://exam.example.org/exams/sittings/7?x=1"
    expected = hashlib.sha256(f"{url}{key}".encode()).hexdigest()
    assert seb.request_hash(f"{url}#q5", key) == expected
    assert seb.fits(expected, url, key) and seb.fits(expected.upper(), url, key)
    assert not any(
        seb.fits(bad, url, key) for bad in (None, "", key, expected[:-1], 5, "考", seb.request_hash(url + "&", key))
    )


def test_the_file_holds_what_the_key_was_made_of() -> None:
    made = seb.settings_for("https://exam.example.org", quit_hash=QUIT)
    data = seb.settings_file(made)
    assert data.startswith(b"<?xml") and b"<plist version" in data and b"schluss" not in data
    read = plistlib.loads(data)
    assert read == made and seb.config_key(read) == seb.key_for("https://exam.example.org", QUIT)
    assert read["startURL"] == "https://exam.example.org/exams/" and read["sendBrowserExamKey"] is True
    assert read["URLFilterRules"][0]["expression"] == "exam.example.org/*"


@pytest.fixture
def hall(app: Any, set_clock: Any) -> Room:
    made = Room()
    with unit_of_work():
        watch.change(
            locked(made.session), Watch(), seb=True, quit_password="schluss", by=made.office, now=made.opens - MINUTE
        )
    set_clock(made.opens + MINUTE)
    return made


def site(app: Any) -> str:
    return app.extensions["settings"].PUBLIC_URL


def headers(app: Any, path: str, quit_hash: str = QUIT) -> dict[str, str]:
    key = seb.key_for(site(app), quit_hash)
    return {seb.HEADER: seb.request_hash(site(app) + path, key), "Accept": "application/json"}


def test_every_request_is_held_against_the_settings(app: Any, hall: Room, client_as: Any) -> None:
    browser, own = client_as(hall.people[0]), f"/exams/sittings/{hall.sittings[0]}"
    page = browser.get(f"{own}/start").text
    assert "Safe Exam Browser" in page and "settings.seb" in page and 'name="honour"' not in page
    assert browser.post(f"{own}/start", data={"honour": "y"}).status_code == 403
    assert browser.post(f"{own}/start", data={"honour": "y"}, headers=headers(app, f"{own}/other")).status_code == 403
    assert sitting(hall.sittings[0]).state is SittingState.REGISTERED
    assert browser.post(f"{own}/start", data={"honour": "y"}, headers=headers(app, f"{own}/start")).status_code == 302
    refused = browser.get(own)
    assert refused.location == f"{own}/safe" and 'id="q1"' not in refused.text
    assert "settings.seb" in browser.get(f"{own}/safe").text
    assert 'id="q1"' in browser.get(own, headers=headers(app, own)).text
    assert browser.get(own, headers=headers(app, own, quit_hash="")).status_code == 302, "other settings, other key"
    bodies = {
        "open": {"device": "d" * 20}, "hand-in": {"epoch": 1, "steps": []},
        "answers": {"epoch": 1, "steps": [{"question": 1, "counter": 1, "answer": hall.right()[0].answer}]},
    }  # fmt: skip
    for path in ("open", "answers", "hand-in"):
        answer = browser.post(f"{own}/{path}", json=bodies[path], headers={"Accept": "application/json"})
        assert answer.status_code == 403 and "Safe Exam Browser" in answer.json["error"], path
        wrong = headers(app, own)
        assert browser.post(f"{own}/{path}", json=bodies[path], headers=wrong).status_code == 403, path
        right = headers(app, f"{own}/{path}")
        assert browser.post(f"{own}/{path}", json=bodies[path], headers=right).status_code == 200, path
    assert "exams/seb-quit" in browser.get(f"{own}/done").text


def test_the_script_proves_it_where_no_header_is_sent(app: Any, hall: Room, client_as: Any) -> None:
    browser, own = client_as(hall.people[0]), f"/exams/sittings/{hall.sittings[0]}"
    key = seb.key_for(site(app), QUIT)
    for bad in (None, "", 7, key, seb.request_hash(f"{site(app)}/elsewhere", key)):
        assert browser.post(f"{own}/seb", json={"seb": bad}, headers={"Accept": "application/json"}).status_code == 403
    assert (
        browser.get(own, follow_redirects=True).status_code == 200
        and 'name="honour"' not in browser.get(f"{own}/start").text
    )
    assert browser.post(f"{own}/seb", json={"seb": seb.request_hash(f"{site(app)}{own}/start", key)}).json == {
        "safe": True
    }
    assert 'name="honour"' in browser.get(f"{own}/start").text
    assert browser.post(f"{own}/start", data={"honour": "y"}).status_code == 302
    assert browser.get(own).status_code == 200
    step = {"epoch": 1, "steps": [{"question": 1, "counter": 1, "answer": hall.right()[0].answer}]}
    assert browser.post(f"{own}/answers", json=step).status_code == 403, "a proven page does not free other requests"
    given = {"seb": seb.request_hash(site(app) + own, key)}
    assert browser.post(f"{own}/answers", json=step | given).json["saved"] == {"1": 1}
    assert client_as(hall.office).post(f"{own}/seb", json=given).status_code == 404


def test_the_invigilator_may_let_somebody_sit_without(app: Any, hall: Room, client_as: Any) -> None:
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, hall.region.id)
    desk, own = client_as(watcher), f"/exams/sittings/{hall.sittings[0]}"
    assert desk.post(f"/exams/office{own[6:]}/seb", data={"seb-reason": " "}).status_code == 422
    assert desk.post(f"/exams/office{own[6:]}/seb", data={"seb-reason": "考点电脑装不上"}).status_code == 302
    assert "考点电脑装不上" in desk.get(f"/exams/office{own[6:]}").text
    browser = client_as(hall.people[0])
    assert browser.post(f"{own}/start", data={"honour": "y"}).status_code == 302
    assert browser.get(own).status_code == 200


def test_a_session_without_it_costs_and_asks_nothing(app: Any, set_clock: Any, client_as: Any) -> None:
    plain = Room()
    plain.start()
    set_clock(plain.opens + MINUTE)
    browser, own = client_as(plain.people[0]), f"/exams/sittings/{plain.sittings[0]}"
    assert browser.get(own).status_code == 200
    assert browser.post(f"{own}/seb", json={"seb": "x"}).json == {"safe": True}
    assert browser.get(f"{own}/settings.seb").status_code == 404
    with unit_of_work(), pytest.raises(rooms.NotAllowedNow):
        rooms.waive_seb(rooms.held(plain.office, plain.sittings[0]), reason="x", by=plain.office, now=plain.opens)


def test_who_gets_the_file(app: Any, hall: Room, client_as: Any) -> None:
    file = client_as(hall.people[0]).get(f"/exams/sittings/{hall.sittings[0]}/settings.seb")
    assert file.mimetype == "application/seb" and file.headers["Content-Disposition"].endswith(".seb")
    assert seb.config_key(plistlib.loads(file.data)) == seb.key_for(site(app), QUIT)
    assert client_as(hall.office).get(f"/exams/sittings/{hall.sittings[0]}/settings.seb").status_code == 404
    address = f"/exams/office/sessions/{hall.session.id}/settings.seb"
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, hall.region.id)
    assert client_as(watcher).get(address).data == client_as(hall.office).get(address).data == file.data
    assert client_as(hall.people[0]).get(address).status_code == 403
    other = people.officer(Role.INVIGILATOR, Scope.REGION, people.region().id)
    assert client_as(other).get(address).status_code == 404
    assert (
        seb.key_for(site(app), QUIT)
        in client_as(hall.office).get(f"/exams/office/sessions/{hall.session.id}/watch").text
    )
    assert session(hall.session.id).seb and db.session.query(ExamSession).count() == 1
    assert client_as(hall.people[0]).get("/exams/seb-quit").status_code == 200


def refusals(sitting_id: int) -> list[str]:
    db.session.rollback()
    asked = select(SittingEvent.note).where(
        SittingEvent.sitting_id == sitting_id, SittingEvent.kind == EventKind.SEB_REFUSED
    )
    return list(db.session.scalars(asked.order_by(SittingEvent.id)))


def test_refused_attempts_are_kept_for_the_invigilator_and_bounded(
    app: Any, hall: Room, client_as: Any, set_clock: Any
) -> None:
    browser, own = client_as(hall.people[0]), f"/exams/sittings/{hall.sittings[0]}"
    browser.get(f"{own}/start")
    assert refusals(hall.sittings[0]) == [], "looking at the start page is no attempt"
    browser.post(f"{own}/start", data={"honour": "y"})
    browser.post(f"{own}/start", data={"honour": "y"})
    browser.post(f"{own}/start", data={"honour": "y"}, headers=headers(app, f"{own}/elsewhere"))
    assert refusals(hall.sittings[0]) == ["start:missing", "start:wrong"], "the same within a minute is one"
    browser.post(f"{own}/start", data={"honour": "y"}, headers=headers(app, f"{own}/start"))
    browser.get(own)
    step = {"epoch": 1, "steps": [{"question": 1, "counter": 1, "answer": hall.right()[0].answer}]}
    refused = browser.post(f"{own}/answers", json=step, headers={"Accept": "application/json"})
    assert refused.status_code == 403 and "Safe Exam Browser" in refused.json["error"]
    browser.post(f"{own}/answers", json=step | {"seb": "0" * 64}, headers={"Accept": "application/json"})
    assert refusals(hall.sittings[0])[2:] == ["page:missing", "save:missing", "save:wrong"]
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, hall.region.id)
    page = client_as(watcher).get(f"/exams/office{own[6:]}").text
    assert "未发送密钥" in page and "密钥属于其他设置" in page
    assert "已拒绝" in client_as(watcher).get(f"/exams/office/rooms/{hall.session.id}").text
    for minute in range(2, 40):
        set_clock(hall.opens + minute * MINUTE)
        browser.post(f"{own}/answers", json=step, headers={"Accept": "application/json"})
    assert len(refusals(hall.sittings[0])) == 20
    other = people.person("别人", region=hall.region)
    client_as(other).post(f"{own}/answers", json=step, headers={"Accept": "application/json"})
    assert len(refusals(hall.sittings[0])) == 20


def test_the_link_starts_the_browser_without_a_sign_in(app: Any, hall: Room, client: Any, client_as: Any) -> None:
    page = client_as(hall.people[0]).get(f"/exams/sittings/{hall.sittings[0]}/start").text
    found = re.search(r'href="(sebs?)://([^/"]+)(/exams/seb/[^"]+\.seb)"', page)
    assert found and found[1] == ("sebs" if site(app).startswith("https") else "seb")
    assert f"{found[1].replace('seb', 'http')}://{found[2]}" == site(app)
    file = client.get(found[3])
    assert file.mimetype == "application/seb"
    assert seb.config_key(plistlib.loads(file.data)) == seb.key_for(site(app), QUIT)
    for bad in ("x", str(hall.session.id), found[3][11:-6] + "xx"):
        assert client.get(f"/exams/seb/{bad}.seb").status_code == 404
    assert found[3] in client_as(hall.office).get(f"/exams/office/sessions/{hall.session.id}/watch").text
