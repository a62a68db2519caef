"""What an agent sees: every state of every level as an array.

A mind that plans knows its world. Whatever else acts in one sees an *observation*, a function of
level and state. What it shows decides what can be learnt: who sees what things feel like may learn
to want the feeling, and who sees only the number of a state can want nothing that a flip changes.

Each observation is a table of small vectors and a window on it,

    observation[k, j] = values[level, x, k, window[level, cell, j]]

so that a kernel can look up one of a million steps, and :meth:`Observer.table` all states at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError, did_you_mean
from evosim.world.environment import Environment, environment
from evosim.world.levels import DIRECTIONS, Levels, geometry

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

Floats = NDArray[np.float32]
T = TypeVar("T")
Observation: TypeAlias = "str | Sequence[str] | Mapping[str, str]"

FADES = 0.9
"""What is left of a scent after each move, whatever patience the minds of a scenario have."""


class Seen(NamedTuple):
    """One observation of all states of L levels, as its table and the window on it."""

    values: Floats  # [L or 1, n_x, K, G]
    window: NDArray[np.int32]  # [L or 1, C, J] which of the G; the observation is [K, J]

    def at(
        self, level: NDArray[np.integer], x: NDArray[np.integer], cell: NDArray[np.integer]
    ) -> Floats:
        """The observations of some states [n, K, J], by level, x and cell [n]."""
        values = self.values[level if len(self.values) > 1 else 0, x]
        window = self.window[level if len(self.window) > 1 else 0, cell]
        return np.take_along_axis(values, np.atleast_2d(window)[:, None], 2)


class Observer:
    """What an agent sees in the environments of a scenario.

    All environments of a scenario have the same shapes, so that what was trained in one can act in
    the others.

    Args:
        scenario: the scenario.
        obs: one of these names; or several, or a mapping of names of one's own to them, which
            gives a dictionary:

            =========== =======================================================================
            state       the number of the state, x * C + cell, without the level
            felt        map: what would be felt on each cell now, by being there and using it
            kinds       map: what is on each cell; fields at their strength
            looks       map: what each thing looks like (``looks`` of its kind)
            scent       each stimulus where the agent is and a step away, as reflexes follow it
            variables   the declared variables, each from 0 to 1
            =========== =======================================================================

            A map is [channels, rows, columns], with the agent in the middle: rolled on a torus,
            padded with walls elsewhere. It has a channel ``wall`` where there are any, and four for
            closed passages where there are barriers or mazes. What is used up is not seen.
        senses: hidden variables that are seen. The others stand at the value that minds without the
            sense assume, in all that is seen.

    Attributes:
        single: whether the observation is one array, and no dictionary.
        shapes: of each part, by its name; ``()`` for a state.
        channels: what the first axis of each part is about; empty for a state.

    Raises:
        EvosimError: no such observation, or the scenario has nothing of it; no such hidden
            variable; grids that one map cannot show.

    >>> from evosim import scenario, world
    >>> read = scenario.load("strawberry")
    >>> seen = Observer(read, ["felt", "variables"])
    >>> seen.shapes
    {'felt': (5, 13, 13), 'variables': (1,)}
    >>> levels = world.draw_levels(read, "day", [7, 8])
    >>> seen.table("day", levels)["felt"].shape  # levels, x, cells, ...
    (2, 2, 49, 5, 13, 13)
    """

    def __init__(
        self, scenario: Scenario, obs: Observation = "felt", senses: Sequence[str] = ()
    ) -> None:
        self.scenario = scenario
        self.single = isinstance(obs, str)
        self.parts = _parts(obs)
        self.worlds = {name: scenario.environment(name) for name in scenario.environments}
        hidden = _union(
            [name for name, v in w.variables.items() if v.hidden] for w in self.worlds.values()
        )
        if isinstance(senses, str | bytes) or not np.iterable(senses):
            raise EvosimError(Argument("senses", senses), ": a list of texts is needed")
        for name in senses:
            if str(name) not in hidden:
                raise EvosimError(
                    Argument("senses", name), ": no hidden variable of that name; ",
                    did_you_mean(name, hidden),
                )  # fmt: skip
        self.masked = tuple(name for name in hidden if name not in senses)
        self.channels: dict[str, tuple[str, ...]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for part, kind in self.parts.items():
            channels = _CHANNELS[kind](self)
            if not channels and kind != "state":
                raise EvosimError(
                    Argument("obs", kind), f": scenario {scenario.id!r} has none (it has: ",
                    ", ".join(available(scenario)), ")",
                )  # fmt: skip
            self.channels[part] = channels
            self.shapes[part] = self._shape(kind, len(channels))

    def largest(self, part: str) -> Floats:
        """What no observation goes beyond, up or down, by channel.

        Args:
            part: of the observation, no state.
        """
        kind = self.parts[part]
        if kind == "variables":
            return np.ones(len(self.channels[part]), np.float32)
        worlds = self.worlds.values()
        most = dict.fromkeys(self.channels[part], 1.0)
        if kind in ("felt", "scent"):
            for i, stimulus in enumerate(self.scenario.stimuli):
                envs = [environment(self.scenario, name) for name in self.worlds]
                # What nothing feels like is 0, in a range that is no point.
                most[stimulus] = max(np.abs(env.phi[:, i]).sum() for env in envs) or 1.0
        for w in worlds:
            if kind == "kinds":
                most |= {n: max(most[n], w.movers_of(n)) for n in w.movers}
                most |= {n: max(most[n], *w.strengths_of(n)) for n in w.fields}
            if kind == "looks":
                for thing in w.kinds.values():
                    most |= {n: max(most[n], abs(amount)) for n, amount in thing.looks.items()}
        return np.array(list(most.values()), np.float32)

    def n_states(self) -> int:
        """One more than the largest number of a state in any environment."""
        return max(w.n_states for w in self.worlds.values())

    def _shape(self, kind: str, channels: int) -> tuple[int, ...]:
        if kind == "state":
            return ()
        if kind == "variables":
            return (channels,)
        if kind == "scent":
            return channels, 1 + len(DIRECTIONS)
        return channels, *self._view()

    def _view(self) -> tuple[int, int]:
        """Rows and columns of a map that has the agent in its middle."""
        edges = {w.edges for w in self.worlds.values()}
        rows, cols = (
            {getattr(w.layout, side) for w in self.worlds.values()} for side in ("rows", "cols")
        )
        if edges == {"walls"}:  # any cell can be as far away as the grid is long
            return 2 * max(rows) - 1, 2 * max(cols) - 1
        if len(edges) > 1 or len(rows) > 1 or len(cols) > 1:
            raise EvosimError(
                f"scenario {self.scenario.id!r} has environments on grids of several sizes, of "
                "which some are tori; one map cannot show them: use another observation, ",
                Argument("obs", "variables"),
            )
        return rows.pop(), cols.pop()

    def seen(self, name: str, levels: Levels) -> dict[str, Seen]:
        """The parts of the observation on levels of an environment, as tables and windows.

        Args:
            name: of the environment.
            levels: L of its levels.
        """
        env = environment(self.scenario, name)
        believed = _masked(env.world, self.masked)
        found = {}
        for part, kind in self.parts.items():
            values, window = _MADE[kind](self, env, levels)
            found[part] = Seen(np.ascontiguousarray(values[:, believed], np.float32), window)
        return found

    def table(self, name: str, levels: Levels) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """What each state of each level looks like.

        Args:
            name: of the environment.
            levels: L of its levels.

        Returns:
            [L, n_x, C, *shape], float32, or int64 for states; a dictionary of them by part.
        """
        n = len(levels.start)
        tables: dict[str, NDArray[Any]] = {}
        for part, seen in self.seen(name, levels).items():
            # [L, n_x, K, G] by [L, C, J]
            values, window = seen
            n_x, n_cells = values.shape[1], window.shape[1]
            by_level = [
                np.moveaxis(
                    values[i if len(values) > 1 else 0][..., window[i if len(window) > 1 else 0]],
                    2, 1,
                )
                for i in range(n)
            ]  # fmt: skip
            whole = np.array(by_level).reshape(n, n_x, n_cells, *self.shapes[part])
            tables[part] = whole.astype(np.int64) if self.parts[part] == "state" else whole
        return self.given(tables)

    def given(self, parts: dict[str, T]) -> T | dict[str, T]:
        """What there is of each part, as it is given: that of the only one, or of all by name."""
        return next(iter(parts.values())) if self.single else parts


def available(scenario: Scenario) -> tuple[str, ...]:
    """The observations that a scenario has.

    >>> from evosim import scenario
    >>> available(scenario.load("strawberry"))
    ('state', 'felt', 'kinds', 'scent', 'variables')
    """
    observer = Observer(scenario, "state")
    return tuple(name for name in _CHANNELS if name == "state" or _CHANNELS[name](observer))


def _parts(obs: Observation) -> dict[str, str]:
    """The kinds of observation by the names of their parts."""
    if isinstance(obs, str):
        parts = {obs: obs}
    elif isinstance(obs, Mapping):
        parts = dict(obs)
    elif np.iterable(obs):
        parts = {str(name): str(name) for name in obs}
    else:
        parts = {}
    if not parts:
        raise EvosimError(
            Argument("obs", str(obs)), ": a name, several, or a mapping to them is needed (",
            ", ".join(_CHANNELS), ")",
        )  # fmt: skip
    for kind in parts.values():
        if str(kind) not in _CHANNELS:
            raise EvosimError(
                Argument("obs", kind), ": no such observation; ", did_you_mean(kind, _CHANNELS)
            )
    return parts


def _union(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Names of several lists, each once, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for some in names for name in some))


def _masked(world: World, masked: Sequence[str]) -> NDArray[np.intp]:
    """[n_x] the x for which each x is taken by who does not see some variables."""
    variables = world.state_variables
    sizes = [v.values for v in variables]
    n_x = prod(sizes)
    if not sizes:
        return np.zeros(1, np.intp)
    values = list(np.unravel_index(np.arange(n_x), sizes))
    for i, variable in enumerate(variables):
        if variable.name in masked:
            values[i] = np.full(n_x, world.variables[variable.name].assume or 0)
    return np.ravel_multi_index(tuple(values), sizes)


# ------------------------------------------------------------------ what there is to be seen


def _ground(seen: Observer) -> tuple[str, ...]:
    """The channels that every map has: walls, and closed passages."""
    worlds = seen.worlds.values()
    wall = any(w.edges == "walls" or any(map(any, w.layout.wall)) for w in worlds)
    closed = any(
        w.maze or any(map(any, (*w.layout.barrier_south, *w.layout.barrier_east))) for w in worlds
    )
    return ("wall",) * wall + tuple(f"closed {way}" for way in DIRECTIONS) * closed


def _things(seen: Observer) -> tuple[str, ...]:
    return _union((*w.kinds, *w.movers, *w.fields) for w in seen.worlds.values())


def _declared(seen: Observer) -> tuple[str, ...]:
    return _union(w.variables for w in seen.worlds.values())


_CHANNELS: dict[str, Callable[[Observer], tuple[str, ...]]] = {
    "state": lambda seen: (),
    "felt": lambda seen: (*seen.scenario.stimuli, *_ground(seen)),
    "kinds": lambda seen: (*_things(seen), *_ground(seen)),
    "looks": lambda seen: (
        (*seen.scenario.looks, *_ground(seen)) if seen.scenario.looks else ()
    ),
    "scent": lambda seen: seen.scenario.stimuli,
    "variables": _declared,
}  # fmt: skip

# ------------------------------------------------------------------ tables and windows
# Each returns values [L or 1, n_x, K, G] by the true x, and a window [L or 1, C, J].

_Made = tuple[NDArray[np.floating], NDArray[np.int32]]


def _state(seen: Observer, env: Environment, levels: Levels) -> _Made:
    n_cells = levels.slot.shape[1]
    states = np.arange(env.n_x * n_cells, dtype=np.float64).reshape(1, env.n_x, 1, n_cells)
    return states, np.arange(n_cells, dtype=np.int32)[None, :, None]


def _variables(seen: Observer, env: Environment, levels: Levels) -> _Made:
    own = env.world.state_variables
    names = _declared(seen)
    values = np.zeros((1, env.n_x, len(names), 1))
    for variable, value in zip(
        own, np.unravel_index(np.arange(env.n_x), [v.values for v in own] or [1]), strict=False
    ):
        if variable.name in names:
            share = value / max(variable.values - 1, 1)
            values[0, :, names.index(variable.name), 0] = share
    return values, np.zeros((1, levels.slot.shape[1], 1), np.int32)


def _scent(seen: Observer, env: Environment, levels: Levels) -> _Made:
    felt = _on_sites(env, levels, _felt_by_slot(env), _felt_by_mover(env))  # [L, n_x, K, C]
    # What is left after each number of moves: a running product, as a power's last bit is free.
    left = np.cumprod([1.0, *[FADES] * max(0, int(levels.distance.max()))])
    near = np.where(levels.distance < 0, 0.0, left[levels.distance])
    scent = np.zeros(felt.shape)
    for to in range(felt.shape[-1]):  # the strongest of all cells
        scent = np.maximum(scent, felt[..., to, None] * near[:, None, None, :, to])
    cells = np.arange(felt.shape[-1], dtype=np.int32)
    here = np.broadcast_to(cells[None, :, None], (len(felt), len(cells), 1))
    return scent, np.concatenate([here, levels.neighbour], axis=2)


def _felt(seen: Observer, env: Environment, levels: Levels) -> _Made:
    felt = _on_sites(env, levels, _felt_by_slot(env), _felt_by_mover(env))
    for event, on in _fields(env):
        felt += _of_events(env, event).T[None, None] * on[None, :, None, None]
    return _as_map(seen, env, levels, felt)


def _kinds(seen: Observer, env: Environment, levels: Levels) -> _Made:
    names, full = _things(seen), _full(env)
    by_slot = np.zeros((*full.shape, len(names)))
    for s, slot in enumerate(env.world.slots):
        by_slot[s, :, names.index(slot.kind)] = full[s]
    walkers = [n for n in env.world.movers for _ in range(env.world.movers_of(n))]
    by_mover = np.zeros((len(walkers), env.n_x, len(names)))
    for m, name in enumerate(walkers):
        by_mover[m, :, names.index(name)] = 1.0
    there = _on_sites(env, levels, by_slot, by_mover)
    for (_, on), name in zip(_fields(env), env.world.fields, strict=True):
        strength = np.array(env.world.strengths(name))
        there[:, :, names.index(name)] += strength * on[None, :, None]
    return _as_map(seen, env, levels, there)


def _looks(seen: Observer, env: Environment, levels: Levels) -> _Made:
    by_slot = np.zeros((len(env.world.slots), env.n_x, len(env.looks)))
    for s, slot in enumerate(env.world.slots):
        by_slot[s] = [env.world.kinds[slot.kind].looks.get(name, 0.0) for name in env.looks]
    none = np.zeros((0, env.n_x, len(env.looks)))
    by_slot *= _full(env)[..., None]
    return _as_map(seen, env, levels, _on_sites(env, levels, by_slot, none))


_MADE: dict[str, Callable[[Observer, Environment, Levels], _Made]] = {
    "state": _state,
    "felt": _felt,
    "kinds": _kinds,
    "looks": _looks,
    "scent": _scent,
    "variables": _variables,
}

# ------------------------------------------------------------------ sites, movers, fields


def _of_events(env: Environment, event: NDArray[np.int32]) -> NDArray[np.float64]:
    """What events feel like [..., stimuli]; -1 like nothing."""
    nothing = np.zeros((1, len(env.stimuli)))
    return np.concatenate([env.phi[:, : len(env.stimuli)], nothing])[event]


def _of_rows(row: NDArray[np.int32], event: NDArray[np.int32]) -> NDArray[np.int32]:
    """The events of rows; -1 where there is no row."""
    return np.append(event, np.int32(-1))[row]


def _felt_by_slot(env: Environment) -> NDArray[np.float64]:
    """What being on a site and using it now would feel like [S, n_x, stimuli]."""
    tables = env.tables
    if tables.local is None:
        used = _of_events(env, _of_rows(tables.use_row, tables.use_event))
        return used + _of_events(env, tables.here_event)[:, None]
    local = tables.local.arrays
    rows = (local.site_use, local.site_enter)
    return sum(
        (_of_events(env, _of_rows(row, local.row_event)) for row in rows),
        _of_events(env, local.site_here),
    )


def _felt_by_mover(env: Environment) -> NDArray[np.float64]:
    """What meeting a mover and using it now would feel like [M, n_x, stimuli]."""
    if env.tables.local is None:
        return np.zeros((0, env.n_x, len(env.stimuli)))
    local = env.tables.local.arrays
    return _of_events(env, _of_rows(local.meet, local.row_event)) + _of_events(
        env, _of_rows(local.mover_use, local.row_event)
    )


def _fields(env: Environment) -> list[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """The event of each field on each cell [C], and at which x there is one [n_x]."""
    if env.tables.local is None:
        return []
    local = env.tables.local.arrays
    return list(zip(local.field_event, local.field_on, strict=True))


def _full(env: Environment) -> NDArray[np.float64]:
    """1 where a slot is there to be used, 0 where it is used up [S, n_x]."""
    own = env.world.state_variables
    values = np.unravel_index(np.arange(env.n_x), [v.values for v in own] or [1])
    number = {v.name: i for i, v in enumerate(own)}
    full = np.ones((len(env.world.slots), env.n_x))
    for s, slot in enumerate(env.world.slots):
        if (i := number.get(f"{slot.kind}[{slot.ordinal}]")) is not None:
            full[s] = values[i]
    return full


def _on_sites(
    env: Environment,
    levels: Levels,
    by_slot: NDArray[np.float64],
    by_mover: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What is on each free cell [L, n_x, K, C], of what slots and movers have [.., n_x, K]."""
    nothing = np.zeros((1, *by_slot.shape[1:]))
    found = np.concatenate([by_slot, nothing])[levels.slot].transpose(0, 2, 3, 1).copy()
    if len(by_mover):
        assert env.tables.local is not None
        local = env.tables.local.arrays
        x = np.arange(env.n_x)
        for m, what in enumerate(by_mover):
            at = x // local.stride[m] % local.places[m]
            there = np.flatnonzero(at < found.shape[-1])  # one that has vanished is nowhere
            found[:, there, :, at[there]] += what[there][:, None]
    return found


