"""One picture of a level as plain data: what stands where, who is there, what is told beside it.

It is made once and drawn by three backends: matplotlib (:mod:`evosim.plot.level`), GIF
(:mod:`evosim.plot.gif`) and text (:mod:`evosim.plot.terminal`). A lifetime is a row of pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from evosim.plot import colors
from evosim.world import geometry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evosim.plot.episode import Episode
    from evosim.scenario import Kind, Mover, World
    from evosim.scenario.map import Layout

Place = tuple[int, int]
"""Row and column of a cell; row 0 at the top."""

TRAIL = 10
"""Steps that the trail of a frame shows."""
EVENTS = 5
"""Events that are told beside a frame, at most."""
MOVERS, FIELDS = "movers.", "fields."
KINDS = 24
"""Lines of a legend of kinds, at most."""
ACTIONS = ("goes north", "goes south", "goes west", "goes east")


class Symbol(NamedTuple):
    """How a kind of site, a mover or a field is drawn, and what it is called."""

    glyph: str
    """Empty: it tints the floor."""
    color: str
    words: str
    walks: bool = False


class Line(NamedTuple):
    """A line of what is told beside a level."""

    name: str
    text: str
    gauge: tuple[int, int] | None = None
    """Of a variable: its value, and the largest that it can have."""
    tone: str = ""
    """What it is about: ``payoff``, ``reward``, ``unseen`` (a variable that the mind does not
    see), ``action``, ``new`` or ``old`` (an event of the last step, or of one before), ``end``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A level, and one moment of a life on it.

    Attributes:
        layout: rows, columns, walls and barriers.
        torus: whether its edges wrap around.
        sites: the kind of the site on each cell that has one.
        legend: how each kind is drawn; movers as ``movers.NAME``, fields as ``fields.NAME``.
        movers: the mover on each cell that has one, as in the legend.
        ground: the field that is strongest on each cell, as in the legend, and how strong it is
            there, as a share of the most.
        absent: what the legend names and the level does not have.
        agent: where the agent is; None where there is none.
        trail: where it came from, cell by cell, the present one last.
        empty: cells whose site was used up.
        happened: whether an event happened in the last step.
        progress: how much of the life has passed, 0 to 1.
        title: who and where.
        lines: what is told beside the level.
    """

    layout: Layout
    torus: bool
    sites: Mapping[Place, str]
    legend: Mapping[str, Symbol]
    movers: Mapping[Place, str] = field(default_factory=dict)
    ground: Mapping[Place, tuple[str, float]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    agent: Place | None = None
    trail: tuple[Place, ...] = ()
    empty: frozenset[Place] = frozenset()
    happened: bool = False
    progress: float = 0.0
    title: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def present(self) -> list[Symbol]:
        """The legend of what the level has, shortened."""
        return shortened([s for name, s in self.legend.items() if name not in self.absent])

    def top(self, place: Place) -> Symbol | None:
        """What stands on a cell: a mover, or else a site."""
        name = self.movers.get(place) or self.sites.get(place)
        return None if name is None else self.legend[name]


def shortened(legend: Sequence[Symbol]) -> list[Symbol]:
    """A legend with at most :data:`KINDS` lines; the last one says how many are left out.

    >>> [symbol.words for symbol in shortened([Symbol("a", "red", "apple")] * 30)][-1]
    '7 more kinds'
    """
    if len(legend) <= KINDS:
        return list(legend)
    more = len(legend) - KINDS + 1
    return [*legend[: KINDS - 1], Symbol("…", colors.GREY, f"{more} more kinds")]


def symbols(*worlds: World) -> dict[str, Symbol]:
    """How the kinds, movers and fields of some worlds are drawn: a colour each, in order of first
    appearance."""
    kinds: dict[str, Kind] = {}
    movers: dict[str, Mover] = {}
    fields: dict[str, None] = {}
    for here in worlds:
        for name, kind in here.kinds.items():
            kinds.setdefault(name, kind)
        for name, mover in here.movers.items():
            movers.setdefault(name, mover)
        fields |= dict.fromkeys(here.fields)
    found = {
        name: Symbol(kind.glyph, _series(n), name) for n, (name, kind) in enumerate(kinds.items())
    }
    for n, (name, mover) in enumerate(movers.items(), len(kinds)):
        found[f"{MOVERS}{name}"] = Symbol(mover.glyph, _series(n), name, walks=True)
    for n, name in enumerate(fields):
        found[f"{FIELDS}{name}"] = Symbol("", colors.TINTS[1 + n % (len(colors.TINTS) - 1)], name)
    return found


def _series(n: int) -> str:
    return colors.SERIES[n % len(colors.SERIES)]


def _ground(world: World) -> dict[Place, tuple[str, float]]:
    """The strongest field of each cell, and its strength as a share of the most of that field."""
    found: dict[Place, tuple[str, float]] = {}
    for name in world.fields:
        strengths = world.strengths(name)
        most = max(strengths, default=0.0)
        for cell, strength in zip(world.layout.free, strengths, strict=True):
            share = strength / most if most else 0.0
            if share > found.get(cell, ("", 0.0))[1]:
                found[cell] = (f"{FIELDS}{name}", share)
    return found


def of_level(
    world: World,
    slots: NDArray[np.integer],
    start: int,
    legend: Mapping[str, Symbol] | None = None,
    passages: NDArray[np.integer] | None = None,
) -> Picture:
    """A level before anybody lives there.

    Args:
        slots: by cell, as :func:`evosim.world.draw_level` returns them.
        start: the cell where lives begin.
        legend: None: of what this world has.
        passages: by cell, as :func:`evosim.world.draw_passages` returns them; None: the map's.
    """
    cells = geometry(world).cells
    legend = symbols(world) if legend is None else legend
    sites = {
        cell: world.slots[slot].kind for cell, slot in zip(cells, slots, strict=True) if slot >= 0
    }
    ground = _ground(world)
    # Movers off the map begin anywhere; they are named all the same.
    there = {*sites.values(), *(name for name, _ in ground.values())}
    there |= {f"{MOVERS}{name}" for name in world.movers if world.movers_of(name)}
    return Picture(
        layout=world.layout if passages is None else _with_barriers(world, passages),
        torus=world.edges == "torus",
        sites=sites,
        legend=legend,
        movers={(r, c): f"{MOVERS}{name}" for r, c, name in world.layout.movers},
        ground=ground,
        absent=frozenset(legend) - there,
        agent=cells[start],
    )


def _with_barriers(world: World, passages: NDArray[np.integer]) -> Layout:
    """The layout of a world with a barrier on each passage that its map has and a level lacks."""
    layout, (cells, neighbour, _) = world.layout, geometry(world)
    closed = {
        (*cell, action)
        for n, cell in enumerate(cells)
        for action in (1, 3)
        if passages[n, action] != neighbour[n, action]
    }

    def barriers(drawn: Sequence[Sequence[bool]], action: int) -> tuple[tuple[bool, ...], ...]:
        return tuple(
            tuple(barrier or (r, c, action) in closed for c, barrier in enumerate(row))
            for r, row in enumerate(drawn)
        )

    return replace(
        layout,
        barrier_south=barriers(layout.barrier_south, 1),
        barrier_east=barriers(layout.barrier_east, 3),
    )


def frames(episode: Episode, *, most: int | None = None) -> list[Picture]:
    """The pictures of a lifetime, from birth to its end.

    Args:
        most: at most so many, evenly chosen, birth and end among them; None: one for each step.
    """
    last = episode.lifespan
    steps: Sequence[int] = range(last + 1)
    if most is not None and len(steps) > most:
        steps = sorted({round(n * last / (most - 1)) for n in range(most)})
    return [frame(episode, step) for step in steps]


def frame(episode: Episode, step: int, *, trail: int = TRAIL) -> Picture:
    """The picture after so many steps of a lifetime.

    Args:
        trail: how many steps the trail goes back.
    """
    cells = geometry(episode.world).cells
    levels = episode.levels
    level = of_level(
        episode.world, levels.slot[0], episode.path[step], passages=levels.neighbour[0]
    )
    return replace(
        level,
        movers={cells[n]: f"{MOVERS}{name}" for n, name in episode.movers(step)},
        trail=tuple(cells[n] for n in episode.path[max(0, step - trail) : step + 1]),
        empty=frozenset(cells[n] for n in episode.empty(step)),
        happened=step > 0 and bool(episode.events(step - 1)),
        progress=step / max(episode.lifespan, 1),
        title=episode.heading,
        lines=tuple(_lines(episode, step)),
    )


def _lines(episode: Episode, step: int) -> Iterator[Line]:
    yield Line("step", f"{step} of {episode.lifespan}")
    values = episode.values(step)
    for name, variable in episode.world.variables.items():
        value, top = values[name], variable.values - 1
        tone = "unseen" if name in episode.blind else ""
        yield Line(name, f"{value} of {top}", (value, top), tone)
    for name, amount in zip(episode.environment.payoffs, episode.payoffs[step], strict=True):
        yield Line(name, f"{amount:.3g}", tone="payoff")
    yield Line("felt reward", f"{episode.reward[step]:.3g}", tone="reward")
    yield Line("agent", action_words(episode, step - 1) if step else "", tone="action")
    if step == episode.lifespan:
        yield Line("", f"ended by {episode.ending}", tone="end")
    told = ((t, event) for t in range(step - 1, -1, -1) for event in episode.events(t)[::-1])
    for n, (t, event) in enumerate(itertools.islice(told, EVENTS)):
        tone = "new" if t == step - 1 else "old"
        yield Line("" if n else "events", f"{t + 1} {event_words(episode, event)}", tone=tone)


def action_words(episode: Episode, step: int) -> str:
    """What the agent did in a step."""
    action, cell = int(episode.trace.action[step]), episode.path[step]
    if action < len(ACTIONS):
        return f"{ACTIONS[action]}{', in vain' * (episode.path[step + 1] == cell)}"
    if action < episode.environment.n_actions - 1:
        return "stays"
    if cell not in episode.kinds:
        event = int(episode.trace.event[step])
        return f"uses {episode.environment.events[event]}" if event >= 0 else "uses nothing"
    return f"uses {episode.kinds[cell]}{', in vain' * bool(episode.trace.event[step] < 0)}"


def event_words(episode: Episode, event: int) -> str:
    """An event and what it pays, as ``mate.court: children +1``."""
    environment = episode.environment
    amounts = environment.phi[event, environment.paid]
    paid = [f"{name} {a:+.3g}" for name, a in zip(environment.payoffs, amounts, strict=True) if a]
    return ": ".join([environment.events[event], *([", ".join(paid)] if paid else [])])
