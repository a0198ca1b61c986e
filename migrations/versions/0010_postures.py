"""Postures of issues, and the bearings of their items that they come from. `parley migrate` remakes the projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON bearing, posture TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def day(name: str) -> sa.Column[int]:
    """Make a column of days."""
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "bearing",
        *(number("issue"), number("position"), number("bearing"), day("day"), number("more")),
        sa.PrimaryKeyConstraint("issue", "position", "bearing", "day", name="pk_bearing"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "posture",
        *(number("issue"), day("valid_from"), number("known_from"), number("closed_at")),
        sa.Column("posture", sa.Text(), nullable=False),
        sa.Column("certainty", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issue", "valid_from", "known_from", "closed_at", name="pk_posture"),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE ledger SET shape = 0 WHERE id = 1")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT))


def downgrade() -> None:
    """Go down. The version before remakes the projections: theirs is another shape."""
    op.drop_table("posture")
    op.drop_table("bearing")
