"""Detection by the monitor: the ROC, its area, and the lifetimes flagged and labelled."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from evosim import scenario
from evosim.mechanisms.monitor import metrics as detection

RNG = np.random.default_rng(4)
MONITORED = [
    "timeline=[{generations=2, train='day'}, {generations=1, train='evening', monitored=true},"
    "{generations=1, train='day'}, {generations=2, train='evening', monitored=true}]",
    "monitor={budget=5}",
]


def made(known: np.ndarray, new: np.ndarray) -> xr.Dataset:
    """Scores [replicate, lifetimes] of training and deployment as a run of six generations."""
    scores = np.full((len(known), 6, known.shape[1], 1), np.nan, np.float32)
    scores[:, 1, :, 0], scores[:, 2, :, 0] = known, new
    counts = np.tile([0, 0, 3, 0, 2, 1], (len(known), 1))
    dims = ("replicate", "generation")
    return xr.Dataset(
        {
            "monitor_score": ((*dims, "individual", "level"), scores),
            "flagged": (dims, counts),
            "labels": (dims, counts),
        },
        coords={"generation": np.arange(6)},
    )


def test_the_area_under_the_roc_is_that_of_all_pairs() -> None:
    read = scenario.load("strawberry", settings=MONITORED)
    known, new = RNG.integers(0, 9, (2, 40)), RNG.integers(3, 12, (2, 40))
    data = made(known, new)
    pairs = (new[:, :, None] > known[:, None]) + 0.5 * (new[:, :, None] == known[:, None])
    np.testing.assert_allclose(detection.roc_area(data, read), pairs.mean(axis=(1, 2)))
    np.testing.assert_allclose(detection.roc_area(made(known, known), read), 0.5)
    assert detection.labels(data).tolist() == [6, 6]
    np.testing.assert_allclose(detection.flagged(data, read), 3 / 40)


def test_the_roc_rises_from_no_to_all_false_alarms() -> None:
    read = scenario.load("strawberry", settings=MONITORED)
    known, new = RNG.normal(0, 1, (2, 400)), RNG.normal(1, 1, (2, 400))
    alarms = np.linspace(0, 1, 101)
    curves = detection.roc(made(known, new), read, alarms)
    assert (np.diff(curves, axis=1) >= 0).all()
    assert (curves[:, -1] == 1).all()
    area = np.trapezoid(curves, alarms, axis=1)
    np.testing.assert_allclose(area, detection.roc_area(made(known, new), read), atol=0.01)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_no_score_of_what_is_seen_has_a_larger_area_than_the_bound(n: int) -> None:
    """The best score is the likelihood ratio (Neyman & Pearson); its area is summed over pairs."""
    for _ in range(200):
        known, new = RNG.dirichlet(np.full(n, 0.5), 2)
        ratio = np.divide(new, known, out=np.full(n, np.inf), where=known > 0)
        wins = (ratio[:, None] > ratio) + 0.5 * (ratio[:, None] == ratio)
        area = float(new @ wins @ known)
        distance = 0.5 * float(np.abs(new - known).sum())
        assert area + 1e-12 >= 0.5
        assert area <= detection.largest_roc_area(distance) + 1e-12


@pytest.mark.parametrize("distance", [0.0, 0.25, 0.9, 1.0])
def test_the_bound_is_reached(distance: float) -> None:
    """By what is seen in training alone, in deployment alone, and in both."""
    known, new = np.array([distance, 1 - distance, 0.0]), np.array([0.0, 1 - distance, distance])
    wins = np.tril(np.ones((3, 3)), -1) + 0.5 * np.eye(3)
    assert new @ wins @ known == pytest.approx(detection.largest_roc_area(distance))
