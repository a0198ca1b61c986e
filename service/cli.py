"""The command `parley`. Exit codes: 0 done, 1 refused or failed, 2 usage or set-up."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import signal
import socket
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlsplit

import click

from service.settings import FORMATS, LEVELS, BadSetting, Settings, lease, public_url, schedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import BinaryIO

    from service.api.wire import Services
    from service.rebuild import Rebuilt
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
    PARLEY_LOG_FORMAT, PARLEY_PUBLIC_URL, PARLEY_NATS_URL); options win over it. Without PARLEY_DATABASE_URL the ledger
    is a SQLite file in your data folder.

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
@click.option("--stall-seconds", type=click.IntRange(1, 3_600), help="Cut off who reads nothing for so long (30).")
@click.option("--allow-unauthenticated", is_flag=True, default=None, help="Let whoever reaches the port write.")
@click.option("--public-url", help="Where clients reach the service: the source of the events (http://127.0.0.1:8000).")
@click.option(
    "--webhooks-allow-private", is_flag=True, default=None, help="Let webhooks go to private addresses and without TLS."
)
@click.option("--webhooks-schedule", hidden=True)
@click.option("--webhooks-lease", hidden=True)
def serve(**options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Serve the ledger over HTTP until stopped.

    An embedded SQLite ledger is made and migrated when it is missing or empty; a server's database never is: run
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
    _make_missing(settings)
    _run(settings, _nothing)
    _serve(settings)


@cli.command()
@database_option
def migrate(database_url: str | None) -> None:
    """Bring the database to the tables of this version; safe to repeat.

    Where that empties the projections they are made anew from the log, which is never touched.

    \b
      parley migrate --database-url postgresql://owner@db/parley
    """
    from service.storage import migrate as migrations

    settings = _settings(database_url=database_url)
    with _set_up_errors():
        before = None if _missing(settings) else migrations.current(settings.database_url)
        migrations.upgrade(settings.database_url)
        with _bar("Rebuilding") as progress:
            asyncio.run(_renew(settings, progress))
    after = migrations.newest()
    click.echo(f"{_shown(settings)} is at revision {after}" + ("" if before == after else f", was {before or 'empty'}"))


async def _renew(settings: Settings, progress: Callable[[int, int | None], object]) -> None:
    """Make the projections anew where a migration has emptied them."""
    from service import rebuild as rebuilding
    from service.storage import connect

    database = connect.connect(settings.database_url)
    try:
        await database.open()
        if await rebuilding.is_due(database):
            await rebuilding.rebuild(database, progress)
    finally:
        await database.close()


@cli.command()
@click.argument("name", default="london")
@database_option
def seed(name: str, database_url: str | None) -> None:
    """Load a set of facts that comes with Parley; loading it again changes nothing.

    london has the talks of June 2025, us-china the trade measures and talks of the two since 2018.

    \b
      parley seed
      parley seed us-china
    """
    from service import transfer

    if name not in transfer.seeds():
        msg = f"there is no set {name}; there are: {', '.join(transfer.seeds())}"
        raise SetUp(msg)
    settings = _settings(database_url=database_url)
    _make_missing(settings)
    with _bar(f"Loading {name}") as progress:
        done = _run(settings, lambda held: transfer.seed(held.database, held.ledger, name, progress))
    _say_imported(done)


@cli.command("import")
@click.argument("file", type=click.File("rb"))
@database_option
def import_(file: Any, database_url: str | None) -> None:  # noqa: ANN401 - an open file
    """Record the events of an NDJSON FILE (- for standard input), one a line, in order.

    Ids are kept, and into an empty ledger the instants of recording too, so that every answer is the same as in the
    ledger that was exported. Events that are recorded already are left as they are, so an import that broke off is
    taken up by doing it again. Lines that cannot be recorded stop the import and are named with all their faults. The
    feed as NDJSON is such a file; it is refused where its last line tells of more events than came.

    \b
      parley export - --database-url sqlite:///old.db | parley import -
    """
    from service import transfer

    settings = _settings(database_url=database_url)
    _make_missing(settings)
    with _bar("Importing") as progress:
        done = _run(settings, lambda held: transfer.import_(held.database, held.ledger, file, progress))
    _say_imported(done)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@database_option
def export(file: str, database_url: str | None) -> None:
    """Write every recorded event to an NDJSON FILE (- for standard output), one a line, in position order.

    The file is there when it is whole, not before.

    \b
      parley export ledger.ndjson
    """
    from service import transfer

    async def work(held: Services) -> int:
        with _bar("Exporting") as progress, _whole(file) as out:
            return await transfer.export(held.database, out, progress)

    count = _run(_settings(database_url=database_url), work)
    click.echo(f"{count} events written", err=True)


@cli.command()
@click.option("--nats-url", help="Servers of one NATS cluster, with commas between (nats://127.0.0.1:4222).")
@click.option("--public-url", help="Where clients reach the service: the source of the events (http://127.0.0.1:8000).")
@click.option("--replicas", type=click.IntRange(1, 5), default=1, help="Copies that a new stream has (1).")
@database_option
def relay(*, replicas: int, **options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Publish every event of the log to NATS JetStream, once and in order, until stopped.

    The stream PARLEY is made when it is missing; what it holds already is not sent again. Lost connections are made
    anew for ever. Exit code 1: the stream is of another ledger, has other settings, or cannot take an event.

    \b
      parley relay --nats-url nats://nats:4222 --public-url https://parley.example
    """
    from service import relay as relaying

    settings = _settings(**options)
    try:
        _run(settings, lambda held: _relay(held, settings, replicas))
    except relaying.Unfit as error:
        raise Failed(str(error)) from error


