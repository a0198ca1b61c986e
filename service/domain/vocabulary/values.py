"""What modules that may be compiled need. The base of structs: a compiled class only has the settings of its base (74).

`frozen` is said again in its head for the type checker alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr  # noqa: PLC0414 - handed on
else:

    def mypyc_attr(**_: object) -> object:
        """Leave a class as it is: what this says is for mypyc alone, which knows it by its name."""
        return lambda kind: kind


class Frozen(Struct, frozen=True, gc=False):
    """What never changes; two that hold the same are equal."""
