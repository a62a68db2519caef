"""Runs with islands: the same data by any number of workers, and after any of them is killed."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from processes import Process

import evosim
from evosim import scenario as scenarios
from evosim.engine import loop
from evosim.engine.mechanism import Map
from evosim.engine.run_folder import RunFolder
from evosim.engine.variables import variables
from evosim.errors import RunError, ScenarioError
from evosim.execution import runner
from evosim.execution.executor import executor
from evosim.mechanisms.islands import state as islands
from evosim.metrics import METRICS, Query

DEMES = (
    "{demes=4, every=2, migrants=2, select={operator='selBest'}, replace={operator='selRandom'}}"
)
ISLANDS = f"evolution.islands={DEMES}"
TOOL = ["agent.tool.depth=4", "agent.tool.reliance=[0, 1]", "world.kinds.lime.looks.green=1.0"]
LONG = ["timeline.0.generations=120", "timeline.1.generations=60", "measure.every=1000"]

in_processes = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds worker processes in /proc"
)


class NoProbe:
    def measure(self, genomes: Any, generation: int) -> dict[str, Any]:
        return {}


def run(tiny: Path, out: Path, *sets: str, **options: Any) -> evosim.Run:
    return evosim.run(tiny, seed=1, settings=[ISLANDS, *sets], out=out, figures=False, **options)


def assert_same(one: evosim.Run, other: evosim.Run) -> None:
    """The runs are equal to the bit."""
    first, second = one.data.load(), other.data.load()
    xr.testing.assert_identical(first.drop_attrs(deep=False), second.drop_attrs(deep=False))
    for name in first.variables:
        assert first[name].values.tobytes() == second[name].values.tobytes()
    assert one.summary == other.summary


def test_data_do_not_depend_on_the_number_of_workers(tiny: Path, tmp_path: Path) -> None:
    runs = [run(tiny, tmp_path / str(n), *TOOL, workers=n) for n in (1, 2)]
    for other in runs[1:]:
        assert_same(runs[0], other)
    assert {p.name for p in runs[1].path.iterdir()} == {p.name for p in runs[0].path.iterdir()}


def test_replicates_and_demes_are_shared_alike(tiny: Path, tmp_path: Path) -> None:
    runs = [run(tiny, tmp_path / str(n), replicates=2, workers=n) for n in (1, 2, 3)]
    for other in runs[1:]:
        assert_same(runs[0], other)
    assert (runs[0].data["genome"][0] != runs[0].data["genome"][1]).any()


def in_turn(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [function(*call) for call in calls]


def in_reverse(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [function(*call) for call in reversed(calls)][::-1]


@pytest.mark.parametrize("seconds", [0.0, 1e9])
@pytest.mark.parametrize("share", [in_turn, in_reverse])
def test_demes_lived_apart_make_the_population_that_is_lived_as_one(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, share: Map
) -> None:
    """Wherever an epoch is cut, and in a frozen phase."""
    monkeypatch.setattr(islands, "SECONDS", seconds)
    frozen = "timeline.1.select=false"
    every = ISLANDS.replace("every=2", "every=3")
    read = scenarios.load(tiny, settings=[every, *TOOL, "timeline.0.generations=8", frozen])
    born = loop.initial_population(read, 7)
    whole = list(loop.generations(read, born, seed=7, prober=NoProbe()))
    apart = list(islands.Islands(read, 7).generations(born, prober=NoProbe(), share=share))
    assert len(apart) == len(whole) == 11
    for one, other in zip(apart, whole, strict=True):
        assert one.generation == other.generation
        assert (one.probe is None) == (other.probe is None)
        assert set(one.arrays) == set(other.arrays)
        for name, values in one.arrays.items():
            assert values.dtype == other.arrays[name].dtype
            assert values.tobytes() == other.arrays[name].tobytes()
        assert (one.next_population is None) == (other.next_population is None)
        for mine, its in zip(one.next_population or (), other.next_population or (), strict=True):
            assert np.array_equal(mine, its)


def test_an_epoch_is_a_function_of_its_arguments_which_survive_the_way_to_a_worker(
    tiny: Path,
) -> None:
    read = scenarios.load(tiny, settings=[ISLANDS])
    born = loop.initial_population(read, 7)
    own = slice(5, 10)
    call = (
        read.to_toml(), 1, 0, 2, born.genome[own], born.parents[own], born.crossover[own], 2**64 - 1
    )  # fmt: skip
    again = pickle.loads(pickle.dumps(call))
    one, other = islands.epoch(*call), islands.epoch(*again)
    assert one["genome"].shape == (2, 5, 3)
    assert set(one) == set(variables(read)) & set(one)
    assert (one["parents"][1] // 5 == 1).all()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes()


def test_one_deme_is_a_run_without_islands(tiny: Path, tmp_path: Path) -> None:
    alone = run(tiny, tmp_path / "alone", "evolution.islands.demes=1", workers=2)
    plain = evosim.run(tiny, seed=1, out=tmp_path / "plain", figures=False)
    for name in plain.data.data_vars:
        assert alone.data[name].values.tobytes() == plain.data[name].values.tobytes()


def test_the_data_tell_demes_and_who_migrated(tiny: Path, tmp_path: Path) -> None:
    done = run(tiny, tmp_path / "run", "verdict.resamples=20")
    data = done.data
    assert set(data.data_vars) == set(variables(done.scenario))
    assert data["deme"].dims == ("individual",)
    assert "deme" in data.coords
    assert data["deme"].values.tolist() == np.repeat(np.arange(4), 5).tolist()
    moved = (data["source"].values[0] != np.arange(20)).sum(axis=1)
    assert moved[::2].tolist() == [0, 0, 0]
    assert (moved[1::2] > 0).all()
    demes, parents = data["deme"].values, data["parents"].values[0]
    for g in range(1, 6):
        assert (demes[parents[g]] == demes[:, None]).all() == bool(g % 2)
    drawn = done.plot("islands", formats=["svg"])
    assert [path.name for path in drawn] == ["islands.svg"]


def test_differentiation_is_a_measure_of_runs_with_demes(tiny: Path, tmp_path: Path) -> None:
    done = run(tiny, tmp_path / "run", "evolution.islands.every=100", "timeline.1.generations=8")
    found = METRICS["differentiation"]
    at = {
        g: found.columns(done.data, done.scenario, Query(measure="differentiation", generation=g))[
            0
        ][0]
        for g in (0, 10)
    }
    drives = [name for name in done.data["locus"].values if name.startswith("drive.")]
    genes = done.data["genome"].sel(locus=drives, generation=10).values[0]
    unit = genes / np.linalg.norm(genes, axis=1, keepdims=True)
    within = np.mean([unit[5 * d : 5 * d + 5].var(axis=0, ddof=1).sum() for d in range(4)])
    assert at[10] == pytest.approx(1 - within / unit.var(axis=0, ddof=1).sum())
    assert at[0] < 0.3 < at[10]
    plain = scenarios.load(tiny)
    with pytest.raises(evosim.EvosimError, match=r"needs a population with demes"):
        found.check_in(plain, Query(measure="differentiation"))


def test_a_population_without_islands_has_no_figure_of_them(whole: Path) -> None:
    with pytest.raises(evosim.EvosimError, match="needs deme, source"):
        evosim.open_run(whole).plot("islands")


def test_a_fork_that_changes_nothing_ends_as_its_parent(tiny: Path, tmp_path: Path) -> None:
    parent = run(tiny, tmp_path / "run", workers=1)
    for at in (2, 3):
        child = evosim.fork(parent.path, at, out=tmp_path / f"fork{at}", figures=False)
        for name in parent.data.variables:
            assert child.data[name].values.tobytes() == parent.data[name].values.tobytes()
    longer = evosim.fork(
        parent.path,
        6,
        settings=["timeline.1.generations=5"],
        out=tmp_path / "longer",
        figures=False,
    )
    at_once = run(tiny, tmp_path / "once", "timeline.1.generations=5")
    assert longer.data["genome"].values.tobytes() == at_once.data["genome"].values.tobytes()
    with pytest.raises(RunError, match=r"evolution\.islands\.demes was 4 .* cannot become 2"):
        evosim.fork(parent.path, 2, settings=["evolution.islands.demes=2"], out=tmp_path / "other")


# Processes that are killed


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(folder: Path) -> Process:
    words = [word for change in (ISLANDS, *LONG) for word in ("--set", change)]
    return Process(
        folder, "run", "tiny.toml", "--seed", 1, "--out", "run", "--workers", 2,
        "--checkpoint", 0, "--no-figures", *words,
    )  # fmt: skip


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


def files_written(folder: Path) -> int:
    return len(list(folder.glob("run/replicates/000/*.npz")))


@pytest.fixture(scope="module")
def undisturbed(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    """The run that is killed below, by one worker and left alone."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    return run(whole.parent / "tiny.toml", out, *LONG, workers=1)


