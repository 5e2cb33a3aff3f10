"""Pages of the certification office: the queue, the case, certificates, renewals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, pgettext
from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person, Region
from app.accounts.scope import reaches
from app.accounts.service import regions
from app.accounts.words import place_name
from app.audit.service import record
from app.certification import applications, faces, gates, renewals, requests, rules, service, status, trouble, words
from app.certification.deeds import Did
from app.certification.documents import credential_of
from app.certification.door import bp
from app.certification.forms import (
    ChangeForm,
    DecisionForm,
    DropForm,
    EditionForm,
    FindingForm,
    PaperStatementForm,
    ReasonForm,
)
from app.certification.mine import pdf_of
from app.certification.models import Application, Certificate, Renewal, StatusChange
from app.certification.states import (
    AGAINST,
    CERTIFICATE_LABELS,
    CHANGE_LABELS,
    CHANGES,
    TWO_PEOPLE,
    CertificateState,
    Change,
    EditionKind,
    RenewalState,
    Standing,
    State,
)
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese, day
from app.db import db, locked, unit_of_work
from app.files.service import JPEG, PDF, PNG, hand_out, keep
from app.outline.service import level_names, typed
from app.pathway.words import missing_words
from certificates.validity import WARNING_DAYS

place(
    "certification.queue", _l("Applications"), "certification", can=Can.READ_APPLICATION, order=10,
    count=lambda person: applications.waiting_count(person, clock.today()),
)  # fmt: skip
place(
    "certification.all_certificates", _l("Certificates"), "certification", can=Can.READ_CERTIFICATE, order=20,
    count=service.changes_waiting,
)  # fmt: skip
place(
    "certification.renewals", _l("Renewals"), "certification", can=Can.READ_CERTIFICATE, order=30,
    count=renewals.renewals_waiting,
)  # fmt: skip

TAB_LABELS = {
    "review": _l("To review"),
    "notice": _l("On public notice"),
    "objection": _l("Objections"),
    "decide": _l("To decide"),
    "returned": lazy_pgettext("cases", "Returned"),
    "done": lazy_pgettext("cases", "Closed"),
}


LEFT_OUT: dict[str, frozenset[str]] = {
    "review": frozenset({"until"}), "notice": frozenset({"state"}), "objection": frozenset({"state"}),
    "decide": frozenset({"state"}), "returned": frozenset({"until", "state"}), "done": frozenset({"age", "until"}),
}  # fmt: skip
"""Columns that say nothing under a tab; with all of them the table would not fit the page."""

SCANS = frozenset({PDF, PNG, JPEG})


def _officer() -> Person:
    return db.session.get_one(Person, current_person().id)


# Applications


def _region_filter(column: Any) -> Filter:
    return Filter("region", _l("Region"), [(r.id, place_name(r)) for r in regions()], lambda v: column == int(v))


def queue_listing(me: Person, args: Any) -> tuple[Listing, str, dict[str, int]]:
    """The queue as filtered, its tab, and how many cases stand under each tab."""
    today, levels = clock.today(), level_names()
    counts = applications.tab_counts(me, today)
    tab = args.get("tab", "")
    if tab not in applications.TABS:
        tab = next((t for t in ("review", "decide", "objection", "notice") if counts[t]), "review")
    columns = [
        Column("name", _l("Applicant"), lambda a: a.person.name, Person.name),
        Column("level", _l("Level"), lambda a: levels.get(a.rank, a.rank), Application.rank),
        Column("unit", _l("Organisation"), lambda a: a.unit_name, Application.unit_name),
        Column("class", _l("Class"), lambda a: a.class_name, Application.class_name),
        Column("submitted", _l("Submitted on"), lambda a: a.submitted_at, Application.submitted_at),
        Column("age", _l("Age (days)"), lambda a: _age(a, today), numeric=True),
        Column("reviewer", _l("Reviewed by"), lambda a: a.reviewed_by.name if a.reviewed_by else ""),
        Column("until", _l("Notice until"), lambda a: a.notice_ends_on, Application.notice_ends_on),
        Column("state", _l("State"), lambda a: _queue_words(a, today)),
    ]
    listing = Listing(
        applications.applications_visible_to(me)
        .join(Application.person)
        .where(applications.tab_condition(tab, today))
        .options(selectinload(Application.person), selectinload(Application.region), selectinload(Application.reviewed_by))
        .order_by(Application.submitted_at, Application.id),
        [one for one in columns if one.key not in LEFT_OUT[tab]],
        args,
        filters=[
            Filter("level", _l("Level"), list(levels.items()), lambda v: Application.rank == int(v)),
            _region_filter(Application.region_id),
        ],
        search=[Person.name, Application.unit_name, Application.class_name],
    )  # fmt: skip
    return listing, tab, counts


def _age(application: Application, today: date) -> int | None:
    """Days since it was submitted, while somebody still has to act."""
    if application.state in (State.ISSUED, State.REFUSED, State.WITHDRAWN):
        return None
    return (today - clock.local_date(application.submitted_at)).days


@bp.get("/office/applications")
@requires(Can.READ_APPLICATION)
def queue() -> Any:
    me = current_person()
    listing, tab, counts = queue_listing(me, request.args)
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Applications"))
    tabs = [
        {"label": TAB_LABELS[t], "url": url_for("certification.queue", tab=t, **listing.kept), "count": counts[t], "active": t == tab}
        for t in applications.TABS
    ]  # fmt: skip
    return render_template(
        "certification/queue.html",
        listing=listing,
        tabs_=tabs,
        tab=tab,
        state_words=_queue_words,
        bulk=_bulk(me, tab, listing),
    )


def _queue_words(application: Application, today: date) -> Any:
    """The state in as few words as the queue's narrow column needs."""
    return (
        pgettext("queue", "Waiting") if application.state is State.SUBMITTED else words.state_words(application, today)
    )


