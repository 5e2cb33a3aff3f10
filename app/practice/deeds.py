from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SUBMIT = "practice.entry.submit"
    WITHDRAW = "practice.entry.withdraw"
    DELETE_DRAFT = "practice.entry.delete_draft"
    CONFIRM = "practice.entry.confirm"
    RETURN = "practice.entry.return"
    ASSIGN_MENTOR = "practice.mentor.assign"
    ASSIGN_REVIEWER = "practice.reviewer.assign"
    RELEASE_REVIEWER = "practice.reviewer.release"
    DECLINE = "practice.review.decline"
    GIVE_REVIEW = "practice.review.give"
    DECIDE = "practice.entry.decide"
    OPEN_CORE = "practice.core.open"
    RECORD_DEFENCE = "practice.defence.record"
    PLAN_HEARING = "practice.hearing.plan"
    CANCEL_HEARING = "practice.hearing.cancel"
    MISS_HEARING = "practice.hearing.miss"
    JUDGE_HEARING = "practice.hearing.judge"
    CLOSE_HEARING = "practice.hearing.close"
    BIND_PORTFOLIO = "practice.portfolio.bind"
    TAKE_PORTFOLIO = "practice.portfolio.take"
    DISCARD_PORTFOLIO = "practice.portfolio.discard"
    FORM_TEAM = "practice.team.form"
    ASK_MEMBER = "practice.team.ask"
    CHANGE_TEAM = "practice.team.change"
    CONFIRM_SHARE = "practice.team.confirm"
    DECLINE_SHARE = "practice.team.decline"
    GIVE_UP_TEAM = "practice.team.give_up"


name_deeds(
    {
        Did.SUBMIT: _l("Submitted a practical task"),
        Did.WITHDRAW: _l("Withdrew a practical task"),
        Did.DELETE_DRAFT: _l("Deleted the draft of a practical task"),
        Did.CONFIRM: _l("Confirmed a practical task as mentor"),
        Did.RETURN: _l("Returned a practical task"),
        Did.ASSIGN_MENTOR: _l("Assigned a mentor"),
        Did.ASSIGN_REVIEWER: _l("Assigned a reviewer"),
        Did.RELEASE_REVIEWER: _l("Released a reviewer"),
        Did.DECLINE: _l("Declined a review"),
        Did.GIVE_REVIEW: _l("Handed in a review"),
        Did.DECIDE: _l("A practical task was decided"),
        Did.OPEN_CORE: _l("Opened core material"),
        Did.RECORD_DEFENCE: _l("Recorded an oral defence"),
        Did.PLAN_HEARING: _l("Planned an oral defence"),
        Did.CANCEL_HEARING: _l("Called off an oral defence"),
        Did.MISS_HEARING: _l("Recorded that an oral defence was missed"),
        Did.JUDGE_HEARING: _l("Judged an oral defence"),
        Did.CLOSE_HEARING: _l("Closed an oral defence"),
        Did.BIND_PORTFOLIO: _l("Had a practice portfolio bound"),
        Did.TAKE_PORTFOLIO: _l("Downloaded a practice portfolio"),
        Did.DISCARD_PORTFOLIO: _l("Deleted a practice portfolio"),
        Did.FORM_TEAM: _l("Formed a team for a practical task"),
        Did.ASK_MEMBER: _l("Asked somebody to join a team"),
        Did.CHANGE_TEAM: _l("Changed the shares of a team"),
        Did.CONFIRM_SHARE: _l("Confirmed a share of a team task"),
        Did.DECLINE_SHARE: _l("Declined a share of a team task"),
        Did.GIVE_UP_TEAM: _l("Gave up a team"),
    }
)
