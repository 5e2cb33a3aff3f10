"""A ZIP written while it is sent: never whole in memory, never on disk."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

CHUNK = 256 * 1024
Source = bytes | Callable[[], IO[bytes]]
"""What a member holds: bytes, or how to open them when their turn comes."""


class _Pipe:
    """Takes what ``zipfile`` writes and hands it on; cannot be sought, so sizes follow each member."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> Iterator[bytes]:
        parts, self.waiting = self.waiting, []
        yield from parts


def streamed_zip(
    members: Iterable[tuple[str, Source]], stamp: tuple[int, int, int, int, int, int] = (2026, 1, 1, 0, 0, 0)
) -> Iterator[bytes]:
    """The bytes of a ZIP with these members (path, content), as they come. Stored as they are: papers and pictures are
    compressed already. ``stamp``: the time of day each member bears."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], pipe), "w", zipfile.ZIP_STORED) as whole:
        for path, source in members:
            with whole.open(zipfile.ZipInfo(path, stamp), "w", force_zip64=True) as member:
                if isinstance(source, bytes):
                    member.write(source)
                else:
                    with source() as opened:
                        while piece := opened.read(CHUNK):
                            member.write(piece)
                            yield from pipe.taken()
            yield from pipe.taken()
    yield from pipe.taken()
