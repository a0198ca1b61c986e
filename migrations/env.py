"""Alembic's entry: one script for both databases."""

from __future__ import annotations

from alembic import context

from service.storage.client_tables import metadata

config = context.config


def run() -> None:
    """Run the migrations over one connection, in one transaction."""
    with config.attributes["engine"].connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()


run()
