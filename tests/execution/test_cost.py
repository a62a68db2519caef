"""What a run takes is known before it is begun, and refused above what the machine has."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import evosim
from evosim.api._costs import of_experiment, of_study
from evosim.execution import cost
from evosim.scenario import Scenario
from evosim.study import reading as studies
from evosim.testing import TINY, tiny

HUGE = {
    "population": {"evolution.population": 10**9},
    "levels": {"evolution.levels": 10**9},
    "probe levels": {"measure.levels": 10**9},
    "states": {
        "world.max_states": 10**9, "world.variables.energy.values": 10**7,
        "world.variables.energy.start": 1,
    },
    "cells": {"world.rows": 200, "world.cols": 200},
    "sites": {
        "world.max_states": 10**9, "world.rows": 5, "world.cols": 5,
        "world.kinds.fruit.count": 19, "world.kinds.fruit.regrow": 0.5,
    },
    "capacity": {
        "evolution.open": {"offspring": 1.0, "capacity": 10**9},
    },
    "data": {"evolution.population": 10**6, "timeline.0.generations": 500_000},
}  # fmt: skip


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine everywhere."""
    monkeypatch.setattr(cost, "_speed", lambda: 1.0)
    monkeypatch.setattr(cost, "threads", lambda: 2)
    monkeypatch.setattr(cost, "available_memory", lambda: 16e9)
    monkeypatch.setattr(cost, "available_disk", lambda out: 100e9)


@pytest.mark.parametrize("what", HUGE)
def test_what_no_machine_holds_is_refused_at_once_and_leaves_nothing(
    what: str, tmp_path: Path
) -> None:
    scenario, out = tiny(HUGE[what]), tmp_path / "runs" / "huge"
    began = time.monotonic()
    with pytest.raises(evosim.EvosimError, match=r"needs about .* are available: .* lower .*, or"):
        evosim.run(scenario, out=out, seed=1)
    assert time.monotonic() - began < 5
    assert not out.parent.exists()


def test_an_error_names_what_takes_most_and_the_keys_to_lower() -> None:
    with pytest.raises(evosim.EvosimError) as caught:
        cost.refuse(cost.of_run(tiny({"evolution.levels": 10**9})), "runs")
    assert str(caught.value) == (
        "needs about 2.3 TB of memory, and 16 GB are available: 1.9 TB for lifetimes; lower "
        "evolution.population, evolution.levels, or begin it all the same with force=True"
    )


def test_the_disk_is_looked_at_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cost, "available_disk", lambda out: 1e6)
    with pytest.raises(evosim.EvosimError, match=r"of disk, and 1\.0 MB are available"):
        evosim.run(tiny(), out=tmp_path / "run", seed=1)
    assert not (tmp_path / "run").exists()


def test_what_is_forced_is_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cost, "available_memory", lambda: 1e6)
    path, small = tmp_path / "run", {"workers": 1, "figures": False}
    with pytest.raises(evosim.EvosimError, match="force=True"):
        evosim.run(tiny(), out=path, seed=1)
    assert not path.exists()
    stopped = evosim.run(
        tiny(), out=path, seed=1, force=True, on_generation=lambda *_: True, **small
    )
    assert not stopped.complete
    with pytest.raises(evosim.EvosimError, match="force=True"):
        evosim.resume(path)
    assert evosim.resume(path, workers=1, force=True).complete
    assert evosim.resume(path).complete
    with pytest.raises(evosim.EvosimError, match="force=True"):
        evosim.fork(path, 3, out=tmp_path / "fork")
    assert not (tmp_path / "fork").exists()
    assert evosim.fork(path, 3, out=tmp_path / "fork", force=True, **small).complete


def test_a_line_says_it_all() -> None:
    assert str(cost.of_run(tiny())) == (
        "about 27 states, 220 MB of memory, 1.0 MB on disk, 2.9 s on 2 threads"
    )
    grows = tiny({"evolution.open": {"offspring": 1.0, "capacity": 1000}})
    assert str(cost.of_run(grows)).startswith("at most about 27 states")


def growth(of: str, scenario: Scenario, key: str, value: int) -> float:
    """By what factor something grows where one number becomes ten times as large."""
    more = cost.of_run(scenario.replace({key: value * 10}))
    less = cost.of_run(scenario.replace({key: value}))
    names = [name for name in getattr(more, of) if name not in ("start", "figures", "processes")]
    return sum(getattr(more, of)[n] for n in names) / sum(getattr(less, of)[n] for n in names)


def test_it_grows_with_what_it_is_made_of() -> None:
    base = tiny({"evolution.population": 6400, "world.lifetime": 100})
    assert 6 < growth("seconds", base, "evolution.population", 6400) < 11
    assert 6 < growth("memory", base, "evolution.population", 6400) < 11
    assert 6 < growth("seconds", base, "evolution.levels", 20) < 11
    regret = tiny({"evolution.score": "regret", "world.lifetime": 500, "evolution.population": 640})
    assert 6 < growth("seconds", regret, "evolution.pool", 100) < 11
    wide = tiny({"world.rows": 100, "world.cols": 10})
    assert 6 < growth("memory", wide, "measure.levels", 100) < 11


