"""Certificates issued before the platform (存量证书): read from a list, looked through, taken over, linked, undone.

The file is read outside of any transaction and not kept. Its rows lie sealed; they are looked through and taken over by the
worker in many small transactions, and a row's outcome is stored in the transaction that takes it over: whatever stops the
worker, a row is taken over exactly once. Each becomes a certificate with its own number and one edition of kind ``prior``:
that edition says what the list said, has no PDF and no credential of ours, and is never changed. A later edition (correction,
renewal) is one of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, delete, exists, func, insert, or_, select, update

from app.accounts.models import Person, Region
from app.accounts.rotation import sealed_column
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.certification import letters, rules
from app.certification.deeds import Did
from app.certification.earlier_fields import Earlier, Frame, guess, read
from app.certification.earlier_models import EarlierList, EarlierRecord, EarlierRow
from app.certification.models import Certificate, Edition, NumberCounter, StatusChange
from app.certification.states import EditionKind, ImportState, RowFate, Standing
from app.core import crypto, sheets
from app.core.clock import local_date
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.text import in_a_row
from app.db import Model, db
from app.imports.columns import plain as plain_heading
from app.jobs.models import Job
from app.jobs.service import enqueue, work
from app.notices.service import post
from app.outline import service as outline
from certificates.names import comparable
from certificates.snapshot import fingerprint, plain

PURPOSE = "certification.earlier"
CHECK, TAKE = "certification.earlier_check", "certification.earlier_take"
MOST_ROWS = 20_000
CHECK_STEP, TAKE_STEP = 500, 100
UNDO_HOURS = 24
sealed_column(EarlierRow, "sealed", PURPOSE)


class SameListAgain(Refused):
    message = _l("This very file was read already on %(day)s: %(name)s. Go on there.")


class ColumnsMissing(Invalid):
    message = _l("Please say which column holds: %(names)s.")


class ColumnTwice(Invalid):
    message = _l("The column “%(name)s” is chosen for two things. Please choose each column once.")


class NothingToTake(Refused):
    message = _l("No row of this list can be taken over. Please mend the file and upload it again.")


class TooLateToUndo(Refused):
    message = _l("A list can be undone within %(hours)s hours. Later, single certificates are cancelled by decision.")


class InUse(Refused):
    message = _l(
        "The list can no longer be undone: something rests on %(numbers)s. Single certificates are cancelled by decision."
    )


# Reading


def read_file(data: bytes) -> sheets.Sheet:
    """The uploaded file as rows. Raises SheetRefused. Call outside of a unit of work: it may take seconds."""
    return sheets.read_sheet(data, most_rows=MOST_ROWS)


def keep_list(sheet: sheets.Sheet, data: bytes, name: str, region: Region, *, by: Person, now: datetime) -> EarlierList:
    """Store what was read; columns are matched by their headings, or as last time for the same headings.

    Raises SameListAgain when this very file waits or was taken over already, Forbidden outside the officer's regions.
    """
    must_reach(by, Can.KEEP_CERTIFICATE, region=region.id)
    sha = hashlib.sha256(data).hexdigest()
    same = db.session.scalar(
        select(EarlierList).where(
            EarlierList.sha256 == sha, EarlierList.region_id == region.id, EarlierList.state != ImportState.UNDONE
        )
    )
    if same is not None:
        from app.core.text import day

        raise SameListAgain(day=day(local_date(same.made_at)), name=same.name)
    key = hashlib.sha256(json.dumps(sheet.headings, ensure_ascii=False).encode()).hexdigest()
    made = EarlierList(
        region=region, name=name[:200], sha256=sha, headings=list(sheet.headings), headings_key=key, total=len(sheet.rows),
        mapping=_as_last_time(key) or guess(sheet.headings), notes=[str(n) for n in sheet.notes], by_id=by.id, made_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the rows name it
    rows = [
        {"list_id": made.id, "line": line, "sealed": _seal(cells), "fate": RowFate.READ, "problems": [], "number": "", "name": ""}
        for line, cells in sheet.rows
    ]  # fmt: skip
    db.session.execute(insert(EarlierRow), rows)
    record(Did.READ_LIST, made, by=by, more={"name": made.name, "rows": made.total, "sha256": sha})
    return made


def _seal(cells: Sequence[str]) -> str:
    return crypto.encrypt(json.dumps(cells, ensure_ascii=False), purpose=PURPOSE)


def cells_of(row: EarlierRow) -> list[str]:
    """What the row held; empty once it is forgotten."""
    return json.loads(crypto.decrypt(row.sealed, purpose=PURPOSE)) if row.sealed else []


def _as_last_time(key: str) -> dict[str, Any] | None:
    return db.session.scalar(
        select(EarlierList.mapping)
        .where(EarlierList.headings_key == key, EarlierList.state != ImportState.READ)
        .order_by(EarlierList.id.desc())
        .limit(1)
    )


# Looking through


def look_through(found: EarlierList, mapping: dict[str, int], *, by: Person) -> Job:
    """Match the columns and have every row looked at in the background. Raises ColumnsMissing, ColumnTwice."""
    from app.certification.earlier_fields import PARTS

    _may(found, by)
    if found.state not in (ImportState.READ, ImportState.CHECKED):
        raise NotAllowedNow
    lacking = [str(p.label) for p in PARTS if p.required and p.key not in mapping]
    if lacking:
        raise ColumnsMissing("number", names=in_a_row(lacking))
    places = list(mapping.values())
    twice = next((i for i in places if places.count(i) > 1), None)
    if twice is not None:
        raise ColumnTwice("number", name=found.headings[twice])
    found.mapping, found.state = mapping, ImportState.CHECKED
    db.session.execute(update(EarlierRow).where(EarlierRow.list_id == found.id).values(fate=RowFate.READ, problems=[]))
    job = enqueue(CHECK, _portions(found, CHECK_STEP), by=by, title=_l("Look through a list of earlier certificates"))
    found.job_id = job.id
    return job


def _portions(found: EarlierList, step: int, *fates: RowFate) -> list[dict[str, Any]]:
    """Portions of the list by line: the lines of a portion are never of another one."""
    asked = select(EarlierRow.line).where(EarlierRow.list_id == found.id).order_by(EarlierRow.line)
    lines = list(db.session.scalars(asked.where(EarlierRow.fate.in_(fates)) if fates else asked))
    parts = [lines[i : i + step] for i in range(0, len(lines), step)]
    return [{"list": found.id, "from": p[0], "to": p[-1], "label": f"{p[0]}–{p[-1]}"} for p in parts]


def frame_of(found: EarlierList, today: date) -> Frame:
    """What the list's rows are read against."""
    levels: dict[str, int] = {}
    for row in outline.rule("levels", region_id=found.region_id, on=today)["levels"]:
        words = {row["zh"], row["en"], str(row["rank"]), *_SHORT.get(row["rank"], ())}
        levels |= {plain_heading(w): row["rank"] for w in words}
    patterns = tuple(rules.pattern_of(outline.typed(v)) for v in outline.history(rules.NUMBER))
    return Frame(levels, patterns, found.region.code, today)


