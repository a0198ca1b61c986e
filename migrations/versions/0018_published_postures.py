"""Postures as published, from what is kept. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None

EMPTIED = (
    "commit_mark", "item", "out_of_order", "item_event", "issue_event", "fact_record", "event_index", "facet", "state",
    "version", "bearing", "posture",
)  # fmt: skip
POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def day(name: str) -> sa.Column[int]:
    """Make a column of days."""
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def empty() -> None:
    """Empty the projections, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes them


def create_bearing(*others: sa.Column[int]) -> None:
    """Make the table of bearings, with further columns."""
    op.create_table(
        "bearing",
        *(number("issue"), number("position"), number("bearing"), day("day"), number("more")),
        *others,
        sa.PrimaryKeyConstraint("issue", "position", "bearing", "day", name="pk_bearing"),
        sqlite_with_rowid=False,
    )


def grant(tables: str) -> None:
    """Let the role of the service use new tables."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT.format(tables=tables)))


def upgrade() -> None:
    """Go up."""
    empty()
    op.drop_table("bearing")
    create_bearing(day("published_on"))
    op.create_table(
        "issue_published",
        *(number("issue"), day("latest"), number("position"), day("earliest")),
        sa.PrimaryKeyConstraint("issue", "latest", "position", name="pk_issue_published"),
        sqlite_with_rowid=False,
    )
    grant("bearing, issue_published")


def downgrade() -> None:
    """Go down."""
    empty()
    op.drop_table("issue_published")
    op.drop_table("bearing")
    create_bearing()
    grant("bearing")
