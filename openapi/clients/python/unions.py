# ruff: noqa: INP001 - a script
"""Write `unions.py` of the generated package, the unions of the document by name: `unions.py DOCUMENT PACKAGE`.

The generator writes a union out wherever it stands. Here each has a name, such as `RecordedEvent`, and a function that
makes its member from JSON by the discriminator, such as `recorded_event(data)`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

HEAD = '''"""The unions of the document by name, each with a function that makes the member that some JSON is of."""

from __future__ import annotations

from typing import Any, TypeAlias

from . import models
'''
UNION = '''
{name}: TypeAlias = (
    {members}
)
_{name}: dict[str, type[{name}]] = {{
{rows}}}


def {function}(data: dict[str, Any]) -> {name}:
    """Return the {name} that this JSON is of, by `{tag}`; KeyError where the document does not know it."""
    return _{name}[data["{tag}"]].from_dict(data)
'''


def main(document: str, package: str) -> None:
    """Read the document, and write the module into the package."""
    text = HEAD
    for name, schema in json.loads(Path(document).read_bytes())["components"]["schemas"].items():
        if "discriminator" in schema and "properties" not in schema:
            mapping = {tag: ref.rpartition("/")[2] for tag, ref in schema["discriminator"]["mapping"].items()}
            text += UNION.format(
                name=name,
                function=re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(),
                tag=schema["discriminator"]["propertyName"],
                members="\n    | ".join(f"models.{each}" for each in mapping.values()),
                rows="".join(f'    "{tag}": models.{each},\n' for tag, each in mapping.items()),
            )
    (Path(package) / "unions.py").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
