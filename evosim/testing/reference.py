"""The slow readable twin of the kernels: docs/model.md, one agent at a time.

Plain Python and numpy over the :class:`~evosim.scenario.World` that the user wrote and the plain
arrays of one level. Nothing here is shared with the compiled tables or the kernels, so that a
test which holds the two equal tests both. Planning is float32 in a fixed order of operations,
stated where it happens; measuring (``expectation``, ``optimum``) is float64.

A state is (x, cell): ``x`` is the mixed-radix index of the variables, the first one slowest, and
``cell`` numbers the free cells. One step of a lifetime (model 1) is

    action (with slip) -> effects of a use or of arriving, stimuli, payoffs -> `ends`
    -> movers walk -> movers are met -> `always`, `here`, novelty, fields
    -> happenings, drift -> fatal check

and the state between the action and the drift is called ``mid`` below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.scenario import Always, Ground, Here, Mover, MoverRule, Rule, Table, World

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Values = tuple[int, ...]
"""One value for each state variable, in order."""

DIRECTIONS = ("north", "south", "west", "east")


class Level(NamedTuple):
    """One level as plain arrays; C free cells.

    Attributes:
        neighbour: int [C, 4], the cell that a move north, south, west, east leads to; a blocked
            move names its own cell.
        slot: int [C], index into ``World.slots`` of the site on the cell, -1 for none.
        start: the cell on which a lifetime starts.
        distance: int [C, C], shortest paths in moves, -1 for unreachable.
    """

    neighbour: NDArray[np.integer]
    slot: NDArray[np.integer]
    start: int
    distance: NDArray[np.integer]


class Mind(NamedTuple):
    """One agent's phenotype: a row of :class:`evosim.mind.Minds`.

    Attributes:
        weights: float32 [F], the drives over stimuli then payoffs (payoffs weigh 0 in a mind
            that evolved).
        novelty: the drive for novelty.
        depth: exact backups before the choice.
        patience: discount gamma.
        temperature: 0 for greedy, tau of the softmax otherwise.
        senses: bit i is set where the i-th hidden variable is seen.
        criteria: float32 [F], the tool's weights of looks; not read at reliance 0.
        tool_depth: the tool's own depth.
        reliance: share of the tool in the values of actions.
        credence: chance that it gives the hidden variable to be 1 if it does not see it; None: it
            assumes a value.
        later: float32 [K, F], the drives after 1 .. K corrections; None: it cannot be corrected.
        anticipation: float32 [4], shares of the ways to count what comes after a correction:
            realistic, ignorant, self-centred, hedonistic; not read where nothing corrects.
    """

    weights: Float32
    novelty: np.float32
    depth: int
    patience: np.float32
    temperature: np.float32
    senses: int
    criteria: Float32 | None = None
    tool_depth: int = 0
    reliance: np.float32 = np.float32(0)
    credence: float | None = None
    later: Float32 | None = None
    anticipation: Float32 | None = None
    rho: np.float32 = np.float32(0)


class Legacy(NamedTuple):
    """What lives leave to their copies, and what it weighs in a plan (model 2, copies).

    Attributes:
        variable: the boon.
        when: what must hold of the variables with which a life ends.
        weight: what to leave a boon is worth to a mind when the step begins that ends its life.
    """

    variable: str
    when: Mapping[str, int | Sequence[int]]
    weight: np.float32 = np.float32(0)

    def left(
        self, world: ReferenceWorld, outcomes: Iterable[tuple[float, int]], blind: Mapping[str, int]
    ) -> float:
        """The chance that one of some outcomes (p, x) leaves a boon, to a mind that sees x so."""
        seen = ((p, world.values(world.view(x, blind))) for p, x in outcomes)
        return sum(p for p, v in seen if _holds(self.when, dict(zip(world.names, v, strict=True))))

    def by_use(self, world: ReferenceWorld, slot: int, x: int, blind: Mapping[str, int]) -> float:
        """The chance that a use ends the life and leaves a boon."""
        fired = world.fires(slot, x)
        if fired is None:
            return 0.0
        mids = _merge((p, world.view(mid, blind)) for p, mid in world.outcomes(slot, x))
        return fired[1].ends * self.left(world, mids, blind)

    def by_death(self, world: ReferenceWorld, mid: int, blind: Mapping[str, int]) -> float:
        """The chance that drift out of x_mid is fatal and leaves a boon."""
        return self.left(world, [(p, x) for p, x in world.drift(mid, blind) if world.fatal(x)], {})

    def births(self, world: ReferenceWorld, boon: int) -> list[tuple[float, int]]:
        """P(x) at birth of lives that begin with the boon (1) or without it (0)."""
        own = world.names.index(self.variable)
        those = [(p, x) for p, x in world.start() if world.values(x)[own] == boon]
        total = sum(p for p, _ in those)
        return [(p / total, x) for p, x in those]


class Event(NamedTuple):
    """What can be felt or paid: a rule, a kind's ``here``, an ``always`` rule, or a field at one
    of its strengths, by which what is felt and paid is multiplied."""

    name: str
    source: Rule | Here | Always | Ground
    strength: float = 1.0


class Fired(NamedTuple):
    """A rule that fires: its event, and the variables it sets beside those that it names (the
    site that it empties, the mover that vanishes)."""

    event: int
    rule: Rule
    sets: Mapping[str, int]


class ReferenceWorld:
    """The rules of a world over the state variables and sites of a world.

    The two are the same world but for beliefs (model 2): an agent plans by the rules, stimuli and
    drift of the environment that it believes in, on the sites and with the variables of the one
    that it lives in. There, kinds that its beliefs do not know are inert, and variables that they
    do not know stand still.

    Args:
        world: whose rules, stimuli, payoffs, drift, slip and lifetime.
        stimuli: names of the features felt, S of them.
        payoffs: names of the features paid, P of them.
        looks: names of the surface cues of kinds, K of them; F = S + P + K.
        structure: whose variables, slots and actions; ``world`` itself where None.
    """

    def __init__(
        self,
        world: World,
        stimuli: Sequence[str],
        payoffs: Sequence[str],
        looks: Sequence[str] = (),
        *,
        structure: World | None = None,
    ) -> None:
        lived = world if structure is None else structure
        self.world = world
        self.lived = lived
        self.names = tuple(v.name for v in lived.state_variables)
        self.sizes = tuple(v.values for v in lived.state_variables)
        self.n_x = math.prod(self.sizes)
        self.slots = tuple(lived.slots)
        self.actions = (*DIRECTIONS, *(("stay",) if lived.stay else ()), "use")
        self.n_actions = len(self.actions)
        self.hidden = tuple(name for name, v in lived.variables.items() if v.hidden)

        self.events: list[Event] = []
        for kind_name, kind in world.kinds.items():
            for rule_name, rule in kind.use.items():
                self.events.append(Event(f"{kind_name}.{rule_name}", rule))
            for rule_name, rule in kind.enter.items():
                self.events.append(Event(f"{kind_name}.enter.{rule_name}", rule))
            if kind.here is not None:
                self.events.append(Event(f"{kind_name}.here", kind.here))
        for name, always in world.always.items():
            self.events.append(Event(f"always.{name}", always))
        for mover_name, mover in world.movers.items():
            for how, rules in (("meet", mover.meet), ("use", mover.use)):
                for rule_name, rule in rules.items():
                    self.events.append(Event(f"{mover_name}.{how}.{rule_name}", rule))
        everywhere = [(r, c) for r in range(world.layout.rows) for c in range(world.layout.cols)]
        for name, field in world.fields.items():
            strengths = {self._strength(field, *cell, world) for cell in everywhere} - {0.0}
            for strength in sorted(strengths, reverse=True):
                self.events.append(Event(f"field.{name}@{strength:g}", field, strength))
        self.number = {event.name: e for e, event in enumerate(self.events)}
        self.phi = np.zeros((len(self.events), len(stimuli) + len(payoffs) + len(looks)))
        for e, (name, source, strength) in enumerate(self.events):
            for s, stimulus in enumerate(stimuli):
                self.phi[e, s] = strength * source.feels.get(stimulus, 0.0)
            for p, payoff in enumerate(payoffs):
                self.phi[e, len(stimuli) + p] = strength * source.yields.get(payoff, 0.0)
            thing, _, rest = name.partition(".")
            if thing in world.kinds and rest in world.kinds[thing].use:
                look = world.kinds[thing].looks
                self.phi[e, self.phi.shape[1] - len(looks) :] = [look.get(n, 0.0) for n in looks]

        self.walkers = tuple(
            (f"{name}[{i}]", name)
            for name in lived.movers
            for i in range(
                sum(n == name for *_, n in lived.layout.movers) + lived.movers[name].count
            )
        )
        self.n_cells = len(lived.layout.free)
        self.local = world.local
        self._fires: dict[tuple[int, int], tuple[int, Rule] | None] = {}
        self._outcomes: dict[tuple[int, int], list[tuple[float, int]]] = {}
        self._drift: dict[tuple[int, frozenset[str]], list[tuple[float, int]]] = {}

    # ------------------------------------------------------------------ states

    def values(self, x: int) -> Values:
        """The value of each state variable in ``x``."""
        digits = []
        for size in reversed(self.sizes):
            x, digit = divmod(x, size)
            digits.append(digit)
        return tuple(reversed(digits))

    def index(self, values: Iterable[int]) -> int:
        """The x of these values: the inverse of :meth:`values`."""
        x = 0
        for size, value in zip(self.sizes, values, strict=True):
            x = x * size + value
        return x

    def start(self) -> list[tuple[float, int]]:
        """P(x) at the start of a lifetime: (probability, x) in order of x, none of them 0."""
        outcomes: list[tuple[float, Values]] = [(1.0, ())]
        for name, size in zip(self.names, self.sizes, strict=True):
            if name in self.lived.variables:
                chances = _weights(self.lived.variables[name].start, size)
            elif name in dict(self.walkers):
                chances = self._begins(name, size)
            else:
                chances = _weights(1, size)  # every site starts full
            outcomes = [(p * q, (*vs, v)) for p, vs in outcomes for v, q in enumerate(chances)]
        return [(p, self.index(values)) for p, values in outcomes if p > 0]

    def _begins(self, walker: str, size: int) -> list[float]:
        """P(cell) where a mover begins: its cell of the map, or any of its region."""
        name, layout = dict(self.walkers)[walker], self.lived.layout
        on_map = [layout.free.index((r, c)) for r, c, n in layout.movers if n == name]
        ordinal = int(walker.rpartition("[")[2][:-1])
        if ordinal < len(on_map):
            return _weights(on_map[ordinal], size)
        region = self.lived.movers[name].region
        can = [
            region is None
            or (_in(r, region.rows) and _in(c, region.cols))
            for r, c in layout.free
        ]  # fmt: skip
        return _weights([float(i < len(can) and can[i]) for i in range(size)], size)

    def fatal(self, x: int) -> bool:
        """Whether a variable stands at a fatal value."""
        for name, value in zip(self.names, self.values(x), strict=True):
            declared = self.world.variables.get(name)
            if declared is not None and declared.fatal is not None and _in(value, declared.fatal):
                return True
        return False

    def blind_to(self, mind: Mind) -> dict[str, int]:
        """The hidden variables that this mind has no sense for, and where it assumes them."""
        blind = {}
        for bit, name in enumerate(self.hidden):
            if not mind.senses >> bit & 1 and mind.credence is None:
                believed = self.world.variables.get(name)
                assume = None if believed is None else believed.assume
                if assume is None:
                    assume = self.lived.variables[name].assume
                assert assume is not None  # every hidden variable has one
                blind[name] = assume
        return blind

    def unsure_of(self, mind: Mind) -> str | None:
        """The hidden variable that this mind neither sees nor assumes at a value."""
        if mind.credence is None or mind.senses & 1:
            return None
        (name,) = self.hidden  # which alone can be uncertain
        return name

    def with_value(self, x: int, name: str, value: int) -> int:
        """``x`` with another value of one variable."""
        return self.view(x, {name: value})

    def punishment(self, slot: int, x: int) -> float:
        """The chance that a use is punished where the hidden variable is 1; 0 where that is all
        the same as where it is 0 (model 2, credence)."""
        if self.world.counting("unpunished") is None:
            return 0.0
        (name,) = self.hidden
        fired = [self.fires(slot, self.with_value(x, name, value)) for value in (0, 1)]
        harms = [(0.0, 0.0) if f is None else (f[1].ends, f[1].corrects) for f in fired]
        spared = (1.0 - harms[1][0]) * (1.0 - harms[1][1])
        return 0.0 if harms[0] == harms[1] else 1.0 - spared

    @cached_property
    def punished(self) -> float:
        """The chance that acts are punished which can be: there is one for all."""
        slots = range(len(self.slots))
        return max((self.punishment(s, x) for s in slots for x in range(self.n_x)), default=0.0)

    def _sets(self, slot: int, x: int) -> dict[str, int]:
        """What a use of a slot's site sets beside what its rule names: the site is emptied, and
        an act that could have been punished was not."""
        fullness, counter = self.fullness(slot), self.world.counting("unpunished")
        sets = {} if fullness is None else {fullness: 0}
        if counter is not None and self.punishment(slot, x) > 0:
            count, size = self.values(x)[self.names.index(counter)], self.world.variables[counter]
            caught = size.values - 1
            sets[counter] = caught if count == caught else min(count + 1, caught - 1)
        return sets

    def view(self, x: int, blind: Mapping[str, int]) -> int:
        """``x`` as an agent sees it that takes the blind variables for what it assumes."""
        seen = zip(self.names, self.values(x), strict=True)
        return self.index(blind.get(name, value) for name, value in seen)

    # ------------------------------------------------------------------ the four parts of a step

    def moves(self, level: Level, cell: int, direction: int) -> list[tuple[float, int]]:
        """P(cell' | cell, a move): the intended direction, or with ``slip`` any of the four."""
        slip = self.world.slip
        meant = [(1.0 - slip, int(level.neighbour[cell, direction]))]
        slipped = [(slip * 0.25, int(level.neighbour[cell, d])) for d in range(4)]
        return _merge(meant + slipped)

    def fires(self, slot: int, x: int) -> tuple[int, Rule] | None:
        """The event and rule of a use of this slot's site, or None where the step is wasted."""
        if slot < 0:
            return None
        if (slot, x) not in self._fires:
            self._fires[slot, x] = self._first_rule(slot, x)
        return self._fires[slot, x]

    def _first_rule(self, slot: int, x: int) -> tuple[int, Rule] | None:
        kind = self.world.kinds.get(self.slots[slot].kind)
        if kind is None:
            return None  # inert in this agent's beliefs
        state = dict(zip(self.names, self.values(x), strict=True))
        fullness = self.fullness(slot)
        if fullness is not None and state[fullness] == 0:
            return None
        for name, rule in kind.use.items():
            if _holds(rule.when, state):
                return self.number[f"{self.slots[slot].kind}.{name}"], rule
        return None

    def used(self, level: Level, x: int, cell: int) -> Fired | None:
        """What a use on a cell fires: the site's rule, else that of the first mover there."""
        slot = int(level.slot[cell])
        if fired := self.fires(slot, x):
            return Fired(*fired, self._sets(slot, x))
        state = dict(zip(self.names, self.values(x), strict=True))
        for walker, name in self.walkers:
            fired_by = self._of_mover(walker, name, "use", state)
            if state[walker] == cell and fired_by is not None:
                return fired_by
        return None

    def entered(self, level: Level, x: int, cell: int) -> Fired | None:
        """What arriving on a cell by a move fires."""
        slot = int(level.slot[cell])
        kind = None if slot < 0 else self.world.kinds.get(self.slots[slot].kind)
        if kind is None:
            return None
        state = dict(zip(self.names, self.values(x), strict=True))
        fullness = self.fullness(slot)
        if fullness is not None and state[fullness] == 0:
            return None
        for name, rule in kind.enter.items():
            if _holds(rule.when, state):
                event = self.number[f"{self.slots[slot].kind}.enter.{name}"]
                return Fired(event, rule, {} if fullness is None else {fullness: 0})
        return None

    def met(self, x: int, cell: int, i: int) -> Fired | None:
        """What meeting mover i fires, where it is on the cell."""
        walker, name = self.walkers[i]
        state = dict(zip(self.names, self.values(x), strict=True))
        return self._of_mover(walker, name, "meet", state) if state[walker] == cell else None

    def _of_mover(self, walker: str, name: str, how: str, state: Mapping[str, int]) -> Fired | None:
        mover = self.world.movers.get(name)
        rules: Mapping[str, MoverRule] = {} if mover is None else getattr(mover, how)
        for rule_name, rule in rules.items():
            if _holds(rule.when, state):
                event = self.number[f"{name}.{how}.{rule_name}"]
                return Fired(event, rule, {walker: self.n_cells} if rule.vanishes else {})
        return None

    def walks(self, level: Level, x: int, cell: int, i: int) -> list[tuple[float, int]]:
        """P(x' | x): the walk of mover i while the agent is on the cell; to stay comes first."""
        walker, name = self.walkers[i]
        mover: Mover | None = self.world.movers.get(name)
        state = dict(zip(self.names, self.values(x), strict=True))
        at = state[walker]
        if mover is None or at in (cell, self.n_cells):
            return [(1.0, x)]
        ways = [int(level.neighbour[at, a]) for a in range(4)]
        if mover.walks != "random":
            far = int(level.distance[at, cell])
            nearer = [int(level.distance[way, cell]) - far for way in ways]
            wanted = -1 if mover.walks == "toward" else 1
            ways = [way for way, d in zip(ways, nearer, strict=True) if far >= 0 and d == wanted]
        if not ways:
            return [(1.0, x)]
        share = mover.chance / len(ways)
        to = {at: 1.0 - mover.chance}
        for way in ways:
            to[way] = to.get(way, 0.0) + share
        return [(p, self.index({**state, walker: c}.values())) for c, p in to.items() if p > 0]

    def fullness(self, slot: int) -> str | None:
        """The variable that says whether this slot's site is full, where it empties at all."""
        kind, ordinal = self.slots[slot]
        if ordinal < 0 or kind not in self.world.kinds or self.world.kinds[kind].regrow is None:
            return None
        return f"{kind}[{ordinal}]"

    def outcomes(self, slot: int, x: int) -> list[tuple[float, int]]:
        """P(mid | x, the use that fires): every outcome of the weighted ``set``, in order.

        The product over the weighted variables in order of declaration, the first slowest;
        equal outcomes are merged into the first, those of weight 0 left out.
        """
        if (slot, x) not in self._outcomes:
            self._outcomes[slot, x] = self._use(slot, x)
        return self._outcomes[slot, x]

    def _use(self, slot: int, x: int) -> list[tuple[float, int]]:
        fired = self.fires(slot, x)
        assert fired is not None, "nothing fires here"
        return self.results(fired[1], self._sets(slot, x), x)

    def results(self, rule: Rule, sets: Mapping[str, int], x: int) -> list[tuple[float, int]]:
        """P(mid | x, a rule that fires), as :meth:`outcomes` has them.

        Args:
            sets: what is set beside the variables that the rule names.
        """
        outcomes: list[tuple[float, Values, bool]] = [(1.0, (), False)]  # and whether corrected
        for name, size, value in zip(self.names, self.sizes, self.values(x), strict=True):
            if name == self.world.counting("corrections"):
                more = _clamp(value + 1, size)
                ways = [(1.0 - rule.corrects, value, False), (rule.corrects, more, True)]
                outcomes = [
                    (p * q, (*values, v), corrected)
                    for p, values, _ in outcomes
                    for q, v, corrected in ways
                    if q > 0
                ]
                continue
            chances = [0.0] * size
            if name in sets:
                chances[sets[name]] = 1.0
            elif name in rule.set:
                chances = _weights(rule.set[name], size)
            else:
                chances[value] = 1.0
            add = rule.add.get(name, 0)
            outcomes = [
                (p * q, (*values, _clamp(v + add, size)), corrected)
                for p, values, corrected in outcomes
                for v, q in enumerate(chances)
                if q > 0
            ]
        counter = self.world.counting("unpunished")
        after = []
        for p, values, corrected in outcomes:
            end = self.index(values)
            # Who is corrected for an act that might have gone unpunished has been caught.
            if corrected and counter is not None and counter in sets:
                end = self.with_value(end, counter, self.world.variables[counter].values - 1)
            after.append((p, end))
        return _merge(after)

    def felt(self, level: Level, mid: int, cell: int) -> list[int]:
        """The events of a step that ends in (mid, cell): ``always`` in order, ``here``, fields."""
        here = self.here(level, cell, mid)
        on_site = [] if here is None else [here]
        return [*self.always(mid), *on_site, *self.ground(mid, cell)]

    def always(self, mid: int) -> list[int]:
        """The events of the ``always`` rules that hold in ``mid``, in order."""
        state = dict(zip(self.names, self.values(mid), strict=True))
        return [
            self.number[f"always.{name}"]
            for name, always in self.world.always.items()
            if _holds(always.when, state)
        ]

    def here(self, level: Level, cell: int, mid: int) -> int | None:
        """The event of being on a cell, whether its site is full or empty."""
        slot = int(level.slot[cell])
        kind = None if slot < 0 else self.world.kinds.get(self.slots[slot].kind)
        if kind is None or kind.here is None:
            return None
        state = dict(zip(self.names, self.values(mid), strict=True))
        holds = _holds(kind.here.when, state)
        return self.number[f"{self.slots[slot].kind}.here"] if holds else None

    def ground(self, mid: int, cell: int) -> list[int]:
        """The events of the fields that hold in ``mid`` and are not 0 on the cell, in order."""
        state = dict(zip(self.names, self.values(mid), strict=True))
        place = self.lived.layout.free[cell]
        return [
            self.number[f"field.{name}@{strength:g}"]
            for name, field in self.world.fields.items()
            if _holds(field.when, state)
            and (strength := self._strength(field, *place, self.lived)) > 0
        ]

    def _strength(self, field: Ground, row: int, col: int, world: World) -> float:
        """The strength of a field on a cell (model 1, fields)."""
        if field.map is not None:
            lines = [line.strip() for line in field.map.strip().splitlines()]
            digit = lines[row][col]
            return float(digit) if digit.isdigit() else 0.0
        rows, cols = (
            ((field.point[0],) * 2, (field.point[1],) * 2)
            if field.point is not None
            else (field.region.rows, field.region.cols)  # type: ignore[union-attr]
        )
        d = min(
            _apart(row, r, world.layout.rows, world.edges == "torus")
            + _apart(col, c, world.layout.cols, world.edges == "torus")
            for r in range(rows[0], rows[1] + 1)
            for c in range(cols[0], cols[1] + 1)
        )
        if field.falls == "none":
            return 1.0 if d <= field.reach else 0.0
        share = d / field.reach
        laws = {"linear": max(0.0, 1 - share), "inverse": 1 / (1 + share)}
        return round(laws.get(field.falls, math.exp(-share)), 6)

    def drifts_of(self, name: str, value: int, state: Mapping[str, int]) -> list[tuple[float, int]]:
        """What a variable that is at ``value`` drifts to, if it drifts out of ``state``: the
        chance of each way and the value it then has."""
        size = self.sizes[self.names.index(name)]
        if name in self.lived.variables:
            declared = self.world.variables.get(name)
            return [
                (drift.chance, _clamp(value + drift.step, size))
                for drift in (() if declared is None else declared.drifts)
                if _holds(drift.when, state)
            ]
        kind = self.world.kinds.get(name.rpartition("[")[0])
        return [] if kind is None or kind.regrow is None else [(kind.regrow, 1)]

    def happenings(self, state: Mapping[str, int]) -> list[list[tuple[float, Rule]]]:
        """What may happen by chance in ``state``: the outcomes of each happening that may, with
        the chance of each, as rules that set values."""
        found = []
        for happening in self.world.happens.values():
            if not _holds(happening.when, state):
                continue
            ways: list[tuple[float, dict[str, int | tuple[float, ...]]]] = [(happening.chance, {})]
            for name in self.names:
                if name in happening.set:
                    chances = _weights(happening.set[name], self.sizes[self.names.index(name)])
                    ways = [
                        (p * q, {**sets, name: v})
                        for p, sets in ways
                        for v, q in enumerate(chances)
                        if q > 0
                    ]
            found.append([(p, Rule(set=sets, add=happening.add)) for p, sets in ways])
        return found

    def drift(self, mid: int, standing: Iterable[str] = ()) -> list[tuple[float, int]]:
        """P(x' | mid), fatal ones included: (probability, x'), none of them 0.

        The product over variables in order, the first slowest, 'stays' before 'moves'; equal x'
        are merged into the first. Every ``when`` is read off ``mid``: variables move
        independently. The ``standing`` ones do not move.
        """
        standing = frozenset(standing)
        if (mid, standing) not in self._drift:
            state = dict(zip(self.names, self.values(mid), strict=True))
            happened = [(1.0, mid)]
            for ways in self.happenings(state):
                rest = _rest(p for p, _ in ways)
                happened = [
                    (p * q, after)
                    for p, x in happened
                    for q, after in [(rest, x), *((q, self._happened(rule, x)) for q, rule in ways)]
                    if q > 0
                ]
            outcomes: list[tuple[float, Values]] = []
            for before, x in happened:
                drifted: list[tuple[float, Values]] = [(before, ())]
                for name, value in zip(self.names, self.values(x), strict=True):
                    ways_of = self.drifts_of(name, value, state)
                    if name in standing:
                        value, ways_of = state[name], []
                    choices = [(_rest(q for q, _ in ways_of), value), *ways_of]
                    drifted = [(p * q, (*vs, v)) for p, vs in drifted for q, v in choices if q > 0]
                outcomes += drifted
            merged = _merge([(p, self.index(values)) for p, values in outcomes])
            self._drift[mid, standing] = merged
        return self._drift[mid, standing]

    def _happened(self, rule: Rule, x: int) -> int:
        """x after a happening of one outcome."""
        ((_, after),) = self.results(rule, {}, x)
        return after


# ---------------------------------------------------------------------- mind (model 2)


def rewards(world: ReferenceWorld, mind: Mind) -> list[np.float32]:
    """r = w . phi of each event, float32, summed over the features from left to right."""
    return [_dot(mind.weights, features) for features in world.phi.astype(np.float32)]


def instinct(
    world: ReferenceWorld, level: Level, mind: Mind, legacy: Legacy | None = None
) -> Float32:
    """The scent V_0 [n_x, C] of the best usable thing (model 2, instinct).

    The maximum over sites of gamma^distance * r, where r > 0 is felt at the rule that fires there
    or at the kind's ``here``; powers of gamma by repeated float32 multiplication from 1.
    """
    blind = world.blind_to(mind)
    felt = rewards(world, mind)
    power = [np.float32(1)]
    for _ in range(int(level.distance.max())):
        power.append(power[-1] * mind.patience)
    n_cells = len(level.slot)
    scent = np.zeros((world.n_x, n_cells), np.float32)
    for x in range(world.n_x):
        seen = world.view(x, blind)
        # Maxima may be taken in any order and give the same bits; sums may not.
        for site in np.flatnonzero(level.slot >= 0):
            fired = world.fires(int(level.slot[site]), seen)
            here = world.here(level, int(site), seen)
            entered = world.entered(level, seen, int(site))
            candidates = [] if fired is None else [(felt[fired[0]], 0)]
            if fired is not None and legacy is not None:
                chance = legacy.by_use(world, int(level.slot[site]), seen, blind)
                candidates = [(felt[fired[0]] + np.float32(chance) * legacy.weight, 0)]
            candidates += [] if here is None else [(felt[here], 0)]
            candidates += [] if entered is None else [(felt[entered.event], 1)]
            _smell(scent[x], level, int(site), candidates, power)
        state = dict(zip(world.names, world.values(seen), strict=True))
        for i, (walker, name) in enumerate(world.walkers):
            at = state[walker]
            if at < n_cells:
                rules = [world.met(seen, at, i), world._of_mover(walker, name, "use", state)]
                candidates = [(felt[rule.event], 0) for rule in rules if rule is not None]
                _smell(scent[x], level, at, candidates, power)
    return scent


def _smell(
    scent: Float32,
    level: Level,
    site: int,
    candidates: Sequence[tuple[np.float32, int]],
    power: Sequence[np.float32],
) -> None:
    """Raise V_0 [C] to the scent of what is on a cell: its rewards, and from how far on."""
    for reward, least in candidates:
        for cell in range(len(scent)):
            if reward > 0 and (far := int(level.distance[cell, site])) >= least:
                scent[cell] = max(scent[cell], power[far] * reward)


def plan(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    *,
    has_instinct: bool = True,
    novelty: Float32 | None = None,
    legacy: Legacy | None = None,
) -> Float32:
    """State-action values Q_d [n_x, C, A] of a mind of depth d, mixed with its tool's (model 2).

    Args:
        world: the world that the agent believes in.
        level: the level that it stands on.
        mind: whose plan.
        has_instinct: whether V_0 is the scent of things, or 0.
        novelty: float32 [C], the novelty that arriving at a cell has at present; 0 where None.
        legacy: what lives leave to their copies, and what that weighs; nothing where None.

    Returns:
        float32. A blind agent's values at x are those at x as it sees it.
    """
    if mind.later is not None:
        return plan_of_chain(world, level, mind, has_instinct=has_instinct)
    # Where there is no tool, nothing is multiplied by 1 - 0: equal to the last bit (model 2, tool).
    if mind.reliance > 0:
        share, alone = np.float32(mind.reliance), mind._replace(reliance=np.float32(0))
        own = plan(world, level, alone, has_instinct=has_instinct, novelty=novelty)
        by_tool = plan(world, level, tool_of(mind), has_instinct=has_instinct)
        return (np.float32(1) - share) * own + share * by_tool
    nothing = np.zeros((world.n_x, len(level.slot)), np.float32)
    value = instinct(world, level, mind, legacy) if has_instinct else nothing
    # d + 1 backups: one for each unit of depth, and one that gives the actions their values, so
    # that depth 0 acts by Q_0, a reflex (model 2, instinct).
    q = backup(world, level, mind, value, novelty, legacy)
    for _ in range(mind.depth):
        q = backup(world, level, mind, q.max(axis=2), novelty, legacy)
    return q


def tool_of(mind: Mind) -> Mind:
    """A mind's tool as a mind of its own: it sees what the agent sees and feels no novelty."""
    assert mind.criteria is not None
    return mind._replace(
        weights=mind.criteria,
        novelty=np.float32(0),
        depth=mind.tool_depth,
        reliance=np.float32(0),
    )


def backup(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    value: Float32,
    novelty: Float32 | None = None,
    legacy: Legacy | None = None,
) -> Float32:
    """One exact backup: V_k [n_x, C] to Q_k [n_x, C, A], all in float32 (model 2, planner).

    The order of operations, which the kernels share:

    - to end the action in (mid, cell) is worth W = H + gamma * sum_j p_j V(x'_j, cell), summed
      from left to right over the outcomes of the drift in their order, fatal ones skipped, p_j
      rounded from float64. H = always + (here + novelty) is what is felt there, `always` summed
      in order; it is left out where the world has none of the three;
    - a move is W(target), or (1-slip) W(target) + slip/4 (((W_n + W_s) + W_w) + W_e);
    - a use is r + gamma * sum_j p_j V(x'_j, cell), to which (1-ends) q_o H(mid_o, cell) is added
      for one outcome o after the other. j runs over the outcomes of the use and of the drift
      after each, equal ones merged: p_j = (1-ends) q_o P(x'_j | mid_o);
    - a mind that is unsure of a variable gives both of its values what
      (1-c) Q(at 0) + c Q(at 1) is, c rounded from float64; where it stands it stays;
    - to a mind that counts its copies r has the chance to leave a boon times its weight added, and
      `always`, at its end, the chance to leave one by dying times that weight;
    - to stay, or to use in vain, is W where the agent stands.

    Local worlds (``World.local``) have an order of their own, see :func:`local_backup`.
    """
    if world.local:
        return local_backup(world, level, mind, value, novelty)
    f32 = np.float32
    slip = f32(world.world.slip)
    blind = world.blind_to(mind)
    felt = rewards(world, mind)
    seen = [x for x in range(world.n_x) if world.view(x, blind) == x]
    arriving = {mid: _on_arrival(world, level, mind, felt, mid, novelty, legacy) for mid in seen}
    q = np.zeros((world.n_x, len(level.slot), world.n_actions), f32)
    unsure = world.unsure_of(mind)

    for x in seen:
        if unsure is not None:
            blind = {unsure: world.values(x)[world.names.index(unsure)]}
        # W of the docstring. The discount is taken off the whole sum, not off each term.
        afterstate = arriving[x] + mind.patience * _expected(world.drift(x, blind), world, value)
        ahead = [afterstate[level.neighbour[:, a]] for a in range(4)]
        north, south, west, east = ahead
        for a in range(4):
            q[x, :, a] = ahead[a]
            if slip > 0:
                strays = slip * f32(0.25) * (((north + south) + west) + east)
                q[x, :, a] = (f32(1) - slip) * ahead[a] + strays
        q[x, :, 4:] = afterstate[:, None]  # stay, and uses in vain
        for cell in range(len(level.slot)):
            fired = world.fires(int(level.slot[cell]), x)
            if fired is None:
                continue
            event, rule = fired
            lives = 1.0 - rule.ends
            after_use = world.outcomes(int(level.slot[cell]), x)
            # Merged in float64 and rounded once: the tables are compiled so, and a sum of rounded
            # probabilities would have other bits.
            mids = _merge((p, world.view(mid, blind)) for p, mid in after_use)
            nexts = _merge(
                (lives * p * d, j) for p, mid in mids for d, j in world.drift(mid, blind)
            )
            own = felt[event]
            if legacy is not None:
                own += f32(legacy.by_use(world, int(level.slot[cell]), x, blind)) * legacy.weight
            use = own + mind.patience * _expected(nexts, world, value)[cell]
            for p, mid in mids:
                use = use + f32(p * lives) * arriving[mid][cell]
            q[x, cell, -1] = use

    if unsure is not None:
        for x in (x for x in seen if world.with_value(x, unsure, 0) == x):
            other = world.with_value(x, unsure, 1)
            c = f32(credence(world, mind, x))
            q[x] = q[other] = (f32(1) - c) * q[x] + c * q[other]
        return q
    # An agent that is blind acts by what it takes the state for (model 2, Choice, blind planning).
    for x in range(world.n_x):
        q[x] = q[world.view(x, blind)]
    return q


def credence(world: ReferenceWorld, mind: Mind, x: int) -> float:
    """The chance that a mind gives its hidden variable to be 1, after what it has survived."""
    counter = world.world.counting("unpunished")
    assert mind.credence is not None
    assert counter is not None
    p, chance = mind.credence, world.punished
    count = world.values(x)[world.names.index(counter)]
    if count == world.world.variables[counter].values - 1:
        return 1.0 if p > 0 else 0.0
    for _ in range(count):
        # One who had held it for impossible to be spared learns nothing from it.
        p = p * (1.0 - chance) / (1.0 - p * chance) if p * chance < 1.0 else p
    return p


def local_backup(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    value: Float32,
    novelty: Float32 | None = None,
) -> Float32:
    """One exact backup where what follows an action depends on the cell too, in float32.

    The order of operations, which the kernels share; every sum goes from left to right:

    - U(mid, cell) = H(mid, cell) + gamma * sum_j p_j V(x'_j, cell) over the outcomes of drift;
      H as in :func:`backup`, and the fields after novelty, in their order;
    - from the last mover to the first: where it is met, U becomes r + sum_o (1-ends) q_o U(mid_o,
      cell) over the outcomes of the rule;
    - then from the last mover to the first: U becomes sum_k p_k U(x_k, cell) over where it walks.
      The result is W(x, cell), the worth of having ended the action in (x, cell);
    - to arrive by a move where a rule fires is r + sum_o (1-ends) q_o W(x_o, cell), else W;
    - a move that is blocked is W where the agent stands, one that is not is to arrive; slip mixes
      the four of them as in :func:`backup`. A use is r + sum_o (1-ends) q_o W(x_o, cell).
    """
    f32 = np.float32
    slip = f32(world.world.slip)
    blind = world.blind_to(mind)
    felt = rewards(world, mind)
    seen = [x for x in range(world.n_x) if world.view(x, blind) == x]
    n_cells = len(level.slot)
    worth = np.zeros((world.n_x, n_cells), f32)
    for x in seen:
        arriving = _on_arrival(world, level, mind, felt, x, novelty)
        worth[x] = arriving + mind.patience * _expected(world.drift(x, blind), world, value)

    def after(fired: Fired, x: int, cell: int) -> np.float32:
        total = felt[fired.event]
        mids = _merge(
            (p, world.view(mid, blind)) for p, mid in world.results(fired.rule, fired.sets, x)
        )
        for p, mid in mids:
            total = total + f32(p * (1.0 - fired.rule.ends)) * worth[mid, cell]
        return f32(total)

    for i in reversed(range(len(world.walkers))):
        new = worth.copy()
        for x in seen:
            for cell in range(n_cells):
                if fired := world.met(x, cell, i):
                    new[x, cell] = after(fired, x, cell)
        worth = new
    for i in reversed(range(len(world.walkers))):
        new = worth.copy()
        for x in seen:
            for cell in range(n_cells):
                ways = world.walks(level, x, cell, i)
                new[x, cell] = _weighted((p, worth[to, cell]) for p, to in ways)
        worth = new

    q = np.zeros((world.n_x, n_cells, world.n_actions), f32)
    for x in seen:
        arrive = worth[x].copy()
        for cell in range(n_cells):
            if fired := world.entered(level, x, cell):
                arrive[cell] = after(fired, x, cell)
        for cell in range(n_cells):
            ahead = [
                worth[x, cell] if to == cell else arrive[to]
                for to in level.neighbour[cell].tolist()
            ]
            north, south, west, east = ahead
            for a in range(4):
                q[x, cell, a] = ahead[a]
                if slip > 0:
                    strays = slip * f32(0.25) * (((north + south) + west) + east)
                    q[x, cell, a] = (f32(1) - slip) * ahead[a] + strays
            q[x, cell, 4:] = worth[x, cell]
            if fired := world.used(level, x, cell):
                q[x, cell, -1] = after(fired, x, cell)
    for x in range(world.n_x):
        q[x] = q[world.view(x, blind)]
    return q


def _on_arrival(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    felt: Sequence[np.float32],
    mid: int,
    novelty: Float32 | None,
    legacy: Legacy | None = None,
) -> Float32:
    """H(mid, .) [C]: reward of `always`, `here` and novelty where a step ends."""
    total = np.zeros(len(level.slot), np.float32)
    for cell in range(len(total)):
        here = world.here(level, cell, mid)
        on_cell = np.float32(0) if here is None else felt[here]
        if novelty is not None:
            on_cell = on_cell + mind.novelty * novelty[cell]
        for event in world.ground(mid, cell):
            on_cell = on_cell + felt[event]
        # `always` first, then what the cell adds, as one term: the order that the kernels sum in.
        for event in world.always(mid):
            total[cell] += felt[event]
        if legacy is not None:
            chance = legacy.by_death(world, mid, world.blind_to(mind))
            total[cell] += np.float32(chance) * legacy.weight
        total[cell] += on_cell
    return total


def _expected(
    outcomes: Sequence[tuple[float, int]], world: ReferenceWorld, value: Float32
) -> Float32:
    """sum_j p_j V(x'_j, .) [C] over the outcomes that live, left to right in float32."""
    alive = [(p, value[x]) for p, x in outcomes if not world.fatal(x)]
    return _weighted(alive) if alive else np.zeros_like(value[0])


def policy(q: Float32, mind: Mind) -> Float64:
    """P(a | s) [n_x, C, A] from Q_d: :func:`boltzmann` made to sum to 1."""
    flat = [boltzmann(values, mind) for values in q.reshape(-1, q.shape[-1])]
    return np.array([[odd / sum(row) for odd in row] for row in flat]).reshape(q.shape)


def boltzmann(q: Float32, mind: Mind) -> list[float]:
    """The weight of each action at values Q_d [A]: all of the tied best alike, or softmax.

    exp((Q - max Q) / tau) is taken in float64 and rounded to float32.
    """
    if mind.temperature > 0:
        gaps = [float(value) - float(q.max()) for value in q]
        return [float(np.float32(math.exp(gap / float(mind.temperature)))) for gap in gaps]
    return [float(value == q.max()) for value in q]


# ---------------------------------------------------------------------- correction (model 2)


def plan_of_chain(
    world: ReferenceWorld, level: Level, mind: Mind, *, has_instinct: bool = True
) -> Float32:
    """Q_d [n_x, C, A] of a mind and of those that corrections make of it (model 2, correction).

    Mind m plans where m corrections are counted. Its plan needs to know what later minds will do,
    so the last one plans first.
    """
    assert mind.later is not None
    chain = [mind._replace(later=None)]
    chain += [chain[0]._replace(weights=weights) for weights in mind.later]
    counter = world.names.index(world.world.counting("corrections") or "")
    counted = np.array([world.values(x)[counter] for x in range(world.n_x)])
    shape = (world.n_x, len(level.slot), world.n_actions)
    q, odds = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for m in reversed(range(len(chain))):
        mine = counted == m
        q[mine] = _plan_before(world, level, mind, chain, m, odds, has_instinct)[mine]
        odds[mine] = [[boltzmann(values, mind) for values in cells] for cells in q[mine]]
    return q


def _plan_before(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    chain: Sequence[Mind],
    m: int,
    odds: Float32,
    has_instinct: bool,
) -> Float32:
    """Q_d of mind m of a chain, right where m corrections are counted.

    V and U of minds m .. K are backed up side by side, so that X_k is known when V_k is backed up.

    Args:
        odds: [n_x, C, A] weights of the actions, known where more than m corrections are counted.
    """
    counter = world.names.index(world.world.counting("corrections") or "")
    last = len(chain) - 1
    values = [world.values(x) for x in range(world.n_x)]
    counted = np.array([v[counter] for v in values])
    # x with one correction less; not read at 0
    before = np.array(
        [world.index(n - (i == counter and n > 0) for i, n in enumerate(v)) for v in values]
    )
    nothing = np.zeros(odds.shape[:2], np.float32)
    # V^n, what mind n can get, and U^n, what the minds after it will get it, by its drives.
    v = {
        n: instinct(world, level, chain[n]) if has_instinct else nothing.copy()
        for n in range(m, last + 1)
    }
    u = {n: nothing.copy() for n in range(m, last)}
    for n in u:
        for later in range(n + 1, last + 1) if has_instinct else ():
            theirs = counted == later
            u[n][theirs] = led(world, level, chain[later], chain[n])[theirs]
    assert mind.anticipation is not None
    realistic, ignorant, _, hedonistic = mind.anticipation
    for k in range(mind.depth + 1):
        for n in u:
            after = counted == n + 1
            v[n][after] = (
                realistic * u[n][after] + ignorant * v[n][before[after]]
            ) + hedonistic * v[n + 1][after]
        if k < mind.depth:
            for n in v:
                mine = counted == n
                v[n][mine] = backup(world, level, chain[n], v[n]).max(axis=2)[mine]
            for n in u:
                after = counted > n
                u[n][after] = _followed_once(backup(world, level, chain[n], u[n]), odds)[after]
    return backup(world, level, chain[m], v[m])


def led(world: ReferenceWorld, level: Level, leader: Mind, valuer: Mind) -> Float32:
    """U_0 [n_x, C]: what the thing is worth to a mind to which the instinct of another leads.

    That is the thing of the strongest scent to the leader, of several the first: in order of the
    cells, and on a cell the use before `here`; 0 where nothing attracts it.
    """
    blind = world.blind_to(leader)
    felt, own = rewards(world, leader), rewards(world, valuer)
    power = [np.float32(1)]
    for _ in range(int(level.distance.max())):
        power.append(power[-1] * leader.patience)
    worth = np.zeros((world.n_x, len(level.slot)), np.float32)
    for x, cell in np.ndindex(*worth.shape):
        seen = world.view(x, blind)
        strongest = np.float32(0)
        for site in np.flatnonzero(level.slot >= 0):
            far = int(level.distance[cell, site])
            fired = world.fires(int(level.slot[site]), seen)
            here = world.here(level, int(site), seen)
            for event in (None if fired is None else fired[0], here):
                if event is not None and far >= 0 and power[far] * felt[event] > strongest:
                    strongest = power[far] * felt[event]
                    worth[x, cell] = power[far] * own[event]
    return worth


def _followed_once(q: Float32, odds: Float32) -> Float32:
    """The mean [n_x, C] of Q [n_x, C, A] over actions of these weights, summed in their order."""
    total, weight = np.zeros_like(q[..., 0]), np.zeros_like(q[..., 0])
    for action in range(q.shape[-1]):
        total = total + odds[..., action] * q[..., action]
        weight = weight + odds[..., action]
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


# ---------------------------------------------------------------------- tables (model 2)


def table_policy(
    world: ReferenceWorld,
    level: Level,
    table: Table,
    theta: Mapping[str, Sequence[float]],
    mind: Mind,
) -> Float64:
    """P(a | s) [n_x, C, A] of a softmax table: what it prefers where it sees what it sees; 0 where
    nobody lives.

    Args:
        world: the world that the agent lives in.
        table: what a table sees.
        theta: what it prefers [A], by what is seen, as :func:`seen` tells it.
        mind: whose senses it has.
    """
    blind = world.blind_to(mind)
    n_actions = len(next(iter(theta.values())))
    chances = np.zeros((world.n_x, len(level.slot), n_actions))
    for x in (x for x in range(world.n_x) if not world.fatal(x)):
        for cell in range(len(level.slot)):
            row = seen(world, level, table, world.view(x, blind), cell)
            odds = [math.exp(value - max(theta[row])) for value in theta[row]]
            chances[x, cell] = [odd / sum(odds) for odd in odds]
    return chances


def seen(world: ReferenceWorld, level: Level, table: Table, x: int, cell: int) -> str:
    """What a table sees in a state, in words, such as ``fertile=1,here=mate,east=blocked``."""
    values = dict(zip(world.names, world.values(x), strict=True))
    told = [
        f"{name}={values[name]}"
        for name in world.world.variables
        if table.reads is None or name in table.reads
    ]
    places = [("here", cell)]
    if table.reach:
        ways = ("north", "south", "west", "east")
        places += [(way, int(to)) for way, to in zip(ways, level.neighbour[cell], strict=True)]
    for place, at in places:
        blocked = place != "here" and at == cell
        thing = "blocked" if blocked else _thing(world, table, int(level.slot[at]), values)
        told += [f"{place}={thing}"] if thing else []
    return ",".join(told) or "nothing"


def _thing(world: ReferenceWorld, table: Table, slot: int, values: Mapping[str, int]) -> str:
    """What a table takes a site for; nothing where there is none, or it has been emptied."""
    if slot < 0:
        return ""
    fullness = world.fullness(slot)
    if fullness is not None and not values[fullness]:
        return ""
    name = world.lived.slots[slot].kind
    kind = world.lived.kinds[name]
    has = {name}
    if table.sees == "looks":
        has = {look for look, amount in kind.looks.items() if amount != 0}
    if table.sees == "stimuli":
        effects: list[Rule | Here] = [*kind.use.values(), *kind.enter.values()]
        effects += [kind.here] if kind.here else []
        has = {s for effect in effects for s, amount in effect.feels.items() if amount != 0}
    return "+".join(sorted(has if table.only is None else has.intersection(table.only)))


# ---------------------------------------------------------------------- the tool (model 2)


def encounters(world: World, key: int, n_looks: int, n: int) -> list[tuple[str, str]]:
    """The kind and rule of each of n remembered encounters.

    A kind with sites is met in proportion to them, each of its rules alike.

    Args:
        key: ``rng.key(seed, Purpose.TOOL, generation, individual)``.
    """
    rules = [
        (world.sites_of(kind) / len(world.kinds[kind].use), (kind, rule))
        for kind in world.kinds
        for rule in world.kinds[kind].use
    ]
    total = sum(p for p, _ in rules)
    shares = [(p, i) for i, (p, _) in enumerate(rules) if p > 0]
    draws = [rng.uniform(rng.draw(key, 2 * n_looks + j)) for j in range(n)]
    return [rules[_choose(shares, u * total)][1] for u in draws]


def criteria(
    world: World,
    feels: Mapping[str, float],
    looks: Sequence[str],
    key: int,
    n: int,
    typo: float,
) -> Float64:
    """The weights of looks that are entered into a tool, [K] (model 2, tool).

    Args:
        world: the environment that is remembered.
        feels: the drives by stimulus.
        n: encounters remembered.
        typo: chance that an entry is mistyped.
    """
    met = [(world.kinds[kind], rule) for kind, rule in encounters(world, key, len(looks), n)]
    seen = np.array([[kind.looks.get(look, 0.0) for look in looks] for kind, _ in met])
    felt = [sum(feels.get(s, 0.0) * v for s, v in k.use[r].feels.items()) for k, r in met]
    # The least norm by singular values: a method that the kernel, which diagonalises the normal
    # equations, does not share. 1e-5 of a singular value is 1e-10 of a sum of squares.
    fitted, *_ = np.linalg.lstsq(seen, np.array(felt), rcond=1e-5)
    span = float(np.abs(fitted).max())
    return np.array(
        [
            (2 * rng.uniform(rng.draw(key, 2 * i + 1)) - 1) * span
            if rng.uniform(rng.draw(key, 2 * i)) < typo
            else entry
            for i, entry in enumerate(fitted)
        ]
    )


# ---------------------------------------------------------------------- a sampled lifetime


class Step(NamedTuple):
    """One step: the state it was taken in, the action, and the events in the order felt."""

    cell: int
    x: int
    action: int
    events: tuple[int, ...]


class Lifetime(NamedTuple):
    """What one lifetime came to.

    Attributes:
        counts: int [E], how often each event happened; ``counts @ phi`` is what was felt, paid.
        paid_counts: the same over the steps that are paid to selection.
        lifespan: steps lived, the one of the death included.
        novelty: sum of the novelty felt, before its drive weighs it.
        steps: every step.
    """

    counts: NDArray[np.int64]
    paid_counts: NDArray[np.int64]
    lifespan: int
    novelty: float
    steps: tuple[Step, ...]


class Draws:
    """The random numbers of one lifetime (model 5): draw (t+1)*64 + slot for step t."""

    CHOICE, SLIPS, DIRECTION, OUTCOME, ENDS, DRIFT = 0, 1, 2, 3, 4, 8
    # After those of drift, one for each variable, come one for each happening and two for each
    # mover: the outcome of meeting it, and whether that ends the life.

    def __init__(self, key: int) -> None:
        self.key = key

    def start(self) -> float:
        return rng.uniform(rng.draw(self.key, 0))

    def at(self, step: int, slot: int) -> float:
        return rng.uniform(rng.draw(self.key, (step + 1) * 64 + slot))


def lifetime(
    world: ReferenceWorld,
    level: Level,
    mind: Mind,
    key: int,
    *,
    believed: ReferenceWorld | None = None,
    has_instinct: bool = True,
    window: int | None = None,
    observed: Mapping[str, int | Sequence[int]] | None = None,
    births: Sequence[tuple[float, int]] | None = None,
    legacy: Legacy | None = None,
) -> Lifetime:
    """One sampled lifetime in ``world`` of a mind that plans by ``believed``.

    Args:
        world: where the agent lives.
        level: where it stands.
        mind: who it is.
        key: ``rng.key(seed, Purpose.LIFE, generation, level, individual)``.
        believed: by what it plans; ``world`` where None.
        has_instinct: whether V_0 is the scent of things, or 0.
        window: how many first steps are paid to selection; all where None.
        observed: what must hold where a step begins that is; nothing where None.
        births: P(x) at birth; as the world says where None.
        legacy: of its plan.
    """
    draws = Draws(key)
    model = world if believed is None else believed
    counts = np.zeros(len(world.events), np.int64)
    paid_counts = counts.copy()
    novelty_felt = 0.0
    steps: list[Step] = []
    # Draw 0 is the state at birth; every later draw has a slot of its own step (model 5), so that
    # a number that is not needed is left out and moves no other.
    x = _choose(world.start() if births is None else births, draws.start())
    cell = int(level.start)
    visited = {cell: 0}  # the time of the last visit
    q = plan(model, level, mind, has_instinct=has_instinct, legacy=legacy)

    for t in range(world.world.lifetime):
        # What is new changes with every step, so the plan is made anew (model 2, novelty).
        if mind.novelty != 0:
            q = plan(
                model, level, mind, has_instinct=has_instinct, novelty=_novelty(level, visited, t)
            )
        action = _act(q[x, cell], mind, draws.at(t, Draws.CHOICE))
        mid, to, events, ended = _do(world, level, x, cell, action, t, draws)
        if not ended:
            mid, met, ended = _meet(world, level, mid, to, t, draws)
            events += met
        if not ended:
            events += world.felt(level, mid, to)
            novelty_felt += 1.0 - 1.0 / (t + 1 - visited[to]) if to in visited else 1.0
        steps.append(Step(cell, x, action, tuple(events)))
        state = dict(zip(world.names, world.values(x), strict=True))
        paid = (window is None or t < window) and _holds(observed or {}, state)
        for event in events:
            counts[event] += 1
            paid_counts[event] += paid
        # A use that ends the life: nothing is felt on arriving, nothing drifts (model 1, the order
        # of one step).
        if ended:
            break
        visited[to] = t + 1
        x, cell = _drifted(world, mid, t, draws), to
        if world.fatal(x):
            break
    return Lifetime(counts, paid_counts, len(steps), novelty_felt, tuple(steps))


def _novelty(level: Level, visited: Mapping[int, int], t: int) -> Float32:
    """What arriving at each cell at the end of step t would feel: 1 - 1/c, or 1 if never there."""
    novelty = np.ones(len(level.slot), np.float32)
    for cell, last in visited.items():
        novelty[cell] = 1.0 - 1.0 / (t + 1 - last)
    return novelty


def _act(q: Float32, mind: Mind, u: float) -> int:
    """The action taken at these values [A], in proportion to their weights."""
    chances = boltzmann(q, mind)
    if mind.temperature > 0:
        return _choose(list(zip(chances, range(len(chances)), strict=True)), u * sum(chances))
    # Tied actions are counted out, not cumulated: 1/3 + 1/3 + 1/3 need not pass u.
    best = [a for a, odd in enumerate(chances) if odd > 0]
    return best[math.floor(u * len(best))]


def _do(
    world: ReferenceWorld, level: Level, x: int, cell: int, action: int, t: int, draws: Draws
) -> tuple[int, int, list[int], bool]:
    """The action itself: (mid, cell', events, whether the lifetime ended by `ends`)."""
    if action < 4:
        direction = action
        if draws.at(t, Draws.SLIPS) < world.world.slip:
            direction = math.floor(4 * draws.at(t, Draws.DIRECTION))
        to = int(level.neighbour[cell, direction])
        fired = None if to == cell else world.entered(level, x, to)
    else:
        to = cell
        fired = None if world.actions[action] == "stay" else world.used(level, x, cell)
    if fired is None:
        return x, to, [], False
    mid = _choose(world.results(fired.rule, fired.sets, x), draws.at(t, Draws.OUTCOME))
    return mid, to, [fired.event], draws.at(t, Draws.ENDS) < fired.rule.ends


def _meet(
    world: ReferenceWorld, level: Level, x: int, cell: int, t: int, draws: Draws
) -> tuple[int, list[int], bool]:
    """Movers walk, then those on the cell are met: (mid, events, whether the lifetime ended)."""
    for i, (walker, _) in enumerate(world.walkers):
        u = draws.at(t, Draws.DRIFT + world.names.index(walker))
        x = _choose(world.walks(level, x, cell, i), u)
    events = []
    slots = Draws.DRIFT + len(world.names) + len(world.world.happens)
    for i in range(len(world.walkers)):
        if fired := world.met(x, cell, i):
            events.append(fired.event)
            results = world.results(fired.rule, fired.sets, x)
            x = _choose(results, draws.at(t, slots + 2 * i))
            if draws.at(t, slots + 2 * i + 1) < fired.rule.ends:
                return x, events, True
    return x, events, False


def _drifted(world: ReferenceWorld, mid: int, t: int, draws: Draws) -> int:
    """What happens happens, and then each variable moves or not, each by a draw of its own."""
    state = dict(zip(world.names, world.values(mid), strict=True))
    x = mid
    for h, happening in enumerate(world.world.happens.values()):
        if _holds(happening.when, state):
            # As many happenings may as hold; the draw is that of the happening's number.
            ways = world.happenings(state)[
                sum(_holds(one.when, state) for one in [*world.world.happens.values()][:h])
            ]
            u, total = draws.at(t, Draws.DRIFT + len(world.names) + h), 0.0
            for p, rule in ways:
                total += p
                if u < total:
                    x = world._happened(rule, x)
                    break
    after = []
    for v, (name, value) in enumerate(zip(world.names, world.values(x), strict=True)):
        u, total = draws.at(t, Draws.DRIFT + v), 0.0
        for chance, moved in world.drifts_of(name, value, state):
            total += chance
            if u < total:
                value = moved
                break
        after.append(value)
    return world.index(after)


# ---------------------------------------------------------------------- measures (model 4)


class Expectation(NamedTuple):
    """Expected number of each event over a lifetime, float64 [E], and expected steps lived."""

    counts: Float64
    lifespan: float


def expectation(
    world: ReferenceWorld,
    level: Level,
    policy: Float64,
    during: Float64 | None = None,
    births: Sequence[tuple[float, int]] | None = None,
) -> Expectation:
    """Forward propagation of the state distribution under P(a | s) [n_x, C, A], float64.

    Args:
        during: [n_x] 1 where steps that begin at x count, 0 where they do not; None: all count.
        births: P(x) at birth; as the world says where None.
    """
    n_cells = len(level.slot)
    during = np.ones(world.n_x) if during is None else during
    counts = np.zeros(len(world.events))
    lifespan = 0.0
    alive = np.zeros((world.n_x, n_cells))
    for p, x in world.start() if births is None else births:
        alive[x, level.start] += p
    for _ in range(world.world.lifetime):
        lifespan += float((alive * during[:, None]).sum())
        # `counted` is the part of `middle` whose step counts: what is felt there belongs to the
        # step that led there, wherever it began.
        middle, counted = np.zeros_like(alive), np.zeros_like(alive)
        for x, cell in np.argwhere(alive > 0):
            for action in np.flatnonzero(policy[x, cell]):
                p = alive[x, cell] * policy[x, cell, action]
                for chance, event, ends in consequences(
                    world, level, int(x), int(cell), int(action)
                ):
                    if event is not None:
                        counts[event] += p * chance * during[x]
                    for q, mid, to in ends:
                        middle[mid, to] += p * (chance * q)
                        counted[mid, to] += p * (chance * q) * during[x]
        for i in range(len(world.walkers)):
            now, counted_now = np.zeros_like(middle), np.zeros_like(middle)
            for x, cell in np.argwhere(middle > 0):
                for q, to in world.walks(level, int(x), int(cell), i):
                    now[to, cell] += middle[x, cell] * q
                    counted_now[to, cell] += counted[x, cell] * q
            middle, counted = now, counted_now
        for i in range(len(world.walkers)):
            now, counted_now = np.zeros_like(middle), np.zeros_like(middle)
            for x, cell in np.argwhere(middle > 0):
                fired = world.met(int(x), int(cell), i)
                ways = [(1.0, int(x))]
                if fired is not None:
                    counts[fired.event] += counted[x, cell]
                    ways = [
                        (q * (1.0 - fired.rule.ends), mid)
                        for q, mid in world.results(fired.rule, fired.sets, int(x))
                    ]
                for q, mid in ways:
                    now[mid, cell] += middle[x, cell] * q
                    counted_now[mid, cell] += counted[x, cell] * q
            middle, counted = now, counted_now
        # Second half of the step: what is felt on arriving, drift, death (model 1).
        alive = np.zeros_like(alive)
        for mid, cell in np.argwhere(middle > 0):
            for event in world.felt(level, int(mid), int(cell)):
                counts[event] += counted[mid, cell]
            for q, x in world.drift(int(mid)):
                if not world.fatal(x):
                    alive[x, cell] += middle[mid, cell] * q
    return Expectation(counts, lifespan)


def bequest(
    world: ReferenceWorld, level: Level, policy: Float64, legacy: Legacy, boon: int
) -> float:
    """The chance that a life that begins with the boon (1) or without it (0) leaves one."""
    alive = np.zeros((world.n_x, len(level.slot)))
    for p, x in legacy.births(world, boon):
        alive[x, level.start] += p
    left = 0.0
    for _ in range(world.world.lifetime):
        after = np.zeros_like(alive)
        for x, cell in np.argwhere(alive > 0):
            for action in np.flatnonzero(policy[x, cell]):
                p = alive[x, cell] * policy[x, cell, action]
                if world.actions[action] == "use":
                    left += p * legacy.by_use(world, int(level.slot[cell]), int(x), {})
                for chance, _, ends in consequences(world, level, int(x), int(cell), int(action)):
                    for q, mid, to in ends:
                        left += p * chance * q * legacy.by_death(world, mid, {})
                        for r, x_to in world.drift(mid):
                            if not world.fatal(x_to):
                                after[x_to, to] += p * chance * q * r
        alive = after
    return left


def share_of_boons(left: tuple[float, float], relatedness: float, drawn: float) -> float:
    """The share of lives that begin with a boon in a chain of copies (model 2, copies).

    Args:
        left: the chance to leave one, of a life that began without it and of one that had it.
        drawn: the chance of a boon that no copy left.
    """
    without, having = (relatedness * p + (1 - relatedness) * drawn for p in left)
    change = without + (1 - having)
    return without / change if change > 0 else drawn


def optimum(world: ReferenceWorld, level: Level, weights: Float32 | Float64) -> float:
    """The most that weights [F] over the features can expect of a lifetime: J* (model 4).

    Undiscounted backward induction over the T steps with all variables visible, float64.
    """
    felt = world.phi @ np.asarray(weights, np.float64)
    n_cells = len(level.slot)
    value = np.zeros((world.n_x, n_cells))
    # From the last age backwards; at age T everything ends, so that V is 0 there (model 4).
    for _ in range(world.world.lifetime):
        afterstate = np.zeros_like(value)  # of ending the action in (mid, cell)
        for mid in range(world.n_x):
            for p, x in world.drift(mid):
                if not world.fatal(x):
                    afterstate[mid] += p * value[x]
            for cell in range(n_cells):
                afterstate[mid, cell] += sum(felt[e] for e in world.felt(level, mid, cell))
        afterstate = _met_and_walked(world, level, felt, afterstate)
        value = np.array(
            [
                [_best(world, level, x, cell, felt, afterstate) for cell in range(n_cells)]
                for x in range(world.n_x)
            ]
        )
    return float(sum(p * value[x, level.start] for p, x in world.start()))


def followed(world: ReferenceWorld, level: Level, optimized: Float32, rewarded: Float32) -> float:
    """What weights [F] expect of a lifetime in which other weights are optimized (model 4).

    At every age one of the actions best for ``optimized`` is taken, each of the tied best with the
    same probability. In float32, in the planner's order of operations: another precision would
    have other ties. The mean is the sum in order of the actions, divided by their number.
    """
    f32 = np.float32
    first, second = (
        Mind(np.asarray(weights, f32), f32(0), 0, f32(1), f32(0), -1)
        for weights in (optimized, rewarded)
    )
    value = other = np.zeros((world.n_x, len(level.slot)), f32)
    for _ in range(world.world.lifetime):
        q = backup(world, level, first, value)
        gains = backup(world, level, second, other)
        value = q.max(axis=2)
        total, number = np.zeros_like(other), np.zeros_like(other)
        for action in range(world.n_actions):
            best = q[:, :, action] == value
            total = total + np.where(best, gains[:, :, action], f32(0))
            number = number + best.astype(f32)
        other = total / number
    return float(sum(p * float(other[x, level.start]) for p, x in world.start()))


def _best(
    world: ReferenceWorld, level: Level, x: int, cell: int, felt: Float64, afterstate: Float64
) -> float:
    """max_a of the reward of a in (x, cell) and the worth of where it leads."""
    best = -math.inf
    for action in range(world.n_actions):
        total = 0.0
        for chance, event, ends in consequences(world, level, x, cell, action):
            reward = 0.0 if event is None else float(felt[event])
            onward = sum(p * float(afterstate[mid, to]) for p, mid, to in ends)
            total += chance * (reward + onward)
        best = max(best, total)
    return best


def _met_and_walked(world: ReferenceWorld, level: Level, felt: Float64, worth: Float64) -> Float64:
    """What ending an action in each (x, cell) is worth, from what it is once movers were met."""
    for i in reversed(range(len(world.walkers))):
        new = worth.copy()
        for x, cell in np.ndindex(*worth.shape):
            if fired := world.met(x, cell, i):
                lives = 1.0 - fired.rule.ends
                results = world.results(fired.rule, fired.sets, x)
                new[x, cell] = felt[fired.event] + sum(
                    lives * p * worth[m, cell] for p, m in results
                )
        worth = new
    for i in reversed(range(len(world.walkers))):
        new = worth.copy()
        for x, cell in np.ndindex(*worth.shape):
            new[x, cell] = sum(p * worth[to, cell] for p, to in world.walks(level, x, cell, i))
        worth = new
    return worth


def consequences(
    world: ReferenceWorld, level: Level, x: int, cell: int, action: int
) -> list[tuple[float, int | None, list[tuple[float, int, int]]]]:
    """What an action in (x, cell) leads to: with what chance which event, and P(mid, cell') of
    the lives that go on after it."""

    def of(fired: Fired | None, to: int) -> tuple[int | None, list[tuple[float, int, int]]]:
        if fired is None:
            return None, [(1.0, x, to)]
        lives, results = 1.0 - fired.rule.ends, world.results(fired.rule, fired.sets, x)
        return fired.event, [(lives * p, mid, to) for p, mid in results if lives > 0]

    if action < 4:
        ways = world.moves(level, cell, action)
        entered = [None if to == cell else world.entered(level, x, to) for _, to in ways]
        return [(p, *of(fired, to)) for (p, to), fired in zip(ways, entered, strict=True)]
    stays = world.actions[action] == "stay"
    return [(1.0, *of(None if stays else world.used(level, x, cell), cell))]


# ---------------------------------------------------------------------- small things


def _in(value: int, allowed: int | Sequence[int]) -> bool:
    """Whether a value is the one allowed, or within [lo, hi], both included."""
    if isinstance(allowed, int):
        return value == allowed
    low, high = allowed
    return low <= value <= high


def _holds(when: Mapping[str, int | Sequence[int]], state: Mapping[str, int]) -> bool:
    """Whether every variable named stands where ``when`` allows it."""
    return all(_in(state[name], allowed) for name, allowed in when.items())


def _apart(one: int, other: int, size: int, torus: bool) -> int:
    """Moves between two rows, or columns, of a grid without walls."""
    d = abs(one - other)
    return min(d, size - d) if torus else d


def _rest(chances: Iterable[float]) -> float:
    """The chance that none of some alternatives happens."""
    rest = 1.0
    for chance in chances:
        rest -= chance
    return max(rest, 0.0)


def _clamp(value: int, size: int) -> int:
    return min(max(value, 0), size - 1)


def _weights(value: int | Sequence[float], size: int) -> list[float]:
    """P(v) of a value, or of weights over the values."""
    if isinstance(value, int):
        return [float(v == value) for v in range(size)]
    total = math.fsum(value)
    return [weight / total for weight in value]


def _merge(outcomes: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """Equal outcomes merged into the first of them, impossible ones left out."""
    merged: dict[int, float] = {}
    for p, x in outcomes:
        if p > 0:
            merged[x] = merged.get(x, 0.0) + p
    return [(p, x) for x, p in merged.items()]


def _choose(outcomes: Sequence[tuple[float, int]], u: float) -> int:
    """Inverse cdf: the first outcome at which the running sum of probabilities exceeds u."""
    total = 0.0
    for p, outcome in outcomes:
        total += p
        if u < total:
            return outcome
    return outcomes[-1][1]


def _dot(weights: Float32, features: Float32) -> np.float32:
    total = np.float32(0)
    for weight, feature in zip(weights, features, strict=True):
        total = total + weight * feature
    return total


def _weighted(terms: Iterable[tuple[float, Any]]) -> Any:
    """sum of p * v from left to right in float32; p is rounded from float64."""
    total = None
    for p, value in terms:
        term = np.float32(p) * value
        total = term if total is None else total + term
    assert total is not None
    return total