PLANNING = "planning (world, agent.depth, evolution)"
PLANS = "plans (world, by its states)"


def changed(
    scenario: str, settings: dict[str, object], than: dict[str, object]
) -> tuple[float, ...]:
    """By what factors time and memory of plans grow by some settings, from what others give."""
    more, less = (cost.of_run(evosim.load(scenario, each)) for each in (settings, than))
    times = more.seconds[PLANNING] / less.seconds[PLANNING]
    return times, more.memory[PLANS] / less.memory[PLANS]


def test_movers_are_counted() -> None:
    wide = {"world.max_states": 10**7, "world.rows": 4, "world.cols": 4, "agent.depth": 10}
    ghost = {"glyph": "G", "walks": "random", "meet": {"bite": {"feels": {"touch": -0.1}}}}
    one, two = ({**wide, "world.movers": {"ghost": {**ghost, "count": n}}} for n in (1, 2))
    # 16 times as many states, in each of which drift, a walk and a meeting are gone through: by
    # measurement 3.7 ns against .3, and 5.8 for two movers.
    assert 100 < changed("contraception", one, wide)[0] < 300
    assert 16 < changed("contraception", two, one)[0] < 30


def test_plans_of_those_who_can_be_corrected_are_counted() -> None:
    ways = {way: {"agent.anticipation": way} for way in ("ignorant", "hedonistic", "realistic")}
    times, memory = changed("deceptive_alignment", ways["realistic"], ways["ignorant"])
    assert 3 < times < 4  # measured: 3.2
    assert memory == 1
    assert 1.1 < changed("deceptive_alignment", ways["hedonistic"], ways["ignorant"])[0] < 1.6
    twice = {"world.variables.corrected.values": 3}
    times, memory = changed("deceptive_alignment", twice, {})
    assert 2 < times < 3  # 5 plans in place of 3, and half as many states more
    assert 5 / 3 < memory < 5 / 3 * 3 / 2


def test_an_uncertain_mind_takes_twice_as_long() -> None:
    spared = {"values": 3, "start": 0}
    sure = {"world.variables.spared": spared}
    unsure = {
        "agent.credence": {"watcher": 0.5},
        "world.variables.spared": {**spared, "counts": "unpunished"},
    }
    times, memory = changed("streetlight_test", unsure, sure)
    # What counts what was survived makes states that are come to; memory grows with them alone.
    assert 1.7 < times / memory < 2.1


def test_slopes_are_counted() -> None:
    gradient = {"evolution.optimizer": {"name": "policy_gradient", "rate": 1.0}}
    name = "slopes (evolution.optimizer, evolution)"
    assert name not in cost.of_run(evosim.load("insect")).seconds
    planners = cost.of_run(evosim.load("insect", gradient)).seconds
    tables = cost.of_run(evosim.load("insect", {**gradient, "agent.mind": "table"})).seconds
    assert planners[name] > 3 * planners[PLANNING]
    assert tables[name] > 3 * tables[PLANNING]  # tables plan nothing


def test_what_an_agent_trains_is_counted() -> None:
    few: dict[str, object] = {
        "agent.learner.factory": "evosim.learners:actor_critic",
        "evolution.population": 10,
        "measure.sample": 1,
    }
    name = "training (agent.learner, evolution)"
    assert name not in cost.of_run(evosim.load("strawberry")).seconds
    alone = cost.of_run(evosim.load("strawberry", few)).seconds
    more = cost.of_run(evosim.load("strawberry", {**few, "evolution.population": 30})).seconds
    assert more[name] == pytest.approx(3 * alone[name])
    assert alone[name] > 10 * alone[PLANNING]


def test_a_run_without_figures_takes_less_disk_and_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn, bare = (cost.of_run(tiny(), figures=figures) for figures in (True, False))
    assert drawn.total_disk - bare.total_disk == pytest.approx(1e6)
    assert bare.duration < drawn.duration
    evosim.run(tiny(), out=tmp_path / "run", seed=1, workers=1, figures=False, progress=True)
    assert str(bare).split(", ")[2] in capsys.readouterr().err


def test_replicates_share_the_processors_and_each_process_has_its_own_memory() -> None:
    one, two = cost.of_run(tiny()), cost.of_run(tiny(), replicates=2)
    assert two.total_memory > 1.5 * one.total_memory
    assert cost.of_run(tiny(), replicates=2, workers=1).total_memory < 1.2 * one.total_memory
    assert cost.of_run(tiny(), replicates=100).total_disk > 2 * one.total_disk


def test_arms_and_points_are_counted_together() -> None:
    strawberry = evosim.check("strawberry")
    once, twice = (of_experiment(strawberry, n) for n in (10, 20))
    assert twice.total_disk > 1.8 * once.total_disk
    drift = studies.load("drift_population")
    few, many = (of_study(drift, replicates=n) for n in (10, 100))
    assert 7 < many.duration / few.duration < 11
    assert of_study(drift, keep="runs").total_disk > 2 * of_study(drift).total_disk


