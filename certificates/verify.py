"""The offline verifier: what holds and what does not about a certificate file, without network and without database.

A PDF is asked: one signature, intact, over the whole file, nothing changed since, by a trusted signer; the credential
inside, proven by its issuer's key; signer and issuer the same authority; page and credential the same words; dates;
status. A credential on its own (JSON) is asked the part that concerns it. Every answer is a ``Finding`` with a code;
words belong to whoever shows them (``WORDS`` has ours).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from certificates import credentials, proofs, status_list
from certificates.credentials import CHINA, check_achievement, holder_of, in_force, level_of, number_of
from certificates.faces import date_en, date_zh
from certificates.names import comparable
from certificates.pagetext import page_pictures, page_text
from certificates.proofs import ProofFault, issuer_of
from certificates.rendering import attachments_in
from certificates.signing import Inspection, inspect
from certificates.trust import NOBODY, Trust

CREDENTIAL_FILE = "credential.json"


class Answer(StrEnum):
    HOLDS = "holds"
    DOES_NOT_HOLD = "does-not-hold"
    CANNOT_TELL = "cannot-tell"


EXIT = {Answer.HOLDS: 0, Answer.DOES_NOT_HOLD: 1, Answer.CANNOT_TELL: 2}


@dataclass(frozen=True)
class Finding:
    """One question and its answer; ``code`` says which question and, where it did not hold, what was wrong."""

    code: str
    answer: Answer
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. ``document`` is the credential, if one was read: believe it only if the report holds.

    ``sha256`` is of its exact bytes; ``printed`` the lines on the pages and ``pictures`` their digests, where there are pages."""

    findings: tuple[Finding, ...]
    document: Mapping[str, Any] | None = None
    sha256: str = ""
    printed: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """One "no" decides; without one, one "cannot tell" does."""
        answers = {finding.answer for finding in self.findings}
        if Answer.DOES_NOT_HOLD in answers or not answers:
            return Answer.DOES_NOT_HOLD
        return Answer.CANNOT_TELL if Answer.CANNOT_TELL in answers else Answer.HOLDS


def _yes(code: str, detail: str = "") -> Finding:
    return Finding(code, Answer.HOLDS, detail)


def _no(code: str, detail: str = "") -> Finding:
    return Finding(code, Answer.DOES_NOT_HOLD, detail)


def _unknown(code: str, detail: str = "") -> Finding:
    return Finding(code, Answer.CANNOT_TELL, detail)


def verify(data: bytes, now: datetime, trust: Trust = NOBODY, lists: Iterable[bytes] = ()) -> Report:
    """Judge a PDF or a JSON credential at the instant ``now``, with the keys and status lists that are at hand."""
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return _verify_pdf(data, now, trust, list(lists))
    try:
        document = proofs.read(data)
    except ProofFault:
        return Report((_no("file-unreadable"),))
    digest = hashlib.sha256(data).hexdigest()
    return Report(tuple(_credential_findings(document, now, trust, list(lists))), document, digest)


def _verify_pdf(data: bytes, now: datetime, trust: Trust, lists: list[bytes]) -> Report:
    seen = inspect(data, trust.roots, now)
    findings = list(_signature_findings(seen))
    try:
        carried = attachments_in(data)
    except ValueError:
        return Report((*findings, _no("file-unreadable")))
    if list(carried) != [CREDENTIAL_FILE]:
        return Report((*findings, _no("attachment-missing" if CREDENTIAL_FILE not in carried else "attachment-more")))
    try:
        document = proofs.read(carried[CREDENTIAL_FILE])
    except ProofFault:
        return Report((*findings, _no("attachment-unreadable")))
    findings += _credential_findings(document, now, trust, lists)
    if seen.did is not None and seen.intact:
        same = seen.did == issuer_of(document)
        findings.append(_yes("signer-is-issuer") if same else _no("signer-is-not-issuer", seen.did))
    try:
        text, pictures = page_text(data), page_pictures(data)
    except ValueError:
        text, pictures = None, []
    findings.append(_text_finding(text, document))
    digest = hashlib.sha256(carried[CREDENTIAL_FILE]).hexdigest()
    return Report(tuple(findings), document, digest, tuple((text or "").splitlines()), tuple(pictures))


