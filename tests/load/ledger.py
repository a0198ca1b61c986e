"""What the ledger must have: what was acknowledged, where, and what may have been recorded though no answer came."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from tests.followers import Log, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.findings import Findings

Event = dict[str, Any]

INSTANTS = 50


def recorded(event: Event) -> Event:
    """Return an event as it is recorded: the feed adds to a record what the record acts on, a receipt does not."""
    return {name: value for name, value in event.items() if name != "target_event"}


class Acknowledged:
    """The events of all receipts, by position, and the log that all followers see."""

    def __init__(self, findings: Findings) -> None:
        """Nothing is recorded yet."""
        self._findings = findings
        self.log = Log()
        self._ids = array("Q")
        """A mark of the id that was acknowledged first at each position; 0 where none was."""
        self.lost = 0
        """How many acknowledged events the log has lost since it was set back; `set_back` says so."""
        self._common, self._since = 0, ""
        self.uncertain: set[str] = set()
        """The reasons of records that were sent without an id and not answered: each is there once or not at all."""
        self.instants: list[str] = []
        """The last instants of recording."""

    @property
    def head(self) -> int:
        """Return the highest position that was acknowledged."""
        return len(self._ids)

    @property
    def count(self) -> int:
        """Return how many events were acknowledged that the log must have."""
        return len(self._ids) - self._ids.count(0)

    def set_back(self, position: int, instant: str) -> None:
        """Take note that the log goes on after a position, from an instant on: what it had more is lost."""
        self._common, self._since = position, instant
        self.lost += len(self._ids[position:]) - self._ids[position:].count(0)
        del self._ids[position:]
        self.log, self.instants = self.log.until(position), []

    def take(self, receipt: Event, sent: Sequence[str | None]) -> None:
        """Note a receipt, for events sent with these ids."""
        got = [event["id"] for event in receipt["events"]]
        if len(got) != len(sent) or any(one not in {None, other} for one, other in zip(sent, got, strict=True)):
            self._findings.wrong("requests refused", f"sent {sent}, acknowledged {got}")
            return
        for event in receipt["events"]:
            self._take(event["position"], event)
        self.instants = [*self.instants[-INSTANTS:], receipt["events"][-1]["recorded_at"]]

    def _take(self, position: int, event: Event) -> None:
        if position > self._common and event["recorded_at"] < self._since:  # answered before, and read afterwards
            self.lost += 1
            return
        self._ids.extend([0] * (position - len(self._ids)))
        before = self._ids[position - 1]
        self._ids[position - 1] = before or mark(event["id"])
        if before not in {0, mark(event["id"])} or not self.log.agrees(position, event):
            self._findings.wrong("acknowledged events elsewhere", f"{position}: {event['id']} was acknowledged too")

    def check(self, log: Final) -> None:
        """Compare with the log as it is at the end."""
        for position, id_ in enumerate(self._ids, 1):
            if id_ and id_ not in log.ids:
                self._findings.wrong("acknowledged events lost", f"position {position}")
            elif id_ and log.marks[position - 1] != id_:
                self._findings.wrong("acknowledged events elsewhere", f"position {position}")
        found = self.uncertain & log.reasons.keys()
        self._findings.count("records without an answer", len(self.uncertain))
        self._findings.count("records without an answer that were recorded", len(found))
        more = len(log.marks) - self.count - len(found)
        if more > 0:
            self._findings.wrong("events that nobody sent", f"{more} of {len(log.marks)}", more)


class Final:
    """The log as it is read at the end, event by event."""

    def __init__(self, seen: Log, findings: Findings) -> None:
        """`seen` is what followers and receipts have shown."""
        self._seen, self._findings = seen, findings
        self.marks = array("Q")
        self.ids: set[int] = set()
        self.reasons: dict[str, int] = {}
        """The position of each reason: every writer gives another one to each record."""
        self._instant = ""

    def take(self, event: Event) -> None:
        """Read the next event."""
        wrong, position, id_ = self._findings.wrong, event["position"], mark(event["id"])
        if position != len(self.marks) + 1:
            wrong("gaps in the log", f"{position} after {len(self.marks)}")
        if id_ in self.ids:
            wrong("events recorded twice", f"{position}: {event['id']}")
        reason = event.get("reason")
        if reason is not None and self.reasons.setdefault(reason, position) != position:
            wrong("events recorded twice", f"{position} and {self.reasons[reason]}: {reason}")
        if event["recorded_at"] < self._instant:
            wrong("instants that step back", f"{position}: {event['recorded_at']} after {self._instant}")
        if not self._seen.agrees(position, recorded(event)):
            wrong("events reordered for followers", f"{position}: another event was seen there")
        self._instant = event["recorded_at"]
        self.ids.add(id_)
        self.marks.append(id_)
