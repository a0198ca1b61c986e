"""Bytes that stay the same as long as the process runs: documents and pages, each with its entity tag."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from litestar import Response

from service.api.http.conditions import not_modified
from service.api.http.encodings import coding_of, compressed_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest


class Served:
    """A document; its entity tag and its compressed forms are made when they are first asked for."""

    def __init__(self, content: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers` are its own."""
        self.content, self.media_type, self.headers = content, media_type, headers or {}
        self._coded: dict[str, bytes] = {}

    @cached_property
    def tag(self) -> str:
        """The entity tag of the form that is not compressed."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'

    def answer(self, request: AnyRequest) -> Response[bytes]:
        """Return the document, or 304 when the client has it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if (same := not_modified(request, headers)) is not None:
            return same
        headers |= self.headers
        coding = coding_of(request)
        if coding is None:
            return Response(self.content, media_type=self.media_type, headers=headers)
        if coding not in self._coded:
            self._coded[coding] = compressed_now(self.content, coding)
        headers |= {"Content-Encoding": coding, "ETag": f'{self.tag[:-1]}.{coding}"'}
        return Response(self._coded[coding], media_type=self.media_type, headers=headers)
