"""The kinds of sheets a training base hands in."""

from __future__ import annotations

from app.imports.kinds import kind
from app.training.import_attendance import AttendanceSheet
from app.training.import_hours import HoursSheet
from app.training.import_trainees import TraineesSheet

for _made in (TraineesSheet, AttendanceSheet, HoursSheet):
    kind(_made)
