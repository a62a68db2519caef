"""Figure ``level``: one level, and one lifetime on it; how matplotlib draws a picture of a level.

The path is coloured by time and shifted across its cells as time goes by, so that ways taken
again and again lie side by side instead of on top of each other. Below the map, what happened
when, in the colours of the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import Circle, Patch, Rectangle

from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.picture import Picture, Symbol, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.run_view import RunView

MOST_EVENTS = 10
"""Rows of the panel of events; the rarer ones are left out, and the note says so."""
LARGEST_CELL = 0.34
SMALLEST_LETTER = 0.125
"""Inches of a cell under which its glyph would be under 7 pt, and a dot is drawn instead."""
LEGEND_ROOM = 1.0
SHIFT = 0.27
"""How far the path wanders across a cell over a lifetime, to both sides of its centre."""
ROW = 0.13
LEGEND_LINE = 0.17
WRAPS: dict[str, Any] = {"color": colors.GREY, "linewidth": 0.8, "linestyle": (0, (3, 2))}
"""How edges are drawn that wrap around."""


@registry.figure("level", "a level and a lifetime on it", needs=("genome",))
def figure(view: RunView) -> Figure:
    """Draw the given lifetime, or simulate the median individual's of the last generation."""
    from evosim.plot.episode import episode_of

    episode = view.episode or episode_of(view.data, view.scenario)
    picture = frame(episode, episode.lifespan, trail=episode.lifespan)
    rows, cols = picture.layout.rows, picture.layout.cols
    # What happened, in the order of events; of many the most frequent.
    happened = _happened(episode)
    often = sorted(happened, key=lambda name: -int(episode.counts[happened[name]].sum()))
    shown = {name: happened[name] for name in happened if name in often[:MOST_EVENTS]}
    counts = [f" ×{episode.counts[events].sum()}" for events in shown.values()]  # noqa: RUF001
    names = [name + count for name, count in zip(shown, counts, strict=True)]
    width = style.SINGLE if cols <= 18 else style.DOUBLE
    left = max(timeseries.label_room(names, 1.25), 0.4)
    room = width - 2 * layouts.PAD - 0.1
    cell = min(LARGEST_CELL, (room - LEGEND_ROOM) / cols, 6.0 / rows)
    height = max(cell * rows + 0.08, LEGEND_LINE * (len(picture.present) + 2 + picture.torus))
    panels = [layouts.Row(height=height, titles=False, ticks=False)]
    if shown:
        panels.append(layouts.Row(height=ROW * len(shown), titles=False))
    with style.styled():
        layout = layouts.create(
            panels, width=width, title=f"{view.scenario.title}: a lifetime",
            note=_note(episode, len(happened) - len(shown)), left=left,
            xlabel="step" if shown else None,
        )  # fmt: skip
        ground = layout.axes[0][0]
        total = layout.figure.get_figheight()
        top = (1 - ground.get_position().y1) * total
        size = (cell * cols + 0.08, cell * rows + 0.08)
        x = layouts.PAD + 0.02
        place(ground, layout.figure, x, top, *size)
        draw_picture(ground, picture, cell)
        # From dark to light, but never too light for a line on white.
        shades = ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.86, 256)))
        coloring: dict[str, Any] = {
            "cmap": shades, "norm": Normalize(0, max(episode.lifespan - 1, 1))
        }  # fmt: skip
        _path(ground, picture, coloring)
        ends = [("o", shades(0.0), "start"), ("s", shades(1.0), "end")]
        if episode.lifespan:
            for (marker, shade, name), (r, c), shift in zip(
                ends, (picture.trail[0], picture.trail[-1]), (-SHIFT, SHIFT), strict=True
            ):
                _end(ground, c + shift, r + shift, marker, shade, name)
        box = legend(layout.figure, picture.present, x + size[0] + 0.12, top,
                     torus=picture.torus, more=[name for *_, name in ends])  # fmt: skip
        for n, (marker, shade, name) in enumerate(ends, len(picture.present)):
            _end(box, 0.5, n, marker, shade, name)
        if shown:
            _events(layout.axes[1][0], episode, shown, counts, coloring)
    return layout.figure


