"""Films: taken by content and stated length, handed out in parts; documents: drawn page by page in the background."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.core import clock
from app.db import db, for_transactions, unit_of_work
from app.files import media
from app.files.models import StoredFile
from app.files.service import WEBP, FileRefused, read_file
from app.jobs.models import Job
from app.jobs.service import STALE, run_waiting
from app.training import lessons, pdf_pages, tasks
from app.training.learning_models import DocumentPage, LessonDocument, LessonMaterial, LessonPicture
from app.training.materials import DRAW
from tests.factories import films, people, training
from tests.training.test_programme import editor, online_course  # noqa: F401

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("data", "kind", "seconds"),
    [
        (films.mp4(61.5), media.MP4, 61), (films.mp4(3600, late=True), media.MP4, 3600), (films.mp4(90, wide=True), media.MP4, 90),
        (films.webm(75), media.WEBM, 75),
    ],
)  # fmt: skip
def test_length_and_kind_are_read_from_the_file(app: Any, data: bytes, kind: str, seconds: int) -> None:
    name = "课.mp4" if kind == media.MP4 else "课.webm"
    film = media.take_film(io.BytesIO(data), name, max_bytes=MB)
    with unit_of_work():
        stored = film.row(None)
    assert (stored.media_type, stored.size, film.seconds) == (kind, len(data), seconds)
    assert read_file(stored) == data


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.mp4"), (b"MZ" + bytes(500), "a.mp4"), (films.mp4(60), "a.webm"), (films.mp4(60, brand=b"qt  "), "a.mp4"),
        (films.mp4(60)[:40], "a.mp4"), (films.webm(None), "a.webm"), (films.mp4(0), "a.mp4"), (films.mp4(60, size=2 * MB), "a.mp4"),
        (b"\x1a\x45\xdf\xa3" + b"\x00" * 100, "a.webm"), (films.mp4(10**6), "a.mp4"), (films.pdf(1), "a.mp4"),
        (b"\x00\x00\x00\x18ftypisom" + b"\xff" * 400, "a.mp4"),
    ],
)  # fmt: skip
def test_what_is_no_film_is_refused_in_words(app: Any, data: bytes, name: str) -> None:
    with pytest.raises(FileRefused) as refused:
        media.take_film(io.BytesIO(data), name, max_bytes=MB)
    assert name in refused.value.text


def test_truncated_films_never_break_the_reader(app: Any) -> None:
    for whole, kind in ((films.mp4(60), media.MP4), (films.webm(60), media.WEBM)):
        for cut in range(0, min(len(whole), 400), 3):
            found = media.film_seconds(io.BytesIO(whole[:cut]), kind, cut)
            assert found is None or found == 60


@pytest.fixture
def film_lesson(app: Any, editor: Any) -> Any:  # noqa: F811
    """The first lesson of the level, published anew with a film of 100 seconds, and a learner in a class of it."""
    old = online_course()
    editor.post(f"/training/office/courses/{old.id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    data = films.mp4(100, size=5000)
    answer = editor.post(
        f"/training/office/courses/{draft.id}/lessons/{lesson_id}/films",
        data={"film-file": (io.BytesIO(data), "导论.mp4"), "film-title": "导论"},
    )
    assert answer.status_code == 302, answer.text
    editor.post(f"/training/office/courses/{draft.id}/publish", data={"note": "加视频"})
    person = people.person()
    training.admit(training.make_class(level=1), person)
    material = db.session.scalars(select(LessonMaterial)).one()
    return SimpleNamespace(
        id=lesson_id, material=material.id, data=data, person=person, version=draft.id,
        url=f"/training/lessons/{lesson_id}/films/{material.id}",
    )  # fmt: skip


def test_parts_of_a_film(film_lesson: Any, client_as: Any) -> None:
    browser, data = client_as(film_lesson.person), film_lesson.data
    whole = browser.get(film_lesson.url)
    assert whole.status_code == 200 and whole.data == data and whole.headers["Accept-Ranges"] == "bytes"
    size = len(data)
    for asked, start, end in (
        ("bytes=0-99", 0, 99), ("bytes=100-", 100, size - 1), ("bytes=-50", size - 50, size - 1), ("bytes=0-0", 0, 0),
        (f"bytes=10-{size * 9}", 10, size - 1),
    ):  # fmt: skip
        part = browser.get(film_lesson.url, headers={"Range": asked})
        assert part.status_code == 206, asked
        assert part.headers["Content-Range"] == f"bytes {start}-{end}/{size}"
        assert part.data == data[start : end + 1] and part.content_length == end - start + 1
    beyond = browser.get(film_lesson.url, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416 and beyond.headers["Content-Range"] == f"bytes */{size}"
    assert browser.get(film_lesson.url, headers={"Range": "pages=1-2"}).status_code in (200, 416)
    same = browser.get(film_lesson.url, headers={"If-None-Match": whole.headers["ETag"]})
    assert same.status_code == 304
    stale = browser.get(film_lesson.url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert stale.status_code == 200 and stale.data == data
    head = browser.head(film_lesson.url)
    assert head.status_code == 200 and head.content_length == size and not head.data
    assert (
        "sandbox" in whole.headers["Content-Security-Policy"] and whole.headers["X-Content-Type-Options"] == "nosniff"
    )


def test_a_film_is_for_those_whose_programme_holds_it(film_lesson: Any, client_as: Any, client: Any) -> None:
    assert client.get(film_lesson.url).status_code in (302, 401)
    earlier = people.person("早班学员")
    browser = client_as(earlier)
    assert browser.get(film_lesson.url).status_code == 200, "the general programme in force is open to read"
    assert browser.get(film_lesson.url.replace(str(film_lesson.material), "999999")).status_code == 404
    office = f"/training/office/courses/{film_lesson.version}/lessons/{film_lesson.id}/films/{film_lesson.material}"
    assert browser.get(office).status_code == 403
    assert browser.post(
        f"/training/office/courses/{film_lesson.version}/lessons/{film_lesson.id}/films",
        data={"film-file": (io.BytesIO(films.mp4()), "a.mp4")},
    ).status_code == 403  # fmt: skip


def test_a_class_that_began_before_keeps_the_lesson_without_the_film(app: Any, editor: Any, client_as: Any) -> None:  # noqa: F811
    person = people.person()
    training.admit(training.make_class(level=1), person)
    old = online_course()
    before = old.lessons[0].revision_id
    editor.post(f"/training/office/courses/{old.id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    editor.post(
        f"/training/office/courses/{draft.id}/lessons/{lesson_id}/films",
        data={"film-file": (io.BytesIO(films.mp4(100)), "a.mp4")},
    )
    editor.post(f"/training/office/courses/{draft.id}/publish", data={"note": "加视频"})
    material = db.session.scalars(select(LessonMaterial)).one()
    assert lessons.read(person, lesson_id).revision.id == before
    assert client_as(person).get(f"/training/lessons/{lesson_id}/films/{material.id}").status_code == 404


def test_a_second_film_and_a_wrong_file_are_refused_at_their_form(editor: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    here = f"/training/office/courses/{draft.id}/lessons/{draft.lessons[0].revision.lesson_id}"
    wrong = editor.post(f"{here}/films", data={"film-file": (io.BytesIO(b"MZ" * 50), "a.mp4")})
    assert wrong.status_code == 422 and "a.mp4" in wrong.text and "error-summary" in wrong.text
    assert editor.post(f"{here}/films", data={}).status_code == 422
    assert editor.post(f"{here}/films", data={"film-file": (io.BytesIO(films.mp4()), "a.mp4")}).status_code == 302
    again = editor.post(f"{here}/films", data={"film-file": (io.BytesIO(films.mp4()), "b.mp4")})
    assert again.status_code == 422 and "只能有一个视频" in again.text
    assert "a.mp4" in editor.get(f"{here}/materials").text


def test_links_are_whole_addresses(editor: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    here = f"/training/office/courses/{draft.id}/lessons/{draft.lessons[0].revision.lesson_id}"
    for bad in ("javascript:alert(1)", "ftp://a.cn/x", "www.a.cn", "https://", "https://a@b.cn/", "http://[::1"):
        assert editor.post(f"{here}/links", data={"link-url": bad}).status_code == 422, bad
    assert (
        editor.post(
            f"{here}/links", data={"link-url": "https://flk.npc.gov.cn/detail", "link-title": "法规库"}
        ).status_code
        == 302
    )
    page = editor.get(f"/training/office/courses/{draft.id}/preview").text
    assert 'href="https://flk.npc.gov.cn/detail"' in page and "法规库" in page


def test_what_a_lesson_holds_is_moved_and_carried_over(editor: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    here = f"/training/office/courses/{draft.id}/lessons/{lesson_id}"
    for n in range(3):
        editor.post(f"{here}/links", data={"link-url": f"https://a.cn/{n}", "link-title": f"链接{n}"})
    editor.post(f"{here}/materials/3/up")
    editor.post(f"{here}/materials/1/remove")
    from tests.training.test_programme import LESSON

    editor.post(here, data=LESSON)
    db.session.expire_all()
    from app.training import materials

    revision = online_course().lessons[0].revision
    assert [(m.position, m.title) for m in materials.of_revision(revision.id)] == [(1, "链接2"), (2, "链接1")]
    assert revision.title_zh == "新课"


def test_a_document_is_drawn_in_the_background_and_read_page_by_page(editor: Any, client_as: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    here = f"/training/office/courses/{draft.id}/lessons/{lesson_id}"
    made = editor.post(f"{here}/documents", data={"document-file": (io.BytesIO(films.pdf(3)), "讲义.pdf")})
    assert made.status_code == 302
    assert "正在生成" in editor.get(f"{here}/materials").text
    run_waiting()
    db.session.expire_all()
    pages = db.session.scalars(select(DocumentPage).order_by(DocumentPage.number)).all()
    assert [p.number for p in pages] == [1, 2, 3] and "Technology transfer 2" in pages[1].words
    assert all(p.width <= pdf_pages.WIDE for p in pages)
    editor.post(f"/training/office/courses/{draft.id}/publish", data={"note": "讲义"})
    person = people.person()
    training.admit(training.make_class(level=1), person)
    browser = client_as(person)
    material = db.session.scalars(select(LessonMaterial)).one().id
    assert "Technology transfer 1" in browser.get(f"/training/lessons/{lesson_id}").text
    assert "Technology transfer 3" in browser.get(f"/training/lessons/{lesson_id}?document={material}&page=3").text
    assert "Technology transfer 3" in browser.get(f"/training/lessons/{lesson_id}").text, "it opens where it was left"
    picture = browser.get(f"/training/lessons/{lesson_id}/documents/{material}/pages/2")
    assert picture.status_code == 200 and picture.mimetype == "image/webp"
    for wrong in ("0", "4", "99999999"):
        assert browser.get(f"/training/lessons/{lesson_id}/documents/{material}/pages/{wrong}").status_code == 404
    for odd in ("page=x", "page=-1", "page=9999", "page=2&document=999", "document=abc&page=2"):
        assert browser.get(f"/training/lessons/{lesson_id}?{odd}").status_code == 200


def document(editor: Any, pages: int) -> None:  # noqa: F811
    """A lesson's document that waits to be drawn."""
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    here = f"/training/office/courses/{online_course().id}/lessons/{online_course().lessons[0].revision.lesson_id}"
    upload = {"document-file": (io.BytesIO(films.pdf(pages)), "讲义.pdf")}
    assert editor.post(f"{here}/documents", data=upload).status_code == 302


