from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms.validators import InputRequired

from app.core.forms import BaseForm, LongText, OnceForm, SelectField, ShortText


class RemarkForm(BaseForm):
    remark = LongText(_l("Remark"), required=False, maximum=2000)


class ReasonForm(BaseForm):
    reason = LongText(_l("Reason"), maximum=2000)


class UploadForm(OnceForm):
    format = SelectField(_l("Format"), [InputRequired()])
    file = FileField(
        _l("File"),
        [FileRequired(_l("Please choose a file."))],
        description=_l(
            "At most 20 MB. Up to 10,000 questions. Nothing is taken in before you have seen what the file holds."
        ),
    )


class GroupForm(OnceForm):
    name = ShortText(_l("Name of the group"), maximum=120)
    codes = LongText(
        _l("Question numbers"),
        maximum=6000,
        description=_l("One on each line. A paper holds at most one of them."),
    )
    note = LongText(_l("Why they do not go together"), required=False, maximum=400)
