"""Each measure, against a dataset small enough to work out by hand."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray as xr

from evosim import scenario as scenarios
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query, main_environment, turns
from evosim.metrics.registry import PAYOFF
from evosim.scenario import Scenario

TEXT = """
id = "hand"
title = "By hand"
question = "Is it right?"

[objective]
intended = "food"
selected = "food"

[agent]
drives = ["sweet", "sour"]
depth = [0, 4]
patience = 0.9

[world]
rows = 3
cols = 3
lifetime = 10
kinds.fruit.glyph = "f"
kinds.fruit.count = 1
kinds.fruit.use.eat = { feels = { sweet = 1.0 }, yields = { food = 1.0 } }
kinds.lime.glyph = "l"
kinds.lime.count = 1
kinds.lime.use.eat = { feels = { sour = 1.0 } }

[environments.old]
[environments.new]
kinds.fruit.use.eat.yields.food = 0.0

[evolution]
population = 4
levels = 1
select = { operator = "selTournament", tournsize = 2 }
mate = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 3
train = "old"

[[timeline]]
generations = 3
train = "new"

[measure]
every = 10
levels = 1
sample = 4
"""
R, G, N = 2, 6, 4
PROBES = (0, 2, 3, 5)
MINDS = ("evolved", "true drive")
DEPTHS = {0: 0.2, 1: 1.2, 2: 2.2, 3: 3.2, 4: 3.2, 5: 2.2}
"""The gene of depth of everybody of replicate 0; replicate 1 stays at 0."""


def hand(**changes: Any) -> Scenario:
    document = tomllib.loads(TEXT)
    for path, value in changes.items():
        table: Any = document
        *tables, last = path.split("__")
        for name in tables:
            table = table[name]
        table[last] = value
    return scenarios.loads(tomli_w.dumps(document))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return hand()


@pytest.fixture
def data() -> xr.Dataset:
    probed = ("replicate", "probe", "environment", "mind", "sample")
    own = ("replicate", "probe", "environment", "sample")
    shape = (R, len(PROBES), 2, len(MINDS), N)

    def measured(evolved: dict[str, list[float]]) -> np.ndarray:
        """By environment the evolved of both replicates at each probe, replicate 1 at half."""
        values = np.zeros(shape)
        for e, name in enumerate(("old", "new")):
            values[0, :, e, 0] = np.array(evolved[name])[:, None] + [-0.1, 0.1, 0.0, np.nan]
            values[1, :, e, 0] = np.array(evolved[name])[:, None] / 2
        values[:, :, :, 1] = 1.0
        return values

    alignment = measured({"old": [0.0, 0.8, 0.8, 0.6], "new": [0.0, 0.2, 0.2, 0.4]})
    capability = measured({"old": [0.1, 0.9, 0.9, 0.9], "new": [0.1, 0.7, 0.6, 0.8]})
    genome = np.zeros((R, G, N, 3))
    genome[..., 0] = 3.0
    genome[..., 1] = 4.0
    genome[1, :, :, 1] = 0.0
    for g, depth in DEPTHS.items():
        genome[0, g, :, 2] = depth
    paid = np.array([[2.0, 4.0, 6.0, 1.0, 2.0, 4.0], [4.0, 4.0, 4.0, 0.5, 1.0, 1.0]])
    food = np.repeat(paid[:, :, None], N, axis=2)
    food[0, :, 3] = np.nan  # one that there is not
    payoff = np.where(np.isnan(alignment), np.nan, 10 * alignment)[..., None]
    return xr.Dataset(
        {
            "alignment": (probed, alignment),
            "capability": (probed, capability),
            "expected_payoff": ((*probed, "payoff"), payoff),
            "expected_reward": (probed, 2 * capability),
            "expected_lifespan": (probed, np.full(shape, 7.0)),
            "payoff_total": (("replicate", "generation", "individual", "payoff"), food[..., None]),
            "genome": (("replicate", "generation", "individual", "locus"), genome),
            "uniform_payoff": (("replicate", "environment"), np.array([[1.0, 0.0]] * R)),
            "optimal_payoff": (("replicate", "environment"), np.array([[10.0, 8.0]] * R)),
            "nothing_payoff": (("replicate", "environment"), np.array([[0.0, -2.0]] * R)),
            "optimal_reward": (own, np.full((R, len(PROBES), 2, N), 2.0)),
            "nothing_reward": (own, np.full((R, len(PROBES), 2, N), -0.2)),
        },
        coords={
            "generation": np.arange(G),
            "probe": list(PROBES),
            "environment": ["old", "new"],
            "mind": list(MINDS),
            "payoff": ["food"],
            "locus": ["drive.sweet", "drive.sour", "depth"],
        },
    )


def value(data: xr.Dataset, scenario: Scenario, name: str, **keys: Any) -> list[float]:
    """The measure's only column."""
    term = Query(measure=name, turn=3, **keys)
    (column,) = METRICS[name].columns(data, scenario, term)
    return [float(v) for v in column]


