"""The feed over HTTP: its pages, waits, forms and filters; and live, on real servers."""

import asyncio
import gc
import gzip
import json
import re
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest
import zstandard
from litestar import Litestar
from litestar.testing import TestClient

from service.api.event_stream import CHUNK, Follower
from service.api.http.moments import POSITION_MAX
from service.app import create_app
from service.eventlog.log import Place
from service.feed import live
from service.feed.filters import EVERYTHING, EventConditions, passing
from service.feed.live import Tail
from service.settings import Settings
from service.storage.connect import connect
from service.storage.database import Database
from tests.api.conftest import LONDON
from tests.ledgers import opened
from tests.migrations import migrate
from tests.postgres_servers import postgres_servers
from tests.processes import PATIENCE
from tests.servers import Event, Server, facts, openings, plain_client, read_feed, serving, serving_together
from tests.sse import following

Client = TestClient[Litestar]
NDJSON, CLOUD_EVENTS = "application/x-ndjson", "application/cloudevents-batch+json"


def get(client: Client, query: str = "", **headers: str) -> httpx.Response:
    """Read a page of the feed."""
    return client.get(f"/v1/feed?{query}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def lines(body: bytes) -> list[Event]:
    """Decode NDJSON; check that its last line ends."""
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.splitlines()]


def unzstd(body: bytes) -> bytes:
    """Decompress."""
    return zstandard.ZstdDecompressor().stream_reader(body).read()


def goods(event: Event) -> set[str]:
    """Name what an event is on as a reader would: by name, element or ECCN."""
    return {str(value).lower() for good in event.get("goods", []) for value in good.values()}


def items_on(good: str) -> set[str]:
    """Name the items on a good: those of which some event names it, and clearances from them."""
    named = {event["item"] for event in LONDON if good in goods(event)}
    return named | {event["item"] for event in LONDON if event.get("restriction") in named}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("type=restriction.*", lambda event: event["type"].startswith("restriction.")),
        ("type=round.session_held", lambda event: event["type"] == "round.session_held"),
        ("issue=us-chip-export-controls", lambda event: "us-chip-export-controls" in event["issues"]),
        ("good=DYSPROSIUM", lambda event: event["item"] in items_on("dysprosium")),
        (
            "good=dy&type=restriction.imposed,restriction.lifted",
            lambda event: (
                event["type"] in {"restriction.imposed", "restriction.lifted"} and event["item"] in items_on("dy")
            ),
        ),
        ("item=us-china-talks-london", lambda event: event["item"] == "us-china-talks-london"),
        ("type=call.*&good=dysprosium", lambda _: False),
    ],
)
def test_a_filter_lets_through_what_it_names_and_skips_the_rest(london: Client, query: str, wanted: Any) -> None:  # noqa: ANN401 - a predicate
    """A filter means the same for a page, lines and CloudEvents; `next` reaches the head whatever it lets through."""
    expected = [event["id"] for event in LONDON if wanted(event)]
    page = get(london, query).json()
    assert [event["id"] for event in page["events"]] == expected
    assert (page["next"], page["head"]) == (20, 20)
    *events, end = lines(get(london, query, accept=NDJSON).content)
    assert [event["id"] for event in events] == expected
    assert end == {"end": True, "count": len(expected), "next": 20, "head": 20}
    batch = get(london, query, accept=CLOUD_EVENTS)
    assert [event["id"] for event in batch.json()] == expected
    assert (batch.headers["feed-next"], batch.headers["feed-head"]) == ("20", "20")


def test_a_position_ahead_of_the_log_is_refused_in_every_form(london: Client) -> None:
    """A position ahead of the log, seen in another ledger, is a 400 in every form: nobody waits for it."""
    for path in ("/v1/feed?after=21", "/v1/feed?after=21&wait=1", "/v1/feed/stream?after=21"):
        for accept in ("*/*", NDJSON):
            response = london.get(path, headers={"accept": accept if "stream" not in path else "*/*"})
            assert response.status_code == (422 if "wait" in path and accept == NDJSON else 400), response.text
            if response.status_code == 400:
                assert (response.json()["type"], response.json()["head"]) == ("/problems/knowledge-ahead", 20)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/json", "application/json"),
        ("text/html, application/*;q=0.5", "application/json"),
        (f"application/json;q=0.1, {NDJSON}", NDJSON),
        (f"{NDJSON};q=0, {CLOUD_EVENTS};q=0.2", CLOUD_EVENTS),
        ("", "application/json"),
    ],
)
def test_the_form_is_the_one_that_the_client_likes_best(london: Client, accept: str, given: str) -> None:
    """The form is chosen by the weights of Accept, and is JSON without one."""
    response = get(london, "limit=2", accept=accept) if accept else get(london, "limit=2")
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == given
    assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "text/event-stream"])
