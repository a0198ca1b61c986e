"""One try to deliver one event or changed answer: a CloudEvent by POST, signed by Standard Webhooks 1.0.0."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import httpcore
import msgspec
from standardwebhooks import Webhook

from service.feed.cloudevents import MEDIA_TYPE, envelope, origin_of
from service.webhooks.guard import Forbidden, Guarded, target
from service.webhooks.rules import CONNECTIONS_MAX, RETRY_AFTER_MAX, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.eventlog.head import Heads
    from service.eventlog.log import Stored
    from service.watches.answers import ChangedAnswer
    from service.webhooks.rules import Rules
    from service.webhooks.store import Subscription

ANSWER_MAX = 16_384
"""Bytes of an answer that are read and dropped, so that the connection can be used again."""
KEEP_ALIVE_SECONDS = 3.0
"""Shorter than the 5 s after which common servers hang up: a request at that very moment would count as failed."""
USER_AGENT = b"Parley-Webhooks/1"
MICROS = 1_000_000
DETAIL_MAX = 200
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class DeliveryOutcome(NamedTuple):
    """The outcome of one try: `status` is 0 without an answer, `wait` the seconds that the receiver asked for.

    `stopped`: the try was broken off, or not begun, because the process is stopping; it does not count.
    """

    status: int
    detail: str
    wait: float = 0.0
    stopped: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the event (2xx)."""
        return 200 <= self.status < 300  # noqa: PLR2004 - success (RFC 9110, 15.3)

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events, ever (410)."""
        return self.status == HTTPStatus.GONE


class Message(NamedTuple):
    """What is sent in one try: an event at a position or, where `change` is its id, an answer that changed up to there.

    `id` is the same on every try, `body` a CloudEvent.
    """

    position: int
    id: str
    body: bytes
    change: str = ""


class _Id(msgspec.Struct, frozen=True, gc=False):
    id: str


_event_id = msgspec.json.Decoder(_Id).decode
_webhook = lru_cache(maxsize=256)(Webhook)


class Sender:
    """Sends events, and keeps the connections for the next ones."""

    def __init__(self, rules: Rules, heads: Heads, clock: Callable[[], int]) -> None:
        """Open no connection until the first event is sent."""
        self._rules, self._heads, self._clock = rules, heads, clock
        self._under_way: set[asyncio.Timeout] = set()
        self._stopped = False
        self._open_pool: httpcore.AsyncConnectionPool | None = None

    def stop(self) -> None:
        """Break off the tries under way, and send no more."""
        self._stopped = True
        for limit in self._under_way:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Close every connection."""
        if self._open_pool is not None:
            await self._open_pool.aclose()

    @property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        """Return the connection pool, made on first use: reading the certificates that the system trusts takes 20 ms.

        No proxy of the environment, no cookie, no redirect: httpcore has none.
        """
        if self._open_pool is None:
            self._open_pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=CONNECTIONS_MAX,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
                network_backend=Guarded(allow_private=self._rules.allow_private),
            )
        return self._open_pool

    def of_event(self, stored: Stored) -> Message:
        """Return the message of an event."""
        body = envelope(stored, origin_of(self._rules.public_url, self._heads))
        return Message(stored.position, _event_id(stored.body).id, body)

    def of_change(self, change: ChangedAnswer) -> Message:
        """Return the message of a changed answer."""
        body = change.cloud_event(origin_of(self._rules.public_url, self._heads))
        return Message(change.position, change.id, body, change.id)

    async def send(self, to: Subscription, message: Message) -> tuple[DeliveryOutcome, int]:
        """Try to deliver one message; return the outcome and the microseconds that it took.

        No try waits for another: a subscription has one under way at most, and there are few subscriptions.
        """
        begun = self._clock()
        outcome = DeliveryOutcome(0, "", stopped=True) if self._stopped else await self._try(to, message, begun)
        return outcome, max(0, self._clock() - begun)

    async def _try(self, to: Subscription, message: Message, now: int) -> DeliveryOutcome:
        limit = asyncio.timeout(TIMEOUT_SECONDS)
        self._under_way.add(limit)
        try:
            async with limit:
                return await self._post(to, message, now)
        except TimeoutError:
            return DeliveryOutcome(0, f"no answer within {TIMEOUT_SECONDS:.0f} s", stopped=self._stopped)
        except Forbidden as error:
            return DeliveryOutcome(0, f"not sent: {error}")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return DeliveryOutcome(0, f"{type(error).__name__}: {error}"[:DETAIL_MAX])
        finally:
            self._under_way.discard(limit)

    async def _post(self, to: Subscription, message: Message, now: int) -> DeliveryOutcome:
        url = target(to.url, allow_private=self._rules.allow_private)
        # The brackets of an IPv6 address belong in Host, not in the name that a certificate is compared with.
        name = {"sni_hostname": url.host.decode().strip("[]")}
        signed = headers(to, message, now)
        async with self._pool.stream("POST", url, headers=signed, content=message.body, extensions=name) as answer:
            size = 0
            async for part in answer.aiter_stream():
                size += len(part)
                if size > ANSWER_MAX:
                    break
            waits = [value.decode("latin-1") for name, value in answer.headers if name.lower() == b"retry-after"]
            return outcome_of(answer.status, waits[0] if waits else None, now)


def headers(to: Subscription, message: Message, now: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a try; `webhook-id` is the message's id, the same on every try."""
    _, message_id, body, _ = message
    at = datetime.fromtimestamp(now // MICROS, UTC)
    secrets = [to.secret, *([to.old_secret] if to.old_secret and now < to.old_until else [])]
    signatures = " ".join(_webhook(secret).sign(message_id, at, body.decode()) for secret in secrets)
    return [
        (b"Content-Type", MEDIA_TYPE.encode()),
        (b"User-Agent", USER_AGENT),
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", b"%d" % (now // MICROS)),
        (b"webhook-signature", signatures.encode()),
        (b"Content-Length", b"%d" % len(body)),
    ]


def outcome_of(status: int, retry_after: str | None, now: int) -> DeliveryOutcome:
    """Return the outcome of an answer; `now` in microseconds since 1970 UTC."""
    if 300 <= status < 400:  # noqa: PLR2004 - redirection (RFC 9110, 15.4)
        return DeliveryOutcome(status, "a redirect, which is not followed")
    wait = _wait(retry_after, now) if retry_after and status in _BUSY else 0.0
    return DeliveryOutcome(status, "" if 200 <= status < 300 else f"answered {status}", wait)  # noqa: PLR2004


def _wait(retry_after: str, now: int) -> float:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3), which has seconds or a date; 0 for neither."""
    if retry_after.isdecimal():
        return min(float(retry_after[:9]), RETRY_AFTER_MAX)
    try:
        until = parsedate_to_datetime(retry_after)
        moment = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, min(moment.timestamp() - now / MICROS, RETRY_AFTER_MAX))
    except (ValueError, OverflowError):
        return 0.0
