"""Pages of the claimant: balance, ledger, claims, "what if", integrity credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.guard import current_person, signed_in
from app.accounts.models import Person
from app.accounts.scope import reaches
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, unit_of_work
from app.files.service import hand_out
from app.outline.service import rule
from app.performance import arithmetic, asks, claims, contracts, integrity, ledger, repairs, words
from app.performance.arithmetic import Basis, Given, Indicator, Line, Measure, Rules
from app.performance.door import bp, history_of, wants_sheet
from app.performance.forms import AnswerForm, AppealForm, DecisionForm, EventDecisionForm, NumberForm, claim_form
from app.performance.mandate_pages import prefilled_claim
from app.performance.models import Claim, ContractState, CreditEntry
from app.performance.rulebook import RuleBook, named
from app.performance.states import EDITABLE, ClaimState, EventState

place("performance.mine", _l("My performance"), "me", order=40)


def choices(rules: Rules) -> list[Indicator]:
    """What can be claimed: each indicator, those on contracts by one claim together."""
    on_contract = rules.of_basis(Basis.CONTRACT)[:1]
    return on_contract + rules.of_basis(Basis.CLAIM)


def balance_rows(rules: Rules, balance: arithmetic.Balance) -> list[dict[str, Any]]:
    """A line per indicator for chart and table: what counts, what was granted, how many items."""
    rows = []
    codes = [*rules.indicators, *(c for c in balance.by_indicator if c not in rules.indicators)]
    for code in codes:
        parts = [year.indicators[code] for year in balance.years.values() if code in year.indicators]
        indicator = rules.indicators.get(code)
        rows.append(
            {
                "code": code,
                "name": f"{code} {named(indicator)}" if indicator else code,
                "counted": sum((one.counted for one in parts), Decimal(0)),
                "raw": sum((one.raw for one in parts), Decimal(0)),
                "count": sum(one.items for one in parts),
                "cap": indicator.cap if indicator else None,
            }
        )
    return rows


MONTHS = {"24": _l("Last 24 months"), "36": _l("Last 36 months")}
"""The windows of the levels above the first; anything else in the address means everything."""


def since_of(months: int) -> date:
    return arithmetic.after_months(clock.today(), -months)


def standing_page(person: Person, template: str, **more: Any) -> str:
    """Balance, chart and table of somebody's credit."""
    book = RuleBook(person.region_id)
    today = clock.today()
    chosen = request.args.get("months", "")
    chosen = chosen if chosen in MONTHS else ""
    since = since_of(int(chosen)) if chosen else None
    balance = ledger.balance_of(person, since, today, book=book)
    rows = balance_rows(book.rules_on(today), balance)
    return render_template(
        template, rows=rows, balance=balance, rule_version=book.on(today), months=chosen, since=since,
        credit=integrity.integrity_of(person, today), **more,
    )  # fmt: skip


@bp.get("/")
@signed_in
def mine() -> str:
    person = current_person()
    listing = Listing(
        select(Claim)
        .where(Claim.person_id == person.id)
        .order_by(Claim.id.desc())
        .options(selectinload(Claim.entries)),
        _claim_columns(),
        request.args,
        filters=[claim_state_filter()],
    )
    return standing_page(person, "performance/mine.html", listing=listing, taken_back=taken_back(person))


@dataclass(frozen=True)
class TakenBack:
    """What a claim has lost, and why; one deal may have several lines of the ledger."""

    claim: Claim
    points: Decimal
    dated: date
    reason: str
    lines: tuple[int, ...]


