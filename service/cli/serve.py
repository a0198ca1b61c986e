"""The command `parley serve`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from service.cli import workers
from service.cli.running import (
    PUBLIC_URL_HELP,
    SetUp,
    database_option,
    make_missing,
    renew,
    run,
    set_up_errors,
    settings_of,
    shown,
)
from service.settings import FORMATS, LEVELS, WORKERS_MAX

if TYPE_CHECKING:
    from service.api.http.requests import Services
    from service.settings import Settings

GRACE_SECONDS = 5
"""How long a stopping service waits for requests under way, and for deliveries of webhooks."""
GIVE_UP_SECONDS = 4.0
"""After so long it gives up the database: who waits for it is answered, and what ends afterwards cannot wait either."""
BACKLOG = 2_048
SWITCH_SECONDS = 0.0005
"""How long a thread that commits to SQLite waits for the interpreter while the event loop is busy (Python's own: 5 ms).

It waits some four times an append: while 1,000 followers are notified without a pause, appends took twice as long.
"""


_NEEDED = "needed: `parley keys list` has them"
_NONE = "none: everybody on this machine may read and write, until\n            `parley keys create --role admin`"


COUNT = click.IntRange(0, 1_000_000)


@click.command()
@click.option("--host", metavar="HOST", help="Listen on this address (127.0.0.1).")
@click.option("--port", metavar="PORT", type=click.IntRange(0, 65_535), help="Listen on this port (8000); 0: any free.")
@database_option
@click.option("--read-url", metavar="URL", help="Read from this copy of the database, a standby (PARLEY_READ_URL).")
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="Log from this level on (INFO).")
@click.option("--log-format", type=click.Choice(FORMATS), help="Log lines for people, or as JSON (console).")
@click.option(
    "--stall-seconds",
    metavar="N",
    type=click.IntRange(1, 3_600),
    help="Disconnect a client that reads nothing for N seconds, or sends a body for longer (30).",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, WORKERS_MAX),
    help="Serve with N processes; one of them writes (1).",
)
@click.option(
    "--writer-address",
    metavar="HOST[:PORT]",
    help="Where the other processes on the database reach this one when it writes for all (127.0.0.1, any port).",
)
@click.option("--otlp-endpoint", metavar="URL", help="Send a span of each request to this collector (OTLP over HTTP).")
@click.option("--rate-limit", metavar="N/SECONDS", help="Requests that a client may send in so many seconds; 0: any.")
@click.option("--client-connections", metavar="N", type=COUNT, help="Connections that a client may have; 0: any.")
@click.option("--client-streams", metavar="N", type=COUNT, help="Streams that a client may follow at once; 0: any.")
@click.option("--public-reads", is_flag=True, default=None, help="Let everybody read without a key.")
@click.option("--public-url", metavar="URL", help=PUBLIC_URL_HELP)
@click.option("--allowed-hosts", metavar="NAMES", help="More names of the service, with commas between them.")
@click.option("--cors-origins", metavar="ORIGINS", help="Other sites whose pages may read and write, with commas.")
@click.option(
    "--webhooks-allow-private", is_flag=True, default=None, help="Send webhooks to private addresses and without TLS."
)
@click.option("--webhooks-schedule", hidden=True)
@click.option("--webhooks-lease", hidden=True)
@click.option("--inherited", type=int, nargs=2, hidden=True)
def serve(inherited: tuple[int, int] | None, **options: Any) -> None:  # noqa: ANN401 - what click hands over
    """Serve the ledger over HTTP until stopped.

    A SQLite ledger is created where there is none, and its projections are remade if another version of Parley made
    them. For older tables, and for PostgreSQL, run `parley migrate` first.

    While the ledger has no keys, everybody who reaches the service may do everything, and it listens on loopback only.
    Make a key with `parley keys create`: from then on it asks for one, on every address.

    \b
      parley serve --port 8080
      parley serve --database-url postgresql://parley@db/parley
    """
    from service.storage.database import NotMigrated

    settings = settings_of(**options)
    if inherited is not None:
        _serve(settings, workers.inherited(*inherited))
        return
    make_missing(settings)
    if settings.embedded:
        with set_up_errors(), contextlib.suppress(NotMigrated):  # `run` reports it, with the remedy
            renew(settings)
    is_closed = run(settings, _is_closed)
    if not is_closed and not settings.is_loopback():
        msg = (
            f"other machines can reach {settings.host}, and the ledger has no keys: "
            "make one with `parley keys create --role admin`"
        )
        raise SetUp(msg)
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(_banner(settings, where, is_closed=is_closed))
    if settings.workers > 1:
        raise SystemExit(workers.supervise(listening, settings.workers))
    _serve(settings, listening)


async def _is_closed(services: Services) -> bool:
    return services.keys.is_closed


def _serve(settings: Settings, listening: socket.socket) -> None:
    import uvicorn

    from service import logs
    from service.api.http.exchange import Traffic
    from service.app import clock, create_app, new_id, new_traces
    from service.edge import access
    from service.edge.bodies import Bodies
    from service.edge.connection import connections
    from service.edge.crowd import Crowd
    from service.edge.gate import Gate, names
    from service.edge.limits import limits
    from service.edge.observing import Observed
    from service.edge.spans import Spans

    settings = replace(settings, port=listening.getsockname()[1])  # the one that was free, where any would do
    lines = logs.Lines(sys.stderr, settings.log_format, clock)
    logs.configure(settings.log_level, settings.log_format, lines)
    sys.setswitchinterval(SWITCH_SECONDS)
    traffic = Traffic(str(os.getpid()) if settings.workers > 1 else "")
    app = create_app(settings, traffic)
    gate = Gate(
        Bodies(app, settings.stall_seconds),
        names(settings.reached_at, settings.allowed_hosts, settings.cors_origins, local=settings.is_loopback()),
    )
    spans = (
        Spans(settings.otlp_endpoint, settings.otlp_headers, clock, str(new_id())) if settings.otlp_endpoint else None
    )
    traces = partial(new_traces, flags="01") if spans else new_traces
    observed = Observed(gate, traffic, traces, access.refused)
    if spans:
        traffic.watchers.append(spans.watch)
    if logs.shows_info(settings.log_level):
        traffic.watchers.append(access.Log(lines, settings.log_format, clock).watch)
    crowd = Crowd(limits(settings.stall_seconds, settings.bounds().connections), observed.refused)

    class Server(uvicorn.Server):
        async def on_tick(self, counter: int) -> bool:
            """Refuse clients that are late, and log who was answered: uvicorn calls this ten times a second."""
            crowd.tick(time.monotonic())
            traffic.count()
            return await super().on_tick(counter)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """End the streams and the deliveries first: the server waits for every response to end."""
            services: Services = app.state.services
            services.tail.close()
            services.webhooks.wake()
            asyncio.get_running_loop().call_later(GIVE_UP_SECONDS, services.database.give_up)
            await super().shutdown(sockets)

    config = uvicorn.Config(
        observed,
        interface="asgi3",
        http=connections(crowd),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops, then raises it again: not a failure
    with contextlib.closing(lines), contextlib.suppress(KeyboardInterrupt):
        Server(config).run(sockets=[listening])
        traffic.count()
        if spans:
            spans.close()


def _banner(settings: Settings, where: str, *, is_closed: bool) -> str:
    """Return the lines that a user sees at the start: where the service is, and what to do next."""
    database = settings.database_url.removeprefix("sqlite:///") if settings.embedded else shown(settings)
    return (
        f"Parley listens on {where}\n"
        f"  page:     {where}/\n"
        f"  API:      {where}/schema\n"
        f"  database: {database}\n"
        f"  keys:     {_NEEDED if is_closed else _NONE}\n"
        f"  try:      curl {where}/v1/issues\n"
        "  stop:     Ctrl-C"
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        msg = f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        raise SetUp(msg) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux itself disconnects a client that reads nothing
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.stall_seconds * 1_000)
    return listening
