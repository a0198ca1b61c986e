"""What a ledger takes as it grows: bytes by table, filling, backup, export, rebuild and start (`make bench-sizes`).

The ledgers are those of `test_asof.py`. Sizes are as filled, not compacted: what a ledger takes on a server.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest

from service.storage.layout import LOG
from tests.benchmarks.ours import runner
from tests.benchmarks.test_asof import DATABASES, LARGEST, filled
from tests.migrations import migrate
from tests.postgres_servers import programs
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.benchmarks.servers import Postgres

pytestmark = pytest.mark.benchmark

SIZES = sorted({size for size in (10_000, 100_000) if size < LARGEST} | {LARGEST})
MB = 2**20
_GROUPS = {
    LOG: "log",
    "state": "states",
    "version": "versions",
    "facet": "found by",
    "event_index": "found by",
    "bearing": "postures",
    "posture": "postures",
    "issue_published": "postures",
}
_SHOWN = ("log", "states", "versions", "found by", "postures", "rest")
_OF_SQLITE = """SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
    WHERE d.aggregate = 1 GROUP BY s.tbl_name"""
_OF_POSTGRES = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"


class Taken(NamedTuple):
    """What a ledger takes: bytes by group of tables, and seconds for each kind of work."""

    bytes: Mapping[str, int]
    fill: float
    backup: float
    backup_bytes: int
    export: float
    export_bytes: int
    rebuild: float
    start: float


def test_sizes(postgres: Postgres, tmp_path: Path) -> None:
    """Print what ledgers take; each event takes at most half as much again in the largest as in the smallest."""
    found: dict[tuple[str, int], Taken] = {}
    for size in SIZES:
        for name in DATABASES:
            found[name, size] = _taken(name, size, postgres, tmp_path)
    _print(found)
    for name in DATABASES:
        least, most = (sum(found[name, size].bytes.values()) / size for size in (SIZES[0], SIZES[-1]))
        assert most < 1.5 * least, f"{name}: {least:,.0f} bytes an event, then {most:,.0f}"


def _taken(name: str, size: int, postgres: Postgres, folder: Path) -> Taken:
    file, backup, exported = (folder / each for each in ("ledger.db", "backup", "export"))
    url = postgres.migrated() if name == "PostgreSQL" else f"sqlite:///{file}"
    if name == "SQLite":
        migrate(url)
    with runner() as loop:
        fill = loop.run(filled(name, url, size)).seconds
    if name == "PostgreSQL":
        postgres.vacuum(url)
    saved = _timed(lambda: _back_up(url, backup))
    left = _timed(lambda: _parley("export", "--database-url", url, str(exported)))
    start = _timed(lambda: _start(url))
    sizes = _sizes(url)
    rebuild = _timed(lambda: _parley("rebuild", "--database-url", url))
    taken = Taken(sizes, fill, saved, backup.stat().st_size, left, exported.stat().st_size, rebuild, start)
    for path in folder.iterdir():
        path.unlink()
    return taken


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _back_up(url: str, file: Path) -> None:
    """Write a backup as docs/operations.md has it."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as ledger:
            ledger.execute("VACUUM INTO ?", (str(file),))
    else:
        command = [str(programs() / "pg_dump"), "--format=custom", f"--file={file}", url]
        subprocess.run(command, check=True, capture_output=True)


def _parley(*command: str) -> None:
    subprocess.run([sys.executable, "-m", "service", *command], check=True, capture_output=True)


def _start(url: str) -> None:
    """Start a service, which answers once it is there, and stop it."""
    with serving(url):
        pass


def _sizes(url: str) -> dict[str, int]:
    """Return the bytes of a ledger by group of tables, indexes included."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path)) as file:
            rows = file.execute(_OF_SQLITE).fetchall()
    else:
        with psycopg.connect(url) as connection:
            rows = connection.execute(_OF_POSTGRES).fetchall()
    sizes = dict.fromkeys(_SHOWN, 0)
    for table, size in rows:
        sizes[_GROUPS.get(table, "rest")] += size
    return sizes


def _print(found: Mapping[tuple[str, int], Taken]) -> None:
    print("\n### Bytes an event\n")
    print("| database | events | " + " | ".join(_SHOWN) + " | together | backup | export |")
    print("|---|" + "---:|" * (len(_SHOWN) + 4))
    for (name, size), taken in found.items():
        each = [taken.bytes[group] / size for group in _SHOWN]
        others = sum(each), taken.backup_bytes / size, taken.export_bytes / size
        print(f"| {name} | {size:,} | " + " | ".join(f"{one:,.0f}" for one in (*each, *others)) + " |")
    print("\n### Seconds (MB of the whole)\n")
    print("| database | events | MB | fill | events/s | back up | export | rebuild | start and stop |")
    print("|---|" + "---:|" * 8)
    for (name, size), taken in found.items():
        whole = sum(taken.bytes.values()) / MB
        seconds = (taken.backup, taken.export, taken.rebuild, taken.start)
        filling = f"{whole:,.0f} | {taken.fill:,.0f} | {size / taken.fill:,.0f}"
        print(f"| {name} | {size:,} | {filling} | " + " | ".join(f"{each:,.1f}" for each in seconds) + " |")
