"""From which position on an item is found by a token. `parley migrate` remakes the projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

POSTGRES_KEY = """
ALTER TABLE facet ADD CONSTRAINT pk_facet PRIMARY KEY (token, item){include};
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON facet TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def make(*others: sa.Column[int]) -> None:
    """Replace the table by an empty one with further columns, on PostgreSQL in the key's index: lists come from it."""
    op.drop_table("facet")
    token = sa.Column("token", sa.Text(), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        op.create_table("facet", token, number("item"), *others)
        include = "".join(f" INCLUDE ({column.name})" for column in others)
        op.execute(sa.text(POSTGRES_KEY.format(include=include)))
    else:
        key = sa.PrimaryKeyConstraint("token", "item", name="pk_facet")
        op.create_table("facet", token, number("item"), *others, key, sqlite_with_rowid=False)
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes it


def upgrade() -> None:
    """Go up."""
    make(number("position"))


def downgrade() -> None:
    """Go down."""
    make()
