"""One issue and its measures, as clients send them: the events of tests about editions and failovers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

Event = dict[str, Any]


def fact(change: str, item: str, **terms: Any) -> Event:  # noqa: ANN401 - the terms of any change
    head = {"type": change, "id": str(uuid4()), "issues": ["i"], "item": item, "occurred": "2025-01-01"}
    return head | {"reports": [{"outlet": "An outlet"}]} | terms


def opening() -> Event:
    return fact("issue.opened", "i", title="An issue", summary="It is one.", parties=["CN", "US"])


def imposed(item: str) -> Event:
    return fact(
        "restriction.imposed", item, imposed_by="US", against=["CN"], instrument="quota", goods=[{"name": "steel"}]
    )
