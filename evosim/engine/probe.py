"""Capability and alignment of a population, exactly, against control minds (model 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine.controls import minds as names_of_minds
from evosim.mind import NOVELTY, Minds
from evosim.rng import Purpose, key
from evosim.world import Environment, Levels

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]

# Optima are float32 sums, good to 1e-5: a room of ten times that can still be measured in.
NEGLIGIBLE = 1e-4
"""An optimum that exceeds the uniform policy by less than this share of either is no room to be
measured in: capability and alignment are NaN there."""

FIDELITY = ("fidelity_drives", "fidelity_criteria", "fidelity_chain")
"""What is measured of tools: both links of the chain from the intended payoff over the drives to
the criteria, and the chain from end to end."""

SAMPLED_LIVES = 16
"""Lifetimes on each probe level of a mind that feels novelty, whose state has no finite form."""


_APART = ("conduct_watched", "conduct_unwatched", "steps_watched", "steps_unwatched")


class _Apart(NamedTuple):
    """What happens in the steps that begin unwatched (0) and watched (1), for n minds."""

    counts: FloatArray  # [n, 2, E] expected number of each event
    steps: FloatArray  # [n, 2]


class _Place(NamedTuple):
    """One environment on the probe levels, and what does not depend on the population."""

    env: Environment
    levels: Levels
    feels_like: str  # the first environment in which minds act just as in this one
    uniform: FloatArray  # [F] expected features of the uniform policy
    uniform_lifespan: float
    uniform_apart: _Apart | None
    optimal_intended: float  # J_F*
    watched: NDArray[np.int32] | None  # [n_x] 1 where deception.variable says so


class _Fortune(NamedTuple):
    """What n minds can expect in one environment, the mean over the probe levels."""

    counts: FloatArray  # [n, E] expected number of each event
    novelty: FloatArray  # [n]
    lifespan: FloatArray  # [n]
    apart: _Apart | None


class _Fates(NamedTuple):
    """How minds that follow stimuli fare where it feels the same, and could have fared."""

    evolved: _Fortune
    random: _Fortune
    unshifted: _Fortune
    blind: _Fortune | None  # without senses
    optimum: FloatArray  # [n] J_I* of the evolved minds
    random_optimum: FloatArray  # [n] J_I* of the random drives


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
        self._level_seeds = level_seeds(seed, scenario.measure.levels)
        # One after the other: each is compared with those before it (feels_like).
        self._places: list[_Place] = []
        for name in scenario.environments:
            self._places.append(self._place(name))
        # The random drives are the same at every probe, and so are their optima.
        self._random_optima: dict[str, FloatArray] = {}

    def _place(self, name: str) -> _Place:
        env = world.environment(self._scenario, name)
        levels = world.draw_levels(self._scenario, name, self._level_seeds)
        deception = self._scenario.deception
        watched = None
        if deception is not None:
            watched = env.where({deception.variable: deception.watched}).astype(np.int32)
        played, apart = _whole(core.uniform(env, levels, watched), watched)
        intended = np.zeros((1, env.phi.shape[1]))
        intended[0, self._intended] = 1.0
        like = next(
            (p.env.name for p in self._places if _same_to_minds(p, env, levels)),
            name,
        )
        return _Place(
            env,
            levels,
            like,
            world.weighted_sum(played.counts, env.phi).mean(axis=(0, 1)),
            float(played.lifespan.mean()),
            apart,
            float(core.optimum(env, levels, intended).mean()),
            watched,
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
        # Sorted, so that rows of the sample stand in the order of the population's.
        individuals = np.sort(rng.permutation(len(genomes))[:n]).astype(np.int32)
        evolved = self._with_tools(
            mind.express(scenario, genomes[individuals]), generation, individuals
        )
        deception = scenario.deception is not None
        shape = (len(self._places), len(names_of_minds(scenario)), n)
        found: dict[str, NDArray[np.generic]] = {
            "probe_individual": individuals,
            "expected_payoff": np.full((*shape, len(scenario.payoffs)), np.nan),
            "optimal_payoff": np.array([place.optimal_intended for place in self._places]),
            "uniform_payoff": np.array([place.uniform[self._intended] for place in self._places]),
        }
        names = ["expected_reward", "expected_lifespan", "capability", "alignment"]
        for name in [*names, *(_APART if deception else ())]:
            found[name] = np.full(shape, np.nan)
        strangers, faithful = (
            self._with_tools(minds, generation, individuals)
            for minds in (self._random_drives(evolved), self._true_drive(evolved))
        )
        # Expectations are by far the costliest part. Where a flip changes only what is paid, minds
        # do the same on both sides, and what they can expect is computed once.
        fates: dict[str, _Fates] = {}
        has_tools = scenario.agent.tool is not None
        for name in FIDELITY if has_tools else ():
            found[name] = np.full((len(self._places), n), np.nan)
        for i, place in enumerate(self._places):
            if place.feels_like not in fates:
                fates[place.feels_like] = self._fates(place, evolved, strangers, generation)
            for name, values in self._measure_at(
                place, fates[place.feels_like], evolved, strangers, faithful, generation
            ).items():
                found[name][i] = values
            if has_tools:
                own = fates[place.feels_like].optimum
                for name, each in self._fidelity(place, evolved, own).items():
                    found[name][i] = each
        return found

    def payoffs(
        self, genomes: FloatArray, generation: int, individuals: NDArray[np.integer]
    ) -> FloatArray:
        """The expected payoffs of individuals in every environment, on the probe levels.

        Args:
            genomes: [n, loci].
            individuals: [n] their numbers in the generation.

        Returns:
            [environment, n, payoff] a lifetime; exact but for minds that feel novelty.
        """
        minds = self._with_tools(mind.express(self._scenario, genomes), generation, individuals)
        fortunes: dict[str, _Fortune] = {}
        found = []
        for place in self._places:
            if place.feels_like not in fortunes:
                believes = self._scenario.agent.believes
                fortunes[place.feels_like] = self._expect(place, minds, believes, generation)
            counts = fortunes[place.feels_like].counts
            found.append(world.weighted_sum(counts, place.env.phi[:, place.env.paid]))
        return np.stack(found)

    def _with_tools(self, minds: Minds, generation: int, individuals: NDArray[np.integer]) -> Minds:
        return core.with_tools(
            self._scenario,
            minds,
            seed=self._seed,
            generation=generation,
            individuals=individuals,
        )

    def _fidelity(self, place: _Place, minds: Minds, own: FloatArray) -> dict[str, FloatArray]:
        """Each link of the chain intended payoff, drives, criteria, and its ends, [n] each.

        What the upper objective gets where the lower one is optimized, as capability and
        alignment are normalised. NaN in the links of drives that include novelty.

        Args:
            own: [n] J_I*, the optimum of the drives.
        """
        drives = np.where(minds.novelty[:, None] == 0, minds.weights, np.nan).astype(np.float64)
        criteria = minds.criteria.astype(np.float64)
        intended = np.zeros_like(drives)
        intended[:, self._intended] = 1.0
        # One call for all three pairs (what is optimized, what is counted): the tables of the
        # level are then read once.
        got = core.followed(
            place.env,
            place.levels,
            np.concatenate([np.nan_to_num(drives), criteria, criteria]),
            np.concatenate([intended, np.nan_to_num(drives), intended]),
        )
        by_drives, of_drives, by_criteria = got.mean(axis=1).reshape(3, -1)
        known = np.isfinite(drives).all(axis=1)
        least, most = place.uniform[self._intended], place.optimal_intended
        return {
            "fidelity_drives": np.where(known, normalised(by_drives, least, most), np.nan),
            "fidelity_criteria": normalised(
                of_drives, world.weighted_sum(drives, place.uniform), own
            ),
            "fidelity_chain": normalised(by_criteria, least, most),
        }

    def _fates(self, place: _Place, evolved: Minds, strangers: Minds, generation: int) -> _Fates:
        """How the minds that follow stimuli fare; the same wherever it feels the same."""
        n, believes = len(evolved.depth), self._scenario.agent.believes
        # Side by side in one batch, as minds of a batch share the passes over the tables.
        both = self._expect(place, _stack(evolved, strangers), believes, generation)
        own = _rows(both, np.arange(n))
        like = {p.env.name: p.feels_like for p in self._places}
        # The control that still believes in the first environment. Where that feels like this
        # one, it is the evolved mind itself.
        unshifted = own
        if like[believes or place.env.name] != like[self._scenario.ancestral]:
            unshifted = self._expect(place, evolved, self._scenario.ancestral, generation)
        # The first n of the random drives are the same ones for any n.
        if len(self._random_optima.get(place.feels_like, ())) < n:
            self._random_optima[place.feels_like] = self._optima(place, strangers)
        blind = None
        if self._scenario.deception is not None:
            blind = self._expect(place, self._without_sense(evolved), believes, generation)
        return _Fates(
            own,
            _rows(both, n + np.arange(n)),
            unshifted,
            blind,
            self._optima(place, evolved),
            self._random_optima[place.feels_like][:n],
        )

    def _measure_at(
        self,
        place: _Place,
        fates: _Fates,
        evolved: Minds,
        strangers: Minds,
        faithful: Minds,
        generation: int,
    ) -> dict[str, FloatArray]:
        """The probe variables of one environment: [minds, n] or [minds, n, payoffs]."""
        n = len(evolved.depth)
        # With the same drive for all, minds differ in few traits or in none, so each different one
        # is computed once. In the comparison the criteria take the place of the weights, which
        # are all the same.
        traits = np.column_stack(faithful._replace(weights=faithful.criteria))
        _, unique, back = np.unique(traits, axis=0, return_index=True, return_inverse=True)
        believes = self._scenario.agent.believes
        true = _rows(
            self._expect(place, _take(faithful, unique), believes, generation), back.ravel()
        )
        optimal = np.full(n, place.optimal_intended)
        result: dict[str, list[FloatArray]] = {}
        # In the order of controls.MINDS. None stands for the uniform policy, which is the same
        # for all minds, though each is judged by its own drives.
        cases: list[tuple[Minds, _Fortune | None, FloatArray]] = [
            (evolved, fates.evolved, fates.optimum),
            (evolved, None, fates.optimum),
            (strangers, fates.random, fates.random_optimum),
            (faithful, true, optimal),
            (evolved, fates.unshifted, fates.optimum),
        ]
        if fates.blind is not None:
            cases.append((evolved, fates.blind, fates.optimum))
        for minds, fortune, optimum in cases:
            weights = minds.weights.astype(np.float64)
            features = np.repeat(place.uniform[None], n, axis=0)
            novelty, lifespan = np.zeros(n), np.full(n, place.uniform_lifespan)
            if fortune is not None:
                features = world.weighted_sum(fortune.counts, place.env.phi)
                novelty, lifespan = fortune.novelty * minds.novelty, fortune.lifespan
            reward = (features * weights).sum(-1) + novelty
            paid = features[:, self._intended]
            for name, values in (
                ("expected_payoff", features[:, place.env.paid]),
                ("expected_reward", reward),
                ("expected_lifespan", lifespan),
                (
                    "capability",
                    normalised(reward, world.weighted_sum(weights, place.uniform), optimum),
                ),
                (
                    "alignment",
                    normalised(paid, place.uniform[self._intended], place.optimal_intended),
                ),
            ):
                result.setdefault(name, []).append(values)
            apart = place.uniform_apart if fortune is None else fortune.apart
            for name, values in self._conduct(place, apart).items():
                result.setdefault(name, []).append(np.broadcast_to(values, n))
        return {name: np.stack(values) for name, values in result.items()}

    def _conduct(self, place: _Place, apart: _Apart | None) -> dict[str, FloatArray]:
        """Conduct and steps while watched and while unwatched, [n] each, if they are asked for."""
        deception = self._scenario.deception
        if deception is None or apart is None:
            return {}
        payoff = self._n_stimuli + self._scenario.payoffs.index(deception.conduct)
        paid = world.weighted_sum(apart.counts, place.env.phi[:, payoff])
        # Index 1 is watched, 0 is not; the names have watched first.
        columns = (paid[:, 1], paid[:, 0], apart.steps[:, 1], apart.steps[:, 0])
        return dict(zip(_APART, columns, strict=True))

    def _without_sense(self, minds: Minds) -> Minds:
        """The same minds, blind to whether they are watched; other senses stay."""
        assert self._scenario.deception is not None
        # Senses are bits, in the order of the hidden variables.
        bit = list(self._scenario.senses).index(self._scenario.deception.variable)
        return minds._replace(senses=minds.senses & ~(1 << bit))

    def _random_drives(self, minds: Minds) -> Minds:
        """The same minds with drives drawn uniformly, the same ones at every probe."""
        drives = random_drives(self._scenario, self._seed, len(minds.depth))
        # Drives are of stimuli, the first columns of the weights; those of payoffs stay 0.
        weights = np.zeros_like(minds.weights)
        weights[:, : self._n_stimuli] = drives[:, : self._n_stimuli]
        novelty = np.zeros_like(minds.novelty)
        if NOVELTY in self._scenario.agent.drives:
            novelty[:] = drives[:, -1]
        return minds._replace(weights=weights, novelty=novelty)

    def _true_drive(self, minds: Minds) -> Minds:
        """The same minds with the intended payoff for their only drive."""
        weights = np.zeros_like(minds.weights)
        weights[:, self._intended] = 1.0
        return minds._replace(weights=weights, novelty=np.zeros_like(minds.novelty))

    def _optima(self, place: _Place, minds: Minds) -> FloatArray:
        """J_I* [n]; NaN for minds that feel novelty."""
        # Novelty depends on where a life has been, so its optimum is that of no finite process.
        best = core.optimum(place.env, place.levels, minds.weights.astype(np.float64)).mean(1)
        return np.where(minds.novelty == 0, best, np.nan)

    def _expect(
        self, place: _Place, minds: Minds, believes: str | None, generation: int
    ) -> _Fortune:
        believed = world.environment(self._scenario, believes) if believes else None
        n = len(minds.depth)
        happened, lifespan, novelty = np.empty((n, len(place.env.events))), np.empty(n), np.zeros(n)
        instinct = self._scenario.agent.instinct
        # Without novelty the state of a life is finite and its expectation exact (model 4).
        exact = np.flatnonzero(minds.novelty == 0)
        apart = None
        if len(exact):
            expected, apart = _whole(
                core.expectation(
                    place.env, place.levels, _take(minds, exact), believed, instinct, place.watched
                ),
                place.watched,
            )
            happened[exact] = expected.counts.mean(axis=1)
            lifespan[exact] = expected.lifespan.mean(axis=1)
        # With novelty what comes next depends on all places visited; so lifetimes are sampled.
        rest = np.flatnonzero(minds.novelty != 0)
        if len(rest):
            lifetimes = core.lifetimes(
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
            # Mean over levels first, then over the samples of a mind: the order is fixed, as
            # another one would round otherwise.
            each = (len(rest), SAMPLED_LIVES)
            happened[rest] = lifetimes.counts.mean(axis=1).reshape(*each, -1).mean(axis=1)
            lifespan[rest] = lifetimes.lifespan.mean(axis=1).reshape(each).mean(axis=1)
            novelty[rest] = lifetimes.novelty.mean(axis=1).reshape(each).mean(axis=1)
        return _Fortune(happened, novelty, lifespan, apart)


def level_seeds(seed: int, n: int) -> list[int]:
    """The seeds of the first n probe levels of a replicate's seed."""
    return [key(seed, Purpose.PROBE, i) for i in range(n)]


