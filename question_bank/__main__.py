"""``python -m question_bank check [FILES…]``: are these question files fit for use?

Errors (exit 1): what the reader refuses; missing level, module, difficulty, knowledge point, explanation or source; ids, stems or
questions that occur twice or nearly so; a 多选 with one key; keys that give themselves away by place or by length, over a file
or over a level. Without FILES all that is shipped is checked, and then a bank that cannot fill each default blueprint twice
without a common question is an error too (``--complete`` asks this of the files given). Warnings do not change the exit code.
Exit 2: a file cannot be opened.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from question_bank import checks
from question_bank.assembly import Infeasible, assemble, cell_name
from question_bank.defaults import KINDS, default_blueprint, withdrawn
from question_bank.formats import read
from question_bank.items import MODULES, Difficulty, Item, Kind

SHIPPED = Path(__file__).parent / "shipped"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m question_bank", description="Tools for files of questions.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check YAML files of questions")
    check.add_argument("files", nargs="*", type=Path, help="default: all that are shipped")
    check.add_argument("--complete", action="store_true", help="the files must fill every default blueprint twice")
    chosen = parser.parse_args(arguments)
    return check_files(chosen.files or sorted(SHIPPED.glob("*.yaml")), complete=chosen.complete or not chosen.files)


def check_files(files: Sequence[Path], *, complete: bool = False) -> int:
    """Read all files as one bank, print findings and counts. Returns the exit code."""
    items: list[Item] = []
    errors: list[str] = []
    for file in files:
        try:
            reading = read(file.read_bytes(), "yaml")
        except OSError as error:
            print(f"{file}: {error.strerror}", file=sys.stderr)
            return 2
        errors += [f"{file.name}: {refusal.text('en')}" for refusal in reading.refusals]
        items += reading.items
        errors += [f"{file.name}: {line}" for line in checks.lopsided(reading.items)]
    errors += checks.missing(items) + checks.duplicates(items) + checks.lopsided_levels(items)
    if complete:
        errors += checks.complete(items)
    gone = {name for file in files for name in _withdrawn_beside(file)}
    errors += [
        f"{item.id}: this id was withdrawn; a new question needs one of its own" for item in items if item.id in gone
    ]
    warnings = checks.weak(items)
    for line in warnings:
        print(f"warning: {line}")
    for line in errors:
        print(f"ERROR: {line}")
    print("\n".join(counts(items) + blueprints(items)))
    print(f"{len(files)} files, {len(items)} questions, {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


def _withdrawn_beside(file: Path) -> tuple[str, ...]:
    beside = file.parent / "withdrawn.txt"
    return withdrawn(beside.read_text(encoding="utf-8")) if beside.is_file() else ()


def counts(items: Sequence[Item]) -> list[str]:
    """How many there are, by level × kind × module × difficulty."""
    table = Counter((item.level, item.kind, item.module, item.difficulty) for item in items)
    kinds = Counter((item.level, item.kind) for item in items)
    lines = []
    for (level, kind), total in sorted(kinds.items(), key=lambda row: (row[0][0] or 0, list(Kind).index(row[0][1]))):
        cells = []
        for module in sorted({item.module or "?" for item in items}, key=lambda m: [*MODULES, m].index(m)):
            numbers = [str(table[level, kind, module, difficulty]) for difficulty in Difficulty]
            cells.append(f"{module} {'/'.join(numbers)}")
        lines.append(f"level {level or '?'} {kind.value:<9} {total:>4}   " + "   ".join(cells))
    return ["", "easy/medium/hard:", *lines] if lines else []


def blueprints(items: Sequence[Item]) -> list[str]:
    """Whether each default blueprint can be filled, and with how many papers' worth in its scarcest cell."""
    lines = [""]
    for level in sorted(KINDS):
        mine = [item for item in items if item.level == level]
        if not mine:
            continue
        try:
            paper = assemble(mine, default_blueprint(level), "check")
        except Infeasible as short:
            lines.append(f"level {level} blueprint: CANNOT be filled: {short}")
            continue
        scarce = checks.scarcest(mine, level)
        lines.append(
            f"level {level} blueprint: can be filled ({len(paper.entries)} questions, {paper.points} points); scarcest: "
            f"{cell_name(scarce.cell)} needs {scarce.needed}, has {scarce.available}"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
