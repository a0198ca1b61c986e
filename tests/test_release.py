"""What is released: one version, with its heading in the changelog."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from typing import TYPE_CHECKING

import msgspec
from click.testing import CliRunner
from msgspec import Struct
from msgspec.inspect import StructType, type_info

import service
from service import VERSION
from service.cli import cli
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPILED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
DECODERS = (msgspec.json.Decoder, msgspec.msgpack.Decoder)


def test_the_changelog_has_the_version_with_its_date() -> None:
    """The newest heading of a release is the version that the package has."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)
    assert versions[:1] == [VERSION]


def test_the_modules_that_can_be_compiled_are_there() -> None:
    """A module that is moved is moved in the list of the compiled wheel as well."""
    assert COMPILED
    assert [module for module in COMPILED if not (ROOT / module).is_file()] == []


def test_no_struct_that_may_be_compiled_is_decoded() -> None:
    """A decoder of a module reads structs of other modules: msgspec cannot decode a compiled class (decision 74)."""
    compiled = {module.removesuffix(".py").replace("/", ".") for module in COMPILED}
    found = {
        f"{module.__name__} decodes {part.cls.__name__} of {part.cls.__module__}"
        for module in modules()
        for value in vars(module).values()
        if isinstance(decoder := getattr(value, "__self__", value), DECODERS)
        for part in structs_in(type_info(decoder.type))
        if part.cls.__module__ in compiled
    }
    assert found == set()


def modules() -> Iterator[ModuleType]:
    """Import every module of the service."""
    for each in pkgutil.walk_packages(service.__path__, "service."):
        if not each.name.endswith("__main__"):
            yield importlib.import_module(each.name)


def structs_in(info: object) -> Iterator[StructType]:
    """Return the structs of which a type is made."""
    waiting, seen = [info], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, Struct) and id(part) not in seen:
            seen.add(id(part))
            waiting += [getattr(part, name) for name in part.__struct_fields__]
            if isinstance(part, StructType):
                yield part


def test_the_command_says_its_version() -> None:
    """`parley --version` has it too: an installed package knows no other."""
    assert CliRunner().invoke(cli, ["--version"]).output == f"parley, version {VERSION}\n"
