"""Stress: which change of the world makes minds go on capably for something else.

A trained population is put into worlds that differ from its own in some numbers, and its
capability and alignment there are computed exactly; nothing evolves. One number at a time says how
far each may move before alignment is lost while capability is kept (goal misgeneralization, by the
thresholds of the scenario's verdict). A search over all of them at once (CMA-ES, Hansen &
Ostermeier 2001, doi:10.1162/106365601750190398) says how small a change is enough, and how bad a
change of a given size can be.

**Size.** A number that moves through all of its plausible range has moved by 1; several that move
have moved by the length of the vector of their moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from deap.cma import Strategy
from numpy.typing import NDArray

from evosim import core, world
from evosim.errors import Argument, EvosimError, ScenarioError, did_you_mean
from evosim.mind import Minds
from evosim.scenario import document, from_dict
from evosim.scenario.document import Path
from evosim.stats.scale import normalised

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world import Environment, Levels

Floats = NDArray[np.float64]
NAME = "stressed"
"""The environment that is made, where no other name is given."""
STEPS = 6
"""Places in each direction at which one number is tried before the border is searched."""
HALVINGS = 5
"""How often the interval that holds the border is halved."""
MOST_OF_A_KEY = 2 * (STEPS + HALVINGS)
"""Evaluations that one number takes at most, in both directions."""
BUDGET = 1000
"""Evaluations of the search over all numbers together, half of them for the worst change."""
RADIUS = 0.25
"""Size of the worst change."""
_SPREAD = 0.15
"""First step of the searches, in plausible ranges."""
_ROUNDING = 1e-5
"""By how much numbers of six digits may leave a radius."""
_UNMET = 100.0
"""What a change that does not collapse is worse than any that does."""


class Key(NamedTuple):
    """A number of the world that may be changed."""

    path: Path
    value: float
    low: float
    high: float
    whole: bool

    @property
    def name(self) -> str:
        """Its dotted key below an environment."""
        return ".".join(self.path)

    @property
    def range(self) -> float:
        """How far it can plausibly move: what counts as 1."""
        return self.high - self.low

    def at(self, move: float, *, inward: bool = False) -> float:
        """The number, moved by a share of its range and kept within it.

        Args:
            inward: a whole number that lies between two is the one nearer to the value as it is.
        """
        found = min(max(self.value + move * self.range, self.low), self.high)
        if not self.whole:
            return float(f"{found:.6g}")
        return self.value + math.trunc(found - self.value) if inward else float(round(found))


class Outcome(NamedTuple):
    """How minds fare in a changed world, the mean over them; NaN: no such world, or undefined."""

    capability: float
    alignment: float
    payoff: float
    reward: float
    true: float
    """Alignment of the same minds with the intended payoff for their only drive."""


NOTHING = Outcome(*[float("nan")] * len(Outcome._fields))


def keys(
    scenario: Scenario,
    environment: str,
    *,
    payoffs: bool = False,
    unfelt: bool = False,
    only: Sequence[str] | None = None,
) -> list[Key]:
    """The numbers of an environment that stress may change, and how far.

    Plausible ranges: what is felt from 0 to twice the largest that is felt anywhere in the scenario
    (from twice the least, where that is below 0); what is paid likewise; a chance from 0 to 1;
    the count of a kind from 0 to twice itself, or to 2; the lifetime from half to twice itself; a
    start over all values.

    Args:
        scenario: that the minds were trained in.
        environment: of which the numbers are.
        payoffs: also what is paid.
        unfelt: also stimuli that a thing does not have yet, which are 0.
        only: dotted keys, or what they begin with; None: all.

    Raises:
        EvosimError: nothing is left, or a key of ``only`` is none.

    Example:
        >>> from evosim import scenario
        >>> found = keys(scenario.load("strawberry"), "day", only=["kinds.lamp"])
        >>> [key.name for key in found][:2]
        ['kinds.lamp.count', 'kinds.lamp.use.throw.feels.gleam']
    """
    found = list(_keys(scenario, environment, payoffs, unfelt))
    if only is not None:
        for name in only:
            if not any(_is_below(key, name) for key in found):
                raise EvosimError(
                    f"no number {name!r} to change in environment {environment!r}: ",
                    *_instead(scenario, environment, name, [key.name for key in found]),
                )
        found = [key for key in found if any(_is_below(key, name) for name in only)]
    if not found:
        raise EvosimError(f"environment {environment!r} has no number that could be changed")
    return found


def _instead(
    scenario: Scenario, environment: str, name: str, known: Sequence[str]
) -> Iterator[str | Argument]:
    """What to do about a key that is none: ask for more numbers, or name another."""
    for option in ("payoffs", "unfelt"):
        more = _keys(scenario, environment, option == "payoffs", option == "unfelt")
        if any(_is_below(key, name) for key in more):
            yield from ("it is changed only with ", Argument(option, True))
            return
    yield did_you_mean(name, known)


def _is_below(key: Key, name: str) -> bool:
    return key.name == name or key.name.startswith(f"{name}.")


def _keys(scenario: Scenario, environment: str, payoffs: bool, unfelt: bool) -> Iterator[Key]:
    here = scenario.environment(environment)
    felt, paid = _largest(scenario, "feels"), _largest(scenario, "yields")
    yield Key(("lifetime",), here.lifetime, max(1, here.lifetime // 2), 2 * here.lifetime, True)
    yield Key(("slip",), here.slip, 0.0, 1.0, False)
    for name, variable in here.variables.items():
        if isinstance(variable.start, int) and variable.counts is None:
            yield Key(("variables", name, "start"), variable.start, 0, variable.values - 1, True)
        plain = document.plain(variable)
        if isinstance(plain.get("drift"), dict):
            chance = plain["drift"].get("chance", 1.0)
            yield Key(("variables", name, "drift", "chance"), chance, 0.0, 1.0, False)
    for name, kind in here.kinds.items():
        if kind.count:
            yield Key(("kinds", name, "count"), kind.count, 0, max(2, 2 * kind.count), True)
        if kind.regrow is not None:
            yield Key(("kinds", name, "regrow"), kind.regrow, 0.0, 1.0, False)
    for path, effect in here.effects():
        for stimulus in scenario.stimuli if unfelt else effect.feels:
            amount = effect.feels.get(stimulus, 0.0)
            yield Key((*path, "feels", stimulus), amount, *felt, False)
        for payoff, amount in effect.yields.items() if payoffs else ():
            yield Key((*path, "yields", payoff), amount, *paid, False)
        for chance_of in ("ends", "corrects"):
            chance = getattr(effect, chance_of, 0.0)
            if chance:
                yield Key((*path, chance_of), chance, 0.0, 1.0, False)


def _largest(scenario: Scenario, what: str) -> tuple[float, float]:
    """From where to where amounts of a scenario plausibly go."""
    amounts = [
        amount
        for name in scenario.environments
        for _, effect in scenario.environment(name).effects()
        for amount in getattr(effect, what).values()
    ]
    most = 2.0 * max((abs(amount) for amount in amounts), default=0.5) or 1.0
    return 2.0 * min(0.0, min(amounts, default=0.0)), most


class Population:
    """Trained minds, and how they fare wherever the world is changed.

    Args:
        scenario: that they were trained in.
        environment: that is changed.
        minds: [n].
        level_seeds: of the levels that they are measured on.
        known: outcomes of earlier evaluations, by the text of their change; new ones are put there.
        evaluated: called after each new evaluation.

    Raises:
        EvosimError: minds without drives, or of which nothing is exact.
    """

    def __init__(
        self,
        scenario: Scenario,
        environment: str,
        minds: Minds,
        level_seeds: Sequence[int],
        known: MutableMapping[str, list[float | None]] | None = None,
        evaluated: Callable[[], object] = int,
    ) -> None:
        if why := unsupported(scenario):
            raise EvosimError(why)
        self.scenario = scenario
        self.environment = environment
        self.minds = minds
        self._plain = scenario.to_dict()
        for key in ("experiment", "family"):
            self._plain.pop(key, None)
        self._written = dict(self._plain["environments"][environment])
        self._seeds = list(level_seeds)
        self._known: MutableMapping[str, list[float | None]] = {} if known is None else known
        self._evaluated = evaluated
        self._asked: set[str] = set()
        self._lives: list[_Lives] = []
        self._intended = len(scenario.stimuli) + scenario.payoffs.index(scenario.objective.intended)

    @property
    def evaluations(self) -> int:
        """Of different changes; those known before count, so that what was stopped ends alike."""
        return len(self._asked)

    def overrides(self, changes: Mapping[Path, float]) -> dict[str, Any]:
        """The environment with some numbers changed, as a scenario file has it."""
        return document.changed(self._written, changes)

    def document(self, changes: Mapping[Path, float], name: str = NAME) -> dict[str, Any]:
        """The scenario with the changed environment beside its own, as a plain document."""
        plain = document.merged(self._plain, {})
        plain["environments"][name] = self.overrides(changes)
        return plain

    def fare(self, changes: Mapping[Path, float]) -> Outcome:
        """How the minds fare where numbers are changed; NaN where there is no such world."""
        text = document.canonical({".".join(path): v for path, v in changes.items()})
        if text not in self._known:
            try:
                changed = from_dict(self.document(changes), name=self.scenario.id)
                outcome = self._measure(changed)
            except ScenarioError:
                outcome = NOTHING
            self._known[text] = [None if np.isnan(v) else v for v in outcome]
            self._evaluated()
        self._asked.add(text)
        return Outcome(*(float("nan") if v is None else v for v in self._known[text]))

    def _measure(self, changed: Scenario) -> Outcome:
        believes = self.scenario.agent.believes
        try:
            env = world.environment(changed, NAME)
            levels = world.draw_levels(changed, NAME, self._seeds)
            believed = world.environment(changed, believes) if believes else None
        except EvosimError:  # sites that do not fit, a start that is fatal in what is believed
            return NOTHING
        lives = self._lives_of(env, levels)
        instinct = self.scenario.agent.instinct
        counts = core.expectation(env, levels, self.minds, believed, instinct).counts.mean(axis=1)
        features = world.weighted_sum(counts, env.phi)
        weights = self.minds.weights.astype(np.float64)
        zero = self.scenario.verdict.zero
        nothing, uniform = lives.features(env)
        low = {"uniform": uniform, "nothing": nothing}.get(str(zero), np.zeros_like(uniform))
        paid = features[:, self._intended]
        zero_paid = zero if not isinstance(zero, str) else float(low[self._intended])
        reward = (features * weights).sum(axis=-1)
        best = core.optimum(env, levels, weights).mean(axis=1)
        optimal, true_paid = lives.intended(env, self._true_mind(), believed, instinct)
        return Outcome(
            _mean(normalised(reward, world.weighted_sum(weights, low), best)),
            _mean(normalised(paid, zero_paid, optimal)),
            _mean(paid),
            _mean(reward),
            _mean(normalised(np.array([true_paid]), zero_paid, optimal)),
        )

    def _true_mind(self) -> Minds:
        """One mind of the middle depth and patience with the intended payoff for its drive."""
        depth = self.minds.depth
        mind = self.minds.rows(np.argsort(depth, kind="stable")[[len(depth) // 2]])
        weights = np.zeros_like(mind.weights)
        weights[:, self._intended] = 1.0
        return mind._replace(weights=weights, arrival=np.zeros_like(mind.arrival))

    def _lives_of(self, env: Environment, levels: Levels) -> _Lives:
        """What does not depend on what is felt: computed once for all changes of that alone."""
        for lives in self._lives:
            if lives.are_of(env, levels):
                return lives
        self._lives = [*self._lives[-7:], _Lives(env, levels)]
        return self._lives[-1]


class _Lives:
    """What does not depend on what is felt, where lives go alike: uniform play, doing nothing, and
    what the best policy and a mind that wants the payoff itself are paid."""

    def __init__(self, env: Environment, levels: Levels) -> None:
        self._env, self._levels = env, levels
        self._uniform = core.uniform(env, levels).counts.mean(axis=(0, 1))
        self._nothing = core.nothing(env, levels).counts.mean(axis=(0, 1))
        self._paid: dict[bytes, tuple[float, float]] = {}

    def are_of(self, env: Environment, levels: Levels) -> bool:
        return (
            env.events == self._env.events
            and env.lifetime == self._env.lifetime
            and all(map(np.array_equal, levels, self._levels))
            and _same(env.tables, self._env.tables)
        )

    def features(self, env: Environment) -> tuple[Floats, Floats]:
        """[F] each: of doing nothing, of uniform play."""
        return self._nothing @ env.phi, self._uniform @ env.phi

    def intended(
        self, env: Environment, true: Minds, believed: Environment | None, instinct: bool
    ) -> tuple[float, float]:
        """The intended payoff of the best policy, and of a mind that wants nothing else.

        Args:
            true: the mind, one, whose only weight is that of the payoff.
        """
        weights = true.weights.astype(np.float64)
        paid = (env.phi @ weights[0]).tobytes()
        if paid not in self._paid:
            best = float(core.optimum(env, self._levels, weights).mean())
            counts = core.expectation(env, self._levels, true, believed, instinct).counts
            features = world.weighted_sum(counts.mean(axis=1), env.phi)
            self._paid[paid] = best, float((features * weights).sum())
        return self._paid[paid]


def _same(one: Any, other: Any) -> bool:
    """Whether two tables are equal, and those within them."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def unsupported(scenario: Scenario) -> str:
    """Why minds of a scenario cannot be put under stress; empty where they can."""
    if not scenario.agent.has_drives:
        return (
            "a table or a learner has no drives, so that nothing says whether it keeps its "
            "capability"
        )
    if scenario.built_in or scenario.agent.tool is not None:
        return "stress needs exact expectations, and minds with novelty or a tool have none"
    return ""


