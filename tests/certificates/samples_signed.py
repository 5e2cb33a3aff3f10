"""A small authority for tests: did, keys, signer, and whatever it issues. All times are handed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from certificates import did, keys, proofs, samples, signing, status_list
from certificates.credentials import (
    AchievementWords,
    AlignedTo,
    Issuer,
    StageResult,
    Status,
    achievement_credential,
)
from certificates.fonts import Fonts
from certificates.rendering import Attachment, certificate_pdf
from certificates.trust import Trust

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
SITE = "https://ttm.example.org"


@dataclass
class Authority:
    """An authority at ``SITE``; equal codes have equal dids but, made twice, different keys."""

    code: str = "120116"

    @property
    def did(self) -> str:
        return did.did_web(SITE, self.code)

    @cached_property
    def key(self) -> keys.CredentialKey:
        return keys.load_credential_key(keys.make_credential_key(self.did, "key-2026-1", "pw", NOW), "pw")

    @cached_property
    def root_p12(self) -> bytes:
        return keys.make_trial_authority("演示根证书机构", "root-pw", NOW)

    @cached_property
    def signer(self) -> signing.DocumentSigner:
        return signing.pkcs12_signer(self.signer_p12(), "pw")

    def signer_p12(self, **changed) -> bytes:
        named = {"name": "滨海新区认证中心", "did": self.did, "password": "pw", "now": NOW} | changed
        return keys.make_signer(self.root_p12, "root-pw", **named)

    @property
    def document(self) -> dict:
        return did.did_document(self.did, [self.key.published])

    @property
    def trust(self) -> Trust:
        return Trust({self.did: self.document}, (self.signer.certificates[-1],))

    @property
    def list_url(self) -> str:
        return f"{SITE}/status/{self.code}/revocation/1"

    def words(self, **changed) -> AchievementWords:
        face = samples.certificate()
        words = AchievementWords(
            id=f"{SITE}/c/4vJ8mQ2sTzK9wYbN6xLrPd",
            issuer=Issuer(did=self.did, name="滨海新区技术经理人认证中心", url=SITE),
            holder_name=face.holder_name,
            number=face.number,
            title=face.title_zh,
            level=face.level_zh,
            description="中级技术经理人证书，按认证方案经培训、考试、实操与绩效评定。",
            criteria=face.sentence_zh,
            achievement_id=f"{SITE}/schemes/12/levels/2",
            achievement_version="2026.1",
            awarded_on=date(2026, 11, 21),
            issued_on=face.issued_on,
            valid_until=face.valid_until,
            status=Status(list_url=self.list_url, index=94567),
            field=face.field_zh,
            results=(StageResult(code="training", name="培训", value="60 学时"), StageResult(code="exam", name="考试")),
            alignments=(AlignedTo(name="技术经理人", url=f"{SITE}/outline/2026", code="2-06-07-16"),),
        )
        return replace(words, **changed)

    def credential(self, **changed) -> bytes:
        return proofs.as_bytes(achievement_credential(self.words(**changed), self.key, NOW))

    def pdf(self, letters: Fonts, credential: bytes | None = None, **changed) -> bytes:
        """A signed certificate carrying ``credential`` (its own by default)."""
        carried = Attachment("credential.json", credential or self.credential(), "application/ld+json", "证书凭证")
        face = replace(samples.certificate(), **changed)
        return self.signer.sign(certificate_pdf(face, typefaces=letters, attachments=[carried]), at=NOW, reason="签发")

    def status(self, purpose: str, indices=(), now: datetime = NOW, url: str | None = None) -> bytes:
        address = url or (self.list_url if purpose == "revocation" else status_list.suspension_url(self.list_url))
        document = status_list.status_list(
            self.did, address, purpose, indices, now=now, holds_for=timedelta(days=7), ttl=timedelta(hours=1)
        )
        return proofs.as_bytes(proofs.secure(document, self.key, now))

    def lists(self, revoked=(), suspended=(), now: datetime = NOW) -> list[bytes]:
        return [self.status("revocation", revoked, now), self.status("suspension", suspended, now)]
