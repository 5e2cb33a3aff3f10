"""Many certificates at once: ZIP with manifest, print file, handing-out list; figures of a day, the same at any time."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from datetime import date, timedelta
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select, update

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.certification import downloads, figures, issuing, service
from app.certification.earlier_models import PrintBatch
from app.certification.models import Certificate, Edition
from app.certification.states import Change, EditionKind
from app.core import archive
from app.db import db, for_transactions, locked, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF, keep_bytes
from app.jobs.service import run_waiting
from tests.factories import certification as made


def a_pdf(pages: int = 1) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page()
        pdf.save(out)
    return out.getvalue()


@pytest.fixture
def held(judged: Any, binhai: Any, at: Any) -> list[Certificate]:
    """Three certificates, the last without a PDF; the first name is a formula."""
    found = [made.certificate(made.trainee(binhai, n), now=at("2026-01-05 09:00")) for n in ("=1+1王", "李四", "赵六")]
    with unit_of_work():
        for one in found[:2]:
            edition = db.session.get_one(Edition, one.current.id)
            edition.pdf_file_id = keep_bytes(
                a_pdf(), "x.pdf", owner=edition.certificate.holder, kinds=frozenset({PDF})
            ).id
    return found


def test_a_zip_with_a_manifest_of_the_whole_filter(
    held: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    client = client_as(officers())
    answer = client.post("/office/certificates/take?level=1", data={"do": "zip", "whole": "1"})
    assert answer.status_code == 302 and "level=1" in answer.location
    package = zipfile.ZipFile(io.BytesIO(client.get(answer.location).data))
    assert package.testzip() is None
    rows = list(csv.reader(io.StringIO(package.read("manifest.csv").decode("utf-8-sig"))))
    assert len(rows) == 4 and len(package.namelist()) == 3
    for number, _name, file, digest in rows[1:]:
        assert number in {c.number for c in held}
        assert (hashlib.sha256(package.read(file)).hexdigest() == digest) if digest else file == "无 PDF"
    assert {r[1] for r in rows[1:]} == {"'=1+1王", "李四", "赵六"}
    export = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "certification.certificate.export")).one()
    assert export.details.payload["more"]["count"] == 3


def test_the_zip_is_never_whole_in_memory(held: Any, officers: Any, at: Any) -> None:
    file = StoredFile(key="k", name="x.pdf", media_type=PDF, size=1, sha256="0" * 64)
    big = b"x" * (3 * archive.CHUNK)

    class Source(io.BytesIO): ...

    downloads_open = downloads.open_file
    downloads.open_file = lambda stored: Source(big)  # type: ignore[assignment]
    try:
        pieces = list(
            downloads.stream((downloads.Entry(i, f"N-{i}", "王", 1, file) for i in range(40)), at("2026-03-02 09:00"))
        )
    finally:
        downloads.open_file = downloads_open
    assert sum(map(len, pieces)) > 40 * len(big) and max(map(len, pieces)) < 2 * archive.CHUNK


def test_only_what_the_officer_sees_is_taken(held: Any, officers: Any, client_as: Any, set_clock: Any, at: Any) -> None:
    from app.core.permissions import Role
    from tests.factories import people

    set_clock(at("2026-03-02 09:00"))
    other = people.region("2301")
    stranger = people.officer(Role.CERTIFICATION, people.Scope.REGION, other.id, name="外地", region=other)
    ids = ".".join(str(c.id) for c in held)
    assert client_as(stranger).get(f"/office/certificates/download.zip?ids={ids}").status_code == 409
    assert (
        "王"
        not in client_as(stranger)
        .get(f"/office/certificates/handing-out?ids={ids}")
        .text.split("<main")[1]
        .split("<tbody>")[1]
        .split("</tbody>")[0]
    )


def test_a_print_file_joins_the_pages_and_names_what_lacks(
    held: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    officer = officers()
    client = client_as(officer)
    answer = client.post("/office/certificates/take", data={"do": "print", "ids": [c.id for c in held]})
    assert "data-job" in client.get(answer.location).text
    with unit_of_work():
        for one in db.session.scalars(select(PrintBatch)):
            assert one.certificates == [c.id for c in held]
    from app.jobs.models import Job

    with unit_of_work():  # leave the PDFs of the certificates alone
        for job in db.session.scalars(select(Job).where(Job.kind == issuing.RENDER)):
            job.cancel_asked = True
    run_waiting()
    page = client.get(answer.location).text
    assert held[2].number in page
    with pikepdf.open(io.BytesIO(client.get(f"{answer.location}/file").data)) as pdf:
        assert len(pdf.pages) == 2
    assert client_as(officers()).get(answer.location).status_code == 404
    downloads.forget_prints(at("2026-03-02 09:00") + timedelta(days=8))
    assert client.get(f"{answer.location}/file").status_code == 404
    assert "7 天" in client.get(answer.location).text


def batch_of(held: list[Certificate], officer: Person, now: Any) -> PrintBatch:
    with unit_of_work():
        return downloads.start_print([one.id for one in held], by=db.session.merge(officer), now=now)


def test_a_print_file_joined_by_two_workers_is_kept_once(held: Any, officers: Any, at: Any, twice: Any) -> None:
    batch, joined = batch_of(held[:2], officers(), at("2026-03-02 09:00")), twice(downloads.PRINT)
    run_waiting()
    assert joined == [False, False]
    [kept] = db.session.scalars(select(StoredFile).where(StoredFile.name.startswith("print-")))
    assert db.session.get_one(PrintBatch, batch.id, populate_existing=True).file_id == kept.id


def test_a_print_file_holds_the_edition_that_came_meanwhile(
    held: Any, officers: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, edition_id, chosen, pages = (
        batch_of(held, officers(), at("2026-03-02 09:00")),
        held[2].current.id,
        downloads._files,
        [],
    )
    with unit_of_work():
        longer = keep_bytes(a_pdf(3), "y.pdf", owner=held[2].holder, kinds=frozenset({PDF})).id

    def meanwhile(entries: Any) -> Any:
        pages.append(len(entries))
        if len(pages) == 1:  # the third gets another PDF while they are joined
            with for_transactions().execution_options(writes=True).begin() as other:
                other.execute(update(Edition.__table__).where(Edition.id == edition_id).values(pdf_file_id=longer))
        return chosen(entries)

    monkeypatch.setattr(downloads, "_files", meanwhile)
    run_waiting()
    made_ = db.session.get_one(PrintBatch, batch.id, populate_existing=True)
    assert (made_.pages, made_.lacking, pages) == (5, [], [3, 3, 3, 3])


def test_the_handing_out_list_has_a_place_for_the_signature(
    held: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    client = client_as(officers())
    answer = client.post("/office/certificates/take?q=李", data={"do": "list", "whole": "1"})
    page = client.get(answer.location).text
    assert "签名" in page and "李四" in page and "赵六" not in page
    assert client.post("/office/certificates/take", data={"do": "list"}).status_code == 302
    assert client.post("/office/certificates/take", data={"do": "burn", "ids": held[0].id}).status_code == 404


def test_figures_of_a_past_day_stay_as_they_were(
    judged: Any, binhai: Any, officers: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    a, b = officers(), officers()
    one, two, three = (
        made.certificate(made.trainee(binhai, n), r, now=at(f"2026-0{r}-05 09:00"))
        for n, r in (("王", 1), ("李", 2), ("赵", 3))
    )
    me = lambda p: db.session.get_one(Person, p.id)  # noqa: E731

    def of(day: date) -> figures.Figures:
        return figures.figures(me(a), day, date(2026, 1, 1))

    assert [of(date(2026, m, 28)).valid_of() for m in (1, 2, 3)] == [1, 2, 3]
    march = of(date(2026, 3, 31))
    with unit_of_work():
        service.change(locked(one), Change.SUSPEND, by=me(a), reason="核查", now=at("2026-04-10 23:30"))
    with unit_of_work():
        revoked = service.change(locked(two), Change.REVOKE, by=me(a), reason="查实", now=at("2026-04-11 09:00"))
    with unit_of_work():
        service.confirm(locked(revoked), by=me(b), now=at("2026-05-02 09:00"))
    with unit_of_work():
        service.reissue(locked(three), EditionKind.REPRINT, by=me(a), reason="遗失", now=at("2026-05-03 09:00"))
    assert of(date(2026, 3, 31)) == march
    assert of(date(2026, 4, 9)).valid_of() == 3 and of(date(2026, 4, 10)).valid_of() == 2
    may = of(date(2026, 5, 31))
    assert may.valid_of() == 1 and may.valid_of(rank=3, region_id=binhai.id) == 1
    assert (
        may.months["2026-04"]["suspend"] == 1
        and may.months["2026-05"]["revoke"] == 1
        and may.months["2026-05"]["reprint"] == 1
    )
    assert {m: row["first"] for m, row in may.months.items()} == {
        "2026-01": 1,
        "2026-02": 1,
        "2026-03": 1,
        "2026-04": 0,
        "2026-05": 0,
    }
    assert may.levels["revoke"] == {2: 1} and may.regions["first"] == {binhai.id: 3}
    assert of(date(2029, 2, 1)).valid_of() == 1  # ended ones do not count
    set_clock(at("2026-06-01 09:00"))
    client = client_as(a)
    page = client.get("/office/certificates/statistics?on=2026-03-31&since=2026-01-15")
    assert page.status_code == 200 and "有效证书 3 本" in page.text
    assert client.get("/office/certificates/statistics?on=rubbish&since=9999-99-99&region=x").status_code == 200
    assert client.get("/office/certificates/statistics?on=2026-03-31&export=xlsx").data.startswith(b"PK")
