"""A certificate file judged: its signature and credential by the offline verifier (apart, with bounds), then what it says
against the register. The file is not kept."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.models import ConsentKind, Person
from app.accounts.service import has_consent
from app.certification import credentials, keyring, lists
from app.certification.models import Certificate, Edition
from app.core import limits
from app.core.errors import Invalid, Refused
from app.core.text import chinese, day
from app.db import db
from app.files.service import read_file
from app.verification import finding, service
from app.verification.service import Answer, Asker
from app.verification.states import CHANGED, NOT_FOUND, NOT_OURS, SUPERSEDED, UNCLEAR
from certificates import bounded
from certificates.credentials import CHINA
from certificates.designs import Language
from certificates.faces import date_en, date_zh
from certificates.names import comparable
from certificates.trust import Trust

MAX_BYTES = 5 * 1024 * 1024
LIMIT = "10 per 10 minutes"
AT_ONCE = threading.BoundedSemaphore(2)
"""Files judged at the same time in one web process; more are asked to wait."""


class NoFile(Invalid):
    message = _l("Please choose a PDF certificate or its JSON credential first.")


class TooLarge(Invalid):
    message = _l("The file is larger than 5 MB. Certificates of ours have about 0.1 MB.")


class OtherKind(Invalid):
    message = _l("This is neither a PDF nor a JSON credential. Please use the file the holder received, not a scan or a picture of it.")  # fmt: skip


class Busy(Refused):
    status = 503
    message = _l("Several files are being checked at this moment. Please try again in a minute.")


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: ``tone`` valid, stopped or neutral; words in the reader's language."""

    tone: str
    words: str
    detail: str = ""


@dataclass(frozen=True)
class FileAnswer:
    """What is said of a file. ``answer`` is the register's, its state that of the file; ``differences`` what was changed."""

    answer: Answer
    kind: str
    lines: tuple[Line, ...] = ()
    differences: tuple[str, ...] = ()
    claimed: Mapping[str, Any] = field(default_factory=dict)
    edition: int | None = None
    register_state: str = ""
    """State of the certificate in the register, where the file could be traced to it."""


def check(data: bytes, *, address: str, now: datetime, by: Asker | None = None) -> FileAnswer:
    """Judge a file. Call ``judge`` outside, then ``compare`` inside ``one_line``: see the view. Raises as they do."""
    return compare(judge(data, address=address, now=now), asker=by or Asker(address), now=now)


def judge(data: bytes, *, address: str, now: datetime) -> dict[str, Any]:
    """The offline verifier's report. Raises NoFile, TooLarge, OtherKind, TooMany, Busy; holds no transaction."""
    if not data:
        raise NoFile("file")
    if len(data) > MAX_BYTES:
        raise TooLarge("file")
    pdf = data[:1024].lstrip().startswith(b"%PDF-")
    if not pdf and not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise OtherKind("file")
    limits.spend("verify.file", LIMIT, address)
    if not AT_ONCE.acquire(timeout=5):
        raise Busy
    trust, known = at_hand()
    db.session.rollback()  # no connection is held while the file is read
    try:
        report = bounded.verify_apart(data, now, trust, known)
        issued = _issued(report) if pdf and _broken(report) else None
        if issued is not None:
            again = bounded.verify_apart(issued, now, trust, known)
            report |= {"issued": {key: again[key] for key in ("printed", "pictures")}}
    except bounded.CannotRead as failure:
        report = {
            "answer": "cannot-tell",
            "findings": [],
            "certificate": None,
            "sha256": "",
            "printed": [],
            "unread": failure.code,
        }
    finally:
        AT_ONCE.release()
    return report | {"kind": "pdf" if pdf else "json"}


def _issued(report: Mapping[str, Any]) -> bytes | None:
    """The PDF as it was issued, for a file that carries the secret name of its credential: to tell what else was changed."""
    told = report.get("certificate") or {}
    _certificate, edition = _traced(told)
    known = edition is not None and edition.pdf is not None and _id_of(edition) == told.get("id")
    data = read_file(edition.pdf) if known and edition is not None and edition.pdf is not None else None
    db.session.rollback()
    return data


def at_hand() -> tuple[Trust, list[bytes]]:
    """The keys and status lists of this site."""
    return keyring.trust(), lists.documents()


# The register's side


PROVEN = "credential-proven"
TOLD = ("page-differs", "signer-unknown", "signer-not-trusted")
"""Findings whose detail is words for a reader."""
STATUS = ("dates-", "status-")
"""Findings about the state; the register says it with its reasons, so they are no change of the file."""


