"""Writers: facts, corrections, retractions, reports and disputes; what is not answered is sent again, unchanged."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.load.client import Client, LostAnswer

if TYPE_CHECKING:
    import random

    from tests.load.findings import Findings
    from tests.load.ledger import Acknowledged
    from tests.load.texts import Texts

Event = dict[str, Any]

BATCH_MAX = 6
REMEMBERED = 150
"""Facts of its own that a writer may correct or retract."""
ENOUGH = 3
REST_MAX = 0.25
"""Seconds that a writer rests at most after a request."""


class Writer:
    """One writer; it acts on facts of its own only, so that it knows what stands."""

    def __init__(self, number: int, client: Client, texts: Texts, ledger: Acknowledged, findings: Findings) -> None:
        """`number` is in the reasons that it gives."""
        self.number, self._client, self._texts = number, client, texts
        self._ledger, self._findings = ledger, findings
        self._standing: deque[Event] = deque(maxlen=REMEMBERED)
        self._retracted: deque[tuple[str, Event]] = deque(maxlen=REMEMBERED)
        """Retractions by their ids, with the facts that they took away."""
        self._reasons = 0
        self._knows_repeats = False
        """Whether the service knows a request that it answered by its `Idempotency-Key`."""

    async def begin(self) -> None:
        """Open an issue, and find out whether the service knows a repeat of a record without an id."""
        await self._issue()
        body, key = {"reports": self._texts.reports()}, self._key()
        target = f"/v1/events/{self._standing[0]['id']}/reports"
        one, other = [await self._client.expect("POST", target, body, key) for _ in range(2)]
        self._knows_repeats = one["events"] == other["events"]
        for receipt in (one, other):
            self._ledger.take(receipt, [None])

    async def run(self, choose: random.Random, over: asyncio.Event) -> None:
        """Write until it is over, and until everything sent is answered."""
        ways = [self._facts] * 5 + [self._records] * 3 + [self._put, self._put, self._delete, self._add]
        while not over.is_set():
            await (choose.choice(ways) if len(self._standing) > ENOUGH else self._facts)(choose)
            await asyncio.sleep(choose.random() * REST_MAX)
        await self._client.close()

    # With ids: sent until there is an answer.

    async def _issue(self) -> None:
        issue = self._texts.issue()
        if await self._append([issue]):
            self._texts.opened(issue)
            self._standing.append(issue)

    async def _facts(self, choose: random.Random) -> None:
        if self._texts.wants_issue:
            await self._issue()
        facts = [self._texts.fact() for _ in range(choose.randint(1, BATCH_MAX))]
        if await self._append(facts):
            self._standing.extend(facts)

    async def _records(self, choose: random.Random) -> None:
        """Record one or two records in a batch, maybe with a fact before them."""
        facts = [self._texts.fact() for _ in range(choose.randint(0, 1))]
        ways = [self._corrected, self._retracted_one, self._restored, self._reported, self._disputed]
        records = [record for _ in range(choose.randint(1, 2)) if (record := choose.choice(ways)(choose))]
        if (facts or records) and await self._append([*facts, *records]):
            self._standing.extend(facts)

    async def _append(self, events: list[Event]) -> bool:
        receipt = await self._client.expect("POST", "/v1/events", {"events": events})
        if receipt is not None:
            self._ledger.take(receipt, [event["id"] for event in events])
        return receipt is not None

    def _record(self, type_: str, target: str, **members: object) -> Event:
        return {"id": self._texts.id(), "type": type_, "target": target, "reason": self._reason(), **members}

    def _corrected(self, choose: random.Random) -> Event:
        fact = self._chosen(choose)
        text = self._texts.correction(fact)
        self._standing[self._standing.index(fact)] = text
        return self._record("record.corrected", fact["id"], event=text)

    def _retracted_one(self, choose: random.Random) -> Event | None:
        fact = self._taken(choose)
        if fact is None:
            return None
        record = self._record("record.retracted", fact["id"])
        self._retracted.append((record["id"], fact))
        return record

    def _restored(self, _choose: random.Random) -> Event | None:
        """Retract a retraction."""
        if not self._retracted:
            return None
        record, fact = self._retracted.popleft()
        self._standing.append(fact)
        return self._record("record.retracted", record)

    def _reported(self, choose: random.Random) -> Event:
        return self._record("record.report_added", self._chosen(choose)["id"], reports=self._texts.reports())

    def _disputed(self, choose: random.Random) -> Event:
        return self._record("record.disputed", self._chosen(choose)["id"])

    # Without ids: sent again only where the service knows a repeat by its key.

    async def _put(self, choose: random.Random) -> None:
        fact = self._chosen(choose)
        text = self._texts.correction(fact)
        self._standing.remove(fact)
        if await self._unnamed("PUT", fact, "", {"event": text}):
            self._standing.append(text)

    async def _delete(self, choose: random.Random) -> None:
        if (fact := self._taken(choose)) and (receipt := await self._unnamed("DELETE", fact, "", None)):
            self._retracted.append((receipt["events"][0]["id"], fact))

    async def _add(self, choose: random.Random) -> None:
        await self._unnamed("POST", self._chosen(choose), "/reports", {"reports": self._texts.reports()})

    async def _unnamed(self, method: str, fact: Event, under: str, body: Event | None) -> Event | None:
        """Send a record on a fact without an id for it; return the receipt, if there was an answer."""
        reason = self._reason()
        target = f"/v1/events/{fact['id']}{under}" + (f"?reason={quote(reason)}" if body is None else "")
        content = None if body is None else body | {"reason": reason}
        if self._knows_repeats:
            receipt: Event | None = await self._client.expect(method, target, content, self._key())
        else:
            receipt = await self._once(method, target, content, reason)
        if receipt is not None:
            self._ledger.take(receipt, [None])
        return receipt

    async def _once(self, method: str, target: str, content: Event | None, reason: str) -> Event | None:
        """Send a request and never again: it may have been recorded."""
        try:
            answer = await self._client.ask(method, target, content)
        except LostAnswer:
            self._ledger.uncertain.add(reason)
            return None
        receipt: Event | None = self._client.accepted(method, target, *answer)
        return receipt

    def _chosen(self, choose: random.Random) -> Event:
        return choose.choice(self._standing)

    def _taken(self, choose: random.Random) -> Event | None:
        """Take a fact that may be retracted: an issue may not, while facts name it."""
        facts = [fact for fact in self._standing if not fact["type"].startswith("issue.")]
        if not facts:
            return None
        fact = choose.choice(facts)
        self._standing.remove(fact)
        return fact

    def _reason(self) -> str:
        """Make a reason that no other record has."""
        self._reasons += 1
        return f"writer {self.number}, reason {self._reasons}"

    def _key(self) -> str:
        return f"Idempotency-Key: {self._texts.id()}\r\n"
