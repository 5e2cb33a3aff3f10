"""Working days by an editable calendar: weekends and public holidays off, make-up Saturdays and Sundays on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True)
class Calendar:
    """``off``: weekdays that are free; ``on``: weekend days that are worked (调休)."""

    off: Collection[date] = field(default_factory=frozenset)
    on: Collection[date] = field(default_factory=frozenset)

    def works(self, day: date) -> bool:
        return day in self.on or (day.weekday() < 5 and day not in self.off)


def add_working_days(start: date, days: int, calendar: Calendar) -> date:
    """The ``days``-th working day after ``start``; counting begins the next day."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if calendar.works(day):
            days -= 1
    return day
