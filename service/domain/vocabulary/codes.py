"""Codes and texts as types: what msgspec checks while it decodes.

Parties: ISO 3166-1 alpha-2 (pycountry), XK, blocs of countries, UN and WTO. Goods: HS as 2 to 10 digits, ECCN, element
symbol (IUPAC).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pycountry
from msgspec import Meta

from service.domain.vocabulary import dates

BLOCS = ("ASEAN", "EAEU", "EFTA", "EU", "GCC", "MERCOSUR", "SACU")
"""Parties that are countries together; who their members were on a day is in `domain/matching/blocs.py`."""
PARTIES = tuple(sorted({country.alpha_2 for country in pycountry.countries} | {"XK", "UN", "WTO", *BLOCS}))
ELEMENTS = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
    Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl
    Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()  # noqa: SIM905 - a table to read
)
"""Symbols of the chemical elements (IUPAC)."""

HS_SIZES = (2, 4, 6, 8, 10)
"""Digits of an HS code: chapter, heading, subheading, then national ones."""

TEXT_MAX = 10_000
NAME_MAX = 500


def found_by(*templates: str, word: str | None = None, only: str | None = None) -> Meta:
    """Mark a type with the tokens that its values are found by: texts in which `{}` stands for the value.

    `word` is the one for each word of the value. A boolean has its tokens only while it is true; a type marked without
    any is found by nothing, whatever is within it. A value that does not match the pattern `only` is found by nothing.
    """
    return Meta(extra={"found_by": templates, "word": word, "only": only})


if TYPE_CHECKING:
    Party = str
    Element = str
else:
    Party = Literal[PARTIES]
    Element = Literal[ELEMENTS]

ActingParty = Annotated[Party, found_by("by:{}", "party:{}")]
"""The party that acts: found by the filter `by` too."""
TargetParty = Annotated[Party, found_by("party:{}", "against:{}")]
"""A party that a measure is against: found by the filter `against` too."""
ExceptedParty = Annotated[Party, found_by("except-party:{}")]
"""A party that a measure leaves out: found by none of the filters."""
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*\Z"
SLUG_MAX = 80
Slug = Annotated[
    str,
    Meta(
        pattern=SLUG_PATTERN,
        min_length=1,
        max_length=SLUG_MAX,
        description="A readable name: lower-case letters and digits, words joined by single hyphens.",
        examples=["rare-earth-export-restrictions"],
    ),
]
Edtf = Annotated[
    str,
    Meta(
        pattern=dates.PATTERN,
        max_length=24,
        description="A date in the precision of its source: YYYY, YYYY-MM, YYYY-MM-DD, [A..B] (one day in this range), "
        "[..B] (on or before B) or [A,B] (one of these two days).",
        examples=["2025-04-04", "2025-04"],
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Subject = Annotated[Text, found_by("about:{}", only=rf"(?=.{{1,{SLUG_MAX}}}\Z){SLUG_PATTERN.removeprefix('^')}")]
"""What a statement is about: found by it where that may be the name of an item."""
EntityName = Annotated[Name, found_by("entity:{}", word="entity-word:{}")]
OF_RESTRICTION = "of-restriction"
"""The token of a clearance that names the restriction that it is from."""
AGAINST_ALL = "against-all"
"""The mark of a restriction that names no country that it is against."""
ALL_GOODS = "all-goods"
"""The token of a restriction on every good."""
NO_GOODS = "no-goods"
"""The mark of a measure that names no goods and is not on all of them, nor on those of another."""
GOODS_OF_RESTRICTION, COUNTRIES_OF_RESTRICTION = "goods-of-restriction", "countries-of-restriction"
"""The marks of a clearance that is for the goods, and for the countries, of the restriction that it names."""
A_STATEMENT = "a-statement"
"""The mark of a statement: whom it is about is not among its tokens."""
SCOPE_MARKS = frozenset({AGAINST_ALL, NO_GOODS, GOODS_OF_RESTRICTION, COUNTRIES_OF_RESTRICTION, A_STATEMENT})
"""The marks that say what an item touches: items are found by them, too."""
TOGETHER = frozenset({"agreement", "round", "call"})
"""Kinds whose parties take part with the same role: nobody acts on somebody."""
PAIR_MARKS = {"restriction": AGAINST_ALL, "clearance": COUNTRIES_OF_RESTRICTION, "statement": A_STATEMENT}
"""By kind, the mark that stands for parties which a state does not name."""
UNSAID = frozenset({NO_GOODS, GOODS_OF_RESTRICTION, "uncoded:hs", "uncoded:eccn"})
"""Tokens and marks of states that do not say their goods, or not in one of the codes."""
ANY_OF = {"goods": "any-goods", "entities": "any-entities", "issues": "any-issues"}
"""The token of an event whose item touches too much of a sort to list it: the event passes every filter on that."""


def pair(kind: str, one: str, other: str, unsaid: str = "") -> str:
    """Return what items of a kind are found by that had a state with two parties, or with one and a mark.

    With `unsaid`, one of UNSAID, the state had that as well.
    """
    both = f"{one} {other}" if one < other else f"{other} {one}"
    return f"pair:{kind}:{both} {unsaid}" if unsaid else f"pair:{kind}:{both}"


def beside(party: str, unsaid: str) -> str:
    """Return what items are found by that had a state with a party, or a mark for others, and with one of UNSAID."""
    return f"unsaid:{unsaid} {party}"


def many(kind: str) -> str:
    """Return what items of a kind are found by that had a state with too many parties for their pairs."""
    return f"pair:{kind}:many"


RestrictionSlug = Annotated[Slug, found_by("restriction:{}", OF_RESTRICTION)]
DisplacedSlug = Annotated[Slug, found_by("in-place-of:{}")]
SourceSlug = Annotated[Slug, found_by("following:{}")]
AllGoods = Annotated[bool, found_by(ALL_GOODS)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s]+\Z", max_length=2_000, examples=["https://example.org/notice"])]
Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z", max_length=35, examples=["en"])]
HS_PATTERN = r"^([0-9]{2}){1,5}\Z"
Hs = Annotated[
    str,
    Meta(
        pattern=HS_PATTERN,
        description="HS code of 2, 4 or 6 digits, or of 8 or 10 with national ones.",
        examples=["280530"],
    ),
]
HsEdition = Annotated[
    str,
    Meta(
        pattern=r"^(19|20)[0-9]{2}\Z",
        description="The year of the edition of the HS that a code is of; of 8 or 10 digits, of the national tariff.",
        examples=["2022"],
    ),
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}\Z", description="A currency by its ISO 4217 code.", examples=["EUR"])
]
ECCN_PATTERN = r"^[0-9][A-E][0-9]{3}(\.[a-z0-9]+)*\Z"
Eccn = Annotated[
    str,
    Meta(
        pattern=ECCN_PATTERN,
        max_length=40,
        description="Export control classification number, with its paragraph where given.",
        examples=["3A090"],
    ),
]
LegalReference = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*:[^\s]+\Z",
        max_length=200,
        description="Series and number of a legal act.",
        examples=["US-EO:14298", "CN-MOFCOM:2025/18"],
    ),
]
