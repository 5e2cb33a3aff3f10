"""Bulk actions: the plan says what would happen, the work does it once whatever stops the worker, refusals stop nobody else."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import bulk, rules, service
from app.certification.models import Application, Certificate, NumberCounter, StatusChange
from app.certification.states import Change, Standing, State
from app.core import clock
from app.db import db, unit_of_work
from app.jobs.models import ItemState, Job, JobItem, JobState
from app.jobs.service import run_waiting
from app.notices.models import Notice
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.core.test_sheets import excel
from tests.factories import certification as made


def on_notice(binhai: Any, names: list[str], officer: Person, at: Any) -> list[Application]:
    """Cases whose notice is over on 10 March 2026."""
    return [
        made.application(
            made.trainee(binhai, name), now=at("2026-03-02 09:00"), state=State.PUBLICITY, reviewed_by_id=officer.id,
            published_on=at("2026-03-02 09:00").date(), notice_ends_on=at("2026-03-09 09:00").date(),
        )
        for name in names
    ]  # fmt: skip


def last_job() -> Job:
    return db.session.scalars(
        select(Job).where(Job.kind.in_(["certification.issue", bulk.CHANGE, bulk.CONFIRM])).order_by(Job.id.desc())
    ).first()


def test_the_plan_names_who_passes_and_who_is_refused_and_changes_nothing(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    good, bad = on_notice(binhai, ["王建国", "李四\U000f0000"], a, at)
    own = on_notice(binhai, ["赵六"], b, at)[0]
    set_clock(at("2026-03-10 09:00"))
    page = client_as(b).post(
        "/office/applications/plan?tab=decide", data={"do": "issue", "ids": [good.id, bad.id, own.id]}
    )
    assert page.status_code == 200
    assert f'name="ids" value="{good.id}"' in page.text and "签发 1 本证书" in page.text
    assert db.session.scalars(select(Certificate)).all() == [] and db.session.scalars(select(NumberCounter)).all() == []
    assert client_as(b).post("/office/applications/plan", data={"do": "issue"}).status_code == 302
    assert client_as(b).post("/office/applications/plan", data={"do": "burn", "ids": good.id}).status_code == 404


def test_the_whole_filter_is_looked_through_by_the_worker(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = officers(), officers()
    cases = on_notice(binhai, [f"学员{c}" for c in "甲乙丙丁"], a, at)
    set_clock(at("2026-03-10 09:00"))
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    client = client_as(b)
    answer = client.post(
        "/office/applications/plan?tab=decide&q=学员", data={"do": "issue", "whole": "1", "ids": cases[0].id}
    )
    assert "/plans/" in answer.location
    assert "data-job" in client.get(answer.location).text
    run_waiting()
    assert "签发 4 本证书" in client.get(answer.location).text
    assert client_as(a).get(answer.location).status_code == 404


def test_one_refusal_does_not_stop_the_others_and_the_result_says_why(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    cases = on_notice(binhai, ["王建国", "李\U000f0000", "赵六"], a, at)
    set_clock(at("2026-03-10 09:00"))
    client = client_as(b)
    client.post("/office/applications/bulk", data={"do": "issue", "ids": " ".join(str(c.id) for c in cases)})
    run_waiting()
    job = last_job()
    assert (job.state, job.done, job.refused) == (JobState.DONE, 2, 1)
    assert sorted(db.session.scalars(select(Certificate.serial))) == [1, 2]  # the refused one took no number
    page = client.get(f"/jobs/{job.id}").text
    for number in db.session.scalars(select(Certificate.number)):
        assert number in page
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(client.get(f"/jobs/{job.id}?export=xlsx").data)).worksheets[0]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert len(rows) == 3 and sum("TTM" in str(r) for r in rows) == 2


def test_a_photo_is_asked_for_where_the_rule_says_so(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    case = on_notice(binhai, ["王建国"], a, at)[0]
    body = dict(outline.current(rules.LIFE).body) | {"photo_required": True}
    with unit_of_work():
        outline.save_version(
            KINDS[rules.LIFE],
            "",
            body,
            by=None,
            now=at("2026-03-02 09:00"),
            effective_from=at("2026-03-03 09:00").date(),
        )
    set_clock(at("2026-03-10 09:00"))
    me = db.session.get_one(Person, b.id)
    assert "照片" in bulk.foresee(db.session.get_one(Application, case.id), "issue", me, clock.now()).why
    with unit_of_work():
        bulk.start("issue", [case.id], by=db.session.get_one(Person, b.id))
    run_waiting()
    assert last_job().refused == 1 and db.session.scalars(select(Certificate)).all() == []
    told = f"/office/applications/{case.id}"
    assert "未能颁证" in client_as(b).get(told).text and "照片" in client_as(b).get(told).text
    with unit_of_work():
        bulk.start("issue", [case.id], by=db.session.get_one(Person, b.id))
    run_waiting()
    assert client_as(b).get(told).text.count("未能颁证") == 1  # the same reason again adds nothing
    assert "未能颁证" in client_as(db.session.get_one(Application, case.id).person).get(f"/applications/{case.id}").text


def test_what_has_fallen_away_sends_the_case_back(
    judged: Any, binhai: Any, officers: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    case = on_notice(binhai, ["王建国"], a, at)[0]
    set_clock(at("2026-03-10 09:00"))
    judged.missing = True
    with unit_of_work():
        bulk.start("issue", [case.id], by=db.session.get_one(Person, b.id))
    run_waiting()
    assert db.session.get_one(Application, case.id).state is State.IN_REVIEW
    assert db.session.scalars(select(Certificate)).all() == []


WORKER = """
import os, sys, time
from datetime import date
from app import create_app
from app.core import clock
from config import from_env
app = create_app(from_env())
from app.certification import gates
from app.performance.facts import PerformanceFacts
from tests.factories import certification as made
gates.pathway_now = lambda person, rank, on: (time.sleep(0.05), made.pathway(rank, on))[1]
gates.class_of = lambda *a: ""
from app.jobs.service import run_waiting
with app.app_context():
    print("ready", flush=True)
    run_waiting()
