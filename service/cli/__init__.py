"""The command `parley`. Exit codes: 0 done, 1 refused or failed, 2 usage or set-up."""

from __future__ import annotations

from typing import NoReturn

import click

from service.cli import feeds, ledgers, serve


def main() -> NoReturn:
    """Run the command line."""
    cli(prog_name="parley")
    raise SystemExit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="parley-ledger", prog_name="parley")
def cli() -> None:
    """Parley: what stood between two trading partners on day D, as known at K, and who says so.

    Every setting is read from the environment (PARLEY_HOST, PARLEY_PORT, PARLEY_DATABASE_URL, PARLEY_LOG_LEVEL,
    PARLEY_LOG_FORMAT, PARLEY_PUBLIC_URL, PARLEY_NATS_URL); options win over it. Without PARLEY_DATABASE_URL the ledger
    is a SQLite file in your data folder.

    \b
      parley seed                                       load the London set
      parley serve                                      serve it on http://127.0.0.1:8000
      parley as-of rare-earth-export-restrictions --on 2025-05-31
    """


for command in (
    serve.serve, ledgers.migrate, ledgers.seed, ledgers.import_, ledgers.export, ledgers.rebuild, ledgers.as_of,
    feeds.follow, feeds.relay, feeds.openapi,
):  # fmt: skip
    cli.add_command(command)
