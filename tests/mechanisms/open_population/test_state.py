"""A population that dies out: its data, its verdict, its figures, its replays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evosim
from evosim.engine.variables import variables
from evosim.errors import EvosimError, ScenarioError

SETS = (
    "timeline.0.generations=6",
    "timeline.1.generations=8",
    "evolution.open={offspring=0.9, capacity=30}",
    "environments.after.kinds.fruit.use.eat.yields.food=0.02",
)


@pytest.fixture(scope="module")
def dead(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    """Three populations that the flip kills."""
    tiny, out = whole.parent / "tiny.toml", tmp_path_factory.mktemp("dead") / "run"
    return evosim.run(tiny, seed=1, replicates=3, settings=SETS, out=out, workers=1)


def sizes_of(run: evosim.Run) -> np.ndarray:
    return np.asarray(run.data["population_size"].values)


def test_a_population_that_dies_out_ends_the_run_with_that_verdict(dead: evosim.Run) -> None:
    sizes = sizes_of(dead)
    assert (sizes[:, 0] == 20).all()
    assert sizes.max() > 20
    assert (sizes[:, -1] == 0).all()
    told = dead.summary["population"]
    assert told["died_out"] == 3
    assert told["died_out_in"] == [int((row > 0).sum()) for row in sizes]
    assert told["smallest"] == [0, 0, 0]
    generations = ", ".join(map(str, sorted(told["died_out_in"])))
    expected = f"DIED OUT in 3 of 3 replicates, in generations {generations}"
    assert expected in dead.verdict


def test_whoever_is_absent_is_padding(dead: evosim.Run) -> None:
    data = dead.data
    assert data.sizes["individual"] == 30
    alive = np.arange(30) < sizes_of(dead)[..., None]
    for name in ("score", "internal_reward", "lifespan"):
        assert (np.isfinite(data[name].values) == alive).all()
    assert (np.isfinite(data["genome"].values) == alive[..., None]).all()
    later = alive[:, 1:]
    assert ((data["parents"].values[:, 1:, :, 0] >= 0) == later).all()
    assert not data["crossover"].values[~alive].any()
    assert set(data.data_vars) == set(variables(dead.scenario))


def test_probes_of_the_few_are_padded_and_of_nobody_empty(dead: evosim.Run) -> None:
    data = dead.data
    there = np.minimum(sizes_of(dead)[:, data["probe"].values], data.sizes["sample"])
    known = np.arange(data.sizes["sample"]) < there[..., None]
    assert ((data["probe_individual"].values >= 0) == known).all()
    lifespan = data["expected_lifespan"].sel(mind="evolved", environment="before")
    assert (np.isfinite(lifespan.values) == known).all()
    assert np.isfinite(data["optimal_payoff"].values).all()
    assert all(n >= 0 for flip in dead.summary["flips"] for n in flip["n_undefined"].values())


def test_every_figure_is_drawn(dead: evosim.Run) -> None:
    from evosim import plot

    drawn = {path.stem for path in dead.figures}
    expected = {"genes", "mind", "level", "objective_proxy", "alignment_all", "population"}
    assert expected <= drawn
    assert drawn <= set(plot.FIGURES)


def test_the_last_who_lived_are_replayed_and_nobody_else(dead: evosim.Run, tmp_path: Path) -> None:
    out = tmp_path / "last.gif"
    assert dead.replay(out=out) == out
    last = sizes_of(dead).shape[1] - 1
    for individual in ("best", "median", 0):
        with pytest.raises(EvosimError, match=f"generation {last} has no individuals"):
            dead.replay(generation=last, individual=individual)
    with pytest.raises(EvosimError, match="no individual 25"):
        dead.replay(generation=0, individual=25)


def test_a_survivor_is_told_too(tiny: Path, tmp_path: Path) -> None:
    run = evosim.run(
        tiny, seed=1, settings=["evolution.open={offspring=3.0, capacity=30}"],
        out=tmp_path / "run", figures=False,
    )  # fmt: skip
    assert "Open population: SURVIVED" in run.verdict
    assert run.summary["population"]["died_out_in"] == [None]
    assert (sizes_of(run)[0] > 0).all()


def test_a_capacity_below_the_population_is_refused(tiny: Path) -> None:
    with pytest.raises(ScenarioError, match="capacity below the population"):
        evosim.check(tiny, ["evolution.open={offspring=1.0, capacity=19}"])
