"""Examples for the OpenAPI document: requests that the service takes as they stand, answers of the form it gives."""

from __future__ import annotations

from typing import Any

ISSUE = "rare-earth-export-restrictions"
ITEM = "china-seven-rare-earths-control"
ITEMS = {
    "round": "us-china-talks-geneva", "call": "trump-xi-call-june-2025", "statement": "trump-on-both-sides-conduct",
    "demand": "us-demand-open-chinese-market", "offer": "us-offer-ease-chip-sales", "restriction": ITEM,
    "commitment": "china-commitment-reopen-rare-earths", "threat": "us-threat-raise-fentanyl-tariff",
    "agreement": "geneva-truce", "clearance": "three-us-carmakers-clearance",
    "investigation": "ad-cvd-r-125-investigation", "dispute": "wto-ds316-airbus",
}  # fmt: skip
"""An item of the seeds for each kind; `AS_OF` is a day on which all of them are known."""
AS_OF = {"as_of": "2025-06-10"}
SEED_ID = "8bfd53aa-1f3a-58f3-b96a-1ae07768df7c"
"""The event that imposed `ITEM`, in the seeds."""
EVENT_ID = "0197a2f0-3c50-7a10-8f00-000000000001"
OPENING_ID = "0197a2f0-3c50-7a10-8f00-000000000000"
INSTANT = "2025-06-10T12:00:00.000000Z"

REPORT: dict[str, Any] = {"outlet": "Reuters", "published": "2025-06-10", "language": "en", "kind": "named"}
OPENED: dict[str, Any] = {
    "type": "issue.opened",
    "id": OPENING_ID,
    "issues": [ISSUE],
    "item": ISSUE,
    "occurred": "2025-06-05",
    "reports": [REPORT],
    "title": "China's rare-earth export restrictions",
    "summary": "Export controls on seven rare earth elements.",
    "parties": ["CN", "US"],
}
IMPOSED: dict[str, Any] = {
    "type": "restriction.imposed",
    "id": EVENT_ID,
    "issues": [ISSUE],
    "item": ITEM,
    "occurred": "2025-04",
    "reports": [REPORT],
    "imposed_by": "CN",
    "against": ["US"],
    "instrument": "export_control",
    "goods": [{"name": "dysprosium", "element": "Dy"}],
}
BATCHES: dict[str, Any] = {"an issue and a restriction": {"events": [OPENED, IMPOSED]}}
CORRECTIONS: dict[str, Any] = {
    "a date made exact": {
        "event": {name: value for name, value in IMPOSED.items() if name != "id"} | {"occurred": "2025-04-04"},
        "reason": "The notice gives the day.",
    }
}
RETRACTIONS: dict[str, Any] = {
    "a source that takes it back": {
        "reason": "The agency withdrew its report.",
        "reports": [{"outlet": "Reuters", "published": "2025-06-12", "kind": "named"}],
    }
}
REPORTS: dict[str, Any] = {
    "another source": {"reports": [{"outlet": "Xinhua", "published": "2025-04-04", "kind": "official"}]}
}
ISSUES: dict[str, Any] = {
    "an issue": {
        "id": "chip-export-controls",
        "title": "US chip export controls",
        "summary": "Controls on sales of advanced chips to China.",
        "parties": ["US", "CN"],
        "occurred": "2025-06-09",
        "reports": [REPORT],
    }
}
REVISIONS: dict[str, Any] = {"a new title": {"title": "Rare earths and magnets", "reports": [REPORT]}}

