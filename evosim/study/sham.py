"""Sham flips: changes of a world as large as a given one, drawn at random, that break no proxy.

A control in which nothing changes loses nothing, whatever evolves, and so cannot fail. A sham
changes as many numbers of the world, each as far, at places drawn at random, until the proxy that
stands for the payoff still does. If a population loses as much under it, the loss has another cause
than the proxy.

**Size** is the number of keys that change and how far each moves, in the unit of its kind (what is
felt or paid, a count, a chance). Distances of rewards would be no such measure: a sham that leaves
the payoff as it is has none from it, and worlds of other states have none at all.

**The proxy** is the weighted sum of stimuli that is nearest to the intended payoff in the world
before, the best that drives could be. It is valid in another world if its EPIC distance from the
payoff there (:func:`evosim.metrics.reward_distance.epic`) is no more than :data:`VALID` larger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim.errors import EvosimError, ScenarioError
from evosim.metrics import rewards
from evosim.metrics.query import main_environment
from evosim.metrics.rewards import Floats
from evosim.rng import Purpose, key
from evosim.scenario import document, from_dict
from evosim.scenario.document import Path, inline
from evosim.study.design import changed, reference

if TYPE_CHECKING:
    from evosim.scenario import Scenario

VALID = 0.1
"""How much farther from the payoff a valid proxy may be: 0 is the same, 1/2 unrelated."""
NAME = "sham"
"""The environment of a sham, if no other name is given."""
SEED = 1
MOST_DRAWS = 500
_AMOUNTS = ("feels", "yields")


class Sham(NamedTuple):
    """A sham flip that was drawn."""

    name: str
    before: str
    after: str
    overrides: dict[str, Any]
    """Of the environment, on the world."""
    changes: dict[Path, Any]
    """What differs from the environment before: numbers, and whole kinds, by path."""
    draws: int
    """How many were drawn until the proxy stayed valid."""
    distances: dict[str, float]
    """Of the best proxy from the payoff, by environment."""

    def to_toml(self) -> str:
        """The environment, to be put into a scenario file."""
        apart = ", ".join(f"{name} {d:.3f}" for name, d in self.distances.items())
        lines = [
            f"# A sham of the change from {self.before} to {self.after}: as many numbers, each "
            "moved as far, at",
            f"# places drawn at random; draw {self.draws}, the first that leaves the best proxy "
            "valid. EPIC",
            f"# distances of that proxy from the payoff: {apart}.",
            f"[environments.{self.name}]",
            f'title = "a sham of {self.after}"',
        ]
        own = document.merged({}, self.overrides)
        for path, value in self.changes.items():
            lines.append(f"{'.'.join(path)} = {inline(value)}")
            _remove(own, path)
        lines += [f"{'.'.join(path)} = {inline(value)}" for path, value in document.leaves(own)]
        return "\n".join(lines) + "\n"


def draw(
    scenario: Scenario,
    *,
    seed: int = SEED,
    before: str | None = None,
    after: str | None = None,
    name: str = NAME,
) -> Sham:
    """Draw a sham of a change from one environment to another.

    Args:
        scenario: has both; an environment that has the sham's name already is not looked at.
        seed: of the draws.
        before, after: the environments; of the first flip if None.
        name: of the new environment.

    Raises:
        EvosimError: there is no flip; the change is none of numbers and new kinds; it leaves the
            best proxy valid itself; or no sham of it does.

    Example:
        >>> from evosim import scenario
        >>> sham = draw(scenario.load("strawberry"))
        >>> sham.before, sham.after
        ('day', 'evening')
    """
    base = _without(scenario, name)
    before, after = _flip(base, before, after)
    moved, added = differences(base, before, after)
    proxy = best_proxy(base, before)
    known = {where: distance(base, where, proxy) for where in (before, after)}
    if known[after] <= known[before] + VALID:
        raise EvosimError(
            f"scenario {base.id!r}: the change from {before!r} to {after!r} breaks no proxy (the "
            f"best one is {known[before]:.3g} and {known[after]:.3g} from the payoff, EPIC), so "
            "that a sham of it would be no control; write one by hand"
        )
    own = dict(base.environments[before].overrides)
    for n in range(1, MOST_DRAWS + 1):
        random = np.random.Generator(np.random.PCG64(key(seed, Purpose.STUDY, n)))
        changes = _drawn(base, before, moved, added, random)
        overrides = document.merged(own, document.nested(changes))
        try:
            made = _with(base, name, overrides)
            apart = distance(made, name, proxy)
        except ScenarioError:
            continue  # such a number is not allowed there
        if apart <= known[before] + VALID:
            return Sham(name, before, after, overrides, changes, n, {**known, name: apart})
    raise EvosimError(
        f"scenario {base.id!r}: of {MOST_DRAWS} shams of the change from {before!r} to {after!r} "
        "none leaves the best proxy valid; write one by hand"
    )


def differences(
    scenario: Scenario, before: str, after: str
) -> tuple[dict[Path, float], dict[str, Any]]:
    """How far each number of the world moves from one environment to another, by path, and the
    kinds that are new, by name.

    Raises:
        EvosimError: something else differs.
    """
    old, new = (document.plain(scenario.environment(name)) for name in (before, after))
    had, has = old.get("kinds", {}), new.get("kinds", {})
    written = scenario.environments[after].overrides.get("kinds", {})
    added = {kind: written[kind] for kind in has if kind not in had}
    was, now = (
        dict(document.leaves({**w, "kinds": {k: v for k, v in kinds.items() if k not in added}}))
        for w, kinds in ((old, had), (new, has))
    )
    moved: dict[Path, float] = {}
    for path in dict.fromkeys([*was, *now]):
        one, other = (leaves.get(path, _nothing(path)) for leaves in (was, now))
        if one == other:
            continue
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            raise EvosimError(
                f"scenario {scenario.id!r}: from {before!r} to {after!r} {'.'.join(path)} changes "
                f"from {inline(one)} to {inline(other)}; a sham is drawn of numbers that move and "
                "of kinds that are new"
            )
        moved[path] = other - one
    return moved, added


def size(scenario: Scenario, before: str, after: str) -> Counter[str]:
    """The size of a change: how often a number of each kind moves how far, and how often a kind
    with the same amounts, of whatever stimuli, is new."""
    moved, added = differences(scenario, before, after)
    found = Counter(f"{_unit(path)} {abs(by):.6g}" for path, by in moved.items())
    for table in added.values():
        bare = sorted(
            (".".join((*path[:-1], "*") if path[-2:-1] == ("feels",) else path), inline(value))
            for path, value in document.leaves(table)
        )
        found[f"new kind {bare}"] += 1
    return found


def best_proxy(scenario: Scenario, environment: str) -> Floats:
    """The weighted sum of stimuli nearest to the intended payoff in an environment.

    Least squares over the canonical features of EPIC, in which rewards that ask for the same are
    the same.

    Returns:
        weights over features [F], 0 for payoffs.
    """
    n = len(scenario.stimuli)
    roots = np.concatenate([level.root for level in _canonical(scenario, environment)])
    target = roots @ rewards.payoff(scenario, scenario.objective.intended)
    weights, *_ = np.linalg.lstsq(roots[:, :n], target, rcond=None)
    return np.concatenate([weights, np.zeros(len(scenario.payoffs))])


def distance(scenario: Scenario, environment: str, proxy: Floats) -> float:
    """The EPIC distance of a proxy from the intended payoff in an environment.

    Args:
        proxy: weights over the stimuli first [F]; payoffs that only a later scenario has are 0.
    """
    weights = np.zeros(len(scenario.stimuli) + len(scenario.payoffs))
    weights[: len(scenario.stimuli)] = proxy[: len(scenario.stimuli)]
    payoff = rewards.payoff(scenario, scenario.objective.intended)
    return float(rewards.between(_canonical(scenario, environment), weights, payoff))


def _canonical(scenario: Scenario, environment: str) -> Any:
    """Canonical features on a few levels, at the mean discount that agents can have."""
    if why := rewards.unsupported(scenario):
        raise EvosimError(f"scenario {scenario.id!r}: {why}")
    patience, lifetime = scenario.agent.patience, scenario.environment(environment).lifetime
    gamma = min((patience.low + patience.high) / 2, 1 - 1 / lifetime)
    return rewards.canonical(scenario, environment, SEED, gamma)["epic"]


def _flip(scenario: Scenario, before: str | None, after: str | None) -> tuple[str, str]:
    """Two environments: those named, or of the first flip."""
    if before is None or after is None:
        if not scenario.flips:
            raise EvosimError(f"scenario {scenario.id!r} has no flip: name before and after")
        flip = scenario.flips[0]
        before = before or main_environment(scenario, flip.generation - 1)
        after = after or main_environment(scenario, flip.arrival)
    return before, after


def _drawn(
    scenario: Scenario,
    before: str,
    moved: Mapping[Path, float],
    added: Mapping[str, Any],
    random: np.random.Generator,
) -> dict[Path, Any]:
    """Values by path: other numbers of the same unit moved as far, new kinds that are felt by
    other stimuli."""
    world = document.plain(scenario.environment(before))
    there = {path: value for path, value in document.leaves(world) if _is_number(value)}
    found: dict[Path, Any] = {}
    for path, by in moved.items():
        free = [p for p in there if _unit(p) == _unit(path) and p not in {*moved, *found}]
        if not free:
            raise EvosimError(
                f"scenario {scenario.id!r}: {'.'.join(path)} moves, and {before!r} has no other "
                f"such number for a sham to move; write one by hand"
            )
        place = free[int(random.integers(len(free)))]
        value = round(there[place] + by * (1 if random.random() < 0.5 else -1), 6)
        found[place] = int(value) if isinstance(there[place], int) else value
    for kind, table in added.items():
        names = list(scenario.stimuli)
        other = dict(zip(names, map(str, random.permutation(names)), strict=True))
        found["kinds", kind] = _felt_as(table, other)
    return found


def _felt_as(table: Any, other: Mapping[str, str]) -> Any:
    """A table with the stimuli of what is felt renamed."""
    if not isinstance(table, dict):
        return table
    return {
        name: {other.get(s, s): amount for s, amount in part.items()}
        if name == "feels"
        else _felt_as(part, other)
        for name, part in table.items()
    }


def _without(scenario: Scenario, name: str) -> Scenario:
    """What a scenario's first arm lives, without an environment that no phase of it trains."""
    base = changed(scenario) if scenario.experiment is None else reference(scenario)
    plain = base.to_dict()
    plain["environments"].pop(name, None)
    return from_dict(plain, name=base.id)


def _with(scenario: Scenario, name: str, overrides: Mapping[str, Any]) -> Scenario:
    plain = scenario.to_dict()
    plain["environments"][name] = overrides
    return from_dict(plain, name=scenario.id)


def _remove(table: dict[str, Any], path: Path) -> None:
    for name in path[:-1]:
        table = table[name]
    del table[path[-1]]


def _unit(path: Path) -> str:
    """What a number is counted in: amounts that are felt or paid are of one kind."""
    return "amount" if path[-2:-1] and path[-2] in _AMOUNTS else path[-1]


def _nothing(path: Path) -> float | None:
    """What stands where nothing is written: an amount of 0."""
    return 0.0 if _unit(path) == "amount" else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
