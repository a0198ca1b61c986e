"""Receivers that say nothing hold up no other: each subscription has a place of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from service.webhooks.guard import Forbidden, resolve
from service.webhooks.rules import SUBSCRIPTIONS_MAX, TIMEOUT_SECONDS
from tests.servers import serving
from tests.webhooks.receivers import receiving
from tests.webhooks.service import Service, facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SILENT = 60
PROMPTLY = TIMEOUT_SECONDS / 3


@contextmanager
def silent() -> Iterator[str]:
    """Run a receiver that takes every connection and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=2 * SUBSCRIPTIONS_MAX) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"


@pytest.mark.row(28)
def test_silent_receivers_hold_up_no_other(migrated_url: str, figure: Callable[[str], None]) -> None:
    """With 60 receivers that say nothing, another one has the first event and the next at once."""
    with serving(migrated_url, "--webhooks-allow-private") as server, silent() as nowhere, receiving() as good:
        service = Service(server)
        service.open_issues()
        for _ in range(SILENT):
            service.subscribe(nowhere)
        service.subscribe(good.url)
        waits = []
        for count in (1, 2):
            begun = time.monotonic()
            service.record(facts(1))
            good.wait_for(count)
            waits.append(time.monotonic() - begun)
        figure(f"it waits {waits[0]:.2f} s for the first event, {waits[1]:.2f} s for the next")
        assert max(waits) < PROMPTLY


@pytest.mark.row(28)
@pytest.mark.anyio
async def test_names_that_are_not_resolved_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the name servers of many hosts say nothing, another host is resolved at once."""
    over, asked = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *others: Any, **named: Any) -> Any:  # noqa: ANN401 - as the system has it
        if host.endswith(".silent.example"):
            over.wait()
            raise OSError
        return asked(host, *others, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    waiting = [
        asyncio.create_task(resolve(f"{number}.silent.example", 443, allow_private=False)) for number in range(SILENT)
    ]
    await asyncio.sleep(0)
    begun = time.monotonic()
    try:
        assert await resolve("127.0.0.1", 80, allow_private=True) == ["127.0.0.1"]
        assert time.monotonic() - begun < PROMPTLY
    finally:
        over.set()
    assert {type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)} == {Forbidden}
