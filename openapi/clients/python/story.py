# ruff: noqa: INP001, T201, S101 - a script that shows and checks what happens
"""One matter from its opening to a live follower, with the generated client: `story.py URL`. Fails where it differs."""

from __future__ import annotations

import sys
from datetime import date
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING
from uuid import UUID

from parley_client import Client
from parley_client.api.between import get_between
from parley_client.api.changes import list_changes
from parley_client.api.events import append_events, correct_event, list_events
from parley_client.api.issues import open_issue
from parley_client.api.restrictions import get_restriction
from parley_client.models import (
    Batch,
    BatchExpectedVersions,
    Correction,
    Good,
    Instrument,
    IssueOpening,
    Party,
    Receipt,
    RecordedRecordCorrected,
    RecordedRestrictionImposed,
    RecordedRestrictionSuspended,
    Report,
    RestrictionChange,
    RestrictionImposed,
    RestrictionStatus,
    RestrictionSuspended,
)
from parley_client.types import UNSET
from parley_helpers import Refused, follow, items, ok, read_event

if TYPE_CHECKING:
    from parley_client.unions import FactEvent, RecordedEvent

ISSUE, ITEM = "trout-duty", "norway-trout-duty"
IMPOSED_ID = UUID("01957000-0000-7000-8000-000000000003")
PAPER = [Report(outlet="Fiskebladet", published="2025-03-13")]


def imposed(rate: float) -> RestrictionImposed:
    """Return the fact that the duty is imposed, at a rate in percent."""
    return RestrictionImposed(
        type_="restriction.imposed", id=IMPOSED_ID, issues=[ISSUE], item=ITEM, occurred="2025-03-10", reports=PAPER,
        imposed_by=Party.NO, against=[Party.IS], instrument=Instrument.TARIFF, rate_percent=rate,
        goods=[Good(name="trout", hs="030211")],
    )  # fmt: skip


def record(client: Client, event: FactEvent) -> Receipt:
    """Record one event."""
    answer = ok(append_events.sync(client=client, body=Batch(events=[event])))
    assert isinstance(answer, Receipt)
    return answer


def refused(client: Client, body: Batch, status: int, kind: str) -> None:
    """Send what the service must refuse, and meet the problem by its type."""
    problem = None
    try:
        ok(append_events.sync(client=client, body=body))
    except Refused as refusal:
        problem = refusal.problem
    assert problem, "the service took what it must refuse"
    assert (problem.status, problem.type_) == (status, kind)
    print(f"refused: {status} {kind}: {problem.detail}")


def main(url: str) -> None:
    """Run the story on the service at `url`, whose ledger is empty."""
    client = Client(base_url=url)
    opening = IssueOpening(
        id=ISSUE, title="Norwegian duty on Icelandic trout", summary="Norway charges a duty on trout from Iceland.",
        parties=[Party.NO, Party.IS], occurred="2025-03-04", reports=PAPER,
    )  # fmt: skip
    ok(open_issue.sync(client=client, body=opening))
    before = record(client, imposed(15)).position
    corrected = Correction(event=imposed(25), reason="The paper had the rate of last year.", reports=PAPER)
    after = ok(correct_event.sync(IMPOSED_ID, client=client, body=corrected)).position
    print(f"opened, recorded at {before}, corrected at {after}")

    rates = {}
    for day, known in ((date(2025, 3, 20), before), (date(2025, 3, 20), after)):
        state = ok(get_restriction.sync(ITEM, client=client, as_of=day, known_position=known))
        assert state.status is RestrictionStatus.IN_FORCE
        rates[known] = state.rate_percent
    assert rates == {before: 15, after: 25}, rates

    between = ok(get_between.sync(client=client, between="NO,IS", as_of=date(2025, 3, 20)))
    assert between.a_on_b.restriction
    assert [each.id for each in between.a_on_b.restriction] == [ITEM]
    changes = ok(list_changes.sync(client=client, from_=date(2025, 3, 1), to=date(2025, 3, 31), issue=ISSUE))
    changed = [each for each in changes.items if isinstance(each, RestrictionChange)]
    assert [(each.day, each.after.status) for each in changed] == [(date(2025, 3, 10), RestrictionStatus.IN_FORCE)]
    reading = read_event(client, IMPOSED_ID)
    assert isinstance(reading.records[0], RecordedRecordCorrected)
    assert isinstance(reading.now, RestrictionImposed)
    assert reading.now.rate_percent == 25  # noqa: PLR2004 - the corrected rate
    print(f"as known at {before} and {after}: {rates}; between NO and IS: {between.a_on_b.restriction[0].id}")

    seen: list[RecordedEvent] = []
    follower = Thread(target=lambda: seen.extend(islice(follow(client, after=before - 1), 3)), daemon=True)
    follower.start()
    suspended = RestrictionSuspended(
        type_="restriction.suspended", issues=[ISSUE], item=ITEM, occurred="2025-04-02", reports=PAPER
    )
    record(client, suspended)
    follower.join(timeout=60)
    kinds = (RecordedRestrictionImposed, RecordedRecordCorrected, RecordedRestrictionSuspended)
    assert [type(each) for each in seen] == [*kinds], seen
    listed = items(lambda cursor: list_events.sync(client=client, cursor=cursor or UNSET, limit=1))
    assert [each.position for each in listed] == [1, 2, 3, 4]
    print(f"followed live: {[each.type_ for each in seen]}")

    stale = BatchExpectedVersions()
    stale[ISSUE] = 1
    refused(client, Batch(events=[suspended], expected_versions=stale), 409, "/problems/version-conflict")
    no_day = RestrictionSuspended(
        type_="restriction.suspended", issues=[ISSUE], item=ITEM, occurred="2025-04-31", reports=PAPER
    )
    refused(client, Batch(events=[no_day]), 422, "/problems/malformed")


if __name__ == "__main__":
    main(sys.argv[1])