def random_drives(scenario: Scenario, seed: int, n: int) -> FloatArray:
    """The drives of the control mind `random drives`, of unit length [n, stimuli].

    Drawn uniformly; novelty, where it is among the drives, is one column more. The first ones are
    the same for any n.
    """
    rng = np.random.Generator(np.random.PCG64(key(seed, Purpose.CONTROL)))
    columns = len(scenario.stimuli) + (NOVELTY in scenario.agent.drives)
    return mind.unit_length(rng.uniform(-1.0, 1.0, (n, columns)))


def probe_seeds(data: xr.Dataset) -> list[int]:
    """The seed of each replicate's probes; in a fork those of its first ancestor."""
    seeds = json.loads(data.attrs.get("provenance", "{}")).get("seeds") or [{}]
    seed = int(seeds[0].get("seed", data.attrs["seed"]))
    return [key(seed, Purpose.REPLICATE, int(r)) for r in data["replicate"].values]


def normalised(
    value: FloatArray, uniform: FloatArray | float, optimum: FloatArray | float
) -> FloatArray:
    """(J(pi) - J(u)) / (J* - J(u)) of model 4: 0 is uniform play, 1 the optimum.

    NaN where the optimum is no better than uniform play (:data:`NEGLIGIBLE`).
    """
    room = np.asarray(optimum) - uniform
    scale = np.maximum(np.abs(optimum), np.abs(uniform))
    # Both branches are computed; what divides by no room is thrown away.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(room > NEGLIGIBLE * scale, (value - uniform) / room, np.nan)