def _bulk(me: Person, tab: str, listing: Listing) -> list[dict[str, Any]]:
    """The bulk action of a tab, with its effect named; it leads to the dry run."""
    url = url_for("certification.plan", tab=tab, **listing.kept)
    if tab == "review" and me.can(Can.REVIEW_APPLICATION):
        words = (_("Put on public notice"), _("Look through {n} applications for the public notice"), "publish")
    elif tab == "decide" and me.can(Can.DECIDE_APPLICATION):
        words = (_("Issue certificates"), _("Look through {n} cases for issue"), "issue")
    else:
        return []
    label, said, do = words
    return [{"url": url, "label": label, "words": said, "style": "primary", "name": "do", "value": do}]


@bp.get("/office/applications/<int:application_id>")
@requires(Can.READ_APPLICATION)
def case(application_id: int) -> Any:
    return _case(application_id, DecisionForm())


def _case(application_id: int, form: DecisionForm, finding: FindingForm | None = None, which: int = 0) -> str:
    me, today = current_person(), clock.today()
    found = applications.application_for(me, application_id)
    open_now = found.state not in (State.ISSUED, State.REFUSED, State.WITHDRAWN)
    now_judged = gates.pathway_now(found.person, found.rank, today) if open_now else None
    return render_template(
        "certification/case.html",
        application=found, form=form, finding=finding or FindingForm(formdata=None), finding_for=which,
        state_word=words.state_words(found, today), gates=words.gate_rows(found.evidence["pathway"]),
        facts=words.applicant_facts(found.evidence), history=words.history_of(found), scheme=typed(found.scheme),
        missing=[missing_words(m) for m in now_judged.missing] if now_judged else [],
        judged_on=date.fromisoformat(found.evidence["pathway"]["on"]),
        due={one.id: applications.answer_due(one) for one in found.objections},
        notice_over=found.notice_ends_on is not None and today > found.notice_ends_on,
        may_review=_may(me, Can.REVIEW_APPLICATION, found), may_decide=_may(me, Can.DECIDE_APPLICATION, found),
        lacks_photo=open_now and faces.lacks_photo(found.person, found.region_id, today),
        own=found.person_id == me.id, reviewed_by_me=found.reviewed_by_id == me.id,
        can_settle=_may(me, Can.REVIEW_APPLICATION, found),
    )  # fmt: skip


