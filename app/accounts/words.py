"""Words for the codes of this feature; forms, views, letters and other features' pages use them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.accounts.models import (
    ConsentKind,
    Education,
    IdKind,
    Organisation,
    OrganisationKind,
    PersonState,
    PracticeKind,
    Region,
    RoleHeld,
    TitleLevel,
)
from app.core.permissions import Role, Scope
from app.core.text import chinese

ROLES: dict[Role, Any] = {
    Role.LECTURER: _l("Lecturer"),
    Role.MENTOR: _l("Mentor"),
    Role.REVIEWER: _l("Reviewer"),
    Role.MARKER: _l("Marker"),
    Role.INVIGILATOR: _l("Invigilator"),
    Role.BASE: _l("Training base"),
    Role.EXAM_OFFICE: _l("Exam office"),
    Role.CERTIFICATION: _l("Certification office"),
    Role.AUTHORITY: _l("Regional authority"),
    Role.EMPLOYER: _l("Verifying employer"),
    Role.AUDITOR: _l("Auditor"),
    Role.ADMIN: _l("Administrator"),
}
SCOPES: dict[Scope, Any] = {
    Scope.SITE: _l("Whole site"),
    Scope.REGION: _l("Region"),
    Scope.ORGANISATION: _l("Organisation"),
    Scope.CLASS: _l("Class"),
}
ORGANISATION_KINDS: dict[OrganisationKind, Any] = {
    OrganisationKind.BASE: _l("Training base"),
    OrganisationKind.UNIVERSITY: _l("University"),
    OrganisationKind.INSTITUTE: _l("Research institute"),
    OrganisationKind.ENTERPRISE: _l("Company"),
    OrganisationKind.BROKER: _l("Technology transfer agency"),
    OrganisationKind.GOVERNMENT: _l("Government office"),
    OrganisationKind.OTHER: _l("Other"),
}
ID_KINDS: dict[IdKind, Any] = {
    IdKind.RESIDENT: _l("Resident identity card"),
    IdKind.PASSPORT: _l("Passport"),
    IdKind.HK_MACAO_TAIWAN: _l("Travel or residence permit (Hong Kong, Macao, Taiwan)"),
}
PRACTICE_KINDS: dict[PracticeKind, Any] = {
    PracticeKind.SUPPLY: _l("In a university or institute"),
    PracticeKind.MARKET: _l("In a third-party agency"),
    PracticeKind.OTHER: _l("Other"),
}
EDUCATIONS: dict[Education, Any] = {
    Education.SECONDARY: _l("Secondary school"),
    Education.COLLEGE: _l("Junior college"),
    Education.BACHELOR: _l("Bachelor"),
    Education.MASTER: _l("Master"),
    Education.DOCTOR: _l("Doctor"),
}
TITLE_LEVELS: dict[TitleLevel, Any] = {
    TitleLevel.NONE: _l("None"),
    TitleLevel.ASSISTANT: _l("Junior title"),
    TitleLevel.MIDDLE: _l("Intermediate title"),
    TitleLevel.SENIOR: _l("Senior title"),
}
CONSENTS: dict[ConsentKind, Any] = {
    ConsentKind.TERMS: _l("Terms of use"),
    ConsentKind.PUBLIC_REGISTER: _l("Listing in the public register"),
    ConsentKind.PHOTO: _l("Photo on the certificate"),
    ConsentKind.EXCHANGE: _l("Exchange with other regions"),
    ConsentKind.CREDENTIAL: _l("Machine-readable certificate at the certificate's address"),
}
STATES: dict[PersonState, Any] = {PersonState.ACTIVE: _l("Active"), PersonState.ERASED: _l("Erased")}


def place_name(place: Region | Organisation | None) -> str:
    """The name of a region or organisation in the reader's language."""
    if place is None:
        return ""
    return place.name_zh if chinese() or not place.name_en else place.name_en


def scope_name(held: RoleHeld, places: dict[tuple[Scope, int], str]) -> str:
    """“Region: Binhai”, from names fetched once by ``service.scope_names``."""
    words = str(SCOPES[held.scope])
    return words if held.scope is Scope.SITE else f"{words}: {places.get((held.scope, held.scope_id), held.scope_id)}"


_BROWSERS = (
    ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def agent_words(agent: str) -> str:
    """“Chrome · Windows” for what a browser says of itself; the beginning of it where we know neither."""
    found = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return " · ".join(part for part in found if part) or agent[:60] or "—"
