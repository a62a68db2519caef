"""What a scenario's world compiles to: the tables of one environment that the core reads.

Everything that can be felt or paid is an *event*: each rule of a site or mover, each kind's
``here``, each ``always`` rule, each strength of a field. ``phi[event]`` holds what it
makes the agent feel (stimuli) and what it yields (payoffs), so a lifetime is summed up by how often
each event happened.

The state index of the variables, x, is their mixed-radix number, first variable slowest; a
state is (x, cell). The step is cut at its middle: actions lead from x to x_mid, at which `here`
and `always` are felt, and drift leads on from there (docs/model.md, "Order of one step").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.world.copies import Bequest, split_events
from evosim.world.local import LocalRules, compile_local, field_event_name, movers_begin

if TYPE_CHECKING:
    from evosim.mechanisms.copies.schema import Copies
    from evosim.scenario import Rule, Scenario, World

Outcomes = list[tuple[int, float]]  # (x, probability), distinct x in order of first appearance
Condition = Mapping[int, tuple[int, int]]  # variable -> inclusive range


class Foresight(NamedTuple):
    """Where which mind of a chain decides, and what x an uncertain mind takes for one."""

    corrections: NDArray[np.int32]  # [n_x] corrections counted at x
    stride: int  # what a correction adds to x
    partner: NDArray[np.int32]  # [n_x] x with the uncertain variable at 1 instead of 0; -1: none
    belief: NDArray[np.int32]  # [n_x] what was survived so far, from 0
    likelihood: NDArray[np.float64]  # [2, B] of what was survived, the variable at 0, and at 1

    @property
    def most(self) -> int:
        """K, the most corrections that are counted."""
        return int(self.corrections.max())

    def credence(self, prior: NDArray[np.floating]) -> NDArray[np.float64]:
        """[B, n] The chance of 1 after what was survived, of minds that gave it ``prior`` [n]."""
        p = np.asarray(prior, np.float64)
        zero, one = (1.0 - p) * self.likelihood[0][:, None], p * self.likelihood[1][:, None]
        # What a mind had held for impossible teaches it nothing.
        kept = np.broadcast_to(p, one.shape).copy()
        return np.divide(one, zero + one, out=kept, where=zero + one > 0.0)

    def rows(self, live: NDArray[np.int32], *minds: int) -> NDArray[np.int32]:
        """Those of some x at which minds plan that were corrected so often."""
        return live[np.isin(self.corrections[live], minds)]

    def decided(self, live: NDArray[np.int32], *minds: int) -> NDArray[np.int32]:
        """Those of them that are backed up: of partners the first."""
        mine = self.rows(live, *minds)
        return mine[~np.isin(mine, self.partner)]


class Tables(NamedTuple):
    """Read-only arrays of one environment, as seen by a mind or as it is.

    n_x joint values of the variables, S slots (a slot is a kind, or one site of a kind that
    depletes), U = use rows: a rule at an x where it fires.
    """

    live: NDArray[np.int32]  # [n_live] the x at which decisions are planned: a life can come there
    unreached: NDArray[np.int32]  # other x at which one would be alive, but to which no way leads
    observed: NDArray[np.int32]  # [n_x] the x that a mind takes x for
    dead: NDArray[np.uint8]  # [n_x] 1 where a variable has a fatal value
    start_x: NDArray[np.int32]  # [k]
    start_p: NDArray[np.float64]  # [k] probabilities
    drift_ptr: NDArray[np.int32]  # [n_x + 1] rows of drift_x, drift_p; fatal outcomes left out
    drift_x: NDArray[np.int32]
    drift_p: NDArray[np.float64]
    drift_p32: NDArray[np.float32]
    move_chance: NDArray[np.float64]  # [variables, n_x] chance that the variable moves
    move_delta: NDArray[np.int32]  # [variables, n_x] what moving adds to x
    use_row: NDArray[np.int32]  # [S, n_x] use row, -1 where no rule holds
    use_event: NDArray[np.int32]  # [U]
    use_ends: NDArray[np.float64]  # [U]
    outcome_ptr: NDArray[np.int32]  # [U + 1] rows of outcome_x, outcome_p: x_mid after the use
    outcome_x: NDArray[np.int32]
    outcome_p: NDArray[np.float64]
    outcome_p32: NDArray[np.float32]  # times (1 - ends)
    next_ptr: NDArray[np.int32]  # [U + 1] rows of next_x, next_p32: x after use and drift
    next_x: NDArray[np.int32]
    next_p32: NDArray[np.float32]  # times (1 - ends)
    here_event: NDArray[np.int32]  # [S] -1 where the kind has no `here`
    always_ptr: NDArray[np.int32]  # [n_x + 1] rows of always_event
    always_event: NDArray[np.int32]
    scent_like: NDArray[np.int32]  # [n_x] the first of live, unreached where the same rules fire
    n_actions: int
    stay: bool
    slip: float
    arrivals: bool  # whether the world has any `here` or `always`
    local: LocalRules | None  # of a world in which the second half depends on the cell
    foresight: Foresight | None = None  # where minds can be corrected, or are uncertain
    bequest: Bequest | None = None  # what lives leave to their copies, where there are any


def _frozen(values: Iterable[object], dtype: type[np.generic]) -> NDArray[Any]:
    array = np.array(list(values), dtype=dtype)
    array.flags.writeable = False
    return array


def _rows(rows: Sequence[Sequence[object]]) -> NDArray[np.int32]:
    pointers = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=pointers[1:])
    pointers.flags.writeable = False
    return pointers


def merge(outcomes: Iterable[tuple[int, float]]) -> Outcomes:
    """Add up the probabilities of equal x, in order of first appearance; drop zeros."""
    merged: dict[int, float] = {}
    for x, p in outcomes:
        if p > 0.0:
            merged[x] = merged.get(x, 0.0) + p
    return list(merged.items())


class Compiler:
    """The rules of one world on the structure (variables, slots) of another or the same."""

    def __init__(
        self,
        rules: World,
        structure: World,
        blind_to: frozenset[str] = frozenset(),
        uncertain: frozenset[str] = frozenset(),
    ) -> None:
        self.rules, self.structure = rules, structure
        self.names = [v.name for v in structure.state_variables]
        self.sizes = [v.values for v in structure.state_variables]
        self.strides = [math.prod(self.sizes[i + 1 :]) for i in range(len(self.sizes))]
        self.n_x = math.prod(self.sizes)
        self.values = list(itertools.product(*(range(n) for n in self.sizes)))
        self.index = {name: i for i, name in enumerate(self.names)}
        self.pinned: dict[int, int] = {}
        for name, variable in rules.variables.items():
            if name not in structure.variables:
                raise EvosimError(
                    f"environment {rules.name!r} has a variable {name!r} that "
                    f"{structure.name!r} lacks: minds of one cannot live in the other"
                )
            if variable.values != structure.variables[name].values:
                raise EvosimError(
                    f"variable {name!r} has {variable.values} values in {rules.name!r} and "
                    f"{structure.variables[name].values} in {structure.name!r}: minds of one "
                    "cannot live in the other"
                )
            if name in blind_to and variable.assume is not None:
                self.pinned[self.index[name]] = variable.assume
        counting = rules.counting("corrections")
        self.corrections = None if counting is None else self.index[counting]
        counting = rules.counting("unpunished")
        self.unpunished = None if counting is None else self.index[counting]
        # Where acts are counted there is one hidden variable, by which they are punished.
        self.feared = next((self.index[n] for n, v in rules.variables.items() if v.hidden), -1)
        self.still = frozenset(self.index[name] for name in uncertain)
        self.drifts = self._drifts()

    def condition(self, when: Mapping[str, int | tuple[int, int]]) -> Condition:
        return {
            self.index[name]: (value, value) if isinstance(value, int) else (value[0], value[1])
            for name, value in when.items()
        }

    def holds(self, condition: Condition, values: Sequence[int]) -> bool:
        return all(low <= values[i] <= high for i, (low, high) in condition.items())

    def x_of(self, values: Sequence[int]) -> int:
        return sum(v * s for v, s in zip(values, self.strides, strict=True))

    def observed(self, values: Sequence[int]) -> tuple[int, ...]:
        """The values that a mind blind to some variables takes these for."""
        return tuple(self.pinned.get(i, v) for i, v in enumerate(values))

    def _drifts(self) -> list[tuple[int, int, float, Condition]]:
        """(variable, step, chance, condition) of every variable that moves by itself."""
        drifts = []
        for name, variable in self.rules.variables.items():
            i = self.index[name]
            if i not in self.pinned and i not in self.still:
                for d in variable.drifts:
                    drifts.append((i, d.step, d.chance, self.condition(d.when)))
        for slot in self.structure.slots:
            kind = self.rules.kinds.get(slot.kind)
            if slot.ordinal >= 0 and kind is not None and kind.regrow is not None:
                drifts.append((self.index[f"{slot.kind}[{slot.ordinal}]"], 1, kind.regrow, {}))
        return drifts

    def moved(self, values: Sequence[int], variable: int, step: int) -> int:
        return min(max(values[variable] + step, 0), self.sizes[variable] - 1)

    def dead(self, values: Sequence[int]) -> bool:
        for name, variable in self.rules.variables.items():
            if variable.fatal is not None:
                i = self.index[name]
                fatal = variable.fatal
                low, high = (fatal, fatal) if isinstance(fatal, int) else fatal
                if low <= values[i] <= high:
                    return True
        return False

    def drift(self, values: Sequence[int]) -> Outcomes:
        """Where drift leads from x_mid, living outcomes only; not for local worlds."""
        return merge((self.x_of(v), p) for v, p in self.drifted(values) if not self.dead(v))

    def drifted(self, values: Sequence[int]) -> list[tuple[list[int], float]]:
        """The values to which drift leads from x_mid, fatal ones too; not for local worlds."""
        options: list[list[tuple[int, int, float]]] = []
        for i, step, chance, condition in self.drifts:
            if self.holds(condition, values):
                to = self.moved(values, i, step)
                options.append([(i, values[i], 1.0 - chance), (i, to, chance)])
        outcomes = []
        for joint in itertools.product(*options):
            after = list(values)
            p = 1.0
            for i, value, q in joint:
                after[i] = value
                p *= q
            outcomes.append((after, p))
        return outcomes

    def merge(self, outcomes: Iterable[tuple[int, float]]) -> Outcomes:
        """Equal x as one, in order of first appearance; impossible ones left out."""
        return merge(outcomes)

    def apply(self, rule: Rule, values: Sequence[int], sets: Mapping[int, int]) -> Outcomes:
        """Where a rule that fires leads, before drift; ``sets``: what it sets beside."""
        certain = list(values)
        for name, amount in rule.add.items():
            certain[self.index[name]] = self.moved(values, self.index[name], amount)
        ways: dict[int, list[tuple[float, dict[int, int]]]] = {}  # what a draw sets, by variable
        for name, value in rule.set.items():
            i = self.index[name]
            if isinstance(value, int):
                certain[i] = value
            else:
                total = math.fsum(value)
                ways[i] = [(w / total, {i: v}) for v, w in enumerate(value)]
        certain = [sets.get(i, value) for i, value in enumerate(certain)]
        if rule.corrects and self.corrections is not None:
            own = self.corrections
            corrected = {own: self.moved(values, own, 1)}
            # Who is corrected for what might have gone unpunished has been caught.
            if self.unpunished is not None and self.unpunished in sets:
                corrected[self.unpunished] = self.sizes[self.unpunished] - 1
            ways[own] = [(1.0 - rule.corrects, {}), (rule.corrects, corrected)]
        outcomes = []
        for joint in itertools.product(*(ways[i] for i in sorted(ways))):
            after, p = list(certain), 1.0
            for q, changes in joint:
                p *= q
                for i, value in changes.items():
                    after[i] = value
            for i in self.still:
                after[i] = values[i]
            outcomes.append((self.x_of(self.observed(after)), p))
        return merge(outcomes)

    def punishment(self, tried: Sequence[tuple[Rule, Condition]], values: Sequence[int]) -> float:
        """The chance that an act is punished where what is feared is so; 0 where it makes no odds.

        Args:
            tried: rules with their conditions, of which the first that holds fires.
        """
        if self.unpunished is None:
            return 0.0
        harms = []
        for feared in (0, 1):
            here = [feared if i == self.feared else v for i, v in enumerate(values)]
            fires = (rule for rule, condition in tried if self.holds(condition, here))
            rule = next(fires, None)
            harms.append((0.0, 0.0) if rule is None else (rule.ends, rule.corrects))
        ends, corrects = harms[1]
        return 0.0 if harms[0] == harms[1] else 1.0 - (1.0 - ends) * (1.0 - corrects)

    def survived(self, values: Sequence[int]) -> dict[int, int]:
        """The count after an act that went unpunished, as what it sets."""
        assert self.unpunished is not None
        now, last = values[self.unpunished], self.sizes[self.unpunished] - 1
        return {self.unpunished: now if now == last else min(now + 1, last - 1)}


def compile_tables(
    rules: World,
    structure: World | None = None,
    *,
    events: Mapping[str, int],
    hidden: Sequence[str] = (),
    blind_to: frozenset[str] = frozenset(),
    uncertain: frozenset[str] = frozenset(),
    lived: Iterable[int] | None = None,
    copies: Copies | None = None,
) -> Tables:
    """Compile one environment (docs/model.md, 1).

    Args:
        rules: the world whose rules, stimuli and drift hold.
        structure: the world whose variables and sites they hold on; ``rules`` itself where it
            is left out. Kinds that ``rules`` does not know are inert (docs/model.md, beliefs).
        events: event name -> event number, see :class:`evosim.world.Environment`.
        hidden: names of the hidden variables (documentation of ``blind_to``'s range).
        blind_to: hidden variables that stand, and stay, at their ``assume`` value.
        uncertain: hidden variables that stay where they are, wherever that is.
        lived: the x that lives in ``structure`` can come to; those by ``rules`` if None.
        copies: what lives leave to their copies; it splits events (:mod:`evosim.world.copies`).

    Raises:
        EvosimError: the two worlds' variables differ; or a start of ``structure`` is fatal by
            ``rules``.
        ValueError: ``blind_to`` or ``uncertain`` has a name that is not hidden.

    >>> from evosim import scenario
    >>> from evosim.world.tables import compile_tables, event_features
    >>> read = scenario.load("foraging")
    >>> home = read.environment("corridors")
    >>> names, _ = event_features(read, home)
    >>> tables = compile_tables(home, events={name: i for i, name in enumerate(names)})
    >>> float(tables.start_p.sum())
    1.0
    """
    structure = structure or rules
    unknown = (blind_to | uncertain) - set(hidden)
    if unknown:
        raise ValueError(f"not hidden variables: {sorted(unknown)}")
    c = Compiler(rules, structure, blind_to, uncertain)
    observed = [c.x_of(c.observed(values)) for values in c.values]
    dead = [c.dead(values) for values in c.values]
    # An agent can stand alive where its beliefs hold it for dead; there too it must decide.
    true = c if rules is structure else Compiler(structure, structure)
    _check_starts(true, observed, dead, rules.name)
    stood_at = {observed[x] for x, values in enumerate(c.values) if not true.dead(values)}
    alive = [x for x in range(c.n_x) if observed[x] == x and (x in stood_at or not dead[x])]
    local = rules.local
    # Those of a local world are in tables of their own.
    drift_rows = [[] if local else c.drift(values) for values in c.values]

    use_row = np.full((len(structure.slots), c.n_x), -1, np.int32)
    here_event = np.full(len(structure.slots), -1, np.int32)
    use_event: list[int] = []
    use_ends: list[float] = []
    outcome_rows: list[Outcomes] = []
    next_rows: list[Outcomes] = []
    punished = 0.0  # the chance that acts are that can be: there is one for all
    for s, slot in enumerate(structure.slots):
        kind = rules.kinds.get(slot.kind)
        if kind is None:
            continue
        if kind.here is not None:
            here_event[s] = events[f"{slot.kind}.here"]
        depletes = slot.ordinal >= 0 and kind.regrow is not None
        own = c.index[f"{slot.kind}[{slot.ordinal}]"] if depletes else None
        tried = [(name, rule, c.condition(rule.when)) for name, rule in kind.use.items()]
        rules_tried = [(rule, condition) for _, rule, condition in tried]
        for x, values in enumerate(c.values):
            if own is not None and values[own] == 0:
                continue
            for name, rule, condition in tried:
                if c.holds(condition, values):
                    sets = {} if own is None else {own: 0}
                    if chance := c.punishment(rules_tried, values):
                        punished = chance
                        sets |= c.survived(values)
                    outcomes = c.apply(rule, values, sets)
                    use_row[s, x] = len(use_event)
                    use_event.append(events[f"{slot.kind}.{name}"])
                    use_ends.append(rule.ends)
                    outcome_rows.append(outcomes)
                    goes_on = 1.0 - rule.ends
                    next_rows.append(
                        merge(
                            (after, goes_on * q * p)
                            for mid, q in outcomes
                            for after, p in drift_rows[mid]
                        )
                    )
                    break
    use_row.flags.writeable = False
    here_event.flags.writeable = False

    bequest = None
    deaths: list[list[int]] = [[] for _ in c.values]
    if copies is not None:
        bequest, use_event, deaths = _bequest(
            c, copies, len(events), use_event, use_ends, outcome_rows
        )

    always = [
        (events[f"always.{name}"], c.condition(rule.when)) for name, rule in rules.always.items()
    ]
    always_rows = [
        [e for e, cond in always if c.holds(cond, values)] + deaths[x]
        for x, values in enumerate(c.values)
    ]

    n_v = len(c.names)
    move_chance = np.zeros((n_v, c.n_x))
    move_delta = np.zeros((n_v, c.n_x), np.int32)
    for i, step, chance, condition in c.drifts:
        for x, values in enumerate(c.values):
            if c.holds(condition, values):
                move_chance[i, x] = chance
                move_delta[i, x] = (c.moved(values, i, step) - values[i]) * c.strides[i]
    move_chance.flags.writeable = False
    move_delta.flags.writeable = False

    starts = _start(c)
    # What a mind plans for is where it can stand, and what may follow from there by its beliefs.
    stands = {observed[x] for x in ((x for x, _ in starts) if lived is None else lived)}
    # Movers go everywhere, and arriving does things too: a local world is planned for as a whole.
    foresight = _foresight(c, punished)
    reached = set(alive) if local else _closure(stands, use_row, next_rows, drift_rows, foresight)
    live = [x for x in alive if x in reached]
    unreached = [x for x in alive if x not in reached]

    scent_like = np.arange(c.n_x, dtype=np.int32)
    first: dict[bytes, int] = {}
    fired = np.where(use_row >= 0, np.array([*use_event, -1])[use_row], -1)
    for x in (*live, *unreached):
        scent_like[x] = first.setdefault(fired[:, x].tobytes(), x)
    scent_like.flags.writeable = False

    flat = [pair for row in outcome_rows for pair in row]
    ends_flat = [e for e, row in zip(use_ends, outcome_rows, strict=True) for _ in row]
    drift_flat = [pair for row in drift_rows for pair in row]
    next_flat = [pair for row in next_rows for pair in row]
    return Tables(
        live=_frozen(live, np.int32),
        unreached=_frozen(unreached, np.int32),
        observed=_frozen(observed, np.int32),
        dead=_frozen(dead, np.uint8),
        start_x=_frozen((x for x, _ in starts), np.int32),
        start_p=_frozen((p for _, p in starts), np.float64),
        drift_ptr=_rows(drift_rows),
        drift_x=_frozen((x for x, _ in drift_flat), np.int32),
        drift_p=_frozen((p for _, p in drift_flat), np.float64),
        drift_p32=_frozen((p for _, p in drift_flat), np.float32),
        move_chance=move_chance,
        move_delta=move_delta,
        use_row=use_row,
        use_event=_frozen(use_event, np.int32),
        use_ends=_frozen(use_ends, np.float64),
        outcome_ptr=_rows(outcome_rows),
        outcome_x=_frozen((x for x, _ in flat), np.int32),
        outcome_p=_frozen((p for _, p in flat), np.float64),
        outcome_p32=_frozen(
            (p * (1.0 - e) for (_, p), e in zip(flat, ends_flat, strict=True)), np.float32
        ),
        next_ptr=_rows(next_rows),
        next_x=_frozen((x for x, _ in next_flat), np.int32),
        next_p32=_frozen((p for _, p in next_flat), np.float32),
        here_event=here_event,
        always_ptr=_rows(always_rows),
        always_event=_frozen((e for row in always_rows for e in row), np.int32),
        scent_like=scent_like,
        n_actions=6 if structure.stay else 5,
        stay=bool(structure.stay),
        slip=float(rules.slip),
        arrivals=any(always_rows) or bool((here_event >= 0).any()),
        local=compile_local(
            c, events=events, live=live, observed=observed, dead=dead, starts=starts
        )
        if local
        else None,
        foresight=foresight,
        bequest=bequest,
    )


def _bequest(
    c: Compiler,
    copies: Copies,
    n_events: int,
    use_event: Sequence[int],
    use_ends: Sequence[float],
    outcome_rows: Sequence[Outcomes],
) -> tuple[Bequest, list[int], list[list[int]]]:
    """What is left to copies, the events of use rows and those of deaths at each x."""
    left = c.condition(copies.when)
    use_left = [
        ends * sum(p for x, p in row if c.holds(left, c.values[x]))
        for ends, row in zip(use_ends, outcome_rows, strict=True)
    ]
    deaths = [
        sum(p for after, p in c.drifted(values) if c.dead(after) and c.holds(left, after))
        for values in c.values
    ]
    used, died, chances, like = split_events(n_events, use_event, use_left, deaths)
    own = c.index[copies.variable]
    bequest = Bequest(
        left=_frozen(chances, np.float64),
        like=_frozen(like, np.int32),
        boon=_frozen((values[own] for values in c.values), np.int32),
        relatedness=copies.relatedness,
    )
    return bequest, used, died


def _foresight(c: Compiler, punished: float) -> Foresight | None:
    """Which mind decides where, and what it takes for one; None where nobody can be corrected, and
    nobody is uncertain.

    Args:
        punished: the chance that acts are, where what is feared is so.
    """
    own = c.corrections
    if own is None and not c.still:
        return None
    partner, belief, likelihood = [-1] * c.n_x, [0] * c.n_x, np.ones((2, 1))
    if c.still:
        assert c.unpunished is not None
        last = c.sizes[c.unpunished] - 1
        likelihood = np.ones((2, last + 1))
        # A running product: a power is free in its last bit.
        likelihood[1, 1:] = np.cumprod(np.full(last, 1.0 - punished))
        likelihood[:, last] = 0.0, 1.0  # it was punished
        belief = [values[c.unpunished] for values in c.values]
        away = c.strides[c.feared]
        partner = [x + away if v[c.feared] == 0 else -1 for x, v in enumerate(c.values)]
    return Foresight(
        corrections=_frozen((0 if own is None else values[own] for values in c.values), np.int32),
        stride=0 if own is None else c.strides[own],
        partner=_frozen(partner, np.int32),
        belief=_frozen(belief, np.int32),
        likelihood=_frozen(likelihood, np.float64),
    )


def _closure(
    starts: Iterable[int],
    use_row: NDArray[np.int32],
    next_rows: Sequence[Outcomes],
    drift_rows: Sequence[Outcomes],
    foresight: Foresight | None,
) -> set[int]:
    """The x that steps can lead to, from some on, whatever is done and wherever sites lie.

    Also those that an uncertain mind takes for one with them; and after a correction those to which
    they would have led without it: whoever does not foresee that the drives change plans as if they
    had not.
    """
    reached, left = set(), list(starts)
    twin: dict[int, int] = {}
    if foresight is not None:
        twin = {x: other for x, other in enumerate(foresight.partner.tolist()) if other >= 0}
        twin |= {other: x for x, other in twin.items()}
    while left:
        x = left.pop()
        if x not in reached:
            reached.add(x)
            left += [twin[x]] if x in twin else []
            used = (next_rows[row] for row in use_row[:, x] if row >= 0)
            left += [after for row in (drift_rows[x], *used) for after, _ in row]
            if foresight is not None and foresight.corrections[x] > 0:
                left.append(x - foresight.stride)
    return reached


def _check_starts(
    lived: Compiler, observed: Sequence[int], dead: Sequence[bool], believed: str
) -> None:
    for x, _ in _start(lived):
        if dead[observed[x]]:
            named = zip(lived.names, lived.values[x], strict=True)
            state = ", ".join(f"{name} = {value}" for name, value in named)
            raise EvosimError(
                f"a life in {lived.rules.name!r} can start at {state}, which is fatal in "
                f"{believed!r}: minds that believe in it take themselves for dead at birth; "
                "change a start or a fatal value, or believe in another environment"
            )


def _start(c: Compiler) -> Outcomes:
    """The distribution of x at birth."""
    weights: list[list[float]] = []
    walkers = movers_begin(c.structure)
    for variable in c.structure.state_variables:
        declared = c.rules.variables.get(variable.name)
        start: int | Sequence[float] = 1  # a site starts full
        if declared is not None:
            start = declared.start
        elif variable.name in walkers:
            start = walkers[variable.name]
        if isinstance(start, int):
            weights.append([float(v == start) for v in range(variable.values)])
        else:
            total = math.fsum(start)
            weights.append([w / total for w in start])
    return merge(
        (c.x_of(values), math.prod(w[v] for w, v in zip(weights, values, strict=True)))
        for values in c.values
    )


def event_features(scenario: Scenario, world: World) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The events of a world and their features (docs/model.md, 1, events).

    Returns:
        names: ``kind.rule`` of a use, ``kind.enter.rule``, ``kind.here``, ``always.rule``,
            ``mover.meet.rule``, ``mover.use.rule`` and ``field.name@strength``.
        phi: [events, features]: stimuli, payoffs, then looks, which are those of the kind for
            its use rules and 0 for all else.
    """
    columns = {("feels", s): i for i, s in enumerate(scenario.stimuli)}
    columns |= {("yields", p): len(columns) + i for i, p in enumerate(scenario.payoffs)}
    columns |= {("looks", look): len(columns) + i for i, look in enumerate(scenario.looks)}
    names: list[str] = []
    rows: list[NDArray[np.float64]] = []

    def add(
        name: str,
        effect: object,
        looks: Mapping[str, float] | None = None,
        strength: float = 1.0,
    ) -> None:
        row = np.zeros(len(columns))
        for look, amount in (looks or {}).items():
            row[columns["looks", look]] = amount
        for part in ("feels", "yields"):
            for what, amount in getattr(effect, part).items():
                row[columns[part, what]] = strength * amount
        names.append(name)
        rows.append(row)

    for kind_name, kind in world.kinds.items():
        for rule_name, rule in kind.use.items():
            add(f"{kind_name}.{rule_name}", rule, kind.looks)
        for rule_name, rule in kind.enter.items():
            add(f"{kind_name}.enter.{rule_name}", rule)
        if kind.here is not None:
            add(f"{kind_name}.here", kind.here)
    for name, felt in world.always.items():
        add(f"always.{name}", felt)
    for mover_name, mover in world.movers.items():
        for how, rules in (("meet", mover.meet), ("use", mover.use)):
            for rule_name, rule in rules.items():
                add(f"{mover_name}.{how}.{rule_name}", rule)
    for name, field in world.fields.items():
        for strength in world.strengths_of(name):
            add(field_event_name(name, strength), field, strength=strength)
    phi = np.array(rows).reshape(len(rows), len(columns))
    phi.flags.writeable = False
    return tuple(names), phi


def weighted_sum(
    amounts: NDArray[np.integer] | NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """amounts @ weights (as counts of events times their features), the same bits everywhere.

    Summed term by term, in order: a matrix product would leave the order of the sum, and with it
    the last bit, to the machine's linear algebra.

    Args:
        amounts: [..., n].
        weights: [n, k] or [n].

    Returns:
        [..., k] or [...]

    >>> weighted_sum(np.array([[2, 1], [0, 3]]), np.array([0.5, 2.0]))
    array([3., 6.])
    """
    total = np.zeros((*amounts.shape[:-1], *weights.shape[1:]))
    for i in range(len(weights)):
        total += np.multiply.outer(amounts[..., i], weights[i])
    return total
