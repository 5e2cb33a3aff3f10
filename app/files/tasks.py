"""What becomes of files by the clock."""

from __future__ import annotations

from datetime import datetime

from app.db import db, unit_of_work
from app.files import uploads
from app.files.models import Upload
from app.jobs.service import every


@every(seconds=3600, name="files.uploads_over")
def remove_what_was_left(now: datetime) -> None:
    """Pieces of files that nobody went on with go; each file in its own transaction."""
    for upload_id in uploads.over(now):
        with unit_of_work():
            found = db.session.get(Upload, upload_id, with_for_update=True, populate_existing=True)
            keys = uploads.discard(found) if found and found.touched_at < now - uploads.TERM else []
        uploads.remove(keys)
