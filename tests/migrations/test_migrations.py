"""The migrations lead to what the models say, up and down, with rows in, and each says in a sentence what it does.

The engine is the one of the run: ``--engine postgres`` walks the same way on PostgreSQL.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, delete, insert, inspect, select, text

from app.core.cli import FOLDER, alembic
from app.db import Model
from tests.conftest import POSTGRES, postgres_answers

FILES = sorted((FOLDER / "versions").glob("*.py"))


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Engine]:
    """A database of its own with nothing in it."""
    if request.config.getoption("--engine") == "sqlite":
        made = create_engine(f"sqlite:///{tmp_path_factory.mktemp('migrations') / 'empty.sqlite3'}")
        yield made
        made.dispose()
        return
    assert postgres_answers()
    import os

    name = f"ttm_migrations_{os.getpid()}_{worker_id}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    made = create_engine(admin.url.set(database=name))
    yield made
    made.dispose()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def migrate(app: Flask, engine: Engine, to: str) -> None:
    """Up or down to a revision, as ``flask db`` does it."""
    with app.app_context(), engine.connect() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        order = [one.revision for one in ScriptDirectory.from_config(alembic()).walk_revisions()]  # newest first
        if to == "head" or (to != "base" and (before is None or order.index(to) < order.index(before))):
            command.upgrade(alembic(connection), to)
        else:
            command.downgrade(alembic(connection), to)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def differences(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Model.metadata)


def named(engine: Engine) -> dict[str, set[str]]:
    """The names of the constraints and indexes of every table: autogenerate does not compare checks."""
    seen = inspect(engine)
    return {
        table: {str(c["name"]) for c in seen.get_check_constraints(table)}
        | {str(c["name"]) for c in seen.get_foreign_keys(table)}
        | {str(c["name"]) for c in seen.get_unique_constraints(table)}
        | {str(c["name"]) for c in seen.get_indexes(table)}
        for table in tables(engine)
    }


@pytest.fixture
def migrated(application: Flask, empty: Engine) -> Engine:
    migrate(application, empty, "head")
    return empty


def test_head_is_what_the_models_say(migrated: Engine) -> None:
    assert tables(migrated) == set(Model.metadata.tables)
    assert not differences(migrated)


def test_every_constraint_of_the_models_is_there(migrated: Engine, application: Flask) -> None:
    from app.db import db

    with application.app_context():
        asked = named(db.engine)
    assert named(migrated) == asked


def test_down_to_nothing_and_up_again(application: Flask, migrated: Engine) -> None:
    migrate(application, migrated, "base")
    assert not tables(migrated)
    migrate(application, migrated, "head")
    assert not differences(migrated)


def test_each_step_goes_down_and_up(application: Flask, migrated: Engine) -> None:
    steps = [one.revision for one in ScriptDirectory.from_config(alembic()).walk_revisions()]
    for revision in [*steps[1:], "base"]:
        migrate(application, migrated, revision)
    assert not tables(migrated)
    for revision in reversed(steps):
        migrate(application, migrated, revision)
    assert not differences(migrated)


def test_rows_live_through_the_newest_step_down_and_up(app: Flask, migrated: Engine) -> None:
    """Everything that is shipped, and people, are in while the newest migration goes down and up again."""
    from app.db import db
    from tests.factories import people

    people.person("𠮷野明", region=people.region())
    copied(db.engine, migrated)
    before = counts(migrated)
    steps = [one.revision for one in ScriptDirectory.from_config(alembic()).walk_revisions()]
    migrate(app, migrated, steps[1])
    left = counts(migrated)
    migrate(app, migrated, "head")
    assert {t: n for t, n in left.items() if t in before} == {t: n for t, n in before.items() if t in left}
    assert counts(migrated) == {table: left.get(table, 0) for table in before}
    assert before["person"] == 1
    migrate(app, migrated, "base")  # the next test finds it empty


def at_the_end_only(connection: Connection) -> None:
    """Foreign keys are not asked about row by row."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET session_replication_role = replica")
    else:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def copied(source: Engine, target: Engine) -> None:
    """Every row of one database into another that has the same tables."""
    with source.connect() as before, target.begin() as after:
        at_the_end_only(after)
        for table in Model.metadata.sorted_tables:
            rows = [row._asdict() for row in before.execute(select(table))]
            if rows:
                after.execute(insert(table), rows)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in tables(engine)
        }


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory.from_config(alembic()).get_heads()) == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_migration_has_a_date_a_sentence_and_a_way_back(file: Path) -> None:
    assert re.fullmatch(r"20\d\d_\d\d_\d\d_\d{4}_[0-9a-z]+_[a-z0-9_]+\.py", file.name)
    tree = ast.parse(file.read_text())
    said = (ast.get_docstring(tree) or "").splitlines()
    assert said and re.match(r"[A-Z].{10,}", said[0])
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    assert functions["upgrade"].body and functions["downgrade"].body
    assert not any(isinstance(one, ast.Pass) for one in functions["downgrade"].body)
    imported = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert not any((module or "").startswith("app") for module in imported)