def _may(me: Person, right: Can, found: Application) -> bool:
    return found.person_id != me.id and reaches(me, right, region=found.region_id)


Step = Callable[[Application, Person, str], Any]
STEPS: dict[str, tuple[Can, Step, Any]] = {
    "take": (
        Can.REVIEW_APPLICATION,
        lambda a, by, words: service.take(a, by=by, now=clock.now()),
        _l("You have taken the case into review."),
    ),
    "return": (
        Can.REVIEW_APPLICATION,
        lambda a, by, words: service.return_for_correction(a, by=by, reason=words, now=clock.now()),
        _l("The application was returned to the applicant."),
    ),
    "publish": (
        Can.REVIEW_APPLICATION,
        lambda a, by, words: service.publish(a, by=by, remark=words, now=clock.now()),
        _l("The case is on public notice."),
    ),
    "propose_refusal": (
        Can.REVIEW_APPLICATION,
        lambda a, by, words: service.propose_refusal(a, by=by, reason=words, now=clock.now()),
        _l("The refusal is proposed; a second officer decides."),
    ),
    "refuse": (
        Can.DECIDE_APPLICATION,
        lambda a, by, words: service.refuse(a, by=by, reason=words, now=clock.now()),
        _l("The application was refused."),
    ),
    "send_back": (
        Can.DECIDE_APPLICATION,
        lambda a, by, words: service.send_back(a, by=by, reason=words, now=clock.now()),
        _l("The case is back in review."),
    ),
    "issue": (Can.DECIDE_APPLICATION, lambda a, by, words: service.decide(a, by=by, now=clock.now()), ""),
}


@bp.post("/office/applications/<int:application_id>")
@requires(Can.REVIEW_APPLICATION, Can.DECIDE_APPLICATION)
def step(application_id: int) -> Any:
    """One step of a case: ``do`` names it."""
    applications.application_for(current_person(), application_id)
    form, do = DecisionForm(), request.form.get("do", "")
    if do not in STEPS or not current_person().can(STEPS[do][0]):
        raise NotFound
    if not form.validate_on_submit():
        return _case(application_id, form), 422
    _right, act, said = STEPS[do]
    try:
        with unit_of_work():
            officer = _officer()
            made = act(locked(applications.application_for(officer, application_id)), officer, form.reason.data or "")
    except Refused as error:
        form.refuse(error)
        return _case(application_id, form), error.status
    if do == "issue":
        if made is None:
            flash(
                _(
                    "What was judged has changed since the application, so the case went back to review; the applicant was told."
                ),
                "warning",
            )
            return redirect(url_for("certification.case", application_id=application_id))
        flash(_("Certificate %(number)s was issued. The PDF is being made.", number=made.number), "success")
        return redirect(url_for("certification.certificate", certificate_id=made.id))
    flash(str(said), "success")
    return redirect(url_for("certification.case", application_id=application_id))


@bp.post("/office/objections/<int:objection_id>")
@requires(Can.REVIEW_APPLICATION)
def settle(objection_id: int) -> Any:
    found = applications.objection_for(current_person(), objection_id)
    application_id, form = found.application_id, FindingForm()
    objector = {"name": found.name, "contact": found.contact}
    if not form.validate_on_submit():
        return _case(application_id, DecisionForm(formdata=None), form, objection_id), 422
    try:
        with unit_of_work():
            officer = _officer()
            locked(applications.application_for(officer, application_id))
            service.settle_objection(
                locked(applications.objection_for(officer, objection_id)),
                upheld=form.upheld.data == "yes", finding=form.finding.data, by=officer, now=clock.now(),
            )  # fmt: skip
    except Refused as error:
        form.refuse(error)
        return _case(application_id, DecisionForm(formdata=None), form, objection_id), error.status
    flash(_("The objection was settled. Please answer %(name)s at %(contact)s.", **objector), "success")
    return redirect(url_for("certification.case", application_id=application_id))


# Certificates


