"""The registry of metrics: one place for names, labels and units, open to users."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr

from evosim import scenario
from evosim.engine.variables import BY_PROBE
from evosim.errors import EvosimError
from evosim.mechanisms.open_population.state import OpenPopulation
from evosim.metrics import METRICS, Columns, Query, metric
from evosim.metrics.registry import DRIVE, PAYOFF


@pytest.fixture
def own() -> Iterator[str]:
    """The name of a metric of a user's, which is gone afterwards."""
    yield "mine"
    for known in (METRICS._things, METRICS._places):
        known.pop("mine", None)  # type: ignore[attr-defined]


def test_what_is_left_out_of_a_metric_is_what_its_name_says(own: str) -> None:
    @metric(own, argument=PAYOFF, bounds=(0.0, 1.0), exact=False)
    def half(data: Any, scenario: Any, query: Query) -> Columns:
        return (np.array([0.5]),)

    found, read = METRICS[own], scenario.load("contraception")
    assert (found.label, found.unit, found.description) == ("mine of {of}", "1", "mine")
    assert found.called("children") == "mine of children"
    assert not found.exact(read)
    found.check_in(read, Query(measure=own, of="children"))
    with pytest.raises(EvosimError, match="unknown payoff 'childen': did you mean 'children'"):
        found.check_in(read, Query(measure=own, of="childen"))
    with pytest.raises(EvosimError, match="measure 'mine' takes no at"):
        found.check_in(read, Query(measure=own, of="children", at="start"))


@pytest.mark.parametrize(
    ("returned", "statistic", "said"),
    [
        (None, None, "returned None, needed: a tuple of columns, each of 2 real"),
        (3.0, None, "returned 3.0, needed: a tuple of columns"),
        (np.zeros(2), None, "needed: a tuple of columns"),
        ((3.0,), None, r"shape \(\) of float64"),
        ((np.zeros(3),), None, r"shape \(3,\) of float64"),
        ((np.zeros(2, complex),), None, "of complex128"),
        ((np.array(["a", "b"]),), None, "of <U1"),
        ((np.zeros(2),) * 2, None, "returned 2 columns, needed: one, or statistic"),
        ((), None, "returned 0 columns"),
        ((np.zeros(2),), lambda a, b, axis: a, "statistic: .*cannot be called with"),
    ],
)
def test_what_is_no_tuple_of_columns_is_refused_by_the_name_of_the_metric(
    returned: Any, statistic: Any, said: str, own: str
) -> None:
    metric(own, statistic=statistic)(lambda data, scenario, query: returned)
    data = xr.Dataset(coords={"replicate": [0, 1]})
    with pytest.raises(EvosimError, match=f"(?s)measure 'mine': .*{said}"):
        METRICS[own].columns(data, scenario.load("contraception"), Query(measure=own))


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_what_it_is_of(name: str) -> None:
    found = METRICS[name]
    assert found.name == name
    assert found.description
    assert ("{of}" in found.label) == bool(found.argument)
    assert "level" in found.uses or "{level" not in found.label
    assert found.bounds is None or found.bounds[0] < found.bounds[1]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("capability", "capability"),
        ("alignment", "alignment"),
        ("payoff", "expected_payoff"),
        ("reward", "expected_reward"),
        ("lifespan", "expected_lifespan"),
        ("size", "population_size"),
    ],
)
def test_a_metric_that_is_a_variable_has_its_unit_and_its_words(name: str, variable: str) -> None:
    known = {**BY_PROBE, **OpenPopulation.variables}[variable]
    assert (METRICS[name].unit, METRICS[name].description) == (known.units, known.long_name)


@pytest.mark.parametrize(
    ("name", "of", "words"),
    [
        ("gene", "drive.sweet", "mean drive for sweet"),
        ("gene", "depth", "mean depth"),
        ("share", "drive.sweet", "share of sweet in the drives"),
        ("alignment", "", "alignment"),
    ],
)
def test_loci_are_called_by_what_they_are_for(name: str, of: str, words: str) -> None:
    assert METRICS[name].called(of) == words
    assert METRICS["takeoff"].called("depth", 4.0) == "first generation with depth of 4"
    assert METRICS["share"].argument == DRIVE


def test_a_number_a_replicate_is_that_of_the_replicate_alone() -> None:
    after, before = [0.5, 1.0, 1.0], [1.0, 4.0, -1.0]
    found = METRICS["alignment_retained"].by_replicate(after, before)
    np.testing.assert_equal(found, [0.5, 0.25, np.nan])
    assert np.isnan(METRICS["between"].by_replicate(after, before)).all()


def test_metrics_are_imported_when_somebody_asks_for_one() -> None:
    code = (
        "import sys, evosim.metrics as m;"
        "names = ('evosim.metrics.probed', 'evosim.metrics.popgen.heritability');"
        "print(*(name in sys.modules for name in names));"
        "m.METRICS['alignment'];"
        "print(*(name in sys.modules for name in names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True", "False"]
