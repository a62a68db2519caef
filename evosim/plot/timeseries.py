"""Lines over generations: what is summarised over individuals and replicates, and how drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from evosim.plot.colors import readable
from evosim.plot.style import Dash, fit, inches, line_height, text_width
from evosim.process import ignoring
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats: TypeAlias = NDArray[np.float64]


class Trajectory(NamedTuple):
    """A quantity over generations, summarised over individuals and replicates."""

    middle: Floats
    """[generation]: the population's median (of replicates: the median of their medians)."""
    replicates: Floats | None = None
    """[replicate, generation]: each replicate's own, where there are several."""
    bands: tuple[tuple[Floats, Floats], ...] = ()
    """(low, high), each [generation], outermost first: the population's spread (of replicates: the
    median of their populations' quantiles)."""

    @property
    def arrays(self) -> list[Floats]:
        """All that is drawn of it, to set the limits of an axis by."""
        each = [] if self.replicates is None else [self.replicates]
        return [self.middle, *each, *(end for band in self.bands for end in band)]

    def at(self, place: int) -> Trajectory:
        """One of several [generation, place], without replicates."""
        bands = tuple((low[:, place], high[:, place]) for low, high in self.bands)
        return Trajectory(self.middle[:, place], None, bands)


FEW = 16
"""Of fewer times each is a point: between them nobody measured."""
SMALLEST_FALL = 0.06
"""Inches: what moves by less at a flip has no arrow."""
BANDS = ((0.05, 0.95), (0.25, 0.75))


def trajectory(values: Floats, *, use_mean: bool = False, bands: bool = True) -> Trajectory:
    """Summarise ``values`` [replicate, generation, individual] for drawing.

    One replicate: median over individuals, with the middle 90 % and 50 % as bands. Several:
    the same of each replicate, and of these the median over replicates; each replicate's median
    a line of its own. So bands always tell how much individuals of one population differ.

    Args:
        use_mean: the population's mean in place of its median, which of whole numbers jumps.
        bands: whether to compute them.
    """
    exact = np.asarray(values, dtype=np.float64)
    centre = mean(exact) if use_mean else quantiles(exact, (0.5,))[0]
    middle = quantiles(centre.T, (0.5,))[0]
    each = centre if len(exact) > 1 else None
    if not bands:
        return Trajectory(middle, each, ())
    points = quantiles(exact, [q for band in BANDS for q in band])
    points = quantiles(np.moveaxis(points, 1, -1), (0.5,))[0]
    pairs = tuple((points[2 * n], points[2 * n + 1]) for n in range(len(BANDS)))
    return Trajectory(middle, each, pairs)


def numbers(values: Iterable[float | None]) -> Floats:
    """What a summary holds as an array, None as NaN."""
    return np.array([np.nan if v is None else v for v in values], np.float64)


def medians(values: Floats) -> Trajectory:
    """The median of values [replicate, x] over replicates, with each of several replicates."""
    return trajectory(values[..., None], bands=False)


def quantiles(values: Floats, q: Sequence[float]) -> Floats:
    """Quantiles over the last axis, first axis of the result; NaN values are left out."""
    if values.shape[-1] == 0:
        return np.full((len(q), *values.shape[:-1]), np.nan)
    if not np.isnan(values).any():
        return np.asarray(np.quantile(values, q, axis=-1))
    with ignoring(RuntimeWarning):  # a slice that is all NaN stays NaN
        return np.asarray(np.nanquantile(values, q, axis=-1))


def interval(values: Floats, bootstrap: Bootstrap) -> Floats:
    """BCa interval of a mean over the first axis (replicates), [low and high, ...].

    The same as in summary.json (docs/measures, intervals). NaN values are left out; where
    fewer than two are left, the interval is NaN.
    """
    flat = values.reshape(len(values), -1)
    ends = [intervals.mean(column, bootstrap).interval or (np.nan, np.nan) for column in flat.T]
    return np.array(ends, dtype=np.float64).reshape(-1, 2).T.reshape(2, *values.shape[1:])


