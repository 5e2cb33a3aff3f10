"""The way of a sheet through the pages: template, upload, columns, dry run, taking over, result, undo; and everything that
comes between."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.imports import service
from app.imports.kinds import KINDS
from app.imports.models import SheetImport, SheetRow
from app.imports.states import ImportState, RowFate
from app.jobs.models import Job, JobItem, JobState
from app.jobs.service import run_waiting
from app.notices.models import Notice
from app.training.models import Enrolment, TrainingClass
from tests.core.test_sheets import excel
from tests.factories import people, training
from tests.factories.sheets import check, fates, id_number, imported, take, upload
from tests.imports.test_trainees import HEAD, row


def sent(data: bytes, target: int, name: str = "名单.xlsx") -> dict[str, Any]:
    return {"target": target, "file": (io.BytesIO(data), name)}


def seen(import_id: int) -> dict[str, str]:
    db.session.rollback()
    return {"seen": str(db.session.get_one(SheetImport, import_id, populate_existing=True).version)}


def columns(import_id: int) -> dict[str, str]:
    found = db.session.get_one(SheetImport, import_id)
    said = {f"part_{key}": str(place) for key, place in found.mapping.items()}
    return seen(import_id) | said | {f"choice_{k}": v for k, v in found.choices.items()}


def the_import() -> int:
    db.session.rollback()
    found = db.session.scalar(select(SheetImport.id).order_by(SheetImport.id.desc()).limit(1))
    assert found is not None
    return found


def test_from_template_to_undo(klass: TrainingClass, base: Person, client_as: Any) -> None:
    client = client_as(base)
    page = client.get("/imports/training").text
    assert "/imports/trainees/new" in page and "/imports/contracts/new" not in page
    template = load_workbook(io.BytesIO(client.get("/imports/trainees/template").data))
    heads = [c.value for c in template.worksheets[0][1]]
    assert (
        heads[:3] == ["姓名", "证件号码", "邮箱"] and template.worksheets[0].column_dimensions["B"].number_format == "@"
    )
    assert client.get(f"/imports/trainees/new?target={klass.id}").status_code == 200
    data = excel(heads, ("=HYPERLINK(1)", id_number(1), "a@example.org", "", "", "本科", "", ""),
                 ("@王 芳", id_number(2), "b@example.org", "", "", "本科", "", ""), ("钱一", id_number(3), "c@example.org", "13800000001", "", "本科", "", ""))  # fmt: skip
    answer = client.post("/imports/trainees/new", data=sent(data, klass.id))
    assert answer.status_code == 302
    number, path = the_import(), answer.location
    assert "钱一" in client.get(path).text
    lacking = columns(number) | {"part_id": ""}
    assert client.post(f"{path}/columns", data=lacking).status_code == 422
    twice = columns(number) | {"part_id": "0"}
    assert "每列只选一次" in client.post(f"{path}/columns", data=twice).text
    assert client.post(f"{path}/columns", data=columns(number)).status_code == 302
    page = client.get(path).text  # a short sheet is looked through while one waits
    assert "接收 1 行" in page and "姓名不允许的字符" in page
    assert client.post(f"{path}/take", data=seen(number)).status_code == 302
    run_waiting()
    assert db.session.scalar(select(func.count()).select_from(Enrolment)) == 1
    result = load_workbook(io.BytesIO(client.get(f"{path}?export=xlsx").data)).active
    assert [[c.value for c in line][2] for line in result.iter_rows(min_row=2)] == ["无法接收", "无法接收", "已接收"]
    back = client.get(f"{path}?export=refused").data
    mend = load_workbook(io.BytesIO(back)).active
    lines = list(mend.iter_rows(values_only=True))
    assert lines[0][-1] == "原因" and len(lines) == 3 and "姓名" in str(lines[1][-1])
    assert all(cell.data_type != "f" for line in mend.iter_rows() for cell in line)
    with zipfile.ZipFile(io.BytesIO(back)) as package:
        assert b"<f>" not in package.read("xl/worksheets/sheet1.xml")
    assert client.post(f"{path}/undo", data=seen(number)).status_code == 302
    assert db.session.scalar(select(func.count()).select_from(Enrolment)) == 0
    assert "已撤销" in client.get(path).text and client.get("/imports/training?kind=trainees&state=undone").status_code == 200  # fmt: skip


def test_a_sheet_is_open_to_its_own_base_alone(klass: TrainingClass, base: Person, client_as: Any) -> None:
    found = upload("trainees", HEAD, [row(1)], klass.id, base)
    stranger = training.base_officer(training.base())
    authority = people.officer(Role.AUTHORITY, Scope.REGION, klass.region_id)
    path = f"/imports/{found.id}"
    for other in (stranger, authority):
        client = client_as(other)
        assert client.get(path).status_code == 404
        for deed in ("columns", "take", "undo"):
            assert client.post(f"{path}/{deed}", data={"seen": "1"}).status_code == 404
    client = client_as(authority)
    assert client.get("/imports/trainees/new").status_code == 404
    assert client.get("/imports/nothing/new").status_code == 404
    assert client_as(stranger).post("/imports/trainees/new", data=sent(excel(HEAD, row(1)), klass.id)).status_code == 422  # fmt: skip
    assert client_as(people.person()).get(path).status_code == 403


def test_the_second_officer_is_told(klass: TrainingClass, base: Person, client_as: Any) -> None:
    colleague = people.officer(Role.BASE, Scope.ORGANISATION, klass.organisation_id, name="孙丽")
    first, second = client_as(base), client_as(colleague)
    data = excel(HEAD, row(1))
    path = first.post("/imports/trainees/new", data=sent(data, klass.id)).location
    again = second.post("/imports/trainees/new", data=sent(data, klass.id))
    assert again.status_code == 409 and "赵敏" in again.text
    form = columns(the_import())
    assert first.post(f"{path}/columns", data=form).status_code == 302
    late = second.post(f"{path}/columns", data=form)
    assert late.status_code == 409 and "赵敏" in late.text
    both = seen(the_import())
    assert first.post(f"{path}/take", data=both).status_code == 302
    assert second.post(f"{path}/take", data=both).status_code == 302
    assert "赵敏" in second.get(path).text and db.session.scalar(select(func.count()).where(Job.kind == service.TAKE)) == 1  # fmt: skip
    run_waiting()
    both = seen(the_import())
    assert second.post(f"{path}/undo", data=both).status_code == 302
    first.post(f"{path}/undo", data=both)
    assert "孙丽" in first.get(path).text
    assert second.post(f"{path}/undo", data={"seen": "x" * 50}).status_code == 302


def test_a_long_sheet_is_worked_on_in_the_background(
    klass: TrainingClass, base: Person, client_as: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.imports.views.AT_ONCE", 1)
    client = client_as(base)
    path = client.post("/imports/trainees/new", data=sent(excel(HEAD, row(1), row(2)), klass.id)).location
    assert client.post(f"{path}/columns", data=columns(the_import())).status_code == 302
    page = client.get(path).text
    assert "data-job" in page
    assert client.post(f"{path}/columns", data=columns(the_import())).status_code == 409  # it is being looked through
    run_waiting()
    assert "接收 2 行" in client.get(path).text
    client.post(f"{path}/take", data=seen(the_import()))
    run_waiting()
    client.post(f"{path}/undo", data=seen(the_import()))
    with unit_of_work():  # something comes between the asking and the doing
        db.session.scalars(select(Person).where(Person.email == "t1@example.org")).one().password_hash = "x"
    run_waiting()
    page = client.get(path).text
    assert "已开通" in page and db.session.get_one(SheetImport, the_import()).state is ImportState.DONE


def test_what_rows_held_is_forgotten(klass: TrainingClass, base: Person, at: Any) -> None:
    imported("trainees", HEAD, [row(1)], klass.id, base)
    with unit_of_work():
        assert service.forget_rows(at("2026-03-02 20:00")) == 0
        assert service.forget_rows(at("2026-03-03 11:00")) == 1
        assert service.forget_results(at("2026-03-03 11:00")) == 0
        assert service.forget_results(at("2026-07-01 11:00")) == 1
    assert db.session.scalar(select(func.count()).select_from(SheetRow)) == 0
    assert db.session.scalar(select(func.count()).select_from(SheetImport)) == 1


def test_rows_to_be_mended_are_offered_while_their_cells_are_kept(
    klass: TrainingClass, base: Person, client_as: Any, at: Any
) -> None:
    found, client = imported("trainees", HEAD, [row(1), row(2, 姓名="=1")], klass.id, base), client_as(base)
    path = f"/imports/{found.id}"
    offered = 'href="?export=refused"'
    assert offered in client.get(path).text and client.get(f"{path}?export=refused").data.startswith(b"PK")
    with unit_of_work():
        service.forget_rows(at("2026-03-03 11:00"))
    page = client.get(path).text
    assert offered not in page and "现已删除" in page and "姓名不允许的字符" in page
    assert "现已删除" in client.get(f"{path}?export=refused").text  # the address of before


def test_a_sheet_left_lying_until_it_was_forgotten_is_uploaded_again(
    klass: TrainingClass, base: Person, client_as: Any, set_clock: Any, at: Any
) -> None:
    found, client = check(upload("trainees", HEAD, [row(1)], klass.id, base), base), client_as(base)
    with unit_of_work():
        service.forget_rows(at("2026-03-10 11:00"))
    path = f"/imports/{found.id}"
    page = client.get(path).text
    assert "请重新上传" in page and f"{path}/take" not in page and f"{path}/columns" not in page
    for deed in (take, check):
        with pytest.raises(service.CellsGone):
            deed(found, base)
    again = upload("trainees", HEAD, [row(1)], klass.id, base)  # the very same file: nothing waits there
    assert fates(take(check(again, base), base)) == {"done": 1}


@pytest.mark.parametrize("where", ["/imports/trainees/new", "/imports/{}"])
def test_the_place_a_page_stands_under_is_marked(
    klass: TrainingClass, base: Person, client_as: Any, where: str
) -> None:
    found, client = upload("trainees", HEAD, [row(1)], klass.id, base), client_as(base)
    marked = r'<a href="([^"]+)" aria-current="(\w+)"><span>'
    assert re.findall(marked, client.get(where.format(found.id)).text) == [("/imports/training", "true")]
    assert re.findall(marked, client.get("/imports/training").text) == [("/imports/training", "page")]


def test_a_stopped_import_is_brought_to_an_end(klass: TrainingClass, base: Person, monkeypatch: Any) -> None:
    monkeypatch.setattr(type(KINDS["trainees"]), "step", 1)
    found = check(upload("trainees", HEAD, [row(n) for n in range(1, 4)], klass.id, base), base)
    found = take(found, base, run=False)
    with unit_of_work():
        db.session.get_one(Job, found.job_id).cancel_asked = True
    run_waiting()
    assert fates(found) == {"ready": 3}
    assert fates(take(db.session.get_one(SheetImport, found.id), base)) == {"done": 3}


WORKER = """
import time
from app import create_app
from config import from_env
app = create_app(from_env())
from app.imports.kinds import KINDS
kind = type(KINDS["trainees"])
real, kind.step = kind.apply, 2
kind.apply = lambda *a, **b: (time.sleep(0.05), real(*a, **b))[1]
from app.jobs.service import run_waiting
with app.app_context():
    print("ready", flush=True)
    run_waiting()
