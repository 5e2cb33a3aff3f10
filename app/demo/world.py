"""Regions, organisations and people of the demonstration: who they are, before anything happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.accounts import consents, identity, passwords, service, signing
from app.accounts.models import (
    ConsentKind,
    Education,
    IdKind,
    Organisation,
    OrganisationKind,
    Person,
    PracticeKind,
    Region,
    TitleLevel,
)
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.demo.accounts import ACCOUNTS, PASSWORD

K = OrganisationKind

REGIONS = (
    ("1201", "天津市滨海新区", "Binhai New Area, Tianjin", "天津市滨海新区技术经理人认证中心（演示）", "Binhai Technology Manager Certification Centre (demonstration)", True),
    ("2301", "黑龙江省哈尔滨市", "Harbin, Heilongjiang", "哈尔滨市技术经理人认证中心（演示）", "Harbin Technology Manager Certification Centre (demonstration)", True),
    ("6101", "陕西省西安市", "Xi'an, Shaanxi", "西安市技术转移行业组织（演示）", "Xi'an technology transfer association (demonstration)", False),
)  # fmt: skip

ORGANISATIONS = (
    ("1201", K.BASE, "滨海技术转移人才培养基地", "Binhai Technology Transfer Training Base"),
    ("2301", K.BASE, "哈尔滨技术转移人才培养基地", "Harbin Technology Transfer Training Base"),
    ("2301", K.BASE, "松江科技服务培训中心", "Songjiang Technology Service Training Centre"),
    ("1201", K.UNIVERSITY, "海河理工大学技术转移中心", "Technology Transfer Office, Haihe University of Technology"),
    ("1201", K.ENTERPRISE, "渤海湾新材料有限公司", "Bohai Bay Advanced Materials Ltd"),
    ("1201", K.BROKER, "津门技术交易服务有限公司", "Jinmen Technology Exchange Services Ltd"),
    ("1201", K.INSTITUTE, "滨海先进制造研究院", "Binhai Institute of Advanced Manufacturing"),
    ("2301", K.UNIVERSITY, "松花江工业大学成果转化处", "Technology Transfer Division, Songhuajiang Polytechnic University"),
    ("2301", K.ENTERPRISE, "北疆智能装备有限公司", "Northern Frontier Intelligent Equipment Ltd"),
    ("2301", K.BROKER, "冰城知识产权运营有限公司", "Ice City Intellectual Property Operations Ltd"),
    ("2301", K.INSTITUTE, "黑土生物技术研究所", "Black Earth Biotechnology Institute"),
)  # fmt: skip

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚"
GIVEN = (
    "雨桐 浩然 欣怡 子轩 梦洁 俊杰 雅静 天佑 思远 晨曦 佳宁 博文 海燕 志强 丽娜 建平 春梅 永刚 晓东 玉兰 "
    "国栋 婉清 少华 明辉 秋实 立新 红霞 振兴 月明 家骏 静怡 伟民 若溪 一鸣 心怡 景行 知远 乐天 慧敏 学文"
).split()
RARE = ("𠮷野明", "䶮宏伟", "阿卜杜热西提·买买提", "㐂田一郎", "欧阳静", "司马长风")
FIELDS = ("新材料", "生物医药", "高端装备", "电子信息", "现代农业", "节能环保", "海洋工程", "人工智能")


@dataclass
class World:
    """What later parts of the demonstration refer to, by short names."""

    regions: dict[str, int]
    organisations: dict[str, int]
    people: dict[str, int]
    """Key of an account (``mentor``) or ``p01``…: id of the person."""

    def person(self, key: str) -> Person:
        return db.session.get_one(Person, self.people[key])

    def region(self, code: str) -> Region:
        return db.session.get_one(Region, self.regions[code])

    def organisation(self, name: str) -> Organisation:
        return db.session.get_one(Organisation, self.organisations[name])


def is_empty() -> bool:
    return db.session.scalar(select(Person.id).limit(1)) is None


def resident_id(place: str, born: date, serial: int) -> str:
    """An ID number that passes GB 11643's check; the demonstration's people do not exist."""
    body = f"{place}{born:%Y%m%d}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def build(start: datetime) -> World:
    """Regions, organisations, officers and trainees, as they were at ``start``."""
    world = World({}, {}, {})
    with unit_of_work():
        for code, zh, en, authority_zh, authority_en, ours in REGIONS:
            made = service.save_region(
                None,
                code=code,
                name_zh=zh,
                name_en=en,
                authority_zh=authority_zh,
                authority_en=authority_en,
                ours=ours,
                by=None,
            )
            db.session.flush()  # its id is kept
            world.regions[code] = made.id
        for code, kind, zh, en in ORGANISATIONS:
            one = service.create_organisation(
                name_zh=zh, region=world.region(code), kind=kind, name_en=en, by=None, now=start
            )
            db.session.flush()  # its id is kept
            world.organisations[zh] = one.id
    known = passwords.hashed(PASSWORD)
    _officers(world, known, start)
    _trainees(world, known, start)
    return world


HOMES = {
    "base": "滨海技术转移人才培养基地", "base2": "滨海技术转移人才培养基地", "lecturer": "滨海技术转移人才培养基地", "trainee": "渤海湾新材料有限公司",
    "trainee2": "滨海先进制造研究院", "candidate": "渤海湾新材料有限公司", "holder": "海河理工大学技术转移中心", "mentor": "滨海先进制造研究院",
    "reviewer": "海河理工大学技术转移中心", "reviewer2": "津门技术交易服务有限公司", "employer": "渤海湾新材料有限公司",
}  # fmt: skip
NORTH = {"authority1", "authority2"}
BACKGROUNDS: dict[str, dict[str, Any]] = {
    "trainee": {"education": Education.BACHELOR, "experience_years": 1, "field": "新材料"},
    "trainee2": {
        "education": Education.MASTER, "experience_years": 5, "field": "高端装备", "title_level": TitleLevel.MIDDLE,
        "title_years": 3, "practice_kind": PracticeKind.MARKET, "name_latin": "Zhou Qiming",
    },
    "candidate": {"education": Education.BACHELOR, "experience_years": 2, "field": "电子信息"},
    "holder": {
        "education": Education.DOCTOR, "experience_years": 8, "field": "生物医药", "title_level": TitleLevel.MIDDLE,
        "title_years": 5, "practice_kind": PracticeKind.SUPPLY, "name_latin": "Xu Wenbo",
    },
}  # fmt: skip


def _officers(world: World, known: str, start: datetime) -> None:
    south, north = world.regions["1201"], world.regions["2301"]
    base, north_base = (
        world.organisations["滨海技术转移人才培养基地"],
        world.organisations["哈尔滨技术转移人才培养基地"],
    )
    roles: dict[str, list[tuple[Role, Scope, int]]] = {
        "lecturer": [(Role.LECTURER, Scope.ORGANISATION, base)],
        "mentor": [(Role.MENTOR, Scope.SITE, 0)],
        "reviewer": [(Role.REVIEWER, Scope.SITE, 0)],
        "reviewer2": [(Role.REVIEWER, Scope.SITE, 0), (Role.MARKER, Scope.SITE, 0)],
        "marker": [(Role.MARKER, Scope.SITE, 0)],
        "marker2": [(Role.MARKER, Scope.SITE, 0)],
        "invigilator": [(Role.INVIGILATOR, Scope.SITE, 0)],
        "base": [(Role.BASE, Scope.ORGANISATION, base), (Role.BASE, Scope.ORGANISATION, north_base)],
        "base2": [(Role.BASE, Scope.ORGANISATION, base), (Role.BASE, Scope.ORGANISATION, north_base)],
        "exams": [(Role.EXAM_OFFICE, Scope.SITE, 0)],
        "exams2": [(Role.EXAM_OFFICE, Scope.SITE, 0)],
        "cert1": [(Role.CERTIFICATION, Scope.SITE, 0)],
        "cert2": [(Role.CERTIFICATION, Scope.SITE, 0)],
        "cert3": [(Role.CERTIFICATION, Scope.SITE, 0)],
        "authority1": [(Role.AUTHORITY, Scope.REGION, north)],
        "authority2": [(Role.AUTHORITY, Scope.REGION, north)],
        "authority3": [(Role.AUTHORITY, Scope.REGION, south)],
        "auditor": [(Role.AUDITOR, Scope.SITE, 0)],
        "admin": [(Role.ADMIN, Scope.SITE, 0)],
    }
    for n, account in enumerate(ACCOUNTS):
        key = account.email.split("@")[0]
        home = HOMES.get(key)
        with unit_of_work():
            person = signing.register(
                email=account.email, name=account.name, password_hash=known, now=start + timedelta(minutes=n),
                region=world.region("2301" if key in NORTH else "1201"), organisation=world.organisation(home) if home else None,
                **BACKGROUNDS.get(key, {}),
            )  # fmt: skip
            world.people[key] = person.id
            for role, scope, scope_id in roles.get(key, []):
                service.grant_role(person, role, scope, scope_id, by=None, now=start)
            if key in BACKGROUNDS:
                _identify(person, n, start)


def _identify(person: Person, n: int, now: datetime) -> None:
    born = date(1980 + n % 20, 1 + n % 12, 1 + n % 28)
    identity.set_id_number(person, IdKind.RESIDENT, resident_id("120116", born, 100 + n), by=person, today=now.date())
    identity.set_phone(person, f"139{20260000 + n:08d}", by=person)


def _trainees(world: World, known: str, start: datetime) -> None:
    """Forty-two people: thirty in the south, twelve in the north; a few with names that are hard to print."""
    south = [o for o in ORGANISATIONS if o[0] == "1201" and o[1] is not K.BASE]
    north = [o for o in ORGANISATIONS if o[0] == "2301" and o[1] is not K.BASE]
    for n in range(42):
        here = "1201" if n < 30 else "2301"
        employer = (south if n < 30 else north)[n % 4][2]
        name = RARE[n // 7] if n % 7 == 3 and n // 7 < len(RARE) else SURNAMES[n] + GIVEN[(n * 7) % len(GIVEN)]
        with unit_of_work():
            person = signing.register(
                email=f"p{n + 1:02d}@demo.example", name=name, password_hash=known, now=start + timedelta(hours=n),
                region=world.region(here), organisation=world.organisation(employer),
                education=(Education.BACHELOR, Education.MASTER, Education.COLLEGE)[n % 3] if n % 3 != 2 else Education.COLLEGE,
                experience_years=n % 9, title_level=TitleLevel.MIDDLE if n % 5 == 0 else TitleLevel.NONE,
                title_years=3 if n % 5 == 0 else 0, field=FIELDS[n % len(FIELDS)],
                practice_kind=(PracticeKind.SUPPLY, PracticeKind.MARKET)[n % 2], full_time=n % 4 != 3,
            )  # fmt: skip
            _identify(person, 40 + n, start)
            if n % 3:
                consents.give_consent(person, ConsentKind.PUBLIC_REGISTER, now=start)
            world.people[f"p{n + 1:02d}"] = person.id
    with unit_of_work():
        for key in ("holder", "trainee2"):
            consents.give_consent(world.person(key), ConsentKind.PUBLIC_REGISTER, now=start)
