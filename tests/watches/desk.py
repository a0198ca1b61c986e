"""A desk that watches: a service with a receiver, whose clock can be set, and the facts that it is concerned with."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from tests.ledgers import now
from tests.webhooks.receivers import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

    from tests.servers import Event
    from tests.webhooks.receivers import Received, Receiver

TYPE = "parley.answer.changed"
MICROS = 1_000_000
DAY = 86_400
ISSUE = "chips"
REPORTS = [{"outlet": "Official Gazette", "published": "2025-01-02"}]
_BASIS = ("as_of", "known_at", "known_position", "known_basis", "note", "not_compared_url")


class Clock:
    """A clock that can be set: `ahead` is in seconds."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.ahead = 0

    def __call__(self) -> int:
        """Return microseconds since 1970 UTC."""
        return now() + self.ahead * MICROS


class Asks(Protocol):
    """Sends requests, to a service in this process or in another."""

    def ask(self, method: str, target: str, body: object = None) -> httpx.Response:
        """Send a request."""


class Desk:
    """The API of one service, as a desk uses it."""

    def __init__(self, service: Asks) -> None:
        """`service` is running."""
        self.ask = service.ask

    def get(self, target: str) -> dict[str, Any]:
        """Read JSON."""
        answer = self.ask("GET", target)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def record(self, *events: Event) -> int:
        """Record events in one batch; return the position of the last."""
        answer = self.ask("POST", "/v1/events", {"events": events})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["position"])

    def open(self) -> None:
        """Open the issue that the facts name."""
        terms = {"title": "Chips", "summary": "Chips and duties on them.", "parties": ["CN", "US"]}
        self.record({"type": "issue.opened", "issues": [ISSUE], "item": ISSUE, "occurred": "2025-01-01", **terms}
                    | {"reports": REPORTS})  # fmt: skip

    def subscribe(self, receiver: Receiver, name: str = "desk", **asked: object) -> None:
        """Make a subscription that gets changed answers only."""
        body = {"id": name, "url": receiver.url, "type": "answer.changed", **asked}
        answer = self.ask("POST", "/v1/subscriptions", body)
        assert answer.status_code == 201, answer.text

    def watch(self, name: str, question: str, deliver: str = "desk") -> dict[str, Any]:
        """Set a watch."""
        answer = self.ask("PUT", f"/v1/watches/{name}", {"question": question, "deliver": deliver})
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def questions(self) -> int:
        """Return how many questions of watches the process has asked."""
        lines = self.ask("GET", "/metrics").text.splitlines()
        return int(float(next(each for each in lines if each.startswith("parley_watch_questions_total")).split()[1]))

    def until_asked(self, name: str, position: int) -> dict[str, Any]:
        """Wait until a watch was asked as known at a position, or later."""
        until(lambda: int(self.get(f"/v1/watches/{name}")["known_position"]) >= position)
        return self.get(f"/v1/watches/{name}")

    def check(self, requests: Sequence[Received]) -> list[dict[str, Any]]:
        """Check deliveries of one watch: they chain, and frozen URLs answer what was delivered; return their data."""
        changes = [json.loads(request.body) for request in requests]
        assert {change["type"] for change in changes} <= {TYPE}
        data = [change["data"] for change in changes]
        for one, other in itertools.pairwise(data):
            assert other["number"] == one["number"] + 1
            assert [other[f"before{part}"] for part in PARTS] == [one[f"after{part}"] for part in PARTS]
        for each in data:
            assert content(each["before"]) != content(each["after"])
            for side in ("before", "after"):
                answer = self.ask("GET", each[f"{side}_url"])
                assert answer.status_code == each[f"{side}_status"]
                assert each[side] == (answer.json() if answer.status_code == 200 else None)
                assert answer.status_code != 200 or "immutable" in answer.headers["cache-control"]
        return data


PARTS = ("", "_url", "_status")


def content(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an answer without its basis."""
    return None if answer is None else {name: value for name, value in answer.items() if name not in _BASIS}


class _InProcess:
    def __init__(self, client: TestClient[Any]) -> None:
        self._client = client

    def ask(self, method: str, target: str, body: object = None) -> httpx.Response:
        return self._client.request(method, target, json=body)


@contextmanager
def desk_on(url: str) -> Iterator[Desk]:
    """Run a service in this process, whose clock is `service.app.clock`."""
    with TestClient(create_app(Settings(database_url=url, webhooks_allow_private=True))) as client:
        yield Desk(_InProcess(client))


def restriction(item: str = "duty", change: str = "imposed", **given: object) -> Event:
    """Return a fact about a restriction; by default a duty of the US on Chinese chips, in force from 2025."""
    opening = {"imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 10}
    goods = {"goods": [{"name": "chips", "hs": "8542"}]}
    terms = opening | goods if change == "imposed" else {}
    return {
        "id": str(uuid4()),
        "type": f"restriction.{change}",
        "issues": [ISSUE],
        "item": item,
        "occurred": "2025-02-01",
        "reports": REPORTS,
        **terms,
        **given,
    }