def test_an_unknown_form_is_a_problem(london: Client, accept: str) -> None:
    """A form that the feed does not have is a 406 that names those it has."""
    response = get(london, accept=accept)
    assert response.status_code == 406
    assert NDJSON in response.json()["detail"]
    assert london.get("/v1/feed/stream", headers={"accept": "application/json"}).status_code == 406


def test_lines_end_at_the_head_or_where_the_limit_is(london: Client) -> None:
    """Lines are the events of a page and a last line that says how far they reach."""
    *events, end = lines(get(london, "after=3&limit=4", accept=NDJSON).content)
    assert events == get(london, "after=3&limit=4").json()["events"]
    assert end == {"end": True, "count": 4, "next": 7, "head": 20}
    *rest, end = lines(get(london, "after=7", accept=NDJSON).content)
    assert [event["position"] for event in rest] == list(range(8, 21))
    assert end == {"end": True, "count": 13, "next": 20, "head": 20}
    assert lines(get(london, "after=20", accept=NDJSON).content) == [{"end": True, "count": 0, "next": 20, "head": 20}]
    refused = get(london, "wait=3", accept=NDJSON)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "wait")


@pytest.mark.parametrize("accept", ["application/json", NDJSON, CLOUD_EVENTS])
@pytest.mark.parametrize(
    ("coding", "decode"),
    [("gzip", gzip.decompress), ("zstd", unzstd)],
)
def test_what_is_compressed_is_the_same(london: Client, accept: str, coding: str, decode: Any) -> None:  # noqa: ANN401 - a function
    """In a coding that the client accepts the same bytes arrive."""
    plain = get(london, accept=accept, accept_encoding="identity").content
    with london.stream("GET", "/v1/feed", headers={"accept": accept, "accept-encoding": f"{coding}, br"}) as response:
        assert response.headers["content-encoding"] == coding
        assert "Accept-Encoding" in response.headers["vary"]
        packed = b"".join(response.iter_raw())
    assert decode(packed) == plain
    assert len(packed) < len(plain)
    refused = get(london, accept=accept, accept_encoding=f"{coding};q=0")
    assert "content-encoding" not in refused.headers


def test_cloud_events_carry_the_events_of_the_page(london: Client) -> None:
    """Each CloudEvent has the event as data, its position as sequence and its instant as recordedtime."""
    page = get(london, "limit=1000").json()["events"]
    batch = get(london, "limit=1000", accept=CLOUD_EVENTS).json()
    for event, cloud in zip(page, batch, strict=True):
        assert cloud["data"] == {k: v for k, v in event.items() if k not in {"position", "recorded_at"}}
        assert (int(cloud["sequence"]), cloud["recordedtime"]) == (event["position"], event["recorded_at"])


@pytest.mark.parametrize("wait", ["-1", "31", "1.5", "soon", ""])
def test_a_wait_that_is_no_number_of_seconds_is_refused(client: Client, wait: str) -> None:
    """A wait is a number of at most 30 seconds, in digits."""
    response = get(client, f"wait={wait}")
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "wait")


@pytest.mark.parametrize("last", ["-1", "x", "1e3", "99999999999999999"])
def test_a_last_id_that_is_no_position_is_refused(client: Client, last: str) -> None:
    """A stream never begins again from the start by mistake."""
    assert client.get("/v1/feed/stream", headers={"last-event-id": last}).status_code == 400


def test_head_answers_without_a_body(london: Client) -> None:
    """HEAD is answered without a body, also where GET would never end."""
    for path in ("/v1/feed", "/v1/feed/stream"):
        response = london.head(path)
        assert (response.status_code, response.content) == (200, b"")


@pytest.fixture
def server(migrated_url: str) -> Iterator[Server]:
    """A server with the issues that facts are about."""
    with serving(migrated_url) as server:
        post(server, openings())
        yield server


def post(server: Server, events: list[Event]) -> int:
    """Record events; return the position of the last."""
    with plain_client(server.url) as client:
        response = client.post("/v1/events", json={"events": events})
        assert response.status_code == 201, response.text
        position: int = response.json()["position"]
        return position


def followers(server: Server) -> int:
    """Return how many follow."""
    with plain_client(server.url) as client:
        lines = client.get("/metrics").text.splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("parley_feed_followers "))))


