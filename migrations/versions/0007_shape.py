"""The ledger notes which shape its projections have; 0 asks `parley migrate` to remake them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, UPDATE ON ledger TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers; on SQLite only INTEGER PRIMARY KEY is the row's own address."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def upgrade() -> None:
    """Go up."""
    ledger = op.create_table("ledger", number("id"), number("shape"), sa.PrimaryKeyConstraint("id", name="pk_ledger"))
    op.bulk_insert(ledger, [{"id": 1, "shape": 0}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    op.drop_table("ledger")
