"""Who may do what: keys, who recorded an event, and whose a consumer is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE ON api_key TO parley_app;
    END IF;
END
$$
"""
ADDED = (("event", "recorded_by"), ("consumer", "owner"))


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "api_key",
        *(text(name) for name in ("id", "name", "role")),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        *(number(name) for name in ("made_at", "expires_at", "revoked_at", "used_at")),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sqlite_with_rowid=False,
    )
    for table, column in ADDED:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    for table, column in ADDED:
        op.drop_column(table, column)
    op.drop_table("api_key")
