from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    APPROVE = "bank.question.approve"
    CREATE = "bank.question.create"
    DELETE_GROUP = "bank.group.delete"
    EXPORT = "bank.questions.export"
    IMPORT = "bank.questions.import"
    KEEP_GROUP = "bank.group.keep"
    KEEP_PICTURE = "bank.picture.keep"
    RETIRE = "bank.question.retire"
    RETURN = "bank.question.return"
    REVISE = "bank.question.revise"
    REVIVE = "bank.question.revive"
    START_IMPORT = "bank.import.start"
    SUBMIT = "bank.question.submit"
    UNDO_IMPORT = "bank.import.undo"


name_deeds(
    {
        Did.APPROVE: _l("Approved a question"),
        Did.CREATE: _l("Wrote a question"),
        Did.DELETE_GROUP: _l("Dissolved a group of questions that exclude one another"),
        Did.EXPORT: _l("Exported questions"),
        Did.IMPORT: _l("Imported questions"),
        Did.KEEP_GROUP: _l("Set a group of questions that exclude one another"),
        Did.KEEP_PICTURE: _l("Uploaded a picture for questions"),
        Did.RETIRE: _l("Retired a question"),
        Did.RETURN: _l("Returned a question to its author"),
        Did.REVISE: _l("Made a new revision of a question"),
        Did.REVIVE: _l("Took a retired question up again"),
        Did.START_IMPORT: _l("Began to take in a file of questions"),
        Did.SUBMIT: _l("Submitted a question for review"),
        Did.UNDO_IMPORT: _l("Undid an import of questions"),
    }
)
