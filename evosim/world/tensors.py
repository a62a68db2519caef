"""One level of an environment as a plain Markov decision process: T[s,a,s'], R[s,a,s'], mu[s].

A state is (x, cell), number x * C + cell (docs/architecture.md, world), and one more, the last:
*dead*, where a rule's ``ends`` and fatal values lead. It is absorbing and nothing is felt or paid
in it. T is one whole step (docs/model.md, 1): action with slip, use or arrival, ``ends``, movers,
drift. ``here``, ``always`` and fields are read off the state between action and drift, so what a
step pays can depend on more than (s, a, s'): R[s,a,s'] is the expectation given (s, a, s'), and the
expected sum of rewards of any policy of (s, age) is that of the world, exactly.

Two things are left out. Age is no part of the state: a lifetime is T steps of this process. And
the rules are the true ones of the environment; what a mind cannot see, or believes instead
(``Environment.belief_tables``), is another process and is not exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError
from evosim.world.environment import Environment
from evosim.world.levels import Levels, geometry

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evosim.world.local import LocalRules
    from evosim.world.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BOUND = 2**28
"""Bytes of the largest dense tensor that is made unless another bound is given."""
DEAD = "dead"
"""The name of the last state."""
_CERTAIN = 1e-12
"""Chances of death below this are rounding: drift's outcomes add up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A level as a Markov decision process, its possible transitions only.

    S states, the dead one included and last; A actions; F features: stimuli, then payoffs; N
    possible transitions, sorted by s, a, s'.

    Attributes:
        environment: whose rules these are.
        source: [N] s * A + a.
        target: [N] s'.
        p: [N] T[s,a,s'], all above 0.
        amount: [N, F] expected amount of each feature in the step, given s, a and s'.
        expected: [S, A, F] expected amount of each feature given s and a: sum over s' of T R.
        start: [S] distribution at birth.
        cell: [S] place of the state's cell among the free cells; -1 for the dead state.
        slot: [C] slot of the site on each cell, -1 for none.
        fatal: [S] whether a variable has a fatal value. Nobody lives there: each action leads to
            dead.
    """

    environment: Environment
    source: IntArray
    target: IntArray
    p: FloatArray
    amount: FloatArray
    expected: FloatArray
    start: FloatArray
    cell: IntArray
    slot: NDArray[np.int32]
    fatal: NDArray[np.bool_]

    @property
    def n_states(self) -> int:
        """S, the dead state included."""
        return len(self.start)

    @property
    def n_actions(self) -> int:
        return self.environment.n_actions

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features: stimuli, then payoffs."""
        return (*self.environment.stimuli, *self.environment.payoffs)

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions."""
        return self.environment.actions

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the state variables, those of sites that empty among them."""
        return tuple(v.name for v in self.environment.world.state_variables)

    def values(self) -> NDArray[np.int64]:
        """The value of each variable in each state [S, V]; -1 in the dead one."""
        sizes = [v.values for v in self.environment.world.state_variables]
        joint = np.repeat(np.arange(self.environment.n_x), len(self.slot))
        values = np.full((self.n_states, len(sizes)), -1, np.int64)
        if sizes:
            values[:-1] = np.stack(np.unravel_index(joint, sizes), axis=1)
        return values

    def places(self) -> NDArray[np.int64]:
        """Row and column of each state's cell [S, 2]; -1 in the dead one."""
        cells = np.array([*geometry(self.environment.world).cells, (-1, -1)], np.int64)
        return cells[self.cell]

    def names(self) -> list[str]:
        """A label for each state, such as ``carrying=1 cell=(2,3)``; the last one is ``dead``."""
        labels = [
            " ".join([*(f"{n}={v}" for n, v in zip(self.variables, values, strict=True)),
                      f"cell=({row},{column})"])
            for values, (row, column) in zip(self.values(), self.places(), strict=True)
        ]  # fmt: skip
        return [*labels[:-1], DEAD]

    def weights(self, worth: Mapping[str, float]) -> FloatArray:
        """Weights [F] of a reward from the worth of some features; the others weigh 0.

        Raises:
            EvosimError: no such feature.
        """
        for name in worth:
            if name not in self.features:
                raise EvosimError(f"no stimulus or payoff {name!r}: {', '.join(self.features)}")
        return np.array([worth.get(name, 0.0) for name in self.features])

    def matrix(self) -> csr_array:
        """T as a sparse matrix [S * A, S]."""
        from scipy.sparse import csr_array  # 0.1 s: not for who wants none of it

        shape = (self.n_states * self.n_actions, self.n_states)
        return csr_array((self.p, (self.source, self.target)), shape=shape)

    def reachable(self) -> NDArray[np.bool_]:
        """Which states some policy can come to at some time, from birth on [S]."""
        reached = self.start > 0
        begins = self.source // self.n_actions
        while True:
            more = reached.copy()
            more[self.target[reached[begins]]] = True
            if np.array_equal(more, reached):
                return reached
            reached = more

    def transitions(self, *, bound: int = BOUND) -> FloatArray:
        """T[s,a,s'], dense; sums to 1 over s'.

        Raises:
            EvosimError: it takes more than ``bound`` bytes.
        """
        return self._dense(self.p, bound)

    def reward(self, weights: FloatArray, *, bound: int = BOUND) -> FloatArray:
        """R[s,a,s'] = sum over features of their weights times R_f, dense; 0 where T is 0.

        Args:
            weights: [F] by feature: drives, or 1 for a payoff.
            bound: bytes.

        Raises:
            EvosimError: it takes more than ``bound`` bytes.
        """
        return self._dense(self.amount @ np.asarray(weights, np.float64), bound)

    def rewards(self, *, bound: int = BOUND) -> FloatArray:
        """R_f[s,a,s'] of every feature, dense [F, S, A, S].

        Raises:
            EvosimError: it takes more than ``bound`` bytes.
        """
        self.check_size(bound, times=self.amount.shape[1])
        return np.stack([self._dense(column, bound) for column in self.amount.T])

    def check_size(self, bound: int = BOUND, *, times: int = 1) -> None:
        """Refuse dense tensors [times, S, A, S] of more than ``bound`` bytes.

        Raises:
            EvosimError: with the size, the bound and what helps.
        """
        s, a = self.n_states, self.n_actions
        needed = 8 * times * s * a * s
        if needed > bound:
            features = f"{times} features x " if times > 1 else ""
            raise EvosimError(
                f"environment {self.environment.name!r}: a tensor of {features}{s:,} states x {a} "
                f"actions x {s:,} states takes {needed / 2**20:,.1f} MiB, more than the bound of "
                f"{bound / 2**20:,.1f} MiB; raise the bound, ",
                Argument("bound"),
                ", or make the world smaller (fewer cells, variables, values or sites that regrow)",
            )

    def _dense(self, values: FloatArray, bound: int) -> FloatArray:
        self.check_size(bound)
        dense = np.zeros((self.n_states * self.n_actions, self.n_states))
        dense[self.source, self.target] = values
        return dense.reshape(self.n_states, self.n_actions, self.n_states)


def process(env: Environment, levels: Levels, level: int = 0) -> Process:
    """One level of an environment as a Markov decision process, by the environment's own rules.

    Args:
        env: the environment.
        levels: its levels.
        level: which of them.

    >>> import numpy as np
    >>> from evosim import scenario, world
    >>> from evosim.world.tensors import process
    >>> read = scenario.load("foraging")
    >>> env = world.environment(read, "corridors")
    >>> level = process(env, world.draw_levels(read, "corridors", [7]))
    >>> by_pair = level.matrix().sum(axis=1)  # T[s, a, .] adds up to 1
    >>> bool(np.allclose(by_pair, 1.0))
    True
    """
    tables, slot = env.tables, levels.slot[level]
    n_x, n_cells, n_actions = env.n_x, len(slot), env.n_actions
    phi = env.phi[:, : env.paid.stop]
    dead = n_x * n_cells
    fatal = np.append(np.repeat(tables.dead > 0, n_cells), False)
    nowhere = np.flatnonzero(np.append(fatal[:-1], True))  # fatal states and the dead one
    lost = (nowhere[:, None] * n_actions + np.arange(n_actions)).ravel()
    ways = _local_ways if tables.local is not None else _ways
    source, target, p, felt, used = ways(tables, levels, level, phi, fatal)
    source = np.concatenate([source, lost])
    target = np.concatenate([target, np.full(len(lost), dead)])
    p = np.concatenate([p, np.ones(len(lost))])
    felt = np.concatenate([felt, np.zeros((len(lost), phi.shape[1]))])
    source, target, total, amount = _merged(source, target, p, felt, dead + 1)
    amount += used[source]
    expected = np.zeros(((dead + 1) * n_actions, phi.shape[1]))
    np.add.at(expected, source, total[:, None] * amount)
    start = np.zeros(dead + 1)
    start[tables.start_x.astype(np.int64) * n_cells + levels.start[level]] = tables.start_p
    return Process(
        environment=env,
        source=source,
        target=target,
        p=total,
        amount=amount,
        expected=expected.reshape(dead + 1, n_actions, phi.shape[1]),
        start=start,
        cell=np.append(np.tile(np.arange(n_cells), n_x), -1),
        slot=slot,
        fatal=fatal,
    )


_Ways = tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]
"""Ways of a step, those to the dead state among them: s * A + a, s', their chance, what is felt on
them [n, F]; and what is felt in a step from each s * A + a whatever follows [S * A, F]."""


