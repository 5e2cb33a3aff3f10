"""What training does by the clock."""

from __future__ import annotations

from datetime import datetime

from app.db import db, unit_of_work
from app.jobs.service import every
from app.training import class_tasks  # noqa: F401 - offers, sign-outs, reminders
from app.training.classes import move_class, start_classes
from app.training.models import TrainingClass
from app.training.states import CLASS_MOVES, ClassMove


@every(seconds=300, name="training.start_classes")
def start(now: datetime) -> None:
    """Open classes begin on their first day, each in its own transaction."""
    for class_id in start_classes(now):
        with unit_of_work():
            klass = db.session.get_one(TrainingClass, class_id, with_for_update=True)
            if (klass.state, ClassMove.START) in CLASS_MOVES:
                move_class(klass, ClassMove.START, by=None, now=now)
