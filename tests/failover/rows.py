"""The row that each failure has in the table, and the bounds of its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.load.findings import Findings

SECONDS_MAX, RESTORED_MAX = 30.0, 120.0
"""Within these seconds writes, reads and followers must go on; where the log was set back, which takes commands."""
HEADING = (
    f"{'failure':14} {'acknowledged':>12} {'lost':>6} {'twice':>6} {'moved':>6} {'changed':>7} {'missed':>6} "
    f"{'writes':>7} {'reads':>7} {'follow':>7}"
)
LEGEND = """
acknowledged  events that were answered with 201 or 200       lost, twice, moved  of these: not in the log, in it
changed       frozen answers that changed                                         twice, or elsewhere than answered
missed        events that a follower or JetStream missed, or saw in another order
writes, reads, follow  seconds until every process took writes, answered, and every follower had what was new
"""


class Row(NamedTuple):
    """What one failure came to."""

    name: str
    acknowledged: int
    lost: int
    expected_loss: bool
    """Whether the log has to lack something, and to say so."""
    findings: Findings
    writes: float
    reads: float
    followers: float
    notes: list[str]

    @property
    def good(self) -> bool:
        """Return whether every bound holds."""
        most = RESTORED_MAX if self.expected_loss else SECONDS_MAX
        slow = max(self.writes, self.reads, self.followers) > most
        return self.findings.good and not slow and (self.lost > 0) == self.expected_loss

    def text(self) -> str:
        """Write it as a line of the table, with its notes below."""
        of = self.findings.of
        twice = of("events recorded twice") + of("events that nobody sent")
        moved = of("acknowledged events elsewhere") + of("gaps in the log") + of("instants that step back")
        followers = ("missed by followers", "seen twice by followers", "reordered for followers")
        missed = sum(of(f"events {how}") for how in followers) + of("followers that did not reach the end")
        figures = (
            f"{self.name:14} {self.acknowledged:12} {self.lost:6} {twice:6} {moved:6} "
            f"{of('frozen answers changed'):7} {missed:6} {self.writes:7.1f} {self.reads:7.1f} {self.followers:7.1f}"
        )
        mark = "" if self.good else "  FAILED"
        return "\n".join([figures + mark, *(f"{'':14} {note}" for note in self.notes)])
