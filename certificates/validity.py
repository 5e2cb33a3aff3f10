"""How long a certificate holds, and when it may be renewed. Days are calendar days of the issuer (Asia/Shanghai)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

WARNING_DAYS = 90  # 即将到期 begins this many days before the last valid day (system default, domain notes §8)
RENEWAL_OPENS_BEFORE = 90  # days before the last valid day
RENEWAL_CLOSES_AFTER = 180  # days after the last valid day


class Validity(StrEnum):
    """What the dates alone say; suspension and revocation are decisions and stand elsewhere."""

    NOT_YET = "not-yet"
    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"


def anniversary(start: date, months: int) -> date:
    """The day ``months`` months later; where that month lacks the day, the first of the month after it.

    So the anniversary of 29 February in a common year is 1 March (worked example 7).
    """
    index = start.month - 1 + months
    year, month = start.year + index // 12, index % 12 + 1
    try:
        return date(year, month, start.day)
    except ValueError:
        return date(year + month // 12, month % 12 + 1, 1)


def valid_until(issued: date, months: int) -> date:
    """The last valid day of a certificate issued on ``issued`` for ``months`` months: the day before the anniversary.

    2025-09-15 and 36 months give 2028-09-14. Raises ``ValueError`` for less than one month.
    """
    if months < 1:
        raise ValueError(f"a certificate holds for at least one month, not {months}")
    return anniversary(issued, months) - timedelta(days=1)


@dataclass(frozen=True)
class RenewalWindow:
    """First and last day on which renewal may be applied for, both included."""

    opens: date
    closes: date

    def __contains__(self, day: date) -> bool:
        return self.opens <= day <= self.closes


def renewal_window(
    until: date, opens_before: int = RENEWAL_OPENS_BEFORE, closes_after: int = RENEWAL_CLOSES_AFTER
) -> RenewalWindow:
    """The window around the last valid day ``until``; lengths in days. Later than that means assessment again."""
    return RenewalWindow(until - timedelta(days=opens_before), until + timedelta(days=closes_after))


def validity_on(day: date, valid_from: date, until: date | None, warning_days: int = WARNING_DAYS) -> Validity:
    """State by dates on ``day``. ``until`` is the last valid day; ``None`` means without end."""
    if day < valid_from:
        return Validity.NOT_YET
    if until is None:
        return Validity.VALID
    if day > until:
        return Validity.EXPIRED
    return Validity.EXPIRING if day >= until - timedelta(days=warning_days) else Validity.VALID