def _note(episode: Episode, hidden: int) -> str:
    words = [f"{episode.heading[0].upper()}{episode.heading[1:]}."]
    words.append(f"Lived {episode.lifespan} steps; ended by {episode.ending}.")
    names = [*episode.environment.payoffs, "internal reward"]
    sums = (style.number(float(f"{v:.3g}")) for v in (*episode.payoffs[-1], episode.reward[-1]))
    words.append("; ".join(map(" ".join, zip(names, sums, strict=True))) + ".")
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
        _glyph(panel, c, r, picture.legend[kind], cell)


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
        _glyph(box, 0.5, n, symbol, LEGEND_LINE)
    for n, name in enumerate(names):
        box.text(1.3, n, style.fit(name, width - 0.24), va="center_baseline")
    if torus:
        box.plot([0, 1], [len(names) - 1] * 2, **WRAPS)
    return box


def _glyph(panel: Axes, x: float, y: float, symbol: Symbol, cell: float) -> None:
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


def _path(panel: Axes, picture: Picture, coloring: dict[str, Any]) -> None:
    """Every step as a line in the colour of its time; a step over a torus' edge as two."""
    layout, steps = picture.layout, len(picture.trail) - 1
    shifts = SHIFT * (2 * np.arange(steps + 1) / max(steps, 1) - 1)
    segments, times = [], []
    for t in range(steps):
        (r0, c0), (r1, c1) = picture.trail[t : t + 2]
        dr, dc = r1 - r0, c1 - c0
        wraps = abs(dr) > 1 or abs(dc) > 1
        if wraps:  # the way out over the edge, and the way in from the other one
            dr -= layout.rows * int(np.sign(dr)) * (abs(dr) > 1)
            dc -= layout.cols * int(np.sign(dc)) * (abs(dc) > 1)
        s0, s1 = shifts[t : t + 2]
        segments.append([(c0 + s0, r0 + s0), (c0 + dc + s1, r0 + dr + s1)])
        times.append(t)
        if wraps:
            segments.append([(c1 - dc + s0, r1 - dr + s0), (c1 + s1, r1 + s1)])
            times.append(t)
    path = LineCollection(
        segments, linewidths=1.0, capstyle="round", zorder=3, label="path", **coloring
    )
    path.set_array(np.array(times, dtype=np.float64))
    panel.add_collection(path)
    path.set_clip_path(Rectangle((-0.5, -0.5), layout.cols, layout.rows, transform=panel.transData))


def _end(panel: Axes, x: float, y: float, marker: str, shade: Any, name: str) -> None:
    """Where the life began (ring) or ended (square)."""
    panel.plot(x, y, marker, markersize=4.5, markerfacecolor="white", markeredgecolor=shade,
               markeredgewidth=1.2, zorder=6, label=name)  # fmt: skip


def _happened(episode: Episode) -> dict[str, list[int]]:
    """The events of a lifetime by name; those of a field are one, whatever its strengths."""
    events = episode.environment.events
    found: dict[str, list[int]] = {}
    for event in np.flatnonzero(episode.counts):
        name = events[event].split("@")[0] if events[event].startswith("field.") else events[event]
        found.setdefault(name, []).append(int(event))
    return found


def _events(
    panel: Axes,
    episode: Episode,
    shown: dict[str, list[int]],
    counts: list[str],
    coloring: dict[str, Any],
) -> None:
    """A mark for every event, at its step and in the colour of its time."""
    rows = [episode.trace.counts[:, events].any(axis=1) for events in shown.values()]
    marks = np.argwhere(np.transpose(rows))
    lines = LineCollection(
        [[(t, row - 0.36), (t, row + 0.36)] for t, row in marks],
        linewidths=max(0.8, min(2.0, 150 / max(episode.lifespan, 1))), label="events", **coloring,
    )  # fmt: skip
    lines.set_array(marks[:, 0].astype(np.float64))
    panel.add_collection(lines)
    panel.set_xlim(-0.5, max(episode.lifespan, 1) - 0.5)
    panel.set_ylim(len(shown) - 0.5, -0.5)
    inner = panel.get_position().x0 * panel.figure.get_figwidth() - 0.1  # type: ignore[union-attr]
    labels = [
        style.fit(name, inner - style.text_width(count)) + count
        for name, count in zip(shown, counts, strict=True)
    ]
    panel.set_yticks(range(len(shown)), labels=labels)
    panel.tick_params(left=False)
    panel.spines["left"].set_visible(False)
