"""The OpenAPI 3.1 document, built from a table of operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from service.api.http.problem_kinds import MEDIA_TYPE, PROBLEM_KINDS
from service.api.http.problem_shape import Problem
from service.api.spec.headers import REQUEST_HEADERS, RESPONSE_HEADERS
from service.api.spec.json_schema import Schema, Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.api.http.problem_kinds import ProblemKind
    from service.api.spec.operations import Documented, Media, Operation

KEY_SCHEME = "key"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "parley_ID_SECRET",
    "description": "A key of the ledger, made with `parley keys create`. Each operation names the role that it needs. "
    "Reads may be public, and a service on loopback that has no keys asks for none.",
}
_PROBLEM_HEADERS = {
    401: ("WWW-Authenticate",),
    415: ("Accept", "Accept-Encoding"),
    404: ("Cache-Control",),
    405: ("Allow",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}
_NO_CONTENT = {204, 302, 304}
RECEIVER = "https://receiver.example/parley"
"""Stands for the URL of a subscription."""


def document(
    operations: Sequence[Operation],
    *,
    title: str,
    version: str,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    common: Sequence[str] = ("misdirected", "target-too-long", "head-too-large", "internal", "unavailable"),
) -> dict[str, Any]:
    """Describe the operations; ValueError for a table that contradicts itself.

    `tags` are descriptions by name, in order; `common` the problems that every operation may answer with.
    """
    _check(operations, tags or {})
    builder = _Builder(operations, common)
    paths = builder.paths()
    doc = {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": description or title,
            "contact": {"name": "Those who run this service"},
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "security": [{KEY_SCHEME: []}, {}],
        "tags": [{"name": name, "description": text} for name, text in (tags or {}).items()],
        "paths": paths,
        "components": builder.components(paths),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(doc))  # no tuples left, no part shared
    return plain


def encode(doc: Mapping[str, Any]) -> bytes:
    """Write a document to be read and compared: indented by two, in its own order, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(doc), indent=2) + b"\n"


def _check(operations: Sequence[Operation], tags: Mapping[str, str]) -> None:
    seen: set[str] = set()
    for operation in operations:
        names = set(_names(operation.path))
        unknown = {asked for asked in operation.problems if isinstance(asked, str)} - PROBLEM_KINDS.keys()
        complaints = {
            "the operation id is taken": operation.operation_id in seen,
            f"the path has {names}": names != set(operation.path_parameters),
            f"no such problems: {unknown}": bool(unknown),
            "the tag is not described": bool(tags) and operation.tag not in tags,
        }
        seen.add(operation.operation_id)
        for complaint, holds in complaints.items():
            if holds:
                msg = f"{operation.operation_id}: {complaint}"
                raise ValueError(msg)


