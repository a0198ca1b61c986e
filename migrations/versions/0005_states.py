"""States apart from versions. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPEN_END = 9_223_372_036_854_775_807
EMPTIED = ("commit_mark", "item", "item_event", "issue_event", "fact_record", "event_index", "facet")

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
    """Make a column of numbers; on SQLite only INTEGER PRIMARY KEY is the row's own address."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def state() -> list[sa.Column[int] | sa.Column[str] | sa.Column[bytes]]:
    """Make the columns of a state."""
    return [text("status"), text("tokens"), sa.Column("body", sa.LargeBinary(), nullable=False)]


def make_versions(
    *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes], with_rowid: bool, by: list[str]
) -> None:
    """Make the table of versions with these further columns, and its index."""
    op.create_table(
        "version",
        number("item"),
        sa.Column("valid_from", sa.Integer(), autoincrement=False, nullable=False),
        number("known_from"),
        number("known_to"),
        *columns,
        sa.PrimaryKeyConstraint("item", "valid_from", "known_from", name="pk_version"),
        sqlite_with_rowid=with_rowid,
    )
    still = sa.text(f"known_to = {OPEN_END}")
    op.create_index("ix_version_current", "version", by, postgresql_where=still, sqlite_where=still)


def finish(holding: str, *tables: str) -> None:
    """Empty the other projections; on PostgreSQL let the service use these, of which one holds the states."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    if op.get_bind().dialect.name == "postgresql":
        # Bodies of a few kB stay in the row as they are: compressing them cost more than it saved.
        op.execute(sa.text(f"ALTER TABLE {holding} SET (toast_tuple_target = 8160)"))
        op.execute(sa.text(POSTGRES_GRANT.format(tables=", ".join(tables))))


def upgrade() -> None:
    """Go up."""
    op.drop_table("version")
    make_versions(number("state"), text("arrivals"), with_rowid=False, by=["item", "valid_from", "state"])
    op.create_table("state", number("number"), *state(), sa.PrimaryKeyConstraint("number", name="pk_state"))
    finish("state", "version", "state")


def downgrade() -> None:
    """Go down."""
    op.drop_table("state")
    op.drop_table("version")
    status, tokens, body = state()
    make_versions(status, tokens, text("arrivals"), body, with_rowid=True, by=["item", "valid_from"])
    finish("version", "version")