def taken_back(person: Person, most: int = 5) -> list[TakenBack]:
    """Points of somebody that were taken back within the last twelve months, the newest first."""
    since = clock.start_of(since_of(12))
    asked = select(CreditEntry).where(
        CreditEntry.person_id == person.id, CreditEntry.reverses_id.is_not(None), CreditEntry.points < 0, CreditEntry.created_at >= since
    )  # fmt: skip
    entries = db.session.scalars(asked.order_by(CreditEntry.id.desc()).limit(4 * most).options(joinedload(CreditEntry.claim)))  # fmt: skip
    told: dict[tuple[int, date, str], list[CreditEntry]] = {}
    for one in entries:
        told.setdefault((one.claim_id, one.dated, one.reason), []).append(one)
    return [
        TakenBack(some[0].claim, sum((e.points for e in some), Decimal(0)), dated, reason, tuple(e.id for e in reversed(some)))
        for (_claim, dated, reason), some in list(told.items())[:most]
    ]  # fmt: skip


def claim_state_filter(left_out: Sequence[ClaimState] = ()) -> Filter:
    return Filter(
        "state",
        _l("State"),
        [(k.value, v) for k, v in words.CLAIM_STATES.items() if k not in left_out],
        lambda value: Claim.state == ClaimState(value),
    )


def points_of(claim: Claim) -> Decimal | None:
    """The points standing for a claim; None before it is decided."""
    if claim.state not in (ClaimState.GRANTED, ClaimState.REVERSED):
        return None
    return sum((one.points for one in claim.entries), Decimal(0))


def _claim_columns() -> list[Column]:
    return [
        Column("title", _l("Claim"), lambda c: c.title, Claim.title),
        Column("indicator", _l("Indicator"), lambda c: c.indicator, Claim.indicator),
        Column("dated", _l("Day of the deal"), lambda c: c.dated, Claim.dated),
        Column("points", _l("Points granted"), points_of, numeric=True),
        Column("state", _l("State"), lambda c: str(words.CLAIM_STATES[c.state]), Claim.state),
    ]


def entry_columns(*, people: bool) -> list[Column]:
    who = [Column("person", _l("Person"), lambda e: e.person.name, Person.name)] if people else []
    return [
        Column("id", _l("Line no."), lambda e: e.id, CreditEntry.id),
        *who,
        Column("dated", _l("Day"), lambda e: e.dated, CreditEntry.dated),
        Column("indicator", _l("Indicator"), lambda e: e.indicator, CreditEntry.indicator),
        Column("claim", _l("Claim"), lambda e: e.claim.title),
        Column("kind", _l("Kind of line"), lambda e: str(_("Reversal") if e.reverses_id else _("Grant of points"))),
        Column("amount", _l("Own amount (CNY 10,000)"), lambda e: e.amount, CreditEntry.amount, numeric=True),
        Column("points", _l("Points before caps"), lambda e: e.points, CreditEntry.points, numeric=True),
        Column("made", _l("Entered"), lambda e: e.created_at, CreditEntry.created_at),
        Column("reason", _l("Reason"), lambda e: e.reason or None),
    ]


def told_on_page(listing: Listing) -> Listing:
    """The reason of a line stands under its kind on a page; in a sheet it has a column."""
    listing.columns = [c for c in listing.columns if c.key != "reason"]
    return listing


def entry_filters(rules: Rules) -> list[Filter]:
    years = range(clock.today().year, clock.today().year - 8, -1)
    return [
        Filter(
            "indicator",
            _l("Indicator"),
            [(one.code, f"{one.code} {named(one)}") for one in rules.indicators.values()],
            lambda value: CreditEntry.indicator == value,
        ),
        Filter("months", _l("Period shown"), list(MONTHS.items()), lambda value: CreditEntry.dated >= since_of(int(value))),
        Filter("year", _l("Year"), [(str(y), str(y)) for y in years], _in_year),
        Filter(
            "kind",
            _l("Kind of line"),
            [("grant", _l("Grant of points")), ("reversal", _l("Reversal"))],
            lambda value: CreditEntry.reverses_id.is_not(None) if value == "reversal" else CreditEntry.reverses_id.is_(None),
        ),
    ]  # fmt: skip


def _in_year(value: str) -> Any:
    return CreditEntry.dated.between(date(int(value), 1, 1), date(int(value), 12, 31))


