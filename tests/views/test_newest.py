"""States are those of K, also when the head moves between two statements of one answer."""

import pytest

from service.domain.matching import asked
from service.views.asof import basis, question, recorded
from tests.ledgers import Event, Opened, opened

DAY = 739_000
"""In 2024."""
WANTED = question.ScopeFilter(("restriction",), (asked.of_party("CN", DAY), asked.of_good("dysprosium")))
SIEVE = question.Sieve(WANTED, ())


def restriction(item: str, **terms: object) -> Event:
    """Make a restriction of 2023 on dysprosium."""
    head = {"type": "restriction.imposed", "item": item, "issues": ["issue"], "occurred": "2023-06-01"}
    given = {"imposed_by": "CN", "against": ["US"], "instrument": "quota", "goods": [{"name": "dysprosium"}]}
    return head | given | terms | {"reports": [{"outlet": "Xinhua"}]}


async def sifted(ledger: Opened, at: question.Basis, numbers: list[int], most: int = 10) -> list[str]:
    """Return the items that touch, by name."""
    found, _ = await recorded.sifted(ledger.database, at, numbers, SIEVE, most)
    return [each.slug for each in found]


@pytest.mark.anyio
async def test_the_head_may_move_on(migrated_url: str) -> None:
    """An answer at the newest K does not count what is recorded between its statements."""
    issue = {"type": "issue.opened", "item": "issue", "issues": ["issue"], "occurred": "2023-01-01", "title": "A title"}
    opening = issue | {"summary": "A summary.", "parties": ["CN", "US"], "reports": [{"outlet": "Xinhua"}]}
    async with opened(migrated_url) as ledger:
        other = restriction("other", goods=[{"name": "gallium"}])
        await ledger.append([opening, restriction("one"), restriction("two"), other])
        at = await basis.resolve(ledger.database, question.Question(DAY))
        numbers = [2, 3, 4]
        assert at.newest
        assert await sifted(ledger, at, numbers) == ["one", "two"]
        assert await sifted(ledger, at, numbers, most=1) == ["one"]
        assert await sifted(ledger, at, [4]) == []
        lifted = {"type": "restriction.lifted", "occurred": "2023-07-01"}
        await ledger.append([restriction("one") | lifted, restriction("two") | lifted])
        await ledger.append([restriction("other") | {"type": "restriction.tightened", "occurred": "2023-07-01"}])
        assert await sifted(ledger, at, numbers) == ["one", "two"]
        assert await sifted(ledger, at, [4]) == []
        now = await basis.resolve(ledger.database, question.Question(DAY))
        assert await sifted(ledger, now, numbers) == ["other"]
        standing = await recorded.named(ledger.database, at, ["one", "two"])
        assert [each.status for each in standing] == ["in_force", "in_force"]
