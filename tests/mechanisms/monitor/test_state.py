"""Runs with a monitored phase: what is recorded, what is selected, and that they go on alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evosim
from evosim import ScenarioError
from evosim.engine import loop
from evosim.engine.run_folder import RunFolder
from evosim.execution import runner

SETS = (
    "environments.after.kinds.fruit.use.eat.feels.sweet=3.0",
    "timeline=[{generations=3, train='before'}, {generations=4, train='after', monitored=true}]",
)


def run_with_monitor(tiny: Path, out: Path, budget: int = 7, *sets: str) -> evosim.Run:
    changes = [*SETS, f"monitor={{budget={budget}}}", *sets]
    return evosim.run(tiny, seed=1, settings=changes, out=out, figures=False, workers=1)


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory, whole: Path) -> evosim.Run:
    return run_with_monitor(
        whole.parent / "tiny.toml", tmp_path_factory.mktemp("monitored") / "run"
    )


def assert_same(one: evosim.Run, other: evosim.Run) -> None:
    assert set(one.data.variables) == set(other.data.variables)
    for name in one.data.variables:
        assert one.data[name].values.tobytes() == other.data[name].values.tobytes(), name


def test_scores_are_of_the_reference_and_of_monitored_generations(monitored: evosim.Run) -> None:
    score = monitored.data["monitor_score"].values[0]
    assert np.isnan(score[:2]).all()
    assert np.isfinite(score[2:]).all()
    flagged, labels = monitored.data["flagged"].values[0], monitored.data["labels"].values[0]
    assert (flagged[:3] == 0).all()
    assert flagged[3] > 7
    assert (labels[3:] == np.minimum(flagged[3:], 7)).all()
    assert (flagged[3:] == (score[3:] > np.quantile(score[2], 0.95)).sum(axis=(1, 2))).all()


def test_selection_acts_on_labelled_lifetimes_only(monitored: evosim.Run) -> None:
    data = monitored.data.isel(replicate=0, generation=3)
    distance = data["monitor_score"].values
    has_label = np.zeros(distance.shape, bool)
    has_label.flat[np.argsort(-distance.ravel(), kind="stable")[:7]] = True
    score, some = data["score"].values, has_label.any(axis=1)
    assert len(np.unique(score[~some])) == 1
    assert score[~some][0] == pytest.approx(score[some].mean())


def test_without_labels_nothing_is_learnt(tiny: Path, tmp_path: Path) -> None:
    run = run_with_monitor(tiny, tmp_path / "run", 0)
    data = run.data.isel(replicate=0)
    genome = data["genome"].values
    assert (genome[3:] == genome[3]).all()
    assert (genome[3] != genome[2]).any()
    assert np.isnan(data["score"].values[3:]).all()
    assert (data["labels"].values == 0).all()
    assert (data["flagged"].values[3:] > 0).all()


def test_a_monitor_that_is_never_on_changes_nothing(tiny: Path, tmp_path: Path) -> None:
    one = evosim.run(tiny, seed=1, out=tmp_path / "one", figures=False, workers=1)
    other = evosim.run(
        tiny,
        seed=1,
        settings=["monitor={budget=3}"],
        out=tmp_path / "two",
        figures=False,
        workers=1,
    )
    for name in one.data.variables:
        assert one.data[name].values.tobytes() == other.data[name].values.tobytes()
    assert np.isnan(other.data["monitor_score"].values).all()


@pytest.mark.parametrize("at", [2, 3, 5])
def test_a_run_that_stops_goes_on_to_the_same_end(
    monitored: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    manifest = {
        k: v for k, v in RunFolder(monitored.path).manifest.items() if k != "scenario_sha256"
    }
    with RunFolder.create(tmp_path / "run", monitored.scenario, manifest) as made:
        pass
    folder = RunFolder(tmp_path / "run")
    reached: list[int] = []

    def tell(generation: int, score: float) -> bool:
        reached.append(generation)
        return generation == at

    runner.run_replicate(folder, 0, tell=tell)
    assert reached == list(range(at + 1))
    assert_same(evosim.resume(tmp_path / "run", workers=1), monitored)
    assert made.replicates == 1


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_fork_that_changes_nothing_ends_as_its_parent(
    monitored: evosim.Run, tmp_path: Path, at: int
) -> None:
    child = evosim.fork(monitored.path, at, out=tmp_path / "fork", figures=False, workers=1)
    assert_same(child, monitored)


def test_what_was_familiar_was_lived_with_tools(tiny: Path, tmp_path: Path) -> None:
    tooled = (
        "agent.tool={depth=3, reliance=1.0, encounters=5}",
        "world.kinds.fruit.looks={red=1.0}",
        "world.kinds.lime.looks={green=1.0}",
    )
    parent = run_with_monitor(tiny, tmp_path / "run", 7, *tooled)
    child = evosim.fork(parent.path, 5, out=tmp_path / "fork", figures=False, workers=1)
    assert_same(child, parent)


def test_a_fork_with_more_labels_still_knows_what_was_familiar(
    monitored: evosim.Run, tmp_path: Path
) -> None:
    """The training of the history is lived again by the history's own scenario and seed."""
    child = evosim.fork(
        monitored.path, 4, settings=["monitor.budget=30", "world.lifetime=15"], seed=9,
        out=tmp_path / "fork", figures=False, workers=1,
    )  # fmt: skip
    labels = child.data["labels"].values[0]
    assert (labels[:4] == monitored.data["labels"].values[0][:4]).all()
    assert labels[4:].max() > 7


