"""``make bench ONLY=scale``: what a page costs at the demonstration's size and at 100,000 people.

The demonstration is loaded through the services and its lists are measured as the roles see them; then every record of a person
(classes, hours, sittings, log entries, claims, applications, certificates, letters) is copied within the database until there
are as many people as asked (``PEOPLE=``), and the same pages are measured again. Lists show a page at a time and figures beside
them are counted by indexes: what costs more than half as much again is marked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.client import Client, Wrong, token_in
from bench.machine import ROOT, database, environment, load_demonstration, serve

PASSWORD = "demo-2026-pass"
COPIED = (
    "person", "consent", "goal", "organisation", "training_class", "class_session", "enrolment", "attendance", "hour_entry", "completion",
    "lesson_progress", "exam_session", "sitting", "mark", "log_entry", "log_entry_version", "work_line",
    "practice_review", "practice_evidence", "claim", "contract", "contract_share", "credit_entry", "application",
    "application_event", "certificate", "edition", "recognition_case", "notice", "verification_query",
)  # fmt: skip
"""Tables whose rows are copied; what else they refer to (courses, questions, rules, files) stays one for all."""

PAGES = (
    ("trainee2", "/home"), ("trainee2", "/training/mine"), ("trainee2", "/exams/"), ("trainee2", "/practice"), ("trainee2", "/performance/"),
    ("trainee2", "/notices"), ("holder", "/certificates"), ("", "/training"), ("", "/register"), ("", "/notice"),
    ("base", "/home"), ("base", "/training/office/classes"), ("exams", "/home"), ("exams", "/exams/office/sessions"),
    ("reviewer", "/home"), ("cert1", "/home"), ("cert1", "/office/applications"), ("cert1", "/office/certificates"),
    ("cert1", "/people"), ("authority1", "/recognition/cases"), ("auditor", "/practice/entries"), ("auditor", "/performance/claims"),
    ("auditor", "/audit"), ("auditor", "/office/reports"),
)  # fmt: skip
MEASURED = 8
FAR_MORE = 1.5


def run(kind: str, people: int, measured: Callable[..., dict[str, float]]) -> list[str]:
    """Lines of the table for one engine."""
    instance = Path(tempfile.mkdtemp(prefix="ttm-bench-"))
    try:
        with database(kind, instance) as (url, name):
            environ = environment(url, instance)
            load_demonstration(environ)
            small = _all_pages(environ, name, measured)
            begun = time.perf_counter()
            told = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "bench.scale", str(people)],
                cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE, text=True,
            ).stdout  # fmt: skip
            filled = time.perf_counter() - begun
            large = _all_pages(environ, name, measured)
    finally:
        shutil.rmtree(instance, ignore_errors=True)
    lines = [
        f"{kind}: {told.strip()}, filled in {filled:.0f} s",
        "as, page".ljust(44) + "CPU ms before   after   times",
    ]
    for (who, path), a, b in zip(PAGES, small, large, strict=True):
        times = b / max(a, 0.1)
        lines.append(f"{who or 'visitor':12}{path:32}{a:13.1f}{b:8.1f}{times:8.1f}{'!' if times > FAR_MORE else ''}")
    return lines


def _all_pages(environ: Any, name: str | None, measured: Callable[..., dict[str, float]]) -> list[float]:
    with serve("bench.served:site", environ, name) as (served, _):
        clients = {who: signed_in(served.port, who and f"{who}@demo.example") for who in {who for who, _path in PAGES}}
        found = []
        for who, path in PAGES:
            once = lambda c=clients[who], p=path: c.get(p) and None  # noqa: E731
            for _ in range(4):
                once()
            found.append(measured(served, [lambda once=once: [once] * MEASURED] * 3)["cpu_ms"])
    return found


def signed_in(port: int, email: str) -> Client:
    """A client of an account of the demonstration, or of a visitor."""
    client = Client(port)
    client.connection.timeout = 120
    if email:
        token = token_in(client.get("/sign-in"))
        fields = {"csrf_token": token, "email": email, "password": PASSWORD}
        client.form("/sign-in", fields, 302)
        if client.ask("GET", "/home")[0] != 200:
            raise Wrong(f"{email} is not signed in")
    return client


def multiply(people: int) -> None:
    """Copy the rows of :data:`COPIED` within the database until there are about as many people as asked."""
    from sqlalchemy import create_engine, text

    from app import create_app
    from app.db import Model

    create_app()
    engine = create_engine(os.environ["DATABASE_URL"])
    lite = engine.dialect.name == "sqlite"
    tables = {one: Model.metadata.tables[one] for one in COPIED}
    with engine.execution_options(writes=True).connect() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF" if lite else "SET session_replication_role = replica"))
        connection.commit()
        stride = {
            one: 1 + connection.scalar(text(f"SELECT coalesce(max(id), 0) FROM {one}"))
            for one, table in tables.items() if "id" in table.c
        }  # fmt: skip
        times = people // connection.scalar(text("SELECT count(*) FROM person"))
        rows = 0
        for table in tables.values():
            rows += connection.execute(text(_copy(table, stride, lite)), {"times": times}).rowcount
            connection.commit()
        connection.execute(text("ANALYZE"))
        connection.commit()
        print(f"{connection.scalar(text('SELECT count(*) FROM person')):,} people, {rows:,} rows copied")


def _copy(table: Any, stride: dict[str, int], lite: bool) -> str:
    """INSERT … SELECT that copies all rows ``:times`` times; numbers of rows are moved on, unique words get the number of the copy."""
    own = {}
    for column in table.columns:
        target = next((key.column.table.name for key in column.foreign_keys), table.name if column.name == "id" else "")
        if target in stride:
            own[column.name] = f't."{column.name}" + n.n * {stride[target]}'
    unique = [[c.name for c in one.columns] for one in table.constraints if type(one).__name__ == "UniqueConstraint"]
    unique += [[c.name for c in one.columns] for one in table.indexes if one.unique]
    unique += [[c.name for c in table.primary_key.columns]]
    for names in unique:
        if not any(name in own for name in names):
            own[names[-1]] = _another(table.c[names[-1]])
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    values = ", ".join(own.get(c.name, f't."{c.name}"') for c in table.columns)
    numbers = (
        "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :times) SELECT n FROM n) AS n"
        if lite else "generate_series(1, :times) AS n(n)"
    )  # fmt: skip
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} AS t CROSS JOIN {numbers}"


def _another(column: Any) -> str:
    length = getattr(column.type, "length", None)
    if column.type.python_type is int:
        return f't."{column.name}" + n.n * 1000000'
    words = f"CAST(n.n AS VARCHAR(20)) || '.' || t.\"{column.name}\""
    return f"substr({words}, 1, {length})" if length else words


if __name__ == "__main__":
    multiply(int(sys.argv[1]))
