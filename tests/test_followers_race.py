"""Eight write, three serve, many follow, and processes are killed at random: missed 0, doubled 0, reordered 0.

Each reader uses a public interface: pages with `wait`, the event stream with `Last-Event-ID`, and the relay's stream in
JetStream, read by a durable consumer. What each promises is checked to the letter: a page reader and a stream reader
that go on after their last position see each position once; a consumer of JetStream may get a message again when the
broker was killed before it noted the acknowledgement, but the stream has each event once.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig

from service.relay.relay import STREAM, SUBJECTS
from tests import tally
from tests.brokers import Broker, RelayProcess, broker, connected
from tests.followers import Log, Seen
from tests.processes import PATIENCE, POLL
from tests.servers import Event, Server, fact, openings, plain_client, read_feed, serving_together
from tests.sse import following

pytestmark = pytest.mark.slow

EVENTS = 20_000
WRITERS = 8
BATCH_MAX = 150
ITEMS = 6_000
"""More than `fact` has, so that each item has few facts: the race is for the log."""
SERVER_KILLS, RELAY_KILLS, BROKER_KILLS = 6, 2, 2


class Delivered:
    """What a consumer of JetStream got, by its place in the stream."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._ids: dict[int, str] = {}

    def take(self, sequence: int, id_: str) -> None:
        """Note a message, which may come again unchanged."""
        assert self._ids.setdefault(sequence, id_) == id_

    def __len__(self) -> int:
        """Count the places of which a message came."""
        return len(self._ids)

    @property
    def ids(self) -> list[str]:
        """The ids in the stream, in its order; KeyError where the message of a place has not come."""
        return [self._ids[sequence] for sequence in range(1, len(self._ids) + 1)]


class Race:
    """The processes that run, and how far the writers are."""

    def __init__(self, servers: Sequence[Server], relay: RelayProcess, nats: Broker) -> None:
        """All of them are running."""
        self.servers, self.relay, self.nats = servers, relay, nats
        self.acknowledged: list[str] = []
        self.total = 0
        """How many events there are, once the writers are done."""
        self._lock = threading.Lock()
        self._ends = time.monotonic() + 10 * PATIENCE

    def goes_on(self, count: int) -> bool:
        """Return whether a reader of so many events has more to read; TimeoutError when it should have all of them."""
        if time.monotonic() > self._ends:
            raise TimeoutError(count, self.total)
        return not self.total or count < self.total

    def write(self, seed: int) -> None:
        """Send batches, each as often as it takes, until there are enough events."""
        choose = random.Random(seed)  # noqa: S311 - repeatable
        while len(self.acknowledged) < EVENTS:
            size = choose.randint(1, BATCH_MAX)
            events = [fact(choose) | {"item": f"measure-{choose.randrange(ITEMS)}"} for _ in range(size)]
            while not self._sent(choose.choice(self.servers), events):
                pass
            with self._lock:
                self.acknowledged += [event["id"] for event in events]

    def _sent(self, server: Server, events: list[Event]) -> bool:
        with suppress(httpx.TransportError), plain_client(server.url) as client:
            answer = client.post("/v1/events", json={"events": events})
            assert answer.status_code in {200, 201, 503}, answer.text
            return answer.status_code != httpx.codes.SERVICE_UNAVAILABLE
        return False

    def poll(self, server: Server, seen: Seen) -> None:
        """Follow one server by pages."""
        while self.goes_on(seen.position):
            with suppress(httpx.TransportError), plain_client(server.url) as client:
                while self.goes_on(seen.position):
                    page = client.get(f"/v1/feed?after={seen.position}&limit=300&wait=1")
                    if page.status_code != httpx.codes.OK:
                        break
                    for event in page.json()["events"]:
                        seen.take(event["position"], event["id"])

    def stream(self, server: Server, seen: Seen) -> None:
        """Follow one server by its event stream, resumed by the last id."""
        while self.goes_on(seen.position):
            with suppress(httpx.TransportError), following(server.url, last_id=str(seen.position)) as stream:
                for message in stream:
                    assert message.id == str(message.event["position"])
                    seen.take(message.event["position"], message.event["id"])
                    if seen.position == self.total:
                        break

    async def consume(self, delivered: Delivered) -> None:
        """Follow JetStream by a durable consumer, made again where a kill took it from the broker."""
        async with connected(self.nats.url) as client:
            subscription = None
            while self.goes_on(len(delivered)):
                try:
                    jetstream = client.jetstream(timeout=2)
                    subscription = subscription or await jetstream.pull_subscribe(
                        SUBJECTS, durable="race", stream=STREAM, config=ConsumerConfig(ack_wait=5, max_ack_pending=500)
                    )
                    for message in await subscription.fetch(200, timeout=1):
                        delivered.take(message.metadata.sequence.stream, json.loads(message.data)["id"])
                        await message.ack()
                except (NatsError, TimeoutError):
                    subscription = None

    def kill(self, choose: random.Random) -> int:
        """Kill and restart processes, one after the other, while the writers write; return how often."""
        victims: list[Server | RelayProcess | Broker] = [
            *choose.choices(self.servers, k=SERVER_KILLS), *[self.relay] * RELAY_KILLS, *[self.nats] * BROKER_KILLS
        ]  # fmt: skip
        choose.shuffle(victims)
        for number, victim in enumerate(victims, 1):
            while len(self.acknowledged) < EVENTS * number // (len(victims) + 1):
                threading.Event().wait(POLL)
            victim.kill()
            if isinstance(victim, RelayProcess):
                victim.launch()
            else:
                victim.start()
        return len(victims)

    def finish(self) -> None:
        """Note how many events there are, which the readers wait for, and write the last one."""
        self.total = len(openings()) + len(self.acknowledged) + 1
        last = [fact(random.Random(0))]  # noqa: S311 - repeatable
        self._sent(self.servers[0], last)
        self.acknowledged.append(last[0]["id"])


