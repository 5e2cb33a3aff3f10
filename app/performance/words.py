"""Words for states, kinds and steps of arithmetic, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.core.text import number
from app.performance.arithmetic import Band, Void
from app.performance.models import ContractKind, ContractState, CreditEntry
from app.performance.states import ClaimState, EventState

CLAIM_STATES: dict[ClaimState, Any] = {
    ClaimState.DRAFT: _l("Draft"),
    ClaimState.SUBMITTED: _l("Waiting for review"),
    ClaimState.RETURNED: _l("Returned to be corrected"),
    ClaimState.GRANTED: _l("Granted"),
    ClaimState.REFUSED: _l("Not granted"),
    ClaimState.WITHDRAWN: _l("Taken back by the claimant"),
    ClaimState.REVERSED: _l("Reversed"),
}
CLAIM_TONES: dict[ClaimState, str] = {
    ClaimState.DRAFT: "neutral",
    ClaimState.SUBMITTED: "info",
    ClaimState.RETURNED: "soon",
    ClaimState.GRANTED: "valid",
    ClaimState.REFUSED: "stopped",
    ClaimState.WITHDRAWN: "neutral",
    ClaimState.REVERSED: "stopped",
}
CONTRACT_STATES: dict[ContractState, Any] = {
    ContractState.DECLARED: _l("Declared, not yet confirmed"),
    ContractState.REGISTERED: _l("In the register"),
    ContractState.DISSOLVED: _l("Dissolved"),
}
CONTRACT_TONES = {
    ContractState.DECLARED: "soon",
    ContractState.REGISTERED: "valid",
    ContractState.DISSOLVED: "stopped",
}
CONTRACT_KINDS: dict[ContractKind, Any] = {
    ContractKind.DEVELOPMENT: _l("Technology development"),
    ContractKind.TRANSFER: _l("Technology transfer"),
    ContractKind.LICENCE: _l("Technology licence"),
    ContractKind.CONSULTING: _l("Technology consulting"),
    ContractKind.SERVICE: _l("Technology service"),
}
EVENT_STATES: dict[EventState, Any] = {
    EventState.NOTIFIED: _l("Waiting for the answer"),
    EventState.ANSWERED: _l("Answered, waiting for the decision"),
    EventState.UPHELD: _l("Deducted"),
    EventState.DISMISSED: _l("Dismissed"),
    EventState.APPEALED: _l("Under appeal"),
    EventState.CONFIRMED: _l("Deducted, kept after appeal"),
    EventState.LIFTED: _l("Lifted after appeal"),
}
EVENT_TONES = {
    EventState.NOTIFIED: "soon",
    EventState.ANSWERED: "info",
    EventState.UPHELD: "stopped",
    EventState.DISMISSED: "neutral",
    EventState.APPEALED: "soon",
    EventState.CONFIRMED: "stopped",
    EventState.LIFTED: "valid",
}
BAND_NAMES: dict[Band, Any] = {
    Band.GOOD: _l("Good"),
    Band.REMIND: _l("Reminder"),
    Band.WATCH: _l("Watch"),
    Band.STOPPED: _l("Stopped"),
}
BAND_TONES = {Band.GOOD: "valid", Band.REMIND: "soon", Band.WATCH: "soon", Band.STOPPED: "stopped"}
BAND_EFFECTS: dict[Band, Any] = {
    Band.GOOD: _l("Nothing is restricted."),
    Band.REMIND: _l("Nothing is restricted yet; please take care."),
    Band.WATCH: _l("No upgrade to a higher level; a certificate you hold stays valid."),
    Band.STOPPED: _l("No certification; a certificate you hold is to be suspended."),
}
VOIDS: dict[str, Any] = {
    Void.RELATED.value: _l("The deal is with a related party, so it counts nothing."),
    Void.UNREGISTERED.value: _l("The contract is not confirmed in the register, so it counts nothing."),
}


def _n(text: str | None) -> str:
    return number(Decimal(text)) if text is not None else "—"


def step_words(step: dict[str, Any]) -> str:
    """One step of the arithmetic as a sentence."""
    do = step["do"]
    if do == "share":
        return _(
            "Own share: %(amount)s × %(share)s %% = %(gives)s (CNY 10,000)",
            amount=_n(step["amount"]), share=_n(step["share"]), gives=_n(step["gives"]),
        )  # fmt: skip
    if do == "tier" and step["high"] is None:
        return ngettext(
            "%(own)s lies in the tier from %(low)s: %(points)s point",
            "%(own)s lies in the tier from %(low)s: %(points)s points",
            step["points"], own=_n(step["own"]), low=_n(step["low"]), points=_n(step["points"]),
        )  # fmt: skip
    if do == "tier":
        return ngettext(
            "%(own)s lies in the tier from %(low)s to below %(high)s: %(points)s point",
            "%(own)s lies in the tier from %(low)s to below %(high)s: %(points)s points",
            step["points"], own=_n(step["own"]), low=_n(step["low"]), high=_n(step["high"]), points=_n(step["points"]),
        )  # fmt: skip
    if do == "below":
        return _("%(own)s lies in no tier (the lowest begins at %(low)s): 0 points", own=_n(step["own"]), low=_n(step["low"]))  # fmt: skip
    if do == "item":
        return ngettext("One item: %(n)s point", "One item: %(n)s points", step["points"])
    if do == "unit":
        return ngettext(
            "%(quantity)s ÷ %(per)s, in full units %(full)s; × %(points)s = %(gives)s point",
            "%(quantity)s ÷ %(per)s, in full units %(full)s; × %(points)s = %(gives)s points",
            step["gives"], quantity=_n(step["quantity"]), per=_n(step["per"]), full=_n(step["full"]), points=_n(step["points"]),
            gives=_n(step["gives"]),
        )  # fmt: skip
    if do == "void":
        return str(VOIDS[step["why"]])
    if do == "allowed":
        return _("The reviewer lets it count, because: %(reason)s", reason=step["reason"])
    raise ValueError(do)


@dataclass(frozen=True)
class Explanation:
    """How a line of the ledger came about: the rule version, whether it is a system default, and each step in words."""

    rule_id: int
    version: int
    is_default: bool
    basis: str
    steps: list[str]
    points: Decimal
    reversal: bool


def explain(entry: CreditEntry) -> Explanation:
    """The arithmetic of one line, in the reader's language."""
    working = entry.working
    if entry.reverses_id is not None:
        steps = [
            ngettext(
                "Takes back line %(of)s: −%(points)s point",
                "Takes back line %(of)s: −%(points)s points",
                -entry.points,
                of=entry.reverses_id,
                points=number(-entry.points),
            ),
            _("Reason: %(reason)s", reason=entry.reason),
        ]
    else:
        steps = [step_words(step) for step in working["steps"]]
    return Explanation(
        entry.rule_id,
        entry.rule.version,
        entry.rule.is_default,
        entry.rule.basis,
        steps,
        entry.points,
        entry.reverses_id is not None,
    )
