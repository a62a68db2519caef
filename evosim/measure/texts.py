"""Numbers of summaries as text: undefined ones, intervals, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def with_interval(
    value: float | None, interval: Sequence[float | None] | None, form: str = ".2f"
) -> str:
    """A number with its interval, where it has one; an end of None is no bound."""
    if value is None or interval is None:
        return number(value, form)
    low, high = interval
    if low is None or high is None:
        return f"{number(value, form)} [unbounded]"
    return f"{number(value, form)} [{number(low, form)}, {number(high, form)}]"


def number(value: float | None, form: str = ".2f") -> str:
    """A number of a summary, in which None is undefined; never a negative zero."""
    if value is None:
        return "undefined"
    text = format(value, form)
    return text[1:] if text.startswith("-") and float(text) == 0 else text


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
