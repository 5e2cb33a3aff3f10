"""An employer with five hundred names has the right answer in each row, well within a minute."""

from __future__ import annotations

import io
import random
import time
from typing import Any

import pytest
from openpyxl import load_workbook

from app.accounts.models import Person
from app.certification import status
from app.certification.models import Certificate
from app.certification.states import Change
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.service import run_waiting
from certificates.numbers import compose
from tests.factories import certification as made
from tests.factories import people
from tests.verification.test_employers import book, send

pytestmark = pytest.mark.slow
MINUTE = 60.0


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def ended(certificate: Certificate, kind: Change) -> None:
    first, second = (people.officer(Role.CERTIFICATION) for _ in range(2))
    with unit_of_work():
        row = status.change(again(certificate), kind, by=again(first), reason="核查", now=clock.now())
    if kind is Change.REVOKE:
        made.heard(row, now=clock.now())
        with unit_of_work():
            status.confirm(again(row), by=again(second), now=clock.now())


def test_five_hundred_rows(app: Any, client_as: Any, at: Any, set_clock: Any, record_property: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    region = people.region("1200")
    issued = [
        (made.certificate(made.trainee(region, f"王{n:02d}芳"), 2, now=clock.now()), f"王{n:02d}芳") for n in range(20)
    ]
    expired = made.certificate(made.trainee(region, "钱过期"), now=at("2020-03-02 09:00"))
    ended(issued[18][0], Change.REVOKE)
    ended(issued[19][0], Change.SUSPEND)
    rows: list[tuple[str, str, str]] = []
    for n in range(98):
        one, name = issued[n % 18]
        free = compose("1200", 2019, 2, n + 1)
        rows += [
            (one.number, name, "有效"), (one.number, "李" + name[1:], "未查到"), (free, name, "未查到"),
            (one.number[:-1] + "0123456789X"[("0123456789X".index(one.number[-1]) + 1) % 11], name, "编号格式有误"),
            (one.number.lower() if n % 2 else f" {one.number} ", name, "有效"),
        ]  # fmt: skip
    rows += [(issued[18][0].number, issued[18][1], "已撤销"), (issued[19][0].number, issued[19][1], "已暂停")] * 4
    rows += [(expired.number, "钱过期", "已过期"), (expired.number, "钱未来", "未查到")]
    random.Random(7).shuffle(rows)
    assert len(rows) == 500
    employer = people.organisation(people.region("1201"), name="渤海湾新材料有限公司")
    clerk: Person = people.officer(Role.EMPLOYER, Scope.ORGANISATION, employer.id, name="施明轩")
    browser = client_as(clerk)
    begun = time.monotonic()
    answer = send(browser, book([(number, name) for number, name, _ in rows]))
    run_waiting()
    assert browser.get(answer.location).status_code == 200
    sheet = load_workbook(io.BytesIO(browser.get(answer.location + "/result.xlsx").data)).active
    seconds = time.monotonic() - begun
    assert sheet is not None
    told = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=2)]
    wrong = [(row, one) for row, one in zip(rows, told, strict=True) if row[2] != one[2]]
    assert not wrong, wrong[:5]
    assert [(number.strip(), name) for number, name, _ in rows] == [(one[0], one[1]) for one in told]
    assert all(
        bool(one[4]) is (one[2] not in ("未查到", "编号格式有误")) for one in told
    )  # nothing of the register but to who knows both
    record_property("seconds", seconds)
    print(f"500 rows: {seconds:.1f} s")
    assert seconds < MINUTE
