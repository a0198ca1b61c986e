"""When items are over. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EMPTIED = ("commit_mark", "item_event", "issue_event", "fact_record", "event_index", "facet", "version")

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON item TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def remake(*extra: sa.Column[int]) -> None:
    """Make the table of items again with these further columns, and empty the other projections."""
    op.drop_table("item")
    op.create_table(
        "item",
        number("number"),
        text("slug"),
        text("kind"),
        *extra,
        sa.PrimaryKeyConstraint("number", name="pk_item"),
        sa.UniqueConstraint("slug", name="uq_item_slug"),
    )
    op.create_index("ix_item_kind_number", "item", ["kind", "number"])
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def upgrade() -> None:
    remake(sa.Column("over_from", sa.Integer(), autoincrement=False, nullable=False), number("over_known"))


def downgrade() -> None:
    remake()
