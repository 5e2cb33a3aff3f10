"""What holders ask: correction with proof, reprint, appeal; the statement before a revocation; reinstating."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.certification import requests, rules, service, status
from app.certification.deeds import Did
from app.certification.earlier_models import Ask
from app.certification.errors import (
    AskThere,
    HearingRuns,
    NothingToAppeal,
    ProofNeeded,
    SamePerson,
    TookPart,
    UnknownReason,
)
from app.certification.models import Certificate, StatusChange
from app.certification.states import ASK_MOVES, AskKind, AskMove, AskState, Change, EditionKind, Standing
from app.core.errors import NotAllowedNow, NotFound
from app.core.states import moved
from app.db import db, locked, unit_of_work
from app.notices.models import Notice
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.factories import certification as made
from tests.factories import people

PDF_BYTES = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def certificate(judged: Any, holder: Person, at: Any) -> Certificate:
    return made.certificate(holder, now=at("2025-09-15 09:00"))


def me(person: Person) -> Person:
    return db.session.get_one(Person, person.id)


def decided(certificate: Certificate, kind: Change, officers: Any, now: Any) -> tuple[Person, Person]:
    a, b = officers(), officers()
    with unit_of_work():
        change = service.change(
            locked(certificate), kind, by=me(a), reason="查实", code="fraud" if kind is Change.REVOKE else "", now=now
        )
    if kind is not Change.SUSPEND:
        made.heard(change, now=now)
        with unit_of_work():
            service.confirm(locked(change), by=me(b), now=now)
    return a, b


@pytest.mark.parametrize("state", list(AskState))
@pytest.mark.parametrize("move", list(AskMove))
def test_the_life_of_a_request_cell_by_cell(state: AskState, move: AskMove) -> None:
    if state is AskState.SUBMITTED:
        assert moved(ASK_MOVES, state, move) is not state
    else:
        with pytest.raises(NotAllowedNow):
            moved(ASK_MOVES, state, move)


def test_a_change_of_name_with_proof_makes_a_corrected_edition(
    certificate: Certificate, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    client, path = client_as(holder), f"/certificates/{certificate.id}"
    assert client.get(path).status_code == 200 and client.get(f"{path}/ask").status_code == 200
    words = {"kind": "correction", "name": "王建华", "words": "已改名"}
    assert client.post(f"{path}/ask", data=words).status_code == 422  # without proof
    proof = (io.BytesIO(PDF_BYTES), "户口本.pdf")
    assert client.post(f"{path}/ask", data=words | {"proof": proof}).status_code == 302
    assert client.post(f"{path}/ask", data=words | {"proof": (io.BytesIO(PDF_BYTES), "a.pdf")}).status_code == 409
    office = client_as(officers())
    ask = db.session.scalars(select(Ask)).one()
    case = office.get(f"/office/requests/{ask.id}").text
    assert "王建华" in case and "王建国" in case
    assert office.get("/office/requests").status_code == 200
    assert office.get(f"/office/requests/{ask.id}/proof").data == PDF_BYTES
    assert office.post(f"/office/requests/{ask.id}", data={"do": "burn"}).status_code == 404
    assert office.post(f"/office/requests/{ask.id}", data={"do": "grant", "finding": "改名属实"}).status_code == 302
    found = db.session.get_one(Certificate, certificate.id, populate_existing=True)
    assert [e.kind for e in found.editions] == [EditionKind.FIRST, EditionKind.CORRECTION]
    assert (
        found.current.snapshot["holder_name"] == "王建华" == found.holder_name
        and found.editions[0].snapshot["holder_name"] == "王建国"
    )
    assert found.valid_until == certificate.valid_until and found.number == certificate.number
    assert "证书更正" in office.get(f"/office/certificates/{found.id}").text
    assert "王建国" in office.get(f"/office/requests/{ask.id}").text  # what it was before stays to be read
    assert (
        "certification.ask_granted"
        in db.session.scalars(select(Notice.letter).where(Notice.person_id == holder.id)).all()
    )


def test_a_reprint_says_so_and_a_declined_request_says_why(
    certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    officer = officers()
    with pytest.raises(ProofNeeded), unit_of_work():
        requests.ask_edition(
            locked(certificate), AskKind.CORRECTION, words="错字", by=me(holder), now=at("2026-03-02 09:00")
        )
    with unit_of_work():
        first = requests.ask_edition(
            locked(certificate), AskKind.REPRINT, words="遗失", by=me(holder), now=at("2026-03-02 09:00")
        )
    with pytest.raises(AskThere), unit_of_work():
        requests.ask_edition(
            locked(certificate), AskKind.REPRINT, words="遗失", by=me(holder), now=at("2026-03-02 09:00")
        )
    with unit_of_work():
        requests.decline(locked(first), by=me(officer), finding="请先登报声明", now=at("2026-03-03 09:00"))
    with unit_of_work():
        again = requests.ask_edition(
            locked(certificate), AskKind.REPRINT, words="已声明", by=me(holder), now=at("2026-03-04 09:00")
        )
    with unit_of_work():
        requests.grant(locked(again), by=me(officer), finding="", now=at("2026-03-05 09:00"))
    edition = db.session.get_one(Certificate, certificate.id).current
    assert edition.kind is EditionKind.REPRINT and edition.snapshot["kind"] == "reprint" and edition.reason == "已声明"
    with unit_of_work():
        last = requests.ask_edition(
            locked(certificate), AskKind.REPRINT, words="又遗失", by=me(holder), now=at("2026-03-06 09:00")
        )
    with pytest.raises(NotFound), unit_of_work():
        requests.withdraw(locked(last), by=me(officer))
    with unit_of_work():
        requests.withdraw(locked(last), by=me(holder))


def test_before_a_revocation_the_holder_is_heard(
    certificate: Certificate, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    """What is shipped: notice with reasons, five working days for a statement, then the decision."""
    set_clock(at("2026-03-02 09:00"))
    a, b = officers(), officers()
    with unit_of_work():
        change = service.change(
            locked(certificate), Change.REVOKE, by=me(a), reason="举报材料", code="fraud", now=at("2026-03-02 09:00")
        )
    letter = db.session.scalars(select(Notice).where(Notice.letter == "certification.revoking")).one()
    assert letter.values["until"] == {"day": "2026-03-09"} and "举报材料" in letter.values["reason"]
    with pytest.raises(HearingRuns), unit_of_work():
        service.confirm(locked(change), by=me(b), now=at("2026-03-09 23:00"))
    client = client_as(holder)
    mine = client.get("/certificates").text
    assert "拟撤销" in mine and "您可在2026年3月9日" in mine
    assert "举报材料" in client.get(f"/certificates/{certificate.id}").text
    statement = f"/certificates/{certificate.id}/statement"
    assert client.post(statement, data={"statement": "材料并非我提供"}).status_code == 302
    assert client.post(statement, data={"statement": "再说一次"}).status_code == 409
    assert "材料并非我提供" in client_as(b).get(f"/office/certificates/{certificate.id}").text
    with unit_of_work():  # what was said ends the term
        service.confirm(locked(change), by=me(b), now=at("2026-03-04 09:00"))
    told = client.get(f"/certificates/{certificate.id}").text
    assert "材料并非我提供" in told  # the holder's own words stay
    assert 'class="state valid"' not in told.split("<h2>版次</h2>")[1].split("</table>")[0]


@pytest.mark.parametrize(("days", "on"), [(0, "2026-03-02"), (3, "2026-03-06"), (5, "2026-03-10")])
def test_the_term_is_a_rule_and_silence_does_not_stop_the_decision(
    certificate: Certificate, officers: Any, client_as: Any, set_clock: Any, at: Any, days: int, on: str
) -> None:
    assert outline.current(rules.LIFE).mark == "D" and outline.current(rules.LIFE).body["hearing_days"] == 5
    body = dict(outline.current(rules.LIFE).body) | {"hearing_days": days}
    with unit_of_work():
        outline.save_version(
            KINDS[rules.LIFE], "", body, by=None, now=at("2026-01-01 09:00"), effective_from=at("2026-01-02 09:00").date()
        )  # fmt: skip
    set_clock(at("2026-03-02 09:00"))
    a, b = officers(), officers()
    with unit_of_work():
        change = service.change(
            locked(certificate), Change.REVOKE, by=me(a), reason="举报材料", code="fraud", now=at("2026-03-02 09:00")
        )
    assert (change.hearing_until is None) == (days == 0)
    assert ("前陈述申辩" in client_as(b).get(f"/office/certificates/{certificate.id}").text) == (days > 0)
    with unit_of_work():
        service.confirm(locked(change), by=me(b), now=at(f"{on} 09:00"))


def test_the_letter_of_a_revocation_names_the_right_of_appeal_and_its_term(
    certificate: Certificate, holder: Person, officers: Any, at: Any
) -> None:
    decided(certificate, Change.REVOKE, officers, at("2026-03-02 09:00"))
    letter = db.session.scalars(select(Notice).where(Notice.letter == "certification.revoked")).one()
    assert letter.values["until"] == {"day": "2026-05-01"} and "申诉" in letter.values["appeal"]
    assert letter.values["reason"] == "以欺骗等不正当手段取得；查实"
    other = made.certificate(made.trainee(holder.region), now=at("2025-09-15 09:00"))
    officer = officers()
    with pytest.raises(UnknownReason), unit_of_work():
        service.change(
            locked(other), Change.SUSPEND, by=me(officer), reason="x", code="fraud", now=at("2026-03-02 09:00")
        )


def test_an_appeal_upheld_is_a_new_decision_of_two_others(
    certificate: Certificate, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-10 09:00"))
    a, _b = decided(certificate, Change.REVOKE, officers, at("2026-03-02 09:00"))
    c, d = officers(), officers()
    client, path = client_as(holder), f"/certificates/{certificate.id}"
    link = f'href="{path}/appeal"'
    assert link in client.get(path).text and link in client.get("/certificates").text
    assert "由未参与原决定的人员复核" in client.get(f"{path}/appeal").text
    client.get("/language/en")
    page = client.get(f"{path}/appeal").text
    assert "officers who took no part in the decision look at it again" in page and "obtained by deceit; 查实" in page
    client.get("/language/zh_Hans")
    assert (
        client.post(f"/certificates/{certificate.id}/appeal", data={"words": "材料系他人伪造，请复核"}).status_code
        == 302
    )
    assert link not in client.get(path).text and link not in client.get("/certificates").text
    ask = db.session.scalars(select(Ask)).one()
    with pytest.raises(TookPart), unit_of_work():
        requests.grant(locked(ask), by=me(a), finding="成立", now=at("2026-03-11 09:00"))
    with unit_of_work():
        requests.grant(locked(ask), by=me(c), finding="复核成立", now=at("2026-03-11 09:00"))
    found = db.session.get_one(Certificate, certificate.id, populate_existing=True)
    assert found.standing is Standing.REVOKED  # until the second one confirms
    change = db.session.scalars(select(StatusChange).where(StatusChange.kind == Change.REINSTATE)).one()
    page = client.get(path).text
    assert "拟撤回终止决定" in page and "提交陈述意见" not in page  # nothing to defend against
    assert "已办结" in client_as(a).get(f"/office/requests/{ask.id}").text
    with unit_of_work():
        service.confirm(locked(change), by=me(d), now=at("2026-03-12 09:00"))
    found = db.session.get_one(Certificate, certificate.id, populate_existing=True)
    assert found.standing is Standing.GOOD and found.current.kind is EditionKind.CORRECTION
    assert service.is_valid(found, at("2026-03-12 09:00").date())
    assert not service.is_valid(found, at("2026-03-05 09:00").date())  # of that day nothing is changed
    assert [c.kind for c in found.changes] == [Change.REVOKE, Change.REINSTATE]


def test_an_appeal_has_its_term(certificate: Certificate, holder: Person, officers: Any, at: Any) -> None:
    with pytest.raises(NothingToAppeal), unit_of_work():
        requests.appeal(locked(certificate), words="没有决定", proof=None, by=me(holder), now=at("2026-03-02 09:00"))
    decided(certificate, Change.SUSPEND, officers, at("2026-03-02 09:00"))
    found = db.session.get_one(Certificate, certificate.id, populate_existing=True)
    assert requests.appealable(found, at("2026-05-01 09:00")) is not None
    assert requests.appealable(found, at("2026-05-02 09:00")) is None


def test_who_has_ended_is_told_once(certificate: Certificate, holder: Person, set_clock: Any, at: Any) -> None:
    today = at("2028-09-15 09:00").date()
    assert service.due_ended(today) == [certificate.id] and service.due_ended(at("2028-09-14 09:00").date()) == []
    for _ in range(2):
        with unit_of_work():
            service.tell_ended(locked(certificate), now=at("2028-09-15 09:00"))
    assert db.session.scalars(select(Notice.letter).where(Notice.letter == "certification.expired")).all() == [
        "certification.expired"
    ]
    assert service.due_ended(today) == []
    assert (
        status.words_of(
            StatusChange(certificate=certificate, kind=Change.SUSPEND, reason="x", reason_code=""), english=False
        )
        == "x"
    )


def scan() -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"), "statement.pdf"


def test_a_statement_that_came_on_paper_is_entered_by_an_officer(
    certificate: Certificate, holder: Person, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    """With the day it arrived and its scan; holder and second officer read it, and it ends the term as words on the page do."""
    set_clock(at("2026-03-02 09:00"))
    a, b = officers(), officers()
    with unit_of_work():
        change = service.change(
            locked(certificate), Change.REVOKE, by=me(a), reason="举报材料", code="fraud", now=at("2026-03-02 09:00")
        )
    set_clock(at("2026-03-05 09:00"))
    desk, page = client_as(a), f"/office/certificates/{certificate.id}"
    assert "收到书面陈述申辩" in desk.get(page).text
    to = f"/office/changes/{change.id}/statement"
    assert desk.get(to).status_code == 404

    def enter(browser: Any, **changed: Any) -> Any:
        said = {"received_on": "2026-03-04", "statement": "材料并非我提供", "scan": scan()} | changed
        return browser.post(to, data={k: v for k, v in said.items() if v}, content_type="multipart/form-data")

    for wrong, word in (
        ({"statement": ""}, "必填"), ({"scan": None}, "请上传"), ({"received_on": "2026-03-01"}, "2026年3月2日"),
        ({"received_on": "2026-03-06"}, "2026"), ({"received_on": ""}, "必填"), ({"scan": (io.BytesIO(b"text"), "a.txt")}, "PDF"),
    ):  # fmt: skip
        answer = enter(desk, **wrong)
        assert answer.status_code == 422 and word in answer.text, (wrong, answer.text.split("<main")[1])
    assert enter(client_as(holder)).status_code in (403, 404)
    assert enter(desk).status_code == 302
    assert enter(desk).status_code == 409  # once
    kept = db.session.get_one(StatusChange, change.id)
    assert (kept.statement, kept.received_on, kept.stated_by_id) == ("材料并非我提供", date(2026, 3, 4), a.id)
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == Did.TAKE_VIEW.value)).one()
    assert line.person_id == a.id and "2026-03-04" in str(line.details.payload)

    decider, own = client_as(b), client_as(holder)
    seen = decider.get(page).text
    assert "材料并非我提供" in seen and "2026年3月4日" in seen and me(a).name in seen and "收到书面陈述申辩" not in seen
    assert decider.get(to).data.startswith(b"%PDF")
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.deed == Did.OPEN_VIEW.value)).one().person_id == b.id
    holding = own.get(f"/certificates/{certificate.id}").text
    assert "材料并非我提供" in holding and "2026年3月4日" in holding and me(a).name not in holding
    assert own.get(f"/certificates/{certificate.id}/statements/{change.id}").data.startswith(b"%PDF")
    assert client_as(people.person()).get(f"/certificates/{certificate.id}/statements/{change.id}").status_code == 404
    told = db.session.scalars(select(Notice).where(Notice.letter == "certification.view_taken")).one()
    assert told.person_id == holder.id and told.values["received"] == {"day": "2026-03-04"}
    assert own.post(f"/certificates/{certificate.id}/statement", data={"statement": "再说一次"}).status_code == 409
    with pytest.raises(SamePerson), unit_of_work():
        service.confirm(locked(change), by=me(a), now=at("2026-03-05 10:00"))
    with unit_of_work():  # the term ran to 9 March; what was said ends it
        service.confirm(locked(change), by=me(b), now=at("2026-03-05 10:00"))


def test_a_statement_on_paper_after_the_term_is_marked_late(
    certificate: Certificate, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    a, b = officers(), officers()
    with unit_of_work():
        change = service.change(
            locked(certificate), Change.REVOKE, by=me(a), reason="举报材料", code="fraud", now=at("2026-03-02 09:00")
        )
    set_clock(at("2026-03-11 09:00"))
    said = {"received_on": "2026-03-10", "statement": "材料并非我提供", "scan": scan()}
    to = f"/office/changes/{change.id}/statement"
    assert client_as(a).post(to, data=said, content_type="multipart/form-data").status_code == 302
    assert "逾期提交" in client_as(b).get(f"/office/certificates/{certificate.id}").text
    with unit_of_work():
        service.confirm(locked(change), by=me(b), now=at("2026-03-11 09:00"))
    answer = client_as(b).post(to, data=said | {"scan": scan()}, content_type="multipart/form-data")
    assert answer.status_code == 409  # decided
