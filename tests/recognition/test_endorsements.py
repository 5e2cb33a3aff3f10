"""Recognitions for machines: endorsements of our own credentials and of files that were handed in."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from app.certification import credentials, keyring, lists
from app.core import clock
from app.db import db, unit_of_work
from app.files.service import PDF, TEXT, keep_bytes
from app.jobs.service import run_waiting
from app.recognition import endorsements, service
from app.recognition.models import RecognitionCase
from app.recognition.states import Verified
from app.recognition.tasks import complete_endorsements
from certificates.credentials import endorses
from certificates.proofs import read
from certificates.verify import verify
from tests.certificates.official import objections
from tests.certificates.required_parts import faults
from tests.certificates.samples_signed import Authority
from tests.recognition.test_recognition import PDF as PAPER
from tests.recognition.test_recognition import World


@pytest.fixture
def world(app: Any) -> World:
    return World()


def work() -> None:
    run_waiting()
    lists.sign_due(clock.now())
    db.session.rollback()


def answer_of(case: RecognitionCase) -> str:
    data = endorsements.bytes_of(db.session.get_one(RecognitionCase, case.id))
    assert data is not None
    return verify(data, clock.now(), keyring.trust(), lists.documents()).answer.value


def test_a_certificate_of_this_site_is_endorsed_byte_for_byte(world: World, client: Any, client_as: Any) -> None:
    run_waiting()
    case = world.recognised()
    work()
    case = world.reload(case)
    data, source = endorsements.bytes_of(case), credentials.bytes_of(world.reload(world.certificate).current)
    assert data is not None and source is not None and endorses(read(data), source)
    assert not endorses(read(data), source + b" ")
    document = json.loads(data)
    assert faults(document) == [] and objections(document) == []  # our list of what Open Badges asks, and its schema
    assert document["issuer"]["id"].endswith("authority:2301")
    assert document["validUntil"].startswith(case.valid_until.isoformat())  # type: ignore[union-attr]
    assert "许文博" not in data.decode()
    assert answer_of(case) == "holds"
    served = client.get(f"/recognition/note/{case.number}/credential")
    assert served.data == data and served.headers["Access-Control-Allow-Origin"] == "*"
    assert client_as(world.holder).get(f"/recognition/{case.id}/endorsement").data == data
    assert client_as(world.first).get(f"/recognition/{case.id}/endorsement").status_code == 404
    for page in (
        client_as(world.holder).get(f"/recognition/{case.id}"),
        client.get(f"/recognition/note/{case.number}"),
    ):
        assert "供机器读取的认可凭证" in page.text


def test_under_re_examination_it_is_suspended_and_ended_it_is_revoked(world: World) -> None:
    run_waiting()
    case = world.recognised()
    work()
    with unit_of_work():
        service.doubt(world.reload(case), reason="来源存疑", by=None, now=clock.now())
    work()
    assert answer_of(case) == "does-not-hold"
    with unit_of_work():
        service.settle_doubt(
            world.reload(case), confirm=True, by=world.reload(world.first), reason="无误", now=clock.now()
        )
    work()
    assert answer_of(case) == "holds"
    with unit_of_work():
        service.doubt(world.reload(case), reason="来源存疑", by=None, now=clock.now())
        service.settle_doubt(
            world.reload(case), confirm=False, by=world.reload(world.first), reason="有误", now=clock.now()
        )
    work()
    assert answer_of(case) == "does-not-hold"


def foreign(world: World, data: bytes, name: str, kind: str, **said: Any) -> RecognitionCase:
    """A case about a certificate of another issuer, with one file handed in, decided."""
    told = {
        "issuer": "滨海新区技术经理人认证中心", "number": "TTM2120120260001233", "name": "许文博", "level": "中级技术经理人",
        "issued_on": date(2026, 1, 5), "expires_on": clock.today() + timedelta(days=400), "region_id": world.south.id,
    } | said  # fmt: skip
    with unit_of_work():
        file = keep_bytes(data, name, owner=world.reload(world.holder), kinds=frozenset({kind}))
    case = world.submit(source=service.Source(**told), documents=[world.reload(file)])
    with unit_of_work():
        service.verify_source(
            world.reload(case), Verified.LETTER, "电话核实", by=world.reload(world.first), now=clock.now()
        )
    world.propose(case)
    world.decide(case)
    work()
    return world.reload(case)


def sample(**changed: Any) -> bytes:
    return Authority().credential(holder_name="许文博", number="TTM2120120260001233", **changed)


def test_a_credential_that_was_handed_in_is_endorsed(world: World) -> None:
    data = sample()
    case = foreign(world, data, "凭证.json", TEXT)
    made = endorsements.bytes_of(case)
    assert made is not None and endorses(read(made), data) and answer_of(case) == "holds"


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PAPER, "扫描.pdf", PDF),
        (b'{"type": ["VerifiableCredential"]}', "a.json", TEXT),
        ("说明".encode(), "a.txt", TEXT),
        (Authority().credential(holder_name="另一个人", number="TTM2120120260001233"), "a.json", TEXT),
        (Authority().credential(holder_name="许文博", number="TTM2120120260001234"), "a.json", TEXT),
    ],
)
def test_paper_and_credentials_of_others_have_the_note_alone(world: World, data: bytes, name: str, kind: str) -> None:
    case = foreign(world, data, name, kind)
    assert case.note_file_id is not None and case.endorsement_file_id is None


def test_it_follows_when_the_source_is_made_later(world: World) -> None:
    case = world.recognised()
    with unit_of_work():  # the worker makes the note first
        world.reload(world.certificate).current.credential_file_id = None
    run_waiting(limit=2)
    with unit_of_work():
        world.reload(case).endorsement_file_id = None
    complete_endorsements(clock.now())
    work()
    assert answer_of(case) == "holds"
