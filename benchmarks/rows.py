"""Lines of the table that benchmarks print, and the timing that they are made by."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rich.table import Table

Call = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        best, median: over the repetitions; None where it could not be measured.
        goal: what the project aims at; None where it has no aim.
        at_least: whether the goal is a lower bound; an upper one otherwise.
    """

    name: str
    unit: str
    best: float | None
    median: float | None = None
    goal: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the best figure meets the goal; None where there is no goal or no figure."""
        if self.goal is None or self.best is None:
            return None
        return bool(self.best >= self.goal if self.at_least else self.best <= self.goal)


def heading(facts: Mapping[str, Any]) -> str:
    versions = " ".join(f"{name} {version}" for name, version in facts["versions"].items())
    load = ", ".join(f"{value:g}" for value in facts["load"])
    return (
        f"{facts['system']}, {facts['processor']}, {facts['cores']} cores (load {load})\n"
        f"{versions}\nthreads: {facts['threads']}, {facts['threading_layer']}"
    )


def table(rows: Sequence[Row]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "best", "median", "unit", "goal", "met"):
        right = name in ("best", "median")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        bound = "≥" if row.at_least else "≤"
        table.add_row(
            row.name,
            number(row.best),
            number(row.median),
            row.unit,
            "" if row.goal is None else f"{bound} {row.goal:g}",
            {True: "yes", False: "no", None: ""}[row.met],
        )
    return table


def notes(rows: Sequence[Row]) -> str:
    return "\n".join(f"{row.name}: {row.note}" for row in rows if row.note)


def number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value:.2e}"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def interleaved(
    calls: Sequence[Call], repetitions: int, clock: Callable[[], float] = time.thread_time
) -> NDArray[np.float64]:
    """Seconds [repetition, call] of calls that take turns, after one turn that does not count."""
    seconds = np.zeros((repetitions, len(calls)))
    for call in calls:
        call()
    for repetition in seconds:
        for i, call in enumerate(calls):
            began = clock()
            call()
            repetition[i] = clock() - began
    return seconds


def ratio(
    name: str,
    seconds: NDArray[np.float64],
    goal: float,
    *,
    unit: str = "x",
    at_least: bool = False,
    note: str = "",
) -> Row:
    """The times of two calls that took turns, the first over the second."""
    first, second = seconds.T
    return Row(
        name=name,
        unit=unit,
        best=float(first.min() / second.min()),
        median=float(np.median(first / second)),
        goal=goal,
        at_least=at_least,
        note=note,
    )


def per(name: str, unit: str, seconds: NDArray[np.float64], scale: float, **options: Any) -> Row:
    """The times of one call, ``scale`` times the seconds."""
    best, median = float(seconds.min()) * scale, float(np.median(seconds)) * scale
    return Row(name=name, unit=unit, best=best, median=median, **options)
