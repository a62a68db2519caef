"""Tables: what a compiled world is read by."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import scenario, world
from evosim.errors import EvosimError


def test_sums_of_events_do_not_depend_on_the_machines_linear_algebra() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 200, (400, 4, 9)).astype(np.int32)
    phi = rng.normal(size=(9, 7))
    found = world.weighted_sum(counts, phi)
    np.testing.assert_allclose(found, counts @ phi, atol=1e-9)
    for some in (slice(0, 1), slice(3, 50)):
        np.testing.assert_array_equal(found[some], world.weighted_sum(counts[some], phi))


def test_minds_cannot_be_born_dead_by_what_they_believe() -> None:
    deadly = ["environments.modern.variables.energy.start=3",
              "environments.modern.variables.energy.fatal=[4, 7]"]  # fmt: skip
    read = scenario.load("contraception", deadly)
    lived, believed = (world.environment(read, name) for name in ("ancestral", "modern"))
    with pytest.raises(EvosimError, match=r"start at energy = 7, .* fatal in 'modern'"):
        lived.belief_tables(0, believed)
    believed.belief_tables(0, lived)  # born at 3, which is not fatal in the other
