"""The documents that describe the service: OpenAPI, AsyncAPI, a JSON Schema for each type of event, the catalogue.

The pages about them, for people, are in `service/page/reference`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from service.api.http.frozen import prefix_of
from service.api.http.problems import NotFound
from service.api.http.requests import services_of
from service.api.http.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar.handlers import HTTPRouteHandler

CATALOG = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_WELL_KNOWN = "/.well-known/api-catalog"
_REF = "#/components/schemas/"
_LEADS = re.compile(f'"{_REF}([^"]+)"')
_READ = [HttpMethod.GET, HttpMethod.HEAD]


def reached_at(document: bytes, url: str) -> bytes:
    """Return the document for a service whose public URL has a path, which is then that of the server in it."""
    path = prefix_of(url)
    if not path:
        return document
    read = msgspec.json.decode(document)
    read["servers"][0]["url"] = path
    return msgspec.json.encode(read)


def docs_handlers(document: bytes, channels: bytes) -> list[HTTPRouteHandler]:
    """Return the handlers of the documents below `/schema`, for the two that are encoded.

    Litestar's own OpenAPI pages must be off (`openapi_config=None`): they sit at the same path and load from a CDN.
    """
    spec = Served(_compact(document), "application/json")
    async_spec = Served(_compact(channels), "application/json")

    @route("/schema/openapi.json", http_method=_READ, sync_to_thread=False)
    def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the OpenAPI document."""
        return spec.answer(request)

    @route("/schema/asyncapi.json", http_method=_READ, sync_to_thread=False)
    def asyncapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the AsyncAPI document."""
        return async_spec.answer(request)

    @cache
    def schemas() -> dict[str, Served]:
        """Return the schema of each type of event, by the last part of its URL."""
        found = event_schemas(msgspec.json.decode(document))
        return {name: Served(msgspec.json.encode(schema), "application/schema+json") for name, schema in found}

    @route("/schema/events/{name:str}", http_method=_READ, sync_to_thread=False)
    def event(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """Return the schema of a type of event."""
        if name not in schemas():
            detail = f"There is no schema {name}."
            raise NotFound(detail)
        return schemas()[name].answer(request)

    return [openapi, asyncapi, event, catalog]


@route(_WELL_KNOWN, http_method=_READ, sync_to_thread=False)
def catalog(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return where the API, its documents and its guide are (RFC 9727)."""
    return _catalog(services_of(request).public_url).answer(request)


@cache
def _catalog(url: str) -> Served:
    documents = [f"{url}/schema/openapi.json", f"{url}/schema/asyncapi.json"]
    links = {
        "anchor": f"{url}/v1",
        "service-desc": [{"href": each, "type": "application/json"} for each in documents],
        "service-doc": [{"href": f"{url}/schema", "type": "text/html"}],
        "status": [{"href": f"{url}/readyz", "type": "application/json"}],
    }
    headers = {"Link": f'<{url}{_WELL_KNOWN}>; rel="api-catalog"'}
    return Served(msgspec.json.encode({"linkset": [links]}), CATALOG, headers)


def event_schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the schema of each type of event, which stands on its own (JSON Schema 2020-12), from the document's."""
    components = document["components"]["schemas"]
    written = {name: msgspec.json.encode(schema).decode() for name, schema in components.items()}
    leads = {name: set(_LEADS.findall(text)) for name, text in written.items()}
    alone = {name: msgspec.json.decode(text.replace(f'"{_REF}', '"#/$defs/')) for name, text in written.items()}
    for ref in components["ParleyEvent"]["discriminator"]["mapping"].values():
        name = ref.rpartition("/")[2]
        kind = components[name]["properties"]["type"]["const"]
        needed = {each: alone[each] for each in sorted(_reached(leads, name))}
        yield f"{kind}.v1.json", {
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/$defs/{name}", "$defs": needed,
        }  # fmt: skip


def _reached(leads: dict[str, set[str]], name: str) -> set[str]:
    """Name the schemas that one refers to, itself included."""
    found, open_ = {name}, [name]
    while open_:
        new = leads[open_.pop()] - found
        found |= new
        open_ += new
    return found


def _compact(document: bytes) -> bytes:
    """Return a document without the white space that people read it by."""
    return msgspec.json.format(document, indent=-1)
