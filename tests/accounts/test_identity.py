"""ID numbers, phone, photo: shape, seal, mask, lookup."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from app.accounts import identity, rotation, service
from app.accounts.models import IdKind, Person
from app.audit.models import AuditEntry
from app.core import crypto, id_number
from app.core.errors import Forbidden
from app.core.id_number import WrongNumber
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from tests.factories import people

TODAY = date(2026, 11, 22)


def made(born: str = "19900307", place: str = "110105", order: str = "123") -> str:
    first = place + born + order
    return first + id_number.check_character(first)


def test_the_example_of_the_standard() -> None:
    """GB 11643-1999, annex: 11010519491231002X and 440524188001010014 carry these check characters."""
    assert id_number.check_character("11010519491231002") == "X"
    assert id_number.check_character("44052418800101001") == "4"
    assert id_number.resident("11010519491231002x", today=TODAY) == "11010519491231002X"


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(110000, 659999), st.integers(0, 999))
def test_every_right_number_passes_and_gives_its_birthday(born: date, place: int, order: int) -> None:
    number = made(f"{born:%Y%m%d}", str(place), f"{order:03d}")
    assert id_number.resident(number, today=TODAY) == number
    assert id_number.birthday(number) == born


@pytest.mark.parametrize("day", range(1, 31))
def test_all_days_of_september(day: int) -> None:
    number = made(f"198509{day:02d}")
    assert id_number.resident(number, today=TODAY) == number


def test_september_31_is_no_day() -> None:
    with pytest.raises(WrongNumber) as wrong:
        id_number.resident(made("19850931"), today=TODAY)
    assert wrong.value.why == "date"


@given(st.integers(0, 17), st.integers(1, 9), st.dates(date(1950, 1, 1), date(2005, 1, 1)))
def test_one_wrong_digit_is_noticed(place: int, shift: int, born: date) -> None:
    """ISO 7064 MOD 11-2 finds every single wrong character."""
    number = made(f"{born:%Y%m%d}")
    old = number[place]
    new = str((int(old) + shift) % 10) if old.isdigit() else str(shift)
    with pytest.raises(WrongNumber):
        id_number.resident(number[:place] + new + number[place + 1 :], today=TODAY)


@given(st.integers(0, 15))
def test_neighbours_swapped_are_noticed(place: int) -> None:
    number = made("19870914", order="375")
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if swapped != number:
        with pytest.raises(WrongNumber):
            id_number.resident(swapped, today=TODAY)


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text: str) -> None:
    for ask in (lambda: id_number.resident(text, today=TODAY), lambda: id_number.passport(text),
                lambda: id_number.permit(text), lambda: id_number.phone(text)):  # fmt: skip
        try:
            ask()
        except WrongNumber:
            continue


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "length"), ("123", "length"), (made()[:-1], "length"), ("01010519900307123X", "characters"),
        ("11010519900307A231", "characters"), (made("20270101"), "future"), (made("18991231"), "date"),
        (made("19900230"), "date"), ("110105199003071230", "check"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(typed: str, why: str) -> None:
    if typed == "110105199003071230" and made() == typed:
        pytest.skip("happens to be right")
    with pytest.raises(WrongNumber) as wrong:
        id_number.resident(typed, today=TODAY)
    assert wrong.value.why == why


def test_full_width_blanks_and_lower_case_are_the_same_number() -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) for c in "11010519491231002x")
    assert id_number.resident(f" {wide[:6]} {wide[6:]}", today=TODAY) == "11010519491231002X"


@pytest.mark.parametrize("typed", ["e12345678", "G 1234 5678", "AB123456", "EA1234567"])
def test_passports_pass(typed: str) -> None:
    assert id_number.passport(typed).isupper() or id_number.passport(typed).isdigit()


@pytest.mark.parametrize("typed", ["H12345678", "M1234567890", "12345678", "0123456789", "830000199001010" + "014"])
def test_permits_pass_or_fail_by_their_check(typed: str) -> None:
    if typed.startswith("83"):
        typed = typed[:17] + id_number.check_character(typed[:17])
    assert id_number.permit(typed.lower()) == typed


def test_masks() -> None:
    assert id_number.masked_for_documents("11010519491231002X") == "1****************X"
    assert id_number.masked_for_staff("11010519491231002X") == "**************002X"
    assert id_number.masked_phone("13812341234") == "138****1234"
    assert id_number.phone("+86 138-1234-1234") == id_number.phone("１３８１２３４１２３４") == "13812341234"


# Kept


def put_id(person: Person, number: str, kind: IdKind = IdKind.RESIDENT) -> None:
    with unit_of_work():
        kept = db.session.get(Person, person.id)
        service.set_id_number(kept, kind, number, by=kept, today=TODAY)


def test_an_id_number_is_sealed_found_and_masked(app: Any) -> None:
    person = people.person()
    put_id(person, made())
    kept = db.session.get(Person, person.id)
    assert made() not in str({c.key: getattr(kept, c.key) for c in Person.__table__.columns})
    assert kept.id_masked == "*" * 14 + made()[-4:]
    assert service.find_person_by_id_number(" " + made().lower()).id == person.id
    assert identity.id_number_of(kept) == made()
    assert identity.id_for_documents(kept) == made()[0] + "*" * 16 + made()[-1]
    assert service.find_person_by_id_number(made(order="124")) is None


def test_one_number_one_account(app: Any, client_as: Any) -> None:
    put_id(people.person(), made())
    answer = client_as(people.person()).post("/me/identity/number", data={"kind": "resident", "number": made()})
    assert answer.status_code == 422 and "另一账户" in answer.text


@pytest.mark.parametrize("typed", ["", "1", "11010519900307123Y", "<script>", "x" * 100])
def test_wrong_numbers_are_refused_at_their_field(client_as: Any, typed: str) -> None:
    answer = client_as(people.person()).post("/me/identity/number", data={"kind": "resident", "number": typed})
    assert answer.status_code == 422 and 'id="number-error"' in answer.text


def test_phone_is_kept_and_taken_away(client_as: Any, app: Any) -> None:
    person = people.person()
    browser = client_as(person)
    assert browser.post("/me/identity/phone", data={"phone": "138 1234 1234"}).status_code == 302
    assert "138****1234" in browser.get("/me/identity").text
    assert service.find_person_by_phone("+8613812341234").id == person.id
    other = client_as(people.person())
    assert other.post("/me/identity/phone", data={"phone": "13812341234"}).status_code == 422
    assert browser.post("/me/identity/phone", data={"phone": "nonsense"}).status_code == 422
    assert browser.post("/me/identity/phone", data={"phone": ""}).status_code == 302
    assert service.find_person_by_phone("13812341234") is None


def test_reveal_needs_right_scope_and_reason_and_is_logged(client_as: Any, app: Any) -> None:
    here, there = people.region(), people.region(name="哈尔滨市")
    person = people.person(region=here)
    person_id = person.id
    put_id(person, made())
    officer = people.officer(Role.CERTIFICATION, Scope.REGION, here.id)
    stranger = people.officer(Role.CERTIFICATION, Scope.REGION, there.id)
    admin = people.officer(Role.ADMIN)
    address = f"/people/{person_id}/reveal"
    browser = client_as(officer)
    assert made() not in browser.get(f"/people/{person_id}").text
    assert browser.post(address, data={"reveal-reason": ""}).status_code == 422
    answer = browser.post(address, data={"reveal-reason": "核对线下材料"})
    assert answer.status_code == 200 and made() in answer.text
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "accounts.reveal")).one()
    assert line.about_id == person_id and line.details.payload["reason"] == "核对线下材料"
    assert client_as(stranger).post(address, data={"reveal-reason": "好奇而已"}).status_code == 404
    assert client_as(admin).post(address, data={"reveal-reason": "好奇而已"}).status_code == 403
    with unit_of_work(), pytest.raises(Forbidden):
        service.reveal_id_number(db.session.get(Person, person_id), by=db.session.get(Person, admin.id), reason="x")


# Photo


def picture(width: int = 300, height: int = 420, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "GPS 39.0,117.7 secret place"
    Image.new(mode, (width, height)).save(out, kind, **({"exif": exif} if kind == "JPEG" else {}))
    return out.getvalue()


def send(browser: Any, data: bytes, name: str = "p.jpg") -> Any:
    return browser.post("/me/photo", data={"photo": (io.BytesIO(data), name)})


def test_a_photo_is_drawn_anew_without_metadata(client_as: Any, app: Any) -> None:
    person = people.person()
    browser = client_as(person)
    assert browser.get("/me/photo").status_code == 404
    assert send(browser, picture()).status_code == 302
    kept = browser.get("/me/photo").data
    assert b"secret place" not in kept and Image.open(io.BytesIO(kept)).size == (300, 420)
    assert send(browser, picture(900, 1260, "PNG", "RGBA"), "p.png").status_code == 302
    assert service.photo_of(db.session.get(Person, person.id)).media_type == "image/jpeg"
    assert browser.post("/me/photo/delete").status_code == 302
    assert service.photo_of(db.session.get(Person, person.id)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no picture", b"\xff\xd8\xff\xe0 broken", picture(294, 412), picture(420, 300), picture(300, 900),
        b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, picture(kind="PNG")[:200],
    ],
)  # fmt: skip
def test_other_pictures_are_refused_with_the_reason(client_as: Any, data: bytes) -> None:
    answer = send(client_as(people.person()), data)
    assert answer.status_code == 422 and 'id="photo-error"' in answer.text


def test_a_photo_over_5_mb_is_refused(client_as: Any) -> None:
    assert "5 MB" in send(client_as(people.person()), picture() + b"\0" * (5 * 1024 * 1024)).text


def test_photos_of_others_are_seen_in_scope_only(client_as: Any) -> None:
    here, there = people.region(), people.region()
    person = people.person(region=here)
    send(client_as(person), picture())
    inside = client_as(people.officer(Role.CERTIFICATION, Scope.REGION, here.id))
    outside = client_as(people.officer(Role.CERTIFICATION, Scope.REGION, there.id))
    assert inside.get(f"/people/{person.id}/photo").status_code == 200
    assert outside.get(f"/people/{person.id}/photo").status_code == 404


# Rotation of the data key


def test_rotation_seals_again_and_the_old_key_may_go(app: Any) -> None:
    import dataclasses

    person = people.person()
    put_id(person, made())
    with unit_of_work():
        db.session.get(Person, person.id).totp_sealed = crypto.encrypt("SECRET", purpose="totp")
    settings = app.extensions["settings"]
    fresh = b"n" * 32
    try:
        app.extensions["settings"] = dataclasses.replace(settings, DATA_KEY=(fresh, *settings.DATA_KEY))
        done, left = rotation.rotate(batch=1)
        assert (done, left) == (2, 0) and rotation.rotate() == (0, 0)
        app.extensions["settings"] = dataclasses.replace(settings, DATA_KEY=(fresh,))
        assert identity.id_number_of(db.session.get(Person, person.id)) == made()
        app.extensions["settings"] = dataclasses.replace(settings, DATA_KEY=(b"z" * 32,))
        assert rotation.rotate() == (0, 2)
    finally:
        app.extensions["settings"] = settings


def test_a_sealed_value_cannot_be_moved_to_another_column(app: Any) -> None:
    with pytest.raises(ValueError):
        crypto.decrypt(crypto.encrypt("x", purpose="person.id"), purpose="person.phone")
