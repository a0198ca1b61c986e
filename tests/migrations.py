"""A ledger at the newest schema, with projections of the shape of this version: what `parley migrate` makes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from alembic import command


def migrate(url: str) -> None:
    """Migrate a database; in a thread of its own, so that an asynchronous test may ask for it too."""
    from service.storage import migrate as migrations  # noqa: PLC0415 - tests of the domain need no database

    command.upgrade(migrations.config(url), "head")
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, _renew(url)).result()


async def _renew(url: str) -> None:
    from service.rebuild import rebuild  # noqa: PLC0415 - as above
    from service.storage.connect import connect  # noqa: PLC0415 - as above

    database = connect(url)
    try:
        await database.open()
        await rebuild.renew(database)
    finally:
        await database.close()
