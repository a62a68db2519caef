"""The demes of one run, evaluated by the workers of a scheduler: the same data as without them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeps import Cluster, wait_until

import evosim
from evosim.errors import EvosimError, RunError
from evosim.testing import TINY

ISLANDS = "evolution.islands={demes=4, every=2, migrants=2, select={operator='selBest'}}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def same(one: evosim.Run, other: evosim.Run) -> bool:
    names = list(one.data.variables)
    return all(one.data[n].values.tobytes() == other.data[n].values.tobytes() for n in names)


@pytest.mark.slow
def test_demes_live_on_a_cluster_and_a_killed_worker_changes_nothing(
    tmp_path: Path, world: Path, cluster: Cluster
) -> None:
    first, _ = cluster.add_worker(), cluster.add_worker()
    sets = [ISLANDS, "timeline.0.generations=400"]
    out = tmp_path / "shared"
    words = [word for text in sets for word in ("--set", text)]
    driver = subprocess.Popen(
        [sys.executable, "-m", "evosim", "run", world, *words, "--seed", "1", "--out", out,
         "--scheduler", cluster.address, "--checkpoint", "0", "--no-figures", "--quiet"],
    )  # fmt: skip
    wait_until(lambda: any((out / "replicates" / "000").glob("0*.npz")))
    assert driver.poll() is None
    first.kill()
    assert driver.wait(timeout=300) == 0
    alone = evosim.run(world, seed=1, settings=sets, out=tmp_path / "alone", figures=False)
    assert same(evosim.open_run(out), alone)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told_with_how_to_go_on(
    tmp_path: Path, world: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(RunError, match="no Dask scheduler answers there") as told:
        evosim.run(world, seed=1, settings=[ISLANDS], out=out, scheduler="tcp://127.0.0.1:9")
    assert f'evosim.resume("{out}")' in str(told.value)
    resumed = evosim.resume(out)
    alone = evosim.run(world, seed=1, settings=[ISLANDS], out=tmp_path / "alone")
    assert same(resumed, alone)


@pytest.mark.slow
def test_one_signal_stops_a_run_that_waits_for_workers(
    tmp_path: Path, world: Path, cluster: Cluster
) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-m", "evosim", "run", world, "--set", ISLANDS, "--seed", "1", "--out",
         tmp_path / "out", "--scheduler", cluster.address, "--no-figures"],
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert driver.stderr is not None
    assert any("waiting for workers" in line for line in driver.stderr)
    driver.send_signal(signal.SIGINT)
    _, told = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert f"evosim resume {tmp_path / 'out'}" in told


def test_a_scheduler_is_refused_where_there_is_nothing_to_share(
    tmp_path: Path, world: Path
) -> None:
    with pytest.raises(EvosimError, match=r"no \[evolution\.islands\].*evosim\.run_study"):
        evosim.run(world, out=tmp_path / "out", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(EvosimError, match="workers=2 and scheduler="):
        evosim.run(world, settings=[ISLANDS], workers=2, scheduler="tcp://127.0.0.1:9")