def mean(values: Floats, axis: int = -1) -> Floats:
    """The mean over an axis, NaN values left out; NaN where none is left."""
    with ignoring(RuntimeWarning):
        return np.asarray(np.nanmean(values, axis=axis))


def thin_lines(panel: Axes, x: Floats, lines: Floats, *, color: str, label: str) -> None:
    """Thin lines [line, x] behind the main one: replicates."""
    alpha = float(np.clip(2.4 / len(lines), 0.15, 0.45))
    if len(x) == 1:
        panel.plot(
            np.repeat(x, len(lines)), lines[:, 0], ".", color=color, alpha=alpha, markersize=3
        )
        return
    segments = [np.column_stack([x, y]) for y in lines]
    panel.add_collection(
        LineCollection(segments, colors=[color], linewidths=0.5, alpha=alpha, label=label)
    )


def line(
    panel: Axes,
    x: Floats,
    y: Floats,
    *,
    color: str,
    label: str,
    dash: Dash = "-",
    width: float = 1.3,
    zorder: float = 3.0,
) -> Line2D:
    """One line; lonely points, which no line would show, get a dot."""
    finite = np.isfinite(y)
    joined = np.zeros(len(y), dtype=bool)
    joined[1:] |= finite[1:] & finite[:-1]
    joined[:-1] |= finite[1:] & finite[:-1]
    lonely = np.flatnonzero(finite & ~joined)
    (drawn,) = panel.plot(
        x,
        y,
        color=color,
        linestyle=dash,
        linewidth=width,
        label=label,
        zorder=zorder,
        marker="o" if len(lonely) else "",
        markersize=3.2,
        markevery=[int(n) for n in lonely],
    )
    return drawn


def ends_of(
    *arrays: Floats | None,
    include: Sequence[float] = (),
    within: tuple[float, float] = (-np.inf, np.inf),
    room: float = 0.05,
    least: float = 1e-3,
) -> tuple[float, float]:
    """The ends of an axis on which all finite values and ``include`` are seen.

    Args:
        within: values beyond these bounds are cut off; the caller says so in the figure.
        room: part of the range that is left free at each end.
        least: part of the values; of a smaller range the axis is wider.
    """
    values = [np.asarray(include, dtype=np.float64)]
    values += [np.asarray(a, dtype=np.float64).ravel() for a in arrays if a is not None]
    every = np.concatenate(values)
    every = np.clip(every[np.isfinite(every)], *within)
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    least = max(least * max(abs(low), abs(high)), 1e-6)
    if high - low < least:
        low, high = low - max(least, 0.5), high + max(least, 0.5)
    return low - room * (high - low), high + room * (high - low)


def limits(panel: Axes, *arrays: Floats | None, **options: Any) -> None:
    """Set the vertical limits to what :func:`ends_of` finds."""
    panel.set_ylim(*ends_of(*arrays, **options))


