"""Which document signer an authority has where keys are not files: as the settings say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.certification import signers
from app.core import crypto
from certificates import keys
from config import HalfSet, from_env


@pytest.fixture
def told(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def tell(**changed: Any) -> None:
        made = replace(crypto.settings(), **changed)
        monkeypatch.setattr("app.certification.signers.settings", lambda: made)

    return tell


def test_without_settings_keys_are_files(app: Any) -> None:
    assert signers.elsewhere("1200") is None


def test_a_service_needs_the_chain_of_the_authority(told: Any, tmp_path: Path) -> None:
    told(SIGNING_REMOTE="https://sign.example.org/v1", SIGNING_CHAINS=str(tmp_path), SIGNING_REMOTE_SECRET="s")
    with pytest.raises(signers.SignerMissing) as refused:
        signers.elsewhere("1200")
    assert "1200.pem" in str(refused.value.text)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    root = keys.make_trial_authority("根", "root", now)
    p12 = keys.make_signer(root, "root", "中心", "did:web:ttm.example.org", "pw", now)
    (tmp_path / "1200.pem").write_text("".join(keys.certificates_in(p12, "pw")))
    signer = signers.elsewhere("1200")
    assert signer is not None and len(signer.certificates) == 2
    told(SIGNING_REMOTE="http://sign.example.org/v1", SIGNING_CHAINS=str(tmp_path))
    with pytest.raises(signers.SignerMissing):
        signers.elsewhere("1200")


def test_a_token_that_is_not_there_is_said(told: Any) -> None:
    told(SIGNING_PKCS11="/nowhere/lib.so;token=certificates;label=issuer-{authority}", SIGNING_PKCS11_PIN="1")
    with pytest.raises(signers.SignerMissing):
        signers.elsewhere("1200")


@pytest.mark.parametrize(
    "given",
    [
        {"SIGNING_PKCS11": "/lib.so;token=a"},
        {
            "SIGNING_PKCS11": "/lib.so;token=a",
            "SIGNING_PKCS11_PIN": "1",
            "SIGNING_REMOTE": "https://a",
            "SIGNING_CHAINS": "/b",
        },
        {"SIGNING_REMOTE": "https://a"},
    ],
)
def test_contradicting_settings_stop_the_start(given: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(HalfSet):
        from_env({"APP_MODE": "test", "INSTANCE": str(tmp_path), **given})
    assert from_env({"APP_MODE": "test", "INSTANCE": str(tmp_path)}).SIGNING_PKCS11 is None
