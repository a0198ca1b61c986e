"""The as-of question of the command line: asked through the API, within the process, and printed as a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from service.app import create_app
from service.domain.errors import Refused
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.api.http.requests import Services

WIDTH = 160
"""Columns of the list where it does not go to a terminal."""
HTTP_OK = 200
BRIEF = 40
"""Characters of a text that are shown of a term that changes."""
INDENT = (0, 0, 0, 2)
"""Of the lines under an item: top, right, bottom, left."""


class NoAnswer(Refused):
    """The question has no answer; the reasons are those of the problem document."""


async def ask(services: Services, issue: str, query: Mapping[str, Any]) -> bytes:
    """Return the state of an issue as the API answers it; raises NoAnswer for any status but 200."""
    app = create_app(Settings())
    app.state.services = services
    transport = httpx.ASGITransport(cast("Any", app))  # Litestar types its scopes more narrowly than httpx
    async with httpx.AsyncClient(transport=transport, base_url="http://parley") as client:
        response = await client.get(f"/v1/issues/{quote(issue, safe='')}", params=query)
    if response.status_code != HTTP_OK:
        problem = response.json()
        reasons = [f"{each.get('parameter', '')}: {each['detail']}" for each in problem.get("errors", ())]
        raise NoAnswer("; ".join(reasons) or problem.get("detail") or problem["title"])
    return response.content


def show(answer: bytes) -> None:
    """Print an issue's state: its basis and posture, then every item with its status and sources."""
    state = json.loads(answer)
    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}  # names may hold brackets and colons
    console = Console(**plain) if Console().is_terminal else Console(**plain, width=WIDTH)
    known = f"known at position {state['known_position']} ({state['known_at'] or 'nothing recorded'})"
    if state["known_basis"] == "published":
        known = f"published by {state['known_at']} of what is recorded up to position {state['known_position']}"
    doubt = "" if state["posture_certainty"] == "certain" else "possibly "
    console.print(Text(state["title"], "bold"), f"[{doubt}{state['posture']}]")
    console.print(f"as of {state['as_of']}, version {state['version']}\nas {known}", style="dim")
    for kind, items in state["items"].items():
        for item in items:
            console.print()
            console.print(Text(kind), Text(item["id"], "bold"))
            for line in _lines(item):
                console.print(Padding(Text(line), INDENT, expand=False))
    if not any(state["items"].values()):
        console.print("\nnothing stood on that day")
    if state["next"]:
        console.print("\nand more items: --json shows where to read on", style="dim")


def _lines(item: Mapping[str, Any]) -> Iterable[str]:
    """Return what is printed under an item: its status, what is charged, doubts, what is to come, its sources."""
    yield _status(item)
    if "charged_percent" in item:
        yield _charged(item)
    yield from _doubts(item)
    for entry in item["upcoming"]:
        yield _to_come(entry)
    if item["upcoming_more"]:
        yield f"and {item['upcoming_more']} more to come"
    yield f"according to {_outlets(item['facts'])}"


def _status(item: Mapping[str, Any]) -> str:
    """Return a status with its dates."""
    dates = [f"{name} {item[name]}" for name in ("since", "until", "through") if name in item]
    condition = f", {item['until_condition']}" if "until_condition" in item else ""
    return " ".join([item["status"], *dates]) + condition


def _charged(item: Mapping[str, Any]) -> str:
    """Return what is collected of a rate."""
    charged, rate = item["charged_percent"], item["rate_percent"]
    if charged == rate:
        return f"charged: {rate} percent"
    return f"charged: {'a part that is not known' if charged is None else charged} of {rate} percent"


def _doubts(item: Mapping[str, Any]) -> Iterable[str]:
    """Return what is not certain: other statuses that are possible, contested facts, a beginning that is missing."""
    if others := [each["status"] or "nothing yet" for each in item["alternatives"][1:]]:
        yield f"the dates are uncertain: possibly {' or '.join(others)}"
    for fact in item["facts"]:
        if fact["contested"]:
            says = [f"{each['member']} {_values(each['says'])}" for each in fact.get("disagreements", ())]
            yield f"contested: {fact['type']} of {fact['occurred']} ({'; '.join(says) or 'disputed'})"
    if item["incomplete"]:
        yield "incomplete: its beginning is not recorded"


def _values(says: Iterable[Mapping[str, Any]]) -> str:
    """Return the values that sources give, each with its outlets."""
    return ", or ".join(f"{_brief(each['value'])} by {', '.join(each['outlets'])}" for each in says)


def _to_come(entry: Mapping[str, Any]) -> str:
    """Return a change to come: its day, the status from then on, the terms that change, and what brings it."""
    terms = [f"{name} {_brief(value)}" for name, value in entry["terms"].items()]
    marks = [entry["type"], *(["planned"] if entry["modality"] == "planned" else []), *["overdue"] * entry["overdue"]]
    return f"to come on {entry['on']}: {', '.join([entry['status'] or 'no status', *terms])} ({', '.join(marks)})"


def _brief(value: object) -> str:
    """Return a value in a word or two: text and numbers as they are, longer ones by their number of parts."""
    match value:
        case None:
            return "none"
        case str() if len(value) > BRIEF:
            return f"{value[:BRIEF]}..."
        case list() if not all(isinstance(each, str) for each in value):
            return f"({len(value)})"
        case list():
            return ", ".join(value) or "none"
        case dict():
            return ", ".join(f"{name} {_brief(each)}" for name, each in value.items())
        case _:
            return str(value)


def _outlets(facts: Iterable[Mapping[str, Any]]) -> str:
    """Return the names of the sources of some facts, each once, with the speakers."""
    reports = [report for fact in facts for report in fact["reports"]]
    named = {report["outlet"] + (f" ({report['speaker']})" if "speaker" in report else ""): None for report in reports}
    return ", ".join(named)