async def _relay(held: Services, settings: Settings, replicas: int) -> None:
    from service import logs
    from service import relay as relaying

    logs.configure(settings.log_level, settings.log_format)
    relay = relaying.Relay(held.database, settings.nats_url.split(","), settings.public_url, replicas)
    running = asyncio.ensure_future(relay.run())
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


@cli.command()
@click.option("--check", is_flag=True, help="Make them in a scratch file and compare; write nothing.")
@database_option
def rebuild(*, check: bool, database_url: str | None) -> None:
    """Make every projection anew from the log, in one commit, and say whether it changed.

    Answers come from the projections; the log alone is the truth. A difference (exit code 1) means that they had not
    been what the log says: it is mended by then, unless with --check, and worth a report. While others append, the two
    cannot be compared (with --check that is exit code 1 too).

    \b
      parley rebuild
      parley rebuild --check
    """
    with _bar("Rebuilding") as progress:
        done = _run(_settings(database_url=database_url), lambda held: _rebuilt(held, progress, check=check))
    verdict = "identical" if done.same else "not compared, others appended" if done.moved else "CHANGED"
    click.echo(f"{done.events} events; before {done.before[:16]}, after {done.after[:16]}: {verdict}")
    if not done.same and (check or not done.moved):
        raise SystemExit(1)


async def _rebuilt(held: Services, progress: Callable[[int, int | None], object], *, check: bool) -> Rebuilt:
    from service import rebuild as rebuilding
    from service.storage import connect, migrate

    if not check:
        return await rebuilding.rebuild(held.database, progress)
    with TemporaryDirectory(prefix="parley-") as folder:
        url = f"sqlite:///{folder}/scratch.db"
        migrate.upgrade(url)
        scratch = connect.connect(url)
        await scratch.open()
        try:
            return await rebuilding.rebuild(held.database, progress, scratch)
        finally:
            await scratch.close()


