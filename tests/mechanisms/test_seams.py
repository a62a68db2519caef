"""The seams of a run: a mechanism that is added from outside, in a folder of its own.

The toy lets selection go by the worst level of a generation, as minimax regret does where every
level's optimum is the same. Nothing of evosim knows of it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim import evolution, mechanisms, scenario
from evosim.describe import _evolution
from evosim.engine.evaluation import Evaluation, environments_of, evaluate
from evosim.engine.loop import replicate_seed
from evosim.engine.mechanism import mechanisms_of, minds_of
from evosim.engine.run_folder import RunFolder
from evosim.errors import RunError, ScenarioError
from evosim.execution import runner
from evosim.metrics import summary_text
from evosim.rng import Purpose, key

TOYS = str(Path(__file__).parent / "toys")


@pytest.fixture
def worst(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy, used by every scenario that has an environment called after."""
    monkeypatch.syspath_prepend(TOYS)
    mechanisms.add("worst", "environments.after")
    yield
    del mechanisms.SECTIONS["worst"], mechanisms.PACKAGES["worst"]


def run(path: Path, out: Path, *settings: str) -> evosim.Run:
    return evosim.run(path, seed=1, settings=settings, out=out, figures=False, workers=1)


def assert_same(one: evosim.Run, other: evosim.Run) -> None:
    assert set(one.data.variables) == set(other.data.variables)
    for name in one.data.variables:
        assert one.data[name].values.tobytes() == other.data[name].values.tobytes(), name


def test_a_score_of_its_own_is_what_selection_acts_on(
    tiny: Path, tmp_path: Path, worst: None
) -> None:
    data = run(tiny, tmp_path / "run").data.isel(replicate=0)
    read = scenario.load(tiny)
    seed = replicate_seed(1, 0)
    for generation in (0, 4):
        genome = data["genome"].values[generation]
        named: Any = {"seed": seed, "generation": generation, "individuals": np.arange(len(genome))}
        minds = minds_of(read, genome, **named)
        environments = environments_of(read, generation, seed)
        lived = evaluate(read, minds, environments=environments, **named)
        cost = read.agent.thinking_cost * minds.depth
        expected = lived.selected_payoff.min(axis=1) - cost
        np.testing.assert_array_equal(data["score"].values[generation], expected)
        gap = lived.selected_payoff.mean(axis=1) - lived.selected_payoff.min(axis=1)
        np.testing.assert_array_equal(data["gap"].values[generation], gap)
    # The parents of generation 1 are those whom selection chooses by that score.
    asked = evolution.next_generation(
        read, {}, data["genome"].values[0], data["score"].values[0], key(seed, Purpose.BREED, 0)
    )
    np.testing.assert_array_equal(data["parents"].values[1], asked.offspring.parents)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_proxy_costs_all_its_regret_where_the_worst_level_counts(
    tiny: Path, worst: None, share: float
) -> None:
    """Under expected value it costs share times regret; under minimax the regret, however small
    the share of levels that tell the proxy from the goal."""
    regret, levels = 3.0, 10
    paid = np.full((2, levels), 5.0)
    paid[1, : round(share * levels)] -= regret
    zeros = np.zeros((2, levels))
    lived = Evaluation(zeros[..., None], paid, zeros, zeros, {"worst": zeros})
    (toy,) = mechanisms_of(scenario.load(tiny))
    record, _ = toy.evaluated(0, lived, {"score": paid.mean(axis=1)}, np.zeros(2), None)
    goal, proxy = record["score"]
    assert goal - proxy == regret
    assert paid[0].mean() - paid[1].mean() == pytest.approx(share * regret)


def test_what_it_remembers_is_that_of_the_generation_before(
    tiny: Path, tmp_path: Path, worst: None
) -> None:
    data = run(tiny, tmp_path / "run", "agent.thinking_cost=0.0").data.isel(replicate=0)
    before, best = data["best_before"].values, data["score"].values.max(axis=1)
    assert np.isnan(before[0])
    np.testing.assert_array_equal(before[1:], best[:-1])
    assert data["gap"].attrs["units"] == "payoff per lifetime"
    steps = list(evosim.iterate(tiny, seed=1, settings=["agent.thinking_cost=0.0"]))
    assert [float(step.arrays["best_before"]) for step in steps[1:]] == before[1:].tolist()


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_run_that_stops_remembers_when_it_goes_on(
    tiny: Path, tmp_path: Path, worst: None, at: int
) -> None:
    whole = run(tiny, tmp_path / "whole")
    manifest = {k: v for k, v in RunFolder(whole.path).manifest.items() if k != "scenario_sha256"}
    with RunFolder.create(tmp_path / "run", whole.scenario, manifest):
        pass
    reached: list[int] = []

    def tell(generation: int, score: float) -> bool:
        reached.append(generation)
        return generation == at

    runner.run_replicate(RunFolder(tmp_path / "run"), 0, tell=tell)
    assert reached == list(range(at + 1))
    assert_same(evosim.resume(tmp_path / "run", workers=1), whole)
    forked = evosim.fork(whole.path, at + 1, out=tmp_path / "fork", figures=False, workers=1)
    assert_same(forked, whole)


def test_a_history_without_it_is_not_forked(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setitem(mechanisms.PACKAGES, "worst", "worst")
    monkeypatch.setitem(mechanisms.SECTIONS, "worst", "agent.believes")
    changed = ["agent.believes=before"]
    with pytest.raises(RunError, match="no measures of a believes, which is new"):
        evosim.fork(whole, 3, settings=changed, out=tmp_path / "fork", figures=False)


def test_it_is_checked_shown_and_summarized(tiny: Path, tmp_path: Path, worst: None) -> None:
    with pytest.raises(ScenarioError, match=r"no worst level \(got 1, allowed 2 or more\)"):
        scenario.load(tiny, settings=["evolution.levels=1"])
    assert "20 individuals that are worth what they get" in _evolution(scenario.load(tiny))
    done = run(tiny, tmp_path / "run")
    summary = done.summary
    assert summary["worst"]["gap"] == pytest.approx(float(done.data["gap"].mean()))
    assert "Worst levels:" in summary_text.describe(summary)


UNUSED = """
import sys, evosim
small = {"evolution.population": 8, "evolution.levels": 1, "measure.sample": 2, "measure.levels": 1,
         "timeline.0.generations": 3, "timeline.1.generations": 2, "verdict.resamples": 50}
evosim.run("contraception", seed=1, settings=small, out="run", progress=False)
print(*sys.modules)
"""


def test_a_run_imports_nothing_of_mechanisms_that_it_does_not_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNUSED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    parts = [name for name in done.stdout.split() if name.startswith("evosim.mechanisms.")]
    assert not [name for name in parts if name.endswith((".state", ".metrics", ".figures"))]
    assert "evosim.mechanisms.monitor.schema" in parts
