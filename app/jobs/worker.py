"""The background worker: ``huey_consumer app.jobs.worker.huey -w 3``.

Huey brings threads, schedule, signals and, with REDIS_URL or PostgreSQL, one queue for several machines. What is to be
done stands in our tables; each minute one task looks at the jobs and one at the clock, every two seconds, until the next
minute's takes over. Every piece is claimed under a row lock, so several workers do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey, crontab

from app import create_app
from app.jobs import service
from config import Config, from_env

PAUSE = 2.0


def make_queue(config: Config) -> Huey:
    """The queue that fits the settings: Redis when given, else PostgreSQL, else a file."""
    if config.REDIS_URL:
        return RedisHuey("platform", url=config.REDIS_URL)
    if config.DATABASE_URL.startswith("postgresql"):
        return PostgresHuey("platform", dsn=config.DATABASE_URL.replace("postgresql+psycopg://", "postgresql://", 1))
    config.INSTANCE.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("platform", filename=str(config.INSTANCE / "queue.sqlite3"))


config = from_env()
huey = make_queue(config)
app = create_app(config)
_last: dict[str, float] = {}


def for_a_minute(do: Callable[[], object]) -> None:
    """Call ``do`` every two seconds until the next minute's task takes over."""
    end = time.monotonic() + 60 - PAUSE
    while time.monotonic() < end:
        with app.app_context():
            do()
        time.sleep(PAUSE)


def _clock_round() -> None:
    due = [
        name for name, (seconds, _) in service.CLOCKWORK.items() if time.monotonic() - _last.get(name, -1e9) >= seconds
    ]
    for name in due:
        _last[name] = time.monotonic()
        service.run_clockwork(only=name)


@huey.on_startup()
def begin() -> None:
    """Resume at once after a restart, without waiting for the full minute."""
    with app.app_context():
        service.run_waiting()


@huey.periodic_task(crontab(minute="*"))
def jobs_minute() -> None:
    for_a_minute(service.run_waiting)


@huey.periodic_task(crontab(minute="*"))
def clock_minute() -> None:
    for_a_minute(_clock_round)
