"""A level in each lane: what minds get so is what they get where all lanes are on one level."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import test_twins
import worlds
from hypothesis import given
from worlds import FEW, MANY

from evosim import core, scenario
from evosim.core import batch
from evosim.mind import Minds
from evosim.testing import maze
from evosim.world import Levels, draw_levels, environment


@contextmanager
def in_pairs(always: bool) -> Iterator[None]:
    """Whether minds and levels are put into lanes in pairs: wherever they can be, or nowhere."""
    with mock.patch.multiple(batch, _CELL=0.0 if always else np.inf, _SITE=0.0):
        yield


def assert_equal_in_pairs(case: test_twins.Case) -> None:
    minds = worlds.as_minds(case.minds)
    weights = minds.weights.astype(np.float64)
    found = []
    for always in (True, False):
        with in_pairs(always):
            groups = batch.batch_groups(case.env, minds, case.believed_env)
            pairs = batch.pairs(case.env, minds, groups, case.believed_env, True, case.levels)
            assert (pairs is not None) is always
            exact = core.expectation(case.env, case.levels, minds, **case.planning())
            best = core.optimum(case.env, case.levels, weights)
        found.append([exact.counts.tobytes(), exact.lifespan.tobytes(), best.tobytes()])
    assert found[0] == found[1]


@FEW
@given(test_twins.cases(n_minds=4))
def test_minds_on_a_level_in_each_lane_get_the_same_bits(case: test_twins.Case) -> None:
    assert_equal_in_pairs(case)


@pytest.mark.slow
@MANY
@given(test_twins.cases(n_minds=4))
def test_minds_on_a_level_in_each_lane_get_the_same_bits_in_hundreds_of_worlds(
    case: test_twins.Case,
) -> None:
    assert_equal_in_pairs(case)


@FEW
@given(test_twins.cases())
def test_minds_on_a_level_in_each_lane_are_measured_as_their_twins(case: test_twins.Case) -> None:
    with in_pairs(True):
        test_twins.assert_measures_equal(case)


@pytest.mark.parametrize("slip", [0.0, 0.1])
def test_the_optimum_of_a_maze_is_that_of_all_the_backups(slip: float) -> None:
    """Backups end when they change nothing; all 256 of them give the same bits."""
    read = maze({"world.slip": slip})
    env, levels = environment(read, "maze"), draw_levels(read, "maze", range(70))
    payoff = np.zeros((1, env.phi.shape[1]))
    payoff[0, env.paid] = 1.0
    with in_pairs(False):
        one_by_one = core.optimum(env, levels, payoff)
    assert core.optimum(env, levels, payoff).tobytes() == one_by_one.tobytes()
    # It goes straight to the cheese, and each step before the last one ends the life by a chance.
    if slip == 0.0:
        away = [
            levels.distance[i, levels.start[i], np.flatnonzero(levels.slot[i] >= 0)[0]]
            for i in range(70)
        ]
        assert one_by_one[0] == pytest.approx(0.999 ** np.array(away), rel=1e-5)


def test_levels_of_two_maps_are_not_put_side_by_side() -> None:
    read = scenario.load("strawberry")
    name = next(iter(read.environments))
    env, levels = environment(read, name), draw_levels(read, name, [1, 2])
    elsewhere = levels.neighbour.copy()
    elsewhere[1, 0] = elsewhere[1, 0] + 1  # where moves lead on the second level from cell 0
    levels = Levels(elsewhere, levels.slot, levels.start, levels.distance)
    minds = Minds.of(np.zeros((1, env.phi.shape[1])), depth=1, patience=0.9, senses=0)
    with in_pairs(True):
        assert batch.pairs(env, minds, batch.batch_groups(env, minds), None, True, levels) is None