MANY = """\
id       = "many"
title    = "Many"
scenario = "tiny.toml"
replicates = 100

[parameters.patience]
label = "patience"
key   = "agent.patience"
range = [0.1, 0.9]
steps = 100

[parameters.slip]
label = "slip"
key   = "world.slip"
range = [0.0, 0.5]
steps = STEPS

[measures.end]
label   = "alignment"
measure = "alignment"
"""


def many(folder: Path, steps: int) -> studies.Written:
    (folder / "tiny.toml").write_text(TINY)
    (folder / "many.toml").write_text(MANY.replace("STEPS", str(steps)))
    return studies.load(folder / "many.toml")


def test_of_thousands_of_points_some_are_counted(tmp_path: Path) -> None:
    assert len(many(tmp_path, 150).points) == 15_000
    began = time.monotonic()
    ten, hundred = (of_study(many(tmp_path, steps)) for steps in (10, 100))
    assert 7 < hundred.duration / ten.duration < 11
    assert time.monotonic() - began < 20


def test_of_points_that_are_not_counted_one_by_one_workers_are_counted_too(
    tmp_path: Path,
) -> None:
    study = many(tmp_path, 10)
    assert len(study.points) == 1000
    few, all_of_them = (of_study(study, replicates=1, workers=n) for n in (16, 64))
    assert 3 < all_of_them.memory["processes"] / few.memory["processes"] < 4


def test_more_points_are_counted_before_they_are_made(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(evosim.ScenarioError, match=r"too many points .got 1,000,000: 100 patience"):
        many(tmp_path, 10_000)
    assert time.monotonic() - began < 2


def test_memory_that_ends_all_the_same_ends_in_words_and_leaves_no_empty_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def none(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("evosim.execution.runner.run_replicate", none)
        with pytest.raises(evosim.RunError, match=r"out of memory.*nothing is kept"):
            evosim.run(tiny(), out=tmp_path / "run", seed=1, workers=1, figures=False)
    assert not (tmp_path / "run").exists()
    evosim.run(
        tiny(), out=tmp_path / "run", seed=1, workers=1, figures=False, checkpoint=0,
        on_generation=lambda *_: True,
    )  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("evosim.execution.runner.run_replicate", none)
        with pytest.raises(evosim.RunError, match=r"out of memory.*is kept.*resume"):
            evosim.resume(tmp_path / "run", workers=1)
    assert evosim.resume(tmp_path / "run", workers=1).complete


LIMITED = """\
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
from evosim.execution import cost
print(json.dumps([cost.available_memory(), cost.available_disk(__import__("pathlib").Path("."))]))
"""


def test_more_processes_than_cores_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "cores", lambda: 2)
    monkeypatch.setattr(cost, "threads", lambda: 2)
    few, many = (cost.of_run(tiny(), replicates=12, workers=workers) for workers in (2, 12))
    assert (few.threads, many.threads) == (2, 2)
    assert many.total_memory > few.total_memory


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read as Linux tells them")
def test_a_limit_of_the_process_counts() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, check=True)
    memory, disk = json.loads(done.stdout)
    assert 0.5e9 < memory < 3.3e9
    assert disk > 0


def test_what_takes_long_is_said_and_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = cost.of_run
    monkeypatch.setattr(
        "evosim.api.running.cost_of_run",
        lambda *given, **more: replace(
            real(*given, **more), seconds={"start": 0.0, "planning (world)": 36e3}
        ),
    )
    evosim.run(tiny(), out=tmp_path / "run", seed=1, workers=1, figures=False, progress=False)
    assert "warning: this takes long: about 27 states" in capsys.readouterr().err


STATES = {
    "evolution.population": 64, "measure.levels": 4, "world.rows": 20, "world.cols": 20,
    "world.variables.energy.values": 40, "world.variables.energy.start": 39, "world.lifetime": 200,
}  # fmt: skip
REGROWS = {
    "evolution.population": 64, "measure.levels": 4, "world.rows": 12, "world.cols": 12,
    "world.kinds.fruit.count": 7, "world.kinds.fruit.regrow": 0.1, "agent.depth": [0, 12],
}  # fmt: skip
PEOPLE = {
    "evolution.population": 5000, "evolution.levels": 8, "timeline.0.generations": 20,
    "timeline.1.generations": 20,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [("contraception", {}), ("foraging", {}), ("tiny", STATES), ("tiny", REGROWS),
     ("tiny", PEOPLE)],
)  # fmt: skip
def test_a_run_takes_the_disk_that_was_told(
    name: str, settings: dict[str, object], tmp_path: Path
) -> None:
    # Time and memory are compared by `evosim bench`: they are those of a machine.
    scenario = tiny(settings) if name == "tiny" else evosim.check(name, settings)
    run = evosim.run(
        scenario, seed=1, workers=1, figures=False, progress=False, out=tmp_path / "run"
    )
    disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    assert disk < cost.of_run(scenario).total_disk < 2 * disk + 1.5e6
