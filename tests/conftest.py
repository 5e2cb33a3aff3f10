"""Fixtures: one application per test process, a fresh database per test (only where the last test wrote).

``--engine postgres`` runs the same tests on PostgreSQL, in databases of their own that are created and dropped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, NullPool, create_engine, event, text

import app.db  # its settings for a connection come before those of the tests

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("busy"), derandomize=True)
settings.load_profile("same" if os.environ.get("CI") == "true" else "busy")
"""No deadline: the time a draw takes says something about the machine only. CI draws the same each time, so that chance
does not decide what lands; every other run draws anew."""
ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres").replace(
    "postgresql://", "postgresql+psycopg://"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=["sqlite", "postgres"], default="sqlite")


SLOW = (
    "certificates", "question_bank", "journeys", "migrations", "admin", "test_random_input.py", "test_access.py", "exams/test_prints.py",
    "bank/test_qti.py", "exams/test_at_once.py",
)  # fmt: skip
"""Drawn examples, rendered documents, whole walks: left out of ``make test-fast``, which is to take less than a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def postgres_answers() -> bool:
    try:
        create_engine(POSTGRES, connect_args={"connect_timeout": 2}).connect().close()
    except Exception:
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """Compile the catalogues once, so that pages speak Chinese in tests."""
    subprocess.run([sys.executable, str(ROOT / "app" / "translations" / "compile.py")], check=True)


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Any]:
    """A database with schema and default data, that can be put back to that state."""
    kind = request.config.getoption("--engine")
    folder = tmp_path_factory.mktemp("database")
    made: Any = Postgres(f"ttm_test_{os.getpid()}_{worker_id}") if kind == "postgres" else Sqlite(folder)
    yield made
    made.drop()


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self.file, self.kept = folder / "test.sqlite3", folder / "kept.sqlite3"
        self.url = f"sqlite:///{self.file}"

    def keep(self, engine: Engine) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        shutil.copy(self.file, self.kept)

    def restore(self, engine: Engine) -> None:
        engine.dispose()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.kept, self.file)

    def drop(self) -> None:
        pass


WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
WITHIN = re.compile(r"(?:INSERT INTO|(?<!DO )UPDATE|DELETE FROM) (?!OF\b|SKIP\b)(\w+)")
"""What a statement that begins with WITH writes."""
HARMLESS = re.compile(r"\s*(?:SELECT|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|SHOW|LOCK|WITH)\b", re.IGNORECASE)


