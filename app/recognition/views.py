"""Pages of recognition: the holder's, the authority's, and what anybody may see."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, public, requires, signed_in
from app.accounts.models import Person, Region
from app.accounts.scope import reach_of
from app.accounts.service import regions, regions_of
from app.certification.documents import LD_JSON, for_machines
from app.core import clock
from app.core.access import lean
from app.core.errors import Invalid, NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese
from app.db import locked, unit_of_work
from app.files import service as files
from app.files.models import StoredFile
from app.outline import service as outline
from app.recognition import endorsements, forms, service
from app.recognition.models import Agreement, RecognitionCase
from app.recognition.states import (
    AGREEMENT_LABELS,
    AGREEMENT_MOVE_LABELS,
    AGREEMENT_MOVES,
    AGREEMENT_TONES,
    CASE_LABELS,
    CASE_TONES,
    MODEL_LABELS,
    OUTCOME_LABELS,
    VALIDITY_LABELS,
    VERIFIED_LABELS,
    AgreementMove,
    AgreementState,
    CaseState,
)

bp = Blueprint("recognition", __name__, url_prefix="/recognition", template_folder="templates")
place("recognition.mine", _l("Recognition"), "me", order=60)
place(
    "recognition.cases",
    _l("Recognition cases"),
    "recognition",
    can=Can.READ_RECOGNITION,
    order=10,
    count=service.waiting_count,
)
place("recognition.agreements", _l("Agreements"), "recognition", can=Can.READ_RECOGNITION, order=20)
place("recognition.in_force", _l("Recognition"), "public", order=40)

DOCUMENTS = frozenset({files.PDF, files.PNG, files.JPEG})
SOURCES = DOCUMENTS | {files.TEXT}


@bp.app_context_processor
def words() -> dict[str, Any]:
    return {
        "case_label": lambda s: CASE_LABELS[s], "case_tone": lambda s: CASE_TONES[s],
        "agreement_label": lambda s: AGREEMENT_LABELS[s], "agreement_tone": lambda s: AGREEMENT_TONES[s],
        "outcome_label": lambda o: OUTCOME_LABELS[o], "verified_label": lambda v: VERIFIED_LABELS[v],
        "model_label": lambda m: MODEL_LABELS[m], "validity_label": lambda v: VALIDITY_LABELS[v],
        "region_name": region_name, "authority_name": authority_name, "rank_names": outline.level_names,
    }  # fmt: skip


def region_name(region: Region | None) -> str:
    if region is None:
        return "—"
    return region.name_zh if chinese() else region.name_en


def authority_name(region: Region | None) -> str:
    if region is None:
        return "—"
    return region.authority_zh if chinese() else region.authority_en


def _keep_all(field: Any, owner: Person) -> list[StoredFile]:
    return [
        files.keep(upload, owner=owner, kinds=SOURCES, field=field.name)
        for upload in field.data or []
        if getattr(upload, "filename", "")
    ]


# The holder


@bp.get("/")
@signed_in
def mine() -> Any:
    return render_template("recognition/mine.html", cases=service.cases_of(current_person()))


def _case_form(person: Person) -> forms.CaseForm:
    form = forms.CaseForm()
    ours = [(r.id, authority_name(r)) for r in regions()]
    held = service.certificates_to_offer(person)
    offered = [(c.id, f"{c.number} · {outline.level_name(c.rank)} · {region_name(c.region)}") for c in held]
    everywhere = [(r.id, region_name(r)) for r in regions(ours=None)]
    form.offer(ours, offered, list(outline.level_names().items()), everywhere)
    if request.method == "GET":  # what is asked for most often: the own certificate, in the other region
        form.certificate_id.data = offered[0][0] if offered else 0
        form.target_rank.data = held[0].rank if held else None
        form.region_id.data = next((r for r, _name in ours if r != person.region_id), None)
    return form


@bp.route("/new", methods=["GET", "POST"])
@signed_in
def new() -> Any:
    """Ask another region to recognise a certificate."""
    person = current_person()
    form = _case_form(person)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                case = service.submit(
                    person, _region(form.region_id.data), _source(form, person), form.target_rank.data,
                    _keep_all(form.documents, person), purpose=form.purpose.data or "", consents=form.consents.data, now=clock.now(),
                )  # fmt: skip
            flash(
                _("Your request is handed in. The authority will examine it; you will be told of each step."), "success"
            )
            return redirect(url_for(".case", case_id=case.id))
        except Invalid as refusal:
            form.refuse(refusal)
    return render_template("recognition/new.html", form=form), 422 if request.method == "POST" else 200


def _region(region_id: int) -> Region:
    return next((r for r in regions() if r.id == region_id), None) or _missing()


def _missing() -> Any:
    raise NotFound


def _source(form: forms.CaseForm, person: Person) -> service.Source:
    if form.certificate_id.data:
        chosen = next((c for c in service.certificates_to_offer(person) if c.id == form.certificate_id.data), None)
        return service.source_of(chosen or _missing())
    return service.Source(
        issuer=form.source_issuer.data or "",
        number=form.source_number.data or "",
        name=person.name,
        level=form.source_level.data or "",
        issued_on=form.source_issued_on.data,  # type: ignore[arg-type]
        expires_on=form.source_expires_on.data,
        region_id=form.source_region_id.data or None,
    )


@bp.get("/<int:case_id>")
@signed_in
def case(case_id: int) -> Any:
    found = service.own_case(current_person(), case_id)
    return render_template("recognition/case.html", case=found, form=forms.AgainForm(), reasons=service.reasons(found))


@bp.post("/<int:case_id>/again")
@signed_in
def again(case_id: int) -> Any:
    person = current_person()
    found, form = service.own_case(person, case_id), forms.AgainForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                service.resubmit(
                    locked(found),
                    _keep_all(form.documents, person),
                    purpose=form.purpose.data or "",
                    by=person,
                    now=clock.now(),
                )
            flash(_("Handed in again."), "success")
            return redirect(url_for(".case", case_id=case_id))
        except Invalid as refusal:
            form.refuse(refusal)
            found = service.own_case(person, case_id)
    return render_template("recognition/case.html", case=found, form=form, reasons=service.reasons(found)), 422


@bp.post("/<int:case_id>/withdraw")
@signed_in
def withdraw(case_id: int) -> Any:
    person = current_person()
    found = service.own_case(person, case_id)
    with unit_of_work():
        service.withdraw(locked(found), by=person, now=clock.now())
    flash(_("The request is withdrawn."), "success")
    return redirect(url_for(".mine"))


@bp.get("/<int:case_id>/note.pdf")
@signed_in
def note_pdf(case_id: int) -> Any:
    found = service.own_case(current_person(), case_id)
    return files.hand_out(found.note_file or _missing(), inline=True)


@bp.get("/<int:case_id>/endorsement")
@signed_in
def endorsement(case_id: int) -> Any:
    """The holder's recognition for machines, as a file."""
    found = service.own_case(current_person(), case_id)
    answer = for_machines(endorsements.bytes_of(found) or _missing(), LD_JSON, cache="private, no-store")
    answer.headers["Content-Disposition"] = f'attachment; filename="{found.number}.json"'
    return answer


