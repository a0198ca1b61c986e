"""An append on its way: a client's batch, and the answer that its writer waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from service.domain.errors import Refused, Unavailable
from service.domain.vocabulary.events import id_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from uuid import UUID

    from service.domain.errors import Fault
    from service.domain.vocabulary.events import Fact, Record
    from service.eventlog.log import Stored


class AppendResult(NamedTuple):
    """The recorded events, the warnings about them, and whether they had been recorded before."""

    events: list[Stored]
    warnings: list[Fault]
    repeated: bool


@dataclass(eq=False, slots=True)
class Request:
    """An append on its way; its events have their ids.

    `given` are the ids that the client gave. `look_up` asks to look for all of them in the log. `own` is true where
    those found in the log may be this request's own commit. `recorded` are the events found. `outcome` is set when the
    request is decided. `refused` is set when the request is too much work, whatever the others are. `bounded` is false
    for a copy of what another ledger recorded.
    """

    events: Sequence[Fact | Record]
    expected: dict[str, int]
    answer: asyncio.Future[AppendResult]
    given: frozenset[UUID]
    recorded_at: int | None = None
    look_up: bool = False
    own: bool = False
    recorded: dict[UUID, Stored] = field(default_factory=dict)
    outcome: AppendResult | Refused | None = None
    refused: Refused | None = None
    bounded: bool = True

    def ids(self) -> list[UUID]:
        """Return the ids of its events."""
        return [id_of(event) for event in self.events]

    def fail(self, cause: Exception) -> None:
        """Answer the writer that the ledger cannot record it now."""
        if not self.answer.done():
            refusal = Unavailable("the ledger could not record this now; it is safe to try again with the same ids")
            refusal.__cause__ = cause
            self.answer.set_exception(refusal)

    def resolve(self) -> None:
        """Answer the writer with the outcome."""
        if self.answer.done():
            return
        if isinstance(self.outcome, AppendResult):
            self.answer.set_result(self.outcome)
        elif self.outcome is not None:
            self.answer.set_exception(self.outcome)
