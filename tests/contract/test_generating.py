"""The document as generators of clients need it. It is read as it is committed, whatever operations it has."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.domain.vocabulary.events import FACTS, RECORDS
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
REF = "#/components/schemas/"
NO_SCHEMAS = {"example", "examples", "mapping", "enum", "const", "required", "dependentRequired"}
BYTES_MAX = 970_000
"""Some 50,000 of them are examples of answers."""


def schemas(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return every schema of the document, and whatever else is an object in it, with its path."""
    if isinstance(node, dict):
        yield path, node
        for key, part in node.items():
            if key not in NO_SCHEMAS or path[-1:] == ("properties",):
                yield from schemas(part, (*path, key))
    elif isinstance(node, list):
        for count, part in enumerate(node):
            yield from schemas(part, (*path, str(count)))


def is_named(path: tuple[str, ...]) -> bool:
    return len(path) == 3 and path[:2] == ("components", "schemas")


def test_an_enumeration_that_stands_twice_has_a_name() -> None:
    """Generators make a type of each inline enumeration: one that is shared is in `NAMED` (spec/named_types.py)."""
    inline = Counter(tuple(each["enum"]) for path, each in schemas(DOCUMENT) if "enum" in each and not is_named(path))
    assert [values for values, count in inline.items() if count > 1] == []
    named = Counter(tuple(each["enum"]) for path, each in schemas(DOCUMENT) if "enum" in each and is_named(path))
    assert set(named).isdisjoint(inline)


def test_nothing_is_null_alone() -> None:
    """Generators stumble over a type that has no value but null; it may be one of two."""
    nulls = [path for path, each in schemas(DOCUMENT) if each.get("type") == "null"]
    assert nulls
    assert [path for path in nulls if path[-2:-1] != ("anyOf",)] == []


def test_nothing_has_a_default() -> None:
    """Generators make members with a default required, or send it; what holds where one is absent is in words."""
    assert [path for path, each in schemas(DOCUMENT) if "default" in each and path[-1:] != ("properties",)] == []


def test_days_and_instants_are_each_of_one_type() -> None:
    """Every day and every instant refers to the component that says its form."""
    found = [path[-1] for path, each in schemas(DOCUMENT) if each.get("format") in {"date", "date-time"}]
    assert sorted(found) == ["Day", "Instant"]


def test_a_union_of_structs_says_which_one_it_is() -> None:
    """Each union of events, states or changes has a discriminator that leads to each of its members, and by its value.

    The answers of one status may be of several shapes without a tag; these differ in their required members.
    """
    unions = [each for _, each in schemas(SCHEMAS) if "oneOf" in each]
    assert {len(each["oneOf"]) for each in unions} >= {len(KINDS), len(FACTS), len(FACTS) + len(RECORDS)}
    for union in unions:
        tag, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
        assert sorted(mapping.values()) == sorted(part["$ref"] for part in union["oneOf"])
        for value, ref in mapping.items():
            assert SCHEMAS[ref.removeprefix(REF)]["properties"][tag]["const"] == value
            assert tag in SCHEMAS[ref.removeprefix(REF)]["required"]


def test_what_a_page_or_a_stream_is_of_is_typed() -> None:
    """The timeline, the difference, exposure, what is between partners, and the stream are of unions that exist."""

    def items(name: str) -> object:
        return SCHEMAS[name]["properties"]["items"]["items"]["$ref"].removeprefix(REF)

    assert items("Timeline") == "RecordedFact"
    assert items("Exposure") == "AnyMeasure"
    assert items("ChangesPage") == "DayChange"
    stream = DOCUMENT["paths"]["/v1/feed/stream"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    assert [part["$ref"].removeprefix(REF) for part in stream["schema"]["oneOf"]] == ["RecordedEvent", "StreamSetBack"]


def test_the_document_says_things_once() -> None:
    """It stays small as it is served, without white space: fields that many structs have are components."""
    assert len(json.dumps(DOCUMENT, separators=(",", ":"), ensure_ascii=False).encode()) < BYTES_MAX
