"""The layout of a figure: its title, legend, rows of panels and note.

Panels are placed by arithmetic instead of a layout solver: every width is known before anything
is drawn, which is both faster and the same on every machine. Lengths are in inches, and heights are
counted from the upper edge downwards, as one reads; matplotlib's own count from the lower edge in
shares of the figure, hence the ``1 - y / height`` of all that is placed.

A figure can also be drawn into axes that the caller made: then it has no title, note and timeline
of its own, and what they say goes to the title and the legend of those axes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.errors import EvosimError
from evosim.plot._timeline import TimelineStrip
from evosim.plot.colors import BLACK, DARK_GREY, GREY, INK, readable
from evosim.plot.style import (
    SMALL,
    TITLE,
    Dash,
    fit,
    inches,
    line_height,
    place_text,
    styled,
    text_width,
    tick,
    wrap,
)

if TYPE_CHECKING:
    from evosim.plot.facets import Panel
    from evosim.plot.run_view import RunView


class LegendEntry(NamedTuple):
    """One entry of a legend: a name with its line or patch."""

    name: str
    color: str
    dash: Dash = "-"
    width: float = 1.3
    patch: bool = False
    """Drawn as a filled patch (a band) and not as a line."""
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of panels: its height in inches without labels, and how many panels it has."""

    height: float
    columns: int = 1
    """How many panels its width is divided among."""
    panels: int | None = None
    """How many panels it has, from the left; None: one in each column."""
    titles: int = 1
    """For how many lines of the panels' own titles room is left above."""
    ticks: bool = False
    """Whether room is left below for tick labels (the last row always has it)."""
    strip: bool = False
    """Whether the timeline's strip is drawn above its panels."""
    room: float = 0.0
    """Inches kept free at the right end of the row, for names at the ends of lines."""
    header: tuple[str, ...] = ()
    """Lines above the row."""
    bold: int = 1
    """How many lines of the header are bold."""
    shares: Sequence[float] = ()
    """Of its width for each panel; left out: the same for all."""
    content: Sequence[Panel] = ()
    """What its panels show (:mod:`evosim.plot.facets`)."""

    @property
    def count(self) -> int:
        """Number of its panels."""
        return self.columns if self.panels is None else self.panels

    def spans(self, width: float, between: float) -> list[tuple[float, float]]:
        """Where each column begins, and how wide it is, in ``width`` inches."""
        shares = self.shares or [1 / self.columns] * self.columns
        widths = [(width - between * (self.columns - 1)) * share for share in shares]
        return [(sum(widths[:n]) + n * between, each) for n, each in enumerate(widths)]

    def as_high_as_its_titles(self, spans: Sequence[tuple[float, float]]) -> Row:
        """The row with room for as many lines of titles as its panels have."""
        if self.titles < 2 or not self.content:
            return self
        lines = [
            len(wrap(panel.title, width, bold=panel.bold))
            for panel, (_, width) in zip(self.content, spans, strict=False)
        ]
        return replace(self, titles=min(self.titles, max(lines)))


TITLE_ROOM = 0.15
TICK_ROOM = 0.16
XLABEL_ROOM = 0.15
PAD = 0.06


