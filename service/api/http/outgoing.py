"""Answers as they are sent: kept ones, heads of streams, and the compression that a client accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Response
from litestar.response.base import ASGIResponse

from service.api.http.encodings import coding_of, compressed

if TYPE_CHECKING:
    from service.api.http.requests import AnyRequest

CODED_PART = 4
"""A compressed form is kept beside its answer if it has at most this part of its bytes."""


class Kept(Response[bytes]):
    """An answer that is kept, with its compressed forms by content coding."""

    __slots__ = ("coded",)

    def __init__(self, content: bytes, media_type: str, headers: dict[str, str], coded: dict[str, bytes]) -> None:
        """Answer with what is kept."""
        super().__init__(content, status_code=200, media_type=media_type, headers=headers)
        self.coded = coded


class HeadOfStream(Response[bytes]):
    """The answer to a HEAD where GET streams: it has no length."""

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # noqa: ANN401 - Litestar's own
        """Return the response that sends it."""
        headers = self.headers | {"content-type": self.media_type}
        return ASGIResponse(headers=headers, status_code=200, is_head_response=True)


async def encoded(request: AnyRequest, response: Response[bytes], content: bytes) -> None:
    """Compress an answer for its client; its entity tag then ends with the coding: these are other bytes."""
    headers = response.headers
    vary = headers.get("Vary")
    if vary is None or "Accept-Encoding" not in vary:
        headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    coding = coding_of(request)
    if coding is None:
        return
    kept = response.coded if isinstance(response, Kept) else {}
    if (body := kept.get(coding)) is None:
        body = await compressed(content, coding)
        if len(body) * CODED_PART <= len(content):
            kept[coding] = body
    response.content = body
    headers["Content-Encoding"] = coding
    if tag := headers.get("ETag"):
        headers["ETag"] = f'{tag[:-1]}.{coding}"'
