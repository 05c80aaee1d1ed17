"""A strict look at a record's page: whatever the names in it are, its elements are those of the template alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = {"meta", "link", "img", "br", "hr", "input", "base", "col", "embed", "source", "area", "wbr"}
_FORMS_OF_VALUES = {"width", "height", "x", "y", "aria-label"}
"""Attributes whose values are made of the evidence; all others are the template's own."""


@dataclass(frozen=True)
class Element:
    """A tag with its attributes; ``path`` has the tags that it is in, ``text`` is what stands in it directly."""

    tag: str
    attributes: dict[str, str | None]
    path: tuple[str, ...]
    text: list[str] = field(default_factory=list)

    @property
    def kind(self) -> tuple[str, str, tuple[tuple[str, str | None], ...]]:
        """Its place, its tag, its attributes, without the values that are made of the evidence."""
        attributes = [
            (name, None if name in _FORMS_OF_VALUES else value) for name, value in sorted(self.attributes.items())
        ]
        return "/".join(self.path), self.tag, tuple(attributes)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Every attribute once; every element where it may stand."""
        assert len(dict(attrs)) == len(attrs), self.getpos()
        element = Element(tag, dict(attrs), tuple(one.tag for one in self.open))
        self.elements.append(element)
        if tag not in _EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The template writes none."""
        raise AssertionError(f"<{tag}/> at {self.getpos()}")

    def handle_endtag(self, tag: str) -> None:
        """Whatever was opened last is closed first."""
        assert self.open and self.open[-1].tag == tag, f"</{tag}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text belongs to the element that is open."""
        if self.open:
            self.open[-1].text.append(data)
        else:
            assert not data.strip(), data

    def handle_comment(self, data: str) -> None:
        """The template writes none."""
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        """The template writes none."""
        raise AssertionError(f"a processing instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        """The template writes none."""
        raise AssertionError(f"a declaration: {data}")


def elements(page: str) -> list[Element]:
    """Its elements in their order; AssertionError where they are not closed as they were opened, or a text is not
    printable.
    """
    assert all(character.isprintable() or character == "\n" for character in page)
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert not parser.open, parser.open
    return parser.elements


def texts(page: str) -> list[str]:
    """The text of each element that has one of its own."""
    found = ("".join(one.text).strip() for one in elements(page) if one.tag != "style")
    return [text for text in found if text]
