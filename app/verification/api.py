"""The JSON door: POST /api/v1/verify and /api/v1/verify/batch, described at /api/v1/openapi.json.

Single checks are open to everybody within the public limits; a key of a registered employer raises them. Refusals are
problem details (RFC 9457), with the members ``error`` and ``reference`` beside.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Flask, g, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from webargs.core import is_json
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from app.accounts.guard import public
from app.core import clock, jsons, limits
from app.core.access import lean
from app.core.errors import Refused
from app.db import db, one_line, unit_of_work
from app.verification import keys, service
from app.verification.service import Asker


class QuerySchema(ma.Schema):
    """Certificate number and the holder's full name, both as printed."""

    number = ma.fields.String(
        required=True, validate=ma.validate.Length(min=1, max=60), metadata={"example": "TTM1200202530001236"}
    )
    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=100), metadata={"example": "王建国"})


class RecognitionSchema(ma.Schema):
    """Another region's recognition that is in force today."""

    number = ma.fields.String(required=True)
    region = ma.fields.String(required=True)
    authority = ma.fields.String(required=True)
    level = ma.fields.String(required=True)
    valid_until = ma.fields.String(required=True, allow_none=True, metadata={"format": "date"})


class AnswerSchema(ma.Schema):
    """The same keys whatever was found; empty ones are null. A wrong name and an unknown number get the same answer."""

    state = ma.fields.String(
        required=True,
        metadata={
            "enum": ["valid", "expiring", "expired", "suspended", "revoked", "cancelled", "not_found", "format_error"],
            "description": "format_error: of our form with a wrong check character, not searched",
        },
    )
    number = ma.fields.String(required=True, allow_none=True)
    name = ma.fields.String(required=True, allow_none=True, metadata={"description": "as typed"})
    level = ma.fields.String(required=True, allow_none=True)
    issuer = ma.fields.String(required=True, allow_none=True)
    issued_on = ma.fields.String(required=True, allow_none=True, metadata={"format": "date"})
    valid_until = ma.fields.String(
        required=True, allow_none=True, metadata={"format": "date", "description": "last valid day; null without end"}
    )
    recognitions = ma.fields.List(ma.fields.Nested(RecognitionSchema), required=True)
    before_platform = ma.fields.Boolean(
        required=True, metadata={"description": "issued before this platform, from the issuer's register"}
    )
    query = ma.fields.String(required=True, metadata={"description": "query number"})
    queried_at = ma.fields.String(required=True, metadata={"format": "date-time"})


MOST = 200


class BatchSchema(ma.Schema):
    """Up to 200 pairs."""

    rows = ma.fields.List(
        ma.fields.Nested(QuerySchema), required=True, validate=ma.validate.Length(min=1, max=MOST),
    )  # fmt: skip


class AnswersSchema(ma.Schema):
    """One answer for each row, in the same order; ``left`` is what remains of the quota of the day."""

    results = ma.fields.List(ma.fields.Nested(AnswerSchema), required=True)
    left = ma.fields.Integer(required=True)


