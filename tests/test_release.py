"""What is released: one version, with its heading in the changelog."""

from __future__ import annotations

import re
import tomllib

from click.testing import CliRunner

from service import VERSION
from service.cli import cli
from tests.processes import ROOT


def test_the_changelog_has_the_version_with_its_date() -> None:
    """The newest heading of a release is the version that the package has."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)
    assert versions[:1] == [VERSION]


def test_the_modules_that_can_be_compiled_are_there() -> None:
    """A module that is moved is moved in the list of the compiled wheel as well."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    modules = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
    assert modules
    assert [module for module in modules if not (ROOT / module).is_file()] == []


def test_the_command_says_its_version() -> None:
    """`parley --version` has it too: an installed package knows no other."""
    assert CliRunner().invoke(cli, ["--version"]).output == f"parley, version {VERSION}\n"
