"""What is printed of a session: who may have it and when, the values of each document, and making it in the background."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.accounts.identity import id_for_documents, photo_of
from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.bank import pictures
from app.bank.drawing import live_pool
from app.core import clock
from app.core.crypto import settings
from app.core.errors import NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.text import markdown
from app.db import db, locked
from app.exams import marking, papers, places, printing
from app.exams.deeds import Did
from app.exams.models import ExamPrint, ExamSeat, ExamSession, PaperForm, PrintKind, Sitting
from app.exams.states import SessionState, SittingState
from app.files.models import StoredFile
from app.files.service import PDF, delete_file, keep_bytes, read_file
from app.jobs.service import DrawAgain, enqueue
from app.outline import service as outline
from app.outline.models import RuleVersion
from question_bank.assembly import BadBlueprint, Infeasible
from question_bank.grading import rule_text
from question_bank.items import Kind

PRINT = "exams.print"
LETTERS = ("A", "B")
OF_A_PAPER = frozenset({PrintKind.PAPER, PrintKind.KEY, PrintKind.ANSWER_SHEET})
FILE_NAMES = {
    PrintKind.PAPER: "试卷", PrintKind.KEY: "参考答案", PrintKind.ANSWER_SHEET: "答题卡", PrintKind.TICKETS: "准考证",
    PrintKind.SEAT_PLAN: "座位表", PrintKind.SIGN_IN: "签到表", PrintKind.SCORES: "成绩单",
}  # fmt: skip


class NotToPrint(Refused):
    message = _l("This cannot be printed yet: %(why)s")


class NoTicket(Refused):
    message = _l("There is no admission slip yet: the seats have not been published.")


# --- ticket numbers ----------------------------------------------------------------------------------------------------


def ticket_number(sitting_id: int, session: ExamSession) -> str:
    """准考证号: day of the exam, level, running number. It follows from the registration and never changes."""
    return f"{clock.local(session.opens_at):%Y%m%d}{session.level}{sitting_id:06d}"


def sitting_by_number(person: Person, number: str) -> Sitting:
    """Whose ticket an invigilator has scanned. Raises NotFound, also for sessions out of their reach."""
    if not (number.isascii() and number.isdigit() and 15 <= len(number) <= 24):
        raise NotFound
    found = db.session.scalar(
        select(Sitting)
        .join(Sitting.session)
        .where(
            Sitting.id == min(int(number[9:]), 2**31 - 1), within(person, Can.INVIGILATE, region=ExamSession.region_id)
        )
        .options(joinedload(Sitting.session))
    )
    if found is None or ticket_number(found.id, found.session) != number:
        raise NotFound
    return found


def ticket_ready(session: ExamSession) -> bool:
    """Is there a ticket already: the seats are published, or the session has none."""
    if session.state is SessionState.DRAFT:
        return False
    return places.arrangement_of(session.id).seats_published_at is not None or not places.places_of(session.id)


# --- asking for a document ---------------------------------------------------------------------------------------------


def prints_of(session_id: int) -> list[ExamPrint]:
    return list(
        db.session.scalars(
            select(ExamPrint)
            .where(ExamPrint.session_id == session_id)
            .options(joinedload(ExamPrint.asked_by), joinedload(ExamPrint.job))
            .order_by(ExamPrint.id.desc())
            .limit(100)
        )
    )


def print_for(session: ExamSession, print_id: int) -> ExamPrint:
    found = db.session.get(ExamPrint, print_id)
    if found is None or found.session_id != session.id:
        raise NotFound
    return found


@dataclass(frozen=True)
class Standing:
    """How far a session is, for what can be printed of it."""

    state: SessionState
    registered: int
    seated: int
    marked: int
    places: bool

    def hindrance(self, kind: PrintKind) -> str:
        """Why a document cannot be made, in words; empty when it can."""
        if self.state is SessionState.CANCELLED:
            return _("the exam session was cancelled.")
        if kind in OF_A_PAPER:
            return _("the exam session is not published.") if self.state is SessionState.DRAFT else ""
        if not self.registered:
            return _("nobody is registered.")
        if kind is PrintKind.SCORES:
            return "" if self.marked else _("nothing has been marked.")
        if kind is PrintKind.SEAT_PLAN and not self.seated:
            return _("nobody has a seat. Draw the seat plan first.")
        if kind is PrintKind.TICKETS and self.places and self.seated < self.registered:
            return _("not everybody has a seat. Draw the seat plan first.")
        return ""


def standing_of(session: ExamSession) -> Standing:
    present = (Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
    count = select(func.count()).select_from(Sitting).where(*present)
    seated = select(func.count()).select_from(ExamSeat).join(Sitting, Sitting.id == ExamSeat.sitting_id)
    return Standing(
        session.state,
        db.session.scalar(count) or 0,
        db.session.scalar(seated.where(*present, ExamSeat.room_id.is_not(None))) or 0,
        db.session.scalar(count.where(Sitting.state.in_([SittingState.MARKED, SittingState.RELEASED]))) or 0,
        bool(places.places_of(session.id)),
    )


def ask(session: ExamSession, kind: PrintKind, letter: str, *, by: Person, now: datetime) -> ExamPrint:
    """Have a document made by the worker. A version of the paper is drawn here and now, so that it is pinned."""
    session = locked(session)
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    why = standing_of(session).hindrance(kind)
    if why:
        raise NotToPrint(why=why)
    if kind in OF_A_PAPER:
        if letter not in LETTERS:
            raise NotFound
        form_of(session, letter, by=by, now=now)
    else:
        letter = ""
    made = ExamPrint(session_id=session.id, kind=kind, letter=letter, asked_at=now, asked_by_id=by.id)
    db.session.add(made)
    db.session.flush()  # the job names it
    name = f"{FILE_NAMES[kind]}{f' {letter} 卷' if letter else ''}"
    made.job_id = enqueue(PRINT, [{"print": made.id, "label": name}], by=by, title=f"{session.title} {name}").id
    record(Did.PRINT, session, by=by, more={"kind": kind, "version": letter})
    return made


def take(made: ExamPrint, session: ExamSession, *, by: Person) -> StoredFile:
    """The document; that it was taken is logged."""
    stored = db.session.get(StoredFile, made.file_id) if made.file_id else None
    if stored is None:
        raise NotFound
    record(Did.TAKE_PRINT, session, by=by, more={"kind": made.kind, "version": made.letter, "print": made.id})
    return stored


# --- versions of the paper ---------------------------------------------------------------------------------------------


def form_of(session: ExamSession, letter: str, *, by: Person | None, now: datetime, seed: str = "") -> PaperForm:
    """Version A or B of the printed paper, drawn once. B keeps away from the questions of A while the bank allows."""
    kept = {one.letter: one for one in db.session.scalars(select(PaperForm).where(PaperForm.session_id == session.id))}
    if letter in kept:
        return kept[letter]
    version = db.session.get_one(RuleVersion, session.blueprint_version_id)
    live, seed = live_pool(session.level), seed or f"print-{session.id}-{letter}"
    others = {entry["digest"] for one in kept.values() for entry in one.entries}
    seen = frozenset(item_id for item_id, one in live.pins.items() if one.digest in others)
    blueprint = papers.blueprint_for(version)
    drawing = papers.Drawing(quizzed=papers.rules_of(version).quizzed)
    try:
        drawn = papers.drawn(live.pool, blueprint, seed, drawing, exposure={}, seen=seen)
    except (Infeasible, BadBlueprint) as error:
        raise papers.BankTooSmall(what=papers.short_words(error)) from None
    made = PaperForm(
        session_id=session.id,
        letter=letter,
        seed=seed,
        entries=papers.as_entries(drawn, live.pins),
        drawn_at=now,
        drawn_by_id=by.id if by else None,
    )
    db.session.add(made)
    record(Did.DRAW_PAPER, session, by=by, more={"version": letter, "seed": seed})
    return made


def draw_anew(form: PaperForm | None, session: ExamSession, *, reason: str, by: Person, now: datetime) -> int:
    """Another draw for a printed version, before anybody has begun; how many documents made of the old one were withdrawn.
    Raises NotAllowedNow once the session has opened: then printed papers are in people's hands."""
    if form is None:
        raise NotFound
    if session.state is not SessionState.PUBLISHED or now >= session.opens_at:
        raise NotAllowedNow
    letter, before = form.letter, form.seed
    db.session.delete(form)
    db.session.flush()  # the next one takes its place
    made = form_of(session, letter, by=by, now=now, seed=f"print-{session.id}-{letter}-{secrets.token_hex(6)}")
    record(Did.DRAW_PAPER, session, by=by, reason=reason, changed={"seed": (before, made.seed)},
           more={"version": letter})  # fmt: skip
    old = db.session.scalars(
        select(ExamPrint).where(
            ExamPrint.session_id == session.id, ExamPrint.letter == letter, ExamPrint.file_id.is_not(None),
            ExamPrint.kind.in_(OF_A_PAPER),
        )
    ).all()  # fmt: skip
    for one in old:
        stored = db.session.get(StoredFile, one.file_id)
        one.file_id, one.deleted_at = None, now
        db.session.flush()  # the document lets go of the file before that is deleted
        if stored is not None:
            delete_file(stored)
        record(
            Did.DELETE_PRINT, session, by=by, reason=reason, more={"kind": one.kind, "version": letter, "print": one.id}
        )
    return len(old)


