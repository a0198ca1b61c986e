"""Who may do what: the role that each operation needs, in one table. Without a row an operation cannot be served."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from service.access.keys import Role
from service.api.http.access import KEY, forbidden
from service.domain.errors import FAULTS_MAX
from service.domain.vocabulary.events import RecordCorrected, RecordRetracted
from service.domain.vocabulary.events.issues import IssueClosed, IssueReopened, IssueRevised
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.access.keys import ApiKey
    from service.api.http.requests import AnyRequest
    from service.domain.vocabulary.events import Fact, Record

_OPERATIONS: dict[Role, str] = {
    Role.ANYONE: "get_health get_readiness",
    Role.READER: """
        list_issues get_issue get_timeline get_diff list_events get_event get_exposure get_between list_changes
        get_differences
        read_feed stream_feed list_consumers get_consumer get_metrics
    """,
    Role.RECORDER: "append_events add_reports open_issue move_consumer delete_consumer",
    Role.EDITOR: """
        correct_event retract_event revise_issue close_issue list_watches get_watch put_watch delete_watch
    """,
    Role.ADMIN: """
        subscribe list_subscriptions get_subscription change_subscription unsubscribe rotate_secret replay_subscription
        list_deliveries
    """,
}
"""The ids of operations by the role that they need at least.

Reads of subscriptions are an admin's: a URL of a receiver may hold a secret. Those of watches are an editor's, so that
public reads do not show what a desk is concerned with.
"""

ROLES: dict[str, Role] = (
    {operation: role for role, names in _OPERATIONS.items() for operation in names.split()}
    | {
        operation: Role.READER
        for kind in KINDS.values()
        if kind.name != "issue"
        for operation in (f"list_{kind.plural}", f"get_{kind.name}", f"list_{kind.name}_versions")
    }
    | {f"get_{kind}_timemap": Role.READER for kind in KINDS}
)
"""The role that each operation needs, by its id."""

EDITS = (RecordCorrected, RecordRetracted, IssueRevised, IssueClosed, IssueReopened)
"""Types of events that only an editor records, by whatever operation: they do what PUT, PATCH and DELETE do."""


def author_of(request: AnyRequest, events: Sequence[Fact | Record]) -> str:
    """Return the JSON of who records these events, "" without a key; raises InsufficientRole for edits."""
    key = cast("ApiKey | None", request.scope.get(KEY))
    if key is None:
        return ""
    if key.role < Role.EDITOR:
        edits = [(index, event) for index, event in enumerate(events) if isinstance(event, EDITS)]
        if edits:
            errors = [
                {"detail": f"{event.type} is for an editor", "pointer": f"#/events/{index}/type"}
                for index, event in edits
            ]
            raise forbidden(key, Role.EDITOR, errors=errors[:FAULTS_MAX])
    return key.mark()
