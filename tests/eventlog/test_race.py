"""32 clients append over HTTP while others tail the feed: no gap, no reorder, nothing missed."""

import asyncio
import itertools
import json
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import NamedTuple

import httpx
import psycopg
import pytest

from service.rebuild.rebuild import rebuild
from service.storage.connect import connect
from tests.examples import scaled
from tests.processes import PATIENCE
from tests.servers import ISSUES, Event, Server, client, connection, fact, openings, serving_together

pytestmark = pytest.mark.slow

CLIENTS = 32
REQUESTS = scaled(10)
"""By each client; about half are single events, the others batches."""
BATCH_MAX = 12
PAGE_SIZES = (1, 7, 50, 1_000)


class Written(NamedTuple):
    """A batch that was sent, and its 201."""

    events: list[Event]
    receipt: Event


class Reader:
    """A client that reads while others write, in a thread and over a connection of its own."""

    def __init__(self, url: str) -> None:
        """`url` of the server to read from."""
        self._at = httpx.URL(url)
        self._writers_done = threading.Event()

    def run(self) -> None:
        """Read until the writers are done and nothing is left."""
        with closing(HTTPConnection(self._at.host, self._at.port, timeout=PATIENCE)) as connection:
            while True:
                done = self._writers_done.is_set()  # asked before the page is: what was written is in it
                if not self.read(connection) and done:
                    return

    def read(self, connection: HTTPConnection) -> bool:
        """Read once; return whether there may be more."""
        raise NotImplementedError

    def finish(self) -> None:
        """Note that no more is written: what is left is read, then no more."""
        self._writers_done.set()


class Tail(Reader):
    """Follows the feed page by page from the start."""

    def __init__(self, url: str, seed: int) -> None:
        """`seed` chooses the sizes of pages."""
        super().__init__(url)
        self._random = random.Random(seed)  # noqa: S311 - repeatable
        self._after = 0
        self.seen: list[Event] = []
        self.missed = 0
        self.reordered = 0

    def read(self, connection: HTTPConnection) -> bool:
        """Read a page."""
        page = get(connection, f"/v1/feed?after={self._after}&limit={self._random.choice(PAGE_SIZES)}")
        self._take(page["events"], self._after)
        assert page["next"] == (page["events"][-1]["position"] if page["events"] else self._after)
        assert page["head"] >= page["next"]
        self._after = page["next"]
        return bool(page["events"])

    def _take(self, events: Sequence[Event], after: int) -> None:
        for event in events:
            self.missed += max(event["position"] - after - 1, 0)
            self.reordered += event["position"] <= after
            after = event["position"]
        self.seen += events


class Asker(Reader):
    """Asks what is known at the present instant, again and again, and keeps the answers."""

    def __init__(self, url: str) -> None:
        """`url` of the server to ask."""
        super().__init__(url)
        self.positions: dict[str, int] = {}
        """By instant, the position that was known."""

    def read(self, connection: HTTPConnection) -> bool:
        """Ask once."""
        instant = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self.positions[instant] = get(connection, f"/v1/issues?limit=1&known_at={instant}")["known_position"]
        return False


def get(connection: HTTPConnection, target: str) -> Event:
    connection.request("GET", target)
    answer: Event = json.load(connection.getresponse())
    return answer


@contextmanager
def reading(readers: Sequence[Reader]) -> Iterator[None]:
    """Run readers while the block runs, then until they have read everything."""
    with ThreadPoolExecutor(len(readers)) as threads:
        futures = [threads.submit(reader.run) for reader in readers]
        try:
            yield
        finally:
            for reader in readers:
                reader.finish()
        for future in futures:
            future.result()