def move_apart(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights apart until neighbours are ``gap`` apart, staying in [low, high] if it can be.

    The order is kept; the sum of squared moves is the least possible without the bounds
    (pool-adjacent-violators on the heights less their gaps).
    """
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    pools: list[tuple[float, int]] = []  # (mean, size)
    for rank, n in enumerate(order):
        pools.append((min(max(heights[n], low), high) - rank * gap, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (a, size_a), (b, size_b) = pools[-2:]
            pools[-2:] = [((a * size_a + b * size_b) / (size_a + size_b), size_a + size_b)]
    flat = [mean for mean, size in pools for _ in range(size)]
    highest = high - gap * (len(flat) - 1)
    placed = [max(low, min(f, highest)) if highest > low else highest for f in flat]
    result = [0.0] * len(heights)
    for rank, n in enumerate(order):
        result[n] = placed[rank] + rank * gap
    return result


def label_room(names: Sequence[str], most: float = 1.1) -> float:
    """Inches that :func:`end_labels` needs for these names, at most ``most``."""
    return min(max(map(text_width, names), default=0.0) + 0.12, most)


def end_labels(
    panel: Axes,
    labels: Sequence[tuple[float, str, str]],
    *,
    room: float,
    bold: Sequence[bool] | None = None,
) -> None:
    """Names at the right end of lines, moved apart where they would overlap.

    Args:
        labels: (height in data units, text, colour).
        room: inches to the right of the panel that the names may fill.
    """
    if not labels:
        return
    width, height = inches(panel)
    low, high = panel.get_ylim()
    per_inch = (high - low) / height
    gap = line_height() * 0.9 * per_inch
    placed = move_apart([y for y, _, _ in labels], gap, low, high)
    for n, ((y, text, color), at) in enumerate(zip(labels, placed, strict=True)):
        ends = np.clip([y, at], [low, -np.inf], [high, np.inf])
        panel.plot(
            [1 + 0.015 / width, 1 + 0.08 / width],
            ends,
            transform=panel.get_yaxis_transform(),
            color=color,
            linewidth=0.6,
            clip_on=False,
            label="leader",
            scaley=False,
            scalex=False,
        )
        heavy = bool(bold and bold[n])
        panel.text(
            1 + 0.1 / width,
            at,
            fit(text, room - 0.1, bold=heavy) if not heavy else text,
            transform=panel.get_yaxis_transform(),
            color=readable(color),
            va="center_baseline",
            ha="left",
            fontweight="bold" if heavy else "normal",
        )


# What happens at a flip


class Box(NamedTuple):
    """Where a name is, in the units of the axes."""

    left: float
    right: float
    low: float
    high: float

    def meets(self, other: Box) -> bool:
        """Whether they lie on each other."""
        return min(self.right, other.right) > max(self.left, other.left) and min(
            self.high, other.high
        ) > max(self.low, other.low)


def arrow(
    panel: Axes,
    x: tuple[float, float],
    y: tuple[float, float],
    words: Sequence[str],
    drawn: Sequence[tuple[Floats, Floats]],
    taken: list[Box] | None,
    *,
    color: str,
) -> None:
    """How a line falls or rises at a flip, and words beside it, where other lines are farthest
    away; none if there is no room.

    Args:
        x, y: from where to where.
        words: lines of text; none where it hardly moves.
        drawn: the lines of the panel, (x, y) of each.
        taken: where other words are, to which these are added; None: there are to be none.
    """
    panel.plot(x, y, color=color, linewidth=2.2, label="fall", zorder=3.6)
    width, height = inches(panel)
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    across, up = (right - left) / width, (high - low) / height  # of an inch
    if abs(y[1] - y[0]) < SMALLEST_FALL * up:
        return
    panel.plot(x[1], y[1], "v" if y[1] < y[0] else "^", color=color, markersize=6.5,
               markeredgewidth=0, label="fall end", zorder=3.7)  # fmt: skip
    if taken is None:
        return
    size = (max(text_width(w, bold=True) for w in words) + 0.04) * across
    half = len(words) * line_height() / 2 * up
    best, place = -np.inf, None
    for side, edge in (("right", x[0] - 0.08 * across), ("left", x[1] + 0.08 * across)):
        start = edge - size if side == "right" else edge
        for middle in np.linspace(max(min(y), low + half), min(max(y), high - half), 7):
            box = Box(start, start + size, float(middle) - half, float(middle) + half)
            if start < left or box.right > right or any(box.meets(other) for other in taken):
                continue
            at = np.linspace(start, box.right, 12)
            near = [abs(float(v) - middle) / up for xs, ys in drawn for v in _heights(at, xs, ys)]
            apart = min([*near, 0.35]) - 0.05 * abs(middle - float(np.mean(y))) / up
            if apart > best:
                best, place = apart, (edge, side, box)
    if place is None:
        return
    edge, side, box = place
    taken.append(box)
    panel.text(
        edge, (box.low + box.high) / 2, "\n".join(words), ha=side, va="center", linespacing=1.1,
        fontweight="bold", color=readable(color), zorder=6,
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6},
    )  # fmt: skip


def _heights(at: Floats, x: Floats, y: Floats) -> Floats:
    """Where a line is at some places; nothing where it is not."""
    known = np.isfinite(y)
    found = np.interp(at, x[known], y[known], left=np.nan, right=np.nan) if known.any() else at[:0]
    return np.asarray(found[np.isfinite(found)], np.float64)