"""


def test_killed_in_the_middle_it_goes_on_and_every_certificate_is_issued_once(
    app: Any, judged: Any, binhai: Any, officers: Any, set_clock: Any, at: Any
) -> None:
    """A real worker process is killed (SIGKILL) while it issues; the next one goes on where it was."""
    config = app.extensions["settings"]
    a, b = officers(), officers()
    cases = on_notice(binhai, [f"学员{chr(0x4E00 + i)}" for i in range(24)], a, at)
    set_clock(at("2026-03-10 09:00"))
    with unit_of_work():
        job_id = bulk.start("issue", [c.id for c in cases], by=db.session.get_one(Person, b.id)).id
    db.session.rollback()
    environment = os.environ | {
        "APP_MODE": config.APP_MODE, "DATABASE_URL": str(db.engine.url.render_as_string(hide_password=False)),
        "INSTANCE": str(config.INSTANCE), "STORAGE_URL": config.STORAGE_URL,
    }  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        end = time.monotonic() + 90
        while time.monotonic() < end and worker.poll() is None:
            db.session.rollback()
            if (db.session.scalar(select(Job.done).where(Job.id == job_id)) or 0) >= 5:
                break
            time.sleep(0.02)
        alive = worker.poll() is None
        worker.send_signal(signal.SIGKILL)
    finally:
        worker.kill()
        output = worker.communicate()[0].decode()
    db.session.rollback()
    job = db.session.get_one(Job, job_id, populate_existing=True)
    assert alive and 5 <= job.done < len(cases), output[-2000:]
    assert job.state is JobState.RUNNING
    set_clock(at("2026-03-10 09:00") + timedelta(minutes=10))  # its heartbeat is old: the sweep takes it up
    run_waiting()
    db.session.rollback()
    job = db.session.get_one(Job, job_id, populate_existing=True)
    assert (job.state, job.done, job.refused) == (JobState.DONE, len(cases), 0)
    assert sorted(db.session.scalars(select(Certificate.serial))) == list(range(1, len(cases) + 1))
    told = db.session.scalars(select(Notice.person_id).where(Notice.letter == "certification.issued")).all()
    assert len(told) == len(set(told)) == len(cases)
    assert set(db.session.scalars(select(JobItem.state).where(JobItem.job_id == job_id))) == {ItemState.DONE}


# Decisions from a list


def test_a_list_suspends_at_once_and_names_what_stands_against_it(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    one, two = (made.certificate(made.trainee(binhai, n), now=at("2026-01-05 09:00")) for n in ("王建国", "李四"))
    set_clock(at("2026-03-10 09:00"))
    client = client_as(officers())
    assert client.get("/office/certificates/decide").status_code == 200
    words = {"kind": "suspend", "code": "under_inquiry", "reason": "联合核查", "once": "x"}
    lines = f"{one.number}\t王建国\t案号 12\n{one.number}\n{two.number},别人\nTTM0\n"
    page = client.post("/office/certificates/decide", data=words | {"lines": lines})
    assert page.status_code == 200 and "对 1 本证书作出决定" in page.text
    assert service.by_number(one.number).standing is Standing.GOOD
    wrong = words | {"code": "fraud", "lines": one.number}
    assert client.post("/office/certificates/decide", data=wrong).status_code == 422
    file = (io.BytesIO(excel(("证书编号", "姓名", "原因"), (one.number, "王建国", "案号 12"))), "x.xlsx")
    assert client.post("/office/certificates/decide", data=words | {"file": file, "do": "start"}).status_code == 302
    run_waiting()
    change = db.session.scalars(select(StatusChange)).one()
    assert (change.kind, change.reason_code, change.reason) == (Change.SUSPEND, "under_inquiry", "案号 12；联合核查")
    assert service.by_number(one.number).standing is Standing.SUSPENDED
    assert service.by_number(two.number).standing is Standing.GOOD


def test_revocations_of_a_list_wait_for_a_second_officer_who_confirms_them_together(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    held = [made.certificate(made.trainee(binhai, n), now=at("2026-01-05 09:00")) for n in ("王建国", "李四")]
    set_clock(at("2026-03-10 09:00"))
    words = {
        "kind": "revoke",
        "code": "fraud",
        "reason": "查实",
        "lines": "\n".join(c.number for c in held),
        "do": "start",
    }
    assert client_as(a).post("/office/certificates/decide", data=words).status_code == 302
    run_waiting()
    assert {c.standing for c in db.session.scalars(select(Certificate))} == {Standing.GOOD}
    take = "/office/certificates/take?only=waits"
    client_as(a).post(take, data={"do": "confirm", "ids": [c.id for c in held]})
    run_waiting()
    assert last_job().refused == 2  # nobody confirms what they proposed
    client_as(b).post(take, data={"do": "confirm", "whole": "1"})
    run_waiting()
    assert last_job().refused == 2 and "陈述" in client_as(b).get(f"/jobs/{last_job().id}").text  # heard first
    made.heard(db.session.scalars(select(StatusChange)).first(), now=clock.now())
    set_clock(at("2026-03-18 09:00"))  # the other one kept silent until the term was over
    assert client_as(b).post(take, data={"do": "confirm", "whole": "1"}).status_code == 302
    run_waiting()
    assert {c.standing for c in db.session.scalars(select(Certificate).execution_options(populate_existing=True))} == {
        Standing.REVOKED
    }