def printed_paper(session: ExamSession, form: PaperForm) -> printing.Paper:
    entries = [printing.Entry(one.place, one.item, one.points, one.order) for one in papers.entries_read(form.entries)]
    rules = {kind: rule_text(kind, session.multiple_rule) for kind in Kind}
    shown = pictures.contents([entry.item for entry in entries])
    return printing.paper(form.letter, form.seed, entries, rules, partial(markdown, for_print=True), shown)


# --- values out of rows ------------------------------------------------------------------------------------------------


def head_of(session: ExamSession) -> printing.Head:
    levels = {row["rank"]: row for row in outline.rule("levels", region_id=session.region_id)["levels"]}
    return printing.Head(
        title=session.title,
        level=levels[session.level]["zh"] if session.level in levels else str(session.level),
        authority=session.region.authority_zh,
        opens_at=session.opens_at,
        closes_at=session.closes_at,
        last_entry_at=session.last_entry_at,
        minutes=session.minutes,
        pass_mark=session.pass_mark,
        place=session.place,
        trial=settings().APP_MODE != "production",
    )


def _sittings(session_id: int) -> list[Sitting]:
    return list(
        db.session.scalars(
            select(Sitting)
            .where(Sitting.session_id == session_id, Sitting.state != SittingState.VOID)
            .options(joinedload(Sitting.candidate).joinedload(Person.organisation))
            .order_by(Sitting.id)
        ).unique()
    )


