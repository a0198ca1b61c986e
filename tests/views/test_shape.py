"""The projections have a shape: a number that is raised when they change, and ledgers of another one are remade."""

import asyncio
import json
import socket
from functools import partial

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.rebuild.rebuild import digest
from service.storage import files
from service.storage.connect import connect
from service.views.shape import SHAPE
from tests.ledgers import opened

ISSUE = "rare-earth-export-restrictions"
FINGERPRINTS = {15: "fc2db8c34d73e23e509ddd076ede658a67db1994ec95276ad038d459d74905e8"}
"""The digest of the projections of all sets of seeds by the shape that they were written with."""


@pytest.mark.anyio
async def test_the_rows_are_those_of_the_shape(migrated_sqlite_url: str) -> None:
    """The projections have the fingerprint of their shape: when they change, raise SHAPE and note the new one here."""
    async with opened(migrated_sqlite_url) as ledger:
        for day, name in enumerate(("london", "us-china", "world")):
            lines = (files.data("seeds") / f"{name}.ndjson").read_bytes().splitlines()
            at = 1_750_000_000_000_000 + day * 1_000_000
            await ledger.append([json.loads(line) for line in lines], at=at)
        found = await digest(ledger.database)
    advice = f"The projections hold something else than shape {SHAPE} did: raise service.views.shape.SHAPE ({found})"
    assert FINGERPRINTS.get(SHAPE) == found, advice


def run_on(url: str, *words: str) -> Result:
    """Run a command on a ledger."""
    return CliRunner().invoke(cli, words, env={"PARLEY_DATABASE_URL": url})


async def spoil(url: str) -> None:
    """Turn a ledger into one whose projections another version wrote: another shape, and no candidate is found."""
    database = connect(url)
    await database.open()
    await database.execute("UPDATE ledger SET shape = shape - 1 RETURNING shape")
    await database.execute("DELETE FROM facet RETURNING item")
    await database.close()


def test_a_ledger_of_another_shape_is_not_read(migrated_url: str) -> None:
    """A ledger of another shape, whose answers would be wrong, is not opened before `parley migrate` remakes it."""
    run = partial(run_on, migrated_url)
    assert run("seed").exit_code == 0
    before = run("as-of", ISSUE, "--on", "2025-06-10").output
    asyncio.run(spoil(migrated_url))
    refused = run("as-of", ISSUE, "--on", "2025-06-10")
    assert (refused.exit_code, "run `parley migrate`" in refused.output) == (2, True)
    assert run("migrate").exit_code == 0
    assert run("as-of", ISSUE, "--on", "2025-06-10").output == before
    assert "identical" in run("rebuild").output


def test_serving_an_embedded_ledger_remakes_it(migrated_sqlite_url: str) -> None:
    """A file of another shape is remade before the service listens; here it cannot listen, which ends the command."""
    run = partial(run_on, migrated_sqlite_url)
    assert run("seed").exit_code == 0
    before = run("as-of", ISSUE, "--on", "2025-06-10").output
    asyncio.run(spoil(migrated_sqlite_url))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run("serve", "--port", str(taken.getsockname()[1]))
    assert "cannot listen" in refused.output
    assert run("as-of", ISSUE, "--on", "2025-06-10").output == before


def test_serving_leaves_a_server_database_as_it_is(migrated_postgres_url: str) -> None:
    """A database on a server, which another version may use, is remade by `parley migrate` only."""
    run = partial(run_on, migrated_postgres_url)
    assert run("seed").exit_code == 0
    asyncio.run(spoil(migrated_postgres_url))
    refused = run("serve", "--port", "0")
    assert (refused.exit_code, "run `parley migrate`" in refused.output) == (2, True)
