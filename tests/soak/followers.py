"""Followers by every way that the service has: pages, the event stream, NDJSON, a consumer, a webhook, the relay."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import nats.errors
from nats.js.api import ConsumerConfig

from service.relay.relay import STREAM, SUBJECTS
from tests import servers
from tests.brokers import connected
from tests.followers import Log, Seen
from tests.processes import PATIENCE
from tests.soak.ledger import recorded
from tests.sse import Blocks
from tests.webhooks.receivers import Answered

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence

    from tests.servers import Server
    from tests.soak.client import Client
    from tests.soak.findings import Findings
    from tests.webhooks.receivers import Received, Receiver

Event = dict[str, Any]

ONCE = ("pages", "stream", "NDJSON", "consumer")
AT_LEAST_ONCE = ("webhook", "relay")
PAUSE = 0.2
NAME = "soak"
CONSUMER = f"/v1/consumers/{NAME}"
_CONFLICT = 409


class Followers:
    """One follower of each sort; each goes on after what it has."""

    def __init__(self, log: Log, choose: random.Random, running: Sequence[Server], findings: Findings) -> None:
        """`log` is what all of them see, `running` the servers that they follow."""
        self.seen = {name: Seen(log) for name in (*ONCE, *AT_LEAST_ONCE)}
        self._choose, self._running, self._findings = choose, running, findings

    async def pages(self, client: Client) -> None:
        """Read pages, and wait for more at the end."""
        seen = self.seen["pages"]
        while True:
            await self._page(client, seen)

    async def consumer(self, client: Client) -> None:
        """Read pages after the position that the service keeps; forget now and then where it stands.

        It takes an event in as it moves its cursor, so a page whose move was not answered is taken in once.
        """
        await client.expect("PUT", CONSUMER, {"position": 0})
        seen, at = self.seen["consumer"], 0
        while True:
            if self._choose.random() < 0.1 and (kept := await client.expect("GET", CONSUMER)):
                at = kept["position"]
            page = await client.expect("GET", f"/v1/feed?after={at}&limit=100&wait=2")
            if not page or page["next"] == at:
                continue
            status, body = await client.insist("PUT", CONSUMER, {"position": page["next"], "expected": at})
            if status < 300 or (status == _CONFLICT and json.loads(body)["actual"] == {NAME: page["next"]}):
                self._take_all(seen, page["events"])
                at = page["next"]
            else:
                client.accepted("PUT", CONSUMER, status, body)

    async def stream(self) -> None:
        """Read the event stream; go on elsewhere when it ends, and leave it now and then."""
        seen = self.seen["stream"]
        while True:
            left = self._choose.randint(1, 2_000)
            blocks = Blocks()
            async for line in self._lines("/v1/feed/stream", {"Last-Event-ID": str(seen.position)}):
                if message := blocks.take_line(line):
                    assert message.id == str(message.event["position"])
                    self._take_all(seen, [message.event])
                    left -= 1
                if left == 0:
                    break
            await asyncio.sleep(PAUSE)

    async def ndjson(self) -> None:
        """Read what is there as NDJSON, again and again; go on after the last line where an answer was cut off."""
        seen = self.seen["NDJSON"]
        while True:
            async for line in self._lines(f"/v1/feed?after={seen.position}", {"Accept": "application/x-ndjson"}):
                if "position" in (event := json.loads(line)):
                    self._take_all(seen, [event])
            await asyncio.sleep(self._choose.random() * 2)

    async def _lines(self, target: str, headers: dict[str, str]) -> AsyncIterator[str]:
        """Read an answer line by line, until it ends or breaks off."""
        with suppress(httpx.TransportError):
            async with (
                servers.client(self._choose.choice(self._running).url) as client,
                client.stream("GET", target, headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.OK:
                    async for line in answer.aiter_lines():
                        yield line
                elif answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    self._findings.wrong("requests refused", f"GET {target}: {await answer.aread()!r}")

    def webhook(self, receiver: Receiver) -> None:
        """Note what a receiver gets, from now on, in this loop."""
        loop = asyncio.get_running_loop()

        def answer(_number: int, request: Received) -> Answered:
            receiver.requests.clear()  # noted here, and there will be many
            event = _of_cloud_event(json.loads(request.body))
            loop.call_soon_threadsafe(self._take_all, self.seen["webhook"], [event])
            return Answered()

        receiver.answer = answer

    async def relay(self, url: str) -> None:
        """Read the stream of the relay by a durable consumer."""
        seen = self.seen["relay"]
        async with connected(url) as client:
            subscription = None
            while True:
                with suppress(nats.errors.Error, TimeoutError):
                    jetstream = client.jetstream(timeout=2)
                    subscription = subscription or await jetstream.pull_subscribe(
                        SUBJECTS, durable="soak", stream=STREAM, config=ConsumerConfig(ack_wait=PATIENCE)
                    )
                    for message in await subscription.fetch(200, timeout=1):
                        event = _of_cloud_event(json.loads(message.data))
                        assert message.metadata.sequence.stream == event["position"]
                        self._take_all(seen, [event])
                        await message.ack()
                await asyncio.sleep(0)

    async def _page(self, client: Client, seen: Seen) -> None:
        limit, wait = self._choose.choice([1, 20, 300]), self._choose.choice([0, 1, 5])
        if page := await client.expect("GET", f"/v1/feed?after={seen.position}&limit={limit}&wait={wait}"):
            self._take_all(seen, page["events"])
        if not (page and page["events"]):
            await asyncio.sleep(PAUSE)

    def _take_all(self, seen: Seen, events: Sequence[Event]) -> None:
        for event in events:
            seen.take(event["position"], recorded(event))


def _of_cloud_event(sent: Event) -> Event:
    """Return the event as the feed has it."""
    return {"position": int(sent["sequence"]), "recorded_at": sent["recordedtime"], **sent["data"]}
