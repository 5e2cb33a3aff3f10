"""Pages of mandates: the manager's, the officers', and the client's page behind a one-time link."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, public, requires, signed_in
from app.accounts.models import Organisation, Person
from app.accounts.words import place_name
from app.core import clock, limits
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, unit_of_work
from app.files.service import hand_out
from app.performance import mandates, opinions
from app.performance.door import bp, history_of, wants_sheet
from app.performance.mandate_forms import (
    CloseForm,
    ComplaintForm,
    FindingForm,
    MandateForm,
    OfferForm,
    OpinionForm,
    ReassignForm,
    TerminateForm,
    WordsForm,
    values_of,
)
from app.performance.mandate_models import Complaint, Mandate
from app.performance.mandate_states import OPEN_MANDATES, WRITABLE, MandateState
from app.performance.mandate_words import COMPLAINT_STATES, COMPLAINT_TONES, MANDATE_STATES, MANDATE_TONES, SIDES

place(
    "performance.mandate_office", _l("Mandates"), "performance", can=Can.READ_MANDATE, order=35, count=mandates.count_for_office
)  # fmt: skip
OPINION_LIMIT = "30 per 10 minutes"


@bp.context_processor
def _mandate_words() -> dict[str, Any]:
    return {
        "mandate_states": MANDATE_STATES, "mandate_tones": MANDATE_TONES, "sides": SIDES,
        "complaint_states": COMPLAINT_STATES, "complaint_tones": COMPLAINT_TONES,
    }  # fmt: skip


def _columns(*, office: bool) -> list[Column]:
    made = [
        Column("project", _l("Project"), lambda m: m.project, Mandate.project),
        Column("client", _l("Client"), lambda m: m.client_name, Mandate.client_name),
        Column("side", _l("The manager acts for"), lambda m: str(SIDES[m.side]), Mandate.side),
        Column("starts", _l("First day"), lambda m: m.starts_on, Mandate.starts_on),
        Column("ends", _l("Last day"), lambda m: m.ends_on, Mandate.ends_on),
        Column("opinion", _l("Opinion"), lambda m: m.opinion.score if m.opinion else None, numeric=True),
        Column("state", _l("State"), lambda m: str(MANDATE_STATES[m.state]), Mandate.state),
    ]
    if office:
        made[1:2] = [
            Column("person", _l("Manager"), lambda m: m.person.name, Person.name),
            Column("organisation", _l("Organisation"), lambda m: place_name(m.organisation)),
            Column("client", _l("Client"), lambda m: m.client_name, Mandate.client_name),
        ]
        made = [one for one in made if one.key != "side"]
    return made


def _state_filter(left_out: tuple[MandateState, ...] = ()) -> Filter:
    choices = [(k.value, v) for k, v in MANDATE_STATES.items() if k not in left_out]
    return Filter("state", _l("State"), choices, lambda value: Mandate.state == MandateState(value))


# --- the manager ----------------------------------------------------------------------------------------------------------


@bp.get("/mandates")
@signed_in
def my_mandates() -> str:
    listing = Listing(
        mandates.own_mandates(current_person()).options(joinedload(Mandate.opinion)).order_by(Mandate.id.desc()),
        _columns(office=False), request.args, search=[Mandate.project, Mandate.client_name], filters=[_state_filter()],
    )  # fmt: skip
    return render_template("performance/my_mandates.html", listing=listing)


@bp.route("/mandates/new", methods=["GET", "POST"])
@signed_in
def new_mandate() -> Any:
    form = MandateForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = mandates.write(form.mandate_data(), uploads=form.uploads(), by=current_person(), now=clock.now())
            return _signed_if_asked(made.id)
        except Invalid as error:
            form.refuse(error)
    return _edit_page(form)


def _edit_page(form: Any, **more: Any) -> Any:
    page = render_template(
        "performance/edit_mandate.html", form=form, **{"layout": "base.html", "mandate": None, **more}
    )
    return (page, 422) if form.is_submitted() else page


def _signed_if_asked(mandate_id: int) -> Any:
    """After a draft was saved: sign it where that was asked. A refusal leaves the draft and says why."""
    if request.form.get("do") == "sign":
        return _do(mandate_id, mandates.sign, _("You have signed. The organisation decides next."))
    flash(_("The draft is saved. Sign it when it is complete."), "success")
    return redirect(url_for("performance.mandate", mandate_id=mandate_id))


@bp.route("/mandates/<int:mandate_id>/edit", methods=["GET", "POST"])
@signed_in
def edit_mandate(mandate_id: int) -> Any:
    found = mandates.mandate_for(current_person(), mandate_id)
    if found.person_id != current_person().id:
        raise NotFound
    if found.state not in WRITABLE:
        raise mandates.Written
    form = MandateForm(**values_of(found))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                mandates.edit(
                    mandates.mandate_for(by, mandate_id),
                    form.mandate_data(),
                    uploads=form.uploads(),
                    by=by,
                    now=clock.now(),
                )
            return _signed_if_asked(mandate_id)
        except Invalid as error:
            form.refuse(error)
            found = mandates.mandate_for(current_person(), mandate_id)
    return _edit_page(form, mandate=found)


@bp.get("/mandates/<int:mandate_id>")
@signed_in
def mandate(mandate_id: int) -> str:
    return mandate_page(mandates.mandate_for(current_person(), mandate_id))


def mandate_page(found: Mandate, form: Any = None, task: str = "") -> str:
    """A mandate for its manager, an officer, or a reader; with the forms of what may be done next."""
    person = current_person()
    own, keeps = found.person_id == person.id, mandates.keeps(person, found)
    state, still = found.state, found.state in OPEN_MANDATES
    forms: dict[str, Any] = {}
    if own and state is MandateState.OFFERED:
        forms["decline"] = WordsForm
    if keeps and state is MandateState.PROPOSED:
        forms["return"] = WordsForm
    if (own or keeps) and state is MandateState.ACTIVE:
        forms["close"] = CloseForm
    if (own and state is MandateState.ACTIVE) or (keeps and still):
        forms["terminate"] = TerminateForm
    if keeps and still:
        forms["reassign"] = ReassignForm
    if keeps and state not in WRITABLE:
        forms["complain"] = ComplaintForm
    made = {name: form if name == task else kind(formdata=None, prefix=name) for name, kind in forms.items()}
    if "reassign" in made:
        made["reassign"].person_id.choices = _managers(found.organisation_id, but={found.person_id, person.id})
    settles = [one.id for one in found.complaints if one.state == "open" and opinions.may_settle(person, one)]
    return render_template(
        "performance/mandate.html", mandate=found, own=own, keeps=keeps, forms=made, settles=settles,
        finding=form if task == "settle" else FindingForm(formdata=None), layout="base.html" if own else "office.html",
        fit=found.person_id not in mandates.unfit_people({found.person_id}, clock.today()) if still else True,
        registered=mandates.contract_registered(found), claims=mandates.claims_of(found),
        writable=own and state in WRITABLE, history=history_of(found, names=not own),
    )  # fmt: skip


def _managers(organisation_id: int, *, but: set[int]) -> list[tuple[int, str]]:
    return [(p.id, p.name) for p in mandates.managers_of(organisation_id, clock.today()) if p.id not in but]


def _do(mandate_id: int, verb: Any, said: str, **more: Any) -> Any:
    """One step of a mandate, then its page again; a refusal that belongs to no form is told there."""
    try:
        with unit_of_work():
            by = current_person()
            verb(mandates.mandate_for(by, mandate_id), by=by, now=clock.now(), **more)
        flash(said, "success")
    except (Invalid, mandates.NoCertificate, mandates.CreditTooLow, mandates.Over) as error:
        flash(error.text, "warning")
    return redirect(url_for("performance.mandate", mandate_id=mandate_id))


@bp.post("/mandates/<int:mandate_id>/sign")
@signed_in
def sign_mandate(mandate_id: int) -> Any:
    return _do(mandate_id, mandates.sign, _("You have signed. The organisation decides next."))


@bp.post("/mandates/<int:mandate_id>/withdraw")
@signed_in
def withdraw_mandate(mandate_id: int) -> Any:
    return _do(mandate_id, mandates.withdraw, _("The mandate was withdrawn."))


@bp.post("/mandates/<int:mandate_id>/agree")
@signed_in
def agree_mandate(mandate_id: int) -> Any:
    return _do(mandate_id, mandates.agree, _("You have signed. The mandate is in force."))


def _with_form(mandate_id: int, task: str, form: Any, do: Any, said: str) -> Any:
    """A step with a form: the page again with the words at the field where it is refused."""
    found = mandates.mandate_for(current_person(), mandate_id)
    if isinstance(form, ReassignForm):
        form.person_id.choices = _managers(found.organisation_id, but={found.person_id, current_person().id})
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                do(mandates.mandate_for(by, mandate_id), by, clock.now())
            flash(said, "success")
            return redirect(url_for("performance.mandate", mandate_id=mandate_id))
        except Invalid as error:
            form.refuse(error)
            found = mandates.mandate_for(current_person(), mandate_id)
    return mandate_page(found, form, task), 422


@bp.post("/mandates/<int:mandate_id>/decline")
@signed_in
def decline_mandate(mandate_id: int) -> Any:
    form = WordsForm(prefix="decline")
    return _with_form(
        mandate_id, "decline", form, lambda m, by, now: mandates.decline(m, reason=form.reason.data, by=by, now=now),
        _("You have declined. The organisation was told."),
    )  # fmt: skip


@bp.post("/mandates/<int:mandate_id>/close")
@signed_in
def close_mandate(mandate_id: int) -> Any:
    form = CloseForm(prefix="close")
    return _with_form(
        mandate_id, "close", form, lambda m, by, now: mandates.close(m, form.number.data, on=form.on.data, by=by, now=now),
        _("The contract is recorded. The mandate has ended."),
    )  # fmt: skip


@bp.post("/mandates/<int:mandate_id>/terminate")
@signed_in
def terminate_mandate(mandate_id: int) -> Any:
    form = TerminateForm(prefix="terminate")
    return _with_form(
        mandate_id, "terminate", form,
        lambda m, by, now: mandates.terminate(m, reason=form.reason.data, on=form.on.data, by=by, now=now),
        _("The mandate was terminated."),
    )  # fmt: skip


@bp.get("/mandates/<int:mandate_id>/files/<int:file_id>")
@signed_in
def mandate_file(mandate_id: int, file_id: int) -> Response:
    return hand_out(mandates.file_of(mandates.mandate_for(current_person(), mandate_id), file_id), inline=True)


# --- officers -------------------------------------------------------------------------------------------------------------

TABS = {
    "": _l("All mandates"),
    "accept": _l("To accept"),
    "reassign": _l("To reassign"),
    "complaints": _l("Complaints"),
}


@bp.get("/mandates/office")
@requires(Can.READ_MANDATE, Can.KEEP_MANDATE)
def mandate_office() -> str | Response:
    person, show = current_person(), request.args.get("show", "")
    show = show if show in TABS else ""
    counts = {
        "accept": _count(mandates.waiting_for_acceptance(person)), "reassign": _count(mandates.to_reassign(person)),
        "complaints": opinions.count_to_settle(person),
    }  # fmt: skip
    if show == "complaints":
        listing = _complaints(person)
    else:
        source = {"accept": mandates.waiting_for_acceptance, "reassign": mandates.to_reassign}.get(
            show, mandates.office_mandates
        )
        listing = Listing(
            source(person).options(joinedload(Mandate.person), joinedload(Mandate.opinion)).order_by(Mandate.id.desc()),
            _columns(office=True), request.args, search=[Mandate.project, Mandate.client_name, Person.name],
            filters=[] if show else [_state_filter((MandateState.DRAFT,))],
        )  # fmt: skip
    if wants_sheet():
        return listing.as_download(_("Mandates"))
    return render_template(
        "performance/mandate_office.html", listing=listing, show=show, tabs_=TABS, counts=counts,
        may_offer=bool(mandates.organisations_kept(person)),
    )  # fmt: skip


def _count(asked: Any) -> int:
    from sqlalchemy import func, select

    return db.session.scalar(select(func.count()).select_from(asked.order_by(None).subquery())) or 0


def _complaints(person: Person) -> Listing:
    return Listing(
        opinions.complaints_to_settle(person)
        .options(joinedload(Complaint.person), joinedload(Complaint.mandate))
        .order_by(Complaint.received_on, Complaint.id),
        [
            Column("mandate", _l("Project"), lambda c: c.mandate.project),
            Column("person", _l("Manager"), lambda c: c.person.name, Person.name),
            Column("words", _l("Complaint"), lambda c: c.words[:120]),
            Column("received", _l("Received on"), lambda c: c.received_on, Complaint.received_on),
        ],
        request.args,
    )


@bp.route("/mandates/office/new", methods=["GET", "POST"])
@requires(Can.KEEP_MANDATE)
def offer_mandate() -> Any:
    """An organisation's officer enters a mandate and names the manager."""
    kept = mandates.organisations_kept(current_person())
    asked = request.args.get("organisation", "")
    chosen = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked) in kept else None
    if chosen is None and len(kept) == 1:
        chosen = next(iter(kept))
    if chosen is None:
        listed = [one for one in (db.session.get(Organisation, n) for n in sorted(kept)) if one is not None]
        return render_template("performance/choose_organisation.html", organisations=listed)
    form = OfferForm()
    form.person_id.choices = _managers(chosen, but={current_person().id})
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = mandates.offer(
                    form.mandate_data(),
                    chosen,
                    form.person_id.data,
                    uploads=form.uploads(),
                    by=current_person(),
                    now=clock.now(),
                )
            flash(_("The mandate is entered. The manager was asked to sign."), "success")
            return redirect(url_for("performance.mandate", mandate_id=made.id))
        except Invalid as error:
            form.refuse(error)
    organisation = db.session.get_one(Organisation, chosen)
    return _edit_page(form, layout="office.html", organisation=organisation)


