"""Forms made of the vocabulary: a field for each member of a type of event, read from its JSON Schema, and back.

A list of objects is a text with a line for each: its name, then its other members, as `dysprosium; element=Dy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.page.words import term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Members = Mapping[str, Any]

_REF = "#/$defs/"
_LEFT_OUT = {"type", "id", "causation_id", "correlation_id", "reports", "target", "event"}
"""Members without a field of their own."""
FIRST = ("issues", "item", "occurred", "effective", "until", "through", "until_condition", "modality")
_REPORT_FIRST = ("outlet", "title", "url", "published", "stance", "speaker", "kind", "locator", "quote")
_REPORT_LEFT_OUT = {"terms"}


class Field(NamedTuple):
    """A field: its name in the form, its label, its sort, what it may be, and what is wrong about its value.

    `sort` is one of text, number, choice, yes, party, codes, texts, object, objects.
    """

    name: str
    label: str
    sort: str
    hint: str
    required: bool
    choices: Sequence[str]
    example: str
    value: str = ""
    faults: Sequence[str] = ()
    warnings: Sequence[str] = ()


class FieldGroup(NamedTuple):
    """Fields under a heading; those that may be left out are folded."""

    head: str
    fields: list[Field]
    more: list[Field]


def groups_of(schema: Members) -> list[FieldGroup]:
    """Return the fields of a type of event: where it belongs and when, what it gives, and who says so."""
    shape = _resolved(schema, schema)
    own = {name: each for name, each in shape["properties"].items() if name not in _LEFT_OUT}
    required = set(shape.get("required", ()))
    first = [name for name in FIRST if name in own]
    terms = [name for name in own if name not in {*FIRST, "note", "unset", "reason"}]
    last = [name for name in ("reason", "note", "unset") if name in own]

    def fields(names: Iterable[str]) -> list[Field]:
        return [_field(schema, name, own[name], required=name in required) for name in names]

    groups = []
    if "event" not in shape["properties"] and "target" not in shape["properties"]:
        groups.append(_group("Where and when", fields(first), {"occurred"}))
        groups.append(_group("What it says", fields([*terms, *last]), set(terms[:4])))
    else:
        groups.append(_group("Why", fields(last), {"reason"}))
    return [*[each for each in groups if each.fields or each.more], report_group(schema, "reports" in required)]


def report_group(schema: Members, required: bool) -> FieldGroup:  # noqa: FBT001 - what the schema says of it
    """Return the fields of one report."""
    shape = schema["$defs"]["Report"]
    names = [*_REPORT_FIRST, *[name for name in shape["properties"] if name not in {*_REPORT_FIRST, *_REPORT_LEFT_OUT}]]
    found = [
        _field(schema, f"reports.0.{name}", shape["properties"][name], required=required and name == "outlet")
        for name in names
        if name in shape["properties"]
    ]
    shown = {f"reports.0.{name}" for name in ("outlet", "title", "url", "published", "stance")}
    return _group("Who says so", found, shown)


def _group(head: str, fields: list[Field], shown: set[str]) -> FieldGroup:
    return FieldGroup(
        head,
        [each for each in fields if each.required or each.name in shown],
        [each for each in fields if not (each.required or each.name in shown)],
    )


def _resolved(schema: Members, part: Members) -> Members:
    """Return what a part of a schema refers to, with its own description."""
    if "$ref" not in part:
        return part
    found = schema["$defs"][part["$ref"].removeprefix(_REF)]
    return {**found, **{name: value for name, value in part.items() if name == "description"}}


def _field(schema: Members, name: str, part: Members, *, required: bool) -> Field:
    shape = _resolved(schema, part)
    label = term(name.rpartition(".")[2]).capitalize()
    example = str(next(iter(shape.get("examples", ())), ""))
    sort = sort_of(schema, part)
    choices = shape.get("enum", ()) if sort == "choice" else ()
    written = _hinted(schema, part, sort) or example
    return Field(name, label, sort, str(shape.get("description", "")), required, choices, written)


def sort_of(schema: Members, part: Members) -> str:
    """Return the sort of field that a part of a schema asks for."""
    shape = _resolved(schema, part)
    match shape.get("type"):
        case "boolean":
            return "yes"
        case "number" | "integer":
            return "number"
        case "object":
            return "object"
        case "array":
            items = _resolved(schema, shape["items"])
            if items.get("type") == "object":
                return "objects"
            return "codes" if "$ref" in shape["items"] else "texts"
        case _:
            return _sort_of_text(part, shape)


def _sort_of_text(part: Members, shape: Members) -> str:
    if part.get("$ref", "").endswith("/Party"):
        return "party"
    return "choice" if "enum" in shape else "text"


def _hinted(schema: Members, part: Members, sort: str) -> str:
    """Return how a line of an object is written: `name; hs=…; place=…`."""
    if sort not in {"object", "objects"}:
        return ""
    shape = _resolved(schema, part)
    inner = _resolved(schema, shape["items"]) if sort == "objects" else shape
    names = [name for name in inner.get("properties", {}) if name != "name"]
    return "; ".join([*(["name"] if "name" in inner.get("properties", {}) else []), *[f"{each}=…" for each in names]])


def read_form(schema: Members, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of an event that a form gives; texts that are no numbers go as they are, to be refused."""
    shape = _resolved(schema, schema)
    event: dict[str, Any] = {}
    for name, part in shape["properties"].items():
        if name not in _LEFT_OUT and (text := given.get(name, "").strip()):
            event[name] = _read(schema, part, text)
    report = {
        name: _read(schema, part, text)
        for name, part in schema["$defs"]["Report"]["properties"].items()
        if (text := given.get(f"reports.0.{name}", "").strip())
    }
    if report.keys() - {"stance"}:
        event["reports"] = [report]
    return event


