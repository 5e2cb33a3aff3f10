"""Words and rows for pages: evidence as it was frozen, histories, what a certificate says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, pgettext

from app.accounts.models import Education, TitleLevel
from app.certification import rules
from app.certification.applications import NOT_ISSUED
from app.certification.earlier_models import Ask
from app.certification.models import Application, Certificate, Edition, Renewal, StatusChange
from app.certification.states import (
    ASK_KIND_LABELS,
    ASK_LABELS,
    CHANGE_DONE,
    CHANGE_LABELS,
    EDITION_LABELS,
    RENEWAL_LABELS,
    STATE_LABELS,
    Change,
    EditionKind,
    Move,
    State,
)
from app.core.text import chinese, day, number, strung
from app.pathway.rules import EDUCATION_LABELS, TITLE_LABELS, Stage
from app.pathway.words import STAGE_LABELS, UNITS

MOVE_LABELS: dict[str, Any] = {
    Move.SUBMIT: _l("Submitted"),
    Move.TAKE: _l("Taken into review"),
    Move.RETURN: _l("Returned for correction"),
    Move.PUBLISH: _l("Passed review, put on public notice"),
    Move.PROPOSE_REFUSAL: _l("Refusal proposed"),
    Move.OBJECT: _l("Objection received"),
    Move.SETTLE: _l("Objection settled"),
    Move.BACK: _l("Back in review"),
    Move.ISSUE: _l("Certificate issued"),
    Move.REFUSE: lazy_pgettext("application", "Refused"),
    Move.WITHDRAW: _l("Withdrawn by the applicant"),
    NOT_ISSUED: _l("Could not be issued"),
}
MOVE_TONES: dict[str, str] = {
    Move.PUBLISH: "valid",
    Move.ISSUE: "valid",
    Move.RETURN: "soon",
    Move.BACK: "soon",
    Move.OBJECT: "soon",
    Move.PROPOSE_REFUSAL: "soon",
    Move.REFUSE: "stopped",
    NOT_ISSUED: "stopped",
}


def state_words(application: Application, today: date) -> Any:
    """The state as people are told it: when the notice is over, the case waits for its decision."""
    if application.state is State.PUBLICITY and application.notice_ends_on and application.notice_ends_on < today:
        return pgettext("application", "Waiting for decision")
    return STATE_LABELS[application.state]


def gate_rows(pathway: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The gates of frozen evidence, in order, as a table shows them."""
    rows = []
    for gate in pathway["gates"]:
        unit = UNITS.get(gate["unit"], "")
        if gate["exempt"]:
            words = _("exempt: %(because)s", because=gate["exempt"])
        elif gate["waived"]:
            words = _("nothing is asked here at this level")
        else:
            words = _(
                "%(have)s of %(required)s %(unit)s",
                have=number(Decimal(gate["have"])), required=number(Decimal(gate["required"])), unit=unit,
            )  # fmt: skip
        rows.append(
            {
                "label": STAGE_LABELS[Stage(gate["stage"])],
                "words": words,
                "passed": gate["passed"] or bool(gate["exempt"]),
            }
        )
    return rows


def applicant_facts(evidence: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Who was judged, as declared and checked at that time."""
    who = evidence["applicant"]
    education, title = who.get("education"), who.get("title_level")
    return [
        (_("Full name"), who.get("name")),
        (_("Organisation"), who.get("unit")),
        (_("Class"), who.get("class")),
        (_("Field"), who.get("field")),
        (_("Education"), str(EDUCATION_LABELS[Education(education)]).capitalize() if education else None),
        (_("Years in technology transfer"), who.get("experience_years")),
        (_("Title held"), str(TITLE_LABELS[TitleLevel(title)]).capitalize() if title else None),
    ]


def history_of(application: Application, *, names: bool = True) -> list[dict[str, Any]]:
    """The steps of a case, newest first; without the officers' names for the applicant."""
    return [
        {
            "at": one.at,
            "what": MOVE_LABELS.get(one.move, one.move),
            "who": one.by.name if names and one.by else "",
            "note": one.note,
            "tone": MOVE_TONES.get(one.move, ""),
        }
        for one in reversed(application.events)
    ]


def certificate_history(
    certificate: Certificate, *, names: bool = True, renewals: Iterable[Renewal] = (), asks: Iterable[Ask] = ()
) -> list[dict[str, Any]]:
    """Editions, decisions, renewals and requests together, newest first; without the officers' names for the holder."""
    rows = [_edition_row(one) for one in certificate.editions]
    rows += [_change_row(one, names) for one in certificate.changes if names or one.in_force]
    for renewal in renewals:
        rows.append(
            {"at": renewal.decided_at or renewal.submitted_at, "what": _("Renewal: %(state)s", state=RENEWAL_LABELS[renewal.state]),
             "note": renewal.remark, "who": renewal.decided_by.name if renewal.decided_by and names else "", "tone": ""}
        )  # fmt: skip
    for ask in asks:
        rows.append(
            {"at": ask.decided_at or ask.made_at, "what": f"{ASK_KIND_LABELS[ask.kind]} · {ASK_LABELS[ask.state]}",
             "note": ask.finding or ask.words, "who": ask.decided_by.name if ask.decided_by and names else "", "tone": ""}
        )  # fmt: skip
    return sorted(rows, key=lambda row: row["at"], reverse=True)


def _edition_row(edition: Edition) -> dict[str, Any]:
    tone = "" if edition.kind is EditionKind.PRIOR else "valid"
    what = _("Taken over from a list") if edition.kind is EditionKind.PRIOR else EDITION_LABELS[edition.kind]
    return {"at": edition.issued_at, "what": what, "note": edition.reason, "tone": tone, "who": ""}


def _change_row(one: StatusChange, names: bool) -> dict[str, Any]:
    people = [p.name for p in (one.proposed_by, one.decided_by) if p and names]
    what = CHANGE_DONE[one.kind]
    if one.in_force is None:
        what = _("Proposed: %(what)s", what=CHANGE_LABELS[one.kind])
    elif not one.in_force:
        what = _("Not confirmed: %(what)s", what=CHANGE_LABELS[one.kind])
    language = "zh" if chinese() else "en"
    code = rules.reason_words(one.reason_code, one.certificate.region_id, language) if one.reason_code else ""
    heard = _("Statement of the holder: %(words)s", words=one.statement) if one.statement else ""
    if heard and one.received_on:
        heard += _(" (on paper, %(day)s)", day=day(one.received_on))
    note = strung(code, one.reason, heard, one.finding)
    return {
        "at": one.decided_at or one.proposed_at, "what": what, "note": note, "who": _(", ").join(dict.fromkeys(people)),
        "tone": "stopped" if one.in_force and one.kind not in (Change.RESTORE, Change.REINSTATE) else "soon",
    }  # fmt: skip


def said(snapshot: Mapping[str, Any], key: str) -> str:
    """A text of the snapshot in the reader's language; Chinese where English is empty."""
    return snapshot[f"{key}_zh"] if chinese() else snapshot[f"{key}_en"] or snapshot[f"{key}_zh"]


def scheme_words(edition: Edition) -> str:
    scheme = edition.snapshot["scheme"]
    if not scheme["id"]:
        return _("issued before the platform")
    name = scheme["name_zh"] if chinese() else scheme["name_en"]
    return _("%(name)s, version %(n)s", name=name, n=scheme["version"])