@bp.post("/mandates/<int:mandate_id>/accept")
@requires(Can.KEEP_MANDATE)
def accept_mandate(mandate_id: int) -> Any:
    return _do(mandate_id, mandates.accept, _("The mandate is accepted and in force. The manager was told."))


@bp.post("/mandates/<int:mandate_id>/return")
@requires(Can.KEEP_MANDATE)
def return_mandate(mandate_id: int) -> Any:
    form = WordsForm(prefix="return")
    return _with_form(
        mandate_id, "return", form, lambda m, by, now: mandates.send_back(m, reason=form.reason.data, by=by, now=now),
        _("The mandate was returned to the manager with your words."),
    )  # fmt: skip


@bp.post("/mandates/<int:mandate_id>/reassign")
@requires(Can.KEEP_MANDATE)
def reassign_mandate(mandate_id: int) -> Any:
    form = ReassignForm(prefix="reassign")
    return _with_form(
        mandate_id, "reassign", form,
        lambda m, by, now: mandates.reassign(m, form.person_id.data, reason=form.reason.data, by=by, now=now),
        _("Both managers were told. The mandate goes on once the new one has signed."),
    )  # fmt: skip


@bp.post("/mandates/<int:mandate_id>/complaints")
@requires(Can.KEEP_MANDATE)
def complain(mandate_id: int) -> Any:
    form = ComplaintForm(prefix="complain")

    def do(found: Mandate, by: Person, now: Any) -> None:
        if not mandates.keeps(by, found):
            raise Forbidden
        opinions.complain(found, form.words.data, received_on=form.received_on.data, by=by, now=now)

    return _with_form(
        mandate_id, "complain", form, do, _("The complaint is recorded. An officer of the region looks into it.")
    )