def state_condition(value: str, today: date) -> ColumnElement[bool]:
    """Certificates that a reader is told to be in a state today."""
    state = CertificateState(value)
    good = Certificate.standing == Standing.GOOD
    soon = today + timedelta(days=WARNING_DAYS)
    return {
        CertificateState.VALID: good & (Certificate.valid_until.is_(None) | (Certificate.valid_until > soon)),
        CertificateState.EXPIRING: good & Certificate.valid_until.between(today, soon),
        CertificateState.EXPIRED: good & (Certificate.valid_until < today),
        CertificateState.SUSPENDED: Certificate.standing == Standing.SUSPENDED,
        CertificateState.REVOKED: Certificate.standing == Standing.REVOKED,
        CertificateState.CANCELLED: Certificate.standing == Standing.CANCELLED,
    }[state]


def certificates_listing(me: Person, args: Any) -> Listing:
    """The officer's certificates as filtered."""
    today, levels = clock.today(), level_names()
    waits = exists().where(StatusChange.certificate_id == Certificate.id, StatusChange.in_force.is_(None))
    kinds: dict[str, tuple[Any, Any]] = {
        "waits": (_l("a decision waits for a second officer"), waits),
        "earlier": (_l("issued before the platform"), Certificate.earlier),
        "unclaimed": (_l("without a holder's account"), Certificate.holder_id.is_(None)),
    }
    return Listing(
        service.certificates_visible_to(me)
        .join(Region, Region.id == Certificate.region_id)
        .options(selectinload(Certificate.region), selectinload(Certificate.changes))
        .order_by(Certificate.id.desc()),
        [
            Column("number", _l("Certificate number"), lambda c: c.number, Certificate.number),
            Column("holder", _l("Holder"), lambda c: c.holder_name, Certificate.holder_name),
            Column("level", _l("Level"), lambda c: levels.get(c.rank, c.rank), Certificate.rank),
            Column("region", _l("Region"), lambda c: place_name(c.region)),
            Column("first", _l("First issued"), lambda c: c.first_issued_on, Certificate.first_issued_on),
            Column("until", _l("Valid until"), lambda c: c.valid_until, Certificate.valid_until),
            Column("state", _l("State"), lambda c: CERTIFICATE_LABELS[service.state_on(c, today)]),
        ],
        args,
        filters=[
            Filter("state", _l("State"), [(k.value, w) for k, w in CERTIFICATE_LABELS.items()], lambda v: state_condition(v, today)),
            Filter("level", _l("Level"), list(levels.items()), lambda v: Certificate.rank == int(v)),
            _region_filter(Certificate.region_id),
            Filter("year", _l("Issued in"), [(y, y) for y in range(today.year, today.year - 15, -1)], _of_year),
            Filter("only", _l("Only"), [(k, w) for k, (w, _c) in kinds.items()], lambda v: kinds[v][1]),
        ],
        search=[Certificate.number, Certificate.holder_name],
    )  # fmt: skip


def _of_year(year: str) -> ColumnElement[bool]:
    return Certificate.issued_on.between(date(int(year), 1, 1), date(int(year), 12, 31))


@bp.get("/office/certificates")
@requires(Can.READ_CERTIFICATE)
def all_certificates() -> Any:
    me = current_person()
    listing = certificates_listing(me, request.args)
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Certificates"))
    return render_template(
        "certification/certificates.html", listing=listing, state_on=service.state_on, bulk=_take_bulk(me, listing)
    )


def _take_bulk(me: Person, listing: Listing) -> list[dict[str, Any]]:
    """What can be done with chosen certificates, or with all under the filter."""
    url = url_for("certification.take_many", **listing.kept)
    made = [
        {
            "url": url,
            "label": _("Download PDFs"),
            "words": _("Download the PDFs of {n} certificates"),
            "name": "do",
            "value": "zip",
        },
        {
            "url": url,
            "label": _("Print file"),
            "words": _("Join {n} certificates into one print file"),
            "name": "do",
            "value": "print",
        },
        {
            "url": url,
            "label": _("Handing-out list"),
            "words": _("Handing-out list of {n} certificates"),
            "name": "do",
            "value": "list",
        },
    ]
    if me.can(Can.KEEP_CERTIFICATE) and listing.chosen.get("only") == "waits":
        made.insert(
            0,
            {"url": url, "label": _("Confirm proposed decisions"), "words": _("Confirm the proposed decisions on {n} certificates"),
             "style": "primary", "name": "do", "value": "confirm",
             "confirm": _("Have you looked at each of them? They take effect and the holders are told.")},
        )  # fmt: skip
    return made