class Drawing(Figure):
    """A matplotlib figure that a notebook shows as it is, without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with styled():
            self.savefig(buffer, format="png")
        return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Layout:
    """A figure and its panels by row; see :func:`create`."""

    figure: Figure
    axes: list[list[Axes]]
    own: bool = True
    """Whether the figure was made for these panels; else the caller gave the axes."""

    @property
    def panels(self) -> list[Axes]:
        """All panels, row by row."""
        return [panel for row in self.axes for panel in row]


def create(
    rows: Sequence[Row],
    *,
    width: float,
    title: str,
    note: str = "",
    view: RunView | None = None,
    legend: Sequence[LegendEntry] = (),
    left: float = 0.46,
    right: float = 0.1,
    between: float = 0.36,
    xlabel: str | None = "generation",
    axes: Sequence[Axes] | None = None,
) -> Layout:
    """An empty figure of ``width`` inches: title, legend, rows of panels, a note below.

    Args:
        rows: from top to bottom.
        title: set bold, broken into lines as needed.
        note: what is drawn, in small grey letters under the panels.
        view: gives the timeline's strip, which names the environments (None: there is none).
        legend: set above the panels, where it covers nothing.
        left, right, between: margins and the gap between columns, inches.
        xlabel: under the last row (None: nothing).
        axes: draw into these instead of into a new figure, row by row.

    Raises:
        EvosimError: ``axes`` are not as many as the rows have panels.
    """
    if axes is not None:
        return _within(axes, rows, title=title, legend=legend, xlabel=xlabel)
    room = width - 2 * PAD
    spans = [row.spans(width - left - right - row.room, between) for row in rows]
    rows = [row.as_high_as_its_titles(lanes) for row, lanes in zip(rows, spans, strict=True)]
    strip = None
    if view is not None:
        striped = [lanes[0][1] for lanes, row in zip(spans, rows, strict=True) if row.strip]
        strip = TimelineStrip.over(view, striped)
    sentences = " ".join(s for s in (note, strip.note if strip else "") if s)
    plan = _plan(
        rows,
        title=wrap(title, room, TITLE, bold=True),
        note=wrap(sentences, room),
        legend=_lay_legend(legend, room),
        strip=strip.height if strip else 0.0,
        xlabel=bool(xlabel),
    )
    figure = Drawing(figsize=(width, plan.height))
    for y, words, how in plan.texts:
        place_text(figure, PAD, y, words, most=room, **how)
    for y, entries in plan.legend:
        middle = 1 - (y + 0.62 * SMALL / 72) / plan.height
        for x, entry in entries:
            figure.add_artist(
                _handle(entry, x / width, middle, _SWATCH / width, 0.07 / plan.height)
            )
            place_text(figure, x + _SWATCH + 0.05, y, entry.name)
    placed = []
    for n, (row, lanes, y) in enumerate(zip(rows, spans, plan.rows, strict=True)):
        placed.append(
            [_panel(figure, row, left + x, y, each, left) for x, each in lanes[: row.count]]
        )
        if strip is not None and row.strip:
            for x, each in lanes:
                strip.draw(figure, left + x, y - _title_room(row) - strip.height - 0.02, each)
        for k, panel in enumerate(placed[-1]):
            covered = n < len(rows) - 1 and (
                row.columns != rows[n + 1].columns or k < rows[n + 1].count
            )
            panel.tick_params(labelbottom=row.ticks or not covered)
            if xlabel and not covered:
                panel.set_xlabel(xlabel)
    return Layout(figure, placed)


# Axes that the caller made


def flat(axes: Any) -> list[Axes]:
    """One Axes, or an array or nested list of them, row by row.

    Raises:
        EvosimError: something in it is no Axes.
    """
    found = list(np.ravel(np.asarray(axes, dtype=object)))
    for one in found:
        if not isinstance(one, Axes):
            raise EvosimError(
                f"axes: expected matplotlib Axes, one or an array as plt.subplots returns them, "
                f"not {type(one).__name__}"
            )
    return found


@contextmanager
def same_tick_labels(axes: Sequence[Axes]) -> Iterator[None]:
    """Leave it to the caller of a figure which of their axes have tick labels.

    Figures leave out those between their own panels; given axes may stand anywhere.
    """
    shown = [
        (panel.xaxis.get_tick_params()["labelbottom"], panel.yaxis.get_tick_params()["labelleft"])
        for panel in axes
    ]
    yield
    for panel, (below, beside) in zip(axes, shown, strict=True):
        panel.tick_params(labelbottom=below, labelleft=beside)


def _within(
    axes: Sequence[Axes],
    rows: Sequence[Row],
    *,
    title: str,
    legend: Sequence[LegendEntry],
    xlabel: str | None,
) -> Layout:
    """Given axes, row by row, dressed as panels; see :func:`create`."""
    needed = [row.count for row in rows]
    if len(axes) != sum(needed):
        raise EvosimError(
            f"figure “{title}” has {sum(needed)} panels in rows of {', '.join(map(str, needed))}: "
            f"it takes as many axes, not {len(axes)}"
        )
    for panel in axes:
        dress(panel)
        _mark_y(panel, inches(panel)[1])
    if len(axes) == 1:
        words = wrap(title, inches(axes[0])[0], bold=True)
        axes[0].set_title("\n".join(words), loc="left", pad=2.5, fontweight="bold")
    if legend:
        axes[0].legend(handles=[_handle(entry, 0, 0, 1, 1) for entry in legend], frameon=False)
    free = iter(axes)
    figure = axes[0].figure
    whole = figure if isinstance(figure, Figure) else figure.figure  # of a SubFigure
    placed = [[next(free) for _ in range(n)] for n in needed]
    if xlabel:
        for panel in placed[-1]:
            panel.set_xlabel(xlabel)
    return Layout(whole, placed, own=False)


def dress(panel: Axes) -> None:
    """The look of evosim's panels, for which texts are measured, on axes made in another."""
    panel.tick_params(labelsize=SMALL, length=2.5, width=0.6, pad=2.0, color=INK, labelcolor=INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["bottom", "left"]].set(linewidth=0.6, edgecolor=INK)
    for axis in (panel.xaxis, panel.yaxis):
        axis.label.set(size=SMALL, color=INK)
    panel.set_axisbelow(True)


# A figure of our own


class _Plan(NamedTuple):
    """What stands where, in inches from the upper edge."""

    texts: list[tuple[float, str, Mapping[str, Any]]]
    """Where each is, what it says, and its size, weight and colour."""
    legend: list[tuple[float, list[tuple[float, LegendEntry]]]]
    rows: list[float]
    """The upper edge of the panels of each row."""
    height: float
    """Of the whole figure."""


