"""Public pages: verify by number and name, by file, by the QR code, the register; further pages stand in views of their own."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import public
from app.accounts.service import regions
from app.accounts.words import place_name
from app.certification.documents import LD_JSON, for_machines
from app.core import clock, frame, limits
from app.core.crypto import settings
from app.core.errors import Invalid
from app.core.tables import Column, Listing
from app.db import one_line
from app.outline.service import level_names
from app.verification import challenge, filecheck, report, service, states
from app.verification.blueprint import asker, bp
from app.verification.forms import CertificateFileForm, VerifyForm

REGISTER_PAGES = 20
REGISTER_LIMIT = "60 per 10 minutes"


def words_of(answer: service.Answer) -> dict[str, Any]:
    """What the answer's part of a page needs."""
    return {
        "answer": answer, "label": states.LABELS[answer.state], "tone": states.TONES[answer.state],
        "meaning": states.MEANING[answer.state], "address": f"{settings().PUBLIC_URL}/c/{answer.token}" if answer.token else "",
        "report_ticket": report.ticket(answer) if answer.found else "",
    }  # fmt: skip


def _shown(answer: service.Answer, number: str = "", name: str = "") -> str:
    """The answer; where nothing was found, with what was typed, to be looked through for a slip."""
    values = words_of(answer) | {"typed": (number, name) if number and not answer.found else None}
    return frame.in_visitors_frame(
        "verification/answer.html", values["label"], lambda: render_template("verification/_answer.html", **values)
    ) or render_template("verification/answer.html", **values)


@bp.route("/verify", methods=["GET", "POST"])
@public
def verify() -> Any:
    """The form; with number and name (typed here, or handed over by the first page) the answer."""
    form = VerifyForm() if request.method == "POST" else VerifyForm(request.args, meta={"csrf": False})
    given = request.method == "POST" or ("number" in request.args and "name" in request.args)
    must = challenge.asked(limits.address(), service.MISSES)
    if given and form.validate():
        if not must or challenge.answered(form.ticket.data or "", form.sum.data or ""):
            with one_line():
                answer = service.verify(
                    form.number.data or "", form.name.data or "", address=limits.address(), way="page", now=clock.now()
                )
            return _shown(answer, form.number.data or "", form.name.data or "")
        form.sum.errors = [_("Please answer the sum; several queries from your network did not match.")]
    page = _form_page(form, must)
    return (page, 422) if given else page


def _form_page(form: VerifyForm, must: bool, file_form: CertificateFileForm | None = None) -> str:
    question, form.ticket.data = challenge.fresh() if must else ("", "")
    form.sum.data = ""
    return render_template(
        "verification/verify.html", form=form, question=question, file_form=file_form or CertificateFileForm(formdata=None, prefix="")
    )  # fmt: skip


@bp.post("/verify/file")
@public
def verify_file() -> Any:
    """A PDF or JSON certificate, judged and forgotten."""
    form = CertificateFileForm()
    must = challenge.asked(limits.address(), service.MISSES)
    if form.validate():
        try:
            now = clock.now()
            data = form.file.data.stream.read(filecheck.MAX_BYTES + 1)
            told = filecheck.judge(data, address=limits.address(), now=now)
            with one_line():
                found = filecheck.compare(told, asker=asker(), now=now)
            return render_template("verification/file.html", found=found, **words_of(found.answer))
        except Invalid as refusal:
            form.refuse(refusal)
    return _form_page(VerifyForm(formdata=None), must, form), 422


@bp.get("/verify/file")
@public
def verify_file_again() -> Any:
    """Reloaded or bookmarked: the form."""
    return _form_page(VerifyForm(formdata=None), challenge.asked(limits.address(), service.MISSES))


@bp.get("/verify/report/<path:ticket>")
@public
def verify_report(ticket: str) -> Any:
    """The answer as a PDF, for whoever received the answer within the last day."""
    number, data = report.pdf(ticket, address=limits.address())
    answer = Response(data, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{number}.pdf"'
    return answer


@bp.get("/c/<token>")
@bp.get("/c/<token>.json", endpoint="code_json")
@public
def code(token: str) -> Any:
    """The QR code's target: the page, or with ``.json`` or ``Accept: application/json`` the credential where its holder
    allows that, else the status alone."""
    machine = request.endpoint == "verification.code_json" or _wants_json()
    with one_line():
        answer = service.verify_token(token, address=limits.address(), way="code", now=clock.now())
    status = 200 if answer.found else 404
    shown = service.shared_credential(answer) if machine else None
    if shown is not None:
        return for_machines(shown, LD_JSON, cache="no-cache")
    if machine:
        return jsonify(service.as_json(answer)), status
    return _shown(answer), status


def _wants_json() -> bool:
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


@bp.get("/register")
@public
def register() -> Any:
    """公示名录 of those who agreed. Region and level must be chosen, and only the first pages are shown: no list of all."""
    limits.spend("register", REGISTER_LIMIT, limits.address())
    places, levels = regions(), level_names()
    region, rank = request.args.get("region", ""), request.args.get("level", "")
    words_typed = (request.args.get("field") or "").replace("\0", "").strip()[:80]
    chosen = region in {str(r.id) for r in places} and rank in {str(n) for n in levels}
    listing, honours = None, dict[int, str]()
    if chosen:
        wanted = service.register(clock.today(), region_id=int(region), rank=int(rank), field_words=words_typed)
        page = request.args.get("page", "1")
        args = dict(request.args)
        if page.isascii() and page.isdigit():
            args["page"] = str(min(int(page[:6]), REGISTER_PAGES))
        listing = Listing(
            wanted,
            [
                Column("name", _l("Full name"), lambda c: c.current.snapshot["holder_name"]),
                Column("level", _l("Level"), lambda c: levels.get(c.rank, c.rank)),
                Column("field", _l("Technical field"), lambda c: c.holder.field),
                Column("region", _l("Region"), lambda c: place_name(c.region)),
                Column("honours", _l("Honours"), lambda c: honours.get(c.holder_id, "")),
                Column("until", _l("Valid until"), lambda c: c.valid_until),
            ],
            args,
            per_page=20,
        )
        listing.pages = min(listing.pages, REGISTER_PAGES)
        honours.update(service.honours_in_words([c.holder_id for c in listing.rows]))
    return render_template(
        "verification/register.html", listing=listing, places_=places, levels=levels, region=region, rank=rank,
        field_words=words_typed, place_name=place_name,
    )  # fmt: skip


from app.verification import views_employers, views_holders, views_office  # noqa: E402, F401 - they hang on the blueprint
