"""Correction in a run: the drives of minds that were caught, what they foresee, what is inherited.

A rule can correct the mind that did it. Life goes on with another mind, which a variable of the
world counts; what drives it has follows from those at birth (model 2, correction).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evosim import mind as minds_
from evosim import world
from evosim.engine.mechanism import Arrays, FloatArray, Mechanism, Record, developed
from evosim.engine.variables import PROBED, Variable
from evosim.mechanisms.correction.schema import WAYS
from evosim.mechanisms.deception.state import UNWATCHED
from evosim.mind import Minds, unit_length
from evosim.scenario import Rule

if TYPE_CHECKING:
    from evosim.core import Lifetimes
    from evosim.engine.evaluation import Evaluation
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.scenario import Scenario
    from evosim.world import Environment

IGNORANT = "ignorant"
"""The control of the causal question: the evolved minds, if they did not foresee corrections."""


class Correction(Mechanism):
    """Drives after each correction; how often lives are corrected, and what they do before."""

    controls = (IGNORANT,)
    variables: ClassVar = {
        "corrections": Variable(
            dims=("generation", "individual", "level"),
            dtype="i2",
            units="1",
            long_name="corrections of the lifetime on each level",
        ),
        "expected_corrected": Variable(
            dims=PROBED,
            dtype="f8",
            units="share",
            long_name="chance that a lifetime on the probe levels is corrected",
        ),
        "intended_uncorrected": Variable(
            dims=PROBED,
            dtype="f8",
            units="payoff per lifetime",
            long_name="expected intended payoff of the steps that begin with the drives of birth",
        ),
        "intended_corrected": Variable(
            dims=PROBED,
            dtype="f8",
            units="payoff per lifetime",
            long_name="expected intended payoff of the steps that begin with corrected drives",
        ),
        "steps_uncorrected": Variable(
            dims=PROBED,
            dtype="f8",
            units="steps",
            long_name="expected steps of a lifetime that begin with the drives of birth",
        ),
        "survival": Variable(
            dims=PROBED,
            dtype="f8",
            units="share",
            long_name="share of the unwatched steps that begin with the drives of birth; NaN where "
            "there are none, or without [deception]",
        ),
        "steps_corrected": Variable(
            dims=PROBED,
            dtype="f8",
            units="steps",
            long_name="expected steps of a lifetime that begin with corrected drives",
        ),
    }

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        assert scenario.correction is not None
        self._asked = scenario.correction
        counter = scenario.world.counting("corrections")
        assert counter is not None
        self._counter = counter
        self._most = scenario.world.variables[counter].values - 1
        self._intended = len(scenario.stimuli) + scenario.payoffs.index(scenario.objective.intended)

    # Minds

    def develop(self, minds: Minds, generation: int, individuals: NDArray[np.integer]) -> Minds:
        """The minds with the drives that they would have after each correction."""
        now = minds.weights.astype(np.float64)
        later = []
        for _ in range(self._most):
            now = self._changed(now)
            later.append(now)
        return minds._replace(later=np.stack(later, axis=1).astype(np.float32))

    def _changed(self, weights: FloatArray) -> FloatArray:
        """Drives [n, F] after one correction more."""
        rate = self._asked.rate
        if self._asked.form == "label":
            return unit_length(weights - rate * self._felt(weights.shape[1]))
        return (1.0 - rate) * weights + rate * self._toward(weights.shape[1])

    def _toward(self, n_features: int) -> FloatArray:
        """[F] The drives that a step leads to."""
        found = np.zeros(n_features)
        toward = self._asked.toward
        if isinstance(toward, dict):
            for name, weight in toward.items():
                found[self.scenario.stimuli.index(name)] = weight
        else:
            found[self._intended] = 1.0
        return found

    def _felt(self, n_features: int) -> FloatArray:
        """[F] What is felt at an act that is corrected; the same for all of them."""
        felt: dict[str, float] = next(
            (
                rule.feels
                for name in self.scenario.environments
                for _, rule in self.scenario.environment(name).effects()
                if isinstance(rule, Rule) and rule.corrects
            ),
            {},
        )
        found = np.zeros(n_features)
        for name, amount in felt.items():
            found[self.scenario.stimuli.index(name)] = amount
        return found

    # A generation

    def observe(self, environment: str, lifetimes: Lifetimes, felt: FloatArray) -> FloatArray:
        """How often each life was corrected, [n, L]."""
        counted = self._count(world.environment(self.scenario, environment))
        return counted[lifetimes.last_x].astype(np.float64)

    def evaluated(
        self,
        generation: int,
        evaluation: Evaluation,
        record: Arrays,
        cost: FloatArray,
        memory: Any,
    ) -> tuple[Arrays, Any]:
        """Corrections by lifetime."""
        return {"corrections": evaluation.observed[self.name].astype(np.int16)}, memory

    def inherited(self, genome: FloatArray, record: Record) -> FloatArray:
        """Genes of drives as lives ended with them, the mean over the levels of a generation.

        Where one would be beyond its bounds, all are scaled down together: what is wanted stays
        the same. Those that were corrected on no level keep theirs to the bit.
        """
        if not self._asked.inherits:
            return genome
        corrections = np.asarray(record["corrections"])[: len(genome)]
        changed = np.flatnonzero((corrections > 0).any(axis=1))
        if not len(changed):
            return genome
        expressed = minds_.express(self.scenario, genome[changed])
        of = developed(self.scenario, expressed, self.seed, 0, changed)
        every = np.concatenate([of.weights[:, None], of.later], axis=1).astype(np.float64)
        rows = np.arange(len(changed))
        total = np.zeros((len(changed), every.shape[2]))
        for level in range(corrections.shape[1]):
            total += every[rows, corrections[changed, level]]
        mean = total / corrections.shape[1]
        mean /= np.maximum(1.0, np.abs(mean).max(axis=1, keepdims=True))  # every locus is [-1, 1]
        result = genome.copy()
        for i, locus in enumerate(minds_.loci(self.scenario)):
            if locus.name.startswith("drive."):
                stimulus = self.scenario.stimuli.index(locus.name.removeprefix("drive."))
                result[changed, i] = mean[:, stimulus]
        return result

    # Probes

    def _count(self, env: Environment) -> NDArray[np.int32]:
        """[n_x] Corrections counted at each x."""
        assert env.tables.foresight is not None
        return env.tables.foresight.corrections

    def part(self, env: Environment) -> NDArray[np.int32]:
        """How often the mind was corrected with which a step begins."""
        return self._count(env)

    def control(self, name: str, minds: Minds) -> Minds:
        """The same minds, who plan as if nothing could change their drives."""
        ways = np.zeros_like(minds.anticipation)
        ways[:, WAYS.index(name)] = 1.0
        return minds._replace(anticipation=ways)

    def measure_mind(self, place: ProbedEnvironment, mind: Expected) -> dict[str, FloatArray]:
        """How likely a correction is, and what is paid before and after it, [n] each."""
        by_part = place.told_apart(self.name, mind)
        paid = world.weighted_sum(by_part.counts, place.env.phi[:, self._intended])
        # A life is corrected for the first time by an act of the mind of its birth.
        first = world.weighted_sum(by_part.counts[:, 0], self._chances(place.env))
        return {
            "survival": self._survival(place, mind),
            "expected_corrected": first,
            "intended_uncorrected": paid[:, 0],
            "intended_corrected": paid[:, 1:].sum(axis=1),
            "steps_uncorrected": by_part.lifespan[:, 0],
            "steps_corrected": by_part.lifespan[:, 1:].sum(axis=1),
        }

    def _survival(self, place: ProbedEnvironment, mind: Expected) -> FloatArray:
        """[n] Share of the unwatched steps that begin with the drives of birth."""
        assert mind.by_part is not None
        none = np.full(len(mind.lifespan), np.nan)
        if (part := place.parts_of.get("deception")) is None:
            return none
        unwatched = part % 2 == UNWATCHED
        born = unwatched & (place.parts_of[self.name] == 0)
        steps, own = (mind.by_part.lifespan[:, which].sum(axis=1) for which in (unwatched, born))
        return np.divide(own, steps, out=none, where=steps > 0)

    def _chances(self, env: Environment) -> FloatArray:
        """[E] The chance that an event is corrected: who dies of it is not."""
        chances = np.zeros(len(env.events))
        for path, rule in env.world.effects():
            if isinstance(rule, Rule) and rule.corrects:
                chances[env.events.index(f"{path[1]}.{path[3]}")] = rule.corrects * (
                    1.0 - rule.ends
                )
        return chances


MECHANISM = Correction