def test_a_waiting_page_is_answered_by_the_first_event_that_passes_its_filter(server: Server) -> None:
    """A page waits while its filter leaves everything out, and is answered by the first event that passes."""
    other, wanted = facts(1, 1), [{**facts(2, 1)[0], "type": "restriction.lifted"}]
    with ThreadPoolExecutor(1) as threads, plain_client(server.url) as client:
        waiting = threads.submit(client.get, "/v1/feed?after=3&wait=30&type=restriction.lifted")
        while not followers(server):
            pass
        post(server, other)
        assert not waiting.done()
        position = post(server, wanted)
        page = waiting.result().json()
    assert [event["id"] for event in page["events"]] == [wanted[0]["id"]]
    assert (page["next"], page["head"]) == (position, position)


def test_a_waiting_page_comes_empty_when_its_time_is_up(server: Server) -> None:
    """An empty page has as `next` the position after the events that its filter left out while it waited."""
    with ThreadPoolExecutor(1) as threads, plain_client(server.url) as client:
        waiting = threads.submit(client.get, "/v1/feed?after=3&wait=1&type=call.*")
        while not followers(server):
            pass
        position = post(server, facts(1, 5))
        page = waiting.result().json()
    assert page == {"events": [], "next": position, "head": position}


def test_a_stream_has_what_is_recorded_and_then_what_follows(server: Server) -> None:
    """A stream has each event as the feed has it, with its position as its id, from the one after `after` on."""
    with following(server.url, "after=1") as stream:
        assert [message.id for message in stream.take(2)] == ["2", "3"]
        last = post(server, facts(3, 700))
        messages = stream.take(700)
    assert [message.event for message in messages] == read_feed(server.url)[3:]
    assert messages[-1].id == str(last)
    with following(server.url, "after=2", last_id=str(last - 2)) as stream:
        assert [message.id for message in stream.take(2)] == [str(last - 1), str(last)]


def test_a_filtered_stream_lets_through_what_it_names(server: Server) -> None:
    """A filter holds for what is recorded already and for what follows."""
    events = facts(4, 300)
    post(server, events[:150])
    wanted = [event["id"] for event in events if event["type"] == "restriction.eased"]
    with following(server.url, "type=restriction.eased") as stream:
        before = sum(event["type"] == "restriction.eased" for event in events[:150])
        messages = stream.take(before)
        post(server, events[150:])
        messages += stream.take(len(wanted) - before)
    assert [message.event["id"] for message in messages] == wanted


def test_what_one_process_records_is_in_the_streams_of_another(migrated_postgres_url: str) -> None:
    """Two servers on one database have one feed, for streams and for waiting pages."""
    with serving_together([migrated_postgres_url] * 2) as (one, other):
        post(one, openings())
        with following(other.url, "after=3") as stream, ThreadPoolExecutor(1) as threads:
            with plain_client(other.url) as client:
                waiting = threads.submit(client.get, "/v1/feed?after=3&wait=30")
                while followers(other) < 2:
                    pass
                sent = facts(5, 40)
                post(one, sent)
                assert waiting.result().json()["events"]
            assert [message.event["id"] for message in stream.take(40)] == [event["id"] for event in sent]


def test_a_stopping_server_lets_its_followers_go(server: Server) -> None:
    """When a server stops, its streams end and its waiting pages are answered."""
    with following(server.url) as stream, ThreadPoolExecutor(1) as threads, plain_client(server.url) as client:
        waiting = threads.submit(client.get, "/v1/feed?after=3&wait=30")
        stream.take(3)
        while followers(server) < 2:
            pass
        assert server.stop() == 0
        assert list(stream) == []
        assert waiting.result().json()["next"] == 3
    server.start()


