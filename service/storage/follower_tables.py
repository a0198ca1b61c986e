"""The tables about who follows: consumers, subscriptions and their deliveries. They cannot be remade from the log."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from service.storage.columns import IN_KEY_ORDER, Table, numbers, texts


class ConsumerRow(Table, table=True):
    """A durable cursor: events up to `position` have been processed; `moved_at` is the instant of its last move."""

    __tablename__ = "consumer"
    __table_args__ = IN_KEY_ORDER

    name: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    position: int = Field(sa_column=numbers())
    moved_at: int = Field(sa_column=numbers())


class SubscriptionRow(Table, table=True):
    """A webhook: the log is pushed to its URL, after `position`.

    `filter` is the JSON of the conditions. `old_secret` signs along until `old_until`. `state` is active, paused or
    disabled, `reason` says why. `failures` counts the failed tries at the event after `position`; the next
    may be made at `due_at`. Until `leased_until` only the process that names itself `owner` delivers; `fence` grows
    whenever somebody else may set the position from then on.
    """

    __tablename__ = "subscription"
    __table_args__ = IN_KEY_ORDER

    name: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    url: str = Field(sa_column=texts())
    filter: str = Field(sa_column=texts())
    secret: str = Field(sa_column=texts())
    old_secret: str = Field(sa_column=texts())
    old_until: int = Field(sa_column=numbers())
    position: int = Field(sa_column=numbers())
    state: str = Field(sa_column=texts())
    reason: str = Field(sa_column=texts())
    failures: int = Field(sa_column=numbers())
    due_at: int = Field(sa_column=numbers())
    subscribed_at: int = Field(sa_column=numbers())
    owner: str = Field(sa_column=texts())
    leased_until: int = Field(sa_column=numbers())
    fence: int = Field(sa_column=numbers())


class DeliveryRow(Table, table=True):
    """One try to deliver an event to a subscription: `status` is that of the answer, 0 where there was none.

    `number` is made by the database; `took` are microseconds, `detail` says what went wrong.
    """

    __tablename__ = "delivery"
    __table_args__ = (sa.Index(None, "subscription", "number"), {"sqlite_autoincrement": True})

    number: int | None = Field(default=None, sa_column=numbers(primary_key=True, autoincrement=True))
    subscription: str = Field(sa_column=texts())
    position: int = Field(sa_column=numbers())
    attempt: int = Field(sa_column=numbers())
    at: int = Field(sa_column=numbers())
    status: int = Field(sa_column=numbers())
    took: int = Field(sa_column=numbers())
    detail: str = Field(sa_column=texts())
