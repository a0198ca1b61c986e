"""The rules of delivery: how many tries, how long the waits, how much at once."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR = 60.0, 3_600.0
SCHEDULE = (0.0, 5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds before each try (Standard Webhooks 1.0.0, "Deliverability and reliability"); the last failure disables."""
JITTER = 0.1
"""A wait is longer or shorter by up to this share, so that deliveries that failed together are not retried together."""
LEASE_SECONDS = 15.0
"""How long after the last sign of life of a process another one may deliver in its place."""
TIMEOUT_SECONDS = 15.0
"""How long a receiver may take for one event, from the connection to the end of its answer."""
RETRY_AFTER_MAX = 24 * HOUR
"""The longest wait that a receiver may ask for by Retry-After."""
ROTATION_SECONDS = 24 * HOUR
"""How long the previous secret still signs, too."""
SUBSCRIPTIONS_MAX = 100
CONNECTIONS_MAX = 2 * SUBSCRIPTIONS_MAX
"""Connections to receivers that a process has open: a delivery under way for each subscription, and idle ones."""
ANSWERS_ALONE = "answer.changed"
"""The filter `type` of a subscription that gets changed answers of watches, and no event: none has this type."""
LOG_MAX = 1_000
"""Tries that are kept for each subscription."""


@dataclass(frozen=True)
class Rules:
    """The rules that the settings of a service can change; times in seconds.

    `public_url` is where clients reach the service; `allow_private` lets events go to this machine and its networks,
    and without TLS.
    """

    public_url: str = "http://127.0.0.1:8000"
    allow_private: bool = False
    schedule: tuple[float, ...] = SCHEDULE
    lease_seconds: float = LEASE_SECONDS

    def wait(self, failures: int, chance: float) -> float | None:
        """Return the seconds to wait after so many failed tries, None after the last; `chance` in [0, 1)."""
        if failures >= len(self.schedule):
            return None
        return self.schedule[failures] * (1 - JITTER + 2 * JITTER * chance)
