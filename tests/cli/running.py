"""Running a command in this process, and reading what it prints."""

import re
from collections.abc import Callable

from click.testing import CliRunner, Result
from rich.cells import cell_len

from service.cli import cli

Run = Callable[..., Result]


def on_ledger(url: str, **more: str) -> Run:
    """Return how to run commands on a ledger, with more variables of the environment; the screen has 80 columns."""

    def parley(*words: str, given: bytes | str | None = None, columns: int = 80) -> Result:
        variables = {"PARLEY_DATABASE_URL": url, "COLUMNS": str(columns), "PARLEY_KEY": None, **more}
        return CliRunner().invoke(cli, words, input=given, env=variables, prog_name="parley")

    return parley


def printed(result: Result) -> str:
    """Return what a command printed, which has to have worked."""
    assert result.exit_code == 0, result.output
    return result.stdout


def flat(text: str) -> str:
    """Return a text without white space: what a line was broken for does not count."""
    return re.sub(r"\s", "", text)


def widest(text: str) -> int:
    """Return how many columns the widest line takes."""
    return max(cell_len(line) for line in text.splitlines())
