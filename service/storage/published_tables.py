"""The tables of projections that say how what was published follows the order of the log (decisions 29 and 67)."""

from __future__ import annotations

from sqlmodel import Field

from service.storage.columns import IN_KEY_ORDER as _IN_KEY_ORDER
from service.storage.columns import Table
from service.storage.columns import days as _day
from service.storage.columns import numbers as _number

__all__ = ["IssuePublishedRow", "OutOfOrderRow"]


class OutOfOrderRow(Table, table=True):
    """An item whose events, from a position on, do not become known in the order in which they are recorded.

    Before it each event of the item has one day of publication, none an earlier one than those before it: what was
    published by a day is what was recorded up to some position, so that the versions answer as published too. From
    there on the item is worked out from its events. Items that are not here are in order.
    """

    __tablename__ = "out_of_order"
    __table_args__ = _IN_KEY_ORDER

    item: int = Field(sa_column=_number(primary_key=True))
    position: int = Field(sa_column=_number())


class IssuePublishedRow(Table, table=True):
    """An event on an issue's items that was not published in the order of the log, or on a later day than all before.

    `latest` is the day by which all that bears on the posture of the issue, up to `position`, was out. It never falls:
    the rows of an issue are in order of positions too. `earliest` is the first day on which a part of the event may
    count. An event that is wholly out on the day `latest` of the row before it has no row.
    """

    __tablename__ = "issue_published"
    __table_args__ = _IN_KEY_ORDER

    issue: int = Field(sa_column=_number(primary_key=True))
    latest: int = Field(sa_column=_day(primary_key=True))
    position: int = Field(sa_column=_number(primary_key=True))
    earliest: int = Field(sa_column=_day())
