"""The tables that commits write, as statements need them: columns in order, with their types on PostgreSQL, and keys.

`tables.py` defines all tables, for migrations, and says what rows mean; a test compares both. SQLModel takes a third of
the time in which the service starts, so only what migrates loads it (docs/decisions/0077).
"""

from __future__ import annotations

from typing import Final

OPEN_END: Final = 9_223_372_036_854_775_807
"""The position at which a row ends, while nothing has ended it."""
NO_STATE: Final = 0  # the number in place of a state's, on days from which on an item has no status any more
STATE_BITS: Final = 20
"""One event may bring a million states."""
LOG = "event"
REQUEST_KEYS = "request_key"
_LAYOUT = {
    LOG: "position bigint key, id bytea, recorded_at bigint, body bytea, recorded_by text",
    "commit_mark": "recorded_at bigint key, position bigint",
    "item": "number bigint key, slug text, kind text, over_from integer, over_known bigint, over_on integer",
    "out_of_order": "item bigint key, position bigint",
    "item_event": "item bigint key, position bigint key",
    "issue_event": "issue bigint key, position bigint key, version bigint, occurred_lo integer, occurred_hi integer, "
    "fact bigint",
    "fact_record": "fact bigint key, position bigint key",
    "event_index": "position bigint key, occurred_lo bigint, occurred_hi bigint, tokens text, acts_on bigint, "
    "size bigint",
    "facet": "token text key, item bigint key, position bigint",
    "state": "number bigint key, status text, tokens text, body bytea",
    "version": "item bigint key, valid_from integer key, known_from bigint key, closed_at bigint, closed_on integer, "
    "published_on integer, state bigint, arrivals text",
    "bearing": "issue bigint key, position bigint key, bearing bigint key, day integer key, more bigint, "
    "published_on integer",
    "posture": "issue bigint key, valid_from integer key, known_from bigint key, closed_at bigint key, posture text, "
    "certainty text",
    "issue_published": "issue bigint key, latest integer key, position bigint key, earliest integer",
    REQUEST_KEYS: "key bytea key, content bytea, first bigint, last bigint",
}
TABLES = tuple(_LAYOUT)
"""The tables that a commit may have rows for."""
PROJECTIONS = tuple(table for table in TABLES if table not in {LOG, REQUEST_KEYS})
"""The tables that `parley rebuild` remakes from the log."""
_WORDS = {table: [each.split(" ") for each in columns.split(", ")] for table, columns in _LAYOUT.items()}
TYPES = {table: {words[0]: words[1] for words in columns} for table, columns in _WORDS.items()}
"""The columns of each table, in order, with their types on PostgreSQL."""
COLUMNS = {table: tuple(columns) for table, columns in TYPES.items()}
KEYS = {table: tuple(words[0] for words in columns if words[-1] == "key") for table, columns in _WORDS.items()}
"""The columns of each primary key."""
