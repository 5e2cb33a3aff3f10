"""Backup and restore: every row and every stored file in one tar, without tools beside Python.

The archive holds ``tables/<name>.jsonl`` (one row a line, in the words of the column's kind, so that it fits SQLite and
PostgreSQL alike), ``files/…`` as the storage keeps them, ``audit/heads.log`` and, last, ``contents.json`` with the
migration it belongs to, the count of rows and the SHA-256 of every member. The secrets of the environment and the
signing key are *not* in it: without DATA_KEY the personal data in a backup cannot be read, so keep them elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import IO, Any

import fsspec
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Date, DateTime, LargeBinary, Numeric, Table, inspect, select, text
from sqlalchemy import Enum as EnumKind
from sqlalchemy.engine import Connection

from app.core.cli import alembic
from app.core.crypto import settings
from app.db import Hundredths, Model, UtcDateTime, db, for_transactions, is_sqlite

FORMAT = 1
BATCH = 500
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*(/[0-9A-Za-z][0-9A-Za-z._-]*)*")


class BackupRefused(Exception):
    """Why no backup was made or restored, in a sentence for the operator."""


@dataclass
class Contents:
    """What an archive says of itself."""

    format: int = FORMAT
    made_at: str = ""
    revision: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def create(target: Path, *, now: datetime) -> Contents:
    """Write the archive. The site may go on working: the rows are those of one moment, files only ever come to them."""
    if target.exists():
        raise BackupRefused(f"{target} exists already; give another name")
    made = Contents(made_at=now.isoformat())
    part = target.with_name(target.name + ".part")
    try:
        with tarfile.open(part, "w:gz", compresslevel=5) as archive:
            _put_tables(archive, made)
            _put_files(archive, made)
            _put_heads(archive, made)
            _add(archive, made, "contents.json", json.dumps(made.__dict__, indent=1).encode())
        part.chmod(0o600)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return made


def restore(source: Path) -> Contents:
    """Fill an empty database and an empty storage from the archive: all of it, or nothing of the rows."""
    with tarfile.open(source, "r:gz") as archive:
        contents = _checked(archive)
        if contents.revision != _head():
            raise BackupRefused(
                f"the backup belongs to migration {contents.revision}, this version of the product is at {_head()}: "
                "restore it with the version that made it, then migrate with 'flask db up'"
            )
        if not inspect(db.engine).get_table_names():
            command.upgrade(alembic(), "head")
        with for_transactions().connect() as connection:
            _refuse_unless_empty(connection)
        _take_files(archive)
        with for_transactions().connect() as connection:
            _load(connection, archive, contents)
    return contents


# --- writing -----------------------------------------------------------------------------------------------------------


def _put_tables(archive: tarfile.TarFile, made: Contents) -> None:
    with for_transactions().connect() as connection:
        if not is_sqlite(connection):
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            made.revision = MigrationContext.configure(connection).get_current_revision()
            if made.revision != _head():
                raise BackupRefused(
                    f"the database is at migration {made.revision}, not {_head()}: run 'flask db up' first"
                )
            for table in _tables():
                with tempfile.TemporaryFile() as lines:
                    made.rows[table.name] = _write_rows(connection, table, lines)
                    lines.seek(0)
                    _add(archive, made, f"tables/{table.name}.jsonl", lines)


def _write_rows(connection: Connection, table: Table, out: IO[bytes]) -> int:
    count = 0
    asked = select(table).order_by(*table.primary_key.columns)
    with connection.execution_options(yield_per=BATCH).execute(asked) as rows:
        for row in rows:
            out.write(json.dumps([_plain(value) for value in row], ensure_ascii=False).encode() + b"\n")
            count += 1
    connection.execution_options(yield_per=None)
    return count


def _put_files(archive: tarfile.TarFile, made: Contents) -> None:
    filesystem, root = fsspec.core.url_to_fs(settings().STORAGE_URL)
    for path in sorted(filesystem.find(root)) if filesystem.exists(root) else ():
        name = path[len(root) :].lstrip("/")
        with filesystem.open(path, "rb") as source, tempfile.TemporaryFile() as kept:
            while piece := source.read(1 << 20):
                kept.write(piece)
            kept.seek(0)
            _add(archive, made, f"files/{name}", kept)
        made.files += 1


def _heads() -> Path:
    return settings().INSTANCE / "audit" / "heads.log"


def _put_heads(archive: tarfile.TarFile, made: Contents) -> None:
    if _heads().exists():
        _add(archive, made, "audit/heads.log", _heads().read_bytes())


def _add(archive: tarfile.TarFile, made: Contents, name: str, data: bytes | IO[bytes]) -> None:
    source: IO[bytes] = io.BytesIO(data) if isinstance(data, bytes) else data
    made.sha256[name] = hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = source.seek(0, io.SEEK_END), 0o600
    source.seek(0)
    archive.addfile(entry, source)


def _plain(value: Any) -> Any:
    """A value of any column as JSON; :func:`_reader` reads it back by the column's kind."""
    match value:
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
    return value


# --- reading -----------------------------------------------------------------------------------------------------------


