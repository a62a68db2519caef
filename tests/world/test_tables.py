"""Tables: what a compiled world is read by."""

from __future__ import annotations

import numpy as np

from evosim import world


def test_sums_of_events_do_not_depend_on_the_machines_linear_algebra() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 200, (400, 4, 9)).astype(np.int32)
    phi = rng.normal(size=(9, 7))
    found = world.weighed(counts, phi)
    np.testing.assert_allclose(found, counts @ phi, atol=1e-9)
    for some in (slice(0, 1), slice(3, 50)):
        np.testing.assert_array_equal(found[some], world.weighed(counts[some], phi))