@bp.get("/<int:case_id>/documents/<int:file_id>")
@signed_in
def document(case_id: int, file_id: int) -> Any:
    """A document of a case, for its holder and for the officers who may see the case."""
    person = current_person()
    try:
        found = service.own_case(person, case_id)
    except NotFound:
        found = service.case_for(person, case_id)
    return files.hand_out(service.document_of(person, found, file_id), inline=True)


# The authority


@bp.get("/cases")
@requires(Can.READ_RECOGNITION)
def cases() -> Any:
    listing = Listing(
        service.cases_visible_to(current_person()),
        [
            Column("submitted", _l("Handed in"), lambda c: c.submitted_at, RecognitionCase.submitted_at),
            Column("person", _l("Applicant"), lambda c: c.person.name),
            Column("source", _l("Certificate"), lambda c: c.source_number, RecognitionCase.source_number),
            Column("issuer", _l("Issuer"), lambda c: c.source_issuer, RecognitionCase.source_issuer),
            Column("level", _l("Level"), lambda c: c.source_level),
            Column("region", _l("Deciding region"), lambda c: region_name(c.region)),
            Column("state", _l("State"), lambda c: CASE_LABELS[c.state], RecognitionCase.state),
        ],
        request.args,
        filters=[
            Filter(
                "state",
                _l("State"),
                [(s.value, w) for s, w in CASE_LABELS.items()],
                lambda v: RecognitionCase.state == CaseState(v),
            ),
        ],
        search=[RecognitionCase.source_number, RecognitionCase.source_name, RecognitionCase.number],
        default_sort="submitted",
    )
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Recognition cases"))
    return render_template("recognition/cases.html", rows=listing)


