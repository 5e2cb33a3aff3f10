"""What those who run the site see: one JSON line per event with the request's id, and figures for Prometheus.

Neither holds personal data: addresses of pages appear as their pattern, people not at all.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
import time
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from app.core.access import public
from app.core.errors import NotFound

REQUESTS = Counter("http_requests", "Answers by page, method and status", ["endpoint", "method", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer by page",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
bp = Blueprint("watch", __name__)
log = structlog.get_logger("request")


def init_app(app: Flask) -> None:
    settings = app.extensions["settings"]
    if settings.APP_MODE != "test":
        write_json_lines()
    app.register_blueprint(bp)

    @app.before_request
    def begin() -> None:
        structlog.contextvars.bind_contextvars(request=g.get("request_id", ""))

    @app.after_request
    def end(response: Response) -> Response:
        endpoint = request.endpoint or "unknown"
        taken = time.perf_counter() - g.get("begun", time.perf_counter())
        REQUESTS.labels(endpoint, request.method, response.status_code).inc()
        SECONDS.labels(endpoint).observe(taken)
        if endpoint not in ("static", "bootstrap.static", "core.healthz"):
            log.info(
                "answered",
                page=str(request.url_rule or "unknown"),
                method=request.method,
                status=response.status_code,
                ms=round(taken * 1000, 1),
            )
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()


def write_json_lines() -> None:
    """Send every log line of this process, ours and the libraries', as JSON to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(os.environ.get("LOG_LEVEL", "INFO")),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    for chatty in ("werkzeug", "alembic", "huey", "fontTools", "weasyprint", "fsspec"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for judge in ("pyhanko", "pyhanko_certvalidator"):  # traces of what a checked file lacks; the finding says it
        logging.getLogger(judge).setLevel(logging.ERROR)


@bp.get("/metrics")
@public
def metrics() -> Any:
    """Figures for Prometheus; answers to machines of the own network only."""
    if not _near(request.remote_addr):
        raise NotFound
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    else:
        registry = REGISTRY
    return Response(generate_latest(registry) + generate_latest(_waiting()), content_type=CONTENT_TYPE_LATEST)


def _near(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_private
    except ValueError:
        return False


def _waiting() -> CollectorRegistry:
    """What waits in the database, counted now."""
    from app.core import alarms, clock
    from app.jobs.service import waiting_jobs
    from app.notices.service import waiting_mails

    registry = CollectorRegistry()
    Gauge("jobs_waiting", "Background jobs that wait or run", registry=registry).set(waiting_jobs())
    Gauge("outbox_waiting", "Mails that wait to be sent", registry=registry).set(waiting_mails())
    wrong = Gauge("alarms", "What the operator must see to, by kind", ["name"], registry=registry)
    for name, words in alarms.raised(clock.now()).items():
        wrong.labels(name).set(len(words))
    return registry