@in_processes
def test_a_killed_worker_loses_and_changes_nothing(
    tiny: Path, tmp_path: Path, undisturbed: evosim.Run
) -> None:
    going = start(tmp_path)
    wait_until(lambda: files_written(tmp_path) > 2)
    os.kill(children(going.pid)[1], signal.SIGKILL)
    _, err = going.communicate(timeout=60)
    assert going.returncode == 0, err
    assert_same(evosim.open_run(tmp_path / "run"), undisturbed)


@in_processes
@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_end(
    tiny: Path, tmp_path: Path, undisturbed: evosim.Run
) -> None:
    going = start(tmp_path)
    wait_until(lambda: files_written(tmp_path) > 2)
    workers = children(going.pid)
    assert len(workers) == 2
    going.kill()
    going.communicate(timeout=30)
    wait_until(lambda: not any(Path(f"/proc/{w}").exists() for w in workers))
    assert 2 < RunFolder(tmp_path / "run").generations_done(0) < 180
    assert_same(evosim.resume(tmp_path / "run", workers=3), undisturbed)
    assert not (tmp_path / "run" / "replicates").exists()


@in_processes
@pytest.mark.slow
def test_a_stopped_run_keeps_what_it_has_and_goes_on(
    tiny: Path, tmp_path: Path, undisturbed: evosim.Run
) -> None:
    going = start(tmp_path)
    wait_until(lambda: files_written(tmp_path) > 2)
    going.send_signal(signal.SIGINT)
    _, err = going.communicate(timeout=30)
    assert going.returncode == 130, err
    assert "Traceback" not in err
    assert_same(evosim.resume(tmp_path / "run", workers=1), undisturbed)


