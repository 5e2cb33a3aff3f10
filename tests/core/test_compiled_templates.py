"""Templates are compiled once for all processes of a site, into a folder of its own."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from app.core.frame import _compiled_templates, compile_templates


def test_templates_are_kept_compiled_where_nobody_else_can_write(app: Any) -> None:
    folder: Path = app.extensions["settings"].INSTANCE / "templates"
    compile_templates(app)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) > 200
    app.jinja_env.cache.clear()
    before = {one: one.stat().st_mtime_ns for one in folder.iterdir()}
    compile_templates(app)
    assert {one: one.stat().st_mtime_ns for one in folder.iterdir()} == before, "nothing is compiled a second time"


def test_a_site_that_cannot_keep_them_works_without(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("in the way")
    assert _compiled_templates(tmp_path / "templates") is None
