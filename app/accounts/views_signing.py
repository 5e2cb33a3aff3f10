"""Signing up, in and out; lost passwords; the second factor; the texts people agree to."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import logout_user
from itsdangerous import BadData, URLSafeSerializer

from app.accounts import passwords, resume, service, signing, texts
from app.accounts.blueprint import bp
from app.accounts.forms import (
    AskResetForm,
    CodeForm,
    ConfirmForm,
    NewPasswordForm,
    SignInForm,
    SignUpForm,
    region_choices,
)
from app.accounts.guard import current_person, current_sign_in, public, signed_in, visitor
from app.accounts.models import ConsentKind, LinkPurpose, Organisation, OrganisationKind, Person, Region, SignIn
from app.core import clock, crypto, limits
from app.core.crypto import settings
from app.core.errors import Invalid, Refused, TooMany
from app.core.views import safe_next
from app.db import db, locked, one_line, unit_of_work

KNOWN = "ttm_known"
SIGN_UPS, MAILS = "20 per hour", "4 per hour"


def employers() -> list[str]:
    """Names offered in the employer field: those an officer has looked at, not what visitors typed."""
    return [o.name_zh for o in service.organisations() if o.kind is not OrganisationKind.OTHER][:500]


def employer_named(name: str | None, region: Region, *, by: Person | None) -> Organisation | None:
    """The organisation of this name, made when there is none; None for an empty field."""
    if not name:
        return None
    return service.organisation_named(name) or service.create_organisation(
        name_zh=name, region=region, by=by, now=clock.now()
    )


@lru_cache(maxsize=4)
def _signer(key: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt="accounts.known")


def _known_browser() -> URLSafeSerializer:
    return _signer(current_app.config["SECRET_KEY"])


def _account(email: str) -> str:
    return crypto.lookup((email or "").strip().lower(), purpose="known browser")[:32]


def _known_accounts() -> list[str]:
    """The accounts that signed in from this browser, as its cookie says."""
    cookie = request.cookies.get(KNOWN)
    if not cookie:
        return []
    try:
        return list(_known_browser().loads(cookie))
    except BadData:
        return []


def _remember(answer: Any, email: str, known: list[str]) -> Any:
    """Note in a cookie that this account signed in from this browser: others' failures then do not slow it down."""
    mine = _account(email)
    kept = [mine, *(a for a in known if a != mine)][:5]
    answer.set_cookie(
        KNOWN, _known_browser().dumps(kept), max_age=365 * 86400, httponly=True, samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )  # fmt: skip
    return answer


@bp.route("/sign-up", methods=["GET", "POST"])
@public
def sign_up() -> Any:
    if visitor() is not None:
        return redirect("/")
    form = SignUpForm()
    form.region.choices = region_choices(service.regions())
    if request.method == "GET":
        form.locale.data = "en" if str(get_locale()) == "en" else "zh_Hans"
    if form.validate_on_submit():
        try:
            email = signing.tidy_email(form.email.data or "")
            name, password = form.name.data or "", form.password.data or ""
            passwords.must_be_strong(password, email=email, name=name)
            limits.spend("sign-up", SIGN_UPS, limits.address())
            limits.spend("sign-up-mail", MAILS, _account(email))
            hashed = passwords.hashed(password)
            with unit_of_work():
                region = db.session.get_one(Region, int(form.region.data))
                wish = signing.SignUp(
                    email=email, name=name, password_hash=hashed, region=region,
                    organisation=employer_named(form.employer.data, region, by=None), locale=form.locale.data,
                    terms_version=texts.version(ConsentKind.TERMS),
                )  # fmt: skip
                token = signing.sign_up(wish, now=clock.now())
        except (Invalid, TooMany) as error:
            form.refuse(error)
        else:
            session["mail_sent_to"] = email
            shown = url_for("accounts.confirm_email", token=token) if token and settings().demo else ""
            return render_template("accounts/mail_sent.html", email=email, link=shown, reset=False)
    return render_template("accounts/sign_up.html", form=form, employers=employers()), 422 if form.errors else 200


