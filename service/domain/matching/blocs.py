"""Who was a member of a bloc on which day."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from service.domain.vocabulary.dates import FOREVER

# The first day of membership, with the last where it has ended, then the members that joined on it. Sources:
# EU     treaties of accession; "EU countries", european-union.europa.eu; withdrawal: OJ L 29, 31.1.2020, p. 7
# EAEU   treaty of 29 May 2014, in force on 1 January 2015; accessions of Armenia and Kyrgyzstan (eaeunion.org)
# GCC    charter of 25 May 1981 (gcc-sg.org)
# SACU   agreement of 11 December 1969, in force on 1 March 1970; Namibia from 10 July 1990 (sacu.int)
# MERCOSUR  mercosur.int: Treaty of Asuncion, in force on 29 November 1991; Venezuela from 12 August 2012, its rights
#        suspended from 2 December 2016 on; Paraguay suspended from 29 June 2012 to 14 August 2013; Bolivia from
#        7 August 2024 on
# ASEAN  Bangkok Declaration of 8 August 1967 and declarations of admission (asean.org)
# EFTA   Stockholm Convention, in force on 3 May 1960 (efta.int)
_TABLE = """
    EU 1958-01-01 BE DE FR IT LU NL
    EU 1973-01-01 DK IE
    EU 1973-01-01..2020-01-31 GB
    EU 1981-01-01 GR
    EU 1986-01-01 ES PT
    EU 1995-01-01 AT FI SE
    EU 2004-05-01 CY CZ EE HU LT LV MT PL SI SK
    EU 2007-01-01 BG RO
    EU 2013-07-01 HR
    EAEU 2015-01-01 BY KZ RU
    EAEU 2015-01-02 AM
    EAEU 2015-08-12 KG
    GCC 1981-05-25 AE BH KW OM QA SA
    SACU 1970-03-01 BW LS SZ ZA
    SACU 1990-07-10 NA
    MERCOSUR 1991-11-29 AR BR UY
    MERCOSUR 1991-11-29..2012-06-28 PY
    MERCOSUR 2013-08-15 PY
    MERCOSUR 2012-08-12..2016-12-01 VE
    MERCOSUR 2024-08-07 BO
    ASEAN 1967-08-08 ID MY PH SG TH
    ASEAN 1984-01-07 BN
    ASEAN 1995-07-28 VN
    ASEAN 1997-07-23 LA MM
    ASEAN 1999-04-30 KH
    ASEAN 2025-10-26 TL
    EFTA 1960-05-03 CH NO
    EFTA 1960-05-03..1972-12-31 DK GB
    EFTA 1960-05-03..1985-12-31 PT
    EFTA 1960-05-03..1994-12-31 AT SE
    EFTA 1970-03-01 IS
    EFTA 1986-01-01..1994-12-31 FI
    EFTA 1991-09-01 LI
"""


class Membership(NamedTuple):
    """A country in a bloc from the day `first` on, before the day `end` (ordinals)."""

    bloc: str
    country: str
    first: int
    end: int


def _read(line: str) -> list[Membership]:
    bloc, period, *countries = line.split()
    first, _, last = period.partition("..")
    end = date.fromisoformat(last).toordinal() + 1 if last else FOREVER
    return [Membership(bloc, country, date.fromisoformat(first).toordinal(), end) for country in countries]


MEMBERSHIPS = tuple(each for line in _TABLE.strip().splitlines() for each in _read(line))
"""Every membership, by bloc and first day."""


def days_of_change(country: str, first: int, last: int) -> list[int]:
    """Return the first of some days, and the later ones on which a country joins a bloc or is out of one."""
    moves = {day for each in MEMBERSHIPS if each.country == country for day in (each.first, each.end)}
    return [first, *sorted(day for day in moves if first < day <= last)]


def members_on(bloc: str, day: int) -> frozenset[str]:
    """Return the countries of a bloc on a day (an ordinal); none of a country."""
    return frozenset(each.country for each in MEMBERSHIPS if each.bloc == bloc and each.first <= day < each.end)


@lru_cache(maxsize=4_096)
def blocs_with(country: str, day: int) -> tuple[str, ...]:
    """Return the blocs that a country was a member of on a day (an ordinal)."""
    return tuple(each.bloc for each in MEMBERSHIPS if each.country == country and each.first <= day < each.end)