def _signature_findings(seen: Inspection) -> Iterable[Finding]:
    if seen.count == 0:
        unreadable = seen.problem.startswith("unreadable")
        yield _no("signature-unreadable" if unreadable else "signature-missing", seen.problem)
        return
    if seen.count > 1:
        yield _no("signature-several")
        return
    if not seen.intact:  # then it says nothing of who signed what, nor of what came after
        yield _no("signature-broken")
        return
    yield _yes("signature-intact")
    yield _yes("signature-covers-all") if seen.covers_all else _no("signature-covers-part")
    yield _yes("unchanged-since") if seen.unchanged else _no("changed-since")
    yield _yes("certifies") if seen.certifies else _no("certifies-not")
    if seen.stamped_at is not None:
        yield _yes("time-stamped", seen.stamped_at.isoformat())
    if seen.trusted is None:
        yield _unknown("signer-unknown", seen.signer)
    else:
        yield _yes("signer-trusted", seen.signer) if seen.trusted else _no("signer-not-trusted", seen.signer)


def _credential_findings(
    document: Mapping[str, Any], now: datetime, trust: Trust, lists: list[bytes]
) -> Iterable[Finding]:
    kinds = document.get("type")
    achievement = isinstance(kinds, list) and "AchievementCredential" in kinds
    if not achievement and not (isinstance(kinds, list) and "EndorsementCredential" in kinds):
        yield _no("credential-other-kind")
        return
    try:
        proven = check_achievement(document, trust) if achievement else proofs.check(document, trust)
    except ProofFault as fault:
        said = fault.code
        yield _unknown("issuer-unknown", issuer_of(document)) if said == "unknown-issuer" else _no(f"credential-{said}")
        if said != "unknown-issuer":
            return
    else:
        yield _yes("credential-proven", proven.issuer)
    yield _date_finding(document, now)
    for purpose in (status_list.REVOCATION, status_list.SUSPENSION):
        yield _status_finding(document, purpose, trust, lists, now)


def _date_finding(document: Mapping[str, Any], now: datetime) -> Finding:
    within = in_force(document, now)
    if within is None:
        return _no("dates-unreadable")
    if within:
        return _yes("dates-hold", str(document.get("validUntil", "")))
    early = datetime.fromisoformat(str(document["validFrom"])) > now
    return _no("dates-not-yet" if early else "dates-over", str(document["validFrom" if early else "validUntil"]))


def _status_finding(
    document: Mapping[str, Any], purpose: str, trust: Trust, lists: list[bytes], now: datetime
) -> Finding:
    """The first list that is the right one decides; lists that are of no use here are passed over with their reason."""
    reason = "none"
    for data in lists:
        try:
            held = status_list.look_up(document, proofs.read(data), purpose, trust, now)
        except (status_list.StatusUnknown, ProofFault) as fault:
            reason = fault.code if fault.code != "other-list" else reason
            continue
        return _no(f"status-{purpose}-set") if held else _yes(f"status-{purpose}-clear")
    return _unknown(f"status-{purpose}-unknown", reason)


def _text_finding(text: str | None, document: Mapping[str, Any]) -> Finding:
    """Name, number, level and both dates of the credential must stand on the page, each as a piece of its own; dates in
    Chinese or English, by the language the certificate is set in."""
    if text is None:
        return _no("page-unreadable")
    printed = _pieces(text)
    wanted: list[tuple[str, ...]] = [(word,) for word in (holder_of(document), number_of(document), level_of(document))]
    for member in ("validFrom", "validUntil"):
        if member in document:
            try:
                day = datetime.fromisoformat(str(document[member])).astimezone(CHINA).date()
            except ValueError:
                return _no("dates-unreadable")
            wanted.append((date_zh(day), date_en(day)))
    lacking = [words[0] for words in wanted if not any(word and comparable(word) in printed for word in words)]
    return _no("page-differs", "、".join(lacking)) if lacking else _yes("page-same")


def _pieces(text: str) -> set[str]:
    """Every line of the page in the form for comparing, and lines that follow each other joined, as long words wrap.

    Whole lines and not parts of them: 王芳 is another person than 王芳芳, and a scheme's name contains a level's.
    """
    lines = [comparable(line).removesuffix("(补发)") for line in text.splitlines()]
    return {"".join(lines[start:end]) for start in range(len(lines)) for end in range(start + 1, start + 4)}