def _ticket(sitting: Sitting, session: ExamSession, seat: ExamSeat | None) -> printing.Ticket:
    candidate, number = sitting.candidate, ticket_number(sitting.id, session)
    place, room = (seat.place, seat.room) if seat else (None, None)
    photo = photo_of(candidate)
    return printing.Ticket(
        number=number,
        name=candidate.name,
        masked_id=id_for_documents(candidate),
        organisation=candidate.organisation.name_zh if candidate.organisation else "",
        place=place.name if place else session.place,
        address=place.address if place else "",
        note=place.note if place else "",
        room=room.name if room else "",
        seat=str(seat.number) if seat and seat.number else "",
        extra_minutes=sitting.extra_minutes,
        check_url=f"{settings().PUBLIC_URL}/exams/office/tickets/{number}",
        photo=read_file(photo) if photo else None,
    )


def _instructions(session_id: int) -> list[str]:
    text = places.arrangement_of(session_id).instructions
    return [line.strip() for line in text.splitlines() if line.strip()]


def _by_seat(seats: dict[int, ExamSeat], sitting: Sitting) -> tuple[int, int, int, int]:
    seat = seats.get(sitting.id)
    if seat is None or seat.room_id is None:
        return (1, 0, 0, sitting.id)
    return (0, seat.room_id, seat.number or 0, sitting.id)


