"""What is done to the processes while everybody works, by a schedule that a seed decides."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load.commands import in_thread, rebuild
from tests.load.running import Running
from tests.processes import PATIENCE, POLL

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from tests.load.readers import FrozenAnswers
    from tests.postgres_servers import Postgres
    from tests.servers import Server

REST = (2.0, 5.0)
"""Seconds between one fault and the next: at least, at most."""
DOWN_MAX = 2.0
"""Seconds that a database is down, or a process paused, at most."""
FAILOVER_AT = 0.5
"""When the primary fails for good, as a share of the time."""
CAUGHT_UP = """
SELECT coalesce(bool_or(sync_state = 'sync' AND flush_lsn >= pg_current_wal_flush_lsn()), false)
FROM pg_stat_replication
"""
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley'"


@dataclass
class Cluster(Running):
    """The processes: the database is a primary with a standby until the failover."""

    primary: Postgres
    standby: Postgres | None


class Faults:
    """Does one thing after the other, in a thread: a process is started again before the next one is touched."""

    def __init__(self, cluster: Cluster, choose: random.Random, answers: FrozenAnswers, *, pauses: bool) -> None:
        """`pauses` also pauses the database, which needs a service that has deadlines."""
        self._cluster, self._choose, self._answers, self._findings = cluster, choose, answers, answers.findings
        self._deck: list[Callable[[], None]] = []
        self._all = [
            self._kill_server, self._kill_server, self._kill_server, self._stop_server, self._pause_server,
            self._kill_database, self._stop_database, self._terminate, self._terminate,
            self._rebuild, self._rebuild, self._kill_relay,
        ]  # fmt: skip
        if pauses:
            self._all.append(self._pause_database)

    async def run(self, seconds: float) -> None:
        """Go on for so long, with one failover in between."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            failed = self._cluster.standby is None
            fault = self._failover if not failed and passed > seconds * FAILOVER_AT else self._next()
            await in_thread(fault)
            await asyncio.sleep(min(self._choose.uniform(*REST), max(began + seconds - time.monotonic(), 0)))
            self._supervise()

    def _supervise(self) -> None:
        """Start the relay again if it has ended, as what runs it does: it needs the database when it starts."""
        if not self._cluster.relay.is_running():
            self._cluster.relay.launch()

    def _next(self) -> Callable[[], None]:
        """Take the next fault: each comes up before one comes again."""
        if not self._deck:
            self._deck = self._choose.sample(self._all, len(self._all))
        return self._deck.pop()

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        self._answers.now = f"during: {what}"
        began = time.monotonic()
        yield
        self._findings.count(f"faults: {what}")
        print(f"  {what} ({time.monotonic() - began:.1f} s)", flush=True)
        self._answers.now = f"after: {what}"

    def _server(self) -> Server:
        return self._choose.choice(self._cluster.servers)

    def _kill_server(self) -> None:
        server = self._server()
        with self._noted("server killed"):
            server.kill()
            server.start()

    def _stop_server(self) -> None:
        server = self._server()
        with self._noted("server stopped"):
            if code := server.stop():
                self._findings.wrong("processes that ended wrongly", f"exit code {code} of a server")
            server.start()

    def _pause_server(self) -> None:
        server = self._server()
        with self._noted("server paused"):
            server.pause()
            time.sleep(self._choose.uniform(0, DOWN_MAX))
            server.resume()

    def _kill_relay(self) -> None:
        with self._noted("relay killed"):
            self._cluster.relay.kill()
            self._cluster.relay.launch()

    def _kill_database(self) -> None:
        with self._noted("database killed"):
            self._cluster.primary.kill()
            self._start_database()

    def _stop_database(self) -> None:
        with self._noted("database stopped"):
            self._cluster.primary.stop()
            self._start_database()

    def _start_database(self) -> None:
        time.sleep(self._choose.uniform(0, DOWN_MAX))
        self._cluster.primary.start()

    def _pause_database(self) -> None:
        with self._noted("database paused"):
            self._cluster.primary.pause()
            time.sleep(self._choose.uniform(DOWN_MAX, 3 * DOWN_MAX))
            self._cluster.primary.resume()

    def _terminate(self) -> None:
        with self._noted("connections terminated"):
            self._cluster.primary.execute(TERMINATE)

    def _rebuild(self) -> None:
        with self._noted("rebuild"):
            code, text = rebuild(self._cluster.url)
            if code or "CHANGED" in text:
                self._findings.wrong("rebuilds that changed something", text)

    def _failover(self) -> None:
        """Let the primary fail for good, and its standby take its place.

        Commits that the primary had when it was killed before are shown once it is up again, acknowledged or not. So
        the standby has caught up with these first, as a watch over both would wait for before it counts on it.
        """
        standby = self._cluster.standby
        assert standby is not None
        with self._noted("failover"):
            deadline = time.monotonic() + PATIENCE
            while self._cluster.primary.execute(CAUGHT_UP) != [(True,)]:
                assert time.monotonic() < deadline, standby.log()
                time.sleep(POLL)
            self._cluster.primary.kill()
            standby.promote()
            self._cluster.primary, self._cluster.standby = standby, None
