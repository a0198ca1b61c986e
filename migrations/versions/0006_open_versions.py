"""Replaced versions stay open. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN_END = 9_223_372_036_854_775_807
EMPTIED = (
    "commit_mark", "item", "item_event", "issue_event", "fact_record", "event_index", "facet", "state", "version"
)  # fmt: skip


def empty() -> None:
    """Empty the projections, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own


def upgrade() -> None:
    """Go up."""
    empty()
    op.drop_index("ix_version_current", "version")
    op.execute("ALTER TABLE version RENAME COLUMN known_to TO closed_at")


def downgrade() -> None:
    """Go down."""
    empty()
    op.execute("ALTER TABLE version RENAME COLUMN closed_at TO known_to")
    still = sa.text(f"known_to = {OPEN_END}")
    columns = ["item", "valid_from", "state"]
    op.create_index("ix_version_current", "version", columns, postgresql_where=still, sqlite_where=still)
