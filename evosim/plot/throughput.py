"""Throughput of the planner against what it depends on, log-log, with the fitted exponents.

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


class Curve(NamedTuple):
    """Measured throughput against one size, the others held."""

    size: str
    """What is varied: the label of the horizontal axis."""
    held: str
    """What is held, in a few words: the panel's title."""
    sizes: Sequence[float]
    throughput: Sequence[float]
    """Plans a second at each size."""
    fit_from: float
    """The exponent is fitted to sizes of at least this."""


class Fit(NamedTuple):
    """throughput = factor * size ** exponent."""

    exponent: float
    factor: float


def fit(curve: Curve) -> Fit:
    """The power law through the points of a curve, least squares of the logarithms.

    Raises:
        ValueError: fewer than two points to fit to.
    """
    sizes, throughput = _fitted(curve)
    if len(sizes) < 2:
        raise ValueError(f"{len(sizes)} sizes of {curve.size} from {curve.fit_from:g} on, not 2")
    exponent, factor = np.polyfit(np.log(sizes), np.log(throughput), 1)
    return Fit(float(exponent), float(np.exp(factor)))


def figure(curves: Sequence[Curve], *, title: str, note: str = "") -> Figure:
    """One panel for each curve, with a common vertical scale."""
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=1.7, columns=len(curves))],
            width=style.DOUBLE,
            title=title,
            note=note,
            legend=[
                layouts.LegendEntry("measured", colors.BLUE),
                layouts.LegendEntry("power law fitted", colors.VERMILLION, style.DASHES[1], 1.0),
            ],
            left=0.55,
            between=0.5,
            xlabel=curves[0].size,
        )
        every = np.concatenate([np.asarray(curve.throughput, float) for curve in curves])
        limits = (every.min() / 1.6, every.max() * 1.6)
        for panel, curve in zip(layout.panels, curves, strict=True):
            _draw(panel, curve, limits)
        layout.panels[0].set_ylabel("plans / s")
    return layout.figure


def _draw(panel: Axes, curve: Curve, limits: tuple[float, float]) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_ylim(*limits)
    decades = np.log10(max(curve.sizes) / min(curve.sizes))
    for axis, steps in (
        (panel.xaxis, _STEPS if decades < 2 else _STEPS[:1]),
        (panel.yaxis, _STEPS),
    ):
        axis.set_major_locator(LogLocator(10, subs=steps, numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
        axis.set_minor_formatter(NullFormatter())
    panel.grid(color=colors.GRID, linewidth=0.5)
    panel.plot(curve.sizes, curve.throughput, "o-", color=colors.BLUE, markersize=3.2)
    law = fit(curve)
    ends = np.array([_fitted(curve)[0].min(), max(curve.sizes)])
    panel.plot(
        ends,
        law.factor * ends**law.exponent,
        color=colors.VERMILLION,
        linestyle=style.DASHES[1],
        linewidth=1.0,
    )
    exponent = f"{round(law.exponent, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
    panel.text(
        0.97, 0.95, f"exponent {exponent}", transform=panel.transAxes, ha="right", va="top",
        color=colors.VERMILLION,
    )  # fmt: skip
    layouts.panel_title(panel, curve.held)
    panel.set_xlabel(curve.size)


def _fitted(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.asarray(curve.sizes, float)
    chosen = sizes >= curve.fit_from
    return sizes[chosen], np.asarray(curve.throughput, float)[chosen]
