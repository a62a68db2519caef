"""The axis of generations: its ticks, the flips, and the strip that names the environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.plot.colors import BLACK, GREY, INK
from evosim.plot.style import FLIP, line_height, number, place_text, text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView


class Timeline(NamedTuple):
    """An axis of generations."""

    limits: tuple[float, float]
    """The first and the last generation, apart."""
    flips: Sequence[float] = ()
    """The first generation in each new world."""
    frozen: Sequence[tuple[float, float]] = ()
    """Stretches without selection, (start, end)."""


def along_generations(panel: Axes, timeline: Timeline, *, width: float) -> None:
    """The axis of generations: its limits and ticks, phases without selection, the flips."""
    first, last = timeline.limits
    panel.set_xlim(first, last)
    if first % 1:  # a single generation, with half of one on each side
        panel.set_xticks([(first + last) / 2])
    else:
        panel.xaxis.set_major_locator(
            MaxNLocator(nbins=max(1, int(width / 0.3)), integer=True, steps=[1, 2, 4, 5, 10])
        )
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))
    for start, end in timeline.frozen:
        panel.axvspan(start, end, color="#F2F2F2", linewidth=0, zorder=0, label="frozen")
    # Many flips make thinner lines: a world that alternates must not be hidden by its marks.
    heavy = len(timeline.flips) <= 6
    for flip in timeline.flips:
        panel.axvline(
            flip,
            color=INK if heavy else GREY,
            linewidth=0.8 if heavy else 0.4,
            linestyle=FLIP,
            zorder=1.5,
            label="flip",
        )


@dataclass(frozen=True, slots=True)
class TimelineStrip:
    """The timeline above a panel: which environment trains when."""

    view: RunView
    lines: Mapping[str, list[str]]
    """What is written for each label of the timeline."""
    note: str

    @classmethod
    def over(cls, view: RunView, widths: Sequence[float]) -> TimelineStrip:
        """The strip over panels so many inches wide: full labels where all fit in two lines,
        else letters, and a key to them in the note."""
        narrowest = min(widths, default=0.0)
        lines: dict[str, list[str]] = {}
        for phase in view.phase_spans:
            room = (
                view.axis_fraction(phase.end) - view.axis_fraction(phase.start)
            ) * narrowest - 0.06
            broken = wrap(phase.label, max(room, 0.0))
            if len(broken) > len(lines.get(phase.label, ())):
                lines[phase.label] = broken
        notes = []
        if any(len(broken) > 2 or "…" in "".join(broken) for broken in lines.values()):
            letters = {label: _letter(n) for n, label in enumerate(lines)}
            if widths:
                key = "; ".join(f"{letter}: {label}" for label, letter in letters.items())
                notes.append(f"{key}.")
            lines = {label: [letter] for label, letter in letters.items()}
        if view.without_selection:
            notes.append("Grey: no selection.")
        return cls(view, lines, " ".join(notes))

    @property
    def height(self) -> float:
        """Inches, for its longest label."""
        return 0.04 + line_height() * 0.88 * max(len(lines) for lines in self.lines.values())

    def draw(self, figure: Figure, x: float, y: float, width: float) -> None:
        """Draw at ``x``, ``y`` inches from the upper left corner."""
        figure_width, figure_height = figure.get_size_inches()
        for phase in self.view.phase_spans:
            left, right = (x + self.view.axis_fraction(g) * width for g in (phase.start, phase.end))
            figure.add_artist(
                Rectangle(
                    (left / figure_width, 1 - (y + self.height) / figure_height),
                    (right - left) / figure_width,
                    self.height / figure_height,
                    facecolor=self.view.phase_colors[phase.label],
                    edgecolor="white",
                    linewidth=0.6 if len(self.view.phase_spans) < 30 else 0.0,
                )
            )
            lines = self.lines[phase.label]
            if max(map(text_width, lines)) > right - left:
                continue  # a stretch too short even for its letter: its colour tells
            above = (self.height - line_height() * 0.88 * len(lines)) / 2
            for n, text in enumerate(lines):
                at = y + above + 0.005 + n * line_height() * 0.88
                place_text(figure, (left + right) / 2, at, text, color=BLACK, align="center")


def _letter(n: int) -> str:
    return chr(ord("A") + n) if n < 26 else _letter(n // 26 - 1) + _letter(n % 26)
