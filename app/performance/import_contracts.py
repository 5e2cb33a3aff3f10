"""The contract register by sheet (技术合同登记): one row is one contract by its 登记编号.

What claimants declared is confirmed by it, what was dissolved takes its points with it (reversing lines of the ledger), and a
row that says nothing new changes nothing. Amounts are kept in 万元 with two places, cut off, so that rounding never lifts a
contract into the next tier.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.errors import Refused
from app.core.permissions import Can
from app.core.text import in_a_row
from app.db import db
from app.imports import columns
from app.imports.columns import Part, Wrong, plain
from app.imports.kinds import Choice, Readers, RegionSheet, Row
from app.imports.models import SheetImport
from app.imports.uses import batches, named_elsewhere, stands
from app.performance import contracts
from app.performance.contracts import ContractData, clean_number
from app.performance.deeds import Did
from app.performance.models import Claim, Contract, ContractKind, ContractState
from app.performance.states import ClaimState

KINDS = {
    "技术开发": ContractKind.DEVELOPMENT, "委托开发": ContractKind.DEVELOPMENT, "合作开发": ContractKind.DEVELOPMENT, "技术开发合同": ContractKind.DEVELOPMENT, "开发": ContractKind.DEVELOPMENT, "development": ContractKind.DEVELOPMENT,
    "技术转让": ContractKind.TRANSFER, "技术转让合同": ContractKind.TRANSFER, "转让": ContractKind.TRANSFER, "专利权转让": ContractKind.TRANSFER, "专利申请权转让": ContractKind.TRANSFER, "技术秘密转让": ContractKind.TRANSFER, "transfer": ContractKind.TRANSFER,
    "技术许可": ContractKind.LICENCE, "技术许可合同": ContractKind.LICENCE, "许可": ContractKind.LICENCE, "专利实施许可": ContractKind.LICENCE, "技术秘密使用许可": ContractKind.LICENCE, "licence": ContractKind.LICENCE, "license": ContractKind.LICENCE,
    "技术咨询": ContractKind.CONSULTING, "技术咨询合同": ContractKind.CONSULTING, "咨询": ContractKind.CONSULTING, "consulting": ContractKind.CONSULTING,
    "技术服务": ContractKind.SERVICE, "技术服务合同": ContractKind.SERVICE, "服务": ContractKind.SERVICE, "一般性技术服务": ContractKind.SERVICE, "技术培训": ContractKind.SERVICE, "技术中介": ContractKind.SERVICE, "service": ContractKind.SERVICE,
}  # fmt: skip
STATES = {
    "有效": False, "正常": False, "已登记": False, "登记": False, "已认定": False, "履行中": False, "已完成": False, "valid": False, "registered": False,
    "解除": True, "已解除": True, "合同解除": True, "撤销": True, "已撤销": True, "作废": True, "注销": True, "已注销": True, "dissolved": True,
}  # fmt: skip
UNITS = {"元": Decimal("0.0001"), "万元": Decimal(1), "万": Decimal(1), "亿元": Decimal(10_000), "亿": Decimal(10_000)}
MOST = Decimal(10_000_000)
"""万元: a hundred billion yuan, beyond any contract; more is a unit mistaken."""


def registration_number(text: str) -> str:
    found = clean_number(columns.as_it_is(60)(text))
    if not 4 <= len(found) <= 40 or not any(c.isdigit() for c in found):
        raise Wrong("shape", text)
    return found


def amount(text: str) -> tuple[Decimal, str]:
    """(figure, unit as written in the cell or nothing): 1,200,000元, 120 万元, ￥120, 1.2亿."""
    tidy = re.sub(r"[\s,￥¥]|人民币|RMB|CNY", "", unicodedata.normalize("NFKC", text).replace("￥", ""))
    said = re.fullmatch(r"([+-]?[\d.]+)(亿元|万元|元|万|亿)?(?:整)?", tidy)
    if said is None:
        raise Wrong("number", text)
    value = columns.decimal_of(said[1])
    if value < 0:
        raise Wrong("bounds", text)
    return value, said[2] or ""


def unit_of_heading(heading: str) -> str:
    """万元 or 元 where the heading says it."""
    text = plain(heading)
    for unit in ("亿元", "万元", "元"):
        if unit in text:
            return unit
    if "cny10,000" in text or "cny10000" in text:
        return "万元"
    return "元" if re.search("cny|rmb|yuan", text) else ""


def in_wan(value: Decimal, unit: str) -> Decimal:
    return (value * UNITS[unit]).quantize(Decimal("0.01"), ROUND_DOWN)


FIELDS = ("title", "kind", "buyer", "seller", "amount", "signed_on", "registered_on")
LABELS = {
    "title": _l("Name of the contract"), "kind": _l("Kind of contract"), "buyer": _l("Buyer"), "seller": _l("Seller"),
    "amount": _l("Contract value"), "signed_on": _l("Date of signature"), "registered_on": _l("Registered on"),
}  # fmt: skip


class ContractsSheet(RegionSheet):
    code = "contracts"
    area = "performance"
    can = Can.KEEP_CONTRACT
    title = _l("Register of technology contracts")
    lead = _l("Contracts by registration number. Declared ones are confirmed, dissolved ones take their points back; amounts in CNY or in CNY 10,000 are told apart by heading or value.")  # fmt: skip
    confirm = _l("Contracts enter the register at once. Dissolved ones reverse the points that stand on them, which cannot be undone. Go on?")  # fmt: skip
    most_rows = 20_000
    step = 500
    parts = (
        Part("number", _l("Registration number"), _l("As printed on the registration proof; once in a sheet."), ("登记编号", "合同登记编号", "合同编号", "认定登记编号", "技术合同登记编号", "registration number"), True, registration_number),
        Part("title", _l("Name of the contract"), _l("As registered."), ("合同名称", "项目名称", "技术合同名称", "name of the contract"), True, columns.free_text(200)),
        Part("kind", _l("Kind of contract"), _l("技术开发, 技术转让, 技术许可, 技术咨询 or 技术服务."), ("合同类别", "合同类型", "合同种类", "类别", "kind of contract"), True, columns.one_of(KINDS)),
        Part("seller", _l("Seller"), _l("让与方, 受托方, 许可方."), ("卖方", "卖方名称", "让与方", "受托方", "许可方", "技术输出方", "乙方", "seller"), True, columns.free_text(160)),
        Part("buyer", _l("Buyer"), _l("受让方, 委托方, 被许可方."), ("买方", "买方名称", "受让方", "委托方", "被许可方", "技术吸纳方", "甲方", "buyer"), True, columns.free_text(160)),
        Part("amount", _l("Contract value"), _l("With its unit in the heading (万元 or 元) or in the cell."), ("合同成交额(万元)", "合同成交额", "成交额", "合同成交金额", "合同金额", "合同成交额(元)", "合同金额(万元)", "合同金额(元)", "成交额(万元)", "成交额(元)", "成交金额", "成交金额(万元)", "成交金额(元)", "合同总金额", "合同总金额(万元)", "合同总金额(元)", "合同总额", "合同总额(万元)", "合同总额(元)", "contract value"), True, amount),
        Part("signed", _l("Date of signature"), _l("For example 2026-09-01."), ("签订日期", "合同签订日期", "签约日期", "签订时间", "date of signature"), True, columns.past_day),
        Part("registered", _l("Registered on"), _l("Not before the signature."), ("登记日期", "认定登记日期", "登记时间", "认定日期", "registered on"), read=columns.past_day),
        Part("state", _l("State"), _l("有效 or 解除; empty: valid."), ("合同状态", "状态", "登记状态", "state"), read=columns.one_of(STATES)),
        Part("dissolved", _l("Dissolved on"), _l("Needed where the contract was dissolved."), ("解除日期", "撤销日期", "注销日期", "dissolved on"), read=columns.past_day),
        Part("reason", _l("Reason of the dissolution"), _l("Optional; claimants read it."), ("解除原因", "撤销原因", "备注", "reason"), read=columns.free_text(300)),
    )  # fmt: skip
    choices = (
        Choice("unit", _l("Unit of the amounts"), {"auto": _l("as heading or value says"), "wan": _l("CNY 10,000 (万元)"), "yuan": _l("CNY (元)")}, _l("A unit in the cell itself always counts.")),
        Choice("existing", _l("Contracts that are in the register with other data"), {"skip": _l("refuse the row and say what differs"), "update": _l("take the sheet's data, as long as no points stand on them")}),
    )  # fmt: skip
    problems = {
        "shape": _l("a number has 4 to 40 characters, a digit among them"),
        "unit": _l("neither heading nor value says whether CNY or CNY 10,000: choose the unit above"),
        "before": _l("lies before the date of signature"),
        "dissolved_when": _l("is needed, since the contract was dissolved"),
        "other_region": _l("belongs to another region's register"),
        "own": _l("you have a claim on this contract, so another officer must hand it in"),
        "is_dissolved": _l("is marked as dissolved here; a dissolved contract is not revived by a sheet"),
        "counted": _l("points stand on this contract, so its data can no longer be changed: %(said)s differs"),
        "differs": _l("is in the register with other data: %(said)s differs"),
        "changed": _l("somebody else has changed this contract meanwhile; look through the sheet again"),
    }  # fmt: skip
    words = LABELS

    def link(self, found: SheetImport) -> str:
        return "/performance/contracts"

    def read(self, row: Row, found: SheetImport, readers: Readers) -> None:
        super().read(row, found, readers)
        if said := row.get("amount"):
            row.values["amount"] = self._amount(row, said, found)
        signed, registered, dissolved = row.get("signed"), row.get("registered"), row.get("dissolved")
        if signed and registered and registered < signed:
            row.wrong("registered", "before", row.cells["registered"])
        if signed and dissolved and dissolved < signed:
            row.wrong("dissolved", "before", row.cells["dissolved"])
        if row.get("state") and dissolved is None and "dissolved" not in [p[0] for p in row.problems]:
            row.wrong("dissolved", "dissolved_when")

    def _amount(self, row: Row, said: tuple[Decimal, str], found: SheetImport) -> Decimal | None:
        value, unit = said
        chosen = {"wan": "万元", "yuan": "元"}.get(found.choices.get("unit", ""), "")
        unit = unit or chosen or unit_of_heading(found.headings[found.mapping["amount"]])
        if not unit:
            row.wrong("amount", "unit", row.cells["amount"])
            return None
        made = in_wan(value, unit)
        if made > MOST:
            row.wrong("amount", "bounds", row.cells["amount"])
        return made

    def about(self, row: Row) -> tuple[str, str]:
        number = row.get("number") or ""
        return number, f"{number or row.cells.get('number', '')[:40]} {row.get('title') or ''}"

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        there = {c.number: c for c in db.session.scalars(select(Contract).where(Contract.number.in_([r.get("number") for r in rows])))}  # fmt: skip
        claims: dict[int, list[tuple[int, ClaimState]]] = {}
        asked = select(Claim.contract_id, Claim.person_id, Claim.state).where(
            Claim.contract_id.in_([c.id for c in there.values()])
        )
        for contract_id, person_id, state in db.session.execute(asked) if there else ():
            if contract_id is not None:
                claims.setdefault(contract_id, []).append((person_id, state))
        for row in rows:
            contract = there.get(row.get("number"))
            row.found = {"contract": contract, "do": "new", "was": contract.state if contract else None}
            if contract is not None:
                self._against(row, contract, claims.get(contract.id, []), found)

    def _against(self, row: Row, contract: Contract, claims: list[tuple[int, ClaimState]], found: SheetImport) -> None:
        """What the register here says of the same number."""
        dissolved = bool(row.get("state"))
        if contract.region_id not in (None, found.region_id):
            row.wrong("number", "other_region")
        elif any(person_id == found.acted_by_id for person_id, _state in claims):
            row.wrong("number", "own")
        elif contract.state is ContractState.DISSOLVED:
            row.same() if dissolved else row.wrong("state", "is_dissolved")
        elif differing := _differing(row, contract):
            counted = any(state is ClaimState.GRANTED for _person, state in claims)
            if counted:
                row.wrong("", "counted", differing)
            elif contract.state is ContractState.REGISTERED and found.choices.get("existing") != "update":
                row.wrong("number", "differs", differing)
            else:
                row.found["do"] = "confirm"
        elif contract.state is ContractState.DECLARED:
            counted = any(state is ClaimState.GRANTED for _person, state in claims)
            row.found["do"] = "dissolve" if dissolved and counted else "confirm"
        elif dissolved:
            row.found["do"] = "dissolve"
        else:
            row.same()

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        known = [r.found["contract"].id for r in rows if r.found["contract"] is not None]
        if known:  # in key order, so that two officers wait for each other
            asked = select(Contract).where(Contract.id.in_(known)).order_by(Contract.id)
            list(db.session.scalars(asked.with_for_update(of=Contract).execution_options(populate_existing=True)))
        new = []
        for row in rows:
            contract = row.found["contract"]
            if contract is None:
                made = _new(row, found, by, now)
                new.append((row, made))
            elif contract.state is not row.found["was"]:
                row.wrong("number", "changed")
            else:
                self._change(row, contract, found, by=by, now=now)
        db.session.add_all([made for _row, made in new])
        db.session.flush()  # log lines name them by id
        for row, made in new:
            row.outcome = {"contract": made.id, "do": "new", "after": snapshot(made)}
            record(Did.REGISTER_CONTRACT, made, by=by, more={"number": made.number, "amount": made.amount, "sheet": found.id, "line": row.line})  # fmt: skip

    def _change(self, row: Row, contract: Contract, found: SheetImport, *, by: Person, now: datetime) -> None:
        before, reversed_lines = snapshot(contract), 0
        if contract.region_id is None:
            contract.region_id = found.region_id
        try:
            with db.session.begin_nested():
                if row.found["do"] == "confirm":
                    contracts.confirm(contract, data_of(row), by=by, now=now)
                if row.get("state"):
                    reason = row.get("reason") or _("The register says that the contract was dissolved.")
                    made = contracts.dissolve(contract, on=row.get("dissolved"), reason=reason, by=by, now=now)  # fmt: skip
                    reversed_lines = len(made)
        except Refused as refused:
            row.wrong("number", "", refused.text)
            return
        row.outcome = {
            "contract": contract.id, "do": "change", "before": before, "after": snapshot(contract), "reversed": reversed_lines,
        }  # fmt: skip

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        told = []
        by_id = {o["contract"]: o for o in outcomes}
        there = {c.id: c for some in batches(by_id) for c in db.session.scalars(select(Contract).where(Contract.id.in_(some)))}  # fmt: skip
        used = named_elsewhere("contract", [i for i, o in by_id.items() if o["do"] == "new"])
        if used:
            told.append(stands(_("a claim or an entrustment names it"), _numbers(there, used)))
        gone = {i for i, o in by_id.items() if o.get("reversed")}
        if gone:
            told.append(stands(_("points were taken back, and a ledger is only added to"), _numbers(there, gone)))
        changed = {i for i, o in by_id.items() if i not in there or snapshot(there[i]) != o["after"]}
        if changed - used:
            told.append(stands(_("it was changed since"), _numbers(there, changed - used)))
        counted: set[int] = set()
        for some in batches(i for i, o in by_id.items() if o["do"] == "change"):
            asked = select(Claim.contract_id).where(Claim.contract_id.in_(some), Claim.state == ClaimState.GRANTED)
            counted |= {i for i in db.session.scalars(asked) if i is not None}
        if counted:
            told.append(stands(_("points stand on it"), _numbers(there, counted)))
        return told

    def undo(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        changed = {o["contract"]: o["before"] for o in outcomes if o["do"] == "change"}
        for some in batches(changed):
            for contract in db.session.scalars(select(Contract).where(Contract.id.in_(some)).order_by(Contract.id)):
                _put_back(contract, changed[contract.id])
                record(Did.UNDO_CONTRACT, contract, by=by, more={"sheet": found.id, "number": contract.number})
        new = [o["contract"] for o in outcomes if o["do"] == "new"]
        for some in batches(new):
            db.session.execute(delete(Contract).where(Contract.id.in_(some)))
        record(Did.UNDO_CONTRACT, found, by=by, more={"sheet": found.id, "taken out": len(new), "put back": len(changed)})  # fmt: skip


def data_of(row: Row) -> ContractData:
    return ContractData(
        row.get("number"), row.get("title"), row.get("kind"), row.get("buyer"), row.get("seller"), row.get("amount"),
        row.get("signed"), row.get("registered"),
    )  # fmt: skip


def _differing(row: Row, contract: Contract) -> list[str]:
    """What the sheet says otherwise, by the names in ``FIELDS``; a day of registration that it does not say is no difference."""
    said = data_of(row)
    return [
        name
        for name in FIELDS
        if getattr(said, name) != getattr(contract, name)
        and not (name == "registered_on" and said.registered_on is None)
    ]


def _new(row: Row, found: SheetImport, by: Person, now: datetime) -> Contract:
    dissolved = bool(row.get("state"))
    made = Contract(
        state=ContractState.DISSOLVED if dissolved else ContractState.REGISTERED, region_id=found.region_id,
        created_at=now, created_by_id=by.id, entered_at=now,
        dissolved_on=row.get("dissolved") if dissolved else None, dissolved_at=now if dissolved else None,
        dissolved_because=(row.get("reason") or "")[:400] if dissolved else "",
    )  # fmt: skip
    contracts._fill(made, data_of(row))
    return made


def snapshot(contract: Contract) -> dict[str, Any]:
    """What a contract says, as plain values."""
    names = (*FIELDS, "state", "region_id", "dissolved_on", "dissolved_because", "entered_at", "dissolved_at")
    return {name: _plain(getattr(contract, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return clock.local(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(getattr(value, "value", value))


def _put_back(contract: Contract, before: dict[str, Any]) -> None:
    read: dict[str, Any] = {
        "kind": ContractKind, "state": ContractState, "amount": Decimal, "signed_on": date.fromisoformat,
        "registered_on": date.fromisoformat, "dissolved_on": date.fromisoformat, "entered_at": datetime.fromisoformat,
        "dissolved_at": datetime.fromisoformat,
    }  # fmt: skip
    for name, value in before.items():
        setattr(contract, name, read[name](value) if name in read and value is not None else value)


def _numbers(there: dict[int, Contract], ids: set[int]) -> str:
    return in_a_row(there[i].number if i in there else f"#{i}" for i in sorted(ids)[:5]) + (" …" if len(ids) > 5 else "")  # fmt: skip
