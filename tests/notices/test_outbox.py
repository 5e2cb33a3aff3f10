"""Letters: posted with what they tell of, sent once, tried again, read on the site."""

from __future__ import annotations

import smtplib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core import clock
from app.db import db, unit_of_work
from app.jobs.tasks import send_mails
from app.notices import service
from app.notices.models import MailState, Notice
from tests.factories import people

PLAIN = service.letter("test.plain", "Task “%(task)s”", "Until %(day)s, %(points)s points.")
FIRM = service.letter("test.firm", "Decision", "Body", optional=False)
REASONED = service.letter("test.reasoned", "Decision", "原因：%(reason)s。请补正。")
QUIET = service.letter("test.quiet", "Only here", "Body", mail=False)


def posted(kind: Any, to: Any, **values: Any) -> int:
    with unit_of_work():
        notice = service.post(kind, to=to, **values)
        db.session.flush()
        return notice.id


def fresh(notice_id: int) -> Notice:
    return db.session.get_one(Notice, notice_id, populate_existing=True)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("材料不实。", "原因：材料不实。请补正。"),
        ("材料不实", "原因：材料不实。请补正。"),
        ("等等...", "原因：等等...。请补正。"),
        ("See the note.", "原因：See the note.请补正。"),
    ],
)
def test_a_sentence_ends_with_one_full_stop(app: Any, reason: str, shown: str) -> None:
    notice = fresh(posted(REASONED, people.person(), reason=reason))
    assert service.body_of(notice) == shown


def test_a_letter_is_sent_once_in_the_readers_language(app: Any, no_stray_mail: list[Any]) -> None:
    for locale, words in (("zh_Hans", "2026年3月1日"), ("en", "1 Mar 2026")):
        reader = people.person(locale=locale)
        posted(PLAIN, reader, task="检索", day=date(2026, 3, 1), points=Decimal("1.50"), link="/tasks/1")
        send_mails(clock.now())
        send_mails(clock.now())
        assert len(no_stray_mail) == 1
        mail = no_stray_mail.pop()
        assert mail["To"] == reader.email
        assert mail["Subject"] == "Task “检索”"
        assert words in mail.get_content()
        assert "1.5 points" in mail.get_content()
        assert "/tasks/1" in mail.get_content()


def test_a_letter_of_a_failed_action_is_never_sent(app: Any, no_stray_mail: list[Any]) -> None:
    reader = people.person()
    with pytest.raises(ZeroDivisionError), unit_of_work():
        service.post(FIRM, to=reader)
        raise ZeroDivisionError
    send_mails(clock.now())
    assert no_stray_mail == []
    assert db.session.scalar(select(Notice)) is None