def _read(schema: Members, part: Members, text: str) -> Any:  # noqa: ANN401 - any JSON
    match sort_of(schema, part):
        case "number":
            return _number(text)
        case "yes":
            return text in {"true", "on"}
        case "codes" | "texts" as sort:
            parts = (text.replace(",", "\n") if sort == "codes" else text).splitlines()
            return [each.strip() for each in parts if each.strip()]
        case "object":
            return _object(schema, _resolved(schema, part), text)
        case "objects":
            items = _resolved(schema, _resolved(schema, part)["items"])
            return [_object(schema, items, line) for line in text.splitlines() if line.strip()]
        case _:
            return text


def _object(schema: Members, shape: Members, line: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, each in enumerate(part.strip() for part in line.split(";")):
        name, equals, text = each.partition("=")
        if not equals and number == 0:
            found["name"] = each
        elif each:
            part = shape.get("properties", {}).get(name.strip(), {"type": "string"})
            found[name.strip()] = _read(schema, part, text.strip())
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def written(event: Members) -> dict[str, str]:
    """Return the values of a form from an event: what `read_form` would read as the same."""
    found = {name: _written(value) for name, value in event.items() if name not in _LEFT_OUT}
    for report in event.get("reports", ())[:1]:
        found |= {f"reports.0.{name}": _written(value) for name, value in report.items()}
    return found


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON
    match value:
        case bool():
            return "true" if value else ""
        case list() if value and isinstance(value[0], dict):
            return "\n".join(_line(each) for each in value)
        case list():
            return "\n".join(map(str, value)) if any("," in str(each) for each in value) else ", ".join(map(str, value))
        case dict():
            return _line(value)
        case _:
            return str(value)


def _line(value: Members) -> str:
    rest = [f"{name}={_written(each)}" for name, each in value.items() if name != "name"]
    return "; ".join([*([str(value["name"])] if "name" in value else []), *rest])


def filled(groups: Iterable[FieldGroup], values: Mapping[str, str], notes: Notes) -> list[FieldGroup]:
    """Return groups with the values of their fields, and what is wrong beside each."""

    def fill(each: Field) -> Field:
        return each._replace(
            value=values.get(each.name, ""), faults=notes.faults(each.name), warnings=notes.warnings(each.name)
        )

    def shown(group: FieldGroup) -> Iterator[Field]:
        """Fields that say something, or that are wrong, are not folded."""
        for each in map(fill, group.more):
            if each.value or each.faults or each.warnings:
                yield each

    every = []
    for group in groups:
        unfolded = list(shown(group))
        names = {each.name for each in unfolded}
        rest = [fill(each) for each in group.more if each.name not in names]
        every.append(group._replace(fields=[*map(fill, group.fields), *unfolded], more=rest))
    return every


class Notes(NamedTuple):
    """What the API says of a form: refusals and warnings, each with the path of what it is about."""

    errors: Sequence[Members] = ()
    warned: Sequence[Members] = ()

    def faults(self, name: str) -> list[str]:
        """Return what is wrong with a field."""
        return [str(each["detail"]) for each in self.errors if field_of(each) == name]

    def warnings(self, name: str) -> list[str]:
        """Return what looks wrong about a field."""
        return [str(each["detail"]) for each in self.warned if field_of(each) == name]

    def others(self, names: set[str]) -> list[tuple[str, str]]:
        """Return what is about no field of these: refusals and warnings, each with its pointer."""
        return [
            (str(each.get("pointer", "")), str(each["detail"]))
            for each in (*self.errors, *self.warned)
            if field_of(each) not in names
        ]


def field_of(note: Members) -> str:
    """Return the name of the field that a pointer is in: `/events/0/reports/0/url` is in `reports.0.url`."""
    parts = str(note.get("pointer", "")).strip("/").split("/")
    inner = parts[2:] if parts[:1] == ["events"] else parts
    inner = inner[1:] if inner[:1] == ["event"] else inner
    return ".".join(inner[:3]) if inner[:1] == ["reports"] else inner[0] if inner else ""
