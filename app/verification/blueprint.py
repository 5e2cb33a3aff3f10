"""The blueprint, and what pages of several readers share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.accounts.guard import visitor
from app.certification import words
from app.core import limits
from app.core.nav import place
from app.core.permissions import Can
from app.verification import employers, states
from app.verification.service import Asker

bp = Blueprint("verification", __name__, template_folder="templates")
place("verification.verify", lazy_pgettext("menu", "Verify"), "public", order=10)
place("verification.register", _l("Public register"), "public", order=20)
place("verification.for_employers", _l("Employers"), "public", order=30)
place("verification.checks", _l("Checks of my certificates"), "me", order=70)
place("verification.links", _l("Shared links"), "me", order=75)
place("verification.desk", _l("Employer's desk"), "me", can=Can.VERIFY_MANY, order=5)
place(
    "verification.registrations", _l("Employers"), "certification", can=Can.REVIEW_EMPLOYER, order=80,
    count=employers.waiting_count,
)  # fmt: skip


@bp.context_processor
def _words() -> dict[str, Any]:
    return {
        "said": words.said,
        "verify_label": states.LABELS.get,
        "verify_tone": states.TONES.get,
        "way_label": states.WAYS.get,
    }


def asker() -> Asker:
    """Who asks: a registered employer who has signed in, or an address."""
    return Asker(limits.address(), employers.employer_id(visitor()))


@bp.after_request
def _no_trace(response: Response) -> Response:
    """Answers stay out of caches and of search engines."""
    response.headers["X-Robots-Tag"] = "noindex"
    if request.endpoint not in ("verification.code_json", "verification.code"):
        response.headers["Cache-Control"] = "no-store"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
