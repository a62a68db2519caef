"""Tables: what a compiled world is read by."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, mind, scenario, world
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


@pytest.mark.parametrize(("id_", "name"), [("fridge", "wild"), ("red_nose", "noon")])
def test_where_no_life_can_come_to_nothing_is_planned(id_: str, name: str) -> None:
    read = scenario.load(id_)
    env = world.environment(read, name)
    assert len(env.tables.unreached) > 0
    n = 64
    levels = world.draw_levels(read, name, range(4))
    minds = mind.express(read, mind.initial(read, n, 3))
    seen = set()
    for level in range(4):
        for individual in range(n):
            lived = core.trace(
                env, world.draw_levels(read, name, [level]), _one(minds, individual), seed=1,
                generation=0, level_id=level, individual_id=individual,
            )  # fmt: skip
            seen |= set(lived.x.tolist())
    assert seen <= set(env.tables.live.tolist())
    assert not seen & set(env.tables.unreached.tolist())
    # Those who ask for every state get them all the same.
    chances = core.policies(env, levels, minds)
    assert np.isfinite(chances[:, :, env.tables.unreached]).all()


def _one(minds: mind.Minds, row: int) -> mind.Minds:
    return mind.Minds(*(column[[row]] for column in minds))
