"""The tables about clients and processes: who follows, watches, has a key, writes. `metadata` has all tables then."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from service.storage import tables  # noqa: F401 - its tables are in the metadata
from service.storage.columns import IN_KEY_ORDER as _IN_KEY_ORDER
from service.storage.columns import Table, metadata
from service.storage.columns import binaries as _bytes
from service.storage.columns import later_texts as _later_text
from service.storage.columns import numbers as _number
from service.storage.columns import texts as _text

__all__ = ["metadata"]


class ConsumerRow(Table, table=True):
    """A durable cursor: events up to `position` have been processed; `moved_at` is the instant of its last move.

    `owner` is the name of the keys that may move it, "" for any.
    """

    __tablename__ = "consumer"
    __table_args__ = _IN_KEY_ORDER

    name: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    position: int = Field(sa_column=_number())
    moved_at: int = Field(sa_column=_number())
    owner: str = Field(sa_column=_later_text())


class SubscriptionRow(Table, table=True):
    """A webhook: the log is pushed to its URL, after `position`.

    `filter` is the JSON of the conditions. `old_secret` signs along until `old_until`. `state` is active, paused or
    disabled, `reason` says why. `failures` counts the failed tries at the event after `position`; the next
    may be made at `due_at`. Until `leased_until` only the process that names itself `owner` delivers; `fence` grows
    whenever somebody else may set the position from then on.
    """

    __tablename__ = "subscription"
    __table_args__ = _IN_KEY_ORDER

    name: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    url: str = Field(sa_column=_text())
    filter: str = Field(sa_column=_text())
    secret: str = Field(sa_column=_text())
    old_secret: str = Field(sa_column=_text())
    old_until: int = Field(sa_column=_number())
    position: int = Field(sa_column=_number())
    state: str = Field(sa_column=_text())
    reason: str = Field(sa_column=_text())
    failures: int = Field(sa_column=_number())
    due_at: int = Field(sa_column=_number())
    subscribed_at: int = Field(sa_column=_number())
    owner: str = Field(sa_column=_text())
    leased_until: int = Field(sa_column=_number())
    fence: int = Field(sa_column=_number())


class DeliveryRow(Table, table=True):
    """One try to deliver an event to a subscription: `status` is that of the answer, 0 where there was none.

    `number` is made by the database; `took` are microseconds, `detail` says what went wrong. `change` is the id of a
    changed answer, "" where it is the event at `position` that was delivered.
    """

    __tablename__ = "delivery"
    __table_args__ = (sa.Index(None, "subscription", "number"), {"sqlite_autoincrement": True})

    number: int | None = Field(default=None, sa_column=_number(primary_key=True, autoincrement=True))
    subscription: str = Field(sa_column=_text())
    position: int = Field(sa_column=_number())
    attempt: int = Field(sa_column=_number())
    at: int = Field(sa_column=_number())
    status: int = Field(sa_column=_number())
    took: int = Field(sa_column=_number())
    detail: str = Field(sa_column=_text())
    change: str = Field(sa_column=_later_text())


class WatchRow(Table, table=True):
    """A question whose changed answers go to a subscription.

    `version` is the instant at which the question was set. It was last asked at `asked_at`, as of `day`, as known at
    `position` in the ledger's `epoch`. The answers up to the number `delivered` are with the receiver.
    """

    __tablename__ = "watch"
    __table_args__ = _IN_KEY_ORDER

    name: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    question: str = Field(sa_column=_text())
    subscription: str = Field(sa_column=_text())
    version: int = Field(sa_column=_number())
    asked_at: int = Field(sa_column=_number())
    day: int = Field(sa_column=_number())
    position: int = Field(sa_column=_number())
    epoch: int = Field(sa_column=_number())
    delivered: int = Field(sa_column=_number())


class AnswerRow(Table, table=True):
    """An answer to the question of a watch: the first, and each that differs from the one before it.

    `url` is its frozen URL, `position` the K of it, `body` its JSON, empty where there was nothing. `id` names the
    change to it. Answers are kept from the last that is with the receiver on.
    """

    __tablename__ = "answer"

    watch: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    version: int = Field(sa_column=_number(primary_key=True))
    number: int = Field(sa_column=_number(primary_key=True))
    id: str = Field(sa_column=_text())
    url: str = Field(sa_column=_text())
    position: int = Field(sa_column=_number())
    at: int = Field(sa_column=_number())
    digest: str = Field(sa_column=_text())
    body: bytes = Field(sa_column=_bytes())


class ApiKeyRow(Table, table=True):
    """A key without its secret; see `service/access/keys.py: ApiKey`."""

    __tablename__ = "api_key"
    __table_args__ = _IN_KEY_ORDER

    id: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    name: str = Field(sa_column=_text())
    role: str = Field(sa_column=_text())
    digest: bytes = Field(sa_column=_bytes(32))
    made_at: int = Field(sa_column=_number())
    expires_at: int = Field(sa_column=_number())
    revoked_at: int = Field(sa_column=_number())
    used_at: int = Field(sa_column=_number())


class WriterRow(Table, table=True):
    """The lease to write, one row: see `service/writer/lease.py: Lease`. `ends_at` is by the clock of the database."""

    __tablename__ = "writer"
    __table_args__ = _IN_KEY_ORDER

    id: int = Field(sa_column=_number(primary_key=True))
    owner: str = Field(sa_column=_text())
    address: str = Field(sa_column=_text())
    secret: str = Field(sa_column=_text())
    place: str = Field(sa_column=_text())
    ends_at: int = Field(sa_column=_number())
