"""Links by which a holder shows a certificate."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification.models import Certificate
from app.core import clock
from app.core.crypto import token_hash
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.verification import shares
from app.verification.models import ShareLink
from tests.factories import people

LINK = re.compile(r"/share/([\w-]{20,})")


def share(browser: Any, certificate: Certificate, **more: Any) -> str:
    until = clock.today() + timedelta(days=10)
    data = {
        "certificate": certificate.id,
        "receiver": "渤海湾新材料有限公司",
        "shows": ["name"],
        "until": until.isoformat(),
    } | more
    answer = browser.post("/my/links", data=data, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    found = LINK.search(answer.text)
    assert found, answer.text
    return found[1]


def test_a_link_shows_what_was_chosen_and_no_more(
    certificate: Certificate, holder: Person, client: Any, client_as: Any
) -> None:
    mine = client_as(holder)
    token = share(mine, certificate)
    assert token not in mine.get("/my/links").text  # told once
    row = db.session.scalars(select(ShareLink)).one()
    assert row.token_hash == token_hash(token)
    page = client.get(f"/share/{token}").text
    assert holder.name in page and "有效" in page and "渤海湾新材料有限公司" in page
    assert certificate.number not in page and "新材料<" not in page and certificate.token not in page
    bare = share(mine, certificate, shows=[], purpose="入职核验")
    page = client.get(f"/share/{bare}").text
    assert holder.name not in page and "阿**" in page and "入职核验" in page
    whole = share(mine, certificate, shows=list(shares.SHOWS))
    page = client.get(f"/share/{whole}").text
    assert certificate.number in page and "新材料" in page and "评定内容" in page


def test_each_look_is_seen_by_whom_only_for_employers(
    certificate: Certificate, holder: Person, client: Any, client_as: Any
) -> None:
    mine = client_as(holder)
    token = share(mine, certificate)
    client.get(f"/share/{token}")
    employer = people.organisation(people.region("1201"), name="津门技术交易有限公司")
    officer = people.officer(Role.EMPLOYER, Scope.ORGANISATION, employer.id)
    client_as(officer).get(f"/share/{token}")
    row = db.session.scalars(select(ShareLink)).one()
    page = mine.get(f"/my/links/{row.id}").text
    assert "津门技术交易有限公司" in page and "未知" in page
    assert client_as(officer).get(f"/my/links/{row.id}").status_code == 404


def test_withdrawn_expired_and_unknown_look_alike(
    certificate: Certificate, holder: Person, client: Any, client_as: Any, set_clock: Any
) -> None:
    mine = client_as(holder)
    withdrawn, expired = share(mine, certificate), share(mine, certificate)
    row = db.session.scalars(select(ShareLink).order_by(ShareLink.id)).first()
    assert row is not None
    mine.post(f"/my/links/{row.id}/withdraw")
    one = client.get(f"/share/{withdrawn}")
    assert client.get(f"/share/{expired}").status_code == 200
    set_clock(clock.now() + timedelta(days=12))
    two, three = client.get(f"/share/{expired}"), client.get("/share/nothing")
    strip = lambda a: (a.status_code, re.sub(r"next=[^\"]*", "", a.text))  # noqa: E731
    assert strip(one) == strip(two) == strip(three) and one.status_code == 410
    assert "链接已失效" in one.text and holder.name not in one.text


def test_what_is_refused(certificate: Certificate, holder: Person, client_as: Any, at: Any) -> None:
    mine, other = client_as(holder), people.person("李芳")
    base = {"certificate": certificate.id, "receiver": "某公司", "shows": ["name"]}
    for until in ("2026-03-01", "2028-01-01"):
        assert mine.post("/my/links", data=base | {"until": until}).status_code == 422
    assert client_as(other).post("/my/links", data=base | {"until": "2026-04-01"}).status_code == 422
    now = clock.now()
    with unit_of_work():
        for _ in range(shares.MOST):
            shares.share(locked(certificate), by=db.session.get_one(Person, holder.id), receiver="x", purpose="", shows=[], until=now + timedelta(days=2), now=now)  # fmt: skip
    with pytest.raises(shares.TooManyLinks), unit_of_work():
        shares.share(locked(certificate), by=db.session.get_one(Person, holder.id), receiver="x", purpose="", shows=[], until=now + timedelta(days=2), now=now)  # fmt: skip
