"""业绩证明: what it states, what readers see, what happens when the ledger changes."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pikepdf
import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import read_file
from app.jobs.service import run_waiting
from app.performance import claims, statements
from app.performance.contracts import BadDay
from app.performance.models import Claim
from app.performance.statement_models import CreditStatement
from certificates.snapshot import fingerprint
from tests.factories import people
from tests.factories import performance as make
from tests.factories.mandates import do

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def officer(set_clock, at) -> Person:
    set_clock(at("2026-03-02 09:00"))
    return people.officer(Role.CERTIFICATION, name="李主任")


@pytest.fixture
def trainee(officer) -> Person:
    made = people.person("周洁", region=people.region())
    make.granted(made, "P1", amount="500", share="60", on=date(2025, 3, 1), by=officer)
    make.granted(made, "P3", on=date(2026, 1, 5), by=officer)
    make.granted(made, "P3", on=date(2022, 1, 5), by=officer)
    return made


def stated(person: Person, since: date = date(2024, 1, 1), until: date = date(2026, 3, 2), **shows) -> CreditStatement:
    person_id = person.id
    with unit_of_work():
        by = db.session.get_one(Person, person_id)
        return statements.make(by, since, until, statements.Shows(**shows), by=by, now=clock.now())


def test_it_states_the_lines_of_the_period_with_rules_and_own_share(trainee) -> None:
    made = stated(trainee)
    told = made.snapshot
    assert told["total"] == "28" and made.number.startswith("YJ" + trainee.region.code)
    assert [(c["share"], c["own"]) for c in told["contracts"]] == [("60", "300")]
    assert sorted(row["indicator"] for row in told["rows"]) == ["P1", "P2", "P3"]
    assert [one["version"] for one in told["rules"]] == [1] and told["rules"][0]["default"] is True
    assert made.fingerprint == fingerprint(told)
    with pytest.raises(statements.NothingThere):
        stated(trainee, date(2023, 1, 1), date(2023, 12, 31))
    with pytest.raises(BadDay):
        stated(trainee, date(2024, 1, 1), date(2026, 3, 3))
    with pytest.raises(statements.PeriodCrossed):
        stated(trainee, date(2025, 1, 1), date(2024, 1, 1))


def test_the_worker_makes_a_pdf_and_the_sheet_has_the_lines(trainee, client_as) -> None:
    made = stated(trainee)
    run_waiting()
    db.session.expire_all()
    data = read_file(made.pdf)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) == 1
    mine = client_as(trainee)
    answer = mine.get(f"/performance/statements/{made.id}/pdf")
    assert answer.mimetype == "application/pdf" and answer.data == data
    sheet = openpyxl.load_workbook(io.BytesIO(mine.get(f"/performance/statements/{made.id}/sheet").data)).active
    assert sheet.max_row == 4 and {sheet.cell(n, 3).value for n in (2, 3, 4)} == {"P1", "P2", "P3"}
    assert client_as(people.person()).get(f"/performance/statements/{made.id}").status_code == 404


def test_a_statement_drawn_by_two_workers_is_kept_once(trainee, twice) -> None:
    made, drawn = stated(trainee), twice(statements.RENDER)
    run_waiting()
    db.session.expire_all()
    names = select(StoredFile.name).where(StoredFile.name.startswith("YJ"))
    assert drawn == [False, False] and list(db.session.scalars(names)) == [made.pdf.name]


def test_an_empty_period_is_said_at_the_form(trainee, client_as) -> None:
    answer = client_as(trainee).post("/performance/statements", data={"since": "2020-01-01", "until": "2020-12-31"})
    assert answer.status_code == 422 and "没有台账记录" in answer.text and 'value="2020-01-01"' in answer.text


def test_too_many_are_said_at_the_form(trainee, client_as, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.performance.statements.MOST", 1)
    mine, form = client_as(trainee), {"since": "2024-01-01", "until": "2026-03-02", "show_figures": "y"}
    assert mine.post("/performance/statements", data=form).status_code == 302
    answer = mine.post("/performance/statements", data=form | {"until": "2026-03-01"})
    assert answer.status_code == 409 and "您已出具 1 份" in answer.text
    assert 'value="2026-03-01"' in answer.text and "出具证明" in answer.text


def test_readers_see_what_the_holder_agreed_to(trainee, client, client_as) -> None:
    mine = client_as(trainee)
    form = {"since": "2024-01-01", "until": "2026-03-02", "show_figures": "y"}
    assert mine.post("/performance/statements", data=form | {"until": "2030-01-01"}).status_code == 422
    assert mine.post("/performance/statements", data=form).status_code == 302
    made = db.session.scalars(select(CreditStatement)).one()
    address = f"/performance/confirm/{made.token}"
    number = made.snapshot["contracts"][0]["number"]
    page = client.get(address).text
    assert "周**" in page and "周洁" not in page and "28" in page and "P3" in page and number not in page
    mine.post(f"/performance/statements/{made.id}", data={"show_name": "y", "show_contracts": "y"})
    page = client.get(address).text
    assert "周洁" in page and number in page and "P3" not in page
    found = client.get("/performance/confirm", query_string={"number": f" {made.number.lower()} "})
    assert found.status_code == 302 and found.headers["Location"].endswith(address)
    assert client.get("/performance/confirm?number=YJ1").status_code == 200
    assert client.get("/performance/confirm/nothing").status_code == 404
    mine.post(f"/performance/statements/{made.id}/withdraw")
    assert "Withdrawn" in client.get(address, headers={"Accept-Language": "en"}).text


def test_the_page_says_when_the_ledger_has_changed_since(trainee, officer, client) -> None:
    made = stated(trainee)
    assert statements.confirm(made).stands
    lost = db.session.scalars(
        select(Claim).where(Claim.person_id == trainee.id, Claim.indicator == "P3", Claim.dated == date(2026, 1, 5))
    ).one()
    do(claims.reverse_claim, lost, on=date(2026, 3, 2), reason="虚报", by=officer)
    db.session.expire_all()
    told = statements.confirm(made)
    assert (told.stands, told.reversed_lines, told.total_now) == (False, 1, 18)
    page = client.get(f"/performance/confirm/{made.token}", headers={"Accept-Language": "en"}).text
    assert "1 line stated was reversed since" in page and made.snapshot["total"] == "28"
