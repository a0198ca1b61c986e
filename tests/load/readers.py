"""Readers: what was answered once for a pinned D and K is answered so ever after, by every process."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from tests.load.client import PAUSE, LostAnswer
from tests.processes import PATIENCE

if TYPE_CHECKING:
    import random

    from tests.load.client import Client
    from tests.load.findings import Findings
    from tests.load.questions import Questions

KEPT_MAX = 4_000
"""FrozenAnswers that all readers keep together; then new ones take the place of others."""
REST_MAX = 0.1
_NOT_FOUND, _UNPROCESSABLE = 404, 422
_TOO_MUCH = b"too much became known in another order than it was recorded"
"""Why an answer as published that cannot be cut into pages is refused (docs/limits.md)."""
_KNOWN = re.compile(rb'"known_(?:position|from|to)":([0-9]+)')


class Frozen(NamedTuple):
    """An answer as it was when it was asked for first."""

    status: int
    digest: bytes
    """Of the whole body; of nothing for a 404, whose words may say what is known today."""
    when: str
    position: int | None
    """The answer rests on no event after it; None where the answer does not say."""

    def rests_on(self, position: int) -> bool:
        """Return whether it surely rests on the log up to a position alone."""
        return self.position is not None and self.position <= position


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
            self._keep(target, Frozen(status, digest, self.now, _position(body)), place)
        elif (kept.status, kept.digest) != (status, digest):
            what = f"{target}: {kept.status} {kept.when}; {status} {self.now}: {body[:150]!r}…{body[-200:]!r}"
            self.findings.wrong("frozen answers changed", what)

    def keep_until(self, position: int) -> None:
        """Keep those that rest on no event after a position."""
        kept = {target: answer for target, answer in self._kept.items() if answer.rests_on(position)}
        self._kept, self.targets[:] = kept, kept

    def _keep(self, target: str, answer: Frozen, place: int) -> None:
        if len(self.targets) < KEPT_MAX:
            self.targets.append(target)
        else:
            del self._kept[self.targets[place]]
            self.targets[place] = target
        self._kept[target] = answer


def _position(body: bytes) -> int | None:
    return max(map(int, _KNOWN.findall(body)), default=None)


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
        status, body = await self._insist(target)
        if status == _UNPROCESSABLE and _TOO_MUCH in body:
            self._findings.count("answers as published that take too much work")
        elif status not in {200, _NOT_FOUND}:
            self._findings.wrong("requests refused", f"GET {target}: {status} {body[:300]!r}")
        else:
            self._answers.take(target, status, body, place)

    async def _insist(self, target: str) -> tuple[int, bytes]:
        """Ask until there is an answer from a database that has what was acknowledged: a standby may be late."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(LostAnswer):
                    return await self._client.ask("GET", target, headers=f"Min-Position: {self._questions.head}\r\n")
                await asyncio.sleep(PAUSE)
