"""Capability and alignment of a population, exactly, against control minds (model 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine.mechanism import developed, mechanisms_of, minds_of
from evosim.mind import Minds
from evosim.rng import Purpose, key
from evosim.stats.scale import normalised
from evosim.world import Environment, Levels

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]


class Expected(NamedTuple):
    """What n minds can expect in one environment, the mean over the probe levels."""

    counts: FloatArray  # [n, E] expected number of each event
    arrival: FloatArray  # [n] felt on arriving for what the life made of it, before its weight
    lifespan: FloatArray  # [n]
    by_part: core.Expectation | None  # [n, parts, E] and [n, parts], where parts are told apart


class ProbedEnvironment(NamedTuple):
    """One environment on the probe levels, and what does not depend on the population."""

    env: Environment
    levels: Levels
    feels_like: str  # the first environment in which minds act just as in this one
    random: Expected  # of the uniform policy, n = 1
    uniform: FloatArray  # [F] its expected features
    nothing: FloatArray  # [F] those of doing nothing
    zero: str | float  # of the scenario's verdict
    intended: FloatArray  # [F] weight of the intended payoff alone
    optimal_intended: float  # J_F*
    part: NDArray[np.int32] | None  # [n_x] the part of a life that begins there
    parts_of: Mapping[str, NDArray[np.int32]]  # [parts] what each is to a mechanism, by its name

    def told_apart(self, mechanism: str, mind: Expected) -> core.Expectation:
        """What a mind can expect by the parts of life that a mechanism tells apart."""
        assert mind.by_part is not None
        own = self.parts_of[mechanism]
        counts, lifespan = (
            np.stack([array[:, own == part].sum(axis=1) for part in range(own.max() + 1)], axis=1)
            for array in mind.by_part
        )
        return core.Expectation(counts, lifespan)

    def zero_of(self, rewards: FloatArray, number: float = 0.0) -> FloatArray:
        """What rewards [n, F] come to in a lifetime that has capability, or alignment, 0: [n].

        Where the scenario's zero is a payoff, it is no amount of another reward: that is counted
        from ``number``.
        """
        if not isinstance(self.zero, str):
            return np.full(len(rewards), number)
        return world.weighted_sum(rewards, getattr(self, self.zero))

    @property
    def zero_intended(self) -> float:
        """The intended payoff of a lifetime that has alignment 0."""
        number = self.zero if not isinstance(self.zero, str) else 0.0
        return float(self.zero_of(self.intended[None], number)[0])


class _Outcomes(NamedTuple):
    """How minds that follow stimuli fare where it feels the same, and could have fared."""

    evolved: Expected
    random: Expected
    unshifted: Expected
    controls: tuple[Expected, ...]  # of mechanisms, in their order
    optimum: FloatArray  # [n] J_I* of the evolved minds
    random_optimum: FloatArray  # [n] J_I* of the random drives


class Prober:
    """Measures populations of one run on one fixed set of levels.

    Args:
        scenario: what is run.
        seed: of the replicate; the probe levels, the samples and the random drives follow from it.

    Attributes:
        environments: each with what does not depend on who is measured.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._n_stimuli = len(scenario.stimuli)
        self._intended = self._n_stimuli + scenario.payoffs.index(scenario.objective.intended)
        self._level_seeds = level_seeds(seed, scenario.measure.levels)
        self._mechanisms = mechanisms_of(scenario, seed)
        # One after the other: each is compared with those before it (feels_like).
        self.environments: list[ProbedEnvironment] = []
        for name in scenario.environments:
            self.environments.append(self._prepare(name))
        # The random drives are the same at every probe, and so are their optima.
        self._random_optima: dict[str, FloatArray] = {}

    def _prepare(self, name: str) -> ProbedEnvironment:
        env = world.environment(self._scenario, name)
        levels = world.draw_levels(self._scenario, name, self._level_seeds)
        part, parts_of = self._parts(env)
        played, by_part = _over_lifetime(core.uniform(env, levels, part), part)
        random = Expected(
            played.counts.mean(axis=1), np.zeros(1), played.lifespan.mean(axis=1), by_part
        )
        intended = np.zeros(env.phi.shape[1])
        intended[self._intended] = 1.0
        like = next(
            (p.env.name for p in self.environments if _same_to_minds(p, env, levels)),
            name,
        )
        return ProbedEnvironment(
            env,
            levels,
            like,
            random,
            world.weighted_sum(played.counts, env.phi).mean(axis=(0, 1)),
            world.weighted_sum(core.nothing(env, levels).counts, env.phi).mean(axis=(0, 1)),
            self._scenario.verdict.zero,
            intended,
            float(core.optimum(env, levels, intended[None]).mean()),
            part,
            parts_of,
        )

    def _parts(
        self, env: Environment
    ) -> tuple[NDArray[np.int32] | None, dict[str, NDArray[np.int32]]]:
        """The parts of a life that mechanisms tell apart together, and what each is to them."""
        told = {mechanism.name: mechanism.part(env) for mechanism in self._mechanisms}
        found = {name: part for name, part in told.items() if part is not None}
        if not found:
            return None, {}
        kinds, part = np.unique(np.stack([*found.values()]), axis=1, return_inverse=True)
        return part.ravel().astype(np.int32), dict(zip(found, kinds, strict=True))

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
        # Sorted, so that rows of the sample stand in the order of the population's.
        individuals = np.sort(rng.permutation(len(genomes))[:n]).astype(np.int32)
        evolved = minds_of(
            scenario,
            genomes[individuals],
            seed=self._seed,
            generation=generation,
            individuals=individuals,
        )
        random_minds, true_minds = (
            developed(scenario, minds, self._seed, generation, individuals)
            for minds in (self._random_drives(evolved), self._true_drive(evolved))
        )
        # Expectations are by far the costliest part. Where a flip changes only what is paid, minds
        # do the same on both sides, and what they can expect is computed once.
        outcomes: dict[str, _Outcomes] = {}
        measured: dict[str, list[FloatArray]] = {}
        for probed in self.environments:
            if probed.feels_like not in outcomes:
                outcomes[probed.feels_like] = self._outcomes(
                    probed, evolved, random_minds, generation
                )
            here = self._measure_at(
                probed, outcomes[probed.feels_like], evolved, random_minds, true_minds, generation
            )
            for mechanism in self._mechanisms:
                here |= mechanism.measure(probed, evolved, outcomes[probed.feels_like].optimum)
            for name, values in here.items():
                measured.setdefault(name, []).append(values)
        return {
            "probe_individual": individuals,
            "optimal_payoff": np.array([probed.optimal_intended for probed in self.environments]),
            **{
                f"{name}_payoff": np.array(
                    [getattr(probed, name)[self._intended] for probed in self.environments]
                )
                for name in ("uniform", "nothing")
            },
            **{name: np.stack(values) for name, values in measured.items()},
        }

    def payoffs(
        self, genomes: FloatArray, generation: int, individuals: NDArray[np.integer]
    ) -> FloatArray:
        """The expected payoffs of individuals in every environment, on the probe levels.

        Args:
            genomes: [n, loci].
            individuals: [n] their numbers in the generation.

        Returns:
            [environment, n, payoff] a lifetime; exact where expectations are.
        """
        minds = minds_of(
            self._scenario,
            genomes,
            seed=self._seed,
            generation=generation,
            individuals=individuals,
        )
        cache: dict[str, Expected] = {}
        found = []
        for probed in self.environments:
            if probed.feels_like not in cache:
                believes = self._scenario.agent.believes
                cache[probed.feels_like] = self.expect(probed, minds, believes, generation)
            counts = cache[probed.feels_like].counts
            found.append(world.weighted_sum(counts, probed.env.phi[:, probed.env.paid]))
        return np.stack(found)

    def _outcomes(
        self, probed: ProbedEnvironment, evolved: Minds, random_minds: Minds, generation: int
    ) -> _Outcomes:
        """How the minds that follow stimuli fare; the same wherever it feels the same."""
        n, believes = len(evolved.depth), self._scenario.agent.believes
        # Side by side in one batch, as minds of a batch share the passes over the tables.
        both = self.expect(probed, _stack(evolved, random_minds), believes, generation)
        own = _rows(both, np.arange(n))
        like = {p.env.name: p.feels_like for p in self.environments}
        # The control that still believes in the first environment. Where that feels like this
        # one, it is the evolved mind itself.
        unshifted = own
        if like[believes or probed.env.name] != like[self._scenario.ancestral]:
            unshifted = self.expect(probed, evolved, self._scenario.ancestral, generation)
        # The first n of the random drives are the same ones for any n.
        if len(self._random_optima.get(probed.feels_like, ())) < n:
            self._random_optima[probed.feels_like] = self._optima(probed, random_minds)
        controls = [
            self.expect(probed, mechanism.control(name, evolved), believes, generation)
            for mechanism in self._mechanisms
            for name in mechanism.controls
        ]
        return _Outcomes(
            own,
            _rows(both, n + np.arange(n)),
            unshifted,
            tuple(controls),
            self._optima(probed, evolved),
            self._random_optima[probed.feels_like][:n],
        )

    def _measure_at(
        self,
        probed: ProbedEnvironment,
        outcomes: _Outcomes,
        evolved: Minds,
        random_minds: Minds,
        true_minds: Minds,
        generation: int,
    ) -> dict[str, FloatArray]:
        """The probe variables of one environment: [minds, n], [minds, n, payoffs] or [n]."""
        n = len(evolved.depth)
        # With the same drive for all, minds differ in few traits or in none, so each different one
        # is computed once. In the comparison the second weights take the place of the weights,
        # which are all the same.
        told_apart = true_minds._replace(weights=true_minds.second_weights)
        traits = np.column_stack(
            [trait.reshape(n, -1) for trait in told_apart if trait.dtype != np.object_]
        )
        _, unique, back = np.unique(traits, axis=0, return_index=True, return_inverse=True)
        believes = self._scenario.agent.believes
        true = _rows(
            self.expect(probed, true_minds.rows(unique), believes, generation), back.ravel()
        )
        optimal = np.full(n, probed.optimal_intended)
        own = probed.zero_of(evolved.weights.astype(np.float64))
        result: dict[str, list[FloatArray]] = {}
        # In the order of controls.minds. The uniform policy is the same for all minds, though each
        # is judged by its own drives.
        cases: list[tuple[Minds, Expected, FloatArray, FloatArray]] = [
            (evolved, outcomes.evolved, own, outcomes.optimum),
            (evolved, probed.random, own, outcomes.optimum),
            (
                random_minds,
                outcomes.random,
                probed.zero_of(random_minds.weights.astype(np.float64)),
                outcomes.random_optimum,
            ),
            (true_minds, true, np.full(n, probed.zero_intended), optimal),
            (evolved, outcomes.unshifted, own, outcomes.optimum),
            *((evolved, control, own, outcomes.optimum) for control in outcomes.controls),
        ]
        for minds, expected, zero, optimum in cases:
            for name, values in self.fare(probed, minds, expected, zero, optimum).items():
                whole = np.broadcast_to(values, (n, *values.shape[1:]))
                result.setdefault(name, []).append(whole)
        return {
            **{name: np.stack(values) for name, values in result.items()},
            "optimal_reward": outcomes.optimum,
            "nothing_reward": world.weighted_sum(
                evolved.weights.astype(np.float64), probed.nothing
            ),
        }

    def fare(
        self,
        probed: ProbedEnvironment,
        minds: Minds,
        expected: Expected,
        zero: FloatArray,
        optimum: FloatArray,
    ) -> dict[str, FloatArray]:
        """What minds get of what they can expect: probe variables, [n] or [n, payoffs].

        Args:
            minds: whose drives what is expected is judged by.
            expected: of them, or of one policy for all.
            zero, optimum: [n] what their own reward comes to at capability 0 and 1.
        """
        weights = minds.weights.astype(np.float64)
        if expected is probed.random:
            features = probed.uniform[None]
        else:
            features = world.weighted_sum(expected.counts, probed.env.phi)
        reward = (features * weights).sum(-1) + expected.arrival * minds.arrival
        paid = features[:, self._intended]
        measured = {
            "expected_payoff": features[:, probed.env.paid],
            "expected_reward": reward,
            "expected_lifespan": expected.lifespan,
            "capability": normalised(reward, zero, optimum),
            "alignment": normalised(paid, probed.zero_intended, probed.optimal_intended),
        }
        for mechanism in self._mechanisms:
            measured |= mechanism.measure_mind(probed, expected)
        return measured

    def _random_drives(self, minds: Minds) -> Minds:
        """The same minds with drives drawn uniformly, the same ones at every probe."""
        drives = random_drives(self._scenario, self._seed, len(minds.depth))
        # Drives are of stimuli, the first columns of the weights; those of payoffs stay 0.
        weights = np.zeros_like(minds.weights)
        weights[:, : self._n_stimuli] = drives[:, : self._n_stimuli]
        arrival = np.zeros_like(minds.arrival)
        if self._scenario.built_in:
            arrival[:] = drives[:, -1]
        return minds._replace(weights=weights, arrival=arrival)

    def _true_drive(self, minds: Minds) -> Minds:
        """The same minds with the intended payoff for their only drive."""
        weights = np.zeros_like(minds.weights)
        weights[:, self._intended] = 1.0
        return minds._replace(weights=weights, arrival=np.zeros_like(minds.arrival))

    def _optima(self, probed: ProbedEnvironment, minds: Minds) -> FloatArray:
        """J_I* [n]; NaN for minds that feel what their life makes of arriving."""
        # That depends on where a life has been, so its optimum is that of no finite process.
        best = core.optimum(probed.env, probed.levels, minds.weights.astype(np.float64)).mean(1)
        return np.where(minds.arrival == 0, best, np.nan)

    def expect(
        self, probed: ProbedEnvironment, minds: Minds, believes: str | None, generation: int
    ) -> Expected:
        """What minds can expect in an environment.

        Args:
            believes: the environment by whose rules they plan; its own if None.
            generation: in the keys of what is sampled, where nothing is exact.
        """
        believed = world.environment(self._scenario, believes) if believes else None
        n = len(minds.depth)
        found = Expected(np.empty((n, len(probed.env.events))), np.zeros(n), np.empty(n), None)
        if (parts := probed.random.by_part) is not None:
            # Of minds of which nothing is exact nothing is known by part, either.
            unknown = (np.full((n, *values.shape[1:]), np.nan) for values in parts)
            found = found._replace(by_part=core.Expectation(*unknown))
        exact = np.ones(n, bool)
        for mechanism in self._mechanisms:
            if (told := mechanism.expect(probed, minds, believed, generation)) is not None:
                rows, expected = told
                exact[rows] = False
                for all_rows, some in zip(found[:3], expected[:3], strict=True):
                    all_rows[rows] = some
        # Else the state of a life is finite and its expectation exact (model 4).
        rows = np.flatnonzero(exact)
        if len(rows):
            whole, by_part = _over_lifetime(
                core.expectation(
                    probed.env,
                    probed.levels,
                    minds.rows(rows),
                    believed,
                    self._scenario.agent.instinct,
                    probed.part,
                ),
                probed.part,
            )
            found.counts[rows] = whole.counts.mean(axis=1)
            found.lifespan[rows] = whole.lifespan.mean(axis=1)
            for all_rows, some in zip(found.by_part or (), by_part or (), strict=True):
                all_rows[rows] = some
        return found