def test_what_one_marker_gave_before_becomes_a_reading() -> None:
    """Written answers from before two markers get their question, and the mark its reading. On bare tables: rows without
    all that they point to."""
    step = next(
        one for one in ScriptDirectory.from_config(alembic()).walk_revisions() if one.revision == "f78a1ea165be"
    )
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE sitting (id INTEGER, entries JSON)",
            "CREATE TABLE mark (id INTEGER, working JSON, at TIMESTAMP)",
            "CREATE TABLE marking_task (id INTEGER, sitting_id INTEGER, question INTEGER, mark_id INTEGER, marker_id INTEGER,"
            " done_at TIMESTAMP, revision_id INTEGER)",
            "CREATE TABLE marking_reading (task_id INTEGER, marker_id INTEGER, third BOOLEAN, points JSON, limits JSON,"
            " remark TEXT, at TIMESTAMP)",
            """INSERT INTO sitting VALUES (1, '[{"revision": 11}, {"revision": 12}]')""",
            """INSERT INTO mark VALUES (3, '{"points": ["1", "2"], "limits": ["3", "3"], "remark": "x"}',
               '2026-01-01 00:00:00.000000')""",
            "INSERT INTO marking_task (id, sitting_id, question, mark_id, marker_id) VALUES (1, 1, 2, 3, 5)",
            "INSERT INTO marking_task (id, sitting_id, question) VALUES (2, 1, 1)",
        ):
            connection.exec_driver_sql(statement)
        with Operations.context(MigrationContext.configure(connection)):
            step.module._fill_in()
        tasks = connection.exec_driver_sql("SELECT revision_id FROM marking_task ORDER BY id").scalars().all()
        readings = connection.exec_driver_sql("SELECT task_id, marker_id, points, remark FROM marking_reading").all()
    assert tasks == [12, 11] and [tuple(one) for one in readings] == [(1, 5, '["1", "2"]', "x")]


def test_the_short_step_log_keeps_every_step_and_answer() -> None:
    """Steps go into the shorter table and come back; the answers in force are read from them on the way down. On bare tables."""
    step = next(
        one for one in ScriptDirectory.from_config(alembic()).walk_revisions() if one.revision == "c5d1e0a7f3b2"
    )
    steps = [
        (1, 1, 7, 1, '"a"', 10, "applied"), (1, 1, 7, 2, '"b"', 20, "applied"), (1, 2, 7, 1, '"c"', 30, "applied"),
        (1, 1, 7, 3, '"d"', 40, "old"), (1, 1, 8, 1, None, 50, "empty"), (1, 1, 9, 1, '"a"', 60, "late"),
        (2, 1, 9, 1, '"a"', 60, "late"), (2, 1, 9, 2, None, 70, "applied"),
    ]  # fmt: skip
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE exam_session (id INTEGER, late_counts BOOLEAN)",
            "CREATE TABLE sitting (id INTEGER PRIMARY KEY, session_id INTEGER)",
            "CREATE TABLE sitting_answer (sitting_id INTEGER)",
            "CREATE TABLE sitting_step (sitting_id INTEGER, epoch INTEGER, question INTEGER, counter INTEGER, answer JSON,"
            " at_ms INTEGER, fate TEXT, arrived_at TIMESTAMP DEFAULT '2026-01-01 00:00:00.000000')",
            "INSERT INTO exam_session VALUES (1, 1), (2, 0)",
            "INSERT INTO sitting VALUES (1, 1), (2, 2)",
        ):
            connection.exec_driver_sql(statement)
        into = "INSERT INTO sitting_step (sitting_id, epoch, question, counter, answer, at_ms, fate) VALUES (?, ?, ?, ?, ?, ?, ?)"
        for one in steps:
            connection.exec_driver_sql(into, one)
        with Operations.context(MigrationContext.configure(connection)):
            step.module.upgrade()
            codes = connection.exec_driver_sql("SELECT DISTINCT fate FROM sitting_step ORDER BY fate").scalars().all()
            step.module.downgrade()
        asked = "SELECT sitting_id, epoch, question, counter, answer, at_ms, fate FROM sitting_step"
        back = {tuple(one) for one in connection.exec_driver_sql(asked)}
        asked = "SELECT sitting_id, question, epoch, counter, answer FROM sitting_answer ORDER BY 1, 2"
        answers = [tuple(one) for one in connection.exec_driver_sql(asked)]
    assert codes == [0, 1, 2, 3] and back == set(steps)
    assert answers == [(1, 7, 2, 1, '"c"'), (1, 9, 1, 1, '"a"'), (2, 9, 1, 2, None)]