def pictures_kept() -> list[str]:
    return list(
        db.session.scalars(select(StoredFile.name).where(StoredFile.media_type == WEBP).order_by(StoredFile.name))
    )


def test_a_document_is_drawn_while_others_write_and_goes_on_after_a_crash(editor: Any, monkeypatch: Any) -> None:  # noqa: F811
    document(editor, 3)
    asked: list[tuple[list[int], bool]] = []
    draw = tasks.draw

    def crashing(data: bytes, numbers: list[int]) -> Any:
        asked.append((numbers, bool(db.session.info.get("unit_of_work"))))
        for one in draw(data, numbers):
            if len(asked) == 1 and one.number == 3:
                raise KeyboardInterrupt
            with for_transactions().execution_options(writes=True).begin() as other:  # somebody else writes
                other.execute(update(Job).values(beat_at=clock.now() - 2 * STALE))
            yield one

    monkeypatch.setattr(tasks, "draw", crashing)
    monkeypatch.setattr(tasks, "PAGES_AT_ONCE", 2)
    with pytest.raises(KeyboardInterrupt):
        run_waiting()
    assert db.session.scalars(select(LessonDocument)).one().pages is None
    with for_transactions().execution_options(writes=True).begin() as other:
        other.execute(update(Job).values(beat_at=clock.now() - 2 * STALE))
    run_waiting()
    db.session.expire_all()
    assert asked == [([1, 2, 3], False), ([3], False)]
    assert db.session.scalars(select(LessonDocument)).one().pages == 3
    assert pictures_kept() == ["1.webp", "2.webp", "3.webp"]


