"""The README tells the truth: accounts, settings, commands and addresses are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields

import click
import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app.demo.accounts import ACCOUNTS, PASSWORD
from config import ROOT, Config

README = (ROOT / "README.md").read_text()


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    part = README.split(f"# {heading}\n", 1)[1]
    lines = [line for line in part.split("\n#", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_demonstration_accounts() -> None:
    assert rows_under("Demonstration accounts") == [[a.email, a.name, a.role_zh, a.role_en] for a in ACCOUNTS]
    assert PASSWORD in README


def test_every_setting_is_explained() -> None:
    named = {name for row in rows_under("Settings") for name in re.findall(r"[A-Z][A-Z0-9_]+", row[0])}
    assert {field.name for field in fields(Config)} <= named
    assert all(row[2] for row in rows_under("Settings"))


def test_settings_outside_config_are_read_somewhere() -> None:
    named = {name for row in rows_under("Settings") for name in re.findall(r"[A-Z][A-Z0-9_]+", row[0])}
    source = "".join(
        file.read_text() for folder in ("app", "certificates") for file in sorted((ROOT / folder).rglob("*.py"))
    )
    for name in named - {field.name for field in fields(Config)}:
        assert f'environ.get("{name}"' in source, name


@pytest.mark.parametrize("address", sorted(set(re.findall(r"`(/[a-z][a-z/.-]*|/)`", README))))
def test_addresses_of_the_tour_exist(application: Flask, address: str) -> None:
    try:
        application.url_map.bind("localhost").match(address)
    except (NotFound, MethodNotAllowed):
        pytest.fail(f"README names {address}")


@pytest.mark.parametrize("line", sorted(set(re.findall(r"flask ((?:[a-z][a-z-]* ?){1,2})", README))))
def test_commands_exist(application: Flask, line: str) -> None:
    first, *rest = line.split()
    command = application.cli.get_command(click.Context(application.cli), first)
    assert command is not None, line
    if rest and isinstance(command, click.Group):
        assert rest[0] in command.commands, line


def test_the_evidence_of_the_security_list_exists() -> None:
    said = (ROOT / "docs" / "security.md").read_text().split("| --- |", 1)[1]
    written = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_[a-z0-9_]+)`", said)
    assert len(named) > 30
    assert not [name for name in named if f"def {name}(" not in written]
    files = re.findall(r"`([a-z_/.]+\.(?:py|md|lock))`", said)
    assert not [name for name in files if not (ROOT / name).exists()]


def test_every_slot_is_listed() -> None:
    import app
    from app.core.asks import SLOTS

    assert app
    house = (ROOT / "docs" / "house.md").read_text()
    assert not [slot.name for slot in SLOTS if f"`{slot.name}(" not in house]


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md"], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: object) -> None:
    from pathlib import Path

    assert isinstance(page, Path)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
