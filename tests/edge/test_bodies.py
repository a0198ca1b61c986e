"""Many large bodies at once: they wait for a place, and the memory that they take is bounded."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.edge.clients import CHUNKED, MB, clients, post
from tests.servers import connection, openings, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server

    Figure = Callable[[str], None]

MIB = 1024 * 1024
BODY_MAX = 8 * MIB
AS_JSON = {"Content-Type": "application/json"}
PLACES = 4
"""Bodies of 8 MiB that the service works on at once."""


def fact(item: str, note: str = "") -> dict[str, Any]:
    return {
        "type": "statement.made",
        "issues": ["load-one"],
        "item": item,
        "occurred": "2025-01-01",
        "speaker": "A speaker",
        "party": "US",
        "summary": "A statement.",
        "note": note or "None.",
        "reports": [{"outlet": "o"}],
    }


def open_issues(server: Server) -> None:
    with plain_client(server.url) as client:
        client.post("/v1/events", json={"events": openings()}).raise_for_status()


def padded(event: dict[str, Any], size: int) -> bytes:
    """Return a batch of one event as a body of so many bytes."""
    return json.dumps({"events": [event]}).encode().ljust(size)


async def at_once(server: Server, bodies: list[bytes]) -> tuple[list[int], list[int]]:
    """Send all bodies at once while a small writer goes on; return the statuses of both."""
    done = asyncio.Event()
    small: list[int] = []

    async def write_small() -> None:
        async with connection(server.url) as writer:
            while not done.is_set():
                event = fact(f"small-{len(small)}")
                small.append((await writer.post("/v1/events", {"events": [event]}))[0])

    async def write_large(body: bytes) -> int:
        async with connection(server.url) as writer:
            return (await writer.send("POST", "/v1/events", body))[0]

    writing = asyncio.create_task(write_small())
    try:
        large = await asyncio.gather(*map(write_large, bodies))
    finally:
        done.set()
        await writing
    return large, small


@pytest.mark.row(23)
@pytest.mark.anyio
async def test_large_bodies_wait_for_their_place(migrated_url: str, figure: Figure) -> None:
    """60 bodies of 8 MiB at once: each is recorded or asked to try again. A small writer goes on, memory is bounded."""
    with serving(migrated_url) as server:
        open_issues(server)
        before = server.memory()
        large, small = await at_once(server, [padded(fact(f"large-{number}"), BODY_MAX) for number in range(60)])
        grown = server.memory() - before
    figure(f"60 padded bodies of 8 MiB at once: {large.count(201)} recorded, + {grown / MB:.0f} MB")
    assert set(large) <= {201, 503}
    assert large.count(201) >= PLACES
    assert set(small) == {201}
    assert grown < 200 * MB


@pytest.mark.row(23)
@pytest.mark.attack
@pytest.mark.anyio
async def test_140_batches_of_8_mb_at_once(migrated_url: str, figure: Figure) -> None:
    """140 batches of 1,000 facts in 8 MB at once: each is recorded, or asked to try again. A small writer goes on."""
    note = "n" * 7_800
    batches = [
        json.dumps({"events": [fact(f"large-{batch}-{number}", note) for number in range(1_000)]}).encode()
        for batch in range(140)
    ]
    assert 7.9 * MB < len(batches[0]) < BODY_MAX
    with serving(migrated_url) as server:
        open_issues(server)
        before = server.memory()
        large, small = await at_once(server, batches)
        grown = server.memory() - before
        with plain_client(server.url) as client:
            head = client.get("/v1/feed?limit=1").json()["head"]
    recorded = large.count(201)
    figure(
        f"140 batches of 8 MB at once: {recorded} recorded, {large.count(503)} asked to try again, "
        f"+ {grown / MB:.0f} MB, {len(small)} small appends beside them"
    )
    assert set(large) <= {201, 503}
    assert recorded >= PLACES
    assert head == len(openings()) + recorded * 1_000 + len(small)
    assert set(small) == {201}
    assert grown < 1_500 * MB


@pytest.mark.row(21, 23)
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_bodies_that_stop_before_their_end_take_no_place_for_long(
    sqlite_url: str, figure: Figure, *, chunked: bool
) -> None:
    """100 bodies of 8 MiB without their last bytes: refused in time, memory is bounded, and large ones are taken again.

    While they have the places, a large body is asked to try again, and small ones are recorded.
    """
    with serving(sqlite_url, "--stall-seconds", "6") as server:
        open_issues(server)
        before = server.memory()
        head = CHUNKED + b"800000\r\n" if chunked else post(BODY_MAX)
        with clients(server, 100) as many, plain_client(server.url) as other:
            for each in many[:PLACES]:
                each.send(head + b" " * (BODY_MAX - 200))
            for each in many[PLACES:]:
                each.send(head + b" " * 100_000)
            refused = other.post("/v1/events", content=padded(fact("large"), BODY_MAX), headers=AS_JSON)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert other.post("/v1/events", json={"events": [fact("small")]}).status_code == 201
            grown = server.memory() - before
            statuses = [each.answer().status for each in many]
        with plain_client(server.url) as other:
            recorded = other.post("/v1/events", content=padded(fact("large"), BODY_MAX), headers=AS_JSON)
            assert recorded.status_code == 201
    figure(f"100 bodies of 8 MiB that stop: + {grown / MB:.0f} MB, {statuses.count(408)} answered 408")
    assert set(statuses) <= {408, 503}
    assert statuses[:PLACES] == [408] * PLACES
    assert grown < 100 * MB


@pytest.mark.row(23)
def test_a_body_refused_early_takes_no_place(sqlite_url: str) -> None:
    """A body of another type is refused before it has a place, though it is large and all places are taken."""
    with serving(sqlite_url) as server, clients(server, PLACES) as many, plain_client(server.url) as other:
        for each in many:
            each.send(post(BODY_MAX) + b" " * (BODY_MAX - 200))
        sent = other.post("/v1/events", content=b" " * BODY_MAX, headers={"Content-Type": "text/plain"})
        assert sent.status_code == 415
