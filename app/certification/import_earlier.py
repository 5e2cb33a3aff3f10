"""Certificates issued before the platform (存量证书) by sheet: one row is one certificate with its own number.

Each becomes a certificate with one edition of kind ``prior``: that edition says what the sheet said, has no PDF and no
credential of ours, and is never changed. A later edition (correction, renewal) is one of ours. The holder is found by the
hash of an ID number, or by an address that the account has confirmed; without either the certificate waits to be claimed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select

from app.accounts.identity import PHONE_PURPOSE
from app.accounts.many import by_addresses, by_id_numbers, id_hash
from app.accounts.models import Person
from app.audit.service import record
from app.certification import letters, rules
from app.certification.deeds import Did
from app.certification.earlier_models import EarlierRecord
from app.certification.models import Certificate, Edition, NumberCounter
from app.certification.states import EditionKind, Standing
from app.core import crypto
from app.core.clock import local_date, today
from app.core.id_number import masked_for_documents
from app.core.permissions import Can
from app.core.text import in_a_row
from app.db import db
from app.imports import columns
from app.imports.columns import Part, Wrong
from app.imports.kinds import Readers, RegionSheet, Row
from app.imports.models import SheetImport, SheetRow
from app.imports.uses import batches, named_elsewhere, stands
from app.notices.service import post
from app.outline import service as outline
from certificates import numbers
from certificates.names import comparable
from certificates.numbers import CertificateNumber, Explanation, NumberPattern, Typed
from certificates.snapshot import fingerprint, plain

PURPOSE = "certification.earlier"
FORMAT = "certificate-snapshot/1"
WITHOUT_END = {"长期", "长期有效", "永久", "无限期", "without end"}
SHORT = {1: ("初级", "初级技术经理人", "初"), 2: ("中级", "中级技术经理人", "中"), 3: ("高级", "高级技术经理人", "高")}
OWN_TABLES = ("edition", "earlier_record")


def number_by(patterns: Sequence[NumberPattern]) -> Callable[[str], Explanation]:
    """A number as it is printed. One in a pattern of ours must fit it, by its check character too."""

    def read(text: str) -> Explanation:
        said = numbers.explain(columns.as_it_is(60)(text).upper(), patterns)
        if said.kind is Typed.FORMAT_ERROR:
            raise Wrong("own_check", text)
        if not 4 <= len(said.text) <= 40 or not any(c.isdigit() for c in said.text):
            raise Wrong("shape", text)
        return said

    return read


def until(text: str) -> date | None:
    return None if text in WITHOUT_END else columns.day(text)


def printed(most: int) -> Callable[[str], str]:
    """Words as they stand on the certificate, in the form in which the register keeps every word."""
    return lambda text: unicodedata.normalize("NFC", columns.free_text(most)(text))


class EarlierSheet(RegionSheet):
    code = "earlier"
    area = "certification"
    can = Can.KEEP_CERTIFICATE
    title = _l("Earlier certificates")
    lead = _l("Certificates issued before the platform, taken over from lists: with their own numbers, verifiable, and marked as such.")  # fmt: skip
    target_label = _l("Region whose office keeps them")
    confirm = _l("They enter the register at once and can be verified. Holders with an account are told. Go on?")
    most_rows = 20_000
    parts = (
        Part("number", _l("Certificate number"), _l("As printed, kept as it is. No number stands there twice."), ("证书编号", "证书号", "编号", "证书号码", "certificate number", "number"), True),
        Part("name", _l("Full name"), _l("As printed on the certificate."), ("姓名", "持证人", "持证人姓名", "name", "full name"), True, columns.person_name),
        Part("level", _l("Level"), _l("The level's name, for example 初级, 中级, 高级, or its rank."), ("等级", "级别", "证书等级", "level"), True),
        Part("issued", _l("Date of issue"), _l("For example 2019-09-01."), ("颁发日期", "发证日期", "发证时间", "颁发时间", "issued on", "date of issue"), True, columns.past_day),
        Part("until", _l("Valid until"), _l("The last valid day; 长期 for no end. Empty: no end."), ("有效期至", "有效期", "有效截止日期", "到期日期", "valid until"), read=until),
        Part("issuer", _l("Issued by"), _l("Empty: the region's authority."), ("颁发机构", "发证机构", "发证单位", "颁发单位", "issuer", "issued by"), read=printed(120)),
        Part("title", _l("Title of the certificate"), _l("Empty: as on today's certificates of the level."), ("证书名称", "名称", "title"), read=printed(120)),
        Part("field", _l("Technical field"), _l("Optional."), ("领域", "技术领域", "专业", "类别", "field"), read=printed(80)),
        Part("id", _l("ID number"), _l("Finds the holder's account, now or later. Kept as a hash only."), ("证件号码", "身份证号", "身份证号码", "证件号", "公民身份号码", "id number"), read=columns.identity),
        Part("phone", _l("Phone"), _l("Shown to the officer who decides on a claim, as fitting or not. Kept as a hash only."), ("手机号", "手机", "手机号码", "联系电话", "电话", "phone"), read=columns.phone),
        Part("email", _l("E-mail"), _l("As the ID number, for an address the account has confirmed."), ("邮箱", "电子邮箱", "电子邮件", "email", "e-mail"), read=columns.email),
    )  # fmt: skip
    problems = {
        "shape": _l("a number has 4 to 40 characters, a digit among them"),
        "own_check": _l("looks like a number of this platform, but its check character does not fit"),
        "own_region": _l("is a number of this platform for another region, year or level"),
        "choice": _l("there is no such level"),
        "before": _l("lies before the date of issue"),
        "taken": _l("is in the register with other data (%(said)s)"),
        "other_person": _l("belongs to an account of another name"),
    }

    def links_of(self, rows: Sequence[SheetRow]) -> dict[int, str]:
        named = {row.id: row.outcome["certificate"] for row in rows if "certificate" in row.outcome}
        there = set(db.session.scalars(select(Certificate.id).where(Certificate.id.in_(named.values()))))
        return {row: f"/office/certificates/{one}" for row, one in named.items() if one in there}

    def figures(self, found: SheetImport) -> list[tuple[Any, int]]:
        asked = select(func.count()).select_from(Certificate).join(EarlierRecord)
        linked = asked.where(EarlierRecord.import_id == found.id, Certificate.holder_id.is_not(None))
        return [(_("Linked to an account"), db.session.scalar(linked) or 0)]

    def readers(self, found: SheetImport) -> dict[str, Callable[[str], Any]]:
        """The region's levels by their words, and every pattern the site's numbers ever had."""
        patterns = [rules.pattern_of(outline.typed(v)) for v in outline.history(rules.NUMBER)]
        return super().readers(found) | {"number": number_by(patterns), "level": columns.one_of(_levels(found))}

    def read(self, row: Row, found: SheetImport, readers: Readers) -> None:
        super().read(row, found, readers)
        issued, end, own = row.get("issued"), row.get("until"), _own(row)
        if issued and end and end < issued:
            row.wrong("until", "before", row.cells["until"])
        region = found.region.code if found.region else ""
        if own and row.get("level") and (own.rank, own.region) != (row.get("level"), region[: len(own.region)]):
            row.wrong("number", "own_region", own.text)

    def about(self, row: Row) -> tuple[str, str]:
        said = row.get("number")
        number = said.text if said else ""
        label = f"{number or row.cells.get('number', '')[:40]} {row.get('name') or row.cells.get('name', '')[:60]}"
        return number, label.strip()

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        """Numbers that stand in the register; ID numbers of accounts of another name."""
        asked = select(Certificate).where(Certificate.number.in_([_number(row) for row in rows]))
        there = {c.number: c for c in db.session.scalars(asked)}
        owners = by_id_numbers([row.get("id") for row in rows])
        for row in rows:
            row.found = owners.get(row.get("id"))
            kept = there.get(_number(row))
            if kept is not None and _same(kept, row):
                row.outcome = {"certificate": kept.id}
                row.same()
            elif kept is not None:
                row.wrong("number", "taken", kept.holder_name[:1] + "**")
            elif row.found is not None and comparable(row.found.name) != comparable(row.get("name")):
                row.wrong("id", "other_person")

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        addresses = by_addresses([row.get("email") for row in rows])
        texts = _texts(found, local_date(now))
        made = [(row, _certificate(found, row, _holder(row, addresses))) for row in rows]
        db.session.add_all(certificate for _row, certificate in made)
        db.session.flush()  # editions and records name the certificates
        for row, certificate in made:
            db.session.add(_edition(certificate, row, texts[row.get("level")], found, by=by, now=now))
            db.session.add(_record_of(certificate, row, found))
            row.outcome = {"certificate": certificate.id}
            record(Did.TAKE_OVER, certificate, by=by, more={"number": certificate.number, "sheet": found.id, "line": row.line})  # fmt: skip
            if certificate.holder is not None:
                post(letters.LINKED, to=certificate.holder, link="/certificates", number=certificate.number)
            if own := _own(row):
                _raise_counter(own)

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        """A decision, a further edition, a request, a look-up, a recognition: every table that names a certificate counts."""
        ids = [o["certificate"] for o in outcomes]
        used = named_elsewhere("certificate", ids, besides=OWN_TABLES)
        for some in batches(ids):
            used |= set(db.session.scalars(select(Edition.certificate_id).where(Edition.certificate_id.in_(some), Edition.no > 1)))  # fmt: skip
        if not used:
            return []
        asked = select(Certificate.number).where(Certificate.id.in_(used)).order_by(Certificate.id).limit(5)
        words = _("a decision, a request, a look-up or a later edition names it; single certificates are cancelled by decision")  # fmt: skip
        return [stands(words, in_a_row(db.session.scalars(asked)))]

    def undo(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        for some in batches(o["certificate"] for o in outcomes):
            db.session.execute(delete(Edition).where(Edition.certificate_id.in_(some)))
            db.session.execute(delete(EarlierRecord).where(EarlierRecord.certificate_id.in_(some)))
            db.session.execute(delete(Certificate).where(Certificate.id.in_(some)))


def _levels(found: SheetImport) -> dict[str, int]:
    return {
        word: row["rank"]
        for row in outline.rule("levels", region_id=found.region_id, on=today())["levels"]
        for word in (row["zh"], row["en"], str(row["rank"]), *SHORT.get(row["rank"], ()))
    }


def _number(row: Row) -> str:
    return str(row.values["number"].text)


def _own(row: Row) -> CertificateNumber | None:
    """The number's parts where it is in a pattern of ours."""
    said = row.get("number")
    return said.number if said else None


