"""The relay to JetStream, with the real server: each event once, in order, whoever is killed and when."""

import asyncio
import gc
import itertools
import json
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client.parser import text_string_to_metric_families

from service.domain.vocabulary.events import FACTS
from service.relay.relay import CONFIG, STREAM, SUBJECTS, Relay, Unfit
from service.relay.stream import WINDOW
from service.storage import files
from service.storage.connect import connect
from tests.brokers import POLL, Broker, RelayProcess, broker, connected, reached, read
from tests.ledgers import Opened, cut, opened
from tests.processes import PATIENCE
from tests.servers import ISSUES, Event, fact, facts, openings

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

PUBLIC_URL = "https://parley.example"
LONDON = [json.loads(line) for line in (files.data("seeds") / "london.ndjson").read_bytes().splitlines()]


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One server for all tests of a process; it may have been killed, and is running again."""
    with broker(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture
async def server(_server: Broker) -> AsyncIterator[Broker]:
    """A server without streams."""
    yield _server
    async with connected(_server.url) as client:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            await jetstream.delete_stream(str(stream.config.name))


@asynccontextmanager
async def relaying(ledger: Opened, server: Broker) -> AsyncIterator[asyncio.Task[None]]:
    """Relay while the block runs."""
    running = asyncio.create_task(Relay(ledger.database, [server.url], PUBLIC_URL).run())
    try:
        yield running
        assert not running.done()
    finally:
        await stop(running)


async def stop(running: asyncio.Task[None]) -> None:
    """Stop a relay, which takes one cancellation; Unfit where it had ended by itself."""
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=PATIENCE)
    assert done, "the relay goes on"
    with suppress(asyncio.CancelledError):
        running.result()


async def append(ledger: Opened, seed: int, count: int) -> None:
    """Append events in batches of any size, and let others do something in between."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    await ledger.append(openings())
    while count > 0:
        size = min(choose.choice([1, 2, 30, 2 * WINDOW]), count)
        await ledger.append([fact(choose) for _ in range(size)])
        count -= size
        await asyncio.sleep(0)


async def check(ledger: Opened, client: Client) -> list[Msg]:
    """Check that each event of the log is in the stream once, at the sequence that is its position, as recorded."""
    log = await ledger.log()
    await reached(client, len(log))
    messages = await read(client)
    sent = [json.loads(message.data) for message in messages]
    ids, expected = [each["id"] for each in sent], [event["id"] for event in log]
    missed, doubled = len(set(expected) - set(ids)), len(ids) - len(set(ids))
    reordered = sum(int(one["sequence"]) > int(two["sequence"]) for one, two in itertools.pairwise(sent))
    assert (missed, doubled, reordered) == (0, 0, 0)
    assert [message.metadata.sequence.stream for message in messages] == list(range(1, len(log) + 1))
    recorded = [(int(each["sequence"]), each["recordedtime"], each["data"]) for each in sent]
    assert recorded == [(event.pop("position"), event.pop("recorded_at"), event) for event in log]
    return messages


async def test_every_event_arrives_once_in_order(migrated_url: str, server: Broker) -> None:
    """Subjects, headers and CloudEvents are those of the event; what comes later follows; nothing is sent again."""
    async with opened(migrated_url) as ledger, connected(server.url) as client:
        await ledger.append(LONDON)
        async with relaying(ledger, server):
            await reached(client, len(LONDON))
            await ledger.append([{"type": "record.retracted", "target": LONDON[-1]["id"], "reason": "Twice."}])
            messages = await check(ledger, client)
        async with relaying(ledger, server):
            await append(ledger, 1, 3 * WINDOW)
            assert len(await check(ledger, client)) == len(messages) + len(ISSUES) + 3 * WINDOW
    for message in messages:
        event = json.loads(message.data)
        kind, change = event["data"]["type"].split(".")
        assert message.subject == f"parley.v1.{kind}.{change}.{event['data']['issues'][0]}"
        assert message.headers is not None
        assert message.headers["Content-Type"] == "application/cloudevents+json"
        assert message.headers["Nats-Msg-Id"] == event["id"]
        assert message.headers["Parley-Position"] == str(int(event["sequence"]))
        assert event["source"] == "https://parley.example/v1/events"
        assert event["type"] == f"parley.{kind}.{change}.v1"


async def test_the_server_is_killed_while_events_come(migrated_url: str, server: Broker) -> None:
    """Killed again and again at any moment, and down for a while: missed 0, duplicated 0, reordered 0."""
    choose = random.Random(3)  # noqa: S311 - repeatable
    async with opened(migrated_url) as ledger, relaying(ledger, server):
        for seed in range(8):
            appending = asyncio.create_task(_append_more(ledger, seed))
            await asyncio.sleep(choose.uniform(0.0, 0.15))
            server.kill()
            await appending
            server.start()
        async with connected(server.url) as client:
            await check(ledger, client)