class Border(NamedTuple):
    """What one number does."""

    key: Key
    move: float | None
    """The smallest move at which it collapses, in ranges; None: nowhere."""
    value: float | None
    outcome: Outcome | None
    worst: Outcome
    """Where alignment is lowest of all that was tried while capability was kept."""
    worst_value: float
    slope: float
    """Alignment lost by a move of 1, of the steeper side of the value as it is."""
    course: list[tuple[float, float, float]]
    """(value, capability, alignment) of all that was tried, by value."""


class Judge:
    """Whether a change is goal misgeneralization: by the thresholds of the verdict."""

    def __init__(self, scenario: Scenario, base: Outcome) -> None:
        self._verdict = scenario.verdict
        self.base = base

    def keeps(self, outcome: Outcome) -> float:
        """By how much the share of the capability that is kept exceeds what is asked for."""
        return outcome.capability / self.base.capability - self._verdict.kept

    def saves(self, outcome: Outcome) -> float:
        """By how much the share of the alignment that is left exceeds what counts as lost."""
        return outcome.alignment / self.base.alignment - self._verdict.lost

    def collapsed(self, outcome: Outcome) -> bool:
        """Whether alignment is lost and capability kept."""
        return self.saves(outcome) <= 0.0 <= self.keeps(outcome)


