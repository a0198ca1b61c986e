"""Requests that had an Idempotency-Key, with the events that each recorded: a repeat is answered as the first time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT ON request_key TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "request_key",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        number("first"),
        number("last"),
        sa.PrimaryKeyConstraint("key", name="pk_request_key"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    op.drop_table("request_key")
