"""The shapes of the set-up: one form for each step, and those for candidates, places, rooms and seats."""

from __future__ import annotations

from decimal import Decimal

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.core.forms import BaseForm, Exact, Instant, LongText, OnceForm, RadioField, SelectField, ShortText
from app.exams.forms import ELIGIBILITY_NAMES, SHOWN_NAMES
from app.exams.models import PlacesBy
from app.exams.rules import MARKER_CHOICES, RULE_CHOICES
from app.exams.setup import MOST_EXTRA

PLACES_BY_NAMES = {
    PlacesBy.OFFICE: _l("The exam office assigns place and seat"),
    PlacesBy.CANDIDATE: _l("The candidate chooses the place on registering; the office assigns the seat"),
}


class WhatForm(OnceForm):
    level = SelectField(_l("Level"), [InputRequired()], coerce=int)
    region_id = SelectField(_l("Region"), [InputRequired()], coerce=int)
    title = ShortText(
        _l("Session title"), maximum=120, description=_l("As candidates see it, e.g. 2026年春季初级考试.")
    )
    opens_at = Instant(_l("Opens"))
    closes_at = Instant(_l("Closes"), description=_l("Nobody can go on after this, but for personal extra time."))
    minutes = IntegerField(_l("Duration in minutes"), [InputRequired(), NumberRange(5, 600)])


class WhoForm(BaseForm):
    eligibility = RadioField(
        _l("Who may sit"), [InputRequired()], choices=[(k.value, v) for k, v in ELIGIBILITY_NAMES.items()]
    )
    seats = IntegerField(
        _l("At most so many candidates"),
        [Optional(), NumberRange(1, 100_000)],
        description=_l("Empty: no limit but the seats of the places."),
    )


class PlacesForm(BaseForm):
    place = ShortText(
        _l("Place in words"),
        required=False,
        maximum=200,
        description=_l(
            "Room and address, or “online”. Where places are listed below, their names stand here by themselves."
        ),
    )
    places_by = RadioField(
        _l("Who chooses the place"), [InputRequired()], choices=[(k.value, v) for k, v in PLACES_BY_NAMES.items()]
    )
    instructions = LongText(
        _l("Further instructions on the admission slip"),
        required=False,
        maximum=2000,
        description=_l(
            "One in each line, e.g. what to bring. The general rules of the exam are printed by themselves."
        ),
    )


class RulesForm(BaseForm):
    late_entry_minutes = IntegerField(_l("Late entry in minutes"), [InputRequired(), NumberRange(0, 600)])
    pass_mark = Exact(_l("Pass mark (of 100)"), low=Decimal(0), high=Decimal(100))
    multiple_rule = SelectField(_l("Multiple choice"), [InputRequired()], choices=RULE_CHOICES)
    markers = SelectField(
        _l("Written answers are marked by"),
        [InputRequired()],
        choices=MARKER_CHOICES,
        description=_l("Where two differ too much, a third is asked and the median counts."),
    )
    late_counts = BooleanField(_l("Saves in the minute after the deadline count"))
    shown = RadioField(
        _l("Shown after the release"), [InputRequired()], choices=[(k.value, v) for k, v in SHOWN_NAMES.items()]
    )


class ListForm(BaseForm):
    emails = LongText(
        _l("List of candidates"),
        required=False,
        maximum=60_000,
        description=_l(
            "One person a line: e-mail address or name, or both; then extra minutes and their reason where somebody has "
            "them. Separated by tab or comma, as pasted from Excel."
        ),
    )
    sheet = FileField(_l("Or an Excel file (.xlsx)"), description=_l("In the columns of the template."))
    waive = ShortText(
        _l("Reason to register by hand"),
        required=False,
        maximum=300,
        description=_l(
            "E.g. a make-up exam, or training done elsewhere. With a reason, the training stage and a used-up class stand in nobody's way; waiting time, attempts and bars do. It is kept with the sitting and in the log."
        ),
    )


class ExtraForm(BaseForm):
    minutes = IntegerField(_l("Personal extra time in minutes"), [InputRequired(), NumberRange(0, MOST_EXTRA)])
    reason = ShortText(_l("Reason"), maximum=300, description=_l("E.g. a disability certificate. Kept in the log."))


class PlaceForm(OnceForm):
    name = ShortText(_l("Name of the place"), maximum=120, description=_l("E.g. 滨海职业学院考点."))
    address = ShortText(_l("Address"), maximum=200, required=False)
    note = ShortText(_l("How to get there, whom to ask"), maximum=400, required=False)


class RoomForm(OnceForm):
    name = ShortText(_l("Room"), maximum=60)
    seat_rows = IntegerField(_l("Rows"), [InputRequired(), NumberRange(1, 60)])
    seat_columns = IntegerField(_l("Seats in a row"), [InputRequired(), NumberRange(1, 60)])


class DrawForm(BaseForm):
    seed = ShortText(
        _l("Seed"),
        required=False,
        maximum=40,
        description=_l("Empty: a new random one. The same seed gives the same plan again."),
    )


class MoveForm(BaseForm):
    room_id = SelectField(_l("Room"), [InputRequired()], coerce=int)
    number = IntegerField(_l("Seat number"), [InputRequired(), NumberRange(1, 3600)])
