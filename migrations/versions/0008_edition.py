"""The ledger has an id, and its head an epoch: which edition of the log and its projections an answer is from."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT ON alembic_version TO parley_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Go up."""
    op.add_column("head", sa.Column("epoch", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("ledger", sa.Column("uuid", sa.Text(), nullable=False, server_default=""))
    op.execute(sa.text("UPDATE ledger SET uuid = :made").bindparams(made=str(uuid.uuid4())))  # noqa: TID251 - a migration makes it, once
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    op.drop_column("ledger", "uuid")
    op.drop_column("head", "epoch")