def one_at_a_time(population: Population, judge: Judge, keys: Iterable[Key]) -> list[Border]:
    """What each number does by itself, those that collapse soonest first."""
    found = [_border(population, judge, key) for key in keys]

    def place(border: Border) -> tuple[float, float]:
        return (
            np.inf if border.move is None else abs(border.move),
            judge.saves(border.worst) if np.isfinite(border.worst.alignment) else np.inf,
        )

    return sorted(found, key=place)


def _border(population: Population, judge: Judge, key: Key) -> Border:
    tried: dict[float, Outcome] = {key.value: judge.base}

    def fare(value: float) -> Outcome:
        if value not in tried:
            tried[value] = population.fare({key.path: value})
        return tried[value]

    best: tuple[float, float] | None = None
    slope = 0.0
    for end in (key.low, key.high):
        moves = np.linspace(0.0, (end - key.value) / key.range, STEPS + 1)
        values = list(dict.fromkeys(key.at(float(move)) for move in moves))
        before = key.value
        for n, value in enumerate(values[1:]):
            outcome = fare(value)
            if n == 0 and np.isfinite(outcome.alignment):
                lost = (judge.base.alignment - outcome.alignment) / abs(value - key.value)
                slope = max(slope, float(lost * key.range), key=abs)
            if judge.collapsed(outcome):
                value = _halved(lambda v: judge.collapsed(fare(v)), before, value, key.whole)
                move = (value - key.value) / key.range
                if best is None or abs(move) < abs(best[0]):
                    best = (move, value)
                break
            before = value
    capable = {v: o for v, o in tried.items() if judge.keeps(o) >= 0.0}
    worst = min(capable, key=lambda v: capable[v].alignment, default=key.value)
    return Border(
        key,
        best[0] if best else None,
        best[1] if best else None,
        tried[best[1]] if best else None,
        tried[worst],
        worst,
        slope,
        [(v, tried[v].capability, tried[v].alignment) for v in sorted(tried)],
    )


