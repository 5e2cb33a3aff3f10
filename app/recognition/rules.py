"""Recognition as versioned data: reason codes with a next step, default equivalences, terms. And the pure rules."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l

from app.outline.kinds import Field, Kind, Table, kind
from app.recognition.states import Validity
from certificates.validity import anniversary

CODES = kind(
    Kind(
        "recognition_codes",
        _l("Reasons for not recognising"),
        order=60,
        fields=[
            Field("correct_days", _l("Days to correct"), "int", low=1, high=365),
            Field("months", _l("A recognition holds at most (months)"), "int", low=1, high=240),
        ],
        tables=[
            Table(
                "codes",
                _l("Reasons"),
                [
                    Field("code", _l("Code")),
                    Field("zh", _l("Chinese")),
                    Field("en", _l("English")),
                    Field("next_zh", _l("Next step, Chinese")),
                    Field("next_en", _l("Next step, English")),
                ],
                min_rows=1,
            )
        ],
        defaults={
            "": {
                "correct_days": 60,
                "months": 36,
                "codes": [
                    dict(zip(("code", "zh", "en", "next_zh", "next_en"), row, strict=True))
                    for row in (
                        ("N1", "原证书无法核验", "the certificate cannot be verified", "请原颁发机构出具核验函", "ask the issuer for a letter of verification"),
                        ("N2", "原证书已过期", "the certificate has expired", "先在原地区办理续期", "renew it where it was issued first"),
                        ("N3", "原证书被暂停或撤销", "the certificate is suspended or revoked", "向原颁发机构了解情况", "ask the issuer about it"),
                        ("N4", "等级或方案不在协议范围内", "level or scheme is not in an agreement", "申请逐案评审或参加本地认定", "ask for a case review, or certify here"),
                        ("N5", "学时有差距", "class hours fall short", "补足所差学时", "make up the missing hours"),
                        ("N6", "缺少实操或绩效证据", "no evidence of practice or performance", "补交实操、绩效材料", "hand in evidence of practice and performance"),
                        ("N7", "信息不一致（姓名、证件）", "data do not match (name, ID)", "更正信息后再次提交", "correct the data and submit again"),
                        ("N8", "信用记录不符合要求", "integrity record", "完成信用修复后再申请", "repair the integrity credit first"),
                        ("N9", "已有有效的认可", "already recognised", "使用现有认可凭证", "use the recognition note you have"),
                        ("N10", "协议已终止", "the agreement has ended", "申请逐案评审或参加本地认定", "ask for a case review, or certify here"),
                    )
                ],
            }
        },
    )
)  # fmt: skip

EQUIVALENCE = kind(
    Kind(
        "equivalence",
        _l("Default equivalence of other certificates"),
        order=61,
        help=_l("Always a proposal; a person decides. An agreement's own table comes first."),
        tables=[
            Table(
                "rows",
                _l("Equivalence"),
                [
                    Field("source", _l("Their certificate")),
                    Field("rank", _l("Our rank (0: none)"), "int", low=0, high=9),
                    Field("condition", _l("Condition"), required=False),
                ],
            )
        ],
        defaults={
            "": {
                "rows": [
                    {"source": s, "rank": r, "condition": c}
                    for s, r, c in (
                        ("国家基地 初级技术经纪人", 1, "向颁发机构核验"),
                        ("国家基地 中级技术经纪人", 2, "向颁发机构核验"),
                        ("国家基地 高级技术经理人", 3, "向颁发机构核验"),
                        ("省级 初级技术经理人", 1, "方案学时不低于本方案的 80%"),
                        ("省级 中级技术经理人", 2, "方案学时不低于本方案的 80%"),
                        ("省级 高级技术经理人", 3, "方案学时不低于本方案的 80%"),
                        ("陕西 综合性", 2, "评审业绩材料"),
                        ("陕西 专业性", 2, "评审业绩材料，保留其专业领域"),
                        ("星级 1–2", 1, "附积分清单"),
                        ("星级 3–4", 2, "附积分清单"),
                        ("星级 5", 3, "附积分清单"),
                        ("RTTP", 3, "本地政策法规模块及测验"),
                        ("Candidate RTTP", 1, ""),
                        ("技术经纪职称（助理/中级/高级）", 0, "只免除报考条件"),
                    )
                ]
            }
        },
    )
)


def valid_until(
    decided_on: date,
    *,
    source_expires: date | None,
    agreement_ends: date | None,
    months: int,
    rule: Validity,
    ours_months: int,
) -> date:
    """The last day a recognition holds: the earliest of source expiry, agreement end and ``months`` (worked example 8).

    ``rule``: OURS lets it run as long as a certificate of our own would, but never beyond source or agreement;
    SHORTER is the earliest of all.
    """
    ends = [anniversary(decided_on, months) - timedelta(days=1)]
    if rule in (Validity.OURS, Validity.SHORTER):
        ends.append(anniversary(decided_on, ours_months) - timedelta(days=1))
    ends += [day for day in (source_expires, agreement_ends) if day is not None]
    return min(ends)


def code_words(body: dict[str, Any], english: bool) -> dict[str, tuple[str, str]]:
    """Code → (reason, next step) in one language."""
    tail = "en" if english else "zh"
    return {row["code"]: (row[tail], row[f"next_{tail}"]) for row in body["codes"]}
