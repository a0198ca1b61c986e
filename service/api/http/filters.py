"""The filters about items that several operations share, as the tokens by which items are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.tokens import token
from service.domain.vocabulary.words import normalized

if TYPE_CHECKING:
    from service.api.http.query_strings import Query


def tokens_of(query: Query) -> list[str]:
    """List the tokens of the filters of a query, those first that leave the fewest candidates.

    Tokens of texts and ECCNs are stored casefolded (`terms.normalized`): their filters are in `named`, and are
    normalized too. Tokens of other codes (slugs, parties, HS codes) are stored as they are: `coded`.
    """
    named = [(name, getattr(query, name, None)) for name in ("entity", "eccn", "good")]
    coded = [(name, getattr(query, name, None)) for name in ("issue", "hs", "against", "by", "party")]
    return [token(name, normalized(text)) for name, text in named if text is not None] + [
        token(name, value) for name, value in coded if value is not None
    ]
