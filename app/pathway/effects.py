"""What new indicators, schemes and bands would change for people: the judges behind the comparison in the rule editor.

They stand here because a gate rests on the scheme as well as on the stage.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import db
from app.outline import service as outline
from app.outline.effects import FROM_ITS_DAY, Asked, Effect, Judged, effect
from app.outline.models import RuleVersion
from app.pathway.models import Goal
from app.pathway.rules import assess
from app.pathway.service import facts_of, judge, scheme_for
from app.performance import trial
from app.performance.arithmetic import Balance
from app.performance.integrity import integrity_of
from app.performance.rules import as_bands
from app.performance.words import BAND_NAMES


def regions_with_their_own(kind: str, key: str) -> set[int]:
    """Regions whose own version stands before the general one."""
    rows = db.session.scalars(
        select(RuleVersion.region_id).where(
            RuleVersion.kind == kind, RuleVersion.key == key, RuleVersion.region_id.is_not(None)
        )
    )
    return {one for one in rows if one is not None}


def _since(asked: Asked) -> date | None:
    return asked.effective_from if asked.way == FROM_ITS_DAY else None


# --- indicators -----------------------------------------------------------------------------------------------------------


def _asked_points(region_id: int | None, on: date) -> dict[int, dict[str, Any]]:
    """Rank → scheme in force, for the levels that ask for performance at all."""
    made = {}
    for rank in outline.level_names(region_id=region_id, on=on):
        try:
            scheme = outline.typed(scheme_for(rank, region_id, on))
        except NotFound:
            continue
        if scheme["performance_points"] or scheme["performance_deals"]:
            made[rank] = scheme
    return made


def _passes(asked: dict[str, Any], balance: Balance) -> bool:
    return balance.total >= asked["performance_points"] and balance.deals >= asked["performance_deals"]


def _people_of_indicators(asked: Asked) -> list[int]:
    return trial.people_with_credit(asked.region_id, regions_with_their_own("indicators", ""))


def _judge_indicators(people: Sequence[int], asked: Asked) -> list[Judged]:
    regions = set(db.session.scalars(select(Person.region_id).where(Person.id.in_(list(people))).distinct()))
    gates = {region: _asked_points(region, asked.on) for region in regions}
    months = {scheme["performance_months"] for one in gates.values() for scheme in one.values()}
    made = []
    for one in trial.compare(people, asked.typed, since=_since(asked), on=asked.on, months=months):
        passing: list[list[int]] = [[], []]
        for rank, scheme in gates[one.person.region_id].items():
            for side, balance in zip(passing, one.windows[scheme["performance_months"]], strict=True):
                if _passes(scheme, balance):
                    side.append(rank)
        made.append(Judged(one.person.id, str(one.now.total), str(one.then.total), *passing))
    return made


effect("indicators", Effect(_l("Counted points"), _people_of_indicators, _judge_indicators, Can.READ_CLAIM))


# --- schemes --------------------------------------------------------------------------------------------------------------


def _people_of_scheme(asked: Asked) -> list[int]:
    """Who works towards the level (the latest goal), where this scheme would hold."""
    latest = select(func.max(Goal.id)).group_by(Goal.person_id)
    wanted = select(Goal.person_id).where(Goal.id.in_(latest), Goal.rank == int(asked.key))
    found = select(Person.id).where(Person.id.in_(wanted))
    own = regions_with_their_own("scheme", asked.key)
    if asked.region_id is not None:
        found = found.where(Person.region_id == asked.region_id)
    elif own:
        found = found.where(Person.region_id.is_(None) | Person.region_id.not_in(own))
    return list(db.session.scalars(found.order_by(Person.id)))


def _judge_scheme(people: Collection[int], asked: Asked) -> list[Judged]:
    """Everybody judged by the scheme that holds for them and by the draft. Whose class began before the draft's first day
    keeps the scheme of then, unless the comparison is “from the beginning”."""
    rank, body, made = int(asked.key), asked.typed, []
    for person in db.session.scalars(
        select(Person).where(Person.id.in_(list(people))).order_by(Person.name, Person.id)
    ).unique():
        now = judge(person, rank, asked.on)
        begun = now.facts.training.class_started_on or asked.on
        if asked.way == FROM_ITS_DAY and min(begun, asked.on) < asked.effective_from:
            then = now.pathway
        else:
            then = assess(facts_of(person, rank, asked.on, body), body, rank=rank, scheme_id=now.scheme.id, on=asked.on)
        counts = [str(sum(gate.passed for gate in one.gates)) for one in (now.pathway, then)]
        passing = [[rank] if one.eligible else [] for one in (now.pathway, then)]
        made.append(Judged(person.id, counts[0], counts[1], passing[0], passing[1]))
    return made


effect("scheme", Effect(_l("Gates passed"), _people_of_scheme, _judge_scheme, Can.READ_PATHWAY, at_once=40))


# --- bands of the integrity credit ------------------------------------------------------------------------------------------


def _people_of_bands(asked: Asked) -> list[int]:
    from app.performance.models import IntegrityEntry

    found = select(Person.id).where(select(IntegrityEntry.id).where(IntegrityEntry.person_id == Person.id).exists())
    own = regions_with_their_own("credit_bands", "")
    if asked.region_id is not None:
        found = found.where(Person.region_id == asked.region_id)
    elif own:
        found = found.where(Person.region_id.is_(None) | Person.region_id.not_in(own))
    return list(db.session.scalars(found.order_by(Person.id)))


def _judge_bands(people: Collection[int], asked: Asked) -> list[Judged]:
    bands, made = as_bands(asked.typed), []
    early = asked.way == FROM_ITS_DAY and asked.on < asked.effective_from
    for person in db.session.scalars(
        select(Person).where(Person.id.in_(list(people))).order_by(Person.name, Person.id)
    ).unique():
        now = integrity_of(person, asked.on)
        then = now.band if early else bands.of(now.score)
        made.append(Judged(person.id, now.band.value, then.value))
    return made


effect(
    "credit_bands",
    Effect(
        _l("Band of the integrity credit"), _people_of_bands, _judge_bands, Can.READ_CLAIM, numeric=False,
        say=lambda code: str({k.value: v for k, v in BAND_NAMES.items()}[code]),
    ),
)  # fmt: skip
