"""Collect words into the Chinese catalogues, one per feature: ``make translations`` (all) or ``… update.py training``.

Words in the code are English; ``<feature>.po`` holds the Chinese. Templates and modules of ``app/core`` and the shared
templates belong to ``core``. ``--check`` changes nothing and fails when a word has no Chinese.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

APP = Path(__file__).resolve().parent.parent
HERE = APP / "translations" / "zh_Hans" / "LC_MESSAGES"
KEYWORDS = {
    "_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2), "lazy_pgettext": ((1, "c"), 2),
}  # fmt: skip
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]


def feature_of(path: Path) -> str:
    first = path.relative_to(APP).parts[0]
    return "core" if first in ("templates", "translations", "core") or first.endswith(".py") else first


def _entered(folder: object) -> bool:
    """Every folder but caches; Babel by itself would leave out ``_macros``."""
    return not Path(str(folder)).name.startswith((".", "__"))


def extracted() -> dict[str, Catalog]:
    """Feature → its words with the places they stand."""
    made: dict[str, Catalog] = {}
    words = extract_from_dir(
        str(APP), METHODS, keywords=KEYWORDS, comment_tags=("Translators:",), directory_filter=_entered
    )
    for name, line, message, comments, context in words:
        path = APP / name
        catalogue = made.setdefault(feature_of(path), Catalog(locale="zh_Hans", fuzzy=False))
        catalogue.add(
            message, locations=[(str(path.relative_to(APP.parent)), line)], auto_comments=comments, context=context
        )
    return made


def unseen(made: dict[str, Catalog]) -> list[str]:
    """Words inside an f-string: Babel does not look there (before Python 3.12), so nobody would translate them. Where the
    same word stands elsewhere in its feature it is known and does no harm."""
    found = []
    for path in APP.rglob("*.py"):
        known, read = made.get(feature_of(path), Catalog()), ast.parse(path.read_text("utf-8"))
        for text in (node for node in ast.walk(read) if isinstance(node, ast.JoinedStr)):
            for call in (node for node in ast.walk(text) if isinstance(node, ast.Call)):
                if (
                    isinstance(call.func, ast.Name)
                    and call.func.id in KEYWORDS
                    and isinstance(call.args[0], ast.Constant)
                ):
                    word = call.args[0].value
                    if str(word) not in known:
                        found.append(
                            f"{path.relative_to(APP.parent)}:{call.lineno}: {word!r} inside an f-string is not collected"
                        )
    return found


def missing(catalogue: Catalog) -> list[str]:
    def empty(string: object) -> bool:
        return not (all(string) if isinstance(string, list | tuple) else string)

    return [str(m.id) for m in catalogue if m.id and (empty(m.string) or m.fuzzy)]


def conflicts() -> list[tuple[set[str], str]]:
    """Words to which features give different Chinese. Each is said in its own feature (``app.core.speech``), so this is
    allowed; look whether it is meant."""
    said: dict[tuple[str | None, str], dict[str, set[str]]] = {}
    for file in sorted(HERE.glob("*.po")):
        for message in read_po(file.open("rb"), locale="zh_Hans"):
            if message.id and message.string:
                ways = said.setdefault((message.context, str(message.id)), {})
                ways.setdefault(str(message.string), set()).add(file.stem)
    return [
        (
            set().union(*ways.values()),
            f"{word!r}: " + ", ".join(f"{w} ({'/'.join(sorted(by))})" for w, by in ways.items()),
        )
        for (_, word), ways in said.items()
        if len(ways) > 1
    ]


def main(asked: list[str]) -> int:
    check = "--check" in asked
    names = [a for a in asked if not a.startswith("-")]
    made = extracted()
    lost = unseen(made)
    print(*lost, sep="\n", end="\n" if lost else "")
    lacking = len(lost)
    for feature, words in sorted(made.items()):
        if names and feature not in names:
            continue
        file = HERE / f"{feature}.po"
        known = read_po(file.open("rb"), locale="zh_Hans") if file.exists() else Catalog(locale="zh_Hans")
        known.update(words, no_fuzzy_matching=True)
        known.obsolete.clear()
        untranslated = missing(known)
        lacking += len(untranslated)
        for word in untranslated:
            print(f"{feature}: no Chinese for {word!r}")
        if not check:
            HERE.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                write_po(out, known, width=120, omit_header=True, sort_by_file=True, include_lineno=False)
    split = [words for features, words in conflicts() if not names or features & set(names)]
    for said in [] if check else split:
        print(f"different Chinese for {said}")
    return 1 if check and lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