def _person(sitting: Sitting, session: ExamSession, seat: ExamSeat | None = None, **more: Any) -> printing.Person:
    candidate = sitting.candidate
    return printing.Person(
        ticket=ticket_number(sitting.id, session),
        name=candidate.name,
        masked_id=id_for_documents(candidate),
        organisation=candidate.organisation.name_zh if candidate.organisation else "",
        seat=seat.number if seat else None,
        extra_minutes=sitting.extra_minutes,
        **more,
    )


def halls_of(session: ExamSession) -> list[printing.Hall]:
    """Room by room, each by seat; those without a seat stand on a sheet of their own at the end."""
    seats, sittings = places.seats_of(session.id), _sittings(session.id)
    halls = []
    for place in places.places_of(session.id):
        for room in place.rooms:
            there = [one for one in sittings if one.id in seats and seats[one.id].room_id == room.id]
            there.sort(key=lambda one: seats[one.id].number or 0)
            people = tuple(_person(one, session, seats[one.id]) for one in there)
            halls.append(printing.Hall(place.name, place.address, room.name, room.seat_rows, room.seat_columns, people))
    rest = [one for one in sittings if one.id not in seats or seats[one.id].room_id is None]
    if rest:
        people = tuple(_person(one, session) for one in rest)
        halls.append(printing.Hall(session.place, "", "", 0, 0, people))
    return [hall for hall in halls if hall.people]


def _scores(session: ExamSession) -> list[printing.Person]:
    people = []
    for one in _sittings(session.id):
        marked = one.state in (SittingState.MARKED, SittingState.RELEASED)
        remark = "" if marked else "缺考" if one.state is SittingState.REGISTERED else "未评"
        people.append(_person(one, session, score=marking.percent_of(one) if marked else None,
                              passed=one.passed if marked else None, remark=remark))  # fmt: skip
    return people


# --- making --------------------------------------------------------------------------------------------------------------


def document(made: ExamPrint, session: ExamSession, now: datetime) -> bytes:
    """The PDF of one document."""
    head, kind = head_of(session), made.kind
    if kind in OF_A_PAPER:
        paper = printed_paper(session, _pinned(made))
        makers = {PrintKind.PAPER: printing.paper_pdf, PrintKind.KEY: printing.key_pdf,
                  PrintKind.ANSWER_SHEET: printing.answer_sheet_pdf}  # fmt: skip
        return makers[kind](head, paper)
    if kind is PrintKind.TICKETS:
        seats = places.seats_of(session.id)
        sittings = sorted(_sittings(session.id), key=lambda one: _by_seat(seats, one))
        tickets = [_ticket(one, session, seats.get(one.id)) for one in sittings]
        return printing.tickets_pdf(head, tickets, _instructions(session.id))
    if kind is PrintKind.SEAT_PLAN:
        return printing.seat_plan_pdf(head, [hall for hall in halls_of(session) if hall.rows])
    if kind is PrintKind.SIGN_IN:
        return printing.sign_in_pdf(head, halls_of(session))
    released = session.state is SessionState.RELEASED
    return printing.scores_pdf(head, _scores(session), released=released, taken_at=now)


