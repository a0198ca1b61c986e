"""The command `parley`. Exit codes: 0 done, 1 refused or failed, 2 usage or set-up."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from service.settings import FORMATS, LEVELS, BadSetting, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from service.api.wire import Services
    from service.transfer import Imported

GRACE_SECONDS = 5
"""How long a stopping service waits for requests under way."""
BACKLOG = 2_048

database_option = click.option("--database-url", help="sqlite:///PATH or postgresql://…; else PARLEY_DATABASE_URL.")


class Failed(click.ClickException):
    """A command that could not be done: one line on stderr, exit code 1."""

    exit_code = 1


class SetUp(click.ClickException):
    """Something is missing before the command can run: one line on stderr, exit code 2."""

    exit_code = 2


def main() -> NoReturn:
    """Run the command line."""
    cli(prog_name="parley")
    raise SystemExit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="parley-ledger", prog_name="parley")
def cli() -> None:
    """Parley: what stood between two trading partners on day D, as known at K, and who says so.

    Every setting is read from the environment (PARLEY_HOST, PARLEY_PORT, PARLEY_DATABASE_URL, PARLEY_LOG_LEVEL,
    PARLEY_LOG_FORMAT); options win over it. Without PARLEY_DATABASE_URL the ledger is a SQLite file in your data
    folder.

    \b
      parley seed                                       load the London set
      parley serve                                      serve it on http://127.0.0.1:8000
      parley as-of rare-earth-export-restrictions --on 2025-05-31
    """


@cli.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on (8000); 0 takes a free one.")
@database_option
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="Log from this level on (INFO).")
@click.option("--log-format", type=click.Choice(FORMATS), help="Log for people or as JSON lines (console).")
@click.option("--allow-unauthenticated", is_flag=True, default=None, help="Let whoever reaches the port write.")
def serve(**options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Serve the ledger over HTTP until stopped.

    An embedded SQLite ledger is made and migrated when it is missing; a server's database never is: run
    `parley migrate` first. There is no authentication yet, so an address that others can reach needs
    --allow-unauthenticated.

    \b
      parley serve --port 8080
      PARLEY_DATABASE_URL=postgresql://parley@db/parley parley serve --log-format json
    """
    settings = _settings(**options)
    if not settings.is_loopback() and not settings.allow_unauthenticated:
        msg = f"{settings.host} can be reached by others and there is no authentication yet: --allow-unauthenticated?"
        raise SetUp(msg)
    if settings.embedded:
        _migrate_missing(settings)
    _serve(settings)


@cli.command()
@database_option
def migrate(database_url: str | None) -> None:
    """Bring the database to the tables of this version; safe to repeat.

    \b
      parley migrate --database-url postgresql://owner@db/parley
    """
    from service.storage import migrate as migrations

    settings = _settings(database_url=database_url)
    with _set_up_errors():
        before = migrations.current(settings.database_url) if _exists(settings) else None
        migrations.upgrade(settings.database_url)
    after = migrations.newest()
    click.echo(f"{_shown(settings)} is at revision {after}" + ("" if before == after else f", was {before or 'empty'}"))


@cli.command()
@click.argument("name", default="london")
@database_option
def seed(name: str, database_url: str | None) -> None:
    """Load a set of facts that comes with Parley (london); loading it again changes nothing.

    \b
      parley seed
    """
    from service import transfer

    if name not in transfer.seeds():
        msg = f"there is no set {name}; there are: {', '.join(transfer.seeds())}"
        raise SetUp(msg)
    with _bar(f"Loading {name}") as progress:
        done = _run(database_url, lambda held: transfer.seed(held.database, held.ledger, name, progress))
    _say_imported(done)


@cli.command("import")
@click.argument("file", type=click.File("rb"))
@database_option
def import_(file: Any, database_url: str | None) -> None:  # noqa: ANN401 - an open file
    """Record the events of an NDJSON FILE (- for standard input), one a line, in order.

    Ids are kept, and into an empty ledger the instants of recording too, so that every answer is the same as in the
    ledger that was exported. Events that are recorded already are left as they are. The first line that cannot be
    recorded stops the import and is named with all its faults.

    \b
      parley export - --database-url sqlite:///old.db | parley import -
    """
    from service import transfer

    with _bar("Importing") as progress:
        done = _run(database_url, lambda held: transfer.import_(held.database, held.ledger, file, progress))
    _say_imported(done)


@cli.command()
@click.argument("file", type=click.File("wb"))
@database_option
def export(file: Any, database_url: str | None) -> None:  # noqa: ANN401 - an open file
    """Write every recorded event to an NDJSON FILE (- for standard output), one a line, in position order.

    \b
      parley export ledger.ndjson
    """
    from service import transfer

    with _bar("Exporting") as progress:
        count = _run(database_url, lambda held: transfer.export(held.database, file, progress))
    click.echo(f"{count} events written", err=True)


