"""Means with their intervals and the replicates behind them, one beside the other.

Rows of them (:func:`rows`), along the horizontal axis, are what findings and comparisons show;
upright, at values of an axis, they are a curve (:func:`upright`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evosim.plot import colors, style, timeseries
from evosim.plot.facets import Floats, Panel
from evosim.plot.layouts import Axes

JITTER = 0.26
"""How far replicates wander from the middle of their row, at most."""
WANTED = "#E3F1E8"


class Mark(NamedTuple):
    """A mean, its interval, and the number of each replicate."""

    value: float | None
    interval: Sequence[float | None] | None
    each: Floats
    """[replicate]; empty where only all together make a number."""
    color: str

    @property
    def numbers(self) -> Floats:
        """All that an axis has to hold of it."""
        known = [v for v in (self.value, *(self.interval or ())) if v is not None]
        return np.append(self.each, np.array(known, np.float64))

    def draw(self, panel: Axes, at: float, spread: float, *, upright: bool = False) -> None:
        """Draw it at a place of the other axis, its replicates up to ``spread`` beside it."""

        def put(along: Any, across: Any, *how: Any, **more: Any) -> None:
            panel.plot(*((across, along) if upright else (along, across)), *how, **more)

        dark = colors.readable(self.color)
        if (n := len(self.each)) > 1:
            # Apart where they are of like value, and the same in every row.
            beside = at + spread * (2 * ((np.arange(n) * 0.618034) % 1) - 1)
            put(self.each, beside, ".", color=self.color, alpha=0.4, markersize=3.2,
                markeredgewidth=0, zorder=2, label="replicates")  # fmt: skip
        if self.value is None:
            return
        if self.interval is not None and None not in self.interval:
            put(self.interval, [at, at], color=dark, linewidth=1.6, solid_capstyle="butt",
                zorder=4, label="interval")  # fmt: skip
        put(self.value, at, "o", color=dark, markersize=4.2, markeredgecolor="white",
            markeredgewidth=0.6, zorder=5, label="mean")  # fmt: skip


def rows(
    marks: Sequence[Mark | None],
    *,
    names: Sequence[str] = (),
    threshold: Mapping[str, float] | None = None,
    zero: bool = False,
    include: Sequence[float] = (),
    room: float = 0.6,
    more: Callable[[Axes], Any] = lambda panel: None,
    **options: Any,
) -> Panel:
    """A panel of marks, a row each from the upper edge down; None leaves its row free.

    Args:
        names: of the rows, to the left.
        threshold: ``above``, ``below`` or ``within`` which the whole interval must lie.
        zero: whether 0 is marked.
        include: what the axis holds beside what is drawn.
        room: rows left free above and below.
        options: of the panel.
    """
    include = [*include, *ends_of(threshold or {}), *([0.0] if zero else [])]
    drawn = [mark.numbers for mark in marks if mark is not None]
    low, high = timeseries.ends_of(*drawn, include=include, room=0.06, least=1e-6)

    def draw(panel: Axes) -> None:
        panel.spines["left"].set_visible(False)
        panel.tick_params(left=False)
        for n, mark in enumerate(marks):
            if mark is not None:
                mark.draw(panel, n, JITTER)
        if zero:
            panel.axvline(0, color=colors.GREY, linewidth=0.5, zorder=1, label="zero")
        if threshold is not None:
            beyond(panel, threshold)
        more(panel)

    return Panel(
        xlim=(low, high),
        ylim=(len(marks) - 1 + room, -room),
        yticks=dict(enumerate(names)),
        more=draw,
        **options,
    )


def upright(marks: Sequence[Mark], at: Sequence[float], panel: Axes, spread: float) -> None:
    """Marks at values of the horizontal axis."""
    reach = max(at) - min(at) or 1.0
    for mark, x in zip(marks, at, strict=True):
        mark.draw(panel, x, spread * reach, upright=True)


def ends_of(threshold: Mapping[str, float]) -> list[float]:
    """Where the ground of a threshold ends: at one number, of ``within`` at two.

    >>> ends_of({"within": 0.1})
    [-0.1, 0.1]
    """
    return [
        end for side, at in threshold.items() for end in ([-at, at] if side == "within" else [at])
    ]


def beyond(panel: Axes, threshold: Mapping[str, float], *, upright: bool = False) -> None:
    """The threshold, and the ground on which the whole interval must lie."""
    low, high = panel.get_ylim() if upright else panel.get_xlim()
    span, line = (panel.axhspan, panel.axhline) if upright else (panel.axvspan, panel.axvline)
    ends = ends_of(threshold)
    wanted = {"above": (ends[-1], high), "below": (low, ends[0]), "within": (ends[0], ends[-1])}
    (side,) = threshold
    span(*wanted[side], color=WANTED, linewidth=0, zorder=0, label="wanted")
    for at in ends:
        line(
            at, color=colors.INK, linewidth=0.8, linestyle=style.FLIP, zorder=1.5 if upright else 3,
            label="threshold",
        )  # fmt: skip
    (panel.set_ylim if upright else panel.set_xlim)(low, high)