def _plan(
    rows: Sequence[Row],
    *,
    title: list[str],
    note: list[str],
    legend: list[list[tuple[float, LegendEntry]]],
    strip: float,
    xlabel: bool,
) -> _Plan:
    """Place everything from top to bottom; ``strip`` is the height of the timeline's strip."""
    head: Mapping[str, Any] = {"size": TITLE, "bold": True, "color": BLACK}
    texts = [(PAD + n * line_height(TITLE), words, head) for n, words in enumerate(title)]
    y = PAD + len(title) * line_height(TITLE) + 0.03
    lines = [(y + n * line_height(), entries) for n, entries in enumerate(legend)]
    y += len(legend) * line_height() + 0.04 * bool(legend)
    tops: list[float] = []
    for n, row in enumerate(rows):
        y += 0.06 * (bool(row.header) and n > 0)
        for k, words in enumerate(row.header):
            texts.append((y + 0.03, words, {"bold": k < row.bold}))
            y += line_height()
        y += 0.04 * bool(row.header)
        y += (strip + 0.03) * (row.strip and strip > 0)
        y += _title_room(row) + 0.07 * (n > 0)
        tops.append(y)
        y += row.height + TICK_ROOM * (row.ticks or n == len(rows) - 1)
    y += (XLABEL_ROOM if xlabel else 0.03) + 0.05
    small: Mapping[str, Any] = {"color": DARK_GREY, "label": "note"}
    texts += [(y + n * line_height(), words, small) for n, words in enumerate(note)]
    return _Plan(texts, lines, tops, y + len(note) * line_height() + PAD)


def _title_room(row: Row) -> float:
    return TITLE_ROOM + (row.titles - 1) * line_height() if row.titles else 0.0


def _panel(figure: Figure, row: Row, x: float, y: float, width: float, left: float) -> Axes:
    """A panel with its upper left corner at ``x``, ``y``; ``left`` is the layout's margin."""
    whole, height = figure.get_size_inches()
    panel = figure.add_axes(
        (x / whole, 1 - (y + row.height) / height, width / whole, row.height / height)
    )
    _mark_y(panel, row.height)
    # Fixed places: matplotlib would measure every tick label at each drawing.
    panel.xaxis.set_label_coords(0.5, -(TICK_ROOM + 0.01) / row.height)
    panel.yaxis.set_label_coords(-(left - 0.16) / width, 0.5)
    return panel


def _mark_y(panel: Axes, height: float) -> None:
    """Ticks along y, as many as ``height`` inches have room for."""
    panel.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v)))
    panel.yaxis.set_major_locator(
        MaxNLocator(nbins=max(2, int(height / 0.24)), steps=[1, 2, 2.5, 5, 10])
    )


_SWATCH = 0.2


def _lay_legend(
    legend: Sequence[LegendEntry], width: float
) -> list[list[tuple[float, LegendEntry]]]:
    """The legend's entries with their left ends, broken into lines of ``width`` inches."""
    lines: list[list[tuple[float, LegendEntry]]] = []
    x = math.inf
    for entry in legend:
        needed = _SWATCH + 0.05 + text_width(entry.name)
        if x + needed > width + PAD:
            lines.append([])
            x = PAD
        lines[-1].append((x, entry))
        x += needed + 0.16
    return lines


def _handle(entry: LegendEntry, x: float, y: float, width: float, height: float) -> Artist:
    """What stands beside a name, from ``x`` on and around ``y``, in any unit."""
    if entry.patch:
        return Rectangle((x, y - height / 2), width, height, facecolor=entry.color,
                         alpha=entry.alpha, linewidth=0, label=entry.name)  # fmt: skip
    return Line2D(
        [x, x + width], [y, y], color=entry.color, linestyle=entry.dash, linewidth=entry.width,  # type: ignore[arg-type]
        solid_capstyle="butt", label=entry.name,
    )  # fmt: skip


def panel_title(
    panel: Axes, text: str, *, color: str = INK, bold: bool = False, lines: int = 1
) -> None:
    """A panel's name over its left end, broken and shortened to the panel's width."""
    width = inches(panel)[0]
    words = wrap(text, width, bold=bold) if lines > 1 else [text]
    panel.set_title(
        "\n".join(fit(line, width, bold=bold) for line in words[:lines]),
        loc="left",
        pad=2.5,
        color=readable(color),
        fontweight="bold" if bold else "normal",
    )


def footnote(panel: Axes, lines: Sequence[str]) -> None:
    """Small grey lines at the foot of a panel, broken at its width: what it does not show."""
    width = inches(panel)[0]
    broken = [part for line in lines for part in wrap(line, 0.94 * width)]
    panel.text(
        0.02, 0.03, "\n".join(broken), color=DARK_GREY, zorder=6,
        transform=panel.transAxes, ha="left", va="bottom",
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8},
    )  # fmt: skip


def no_data(panel: Axes, text: str) -> None:
    """Say in an empty panel why it is empty."""
    panel.text(
        0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", color=GREY, zorder=5,
        bbox={"facecolor": "white", "linewidth": 0, "pad": 1.5},
    )  # fmt: skip