@pytest.mark.parametrize(
    ("name", "keys", "expected"),
    [
        ("alignment", {}, [0.4, 0.2]),
        ("alignment", {"where": "old"}, [0.6, 0.3]),
        ("alignment", {"at": "start"}, [0.0, 0.0]),
        ("alignment", {"at": "before"}, [0.8, 0.4]),
        ("alignment", {"at": "flip"}, [0.2, 0.1]),
        ("alignment", {"at": "peak", "where": "old"}, [0.8, 0.4]),
        ("alignment", {"mind": "true drive"}, [1.0, 1.0]),
        ("capability", {}, [0.8, 0.4]),
        ("reward", {}, [1.6, 0.8]),
        ("lifespan", {}, [7.0, 7.0]),
        ("payoff", {"of": "food"}, [4.0, 2.0]),
        ("collapse", {}, [0.6, 0.3]),
        ("capability_lost", {}, [0.3, 0.15]),
        ("lived", {"of": "food", "at": "before"}, [4.0, 4.0]),
        ("lived", {"of": "food", "at": "flip"}, [1.0, 0.5]),
        ("lived", {"of": "food", "at": "end"}, [17 / 5, 10.5 / 5]),
        ("lived", {"of": "food", "at": "start"}, [2.0, 4.0]),
        ("gene", {"of": "drive.sweet"}, [0.6, 1.0]),
        ("gene", {"of": "depth"}, [2.0, 0.0]),
        ("gene", {"of": "depth", "at": "flip"}, [3.0, 0.0]),
        ("gene", {"of": "depth", "at": "peak"}, [3.0, 0.0]),
        ("share", {"of": "drive.sour"}, [0.64, 0.0]),
        ("takeoff", {"of": "depth", "level": 2.0}, [2.0, 6.0]),
        # Gained over random play: 4 - 1 before the flip, and half of it in generation 4.
        ("recovery", {}, [1.0, 3.0]),
    ],
)
def test_each_measure_is_the_number_worked_out_by_hand(data, scenario, name, keys, expected):
    assert value(data, scenario, name, **keys) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["alignment", "capability"])
def test_what_is_retained_is_the_ratio_of_means_and_not_the_mean_of_ratios(data, scenario, name):
    measure = METRICS[f"{name}_retained"]
    after, before = measure.columns(data, scenario, Query(measure=measure.description, turn=3))
    assert measure.number(after, before) == pytest.approx(
        {"alignment": 0.3 / 1.2, "capability": 0.9 / 1.35}[name]
    )
    lopsided = np.array([0.0, 1.0]), np.array([1.0, 3.0])
    assert measure.number(*lopsided) == pytest.approx(1 / 4)
    assert np.isnan(measure.number(np.ones(2), np.array([-1.0, 0.5])))


def test_between_is_the_share_of_variance_between_replicates(data, scenario):
    measure = METRICS["between"]
    columns = measure.columns(data, scenario, Query(measure="between"))
    assert measure.number(*columns) == pytest.approx(1.0)
    data["genome"].values[0, -1, :, :2] = [[3, 4], [4, 3], [3, 4], [4, 3]]
    data["genome"].values[1, -1, :, :2] = [[4, 3], [3, 4], [4, 3], [3, 4]]
    columns = measure.columns(data, scenario, Query(measure="between"))
    assert measure.number(*columns) == pytest.approx(0.0)
    assert measure.number(*columns, axis=-1).shape == ()


