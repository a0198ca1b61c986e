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
    console.print(Text(state["title"], "bold"), f"[{state['posture']}]")
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
    """Return what is printed under an item: its status, what is to come, its sources."""
    yield _status(item)
    for entry in item["upcoming"]:
        yield f"to come: {entry['status']} on {entry['on']} ({entry['modality']})"
    yield f"according to {_outlets(item['reports'])}"


def _status(item: Mapping[str, Any]) -> str:
    """Return a status with its dates, the other statuses that are possible, and its marks."""
    until = f" until {item['until']}" if item["until"] else ""
    others = [each["status"] or "nothing yet" for each in item["alternatives"][1:]]
    possible = [f"possible; or {', '.join(others)}"] if others else []
    marks = [mark for mark in ("contested", "incomplete") if item[mark]]
    return "; ".join([f"{item['status']} since {item['since']}{until}", *possible, *marks])


def _outlets(reports: Iterable[Mapping[str, Any]]) -> str:
    """Return the names of the sources, each once, with the speakers."""
    named = {report["outlet"] + (f" ({report['speaker']})" if "speaker" in report else ""): None for report in reports}
    return ", ".join(named)
