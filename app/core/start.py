"""What is loaded into a fresh database: features register their loaders at import."""

from __future__ import annotations

from collections.abc import Callable

LOADERS: list[Callable[[], None]] = []


def shipped(loader: Callable[[], None]) -> Callable[[], None]:
    """Register a loader of shipped data. It opens its own unit of work and is safe to repeat."""
    LOADERS.append(loader)
    return loader


def load_shipped() -> None:
    """Run every loader, in the order of the floors."""
    for loader in LOADERS:
        loader()
