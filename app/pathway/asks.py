"""What the pathway must ask upward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.core.asks import Slot

if TYPE_CHECKING:
    from app.accounts.models import Person
    from app.pathway.rules import HeldCertificate

certificates_held: Slot[[Person], tuple[HeldCertificate, ...]] = Slot("pathway.certificates_held")
"""Certificates of this site's authorities that the person holds, for the entry condition of the next level."""

application_of: Slot[[Person, int], int | None] = Slot("pathway.application_of")
"""Id of the person's open application for a level, else None."""
