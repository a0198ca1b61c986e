"""docs/story.md as it is printed: each request is sent, in order, to an empty ledger, and answered as shown."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.testing import TestClient

from tests.api.test_questions import BLOCK, HOST, differences

PAGE = (Path(__file__).parents[2] / "docs" / "story.md").read_text(encoding="utf-8")
COMMAND = re.compile(
    rf"curl -s(?: -X (\w+))? '{HOST}(/v1/\S+)'(?: -H 'Content-Type: application/json' -d '([^']*)')?\n", re.DOTALL
)


class Step(NamedTuple):
    """A request of the page and the answer beneath it."""

    method: str
    path: str
    body: str | None
    shown: Any


def steps() -> list[Step]:
    """Read every request with its answer."""
    blocks = BLOCK.findall(PAGE)
    assert [language for language, _ in blocks] == ["sh", "json"] * (len(blocks) // 2)
    found = []
    for (_, command), (_, answer) in zip(blocks[::2], blocks[1::2], strict=True):
        request = COMMAND.fullmatch(command)
        assert request, command
        found.append(Step(request[1] or "GET", request[2], request[3], json.loads(answer)))
    return found


def test_the_story_goes_as_the_page_says(client: TestClient[Litestar]) -> None:
    """Every member shown is in the answer, with that value, on both databases."""
    for step in steps():
        headers = {} if step.body is None else {"Content-Type": "application/json"}
        answer = client.request(step.method, step.path, content=step.body, headers=headers)
        assert answer.is_success, (step.path, answer.text)
        assert differences(step.shown, answer.json()) == [], step.path


def test_the_story_has_each_kind_of_request() -> None:
    """It records a batch, corrects, adds reports, tries out, and asks on both readings of K."""
    found = {(step.method, re.sub(r"[0-9a-f-]{36}", "ID", step.path).partition("=")[0]) for step in steps()}
    assert {("POST", "/v1/events"), ("PUT", "/v1/events/ID"), ("POST", "/v1/events/ID/reports")} <= found
    assert {("POST", "/v1/events?dry_run"), ("GET", "/v1/changes?from")} <= found
    assert "known_basis=published" in PAGE
    assert "known_position=8" in PAGE
