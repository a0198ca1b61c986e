"""A backup is made while the ledger takes facts; what is restored from it is the beginning of the log."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.access.holders import parley
from tests.postgres_servers import programs
from tests.processes import PATIENCE
from tests.servers import facts, openings, plain_client, read_feed, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.conftest import PostgresServer
    from tests.servers import Server

pytestmark = pytest.mark.slow

BEFORE, AFTER = 80, 20
"""Appends before the backup begins, and at least so many after it has ended."""
FACTS = 400
READS = (
    "/v1/restrictions?as_of=2025-12-31",
    "/v1/issues?as_of=2025-06-10",
    "/v1/restrictions/measure-1/versions?limit=5",
)


class Writer:
    """Sends facts one by one, from a thread."""

    def __init__(self, server: Server) -> None:
        """Begin with the issues that the facts are about."""
        self._server = server
        self.position = 0
        """The last position that was acknowledged."""
        self._moved, self._stopped = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait_for(self, position: int) -> None:
        """Wait until so many events are acknowledged."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.position >= position, PATIENCE)

    def stop(self) -> None:
        """Stop after the request under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        with plain_client(self._server.url) as client:
            for event in ([each] for each in [*openings(), *facts(3, FACTS)]):
                if self._stopped.is_set():
                    return
                sent = client.post("/v1/events", json={"events": event}).raise_for_status().json()
                with self._moved:
                    self.position = sent["position"]
                    self._moved.notify_all()


@contextmanager
def writing(server: Server) -> Iterator[Writer]:
    """Write while the block runs."""
    writer = Writer(server)
    try:
        yield writer
    finally:
        writer.stop()


def backed_up(url: str, folder: Path, restored_url: str) -> None:
    """Back a ledger up as docs/operations.md says, and restore it to another database."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as live:
            live.execute("VACUUM INTO ?", [restored_url.removeprefix("sqlite:///")])
        return
    dump = str(folder / "ledger.dump")
    for command in (
        ["pg_dump", "--format=custom", f"--file={dump}", f"--dbname={url}"],
        ["pg_restore", "--exit-on-error", f"--dbname={restored_url}", dump],
    ):
        done = subprocess.run([str(programs() / command[0]), *command[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def restored_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the same kind."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    url = postgres.create()
    yield url
    postgres.drop(url)


def answers(client: httpx.Client, position: int) -> list[Any]:
    """Return answers as known at a position; without the cursor to the next page, which is one of its ledger."""
    found = [client.get(f"{path}&known_position={position}").raise_for_status().json() for path in READS]
    return [answer | {"next": answer["next"] is not None} for answer in found]


@pytest.mark.row(69)
def test_what_is_restored_is_the_beginning_of_the_log(migrated_url: str, restored_url: str, tmp_path: Path) -> None:
    """All that was acknowledged before the backup is in it, whole commits, and it answers the same."""
    with serving(migrated_url) as server:
        with writing(server) as writer:
            writer.wait_for(BEFORE)
            before = writer.position
            backed_up(migrated_url, tmp_path, restored_url)
            after = writer.position
            writer.wait_for(after + AFTER)
        log = read_feed(server.url)
        assert parley(restored_url, "migrate").exit_code == 0
        rebuilt = parley(restored_url, "rebuild", "--restored")
        assert rebuilt.exit_code == 0, rebuilt.output
        with serving(restored_url) as restored, plain_client(restored.url) as client, plain_client(server.url) as live:
            found = read_feed(restored.url)
            assert before <= len(found) <= after + 1
            assert found == log[: len(found)]
            assert answers(client, len(found)) == answers(live, len(found))
            ready, original = client.get("/readyz").json(), live.get("/readyz").json()
            assert ready["ledger"] == original["ledger"]
            assert ready["epoch"] > original["epoch"]
            added = client.post("/v1/events", json={"events": [facts(4, 1)[0] | {"item": "after"}]})
            assert added.json()["position"] == len(found) + 1


def test_an_export_of_a_running_ledger_is_whole(migrated_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """It is the beginning of the log with its end line; a ledger of any kind made from it answers the same."""
    copy = f"{sqlite_url}.copy"
    with serving(migrated_url) as server, plain_client(server.url) as live:
        with writing(server) as writer:
            writer.wait_for(BEFORE)
            before = writer.position
            exported = parley(migrated_url, "export", str(tmp_path / "log.ndjson"))
            assert exported.exit_code == 0, exported.output
            after = writer.position
        log = read_feed(server.url)
        imported = parley(copy, "import", str(tmp_path / "log.ndjson"))
        assert imported.exit_code == 0, imported.output
        with serving(copy) as restored, plain_client(restored.url) as client:
            found = read_feed(restored.url)
            assert before <= len(found) <= after + 1
            assert found == log[: len(found)]
            assert answers(client, len(found)) == answers(live, len(found))
            assert client.get("/readyz").json()["ledger"] != live.get("/readyz").json()["ledger"]