@bp.get("/ledger/mine")
@signed_in
def my_ledger() -> str | Response:
    person = current_person()
    listing = Listing(
        select(CreditEntry)
        .where(CreditEntry.person_id == person.id)
        .order_by(CreditEntry.id.desc())
        .options(joinedload(CreditEntry.claim)),
        entry_columns(people=False),
        request.args,
        filters=entry_filters(RuleBook(person.region_id).rules_on(clock.today())),
    )
    if wants_sheet():
        return listing.as_download(_("Credit ledger"))
    return render_template("performance/my_ledger.html", listing=told_on_page(listing))


@bp.get("/ledger/<int:entry_id>")
@signed_in
def entry(entry_id: int) -> str:
    found = ledger.entry_for(current_person(), entry_id)
    return render_template(
        "performance/entry.html",
        entry=found,
        told=words.explain(found),
        indicator=RuleBook(found.person.region_id).rules(found.rule).indicators.get(found.indicator),
        layout=_layout(found.person_id),
    )


def _layout(owner_id: int) -> str:
    return "base.html" if owner_id == current_person().id else "office.html"


# --- claims ---------------------------------------------------------------------------------------------------------


@bp.route("/claims/new", methods=["GET", "POST"])
@signed_in
def new_claim() -> Any:
    person = current_person()
    rules = RuleBook(person.region_id).rules_on(clock.today())
    indicator = rules.indicators.get(request.args.get("indicator", ""))
    if indicator is None:
        return render_template(
            "performance/choose.html", choices=choices(rules), rules=rules, Basis=Basis, Measure=Measure
        )
    if indicator.basis is not Basis.CONTRACT:
        return _claim_form(indicator, rules)
    indicator = choices(rules)[0]
    asked = NumberForm(request.args)
    number = contracts.clean_number(asked.number.data or "")
    if not number or not asked.validate():
        if "number" not in request.args:
            asked = NumberForm(formdata=None)
        return render_template("performance/number.html", form=asked, indicator=indicator)
    glimpse = contracts.glimpse(number)
    if glimpse is not None and glimpse.state is ContractState.DISSOLVED:
        return render_template("performance/number.html", form=asked, indicator=indicator, dissolved=glimpse)
    return _claim_form(indicator, rules, number, glimpse)


def _parties_known(number: str) -> bool:
    """Does the register, or another claimant, already say who the parties are?"""
    found = contracts.by_number(number)
    own = found is not None and found.created_by_id == current_person().id and found.state is ContractState.DECLARED
    return found is not None and not own


def _claim_form(indicator: Indicator, rules: Rules, number: str = "", glimpse: Any = None) -> Any:
    begun = prefilled_claim(current_person(), request.args.get("mandate", "")) if number else None
    known = bool(number) and _parties_known(number)
    form = claim_form(indicator, known=known, **(_from_mandate(begun, number) if begun else {}))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = claims.draft(
                    form.claim_data(indicator, number), uploads=form.uploads(), by=current_person(), now=clock.now()
                )
            return _handed_in(made.id)
        except Invalid as error:
            form.refuse(error)
    return _edit_page(form, indicator, rules, number=number, glimpse=glimpse)


def _from_mandate(begun: Any, number: str) -> dict[str, Any]:
    """What stands in the mandate that led to the contract; the claimant adds value, day and share."""
    if begun.number != number:
        return {}
    return {"title": begun.title, "buyer": begun.buyer, "seller": begun.seller, "note": begun.note}


def _edit_page(form: Any, indicator: Indicator, rules: Rules, **more: Any) -> Any:
    page = render_template(
        "performance/edit_claim.html", form=form, indicator=indicator, on_contract=indicator.basis is Basis.CONTRACT,
        beside=rules.of_basis(Basis.CONTRACT), **more,
    )  # fmt: skip
    return (page, 422) if form.is_submitted() else page


