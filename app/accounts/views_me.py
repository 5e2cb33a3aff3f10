"""A person's own pages: profile, identity, security, consents, data."""

from __future__ import annotations

import io
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, session, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts import identity, passwords, personal, service, sessions, signing, texts, words
from app.accounts.blueprint import bp
from app.accounts.consents import consent_of, consents_of, give_consent, withdraw_consent
from app.accounts.deeds import Did
from app.accounts.forms import (
    ChangePasswordForm,
    EmptyForm,
    IdNumberForm,
    PhoneForm,
    PhotoForm,
    ProfileForm,
    education_of,
    region_choices,
)
from app.accounts.guard import current_person, current_sign_in, requires, signed_in
from app.accounts.models import ConsentKind, IdKind, Person, Region, SignIn
from app.accounts.views_signing import employer_named, employers
from app.audit.service import record
from app.core import clock, limits
from app.core.errors import Invalid, NotFound, TooMany
from app.core.nav import place
from app.core.permissions import Can, Role
from app.db import db, locked, unit_of_work
from app.files.service import hand_out

place("accounts.me", _l("My profile"), "account", order=10)
place("accounts.my_security", _l("Password and sessions"), "account", order=20)
place("accounts.my_consents", _l("Consents"), "account", order=30)
place("accounts.my_data", _l("My data"), "account", order=40)

PAGES = [
    ("accounts.me", _l("Profile")),
    ("accounts.my_identity", _l("Identity")),
    ("accounts.my_security", _l("Password and sessions")),
    ("accounts.my_consents", _l("Consents")),
    ("accounts.my_data", _l("My data")),
]


def own_tabs() -> list[dict[str, Any]]:
    return [{"label": label, "url": url_for(page), "active": request.endpoint == page} for page, label in PAGES]


def _profile_form(person: Person) -> ProfileForm:
    values = {
        "name": person.name, "name_latin": person.name_latin, "region": str(person.region_id or ""),
        "employer": person.organisation.name_zh if person.organisation else "", "practice_kind": person.practice_kind,
        "full_time": "yes" if person.full_time else "no", "field": person.field, "education": person.education or "",
        "experience_years": person.experience_years, "title_level": person.title_level,
        "title_years": person.title_years, "locale": person.locale,
    }  # fmt: skip
    form = ProfileForm(data=values)
    form.region.choices = region_choices(service.regions())
    return form


def _terms_are_newer(person: Person) -> bool:
    """Was another version of the terms agreed to than the one that holds now?"""
    standing = consent_of(person, ConsentKind.TERMS)
    return standing is not None and standing.version != texts.version(ConsentKind.TERMS)


@bp.route("/me", methods=["GET", "POST"])
@signed_in
def me() -> Any:
    form = _profile_form(current_person())
    if form.validate_on_submit():
        try:
            with unit_of_work():
                person = locked(current_person())
                region = db.session.get_one(Region, int(form.region.data))
                employer = employer_named(form.employer.data, region, by=person)
                if employer is None and person.organisation_id is not None:
                    service.leave_employer(person, by=person)
                service.set_background(
                    person, by=person, name=form.name.data, name_latin=form.name_latin.data or "", region=region,
                    organisation=employer, practice_kind=form.practice_kind.data,
                    full_time=form.full_time.data == "yes", field=form.field.data or "",
                    education=education_of(form.education.data), experience_years=form.experience_years.data or 0,
                    title_level=form.title_level.data, title_years=form.title_years.data or 0, locale=form.locale.data,
                )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            session.pop("lang", None)
            flash(_("Your profile is saved."), "success")
            return redirect(url_for("accounts.me"))
    page = render_template(
        "accounts/me.html",
        form=form,
        tabs=own_tabs(),
        employers=employers(),
        person_here=current_person(),
        new_terms=_terms_are_newer(current_person()),
    )
    return page, 422 if form.errors else 200


