"""The log, append-only, and its projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPEN_END = 9_223_372_036_854_775_807
PROJECTIONS = ("commit_mark", "item", "item_event", "issue_event", "event_index", "facet", "version")

SQLITE_GUARD = """
CREATE TRIGGER event_no_{verb} BEFORE {verb} ON event BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END
"""
POSTGRES_GUARD = """
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
"""
# The service takes this role where it may. Roles belong to the whole cluster, so it may be there already; a migrating
# user who may not make roles goes without, and the trigger alone guards the log.
POSTGRES_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        BEGIN
            CREATE ROLE parley_app NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'parley_app') THEN
        BEGIN
            IF NOT pg_has_role(current_user, 'parley_app', 'MEMBER') THEN
                GRANT parley_app TO CURRENT_USER;
            END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN NULL;
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO parley_app', current_schema());
        GRANT SELECT, INSERT ON event TO parley_app;
        GRANT SELECT, UPDATE ON head TO parley_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON commit_mark, item, item_event, issue_event, event_index, facet, version
            TO parley_app;
        GRANT SELECT ON alembic_version TO parley_app;
    END IF;
END
$$
"""


def number(name: str) -> sa.Column[int]:
    """Make a column of numbers; on SQLite only INTEGER PRIMARY KEY is the row's own address."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False)


def text(name: str) -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "event",
        number("position"),
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        number("recorded_at"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_event"),
        sa.UniqueConstraint("id", name="uq_event_id"),
    )
    head = op.create_table(
        "head",
        number("id"),
        number("position"),
        number("recorded_at"),
        number("frozen_at"),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.bulk_insert(head, [{"id": 1, "position": 0, "recorded_at": 0, "frozen_at": 0}])
    op.create_table(
        "commit_mark",
        number("recorded_at"),
        number("position"),
        sa.PrimaryKeyConstraint("recorded_at", name="pk_commit_mark"),
    )
    op.create_table(
        "item",
        number("number"),
        text("slug"),
        text("kind"),
        sa.PrimaryKeyConstraint("number", name="pk_item"),
        sa.UniqueConstraint("slug", name="uq_item_slug"),
    )
    op.create_index("ix_item_kind_number", "item", ["kind", "number"])
    op.create_table(
        "item_event",
        number("item"),
        number("position"),
        sa.PrimaryKeyConstraint("item", "position", name="pk_item_event"),
    )
    op.create_table(
        "issue_event",
        number("issue"),
        number("position"),
        number("version"),
        sa.PrimaryKeyConstraint("issue", "position", name="pk_issue_event"),
    )
    op.create_table(
        "event_index",
        number("position"),
        number("occurred_lo"),
        number("occurred_hi"),
        text("tokens"),
        sa.PrimaryKeyConstraint("position", name="pk_event_index"),
    )
    op.create_table("facet", text("token"), number("item"), sa.PrimaryKeyConstraint("token", "item", name="pk_facet"))
    op.create_table(
        "version",
        number("item"),
        sa.Column("valid_from", sa.Integer(), autoincrement=False, nullable=False),
        number("known_from"),
        number("known_to"),
        text("status"),
        text("tokens"),
        text("arrivals"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item", "valid_from", "known_from", name="pk_version"),
    )
    still = sa.text(f"known_to = {OPEN_END}")
    op.create_index("ix_version_current", "version", ["item", "valid_from"], postgresql_where=still, sqlite_where=still)
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(SQLITE_GUARD.format(verb=verb))
    else:
        # Bodies of a few kB stay in the row as they are: compressing them cost more than it saved, on writes and reads.
        op.execute("ALTER TABLE version SET (toast_tuple_target = 8160)")
        op.execute(POSTGRES_GUARD)
        op.execute(POSTGRES_ROLE)


def downgrade() -> None:
    """Go down: the log goes too."""
    for table in (*PROJECTIONS, "head", "event"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION event_is_append_only()")
