"""The monitor in the generation loop: when its detector is trained, and what it flags and labels.

The detector itself, which knows of no generations, is :mod:`evosim.engine.ood_monitor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim.engine import ood_monitor
from evosim.engine.evaluation import Arrays, Evaluate, Evaluation, FloatArray, environments_of
from evosim.engine.mechanism import minds_of
from evosim.engine.ood_monitor import Detector

if TYPE_CHECKING:
    from evosim.scenario import Scenario


class PastGeneration(NamedTuple):
    """An earlier generation: what it takes to evaluate it again."""

    scenario: Scenario
    seed: int  # the replicate's
    genome: FloatArray  # [N, loci]


Recall = Callable[[int], PastGeneration]
"""Gives an earlier generation of the replicate itself (:func:`evosim.execution.runner.recall`)."""


def trained_detector(
    scenario: Scenario, generation: int, evaluate: Evaluate, recall: Recall | None
) -> Detector:
    """The detector of a monitored generation: the generation that trained it is evaluated again.

    Only a run that goes on within a monitored phase needs it: elsewhere the detector is handed
    from generation to generation.
    """
    reference = ood_monitor.reference(scenario, generation)
    assert reference is not None
    if recall is None:
        raise ValueError(f"generation {generation} is monitored: what was before is needed")
    past = recall(reference)
    # The same seed and numbers as then, and so the same lifetimes.
    individuals = np.arange(len(past.genome))
    minds = minds_of(
        past.scenario,
        past.genome,
        seed=past.seed,
        generation=reference,
        individuals=individuals,
    )
    evaluation = evaluate(
        past.scenario,
        minds,
        seed=past.seed,
        generation=reference,
        environments=environments_of(past.scenario, reference, past.seed),
        individuals=individuals,
    )
    assert evaluation.features is not None
    return _fit(scenario, past.scenario, reference, evaluation.features)


def _fit(scenario: Scenario, then: Scenario, reference: int, features: FloatArray) -> Detector:
    """Train on features [n, L, F] of a generation that the scenario ``then`` was run for."""
    assert scenario.monitor is not None
    flat = features.reshape(-1, features.shape[-1])
    # Resolution and features are those of the time of training, whatever the scenario says now.
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
    evaluation: Evaluation,
    cost: FloatArray,
    detector: Detector | None,
) -> tuple[Arrays, Detector | None]:
    """What the monitor records of a generation, and its detector in the next one.

    Args:
        scenario: with a monitor.
        generation: its number.
        evaluation: of its individuals.
        cost: of thinking [individuals].
        detector: where the generation is monitored.

    Returns:
        ``monitor_score``, ``flagged``, ``labels``, and in a monitored phase the ``score`` that
        labelled lifetimes give; the detector, None where the next generation needs none.
    """
    assert scenario.monitor is not None
    assert evaluation.features is not None
    none: Arrays = {"flagged": np.array(0, np.int32), "labels": np.array(0, np.int32)}
    # Far from a monitored phase nothing is measured, as nobody would look at it.
    if ood_monitor.reference(scenario, generation) is None:
        return none | {
            "monitor_score": np.full(evaluation.selected_payoff.shape, np.nan, np.float32)
        }, None
    monitored = scenario.phase_at(generation).monitored
    # The last generation before the monitored phase is the one that it is trained on.
    if not monitored:
        detector = _fit(scenario, scenario, generation, evaluation.features)
    assert detector is not None
    distance = ood_monitor.score(detector, evaluation.features)
    seen = none | {"monitor_score": distance.astype(np.float32)}
    # Only now does labelling matter: before, selection knows every payoff.
    if monitored:
        chosen = ood_monitor.labelled(distance, detector.threshold, scenario.monitor.budget)
        seen |= {
            "score": ood_monitor.labelled_score(evaluation.selected_payoff, chosen, cost),
            "flagged": np.array((distance > detector.threshold).sum(), np.int32),
            "labels": np.array(chosen.sum(), np.int32),
        }
    return seen, detector