def test_a_failed_sending_is_tried_again_later_and_given_up_at_last(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(message: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr("app.notices.service.transmit", refuse)
    notice_id = posted(FIRM, people.person())
    now = clock.now()
    waits = []
    for attempt in range(1, service.TRIES + 1):
        send_mails(now)
        row = fresh(notice_id)
        assert row.tries == attempt
        assert "gone" in row.last_error
        if row.mail_state is MailState.FAILED:
            break
        assert row.next_try_at is not None
        waits.append(row.next_try_at - clock.now())
        assert service.due(now) == []
        now = row.next_try_at + timedelta(seconds=1)
    assert fresh(notice_id).mail_state is MailState.FAILED
    assert waits == sorted(waits)
    assert service.due(now + timedelta(days=9)) == []


def test_one_bad_mail_does_not_stop_the_others(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    bad, good = people.person(), people.person()
    bad_mail, good_mail = bad.email, good.email

    def deliver(message: Any) -> None:
        if message["To"] == bad_mail:
            raise smtplib.SMTPRecipientsRefused({})
        sent.append(message["To"])

    monkeypatch.setattr("app.notices.service.transmit", deliver)
    posted(FIRM, bad)
    posted(FIRM, good)
    send_mails(clock.now())
    assert sent == [good_mail]


def test_a_mail_claimed_by_one_worker_is_not_seen_by_another_until_it_is_dead(app: Any) -> None:
    notice_id = posted(FIRM, people.person())
    now = clock.now()
    with unit_of_work():
        assert service.claim(notice_id, now) is not None
    with unit_of_work():
        assert service.claim(notice_id, now) is None
    assert service.due(now) == []
    with unit_of_work():
        assert service.claim(notice_id, now + timedelta(minutes=11)) is not None


def test_what_is_muted_or_quiet_stays_on_the_site(app: Any, no_stray_mail: list[Any]) -> None:
    reader = people.person(muted_letters=[PLAIN.code, FIRM.code])
    muted = posted(PLAIN, reader, task="t", day=date(2026, 3, 1), points=1)
    quiet = posted(QUIET, reader)
    firm = posted(FIRM, reader)
    send_mails(clock.now())
    assert [fresh(i).mail_state for i in (muted, quiet, firm)] == [MailState.NONE, MailState.NONE, MailState.SENT]
    assert len(no_stray_mail) == 1
    assert service.unread_count(reader) == 3


def test_the_page_lists_unread_first_and_opens_where_it_points(app: Any, client_as: Any) -> None:
    reader = people.person()
    old = posted(PLAIN, reader, task="旧任务", day=date(2026, 3, 1), points=1, link="/jobs")
    new = posted(PLAIN, reader, task="新任务<b>", day=date(2026, 3, 1), points=1)
    browser = client_as(reader)
    with unit_of_work():
        service.mark_read(reader, now=clock.now(), notice_id=new)
    page = browser.get("/notices").text
    assert page.index("旧任务") < page.index("新任务&lt;b&gt;")
    assert browser.post(f"/notices/{old}/open").location == "/jobs"
    assert fresh(old).read_at is not None
    assert service.unread_count(reader) == 0


def test_nobody_opens_anothers_notice(app: Any, client_as: Any) -> None:
    notice_id = posted(FIRM, people.person())
    assert client_as(people.person()).post(f"/notices/{notice_id}/open").status_code == 404
    assert fresh(notice_id).read_at is None


def test_all_are_marked_as_read_but_only_ones_own(app: Any, client_as: Any) -> None:
    mine, other = people.person(), people.person()
    for person in (mine, mine, other):
        posted(FIRM, person)
    browser = client_as(mine)
    assert browser.post("/notices/read").status_code == 302
    assert (service.unread_count(mine), service.unread_count(other)) == (0, 1)


def test_optional_letters_can_be_muted_and_necessary_ones_cannot(app: Any, client_as: Any) -> None:
    from app.accounts.models import Person

    reader = people.person()
    reader_id = reader.id
    browser = client_as(reader)
    page = browser.get("/notices/preferences").text
    assert f'value="{PLAIN.code}"' in page
    assert f'value="{FIRM.code}"' not in page
    assert "认证申请已收到" in page and "…" not in page
    browser.post("/notices/preferences", data={"wanted": ["no.such", FIRM.code]})
    muted = db.session.get_one(Person, reader_id, populate_existing=True).muted_letters
    assert PLAIN.code in muted
    assert FIRM.code not in muted
    browser.post("/notices/preferences", data={"wanted": [one.code for one in service.optional_letters()]})
    assert db.session.get_one(Person, reader_id, populate_existing=True).muted_letters == []


def test_the_list_asks_no_more_for_more_notices(app: Any, client_as: Any, queries: Any) -> None:
    reader = people.person()
    browser = client_as(reader)
    counts = []
    for _ in range(2):
        for _ in range(8):
            posted(FIRM, reader)
        with queries() as seen:
            assert browser.get("/notices").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "٣"])
def test_odd_page_numbers_do_no_harm(client_as: Any, page: str) -> None:
    assert client_as(people.person()).get("/notices", query_string={"page": page}).status_code == 200


def test_letters_page_by_page(app: Any, client_as: Any) -> None:
    reader = people.person()
    for _round in range(26):
        posted(QUIET, reader)
    browser = client_as(reader)
    assert browser.get("/notices").text.count("<time ") == 25
    assert 'rel="next" href="?page=2"' in browser.get("/notices").text
    second = browser.get("/notices?page=2").text
    assert second.count("<time ") == 1 and 'rel="prev" href="?page=1"' in second and 'rel="next"' not in second
