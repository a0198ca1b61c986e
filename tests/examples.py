"""How many examples the properties that compare with the oracle run."""

import os

from hypothesis import HealthCheck, settings

# More on demand: PARLEY_TEST_EXAMPLES=5000 pytest tests/views, or make oracle EXAMPLES=5000
EXAMPLES = int(os.environ.get("PARLEY_TEST_EXAMPLES", "120"))


def thorough(share: float = 1.0) -> settings:
    """Run the asked number of examples, or a share of it."""
    return settings(
        max_examples=max(10, int(EXAMPLES * share)),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
