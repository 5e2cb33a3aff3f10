"""The snapshot of an edition: written once at issue, and the face a PDF is made of read back from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.consents import has_consent
from app.accounts.identity import id_for_documents, photo_of
from app.accounts.models import ConsentKind, Person, Region
from app.certification import rules
from app.certification.errors import CannotPrint, DoesNotFit, FontsNotReady, NameUnprintable
from app.certification.models import AuthoritySeal
from app.certification.states import EditionKind
from app.core.crypto import settings
from app.db import db
from app.files.models import StoredFile
from app.files.service import PICTURES, keep_bytes, read_file
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.pathway.rules import Stage
from certificates.designs import Language, Layout, layout
from certificates.faces import CertificateFace
from certificates.fonts import FontsMissing, missing_glyphs
from certificates.names import NameRefused, printable
from certificates.rendering import MissingGlyphs, TextTooLong, must_fit

FORMAT = "certificate-snapshot/1"
EXEMPT = {
    Stage.TRAINING.value: ("培训", "training"),
    Stage.EXAM.value: ("考试", "examination"),
    Stage.PRACTICE.value: ("实操", "practice"),
    Stage.PERFORMANCE.value: ("绩效", "performance"),
    Stage.ENTRY.value: ("报名条件", "entry conditions"),
    Stage.INTEGRITY.value: ("信用积分", "integrity credit"),
}


def sentences(rank: int, scheme: RuleVersion, region: Region, evidence: Mapping[str, Any], on: date) -> dict[str, str]:
    """Title and truthful sentence in both languages; stages the holder was exempt from are named."""
    words = outline.rule(rules.WORDS, rank, region_id=region.id, on=on)
    levels = {row["rank"]: row for row in outline.rule("levels", region_id=region.id, on=on)["levels"]}
    body = outline.typed(scheme)
    made = {"level_zh": levels[rank]["zh"], "level_en": levels[rank]["en"], "seal_words": words["seal_words"]}
    for language in ("zh", "en"):
        made[f"title_{language}"] = words[f"title_{language}"]
        filled = {"{scheme}": body[f"name_{language}"], "{level}": made[f"level_{language}"]}
        sentence = words[f"sentence_{language}"]
        for place, value in filled.items():
            sentence = sentence.replace(place, value)
        made[f"sentence_{language}"] = sentence
    exempt = [EXEMPT[g["stage"]] for g in evidence["pathway"]["gates"] if g["exempt"]]
    if exempt:
        made["sentence_zh"] += f"（其中{'、'.join(zh for zh, _ in exempt)}依决定免除。）"
        made["sentence_en"] += f" Exempt by decision from: {', '.join(en for _, en in exempt)}."
    return made


def look_for(region_id: int, on: date) -> dict[str, Any]:
    """Layout, its newest version, language, and whether the seal is a signature field: as a snapshot keeps it."""
    chosen = outline.rule(rules.LAYOUT, region_id=region_id, on=on)
    made = layout(chosen["layout"])
    return {
        "name": made.name,
        "version": made.version,
        "language": chosen["language"],
        "signature_field": chosen["signature_field"],
    }


def seal_of(region_id: int) -> StoredFile | None:
    """The picture in use; None where the seal is drawn."""
    newest = db.session.scalar(
        select(AuthoritySeal).where(AuthoritySeal.region_id == region_id).order_by(AuthoritySeal.id.desc()).limit(1)
    )
    return newest.file if newest else None


def snapshot(
    *,
    person: Person,
    region: Region,
    rank: int,
    number: str,
    token: str,
    edition: int,
    kind: EditionKind,
    issued_on: date,
    valid_until: date | None,
    scheme: RuleVersion,
    evidence: Mapping[str, Any],
    evidence_hash: str,
    decided_by: int,
    now: datetime,
) -> dict[str, Any]:
    """Everything an edition says, as plain JSON. Raises NameUnprintable, CannotPrint, FontsNotReady before anything is
    issued; copies the photo, so that a later change of it leaves the edition as it was."""
    try:
        name = printable(person.name)
        latin = printable(person.name_latin) if person.name_latin else ""
    except NameRefused as refusal:
        raise NameUnprintable(None, why=why_refused(refusal)) from None
    body, seal = outline.typed(scheme), seal_of(region.id)
    made: dict[str, Any] = {
        "format": FORMAT,
        "layout": look_for(region.id, issued_on),
        "number": number,
        "edition": edition,
        "kind": kind.value,
        "rank": rank,
        "region": region.code,
        "holder_name": name,
        "holder_name_latin": latin,
        "masked_id": id_for_documents(person) or "—",
        "field": person.field,
        "issuer_zh": region.authority_zh,
        "issuer_en": region.authority_en,
        "issued_on": issued_on.isoformat(),
        "valid_until": valid_until.isoformat() if valid_until else None,
        "scheme": {
            "id": scheme.id, "version": scheme.version, "name_zh": body["name_zh"], "name_en": body["name_en"],
            "basis": scheme.basis,
        },
        "verify_url": f"{settings().PUBLIC_URL}/c/{token}",
        "evidence_hash": evidence_hash,
        "decided_by": decided_by,
        "decided_at": now.isoformat(),
        "trial": settings().clock_moves,
        "photo": _photo(person),
        "stages": [g["stage"] for g in evidence["pathway"]["gates"] if not g["exempt"]],
        "seal": {"file": seal.id, "sha256": seal.sha256} if seal else None,
        **sentences(rank, scheme, region, evidence, issued_on),
    }  # fmt: skip
    check_print(face(made, with_pictures=False), made)
    return made


def why_refused(refusal: NameRefused) -> str:
    if refusal.code == "empty":
        return _("it is empty")
    return "、".join(
        _("%(code)s, probably %(meant)s", code=m.code, meant=m.suggestion) if m.suggestion else m.code
        for m in refusal.meant
    )


def check_glyphs(made: CertificateFace) -> None:
    """Raises CannotPrint naming text and characters when the embedded fonts lack one of them."""
    try:
        for words in made.texts():
            lacking = missing_glyphs(words)
            if lacking:
                named = "、".join(f"{c} (U+{ord(c):04X})" for c in sorted(lacking))
                raise CannotPrint(None, text=words[:60], chars=named)
    except FontsMissing as error:
        raise FontsNotReady(what=", ".join(error.packages)) from None


def check_print(face: CertificateFace, made: Mapping[str, Any]) -> None:
    """Raises CannotPrint, or DoesNotFit naming the text that has no room in the layout."""
    check_glyphs(face)
    try:
        must_fit(face, layout_of(made), language_of(made))
    except TextTooLong as error:
        raise DoesNotFit(None, text=error.text[:80]) from None


def photo_for(person: Person) -> StoredFile | None:
    """The photo a certificate may show: only with the person's consent, which the profile promises."""
    return photo_of(person) if has_consent(person, ConsentKind.PHOTO) else None


