"""The demonstration's known accounts: printed by ``make run``, listed in the README."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "demo-2026-pass"  # known to everybody: the demonstration is open on loopback only


@dataclass(frozen=True)
class Account:
    email: str
    name: str
    role_zh: str
    role_en: str


def _account(key: str, name: str, zh: str, en: str) -> Account:
    return Account(f"{key}@demo.example", name, zh, en)


ACCOUNTS: tuple[Account, ...] = (
    _account("trainee", "林晓雯", "学员（初级在训，中级目标见 trainee2）", "trainee, on the way to junior"),
    _account("trainee2", "周启明", "学员（中级，接近达标）", "trainee, close to intermediate"),
    _account("candidate", "谢雨桐", "学员（初级，可参加正在进行的考试）", "trainee with an exam open now"),
    _account("holder", "许文博", "持证人（中级，哈尔滨已互认）", "holder, recognised in Harbin"),
    _account("lecturer", "陈立群", "讲师", "lecturer"),
    _account("mentor", "方志远", "导师", "mentor"),
    _account("reviewer", "宋雅琴", "评审", "reviewer"),
    _account("reviewer2", "高鹏程", "评审、阅卷", "reviewer, third marker"),
    _account("marker", "梁思齐", "阅卷", "marker"),
    _account("marker2", "沈嘉禾", "阅卷", "marker"),
    _account("invigilator", "何建军", "监考", "invigilator"),
    _account("base", "孟庆华", "培训基地", "training base"),
    _account("base2", "苏晓蕾", "培训基地（第二人）", "training base, second person"),
    _account("exams", "郭淑珍", "考务", "exam office"),
    _account("exams2", "冯致远", "考务（第二人）", "exam office, second person"),
    _account("cert1", "田国强", "发证（审核）", "certification, reviews"),
    _account("cert2", "邓丽华", "发证（决定）", "certification, decides"),
    _account("cert3", "卢佳音", "发证（复议）", "certification, decides appeals"),
    _account("authority1", "赵维东", "地区管理机构（哈尔滨，初审）", "regional authority, Harbin"),
    _account("authority2", "金秀兰", "地区管理机构（哈尔滨，决定）", "regional authority, Harbin"),
    _account("authority3", "刘振宇", "地区管理机构（滨海新区）", "regional authority, Binhai"),
    _account("employer", "施明轩", "用人单位", "employer"),
    _account("auditor", "潘文静", "监督", "auditor"),
    _account("admin", "系统管理员", "管理员", "administrator"),
)

BY_KEY = {account.email.split("@")[0]: account for account in ACCOUNTS}