def _identity_page(status: int = 200, **forms: Any) -> Any:
    person = current_person()
    return render_template(
        "accounts/identity.html", tabs=own_tabs(), person_here=person, photo=identity.photo_of(person),
        id_form=forms.get("id_form") or IdNumberForm(formdata=None, kind=person.id_kind or IdKind.RESIDENT),
        phone_form=forms.get("phone_form") or PhoneForm(formdata=None),
        photo_form=forms.get("photo_form") or PhotoForm(formdata=None), kinds=words.ID_KINDS, empty=EmptyForm(),
    ), status  # fmt: skip


@bp.get("/me/identity")
@signed_in
def my_identity() -> Any:
    return _identity_page()


@bp.post("/me/identity/number")
@signed_in
def set_id_number() -> Any:
    form = IdNumberForm()
    if form.validate_on_submit():
        try:
            limits.spend("id-number", "20 per hour", current_person().id)
            with unit_of_work():
                person = locked(current_person())
                identity.set_id_number(
                    person, form.kind.data, form.number.data or "", by=person, today=clock.local_date(clock.now())
                )
        except (Invalid, TooMany) as error:
            form.refuse(error)
        else:
            flash(_("The number is saved. Only its last four characters are shown."), "success")
            return redirect(url_for("accounts.my_identity"))
    return _identity_page(422, id_form=form)


@bp.post("/me/identity/phone")
@signed_in
def set_phone() -> Any:
    form = PhoneForm()
    if form.validate_on_submit():
        try:
            limits.spend("id-number", "20 per hour", current_person().id)
            with unit_of_work():
                person = locked(current_person())
                identity.set_phone(person, form.phone.data or "", by=person)
        except (Invalid, TooMany) as error:
            form.refuse(error)
        else:
            flash(_("The phone number is saved."), "success")
            return redirect(url_for("accounts.my_identity"))
    return _identity_page(422, phone_form=form)


@bp.get("/me/photo")
@signed_in
def my_photo() -> Any:
    photo = identity.photo_of(current_person())
    if photo is None:
        raise NotFound
    return hand_out(photo, inline=True)


@bp.post("/me/photo")
@signed_in
def set_photo() -> Any:
    form = PhotoForm()
    if form.validate_on_submit() and hasattr(form.photo.data, "stream"):
        try:
            with unit_of_work():
                person = locked(current_person())
                identity.set_photo(person, form.photo.data, by=person, now=clock.now())
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The photo is saved."), "success")
            return redirect(url_for("accounts.my_identity"))
    elif not form.errors:
        form.refuse(identity.PhotoRefused("photo", why=_("the file is empty.")))
    return _identity_page(422, photo_form=form)


@bp.post("/me/photo/delete")
@signed_in
def drop_photo() -> Any:
    with unit_of_work():
        person = locked(current_person())
        identity.drop_photo(person, by=person)
    flash(_("The photo is deleted."), "success")
    return redirect(url_for("accounts.my_identity"))


def _security_page(form: ChangePasswordForm, status: int = 200) -> Any:
    person, now = current_person(), clock.now()
    rows = db.session.scalars(
        select(SignIn)
        .where(SignIn.person_id == person.id, SignIn.ended_at.is_(None), SignIn.seen_at > now - sessions.IDLE)
        .order_by(SignIn.seen_at.desc(), SignIn.id.desc())
        .limit(50)
    ).unique()
    return render_template(
        "accounts/security.html", tabs=own_tabs(), form=form, rows=list(rows), this_one=current_sign_in().id, agent=words.agent_words,
        person_here=person, empty=EmptyForm(),
    ), status  # fmt: skip


@bp.get("/me/security")
@signed_in
def my_security() -> Any:
    return _security_page(ChangePasswordForm(formdata=None))


