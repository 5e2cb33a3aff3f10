"""The names of rights and roles, and which role carries which right. Deny by default: what is not here is refused.

A role is held in a scope (the whole site, a region, an organisation, a class); ``app.accounts.scope`` turns a right into
"which rows". Rights are named feature:thing:deed.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is for the platform. Everybody who has signed in is a trainee or holder besides."""

    LECTURER = "lecturer"
    MENTOR = "mentor"
    REVIEWER = "reviewer"
    MARKER = "marker"
    INVIGILATOR = "invigilator"
    BASE = "base"
    EXAM_OFFICE = "exam_office"
    CERTIFICATION = "certification"
    AUTHORITY = "authority"
    EMPLOYER = "employer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Scope(StrEnum):
    SITE = "site"
    REGION = "region"
    ORGANISATION = "organisation"
    CLASS = "class"


class Can(StrEnum):
    """Every right there is."""

    MANAGE_PEOPLE = "accounts:person:manage"
    GRANT_ROLE = "accounts:role:grant"
    REVEAL_ID = "accounts:id_number:reveal"
    MANAGE_PLACES = "accounts:region:manage"
    READ_PEOPLE = "accounts:person:read"
    READ_AUDIT = "audit:log:read"
    READ_JOBS = "jobs:job:read"
    READ_RULES = "outline:rule:read"
    EDIT_RULES = "outline:rule:edit"
    READ_BANK = "bank:question:read"
    WRITE_QUESTION = "bank:question:write"
    REVIEW_QUESTION = "bank:question:review"
    TEACH = "training:class:teach"
    RUN_CLASS = "training:class:run"
    READ_CLASS = "training:class:read"
    EDIT_COURSE = "training:course:edit"
    RUN_EXAM = "exams:session:run"
    READ_EXAM = "exams:session:read"
    INVIGILATE = "exams:room:watch"
    MARK = "exams:script:mark"
    CONFIRM_TASK = "practice:entry:confirm"
    REVIEW_TASK = "practice:entry:review"
    ASSIGN_TASK = "practice:entry:assign"
    READ_TASK = "practice:entry:read"
    REVIEW_CLAIM = "performance:claim:review"
    READ_CLAIM = "performance:claim:read"
    REVERSE_CREDIT = "performance:credit:reverse"
    KEEP_CONTRACT = "performance:contract:keep"
    KEEP_INTEGRITY = "performance:integrity:keep"
    KEEP_MANDATE = "performance:mandate:keep"
    READ_MANDATE = "performance:mandate:read"
    READ_PATHWAY = "pathway:person:read"
    EXEMPT = "pathway:stage:exempt"
    READ_APPLICATION = "certification:application:read"
    REVIEW_APPLICATION = "certification:application:review"
    DECIDE_APPLICATION = "certification:application:decide"
    KEEP_CERTIFICATE = "certification:certificate:keep"
    READ_CERTIFICATE = "certification:certificate:read"
    VERIFY_MANY = "verification:sheet:check"
    REVIEW_EMPLOYER = "verification:employer:review"
    KEEP_AGREEMENT = "recognition:agreement:keep"
    REVIEW_RECOGNITION = "recognition:case:review"
    DECIDE_RECOGNITION = "recognition:case:decide"
    READ_RECOGNITION = "recognition:case:read"
    READ_REPORT = "reporting:report:read"
    MAKE_REPORT = "reporting:report:make"


READS = frozenset(
    {
        Can.READ_PEOPLE, Can.READ_AUDIT, Can.READ_JOBS, Can.READ_RULES, Can.READ_BANK, Can.READ_CLASS, Can.READ_EXAM,
        Can.READ_TASK, Can.READ_CLAIM, Can.READ_MANDATE, Can.READ_PATHWAY, Can.READ_APPLICATION, Can.READ_CERTIFICATE,
        Can.READ_RECOGNITION, Can.READ_REPORT,
    }
)  # fmt: skip
"""What an auditor holds: everything that was decided, nothing that decides."""

GRANTS: dict[Role, frozenset[Can]] = {
    Role.LECTURER: frozenset({Can.TEACH, Can.READ_CLASS, Can.READ_BANK, Can.WRITE_QUESTION, Can.READ_RULES}),
    Role.MENTOR: frozenset({Can.CONFIRM_TASK}),
    Role.REVIEWER: frozenset({Can.REVIEW_TASK, Can.REVIEW_CLAIM, Can.REVIEW_QUESTION, Can.READ_BANK}),
    Role.MARKER: frozenset({Can.MARK}),
    Role.INVIGILATOR: frozenset({Can.INVIGILATE}),
    Role.BASE: frozenset(
        {
            Can.RUN_CLASS, Can.READ_CLASS, Can.TEACH, Can.EDIT_COURSE, Can.ASSIGN_TASK, Can.READ_TASK, Can.READ_PATHWAY,
            Can.READ_PEOPLE, Can.READ_RULES, Can.READ_REPORT, Can.MAKE_REPORT, Can.KEEP_MANDATE, Can.READ_MANDATE,
        }
    ),
    Role.EXAM_OFFICE: frozenset(
        {
            Can.RUN_EXAM, Can.READ_EXAM, Can.INVIGILATE, Can.READ_BANK, Can.WRITE_QUESTION, Can.REVIEW_QUESTION,
            Can.READ_RULES, Can.READ_PEOPLE, Can.READ_REPORT, Can.MAKE_REPORT,
        }
    ),
    Role.CERTIFICATION: frozenset(
        {
            Can.READ_APPLICATION, Can.REVIEW_APPLICATION, Can.DECIDE_APPLICATION, Can.KEEP_CERTIFICATE,
            Can.READ_CERTIFICATE, Can.REVIEW_CLAIM, Can.READ_CLAIM, Can.REVERSE_CREDIT, Can.KEEP_INTEGRITY,
            Can.KEEP_CONTRACT, Can.KEEP_MANDATE, Can.READ_MANDATE,
            Can.ASSIGN_TASK, Can.READ_TASK, Can.READ_PATHWAY, Can.READ_PEOPLE, Can.REVEAL_ID, Can.READ_RULES,
            Can.EDIT_RULES, Can.READ_REPORT, Can.MAKE_REPORT, Can.READ_RECOGNITION, Can.EXEMPT, Can.REVIEW_EMPLOYER,
        }
    ),
    Role.AUTHORITY: frozenset(
        {
            Can.KEEP_AGREEMENT, Can.REVIEW_RECOGNITION, Can.DECIDE_RECOGNITION, Can.READ_RECOGNITION,
            Can.READ_CERTIFICATE, Can.READ_PATHWAY, Can.READ_PEOPLE, Can.READ_REPORT, Can.MAKE_REPORT, Can.READ_RULES,
            Can.READ_MANDATE, Can.KEEP_CONTRACT,
        }
    ),
    Role.EMPLOYER: frozenset({Can.VERIFY_MANY, Can.KEEP_MANDATE, Can.READ_MANDATE}),
    Role.AUDITOR: READS,
    Role.ADMIN: frozenset(
        {
            Can.MANAGE_PEOPLE, Can.GRANT_ROLE, Can.MANAGE_PLACES, Can.READ_PEOPLE, Can.READ_JOBS, Can.READ_RULES,
            Can.EDIT_RULES, Can.READ_AUDIT, Can.READ_REPORT, Can.MAKE_REPORT,
        }
    ),
}  # fmt: skip


def roles_that(can: Can) -> frozenset[Role]:
    """Every role that carries a right."""
    return frozenset(role for role, rights in GRANTS.items() if can in rights)
