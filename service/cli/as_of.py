"""The as-of question of the command line: asked as over HTTP, within the process, and shown as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.app import create_app
from service.domain.errors import Refused
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.api.http.requests import Services

WIDTH = 160
"""Columns of the table where it does not go to a terminal."""
HTTP_OK = 200


class Told(Refused):
    """The question has no answer; the reasons are those of the problem document."""


async def ask(held: Services, issue: str, clocks: Mapping[str, Any], *, ended: bool) -> bytes:
    """Return the state of an issue as the API answers it; Told when it does not."""
    app = create_app(Settings())
    app.state.services = held
    query = {**clocks, **({"include": "ended"} if ended else {})}
    transport = httpx.ASGITransport(cast("Any", app))  # Litestar types its scopes more narrowly than httpx
    async with httpx.AsyncClient(transport=transport, base_url="http://parley") as client:
        response = await client.get(f"/v1/issues/{quote(issue, safe='')}", params=query)
    if response.status_code != HTTP_OK:
        problem = response.json()
        reasons = [f"{each.get('parameter', '')}: {each['detail']}" for each in problem.get("errors", ())]
        raise Told("; ".join(reasons) or problem.get("detail") or problem["title"])
    return response.content


def show(answer: bytes) -> None:
    """Print an issue's state: its basis and posture, then a row an item."""
    state = json.loads(answer)
    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}  # names may hold brackets and colons
    console = Console(**plain) if Console().is_terminal else Console(**plain, width=WIDTH)
    known = f"known at position {state['known_position']} ({state['known_at'] or 'nothing recorded'})"
    if state["known_basis"] == "published":
        known = f"published by {state['known_at']} of what is recorded up to position {state['known_position']}"
    console.print(Text(state["title"], "bold"), f"[{state['posture']}]")
    console.print(f"as of {state['as_of']}, as {known}, version {state['version']}", style="dim")
    table = Table()
    for name in ("kind", "item", "status", "since", "until", "who says so"):
        table.add_column(name, overflow="fold", no_wrap=name in {"kind", "item", "since", "until"})
    for kind, items in state["items"].items():
        for item in items:
            table.add_row(
                kind, item["id"], _status(item), item["since"], item["until"] or "", _outlets(item["reports"])
            )
    console.print(table if table.row_count else "nothing stood")
    for line in _coming(state["items"]):
        console.print(line, style="dim")
    if state["next"]:
        console.print("and more items: --json gives where to read on", style="dim")


def _status(item: Mapping[str, Any]) -> str:
    """Write a status with what qualifies it."""
    others = [each["status"] or "nothing yet" for each in item["alternatives"][1:]]
    marks = [mark for mark in ("contested", "incomplete") if item[mark]]
    possible = [f"possible; or {', '.join(others)}"] if others else []
    return "; ".join([item["status"], *possible, *marks])


def _outlets(reports: Iterable[Mapping[str, Any]]) -> str:
    """Name the sources, each once, with who spoke."""
    named = {report["outlet"] + (f" ({report['speaker']})" if "speaker" in report else ""): None for report in reports}
    return ", ".join(named)


def _coming(items: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterable[str]:
    for kind, states in items.items():
        for state in states:
            for entry in state["upcoming"]:
                yield f"to come: {entry['on']} {kind} {state['id']}: {entry['status']} ({entry['modality']})"
