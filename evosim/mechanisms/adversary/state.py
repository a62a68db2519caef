"""The adversary in a run: environments are proposed, and those of large regret kept (model 3).

What it knows are the environments that it keeps: their numbers, their regret when it was measured
last, and when that was. They are recorded in every generation, so that a run goes on from there.

*Sources.* Jiang et al. 2021, arXiv:2010.03934 (prioritised replay) and arXiv:2110.02439 (training
on nothing but what is replayed); Parker-Holder et al. 2022, arXiv:2203.01302 (children of
environments of large regret).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.engine import regret
from evosim.engine.mechanism import Mechanism, Recall, minds_of
from evosim.engine.variables import Coordinate, Variable
from evosim.rng import Purpose, key
from evosim.scenario import document

if TYPE_CHECKING:
    from evosim.engine.evaluation import Arrays, Evaluate, Evaluation
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

LEVEL, CANDIDATE, SAMPLE, LAYOUT = range(4)
"""What a random number of the purpose ADVERSARY is for."""
NOTHING_TO_LEARN = 1e-4
"""A regret up to here is rounding: optima are float32. Such environments are not kept."""


class Kept(NamedTuple):
    """The K environments that are kept, the largest regret first."""

    values: Floats  # [K, keys]
    regret: Floats  # [K]
    measured: NDArray[np.int32]  # [K] the generation in which it was


class AdversaryState(Mechanism):
    """Its memory is what is kept after the generation before."""

    variables: ClassVar = {
        "proposed": Variable(
            dims=("generation", "level", "proposed_key"),
            dtype="f8",
            units="as the key",
            long_name="numbers of the environment that a level was drawn in; NaN: not proposed",
        ),
        "kept": Variable(
            dims=("generation", "kept_place", "proposed_key"),
            dtype="f8",
            units="as the key",
            long_name="numbers of the environments kept after the generation, by regret",
        ),
        "kept_regret": Variable(
            dims=("generation", "kept_place"),
            dtype="f8",
            units="payoff per lifetime",
            long_name="regret of the environments kept, when it was measured last",
        ),
        "kept_measured": Variable(
            dims=("generation", "kept_place"),
            dtype="i4",
            units="generations",
            long_name="generation in which the regret of one that is kept was measured; -1: none",
        ),
        "proposed_regret": Variable(
            dims=("generation",),
            dtype="f8",
            units="payoff per lifetime",
            long_name="mean exact regret in the environments that trained; NaN: not measured",
        ),
        "regrets_measured": Variable(
            dims=("generation",),
            dtype="i4",
            units="environments",
            long_name="environments whose regret was measured in the generation",
        ),
    }

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        assert scenario.adversary is not None
        self._asked = scenario.adversary
        numbers = self._asked.numbers
        self._paths = list(numbers)
        self._low, self._high = np.array(list(numbers.values()), np.float64).T
        here = dict(document.leaves(document.plain(scenario.environment(self._asked.environment))))
        self._whole = np.array([isinstance(here[path], int) for path in self._paths])

    def coordinates(self) -> Mapping[str, Coordinate]:
        keys = np.array([".".join(path) for path in self._paths], object)
        places = np.arange(self._asked.buffer, dtype=np.int32)
        return {
            "proposed_key": Coordinate("proposed_key", keys, "1", "key that is proposed"),
            "kept_place": Coordinate("kept_place", places, "1", "place of one that is kept"),
        }

    def fixed(self) -> Mapping[str, object]:
        asked = self._asked
        return {"timeline.train.adversary": (document.canonical(asked.ranges), asked.buffer)}

    def remember(self, generation: int, evaluate: Evaluate, recall: Recall | None) -> Kept | None:
        """What was kept after the generation before, as it is recorded."""
        if generation == 0 or recall is None:
            return None
        record = recall(generation - 1).record
        if "kept" not in record:
            return None
        n = int((np.asarray(record["kept_measured"]) >= 0).sum())
        values, regrets, measured = (
            record[name][:n] for name in ("kept", "kept_regret", "kept_measured")
        )
        return Kept(
            np.asarray(values, np.float64),
            np.asarray(regrets, np.float64),
            np.asarray(measured, np.int32),
        )

    def propose(
        self, generation: int, memory: Kept | None
    ) -> tuple[Scenario, Sequence[str]] | None:
        if not self._proposes(generation):
            return None
        return self._beside(self._levels(generation, self._known(memory)))

    def evaluated(
        self,
        generation: int,
        evaluation: Evaluation,
        record: Arrays,
        cost: Floats,
        memory: Kept | None,
    ) -> tuple[Arrays, Kept]:
        """Measure regret where the generation lived and of candidates; keep the largest."""
        kept, asked = self._known(memory), self._asked
        n_levels = evaluation.selected_payoff.shape[1]
        trained = np.full((n_levels, len(self._paths)), np.nan)
        found, mean = np.zeros(0), np.nan
        if self._proposes(generation):
            trained = self._levels(generation, kept)
            if asked.searches:
                both = np.concatenate([trained, self._candidates(generation, kept)])
                _, first = np.unique(both, axis=0, return_index=True)
                tried = both[np.sort(first)]
                found = self._regret(generation, tried, np.asarray(record["genome"], np.float64))
                at = [int((tried == one).all(axis=1).argmax()) for one in trained]
                mean = float(found[at].mean())
                kept = self._best(generation, kept, tried, found)
        pad = asked.buffer - len(kept.regret)
        return {
            "proposed": trained,
            "kept": np.pad(kept.values, ((0, pad), (0, 0)), constant_values=np.nan),
            "kept_regret": np.pad(kept.regret, (0, pad), constant_values=np.nan),
            "kept_measured": np.pad(kept.measured, (0, pad), constant_values=-1),
            "proposed_regret": np.array(mean),
            "regrets_measured": np.array(len(found), np.int32),
        }, kept

    def _proposes(self, generation: int) -> bool:
        return hasattr(self.scenario.phase_at(generation).train, "adversary")

    def _known(self, memory: Kept | None) -> Kept:
        if memory is not None:
            return memory
        return Kept(np.zeros((0, len(self._paths))), np.zeros(0), np.zeros(0, np.int32))

    def _levels(self, generation: int, kept: Kept) -> Floats:
        """[L, keys]: of those kept, or uniform where nothing is."""
        asked, chances = self._asked, self._chances(generation, kept)
        values = []
        for level in range(self.scenario.evolution.levels):
            bits = key(self.seed, Purpose.ADVERSARY, LEVEL, generation, level)
            if len(chances) and asked.searches and rng.uniform(rng.draw(bits, 0)) >= asked.fresh:
                values.append(kept.values[_drawn(chances, bits)])
            else:
                values.append(self._uniform(bits))
        return np.array(values)

    def _candidates(self, generation: int, kept: Kept) -> Floats:
        """[budget, keys]: uniform, or children of those kept."""
        chances = self._chances(generation, kept)
        values = []
        for candidate in range(self._asked.budget):
            bits = key(self.seed, Purpose.ADVERSARY, CANDIDATE, generation, candidate)
            if len(chances) and self._asked.proposer == "population":
                steps = 2.0 * _uniforms(bits, len(self._paths)) - 1.0
                by = steps * self._asked.step * (self._high - self._low)
                child = kept.values[_drawn(chances, bits)] + by
                values.append(self._possible(child))
            else:
                values.append(self._uniform(bits))
        return np.array(values)

    def _uniform(self, bits: int) -> Floats:
        # A whole number gets as much of the range at its ends as elsewhere.
        low, high = self._low - 0.5 * self._whole, self._high + 0.5 * self._whole
        return self._possible(low + _uniforms(bits, len(self._paths)) * (high - low))

    def _possible(self, values: Floats) -> Floats:
        inside = np.clip(values, self._low, self._high)
        return np.where(self._whole, np.round(inside), inside)

    def _chances(self, generation: int, kept: Kept) -> Floats:
        """[K] of being drawn: by rank of regret, and by how long ago it was measured."""
        if not len(kept.regret):
            return np.zeros(0)
        # Equal regrets have equal ranks, the mean of theirs.
        above = (kept.regret[:, None] < kept.regret).sum(axis=1)
        equal = (kept.regret[:, None] == kept.regret).sum(axis=1)
        by_rank = (above + (equal + 1) / 2) ** (-1.0 / self._asked.temperature)
        by_age = np.asarray(generation - kept.measured, np.float64)
        share = self._asked.staleness
        return (1 - share) * by_rank / by_rank.sum() + share * by_age / by_age.sum()

    def _best(self, generation: int, kept: Kept, tried: Floats, found: Floats) -> Kept:
        """The largest regrets of those kept and those tried; what is measured again counts anew."""
        old = ~(kept.values[:, None] == tried).all(axis=2).any(axis=1)
        values = np.concatenate([kept.values[old], tried])
        regrets = np.concatenate([kept.regret[old], found])
        now = np.full(len(tried), generation, np.int32)
        measured = np.concatenate([kept.measured[old], now])
        order = np.argsort(-regrets, kind="stable")
        order = order[regrets[order] > NOTHING_TO_LEARN][: self._asked.buffer]
        return Kept(values[order], regrets[order], measured[order])

    def _regret(self, generation: int, tried: Floats, genome: Floats) -> Floats:
        """[environments] regret of the population, exact for a sample of it on fixed layouts."""
        asked = self._asked
        bits = key(self.seed, Purpose.ADVERSARY, SAMPLE, generation)
        chosen = np.argsort(rng.draws(bits, np.arange(len(genome))), kind="stable")[: asked.minds]
        minds = minds_of(
            self.scenario,
            genome[chosen],
            seed=self.seed,
            generation=generation,
            individuals=chosen,
        )
        scenario, names = self._beside(tried)
        # The same layouts everywhere and always, so that regrets differ by the numbers alone.
        seeds = [key(self.seed, Purpose.ADVERSARY, LAYOUT, i) for i in range(asked.levels)]
        each = regret.regrets(
            scenario,
            minds,
            [name for name in names for _ in seeds],
            seeds * len(names),
            scenario.objective_at(generation).selected,
        )
        each = each.reshape(len(chosen), len(names), asked.levels).mean(axis=2)
        mean = each.mean(axis=0)
        return mean if asked.against == "optimum" else mean - each.min(axis=0)

    def _beside(self, values: Floats) -> tuple[Scenario, Sequence[str]]:
        """The scenario with an environment for each row of values, and its name."""
        asked = self._asked
        written = self.scenario.environments[asked.environment].overrides
        # No name that a scenario file can have.
        made = {
            f"{asked.environment}~{i}": document.changed(
                written, dict(zip(self._paths, map(float, row), strict=True))
            )
            for i, row in enumerate(values)
        }
        return self.scenario.beside(made), list(made)


MECHANISM = AdversaryState


def _uniforms(bits: int, n: int) -> Floats:
    """n numbers in [0, 1), after the two draws that say where from."""
    return np.array([rng.uniform(rng.draw(bits, 2 + i)) for i in range(n)])


def _drawn(chances: Floats, bits: int) -> int:
    """The place that is drawn by its chances."""
    at = int(np.searchsorted(np.cumsum(chances), rng.uniform(rng.draw(bits, 1)), side="right"))
    return min(at, len(chances) - 1)