def compare(report: dict[str, Any], *, asker: Asker, now: datetime) -> FileAnswer:
    """Put the report beside the register and keep the query. Nothing of the register is told to a file that does not know
    it already: by the secret name of its credential, or by number and name like any visitor."""
    told = report.get("certificate") or {}
    codes = {one["code"]: one["answer"] for one in report["findings"]}
    certificate, edition = _traced(told)
    found = finding.by_id(certificate.id) if certificate is not None else None
    differences = (
        tuple(_differences(told, report, edition, certificate))
        if edition is not None and certificate is not None
        else ()
    )
    state = _state(report, codes, edition, certificate, differences)
    kept = None if state == "" else state
    name = _register_name(certificate, told) if certificate is not None else ""
    answer = service.log(
        kept if found is not None else state or NOT_FOUND, found, asker=asker, way="file", now=now, name=name,
        typed=str(told.get("number") or ""),
    )  # fmt: skip
    named = (*differences, *_broken(report)) if state == CHANGED else ()
    return FileAnswer(
        answer, report["kind"], _lines(report, edition), named, told, edition.no if edition is not None else None,
        found.state_on(now.astimezone(CHINA).date()) if found is not None else "",
    )  # fmt: skip


def _broken(report: Mapping[str, Any]) -> list[str]:
    """What the verifier found wrong with the file itself, in the reader's language. What stands on the page is compared
    with the register, which says more."""
    wrong = [
        f for f in report["findings"] if f["answer"] == "does-not-hold" and not f["code"].startswith((*STATUS, "page-"))
    ]
    said = [f["zh" if chinese() else "en"] for f in wrong]
    return [words[:1].upper() + words[1:] for words in said]


def _traced(told: Mapping[str, Any]) -> tuple[Certificate | None, Edition | None]:
    """The edition a file was made from. Its credential's name is drawn from the secret address of the certificate; a file
    without it is traced by number and name, to the edition of the same days."""
    found, _mark = finding.by_number(str(told.get("number") or "").upper()[:40])
    if found is None:
        return None, None
    certificate = db.session.get_one(Certificate, found.id)
    for edition in certificate.editions:
        if _id_of(edition) is not None and _id_of(edition) == told.get("id"):
            return certificate, edition
    if not finding.same_name(found.name_key, comparable(str(told.get("name") or ""))):
        return None, None
    same = [e for e in certificate.editions if e.issued_on == _day(told.get("valid_from"))]
    return certificate, (same or certificate.editions)[-1]


def _id_of(edition: Edition) -> str | None:
    kept = credentials.bytes_of(edition)
    return json.loads(kept).get("id") if kept else None


def _day(instant: Any) -> date | None:
    try:
        return datetime.fromisoformat(str(instant)).astimezone(CHINA).date()
    except ValueError:
        return None


def _state(
    report: Mapping[str, Any], codes: Mapping[str, str], edition: Edition | None, certificate: Certificate | None, differences: Sequence[str]
) -> str:  # fmt: skip
    """The state word of a file; empty: genuine, so the register's own state."""
    if report.get("unread"):
        return UNCLEAR
    broken = [c for c, a in codes.items() if a == "does-not-hold" and not c.startswith(STATUS)]
    if certificate is None or edition is None:
        return NOT_OURS
    if broken or differences:
        return CHANGED
    if codes.get(PROVEN) != "holds" or any(a == "cannot-tell" and not c.startswith(STATUS) for c, a in codes.items()):
        return UNCLEAR
    return SUPERSEDED if edition is not certificate.editions[-1] else ""


def _differences(
    told: Mapping[str, Any], report: Mapping[str, Any], edition: Edition, certificate: Certificate
) -> list[str]:
    """What the file says and what the register says, where they differ: first the credential, then the printed page."""
    said = edition.snapshot
    until, issued = _day(told.get("valid_until")), _day(told.get("valid_from"))
    made = []
    for label, mine, theirs in (
        (_("the name"), str(told.get("name") or ""), said["holder_name"]),
        (_("the number"), str(told.get("number") or ""), said["number"]),
        (_("the level"), str(told.get("level") or ""), said["level_zh"]),
        (_("the date of issue"), day(issued) if issued else "", day(edition.issued_on)),
        (_("the last valid day"), day(until) if until else "", day(edition.valid_until) if edition.valid_until else ""),
    ):
        if comparable(mine) != comparable(theirs):
            shown = _register_name(certificate, told) if theirs == said["holder_name"] else theirs
            made.append(_("Credential: %(what)s in the file is “%(file)s”, the register says “%(register)s”.", what=label,
                          file=mine[:80] or "—", register=shown or "—"))  # fmt: skip
    kept = credentials.bytes_of(edition)
    if not made and kept and report["sha256"] and report["sha256"] != _sha(kept):
        made.append(_("The credential in the file is not byte for byte the one that was issued."))
    return made + (_page_differences(report, edition, certificate, told) if report["kind"] == "pdf" else [])


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _page_differences(
    report: Mapping[str, Any], edition: Edition, certificate: Certificate, told: Mapping[str, Any]
) -> list[str]:
    said, lines = edition.snapshot, [line for line in report["printed"] if line.strip()]
    if not lines:
        return []
    pieces = {comparable(line).removesuffix("(补发)") for line in lines}
    pieces |= {"".join(comparable(part) for part in lines[i : i + n]) for n in (2, 3) for i in range(len(lines))}
    dated = date_en if said["layout"].get("language") == Language.ENGLISH.value else date_zh
    wanted = [(_("the name"), said["holder_name"]), (_("the number"), said["number"]), (_("the level"), said["level_zh"]),
              (_("the date of issue"), dated(edition.issued_on))]  # fmt: skip
    if edition.valid_until:
        wanted.append((_("the last valid day"), dated(edition.valid_until)))
    right = {comparable(word) for _label, word in wanted}
    made, told_of = [], set()
    for label, word in wanted:
        if comparable(word) in pieces:
            continue
        shown = _register_name(certificate, told) if word == said["holder_name"] else word
        near = _in_place(word, lines, report) or _nearest(word, [x for x in lines if comparable(x) not in right])
        told_of |= {comparable(near), comparable(word)}
        if near:
            made.append(_("Printed page: %(what)s in the file is “%(file)s”, the register says “%(register)s”.", what=label, file=near, register=shown))  # fmt: skip
        else:
            made.append(_("Printed page: %(what)s of the register, “%(register)s”, does not stand there.", what=label, register=shown))  # fmt: skip
    issued = report.get("issued")
    return made + (_else_differences(lines, report, issued, told_of, said) if issued else [])


