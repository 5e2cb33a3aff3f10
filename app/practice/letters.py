"""Letters of the practice stage. They name the title of a task, never its content."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.notices.service import letter

SUBMITTED = letter(
    "practice.submitted",
    _l("%(trainee)s asks you to confirm the task “%(task)s”"),
    _l("The task was submitted with its evidence. Please confirm it, or return it with a remark."),
    called=_l("A task to confirm (mentors)"),
)
MENTOR_ASSIGNED = letter(
    "practice.mentor_assigned",
    _l("%(mentor)s is now the mentor of your task “%(task)s”"),
    _l("The office has assigned a mentor. The task goes on from where it was."),
    called=_l("A task of yours has a new mentor"),
)
CONFIRMED = letter(
    "practice.confirmed",
    _l("Your mentor has confirmed the task “%(task)s”"),
    _l("It now goes to review. You will hear of the result here."),
    called=_l("Your mentor has confirmed a task"),
)
MENTOR_RETURNED = letter(
    "practice.mentor_returned",
    _l("Your mentor has returned the task “%(task)s”"),
    _l("Remark: %(remark)s\nPlease revise the task and submit it again."),
    optional=False,
)
REVIEW_ASKED = letter(
    "practice.review_asked",
    _l("A task waits for your review: “%(task)s”"),
    _l(
        "Please score it by the rubric. If you are its mentor, work for the trainee's employer or are otherwise involved, decline it with a reason."
    ),
    called=_l("A task to review (reviewers)"),
)
REVIEW_RELEASED = letter(
    "practice.review_released",
    _l("The task “%(task)s” no longer waits for your review"),
    _l("The office has released you from it. Nothing remains to be done."),
    called=_l("Released from a review (reviewers)"),
)
RETURNED = letter(
    "practice.returned",
    _l("The task “%(task)s” was returned for revision"),
    _l("The reviewers' remarks stand on the page of the task. Please revise it and submit it again."),
    optional=False,
)
PASSED = letter(
    "practice.passed",
    lazy_ngettext(
        "The task “%(task)s” has passed with %(score)s point",
        "The task “%(task)s” has passed with %(score)s points",
        "score",
    ),
    _l("It counts towards your practice stage. The remarks stand on the page of the task."),
    optional=False,
)
FAILED = letter(
    "practice.failed",
    lazy_ngettext(
        "The task “%(task)s” has not passed (%(score)s point)",
        "The task “%(task)s” has not passed (%(score)s points)",
        "score",
    ),
    _l("The reasons stand on the page of the task. You may log another task of this kind at any time."),
    optional=False,
)
HEARING_PLANNED = letter(
    "practice.hearing_planned",
    _l("Oral defence of “%(task)s” on %(when)s"),
    _l(
        "Place: %(place)s\nAbout %(minutes)s minutes. Bring an identity document. If you cannot come, tell the office before the day."
    ),
    optional=False,
)
HEARING_PANEL = letter(
    "practice.hearing_panel",
    _l("You are on the panel for “%(task)s” on %(when)s"),
    _l(
        "Place: %(place)s\nThe task and its evidence are open to you from now on. Your judgement is entered on its page after the defence."
    ),
    optional=False,
)
HEARING_CANCELLED = letter(
    "practice.hearing_cancelled",
    _l("The oral defence of “%(task)s” on %(when)s was called off"),
    _l("Reason: %(why)s\nA new appointment will be told to you."),
    optional=False,
)
HEARING_MISSED = letter(
    "practice.hearing_missed",
    _l("You did not come to the oral defence of “%(task)s”"),
    _l("%(why)s\nPlease ask the office for a new appointment."),
    optional=False,
)
HEARING_PASSED = letter(
    "practice.hearing_passed",
    _l("You have passed the oral defence of “%(task)s”"),
    _l("Score of the panel: %(score)s. The minutes stand on the page of the task."),
    optional=False,
)
HEARING_FAILED = letter(
    "practice.hearing_failed",
    _l("You have not passed the oral defence of “%(task)s”"),
    _l(
        "Score of the panel: %(score)s. The minutes on the page of the task tell why. Ask the office for another appointment."
    ),
    optional=False,
)

TEAM_ASKED = letter(
    "practice.team_asked",
    _l("%(lead)s asks you to join a team: “%(task)s”"),
    _l("Please look at your share and role, and confirm or decline."),
    optional=False,
)
TEAM_CHANGED = letter(
    "practice.team_changed",
    _l("The shares of the team “%(task)s” were changed"),
    _l("%(lead)s has changed the team. Please confirm your share again."),
    optional=False,
)
TEAM_READY = letter(
    "practice.team_ready",
    _l("All have confirmed: the team “%(task)s” stands"),
    _l(
        "A draft of your own part is waiting. The facts of the task are filled in; log your work and submit it to your mentor."
    ),
    called=_l("A team task stands"),
)
TEAM_DECLINED = letter(
    "practice.team_declined",
    _l("%(member)s does not join the team “%(task)s”"),
    _l("Please share the work anew, or ask somebody else."),
    optional=False,
)
TEAM_GIVEN_UP = letter(
    "practice.team_given_up",
    _l("The team “%(task)s” was given up"),
    _l("%(lead)s has given the team up. If you had a draft of your part, it stays yours."),
    optional=False,
)
