"""Training's own rules as versioned data: signing in, what an online lesson asks, and the usual reasons of a base."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.outline.kinds import Field, Kind, Table, kind
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