def batches(seed: int) -> Iterator[list[Event]]:
    """Make what one client sends: single events and batches, mixed."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(REQUESTS):
        size = choose.choice([1, choose.randint(2, BATCH_MAX)])
        yield [fact(choose) for _ in range(size)]


async def write(url: str, seed: int) -> list[Written]:
    """Send one request after the other, over one connection."""
    written = []
    async with connection(url) as writer:
        for batch in batches(seed):
            status, answer = await writer.post("/v1/events", {"events": batch})
            assert status == 201, answer
            written.append(Written(batch, answer))
    return written


async def write_all(servers: Sequence[Server]) -> list[Written]:
    """Let all clients write at once, spread over the servers."""
    opened = openings()
    async with connection(servers[0].url) as first:
        _, receipt = await first.post("/v1/events", {"events": opened})
    written = await asyncio.gather(*(write(servers[seed % len(servers)].url, seed) for seed in range(CLIENTS)))
    return [Written(opened, receipt), *itertools.chain(*written)]


def check_tail(tail: Tail, written: Sequence[Written]) -> None:
    """Check that every position was seen once, in order, and every acknowledged event where its 201 said."""
    assert (tail.missed, tail.reordered) == (0, 0)
    sent = sum(len(each.events) for each in written)
    assert [event["position"] for event in tail.seen] == list(range(1, sent + 1))
    assert {event["id"] for event in tail.seen} == {event["id"] for each in written for event in each.events}
    for events, receipt in written:
        first, last = receipt["events"][0]["position"], receipt["position"]
        assert tail.seen[first - 1 : last] == receipt["events"]
        assert [event["id"] for event in receipt["events"]] == [event["id"] for event in events]
        assert {event["recorded_at"] for event in receipt["events"]} == {receipt["recorded_at"]}


async def check_database(database_url: str, log: Sequence[Event]) -> None:
    """Check that each commit has a later instant than the one before, and that a rebuild changes nothing."""
    instants = [event["recorded_at"] for event in log]
    assert instants == sorted(instants)
    last_of_instant = {event["recorded_at"]: event["position"] for event in log}
    database = connect(database_url)
    await database.open()
    try:
        marks = await database.fetch("SELECT position FROM commit_mark ORDER BY recorded_at")
        rebuilt = await rebuild(database)
    finally:
        await database.close()
    assert [position for (position,) in marks] == list(last_of_instant.values())
    assert rebuilt.events == len(log)
    assert rebuilt.same


async def commits_of(server: Server) -> int:
    """Return how many commits a server made."""
    async with client(server.url) as asking:
        lines = (await asking.get("/metrics")).text.splitlines()
    (line,) = [line for line in lines if line.startswith("parley_append_commits_total ")]
    return int(float(line.split()[1]))


async def check_versions(server: Server, log: Sequence[Event]) -> None:
    """Check that every event counts once in the version of each issue that it names."""
    async with client(server.url) as reader:
        for issue in ISSUES:
            answer = (await reader.get(f"/v1/issues/{issue}")).json()
            assert answer["version"] == sum(issue in event["issues"] for event in log)


def check_answers(asker: Asker, servers: Sequence[Server]) -> None:
    """Check that what was known at an instant is still the same, on every server."""
    for server in servers:
        at = httpx.URL(server.url)
        with closing(HTTPConnection(at.host, at.port, timeout=PATIENCE)) as connection:
            again = {
                instant: get(connection, f"/v1/issues?limit=1&known_at={instant}")["known_position"]
                for instant in asker.positions
            }
        assert again == asker.positions


HIDE_THE_WRITER = """
CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.address := '127.0.0.1:1'; RETURN NEW; END $$;
CREATE TRIGGER hide BEFORE UPDATE ON writer FOR EACH ROW EXECUTE FUNCTION hide();
"""
"""Nobody listens where the writer is said to be."""


async def race(servers: Sequence[Server], database_url: str, *, linked: bool = False) -> None:
    tails = [Tail(server.url, seed) for seed, server in enumerate(servers)]
    askers = [Asker(server.url) for server in servers]
    with reading([*tails, *askers]):
        written = await write_all(servers)
    for tail in tails:
        check_tail(tail, written)
    log = tails[0].seen
    commits = [await commits_of(server) for server in servers]
    assert any(commits) if linked else all(commits)
    assert sum(commits) == len({event["recorded_at"] for event in log})
    for server in servers:
        await check_versions(server, log)
    await check_database(database_url, log)
    for asker in askers:
        check_answers(asker, servers)


def test_a_reader_of_the_feed_misses_nothing(migrated_url: str) -> None:
    """While 32 clients append, a reader sees each position once, in order, and each event where its 201 said."""
    with serving_together([migrated_url]) as servers:
        asyncio.run(race(servers, migrated_url))


@pytest.mark.parametrize("linked", [True, False])
def test_two_servers_on_one_database_are_one_ledger(migrated_postgres_url: str, linked: bool) -> None:  # noqa: FBT001
    """With 32 clients spread over two processes, readers of both see the same order without a gap.

    One process writes for both; where the other cannot reach it, both write, each on the head that it saw.
    """
    if not linked:
        with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
            connection.execute(HIDE_THE_WRITER)
    with serving_together([migrated_postgres_url] * 2) as servers:
        asyncio.run(race(servers, migrated_postgres_url, linked=linked))
