"""The commands on a ledger: migrate, seed, import, export and rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli.running import (
    SetUp,
    bar,
    database_option,
    is_missing,
    kept_when_stopped,
    make_missing,
    rebuild_options,
    renew,
    run,
    set_up_errors,
    settings_of,
    shown,
    whole,
)

if TYPE_CHECKING:
    from service.api.http.requests import Services
    from service.transfer import Imported


_AHEAD = (
    "warning: the last event was recorded {seconds:,.0f} s ahead of this machine's clock; until the clock has caught "
    "up, events are recorded one microsecond apart"
)


@click.command()
@database_option
def migrate(database_url: str | None) -> None:
    """Create or upgrade the tables of a database; safe to repeat.

    Recorded events are never touched. Projections that another version of Parley made are remade from them.

    \b
      parley migrate --database-url postgresql://owner@db/parley
    """
    from service.storage import migrate as migrations

    settings = settings_of(database_url=database_url)
    with set_up_errors():
        before = None if is_missing(settings) else migrations.current(settings.database_url)
        migrations.upgrade(settings.database_url)
        renew(settings)
    after = migrations.newest()
    click.echo(f"{shown(settings)} is at revision {after}" + ("" if before == after else f", was {before or 'empty'}"))


@click.command()
@click.argument("name", default="london")
@database_option
def seed(name: str, database_url: str | None) -> None:
    """Load a set of events that comes with Parley.

    NAME is london (the talks of June 2025; the default), us-china (trade measures and talks since 2018) or world
    (twelve histories of other partners, such as the Black Sea grain initiative). Loading a set again changes nothing.

    \b
      parley seed
      parley seed us-china
      parley seed world
    """
    from service import transfer

    if name not in transfer.seeds():
        msg = f"there is no set {name}; choose one of: {', '.join(transfer.seeds())}"
        raise SetUp(msg)
    settings = settings_of(database_url=database_url)
    make_missing(settings)
    with bar(f"Loading {name}") as progress:
        done = run(settings, lambda services: transfer.seed(services.database, services.ledger, name, progress))
    _echo(done)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@database_option
def import_(file: Any, database_url: str | None) -> None:  # noqa: ANN401 - an open file
    """Record the events of an NDJSON FILE, one a line, in order.

    FILE is an export, the feed as NDJSON, or events of your own; - is standard input. Events keep their ids. An empty
    ledger also keeps their instants of recording, so it answers every question as the exported ledger does. A warning
    says so if the last instant is ahead of the clock.

    Events that are already recorded are skipped: to resume an import that stopped, run it again. A line that cannot be
    recorded stops the import; the message lists the faults with their line numbers. A feed that is cut short is
    refused.

    \b
      parley export - --database-url sqlite:///old.db | parley import -
    """
    from service import transfer
    from service.eventlog.head import seconds_ahead

    async def work(services: Services) -> tuple[Imported, float]:
        done = await transfer.import_(services.database, services.ledger, file, progress)
        return done, seconds_ahead(await services.heads.read(), services.clock())

    settings = settings_of(database_url=database_url)
    make_missing(settings)
    with bar("Importing") as progress:
        done, ahead = run(settings, work)
    _echo(done)
    if ahead:
        click.echo(_AHEAD.format(seconds=ahead), err=True)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@database_option
def export(file: str, database_url: str | None) -> None:
    """Write every recorded event to an NDJSON FILE, one a line.

    Events are in the order of their positions. FILE appears once it is complete; - is standard output.

    \b
      parley export ledger.ndjson
    """
    from service import transfer

    async def work(services: Services) -> int:
        with bar("Exporting") as progress, whole(file) as out:
            return await transfer.export(services.database, out, progress)

    count = run(settings_of(database_url=database_url), work)
    click.echo(f"{count} events written", err=True)


@click.command()
@click.option("--check", is_flag=True, help="Compare only: leave the ledger as it is.")
@click.option("--restored", is_flag=True, help="The ledger is a restored backup: raise its epoch in any case.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that make it (one for each core but one).")
@database_option
def rebuild(*, check: bool, restored: bool, workers: int | None, database_url: str | None) -> None:
    """Remake the projections from the log and compare them.

    Parley answers from the projections, which are made from the log. A rebuild makes new tables beside the live ones,
    while appends and reads go on. New tables that differ replace the live ones in one commit.

    A rebuild that was stopped goes on where it was when it is run again. After a backup was restored use --restored:
    then no answer from before counts for the restored ledger.

    Exit code 1: the projections did not match the log. They have now been corrected (with --check nothing is changed).
    Please report it.

    On PostgreSQL it has to be run as the owner of the tables, who also needs the right to CREATE in the database.

    \b
      parley rebuild
      parley rebuild --check
    """
    from service.rebuild import rebuild as rebuilding

    settings = settings_of(database_url=database_url)
    options = rebuild_options(settings, check=check, restored=restored, workers=workers)
    with bar("Rebuilding") as progress, kept_when_stopped():
        done = run(settings, lambda services: rebuilding.rebuild(services.database, progress, options))
    differ = ", ".join(f"{table} {rows:,} rows" for table, rows in (done.differing or {}).items())
    click.echo(f"{done.events} events: {f'CHANGED: {differ}' if differ else 'identical'}")
    if not done.same:
        raise SystemExit(1)


def _echo(done: Imported) -> None:
    click.echo(f"{done.recorded} events recorded, {done.already_recorded} known already")
