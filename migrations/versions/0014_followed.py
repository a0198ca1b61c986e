"""What an event is followed by, and the text that a record acts on. The projections are emptied to be remade."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

EMPTIED = (
    "commit_mark", "item", "out_of_order", "item_event", "issue_event", "fact_record", "event_index", "facet", "state",
    "version",
)  # fmt: skip
COLUMNS = ("acts_on", "size")
KIND = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def empty() -> None:
    """Empty the projections, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes them


def upgrade() -> None:
    """Go up."""
    empty()
    for name in COLUMNS:
        op.add_column("event_index", sa.Column(name, KIND, nullable=False, server_default="0"))


def downgrade() -> None:
    """Go down."""
    empty()
    for name in COLUMNS:
        op.drop_column("event_index", name)
