"""The routes of the page: each view as a handler, where a refusal of the API is a page as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from litestar import Request, Response, asgi
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from service.api.http.encodings import form_of
from service.api.http.problems import NotFound
from service.page import static
from service.page.ask import ApiRefusal, ask, scope_of
from service.page.key import is_key, set_cookie
from service.page.render import SECURITY, drawn, shown
from service.page.views import changes, exposure, issue, issues, item, record, start
from service.page.visit import View, Visit, opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from service.api.http.requests import AnyRequest

    See = Callable[[Visit], Awaitable[View]]

HTML, JSON = "text/html", "application/json"
VIEWS: tuple[tuple[str, See], ...] = (
    ("/", start.view),
    ("/issues", issues.view),
    ("/issues/{issue:str}", issue.view),
    ("/items/{kind:str}/{item:str}", item.view),
    ("/changes", changes.view),
    ("/exposure", exposure.view),
    (record.PATH, record.view),
)
_READ = [HttpMethod.GET, HttpMethod.HEAD]
_UNAUTHORIZED, _NOT_FOUND, _SEE_OTHER = 401, 404, 303
_FIELDS_MAX = 2_000
_KEY_MAX = 10_000
"""Bytes that the form with a key may have."""


def page_handlers() -> list[Any]:
    """Return the handlers of the page for Litestar."""
    handlers: list[Any] = [_handler(path, see) for path, see in VIEWS]
    kept = HTTPRouteHandler("/key", http_method=HttpMethod.POST, include_in_schema=False, status_code=_SEE_OTHER)
    sent = HTTPRouteHandler(record.PATH, http_method=HttpMethod.POST, include_in_schema=False, status_code=200)
    table = HTTPRouteHandler("/exposure.csv", http_method=_READ, include_in_schema=False, status_code=200)
    return [*handlers, kept(_keep_key), sent(_record), table(_table), _live, *static.HANDLERS]


def _handler(path: str, see: See) -> HTTPRouteHandler:
    async def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        if form_of(request, HTML, JSON) == JSON:
            detail = "This is a page for people; the API is under /v1, and /schema describes it."
            raise NotFound(detail)
        visit = None
        try:
            visit = await opened(request)
            return await shown(request, await see(visit), visit)
        except ApiRefusal as refusal:
            return await shown(request, refused(refusal), visit)

    return HTTPRouteHandler(path, http_method=_READ, include_in_schema=False, status_code=200)(call)


def refused(refusal: ApiRefusal) -> View:
    """Return the page that says why the API refuses, with a form for a key where one is wanted."""
    wants_key = refusal.status == _UNAUTHORIZED
    title = "This ledger asks for a key" if wants_key else str(refusal.problem.get("title", "Refused"))
    return View("refused.html", {"problem": refusal.problem, "wants_key": wants_key}, title, refusal.status)


def exception_handlers(of_api: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the exception handlers of the API, where a path that leads nowhere is a page for a browser."""
    otherwise = of_api[HTTPException]

    def missing(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        wants_page = HTML in request.headers.get("accept", "") and not request.scope["path"].startswith("/v1")
        if error.status_code == _NOT_FOUND and wants_page:
            problem = {"detail": "There is no such page here."}
            return drawn(request, View("refused.html", {"problem": problem}, "Not found", _NOT_FOUND), None)
        answer: Response[bytes] = otherwise(request, error)
        return answer

    return {**of_api, HTTPException: missing}


async def _keep_key(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Keep the reader's key in a cookie, or forget it, and go back to the page."""
    body = await request.body()
    form = parse_qs(body[:_KEY_MAX].decode("ascii", "replace"))
    key, back = (form.get(name, [""])[0].strip() for name in ("key", "back"))
    if key and not is_key(key):
        problem = {"title": "That is no key", "detail": "A key begins with parley_ and has no spaces."}
        return await shown(request, View("refused.html", {"problem": problem, "wants_key": True}, "No key", 400), None)
    headers = {
        **SECURITY, "Location": back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/",
        "Set-Cookie": set_cookie(key, secure=request.scope["scheme"] == "https"), "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(b"", status_code=_SEE_OTHER, headers=headers)


async def _record(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Check or record what a form gives; pages of other sites cannot send one (service/edge/gate.py)."""
    try:
        form = parse_qs((await request.body()).decode(), max_num_fields=_FIELDS_MAX)
    except ValueError:  # bytes that are no text, or fields that no form of ours has
        problem = {"title": "That is no form", "detail": "This takes the forms of the page."}
        return await shown(request, View("refused.html", {"problem": problem}, "No form", 400), None)
    visit = None
    try:
        visit = await opened(request)
        found = await record.submitted(visit, {name: values[-1] for name, values in form.items()})
    except ApiRefusal as refusal:
        return await shown(request, refused(refusal), visit)
    if isinstance(found, View):
        return await shown(request, found, visit)
    headers = {**SECURITY, "Location": found, "Cache-Control": "no-store"}
    return Response(b"", status_code=_SEE_OTHER, headers=headers)


async def _table(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the answer of `/v1/exposure` as a table, for a link: a browser's link cannot ask for one."""
    found = await ask(request, "/v1/exposure", dict(request.query_params.items()), "text/csv")
    headers: dict[str, str] = {name: found.headers[name] for name in ("cache-control", "etag") if name in found.headers}
    if found.status == 200:  # noqa: PLR2004
        headers["Content-Disposition"] = 'attachment; filename="exposure.csv"'
    media_type = found.headers.get("content-type", JSON)
    return Response(found.body, status_code=found.status, media_type=media_type, headers=SECURITY | headers)


@asgi("/live", copy_scope=True)
async def _live(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Pass the live feed on, with the reader's key: a browser's EventSource cannot send one."""
    request: AnyRequest = Request(scope, receive, send)
    inner = scope_of(request, "/v1/feed/stream", scope["query_string"], "text/event-stream", scope["method"])
    inner["headers"] += [(name, value) for name, value in scope["headers"] if name == b"last-event-id"]
    await request.app(inner, receive, send)  # type: ignore[arg-type]
