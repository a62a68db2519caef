"""Capability and alignment of a population, exactly, against four control minds (model 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.mind import NOVELTY, Minds
from evosim.rng import Purpose, key
from evosim.world import Environment, Levels

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]

EVOLVED, UNIFORM, RANDOM, TRUE, UNSHIFTED = range(5)
"""Places along the dimension ``mind``: the evolved minds and the four controls."""
N_MINDS = 5

NEGLIGIBLE = 1e-4
"""An optimum that exceeds the uniform policy by less than this share of either is no room to be
measured in: capability and alignment are NaN there. Optima are float32 sums, good to 1e-5."""

SAMPLED_LIVES = 16
"""Lifetimes on each probe level of a mind that feels novelty, whose state has no finite form."""


class _Place(NamedTuple):
    """One environment on the probe levels, and what does not depend on the population."""

    env: Environment
    levels: Levels
    uniform: FloatArray  # [F] expected features of the uniform policy
    uniform_lifespan: float
    optimal_intended: float  # J_F*


class _Fortune(NamedTuple):
    """What n minds can expect in one environment, the mean over the probe levels."""

    features: FloatArray  # [n, F]
    novelty: FloatArray  # [n]
    lifespan: FloatArray  # [n]


class Prober:
    """Measures populations of one run on one fixed set of levels.

    Args:
        scenario: what is run.
        seed: of the replicate; the probe levels, the samples and the random drives follow from it.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._n_stimuli = len(scenario.stimuli)
        self._intended = self._n_stimuli + scenario.payoffs.index(scenario.objective.intended)
        first = scenario.phase_at(0).mixture
        self._ancestral = max(first, key=lambda name: first[name])
        self._level_seeds = [key(seed, Purpose.PROBE, i) for i in range(scenario.measure.levels)]
        self._places = [self._place(name) for name in scenario.environments]
        self._random_optima: dict[str, FloatArray] = {}

    def _place(self, name: str) -> _Place:
        env = world.environment(self._scenario, name)
        levels = world.draw_levels(self._scenario, name, self._level_seeds)
        played = core.uniform(env, levels)
        intended = np.zeros((1, env.phi.shape[1]))
        intended[0, self._intended] = 1.0
        return _Place(
            env,
            levels,
            (played.counts @ env.phi).mean(axis=(0, 1)),
            float(played.lifespan.mean()),
            float(core.optimum(env, levels, intended).mean()),
        )

    def measure(self, genomes: FloatArray, generation: int) -> dict[str, NDArray[np.generic]]:
        """Measure a random sample of a population in every environment.

        Args:
            genomes: [N, loci].

        Returns:
            the probe variables of run.nc for one probe (docs/architecture.md, run data).
        """
        scenario = self._scenario
        n = min(scenario.measure.sample, len(genomes))
        rng = np.random.Generator(np.random.PCG64(key(self._seed, Purpose.SAMPLE, generation)))
        individuals = np.sort(rng.permutation(len(genomes))[:n]).astype(np.int32)
        evolved = mind.express(scenario, genomes[individuals])
        shape = (len(self._places), N_MINDS, n)
        found: dict[str, NDArray[np.generic]] = {
            "probe_individual": individuals,
            "expected_payoff": np.full((*shape, len(scenario.payoffs)), np.nan),
            "optimal_payoff": np.array([place.optimal_intended for place in self._places]),
            "uniform_payoff": np.array([place.uniform[self._intended] for place in self._places]),
        }
        for name in ("expected_reward", "expected_lifespan", "capability", "alignment"):
            found[name] = np.full(shape, np.nan)
        for i, place in enumerate(self._places):
            for name, values in self._measure_at(place, evolved, generation).items():
                found[name][i] = values
        return found

    def _measure_at(self, place: _Place, evolved: Minds, generation: int) -> dict[str, FloatArray]:
        """The probe variables of one environment: [minds, n] or [minds, n, payoffs]."""
        scenario, n = self._scenario, len(evolved.depth)
        strangers, faithful = self._random_drives(evolved), self._true_drive(evolved)
        unique, back = np.unique(
            np.column_stack([faithful.depth, faithful.patience, faithful.temperature,
                             faithful.senses]), axis=0, return_index=True, return_inverse=True,
        )[1:]  # fmt: skip
        believes = scenario.agent.believes
        everybody = self._expect(
            place, _stack(evolved, strangers, _take(faithful, unique)), believes, generation
        )
        if (believes or place.env.name) == self._ancestral:
            unshifted = _rows(everybody, np.arange(n))
        else:
            unshifted = self._expect(place, evolved, self._ancestral, generation)
        uniform = _Fortune(
            np.repeat(place.uniform[None], n, axis=0),
            np.zeros(n),
            np.full(n, place.uniform_lifespan),
        )
        fortunes = {
            EVOLVED: _rows(everybody, np.arange(n)),
            UNIFORM: uniform,
            RANDOM: _rows(everybody, n + np.arange(n)),
            TRUE: _rows(everybody, 2 * n + back.ravel()),
            UNSHIFTED: unshifted,
        }
        minds = {
            EVOLVED: evolved, UNIFORM: evolved, RANDOM: strangers, TRUE: faithful,
            UNSHIFTED: evolved,
        }  # fmt: skip
        own = self._optima(place, evolved)
        if place.env.name not in self._random_optima:
            self._random_optima[place.env.name] = self._optima(place, strangers)
        optima = {
            EVOLVED: own, UNIFORM: own, RANDOM: self._random_optima[place.env.name],
            TRUE: np.full(n, place.optimal_intended), UNSHIFTED: own,
        }  # fmt: skip
        shape = (N_MINDS, n)
        result = {
            "expected_payoff": np.empty((*shape, len(scenario.payoffs))),
            **{
                name: np.empty(shape)
                for name in ("expected_reward", "expected_lifespan", "capability", "alignment")
            },
        }
        for m, fortune in fortunes.items():
            weights = minds[m].weights.astype(np.float64)
            reward = (fortune.features * weights).sum(-1) + fortune.novelty * minds[m].novelty
            result["expected_payoff"][m] = fortune.features[:, self._n_stimuli :]
            result["expected_reward"][m] = reward
            result["expected_lifespan"][m] = fortune.lifespan
            result["capability"][m] = normalised(reward, weights @ place.uniform, optima[m])
            result["alignment"][m] = normalised(
                fortune.features[:, self._intended],
                place.uniform[self._intended],
                place.optimal_intended,
            )
        return result

    def _random_drives(self, minds: Minds) -> Minds:
        """The same minds with drives drawn uniformly, the same ones at every probe."""
        n = len(minds.depth)
        rng = np.random.Generator(np.random.PCG64(key(self._seed, Purpose.CONTROL)))
        feels_novelty = NOVELTY in self._scenario.agent.drives
        drives = rng.uniform(-1.0, 1.0, (n, self._n_stimuli + feels_novelty))
        drives = mind.unit_length(drives)
        weights = np.zeros_like(minds.weights)
        weights[:, : self._n_stimuli] = drives[:, : self._n_stimuli]
        novelty = np.zeros_like(minds.novelty)
        if feels_novelty:
            novelty[:] = drives[:, -1]
        return minds._replace(weights=weights, novelty=novelty)

    def _true_drive(self, minds: Minds) -> Minds:
        """The same minds with the intended payoff for their only drive."""
        weights = np.zeros_like(minds.weights)
        weights[:, self._intended] = 1.0
        return minds._replace(weights=weights, novelty=np.zeros_like(minds.novelty))

    def _optima(self, place: _Place, minds: Minds) -> FloatArray:
        """J_I* [n]; NaN for minds that feel novelty."""
        best = core.optimum(place.env, place.levels, minds.weights.astype(np.float64)).mean(1)
        return np.where(minds.novelty == 0, best, np.nan)

    def _expect(
        self, place: _Place, minds: Minds, believes: str | None, generation: int
    ) -> _Fortune:
        believed = world.environment(self._scenario, believes) if believes else None
        n, n_features = len(minds.depth), place.env.phi.shape[1]
        features, lifespan, novelty = np.empty((n, n_features)), np.empty(n), np.zeros(n)
        instinct = self._scenario.agent.instinct
        exact = np.flatnonzero(minds.novelty == 0)
        if len(exact):
            expected = core.expectation(
                place.env, place.levels, _take(minds, exact), believed, instinct
            )
            features[exact] = expected.counts.mean(axis=1) @ place.env.phi
            lifespan[exact] = expected.lifespan.mean(axis=1)
        rest = np.flatnonzero(minds.novelty != 0)
        if len(rest):
            lives = core.lifetimes(
                place.env,
                place.levels,
                _take(minds, np.repeat(rest, SAMPLED_LIVES)),
                seed=self._seed,
                generation=generation,
                level_ids=range(len(place.levels.start)),
                individual_ids=np.arange(len(rest) * SAMPLED_LIVES),
                purpose=Purpose.PROBE,
                believes=believed,
                instinct=instinct,
            )
            each = (len(rest), SAMPLED_LIVES)
            counts = lives.counts.mean(axis=1).reshape(*each, -1).mean(axis=1)
            features[rest] = counts @ place.env.phi
            lifespan[rest] = lives.lifespan.mean(axis=1).reshape(each).mean(axis=1)
            novelty[rest] = lives.novelty.mean(axis=1).reshape(each).mean(axis=1)
        return _Fortune(features, novelty, lifespan)


def normalised(
    value: FloatArray, uniform: FloatArray | float, optimum: FloatArray | float
) -> FloatArray:
    """(J(pi) - J(u)) / (J* - J(u)) of model 4: 0 is uniform play, 1 the optimum.

    NaN where the optimum is no better than uniform play (:data:`NEGLIGIBLE`).
    """
    room = np.asarray(optimum) - uniform
    scale = np.maximum(np.abs(optimum), np.abs(uniform))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(room > NEGLIGIBLE * scale, (value - uniform) / room, np.nan)


def _take(minds: Minds, rows: NDArray[np.integer]) -> Minds:
    return Minds(*(array[rows] for array in minds))


def _stack(*minds: Minds) -> Minds:
    return Minds(*(np.concatenate(arrays) for arrays in zip(*minds, strict=True)))


def _rows(fortune: _Fortune, rows: NDArray[np.integer]) -> _Fortune:
    return _Fortune(*(array[rows] for array in fortune))