@bp.post("/mandates/<int:mandate_id>/complaints/<int:complaint_id>")
@requires(Can.KEEP_INTEGRITY)
def settle_complaint(mandate_id: int, complaint_id: int) -> Any:
    form, do = FindingForm(), request.form.get("do", "")

    def settle(found: Mandate, by: Person, now: Any) -> None:
        if do not in ("substantiated", "dismissed"):
            raise Invalid
        opinions.settle(
            opinions.complaint_of(found, complaint_id),
            substantiated=do == "substantiated",
            finding=form.finding.data,
            by=by,
            now=now,
        )

    return _with_form(mandate_id, "settle", form, settle, _("The finding is recorded. The manager was told."))


# --- the client -----------------------------------------------------------------------------------------------------------


@bp.route("/opinion/<token>", methods=["GET", "POST"])
@public
def opinion(token: str) -> Any:
    """The client's page: opened by the link in the mail, answered once. It tells the client no more than their mandate."""
    limits.spend("opinion", OPINION_LIMIT, limits.address())
    found = opinions.by_token(token, clock.today())
    form = OpinionForm()
    if form.validate_on_submit():
        with unit_of_work():
            opinions.give(
                opinions.by_token(token, clock.today()), score=form.score.data, comment=form.comment.data or "",
                complaint=form.complaint.data or "", now=clock.now(),
            )  # fmt: skip
        return render_template("performance/opinion_thanks.html")
    page = render_template("performance/opinion.html", form=form, mandate=found.mandate, until=found.usable_until)
    return (page, 422) if form.is_submitted() else page


def prefilled_claim(person: Person, asked: str) -> mandates.Prefilled | None:
    """What a claim begins with that was opened from a mandate of the person (``?mandate=7``)."""
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        return None
    found = db.session.scalar(mandates.own_mandates(person).where(Mandate.id == int(asked)))
    return mandates.claim_begins_with(found) if found is not None else None
