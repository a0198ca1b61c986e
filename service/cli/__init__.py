"""The command `parley`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or set-up."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NoReturn

import click

from service import VERSION
from service.cli import feeds, keys, ledgers, questions, record, serve
from service.garbage import collect_seldom


def main() -> NoReturn:
    """Run the command line."""
    collect_seldom()  # once more: what has been loaded since the first time is not looked through either
    cli(prog_name="parley")
    raise SystemExit(0)


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    """Print the version, and whether the modules that mypyc can compile are compiled (decision 74)."""
    if asked:
        spec = find_spec("service.domain.rule.life")
        is_pure = spec is None or (spec.origin or "").endswith(".py")
        click.echo(f"parley, version {VERSION}" + ("" if is_pure else ", compiled"))
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Parley is a ledger of trade diplomacy.

    It answers what stood between trading partners on a day, as it was known at a time, and who says so.

    \b
    Try it (in a checkout, after `make install`, as .venv/bin/parley):
      parley seed              load the talks of London, June 2025
      parley serve             serve them on http://127.0.0.1:8000
      parley as-of rare-earth-export-restrictions --on 2025-05-31

    \b
    Settings are environment variables; options of a command win over them:
      PARLEY_DATABASE_URL      the ledger: sqlite:///PATH or postgresql://...
      PARLEY_HOST, PARLEY_PORT where `serve` listens
      PARLEY_PUBLIC_URL        where clients reach the service
      PARLEY_KEY               the key for a service (--url, `follow`)
      PARLEY_ALLOWED_HOSTS, PARLEY_CORS_ORIGINS,
      PARLEY_LOG_LEVEL, PARLEY_LOG_FORMAT, PARLEY_STALL_SECONDS,
      PARLEY_RATE_LIMIT, PARLEY_CLIENT_CONNECTIONS, PARLEY_CLIENT_STREAMS,
      PARLEY_PUBLIC_READS, PARLEY_OIDC_ISSUER, PARLEY_OIDC_AUDIENCE,
      PARLEY_OIDC_ROLES_CLAIM, PARLEY_WEBHOOKS_ALLOW_PRIVATE,
      PARLEY_READ_URL, PARLEY_WORKERS, PARLEY_WRITER_ADDRESS,
      PARLEY_OTLP_ENDPOINT, PARLEY_OTLP_HEADERS,
      PARLEY_NATS_URL          see `parley serve --help`, `parley relay --help`

    \b
    Without PARLEY_DATABASE_URL the ledger is a SQLite file in your data folder:
      ~/.local/share/parley/parley.db
      ($XDG_DATA_HOME/parley/parley.db where XDG_DATA_HOME is set)

    \b
    Exit codes: 0 done, 1 refused or failed, 2 wrong usage or set-up.
    """


for command in (
    serve.serve, ledgers.migrate, ledgers.seed, ledgers.import_, ledgers.export, ledgers.rebuild,
    questions.between, questions.exposure, questions.changes, questions.as_of, questions.show, questions.issues,
    questions.timeline, record.record,
    feeds.follow, feeds.relay, feeds.openapi, keys.keys,
):  # fmt: skip
    cli.add_command(command)
