"""Figure ``level``: where an individual spends its life; how matplotlib draws a picture of a level.

Of a run with a flip the median individual of the last generation before it, on the same level in
both worlds: the cells are the darker, the more steps it spends there. Below each map, how often
each event happens. Without a flip one life, of the median individual of the last generation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Patch, Rectangle

from evosim.errors import EvosimError
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.facets import Panel, facets
from evosim.plot.picture import Picture, Symbol, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.run_view import RunView

MOST_EVENTS = 8
"""Rows of events below a map; the rarer ones are left out, and the note says so."""
LARGEST_CELL = 0.34
SMALLEST_LETTER = 0.125
"""Inches of a cell under which its glyph would be under 7 pt, and a dot is drawn instead."""
LEGEND_ROOM = 1.0
TALLEST = 4.0
"""Inches of a map, at most."""
ROW = 0.15
GAP = 0.3
LEGEND_LINE = 0.17
HEAT = colors.BLUE
WRAPS: dict[str, Any] = {"color": colors.GREY, "linewidth": 0.8, "linestyle": (0, (3, 2))}
"""How edges are drawn that wrap around."""


@registry.figure("level", "where the median individual spends its life", needs=("genome",))
def figure(view: RunView) -> Figure:
    """Draw the given lifetime, or those that the median individual has across the first flip."""
    lives = _lives(view)
    pictures = [frame(life, life.lifespan, trail=life.lifespan) for life in lives]
    legend_of = {s.words: s for picture in pictures for s in picture.present}
    # What happened, in the order of events; of many the most frequent.
    counts = [_happened(life) for life in lives]
    total = {name: sum(one.get(name, 0) for one in counts) for one in counts for name in one}
    often = sorted(total, key=lambda name: -total[name])[:MOST_EVENTS]
    shown = [name for name in total if name in often]
    most_often = max((n for one in counts for n in one.values()), default=1)
    rows, cols = (max(getattr(p.layout, side) for p in pictures) for side in ("rows", "cols"))
    width = style.SINGLE if len(lives) == 1 and cols <= 18 else style.DOUBLE
    left = max(timeseries.label_room(shown, 1.25), 0.4) if shown else 2 * layouts.PAD
    lane = (width - left - LEGEND_ROOM - GAP * len(lives)) / len(lives)
    cell = min(LARGEST_CELL, (lane - 0.08) / cols, TALLEST / rows)
    torus = any(picture.torus for picture in pictures)
    height = max(cell * rows + 0.08, LEGEND_LINE * (len(legend_of) + torus))
    titles = [_title(view, life) for life in lives]
    panels = [
        Panel(title=title, bold=True, xlim=(0, 1), ylim=(0, 1), more=_leave) for title in titles
    ]
    below = [_events(shown, one, most_often) for one in counts] if shown else []
    block: dict[str, Any] = {"columns": len(lives), "room": LEGEND_ROOM}
    drawn = facets(
        [layouts.Row(height=height, titles=2, ticks=False, content=panels, **block)]
        + ([layouts.Row(height=ROW * len(shown) + 0.05, content=below, **block)] if below else []),
        title=view.figure_title(_finding(view, lives)),
        note=_note(lives, len(total) - len(shown)),
        width=width, left=left, between=GAP, xlabel="times" if below else None,
    )  # fmt: skip
    most = max(float(np.bincount(life.path[1:] or [0]).max()) for life in lives)
    with style.styled():
        for ground, life, picture in zip(drawn.axes, lives, pictures, strict=False):
            box, whole = ground.get_position(), drawn.get_size_inches()
            x, top = box.x0 * whole[0], (1 - box.y1) * whole[1]
            place(ground, drawn, x, top, cell * picture.layout.cols + 0.08,
                  cell * picture.layout.rows + 0.08)  # fmt: skip
            draw_picture(ground, picture, cell)
            _visits(ground, life, most)
            (r, c) = picture.trail[0]
            ground.plot(c, r, "o", markersize=5, markerfacecolor="none", markeredgecolor=colors.INK,
                        markeredgewidth=1.2, zorder=6, label="start")  # fmt: skip
        side = legend(drawn, legend_of.values(), width - LEGEND_ROOM - 0.1, top, torus=torus,
                     more=["start"])  # fmt: skip
        side.plot(0.5, len(legend_of), "o", markersize=5, markerfacecolor="none",
                 markeredgecolor=colors.INK, markeredgewidth=1.2)  # fmt: skip
    return drawn


def _leave(panel: Axes) -> None:
    """Draw nothing yet: a map finds its size when the figure has its own."""


def _lives(view: RunView) -> list[Episode]:
    """The given lifetime, or those on both sides of the first flip, or the last one."""
    from evosim.plot.episode import Episode, across_flip, episode_of

    if view.episode is not None:
        return [view.episode] if isinstance(view.episode, Episode) else list(view.episode)
    if view.flips:
        try:
            return list(across_flip(view.data, view.scenario, view.flips[0]))
        except EvosimError:  # the population died out before
            pass
    return [episode_of(view.data, view.scenario)]


def _title(view: RunView, life: Episode) -> str:
    return f"in “{view.title(life.environment.name)}”"


def _amounts(view: RunView, life: Episode) -> tuple[str, str]:
    """What a life is paid of what is intended, and feels, in digits."""
    payoffs = life.environment.payoffs
    paid = life.payoffs[-1, payoffs.index(view.scenario.objective.intended)]
    first, second = (style.number(float(f"{v:.2g}")) for v in (paid, life.reward[-1]))
    return first, second


def _finding(view: RunView, lives: Sequence[Episode]) -> str:
    """What the lives are paid and feel, in a sentence."""
    ends = [_amounts(view, life) for life in lives]
    name = view.scenario.objective.intended
    if len(lives) == 1:
        return (
            f"a life of {lives[0].lifespan} steps is paid {name} {ends[0][0]}, feels {ends[0][1]}"
        )
    (paid, felt), (paid_after, felt_after) = ends
    return f"one individual is paid {name} {paid} → {paid_after}, and feels {felt} → {felt_after}"


def _note(lives: Sequence[Episode], hidden: int) -> str:
    words = [f"{lives[0].heading[0].upper()}{lives[0].heading[1:]}."]
    if len(lives) > 1:
        words = [
            f"{words[0].partition(', in “')[0]}, the median by score of the last generation before "
            "the flip, on the same level in both worlds."
        ]
    words.append("The darker a cell, the more steps are spent there.")
    each = [f"{life.lifespan} steps, ended by {life.ending}" for life in lives]
    words.append(f"Lived {'; '.join(each)}.")
    if hidden:
        words.append(f"{hidden} rarer events are left out.")
    return " ".join(words)


# A picture of a level, drawn by matplotlib


def place(panel: Axes, figure: Figure, x: float, y: float, width: float, height: float) -> None:
    """Put a panel with its upper left corner ``x`` and ``y`` inches from the figure's."""
    across, up = figure.get_size_inches()
    panel.set_position((x / across, 1 - (y + height) / up, width / across, height / up))


