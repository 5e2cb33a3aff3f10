"""A backup is the whole site: rows, files, the sealed head of the log; it comes back whole or not at all."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import select, text

from app.admin import backup
from app.core.cli import alembic
from app.core.crypto import settings
from app.db import Model, db, unit_of_work
from app.files.service import keep_bytes, read_file
from tests.factories import people

NOW = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def site(app: Flask, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application as installed, at the newest migration, with nothing in its storage."""
    command.stamp(alembic(), "head")
    storage = Path(settings().STORAGE_URL)
    shutil.rmtree(storage, ignore_errors=True)
    yield app
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    shutil.rmtree(storage, ignore_errors=True)


def contents() -> dict[str, list[Any]]:
    """Every row of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in Model.metadata.sorted_tables
        }


def emptied() -> None:
    """A fresh installation in place of what was there."""
    db.session.rollback()
    Model.metadata.drop_all(db.engine)
    Model.metadata.create_all(db.engine)
    shutil.rmtree(settings().STORAGE_URL)


def test_rows_and_files_come_back_the_same(site: Flask, tmp_path: Path) -> None:
    owner = people.person("𠮷野明", region=people.region())
    with unit_of_work():
        stored = keep_bytes("合同第一页".encode(), "合同.txt", owner=owner)
    before, file = contents(), tmp_path / "site.tar.gz"

    made = backup.create(file, now=NOW)
    emptied()
    done = backup.restore(file)

    assert contents() == before
    assert made.rows == done.rows == {name: len(rows) for name, rows in before.items()}
    assert done.total > 500  # the shipped rules and questions are in it
    assert done.files == 1
    assert read_file(stored).decode() == "合同第一页"


def test_after_a_restore_new_rows_get_new_numbers(site: Flask, tmp_path: Path) -> None:
    last = people.person("先来").id
    backup.create(tmp_path / "a", now=NOW)
    emptied_but_for_the_folder()
    backup.restore(tmp_path / "a")
    assert people.person("后到").id == last + 1


def emptied_but_for_the_folder() -> None:
    Path(settings().STORAGE_URL).mkdir(parents=True, exist_ok=True)
    emptied()


def test_a_database_in_use_is_never_written_over(site: Flask, tmp_path: Path) -> None:
    backup.create(tmp_path / "a", now=NOW)
    with pytest.raises(backup.BackupRefused, match="not empty"):
        backup.restore(tmp_path / "a")


def test_a_damaged_archive_changes_nothing(site: Flask, tmp_path: Path) -> None:
    whole, changed = tmp_path / "whole", tmp_path / "changed"
    people.person("王建国")
    backup.create(whole, now=NOW)
    with tarfile.open(whole) as old, tarfile.open(changed, "w:gz") as new:
        for entry in old:
            source = old.extractfile(entry)
            assert source is not None
            data = source.read()
            if entry.name == "tables/person.jsonl":
                data = data.replace("王建国".encode(), "王建邦".encode())
            entry.size = len(data)

            new.addfile(entry, io.BytesIO(data))
    emptied_but_for_the_folder()
    with pytest.raises(backup.BackupRefused, match=r"person\.jsonl is damaged"):
        backup.restore(changed)
    assert not any(contents().values())


def test_an_archive_that_reaches_outside_is_refused(site: Flask, tmp_path: Path) -> None:
    file = tmp_path / "evil"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("files/../../etc/passwd"))
    with pytest.raises(backup.BackupRefused, match="no backup has"):
        backup.restore(file)


def test_no_backup_is_written_over_and_none_is_made_of_an_old_schema(site: Flask, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(backup.BackupRefused, match="exists"):
        backup.create(tmp_path / "a", now=NOW)
    with db.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(backup.BackupRefused, match="db up"):
        backup.create(tmp_path / "b", now=NOW)
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_every_kind_of_column_is_read_back_as_it_was() -> None:
    for table in backup._tables():
        for column in table.columns:
            read = backup._reader(column)
            for value in _examples(column.type):
                assert read(backup._plain(value)) == value, column


def _examples(kind: Any) -> list[Any]:
    from sqlalchemy import Date, Enum

    from app.db import Hundredths, UtcDateTime

    if isinstance(kind, UtcDateTime):
        return [NOW]
    if isinstance(kind, Date):
        return [date(2026, 2, 28)]
    if isinstance(kind, Hundredths):
        return [Decimal("12.30")]
    if isinstance(kind, Enum):
        return list(kind.enum_class)  # type: ignore[arg-type]
    return ["text", 7, True]


def test_the_commands_say_what_they_did(site: Flask, tmp_path: Path) -> None:
    run = site.test_cli_runner().invoke
    Path(settings().STORAGE_URL).mkdir(parents=True, exist_ok=True)
    said = run(args=["backup", "create", str(tmp_path / "a.tar.gz")])
    assert said.exit_code == 0
    assert f"{sum(len(rows) for rows in contents().values())} rows" in said.output
    again = run(args=["backup", "restore", str(tmp_path / "a.tar.gz")])
    assert again.exit_code == 1
    assert "not empty" in again.output
