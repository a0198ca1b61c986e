"""What was made from one edition of a ledger is not used in another: after a rebuild, after a backup was restored."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from service.app import create_app
from service.cli import cli
from service.rebuild.rebuild import rebuild
from service.settings import Settings
from tests.eventlog.measures import fact, imposed, opening
from tests.ledgers import opened

Event = dict[str, Any]
DAY = date(2025, 6, 1)
ITEMS = 40


def rebuild_by_command(url: str) -> str:
    return CliRunner().invoke(cli, ["rebuild", "--restored"], env={"PARLEY_DATABASE_URL": url}).output


@pytest.mark.row(1, 44)
@pytest.mark.anyio
async def test_an_append_that_waited_for_a_rebuild_closes_what_the_rebuild_made(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retraction sent while a rebuild runs takes the item away, and the projections are those of the log."""
    monkeypatch.setattr("service.rebuild.rebuild.GROUP", 1)
    facts = [imposed(f"m{number}") for number in range(ITEMS)]
    retractions: list[asyncio.Task[Any]] = []
    async with opened(migrated_url) as ledger, opened(migrated_url) as other:
        await ledger.append([opening(), *facts])
        retraction = {"type": "record.retracted", "id": str(uuid4()), "target": facts[0]["id"]}

        def retract_beside(*_: int) -> None:
            if not retractions:
                retractions.append(asyncio.create_task(other.append([retraction])))

        await rebuild(ledger.database, retract_beside)
        await asyncio.gather(*retractions)
        assert await ledger.item("restriction", "m0", DAY) is None
        assert await ledger.item("restriction", "m1", DAY) is not None
        assert (await rebuild(ledger.database)).same


@pytest.mark.row(3)
def test_an_answer_of_projections_that_were_remade_is_not_used_again(migrated_url: str) -> None:
    """Where a rebuild raises the epoch, a frozen URL has another tag, and the tag from before is not confirmed."""
    with TestClient(create_app(Settings(database_url=migrated_url))) as client:
        client.post("/v1/events", json={"events": [opening(), imposed("a")]}).raise_for_status()
        path = "/v1/restrictions/a?as_of=2025-06-01&known_position=2"
        before, ready = client.get(path), client.get("/readyz").json()
        assert client.get(path, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
        assert "identical" in rebuild_by_command(migrated_url)
        assert client.get("/readyz").json() == ready | {"epoch": ready["epoch"] + 1}
        after = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
        assert (after.status_code, after.json()) == (200, before.json())
        assert after.headers["ETag"] != before.headers["ETag"]


def copy(source: str, target: str) -> None:
    """Copy one SQLite file over another as `.backup` and `.restore` do."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


@pytest.mark.row(2)
def test_a_backup_restored_under_a_running_service_is_noticed(migrated_sqlite_url: str) -> None:
    """Answers and further facts rest on the restored log, whether or not it has grown as far as the lost one."""
    live = migrated_sqlite_url.removeprefix("sqlite:///")
    for further in (2, 3, 4):
        with TestClient(create_app(Settings(database_url=migrated_sqlite_url))) as client:
            name, ghost = f"a{further}", f"ghost{further}"
            first = [imposed(name)] if further > 2 else [opening(), imposed(name)]
            position = client.post("/v1/events", json={"events": first}).raise_for_status().json()["position"]
            copy(live, f"{live}.backup")
            lost = [fact("restriction.lifted", name, occurred="2025-02-01"), imposed(ghost)]
            client.post("/v1/events", json={"events": lost}).raise_for_status()
            path = f"/v1/restrictions/{name}?as_of=2025-06-01"
            frozen = f"{path}&known_position={position + 1}"
            gone = client.get(frozen)
            assert gone.json()["status"] == "lifted"
            epoch = client.get("/readyz").json()["epoch"]
            copy(f"{live}.backup", live)
            for number in range(further):
                extended = fact("restriction.extended", name, occurred=f"2025-01-1{number}")
                event = extended if number else imposed(f"other{further}")
                client.post("/v1/events", json={"events": [event]}).raise_for_status()
            assert client.get(path).json()["status"] == "in_force"
            assert client.get(f"/v1/restrictions/{ghost}").status_code == 404
            assert client.get("/readyz").json()["epoch"] == epoch + 1
            again = client.get(frozen, headers={"If-None-Match": gone.headers["ETag"]})
            assert (again.status_code, again.json()["status"]) == (200, "in_force")
        assert "identical" in rebuild_by_command(migrated_sqlite_url)
