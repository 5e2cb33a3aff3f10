"""Document signers whose key is not in a file here: on a token or HSM (PKCS#11), or at a signing service.

Set by ``SIGNING_PKCS11`` or ``SIGNING_REMOTE`` (docs/operations.md). Each authority has its own key, called by its code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _l

from app.core.crypto import settings
from app.core.errors import Refused

if TYPE_CHECKING:
    from certificates.signing import DocumentSigner


class SignerMissing(Refused):
    message = _l("The signing key of %(authority)s cannot be used: %(why)s")


def elsewhere(authority: str, *, timestamper: Any = None) -> DocumentSigner | None:
    """The signer of an authority where keys are kept elsewhere; None where they are files. Raises SignerMissing."""
    from certificates import signing
    from certificates.keys import KeyRefused

    told = settings()
    try:
        if told.SIGNING_PKCS11:
            return _token(authority, told.SIGNING_PKCS11, told.SIGNING_PKCS11_PIN or "", timestamper)
        if told.SIGNING_REMOTE:
            ask = signing.signing_service(told.SIGNING_REMOTE, key=authority, secret=told.SIGNING_REMOTE_SECRET or "")
            return signing.remote_signer(_chain(authority), ask, timestamper=timestamper)
    except (KeyRefused, signing.SigningFailed) as reason:
        raise SignerMissing(authority=authority, why=str(reason)) from reason
    return None


def _token(authority: str, said: str, pin: str, timestamper: Any) -> DocumentSigner:
    from certificates import signing

    module, _, rest = said.partition(";")
    named = dict(part.strip().split("=", 1) for part in rest.split(";") if "=" in part)
    label = named.get("label", "{authority}").replace("{authority}", authority)
    chain = _chain(authority) if settings().SIGNING_CHAINS else []
    return signing.pkcs11_signer(
        module, token=named.get("token", ""), pin=pin, label=label, certificates=chain, timestamper=timestamper
    )


def _chain(authority: str) -> list[str]:
    """PEM of the certificates in ``SIGNING_CHAINS``, the signer's own first."""
    from certificates.keys import KeyRefused

    path = Path(settings().SIGNING_CHAINS or "") / f"{authority}.pem"
    try:
        text = path.read_text("ascii")
    except (OSError, ValueError) as reason:
        raise KeyRefused("content", f"{path.name} is not in SIGNING_CHAINS") from reason
    end = "-----END CERTIFICATE-----"
    return [f"{part.strip()}\n{end}\n" for part in text.split(end) if part.strip()]
