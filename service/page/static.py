"""The files that the page is made with: styles and scripts of our own, each under a URL that names its content."""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from service.api.http.encodings import GZIP_WINDOW
from service.api.http.problems import NotFound

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

_DIRECTORY = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


class StaticFile(NamedTuple):
    """A file, and the same compressed by gzip."""

    content: bytes
    gzipped: bytes
    media_type: str
    tag: str


@cache
def files() -> dict[str, StaticFile]:
    """Return every file by name."""
    return {path.name: _read(path) for path in sorted(_DIRECTORY.iterdir()) if path.suffix in _TYPES}


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    compressor = zlib.compressobj(9, zlib.DEFLATED, GZIP_WINDOW)
    gzipped = compressor.compress(content) + compressor.flush()
    return StaticFile(content, gzipped, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])


def url(name: str) -> str:
    """Return the URL of a file: another one for other content."""
    return f"/static/{name}?v={files()[name].tag}"


@route("/static/{name:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], sync_to_thread=False)
def static_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Return a file of the page."""
    found = files().get(name)
    if found is None:
        detail = f"There is no file {name[:80]}."
        raise NotFound(detail)
    kept = _FOR_EVER if request.scope["query_string"] == f"v={found.tag}".encode() else "no-cache"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.content, media_type=found.media_type, headers=headers)
    return Response(found.gzipped, media_type=found.media_type, headers=headers | {"Content-Encoding": "gzip"})


HANDLERS: list[HTTPRouteHandler] = [static_file]
