"""Tables of local worlds: those in which what follows an action depends on where it led.

In a plain world the second half of a step, from x_mid on, is the same on every cell but for
``here``. It is not where arriving at a cell does something, where a ``here`` has a ``when``, where
things walk, or the ground is felt; and where chance moves a variable in several ways, or several at
once, a draw is no longer that of one variable. Such worlds have these tables beside the others, and
kernels of their own, which other worlds do not pay for.

Nothing here depends on the sites of a level: what sites do is told by slot, what movers do by their
place. Where movers walk depends on the level's passages, and is found for each of those once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.scenario.check_placement import begins

if TYPE_CHECKING:
    from evosim.scenario import Happening, MoverRule, Rule, World
    from evosim.world.tables import Compiler, Condition, Outcomes

_DRIFT = 8  # the first draw of a step that is for what moves by itself (docs/model.md, 5)
_WAYS = 5  # where a mover can walk: it stays, or goes in one of four directions
_KEPT = 64 * 2**20  # bytes of walks, of levels with other passages


class Local(NamedTuple):
    """Read-only arrays of a local world, as kernels take them.

    n_x, S as in :class:`evosim.world.Tables`; C cells of the map; M movers; G fields; R rows: a
    rule at an x where it fires. Rows are -1 where no rule holds, events where there is none.
    """

    live: NDArray[np.int32]  # [n] the x at which decisions are planned
    middle: NDArray[np.int32]  # [n] the x that an action can lead to: all that a mind can observe
    dead: NDArray[np.uint8]  # [n_x]
    start_x: NDArray[np.int32]
    start_p: NDArray[np.float64]
    site_use: NDArray[np.int32]  # [S, n_x] row of a use of the site
    site_enter: NDArray[np.int32]  # [S, n_x] row of arriving there by a move
    site_here: NDArray[np.int32]  # [S, n_x] event of `here`
    stride: NDArray[np.int32]  # [M] what one cell further adds to x
    places: NDArray[np.int32]  # [M] values of a mover's place; C is gone
    walk_slot: NDArray[np.int32]  # [M] draw of its walk
    meet: NDArray[np.int32]  # [M, n_x] row of being met
    mover_use: NDArray[np.int32]  # [M, n_x] row of being used
    meet_slot: int  # draw of the outcome of meeting mover 0; two draws each
    row_event: NDArray[np.int32]  # [R]
    row_ends: NDArray[np.float64]  # [R]
    row_ptr: NDArray[np.int32]  # [R + 1] rows of row_x, row_p: where the rule leads
    row_x: NDArray[np.int32]
    row_p: NDArray[np.float64]
    row_p32: NDArray[np.float32]  # times (1 - ends)
    always_ptr: NDArray[np.int32]  # [n_x + 1] rows of always_event
    always_event: NDArray[np.int32]
    field_event: NDArray[np.int32]  # [G, C] event of the field at its strength there
    field_on: NDArray[np.uint8]  # [G, n_x] whether its `when` holds
    drift_ptr: NDArray[np.int32]  # [n_x + 1] rows of drift_x, drift_p; fatal outcomes left out
    drift_x: NDArray[np.int32]
    drift_p: NDArray[np.float64]
    drift_p32: NDArray[np.float32]
    draw_ptr: NDArray[np.int32]  # [n_x + 1] rows of draw_slot: the draws that matter at x
    draw_slot: NDArray[np.int32]
    way_ptr: NDArray[np.int32]  # [draws + 1] rows of way_p: the ways that a draw can go
    way_p: NDArray[np.float64]
    joint_ptr: NDArray[np.int32]  # [n_x + 1] rows of joint_x
    joint_x: NDArray[np.int32]  # by what all draws say: first draw slowest, "nothing" before ways
    slip: float
    slip32: np.float32
    stay: bool
    n_actions: int


class LocalLevel(NamedTuple):
    """One level, and where movers walk on it."""

    neighbour: NDArray[np.int32]
    slot: NDArray[np.int32]
    distance: NDArray[np.int32]
    start: int
    walk_n: NDArray[np.int32]  # [M, C, C] ways of a mover, by its cell and the agent's
    walk_to: NDArray[np.int32]  # [M, C, C, 5] cells, to stay first
    walk_p: NDArray[np.float64]
    walk_p32: NDArray[np.float32]


class LocalRules:
    """A local world by the rules of an environment, on the structure of another or the same.

    Attributes:
        arrays: what kernels take.
        walks: how each mover walks, and with what chance.
    """

    def __init__(self, arrays: Local, walks: tuple[tuple[str, float], ...]) -> None:
        self.arrays = arrays
        self.walks = walks
        self._walked: dict[bytes, tuple[NDArray[Any], ...]] = {}

    def on(
        self,
        neighbour: NDArray[np.int32],
        slot: NDArray[np.int32],
        distance: NDArray[np.int32],
        start: int,
    ) -> LocalLevel:
        """A level, with the walks of movers on it."""
        key = neighbour.tobytes()
        found = self._walked.get(key)
        if found is None:
            found = walk_tables(self.walks, neighbour, distance)
            # A maze has other passages on every level.
            if (len(self._walked) + 1) * sum(array.nbytes for array in found) > _KEPT:
                self._walked.clear()
            self._walked[key] = found
        return LocalLevel(neighbour, slot, distance, start, *found)


def walk_tables(
    walks: Sequence[tuple[str, float]],
    neighbour: NDArray[np.int32],
    distance: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float32]]:
    """Where movers walk, by their cell and the agent's: ``walk_n``, ``walk_to``, ``walk_p`` twice.

    Args:
        walks: of each mover how it walks (random, toward, away) and with what chance.
        neighbour, distance: of a level.
    """
    n = len(neighbour)
    to = np.zeros((len(walks), n, n, _WAYS), np.int32)
    p = np.zeros((len(walks), n, n, _WAYS))
    to[..., 0] = np.arange(n)[:, None]
    to[..., 1:] = neighbour[:, None, :]
    for m, (how, chance) in enumerate(walks):
        wanted = np.ones((n, n, 4), np.bool_)  # of the cell, the agent's cell, the direction
        if how != "random":
            nearer = distance[neighbour].transpose(0, 2, 1) - distance[:, :, None]
            wanted = (distance >= 0)[:, :, None] & (nearer == (-1 if how == "toward" else 1))
        number = wanted.sum(-1)
        # A mover on the agent's cell waits to be met.
        walking = (number > 0) & ~np.eye(n, dtype=np.bool_)
        share = np.where(walking, chance / np.maximum(number, 1), 0.0)
        p[m, :, :, 0] = np.where(walking, 1.0 - chance, 1.0)
        for a in range(4):
            # Ways to the same cell are one way, as often as there are: a blocked one is to stay.
            first = np.full(n, a + 1)
            for b in range(a, -1, -1):
                same = to[m, :, 0, b] == to[m, :, 0, a + 1]
                first = np.where(same, b, first)
            for b in range(a + 2):
                p[m, :, :, b] += np.where(
                    (first == b)[:, None] & wanted[:, :, a] & walking, share, 0.0
                )
    # What is possible comes first, in its order.
    order = np.argsort(p == 0.0, axis=-1, kind="stable")
    to, p = np.take_along_axis(to, order, -1), np.take_along_axis(p, order, -1)
    found = ((p > 0.0).sum(-1).astype(np.int32), to, p, p.astype(np.float32))
    for array in found:
        array.flags.writeable = False
    return found


def compile_local(
    c: Compiler,
    *,
    events: Mapping[str, int],
    live: Sequence[int],
    observed: Sequence[int],
    dead: Sequence[bool],
    starts: Outcomes,
) -> LocalRules:
    """The tables of a local world.

    Args:
        c: its rules, on its structure.
        events: event name -> event number.
        live: the x at which decisions are planned.
        observed: [n_x] the x that a mind takes x for.
        dead: [n_x] whether x is fatal.
        starts: where lives begin.

    Raises:
        EvosimError: a mover can vanish by the rules, and has no place for it in the structure; a
            field is on a grid of another size.
    """
    rules, structure = c.rules, c.structure
    rows = _Rows(c)

    def none(n: int) -> NDArray[np.int32]:
        return np.full((n, c.n_x), -1, np.int32)

    site_use, site_enter, site_here = (none(len(structure.slots)) for _ in range(3))
    for s, slot in enumerate(structure.slots):
        kind = rules.kinds.get(slot.kind)
        if kind is None:
            continue
        own = None
        if slot.ordinal >= 0 and kind.regrow is not None:
            own = c.index[f"{slot.kind}[{slot.ordinal}]"]
        sets = {} if own is None else {own: 0}
        use = {f"{slot.kind}.{name}": rule for name, rule in kind.use.items()}
        enter = {f"{slot.kind}.enter.{name}": rule for name, rule in kind.enter.items()}
        for found, tried in ((site_use, use), (site_enter, enter)):
            for x, values in enumerate(c.values):
                if own is None or values[own] == 1:
                    found[s, x] = rows.first(tried, events, values, sets)
        if kind.here is not None:
            condition = c.condition(kind.here.when)
            holds = [c.holds(condition, values) for values in c.values]
            site_here[s, holds] = events[f"{slot.kind}.here"]

    n_cells = len(structure.layout.free)
    walkers = [
        (f"{name}[{i}]", name)
        for name in structure.movers
        for i in range(structure.movers_of(name))
    ]
    meet, mover_use = none(len(walkers)), none(len(walkers))
    for m, (walker, name) in enumerate(walkers):
        mover, own = rules.movers.get(name), c.index[walker]
        if mover is None:
            continue
        if mover.vanishes and c.sizes[own] == n_cells:
            raise EvosimError(
                f"mover {name!r} can vanish in {rules.name!r} and not in {structure.name!r}: "
                "minds of one cannot live in the other"
            )
        for found, how in ((meet, "meet"), (mover_use, "use")):
            named = {f"{name}.{how}.{n}": rule for n, rule in getattr(mover, how).items()}
            for x, values in enumerate(c.values):
                if values[own] < n_cells:
                    found[m, x] = rows.first(named, events, values, {}, gone=(own, n_cells))

    always = [
        (events[f"always.{name}"], c.condition(rule.when)) for name, rule in rules.always.items()
    ]
    always_rows = [[e for e, cond in always if c.holds(cond, values)] for values in c.values]

    field_event = np.full((len(rules.fields), n_cells), -1, np.int32)
    field_on = np.zeros((len(rules.fields), c.n_x), np.uint8)
    for g, (name, field) in enumerate(rules.fields.items()):
        grids = [(w.layout.rows, w.layout.cols, w.edges) for w in (rules, structure)]
        if grids[0] != grids[1]:
            raise EvosimError(
                f"field {name!r} of {rules.name!r} is on another grid than that of "
                f"{structure.name!r}: minds of one cannot live in the other"
            )
        for cell, place in enumerate(structure.layout.free):
            if strength := rules.strength(name, place):
                field_event[g, cell] = events[field_event_name(name, strength)]
        condition = c.condition(field.when)
        field_on[g] = [c.holds(condition, values) for values in c.values]

    chance = _Chance(c)
    drift_rows, joint_rows, draw_rows = [], [], []
    for values in c.values:
        sources = chance.sources(values)
        joint = list(chance.joint(values, sources))
        joint_rows.append([x for x, _ in joint])
        drift_rows.append(c.merge((x, p) for x, p in joint if not dead[x]))
        draw_rows.append([(slot, [p for p, _ in ways]) for slot, ways in sources])
    draws = [one for row in draw_rows for one in row]
    drift_flat = [pair for row in drift_rows for pair in row]

    arrays = Local(
        live=_frozen(live, np.int32),
        middle=_frozen([x for x in range(c.n_x) if observed[x] == x], np.int32),
        dead=_frozen(dead, np.uint8),
        start_x=_frozen([x for x, _ in starts], np.int32),
        start_p=_frozen([p for _, p in starts], np.float64),
        site_use=site_use,
        site_enter=site_enter,
        site_here=site_here,
        stride=_frozen([c.strides[c.index[walker]] for walker, _ in walkers], np.int32),
        places=_frozen([c.sizes[c.index[walker]] for walker, _ in walkers], np.int32),
        walk_slot=_frozen([_DRIFT + c.index[walker] for walker, _ in walkers], np.int32),
        meet=meet,
        mover_use=mover_use,
        meet_slot=_DRIFT + len(c.names) + len(rules.happens),
        row_event=_frozen(rows.event, np.int32),
        row_ends=_frozen(rows.ends, np.float64),
        row_ptr=_pointers([len(row) for row in rows.outcomes]),
        row_x=_frozen([x for row in rows.outcomes for x, _ in row], np.int32),
        row_p=_frozen([p for row in rows.outcomes for _, p in row], np.float64),
        row_p32=_frozen(
            [
                p * (1.0 - ends)
                for row, ends in zip(rows.outcomes, rows.ends, strict=True)
                for _, p in row
            ],
            np.float32,
        ),
        always_ptr=_pointers([len(row) for row in always_rows]),
        always_event=_frozen([e for row in always_rows for e in row], np.int32),
        field_event=field_event,
        field_on=field_on,
        drift_ptr=_pointers([len(row) for row in drift_rows]),
        drift_x=_frozen([x for x, _ in drift_flat], np.int32),
        drift_p=_frozen([p for _, p in drift_flat], np.float64),
        drift_p32=_frozen([p for _, p in drift_flat], np.float32),
        draw_ptr=_pointers([len(row) for row in draw_rows]),
        draw_slot=_frozen([slot for slot, _ in draws], np.int32),
        way_ptr=_pointers([len(ways) for _, ways in draws]),
        way_p=_frozen([p for _, ways in draws for p in ways], np.float64),
        joint_ptr=_pointers([len(row) for row in joint_rows]),
        joint_x=_frozen([x for row in joint_rows for x in row], np.int32),
        slip=float(rules.slip),
        slip32=np.float32(rules.slip),
        stay=bool(structure.stay),
        n_actions=6 if structure.stay else 5,
    )
    walks = tuple(
        (rules.movers[name].walks, rules.movers[name].chance)
        if name in rules.movers
        else ("random", 0.0)
        for _, name in walkers
    )
    return LocalRules(arrays, walks)


def field_event_name(name: str, strength: float) -> str:
    """The name of the event of a field at one of its strengths."""
    return f"field.{name}@{strength:g}"


def movers_begin(world: World) -> dict[str, list[float]]:
    """The weights of where each mover begins, by its variable (docs/model.md, 1, movers)."""
    number = {cell: i for i, cell in enumerate(world.layout.free)}
    sizes = {variable.name: variable.values for variable in world.state_variables}
    found: dict[str, list[float]] = {}
    for name in world.movers:
        on_map = [(number[r, col],) for r, col, n in world.layout.movers if n == name]
        cells = [*on_map, *itertools.repeat(begins(world, name), world.movers[name].count)]
        for i, some in enumerate(cells):
            walker = f"{name}[{i}]"
            found[walker] = [float(value in some) for value in range(sizes[walker])]
    return found


class _Rows:
    """Rules where they fire: their events, chances of an end, and where they lead."""

    def __init__(self, c: Compiler) -> None:
        self.c = c
        self.event: list[int] = []
        self.ends: list[float] = []
        self.outcomes: list[Outcomes] = []
        self._conditions: dict[int, Condition] = {}

    def first(
        self,
        rules: Mapping[str, Rule | MoverRule],
        events: Mapping[str, int],
        values: Sequence[int],
        sets: Mapping[int, int],
        gone: tuple[int, int] | None = None,
    ) -> int:
        """The row of the first of the rules that holds, a new one; -1 where none does.

        Args:
            sets: variables that it sets beside those that the rule names, and to what.
            gone: the variable of the mover, and what vanishing sets it to.
        """
        for name, rule in rules.items():
            condition = self._conditions.get(id(rule))
            if condition is None:
                condition = self._conditions[id(rule)] = self.c.condition(rule.when)
            if not self.c.holds(condition, values):
                continue
            if gone is not None and getattr(rule, "vanishes", False):
                sets = dict([gone])
            self.event.append(events[name])
            self.ends.append(rule.ends)
            self.outcomes.append(self.c.apply(rule, values, sets))
            return len(self.event) - 1
        return -1


# What a way that chance can go does to values: of a happening, or of one variable's drift.
Way = tuple[float, Mapping[int, int], Mapping[int, int]]  # chance, sets, adds


class _Chance:
    """What chance does between two actions: happenings, then drifts (docs/model.md, 1, drift)."""

    def __init__(self, c: Compiler) -> None:
        self.c = c
        self.happens = [
            (_DRIFT + len(c.names) + h, c.condition(happening.when), self._ways(happening))
            for h, happening in enumerate(c.rules.happens.values())
        ]
        self.drifts: list[tuple[int, list[tuple[Condition, Way]]]] = []
        for i in range(len(c.names)):
            moves: list[tuple[Condition, Way]] = [
                (cond, (p, {}, {i: step})) for v, step, p, cond in c.drifts if v == i
            ]
            if moves:
                self.drifts.append((_DRIFT + i, moves))

    def _ways(self, happening: Happening) -> list[Way]:
        weighted = []
        for i, name in enumerate(self.c.names):
            if name in happening.set:
                given = happening.set[name]
                if isinstance(given, int):
                    weighted.append([(i, given, 1.0)])
                else:
                    total = math.fsum(given)
                    weighted.append([(i, v, w / total) for v, w in enumerate(given) if w > 0])
        adds = {self.c.index[name]: amount for name, amount in happening.add.items()}
        ways: list[Way] = []
        for chosen in itertools.product(*weighted):
            p = happening.chance
            for _, _, q in chosen:
                p *= q
            ways.append((p, {i: v for i, v, _ in chosen}, adds))
        return ways

    def sources(self, values: Sequence[int]) -> list[tuple[int, list[tuple[float, Way]]]]:
        """The draws that matter at some values: their slots, and the ways that each can go."""
        found = [
            (slot, [(way[0], way) for way in ways])
            for slot, condition, ways in self.happens
            if self.c.holds(condition, values)
        ]
        for slot, moves in self.drifts:
            ways = [(way[0], way) for cond, way in moves if self.c.holds(cond, values)]
            if ways:
                found.append((slot, ways))
        return found

    def joint(
        self, values: Sequence[int], sources: Sequence[tuple[int, list[tuple[float, Way]]]]
    ) -> Iterator[tuple[int, float]]:
        """Where all draws together lead, and with what chance; fatal and impossible ones too."""
        options: list[list[tuple[float, Way | None]]] = []
        for _, ways in sources:
            rest = 1.0
            for p, _ in ways:
                rest -= p
            options.append([(max(rest, 0.0), None), *ways])
        for chosen in itertools.product(*options):
            after, p = list(values), 1.0
            for q, way in chosen:
                p *= q
                if way is not None:
                    for i, value in way[1].items():
                        after[i] = value
                    for i, amount in way[2].items():
                        after[i] = self.c.moved(after, i, amount)
            yield self.c.x_of(self.c.observed(after)), p


def _frozen(values: Sequence[Any], dtype: type[np.generic]) -> NDArray[Any]:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def _pointers(lengths: Sequence[int]) -> NDArray[np.int32]:
    pointers = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=pointers[1:])
    pointers.flags.writeable = False
    return pointers
