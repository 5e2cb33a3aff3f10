"""The features, bottom floor first. ``create_app`` loads them in this order; ``tests/test_floors.py`` reads FLOORS."""

from __future__ import annotations

FLOORS: dict[str, int] = {
    "question_bank": 0,
    "certificates": 0,
    "core": 1,
    "db": 1,
    "audit": 1,
    "notices": 1,
    "jobs": 1,
    "files": 1,
    "accounts": 2,
    "outline": 3,
    "imports": 3,
    "bank": 4,
    "training": 5,
    "exams": 5,
    "practice": 5,
    "performance": 5,
    "pathway": 6,
    "certification": 7,
    "recognition": 8,
    "verification": 9,
    "admin": 10,
    "reporting": 10,
    "demo": 11,
    "translations": 12,
    "run": 14,
    "features": 12,
    "__init__": 13,
}
"""Name of each room and the floor it stands on: import from below, never sideways or up (floor 1 may use itself)."""

FEATURES: list[str] = [
    name for name, floor in sorted(FLOORS.items(), key=lambda pair: pair[1]) if 1 <= floor <= 11 and name != "db"
]
