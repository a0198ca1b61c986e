"""Memento (RFC 7089): an answer as it was at the time of the header Accept-Datetime."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

from litestar import Response

from service.api.http.frozen import ACCEPT_DATETIME, known_clocks, urls_of
from service.api.http.parameters import AsOfQuery, KnownQuery
from service.api.http.problems import POSITION, BadRequest
from service.api.http.requests import REVALIDATE, AnyRequest, field_of, services_of
from service.domain.vocabulary import dates, instants
from service.views.asof.basis import resolve
from service.views.asof.question import Question

SECOND = 1_000_000
"""Microseconds of a second: the dates of HTTP have no smaller part, and each stands for all of it."""


async def sent_back(request: AnyRequest, query: KnownQuery) -> Response[bytes] | None:
    """Return the redirect to an answer as it was at Accept-Datetime; None where nothing is to choose.

    K is then the last event that had been recorded, and D, where the query names none, the day of that time: so the
    same question was answered then. A time to come is now. Where K is given the header has no effect. Raises
    BadRequest for what is no date of HTTP.
    """
    written = field_of(request, b"accept-datetime")
    if written is None or query.known_basis == "published" or query.pins_known() or getattr(query, "cursor", None):
        return None
    services = services_of(request)
    instant = min(_instant(written) + SECOND, services.clock()) - 1
    await services.ledger.freeze(instant)
    basis = await resolve(services.database, Question(instants.day(instant), instant=instant))
    days = {"as_of": query.as_of or dates.iso(basis.as_of)} if isinstance(query, AsOfQuery) else {}
    original, memento = urls_of(request, {**days, **known_clocks(basis)})
    headers = {
        "Location": memento,
        "Vary": ACCEPT_DATETIME,
        "Link": f'<{original}>; rel="original timegate", <{memento}>; rel="memento"',
        "Cache-Control": REVALIDATE,
        POSITION: str(basis.position),
    }
    return Response(b"", status_code=302, headers=headers)


def _instant(written: str) -> int:
    """Return a date of HTTP in microseconds since 1970 UTC."""
    try:  # a date without a zone cannot be compared: TypeError
        return max(0, (parsedate_to_datetime(written) - instants.EPOCH) // timedelta(microseconds=1))
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        detail = f"{ACCEPT_DATETIME} is a date such as Tue, 10 Jun 2025 12:00:00 GMT, not {written[:60]}."
        raise BadRequest(detail) from error
