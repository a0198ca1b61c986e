"""The tables of the log and what is made from it. `event` is the log, append-only; the projections can be remade.

Items are numbered by the position of the first event that names them, so numbers are in order of appearance. Days are
ordinals (`datetime.date.toordinal`), instants microseconds since 1970 UTC, event ids the 16 bytes of the UUID.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from service.storage import published_tables as _published_tables  # noqa: F401 - registers its tables
from service.storage.columns import IN_KEY_ORDER as _IN_KEY_ORDER
from service.storage.columns import Table, metadata
from service.storage.columns import binaries as _bytes
from service.storage.columns import days as _day
from service.storage.columns import later_texts as _later_text
from service.storage.columns import numbers as _number
from service.storage.columns import texts as _text

__all__ = ["metadata"]

_CHANGES = sa.text("arrivals <> ''")


class EventRow(Table, table=True):
    """One recorded event: `position` gap-free in commit order, `body` its JSON without position and instant.

    `recorded_by` is the JSON of who recorded it, a name and the id of a key; "" where nobody was asked for a key.
    """

    __tablename__ = "event"
    __table_args__ = (sa.UniqueConstraint("id"),)

    position: int = Field(sa_column=_number(primary_key=True))
    id: bytes = Field(sa_column=_bytes(16))
    recorded_at: int = Field(sa_column=_number())
    body: bytes = Field(sa_column=_bytes())
    recorded_by: str = Field(sa_column=_later_text())


class RequestKeyRow(Table, table=True):
    """A recorded request that had an Idempotency-Key: digests of key and content, and the positions of its events."""

    __tablename__ = "request_key"
    __table_args__ = _IN_KEY_ORDER

    key: bytes = Field(sa_column=sa.Column(sa.LargeBinary(32), primary_key=True, nullable=False))
    content: bytes = Field(sa_column=_bytes(32))
    first: int = Field(sa_column=_number())
    last: int = Field(sa_column=_number())


class HeadRow(Table, table=True):
    """The last commit: one row. Who moves it from the position and epoch it expects may append; nobody else can then.

    `frozen_at` is the latest instant that was asked about before anything was recorded after it: commits are stamped
    later, so that the answer stays right. `epoch` is raised when the projections are remade or the log was set back.
    """

    __tablename__ = "head"

    id: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number())
    recorded_at: int = Field(sa_column=_number())
    frozen_at: int = Field(sa_column=_number())
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger(), nullable=False, server_default="0"))


class LedgerRow(Table, table=True):
    """The ledger itself: one row. `shape` is that of its projections; 0 asks for a rebuild. `uuid` is its name."""

    __tablename__ = "ledger"

    id: int = Field(sa_column=_number(primary_key=True))
    shape: int = Field(sa_column=_number())
    uuid: str = Field(sa_column=_later_text())


class CommitRow(Table, table=True):
    """Each commit's instant and last position: turns an instant of knowledge into a position."""

    __tablename__ = "commit_mark"

    recorded_at: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number())


class ItemRow(Table, table=True):
    """The catalogue of items; issues are items too.

    From the day `over_from` on, as known at `over_known` and later, an item has ended in every reading: a question
    leaves it out unread. While it is not known to end, `over_known` is OPEN_END. `over_on` is the day of publication of
    the event at `over_known`.
    """

    __tablename__ = "item"
    __table_args__ = (sa.UniqueConstraint("slug"), sa.Index(None, "kind", "number"))

    number: int = Field(sa_column=_number(primary_key=True))
    slug: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    over_from: int = Field(sa_column=_day())
    over_known: int = Field(sa_column=_number())
    over_on: int = Field(sa_column=_day())


class ItemEventRow(Table, table=True):
    """An event that bears on an item: a fact, a record on one, or a fact that a correction put on the item."""

    __tablename__ = "item_event"
    __table_args__ = _IN_KEY_ORDER

    item: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number(primary_key=True))


class IssueEventRow(Table, table=True):
    """An event that names an issue (by its item number); `version` counts them.

    An event that brings a text which names the issue (a fact, or a correction) has `fact`, the position of the fact
    that the text is of, and the bounds of the text's date: the issue's texts in valid order. `fact` is 0 for others.
    """

    __tablename__ = "issue_event"
    __table_args__ = (
        sa.Index(
            "ix_issue_event_valid",
            *("issue", "occurred_lo", "occurred_hi", "fact", "position"),
            postgresql_where=sa.text("fact > 0"),
            sqlite_where=sa.text("fact > 0"),
        ),
        _IN_KEY_ORDER,
    )

    issue: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number(primary_key=True))
    version: int = Field(sa_column=_number())
    occurred_lo: int = Field(sa_column=_day())
    occurred_hi: int = Field(sa_column=_day())
    fact: int = Field(sa_column=_number())


