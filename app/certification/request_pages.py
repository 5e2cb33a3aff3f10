"""Pages of requests: the holder's certificate with its whole story, asking, claiming, appealing; the office's side."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires, signed_in
from app.accounts.models import Person
from app.accounts.scope import reaches
from app.audit.service import record
from app.certification import requests, service, status, words
from app.certification.deeds import Did
from app.certification.door import bp
from app.certification.earlier_models import Ask
from app.certification.forms import AppealForm, AskDecisionForm, AskForm, ClaimForm, StatementForm
from app.certification.models import Certificate
from app.certification.states import AGAINST, ASK_KIND_LABELS, ASK_LABELS, AskKind, AskState, Standing
from app.core import clock, limits
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese
from app.db import db, locked, unit_of_work
from app.files.models import StoredFile
from app.files.service import JPEG, PDF, PNG, hand_out, keep

place(
    "certification.asks", _l("Holders' requests"), "certification", can=Can.READ_CERTIFICATE, order=35, count=requests.asks_waiting,
)  # fmt: skip
PROOFS = frozenset({PDF, PNG, JPEG})
CLAIMS = "5 per 1 day"


def _me() -> Person:
    return db.session.get_one(Person, current_person().id)


def _proof(form: Any, me: Person) -> StoredFile | None:
    return keep(form.proof.data, owner=me, kinds=PROOFS, field="proof") if form.proof.data else None


# The holder


@bp.get("/certificates/<int:certificate_id>")
@signed_in
def holding(certificate_id: int) -> Any:
    return _holding(certificate_id, StatementForm(formdata=None))


def _holding(certificate_id: int, form: StatementForm) -> str:
    me = current_person()
    found = service.own_certificate(me, certificate_id)
    waiting = service.proposed(found)
    return render_template(
        "certification/holding.html",
        certificate=found, edition=found.current, state=service.state_on(found, clock.today()), form=form,
        history=words.certificate_history(found, names=False), proposed=waiting, late=bool(waiting and status.was_late(waiting)),
        proposed_words=status.words_of(waiting, english=not chinese()) if waiting else "", against=AGAINST,
        appealable=requests.may_appeal(found, clock.now()), asks=[a for a in requests.asks_of(me) if a.certificate_id == found.id],
        may_ask=found.standing in (Standing.GOOD, Standing.SUSPENDED),
    )  # fmt: skip


@bp.post("/certificates/<int:certificate_id>/statement")
@signed_in
def statement(certificate_id: int) -> Any:
    """The holder's statement on a decision that is proposed."""
    service.own_certificate(current_person(), certificate_id)
    form = StatementForm()
    if not form.validate_on_submit():
        return _holding(certificate_id, form), 422
    try:
        with unit_of_work():
            me = _me()
            waiting = service.proposed(service.own_certificate(me, certificate_id))
            if waiting is None:
                raise NotFound
            status.state_view(locked(waiting), by=me, words=form.statement.data or "", now=clock.now())
    except Refused as error:
        form.refuse(error)
        return _holding(certificate_id, form), error.status
    flash(_("Your statement is with the case; the second officer reads it before deciding."), "success")
    return redirect(url_for("certification.holding", certificate_id=certificate_id))


@bp.get("/certificates/<int:certificate_id>/statements/<int:change_id>")
@signed_in
def own_statement(certificate_id: int, change_id: int) -> Any:
    """The scan of the holder's own statement on paper."""
    found = service.own_certificate(current_person(), certificate_id)
    change = next((one for one in found.changes if one.id == change_id), None)
    if change is None or change.statement_file is None:
        raise NotFound
    return hand_out(change.statement_file)


@bp.route("/certificates/<int:certificate_id>/ask", methods=["GET", "POST"])
@signed_in
def ask(certificate_id: int) -> Any:
    """Ask for a correction or a reprint."""
    found, form = service.own_certificate(current_person(), certificate_id), AskForm()
    status_code = 200
    if request.method == "POST":
        status_code = 422
        if form.validate_on_submit():
            try:
                with unit_of_work():
                    me = _me()
                    requests.ask_edition(
                        locked(service.own_certificate(me, certificate_id)), AskKind(form.kind.data), words=form.words.data or "",
                        proof=_proof(form, me), name=form.name.data or "", name_latin=form.name_latin.data or "", by=me, now=clock.now(),
                    )  # fmt: skip
                flash(_("Your request is with the office; you are told its answer."), "success")
                return redirect(url_for("certification.holding", certificate_id=certificate_id))
            except Refused as error:
                form.refuse(error)
                status_code = error.status
                found = service.own_certificate(current_person(), certificate_id)
    return render_template("certification/ask_new.html", certificate=found, form=form), status_code


@bp.route("/certificates/<int:certificate_id>/appeal", methods=["GET", "POST"])
@signed_in
def appeal(certificate_id: int) -> Any:
    found, form = service.own_certificate(current_person(), certificate_id), AppealForm()
    status_code = 200
    if request.method == "POST":
        status_code = 422
        if form.validate_on_submit():
            try:
                with unit_of_work():
                    me = _me()
                    requests.appeal(
                        locked(service.own_certificate(me, certificate_id)), words=form.words.data or "", proof=_proof(form, me),
                        by=me, now=clock.now(),
                    )  # fmt: skip
                flash(
                    _("Your appeal is with the office; officers who took no part in the decision look at it."),
                    "success",
                )
                return redirect(url_for("certification.holding", certificate_id=certificate_id))
            except Refused as error:
                form.refuse(error)
                status_code = error.status
                found = service.own_certificate(current_person(), certificate_id)
    against = requests.appealable(found, clock.now())
    page = render_template(
        "certification/appeal.html",
        certificate=found, form=form, against=against, against_words=status.words_of(against, english=not chinese()) if against else "",
        terms=status.appeal_words(found, clock.local_date(against.decided_at), english=not chinese()) if against and against.decided_at else None,
    )  # fmt: skip
    return page, status_code


