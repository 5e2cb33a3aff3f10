"""Which rows a right reaches: the one place where roles in scopes become a condition of a query.

Every list begins with a feature's ``…_visible_to(person)``, and that uses :func:`within`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from app.accounts.models import Person
from app.core.errors import Forbidden
from app.core.permissions import GRANTS, Can, Scope


@dataclass(frozen=True)
class Reach:
    """Where a person holds a right."""

    site: bool
    regions: frozenset[int]
    organisations: frozenset[int]
    classes: frozenset[int]

    @property
    def nothing(self) -> bool:
        return not (self.site or self.regions or self.organisations or self.classes)


def reach_of(person: Person, can: Can) -> Reach:
    """Collect the scopes of every role of the person that carries the right."""
    held = [r for r in person.roles if r.ended_at is None and can in GRANTS[r.role]]
    ids = {scope: frozenset(r.scope_id for r in held if r.scope is scope) for scope in Scope}
    return Reach(bool(ids[Scope.SITE]), ids[Scope.REGION], ids[Scope.ORGANISATION], ids[Scope.CLASS])


def within(
    person: Person, can: Can, *, region: Any = None, organisation: Any = None, klass: Any = None
) -> ColumnElement[bool]:
    """A WHERE condition: the rows whose region, organisation or class column lies in the person's reach for ``can``.

    A scope for which no column is given reaches nothing.
    """
    reach = reach_of(person, can)
    if reach.site:
        return true()
    parts: list[ColumnElement[bool]] = []
    for ids, column in ((reach.regions, region), (reach.organisations, organisation), (reach.classes, klass)):
        if ids and column is not None:
            parts.append(column.in_(ids))
    return or_(*parts) if parts else false()


def reaches(
    person: Person, can: Can, *, region: int | None = None, organisation: int | None = None, klass: int | None = None
) -> bool:
    """Does the right reach a thing that lies in this region, organisation, class?"""
    reach = reach_of(person, can)
    return reach.site or region in reach.regions or organisation in reach.organisations or klass in reach.classes


def must_reach(person: Person, can: Can, **where: int | None) -> None:
    """Raises Forbidden where :func:`reaches` says no."""
    if not reaches(person, can, **where):
        raise Forbidden
