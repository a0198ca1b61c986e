"""How long the tests go on that find more the longer they run: properties, races, kills."""

import os

from hypothesis import HealthCheck, settings

USUAL = 60
# More on demand: PARLEY_TEST_EXAMPLES=5000 pytest tests/views, or make oracle EXAMPLES=5000
EXAMPLES = int(os.environ.get("PARLEY_TEST_EXAMPLES", USUAL))


def scaled(usual: int) -> int:
    """Return how many of something a test does: so many with the usual number of examples."""
    return max(1, usual * EXAMPLES // USUAL)


def thorough(share: float = 1.0) -> settings:
    """Run the asked number of examples, or a share of it."""
    return settings(
        max_examples=max(10, int(EXAMPLES * share)),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
