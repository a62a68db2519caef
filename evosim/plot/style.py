"""One look for every figure: sizes, colours, the sheet of panels, the marks of the timeline.

Figures are made with matplotlib's object interface only (pyplot costs half a second of import),
at their final size in inches, with no text under 7 pt. A :class:`Sheet` places its panels by
arithmetic instead of a layout solver: every width is known before anything is drawn, which is
both faster and the same on every machine.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.errors import EvosimError, did_you_mean
from evosim.plot.colors import BLACK, GREY, INK, QUIET
from evosim.plot.files import put

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from evosim.plot.subject import Subject

SINGLE = 3.4
"""Width of a figure of one column, inches (8.6 cm)."""
DOUBLE = 7.0
"""Width of a figure across two columns, inches."""

FONT = "DejaVu Sans"
"""Comes with matplotlib: the same glyphs, hence the same bytes, on every machine."""
SMALL = 7.0
TITLE = 8.0
LEADING = 1.3
"""Line height over font size."""

DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (4.0, 1.4)),
    (0, (1.2, 1.2)),
    (0, (5.0, 1.4, 1.2, 1.4)),
)
RC: dict[str, object] = {
    "font.family": [FONT],
    "font.size": SMALL,
    "axes.titlesize": SMALL,
    "axes.titley": 1.0,  # not placed anew at each drawing
    "axes.labelsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelpad": 2.0,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "lines.linewidth": 1.3,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.5,
    "hatch.color": "#9A9A9A",
    "axes.unicode_minus": True,
    "svg.hashsalt": "evosim",
    "svg.fonttype": "path",
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
    "path.simplify": True,
}

_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib as evosim wants it, whatever the user's own settings; restored afterwards."""
    with mpl.rc_context(), warnings.catch_warnings():
        # A title in a script that the font lacks is drawn with boxes, not reported on stderr.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type]
        yield


def write(figure: Figure, path: Path, *, title: str = "") -> None:
    """Write a figure to ``path`` in the format of its suffix, under a temporary name first.

    The bytes depend on the figure and the versions of the libraries alone.

    Raises:
        EvosimError: a format that is not svg, png or pdf; a place that cannot be written.
    """
    suffix = path.suffix.lstrip(".")
    check_format(suffix)
    metadata = dict(_METADATA[suffix])
    if title:
        metadata["Title"] = title
    buffer = io.BytesIO()
    with styled():
        options = {"pil_kwargs": {"compress_level": 5}} if suffix == "png" else {}
        figure.savefig(buffer, format=suffix, metadata=metadata, **options)
    put(path, buffer.getvalue())


def check_format(suffix: str) -> None:
    """Refuse a format that figures are not written in.

    Raises:
        EvosimError: the format is unknown; lists the known ones.
    """
    if suffix not in _METADATA:
        raise EvosimError(f"unknown figure format {suffix!r}: {did_you_mean(suffix, _METADATA)}")


# --- text, measured before it is placed -----------------------------------------------------


@cache
def text_width(text: str, size: float = SMALL, *, bold: bool = False) -> float:
    """Width of one line of text in inches."""
    font = get_font(findfont(f"{FONT}:bold" if bold else FONT))
    font.set_size(size, 72)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs the font lacks
        font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64 / 72


def line_height(size: float = SMALL) -> float:
    """Height of one line of text in inches, its leading included."""
    return size * LEADING / 72


