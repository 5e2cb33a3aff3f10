"""The access table: what every route says of who may come, as text. ``python -m tests.access_table`` writes docs/access.md,
``--check`` only compares. ``tests/test_access.py`` compares too, and walks every route as every role."""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.routing import AnyConverter, IntegerConverter

from app.accounts.guard import PUBLIC, SIGNED_IN, access_of
from app.core.permissions import Can, Role, roles_that

FILE = Path(__file__).resolve().parent.parent / "docs" / "access.md"
HEAD = """# Who may open what

Every route of the product, written by `python -m tests.access_table` from the marks on the views and compared by
`tests/test_access.py`, which also opens every route as every role. Read a change of this file as a change of rights.

*public*: everybody · *signed in*: everybody with an account, for rows of their own · a right: the roles that carry it
(`app/core/permissions.py`), each within the scope it is held in (`app/accounts/scope.py`); a row out of scope answers 404.
"""


@dataclass(frozen=True)
class Route:
    """One address with one method."""

    endpoint: str
    method: str
    address: str
    access: Any

    @property
    def who(self) -> str:
        if self.access is None:
            return "**closed: no mark**"
        if self.access in (PUBLIC, SIGNED_IN):
            return str(self.access).replace("_", " ")
        return " or ".join(f"{right.name} → {', '.join(_roles(right))}" for right in self.access)

    def allows(self, person: str | None) -> bool:
        """May a visitor (None), a plain account (``""``) or the holder of a role come?"""
        if self.access == PUBLIC:
            return True
        if person is None:
            return False
        return self.access == SIGNED_IN or any(person in roles_that(right) for right in self.access)


def _roles(right: Can) -> list[str]:
    carriers = roles_that(right)
    return [str(role) for role in Role if role in carriers]


def routes(app: Flask) -> list[Route]:
    """Every route but static files, in the order of the table."""
    found = [
        Route(rule.endpoint, method, rule.rule, access_of(rule.endpoint))
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(found, key=lambda r: (r.endpoint.rpartition(".")[0], r.endpoint, r.address, r.method))


def filled(app: Flask, route: Route, *, number: Any = 999_999, text: str = "x") -> str:
    """The route's address with these in the place of its ids and words; a closed choice gets one of its own."""
    rule = next(r for r in app.url_map.iter_rules(route.endpoint) if r.rule == route.address)
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        if isinstance(converter, AnyConverter):
            values[name] = min(converter.items)
        else:
            values[name] = number if isinstance(converter, IntegerConverter) else text
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


def written(app: Flask) -> str:
    """The table as Markdown."""
    features: dict[str, list[Route]] = defaultdict(list)
    for route in routes(app):
        features[route.endpoint.partition(".")[0]].append(route)
    lines = [HEAD]
    for feature, rows in sorted(features.items()):
        lines += [f"## {feature}", "", "| endpoint | method | address | who |", "| --- | --- | --- | --- |"]
        lines += [f"| {r.endpoint} | {r.method} | `{r.address}` | {r.who} |" for r in rows]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    from app import create_app
    from config import from_env

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(from_env({"APP_MODE": "test", "INSTANCE": folder}))
        with app.app_context():
            text = written(app)
    if "--check" in sys.argv:
        if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
            return 0
        print("docs/access.md is not what the views say; run: python -m tests.access_table")
        return 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
