"""Logs of so many events for those who read them whole: ours, message-db's and eventsourcing's, of the same events.

They are written as rows, past the write path, which is measured elsewhere: what is read is the same.
"""

from __future__ import annotations

import socket
import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import StoredEvent

from service.domain.rule.tokens import joined
from service.domain.vocabulary.dates import FOREVER
from service.storage.connect import connect
from service.storage.database import Commit, Head
from tests.benchmarks.peer_eventsourcing import EventSourcing
from tests.benchmarks.peer_message_db import MessageDb
from tests.benchmarks.workload import event_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from tests.benchmarks.workload import Workload

BATCH = 1_000
PIPELINED = 100
"""Events that eventsourcing writes at once: a thousand in its pipeline wait for each other for ever."""
COMMITTED = 20
"""Events of a commit, which have one instant."""
INSTANT = 1_750_000_000_000_000
DAY = 739_000
_MESSAGE = (
    "INSERT INTO message_store.messages (stream_name, position, id, type, data, metadata)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)
_CATEGORY = "SELECT * FROM message_store.get_category_messages($1::varchar, $2::bigint, $3::bigint)"


def events(workload: Workload, count: int) -> Iterator[tuple[UUID, str, bytes]]:
    """Make the id, type and JSON of so many events; bodies repeat after a while, ids do not."""
    bodies = workload.bodies(0, min(count, 20_000))
    for number in range(count):
        body = bodies[number % len(bodies)]
        id_ = UUID(int=(number + 1 << 80) | (7 << 76) | (2 << 62))
        yield id_, body.change, event_json(body.json).replace(event_json(body.json)[7:43], str(id_).encode(), 1)


async def fill(url: str, workload: Workload, count: int) -> None:
    """Write our log and its index."""
    database = connect(url)
    await database.open()
    head = Head(0, 0)
    made = events(workload, count)
    while batch := list(islice(made, BATCH)):
        commit = Commit()
        for position, (id_, change, json) in enumerate(batch, head.position + 1):
            instant = INSTANT + position // COMMITTED
            commit.rows["event"].append((position, id_.bytes, instant, json))
            tokens = joined([f"type:{change}", f"type:{change.partition('.')[0]}.*"])
            commit.rows["event_index"].append((position, DAY, DAY, tokens, 0, len(json)))
        last = Head(head.position + len(batch), INSTANT + (head.position + len(batch)) // COMMITTED)
        if not head.position:  # without an item its projections would be due
            commit.rows["item"].append((1, "an-item", "restriction", FOREVER, 0, FOREVER))
        assert await database.commit(head, last, commit)
        head = last
    await database.close()


_ASK = b"GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\nConnection: close\r\n\r\n"


class Read(NamedTuple):
    """A whole log read: so many events, in so many seconds."""

    events: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def read_lines(port: int) -> Read:
    """Read our log as NDJSON over a bare socket, counting lines; the last one must say that the log is whole."""
    lines, last, buffer, began = 0, b"", bytearray(1 << 19), time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as reading:
        reading.sendall(_ASK)
        while got := reading.recv_into(buffer):
            lines += buffer.count(b"}\n", 0, got) + (last.endswith(b"}") and buffer.startswith(b"\n"))
            last = (last + bytes(buffer[max(0, got - 200) : got]))[-200:]
    assert b'{"end":true,' in last
    return Read(lines - 1, time.perf_counter() - began)


class Messages(MessageDb):
    """message-db's log in one category, read by `get_category_messages`, a thousand a call over asyncpg."""

    def __init__(self, database_url: str, workload: Workload, sql: list[str], count: int) -> None:
        """`sql` as `peer_message_db.scripts` returns it."""
        super().__init__(database_url, workload, sql, one_category=True)
        self._count = count

    async def _fill(self) -> None:
        connection = await self._connect()
        rows = (
            (f"trade-{number % 500}", number // 500, id_, change, json.decode(), None)
            for number, (id_, change, json) in enumerate(events(self._workload, self._count))
        )
        while batch := list(islice(rows, BATCH)):
            await connection.executemany(_MESSAGE, batch)
        await connection.execute("ANALYZE message_store.messages")
        await connection.close()

    def read(self) -> Read:
        """Read the category from its beginning to its end."""
        return self._runner.run(self._read())

    async def _read(self) -> Read:
        connection = await self._connect()
        statement = await connection.prepare(_CATEGORY)
        count, after, began = 0, 1, time.perf_counter()
        while rows := await statement.fetch("trade", after, BATCH):
            count, after = count + len(rows), rows[-1]["global_position"] + 1
        took = time.perf_counter() - began
        await connection.close()
        return Read(count, took)


class Notifications(EventSourcing):
    """eventsourcing's log, read by `select_notifications`, a thousand a call: what its subscriptions read by."""

    def __init__(self, database_url: str, workload: Workload, count: int) -> None:
        """Nothing is opened yet."""
        super().__init__(database_url, workload, recorder_only=True)
        self._count = count

    def __enter__(self) -> Self:
        """Write the events, in 500 streams."""
        self._log = self._application(1)
        streams = [uuid4() for _ in range(500)]
        made = (
            StoredEvent(streams[number % 500], number // 500 + 1, change, json)
            for number, (_, change, json) in enumerate(events(self._workload, self._count))
        )
        while batch := list(islice(made, PIPELINED)):
            self._log.recorder.insert_events(batch)
        with psycopg.connect(self._url, autocommit=True) as admin:
            admin.execute("ANALYZE")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self._log.close()

    def read(self) -> Read:
        """Read the log from its beginning to its end."""
        count, began, after = 0, time.perf_counter(), 0
        while rows := self._log.recorder.select_notifications(after + 1, BATCH):
            count, after = count + len(rows), rows[-1].id
        return Read(count, time.perf_counter() - began)
