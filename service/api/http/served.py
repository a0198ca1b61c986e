"""Bytes that stay the same as long as the process runs: documents and pages, each with its entity tag."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from litestar import Response

from service.api.http.conditions import not_modified
from service.api.http.encodings import coding_of, compressed_now

if TYPE_CHECKING:
    from service.api.http.requests import AnyRequest


class Served(NamedTuple):
    """A document: its content, its type, headers of its own, and what of it is compressed already, by coding."""

    content: bytes
    media_type: str
    headers: dict[str, str]
    coded: dict[str, bytes]

    def answer(self, request: AnyRequest) -> Response[bytes]:
        """Return the document, or 304 when the client has it."""
        tag = f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if (same := not_modified(request, headers)) is not None:
            return same
        headers |= self.headers
        coding = coding_of(request)
        if coding is None:
            return Response(self.content, media_type=self.media_type, headers=headers)
        if coding not in self.coded:
            self.coded[coding] = compressed_now(self.content, coding)
        headers |= {"Content-Encoding": coding, "ETag": f'{tag[:-1]}.{coding}"'}
        return Response(self.coded[coding], media_type=self.media_type, headers=headers)
