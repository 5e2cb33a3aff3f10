"""The log of deeds: recorded with its action, sealed, and whatever is touched shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.audit import service
from app.audit.models import AuditDetails, AuditEntry, AuditSeal, AuditSealed
from app.core import clock
from app.db import db, unit_of_work
from tests.factories import people


@pytest.fixture
def sealed(app: Any) -> Iterator[list[int]]:
    """Six entries in two seals, the newest signed outside the database; the ids of the entries."""
    person = people.person()
    service.heads_file().unlink(missing_ok=True)
    ids: list[int] = []
    for _ in range(2):
        with unit_of_work():
            made = [
                service.record("test.did", person, by=person, reason=f"第{i}次", changed={"name": ("a", "b")})
                for i in range(3)
            ]
            db.session.flush()
            ids += [entry.id for entry in made]
        with unit_of_work():
            assert service.seal() is not None
    service.write_head(clock.now())
    yield ids
    service.heads_file().unlink(missing_ok=True)


def change(*statements: Any) -> None:
    with unit_of_work():
        for statement in statements:
            db.session.execute(statement.execution_options(synchronize_session=False))
    db.session.expire_all()


def test_an_untouched_log_holds(sealed: list[int]) -> None:
    verdict = service.verify()
    assert verdict.holds
    assert (verdict.entries, verdict.seals, verdict.heads, verdict.unsealed, verdict.erased) == (6, 2, 1, 0, 0)


def test_a_line_is_recorded_with_its_action_or_not_at_all(app: Any) -> None:
    person = people.person()
    with pytest.raises(ZeroDivisionError), unit_of_work():
        service.record("test.did", person, by=person)
        raise ZeroDivisionError
    assert db.session.scalar(select(AuditEntry)) is None


def test_what_is_not_sealed_yet_is_counted_and_holds(sealed: list[int]) -> None:
    person = people.person()
    with unit_of_work():
        service.record("test.late", person, by=None)
    verdict = service.verify()
    assert verdict.holds
    assert verdict.unsealed == 1


TOUCHES: dict[str, Callable[[list[int]], list[Any]]] = {
    "a field changed": lambda ids: [update(AuditEntry).where(AuditEntry.id == ids[1]).values(deed="test.other")],
    "who acted changed": lambda ids: [update(AuditEntry).where(AuditEntry.id == ids[1]).values(person_id=None)],
    "details changed": lambda ids: [
        update(AuditDetails).where(AuditDetails.entry_id == ids[1]).values(payload={"reason": "invented"})
    ],
    "an entry removed": lambda ids: [
        delete(AuditDetails).where(AuditDetails.entry_id == ids[1]),
        delete(AuditSealed).where(AuditSealed.entry_id == ids[1]),
        delete(AuditEntry).where(AuditEntry.id == ids[1]),
    ],
    "two entries swapped": lambda ids: [
        update(AuditSealed).where(AuditSealed.entry_id == ids[0]).values(position=99),
        update(AuditSealed).where(AuditSealed.entry_id == ids[1]).values(position=0),
        update(AuditSealed).where(AuditSealed.entry_id == ids[0]).values(position=1),
    ],
    "a seal changed": lambda ids: [update(AuditSeal).where(AuditSeal.previous == service.FIRST).values(hash="1" * 64)],
    "the end cut off": lambda ids: [
        delete(AuditSealed).where(AuditSealed.entry_id.in_(ids[3:])),
        delete(AuditDetails).where(AuditDetails.entry_id.in_(ids[3:])),
        delete(AuditEntry).where(AuditEntry.id.in_(ids[3:])),
        delete(AuditSeal).where(AuditSeal.previous != service.FIRST),
    ],
    "everything removed": lambda ids: [
        delete(AuditSealed), delete(AuditDetails), delete(AuditEntry), delete(AuditSeal),
    ],
}  # fmt: skip


@pytest.mark.parametrize("touch", list(TOUCHES))
def test_whatever_is_touched_shows(sealed: list[int], touch: str) -> None:
    change(*TOUCHES[touch](sealed))
    assert not service.verify().holds


def test_a_forged_line_of_the_signed_heads_shows(sealed: list[int]) -> None:
    path = service.heads_file()
    path.write_text(path.read_text().replace(" 6 ", " 5 "))
    assert any("line 1" in fault for fault in service.verify().faults)


def test_erasing_details_keeps_the_chain(sealed: list[int]) -> None:
    change(delete(AuditDetails).where(AuditDetails.entry_id.in_(sealed[:2])))
    verdict = service.verify()
    assert verdict.holds
    assert verdict.erased == 2


def test_rebuilding_a_seal_over_a_changed_entry_still_shows(sealed: list[int]) -> None:
    """Whoever changes an entry and recomputes leaf and seals is caught by the head signed outside the database."""
    from app.audit.service import _leaf, _seal_hash

    with unit_of_work():
        entry = db.session.get_one(AuditEntry, sealed[4])
        entry.deed = "test.invented"
        entry.leaf = _leaf(entry)
        last = db.session.scalars(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1)).one()
        leaves = list(
            db.session.scalars(
                select(AuditEntry)
                .join(AuditSealed)
                .where(AuditSealed.seal_id == last.id)
                .order_by(AuditSealed.position)
            )
        )
        last.hash = _seal_hash(last.previous, leaves)
    faults = service.verify().faults
    assert faults
    assert all("no longer holds what was signed" in fault for fault in faults)


def test_the_command_names_faults_and_ends_with_one(app: Any, sealed: list[int]) -> None:
    run = app.test_cli_runner()
    whole = run.invoke(args=["audit", "verify"])
    assert whole.exit_code == 0
    assert "6 entries" in whole.output
    change(*TOUCHES["an entry removed"](sealed))
    touched = run.invoke(args=["audit", "verify"])
    assert touched.exit_code == 1
    assert "FAULT" in touched.output


def test_sealing_by_command_takes_everything(app: Any) -> None:
    person = people.person()
    with unit_of_work():
        for _ in range(3):
            service.record("test.did", person, by=person)
    answer = app.test_cli_runner().invoke(args=["audit", "seal"])
    assert answer.exit_code == 0, answer.output
    verdict = service.verify()
    assert (verdict.unsealed, verdict.seals) == (0, 1)
    service.heads_file().unlink(missing_ok=True)
