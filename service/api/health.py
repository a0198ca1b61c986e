"""Health: whether the process runs, and whether it can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service import VERSION
from service.api.http.requests import AnyRequest, encode, json_answer, services_of
from service.api.spec import examples
from service.api.spec.operations import Documented, Operation, Route
from service.api.spec.response_shapes import Health, Readiness
from service.eventlog.head import seconds_ahead

if TYPE_CHECKING:
    from litestar import Response


async def _alive(_: AnyRequest) -> Response[bytes]:
    """Answer that the process runs."""
    return json_answer(b'{"status":"ok"}')


async def _ready(request: AnyRequest) -> Response[bytes]:
    """Answer that the ledger can be read and written."""
    services = services_of(request)
    head = await services.heads.read()
    await services.database.check()
    ready = Readiness(
        status="ok",
        version=VERSION,
        ledger=services.heads.ledger,
        epoch=head.epoch,
        head=head.position,
        clock_behind_head_seconds=seconds_ahead(head, services.clock()),
    )
    return json_answer(encode(ready))


ROUTES = [
    Route(
        Operation(
            method="GET", path="/healthz", operation_id="get_health", tag="service",
            summary="Check that the process runs", description="Answers without touching the database.",
            answers={200: Documented("It runs.", Health, example={"status": "ok"})},
        ),
        _alive,
    ),
    Route(
        Operation(
            method="GET", path="/readyz", operation_id="get_readiness", tag="service",
            summary="Check that the ledger can be read and written",
            description="Reads the head of the log, and asks the database whether it takes writes; 503 if it does not.",
            answers={
                200: Documented(
                    "It can.",
                    Readiness,
                    example={
                        "status": "ok", "version": VERSION, "ledger": examples.LEDGER, "epoch": 0, "head": 20,
                        "clock_behind_head_seconds": 0.0,
                    },
                )
            },
        ),
        _ready,
    ),
]  # fmt: skip
