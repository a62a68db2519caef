"""The monitor in the loop: what is familiar to it, and the lifetimes that it flags and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim import core, mind
from evosim.engine import ood_monitor
from evosim.engine.evaluation import Arrays, FloatArray, Live, Lives, environments_of
from evosim.engine.ood_monitor import Familiar

if TYPE_CHECKING:
    from evosim.scenario import Scenario


class Past(NamedTuple):
    """A generation that was lived before: what living it again takes."""

    scenario: Scenario
    seed: int  # the replicate's
    genome: FloatArray  # [N, loci]


Recall = Callable[[int], Past]
"""What a generation of the replicate's own history was (:func:`evosim.execution.runner.recall`)."""


def learnt(scenario: Scenario, generation: int, live: Live, recall: Recall | None) -> Familiar:
    """What is familiar to the monitor of a generation: its training is lived once more."""
    reference = ood_monitor.reference(scenario, generation)
    assert reference is not None
    if recall is None:
        raise ValueError(f"generation {generation} is monitored: what was before is needed")
    past = recall(reference)
    individuals = np.arange(len(past.genome))
    minds = core.with_tools(
        past.scenario,
        mind.express(past.scenario, past.genome),
        seed=past.seed,
        generation=reference,
        individuals=individuals,
    )
    lives = live(
        past.scenario,
        minds,
        seed=past.seed,
        generation=reference,
        environments=environments_of(past.scenario, reference, past.seed),
        individuals=individuals,
    )
    assert lives.features is not None
    return _familiar(scenario, past.scenario, reference, lives.features)


def _familiar(scenario: Scenario, then: Scenario, reference: int, features: FloatArray) -> Familiar:
    """Learn from features [n, L, F] of a generation that was lived by the scenario ``then``."""
    assert scenario.monitor is not None
    flat = features.reshape(-1, features.shape[-1])
    units = ood_monitor.resolution(then, reference)
    if then is not scenario:  # a fork's history: features are matched by name
        names, known = ood_monitor.feature_names(scenario), ood_monitor.feature_names(then)
        flat = np.stack(
            [flat[:, known.index(n)] if n in known else np.zeros(len(flat)) for n in names], axis=1
        )
        units = np.array([units[known.index(n)] if n in known else units[-1] for n in names])
    return ood_monitor.fit(flat, units, scenario.monitor.quantile)


def monitored(
    scenario: Scenario,
    generation: int,
    lives: Lives,
    cost: FloatArray,
    familiar: Familiar | None,
) -> tuple[Arrays, Familiar | None]:
    """What the monitor records of a generation, and what is familiar to it in the next one."""
    assert scenario.monitor is not None
    assert lives.features is not None
    none: Arrays = {"flagged": np.array(0, np.int32), "labels": np.array(0, np.int32)}
    if ood_monitor.reference(scenario, generation) is None:
        return none | {"monitor_score": np.full(lives.paid.shape, np.nan, np.float32)}, None
    monitored = scenario.phase_at(generation).monitored
    if not monitored:
        familiar = _familiar(scenario, scenario, generation, lives.features)
    assert familiar is not None
    distance = ood_monitor.score(familiar, lives.features)
    seen = none | {"monitor_score": distance.astype(np.float32)}
    if monitored:
        chosen = ood_monitor.labelled(distance, familiar.threshold, scenario.monitor.budget)
        seen |= {
            "score": ood_monitor.labelled_score(lives.paid, chosen, cost),
            "flagged": np.array((distance > familiar.threshold).sum(), np.int32),
            "labels": np.array(chosen.sum(), np.int32),
        }
    return seen, familiar
