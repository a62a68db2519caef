"""The measure regained: how long alignment stays away."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from evosim import scenario
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query


def regained(alignment: list[list[float]], level: float | None = 0.5) -> np.ndarray:
    """Generations after a flip at 4 of 12, by replicate; probed in every second generation."""
    values = np.array(alignment)[:, :, None]
    data = xr.Dataset(
        {"alignment": (("replicate", "probe", "environment", "mind", "sample"),
                       values[:, :, None, None, :])},
        coords={"probe": 2 * np.arange(values.shape[1]), "generation": np.arange(12),
                "environment": ["drills"], "mind": ["evolved"]},
    )  # fmt: skip
    term = Query(measure="regained", where="drills", turn=4, level=level)
    (found,) = METRICS["regained"].columns(data, scenario.load("school"), term)
    return found


def test_generations_are_counted_from_the_flip_to_the_probe_that_reaches_the_level() -> None:
    assert regained([[0.9, 0.8, 0.1, 0.3, 0.5, 0.2]]).tolist() == [4.0]


def test_who_never_gets_there_counts_all_generations_that_were_left() -> None:
    assert regained([[0.9, 0.8, 0.1, 0.1, 0.1, 0.1]]).tolist() == [8.0]


def test_who_lost_nothing_needs_no_generation() -> None:
    assert regained([[0.1, 0.1, 0.6, 0.1, 0.1, 0.1]]).tolist() == [0.0]


def test_a_level_has_to_be_named() -> None:
    with pytest.raises(EvosimError, match="needs level = number"):
        regained([[0.9, 0.8, 0.1, 0.1, 0.1, 0.1]], level=None)