def _as_map(seen: Observer, env: Environment, levels: Levels, there: NDArray[np.float64]) -> _Made:
    """A map of what is on free cells, with its ground, and the window with the agent amid."""
    layout = env.world.layout
    cells = np.array(geometry(env.world).cells)
    n_levels, n_x, n_k, _ = there.shape
    ground = _ground(seen)
    outside = layout.rows * layout.cols
    values = np.zeros((n_levels, n_x, n_k + len(ground), outside + 1))
    place = cells[:, 0] * layout.cols + cells[:, 1]
    values[:, :, :n_k, place] = there
    if "wall" in ground:
        values[:, :, n_k] = 1.0
        values[:, :, n_k, place] = 0.0
    for a, way in enumerate(DIRECTIONS):
        if f"closed {way}" in ground:
            shut = levels.neighbour[:, :, a] == np.arange(len(cells))
            values[:, :, n_k + ground.index(f"closed {way}"), place] = shut[:, None]
    rows, cols = seen._view()
    down = cells[:, 0, None] + np.arange(rows) - rows // 2
    right = cells[:, 1, None] + np.arange(cols) - cols // 2
    if env.world.edges == "torus":
        down, right = down % layout.rows, right % layout.cols
    number = down[:, :, None] * layout.cols + right[:, None, :]
    inside = ((down >= 0) & (down < layout.rows))[:, :, None]
    inside = inside & ((right >= 0) & (right < layout.cols))[:, None, :]
    window = np.where(inside, number, outside).reshape(1, len(cells), -1)
    return values, window.astype(np.int32)
