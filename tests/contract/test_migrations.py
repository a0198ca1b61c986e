"""The migrations and the models say the same, on both databases."""

import sqlite3
import subprocess
import sys
from functools import partial

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from click.testing import CliRunner
from psycopg import sql

from service.cli import cli
from service.storage import files, migrate
from service.storage.client_tables import metadata
from service.storage.database import REVISION
from service.storage.layout import KEYS, TABLES, TYPES

TYPE_NAMES = {sa.BigInteger: "bigint", sa.Integer: "integer", sa.Text: "text", sa.LargeBinary: "bytea"}


def test_head_of_the_migrations_equals_the_models(migrated_url: str) -> None:
    """Alembic finds no difference between a migrated database and the models."""
    command.check(migrate.config(migrated_url))


@pytest.mark.parametrize("table", TABLES)
def test_statements_know_the_tables_as_the_models_have_them(table: str) -> None:
    """Columns in their order, their types, and keys are those of the model."""
    model = metadata.tables[table]
    assert [*TYPES[table].items()] == [(each.name, TYPE_NAMES[type(each.type)]) for each in model.columns]
    assert [*KEYS[table]] == model.primary_key.columns.keys()


def test_only_what_migrates_loads_the_models() -> None:
    """The service and the commands start without SQLModel: it takes a third of their time."""
    code = "import sys, service.app, service.cli; print(*{'sqlmodel', 'sqlalchemy', 'alembic'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"


def test_a_migrated_database_is_at_the_newest_revision(migrated_url: str) -> None:
    """The revision of a migrated database is the newest that the scripts know."""
    assert migrate.current(migrated_url) == migrate.newest() == REVISION


def test_migrations_go_down_and_up_again(database_url: str) -> None:
    """Going down to nothing and up again ends with the models' tables."""
    migrate.upgrade(database_url)
    command.downgrade(migrate.config(database_url), "base")
    assert migrate.current(database_url) is None
    migrate.upgrade(database_url)
    command.check(migrate.config(database_url))


@pytest.mark.parametrize("revision", ["0001", "0006", "-1"])
def test_a_ledger_of_an_earlier_revision_answers_as_before(database_url: str, revision: str) -> None:
    """A ledger of an earlier revision is opened only after `parley migrate`, with the same log and answers."""
    events = (files.data("seeds") / "london.ndjson").read_bytes().splitlines()
    run = partial(CliRunner().invoke, cli, env={"PARLEY_DATABASE_URL": database_url})
    assert run(["migrate"]).exit_code == 0
    assert run(["seed"]).exit_code == 0
    before = run(["as-of", "rare-earth-export-restrictions", "--on", "2025-06-10"]).output
    command.downgrade(migrate.config(database_url), revision)
    assert "run `parley migrate`" in run(["seed"]).output
    migrate.upgrade(database_url)
    if revision != "-1":  # the newest revision may be about other tables than those of the projections
        assert "run `parley migrate`" in run(["seed"]).output
    assert run(["migrate"]).exit_code == 0
    assert run(["as-of", "rare-earth-export-restrictions", "--on", "2025-06-10"]).output == before
    assert "identical" in run(["rebuild"]).output
    assert run(["export", "-"]).stdout_bytes.count(b"\n") == len(events)


@pytest.mark.row(9)
def test_a_ledger_of_a_newer_version_is_refused(migrated_url: str) -> None:
    """After a step back to an older release the ledger is neither served nor written."""
    engine = migrate.engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for words in (["seed"], ["rebuild"], ["serve", "--port", "0"]):
        refused = CliRunner().invoke(cli, words, env={"PARLEY_DATABASE_URL": migrated_url})
        assert (refused.exit_code, "a newer version of Parley (revision 9999)" in refused.output) == (2, True), words


def test_sqlite_keeps_the_log_append_only(migrated_sqlite_url: str) -> None:
    """A recorded event can be neither changed nor deleted, whatever program opens the file."""
    connection = sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"))
    connection.execute("INSERT INTO event VALUES (1, x'00', 1, x'7b7d', '')")
    for statement in ("UPDATE event SET body = x'00'", "DELETE FROM event"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    assert connection.execute("SELECT count(*) FROM event").fetchone() == (1,)
    connection.close()


def test_the_role_of_the_service_may_read_every_table(migrated_postgres_url: str) -> None:
    """A migration that makes a table grants it to the role that the connections take."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        connection.execute("SET ROLE parley_app")
        for table in (*metadata.tables, "alembic_version"):
            connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 0").format(sql.Identifier(table)))


def test_postgres_keeps_the_log_append_only(migrated_postgres_url: str) -> None:
    """Neither the role of the service nor the owner of the table can change, delete or truncate recorded events."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO event VALUES (1, '\\x00', 1, '\\x7b7d', '')")
        for role in ("NONE", "parley_app"):
            connection.execute(f"SET ROLE {role}")
            for statement in ("UPDATE event SET recorded_at = 2", "DELETE FROM event", "TRUNCATE event"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (1,)
