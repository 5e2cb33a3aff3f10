"""Pages of reviewers, officers and auditors: inbox, decisions, contracts, ledger, people, integrity."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, extract, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Organisation, Person, PersonState
from app.accounts.scope import reaches, within
from app.accounts.service import person_page, regions
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese, number
from app.db import db, unit_of_work
from app.performance import claims, contracts, integrity, ledger, register, repairs, words
from app.performance.door import bp, history_of, wants_sheet
from app.performance.forms import (
    ContractForm,
    DayReasonForm,
    DecisionForm,
    EventDecisionForm,
    EventForm,
    HonourForm,
)
from app.performance.mine import (
    claim_page,
    claim_state_filter,
    entry_columns,
    entry_filters,
    event_page,
    explained,
    points_of,
    standing_page,
    told_on_page,
)
from app.performance.models import (
    Claim,
    Contract,
    ContractKind,
    ContractState,
    CreditEntry,
    Honour,
    HonourKind,
    IntegrityEvent,
)
from app.performance.rulebook import RuleBook
from app.performance.states import ClaimState, EventState

READS = (Can.READ_CLAIM, Can.REVIEW_CLAIM)

place(
    "performance.inbox",
    _l("Claims to review"),
    "performance",
    can=Can.REVIEW_CLAIM,
    order=10,
    count=claims.count_waiting,
)
person_page("performance.person", _l("Performance"), Can.READ_CLAIM)
place("performance.all_claims", _l("All claims"), "performance", can=Can.READ_CLAIM, order=20)
place("performance.contract_list", _l("Contract register"), "performance", can=contracts.SEES, order=30)
place("performance.ledger_list", _l("Credit ledger"), "performance", can=Can.READ_CLAIM, order=40)
place("performance.people", _l("Credit of people"), "performance", can=Can.READ_CLAIM, order=50)
place(
    "performance.integrity_list", _l("Integrity credit"), "performance", can=Can.READ_CLAIM, order=60,
    count=lambda person: (integrity.count_to_decide(person) + repairs.count_to_decide(person)) if person.can(Can.KEEP_INTEGRITY) else 0,
)  # fmt: skip


# --- claims ---------------------------------------------------------------------------------------------------------


def _claim_columns() -> list[Column]:
    return [
        Column("title", _l("Claim"), lambda c: c.title, Claim.title),
        Column("person", _l("Person"), lambda c: c.person.name, Person.name),
        Column(
            "organisation",
            _l("Organisation"),
            lambda c: place_name(c.person.organisation) or None,
        ),
        Column("indicator", _l("Indicator"), lambda c: c.indicator, Claim.indicator),
        Column("dated", _l("Day of the deal"), lambda c: c.dated, Claim.dated),
        Column("submitted", _l("Submitted at"), lambda c: c.submitted_at, Claim.submitted_at),
    ]


@bp.get("/inbox")
@requires(Can.REVIEW_CLAIM)
def inbox() -> str:
    person = current_person()
    listing = Listing(
        claims.waiting_for(person).options(joinedload(Claim.person)).order_by(Claim.submitted_at, Claim.id),
        _claim_columns(),
        request.args,
        search=[Claim.title, Person.name],
        filters=[_indicator_filter(person)],
    )
    return render_template("performance/inbox.html", listing=listing)


def _indicator_filter(person: Person) -> Filter:
    codes = RuleBook(person.region_id).rules_on(clock.today()).indicators
    return Filter("indicator", _l("Indicator"), [(c, c) for c in codes], lambda value: Claim.indicator == value)


@bp.get("/claims")
@requires(*READS)
def all_claims() -> str | Response:
    person = current_person()
    columns = [
        *_claim_columns(),
        Column("points", _l("Points granted"), points_of, numeric=True),
        Column("state", _l("State"), lambda c: str(words.CLAIM_STATES[c.state]), Claim.state),
    ]
    listing = Listing(
        claims.office_claims(person)
        .options(joinedload(Claim.person), selectinload(Claim.entries))
        .order_by(Claim.submitted_at.desc(), Claim.id.desc()),
        columns,
        request.args,
        search=[Claim.title, Person.name],
        filters=[claim_state_filter([ClaimState.DRAFT]), _indicator_filter(person)],
    )
    if wants_sheet():
        return listing.as_download(_("Claims"))
    return render_template("performance/all_claims.html", listing=listing)


@bp.post("/claims/<int:claim_id>/decide")
@requires(Can.REVIEW_CLAIM)
def decide_claim(claim_id: int) -> Any:
    form = DecisionForm()
    if form.validate_on_submit():
        try:
            said = _decide(claim_id, request.form.get("do", ""), form)
            flash(said, "success")
            return redirect(url_for("performance.inbox"))
        except Invalid as error:
            form.refuse(error)
    return claim_page(claims.claim_for(current_person(), claim_id), form), 422


def _decide(claim_id: int, do: str, form: DecisionForm) -> str:
    with unit_of_work():
        by, now = current_person(), clock.now()
        found = claims.claim_for(by, claim_id)
        if do == "approve":
            made = claims.approve(found, by=by, now=now, remark=form.remark.data or "", allowed=form.allowed.data or "")
            points = sum((one.points for one in made), Decimal(0))
            return ngettext(
                "Granted: %(points)s point is in the ledger.",
                "Granted: %(points)s points are in the ledger.",
                points,
                points=number(points),
            )
        if do == "return":
            claims.send_back(found, by=by, now=now, remark=form.remark.data or "")
            return _("The claim was returned to the claimant with your words.")
        if do == "refuse":
            claims.refuse(found, by=by, now=now, remark=form.remark.data or "")
            return _("The claim was refused.")
    raise NoDecision


class NoDecision(Invalid):
    message = _l("Please choose what is to happen with the claim.")


@bp.route("/claims/<int:claim_id>/reverse", methods=["GET", "POST"])
@requires(Can.REVERSE_CREDIT)
def reverse_claim(claim_id: int) -> Any:
    found = claims.claim_for(current_person(), claim_id)
    if found.state is not ClaimState.GRANTED or found.person_id == current_person().id:
        raise NotFound
    form = DayReasonForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                claims.reverse_claim(
                    claims.claim_for(by, claim_id), on=form.on.data, reason=form.reason.data, by=by, now=clock.now()
                )
            flash(_("The points were reversed. The claimant has been told."), "success")
            return redirect(url_for("performance.claim", claim_id=claim_id))
        except Invalid as error:
            form.refuse(error)
            found = claims.claim_for(current_person(), claim_id)
    page = render_template("performance/reverse.html", claim=found, form=form)
    return (page, 422) if form.is_submitted() else page


# --- contracts ------------------------------------------------------------------------------------------------------


def _asked_cut() -> register.Cut | None:
    """The list behind a figure of the totals: the same two days."""
    if "until" not in request.args:
        return None
    from app.performance.register_pages import asked_cut

    return asked_cut()


@bp.get("/contracts")
@requires(*contracts.SEES)
def contract_list() -> str | Response:
    person = current_person()
    held = (
        select(func.coalesce(func.sum(contracts.ContractShare.share), 0))
        .where(contracts.ContractShare.contract_id == Contract.id, contracts.ContractShare.released_at.is_(None))
        .scalar_subquery()
    )
    cut = _asked_cut()
    places = [r for r in regions() if r.ours]
    years = [str(y) for y in register.years(person)]
    source = contracts.contracts_visible_to(person) if cut is None else register.counted(person, cut)
    listing = Listing(
        source.options(joinedload(Contract.region)).order_by(Contract.signed_on.desc(), Contract.id.desc()),
        [
            Column("number", _l("Registration number"), lambda c: c.number, Contract.number),
            Column("title", _l("Name of the contract"), lambda c: c.title, Contract.title),
            Column("kind", _l("Kind of contract"), lambda c: str(words.CONTRACT_KINDS[c.kind]), Contract.kind),
            Column("buyer", _l("Buyer"), lambda c: c.buyer, Contract.buyer),
            Column("seller", _l("Seller"), lambda c: c.seller, Contract.seller),
            Column("amount", _l("Contract value (CNY 10,000)"), lambda c: c.amount, Contract.amount, numeric=True),
            Column("signed", _l("Date of signature"), lambda c: c.signed_on, Contract.signed_on),
            *(
                [Column("region", _l("Region"), lambda c: place_name(c.region) or None, Contract.region_id)]
                if len(places) > 1
                else []
            ),
            Column("state", _l("State"), lambda c: str(words.CONTRACT_STATES[c.state]), Contract.state),
        ],
        request.args,
        search=[Contract.number, Contract.title, Contract.buyer, Contract.seller],
        filters=[
            Filter(
                "state",
                _l("State"),
                [(k.value, v) for k, v in words.CONTRACT_STATES.items()],
                lambda value: Contract.state == ContractState(value),
            ),
            Filter(
                "kind",
                _l("Kind of contract"),
                [(k.value, v) for k, v in words.CONTRACT_KINDS.items()],
                lambda value: Contract.kind == ContractKind(value),
            ),
            Filter(
                "year",
                _l("Year"),
                [(y, y) for y in years],
                lambda value: extract("year", register.counted_on()) == int(value),
            ),
            *(
                [
                    Filter(
                        "region",
                        _l("Region"),
                        [(r.id, place_name(r)) for r in places],
                        lambda value: Contract.region_id == int(value),
                    )
                ]
                if len(places) > 1
                else []
            ),
            Filter(
                "claimed",
                _l("Claimed"),
                [("full", _l("wholly")), ("part", _l("in part")), ("none", _l("not at all"))],
                lambda value: {"full": held >= 100, "part": (held > 0) & (held < 100), "none": held == 0}[value],
            ),
        ],
    )
    if wants_sheet():
        return listing.as_download(_("Contract register"))
    listing.columns = [c for c in listing.columns if c.key != "kind"]  # the sheet and the contract's page tell it
    return render_template(
        "performance/contracts.html",
        listing=listing,
        may_add=person.can(Can.REVIEW_CLAIM) or person.can(Can.KEEP_CONTRACT),
        cut=cut,
    )


@bp.route("/contracts/new", methods=["GET", "POST"])
@requires(Can.REVIEW_CLAIM, Can.KEEP_CONTRACT)
def new_contract() -> Any:
    form = ContractForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = contracts.register(form.contract_data(), by=current_person(), now=clock.now())
            flash(_("The contract is in the register."), "success")
            return redirect(url_for("performance.contract", contract_id=made.id))
        except Invalid as error:
            form.refuse(error)
    page = render_template("performance/edit_contract.html", form=form, contract=None)
    return (page, 422) if form.is_submitted() else page


@bp.get("/contracts/<int:contract_id>")
@requires(*contracts.SEES)
def contract(contract_id: int) -> str:
    person = current_person()
    found = contracts.contract_for(person, contract_id)
    open_claims = {
        one.id: one
        for one in db.session.scalars(
            claims.claims_visible_to(person).where(Claim.contract_id == found.id).options(joinedload(Claim.person))
        )
    }
    involved = any(one.person_id == person.id for one in found.claims)
    counted = any(one.state is ClaimState.GRANTED for one in found.claims)

    def keeps(usual: Can) -> bool:
        return reaches(person, contracts.right_for(person, found.region_id, usual), region=found.region_id)

    return render_template(
        "performance/contract.html",
        contract=found,
        shares=contracts.shares_held(found),
        others=[one for one in found.claims if one.id in open_claims and one.state is not ClaimState.DRAFT],
        open_claims=open_claims,
        taken=sum((one.share for one in contracts.shares_held(found)), 0),
        may_confirm=keeps(Can.REVIEW_CLAIM)
        and found.state is not ContractState.DISSOLVED
        and not involved
        and not counted,
        may_dissolve=keeps(Can.REVERSE_CREDIT) and found.state is not ContractState.DISSOLVED and not involved,
        involved=involved,
        history=history_of(found, names=True),
    )


@bp.route("/contracts/<int:contract_id>/confirm", methods=["GET", "POST"])
@requires(Can.REVIEW_CLAIM, Can.KEEP_CONTRACT)
def confirm_contract(contract_id: int) -> Any:
    found = contracts.contract_for(current_person(), contract_id)
    form = ContractForm(obj=found)
    if request.method == "GET":
        form.kind.data = found.kind.value
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                contracts.confirm(contracts.contract_for(by, contract_id), form.contract_data(), by=by, now=clock.now())
            flash(_("The contract is confirmed. Claims on it now count by these data."), "success")
            return redirect(url_for("performance.contract", contract_id=contract_id))
        except Invalid as error:
            form.refuse(error)
            found = contracts.contract_for(current_person(), contract_id)
    page = render_template("performance/edit_contract.html", form=form, contract=found)
    return (page, 422) if form.is_submitted() else page


@bp.route("/contracts/<int:contract_id>/dissolve", methods=["GET", "POST"])
@requires(Can.REVERSE_CREDIT, Can.KEEP_CONTRACT)
def dissolve_contract(contract_id: int) -> Any:
    found = contracts.contract_for(current_person(), contract_id)
    form = DayReasonForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                made = contracts.dissolve(
                    contracts.contract_for(by, contract_id), on=form.on.data, reason=form.reason.data, by=by,
                    now=clock.now(),
                )  # fmt: skip
            flash(
                ngettext(
                    "The contract is dissolved; %(n)s line of the ledger was reversed.",
                    "The contract is dissolved; %(n)s lines of the ledger were reversed.",
                    len(made),
                ),
                "success",
            )
            return redirect(url_for("performance.contract", contract_id=contract_id))
        except Invalid as error:
            form.refuse(error)
            found = contracts.contract_for(current_person(), contract_id)
    granted = [one for one in found.claims if one.state is ClaimState.GRANTED]
    page = render_template("performance/dissolve.html", contract=found, form=form, granted=granted)
    return (page, 422) if form.is_submitted() else page


# --- ledger and people ----------------------------------------------------------------------------------------------


@bp.get("/ledger")
@requires(*READS)
def ledger_list() -> str | Response:
    person = current_person()
    listing = Listing(
        ledger.entries_visible_to(person)
        .options(joinedload(CreditEntry.claim), joinedload(CreditEntry.person))
        .order_by(CreditEntry.id.desc()),
        entry_columns(people=True),
        request.args,
        search=[Person.name],
        filters=entry_filters(RuleBook(person.region_id).rules_on(clock.today())),
    )
    if wants_sheet():
        return listing.as_download(_("Credit ledger"))
    return render_template("performance/ledger.html", listing=told_on_page(listing))


def people_visible_to(person: Person) -> Select[Person]:
    """People whose credit somebody may read."""
    return select(Person).where(
        Person.state == PersonState.ACTIVE,
        or_(
            *(
                within(person, can, region=Person.region_id, organisation=Person.organisation_id)
                for can in (Can.READ_CLAIM, Can.KEEP_INTEGRITY)
            )
        ),
    )


def person_for(person: Person, person_id: int) -> Person:
    found = db.session.scalar(people_visible_to(person).where(Person.id == person_id))
    if found is None:
        raise NotFound
    return found


@bp.get("/people")
@requires(Can.READ_CLAIM)
def people() -> str:
    has_lines = select(CreditEntry.id).where(CreditEntry.person_id == Person.id).exists()
    listing = Listing(
        people_visible_to(current_person()).outerjoin(Organisation, Organisation.id == Person.organisation_id)
        .order_by(Person.name, Person.id),
        [
            Column("name", _l("Full name"), lambda p: p.name, Person.name),
            Column("organisation", _l("Organisation"), lambda p: place_name(p.organisation) or None, Organisation.name_zh),
            Column("region", _l("Region"), lambda p: place_name(p.region) or None),
        ],
        request.args,
        search=[Person.name, Person.email, Organisation.name_zh, Organisation.name_en],
        filters=[
            Filter(
                "credit", _l("Performance credit"), [("yes", _l("with lines in the ledger")), ("no", _l("without"))],
                lambda value: has_lines if value == "yes" else ~has_lines,
            )
        ],
    )  # fmt: skip
    return render_template("performance/people.html", listing=listing)


@bp.get("/people/<int:person_id>")
@requires(Can.READ_CLAIM)
def person(person_id: int) -> str:
    reader = current_person()
    found = person_for(reader, person_id)
    return _person_page(reader, found)


def _person_page(reader: Person, found: Person, form: Any = None) -> str:
    keeps = found.id != reader.id and reaches(
        reader, Can.KEEP_INTEGRITY, region=found.region_id, organisation=found.organisation_id
    )
    listing = Listing(
        select(CreditEntry)
        .where(CreditEntry.person_id == found.id)
        .order_by(CreditEntry.id.desc())
        .options(joinedload(CreditEntry.claim)),
        entry_columns(people=False),
        request.args,
        filters=entry_filters(RuleBook(found.region_id).rules_on(clock.today())),
    )
    form = form or (honour_form() if keeps else None)
    return standing_page(
        found, "performance/person.html", found=found, keeps=keeps, listing=listing, form=form,
        events=integrity.events_of(found), honours=integrity.honours_of(found), repairs=repairs.repairs_of(found),
        **explained(found),
    )  # fmt: skip


# --- integrity ------------------------------------------------------------------------------------------------------


@bp.get("/integrity/all")
@requires(Can.READ_CLAIM, Can.KEEP_INTEGRITY)
def integrity_list() -> str | Response:
    person = current_person()
    ripe_only = request.args.get("show") == "mine" and person.can(Can.KEEP_INTEGRITY)
    source = integrity.to_decide(person) if ripe_only else integrity.events_visible_to(person)
    listing = Listing(
        source.options(joinedload(IntegrityEvent.person), joinedload(IntegrityEvent.rule)).order_by(
            IntegrityEvent.answer_until, IntegrityEvent.id
        ),
        [
            Column("event", _l("Matter"), integrity.event_name, IntegrityEvent.code),
            Column("person", _l("Person"), lambda e: e.person.name, Person.name),
            Column("happened", _l("Happened on"), lambda e: e.happened_on, IntegrityEvent.happened_on),
            Column("deduct", _l("Deduction"), lambda e: e.deduct, IntegrityEvent.deduct, numeric=True),
            Column("until", _l("Answer until"), lambda e: e.answer_until, IntegrityEvent.answer_until),
            Column("state", _l("State"), lambda e: str(words.EVENT_STATES[e.state]), IntegrityEvent.state),
        ],
        request.args,
        search=[Person.name],
        filters=[
            Filter(
                "state",
                _l("State"),
                [(k.value, v) for k, v in words.EVENT_STATES.items()],
                lambda value: IntegrityEvent.state == EventState(value),
            )
        ],
    )
    if wants_sheet():
        return listing.as_download(_("Integrity credit"))
    waiting = integrity.count_to_decide(person) if person.can(Can.KEEP_INTEGRITY) else None
    return render_template("performance/integrity_list.html", listing=listing, waiting=waiting, ripe_only=ripe_only,
        repairs_waiting=repairs.count_to_decide(person) if person.can(Can.KEEP_INTEGRITY) else 0,
    )  # fmt: skip


def _event_form(found: Person) -> EventForm:
    form = EventForm()
    english = not chinese()
    form.code.choices = [
        (row["code"], f"{row['en' if english else 'zh']} (−{row['deduct'].normalize():f})")
        for row in integrity.kinds_of_event(found.region_id)
    ]
    return form


@bp.route("/people/<int:person_id>/notice", methods=["GET", "POST"])
@requires(Can.KEEP_INTEGRITY)
def notify_event(person_id: int) -> Any:
    reader = current_person()
    found = person_for(reader, person_id)
    asked = request.args.get("claim", "")
    about = claims.claim_for(reader, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
    about_id = about.id if about is not None else None
    form = _event_form(found)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                made = integrity.notify(
                    person_for(by, person_id),
                    form.code.data,
                    happened_on=form.happened_on.data,
                    reason=form.reason.data,
                    by=by,
                    now=clock.now(),
                    uploads=form.uploads(),
                    claim=claims.claim_for(by, about_id) if about_id is not None else None,
                )
            flash(_("Notice was given. The holder may answer; then another officer decides."), "success")
            return redirect(url_for("performance.integrity_event", event_id=made.id))
        except Invalid as error:
            form.refuse(error)
            found = person_for(current_person(), person_id)
    page = render_template("performance/notify.html", found=found, form=form, about=about)
    return (page, 422) if form.is_submitted() else page


@bp.post("/integrity/<int:event_id>/decide")
@requires(Can.KEEP_INTEGRITY)
def decide_event(event_id: int) -> Any:
    form = EventDecisionForm()
    do = request.form.get("do", "")
    if form.validate_on_submit() and do in ("uphold", "dismiss", "confirm", "lift"):
        with unit_of_work():
            by, now = current_person(), clock.now()
            found = integrity.event_for(by, event_id)
            if do in ("uphold", "dismiss"):
                integrity.decide(found, uphold=do == "uphold", reason=form.decision.data, by=by, now=now)
            else:
                integrity.decide_appeal(found, lift=do == "lift", reason=form.decision.data, by=by, now=now)
        flash(_("The decision is recorded. The holder has been told."), "success")
        return redirect(url_for("performance.integrity_event", event_id=event_id))
    return event_page(integrity.event_for(current_person(), event_id), form), 422


def honour_form() -> HonourForm:
    form = HonourForm(formdata=request.form if request.method == "POST" else None)
    form.kind.choices = [(k.value, v) for k, v in integrity.HONOUR_NAMES.items()]
    return form


@bp.post("/people/<int:person_id>/honours")
@requires(Can.KEEP_INTEGRITY)
def record_honour(person_id: int) -> Any:
    found = person_for(current_person(), person_id)
    form = honour_form()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                integrity.record_honour(
                    person_for(by, person_id), form.kind_of(), year=form.year.data, body=form.body.data, by=by,
                    now=clock.now(),
                )  # fmt: skip
            flash(_("The honour is recorded."), "success")
            return redirect(url_for("performance.person", person_id=person_id))
        except Invalid as error:
            form.refuse(error)
            found = person_for(current_person(), person_id)
    return _person_page(current_person(), found, form), 422


@bp.get("/honours")
@requires(Can.READ_CLAIM, Can.KEEP_INTEGRITY)
def honour_list() -> str | Response:
    """Honours by kind, year and awarding body."""
    person = current_person()
    source = integrity.honours_visible_to(person)
    years = sorted(set(db.session.scalars(source.with_only_columns(Honour.year).distinct())), reverse=True)
    bodies = sorted(set(db.session.scalars(source.with_only_columns(Honour.body).distinct())))
    listing = Listing(
        source.options(joinedload(Honour.person)).order_by(Honour.year.desc(), Honour.id.desc()),
        [
            Column("person", _l("Full name"), lambda h: h.person.name, Person.name),
            Column("organisation", _l("Organisation"), lambda h: place_name(h.person.organisation) or None),
            Column("kind", _l("Honour"), lambda h: str(integrity.HONOUR_NAMES[h.kind]), Honour.kind),
            Column("year", _l("Year"), lambda h: str(h.year), Honour.year),
            Column("body", _l("Awarded by"), lambda h: h.body, Honour.body),
        ],
        request.args,
        search=[Person.name, Honour.body],
        filters=[
            Filter("kind", _l("Honour"), [(k.value, v) for k, v in integrity.HONOUR_NAMES.items()], lambda value: Honour.kind == HonourKind(value)),
            Filter("year", _l("Year"), [(str(y), str(y)) for y in years], lambda value: Honour.year == int(value)),
            Filter("body", _l("Awarded by"), [(b, b) for b in bodies], lambda value: Honour.body == value),
        ],
    )  # fmt: skip
    if wants_sheet():
        return listing.as_download(_("Honours"))
    return render_template("performance/honours.html", listing=listing)
