"""What an issuer sets by itself, as versioned data: the pattern of numbers, the words of certificates, objection terms."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

from app.certification.states import CHANGE_LABELS, CertificateState, Change, Standing
from app.outline.kinds import BadRule, Field, Kind, Table, kind
from certificates.designs import newest
from certificates.numbers import NumberError, NumberPattern
from certificates.validity import Validity, validity_on

NUMBER = "certificate_number"
WORDS = "certificate_words"
OBJECTIONS = "objection_terms"
LAYOUT = "certificate_layout"
LIFE = "certificate_life"


def pattern_of(body: dict[str, Any]) -> NumberPattern:
    """The number pattern a typed rule body describes. Raises NumberError for impossible ones."""
    return NumberPattern(
        prefix=body["prefix"],
        region_digits=body["region_digits"],
        serial_digits=body["serial_digits"],
        level_digits={row["rank"]: row["digit"] for row in body["digits"]},
    )


def _possible(body: dict[str, Any]) -> None:
    try:
        pattern_of(body)
    except NumberError as error:
        raise BadRule("prefix", label=_l("Certificate number"), why=str(error)) from None


def _words_fit(body: dict[str, Any]) -> None:
    for key in ("sentence_zh", "sentence_en"):
        for name in re.findall(r"\{([^}]*)\}", body[key]):
            if name not in ("scheme", "level"):
                raise BadRule(
                    key,
                    label=_l("Sentence"),
                    why=_l("“{%(name)s}” is not filled in: use {scheme} or {level}.", name=name),
                )


def _reasons_fit(body: dict[str, Any]) -> None:
    codes = [row["code"] for row in body["reasons"]]
    twice = next((c for c in codes if codes.count(c) > 1), None)
    if twice is not None:
        raise BadRule("reasons", label=_l("Reasons"), why=_l("the code “%(code)s” stands there twice.", code=twice))
    odd = next((c for c in codes if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", c)), None)
    if odd is not None:
        raise BadRule(
            "reasons", label=_l("Reasons"), why=_l("a code is small letters, digits and _: “%(code)s”.", code=odd)
        )


kind(
    Kind(
        NUMBER,
        _l("Certificate number"),
        regional=False,
        order=60,
        help=_l("Prefix, region, year, level digit, serial, check character by ISO 7064 MOD 11-2. A number is kept for life: "
                "a change holds for certificates issued from then on."),
        fields=[
            Field("prefix", _l("Prefix (capital letters)")),
            Field("region_digits", _l("Digits of the region"), "int", low=1, high=6),
            Field("serial_digits", _l("Digits of the serial"), "int", low=1, high=9),
        ],
        tables=[
            Table(
                "digits",
                _l("Digit of each level"),
                [Field("rank", _l("Rank"), "int", low=1, high=9), Field("digit", _l("Digit in the number"))],
                min_rows=1,
            )
        ],
        check=_possible,
        defaults={
            "": {
                "prefix": "TTM",
                "region_digits": 4,
                "serial_digits": 6,
                "digits": [{"rank": 1, "digit": "3"}, {"rank": 2, "digit": "2"}, {"rank": 3, "digit": "1"}],
            }
        },
    )
)  # fmt: skip


def _texts(sentence_zh: str, sentence_en: str) -> dict[str, Any]:
    return {
        "title_zh": "技术经理人能力证书",
        "title_en": "Technology Manager Certificate",
        "sentence_zh": sentence_zh,
        "sentence_en": sentence_en,
        "seal_words": "认证专用章",
    }


_FULL_ZH = "按《{scheme}》完成规定培训，通过考试与实操评审，绩效积分和信用积分达到要求，准予认定为{level}。"
_FULL_EN = (
    "has completed the prescribed training, passed the examination and the practical review, and reached the performance "
    "and integrity credit required by the {scheme}, and is certified as {level}."
)

kind(
    Kind(
        WORDS,
        _l("Words of the certificate"),
        by_level=True,
        order=61,
        help=_l("The sentence says truthfully what was assessed; {scheme} and {level} are filled in. Stages from which the holder "
                "was exempt are named behind it by themselves."),
        fields=[
            Field("title_zh", _l("Title in Chinese")),
            Field("title_en", _l("Title in English")),
            Field("sentence_zh", _l("Sentence in Chinese")),
            Field("sentence_en", _l("Sentence in English")),
            Field("seal_words", _l("Words in the seal")),
        ],
        check=_words_fit,
        defaults={
            "1": _texts(
                "按《{scheme}》完成规定培训，通过考试与实操评审，信用积分达到要求，准予认定为{level}。",
                "has completed the prescribed training, passed the examination and the practical review, and reached the "
                "integrity credit required by the {scheme}, and is certified as {level}.",
            ),
            "2": _texts(_FULL_ZH, _FULL_EN),
            "3": _texts(_FULL_ZH, _FULL_EN),
        },
    )
)  # fmt: skip

LAYOUT_LABELS = {
    "classic": _l("Classic: red and gold, A4 landscape"),
    "modern": _l("Modern: blue band, A4 landscape"),
    "archive": _l("Archive: plain, A4 portrait"),
}
LANGUAGE_LABELS = {
    "bilingual": _l("Chinese and English"),
    "zh": _l("Chinese alone"),
    "en": _l("English, with the legal names in Chinese"),
}

kind(
    Kind(
        LAYOUT,
        _l("Layout of the certificate"),
        order=60,
        help=_l("Holds for certificates issued from then on; an edition keeps the layout, version and language it was issued in. "
                "Look at it first under Certification → Layouts."),
        fields=[
            Field("layout", _l("Layout"), "choice", choices=[(d.name, LAYOUT_LABELS[d.name]) for d in newest()]),
            Field("language", _l("Language"), "choice", choices=list(LANGUAGE_LABELS.items())),
            Field("signature_field", _l("The seal shows the signature when it is clicked"), "bool"),
        ],
        defaults={"": {"layout": "classic", "language": "bilingual", "signature_field": True}},
    )
)  # fmt: skip

kind(
    Kind(
        OBJECTIONS,
        _l("Terms of objections"),
        order=62,
        fields=[
            Field("answer_days", _l("Working days to handle an objection"), "int", low=1, high=60),
            Field("terms_zh", _l("Terms in Chinese"), "long"),
            Field("terms_en", _l("Terms in English"), "long"),
        ],
        defaults={
            "": {
                "answer_days": 10,
                "terms_zh": "任何人对公示对象有异议的，可在公示期内实名提出，写明具体事实并留下可核实的联系方式。"
                "异议人信息仅供核查使用，不对外公开。发证机构在规定工作日内核查并答复；查实的，退回审核。",
                "terms_en": "Anybody may object during the public notice, under their own name, with concrete facts and a contact that "
                "can be checked. The objector's data serve the inquiry alone and are not published. The office inquires and "
                "answers within the stated working days; an objection that is upheld sends the application back to review.",
            }
        },
    )
)  # fmt: skip


_REASONS = (
    ("under_inquiry", "suspend", "正在调查核实", "under inquiry"),
    ("integrity", "suspend", "信用积分低于规定", "integrity credit below the limit"),
    ("report", "suspend", "被投诉举报，核实期间", "reported; while it is looked into"),
    ("cleared", "restore", "调查未发现问题", "the inquiry found nothing"),
    ("integrity_back", "restore", "信用积分已恢复", "integrity credit is back"),
    ("fraud", "revoke", "以欺骗等不正当手段取得", "obtained by deceit"),
    ("misuse", "revoke", "出租、出借或者冒用证书", "let, lent or misused"),
    ("misconduct", "revoke", "执业中有严重失信或者违法行为", "grave breach of trust or law in practice"),
    ("wish", "cancel", "持证人申请注销", "at the holder's wish"),
    ("death", "cancel", "持证人死亡", "death of the holder"),
    ("replaced", "cancel", "已由新证书替代", "replaced by another certificate"),
    ("by_error", "cancel", "颁发有误", "issued by error"),
    ("appeal", "reinstate", "申诉成立，原决定撤回", "appeal upheld; the decision is set aside"),
    ("found_wrong", "reinstate", "复查发现原决定有误", "found wrong on review"),
)

kind(
    Kind(
        LIFE,
        _l("Decisions on certificates"),
        order=63,
        help=_l("Reasons an officer chooses from, the right to be heard before a revocation, the right of appeal after it, and "
                "whether a certificate needs a photo."),
        fields=[
            Field("photo_required", _l("No certificate without a photo"), "bool"),
            Field("hearing_days", _l("Working days the holder has to be heard before a revocation is confirmed"), "int", low=0, high=30,
                  help=_l("0: it can be confirmed at once, without hearing; only where another rule sees to it. A statement that comes "
                          "earlier ends the term.")),
            Field("appeal_days", _l("Days to appeal against a decision"), "int", low=1, high=365),
            Field("appeal_zh", _l("Where and how to appeal, in Chinese"), "long"),
            Field("appeal_en", _l("Where and how to appeal, in English"), "long"),
        ],
        tables=[
            Table(
                "reasons",
                _l("Reasons"),
                [
                    Field("code", _l("Code")),
                    Field("kind", _l("Decision"), "choice", choices=[(k.value, w) for k, w in CHANGE_LABELS.items()]),
                    Field("zh", _l("Reason in Chinese")),
                    Field("en", _l("Reason in English")),
                ],
                min_rows=1,
            )
        ],
        check=_reasons_fit,
        defaults={
            "": {
                "photo_required": False,
                "hearing_days": 5,
                "appeal_days": 60,
                "appeal_zh": "不服本决定的，可在“我的证书”页面提交申诉并附材料，由未参与原决定的人员复核；也可依法申请行政复议或者提起诉讼。",
                "appeal_en": "Whoever disagrees may appeal on the page “My certificates”, with documents; officers who took no part in the "
                "decision look at it again. Administrative review and action at court remain open as the law provides.",
                "reasons": [{"code": c, "kind": k, "zh": zh, "en": en} for c, k, zh, en in _REASONS],
            }
        },
    )
)  # fmt: skip


def life(region_id: int, on: date | None = None) -> dict[str, Any]:
    """The region's rule on decisions."""
    from app.outline import service as outline

    return outline.rule(LIFE, region_id=region_id, on=on)


def reasons_for(change: Change, region_id: int) -> list[tuple[str, str]]:
    """(code, words in the reader's language) to choose from for a decision."""
    from app.core.text import chinese

    way = "zh" if chinese() else "en"
    return [(row["code"], row[way]) for row in life(region_id)["reasons"] if row["kind"] == change.value]


def reason_words(code: str, region_id: int, language: str) -> str:
    """The words of a reason's code, also of one that is no longer offered."""
    from app.outline import service as outline

    for body in [life(region_id), *(outline.typed(v) for v in outline.history(LIFE, region_id=region_id))]:
        for row in body["reasons"]:
            if row["code"] == code:
                return str(row["en" if language == "en" else "zh"])
    return code


def state_of(standing: Standing, issued_on: date, valid_until: date | None, day: date) -> CertificateState:
    """What a reader is told: a decision stands before the dates."""
    if standing is not Standing.GOOD:
        return CertificateState(standing.value)
    said = validity_on(day, issued_on, valid_until)
    return CertificateState.VALID if said is Validity.NOT_YET else CertificateState(said.value)