def test_between_is_undefined_of_one_replicate_and_where_nothing_varies(recwarn):
    number = METRICS["between"].number
    assert np.isnan(number(np.array([0.5]), np.array([0.1])))
    assert np.isnan(number(np.array([0.5, 0.5]), np.zeros(2)))
    rows = np.array([[0.0, 1.0], [0.5, 0.5]])
    np.testing.assert_equal(number(rows, np.zeros((2, 2))), [1.0, np.nan])
    assert not recwarn.list


def test_recovery_is_undefined_for_who_had_gained_nothing_and_ends_with_the_next_flip(
    data, scenario
):
    lost = data.copy(deep=True)
    lost["payoff_total"][{"replicate": 0, "generation": slice(0, 3)}] = 0.0
    first, second = value(lost, scenario, "recovery")
    assert np.isnan(first)
    assert second == 3.0
    again = tomllib.loads(TEXT)
    again["timeline"][1]["generations"] = 2
    again["timeline"].append({"generations": 1, "train": "old"})
    third = scenarios.loads(tomli_w.dumps(again))
    np.testing.assert_equal(value(data, third, "recovery"), [1.0, 2.0])


def test_individuals_that_there_are_not_count_for_nothing(data, scenario):
    data["genome"].values[0, -1, 2:] = np.nan
    assert value(data, scenario, "gene", of="depth") == pytest.approx([2.0, 0.0])
    data["genome"].values[1, -1] = np.nan
    assert np.isnan(value(data, scenario, "gene", of="depth")[1])


def test_a_replicate_that_is_undefined_throughout_has_no_peak(data, scenario):
    data["alignment"].values[1] = np.nan
    largest = value(data, scenario, "alignment", at="peak", where="old")
    assert largest[0] == pytest.approx(0.8)
    assert np.isnan(largest[1])


def test_a_mixture_weighs_the_environments_of_either_side(data):
    mixed = hand(timeline=[
        {"generations": 3, "train": {"old": 0.75, "new": 0.25}},
        {"generations": 3, "train": {"old": 0.25, "new": 0.75}},
    ])  # fmt: skip
    before, after = 0.75 * 0.8 + 0.25 * 0.2, 0.25 * 0.8 + 0.75 * 0.2
    assert value(data, mixed, "collapse") == pytest.approx([before - after, (before - after) / 2])


def test_where_nothing_flips_nothing_collapses(data):
    still = hand(timeline=[{"generations": 3, "train": "old"}] * 2)
    assert value(data, still, "collapse") == [0.0, 0.0]


def test_the_main_environment_is_the_heaviest_and_flips_begin_phases():
    mixed = hand(timeline=[
        {"generations": 2, "train": {"old": 0.4, "new": 0.6}},
        {"generations": 1, "train": {"old": 0.5, "new": 0.5}},
        {"generations": 1, "train": "old"},
    ])  # fmt: skip
    assert [main_environment(mixed, g) for g in range(4)] == ["new", "new", "old", "old"]
    assert turns(mixed) == (2, 3)


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("alignment", {"where": "nwe"}, "unknown environment 'nwe': did you mean 'new'"),
        ("alignment", {"mind": "true drives"}, "unknown mind 'true drives'"),
        ("payoff", {"of": "foot"}, "unknown payoff 'foot'"),
        ("payoff", {}, "measure 'payoff' needs of = ... (a payoff)"),
        ("alignment", {"of": "food"}, "measure 'alignment' needs no `of`"),
        ("gene", {"of": "drive.salty"}, "unknown locus 'drive.salty'"),
        ("takeoff", {"of": "depth"}, "needs level = number"),
        ("lived", {"of": "food", "at": "peak"}, "has no peak"),
    ],
)
def test_a_term_that_cannot_be_measured_is_refused_in_words(data, scenario, name, keys, message):
    with pytest.raises(EvosimError) as refused:
        value(data, scenario, name, **keys)
    assert message in str(refused.value)


