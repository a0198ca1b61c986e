"""What is printed: control characters, long names and wide characters."""

import json
from typing import Any

import pytest

from tests.cli.running import Run, flat, on_ledger, printed, widest

EVIL = "A\x1b[31m\x9b2J\u202eevil\x7f\ttab\nin force since 1999"
SHOWN = "A\\u001b[31m\\u009b2J\\u202eevil\\u007f\\u0009tab\\u000ain force since 1999"
LONG = "-".join(["long"] * 16)
WIDE = "中国商务部" * 40
FACTS: list[dict[str, Any]] = [
    {
        "type": "issue.opened", "issues": [LONG], "item": LONG, "occurred": "2025-01-01", "title": EVIL,
        "summary": EVIL, "parties": ["US", "CN"], "reports": [{"outlet": EVIL, "title": EVIL}],
    },
    {
        "type": "restriction.imposed", "issues": [LONG], "item": f"{LONG[:74]}-b", "occurred": "2025-01-02",
        "imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 34,
        "goods": [{"name": WIDE}, {"name": EVIL}], "until_condition": EVIL, "note": EVIL,
        "reports": [{"outlet": WIDE, "url": "https://example.org/" + "a" * 300}, {"outlet": EVIL, "speaker": EVIL}],
    },
    {
        "type": "restriction.suspended", "issues": [LONG], "item": f"{LONG[:74]}-b", "occurred": "2025-05-01",
        "until": "2027-01-01", "reports": [{"outlet": EVIL}],
    },
]  # fmt: skip
COMMANDS = (
    ("issues",), ("as-of", LONG), ("timeline", LONG), ("show", f"{LONG[:74]}-b"), ("exposure", "--good", WIDE[:5]),
    ("changes", "--from", "2025-01-01", "--to", "2027-01-02"),
)  # fmt: skip


@pytest.fixture
def parley(migrated_sqlite_url: str) -> Run:
    """Run commands on a ledger with facts that are hard to print."""
    run = on_ledger(migrated_sqlite_url)
    lines = "".join(json.dumps(fact) + "\n" for fact in FACTS)
    recorded = printed(run("record", "-", given=lines))
    assert safe(recorded)
    assert widest(recorded) <= 80
    return run


def safe(text: str) -> bool:
    """Return whether a text has no control character but the end of a line."""
    return all(char.isprintable() or char in "\r\n" for char in text)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_no_control_character_gets_through(parley: Run, words: tuple[str, ...]) -> None:
    """In no form does a text of a source reach the screen as a control character, or as a line of its own."""
    if words[0] == "exposure":
        words = (*words, "--party", "CN")
    for form in ("table", "csv", "json"):
        for columns in (80, 40):
            text = printed(parley(*words, "--format", form, columns=columns))
            assert safe(text)
            assert form != "table" or widest(text) <= columns
    table = printed(parley(*words))
    assert words[0] == "changes" or flat(SHOWN) in flat(table)
    assert not any(line.strip() == "in force since 1999" for line in table.splitlines())


def test_nothing_is_cut_off(parley: Run) -> None:
    """Long names, wide characters and an address of 300 characters are broken over lines, whole."""
    table = flat(printed(parley("show", f"{LONG[:74]}-b")))
    for whole in (f"{LONG[:74]}-b", WIDE, "https://example.org/" + "a" * 300, "until 2027-01-01", "0 of 34 percent"):
        assert flat(whole) in table
    listed = flat(printed(parley("as-of", LONG)))
    for whole in (f"{LONG[:74]}-b", WIDE, "suspended", "until 2027-01-01", "0 of 34 percent"):
        assert flat(whole) in listed


def test_json_keeps_its_meaning(parley: Run) -> None:
    """The control characters of JSON are escaped as JSON has them: the answer is the same."""
    answer = json.loads(printed(parley("show", f"{LONG[:74]}-b", "--json")))
    assert answer["goods"] == [{"name": WIDE}, {"name": EVIL}]


def test_a_refusal_is_escaped(parley: Run) -> None:
    """A refusal that repeats what was sent has no control characters either."""
    refused = parley("record", "-", given=json.dumps({**FACTS[0], "item": EVIL, EVIL: 1}))
    assert refused.exit_code == 1
    assert safe(refused.stderr)
    assert safe(parley("issues", "--status", EVIL).stderr)
    assert safe(parley("exposure", "--good", "x", "--party", EVIL).stderr)
