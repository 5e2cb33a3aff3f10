"""What a new version of a rule would change for real people, before it is saved."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal as D

import openpyxl
import pytest
from sqlalchemy import func, select

from app.core.permissions import Role
from app.db import db, unit_of_work
from app.jobs.service import run_waiting
from app.outline import service as outline
from app.outline.effects import FROM_ITS_DAY, FROM_THE_BEGINNING, Asked
from app.outline.kinds import KINDS
from app.outline.models import RuleVersion
from app.pathway import effects, service
from tests.factories import people
from tests.factories import performance as make

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def officer(set_clock, at):
    set_clock(at("2026-03-02 09:00"))
    return people.officer(Role.CERTIFICATION, name="李主任")


def body_of(kind: str, key: str = "") -> dict:
    return dict(outline.current(kind, key).body)


def changed_points(code: str, points: str, **more) -> dict:
    body = body_of("indicators") | more
    body["indicators"] = [row | ({"points": points} if row["code"] == code else {}) for row in body["indicators"]]
    return body


def asked(
    body: dict,
    kind: str = "indicators",
    key: str = "",
    *,
    since: date = date(2026, 1, 1),
    on=date(2026, 3, 2),
    way=FROM_ITS_DAY,
):
    return Asked(kind, key, None, KINDS[kind].clean(body), since, on, way)


def judged(what: Asked) -> dict[int, tuple]:
    people_ids = effects._people_of_indicators(what)
    return {
        r.person_id: (D(r.before), D(r.after), r.passes_before, r.passes_after)
        for r in effects._judge_indicators(people_ids, what)
    }


def test_what_did_not_change_changes_nothing_whatever_was_reversed(officer) -> None:
    person = people.person("周洁")
    for amount, on in (("1200", date(2025, 3, 1)), ("600", date(2025, 5, 1))):
        make.granted(person, "P1", amount=amount, on=on, by=officer)
    lost = make.granted(person, "P1", amount="300", on=date(2026, 1, 20), by=officer)
    from app.performance import contracts
    from app.performance.models import Contract

    with unit_of_work():
        contracts.dissolve(db.session.get_one(Contract, lost.contract_id), on=date(2026, 2, 1), reason="解除",
                           by=db.session.merge(officer), now=officer.created_at)  # fmt: skip
    for way in (FROM_ITS_DAY, FROM_THE_BEGINNING):
        now, then, before, after = judged(asked(body_of("indicators"), way=way))[person.id]
        assert now == then == 46 and before == after == [2]


def test_points_and_gates_follow_the_draft_from_its_day_or_from_the_beginning(officer) -> None:
    early, late = people.person("王早"), people.person("陈晚")
    for _ in range(3):
        make.granted(early, "P3", on=date(2025, 6, 1), by=officer)
    for n in range(2):
        make.granted(early, "P5", on=date(2025, 6, 2 + n), by=officer)
    make.granted(late, "P3", on=date(2026, 2, 1), by=officer)
    make.granted(late, "P1", amount="300", on=date(2026, 2, 1), by=officer)
    draft = changed_points("P3", "2")
    now = judged(asked(draft))
    assert now[early.id][:2] == (22, 22), "deals before the draft's first day keep their rules"
    assert now[late.id] == (28, 20, [], [])
    assert judged(asked(draft, way=FROM_THE_BEGINNING))[early.id][:2] == (22, 8)
    gone = judged(asked(changed_points("P2", "5")))[late.id]
    assert gone == (28, 30, [], [2]), "15 + 5 + 10: the gate of the middle level is reached"
    capped = judged(asked(body_of("indicators") | {"year_cap": "10"}))
    assert capped[late.id][1] == 10 and capped[early.id][1] == 22, "the cap of 2025 stays what it was"
    without = dict(body_of("indicators"))
    without["indicators"] = [row for row in without["indicators"] if row["code"] != "P3"]
    assert judged(asked(without))[late.id][1] == 18


def test_an_editor_compares_before_saving(officer, client_as) -> None:
    person = people.person("孙涛")
    make.granted(person, "P1", amount="300", on=date(2026, 2, 1), by=officer)
    make.granted(person, "P3", on=date(2026, 2, 1), by=officer)
    editor = client_as(officer)
    page = editor.get("/rules/indicators/edit").text
    form = dict(re.findall(r'<input[^>]*name="([\w-]+)" value="([^"]*)"', page))
    form = {k: v for k, v in form.items() if not k.endswith("-remove")}
    for name, value in re.findall(r'<select[^>]*name="([\w-]+)"[^>]*>.*?<option value="([^"]*)" selected', page, re.S):
        form[name] = value
    rows = body_of("indicators")["indicators"]
    for i, row in enumerate(rows):
        form |= {
            f"indicators-{i}-measure": row["measure"],
            f"indicators-{i}-basis": row["basis"],
            f"indicators-{i}-deal": "1" if row["deal"] else "0",
        }
    form |= {
        "indicators-1-points": "6",
        "effect": "1",
        "effective_from": "2026-01-01",
        "on": "2026-03-02",
        "way": "from",
        "basis": "测试文号",
    }
    kept = db.session.scalar(select(func.count(RuleVersion.id)))
    answer = editor.post("/rules/indicators/edit", data=form)
    assert answer.status_code == 302, answer.text
    address = answer.headers["Location"]
    shown = editor.get(address).text
    assert "孙涛" in shown and "28" in shown and "31" in shown
    assert db.session.scalar(select(func.count(RuleVersion.id))) == kept, "nothing is saved by comparing"
    sheet = openpyxl.load_workbook(io.BytesIO(editor.get(address + "?export=xlsx").data)).active
    assert [c.value for c in sheet[2]][0::2][:1] == ["孙涛"] and (sheet[2][2].value, sheet[2][3].value) == (28, 31)
    draft = re.search(r'href="(/rules/indicators/edit\?[^"]*draft=\d+)"', shown)[1].replace("&amp;", "&")
    again = editor.get(draft).text
    assert 'name="indicators-1-points" value="6"' in again and "测试文号" in again
    assert client_as(people.officer(Role.CERTIFICATION)).get(address).status_code == 404
    admin = client_as(people.officer(Role.ADMIN))
    answer = admin.post("/rules/indicators/edit", data=form)
    page = admin.get(answer.headers["Location"])
    assert page.status_code == 200 and "孙涛" not in page.text
    assert admin.get(answer.headers["Location"] + "?export=xlsx").status_code == 403
    assert editor.post("/rules/indicators/edit", data=form | {"on": ""}).status_code == 422
    assert editor.post("/rules/indicators/edit", data=form | {"indicators-1-points": "viel"}).status_code == 422


def test_many_people_are_compared_by_the_worker(officer, client_as, monkeypatch) -> None:
    import dataclasses

    from app.outline import effects as editor_effects

    monkeypatch.setitem(
        editor_effects.EFFECTS, "indicators", dataclasses.replace(editor_effects.EFFECTS["indicators"], at_once=0)
    )
    person = people.person("赵敏")
    make.granted(person, "P3", on=date(2026, 2, 1), by=officer)
    what = asked(changed_points("P3", "4"))
    with unit_of_work():
        job, at_once = editor_effects.ask(KINDS["indicators"], what, by=officer, draft={})
    assert not at_once
    made = editor_effects.comparison_for(officer, job.id)
    assert not made.finished and not made.rows
    page = client_as(officer).get(f"/rules/effects/{job.id}")
    assert page.status_code == 200
    run_waiting()
    db.session.expire_all()
    made = editor_effects.comparison_for(officer, job.id)
    assert made.whole and [(r.before, r.after) for r in made.changed] == [("10.00", "4.00")]


def test_a_scheme_and_the_bands_are_compared_too(officer) -> None:
    from app.performance import integrity

    person = people.person("吴昊", education="bachelor")
    with unit_of_work():
        service.set_goal(db.session.merge(person), 1, by=person, now=officer.created_at)
    body = body_of("scheme", "1")
    what = asked(body | {"entry_experience": 9}, "scheme", "1", way=FROM_THE_BEGINNING)
    assert effects._people_of_scheme(what) == [person.id]
    row = effects._judge_scheme([person.id], what)[0]
    assert int(row.after) == int(row.before) - 1
    from tests.performance.test_integrity import upheld

    others = [officer, people.officer(Role.CERTIFICATION)]
    upheld(person, "complaint", others)
    assert integrity.integrity_of(person).score == 85
    what = asked({"good": "80", "remind": "70", "watch": "60"}, "credit_bands")
    assert effects._people_of_bands(what) == [person.id]
    assert [(r.before, r.after) for r in effects._judge_bands([person.id], what)] == [("remind", "good")]
