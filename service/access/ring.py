"""The keys in the memory of a process, read again every two seconds: to check one asks the database nothing.

So a revoked key is refused two seconds later at most, plus the time of one read; an expired one at once. While the
database does not answer, the keys last read go on.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import structlog

from service.access import store
from service.access.keys import BadKey, Role, id_in
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from service.access.issuer import Issuer
    from service.access.keys import ApiKey
    from service.storage.database import Database

REREAD_SECONDS = 2.0
USED_MICROSECONDS = 60_000_000
"""The last use of a key is written once in so much time."""

logger = structlog.get_logger(__name__)


class KeyRing:
    """The keys of one ledger, as one process knows them."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        changed: Callable[[], None],
        issuer: Issuer | None = None,
        *,
        open_without: bool,
        public_reads: bool,
    ) -> None:
        """Tokens of `issuer` are taken too, if there is one. With `public_reads` everybody may read.

        With `open_without`, and no issuer, everybody may do everything while the ledger has no key. `changed` is called
        when something else may be done without a key than before.
        """
        self._database, self._clock, self._changed = database, clock, changed
        self._issuer = issuer
        self._open_without, self._public_reads = open_without and issuer is None, public_reads
        self._keys: dict[str, ApiKey] = {}
        self._used: dict[str, int] = {}
        self._streams: dict[object, tuple[ApiKey | None, Callable[[], object]]] = {}
        self.anyone = Role.ANYONE
        """What may be done without a key."""

    async def start(self) -> None:
        """Read the keys; raises Lost."""
        await self._reread()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask the issuer for its public keys within the block: in a service, not in a command."""
        asking = None if self._issuer is None else asyncio.create_task(self._issuer.watch(), name="issuer")
        try:
            yield
        finally:
            if asking is not None:
                asking.cancel()

    async def watch(self) -> None:
        """Read the keys again and again, until cancelled."""
        while True:
            await asyncio.sleep(REREAD_SECONDS)
            try:
                await self._reread()
                await self._note_uses()
            except Lost as error:
                logger.warning("keys.lost", error=str(error))
            except Exception:  # whatever it was: a revoked key must not stay in force
                logger.exception("keys.failed")

    def find(self, written: str) -> ApiKey:
        """Return the key that is sent, and note its use; raises BadKey."""
        key_id = id_in(written)
        if key_id is None and self._issuer is not None:
            return self._issuer.find(written)
        key = self._keys.get(key_id or "")
        if key is None or not key.opens(written):
            reason = "This is no key of this ledger."
            raise BadKey(reason)
        now = self._clock()
        if end := key.end(now):
            reason = f"The key {key.id} is {end}."
            raise BadKey(reason)
        self._used[key.id] = now
        return key

    def lasts(self, key: ApiKey | None) -> bool:
        """Return whether who reads with a key, or with None without one, may go on."""
        if key is None:
            return self.anyone >= Role.READER
        known = key if not key.digest else self._keys.get(key.id)  # a token has no digest
        return known is not None and not known.end(self._clock())

    @property
    def is_closed(self) -> bool:
        """Whether somebody can be let in: the ledger has a key, which may have ended, or there is an issuer."""
        return bool(self._keys) or self._issuer is not None

    @contextmanager
    def ending(self, key: ApiKey | None, end: Callable[[], object]) -> Iterator[None]:
        """Call `end` once the key has ended, as long as this lasts."""
        stream = object()
        self._streams[stream] = key, end
        try:
            yield
        finally:
            self._streams.pop(stream, None)

    async def _reread(self) -> None:
        self._keys = {key.id: key for key in await store.listed(self._database)}
        public = Role.READER if self._public_reads else Role.ANYONE
        before, self.anyone = self.anyone, public if self._keys or not self._open_without else Role.ADMIN
        if before is not self.anyone:
            self._changed()
        for stream, (key, end) in list(self._streams.items()):
            if not self.lasts(key):
                del self._streams[stream]
                end()

    async def _note_uses(self) -> None:
        """Write down uses that were not yet, of each key once a minute at most; of a key that is gone, none."""
        now = self._clock()
        for key_id, at in list(self._used.items()):
            key = self._keys.get(key_id)
            if key is not None and now - key.used_at < USED_MICROSECONDS:
                continue
            del self._used[key_id]
            if key is not None:
                await store.note_use(self._database, key_id, at)
