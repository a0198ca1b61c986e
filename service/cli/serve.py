"""`parley serve`."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from service.cli.running import (
    SetUp,
    database_option,
    make_missing,
    nothing,
    renew,
    run,
    set_up_errors,
    settings_of,
    shown,
)
from service.settings import FORMATS, LEVELS

if TYPE_CHECKING:
    from service.settings import Settings

GRACE_SECONDS = 5
"""How long a stopping service waits for requests under way."""
BACKLOG = 2_048
SWITCH_SECONDS = 0.0005
"""How long a thread that commits to SQLite waits for the interpreter while the event loop is busy (Python's own: 5 ms).

It has to wait some four times an append: with 1,000 followers being told all the time appends took twice as long.
"""


@click.command()
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

    An embedded SQLite ledger is made and migrated when it is missing or empty, and its projections are remade when
    they are of another version. A server's database is left as it is: run `parley migrate` first. There is no
    authentication yet, so an address that others can reach needs --allow-unauthenticated.

    \b
      parley serve --port 8080
      PARLEY_DATABASE_URL=postgresql://parley@db/parley parley serve --log-format json
    """
    from service.storage.database import NotMigrated

    settings = settings_of(**options)
    if not settings.is_loopback() and not settings.allow_unauthenticated:
        msg = f"{settings.host} can be reached by others and there is no authentication yet: --allow-unauthenticated?"
        raise SetUp(msg)
    make_missing(settings)
    if settings.embedded:
        with set_up_errors(), contextlib.suppress(NotMigrated):  # told by `run`, with what to do
            renew(settings)
    run(settings, nothing)
    _serve(settings)


def _serve(settings: Settings) -> None:
    import uvicorn

    from service import logs
    from service.app import create_app

    logs.configure(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"Parley {shown(settings)} on {where}/v1/issues, docs at {where}/schema, stop with Ctrl-C")
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