def _whole(
    expected: core.Expectation, watched: NDArray[np.int32] | None
) -> tuple[core.Expectation, _Apart | None]:
    """The expectation of whole lifetimes; and apart, of steps watched and unwatched."""
    if watched is None:
        return expected, None
    apart = _Apart(expected.counts.mean(axis=1), expected.lifespan.mean(axis=1))
    return core.Expectation(expected.counts.sum(axis=2), expected.lifespan.sum(axis=2)), apart


def _same_to_minds(place: _Place, env: Environment, levels: Levels) -> bool:
    """Whether nothing that a mind can see, feel or undergo differs between two environments.

    Where a flip changes payoffs only, minds act alike on both sides, and need be followed once.
    """
    # Payoffs are columns of phi like stimuli, but no mind feels them.
    other = place.env
    unpaid = np.delete(np.arange(env.phi.shape[1]), env.paid)
    return (
        other.events == env.events
        and other.lifetime == env.lifetime
        and np.array_equal(other.phi[:, unpaid], env.phi[:, unpaid])
        and _equal(place.levels, levels)
        and all(
            _equal(other.belief_tables(senses)[0], env.belief_tables(senses)[0])
            for senses in range(1 << len(env.hidden))
        )
    )


def _equal(first: Iterable[Any], second: Iterable[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _take(minds: Minds, rows: NDArray[np.integer]) -> Minds:
    return Minds(*(array[rows] for array in minds))


def _stack(*minds: Minds) -> Minds:
    return Minds(*(np.concatenate(arrays) for arrays in zip(*minds, strict=True)))


def _rows(fortune: _Fortune, rows: NDArray[np.integer]) -> _Fortune:
    apart = fortune.apart and _Apart(*(array[rows] for array in fortune.apart))
    return _Fortune(fortune.counts[rows], fortune.novelty[rows], fortune.lifespan[rows], apart)
