"""The terms of docs/glossary.md, for ``evosim explain`` and for links of the documentation site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("_glossary.md")
"""A link to the page, so that wheels have it."""
_ROW = re.compile(r"^\| (?!---)(.+) \|$", re.MULTILINE)
_CELLS = re.compile(r"(?<!\\)\|")


class Term(NamedTuple):
    """A row of the glossary."""

    names: tuple[str, ...]
    meaning: str
    more: dict[str, str]
    """What else its table has of it, by column; no empty cells."""


def terms() -> list[Term]:
    """All terms, in the order of the page.

    >>> [term.meaning for term in terms() if "patience" in term.names]
    ['factor for a reward that comes one step later']
    """
    found = []
    head: list[str] = []
    for row in _ROW.findall(FILE.read_text(encoding="utf-8")):
        name, meaning, *more = [cell.strip() for cell in _CELLS.split(row)]
        if name == "term":
            head = more
            continue
        columns = dict(zip(head, more, strict=True))
        found.append(
            Term(tuple(name.split(", ")), meaning, {k: v for k, v in columns.items() if v})
        )
    return found