WORDS: Mapping[str, tuple[str, str]] = {
    "file-unreadable": ("文件无法读取", "the file cannot be read"),
    "signature-missing": ("没有数字签名", "there is no signature"),
    "signature-several": ("有多个数字签名", "there are several signatures"),
    "signature-unreadable": ("签名无法读取", "the signature cannot be read"),
    "signature-intact": ("数字签名完整", "the signature is intact"),
    "signature-broken": ("数字签名不符：文件内容已被更改", "the signature does not fit: the file was changed"),
    "signature-covers-all": ("签名覆盖整个文件", "the signature covers the whole file"),
    "signature-covers-part": ("签名之后文件被追加了内容", "something was appended after signing"),
    "unchanged-since": ("签名后未作修改", "nothing was changed after signing"),
    "changed-since": ("签名后文件被修改", "the file was changed after signing"),
    "certifies": ("签名禁止任何后续修改", "the signature forbids every later change"),
    "certifies-not": ("签名不是认证签名", "the signature does not certify the document"),
    "time-stamped": ("签名时间由可信时间戳证明", "a trusted authority vouches for the time of the signature"),
    "signer-trusted": ("签名者可信", "the signer is trusted"),
    "signer-not-trusted": ("签名者不可信", "the signer is not trusted"),
    "signer-unknown": ("无法确认签名者：没有可用的受信根证书，或其证书已到期", "the signer cannot be confirmed"),
    "attachment-missing": ("没有内嵌电子凭证", "no credential is attached"),
    "attachment-more": ("内嵌了其他文件", "other files are attached"),
    "attachment-unreadable": ("内嵌电子凭证无法读取", "the attached credential cannot be read"),
    "credential-proven": ("电子凭证由签发机构的密钥证明", "the credential is proven by its issuer's key"),
    "credential-other-kind": ("不是证书凭证", "not a certificate credential"),
    "credential-no-proof": ("电子凭证没有可用的证明", "the credential carries no usable proof"),
    "credential-uncovered": (
        "电子凭证含有未被证明的内容",
        "the credential holds members that its proof does not cover",
    ),
    "credential-foreign-key": ("电子凭证的密钥不属于签发机构", "the credential's key is not its issuer's"),
    "credential-signature": ("电子凭证的证明不符：内容已被更改", "the credential's proof does not fit: it was changed"),
    "credential-unreadable": ("电子凭证无法读取", "the credential cannot be read"),
    "issuer-unknown": ("签发机构不在受信名单中，无法判断", "the issuer is not among the trusted: it cannot be told"),
    "signer-is-issuer": ("签名者与签发机构一致", "signer and issuer are the same"),
    "signer-is-not-issuer": ("签名者与签发机构不一致", "signer and issuer are not the same"),
    "dates-hold": ("在有效期内", "within its dates"),
    "dates-over": ("已过有效期", "it has expired"),
    "dates-not-yet": ("尚未生效", "it is not yet in force"),
    "dates-unreadable": ("日期无法读取", "the dates cannot be read"),
    "status-revocation-clear": ("未被撤销", "not revoked"),
    "status-revocation-set": ("已被撤销、注销或替代", "revoked, cancelled or superseded"),
    "status-revocation-unknown": ("撤销状态未知", "whether it is revoked is not known"),
    "status-suspension-clear": ("未被暂停", "not suspended"),
    "status-suspension-set": ("已被暂停", "suspended"),
    "status-suspension-unknown": ("暂停状态未知", "whether it is suspended is not known"),
    "page-same": ("页面文字与电子凭证一致", "page and credential say the same"),
    "page-differs": ("页面文字与电子凭证不一致", "page and credential differ"),
    "page-unreadable": ("页面文字无法读取", "the page cannot be read"),
}
SUMMARY = {
    Answer.HOLDS: ("结论：成立", "Result: it holds"),
    Answer.DOES_NOT_HOLD: ("结论：不成立", "Result: it does not hold"),
    Answer.CANNOT_TELL: ("结论：无法判断", "Result: it cannot be told"),
}


def as_data(report: Report) -> dict[str, Any]:
    """The report for machines: ``answer``, ``findings`` (code, answer, detail, zh, en), what the credential names, the
    SHA-256 of its bytes, the first lines printed on the pages, and the digests of the pictures there."""
    document = report.document or {}
    named = {
        "id": document.get("id"),
        "number": number_of(document),
        "name": holder_of(document),
        "level": level_of(document),
        "issuer": issuer_of(document),
        "valid_from": document.get("validFrom"),
        "valid_until": document.get("validUntil"),
    }
    return {
        "answer": report.answer.value,
        "findings": [
            {"code": each.code, "answer": each.answer.value, "detail": each.detail, "zh": zh, "en": en}
            for each in report.findings
            for zh, en in [WORDS[each.code]]
        ],
        "certificate": named if credentials.holder_of(document) else None,
        "sha256": report.sha256,
        "printed": [line[:120] for line in report.printed[:200]],
        "pictures": list(report.pictures),
    }