class RefusalSchema(ma.Schema):
    """Problem details (RFC 9457): ``type``, ``title``, ``status``, ``detail``; ``fields`` names what is wrong with the body."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    error = ma.fields.String(required=True, metadata={"description": "as detail"})
    reference = ma.fields.String(required=True, metadata={"description": "to be named when asking the operator"})
    fields_ = ma.fields.Dict(data_key="fields")


class Parser(FlaskParser):
    """Bodies are read as everywhere else in the product."""

    def _raw_load_json(self, req: Any) -> Any:
        return jsons.read(req.get_data(cache=True)) if is_json(req.mimetype) else ma.missing


class Door(Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Door("api", __name__, url_prefix="/api/v1", description="Verification of certificates")
PROBLEM = {"content_type": "application/problem+json", "schema": RefusalSchema}
KEYED: dict[str, Any] = {"security": [{}, {"key": []}]}


@blp.route("/verify")
class Verify(MethodView):
    """Verification by number and name."""

    decorators = [lean, public]

    @blp.doc(**KEYED)
    @blp.arguments(QuerySchema())
    @blp.response(200, AnswerSchema)
    @blp.alt_response(400, **PROBLEM, description="not readable as JSON")
    @blp.alt_response(401, **PROBLEM, description="the key is not known, has ended or was revoked")
    @blp.alt_response(403, **PROBLEM, description="the key does not include this door")
    @blp.alt_response(415, **PROBLEM, description="another content type than application/json")
    @blp.alt_response(422, **PROBLEM, description="the body is not what is asked for")
    @blp.alt_response(
        429, **PROBLEM, description="more than 10 queries in 10 minutes, or the quota of the key is used up"
    )
    def post(self, asked: dict[str, str]) -> Any:
        """Check a certificate by number and name."""
        number, name = asked["number"].replace("\0", ""), asked["name"].replace("\0", "")
        now, shown = clock.now(), _key()
        if not shown:
            with one_line():
                return service.as_json(service.verify(number, name, address=limits.address(), way="api", now=now))
        key = keys.known(shown, keys.VERIFY, now)
        with unit_of_work():
            keys.spend(key, 1, now=now)
            asker = Asker(limits.address(), key.organisation_id)
            return service.as_json(service.verify(number, name, address=asker.address, way="api", now=now, by=asker))


@blp.route("/verify/batch")
class VerifyBatch(MethodView):
    """Verification of many."""

    decorators = [lean, public]

    @blp.doc(security=[{"key": []}])
    @blp.arguments(BatchSchema())
    @blp.response(200, AnswersSchema)
    @blp.alt_response(400, **PROBLEM, description="not readable as JSON")
    @blp.alt_response(401, **PROBLEM, description="no key, or one that is not known, has ended or was revoked")
    @blp.alt_response(403, **PROBLEM, description="the key does not include this door")
    @blp.alt_response(415, **PROBLEM, description="another content type than application/json")
    @blp.alt_response(422, **PROBLEM, description="the body is not what is asked for")
    @blp.alt_response(429, **PROBLEM, description="the quota of the key for today is used up")
    def post(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Check up to 200 certificates; each row counts against the quota of the key."""
        now = clock.now()
        key = keys.known(_key(), keys.BATCH, now)
        rows = [(one["number"].replace("\0", ""), one["name"].replace("\0", "")) for one in asked["rows"]]
        with unit_of_work():
            left = keys.spend(key, len(rows), now=now)
            answers = service.verify_many(rows, by=Asker(limits.address(), key.organisation_id), way="api", now=now)
            return {"results": [service.as_json(one) for one in answers], "left": left}


def _key() -> str:
    """The key of ``Authorization: Bearer …``; empty without one."""
    scheme, _, words = request.headers.get("Authorization", "").partition(" ")
    return words.strip() if scheme.lower() == "bearer" else ""


def problem(status: int, title: str, words: str, **more: Any) -> Any:
    """Problem details, with what earlier readers of this door look for beside."""
    reference = g.get("request_id", "")
    told = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": words,
        "error": words,
        "reference": reference,
    }
    return told | more, status, {"Content-Type": "application/problem+json"}


@blp.errorhandler(422)
def _wrong_body(error: HTTPException) -> Any:
    said = (getattr(error, "data", None) or {}).get("messages", {}).get("json", {})
    return problem(422, "Unprocessable Content", "the body is not what is asked for", fields=said)


@blp.errorhandler(HTTPException)
def _http(error: HTTPException) -> Any:
    return problem(error.code or 500, error.name, error.description or error.name)


@blp.errorhandler(Refused)
def _refused(refusal: Refused) -> Any:
    db.session.rollback()
    return problem(refusal.status, type(refusal).__name__, refusal.text)


class QuietApi(Api):
    """Describes and validates; errors stay with the product's own handlers, so that pages keep theirs."""

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        """Whatever else is refused is told as problem details too."""
        told = {"description": "any other refusal", "content": {PROBLEM["content_type"]: {"schema": RefusalSchema}}}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, told, lazy=True)


def init_app(app: Flask) -> None:
    """Register the API: no form token (there is no cookie to abuse), open to everybody."""
    app.config.update(
        API_TITLE="Technology Manager Certification",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = QuietApi(app)
    api.spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "description": "a registered employer's key"}
    )
    api.register_blueprint(blp)
    description = app.view_functions["api-docs.openapi_json"]

    @public
    @lean
    def openapi_json() -> Any:
        return description()

    app.view_functions["api-docs.openapi_json"] = openapi_json
    app.extensions["csrf"].exempt(blp)
