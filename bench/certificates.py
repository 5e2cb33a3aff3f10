"""What a certificate costs: ``python -m bench.certificates``, and as part of ``python -m bench``. CPU of this process alone."""

from __future__ import annotations

import gc
import io
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from certificates import did, keys, proofs, samples, signing, status_list, verify
from certificates.credentials import AchievementWords, AlignedTo, Issuer, StageResult, Status, achievement_credential
from certificates.fonts import fonts
from certificates.rendering import Attachment, certificate_pdf
from certificates.trust import Trust

RUNS = 3
NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)
SITE = "https://ttm.example.org"
LIMITS = {
    "certificate PDF, ms": 65.0,
    "certificate PDF, KB": 90.0,
    "credential signed, ms": 20.0,
    "list of 1,000,000, ms": 300.0,
    "growth over 200, MB": 10.0,
}


@dataclass
class Desk:
    """An authority with opened keys, and the sample's words."""

    key: keys.CredentialKey
    signer: signing.DocumentSigner
    photo: bytes

    @classmethod
    def opened(cls) -> Desk:
        named = did.did_web(SITE, "1200")
        root = keys.make_trial_authority("bench", "pw", NOW)
        signer = signing.pkcs12_signer(keys.make_signer(root, "pw", "bench", named, "pw", NOW), "pw")
        key = keys.load_credential_key(keys.make_credential_key(named, "key-1", "pw", NOW), "pw")
        return cls(key, signer, _photo())

    def words(self, n: int) -> AchievementWords:
        face = samples.certificate()
        return AchievementWords(
            id=f"urn:uuid:00000000-0000-5000-8000-{n:012d}",
            issuer=Issuer(did=self.key.did, name=face.issuer_zh, url=SITE),
            holder_name=face.holder_name,
            number=face.number,
            title=face.title_zh,
            level=face.level_zh,
            description=face.level_zh,
            criteria=face.sentence_zh,
            achievement_id=f"{SITE}/about",
            achievement_version="1",
            awarded_on=date(2026, 11, 21),
            issued_on=face.issued_on,
            valid_until=face.valid_until,
            status=Status(list_url=f"{SITE}/status/1200/revocation/1", index=n),
            field=face.field_zh,
            results=tuple(
                StageResult(code=code, name=code) for code in ("training", "exam", "practice", "performance")
            ),
            alignments=(AlignedTo(name="技术经理人", url=f"{SITE}/about", code="2-06-07-16"),),
        )

    def credential(self, n: int) -> bytes:
        return proofs.as_bytes(achievement_credential(self.words(n), self.key, NOW))

    def signed(self, n: int) -> bytes:
        """The proof alone, without the judgement that goes with it when it is made for a holder."""
        return proofs.as_bytes(proofs.put_on(self.unsigned, self.key, NOW + timedelta(seconds=n)))

    @cached_property
    def unsigned(self) -> dict[str, Any]:
        return {k: v for k, v in achievement_credential(self.words(1), self.key, NOW).items() if k != "proof"}

    def pdf(self, credential: bytes, letters: Any) -> bytes:
        carried = Attachment("credential.json", credential, "application/ld+json", "证书凭证")
        face = replace(samples.certificate(), photo=self.photo)
        return self.signer.sign(certificate_pdf(face, typefaces=letters, attachments=[carried]), at=NOW, reason="签发")

    def trust(self) -> Trust:
        return Trust(
            {self.key.did: did.did_document(self.key.did, [self.key.published])}, (self.signer.certificates[-1],)
        )

    def big_list(self) -> bytes:
        places = random.Random(7).sample(range(1_000_000), 10_000)
        made = status_list.status_list(
            self.key.did, f"{SITE}/status/1200/revocation/1", "revocation", places, now=NOW,
            holds_for=timedelta(days=7), ttl=timedelta(minutes=5), size=1_000_000,
        )  # fmt: skip
        return proofs.as_bytes(proofs.secure(made, self.key, NOW))


def _photo() -> bytes:
    """A picture as people hand it in: 413 by 626 points, a little grain, JPEG."""
    from PIL import Image

    grain = Image.effect_noise((413, 626), 6).convert("RGB")
    out = io.BytesIO()
    grain.save(out, "JPEG", quality=75)
    return out.getvalue()


def cpu_ms(work: Callable[[int], object], count: int) -> float:
    """Median over the runs of the CPU time of one call, in milliseconds."""
    work(0)
    runs = []
    for run in range(RUNS):
        before = time.process_time()
        for n in range(count):
            work(run * count + n + 1)
        runs.append((time.process_time() - before) * 1000 / count)
    return statistics.median(runs)


def resident_mb() -> float:
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def grown_mb(desk: Desk, letters: Any, count: int) -> float:
    """How much a process grows from the 20th to the last certificate."""
    at_twenty = 0.0
    for n in range(count):
        desk.pdf(desk.credential(n), letters)
        if n == 20:
            gc.collect()
            at_twenty = resident_mb()
    gc.collect()
    return resident_mb() - at_twenty


def run(*, long: bool = False) -> dict[str, float]:
    """Every figure by name. Raises RuntimeError when what was made does not hold."""
    desk, letters = Desk.opened(), fonts()
    credential = desk.credential(5)
    pdf, trust = desk.pdf(credential, letters), desk.trust()
    lists = [desk.big_list()]
    report = verify.verify(pdf, NOW, trust, lists)
    wrong = [f.code for f in report.findings if f.answer is verify.Answer.DOES_NOT_HOLD and f.code != "dates-not-yet"]
    if wrong or status_list.look_up(report.document or {}, proofs.read(lists[0]), "revocation", trust, NOW):
        raise RuntimeError(f"what was measured does not hold: {wrong}")
    return {
        "certificate PDF, ms": cpu_ms(lambda n: desk.pdf(credential, letters), 20),
        "certificate PDF, KB": len(pdf) / 1000,
        "credential signed, ms": cpu_ms(desk.signed, 30),
        "credential signed and checked, ms": cpu_ms(desk.credential, 30),
        "own check of a PDF, ms": cpu_ms(lambda n: verify.verify(pdf, NOW, trust), 15),
        "machine: 1,000,000 additions, ms": cpu_ms(lambda n: sum(range(1_000_000)), 5),
        "list of 1,000,000, ms": cpu_ms(lambda n: desk.big_list(), 5),
        "list of 1,000,000, KB": len(lists[0]) / 1000,
        "growth over 200, MB": grown_mb(desk, letters, 1000 if long else 200),
    }


def lines(figures: dict[str, float]) -> list[str]:
    """The figures as they are printed; a ! stands beside one that is over its limit."""
    made = []
    for name, value in figures.items():
        limit = LIMITS.get(name)
        over = "!" if limit is not None and value > limit else " "
        made.append(f"{name:<34} | {'' if limit is None else f'{limit:g}':>6} | {value:8.1f}{over}")
    return made


if __name__ == "__main__":
    print("\n".join(lines(run())))
