"""The docstrings under the fields of structs, by which the document describes them."""

from __future__ import annotations

import ast
import sys
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import msgspec


def described_in(struct: type[msgspec.Struct], name: str) -> tuple[str, str]:
    """Return the docstring under a field of a struct, or of a base that has one, and the name of the class there.

    A struct may name another in `described_by`, whose fields it repeats. Without a docstring the text is empty, and the
    class is the first that has the field.
    """
    lines = (*struct.__mro__, *getattr(struct, "described_by", object).__mro__)
    for base in lines:
        if text := _field_texts(base).get(name):
            return text, base.__name__
    having = [base for base in struct.__mro__ if name in _names(base)]
    return "", having[-1].__name__ if having else struct.__name__


def _names(base: type) -> tuple[str, ...]:
    names = getattr(base, "__struct_fields__", ())
    return names if isinstance(names, tuple) else ()


@cache
def _field_texts(struct: type) -> dict[str, str]:
    """Read the docstrings under the fields of one class from its source. A class made at run time has none."""
    module = sys.modules.get(struct.__module__)
    bodies = [each.body for each in _classes(module) if each.name == struct.__name__] if module else []
    pairs = [(one, other) for body in bodies for one, other in pairwise(body)]
    return {
        one.target.id: cleandoc(other.value.value).replace("\n", " ")
        for one, other in pairs
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if isinstance(other, ast.Expr) and isinstance(other.value, ast.Constant) and isinstance(other.value.value, str)
    }


@cache
def _classes(module: ModuleType) -> list[ast.ClassDef]:
    file = getattr(module, "__file__", None) or ""
    tree = ast.parse(Path(file).read_text()) if file.endswith(".py") else ast.Module([], [])
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]
