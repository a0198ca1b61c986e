"""The command line: what each command does, what it prints, and its exit code."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from service.cli import cli
from service.rebuild.rebuild import GROUP
from tests.processes import PATIENCE, Process, piped

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = (
    *("serve", "migrate", "seed", "import", "export", "rebuild", "follow", "openapi", "keys", "record"),
    *("between", "as-of", "exposure", "changes", "show", "issues", "timeline"),
)
ISSUE = "rare-earth-export-restrictions"
WITHOUT_A_SERVER = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Marks a test that has to do with no database, or with files of its own."""


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """Run `parley` on this test's database."""
    environment = {"PARLEY_DATABASE_URL": database_url, "HOME": str(tmp_path), "COLUMNS": "160", "PATH": ""}

    def parley(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "service", *words],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return parley


def test_every_command_has_help_with_an_example() -> None:
    """`parley COMMAND --help` says what it does and shows how it is called."""
    assert set(COMMANDS) <= set(CliRunner().invoke(cli, ["--help"]).output.split())
    for command in COMMANDS:
        result = CliRunner().invoke(cli, [command, "--help"])
        assert result.exit_code == 0
        assert re.search(rf"^  +.*parley {command}", result.output, re.MULTILINE), command


def test_from_nothing_to_an_answer(run: Run) -> None:
    """migrate, seed, seed again, as-of, rebuild: each does what it says, on either database."""
    assert "is at revision" in run("migrate").stdout
    assert run("seed").stdout == "20 events recorded, 0 known already\n"
    assert run("seed").stdout == "0 events recorded, 20 known already\n"
    table = run("as-of", ISSUE, "--on", "2025-06-05").stdout
    assert "china-commitment-reopen-rare-earths" in table
    assert "[restricted]" in table
    assert "[possibly restricted]" in run("as-of", ISSUE, "--on", "2025-04-15").stdout
    assert "as of 2025-06-05" in table
    assert "china-commitment" not in run("as-of", ISSUE, "--on", "2025-06-04").stdout
    assert "china-commitment" not in run("as-of", ISSUE, "--on", "2025-06-05", "--known-position", "7").stdout
    result = run("rebuild")
    assert (result.returncode, "identical" in result.stdout) == (0, True)


def test_as_of_has_the_json_of_the_api(run: Run) -> None:
    """With --json the answer is the JSON of the API."""
    run("migrate")
    run("seed")
    answer = json.loads(run("as-of", ISSUE, "--on", "2025-05-31", "--json").stdout)
    assert (answer["as_of"], answer["known_position"], answer["posture"]) == ("2025-05-31", 20, "restricted")
    assert [item["status"] for item in answer["items"]["restriction"]] == ["in_force"]


def test_as_of_shows_what_was_published(run: Run) -> None:
    """The reports of the London set count by 10 June, but not by noon of that day."""
    run("migrate")
    run("seed")
    asked = ("as-of", ISSUE, "--on", "2025-06-10", "--known-basis", "published", "--known-at")
    table = run(*asked, "2025-06-10").stdout
    assert "as published by 2025-06-10 of what is recorded up to position 20" in table
    assert "china-seven-rare-earths-control" in table
    early = run(*asked, "2025-06-10T12:00:00Z")
    assert (early.returncode, "published by 2025-06-10" in early.stderr) == (1, True)


