"""``python -m bench.earlier [ROWS]``: the whole path of a list of earlier certificates, measured in a process of its own.

The file is read, looked through and taken over as the worker does it, then a second list of employers' numbers is checked.
Told are CPU seconds of each step and the largest resident memory; limits are those of a 10,000-row sheet (60 s, 300 MB).
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 10_000
LIMITS = {"cpu_s": 60, "mb": 300}
HEAD = ("证书编号", "姓名", "等级", "颁发日期", "有效期至", "颁发机构", "领域", "证件号码", "手机号", "邮箱")
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"


def run(rows: int = ROWS) -> dict[str, float]:
    """The figures, out of a process that does nothing else."""
    with tempfile.TemporaryDirectory(prefix="ttm-earlier-") as folder:
        environ = {**os.environ, "APP_MODE": "demo", "INSTANCE": folder, "DATABASE_URL": f"sqlite:///{folder}/x.sqlite3", "LOG_LEVEL": "ERROR"}  # fmt: skip
        command = [sys.executable, "-W", "ignore", "-m", "bench.earlier", "--inside", str(rows)]
        done = subprocess.run(command, env=environ, cwd=Path(__file__).parent.parent, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def book(rows: int) -> bytes:
    """An Excel file as an office keeps it, every column filled."""
    from openpyxl import Workbook

    from app.core.id_number import check_character

    made = Workbook(write_only=True)
    sheet = made.create_sheet("名册")
    sheet.append(HEAD)
    for n in range(rows):
        body = f"1201161{9600101 + n // 900:07d}{n % 900 + 100:03d}"
        sheet.append(
            [f"津技经2021-{n:06d}", SURNAMES[n % 10] + GIVEN[n // 10 % 10] + GIVEN[n // 100 % 10], ("初级", "中级", "高级")[n % 3],
             "2021-10-15", "2031-10-14", "技术经纪人培训考核委员会", "新材料", body + check_character(body), f"139{n:08d}", f"x{n}@example.org"]
        )  # fmt: skip
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def inside(rows: int) -> dict[str, float]:
    from alembic import command
    from sqlalchemy import func, select

    from app import create_app
    from app.accounts.models import Organisation, Person
    from app.certification import earlier
    from app.certification.earlier_models import EarlierList
    from app.certification.models import Certificate
    from app.core import clock
    from app.core.cli import alembic
    from app.core.permissions import Role, Scope
    from app.core.start import load_shipped
    from app.db import db, unit_of_work
    from app.jobs.service import run_waiting
    from app.verification import sheets
    from tests.factories import people

    found: dict[str, float] = {}

    def step(name: str, do: Callable[[], Any]) -> Any:
        begun = time.process_time()
        answer = do()
        found[name] = round(time.process_time() - begun, 1)
        return answer

    data = book(rows)
    with create_app().app_context():
        command.upgrade(alembic(), "head")
        load_shipped()
        region = people.region("1201")
        officer = people.officer(Role.CERTIFICATION).id
        place = people.organisation(region, name="渤海湾新材料有限公司").id
        clerk = people.officer(Role.EMPLOYER, Scope.ORGANISATION, place).id
        found["mb_before"] = _peak()
        read = step("read", lambda: earlier.read_file(data))

        def keep() -> int:
            with unit_of_work():
                me = db.session.get_one(Person, officer)
                made = earlier.keep_list(read, data, "名册.xlsx", region, by=me, now=clock.now())
                earlier.look_through(made, made.mapping, by=me)
                return made.id

        def take() -> None:
            with unit_of_work():
                row = db.session.get_one(EarlierList, list_id, with_for_update=True, populate_existing=True)
                earlier.take_over(row, by=db.session.get_one(Person, officer))
            run_waiting()

        list_id = step("keep", keep)
        step("look_through", run_waiting)
        step("take_over", take)
        assert db.session.scalar(select(func.count()).select_from(Certificate)) == rows
        asked = [(cells[0], cells[1]) for _line, cells in read.rows]

        def check() -> None:
            with unit_of_work():
                me = db.session.get_one(Person, clerk)
                sheets.start(asked, db.session.get_one(Organisation, place), by=me, name="x", now=clock.now())
            run_waiting()

        step("employer_sheet", check)
        found["import_cpu_s"] = round(sum(found[k] for k in ("read", "keep", "look_through", "take_over")), 1)
        found["mb"] = _peak()
    return found


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    if "--inside" in sys.argv:
        print(json.dumps(inside(int(sys.argv[-1]))))
    else:
        told = run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
        print(json.dumps(told, indent=1))
        sys.exit(told["import_cpu_s"] > LIMITS["cpu_s"] or told["mb"] > LIMITS["mb"])
