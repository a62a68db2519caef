"""The timeline and the data as figures see them."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import dataset

from evosim.errors import EvosimError
from evosim.plot.run_view import RunView


def test_the_timeline_is_cut_where_the_mixture_changes(view):
    assert [(s.start, s.end) for s in view.phase_spans] == [(0, 20), (20, 32), (32, 39)]
    assert [s.label for s in view.phase_spans] == [
        "before the pill",
        "the pill is approved",
        "75 % before the pill + 25 % the pill is approved",
    ]


def test_phases_of_one_mixture_are_one_stretch(make):
    phases = [{"generations": 4, "train": "ancestral"}, {"generations": 5, "train": "ancestral"}]
    scenario = make(timeline=phases)
    one = RunView(data=dataset(scenario), scenario=scenario)
    assert [(s.start, s.end) for s in one.phase_spans] == [(0, 8)]
    assert one.flips == ()


def test_phases_without_selection_are_found(view):
    assert view.without_selection == ((20, 32),)


def test_a_run_that_ended_early_has_the_flips_it_reached(scenario, data):
    early = RunView(data=data.isel(generation=slice(0, 25)), scenario=scenario)
    assert [flip.generation for flip in early.flips] == [20]
    assert early.phase_spans[-1].end == 24


def test_a_single_generation_has_a_span(make):
    scenario = make(timeline=[{"generations": 1, "train": "ancestral"}])
    one = RunView(data=dataset(scenario), scenario=scenario)
    assert one.generation_limits == (-0.5, 0.5)
    assert one.axis_fraction(0) == 0.5


def test_references_follow_the_mixture_of_environments(view):
    optimum = view.by_environment("optimal_payoff")
    first, second = view.data["optimal_payoff"].values[0]
    assert optimum[19] == first
    assert optimum[20] == second
    assert optimum[32] == pytest.approx(0.75 * first + 0.25 * second)


def test_unit_drives_have_unit_length(view):
    drives = np.stack([view.drive(name) for name in view.drives])
    np.testing.assert_allclose((drives**2).sum(axis=0), 1.0)


def test_a_missing_variable_is_named(view):
    with pytest.raises(EvosimError, match="no variable 'wellbeing'"):
        view.values("wellbeing", "replicate")


def test_wrong_dimensions_are_named(view):
    with pytest.raises(EvosimError, match=r"'score' has the dimensions .*'generation'.*expected"):
        view.values("score", "replicate")