class Postgres:
    """The state after installation is kept twice: as a schema beside the tables, from which the tables that a test wrote
    to are filled again, and as a database, for tests that changed more than rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.written: set[str] = set()
        self.changed = False
        self.kept: dict[str, int] = {}
        self.admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
        self._do(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"', self._hasty(name))
        self.url = self.admin.url.set(database=name).render_as_string(hide_password=False)

    def _do(self, *statements: str) -> None:
        with self.admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def keep(self, engine: Engine) -> None:
        self.rows = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with self.rows.connect() as connection:
            names = list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
            connection.execute(text("CREATE SCHEMA kept"))
            for one in names:
                connection.execute(text(f'CREATE TABLE kept."{one}" AS TABLE public."{one}"'))
                self.kept[one] = connection.scalar(text(f'SELECT count(*) FROM public."{one}"')) or 0
        engine.dispose()
        self._do(
            f'DROP DATABASE IF EXISTS "{self.name}_kept"', f'CREATE DATABASE "{self.name}_kept" TEMPLATE "{self.name}"'
        )

        @event.listens_for(engine, "before_cursor_execute")
        def _note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            if found := WRITES.match(statement):
                self.written.add(found[1])
            elif statement.lstrip().startswith("WITH"):
                self.written |= set(WITHIN.findall(statement))
            elif not HARMLESS.match(statement):
                self.changed = True

    def restore(self, engine: Engine) -> None:
        engine.dispose()
        whole, self.changed = self.changed or not self.written <= self.kept.keys(), False
        written, self.written = sorted(self.written), set()
        if not whole:
            return self._refill(written)
        return self._do(
            f'DROP DATABASE "{self.name}" WITH (FORCE)',
            f'CREATE DATABASE "{self.name}" TEMPLATE "{self.name}_kept"',
            self._hasty(self.name),
        )

    def _refill(self, written: list[str]) -> None:
        """Put the rows of some tables back, without asking their constraints, and their sequences too."""
        with self.rows.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
                ),
                {"name": self.name},
            )
            steps = ["SET session_replication_role = replica"]
            for one in written:
                steps.append(f'DELETE FROM public."{one}"')
                if self.kept[one]:
                    steps.append(f'INSERT INTO public."{one}" SELECT * FROM kept."{one}"')
                steps.append(
                    f"""SELECT setval(s, (SELECT coalesce(max(id), 1) FROM kept."{one}"), {str(bool(self.kept[one])).lower()})
                    FROM pg_get_serial_sequence('public."{one}"', 'id') s WHERE s IS NOT NULL"""
                    if one in self.numbered
                    else "SELECT 1"
                )
            connection.exec_driver_sql("; ".join(steps))

    @property
    def numbered(self) -> set[str]:
        """Tables whose rows are numbered by the database."""
        from app.db import Model

        return {name for name, table in Model.metadata.tables.items() if "id" in table.c}

    @staticmethod
    def _hasty(name: str) -> str:
        """Nothing of a test need outlive a power failure."""
        return f'ALTER DATABASE "{name}" SET synchronous_commit = off'

    def drop(self) -> None:
        self._do(
            f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)',
            f'DROP DATABASE IF EXISTS "{self.name}_kept" WITH (FORCE)',
        )


@event.listens_for(Engine, "connect")
def _hasty_sqlite(connection: Any, record: Any) -> None:
    """Nothing of a test need outlive a power failure: no waiting for the disk (after the product's own settings)."""
    if type(connection).__module__.split(".")[0] == "sqlite3":
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(scope="session")
def application(database: Any, tmp_path_factory: pytest.TempPathFactory, translations: None) -> Flask:
    from app import create_app
    from app.core.start import load_shipped
    from app.db import Model, db
    from config import from_env

    instance = tmp_path_factory.mktemp("instance")
    config = from_env({"APP_MODE": "test", "DATABASE_URL": database.url, "INSTANCE": str(instance)})
    made = create_app(config)
    made.config["WTF_CSRF_ENABLED"] = False
    made.config["PROPAGATE_BROKEN"] = True
    made.config["RATELIMIT_ENABLED"] = False
    with made.app_context():
        Model.metadata.create_all(db.engine)
        load_shipped()
        database.keep(db.engine)
        made.wrote = False
        made.test_client_class = Browser

        @event.listens_for(db.engine, "commit")
        def _wrote(connection: Any) -> None:
            made.wrote = True

    return made


@pytest.fixture
def app(application: Flask, database: Any) -> Iterator[Flask]:
    """The application in an application context, on a database as fresh as after installation."""
    from app.core import clock
    from app.db import db

    with application.app_context():
        clock.configure(application.extensions["settings"].INSTANCE / "clock.json")
        clock.set_offset(timedelta())
        yield application
        db.session.rollback()
        if application.wrote or getattr(database, "written", None):  # one statement by itself ends without a commit
            db.session.close()
            database.restore(db.engine)
            application.wrote = False


class Browser(FlaskClient):
    """Each request in an application context of its own, as on a real server: nobody inherits the last one's ``g``."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        from app.db import db

        db.session.rollback()  # the test's own reading ends …
        db.session.expire_all()  # … and what it holds is read again when looked at
        with self.application.app_context():
            answer = super().open(*args, **kwargs)
            answer.get_data()  # streamed files are read before the context closes
            return answer


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def twice(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``drawn = twice(kind)``: while one worker draws an item of the kind, another, who takes it for dead, draws it too and is
    faster; and somebody else writes. ``drawn`` tells, for each of the two, whether it drew in a unit of work."""
    from sqlalchemy import update

    from app.core import clock
    from app.db import db, unit_of_work
    from app.jobs import service
    from app.jobs.models import Job

    def prepare(kind: str) -> list[bool]:
        draw, seen = service.DRAWS[kind], []

        def drawing(item: dict[str, Any], job: Job) -> Any:
            seen.append(bool(db.session.info.get("unit_of_work")))
            if len(seen) == 1:
                with app.app_context():
                    with unit_of_work():
                        dead = clock.now() - 2 * service.STALE
                        db.session.execute(update(Job).where(Job.id == job.id).values(beat_at=dead))
                    service.run_waiting()
            return draw(item, job)

        monkeypatch.setitem(service.DRAWS, kind, drawing)
        return seen

    return prepare


@pytest.fixture
def client_as(app: Flask) -> Any:
    """``client_as(person)``: a browser of its own in which the person has signed in."""
    from app.accounts.models import SignIn
    from app.core import clock, crypto
    from app.db import db, unit_of_work

    def enter(person: Any | None) -> FlaskClient:
        browser = app.test_client()
        if person is None:
            return browser
        token = crypto.token()
        now = clock.now()
        person_id = person.id
        with unit_of_work():
            db.session.add(
                SignIn(person_id=person_id, token_hash=crypto.token_hash(token), created_at=now, seen_at=now,
                       second_factor_at=now)
            )  # fmt: skip
        with browser.session_transaction() as session:
            session["_user_id"] = token
            session["_fresh"] = True
        return browser

    return enter


@pytest.fixture
def at() -> Any:
    """``at("2026-03-01 09:00")``: an instant in UTC from Asia/Shanghai words."""
    from app.core.clock import LOCAL

    def make(words: str) -> datetime:
        return datetime.fromisoformat(words).replace(tzinfo=LOCAL).astimezone(UTC)

    return make


@pytest.fixture
def set_clock(app: Flask) -> Any:
    """``set_clock(instant)``: the application's clock shows this instant from now on."""
    from app.core import clock

    def to(instant: datetime) -> None:
        clock.set_offset(instant - datetime.now(UTC))

    return to


@pytest.fixture
def queries(app: Flask) -> Any:
    """``with queries() as seen: …; len(seen)``: the statements sent meanwhile."""
    from contextlib import contextmanager

    from app.db import db

    @contextmanager
    def watch() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")):
                seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return watch


@pytest.fixture(autouse=True)
def no_stray_mail(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No test speaks to a mail server; what would have gone out is listed."""
    sent: list[Any] = []
    monkeypatch.setattr("app.notices.service.transmit", sent.append)
    return sent
