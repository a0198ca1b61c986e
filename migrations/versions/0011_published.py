"""Days of publication of versions. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EMPTIED = ("commit_mark", "item_event", "issue_event", "fact_record", "event_index", "facet", "state")

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO parley_app;
    END IF;
END
$$
"""

Column = sa.Column[int] | sa.Column[str]


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers; on SQLite only INTEGER PRIMARY KEY is the row's own address."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def day(name: str) -> sa.Column[int]:
    """Make a column of days."""
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def remake(of_version: list[Column], of_item: list[Column], *others: str) -> None:
    """Make the tables of versions and items again with these further columns, and empty the other projections."""
    op.drop_table("version")
    op.create_table(
        "version",
        *(number("item"), day("valid_from"), number("known_from"), number("closed_at")),
        *of_version,
        *(number("state"), text("arrivals")),
        sa.PrimaryKeyConstraint("item", "valid_from", "known_from", name="pk_version"),
        sqlite_with_rowid=False,
    )
    op.drop_table("item")
    op.create_table(
        "item",
        *(number("number"), text("slug"), text("kind"), day("over_from"), number("over_known")),
        *of_item,
        sa.PrimaryKeyConstraint("number", name="pk_item"),
        sa.UniqueConstraint("slug", name="uq_item_slug"),
    )
    op.create_index("ix_item_kind_number", "item", ["kind", "number"])
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes them
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT.format(tables=", ".join(("version", "item", *others)))))


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "out_of_order",
        *(number("item"), number("position")),
        sa.PrimaryKeyConstraint("item", name="pk_out_of_order"),
        sqlite_with_rowid=False,
    )
    remake([day("published_on"), day("closed_on")], [day("over_on")], "out_of_order")


def downgrade() -> None:
    """Go down."""
    remake([], [])
    op.drop_table("out_of_order")
