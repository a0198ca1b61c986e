"""A state machine that records: facts, corrections, retractions, reports and disputes in any order, and refusals.

What is asked of it between the steps is in test_machine.py. A program that fails is shrunk to few steps; it names
events and items by the steps that brought them.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from service.domain.errors import Refused
from service.eventlog.head import head_of
from service.rebuild.rebuild import rebuild
from tests import oracle
from tests.ledgers import Opened, opened
from tests.strategies import (
    FIRST_DAY,
    ISSUES,
    KINDS,
    REQUIRED,
    TIMES,
    Cast,
    exact_days,
    facts,
    id_of,
    named,
    openings,
    pools,
    reports,
    times,
)
from tests.tally import BY_MACHINES, RUNS, STEPS, answers, compared, comparing

Event = dict[str, Any]
T = TypeVar("T")


def on(make: Callable[[Any], st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """Draw from a strategy that depends on the state of the machine."""
    return st.runner().flatmap(make)


def on_cast(make: Callable[[Cast], st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """Draw from a strategy that depends on the items and dates of the machine."""
    return on(lambda machine: make(machine.cast))


def body(text: str, published: str) -> Event:
    return {"outlet": "Reuters", "title": text, "published": published, "kind": "official"}


class Recording(RuleBasedStateMachine):
    """Records step by step; `log` is what has been recorded so far, as the feed gives it."""

    issues: Bundle[str] = Bundle("issues")
    items: Bundle[str] = Bundle("items")
    events: Bundle[str] = Bundle("events")
    about = items.flatmap(lambda item: on_cast(lambda cast: facts(cast, item)))
    said = st.none() | on_cast(reports)

    def __init__(self, fresh: AbstractContextManager[str]) -> None:
        """`fresh` enters with the URL of an empty ledger and removes it on exit."""
        super().__init__()
        self.log: list[Event] = []
        self.sent: dict[str, Event] = {}
        self.cast = Cast({}, [])
        self._moment = datetime.combine(FIRST_DAY, time(9), UTC)
        self._whole, self._steps, self._answers = True, 0, answers(compared)
        self._resources = ExitStack()
        self._url = self._resources.enter_context(fresh)
        self._loop = self._resources.enter_context(asyncio.Runner())
        self._start()

    # The ledger, and who writes to it

    @property
    def ledger(self) -> Opened:
        """The ledger as opened by the process that writes now."""
        return self._writers[0]

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        self._whole = False
        return self._loop.run(asked)

    def _start(self) -> None:
        self._writers: deque[Opened] = deque()
        self._open = AsyncExitStack()
        self._add_writer()

    def _add_writer(self) -> None:
        self._writers.appendleft(self.run(self._open.enter_async_context(opened(self._url))))

    @rule()
    def restart(self) -> None:
        """Stop every process and start one, which has nothing in memory."""
        self.run(self._open.aclose())
        self._start()

    @rule()
    def change_writer(self) -> None:
        """Let another process write and answer from now on, which has to learn what the first one recorded."""
        if len(self._writers) < 2:
            self._add_writer()
        else:
            self._writers.rotate()

    @rule(days=st.integers(1, 3))
    def days_pass(self, days: int) -> None:
        """Let days pass before what is recorded next."""
        self._moment += timedelta(days)

    @invariant()
    def head_is_last(self) -> None:
        """The head is the last position that an append has returned."""
        assert self.run(head_of(self.ledger.database)).position == len(self.log)
        self._whole = True
        self._steps += 1

    def teardown(self) -> None:
        """Compare the projections, written step by step, with those of a rebuild; then stop."""
        try:
            if self._whole:  # no step has failed
                with comparing("rebuilds"):
                    assert self.run(rebuild(self.ledger.database)).same
        finally:
            self.run(self._open.aclose())
            self._resources.close()
            compared.update({RUNS: 1, STEPS: self._steps, BY_MACHINES: answers(compared) - self._answers})

    # Appends

    def append(self, *events: Event, versions: dict[str, int] | None = None) -> MultipleResults[str]:
        """Append events as one batch; return their ids, or none where it has to be refused."""
        batch = [{"id": id_of(len(self.sent) + place), **event} for place, event in enumerate(events, start=1)]
        self.sent |= {event["id"]: event for event in batch if event["id"] not in self.sent}
        actual = {issue: oracle.version(self.log, issue, len(self.log)) for issue in versions or {}}
        if not oracle.may_record(self.log, batch) or actual != (versions or {}):
            self.refuse(batch, versions)
            return multiple()
        self.run(self.ledger.append(batch, versions, at=self._next_moment()))
        found = self.run(self.ledger.log())
        assert found[: len(self.log)] == self.log
        assert [(each["id"], each["type"]) for each in found[len(self.log) :]] == [
            (each["id"], each["type"]) for each in batch
        ]
        self.log = found
        return multiple(*(event["id"] for event in batch))

    def refuse(self, batch: list[Event], versions: dict[str, int] | None = None) -> None:
        """Append what has to be refused; check that nothing changes."""
        before = self.run(self.ledger.rows())
        with comparing("refusals"):
            with pytest.raises(Refused):
                self.run(self.ledger.append(batch, versions, at=self._next_moment()))
            assert self.run(self.ledger.rows()) == before

    def _next_moment(self) -> int:
        self._moment += timedelta(seconds=1)
        return int(self._moment.timestamp()) * 1_000_000

    def text_of(self, event: str) -> Event:
        """Return the text of an event, or of the one that it acts on, without the id: what is corrected next."""
        found = self.sent[event]
        if oracle.is_record(found) and "event" not in found:
            return self.text_of(found["target"])
        text: Event = found.get("event", found)
        return {name: value for name, value in text.items() if name != "id"}

    # Facts

    @initialize(target=issues, opened=st.lists(exact_days(), min_size=1, max_size=len(ISSUES)))
    def open_issues(self, opened: list[str]) -> MultipleResults[str]:
        """Open the first issues."""
        names = ISSUES[: len(opened)]
        self.cast = self.cast._replace(kinds={**dict.fromkeys(names, "issue"), **self.cast.kinds})
        heads = [
            {"type": "issue.opened", "item": name, "issues": [name], "occurred": day, "reports": [body("Opened", day)]}
            for name, day in zip(names, opened, strict=True)
        ]
        self.append(*(head | REQUIRED["issue"] for head in heads))
        return multiple(*names)

    @initialize(target=items, others=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), pool=pools())
    def name_items(self, others: list[str], pool: list[str]) -> MultipleResults[str]:
        """Name the items: two restrictions, so that a fact can move between them, others, and the first issue."""
        kinds = named(["restriction", "restriction", *others])
        self.cast = Cast({**self.cast.kinds, **kinds}, pool)
        return multiple(*kinds, ISSUES[0])

    @rule(target=events, opening=issues.flatmap(lambda issue: on_cast(lambda cast: openings(cast, issue))))
    def open_issue(self, opening: Event) -> MultipleResults[str]:
        """Open an issue once more, or again after a retraction."""
        return self.append(opening)

    @rule(target=events, fact=about)
    def record(self, fact: Event) -> MultipleResults[str]:
        """Record a fact, early or late."""
        return self.append(fact)

    @rule(
        target=events,
        several=st.lists(about, min_size=2, max_size=3),
        then=st.sampled_from(["", "retracted", "disputed"]),
    )
    def record_together(self, several: list[Event], then: str) -> MultipleResults[str]:
        """Record facts as one batch, with a record on the first of them in it."""
        first = {"id": id_of(len(self.sent) + 1)}
        record = {"type": f"record.{then}", "target": first["id"], "reason": "at once"}
        return self.append(first | several[0], *several[1:], *([record] if then else []))

    @rule(issue=issues, missing=st.integers(0, 2), target=events)
    def revise(self, issue: str, missing: int) -> MultipleResults[str]:
        """Revise an issue at its version, or at one that misses its last events."""
        version = max(0, oracle.version(self.log, issue, len(self.log)) - missing)
        fact = {"type": "issue.revised", "item": issue, "issues": [issue], "occurred": FIRST_DAY.isoformat()}
        revised = fact | {"title": "Revised", "reports": [body("Revised", FIRST_DAY.isoformat())]}
        return self.append(revised, versions={issue: version})

    # Records

    def act(self, name: str, target: str, said: list[Event] | None = None, **more: Any) -> MultipleResults[str]:  # noqa: ANN401
        """Record something about an event."""
        given = {} if said is None else {"reports": said}
        return self.append({"type": f"record.{name}", "target": target, "reason": "found out later", **given, **more})

    @rule(target=events, event=events, dates=on_cast(times), said=said)
    def correct_dates(self, event: str, dates: Event, said: list[Event] | None) -> MultipleResults[str]:
        """Correct the dates of a fact, its end too."""
        kept = {name: value for name, value in self.text_of(event).items() if name not in TIMES}
        return self.act("corrected", event, said, event=kept | dates)

    @rule(target=events, event=events, item=items)
    def correct_item(self, event: str, item: str) -> MultipleResults[str]:
        """Correct the item of a fact to another; one of another kind is refused."""
        return self.act("corrected", event, event=self.text_of(event) | {"item": item})

    @rule(target=events, event=events, names=st.lists(issues, min_size=1, max_size=2, unique=True))
    def correct_issues(self, event: str, names: list[str]) -> MultipleResults[str]:
        """Correct the issues of a fact."""
        return self.act("corrected", event, event=self.text_of(event) | {"issues": names})

    @rule(target=events, event=events, fact=about, said=said)
    def correct_all(self, event: str, fact: Event, said: list[Event] | None) -> MultipleResults[str]:
        """Correct a fact to another fact, maybe of another kind."""
        return self.act("corrected", event, said, event=fact)

    @rule(target=events, event=events, said=on_cast(reports))
    def report(self, event: str, said: list[Event]) -> MultipleResults[str]:
        """Add reports."""
        return self.act("report_added", event, said)

    @rule(target=events, event=events, day=exact_days())
    def deny(self, event: str, day: str) -> MultipleResults[str]:
        """Add a report that denies."""
        return self.act("report_added", event, [body("Denied", day) | {"stance": "denies"}])

    @rule(target=events, event=events, said=said)
    def dispute(self, event: str, said: list[Event] | None) -> MultipleResults[str]:
        """Dispute a fact."""
        return self.act("disputed", event, said)

    @rule(target=events, event=events, said=said)
    def retract(self, event: str, said: list[Event] | None) -> MultipleResults[str]:
        """Retract a fact or a record, a retraction too."""
        return self.act("retracted", event, said)

    @rule(target=events, issue=issues)
    def retract_first_opening(self, issue: str) -> MultipleResults[str]:
        """Retract the opening of an issue: until it is opened again it takes no facts."""
        return self.act("retracted", next(each["id"] for each in self.log if each["item"] == issue))

    # Refusals, and what is sent twice

    @rule(event=events)
    def send_again(self, event: str) -> None:
        """Send a recorded event again: it is answered, and nothing changes."""
        before = self.run(self.ledger.rows())
        receipt = self.run(self.ledger.append([self.sent[event]], at=self._next_moment()))
        assert receipt.repeated
        assert [json.loads(each.json()) for each in receipt.events] == [
            each for each in self.log if each["id"] == event
        ]
        assert self.run(self.ledger.rows()) == before

    @rule(event=events, fact=about)
    def take_an_id(self, event: str, fact: Event) -> None:
        """Send another fact under an id that is taken, together with a good one."""
        other = {"id": id_of(len(self.sent) + 1)}
        self.refuse([other | fact, {"id": event} | fact | {"note": "something else"}])

    @rule(fact=about, amiss=st.sampled_from(["target", "issue", "kind"]))
    def send_amiss(self, fact: Event, amiss: str) -> None:
        """Send a fact with a bad event: a record on nothing, a fact of no issue, or the item as of another kind."""
        common = {name: fact[name] for name in ("item", "issues", "occurred", "reports")}
        others = {
            "target": {"type": "record.retracted", "target": id_of(0), "reason": "of what?"},
            "issue": fact | {"issues": ["no-such-issue"]},
            "kind": common | {"type": "dispute.ruled" if fact["type"].startswith("round.") else "round.concluded"},
        }
        self.append(fact, others[amiss])