@bp.route("/confirm/<token>", methods=["GET", "POST"])
@public
def confirm_email(token: str) -> Any:
    form = ConfirmForm()
    refused = 200
    if form.validate_on_submit():
        try:
            limits.spend("confirm", "10 per 10 minutes", token[:40])
            with unit_of_work():
                person = signing.confirm_email(token, form.password.data or "", now=clock.now())
                begun = signing.sign_in(signing.Recognised(person.id, person.password_hash), now=clock.now())
        except signing.WrongPassword as error:
            form.refuse(error)
            refused = 422
        else:
            assert begun
            flash(_("Welcome! Your account is open. Next: complete your profile."), "success")
            return _remember(redirect(url_for("accounts.me")), person.email or "", _known_accounts())
    elif request.method == "GET":
        signing.link_behind(token, LinkPurpose.CONFIRM_EMAIL, now=clock.now())
    else:
        refused = 422
    return render_template("accounts/confirm.html", form=form), refused


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> Any:
    form = SignInForm()
    if visitor() is not None:
        return redirect(safe_next(request.args.get("next"), "/"))
    if request.method == "GET":
        form.next.data = request.args.get("next", "")
    status = 200 if request.method == "GET" else 422
    if form.validate_on_submit():
        email, known = form.email.data or "", _known_accounts()
        try:
            found = signing.recognise(email, form.password.data or "", known_browser=_account(email) in known)
            if found.new_hash:
                with unit_of_work():
                    found = signing.renew_hash(found)
            with one_line():
                begun = signing.sign_in(found, now=clock.now())
            if not begun:
                with unit_of_work():
                    refusal = signing.not_let_in(found, now=clock.now())
                raise refusal
        except (signing.WrongPair, signing.SlowDown) as error:
            form.refuse(error)
            status = error.status
        else:
            kept = resume.kept_for(found.person_id, form.kept.data or "")
            if kept is not None:
                return _remember(make_response(render_template("accounts/resume.html", kept=kept)), email, known)
            return _remember(redirect(safe_next(form.next.data, "/")), email, known)
    # Led here from a closed page: say why, and that the way goes back there.
    closed = safe_next(form.next.data, "") not in ("", "/")
    return render_template("accounts/sign_in.html", form=form, ended=False, closed=closed), status


@bp.post("/sign-out")
@signed_in
def sign_out() -> Any:
    row_id = current_sign_in().id
    with unit_of_work():
        db.session.get_one(SignIn, row_id).ended_at = clock.now()
    logout_user()
    kept = session.get("lang")
    session.clear()
    if kept:
        session["lang"] = kept
    flash(_("You have signed out."), "success")
    return redirect("/")


@bp.route("/forgot", methods=["GET", "POST"])
@public
def forgot() -> Any:
    """Ask for a link to set a new password; the page says the same whether the address is known or not."""
    form = AskResetForm()
    if form.validate_on_submit():
        try:
            email = signing.tidy_email(form.email.data or "")
            limits.spend("forgot", SIGN_UPS, limits.address())
            limits.spend("forgot-mail", MAILS, _account(email), limits.address())
            limits.spend("forgot-mail-wide", "12 per hour", _account(email))
            with unit_of_work():
                token = signing.ask_reset(email, now=clock.now())
        except (Invalid, TooMany) as error:
            form.refuse(error)
        else:
            shown = url_for("accounts.reset", token=token) if token and settings().demo else ""
            return render_template("accounts/mail_sent.html", email=email, link=shown, reset=True)
    return render_template("accounts/forgot.html", form=form), 422 if form.errors or form.form_errors else 200


@bp.route("/reset/<token>", methods=["GET", "POST"])
@public
def reset(token: str) -> Any:
    form = NewPasswordForm()
    person = signing.person_of_reset(token, now=clock.now())
    if form.validate_on_submit():
        try:
            passwords.must_be_strong(form.password.data or "", email=person.email or "", name=person.name)
        except Invalid as error:
            form.refuse(error)
        else:
            hashed = passwords.hashed(form.password.data or "")
            with unit_of_work():
                signing.reset_password(token, hashed, now=clock.now())
            logout_user()
            flash(_("Your password is set. Please sign in with it; all other sessions were ended."), "success")
            return redirect(url_for("accounts.sign_in"))
    return render_template("accounts/reset.html", form=form, email=person.email), 422 if form.errors else 200


