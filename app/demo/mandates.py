"""The demonstration's mandates: one in force, one whose manager was suspended since, one with a contract and an opinion."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.core import clock
from app.db import db, locked, unit_of_work
from app.files.service import keep_bytes
from app.performance import mandates, opinions
from app.performance.mandate_models import Mandate, MandateFile, MandateOpinion
from app.performance.mandate_states import Side

if TYPE_CHECKING:
    from app.demo.life import Storyteller


def _signed(tell: Storyteller, key: str, days: int, **words: Any) -> Mandate | None:
    """Written and signed by a manager ``days`` days ago, accepted two days later; None where they have no employer."""
    at = tell.back(days)
    with clock.at(at), unit_of_work():
        person = tell.who(key)
        if person.organisation is None:
            return None
        today = clock.local_date(at)
        data = mandates.MandateData(
            starts_on=today, ends_on=clock.local_date(tell.now) + timedelta(days=200), conflict="与双方均无任职、持股或亲属关系。",
            commission="成交额的百分之二，由委托方在首款到账后三十日内支付。", **words,
        )  # fmt: skip
        made = mandates.write(data, by=person, now=at)
        kept = keep_bytes(tell.paper("mandate"), "委托书（双方盖章）.pdf", owner=person)
        db.session.add(MandateFile(mandate_id=made.id, file_id=kept.id))
        db.session.flush()  # signing counts the papers
        mandates.sign(made, by=person, now=at)
    then = at + timedelta(days=2)
    with clock.at(then), unit_of_work():
        mandates.accept(locked(made), by=tell.who("cert1"), now=then)
    return made


def entrusted(tell: Storyteller) -> None:
    """Call before certificates of the past are suspended."""
    _signed(
        tell, "holder", 60, project="海水提溴吸附材料专利许可", side=Side.SUPPLY, client_name="海河理工大学化工学院", client_contact="林老师",
        client_email="lin@example.org", scope="在环渤海地区寻找被许可方，组织中试验证，协助谈判与合同登记。", exclusive=True,
    )  # fmt: skip
    _signed(
        tell, "p06", 80, project="港口装卸设备状态监测技术需求", side=Side.DEMAND, client_name="津门港机维护有限公司",
        scope="征集并评估振动监测方案，形成不少于三家的比选报告。",
    )  # fmt: skip
    done = _signed(
        tell, "p02", 150, project="低温等离子体废气治理成果转让", side=Side.BOTH, client_name="滨海先进制造研究院", scope="双方对接、尽职调查、合同登记。",
        client_email="institute@example.org", consented_on=clock.local_date(tell.back(155)), other_name="渤海湾新材料有限公司",
        other_consented_on=clock.local_date(tell.back(154)),
    )  # fmt: skip
    if done is not None:
        _concluded(tell, done)


def _concluded(tell: Storyteller, done: Mandate) -> None:
    at = tell.back(90)
    with clock.at(at), unit_of_work():
        mandates.close(locked(done), "2026120100990", on=clock.local_date(at), by=tell.who("p02"), now=at)
    then = tell.back(88)
    with clock.at(then), unit_of_work():
        asked = db.session.scalars(select(MandateOpinion).where(MandateOpinion.mandate_id == done.id)).one()
        opinions.give(asked, score=5, comment="跟进及时，尽职调查扎实。", now=then)