@contextmanager
def racing(urls: Sequence[str], folder: Path) -> Iterator[Race]:
    """Run a server for each URL (of one database), a broker, and a relay between them."""
    with ExitStack() as stack:
        servers = stack.enter_context(serving_together(urls))
        nats = stack.enter_context(broker(folder))
        relay = RelayProcess(urls[0], nats.url)
        stack.callback(relay.close)
        relay.launch()
        yield Race(servers, relay, nats)


@pytest.mark.parametrize(("backend", "processes"), [("sqlite", 1), ("postgres", 3)], ids=["sqlite", "postgres"])
def test_followers_miss_nothing(migrated_url: str, processes: int, tmp_path: Path) -> None:
    """While events are written, and servers, relay and broker are killed, every reader gets the whole log."""
    with racing([migrated_url] * processes, tmp_path) as race:
        with plain_client(race.servers[0].url) as client:
            client.post("/v1/events", json={"events": openings()}).raise_for_status()
        followed = Log()
        polls, streams = ([Seen(followed) for _ in race.servers] for _ in range(2))
        consumed = Delivered()
        with ThreadPoolExecutor(WRITERS + 2 * processes + 2) as threads:
            writers = [threads.submit(race.write, seed) for seed in range(WRITERS)]
            readers = [
                *(threads.submit(race.poll, *pair) for pair in zip(race.servers, polls, strict=True)),
                *(threads.submit(race.stream, *pair) for pair in zip(race.servers, streams, strict=True)),
                threads.submit(lambda: asyncio.run(race.consume(consumed))),
            ]
            killing = threads.submit(race.kill, random.Random(processes))  # noqa: S311 - repeatable
            for writer in writers:
                writer.result()
            kills = killing.result()
            race.finish()
            for reader in readers:
                reader.result()
        log = [event["id"] for event in read_feed(race.servers[0].url)]
    assert len(set(log)) == len(log) == race.total > EVENTS
    assert set(race.acknowledged) <= set(log)
    for seen in (*polls, *streams):
        assert seen.faults == (0, 0, 0)
        assert seen.position == race.total
    assert followed == Log(log)
    assert consumed.ids == log
    tally.compared[tally.FOLLOWED] += race.total * (2 * processes + 1)
    tally.compared[tally.KILLS] += kills
