"""Films that come piece by piece (tus 1.0), and subtitles: interrupted, at the wrong place, of somebody else, no film at the end."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.files import service, uploads
from app.files.models import StoredFile, Upload
from app.files.service import read_file
from app.files.tasks import remove_what_was_left
from app.training import materials
from app.training.learning_models import LessonMaterial, MaterialKind
from tests.factories import films, people, training
from tests.training.test_programme import editor, online_course  # noqa: F401

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def lesson(editor: Any) -> Any:  # noqa: F811
    """A draft of a course, the address of its first lesson, and its editor's browser."""
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    return SimpleNamespace(
        browser=editor, version=draft.id, id=lesson_id, here=f"/training/office/courses/{draft.id}/lessons/{lesson_id}"
    )


def announced(lesson: Any, size: int, name: str = "导论.mp4", browser: Any = None, **more: str) -> Any:
    told = ",".join(f"{key} {b64(value.encode())}" for key, value in ({"filename": name} | more).items())
    return (browser or lesson.browser).post(
        f"{lesson.here}/uploads", headers=TUS | {"Upload-Length": str(size), "Upload-Metadata": told}
    )


def sent(browser: Any, url: str, offset: int, data: Any, **more: str) -> Any:
    return browser.patch(url, data=data, headers=PIECE | {"Upload-Offset": str(offset)} | more)


def held(lesson: Any) -> list[LessonMaterial]:
    db.session.expire_all()
    return materials.of_revision(online_course().lessons[0].revision_id)


def in_storage(key: str) -> bool:
    filesystem, path = service._place(key)
    return bool(filesystem.exists(path))


def keys_of(url: str) -> list[str]:
    db.session.expire_all()
    found = db.session.scalars(select(Upload).where(Upload.token == url.rsplit("/", 1)[1])).one()
    return [*found.begun, *(key for key, _size in found.pieces)]


def test_an_interrupted_film_goes_on_where_it_was(lesson: Any) -> None:
    data = films.mp4(100, size=50_000)
    made = announced(lesson, len(data), mark="abc")
    assert made.status_code == 201 and made.headers["Tus-Resumable"] == "1.0.0" and made.headers["Upload-Expires"]
    url = made.headers["Location"]
    first = sent(
        lesson.browser,
        url,
        0,
        data[:20_000],
        **{"Upload-Checksum": f"sha256 {b64(hashlib.sha256(data[:20_000]).digest())}"},
    )
    assert first.status_code == 204 and first.headers["Upload-Offset"] == "20000"
    page = lesson.browser.get(f"{lesson.here}/materials").text
    assert f'data-arriving="{url}"' in page and 'data-mark="abc"' in page, "the page offers to go on"
    early = lesson.browser.post(f"{lesson.here}/films", data={"film-upload": url.rsplit("/", 1)[1]})
    assert early.status_code == 422 and held(lesson) == [], "what has not arrived whole is no film yet"
    asked = lesson.browser.head(url, headers=TUS)
    assert asked.headers["Upload-Offset"] == "20000" and asked.headers["Cache-Control"] == "no-store"
    assert sent(lesson.browser, url, 20_000, data[20_000:]).status_code == 204
    keys = keys_of(url)
    done = lesson.browser.post(
        f"{lesson.here}/films", data={"film-upload": url.rsplit("/", 1)[1], "film-title": "导论"}
    )
    assert done.status_code == 302, done.text
    (film,) = held(lesson)
    assert film.seconds == 100 and film.title == "导论" and film.file is not None
    assert read_file(film.file) == data and film.file.sha256 == hashlib.sha256(data).hexdigest()
    assert len(keys) == 2 and not any(map(in_storage, keys)), "the pieces are gone"
    assert db.session.scalars(select(Upload)).first() is None
    assert lesson.browser.head(url, headers=TUS).status_code == 404