RECORDED: dict[str, Any] = {"position": 2, "recorded_at": INSTANT, **IMPOSED}
LEDGER = "0198f9c2-6b1e-4c5e-9a39-5a4f0d7f5b11"
RECEIPT: dict[str, Any] = {
    "position": 2,
    "recorded_at": INSTANT,
    "ledger": LEDGER,
    "epoch": 0,
    "events": [RECORDED],
    "warnings": [],
}
BASIS: dict[str, Any] = {
    "as_of": "2025-06-10",
    "known_at": INSTANT,
    "known_position": 2,
    "known_basis": "recorded",
}
TIMEMAP = f'''</v1/issues/{ISSUE}?as_of=2025-06-10>; rel="original timegate",
</v1/issues/{ISSUE}?as_of=2025-06-10&known_position=1>; rel="memento"; datetime="Tue, 10 Jun 2025 12:00:00 GMT"'''
EVENT_PAGE: dict[str, Any] = {"items": [RECORDED], "next": None, **BASIS, "as_of": None}
EVENT: dict[str, Any] = {**RECORDED, "records": [], "now": IMPOSED, **BASIS, "as_of": None}
FEED: dict[str, Any] = {"events": [RECORDED], "next": 2, "head": 2}
CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": EVENT_ID,
    "source": "https://parley.example/v1/events",
    "type": "parley.restriction.imposed.v1",
    "subject": ITEM,
    "time": "2025-04-01T00:00:00Z",
    "recordedtime": INSTANT,
    "sequence": "00000000000000000002",
    "ledgerid": LEDGER,
    "ledgerepoch": 0,
    "datacontenttype": "application/json",
    "dataschema": "https://parley.example/schema/events/restriction.imposed.v1.json",
    "data": IMPOSED,
}
CONSUMER: dict[str, Any] = {
    "name": "newsroom",
    "position": 1,
    "place": f"1@{INSTANT}",
    "moved_at": INSTANT,
    "head": 2,
    "lag": {"events": 1, "seconds": 0.25},
}
CONSUMERS: dict[str, Any] = {"items": [CONSUMER], "next": None}
MOVES: dict[str, Any] = {
    "a new consumer at the beginning": {"position": 0},
    "a move from where it was seen": {"position": 1, "expected": 0},
}

_CERTAIN: dict[str, Any] = {"certainty": "certain", "alternatives": []}
_NOTHING_TO_COME: dict[str, Any] = {"upcoming": [], "upcoming_more": 0, "next_change": None}


def _resting_on(fact: dict[str, Any], *sets: str) -> dict[str, Any]:
    """Return the members of a state that rests on one fact."""
    shown = {name: fact[name] for name in ("id", "type", "occurred")}
    facts = [{**shown, "contested": False, "sets": ["status", *sets], "reports": fact["reports"]}]
    return {"contested": False, "incomplete": False, "ruling": fact["id"], "facts": facts, **_NOTHING_TO_COME}


_CONTROL: dict[str, Any] = {
    "id": ITEM,
    "kind": "restriction",
    "issues": [ISSUE],
    "status": "in_force",
    "since": "2025-04",
    **_CERTAIN,
    "imposed_by": "CN",
    "against": ["US"],
    "instrument": "export_control",
    "goods": [{"name": "dysprosium", "element": "Dy"}],
    "applies": "full",
    "ever_in_force": True,
    "ever_in_force_certainty": "certain",
    **_resting_on(IMPOSED, "against", "goods", "imposed_by", "instrument"),
}
ISSUE_ANSWER: dict[str, Any] = {
    "id": ISSUE,
    "kind": "issue",
    "issues": [ISSUE],
    "status": "open",
    "since": "2025-06-05",
    **_CERTAIN,
    "title": OPENED["title"],
    "summary": OPENED["summary"],
    "parties": ["CN", "US"],
    **_resting_on(OPENED, "parties", "summary", "title"),
    "version": 2,
    "posture": "restricted",
    "posture_certainty": "certain",
    "items": {
        "restriction": [_CONTROL],
    },
    "next": None,
    **BASIS,
}
ISSUES_ANSWER: dict[str, Any] = {
    "items": [{name: value for name, value in ISSUE_ANSWER.items() if name not in {"items", "next", *BASIS}}],
    "next": None,
    **BASIS,
}