def _halved(holds: Callable[[float], bool], no: float, yes: float, whole: bool) -> float:
    """Where something begins to hold between a value at which it does not and one at which it does;
    on the side where it does."""
    for _ in range(HALVINGS):
        middle = (no + yes) / 2
        middle = float(round(middle)) if whole else float(f"{middle:.6g}")
        if middle in (no, yes):
            break
        no, yes = (no, middle) if holds(middle) else (middle, yes)
    return yes


class Change(NamedTuple):
    """A change of several numbers at once."""

    moves: dict[str, float]
    """By key, in ranges; what did not move is left out."""
    values: dict[str, float]
    size: float
    outcome: Outcome
    evaluations: int


class _Tried(list[float]):
    """A point of the search as DEAP's strategy sees it."""

    fitness: float


def smallest(
    population: Population,
    judge: Judge,
    keys: Sequence[Key],
    *,
    begin: Sequence[Border] = (),
    budget: int,
    seed: int,
) -> Change | None:
    """The smallest change that collapses, as far as a search finds one.

    What is found is then made sparse: every number that can go back to where it was does.

    Args:
        begin: what single numbers do; the search begins at the one that collapses soonest.
        budget: most evaluations.
        seed: of the search.
    """
    first = next((b for b in begin if b.move is not None), None)
    start = np.zeros(len(keys))
    if first is not None:
        assert first.move is not None
        start[[key.path for key in keys].index(first.key.path)] = first.move

    def loss(moves: Floats, outcome: Outcome) -> float:
        if not np.isfinite(outcome.alignment + outcome.capability):
            return 2 * _UNMET
        if judge.collapsed(outcome):
            return float(np.linalg.norm(moves))
        return _UNMET + max(judge.saves(outcome), 0.0) + max(-judge.keeps(outcome), 0.0)

    found = _search(population, keys, start, loss, budget, seed)
    if found is None or not judge.collapsed(found.outcome):
        return None
    return _sparse(population, judge, keys, found)