def test_a_population_in_a_monitored_phase_needs_its_past(monitored: evosim.Run) -> None:
    genome = monitored.data["genome"].values[0, 4]
    population = loop.Population(4, genome, np.zeros((20, 2), np.int32), np.zeros((20, 3), np.int8))
    with pytest.raises(ValueError, match="what was before is needed"):
        next(loop.generations(monitored.scenario, population, seed=1, prober=None))  # type: ignore[arg-type]


def test_a_bad_label_is_bad_where_the_unlabelled_count_as_in_training(
    tiny: Path, tmp_path: Path
) -> None:
    run = run_with_monitor(tiny, tmp_path / "run", 7, "monitor.unlabelled=trained")
    data = run.data.isel(replicate=0)
    distance = data["monitor_score"].sel(generation=3).values
    has_label = np.zeros(distance.shape, bool)
    has_label.flat[np.argsort(-distance.ravel(), kind="stable")[:7]] = True
    score, some = data["score"].sel(generation=3).values, has_label.any(axis=1)
    # There is no cost of thinking: a score of training is the mean payoff of its lifetimes.
    assert score[~some] == pytest.approx(data["score"].sel(generation=2).values.mean())


def test_a_monitor_of_conduct_sees_what_is_done(tiny: Path, tmp_path: Path) -> None:
    run = run_with_monitor(tiny, tmp_path / "run", 7, "monitor.features=conduct")
    assert np.ptp(run.data["monitor_score"].values[0, 2:]) > 0


def test_a_monitor_of_the_situation_sees_nothing_of_what_is_done(
    tiny: Path, tmp_path: Path
) -> None:
    """The one rule that always holds is met in every step, whatever an agent does."""
    always = "world.always.day={ yields = { light = 1.0 } }"
    run = run_with_monitor(tiny, tmp_path / "run", 7, "monitor.features=situation", always)
    assert np.ptp(run.data["monitor_score"].values[0, 2:]) == 0
    with pytest.raises(ScenarioError, match="nothing to look at: no world has an always rule"):
        run_with_monitor(tiny, tmp_path / "none", 7, "monitor.features=situation")


def test_a_monitor_of_paid_steps_sees_nothing_that_is_not_paid(tiny: Path, tmp_path: Path) -> None:
    """One step is paid, and no use can be made in it."""
    first = ("timeline.0.window=1", "timeline.1.window=1")
    run = run_with_monitor(tiny, tmp_path / "run", 7, "monitor.steps=paid", *first)
    one, all_steps = run.data, run_with_monitor(tiny, tmp_path / "all", 7, *first).data
    assert np.nanstd(one["monitor_score"]) < np.nanstd(all_steps["monitor_score"])
