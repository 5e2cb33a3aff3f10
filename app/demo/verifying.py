"""The demonstration's certificates of before, employers with their checks, shared links, and what holders ask of the office."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from string import ascii_uppercase, digits
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.accounts.service import credit_code_checks
from app.certification import requests, status
from app.certification.models import Certificate
from app.certification.states import AskKind, Change
from app.core import clock
from app.db import db, locked, unit_of_work
from app.demo.world import resident_id
from app.files.service import keep_bytes
from app.imports import service as imports
from app.imports.kinds import KINDS
from app.imports.models import SheetImport
from app.jobs.service import run_waiting
from app.verification import employers, keys, service, shares, sheets
from app.verification.service import Asker

if TYPE_CHECKING:
    from app.demo.life import Storyteller

HEAD = ("证书编号", "姓名", "等级", "颁发日期", "有效期至", "颁发机构", "领域", "证件号码")
ISSUER = "天津市技术经纪人培训考核委员会（演示）"


def credit_code(body: str) -> str:
    """An invented 统一社会信用代码: seventeen characters and the check character that fits (GB 32100)."""
    return next(body + c for c in digits + ascii_uppercase if credit_code_checks(body + c))


def _csv(rows: Sequence[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue().encode("utf-8-sig")


def _list(tell: Storyteller, name: str, rows: Sequence[tuple[str, ...]], days: int, *, take: bool) -> int:
    """A list uploaded, looked through and, where asked, taken over by the office; its id."""
    at, data, the_kind = tell.back(days), _csv(rows), KINDS["earlier"]
    with clock.at(at):
        with unit_of_work():
            officer = tell.who("cert1")
            region = tell.world.region("1201").id
            target = next(t for t in the_kind.targets(officer) if t.id == region)
            found = imports.keep(the_kind, imports.read_file(data, the_kind), data, name, target, by=officer, now=at)
            imports.look_through(found, found.mapping, found.choices, by=officer, now=at)
            made = found.id
        run_waiting()
        if take:
            with unit_of_work():
                imports.take_over(locked(db.session.get_one(SheetImport, made)), by=tell.who("cert1"), now=at)
            run_waiting()
    return made


def of_before(tell: Storyteller) -> None:
    """存量证书: one list taken over (one row refused, one linked to an account, one claimed), one that waits."""
    known, claimed = tell.who("p10"), tell.who("p20")
    born = date(1980 + 49 % 20, 1 + 49 % 12, 1 + 49 % 28)
    rows = [
        (f"津技经2021-{n:05d}", name, level, "2021-10-15", until, ISSUER, field, "")
        for n, (name, level, until, field) in enumerate(
            (
                ("康德胜", "初级", "2026-12-31", "高端装备"), ("纪晓岚", "初级", "2024-10-14", "新材料"), ("麦丽开·艾山", "中级", "长期", "生物医药"),
                ("安国梁", "初级", "2027-10-14", "电子信息"), ("华婉如", "中级", "2027-10-14", "现代农业"), (claimed.name, "初级", "2027-10-14", "节能环保"),
            ), start=101,
        )
    ]  # fmt: skip
    own = resident_id("120116", born, 100 + 49)  # as ``world`` made it for p10
    rows.append(("津技经2021-00120", known.name, "初级", "2021-10-15", "长期", ISSUER, "人工智能", own))
    rows.append(("津技经2021-00121", "柏青山", "初级", "2021-13-15", "长期", ISSUER, "", ""))
    _list(tell, "2021年技术经纪人名册.csv", rows, 46, take=True)
    waiting = [
        ("津技经2022-00007", "倪素珍", "初级", "2022-06-01", "2025-05-31", ISSUER, "新材料", ""),
        ("津技经2022-00008", "滕文远", "初级", "2022-06-01", "2027-05-31", ISSUER, "海洋工程", ""),
        ("津技经2022-00008", "滕文远", "初级", "2022-06-01", "2027-05-31", ISSUER, "海洋工程", ""),
        ("津技经2022-00009", "殷立群", "特级", "2022-06-01", "", ISSUER, "", ""),
    ]
    _list(tell, "2022年技术经纪人名册（待接收）.csv", waiting, 1, take=False)
    at = tell.back(3)
    with clock.at(at), unit_of_work():
        me = tell.who("p20")
        proof = keep_bytes(tell.paper("earlier certificate"), "原纸质证书扫描件.pdf", owner=me)
        words = "2021 年取得的纸质证书，请关联到本人账户。"
        requests.claim(number="津技经2021-00106", name=me.name, words=words, proof=proof, by=me, now=at)


def employers_checks(tell: Storyteller, middle: dict[str, int]) -> None:
    """用人单位: one registered, with a sheet, an interface key and its use; one that waits for review, one returned."""
    name, at = "渤海湾新材料有限公司", tell.back(82)
    with clock.at(at), unit_of_work():
        me = tell.who("employer")
        wish = employers.Wish(
            name, credit_code("91120116MA0DEM001"), me.name, "022-65550001", "招聘核验与年度复核，每年约二百人次"
        )
        asked = employers.register(me, tell.world.region("1201"), wish, now=at)
    with clock.at(tell.back(80)), unit_of_work():
        employers.approve(locked(asked), by=tell.who("cert1"), now=tell.back(80))
    numbers = [
        (c.number, c.holder_name) for c in db.session.scalars(select(Certificate).order_by(Certificate.id).limit(14))
    ]
    rows = [*numbers, (numbers[0][0], "王建国"), ("TTM1201202530001236", "李文博"), ("津技经2021-00104", "安国梁")]
    at = tell.back(20)
    with clock.at(at):
        with unit_of_work():
            me = tell.who("employer")
            sheets.start(rows, employers.organisation_of(me), by=me, name="2026年应聘人员名单.xlsx", now=at)
        with unit_of_work():
            me = tell.who("employer")
            place = employers.organisation_of(me)
            key, _words = keys.make(place, name="人事系统", scopes=["verify", "batch"], quota=5_000, by=me, now=at)
            key_id, place_id = key.id, place.id
    at = tell.back(6, 14)
    with clock.at(at), unit_of_work():
        key = keys.key_of(employers.organisation_of(tell.who("employer")), key_id)
        keys.spend(key, 3, now=at)
        service.verify_many(numbers[8:11], by=Asker("", place_id), way="api", now=at)

    others = (
        ("p12", "津门技术交易服务有限公司", "91120116MA0DEM002", "项目经理持证情况核验", 2),
        ("p34", "北疆智能装备有限公司", "91230199MA0DEM003", "技术合同受托方资格核验", 3),
    )
    for key_name, firm, code, purpose, days in others:
        at = tell.back(days)
        with clock.at(at), unit_of_work():
            me = tell.who(key_name)
            region = tell.world.region("1201" if key_name == "p12" else "2301")
            wish = employers.Wish(firm, credit_code(code), me.name, "", purpose)
            employers.register(me, region, wish, now=at)

    at = tell.back(12)
    with clock.at(at), unit_of_work():
        me = tell.who("holder")
        shown = ["name", "number", "field", "recognitions"]
        _link, token = shares.share(
            db.session.get_one(Certificate, middle["holder"]), by=me, receiver=name, purpose="应聘技术转移总监岗位",
            shows=shown, until=tell.now + timedelta(days=60), now=at,
        )  # fmt: skip
    for days, looker in ((10, None), (9, place_id)):
        with clock.at(tell.back(days)), unit_of_work():
            shares.open_link(token, address="203.0.113.7", by=Asker("203.0.113.7", looker), now=tell.back(days))


def asked_of_the_office(tell: Storyteller, middle: dict[str, int]) -> None:
    """A correction and an appeal that wait; a revocation that is proposed, its holder still to be heard."""
    at = tell.back(4)
    with clock.at(at), unit_of_work():
        me = tell.who("p02")
        proof = keep_bytes(tell.paper("name"), "护照姓名页.pdf", owner=me)
        requests.ask_edition(
            db.session.get_one(Certificate, middle["p02"], with_for_update=True), AskKind.CORRECTION, name="", name_latin="Li Tianyou",
            words="英文姓名拼写应与护照一致。", proof=proof, by=me, now=at,
        )  # fmt: skip
    at = tell.back(15)
    with clock.at(at), unit_of_work():
        me = tell.who("p11")
        proof = keep_bytes(tell.paper("evidence"), "合同登记证明.pdf", owner=me)
        requests.appeal(
            db.session.get_one(Certificate, middle["p11"], with_for_update=True),
            words="合作方已出具说明，相关合同真实履行，请求复核。", proof=proof, by=me, now=at,
        )  # fmt: skip
    at = tell.back(1)
    with clock.at(at), unit_of_work():
        status.change(
            db.session.get_one(Certificate, middle["p05"], with_for_update=True), Change.REVOKE, by=tell.who("cert1"),
            reason="接到实名举报，证书疑被出借用于投标。", code="misuse", now=at,
        )  # fmt: skip


def tell_of_verification(tell: Storyteller, middle: dict[str, int]) -> None:
    of_before(tell)
    employers_checks(tell, middle)
    asked_of_the_office(tell, middle)
