"""How figures are written: how wide, for paper or for slides, and with which data beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim.engine.files import put
from evosim.errors import Argument, EvosimError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {"paper": 1.0, "slides": 1.8}
"""How many times as large as on paper all is: on slides no text is under 12 pt."""
NARROWEST, WIDEST = 1.0, 40.0
"""Inches of a figure."""
UNNAMED = ("leader", "flip", "frozen", "here", "grid", "edge", "barriers")
"""What is drawn beside data."""


class Point(NamedTuple):
    """A number that a figure shows."""

    figure: str
    panel: str
    series: str
    x: float
    y: float


@dataclass(kw_only=True)
class Output:
    """How figures are written.

    Attributes:
        width: inches; None: as they are made. All in a figure grows with it, its letters too.
        style: ``paper``, or ``slides``: larger, and without the note below.
        data: a CSV of all numbers drawn; None: none is written.

    Raises:
        EvosimError: a width out of range, or no such style.
    """

    width: float | None = None
    style: str = "paper"
    data: Path | None = None
    points: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        width = self.width
        if width is not None and not (
            isinstance(width, Real)
            and not isinstance(width, bool)
            and NARROWEST <= float(width) <= WIDEST
        ):
            raise EvosimError(
                Argument("width", width),
                f": no width of a figure (allowed {NARROWEST:g} to {WIDEST:g} inches)",
            )
        if str(self.style) not in STYLES:  # as text: a list has no hash
            raise EvosimError(
                Argument("style", self.style), f": {did_you_mean(self.style, STYLES)}"
            )
        if self.data is not None and self.data.suffix != ".csv":
            raise EvosimError(f"{self.data}: the data of figures are written as .csv")

    def take(self, name: str, figure: Figure) -> None:
        """Make a figure as large as it is to be, and keep its numbers."""
        if self.data is not None:
            self.points += points_of(name, figure)
        times = STYLES[self.style]
        if self.width is not None:
            times = float(self.width) / figure.get_figwidth()
        if self.style == "slides":
            _without_note(figure)
        if times != 1.0:
            enlarge(figure, times)

    def write_data(self) -> list[Path]:
        """Write the numbers that were kept, if they are asked for; the files."""
        if self.data is None:
            return []
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(Point._fields)
        rows.writerows((*point[:3], f"{point.x:.7g}", f"{point.y:.7g}") for point in self.points)
        put(self.data, text.getvalue().encode())
        return [self.data]


def enlarge(figure: Figure, times: float) -> None:
    """Make all of a figure so many times as large: letters, lines, marks."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.text import Text

    for one in figure.findobj():
        if isinstance(one, Text):
            one.set_fontsize(float(one.get_fontsize()) * times)
        elif isinstance(one, Line2D):
            one.set(linewidth=one.get_linewidth() * times, markersize=one.get_markersize() * times,
                    markeredgewidth=one.get_markeredgewidth() * times)  # fmt: skip
        elif isinstance(one, Patch):
            one.set_linewidth(one.get_linewidth() * times)
        elif isinstance(one, Collection):
            one.set_linewidth([width * times for width in np.atleast_1d(one.get_linewidth())])
    for panel in figure.axes:
        panel.tick_params(pad=2.0 * times, which="both")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * times, height * times)


def _without_note(figure: Figure) -> None:
    """A figure without the small letters at its foot, and without the room that they took."""
    notes = [text for text in figure.texts if text.get_label() == "note"]
    if not notes:
        return
    height = figure.get_figheight()
    least = max(text.get_position()[1] for text in notes) + 0.12 / height
    for text in notes:
        text.remove()
    for text in figure.texts:
        text.set_y((text.get_position()[1] - least) / (1 - least))
    for panel in figure.axes:
        box = panel.get_position()
        panel.set_position(
            (box.x0, (box.y0 - least) / (1 - least), box.width, box.height / (1 - least))
        )
    for one in figure.artists + figure.lines + figure.patches:
        one.set_transform(_raised(figure, least) + figure.transFigure)
    figure.set_figheight(height * (1 - least))


def _raised(figure: Figure, least: float) -> Any:
    """What stands above a share of the height, as if the rest were not there."""
    from matplotlib.transforms import Affine2D

    return Affine2D().translate(0, -least).scale(1, 1 / (1 - least))


def points_of(name: str, figure: Figure) -> Iterator[Point]:
    """Every number that a figure shows, panel by panel: lines, bars (x: which one), ends of bands
    and intervals; of a heat map each cell, its y the value, named by its height.

    Args:
        name: of the figure.
    """
    for n, panel in enumerate(figure.axes):
        called = panel.get_title(loc="left") or panel.get_ylabel() or f"panel {n + 1}"
        called = " ".join(called.split())
        for series, x, y in _series(panel):
            if series and not series.startswith("_") and series not in UNNAMED:
                for at, value in zip(x, y, strict=True):
                    if np.isfinite(value):
                        yield Point(name, called, series, float(at), float(value))


def _series(panel: Axes) -> Iterator[tuple[str, Any, Any]]:
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.container import BarContainer

    for line in panel.lines:
        yield str(line.get_label()), np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    for bars in panel.containers:
        if isinstance(bars, BarContainer):
            upright = bars.orientation == "vertical"
            for bar in bars.patches:
                (x0, y0), wide, high = bar.get_xy(), bar.get_width(), bar.get_height()
                at, value = (x0 + wide / 2, high) if upright else (y0 + high / 2, wide)
                yield str(bars.get_label()), [at], [value]
    for one in panel.collections:
        label = str(one.get_label())
        if isinstance(one, LineCollection):
            for segment in one.get_segments():
                if len(segment):  # where the value is undefined there is none
                    yield label, segment[:, 0], segment[:, 1]
        elif isinstance(one, PolyCollection):
            for path in one.get_paths():
                corners = np.asarray(path.vertices, np.float64)
                for side, keep in (("low", np.min), ("high", np.max)):
                    places = np.unique(corners[:, 0])
                    ends = [keep(corners[corners[:, 0] == x, 1]) for x in places]
                    yield f"{label} {side}", places, ends
    for image in panel.images:
        values: Any = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
        left, right, low, high = image.get_extent()
        rows, columns = values.shape[:2]
        x = left + (np.arange(columns) + 0.5) * (right - left) / columns
        for row in range(rows):
            yield f"share at {low + (row + 0.5) * (high - low) / rows:.6g}", x, values[row]