async def _append_more(ledger: Opened, seed: int) -> None:
    if seed == 0:
        await ledger.append(openings())
    choose = random.Random(100 + seed)  # noqa: S311 - repeatable
    for size in (1, 100, 1, 300, 20):
        await ledger.append([fact(choose) for _ in range(size)])


async def test_the_relay_is_killed_while_events_come(migrated_url: str, server: Broker) -> None:
    """Killed in the midst of its work and started again: missed 0, duplicated 0, reordered 0."""
    choose = random.Random(4)  # noqa: S311 - repeatable
    relay = RelayProcess(migrated_url, server.url)
    try:
        async with opened(migrated_url) as ledger, connected(server.url) as client:
            await append(ledger, 5, 2 * WINDOW)
            for seed in range(1, 4):
                before = await _messages(client)
                relay.launch()
                await _append_more(ledger, seed)
                await reached(client, before + choose.randint(1, 2 * WINDOW))
                relay.kill()
            relay.launch()
            await check(ledger, client)
            assert relay.stop() == 0
    finally:
        relay.close()


async def _messages(client: Client) -> int:
    streams = await client.jetstream().streams_info()
    return streams[0].state.messages if streams else 0


async def test_two_relays_are_as_good_as_one(migrated_url: str, server: Broker) -> None:
    """Two at once, of which one is stopped and another starts: each event is there once, in order."""
    async with opened(migrated_url) as ledger, connected(server.url) as client, relaying(ledger, server):
        async with relaying(ledger, server):
            await append(ledger, 6, 4 * WINDOW)
        async with relaying(ledger, server):
            await _append_more(ledger, 7)
        await check(ledger, client)


@pytest.mark.parametrize("before", [0, 7])
async def test_a_relay_that_was_asleep_doubles_nothing(migrated_sqlite_url: str, server: Broker, before: int) -> None:
    """A relay that is paused while another sends the log, and resumes when the ids are forgotten, adds nothing.

    `before` events are in the stream when it is paused; with none it would double the first event.
    """
    sleeper = RelayProcess(migrated_sqlite_url, server.url)
    try:
        async with opened(migrated_sqlite_url) as ledger, connected(server.url) as client:
            await client.jetstream().add_stream(CONFIG, duplicate_window=0.1)
            if before:
                await ledger.append(LONDON[:before])
            sleeper.launch()
            await _said(sleeper, "relay.caught_up", 1)
            sleeper.pause()
            await ledger.append(LONDON[before:])
            async with relaying(ledger, server):
                await reached(client, len(LONDON))
            await asyncio.sleep(0.3)  # the server's clock has to pass the window
            sleeper.resume()
            await _said(sleeper, "relay.caught_up", 2)
            assert "wrong last" in sleeper.log()
            await check(ledger, client)
    finally:
        sleeper.close()


