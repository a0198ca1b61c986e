"""Texts of an issue in valid order, records on a fact. The projections are emptied: `parley migrate` remakes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REMADE = ("item_event", "issue_event", "facet")
EMPTIED = ("commit_mark", "item", "event_index", "version")

POSTGRES_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO parley_app;
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


def make(name: str, *columns: sa.Column[int] | sa.Column[str], key: tuple[str, str], with_rowid: bool) -> None:
    """Make a table; without row ids SQLite keeps it in the order of its key."""
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), sqlite_with_rowid=with_rowid)


def make_shared(*extra: sa.Column[int], with_rowid: bool) -> None:
    """Make the tables that both revisions have; `extra` are further columns of `issue_event`."""
    item, issue = (number("item"), number("position")), (number("issue"), number("position"), number("version"))
    make("item_event", *item, key=("item", "position"), with_rowid=with_rowid)
    make("issue_event", *issue, *extra, key=("issue", "position"), with_rowid=with_rowid)
    token = sa.Column("token", sa.Text(), nullable=False)
    make("facet", token, number("item"), key=("token", "item"), with_rowid=with_rowid)


def empty() -> None:
    """Empty the projections that stay, so that no answer comes from a part of them."""
    for table in EMPTIED:
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names of our own


def grant(*tables: str) -> None:
    """Let the service's role write to new tables, where there is one."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(POSTGRES_GRANT.format(tables=", ".join(tables))))


def upgrade() -> None:
    for table in REMADE:
        op.drop_table(table)
    make_shared(day("occurred_lo"), day("occurred_hi"), number("fact"), with_rowid=False)
    texts = sa.text("fact > 0")
    columns = ["issue", "occurred_lo", "occurred_hi", "fact", "position"]
    op.create_index("ix_issue_event_valid", "issue_event", columns, postgresql_where=texts, sqlite_where=texts)
    make("fact_record", number("fact"), number("position"), key=("fact", "position"), with_rowid=False)
    empty()
    grant(*REMADE, "fact_record")


def downgrade() -> None:
    for table in (*REMADE, "fact_record"):
        op.drop_table(table)
    make_shared(with_rowid=True)
    empty()
    grant(*REMADE)