def draw_picture(panel: Axes, picture: Picture, cell: float) -> None:
    """Floor, walls, barriers, edges and sites; row 0 at the top.

    Args:
        cell: inches of a cell's side; around the map are 0.04 inches more.
    """
    layout, edge = picture.layout, 0.04 / cell
    rows, cols = range(layout.rows), range(layout.cols)
    panel.set_xlim(-0.5 - edge, layout.cols - 0.5 + edge)
    panel.set_ylim(layout.rows - 0.5 + edge, -0.5 - edge)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    grid = [[(c - 0.5, -0.5), (c - 0.5, layout.rows - 0.5)] for c in cols[1:]]
    grid += [[(-0.5, r - 0.5), (layout.cols - 0.5, r - 0.5)] for r in rows[1:]]
    panel.add_collection(
        LineCollection(grid, colors=[colors.GRID], linewidths=0.4, zorder=1, label="grid")
    )
    for r, c in np.argwhere(layout.wall):
        panel.add_patch(
            Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=colors.WALL, linewidth=0, zorder=2)
        )
    south, east = np.argwhere(layout.barrier_south), np.argwhere(layout.barrier_east)
    barriers = [[(c - 0.5, r + 0.5), (c + 0.5, r + 0.5)] for r, c in south]
    barriers += [[(c + 0.5, r - 0.5), (c + 0.5, r + 0.5)] for r, c in east]
    panel.add_collection(
        LineCollection(
            barriers, colors=[colors.WALL], linewidths=2.2, zorder=2.5, capstyle="projecting",
            label="barriers",
        )
    )  # fmt: skip
    edges = WRAPS if picture.torus else {"color": colors.WALL, "linewidth": 2.2, "linestyle": "-"}
    panel.add_patch(
        Rectangle((-0.5, -0.5), layout.cols, layout.rows, fill=False, zorder=2.6, label="edge",
                  **edges)
    )  # fmt: skip
    for (r, c), (name, strength) in picture.ground.items():
        panel.add_patch(
            Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=picture.legend[name].color,
                      alpha=strength, linewidth=0, zorder=0.5)
        )  # fmt: skip
    for (r, c), kind in (*picture.sites.items(), *picture.movers.items()):
        draw_glyph(panel, c, r, picture.legend[kind], cell)


