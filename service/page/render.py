"""A view as HTML: templates with everything escaped, and the headers that let nothing else in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader
from litestar import Response

from service.api.http.encodings import coding_of, compressed
from service.page import says, static, words
from service.page.ask import target
from service.page.key import has_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest
    from service.page.visit import View, Visit

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""No script or style but from our own files, no frame, no base, no form to elsewhere."""

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals |= {"words": words, "says": says, "static": static.url, "url": target}
_ENVIRONMENT.filters |= {
    "when": words.when,
    "party": words.party,
    "party_in_text": words.party_in_text,
    "party_first": words.party_first,
    "words": words.words,
    "day": words.day_words,
    "percent": words.percent,
    "value": words.value,
    "coded": words.coded,
}
NAVIGATION = (
    ("/", "What stands"),
    ("/issues", "Issues"),
    ("/changes", "What changes"),
    ("/exposure", "Exposure"),
    ("/record", "Record"),
)


async def shown(request: AnyRequest, view: View, visit: Visit | None) -> Response[bytes]:
    """Answer with a view, compressed where the client takes that; without a visit there is no clock to show."""
    answer = drawn(request, view, visit)
    if coding := coding_of(request):
        answer.content = await compressed(answer.content, coding)
        answer.headers["Content-Encoding"] = coding
    return answer


def drawn(request: AnyRequest, view: View, visit: Visit | None) -> Response[bytes]:
    """Answer with a view as it is."""
    frame = {
        "visit": visit,
        "title": view.title,
        "path": request.scope["path"],
        "back": _back(request),
        "navigation": NAVIGATION,
        "has_key": has_key(request),
    }
    body = render(view.template, {**frame, **view.context}).encode()
    headers = {
        **SECURITY,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Encoding, Authorization, Cookie",
    }
    return Response(body, status_code=view.status, media_type="text/html", headers=headers)


def _back(request: AnyRequest) -> str:
    """Return where to go on once a key is given: this view, with its query."""
    query = request.scope["query_string"].decode("ascii", "replace")
    path: str = request.scope["path"]
    return f"{path}?{query}" if query else path


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return a template filled in."""
    return _ENVIRONMENT.get_template(template).render(context)