def test_export_and_import_through_pipes(run: Run, tmp_path: Path) -> None:
    """What is exported to standard output is imported from standard input, and exports the same again."""
    run("migrate")
    run("seed")
    log = run("export", "-").stdout
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert run("import", "-", "--database-url", other, given=log).stdout == "20 events recorded, 0 known already\n"
    assert run("export", "-", "--database-url", other).stdout == log


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("seed", "nowhere"), 2, "there is no set nowhere; choose one of: london"),
        (("import", "no-such-file"), 2, "no-such-file"),
        (("as-of", "nothing"), 1, "There is no issue nothing."),
        (("as-of", ISSUE, "--on", "2025-02-30"), 1, "--on: there is no 2025-02-30"),
        (("as-of", ISSUE, "--known-position", "900"), 1, "--known-position=900"),
        (("serve", "--host", "0.0.0.0"), 2, "parley keys create"),  # noqa: S104 - that is refused
        (("serve", "--port", "70000"), 2, "70000"),
        (("migrate", "--database-url", "mysql://here/db"), 2, "must begin with sqlite:/// or postgresql://"),
        (("export", "-", "--database-url", "oracle://here/db"), 2, "must begin with sqlite:/// or postgresql://"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    """An error is a line on standard error without a traceback; exit code 1: refused or failed, 2: usage or set-up."""
    run("migrate")
    done = run(*words)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_closed_pipe_ends_a_command_quietly(run: Run, database_url: str) -> None:
    """`parley export - | head -c 1` prints no error about a broken pipe."""
    run("migrate")
    run("seed")
    command = [sys.executable, "-m", "service", "export", "-", "--database-url", database_url]
    with piped(command, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_an_export_is_whole_or_not_there(run: Run, tmp_path: Path) -> None:
    """An export replaces a file once it is whole; of an empty ledger it is an empty file."""
    run("migrate")
    out = tmp_path / "out.ndjson"
    assert run("export", str(out)).returncode == 0
    assert out.read_bytes() == b""
    out.write_text("old")
    assert run("export", str(out), "--database-url", f"sqlite:///{tmp_path}/none.db").returncode == 2
    assert out.read_text() == "old"


@WITHOUT_A_SERVER
def test_reading_makes_no_ledger(run: Run, tmp_path: Path) -> None:
    """A command on a database that does not exist, or is of another program, says so and makes no tables."""
    run("migrate")
    absent, foreign = tmp_path / "absent.db", tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE places (name)")
    connection.close()
    for command in (("as-of", ISSUE), ("export", "-"), ("rebuild",), ("rebuild", "--check")):
        result = run(*command, "--database-url", f"sqlite:///{absent}")
        assert (result.returncode, "absent.db does not exist: run `parley migrate`" in result.stderr) == (2, True)
    for command in (("as-of", ISSUE), ("seed",), ("serve",)):
        result = run(*command, "--database-url", f"sqlite:///{foreign}")
        assert (result.returncode, "does not have the tables of this version" in result.stderr) == (2, True)
    assert not absent.exists()
    with sqlite3.connect(foreign) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("places",)]
    connection.close()


def test_a_check_of_the_projections_writes_nothing(run: Run, tmp_path: Path) -> None:
    """`rebuild --check` ends with 1 each time the projections do not match the log; `rebuild` corrects them."""
    url = f"sqlite:///{tmp_path / 'spoilt.db'}"
    assert run("seed", "--database-url", url).returncode == 0
    assert run("rebuild", "--check", "--database-url", url).returncode == 0
    with sqlite3.connect(tmp_path / "spoilt.db") as connection:
        connection.execute("UPDATE state SET status = 'lifted' WHERE status = 'in_force'")
    connection.close()
    results = [run("rebuild", *words, "--database-url", url) for words in (["--check"], ["--check"], [], ["--check"])]
    assert [each.returncode for each in results] == [1, 1, 1, 0]
    assert ["CHANGED" in each.stdout for each in results] == [True, True, True, False]


def test_a_rebuild_that_was_killed_says_that_it_goes_on(run: Run, tmp_path: Path) -> None:
    """`rebuild` goes on with one that was killed in the middle, and says so in a line."""
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    assert run("seed", "--database-url", url).returncode == 0
    killed = Process([sys.executable, "-m", "tests.rebuilds", url, "3", str(GROUP - 1)])
    killed.launch()
    assert killed.wait() == -signal.SIGKILL, killed.log()
    killed.close()
    results = [run("rebuild", "--database-url", url) for _ in range(2)]
    assert ["goes on where it was" in each.stderr for each in results] == [True, False]
    assert ["identical" in each.stdout for each in results] == [True, True]


def test_names_are_shown_as_they_are(run: Run) -> None:
    """Brackets and colons in names are shown as text, not read as markup."""
    report = [{"outlet": "The [/b] Daily [red] :smile:"}]
    opening = {"type": "issue.opened", "issues": ["a"], "item": "a", "occurred": "2025-01-01", "title": "A [/i] title"}
    demand = {"type": "demand.made", "issues": ["a"], "item": "b", "occurred": "2025-01-02", "by": "US", "of": "CN"}
    facts = [
        opening | {"summary": "A summary.", "parties": ["US"], "reports": report},
        demand | {"action": "to do something", "reports": report},
    ]
    run("migrate")
    assert run("import", "-", given="".join(json.dumps(fact) + "\n" for fact in facts)).returncode == 0
    table = run("as-of", "a").stdout
    assert "A [/i] title [open]" in table
    assert "The [/b] Daily [red] :smile:" in table


def test_as_of_says_what_is_charged_and_what_is_contested(run: Run) -> None:
    """Beside the status stand what is collected of the rate, what the sources do not agree on, and what is to come."""
    opening = {"type": "issue.opened", "issues": ["a"], "item": "a", "occurred": "2025-01-01", "title": "Duties"}
    duty = {"issues": ["a"], "item": "duty", "reports": [{"outlet": "A"}]}
    other = {"outlet": "B", "terms": {"rate_percent": 35}}
    facts = [
        opening | {"summary": "A summary.", "parties": ["US"], "reports": [{"outlet": "A"}]},
        duty
        | {"type": "restriction.imposed", "occurred": "2025-04-02", "imposed_by": "US", "instrument": "tariff"}
        | {"rate_percent": 34, "goods": [{"name": "all goods"}], "reports": [{"outlet": "A"}, other]},
        duty
        | {"type": "restriction.suspended", "occurred": "2025-05-12", "until": "2025-08-12", "rate_percent": 10}
        | {"until_condition": "or until the talks fail"},
        duty | {"type": "restriction.lifted", "occurred": "2025-09", "modality": "planned"},
    ]
    run("migrate")
    assert run("import", "-", given="".join(json.dumps(fact) + "\n" for fact in facts)).returncode == 0
    lines = run("as-of", "a", "--on", "2025-06-01").stdout.splitlines()
    assert lines[lines.index("restriction duty") + 1 :] == [
        "  tariff by US against all on all goods",
        "  suspended since 2025-05-12 until 2025-08-12, or until the talks fail (certain)",
        "  charged: 10 of 34 percent",
        "  contested: restriction.imposed of 2025-04-02 (rate_percent 34 by A, or 35 by B)",
        "  to come on 2025-08-12: in force (restriction.suspended)",
        "  to come on 2025-09: lifted (restriction.lifted, planned)",
        "  according to A, B",
    ]
    assert "lifted (restriction.lifted, planned, overdue)" in run("as-of", "a", "--on", "2025-12-01").stdout


def test_serve_says_why_it_cannot(run: Run, backend: str, tmp_path: Path) -> None:
    """A taken port, a database out of reach or not migrated: one line, exit code 2."""
    run("migrate")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", str(taken.getsockname()[1]))
        assert (result.returncode, result.stderr.count("\n"), "Address already in use" in result.stderr) == (2, 1, True)
    urls = {"sqlite": f"sqlite:///{tmp_path}", "postgres": "postgresql://nobody@127.0.0.1:1/nowhere"}
    for url in (urls[backend], "nonsense"):
        result = run("serve", "--database-url", url)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.stderr


def test_serve_needs_a_migrated_server(run: Run, postgres_url: str) -> None:
    """A server's database is never migrated by serving it."""
    result = run("serve", "--database-url", postgres_url)
    assert (result.returncode, result.stdout, "run `parley migrate`" in result.stderr) == (2, "", True)


def test_serve_stops_when_asked(database_url: str, backend: str, run: Run) -> None:
    """`serve` prints its URLs, makes an embedded ledger that is missing, and ends with 0 on SIGTERM."""
    if backend == "postgres":
        run("migrate")
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--database-url", database_url]
    with piped(command, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(7)]
        where = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        assert where is not None
        assert lines[1:3] == [f"  page:     {where[0]}/\n", f"  API:      {where[0]}/schema\n"]
        assert lines[4].startswith("  keys:     none: everybody on this machine may read and write")
        assert lines[6] == f"  try:      curl {where[0]}/v1/issues\n"
        assert all(len(line) <= 80 for line in [*lines[:3], *lines[4:]])  # the fourth has a path of any length
        assert httpx.get(f"{where[0]}/v1/issues", trust_env=False, timeout=PATIENCE).json()["items"] == []
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_a_bad_line_is_named(run: Run) -> None:
    """An import says which line is wrong and why, and ends with 1."""
    run("migrate")
    result = run("import", "-", given='{"type":"issue.opened"}\n')
    assert result.returncode == 1
    assert "line 1: #/issues" in result.stderr
    assert "line 1: #/reports" in result.stderr


def test_a_server_database_is_never_migrated_unasked(run: Run, backend: str) -> None:
    """A command sets up an empty SQLite database by itself; on PostgreSQL it says what to do."""
    result = run("seed")
    if backend == "sqlite":
        assert result.returncode == 0
    else:
        assert (result.returncode, "run `parley migrate`" in result.stderr) == (2, True)


@WITHOUT_A_SERVER
def test_openapi_check(run: Run, tmp_path: Path) -> None:
    """Checking the two documents fails on a file that is out of date, and passes on those that it writes."""
    output = str(tmp_path)
    assert run("openapi", "--output", output).returncode == 0
    assert run("openapi", "--check", "--output", output).returncode == 0
    for name in ("openapi.json", "asyncapi.json"):
        (tmp_path / name).write_text("{}")
        assert run("openapi", "--check", "--output", output).returncode == 1
        assert run("openapi", "--output", output).returncode == 0
