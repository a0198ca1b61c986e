"""The fuzzers, for a moment: the inputs that they begin with, and what hypothesis makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = 300
DICTIONARY = [b"\0", b"\\u0000", b"\\ud800", b'"', b"{", b"]", b":", b",", b"9" * 30, b"1e999", b"..", b"@", b"%", b"#"]


@pytest.mark.parametrize("name", TARGETS)
def test_some_seeds_are_taken(name: str) -> None:
    """None is a crash, and some are taken: a fuzzer whose inputs are all refused at once would show little."""
    assert True in [TARGETS[name](seed) for seed in SEEDS[name]]


def spliced(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Make inputs from seeds: one with a piece of it replaced by another piece, or by bytes of any kind."""

    def make(seed: bytes, begin: int, end: int, piece: bytes) -> bytes:
        begin, end = sorted((begin % (len(seed) + 1), end % (len(seed) + 1)))
        return seed[:begin] + piece + seed[end:]

    place = st.integers(0, 1_000)
    pieces = st.one_of(st.binary(max_size=8), st.sampled_from(DICTIONARY), st.sampled_from(seeds), st.text().map(_utf8))
    return st.builds(make, st.sampled_from(seeds), place, place, pieces)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _smoke(target: Callable[[bytes], bool], seeds: list[bytes]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.one_of(spliced(seeds), st.binary(max_size=64), st.binary(min_size=4, max_size=4), st.binary(max_size=16)))
    def run(data: bytes) -> None:
        target(data)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_crashes(name: str) -> None:
    """Each input is taken or refused, and a second reader agrees."""
    _smoke(TARGETS[name], SEEDS[name])
