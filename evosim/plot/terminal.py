"""Playing a lifetime in the terminal; without one, printing it."""

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

from evosim.errors import EvosimError
from evosim.plot._frames import Frame, Gauge, frames_of

if TYPE_CHECKING:
    from evosim.plot.episode import Episode

COLORS = ("cyan", "red", "green", "magenta", "yellow", "blue", "bright_white")
GAUGE_WIDTH = 16
MOST_EVENTS = 3


class Signs(NamedTuple):
    """The characters that are not letters of a scenario."""

    agent: str
    floor: str
    wall: str
    south: str
    east: str
    full: str
    empty: str
    frame: box.Box
    wrapped: box.Box
    ellipsis: str


UNICODE = Signs("@", "·", "█", "─", "│", "█", "░", box.SQUARE, box.ROUNDED, "…")
ASCII = Signs("@", ".", "#", "-", "|", "#", ".", box.ASCII, box.ASCII, "~")


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
        speed: steps a second.
        console: where to; None: standard output.
        ascii_only: draw with ASCII alone; None: where the output's encoding needs it.
        pause: what waits between frames.

    Raises:
        EvosimError: a speed that is not positive.
    """
    if not speed > 0:
        raise EvosimError(f"a replay needs a speed above 0 steps a second, not {speed:g}")
    console = console or Console()
    plain = not console.encoding.lower().startswith("utf") if ascii_only is None else ascii_only
    signs = ASCII if plain else UNICODE
    shown = frames_of(episode)
    if not console.is_terminal:
        for frame in shown:
            console.print(render(episode, frame, signs, styled=False))
        return
    with Live(console=console, auto_refresh=False) as screen:
        for frame in shown:
            screen.update(render(episode, frame, signs), refresh=True)
            if not frame.last:
                pause(1 / speed)


def render(episode: Episode, frame: Frame, signs: Signs, *, styled: bool = True) -> RenderableType:
    """One frame: the map on the left, the state of things on the right.

    Args:
        styled: whether reversed letters can be told from others where this is shown.
    """
    body = Table.grid(padding=(0, 2))
    wraps = episode.world.edges == "torus"
    body.add_row(
        Panel.fit(
            _map(episode, frame, signs, styled=styled),
            box=signs.wrapped if wraps else signs.frame,
            border_style="dim" if wraps else "",
            padding=(0, 1),
        ),
        _facts(episode, frame, signs),
    )
    return Group(Text(_plain(episode.heading, signs), style="bold"), body)


def _plain(text: str, signs: Signs) -> str:
    """The text in the characters that the output has."""
    if signs is not ASCII:
        return text
    for typographic, simple in (("“", '"'), ("”", '"'), ("…", "~"), ("−", "-")):  # noqa: RUF001
        text = text.replace(typographic, simple)
    return text.encode("ascii", "replace").decode()


def _map(episode: Episode, frame: Frame, signs: Signs, *, styled: bool) -> Text:
    """The cells with what is between them, as in a spaced map of a scenario file."""
    layout = episode.world.layout
    number = {cell: n for n, cell in enumerate(episode.cells)}
    kinds = {kind: COLORS[n % len(COLORS)] for n, kind in enumerate(episode.world.kinds)}
    barred = any(map(any, layout.barrier_south))
    text = Text(no_wrap=True)
    for r in range(layout.rows):
        for c in range(layout.cols):
            cell = number.get((r, c))
            if cell == frame.cell and not styled:
                text.append(signs.agent)
            else:
                text.append(*_cell(episode, frame, signs, cell, kinds))
            if c + 1 < layout.cols:
                text.append(signs.east if layout.barrier_east[r][c] else " ")
        if r + 1 == layout.rows:
            break
        text.append("\n")
        if barred:
            line = " ".join(signs.south if b else " " for b in layout.barrier_south[r])
            text.append(line + "\n")
    return text


def _cell(
    episode: Episode, frame: Frame, signs: Signs, cell: int | None, kinds: dict[str, str]
) -> tuple[str, str]:
    """The character of a cell and its style."""
    if cell is None:
        return signs.wall, "dim"
    site = episode.sites.get(cell)
    if cell == frame.cell:
        # On a site the agent is the site's letter, reversed: both are seen.
        letter = episode.world.kinds[site[0]].glyph if site else signs.agent
        return _plain(letter, signs), "bold reverse"
    if site is None:
        return signs.floor, "dim"
    glyph = _plain(episode.world.kinds[site[0]].glyph, signs)
    return glyph, "dim" if episode.is_empty(cell, frame.x) else f"bold {kinds[site[0]]}"


def _facts(episode: Episode, frame: Frame, signs: Signs) -> Table:
    facts = Table.grid(padding=(0, 1))
    facts.add_row("step", f"{frame.step} of {episode.lifespan}")
    for gauge in frame.gauges:
        facts.add_row(_plain(gauge.name, signs), bar(gauge, signs))
    for name, amount in frame.payoffs:
        facts.add_row(_plain(name, signs), f"{amount:.3g}")
    facts.add_row("felt", f"{frame.reward:.3g}")
    facts.add_row("agent", _plain(frame.action, signs))
    for n, (step, event) in enumerate(frame.events[:MOST_EVENTS]):
        style = "bold" if n < frame.new_events else "dim"
        facts.add_row("" if n else "events", Text(_plain(f"{step} {event}", signs), style=style))
    if frame.last:
        facts.add_row("end", Text(f"by {_plain(episode.ending, signs)}", style="bold"))
    return facts


def bar(gauge: Gauge, signs: Signs) -> str:
    """A variable as a bar and a number, ``#####... 5 of 7``."""
    top = gauge.size - 1
    width = min(top, GAUGE_WIDTH)
    filled = round(gauge.value * width / top)
    return f"{signs.full * filled}{signs.empty * (width - filled)} {gauge.value} of {top}"