def _handed_in(claim_id: int) -> Any:
    """After a draft was saved: submit it where that was asked. A refusal leaves the draft and says why."""
    if request.form.get("do") == "submit":
        try:
            with unit_of_work():
                by = current_person()
                claims.submit(claims.own_claim_for(by, claim_id), by=by, now=clock.now())
            flash(_("The claim was submitted. A reviewer will look at it."), "success")
        except Refused as error:
            flash(_("The draft is saved but was not submitted: %(why)s", why=error.text), "warning")
    else:
        flash(_("The draft is saved. Submit it when the evidence is complete."), "success")
    return redirect(url_for("performance.claim", claim_id=claim_id))


@bp.route("/claims/<int:claim_id>/edit", methods=["GET", "POST"])
@signed_in
def edit_claim(claim_id: int) -> Any:
    person = current_person()
    found = claims.own_claim_for(person, claim_id)
    if found.state not in EDITABLE:
        raise claims.NotEditable
    book = RuleBook(person.region_id)
    rules = book.rules(found.rule)
    indicator = rules.indicators[found.indicator]
    number = found.contract.number if found.contract is not None else ""
    form = claim_form(indicator, known=bool(number) and _parties_known(number), **_values(found))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                claims.edit(
                    claims.own_claim_for(by, claim_id), form.claim_data(indicator, number),
                    uploads=form.uploads(), by=by, now=clock.now(),
                )  # fmt: skip
            return _handed_in(claim_id)
        except Invalid as error:
            form.refuse(error)
            found = claims.own_claim_for(current_person(), claim_id)
    glimpse = contracts.glimpse(number, besides=found.id) if number else None
    return _edit_page(form, indicator, rules, claim=found, glimpse=glimpse, number=number)


def _values(claim: Claim) -> dict[str, Any]:
    made = {
        "title": claim.title, "dated": claim.dated, "amount": claim.amount, "share": claim.share,
        "quantity": claim.quantity, "related_party": claim.related_party, "note": claim.note,
    }  # fmt: skip
    if claim.contract is not None:
        made["signed_on"] = claim.dated
        if claim.contract.created_by_id == claim.person_id:
            made |= {"kind": claim.contract.kind.value, "buyer": claim.contract.buyer, "seller": claim.contract.seller}
    return made


@bp.get("/claims/<int:claim_id>")
@signed_in
def claim(claim_id: int) -> str:
    return claim_page(claims.claim_for(current_person(), claim_id))


def claim_page(found: Claim, form: Any = None, back: Any = None) -> str:
    """The claim for its owner, its reviewer, or a reader: facts, arithmetic, evidence, decision."""
    person = current_person()
    own = found.person_id == person.id
    rules = RuleBook(found.person.region_id).rules(found.rule)
    held = contracts.taken(found.contract_id, besides=found.id) if found.contract_id else None
    amount = found.contract.amount if found.contract else None
    given = ledger.given_of(found)
    preview = [] if own and found.contract and amount != found.amount else ledger.reckonings(found)
    decides = claims.may_decide(person, found)
    return render_template(
        "performance/claim.html",
        claim=found,
        own=own,
        layout=_layout(found.person_id),
        indicator=rules.indicators[found.indicator],
        rules=rules,
        taken=held,
        preview=[(code, [words.step_words(s) for s in made.steps], made.points) for code, made in preview],
        void=given.void,
        entries=found.entries,
        seen=[] if own else claims.seen_elsewhere(found),
        decides=decides,
        conflict=not own and found.state is ClaimState.SUBMITTED and not decides and person.can(Can.REVIEW_CLAIM),
        reverses=found.state is ClaimState.GRANTED
        and not own
        and reaches(
            person, Can.REVERSE_CREDIT, region=found.person.region_id, organisation=found.person.organisation_id
        ),
        keeps=not own
        and reaches(
            person, Can.KEEP_INTEGRITY, region=found.person.region_id, organisation=found.person.organisation_id
        ),
        sees_contract=not own
        and found.contract_id is not None
        and db.session.scalar(contracts.contracts_visible_to(person).where(contracts.Contract.id == found.contract_id))
        is not None,
        form=form if form is not None else DecisionForm(formdata=None),
        back=back,
        editable=own and found.state in EDITABLE,
        history=history_of(found, names=not own),
    )


