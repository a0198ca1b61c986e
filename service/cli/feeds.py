"""The commands of the feed: follow, relay, and openapi, which writes the documents that clients rely on."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.running import PUBLIC_URL_HELP, Failed, SetUp, database_option, run, settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.api.http.requests import Services
    from service.relay.metrics import RelayMetrics
    from service.settings import Settings


@click.command()
@click.option("--url", metavar="URL", default="http://127.0.0.1:8000", help="The service (http://127.0.0.1:8000).")
@click.option("--consumer", metavar="NAME", help="Keep the position in the service under this name.")
@click.option("--exec", "command", metavar="CMD", help="Run CMD for each event, with its JSON on standard input.")
@click.option("--after", type=click.IntRange(0), metavar="N", help="Begin after this position (0).")
@click.option("--since", metavar="TIME", help="Begin at this instant, or on this day in UTC, by time of recording.")
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only events of this type.")
@click.option("--issue", metavar="ISSUE", multiple=True, help="Only events of this issue.")
@click.option("--item", metavar="ITEM", multiple=True, help="Only events of this item.")
@click.option("--party", metavar="CODE", multiple=True, help="Only events whose item touches this party.")
@click.option("--good", metavar="GOOD", help="Only events whose item is on this good: its name, element or ECCN.")
@click.option("--entity", metavar="NAME", help="Only events whose item names this entity.")
@click.option("--hs", metavar="CODE", multiple=True, help="Only events whose item is on goods of this HS code.")
@click.option("--eccn", metavar="CODE", multiple=True, help="Only events whose item is on goods of this ECCN.")
@click.option("--limit", metavar="N", type=click.IntRange(1, 1_000), default=500, help="Events per request (500).")
@click.option("--once", is_flag=True, help="Stop at the head instead of waiting for more.")
def follow(url: str, command: str | None, types: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Write each event of the feed, or run a command for each.

    An event is written as a line of JSON. With --consumer the service keeps your position: after a crash, follow goes
    on from there; no event is missed, the last ones may come twice. The position moves after each command that ends
    with exit code 0, or after each page of lines. A consumer that exists ignores --after and --since. --type, --issue,
    --item, --party, --hs and --eccn may be given several times, or take several values with commas.

    Lost connections are retried for ever. SIGTERM or Ctrl-C: the event (or page) under way is finished, exit code 0; a
    second one stops at once. Exit code 1: a command failed, the positions have a gap, the service refused a request,
    or somebody else moved the consumer.

    If the service asks for keys, set PARLEY_KEY.

    \b
      parley follow --once | jq -r .type
      parley follow --consumer news --type restriction.imposed >> imposed.ndjson
      parley follow --since 2025-06-01 --type 'restriction.*' --type 'clearance.*' --party CN
      parley follow --consumer files --exec 'sh -c "cat > $PARLEY_POSITION.json"'
    """
    from service import logs
    from service.cli import follow as following
    from service.cli.asking import http_url
    from service.cli.feed_client import Halted

    settings = settings_of()
    logs.configure(settings.log_level, settings.log_format)
    several = {name: options.pop(name) for name in ("issue", "item", "party", "hs", "eccn")} | {"type": types}
    conditions = {name: ",".join(values) or None for name, values in several.items()}
    conditions |= {name: options.pop(name) for name in ("good", "entity")}
    if options["after"] is not None and options["since"] is not None:
        msg = "--since: not together with --after"
        raise SetUp(msg)
    filters = {name: value for name, value in conditions.items() if value is not None}
    plan = following.Plan(url=http_url(url), key=settings.key, command=_words(command), filters=filters, **options)
    try:
        asyncio.run(following.run(plan, sys.stdout.buffer))
    except Halted as error:
        raise Failed(str(error)) from error


def _words(command: str | None) -> list[str]:
    """Split a command into words as a shell would (it is run without one); raises SetUp if it cannot be run."""
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
@click.option(
    "--nats-url", metavar="URL", help="Servers of one NATS cluster, separated by commas (nats://127.0.0.1:4222)."
)
@click.option("--public-url", metavar="URL", help=PUBLIC_URL_HELP)
@click.option("--replicas", metavar="N", type=click.IntRange(1, 5), default=1, help="Copies of a new stream (1).")
@click.option(
    "--metrics-port", metavar="PORT", type=click.IntRange(0, 65_535), help="Serve metrics for Prometheus here."
)
@click.option("--metrics-host", metavar="HOST", default="127.0.0.1", help="And on this address (127.0.0.1).")
@database_option
def relay(*, replicas: int, metrics_port: int | None, metrics_host: str, **options: Any) -> None:  # noqa: ANN401
    """Publish every event to NATS JetStream, once and in order.

    The relay runs until stopped. It creates the stream PARLEY if there is none, continues after its last event, and
    reconnects for ever. Exit code 1: the stream belongs to another ledger, has other settings, or cannot take an
    event.

    \b
      parley relay --nats-url nats://nats:4222 --public-url https://parley.example
    """
    from service.relay import relay as relaying

    settings = settings_of(**options)
    try:
        where = None if metrics_port is None else (metrics_host, metrics_port)
        run(settings, lambda services: _relay(services, settings, replicas, where))
    except relaying.Unfit as error:
        raise Failed(str(error)) from error


async def _relay(services: Services, settings: Settings, replicas: int, metrics_at: tuple[str, int] | None) -> None:
    from service import logs
    from service.relay import relay as relaying
    from service.relay.metrics import RelayMetrics

    logs.configure(settings.log_level, settings.log_format)
    relay = relaying.Relay(services.database, settings.nats_url.split(","), settings.reached_at, replicas)
    async with _measured(RelayMetrics(relay, services.database, services.clock), metrics_at):
        running = asyncio.ensure_future(relay.run())
        for stop in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(stop, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def _measured(metrics: RelayMetrics, where: tuple[str, int] | None) -> AsyncIterator[None]:
    """Serve the metrics of a relay at a host and a port while the block runs; where there is none, do nothing."""
    if where is None:
        yield
        return
    try:
        port = metrics.serve(*where)
    except OSError as error:
        msg = f"cannot listen on {where[0]} port {where[1]}: {error.strerror}"
        raise SetUp(msg) from error
    click.echo(f"Metrics on http://{where[0]}:{port}/metrics")
    watching = asyncio.create_task(metrics.watch(), name="metrics")
    try:
        yield
    finally:
        watching.cancel()


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file is out of date.")
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default="openapi",
    help="The folder to write to (openapi).",
)
def openapi(*, check: bool, output: Path) -> None:
    """Write openapi.json and asyncapi.json.

    They describe the HTTP API, and the messages that the service sends.

    \b
      parley openapi --check
    """
    from service.api import routes

    for name, document in (("openapi.json", routes.openapi()), ("asyncapi.json", routes.asyncapi())):
        file = output / name
        if not check:
            try:
                file.write_bytes(document)
            except OSError as error:
                msg = f"{file}: {error.strerror}"
                raise Failed(msg) from error
        elif not file.exists() or file.read_bytes() != document:
            msg = f"{file} is out of date: run `parley openapi`"
            raise Failed(msg)
        click.echo(f"{file} is up to date")
