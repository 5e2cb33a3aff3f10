"""The JSON schema that 1EdTech publishes for Open Badges 3.0, asked by an independent validator (``jsonschema``).

The schema is in no package that gets installed; the source package of ``openbadgeslib`` carries it as captured from
purl.imsglobal.org. ``.ci/install test`` takes it out of there, pinned by the hash in ``requirements.lock``. Endorsements are
held against its definition of the endorsements a badge may carry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft201909Validator as Validator

FILE = Path(__file__).parent.parent.parent / ".venv/share/open-badges/ob_v3p0_achievementcredential_schema.json"


@cache
def schema() -> dict[str, Any]:
    """The official schema. Without it a test is left out, with ``CI=true`` it fails."""
    if not FILE.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Open Badges schema (.ci/install test)")
    read: dict[str, Any] = json.loads(FILE.read_bytes())
    return read


def objections(document: Mapping[str, Any]) -> list[str]:
    """What the official schema has against a credential or an endorsement, by place; empty for a good one."""
    asked = schema()
    if "EndorsementCredential" in document.get("type", []):
        asked = {"$schema": asked["$schema"], "$defs": asked["$defs"], "$ref": "#/$defs/EndorsementCredential"}
    found = Validator(asked, format_checker=Validator.FORMAT_CHECKER).iter_errors(document)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]
