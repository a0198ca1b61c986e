"""What the schemas of the document take, in words: each with links to those that have a page of their own."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from service.page.markup import Markup, element, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Node = Mapping[str, Any]

REF = "#/components/schemas/"
_ANY_TEXT = r"^[^\u0000]*$"
_FEW = 8
"""Values that are listed where they are used; more have a page."""
_FORMATS = {"uuid": "a UUID", "date": "a day", "date-time": "an instant"}
_MARKS = ((re.compile(r"`([^`]+)`"), r"<code>\1</code>"), (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"))
"""The marks of CommonMark that descriptions use, and their HTML."""


class ReferenceMember(NamedTuple):
    """A member of an object, or a parameter: its name, what it takes, and what the document says of it."""

    name: str
    takes: Markup
    description: str
    required: bool
    examples: tuple[str, ...] = ()


def prose(text: str) -> Markup:
    """Return paragraphs, with code and strong words marked."""
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return Markup("".join([f"<p>{line(part)}</p>" for part in parts]))


def line(text: str) -> Markup:
    """Return one paragraph without its element, with code and strong words marked."""
    html = escape(text)
    for mark, tag in _MARKS:
        html = mark.sub(tag, html)
    return Markup(html)


class Shapes:
    """The schemas of a document by name."""

    def __init__(self, components: Mapping[str, Node]) -> None:
        """Keep the schemas; the types of events are those that the union of all has."""
        self.components = components
        mapping = components.get("ParleyEvent", {}).get("discriminator", {}).get("mapping", {})
        self.event_types = {kind: ref.removeprefix(REF) for kind, ref in mapping.items()}
        self._types_of = {name: kind for kind, name in self.event_types.items()}

    def url(self, name: str) -> str:
        """Return where a schema is shown: a type of event with its kind, the union of all with the vocabulary."""
        if name == "ParleyEvent":
            return "/schema/vocabulary"
        if name in self._types_of:
            kind, _, change = self._types_of[name].partition(".")
            return f"/schema/vocabulary/{kind}#{change}"
        return f"/schema/shapes/{name}"

    def resolved(self, schema: Node) -> Node:
        """Return what a schema refers to, with its own description where it has one."""
        if "allOf" in schema and len(schema["allOf"]) == 1:
            return {**self.resolved(schema["allOf"][0]), **{key: schema[key] for key in schema if key != "allOf"}}
        if "$ref" not in schema:
            return schema
        found = self.components[schema["$ref"].removeprefix(REF)]
        return {**self.resolved(found), **{key: schema[key] for key in schema if key != "$ref"}}

    def members(self, schema: Node, only: Iterable[str] | None = None) -> list[ReferenceMember]:
        """Return the members of an object, the required ones first; `only` those named where it is given."""
        shape = self.resolved(schema)
        required = set(shape.get("required", ()))
        names = shape.get("properties", {}) if only is None else only
        found = [self.member(name, shape["properties"][name], required=name in required) for name in names]
        return sorted(found, key=lambda each: not each.required)

    def member(self, name: str, schema: Node, *, required: bool, description: str = "") -> ReferenceMember:
        """Return a member by its name and schema."""
        shape = self.resolved(schema)
        shown = tuple([str(each) for each in shape.get("examples", ())])
        return ReferenceMember(name, self.takes(schema), description or shape.get("description", ""), required, shown)

    def takes(self, schema: Node) -> Markup:
        """Return in words what a schema takes."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            found = self.components[name]
            return element("a", name, href=self.url(name)) if stands_alone(found) else self.takes(found)
        if len(schema.get("allOf", ())) == 1:
            return self.takes(schema["allOf"][0])
        return self._takes_itself(schema)

    def _takes_itself(self, schema: Node) -> Markup:
        if alternatives := schema.get("oneOf", schema.get("anyOf")):
            return joined(*_between([self.takes(part) for part in alternatives], " or "))
        if "const" in schema:
            return joined("always ", _code(schema["const"]))
        if "enum" in schema:
            return joined("one of ", *_between([_code(value) for value in schema["enum"]], ", "))
        if schema.get("type") == "array":
            return joined("list of ", self.takes(schema.get("items", {})), _bounds(schema, "minItems", "maxItems"))
        if isinstance(schema.get("additionalProperties"), dict):
            return joined("object by name, each ", self.takes(schema["additionalProperties"]))
        return _plain(schema)


def stands_alone(schema: Node) -> bool:
    """Return whether a schema has a page of its own to be sent to: an object, a union, many values or a grammar."""
    grammar = schema.get("pattern", _ANY_TEXT) != _ANY_TEXT
    return "properties" in schema or "oneOf" in schema or len(schema.get("enum", ())) > _FEW or grammar


def _plain(schema: Node) -> Markup:
    kind = schema.get("type", "any JSON")
    kinds = kind if isinstance(kind, list) else [kind]
    if "string" not in kinds:
        words = {"integer": "whole number", "boolean": "true or false"}
        return joined(
            " or ".join([str(words.get(each, each)) for each in kinds]), _bounds(schema, "minimum", "maximum")
        )
    text = _FORMATS.get(schema.get("format", ""), "text")
    pattern = schema.get("pattern", _ANY_TEXT)
    most = f", up to {schema['maxLength']:,} characters" if "maxLength" in schema else ""
    grammar = joined(", as ", _code(pattern)) if pattern != _ANY_TEXT and "format" not in schema else ""
    return joined(" or ".join([text, *[each for each in kinds if each != "string"]]), most, grammar)


def _bounds(schema: Node, least: str, most: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if high is not None:
        return f", {low or 0:,} to {high:,}"
    return f", at least {low:,}" if low else ""


def _between(parts: list[Markup], text: str) -> list[str]:
    return [each for part in parts for each in (text, part)][1:]


def _code(value: object) -> Markup:
    return element("code", str(value))