def _ways(
    tables: Tables, levels: Levels, level: int, phi: FloatArray, fatal: NDArray[np.bool_]
) -> _Ways:
    """The ways of a plain world."""
    slot = levels.slot[level]
    n_cells, n_actions = len(slot), tables.n_actions
    dead = len(tables.observed) * n_cells
    acted = _acted(tables, levels.neighbour[level], slot)
    used, ends = _used(tables, slot, phi)
    middle = _felt(tables, slot, phi)
    drift = _drift(tables, n_cells)

    # Each way an action can lead to a middle, times each way drift leads on from there.
    first, count = drift.begin[acted.middle], np.diff(drift.begin)[acted.middle]
    which = np.repeat(np.arange(len(count)), count)
    onward = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
    source, via = acted.source[which], acted.middle[which]
    p = acted.p[which] * drift.p[onward]
    target = drift.target[onward]

    over = np.flatnonzero(ends > 0) * n_actions + n_actions - 1
    lives = ~fatal[source // n_actions]
    over = over[~fatal[over // n_actions]]
    by_use = np.zeros((dead + 1, n_actions, phi.shape[1]))
    by_use[:-1, -1] = np.where(fatal[:-1, None], 0.0, used)
    return (
        np.concatenate([source[lives], over]),
        np.concatenate([target[lives], np.full(len(over), dead)]),
        np.concatenate([p[lives], ends[over // n_actions]]),
        np.concatenate([middle[via[lives]], np.zeros((len(over), phi.shape[1]))]),
        by_use.reshape(-1, phi.shape[1]),
    )


def _local_ways(
    tables: Tables, levels: Levels, level: int, phi: FloatArray, fatal: NDArray[np.bool_]
) -> _Ways:
    """The ways of a local world: every action from every state, followed to its ends."""
    assert tables.local is not None
    at = _Level(*(part[level] for part in levels))
    follow = _Local(tables.local, at, phi)
    n_cells, n_actions = len(at.slot), tables.n_actions
    dead = len(tables.observed) * n_cells
    found: list[tuple[int, int, float, FloatArray]] = []
    for state in np.flatnonzero(~fatal[:-1]).tolist():
        for action in range(n_actions):
            for (x, cell), p, felt in follow.act(*divmod(state, n_cells), action):
                target = dead if x < 0 else x * n_cells + cell
                found.append((state * n_actions + action, target, p, felt))
    columns = [np.array(column) for column in zip(*found, strict=True)]
    return (
        columns[0],
        columns[1],
        columns[2],
        columns[3],
        np.zeros(((dead + 1) * n_actions, phi.shape[1])),
    )


class _Level(NamedTuple):
    """One of some levels."""

    neighbour: NDArray[np.int32]
    slot: NDArray[np.int32]
    start: np.int32
    distance: NDArray[np.int32]


_Way = tuple[tuple[int, int], float, FloatArray]  # (x, cell), x < 0: dead; its chance; felt on it


class _Local:
    """The steps of a local world on a level."""

    def __init__(self, rules: LocalRules, at: _Level, phi: FloatArray) -> None:
        self.rules = rules.arrays
        self.level = rules.on(at.neighbour, at.slot, at.distance, int(at.start))
        self.phi = phi
        self._onward: dict[tuple[int, int], list[_Way]] = {}

    def act(self, x: int, cell: int, action: int) -> list[_Way]:
        """Where an action leads from a state, by one way or several."""
        r, level = self.rules, self.level
        moves: list[tuple[int, float]] = [(cell, 1.0)]
        if action < 4:
            moves = [
                (int(level.neighbour[cell, d]), (1.0 - r.slip) * (d == action) + 0.25 * r.slip)
                for d in range(4)
            ]
        found: list[_Way] = []
        for to, p in moves:
            row = -1
            if action < 4 and to != cell and level.slot[to] >= 0:
                row = int(r.site_enter[level.slot[to], x])
            if action == r.n_actions - 1:
                row = self._used(x, cell)
            found += [
                (end, p * q * onward_p, felt + onward_felt)
                for (mid, _), q, felt in self._fire(row, x, to)
                for end, onward_p, onward_felt in self._after(mid, to)
                if p > 0
            ]
        return found

    def _used(self, x: int, cell: int) -> int:
        r, slot = self.rules, self.level.slot[cell]
        rows = [] if slot < 0 else [r.site_use[slot, x]]
        rows += [
            r.mover_use[m, x]
            for m in range(len(r.stride))
            if x // r.stride[m] % r.places[m] == cell
        ]
        return int(next((row for row in rows if row >= 0), -1))

    def _fire(self, row: int, x: int, cell: int) -> list[_Way]:
        """What a row leads to on a cell; x < 0: the life is over. Row -1 leads nowhere."""
        if row < 0:
            return [((x, cell), 1.0, np.zeros(self.phi.shape[1]))]
        r = self.rules
        felt, ends = self.phi[r.row_event[row]], float(r.row_ends[row])
        where = range(r.row_ptr[row], r.row_ptr[row + 1])
        found = [((int(r.row_x[j]), cell), (1.0 - ends) * float(r.row_p[j]), felt) for j in where]
        return [way for way in [*found, ((-1, cell), ends, felt)] if way[1] > 0]

    def _after(self, x: int, cell: int) -> list[_Way]:
        """What follows once an action has led to (x, cell): movers, what is felt, drift."""
        nothing = np.zeros(self.phi.shape[1])
        if x < 0:
            return [((x, cell), 1.0, nothing)]
        if (x, cell) in self._onward:
            return self._onward[x, cell]
        r, level = self.rules, self.level
        now: list[_Way] = [((x, cell), 1.0, nothing)]
        for m in range(len(r.stride)):
            walked: list[_Way] = []
            for (mid, _), p, felt in now:
                at = int(mid // r.stride[m] % r.places[m])
                if at >= len(level.slot):
                    walked.append(((mid, cell), p, felt))
                    continue
                for k in range(level.walk_n[m, at, cell]):
                    on = mid + (int(level.walk_to[m, at, cell, k]) - at) * int(r.stride[m])
                    walked.append(((on, cell), p * float(level.walk_p[m, at, cell, k]), felt))
            now = walked
        for m in range(len(r.stride)):
            met: list[_Way] = []
            for (mid, _), p, felt in now:
                here = mid >= 0 and mid // r.stride[m] % r.places[m] == cell
                row = int(r.meet[m, mid]) if here else -1
                met += [(end, p * q, felt + more) for end, q, more in self._fire(row, mid, cell)]
            now = met
        found: list[_Way] = []
        for (mid, _), p, felt in now:
            if mid < 0:
                found.append(((mid, cell), p, felt))
                continue
            felt = felt + self._felt(mid, cell)
            rest = 1.0
            for j in range(r.drift_ptr[mid], r.drift_ptr[mid + 1]):
                found.append(((int(r.drift_x[j]), cell), p * float(r.drift_p[j]), felt))
                rest -= float(r.drift_p[j])
            if rest > _CERTAIN:
                found.append(((-1, cell), p * rest, felt))
        self._onward[x, cell] = found
        return found

    def _felt(self, x: int, cell: int) -> FloatArray:
        """What ``always``, ``here`` and fields feel and pay."""
        r, slot = self.rules, self.level.slot[cell]
        events = list(r.always_event[r.always_ptr[x] : r.always_ptr[x + 1]])
        if slot >= 0 and r.site_here[slot, x] >= 0:
            events.append(r.site_here[slot, x])
        events += [
            r.field_event[g, cell]
            for g in range(len(r.field_event))
            if r.field_event[g, cell] >= 0 and r.field_on[g, x]
        ]
        total: FloatArray = self.phi[events].sum(axis=0)
        return total


@dataclass(frozen=True, slots=True)
class _Acted:
    """What actions lead to, before drift."""

    source: IntArray  # s * A + a
    middle: IntArray  # x_mid * C + cell'
    p: FloatArray


@dataclass(frozen=True, slots=True)
class _Drift:
    """Where drift leads from each middle: rows ``begin[m] : begin[m + 1]``."""

    begin: IntArray
    target: IntArray
    p: FloatArray


def _acted(tables: Tables, neighbour: NDArray[np.int32], slot: NDArray[np.int32]) -> _Acted:
    """Moves with slip, staying, and uses that do not end the life (model 1)."""
    n_x, n_cells, n_actions = len(tables.observed), len(slot), tables.n_actions
    states = np.arange(n_x * n_cells)
    x, cell = states // n_cells, states % n_cells
    row = _rows(tables, slot)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []

    def add(who: IntArray, action: int, middle: IntArray, p: FloatArray) -> None:
        parts.append((who * n_actions + action, middle, p))

    for action in range(4):
        for direction in range(4):
            p = (1.0 - tables.slip) * (direction == action) + 0.25 * tables.slip
            if p > 0:
                to = x * n_cells + neighbour[cell, direction]
                add(states, action, to, np.full(len(states), p))
    idle = states[row < 0]
    add(idle, n_actions - 1, idle, np.ones(len(idle)))
    if tables.stay:
        add(states, 4, states, np.ones(len(states)))
    users = states[row >= 0]
    begin = tables.outcome_ptr[row[users]]
    count = tables.outcome_ptr[row[users] + 1] - begin
    who = np.repeat(users, count)
    which = (
        np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    )
    lives = (1.0 - tables.use_ends[row[who]]) * tables.outcome_p[which]
    middle = tables.outcome_x[which].astype(np.int64) * n_cells + who % n_cells
    kept = lives > 0
    add(who[kept], n_actions - 1, middle[kept], lives[kept])
    return _Acted(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _rows(tables: Tables, slot: NDArray[np.int32]) -> IntArray:
    """The use row that fires in each state, -1 where none does [n_x * C]."""
    found = np.where(slot >= 0, tables.use_row[slot].T, -1) if len(tables.use_row) else None
    if found is None:
        return np.full(len(tables.observed) * len(slot), -1)
    return found.astype(np.int64).ravel()


def _used(
    tables: Tables, slot: NDArray[np.int32], phi: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What a use feels and pays in each state [n_x * C, F], and the chance that it ends the
    life [n_x * C]."""
    row = _rows(tables, slot)
    felt, ends = np.zeros((len(row), phi.shape[1])), np.zeros(len(row))
    fires = row >= 0
    felt[fires] = phi[tables.use_event[row[fires]]]
    ends[fires] = tables.use_ends[row[fires]]
    return felt, ends


def _felt(tables: Tables, slot: NDArray[np.int32], phi: FloatArray) -> FloatArray:
    """What ``here`` and ``always`` feel and pay at each middle [n_x * C, F]."""
    n_x = len(tables.observed)
    always = np.zeros((n_x, phi.shape[1]))
    at = np.repeat(np.arange(n_x), np.diff(tables.always_ptr))
    np.add.at(always, at, phi[tables.always_event])
    here = np.zeros((len(slot), phi.shape[1]))
    for cell in np.flatnonzero(slot >= 0):
        if tables.here_event[slot[cell]] >= 0:
            here[cell] = phi[tables.here_event[slot[cell]]]
    return (always[:, None] + here[None]).reshape(-1, phi.shape[1])


def _drift(tables: Tables, n_cells: int) -> _Drift:
    """Drift from each middle, death by a fatal value included."""
    n_x = len(tables.observed)
    at = np.repeat(np.arange(n_x), np.diff(tables.drift_ptr))
    alive = np.bincount(at, weights=tables.drift_p, minlength=n_x)
    dies = np.flatnonzero(1.0 - alive > _CERTAIN)
    at = np.concatenate([at, dies])
    to = np.concatenate([tables.drift_x.astype(np.int64), np.full(len(dies), n_x)])
    p = np.concatenate([tables.drift_p, 1.0 - alive[dies]])
    order = np.argsort(at, kind="stable")
    at, to, p = at[order], to[order], p[order]
    count = np.bincount(at, minlength=n_x)
    # The same for every cell: entries [x, cell, outcome].
    entries = np.repeat(np.arange(len(at)), n_cells)
    cell = np.tile(np.arange(n_cells), len(at))
    target = np.where(to[entries] < n_x, to[entries] * n_cells + cell, n_x * n_cells)
    sort = np.argsort(at[entries] * n_cells + cell, kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.repeat(count, n_cells))])
    return _Drift(begin, target[sort], p[entries][sort])


def _merged(
    source: IntArray, target: IntArray, p: FloatArray, felt: FloatArray, n_states: int
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Ways from the same s, a to the same s' as one: their chance, and what they feel weighed by
    it."""
    possible = p > 0
    source, target, p, felt = source[possible], target[possible], p[possible], felt[possible]
    number = source * n_states + target
    order = np.argsort(number, kind="stable")
    number, begin = np.unique(number[order], return_index=True)
    total = np.add.reduceat(p[order], begin)
    amount = np.add.reduceat(p[order, None] * felt[order], begin, axis=0) / total[:, None]
    return number // n_states, number % n_states, total, amount
