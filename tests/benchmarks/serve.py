"""Our server with one route more: `python -m tests.benchmarks.serve DATABASE_URL` prints its port, then serves.

The route returns a constant answer of `?size=` bytes, which shows what the server costs without the ledger. With
`--forget` no answer is kept in memory: each is looked up. All else is as `parley serve` has it.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from litestar import Response, get

from service.api.http import answer_memory
from service.app import create_app
from service.garbage import collect_seldom
from service.settings import Settings


@get("/constant", sync_to_thread=False)
def constant(size: int) -> Response[bytes]:
    """Answer with so many bytes that nobody had to look up."""
    return Response(b'"%s"' % (b"x" * (size - 2)), media_type="application/json")


def main() -> None:
    """Serve until terminated."""
    collect_seldom()
    if "--forget" in sys.argv[2:]:
        answer_memory.MEMORY_MAX = 0
    app = create_app(Settings(database_url=sys.argv[1]))
    app.register(constant)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="on")
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
