"""The build hook of the wheel. It does nothing, unless PARLEY_COMPILE=1 asks for the modules that mypyc compiles.

The wheel then has, beside each of these modules, an extension module made from the same source (decision 74): Python
loads that in its place. What is compiled is listed in `pyproject.toml`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASKED = "PARLEY_COMPILE"


class CompiledModules(BuildHookInterface[Any]):
    """Compiles modules and puts them into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, where it is asked for, and note that the wheel is for one platform and version of Python."""
        if version == "editable" or os.environ.get(ASKED) != "1":
            return
        built = Path(self.root, "build", "mypyc")
        build_data["pure_python"], build_data["infer_tag"] = False, True
        for made in compiled(self.config["modules"], built):
            build_data["force_include"][str(made)] = made.relative_to(built / "lib").as_posix()


def compiled(modules: list[str], built: Path) -> list[Path]:
    """Compile modules, given as paths from here, and return the extension modules that were made."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a pure wheel needs neither
    from setuptools import Distribution  # type: ignore[import-untyped]  # noqa: PLC0415

    shutil.rmtree(built / "lib", ignore_errors=True)  # a module may have left the list
    made = mypycify(modules, opt_level="3", debug_level="0", group_name="parley", target_dir=str(built / "c"))
    command = Distribution({"name": "parley-ledger", "ext_modules": made}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(built / "lib"), str(built / "temp")
    command.ensure_finalized()
    command.run()
    return sorted(path for path in (built / "lib").rglob("*") if path.suffix in {".so", ".pyd"})