def _same(there: Certificate, row: Row) -> bool:
    return there.earlier and (there.name_key, there.rank, there.first_issued_on) == (
        comparable(row.get("name")), row.get("level"), row.get("issued"),
    )  # fmt: skip


def _holder(row: Row, addresses: dict[str, Person]) -> Person | None:
    """The account of the same ID number, or of the same confirmed address, and in either case of the same name."""
    owner: Person | None = row.found
    if owner is not None:
        return owner  # ``look`` has compared the names
    one = addresses.get(row.get("email"))
    if one is None or one.email_confirmed_at is None or comparable(one.name) != comparable(row.get("name")):
        return None
    return None if row.get("id") and one.id_lookup not in (None, id_hash(row.get("id"))) else one


def _certificate(found: SheetImport, row: Row, holder: Person | None) -> Certificate:
    own, issued = _own(row), row.get("issued")
    assert found.region is not None
    return Certificate(
        holder=holder, rank=row.get("level"), region=found.region, number=_number(row), earlier=True,
        region_code=found.region.code if own else "", year=own.year if own else None, serial=own.serial if own else None,
        token=crypto.token(), name_key=comparable(row.get("name")), holder_name=row.get("name"), first_issued_on=issued,
        issued_on=issued, valid_until=row.get("until"), standing=Standing.GOOD, standing_since=issued,
    )  # fmt: skip