@cli.command("as-of")
@click.argument("issue")
@click.option("--on", "day", metavar="DATE", help="The day asked about, YYYY-MM-DD (today).")
@click.option("--known-at", metavar="INSTANT", help="As known at an instant of RFC 3339; published: or a day.")
@click.option("--known-position", type=click.IntRange(0), metavar="N", help="As known at a position of the log.")
@click.option(
    "--known-basis",
    type=click.Choice(["recorded", "published"]),
    help="Facts are known from their recording (recorded) or their earliest publication.",
)
@click.option("--ended", is_flag=True, help="With the items that have ended.")
@click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it.")
@database_option
def as_of(issue: str, *, ended: bool, as_json: bool, database_url: str | None, **clocks: Any) -> None:  # noqa: ANN401
    """Show what stood in an ISSUE on a day, as it was known, and who says so.

    \b
      parley as-of rare-earth-export-restrictions --on 2025-06-05
      parley as-of rare-earth-export-restrictions --on 2025-06-10 --known-position 8
      parley as-of rare-earth-export-restrictions --on 2025-06-10 --known-basis published --known-at 2025-06-10
    """
    from service import asof

    given = {name.replace("day", "as_of"): value for name, value in clocks.items() if value is not None}
    answer = _run(_settings(database_url=database_url), lambda held: asof.ask(held, issue, given, ended=ended))
    if as_json:
        click.echo(answer)
    else:
        asof.show(answer)


