"""Faults times tools: what each verifier says of each forged or stale certificate. ``docs/verification.md`` shows it.

``python -m tests.certificates.matrix`` prints the table as it is now, ``--write`` puts it into the document.
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from certificates import designs, samples, verify
from certificates.__main__ import main as command
from certificates.designs import Language
from certificates.fonts import Fonts
from certificates.rendering import Attachment, attachments_in, certificate_pdf
from tests.certificates.samples_signed import NOW, Authority

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "verification.md"
BEGIN, END = "<!-- table: written by python -m tests.certificates.matrix --write -->", "<!-- end of the table -->"
SOON = NOW + timedelta(minutes=1)
INDEX = 94567
NOTICES, SILENT, UNSURE = "refuses", "–", "cannot tell"
TOOLS = ("our page", "our offline verifier", "JavaScript verifier", "pdfsig", "pyhanko-cli")


@dataclass(frozen=True)
class Case:
    """One file as it reaches a verifier, with the status lists of that day."""

    name: str
    pdf: bytes
    lists: Sequence[bytes]
    at: datetime = SOON

    @property
    def credential(self) -> bytes:
        try:
            return attachments_in(self.pdf)[verify.CREDENTIAL_FILE]
        except ValueError:
            return b"{}"


def with_attachment(pdf: bytes, data: bytes) -> bytes:
    """What a PDF editor does: the file in the attachment exchanged, saved as an update behind the signed bytes."""
    from pyhanko.pdf_utils.generic import StreamObject, pdf_name
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    spec = writer.root["/AF"][0]
    old = spec["/EF"].raw_get("/F")
    new = StreamObject(stream_data=data)
    new[pdf_name("/Type")] = pdf_name("/EmbeddedFile")
    writer.mark_update(old)
    writer.objects[(old.generation, old.idnum)] = new
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def one_byte(pdf: bytes) -> bytes:
    """One bit turned over somewhere in the page, not in the attachment: the credential in the file stays as it was."""
    spot = 0
    while True:
        spot = pdf.index(b"stream\n", spot) + 40
        made = pdf[:spot] + bytes([pdf[spot] ^ 1]) + pdf[spot + 1 :]
        try:
            if attachments_in(made) == attachments_in(pdf):
                return made
        except ValueError:
            continue


def good(authority: Authority, letters: Fonts) -> list[Case]:
    """One good certificate in each layout, each in another language, with the seal as the field of the signature."""
    made = []
    for layout, language in zip(designs.newest(), designs.LANGUAGES, strict=True):
        carried = Attachment(verify.CREDENTIAL_FILE, authority.credential(), "application/ld+json")
        face = replace(samples.certificate(), photo=samples.portrait(), holder_name_latin="Lin Xiaolan")
        pdf = certificate_pdf(face, layout, language=Language(language), typefaces=letters, attachments=[carried])
        signed = authority.signer.sign(pdf, at=NOW, reason="签发", box=layout.seal_box())
        made.append(Case(f"good: {layout.name}, {language.value}", signed, authority.lists()))
    return made


def faults(authority: Authority, letters: Fonts) -> list[Case]:
    """Every fault of the table, made from a good certificate."""
    fine = authority.pdf(letters)
    credential = json.loads(authority.credential())
    clear = authority.lists()
    changed = authority.credential().replace("林晓岚".encode(), "王大明".encode())
    added = json.dumps({**credential, "honour": "金牌技术经理人"}, ensure_ascii=False).encode()
    other = authority.credential(holder_name="王大明", number="TTM1200202530001236")
    forger = Authority()  # the same did, another key
    foreign = Authority("230100")
    later = NOW + timedelta(days=1100)
    return [
        Case("one changed byte", one_byte(fine), clear),
        Case("name changed in the attachment", with_attachment(fine, changed), clear),
        Case("member added to the credential", with_attachment(fine, added), clear),
        Case("bytes appended", fine + b"\n% more\n", clear),
        Case("attachment of another certificate", with_attachment(fine, other), clear),
        Case("revoked", fine, authority.lists(revoked=[INDEX])),
        Case("suspended", fine, authority.lists(suspended=[INDEX])),
        Case("superseded", authority.pdf(letters, reprint=True), authority.lists(revoked=[INDEX])),
        Case("expired", fine, authority.lists(now=later), later),
        Case("credential by a wrong key", authority.pdf(letters, forger.credential()), clear),
        Case(
            "list of another issuer",
            fine,
            [
                foreign.status("revocation", url=authority.list_url),
                foreign.status("suspension", url=json.loads(clear[1])["id"]),
            ],
        ),
        Case("list out of date", fine, clear, NOW + timedelta(days=30)),
    ]


# The tools


def our_page(case: Case, authority: Authority) -> str:
    return _said(verify.verify(case.pdf, case.at, authority.trust, case.lists).answer.value)


def our_command(case: Case, authority: Authority, folder: Path) -> str:
    """The command, in this process: ``test_verify`` runs it as a stranger would."""
    (folder / "c.pdf").write_bytes(case.pdf)
    (folder / "keys.json").write_text(authority.trust.as_json(), "utf-8")
    asked = [str(folder / "c.pdf"), "--trust", str(folder / "keys.json"), "--at", case.at.isoformat(), "--json"]
    for i, data in enumerate(case.lists):
        (folder / f"{i}.json").write_bytes(data)
        asked += ["--status", str(folder / f"{i}.json")]
    out = io.StringIO()
    with redirect_stdout(out):
        code = command(["verify", *asked])
    said = json.loads(out.getvalue())["answer"]
    assert code == {"holds": 0, "does-not-hold": 1, "cannot-tell": 2}[said]
    return _said(said)


def _said(answer: str) -> str:
    return {"holds": SILENT, "does-not-hold": NOTICES, "cannot-tell": UNSURE}[answer]


def javascript(cases: Sequence[Case], authority: Authority) -> dict[str, str]:
    """All cases of one instant are asked in one process."""
    answers: dict[str, str] = {}
    for at in {case.at for case in cases}:
        asked = {
            "at": at.isoformat(),
            "documents": {authority.did: authority.document},
            "cases": {c.name: _plain(c, authority) for c in cases if c.at == at},
        }
        script = Path(__file__).parent / "independent.mjs"
        done = _run(["node", str(script), str(ROOT)], input=json.dumps(asked).encode())
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        answers |= json.loads(done.stdout)
    return {name: SILENT if answer == "accepts" else NOTICES for name, answer in answers.items()}


def _plain(case: Case, authority: Authority) -> dict[str, object]:
    by_url = {}
    for data in case.lists:
        document = json.loads(data)
        by_url[document["id"]] = document
    return {"credential": json.loads(case.credential), "lists": by_url}


def pdfsig(case: Case, folder: Path) -> str:
    """Poppler: it looks at the signature alone, and says beside whether the whole document is signed."""
    path = folder / "pdfsig.pdf"
    path.write_bytes(case.pdf)
    said = _run(["pdfsig", "-nocert", str(path)]).stdout.decode(errors="replace")
    fine = "Signature is Valid" in said and "Total document signed" in said and "Not total" not in said
    return SILENT if fine else NOTICES


def pyhanko(case: Case, authority: Authority, folder: Path) -> str:
    """pyHanko's command line, as ``pyhanko sign validate`` runs it; the root is trusted, the system's store is not."""
    from click.testing import CliRunner
    from pyhanko.cli import cli_root

    path, root = folder / "pyhanko.pdf", folder / "root.pem"
    path.write_bytes(case.pdf)
    root.write_text(authority.trust.roots[0])
    options = ["--pretty-print", "--no-revocation-check", "--trust", str(root), "--trust-replace"]
    done = CliRunner().invoke(cli_root, ["sign", "validate", *options, str(path)])
    return SILENT if done.exit_code == 0 and "judged VALID" in done.output else NOTICES


def _run(command: Sequence[str], **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=120, **more)  # type: ignore[call-overload,no-any-return]


def missing() -> list[str]:
    """Tools that are not installed."""
    lacking = [tool for tool in ("node", "pdfsig") if not shutil.which(tool)]
    if importlib.util.find_spec("pyhanko.cli") is None:
        lacking.append("pyhanko-cli")
    if not (ROOT / "node_modules" / "@digitalbazaar" / "vc").exists():
        lacking.append("@digitalbazaar/vc (npm)")
    return lacking


def answers(cases: Sequence[Case], authority: Authority, folder: Path) -> Mapping[str, Mapping[str, str]]:
    """What each tool says of each case: by case, by tool."""
    made: dict[str, dict[str, str]] = {case.name: {"our page": our_page(case, authority)} for case in cases}
    js = javascript(cases, authority)

    for i, case in enumerate(cases):
        own = folder / f"case-{i}"
        own.mkdir(parents=True)
        made[case.name] |= {
            "our offline verifier": our_command(case, authority, own),
            "JavaScript verifier": js[case.name],
            "pdfsig": pdfsig(case, own),
            "pyhanko-cli": pyhanko(case, authority, own),
        }
    return made


def table(said: Mapping[str, Mapping[str, str]]) -> str:
    """The answers as Markdown."""
    lines = ["| what was done to a good certificate | " + " | ".join(TOOLS) + " |", "| --- |" + " --- |" * len(TOOLS)]
    lines += [f"| {name} | " + " | ".join(row[tool] for tool in TOOLS) + " |" for name, row in said.items()]
    return "\n".join(lines)


def written() -> str:
    """The table in the document."""
    text = DOCUMENT.read_text("utf-8")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()


def main() -> None:
    import tempfile

    from certificates.fonts import fonts

    authority = Authority()
    with tempfile.TemporaryDirectory() as folder:
        made = table(answers(faults(authority, fonts()), authority, Path(folder)))
    print(made)
    if "--write" in sys.argv:
        text = DOCUMENT.read_text("utf-8")
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        DOCUMENT.write_text(f"{text[:begin]}\n{made}\n{text[end:]}", "utf-8")


if __name__ == "__main__":
    main()
