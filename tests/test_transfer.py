"""Export and import: any ledger to any other, order, ids and instants kept."""

import io
import json
from datetime import date
from typing import Any

import pytest

from service import transfer
from service.storage import files
from tests.ledgers import opened

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
async def test_an_export_comes_back_byte_for_byte(migrated_sqlite_url: str, migrated_postgres_url: str) -> None:
    """From SQLite to PostgreSQL every byte stays: ids, order, positions and instants, also of commits of several."""
    async with opened(migrated_sqlite_url) as ledger:
        for start in (0, 3, 4, 11):
            stop = {0: 3, 3: 4, 4: 11, 11: 20}[start]
            await ledger.append([json.loads(line) for line in LONDON[start:stop]])
    first = await exported(migrated_sqlite_url)
    assert await imported(migrated_postgres_url, first.splitlines()) == (20, 0)
    assert await exported(migrated_postgres_url) == first
    assert len({json.loads(line)["recorded_at"] for line in first.splitlines()}) == 4


@pytest.mark.anyio
async def test_importing_twice_changes_nothing(migrated_url: str) -> None:
    """The second import of the same events records none of them."""
    assert await imported(migrated_url, LONDON) == (20, 0)
    once = await exported(migrated_url)
    assert await imported(migrated_url, LONDON) == (0, 20)
    assert await exported(migrated_url) == once


@pytest.mark.anyio
async def test_what_is_missing_is_added(migrated_url: str) -> None:
    """An import into a ledger that has some of the events records the others behind them."""
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
    """Give the fourth event with changes; None leaves a member out."""
    event = json.loads(LONDON[3]) | changes
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        (b"{", ["line 4: not JSON"]),
        (b"[]", ["line 4: not a JSON object"]),
        (spoilt(occurred="2025-02-30"), ["line 4: #/occurred: there is no day 2025-02-30"]),
        (spoilt(colour="red", reports=None), ["line 4: #/colour", "line 4: #/reports"]),
        (spoilt(issues=["no-such-issue"]), ["line 4: #/issues/0: there is no issue no-such-issue"]),
        (spoilt(recorded_at="yesterday"), ["line 4: #/recorded_at"]),
    ],
)
async def test_a_bad_line_is_named_with_its_faults(migrated_sqlite_url: str, bad: bytes, reasons: list[str]) -> None:
    """An import stops at the first line that cannot be recorded and says which and why, with its batch unrecorded."""
    with pytest.raises(transfer.BadLine) as refused:
        await imported(migrated_sqlite_url, [*LONDON[:3], bad])
    for reason in reasons:
        assert reason in str(refused.value)
    assert await exported(migrated_sqlite_url) == b""


@pytest.mark.anyio
async def test_other_content_under_a_known_id_is_refused(migrated_sqlite_url: str) -> None:
    """A line whose id is recorded with another text is not passed over in silence."""
    await imported(migrated_sqlite_url, LONDON)
    with pytest.raises(transfer.BadLine, match="other content"):
        await imported(migrated_sqlite_url, [spoilt(note="Another text.")])