@bp.post("/claims/<int:claim_id>/submit")
@signed_in
def submit_claim(claim_id: int) -> Any:
    try:
        with unit_of_work():
            by = current_person()
            claims.submit(claims.own_claim_for(by, claim_id), by=by, now=clock.now())
        flash(_("The claim was submitted. A reviewer will look at it."), "success")
    except Invalid as error:
        flash(error.text, "warning")
    return redirect(url_for("performance.claim", claim_id=claim_id))


@bp.post("/claims/<int:claim_id>/withdraw")
@signed_in
def withdraw_claim(claim_id: int) -> Any:
    with unit_of_work():
        by = current_person()
        claims.withdraw(claims.own_claim_for(by, claim_id), by=by, now=clock.now())
    flash(_("The claim was withdrawn."), "success")
    return redirect(url_for("performance.mine"))


@bp.get("/claims/<int:claim_id>/files/<int:file_id>")
@signed_in
def claim_file(claim_id: int, file_id: int) -> Response:
    return hand_out(claims.file_of(claims.claim_for(current_person(), claim_id), file_id), inline=True)


@bp.post("/claims/<int:claim_id>/files/<int:file_id>/remove")
@signed_in
def remove_file(claim_id: int, file_id: int) -> Any:
    with unit_of_work():
        by = current_person()
        claims.detach(claims.own_claim_for(by, claim_id), file_id, by=by)
    flash(_("The file was taken off the claim."), "success")
    return redirect(url_for("performance.claim", claim_id=claim_id))


# --- what if --------------------------------------------------------------------------------------------------------


def _figure(name: str) -> Decimal | None:
    """A figure from the address: None where it is missing or not one."""
    try:
        value = Decimal(request.args.get(name, "").strip() or "nan")
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < 10**9 and value == round(value, 2) else None


@bp.get("/what-if")
@signed_in
def what_if() -> str:
    """Points an item would give, and the balance with it: computed from the address alone, nothing is stored."""
    person = current_person()
    book, today = RuleBook(person.region_id), clock.today()
    rules = book.rules_on(today)
    listed = choices(rules)
    indicator = next((one for one in listed if one.code == request.args.get("indicator")), listed[0])
    amount, share, quantity = _figure("amount"), _figure("share"), _figure("quantity")
    asked = "indicator" in request.args
    needs_amount = indicator.basis is Basis.CONTRACT or indicator.measure is Measure.AMOUNT
    share = share if share is not None else Decimal(100)
    quantity = quantity if quantity is not None else Decimal(1)
    wrong = []
    if asked and needs_amount and amount is None:
        wrong.append(_("Please give an amount in CNY 10,000 with at most two decimal places."))
    if not 0 < share <= 100:
        wrong.append(_("Please give a share above 0 and at most 100."))
    results: list[dict[str, Any]] = []
    lines = ledger.lines_of(person.id)
    before = book.balance(lines, None, today)
    after = before
    if asked and not wrong:
        given = Given(amount if needs_amount else None, share, quantity)
        chosen = rules.of_basis(Basis.CONTRACT) if indicator.basis is Basis.CONTRACT else [indicator]
        for n, one in enumerate(chosen):
            made = arithmetic.reckon(one, given)
            results.append(
                {"indicator": one, "points": made.points, "steps": [words.step_words(s) for s in made.steps]}
            )
            lines.append(Line(-1 - n, one.code, today, made.points, -1))
        after = book.balance(lines, None, today)
    return render_template(
        "performance/what_if.html", choices=listed, indicator=indicator, asked=asked, wrong=wrong, results=results,
        before=before, after=after, year=today.year, contract=rules.of_basis(Basis.CONTRACT), Basis=Basis,
        given={k: request.args.get(k, "") for k in ("amount", "share", "quantity")}, rule_version=book.on(today),
    )  # fmt: skip


# --- integrity ------------------------------------------------------------------------------------------------------


