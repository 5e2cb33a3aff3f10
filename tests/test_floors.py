"""Import from below, never sideways or up."""

from __future__ import annotations

import ast
from pathlib import Path

from app.features import FLOORS

ROOT = Path(__file__).resolve().parent.parent
PURE = ("question_bank", "certificates")


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] in PURE:
        return parts[0]
    if parts[0] == "app":
        if len(parts) == 1 or not ((ROOT / "app" / parts[1]).is_dir() or (ROOT / "app" / f"{parts[1]}.py").is_file()):
            return "__init__"
        return parts[1]
    return None


def imports_of(file: Path) -> list[str]:
    """Modules a file imports when it runs; hints under TYPE_CHECKING are not imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hints = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in hints:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def violations() -> list[str]:
    wrong = []
    for top in ("app", *PURE):
        for file in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            here = room_of(name)
            assert here in FLOORS, f"{file} stands on no floor: add it to app/features.py"
            for target in imports_of(file):
                there = room_of(target)
                if there is None or there == here:
                    continue
                if here in PURE:
                    wrong.append(f"{name} imports {target}: the pure packages import nothing of ours")
                elif name == "app.jobs.worker":
                    continue  # a start script: it makes the application
                elif there not in FLOORS:
                    wrong.append(f"{name} imports {target}, which stands on no floor")
                elif not (FLOORS[there] < FLOORS[here] or FLOORS[there] == FLOORS[here] == 1):
                    wrong.append(f"{name} (floor {FLOORS[here]}) imports {target} (floor {FLOORS[there]})")
    return wrong


def test_everybody_imports_from_below() -> None:
    assert violations() == []


def test_pure_packages_need_no_framework() -> None:
    for top in PURE:
        for file in (ROOT / top).rglob("*.py"):
            used = {target.split(".")[0] for target in imports_of(file)}
            assert not used & {"flask", "sqlalchemy", "flask_login", "app"}, file


def test_stages_are_strangers() -> None:
    floors = sorted(FLOORS.values())
    assert floors[0] == 0 and FLOORS["training"] == FLOORS["exams"] == FLOORS["practice"] == FLOORS["performance"] == 5
