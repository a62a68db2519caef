"""Workers and drivers killed, schedulers gone, disks full: with real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stubs
from processes import call
from sweeps import (
    Cluster,
    columns,
    count_done,
    ended,
    files,
    is_alive,
    started,
    wait_until,
    workers_of,
    write_sweep,
)

import evosim
from evosim.errors import RunError
from evosim.execution import dask
from evosim.study import driver as study_driver
from evosim.testing import TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc"),
]

LONG = 100_000  # generations of a run that is to be interrupted


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A Dask scheduler without workers."""
    made = Cluster(tmp_path)
    yield made
    made.close()


def undisturbed(sweep: Path) -> evosim.Study:
    """The same study, run in this process."""
    return evosim.run_study(sweep, out=sweep.parent / "whole", workers=1, figures=False)


def test_500_runs_survive_a_killed_worker_and_a_killed_driver(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, TINY, replicates=25, steps=10)
    out = tmp_path / "out"
    words = ["run", sweep, "--out", out, "--workers", 2, "--no-figures"]
    with started(tmp_path, *words) as driver:
        wait_until(lambda: count_done(out) >= 50)
        first = workers_of(driver.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(driver.pid)) - {first[0]}) == 2)
        there = count_done(out)
        wait_until(lambda: count_done(out) >= there + 50)
        workers = workers_of(driver.pid)
        os.kill(driver.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, workers)))
    assert count_done(out) < 500
    before = files(out)
    done = call(tmp_path, "study", "resume", out, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert before.items() <= files(out).items()  # nothing that was done was done again
    whole = undisturbed(sweep)
    study = evosim.open_study(out)
    assert study.counts.done == 500
    assert study.digest == whole.digest
    assert columns(out) == columns(whole.path)


def test_a_run_that_kills_its_workers_is_given_up_and_the_rest_goes_on(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_driver, "complete_run", stubs.deadly)
    out = sweep.parent / "out"
    done = evosim.run_study(sweep, out=out, workers=2, figures=False)
    assert (done.counts.done, done.counts.failed) == (7, 1)
    (failure,) = done.failures
    assert (failure.point, failure.replicate) == next(done._folder.runs())
    assert "2 workers died of it (killed by SIGKILL, perhaps for lack of" in failure.error
    monkeypatch.undo()
    assert done.resume(workers=1).digest == undisturbed(sweep).digest


def test_a_worker_that_dies_before_it_has_a_run_ends_nothing(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = undisturbed(sweep)
    monkeypatch.setattr(study_driver, "complete_run", stubs.fragile)
    done = evosim.run_study(sweep, out=sweep.parent / "out", workers=2, figures=False)
    assert (sweep.parent / "died").exists()
    assert done.complete
    assert done.digest == whole.digest


def test_a_disk_that_is_full_for_the_workers_stops_the_study(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_driver, "complete_run", stubs.cramped)
    out = sweep.parent / "out"
    with pytest.raises(RunError) as told:
        evosim.run_study(sweep, out=out, workers=2, figures=False)
    assert "the disk is full, or a quota or file size limit" in str(told.value)
    assert f'Continue with: evosim.resume("{out}")' in str(told.value)
    assert 3 <= count_done(out) < 8
    assert not list(out.glob("runs/*/*.failed"))
    before = files(out)
    monkeypatch.undo()
    done = evosim.open_study(out).resume(workers=1)
    assert before.items() <= files(out).items()
    assert done.digest == undisturbed(sweep).digest


def test_a_disk_that_is_full_for_the_index_stops_the_study(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, TINY, steps=2)
    words = f"ulimit -f 12; exec {sys.executable} -m evosim study run {sweep} --out out"
    done = subprocess.run(
        ["bash", "-c", f"{words} --workers 1 --no-figures"], cwd=tmp_path, text=True,
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "index.sqlite" in done.stderr
    assert "evosim study resume out" in done.stderr
    assert "Traceback" not in done.stderr
    done = call(tmp_path, "study", "resume", "out", "--workers", 1)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_workers_and_tells_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    sweep = write_sweep(tmp_path, TINY, generations=LONG)
    with started(tmp_path, "run", sweep, "--out", "out", "--workers", 2) as driver:
        wait_until(lambda: len(workers_of(driver.pid)) == 2)
        wait_until(lambda: (tmp_path / "out" / "index.sqlite").exists())
        workers = workers_of(driver.pid)
        os.killpg(driver.pid, number) if number == signal.SIGINT else driver.send_signal(number)
        out, err = ended(driver)
        assert driver.returncode == 130, err
        assert not any(map(is_alive, workers))
    assert "0 of 8 runs are done and kept. Continue with: evosim study resume out" in err
    assert "Traceback" not in err
    assert out == ""


def test_workers_come_and_go_on_a_scheduler_of_ones_own(tmp_path: Path, cluster: Cluster) -> None:
    sweep = write_sweep(tmp_path, TINY, replicates=15, steps=5)
    out = tmp_path / "out"
    words = ["run", sweep, "--out", out, "--scheduler", cluster.address, "--no-figures"]
    with started(tmp_path, *words) as driver:
        assert driver.stderr is not None
        for line in driver.stderr:
            if "waiting for workers" in line:
                assert f"dask worker {cluster.address} --nthreads 1" in line
                break
        first = cluster.add_worker()
        wait_until(lambda: count_done(out) >= 20)
        cluster.add_worker()
        there = count_done(out)
        wait_until(lambda: count_done(out) >= there + 20)
        first.kill()
        _, err = ended(driver)
        assert driver.returncode == 0, err
    assert "Traceback" not in err
    done = evosim.open_study(out)
    assert done.counts.done == 150
    assert done.digest == undisturbed(sweep).digest


def test_a_scheduler_that_dies_is_told_with_what_is_kept(tmp_path: Path, cluster: Cluster) -> None:
    sweep = write_sweep(tmp_path, TINY, replicates=40, steps=2)
    cluster.add_worker()
    out = tmp_path / "out"
    words = ["run", sweep, "--out", out, "--scheduler", cluster.address, "--no-figures"]
    with started(tmp_path, *words) as driver:
        wait_until(lambda: count_done(out) >= 20)
        cluster.scheduler.kill()
        _, err = ended(driver)
        assert driver.returncode == 2, err
    assert f"the Dask scheduler at {cluster.address} is gone" in err
    assert re.search(r"\d+ of 160 runs are done and kept. Continue with: evosim study resume", err)
    assert "Traceback" not in err
    before = files(out)
    done = evosim.open_study(out).resume(workers=1)
    assert before.items() <= files(out).items()
    assert done.digest == undisturbed(sweep).digest


def test_a_scheduler_that_does_not_answer_is_told_once(sweep: Path) -> None:
    out = sweep.parent / "out"
    address = "tcp://127.0.0.1:9"
    done = call(sweep.parent, "study", "run", sweep, "--out", out, "--scheduler", address)
    assert done.returncode == 2
    assert f"--scheduler {address}: no Dask scheduler answers there" in done.stderr
    assert "dask scheduler" in done.stderr
    assert f"dask worker {address} --nthreads 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_is_free_again_when_its_driver_stops(tmp_path: Path, cluster: Cluster) -> None:
    endless = write_sweep(tmp_path, TINY, generations=LONG)
    cluster.add_worker()
    words = ["run", endless, "--out", "endless", "--scheduler", cluster.address]
    with started(tmp_path, *words) as driver:
        wait_until(lambda: (tmp_path / "endless" / "index.sqlite").exists())
        assert driver.stderr is not None
        assert any("Tiny sweep: 4 points" in line for line in driver.stderr)
        driver.send_signal(signal.SIGTERM)
        ended(driver)
        assert driver.returncode == 130
    short = write_sweep(tmp_path, TINY)
    done = evosim.run_study(short, out=tmp_path / "out", scheduler=cluster.address, figures=False)
    assert done.digest == undisturbed(short).digest


def test_a_script_needs_no_guard(sweep: Path) -> None:
    """Worker processes do not import the script that started them."""
    script = sweep.parent / "script.py"
    script.write_text(
        "import evosim\nprint(evosim.run_study('sweep.toml', out='out', workers=2))\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=sweep.parent, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "<Study 'out': tiny_sweep, 8 of 8 runs complete>\n"


def test_a_worker_that_does_not_see_the_folder_is_named(
    sweep: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver tells workers where the study is as a text, and makes no other one of a path.
    monkeypatch.setattr(study_driver, "str", lambda path: "/nowhere/at/all", raising=False)
    cluster.add_worker()
    with pytest.raises(RunError, match=r"worker tcp://.* does not see .*/nowhere/at/all"):
        evosim.run_study(sweep, out=sweep.parent / "out", scheduler=cluster.address, figures=False)


def test_a_worker_of_other_versions_is_named(
    sweep: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = dask.versions_here
    monkeypatch.setattr(dask, "versions_here", lambda: {**real(), "deap": "0.0.1"})
    cluster.add_worker()
    with pytest.raises(RunError, match=r"worker tcp://.* has deap .* \(here 0\.0\.1\)"):
        evosim.run_study(sweep, out=sweep.parent / "out", scheduler=cluster.address, figures=False)