_KNOWN: dict[str, Any] = {name: value for name, value in BASIS.items() if name != "as_of"}
_TOLD: dict[str, Any] = {"modality": "asserted", "contested": False, "corrected": False}
TIMELINE: dict[str, Any] = {
    "items": [
        {"position": 2, "recorded_at": INSTANT, "kind": "restriction", **_TOLD, **IMPOSED},
        {"position": 1, "recorded_at": INSTANT, "kind": "issue", **_TOLD, **OPENED},
    ],
    "next": None,
    "as_of": None,
    **_KNOWN,
}
DIFF: dict[str, Any] = {
    "items": [{"id": ITEM, "kind": "restriction", "changed": [*_CONTROL], "before": None, "after": _CONTROL}],
    "next": None,
    "from": "2025-03-31",
    "to": "2025-06-10",
    "as_of": None,
    **_KNOWN,
}
CHANGES: dict[str, Any] = {
    "items": [
        {
            "day": "2025-11-10", "on": "2025-11-10", "item": ITEM, "kind": "restriction", "issues": [ISSUE],
            "before": {"status": "in_force", "terms": {}}, "after": {"status": "expired", "terms": {}},
            "event": EVENT_ID, "type": "restriction.announced", "because": "end", "certainty": "certain",
        }
    ],
    "next": None,
    "from": "2025-11-01",
    "to": "2026-01-30",
    "as_of": None,
    **_KNOWN,
}  # fmt: skip
EXPOSURE: dict[str, Any] = {
    "items": [_CONTROL],
    "next": None,
    "charge": {
        "percent": None,
        "parts": [],
        "cleared": [],
        "displaced": [],
        "complete": False,
        "why": ["1 duty could not be compared with the good: section-301-list-200bn"],
    },
    "not_compared": 1,
    "not_compared_url": "/v1/exposure?hs=284690&origin=CN&destination=US&as_of=2025-06-10&known_position=2&compared=no",
    **BASIS,
}
BETWEEN: dict[str, Any] = {
    "a_on_b": {},
    "b_on_a": {"restriction": [_CONTROL]},
    "both": {},
    "next": None,
    **BASIS,
}

_WEBHOOK: dict[str, Any] = {"id": "compliance-desk", "url": "https://receiver.example/parley", "type": "restriction.*"}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - an example  # nosec B105
SUBSCRIBINGS: dict[str, Any] = {"every change of a restriction": _WEBHOOK}
RESUBSCRIBINGS: dict[str, Any] = {
    "paused": {"state": "paused"},
    "another filter, and going on": {"filter": {"party": "CN"}, "state": "active"},
}
ROTATIONS: dict[str, Any] = {"a secret that the service makes": {}}
REPLAYS: dict[str, Any] = {"from the beginning": {"after": 0}}
SUBSCRIPTION: dict[str, Any] = {
    **_WEBHOOK,
    "position": 2,
    "head": 2,
    "lag": {"events": 0, "seconds": 0.0},
    "state": "active",
    "reason": None,
    "failures": 0,
    "due_at": None,
    "subscribed_at": INSTANT,
}
SUBSCRIPTIONS: dict[str, Any] = {"items": [SUBSCRIPTION], "next": None, "head": 2}
SUBSCRIPTION_MADE: dict[str, Any] = SUBSCRIPTION | {"secret": _SECRET}
DELIVERIES: dict[str, Any] = {
    "items": [
        {"position": 2, "event": EVENT_ID, "attempt": 1, "at": INSTANT, "took_ms": 12, "status": 204, "detail": None}
    ],
    "next": None,
}

_QUESTION = f"/v1/restrictions/{ITEM}"
WATCHINGS: dict[str, Any] = {"the state of one measure": {"question": _QUESTION, "deliver": "compliance-desk"}}
_LISTED_WATCH: dict[str, Any] = {
    "name": "rare-earths",
    **WATCHINGS["the state of one measure"],
    "asked_at": INSTANT,
    "as_of": "2025-06-10",
    "known_position": 2,
    "url": f"{_QUESTION}?as_of=2025-06-10&known_position=2",
    "status": 200,
    "undelivered": 0,
}
WATCH: dict[str, Any] = _LISTED_WATCH | {"answer": {**_CONTROL, **BASIS}}
WATCHES: dict[str, Any] = {"items": [_LISTED_WATCH], "next": None}
ANSWER_CHANGED: dict[str, Any] = {
    "specversion": "1.0",
    "id": EVENT_ID,
    "source": f"https://parley.example/v1/watches/{WATCH['name']}",
    "type": "parley.answer.changed",
    "subject": WATCH["name"],
    "time": INSTANT,
    "ledgerid": LEDGER,
    "ledgerepoch": 0,
    "datacontenttype": "application/json",
    "data": {
        "watch": WATCH["name"],
        "question": _QUESTION,
        "number": 1,
        "before_url": f"{_QUESTION}?as_of=2025-06-10&known_position=1",
        "before_status": 404,
        "before": None,
        "after_url": WATCH["url"],
        "after_status": 200,
        "after": WATCH["answer"],
    },
}
