"""An index of the changes of each day. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

EMPTIED = (
    "commit_mark", "item", "out_of_order", "item_event", "issue_event", "fact_record", "event_index", "facet", "state",
    "version",
)  # fmt: skip


def empty() -> None:
    """Empty the projections, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own
    op.execute(sa.text("UPDATE ledger SET shape = 0"))  # `parley migrate` remakes them


def upgrade() -> None:
    """Go up."""
    empty()
    some = sa.text("arrivals <> ''")
    op.create_index("ix_version_changes", "version", ["valid_from", "item"], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Go down."""
    empty()
    op.drop_index("ix_version_changes", "version")
