"""The monitor's scores, labels and ROC against answers known without it."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import scenario, world
from evosim.errors import EvosimError
from evosim.mechanisms.monitor import metrics as detection
from evosim.mechanisms.monitor import state as detector

RNG = np.random.default_rng(4)


def test_scores_are_mahalanobis_distances_where_one_event_is_small() -> None:
    """With a fine resolution the score is the textbook's, from numpy's own inverse."""
    mixing = RNG.normal(size=(3, 3))
    training = RNG.normal(size=(500, 3)) @ mixing + [1.0, -2.0, 0.5]
    known = detector.fit(training, np.full(3, 1e-6), 0.9)
    off = training - training.mean(axis=0)
    inverse = np.linalg.inv(np.cov(training.T, bias=True))
    textbook = np.sqrt(np.einsum("ni,ij,nj->n", off, inverse, off))
    np.testing.assert_allclose(detector.score(known, training), textbook, rtol=1e-6)
    assert known.threshold == pytest.approx(np.quantile(textbook, 0.9), rel=1e-6)


def test_what_never_varied_is_measured_in_events() -> None:
    """Three events of a kind that training never met are three units away."""
    training = np.column_stack([RNG.normal(size=200), np.zeros(200)])
    known = detector.fit(training, np.array([0.01, 0.01]), 0.95)
    new = np.array([[training[:, 0].mean(), 0.03]])
    assert detector.score(known, new)[0] == pytest.approx(3.0, rel=1e-6)


def test_features_that_always_go_together_are_missed_when_they_part() -> None:
    """A lamp that begins to gleam: as many throws as ever, but felt otherwise."""
    throws = RNG.poisson(5, size=300) / 100
    training = np.column_stack([throws, 0.1 * throws])
    known = detector.fit(training, np.array([0.01, 0.001]), 0.95)
    usual, gleaming = np.array([[0.05, 0.005]]), np.array([[0.05, 0.10]])
    assert detector.score(known, usual)[0] < known.threshold
    assert detector.score(known, gleaming)[0] > 10 * known.threshold


def test_labels_go_to_the_largest_scores_above_the_threshold() -> None:
    scores = np.array([[1.0, 5.0], [3.0, 5.0], [0.5, 4.0]])
    assert detector.labelled(scores, 3.0, 2).tolist() == [
        [False, True],
        [False, True],
        [False] * 2,
    ]
    assert detector.labelled(scores, 3.0, 9).sum() == 3
    assert detector.labelled(scores, 3.0, 0).sum() == 0


def test_who_has_no_label_is_neither_better_nor_worse() -> None:
    paid = np.array([[4.0, 100.0], [2.0, 6.0], [50.0, 50.0]])
    chosen = np.array([[True, False], [True, True], [False, False]])
    score = detector.labelled_score(paid, chosen, np.array([1.0, 0.0, 9.0]))
    assert score.tolist() == [3.0, 4.0, 3.5]
    assert np.isnan(detector.labelled_score(paid, chosen & False, np.zeros(3))).all()


def test_features_are_strengths_and_events_a_step() -> None:
    read = scenario.load("strawberry")
    names = detector.feature_names(read)
    assert names[:2] == ("felt sweetness", "felt gleam")
    assert "lamp.throw" in names
    env = world.environment(read, "evening")
    counts = np.zeros((1, 1, len(env.events)), int)
    counts[..., env.events.index("lamp.throw")] = 3
    felt = world.weighted_sum(counts, env.phi)[..., : len(read.stimuli)]
    found = detector.features(read, "evening", counts, felt, np.array([[60]]))
    assert found[0, 0, names.index("felt gleam")] == pytest.approx(3 * 2.0 / 60)
    assert found[0, 0, names.index("lamp.throw")] == pytest.approx(3 / 60)
    units = detector.resolution(read, 0)
    assert units[names.index("felt gleam")] == pytest.approx(1.0 / 100)  # by day, of the bucket
    assert units[names.index("lamp.throw")] == pytest.approx(1 / 100)


MONITORED = [
    "timeline=[{generations=2, train='day'}, {generations=1, train='evening', monitored=true},"
    "{generations=1, train='day'}, {generations=2, train='evening', monitored=true}]",
    "monitor={budget=5}",
]


def test_the_monitor_learns_in_the_last_generation_before_it_is_switched_on() -> None:
    read = scenario.load("strawberry", settings=MONITORED)
    assert [detector.reference(read, g) for g in range(6)] == [None, 1, 1, 3, 3, 3]
    assert detection.first_monitored(read) == 2
    with pytest.raises(EvosimError, match="no phase that is monitored"):
        detection.first_monitored(scenario.load("strawberry"))
