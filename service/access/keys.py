"""Keys: how one is written, what is kept of it, and what its role lets it do.

A key is `parley_ID_SECRET`: lower-case letters and the digits 2 to 7. The id (8 of them) names it in logs and lists.
The secret (52) is 256 random bits. Only a SHA-256 of the key is kept: nobody can guess 256 random bits, so a slow hash,
which protects the words that people choose, would make each request dearer and nothing safer.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from enum import IntEnum
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from service.domain.errors import Refused
from service.storage.layout import OPEN_END

ID_BYTES: Final = 5
SECRET_BYTES: Final = 32
_WRITTEN = re.compile(r"parley_([a-z2-7]{8})_[a-z2-7]{52}")


class BadKey(Refused):
    """What was sent is no key of this ledger, or one that has ended; the message does not repeat it."""


class Role(IntEnum):
    """What a key may do; each role may do all that the roles before it may. Nobody needs a key for `ANYONE`."""

    ANYONE = 0
    READER = 1
    RECORDER = 2
    EDITOR = 3
    ADMIN = 4


ROLES: Final = tuple(role.name.lower() for role in Role if role)
"""The roles that a key can have."""


class ApiKey(NamedTuple):
    """A key without its secret. Instants are microseconds since 1970 UTC.

    `digest` is the SHA-256 of the key as it is sent. `expires_at` and `revoked_at` are OPEN_END for never, `used_at` is
    0. Keys of one `name` belong to one holder, whose consumers all of them may move.
    """

    id: str
    name: str
    role: Role
    digest: bytes
    made_at: int
    expires_at: int = OPEN_END
    revoked_at: int = OPEN_END
    used_at: int = 0

    def opens(self, written: str) -> bool:
        """Return whether this is the key that is sent, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self.digest, digest_of(written))

    def end(self, now: int) -> str:
        """Return how it has ended, "revoked" or "expired"; "" while it has not."""
        if self.revoked_at != OPEN_END:
            return "revoked"
        return "expired" if self.expires_at <= now else ""

    def mark(self) -> str:
        """Return what is kept with an event that is recorded with it, as JSON."""
        return msgspec.json.encode({"name": self.name, "key": self.id}).decode()


def id_in(written: str) -> str | None:
    """Return the id in a key as it is sent; None for what is no key."""
    found = _WRITTEN.fullmatch(written)
    return found and found[1]


def digest_of(written: str) -> bytes:
    """Return what is kept of a key."""
    return sha256(written.encode()).digest()


def written_key(random: bytes) -> str:
    """Write a new key made of ID_BYTES + SECRET_BYTES random bytes."""
    id_, secret = (b32encode(part).decode().rstrip("=").lower() for part in (random[:ID_BYTES], random[ID_BYTES:]))
    return f"parley_{id_}_{secret}"
