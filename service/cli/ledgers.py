"""Commands on a ledger: migrate, seed, import, export, rebuild and as-of."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from service.cli.running import (
    SetUp,
    bar,
    database_option,
    is_missing,
    make_missing,
    renew,
    run,
    set_up_errors,
    settings_of,
    shown,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.api.http.requests import Services
    from service.rebuild.rebuild import Rebuilt
    from service.transfer import Imported


@click.command()
@database_option
def migrate(database_url: str | None) -> None:
    """Bring the database to the tables of this version; safe to repeat.

    Projections of another version are remade from the log, which is never touched.

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
    settings = settings_of(database_url=database_url)
    make_missing(settings)
    with bar(f"Loading {name}") as progress:
        done = run(settings, lambda held: transfer.seed(held.database, held.ledger, name, progress))
    _say_imported(done)


@click.command("import")
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

    settings = settings_of(database_url=database_url)
    make_missing(settings)
    with bar("Importing") as progress:
        done = run(settings, lambda held: transfer.import_(held.database, held.ledger, file, progress))
    _say_imported(done)


@click.command()
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
        with bar("Exporting") as progress, whole(file) as out:
            return await transfer.export(held.database, out, progress)

    count = run(settings_of(database_url=database_url), work)
    click.echo(f"{count} events written", err=True)


@click.command()
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
    with bar("Rebuilding") as progress:
        done = run(settings_of(database_url=database_url), lambda held: _rebuilt(held, progress, check=check))
    verdict = "identical" if done.same else "not compared, others appended" if done.moved else "CHANGED"
    click.echo(f"{done.events} events; before {done.before[:16]}, after {done.after[:16]}: {verdict}")
    if not done.same and (check or not done.moved):
        raise SystemExit(1)


async def _rebuilt(held: Services, progress: Callable[[int, int | None], object], *, check: bool) -> Rebuilt:
    from service.rebuild import rebuild as rebuilding
    from service.storage import connect, migrate

    if not check:
        return await rebuilding.rebuild(held.database, progress)
    with TemporaryDirectory(prefix="parley-") as folder:
        url = f"sqlite:///{folder}/scratch.db"
        migrate.upgrade(url)
        async with connect.opened(url) as scratch:
            return await rebuilding.rebuild(held.database, progress, scratch)


@click.command("as-of")
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
    from service.cli import as_of

    given = {name.replace("day", "as_of"): value for name, value in clocks.items() if value is not None}
    answer = run(settings_of(database_url=database_url), lambda held: as_of.ask(held, issue, given, ended=ended))
    if as_json:
        click.echo(answer)
    else:
        as_of.show(answer)


def _say_imported(done: Imported) -> None:
    click.echo(f"{done.recorded} events recorded, {done.known} known already")
