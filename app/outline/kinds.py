"""Kinds of rules: what fields and tables a rule of a kind has. Features register theirs in ``rules.py`` at import.

The editor, the comparison of versions and the checks are made from these descriptions, so a new kind of rule needs no
page of its own. Values are kept as JSON: decimals and dates as text; :meth:`Kind.typed` gives them back as Decimal and date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import lazy_gettext as _l

from app.core.errors import Invalid


class BadRule(Invalid):
    message = _l("%(label)s: %(why)s")


@dataclass(frozen=True)
class Field:
    """One value. ``type``: text, long, int, decimal, share (0–1, shown as %), date, bool, choice."""

    key: str
    label: Any
    type: str = "text"
    choices: Sequence[tuple[str, Any]] = ()
    low: Any = None
    high: Any = None
    required: bool = True
    help: Any = ""

    def clean(self, raw: Any, where: str) -> Any:
        """The JSON value of what was typed. Raises BadRule at form field ``where``."""
        text = "" if raw is None else str(raw).strip()
        if self.type == "bool":
            return raw is True or text.lower() in ("1", "true", "y", "on")
        if not text:
            if self.required:
                raise BadRule(where, label=self.label, why=_l("this value is missing."))
            return "" if self.type in ("text", "long", "choice") else None
        if self.type in ("text", "long"):
            if len(text) > (400 if self.type == "text" else 10_000):
                raise BadRule(where, label=self.label, why=_l("this text is too long."))
            return text
        if self.type == "choice":
            if text not in {str(c[0]) for c in self.choices}:
                raise BadRule(where, label=self.label, why=_l("this choice does not exist."))
            return text
        try:
            readers: dict[str, Callable[[str], Any]] = {
                "int": int, "decimal": Decimal, "share": Decimal, "date": date.fromisoformat,
            }  # fmt: skip
            value = readers[self.type](text)
        except (ValueError, InvalidOperation):
            raise BadRule(
                where, label=self.label, why=_l("“%(text)s” is not a value of this kind.", text=text[:40])
            ) from None
        if isinstance(value, Decimal) and not value.is_finite():
            raise BadRule(where, label=self.label, why=_l("please give a number."))
        low, high = (0, 1) if self.type == "share" else (self.low, self.high)
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadRule(
                where,
                label=self.label,
                why=_l("must lie between %(low)s and %(high)s.", low=low, high="∞" if high is None else high),
            )
        return value if self.type == "int" else str(value)

    def typed(self, value: Any) -> Any:
        if value is None or value == "":
            return None if self.type in ("int", "decimal", "share", "date") else value
        if self.type in ("decimal", "share"):
            return Decimal(value)
        return date.fromisoformat(value) if self.type == "date" else value


@dataclass(frozen=True)
class Table:
    """Rows of the same fields."""

    key: str
    label: Any
    fields: Sequence[Field]
    min_rows: int = 0


@dataclass(frozen=True)
class Kind:
    """A kind of rule. ``by_level``: one rule per level (key = rank). ``check(typed)`` raises BadRule for what the fields
    alone cannot say. ``defaults``: key → JSON body shipped as 系统默认. ``regional``: a region may set its own."""

    code: str
    label: Any
    fields: Sequence[Field] = ()
    tables: Sequence[Table] = ()
    by_level: bool = False
    regional: bool = True
    check: Callable[[dict[str, Any]], None] | None = None
    defaults: Mapping[str, Mapping[str, Any]] | None = None
    help: Any = ""
    order: int = 50

    def clean(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """A checked JSON body of raw values. Raises BadRule whose ``field`` is ``key`` or ``table-row-key``."""
        body: dict[str, Any] = {f.key: f.clean(raw.get(f.key), f.key) for f in self.fields}
        for table in self.tables:
            rows = [
                {f.key: f.clean(row.get(f.key), f"{table.key}-{i}-{f.key}") for f in table.fields}
                for i, row in enumerate(raw.get(table.key) or [])
            ]
            if len(rows) < table.min_rows:
                raise BadRule(table.key, label=table.label, why=_l("rows needed: at least %(n)s.", n=table.min_rows))
            body[table.key] = rows
        if self.check:
            self.check(self.typed(body))
        return body

    def typed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body with Decimals and dates."""
        made: dict[str, Any] = {f.key: f.typed(body.get(f.key)) for f in self.fields}
        for table in self.tables:
            made[table.key] = [
                {f.key: f.typed(row.get(f.key)) for f in table.fields} for row in body.get(table.key, [])
            ]
        return made


KINDS: dict[str, Kind] = {}


def kind(made: Kind) -> Kind:
    """Register a kind of rule; called by a feature's ``rules.py`` at import."""
    KINDS[made.code] = made
    return made