@bp.get("/office/certificates/<int:certificate_id>")
@requires(Can.READ_CERTIFICATE)
def certificate(certificate_id: int) -> Any:
    return _certificate(certificate_id)


def _certificate(
    certificate_id: int,
    change: ChangeForm | None = None,
    edition: EditionForm | None = None,
    drop: DropForm | None = None,
    paper: PaperStatementForm | None = None,
) -> str:
    me = current_person()
    found = service.certificate_for(me, certificate_id)
    allowed = [k for k in Change if (found.standing, k) in CHANGES]
    change = change or ChangeForm(formdata=None)
    change.code.choices = [
        ("", "–"), *((code, f"{CHANGE_LABELS[k]} – {said}") for k in allowed for code, said in rules.reasons_for(k, found.region_id))
    ]  # fmt: skip
    change.kind.choices = [one for one in change.kind.choices if Change(one.value) in allowed]  # type: ignore[union-attr]
    keeps = found.holder_id != me.id and reaches(me, Can.KEEP_CERTIFICATE, region=found.region_id)
    p = service.proposed(found)
    return render_template(
        "certification/certificate.html",
        certificate=found, edition=found.current, state=service.state_on(found, clock.today()), keeps=keeps,
        proposed=p, me_proposed=bool(p and p.proposed_by_id == me.id),
        change=change, allowed=allowed, edition_form=edition or EditionForm(formdata=None), drop=drop or DropForm(formdata=None),
        paper=paper or PaperStatementForm(formdata=None), late=bool(p and status.was_late(p)),
        hearing=bool(p and status.hearing_runs(p, clock.today())),
        proposed_words=status.words_of(p, english=not chinese()) if p else "", against=AGAINST, asks=requests.asks_about(found), trouble=trouble.of(found.current),
        history=words.certificate_history(found, renewals=renewals.renewals_of(found), asks=requests.asks_about(found)), file_open=reaches(me, Can.READ_APPLICATION, region=found.region_id),
    )  # fmt: skip


def _keep(certificate_id: int, act: Callable[[Certificate, Person], Any], said: str, **forms: Any) -> Any:
    """Act on a certificate under its lock; a refusal is shown in the form it came from."""
    try:
        with unit_of_work():
            officer = _officer()
            act(locked(service.certificate_for(officer, certificate_id)), officer)
    except Refused as error:
        for form in forms.values():
            form.refuse(error)
        return _certificate(certificate_id, **forms), error.status
    flash(said, "success")
    return redirect(url_for("certification.certificate", certificate_id=certificate_id))


@bp.post("/office/certificates/<int:certificate_id>/change")
@requires(Can.KEEP_CERTIFICATE)
def change(certificate_id: int) -> Any:
    service.certificate_for(current_person(), certificate_id)
    form = ChangeForm()
    if not form.validate_on_submit():
        return _certificate(certificate_id, change=form), 422
    if form.kind.data in TWO_PEOPLE:
        said = _("The decision is proposed. It takes effect once a second officer confirms.")
    else:
        said = _("The decision was recorded and is in force. The holder is told.")
    return _keep(
        certificate_id,
        lambda c, by: service.change(
            c, form.kind.data, by=by, reason=form.reason.data, code=form.code.data or "", now=clock.now()
        ),
        said,
        change=form,
    )


