"""What matplotlib really draws: every piece of text with its place."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure

from evosim.plot import style

DPI = 200


class Words(NamedTuple):
    """A piece of text and the box around it, pixels from the upper left corner."""

    text: str
    size: float
    left: float
    top: float
    right: float
    bottom: float


class Recorder(RendererAgg):
    """Draws as usual and writes down the text."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.words: list[Words] = []

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *rest: Any, **more: Any
    ) -> None:
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath=False)
        if angle == 90:
            box = (x - height + descent, y - width, x + descent, y)
        else:
            box = (x, y - height + descent, x + width, y + descent)
        self.words.append(Words(s, prop.get_size_in_points(), *box))
        super().draw_text(gc, x, y, s, prop, angle, *rest, **more)


def words_of(figure: Figure) -> list[Words]:
    """Every piece of text that is drawn in a figure."""
    width, height = figure.get_size_inches()
    with style.styled():
        figure.set_dpi(DPI)
        recorder = Recorder(width * DPI, height * DPI, DPI)
        figure.draw(recorder)
    return [words for words in recorder.words if words.text.strip()]


def overlaps(words: list[Words]) -> list[tuple[str, str]]:
    """Pairs of text of which one covers the other by more than a hair."""
    hair = 0.03 * DPI
    return [
        (a.text, b.text)
        for a, b in combinations(words, 2)
        if min(a.right, b.right) - max(a.left, b.left) > hair
        and min(a.bottom, b.bottom) - max(a.top, b.top) > hair
    ]


def outside(figure: Figure, words: list[Words]) -> list[str]:
    """Text that leaves the figure."""
    width, height = figure.get_size_inches() * DPI
    return [
        w.text
        for w in words
        if w.left < -1 or w.top < -1 or w.right > width + 1 or w.bottom > height + 1
    ]
