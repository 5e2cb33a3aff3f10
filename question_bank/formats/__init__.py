"""Files of questions, in and out. One module per format, one small interface.

A format module has ``read(data: bytes) -> Reading`` and ``write(items) -> Writing``. To add a format, write the module and
name it in :data:`MODULES`. Modules are imported when first asked for, so that a format's library costs nothing
to those who never use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType

from question_bank.formats import pictures
from question_bank.formats.results import Reading, Refusal, UnknownFormat, Writing
from question_bank.items import Item

__all__ = [
    "MODULES", "MOST_BYTES", "WITH_PICTURES", "Reading", "Refusal", "UnknownFormat", "Writing", "formats", "read", "write",
]  # fmt: skip

MOST_BYTES = 20 * 1024 * 1024

#: Name of the format → module in this package.
MODULES: dict[str, str] = {
    "qti": "qti",
    "qti-3": "qti_3",
    "yaml": "yaml_file",
    "excel": "excel",
    "gift": "gift",
    "moodle-xml": "moodle_xml",
    "aiken": "aiken",
}

#: Formats whose files hold pictures; their ``write`` takes them as its second argument.
WITH_PICTURES = frozenset({"qti", "qti-3", "yaml", "moodle-xml"})


def formats() -> list[str]:
    """The names that :func:`read` and :func:`write` know."""
    return sorted(MODULES)


def _module(name: str) -> ModuleType:
    if name not in MODULES:
        raise UnknownFormat(name, formats())
    return import_module(f"question_bank.formats.{MODULES[name]}")


def read(data: bytes, format: str) -> Reading:
    """All questions of a file that can stand, and for each that cannot, where it is and why. Never raises for bad
    content; raises :class:`UnknownFormat` for a format nobody knows."""
    module = _module(format)
    if len(data) > MOST_BYTES:
        return Reading([], [Refusal("", "too_large", values={"limit": MOST_BYTES // 1024 // 1024})])
    return _whole(module.read(data))


def _whole(reading: Reading) -> Reading:
    """No question shows a picture that did not come along."""
    for place, item in enumerate(reading.items):
        reading.items[place], missing = pictures.without_strays(item, reading.pictures)
        reading.notes += [Refusal(f" · {item.id}", "picture_missing", values={"name": name}) for name in missing]
    return reading


def write(items: Iterable[Item], format: str, shown: Mapping[str, bytes] | None = None) -> Writing:
    """The questions as a file, and what of them the format could not carry. ``shown``: their pictures by address
    (``picture:…``). Raises :class:`UnknownFormat`."""
    items, shown = list(items), shown or {}
    module = _module(format)
    if format not in WITH_PICTURES:
        made = module.write(items)
        return Writing(made.data, [*made.losses, *pictures.lost(items, shown, carried=False)])
    made = module.write(items, shown)
    return Writing(made.data, [*made.losses, *pictures.lost(items, shown, carried=True)])
