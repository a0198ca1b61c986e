"""Followers by every way that the service has: pages, the event stream, NDJSON, a consumer, a webhook, the relay.

Each goes on after its place. One whose place is not in the log any more is refused, and ends: see `refused`.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import nats.errors
from nats.js.api import ConsumerConfig

from service.relay.relay import STREAM, SUBJECTS
from tests import servers
from tests.brokers import connected
from tests.followers import Log, Seen
from tests.load.ledger import recorded
from tests.sse import Blocks
from tests.webhooks.receivers import Answered

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from tests.load.client import Client
    from tests.load.findings import Findings
    from tests.load.running import Running
    from tests.webhooks.receivers import Received, Receiver

Event = dict[str, Any]

ONCE = ("pages", "stream", "NDJSON", "consumer")
WEBHOOK, RELAY = AT_LEAST_ONCE = ("webhook", "relay")
PAUSE = 0.2
_CONFLICT = 409
ONE_BY_ONE = ConsumerConfig(max_ack_pending=1, ack_wait=5)
"""As docs/relay.md has it: the order is kept where a message whose delivery was lost is delivered again."""
OTHER_LOG = "/problems/other-log"


class Refused(Exception):  # noqa: N818 - a condition
    """The place of a follower is not in the log any more."""


class Follower(Seen):
    """What one follower got, and the place after which it goes on."""

    place = "0"

    def take_all(self, events: Sequence[Event]) -> None:
        """Note events."""
        for event in events:
            self.take(event["position"], recorded(event))
            if event["position"] == self.position:
                self.place = f"{event['position']}@{event['recorded_at']}"


class Followers:
    """One follower of each sort; each goes on after what it has."""

    def __init__(self, name: str, log: Log, choose: random.Random, running: Running, findings: Findings) -> None:
        """`name` is that of the consumers, `log` what all of them see, `running` the servers that they follow."""
        self._name, self._consumers = name, f"/v1/consumers/{name}"
        ways = [*ONCE, *([WEBHOOK] if running.receiver else []), RELAY]
        self.seen = {name: Follower(log) for name in ways}
        self.refused: dict[str, float] = {}
        """When followers were refused (`time.monotonic`), by name."""
        self._choose, self._running, self._findings = choose, running, findings

    def ways(self, client: Callable[[str], Client]) -> list[Coroutine[Any, Any, None]]:
        """Return what all of them do until they are cancelled or refused; `client` makes a client of a name."""
        if self._running.receiver:
            self._webhook(self._running.receiver)
        asking = {"pages": self._pages, "consumer": self._consumer}
        ways = [self._until_refused(name, way(client(name))) for name, way in asking.items()]
        ways += [self._until_refused("stream", self._stream()), self._until_refused("NDJSON", self._ndjson())]
        return [*ways, self._relay(self._running.nats_url)]

    async def _until_refused(self, name: str, way: Coroutine[Any, Any, None]) -> None:
        try:
            await way
        except Refused as refusal:
            self.refused[name] = time.monotonic()
            self._findings.wrong("followers refused", f"{name} at {self.seen[name].place}: {refusal}")

    async def _pages(self, client: Client) -> None:
        """Read pages, and wait for more at the end."""
        seen = self.seen["pages"]
        while True:
            limit, wait = self._choose.choice([1, 20, 300]), self._choose.choice([0, 1, 5])
            page = await self._page(client, f"after={seen.place}&limit={limit}&wait={wait}")
            seen.take_all(page["events"])
            if not page["events"]:
                await asyncio.sleep(PAUSE)

    async def _page(self, client: Client, query: str) -> Event:
        target = f"/v1/feed?{query}"
        status, body = await client.insist("GET", target)
        _heed(status, body)
        page: Event = client.accepted("GET", target, status, body) or {"events": []}
        return page

    async def _consumer(self, client: Client) -> None:
        """Read pages after the place that the service keeps; forget now and then where it stands.

        It takes an event in as it moves its cursor, so a page whose move was not answered is taken in once.
        """
        await client.expect("PUT", self._consumers, {"position": 0})
        seen, place = self.seen["consumer"], "0"
        while True:
            if self._choose.random() < 0.1 and (kept := await client.expect("GET", self._consumers)):
                place = kept["place"]
                if kept["position"] < seen.position:  # the cursor was set back with the log
                    raise Refused(place)
            if not (events := (await self._page(client, f"after={place}&limit=100&wait=2"))["events"]):
                continue
            at, last = int(place.partition("@")[0]), events[-1]["position"]
            status, body = await client.insist("PUT", self._consumers, {"position": last, "expected": at})
            if status < 300 or (status == _CONFLICT and json.loads(body)["actual"] == {self._name: last}):
                seen.take_all(events)
                place = f"{last}@{events[-1]['recorded_at']}"
            else:
                client.accepted("PUT", self._consumers, status, body)

    async def _stream(self) -> None:
        """Read the event stream; go on elsewhere when it ends, and leave it now and then."""
        seen = self.seen["stream"]
        while True:
            left = self._choose.randint(1, 2_000)
            blocks = Blocks()
            async for line in self._lines("/v1/feed/stream", {"Last-Event-ID": seen.place}):
                if message := blocks.take_line(line):
                    if message.event["type"] == OTHER_LOG:
                        raise Refused(message.id)
                    assert message.id == str(message.event["position"])
                    seen.take_all([message.event])
                    left -= 1
                if left == 0:
                    break
            await asyncio.sleep(PAUSE)

    async def _ndjson(self) -> None:
        """Read what is there as NDJSON, again and again; go on after the last line where an answer was cut off."""
        seen = self.seen["NDJSON"]
        while True:
            async for line in self._lines(f"/v1/feed?after={seen.place}", {"Accept": "application/x-ndjson"}):
                if "position" in (event := json.loads(line)):
                    seen.take_all([event])
            await asyncio.sleep(self._choose.random() * 2)

    async def _lines(self, target: str, headers: dict[str, str]) -> AsyncIterator[str]:
        """Read an answer line by line, until it ends or breaks off."""
        with suppress(httpx.TransportError):
            async with (
                servers.client(self._choose.choice(self._running.servers).url) as client,
                client.stream("GET", target, headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.OK:
                    async for line in answer.aiter_lines():
                        yield line
                elif answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    body = await answer.aread()
                    _heed(answer.status_code, body)
                    self._findings.wrong("requests refused", f"GET {target}: {body!r}")

    def _webhook(self, receiver: Receiver) -> None:
        """Note what a receiver gets, from now on, in this loop."""
        loop = asyncio.get_running_loop()

        def answer(_number: int, request: Received) -> Answered:
            receiver.requests.clear()  # noted here, and there will be many
            event = _of_cloud_event(json.loads(request.body))
            loop.call_soon_threadsafe(self.seen[WEBHOOK].take_all, [event])
            return Answered()

        receiver.answer = answer

    async def _relay(self, url: str) -> None:
        """Read the stream of the relay by a durable consumer."""
        seen = self.seen[RELAY]
        async with connected(url) as client:
            subscription = None
            while True:
                try:
                    jetstream = client.jetstream(timeout=2)
                    subscription = subscription or await jetstream.pull_subscribe(
                        SUBJECTS, durable=self._name, stream=STREAM, config=ONE_BY_ONE
                    )
                    for message in await subscription.fetch(1, timeout=1):
                        event = _of_cloud_event(json.loads(message.data))
                        assert message.metadata.sequence.stream == event["position"]
                        seen.take_all([event])
                        await message.ack()
                except (nats.errors.Error, TimeoutError):
                    await asyncio.sleep(PAUSE)


def _heed(status: int, body: bytes) -> None:
    if status == httpx.codes.BAD_REQUEST and OTHER_LOG.encode() in body:
        raise Refused(body.decode())


def _of_cloud_event(sent: Event) -> Event:
    """Return the event as the feed has it."""
    return {"position": int(sent["sequence"]), "recorded_at": sent["recordedtime"], **sent["data"]}
