"""Measures over several generations, of several flips, and across ramps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import evosim
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query
from evosim.metrics.courses import courses
from evosim.metrics.hypotheses import query_of
from evosim.metrics.summary import summarize
from evosim.testing import tiny

FLIP = Query(measure="alignment", where="after", turn=4)
# Of two replicates at each probe; the flip is at 4 of 12, every second generation is probed.
COURSES = [[0.9, 0.8, 0.2, 0.4, 0.1, 0.5, 0.6], [0.7, 0.6, 0.3, 0.1, 0.2, 0.4, np.nan]]
PROBES = [0, 2, 4, 6, 8, 10, 11]


def dataset(values: Sequence[Sequence[float]] = COURSES) -> xr.Dataset:
    alignment = np.array(values)[:, :, None, None, None]
    dims = ("replicate", "probe", "environment", "mind", "sample")
    return xr.Dataset(
        {"alignment": (dims, alignment)},
        coords={"probe": PROBES, "generation": np.arange(12), "replicate": [0, 1],
                "environment": ["after"], "mind": ["evolved"]},
    )  # fmt: skip


TIMELINE = tiny({
    "timeline": [{"generations": 4, "train": "before"}, {"generations": 8, "train": "after"}],
})  # fmt: skip


def column(at: str, **changes: object) -> list[float]:
    query = replace(FLIP, at=at, **changes)
    (found,) = METRICS[query.measure].columns(dataset(), TIMELINE, query)
    return [round(float(v), 6) for v in found]


def test_a_trough_is_each_replicates_own_lowest_probe_from_the_flip_on() -> None:
    assert column("trough") == [0.1, 0.1]  # at 8 and at 6, and not before the flip
    assert column("trough", until=8) == [0.2, 0.1]  # the next phase begins at 8
    assert column("trough", span=(0, 2)) == [0.8, 0.6]
    assert column("peak", span=(4, 11)) == [0.6, 0.4]
    assert column("peak") == [0.9, 0.7]


def test_when_a_trough_is_is_counted_from_the_flip() -> None:
    query = Query(measure="to_trough", where="after", turn=4)
    assert METRICS["to_trough"].columns(dataset(), TIMELINE, query)[0].tolist() == [4.0, 2.0]


def test_areas_are_trapezoids_over_the_probes() -> None:
    # 2 (.2 + .4) / 2 + 2 (.4 + .1) / 2 = 1.1, over 4 generations
    assert column("area", span=(4, 8))[0] == 1.1
    assert column("mean", span=(4, 8))[0] == 0.275
    assert column("mean", span=(4, 4)) == [0.2, 0.3]
    assert np.isnan(column("area")[1])  # undefined at its last probe


def test_a_deficit_is_what_the_value_before_the_flip_would_have_been_more() -> None:
    # Both sides of a flip are its own generation, here in one environment: .2 times 4, less 1.1.
    assert column("deficit", span=(4, 8))[0] == pytest.approx(0.2 * 4 - 1.1)


def test_a_sum_takes_every_generation() -> None:
    with pytest.raises(EvosimError, match=r"not probed in generation 5; .*measure\.every"):
        column("sum", span=(4, 6))
    assert column("sum", span=(10, 11))[0] == 1.1


def test_a_span_has_to_be_probed_at_its_ends() -> None:
    with pytest.raises(EvosimError, match=r"not probed in generation 5, 9; add it with .*also"):
        column("area", span=(5, 9))
    assert column("trough", span=(5, 9)) == [0.1, 0.1]
    with pytest.raises(EvosimError, match="not probed in generation 5"):
        column("trough", span=(5, 5))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(measure="alignment", at="mean", span=(0, 99)), "span ends after the run"),
        (Query(measure="alignment", at="end", span=(0, 4)), "takes no span with at = 'end'"),
        (Query(measure="between", at="trough", turn=4), "has no trough"),
        (Query(measure="alignment", at="mean", span=(0, 3)), "not probed in generation 1"),
        (Query(measure="founders", at="area", turn=4), "has no area"),
    ],
)
def test_what_a_run_could_not_answer_is_refused_before_it(query: Query, message: str) -> None:
    scenario = tiny({"measure.every": 4})
    if "not probed" in message:
        query = replace(query, span=(1, 4))
    with pytest.raises(EvosimError, match=message):
        METRICS[query.measure].check_in(scenario, query)


def finding(**keys: object) -> SimpleNamespace:
    plain = {"of": None, "where": None, "at": "end", "span": None, "mind": "evolved", "flip": 0,
             "level": None}  # fmt: skip
    return SimpleNamespace(**(plain | keys))


def test_a_flip_ends_where_the_next_phase_begins() -> None:
    asked = query_of(finding(measure="alignment", at="trough", flip=1), (4, 8, 10))
    assert (asked.turn, asked.last, asked.until) == (8, None, 10)


def test_all_flips_are_one_change_from_before_the_first_to_after_the_last() -> None:
    asked = query_of(finding(measure="collapse", flip="all"), (4, 8, 10))
    assert (asked.turn, asked.last, asked.until, asked.arrived) == (4, 10, None, 10)
    timeline = [{"generations": 2, "train": name} for name in ("before", "after", "before")]
    scenario = tiny({"timeline": [*timeline, {"generations": 2, "train": "after"}]})
    data = evosim.simulate(scenario, seed=1)
    alignment = data["alignment"].sel(mind="evolved").mean("sample").isel(replicate=0)
    first = float(alignment.sel(probe=2, environment="before"))
    last = float(alignment.sel(probe=6, environment="after"))
    collapse = METRICS["collapse"].columns(data, scenario, query_of(
        finding(measure="collapse", flip="all"), (2, 4, 6)))[0]  # fmt: skip
    assert collapse.tolist() == [pytest.approx(first - last)]


# Ramps


# Nothing is selected for, so that no two generations fare alike.
RAMP = {
    "timeline.0.generations": 4, "timeline.1.generations": 8, "timeline.1.ramp": 5,
    "measure.every": 20, "evolution.select.tournsize": 1, "evolution.mutate.sigma": 0.5,
}  # fmt: skip


def test_a_ramp_has_one_flip_first_to_last() -> None:
    scenario = tiny(RAMP)
    data = evosim.simulate(scenario, seed=1)
    assert data["probe"].values.tolist() == [0, 3, 4, 8, 11]
    (flip,) = summarize(data, scenario).to_dict()["flips"]
    assert (flip["generation"], flip["arrival"]) == (4, 8)
    alignment = data["alignment"].sel(mind="evolved").mean("sample").isel(replicate=0)
    before = float(alignment.sel(probe=4, environment="before"))
    after = float(alignment.sel(probe=8, environment="after"))
    assert flip["alignment_before"] == pytest.approx(before)
    assert flip["alignment_after"] == pytest.approx(after)
    paid = data["payoff_total"].sel(payoff="food").mean("individual").values[0]
    assert flip["recovery"]["before"] == pytest.approx(paid[:4].mean())
    assert flip["recovery"]["at"] == pytest.approx(paid[8])


def test_sides_of_a_ramp_are_measured_where_it_begins_and_where_it_has_arrived() -> None:
    scenario = tiny(RAMP)
    data = evosim.simulate(scenario, seed=1)
    alignment = data["alignment"].sel(mind="evolved").mean("sample").values[0]  # [probe, env]
    for at, probe, environment in (("before", 2, 0), ("flip", 3, 1), ("trough", 3, 1)):
        query = Query(measure="alignment", at=at, turn=4, until=9)
        (found,) = METRICS["alignment"].columns(data, scenario, query)
        assert found.tolist() == [pytest.approx(alignment[probe, environment])]


def test_a_ramp_of_one_generation_is_a_flip_at_once() -> None:
    one, none = (
        evosim.simulate(tiny({"timeline.1.ramp": 1} if ramp else {}), seed=1) for ramp in (1, 0)
    )
    assert one.drop_attrs().identical(none.drop_attrs())


def test_levels_of_a_ramp_are_drawn_by_its_weights() -> None:
    scenario = tiny({"timeline.1.generations": 5, "timeline.1.ramp": 5, "evolution.levels": 400})
    drawn = [
        evosim.engine.evaluation.environments_of(scenario, g, 7).count("after") / 400
        for g in range(3, 8)
    ]
    assert drawn == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=0.08)  # more than 3 deviations
    assert drawn[-1] == 1.0


@pytest.mark.parametrize(
    "settings",
    [
        {"timeline.1.select": False},
        {"timeline.1.window": 5},
        {"evolution.islands": {"demes": 2, "every": 2, "migrants": 1,
                               "select": {"operator": "selBest"}}},
        {"evolution.open": {"offspring": 1.5, "capacity": 30}},
        {"timeline.1.monitored": True, "monitor": {"quantile": 0.9, "budget": 4}},
    ],
    ids=str,
)  # fmt: skip
def test_a_ramp_goes_with_all_that_a_phase_can_have(settings: dict[str, object]) -> None:
    scenario = tiny({"timeline.1.ramp": 3, "evolution.levels": 6, **settings})
    data = evosim.simulate(scenario, seed=1)
    trained = data["train"].values[0]
    assert 0 < (trained[3] == 1).sum() + (trained[4] == 1).sum() < 12
    assert (trained[5] == 1).all()
    (flip,) = summarize(data, scenario).flips
    assert flip.arrival == 5


# Courses


def test_courses_are_what_the_measures_give_at_every_probe_or_generation() -> None:
    scenario = tiny()
    data = evosim.simulate(scenario, seed=1, replicates=2)
    found = list(courses(data, scenario))
    assert {"alignment", "payoff.food", "lived.food", "gene.depth", "starc"} <= {
        point.variable for point in found
    }
    by_place = {point[:4]: point.value for point in found}
    assert len(by_place) == len(found)
    query = Query(measure="alignment", where="after", generation=3)
    wanted = METRICS["alignment"].columns(data, scenario, query)[0]
    assert by_place[1, 3, "after", "alignment"] == wanted[1]
    lived = data["payoff_total"].sel(payoff="food", generation=4).mean("individual")
    assert by_place[0, 4, "", "lived.food"] == pytest.approx(float(lived[0]))


def test_courses_can_be_chosen_and_have_to_be_ones() -> None:
    scenario = tiny()
    data = evosim.simulate(scenario, seed=1)
    assert {point.variable for point in courses(data, scenario, ["lifespan"])} == {"lifespan"}
    with pytest.raises(EvosimError, match="measure 'collapse' takes no at"):
        list(courses(data, scenario, ["collapse"]))
    with pytest.raises(EvosimError, match="did you mean 'lifespan'"):
        list(courses(data, scenario, ["lifespn"]))


def test_a_flip_in_python_cannot_cut_a_ramp_and_ends_one_that_has_arrived() -> None:
    scenario = tiny({"timeline.1.generations": 6, "timeline.1.ramp": 3})
    generations = evosim.iterate(scenario, seed=1)
    for generation in generations:
        if generation.number == 3:
            with pytest.raises(EvosimError, match=r"generation 3: flip: timeline\.1\.ramp: ramp"):
                generation.flip("before")
        if generation.number == 6:
            generation.flip("before")
            break
    assert [(p.generations, p.train, p.ramp) for p in generations.scenario.timeline] == [
        (3, "before", None), (4, "after", 3), (2, "before", None),
    ]  # fmt: skip


def test_a_fork_keeps_the_ramp_that_was_lived(tmp_path: Path) -> None:
    scenario = tiny({"timeline.1.generations": 6, "timeline.1.ramp": 3})
    run = evosim.run(scenario, seed=1, out=tmp_path / "run", workers=1, figures=False)
    fork = run.fork(7, settings={"timeline.1.generations": 8}, out=tmp_path / "fork",
                    workers=1, figures=False)  # fmt: skip
    assert fork.data["train"].values[0][:7].tolist() == run.data["train"].values[0][:7].tolist()
    with pytest.raises(EvosimError, match="generation 3 is history, and the timeline would change"):
        run.fork(7, settings={"timeline.1.ramp": 4}, out=tmp_path / "other", figures=False)


def test_findings_of_an_experiment_take_them_in_settings() -> None:
    scenario = evosim.check("strawberry", [
        "experiment.findings.0.measure=alignment", "experiment.findings.0.at=mean",
        "experiment.findings.0.span=[0, 20]", "experiment.findings.0.flip=all",
        "measure.also=[20]",
    ])  # fmt: skip
    assert scenario.experiment is not None
    first = scenario.experiment.findings[0]
    assert (first.at, first.span, first.flip) == ("mean", (0, 20), "all")
    with pytest.raises(EvosimError, match=r'not a flip \(got "last", allowed a whole number'):
        evosim.check("strawberry", {"experiment.findings.0.flip": "last"})


def test_a_control_in_which_nothing_changes_is_measured_where_the_ramp_would_arrive() -> None:
    # As all arms of an experiment it is probed where the first one flips.
    scenario = tiny({**RAMP, "timeline.1.train": "before", "measure.also": [4]})
    assert scenario.flips == ()
    data = evosim.simulate(scenario, seed=1)
    query = query_of(finding(measure="collapse"), (4,))
    alignment = data["alignment"].sel(mind="evolved", environment="before").mean("sample")
    wanted = float(alignment.sel(probe=4)[0] - alignment.sel(probe=8)[0])
    found = METRICS["collapse"].columns(data, scenario, query)[0]
    assert found.tolist() == [pytest.approx(wanted)]
