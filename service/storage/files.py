"""The data that comes with the package: beside it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def data(name: str) -> Path:
    """Find `migrations`, `seeds` or `openapi`; FileNotFoundError when the installation lacks it."""
    for folder in (PACKAGE / "_data" / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(name)
