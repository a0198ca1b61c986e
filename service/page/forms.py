"""Forms made of the vocabulary: a field for each member of a type of event, read from the JSON Schema of that type.

A field has the name of its place in the event: `occurred`, `reports.0.url`, and in a correction `event.occurred`. So
what the API says of a place stands beside its field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.page.words import term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Members = Mapping[str, Any]

_REF = "#/$defs/"
OWN = {"type", "id", "causation_id", "correlation_id"}
"""Members of every event that have no field."""
RECORDS_OWN = OWN | {"target", "event", "issues", "item"}
"""Members of a record without a field: the ledger fills in the last two."""
_PLACE = ("issues", "item", "occurred", "effective", "until", "through", "until_condition", "modality")
_PLACE_SHOWN = {"occurred", "effective", "until", "through"}
_LAST = ("reason", "note", "unset")
_TERMS_SHOWN, _TERMS_OFTEN = 4, {"goods", "rate_percent", "portion"}
_REPORT = ("outlet", "title", "url", "published", "stance")
_LONG = 1000
"""A text that may have so many characters or more has a field of several lines."""


class Field(NamedTuple):
    """A field: its name, its label, its sort, what the vocabulary says of it, its value, and what is wrong about that.

    `sort` is one of text, number, choice, yes, party, codes, texts, object, objects, json.
    """

    name: str
    label: str
    sort: str
    hint: str
    required: bool
    long: bool
    choices: Sequence[str]
    example: str
    value: str = ""
    faults: Sequence[str] = ()
    warnings: Sequence[str] = ()

    @property
    def key(self) -> str:
        """Return its id in the document."""
        return f"f-{self.name.replace('.', '-')}"


class FieldGroup(NamedTuple):
    """Fields under a heading; `more` has those that are folded."""

    head: str
    fields: list[Field]
    more: list[Field]

    @property
    def every(self) -> list[Field]:
        """Return all fields."""
        return [*self.fields, *self.more]


def shape_of(schema: Members) -> Members:
    """Return the schema of the event itself: its members are under `properties`."""
    return _resolved(schema, schema)


def fact_groups(schema: Members, reports: int = 1, prefix: str = "") -> list[FieldGroup]:
    """Return the fields of a type of fact: where it belongs and when, what it says, and who says so."""
    own = [name for name in shape_of(schema)["properties"] if name not in {*OWN, "reports"}]
    terms = [name for name in own if name not in {*_PLACE, *_LAST}]
    last = [name for name in _LAST if name in own]
    shown = {*terms[:_TERMS_SHOWN], *_TERMS_OFTEN}
    groups = [
        _group("Where and when", _fields(schema, [name for name in _PLACE if name in own], prefix), _PLACE_SHOWN),
        _group("What it says", _fields(schema, [*terms, *last], prefix), shown),
    ]
    return [*groups, *report_groups(schema, reports, prefix)]


def record_groups(schema: Members, reports: int = 1, head: str = "Who says so") -> list[FieldGroup]:
    """Return the fields of a type of record: why, and who says so, under a heading."""
    own = [name for name in shape_of(schema)["properties"] if name not in {*RECORDS_OWN, "reports"}]
    return [
        _group("Why", _fields(schema, sorted(own, reverse=True), ""), {"reason"}),
        *report_groups(schema, reports, head=head),
    ]


def report_groups(schema: Members, number: int, prefix: str = "", head: str = "Who says so") -> list[FieldGroup]:
    """Return the fields of so many reports; of the first, the outlet is required where the event needs a report."""
    shape = schema["$defs"]["Report"]
    names = [*_REPORT, *[name for name in shape["properties"] if name not in _REPORT]]
    needed = "reports" in shape_of(schema).get("required", ())
    groups = []
    for at in range(number):
        first = {"outlet"} if needed and not at else set()
        fields = [
            _field(schema, f"{prefix}reports.{at}.{name}", shape["properties"][name], required=name in first)
            for name in names
        ]
        groups.append(_group(head if number == 1 else f"{head}, source {at + 1}", fields, set(_REPORT)))
    return groups


def _fields(schema: Members, names: Iterable[str], prefix: str) -> list[Field]:
    shape = shape_of(schema)
    required = set(shape.get("required", ()))
    return [_field(schema, f"{prefix}{name}", shape["properties"][name], required=name in required) for name in names]


def _group(head: str, fields: list[Field], shown: set[str]) -> FieldGroup:
    open_ = {each for each in fields if each.required or each.name.rpartition(".")[2] in shown}
    return FieldGroup(head, [each for each in fields if each in open_], [each for each in fields if each not in open_])


def _resolved(schema: Members, part: Members) -> Members:
    """Return what a part of a schema refers to, over any number of steps, with the description nearest to the part.

    `named` is the last name on the way, such as Party.
    """
    found: Members = part
    while leads := _led(found):
        name = leads.removeprefix(_REF)
        rest = {key: value for key, value in found.items() if key not in {"$ref", "allOf"}}
        found = {**schema["$defs"][name], **rest, "named": name}
    return found


def _led(part: Members) -> str | None:
    """Return the reference that a part is made of."""
    ref: str | None = part.get("$ref") or next((each.get("$ref") for each in part.get("allOf", ())), None)
    return ref


def _field(schema: Members, name: str, part: Members, *, required: bool) -> Field:
    shape = _resolved(schema, part)
    label = term(name.rpartition(".")[2])
    sort = sort_of(schema, part)
    choices = tuple(shape.get("enum", ())) if sort == "choice" else ()
    example = _pattern(schema, shape, sort) or str(next(iter(shape.get("examples", ())), ""))
    several = sort in {"texts", "objects", "json"} or shape.get("maxLength", 0) >= _LONG
    long = several and not shape.get("examples")
    hint = str(shape.get("description", ""))
    return Field(name, label[:1].upper() + label[1:], sort, hint, required, long, choices, example)


def sort_of(schema: Members, part: Members) -> str:
    """Return the sort of field that a part of a schema asks for."""
    shape = _resolved(schema, part)
    match shape.get("type"):
        case "boolean":
            return "yes"
        case "number" | "integer":
            return "number"
        case "object":
            return "object" if "properties" in shape else "json"
        case "array":
            return _sort_of_list(schema, shape)
        case _ if "anyOf" in shape:
            return "number"
        case _:
            return _NAMED.get(shape.get("named", "")) or ("choice" if "enum" in shape else "text")


_NAMED = {"Party": "party", "EdtfDate": "date"}
"""Sorts of fields that go by the name of their shape."""


def _sort_of_list(schema: Members, shape: Members) -> str:
    if _resolved(schema, shape["items"]).get("type") == "object":
        return "objects"
    return "codes" if "$ref" in shape["items"] else "texts"


def inner(schema: Members, part: Members) -> Members:
    """Return the shape of the objects that a field has, one or a list of them."""
    shape = _resolved(schema, part)
    return _resolved(schema, shape["items"]) if "items" in shape else shape


def _pattern(schema: Members, shape: Members, sort: str) -> str:
    """Return how a line of an object is written: `name; hs=…; place=…`."""
    if sort not in {"object", "objects"}:
        return ""
    names = list(inner(schema, shape).get("properties", {}))
    return "; ".join([each if each == "name" else f"{each}=…" for each in names])


def filled(groups: Iterable[FieldGroup], values: Mapping[str, str], notes: Notes) -> list[FieldGroup]:
    """Return groups with the values of their fields, and what is wrong beside each.

    A folded field that has a value, or about which something is said, is shown.
    """
    every = []
    for group in groups:
        fields, more = ([_with(each, values, notes) for each in part] for part in (group.fields, group.more))
        open_ = [each for each in more if each.value or each.faults or each.warnings]
        every.append(group._replace(fields=[*fields, *open_], more=[each for each in more if each not in open_]))
    return every


def _with(field: Field, values: Mapping[str, str], notes: Notes) -> Field:
    return field._replace(
        value=values.get(field.name, ""), faults=notes.faults(field.name), warnings=notes.warnings(field.name)
    )


class Notes(NamedTuple):
    """What the API says of a form: refusals and warnings, each with the place that it is about."""

    errors: Sequence[Members] = ()
    warned: Sequence[Members] = ()

    def faults(self, name: str) -> list[str]:
        """Return what is wrong with a field."""
        return [str(each["detail"]) for each in self.errors if field_of(each) == name]

    def warnings(self, name: str) -> list[str]:
        """Return what looks wrong about a field."""
        return [str(each["detail"]) for each in self.warned if field_of(each) == name]

    def others(self, groups: Iterable[FieldGroup]) -> Notes:
        """Return what is about none of these fields."""
        names = {each.name for group in groups for each in group.every}
        return Notes(*([each for each in part if field_of(each) not in names] for part in self))


def field_of(note: Members) -> str:
    """Return the name of the field that a pointer is in: `#/events/0/reports/0/url` is in `reports.0.url`.

    What is missing of all reports is about the outlet of the first.
    """
    path = str(note.get("pointer") or "").removeprefix("#").strip("/").split("/")[2:]
    prefix = ["event"] if path[:1] == ["event"] else []
    path = path[len(prefix) :]
    if path[:1] == ["reports"]:
        path = [*path, "0", "outlet"][:3] if len(path) == 1 else [*path, "outlet"][:3]
    return ".".join([*prefix, *(path if path[:1] == ["reports"] else path[:1])])
