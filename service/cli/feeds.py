"""Commands for who follows: follow, relay, and openapi, which writes what they can rely on."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from service.cli.running import Failed, SetUp, database_option, run, settings_of

if TYPE_CHECKING:
    from service.api.http.requests import Services
    from service.settings import Settings


@click.command()
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
    SIGTERM and Ctrl-C stop it when what is in hand is handled (exit code 0), a second one at once; a failing command
    and a cursor that somebody else moves stop it too (exit code 1).

    \b
      parley follow --once | jq -r .type
      parley follow --consumer newsroom --type restriction.imposed >> imposed.ndjson
      parley follow --consumer archive --exec 'sh -c "cat > event-$PARLEY_POSITION.json"'
    """
    from service import logs
    from service.cli import follow as following

    settings = settings_of()
    logs.configure(settings.log_level, settings.log_format)
    given = {name: options.pop(name) for name in ("type", "issue", "party", "good")}
    filters = {name: value for name, value in given.items() if value is not None}
    plan = following.Plan(url=_http(url), command=_words(command), filters=filters, **options)
    try:
        asyncio.run(following.run(plan, sys.stdout.buffer))
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


@click.command()
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
    from service.relay import relay as relaying

    settings = settings_of(**options)
    try:
        run(settings, lambda held: _relay(held, settings, replicas))
    except relaying.Unfit as error:
        raise Failed(str(error)) from error


async def _relay(held: Services, settings: Settings, replicas: int) -> None:
    from service import logs
    from service.relay import relay as relaying

    logs.configure(settings.log_level, settings.log_format)
    relay = relaying.Relay(held.database, settings.nats_url.split(","), settings.public_url, replicas)
    running = asyncio.ensure_future(relay.run())
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when a file is not what would be written.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default="openapi", show_default=True)
def openapi(*, check: bool, output: Path) -> None:
    """Write the OpenAPI document, and the AsyncAPI document, into a folder.

    \b
      parley openapi --check
    """
    from service.api import routes

    for name, written in (("openapi.json", routes.openapi()), ("asyncapi.json", routes.asyncapi())):
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
