"""Events as clients send them: what every one needs is filled in, and each field can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.ledgers import Event

REPORTS = [{"outlet": "A ministry"}]


def event(kind: str, item: str, *issues: str, **fields: object) -> Event:
    """Make an event with an id of its own."""
    shared = {"id": str(uuid4()), "type": kind, "issues": list(issues), "item": item}
    return {**shared, "occurred": "2025-06-01", "reports": REPORTS, **fields}


def opening(issue: str, **fields: object) -> Event:
    return event("issue.opened", issue, issue, title="A", summary="B", parties=["CN"], **fields)


def imposed(item: str, *issues: str, **fields: object) -> Event:
    terms = {"imposed_by": "CN", "instrument": "quota", "goods": [{"name": "terbium"}]}
    return event("restriction.imposed", item, *issues, **(terms | fields))


def eased(item: str, *issues: str, **fields: object) -> Event:
    return event("restriction.eased", item, *issues, **fields)


def record(change: str, target: Event, **fields: object) -> Event:
    """Make a record on an event."""
    return {"id": str(uuid4()), "type": f"record.{change}", "target": target["id"], **fields}


def corrected(target: Event, new: Event, **fields: object) -> Event:
    """Make a correction: the new text has no id of its own."""
    return record("corrected", target, event={name: value for name, value in new.items() if name != "id"}, **fields)
