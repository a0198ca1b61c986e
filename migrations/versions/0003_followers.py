"""Who follows the log: cursors of consumers, webhooks and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON consumer, subscription, delivery TO parley_app;
        GRANT USAGE ON SEQUENCE delivery_number_seq TO parley_app;
    END IF;
END
$$
"""


def number(name: str, *, counted: bool = False) -> sa.Column[int]:
    """Make a column of numbers; the database counts them up where asked."""
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=counted, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    key = sa.PrimaryKeyConstraint("name", name="pk_consumer")
    op.create_table("consumer", text("name"), number("position"), number("moved_at"), key, sqlite_with_rowid=False)
    op.create_table(
        "subscription",
        *(text(name) for name in ("name", "url", "filter", "secret", "old_secret")),
        *(number(name) for name in ("old_until", "position")),
        *(text(name) for name in ("state", "reason")),
        *(number(name) for name in ("failures", "due_at", "subscribed_at")),
        text("owner"),
        *(number(name) for name in ("leased_until", "fence")),
        sa.PrimaryKeyConstraint("name", name="pk_subscription"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        number("number", counted=True),
        text("subscription"),
        *(number(name) for name in ("position", "attempt", "at", "status", "took")),
        text("detail"),
        sa.PrimaryKeyConstraint("number", name="pk_delivery"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_subscription_number", "delivery", ["subscription", "number"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    for table in ("delivery", "subscription", "consumer"):
        op.drop_table(table)
