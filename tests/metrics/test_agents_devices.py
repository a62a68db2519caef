"""Agents and devices: tables, minds that slip, and the weights of both."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.metrics import agents_devices


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_the_design_has_unit_length_all_axes_and_no_direction_of_its_own(dimensions: int) -> None:
    points = agents_devices.design(dimensions, 20)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-12)
    axes = np.concatenate([np.eye(dimensions), -np.eye(dimensions)])
    np.testing.assert_array_equal(points[: 2 * dimensions], axes)
    np.testing.assert_array_equal(points, agents_devices.design(dimensions, 20))


def test_the_design_leaves_no_large_hole() -> None:
    rng = np.random.default_rng(0)
    anywhere = rng.normal(size=(500, 4))
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    assert (anywhere @ agents_devices.design(4, 128).T).max(axis=1).min() > 0.8


def test_a_table_learns_as_krichevsky_and_trofimov_have_it() -> None:
    # Two actions, the same one twice: 1/2 of the first, then (1 + 1/2) / (1 + 1).
    seen = np.zeros(2, int)
    assert agents_devices.table_evidence(seen, np.array([0, 0]), 2) == pytest.approx(np.log(3 / 8))
    assert agents_devices.table_evidence(seen, np.array([0, 1]), 2) == pytest.approx(np.log(1 / 8))
    apart = agents_devices.table_evidence(np.array([4, 9]), np.array([0, 1]), 2)
    assert apart == pytest.approx(np.log(1 / 4))


def test_evidence_of_a_table_does_not_depend_on_order_or_names() -> None:
    rng = np.random.default_rng(1)
    seen, actions = rng.integers(0, 5, 60), rng.integers(0, 4, 60)
    order = rng.permutation(60)
    found = agents_devices.table_evidence(seen, actions, 4)
    assert agents_devices.table_evidence(100 - 7 * seen[order], actions[order], 4) == pytest.approx(
        found
    )


def test_a_mind_that_is_never_wrong_beats_one_that_often_is_and_slips_are_forgiven() -> None:
    right, wrong = np.ones((1, 50)), np.ones((1, 50))
    wrong[0, :20] = 0.0
    once = np.ones((1, 50))
    once[0, 0] = 0.0
    logs = agents_devices.mind_evidence(np.concatenate([right, once, wrong]), 5)
    assert logs[0] > logs[1] > logs[2]
    assert np.isfinite(logs).all()
    slips = np.array(agents_devices.SLIPS)
    expected = np.mean((1 - slips + slips / 5) ** 49 * slips / 5)
    assert logs[1] == pytest.approx(np.log(expected))


def test_without_evidence_both_are_as_likely() -> None:
    told = agents_devices.compare(np.zeros(7), np.zeros(3), [0.0] * 4, 1)
    assert told.agent == pytest.approx(0.5)
    assert told.reflex == told.table == pytest.approx(0.25)
    assert told.nats == pytest.approx(0.0)


def test_the_stance_follows_the_evidence_and_sums_to_one() -> None:
    planned = agents_devices.compare(np.array([0.0, -9.0]), np.array([-20.0]), [-20.0], 10)
    reflex = agents_devices.compare(np.array([-20.0, -29.0]), np.array([0.0]), [-20.0], 10)
    table = agents_devices.compare(np.array([-20.0, -29.0]), np.array([-20.0]), [0.0], 10)
    assert planned.agent > 0.99
    assert planned.nats > 0
    assert reflex.reflex > 0.99
    assert reflex.nats < 0
    assert table.table > 0.99
    assert table.nats < 0
    for told in (planned, reflex, table):
        assert told.agent + told.reflex + told.table == pytest.approx(1.0)


def test_drives_are_weighed_over_all_minds_that_have_them() -> None:
    which = np.array([0, 0, 1, 1, 0, 1])  # two that plan and one reflex each
    found = agents_devices.posterior(np.log([0.2, 0.4, 0.1, 0.1]), np.log([0.1, 0.5]), which, 2)
    assert found == pytest.approx(np.array([0.4, 0.6]))
