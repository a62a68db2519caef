"""Figure ``level``: one level, and one lifetime on it.

The path is coloured by time and shifted across its cells as time goes by, so that ways taken
again and again lie side by side instead of on top of each other. Below the map, what happened
when, in the colours of the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import Circle, Rectangle

from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.run_view import RunView
    from evosim.scenario import World

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


@registry.figure("level", "a level and a lifetime on it", needs=("genome",))
def figure(view: RunView) -> Figure:
    """Draw the given lifetime, or live the median individual's of the last generation."""
    from evosim.plot.episode import episode_of

    episode = view.episode or episode_of(view.data, view.scenario)
    return draw_level(episode, title=f"{view.scenario.title}: a lifetime")


def draw_level(episode: Episode, *, title: str) -> Figure:
    """Draw one lifetime on its level."""
    grid = episode.world.layout
    shown = _shown(episode)
    names = [f"{episode.environment.events[e]} ×{episode.counts[e]}" for e in shown]  # noqa: RUF001
    width = style.SINGLE if grid.cols <= 18 else style.DOUBLE
    left = max(timeseries.label_room(names, 1.25), 0.4)
    room = width - 2 * layouts.PAD - 0.1
    cell = min(LARGEST_CELL, (room - LEGEND_ROOM) / grid.cols, 6.0 / grid.rows)
    kinds = _kinds(episode)
    height = max(cell * grid.rows + 0.08, LEGEND_LINE * (len(kinds) + 2 + _edges_line(episode)))
    rows = [layouts.Row(height=height, titles=False, ticks=False)]
    if shown:
        rows.append(layouts.Row(height=ROW * len(shown), titles=False))
    with style.styled():
        layout = layouts.create(
            rows, width=width, title=title, note=_note(episode, len(shown)),
            left=left, xlabel="step" if shown else None,
        )  # fmt: skip
        ground = layout.axes[0][0]
        total = layout.figure.get_figheight()
        y1 = ground.get_position().y1
        size = (cell * grid.cols + 0.08, cell * grid.rows + 0.08)
        x0 = layouts.PAD + 0.02
        ground.set_position((x0 / width, y1 - size[1] / total, size[0] / width, size[1] / total))
        edge = 0.04 / cell
        draw_ground(ground, episode.world, edge)
        _path(ground, episode)
        _sites(ground, episode, kinds, cell)
        _ends(ground, episode)
        _legend(layout.figure, episode, kinds, x0 + size[0] + 0.12, y1)
        if shown:
            _events(layout.axes[1][0], episode, shown, names)
    return layout.figure


def _shades() -> ListedColormap:
    """Time, from early to late: dark to light but never too light for a line on white."""
    return ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.86, 256)))


def _time(episode: Episode) -> Normalize:
    return Normalize(0, max(episode.lifespan - 1, 1))


def _kinds(episode: Episode) -> dict[str, str]:
    """A colour for each kind that the level has, in the scenario's order."""
    present = {kind for kind, _ in episode.sites.values()}
    every = colors.of_kinds(list(episode.world.kinds))
    return {kind: color for kind, color in every.items() if kind in present}


def _shown(episode: Episode) -> list[int]:
    """The events that happened, in their order; of many the most frequent."""
    happened = [int(e) for e in np.flatnonzero(episode.counts)]
    frequent = sorted(happened, key=lambda e: -int(episode.counts[e]))[:MOST_EVENTS]
    return sorted(frequent)


def _edges_line(episode: Episode) -> bool:
    return episode.world.edges == "torus"


def _note(episode: Episode, shown: int) -> str:
    words = [f"{episode.heading[0].upper()}{episode.heading[1:]}."]
    words.append(f"Lived {episode.lifespan} steps; ended by {episode.ending}.")
    if episode.lifespan:
        paid = [
            f"{name} {style.number(float(f'{amount:.3g}'))}"
            for name, amount in zip(episode.environment.payoffs, episode.payoffs[-1], strict=True)
        ]
        felt = f"internal reward {style.number(float(f'{episode.reward[-1]:.3g}'))}"
        words.append(f"{'; '.join([*paid, felt])}.")
    hidden = int((episode.counts > 0).sum()) - shown
    if hidden:
        words.append(f"{hidden} rarer events are left out.")
    return " ".join(words)


