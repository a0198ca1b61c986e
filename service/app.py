"""The composition root: the only place that reads the clock and randomness, and puts the parts together."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from litestar import Litestar
from litestar.datastructures import State

from service.access.issuer import Issuer, checked_url
from service.access.keys import Role
from service.access.ring import KeyRing
from service.api.asker import Asker
from service.api.http.answer_memory import AnswerMemory
from service.api.http.clients import Clients
from service.api.http.exchange import Traffic
from service.api.http.problems import handlers
from service.api.http.requests import BODY_MAX, Services
from service.api.routes import route_handlers
from service.api.spec.doc_pages import reached_at
from service.append.warming import warm
from service.eventlog.head import Heads
from service.feed.live import Tail
from service.page.handlers import exception_handlers, page_handlers
from service.page.reference.handlers import reference_handlers
from service.storage import connect, files
from service.storage.database import NotMigrated
from service.views import shape
from service.watches.watcher import Watcher
from service.webhooks.rules import LEASE_SECONDS, SCHEDULE, Rules
from service.webhooks.webhooks import Chance, Webhooks
from service.writer.shared import SharedLedger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.settings import Settings

logger = structlog.get_logger(__name__)


def clock() -> int:
    """Return microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=value & ~(0x3 << 62) | (0x2 << 62))


def new_traces(count: int, flags: str = "00") -> list[bytes]:
    """Make values of the header traceparent (W3C Trace Context), each of a new trace; `flags` "01" has it sampled."""
    digits = os.urandom(24 * count).hex()
    return [
        f"00-{digits[at : at + 32]}-{digits[at + 32 : at + 48]}-{flags}".encode() for at in range(0, 48 * count, 48)
    ]


def chance() -> Chance:
    """Return the randomness that webhooks use."""
    return Chance(os.urandom, lambda: int.from_bytes(os.urandom(6)) / 2**48, str(new_id()))


def rules(settings: Settings) -> Rules:
    """Return the rules by which webhooks are delivered."""
    return Rules(
        settings.reached_at,
        settings.webhooks_allow_private,
        settings.webhooks_schedule or SCHEDULE,
        settings.webhooks_lease or LEASE_SECONDS,
    )


def issuer(settings: Settings) -> Issuer | None:
    """Return the issuer whose tokens are taken, if there is one; raises ValueError for one that cannot be."""
    if not settings.oidc_issuer:
        return None
    return Issuer(checked_url(settings.oidc_issuer), settings.oidc_audience, settings.oidc_roles_claim, clock)


@asynccontextmanager
async def opened(settings: Settings, traffic: Traffic | None = None) -> AsyncIterator[Services]:
    """Open the ledger of the settings; raises NotMigrated when tables or projections are of another version.

    `traffic` are the counts of a service. Webhooks are delivered while `Services.webhooks` runs: in a service, not in a
    command that opens the ledger.
    """
    async with connect.opened(settings.database_url, settings.read_url) as database:
        primary = database.primary
        if not await shape.is_current(database):
            reason = "its projections have the shape of another version"
            raise NotMigrated(reason)
        tail = Tail(database)
        ledger = SharedLedger(primary, clock, new_id, tail.wake, os.urandom, database if settings.read_url else None)
        heads, answers, bounded = Heads(database, clock), AnswerMemory(), Clients(*settings.rates())
        keys = KeyRing(
            primary,
            clock,
            answers.clear,
            issuer(settings),
            open_without=settings.is_loopback(),
            public_reads=settings.public_reads,
        )
        await keys.start()
        await heads.start()
        await ledger.start()
        tail.start()
        watching = [asyncio.create_task(each.watch(), name="watch") for each in (heads, keys)]
        try:
            webhooks = Webhooks(primary, heads, tail, rules(settings), clock, chance())
            watches = Watcher(primary, heads, tail, clock, new_id, webhooks)
            more = settings.reached_at, keys, traffic or Traffic(), bounded
            yield Services(database, ledger, heads, answers, tail, webhooks, watches, clock, *more)
        finally:
            for task in watching:
                task.cancel()
            await tail.stop()
            await ledger.stop()


def create_app(settings: Settings, traffic: Traffic | None = None) -> Litestar:
    """Make the application; `traffic` has the counts of its requests, which its edge adds to."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with (
            opened(settings, traffic) as services,
            services.ledger.sharing(settings.writer_address if settings.is_shared else None),
            services.webhooks.running(),
            services.keys.running(),
        ):
            app.state.services = services
            logger.info("service.started", embedded=settings.embedded, closed=services.keys.is_closed)
            await warm(services.ledger, services.database.primary)
            if services.keys.anyone is Role.ADMIN:
                logger.warning("service.open", reason="the ledger has no keys: whoever reaches it may do everything")
            async with services.watches.running(Asker(app)):
                yield
        logger.info("service.stopped")

    kept, channels = ((files.data("openapi") / name).read_bytes() for name in ("openapi.json", "asyncapi.json"))
    written = reached_at(kept, settings.reached_at)
    return Litestar(
        route_handlers=[*page_handlers(), *reference_handlers(written), *route_handlers(written, channels)],
        lifespan=[lifespan],
        state=State(),
        exception_handlers=exception_handlers(handlers()),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=BODY_MAX,
    )
