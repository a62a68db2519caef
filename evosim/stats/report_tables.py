"""Tables and paragraphs of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
"""Columns of a text, at most, where its words and numbers allow."""


def table(rows: Iterable[Sequence[str]], *, right: bool = False) -> list[str]:
    """Rows with their columns aligned, indented by two.

    Args:
        right: all columns but the first are aligned on the right.
    """
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    justify = str.rjust if right else str.ljust
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(justify, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]


def tables(rows: Iterable[Sequence[str]], *, right: bool = False) -> list[str]:
    """A table as :func:`table` has it; one that is too wide is told in several, an empty line
    apart, each of which begins with the first column."""
    rows = list(rows)
    widths = [2 + max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    groups: list[list[int]] = [[]]  # columns but the first
    for i in range(1, len(widths)):
        if groups[-1] and sum(widths[k] for k in (0, *groups[-1], i)) > WIDTH:
            groups.append([])
        groups[-1].append(i)
    lines: list[str] = []
    for columns in groups:
        part = [[row[i] for i in (0, *columns)] for row in rows]
        lines += [""] * bool(lines) + table(part, right=right)
    return lines


def filled(words: str, indent: str = "") -> list[str]:
    """Words in lines of a text's width; all lines but the first begin with ``indent``."""
    return textwrap.wrap(words, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
