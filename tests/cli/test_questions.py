"""The questions of the command line, each in every form, of a ledger and of a service."""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import httpx
import pytest

from tests.cli.running import Run, flat, printed, widest

ISSUE = "rare-earth-export-restrictions"
QUESTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "as-of": (("as-of", ISSUE, "--on", "2025-06-10"), f"/v1/issues/{ISSUE}?as_of=2025-06-10&limit=1000"),
    "between": (
        ("between", "US", "CN", "--on", "2025-09-01", "--kind", "restriction,clearance,round", "--limit", "200"),
        "/v1/between?a=US&b=CN&as_of=2025-09-01&kind=restriction,clearance,round&limit=200",
    ),
    "exposure": (
        ("exposure", "--good", "dysprosium", "--party", "US", "--on", "2025-06-10"),
        "/v1/exposure?good=dysprosium&party=US&as_of=2025-06-10&limit=50",
    ),
    "charge": (
        ("exposure", "--hs", "870380", "--origin", "CN", "--destination", "US", "--on", "2025-09-01"),
        "/v1/exposure?hs=870380&origin=CN&destination=US&as_of=2025-09-01&limit=50",
    ),
    "changes": (
        ("changes", "--from", "2025-08-01", "--to", "2025-08-12", "--party", "CN"),
        "/v1/changes?from=2025-08-01&to=2025-08-12&party=CN&limit=50",
    ),
    "show": (
        ("show", "reciprocal-tariff-china", "--on", "2025-09-01"),
        "/v1/restrictions/reciprocal-tariff-china?as_of=2025-09-01",
    ),
    "show-issue": (("show", ISSUE, "--on", "2025-06-10"), f"/v1/issues/{ISSUE}?as_of=2025-06-10"),
    "issues": (
        ("issues", "--posture", "restricted", "--posture", "open", "--on", "2025-06-10", "--limit", "5"),
        "/v1/issues?posture=restricted,open&as_of=2025-06-10&limit=5",
    ),
    "timeline": (
        ("timeline", ISSUE, "--known-position", "20"),
        f"/v1/issues/{ISSUE}/timeline?limit=50&known_position=20",
    ),
}
"""The words of a command, and what it asks the service."""
EVERY = pytest.mark.parametrize("name", QUESTIONS)


@EVERY
def test_json_is_that_of_the_service(parley: Run, server: str, name: str) -> None:
    """With --format json a command prints the answer of the HTTP API, of a ledger and of a service alike."""
    words, path = QUESTIONS[name]
    answer = httpx.get(f"{server}{path}", trust_env=False).json()
    assert json.loads(printed(parley(*words, "--format", "json"))) == answer
    assert json.loads(printed(parley(*words, "--json", "--url", server))) == answer


@EVERY
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_service_and_a_ledger_answer_alike(parley: Run, server: str, name: str, form: str) -> None:
    """A command prints the same of a service as of its ledger."""
    words = (*QUESTIONS[name][0], "--format", form)
    assert printed(parley(*words)) == printed(parley(*words, "--url", server))


@EVERY
def test_csv_has_a_line_for_each_entry(parley: Run, name: str) -> None:
    """With --format csv there is a line for each item, fact or change, with its sources where the answer has them."""
    words, _ = QUESTIONS[name]
    answer = json.loads(printed(parley(*words, "--json")))
    rows = list(csv.DictReader(StringIO(printed(parley(*words, "--format", "csv")))))
    found = entries(answer)
    assert [row.get("id") or row["item"] for row in rows] == [each.get("id", each.get("item")) for each in found]
    for row, entry in zip(rows, found, strict=True):
        assert all(outlet in row["sources"] for outlet in outlets(entry))


@EVERY
@pytest.mark.parametrize("columns", [80, 40])
def test_a_table_fits_the_screen_and_loses_nothing(parley: Run, name: str, columns: int) -> None:
    """No line is wider than the screen; name, status, dates, rate and sources of every entry are there."""
    words, _ = QUESTIONS[name]
    answer = json.loads(printed(parley(*words, "--json")))
    table = printed(parley(*words, columns=columns))
    assert widest(table) <= columns
    for entry in entries(answer):
        assert lost(entry, table) == []


def test_every_issue_of_the_sets_fits_80_columns(parley: Run) -> None:
    """Of every issue of the sets, on its day of most items or another, no line is wider than 80 columns."""
    for issue in json.loads(printed(parley("issues", "--json", "--limit", "1000")))["items"]:
        words = ("as-of", issue["id"], "--on", "2025-06-10", "--ended", "--planned")
        table = printed(parley(*words))
        assert widest(table) <= 80
        for entry in entries(json.loads(printed(parley(*words, "--json")))):
            assert lost(entry, table) == []


