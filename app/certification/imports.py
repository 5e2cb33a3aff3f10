"""The kind of sheet that certification takes: certificates issued before the platform."""

from __future__ import annotations

from app.certification.import_earlier import EarlierSheet
from app.imports.kinds import kind

kind(EarlierSheet)