@cli.command()
@database_option
def rebuild(database_url: str | None) -> None:
    """Make every projection anew from the log, in one commit, and say whether it changed.

    Answers come from the projections; the log alone is the truth. A difference (exit code 1) means that they had not
    been what the log says: it is mended by then, and worth a report.

    \b
      parley rebuild
    """
    from service import rebuild as rebuilding

    with _bar("Rebuilding") as progress:
        done = _run(database_url, lambda held: rebuilding.rebuild(held.database, progress))
    same = done.before == done.after
    verdict = "identical" if same else "CHANGED"
    click.echo(f"{done.events} events; before {done.before[:16]}, after {done.after[:16]}: {verdict}")
    if not same:
        raise SystemExit(1)


@cli.command("as-of")
@click.argument("issue")
@click.option("--on", "day", metavar="DATE", help="The day asked about, YYYY-MM-DD (today).")
@click.option("--known-at", metavar="INSTANT", help="As known at an instant, RFC 3339 with offset.")
@click.option("--known-position", type=click.IntRange(0), metavar="N", help="As known at a position of the log.")
@click.option("--ended", is_flag=True, help="With the items that have ended.")
@click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it.")
@database_option
def as_of(issue: str, *, ended: bool, as_json: bool, database_url: str | None, **clocks: Any) -> None:  # noqa: ANN401
    """Show what stood in an ISSUE on a day, as it was known, and who says so.

    \b
      parley as-of rare-earth-export-restrictions --on 2025-06-05
      parley as-of rare-earth-export-restrictions --on 2025-06-10 --known-position 8
    """
    from service import asof

    given = {name.replace("day", "as_of"): value for name, value in clocks.items() if value is not None}
    answer = _run(database_url, lambda held: asof.ask(held, issue, given, ended=ended))
    if as_json:
        click.echo(answer)
    else:
        asof.show(answer)


@cli.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when the file is not what would be written.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default="openapi/openapi.json", show_default=True
)
def openapi(*, check: bool, output: Path) -> None:
    """Write the OpenAPI document.

    \b
      parley openapi --check
    """
    from service.api import operations

    written = operations.openapi()
    if not check:
        output.write_bytes(written)
    elif not output.exists() or output.read_bytes() != written:
        msg = f"{output} is out of date: run `parley openapi`"
        raise Failed(msg)
    click.echo(f"{output} is up to date")


def _settings(**options: Any) -> Settings:  # noqa: ANN401 - options of different types
    """Take the environment, then the options that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    if "log_level" in given:
        given["log_level"] = given["log_level"].upper()
    try:
        return replace(Settings.from_env(), **given)
    except BadSetting as error:
        raise SetUp(str(error)) from error


def _shown(settings: Settings) -> str:
    """Name a database without its password."""
    from sqlalchemy import make_url

    return make_url(settings.database_url).render_as_string(hide_password=True)


def _exists(settings: Settings) -> bool:
    return not settings.embedded or Path(settings.database_url.removeprefix("sqlite:///")).exists()


def _migrate_missing(settings: Settings) -> None:
    """Make an embedded ledger where there is none; one of an older version is brought up too."""
    from service.storage import migrate as migrations

    with _set_up_errors():
        if not _exists(settings) or migrations.current(settings.database_url) != migrations.newest():
            migrations.upgrade(settings.database_url)


@contextlib.contextmanager
def _set_up_errors() -> Iterator[None]:
    """Tell in one line what keeps a database from being used."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, CommandError, OSError, ValueError) as error:
        msg = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SetUp(msg) from error


def _serve(settings: Settings) -> None:
    import uvicorn

    from service import logs
    from service.app import create_app

    logs.configure(settings.log_level, settings.log_format)
    click.echo(
        f"Parley {_shown(settings)} on http://{settings.host}:{settings.port or '(a free port)'}, docs at /schema"
    )
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        msg = "the service did not start; its log says why (a missing `parley migrate`, or the port is taken)"
        raise SetUp(msg)


def _run(database_url: str | None, work: Callable[[Services], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """Open the ledger and do something with it; what goes wrong is told in one line."""
    from service.domain.errors import Refused, Unavailable
    from service.storage.database import Lost, NotMigrated
    from service.transfer import BadLine

    settings = _settings(database_url=database_url)
    if settings.embedded:
        _migrate_missing(settings)

    async def run() -> Any:  # noqa: ANN401
        async with _opened(settings) as held:
            return await work(held)

    try:
        return asyncio.run(run())
    except (BadLine, Refused, Unavailable) as error:
        raise Failed(str(error)) from error
    except NotMigrated as error:
        msg = f"{_shown(settings)} has not the tables of this version: run `parley migrate`"
        raise SetUp(msg) from error
    except (Lost, OSError, ValueError) as error:
        raise SetUp(str(error)) from error


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Services]:
    from service import app, logs

    logs.configure("WARNING", settings.log_format)
    async with app.opened(settings.database_url) as held:
        yield held


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int | None], object]]:
    """Show progress on stderr where that is a terminal: events done, of how many where that is known."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say_imported(done: Imported) -> None:
    click.echo(f"{done.recorded} events recorded, {done.known} known already")
