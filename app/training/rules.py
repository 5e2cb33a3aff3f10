"""Training's own rules as versioned data: signing in, what an online lesson asks, and the usual reasons of a base."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.outline.kinds import BadRule, Field, Kind, Table, kind
from app.training import class_rules  # noqa: F401 - terms of classes

ATTENDANCE = kind(
    Kind(
        "attendance",
        _l("Sign-in and online lessons"),
        fields=[
            Field("late_minutes", _l("Late after this many minutes (counts as absent)"), "int", low=0, high=240),
            Field("opens_minutes", _l("Sign-in opens this many minutes before the period"), "int", low=0, high=240),
            Field("code_seconds", _l("The sign-in code changes after this many seconds"), "int", low=10, high=300),
            Field("watched_share", _l("Share of a lesson's time that must be read or watched"), "share"),
            Field("quiz_share", _l("Share of quiz questions that must be right"), "share"),
        ],
        order=20,
        defaults={
            "": {
                "late_minutes": 15, "opens_minutes": 30, "code_seconds": 30,
                "watched_share": "0.9", "quiz_share": "0.8",
            }
        },
    )
)  # fmt: skip

REASONS = kind(
    Kind(
        "enrolment_reasons",
        _l("Reasons for returning or refusing an enrolment"),
        tables=[
            Table(
                "reasons",
                _l("Reasons offered"),
                [Field("zh", _l("In Chinese")), Field("en", _l("In English"))],
            )
        ],
        help=_l("Offered to the training base as a start; the text can be changed for each case."),
        order=21,
        defaults={
            "": {
                "reasons": [
                    {
                        "zh": "学历或职称信息与所附说明不一致，请核对后重新提交。",
                        "en": "Education or title differ from what you explained. Please check and send again.",
                    },
                    {
                        "zh": "从业年限未达到本等级报名条件。",
                        "en": "The years of experience do not reach the entry conditions of this level.",
                    },
                    {
                        "zh": "请补充工作单位和从事技术转移工作的说明。",
                        "en": "Please add your employer and what you do in technology transfer.",
                    },
                    {
                        "zh": "本期面向特定领域学员，您可报名其他班次。",
                        "en": "This class is for one field; other classes are open to you.",
                    },
                ]
            }
        },
    )
)


def _check_feedback(typed: dict[str, Any]) -> None:
    """Choices need something to choose from."""
    for i, row in enumerate(typed["questions"]):
        lines = [line for line in (row["options_zh"] or "").splitlines() if line.strip()]
        if row["kind"] == "choice" and not 2 <= len(lines) <= 12:
            raise BadRule(
                f"questions-{i}-options_zh",
                label=_l("Choices in Chinese, one per line"),
                why=_l("it needs two to twelve choices, one per line."),
            )


def _question(kind: str, zh: str, en: str, options_zh: str = "", options_en: str = "") -> dict[str, str]:
    return {"kind": kind, "zh": zh, "en": en, "options_zh": options_zh, "options_en": options_en}


FEEDBACK = kind(
    Kind(
        "class_feedback",
        _l("Questionnaire on classes"),
        fields=[Field("days", _l("Open for this many days after the last day of the class"), "int", low=1, high=90)],
        tables=[
            Table(
                "questions",
                _l("Questions put"),
                [
                    Field(
                        "kind",
                        _l("How it is answered"),
                        "choice",
                        choices=[
                            ("scale", _l("Scale from 1 to 5")),
                            ("choice", _l("One of several choices")),
                            ("words", _l("Own words")),
                        ],
                    ),
                    Field("zh", _l("In Chinese")),
                    Field("en", _l("In English"), required=False),
                    Field("options_zh", _l("Choices in Chinese, one per line"), "long", required=False),
                    Field("options_en", _l("Choices in English, one per line"), "long", required=False),
                ],
                min_rows=1,
            )
        ],
        check=_check_feedback,
        help=_l("Put to the people of each class from its last day on. A base may put other questions to a class of its own."),
        order=22,
        defaults={
            "": {
                "days": 14,
                "questions": [
                    _question("scale", "课程内容对我的工作有用。", "The content is useful for my work."),
                    _question("scale", "教师讲解清楚，能回答问题。", "The teachers explain clearly and answer questions."),
                    _question("scale", "案例和练习贴近实际。", "Cases and exercises are close to practice."),
                    _question("scale", "组织、场地和时间安排合适。", "Organisation, place and timetable suit me."),
                    _question(
                        "choice", "课程难度如何？", "How difficult was the class?", "太容易\n合适\n太难",
                        "Too easy\nJust right\nToo hard",
                    ),
                    _question(
                        "choice", "您会向同行推荐本班吗？", "Would you recommend this class to a colleague?",
                        "会\n也许\n不会", "Yes\nPerhaps\nNo",
                    ),
                    _question("words", "哪一部分最有收获？", "Which part did you gain most from?"),
                    _question("words", "您希望改进什么？", "What should be better?"),
                ],
            }
        },
    )
)  # fmt: skip
