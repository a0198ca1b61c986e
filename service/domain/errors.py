"""The refusals of the ledger, as facts; the HTTP layer turns each into a problem document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence


FAULTS_MAX = 100
"""Faults that a refusal lists; where there are more, the last one says how many."""


class Fault(NamedTuple):
    """One thing wrong with an input: `path` leads to it (keys and indexes), `detail` says what is wrong."""

    path: tuple[str | int, ...]
    detail: str

    @property
    def pointer(self) -> str:
        """Return the path as a JSON pointer in a URI fragment (RFC 6901, section 6)."""
        return "#" + "".join([f"/{_step(step)}" for step in self.path])

    def within(self, *path: str | int) -> Fault:
        """Return the fault as one of a larger input, in which a path leads to this one."""
        return Fault((*path, *self.path), self.detail)


def _step(step: str | int) -> str:
    return quote(str(step).replace("~", "~0").replace("/", "~1"), safe="!$&'()*+,;=:@?")


class Refused(Exception):  # noqa: N818 - named as the refused condition, not as an error
    """The ledger does not take this; nothing was stored."""


class NotJson(Refused):
    """The input is not JSON: bad syntax, not UTF-8, a lone surrogate, or nested too deep."""

    def __init__(self, detail: str) -> None:
        """`detail` says what is wrong, with the byte where it is known."""
        super().__init__(detail)
        self.detail = detail


class Malformed(Refused):
    """The input breaks the vocabulary or names what does not exist; each fault has its path."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep every fault, in the order of the input."""
        super().__init__("; ".join(f"{'/'.join(map(str, fault.path))}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


class TooMuchWork(Malformed):
    """The states that the input would change, or an item that it would leave, are beyond a bound."""


class TooMuchToAnswer(Refused):
    """A question as published needs more work than an answer may take; the message says what to ask instead."""


class VersionConflict(Refused):
    """An issue has moved on from the version the writer expected."""

    def __init__(self, expected: dict[str, int], actual: dict[str, int]) -> None:
        """Both by issue slug; a version is the number of recorded events that name the issue."""
        super().__init__(f"expected {expected}, found {actual}")
        self.expected, self.actual = expected, actual


class EventChanged(Refused):
    """An event has had another record after the position up to which the writer saw the log."""

    def __init__(self, seen: int, actual: int) -> None:
        """`seen` is the position up to which the writer saw the log, `actual` that of the last record on the event."""
        super().__init__(
            f"The event has had a record at position {actual}, after {seen}, the last that If-Match names."
        )
        self.seen, self.actual = seen, actual


class EventIdConflict(Refused):
    """An event id is taken by other content, or a batch is part old, part new."""

    def __init__(self, detail: str, ids: Sequence[str]) -> None:
        """`ids` are those already recorded."""
        super().__init__(detail)
        self.detail, self.ids = detail, tuple(ids)


class KeyReused(Refused):
    """An Idempotency-Key is that of a recorded request, and what is sent with it now is another."""

    def __init__(self, ids: Sequence[str]) -> None:
        """`ids` are those of the events that the recorded request brought."""
        super().__init__(f"the key of {', '.join(ids)}")
        self.ids = tuple(ids)


class TooEarly(Refused):
    """An instant of recording is not after the last one; both in microseconds since 1970 UTC."""

    def __init__(self, asked: int, last: int) -> None:
        """`asked` is the instant wanted, `last` that of the head."""
        super().__init__(f"{asked} is not after {last}")
        self.asked, self.last = asked, last


class UnknownEvent(Refused):
    """No recorded event has this id."""

    def __init__(self, event_id: str) -> None:
        """`event_id` as the request has it."""
        super().__init__(event_id)
        self.event_id = event_id


class KnowledgeAhead(Refused):
    """The asked K lies beyond what is recorded: the answer could still change."""

    def __init__(self, asked: str, head: int) -> None:
        """`asked` as written in the question; `head` is the last position."""
        is_position = asked.replace("=", " ").rpartition(" ")[2].isdecimal()
        beyond = f"lies beyond the head, {head}" if is_position else "is not past yet: more may be known then"
        super().__init__(f"{asked} {beyond}")
        self.asked, self.head = asked, head


class OtherLog(Refused):
    """The event that a follower goes on after is not in this log: the log was set back, or it is another ledger's."""

    def __init__(self, asked: str, position: int) -> None:
        """`asked` is the place as it is written; `position` is that of its event."""
        super().__init__(
            f"The event at {asked} is not in this log. The log was set back, or the place is from another ledger. "
            "Go on after an event that both logs have, or begin again."
        )
        self.asked, self.position = asked, position


class Unavailable(Exception):  # noqa: N818 - a condition, not a fault of the caller
    """The ledger cannot answer now; the caller may try again."""
