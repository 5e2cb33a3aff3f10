"""``python -m certificates``: make the fonts ready, and preview each document with sample data.

python -m certificates fonts [--folder FOLDER]
python -m certificates preview OUT.pdf [--kind certificate|note|completion] [--layout classic|modern|archive]
    [--language bilingual|zh|en] [--name NAME] [--photo FILE]
python -m certificates verify FILE.pdf|FILE.json [--trust keys.json] [--status LIST …] [--lang zh|en|both] [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certificates import designs, fonts, names, rendering, samples


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 2 when it was refused (the reason goes to standard error)."""
    parser = argparse.ArgumentParser(prog="python -m certificates", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the prepared fonts are kept")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fonts", help="make the fonts ready (once per machine, about half a minute)")
    check = commands.add_parser("verify", help="judge a PDF or JSON certificate without network and database")
    check.add_argument("file", type=Path, help="the file; - reads standard input")
    check.add_argument("--trust", type=Path, help="keys.json: did documents and X.509 roots that are trusted")
    check.add_argument("--status", type=Path, action="append", default=[], help="a status list; may be given twice")
    check.add_argument("--at", type=_instant, help="judge at this instant (ISO 8601) instead of now")
    check.add_argument("--lang", choices=("zh", "en", "both"), default="both", help="language of the words")
    check.add_argument("--json", action="store_true", help="answer for machines")
    check.add_argument("--bounded", action="store_true", help="for files of strangers: with limits on memory and time")
    commands.add_parser(
        "sheet", help="set a page given as JSON {page, style} on standard input; the PDF goes to standard output"
    )
    preview = commands.add_parser("preview", help="write a sample PDF")
    preview.add_argument("out", type=Path)
    preview.add_argument("--kind", choices=("certificate", "note", "completion"), default="certificate")
    preview.add_argument("--layout", choices=[each.name for each in designs.newest()], default="classic")
    preview.add_argument("--language", choices=[each.value for each in designs.LANGUAGES], default="bilingual")
    preview.add_argument("--name", help="print this name instead of the sample's")
    preview.add_argument("--photo", type=Path, help="JPEG or PNG")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "verify":
            return _verify(asked)
        letters = fonts.fonts(asked.folder)
        if asked.command == "sheet":
            from certificates.sheets import sheet_pdf

            given = json.load(sys.stdin.buffer)
            sys.stdout.buffer.write(sheet_pdf(given["page"], given["style"], {}, typefaces=letters))
            return 0
        if asked.command == "preview":
            asked.out.write_bytes(_preview(asked, letters))
            print(asked.out)
        else:
            print(letters.folder)
    except (ValueError, RuntimeError, OSError) as reason:
        print(f"{reason}", file=sys.stderr)
        return 2
    return 0


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _verify(asked: argparse.Namespace) -> int:
    if asked.bounded:
        from certificates.bounded import limit_this_process

        limit_this_process()
    from certificates import trust, verify

    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # what it finds stands in the answer, in words
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    believed = trust.Trust.from_json(asked.trust.read_bytes()) if asked.trust else trust.NOBODY
    lists = [path.read_bytes() for path in asked.status]
    given = sys.stdin.buffer.read() if str(asked.file) == "-" else asked.file.read_bytes()
    report = verify.verify(given, asked.at or datetime.now(UTC), believed, lists)
    data = verify.as_data(report)
    if asked.json:
        print(json.dumps(data, ensure_ascii=False, indent=1))
        return verify.EXIT[report.answer]
    print("\n".join(_told(data, asked.lang)))
    print("  ".join(_in(verify.SUMMARY[report.answer], asked.lang)))
    return verify.EXIT[report.answer]


def _in(words: tuple[str, str], lang: str) -> tuple[str, ...]:
    return words if lang == "both" else (words[lang == "en"],)


def _told(data: Mapping[str, Any], lang: str) -> Iterator[str]:
    """What holds (✓), what does not (✗), what cannot be told (?), and what the credential names."""
    signs = {"holds": "✓", "does-not-hold": "✗", "cannot-tell": "?"}
    for each in data["findings"]:
        detail = f"  [{each['detail']}]" if each["detail"] else ""
        yield f"{signs[each['answer']]} {'  '.join(_in((each['zh'], each['en']), lang))}{detail}"
    if data["certificate"]:
        yield "  ".join(str(value) for key, value in data["certificate"].items() if value and key != "id")


def _preview(asked: argparse.Namespace, letters: fonts.Fonts) -> bytes:
    named: dict[str, Any] = {"holder_name": names.printable(asked.name)} if asked.name else {}
    if asked.kind == "note":
        return rendering.recognition_note_pdf(replace(samples.note(), **named), typefaces=letters)
    if asked.kind == "completion":
        return rendering.completion_pdf(replace(samples.completion(), **named), typefaces=letters)
    photo = asked.photo.read_bytes() if asked.photo else None
    face = replace(samples.certificate(), photo=photo, **named)
    layout, language = designs.layout(asked.layout), designs.Language(asked.language)
    return rendering.certificate_pdf(face, layout, language=language, typefaces=letters)


if __name__ == "__main__":
    sys.exit(main())
