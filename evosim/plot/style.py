"""One look for every figure: sizes, fonts, line styles; text measured; figures written.

Figures are made with matplotlib's object interface only (pyplot costs half a second of import),
at their final size in inches, with no text under 7 pt.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from evosim.engine.files import put
from evosim.errors import EvosimError, did_you_mean
from evosim.plot.colors import INK, SERIES
from evosim.plot.svg import shortened
from evosim.process import ignoring

SINGLE = 3.4
"""Width of a figure of one column, inches (8.6 cm)."""
DOUBLE = 7.0
"""Width of a figure across two columns, inches."""

FONT = "DejaVu Sans"
"""Comes with matplotlib: the same glyphs, hence the same bytes, on every machine."""
SMALL = 7.0
TITLE = 8.0
MEASURING = 720
"""Dots an inch at which text is measured: enough for hinting to make no difference."""
LEADING = 1.3
"""Line height over font size."""

Dash: TypeAlias = str | tuple[int, tuple[float, ...]]
"""A line style: a name of matplotlib's, or (offset, lengths on and off)."""
DASHES: tuple[Dash, ...] = (
    "-",
    (0, (4.0, 1.4)),
    (0, (1.2, 1.2)),
    (0, (5.0, 1.4, 1.2, 1.4)),
)
FLIP: Dash = (0, (3, 2))
"""Of what is marked across a panel: flips, thresholds."""


def series(n: int) -> tuple[str, Dash]:
    """Colour and dash of the n-th of several lines."""
    return SERIES[n % len(SERIES)], DASHES[n % len(DASHES)]


HEAVY = 1.5
"""Points: a broader line is the one that a figure is about."""

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
    "svg.fonttype": "none",
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
    """Matplotlib as evosim wants it, whatever the user's own settings; restored afterwards.

    One thread at a time: settings belong to the whole process.
    """
    # A title in a script that the font lacks is drawn with boxes, not reported on stderr.
    with ignoring(UserWarning, "Glyph .* missing from"), mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type]
        yield


def write(figure: Figure, path: Path, *, title: str = "") -> None:
    """Write a figure to ``path`` in the format of its suffix, under a temporary name first.

    The bytes depend on the figure and the versions of the libraries alone.

    Raises:
        EvosimError: a format that is not svg, png or pdf; a place that cannot be written.
    """
    put(path, rendered(figure, path.suffix.lstrip("."), title=title))


def rendered(figure: Figure, suffix: str, *, title: str = "") -> bytes:
    """A figure in the format of a suffix, svg, png or pdf, as the bytes that :func:`write` writes.

    Raises:
        EvosimError: another format.
    """
    check_format(suffix)
    metadata = dict(_METADATA[suffix])
    if title:
        metadata["Title"] = title
    buffer = io.BytesIO()
    with styled():
        options: dict[str, Any] = {"pil_kwargs": {"compress_level": 5}} if suffix == "png" else {}
        figure.savefig(buffer, format=suffix, metadata=metadata, **options)
    content = buffer.getvalue()
    return shortened(content) if suffix == "svg" else content


def check_format(suffix: str) -> None:
    """Refuse a format that figures are not written in.

    Raises:
        EvosimError: the format is unknown; lists the known ones.
    """
    if suffix not in _METADATA:
        raise EvosimError(f"unknown figure format {suffix!r}: {did_you_mean(suffix, _METADATA)}")


def inches(panel: Axes) -> tuple[float, float]:
    """Width and height of a panel."""
    box, figure = panel.get_position(), panel.figure
    if isinstance(figure, Figure):
        width, height = figure.get_size_inches()
    else:  # a SubFigure, which knows its size in dots alone
        width, height = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi
    return box.width * width, box.height * height


# --- text, measured before it is placed -----------------------------------------------------


@cache
def text_width(text: str, size: float = SMALL, *, bold: bool = False) -> float:
    """Width of one line of text in inches."""
    font = get_font(findfont(f"{FONT}:bold" if bold else FONT))
    font.set_size(size, MEASURING)
    with ignoring(Warning):  # glyphs the font lacks
        font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64 / MEASURING


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
    return text.replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    """A change with its sign and two decimals.

    >>> signed(0.5)
    '+0.50'
    """
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")  # never -0.00


def tick(value: float) -> str:
    """A number at a tick: :func:`number`, but 2e-4 for 0.0002, which would run into the name of
    its axis."""
    if not 1e-12 <= abs(value) < 1e-3:
        return number(value)
    digits, power = f"{value:.3e}".split("e")
    return f"{float(digits):g}e{int(power)}".replace("-", "\N{MINUS SIGN}")


def place_text(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    *,
    size: float = SMALL,
    bold: bool = False,
    color: str = INK,
    align: str = "left",
    most: float = math.inf,
    label: str = "",
) -> None:
    """Text with its upper left corner ``x`` and ``y`` inches from the figure's; shortened to
    ``most`` inches.

    Args:
        label: what it is, for what is done to a figure later.
    """
    width, height = figure.get_size_inches()
    figure.text(
        x / width,
        1 - (y + 0.98 * size / 72) / height,
        fit(text, most, size, bold=bold),
        size=size,
        weight="bold" if bold else "normal",
        color=color,
        va="baseline",
        ha=align,
        label=label,
    )
