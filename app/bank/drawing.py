"""What papers draw from: the live questions of a level as a pool, made once per state of the bank and process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import BigInteger, and_, cast, func, select

from app.bank import groups, service
from app.bank.models import Question, QuestionRevision, QuestionState
from app.db import db
from question_bank.assembly import Pool

KEPT = 6


@dataclass(frozen=True)
class LivePool:
    """The pool, and for each question the revision that papers pin."""

    pool: Pool
    pins: dict[str, service.Live]


_pools: OrderedDict[Hashable, LivePool] = OrderedDict()
_lock = Lock()


def live_pool(level: int) -> LivePool:
    """Every live question of a level, with the enemies of the questions and of the groups. Arranging five thousand questions
    costs more than drawing a paper, so the pool is kept until a question or a group changes."""
    mark = (str(db.engine.url), level, _state_of(level), hash(tuple(pairs := groups.enemy_pairs())))
    with _lock:
        found = _pools.get(mark)
    if found is None:
        live = service.items_live(level)
        found = LivePool(Pool((one.item for one in live), pairs), {one.item.id: one for one in live})
        with _lock:
            _pools[mark] = found
            while len(_pools) > KEPT:
                _pools.popitem(last=False)
    return found


def _state_of(level: int) -> tuple[int, ...]:
    """Sums that change whenever another revision goes live or one goes: cheaper than reading five thousand rows for each
    paper of a session."""
    number = cast(QuestionRevision.id, BigInteger)
    row = db.session.execute(
        select(func.count(), func.max(number), func.sum(number), func.sum(number * number))
        .select_from(Question)
        .join(
            QuestionRevision,
            and_(Question.id == QuestionRevision.question_id, Question.live_number == QuestionRevision.number),
        )
        .where(Question.state != QuestionState.RETIRED, Question.level == level)
    ).one()
    return tuple(int(value or 0) for value in row)
