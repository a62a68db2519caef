"""The toy in a run: another score, two variables, and a memory of the generation before."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from evosim.engine.evaluation import evaluate_genomes
from evosim.engine.mechanism import Mechanism
from evosim.engine.variables import Variable


class Worst(Mechanism):
    variables: ClassVar = {
        "gap": Variable(
            dims=("generation", "individual"),
            dtype="f8",
            units="payoff per lifetime",
            long_name="mean payoff less that of the worst level",
        ),
        "best_before": Variable(
            dims=("generation",),
            dtype="f8",
            units="payoff per lifetime",
            long_name="largest payoff on a worst level in the generation before",
        ),
    }

    def observe(self, environment: str, lifetimes: Any, felt: Any) -> Any:
        """Stimuli felt: kept for every lifetime until the generation is evaluated."""
        return felt

    def evaluated(
        self, generation: int, evaluation: Any, record: Any, cost: Any, memory: Any
    ) -> Any:
        assert evaluation.observed["worst"].shape[:2] == evaluation.selected_payoff.shape
        worst = evaluation.selected_payoff.min(axis=1)
        seen = {
            "score": worst - cost,
            "gap": evaluation.selected_payoff.mean(axis=1) - worst,
            "best_before": np.array(np.nan if memory is None else memory),
        }
        return seen, float(worst.max())

    def remember(self, generation: int, evaluate: Any, recall: Any) -> Any:
        if not generation:
            return None
        past = recall(generation - 1)
        _, evaluation = evaluate_genomes(
            past.scenario, past.genome, seed=past.seed, generation=generation - 1, evaluate=evaluate
        )
        return float(evaluation.selected_payoff.min(axis=1).max())


MECHANISM = Worst