def _raise_counter(own: CertificateNumber) -> None:
    """A number of our own pattern that was given before: the counter goes on after it."""
    key = {"region_code": own.region, "year": own.year, "rank": own.rank}
    kept = db.session.scalar(select(NumberCounter).filter_by(**key).with_for_update())
    if kept is None:
        db.session.add(NumberCounter(**key, last=own.serial))
        db.session.flush()  # the next row of the same counter reads it
    else:
        kept.last = max(kept.last, own.serial)


def _texts(found: SheetImport, on: date) -> dict[int, dict[str, str]]:
    """Words of each level in both languages, for rows that do not say them."""
    made = {}
    for row in outline.rule("levels", region_id=found.region_id, on=on)["levels"]:
        words = outline.rule(rules.WORDS, row["rank"], region_id=found.region_id, on=on)
        made[row["rank"]] = {
            "level_zh": row["zh"], "level_en": row["en"], "title_zh": words["title_zh"], "title_en": words["title_en"],
        }  # fmt: skip
    return made


def _edition(
    certificate: Certificate, row: Row, texts: dict[str, str], found: SheetImport, *, by: Person, now: datetime
) -> Edition:
    """What the sheet said, in the form of every snapshot; no sentence on what was assessed: that is not known here."""
    region, site = certificate.region, crypto.settings()
    number, title, issuer = row.get("id"), row.get("title"), row.get("issuer")
    snapshot = plain(
        {
            "format": FORMAT, "earlier": True, "sheet": found.id, "layout": None, "number": certificate.number, "edition": 1,
            "kind": EditionKind.PRIOR.value, "rank": certificate.rank, "region": region.code, "holder_name": certificate.holder_name,
            "holder_name_latin": "", "masked_id": masked_for_documents(number) if number else "—", "field": row.get("field", ""),
            **texts, "title_zh": title or texts["title_zh"], "title_en": "" if title else texts["title_en"],
            "sentence_zh": "", "sentence_en": "", "seal_words": "",
            "issuer_zh": issuer or region.authority_zh, "issuer_en": "" if issuer else region.authority_en,
            "issued_on": certificate.issued_on, "valid_until": certificate.valid_until,
            "scheme": {"id": None, "version": None, "name_zh": "", "name_en": "", "basis": ""},
            "verify_url": f"{site.PUBLIC_URL}/c/{certificate.token}", "evidence_hash": "", "decided_by": by.id,
            "decided_at": now, "trial": site.clock_moves, "photo": None,
        }
    )  # fmt: skip
    return Edition(
        certificate=certificate, no=1, kind=EditionKind.PRIOR, issued_on=certificate.issued_on,
        valid_until=certificate.valid_until, snapshot=snapshot, snapshot_hash=fingerprint(snapshot), issued_by_id=by.id,
        issued_at=now, reason="",
    )  # fmt: skip


def _record_of(certificate: Certificate, row: Row, found: SheetImport) -> EarlierRecord:
    number, phone, email = row.get("id"), row.get("phone"), row.get("email")
    return EarlierRecord(
        certificate_id=certificate.id, import_id=found.id, id_lookup=id_hash(number) if number else None,
        phone_lookup=crypto.lookup(phone, purpose=PHONE_PURPOSE) if phone else None,
        email_lookup=crypto.lookup(email, purpose=PURPOSE) if email else None,
    )  # fmt: skip
