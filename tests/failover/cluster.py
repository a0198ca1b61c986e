"""A cluster on one machine: a primary with two standbys, three NATS servers, three services, a relay."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import migrations
from tests.brokers import Broker, RelayProcess, brokers
from tests.load.running import Running
from tests.postgres_servers import RETRY, Postgres, postgres_servers, together
from tests.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeAlias

    from tests.postgres_servers import Place, PostgresServers

    Room: TypeAlias = Callable[[PostgresServers], AbstractContextManager[Place]]
    """Makes the place of the first primary, before that is made."""

STANDBYS = 2
BROKERS = 3
SERVERS = 3
KEPT = RETRY | {"wal_keep_size": "512MB"}
"""What a standby lacks is still there when it follows another primary."""


@dataclass
class Cluster(Running):
    """The processes, and which of the databases is the primary."""

    primary: Postgres
    standbys: list[Postgres]
    brokers: list[Broker]

    def fence(self) -> None:
        """Let no standby receive anything more: from now on the primary can acknowledge nothing that waits for one."""
        for each in self.standbys:
            each.cut_off()

    def promote(self) -> None:
        """Make the standby that has received the most the primary, and let the others follow it."""
        chosen = max(self.standbys, key=Postgres.received)
        self.standbys = [each for each in self.standbys if each is not chosen]
        chosen.promote()
        for each in self.standbys:
            each.follow(chosen)
        self.primary = chosen


@contextmanager
def cluster(folder: Path, room: Room, *, synchronous: bool) -> Iterator[Cluster]:
    """Run a cluster; where it is synchronous, each commit waits for one of the standbys, whoever is the primary."""
    with ExitStack() as stack:
        databases = stack.enter_context(postgres_servers())
        nats = stack.enter_context(brokers(folder, BROKERS))
        place = stack.enter_context(room(databases))
        primary = databases.primary(place, **KEPT)
        stack.callback(primary.close)  # before its place is gone
        migrations.migrate(primary.url)
        standbys = [databases.standby(primary, **KEPT) for _ in range(STANDBYS)]
        if synchronous:
            _wait_for_one(primary, *standbys)
        url, copies = together(primary, *standbys), together(*standbys, attributes="any")
        servers = [Server(url) for _ in range(SERVERS - 1)] + [Server(url, "--read-url", copies)]
        nats_url = ",".join(each.url for each in nats)
        relay = RelayProcess(url, nats_url, "--replicas", str(BROKERS))
        for process in (*servers, relay):
            stack.callback(process.close)
            process.launch()
        for server in servers:
            server.wait_ready()
        yield Cluster(url, servers, relay, nats_url, None, primary, standbys, nats)


def _wait_for_one(*servers: Postgres) -> None:
    names = ", ".join(each.name for each in servers)
    for each in servers:
        each.require(names=f"ANY 1 ({names})")
