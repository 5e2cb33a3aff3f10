"""What a row of a list of earlier certificates must hold: columns, what they may be called, and what is wrong with a cell.

Nothing here reads the database: what the register says of a number or a person is asked in ``earlier``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as column
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

from app.core import sheets
from app.imports import columns
from app.imports.columns import Part, Wrong, plain
from certificates import numbers
from certificates.numbers import NumberPattern, Typed, explain

PARTS: tuple[Part, ...] = (
    Part("number", _l("Certificate number"), _l("As printed, kept as it is. No number stands there twice."),
         ("证书编号", "证书号", "编号", "证书号码", "certificate number", "number"), True),
    Part("name", _l("Full name"), _l("As printed on the certificate."), ("姓名", "持证人", "持证人姓名", "name", "full name"), True),
    Part("level", _l("Level"), _l("The level's name, for example 初级, 中级, 高级, or its rank."), ("等级", "级别", "证书等级", "level"), True),
    Part("issued", _l("Date of issue"), _l("For example 2019-09-01."), ("颁发日期", "发证日期", "发证时间", "颁发时间", "issued on", "date of issue"), True),
    Part("until", _l("Valid until"), _l("The last valid day; 长期 for no end. Empty: no end."),
         ("有效期至", "有效期", "有效截止日期", "到期日期", "valid until")),
    Part("issuer", _l("Issued by"), _l("Empty: the region's authority."), ("颁发机构", "发证机构", "发证单位", "颁发单位", "issuer", "issued by")),
    Part("title", _l("Title of the certificate"), _l("Empty: as on today's certificates of the level."), ("证书名称", "名称", "title")),
    Part("field", _l("Technical field"), _l("Optional."), ("领域", "技术领域", "专业", "类别", "field")),
    Part("id", _l("ID number"), _l("Finds the holder's account, now or later. Kept as a hash only."),
         ("证件号码", "身份证号", "身份证号码", "证件号", "公民身份号码", "id number")),
    Part("phone", _l("Phone"), _l("Shown to the officer who decides on a claim, as fitting or not. Kept as a hash only."), ("手机号", "手机", "手机号码", "联系电话", "电话", "phone")),
    Part("email", _l("E-mail"), _l("As the ID number, for an address the account has confirmed."), ("邮箱", "电子邮箱", "电子邮件", "email", "e-mail")),
)  # fmt: skip
BY_KEY = {part.key: part for part in PARTS}
WITHOUT_END = {"长期", "长期有效", "永久", "无限期", "without end"}

PROBLEMS: dict[str, Any] = {
    "missing": _l("is missing"),
    "lost": _l(
        "the spreadsheet has shortened the number and its last digits are lost: make the column text and enter it again"
    ),
    "shape": _l("a number has 4 to 40 characters, a digit among them"),
    "own_check": _l("looks like a number of this platform, but its check character does not fit"),
    "own_region": _l("is a number of this platform for another region, year or level"),
    "name": _l("holds characters that a name cannot have"),
    "level": _l("there is no such level"),
    "day": _l("is no date"),
    "future": _l("lies in the future"),
    "before": _l("lies before the date of issue"),
    "long": _l("is too long"),
    "id_length": _l("has not 18 characters"),
    "id_characters": _l("holds characters that do not belong there"),
    "id_date": _l("its digits 7 to 14 are no date"),
    "id_future": _l("its birthday lies in the future"),
    "id_check": _l("its last character does not fit the others"),
    "phone": _l("is no phone number"),
    "email": _l("is no e-mail address"),
    "twice": _l("stands in this list already, line %(said)s"),
    "taken": _l("is in the register with other data (%(said)s)"),
    "other_person": _l("belongs to an account of another name"),
}


@dataclass
class Earlier:
    """A row that was read: what is printed, and by what its holder is found."""

    number: str = ""
    name: str = ""
    rank: int = 0
    issued: date | None = None
    until: date | None = None
    issuer: str = ""
    title: str = ""
    field: str = ""
    id: str = ""
    phone: str = ""
    email: str = ""
    own: numbers.CertificateNumber | None = None
    problems: list[list[str]] = column(default_factory=list)

    def wrong(self, part: str, code: str, said: Any = "") -> None:
        self.problems.append([part, code, str(said)[:80]])


@dataclass(frozen=True)
class Frame:
    """What the rows of a list are read against: words → rank of the region's levels, the site's patterns, the day."""

    levels: Mapping[str, int]
    patterns: Sequence[NumberPattern]
    region_code: str
    today: date


def guess(headings: Sequence[str]) -> dict[str, int]:
    """Which column holds what, by its heading; the first that fits."""
    return columns.guess(PARTS, headings)


def read(cells: Sequence[str], mapping: Mapping[str, int], frame: Frame) -> Earlier:
    """One row, with every problem it has: (part, code, what stood there)."""
    made = Earlier()
    values = {key: unicodedata.normalize("NFC", cells[i]).strip() for key, i in mapping.items() if i < len(cells)}
    for part in PARTS:
        value = values.get(part.key, "")
        if value:
            READERS[part.key](made, value, frame)
        elif part.required:
            made.wrong(part.key, "missing")
    if made.issued and made.until and made.until < made.issued:
        made.wrong("until", "before", values["until"])
    if (
        made.own
        and made.rank
        and (made.own.rank, made.own.region) != (made.rank, frame.region_code[: len(made.own.region)])
    ):
        made.wrong("number", "own_region", made.number)
    return made


def _number(made: Earlier, value: str, frame: Frame) -> None:
    text = numbers.tidy(value).upper()
    if sheets.lost_digits(value):
        return made.wrong("number", "lost", value)
    said = explain(text, frame.patterns)
    if said.kind is Typed.FORMAT_ERROR:
        return made.wrong("number", "own_check", value)
    if said.kind is Typed.OURS:
        text, made.own = said.text, said.number
    if not 4 <= len(text) <= 40 or not any(c.isdigit() for c in text):
        return made.wrong("number", "shape", value)
    made.number = text
    return None


def _level(made: Earlier, value: str, frame: Frame) -> None:
    made.rank = frame.levels.get(plain(value), 0)
    if not made.rank:
        made.wrong("level", "level", value)


def _issued(made: Earlier, value: str, frame: Frame) -> None:
    try:
        made.issued = sheets.day_of(value)
    except sheets.NotADay:
        return made.wrong("issued", "day", value)
    if made.issued > frame.today:
        made.wrong("issued", "future", value)
    return None


def _until(made: Earlier, value: str, frame: Frame) -> None:
    if value in WITHOUT_END:
        return
    try:
        made.until = sheets.day_of(value)
    except sheets.NotADay:
        made.wrong("until", "day", value)


def _words(key: str, most: int) -> Callable[[Earlier, str, Frame], None]:
    def keep(made: Earlier, value: str, frame: Frame) -> None:
        if len(value) > most:
            return made.wrong(key, "long", value)
        setattr(made, key, value)
        return None

    return keep


def _by(key: str, reader: Callable[[str], str]) -> Callable[[Earlier, str, Frame], None]:
    """A part read as in every other sheet."""

    def keep(made: Earlier, value: str, frame: Frame) -> None:
        try:
            setattr(made, key, reader(value))
        except Wrong as wrong:
            made.wrong(key, wrong.code, wrong.said)

    return keep


def _id(made: Earlier, value: str, frame: Frame) -> None:
    _by("id", lambda text: columns.identity(text, frame.today))(made, value, frame)


READERS: dict[str, Callable[[Earlier, str, Frame], None]] = {
    "number": _number, "name": _by("name", columns.person_name), "level": _level, "issued": _issued, "until": _until, "issuer": _words("issuer", 120),
    "title": _words("title", 120), "field": _words("field", 80), "id": _id, "phone": _by("phone", columns.phone), "email": _by("email", columns.email),
}  # fmt: skip