def lacks_photo(person: Person, region_id: int, on: date) -> bool:
    """Whether a certificate of this day could not be issued for want of a photo that may be printed."""
    return rules.life(region_id, on)["photo_required"] and photo_for(person) is None


def _photo(person: Person) -> dict[str, Any] | None:
    kept = photo_for(person)
    if kept is None:
        return None
    data = read_file(kept)
    ending = "png" if kept.media_type == "image/png" else "jpg"
    copy = keep_bytes(data, f"photo.{ending}", owner=person, kinds=PICTURES)
    return {"file": copy.id, "sha256": copy.sha256}


def photo_bytes(made: Mapping[str, Any]) -> bytes | None:
    """The photo of an edition as it was at issue."""
    named = made.get("photo")
    kept = db.session.get(StoredFile, named["file"]) if named else None
    return read_file(kept) if kept else None


def seal_bytes(made: Mapping[str, Any]) -> bytes | None:
    """The picture of the seal an edition was issued with; None where the seal is drawn."""
    named = made.get("seal")
    kept = db.session.get(StoredFile, named["file"]) if named else None
    return read_file(kept) if kept else None


def face(made: Mapping[str, Any], *, with_pictures: bool = True) -> CertificateFace:
    """What is printed, read from the snapshot alone."""
    scheme = made["scheme"]
    return CertificateFace(
        holder_name=made["holder_name"],
        holder_name_latin=made["holder_name_latin"],
        masked_id=made["masked_id"],
        title_zh=made["title_zh"],
        title_en=made["title_en"],
        level_zh=made["level_zh"],
        level_en=made["level_en"],
        field_zh=made["field"],
        number=made["number"],
        issuer_zh=made["issuer_zh"],
        issuer_en=made["issuer_en"],
        issued_on=date.fromisoformat(made["issued_on"]),
        valid_until=date.fromisoformat(made["valid_until"]) if made["valid_until"] else None,
        scheme_name=scheme["name_zh"],
        scheme_version=f"第 {scheme['version']} 版",
        scheme_name_en=f"{scheme['name_en']}, version {scheme['version']}",
        verify_url=made["verify_url"],
        sentence_zh=made["sentence_zh"],
        sentence_en=made["sentence_en"],
        seal_words=made["seal_words"],
        reprint=made["kind"] == EditionKind.REPRINT.value,
        trial=made["trial"],
        photo=photo_bytes(made) if with_pictures else None,
        seal_image=seal_bytes(made) if with_pictures else None,
    )


def layout_of(made: Mapping[str, Any]) -> Layout:
    """The layout an edition was issued in, in the version of that day."""
    return layout(made["layout"]["name"], made["layout"]["version"])


def in_newest_version(made: Mapping[str, Any]) -> dict[str, Any]:
    """What an edition that repeats an earlier one says: the same design, in its newest version as long as every text can
    be set in it. A reprint is never refused for that: else it stays in the version it repeats."""
    newer = {**made, "layout": made["layout"] | {"version": layout(made["layout"]["name"]).version}}
    try:
        must_fit(face(newer, with_pictures=False), layout_of(newer), language_of(newer))
    except (TextTooLong, MissingGlyphs, FontsMissing):
        return dict(made)
    return newer


def language_of(made: Mapping[str, Any]) -> Language:
    """The language of an edition; those issued before there was a choice are bilingual."""
    return Language(made["layout"].get("language", Language.BILINGUAL.value))


def signature_box(made: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """Where the signature is to be seen (over the seal), in points; None for an invisible one."""
    return layout_of(made).seal_box() if made["layout"].get("signature_field") else None
