"""How an authority's certificates look: layout and language by rule, the picture of its seal, samples to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person, Region
from app.accounts.scope import must_reach
from app.audit.service import record
from app.certification import faces
from app.certification.deeds import Did
from app.certification.models import AuthoritySeal
from app.core.errors import Invalid, Refused
from app.core.permissions import Can
from app.db import db
from app.files.service import PICTURES, keep, read_file
from app.outline import service as outline
from app.pathway.service import scheme_for
from certificates import samples
from certificates.designs import Language
from certificates.faces import CertificateFace
from certificates.previewing import PreviewRefused, preview
from certificates.rendering import PictureRefused, seal_picture
from certificates.validity import valid_until

SEAL_BYTES = 2 * 1024 * 1024


class SealRefused(Invalid):
    message = _l("The picture of the seal cannot be used: %(why)s")


class NotShown(Refused):
    message = _l("The sample could not be drawn: %(why)s")


WHY = {
    "unreadable": _l("it cannot be read"),
    "kind": _l("it is no PNG or JPEG"),
    "small": _l("it is smaller than 300 × 300 pixels"),
    "huge": _l("it has too many pixels"),
    "shape": _l("it is not about as wide as high"),
}


NOT_SHOWN = {
    "glyphs": _l("the certificate's fonts have no {}"),
    "long": _l("“{}” is too long for this layout"),
    "picture": _l("photo or seal cannot be read"),
    "fonts": _l("fonts are not installed: {}"),
    "time": _l("it took too long"),
    "failed": _l("the drawing program failed"),
}


def seals_of(region_id: int) -> list[AuthoritySeal]:
    """Every picture an authority ever set, the one in use first."""
    asked = select(AuthoritySeal).where(AuthoritySeal.region_id == region_id).order_by(AuthoritySeal.id.desc())
    return list(db.session.scalars(asked))


def set_seal(region: Region, upload: Any, *, by: Person, now: datetime) -> AuthoritySeal:
    """Use an uploaded picture as the authority's seal for certificates issued from now on; earlier ones keep theirs.

    Raises SealRefused and FileRefused naming what is wrong with it.
    """
    must_reach(by, Can.KEEP_CERTIFICATE, region=region.id)
    kept = keep(upload, owner=None, kinds=PICTURES, field="picture", max_bytes=SEAL_BYTES)
    try:
        seal_picture(read_file(kept))
    except PictureRefused as refusal:
        raise SealRefused("picture", why=WHY[refusal.code]) from None
    made = AuthoritySeal(region_id=region.id, file=kept, set_by_id=by.id, set_at=now)
    db.session.add(made)
    record(Did.SET_SEAL, region, by=by, changed={"seal": (None, kept.sha256)})
    return made


def draw_seal(region: Region, *, by: Person, now: datetime) -> AuthoritySeal | None:
    """Go back to the drawn seal for certificates issued from now on."""
    must_reach(by, Can.KEEP_CERTIFICATE, region=region.id)
    before = faces.seal_of(region.id)
    if before is None:
        return None
    made = AuthoritySeal(region_id=region.id, file=None, set_by_id=by.id, set_at=now)
    db.session.add(made)
    record(Did.SET_SEAL, region, by=by, changed={"seal": (before.sha256, None)})
    return made


def sample(region: Region, rank: int, on: date) -> CertificateFace:
    """What a certificate of this authority would say today, for an invented holder, marked as a demonstration."""
    scheme = scheme_for(rank, region.id, on)
    said: dict[str, Any] = faces.sentences(rank, scheme, region, {"pathway": {"gates": []}}, on)
    body = outline.typed(scheme)
    seal = faces.seal_of(region.id)
    return replace(
        samples.certificate(),
        issuer_zh=region.authority_zh,
        issuer_en=region.authority_en,
        issued_on=on,
        scheme_name=body["name_zh"],
        scheme_name_en=f"{body['name_en']}, version {scheme.version}",
        scheme_version=f"第 {scheme.version} 版",
        valid_until=valid_until(on, body["validity_months"]),
        holder_name_latin="Lin Xiaolan",
        base_zh="",
        base_en="",
        photo=samples.portrait(),
        seal_image=read_file(seal) if seal else None,
        trial=True,
        **said,
    )


def shown(face: CertificateFace, look: Mapping[str, str], kind: str) -> bytes:
    """The face as it would be printed. Raises NotShown saying why it cannot."""
    try:
        return preview(face, look["name"], look["version"], Language(look["language"]), kind)
    except PreviewRefused as refusal:
        raise NotShown(why=str(NOT_SHOWN[refusal.code]).replace("{}", refusal.detail)) from None
