"""The reference as HTML, written from the OpenAPI document: one page that loads nothing, and one a kind of problem.

Swagger UI was left: the newest on PyPI that needs no network (swagger_ui_bundle 1.1.0) is 4.15, which cannot read
OpenAPI 3.1, and it is a megabyte of script for a page that is read.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.api.http.problem_kinds import ProblemKind

Node = dict[str, Any]

_MARKS = ((re.compile(r"`([^`]+)`"), r"<code>\1</code>"), (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"))
"""The marks of CommonMark that descriptions use, and their HTML."""

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --link: #0b62c4; }
@media (prefers-color-scheme: dark) { :root { --link: #7ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: flex; flex-direction: column; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code, pre, .path { font-family: ui-monospace, monospace; font-size: .9em; }
code { background: var(--soft); padding: .1em .25em; border-radius: 3px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; border-radius: 6px; overflow: auto; max-height: 30rem; }
pre code { background: none; padding: 0; overflow-wrap: normal; }
nav { padding: 1rem; order: 1; border-top: 1px solid var(--line); font-size: .9em; }
nav ul { list-style: none; margin: 0 0 .75rem; padding: 0; } nav p { margin: 0; font-weight: 600; }
main { padding: 1rem 1.5rem 4rem; max-width: 60rem; min-width: 0; overflow-wrap: anywhere; }
section.operation { border-top: 1px solid var(--line); margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
td p { margin: 0; } td:first-child { width: 30%; } summary { cursor: pointer; padding: .25rem 0; }
.method { font-weight: 700; } .quiet { opacity: .75; font-size: .9em; } details:target > summary { font-weight: 700; }
@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow: auto; order: 0; }
  nav { border: 0; border-right: 1px solid var(--line); }
}
"""


def reference_page(doc: Node) -> str:
    """Write the whole reference of an OpenAPI document as one HTML page."""
    return _Reference(doc).page()


def problem_page(kind: ProblemKind) -> str:
    """Write the page that a problem's `type` leads to."""
    example = {"type": kind.type, "title": kind.title, "status": kind.status, **kind.example}
    body = (
        f"<h1>{escape(kind.title)}</h1><p>Status {kind.status}, type {_code(kind.type)}.</p>{_prose(kind.meaning)}"
        f'<h2>Example</h2>{_json(example)}<p><a href="/schema">The whole reference</a></p>'
    )
    return _html(kind.title, f"<main>{body}</main>")


class _Reference:
    """Writes one document; keeps it at hand to follow references."""

    def __init__(self, doc: Node) -> None:
        self._doc = doc
        self._operations = [
            (path, method, operation) for path, item in doc["paths"].items() for method, operation in item.items()
        ]

    def page(self) -> str:
        info = self._doc["info"]
        head = (
            f"<h1>{escape(info['title'])} <span class=quiet>{escape(info['version'])}</span></h1>"
            f'{_prose(info.get("description", ""))}<p>As a document: <a href="/schema/openapi.json">openapi.json</a> '
            f"(OpenAPI {escape(self._doc['openapi'])}).</p>"
        )
        parts = [self._tag(tag) for tag in self._tags()]
        return _html(info["title"], f"<nav>{self._nav()}</nav><main>{head}{''.join(parts)}{self._schemas()}</main>")

    def _tags(self) -> list[Node]:
        described = {tag["name"]: tag for tag in self._doc.get("tags", [])}
        used = dict.fromkeys(operation["tags"][0] for _, _, operation in self._operations)
        return [*described.values(), *({"name": name} for name in used if name not in described)]

    def _of(self, tag: Node) -> Iterator[tuple[str, str, Node]]:
        return (each for each in self._operations if each[2]["tags"][0] == tag["name"])

    def _nav(self) -> str:
        lists = [
            f"<p>{escape(tag['name'])}</p><ul>"
            + "".join(
                f'<li><a href="#{escape(operation["operationId"])}">{escape(operation["summary"])}</a></li>'
                for _, _, operation in self._of(tag)
            )
            + "</ul>"
            for tag in self._tags()
        ]
        return "".join(lists) + '<p><a href="#schemas">Schemas</a></p>'

    def _tag(self, tag: Node) -> str:
        operations = "".join(self._operation(*each) for each in self._of(tag))
        return f"<h2>{escape(tag['name'])}</h2>{_prose(tag.get('description', ''))}{operations}"

    def _operation(self, path: str, method: str, operation: Node) -> str:
        return (
            f'<section class=operation id="{escape(operation["operationId"])}"><h3>{escape(operation["summary"])}</h3>'
            f"<p class=path><span class=method>{method.upper()}</span> {escape(path)}</p>"
            f"{_prose(operation.get('description', ''))}{self._parameters(operation)}{self._body(operation)}"
            f"{self._responses(operation)}</section>"
        )

    def _parameters(self, operation: Node) -> str:
        rows = [self._parameter(self._resolved(each)) for each in operation.get("parameters", [])]
        return f"<h4>Parameters</h4><table>{''.join(rows)}</table>" if rows else ""

    def _parameter(self, parameter: Node) -> str:
        schema = parameter["schema"]
        place = parameter["in"] + (", required" if parameter["required"] else "")
        default = f" Default {_code(str(schema['default']))}." if "default" in schema else ""
        return _row(
            f"{_code(parameter['name'])}<br><span class=quiet>{escape(place)}</span>",
            f"{_prose(parameter.get('description', ''))}<p class=quiet>{_type(schema)}.{default}</p>",
        )

    def _body(self, operation: Node) -> str:
        if "requestBody" not in operation:
            return ""
        return f"<h4>Body</h4>{self._content(operation['requestBody']['content'])}"

    def _content(self, content: Node) -> str:
        return "".join(
            f"<p>{_code(name)}: {_type(media.get('schema', {}))}</p>{_media_examples(media)}"
            for name, media in content.items()
        )

    def _responses(self, operation: Node) -> str:
        rows = [self._response(status, self._resolved(each)) for status, each in operation["responses"].items()]
        return f"<h4>Answers</h4><table>{''.join(rows)}</table>"

    def _response(self, status: str, response: Node) -> str:
        headers = ", ".join(_code(name) for name in response.get("headers", {}))
        content = self._content(response.get("content", {}))
        if "application/problem+json" in response.get("content", {}):
            content = _folded("Example", content)
        text = _prose(response["description"]) + (f"<p class=quiet>Headers: {headers}</p>" if headers else "")
        return _row(escape(status), text + content)

    def _schemas(self) -> str:
        schemas = self._doc.get("components", {}).get("schemas", {})
        return '<h2 id="schemas">Schemas</h2>' + "".join(_schema(name, schema) for name, schema in schemas.items())

    def _resolved(self, node: Node) -> Node:
        if "$ref" not in node:
            return node
        found: Node = self._doc
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found