def level_seeds(seed: int, n: int) -> list[int]:
    """The seeds of the first n probe levels of a replicate's seed."""
    return [key(seed, Purpose.PROBE, i) for i in range(n)]


def random_drives(scenario: Scenario, seed: int, n: int) -> FloatArray:
    """The drives of the control mind `random drives`, of unit length [n, stimuli].

    Drawn uniformly; a built-in drive is one column more. The first ones are the same for any n.
    """
    rng = np.random.Generator(np.random.PCG64(key(seed, Purpose.CONTROL)))
    return mind.unit_length(rng.uniform(-1.0, 1.0, (n, len(scenario.agent.drives))))


def probe_seeds(data: xr.Dataset) -> list[int]:
    """The seed of each replicate's probes; in a fork those of its first ancestor."""
    seeds = json.loads(data.attrs.get("provenance", "{}")).get("seeds") or [{}]
    seed = int(seeds[0].get("seed", data.attrs["seed"]))
    return [key(seed, Purpose.REPLICATE, int(r)) for r in data["replicate"].values]


def _over_lifetime(
    whole: core.Expectation, part: NDArray[np.int32] | None
) -> tuple[core.Expectation, core.Expectation | None]:
    """The expectation of whole lifetimes; and apart, of each part of them, the mean over levels."""
    if part is None:
        return whole, None
    by_part = core.Expectation(whole.counts.mean(axis=1), whole.lifespan.mean(axis=1))
    return core.Expectation(whole.counts.sum(axis=2), whole.lifespan.sum(axis=2)), by_part


def _same_to_minds(probed: ProbedEnvironment, env: Environment, levels: Levels) -> bool:
    """Whether nothing that a mind can see, feel or undergo differs between two environments.

    Where a flip changes payoffs only, minds act alike on both sides, and need be followed once.
    """
    # Payoffs are columns of phi like stimuli, but no mind feels them.
    other = probed.env
    unpaid = np.delete(np.arange(env.phi.shape[1]), env.paid)
    return (
        other.events == env.events
        and other.lifetime == env.lifetime
        and np.array_equal(other.phi[:, unpaid], env.phi[:, unpaid])
        and _equal(probed.levels, levels)
        and all(
            _equal(other.belief_tables(senses)[0], env.belief_tables(senses)[0])
            for senses in range(1 << len(env.hidden))
        )
    )


def _equal(first: Iterable[Any], second: Iterable[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _stack(*minds: Minds) -> Minds:
    return Minds(*(np.concatenate(arrays) for arrays in zip(*minds, strict=True)))


def _rows(expected: Expected, rows: NDArray[np.integer]) -> Expected:
    by_part = expected.by_part and core.Expectation(*(a[rows] for a in expected.by_part))
    return Expected(expected.counts[rows], expected.arrival[rows], expected.lifespan[rows], by_part)
