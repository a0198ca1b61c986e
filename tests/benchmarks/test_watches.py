"""What watches cost an append: CPU of the service, without watches and with a thousand, turn by turn in one run."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from service.watches.store import WATCHES_MAX
from tests.api.conftest import LONDON
from tests.benchmarks import report
from tests.benchmarks.measure import ROUNDS
from tests.benchmarks.test_access import cpu_seconds
from tests.servers import connection, plain_client, serving_together
from tests.webhooks.receivers import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import PostgresServer
    from tests.servers import Server
    from tests.webhooks.receivers import Receiver

pytestmark = pytest.mark.benchmark

APPENDS, WRITERS = 400, 20
"""Requests in a turn, and how many are under way at a time in the second kind of turn."""
CONTENDERS = ("alone", "subscribed", "watched")
GOODS = [{"name": "gallium metal", "hs": "811292"}, {"name": "germanium"}]
"""One good has a code, and one has none: of it no watch of a code knows that it is another good."""


def questions() -> Iterator[str]:
    """Make a thousand questions of four sorts about others than the facts are about."""
    for number in range(WATCHES_MAX):
        code = f"{1000 + number % 7000}{10 + number % 80}"
        yield (
            f"/v1/exposure?hs={code}&origin=KR&destination=US",
            f"/v1/between?a=IN&b=CH&hs={code}",
            f"/v1/restrictions/other-{number}",
            f"/v1/restrictions?entity=firm-{number}",
        )[number % 4]


def fact(number: int) -> dict[str, Any]:
    """Make a duty of the US on Chinese goods."""
    day = f"{1900 + number // 336}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"
    terms = {"imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 10, "goods": GOODS}
    head = {"type": "restriction.imposed", "issues": LONDON[3]["issues"], "item": f"n-{number}", "occurred": day}
    return head | terms | {"reports": LONDON[3]["reports"]}


async def _turn(server: Server, begin: int, writers: int) -> float:
    """Append by so many writers; return the CPU microseconds that each took the service, with what it asked."""
    numbers = iter(range(begin, begin + APPENDS))

    async def write() -> None:
        async with connection(server.url) as to:
            for number in numbers:
                status, body = await to.ask("POST", "/v1/events", msgspec.json.encode({"events": [fact(number)]}))
                assert status == 201, body

    before = cpu_seconds(server)
    await asyncio.gather(*[write() for _ in range(writers)])
    return (cpu_seconds(server) - before) / APPENDS * 1e6


def _set_up(server: Server, name: str, receiver: Receiver) -> None:
    with plain_client(server.url) as client:
        assert client.post("/v1/events", json={"events": LONDON}).is_success
        if name != "alone":
            body = {"id": "desk", "url": receiver.url, "type": "answer.changed"}
            assert client.post("/v1/subscriptions", json=body).is_success
        if name == "watched":
            for number, question in enumerate(questions()):
                asked = {"question": question, "deliver": "desk"}
                assert client.put(f"/v1/watches/w-{number}", json=asked).status_code == 201


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_watches_cost(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Print the CPU of an append, with a subscription and with a thousand watches that it does not touch."""
    if database == "sqlite":
        urls = [f"sqlite:///{tmp_path / name}.db" for name in CONTENDERS]
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("postgres_template")
        urls = [server.create(template) for _ in CONTENDERS]
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    with receiving() as receiver, serving_together(urls, "--webhooks-allow-private") as servers:
        for name, each in zip(CONTENDERS, servers, strict=True):
            _set_up(each, name, receiver)
        asked = _asked(servers[-1])
        for turn in range(ROUNDS):
            for kind, writers in enumerate((1, WRITERS)):
                for name, each in zip(CONTENDERS, servers, strict=True):
                    begin = (2 * turn + kind) * APPENDS
                    found[name, writers].append(asyncio.run(_turn(each, begin, writers)))
        asked = _asked(servers[-1]) - asked
    print(f"\n{report.machine()}\n\nCPU µs of an append on {database}: least (median) of {ROUNDS} rounds\n")
    print("| writers | alone | a subscription | 1,000 watches | ratio to alone | ratio to a subscription |")
    print("|---|---:|---:|---:|---:|---:|")
    for writers in (1, WRITERS):
        alone, subscribed, watched = rounds = [found[name, writers] for name in CONTENDERS]
        shown = " | ".join(f"{min(each):.0f} ({median(each):.0f})" for each in rounds)
        ratios = f"{min(watched) / min(alone):.3f} | {min(watched) / min(subscribed):.3f}"
        print(f"| {writers} | {shown} | {ratios} |")
    print(f"\nquestions asked during the rounds: {asked}")
    assert asked == 0


def _asked(server: Server) -> int:
    """Return how many questions of watches a server has asked, once it has asked those that were just set."""

    def count() -> int:
        with plain_client(server.url) as client:
            lines = client.get("/metrics").text.splitlines()
        return int(float(next(each for each in lines if each.startswith("parley_watch_questions_total")).split()[1]))

    last = -1
    while last != (last := count()):
        time.sleep(2)
    return last
