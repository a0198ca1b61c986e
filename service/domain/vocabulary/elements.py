"""Chemical elements by their names, and the groups of elements that laws speak of."""

from __future__ import annotations

from service.domain.vocabulary.codes import ELEMENTS
from service.domain.vocabulary.words import stems_in

_NAMES = """
    hydrogen helium lithium beryllium boron carbon nitrogen oxygen fluorine neon sodium magnesium aluminium silicon
    phosphorus sulfur chlorine argon potassium calcium scandium titanium vanadium chromium manganese iron cobalt nickel
    copper zinc gallium germanium arsenic selenium bromine krypton rubidium strontium yttrium zirconium niobium
    molybdenum technetium ruthenium rhodium palladium silver cadmium indium tin antimony tellurium iodine xenon caesium
    barium lanthanum cerium praseodymium neodymium promethium samarium europium gadolinium terbium dysprosium holmium
    erbium thulium ytterbium lutetium hafnium tantalum tungsten rhenium osmium iridium platinum gold mercury thallium
    lead bismuth polonium astatine radon francium radium actinium thorium protactinium uranium neptunium plutonium
    americium curium berkelium californium einsteinium fermium mendelevium nobelium lawrencium rutherfordium dubnium
    seaborgium bohrium hassium meitnerium darmstadtium roentgenium copernicium nihonium flerovium moscovium livermorium
    tennessine oganesson
""".split()  # noqa: SIM905 - a table to read, in the order of ELEMENTS
_OTHER_NAMES = {"aluminum": "Al", "cesium": "Cs", "sulphur": "S", "wolfram": "W"}

_LANTHANOIDS = ELEMENTS[ELEMENTS.index("La") : ELEMENTS.index("Lu") + 1]
_PLATINUM = ("Ru", "Rh", "Pd", "Os", "Ir", "Pt")
GROUPS: dict[str, tuple[str, ...]] = {
    # IUPAC, Nomenclature of Inorganic Chemistry (2005), IR-3.6.2: scandium, yttrium and the lanthanoids.
    "rare-earths": ("Sc", "Y", *_LANTHANOIDS),
    # The same: lanthanum to lutetium.
    "lanthanoids": _LANTHANOIDS,
    # Harmonized System, chapter 71, note 4 (B): what "platinum" means there.
    "platinum-group": _PLATINUM,
    # Harmonized System, chapter 71, note 4 (A): silver, gold and platinum.
    "precious-metals": ("Ag", "Au", *_PLATINUM),
}
"""The elements of each group."""

_GROUP_NAMES = {
    "rare-earths": ("rare earth", "rare earth element", "rare earth metal", "REE"),
    "lanthanoids": ("lanthanoid", "lanthanide"),
    "platinum-group": ("platinum group metal", "platinum group element", "platinum metal", "PGM"),
    "precious-metals": ("precious metal",),
}


def _key(name: str) -> frozenset[str]:
    return frozenset(stems_in(name))


_BY_NAME = {
    _key(name): symbol
    for name, symbol in (*zip(_NAMES, ELEMENTS, strict=True), *_OTHER_NAMES.items())
}  # fmt: skip
_BY_SYMBOL = {symbol.casefold(): symbol for symbol in ELEMENTS}
_BY_GROUP_NAME = {_key(name): group for group, names in _GROUP_NAMES.items() for name in names}


def element_named(text: str) -> str | None:
    """Return the symbol of the element that a text is the English name of; None for another text."""
    return _BY_NAME.get(_key(text))


def element_of_symbol(text: str) -> str | None:
    """Return the symbol that a text is, in any case; None for another text."""
    return _BY_SYMBOL.get(text.strip().casefold())


def group_named(text: str) -> str | None:
    """Return the group of elements that a text is a name of, singular or plural; None for another text."""
    return _BY_GROUP_NAME.get(_key(text))


def groups_with(element: str) -> list[str]:
    """List the groups that an element is in."""
    return [group for group, members in GROUPS.items() if element in members]
