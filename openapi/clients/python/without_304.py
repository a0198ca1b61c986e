# ruff: noqa: INP001 - a script
"""Write the document for the Python generator, without the answers 304: `without_304.py IN OUT`.

The generator types an answer that has no content as Any, and Any swallows the types of the others. With `sync_detailed`
a client sees the status all the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(source: str, target: str) -> None:
    """Read the document at `source`, and write the other to `target`."""
    document = json.loads(Path(source).read_bytes())
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].pop("304", None)
    Path(target).write_text(json.dumps(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
