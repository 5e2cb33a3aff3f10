"""Independent checks: every fault against every verifier, and every good certificate accepted by all of them."""

from __future__ import annotations

import os

import pytest

from tests.certificates import matrix

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tools():
    lacking = matrix.missing()
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(lacking)} (.ci/install test)")
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")


@pytest.fixture(scope="module")
def said(tools, authority, letters, tmp_path_factory):
    return matrix.answers(matrix.faults(authority, letters), authority, tmp_path_factory.mktemp("faults"))


def test_ours_notice_every_fault(said):
    for name, row in said.items():
        for tool in matrix.TOOLS[:2]:
            unknown = name in ("list of another issuer", "list out of date")
            assert row[tool] == (matrix.UNSURE if unknown else matrix.NOTICES), (name, tool)


def test_the_others_notice_what_they_can(said):
    noticed = {tool: {name for name, row in said.items() if row[tool] != matrix.SILENT} for tool in matrix.TOOLS[2:]}
    assert noticed["JavaScript verifier"] >= {
        "name changed in the attachment", "member added to the credential", "revoked", "superseded", "expired",
        "credential by a wrong key", "list of another issuer", "list out of date",
    }  # fmt: skip
    assert noticed["pdfsig"] >= {"one changed byte", "bytes appended", "attachment of another certificate"}
    assert noticed["pyhanko-cli"] >= {"one changed byte", "attachment of another certificate"}


def test_every_tool_accepts_every_good_certificate(tools, authority, letters, tmp_path):
    said = matrix.answers(matrix.good(authority, letters), authority, tmp_path / "good")
    assert len(said) == 3
    for name, row in said.items():
        assert set(row.values()) == {matrix.SILENT}, (name, row)


def test_the_document_tells_the_truth(said):
    assert matrix.written() == matrix.table(said), "python -m tests.certificates.matrix --write"
