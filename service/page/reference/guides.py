"""The guides: what the document says of a matter, and requests to try it by. They answer on the set of London."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from service.api.spec.examples import ISSUE, ITEM
from service.page.reference.requests import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADING = re.compile(r"\*\*([^*]+)\.\*\* ")
_DAY, _EARLY = "2025-06-10", "2025-04-15"
_OWN_ID = "0199b0c2-7f5e-7d3a-9c55-2f1d6f0e4a01"
_REPORT = {"outlet": "Gazette", "published": _DAY, "kind": "official"}
_THREAT = {
    "type": "threat.made",
    "id": _OWN_ID,
    "issues": [ISSUE],
    "item": "china-threat-wider-controls",
    "occurred": "2025-06-09",
    "by": "CN",
    "against": ["US"],
    "action": "Controls on five more rare earths.",
    "reports": [_REPORT],
}
_DATED = {**{name: value for name, value in _THREAT.items() if name != "id"}, "occurred": "2025-06-08"}


class GuideStep(NamedTuple):
    """A request to try, with the question that it answers and the operation that it is of."""

    says: str
    operation: str
    request: ApiRequest


class Guide(NamedTuple):
    """A guide: its heading, the question it answers, the headings of the document that it explains, docs, and steps."""

    name: str
    title: str
    question: str
    explains: tuple[str, ...]
    docs: tuple[str, ...]
    steps: tuple[GuideStep, ...] = ()

    @property
    def url(self) -> str:
        """Return the path of its page."""
        return f"/schema/guides/{self.name}"


def _get(says: str, operation: str, path: str, **query: object) -> GuideStep:
    return GuideStep(says, operation, ApiRequest("GET", path, query))


def _send(says: str, operation: str, request: ApiRequest) -> GuideStep:
    return GuideStep(says, operation, request)


_EVENT = f"/v1/events/{_OWN_ID}"
GUIDES: tuple[Guide, ...] = (
    Guide(
        "questions", "The questions", "What stood between two partners on a day, at what rate, and who says so?",
        (), ("docs/questions.md", "docs/semantics.md"),
        (
            _get("What stood between the United States and China on 10 June 2025, and who says so?",
                 "get_between", "/v1/between", a="US", b="CN", as_of=_DAY),
            _get("Was the control of dysprosium in force on 15 April 2025? Possibly: the sources give the month only.",
                 "list_restrictions", "/v1/restrictions", good="dy", as_of=_EARLY),
            _get("Which commitments were open on 5 June, and on whose word?",
                 "list_commitments", "/v1/commitments", as_of="2025-06-05"),
            _get("What touches dysprosium on its way from China to the United States, and what is charged?",
                 "get_exposure", "/v1/exposure", good="dysprosium", origin="CN", destination="US", as_of=_DAY),
            _get("Where did a whole matter stand, with each of its items?",
                 "get_issue", f"/v1/issues/{ISSUE}", as_of=_DAY),
            _get("What changes, and what lapses, in the 90 days after 1 April?",
                 "list_changes", "/v1/changes", **{"from": "2025-04-01"}),
        ),
    ),
    Guide(
        "d-and-k", "D and K", "Which day is the question about, and how much counts as known?",
        ("D and K",), ("docs/semantics.md", "docs/http.md"),
        (
            _get("D alone: the control on 10 June 2025, as known now.",
                 "get_restriction", f"/v1/restrictions/{ITEM}", as_of=_DAY),
            _get("The same day, when the ledger had only its first eight events. This answer never changes.",
                 "get_issue", f"/v1/issues/{ISSUE}", as_of=_DAY, known_position=8),
            _get("The same day, by what had been published until then, whenever it was recorded.",
                 "get_issue", f"/v1/issues/{ISSUE}", as_of=_DAY, known_basis="published", known_at=_DAY),
            _send("The headers of an answer: `Link` has its frozen URL, `Ledger-Position` the position of the log.",
                  "get_restriction",
                  ApiRequest("GET", f"/v1/restrictions/{ITEM}", {"as_of": _DAY}, headers_shown=True)),
            _get("What the events after the eighth changed in what is known of 10 June.",
                 "get_diff", f"/v1/issues/{ISSUE}/diff", as_of=_DAY, known_from=8),
            _get("What was believed when: every day of an item, at every K.",
                 "list_restriction_versions", f"/v1/restrictions/{ITEM}/versions"),
        ),
    ),
    Guide(
        "recording", "Recording", "How does a fact get in, and how is a slip mended?",
        ("Recording", "Repeating", "Correcting"), ("docs/recording.md", "docs/story.md"),
        (
            _send("Try it: a dry run stores nothing, and answers what would be.",
                  "append_events", ApiRequest("POST", "/v1/events", {"dry_run": "true"}, {"events": [_THREAT]})),
            _send("Record it. The event has an `id` of its own, so a repeat is recognized.",
                  "append_events", ApiRequest("POST", "/v1/events", body={"events": [_THREAT]})),
            _get("See what it says now.", "get_threat", f"/v1/threats/{_THREAT['item']}", as_of=_DAY),
            _send("Correct it: the whole new text, and why.",
                  "correct_event",
                  ApiRequest("PUT", _EVENT, body={"event": _DATED, "reason": "The speech was a day earlier."})),
            _send("Add a source that denies it: the item is then contested.",
                  "add_reports",
                  ApiRequest("POST", f"{_EVENT}/reports", body={"reports": [{**_REPORT, "stance": "denies"}]})),
            _send("Take it back. The old text stays readable, and answers for an earlier K stay as they were.",
                  "retract_event", ApiRequest("DELETE", _EVENT, body={"reason": "It was an example."})),
        ),
    ),
    Guide(
        "following", "Following", "How does another service learn what is recorded?",
        ("Following",), ("docs/feed.md", "docs/consumers.md", "docs/webhooks.md", "docs/watches.md", "docs/relay.md"),
        (
            _get("Read the log from its beginning, ten events at a time; pass `next` as `after`.",
                 "read_feed", "/v1/feed", after=0, limit=10),
            _get("Wait up to ten seconds for what follows a position.", "read_feed", "/v1/feed", after=20, wait=10),
            _send("Get events as they are recorded. It goes on until you stop it.",
                  "stream_feed", ApiRequest("GET", "/v1/feed/stream", {"after": 0}, streams=True)),
            _send("Let the service keep your place: make a consumer, and move it when you have processed a page.",
                  "move_consumer", ApiRequest("PUT", "/v1/consumers/newsroom", body={"position": 0})),
            _get("See how far it is.", "get_consumer", "/v1/consumers/newsroom"),
        ),
    ),
    Guide(
        "every-request", "Every request", "What holds for paging, errors, keys and traces?",
        ("Paging", "Errors", "Access", "Traces"),
        ("docs/access.md", "docs/http.md", "docs/limits.md", "docs/operations.md"),
    ),
)  # fmt: skip


def paragraphs(description: str) -> dict[str, str]:
    """Return the paragraphs of the description of the document by their headings; those without one are under ""."""
    found: dict[str, str] = {}
    for part in re.split(r"\n\s*\n", description):
        match = _HEADING.match(part)
        name = match[1] if match else ""
        text = part[match.end() :] if match else part
        found[name] = f"{found[name]}\n\n{text}" if name in found else text
    return found


def explained(guide: Guide, description: str) -> list[tuple[str, str]]:
    """Return what the document says under the headings of a guide; the last guide has every heading of no other."""
    said = paragraphs(description)
    names: Iterable[str] = guide.explains
    if guide is GUIDES[-1]:
        taken = {name for each in GUIDES for name in each.explains}
        names = [*names, *[name for name in said if name and name not in taken]]
    return [(name, said[name]) for name in names if name in said]
