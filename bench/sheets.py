"""``python -m bench.sheets [KIND] [ROWS] [--engine postgresql]``: the whole path of a sheet, in a process of its own.

Kinds: trainees, attendance, hours, contracts, earlier certificates (all of them by default). The file is read and kept as the page does it, looked
through, taken over and undone as the worker does it. Told are seconds and CPU seconds of each step and the largest resident
memory; the limits are those of a 10,000-row sheet (60 s from the upload to the last row taken over, 300 MB).
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROWS = 10_000
LIMITS = {"seconds": 60, "mb": 300}
KINDS = ("trainees", "attendance", "hours", "contracts", "earlier")
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"
PEOPLE = 100
"""So many people share the rows of attendance and hours."""
HEADS = {
    "trainees": ("姓名", "证件号码", "邮箱", "手机号", "工作单位", "学历", "从业年限", "职称"),
    "attendance": ("姓名", "证件号码", "日期", "节次", "签到状态"),
    "hours": ("姓名", "证件号码", "知识模块", "课程名称", "学时", "日期"),
    "contracts": ("登记编号", "合同名称", "合同类别", "卖方", "买方", "合同成交额(万元)", "签订日期", "登记日期", "合同状态", "解除日期"),
    "earlier": ("证书编号", "姓名", "等级", "颁发日期", "有效期至", "颁发机构", "领域", "证件号码", "手机号", "邮箱"),
}  # fmt: skip


def run(kind: str, rows: int = ROWS, engine: str = "sqlite", module: str = "bench.sheets") -> dict[str, float]:
    """The figures, out of a process that does nothing else, with the settings the worker has."""
    from bench.machine import ROOT, database, environment

    with tempfile.TemporaryDirectory(prefix="ttm-sheets-") as folder, database(engine, Path(folder)) as (url, _name):
        command = [sys.executable, "-W", "ignore", "-m", module, kind, str(rows), "--inside"]
        done = subprocess.run(
            command, env=environment(url, Path(folder)), cwd=ROOT, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def number(n: int) -> str:
    from app.core.id_number import check_character

    body = f"120116{19600101 + n // 900:08d}{n % 900 + 100:03d}"
    return body + check_character(body)


def name(n: int) -> str:
    return SURNAMES[n % 10] + GIVEN[n // 10 % 10] + GIVEN[n // 100 % 10]


def lines(kind: str, rows: int, days: list[date]) -> Iterator[tuple[str, ...]]:
    """Rows as an office keeps them, every column filled."""
    if kind == "trainees":
        for n in range(rows):
            yield name(n), number(n), f"x{n}@example.org", f"139{n:08d}", f"滨海新材料第{n % 400}公司", "本科", str(n % 30), "中级"  # fmt: skip
    elif kind == "attendance":
        for n in range(rows):
            yield name(n % PEOPLE), number(n % PEOPLE), days[n // PEOPLE].isoformat(), "1", ("出勤", "出勤", "迟到", "请假")[n % 4]  # fmt: skip
    elif kind == "hours":
        for n in range(rows):
            day, module = days[n // PEOPLE % len(days)], ("公共知识", "政策法规", "实务技能")[n % 3]
            yield name(n % PEOPLE), number(n % PEOPLE), module, f"课程{n // PEOPLE}", "2", day.isoformat()
    elif kind == "earlier":
        for n in range(rows):
            level = ("初级", "中级", "高级")[n % 3]
            yield f"津技经2021-{n:06d}", name(n), level, "2021-10-15", "2031-10-14", "技术经纪人培训考核委员会", "新材料", number(n), f"139{n:08d}", f"x{n}@example.org"  # fmt: skip
    else:
        for n in range(rows):
            gone = n % 50 == 0
            yield (
                f"2026{n:08d}", f"膜材料专利实施许可（{n}）", ("技术开发", "技术转让", "技术许可", "技术服务")[n % 4], f"天津第{n % 300}大学",
                f"滨海制造第{n % 900}公司", f"{n % 5000 + 1}.5", "2025-06-05", "2025-06-20", "解除" if gone else "有效", "2025-09-01" if gone else "",
            )  # fmt: skip


def book(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> bytes:
    from openpyxl import Workbook

    made = Workbook(write_only=True)
    sheet = made.create_sheet("名单")
    sheet.append(tuple(head))
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _prepare(kind: str, rows: int) -> tuple[int, int, list[date]]:
    """(officer, target, days): a class or a region for the sheet, with what its rows speak of."""
    from app.accounts import many
    from app.accounts.models import Education, Person, TitleLevel
    from app.core import clock
    from app.core.permissions import Role, Scope
    from app.db import db, unit_of_work
    from app.training import classes
    from app.training.models import Enrolment, TrainingClass
    from app.training.states import ClassState, EnrolmentState
    from tests.factories import people, training

    region = people.region("1201")
    if kind in ("contracts", "earlier"):
        role = Role.AUTHORITY if kind == "contracts" else Role.CERTIFICATION
        return people.officer(role, Scope.REGION, region.id, region_id=region.id).id, region.id, []
    now = clock.now()
    if kind == "trainees":
        klass = training.make_class(training.base(region), capacity=rows)
        return klass.created_by_id, klass.id, []
    days = [clock.today() - timedelta(days=n) for n in range(rows // PEOPLE + 1, 0, -1)]
    klass = training.make_class(
        training.base(region), capacity=PEOPLE, planned=False, open=False, starts_on=days[0], days=len(days)
    )
    with unit_of_work():
        klass = db.session.get_one(TrainingClass, klass.id)
        officer = db.session.get_one(Person, klass.created_by_id)
        new = [many.NewPerson(name(n), f"x{n}@example.org", number(n), f"139{n:08d}", region.id, None, Education.BACHELOR) for n in range(PEOPLE)]  # fmt: skip
        for person in many.register_many(new, by=officer, now=now):
            db.session.add(
                Enrolment(
                    class_id=klass.id, person_id=person.id, applied_at=now, pledged_at=now, outline_id=klass.outline_id,
                    programme_id=klass.programme_id, education=Education.BACHELOR, experience_years=3,
                    title_level=TitleLevel.NONE, title_years=0, state=EnrolmentState.ADMITTED, admitted_at=now,
                )
            )  # fmt: skip
        for day in days if kind == "attendance" else ():
            begins = clock.start_of(day) + timedelta(hours=1)
            values = {
                "starts_at": begins, "ends_at": begins + timedelta(hours=1), "module": "common", "title": f"{day}", "hours": 1, "room": "101",
                "teacher_id": None, "course_version_id": None,
            }  # fmt: skip
            classes.save_session(klass, None, values, by=officer, now=now)
        klass.state = ClassState.RUNNING
        db.session.flush()
        return officer.id, klass.id, days


def inside(kind: str, rows: int, then: Callable[..., None] | None = None) -> dict[str, float]:
    """The figures of one path. ``then(step)``: measured at its end in the place of undoing."""
    from alembic import command

    from app import create_app
    from app.accounts.models import Person
    from app.core import clock
    from app.core.cli import alembic
    from app.core.start import load_shipped
    from app.db import db, locked, unit_of_work
    from app.imports import service
    from app.imports.kinds import KINDS
    from app.imports.models import SheetImport
    from app.imports.states import RowFate
    from app.jobs.service import run_waiting

    found: dict[str, float] = {}

    def step(said: str, do: Callable[[], Any]) -> Any:
        begun, cpu = time.perf_counter(), time.process_time()
        answer = do()
        found[said] = round(time.perf_counter() - begun, 1)
        found[f"{said}_cpu"] = round(time.process_time() - cpu, 1)
        return answer

    with create_app().app_context():
        command.upgrade(alembic(), "head")
        load_shipped()
        officer_id, target_id, days = _prepare(kind, rows)
        the_kind = KINDS[kind]
        data = book(HEADS[kind], lines(kind, rows, days))
        found["mb_before"] = _peak()

        def keep() -> int:
            sheet = service.read_file(data, the_kind)
            with unit_of_work():
                me = db.session.get_one(Person, officer_id)
                target = next(t for t in the_kind.targets(me) if t.id == target_id)
                return service.keep(the_kind, sheet, data, "名单.xlsx", target, by=me, now=clock.now()).id

        def act(do: Callable[..., Any], **more: Any) -> None:
            with unit_of_work():
                row = locked(db.session.get_one(SheetImport, import_id))
                me = db.session.get_one(Person, officer_id)
                do(row, by=me, now=clock.now(), **more)
            run_waiting()

        def check() -> None:
            row = db.session.get_one(SheetImport, import_id)
            act(service.look_through, mapping=dict(row.mapping), choices=dict(row.choices))

        def counted(fate: RowFate) -> None:
            db.session.rollback()
            counts = service.counts(db.session.get_one(SheetImport, import_id))
            assert counts == {fate: rows}, counts

        import_id = step("keep", keep)
        step("look_through", check)
        counted(RowFate.READY)
        step("take_over", lambda: act(service.take_over))
        counted(RowFate.DONE)
        found["seconds"] = round(sum(found[k] for k in ("keep", "look_through", "take_over")), 1)
        found["cpu"] = round(sum(found[f"{k}_cpu"] for k in ("keep", "look_through", "take_over")), 1)
        found["mb"] = _peak()
        if then is not None:
            then(step)
            return found | {"mb": _peak()}
        step("undo", lambda: act(service.undo))
        counted(RowFate.UNDONE)
        found["mb_undone"] = _peak()
    return found


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.sheets", description=__doc__)
    asked.add_argument("kind", nargs="?", choices=KINDS)
    asked.add_argument("rows", nargs="?", type=int, default=ROWS)
    asked.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    asked.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inside:
        print(json.dumps(inside(given.kind, given.rows)))
        return 0
    over = False
    for kind in [given.kind] if given.kind else KINDS:
        told = run(kind, given.rows, given.engine)
        beyond = told["cpu"] > LIMITS["seconds"] or max(told["mb"], told["mb_undone"]) > LIMITS["mb"]
        over = over or beyond
        print(kind, given.engine, f"{given.rows} rows", json.dumps(told), "OVER" if beyond else "", flush=True)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