def draw_ground(panel: Axes, here: World, edge: float) -> None:
    """Floor, walls, barriers and what lies at the edges; row 0 at the top.

    Args:
        edge: room around the map, in cells.
    """
    layout = here.layout
    panel.set_xlim(-0.5 - edge, layout.cols - 0.5 + edge)
    panel.set_ylim(layout.rows - 0.5 + edge, -0.5 - edge)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    grid = [[(c - 0.5, -0.5), (c - 0.5, layout.rows - 0.5)] for c in range(1, layout.cols)]
    grid += [[(-0.5, r - 0.5), (layout.cols - 0.5, r - 0.5)] for r in range(1, layout.rows)]
    panel.add_collection(
        LineCollection(grid, colors=[colors.GRID], linewidths=0.4, zorder=1, label="grid")
    )
    for r in range(layout.rows):
        for c in range(layout.cols):
            if layout.wall[r][c]:
                panel.add_patch(
                    Rectangle(
                        (c - 0.5, r - 0.5), 1, 1, facecolor=colors.WALL, linewidth=0, zorder=2
                    )
                )
    barriers = [
        [(c - 0.5, r + 0.5), (c + 0.5, r + 0.5)]
        for r in range(layout.rows)
        for c in range(layout.cols)
        if layout.barrier_south[r][c]
    ]
    barriers += [
        [(c + 0.5, r - 0.5), (c + 0.5, r + 0.5)]
        for r in range(layout.rows)
        for c in range(layout.cols)
        if layout.barrier_east[r][c]
    ]
    panel.add_collection(
        LineCollection(
            barriers,
            colors=[colors.WALL],
            linewidths=2.2,
            zorder=2.5,
            capstyle="projecting",
            label="barriers",
        )
    )
    torus = here.edges == "torus"
    panel.add_patch(
        Rectangle(
            (-0.5, -0.5),
            layout.cols,
            layout.rows,
            fill=False,
            edgecolor=colors.GREY if torus else colors.WALL,
            linewidth=0.8 if torus else 2.2,
            linestyle=(0, (3, 2)) if torus else "-",
            zorder=2.6,
            label="edge",
        )
    )


def _path(panel: Axes, episode: Episode) -> None:
    """Every step as a line in the colour of its time; a step over a torus' edge as two."""
    layout = episode.world.layout
    segments, times = [], []
    for t, record in enumerate(episode.steps):
        (r0, c0), (r1, c1) = episode.cells[record.cell], episode.cells[record.cell_after]
        dr, dc = r1 - r0, c1 - c0
        wraps = abs(dr) > 1 or abs(dc) > 1
        if wraps:  # the way out over the edge, and the way in from the other one
            dr -= layout.rows * int(np.sign(dr)) * (abs(dr) > 1)
            dc -= layout.cols * int(np.sign(dc)) * (abs(dc) > 1)
        s0, s1 = _shift(t, episode.lifespan), _shift(t + 1, episode.lifespan)
        segments.append([(c0 + s0, r0 + s0), (c0 + dc + s1, r0 + dr + s1)])
        times.append(t)
        if wraps:
            segments.append([(c1 - dc + s0, r1 - dr + s0), (c1 + s1, r1 + s1)])
            times.append(t)
    path = LineCollection(
        segments,
        cmap=_shades(),
        norm=_time(episode),
        linewidths=1.0,
        capstyle="round",
        zorder=3,
        label="path",
    )
    path.set_array(np.array(times, dtype=np.float64))
    panel.add_collection(path)
    path.set_clip_path(Rectangle((-0.5, -0.5), layout.cols, layout.rows, transform=panel.transData))


def _shift(t: int, lifespan: int) -> float:
    return SHIFT * (2 * t / max(lifespan, 1) - 1)


def _sites(panel: Axes, episode: Episode, kinds: dict[str, str], cell: float) -> None:
    for number, (kind, _) in episode.sites.items():
        r, c = episode.cells[number]
        draw_glyph(panel, c, r, episode.world.kinds[kind].glyph, kinds[kind], cell)


