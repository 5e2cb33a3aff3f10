"""Claims, contracts and points through the services. Each call commits."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from werkzeug.datastructures import FileStorage

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.performance import claims, contracts
from app.performance.claims import ClaimData
from app.performance.contracts import ContractData
from app.performance.models import Claim, Contract, ContractKind
from tests.factories import people

_next = count(1)


def evidence(name: str = "登记证明.txt", text: str | None = None) -> FileStorage:
    """A small real file; every call has content of its own unless ``text`` is given."""
    words = text if text is not None else f"证明材料第{next(_next)}号"
    return FileStorage(io.BytesIO(words.encode()), filename=name)


def contract_data(
    number: str | None = None, *, amount: Any = "300", on: date | None = None, **more: Any
) -> ContractData:
    values = {
        "title": "微纳传感器专利实施许可", "kind": ContractKind.LICENCE, "buyer": "滨海制造有限公司", "seller": "天津某大学",
    } | more  # fmt: skip
    return ContractData(
        number=number or f"2025120{next(_next):06d}",
        amount=Decimal(amount),
        signed_on=on or date(2025, 3, 1),
        **values,
    )


def registered(number: str | None = None, *, amount: Any = "300", on: date | None = None, by: Person) -> Contract:
    """A contract in the register."""
    with unit_of_work():
        return contracts.register(contract_data(number, amount=amount, on=on), by=by, now=clock.now())


def contract_claim(
    person: Person, contract: Contract | ContractData, *, share: Any = "100", related: bool = False, files: Any = None
) -> Claim:
    """A draft on a contract, with evidence."""
    if isinstance(contract, Contract):
        contract = contract_data(contract.number, amount=contract.amount, on=contract.signed_on, title=contract.title)
    data = ClaimData(
        "P1", contract.title, contract.signed_on, contract.amount, share=Decimal(share), related_party=related,
        contract=contract,
    )  # fmt: skip
    with unit_of_work():
        return claims.draft(data, uploads=files or [evidence()], by=person, now=clock.now())


def claim(person: Person, indicator: str, *, on: date, amount: Any = None, quantity: Any = 1, **more: Any) -> Claim:
    """A draft of another indicator, with evidence."""
    data = ClaimData(
        indicator, "业绩", on, Decimal(amount) if amount is not None else None, Decimal(quantity), **more
    )  # fmt: skip
    with unit_of_work():
        return claims.draft(data, uploads=[evidence("证明.txt")], by=person, now=clock.now())


def submitted(draft: Claim) -> Claim:
    person_id, claim_id = draft.person_id, draft.id
    with unit_of_work():
        by = db.session.get_one(Person, person_id)
        found = claims.own_claim_for(by, claim_id)
        claims.submit(found, by=by, now=clock.now())
    return found


def approved(waiting: Claim, by: Person, *, allowed: str = "") -> Claim:
    claim_id, by_id = waiting.id, by.id
    with unit_of_work():
        found = db.session.get_one(Claim, claim_id)
        claims.approve(found, by=db.session.get_one(Person, by_id), now=clock.now(), allowed=allowed)
    return found


def granted(
    person: Person, indicator: str = "P1", *, amount: Any = None, on: date, quantity: Any = 1, share: Any = "100",
    by: Person | None = None,
) -> Claim:  # fmt: skip
    """Points in the person's ledger: P1 (with P2) by a registered contract, any other indicator by a claim."""
    by = by or people.officer(Role.CERTIFICATION)
    if indicator in ("P1", "P2"):
        contract = registered(amount=amount if amount is not None else "300", on=on, by=by)
        return approved(submitted(contract_claim(person, contract, share=share)), by)
    if indicator == "P4" and amount is None:
        amount = "100"
    return approved(submitted(claim(person, indicator, on=on, amount=amount, quantity=quantity)), by)