class Broken(io.BytesIO):
    """A line that breaks after some bytes."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionResetError
        return data

    def readinto(self, buffer: Any) -> int:
        raise NotImplementedError


def test_what_came_before_the_line_broke_is_kept(lesson: Any) -> None:
    data = films.mp4(100, size=3000)
    url = announced(lesson, len(data)).headers["Location"]
    with unit_of_work():
        found = db.session.scalars(select(Upload).with_for_update()).one()
        key = uploads.begin_piece(found)
    taken = uploads.take_piece(Broken(data[:1000]), key, len(data))
    with unit_of_work():
        uploads.add_piece(db.session.scalars(select(Upload).with_for_update()).one(), taken, 0, now=clock.now())
    assert lesson.browser.head(url, headers=TUS).headers["Upload-Offset"] == "1000"


def test_a_piece_at_the_wrong_place_changes_nothing(lesson: Any) -> None:
    data = films.mp4(100, size=5000)
    url = announced(lesson, len(data)).headers["Location"]
    assert sent(lesson.browser, url, 0, data[:1000]).status_code == 204
    for offset in (0, 999, 1001, len(data)):
        assert sent(lesson.browser, url, offset, b"x" * 10).status_code == 409
    assert sent(lesson.browser, url, 1000, data[1000:] + b"x").status_code == 413
    damaged = sent(lesson.browser, url, 1000, data[1000:], **{"Upload-Checksum": f"sha256 {b64(bytes(32))}"})
    assert damaged.status_code == 460
    assert lesson.browser.head(url, headers=TUS).headers["Upload-Offset"] == "1000"
    there = [key for key in keys_of(url) if in_storage(key)]
    assert len(there) == 1, "nothing of the refused pieces is left"


def test_what_is_not_said_rightly_is_refused(lesson: Any) -> None:
    data = films.mp4(100)
    assert announced(lesson, 0).status_code == 422 and announced(lesson, 10**15).status_code == 422
    assert lesson.browser.post(f"{lesson.here}/uploads", headers={"Upload-Length": "5"}).status_code == 412
    for length in ("", "-5", "a", "٣", "9" * 20):
        assert (
            lesson.browser.post(
                f"{lesson.here}/uploads", headers=TUS | {"Upload-Length": length.encode("utf-8").decode("latin-1")}
            ).status_code
            == 400
        )
    bad = lesson.browser.post(
        f"{lesson.here}/uploads", headers=TUS | {"Upload-Length": "5", "Upload-Metadata": "filename ???"}
    )
    assert bad.status_code == 400
    url = announced(lesson, len(data)).headers["Location"]
    assert lesson.browser.patch(url, data=data, headers={"Upload-Offset": "0"}).status_code == 412
    assert lesson.browser.patch(url, data=data, headers=TUS | {"Upload-Offset": "0"}).status_code == 415
    assert lesson.browser.patch(url, data=data, headers=PIECE).status_code == 400
    assert sent(lesson.browser, url, 0, data, **{"Upload-Checksum": "md5 AAAA"}).status_code == 400
    assert lesson.browser.post(url, data=data, headers=TUS).status_code == 400
    spoken = lesson.browser.options(f"{lesson.here}/uploads").headers
    assert (
        spoken["Tus-Version"] == "1.0.0" and "creation" in spoken["Tus-Extension"] and int(spoken["Tus-Max-Size"]) > 0
    )
    over = lesson.browser.post(
        url, data=data, headers=PIECE | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    )
    assert over.status_code == 204 and over.headers["Upload-Offset"] == str(len(data))


def test_nobody_reaches_the_upload_of_another(lesson: Any, client_as: Any, client: Any) -> None:
    data = films.mp4(100)
    url = announced(lesson, len(data)).headers["Location"]
    other = client_as(people.officer(Role.BASE, name="另一基地"))
    assert other.head(url, headers=TUS).status_code == 404
    assert sent(other, url, 0, data).status_code == 404
    assert other.delete(url, headers=TUS).status_code == 404
    assert other.post(f"{lesson.here}/films", data={"film-upload": url.rsplit("/", 1)[1]}).status_code == 404
    assert announced(lesson, 100, browser=client_as(people.person())).status_code == 403
    assert client.head(url, headers=TUS).status_code in (302, 401)
    assert lesson.browser.head(url, headers=TUS).headers["Upload-Offset"] == "0"
    assert url.rsplit("/", 1)[1] not in other.get(f"{lesson.here}/materials").text
    assert lesson.browser.delete(url, headers=TUS).status_code == 204
    assert lesson.browser.head(url, headers=TUS).status_code == 404


def test_the_form_of_another_lesson_does_not_take_it(lesson: Any) -> None:
    data = films.mp4(100)
    url = announced(lesson, len(data)).headers["Location"]
    sent(lesson.browser, url, 0, data)
    second = online_course().lessons[1].revision.lesson_id
    there = f"/training/office/courses/{lesson.version}/lessons/{second}/films"
    assert lesson.browser.post(there, data={"film-upload": url.rsplit("/", 1)[1]}).status_code == 404


def test_no_film_is_refused_by_its_first_piece_and_at_the_end(lesson: Any) -> None:
    url = announced(lesson, 1000).headers["Location"]
    wrong = sent(lesson.browser, url, 0, b"MZ" * 100)
    assert wrong.status_code == 415 and "导论.mp4" in wrong.json["error"]
    assert lesson.browser.head(url, headers=TUS).status_code == 404
    cut = films.mp4(100, size=9000, late=True)[:5000]  # begins as a film, and never says how long it is
    url = announced(lesson, len(cut)).headers["Location"]
    assert sent(lesson.browser, url, 0, cut).status_code == 204
    keys = keys_of(url)
    end = lesson.browser.post(f"{lesson.here}/films", data={"film-upload": url.rsplit("/", 1)[1]})
    assert end.status_code == 422 and "error-summary" in end.text and held(lesson) == []
    assert not any(map(in_storage, keys)) and db.session.scalars(select(StoredFile)).first() is None
    assert lesson.browser.head(url, headers=TUS).status_code == 404


def test_a_lesson_with_a_film_takes_no_second_one(lesson: Any) -> None:
    data = films.mp4(100)
    urls = [announced(lesson, len(data)).headers["Location"] for _ in range(2)]
    for url in urls:
        sent(lesson.browser, url, 0, data)
    codes = [
        lesson.browser.post(f"{lesson.here}/films", data={"film-upload": url.rsplit("/", 1)[1]}).status_code
        for url in urls
    ]
    assert codes == [302, 422] and len(held(lesson)) == 1
    assert announced(lesson, 100).status_code == 422
    lesson.browser.post(f"/training/office/courses/{lesson.version}/publish", data={"note": "视频"})
    assert announced(lesson, 100).status_code in (409, 422)


def test_at_most_five_are_on_their_way(lesson: Any) -> None:
    assert [announced(lesson, 100).status_code for _ in range(6)] == [201] * 5 + [429]


def test_the_clock_removes_what_nobody_goes_on_with(lesson: Any) -> None:
    data = films.mp4(100)
    old, new = (announced(lesson, len(data)).headers["Location"] for _ in range(2))
    for url in (old, new):
        sent(lesson.browser, url, 0, data[:500])
    keys = keys_of(old)
    with unit_of_work():
        found = db.session.scalars(select(Upload).where(Upload.token == old.rsplit("/", 1)[1])).one()
        lost = uploads.begin_piece(found)  # the process was killed while it wrote
        service._write(lost, b"half a piece")
        found.touched_at = clock.now() - timedelta(days=4)
    remove_what_was_left(clock.now())
    assert not any(map(in_storage, [*keys, lost]))
    assert lesson.browser.head(old, headers=TUS).status_code == 404
    assert lesson.browser.head(new, headers=TUS).headers["Upload-Offset"] == "500"


def test_pieces_read_as_one_file(app: Any) -> None:
    data, owner = bytes(range(256)) * 40, people.person()
    with unit_of_work():
        made = uploads.begin(
            db.session.get_one(Person, owner.id), "x", "a.mp4", len(data), max_bytes=10**6, now=clock.now()
        )
    at = 0
    for size in (1, 4096, 7, len(data) - 4104):
        with unit_of_work():
            taken = uploads.take_piece(io.BytesIO(data[at : at + size]), uploads.begin_piece(made), size)
            uploads.add_piece(made, taken, at, now=clock.now())
        at += size
    with uploads.whole(made) as source:
        assert source.read() == data
        for start, length in ((0, 10), (4090, 30), (len(data) - 5, 99), (0, 5)):
            source.seek(start)
            assert source.read(length) == data[start : start + length]
        assert source.seek(0, 2) == len(data) and source.read(1) == b""


# --- subtitles ------------------------------------------------------------------------------------------------------------

GOOD = "WEBVTT - 导论\n\n1\n00:00:01.000 --> 00:00:04.500 line:80%\n各位好。\n\n01:10.000 --> 01:12.000\nWelcome.\n"


def with_subtitles(lesson: Any, data: bytes, name: str = "字幕.vtt", language: str = "zh-CN") -> Any:
    return lesson.browser.post(
        f"{lesson.here}/subtitles",
        data={"subtitles-file": (io.BytesIO(data), name), "subtitles-language": language},
    )


@pytest.fixture
def film_lesson(lesson: Any) -> Any:
    sent_ = lesson.browser.post(f"{lesson.here}/films", data={"film-file": (io.BytesIO(films.mp4(100)), "a.mp4")})
    assert sent_.status_code == 302
    return lesson


def test_subtitles_stand_under_the_film(film_lesson: Any, client_as: Any) -> None:
    lesson = film_lesson
    assert with_subtitles(lesson, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).status_code == 302
    assert with_subtitles(lesson, GOOD.encode(), "en.vtt", "en").status_code == 302
    again = with_subtitles(lesson, GOOD.encode(), "en2.vtt", "en")
    assert again.status_code == 422 and "error-summary" in again.text
    preview = lesson.browser.get(f"/training/office/courses/{lesson.version}/preview").text
    assert preview.count("<track ") == 2 and 'srclang="zh-CN" label="中文" default' in preview
    one = next(m for m in held(lesson) if m.kind is MaterialKind.SUBTITLES and m.language == "zh-CN")
    office = lesson.browser.get(f"{lesson.here}/subtitles/{one.id}")
    assert office.status_code == 200 and office.mimetype == "text/vtt" and office.text == GOOD
    lesson.browser.post(f"/training/office/courses/{lesson.version}/publish", data={"note": "字幕"})
    person = people.person()
    training.admit(training.make_class(level=1), person)
    browser = client_as(person)
    page = browser.get(f"/training/lessons/{lesson.id}").text
    url = f"/training/lessons/{lesson.id}/subtitles/{one.id}"
    assert f'src="{url}"' in page and page.count("lesson-link") == 0
    words = browser.get(url)
    assert words.text == GOOD and words.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.get(f"/training/lessons/{lesson.id}/films/{one.id}").status_code == 404
    assert browser.get(url.replace(str(one.id), "99999")).status_code == 404


def test_subtitles_need_a_film_and_leave_with_it(lesson: Any) -> None:
    none = with_subtitles(lesson, GOOD.encode())
    assert none.status_code == 422 and held(lesson) == []
    lesson.browser.post(f"{lesson.here}/films", data={"film-file": (io.BytesIO(films.mp4(100)), "a.mp4")})
    with_subtitles(lesson, GOOD.encode())
    assert [m.kind for m in held(lesson)] == [MaterialKind.VIDEO, MaterialKind.SUBTITLES]
    lesson.browser.post(f"{lesson.here}/materials/1/remove")
    assert held(lesson) == []


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.vtt", "空"), (GOOD.encode(), "a.txt", ".vtt"), (GOOD.encode("gb18030"), "a.vtt", "UTF-8"),
        (GOOD.replace("WEBVTT", "WEBVTTX").encode(), "a.vtt", "WEBVTT"), (b"1\n00:01,000 --> 00:02,000\nx", "a.vtt", "WEBVTT"),
        (b"WEBVTT\n\n00:01,000 --> 00:02,000\nx", "a.vtt", "3"), (b"WEBVTT\n\n00:05.000 --> 00:02.000\nx", "a.vtt", "3"),
        (b"WEBVTT\n\n05:00.000 --> 05:02.000\nx", "a.vtt", "3"), (b"WEBVTT\n\nnothing", "a.vtt", "a.vtt"),
        (b"WEBVTT\n\n00:99.000 --> 01:02.000\nx", "a.vtt", "3"), (b"WEBVTT\n\0", "a.vtt", "WEBVTT"),
        (GOOD.encode() + b"x" * 1024 * 1024, "a.vtt", "1 MB"), (films.mp4(60), "a.vtt", "a.vtt"),
    ],
)  # fmt: skip
def test_broken_subtitles_are_refused_in_words(film_lesson: Any, data: bytes, name: str, said: str) -> None:
    answer = with_subtitles(film_lesson, data, name)
    assert answer.status_code == 422 and said in answer.text and "error-summary" in answer.text
    assert [m.kind for m in held(film_lesson)] == [MaterialKind.VIDEO]


def test_a_film_may_be_larger_than_two_gigabytes(app: Any) -> None:
    """What is announced and what is stored are counted by 64 bits on both engines."""
    owner, most = people.person(), 8 * 1024**3
    with unit_of_work():
        made = uploads.begin(
            db.session.get_one(Person, owner.id), "lesson:1", "长片.mp4", 3 * 1024**3, max_bytes=most, now=clock.now()
        )
        made.received = 3 * 1024**3 - 1
        db.session.add(
            StoredFile(key="a" * 20, name="长片.mp4", media_type="video/mp4", size=3 * 1024**3, sha256="0" * 64, owner_id=owner.id)
        )  # fmt: skip
    assert db.session.scalars(select(StoredFile.size)).one() == made.size == 3 * 1024**3
