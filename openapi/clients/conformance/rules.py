# ruff: noqa: INP001 - schemathesis loads it by its path
"""The rules that no schema can say. A valid request that is refused for anything else is a failure.

Schemathesis sends requests that are valid by the document. The ledger may refuse them for what is recorded in it, which
problems of their own kinds say (404, 409, 412, and the kinds below), or for a rule about several members or parameters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import schemathesis

if TYPE_CHECKING:
    from schemathesis import Case, HookContext
    from schemathesis.checks import CheckContext
    from schemathesis.core.transport import Response

OF_THE_LEDGER = {404, 409, 412}
"""Statuses of what is recorded, or was seen: no schema knows it."""
KINDS = {
    "/problems/knowledge-ahead",
    "/problems/other-log",
    "/problems/too-much-work",
    "/problems/idempotency-key-reused",
    "/problems/target-too-long",
}
"""Kinds of problems about the same, and about all of a request together."""
RULES = [
    # The ledger, its names, and what the network knows.
    r"lies beyond the head|not a cursor of this list|already;|is not in this log|open it first",
    r"there is no subscription|there is no issue|no recorded event has this id",
    r"cannot be resolved|an address that is not public",
    r"at most the head of the log|^is not past$|^later than today$|^a corrected event keeps its id",
    # Several parameters or members at once.
    r"not together with|one of the two is enough|with known_basis|the same as|^give |^the same fact gives ",
    r"^it is about a good: give |^only with |^a minimum price is an amount$|^not the issue itself",
    r"^a restriction names goods or entities",
    # The last days of short months, and days in order.
    r"^there is no day |names no first day on which it no longer holds|day is out of range for month",
    r"is before |^before (until_)?from|are not in order$",
    # Codes of parties in a text of several; terms that the type of the event does not have; the host of a URL.
    r" is no party$| has no such term$|address in its brackets$|^must not hold a user or password$",
    # A date of HTTP; where the query gives K the header has no effect, and may be anything.
    r"^Accept-Datetime is a date",
    # JSON Schema counts 1.0 as an integer; a name of a member at any depth; a question, which is a request within one.
    r"^expected an integer, got a number$|holds a NUL|^not (the|a) path and query",
]
"""What the details of faults say that are about the ledger, or about several members, or parameters, at once."""


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Wait for no position: a read waits two seconds for one that the ledger does not have, and answers 503."""
    del context, kwargs
    if re.fullmatch("[0-9]{1,16}", (case.headers or {}).get("Min-Position", "")):
        case.headers["Min-Position"] = "0"


@schemathesis.check
def valid_data_acceptance(ctx: CheckContext, response: Response, case: Case) -> None:
    """Fail where a valid request is refused for a rule that a schema can say."""
    del ctx
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if not 400 <= response.status_code < 500 or response.status_code in OF_THE_LEDGER:  # noqa: PLR2004 - refused
        return
    problem = response.json()
    if problem["type"] in KINDS:
        return
    details = [fault["detail"] for fault in problem.get("errors", ())] or [problem.get("detail", problem["title"])]
    sayable = [detail for detail in details if not any(re.search(rule, detail) for rule in RULES)]
    if sayable:
        msg = f"A valid request was refused ({response.status_code}): {'; '.join(sayable)}"
        raise AssertionError(msg)