class _Builder:
    """Builds the parts of one document, and keeps what operations share."""

    def __init__(self, operations: Sequence[Operation], common: Sequence[str]) -> None:
        self._operations, self._common = operations, common
        self._schemas = Schemas(_shapes(operations))
        self._shared = _shared([self._parameters(operation) for operation in operations])
        self._responses: dict[str, Schema] = {}
        self._headers: dict[str, Schema] = {}

    def paths(self) -> dict[str, Any]:
        """Describe every operation under its path and method, in the order of the table."""
        paths: dict[str, Any] = {}
        for operation in self._operations:
            paths.setdefault(operation.path, {})[operation.method.lower()] = self._operation(operation)
        return paths

    def components(self, paths: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the `paths` refer to, in alphabetical order."""
        parts = {
            "headers": self._headers,
            "parameters": dict(self._shared.values()),
            "responses": self._responses,
            "securitySchemes": {KEY_SCHEME: _SCHEME},
        }
        parts = {"schemas": _reached(self._schemas.components, [paths, parts]), **parts}
        return {key: dict(sorted(part.items())) for key, part in parts.items() if part}

    def _operation(self, operation: Operation) -> dict[str, Any]:
        responses = {
            **{status: self._refusal(kinds) for status, kinds in operation.problem_kinds(self._common).items()},
            **{status: self._answer(status, answer) for status, answer in operation.all_answers().items()},
        }
        parameters = [self._reuse(parameter) for parameter in self._parameters(operation)]
        return {
            "operationId": operation.operation_id,
            "tags": [operation.tag],
            "summary": operation.summary,
            "description": _described(operation),
            **({} if operation.role else {"security": []}),
            **({"parameters": parameters} if parameters else {}),
            **({"requestBody": self._body(operation)} if operation.body is not None else {}),
            "responses": {str(status): responses[status] for status in sorted(responses)},
            **({"callbacks": {"receiver": self._callback(operation.sends)}} if operation.sends else {}),
        }

    def _parameters(self, operation: Operation) -> list[Schema]:
        path = [
            self._parameter(name, "path", operation.path_parameters[name], required=True)
            for name in _names(operation.path)
        ]
        query = [
            {
                **self._parameter(
                    each.encode_name,
                    "query",
                    each.type,
                    operation.narrowed.get(each.encode_name, ()),
                    required=each.required,
                    default=each.default,
                ),
                **_example(operation.example_query, each.encode_name),
            }
            for each in (msgspec.structs.fields(operation.query) if operation.query else ())
        ]
        return [*path, *query, *_header_parameters(operation)]

    def _parameter(
        self,
        name: str,
        place: str,
        shape: Any,  # noqa: ANN401
        values: Sequence[str] = (),
        *,
        required: bool,
        default: object = None,
    ) -> Schema:
        schema = self._schemas.of(shape, optional=True)
        named = self._schemas.components.get(schema.get("$ref", "").rpartition("/")[2], {})
        description = schema.pop("description", named.get("description", ""))
        if values:
            one = self._schemas.of(Literal[tuple(values)])
            schema = {**schema, "items": one} if "items" in schema else one
        if default is not None and default is not msgspec.NODEFAULT:
            shown = str(default).lower() if isinstance(default, bool) else default
            description = f"{description} `{shown}` when absent."
        return _parameter(name, place, description, schema, required=required)

    def _reuse(self, parameter: Schema) -> Schema:
        name, _ = self._shared.get(_key(parameter), ("", parameter))
        return {"$ref": f"#/components/parameters/{name}"} if name else parameter

    def _body(self, operation: Operation) -> Schema:
        media = {"schema": self._schemas.of(operation.body), **_examples(operation.body_examples)}
        return {"required": operation.body_required, "content": {operation.body_type: media}}

    def _callback(self, sent: Documented) -> Schema:
        content = {form.media_type: self._media(form) for form in sent.forms}
        taken = {"2XX": {"description": "It is taken."}, "4XX": {"description": "It is not, and is sent again."}}
        return {
            RECEIVER: {"post": {"summary": sent.description, "requestBody": {"content": content}, "responses": taken}}
        }

    def _answer(self, status: int, answer: Documented) -> Schema:
        forms = () if status in _NO_CONTENT or not answer.media_type else answer.forms
        return {
            "description": answer.description,
            **self._header_refs(answer.headers),
            **({"content": {form.media_type: self._media(form) for form in forms}} if forms else {}),
        }

    def _media(self, form: Media) -> Schema:
        text = {"type": "string"} if form.media_type.startswith("text/") or isinstance(form.example, str) else {}
        example = {} if form.example is None else {"example": msgspec.to_builtins(form.example)}
        shapes = [self._schemas.of(shape) for shape in _each(form.shape)]
        return {"schema": {"oneOf": shapes} if len(shapes) > 1 else (shapes or [text])[0], **example}

    def _refusal(self, kinds: Sequence[ProblemKind]) -> Schema:
        name = "Or".join(_pascal(kind.name) for kind in kinds)
        examples = {
            kind.name: {"type": kind.type, "title": kind.title, "status": kind.status, **kind.example} for kind in kinds
        }
        self._responses[name] = {
            "description": " Or: ".join(kind.meaning for kind in kinds),
            **self._header_refs(_PROBLEM_HEADERS.get(kinds[0].status, ())),
            "content": {
                MEDIA_TYPE: {"schema": self._schemas.of(Problem), **_examples(examples)},
            },
        }
        return {"$ref": f"#/components/responses/{name}"}

    def _header_refs(self, names: Iterable[str]) -> Schema:
        for name in names:
            description, schema = RESPONSE_HEADERS[name]
            self._headers[_pascal(name)] = {"description": description, "schema": {"type": "string", **schema}}
        refs = {name: {"$ref": f"#/components/headers/{_pascal(name)}"} for name in names}
        return {"headers": refs} if refs else {}


def _described(operation: Operation) -> str:
    needed = f" Needs the role `{operation.role.name.lower()}`." if operation.role else ""
    return operation.description + needed


def _names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


def _shapes(operations: Iterable[Operation]) -> list[Any]:
    shapes: list[Any] = [Problem]
    for operation in operations:
        shapes += [] if operation.body is None else [operation.body]
        for answer in (*operation.all_answers().values(), *([operation.sends] if operation.sends else [])):
            shapes += [shape for form in answer.forms for shape in _each(form.shape)]
    return shapes


def _each(shape: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return the shapes that a form of an answer may have."""
    if shape is None:
        return ()
    return shape if isinstance(shape, tuple) else (shape,)


def _examples(examples: Mapping[str, Any]) -> Schema:
    values = {name: {"value": msgspec.to_builtins(example)} for name, example in examples.items()}
    return {"examples": values} if values else {}


def _example(values: Mapping[str, Any], name: str) -> Schema:
    return {"example": values[name]} if name in values else {}


def _header_parameters(operation: Operation) -> list[Schema]:
    parameters = []
    more = ("Min-Position",) * operation.reads_log + ("Accept-Datetime",) * operation.takes_datetime
    for name in (*operation.required_headers, *operation.headers, *more):
        description, schema = REQUEST_HEADERS[name]
        required = name in operation.required_headers
        parameters.append(_parameter(name, "header", description, {"type": "string", **schema}, required=required))
    return parameters


def _parameter(name: str, place: str, description: str, schema: Schema, *, required: bool) -> Schema:
    several = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    schema = {"description": description, **schema}  # generators read it there
    return {"name": name, "in": place, "required": required, "description": description, **several, "schema": schema}


def _key(parameter: Schema) -> str:
    return msgspec.json.encode(parameter).decode()


def _shared(lists: Iterable[list[Schema]]) -> dict[str, tuple[str, Schema]]:
    """Return the parameters that stand in more than one operation, by their text, each with a name of its own."""
    seen: dict[str, tuple[int, Schema]] = {}
    for parameter in (parameter for parameters in lists for parameter in parameters):
        count, _ = seen.get(_key(parameter), (0, parameter))
        seen[_key(parameter)] = (count + 1, parameter)
    taken: dict[str, int] = {}
    shared = {}
    for key, (count, parameter) in seen.items():
        if count > 1:
            name = _pascal(parameter["name"]) + {"path": "Path", "header": "Header"}.get(parameter["in"], "")
            taken[name] = taken.get(name, 0) + 1
            shared[key] = (name if taken[name] == 1 else f"{name}{taken[name]}", parameter)
    return shared


def _reached(schemas: Mapping[str, Schema], roots: Sequence[Any]) -> dict[str, Schema]:
    """Return the schemas that the roots refer to, by way of each other too."""
    reached: dict[str, Schema] = {}
    rest = [name for root in roots for name in _references(root)]
    while rest:
        name = rest.pop()
        if name not in reached:
            reached[name] = schemas[name]
            rest.extend(_references(schemas[name]))
    return reached


def _references(node: object) -> Iterator[str]:
    if isinstance(node, str):
        prefix, _, name = node.rpartition("/")
        if prefix == "#/components/schemas":
            yield name
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _references(part)


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name))
