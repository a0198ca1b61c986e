"""Which facts the answers of many days look at, though another fact rules there (docs/limits.md).

An answer is found by going back from its day until a fact rules. Most facts rule: going back ends at them. The ones
here are passed, so each of them costs something in every later answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.ordered import NEAR
from service.domain.rule.walk import START_AFRESH
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.kinds import CHANGES, PLANNED

if TYPE_CHECKING:
    from service.domain.vocabulary.events import Fact


def reaches(text: Fact) -> bool:
    """Return whether a fact with this text is looked at by answers of days on which another fact rules."""
    change = CHANGES[text.type]
    if text.modality == PLANNED or change.preliminary or change.ends:
        return True
    has_end = text.until is not None or text.through is not None
    if change.track != "base" and change.name not in START_AFRESH and (change.hides or has_end):
        return True
    if text.effective is None or text.effective == text.occurred:
        return False
    notice = parse(text.effective).lo - parse(text.occurred).lo
    return abs(notice) > NEAR or (change.opens and notice > 0)
