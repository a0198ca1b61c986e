"""How the load speaks to the servers: over raw HTTP, now to one server and now to another, whichever is up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from tests.processes import PATIENCE
from tests.servers import Connection, connection

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.load.findings import Findings
    from tests.servers import Server

ASKED_OF_ONE = 30
"""Requests over one connection, before another server is asked."""
PAUSE = 0.1
_LATE = 400


class LostAnswer(Exception):  # noqa: N818 - a condition
    """No answer came, or 503: what was asked for may have been done or not."""


class Client:
    """Asks one server for a while, then another."""

    def __init__(self, servers: Sequence[Server], choose: random.Random, findings: Findings) -> None:
        """`choose` picks the servers."""
        self._servers, self._choose, self._findings = servers, choose, findings
        self._open = AsyncExitStack()
        self._connection: Connection | None = None
        self._left = 0

    async def ask(self, method: str, target: str, content: object = None, headers: str = "") -> tuple[int, bytes]:
        """Send one request; return the status and the body. LostAnswer when there is none, also for 5xx."""
        body = b"" if content is None else msgspec.json.encode(content)
        try:
            async with asyncio.timeout(PATIENCE):
                if self._left == 0:
                    await self._connect()
                self._left -= 1
                assert self._connection is not None
                status, answer = await self._connection.ask(method, target, body, headers)
        except (OSError, EOFError) as error:
            self._left = 0
            self._findings.count(f"answers lost: {type(error).__name__}")
            raise LostAnswer from error
        if status >= 500:
            self._left = 0
            self._findings.count(f"answers {status}")
            if status != 503:
                self._findings.wrong("answers of 5xx but 503", f"{method} {target}: {status} {answer[:_LATE]!r}")
            raise LostAnswer(status)
        return status, answer

    async def insist(self, method: str, target: str, content: object = None, headers: str = "") -> tuple[int, bytes]:
        """Send the same request until there is an answer."""
        while True:
            try:
                return await self.ask(method, target, content, headers)
            except LostAnswer:
                await asyncio.sleep(PAUSE)

    async def expect(self, method: str, target: str, content: object = None, headers: str = "") -> Any:  # noqa: ANN401
        """Send the same request until there is an answer, which must be 2xx; return its JSON, None for a refusal."""
        return self.accepted(method, target, *await self.insist(method, target, content, headers))

    def accepted(self, method: str, target: str, status: int, answer: bytes) -> Any:  # noqa: ANN401
        """Return the JSON of an answer of 2xx; None for a refusal, which is a finding."""
        if status >= 300:
            self._findings.wrong("requests refused", f"{method} {target}: {status} {answer[:_LATE]!r}")
            return None
        return msgspec.json.decode(answer)

    async def close(self) -> None:
        """Close the connection."""
        self._left = 0
        self._connection = None
        await self._open.aclose()

    async def _connect(self) -> None:
        await self.close()
        self._connection = await self._open.enter_async_context(connection(self._choose.choice(self._servers).url))
        self._left = ASKED_OF_ONE
