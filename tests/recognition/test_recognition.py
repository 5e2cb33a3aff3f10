"""Recognition: agreements, cases, two people, validity, doubts, pages."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.accounts.models import Person
from app.certification import status
from app.certification.states import Change
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow
from app.core.permissions import Role, Scope
from app.db import db, for_transactions, locked, unit_of_work
from app.files.models import StoredFile
from app.files.service import keep_bytes
from app.jobs.service import run_waiting
from app.pathway import service as pathway
from app.pathway.rules import Stage
from app.recognition import rules, service
from app.recognition.models import Agreement, RecognitionCase
from app.recognition.states import (
    AGREEMENT_MOVES,
    CASE_MOVES,
    AgreementMove,
    AgreementState,
    CaseMove,
    CaseState,
    Outcome,
    Validity,
    Verified,
)
from tests.factories import certification as made
from tests.factories import people

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


class World:
    """Two regions, an agreement between them, a holder with an intermediate certificate, officers of the north."""

    def __init__(self) -> None:
        self.south = people.region("1201", "天津市滨海新区")
        self.north = people.region("2301", "黑龙江省哈尔滨市")
        self.first = people.officer(Role.AUTHORITY, Scope.REGION, self.north.id, name="赵维东")
        self.second = people.officer(Role.AUTHORITY, Scope.REGION, self.north.id, name="金秀兰")
        self.holder = made.trainee(self.south, "许文博")
        self.certificate = made.certificate(self.holder, 2, now=clock.now() - timedelta(days=30))
        self.agreement = self.agree()

    def agree(self, **more: Any) -> Agreement:
        today = clock.today()
        values = {
            "region_id": self.north.id, "partner_id": self.south.id, "basis": "哈科互认〔2026〕1号", "signed_on": today - timedelta(days=60),
            "effective_on": today - timedelta(days=50), "ends_on": today + timedelta(days=200),
        } | more  # fmt: skip
        with unit_of_work():
            row = service.save_agreement(
                None,
                values,
                [("中级技术经理人", 2, ""), ("高级技术经理人", 3, "评审")],
                by=self.reload(self.first),
                now=clock.now(),
            )
            service.move_agreement(
                row, AgreementMove.GRANT, by=self.reload(self.first), reason="会签完成", now=clock.now()
            )
        return row

    def reload(self, row: Any) -> Any:
        return db.session.get_one(type(row), row.id)

    def submit(self, **more: Any) -> RecognitionCase:
        with unit_of_work():
            holder = self.reload(self.holder)
            source = more.pop("source", None) or service.source_of(self.reload(self.certificate))
            return service.submit(
                holder, self.reload(self.north), source, more.pop("target", 2), more.pop("documents", []),
                consents=more.pop("consents", True), now=clock.now(),
            )  # fmt: skip

    def propose(self, case: RecognitionCase, outcome: Outcome = Outcome.EQUAL, **more: Any) -> None:
        values = {"rank": 2, "conditions": "", "codes": [], "remark": ""} | more
        with unit_of_work():
            service.propose(locked(case), outcome, by=self.reload(self.first), now=clock.now(), **values)

    def decide(self, case: RecognitionCase, by: Person | None = None) -> None:
        with unit_of_work():
            service.decide(locked(case), by=self.reload(by or self.second), now=clock.now())

    def recognised(self) -> RecognitionCase:
        case = self.submit()
        self.propose(case)
        self.decide(case)
        return case


@pytest.fixture
def world(app: Any) -> World:
    return World()


def test_worked_example_8_the_earliest_end_counts() -> None:
    until = rules.valid_until(
        date(2025, 9, 1), source_expires=date(2027, 3, 31), agreement_ends=date(2026, 12, 31), months=36,
        rule=Validity.SHORTER, ours_months=36,
    )  # fmt: skip
    assert until == date(2026, 12, 31)


@pytest.mark.parametrize("rule", list(Validity))
def test_a_recognition_never_outlives_source_or_agreement(rule: Validity) -> None:
    for source, agreement in ((date(2026, 1, 1), None), (None, date(2026, 1, 1)), (date(2026, 1, 1), date(2030, 1, 1))):
        until = rules.valid_until(
            date(2025, 9, 1), source_expires=source, agreement_ends=agreement, months=36, rule=rule, ours_months=60
        )
        assert until == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("states", "moves", "table"), [(CaseState, CaseMove, CASE_MOVES), (AgreementState, AgreementMove, AGREEMENT_MOVES)]
)
def test_every_cell_of_the_life_cycles(states: Any, moves: Any, table: Any) -> None:
    from app.core.states import moved

    for state in states:
        for move in moves:
            if (state, move) in table:
                assert moved(table, state, move) is table[state, move]
            else:
                with pytest.raises(NotAllowedNow):
                    moved(table, state, move)


def test_two_people_recognise_and_the_pathway_counts_it(world: World) -> None:
    case = world.recognised()
    assert case.state is CaseState.RECOGNISED
    assert case.number == f"RZ2301{clock.today().year}00001"
    assert case.valid_until == world.agreement.ends_on
    assert [c.id for c in service.recognitions_in_force(world.certificate, clock.today())] == [case.id]
    assert Stage.ENTRY in pathway.exemptions_of(world.holder, 3, clock.today())
    assert Stage.ENTRY not in pathway.exemptions_of(world.holder, 3, case.valid_until + timedelta(days=1))


def test_the_note_is_made_in_the_background(world: World) -> None:
    from app.files.service import read_file

    case = world.recognised()
    assert run_waiting() >= 1
    db.session.refresh(case)
    assert case.note_file is not None and read_file(case.note_file).startswith(b"%PDF")


def test_a_note_drawn_by_two_workers_is_kept_once(world: World, twice: Any) -> None:
    case, drawn = world.recognised(), twice("recognition.note")
    run_waiting()
    db.session.refresh(case)
    names = select(StoredFile.name).where(StoredFile.name == f"{case.number}.pdf")
    assert drawn == [False, False] and case.note_file is not None and len(db.session.scalars(names).all()) == 1


def test_a_note_is_drawn_again_where_its_words_changed_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from certificates import rendering

    case, draw, seen = world.recognised(), rendering.recognition_note_pdf, []

    def meanwhile(face: Any) -> bytes:
        seen.append(face.holder_name)
        if len(seen) == 1:
            with for_transactions().execution_options(writes=True).begin() as other:
                other.execute(
                    update(RecognitionCase.__table__).where(RecognitionCase.id == case.id).values(source_name="许文渤")
                )
        return draw(face)

    monkeypatch.setattr(rendering, "recognition_note_pdf", meanwhile)
    run_waiting()
    db.session.refresh(case)
    assert seen[1:] == ["许文渤"] and seen[0] != "许文渤" and case.note_file is not None


def test_numbers_have_no_gap(world: World) -> None:
    other = made.trainee(world.south, "田雨")
    second = made.certificate(other, 2, now=clock.now())
    first = world.recognised()
    with unit_of_work():
        case = service.submit(
            world.reload(other),
            world.reload(world.north),
            service.source_of(world.reload(second)),
            2,
            [],
            consents=True,
            now=clock.now(),
        )
    world.propose(case)
    world.decide(case)
    assert (first.serial, case.serial) == (1, 2)


def test_whoever_proposed_does_not_decide(world: World) -> None:
    case = world.submit()
    world.propose(case)
    with pytest.raises(service.SamePerson):
        world.decide(case, by=world.first)


def test_nobody_decides_their_own(world: World) -> None:
    people.hold(world.holder, Role.AUTHORITY, Scope.REGION, world.north.id)
    case = world.submit()
    with pytest.raises(service.OwnCase), unit_of_work():
        service.propose(
            locked(case),
            Outcome.EQUAL,
            by=world.reload(world.holder),
            rank=2,
            conditions="",
            codes=[],
            remark="",
            now=clock.now(),
        )


def test_another_region_cannot_touch_it(world: World) -> None:
    stranger = people.officer(Role.AUTHORITY, Scope.REGION, world.south.id)
    case = world.submit()
    with pytest.raises(Exception, match="Forbidden"), unit_of_work():
        service.propose(
            locked(case),
            Outcome.EQUAL,
            by=world.reload(stranger),
            rank=2,
            conditions="",
            codes=[],
            remark="",
            now=clock.now(),
        )


def test_without_consent_nothing_is_given(world: World) -> None:
    with pytest.raises(service.NoConsent):
        world.submit(consents=False)


def test_one_open_case_per_certificate_and_none_twice(world: World) -> None:
    case = world.submit()
    with pytest.raises(service.AlreadyAsked):
        world.submit()
    world.propose(case)
    world.decide(case)
    with pytest.raises(service.AlreadyRecognised):
        world.submit()


@pytest.mark.parametrize(
    ("outcome", "values", "field"),
    [
        (Outcome.REFUSED, {"rank": None}, "codes"),
        (Outcome.CONDITIONAL, {"rank": 2}, "conditions"),
        (Outcome.LOWER, {"rank": 2}, "rank"),
        (Outcome.EQUAL, {"rank": 1}, "rank"),
        (Outcome.EQUAL, {"rank": None}, "rank"),
        (Outcome.EQUAL, {"rank": 8}, "rank"),
    ],
)
def test_incomplete_proposals_are_refused_at_their_field(
    world: World, outcome: Outcome, values: Any, field: str
) -> None:
    case = world.submit()
    with pytest.raises(Invalid) as refused:
        world.propose(case, outcome, **values)
    assert refused.value.field == field


def test_a_refusal_gives_reasons_and_a_next_step(world: World) -> None:
    case = world.submit()
    world.propose(case, Outcome.REFUSED, rank=None, codes=["N5"], remark="学时差 6")
    world.decide(case)
    assert case.state is CaseState.REFUSED and case.number is None
    assert any("N5" in line and "补足" in line for line in service.reasons(case))


def test_a_foreign_paper_certificate_must_be_verified_first(world: World) -> None:
    source = service.Source("西安某协会", "XA-2024-77", "许文博", "中级", date(2024, 5, 1), date(2027, 4, 30))
    with unit_of_work():
        file = keep_bytes(PDF, "copy.pdf", owner=world.reload(world.holder))
    case = world.submit(source=source, documents=[file])
    with pytest.raises(service.NotVerified):
        world.propose(case)
    with unit_of_work():
        service.verify_source(
            locked(case), Verified.LETTER, "来函〔2026〕8号确认", by=world.reload(world.first), now=clock.now()
        )
    world.propose(case, Outcome.CONDITIONAL, conditions="本地政策法规 8 学时")
    world.decide(case)
    assert case.state is CaseState.RECOGNISED and case.valid_until == date(2027, 4, 30)


def test_a_revocation_between_proposal_and_decision_stops_it(world: World) -> None:
    case = world.submit()
    world.propose(case)
    _suspend(world)
    with pytest.raises(service.SourceChanged, match="SourceChanged"):
        world.decide(case)
    assert world.reload(case).state is CaseState.PROPOSED


def _suspend(world: World) -> None:
    officer = people.officer(Role.CERTIFICATION, Scope.REGION, world.south.id)
    with unit_of_work():
        status.change(
            locked(world.certificate), Change.SUSPEND, by=world.reload(officer), reason="核查中", now=clock.now()
        )


def test_a_suspended_source_puts_it_under_re_examination(world: World) -> None:
    from app.recognition.tasks import look_at_sources

    case = world.recognised()
    _suspend(world)
    assert service.recognitions_in_force(world.certificate, clock.today()) == []  # at once, before the clock looks
    look_at_sources(clock.now())
    case = world.reload(case)
    db.session.refresh(case)
    assert case.state is CaseState.RECHECK
    assert Stage.ENTRY not in pathway.exemptions_of(world.holder, 3, clock.today())
    with pytest.raises(service.SourceChanged), unit_of_work():
        service.settle_doubt(locked(case), confirm=True, by=world.reload(world.second), reason="误", now=clock.now())
    with unit_of_work():
        service.settle_doubt(
            locked(case), confirm=False, by=world.reload(world.second), reason="原证书暂停", now=clock.now()
        )
    assert case.state is CaseState.ENDED


def test_ending_the_agreement_puts_its_recognitions_under_re_examination(world: World) -> None:
    case = world.recognised()
    with unit_of_work():
        service.move_agreement(
            locked(world.agreement), AgreementMove.END, by=world.reload(world.first), reason="到期", now=clock.now()
        )
    assert world.reload(case).state is CaseState.RECHECK


def test_an_agreement_in_force_is_not_edited(world: World) -> None:
    with pytest.raises(NotAllowedNow), unit_of_work():
        service.save_agreement(
            locked(world.agreement),
            {"region_id": world.north.id, "partner_id": world.south.id, "effective_on": clock.today(), "ends_on": None},
            [("x", 1, "")], by=world.reload(world.first), now=clock.now(),
        )  # fmt: skip


# Pages


def form(world: World, **more: Any) -> dict[str, Any]:
    return {
        "region_id": world.north.id,
        "certificate_id": world.certificate.id,
        "target_rank": 2,
        "consents": "y",
    } | more


def test_the_whole_way_through_the_pages(world: World, client_as: Any) -> None:
    holder, first, second = client_as(world.holder), client_as(world.first), client_as(world.second)
    answer = holder.post("/recognition/new", data=form(world))
    assert answer.status_code == 302
    case_id = int(answer.location.rsplit("/", 1)[1])
    assert first.get("/recognition/cases").text.count(world.certificate.number) >= 1
    page = f"/recognition/cases/{case_id}"
    assert first.post(f"{page}/propose", data={"p-outcome": "equal", "p-rank": "2"}).status_code == 302
    assert first.post(f"{page}/decide").status_code == 403
    assert second.post(f"{page}/decide").status_code == 302
    run_waiting()
    assert holder.get(f"/recognition/{case_id}/note.pdf").data.startswith(b"%PDF")
    number = f"RZ2301{clock.today().year}00001"
    public = client_as(None).get(f"/recognition/note/{number}").text
    assert number in public and "许文博" not in public and "许**" in public
    assert "哈科互认" in client_as(None).get("/recognition/in-force").text


def test_other_people_s_cases_are_not_there(world: World, client_as: Any) -> None:
    case = world.submit()
    stranger, south = (
        client_as(people.person()),
        client_as(people.officer(Role.AUTHORITY, Scope.REGION, world.south.id)),
    )
    for path in (f"/recognition/{case.id}", f"/recognition/{case.id}/note.pdf", f"/recognition/{case.id}/documents/1"):
        assert stranger.get(path).status_code == 404
    assert south.get(f"/recognition/cases/{case.id}").status_code == 404
    assert stranger.post(f"/recognition/{case.id}/withdraw").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"region_id": "999999"}, {"certificate_id": "999999"}, {"target_rank": "9"}, {"consents": ""}, {"region_id": "x"},
        {"certificate_id": "0"}, {"certificate_id": "0", "source_number": "x" * 300},
        {"documents": (io.BytesIO(b"<html>"), "a.pdf")}, {"documents": (io.BytesIO(b""), "a.pdf")},
    ],
)  # fmt: skip
def test_bad_requests_are_answered_at_the_form(world: World, client_as: Any, wrong: dict[str, Any]) -> None:
    answer = client_as(world.holder).post(
        "/recognition/new", data=form(world, **wrong), content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert db.session.query(RecognitionCase).count() == 0


@pytest.mark.parametrize("levels", ["中级", "中级 | x", "| 2", "中级 | 9", "中级 | 2\n中级 | 1", "中级 | ²"])
def test_bad_equivalence_lines(world: World, client_as: Any, levels: str) -> None:
    today = clock.today().isoformat()
    data = {
        "region_id": world.north.id, "partner_id": world.south.id, "basis": "b", "model": "listed", "validity": "source",
        "signed_on": today, "effective_on": today, "levels": levels,
    }  # fmt: skip
    assert client_as(world.first).post("/recognition/agreements/new", data=data).status_code == 422


def test_an_agreement_through_the_pages(world: World, client_as: Any) -> None:
    today = clock.today().isoformat()
    browser = client_as(world.first)
    data = {
        "region_id": world.north.id, "partner_id": world.south.id, "basis": "新〔2026〕9号", "model": "listed", "validity": "source",
        "signed_on": today, "effective_on": today, "levels": "初级技术经理人 | 1 | 面谈",
    }  # fmt: skip
    answer = browser.post("/recognition/agreements/new", data=data)
    assert answer.status_code == 302
    agreement = answer.location
    assert browser.post(f"{agreement}/move", data={"move": "grant", "reason": ""}).status_code == 422
    assert browser.post(f"{agreement}/move", data={"move": "grant", "reason": "会签"}).status_code == 302
    assert browser.post(f"{agreement}/move", data={"move": "grant", "reason": "会签"}).status_code == 409
    assert "面谈" in browser.get(agreement).text
    assert browser.get(f"{agreement}/edit").status_code == 200
    outside = data | {"region_id": world.south.id, "partner_id": world.north.id}
    assert browser.post("/recognition/agreements/new", data=outside).status_code in (403, 422)


def test_the_list_asks_no_more_for_more_rows(world: World, client_as: Any, queries: Any) -> None:
    browser = client_as(world.first)

    def count() -> int:
        with queries() as seen:
            assert browser.get("/recognition/cases").status_code == 200
        return len(seen)

    world.submit()
    before = count()
    for n in range(4):
        holder = made.trainee(world.south, f"张{'一二三四'[n]}")
        certificate = made.certificate(holder, 2, now=clock.now())
        with unit_of_work():
            service.submit(
                world.reload(holder), world.reload(world.north), service.source_of(world.reload(certificate)), 2, [], consents=True,
                now=clock.now(),
            )  # fmt: skip
    assert count() <= before
