"""Shape of input; which fields a claim has follows from its indicator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange

from app.core.forms import BaseForm, Day, Exact, LongText, OnceForm, SelectField, ShortText
from app.performance.arithmetic import Basis, Indicator, Measure
from app.performance.claims import ClaimData
from app.performance.contracts import ContractData, clean_number
from app.performance.models import ContractKind, HonourKind
from app.performance.words import CONTRACT_KINDS

KINDS = [(k.value, words) for k, words in CONTRACT_KINDS.items()]
MOST = Decimal("9999999.99")


class Share(Exact):
    """A percentage above nothing, at most 100."""

    def __init__(self, label: Any = None, **more: Any) -> None:
        super().__init__(label, low=Decimal("0.01"), high=100, **more)


class ContractFields(BaseForm):
    """The data of a contract as they stand on its registration proof."""

    number = ShortText(_l("Registration number"), maximum=40, description=_l("As printed on the registration proof."))
    title = ShortText(_l("Name of the contract"), maximum=200)
    kind = SelectField(_l("Kind of contract"), choices=KINDS, validators=[InputRequired()])
    buyer = ShortText(_l("Buyer"), maximum=160)
    seller = ShortText(_l("Seller"), maximum=160)
    amount = Exact(_l("Contract value (CNY 10,000)"), high=MOST)
    signed_on = Day(
        _l("Date of signature"), back=20, ahead=0, description=_l("The points fall in the calendar year of this day.")
    )

    def contract_data(self, number: str = "") -> ContractData:
        """The data typed; what the form does not ask for stays empty (it stands in the register already)."""

        def typed(name: str, otherwise: Any = "") -> Any:
            return self[name].data if name in self else otherwise

        return ContractData(
            number or clean_number(typed("number")), self.title.data,
            ContractKind(typed("kind", ContractKind.SERVICE.value)), typed("buyer"), typed("seller"), self.amount.data,
            self.signed_on.data, typed("registered_on", None),
        )  # fmt: skip


class ContractForm(ContractFields):
    """An officer's form: also the day of registration."""

    registered_on = Day(_l("Registered on"), back=20, ahead=0)


class NumberForm(BaseForm):
    """The first question of a claim on a contract. Read from the address, so it carries no token."""

    class Meta(BaseForm.Meta):
        csrf = False

    number = ShortText(_l("Registration number"), maximum=40, description=_l("As printed on the registration proof."))


class Evidence(OnceForm):
    files = MultipleFileField(_l("Evidence"), description=_l("PDF, pictures, Word or Excel, at most 10 MB each."))

    def uploads(self) -> list[Any]:
        return [one for one in self.files.data or [] if getattr(one, "filename", "")]


class ContractClaimForm(ContractFields, Evidence):
    share = Share(_l("Your share (%)"), description=_l("Your part in bringing the contract about. All shares of a contract make at most 100 %."))  # fmt: skip
    related_party = BooleanField(
        _l("The deal is between related parties (own employer on both sides, relatives)"),
    )
    note = LongText(
        _l("Your role"), maximum=2000, description=_l("What you did for this contract, in a few sentences.")
    )

    def claim_data(self, indicator: Indicator, number: str) -> ClaimData:
        return ClaimData(
            indicator.code, self.title.data, self.signed_on.data, self.amount.data, share=self.share.data,
            related_party=self.related_party.data, note=self.note.data, contract=self.contract_data(number),
        )  # fmt: skip


class ItemClaimForm(Evidence):
    title = ShortText(_l("What was achieved"), maximum=200)
    dated = Day(
        _l("Completed on"), back=10, ahead=0, description=_l("The points fall in the calendar year of this day.")
    )
    related_party = BooleanField(
        _l("The deal is between related parties (own employer on both sides, relatives)"),
    )
    note = LongText(_l("Your role"), maximum=2000, description=_l("What you did, in a few sentences."))

    def claim_data(self, indicator: Indicator, number: str) -> ClaimData:
        amount = self["amount"].data if "amount" in self else None
        share = self["share"].data if "share" in self else None
        quantity = self["quantity"].data if "quantity" in self else Decimal(1)
        return ClaimData(
            indicator.code, self.title.data, self.dated.data, amount, quantity, share,
            bool(self.related_party.data), self.note.data,
        )  # fmt: skip


class AmountClaimForm(ItemClaimForm):
    amount = Exact(_l("Amount (CNY 10,000)"), high=MOST)
    share = Share(_l("Your share (%)"), default=Decimal(100))


class UnitClaimForm(ItemClaimForm):
    quantity = Exact(_l("How many units (hours, trainees)"), low=Decimal("0.01"), high=10_000)


def claim_form(indicator: Indicator, *, known: bool = False, **values: Any) -> Any:
    """The form whose fields fit the indicator. ``known``: somebody else's contract, whose parties are not asked again.
    The number was asked before and is not part of the form."""
    if indicator.basis is Basis.CONTRACT:
        form = ContractClaimForm(**values)
        for name in ("number", *(("kind", "buyer", "seller") if known else ())):
            del form[name]
        return form
    kinds = {Measure.AMOUNT: AmountClaimForm, Measure.UNIT: UnitClaimForm, Measure.ITEM: ItemClaimForm}
    return kinds[indicator.measure](**values)


class DecisionForm(BaseForm):
    remark = LongText(
        _l("Words to the claimant"), required=False, maximum=2000, description=_l("Needed for returning and refusing.")
    )
    allowed = LongText(
        _l("Why it counts all the same"), required=False, maximum=1000,
        description=_l("Only for a related or unregistered deal that is to count. Left empty, it is granted with 0 points."),
    )  # fmt: skip


class DayReasonForm(BaseForm):
    """An event with its day and its reason."""

    on = Day(_l("Day of the event"), back=10, ahead=0)
    reason = LongText(_l("Reasons"), maximum=400)


class EventForm(Evidence):
    code = SelectField(_l("Kind of event"), validators=[InputRequired()])
    happened_on = Day(_l("Happened on"), back=20, ahead=0)
    reason = LongText(_l("Reasons"), maximum=4000, description=_l("What happened, and what shows it. The holder reads this."))  # fmt: skip


class AnswerForm(Evidence):
    answer = LongText(_l("Your answer to the notice"), maximum=4000)


class AppealForm(BaseForm):
    appeal = LongText(_l("Your appeal"), maximum=4000)


class EventDecisionForm(BaseForm):
    decision = LongText(_l("Reasons of the decision"), maximum=4000, description=_l("The holder reads these."))


class HonourForm(BaseForm):
    kind = SelectField(_l("Honour"), validators=[InputRequired()])
    year = IntegerField(_l("Year"), validators=[InputRequired(), NumberRange(1990, 2200)])
    body = ShortText(_l("Awarded by"), maximum=160)

    def kind_of(self) -> HonourKind:
        return HonourKind(self.kind.data)
