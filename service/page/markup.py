"""Escaped text of HTML and SVG: elements are made of names, attributes and content, and nothing gets in unescaped."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already. Templates put it in as it is (`__html__`)."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the markup itself."""
        return str(self)


def element(tag: str, *content: str, **attributes: str | float | None) -> Markup:
    """Return an element. Content that is not Markup is escaped; an attribute of None is left out.

    In names of attributes a last underscore is dropped and the others become hyphens: `class_`, `data_day`.
    """
    given = "".join([f' {_name(name)}="{_value(value)}"' for name, value in attributes.items() if value is not None])
    inner = joined(*content)
    return Markup(f"<{tag}{given}>{inner}</{tag}>" if inner or tag not in _EMPTY else f"<{tag}{given}/>")


_EMPTY = {"rect", "line", "circle", "path", "use", "stop", "polygon"}


def joined(*content: str) -> Markup:
    """Return parts after each other; those that are not Markup are escaped."""
    return Markup("".join([part if isinstance(part, Markup) else escape(part) for part in content]))


def percent(share: float) -> str:
    """Write a share of the width, 0 to 100, as a length of SVG."""
    return f"{share:.3f}".rstrip("0").rstrip(".") + "%"


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:g}"
