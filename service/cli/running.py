"""The parts that commands share: settings, an open ledger, errors in one line, a progress bar."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from service.settings import (
    BadSetting,
    Settings,
    hosts,
    lease,
    origins,
    otlp_endpoint,
    public_url,
    rate,
    schedule,
    writer_address,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import BinaryIO

    from service.api.http.requests import Services
    from service.rebuild.rebuild import Options

database_option = click.option(
    "--database-url", metavar="URL", help="The ledger: sqlite:///PATH or postgresql://... (PARLEY_DATABASE_URL)."
)
PUBLIC_URL_HELP = "Where clients reach the service; `source` of its events (http://, its host and port)."
"""Help of an option of `serve` and `relay`."""


class Failed(click.ClickException):
    """A command that could not be done: one line on stderr, exit code 1."""

    exit_code = 1


class SetUp(click.ClickException):
    """A set-up with which a command cannot run: one line on stderr, exit code 2."""

    exit_code = 2


_READ: dict[str, Callable[[str], Any]] = {
    "log_level": str.upper, "public_url": public_url, "writer_address": writer_address, "otlp_endpoint": otlp_endpoint,
    "allowed_hosts": hosts, "cors_origins": origins, "rate_limit": rate, "webhooks_schedule": schedule,
    "webhooks_lease": lease,
}  # fmt: skip
"""How the text of an option is read, by its name."""


def settings_of(**options: Any) -> Settings:  # noqa: ANN401 - options of different types
    """Read the settings from the environment, with the given options over them; raises SetUp for a bad value."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        given |= {name: read(given[name]) for name, read in _READ.items() if name in given}
        return replace(Settings.from_env(), **given)
    except BadSetting as error:
        raise SetUp(str(error)) from error


def shown(settings: Settings) -> str:
    """Return the URL of the database without its password."""
    from service.storage import connect

    return connect.shown(settings.database_url)


def is_missing(settings: Settings) -> bool:
    """Return whether an embedded ledger is still to be made: there is no file, or one without tables."""
    if not settings.embedded:
        return False
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    if not path.exists():
        return True
    with set_up_errors(), contextlib.closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,))


def make_missing(settings: Settings) -> None:
    """Make an embedded ledger where there is none."""
    if is_missing(settings):
        from service.storage import migrate as migrations

        with set_up_errors():
            migrations.upgrade(settings.database_url)
            renew(settings)


def renew(settings: Settings) -> None:
    """Remake the projections of a ledger where they have the shape of another version."""
    from service.rebuild import rebuild
    from service.storage import connect

    async def work() -> None:
        async with connect.opened(settings.database_url) as database:
            await rebuild.renew(database, progress, rebuild_options(settings))

    with bar("Rebuilding") as progress, kept_when_stopped():
        asyncio.run(work())


def rebuild_options(
    settings: Settings, *, check: bool = False, restored: bool = False, workers: int | None = None
) -> Options:
    """Return the options of a rebuild; workers that are not given leave a core to others."""
    from service.rebuild.rebuild import Options

    count = workers or max(1, (os.cpu_count() or 1) - 1)
    return Options(check, restored, count, settings.database_url, lambda line: click.echo(line, err=True))


@contextlib.contextmanager
def kept_when_stopped() -> Iterator[None]:
    """Print, when a rebuild is stopped from the keyboard, that what it has done is kept."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped; what is done is kept: the same command goes on from there", err=True)
        raise


@contextlib.contextmanager
def set_up_errors() -> Iterator[None]:
    """Turn the error that keeps a database from being used into SetUp, with its first line."""
    import asyncpg
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from service.storage.database import Lost

    drivers = (Lost, sqlite3.Error, SQLAlchemyError, CommandError, asyncpg.PostgresError, asyncpg.InterfaceError)
    try:
        yield
    except BrokenPipeError:  # the reader of our output has seen enough
        raise
    except (*drivers, OSError, ValueError) as error:
        msg = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise SetUp(msg.splitlines()[0]) from error


def run(settings: Settings, work: Callable[[Services], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """Open the ledger, await `work` on it and return the result; raises Failed or SetUp with one line."""
    from service.domain.errors import Refused, Unavailable
    from service.storage.database import NewerTables, NotMigrated
    from service.transfer import ImportStopped

    async def run() -> Any:  # noqa: ANN401
        async with _opened(settings) as services:
            return await work(services)

    try:
        with set_up_errors():
            return asyncio.run(run())
    except ImportStopped as error:
        done = error.done
        msg = f"{error}\n{done.recorded} events recorded before, {done.already_recorded} known already"
        raise Failed(msg) from error
    except Refused as error:
        raise Failed(str(error)) from error
    except Unavailable as error:
        raise Failed(": ".join(str(each) for each in (error, error.__cause__) if each)) from error
    except NewerTables as error:
        msg = f"{shown(settings)} has the tables of a newer version of Parley ({error}): use that version"
        raise SetUp(msg) from error
    except NotMigrated as error:
        reason = "does not exist" if is_missing(settings) else "does not have the tables of this version"
        msg = f"{shown(settings)} {reason}: run `parley migrate`"
        raise SetUp(msg) from error


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Services]:
    from service import app, logs

    logs.configure("CRITICAL", settings.log_format)  # `run` shows an error in one line
    async with app.opened(settings) as services:
        yield services


@contextlib.contextmanager
def whole(file: str) -> Iterator[BinaryIO]:
    """Open a file that appears only once it is complete; - is standard output, devices and pipes are written as is."""
    plain = file != "-" and (Path(file).is_file() or not Path(file).exists())
    with click.open_file(file, "wb", atomic=plain) as out:
        yield cast("BinaryIO", out)
        out.flush()


@contextlib.contextmanager
def bar(title: str) -> Iterator[Callable[[int, int | None], object]]:
    """Show progress on stderr if that is a terminal: the events done, the total where it is known, and the rate."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, rate="")

        def show(done: int, total: int | None) -> None:
            speed = progress.tasks[task].speed
            progress.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield show
