"""Documents of an exam: who may have them made, and what stands in the PDF."""

from __future__ import annotations

import io
import subprocess
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.bank import service as bank
from app.core import clock
from app.core.permissions import Role, Scope
from app.core.text import day
from app.db import db, for_transactions, unit_of_work
from app.exams import keeping, printing, prints, sessions, tasks
from app.exams.deeds import Did
from app.exams.models import ExamPrint, ExamSeat, PaperForm, PrintKind
from app.files.models import StoredFile
from app.jobs.service import run_waiting
from question_bank.items import Kind
from tests.exams.factories import Room, plan, session
from tests.exams.test_seats import drawn, place, published, session_of
from tests.factories import people


def every_kind(room: Room) -> PaperForm:
    """Version A with questions of every kind, whatever the blueprint says."""
    chosen: dict[Any, list[Any]] = {}
    for live in bank.items_live():
        if len(chosen.setdefault(live.item.kind, [])) < 2:
            chosen[live.item.kind].append(live)
    entries = [
        {"revision": live.revision_id, "digest": live.digest, "points": "10", "order": _order(live.item)}
        for kind in Kind
        for live in chosen[kind]
    ]
    with unit_of_work():
        made = PaperForm(session_id=room.session.id, letter="A", seed="every", entries=entries)
        db.session.add(made)
    return made


def _order(item: Any) -> dict[str, list[str]]:
    """Lists in an order that is not that of their ids."""
    slots = {part.id: part for part in item.parts} or {"whole": item}
    found = {slot: sorted(printing._texts(question), reverse=True) for slot, question in slots.items()}
    return {slot: ids for slot, ids in found.items() if ids}


