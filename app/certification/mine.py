"""Pages of trainees and holders: applying, the application, my certificates, renewal."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts import consents
from app.accounts.guard import current_person, signed_in
from app.accounts.models import ConsentKind, Person
from app.certification import applications, credentials, faces, gates, renewals, requests, service, words
from app.certification.door import bp
from app.certification.errors import NoPdfYet, OnPaperOnly, ProofMissing
from app.certification.forms import ApplyForm, RenewalForm
from app.certification.models import Certificate, Edition
from app.certification.states import OPEN, AskKind, AskState, CertificateState, EditionKind, RenewalState, State
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.nav import place
from app.db import db, locked, unit_of_work
from app.files.service import EVIDENCE, hand_out, keep
from app.outline.service import level_names, typed
from app.pathway.words import STAGE_LABELS, missing_words, summary

place("certification.mine", _l("My certificates"), "me", order=60)
STANDING = {CertificateState.VALID, CertificateState.EXPIRING, CertificateState.SUSPENDED}
STEPS = (State.SUBMITTED, State.IN_REVIEW, State.PUBLICITY, State.ISSUED)


def _me() -> Person:
    """The reader's row of this unit of work."""
    return db.session.get_one(Person, current_person().id)


@bp.get("/certificates")
@signed_in
def mine() -> Any:
    me, today = current_person(), clock.today()
    held, asked = service.certificates_of(me), applications.applications_of(me)
    levels = level_names(region_id=me.region_id)
    highest = max((one.rank for one in held if service.state_on(one, today) in STANDING), default=0)
    under_way = {one.rank for one in asked if one.state in OPEN}
    return render_template(
        "certification/mine.html",
        certificates=[
            {
                "row": one,
                "state": service.state_on(one, today),
                "edition": one.current,
                "renewable": renewals.renewable(one, today),
                "window": renewals.window_of(one, today),
                "renewal": renewals.open_renewal(one),
                "proposed": service.proposed(one),
                "appealable": requests.may_appeal(one, clock.now()),
            }
            for one in held
        ],
        applications=asked,
        levels=levels,
        to_apply={rank: name for rank, name in levels.items() if rank > highest and rank not in under_way},
        open_states=OPEN,
        state_words=words.state_words,
        sharing=bool(held) and credentials.shared(held[0]),
        claims=[a for a in requests.asks_of(me) if a.kind is AskKind.CLAIM and a.state is not AskState.GRANTED],
    )


@bp.post("/certificates/sharing/<any(give, withdraw):do>")
@signed_in
def sharing(do: str) -> Any:
    """Give or withdraw the consent that one's credentials may be fetched at the certificates' addresses."""
    with unit_of_work():
        me = _me()
        if do == "give":
            consents.give_consent(me, ConsentKind.CREDENTIAL, now=clock.now())
        else:
            consents.withdraw_consent(me, ConsentKind.CREDENTIAL, now=clock.now())
    flash(_("Your choice is saved."), "success")
    return redirect(url_for("certification.mine"))


@bp.route("/apply/<int:rank>", methods=["GET", "POST"])
@signed_in
def apply(rank: int) -> Any:
    """What will be frozen, and the button that freezes it."""
    me, form = current_person(), ApplyForm()
    if rank not in level_names(region_id=me.region_id):
        raise NotFound
    waiting = applications.open_application(me, rank)
    if waiting is not None:
        return redirect(url_for("certification.application", application_id=waiting.id))
    refusal = ""
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = service.apply_for(_me(), rank, by=_me(), now=clock.now())
            flash(_("Your application was submitted; it waits for review."), "success")
            return redirect(url_for("certification.application", application_id=made.id))
        except Refused as error:
            refusal = error.text
    me, today = current_person(), clock.today()
    pathway = gates.pathway_now(me, rank, today)
    if not refusal and request.method == "GET":
        refusal = _standing_in_the_way(me, rank)
    page = render_template(
        "certification/apply.html",
        form=form, rank=rank, pathway=pathway, refusal=refusal, missing=[missing_words(m) for m in pathway.missing],
        gates=[{"label": STAGE_LABELS[g.stage], "words": summary(g), "passed": g.passed} for g in pathway.gates],
        facts=words.applicant_facts(applications.evidence_of(me, pathway)),
        lacks_photo=me.region_id is not None and faces.lacks_photo(me, me.region_id, today),
    )  # fmt: skip
    return (page, 422) if request.method == "POST" else page


def _standing_in_the_way(me: Person, rank: int) -> str:
    try:
        applications.obstacles(me, rank, clock.today())
    except Refused as error:
        return error.text
    return ""


@bp.get("/applications/<int:application_id>")
@signed_in
def application(application_id: int) -> Any:
    found = applications.own_application(current_person(), application_id)
    return _application_page(found)