def lost(entry: dict[str, Any], table: str) -> list[str]:
    """Return what a table lacks of an entry: name, status, dates, rates, sources."""
    text = flat(table)
    wanted = [entry.get("id") or entry["item"]]
    if "status" in entry:
        wanted += [entry["status"].replace("_", " "), f"since {entry['since']}", f"({entry['certainty']})"]
    wanted += [f"{name} {entry[name]}" for name in ("until", "through") if entry.get(name)]
    if entry.get("rate_percent") is not None:
        wanted.append(f"{entry['rate_percent']} percent")
    if entry.get("charged_percent") is not None:
        wanted.append(f"charged: {entry['charged_percent']}")
    if "before" in entry:
        wanted += [(entry["after"]["status"] or "no status").replace("_", " "), entry["event"]]
    wanted += outlets(entry)
    return [each for each in wanted if flat(each) not in text]


def outlets(entry: dict[str, Any]) -> list[str]:
    """Return the outlets of a state's facts, or of a fact."""
    facts = entry.get("facts", [entry])
    return [report["outlet"] for fact in facts for report in fact.get("reports", ())]


def entries(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of an answer, whatever it is about."""
    items = answer.get("items")
    if "both" in answer:
        sides = (answer[side] for side in ("a_on_b", "b_on_a", "both"))
        return [each for side in sides for kind in side.values() for each in kind]
    if items is None:
        return [answer]
    return [each for kind in items.values() for each in kind] if isinstance(items, dict) else items


def test_a_state_reads_like_a_sentence(parley: Run) -> None:
    """What, against whom, in which status since when and until when, what is charged, and who says so."""
    table = printed(parley("exposure", "--hs", "8703", "--party", "CN", "--on", "2025-09-01", columns=200))
    lines = table[table.index("restriction reciprocal-tariff-china") :].split("\n\n")[0].splitlines()
    assert lines[1].startswith("  tariff by US against CN, HK, MO on all goods but not ")
    assert lines[2:4] == ["  suspended since 2025-05-14 until 2025-11-10 (certain)", "  charged: 10 of 34 percent"]
    assert lines[-1] == "  according to The White House, Federal Register"
    assert "not compared: " in table


def test_between_has_its_sides(parley: Run) -> None:
    """What stands between partners is printed by side, with their codes; CSV has the side in a column."""
    words = ("between", "US", "CN", "--on", "2025-09-01", "--limit", "500")
    table = printed(parley(*words)).splitlines()
    heads = [line for line in table if line in {"US ON CN", "CN ON US", "US AND CN"}]
    assert heads == ["US ON CN", "CN ON US", "US AND CN"]
    answer = json.loads(printed(parley(*words, "--json")))
    rows = list(csv.DictReader(StringIO(printed(parley(*words, "--format", "csv")))))
    for side in ("a_on_b", "b_on_a", "both"):
        names = [each["id"] for kind in answer[side].values() for each in kind]
        assert [row["id"] for row in rows if row["side"] == side] == names
    pages = json.loads(printed(parley(*words[:5], "--limit", "1", "--json")))
    rest = json.loads(printed(parley(*words[:5], "--limit", "3", "--cursor", pages["next"], "--json")))
    assert len(entries(pages)) == 1
    assert len(entries(rest)) == 3


def test_a_charge_has_its_parts(parley: Run) -> None:
    """What is charged on a shipment stands first: the sum or that it is not known, each part, what is not collected."""
    table = printed(parley(*QUESTIONS["charge"][0], columns=200))
    charge = table.split("\n\n")[1].splitlines()
    assert charge[0] == "charge: not known"
    assert "  20 percent by fentanyl-tariff-china (additional to the ordinary duty)" in charge
    assert "  nothing by reciprocal-tariff-all-partners: reciprocal-tariff-china stands in its place" in charge
    assert any(line.startswith("  not complete: ") for line in charge)


def test_several_rates_are_printed_with_what_they_are_for(parley: Run) -> None:
    """Each rate of a measure with several has a line: the goods or the quota that it is for."""
    quota = printed(parley("show", "eu-steel-safeguard-measure", "--on", "2020-12-01"))
    assert "\n  rate: 0 percent (in quota)\n  rate: 25 percent (over quota)\n" in quota
    goods = printed(parley("show", "eu-aircraft-dispute-duties-on-us", "--on", "2020-12-01"))
    assert "\n  rate: 15 percent (aircraft of the list (HS 8802))\n" in goods


def test_show_finds_an_item_an_issue_and_an_event(parley: Run) -> None:
    """`show` needs no kind: it takes the name of an item or an issue, and the id of an event."""
    item = printed(parley("show", "china-seven-rare-earths-control", "--on", "2025-06-10"))
    assert "against US" in item
    assert f"issues: {ISSUE}" in item
    event = json.loads(printed(parley("show", "china-seven-rare-earths-control", "--json")))["ruling"]
    text = printed(parley("show", event))
    assert "restriction.imposed china-seven-rare-earths-control" in text
    assert "recorded at position" in text
    assert json.loads(printed(parley("show", event, "--json")))["id"] == event
    assert len(printed(parley("show", event, "--format", "csv")).splitlines()) == 2


def test_filters_are_repeated_or_have_commas(parley: Run) -> None:
    """Two values of a filter may be given with two options or with a comma."""
    one = printed(parley("issues", "--posture", "restricted", "--posture", "open", "--json"))
    assert one == printed(parley("issues", "--posture", "restricted,open", "--json"))
    assert {each["posture"] for each in json.loads(one)["items"]} == {"restricted", "open"}


def test_days_are_counted_from_today(parley: Run) -> None:
    """`today`, `today+30` and `today-30` are days in UTC."""
    before = datetime.now(UTC).date()
    asked = json.loads(printed(parley("changes", "--from", "today-30", "--to", "today+30", "--json")))
    after = datetime.now(UTC).date()
    days = [(str(day - timedelta(30)), str(day + timedelta(30))) for day in (before, after)]
    assert (asked["from"], asked["to"]) in days
    assert json.loads(printed(parley("issues", "--on", "today", "--json")))["as_of"] in {str(before), str(after)}


def test_pages_are_joined(parley: Run) -> None:
    """A greater --limit reads on; --cursor goes on where an answer ended; a table says that there is more."""
    words = ("changes", "--from", "2018-01-01", "--to", "2026-12-31")
    everything = json.loads(printed(parley(*words, "--limit", "100000", "--json")))
    assert everything["next"] is None
    assert len(everything["items"]) > 1_000 or len(everything["items"]) > 300
    first = json.loads(printed(parley(*words, "--limit", "7", "--json")))
    assert first["items"] == everything["items"][:7]
    second = json.loads(printed(parley(*words, "--limit", "5", "--cursor", first["next"], "--json")))
    assert second["items"] == everything["items"][7:12]
    assert "and more: give a greater --limit" in printed(parley(*words, "--limit", "7"))
    rows = parley(*words, "--limit", "7", "--format", "csv")
    assert "and more" in rows.stderr
    assert "and more" not in rows.stdout


def test_a_filtered_list_is_read_to_its_limit(parley: Run) -> None:
    """Pages that a filter leaves short are read on: what is shown is what there is."""
    words = ("issues", "--words", "steel", "--json")
    found = json.loads(printed(parley(*words)))
    assert found["next"] is None
    assert found["items"]
    one = json.loads(printed(parley(*words, "--limit", "1")))
    assert one["items"] == found["items"][:1]


def test_nothing_is_said_to_be_nothing(parley: Run) -> None:
    """An empty answer says what there is none of."""
    assert "there are no such issues" in printed(parley("issues", "--words", "nonexistentword"))
    assert "nothing changes on these days" in printed(parley("changes", "--from", "1990-01-01", "--to", "1990-01-02"))
    words = ("exposure", "--good", "nonexistentword", "--party", "US", "--on", "1990-01-01")
    assert "no measure is known that touches them" in printed(parley(*words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("issues", "--on", "2025-02-30"), "--on: there is no 2025-02-30"),
        (("issues", "--known-at", "2025-01-01"), "--known-at: with --known-basis=recorded an instant"),
        (("as-of", ISSUE, "--known-position", "90000"), "--known-position=90000 lies beyond the head"),
        (
            ("changes", "--from", "2025-02-01", "--to", "2025-01-01"),
            "--to: before --from, or before today where --from",
        ),
        (("exposure", "--party", "US"), "--good: give one of --good, --hs and --eccn, or an --entity"),
        (("exposure", "--good", "copper"), "--party: give --party, or --origin, --destination or both"),
        (("between", "US", "XX"), 'B: "XX" is not'),
        (("between", "US", "US"), "B: the same as the first"),
        (("between", "US", "CN", "--status", "foo"), "--status: nothing is ever foo"),
        (("exposure", "--good", "copper", "--party", "QQ"), '--party: "QQ" is not'),
        (("issues", "--status", "foo"), '--status: "foo" is not one of closed, open'),
        (("issues", "--words", " "), "--words: holds no word"),
        (("changes", "--kind", "foo"), '--kind: "foo" is not one of agreement, call'),
        (("changes", "--cursor", "x"), "--cursor: not a cursor of this list"),
        (("show", "nothing"), "there is no item nothing"),
        (("show", "A-B"), 'ITEM: "A-B" is not of the expected form'),
        (("timeline", "nothing"), "There is no issue nothing."),
    ],
)
def test_errors_are_in_the_words_of_the_command(parley: Run, server: str, words: tuple[str, ...], said: str) -> None:
    """A refusal names options and arguments, not parameters of the service; the same of a ledger and of a service."""
    for where in ((), ("--url", server)):
        refused = parley(*words, *where)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert said in refused.stderr, refused.stderr
        for parameter in ("as_of", "known_at", "known_position", "known_basis", "?", "/v1"):
            assert parameter not in refused.stderr


def test_wrong_usage_ends_with_2(parley: Run, server: str) -> None:
    """What the command itself refuses has exit code 2."""
    for words in (
        ("issues", "--on", "today+x"),
        ("issues", "--on", "today+99999999"),
        ("issues", "--format", "xml"),
        ("issues", "--limit", "0"),
        ("issues", "--url", "ftp://here"),
        ("issues", "--url", server, "--database-url", "sqlite:///here.db"),
        ("issues", "--known-basis", "foo"),
        ("issues", "--nothing"),
        ("exposure", "--good", "gallium", "--good", "dysprosium", "--party", "US"),
        ("as-of", "../issues"),
        ("show", "a\x1b[31m"),
    ):
        assert parley(*words).exit_code == 2, words