MOST_LINES = 8


def _else_differences(
    lines: Sequence[str], report: Mapping[str, Any], issued: Mapping[str, Any], told_of: set[str], said: Mapping[str, Any]
) -> list[str]:  # fmt: skip
    """Whatever else stands on the page of a changed file otherwise than on the page that was issued; and the pictures."""
    before = [line for line in issued["printed"] if line.strip()]
    steps = difflib.SequenceMatcher(
        None, [comparable(x) for x in before], [comparable(x) for x in lines], autojunk=False
    )
    made = []
    for _kind, a, b, c, d in steps.get_opcodes():
        if _kind == "equal":
            continue
        old = [x.strip() for x in before[a:b] if comparable(x) not in told_of]
        new = [x.strip() for x in lines[c:d] if comparable(x) not in told_of]
        old = [x.replace(said["masked_id"], _("(masked)")) for x in old]
        for was, now in itertools.zip_longest(old, new, fillvalue=""):
            if was and now:
                made.append(_("Printed page: the file says “%(file)s” where “%(register)s” was issued.", file=now[:80], register=was[:80]))  # fmt: skip
            elif now:
                made.append(_("Printed page: “%(file)s” was added.", file=now[:80]))
            else:
                made.append(_("Printed page: “%(register)s” was taken away.", register=was[:80]))
    made = made[:MOST_LINES]
    if report.get("pictures") != issued["pictures"]:
        made.append(_("Printed page: a picture (photo or seal) is not the one that was issued."))
    if not made and not told_of:
        made.append(_("Printed page: all words and pictures are those that were issued; lines, colours or unseen parts of the file were changed, or it was saved anew by another program."))  # fmt: skip
    return made


def _in_place(word: str, lines: Sequence[str], report: Mapping[str, Any]) -> str:
    """The printed line where a word stood when the certificate was issued: behind the same line as there."""
    before = ["", *(comparable(line) for line in report.get("issued", {}).get("printed", []) if line.strip())]
    here = ["", *(comparable(line) for line in lines)]
    if comparable(word) not in before:
        return ""
    ahead = before[before.index(comparable(word)) - 1]
    found = here.index(ahead) if here.count(ahead) == 1 == before.count(ahead) else len(lines)
    return lines[found].strip()[:80] if found < len(lines) else ""


def _nearest(word: str, lines: Sequence[str]) -> str:
    """The printed line that stands in the place of a word: of the same shape, and most like it."""
    shape = re.sub(r"\d", "9", word)
    alike = [
        line.strip() for line in lines if re.sub(r"\d", "9", line.strip()) == shape and any(c.isdigit() for c in word)
    ]
    return (alike or [*difflib.get_close_matches(word, [line.strip() for line in lines], 1, 0.34), ""])[0][:80]


def _register_name(certificate: Certificate, told: Mapping[str, Any]) -> str:
    """The holder's name as far as it may be told: in full to a file that has it right, or where the holder agreed to the
    public register; else masked."""
    name = certificate.current.snapshot["holder_name"]
    if finding.same_name(comparable(name), comparable(str(told.get("name") or ""))):
        return name
    return name if _agreed(certificate.holder) else service.masked(name)


def _agreed(holder: Person | None) -> bool:
    return holder is not None and has_consent(holder, ConsentKind.PUBLIC_REGISTER)


def _lines(report: Mapping[str, Any], edition: Edition | None) -> tuple[Line, ...]:
    """The verifier's findings in the reader's language."""
    if report.get("unread"):
        return (Line("neutral", _("Reading the file took too long or too much memory; it was stopped.")),)
    tones = {"holds": "valid", "does-not-hold": "stopped", "cannot-tell": "neutral"}
    language = "zh" if chinese() else "en"
    made = [
        Line(tones[one["answer"]], one[language], str(one.get("detail") or "")[:160] if one["code"] in TOLD else "")
        for one in report["findings"]
    ]
    if edition is not None:
        made.append(Line("valid", _("the certificate stands in the register, edition %(no)s", no=edition.no)))
    else:
        made.append(Line("stopped", _("no certificate of this file stands in the register")))
    return tuple(made)
