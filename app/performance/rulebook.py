"""The versions of the indicators that concern one region, read once: which holds on a day, which caps hold for a year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from flask_babel import get_locale

from app.core.errors import NotFound
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.outline.service import BEGINNING
from app.performance.arithmetic import Balance, Indicator, Line, Rules, balance
from app.performance.rules import as_rules


def _as_rules(version: RuleVersion) -> Rules:
    return as_rules(outline.typed(version))


class RuleBook:
    """All versions of ``indicators`` for a region; the region's own stand before the general ones."""

    def __init__(self, region_id: int | None) -> None:
        self.versions = outline.history("indicators", region_id=region_id)

    def on(self, day: date) -> RuleVersion:
        """The version in force on a day; for days before all rules, the first there was. Raises NotFound without any."""
        day = max(day, BEGINNING)
        for version in self.versions:
            if version.effective_from <= day:
                return outline.in_session(version)
        raise NotFound

    def rules(self, version: RuleVersion) -> Rules:
        return outline.remembered(version, _as_rules)

    def rules_of(self, version_id: int) -> Rules:
        """The rules of a version that a line has pinned, also of another region."""
        return outline.remembered(outline.pinned(version_id), _as_rules)

    def rules_on(self, day: date) -> Rules:
        return self.rules(self.on(day))

    def caps(self, year: int, until: date) -> Rules:
        """The rules whose caps hold for a calendar year: those of its last day, or of ``until`` while it runs."""
        return self.rules_on(min(date(year, 12, 31), max(until, date(year, 1, 1))))

    def balance(self, lines: Iterable[Line], since: date | None, until: date) -> Balance:
        """The balance of some lines under these rules."""
        return balance(lines, lambda year: self.caps(year, until), since, until)


def named(indicator: Indicator) -> str:
    """The indicator's name in the reader's language."""
    return indicator.names["en" if str(get_locale()) == "en" else "zh"]


def evidence_asked(indicator: Indicator) -> str:
    return indicator.evidence["en" if str(get_locale()) == "en" else "zh"]
