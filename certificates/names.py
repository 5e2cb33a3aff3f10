"""One normalisation of names, for printing and for verification alike.

The same name reaches us from identity cards, spreadsheets, phones and old systems in many spellings: full width,
padded two-character names (王　芳), five kinds of middle dot in 阿卜杜热西提·买买提, radicals copied out of PDF files, and
private-use code points from the years before Unicode had the character (䶮 as U+E863). ``printable`` gives the form that
goes on paper and refuses what cannot be printed truthfully; ``comparable`` gives the form two spellings are compared in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MIDDLE_DOT = "\u00b7"
# bullet, hyphenation point, katakana dots, bullet operator, dot operator, word separator dots, Greek ano teleia,
# Runic, Canadian and Hangul dots: all seen between the parts of minority names. Full stops are treated apart.
_DOTS = "\u2022\u2027\u30fb\uff65\u2219\u22c5\u2e31\ua78f\u0387\u16eb\u1427\u318d\u2e33\u25cf"
# The full stops count as a dot only where a Latin initial is not meant (J. Smith keeps its stop).
_STOPS = "\uff0e\ufe52\u2024."
_APOSTROPHES = "\u2019\u2018\u02bc\u02bb\u0060\u00b4\u2032\uff07"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
# Radicals for which Unicode gives no compatibility mapping although text copied out of PDF files holds them.
_RADICALS = dict(
    zip(
        "\u2ec5\u2ec9\u2ecb\u2ed3\u2ed4\u2eda\u2edb\u2edc\u2ee2\u2ee3\u2ee4\u2ee5\u2ee6\u2ee7\u2ee8\u2ee9\u2eec\u2eee\u2ef0\u2ea0\u2ed8",
        "见贝车长门页风飞马骨鬼鱼鸟卤麦黄齐齿龙民青",
        strict=True,
    )
)
# Those that GB 18030 moved out of the private-use area only after the edition that Python's codec follows.
_GB18030_LATE = {
    "\ue816": "\U00020087",
    "\ue817": "\U00020089",
    "\ue818": "\U000200cc",
    "\ue831": "\U000215d7",
    "\ue83b": "\U0002298f",
    "\ue855": "\U000241fe",
    "\ue81e": "\u9fb4",
    "\ue826": "\u9fb5",
    "\ue82b": "\u9fb6",
    "\ue82c": "\u9fb7",
    "\ue832": "\u9fb8",
    "\ue843": "\u9fb9",
    "\ue854": "\u9fba",
    "\ue864": "\u9fbb",
}


def _gb18030_private_use() -> dict[str, str]:
    """Private-use code point of GBK (bytes FE50–FEA0, U+E815–U+E864) to the character Unicode has for it today."""
    trails = [trail for trail in range(0x50, 0xA1) if trail != 0x7F]
    table = {}
    for place, trail in enumerate(trails):
        character = bytes((0xFE, trail)).decode("gb18030", errors="ignore")
        if len(character) == 1 and not is_private_use(character):
            table[chr(0xE815 + place)] = character
    return table | _GB18030_LATE


def is_private_use(character: str) -> bool:
    """True for U+E000–F8FF and the two private planes: what such a code point shows depends on the font alone."""
    return unicodedata.category(character) == "Co"


PRIVATE_USE: dict[str, str] = _gb18030_private_use()
"""Private-use code points that old Chinese systems are known to store, with the character meant."""


@dataclass(frozen=True)
class Meant:
    """One character that cannot be printed: ``code`` such as ``U+E863``, ``suggestion`` the character meant or None."""

    character: str
    code: str
    suggestion: str | None


class NameRefused(ValueError):
    """A name that cannot be printed. ``code`` is ``empty``, ``private-use`` or ``control``; ``meant`` lists the characters."""

    def __init__(self, code: str, meant: tuple[Meant, ...] = ()) -> None:
        said = ", ".join(f"{m.code}" + (f" (probably {m.suggestion})" if m.suggestion else "") for m in meant)
        super().__init__(f"name cannot be printed: {code} {said}".rstrip())
        self.code, self.meant = code, meant


def _is_wide(character: str) -> bool:
    """Written in squares without spaces: Han (all planes), private use standing for Han, kana, Hangul."""
    return bool(character) and (
        unicodedata.east_asian_width(character) in ("W", "F") or is_private_use(character) or character == "〇"
    )


def _drop_spaces(text: str) -> str:
    """No space beside a wide character or a middle dot; one space between Latin words."""
    words = text.split()
    joined = words[0] if words else ""
    for word in words[1:]:
        tight = any(_is_wide(c) or c == MIDDLE_DOT for c in (joined[-1], word[0]))
        joined += word if tight else f" {word}"
    return joined


def _normalised(name: str) -> str:
    text = "".join(MIDDLE_DOT if c in _DOTS else c for c in name)
    text = _stops_between_names(text)
    text = "".join("'" if c in _APOSTROPHES else "-" if c in _HYPHENS else _RADICALS.get(c, c) for c in text)
    text = unicodedata.normalize("NFKC", text)
    # Format characters (zero-width joiners, byte-order marks) and variation selectors leave no mark on paper.
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" and not _is_variation_selector(c))
    text = re.sub(rf"\s*{MIDDLE_DOT}+\s*", MIDDLE_DOT, text).strip(MIDDLE_DOT + " \t\r\n\u3000")
    return _drop_spaces(text)


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _stops_between_names(text: str) -> str:
    """A full stop beside a wide character is a middle dot typed with the wrong key."""
    out = []
    bare = list(text)
    for i, c in enumerate(bare):
        before = next((b for b in reversed(bare[:i]) if not b.isspace()), "")
        after = next((a for a in bare[i + 1 :] if not a.isspace()), "")
        out.append(MIDDLE_DOT if c in _STOPS and _is_han(before) and _is_han(after) else c)
    return "".join(out)


def _is_han(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) == "W"


def printable(name: str) -> str:
    """The name as it goes on paper: one kind of middle dot, no padding, half-width Latin, case as given.

    Raises ``NameRefused`` with the characters named when the name is empty, holds a private-use character (what it
    shows would depend on the font; the suggestion says which character was probably meant, a person decides) or a
    control or unassigned character. Whether the fonts have every glyph is asked of ``certificates.fonts``.
    """
    text = _normalised(name)
    if not text:
        raise NameRefused("empty")
    for code, kinds in (("private-use", ("Co",)), ("control", ("Cc", "Cs", "Cn"))):
        found = tuple(dict.fromkeys(c for c in text if unicodedata.category(c) in kinds))
        if found:
            raise NameRefused(code, tuple(Meant(c, f"U+{ord(c):04X}", PRIVATE_USE.get(c)) for c in found))
    return text


def comparable(name: str) -> str:
    """The form in which two spellings of one name are equal. Never printed, never refuses.

    Beyond ``printable``: case is folded, spaces, dots, hyphens and apostrophes do not count, and the known private-use
    code points stand for the character meant, so that 䶮 matches the U+E863 of an old register.
    """
    text = "".join(PRIVATE_USE.get(c, c) for c in name)
    text = _normalised(text).casefold()
    return unicodedata.normalize("NFC", re.sub(rf"[\s{MIDDLE_DOT}'\-.]", "", text))


def same_name(one: str, other: str) -> bool:
    """Whether two spellings name the same person's name; two empty names are not the same name."""
    first = comparable(one)
    return bool(first) and first == comparable(other)