def worst(
    population: Population,
    judge: Judge,
    keys: Sequence[Key],
    *,
    radius: float = RADIUS,
    budget: int,
    seed: int,
) -> Change | None:
    """The change of a given size that leaves the least alignment while capability is kept."""

    def loss(moves: Floats, outcome: Outcome) -> float:
        if not np.isfinite(outcome.alignment + outcome.capability):
            return 2 * _UNMET
        return outcome.alignment + _UNMET * max(-judge.keeps(outcome), 0.0)

    return _search(population, keys, np.zeros(len(keys)), loss, budget, seed, radius)


def _search(
    population: Population,
    keys: Sequence[Key],
    start: Floats,
    loss: Callable[[Floats, Outcome], float],
    budget: int,
    seed: int,
    radius: float = np.inf,
) -> Change | None:
    """The best change that CMA-ES finds within ranges, and within a radius."""
    n = len(keys)
    own = np.random.RandomState(seed % 2**32)
    strategy = Strategy(start, min(_SPREAD, radius), lambda_=4 + int(3 * np.log(n)) * 2)
    lowest = np.array([(key.low - key.value) / key.range for key in keys])
    highest = np.array([(key.high - key.value) / key.range for key in keys])
    best: tuple[float, Change] | None = None
    spent = 0
    points = [start]  # the start itself first
    while spent < budget:
        scored = []
        for point in points[: budget - spent]:
            moves = np.clip(point, lowest, highest)
            if (length := float(np.linalg.norm(moves))) > radius:
                moves = moves * (radius / length)
            values = _values(keys, moves, radius)
            changes = {key.path: v for key, v in values.items() if v != key.value}
            moves = _moves(values)
            outcome = population.fare(changes)
            spent += 1
            one = _Tried(moves.tolist())
            # DEAP's strategy looks for the largest.
            one.fitness = -loss(moves, outcome)
            scored.append(one)
            if best is None or -one.fitness < best[0]:
                best = (-one.fitness, _change(keys, values, outcome, spent))
        if len(scored) == strategy.lambda_:
            strategy.update(scored)
        steps = own.standard_normal((strategy.lambda_, n))
        points = list(strategy.centroid + strategy.sigma * np.dot(steps, strategy.BD.T))
    return best[1]._replace(evaluations=spent) if best else None


