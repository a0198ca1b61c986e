"""An answer as it is asked for and compared, and the change from one to the next as a CloudEvent."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from service.domain.vocabulary import instants

if TYPE_CHECKING:
    from service.feed.cloudevents import Origin
    from service.watches.reach import Reach

ITEMS_MAX: Final = 1_000
"""Items that an answer may have to be watched: those of the largest page."""
BYTES_MAX: Final = 1024 * 1024
"""Bytes that an answer may have to be watched."""
TYPE: Final = "parley.answer.changed"
_BASIS = ("as_of", "known_at", "known_position", "known_basis", "note", "not_compared_url")
"""Members that say when an answer is from, in which two of the same content may differ."""


class GivenAnswer(NamedTuple):
    """An answer: the status of GET, `url` the frozen URL, `body` the JSON, which is empty unless the status is 200.

    413 stands for an answer of more items or bytes than are compared, 422 for a question that is refused: its `url` is
    the question.
    """

    url: str
    status: int
    body: bytes = b""

    def digest(self) -> str:
        """Return a text that is the same for answers that differ in nothing but their basis."""
        if self.status != HTTPStatus.OK:
            return str(self.status)
        members: dict[str, Any] = msgspec.json.decode(self.body)
        for name in _BASIS:
            members.pop(name, None)
        if members.get("next") is not None:
            members["next"] = ""
        return f"{self.status}:{hashlib.sha256(msgspec.json.encode(members)).hexdigest()}"


class Questions(Protocol):
    """Asks questions, each the path and query of a GET without D and K."""

    async def ask(self, question: str, day: int, position: int) -> GivenAnswer:
        """Return the answer as of a day (an ordinal) as known at a position; raises what GET is refused with."""

    def reach(self, question: str, day: int) -> Reach:
        """Return which events may change the answer as of a day."""


def status_of(digest: str) -> int:
    """Return the status of the answer of a digest."""
    return int(digest.partition(":")[0])


class ChangedAnswer(NamedTuple):
    """A change of the answer to the question of a watch: its number counts the answers from 1, so the first is 2.

    `position` is the K of the answer after it; `at` when it was found, in microseconds since 1970 UTC.
    """

    watch: str
    version: int
    number: int
    id: str
    position: int
    at: int
    question: str
    before_url: str
    before_digest: str
    before: bytes
    after_url: str
    after_digest: str
    after: bytes

    def cloud_event(self, origin: Origin) -> bytes:
        """Return the change as a CloudEvent; `before` and `after` are answers as GET of their URLs has them."""
        data = {
            "watch": self.watch,
            "question": self.question,
            "number": self.number - 1,
            "before_url": self.before_url,
            "before_status": status_of(self.before_digest),
            "before": _raw(self.before),
            "after_url": self.after_url,
            "after_status": status_of(self.after_digest),
            "after": _raw(self.after),
        }
        members = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"{origin.public_url}/v1/watches/{self.watch}",
            "type": TYPE,
            "subject": self.watch,
            "time": instants.text(self.at),
            "ledgerid": origin.ledger,
            "ledgerepoch": origin.epoch,
            "datacontenttype": "application/json",
            "data": data,
        }
        return msgspec.json.encode(members)


def _raw(body: bytes) -> msgspec.Raw | None:
    return msgspec.Raw(body) if body else None
