"""Who may deliver for a subscription, by the leases that its rows hold."""

import pytest

from service.feed.filters import EventConditions
from service.storage.connect import opened
from service.webhooks.store import Store

SECOND = 1_000_000
LEASE = 15 * SECOND
NOW = 1_800_000_000 * SECOND
DAY = 86_400 * SECOND


@pytest.mark.row(12)
@pytest.mark.anyio
async def test_a_lease_lasts_one_lease_whatever_the_clock_of_its_owner_said(migrated_url: str) -> None:
    """A lease is free when it has run out, and when it ends further off than any that is made now."""
    async with opened(migrated_url) as database:
        store = Store(database)
        made = await store.create("a-desk", "https://example.org", EventConditions(), "secret", None, NOW)
        assert made is not None
        ahead = await store.claim(made, "ahead", NOW + DAY + LEASE, NOW + DAY)
        assert ahead is not None
        taken = await store.claim(ahead, "right", NOW + LEASE, NOW)
        assert taken is not None
        assert await store.claim(taken, "other", NOW + LEASE + SECOND, NOW + SECOND) is None
        assert await store.claim(taken, "other", NOW + 2 * LEASE + SECOND, NOW + LEASE + SECOND) is not None
