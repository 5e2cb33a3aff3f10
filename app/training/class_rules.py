"""Terms of running a class, as versioned data: waiting list, withdrawal, signing out, make-up, hours from elsewhere."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.outline.kinds import Field, Kind, Table, kind

TERMS = kind(
    Kind(
        "class_terms",
        _l("Terms of classes"),
        fields=[
            Field(
                "accept_hours", _l("Hours to accept a place from the waiting list"), "int", low=0, high=720,
                help=_l("0: the place is given at once."),
            ),
            Field("accept_late_days", _l("A shorter term from this many days before the class"), "int", low=0, high=60),
            Field("accept_late_hours", _l("The shorter term in hours"), "int", low=1, high=720),
            Field("withdraw_days", _l("Withdrawal without a reason until this many days before the class"), "int", low=0, high=90),
            Field("sign_out", _l("Signing out by phone is asked"), "bool"),
            Field("early_minutes", _l("Left early by more than this many minutes (counts as absent)"), "int", low=0, high=240),
            Field("sign_out_opens", _l("The screen shows the code for signing out this many minutes before the end"), "int", low=0, high=240),
            Field("sign_out_closes", _l("Signing out closes this many minutes after the end"), "int", low=0, high=1440),
            Field("make_up_months", _l("A missed period can be made up within this many months"), "int", low=0, high=36),
            Field("recognised_share", _l("Hours from elsewhere: at most this share of the programme"), "share"),
            Field("remind_days", _l("A letter reminds of the class this many days before it begins"), "int", low=0, high=30),
        ],
        tables=[
            Table(
                "documents",
                _l("Documents asked with an enrolment"),
                [
                    Field("code", _l("Short name (letters)")),
                    Field("zh", _l("In Chinese")),
                    Field("en", _l("In English")),
                    Field("from_level", _l("From this level on"), "int", low=1, high=9),
                    Field("required", _l("Must be given"), "bool"),
                ],
            )
        ],
        order=22,
        defaults={
            "": {
                "accept_hours": 48, "accept_late_days": 3, "accept_late_hours": 12, "withdraw_days": 3,
                "sign_out": True, "early_minutes": 15, "sign_out_opens": 15, "sign_out_closes": 60,
                "make_up_months": 6, "recognised_share": "0.3", "remind_days": 2,
                "documents": [
                    {"code": "education", "zh": "学历证明", "en": "Proof of education", "from_level": 1, "required": False},
                    {"code": "employer", "zh": "单位证明", "en": "Statement of the employer", "from_level": 1, "required": False},
                    {"code": "title", "zh": "职称或低一级证书", "en": "Professional title or lower certificate", "from_level": 2, "required": False},
                ],
            }
        },
    )
)  # fmt: skip
