"""The page of what was measured says what the service answers."""

from pathlib import Path

import pytest

from tests.edge.measured import table

PAGE = Path(__file__).parents[2] / "docs" / "edge.md"


@pytest.mark.attack
def test_the_page_has_what_is_answered() -> None:
    """Each row of docs/edge.md is what a service answers now."""
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [*table()] == shown