@bp.post("/office/changes/<int:change_id>/confirm")
@requires(Can.KEEP_CERTIFICATE)
def confirm(change_id: int) -> Any:
    found = service.change_for(current_person(), change_id)

    def act(certificate: Certificate, by: Person) -> None:
        service.confirm(locked(service.change_for(by, change_id)), by=by, now=clock.now())

    return _keep(
        found.certificate_id, act, _("The decision is in force; the holder was told."), drop=DropForm(formdata=None)
    )


@bp.post("/office/changes/<int:change_id>/drop")
@requires(Can.KEEP_CERTIFICATE)
def drop(change_id: int) -> Any:
    found, form = service.change_for(current_person(), change_id), DropForm()
    if not form.validate_on_submit():
        return _certificate(found.certificate_id, drop=form), 422

    def act(certificate: Certificate, by: Person) -> None:
        service.drop(locked(service.change_for(by, change_id)), by=by, finding=form.finding.data, now=clock.now())

    return _keep(found.certificate_id, act, _("The proposed decision was not confirmed."), drop=form)


@bp.post("/office/changes/<int:change_id>/statement")
@requires(Can.KEEP_CERTIFICATE)
def paper_statement(change_id: int) -> Any:
    """The holder's statement that came on paper, with its scan."""
    found, form = service.change_for(current_person(), change_id), PaperStatementForm()
    if not form.validate_on_submit():
        return _certificate(found.certificate_id, paper=form), 422

    def act(certificate: Certificate, by: Person) -> None:
        scan = (
            keep(form.scan.data, owner=certificate.holder or by, kinds=SCANS, field="scan") if form.scan.data else None
        )
        status.take_view(
            locked(service.change_for(by, change_id)), by=by, words=form.statement.data or "",
            received_on=form.received_on.data, scan=scan, now=clock.now(),
        )  # fmt: skip

    return _keep(found.certificate_id, act, _("The statement stands with the case; the holder was told."), paper=form)


@bp.get("/office/changes/<int:change_id>/statement")
@requires(Can.READ_CERTIFICATE)
def statement_scan(change_id: int) -> Any:
    """The scan of a statement; opening it is recorded."""
    with unit_of_work():
        officer = _officer()
        found = service.change_for(officer, change_id)
        if found.statement_file is None:
            raise NotFound
        record(Did.OPEN_VIEW, found.certificate, by=officer, more={"change": found.id})
        kept = found.statement_file
    return hand_out(kept)


@bp.post("/office/certificates/<int:certificate_id>/edition")
@requires(Can.KEEP_CERTIFICATE)
def new_edition(certificate_id: int) -> Any:
    service.certificate_for(current_person(), certificate_id)
    form = EditionForm()
    if not form.validate_on_submit():
        return _certificate(certificate_id, edition=form), 422
    return _keep(
        certificate_id,
        lambda c, by: service.reissue(c, form.kind.data, by=by, reason=form.reason.data, now=clock.now()),
        _("The new edition was issued; its PDF is being made."),
        edition=form,
    )


@bp.post("/office/certificates/<int:certificate_id>/render")
@requires(Can.KEEP_CERTIFICATE)
def render_again(certificate_id: int) -> Any:
    """Have the PDF made again, where the worker could not."""
    return _keep(
        certificate_id,
        lambda c, by: service.render(
            [e for e in c.editions if e.pdf_file_id is None and e.kind is not EditionKind.PRIOR] or [c.current], by=by
        ),
        _("The PDF is being made."),
    )


@bp.get("/office/certificates/<int:certificate_id>/pdf")
@requires(Can.READ_CERTIFICATE)
def office_pdf(certificate_id: int) -> Any:
    return pdf_of(service.certificate_for(current_person(), certificate_id), request.args.get("edition", ""))


@bp.get("/office/certificates/<int:certificate_id>/credential")
@requires(Can.READ_CERTIFICATE)
def office_credential(certificate_id: int) -> Any:
    return credential_of(service.certificate_for(current_person(), certificate_id))


# Renewals


