"""The prepared fonts of this machine, and an authority that signs."""

import os

import pytest

from certificates.fonts import Fonts, FontsMissing, fonts
from tests.certificates.samples_signed import Authority


@pytest.fixture(scope="session")
def letters() -> Fonts:
    try:
        return fonts()
    except FontsMissing as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def signed_pdf(authority, letters) -> bytes:
    """A good certificate of ``authority``: signed, credential inside."""
    return authority.pdf(letters)