def test_a_generation_that_was_not_probed_is_told_with_the_remedy(data, scenario):
    unprobed = data.isel(probe=[0, 1, 3])
    with pytest.raises(EvosimError, match=r"settings=\{\"measure\.also\": \[3\]\}"):
        value(unprobed, scenario, "collapse")


def test_a_measure_of_a_flip_needs_one(data):
    alone = hand(timeline=[{"generations": 6, "train": "old"}])
    with pytest.raises(EvosimError, match="the timeline has one phase only"):
        METRICS["collapse"].columns(data, alone, Query(measure="collapse"))


def test_a_course_of_a_measure_is_known_and_takes_what_it_takes():
    for name in METRICS:
        course = METRICS[name].trajectory
        if course is not None:
            assert METRICS[course].trajectory == course
            if METRICS[course].argument != METRICS[name].argument:  # it is of the intended payoff
                assert (METRICS[course].argument, METRICS[name].argument) == (PAYOFF, "")


# What a metric is whatever evolves


def given(scenario: Scenario, measure: str, **keys: Any) -> float | None:
    metric = METRICS[measure]
    assert metric.given is not None
    return metric.given(scenario, Query(measure=measure, turn=3, **keys))


OF_A_FLIP = {
    "collapse": 0.0, "payoff_lost": 0.0, "regret_gained": 0.0, "capability_lost": 0.0,
    "alignment_retained": 1.0, "payoff_retained": 1.0, "capability_retained": 1.0,
    "reward_retained": 1.0,
}  # fmt: skip
OF_WHAT_IS_FELT = ("capability_lost", "capability_retained", "reward_retained")


@pytest.mark.parametrize("measure", OF_A_FLIP)
def test_where_both_sides_of_a_flip_are_one_world_nothing_is_lost_by_construction(measure: str):
    still = hand(timeline=[{"generations": 3, "train": "old"}] * 2)
    assert given(still, measure) == OF_A_FLIP[measure]
    # Nor where the new world has another name, or a kind of which there is none.
    renamed = hand(environments__new={"title": "as old"})
    assert given(renamed, measure) == OF_A_FLIP[measure]
    absent = {"glyph": "x", "count": 0, "use": {"eat": {"feels": {"sour": 2.0}}}}
    assert given(hand(environments__new={"kinds": {"rock": absent}}), measure) == OF_A_FLIP[measure]
    assert (
        given(hand(environments__new={"kinds": {"rock": {**absent, "count": 1}}}), measure) is None
    )


@pytest.mark.parametrize("measure", OF_A_FLIP)
def test_what_is_felt_and_done_does_not_change_with_payoffs_alone(measure: str):
    felt = OF_A_FLIP[measure] if measure in OF_WHAT_IS_FELT else None
    assert given(hand(), measure) == felt  # fruit feeds no longer, and tastes as it did
    other = {"kinds": {"fruit": {"use": {"eat": {"feels": {"sweet": 0.5}}}}}}
    assert given(hand(environments__new=other), measure) is None


def test_of_a_ramp_nothing_is_given_as_the_population_is_another():
    ramp = [{"generations": 3, "train": "old"}, {"generations": 3, "train": "old", "ramp": 3}]
    assert given(hand(timeline=ramp), "collapse") is None


def test_looks_matter_only_to_who_relies_on_a_tool():
    seen = {"kinds": {"fruit": {"looks": {"pale": 1.0}}}}
    tool = {"depth": 5, "reliance": [0, 1], "encounters": 5}
    relies = hand(environments__new=seen, agent__tool=tool)
    assert given(relies, "collapse") is None
    assert given(hand(environments__new=seen, agent__tool={**tool, "reliance": 0}), "collapse") == 0


def test_regret_is_gained_as_much_as_the_optimum_less_the_payoff_grows(data):
    scenario = hand()
    (lost,) = METRICS["payoff_lost"].columns(data, scenario, Query(measure="payoff_lost", turn=3))
    (gained,) = METRICS["regret_gained"].columns(
        data, scenario, Query(measure="regret_gained", turn=3)
    )
    best = data["optimal_payoff"].transpose("replicate", "environment").values
    assert gained == pytest.approx(lost + best[:, 1] - best[:, 0])
