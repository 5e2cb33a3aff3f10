"""Indicators with tiers and caps, integrity events and bands: versioned data, shipped as 系统默认."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from app.outline.kinds import BadRule, Field, Kind, Table, kind
from app.performance.arithmetic import Bands, Basis, Indicator, Measure, Rules, Tier

MEASURES: dict[Measure, Any] = {
    Measure.AMOUNT: _l("own share of an amount, by tiers"),
    Measure.ITEM: _l("per item"),
    Measure.UNIT: _l("per full units"),
}
BASES: dict[Basis, Any] = {Basis.CONTRACT: _l("technology contract"), Basis.CLAIM: _l("claim with evidence")}


def _check_indicators(body: dict[str, Any]) -> None:
    codes = [row["code"] for row in body["indicators"]]
    if len(set(codes)) != len(codes):
        raise BadRule("indicators", label=_l("Indicators"), why=_l("a code stands twice."))
    by_amount = {row["code"] for row in body["indicators"] if row["measure"] == Measure.AMOUNT}
    for i, row in enumerate(body["tiers"]):
        if row["code"] not in by_amount:
            raise BadRule(
                f"tiers-{i}-code", label=_l("Tiers"), why=_l("%(code)s is not counted by tiers.", code=row["code"])
            )
    for code in by_amount:
        _check_tiers(code, [row for row in body["tiers"] if row["code"] == code])


def _check_tiers(code: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        raise BadRule("tiers", label=_l("Tiers"), why=_l("%(code)s needs at least one tier.", code=code))
    rows = sorted(rows, key=lambda row: row["low"])
    for one, following in zip(rows, [*rows[1:], None], strict=True):
        end = one["high"]
        overlaps = following is not None and (end is None or end > following["low"])
        if overlaps or (end is not None and end <= one["low"]):
            raise BadRule("tiers", label=_l("Tiers"), why=_l("the tiers of %(code)s overlap or are empty.", code=code))


def _row(
    code: str, zh: str, en: str, measure: str, points: str, cap: str, zh_evidence: str, en_evidence: str,
    *, per: str = "1", basis: str = "claim", deal: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "code": code, "zh": zh, "en": en, "measure": measure, "basis": basis, "points": points, "per": per, "cap": cap,
        "deal": deal, "evidence_zh": zh_evidence, "evidence_en": en_evidence,
    }  # fmt: skip


def _tiers(code: str, *bounds: tuple[str, str | None, str]) -> list[dict[str, Any]]:
    return [{"code": code, "low": low, "high": high, "points": points} for low, high, points in bounds]


_DEFAULT = {
    "year_cap": "100",
    "indicators": [
        _row("P1", "技术合同成交额", "Technology contract value", "amount", "0", "40", "登记证明、角色确认",
             "registration proof and confirmation of the role", basis="contract", deal=True),
        _row("P2", "促成合同项数", "Contracts brought about", "item", "3", "15", "登记证明、角色确认",
             "registration proof and confirmation of the role", basis="contract", deal=True),
        _row("P3", "成果落地、企业设立或投产", "Result put to use, company founded or production begun", "item", "10", "20",
             "工商登记或验收材料", "business registration or acceptance", deal=True),
        _row("P4", "融资到账", "Financing received", "amount", "0", "15", "银行到账凭证", "bank advice", deal=True),
        _row("P5", "有效需求挖掘", "Technology needs found", "item", "1", "10", "经确认的需求书", "confirmed statement of needs"),
        _row("P6", "成果披露或评价", "Result disclosed or evaluated", "item", "2", "10", "披露或评价报告", "report"),
        _row("P7", "路演或对接活动", "Roadshow or matching event", "item", "2", "10", "活动方案、签到记录", "plan and sign-in list"),
        _row("P8", "概念验证或中试对接", "Proof of concept or pilot test arranged", "item", "5", "10", "合作协议", "agreement"),
        _row("P9", "带教学员", "Trainees mentored", "unit", "2", "6", "带教学员通过记录", "record of trainees who passed"),
        _row("P10", "案例、论文、标准或教材", "Case, paper, standard or textbook", "item", "3", "6", "成果复印件", "copy"),
        _row("P11", "超额继续教育", "Continuing education beyond the requirement", "unit", "1", "5", "学时记录", "hour record",
             per="10"),
    ],
    "tiers": [
        *_tiers("P1", ("10", "50", "3"), ("50", "200", "8"), ("200", "500", "15"), ("500", "1000", "25"), ("1000", None, "35")),
        *_tiers("P4", ("100", "500", "5"), ("500", "1000", "10"), ("1000", None, "15")),
    ],
}  # fmt: skip

INDICATORS = kind(
    Kind(
        "indicators",
        _l("Performance indicators"),
        order=30,
        help=_l(
            "Points per item; a tier includes its lower end and not its upper end; caps hold per calendar year of the day of the deal."
        ),
        fields=[Field("year_cap", _l("Cap on a year's total"), "decimal", low=0, high=10_000)],
        tables=[
            Table(
                "indicators",
                _l("Indicators"),
                [
                    Field("code", _l("Code")),
                    Field("zh", _l("Name in Chinese")),
                    Field("en", _l("Name in English")),
                    Field(
                        "measure", _l("Counting method"), "choice", choices=[(k.value, v) for k, v in MEASURES.items()]
                    ),
                    Field("basis", _l("Claimed by"), "choice", choices=[(k.value, v) for k, v in BASES.items()]),
                    Field("points", _l("Points for each item"), "decimal", low=0, high=1000),
                    Field("per", _l("… for every"), "decimal", low=Decimal("0.01"), high=10_000),
                    Field("cap", _l("Yearly cap"), "decimal", low=0, high=10_000),
                    Field("deal", _l("Counts as a deal"), "bool"),
                    Field("evidence_zh", _l("Evidence in Chinese"), required=False),
                    Field("evidence_en", _l("Evidence in English"), required=False),
                ],
                min_rows=1,
            ),
            Table(
                "tiers",
                _l("Tiers"),
                [
                    Field("code", _l("Code")),
                    Field("low", _l("From (CNY 10,000)"), "decimal", low=0),
                    Field("high", _l("Up to, not included"), "decimal", low=0, required=False),
                    Field("points", _l("Points granted"), "decimal", low=0, high=1000),
                ],
            ),
        ],
        check=_check_indicators,
        defaults={"": _DEFAULT},
    )
)


def as_rules(body: Mapping[str, Any]) -> Rules:
    """The typed body of an ``indicators`` version as plain values."""
    tiers: dict[str, list[Tier]] = {}
    for row in body["tiers"]:
        tiers.setdefault(row["code"], []).append(Tier(row["low"], row["high"], row["points"]))
    made = {
        row["code"]: Indicator(
            row["code"],
            Measure(row["measure"]),
            Basis(row["basis"]),
            row["cap"],
            row["points"],
            row["per"],
            tuple(sorted(tiers.get(row["code"], []), key=lambda tier: tier.low)),
            bool(row["deal"]),
            {"zh": row["zh"], "en": row["en"]},
            {"zh": row["evidence_zh"] or "", "en": row["evidence_en"] or ""},
        )
        for row in body["indicators"]
    }
    return Rules(made, body["year_cap"])


class Effect(StrEnum):
    """What follows from an integrity event besides the deduction."""

    NOTICE = "notice"
    ITEM_VOID = "item_void"
    INTERNAL = "internal"
    REVERSAL = "reversal"
    RESULT_VOID = "result_void"
    SUSPENSION = "suspension"
    REVOCATION = "revocation"


EFFECTS: dict[Effect, Any] = {
    Effect.NOTICE: _l("a notice"),
    Effect.ITEM_VOID: _l("the item is void"),
    Effect.INTERNAL: _l("kept internal, not public"),
    Effect.REVERSAL: _l("the points are reversed"),
    Effect.RESULT_VOID: _l("the exam result is void"),
    Effect.SUSPENSION: _l("the certificate is to be suspended"),
    Effect.REVOCATION: _l("the certificate is to be revoked"),
}


def _check_events(body: dict[str, Any]) -> None:
    codes = [row["code"] for row in body["events"]]
    if len(set(codes)) != len(codes):
        raise BadRule("events", label=_l("Integrity events"), why=_l("a code stands twice."))


def _event(code: str, zh: str, en: str, deduct: str, effect: str, ban: int = 0) -> dict[str, Any]:
    return {"code": code, "zh": zh, "en": en, "deduct": deduct, "effect": effect, "ban_months": ban}


EVENTS = kind(
    Kind(
        "credit_events",
        _l("Integrity events"),
        order=31,
        help=_l("Every deduction needs a notice, time to answer, a decision by somebody else, and a way to appeal."),
        fields=[
            Field("start", _l("Score at the beginning"), "decimal", low=0, high=100),
            Field("answer_days", _l("Working days to answer"), "int", low=1, high=60),
        ],
        tables=[
            Table(
                "events",
                _l("Integrity events"),
                [
                    Field("code", _l("Code")),
                    Field("zh", _l("Name in Chinese")),
                    Field("en", _l("Name in English")),
                    Field("deduct", _l("Deduction"), "decimal", low=0, high=100),
                    Field("effect", _l("Effect"), "choice", choices=[(k.value, v) for k, v in EFFECTS.items()]),
                    Field("ban_months", _l("Ban in months"), "int", low=0, high=600),
                ],
                min_rows=1,
            )
        ],
        check=_check_events,
        defaults={
            "": {
                "start": "100",
                "answer_days": 10,
                "events": [
                    _event("late_report", "年度报告逾期或联系信息超过6个月未更新", "Late yearly report, or contact data stale for over 6 months", "5", "notice"),
                    _event("irregular_log", "考勤或实操记录不实（已查实）", "Attendance or log irregularity, confirmed", "10", "item_void"),
                    _event("complaint", "客户投诉查实", "Client complaint, substantiated", "15", "internal"),
                    _event("exaggerated", "业绩申报夸大", "Exaggerated performance claim", "20", "reversal"),
                    _event("cheating", "考试作弊", "Exam cheating", "30", "result_void", 12),
                    _event("lending", "出借或涂改证书", "Lending or altering a certificate", "40", "suspension"),
                    _event("forgery", "伪造材料、泄露秘密或行贿", "Forged evidence, leaked secret, or bribery", "100", "revocation", 36),
                ],
            }
        },
    )
)  # fmt: skip


def _check_bands(body: dict[str, Any]) -> None:
    if not body["good"] > body["remind"] > body["watch"]:
        raise BadRule("good", label=_l("Bands"), why=_l("the bounds must fall from good to watch."))


BANDS = kind(
    Kind(
        "credit_bands",
        _l("Bands of the integrity credit"),
        order=32,
        fields=[
            Field("good", _l("Good, from"), "decimal", low=0, high=100),
            Field("remind", _l("Reminder, from"), "decimal", low=0, high=100),
            Field("watch", _l("Watch, from"), "decimal", low=0, high=100),
        ],
        help=_l("Below “watch” the person is stopped: no certification, and a certificate is to be suspended."),
        check=_check_bands,
        defaults={"": {"good": "90", "remind": "75", "watch": "60"}},
    )
)


def as_bands(body: Mapping[str, Any]) -> Bands:
    return Bands(body["good"], body["remind"], body["watch"])


REPAIR = kind(
    Kind(
        "credit_repair",
        _l("Repair of the integrity credit"),
        order=33,
        fields=[
            Field("clean_months", _l("Months without a deduction"), "int", low=1, high=120),
            Field("hours", _l("Hours of ethics training"), "decimal", low=0, high=1000),
            Field("points", _l("Points given back at most"), "decimal", low=0, high=100),
            Field("gap_months", _l("Months between two repairs"), "int", low=1, high=240),
            Field("never_from", _l("Never repaired: deductions from"), "decimal", low=Decimal("0.01"), high=100),
        ],
        help=_l("A holder asks for it with proof of the training; one officer checks and proposes, another decides."),
        defaults={"": {"clean_months": 12, "hours": "8", "points": "20", "gap_months": 24, "never_from": "100"}},
    )
)
