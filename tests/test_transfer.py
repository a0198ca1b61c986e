"""Export and import: any ledger to any other, order, ids and instants kept."""

import asyncio
import io
import json
import random
import shutil
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from service import transfer
from service.app import create_app
from service.rebuild.rebuild import digest
from service.settings import Settings
from service.storage import files
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import opened
from tests.strategies import cut, histories

LONDON = (files.data("seeds") / "london.ndjson").read_bytes().splitlines()
DAY = date(2025, 6, 10)


async def exported(url: str) -> bytes:
    """Export a ledger."""
    async with opened(url) as ledger:
        out = io.BytesIO()
        await transfer.export(ledger.database, out)
        return out.getvalue()


async def imported(url: str, lines: list[bytes]) -> transfer.Imported:
    """Import lines into a ledger."""
    async with opened(url) as ledger:
        return await transfer.import_(ledger.database, ledger.ledger, lines)


@pytest.mark.anyio
async def test_an_export_comes_back_byte_for_byte(
    migrated_sqlite_url: str, migrated_postgres_url: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """From SQLite to PostgreSQL and back every byte stays: ids, order, positions, instants, commits of several."""
    async with opened(migrated_sqlite_url) as ledger:
        for start in (0, 3, 4, 11):
            stop = {0: 3, 3: 4, 4: 11, 11: 20}[start]
            await ledger.append([json.loads(line) for line in LONDON[start:stop]])
    first = await exported(migrated_sqlite_url)
    assert await imported(migrated_postgres_url, first.splitlines()) == (20, 0)
    assert await exported(migrated_postgres_url) == first
    back = tmp_path / "back.db"
    shutil.copyfile(sqlite_template, back)
    assert await imported(f"sqlite:///{back}", first.splitlines()) == (20, 0)
    assert await exported(f"sqlite:///{back}") == first
    assert len({json.loads(line)["recorded_at"] for line in first.splitlines()}) == 4


@pytest.mark.anyio
async def test_what_the_first_edition_took_can_be_imported(migrated_url: str) -> None:
    """An end by its month and a second opening of an issue come with a recorded line, not with a new one."""
    lines = [json.loads(line) for line in LONDON]
    opening = next(line for line in lines if line["type"] == "issue.opened")
    measure = next(line for line in lines if line["type"] == "restriction.imposed")
    old = [opening, opening | {"id": str(UUID(int=1))}, measure | {"until": "2030-06", "issues": opening["issues"]}]
    stamp = {"position": 1, "recorded_at": "2026-01-01T00:00:00.000000Z"}
    stamped = [json.dumps(line | stamp).encode() for line in old]
    fresh = [json.dumps(line).encode() for line in old]
    with pytest.raises(transfer.ImportStopped) as stopped:
        await imported(migrated_url, fresh)
    assert "line 2: #/item" in str(stopped.value)
    assert "line 3: #/until" in str(stopped.value)
    assert await imported(migrated_url, fresh[:1]) == (1, 0)
    assert await imported(migrated_url, stamped) == (2, 1)


@pytest.mark.anyio
async def test_importing_twice_changes_nothing(migrated_url: str) -> None:
    """The second import of the same events records none of them."""
    assert await imported(migrated_url, LONDON) == (20, 0)
    once = await exported(migrated_url)
    assert await imported(migrated_url, LONDON) == (0, 20)
    assert await exported(migrated_url) == once


@pytest.mark.anyio
async def test_what_is_missing_is_added(migrated_url: str) -> None:
    """An import into a ledger that has some of the events records the others after them."""
    await imported(migrated_url, LONDON[:7])
    assert await imported(migrated_url, LONDON) == (13, 7)
    async with opened(migrated_url) as ledger:
        assert [event["id"] for event in await ledger.log()] == [json.loads(line)["id"] for line in LONDON]


@pytest.mark.anyio
async def test_seed_loads_a_set_by_name(migrated_sqlite_url: str) -> None:
    """The London set is loaded whole, and answers."""
    async with opened(migrated_sqlite_url) as ledger:
        assert await transfer.seed(ledger.database, ledger.ledger, "london") == (20, 0)
        state = await ledger.item("round", "us-china-talks-london", DAY)
        assert state is not None
        assert (state["status"], state["contested"]) == ("in_session", True)


def spoilt(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return the fourth event with changes; None leaves a member out."""
    event = json.loads(LONDON[3]) | changes
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def other(number: int) -> bytes:
    """Return the fourth event again, of another id and item."""
    return spoilt(id=str(UUID(int=number)), item=f"control-{number}")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        (b"{", ["line 4: not JSON"]),
        (b"[]", ["line 4: expected an object, got an array"]),
        (b"[" * 100_000, ["line 4: not JSON: nested too deep"]),
        (b'{"type":"issue.opened","type":"issue.opened"}', ["line 4: #/type: given more than once"]),
        (spoilt(occurred="2025-02-30"), ["line 4: #/occurred: there is no day 2025-02-30"]),
        (spoilt(colour="red", reports=None), ["line 4: #/colour", "line 4: #/reports"]),
        (spoilt(issues=["no-such-issue"]), ["line 4: #/issues/0: there is no issue no-such-issue"]),
        (spoilt(recorded_at="yesterday"), ["line 4: #/recorded_at", "line 4: #/position"]),
        (spoilt(recorded_at="2025-02-30T00:00:00.000000Z", position=4), ["line 4: #/recorded_at: there is no"]),
        (spoilt(**{"a/b": 1}), ["line 4: #/a~1b: "]),
    ],
)
async def test_a_bad_line_is_named_with_its_faults(migrated_sqlite_url: str, bad: bytes, reasons: list[str]) -> None:
    """An import stops at the first line that cannot be recorded and says which and why, with its batch unrecorded."""
    with pytest.raises(transfer.ImportStopped) as refused:
        await imported(migrated_sqlite_url, [*LONDON[:3], bad])
    for reason in reasons:
        assert reason in str(refused.value)
    assert await exported(migrated_sqlite_url) == b""


@pytest.mark.anyio
async def test_other_content_under_a_known_id_is_refused(migrated_sqlite_url: str) -> None:
    """A line whose id is recorded with another text is named, not passed over in silence."""
    await imported(migrated_sqlite_url, LONDON)
    with pytest.raises(transfer.ImportStopped, match=r"^line 4: #/id: .*other content$"):
        await imported(migrated_sqlite_url, [*LONDON[:3], spoilt(note="Another text."), *LONDON[4:]])


@pytest.mark.anyio
async def test_every_bad_line_of_a_batch_is_named(migrated_sqlite_url: str) -> None:
    """The faults of several lines are listed together, in the order of the file."""
    bad = [spoilt(occurred="2025-02-30"), LONDON[4], spoilt(colour="red", imposed_by="ZZ"), b"nothing"]
    with pytest.raises(transfer.ImportStopped) as refused:
        await imported(migrated_sqlite_url, [*LONDON[:3], *bad])
    named = [reason.split(": ")[:2] for reason in str(refused.value).splitlines()]
    assert named == [
        ["line 4", "#/occurred"],
        ["line 6", "#/imposed_by"],
        ["line 6", "#/colour"],
        ["line 7", "not JSON"],
    ]


@pytest.mark.anyio
async def test_nothing_after_a_bad_line_is_recorded(migrated_sqlite_url: str) -> None:
    """Batches before the bad one stay recorded, and the refusal says how many events that were."""
    filler = [other(number) for number in range(1, 1_998)]
    lines = [
        *LONDON[:3],
        *filler,
        spoilt(issues=["no-such-issue"]),
        LONDON[4],
    ]
    with pytest.raises(transfer.ImportStopped, match=r"^line 2001: #/issues/0") as refused:
        await imported(migrated_sqlite_url, lines)
    assert refused.value.done == (2_000, 0)
    assert len((await exported(migrated_sqlite_url)).splitlines()) == 2_000


def stamped(line: bytes, position: int, recorded_at: str) -> bytes:
    """Write a line as an export has it."""
    return json.dumps({"position": position, "recorded_at": recorded_at} | json.loads(line)).encode()


@pytest.mark.anyio
async def test_instants_must_rise_and_leave_room(migrated_sqlite_url: str) -> None:
    """A file whose instants go back is refused at that line, and so is an instant after which few are left."""
    back = [stamped(LONDON[0], 1, "2025-06-12T10:00:00.000000Z"), stamped(LONDON[1], 2, "2025-06-12T09:00:00.000000Z")]
    with pytest.raises(transfer.ImportStopped, match=r"^line 2: #/recorded_at: 2025-06-12T09.*not after 2025-06-12T10"):
        await imported(migrated_sqlite_url, back)
    with pytest.raises(transfer.ImportStopped, match=r"^line 2: #/recorded_at: 9999-01-01.*leaves no instant"):
        await imported(migrated_sqlite_url, [back[0], stamped(LONDON[1], 2, "9999-01-01T00:00:00.000000Z")])
    assert len((await exported(migrated_sqlite_url)).splitlines()) == 1


@pytest.mark.anyio
async def test_an_interrupted_import_is_resumed(migrated_url: str) -> None:
    """An import into a ledger that has only the beginning of the file adds the rest with its instants."""
    instants = [f"2025-06-12T10:00:{number // 3:02}.000000Z" for number in range(len(LONDON))]
    whole = [stamped(line, at + 1, instants[at]) for at, line in enumerate(LONDON)]
    assert await imported(migrated_url, whole[:9]) == (9, 0)
    assert await imported(migrated_url, whole) == (11, 9)
    assert [json.loads(line)["recorded_at"] for line in (await exported(migrated_url)).splitlines()] == instants


@pytest.mark.anyio
async def test_into_a_ledger_of_its_own_facts_instants_are_new(migrated_sqlite_url: str) -> None:
    """A ledger that has other events keeps its own time: what is added is recorded now."""
    await imported(migrated_sqlite_url, [LONDON[1]])
    lines = [stamped(line, at, f"2025-06-12T10:00:{at:02}.000000Z") for at, line in enumerate(LONDON, 1)]
    assert await imported(migrated_sqlite_url, lines) == (19, 1)
    log = [json.loads(line) for line in (await exported(migrated_sqlite_url)).splitlines()]
    assert [event["position"] for event in log] == list(range(1, 21))
    assert not any(event["recorded_at"].startswith("2025-06-12T10:00") for event in log)


@pytest.mark.anyio
async def test_a_commit_of_more_than_a_thousand_stays_one(migrated_url: str) -> None:
    """A group commit of the source is one commit here, however large; its facts may stand before their issue."""
    texts = [*(other(number) for number in range(1, 1_500)), LONDON[0]]
    lines = [stamped(line, at, "2025-06-12T10:00:00.000000Z") for at, line in enumerate(texts, 1)]
    assert await imported(migrated_url, lines) == (1_500, 0)
    async with opened(migrated_url) as ledger:
        assert len(await ledger.database.fetch("SELECT position FROM commit_mark")) == 1


@pytest.mark.anyio
async def test_events_without_ids_are_known_the_next_time(migrated_sqlite_url: str) -> None:
    """An id that a file does not have is made from the content, so importing the file again changes nothing."""
    nameless = [spoilt(id=None), spoilt(id=None, note="Said again in other words."), spoilt(id=None)]
    assert await imported(migrated_sqlite_url, [*LONDON[:3], *nameless]) == (5, 1)
    assert await imported(migrated_sqlite_url, [*LONDON[:3], *nameless]) == (0, 6)


@pytest.mark.anyio
async def test_what_was_recorded_apart_may_come_together(migrated_url: str) -> None:
    """Events recorded in several batches are recognized when they come as one, without the openings."""
    async with opened(migrated_url) as ledger:
        for line in LONDON:
            await ledger.append([json.loads(line)])
    assert await imported(migrated_url, [LONDON[3], LONDON[8], LONDON[14]]) == (0, 3)


@thorough(0.1)
@given(history=histories(), seed=st.integers(0, 9))
def test_whatever_was_recorded_comes_back(
    history: list[dict[str, Any]], seed: int, sqlite_template: Path, postgres_server: PostgresServer,
    postgres_template: str, tmp_path: Path,
) -> None:  # fmt: skip
    """Any history, appended by several at once, is the same after SQLite, PostgreSQL and SQLite again."""
    there, back = (tmp_path / f"{random.getrandbits(64)}.db" for _ in range(2))
    for path in (there, back):
        shutil.copyfile(sqlite_template, path)
    between = postgres_server.create(postgres_template)

    async def run() -> None:
        async with opened(f"sqlite:///{there}") as ledger:
            await asyncio.gather(*(ledger.append(batch) for batch in cut(history, seed)))
        first = await exported(f"sqlite:///{there}")
        await imported(between, first.splitlines())
        second = await exported(between)
        await imported(f"sqlite:///{back}", second.splitlines())
        assert first == second == await exported(f"sqlite:///{back}")
        found = set()
        for url in (f"sqlite:///{there}", between, f"sqlite:///{back}"):
            async with opened(url) as ledger:
                found.add(await digest(ledger.database))
        assert len(found) == 1

    try:
        asyncio.run(run())
    finally:
        postgres_server.drop(between)


@pytest.mark.anyio
async def test_the_feed_as_lines_is_taken_as_it_is(migrated_url: str, sqlite_template: Path, tmp_path: Path) -> None:
    """The feed as lines can be imported with its last line; one with lines missing is refused by their count."""
    here = tmp_path / "here.db"
    shutil.copyfile(sqlite_template, here)
    await imported(f"sqlite:///{here}", LONDON)
    with TestClient(create_app(Settings(database_url=f"sqlite:///{here}"))) as client:
        lines = client.get("/v1/feed", headers={"accept": "application/x-ndjson"}).content.splitlines()
    assert len(lines) == len(LONDON) + 1
    with pytest.raises(transfer.ImportStopped, match=r"line 20: #/count: 20 events were sent, and 19 stand before it"):
        await imported(migrated_url, [*lines[:5], *lines[6:]])
    assert await imported(migrated_url, lines) == (20, 0)
    assert (await exported(migrated_url)).splitlines() == lines[:-1]
