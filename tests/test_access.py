"""Every route × everybody: what the written table says is what happens."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.permissions import Role, Scope
from tests.access_table import FILE, filled, routes, written
from tests.factories import people

WALKERS: list[str | None] = [None, "", *Role]
KNOWN_REFUSALS: set[str] = set()
"""Endpoints that answer 403 to those allowed in, for a reason of their own; say it beside the name."""
ENDS_THE_WALK = {"accounts.sign_out"}


def test_the_written_table_is_current(app: Any) -> None:
    assert FILE.read_text(encoding="utf-8") == written(app), "run: python -m tests.access_table, and read the change"


def test_no_route_is_closed(app: Any) -> None:
    assert [r.endpoint for r in routes(app) if r.access is None] == []


def _holder(role: Role) -> Any:
    """Somebody with the role for the whole site; an employer's is held in an organisation, or it is none."""
    if role is Role.EMPLOYER:
        return people.officer(role, Scope.ORGANISATION, people.organisation(people.region()).id)
    return people.officer(role)


@pytest.mark.parametrize("walker", WALKERS, ids=lambda w: "visitor" if w is None else str(w) or "plain account")
def test_everybody_gets_in_where_the_table_says_and_nowhere_else(app: Any, client_as: Any, walker: str | None) -> None:
    person = None
    if walker is not None:
        person = people.person(region=people.region()) if walker == "" else _holder(Role(walker))
    browser = client_as(person)
    wrong = []
    for route in routes(app):
        if route.endpoint in ENDS_THE_WALK:
            continue
        answer = browser.open(filled(app, route), method=route.method)
        answer.close()
        at_the_door = answer.status_code == 401 or (
            answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")
        )
        if route.allows(walker):
            fine = answer.status_code < 500 and (answer.status_code != 403 or route.endpoint in KNOWN_REFUSALS)
            fine = fine and (route.access == "public" or not at_the_door)
        else:
            fine = at_the_door if walker is None else answer.status_code == 403
        if not fine:
            wrong.append(f"{route.method} {route.address} ({route.endpoint}): {answer.status_code}")
    assert wrong == []


def test_signing_out_is_for_those_signed_in(client: Any, client_as: Any) -> None:
    assert client.post("/sign-out").status_code == 401
    assert client_as(people.person()).post("/sign-out").headers["Location"] == "/"
