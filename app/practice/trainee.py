"""Pages of the trainee: the list, the entry form in four steps, the page of an entry, its versions and files."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts.guard import current_person, signed_in
from app.accounts.scope import reaches
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Listing
from app.db import db, locked, unit_of_work
from app.files.service import hand_out
from app.outline.service import current, level_names, typed
from app.practice import access, people, service, words
from app.practice.comparing import compare
from app.practice.door import bp, record_opening, results_of, sees_results, state_filter, task_name, timeline_of
from app.practice.forms import MAX_LINES, ConfirmForm, DraftForm, EvidenceForm, SubmitForm, TaskForm, WorkForm
from app.practice.models import LogEntry
from app.practice.refusals import ChangedElsewhere, Incomplete
from app.practice.rules import ranks_of
from app.practice.states import State

place("practice.mine", _l("My practice"), "me", order=30)

STEPS = ("task", "work", "evidence", "submit")
STEP_LABELS = {
    "task": _l("Task and project"),
    "work": _l("What was done"),
    "evidence": _l("Evidence"),
    "submit": _l("Mentor and submission"),
}


@bp.get("")
@signed_in
def mine() -> Any:
    me = current_person()
    levels = level_names(region_id=me.region_id)
    rank = _chosen_rank(me, levels)
    tasks = {row["code"]: row for row in service.catalogue(me.region_id)}
    facts = service.facts_of(me, rank, clock.today())
    listing = Listing(
        access.entries_of(me).where(LogEntry.rank == rank),
        [
            Column("title", words.FIELD_LABELS["title"], lambda e: e.title, LogEntry.title),
            Column("task", words.FIELD_LABELS["task"], lambda e: task_name(tasks, e.task_code), LogEntry.task_code),
            Column("hours", words.FIELD_LABELS["hours"], lambda e: e.hours, LogEntry.hours, numeric=True),
            Column("state", _l("State"), lambda e: words.STATE_LABELS[e.state], LogEntry.state),
            Column("score", _l("Score"), lambda e: e.score, LogEntry.score, numeric=True),
            Column("saved", _l("Last saved"), lambda e: e.saved_at, LogEntry.saved_at),
        ],
        request.args,
        filters=[state_filter()],
        per_page=25,
    )
    return render_template(
        "practice/mine.html", listing=listing, levels=levels, rank=rank, facts=facts, tasks=tasks,
        asked=_asked(facts, service.requirement(rank, me.region_id)), next_words=words.NEXT_WORDS,
    )  # fmt: skip


def _chosen_rank(me: Any, levels: dict[int, str]) -> int:
    """The level in the address, else that of the newest entry, else the first."""
    asked = request.args.get("level", "")
    if asked.isascii() and asked.isdigit() and int(asked[:4]) in levels:
        return int(asked[:4])
    newest = db.session.scalar(access.entries_of(me).limit(1))
    return newest.rank if newest is not None and newest.rank in levels else min(levels)


def _asked(facts: Any, wanted: dict[str, Any] | None) -> list[tuple[Any, Any, Any]]:
    """What the level asks: (words, there, needed); what is not asked is left out."""
    if wanted is None:
        return []
    passed = [t for t in facts.passed if t.score >= wanted["pass"]]
    rows = [
        (_l("Passed tasks"), len(passed), wanted["tasks"]),
        (_l("Different task types"), len({t.code for t in passed}), wanted["kinds"]),
        (_l("Real projects"), sum(t.real for t in passed), wanted["real"]),
        (_l("Real projects in the leading role"), sum(t.real and t.leading for t in passed), wanted["leading"]),
        (_l("Hours logged"), sum((t.hours for t in passed), 0), wanted["hours"]),
    ]
    for code in (wanted["required"] or "").split():
        done = [t for t in passed if t.code == code and (t.defended or not wanted["defence"])]
        label = _l("%(code)s with oral defence", code=code) if wanted["defence"] else code
        rows.append((label, min(1, len(done)), 1))
    return [row for row in rows if row[2]]


@bp.get("/catalogue")
@signed_in
def catalogue() -> Any:
    """Task types, what each asks for, and the rubric they are judged by."""
    region_id = current_person().region_id
    tasks, rubric = current("practice_tasks", region_id=region_id), current("practice_rubric", region_id=region_id)
    return render_template(
        "practice/catalogue.html", tasks=typed(tasks)["tasks"], rubric=typed(rubric), levels=level_names(),
        ranks_of=ranks_of, default=tasks.is_default and rubric.is_default,
    )  # fmt: skip


# --- the entry form --------------------------------------------------------------------------------------------------


@bp.route("/new", methods=["GET", "POST"])
@signed_in
def new() -> Any:
    me = current_person()
    form = _task_form(None)
    if request.method == "GET":
        form.task_code.data = request.args.get("task", "")
        rank = request.args.get("level", "")
        form.rank.data = (
            int(rank) if rank.isascii() and rank.isdigit() and len(rank) < 3 else form.rank.choices[0].value
        )
        form.share.data = 100
    elif _valid(form, needed=("rank", "task_code", "title")):
        try:
            with unit_of_work():
                key = (form.draft_key.data or "")[:40]
                entry_id = service.new_entry(current_person(), now=clock.now(), draft_key=key, **form.values()).id
        except Invalid as error:
            form.refuse(error)
        else:
            return _saved("task", entry_id, _("The draft is saved."))
    answer = 422 if request.method == "POST" else 200
    return render_template("practice/edit_task.html", form=form, entry=None, **_steps("task"), me=me), answer


def _task_form(entry: LogEntry | None) -> TaskForm:
    me = current_person()
    form = TaskForm(obj=entry) if request.method == "GET" else TaskForm()
    form.rank.choices = list(level_names(region_id=me.region_id).items())
    form.task_code.choices = [("", _("Please choose"))] + [
        (row["code"], f"{row['code']} {words.in_words(row, '')}") for row in service.catalogue(me.region_id)
    ]
    form.base_id.choices = [(0, _("None"))] + [(b.id, place_name(b)) for b in service.bases_for(me.region_id)]
    if request.method == "GET" and entry is not None:
        form.real.data = "1" if entry.real else "0"
        form.role.data = entry.role.value if entry.role else None
        form.base_id.data = entry.base_id or 0
    return form


def _valid(form: DraftForm, needed: tuple[str, ...] = ()) -> bool:
    """Going on asks for everything; saving the draft asks only for what a draft cannot do without."""
    if request.form.get("do") == "draft":
        kept = {name: form[name].validators for name in needed}
        form.loosen()
        for name, validators in kept.items():
            form[name].validators = validators
    return form.validate_on_submit()


def _steps(here: str) -> dict[str, Any]:
    return {"steps_here": STEPS.index(here), "step_labels": [STEP_LABELS[s] for s in STEPS], "step_keys": STEPS}


def _after(step: str, entry_id: int) -> str:
    """Where a saved step leads: the next one, or back to it after saving the draft."""
    if request.form.get("do") in ("draft", "more"):
        return url_for("practice.edit", entry_id=entry_id, step=step)
    return url_for("practice.edit", entry_id=entry_id, step=STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)])


@bp.route("/<int:entry_id>/edit/<step>", methods=["GET", "POST"])
@signed_in
def edit(entry_id: int, step: str) -> Any:
    if step not in STEPS:
        raise NotFound
    entry = access.own_entry_for(current_person(), entry_id)
    if not entry.editable:
        flash(_("This task is no longer a draft, so it cannot be changed now."), "warning")
        return redirect(url_for("practice.entry", entry_id=entry_id))
    return {"task": _edit_task, "work": _edit_work, "evidence": _edit_evidence, "submit": _edit_submit}[step](entry)


def _saved(step: str, entry_id: int, told: str) -> Any:
    """A saved step leads on. A draft the page sends by itself (``draft.js``) is acknowledged with its version instead, and
    its address, where it got one just now."""
    how = request.headers.get("X-Draft")
    if how not in ("auto", "go"):
        flash(told, "success")
        return redirect(_after(step, entry_id))
    answer = Response(status=204)
    entry = access.own_entry_for(current_person(), entry_id)
    answer.headers["X-Draft-Version"] = entry.saved_at.isoformat()
    answer.headers["X-Draft-Address"] = url_for("practice.edit", entry_id=entry_id, step=step)
    if how == "go":
        flash(told, "success")
        answer.headers["X-Draft-Next"] = _after(step, entry_id)
    return answer


def _save(entry_id: int, form: Any, **values: Any) -> bool:
    try:
        with unit_of_work():
            entry = locked(access.own_entry_for(current_person(), entry_id))
            if request.headers.get("X-Draft") and request.form.get("draft_version", "") != entry.saved_at.isoformat():
                raise ChangedElsewhere
            service.save_draft(entry, by=current_person(), now=clock.now(), **values)
    except Invalid as error:
        form.refuse(error)
        return False
    return True


def _page(name: str, entry_id: int, form: Any, refused: bool, **more: Any) -> Any:
    entry = access.own_entry_for(current_person(), entry_id)
    page = render_template(f"practice/edit_{name}.html", form=form, entry=entry, **_steps(name), **more)
    return page, 422 if refused else 200


def _edit_task(entry: LogEntry) -> Any:
    entry_id, form = entry.id, _task_form(entry)
    posted = request.method == "POST"
    if posted and _valid(form, needed=("rank", "task_code", "title")) and _save(entry_id, form, **form.values()):
        return _saved("task", entry_id, _("Saved."))
    return _page("task", entry_id, form, posted)


def _edit_work(entry: LogEntry) -> Any:
    entry_id, posted = entry.id, request.method == "POST"
    form = WorkForm() if posted else WorkForm(did=entry.did, result=entry.result, next_step=entry.next_step)
    if not posted:
        for line in entry.lines:
            form.lines.append_entry({"on": line.on, "hours": line.hours, "text": line.text})
        for _n in range(min(3 if len(entry.lines) < 3 else 1, MAX_LINES - len(entry.lines))):
            form.lines.append_entry()
    elif _valid(form):
        values = {name: form[name].data or "" for name in ("did", "result", "next_step")}
        if _save(entry_id, form, lines=form.line_values(), **values):
            return _saved("work", entry_id, _("Saved."))
    return _page("work", entry_id, form, posted)


def _edit_evidence(entry: LogEntry) -> Any:
    entry_id, form, kept, refused = entry.id, EvidenceForm(), 0, False
    uploads = [u for u in (form.files.data or []) if getattr(u, "filename", "")] if form.is_submitted() else []
    if form.validate_on_submit():
        for upload in uploads:  # each by itself: a bad one does not take the good ones with it
            try:
                with unit_of_work():
                    locked_entry = locked(access.own_entry_for(current_person(), entry_id))
                    service.attach(locked_entry, upload, by=current_person(), now=clock.now())
                kept += 1
            except Invalid as error:
                form.refuse(error)
                refused = True
        if kept:
            flash(ngettext("%(n)s file was added.", "%(n)s files were added.", kept), "success")
        if not uploads and request.form.get("do") == "add":
            form.files.errors = [_("Please choose a file first.")]
            refused = True
        if not refused:
            return redirect(url_for("practice.edit", entry_id=entry_id, step="evidence"))
    entry = access.own_entry_for(current_person(), entry_id)
    doubles = service.used_elsewhere([e.file_id for e in entry.files], entry)
    return _page(
        "evidence", entry_id, form, refused, doubles=doubles, task=service.task_row(entry.task_code, entry.region_id)
    )


def _edit_submit(entry: LogEntry) -> Any:
    entry_id, posted, lacks = entry.id, request.method == "POST", []
    form = SubmitForm() if posted else SubmitForm(obj=entry)
    load = people.mentor_load()
    form.mentor_id.choices = [(0, _("Please choose"))] + [
        (m.id, _("%(name)s · %(n)s waiting", name=m.name, n=load.get(m.id, 0)))
        for m in people.mentors_for(entry.trainee, entry.base_id)
    ]
    if not posted:
        form.mentor_id.data = entry.mentor_id or 0
        form.confidentiality.data = entry.confidentiality.value
    elif _valid(form) and _save(entry_id, form, **form.values()):
        if request.form.get("do") == "draft":
            flash(_("Saved."), "success")
            return redirect(_after("submit", entry_id))
        try:
            with unit_of_work():
                service.submit(access.own_entry_for(current_person(), entry_id), by=current_person(), now=clock.now())
            flash(_("The task is submitted. Your mentor has been told."), "success")
            return redirect(url_for("practice.entry", entry_id=entry_id))
        except Incomplete as error:
            lacks = error.parts
            form.form_errors.append(error.text)
    entry = access.own_entry_for(current_person(), entry_id)
    lacks = lacks or [part for part in service.missing_of(entry, now=clock.now()) if part[0] != "submit"]
    return _page("submit", entry_id, form, posted, lacks=lacks, labels=STEP_LABELS)


@bp.post("/<int:entry_id>/files/<int:file_id>/remove")
@signed_in
def remove_file(entry_id: int, file_id: int) -> Any:
    with unit_of_work():
        entry = locked(access.own_entry_for(current_person(), entry_id))
        service.detach(entry, file_id, by=current_person(), now=clock.now())
    flash(_("The file was taken out."), "success")
    return redirect(url_for("practice.edit", entry_id=entry_id, step="evidence"))


@bp.post("/<int:entry_id>/withdraw")
@signed_in
def withdraw(entry_id: int) -> Any:
    with unit_of_work():
        service.withdraw(access.own_entry_for(current_person(), entry_id), by=current_person(), now=clock.now())
    flash(_("Withdrawn. It is a draft again."), "success")
    return redirect(url_for("practice.entry", entry_id=entry_id))


@bp.post("/<int:entry_id>/delete")
@signed_in
def delete(entry_id: int) -> Any:
    with unit_of_work():
        service.delete_draft(access.own_entry_for(current_person(), entry_id), by=current_person())
    flash(_("The draft was deleted."), "success")
    return redirect(url_for("practice.mine"))


# --- the page of an entry --------------------------------------------------------------------------------------------


@bp.get("/<int:entry_id>")
@signed_in
def entry(entry_id: int) -> Any:
    """For the owner as it stands; for everybody else the newest submitted version."""
    return entry_page(entry_id, ConfirmForm())


def entry_page(entry_id: int, form: ConfirmForm) -> Any:
    me = current_person()
    found = access.entry_for(me, entry_id)
    record_opening(found)
    owner = found.trainee_id == me.id
    own_draft = owner and found.editable
    if own_draft:
        snapshot = service.snapshot_of(
            found, service.task_row(found.task_code, found.region_id) or {"zh": "", "en": ""}
        )
    else:
        snapshot = found.versions[0].snapshot
    mentor = found.mentor_id == me.id and not owner and found.state is State.SUBMITTED
    waiting = access.waiting_for_mentor(me) if mentor else []
    return render_template(
        "practice/entry.html", entry=found, snapshot=snapshot, owner=owner, own_draft=own_draft,
        mentor=mentor, mentors=found.mentor_id == me.id, waiting=len(waiting), following=_next_waiting(found, waiting),
        form=form, levels=level_names(), next_words=words.NEXT_WORDS, timeline=timeline_of(found),
        results=[] if not sees_results(found, me) else results_of(found), openings=access.openings_of(found) if owner else [],
        doubles={} if owner else service.used_elsewhere([f["id"] for f in snapshot["files"]], found),
        desk=reaches(me, Can.READ_TASK, region=found.region_id, organisation=found.base_id) and not owner,
        named=_sees_names(found, me),
    )  # fmt: skip


def _next_waiting(found: LogEntry, waiting: list[LogEntry]) -> LogEntry | None:
    """The task that waits next after this one, round to the oldest; core material is not opened in passing."""
    place = next((i for i, one in enumerate(waiting) if one.id == found.id), 0)
    others = [one for one in waiting[place + 1 :] + waiting[:place] if not one.guarded]
    return others[0] if others else None


def _sees_names(found: LogEntry, me: Any) -> bool:
    """Who reviewed is known to offices and auditors, not to trainee and mentor."""
    if me.id in (found.trainee_id, found.mentor_id):
        return False
    return reaches(me, Can.READ_TASK, region=found.region_id, organisation=found.base_id)


@bp.get("/<int:entry_id>/versions/<int:number>")
@signed_in
def version(entry_id: int, number: int) -> Any:
    found = access.entry_for(current_person(), entry_id)
    one = next((v for v in found.versions if v.number == number), None)
    if one is None:
        raise NotFound
    record_opening(found)
    return render_template("practice/version.html", entry=found, one=one, snapshot=one.snapshot, levels=level_names())


@bp.get("/<int:entry_id>/compare")
@signed_in
def compare_versions(entry_id: int) -> Any:
    """Two submitted versions side by side; without numbers the newest two."""
    found = access.entry_for(current_person(), entry_id)
    by_number = {str(v.number): v for v in found.versions}
    new = by_number.get(request.args.get("new", str(found.version)))
    old = by_number.get(request.args.get("old", str(found.version - 1)))
    if new is None or old is None:
        raise NotFound
    record_opening(found)
    return render_template(
        "practice/compare.html", entry=found, old=old, new=new, levels=level_names(),
        changes=[c for c in compare(old.snapshot, new.snapshot) if c.key in words.FIELD_LABELS],
    )  # fmt: skip


@bp.get("/<int:entry_id>/files/<int:file_id>")
@signed_in
def file(entry_id: int, file_id: int) -> Response:
    found, stored = access.file_for(current_person(), entry_id, file_id)
    if access.must_be_recorded(current_person(), found):
        with unit_of_work():
            found, stored = access.file_for(current_person(), entry_id, file_id)
            access.opened(found, by=current_person(), now=clock.now(), file=stored)
    return hand_out(stored, inline=request.args.get("show") == "1")
