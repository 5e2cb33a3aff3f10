"""``python -m bench [--only part] [--long]``: measure, print one table, write bench/results.json. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import certificates, crowd, scale, walk
from bench.client import Client, Wrong, hashes
from bench.machine import (
    Served,
    compare,
    database,
    environment,
    fill,
    kb_each,
    marks,
    serve,
    stored,
    worker_mb,
)
from bench.parts import PARTS, Operation, Part, Scene

RUNS = 3
WARM = 160  # operations before the first run: both processes have read their templates, every connection has its plans
RESULTS = Path(__file__).with_name("results.json")


def measured(served: Served, runs: list[Callable[[], list[Operation]]]) -> dict[str, float]:
    """Medians over the runs of CPU and latency of one operation, in milliseconds. Preparation is not counted, nor what the
    password hash cost in these very operations."""
    cpu, waited = [], []
    for prepare in runs:
        operations = prepare()
        if not operations:
            continue
        hashes.clear()
        times, before = [], served.cpu_ms()
        for operation in operations:
            begun = time.perf_counter()
            operation()
            times.append((time.perf_counter() - begun) * 1000)
        cpu.append((served.cpu_ms() - before - sum(hashes)) / len(operations))
        waited.append(statistics.median(times))
    return {"cpu_ms": statistics.median(cpu), "latency_ms": statistics.median(waited), "runs": len(cpu)}


def floors(environ: dict[str, str], name: str | None) -> dict[str, float]:
    with serve("bench.served:floor", environ, name) as (served, _):
        client = Client(served.port)
        for n in range(20):
            client.get(f"/select/{n + 1}"), client.get("/insert")
        return {
            "select": measured(served, [lambda: [lambda n=n: client.get(f"/select/{n + 1}", "word") and None for n in range(200)]] * RUNS)["cpu_ms"],
            "insert": measured(served, [lambda: [lambda: client.get("/insert") and None] * 200] * RUNS)["cpu_ms"],
        }  # fmt: skip


def engine_run(kind: str, parts: list[Part], longer: int, crowd_size: int) -> dict[str, Any]:
    """Everything on one engine."""
    instance = Path(tempfile.mkdtemp(prefix="ttm-bench-"))
    found: dict[str, Any] = {"parts": {}, "errors": []}
    try:
        with database(kind, instance) as (url, name):
            environ = environment(url, instance)
            told = fill(environ, instance, 36 * longer + 6 + crowd_size, 36 * longer)
            found["floors"] = floors(environ, name)
            with serve("bench.served:site", environ, name) as (served, began):
                found["start_s"] = began
                scene = Scene(served.port, told)
                for one in PARTS:
                    if one in parts:
                        _run(one, scene, served, found, longer)
                if crowd_size:
                    _crowd(served, told["candidates"][-crowd_size:], found, environ, instance)
                found["web_mb"] = served.largest_mb()
            if scene.handed_in:
                _check_marks(marks(environ, scene.handed_in), found)
            if len(parts) == len(PARTS):
                found["worker_mb"] = worker_mb(environ)
    finally:
        shutil.rmtree(instance, ignore_errors=True)
    return found


def _run(one: Part, scene: Scene, served: Served, found: dict[str, Any], longer: int) -> None:
    try:
        warm = one.operations(scene, WARM) if one.count >= 40 else []
        for operation in warm:
            operation()
        row = measured(served, [lambda: one.operations(scene, one.count * longer)] * RUNS)
    except Wrong as wrong:
        found["errors"].append(f"{one.name}: {wrong}")
        return
    if hashes:
        found["hash_ms"] = statistics.median(hashes)
    found["parts"][one.name] = row | {"limit": one.limit, "floor": found["floors"][one.floor]}


def _crowd(served: Served, told: list[dict[str, Any]], found: dict[str, Any], environ: Any, instance: Path) -> None:
    """Everybody at once; then every acknowledged answer against the marked script."""
    before = stored(environ["DATABASE_URL"])
    figures = crowd.run(served.port, told, served.cpu_ms)
    after = stored(environ["DATABASE_URL"])
    compared = compare(environ, instance, figures.pop("acknowledged"))
    found["errors"] += figures.pop("errors") + compared["lost"]
    found["crowd"] = figures
    if before and after:
        questions, people = len(told[0]["right"]), len(told)
        found["crowd"] |= {
            "questions": questions, "steps": figures["saves"] / people, "kb_per_sitting": kb_each(before, after, people),
            "kb_for_50": kb_each(before, after, people, 50 / questions),
        }  # fmt: skip


def _crowd_lines(results: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for engine, found in results.items():
        if one := found.get("crowd"):
            steps = ", ".join(
                f"{step} {t['median']:.0f}/{t['p95']:.0f}/{t['p99']:.0f}" for step, t in one["waited_ms"].items()
            )
            size = (
                f"{one['kb_per_sitting']:.1f} kB a sitting of {one['questions']} questions with {one['steps']:.0f} steps, "
                f"{one['kb_for_50']:.1f}{'!' if one['kb_for_50'] > 20 else ''} of 50 (limit 20), "
                if "kb_per_sitting" in one else ""
            )  # fmt: skip
            lines.append(
                f"crowd of {one['people']} on {engine}: all begun in {one['at_once_s']:.1f} s, {one['saves']} saves at "
                f"{one['saves_per_s']:.0f}/s and {one['save_cpu_ms']:.2f} ms CPU each, {size}ms waited (median/p95/p99): {steps}"
            )
    return lines


def _check_marks(said: dict[str, Any], found: dict[str, Any]) -> None:
    """Every handed-in paper was answered rightly throughout: anything but full marks is an error of the product."""
    for sitting, percent in said["percent"].items():
        if said["state"][sitting] != "marked" or float(percent) != 100:
            found["errors"].append(f"sitting {sitting} is {said['state'][sitting]} with {percent} %")


def table(results: dict[str, dict[str, Any]]) -> str:
    engines = list(results)
    lines = [
        " | ".join(["operation".ljust(18), "limit", *(f"{e}: CPU ms, x floor, latency".rjust(34) for e in engines)])
    ]
    for part in PARTS:
        cells = []
        for engine in engines:
            row = results[engine]["parts"].get(part.name)
            cells.append(
                (f"{row['cpu_ms']:6.2f}{'!' if row['cpu_ms'] > part.limit else ' '} {row['cpu_ms'] / max(row['floor'], 0.01):7.1f} "
                 f"{row['latency_ms']:9.1f}" if row else "").rjust(34)
            )  # fmt: skip
        if any(cell.strip() for cell in cells):
            lines.append(" | ".join([part.name.ljust(18), f"{part.limit:5.1f}", *cells]))
    whole = (
        ("start, s", "start_s", 3), ("web process, MB", "web_mb", 150), ("worker, MB", "worker_mb", 250), ("password hash, ms", "hash_ms", None),
    )  # fmt: skip
    for label, key, limit in whole:
        cells = [
            (
                f"{results[e][key]:6.1f}{'!' if limit and results[e][key] > limit else ' '}"
                if key in results[e]
                else ""
            ).rjust(34)
            for e in engines
        ]
        lines.append(" | ".join([label.ljust(18), f"{limit or '':5}", *cells]))
    for floor in ("select", "insert"):
        cells = [f"{results[e]['floors'][floor]:6.2f} ".rjust(34) for e in engines]
        lines.append(" | ".join([f"floor: {floor}".ljust(18), "     ", *cells]))
    return "\n".join(lines)


def main() -> int:
    from tests.conftest import postgres_answers

    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--only", help="measure only parts whose name holds this word")
    asked.add_argument("--long", action="store_true", help="five times as many operations")
    asked.add_argument("--people", type=int, default=0, help="how many sit the exam at once (crowd)")
    given = asked.parse_args()
    if given.only == "certificates":
        print("\n".join(certificates.lines(certificates.run(long=given.long))))
        return 0
    if given.only == "scale":
        for kind in ("postgresql", "sqlite"):
            print("\n".join(scale.run(kind, given.people or 100_000, measured)), flush=True)
        return 0
    if given.only == "memory":
        lines, errors = walk.run("postgresql" if postgres_answers() else "sqlite")
        print("\n".join([*lines, *(f"WRONG {error}" for error in errors)]))
        return 1 if errors else 0
    word = "" if given.only in (None, "exam") else given.only
    parts = [part for part in PARTS if word in part.name]
    if given.only == "exam":
        parts = [part for part in PARTS if part.name.startswith(("start", "sitting", "save", "hand"))]
    crowd_size = given.people or (300 if given.long or given.only == "crowd" else 40 if word == "" else 0)
    if not parts and given.only != "crowd":
        print(
            f"no part is called like that: {', '.join(p.name for p in PARTS)}, certificates, scale, memory",
            file=sys.stderr,
        )
        return 2
    engines = (["postgresql"] if postgres_answers() else []) + ["sqlite"]
    results = {engine: engine_run(engine, parts, 5 if given.long else 1, crowd_size) for engine in engines}
    print("\n".join([table(results), *_crowd_lines(results)]))
    if "postgresql" not in results:
        print("NOT RUN: PostgreSQL does not answer at TEST_POSTGRES_URL or 127.0.0.1:5432")
    if word == "":
        results["certificates"] = found = certificates.run(long=given.long)
        print("\n".join(certificates.lines(found)))
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False))
    errors = [f"{engine}: {error}" for engine, found in results.items() for error in found.get("errors", [])]
    print("\n".join(["a figure with ! is over its limit", *(f"WRONG {error}" for error in errors)]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
