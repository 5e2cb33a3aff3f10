"""Pages of team tasks: forming a team, the matrix of skills, shares and confirmations, the one log."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, signed_in
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.nav import place
from app.db import db, unit_of_work
from app.outline.service import level_names
from app.practice import service, teams, words
from app.practice.door import bp
from app.practice.forms import DeclineForm, JoinForm, MemberForm, ShareForm, TeamForm
from app.practice.models import TaskRole
from app.practice.states import TeamState

place("practice.team_list", _l("Team tasks"), "account", order=30)


def _skill_choices() -> list[tuple[str, str]]:
    return [(code, words.in_words(row, "")) for code, row in teams.skills(current_person().region_id).items()]


def _level_choices() -> list[tuple[int, str]]:
    return list(level_names(region_id=current_person().region_id).items())


@bp.get("/teams")
@signed_in
def team_list() -> Any:
    """My teams, and those that wait for my answer."""
    me = current_person()
    found = list(db.session.scalars(teams.teams_of(me)).unique())
    asked = [t for t in found if t.state is TeamState.FORMING and _mine(t).confirmed_at is None and t.lead_id != me.id]
    return render_template(
        "practice/teams.html", teams=found, asked=asked, labels=words.TEAM_LABELS, tones=words.TEAM_TONES, mine=_mine,
        tasks={row["code"]: row for row in service.catalogue(me.region_id)}, in_words=words.in_words,
    )  # fmt: skip


def _mine(team: Any) -> Any:
    return next(m for m in team.members if m.person_id == current_person().id)


@bp.route("/teams/new", methods=["GET", "POST"])
@signed_in
def new_team() -> Any:
    me = current_person()
    form = TeamForm()
    form.rank.choices = _level_choices()
    form.task_code.choices = [("", _("Please choose"))] + [
        (row["code"], f"{row['code']} {words.in_words(row, '')}") for row in service.catalogue(me.region_id)
    ]
    form.needed.choices = form.brings.choices = _skill_choices()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = teams.form_team(
                    current_person(), rank=form.rank.data, share=form.share.data, brings=form.brings.data or [],
                    needed=form.needed.data or [], now=clock.now(), task_code=form.task_code.data, title=form.title.data,
                    project=form.project.data, real=form.real.data != "0", counterpart=form.counterpart.data or "",
                    host_unit=form.host_unit.data, started_on=form.started_on.data, ended_on=form.ended_on.data,
                )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The team is begun. Ask the others to join."), "success")
            return redirect(url_for("practice.team", team_id=made.id))
    page = render_template("practice/new_team.html", form=form)
    return (page, 422) if form.is_submitted() else page


@bp.get("/teams/<int:team_id>")
@signed_in
def team(team_id: int) -> Any:
    return _team_page(team_id)


def _team_page(team_id: int, **forms: Any) -> Any:
    me = current_person()
    found = teams.team_for(me, team_id)
    mine = _mine(found)
    names = teams.skills(me.region_id)
    join = forms.get("join") or JoinForm(rank=mine.rank, brings=mine.skills)
    join.rank.choices, join.brings.choices = _level_choices(), _skill_choices()
    shown = found.standing
    brought = [code for code in names if code in found.needed or any(code in m.skills for m in shown)]
    entries = {e.trainee_id: e for e in teams.entries_of(found)}
    page = render_template(
        "practice/team.html",
        team=found, mine=mine, members=found.members, standing=shown, lead=found.lead_id == me.id, sum=teams.shares_of(found),
        skills=[(code, words.in_words(names[code], "")) for code in brought], needed=set(found.needed),
        lacking=[words.in_words(names[code], "") for code in teams.uncovered(found) if code in names],
        entries=entries, log=teams.log_of(found), join=join, ask=forms.get("ask") or MemberForm(), decline=DeclineForm(),
        labels=words.TEAM_LABELS, tones=words.TEAM_TONES, roles=words.ROLE_LABELS, levels=level_names(),
        task=service.task_row(found.task_code, me.region_id), in_words=words.in_words, value=words.value_in_words,
    )  # fmt: skip
    return (page, 422) if forms else page


def _back(team_id: int) -> Any:
    return redirect(url_for("practice.team", team_id=team_id))


@bp.post("/teams/<int:team_id>/ask")
@signed_in
def ask_member(team_id: int) -> Any:
    form = MemberForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                made = teams.ask(
                    teams.team_for(by, team_id), form.email.data, role=TaskRole(form.role.data), share=form.share.data, by=by,
                    now=clock.now(),
                )  # fmt: skip
                name = made.person.name
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("%(name)s was asked to join.", name=name), "success")
            return _back(team_id)
    return _team_page(team_id, ask=form)


@bp.route("/teams/<int:team_id>/members/<int:member_id>", methods=["GET", "POST"])
@signed_in
def team_member(team_id: int, member_id: int) -> Any:
    """The lead changes a member's share and role, or takes them out."""
    me = current_person()
    found = teams.team_for(me, team_id)
    member = next((m for m in found.members if m.id == member_id), None)
    if member is None or found.lead_id != me.id:
        raise NotFound
    form = ShareForm(role=member.role.value, share=member.share)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                one = teams.team_for(by, team_id)
                if request.form.get("do") == "drop":
                    teams.drop_member(one, member_id, by=by, now=clock.now())
                else:
                    teams.change_member(
                        one, member_id, role=TaskRole(form.role.data), share=form.share.data, by=by, now=clock.now()
                    )
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The team is changed. Everybody is asked to confirm again."), "success")
            return _back(team_id)
    page = render_template("practice/team_member.html", team=found, member=member, form=form)
    return (page, 422) if form.is_submitted() else page


@bp.post("/teams/<int:team_id>/confirm")
@signed_in
def confirm_share(team_id: int) -> Any:
    form = JoinForm()
    form.rank.choices, form.brings.choices = _level_choices(), _skill_choices()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                ready = teams.confirm(
                    teams.team_for(by, team_id),
                    rank=form.rank.data,
                    brings=form.brings.data or [],
                    by=by,
                    now=clock.now(),
                )
        except Invalid as error:
            form.refuse(error)
        except teams.SharesWrong as error:
            form.form_errors.append(error.text)
        else:
            flash(_("All have confirmed: the team stands.") if ready else _("Your share is confirmed."), "success")
            return _back(team_id)
    return _team_page(team_id, join=form)


@bp.post("/teams/<int:team_id>/decline")
@signed_in
def decline_share(team_id: int) -> Any:
    form = DeclineForm()
    why = (form.why.data or "")[:300] if form.validate_on_submit() else ""
    with unit_of_work():
        by = current_person()
        teams.decline(teams.team_for(by, team_id), why=why, by=by, now=clock.now())
    flash(_("You do not take part. The lead was told."), "success")
    return redirect(url_for("practice.team_list"))


@bp.post("/teams/<int:team_id>/give-up")
@signed_in
def give_up_team(team_id: int) -> Any:
    try:
        with unit_of_work():
            by = current_person()
            teams.give_up(teams.team_for(by, team_id), by=by, now=clock.now())
    except teams.Begun as error:
        flash(error.text, "warning")
        return _back(team_id)
    flash(_("The team is given up."), "success")
    return redirect(url_for("practice.team_list"))