def _values(keys: Sequence[Key], moves: Floats, radius: float) -> dict[Key, float]:
    """The numbers after some moves; what rounding takes out of the radius is rounded inwards."""
    values = {key: key.at(float(move)) for key, move in zip(keys, moves, strict=True)}
    if np.linalg.norm(_moves(values)) <= radius + _ROUNDING:
        return values
    return {key: key.at(float(move), inward=True) for key, move in zip(keys, moves, strict=True)}


def _moves(values: Mapping[Key, float]) -> Floats:
    """How far each number has moved, in its range."""
    return np.array([(value - key.value) / key.range for key, value in values.items()])


def _change(
    keys: Sequence[Key], values: Mapping[Key, float], outcome: Outcome, evaluations: int
) -> Change:
    moves = {
        key.name: (values[key] - key.value) / key.range for key in keys if values[key] != key.value
    }
    size = float(np.linalg.norm(list(moves.values()))) if moves else 0.0
    named = {key.name: values[key] for key in keys if values[key] != key.value}
    return Change(moves, named, size, outcome, evaluations)


def _sparse(population: Population, judge: Judge, keys: Sequence[Key], change: Change) -> Change:
    """The change without the numbers that need not move, the smallest moves first."""
    values = {key: change.values.get(key.name, key.value) for key in keys}
    outcome, spent = change.outcome, change.evaluations
    for name in sorted(change.moves, key=lambda name: abs(change.moves[name])):
        key = next(key for key in keys if key.name == name)
        less = {**values, key: key.value}
        fares = population.fare({k.path: v for k, v in less.items() if v != k.value})
        spent += 1
        if judge.collapsed(fares):
            values, outcome = less, fares
    return _change(keys, values, outcome, spent)
