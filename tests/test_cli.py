"""The command line: what each command does, says, and ends with."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = ("serve", "migrate", "seed", "import", "export", "rebuild", "as-of", "openapi")
ISSUE = "rare-earth-export-restrictions"


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


def test_every_command_has_help_with_an_example(run: Run) -> None:
    """`parley COMMAND --help` says what it does and shows how it is called."""
    assert set(COMMANDS) <= set(run("--help").stdout.split())
    for command in COMMANDS:
        told = run(command, "--help")
        assert told.returncode == 0
        assert re.search(rf"^  +.*parley {command}", told.stdout, re.MULTILINE), command


def test_from_nothing_to_an_answer(run: Run) -> None:
    """migrate, seed, seed again, as-of, rebuild: each does what it says, on either database."""
    assert "is at revision" in run("migrate").stdout
    assert run("seed").stdout == "20 events recorded, 0 known already\n"
    assert run("seed").stdout == "0 events recorded, 20 known already\n"
    table = run("as-of", ISSUE, "--on", "2025-06-05").stdout
    assert "china-commitment-reopen-rare-earths" in table
    assert "[restricted]" in table
    assert "as of 2025-06-05" in table
    assert "china-commitment" not in run("as-of", ISSUE, "--on", "2025-06-04").stdout
    assert "china-commitment" not in run("as-of", ISSUE, "--on", "2025-06-05", "--known-position", "7").stdout
    told = run("rebuild")
    assert (told.returncode, "identical" in told.stdout) == (0, True)


def test_as_of_gives_the_json_of_the_api(run: Run) -> None:
    """With --json the answer is the document that the API gives."""
    run("migrate")
    run("seed")
    answer = json.loads(run("as-of", ISSUE, "--on", "2025-05-31", "--json").stdout)
    assert (answer["as_of"], answer["known_position"], answer["posture"]) == ("2025-05-31", 20, "restricted")
    assert [item["status"] for item in answer["items"]["restriction"]] == ["in_force"]


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
        (("seed", "nowhere"), 2, "there is no set nowhere; there are: london"),
        (("import", "no-such-file"), 2, "no-such-file"),
        (("as-of", "nothing"), 1, "There is no issue nothing."),
        (("as-of", ISSUE, "--on", "2025-02-30"), 1, "as_of"),
        (("as-of", ISSUE, "--known-position", "900"), 1, "known_position=900"),
        (("serve", "--host", "0.0.0.0"), 2, "--allow-unauthenticated"),  # noqa: S104 - that is refused
        (("serve", "--port", "70000"), 2, "70000"),
        (("migrate", "--database-url", "mysql://here/db"), 2, "must begin with sqlite:/// or postgresql://"),
        (("export", "-", "--database-url", "oracle://here/db"), 2, "must begin with sqlite:/// or postgresql://"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    """What goes wrong is said on standard error, without a traceback: 1 refused or failed, 2 usage or set-up."""
    run("migrate")
    told = run(*words)
    assert (told.returncode, said in told.stderr, "Traceback" in told.stderr) == (code, True, False), told.stderr


def test_a_bad_line_is_named(run: Run) -> None:
    """An import says which line is wrong and why, and ends with 1."""
    run("migrate")
    told = run("import", "-", given='{"type":"issue.opened"}\n')
    assert told.returncode == 1
    assert "line 1: #/issues" in told.stderr
    assert "line 1: #/reports" in told.stderr


def test_a_server_database_is_never_migrated_unasked(run: Run, backend: str) -> None:
    """On an empty database SQLite is set up by the way; PostgreSQL is not, and the command says what to do."""
    told = run("seed")
    if backend == "sqlite":
        assert told.returncode == 0
    else:
        assert (told.returncode, "run `parley migrate`" in told.stderr) == (2, True)


def test_openapi_check(run: Run, tmp_path: Path) -> None:
    """Checking the OpenAPI document fails on a file that is out of date, and passes on the one that it writes."""
    output = tmp_path / "openapi.json"
    output.write_text("{}")
    assert run("openapi", "--check", "--output", str(output)).returncode == 1
    assert run("openapi", "--output", str(output)).returncode == 0
    assert run("openapi", "--check", "--output", str(output)).returncode == 0
