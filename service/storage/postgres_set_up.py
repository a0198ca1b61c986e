"""What is done with a connection to PostgreSQL first: its socket, its settings, its role, its timeline."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

ROLE = "parley_app"
SETTINGS = {
    "application_name": "parley",
    # A session that was given up on this side waits no longer for a lock than somebody waited for it.
    "lock_timeout": "10000",
    # Every statement on the hot paths is a probe of an index; a plan made while a table was small must not stay a scan.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "jit": "off",
    # Planned once a connection: where the statistics make the other plan look cheaper, each call would plan again.
    "plan_cache_mode": "force_generic_plan",
}
_SET_UP = """
SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER')),
    CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
    THEN set_config('synchronous_commit', 'on', false) END
"""
"""A commit is on disk, and on the standbys that the server waits for, before it is acknowledged, whatever is set."""
_OPTIONS = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
}
_OPTIONS |= {"tcp_user_timeout": "TCP_USER_TIMEOUT"}
"""The options of a socket, by what libpq calls them; not every system has every one."""
_TIMELINE = """
SELECT CASE WHEN pg_is_in_recovery() THEN 0
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END
"""
"""Each promotion begins a timeline with the next number; 0 for a standby."""


async def set_up(session: asyncpg.Connection[asyncpg.Record]) -> None:
    """Take the role `parley_app` where that may be, and let commits wait for the disk."""
    if await session.fetchval(_SET_UP, ROLE):
        await session.execute(f"SET ROLE {ROLE}")


async def timeline_of(session: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return the timeline that a primary writes."""
    number: int = await session.fetchval(_TIMELINE)
    return number


def keep_alive(connected: socket.socket | None, wanted: Mapping[str, int]) -> None:
    """Let the system ask for a sign of life, as `KEEPALIVE` of the URL has it; only a network needs that."""
    if connected is None or connected.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(bool(wanted)))
    for name, value in wanted.items():
        if hasattr(socket, _OPTIONS[name]):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, _OPTIONS[name]), value)