@bp.post("/me/security/password")
@signed_in
def change_password() -> Any:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        person = current_person()
        person_id, sign_in_id = person.id, current_sign_in().id
        try:
            limits.spend("change-password", "10 per hour", person_id)
            if not passwords.check(person.password_hash, form.old.data or "").right:
                raise signing.WrongPassword("old")
            passwords.must_be_strong(form.password.data or "", email=person.email or "", name=person.name)
            hashed = passwords.hashed(form.password.data or "")
            with unit_of_work():
                signing.change_password(
                    db.session.get_one(Person, person_id, with_for_update={"of": Person}), hashed, now=clock.now(),
                    keep=db.session.get_one(SignIn, sign_in_id),
                )  # fmt: skip
        except (Invalid, TooMany) as error:
            form.refuse(error)
        else:
            flash(_("Your password is changed. All other sessions were ended."), "success")
            return redirect(url_for("accounts.my_security"))
    return _security_page(form, 422)


@bp.post("/me/security/sessions/end")
@signed_in
def end_sessions() -> Any:
    """Sign out everywhere else, or one session (``id``)."""
    asked = request.form.get("id", "")
    sign_in_id = current_sign_in().id
    with unit_of_work():
        person, now = locked(current_person()), clock.now()
        if asked:
            row = (
                db.session.get(SignIn, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
            )
            if row is None or row.person_id != person.id:
                raise NotFound
            row.ended_at = now
        else:
            sessions.end_all(person, now=now, but=db.session.get_one(SignIn, sign_in_id))
        record(Did.SIGN_OUT_EVERYWHERE, person, by=person)
    flash(_("The session was ended.") if asked else _("All other sessions were ended."), "success")
    return redirect(url_for("accounts.my_security"))


@bp.get("/me/consents")
@signed_in
def my_consents() -> Any:
    person, language = current_person(), "en" if str(get_locale()) == "en" else "zh_Hans"
    shown = [
        {
            "kind": kind,
            "name": name,
            "standing": consent_of(person, kind),
            "version": texts.version(kind),
            "text": "" if kind is ConsentKind.TERMS else texts.text(kind, language),
        }
        for kind, name in words.CONSENTS.items()
    ]
    return render_template(
        "accounts/consents.html", tabs=own_tabs(), shown=shown, lines=consents_of(person), names=words.CONSENTS
    )


@bp.post("/me/consents/<kind>")
@signed_in
def set_consent(kind: str) -> Any:
    """Give or withdraw (``do``) a consent."""
    if kind not in {str(k) for k in ConsentKind} or request.form.get("do") not in ("give", "withdraw"):
        abort(404)
    with unit_of_work():
        person = locked(current_person())
        if request.form["do"] == "give":
            give_consent(person, ConsentKind(kind), now=clock.now())
        else:
            withdraw_consent(person, ConsentKind(kind), now=clock.now())
    flash(_("Your choice is saved."), "success")
    return redirect(url_for("accounts.my_consents"))


@bp.get("/me/data")
@signed_in
def my_data() -> Any:
    return render_template(
        "accounts/data.html", tabs=own_tabs(), requests=personal.requests_of(current_person()), empty=EmptyForm(),
        holders=sorted(personal.HOLDERS),
    )  # fmt: skip


@bp.post("/me/data/export")
@signed_in
def export_data() -> Any:
    limits.spend("export-data", "6 per hour", current_person().id)
    with unit_of_work():
        person = locked(current_person())
        personal.note_export(person)
        data = personal.export(person, now=clock.now())
    name = f"my-data-{clock.today():%Y%m%d}.zip"
    answer = send_file(io.BytesIO(data), mimetype="application/zip", as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/me/data/erasure")
@signed_in
def ask_erasure() -> Any:
    with unit_of_work():
        person = locked(current_person())
        officers = service.holders_of(Role.ADMIN, region_id=person.region_id, organisation_id=person.organisation_id)
        personal.ask_erasure(person, officers=officers, now=clock.now())
    flash(_("Your request is with the office. You get an answer within 15 working days."), "success")
    return redirect(url_for("accounts.my_data"))


@bp.get("/people/<int:person_id>/photo")
@requires(Can.READ_PEOPLE)
def photo(person_id: int) -> Any:
    """The photo of a person in an officer's sight."""
    found = identity.photo_of(service.person_for(current_person(), person_id))
    if found is None:
        raise NotFound
    return hand_out(found, inline=True)
