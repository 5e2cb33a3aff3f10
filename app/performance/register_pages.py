"""Pages of the contract register: claims to be matched, totals with their cut-off day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import Forbidden, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Listing, download, excel
from app.db import unit_of_work
from app.performance import contracts, matching, register, words
from app.performance.door import bp, wants_sheet
from app.performance.models import Claim, Contract

place("performance.contract_matching", _l("Match claims to contracts"), "performance", can=Can.KEEP_CONTRACT, order=32, count=matching.count_unmatched)  # fmt: skip
place("performance.contract_totals", _l("Totals of the register"), "performance", can=contracts.SEES, order=34)


@bp.get("/contracts/matching")
@requires(Can.KEEP_CONTRACT)
def contract_matching() -> Any:
    """Claims without a registered contract, and registered contracts nobody claims."""
    person = current_person()
    side = "contracts" if request.args.get("side") == "contracts" else "claims"
    if side == "contracts":
        return _unclaimed(person)
    listing = Listing(
        matching.unmatched_claims(person),
        [
            Column("title", _l("Claim"), lambda c: c.title, Claim.title),
            Column("person", _l("Person"), lambda c: c.person.name),
            Column("number", _l("Number as declared"), lambda c: c.contract.number, Contract.number),
            Column("parties", _l("Parties"), lambda c: f"{c.contract.seller} → {c.contract.buyer}"),
            Column("amount", _l("Contract value (CNY 10,000)"), lambda c: c.contract.amount, Contract.amount, numeric=True),
            Column("signed", _l("Date of signature"), lambda c: c.contract.signed_on, Contract.signed_on),
        ],
        request.args,
        search=[Claim.title, Contract.number, Contract.buyer, Contract.seller],
    )  # fmt: skip
    if wants_sheet():
        return listing.as_download(_("Claims without a registered contract"))
    return render_template(
        "performance/matching.html", listing=listing, side=side, proposals=matching.proposals_for(listing.rows),
        waiting=matching.count_unmatched(person),
    )  # fmt: skip


def _unclaimed(person: Any) -> Any:
    listing = Listing(
        matching.unmatched_contracts(person),
        [
            Column("number", _l("Registration number"), lambda c: c.number, Contract.number),
            Column("title", _l("Name of the contract"), lambda c: c.title, Contract.title),
            Column("parties", _l("Parties"), lambda c: f"{c.seller} → {c.buyer}"),
            Column("amount", _l("Contract value (CNY 10,000)"), lambda c: c.amount, Contract.amount, numeric=True),
            Column("signed", _l("Date of signature"), lambda c: c.signed_on, Contract.signed_on),
        ],
        request.args,
        search=[Contract.number, Contract.title, Contract.buyer, Contract.seller],
    )
    if wants_sheet():
        return listing.as_download(_("Contracts nobody claims"))
    return render_template("performance/matching.html", listing=listing, side="contracts", proposals={}, waiting=matching.count_unmatched(person))  # fmt: skip


@bp.post("/contracts/matching/<int:claim_id>")
@requires(Can.KEEP_CONTRACT)
def match_claim(claim_id: int) -> Any:
    said = request.form.get("contract", "")
    contract_id = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    try:
        with unit_of_work():
            by = current_person()
            claim = matching.claim_to_match(by, claim_id)
            matching.attach(claim, contracts.contract_for(by, contract_id), by=by, now=clock.now())
            number = claim.contract.number if claim.contract else ""
        flash(_("The claim now stands on contract %(number)s; its claimant has been told.", number=number), "success")
    except (NotFound, Forbidden):
        raise
    except Refused as error:
        flash(error.text, "warning")
    return redirect(url_for("performance.contract_matching"))


def asked_day(name: str) -> date | None:
    """A day out of the address; what is none is as not asked."""
    try:
        found = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None


def asked_cut() -> register.Cut:
    today = clock.today()
    return register.Cut(asked_day("until") or today, min(asked_day("known") or today, today))


@bp.get("/contracts/totals")
@requires(*contracts.SEES)
def contract_totals() -> Any:
    person, cut = current_person(), asked_cut()
    if wants_sheet():
        headings = [_("Year"), _("Region"), _("Kind of contract"), _("Contracts"), _("Contract value (CNY 10,000)")]
        rows = list(register.sheet(person, cut))
        return download(excel(headings, rows, _("Totals of the register")), _("Totals of the register"))
    found = register.totals(person, cut)
    return render_template(
        "performance/totals.html", totals=found, cut=cut, number=sum(t.number for t in found),
        amount=sum((t.amount for t in found), Decimal(0)), definition=register.definition(cut), kinds=words.CONTRACT_KINDS,
    )  # fmt: skip
