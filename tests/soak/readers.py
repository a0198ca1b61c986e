"""Readers: what was answered once for a pinned D and K is answered so ever after, by every process."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

    from tests.soak.client import Client
    from tests.soak.findings import Findings
    from tests.soak.questions import Questions

KEPT_MAX = 4_000
"""FrozenAnswers that all readers keep together; then new ones take the place of others."""
REST_MAX = 0.1
_NOT_FOUND = 404


class Frozen(NamedTuple):
    """An answer as it was when it was asked for first."""

    status: int
    digest: bytes
    """Of the whole body; of nothing for a 404, whose words may say what is known today."""
    when: str


class FrozenAnswers:
    """The answers of all readers, by their targets."""

    def __init__(self, findings: Findings) -> None:
        """None is kept yet."""
        self.findings = findings
        self._kept: dict[str, Frozen] = {}
        self.targets: list[str] = []
        self.now = "at the start"
        """What was done to the processes last."""

    def take(self, target: str, status: int, body: bytes, place: int) -> None:
        """Keep an answer, at this place where there are enough; or compare it with the one that is kept."""
        digest = blake2b(b"" if status == _NOT_FOUND else body, digest_size=16).digest()
        kept = self._kept.get(target)
        if kept is None:
            self._keep(target, Frozen(status, digest, self.now), place)
        elif kept[:2] != (status, digest):
            what = f"{target}: {kept.status} {kept.when}; {status} {self.now}: {body[:150]!r}…{body[-200:]!r}"
            self.findings.wrong("frozen answers changed", what)

    def _keep(self, target: str, answer: Frozen, place: int) -> None:
        if len(self.targets) < KEPT_MAX:
            self.targets.append(target)
        else:
            del self._kept[self.targets[place]]
            self.targets[place] = target
        self._kept[target] = answer


class Reader:
    """Asks new questions, and those that were asked before again."""

    def __init__(self, client: Client, questions: Questions, answers: FrozenAnswers, findings: Findings) -> None:
        """`answers` are those of all readers."""
        self._client, self._questions, self._answers, self._findings = client, questions, answers, findings

    async def run(self, choose: random.Random, over: asyncio.Event) -> None:
        """Ask until it is over."""
        while not over.is_set():
            again = self._answers.targets and choose.random() < 0.5
            target = choose.choice(self._answers.targets) if again else self._questions.next()
            self._findings.count("answers asked for again" if again else "answers asked for")
            await self.ask(target, choose.randrange(KEPT_MAX))
            await asyncio.sleep(choose.random() * REST_MAX)
        await self._client.close()

    async def ask_again(self, targets: list[str]) -> None:
        """Ask for answers that are kept."""
        for target in targets:
            self._findings.count("answers asked for at the end")
            await self.ask(target, 0)
        await self._client.close()

    async def ask(self, target: str, place: int) -> None:
        """Ask, and compare."""
        status, body = await self._client.insist("GET", target)
        if status not in {200, _NOT_FOUND}:
            self._findings.wrong("requests refused", f"GET {target}: {status} {body[:300]!r}")
        else:
            self._answers.take(target, status, body, place)
