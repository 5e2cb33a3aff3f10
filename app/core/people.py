"""What floor 1 may know of a person: how to fetch one by id, set by the accounts feature at import."""

from __future__ import annotations

from app.core.asks import Slot

person_by_id: Slot = Slot("core.person_by_id")