def fit(text: str, width: float, size: float = SMALL, *, bold: bool = False) -> str:
    """The text, shortened with an ellipsis until it is at most ``width`` inches wide.

    A single word is shortened in its middle: names that begin alike often end in a number.
    """
    if text_width(text, size, bold=bold) <= width:
        return text

    def shorter(keep: int) -> str:
        tail = 0 if " " in text else keep // 3
        return f"{text[: keep - tail].rstrip()}…{text[len(text) - tail :]}"

    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(shorter(middle), size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return shorter(low)


def wrap(text: str, width: float, size: float = SMALL, *, bold: bool = False) -> list[str]:
    """The text broken between words into lines of at most ``width`` inches."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(fit(word, width, size, bold=bold))
    return lines


def number(value: float) -> str:
    """A number for an axis: short, with a real minus sign."""
    if not math.isfinite(value):
        return ""
    size = abs(value)
    if size >= 1e6:
        text = f"{value / 1e6:.3g}M"
    elif size >= 1e4:
        text = f"{value / 1e3:.3g}k"
    elif size < 1e-12:
        text = "0"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "−")


# --- the sheet ------------------------------------------------------------------------------


class Key(NamedTuple):
    """One entry of a legend: a name with its line or patch."""

    name: str
    color: str
    dash: str | tuple[int, tuple[float, ...]] = "-"
    width: float = 1.3
    patch: bool = False
    """Drawn as a filled patch (a band) and not as a line."""
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of panels: its height in inches without labels, and how many panels it has."""

    height: float
    columns: int = 1
    titles: bool = True
    """Whether room is left above for the panels' own titles."""
    ticks: bool = False
    """Whether room is left below for tick labels (the last row always has it)."""
    strip: bool = False
    """Whether the timeline's strip is drawn above its panels."""
    room: float = 0.0
    """Inches kept free at the right end of the row, for names at the ends of lines."""
    header: tuple[str, ...] = ()
    """Lines above the row, the first one bold."""


TITLE_ROOM = 0.15
TICK_ROOM = 0.16
XLABEL_ROOM = 0.15
PAD = 0.06


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure and its panels by row; see :func:`sheet`."""

    figure: Figure
    axes: list[list[Axes]]

    @property
    def panels(self) -> list[Axes]:
        """All panels, row by row."""
        return [panel for row in self.axes for panel in row]


def sheet(
    rows: Sequence[Row],
    *,
    width: float,
    title: str,
    note: str = "",
    subject: Subject | None = None,
    keys: Sequence[Key] = (),
    left: float = 0.46,
    right: float = 0.1,
    between: float = 0.36,
    xlabel: str | None = "generation",
) -> Sheet:
    """An empty figure of ``width`` inches: title, legend, rows of panels, a note below.

    Args:
        rows: from top to bottom.
        title: set bold, broken into lines as needed.
        note: what is drawn, in small grey letters under the panels.
        subject: gives the panels their axis of generations, the flips and the timeline's strip
            (None: the panels are left to the caller).
        keys: the legend, set above the panels, where it covers nothing.
        left, right, between: margins and the gap between columns, inches.
        xlabel: under the last row (None: nothing).
    """
    inner = width - 2 * PAD
    titles = wrap(title, inner, TITLE, bold=True)
    strips = timeline(subject, rows, width, left, right, between) if subject else None
    sentences = " ".join(s for s in (note, strips.note if strips else "") if s)
    notes = wrap(sentences, inner)
    legend = _lay_keys(keys, inner)

    top = PAD + len(titles) * line_height(TITLE) + 0.03
    legend_at = top
    top += len(legend) * line_height() + (0.04 if legend else 0.0)
    tops: list[float] = []
    headers: list[tuple[float, int, str]] = []
    for n, row in enumerate(rows):
        top += 0.06 * (bool(row.header) and n > 0)
        for k, text in enumerate(row.header):
            headers.append((top + 0.03, k, fit(text, inner, bold=k == 0)))
            top += line_height()
        top += 0.04 * bool(row.header)
        if row.strip and strips is not None:
            top += strips.height + 0.03
        top += TITLE_ROOM * row.titles + (0.07 if n else 0.0)
        tops.append(top)
        top += row.height + (TICK_ROOM if row.ticks or n == len(rows) - 1 else 0.0)
    top += XLABEL_ROOM if xlabel else 0.03
    notes_at = top + 0.05
    height = notes_at + len(notes) * line_height() + PAD

    figure = Figure(figsize=(width, height))
    for n, text in enumerate(titles):
        _put(figure, PAD, PAD + n * line_height(TITLE), text, size=TITLE, bold=True, color=BLACK)
    for n, text in enumerate(notes):
        _put(figure, PAD, notes_at + n * line_height(), text, color=QUIET)
    for y, k, text in headers:
        _put(figure, PAD, y, text, bold=k == 0)
    for n, entries in enumerate(legend):
        _draw_keys(figure, entries, legend_at + n * line_height())

    axes: list[list[Axes]] = []
    for n, (row, row_top) in enumerate(zip(rows, tops, strict=True)):
        each = _column_width(row, width, left, right, between)
        panels = []
        for column in range(row.columns):
            x = left + column * (each + between)
            panel = figure.add_axes(
                (x / width, 1 - (row_top + row.height) / height, each / width, row.height / height)
            )
            panel.yaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
            panel.yaxis.set_major_locator(_nice(row.height / 0.24))
            last = n == len(rows) - 1
            if subject is not None:
                along_generations(panel, subject, width=each)
            if not (last or row.ticks):
                panel.tick_params(labelbottom=False)
            elif xlabel and last:
                panel.set_xlabel(xlabel)
            # Fixed places: matplotlib would measure every tick label at each drawing.
            panel.xaxis.set_label_coords(0.5, -(TICK_ROOM + 0.01) / row.height)
            panel.yaxis.set_label_coords(-(left - 0.16) / each, 0.5)
            if row.strip and strips is not None:
                base = row_top - TITLE_ROOM * row.titles - strips.height - 0.02
                strips.draw(figure, x, base, each)
            panels.append(panel)
        axes.append(panels)
    return Sheet(figure, axes)


def _nice(most: float) -> MaxNLocator:
    return MaxNLocator(nbins=max(2, int(most)), steps=[1, 2, 2.5, 5, 10])


def _column_width(row: Row, width: float, left: float, right: float, between: float) -> float:
    return (width - left - right - row.room - between * (row.columns - 1)) / row.columns


def _put(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    *,
    size: float = SMALL,
    bold: bool = False,
    color: str = INK,
    align: str = "left",
) -> None:
    """Text with its upper left corner ``x`` and ``y`` inches from the figure's."""
    width, height = figure.get_size_inches()
    figure.text(
        x / width,
        1 - (y + 0.98 * size / 72) / height,
        text,
        size=size,
        weight="bold" if bold else "normal",
        color=color,
        va="baseline",
        ha=align,
    )


_SWATCH = 0.2


def _lay_keys(keys: Sequence[Key], width: float) -> list[list[tuple[float, Key]]]:
    """The legend's entries with their left ends, broken into lines of ``width`` inches."""
    lines: list[list[tuple[float, Key]]] = []
    x = math.inf
    for entry in keys:
        needed = _SWATCH + 0.05 + text_width(entry.name)
        if x + needed > width + PAD:
            lines.append([])
            x = PAD
        lines[-1].append((x, entry))
        x += needed + 0.16
    return lines


def _draw_keys(figure: Figure, entries: Sequence[tuple[float, Key]], y: float) -> None:
    width, height = figure.get_size_inches()
    middle = 1 - (y + 0.62 * SMALL / 72) / height
    for x, entry in entries:
        if entry.patch:
            figure.add_artist(
                Rectangle(
                    (x / width, middle - 0.035 / height),
                    _SWATCH / width,
                    0.07 / height,
                    facecolor=entry.color,
                    alpha=entry.alpha,
                    linewidth=0,
                )
            )
        else:
            figure.add_artist(
                Line2D(
                    [x / width, (x + _SWATCH) / width],
                    [middle, middle],
                    color=entry.color,
                    linestyle=entry.dash,
                    linewidth=entry.width,
                    solid_capstyle="butt",
                )
            )
        _put(figure, x + _SWATCH + 0.05, y, entry.name)


def panel_title(panel: Axes, text: str, *, color: str = INK, bold: bool = False) -> None:
    """A panel's name over its left end, shortened to the panel's width."""
    width = panel.get_position().width * panel.figure.get_figwidth()  # type: ignore[union-attr]
    panel.set_title(
        fit(text, width, bold=bold),
        loc="left",
        pad=2.5,
        color=color,
        fontweight="bold" if bold else "normal",
    )


def empty(panel: Axes, text: str) -> None:
    """Say in an empty panel why it is empty."""
    panel.text(
        0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", color=GREY, zorder=5,
        bbox={"facecolor": "white", "linewidth": 0, "pad": 1.5},
    )  # fmt: skip


# --- generations, flips, the timeline -------------------------------------------------------


def along_generations(panel: Axes, subject: Subject, *, width: float) -> None:
    """The axis of generations: its limits and ticks, phases without selection, the flips.

    A flip's line stands at the first generation that lives in the new world.
    """
    first, last = subject.span
    panel.set_xlim(first, last)
    if len(subject.generations) == 1:
        panel.set_xticks(subject.generations)
    else:
        panel.xaxis.set_major_locator(
            MaxNLocator(nbins=max(1, int(width / 0.3)), integer=True, steps=[1, 2, 4, 5, 10])
        )
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    for start, end in subject.frozen:
        panel.axvspan(start, end, color="#F2F2F2", linewidth=0, zorder=0, label="frozen")
    # Many flips make thinner lines: a world that alternates must not be hidden by its marks.
    heavy = len(subject.flips) <= 6
    for flip in subject.flips:
        panel.axvline(
            flip.generation,
            color=INK if heavy else GREY,
            linewidth=0.8 if heavy else 0.4,
            linestyle=(0, (3, 2)),
            zorder=1.5,
            label="flip",
        )


@dataclass(frozen=True, slots=True)
class Strip:
    """The timeline above a panel: which environment trains when."""

    subject: Subject
    lines: Mapping[str, list[str]]
    """What is written for each label of the timeline."""
    note: str

    @property
    def height(self) -> float:
        """Inches, for its longest label."""
        return 0.04 + line_height() * 0.88 * max(len(lines) for lines in self.lines.values())

    def draw(self, figure: Figure, x: float, y: float, width: float) -> None:
        """Draw at ``x``, ``y`` inches from the upper left corner."""
        figure_width, figure_height = figure.get_size_inches()
        for segment in self.subject.segments:
            left, right = (x + self.subject.along(g) * width for g in (segment.start, segment.end))
            figure.add_artist(
                Rectangle(
                    (left / figure_width, 1 - (y + self.height) / figure_height),
                    (right - left) / figure_width,
                    self.height / figure_height,
                    facecolor=self.subject.tints[segment.label],
                    edgecolor="white",
                    linewidth=0.6 if len(self.subject.segments) < 30 else 0.0,
                )
            )
            lines = self.lines[segment.label]
            if max(map(text_width, lines)) > right - left:
                continue  # a stretch too short even for its letter: its colour tells
            above = (self.height - line_height() * 0.88 * len(lines)) / 2
            for n, text in enumerate(lines):
                at = y + above + 0.005 + n * line_height() * 0.88
                _put(figure, (left + right) / 2, at, text, color=BLACK, align="center")


def timeline(
    subject: Subject,
    rows: Sequence[Row],
    width: float,
    left: float,
    right: float,
    between: float,
) -> Strip:
    """The strip for a sheet: full labels where all fit in two lines, else letters and a key."""
    widths = [_column_width(r, width, left, right, between) for r in rows if r.strip]
    narrowest = min(widths, default=0.0)
    lines: dict[str, list[str]] = {}
    for segment in subject.segments:
        room = (subject.along(segment.end) - subject.along(segment.start)) * narrowest - 0.06
        broken = wrap(segment.label, max(room, 0.0))
        if len(broken) > len(lines.get(segment.label, ())):
            lines[segment.label] = broken
    notes = []
    if any(len(broken) > 2 or "…" in "".join(broken) for broken in lines.values()):
        letters = {label: _letter(n) for n, label in enumerate(lines)}
        if widths:
            notes.append("; ".join(f"{letter}: {label}" for label, letter in letters.items()) + ".")
        lines = {label: [letter] for label, letter in letters.items()}
    if subject.frozen:
        notes.append("Grey ground: no selection.")
    return Strip(subject, lines, " ".join(notes))


def _letter(n: int) -> str:
    return chr(ord("A") + n) if n < 26 else _letter(n // 26 - 1) + _letter(n % 26)


# --- courses over generations ---------------------------------------------------------------


class Course(NamedTuple):
    """A quantity over generations, summarised over individuals and replicates."""

    middle: NDArray[np.float64]
    """[generation]: the population's median (of replicates: the median of their medians)."""
    replicates: NDArray[np.float64] | None
    """[replicate, generation]: each replicate's own, where there are several."""
    bands: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    """(low, high), each [generation], outermost first; for several replicates empty."""


BANDS = ((0.05, 0.95), (0.25, 0.75))


def course(values: NDArray[np.floating], *, share: bool = False) -> Course:
    """Summarise ``values`` [replicate, generation, individual] for drawing.

    One replicate: median over individuals, with the middle 90 % and 50 % as bands. Several:
    the median over replicates of the population's median, each replicate a line of its own.

    Args:
        share: values are 0 or 1, and the population's mean stands in place of its median.
    """
    values = np.asarray(values, dtype=np.float64)
    centre = mean(values) if share else quantiles(values, (0.5,))[0]
    if values.shape[0] > 1:
        return Course(quantiles(centre.T, (0.5,))[0], centre, ())
    if share:
        return Course(centre[0], None, ())
    points = quantiles(values[0], [q for band in BANDS for q in band])
    bands = tuple((points[2 * n], points[2 * n + 1]) for n in range(len(BANDS)))
    return Course(centre[0], None, bands)


def quantiles(values: NDArray[np.float64], q: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles over the last axis, first axis of the result; NaN values are left out."""
    if values.shape[-1] == 0:
        return np.full((len(q), *values.shape[:-1]), np.nan)
    if not np.isnan(values).any():
        return np.asarray(np.quantile(values, q, axis=-1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a slice that is all NaN stays NaN
        return np.asarray(np.nanquantile(values, q, axis=-1))


def interval(values: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Student's interval of a mean over the first axis (replicates), [low and high, ...].

    NaN values are left out; where fewer than two are left, the interval is NaN.
    """
    from scipy.special import stdtrit  # not needed for a single replicate, and slow to import

    n = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
        half = stdtrit(np.maximum(n - 1, 1), (1 + confidence) / 2) * deviation / np.sqrt(n)
    half = np.where(n > 1, half, np.nan)
    return np.stack([mean - half, mean + half])


def mean(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """The mean over an axis, NaN values left out; NaN where none is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))


def draw_course(
    panel: Axes,
    x: NDArray[np.floating],
    what: Course,
    *,
    color: str,
    label: str,
    dash: str | tuple[int, tuple[float, ...]] = "-",
    width: float = 1.3,
    step: bool = False,
) -> Line2D:
    """Draw a course: bands, faint replicates, and the middle as a line named ``label``."""
    drawstyle = "mid" if step else None
    for n, (low, high) in enumerate(what.bands):
        panel.fill_between(
            x, low, high, color=color, alpha=(0.16, 0.28)[n], linewidth=0, step=drawstyle,
            label=f"{label} band",
        )  # fmt: skip
        if len(x) == 1:
            panel.vlines(x, low, high, color=color, alpha=0.4, linewidth=(1.0, 2.5)[n])
    if what.replicates is not None:
        faint(panel, x, what.replicates, color=color, label=f"{label} replicates")
    return line(panel, x, what.middle, color=color, label=label, dash=dash, width=width, step=step)


def faint(
    panel: Axes, x: NDArray[np.floating], lines: NDArray[np.float64], *, color: str, label: str
) -> None:
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
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    *,
    color: str,
    label: str,
    dash: str | tuple[int, tuple[float, ...]] = "-",
    width: float = 1.3,
    step: bool = False,
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
        drawstyle="steps-mid" if step else "default",
    )
    return drawn


def limits(
    panel: Axes, *arrays: NDArray[np.floating] | None, include: Sequence[float] = ()
) -> None:
    """Set the vertical limits so that all finite values and ``include`` are seen."""
    values = [np.asarray(include, dtype=np.float64)]
    values += [np.asarray(a, dtype=np.float64).ravel() for a in arrays if a is not None]
    every = np.concatenate(values)
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    least = max(1e-3 * max(abs(low), abs(high)), 1e-6)
    if high - low < least:
        low, high = low - max(least, 0.5), high + max(least, 0.5)
    room = 0.05 * (high - low)
    panel.set_ylim(low - room, high + room)


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
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
    figure = panel.figure
    height = panel.get_position().height * figure.get_figheight()  # type: ignore[union-attr]
    width = panel.get_position().width * figure.get_figwidth()  # type: ignore[union-attr]
    low, high = panel.get_ylim()
    per_inch = (high - low) / height
    gap = line_height() * 0.9 * per_inch
    placed = spread([y for y, _, _ in labels], gap, low, high)
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
            color=color,
            va="center_baseline",
            ha="left",
            fontweight="bold" if heavy else "normal",
        )