def _decision_forms(found: RecognitionCase) -> dict[str, Any]:
    """The forms of the decision box; each has its prefix, so that only the one that was sent reads the request."""
    codes = [
        (code, f"{code} {words[0]}")
        for code, words in service.code_words(
            outline.rule("recognition_codes", region_id=found.region_id), not chinese()
        ).items()
    ]
    proposed = service.proposal(found)
    made: dict[str, Any] = {
        "verify_form": forms.VerifyForm(prefix="v"),
        "propose_form": forms.ProposeForm(prefix="p", rank=proposed.rank if proposed else found.target_rank, conditions=proposed.condition if proposed else ""),
        "return_form": forms.ReturnForm(prefix="r"),
        "remark_form": forms.RemarkForm(prefix="b"),
        "settle_form": forms.SettleForm(prefix="s"),
    }  # fmt: skip
    made["propose_form"].codes.choices = made["return_form"].codes.choices = codes
    return made


def _office_page(found: RecognitionCase, made: dict[str, Any] | None = None, status: int = 200) -> Any:
    person = current_person()
    return render_template(
        "recognition/office_case.html",
        case=found, checks=service.checks(found, clock.today()), proposal=service.proposal(found), reasons=service.reasons(found),
        levels=outline.level_names(), may_review=person.can(Can.REVIEW_RECOGNITION), may_decide=person.can(Can.DECIDE_RECOGNITION),
        mine=found.proposed_by_id == person.id, own=found.person_id == person.id, **(made or _decision_forms(found)),
    ), status  # fmt: skip


@bp.get("/cases/<int:case_id>")
@requires(Can.READ_RECOGNITION)
def office_case(case_id: int) -> Any:
    return _office_page(service.case_for(current_person(), case_id))


def _act(case_id: int, name: str, do: Any, done: str) -> Any:
    """Read a form of the decision box, do its deed under lock, or show the page again with what is wrong."""
    person = current_person()
    found = service.case_for(person, case_id)
    made = _decision_forms(found)
    form = made[f"{name}_form"]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                do(locked(found), form, person)
            flash(done, "success")
            return redirect(url_for(".office_case", case_id=case_id))
        except Invalid as refusal:
            form.refuse(refusal)
            found = service.case_for(person, case_id)
    return _office_page(found, made, 422)


@bp.post("/cases/<int:case_id>/verify")
@requires(Can.REVIEW_RECOGNITION)
def verify(case_id: int) -> Any:
    return _act(
        case_id, "verify", lambda c, f, p: service.verify_source(c, f.how.data, f.note.data, by=p, now=clock.now()),
        _("Written down how the certificate was verified."),
    )  # fmt: skip


@bp.post("/cases/<int:case_id>/return")
@requires(Can.REVIEW_RECOGNITION)
def return_case(case_id: int) -> Any:
    return _act(
        case_id, "return", lambda c, f, p: service.return_case(c, by=p, codes=f.codes.data or [], remark=f.remark.data, now=clock.now()),
        _("Returned for correction; the applicant is told."),
    )  # fmt: skip


@bp.post("/cases/<int:case_id>/propose")
@requires(Can.REVIEW_RECOGNITION)
def propose(case_id: int) -> Any:
    return _act(
        case_id, "propose",
        lambda c, f, p: service.propose(
            c, f.chosen, by=p, rank=f.rank.data, conditions=f.conditions.data or "", codes=f.codes.data or [],
            remark=f.remark.data or "", now=clock.now(),
        ),
        _("Your proposal waits for the decision of a colleague."),
    )  # fmt: skip


