"""A running service with subscriptions, as a client sees it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from tests import servers
from tests.servers import Event, openings, plain_client
from tests.webhooks.receivers import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from tests.servers import Server

_SEEDS = itertools.count(1)


def facts(count: int) -> list[Event]:
    """Make events that nobody has recorded yet."""
    return servers.facts(next(_SEEDS), count)


class Service:
    """The API of one server; each request over a connection of its own, so that a server may come back elsewhere."""

    def __init__(self, server: Server) -> None:
        """`server` is running."""
        self.server = server

    def ask(self, method: str, target: str, body: object = None) -> httpx.Response:
        """Send a request."""
        with plain_client(self.server.url) as client:
            return client.request(method, target, json=body)

    def open_issues(self) -> None:
        """Open the issues that the facts name."""
        assert self.ask("POST", "/v1/events", {"events": openings()}).status_code == 201

    def record(self, events: Sequence[Event], size: int = 1_000) -> list[int]:
        """Record events in batches; return their positions."""
        positions: list[int] = []
        for start in range(0, len(events), size):
            answer = self.ask("POST", "/v1/events", {"events": events[start : start + size]})
            assert answer.status_code == 201, answer.text
            positions += [event["position"] for event in answer.json()["events"]]
        return positions

    def subscribe(self, url: str, **asked: object) -> dict[str, Any]:
        """Make a subscription."""
        answer = self.ask("POST", "/v1/subscriptions", {"url": url, **asked})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def subscription(self, name: str) -> dict[str, Any]:
        """Read a subscription."""
        answer = self.ask("GET", f"/v1/subscriptions/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def deliveries(self, name: str) -> list[dict[str, Any]]:
        """Read what was tried, in the order in which it was."""
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.ask("GET", f"/v1/subscriptions/{name}/deliveries?limit=400" + (cursor and f"&cursor={cursor}"))
            items += page.json()["items"]
            cursor = page.json()["next"]
        return items[::-1]

    def until_state(self, name: str, state: str) -> dict[str, Any]:
        """Wait until a subscription is in a state."""
        until(lambda: self.subscription(name)["state"] == state)
        return self.subscription(name)

    def until_read(self, name: str) -> dict[str, Any]:
        """Wait until a subscription has reached the head."""
        until(lambda: self.subscription(name)["lag"]["events"] == 0)
        return self.subscription(name)