@bp.get("/office/renewals", endpoint="renewals")
@requires(Can.READ_CERTIFICATE)
def all_renewals() -> Any:
    from app.certification.states import RENEWAL_LABELS

    me, levels = current_person(), level_names()
    listing = Listing(
        renewals.renewals_visible_to(me)
        .options(selectinload(Renewal.certificate))
        .order_by((Renewal.state != RenewalState.SUBMITTED), Renewal.submitted_at, Renewal.id),
        [
            Column("number", _l("Certificate number"), lambda r: r.certificate.number, Certificate.number),
            Column("holder", _l("Holder"), lambda r: r.certificate.holder_name),
            Column("level", _l("Level"), lambda r: levels.get(r.certificate.rank, r.certificate.rank)),
            Column("submitted", _l("Submitted on"), lambda r: r.submitted_at, Renewal.submitted_at),
            Column("until", _l("Valid until"), lambda r: r.certificate.valid_until, Certificate.valid_until),
            Column("state", _l("State"), lambda r: RENEWAL_LABELS[r.state], Renewal.state),
        ],
        request.args,
        filters=[
            Filter("state", _l("State"), [(k.value, w) for k, w in RENEWAL_LABELS.items()], lambda v: Renewal.state == RenewalState(v))
        ],
        search=[Certificate.number],
    )  # fmt: skip
    return render_template("certification/renewals.html", listing=listing)


@bp.get("/office/renewals/<int:renewal_id>")
@requires(Can.READ_CERTIFICATE)
def renewal_case(renewal_id: int) -> Any:
    return _renewal(renewal_id, ReasonForm())


def _renewal(renewal_id: int, form: ReasonForm) -> str:
    me = current_person()
    found = renewals.renewal_for(me, renewal_id)
    certificate = found.certificate
    keeps = certificate.holder_id != me.id and reaches(me, Can.KEEP_CERTIFICATE, region=certificate.region_id)
    judged = (
        renewals.judge(certificate, found.hours, found.policy_hours, clock.today())
        if found.state is RenewalState.SUBMITTED
        else found.evidence
    )
    rows = [{"words": renewals.gate_words(g), "passed": g["passed"]} for g in judged["gates"]]
    return render_template(
        "certification/renewal_case.html", renewal=found, certificate=certificate, keeps=keeps, gates=rows, form=form
    )


@bp.post("/office/renewals/<int:renewal_id>/grant")
@requires(Can.KEEP_CERTIFICATE)
def grant(renewal_id: int) -> Any:
    renewals.renewal_for(current_person(), renewal_id)
    form = ReasonForm(formdata=None)
    try:
        with unit_of_work():
            officer = _officer()
            found = locked(renewals.renewal_for(officer, renewal_id))
            locked(found.certificate)
            edition = service.grant_renewal(found, by=officer, now=clock.now())
    except Refused as error:
        form.form_errors.append(error.text)
        return _renewal(renewal_id, form), error.status
    flash(_("Renewed until %(until)s; the PDF is being made.", until=day(edition.valid_until)), "success")
    return redirect(url_for("certification.renewal_case", renewal_id=renewal_id))


@bp.post("/office/renewals/<int:renewal_id>/return")
@requires(Can.KEEP_CERTIFICATE)
def return_renewal(renewal_id: int) -> Any:
    renewals.renewal_for(current_person(), renewal_id)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _renewal(renewal_id, form), 422
    try:
        with unit_of_work():
            officer = _officer()
            found = locked(renewals.renewal_for(officer, renewal_id))
            service.return_renewal(found, by=officer, reason=form.reason.data, now=clock.now())
    except Invalid as error:
        form.refuse(error)
        return _renewal(renewal_id, form), 422
    flash(_("The renewal was returned to the holder."), "success")
    return redirect(url_for("certification.renewal_case", renewal_id=renewal_id))


@bp.get("/office/renewals/<int:renewal_id>/proof")
@requires(Can.READ_CERTIFICATE)
def proof(renewal_id: int) -> Any:
    """The proof of a renewal; opening it is recorded."""
    renewals.renewal_for(current_person(), renewal_id)
    with unit_of_work():
        officer = _officer()
        found = renewals.renewal_for(officer, renewal_id)
        record(Did.OPEN_PROOF, found, by=officer)
        kept = found.proof
    return hand_out(kept)
