"""CloudEvents: attributes as CloudEvents 1.0 wants them, and the event untouched inside."""

import json
import re
from typing import Any
from uuid import UUID

import pytest

from service.api.spec.doc_pages import event_schemas
from service.domain.vocabulary.events import FACTS, RECORDS
from service.eventlog.log import Stored, log_pages
from service.feed.cloudevents import Origin, envelope
from service.storage import files
from tests.ledgers import opened

PUBLIC_URL = "https://parley.example"
ORIGIN = Origin(PUBLIC_URL, UUID("0198f9c2-6b1e-4c5e-9a39-5a4f0d7f5b11"), 3)
LONDON = [json.loads(line) for line in (files.data("seeds") / "london.ndjson").read_bytes().splitlines()]
EVENT = {
    "id": "01a20bc6-fda1-734e-92cd-49c273116062",
    "type": "restriction.imposed",
    "issues": ["rare-earths"],
    "item": "dysprosium",
    "occurred": "2025-04",
    "note": 'A "quoted" note: µ',
}


def sent(position: int = 42, **changes: str) -> dict[str, Any]:
    """Return the envelope of an event."""
    body = json.dumps(EVENT | changes, ensure_ascii=False).encode()
    text = envelope(Stored(position, 1_735_895_564_120_331, body), ORIGIN)
    assert text.endswith(b'"data":%s}' % body)
    found: dict[str, Any] = json.loads(text)
    return found


def test_attributes_are_those_of_the_event() -> None:
    """Every attribute has its place in one order, and the value of the event."""
    expected = {
        "specversion": "1.0",
        "id": EVENT["id"],
        "source": "https://parley.example/v1/events",
        "type": "parley.restriction.imposed.v1",
        "subject": "dysprosium",
        "time": "2025-04-01T00:00:00Z",
        "recordedtime": "2025-01-03T09:12:44.120331Z",
        "sequence": "00000000000000000042",
        "ledgerid": "0198f9c2-6b1e-4c5e-9a39-5a4f0d7f5b11",
        "ledgerepoch": 3,
        "datacontenttype": "application/json",
        "dataschema": "https://parley.example/schema/events/restriction.imposed.v1.json",
        "correlationid": 'a "b"',
        "causationid": "c",
    }
    found = sent(causation_id="c", correlation_id='a "b"')
    assert list(found.items())[:-1] == list(expected.items())
    assert list(found)[-1] == "data"


@pytest.mark.parametrize(
    ("occurred", "time"),
    [
        ("2025", "2025-01-01T00:00:00Z"),
        ("2025-06-10", "2025-06-10T00:00:00Z"),
        ("[2025-05-03..2025-05-09]", "2025-05-03T00:00:00Z"),
        ("[2025-05-03,2025-05-09]", "2025-05-03T00:00:00Z"),
        ("[..2025-05-09]", None),
    ],
)
def test_time_is_where_the_date_begins(occurred: str, time: str | None) -> None:
    """`time` is the first day that the date may mean; a date with an open start has none."""
    assert sent(occurred=occurred).get("time") == time


def test_what_an_event_has_not_is_left_out() -> None:
    """An attribute without a value is left out; none is null."""
    assert not {"correlationid", "causationid"} & sent().keys()
    assert None not in sent().values()


def test_sequences_compare_as_text() -> None:
    """Sequences as text have the order of the log."""
    positions = [1, 9, 10, 11, 99, 100, 2**63 - 1]
    written = [sent(position)["sequence"] for position in positions]
    assert sorted(written) == written


def test_every_type_has_a_schema() -> None:
    """The service has the schema that `dataschema` names, for every type of event."""
    given = dict(event_schemas(json.loads((files.data("openapi") / "openapi.json").read_bytes())))
    assert len(given) == len(FACTS | RECORDS)
    for name in FACTS | RECORDS:
        assert sent(type=name)["dataschema"].removeprefix(f"{PUBLIC_URL}/schema/events/") in given


@pytest.mark.anyio
async def test_recorded_events_are_cloudevents(migrated_url: str) -> None:
    """Every recorded event is a CloudEvent: allowed names, all required ones, and `data` as it was stored."""
    async with opened(migrated_url) as ledger:
        await ledger.append(LONDON)
        await ledger.append([{"type": "record.retracted", "target": LONDON[-1]["id"], "reason": "Twice."}])
        rows = [row async for page in log_pages(ledger.database) for row in page]
    assert len(rows) == len(LONDON) + 1
    for row in rows:
        found = json.loads(envelope(row, ORIGIN))
        assert found["data"] == json.loads(row.body)
        assert {"specversion", "id", "source", "type"} <= found.keys()
        assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in found)
        assert found["id"] == found["data"]["id"]
        assert int(found["sequence"]) == row.position
