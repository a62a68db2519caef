"""Cost against each size of a run, log-log, with the fitted exponents and their bound.

Not a figure of a run, and so not in the registry: ``evosim bench`` draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from evosim.plot import colors, layouts, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_STEPS = (1.0, 2.0, 5.0)
"""Ticks of a decade; of many decades, the first alone."""


BOUND = 1.05
"""The exponent that cost may have in each size."""
COLUMNS = 3
"""Panels in a row."""


class Curve(NamedTuple):
    """Measured cost against one size, the others held."""

    size: str
    """What is varied: the label of the horizontal axis."""
    held: str
    """What is held, in a few words: the panel's title."""
    sizes: Sequence[float]
    seconds: Sequence[float]
    """Processor time at each size."""
    fit_from: float
    """The exponent is fitted to sizes of at least this."""


class Fit(NamedTuple):
    """seconds = factor * size ** exponent."""

    exponent: float
    factor: float


def fit(curve: Curve) -> Fit:
    """The power law through the points of a curve, least squares of the logarithms.

    Raises:
        ValueError: fewer than two points to fit to.
    """
    sizes, seconds = _fitted(curve)
    if len(sizes) < 2:
        raise ValueError(f"{len(sizes)} sizes of {curve.size} from {curve.fit_from:g} on, not 2")
    exponent, factor = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return Fit(float(exponent), float(np.exp(factor)))


def figure(curves: Sequence[Curve], *, title: str, note: str = "") -> Figure:
    """One panel for each curve."""
    with style.styled():
        rows = [
            layouts.Row(
                height=1.5,
                columns=COLUMNS,
                panels=min(COLUMNS, len(curves) - n),
                ticks=True,
                titles=2 if n else 1,  # which leaves room for the labels of the row above
            )
            for n in range(0, len(curves), COLUMNS)
        ]
        layout = layouts.create(
            rows,
            width=style.DOUBLE,
            title=title,
            note=note,
            legend=[
                layouts.LegendEntry("measured", colors.BLUE),
                layouts.LegendEntry("power law fitted", colors.VERMILLION, style.DASHES[1], 1.0),
                layouts.LegendEntry(f"exponent {BOUND}", colors.GREY, style.DASHES[2], 1.0),
            ],
            left=0.55,
            between=0.5,
            xlabel="size",
        )
        for panel, curve in zip(layout.panels, curves, strict=True):
            _draw(panel, curve)
        for row in layout.axes:
            row[0].set_ylabel("seconds")
    return layout.figure


def _draw(panel: Axes, curve: Curve) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    for axis, values in ((panel.xaxis, curve.sizes), (panel.yaxis, curve.seconds)):
        steps = _STEPS if max(values) < 100 * min(values) else _STEPS[:1]
        axis.set_major_locator(LogLocator(10, subs=steps, numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
        axis.set_minor_formatter(NullFormatter())
    panel.grid(color=colors.GRID, linewidth=0.5)
    panel.plot(curve.sizes, curve.seconds, "o-", color=colors.BLUE, markersize=3.2)
    law = fit(curve)
    ends = np.array([_fitted(curve)[0].min(), max(curve.sizes)])
    fitted = law.factor * ends**law.exponent
    bound = fitted[0] * (ends / ends[0]) ** BOUND
    for heights, color, dash in (
        (bound, colors.GREY, style.DASHES[2]), (fitted, colors.VERMILLION, style.DASHES[1]),
    ):  # fmt: skip
        panel.plot(ends, heights, color=color, linestyle=dash, linewidth=1.0)
    exponent = f"{round(law.exponent, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
    panel.text(
        0.03, 0.95, f"exponent {exponent}", transform=panel.transAxes, ha="left", va="top",
        color=colors.VERMILLION,
    )  # fmt: skip
    layouts.panel_title(panel, curve.held)
    panel.set_xlabel(curve.size)


def _fitted(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.asarray(curve.sizes, float)
    chosen = sizes >= curve.fit_from
    return sizes[chosen], np.asarray(curve.seconds, float)[chosen]
