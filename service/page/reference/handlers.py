"""The routes of the reference: pages made of the OpenAPI document when they are first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response  # noqa: TC002 - Litestar reads the annotations of handlers
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from service.api.http.problem_kinds import PROBLEM_KINDS
from service.api.http.problems import NotFound
from service.api.http.requests import services_of
from service.api.http.served import Served
from service.page.reference.guides import GUIDES, explained, paragraphs
from service.page.reference.operations import ApiDocument, as_text
from service.page.reference.search import QUERY_MAX, places, search
from service.page.reference.shapes import line, prose
from service.page.reference.vocabulary import Vocabulary, in_words
from service.page.render import NAVIGATION, SECURITY, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest

_KEPT = 256
"""Pages that are kept in memory: a page is made in milliseconds."""


class ReferencePage(NamedTuple):
    """A page: its template, its title, what the template is given."""

    template: str
    title: str
    context: Mapping[str, Any]


class Reference:
    """The pages of a document, each made by its name; KeyError for what is not in the document."""

    def __init__(self, written: bytes) -> None:
        """Read the document."""
        self.document = ApiDocument(msgspec.json.decode(written))
        self.vocabulary = Vocabulary(self.document.shapes)
        self._places = places(self.document, self.vocabulary)

    def start(self, _: str = "") -> ReferencePage:
        """Return the first page: guides, the vocabulary, every operation."""
        operations = {tag: self.document.of_tag(tag) for tag in self.document.tags}
        about = paragraphs(self.document.info.get("description", "")).get("", "").partition("\n\n")[0]
        context = {"about": about, "operations": operations, "found": None, "query": ""}
        return ReferencePage("start", "The API", context)

    def found(self, query: str) -> ReferencePage:
        """Return what a search finds."""
        query = query[:QUERY_MAX]
        context = {"found": search(self._places, query), "query": query}
        return ReferencePage("search", f"{query} in the API", context)

    def guide(self, name: str) -> ReferencePage:
        """Return a guide."""
        guide = next((each for each in GUIDES if each.name == name), None)
        if guide is None:
            raise KeyError(name)
        said = explained(guide, self.document.info.get("description", ""))
        return ReferencePage("guide", guide.title, {"guide": guide, "said": said})

    def operation(self, name: str) -> ReferencePage:
        """Return an operation."""
        found = self.document.operations[name]
        beside = [each for each in self.document.of_tag(found.tag) if each is not found]
        return ReferencePage("operation", found.summary, {"operation": found, "beside": beside})

    def words(self, kind: str) -> ReferencePage:
        """Return the vocabulary; of one kind where it is named."""
        if not kind:
            report = self.document.shapes.members(self.document.shapes.components.get("Report", {}))
            return ReferencePage("vocabulary", "The vocabulary", {"report": report})
        found = self.vocabulary.kinds[kind]
        return ReferencePage("kind", in_words(kind), {"kind": found})

    def shape(self, name: str) -> ReferencePage:
        """Return a schema of its own."""
        shapes = self.document.shapes
        schema = shapes.components[name]
        context = {"name": name, "schema": schema, "takes": shapes.takes(schema), "members": shapes.members(schema)}
        return ReferencePage("shape", name, context)

    def problem(self, name: str) -> ReferencePage:
        """Return a kind of problem, with the operations that may answer so."""
        kind = PROBLEM_KINDS[name]
        example = {"type": kind.type, "title": kind.title, "status": kind.status, **kind.example}
        every = self.document.operations.values()
        answering = [each for each in every if any(problem["type"] == kind.type for problem in each.problems)]
        everywhere = len(answering) == len(every)
        context = {"kind": kind, "example": as_text(example), "answering": answering, "everywhere": everywhere}
        return ReferencePage("problem", kind.title, context)


Make = Callable[[Reference, str], ReferencePage]
PAGES: tuple[tuple[str, Make], ...] = (
    ("/schema/guides/{name:str}", Reference.guide),
    ("/schema/operations/{name:str}", Reference.operation),
    ("/schema/vocabulary", Reference.words),
    ("/schema/vocabulary/{name:str}", Reference.words),
    ("/schema/shapes/{name:str}", Reference.shape),
    ("/problems/{name:str}", Reference.problem),
)


def reference_handlers(written: bytes) -> list[HTTPRouteHandler]:
    """Return the handlers of `/schema`, the pages below it and `/problems/{name}`, for the encoded document."""

    @cache
    def reference() -> Reference:
        """Read the document at the first request."""
        return Reference(written)

    @lru_cache(maxsize=_KEPT)
    def page(make: Make, name: str, base: str) -> Served:
        """Make a page; `base` is the URL of the service that its requests are sent to."""
        return served(reference(), make(reference(), name), base)

    def start(request: Request[Any, Any, Any]) -> Response[bytes]:
        query = str(request.query_params.get("q", "")).strip()
        if query:
            return served(reference(), reference().found(query), base_of(request)).answer(request)
        return page(Reference.start, "", base_of(request)).answer(request)

    return [_read("/schema")(start), *[_read(path)(_shown(page, make)) for path, make in PAGES]]


def _read(path: str) -> HTTPRouteHandler:
    """Make a handler that runs in a thread: the first request reads the document, which takes a tenth of a second."""
    methods = [HttpMethod.GET, HttpMethod.HEAD]
    return HTTPRouteHandler(path, http_method=methods, include_in_schema=False, status_code=200, sync_to_thread=True)


def _shown(page: Callable[[Make, str, str], Served], make: Make) -> Callable[..., Response[bytes]]:
    def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = str(request.path_params.get("name", ""))
        try:
            return page(make, name, base_of(request)).answer(request)
        except KeyError:
            detail = f"Nothing in the API is called {name[:80]}."
            raise NotFound(detail) from None

    return call


def base_of(request: AnyRequest) -> str:
    """Return the URL that the requests on a page are sent to: the public one, or where this reader found the page."""
    public = services_of(request).public_url
    host = request.headers.get("host", "")
    return public if not host or host == urlsplit(public).netloc else f"{request.scope['scheme']}://{host}"


def served(reference: Reference, page: ReferencePage, base: str) -> Served:
    """Return a page as HTML; its requests are sent to the service at `base`."""
    frame = {
        "visit": None, "title": page.title, "path": "/schema", "back": "/schema", "navigation": NAVIGATION,
        "has_key": False, "base": base, "guides": GUIDES, "document": reference.document, "prose": prose, "line": line,
        "vocabulary": reference.vocabulary, "problems": PROBLEM_KINDS, "in_words": in_words, "query": "",
    }  # fmt: skip
    text = render(f"reference/{page.template}.html", {**frame, **page.context})
    return Served(text.encode(), "text/html", SECURITY)