async def _said(relay: RelayProcess, event: str, times: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while relay.log().count(event) < times:  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(POLL)


async def test_a_relay_outlives_its_connections_to_the_database(migrated_postgres_url: str, server: Broker) -> None:
    """When the database breaks off its connections, as on a restart, the relay connects again and misses nothing."""
    async with opened(migrated_postgres_url) as ledger:
        await ledger.append(LONDON)
    database = connect(migrated_postgres_url)
    await database.open()
    running = asyncio.create_task(Relay(database, [server.url], PUBLIC_URL).run())
    try:
        async with connected(server.url) as client:
            await reached(client, len(LONDON))
            await cut(migrated_postgres_url)
            async with opened(migrated_postgres_url) as ledger:
                await append(ledger, 10, WINDOW)
                await check(ledger, client)
    finally:
        await stop(running)
        await database.close()


async def test_a_relay_waits_for_the_server(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """Started first, it publishes once the server is there."""
    late = Broker(tmp_path)
    try:
        async with opened(migrated_sqlite_url) as ledger, relaying(ledger, late):
            await ledger.append(LONDON)
            late.start()
            async with connected(late.url) as client:
                await check(ledger, client)
    finally:
        late.close()


async def test_metrics_of_a_relay(migrated_url: str, tmp_path: Path) -> None:
    """They say how far the stream is from the head of the log, also while the server is away."""
    with broker(tmp_path) as late:
        relay = RelayProcess(migrated_url, late.url, "--metrics-port", "0")
        relay.launch()
        try:
            async with opened(migrated_url) as ledger:
                await ledger.append(LONDON)
                there = {"up": 1.0, "position": len(LONDON), "lag_events": 0.0, "lag_seconds": 0.0, "losses_total": 0.0}
                await _measured(relay, there)
                late.kill()
                await append(ledger, 11, WINDOW)
            found = await _measured(relay, {"up": 0.0, "position": len(LONDON), "lag_events": WINDOW + len(openings())})
            assert found["lag_seconds"] > 0
            assert found["losses_total"] >= 1
            late.start()
            await _measured(relay, {"up": 1.0, "lag_events": 0.0, "lag_seconds": 0.0})
        finally:
            relay.kill()
            relay.close()


async def _measured(relay: RelayProcess, expected: dict[str, float]) -> dict[str, float]:
    """Return the metrics of a relay, once they have these values."""
    async with asyncio.timeout(PATIENCE):
        while not (where := re.search(r"^Metrics on (\S+)$", relay.log(), re.MULTILINE)):  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                families = text_string_to_metric_families((await client.get(where[1])).text)
                values = {sample.name: sample.value for family in families for sample in family.samples}
                found = {name.removeprefix("parley_relay_"): value for name, value in values.items()}
                if expected.items() <= found.items():
                    return found
                await asyncio.sleep(POLL)


async def test_a_server_that_hangs_up_before_it_greets_leaves_nothing_open(migrated_url: str) -> None:
    """Such connections are closed by the relay: what is left to the garbage collector is a warning, an error here."""
    tried: asyncio.Queue[None] = asyncio.Queue()

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        tried.put_nowait(None)

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as rude, opened(migrated_url) as ledger:
        port = rude.sockets[0].getsockname()[1]
        relay = Relay(ledger.database, [f"nats://127.0.0.1:{port}"], PUBLIC_URL)
        running = asyncio.create_task(relay.run())
        for _ in range(4):
            await asyncio.wait_for(tried.get(), PATIENCE)
        await stop(running)
    gc.collect()


async def test_a_relay_stops_in_the_midst_of_large_events(migrated_sqlite_url: str, server: Broker) -> None:
    """It is cancelled while nats-py flushes, who swallows that: it ends all the same, and the next one goes on."""
    async with opened(migrated_sqlite_url) as ledger, connected(server.url) as client:
        await ledger.append(openings())
        for number in range(8):
            await ledger.append([{**_large(), "id": str(uuid4()), "item": f"everybody-{number}"}])
        for more in range(4):
            running = asyncio.create_task(Relay(ledger.database, [server.url], PUBLIC_URL).run())
            await reached(client, len(ISSUES) + more)
            await stop(running)
        async with relaying(ledger, server):
            await check(ledger, client)


async def refused(ledger: Opened, server: Broker) -> str:
    """Relay to a stream that is not fit; return the reason."""
    with pytest.raises(Unfit) as caught:
        await asyncio.wait_for(Relay(ledger.database, [server.url], PUBLIC_URL).run(), PATIENCE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("subjects", ["parley.v1.restriction.>"], r"subjects is \['parley.v1.restriction.>'\], not \['parley.v1.>'\]"),
        ("max_age", 3_600, "max_age is 3600.0, not 0"),
        ("max_msgs", 10, "max_msgs is 10, not -1"),
        ("retention", "interest", "retention is interest, not limits"),
        ("storage", "memory", "storage is memory, not file"),
        ("deny_delete", False, "deny_delete is False, not True"),
    ],
)
async def test_a_stream_that_is_not_fit_is_refused(
    migrated_sqlite_url: str, server: Broker, setting: str, value: object, reason: str
) -> None:
    """A stream of that name that may have other messages or lose some is left alone, and its fault is named."""
    async with connected(server.url) as client, opened(migrated_sqlite_url) as ledger:
        await client.jetstream().add_stream(CONFIG.evolve(**{setting: value}))
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(await refused(ledger, server))


async def test_a_stream_of_another_ledger_is_refused(migrated_url: str, server: Broker) -> None:
    """A stream that ends with what this log has not, or has elsewhere, is never added to; exit code 1."""
    async with opened(migrated_url) as ledger, connected(server.url) as client:
        jetstream = client.jetstream()
        await jetstream.add_stream(CONFIG)
        subject = SUBJECTS.replace(">", "issue.opened.any")
        await jetstream.publish(subject, b'{"id":"8d7ef1b5-2f3a-4f7e-8e0a-6a3c5c0f1d11","sequence":"01"}')
        assert "is not the beginning of this log" in await refused(ledger, server)
        await ledger.append(LONDON)
        assert "is not the beginning of this log" in await refused(ledger, server)
        await jetstream.publish(subject, b"Good morning")
        assert "number 2, is no event of Parley" in await refused(ledger, server)
        assert (await jetstream.stream_info(STREAM)).state.messages == 2
    relay = RelayProcess(migrated_url, server.url)
    try:
        relay.launch()
        assert relay.wait() == 1
        assert relay.log().splitlines()[-1].startswith("Error: the last message of stream PARLEY")
    finally:
        relay.close()


@pytest.mark.row(2)
@pytest.mark.parametrize("further", [1, 3, 5])
async def test_a_relay_ends_where_the_log_was_set_back(migrated_sqlite_url: str, server: Broker, further: int) -> None:
    """Restored from a backup under a running relay, the log is not that of the stream: Unfit says so, nothing is added.

    Whether the log has fewer events than the stream, as many, or more.
    """
    live, lost = migrated_sqlite_url.removeprefix("sqlite:///"), 3
    async with opened(migrated_sqlite_url) as ledger, connected(server.url) as client:
        await append(ledger, 20, 10)
        with closing(sqlite3.connect(live)) as one, closing(sqlite3.connect(f"{live}.backup")) as backup:
            one.backup(backup)
            running = asyncio.create_task(Relay(ledger.database, [server.url], PUBLIC_URL).run())
            head = len(openings()) + 10 + lost
            await ledger.append(facts(21, lost))
            await reached(client, head)
            backup.backup(one)
        await ledger.append(facts(22, further))
        with pytest.raises(Unfit, match="is not the beginning of this log any more"):
            await asyncio.wait_for(running, PATIENCE)
        assert (await client.jetstream().stream_info(STREAM)).state.messages == head


async def test_a_foreign_message_stops_a_running_relay(migrated_sqlite_url: str, server: Broker) -> None:
    """A message of another publisher in the stream stops the relay: nothing is added after it."""
    async with opened(migrated_sqlite_url) as ledger, connected(server.url) as client:
        await ledger.append(LONDON)
        running = asyncio.create_task(Relay(ledger.database, [server.url], PUBLIC_URL).run())
        await reached(client, len(LONDON))
        await client.jetstream().publish("parley.v1.foreign", b"Good morning")
        await append(ledger, 8, 10)
        with pytest.raises(Unfit, match="is no event of Parley"):
            await asyncio.wait_for(running, PATIENCE)
        assert await _messages(client) == len(LONDON) + 1


async def test_a_relay_follows_after_the_window_of_duplicates(migrated_sqlite_url: str, server: Broker) -> None:
    """When the server has forgotten every message id, what is in the stream is still not sent again."""
    async with opened(migrated_sqlite_url) as ledger, connected(server.url) as client:
        await client.jetstream().add_stream(CONFIG, duplicate_window=0.1)
        await append(ledger, 9, 20)
        async with relaying(ledger, server):
            await reached(client, len(ISSUES) + 20)
        await asyncio.sleep(0.3)  # the server's clock has to pass the window
        server.kill()
        server.start()
        await ledger.append(LONDON)
        async with relaying(ledger, server):
            await check(ledger, client)


async def test_a_large_event_passes_and_one_too_large_is_named(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """With a max_payload of 9 MB three megabytes pass; where they do not, all before is sent and the relay says so."""
    large = _large()
    size = len(json.dumps(large))
    async with opened(migrated_sqlite_url) as ledger:
        await ledger.append([*openings(), large])
        with broker(tmp_path) as wide:
            async with connected(wide.url) as client, relaying(ledger, wide):
                await check(ledger, client)
        narrow = tmp_path / "narrow"
        narrow.mkdir()
        with broker(narrow) as small:
            (config,) = narrow.glob("*.conf")
            config.write_text(config.read_text().replace("9MB", "1MB"))
            small.kill()
            small.start()
            reason = await refused(ledger, small)
            assert f"the event at position {len(ISSUES) + 1} is a message of" in reason
            assert "takes 1048576" in reason
            async with connected(small.url) as client:
                assert await _messages(client) == len(ISSUES)
    assert size > 2**20


def _large() -> Event:
    entities = [{"name": "\x01" * 500} for _ in range(1_000)]
    return {
        "id": "0b1f3a52-6f0e-4d0c-9a4a-2a4dbb6c7a01",
        "type": "restriction.imposed",
        "issues": [ISSUES[0]],
        "item": "everybody",
        "occurred": "2025-01-01",
        "imposed_by": "US",
        "instrument": "sanction",
        "entities": entities,
        "reports": [{"outlet": "A client"}],
    }


def test_every_type_of_event_has_a_subject_of_its_own() -> None:
    """A type is kind and change: a consumer can ask for one kind of event in one issue by `parley.v1.kind.*.issue`."""
    assert all(name.count(".") == 1 and " " not in name for name in FACTS)