@bp.route("/certificates/claim", methods=["GET", "POST"])
@signed_in
def claim() -> Any:
    """Say that an earlier certificate is one's own. Limited, and answered alike whether it exists or not."""
    form, status_code = ClaimForm(), 200
    if request.method == "POST":
        status_code = 422
        if form.validate_on_submit():
            try:
                limits.spend("certification.claim", CLAIMS, str(current_person().id))
                with unit_of_work():
                    me = _me()
                    requests.claim(
                        number=form.number.data or "", name=form.name.data or "", words=form.words.data or "",
                        proof=_proof(form, me), by=me, now=clock.now(),
                    )  # fmt: skip
                flash(
                    _(
                        "Your claim is with the office. It compares number, name and ID number, and tells you the answer."
                    ),
                    "success",
                )
                return redirect(url_for("certification.mine"))
            except Refused as error:
                form.refuse(error)
                status_code = error.status
    elif not form.name.data:
        form.name.data = current_person().name
    return render_template("certification/claim.html", form=form), status_code


@bp.post("/certificates/requests/<int:ask_id>/withdraw")
@signed_in
def withdraw_ask(ask_id: int) -> Any:
    with unit_of_work():
        requests.withdraw(locked(requests.own_ask(_me(), ask_id)), by=_me())
    flash(_("The request was withdrawn."), "success")
    return redirect(url_for("certification.mine"))


# The office


@bp.get("/office/requests", endpoint="asks")
@requires(Can.READ_CERTIFICATE)
def all_asks() -> Any:
    listing = Listing(
        requests.asks_visible_to(current_person())
        .join(Ask.person)
        .options(selectinload(Ask.person))
        .order_by((Ask.state != AskState.SUBMITTED), Ask.made_at, Ask.id),
        [
            Column("number", _l("Certificate number"), lambda a: a.number, Ask.number),
            Column("person", _l("Asked by"), lambda a: a.person.name, Person.name),
            Column("kind", _l("Request"), lambda a: ASK_KIND_LABELS[a.kind], Ask.kind),
            Column("made", _l("Submitted on"), lambda a: a.made_at, Ask.made_at),
            Column("age", _l("Waits (days)"), lambda a: (clock.today() - clock.local_date(a.made_at)).days if a.state is AskState.SUBMITTED else None, numeric=True),
            Column("state", _l("State"), lambda a: ASK_LABELS[a.state], Ask.state),
        ],
        request.args,
        filters=[
            Filter("kind", _l("Request"), [(k.value, w) for k, w in ASK_KIND_LABELS.items()], lambda v: Ask.kind == AskKind(v)),
            Filter("state", _l("State"), [(k.value, w) for k, w in ASK_LABELS.items()], lambda v: Ask.state == AskState(v)),
        ],
        search=[Ask.number, Person.name],
    )  # fmt: skip
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Holders' requests"))
    return render_template("certification/asks.html", listing=listing)


@bp.get("/office/requests/<int:ask_id>")
@requires(Can.READ_CERTIFICATE)
def ask_case(ask_id: int) -> Any:
    return _ask_case(ask_id, AskDecisionForm(formdata=None))


def _ask_case(ask_id: int, form: AskDecisionForm) -> str:
    me = current_person()
    found = requests.ask_for(me, ask_id)
    certificate: Certificate | None = found.certificate
    fit = requests.fits(found) if found.kind is AskKind.CLAIM else None
    change = next((c for c in certificate.changes if c.id == found.change_id), None) if certificate else None
    return render_template(
        "certification/ask_case.html",
        ask=found, certificate=certificate, fit=fit, form=form, change=change, change_words=status.words_of(change, english=not chinese()) if change else "",
        name_then=requests.name_then(found),
        took_part=change is not None and me.id in (change.proposed_by_id, change.decided_by_id),
        keeps=found.person_id != me.id and reaches(me, Can.KEEP_CERTIFICATE, region=found.region_id),
    )  # fmt: skip


@bp.post("/office/requests/<int:ask_id>")
@requires(Can.KEEP_CERTIFICATE)
def settle_ask(ask_id: int) -> Any:
    """Grant or decline: ``do`` names it."""
    requests.ask_for(current_person(), ask_id)
    form, do = AskDecisionForm(), request.form.get("do", "")
    if do not in ("grant", "decline"):
        raise NotFound
    if not form.validate_on_submit():
        return _ask_case(ask_id, form), 422
    act = requests.grant if do == "grant" else requests.decline
    try:
        with unit_of_work():
            officer = db.session.get_one(Person, current_person().id)
            act(locked(requests.ask_for(officer, ask_id)), by=officer, finding=form.finding.data or "", now=clock.now())
    except Refused as error:
        form.refuse(error)
        return _ask_case(ask_id, form), error.status
    flash(_("The answer was recorded; the holder was told."), "success")
    return redirect(url_for("certification.ask_case", ask_id=ask_id))


@bp.get("/office/requests/<int:ask_id>/proof")
@requires(Can.READ_CERTIFICATE)
def ask_proof(ask_id: int) -> Any:
    """The proof of a request; opening it is recorded."""
    with unit_of_work():
        officer = db.session.get_one(Person, current_person().id)
        found = requests.ask_for(officer, ask_id)
        if found.proof is None:
            raise NotFound
        record(Did.OPEN_ASK_PROOF, found, by=officer)
        kept = found.proof
    return hand_out(kept)
