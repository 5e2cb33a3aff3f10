"""From application to decision: two people, a public notice by working days, evidence frozen."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import applications, issuing, service
from app.certification.errors import (
    AlreadyApplied,
    AlreadyHeld,
    CannotPrint,
    NoIdentity,
    NoRegion,
    NotEligible,
    NoticeOver,
    NoticeRuns,
    ObjectionOpen,
    OwnCase,
    ReasonMissing,
    SamePerson,
)
from app.certification.models import Application, Certificate, Objection
from app.certification.states import MOVES, Move, State
from app.core.errors import Forbidden, NotAllowedNow, NotFound
from app.core.permissions import Role
from app.core.states import moved
from app.db import db, locked, unit_of_work
from app.notices.models import Notice
from app.outline import service as outline
from app.pathway.rules import Stage
from certificates.snapshot import fingerprint
from tests.factories import certification as made
from tests.factories import people


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def letters_to(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("move", list(Move))
def test_the_table_of_states_cell_by_cell(state: State, move: Move) -> None:
    """Written a second time as the sentence a person would say."""
    may = {
        Move.SUBMIT: {State.RETURNED},
        Move.TAKE: {State.SUBMITTED},
        Move.RETURN: {State.SUBMITTED, State.IN_REVIEW},
        Move.PUBLISH: {State.SUBMITTED, State.IN_REVIEW},
        Move.PROPOSE_REFUSAL: {State.SUBMITTED, State.IN_REVIEW},
        Move.OBJECT: {State.PUBLICITY, State.OBJECTION},
        Move.SETTLE: {State.OBJECTION},
        Move.BACK: {State.OBJECTION, State.PUBLICITY, State.REFUSAL_PROPOSED},
        Move.ISSUE: {State.PUBLICITY},
        Move.REFUSE: {State.PUBLICITY, State.REFUSAL_PROPOSED},
        Move.WITHDRAW: set(State) - {State.ISSUED, State.REFUSED, State.WITHDRAWN},
    }
    if state in may[move]:
        assert isinstance(moved(MOVES, state, move), State)
    else:
        with pytest.raises(NotAllowedNow):
            moved(MOVES, state, move)


def test_the_evidence_is_frozen_with_its_fingerprint(judged: Any, holder: Person, at: Any) -> None:
    with unit_of_work():
        application = service.apply_for(again(holder), 1, by=again(holder), now=at("2026-03-02 09:00"))
    assert application.state is State.SUBMITTED
    assert application.evidence_hash == fingerprint(again(application).evidence)
    assert application.evidence["pathway"]["eligible"] is True
    assert application.class_name == "2026 年第一期"
    assert letters_to(holder) == ["certification.submitted"]


def test_what_is_missing_is_said(judged: Any, holder: Person, at: Any) -> None:
    judged.missing = True
    with pytest.raises(NotEligible) as refusal, unit_of_work():
        service.apply_for(again(holder), 1, by=again(holder), now=at("2026-03-02 09:00"))
    assert refusal.value.missing[0].code == "total_hours"
    assert "3" in refusal.value.text


def test_one_open_application_per_level(judged: Any, holder: Person, at: Any) -> None:
    now = at("2026-03-02 09:00")
    with unit_of_work():
        service.apply_for(again(holder), 1, by=again(holder), now=now)
        service.apply_for(again(holder), 2, by=again(holder), now=now)
    with pytest.raises(AlreadyApplied), unit_of_work():
        service.apply_for(again(holder), 1, by=again(holder), now=now)
    with unit_of_work():
        service.withdraw(applications.open_application(again(holder), 1), by=again(holder), now=now)
        service.apply_for(again(holder), 1, by=again(holder), now=now)


def test_somebody_without_region_or_id_number_is_told_what_to_do(judged: Any, binhai: Any, at: Any) -> None:
    homeless, nameless = people.person("无地区"), people.person("无证件", region=binhai)
    for person, refusal in ((homeless, NoRegion), (nameless, NoIdentity)):
        with pytest.raises(refusal), unit_of_work():
            service.apply_for(again(person), 1, by=again(person), now=at("2026-03-02 09:00"))


def test_worked_example_9_the_fifth_working_day(app: Any, binhai: Any) -> None:
    scheme = outline.current("scheme", 1)
    assert applications.notice_end(date(2025, 9, 22), scheme, binhai.id) == date(2025, 9, 28)


def on_notice(holder: Person, reviewer: Person, at: Any, rank: int = 1) -> Application:
    with unit_of_work():
        application = service.apply_for(again(holder), rank, by=again(holder), now=at("2025-09-19 09:00"))
        service.take(application, by=again(reviewer), now=at("2025-09-19 10:00"))
        service.publish(application, by=again(reviewer), now=at("2025-09-22 10:00"))
    return application


def test_nobody_decides_what_they_reviewed(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    a, b = officers(), officers()
    application = on_notice(holder, a, at)
    assert application.notice_ends_on == date(2025, 9, 28)
    with pytest.raises(SamePerson), unit_of_work():
        service.decide(locked(application), by=again(a), now=at("2025-09-29 09:00"))
    with pytest.raises(NoticeRuns), unit_of_work():
        service.decide(locked(application), by=again(b), now=at("2025-09-28 23:59"))
    with unit_of_work():
        certificate = service.decide(locked(application), by=again(b), now=at("2025-09-29 00:00"))
    assert certificate is not None and again(application).state is State.ISSUED
    assert letters_to(holder)[-2:] == ["certification.on_notice", "certification.issued"]
    with pytest.raises(NotAllowedNow), unit_of_work():
        service.decide(locked(application), by=again(b), now=at("2025-09-29 00:01"))
    assert len(service.certificates_of(holder)) == 1
    with pytest.raises(AlreadyHeld), unit_of_work():
        service.apply_for(again(holder), 1, by=again(holder), now=at("2025-10-10 09:00"))


def test_an_officer_does_not_act_on_their_own_case(judged: Any, officers: Any, binhai: Any, at: Any) -> None:
    holder = made.trainee(binhai, "又是官员")
    people.hold(holder, Role.CERTIFICATION)
    application = made.application(holder, now=at("2026-03-02 09:00"))
    for verb, more in ((service.take, {}), (service.publish, {}), (service.return_for_correction, {"reason": "x"})):
        with pytest.raises(OwnCase), unit_of_work():
            verb(locked(application), by=again(holder), now=at("2026-03-02 10:00"), **more)


def test_an_officer_of_another_region_cannot_act(judged: Any, holder: Person, at: Any) -> None:
    elsewhere = people.region("2301", "哈尔滨市")
    officer = people.officer(Role.CERTIFICATION, people.Scope.REGION, elsewhere.id)
    application = made.application(holder, now=at("2026-03-02 09:00"))
    with pytest.raises(Forbidden), unit_of_work():
        service.publish(locked(application), by=again(officer), now=at("2026-03-02 10:00"))
    with pytest.raises(NotFound):
        applications.application_for(again(officer), application.id)


def test_changed_facts_send_the_case_back(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    application = on_notice(holder, officers(), at)
    judged.missing = True
    with unit_of_work():
        assert service.decide(locked(application), by=again(officers()), now=at("2025-09-29 09:00")) is None
    application = again(application)
    assert application.state is State.IN_REVIEW and application.notice_ends_on is None
    assert "3" in application.remark
    assert letters_to(holder)[-1] == "certification.back_in_review"
    assert db.session.scalar(select(Certificate)) is None


def test_return_and_submit_again(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    reviewer = officers()
    application = made.application(holder, now=at("2026-03-02 09:00"))
    before = application.evidence_hash
    with pytest.raises(ReasonMissing), unit_of_work():
        service.return_for_correction(locked(application), by=again(reviewer), reason=" ", now=at("2026-03-02 10:00"))
    with unit_of_work():
        service.return_for_correction(
            locked(application), by=again(reviewer), reason="请补单位", now=at("2026-03-02 10:00")
        )
    with pytest.raises(NotFound), unit_of_work():
        service.resubmit(locked(application), by=again(reviewer), now=at("2026-03-03 09:00"))
    with unit_of_work():
        service.resubmit(locked(application), by=again(holder), now=at("2026-03-03 09:00"))
    application = again(application)
    assert application.state is State.SUBMITTED and application.evidence_hash != before
    assert application.reviewed_by_id is None


def test_a_refusal_takes_two_people(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    a, b = officers(), officers()
    application = made.application(holder, now=at("2026-03-02 09:00"))
    with unit_of_work():
        service.propose_refusal(locked(application), by=again(a), reason="材料不实", now=at("2026-03-02 10:00"))
    with pytest.raises(SamePerson), unit_of_work():
        service.refuse(locked(application), by=again(a), reason="材料不实", now=at("2026-03-02 11:00"))
    with unit_of_work():
        service.send_back(locked(application), by=again(b), reason="请核实", now=at("2026-03-02 11:00"))
        assert application.state is State.IN_REVIEW
        service.propose_refusal(locked(application), by=again(a), reason="材料不实", now=at("2026-03-02 12:00"))
    with unit_of_work():
        service.refuse(locked(application), by=again(b), reason="材料不实", now=at("2026-03-02 13:00"))
    assert again(application).state is State.REFUSED
    assert letters_to(holder)[-1] == "certification.refused"


def test_an_open_objection_stops_the_decision(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    a, b = officers(), officers()
    application = on_notice(holder, a, at)
    now = at("2025-09-25 09:00")
    with unit_of_work():
        one = service.object_to(locked(application), name="张三", contact="z@example.org", grounds="学时不实", now=now)
        two = service.object_to(application, name="李四", contact="l@example.org", grounds="合同不实", now=now)
    with pytest.raises(NotAllowedNow), unit_of_work():
        service.decide(locked(application), by=again(b), now=at("2025-10-09 09:00"))
    with unit_of_work():
        service.settle_objection(again(one), upheld=False, finding="查无实据", by=again(a), now=now)
        assert again(application).state is State.OBJECTION
        service.settle_objection(again(two), upheld=False, finding="查无实据", by=again(a), now=now)
    assert again(application).state is State.PUBLICITY
    with unit_of_work():
        assert service.decide(locked(application), by=again(b), now=at("2025-10-09 09:00")) is not None


def test_an_upheld_objection_sends_the_case_back(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    a = officers()
    application = on_notice(holder, a, at)
    with unit_of_work():
        one = service.object_to(
            locked(application), name="张三", contact="z", grounds="不实", now=at("2025-09-25 09:00")
        )
        two = service.object_to(application, name="李四", contact="l", grounds="不实", now=at("2025-09-25 09:00"))
        service.settle_objection(one, upheld=True, finding="属实", by=again(a), now=at("2025-09-26 09:00"))
    assert again(application).state is State.IN_REVIEW
    with unit_of_work():  # put on notice again with the second objection still open: it must be settled first
        service.publish(locked(application), by=again(a), now=at("2025-10-09 09:00"))
    with pytest.raises(ObjectionOpen), unit_of_work():
        service.decide(locked(application), by=again(officers()), now=at("2025-10-30 09:00"))
    with unit_of_work():
        service.settle_objection(again(two), upheld=False, finding="查无实据", by=again(a), now=at("2025-10-29 09:00"))
        assert service.decide(locked(application), by=again(officers()), now=at("2025-10-30 09:00")) is not None
    with pytest.raises(NotFound), unit_of_work():
        service.settle_objection(again(two), upheld=True, finding="再查", by=again(a), now=at("2025-10-30 10:00"))


def test_no_objection_after_the_notice(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    application = on_notice(holder, officers(), at)
    with pytest.raises(NoticeOver), unit_of_work():
        service.object_to(locked(application), name="张", contact="z", grounds="晚", now=at("2025-09-29 00:00"))
    assert db.session.scalar(select(Objection)) is None


def test_a_name_the_fonts_lack_is_refused_before_issue(judged: Any, binhai: Any, officers: Any, at: Any) -> None:
    holder = made.trainee(binhai, "王\U00030000明")
    application = on_notice(holder, officers(), at)
    with pytest.raises(CannotPrint) as refusal, unit_of_work():
        service.decide(locked(application), by=again(officers()), now=at("2025-09-29 09:00"))
    assert "U+30000" in refusal.value.text
    assert again(application).state is State.PUBLICITY
    with unit_of_work():
        assert issuing.next_serial("1200", 2025, 1) == 1  # nothing was used up


def test_an_exempt_stage_stands_in_the_sentence(judged: Any, holder: Person, officers: Any, at: Any) -> None:
    judged.exempt = (Stage.TRAINING,)
    application = on_notice(holder, officers(), at)
    with unit_of_work():
        certificate = service.decide(locked(application), by=again(officers()), now=at("2025-09-29 09:00"))
    assert certificate is not None
    assert certificate.current.snapshot["sentence_zh"].endswith("（其中培训依决定免除。）")


def test_the_queue_counts_in_one_statement(judged: Any, holder: Person, officers: Any, at: Any, queries: Any) -> None:
    reviewer = again(officers())
    on_notice(holder, reviewer, at)
    made.application(holder, 2, now=at("2025-09-19 09:00"))
    reviewer = again(reviewer)
    assert reviewer.can is not None and reviewer.roles
    with queries() as seen:
        counts = applications.tab_counts(reviewer, date(2025, 9, 25))
    assert counts == {"review": 1, "notice": 1, "objection": 0, "decide": 0, "returned": 0, "done": 0}
    assert len(seen) == 1
    assert applications.tab_counts(reviewer, date(2025, 9, 25) + timedelta(days=10))["decide"] == 1
