"""The commands of keys: create, list, revoke."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import click

from service.access.keys import ID_BYTES, ROLES, SECRET_BYTES, ApiKey, Role, digest_of, id_in, written_key
from service.cli.running import Failed, SetUp, database_option, make_missing, run, settings_of
from service.domain.vocabulary import instants
from service.storage.layout import OPEN_END

if TYPE_CHECKING:
    from service.api.http.requests import Services

NAME_MAX = 64
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ROW = "{:<8}  {:<8}  {:<19}  {:<19}  {:<19}  {}"


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that clients send.

    A key is sent as `Authorization: Bearer parley_...`. The commands write to the database; a running service knows
    within 3 seconds. Once a ledger has a key, everybody needs one.

    \b
      parley keys create --role admin
    """


@keys.command()
@click.option(
    "--role", type=click.Choice(ROLES), required=True, help="What it may do; each role includes those before."
)
@click.option("--name", metavar="NAME", help="Whose it is: stands with each event that it records (the key's id).")
@click.option("--expires", metavar="WHEN", help="Until when it is good: a day (to its end in UTC), an instant, or 90d.")
@database_option
def create(role: str, name: str | None, expires: str | None, database_url: str | None) -> None:
    """Make a key and show it, once.

    A reader reads. A recorder also records events, adds reports, opens issues, and has consumers of its own. An editor
    also corrects, retracts, revises and closes issues, and sets watches. An admin does all else: subscriptions, and
    the consumers of others. The key alone is on standard output. Keys of one name belong to one holder.

    \b
      parley keys create --role recorder --name desk --expires 2027-06-30
    """
    from service import app
    from service.access import store

    if name is not None and not (1 <= len(name) <= NAME_MAX and name.isprintable() and name.strip() == name):
        msg = f"--name must have 1 to {NAME_MAX} printable characters, none of them a space at either end"
        raise SetUp(msg)
    now = app.clock()
    written = written_key(app.chance().secret(ID_BYTES + SECRET_BYTES))
    id_ = id_in(written) or ""
    key = ApiKey(id_, name or id_, Role[role.upper()], digest_of(written), now, _end(expires, now))
    settings = settings_of(database_url=database_url)
    make_missing(settings)
    run(settings, lambda services: store.add(services.database, key))
    click.echo(written)
    until = "" if expires is None else f", good until {instants.text(key.expires_at)}"
    click.echo(f"key {id_} of {key.name}, {role}{until}; it is not shown again", err=True)


@keys.command("list")
@database_option
def list_(database_url: str | None) -> None:
    """List the keys, without their secrets.

    \b
      parley keys list
    """
    from service import app
    from service.access import store

    async def work(services: Services) -> list[ApiKey]:
        return await store.listed(services.database)

    now = app.clock()
    click.echo(_ROW.format("id", "role", "made", "last used", "state", "name"))
    for key in run(settings_of(database_url=database_url), work):
        ends = "active" if key.expires_at == OPEN_END else f"to {_shown(key.expires_at)}"
        used = _shown(key.used_at) if key.used_at else "never"
        row = key.id, key.role.name.lower(), _shown(key.made_at), used, key.end(now) or ends, key.name
        click.echo(_ROW.format(*row).rstrip())


@keys.command()
@click.argument("key_id", metavar="ID")
@database_option
def revoke(key_id: str, database_url: str | None) -> None:
    """Revoke the key with an ID: services refuse it within 3 seconds, and end its streams.

    \b
      parley keys revoke k4xq2m7a
    """
    from service import app
    from service.access import store

    if id_in(key_id):
        msg = "revoke takes the id of a key, not the key"
        raise SetUp(msg)

    async def work(services: Services) -> bool:
        return await store.revoke(services.database, key_id, app.clock())

    if not run(settings_of(database_url=database_url), work):
        msg = f"there is no key {key_id} that is not revoked"
        raise Failed(msg)
    click.echo(f"{key_id} is revoked")


def _end(written: str | None, now: int) -> int:
    """Return the instant at which a key ends; raises SetUp for a text that is none, or one that has passed."""
    if written is None:
        return OPEN_END
    try:
        if days := _DAYS.fullmatch(written):
            end = now + int(days[1]) * instants.DAY
        elif _DAY.fullmatch(written):
            end = (date.fromisoformat(written).toordinal() + 1 - instants.EPOCH.toordinal()) * instants.DAY
        else:
            end = instants.parse(written)
        instants.text(end)  # the calendar has it
    except (ValueError, OverflowError) as error:
        msg = f"--expires must be a day, an instant with an offset, or days such as 90d, not {written!r}: {error}"
        raise SetUp(msg) from error
    if end <= now:
        msg = f"--expires {written} has passed"
        raise SetUp(msg)
    return end


def _shown(instant: int) -> str:
    return instants.text(instant)[:19]