@bp.post("/cases/<int:case_id>/decide")
@requires(Can.DECIDE_RECOGNITION)
def decide(case_id: int) -> Any:
    found = service.case_for(current_person(), case_id)
    with unit_of_work():
        service.decide(locked(found), by=current_person(), now=clock.now())
    flash(_("Decided. The applicant is told."), "success")
    return redirect(url_for(".office_case", case_id=case_id))


@bp.post("/cases/<int:case_id>/back")
@requires(Can.DECIDE_RECOGNITION)
def back(case_id: int) -> Any:
    return _act(
        case_id, "remark", lambda c, f, p: service.send_back(c, by=p, remark=f.remark.data, now=clock.now()),
        _("Sent back for examination."),
    )  # fmt: skip


@bp.post("/cases/<int:case_id>/settle")
@requires(Can.DECIDE_RECOGNITION)
def settle(case_id: int) -> Any:
    return _act(
        case_id, "settle",
        lambda c, f, p: service.settle_doubt(c, confirm=f.confirm.data == "yes", by=p, reason=f.reason.data, now=clock.now()),
        _("Settled. The holder is told."),
    )  # fmt: skip


@bp.get("/cases/<int:case_id>/note.pdf")
@requires(Can.READ_RECOGNITION)
def office_note_pdf(case_id: int) -> Any:
    found = service.case_for(current_person(), case_id)
    return files.hand_out(found.note_file or _missing(), inline=True)


# Agreements


@bp.get("/agreements")
@requires(Can.READ_RECOGNITION)
def agreements() -> Any:
    listing = Listing(
        service.agreements_visible_to(current_person()),
        [
            Column("basis", _l("Document number"), lambda a: a.basis, Agreement.basis),
            Column("region", _l("Recognising region"), lambda a: region_name(a.region)),
            Column("partner", _l("Recognised region"), lambda a: region_name(a.partner)),
            Column("effective", _l("In force from"), lambda a: a.effective_on, Agreement.effective_on),
            Column("ends", _l("Ends on"), lambda a: a.ends_on, Agreement.ends_on),
            Column("state", _l("State"), lambda a: AGREEMENT_LABELS[a.state], Agreement.state),
        ],
        request.args,
        filters=[
            Filter(
                "state",
                _l("State"),
                [(s.value, w) for s, w in AGREEMENT_LABELS.items()],
                lambda v: Agreement.state == AgreementState(v),
            ),
        ],
        search=[Agreement.basis],
        default_sort="-effective",
    )
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Agreements"))
    return render_template(
        "recognition/agreements.html", rows=listing, may_keep=current_person().can(Can.KEEP_AGREEMENT)
    )


def _agreement_form(agreement: Agreement | None) -> forms.AgreementForm:
    form = forms.AgreementForm(obj=agreement) if agreement else forms.AgreementForm()
    mine = [(r.id, region_name(r)) for r in regions_of(current_person(), Can.KEEP_AGREEMENT)]
    form.offer(mine, [(r.id, region_name(r)) for r in regions(ours=None)])
    if agreement is not None and request.method == "GET":
        form.levels.data = "\n".join(
            f"{e.source_level} | {e.rank} | {e.condition}".rstrip(" |") for e in agreement.levels
        )
    return form


def _levels(text: str) -> list[tuple[str, int, str]]:
    """The lines of the equivalence field. Raises service.BadLevels at it."""
    rows = []
    for line in text.splitlines():
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split("|")]
        if (
            len(parts) < 2
            or not parts[0]
            or not parts[1].isascii()
            or not parts[1].isdigit()
            or len(parts[0]) > 100
            or len(parts[1]) > 2
        ):
            raise service.BadLevels("levels")
        rows.append((parts[0], int(parts[1]), " ".join(parts[2:])[:400]))
    return rows


@bp.route("/agreements/new", methods=["GET", "POST"])
@requires(Can.KEEP_AGREEMENT)
def new_agreement() -> Any:
    return _edit_agreement(None)


@bp.route("/agreements/<int:agreement_id>/edit", methods=["GET", "POST"])
@requires(Can.KEEP_AGREEMENT)
def edit_agreement(agreement_id: int) -> Any:
    return _edit_agreement(service.agreement_for(current_person(), agreement_id))


