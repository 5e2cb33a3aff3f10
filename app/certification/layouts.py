"""Pages: how certificates look. Every layout in every language with sample or real data, and the picture of the seal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.guard import current_person, requires
from app.accounts.models import Person, Region
from app.accounts.scope import reaches, within
from app.certification import faces, looks, rules, service
from app.certification.door import bp
from app.certification.forms import SealForm
from app.certification.models import Certificate
from app.core import clock
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.db import db, unit_of_work
from app.files.service import hand_out
from app.outline.service import level_names
from certificates import designs
from certificates.faces import CertificateFace

place("certification.layouts", _l("Layouts"), "certification", can=Can.READ_CERTIFICATE, order=40)


def _regions(person: Person) -> list[Region]:
    asked = select(Region).where(Region.ours, within(person, Can.READ_CERTIFICATE, region=Region.id))
    return list(db.session.scalars(asked.order_by(Region.code)))


def _region(person: Person, code: str | None) -> Region:
    """The region asked for, else the person's first. Raises NotFound for one out of reach."""
    found = _regions(person)
    for region in found:
        if code in (None, "", region.code):
            return region
    raise NotFound


def _asked(region: Region) -> dict[str, str]:
    """Layout and language of the address; the authority's own where it does not say, or says what does not exist."""
    look: dict[str, str] = faces.look_for(region.id, clock.today())
    name, language = request.args.get("layout", ""), request.args.get("language", "")
    if name in rules.LAYOUT_LABELS:
        look = look | {"name": name, "version": designs.layout(name).version}
    return look | {"language": language} if language in rules.LANGUAGE_LABELS else look


def _rank() -> int:
    asked = request.args.get("level", "")
    return int(asked) if asked.isdigit() and int(asked) in level_names() else min(level_names())


def _real(person: Person, number: str) -> Certificate | None:
    if not number:
        return None
    asked = service.certificates_visible_to(person).where(Certificate.number == number)
    return db.session.scalar(asked)


def _face(person: Person, region: Region) -> CertificateFace:
    """What is shown: a real certificate of its number, else the sample."""
    number = request.args.get("number", "").strip()
    if not number:
        return looks.sample(region, _rank(), clock.today())
    found = _real(person, number)
    if found is None:
        raise NotFound
    face = faces.face(found.current.snapshot)
    return replace(face, trial=True, trial_zh="版式预览 · 不具任何效力", trial_en="LAYOUT PREVIEW · NO VALIDITY")


@bp.get("/office/certificates/layouts")
@requires(Can.READ_CERTIFICATE)
def layouts() -> Any:
    return _page(SealForm(formdata=None))


def _page(form: SealForm) -> str:
    me = current_person()
    region = _region(me, request.args.get("region"))
    number = request.args.get("number", "").strip()
    look = _asked(region)
    asked = {
        "region": region.code, "level": _rank(), "layout": look["name"], "language": look["language"], "number": number,
    }  # fmt: skip
    return render_template(
        "certification/layouts.html",
        form=form, region=region, regions=_regions(me), levels=level_names(), look=look, asked=asked,
        layout_labels=rules.LAYOUT_LABELS, language_labels=rules.LANGUAGE_LABELS,
        in_use=faces.look_for(region.id, clock.today()), seals=looks.seals_of(region.id),
        keeps=reaches(me, Can.KEEP_CERTIFICATE, region=region.id),
        edits=reaches(me, Can.EDIT_RULES, region=region.id),
        unknown=bool(number) and _real(me, number) is None, portrait=designs.layout(look["name"]).height > 250,
    )  # fmt: skip


@bp.get("/office/certificates/layouts/preview.<any(pdf, png):kind>")
@requires(Can.READ_CERTIFICATE)
def layout_preview(kind: str) -> Any:
    """The document itself, drawn apart from the web server."""
    me = current_person()
    region = _region(me, request.args.get("region"))
    face = _face(me, region)
    drawn = looks.shown(face, _asked(region), kind)
    answer = Response(drawn, mimetype="application/pdf" if kind == "pdf" else "image/png")
    answer.headers["Content-Disposition"] = f'inline; filename="preview.{kind}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/office/certificates/layouts/<int:region_id>/seal")
@requires(Can.KEEP_CERTIFICATE)
def set_seal(region_id: int) -> Any:
    form = SealForm()
    region = _of(region_id)
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        with unit_of_work():
            looks.set_seal(_of(region_id), form.picture.data, by=current_person(), now=clock.now())
    except Refused as error:
        form.refuse(error)
        return _page(form), error.status
    flash(_("The picture is the seal of certificates issued from now on."), "success")
    return redirect(url_for("certification.layouts", region=region.code))


@bp.post("/office/certificates/layouts/<int:region_id>/seal/draw")
@requires(Can.KEEP_CERTIFICATE)
def draw_seal(region_id: int) -> Any:
    with unit_of_work():
        region = _of(region_id)
        looks.draw_seal(region, by=current_person(), now=clock.now())
    flash(_("The seal is drawn again for certificates issued from now on."), "success")
    return redirect(url_for("certification.layouts", region=region.code))


def _of(region_id: int) -> Region:
    for region in _regions(current_person()):
        if region.id == region_id:
            return region
    raise NotFound


@bp.get("/office/certificates/layouts/seals/<int:seal_id>")
@requires(Can.READ_CERTIFICATE)
def seal(seal_id: int) -> Any:
    for region in _regions(current_person()):
        for found in looks.seals_of(region.id):
            if found.id == seal_id and found.file is not None:
                return hand_out(found.file, inline=True)
    raise NotFound
