"""What benchmarks share: one durable PostgreSQL and one workload a run."""

from __future__ import annotations

import faulthandler
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import report, servers
from tests.benchmarks.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """One PostgreSQL for all contenders."""
    with servers.postgres() as running:
        print(f"\n\n{report.machine()}\nPostgreSQL {running.version}: {servers.SETTINGS}")
        yield running


@pytest.fixture(scope="session")
def workload() -> Workload:
    """The events that every contender appends."""
    return Workload()


@pytest.fixture(autouse=True)
def _unhurried() -> None:
    """Benchmarks take minutes: no stack dump as of a test that hangs."""
    faulthandler.cancel_dump_traceback_later()
