"""Fuzz one target until stopped: `python -m tests.fuzz decoder [-max_total_time=60 and more of libFuzzer]`.

What was found of interest is kept in .fuzz/NAME, and is where the next run begins. A crash writes its input there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["service", "tests.fuzz"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

FOLDER = Path(".fuzz")


def main() -> None:
    """Run libFuzzer."""
    name = sys.argv.pop(1)
    target, corpus = TARGETS[name], FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = Path(__file__).with_name(f"{name}.dict")
    dictionary = [f"-dict={words}"] if words.exists() else []

    def once(data: bytes) -> None:
        target(data)

    atheris.Setup([*sys.argv, f"-artifact_prefix={FOLDER}/crash-{name}-", *dictionary, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