def draw_glyph(panel: Axes, x: float, y: float, glyph: str, color: str, cell: float) -> None:
    """A disc with a letter; where the cell is too small for a letter, the disc alone."""
    letter = cell >= SMALLEST_LETTER
    radius = min(0.44, 0.075 / cell) if letter else 0.36
    panel.add_patch(
        Circle(
            (x, y),
            radius,
            facecolor=color,
            edgecolor="white",
            linewidth=0.8,
            zorder=4,
            label=f"site {glyph}",
        )
    )
    if letter:
        panel.text(
            x, y, glyph, color=colors.contrast(color), ha="center", va="center_baseline",
            fontweight="bold", fontsize=style.SMALL, zorder=5,
        )  # fmt: skip


def _ends(panel: Axes, episode: Episode) -> None:
    """Where the life began (ring) and ended (square)."""
    if not episode.steps:
        return
    shades = _shades()
    for record, marker, shift, color in (
        (episode.steps[0].cell, "o", _shift(0, 1), shades(0.0)),
        (episode.steps[-1].cell_after, "s", SHIFT, shades(1.0)),
    ):
        r, c = episode.cells[record]
        panel.plot(
            c + shift, r + shift, marker, markersize=4.5, markerfacecolor="white",
            markeredgecolor=color, markeredgewidth=1.2, zorder=6,
            label="start" if marker == "o" else "end",
        )  # fmt: skip


def _legend(figure: Figure, episode: Episode, kinds: dict[str, str], x: float, top: float) -> None:
    """Glyphs and their kinds, to the right of the map."""
    width, height = figure.get_size_inches()
    lines = len(kinds) + 2 + _edges_line(episode)
    size = LEGEND_LINE * lines
    box = figure.add_axes(
        (x / width, top - size / height, (width - x - 0.02) / width, size / height)
    )
    box.set_axis_off()
    box.set_xlim(0, (width - x - 0.02) / LEGEND_LINE)
    box.set_ylim(lines - 0.5, -0.5)
    room = width - x - 0.02 - 0.2
    for n, (kind, color) in enumerate(kinds.items()):
        draw_glyph(box, 0.5, n, episode.world.kinds[kind].glyph, color, LEGEND_LINE)
        box.text(1.3, n, style.fit(kind, room), va="center_baseline")
    n = len(kinds)
    shades = _shades()
    for marker, shade, text in (("o", shades(0.0), "start"), ("s", shades(1.0), "end")):
        box.plot(
            0.5, n, marker, markersize=4.5, markerfacecolor="white", markeredgecolor=shade,
            markeredgewidth=1.2,
        )  # fmt: skip
        box.text(1.3, n, text, va="center_baseline")
        n += 1
    if _edges_line(episode):
        box.plot([0, 1], [n, n], color=colors.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
        box.text(1.3, n, style.fit("edges wrap", room), va="center_baseline")


def _events(panel: Axes, episode: Episode, shown: list[int], names: list[str]) -> None:
    """A mark for every event, at its step and in the colour of its time."""
    shades, time = _shades(), _time(episode)
    rows = {event: n for n, event in enumerate(shown)}
    marks = [(t, rows[e]) for t, m in enumerate(episode.steps) for e in m.events if e in rows]
    lines = LineCollection(
        [[(t, row - 0.36), (t, row + 0.36)] for t, row in marks],
        cmap=shades,
        norm=time,
        linewidths=max(0.8, min(2.0, 150 / max(episode.lifespan, 1))),
        label="events",
    )
    lines.set_array(np.array([t for t, _ in marks], dtype=np.float64))
    panel.add_collection(lines)
    panel.set_xlim(-0.5, max(episode.lifespan, 1) - 0.5)
    panel.set_ylim(len(shown) - 0.5, -0.5)
    inner = panel.get_position().x0 * panel.figure.get_figwidth() - 0.1  # type: ignore[union-attr]
    panel.set_yticks(range(len(shown)), labels=[style.fit(name, inner) for name in names])
    panel.tick_params(left=False)
    panel.spines["left"].set_visible(False)
