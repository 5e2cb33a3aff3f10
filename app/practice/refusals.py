"""What practice refuses, in words: what, why, what next."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.core.errors import Invalid, Refused


class Incomplete(Refused):
    """``parts``: what is missing or wrong, as (step, words)."""

    status = 422
    message = _l("The task cannot be submitted yet. Please complete what is listed.")

    def __init__(self, parts: list[tuple[str, Any]]) -> None:
        self.parts = parts
        super().__init__()


class WrongValue(Invalid):
    message = _l("%(why)s")


class ChangedElsewhere(Refused):
    status = 409
    message = _l("This draft was changed elsewhere meanwhile, so it was not saved over. Please reload the page.")


class NoMoreReturns(Refused):
    message = lazy_ngettext(
        "This task was already returned %(n)s time, which is the limit. Please score it: it passes or fails.",
        "This task was already returned %(n)s times, which is the limit. Please score it: it passes or fails.",
        "n",
    )


class RemarkNeeded(Invalid):
    message = _l("Please say in a remark what has to be changed.")


class ConflictOfInterest(Refused):
    """``code``: own, team, mentor, employer, right."""

    message = _l("%(name)s cannot review this task: %(why)s Please choose another reviewer.")

    def __init__(self, code: str, name: str) -> None:
        self.code = code
        super().__init__(name=name, why=CONFLICTS[code])


CONFLICTS: dict[str, Any] = {
    "own": _l("it is the reviewer's own task."),
    "team": _l("the reviewer works on the same team task."),
    "mentor": _l("the reviewer is or was the mentor of this task."),
    "employer": _l("the reviewer works for the trainee's employer."),
    "right": _l("the person is not a reviewer for this region."),
}


class AlreadyAsked(Refused):
    message = _l("%(name)s is or was already asked to review this version. Please choose another reviewer.")


class EnoughReviewers(Refused):
    message = _l("This task has all the reviewers it needs. Release one first if you want another.")


class NotTheMentor(Refused):
    message = _l("%(name)s cannot be the mentor here: the role of mentor does not reach this trainee.")


class MentorReviews(Refused):
    message = _l("%(name)s is asked to review this task and cannot be its mentor as well.")


class FileTwice(Invalid):
    message = _l("“%(name)s” is already attached to this task (same content). Nothing was added.")


class TooManyFiles(Invalid):
    message = _l("A task holds at most %(n)s files. Please combine some of them, or remove one first.")


class PanelTooSmall(Invalid):
    message = lazy_ngettext("The panel needs at least %(n)s member.", "The panel needs at least %(n)s members.", "n")


class ChairOutside(Invalid):
    message = _l("The chair must be one of the chosen members.")


class Occupied(Invalid):
    message = _l("%(who)s has another defence at that time: “%(task)s”, %(when)s.")


class InThePast(Invalid):
    message = _l("This time has passed. Please choose a later one.")


class NotBegun(Refused):
    message = _l("The defence has not begun yet. It can be judged from %(when)s on.")


class PanelIncomplete(Refused):
    message = _l("Not all members of the panel have judged yet: %(names)s.")


class AlreadyPlanned(Refused):
    message = _l("An oral defence of this task is planned already. Call it off before you plan another.")
