"""Long work of the rules: comparing a new version on real people."""

from __future__ import annotations

from typing import Any

from app.jobs.models import Job
from app.jobs.service import work
from app.outline import effects


@work(effects.WORK)
def judge_some(item: dict[str, Any], job: Job) -> dict[str, Any]:
    return effects.judge_some(item, job)