def test_a_document_drawn_by_two_workers_has_each_page_once(app: Any, editor: Any, monkeypatch: Any) -> None:  # noqa: F811
    document(editor, 2)
    item, draw, began = {"file": db.session.scalars(select(LessonDocument.file_id)).one()}, tasks.draw, []
    job = db.session.scalars(select(Job).where(Job.kind == DRAW)).one()

    def drawing(data: bytes, numbers: list[int]) -> Any:
        began.append(numbers)
        drawn = list(draw(data, numbers))
        if len(began) == 1:
            with app.app_context():
                assert tasks.draw_document(item, job) == {"pages": 2}
        return iter(drawn)

    monkeypatch.setattr(tasks, "draw", drawing)
    run_waiting()
    db.session.expire_all()
    assert began == [[1, 2], [1, 2]] and pictures_kept() == ["1.webp", "2.webp"]
    assert [page.number for page in db.session.scalars(select(DocumentPage).order_by(DocumentPage.number))] == [1, 2]


def test_a_document_that_breaks_off_keeps_no_page(editor: Any, monkeypatch: Any) -> None:  # noqa: F811
    document(editor, 3)
    draw = tasks.draw

    def breaking(data: bytes, numbers: list[int]) -> Any:
        yield from draw(data, numbers[:2])
        raise pdf_pages.CannotDraw("broken")

    monkeypatch.setattr(tasks, "draw", breaking)
    monkeypatch.setattr(tasks, "PAGES_AT_ONCE", 1)
    run_waiting()
    db.session.expire_all()
    found = db.session.scalars(select(LessonDocument)).one()
    assert (found.pages, found.problem, pictures_kept()) == (None, "broken", [])
    assert db.session.scalar(select(func.count()).select_from(DocumentPage)) == 0


