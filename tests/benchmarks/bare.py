"""`parley` without its edge, to measure what that costs: `python -m tests.benchmarks.bare PARTS serve ...`.

PARTS are left out, with commas between them: `limits` (of connections and of bodies, names and origins) and `seen`
(traces, metrics, access lines). All else is as `parley` has it.
"""

from __future__ import annotations

import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.cli import main
from service.edge import bodies, connection, gate, observing


class Through:
    """Hands every request through to an application."""

    def __new__(cls, app: Any, *_: object) -> Any:  # noqa: ANN401 - the application itself: no call more
        """Return the application; it refuses nothing by itself."""
        return app


class Unseen(Through):
    """Hands requests through, and has an answer for connections that are refused."""

    def __new__(cls, app: Any, *_: object) -> Any:  # noqa: ANN401 - the application with one function more
        """Return the application; `refused` returns the traceparent of an answer."""
        return type("Unseen", (), {"__call__": staticmethod(app), "refused": staticmethod(lambda _: b"")})()


if __name__ == "__main__":
    left_out = sys.argv.pop(1).split(",")
    if "limits" in left_out:
        for module, name in ((bodies, "Bodies"), (gate, "Gate")):
            setattr(module, name, Through)
        connection.connections = lambda crowd: HttpToolsProtocol  # type: ignore[assignment,return-value]  # noqa: ARG005
    if "seen" in left_out:
        observing.Observed = Unseen  # type: ignore[assignment,misc]
    main()