def test_a_mistake_in_a_worker_is_told_in_words(tiny: Path) -> None:
    roulette = "evolution.select={operator='selRoulette'}"
    read = scenarios.load(tiny, settings=[ISLANDS, roulette, "agent.thinking_cost=1000.0"])
    born = loop.initial_population(read, 7)
    genome = np.full((5, 3), [0.5, 0.5, 1.5])  # plans a step, and pays for it
    call = (read.to_toml(), 1, 0, 2, genome, born.parents[:5], born.crossover[:5], 7)
    with (
        executor(workers=2, note=print) as by,
        pytest.raises(RunError, match="generation 0: deme 1: individual 0 has a score of -99"),
    ):
        list(by.map(runner.untold, [(islands.epoch, *call)]))


# Scenarios that demes make no sense in


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["evolution.population=21"], r"evolution\.islands\.demes: demes of unequal size \(got 4"),
        (["evolution.islands.migrants=6"], r"more migrants than individuals \(got 6, allowed 1 to"),
        (["evolution.islands.topology=[1, 2, 3, 3]"], r"not every deme once \(got \[1, 2, 3, 3\]"),
        (["evolution.islands.topology='star'"], r"topology: not a topology"),
        (["evolution.open={offspring=1.0, capacity=30}"], r"no demes with \[evolution\.open\]"),
        (["monitor={budget=3}"], r"no demes with \[monitor\]"),
        (["evolution.optimizer={name='cma'}"], "cma asks for one population"),
        (["evolution.islands.select.operator='selBst'"], "unknown migration operator 'selBst'"),
    ],
)
def test_what_demes_cannot_do_is_refused(tiny: Path, sets: list[str], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        evosim.check(tiny, [ISLANDS, *sets])


def test_islands_survive_the_way_through_toml(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=[ISLANDS, "evolution.islands.topology=[1, 0, 3, 2]"])
    assert scenarios.loads(read.to_toml(), name="again") == read
    assert read.evolution.islands is not None
    assert read.evolution.islands.target == (1, 0, 3, 2)