@pytest.mark.parametrize(("data", "code"), [(films.locked_pdf(), "locked"), (b"%PDF-1.7\nnothing", "broken")])
def test_a_document_that_cannot_be_drawn_says_why(editor: Any, data: bytes, code: str) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    here = f"/training/office/courses/{draft.id}/lessons/{draft.lessons[0].revision.lesson_id}"
    assert editor.post(f"{here}/documents", data={"document-file": (io.BytesIO(data), "a.pdf")}).status_code == 302
    run_waiting()
    db.session.expire_all()
    assert db.session.scalars(select(LessonDocument)).one().problem == code
    from app.training.words import DOCUMENT_PROBLEMS

    assert (
        str(DOCUMENT_PROBLEMS[code]) in editor.get(f"{here}/materials").text
        or "该文档" in editor.get(f"{here}/materials").text
    )


def test_pictures_of_a_course(editor: Any, client_as: Any, client: Any) -> None:  # noqa: F811
    from PIL import Image

    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft, out = online_course(), io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "PNG")
    here = f"/training/office/courses/{draft.id}/pictures"
    for _twice in range(2):
        page = editor.post(here, data={"file": (io.BytesIO(out.getvalue()), "图.png"), "words": "流程[图]"})
        assert page.status_code == 200
    kept = db.session.scalars(select(LessonPicture)).one()
    assert f"![流程 图](/training/pictures/{kept.token})" in page.text
    shown = client_as(people.person()).get(f"/training/pictures/{kept.token}")
    assert shown.status_code == 200 and shown.mimetype == "image/png"
    assert client_as(people.person()).get("/training/pictures/" + "0" * 40).status_code == 404
    assert client.get(f"/training/pictures/{kept.token}").status_code in (302, 401)
    assert editor.post(here, data={"file": (io.BytesIO(b"<svg/>"), "x.png"), "words": "x"}).status_code == 422
    assert editor.post(here, data={"words": "x"}).status_code == 422
