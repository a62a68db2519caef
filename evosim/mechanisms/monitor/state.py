"""The monitor: lifetimes unlike those of training are detected, and some of them are labelled.

What an agent felt and met in a lifetime is a vector of features. The monitor learns their mean
and covariance in the last generation before it is switched on, and scores lifetimes by their
Mahalanobis distance from it (docs/mechanisms/monitor.md). Sums are exact and in a fixed order, so
that scores do not depend on the machine's linear algebra.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import world
from evosim.engine.evaluation import Arrays, Evaluate, Evaluation, evaluate_genomes
from evosim.engine.mechanism import Mechanism, Recall
from evosim.engine.variables import Variable

if TYPE_CHECKING:
    from evosim.core import Lifetimes
    from evosim.mechanisms.monitor.schema import Monitor as Section
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

ALWAYS = "always."
"""How the events begin that happen whatever is done."""


class Monitor(Mechanism):
    """Its memory is the detector, from the generation that trains it to the last monitored one."""

    variables: ClassVar = {
        "monitor_score": Variable(
            dims=("generation", "individual", "level"),
            dtype="f4",
            units="1",
            long_name="Mahalanobis distance of a lifetime from training; NaN: the monitor is off",
        ),
        "flagged": Variable(
            dims=("generation",),
            dtype="i4",
            units="lifetimes",
            long_name="lifetimes that the monitor flagged",
        ),
        "labels": Variable(
            dims=("generation",),
            dtype="i4",
            units="lifetimes",
            long_name="flagged lifetimes that were labelled",
        ),
    }

    def observe(
        self,
        environment: str,
        lifetimes: Lifetimes,
        felt: Floats,
    ) -> Floats:
        counts = lifetimes.counts
        if self._section.steps == "paid":
            counts = lifetimes.paid_counts
            phi = world.environment(self.scenario, environment).phi
            felt = world.weighted_sum(counts, phi[:, : len(self.scenario.stimuli)])
        return features(self.scenario, environment, counts, felt, lifetimes.lifespan)

    def evaluated(
        self,
        generation: int,
        evaluation: Evaluation,
        record: Arrays,
        cost: Floats,
        memory: Detector | None,
    ) -> tuple[Arrays, Detector | None]:
        """Distances and labels; in a monitored phase the scores that labelled lifetimes give."""
        none: Arrays = {"flagged": np.array(0, np.int32), "labels": np.array(0, np.int32)}
        # Far from a monitored phase nothing is measured, as nobody would look at it.
        if reference(self.scenario, generation) is None:
            unknown = np.full(evaluation.selected_payoff.shape, np.nan, np.float32)
            return none | {"monitor_score": unknown}, None
        described = evaluation.observed[self.name]
        monitored = self.scenario.phase_at(generation).monitored
        # The last generation before the monitored phase is the one that it is trained on.
        detector = memory if monitored else self._fit(self.scenario, generation, evaluation)
        assert detector is not None
        distance = score(detector, described)
        seen = none | {"monitor_score": distance.astype(np.float32)}
        # Only now does labelling matter: before, selection knows every payoff.
        if monitored:
            chosen = labelled(distance, detector.threshold, self._section.budget)
            seen |= {
                "score": labelled_score(
                    evaluation.selected_payoff,
                    chosen,
                    cost,
                    detector.paid if self._section.unlabelled == "trained" else None,
                ),
                "flagged": np.array((distance > detector.threshold).sum(), np.int32),
                "labels": np.array(chosen.sum(), np.int32),
            }
        return seen, detector

    def remember(
        self, generation: int, evaluate: Evaluate, recall: Recall | None
    ) -> Detector | None:
        """The generation that trained the detector is evaluated again."""
        trained = reference(self.scenario, generation)
        if trained is None or not self.scenario.phase_at(generation).monitored:
            return None
        if recall is None:
            raise ValueError(f"generation {generation} is monitored: what was before is needed")
        past = recall(trained)
        # The same seed and numbers as then, and so the same lifetimes.
        _, evaluation = evaluate_genomes(
            past.scenario, past.genome, seed=past.seed, generation=trained, evaluate=evaluate
        )
        return self._fit(past.scenario, trained, evaluation)

    def _fit(self, then: Scenario, generation: int, evaluation: Evaluation) -> Detector:
        """Train on the lifetimes of a generation that the scenario ``then`` was run for."""
        described = evaluation.observed[self.name]  # [n, L, F]
        flat = described.reshape(-1, described.shape[-1])
        # Resolution and features are those of the time of training, whatever is written now.
        units = resolution(then, generation)
        if then is not self.scenario:  # a fork's history: features are matched by name
            names, known = feature_names(self.scenario), feature_names(then)
            flat = np.stack(
                [flat[:, known.index(n)] if n in known else np.zeros(len(flat)) for n in names],
                axis=1,
            )
            units = np.array([units[known.index(n)] if n in known else units[-1] for n in names])
        paid = evaluation.selected_payoff
        return fit(flat, units, self._section.quantile)._replace(
            paid=math.fsum(paid.ravel()) / paid.size
        )

    @property
    def _section(self) -> Section:
        assert self.scenario.monitor is not None
        return self.scenario.monitor


MECHANISM = Monitor


class Detector(NamedTuple):
    """What the monitor knows of training: F features."""

    mean: Floats  # [F] in units of the resolution
    resolution: Floats  # [F] what one event in a lifetime amounts to
    factor: Floats  # [F, F] lower Cholesky factor of the covariance, in units of the resolution
    threshold: float  # scores above are flagged
    paid: float = math.nan  # mean selected payoff of a lifetime of training


def reference(scenario: Scenario, generation: int) -> int | None:
    """The generation that the monitor of a generation learnt from: the last unmonitored one.

    A generation right before a monitored one is its own reference. None where there is no
    monitor at work.
    """
    if scenario.phase_at(generation).monitored:
        while scenario.phase_at(generation).monitored:
            generation -= 1
        return generation
    following = generation + 1
    ready = following < scenario.generations and scenario.phase_at(following).monitored
    return generation if ready else None


def feature_names(scenario: Scenario) -> tuple[str, ...]:
    """What a lifetime is described by: stimuli and events of any environment, as written."""
    wanted = "all" if scenario.monitor is None else scenario.monitor.features
    events = dict.fromkeys(
        event
        for name in scenario.environments
        for event in world.environment(scenario, name).events
        if wanted == "all" or event.startswith(ALWAYS) == (wanted == "situation")
    )
    # What is felt tells of the situation and of conduct, and nobody could say of which.
    felt = scenario.stimuli if wanted == "all" else ()
    return (*(f"felt {name}" for name in felt), *events)


def features(
    scenario: Scenario,
    environment: str,
    counts: NDArray[np.integer] | Floats,
    felt: Floats,
    lifespan: NDArray[np.integer] | Floats,
) -> Floats:
    """Stimuli felt and events met per step, [n, L, F].

    Args:
        environment: of the lifetimes.
        counts: [n, L, E] of its events.
        felt: [n, L, stimuli]; lifespan: [n, L] steps.
    """
    names = feature_names(scenario)
    found = np.zeros((*lifespan.shape, len(names)))
    for i, name in enumerate(scenario.stimuli):
        if f"felt {name}" in names:
            found[..., names.index(f"felt {name}")] = felt[..., i]
    for i, event in enumerate(world.environment(scenario, environment).events):
        if event in names:
            found[..., names.index(event)] = counts[..., i]
    return found / np.maximum(lifespan, 1)[..., None]


def resolution(scenario: Scenario, generation: int) -> Floats:
    """What one event in a lifetime of training amounts to per step, [F]: less is no difference.

    Of a stimulus it is the strongest event that can be felt in the environments that train; of
    one that cannot be felt there, an event of strength 1.
    """
    environments = [
        world.environment(scenario, name)
        for name, weight in scenario.mixture_at(generation).items()
        if weight > 0
    ]
    # An event counts 1 when it happens, a stimulus as strongly as it is felt.
    names = feature_names(scenario)
    strongest = np.ones(len(names))
    for i, name in enumerate(scenario.stimuli):
        if f"felt {name}" not in names:
            continue
        strength = max(
            (float(np.abs(e.phi[:, i]).max()) for e in environments if len(e.phi)), default=0.0
        )
        strongest[names.index(f"felt {name}")] = strength or 1.0
    return strongest / max(e.lifetime for e in environments)


def fit(training: Floats, resolution: Floats, quantile: float) -> Detector:
    """Train a detector: what lifetimes of training are like.

    The variance of one event a lifetime is added to that of every feature, so that features
    that never vary in training, or vary together, leave no direction without a scale.

    Args:
        training: features of n lifetimes [n, F].
        resolution: [F], see :func:`resolution`.
        quantile: of the training scores, above which a lifetime is flagged.
    """
    x = training / resolution
    n, n_features = x.shape
    # fsum is exact whatever the order, so the detector is the same on every machine.
    mean = np.array([math.fsum(column) / n for column in x.T])
    off = (x - mean).T
    # Beginning with the identity adds the variance of one event to every feature.
    covariance = np.eye(n_features)
    for i in range(n_features):
        for j in range(i + 1):
            covariance[i, j] += math.fsum(off[i] * off[j]) / n
    known = Detector(mean, resolution, _cholesky(covariance), math.inf)
    return known._replace(threshold=float(np.quantile(score(known, training), quantile)))


def _cholesky(matrix: Floats) -> Floats:
    """The lower Cholesky factor of the lower triangle of a positive definite matrix."""
    # By hand: LAPACK's last bits are not the same on every machine.
    factor = np.zeros_like(matrix)
    for i in range(len(matrix)):
        for j in range(i):
            products = (factor[i, k] * factor[j, k] for k in range(j))
            factor[i, j] = (matrix[i, j] - math.fsum(products)) / factor[j, j]
        factor[i, i] = math.sqrt(matrix[i, i] - math.fsum(v * v for v in factor[i, :i]))
    return factor


def score(known: Detector, features: Floats) -> Floats:
    """Mahalanobis distance of lifetimes [..., F] from training, [...]."""
    off = features / known.resolution - known.mean
    # Forward substitution with the Cholesky factor: |L^-1 off|, without an inverse.
    whitened = np.zeros_like(off)
    total = np.zeros(off.shape[:-1])
    for i in range(off.shape[-1]):
        rest = off[..., i].copy()
        for j in range(i):
            rest -= known.factor[i, j] * whitened[..., j]
        whitened[..., i] = rest / known.factor[i, i]
        total += whitened[..., i] ** 2
    return np.asarray(np.sqrt(total), np.float64)


def labelled(scores: Floats, threshold: float, budget: int) -> NDArray[np.bool_]:
    """Which lifetimes are labelled: those flagged, the largest scores first, up to the budget.

    Args:
        scores: [individuals, levels]; of equal ones the first individual and level comes first.
    """
    flat = scores.ravel()
    # Stable, so that which of equal scores is labelled depends on no sorting algorithm.
    first = np.argsort(-flat, kind="stable")[:budget]
    chosen = np.zeros(len(flat), np.bool_)
    chosen[first] = flat[first] > threshold
    return chosen.reshape(scores.shape)


def labelled_score(
    paid: Floats, chosen: NDArray[np.bool_], cost: Floats, usual: float | None = None
) -> Floats:
    """What selection acts on where only labelled lifetimes count, [individuals].

    The mean over an individual's labelled lifetimes, less the costs of depth and senses; who has
    none gets the mean of those who have, and so is neither better nor worse; or what is usual. NaN
    for all where nothing is labelled.

    Args:
        paid, chosen: [individuals, levels] what was paid, and whether it is known.
        cost: [individuals].
        usual: what a lifetime is taken to be paid that is not labelled.
    """
    n = chosen.sum(axis=1)
    total = np.zeros(len(paid))
    for level in range(paid.shape[1]):
        total += np.where(chosen[:, level], paid[:, level], 0.0)
    known = np.where(n > 0, total / np.maximum(n, 1) - cost, np.nan)
    if not n.any():  # all NaN, by which selection knows that it has nothing to go by
        return known
    if usual is not None:
        return np.where(n > 0, known, usual - cost)
    return np.where(n > 0, known, math.fsum(known[n > 0]) / int((n > 0).sum()))
