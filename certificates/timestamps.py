"""Trusted times from a time-stamp authority (RFC 3161) over HTTP, for signatures on PDF files (PAdES-T).

pyHanko's own client needs another HTTP library; the exchange is one POST.
"""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

from pyhanko.sign.timestamps import TimeStamper

SECONDS = 10.0
LARGEST = 256 * 1024  # bytes of an answer


class HttpTimeStamper(TimeStamper):
    """Asks the authority at ``url`` (``http:`` or ``https:``). A failure is an ``OSError`` or ``ValueError``."""

    def __init__(self, url: str, timeout: float = SECONDS) -> None:
        super().__init__()
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"not an address of a time-stamp authority: {url!r}")
        self.url, self.timeout = url, timeout

    async def async_request_tsa_response(self, req: Any) -> Any:
        """One exchange: the request in DER, the answer in DER."""
        from asn1crypto import tsp

        return tsp.TimeStampResp.load(await asyncio.to_thread(self._exchange, req.dump()))

    def _exchange(self, request: bytes) -> bytes:
        asked = urllib.request.Request(  # noqa: S310 - http and https alone, see above
            self.url, data=request, headers={"Content-Type": "application/timestamp-query"}, method="POST"
        )
        with urllib.request.urlopen(asked, timeout=self.timeout) as answer:  # noqa: S310
            return bytes(answer.read(LARGEST))