@bp.get("/integrity")
@signed_in
def my_integrity() -> str:
    person = current_person()
    return render_template(
        "performance/my_integrity.html",
        credit=integrity.integrity_of(person),
        repairs=repairs.repairs_of(person),
        may_repair=repairs.conditions_of(person, clock.today()).repairable > 0,
        **explained(person),
        events=integrity.events_of(person),
        honours=integrity.honours_of(person),
    )


def explained(person: Person) -> dict[str, Any]:
    """How somebody's integrity credit came about, for the macro ``score_steps``."""
    start = rule("credit_events", region_id=person.region_id, on=clock.today())["start"]
    return {"start": start, "score_steps": repairs.explained(person, start)}


@bp.get("/integrity/<int:event_id>")
@signed_in
def integrity_event(event_id: int) -> str:
    return event_page(integrity.event_for(current_person(), event_id))


def event_page(found: Any, form: Any = None) -> str:
    """An integrity matter for its holder, an officer, or a reader."""
    person, today = current_person(), clock.today()
    own = found.person_id == person.id
    state = found.state
    keeps = not own and reaches(
        person, Can.KEEP_INTEGRITY, region=found.person.region_id, organisation=found.person.organisation_id
    )
    deciding = keeps and state in (EventState.NOTIFIED, EventState.ANSWERED)
    appeal = keeps and state is EventState.APPEALED
    involved = person.id == found.notified_by_id or (appeal and person.id == found.decided_by_id)
    task = ""
    if own and state is EventState.NOTIFIED and today <= found.answer_until:
        task = "answer"
    elif own and state is EventState.UPHELD:
        task = "appeal"
    elif deciding and not involved:
        task = "decide"
    elif appeal and not involved:
        task = "decide_appeal"
    forms = {
        "answer": AnswerForm,
        "appeal": AppealForm,
        "decide": EventDecisionForm,
        "decide_appeal": EventDecisionForm,
    }
    if form is None and task:
        form = forms[task](formdata=None)
    return render_template(
        "performance/event.html",
        event=found,
        row=integrity.event_row(found),
        own=own,
        layout=_layout(found.person_id),
        task=task,
        form=form,
        involved=(deciding or appeal) and involved,
        ripe=state is EventState.ANSWERED or today > found.answer_until,
        certificate=asks.certificates_valid({found.person_id}, today).get(found.person_id) if keeps else None,
        acts_on_certificate=state in (EventState.UPHELD, EventState.CONFIRMED, EventState.APPEALED)
        and (
            integrity.event_row(found)["effect"] in ("suspension", "revocation")
            or integrity.integrity_of(found.person, today).band == "stopped"
        ),
        history=history_of(found, names=not own),
    )


@bp.post("/integrity/<int:event_id>/answer")
@signed_in
def answer_event(event_id: int) -> Any:
    form = AnswerForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                integrity.answer(_own_event(event_id), form.answer.data, by=by, now=clock.now(), uploads=form.uploads())
            flash(_("Your answer was handed in. Another officer will decide."), "success")
            return redirect(url_for("performance.integrity_event", event_id=event_id))
        except Invalid as error:
            form.refuse(error)
    return event_page(_own_event(event_id), form), 422


@bp.post("/integrity/<int:event_id>/appeal")
@signed_in
def appeal_event(event_id: int) -> Any:
    form = AppealForm()
    if form.validate_on_submit():
        with unit_of_work():
            integrity.appeal(_own_event(event_id), form.appeal.data, by=current_person(), now=clock.now())
        flash(_("Your appeal was handed in. An officer who has not dealt with the matter will decide."), "success")
        return redirect(url_for("performance.integrity_event", event_id=event_id))
    return event_page(_own_event(event_id), form), 422


def _own_event(event_id: int) -> Any:
    found = integrity.event_for(current_person(), event_id)
    if found.person_id != current_person().id:
        raise NotFound
    return found


@bp.get("/integrity/<int:event_id>/files/<int:file_id>")
@signed_in
def event_file(event_id: int, file_id: int) -> Response:
    return hand_out(integrity.file_of(integrity.event_for(current_person(), event_id), file_id), inline=True)
