"""A level in the characters of a terminal; playing a lifetime there, or printing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from evosim.execution.output import console as usual_console
from evosim.plot import colors
from evosim.plot.episode import check_speed
from evosim.plot.picture import Line, Picture, Place, frames

if TYPE_CHECKING:
    from evosim.plot.episode import Episode

GAUGE_WIDTH = 16
STYLES = {"unseen": "dim", "new": "bold", "old": "dim", "end": "bold"}


class Signs(NamedTuple):
    """The characters that are not letters of a scenario."""

    agent: str
    floor: str
    ground: str
    wall: str
    south: str
    east: str
    full: str
    empty: str
    frame: box.Box
    wrapped: box.Box

    def text(self, text: str) -> str:
        """The text in the characters that the output has."""
        if self is not ASCII:
            return text
        for typographic, simple in (("“", '"'), ("”", '"'), ("…", "~"), ("−", "-")):  # noqa: RUF001
            text = text.replace(typographic, simple)
        return text.encode("ascii", "replace").decode()


UNICODE = Signs("@", "·", "░", "█", "─", "│", "█", "░", box.SQUARE, box.ROUNDED)
ASCII = Signs("@", ".", ":", "#", "-", "|", "#", ".", box.ASCII, box.ASCII)
"""Those of the maps in scenario files."""


def replay_terminal(
    episode: Episode,
    *,
    speed: float = 8.0,
    console: Console | None = None,
    ascii_only: bool | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Play a lifetime, one frame a step; where the output is no terminal, print every frame.

    Args:
        speed: steps a second, from 0.01 to 1000.
        console: where to; None: standard output.
        ascii_only: draw with ASCII alone; None: where the output's encoding needs it.
        pause: what waits between frames.

    Raises:
        EvosimError: a speed out of range.
    """
    check_speed(speed)
    console = console or usual_console()
    plain = not console.encoding.lower().startswith("utf") if ascii_only is None else ascii_only
    signs = ASCII if plain else UNICODE
    shown = frames(episode)
    if not console.is_terminal or console.is_dumb_terminal:
        for picture in shown:
            console.print(render(picture, signs, styled=False))
        return
    with Live(console=console, auto_refresh=False) as screen:
        for n, picture in enumerate(shown):
            if n:
                pause(1 / speed)
            screen.update(render(picture, signs), refresh=True)


def render(picture: Picture, signs: Signs, *, styled: bool = True) -> RenderableType:
    """One frame: the map on the left, the state of things on the right.

    Args:
        styled: whether reversed letters can be told from others where this is shown.
    """
    body = Table.grid(padding=(0, 2))
    body.add_row(
        Panel.fit(
            draw_map(picture, signs, styled=styled),
            box=signs.wrapped if picture.torus else signs.frame,
            border_style="dim" if picture.torus else "",
            padding=(0, 1),
        ),
        _told(picture, signs),
    )
    return Group(Text(signs.text(picture.title), style="bold"), body)


def draw_map(picture: Picture, signs: Signs, *, styled: bool = True, spaced: bool = True) -> Text:
    """The cells with what is between them, as in a spaced map of a scenario file.

    Args:
        styled: whether reversed letters can be told from others where this is shown.
        spaced: whether barriers between two rows part all rows, and not those two alone.
    """
    layout = picture.layout
    barred = spaced and any(map(any, layout.barrier_south))
    lines = []
    for r in range(layout.rows):
        line = Text()
        for c in range(layout.cols):
            line.append(*_cell(picture, (r, c), signs, styled=styled))
            line.append(signs.east if layout.barrier_east[r][c] else " ")
        lines.append(line)
        if (barred or any(layout.barrier_south[r])) and r + 1 < layout.rows:
            below = (signs.south if barrier else " " for barrier in layout.barrier_south[r])
            lines.append(Text(" ".join(below)))
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True).join(lines)


def _cell(picture: Picture, place: Place, signs: Signs, *, styled: bool) -> tuple[str, str]:
    """The character of a cell and its style."""
    r, c = place
    site = picture.top(place)
    if picture.layout.wall[r][c]:
        return signs.wall, "dim"
    if place == picture.agent:
        # On a site the agent is the site's letter, reversed: both are seen.
        return signs.text(site.glyph) if site and styled else signs.agent, "bold reverse"
    if site is None:
        return signs.ground if place in picture.ground else signs.floor, "dim"
    empty = place in picture.empty and place not in picture.movers
    return signs.text(site.glyph), "dim" if empty else f"bold {colors.TERMINAL[site.color]}"


def _told(picture: Picture, signs: Signs) -> Table:
    told = Table.grid(padding=(0, 1))
    for line in picture.lines:
        text = bar(line, signs) if line.gauge else signs.text(line.text)
        told.add_row(signs.text(line.name), Text(text, style=STYLES.get(line.tone, "")))
    return told


def bar(line: Line, signs: Signs) -> str:
    """A variable as a bar and a number, ``#####... 5 of 7``."""
    assert line.gauge is not None
    value, top = line.gauge
    width = min(top, GAUGE_WIDTH)
    filled = round(value * width / top)
    unseen = ", unseen" * (line.tone == "unseen")
    return f"{signs.full * filled}{signs.empty * (width - filled)} {line.text}{unseen}"