"""


def test_killed_in_the_middle_it_goes_on_and_nothing_is_there_twice(
    app: Any, klass: TrainingClass, base: Person, set_clock: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real worker process is killed (SIGKILL) while it takes a sheet over; the next one goes on where it was."""
    monkeypatch.setattr(type(KINDS["trainees"]), "step", 2)
    config, n = app.extensions["settings"], 40
    found = check(upload("trainees", HEAD, [row(i) for i in range(1, n + 1)], klass.id, base), base)
    found = take(found, base, run=False)
    job_id = found.job_id
    db.session.rollback()
    environment = os.environ | {
        "APP_MODE": config.APP_MODE, "DATABASE_URL": str(db.engine.url.render_as_string(hide_password=False)),
        "INSTANCE": str(config.INSTANCE), "STORAGE_URL": config.STORAGE_URL,
    }  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and worker.poll() is None:
            db.session.rollback()
            if (db.session.scalar(select(Job.done).where(Job.id == job_id)) or 0) >= 4:
                break
            time.sleep(0.02)
        alive = worker.poll() is None
        worker.send_signal(signal.SIGKILL)
    finally:
        worker.kill()
        output = worker.communicate()[0].decode()
    db.session.rollback()
    job = db.session.get_one(Job, job_id, populate_existing=True)
    assert alive and 4 <= job.done < n // 2, output[-2000:]
    assert job.state is JobState.RUNNING
    set_clock(at("2026-03-02 10:00") + timedelta(minutes=10))  # its heartbeat is old: the sweep takes it up
    run_waiting()
    db.session.rollback()
    job = db.session.get_one(Job, job_id, populate_existing=True)
    assert (job.state, job.done, job.refused) == (JobState.DONE, n // 2 + 1, 0)
    assert db.session.get_one(SheetImport, found.id, populate_existing=True).state is ImportState.DONE
    assert service.counts(found) == {RowFate.DONE: n}
    assert db.session.scalar(select(func.count()).select_from(Enrolment)) == n
    told = db.session.scalars(select(Notice.person_id).where(Notice.letter == "accounts.invited")).all()
    assert len(told) == len(set(told)) == n
    assert db.session.scalar(select(func.count()).select_from(JobItem).where(JobItem.job_id == job_id)) == n // 2 + 1
