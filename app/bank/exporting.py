"""Questions as a file, with their pictures where the format has a place for them."""

from __future__ import annotations

from collections.abc import Sequence

from app.bank import pictures
from question_bank.formats import WITH_PICTURES, Writing, write
from question_bank.items import Item


def written(items: Sequence[Item], format: str) -> Writing:
    """The file. Where the format holds no pictures, texts keep the address that these have here, and the loss is named."""
    if format in WITH_PICTURES:
        items, shown = pictures.for_files(items)
        made = write(items, format, shown)
    else:
        made = write(items, format)
    return Writing(made.data, [*made.losses, *(f"{item.id}: pictures" for item in items if pictures.pictures_in(item))])
