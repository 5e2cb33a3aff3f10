"""Officers' pages: people, roles, erasure, organisations, regions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts import identity, personal, service, signing, words
from app.accounts.blueprint import bp
from app.accounts.deeds import Did
from app.accounts.forms import (
    FindForm,
    InviteForm,
    OrganisationForm,
    ReasonForm,
    RegionForm,
    RoleForm,
    SettleForm,
    choices,
    region_choices,
    scope_chosen,
    where_choices,
)
from app.accounts.guard import current_person, requires
from app.accounts.models import ErasureRequest, Organisation, OrganisationKind, Person, PersonState, Region, RoleHeld
from app.accounts.scope import must_reach, reach_of, reaches, within
from app.accounts.views_signing import employer_named, employers
from app.audit.models import AuditEntry
from app.audit.service import DEED_NAMES, record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.waiting import Waiting, waiting
from app.db import db, locked, unit_of_work

LINES = 30


def _waiting(officer: Person) -> Waiting:
    return waiting(personal.waiting_for(officer), ErasureRequest.asked_at)


place("accounts.people", _l("People"), "people", can=Can.READ_PEOPLE, order=10)
place("accounts.erasures", _l("Requests for erasure"), "people", can=Can.MANAGE_PEOPLE, order=20, count=_waiting)
place("accounts.organisations", _l("Organisations"), "people", can=Can.MANAGE_PLACES, order=30)
place("accounts.regions", _l("Regions"), "people", can=Can.MANAGE_PLACES, order=40)


# People


def role_words(person: Person) -> str:
    kinds = sorted({held.role for held in person.roles if held.ended_at is None}, key=list(words.ROLES).index)
    return ", ".join(str(words.ROLES[kind]) for kind in kinds)


PEOPLE = [
    Column("name", _l("Full name"), lambda p: p.name, sort=Person.name),
    Column("email", _l("E-mail address"), lambda p: p.email or "", sort=Person.email),
    Column("phone", _l("Phone number"), lambda p: p.phone_masked),
    Column("id_number", _l("ID number"), lambda p: p.id_masked),
    Column("region", _l("Region"), lambda p: words.place_name(p.region)),
    Column("employer", _l("Employer"), lambda p: words.place_name(p.organisation)),
    Column("roles", _l("Roles"), role_words),
    Column("created_at", _l("Since"), lambda p: clock.local_date(p.created_at), sort=Person.created_at),
]


def people_listing() -> Listing:
    held = select(RoleHeld.person_id).where(RoleHeld.ended_at.is_(None))
    return Listing(
        service.people_visible_to(current_person()).options(selectinload(Person.roles)),
        PEOPLE,
        request.args,
        filters=[
            Filter("role", _l("Role"), choices(words.ROLES), lambda v: Person.id.in_(held.where(RoleHeld.role == v))),
            Filter(
                "region", _l("Region"), region_choices(service.regions(ours=None), blank=False),
                lambda v: Person.region_id == int(v),
            ),
            Filter("state", _l("State"), choices(words.STATES), lambda v: Person.state == v),
        ],
        search=(Person.name, Person.email, Person.name_latin),
        default_sort="-created_at",
    )  # fmt: skip


@bp.get("/people")
@requires(Can.READ_PEOPLE)
def people() -> Any:
    listing = people_listing()
    if request.args.get("export") == "xlsx":
        with unit_of_work():
            person = current_person()
            record(
                Did.EXPORT_PEOPLE, person, by=person, more={"filter": dict(request.args), "rows": listing.exact_total}
            )
        return people_listing().as_download(_("People"))
    may_invite = current_person().can(Can.MANAGE_PEOPLE)
    return render_template("accounts/people.html", rows=listing, find=FindForm(formdata=None), may_invite=may_invite)


@bp.post("/people/find")
@requires(Can.READ_PEOPLE)
def find_person() -> Any:
    """By ID number or phone. A POST, so that the number stands in no address and no log."""
    form = FindForm()
    if form.validate_on_submit():
        typed = form.number.data or ""
        for found in (service.find_person_by_id_number(typed), service.find_person_by_phone(typed)):
            if found is not None:
                try:
                    return redirect(
                        url_for("accounts.person", person_id=service.person_for(current_person(), found.id).id)
                    )
                except NotFound:
                    continue
    flash(_("Nobody in your scope has this number. Please check it digit by digit."), "warning")
    return redirect(url_for("accounts.people"))


def _where(officer: Person) -> list[tuple[str, str]]:
    """The scopes in which an officer may grant roles."""
    reach = reach_of(officer, Can.GRANT_ROLE)
    organisations = select(Organisation).where(
        within(officer, Can.GRANT_ROLE, region=Organisation.region_id, organisation=Organisation.id)
    )
    regions = service.regions() if reach.site else [r for r in service.regions() if r.id in reach.regions]
    return where_choices(reach.site, regions, db.session.scalars(organisations.order_by(Organisation.name_zh)))


def lines_about(person: Person) -> list[dict[str, Any]]:
    """The newest lines of the log about a person, with the names of those who acted."""
    rows = list(
        db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.about == "person", AuditEntry.about_id == person.id)
            .order_by(AuditEntry.id.desc())
            .limit(LINES)
        )
    )
    names = names_of(r.person_id for r in rows)
    return [{"at": r.at, "what": DEED_NAMES.get(r.deed, r.deed), "who": names.get(r.person_id or 0, "")} for r in rows]


def names_of(ids: Iterable[int | None]) -> dict[int, str]:
    wanted = {i for i in ids if i}
    if not wanted:
        return {}
    asked = select(Person.id, Person.name).where(Person.id.in_(wanted))
    return {row.id: row.name for row in db.session.execute(asked)}


def _person_page(person: Person, status: int = 200, **more: Any) -> Any:
    officer = current_person()
    held = sorted(person.roles, key=lambda r: (r.ended_at is not None, r.id))
    role_form = None
    if officer.can(Can.GRANT_ROLE) and officer.id != person.id and person.state is PersonState.ACTIVE:
        role_form = more.get("role_form") or RoleForm(formdata=None)
        role_form.where.choices = _where(officer)
    here = {"region": person.region_id, "organisation": person.organisation_id}
    page = render_template(
        "accounts/person.html", shown=person, held=held, scopes=service.scope_names(held), words=words,
        role_form=role_form, role_words=role_words(person),
        may_reveal=reaches(officer, Can.REVEAL_ID, **here) and bool(person.id_sealed or person.phone_sealed),
        may_manage=service.manages(officer, person) and officer.id != person.id,
        reveal_form=more.get("reveal_form") or ReasonForm(formdata=None, prefix="reveal"),
        reset_form=more.get("reset_form") or ReasonForm(formdata=None, prefix="reset"),
        end_form=more.get("end_form") or ReasonForm(formdata=None, prefix="end"),
        revealed=more.get("revealed"), photo=identity.photo_of(person),
        lines=lines_about(person) if officer.can(Can.READ_AUDIT) or officer.can(Can.MANAGE_PEOPLE) else None,
        pages=[p for p in service.PERSON_PAGES if officer.can(p[2])],
    )  # fmt: skip
    return page, status


@bp.get("/people/<int:person_id>")
@requires(Can.READ_PEOPLE)
def person(person_id: int) -> Any:
    return _person_page(service.person_for(current_person(), person_id))


@bp.post("/people/<int:person_id>/reveal")
@requires(Can.REVEAL_ID)
def reveal(person_id: int) -> Any:
    """Show ID number and phone in full, once, for a reason."""
    found, form = service.person_for(current_person(), person_id), ReasonForm(prefix="reveal")
    if not form.validate_on_submit():
        return _person_page(found, 422, reveal_form=form)
    with unit_of_work():
        person = locked(found)
        revealed = service.reveal_id_number(person, by=current_person(), reason=form.reason.data or "")
    return _person_page(service.person_for(current_person(), person_id), revealed=revealed)


@bp.post("/people/<int:person_id>/roles")
@requires(Can.GRANT_ROLE)
def grant_role(person_id: int) -> Any:
    found, form = service.person_for(current_person(), person_id), RoleForm()
    form.where.choices = _where(current_person())
    if form.validate_on_submit():
        scope, scope_id = scope_chosen(form.where.data)
        try:
            with unit_of_work():
                person = locked(found)
                service.grant_role(person, form.role.data, scope, scope_id, by=current_person(), now=clock.now())
        except Refused as error:
            form.refuse(error)
        else:
            flash(_("The role was granted; a letter tells the person."), "success")
            return redirect(url_for("accounts.person", person_id=person_id))
    return _person_page(service.person_for(current_person(), person_id), 422, role_form=form)


@bp.post("/people/<int:person_id>/roles/<int:role_id>/end")
@requires(Can.GRANT_ROLE)
def end_role(person_id: int, role_id: int) -> Any:
    found, form = service.person_for(current_person(), person_id), ReasonForm(prefix="end")
    held = service.role_of(current_person(), found, role_id)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                service.end_role(locked(held), by=current_person(), reason=form.reason.data or "", now=clock.now())
        except Refused as error:
            form.refuse(error)
        else:
            flash(_("The role was ended; a letter tells the person."), "success")
            return redirect(url_for("accounts.person", person_id=person_id))
    return _person_page(service.person_for(current_person(), person_id), 422, end_form=form)


@bp.post("/people/<int:person_id>/second-factor/reset")
@requires(Can.MANAGE_PEOPLE)
def reset_second_factor(person_id: int) -> Any:
    found, form = service.person_for(current_person(), person_id), ReasonForm(prefix="reset")
    must_reach(current_person(), Can.MANAGE_PEOPLE, region=found.region_id, organisation=found.organisation_id)
    if form.validate_on_submit():
        with unit_of_work():
            person = locked(found)
            signing.reset_second_factor(person, by=current_person(), reason=form.reason.data or "", now=clock.now())
        flash(_("The second factor was reset and all sessions ended; a letter tells the person."), "success")
        return redirect(url_for("accounts.person", person_id=person_id))
    return _person_page(found, 422, reset_form=form)


@bp.route("/people/invite", methods=["GET", "POST"])
@requires(Can.MANAGE_PEOPLE)
def invite() -> Any:
    """Make an account for somebody and send the link to choose a password."""
    form, reach = InviteForm(), reach_of(current_person(), Can.MANAGE_PEOPLE)
    form.region.choices = region_choices(r for r in service.regions() if reach.site or r.id in reach.regions)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                officer, now = current_person(), clock.now()
                region = db.session.get_one(Region, int(form.region.data))
                must_reach(officer, Can.MANAGE_PEOPLE, region=region.id)
                made = service.register(
                    email=form.email.data or "", name=form.name.data or "", region=region, by=officer, now=now,
                    organisation=employer_named(form.employer.data, region, by=officer), locale=form.locale.data,
                )  # fmt: skip
                service.invite(made, by=officer, now=now)
                made_id = made.id
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The account is made and the invitation is on its way."), "success")
            return redirect(url_for("accounts.person", person_id=made_id))
    return render_template("accounts/invite.html", form=form, employers=employers()), 422 if form.errors else 200


# Erasure

ERASURES = [
    Column("asked_at", _l("Asked on"), lambda r: r.asked_at, sort=ErasureRequest.asked_at),
    Column("name", _l("Full name"), lambda r: db.session.get_one(Person, r.person_id).name),
]


@bp.get("/people/erasures")
@requires(Can.MANAGE_PEOPLE)
def erasures() -> Any:
    listing = Listing(personal.waiting_for(current_person()), ERASURES, request.args, default_sort="asked_at")
    db.session.scalars(select(Person).where(Person.id.in_([r.person_id for r in listing.rows]))).unique().all()
    return render_template("accounts/erasures.html", rows=listing)


@bp.route("/people/erasures/<int:request_id>", methods=["GET", "POST"])
@requires(Can.MANAGE_PEOPLE)
def erasure(request_id: int) -> Any:
    """Look at a request and settle it."""
    asked, form = personal.request_for(current_person(), request_id), SettleForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                personal.settle_erasure(
                    locked(asked), erase=form.decision.data == "erase", by=current_person(),
                    reason=form.reason.data or "", now=clock.now(),
                )  # fmt: skip
        except Refused as error:
            if isinstance(error, NotFound):
                raise
            form.refuse(error)
        else:
            flash(_("The request is settled."), "success")
            return redirect(url_for("accounts.erasures"))
    asked = personal.request_for(current_person(), request_id)
    shown = db.session.get_one(Person, asked.person_id)
    page = render_template("accounts/erasure.html", form=form, asked=asked, shown=shown, role_words=role_words(shown))
    return page, 422 if request.method == "POST" else 200


# Organisations and regions

ORGANISATIONS = [
    Column("name_zh", _l("Name of the organisation"), lambda o: o.name_zh, sort=Organisation.name_zh),
    Column("name_en", _l("Name in English"), lambda o: o.name_en),
    Column("kind", _l("Kind"), lambda o: str(words.ORGANISATION_KINDS[o.kind]), sort=Organisation.kind),
    Column("region", _l("Region"), lambda o: words.place_name(o.region)),
    Column("credit_code", _l("Unified social credit code"), lambda o: o.credit_code or ""),
    Column("created_at", _l("Since"), lambda o: clock.local_date(o.created_at), sort=Organisation.created_at),
]


def organisations_listing() -> Listing:
    return Listing(
        select(Organisation).where(
            within(current_person(), Can.MANAGE_PLACES, region=Organisation.region_id, organisation=Organisation.id)
        ),
        ORGANISATIONS,
        request.args,
        filters=[
            Filter("kind", _l("Kind"), choices(words.ORGANISATION_KINDS), lambda v: Organisation.kind == v),
            Filter(
                "region", _l("Region"), region_choices(service.regions(ours=None), blank=False),
                lambda v: Organisation.region_id == int(v),
            ),
        ],
        search=(Organisation.name_zh, Organisation.name_en, Organisation.credit_code),
        default_sort="name_zh",
    )  # fmt: skip


@bp.get("/organisations")
@requires(Can.MANAGE_PLACES)
def organisations() -> Any:
    listing = organisations_listing()
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Organisations"))
    return render_template("accounts/organisations.html", rows=listing)


def _organisation_form(organisation: Organisation | None) -> OrganisationForm:
    values: dict[str, Any] = {"kind": OrganisationKind.ENTERPRISE}
    if organisation is not None:
        values = {k: getattr(organisation, k) for k in ("name_zh", "name_en", "kind")}
        values |= {"region": str(organisation.region_id), "credit_code": organisation.credit_code or ""}
    form, reach = OrganisationForm(data=values), reach_of(current_person(), Can.MANAGE_PLACES)
    form.region.choices = region_choices(r for r in service.regions(ours=None) if reach.site or r.id in reach.regions)
    return form


@bp.route("/organisations/new", methods=["GET", "POST"])
@requires(Can.MANAGE_PLACES)
def new_organisation() -> Any:
    return _save_organisation(None)


@bp.route("/organisations/<int:organisation_id>", methods=["GET", "POST"])
@requires(Can.MANAGE_PLACES)
def organisation(organisation_id: int) -> Any:
    found = db.session.get(Organisation, organisation_id)
    officer = current_person()
    if found is None or not reaches(officer, Can.MANAGE_PLACES, region=found.region_id, organisation=found.id):
        raise NotFound
    return _save_organisation(found)


def _save_organisation(found: Organisation | None) -> Any:
    form = _organisation_form(found)
    if form.validate_on_submit():
        values = {
            "name_zh": form.name_zh.data or "", "name_en": form.name_en.data or "", "kind": form.kind.data,
            "credit_code": form.credit_code.data,
        }  # fmt: skip
        try:
            with unit_of_work():
                officer, region = current_person(), db.session.get_one(Region, int(form.region.data))
                if found is None:
                    must_reach(officer, Can.MANAGE_PLACES, region=region.id)
                    service.create_organisation(**values, region=region, by=officer, now=clock.now())
                else:
                    service.edit_organisation(locked(found), **values, region=region, by=officer)
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The organisation is saved."), "success")
            return redirect(url_for("accounts.organisations"))
    return render_template("accounts/organisation.html", form=form, found=found), 422 if form.errors else 200


REGIONS = [
    Column("code", _l("Code"), lambda r: r.code, sort=Region.code),
    Column("name_zh", _l("Name in Chinese"), lambda r: r.name_zh, sort=Region.name_zh),
    Column("name_en", _l("Name in English"), lambda r: r.name_en),
    Column("authority", _l("Issuing authority"), lambda r: r.authority_zh),
    Column("ours", _l("Served by this site"), lambda r: r.ours),
]


@bp.get("/regions")
@requires(Can.MANAGE_PLACES)
def regions() -> Any:
    asked = select(Region).where(within(current_person(), Can.MANAGE_PLACES, region=Region.id))
    listing = Listing(
        asked, REGIONS, request.args, search=(Region.name_zh, Region.name_en, Region.code), default_sort="code"
    )
    may_add = reach_of(current_person(), Can.MANAGE_PLACES).site
    return render_template("accounts/regions.html", rows=listing, may_add=may_add)


@bp.route("/regions/new", methods=["GET", "POST"])
@requires(Can.MANAGE_PLACES)
def new_region() -> Any:
    if not reach_of(current_person(), Can.MANAGE_PLACES).site:
        raise NotFound
    return _save_region(None)


@bp.route("/regions/<int:region_id>", methods=["GET", "POST"])
@requires(Can.MANAGE_PLACES)
def region(region_id: int) -> Any:
    found = db.session.get(Region, region_id)
    if found is None or not reaches(current_person(), Can.MANAGE_PLACES, region=found.id):
        raise NotFound
    return _save_region(found)


def _save_region(found: Region | None) -> Any:
    names = ("code", "name_zh", "name_en", "authority_zh", "authority_en", "ours")
    form = RegionForm(data={name: getattr(found, name) for name in names} if found else {"ours": True})
    if form.validate_on_submit():
        try:
            with unit_of_work():
                service.save_region(
                    locked(found) if found else None, by=current_person(), **{n: form[n].data for n in names}
                )
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The region is saved."), "success")
            return redirect(url_for("accounts.regions"))
    return render_template("accounts/region.html", form=form, found=found), 422 if form.errors else 200
