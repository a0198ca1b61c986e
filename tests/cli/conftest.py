"""Ledgers with the sets, and commands on them."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import transfer
from tests.cli.running import Run, on_ledger
from tests.ledgers import opened
from tests.servers import serving

SETS = ("london", "us-china", "world")


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a ledger with all the sets, which is only read."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('loaded') / 'parley.db')}"

    async def load() -> None:
        async with opened(url) as ledger:
            for name in SETS:
                await transfer.seed(ledger.database, ledger.ledger, name)

    asyncio.run(load())
    return url


@pytest.fixture(scope="module")
def server(loaded: str) -> Iterator[str]:
    """Return the URL of a service on that ledger."""
    with serving(loaded) as running:
        yield running.url


@pytest.fixture
def parley(loaded: str) -> Run:
    """Run commands on the ledger with the sets."""
    return on_ledger(loaded)