@dataclass(frozen=True)
class Drawn:
    """A PDF that was drawn without a lock, and what it was drawn from."""

    data: bytes
    basis: Any


def drawn(print_id: int, *, now: datetime) -> Drawn:
    """One document. Reads only: the slips of three hundred people take a minute, in which nobody's save may wait."""
    made = db.session.get_one(ExamPrint, print_id)
    session = db.session.get_one(ExamSession, made.session_id)
    return Drawn(document(made, session, now), _basis(made))


def keep(made: ExamPrint, drawn: Drawn) -> StoredFile:
    """Keep a document. Raises DrawAgain where its version of the paper was drawn anew meanwhile."""
    from certificates.sheets import page_count

    if drawn.basis != _basis(made):
        raise DrawAgain
    name = f"{FILE_NAMES[made.kind]}{made.letter}-{made.session_id}.pdf"
    kept = keep_bytes(drawn.data, name, owner=None, kinds=frozenset({PDF}), max_bytes=200 * 1024 * 1024)
    made.file_id, made.pages, made.deleted_at = kept.id, page_count(drawn.data), None
    return kept


def _pinned(made: ExamPrint) -> PaperForm:
    """The version of the paper that was drawn when the document was asked for."""
    asked = select(PaperForm).where(PaperForm.session_id == made.session_id, PaperForm.letter == made.letter)
    return db.session.scalars(asked).one()


def _basis(made: ExamPrint) -> str:
    return _pinned(made).seed if made.kind in OF_A_PAPER else ""


def drawn_ticket(sitting_id: int) -> Drawn:
    """One candidate's ticket. Reads only."""
    _, session, ticket = _own_ticket(sitting_id)
    return Drawn(printing.tickets_pdf(head_of(session), [ticket], _instructions(session.id)), ticket)


def keep_ticket(sitting_id: int, drawn: Drawn) -> StoredFile:
    """Keep it as the candidate's own file, in place of an earlier one. Raises DrawAgain where the seat or anything on the ticket
    has changed meanwhile."""
    seat = db.session.get(ExamSeat, sitting_id, with_for_update=True)
    sitting, session, ticket = _own_ticket(sitting_id)
    if drawn.basis != ticket or seat is None:
        raise DrawAgain
    number = ticket_number(sitting_id, session)
    kept = keep_bytes(drawn.data, f"准考证-{number}.pdf", owner=sitting.candidate, kinds=frozenset({PDF}))
    before = db.session.get(StoredFile, seat.ticket_file_id) if seat.ticket_file_id else None
    seat.ticket_file_id = kept.id
    db.session.flush()  # the seat lets go of the old file before that is deleted
    if before is not None:
        delete_file(before)
    return kept


def _own_ticket(sitting_id: int) -> tuple[Sitting, ExamSession, printing.Ticket]:
    """Whose ticket and what stands on it. Raises NoTicket where there is none."""
    seat = db.session.get(ExamSeat, sitting_id)
    sitting = db.session.get_one(Sitting, sitting_id)
    session = db.session.get_one(ExamSession, sitting.session_id)
    if seat is None or sitting.state is SittingState.VOID or not ticket_ready(session):
        raise NoTicket
    return sitting, session, _ticket(sitting, session, seat)


def ask_ticket(sitting: Sitting, *, by: Person) -> None:
    """A candidate has the own ticket made, or made anew after a new photo."""
    session = db.session.get_one(ExamSession, sitting.session_id)
    if sitting.state is SittingState.VOID or not ticket_ready(session):
        raise NoTicket
    places.order_tickets(session, [sitting.id], by=by)


def faces_for_page(sitting: Sitting) -> tuple[printing.Ticket, list[str]]:
    """What the ticket's page shows, without the picture's bytes being drawn."""
    seat = places.seats_for([sitting.id]).get(sitting.id)
    session = sitting.session
    return _ticket(sitting, session, seat if ticket_ready(session) else None), _instructions(session.id)
