"""What machines fetch: did documents and status lists, cacheable by everybody; the holder's own credential file."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, request
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, public, signed_in
from app.certification import credentials, lists, publishing, service
from app.certification.door import bp
from app.certification.keyring import SITE
from app.core.access import lean
from app.core.errors import NotFound, Refused
from app.core.everybody import same_for_everybody

LD_JSON = "application/ld+json"


class ListNotSigned(Refused):
    status = 503
    message = _l("The status list is being signed. Please ask again in a minute.")


class NoCredentialYet(Refused):
    status = 404
    message = _l("The machine-readable certificate is being made. Please come back in a minute.")


def for_machines(data: bytes, kind: str, *, cache: str, etag: str = "") -> Response:
    """Bytes that any site may read and any cache may keep as long as ``cache`` says; 304 where the reader has them."""
    if cache.startswith("public"):
        same_for_everybody()
    answer = Response(data, content_type=kind)
    answer.set_etag(etag or hashlib.sha256(data).hexdigest())
    answer.headers["Cache-Control"] = cache
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.make_conditional(request)
    return answer


@bp.get("/.well-known/did.json")
@public
@lean
def site_did() -> Response:
    return _did(SITE)


@bp.get("/authority/<code>/did.json")
@public
@lean
def authority_did(code: str) -> Response:
    if code == SITE:
        raise NotFound
    return _did(code)


def _did(authority: str) -> Response:
    data = publishing.did_json(authority[:12])
    if data is None:
        raise NotFound
    return for_machines(data, publishing.DID_JSON, cache=publishing.SHORT)


@bp.get("/status/<code>/<purpose>/<int:no>")
@public
@lean
def status_list(code: str, purpose: str, no: int) -> Response:
    """The signed list as it is stored: no key and no work."""
    row = lists.signed_list(code[:12], purpose, no)
    if row is None:
        raise NotFound
    if not row.version:
        raise ListNotSigned
    return for_machines(row.body.encode(), publishing.LIST_TYPE, cache=publishing.SHORT, etag=row.etag)


@bp.get("/certificates/<int:certificate_id>/credential")
@signed_in
def credential(certificate_id: int) -> Response:
    """The holder's own machine-readable certificate, as it is attached in the PDF."""
    return credential_of(service.own_certificate(current_person(), certificate_id))


def credential_of(certificate: Any) -> Response:
    """The credential of an edition (``?edition=``, else the one in force) as a download. Raises NoCredentialYet."""
    wanted, asked = certificate.current, request.args.get("edition", "")
    if asked.isascii() and asked.isdigit():
        wanted = next((e for e in certificate.editions if e.no == int(asked)), wanted)
    data = credentials.bytes_of(wanted)
    if data is None:
        raise NoCredentialYet
    answer = Response(data, content_type=LD_JSON)
    answer.headers["Content-Disposition"] = f'attachment; filename="{certificate.number}-{wanted.no}.json"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
