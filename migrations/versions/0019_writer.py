"""The lease to write: which process records what all processes of a database are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, UPDATE ON writer TO parley_app;
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
        "writer",
        number("id"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("owner", "address", "secret", "place")),
        number("ends_at"),
        sa.PrimaryKeyConstraint("id", name="pk_writer"),
        sqlite_with_rowid=False,
    )
    op.execute(sa.text("INSERT INTO writer (id, owner, address, secret, place, ends_at) VALUES (1, '', '', '', '', 0)"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    op.drop_table("writer")