@bp.route("/second-factor", methods=["GET", "POST"])
@signed_in
def second_factor() -> Any:
    """Ask for the code of the authenticator app; who has none sets it up first."""
    form, back = CodeForm(), safe_next(request.args.get("next"), "/")
    if current_person().totp_confirmed_at is None:
        return redirect(url_for("accounts.set_up_second_factor", next=back))
    if current_sign_in().second_factor_at is not None:
        return redirect(back)
    if form.validate_on_submit() and _code_taken(form, confirm=False):
        return redirect(back)
    return render_template("accounts/second_factor.html", form=form, back=back), 422 if form.errors else 200


@bp.route("/second-factor/set-up", methods=["GET", "POST"])
@signed_in
def set_up_second_factor() -> Any:
    """Show the secret as QR code and text, and take the first code."""
    form, back = CodeForm(), safe_next(request.args.get("next"), "/")
    if current_person().totp_confirmed_at is not None:
        if current_sign_in().second_factor_at is None:
            return redirect(url_for("accounts.second_factor", next=back))
        return render_template("accounts/second_factor_drop.html", form=form)
    if form.validate_on_submit() and _code_taken(form, confirm=True):
        flash(_("The second factor is set up."), "success")
        return redirect(back)
    with unit_of_work():
        person = locked(current_person())
        secret = signing.begin_second_factor(person)
        address = signing.second_factor_address(person, secret)
    import segno

    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="#fff")
    groups = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    page = render_template("accounts/second_factor_set_up.html", form=form, picture=picture, secret=groups, back=back)
    return page, 422 if form.errors else 200


@bp.post("/second-factor/drop")
@signed_in
def drop_second_factor() -> Any:
    """Take the second factor away with a code (a new phone); staff set it up again at once."""
    form = CodeForm()
    if form.validate_on_submit() and _code_taken(form, confirm=False, drop=True):
        flash(_("The second factor was taken away. You can set it up again on another device."), "success")
        return redirect(url_for("accounts.me"))
    return render_template("accounts/second_factor_drop.html", form=form), 422


def _code_taken(form: CodeForm, *, confirm: bool, drop: bool = False) -> bool:
    """Try the code typed; False puts the reason at the field."""
    person_id, sign_in_id, now = current_person().id, current_sign_in().id, clock.now()
    try:
        for limit, keys in ((signing.CODES, (person_id, limits.address())), ("60 per hour", (person_id,))):
            if limits.used_up("code", limit, *keys):
                raise signing.SlowDown(minutes=10)
        with unit_of_work():
            person = db.session.get_one(Person, person_id, with_for_update={"of": Person}, populate_existing=True)
            if confirm:
                signing.confirm_second_factor(person, form.code.data or "", now=now)
            else:
                signing.use_code(person, form.code.data or "", now=now)
            if drop:
                signing.drop_second_factor(person)
            db.session.get_one(SignIn, sign_in_id).second_factor_at = None if drop else now
    except Refused as error:
        for limit, keys in ((signing.CODES, (person_id, limits.address())), ("60 per hour", (person_id,))):
            limits.count("code", limit, *keys)
        form.refuse(error)
        form.code.errors = form.code.errors or [error.text]
        return False
    return True


@bp.get("/terms")
@public
def terms() -> Any:
    """The terms of use and the consents, in the version that is put before people now."""
    return _text_page(ConsentKind.TERMS)


@bp.get("/consents/<kind>")
@public
def consent_text(kind: str) -> Any:
    if kind not in {str(k) for k in ConsentKind}:
        abort(404)
    return _text_page(ConsentKind(kind))


def _text_page(kind: ConsentKind) -> Any:
    from app.accounts.words import CONSENTS

    language = "en" if str(get_locale()) == "en" else "zh_Hans"
    return render_template(
        "accounts/text.html", title=CONSENTS[kind], text=texts.text(kind, language), version=texts.version(kind)
    )
