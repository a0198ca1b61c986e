"""Codes and texts as types: what msgspec checks while it decodes.

Parties: ISO 3166-1 alpha-2 (pycountry) plus EU and XK. Goods: HS 2022 as 2, 4 or 6 digits, ECCN, element symbol
(IUPAC).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pycountry
from msgspec import Meta

from service.domain.vocabulary import dates

PARTIES = tuple(sorted({country.alpha_2 for country in pycountry.countries} | {"EU", "XK"}))
ELEMENTS = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
    Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl
    Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()  # noqa: SIM905 - a table to read
)
"""Symbols of the chemical elements (IUPAC)."""

HS_SIZES = (2, 4, 6)
"""Digits of an HS code: chapter, heading, subheading."""

TEXT_MAX = 10_000
NAME_MAX = 500


def found_by(*templates: str) -> Meta:
    """Mark a type with the tokens that its values are found by: texts in which `{}` stands for the value."""
    return Meta(extra={"found_by": templates})


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
EntityName = Annotated[Name, found_by("entity:{}")]
OF_RESTRICTION = "of-restriction"
"""The token of a clearance that names the restriction that it is from."""
RestrictionSlug = Annotated[Slug, found_by("restriction:{}", OF_RESTRICTION)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s]+\Z", max_length=2_000, examples=["https://example.org/notice"])]
Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z", max_length=35, examples=["en"])]
Hs = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6})\Z",
        description="HS 2022 code of 2, 4 or 6 digits.",
        examples=["280530"],
    ),
]
Eccn = Annotated[
    str,
    Meta(
        pattern=r"^[0-9][A-E][0-9]{3}(\.[a-z0-9]+)*\Z",
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