def _application_page(found: Any, refusal: str = "") -> str:
    step = STEPS.index(found.state) if found.state in STEPS else 2 if found.state is State.OBJECTION else 0
    return render_template(
        "certification/application.html",
        application=found, refusal=refusal, step=step, gates=words.gate_rows(found.evidence["pathway"]),
        facts=words.applicant_facts(found.evidence), history=words.history_of(found, names=False), open_states=OPEN,
        scheme=typed(found.scheme), state_word=words.state_words(found, clock.today()),
        lacks_photo=found.state in OPEN and faces.lacks_photo(found.person, found.region_id, clock.today()),
    )  # fmt: skip


@bp.post("/applications/<int:application_id>/submit")
@signed_in
def resubmit(application_id: int) -> Any:
    applications.own_application(current_person(), application_id)
    try:
        with unit_of_work():
            found = locked(applications.own_application(_me(), application_id))
            service.resubmit(found, by=_me(), now=clock.now())
    except Refused as error:
        return _application_page(
            applications.own_application(current_person(), application_id), error.text
        ), error.status
    flash(_("Your application was submitted again; it waits for review."), "success")
    return redirect(url_for("certification.application", application_id=application_id))


@bp.post("/applications/<int:application_id>/withdraw")
@signed_in
def withdraw(application_id: int) -> Any:
    with unit_of_work():
        found = locked(applications.own_application(_me(), application_id))
        service.withdraw(found, by=_me(), now=clock.now())
    flash(_("Your application was withdrawn. You can apply again at any time."), "success")
    return redirect(url_for("certification.mine"))


def pdf_of(certificate: Certificate, edition_no: str) -> Any:
    """The PDF of an edition (the current one by default). Raises NoPdfYet while it is being made."""
    wanted: Edition = certificate.current
    if edition_no.isascii() and edition_no.isdigit():
        wanted = next((e for e in certificate.editions if e.no == int(edition_no)), wanted)
    if wanted.pdf is None:
        raise OnPaperOnly if wanted.kind is EditionKind.PRIOR else NoPdfYet
    return hand_out(wanted.pdf, inline=request.args.get("show") == "1")


@bp.get("/certificates/<int:certificate_id>/pdf")
@signed_in
def pdf(certificate_id: int) -> Any:
    return pdf_of(service.own_certificate(current_person(), certificate_id), request.args.get("edition", ""))


@bp.route("/certificates/<int:certificate_id>/renewal", methods=["GET", "POST"])
@signed_in
def renewal(certificate_id: int) -> Any:
    found = service.own_certificate(current_person(), certificate_id)
    form = RenewalForm()
    ledger = renewals.ledger_of(found, clock.today())
    proved = (form.hours.data or 0) <= ledger.total and (form.policy_hours.data or 0) <= ledger.policy
    if form.validate_on_submit():
        try:
            with unit_of_work():
                me = _me()
                if not form.proof.data and not proved:
                    raise ProofMissing("proof")
                proof = (
                    keep(form.proof.data, owner=me, kinds=EVIDENCE, field="proof")
                    if form.proof.data
                    else renewals.proof_from_ledger(service.own_certificate(me, certificate_id), clock.today())
                )
                service.ask_renewal(
                    locked(service.own_certificate(me, certificate_id)),
                    hours=form.hours.data, policy_hours=form.policy_hours.data, proof=proof, by=me, now=clock.now(),
                )  # fmt: skip
            flash(_("The renewal was submitted; the office checks the proof."), "success")
            return redirect(url_for("certification.mine"))
        except Invalid as error:
            form.refuse(error)
        except Refused as error:
            form.form_errors.append(error.text)
    found, today = service.own_certificate(current_person(), certificate_id), clock.today()
    waiting = renewals.open_renewal(found)
    if request.method == "GET":
        form.hours.data, form.policy_hours.data = ledger.total, ledger.policy
    if waiting is not None and request.method == "GET":
        form.hours.data, form.policy_hours.data = waiting.hours, waiting.policy_hours
    page = render_template(
        "certification/renewal.html",
        certificate=found, form=form, window=renewals.window_of(found, today), waiting=waiting,
        open=renewals.renewable(found, today) or (waiting is not None and waiting.state is RenewalState.RETURNED),
        asked=typed(renewals.scheme_of(found, today)), ledger=ledger,
    )  # fmt: skip
    return (page, 422) if request.method == "POST" else page


@bp.post("/certificates/<int:certificate_id>/renewal/withdraw")
@signed_in
def withdraw_renewal(certificate_id: int) -> Any:
    with unit_of_work():
        waiting = renewals.open_renewal(service.own_certificate(_me(), certificate_id))
        if waiting is None:
            raise NotFound
        renewals.withdraw_renewal(locked(waiting), by=_me(), now=clock.now())
    flash(_("The renewal was withdrawn."), "success")
    return redirect(url_for("certification.mine"))
