"""Lives whose actions come from outside: what the environments are made of, without Gymnasium."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evosim import world
from evosim.core.stepping import (
    Going,
    Walks,
    Worth,
    look,
    step_lives,
    step_local_lives,
)
from evosim.core.structs import Level, WorldTables
from evosim.errors import Argument, EvosimError, did_you_mean, seed_number, whole_number
from evosim.rng import Purpose, draws, key
from evosim.world import tensors
from evosim.world.observations import Observation, Observer
from evosim.world.rewards import Reward, weights_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world.local import LocalLevel

Mixture: TypeAlias = "str | Mapping[str, float]"

LEVELS = 256
"""How many levels there are to train on unless another number is given."""
SPLITS: dict[str, tuple[Purpose, tuple[int, ...]]] = {
    "train": (Purpose.LEVEL, (0,)),
    "probe": (Purpose.PROBE, ()),
}
"""What a level's seed is drawn for: those of a run's first generation, or those it is probed on."""
_EVER = 2**62  # steps, more than any lifetime has


def level_seed(number: int, split: str = "train", seed: int = 0) -> int:
    """The seed of a level by its number.

    Levels that train and levels that are probed are drawn for different purposes (docs/model.md,
    5), so no level is both: of 2**64 seeds, two drawn ones are equal as good as never.

    Args:
        number: from 0.
        split: ``train``: the levels that trained in generation 0 of the replicate of that seed, and
            more of their kind; ``probe``: those on which it was probed.
        seed: of a replicate.

    Raises:
        EvosimError: no such split.

    >>> level_seed(3) == key(0, Purpose.LEVEL, 0, 3), level_seed(3, "probe") == level_seed(3)
    (True, False)
    """
    if str(split) not in SPLITS:
        raise EvosimError(Argument("split", split), f": {did_you_mean(split, SPLITS)}")
    purpose, numbers = SPLITS[split]
    return key(seed_number(seed), purpose, *numbers, whole_number("number", number))


class Place:
    """One environment of a scenario on its levels, as kernels take it."""

    def __init__(self, observer: Observer, name: str, seeds: Sequence[int]) -> None:
        scenario = observer.scenario
        self.env = world.environment(scenario, name)
        self.levels = world.draw_levels(scenario, name, seeds)
        self.seen = observer.seen(name, self.levels)
        self.tables = WorldTables.of(self.env.tables)
        neighbour, slot, start, distance = self.levels
        self.arrays = Level(neighbour, slot, distance, start)  # type: ignore[arg-type]
        objective, deception = scenario.objective, scenario.deception
        self.paid = self.env.where(objective.observed)
        self.watched = (
            self.env.where({deception.variable: deception.watched})
            if deception is not None
            else None
        )
        # As `sample` of the core does, over all starts at once.
        self.born = np.cumsum(self.env.tables.start_p)[:-1]

    @cached_property
    def walks(self) -> Walks:
        """Where movers walk, once for all levels of equal passages."""
        local = self.env.tables.local
        assert local is not None
        rows: dict[bytes, int] = {}
        found: list[LocalLevel] = []
        which = []
        for neighbour, slot, start, distance in zip(*self.levels, strict=True):
            if (passages := neighbour.tobytes()) not in rows:
                rows[passages] = len(found)
                found.append(local.on(neighbour, slot, distance, int(start)))
            which.append(rows[passages])
        return Walks(
            np.array(which, np.int32),
            np.stack([one.walk_n for one in found]),
            np.stack([one.walk_to for one in found]),
            np.stack([one.walk_p for one in found]),
        )


class Episodes:
    """n lives that take actions step by step, each begun anew when it has ended.

    Episode k of a seed is a function of the two: its draws have the key e = key(seed, EPISODE, k),
    of which draw 0 is the key of the life, draw 1 says the level and draw 2 the environment
    (docs/model.md, 5). So a life can be followed again: :func:`evosim.core.retrace`.
    """

    def __init__(
        self,
        scenario: Scenario,
        n: int,
        *,
        environment: Mixture | None = None,
        obs: Observation = "felt",
        reward: Reward = "selected",
        levels: int | Sequence[int] = LEVELS,
        split: str = "train",
        seed: int = 0,
        senses: Sequence[str] = (),
        window: int | None = None,
    ) -> None:
        self.scenario = scenario
        self.n = whole_number("num_envs", n, 1)
        self.observer = Observer(scenario, obs, senses)
        if not isinstance(levels, Iterable) or isinstance(levels, str | bytes):
            levels = range(whole_number("levels", levels, 1))
        self.numbers = np.array([whole_number("levels", i) for i in levels], np.int64)
        if not len(self.numbers):
            raise EvosimError(Argument("levels"), ": no level is named")
        seed = seed_number(seed)
        seeds = [level_seed(int(i), split, seed) for i in self.numbers]
        self.seeds = np.array(seeds, np.uint64)
        self.names = tuple(scenario.environments)
        self._places: dict[int, Place] = {}
        self.environment = scenario.mixture_at(0) if environment is None else environment
        self.window = _EVER if window is None else whole_number("window", window, 1)
        self.reward = reward
        self.actions = self.place(int(np.argmax(self._mixture))).env.actions
        events = max(len(self.place(int(p)).env.events) for p in np.flatnonzero(self._mixture))
        self.seed = np.zeros(n, np.uint64)
        self.episode = np.full(n, -1, np.int64)
        self.at = np.zeros(n, np.int64)  # the place of each life, by its number among names
        self.going = Going(
            goes=np.zeros(n, np.bool_),
            life=np.zeros(n, np.uint64),
            level=np.zeros(n, np.int32),
            x=np.zeros(n, np.int64),
            cell=np.zeros(n, np.int64),
            age=np.zeros(n, np.int64),
            counts=np.zeros((n, events), np.int32),
            sums=np.zeros((n, 4)),
            dies=np.zeros(n, np.bool_),
        )
        self.watched = np.zeros(n, np.bool_)

    @property
    def environment(self) -> Mixture:
        """Where lives begin: an environment, or the weights of several; a change holds for those
        that begin from then on."""
        return self._environment

    @environment.setter
    def environment(self, value: Mixture) -> None:
        if not isinstance(value, str | Mapping):
            raise EvosimError(
                Argument("environment", value), ": a name is needed, or weights of several"
            )
        shares = {value: 1.0} if isinstance(value, str) else value
        for name, share in shares.items():
            if isinstance(share, bool) or not isinstance(share, Real):
                raise EvosimError(Argument("environment", value), ": weights are needed")
            if name not in self.names:
                raise EvosimError(
                    Argument("environment", name),
                    f": scenario {self.scenario.id!r} has none of that name; "
                    f"{did_you_mean(name, self.names)}",
                )
        mixture = np.array([float(shares.get(name, 0.0)) for name in self.names])
        if not (np.isfinite(mixture).all() and (mixture >= 0).all() and mixture.sum() > 0):
            raise EvosimError(
                Argument("environment", value), ": weights of at least 0 are needed, one above 0"
            )
        self._environment, self._mixture = value, mixture
        if hasattr(self, "going"):
            events = max(len(self.place(int(p)).env.events) for p in np.flatnonzero(mixture))
            if events > self.going.counts.shape[1]:
                wider = np.zeros((self.n, events), np.int32)
                wider[:, : self.going.counts.shape[1]] = self.going.counts
                self.going = self.going._replace(counts=wider)

    @property
    def reward(self) -> Reward:
        """What the agent is paid; a change holds from the next step on."""
        return self._reward

    @reward.setter
    def reward(self, value: Reward) -> None:
        scenario = self.scenario
        self.weights = weights_of(scenario, value)
        self._reward = value
        felt = np.where(np.arange(len(self.weights)) < len(scenario.stimuli), self.weights, 0.0)
        roles = [weights_of(scenario, {getattr(scenario.objective, role): 1.0})
                 for role in ("intended", "selected")]  # fmt: skip
        self._columns = np.stack([self.weights, *roles, felt], axis=1)
        self._worth: dict[int, Worth] = {}

    def place(self, number: int) -> Place:
        """An environment by its number among those of the scenario."""
        if number not in self._places:
            self._places[number] = Place(self.observer, self.names[number], self.seeds.tolist())
        return self._places[number]

    def worth(self, number: int) -> Worth:
        """What events are worth there."""
        if number not in self._worth:
            place = self.place(number)
            phi = place.env.phi[:, : place.env.paid.stop]
            weights = world.weighted_sum(phi, self._columns)
            by_selection = isinstance(self.reward, str) and self.reward == "selected"
            self._worth[number] = Worth(weights, place.paid, self.window, by_selection)
        return self._worth[number]

    @property
    def lifetime(self) -> NDArray[np.int64]:
        """The age at which each life ends [n]."""
        ages = [self.scenario.environment(name).lifetime for name in self.names]
        return np.array(ages, np.int64)[self.at]

    @property
    def level_seed(self) -> NDArray[np.uint64]:
        """The seed of the level that each life is on [n]."""
        return self.seeds[self.going.level]

    def begin(self, which: NDArray[np.bool_], level: int | None = None) -> None:
        """Begin the next episode of some lives.

        Args:
            which: [n].
            level: the number of their level; drawn if None.

        Raises:
            EvosimError: the level is none of those named.
        """
        self.episode[which] += 1
        base = draws(draws(self.seed[which], Purpose.EPISODE), self.episode[which])
        going = self.going
        going.life[which] = draws(base, 0)
        if level is None:
            going.level[which] = draws(base, 1) % np.uint64(len(self.numbers))
        else:
            found = np.flatnonzero(self.numbers == level)
            if not len(found):
                raise EvosimError(
                    Argument("options", {"level": level}),
                    ": no level of this environment",
                )
            going.level[which] = found[0]
        shares = np.cumsum(self._mixture / self._mixture.sum())
        last = np.flatnonzero(self._mixture)[-1]
        drawn = np.searchsorted(shares, _unit(draws(base, 2)), side="right")
        self.at[which] = np.minimum(drawn, last)
        going.age[which] = 0
        going.counts[which] = 0
        going.sums[which] = 0.0
        going.dies[which] = False
        for number in np.unique(self.at[which]):
            here = which & (self.at == number)
            place = self.place(int(number))
            u = _unit(draws(going.life[here], 0))
            going.x[here] = place.env.tables.start_x[np.searchsorted(place.born, u, side="right")]
            going.cell[here] = place.levels.start[going.level[here]]
        self._watch(which)

    def step(self, actions: Any, which: NDArray[np.bool_]) -> None:
        """One step of some lives, by their actions [n].

        Raises:
            EvosimError: no action for each, or no life has begun.
        """
        many = len(self.actions)
        try:
            actions = np.asarray(actions)
        except ValueError:  # rows of several lengths
            actions = np.array(repr(actions))
        fits = actions.shape == (self.n,) and actions.dtype.kind in "iu"
        if not fits or actions.min() < 0 or actions.max() >= many:  # a kernel would not notice
            each = f", one for each of {self.n} lives" if self.n > 1 else ""
            given = actions.tolist()[0] if actions.shape == (1,) else actions.tolist()
            raise EvosimError(
                f"an action is a whole number from 0 to {many - 1} ({', '.join(self.actions)})"
                f"{each} (got {reprlib.repr(given)})"
            )
        if self.episode.min() < 0:
            raise EvosimError("no life has begun: call reset() before step()")
        self._watch(which)  # where a step begins says whether it is watched
        for number in self._numbers(which):
            place, going = self.place(number), self.going
            np.logical_and(which, self.at == number, out=going.goes)
            if (local := place.env.tables.local) is not None:
                step_local_lives(
                    local.arrays, place.arrays, place.walks, going, self.worth(number), actions
                )
            else:
                step_lives(place.tables, place.arrays, going, self.worth(number), actions)

    def _numbers(self, which: NDArray[np.bool_]) -> list[int]:
        """The environments that some lives are in."""
        if len(self.names) == 1:
            return [0]
        return np.unique(self.at[which]).tolist()

    def _watch(self, which: NDArray[np.bool_]) -> None:
        if self.scenario.deception is not None:
            for number in self._numbers(which):
                here, watched = which & (self.at == number), self.place(number).watched
                assert watched is not None
                self.watched[here] = watched[self.going.x[here]]

    def look(self, which: NDArray[np.bool_], out: dict[str, NDArray[Any]]) -> None:
        """Write what some lives see into ``out``, [n, *shape] by part of the observation."""
        going = self.going
        for number in self._numbers(which):
            here = which if len(self.names) == 1 else which & (self.at == number)
            for part, seen in self.place(number).seen.items():
                rows = out[part].reshape(self.n, seen.values.shape[2], seen.window.shape[2])
                look(*seen, here, going.level, going.x, going.cell, rows)

    def blank(self) -> dict[str, NDArray[Any]]:
        """Room for what all lives see, with nothing written in it."""
        return {
            part: np.empty((self.n, *shape), np.int64 if kind == "state" else np.float32)
            for (part, kind), shape in zip(
                self.observer.parts.items(), self.observer.shapes.values(), strict=True
            )
        }

    def process(self, i: int = 0) -> tensors.Process:
        """The level that a life is on, as a Markov decision process."""
        place = self.place(int(self.at[i]))
        return tensors.process(place.env, place.levels, int(self.going.level[i]))


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) from the upper 53 of 64 random bits (docs/model.md, 5)."""
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53, np.float64)