@cli.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the service is.")
@click.option("--consumer", metavar="NAME", help="Keep the place in this cursor of the service, and go on from it.")
@click.option("--exec", "command", metavar="CMD", help="Run this for each event, with its JSON on standard input.")
@click.option("--after", type=click.IntRange(0), metavar="N", default=0, help="Begin behind this position (0).")
@click.option("--type", metavar="TYPE", help="Only events of this type.")
@click.option("--issue", metavar="ISSUE", help="Only events that name this issue.")
@click.option("--party", metavar="CODE", help="Only events that mention this party.")
@click.option("--good", metavar="GOOD", help="Only events on this good: its name, element or ECCN.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=500, show_default=True, help="Events at a time.")
@click.option("--once", is_flag=True, help="Stop at the head instead of waiting for more.")
def follow(url: str, command: str | None, **options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Follow the feed of a service: write each event as a line of JSON, or run a command for each.

    The cursor of --consumer moves when an event is handled: with --exec after each command that ends with exit code 0,
    else when a page of lines is written. What a crash leaves in hand comes again; nothing is missed, and a gap in the
    positions stops it. --after is for a consumer that is not there yet. A lost connection is tried again for ever,
    SIGTERM and Ctrl-C stop it after the event in hand (exit code 0); a failing command and a cursor that somebody else
    moves stop it too (exit code 1).

    \b
      parley follow --once | jq -r .type
      parley follow --consumer newsroom --type restriction.imposed >> imposed.ndjson
      parley follow --consumer archive --exec 'sh -c "cat > event-$PARLEY_POSITION.json"'
    """
    from service import follow as following
    from service import logs

    settings = _settings()
    logs.configure(settings.log_level, settings.log_format)
    given = {name: options.pop(name) for name in ("type", "issue", "party", "good")}
    filters = {name: value for name, value in given.items() if value is not None}
    plan = following.Plan(url=_http(url), command=_words(command), filters=filters, **options)
    try:
        following.run(plan, sys.stdout.buffer)
    except following.Halted as error:
        raise Failed(str(error)) from error


def _http(url: str) -> str:
    """Check the address of a service."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        msg = f"--url must begin with http:// or https:// and a host, not {url!r}"
        raise SetUp(msg)
    return url


def _words(command: str | None) -> list[str]:
    """Split a command as a shell would; it is run without one."""
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        msg = f"--exec: {error}"
        raise SetUp(msg) from error
    if command is not None and (not words or shutil.which(words[0]) is None):
        msg = f"--exec: there is no command {command!r}"
        raise SetUp(msg)
    return words


@cli.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when a file is not what would be written.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default="openapi", show_default=True)
def openapi(*, check: bool, output: Path) -> None:
    """Write the OpenAPI document, and the AsyncAPI document, into a folder.

    \b
      parley openapi --check
    """
    from service.api import operations

    for name, written in (("openapi.json", operations.openapi()), ("asyncapi.json", operations.asyncapi())):
        file = output / name
        if not check:
            try:
                file.write_bytes(written)
            except OSError as error:
                msg = f"{file}: {error.strerror}"
                raise Failed(msg) from error
        elif not file.exists() or file.read_bytes() != written:
            msg = f"{file} is out of date: run `parley openapi`"
            raise Failed(msg)
        click.echo(f"{file} is up to date")


def _settings(**options: Any) -> Settings:  # noqa: ANN401 - options of different types
    """Take the environment, then the options that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    if "log_level" in given:
        given["log_level"] = given["log_level"].upper()
    try:
        if "public_url" in given:
            given["public_url"] = public_url(given["public_url"])
        if "webhooks_schedule" in given:
            given["webhooks_schedule"] = schedule(given["webhooks_schedule"])
        if "webhooks_lease" in given:
            given["webhooks_lease"] = lease(given["webhooks_lease"])
        return replace(Settings.from_env(), **given)
    except BadSetting as error:
        raise SetUp(str(error)) from error


def _shown(settings: Settings) -> str:
    """Name a database without its password."""
    from sqlalchemy import make_url

    return make_url(settings.database_url).render_as_string(hide_password=True)


def _missing(settings: Settings) -> bool:
    """Tell whether an embedded ledger is still to be made: there is no file, or one without tables."""
    if not settings.embedded:
        return False
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    if not path.exists():
        return True
    with _set_up_errors(), contextlib.closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,))


def _make_missing(settings: Settings) -> None:
    """Make an embedded ledger where there is none."""
    if _missing(settings):
        from service.storage import migrate as migrations

        with _set_up_errors():
            migrations.upgrade(settings.database_url)


@contextlib.contextmanager
def _set_up_errors() -> Iterator[None]:
    """Tell in one line what keeps a database from being used."""
    import asyncpg
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from service.storage.database import Lost

    drivers = (Lost, sqlite3.Error, SQLAlchemyError, CommandError, asyncpg.PostgresError, asyncpg.InterfaceError)
    try:
        yield
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except (*drivers, OSError, ValueError) as error:
        msg = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise SetUp(msg.splitlines()[0]) from error


def _serve(settings: Settings) -> None:
    import uvicorn

    from service import logs
    from service.app import create_app

    logs.configure(settings.log_level, settings.log_format)
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"Parley {_shown(settings)} on {where}/v1/issues, docs at {where}/schema, stop with Ctrl-C")
    app = create_app(settings)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """Let those who follow go first: the server waits for every answer to end."""
            app.state.services.tail.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops, then raises it again: that is not a failure
    with contextlib.suppress(KeyboardInterrupt):
        Server(config).run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        msg = f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        raise SetUp(msg) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux: who reads nothing for so long is cut off by the system
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.stall_seconds * 1_000)
    return listening


async def _nothing(_: Services) -> None:
    """Do nothing with a ledger: that it opens is all that is asked."""


def _run(settings: Settings, work: Callable[[Services], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """Open the ledger and do something with it; what goes wrong is told in one line."""
    from service.domain.errors import Refused, Unavailable
    from service.storage.database import NotMigrated
    from service.transfer import BadLine

    async def run() -> Any:  # noqa: ANN401
        async with _opened(settings) as held:
            return await work(held)

    try:
        with _set_up_errors():
            return asyncio.run(run())
    except BadLine as error:
        msg = f"{error}\n{error.done.recorded} events recorded before, {error.done.known} known already"
        raise Failed(msg) from error
    except Refused as error:
        raise Failed(str(error)) from error
    except Unavailable as error:
        raise Failed(": ".join(str(each) for each in (error, error.__cause__) if each)) from error
    except NotMigrated as error:
        found = "is not there" if _missing(settings) else "has not the tables of this version"
        msg = f"{_shown(settings)} {found}: run `parley migrate`"
        raise SetUp(msg) from error


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Services]:
    from service import app, logs

    logs.configure("CRITICAL", settings.log_format)  # what goes wrong is told in one line, by `_run`
    async with app.opened(settings) as held:
        yield held


@contextlib.contextmanager
def _whole(file: str) -> Iterator[BinaryIO]:
    """Open a file that is there once it is whole; - is standard output, and a device or pipe is written as it is."""
    plain = file != "-" and (Path(file).is_file() or not Path(file).exists())
    with click.open_file(file, "wb", atomic=plain) as out:
        yield cast("BinaryIO", out)
        out.flush()


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