def _checked(archive: tarfile.TarFile) -> Contents:
    """What the archive holds, after every member was found whole."""
    found = {}
    for entry in archive:
        source = archive.extractfile(entry) if entry.isreg() and NAME.fullmatch(entry.name) else None
        if source is None:
            raise BackupRefused(f"the archive holds {entry.name!r}, which no backup has")
        found[entry.name] = hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
    if found.pop("contents.json", None) is None:
        raise BackupRefused("the archive has no contents.json: it is not a backup, or it was cut off")
    raw = archive.extractfile("contents.json")
    assert raw is not None  # it was read a moment ago
    contents = Contents(**json.load(raw))
    if contents.format != FORMAT:
        raise BackupRefused(f"the archive has format {contents.format}; this version reads format {FORMAT}")
    for name in sorted(set(found) | set(contents.sha256)):
        if found.get(name) != contents.sha256.get(name):
            raise BackupRefused(f"{name} is damaged, missing or was added later")
    if set(contents.rows) != {table.name for table in _tables()}:
        raise BackupRefused("the archive does not hold exactly the tables of this version")
    return contents


def _refuse_unless_empty(connection: Connection) -> None:
    for table in _tables():
        if connection.execute(select(text("1")).select_from(table).limit(1)).first():
            raise BackupRefused(f"the database is not empty (table {table.name}): restore into a fresh, empty database")
    filesystem, root = fsspec.core.url_to_fs(settings().STORAGE_URL)
    if filesystem.exists(root) and filesystem.find(root):
        raise BackupRefused(f"the storage {settings().STORAGE_URL} is not empty: restore into a fresh, empty one")


def _take_files(archive: tarfile.TarFile) -> None:
    filesystem, root = fsspec.core.url_to_fs(settings().STORAGE_URL)
    for entry in archive.getmembers():
        folder, _, name = entry.name.partition("/")
        source = archive.extractfile(entry)
        assert source is not None  # checked before
        if folder == "files":
            path = f"{root}/{name}"
            filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            with filesystem.open(path, "wb") as out:
                while piece := source.read(1 << 20):
                    out.write(piece)
        elif entry.name == "audit/heads.log" and not _heads().exists():
            _heads().parent.mkdir(parents=True, exist_ok=True)
            _heads().write_bytes(source.read())


def _load(connection: Connection, archive: tarfile.TarFile, contents: Contents) -> None:
    """All rows in one transaction; foreign keys are put aside for it and checked at its end."""
    sqlite = is_sqlite(connection)
    if sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.rollback()  # the pragma counts outside a transaction only
    with connection.execution_options(writes=True).begin():
        again = [] if sqlite else _without_keys(connection)
        for table in _tables():
            source = archive.extractfile(f"tables/{table.name}.jsonl")
            assert source is not None  # checked before
            count = sum(_insert(connection, table, rows) for rows in _batches(table, source))
            if count != contents.rows[table.name]:
                raise BackupRefused(f"{table.name} should have {contents.rows[table.name]} rows, {count} were read")
        for statement in again:
            connection.exec_driver_sql(statement)
        if sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken:
                raise BackupRefused(f"a row of {broken[0]} refers to a row of {broken[2]} that is not there")
        else:
            _set_sequences(connection)
    if sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    connection.execute(table.insert(), rows)
    return len(rows)


def _batches(table: Table, source: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    readers = [(column.key, _reader(column)) for column in table.columns]
    batch: list[dict[str, Any]] = []
    for line in source:
        values = json.loads(line)
        batch.append(
            {key: None if value is None else read(value) for (key, read), value in zip(readers, values, strict=True)}
        )
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    match column.type:
        case UtcDateTime() | DateTime():
            return datetime.fromisoformat
        case Date():
            return date.fromisoformat
        case Hundredths() | Numeric():
            return Decimal
        case LargeBinary():
            return base64.b64decode
        case EnumKind(enum_class=kind) if kind is not None:
            return kind
    return lambda value: value


def _tables() -> list[Table]:
    """The tables, copied with nullable JSON columns that read nothing as SQL's NULL (not as JSON's null)."""
    from sqlalchemy import MetaData

    copies = [table.to_metadata(aside) for aside in [MetaData()] for table in Model.metadata.sorted_tables]
    for table in copies:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=bool(column.nullable)).with_variant(
                    _jsonb(bool(column.nullable)), "postgresql"
                )
            column.default = column.onupdate = None
    return copies


def _jsonb(none_as_null: bool) -> Any:
    from sqlalchemy.dialects.postgresql import JSONB

    return JSONB(none_as_null=none_as_null)


def _without_keys(connection: Connection) -> list[str]:
    """Drop the foreign keys (PostgreSQL); the statements that put them back, which also checks every row."""
    found = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    ).all()
    for table, name, _ in found:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    return [f"ALTER TABLE {table} ADD CONSTRAINT {name} {what}" for table, name, what in found]


def _set_sequences(connection: Connection) -> None:
    for table in _tables():
        for column in table.primary_key.columns:
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"),
                {"table": f'"{table.name}"', "column": column.name},
            ).scalar()
            highest = connection.execute(select(column).order_by(column.desc()).limit(1)).scalar()
            if sequence and highest is not None:
                connection.execute(
                    text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest}
                )


def _head() -> str | None:
    return ScriptDirectory.from_config(alembic()).get_current_head()