def sheets_of(engine: Engine) -> dict[str, Any]:
    """Everything about sheets of earlier certificates that does not hang on ids, by the name of the file."""
    table = Model.metadata.tables
    kept, row, item, record = (table[n] for n in ("sheet_import", "sheet_row", "job_item", "earlier_record"))
    found: dict[str, Any] = {}
    with engine.connect() as connection:
        for one in connection.execute(select(kept).where(kept.c.kind == "earlier").order_by(kept.c.id)).mappings():
            rows = connection.execute(select(row).where(row.c.import_id == one["id"]).order_by(row.c.line)).all()
            job = connection.execute(select(table["job"]).where(table["job"].c.id == one["job_id"])).one()
            items = connection.scalars(
                select(item.c.payload).where(item.c.job_id == job.id).order_by(item.c.position)
            ).all()
            records = select(record.c.certificate_id).where(record.c.import_id == one["id"])
            found[one["name"]] = {
                "list": {k: v for k, v in one.items() if k not in ("id", "version", "acted_by_id", "acted_at")},
                "rows": [
                    (r.line, r.label, r.fate, r.problems, r.outcome, _cells(r.sealed, "imports.row")) for r in rows
                ],
                "job": (job.kind, job.title, job.state),
                "items": [{k: v for k, v in i.items() if k != "import"} for i in items],
                "named": {i["import"] == one["id"] for i in items},
                "records": connection.scalars(records).all(),
            }
        columns = connection.execute(select(table["sheet_columns"]).where(table["sheet_columns"].c.kind == "earlier"))
        found["columns"] = [(one.owner, one.headings, one.choices) for one in columns]
    return found


def _cells(sealed: str | None, purpose: str) -> list[str] | None:
    from app.core import crypto

    return json.loads(crypto.decrypt(sealed, purpose=purpose)) if sealed else None


def test_lists_of_earlier_certificates_become_sheets_and_lists_again(
    app: Flask, migrated: Engine, set_clock: Any, at: Any
) -> None:
    """One taken over, one undone, one whose work waits in the queue, one forgotten; and a sheet of another kind."""
    from app.core.permissions import Role, Scope
    from app.db import db, unit_of_work
    from app.imports import service
    from tests.certification.test_earlier import HEAD, row
    from tests.factories import people
    from tests.factories.sheets import check, imported, take, undo, upload
    from tests.imports import test_contracts

    region = people.region("1200")
    officer = people.officer(Role.CERTIFICATION, Scope.REGION, region.id)
    set_clock(at("2026-02-02 09:00"))
    imported("earlier", HEAD, [row("A-01")], region.id, officer, name="forgotten")
    set_clock(at("2026-03-02 09:00"))
    with unit_of_work():
        service.forget_rows(at("2026-03-02 09:00"))
    rows = [row("A-01"), row("B-02"), row("B-03", level="特级"), row("B-02")]
    imported("earlier", HEAD, rows, region.id, officer, name="done")
    undo(imported("earlier", HEAD, [row("C-04")], region.id, officer, name="undone"), officer)
    take(
        check(upload("earlier", HEAD, [row("D-05"), row("D-06")], region.id, officer, "queued"), officer),
        officer,
        run=False,
    )
    upload(
        "contracts",
        test_contracts.HEAD,
        [test_contracts.row()],
        region.id,
        people.officer(Role.AUTHORITY, Scope.REGION, region.id),
    )
    db.session.rollback()
    copied(db.engine, migrated)
    before = sheets_of(migrated)
    assert [before[name]["job"][0] for name in ("done", "undone", "queued")] == [
        "imports.take",
        "imports.undo",
        "imports.take",
    ]
    migrate(app, migrated, "69717bfda89b")
    with migrated.connect() as connection:
        asked = "SELECT l.name, r.number, r.fate, r.certificate_id IS NOT NULL, r.sealed FROM earlier_row r JOIN earlier_list l ON l.id = r.list_id ORDER BY r.id"
        lists = [(*one[:4], _cells(one[4], "certification.earlier")) for one in connection.exec_driver_sql(asked)]
        asked = "SELECT j.kind, i.payload FROM earlier_list l JOIN job j ON j.id = l.job_id JOIN job_item i ON i.job_id = j.id WHERE l.name = 'queued'"
        work = connection.exec_driver_sql(asked).all()
        left = connection.exec_driver_sql("SELECT kind FROM sheet_import").scalars().all()
    assert [one[:4] for one in lists] == [
        ("forgotten", "A-01", "done", True), ("done", "A-01", "same", True), ("done", "B-02", "done", True), ("done", "B-03", "refused", False),
        ("done", "B-02", "refused", False), ("undone", "C-04", "ready", False), ("queued", "D-05", "ready", False), ("queued", "D-06", "ready", False),
    ]  # fmt: skip
    assert lists[0][4] is None and [one[4] for one in lists[1:5]] == [list(one) for one in rows]
    payloads = [p if isinstance(p, dict) else json.loads(p) for _kind, p in work]
    assert {kind for kind, _payload in work} == {"certification.earlier_take"} and all("list" in p for p in payloads)
    assert left == ["contracts"]
    migrate(app, migrated, "head")
    after = sheets_of(migrated)
    assert after == before
    with migrated.begin() as connection:  # ids go on after those that were moved
        table = Model.metadata.tables["sheet_import"]
        newest = connection.execute(select(table).order_by(table.c.id.desc()).limit(1)).mappings().one()
        connection.execute(insert(table), {k: v for k, v in newest.items() if k != "id"})
    with migrated.begin() as connection:  # the next test finds it empty
        at_the_end_only(connection)
        for table in Model.metadata.sorted_tables:
            connection.execute(delete(table))
    migrate(app, migrated, "base")
