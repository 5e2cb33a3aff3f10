"""Taking many certificates away: ZIP, print file, handing-out list; of chosen ones or of everything under the filter."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, stream_with_context, url_for

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.certification import bulk, downloads, service
from app.certification.bulk_pages import numbers_sent
from app.certification.door import bp
from app.certification.models import Certificate
from app.certification.office import certificates_listing
from app.core import clock
from app.core.errors import Forbidden, NotFound, Refused
from app.core.permissions import Can
from app.db import db, unit_of_work
from app.files.service import hand_out
from app.outline.service import level_names


def _officer() -> Person:
    return db.session.get_one(Person, current_person().id)


def _meant() -> list[int]:
    """The chosen certificates, or all under the filter of the address."""
    if ids := numbers_sent():
        return ids
    return certificates_listing(current_person(), request.args).all_ids(downloads.MOST)


@bp.post("/office/certificates/take")
@requires(Can.READ_CERTIFICATE)
def take_many() -> Any:
    """Lead to what is to be done with the chosen certificates; ``do`` names it."""
    me, do = current_person(), request.form.get("do", "")
    whole = bool(request.form.get("whole"))
    listing = certificates_listing(me, request.args)
    chosen = listing.all_ids(downloads.MOST) if whole else numbers_sent()
    try:
        if not chosen:
            raise downloads.NothingChosen
        if do == "confirm":
            return _confirm(chosen)
        if do == "print":
            with unit_of_work():
                made = downloads.start_print(chosen, by=_officer(), now=clock.now())
            return redirect(url_for("certification.print_batch", batch_id=made.id))
    except Refused as error:
        flash(error.text, "warning")
        return redirect(url_for("certification.all_certificates", **listing.kept))
    named: dict[str, Any] = listing.kept if whole else {"ids": ".".join(map(str, chosen))}
    if do == "zip":
        return redirect(url_for("certification.download_many", **named))
    if do == "list":
        return redirect(url_for("certification.handing_out", **named))
    raise NotFound


def _confirm(chosen: list[int]) -> Any:
    if not current_person().can(Can.KEEP_CERTIFICATE):
        raise Forbidden
    with unit_of_work():
        job = bulk.start_confirming(chosen, by=_officer())
    if job is None:
        raise downloads.NothingChosen
    return redirect(url_for("jobs.show", job_id=job.id))


@bp.get("/office/certificates/download.zip")
@requires(Can.READ_CERTIFICATE)
def download_many() -> Any:
    """The PDFs as a ZIP, written while it is sent; who took what is recorded first."""
    ids = _meant()
    with unit_of_work():
        me = _officer()
        seen = [e.certificate_id for e in downloads.entries(me, ids)]
        downloads.note_export(seen, "zip", by=me)
    me = current_person()
    answer = Response(
        stream_with_context(downloads.stream(downloads.entries(me, seen), clock.now())), mimetype="application/zip"
    )
    answer.headers["Content-Disposition"] = f"attachment; filename=certificates-{clock.today():%Y%m%d}.zip"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/office/certificates/handing-out")
@requires(Can.READ_CERTIFICATE)
def handing_out() -> Any:
    """A list to print, with a column for the signature of whoever takes the certificate."""
    ids, me = _meant()[: downloads.MOST_PRINTED], current_person()
    found: dict[int, Certificate] = {}
    for at in range(0, len(ids), 500):
        asked = service.certificates_visible_to(me).where(Certificate.id.in_(ids[at : at + 500]))
        found |= {c.id: c for c in db.session.scalars(asked)}
    rows = [found[i] for i in ids if i in found]
    return render_template(
        "certification/handing_out.html", rows=rows, levels=level_names(), most=downloads.MOST_PRINTED
    )


@bp.get("/office/certificates/prints/<int:batch_id>")
@requires(Can.READ_CERTIFICATE)
def print_batch(batch_id: int) -> Any:
    """The print file: how far it is, what lacks, the file."""
    found = downloads.batch_for(current_person(), batch_id)
    return render_template("certification/print_batch.html", batch=found, keep_days=downloads.KEEP_DAYS)


@bp.get("/office/certificates/prints/<int:batch_id>/file")
@requires(Can.READ_CERTIFICATE)
def print_file(batch_id: int) -> Any:
    found = downloads.batch_for(current_person(), batch_id)
    if found.file is None:
        raise NotFound
    return hand_out(found.file, inline=request.args.get("show") == "1")
