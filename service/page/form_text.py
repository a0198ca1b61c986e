"""What is typed into a form as members of an event, and back: each value as the text of one field.

A list of objects has a line for each: its name, then its other members, as `dysprosium; element=Dy`. What that cannot
say is written as JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from service.page.forms import OWN, RECORDS_OWN, inner, shape_of, sort_of
from service.page.words import MONTHS, party_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    Members = Mapping[str, Any]

_REPORT_FIELD = re.compile(r"reports\.(\d{1,2})\.(\w+)")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18}|(?:\.[0-9]{1,18})?[eE][+-]?[0-9]{1,2})?")
_DAY_IN_WORDS = re.compile(r"(?:(\d{1,2}) )?([A-Za-z]{3,9})(?: (\d{1,2}),)? (\d{4})")
_DEFAULTS = {"stance": "reports", "modality": "asserted"}
"""Values that say no more than their absence."""


def read_fact(schema: Members, given: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """Return the members of a fact that a form gives, without its type. What cannot be read goes as it is typed."""
    return _read_event(schema, _within(given, prefix), OWN)


def read_record(schema: Members, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of a record that a form gives, without its type and target."""
    return _read_event(schema, given, RECORDS_OWN)


def _within(given: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in given.items() if name.startswith(prefix)}


def _read_event(schema: Members, given: Mapping[str, str], left_out: set[str]) -> dict[str, Any]:
    event = _read_members(schema, shape_of(schema), given, {*left_out, "reports"})
    shape, reports = schema["$defs"]["Report"], []
    for at in range(reports_in(given)):
        report = _read_members(schema, shape, _within(given, f"reports.{at}."), set())
        if report.keys() - {"stance"}:
            reports.append(report)
    return event | ({"reports": reports} if reports else {})


def _read_members(schema: Members, shape: Members, given: Mapping[str, str], left_out: set[str]) -> dict[str, Any]:
    return {
        name: _read(schema, part, text)
        for name, part in shape["properties"].items()
        if name not in left_out and (text := given.get(name, "").strip()) and text != _DEFAULTS.get(name)
    }


def reports_in(given: Mapping[str, str], prefix: str = "") -> int:
    """Return how many reports a form has fields for."""
    found = [_REPORT_FIELD.fullmatch(name.removeprefix(prefix)) for name in given if name.startswith(prefix)]
    return max([int(each[1]) + 1 for each in found if each], default=0)


def _read(schema: Members, part: Members, text: str) -> Any:  # noqa: ANN401 - any JSON
    sort = sort_of(schema, part)
    if text == "[]":  # a term that is none, where one without a value would leave it as it was
        return []
    if sort in _READ:
        return _READ[sort](text)
    if sort == "object":
        return _object(schema, inner(schema, part), text)
    if sort == "objects":
        return [_object(schema, inner(schema, part), line) for line in _lines(text)]
    return text


def _object(schema: Members, shape: Members, line: str) -> Any:  # noqa: ANN401 - any JSON
    if line.startswith("{"):
        return _json(line)
    found: dict[str, Any] = {}
    for at, each in enumerate(part.strip() for part in line.split(";")):
        name, equals, text = (part.strip() for part in each.partition("="))
        if not equals and at == 0:
            found["name"] = each
        elif each:
            found[name] = _read(schema, shape["properties"].get(name, {"type": "string"}), text)
    return found


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):  # no JSON, or deeper than any value of the vocabulary
        return text


def _number(text: str) -> int | float | str:
    """Return a number as JSON has it; other texts as they are, to be refused."""
    found = _NUMBER.fullmatch(text)
    return text if found is None else float(text) if found[1] else int(text)


def _date(text: str) -> str:
    """Return `3 April 2025`, `April 3, 2025` or `April 2025` as the vocabulary has it; other texts as they are."""
    found = _DAY_IN_WORDS.fullmatch(text)
    months = [at for at, name in enumerate(MONTHS, 1) if found and name.lower().startswith(found[2].lower())]
    if found is None or len(months) != 1 or (found[1] and found[3]):
        return text
    day = found[1] or found[3]
    return f"{found[4]}-{months[0]:02}" + (f"-{int(day):02}" if day else "")


def _lines(text: str) -> list[str]:
    return [each.strip() for each in text.splitlines() if each.strip()]


def _texts(text: str) -> Any:  # noqa: ANN401 - any JSON
    return _json(text) if text.startswith("[") else _lines(text)


def _codes(text: str) -> list[str]:
    """Return codes with commas between them; a party may go by its name."""
    return [_code(each) for each in _lines(text.replace(",", "\n"))]


def _code(text: str) -> str:
    return text if text.islower() or text.isupper() else party_named(text) or text


_READ: dict[str, Any] = {
    "number": _number,
    "date": _date,
    "party": lambda text: party_named(text) or text,
    "yes": lambda text: text in {"true", "on"},
    "json": _json,
    "texts": _texts,
    "codes": _codes,
}


def written(event: Members, prefix: str = "") -> dict[str, str]:
    """Return the values of a form from an event: what `read_fact` reads as the same."""
    found = {f"{prefix}{name}": _written(value) for name, value in event.items() if name not in {*OWN, "reports"}}
    for at, report in enumerate(event.get("reports", ())):
        found |= {f"{prefix}reports.{at}.{name}": _written(value) for name, value in report.items() if name != "terms"}
        if "terms" in report:
            found[f"{prefix}reports.{at}.terms"] = _as_json(report["terms"])
    return found


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON
    match value:
        case bool():
            return "true" if value else "false"
        case [dict(), *_]:
            return "\n".join(map(_line, value))
        case list():
            return _list(value)
        case dict():
            return _line(value)
        case _:
            return str(value)


def _list(value: list[str]) -> str:
    if not value or any("\n" in each for each in value):
        return _as_json(value)
    codes = all(re.fullmatch(r"[a-z0-9_-]+|[A-Z]+", each) for each in value)
    return (", " if codes else "\n").join(value)


def _line(value: Members) -> str:
    """Return an object as a line, or as JSON where a line would not say the same."""
    name = str(value.get("name", ""))
    rest = {key: each for key, each in value.items() if key != "name"}
    if any(isinstance(each, list | dict) for each in rest.values()) or "=" in name or name.startswith("{"):
        return _as_json(value)
    parts = [*([name] if name else []), *[f"{key}={_written(each)}" for key, each in rest.items()]]
    return _as_json(value) if any(re.search("[;\n]", each) for each in parts) else "; ".join(parts)


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