def test_a_client_that_reads_nothing_is_cut_off(migrated_url: str) -> None:
    """A client that does not read its stream is cut off after a while; others still follow."""
    with serving(migrated_url, "--stall-seconds", "1") as server:
        post(server, openings())
        for seed in range(3):
            post(server, facts(seed, 1_000))
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            lazy.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
            lazy.sendall(b"GET /v1/feed/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not followers(server):
                pass
            while followers(server):
                pass
        with following(server.url, "after=3002") as stream:  # others still follow
            assert stream.take(1)[0].id == "3003"


async def until(true: Callable[[], bool]) -> None:
    """Let other tasks run until something is true that nobody signals."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0)


def test_a_client_that_is_slow_for_a_while_misses_nothing(migrated_url: str) -> None:
    """A client that is slow to take a block gets all events recorded in that time, in order, once."""

    async def run() -> list[int]:
        received: list[int] = []
        blocked, free = asyncio.Event(), asyncio.Event()

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            if len(received) == 5:
                blocked.set()
                await free.wait()
            received.extend(int(each) for each in re.findall(rb"^id: ([0-9]+)$", message["body"], re.MULTILINE))
            if received and received[-1] == 13:
                tail.close()

        async with opened(migrated_url) as ledger:
            tail = Tail(ledger.database)
            tail.start()
            follower = asyncio.create_task(Follower(ledger.database, tail, Place(0), EVERYTHING).follow(send))
            for events, reached in ((openings(), 3), (facts(1, 2), 5)):
                await ledger.append(events)
                tail.wake(POSITION_MAX)
                await until(lambda reached=reached: received[-1:] == [reached])  # type: ignore[misc]
            for events in (facts(2, 1), facts(3, 7)):
                await ledger.append(events)
                tail.wake(POSITION_MAX)
                await blocked.wait()
            await until(lambda: tail.head == 13)
            free.set()
            async with asyncio.timeout(PATIENCE):
                await follower
            await tail.stop()
        return received

    assert asyncio.run(run()) == list(range(1, 14))


@pytest.mark.anyio
async def test_a_filtered_stream_looks_at_all_of_a_large_batch(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client at the end of the log gets the one event of a large batch that passes its filter, though it comes last.

    Nothing more is sent once the client has given up.
    """
    monkeypatch.setattr(live, "TICK_SECONDS", 2 * PATIENCE)  # so that time does not wake it
    blocks: list[bytes] = []

    async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
        blocks.append(message["body"])

    def disputed(events: list[Event]) -> list[Event]:
        return [*events, {"type": "record.disputed", "target": events[0]["id"], "reason": "Why?"}]

    async with opened(migrated_url) as ledger:
        tail = Tail(ledger.database)
        tail.start()
        await ledger.append(openings())
        with tail.following():  # so that the tail reads
            wanted = passing(EventConditions(type="record.disputed"))
            following = asyncio.create_task(Follower(ledger.database, tail, Place(3), wanted).follow(send))
            for count in (1, 2):
                await ledger.append(disputed(facts(count, 2 * CHUNK)))
                tail.wake(POSITION_MAX)
                await until(lambda count=count: len(blocks) == 1 + count)  # type: ignore[misc]
            assert [re.findall(rb"^id: ([0-9]+)$", block, re.MULTILINE) for block in blocks[1:]] == [[b"404"], [b"805"]]
            following.cancel()
            await asyncio.wait([following])
            await ledger.append(disputed(facts(3, 1)))
            tail.wake(POSITION_MAX)
            await until(lambda: tail.head == 807)
        await tail.stop()
    assert len(blocks) == 3


@pytest.mark.anyio
async def test_what_is_read_while_followers_are_notified_is_sent_with_the_rest(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many followers at the end of the log the first get the events one by one, the others all read until then.

    No follower misses an event or gets one twice.
    """
    monkeypatch.setattr(live, "PAGE", 1)
    many = 3 * live.NOTIFIED_AT_ONCE
    received: list[list[list[int]]] = [[] for _ in range(many)]

    async def follow(tail: Tail, database: Database, blocks: list[list[int]]) -> None:
        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            blocks.append([int(each) for each in re.findall(rb"^id: ([0-9]+)$", message["body"], re.MULTILINE)])

        await Follower(database, tail, Place(3), EVERYTHING).follow(send)

    async with opened(migrated_url) as ledger:
        tail = Tail(ledger.database)
        tail.start()
        await ledger.append(openings())
        with tail.following():  # so that all who follow come to the end of the log at once, in order
            await until(lambda: tail.head == 3)
            following = [asyncio.create_task(follow(tail, ledger.database, blocks)) for blocks in received]
            await until(lambda: all(received))
        await ledger.append(facts(1, 2))
        tail.wake(5)
        await until(lambda: all(blocks[-1][-1:] == [5] for blocks in received))
        await tail.stop()
        await asyncio.gather(*following)
    first, rest = received[: live.NOTIFIED_AT_ONCE], received[live.NOTIFIED_AT_ONCE :]
    assert all(blocks == [[], [4], [5]] for blocks in first)
    assert all(blocks == [[], [4, 5]] for blocks in rest)


@pytest.mark.anyio
async def test_a_follower_that_comes_after_all_have_gone_is_notified(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower that waits for a recorded event is woken, though the others gave up before and the log stood still.

    Neither time nor a further event wakes it.
    """
    monkeypatch.setattr(live, "TICK_SECONDS", 2 * PATIENCE)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    async with opened(migrated_url) as ledger:
        tail = Tail(ledger.database)
        tail.start()
        await ledger.append(openings())
        with tail.following():
            await until(lambda: tail.head == 3)
            await tail.moved(3)  # the first tick
            tail.moved(3).cancel()
        await until(lambda: tail.head == 0)  # the reader has seen that nobody follows
        waiting = tail.moved(2)
        with tail.following():
            async with asyncio.timeout(PATIENCE):
                await waiting
        await tail.stop()


@pytest.mark.anyio
async def test_a_follower_that_is_left_while_it_sends_ends(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with that block, though neither an event nor a heartbeat comes after it."""
    monkeypatch.setattr(live, "TICK_SECONDS", 2 * PATIENCE)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    async with opened(migrated_url) as ledger:
        await ledger.append(openings())
        tail = Tail(ledger.database)
        tail.start()
        received: list[int] = []

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            received.extend(int(each) for each in re.findall(rb"^id: ([0-9]+)$", message["body"], re.MULTILINE))
            if received:
                follower.leave()

        follower = Follower(ledger.database, tail, Place(0), EVERYTHING)
        with tail.following():
            await until(lambda: tail.head == 3)
            await tail.moved(3)  # the first tick
            async with asyncio.timeout(PATIENCE):
                await follower.follow(send)
        await tail.stop()
    assert received == [1, 2, 3]


def test_a_heartbeat_carries_the_position_reached(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that gets nothing for long gets a comment, with the position that it has reached as its id."""
    monkeypatch.setattr(live, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    monkeypatch.setattr("service.api.event_stream.HEARTBEAT_SECONDS", 0.0)

    async def run() -> list[bytes]:
        database = connect(migrated_url)
        await database.open()
        tail = Tail(database)
        tail.start()
        blocks: list[bytes] = []

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            blocks.append(message["body"])
            if len(blocks) == 4:
                tail.close()

        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await Follower(database, tail, Place(0), EVERYTHING).follow(send)
        await tail.stop()
        await database.close()
        return blocks

    assert asyncio.run(run()) == [b"retry: 3000\n\n", *[b"id: 0\n: alive\n\n"] * 3]


async def stream(app: Litestar, path: str, send: Callable[[Any], Awaitable[None]], gone: asyncio.Event) -> None:
    """Ask for a stream without a server: `send` takes each message, `gone` is set when the client leaves."""

    async def receive() -> Any:  # noqa: ANN401 - of ASGI
        await gone.wait()
        return {"type": "http.disconnect"}

    async def sending(message: Any) -> None:  # noqa: ANN401 - of ASGI
        await send(message)
        if not message.get("more_body", True):
            gone.set()

    scope: Any = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        "headers": [(b"accept", NDJSON.encode() if path == "/v1/feed" else b"*/*"), (b"host", b"localhost")],
    }  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        await app(scope, receive, sending)


@pytest.mark.anyio
async def test_a_page_that_cannot_be_read_after_the_client_has_gone_is_not_reported(migrated_sqlite_url: str) -> None:
    """The next page of NDJSON is read while one is sent: the log is set back, and the client goes in between."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    app = create_app(Settings(database_url=migrated_sqlite_url))
    sent, gone = 0, asyncio.Event()

    async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
        nonlocal sent
        sent += bool(message.get("body"))
        if sent == 1:
            early.backup(live)
        if sent == 2:
            await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "lines"])
            gone.set()
            await asyncio.Event().wait()

    file = migrated_sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(f"{file}.early")) as early:
        async with opened(migrated_sqlite_url) as ledger:
            await ledger.append(openings())
            live.backup(early)
            for seed in range(4):
                await ledger.append(facts(seed, 500))
        async with app.lifespan():
            await stream(app, "/v1/feed", send, gone)
    gc.collect()
    assert (sent, reported) == (2, [])


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/feed", "/v1/feed/stream"])
async def test_a_stream_ends_where_the_database_is_lost(path: str) -> None:
    """What was sent until then is whole, nothing says that it is all, and no error is left for the server to report."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
        body = message.get("body", b"")
        if b"issue.opened" in body:
            postgres.kill()
        sent.append(body)

    with postgres_servers() as servers:
        postgres = servers.primary()
        migrate(postgres.url)
        async with opened(postgres.url) as ledger:
            await ledger.append(openings())
            for seed in range(4):
                await ledger.append(facts(seed, 500))
        app = create_app(Settings(database_url=postgres.url))
        async with app.lifespan():
            await stream(app, path, send, asyncio.Event())
    received = b"".join(sent)
    assert b"issue.opened" in received
    assert received.endswith(b"\n")
    assert b'"end":true' not in received
    assert received.count(b'"position":') < 2_003