_SHORT = {1: ("初级", "初级技术经理人", "初"), 2: ("中级", "中级技术经理人", "中"), 3: ("高级", "高级技术经理人", "高")}


@work(CHECK)
def check_portion(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Look at some rows: what each holds, whether its number is taken, whose it is."""
    from app.core import clock

    found = db.session.get_one(EarlierList, item["list"])
    frame = frame_of(found, clock.today())
    rows = _rows(found, item)
    good = [(row, read(cells_of(row), found.mapping, frame)) for row in rows]
    _against_register(found, good, item)
    for row, said in good:
        row.number, row.name, row.problems = said.number[:60], said.name[:120], said.problems
        if row.fate is not RowFate.SAME:
            row.fate = RowFate.REFUSED if said.problems else RowFate.READY
    return {}


def _rows(found: EarlierList, item: dict[str, Any], *fates: RowFate) -> list[EarlierRow]:
    asked = select(EarlierRow).where(EarlierRow.list_id == found.id, EarlierRow.line.between(item["from"], item["to"]))
    asked = asked.where(EarlierRow.fate.in_(fates)) if fates else asked
    return list(db.session.scalars(asked.order_by(EarlierRow.line)))


def _against_register(found: EarlierList, good: list[tuple[EarlierRow, Earlier]], item: dict[str, Any]) -> None:
    """Numbers that stand twice in the list or in the register; ID numbers of accounts of another name."""
    asked = [said.number for _, said in good if said.number]
    kept = {c.number: c for c in db.session.scalars(select(Certificate).where(Certificate.number.in_(asked)))}
    before = select(EarlierRow.number, EarlierRow.line).where(
        EarlierRow.list_id == found.id, EarlierRow.line < item["from"], EarlierRow.number.in_(asked)
    )
    seen: dict[str, int] = {row.number: row.line for row in db.session.execute(before)}
    owners = _by_id_number([said for _, said in good])
    for row, said in good:
        if said.number in seen:
            said.wrong("number", "twice", seen[said.number])
        elif said.number:
            seen[said.number] = row.line
        there = kept.get(said.number)
        if there is not None and not said.problems:
            if _same(there, said):
                row.fate, row.certificate_id = RowFate.SAME, there.id
            else:
                said.wrong("number", "taken", there.holder_name[:1] + "**")
        owner = owners.get(_id_hash(said.id)) if said.id else None
        if owner is not None and comparable(owner.name) != comparable(said.name):
            said.wrong("id", "other_person")


def _same(there: Certificate, said: Earlier) -> bool:
    return there.earlier and (there.name_key, there.rank, there.first_issued_on) == (
        comparable(said.name), said.rank, said.issued,
    )  # fmt: skip


def _id_hash(number: str) -> str:
    from app.accounts.identity import ID_PURPOSE

    return crypto.lookup(number, purpose=ID_PURPOSE)


def _by_id_number(found: Sequence[Earlier]) -> dict[str, Person]:
    wanted = [_id_hash(one.id) for one in found if one.id]
    asked = select(Person).where(Person.id_lookup.in_(wanted))
    return {p.id_lookup: p for p in db.session.scalars(asked) if p.id_lookup}


def _by_email(found: Sequence[Earlier]) -> dict[str, Person]:
    """Accounts whose address was shown to be theirs."""
    asked = select(Person).where(
        Person.email.in_([one.email for one in found if one.email]), Person.email_confirmed_at.is_not(None)
    )
    return {p.email: p for p in db.session.scalars(asked) if p.email}


# Taking over


def take_over(found: EarlierList, *, by: Person) -> Job:
    """Have the rows that can be taken over taken over in the background, also those a cancelled job has left. Raises NothingToTake, NotAllowedNow."""
    _may(found, by)
    if found.state not in (ImportState.CHECKED, ImportState.RUNNING) or (
        found.job is not None and found.job.ended_at is None
    ):
        raise NotAllowedNow
    items = _portions(found, TAKE_STEP, RowFate.READY)
    if not items:
        raise NothingToTake
    job = enqueue(
        TAKE, [*items, {"list": found.id, "end": True, "label": "✓"}], by=by, title=_l("Take over earlier certificates")
    )
    found.state, found.job_id = ImportState.RUNNING, job.id
    record(Did.TAKE_LIST, found, by=by, more={"rows": count_of(found, RowFate.READY)})
    return job


@work(TAKE)
def take_portion(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Some rows become certificates; each is looked at again, since others write to the register meanwhile."""
    from app.core import clock

    now = clock.now()
    found = db.session.get_one(EarlierList, item["list"], with_for_update=True)
    if item.get("end"):
        finish(found, now=now)
        return {}
    by = db.session.get_one(Person, job.by_id)
    frame = frame_of(found, local_date(now))
    good = [(row, read(cells_of(row), found.mapping, frame)) for row in _rows(found, item, RowFate.READY)]
    _against_register(found, good, item)
    taken = []
    for row, said in good:
        if row.fate is RowFate.SAME:
            continue
        if said.problems:
            row.fate, row.problems = RowFate.REFUSED, said.problems
        else:
            taken.append((row, said))
    _keep(found, taken, by=by, now=now)
    return {}


def finish(found: EarlierList, *, now: datetime) -> None:
    found.state, found.done_at = ImportState.DONE, now


def _keep(found: EarlierList, taken: list[tuple[EarlierRow, Earlier]], *, by: Person, now: datetime) -> None:
    ids, mails = _by_id_number([s for _, s in taken]), _by_email([s for _, s in taken])
    texts = _texts(found, local_date(now))
    made: list[tuple[EarlierRow, Earlier, Certificate]] = []
    for row, said in taken:
        holder = _holder(said, ids, mails)
        made.append((row, said, _certificate(found, said, holder, now)))
        db.session.add(made[-1][2])
    db.session.flush()  # editions and records name the certificates
    for row, said, certificate in made:
        db.session.add(_edition(certificate, said, texts[said.rank], found, by=by, now=now))
        db.session.add(_record_of(certificate, said, found))
        row.fate, row.certificate_id, row.problems = RowFate.DONE, certificate.id, []
        record(
            Did.TAKE_OVER, certificate, by=by, more={"number": certificate.number, "list": found.id, "line": row.line}
        )
        if certificate.holder is not None:
            post(letters.LINKED, to=certificate.holder, link="/certificates", number=certificate.number)
        if said.own is not None:
            _raise_counter(found.region.code, said)


def _holder(said: Earlier, ids: dict[str, Person], mails: dict[str, Person]) -> Person | None:
    """The account of the same ID number, or of the same confirmed address, and in either case of the same name."""
    one = ids.get(_id_hash(said.id)) if said.id else None
    if one is None and said.email:
        one = mails.get(said.email)
        if one is not None and said.id and one.id_lookup not in (None, _id_hash(said.id)):
            return None
    return one if one is not None and comparable(one.name) == comparable(said.name) else None


def _certificate(found: EarlierList, said: Earlier, holder: Person | None, now: datetime) -> Certificate:
    assert said.issued is not None
    own = said.own
    return Certificate(
        holder=holder, rank=said.rank, region=found.region, number=said.number, earlier=True,
        region_code=found.region.code if own else "", year=own.year if own else None, serial=own.serial if own else None,
        token=crypto.token(), name_key=comparable(said.name), holder_name=said.name, first_issued_on=said.issued,
        issued_on=said.issued, valid_until=said.until, standing=Standing.GOOD, standing_since=said.issued,
    )  # fmt: skip


def _raise_counter(region_code: str, said: Earlier) -> None:
    """A number of our own pattern that was given before: the counter goes on after it."""
    assert said.own is not None
    own = said.own
    key = {"region_code": own.region, "year": own.year, "rank": own.rank}
    kept = db.session.scalar(select(NumberCounter).filter_by(**key).with_for_update())
    if kept is None:
        db.session.add(NumberCounter(**key, last=own.serial))
        db.session.flush()  # the next row of the same counter reads it
    else:
        kept.last = max(kept.last, own.serial)


def _texts(found: EarlierList, today: date) -> dict[int, dict[str, str]]:
    """Words of each level in both languages, for rows that do not say them."""
    made = {}
    for row in outline.rule("levels", region_id=found.region_id, on=today)["levels"]:
        words = outline.rule(rules.WORDS, row["rank"], region_id=found.region_id, on=today)
        made[row["rank"]] = {
            "level_zh": row["zh"], "level_en": row["en"], "title_zh": words["title_zh"], "title_en": words["title_en"],
        }  # fmt: skip
    return made


FORMAT = "certificate-snapshot/1"


def _edition(
    certificate: Certificate, said: Earlier, texts: dict[str, str], found: EarlierList, *, by: Person, now: datetime
) -> Edition:
    """What the list said, in the form of every snapshot; no sentence on what was assessed: that is not known here."""
    from app.core.crypto import settings
    from app.core.id_number import masked_for_documents

    region = found.region
    snapshot = plain(
        {
            "format": FORMAT, "earlier": True, "list": found.id, "layout": None, "number": certificate.number, "edition": 1,
            "kind": EditionKind.PRIOR.value, "rank": said.rank, "region": region.code, "holder_name": said.name,
            "holder_name_latin": "", "masked_id": masked_for_documents(said.id) if said.id else "—", "field": said.field,
            **texts, "title_zh": said.title or texts["title_zh"], "title_en": "" if said.title else texts["title_en"],
            "sentence_zh": "", "sentence_en": "", "seal_words": "",
            "issuer_zh": said.issuer or region.authority_zh, "issuer_en": "" if said.issuer else region.authority_en,
            "issued_on": said.issued, "valid_until": said.until,
            "scheme": {"id": None, "version": None, "name_zh": "", "name_en": "", "basis": ""},
            "verify_url": f"{settings().PUBLIC_URL}/c/{certificate.token}", "evidence_hash": "", "decided_by": by.id,
            "decided_at": now, "trial": settings().clock_moves, "photo": None,
        }
    )  # fmt: skip
    assert said.issued is not None
    return Edition(
        certificate=certificate, no=1, kind=EditionKind.PRIOR, issued_on=said.issued, valid_until=said.until,
        snapshot=snapshot, snapshot_hash=fingerprint(snapshot), issued_by_id=by.id, issued_at=now,
        reason="",
    )  # fmt: skip


def _record_of(certificate: Certificate, said: Earlier, found: EarlierList) -> EarlierRecord:
    from app.accounts.identity import PHONE_PURPOSE

    return EarlierRecord(
        certificate_id=certificate.id, list_id=found.id, id_lookup=_id_hash(said.id) if said.id else None,
        phone_lookup=crypto.lookup(said.phone, purpose=PHONE_PURPOSE) if said.phone else None,
        email_lookup=crypto.lookup(said.email, purpose=PURPOSE) if said.email else None,
    )  # fmt: skip


# Undoing and forgetting


def undo(found: EarlierList, *, by: Person, now: datetime) -> int:
    """Take the list's certificates out of the register again. Raises TooLateToUndo, InUse naming what rests on them."""
    _may(found, by)
    if found.state not in (ImportState.DONE, ImportState.RUNNING) or (
        found.job is not None and found.job.ended_at is None
    ):
        raise NotAllowedNow
    if not within_undo(found, now):
        raise TooLateToUndo(hours=UNDO_HOURS)
    mine = select(EarlierRecord.certificate_id).where(EarlierRecord.list_id == found.id)
    used = list(db.session.scalars(select(Certificate.number).where(Certificate.id.in_(mine), resting_on()).limit(5)))
    if used:
        raise InUse(numbers=in_a_row(used))
    ids = list(db.session.scalars(mine))
    db.session.execute(
        update(EarlierRow).where(EarlierRow.list_id == found.id, EarlierRow.fate == RowFate.DONE)
        .values(fate=RowFate.READY, certificate_id=None)
    )  # fmt: skip
    db.session.execute(update(EarlierRow).where(EarlierRow.certificate_id.in_(mine)).values(certificate_id=None))
    db.session.execute(delete(Edition).where(Edition.certificate_id.in_(mine)))
    db.session.execute(delete(EarlierRecord).where(EarlierRecord.list_id == found.id))
    for start in range(0, len(ids), 500):
        db.session.execute(delete(Certificate).where(Certificate.id.in_(ids[start : start + 500])))
    found.state, found.undone_at = ImportState.UNDONE, now
    record(Did.UNDO_LIST, found, by=by, more={"certificates": len(ids)})
    return len(ids)


def within_undo(found: EarlierList, now: datetime) -> bool:
    """Whether the term for undoing a list still runs."""
    return now <= (found.done_at or found.made_at) + timedelta(hours=UNDO_HOURS)


OWN_TABLES = {"edition", "earlier_record", "earlier_row"}


def resting_on() -> Any:
    """Certificates something rests on: a decision, a further edition, a request, a look-up, a recognition. Every table that
    names a certificate counts, of whatever floor."""
    parts = []
    for table in Model.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table.name == "certificate" and table.name not in OWN_TABLES:
                parts.append(exists().where(key.parent == Certificate.id))
    parts.append(exists().where(and_(Edition.certificate_id == Certificate.id, Edition.no > 1)))
    parts.append(exists().where(StatusChange.certificate_id == Certificate.id))
    return or_(*parts)


def forget_rows(now: datetime) -> int:
    """What the rows held goes once a list can no longer be undone, or was left lying for a week; numbers and outcomes stay."""
    over, left = now - timedelta(hours=UNDO_HOURS), now - timedelta(days=7)
    lists = select(EarlierList.id).where(
        or_(EarlierList.done_at < over, EarlierList.undone_at < over, EarlierList.made_at < left)
    )
    gone = db.session.execute(
        update(EarlierRow).where(EarlierRow.list_id.in_(lists), EarlierRow.sealed.is_not(None)).values(sealed=None)
    )
    return int(getattr(gone, "rowcount", 0))


# Sight


def lists_visible_to(person: Person) -> Select[EarlierList]:
    return select(EarlierList).where(within(person, Can.KEEP_CERTIFICATE, region=EarlierList.region_id))


def list_for(person: Person, list_id: int) -> EarlierList:
    """One list of the officer's regions. NotFound otherwise."""
    found = db.session.scalar(lists_visible_to(person).where(EarlierList.id == list_id))
    if found is None:
        raise NotFound
    return found


def counts(found: EarlierList) -> dict[RowFate, int]:
    asked = select(EarlierRow.fate, func.count()).where(EarlierRow.list_id == found.id).group_by(EarlierRow.fate)
    return {row[0]: row[1] for row in db.session.execute(asked)}


def count_of(found: EarlierList, fate: RowFate) -> int:
    return counts(found).get(fate, 0)


def linked_count(found: EarlierList) -> int:
    """How many of the list's certificates have a holder with an account."""
    mine = select(EarlierRecord.certificate_id).where(EarlierRecord.list_id == found.id)
    asked = (
        select(func.count())
        .select_from(Certificate)
        .where(Certificate.id.in_(mine), Certificate.holder_id.is_not(None))
    )
    return db.session.scalar(asked) or 0


def _may(found: EarlierList, by: Person) -> None:
    must_reach(by, Can.KEEP_CERTIFICATE, region=found.region_id)
