"""docs/cli.md as it is printed: each command is run on a ledger with the sets, and prints what is shown."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from service.cli import cli
from tests.cli.running import Run

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
"""A line that stands for any number of lines."""


class Example(NamedTuple):
    """The words of a command, what it reads, and the lines that it prints."""

    words: tuple[str, ...]
    given: str | None
    shown: list[str]


def examples() -> list[Example]:
    """Read every example of the page."""
    blocks = BLOCK.findall(PAGE)
    assert [language for language, _ in blocks] == ["sh", "text"] * (len(blocks) // 2)
    found = []
    for (_, command), (_, shown) in zip(blocks[::2], blocks[1::2], strict=True):
        echo, bar, rest = command.rpartition(" | ")
        given = shlex.split(echo)[1] if bar else None
        program, *words = shlex.split(rest)
        assert program == "parley"
        found.append(Example(tuple(words), given, shown.splitlines()))
    return found


def shows(shown: list[str], printed: list[str]) -> bool:
    """Return whether lines are printed as they are shown."""
    if not shown:
        return not printed
    if shown[0] == ANY:
        return any(shows(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return bool(printed) and printed[0].startswith(shown[0]) and shows(shown[1:], printed[1:])


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.words[0])
def test_the_page_shows_what_is_printed(parley: Run, example: Example) -> None:
    """Every line that is shown is printed, in that order."""
    result = parley(*example.words, given=example.given)
    assert result.exit_code == 0, result.output
    assert shows(example.shown, result.stdout.splitlines()), result.stdout


def test_the_page_names_every_question() -> None:
    """Each command of the table has an example, and is a command."""
    named = re.findall(r"^\| `parley ([a-z-]+)", PAGE, re.MULTILINE)
    assert sorted(named) == sorted({each.words[0] for each in examples()})
    assert set(named) <= set(cli.commands)


def test_the_shell_completes() -> None:
    """The completion of the page: the script of each shell, and the commands that begin so."""
    for shell in re.findall(r"_PARLEY_COMPLETE=(\w+)_source", PAGE):
        assert "_PARLEY_COMPLETE" in complete(f"{shell}_source")
    assert "exposure" in complete("bash_complete", COMP_WORDS="parley exp", COMP_CWORD="1")
    assert "--known-basis" in complete("bash_complete", COMP_WORDS="parley issues --known-b", COMP_CWORD="2")


def complete(instruction: str, **variables: str) -> str:
    """Run `parley` as a shell does to complete a line."""
    script = "import sys; from service.cli import main; sys.argv = ['parley']; main()"
    environment = {**os.environ, "_PARLEY_COMPLETE": instruction, **variables}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    return done.stdout
