"""Task catalogue, rubric and flow of the practice stage as versioned data. The shipped figures are system defaults."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from app.outline.kinds import BadRule, Field, Kind, Table, kind


def ranks_of(task: Mapping[str, Any]) -> frozenset[int]:
    """The ranks a task of the catalogue counts for; ``levels`` is “1 2 3”."""
    return frozenset(int(part) for part in str(task["levels"]).split())


def _codes_once_levels_readable(body: dict[str, Any]) -> None:
    codes = [row["code"] for row in body["tasks"]]
    for i, row in enumerate(body["tasks"]):
        if codes.count(row["code"]) > 1:
            raise BadRule(f"tasks-{i}-code", label=_l("Code"), why=_l("each code may stand once."))
        if not all(part.isascii() and part.isdigit() for part in row["levels"].split()):
            raise BadRule(f"tasks-{i}-levels", label=_l("For levels"), why=_l("please give ranks separated by blanks."))


def _task(code: str, zh: str, en: str, give: tuple[str, str], proof: tuple[str, str], levels: str) -> dict[str, Any]:
    return {
        "code": code, "zh": zh, "en": en, "deliverable_zh": give[0], "deliverable_en": give[1],
        "evidence_zh": proof[0], "evidence_en": proof[1], "levels": levels,
    }  # fmt: skip


ALL, UPPER = "1 2 3", "2 3"

CATALOGUE = kind(
    Kind(
        "practice_tasks",
        _l("Task catalogue"),
        order=20,
        help=_l("Kinds of practical tasks along the transfer chain, and the levels each counts for."),
        tables=[
            Table(
                "tasks",
                _l("Task types"),
                [
                    Field("code", _l("Code")),
                    Field("zh", _l("Name in Chinese")),
                    Field("en", _l("Name in English")),
                    Field("deliverable_zh", _l("Deliverable in Chinese")),
                    Field("deliverable_en", _l("Deliverable in English")),
                    Field("evidence_zh", _l("Typical evidence in Chinese")),
                    Field("evidence_en", _l("Typical evidence in English")),
                    Field("levels", _l("Levels (ranks separated by blanks)")),
                ],
                min_rows=1,
            )
        ],
        check=_codes_once_levels_readable,
        defaults={
            "": {
                "tasks": [
                    _task("T01", "发明披露 / 成果挖掘", "Invention disclosure", ("发明披露表", "Disclosure form"), ("发明人确认", "Inventor's confirmation"), ALL),
                    _task("T02", "需求挖掘", "Needs discovery", ("企业需求书（指标量化）", "Quantified statement of needs"), ("企业盖章或书面确认", "Company stamp or confirmation"), ALL),
                    _task("T03", "专利检索 / 导航", "Patent search", ("检索报告与检索式", "Search report with search strings"), ("检索结果导出文件", "Export of the search"), ALL),
                    _task("T04", "成果评价 / 技术成熟度", "Evaluation of results and TRL", ("成果评价报告", "Evaluation report"), ("专家名单、测试数据", "List of experts, test data"), UPPER),
                    _task("T05", "价值评估与定价", "Valuation and pricing", ("估值说明（不少于两种方法）", "Valuation note by two methods or more"), ("假设与参数表", "Sheet of assumptions"), UPPER),
                    _task("T06", "尽职调查", "Due diligence", ("尽调清单与报告", "Checklist and report"), ("权属与权利负担证明", "Proof of ownership and encumbrance"), UPPER),
                    _task("T07", "商业计划书", "Business plan", ("商业计划书", "Business plan"), ("评阅意见", "Review notes"), ALL),
                    _task("T08", "路演 / 对接活动", "Roadshow or matching event", ("活动方案与总结", "Plan and summary of the event"), ("签到表、现场照片", "Sign-in sheet, photos"), ALL),
                    _task("T09", "商务谈判", "Negotiation", ("谈判方案与纪要", "Negotiation plan and minutes"), ("对方确认", "Counterpart's confirmation"), UPPER),
                    _task("T10", "合同起草与技术合同认定登记", "Contract drafting and registration", ("技术合同与登记证明", "Contract and proof of registration"), ("登记编号", "Registration number"), ALL),
                    _task("T11", "概念验证", "Proof of concept", ("验证方案与结论", "Plan and conclusion"), ("概念验证中心确认", "Centre's confirmation"), UPPER),
                    _task("T12", "中试对接", "Pilot test matching", ("中试对接方案", "Matching plan"), ("中试线协议", "Pilot-line agreement"), UPPER),
                    _task("T13", "融资对接", "Finance matching", ("投资人清单与进展说明", "List of investors and progress"), ("投资意向书或银行凭证", "Term sheet or bank advice"), UPPER),
                    _task("T14", "全流程项目复盘", "Full project review", ("全流程案例报告", "Case report"), ("以上任意两类佐证材料", "Two of the kinds of evidence above"), "3"),
                ]
            }
        },
    )
)  # fmt: skip


def _skill_codes_once(body: dict[str, Any]) -> None:
    codes = [row["code"] for row in body["skills"]]
    if len(set(codes)) != len(codes) or not all(code.isascii() and code.isidentifier() for code in codes):
        raise BadRule(
            "skills",
            label=_l("Skills"),
            why=_l("each code stands once and is made of Latin letters, digits, underscores."),
        )


SKILLS = kind(
    Kind(
        "practice_skills",
        _l("Skills of team tasks"),
        order=22,
        help=_l("What a team task may need and its members may bring, for the matrix of complementary skills."),
        tables=[
            Table(
                "skills",
                _l("Skills"),
                [Field("code", _l("Code")), Field("zh", _l("Name in Chinese")), Field("en", _l("Name in English"))],
                min_rows=2,
            )
        ],
        check=_skill_codes_once,
        defaults={
            "": {
                "skills": [
                    {"code": code, "zh": zh, "en": en}
                    for code, zh, en in (
                        ("technology", "专业技术", "Technology"),
                        ("ip", "知识产权", "Intellectual property"),
                        ("law", "法律与合同", "Law and contracts"),
                        ("finance", "财务与估值", "Finance and valuation"),
                        ("market", "市场与商务", "Market and business"),
                        ("funding", "投融资", "Funding"),
                        ("management", "项目管理", "Project management"),
                        ("language", "外语与国际合作", "Languages and international work"),
                    )
                ]
            }
        },
    )
)


def _adds_up(body: dict[str, Any]) -> None:
    total = sum((row["points"] for row in body["criteria"]), Decimal(0))
    if total != 100:
        raise BadRule("criteria", label=_l("Criteria"), why=_l("the points must add up to 100, not %(n)s.", n=total))
    codes = [row["code"] for row in body["criteria"]]
    if len(set(codes)) != len(codes):
        raise BadRule("criteria", label=_l("Criteria"), why=_l("each code may stand once."))
    if not all(code.isascii() and code.isidentifier() for code in codes):
        raise BadRule("criteria", label=_l("Criteria"), why=_l("codes are Latin letters, digits and underscores."))


def _criterion(code: str, points: int, knockout: bool, zh: list[str], en: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"code": code, "points": str(points), "knockout": knockout}
    for language, words in (("zh", zh), ("en", en)):
        made |= {f"{key}_{language}": words[i] for i, key in enumerate(("name", "high", "middle", "low"))}
    return made


RUBRIC = kind(
    Kind(
        "practice_rubric",
        _l("Rubric of practical tasks"),
        order=21,
        help=_l("Criteria with their points and anchors; a zero in a knock-out criterion fails whatever the total."),
        fields=[Field("pass_mark", _l("Pass mark"), "decimal", low=0, high=100)],
        tables=[
            Table(
                "criteria",
                _l("Criteria"),
                [
                    Field("code", _l("Code")),
                    Field("name_zh", _l("Name in Chinese")),
                    Field("name_en", _l("Name in English")),
                    Field("points", _l("Marks"), "decimal", low=1, high=100),
                    Field("knockout", _l("A zero fails the task"), "bool"),
                    Field("high_zh", _l("Full points, in Chinese")),
                    Field("high_en", _l("Full points, in English")),
                    Field("middle_zh", _l("About half, in Chinese")),
                    Field("middle_en", _l("About half, in English")),
                    Field("low_zh", _l("Zero, in Chinese")),
                    Field("low_en", _l("Zero, in English")),
                ],
                min_rows=1,
            )
        ],
        check=_adds_up,
        defaults={
            "": {
                "pass_mark": "60",
                "criteria": [
                    _criterion(
                        "truth", 20, True,
                        ["真实性与证据", "每一步均有原始材料，日期、单位、人员相互印证", "主要步骤有材料，个别环节仅有说明", "材料不真实，或无法证明本人参与"],
                        ["Truth and evidence", "Every step is documented; dates, parties and people agree", "The main steps are documented, some are only described", "Material is untrue, or own part cannot be shown"],
                    ),
                    _criterion(
                        "analysis", 25, False,
                        ["专业分析", "方法得当、数据可靠，能说明取舍理由与局限", "方法基本正确，论证或数据不够充分", "没有分析，或结论与材料相反"],
                        ["Professional analysis", "Sound method and data; choices and limits are explained", "Method broadly right, thin reasoning or data", "No analysis, or contradicted by the material"],
                    ),
                    _criterion(
                        "process", 20, False,
                        ["过程规范", "程序完整，记录及时，沟通与交接清楚", "程序基本完整，有缺项或补记", "程序缺失，无法还原过程"],
                        ["Orderly process", "Complete, recorded in time, clear hand-overs", "Mostly complete, with gaps or later notes", "Missing; the course cannot be followed"],
                    ),
                    _criterion(
                        "quality", 25, False,
                        ["成果质量", "交付物完整、可直接使用，得到对方认可", "交付物可用，需要补充修改", "没有交付物，或不可用"],
                        ["Quality of the deliverable", "Complete, usable as it is, accepted by the counterpart", "Usable after additions", "None, or unusable"],
                    ),
                    _criterion(
                        "compliance", 10, True,
                        ["合规与保密", "遵守法规与合同约定，保密措施到位", "有轻微疏漏，未造成后果", "违反法律法规，或泄露商业秘密"],
                        ["Compliance and secrecy", "Law and contract kept, secrets protected", "Small lapses without harm", "Law broken, or a trade secret disclosed"],
                    ),
                ],
            }
        },
    )
)  # fmt: skip


def _flow(reviewers: int) -> dict[str, Any]:
    return {"max_returns": 2, "reviewers": reviewers, "gap": "15", "third": "closest", "automatic": True, "sample": "0"}


FLOW = kind(
    Kind(
        "practice_flow",
        _l("Flow of practice reviews"),
        by_level=True,
        order=22,
        help=_l("Reviewers are neither the mentor nor from the trainee's employer; two of them are blind to each other."),
        fields=[
            Field("max_returns", _l("Returns out of the review at most"), "int", low=0, high=9),
            Field("reviewers", _l("Reviewers of a task"), "int", low=1, high=2),
            Field("gap", _l("A third reviewer above a gap of points"), "decimal", low=0, high=100),
            Field(
                "third", _l("With three reviewers the score is"), "choice",
                choices=(("closest", _l("the mean of the closest two")), ("median", _l("the median"))),
            ),
            Field("sample", _l("Share of tasks that get a second reviewer by sample"), "share"),
            Field("automatic", _l("Pick reviewers by load as soon as the mentor has confirmed"), "bool"),
        ],
        defaults={"1": _flow(1), "2": _flow(1), "3": _flow(2)},
    )
)  # fmt: skip


def _question(code: str, points: int, zh: str, en: str) -> dict[str, Any]:
    return {"code": code, "points": str(points), "name_zh": zh, "name_en": en}


HEARING = kind(
    Kind(
        "practice_defence",
        _l("Oral defence"),
        order=23,
        help=_l(
            "Panel, criteria and pass mark. Passed with a mean at the pass mark and a majority of the panel at or above it."
        ),
        fields=[
            Field("panel", _l("Members of the panel at least"), "int", low=1, high=9),
            Field("pass_mark", _l("Pass mark of the defence"), "decimal", low=0, high=100),
            Field("minutes", _l("Minutes of a defence"), "int", low=5, high=240),
        ],
        tables=[
            Table(
                "criteria",
                _l("Criteria"),
                [
                    Field("code", _l("Code")),
                    Field("points", _l("Points"), "decimal", low=1, high=100),
                    Field("name_zh", _l("Name in Chinese")),
                    Field("name_en", _l("Name in English")),
                ],
                min_rows=1,
            )
        ],
        check=_adds_up,
        defaults={
            "": {
                "panel": 3,
                "pass_mark": "60",
                "minutes": 30,
                "criteria": [
                    _question("statement", 30, "陈述条理与重点", "Clear statement of the case"),
                    _question("answers", 40, "专业问答", "Answers to professional questions"),
                    _question("own_part", 30, "真实性与本人贡献", "Truth, and own part in the work"),
                ],
            }
        },
    )
)