class FactRecordRow(Table, table=True):
    """A record that acts on a fact, by position: on the fact itself, or on a record that does."""

    __tablename__ = "fact_record"
    __table_args__ = _IN_KEY_ORDER

    fact: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number(primary_key=True))


class EventIndexRow(Table, table=True):
    """The index of a recorded event: its bounds in valid time, and its tokens between line breaks.

    `acts_on` is the position of the text that a record acts on, 0 for a fact; `size` are the bytes of both.
    """

    __tablename__ = "event_index"

    position: int = Field(sa_column=_number(primary_key=True))
    occurred_lo: int = Field(sa_column=_number())
    occurred_hi: int = Field(sa_column=_number())
    tokens: str = Field(sa_column=_text())
    acts_on: int = Field(sa_column=_number())
    size: int = Field(sa_column=_number())


class FacetRow(Table, table=True):
    """A token that some text ever gave an item: the candidates of a question, whose states at (D, K) decide.

    `position` is that of the event that first gave it. At an earlier K the item is no candidate: what an answer looks
    at, and where it ends for its work, is the same whatever is recorded later (docs/decisions/0080).

    Some tokens come from no event: they mark every item that had such a state at some recorded K, `against-all` every
    restriction that named no target country (`codes.SCOPE_MARKS`). An item that is out of order has also those that a
    state may have as published (docs/decisions/0076).
    """

    __tablename__ = "facet"
    __table_args__ = _IN_KEY_ORDER

    token: str = Field(sa_column=sa.Column(sa.Text(), primary_key=True, nullable=False))
    item: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number())


class VersionRow(Table, table=True):
    """An item's state from `valid_from` until its next version known at the same K, known from `known_from` on.

    A version is known until a newer version of the same day replaces it (this row is not updated), or until
    `closed_at`: from that position on no version starts on that day (OPEN_END: never). `state` is a row of `state`, or
    NO_STATE. `arrivals` is the change on the day, over [known_from, closed_at), whatever takes the version's place: a
    version with the change of the one before it does not repeat it, one with another closes it. `published_on` and
    `closed_on` are the days of publication of the events at `known_from` and `closed_at`, FOREVER where there is none
    and where the item is out of order.

    So a late fact adds its versions and closes hardly any. States (some kB each) are apart: those of a million events
    lie all over the disk.
    """

    __tablename__ = "version"
    __table_args__ = (
        sa.Index("ix_version_changes", "valid_from", "item", postgresql_where=_CHANGES, sqlite_where=_CHANGES),
        _IN_KEY_ORDER,
    )

    item: int = Field(sa_column=_number(primary_key=True))
    valid_from: int = Field(sa_column=_day(primary_key=True))
    known_from: int = Field(sa_column=_number(primary_key=True))
    closed_at: int = Field(sa_column=_number())
    closed_on: int = Field(sa_column=_day())
    published_on: int = Field(sa_column=_day())
    state: int = Field(sa_column=_number())
    arrivals: str = Field(sa_column=_text())


class StateRow(Table, table=True):
    """A state as it is answered: its status, the tokens it is found by between line breaks, its JSON.

    Its number is `position << STATE_BITS` of the event that brought it, then one after another.
    """

    __tablename__ = "state"

    number: int = Field(sa_column=_number(primary_key=True))
    status: str = Field(sa_column=_text())
    tokens: str = Field(sa_column=_text())
    body: bytes = Field(sa_column=_bytes())


class BearingRow(Table, table=True):
    """From a day on, so many items of an issue more (or less, below 0) have a bearing on its posture.

    It is known from a position on. The sum of an issue's rows is its tally: a writer that has not kept it reads them.
    `published_on` is the day by which the event at the position, and for items out of order all before it, was out.
    """

    __tablename__ = "bearing"
    __table_args__ = _IN_KEY_ORDER

    issue: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number(primary_key=True))
    bearing: int = Field(sa_column=_number(primary_key=True))
    day: int = Field(sa_column=_day(primary_key=True))
    more: int = Field(sa_column=_number())
    published_on: int = Field(sa_column=_day())


class PostureRow(Table, table=True):
    """The posture of an issue from `valid_from` until its next one known at the same K, known from `known_from` on.

    As with versions, a newer row of the same day takes its place, and `closed_at` is the position from which on none
    begins on the day. Most are closed after a while: it is in the key, so that a probe passes them by in the index.
    Before the first row it is NO_POSTURE (service/domain/rule/posture.py).
    """

    __tablename__ = "posture"
    __table_args__ = _IN_KEY_ORDER

    issue: int = Field(sa_column=_number(primary_key=True))
    valid_from: int = Field(sa_column=_day(primary_key=True))
    known_from: int = Field(sa_column=_number(primary_key=True))
    closed_at: int = Field(sa_column=_number(primary_key=True))
    posture: str = Field(sa_column=_text())
    certainty: str = Field(sa_column=_text())