def _edit_agreement(agreement: Agreement | None) -> Any:
    form = _agreement_form(agreement)
    if form.validate_on_submit():
        person = current_person()
        names = (
            "region_id",
            "partner_id",
            "basis",
            "model",
            "mutual",
            "validity",
            "signed_on",
            "effective_on",
            "ends_on",
            "scope",
            "contact",
        )
        values = {name: form[name].data for name in names}
        values["scope"], values["contact"] = values["scope"] or "", values["contact"] or ""
        try:
            rows = _levels(form.levels.data or "")
            with unit_of_work():
                if form.document.data:
                    values["document_id"] = files.keep(
                        form.document.data, owner=person, kinds=DOCUMENTS, field="document"
                    ).id
                made = service.save_agreement(
                    locked(agreement) if agreement else None, values, rows, by=person, now=clock.now()
                )
            flash(_("The agreement is saved as a draft. It counts once it is put into force."), "success")
            return redirect(url_for(".agreement", agreement_id=made.id))
        except Invalid as refusal:
            form.refuse(refusal)
    return render_template(
        "recognition/edit_agreement.html", form=form, agreement=agreement
    ), 422 if request.method == "POST" else 200


def _agreement_page(found: Agreement, form: forms.MoveForm, status: int = 200) -> Any:
    person = current_person()
    reach = reach_of(person, Can.KEEP_AGREEMENT)
    moves = [move for (state, move) in AGREEMENT_MOVES if state is found.state]
    return render_template(
        "recognition/agreement.html", agreement=found, form=form, levels=outline.level_names(),
        moves=[(m.value, AGREEMENT_MOVE_LABELS[m]) for m in moves] if reach.site or found.region_id in reach.regions else [],
        move_label=lambda m: AGREEMENT_MOVE_LABELS[m],
    ), status  # fmt: skip


@bp.get("/agreements/<int:agreement_id>")
@requires(Can.READ_RECOGNITION)
def agreement(agreement_id: int) -> Any:
    return _agreement_page(service.agreement_for(current_person(), agreement_id), forms.MoveForm())


@bp.post("/agreements/<int:agreement_id>/move")
@requires(Can.KEEP_AGREEMENT)
def move_agreement(agreement_id: int) -> Any:
    person = current_person()
    found, form = service.agreement_for(person, agreement_id), forms.MoveForm()
    wanted = request.form.get("move", "")
    if wanted not in list(AgreementMove):
        raise NotFound
    if form.validate_on_submit():
        with unit_of_work():
            service.move_agreement(
                locked(found), AgreementMove(wanted), by=person, reason=form.reason.data or "", now=clock.now()
            )
        flash(_("The state of the agreement is changed."), "success")
        return redirect(url_for(".agreement", agreement_id=agreement_id))
    return _agreement_page(found, form, 422)


@bp.get("/agreements/<int:agreement_id>/document")
@requires(Can.READ_RECOGNITION)
def agreement_document(agreement_id: int) -> Any:
    found = service.agreement_for(current_person(), agreement_id)
    return files.hand_out(found.document or _missing(), inline=True)


# For everybody


@bp.get("/in-force")
@public
def in_force() -> Any:
    """Which regions recognise which certificates today."""
    return render_template(
        "recognition/in_force.html", agreements=service.public_agreements(clock.today()), levels=outline.level_names()
    )


@bp.get("/note/<number>/credential")
@public
@lean
def note_credential(number: str) -> Any:
    """The recognition for machines. It names no person: its subject is the credential that is recognised."""
    found = service.by_number(number[:40])
    data = endorsements.bytes_of(found) if found is not None else None
    return for_machines(data or _missing(), LD_JSON, cache="public, max-age=300")


@bp.get("/note/<number>")
@public
def note(number: str) -> Any:
    """What the QR code of a recognition note leads to: whether it holds. The name is shown masked."""
    found = service.by_number(number[:40])
    if found is None:
        raise NotFound
    name = found.source_name
    return render_template(
        "recognition/note.html", case=found, holds=service.holds_on(found, clock.today()),
        masked=name[0] + "*" * max(1, len(name) - 1), level=outline.level_name(found.rank or 0),
    )  # fmt: skip