def _schema(name: str, schema: Node) -> str:
    required = set(schema.get("required", ()))
    rows = "".join(_property(key, part, key in required) for key, part in schema.get("properties", {}).items())
    closed = "<p class=quiet>No other members.</p>" if schema.get("additionalProperties") is False else ""
    body = f"<table>{rows}</table>{closed}" if rows else f"<p>{_type(schema)}</p>"
    text = _prose(schema.get("description", "")) + body
    return f'<details id="schema-{escape(name)}"><summary>{_code(name)}</summary>{text}</details>'


def _property(name: str, schema: Node, required: bool) -> str:  # noqa: FBT001 - one of the columns
    need = "<br><span class=quiet>required</span>" if required else ""
    return _row(_code(name) + need, f"{_prose(schema.get('description', ''))}<p class=quiet>{_type(schema)}</p>")


def _type(schema: Node) -> str:  # noqa: PLR0911 - one line a form of schema
    """Return in words what a schema takes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if alternatives := schema.get("oneOf", schema.get("anyOf")):
        return " or ".join(_type(part) for part in alternatives)
    if "const" in schema:
        return f"always {_code(str(schema['const']))}"
    if "enum" in schema:
        return f"one of {', '.join(_code(str(value)) for value in schema['enum'])}"
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}{_bounds(schema, 'minItems', 'maxItems')}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])} by name"
    form = f", {escape(schema['format'])}" if "format" in schema else ""
    pattern = f", {_code(schema['pattern'])}" if "pattern" in schema else ""
    length = _bounds(schema, "minLength", "maxLength", " characters") + _bounds(schema, "minimum", "maximum")
    return f"{escape(str(kind))}{form}{length}{pattern}"


def _bounds(schema: Node, least: str, most: str, unit: str = "") -> str:
    low, high = schema.get(least), schema.get(most)
    if high is not None:
        return f", {low or 0} to {high}{unit}"
    return f", at least {low}{unit}" if low is not None else ""


def _media_examples(media: Node) -> str:
    examples = {name: each["value"] for name, each in media.get("examples", {}).items()}
    if "example" in media:
        examples["Example"] = media["example"]
    return "".join(f"<p class=quiet>{escape(name)}</p>{_json(value)}" for name, value in examples.items())


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _row(first: str, second: str) -> str:
    return f"<tr><td>{first}</td><td>{second}</td></tr>"


def _json(value: object) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return f"<pre><code>{escape(text)}</code></pre>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _prose(text: str) -> str:
    """Return paragraphs, with code and strong words marked."""
    html = escape(text)
    for mark, tag in _MARKS:
        html = mark.sub(tag, html)
    return "".join(f"<p>{part}</p>" for part in re.split(r"\n\s*\n", html) if part.strip())


def _html(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
