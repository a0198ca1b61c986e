"""`parley record`: tried out, shown in words, recorded once, and refused with the line of each fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli.record import lines_of
from tests.cli.running import Run, on_ledger, printed, widest
from tests.servers import serving

REPORTS = [{"outlet": "A"}]
OPENING = {
    "type": "issue.opened", "issues": ["a"], "item": "a", "occurred": "2025-01-01", "title": "Duties",
    "summary": "A summary.", "parties": ["US", "CN"], "reports": REPORTS,
}  # fmt: skip
DUTY = {
    "type": "restriction.imposed", "issues": ["a"], "item": "duty", "occurred": "2025-04-02", "imposed_by": "US",
    "against": ["CN"], "instrument": "tariff", "rate_percent": 34, "all_goods": True, "reports": REPORTS,
}  # fmt: skip
LIFTING = {
    "type": "restriction.lifted", "issues": ["a"], "item": "duty", "occurred": "2025-05-02", "reports": REPORTS
}  # fmt: skip


def lines(*facts: dict[str, Any]) -> str:
    """Return facts as NDJSON."""
    return "".join(json.dumps(fact) + "\n" for fact in facts)


@pytest.fixture
def parley(migrated_url: str) -> Run:
    """Run commands on a ledger of this test's own, on each database."""
    return on_ledger(migrated_url)


def test_a_file_is_tried_out_and_recorded_once(parley: Run) -> None:
    """A dry run shows each item before and after and records nothing; a repeat of the same file changes nothing."""
    facts = lines(OPENING, DUTY)
    tried = printed(parley("record", "--dry-run", "-", given=facts))
    assert "there are no such issues" in printed(parley("issues"))
    assert tried.splitlines()[-1] == "2 events would be recorded; nothing was"
    assert "restriction duty\n  before: nothing\n  after: tariff by US against CN on all goods; in force" in tried
    assert widest(tried) <= 80
    recorded = printed(parley("record", "-", given=facts))
    assert recorded.splitlines()[:-1] == tried.splitlines()[:-1]
    assert recorded.splitlines()[-1] == "2 events recorded, up to position 2"
    assert printed(parley("record", "-", given=facts)).strip() == "2 events recorded already, up to position 2"
    lifted = printed(parley("record", "-", given=lines(LIFTING), columns=200))
    assert "  before: tariff by US against CN on all goods; in force since 2025-04-02 (certain); charged: 34" in lifted
    assert "  after: tariff by US against CN on all goods; lifted since 2025-05-02 (certain); charged: 0 of" in lifted
    assert json.loads(printed(parley("issues", "--json")))["known_position"] == 3


def test_a_batch_is_taken_as_the_service_takes_it(parley: Run) -> None:
    """JSON with `events` is sent as it is, with its expected versions; one event over several lines is a batch too."""
    batch = json.dumps({"events": [OPENING, DUTY], "expected_versions": {"a": 0}}, indent=2)
    assert "2 events recorded" in printed(parley("record", "-", given=batch))
    refused = parley("record", "-", given=json.dumps({"events": [LIFTING], "expected_versions": {"a": 7}}))
    assert (refused.exit_code, "a is at version 2, not 7" in refused.stderr) == (1, True)
    assert "1 event recorded" in printed(parley("record", "-", given=json.dumps(LIFTING, indent=2)))


def test_warnings_have_their_lines(parley: Run) -> None:
    """What looks wrong is recorded, with a warning that names its line."""
    done = printed(parley("record", "-", given="\n" + lines(OPENING) + "\n" + lines(LIFTING)))
    assert "warning: line 4: #/events/1: it ends an item whose opening nobody has" in done
    assert "2 events recorded" in done


def test_each_fault_has_its_line_and_pointer(parley: Run) -> None:
    """A refusal names the line of the file and the JSON pointer of every fault; nothing is recorded."""
    parts = lines(OPENING) + "\n" + lines({**DUTY, "rate_percent": "34"}, {**LIFTING, "occured": "2025"})
    for words in ((), ("--dry-run",)):
        refused = parley("record", "-", *words, given=parts)
        assert (refused.exit_code, refused.stdout) == (1, "")
        faults = refused.stderr.splitlines()
        assert faults[0] == "Error: nothing was recorded"
        assert any(each.startswith("line 3: #/events/1/rate_percent: ") for each in faults)
        assert any(each.startswith("line 4: #/events/2/occured: ") for each in faults)
    batch = json.dumps({"events": [OPENING, {**DUTY, "goods": [{"nam": "x"}]}]}, indent=1)
    refused = parley("record", "-", given=batch)
    wanted = 1 + next(number for number, line in enumerate(batch.splitlines()) if '"nam"' in line)
    assert f"line {wanted}: #/events/1/goods/0/nam: " in refused.stderr
    assert "there are no such issues" in printed(parley("issues"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file has no events"),
        (b" \n\n", "the file has no events"),
        (b'{"type": "x"}\n{"type":\n', "line 2: not JSON"),
        (b"\xff\xfe", "line 1: not JSON"),
        (b"[1]", "expected an object, got an array"),
        (b'{"events": []}', "#/events: has 0 elements"),
        (b'{"events": [], "events": []}', "given more than once"),
        (b'{"type": "a"},{"type": "b"}\n', "line 1: not JSON"),
    ],
)
def test_what_is_no_file_of_events(parley: Run, content: bytes, said: str) -> None:
    """A file that is not what it should be is refused in words, with exit code 1."""
    refused = parley("record", "-", given=content)
    assert (refused.exit_code, said in refused.stderr) == (1, True), refused.output


def test_a_dry_run_makes_no_ledger(tmp_path: Path) -> None:
    """Recording makes a SQLite ledger where there is none; a dry run does not."""
    parley = on_ledger(f"sqlite:///{tmp_path}/new.db")
    refused = parley("record", "--dry-run", "-", given=lines(OPENING))
    assert (refused.exit_code, (tmp_path / "new.db").exists()) == (2, False)
    assert "1 event recorded" in printed(parley("record", "-", given=lines(OPENING)))


def test_a_service_records(migrated_sqlite_url: str) -> None:
    """With --url a service records, and answers a repeat as at first."""
    parley = on_ledger("sqlite:////nowhere.db")
    with serving(migrated_sqlite_url) as server:
        words = ("record", "-", "--url", server.url)
        assert "1 event recorded, up to position 1" in printed(parley(*words, given=lines(OPENING)))
        assert "1 event recorded already" in printed(parley(*words, given=lines(OPENING)))
        assert "line 1: #/events/0/item: " in parley(*words, given=lines(OPENING, DUTY)).stderr


def test_the_line_of_every_value() -> None:
    """Each value of a document has the line on which it begins, also in nested arrays and after strings with signs."""
    text = '{\n "a/b~": [1,\n  {"x": "],}{\\"",\n   "y": [\n    [],\n    2]}],\n "z": null}'
    assert lines_of(text) == {
        "#": 1, "#/a~1b~0": 2, "#/a~1b~0/0": 2, "#/a~1b~0/1": 3, "#/a~1b~0/1/x": 3, "#/a~1b~0/1/y": 4,
        "#/a~1b~0/1/y/0": 5, "#/a~1b~0/1/y/1": 6, "#/z": 7,
    }  # fmt: skip
