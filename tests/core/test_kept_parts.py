"""What is rendered once: the frame with what is the person's filled in, and parts that say the same to everybody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.core.permissions import Role
from app.db import db
from app.training.models import CourseVersion, ProgrammeCourse, ProgrammeVersion
from tests.factories import people

ROOT = Path(__file__).resolve().parents[2]


def test_the_frame_is_kept_and_still_says_who_reads(client_as: Any) -> None:
    """Two readers with the same roles get the same kept frame, each with their own name, number, token and address."""
    first, second = people.person("王<b>建国"), people.person("李 & 梅")
    one, other = client_as(first), client_as(second)
    pages = [one.get("/notices").text, other.get("/notices").text]
    assert "王&lt;b&gt;建国" in pages[0] and "李 &amp; 梅" not in pages[0]
    assert "李 &amp; 梅" in pages[1] and "建国" not in pages[1]
    assert [f'data-person="{p.id}"' in page for p, page in zip((first, second), pages, strict=True)] == [True, True]
    tokens = [re.findall(r'name="csrf_token" value="([^"]*)"', page) for page in pages]
    assert all(tokens) and not set(tokens[0]) & set(tokens[1])
    assert "\ue001" not in pages[0] + pages[1]


def test_the_way_back_is_the_page_one_stands_on(client_as: Any) -> None:
    browser = client_as(people.person())
    for address in ("/training?level=1&q=a%26b", "/training"):
        found = re.search(r'href="/language/en\?next=([^"]*)"', browser.get(address).text)
        assert found
        assert browser.get(f"/language/zh_Hans?next={found[1]}".replace("&amp;", "&")).location.startswith(address[:9])


def test_the_kept_frame_knows_the_doors_of_visitors(client: Any) -> None:
    """Pages outside the menu share one frame, but for the two doors that mark themselves."""
    marked = re.compile(r'href="/sign-(in|up)" aria-current="page"')
    assert not marked.search(client.get("/privacy").text)
    assert marked.findall(client.get("/sign-in").text) == ["in"]
    assert marked.findall(client.get("/sign-up").text) == ["up"]
    assert not marked.search(client.get("/accessibility").text)


def test_officers_and_trainees_do_not_share_a_frame(client_as: Any) -> None:
    officer, trainee = client_as(people.officer(Role.EXAM_OFFICE)), client_as(people.person())
    assert "/exams/office" in officer.get("/training").text
    assert "/exams/office" not in trainee.get("/training").text


def test_the_courses_of_a_programme_are_read_once(client_as: Any, queries: Any) -> None:
    browser = client_as(people.person())
    browser.get("/training/courses/1")
    with queries() as seen:
        page = browser.get("/training/courses/1").text
    assert len(seen) == 2, "\n".join(seen)  # who reads; which programme is the newest
    title = db.session.query(CourseVersion).join(ProgrammeCourse).first().title_zh  # type: ignore[union-attr]
    assert title
    _next_programme()
    assert "全新的课程" in browser.get("/training/courses/1").text
    assert "全新的课程" not in page
    assert '<html lang="en"' in client_english(browser)


def client_english(browser: Any) -> str:
    browser.get("/language/en?next=/")
    return browser.get("/training/courses/1").text


def _next_programme() -> None:
    """A newer programme of the first level with one course of its own."""
    from app.core import clock
    from app.db import unit_of_work

    with unit_of_work() as work:
        old = (
            work.query(ProgrammeVersion)
            .filter_by(level=1, organisation_key=0)
            .order_by(ProgrammeVersion.number.desc())
            .first()
        )
        assert old is not None
        course = old.entries[0].version
        made = CourseVersion(
            course_id=course.course_id, number=course.number + 7, state=course.state, module=course.module, hours=course.hours,
            title_zh="全新的课程", published_at=clock.now(),
        )  # fmt: skip
        newer = ProgrammeVersion(level=1, number=old.number + 1, created_at=clock.now())
        work.add_all([made, newer])
        work.flush()
        work.add(ProgrammeCourse(programme_id=newer.id, position=1, version_id=made.id))


def test_the_class_list_of_one_page_is_not_counted(client_as: Any, queries: Any) -> None:
    from tests.factories import training

    for n in range(3):
        training.make_class(level=1, title=f"第{n + 1}期")
    browser = client_as(people.person())
    browser.get("/training")
    with queries() as seen:
        page = browser.get("/training").text
    assert "第3期" in page
    assert len(seen) <= 4, "\n".join(seen)  # who reads; regions of the filter; the classes; how many places are taken


def test_a_list_of_several_pages_says_how_many_they_are(client_as: Any) -> None:
    from sqlalchemy import select

    from app.accounts.models import Person
    from app.core.tables import Column, Listing

    for n in range(60):
        people.person(f"人{n:02}")
    columns = [Column("name", "Name", lambda p: p.name, Person.name)]

    def listing(page: str, per_page: int = 25) -> Listing:
        asked = select(Person).where(Person.name.like("人%")).order_by(Person.name)
        return Listing(asked, columns, {"page": page}, per_page=per_page)

    first, last, beyond, exact = listing("1"), listing("3"), listing("99"), listing("1", 60)
    assert (first.total, first.pages, len(first.rows), first.rows[0].name) == (60, 3, 25, "人00")
    assert (last.page, len(last.rows), last.rows[-1].name) == (3, 10, "人59")
    assert (beyond.page, beyond.total, len(beyond.rows)) == (3, 60, 10)
    assert (exact.total, exact.pages, len(exact.rows)) == (60, 1, 60)


def test_cookies_are_signed_by_one_signer(app: Any) -> None:
    signers = app.session_interface
    assert signers.get_signing_serializer(app) is signers.get_signing_serializer(app)


def test_the_web_process_leaves_the_demonstration_aside() -> None:
    """Eight hundred lines of an invented world are read by the one process that loads it."""
    code = ("from app import create_app; create_app(); import sys; "
            "print([m for m in ('app.demo.life', 'app.demo.world') if m in sys.modules])")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "APP_MODE": "test"}, check=False
    )  # fmt: skip
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
