"""Keys in the database. None is ever deleted: the log names those that recorded an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.access.keys import ApiKey, Role
from service.storage.layout import OPEN_END

if TYPE_CHECKING:
    from service.storage.database import Database

_LIST = "SELECT id, name, role, digest, made_at, expires_at, revoked_at, used_at FROM api_key ORDER BY made_at, id"
_ADD = """
INSERT INTO api_key (id, name, role, digest, made_at, expires_at, revoked_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_REVOKE = f"UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at = {OPEN_END} RETURNING id"  # noqa: S608 - a number of our own
_USED = "UPDATE api_key SET used_at = $2 WHERE id = $1 AND used_at < $2"


async def listed(database: Database) -> list[ApiKey]:
    """Return all keys, the oldest first."""
    rows = await database.fetch(_LIST)
    return [ApiKey(id_, name, Role[role.upper()], digest, *rest) for id_, name, role, digest, *rest in rows]


async def add(database: Database, key: ApiKey) -> None:
    """Keep a new key."""
    await database.execute(_ADD, key.id, key.name, key.role.name.lower(), *key[3:])


async def revoke(database: Database, key_id: str, now: int) -> bool:
    """Revoke a key; return false where there is none that is not revoked."""
    return bool(await database.execute(_REVOKE, key_id, now))


async def note_use(database: Database, key_id: str, at: int) -> None:
    """Note that a key was used at an instant."""
    await database.execute(_USED, key_id, at)