def legend(
    figure: Figure,
    symbols: Iterable[Symbol],
    x: float,
    y: float,
    *,
    torus: bool,
    more: Iterable[str] = (),
) -> Axes:
    """Glyphs and what they stand for, to the right of a map.

    Args:
        x, y: inches of the upper left corner from the figure's.
        more: names below the kinds, whose marks the caller draws: the n-th line is at (0.5, n).
    """
    symbols = list(symbols)
    names = [*(symbol.words for symbol in symbols), *more, *["edges wrap"] * torus]
    width = figure.get_figwidth() - x - 0.02
    box = figure.add_axes((0, 0, 1, 1))
    place(box, figure, x, y, width, LEGEND_LINE * len(names))
    box.set_axis_off()
    box.set_xlim(0, width / LEGEND_LINE)
    box.set_ylim(len(names) - 0.5, -0.5)
    for n, symbol in enumerate(symbols):
        draw_glyph(box, 0.5, n, symbol, LEGEND_LINE)
    for n, name in enumerate(names):
        box.text(1.3, n, style.fit(name, width - 0.24), va="center_baseline")
    if torus:
        box.plot([0, 1], [len(names) - 1] * 2, **WRAPS)
    return box


def draw_glyph(panel: Axes, x: float, y: float, symbol: Symbol, cell: float) -> None:
    """A disc with a letter, of a mover a square; of a field a tint. Where the cell is too small for
    a letter, the disc or square alone."""
    glyph, color = symbol.glyph, symbol.color
    letter = cell >= SMALLEST_LETTER
    size = min(0.44, 0.075 / cell) if letter else 0.36
    looks: dict[str, Any] = {"facecolor": color, "edgecolor": "white", "linewidth": 0.8}
    if not glyph:
        panel.add_patch(Rectangle((x - 0.5, y - 0.4), 1, 0.8, facecolor=color, linewidth=0))
        return
    if symbol.walks:
        corner = (x - size, y - size)
        shape: Patch = Rectangle(corner, 2 * size, 2 * size, label=f"mover {glyph}", **looks)
    else:
        shape = Circle((x, y), size, label=f"site {glyph}", **looks)
    shape.set_zorder(4)
    panel.add_patch(shape)
    if letter:
        panel.text(
            x, y, glyph, color=colors.contrast(color), ha="center", va="center_baseline",
            fontweight="bold", fontsize=style.SMALL, zorder=5,
        )  # fmt: skip


# A lifetime on it


def _visits(panel: Axes, life: Episode, most: float) -> None:
    """How many steps are spent in each cell, under all that stands there.

    Args:
        most: steps in the darkest cell.
    """
    cells = life.world.layout.free
    for n, steps in enumerate(np.bincount(life.path[1:], minlength=len(cells)).tolist()):
        if steps:
            r, c = cells[n]
            panel.add_patch(
                Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=HEAT, linewidth=0, zorder=0.8,
                          alpha=0.08 + 0.72 * steps / most, label=f"{steps} steps")
            )  # fmt: skip


def _happened(episode: Episode) -> dict[str, int]:
    """How often each event of a lifetime happened; those of a field are one, whatever its
    strengths."""
    events = episode.environment.events
    found: dict[str, int] = {}
    for event in np.flatnonzero(episode.counts):
        name = events[event].split("@")[0] if events[event].startswith("field.") else events[event]
        found[name] = found.get(name, 0) + int(episode.counts[event])
    return found


def _events(shown: Sequence[str], counts: dict[str, int], most: int) -> Panel:
    """A bar for each event: how often it happened."""

    def draw(panel: Axes) -> None:
        panel.spines["left"].set_visible(False)
        panel.tick_params(left=False)
        for n, name in enumerate(shown):
            panel.barh(n, counts.get(name, 0), 0.66, color=colors.GREY, label=name)
            panel.annotate(
                f"{counts.get(name, 0)}", (counts.get(name, 0), n), xytext=(2, 0), va="center",
                textcoords="offset points",
            )  # fmt: skip

    return Panel(
        xlim=(0.0, 1.15 * most),
        ylim=(len(shown) - 0.4, -0.6),
        yticks={n: style.fit(name, 1.15) for n, name in enumerate(shown)},
        scale="events",
        more=draw,
    )
