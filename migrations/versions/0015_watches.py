"""Watches and the answers to their questions. The projections are emptied to be remade: events are found by more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

EMPTIED = (
    "commit_mark", "item", "out_of_order", "item_event", "issue_event", "fact_record", "event_index", "facet", "state",
    "version",
)  # fmt: skip
KIND = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON watch, answer TO parley_app;
    END IF;
END
$$
"""


def empty() -> None:
    """Empty the projections, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes them


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, KIND, autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Go up."""
    empty()
    op.create_table(
        "watch",
        *(text(name) for name in ("name", "question", "subscription")),
        *(number(name) for name in ("version", "asked_at", "day", "position", "epoch", "delivered")),
        sa.PrimaryKeyConstraint("name", name="pk_watch"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "answer",
        text("watch"),
        *(number(name) for name in ("version", "number")),
        *(text(name) for name in ("id", "url")),
        *(number(name) for name in ("position", "at")),
        text("digest"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("watch", "version", "number", name="pk_answer"),
    )
    op.add_column("delivery", sa.Column("change", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down."""
    empty()
    op.drop_column("delivery", "change")
    for table in ("answer", "watch"):
        op.drop_table(table)
