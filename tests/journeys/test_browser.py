"""The whole way in a real browser: a new person and ten officers, each in a browser of their own, from the sign-up page to
a 中级 certificate that anybody verifies and Harbin recognises. Pictures are kept in test-output/journey/.

What the worker would do is done by ``flask jobs run`` (once as the program itself, else by its two calls).
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.db import db
from app.exams import papers
from app.exams.models import Sitting
from app.jobs.service import run_clockwork, run_waiting
from app.training import attendance, signing
from app.training.class_models import Way
from app.training.models import ClassSession
from tests.browser.conftest import ARGUMENTS, PICTURES, _missing
from tests.browser.server import ROOT, Server, running
from tests.factories.certification import id_number
from tests.journeys.walk import PASSWORD, RANK, TASKS, Walk, has_written_part

pytestmark = pytest.mark.browser

EMAIL, NAME, LEVEL = "lu.mingyuan@example.org", "陆明远", "中级技术经理人"
FOLDER = PICTURES / "journey"
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,'-]+[A-Za-z]{2,}){2,}")
ANSWER_ALL = """(answers) => {
  const fire = (input) => input.dispatchEvent(new Event(input.type === 'textarea' || input.type === 'text' ? 'input' : 'change', {bubbles: true}));
  const put = (box, name, kind, answer) => {
    const found = [...box.querySelectorAll('input, select, textarea')].filter((i) => i.name === name || i.name.startsWith(name + '.'));
    if (['single', 'multiple', 'truefalse'].includes(kind)) {
      const chosen = [].concat(answer).map(String);
      found.forEach((i) => { if (i.checked !== chosen.includes(i.value)) { i.checked = !i.checked; fire(i); } });
    } else if (kind === 'matching') found.forEach((i) => { i.value = answer[i.name.slice(name.length + 1)]; fire(i); });
    else if (kind === 'ordering') found.forEach((i) => { i.value = String(answer.indexOf(i.name.slice(name.length + 1)) + 1); fire(i); });
    else [].concat(kind === 'numeric' ? answer.value : answer).forEach((text, n) => { found[n].value = String(text); fire(found[n]); });
  };
  for (const [place, answer] of Object.entries(answers)) {
    const frame = document.querySelector(`fieldset.question[data-name="q${place}"]`);
    if (frame.dataset.kind !== 'case') put(frame, `q${place}`, frame.dataset.kind, answer);
    else for (const box of frame.querySelectorAll('[data-part]')) put(box, `q${place}-${box.dataset.part}`, box.dataset.kind, answer[box.dataset.part]);
  }
}"""


def english_lines(text: str) -> list[str]:
    """Lines of a Chinese page that say three English words in a row and nothing in Chinese."""
    return [line for line in text.splitlines() if ENGLISH.search(line) and not re.search(r"[\u4e00-\u9fff]", line)]


def test_from_sign_up_to_recognition_in_the_browser(tmp_path: Path, translations: None) -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        _missing("no Chromium: install the system package chromium, or set CHROMIUM")
    shutil.rmtree(FOLDER, ignore_errors=True)
    with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in a thread of its own, whatever ran before
        apart.submit(journey, tmp_path, path).result()


def journey(tmp_path: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    with running(tmp_path) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            Stage(server, browser).play()
        finally:
            browser.close()
            clock.set_offset(timedelta())


class Actor:
    """One person in a browser of their own. A session that ended on the way is begun again through the sign-in page."""

    def __init__(self, stage: Stage, email: str, width: int = 1280) -> None:
        self.stage, self.email = stage, email
        self.context = stage.browser.new_context(
            base_url=stage.server.url, locale="zh-CN", viewport={"width": width, "height": 900},
            timezone_id="Asia/Shanghai", accept_downloads=True,
        )  # fmt: skip
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.page.on("response", self._look_at)
        self.page.on("pageerror", lambda error: stage.faults.append(f"{self.page.url}: {error}"))

    def _look_at(self, answer: Any) -> None:
        if answer.status >= 500:
            self.stage.faults.append(f"{answer.request.method} {answer.url} answered {answer.status}")

    def go(self, address: str) -> Any:
        answer = self.page.goto(address)
        if "/sign-in?" in self.page.url or self.page.url.endswith("/sign-in"):
            self.fill(email=self.email, password=PASSWORD).press("登录")
            answer = self.page.goto(address)
        assert answer is not None and answer.status < 400, f"{self.email} at {address}: {answer.status}"
        return self.page

    def fill(self, **values: Any) -> Actor:
        """Fill fields of the page by name."""
        for name, value in values.items():
            found = self.page.locator(f'main [name="{name}"]')
            kind = found.first.evaluate("(e) => e.type")
            if kind == "file":
                found.first.set_input_files(value)
            elif kind == "radio":
                self.page.locator(f'main [name="{name}"][value="{value}"]').check()
            elif kind == "checkbox":
                found.first.set_checked(value)
            elif kind.startswith("select"):
                found.first.select_option(value)
            else:
                found.first.fill(str(value))
        return self

    def press(self, label: str, *, link: bool = False, nth: int = 0, fine: bool = True) -> Any:
        """Press a button of the page (and confirm where it asks), and look whether the page took it."""
        found = self.page.locator("main").get_by_role("link" if link else "button", name=label, exact=True)
        with self.page.expect_navigation():
            found.nth(nth).click()
            dialog = self.page.locator("#confirm-dialog[open] [value=yes]")
            if dialog.count():
                dialog.click()
        if fine:
            wrong = self.page.locator(".error-summary")
            assert not wrong.count(), f"{label} at {self.page.url}: {wrong.first.inner_text()}"
        return self.page

    def sees(self, *words: str) -> Actor:
        text = self.page.locator("main").inner_text()
        for one in words:
            assert one in text, f"{one!r} does not stand on {self.page.url}:\n{text[:1500]}"
        return self

    def shoot(self, name: str, width: int = 0) -> Actor:
        """A picture of the page (and its look at the words)."""
        self.stage.judge(self.page)
        FOLDER.mkdir(parents=True, exist_ok=True)
        size = dict(self.page.viewport_size)
        if width:
            self.page.set_viewport_size({"width": width, "height": 844})
        self.stage.pictures += 1
        self.page.screenshot(
            path=FOLDER / f"{self.stage.pictures:02d}-{name}{f'-{width}' if width else ''}.png", full_page=True
        )
        if width:
            over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 1:
                self.stage.faults.append(f"{self.page.url} is {over} px too wide at {width}")
            self.page.set_viewport_size(size)
        return self


class Stage:
    """The server, the people, and the acts in order."""

    def __init__(self, server: Server, browser: Any) -> None:
        self.server, self.browser = server, browser
        self.faults: list[str] = []
        self.pictures, self.files = 0, 0
        self.at("2026-03-02 09:00")
        self.walk: Walk = self.do(lambda: Walk(lambda instant: self.show(instant), None))
        self.actors: dict[str, Actor] = {}

    def do(self, work: Callable[[], Any]) -> Any:
        return self.server.do(work)

    def show(self, instant: datetime) -> None:
        """The clock of server, worker and test shows this instant from now on."""
        clock.set_offset(instant - datetime.now(UTC))

    def at(self, words: str) -> None:
        self.show(datetime.fromisoformat(words).replace(tzinfo=clock.LOCAL))

    def judge(self, page: Any) -> None:
        """Does the page speak Chinese only, under one heading?"""
        seen = page.evaluate(
            "() => ({h: document.querySelectorAll('h1').length, t: document.querySelector('main').innerText, f: [...document.querySelectorAll('form')].filter((f) => f.method === 'post' && !f.querySelector('[name$=csrf_token]')).length})"
        )
        if seen["h"] != 1:
            self.faults.append(f"{page.url} has {seen['h']} headings of the first rank")
        if seen["f"]:
            self.faults.append(f"{page.url} has {seen['f']} forms without a token")
        self.faults += [f"{page.url}: not in Chinese: {words!r}" for words in english_lines(seen["t"])]

    def who(self, key: str) -> Actor:
        if key not in self.actors:
            self.actors[key] = Actor(self, EMAIL if key == "me" else f"{key}@journey.example")
        return self.actors[key]

    def paper(self, name: str = "证明材料") -> dict[str, Any]:
        self.files += 1
        content = f"%PDF-1.4\n% {name} {self.files}\n%%EOF\n".encode()
        return {"name": f"{name}.pdf", "mimeType": "application/pdf", "buffer": content}

    def work(self) -> None:
        """What the worker does within seconds."""
        self.do(lambda: (run_waiting(), run_clockwork()))

    def play(self) -> None:
        self.sign_up()
        self.choose()
        self.train()
        self.sit()
        self.practise()
        self.perform()
        number = self.certify()
        self.recognise(number)
        assert not self.faults, "\n".join(sorted(set(self.faults)))

    # Sign-up and profile

    def sign_up(self) -> None:
        me = self.who("me")
        me.page.goto("/")
        me.shoot("first-page").shoot("first-page", 390)
        me.page.goto("/sign-up")
        me.shoot("sign-up")
        me.fill(name=NAME, email=EMAIL, password=PASSWORD, again=PASSWORD, employer="渤海湾新材料有限公司", terms=True)
        me.fill(region=str(self.walk.regions["south"]))
        me.press("注册")
        me.sees(EMAIL).shoot("mail-sent")
        me.press("打开邮件中的链接", link=True)
        me.fill(password=PASSWORD).press("开通账户")
        self.walk.ids["me"] = self.do(lambda: db.session.scalars(select(Person.id).where(Person.email == EMAIL)).one())
        me.fill(
            education="bachelor",
            experience_years=2,
            title_level="middle",
            title_years=3,
            field="新材料",
            name_latin="Lu Mingyuan",
        )
        me.shoot("profile").press("保存")
        me.go("/me/identity")
        me.page.locator('form[action$="/me/identity/number"] [name=number]').fill(id_number())
        me.press("保存号码")
        picture = io.BytesIO()
        Image.new("RGB", (358, 501), (150, 170, 200)).save(picture, "JPEG")
        me.fill(photo={"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}).press("上传照片")
        me.shoot("identity")
        me.go("/me/consents")
        me.shoot("consents")
        for kind in ("photo", "public_register"):
            with me.page.expect_navigation():
                me.page.locator(f'form[action$="/me/consents/{kind}"] button').first.click()

    def choose(self) -> None:
        me = self.who("me")
        me.go("/pathway/choose")
        me.shoot("choose-level").press(f"以{LEVEL}为目标")
        me.go("/home")
        me.sees(LEVEL).shoot("home-at-first").shoot("home-at-first", 390)

    # Training

    def train(self) -> None:
        me, base = self.who("me"), self.who("base")
        base.go("/home")
        base.shoot("base-home")
        base.go("/training/office/classes/new")
        base.fill(
            level=str(RANK), title="滨海中级技术经理人培训班", place="一号教室", starts_on="2026-03-09", ends_on="2026-03-27",
            enrol_from="2026-03-02", enrol_until="2026-03-09", capacity=20,
        )  # fmt: skip
        base.shoot("base-new-class").press("保存")
        class_id = int(re.search(r"/classes/(\d+)", base.page.url)[1])  # type: ignore[index]
        base.go(f"/training/office/classes/{class_id}/timetable")
        base.press("按培训方案生成")
        base.shoot("base-timetable")
        base.go(f"/training/office/classes/{class_id}")
        base.press("公布班次")
        me.go("/training")
        me.shoot("classes").shoot("classes", 390)
        me.go(f"/training/classes/{class_id}")
        me.shoot("class").press("报名", link=True)
        me.fill(pledge=True).shoot("enrol").press("提交报名")
        base.go("/training/office/queue")
        base.sees(NAME).shoot("base-queue")
        self.follow(base, NAME)
        base.shoot("base-enrolment").press("通过")
        self.attend(class_id)
        self.at("2026-03-27 19:00")
        base.go(f"/training/office/classes/{class_id}/hours")
        base.press("计入所有已结束节次的学时")
        base.shoot("base-hours")
        base.press("结班")
        me.go("/training/mine")
        me.sees("达到培训要求").shoot("training").shoot("training", 390)

    def attend(self, class_id: int) -> None:
        """Every period by the code of its moment; the first one by the code on the teacher's screen."""
        me, base = self.who("me"), self.who("base")

        def periods() -> list[tuple[int, datetime, datetime]]:
            asked = select(ClassSession).where(ClassSession.class_id == class_id).order_by(ClassSession.starts_at)
            return [(one.id, one.starts_at, one.ends_at) for one in db.session.scalars(asked)]

        for n, (period_id, starts, ends) in enumerate(self.do(periods)):
            self.show(starts + timedelta(minutes=3))
            if n == 0:
                self.do(lambda: run_clockwork(only="training.start_classes"))
                base.go(f"/training/office/periods/{period_id}/screen")
                base.shoot("sign-in-screen")
                token = base.page.locator("[data-address]").get_attribute("href").rsplit("/", 1)[1]
            else:
                token = self.do(
                    lambda i=period_id: attendance.code_for(db.session.get_one(ClassSession, i), clock.now()).token
                )
            me.go(f"/training/sign-in/{token}")
            if n == 0:
                me.shoot("sign-in-phone", 390)
            me.press("我已到场，签到")
            if n == 0:
                me.shoot("signed-in-phone", 390)
            self.show(ends - timedelta(minutes=5))
            token = self.do(
                lambda i=period_id: signing.code_for(db.session.get_one(ClassSession, i), Way.OUT, clock.now()).token
            )
            me.go(f"/training/sign-in/{token}")
            me.press("节次签退")
            if n == 0:
                me.shoot("signed-out-phone", 390)

    # Exam

    def sit(self) -> None:
        me, exams = self.who("me"), self.who("exams")
        exams.go(f"/exams/office/sessions/new?level={RANK}")
        exams.fill(
            region_id=str(self.walk.regions["south"]), title="2026年春季中级考试", opens_at="2026-04-03T09:00",
            closes_at="2026-04-03T12:00",
        )  # fmt: skip
        exams.shoot("exam-plan").press("保存并继续")
        session_url = exams.page.url.removeprefix(self.server.url).split("/set-up/")[0]
        exams.press("保存并继续")
        exams.fill(place="第一机房").press("保存并继续")
        exams.fill(shown="answers", markers="1").press("保存并继续")
        exams.shoot("exam-draft").press("发布考次")
        sitting_id = self.register()
        me.shoot("exam-before-opening")
        self.at("2026-04-03 09:02")
        me.go("/exams/")
        me.shoot("exams").press("进入考试", link=True)
        me.fill(honour=True).shoot("exam-start").press("开始考试")
        self.answer(sitting_id)
        self.at("2026-04-03 12:30")
        self.work()
        self.mark()
        exams.go(session_url)
        exams.shoot("exam-marked").press("向 1 人发布成绩")
        me.go("/exams/")
        me.sees("合格").press("查看成绩", link=True)
        me.sees("99").shoot("exam-result").shoot("exam-result", 390)

    def register(self) -> int:
        """Register; where the paper holds nothing a person must mark, step back and register again."""
        me = self.who("me")
        for _ in range(20):
            me.go("/exams/")
            me.press("报名考试")
            sitting_id = int(re.search(r"/sittings/(\d+)/", me.page.url)[1])  # type: ignore[index]
            if self.do(lambda i=sitting_id: has_written_part(papers.paper_of(db.session.get_one(Sitting, i)))):
                return sitting_id
            me.go("/exams/")
            me.press("取消报名")
        raise AssertionError("twenty papers without a written part")

    def answer(self, sitting_id: int) -> None:
        me = self.who("me")
        page = me.page
        page.wait_for_load_state("networkidle")

        def key() -> dict[int, Any]:
            paper = papers.paper_of(db.session.get_one(Sitting, sitting_id))
            return {entry.place: Walk._answer(entry) for entry in paper}

        answers = self.do(key)
        me.shoot("exam")
        clicked = [
            n for n in answers if page.locator(f'fieldset[data-name="q{n}"]').get_attribute("data-kind") == "single"
        ][:4]
        for n in clicked:
            page.locator(f'label.choice:has(input[name="q{n}"][value="{answers[n]}"])').click()
        left_out = clicked[-1] + 1
        page.evaluate(ANSWER_ALL, {n: a for n, a in answers.items() if n not in (*clicked, left_out)})
        page.wait_for_selector("[data-map].unsaved", state="detached")
        assert page.locator("[data-map].answered").count() == len(answers) - 1
        me.shoot("exam-answered").shoot("exam-answered", 390)
        page.locator("#hand-in").click()
        dialog = page.locator("#hand-in-dialog")
        dialog.wait_for()
        assert page.locator("#hand-in-open").inner_text().strip(), "the question left open is named"
        page.screenshot(path=FOLDER / f"{self.pictures:02d}-exam-hand-in.png")
        dialog.get_by_role("button", name="提交答卷").click()
        page.wait_for_url("**/done")
        me.sees("您已交卷", f"{len(answers) - 1}").shoot("exam-done")

    def mark(self) -> None:
        marker = self.who("marker")
        marker.go("/exams/office/marking")
        marker.shoot("marking-queue").press("阅卷", link=True)
        for n in range(20):
            boxes = marker.page.locator("main input[name^=points-]")
            if not boxes.count():
                break
            for i in range(boxes.count()):
                most = marker.page.locator(f"#help-{i}").inner_text().split()[-1]
                boxes.nth(i).fill(re.search(r"([\d.]+)\D*$", most)[1])  # type: ignore[index]
            marker.fill(remark="要点齐全，依据充分。")
            if n == 0:
                marker.shoot("marking")
            marker.press("保存评分，继续下一份")
        marker.go("/exams/office/marking")
        marker.sees("没有待阅的答卷")

    # Practice

    def practise(self) -> None:
        """Two tasks through the pages, three through the services in the same way."""
        me = self.who("me")
        self.at("2026-04-07 09:00")
        for n, (code, real) in enumerate(TASKS[:2]):
            self.task(code, real, pictures=n == 0)
        for code, real in TASKS[2:]:
            self.do(lambda code=code, real=real: self.walk.do_task(code, real))
        me.go("/practice?level=2")
        me.shoot("practice").shoot("practice", 390)

    def task(self, code: str, real: bool, *, pictures: bool) -> None:
        me, mentor, reviewer = self.who("me"), self.who("mentor"), self.who("reviewer")
        title = f"高性能膜材料成果 {code}"
        me.go(f"/practice/new?level={RANK}")
        me.fill(
            task_code=code, title=title, project="高性能膜材料成果转化", real="1" if real else "0", counterpart="滨海制造有限公司",
            host_unit="滨海先进制造研究院", role="leading", share="100", started_on="2026-04-01", ended_on="2026-04-06",
        )  # fmt: skip
        self.look(me, pictures, "task-1").press("保存并继续")
        me.fill(
            did="访谈发明人，核对权属与既有专利。",
            result="形成交付材料一份，对方书面确认。",
            next_step="约定下一次沟通，补充数据。",
        )
        me.fill(**{"lines-0-on": "2026-04-01", "lines-0-hours": "4", "lines-0-text": "现场访谈，记录技术要点"})
        self.look(me, pictures, "task-2").press("保存并继续")
        me.fill(files=self.paper("交付材料")).press("添加文件")
        self.look(me, pictures, "task-3").press("继续", link=True)
        me.fill(confidentiality="internal", mentor_id=str(self.walk.ids["mentor"]), self_score=85, honest=True)
        self.look(me, pictures, "task-4").press("提交导师确认")
        self.look(me, pictures, "task-submitted")
        mentor.go("/practice/mentoring")
        self.look(mentor, pictures, "mentor-list")
        self.follow(mentor, title)
        mentor.fill(remark="情况属实。")
        self.look(mentor, pictures, "mentor-task").press("确认")
        reviewer.go("/practice/reviews")
        self.look(reviewer, pictures, "review-list")
        self.follow(reviewer, title)
        given = {"truth": 18, "analysis": 21, "process": 17, "quality": 21, "compliance": 9}
        reviewer.fill(**{f"points_{criterion}": value for criterion, value in given.items()})
        reviewer.page.locator("main textarea[name=remark]").first.fill("过程规范，证据充分。")
        self.look(reviewer, pictures, "review").press("提交评分")
        me.go("/practice?level=2")
        self.follow(me, title)
        self.look(me.sees("86"), pictures, "task-passed")

    @staticmethod
    def look(actor: Actor, wanted: bool, name: str) -> Actor:
        return actor.shoot(name) if wanted else actor

    @staticmethod
    def follow(actor: Actor, words: str) -> None:
        with actor.page.expect_navigation():
            actor.page.locator("main").get_by_role("link", name=words).first.click()

    # Performance

    def perform(self) -> None:
        me, cert = self.who("me"), self.who("cert1")
        self.at("2026-04-14 09:00")
        cert.go("/performance/contracts/new")
        cert.fill(
            number="20261201000017", title="膜分离专利实施许可", kind="licence", buyer="滨海制造有限公司", seller="海河理工大学",
            amount="1200", signed_on="2026-04-10", registered_on="2026-04-12",
        )  # fmt: skip
        cert.shoot("contract-entry").press("保存")
        me.go("/performance/claims/new")
        me.shoot("claim-choose")
        me.go("/performance/claims/new?indicator=P1")
        me.fill(number="20261201000017").press("继续")
        me.fill(
            title="膜分离专利实施许可",
            amount="1200",
            signed_on="2026-04-10",
            share="100",
            note="促成双方签约并办理登记。",
            files=self.paper("登记证明"),
        )
        me.shoot("claim").press("提交")
        me.shoot("claim-submitted")
        reviewer = self.who("cert2")
        reviewer.go("/performance/inbox")
        reviewer.shoot("claims-waiting")
        self.follow(reviewer, "膜分离专利实施许可")
        reviewer.fill(remark="证明齐全。").shoot("claim-decide").press("入账")
        me.go("/performance/")
        me.sees("38").shoot("performance").shoot("performance", 390)
        me.go("/home")
        me.sees("各环节均已达标，可以申请认定。").shoot("home-eligible").shoot("home-eligible", 390)

    # Certification

    def certify(self) -> str:
        me, first, second = self.who("me"), self.who("cert1"), self.who("cert2")
        me.press("申请认定", link=True)
        me.fill(pledge=True).shoot("apply").press("提交申请")
        me.shoot("application")
        self.at("2026-04-28 10:00")
        first.go("/office/applications")
        first.shoot("applications")
        self.follow(first, NAME)
        case = first.page.url.removeprefix(self.server.url)
        first.fill(reason="材料齐全。").shoot("case").press("审核通过并公示")
        first.shoot("case-on-notice")
        visitor = self.who("visitor")
        visitor.page.goto("/notice")
        visitor.sees(NAME).shoot("notice").shoot("notice", 390)
        second.go(case)
        assert not second.page.get_by_role("button", name="签发证书").count(), "the notice still runs"
        ends = self.do(lambda: self.walk_notice_end())
        self.show(clock.start_of(ends) + timedelta(hours=14))
        second.go(case)
        assert not second.page.get_by_role("button", name="签发证书").count(), (
            "the last day still belongs to the notice"
        )
        with second.page.expect_navigation():
            second.page.locator("form.clock").get_by_role("button", name="1 天后").click()
        first.go(case)
        assert not first.page.get_by_role("button", name="签发证书").count(), "who reviewed does not decide"
        second.go(case)
        second.shoot("case-decide").press("签发证书")
        second.shoot("case-issued")
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", "jobs", "run"], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "APP_MODE": "demo", "INSTANCE": str(self.server.instance)}, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        me.go("/certificates")
        me.sees(NAME).shoot("certificates").shoot("certificates", 390)
        with me.page.expect_download() as held:
            me.page.get_by_role("link", name="下载 PDF").click()
        pdf = Path(held.value.path()).read_bytes()
        assert pdf.startswith(b"%PDF-") and len(pdf) > 10_000
        (FOLDER / "certificate.pdf").write_bytes(pdf)
        number = re.search(r"TTM1201\w+", me.page.locator("main").inner_text())
        assert number
        me.go("/home")
        me.sees("您已持有本级证书。").shoot("home-certified")
        return number[0]

    def walk_notice_end(self) -> date:
        from app.certification.models import Application

        return db.session.scalars(select(Application.notice_ends_on)).one()

    def verify(self, number: str, name: str) -> Actor:
        visitor = self.who("visitor")
        visitor.page.goto("/verify")
        visitor.fill(number=number, name=name).press("查验", fine=False)
        return visitor

    # Verification and recognition

    def recognise(self, number: str) -> None:
        self.verify(number, "陆明元").sees("未").shoot("verify-wrong-name")
        self.verify(number, NAME).sees(NAME, number, LEVEL).shoot("verified").shoot("verified", 390)
        me, one, other = self.who("me"), self.who("north1"), self.who("north2")
        one.go("/recognition/agreements/new")
        one.fill(
            region_id=str(self.walk.regions["north"]), partner_id=str(self.walk.regions["south"]), basis="哈津科互认〔2026〕1号",
            signed_on="2026-04-01", effective_on="2026-04-01", ends_on="2028-03-31", scope="各级证书",
            levels="初级技术经理人 | 1\n中级技术经理人 | 2",
        )  # fmt: skip
        one.shoot("agreement-entry").press("保存草稿")
        one.fill(reason="双方会签完成。")
        with one.page.expect_navigation():
            one.page.locator("main button[name=move][value=grant]").click()
        one.shoot("agreement")
        me.go("/recognition/new")
        me.fill(
            region_id=str(self.walk.regions["north"]), target_rank=str(RANK), purpose="参与哈尔滨项目", consents=True
        )
        certificate = me.page.locator("main [name=certificate_id] option", has_text=number)
        me.fill(certificate_id=certificate.get_attribute("value"))
        me.shoot("recognition-ask").press("提交申请")
        me.shoot("recognition-asked")
        one.go("/recognition/cases")
        one.shoot("recognition-cases")
        with one.page.expect_navigation():
            one.page.locator("main tr", has_text=number).get_by_role("link").first.click()
        case = one.page.url.removeprefix(self.server.url)
        propose = one.page.locator('form[action$="/propose"]')
        propose.locator("[name$=outcome][value=equal]").check()
        propose.locator("[name$=rank]").fill(str(RANK))
        propose.locator("[name$=remark]").fill("登记册核对一致。")
        one.shoot("recognition-case").press("提交意见")
        one.go(case)
        assert not one.page.get_by_role("button", name="按意见决定").count(), "who proposed does not decide"
        other.go(case)
        other.shoot("recognition-decide").press("按意见决定")
        self.work()
        me.go("/recognition/")
        me.sees("已认可").shoot("recognition-mine")
        self.verify(number, NAME).sees("跨区互认", "哈尔滨", LEVEL).shoot("verified-recognised").shoot(
            "verified-recognised", 390
        )
        code = self.verify(number, NAME)
        code.page.goto(f"/c/{self.do(self._token)}")
        code.sees("陆**").shoot("qr-target", 390)
        me.go("/my/checks")
        me.shoot("checks")
        me.go("/notices")
        me.shoot("letters").shoot("letters", 390)

    @staticmethod
    def _token() -> str:
        from app.certification.models import Certificate

        return db.session.scalars(select(Certificate.token)).one()