def words_of(data: bytes) -> str:
    """The text of a PDF, without spaces and line ends."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True)
    return "".join(done.stdout.decode().split())


def made(browser: Any, room: Room, kind: str, letter: str = "") -> bytes:
    address = f"/exams/office/sessions/{room.session.id}/prints"
    answer = browser.post(address, data={"kind": kind, "letter": letter})
    assert answer.status_code == 302, answer.text
    run_waiting()
    row = db.session.scalars(select(ExamPrint).order_by(ExamPrint.id.desc())).first()
    assert row is not None and row.file_id, row
    answer = browser.get(f"{address}/{row.id}.pdf")
    assert answer.status_code == 200 and answer.mimetype == "application/pdf"
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.data


def test_two_versions_of_the_paper_with_key_and_answer_sheet(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    every_kind(room)
    browser = client_as(room.office)
    a, b = (words_of(made(browser, room, "paper", letter)) for letter in "AB")
    assert "A卷" in a and "B卷" in b and a != b and "满分" in a
    forms = {one.letter: one for one in db.session.scalars(select(PaperForm))}
    assert set(forms) == {"A", "B"} and forms["A"].seed != forms["B"].seed
    kept = [entry["digest"] for entry in forms["A"].entries]
    paper = prints.printed_paper(session_of(room), forms["A"])
    key = words_of(made(browser, room, "key", "A"))
    for question in paper.sections[0].questions + paper.sections[1].questions:
        assert f"{question.label}10{question.key}" in key and "".join(question.source.split())[:8] in key
        assert "".join(str(question.explanation.striptags()).split())[:12] not in a
        assert all("".join(str(words.striptags()).split())[:6] in a for _mark, words in question.choices)
    assert "评分要点：" in key and "组卷种子every" in key and "评分要点：" not in a
    sheet = words_of(made(browser, room, "answer_sheet", "A"))
    assert "准考证号" in sheet and "本卡适用A卷" in sheet
    again = {one.letter: one for one in db.session.scalars(select(PaperForm))}
    assert [entry["digest"] for entry in again["A"].entries] == kept  # drawn once
    assert db.session.scalar(select(func.count()).where(AuditEntry.deed == str(Did.TAKE_PRINT))) == 4


def test_the_key_uses_the_letters_of_its_version(app: Any) -> None:
    from question_bank.grading import correct_answer

    room = Room(candidates=1)
    form = every_kind(room)
    paper = prints.printed_paper(session_of(room), form)
    entries = {one.place: one for one in prints.papers.entries_read(form.entries)}
    seen = set()
    for section in paper.sections:
        for question in section.questions:
            entry = entries[int(question.label)]
            seen.add(question.kind)
            order = list(entry.order.get("whole", ()))
            if question.kind == "single":
                assert order[ord(question.key) - 65] == correct_answer(entry.item)
            elif question.kind == "multiple":
                assert sorted(order[ord(one) - 65] for one in question.key) == correct_answer(entry.item)
            elif question.kind == "ordering":
                assert [order[ord(one) - 65] for one in question.key.split(" → ")] == correct_answer(entry.item)
            elif question.kind == "matching":
                lefts = sorted(pair.left_id for pair in entry.item.pairs)
                answer = {
                    lefts[int(one.split("–")[0]) - 1]: order[ord(one[-1]) - 65] for one in question.key.split("，")
                }
                assert answer == correct_answer(entry.item)
            elif question.kind == "case":
                assert len(question.parts) == len(entry.item.parts)
    assert seen == set(Kind)
    assert paper.count == 18 and paper.points == sum(entry.points for entry in entries.values())


def test_lists_hold_the_names_by_room_and_seat(app: Any, client_as: Any) -> None:
    room = Room(candidates=3)
    place(room, "滨海考点", (1, 2), (1, 1))
    browser = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/prints"
    assert browser.post(address, data={"kind": "seat_plan"}).status_code == 409
    drawn(room)
    plan, signs = (words_of(made(browser, room, kind)) for kind in ("seat_plan", "sign_in"))
    for n, one in enumerate(room.people):
        number = prints.ticket_number(room.sittings[n], session_of(room))
        assert one.name in plan and number[-6:] in plan
        assert one.name in signs and number in signs
    assert "第2考场" in plan and "应到2人" in plan and "应到1人" in signs


def test_tickets_of_all_in_one_document_and_a_photo_on_it(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    place(room, "滨海考点", (1, 2))
    drawn(room)
    people.photo(room.people[0])
    data = made(client_as(room.office), room, "tickets")
    text = words_of(data)
    for n, one in enumerate(room.people):
        assert one.name in text and prints.ticket_number(room.sittings[n], session_of(room)) in text
    assert text.count("准考证号") == 2 and text.count("未上传照片") == 1 and "第1考场" in text
    row = db.session.scalars(select(ExamPrint)).one()
    assert row.pages == 2


def test_the_score_list_says_whether_results_are_released(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(candidates=2)
    browser = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/prints"
    assert browser.post(address, data={"kind": "scores"}).status_code == 409
    set_clock(room.opens)
    room.start()
    room.hand_in(room.right())
    set_clock(room.session.closes_at + 2 * (room.session.closes_at - room.opens) / 100)
    tasks.sweep(clock.now())
    text = words_of(made(client_as(room.office), room, "scores"))
    assert room.people[0].name in text and "100" in text and "合格" in text and "缺考" in text and "未发布" in text


def test_the_own_ticket_from_my_exams(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    place(room, "滨海考点", (1, 2))
    drawn(room)
    browser = client_as(room.people[0])
    address = f"/exams/sittings/{room.sittings[0]}/ticket"
    assert address in browser.get("/exams/").text
    assert "第1考场" not in browser.get(address).text
    assert browser.post(address).status_code == 409 and browser.get(f"{address}.pdf").status_code == 404
    published(room)
    assert "正在生成" in browser.get(address).text
    run_waiting()
    page = browser.get(address).text
    number = prints.ticket_number(room.sittings[0], session_of(room))
    assert number in page and "第1考场" in page
    text = words_of(browser.get(f"{address}.pdf").data)
    assert room.people[0].name in text and number in text and room.people[1].name not in text
    stranger = client_as(room.people[1])
    for path in (address, f"{address}.pdf"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(address).status_code == 404


def test_a_ticket_made_anew_replaces_the_file(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)  # no places: the ticket is there with the registration
    browser = client_as(room.people[0])
    address = f"/exams/sittings/{room.sittings[0]}/ticket"
    for _n in range(2):
        assert browser.post(address).status_code == 302
        run_waiting()
    row = db.session.scalars(select(ExamSeat)).one()
    assert db.session.scalars(select(StoredFile.id).where(StoredFile.owner_id == room.people[0].id)).all() == [
        row.ticket_file_id
    ]


def test_what_is_drawn_keeps_nobody_from_writing(app: Any, client_as: Any, monkeypatch: Any) -> None:
    """The slips of three hundred people take a minute: on SQLite every save of an exam would wait for the lock."""
    room, inside = Room(candidates=1), []
    document, slips = prints.document, printing.tickets_pdf
    for place_, name, do in ((prints, "document", document), (printing, "tickets_pdf", slips)):

        def drawn_(*given: Any, do: Any = do) -> Any:
            inside.append(bool(db.session.info.get("unit_of_work")))
            return do(*given)

        monkeypatch.setattr(place_, name, drawn_)
    made(client_as(room.office), room, "tickets")
    assert client_as(room.people[0]).post(f"/exams/sittings/{room.sittings[0]}/ticket").status_code == 302
    run_waiting()
    assert inside == [False, False, False]


def test_a_document_drawn_by_two_workers_is_kept_once(app: Any, client_as: Any, twice: Any) -> None:
    room = Room(candidates=1)
    drawn_ = twice(prints.PRINT)
    made(client_as(room.office), room, "tickets")
    assert drawn_ == [False, False] and db.session.scalar(select(func.count()).select_from(StoredFile)) == 1


def test_a_ticket_is_drawn_again_where_the_seat_changed_meanwhile(app: Any, client_as: Any, monkeypatch: Any) -> None:
    room = Room(candidates=1)
    address, name = f"/exams/sittings/{room.sittings[0]}/ticket", room.people[0].name
    slips, seen = printing.tickets_pdf, []

    def meanwhile(head: Any, tickets: Any, words: Any) -> bytes:
        seen.append(tickets[0].name)
        if len(seen) == 1:
            with for_transactions().execution_options(writes=True).begin() as other:
                other.execute(update(Person.__table__).where(Person.id == room.people[0].id).values(name="改名人"))
        return slips(head, tickets, words)

    monkeypatch.setattr(printing, "tickets_pdf", meanwhile)
    browser = client_as(room.people[0])
    assert browser.post(address).status_code == 302
    run_waiting()
    assert seen == [name, "改名人"]
    assert "改名人" in words_of(browser.get(f"{address}.pdf").data)


def test_the_scanned_ticket_leads_the_invigilator_to_the_candidate(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, room.region.id)
    browser = client_as(watcher)
    number = prints.ticket_number(room.sittings[0], session_of(room))
    answer = browser.get(f"/exams/office/tickets/{number}")
    assert answer.location == f"/exams/office/sittings/{room.sittings[0]}"
    wrong = [number[:8] + "9" + number[9:], number[:-1], "x" * 15, "9" * 24, "2" * 8 + number[8:]]
    for other in wrong:
        assert browser.get(f"/exams/office/tickets/{other}").status_code == 404, other
    far = client_as(people.officer(Role.INVIGILATOR, Scope.REGION, people.region().id))
    assert far.get(f"/exams/office/tickets/{number}").status_code == 404


def test_what_cannot_be_printed_says_why(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    browser = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/prints"
    for data, status in (
        ({"kind": "poster"}, 404), ({}, 404), ({"kind": "paper", "letter": "C"}, 404), ({"kind": "paper"}, 404),
        ({"kind": "seat_plan"}, 409), ({"kind": "scores"}, 409),
    ):  # fmt: skip
        assert browser.post(address, data=data).status_code == status, data
    assert db.session.scalar(select(func.count()).select_from(ExamPrint)) == 0
    assert browser.get(f"{address}/1.pdf").status_code == 404


def test_erasing_a_person_takes_the_ticket_along(app: Any, client_as: Any) -> None:
    from app.exams.personal import forget

    room = Room(candidates=1)
    client_as(room.people[0]).post(f"/exams/sittings/{room.sittings[0]}/ticket")
    run_waiting()
    with unit_of_work():
        forget(room.people[0], clock.now())
    assert db.session.scalars(select(ExamSeat.ticket_file_id)).one() is None
    assert db.session.scalar(select(func.count()).select_from(StoredFile)) == 0


def test_the_web_process_starts_without_the_renderer() -> None:
    import sys

    code = "import app.exams.views, app.exams.tasks, sys; print([m for m in ('weasyprint', 'PIL', 'pikepdf', 'openpyxl') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_picture_in_a_question_is_named_and_never_fetched() -> None:
    from app.core.text import markdown

    made = printing._clean(
        "看图 ![专利流程](https://example.org/x.png) 和[法条](https://example.org)，填[[1]]", markdown
    )
    assert "<img" not in made and "［图：专利流程］" in made and "href" not in made and "（1）" in made


def test_a_draft_has_no_paper_yet(app: Any, client_as: Any) -> None:
    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    with unit_of_work():
        row = sessions.plan(plan(region), by=office, now=clock.now())
    answer = client_as(office).post(f"/exams/office/sessions/{row.id}/prints", data={"kind": "paper", "letter": "A"})
    assert answer.status_code == 409 and session(row.id).blueprint_version_id is None


def test_formulae_and_pictures_are_on_paper_and_key() -> None:
    from functools import partial

    import pikepdf
    from PIL import Image

    from app.core.text import markdown
    from question_bank.grading import rule_text
    from question_bank.items import Item, Kind

    picture = io.BytesIO()
    Image.new("RGB", (200, 120), "teal").save(picture, "PNG")
    address = "/bank/pictures/" + "ab" * 20
    item = Item.from_dict(
        {"id": "F-1", "kind": "single", "explanation": r"因为 $$NPV=\sum_{t=1}^{n}\frac{C_t}{(1+r)^t}-C_0$$",
         "text": f"按 $\\text{{许可费}}=\\frac{{收益}}{{1+r}}$ 计算，见图 ![图一]({address}) 与 ![图二](/bank/pictures/{'cd' * 20})：",
         "options": [{"text": r"$\sqrt{x^2}$", "correct": True}, {"text": "$x_1$"}]}
    )  # fmt: skip
    made = printing.paper("A", "seed", [printing.Entry(1, item, Decimal(2), {})], {Kind.SINGLE: rule_text(Kind.SINGLE)},
                          partial(markdown, for_print=True), {address: picture.getvalue()})  # fmt: skip
    head = printing.Head("考试", "初级", "管理机构", clock.now(), clock.now(), clock.now(), 90, Decimal(60), "北京")
    paper, key = printing.paper_pdf(head, made), printing.key_pdf(head, made)
    words = words_of(paper)
    assert "frac" not in words and "sqrt" not in words and "［图：图二］" in words and "［图：图一］" not in words
    assert "frac" not in words_of(key) and "sum" not in words_of(key)
    with pikepdf.open(io.BytesIO(paper)) as opened:
        assert len(opened.pages[0].get_images()) == 1


def test_files_go_when_their_time_is_over_and_the_page_says_when(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room()
    set_clock(room.opens)
    desk, address = client_as(room.office), f"/exams/office/sessions/{room.session.id}/prints"
    made(desk, room, "paper", "A")
    made(desk, room, "sign_in")
    db.session.rollback()
    paper, sheet = db.session.scalars(select(ExamPrint).order_by(ExamPrint.id)).all()
    goes = [keeping.goes_on(one, room.session) for one in (paper, sheet)]
    ended = clock.local_date(room.session.closes_at)
    assert [(one - ended).days for one in goes] == [365, 180]
    page = desk.get(address).text
    assert day(goes[0]) in page and day(goes[1]) in page and "系统默认" in page
    file_id, sheet_id, paper_id = sheet.file_id, sheet.id, paper.id
    tasks.clear_prints(room.session.closes_at + timedelta(days=179))
    db.session.rollback()
    assert db.session.get(StoredFile, file_id) is not None
    late = room.session.closes_at + timedelta(days=180)
    set_clock(late)
    for _again in range(2):
        tasks.clear_prints(late)
    db.session.rollback()
    assert db.session.get(StoredFile, file_id) is None
    sheet = db.session.get_one(ExamPrint, sheet_id)
    assert sheet.file_id is None and sheet.deleted_at == late
    assert db.session.get_one(ExamPrint, paper_id).file_id is not None
    [line] = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == Did.DELETE_PRINT)).all()
    assert line.details.payload["more"]["print"] == sheet_id
    desk = client_as(room.office)
    assert desk.get(f"{address}/{sheet_id}.pdf").status_code == 404
    assert "已删除" in desk.get(address).text
    made(desk, room, "sign_in")


def test_a_list_made_long_after_the_exam_has_its_time_from_that_day(app: Any, set_clock: Any) -> None:
    room = Room()
    with unit_of_work():
        office = db.session.merge(room.office)
        late = room.session.closes_at + timedelta(days=400)
        found = prints.ask(session(room.session.id), PrintKind.SIGN_IN, "", by=office, now=late)
    assert keeping.goes_on(found, session(room.session.id)) == clock.local_date(late) + timedelta(days=180)
