"""Employers' pages: what is offered, registration, the desk with sheets, history and keys, the interface's description."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, public, requires, signed_in, visitor
from app.accounts.service import regions
from app.accounts.words import place_name
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Invalid
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download
from app.core.text import chinese
from app.db import locked, unit_of_work
from app.jobs import service as jobs
from app.verification import employers, keys, sheets, states
from app.verification.blueprint import bp
from app.verification.forms import KeyForm, RegistrationForm, RotateForm, SheetForm
from app.verification.models import VerificationQuery


@bp.get("/employers")
@public
def for_employers() -> Any:
    """What employers can do here, and how they begin."""
    person = visitor()
    return render_template(
        "verification/for_employers.html", mine=employers.registration_of(person) if person else None,
        registered=employers.employer_id(person) is not None,
    )  # fmt: skip


@bp.get("/employers/api")
@public
def api_docs() -> Any:
    """The interface, with examples."""
    return render_template("verification/api.html", base=settings().PUBLIC_URL, batch=sheets.AT_ONCE)


# Registration


def _registration_form(last: Any) -> RegistrationForm:
    open_again = last is not None and last.state is states.RegistrationState.RETURNED
    form = RegistrationForm(obj=last if open_again and request.method == "GET" else None)
    form.region.choices = [(one.id, place_name(one)) for one in regions()]
    if request.method == "GET":
        form.region.data = last.region_id if open_again else current_person().region_id
    return form


def _registration_page(form: RegistrationForm, last: Any, status: int = 200) -> Any:
    return render_template(
        "verification/registration.html", form=form, last=last, labels=states.REGISTRATION_LABELS, tones=states.REGISTRATION_TONES
    ), status  # fmt: skip


@bp.get("/employers/register")
@signed_in
def registration() -> Any:
    last = employers.registration_of(current_person())
    return _registration_page(_registration_form(last), last)


@bp.post("/employers/register")
@signed_in
def register_employer() -> Any:
    last = employers.registration_of(current_person())
    form = _registration_form(last)
    if not form.validate():
        return _registration_page(form, last, 422)
    wish = employers.Wish(
        form.name.data, form.credit_code.data, form.contact.data, form.phone.data or "", form.purpose.data
    )
    region = next(one for one in regions() if one.id == form.region.data)
    try:
        with unit_of_work():
            employers.register(current_person(), region, wish, now=clock.now())
    except Invalid as refusal:
        form.refuse(refusal)
        return _registration_page(form, last, 422)
    flash(_("The registration is handed in. You will be told of the decision by letter."), "success")
    return redirect(url_for("verification.registration"))


# The desk


def _desk(form: SheetForm, status: int = 200) -> Any:
    organisation = employers.organisation_of(current_person())
    return render_template(
        "verification/desk.html", form=form, organisation=organisation, sheets=sheets.sheets_of(organisation),
        state_words=_job_words, title_of=jobs.title_of,
    ), status  # fmt: skip


def _job_words(job: Any) -> Any:
    from app.jobs.views import STATES

    return STATES[job.state]


@bp.get("/employers/desk")
@requires(Can.VERIFY_MANY)
def desk() -> Any:
    return _desk(SheetForm())


@bp.post("/employers/desk")
@requires(Can.VERIFY_MANY)
def check_sheet() -> Any:
    form = SheetForm()
    if not form.validate():
        return _desk(form, 422)
    try:
        rows = sheets.read(form.file.data.stream.read(sheets.MAX_BYTES + 1))
    except Invalid as refusal:
        form.refuse(refusal)
        return _desk(form, 422)
    with unit_of_work():
        person = current_person()
        job = sheets.start(
            rows, employers.organisation_of(person), by=person, name=form.file.data.filename or "", now=clock.now()
        )
    return redirect(url_for("verification.sheet", job_id=job.id))


@bp.get("/employers/template.xlsx")
@public
def sheet_template() -> Any:
    return download(sheets.template(), "template")


@bp.get("/employers/sheets/<int:job_id>")
@requires(Can.VERIFY_MANY)
def sheet(job_id: int) -> Any:
    """One sheet: how far it is, then its results."""
    job = sheets.sheet_of(employers.organisation_of(current_person()), job_id)
    return render_template(
        "verification/sheet.html", job=job, words=_job_words(job), rows=list(sheets.results_of(job, sheets.AT_ONCE)),
        counts=sheets.counts_of(job), left=jobs.seconds_left(job, clock.now()), own=job.by_id == current_person().id,
        level=3 if chinese() else 4,
    )  # fmt: skip


@bp.get("/employers/sheets/<int:job_id>/result.xlsx")
@requires(Can.VERIFY_MANY)
def sheet_result(job_id: int) -> Any:
    job = sheets.sheet_of(employers.organisation_of(current_person()), job_id)
    return download(sheets.result_file(job, english=not chinese()), f"result-{job.id}")


@bp.get("/employers/history")
@requires(Can.VERIFY_MANY)
def history() -> Any:
    """Every check the employer has made; as an Excel file too."""
    q = VerificationQuery
    outcomes = [(k, v) for k, v in states.LABELS.items()]
    listing = Listing(
        employers.history_of(employers.organisation_of(current_person())),
        [
            Column("at", _l("Time"), lambda r: r.at, q.at),
            Column("typed", _l("Certificate number"), lambda r: r.typed, q.typed),
            Column("outcome", _l("Answer"), lambda r: states.LABELS.get(r.outcome, r.outcome), q.outcome),
            Column("way", _l("Way"), lambda r: states.WAYS.get(r.way, r.way), q.way),
            Column("number", _l("Query number"), lambda r: r.number),
        ],
        request.args,
        [
            Filter("outcome", _l("Answer"), outcomes, lambda v: q.outcome == v),
            Filter("way", _l("Way"), list(states.WAYS.items()), lambda v: q.way == v),
        ],
        [q.typed, q.number],
        "-at",
    )
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Checks made"), "checks")
    return render_template("verification/history.html", listing=listing)


# Keys


def _keys_page(form: KeyForm, status: int = 200) -> Any:
    return render_template(
        "verification/keys.html", form=form, rotate=RotateForm(formdata=None), keys=keys.keys_of(employers.organisation_of(current_person())),
        scopes=keys.SCOPES, now=clock.now(), today=clock.today(), fresh=session.pop("fresh_key", None),
    ), status  # fmt: skip


@bp.get("/employers/keys")
@requires(Can.VERIFY_MANY)
def api_keys() -> Any:
    return _keys_page(KeyForm())


@bp.post("/employers/keys")
@requires(Can.VERIFY_MANY)
def make_key() -> Any:
    form = KeyForm()
    if not form.validate():
        return _keys_page(form, 422)
    try:
        with unit_of_work():
            person = current_person()
            _key, words = keys.make(
                employers.organisation_of(person), name=form.name.data, scopes=form.scopes.data, quota=form.quota.data,
                by=person, now=clock.now(),
            )  # fmt: skip
    except Invalid as refusal:
        form.refuse(refusal)
        return _keys_page(form, 422)
    session["fresh_key"] = words
    return redirect(url_for("verification.api_keys"))


@bp.post("/employers/keys/<int:key_id>/rotate")
@requires(Can.VERIFY_MANY)
def rotate_key(key_id: int) -> Any:
    form = RotateForm()
    if not form.validate():
        return redirect(url_for("verification.api_keys"))
    with unit_of_work():
        person = current_person()
        key = locked(keys.key_of(employers.organisation_of(person), key_id))
        _key, words = keys.rotate(key, overlap=form.overlap.data, by=person, now=clock.now())
    session["fresh_key"] = words
    return redirect(url_for("verification.api_keys"))


@bp.post("/employers/keys/<int:key_id>/revoke")
@requires(Can.VERIFY_MANY)
def revoke_key(key_id: int) -> Any:
    with unit_of_work():
        person = current_person()
        keys.revoke(locked(keys.key_of(employers.organisation_of(person), key_id)), by=person, now=clock.now())
    flash(_("The key is revoked and works no more."), "success")
    return redirect(url_for("verification.api_keys"))
