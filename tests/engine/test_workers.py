"""Replicates in worker processes: the same data, and clear words when one dies."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import xarray as xr
from processes import Process

import evosim
from evosim.engine.run_folder import RunFolder
from evosim.errors import EvosimError, RunError

SLOW = "timeline.0.generations=100000"  # to be interrupted


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds worker processes in /proc"
)


def children(pid: int) -> list[int]:
    """The processes that a process has started; none where it is gone."""
    with suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in found]
    return []


def start(folder: Path) -> Process:
    return Process(
        folder, "run", "tiny.toml", "--out", "run", "--replicates", 3, "--workers", 2,
        "--checkpoint", 0.05, "--set", SLOW, "--no-figures",
    )  # fmt: skip


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)


def at_work(folder: Path) -> Callable[[], bool]:
    """Whether two replicates have written segments."""
    return lambda: len(list(folder.glob("run/replicates/*/000000-*.npz"))) >= 2


def test_data_do_not_depend_on_the_number_of_workers_or_replicates(
    tiny: Path, tmp_path: Path, whole: Path
) -> None:
    runs = [
        evosim.run(tiny, seed=1, replicates=3, workers=n, out=tmp_path / str(n), figures=False)
        for n in (1, 2)
    ]
    first, other = (run.data.load() for run in runs)
    assert first.sizes["replicate"] == 3
    assert (first["genome"][0] != first["genome"][1]).any()
    xr.testing.assert_identical(other.drop_attrs(deep=False), first.drop_attrs(deep=False))
    assert runs[1].summary == runs[0].summary
    alone = evosim.open_run(whole).data
    for name in ("genome", "score", "expected_payoff"):
        assert (first[name][0].values == alone[name][0].values).all()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stop_reaches_all_workers_and_keeps_their_data(
    tiny: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run = start(tmp_path)
    wait_until(at_work(tmp_path))
    workers = children(run.pid)
    assert len(workers) == 2
    run.send_signal(number)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert "evosim resume run" in err
    assert "Traceback" not in err
    assert out == ""
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    folder = RunFolder(tmp_path / "run")
    assert min(folder.generations_done(0), folder.generations_done(1)) > 0
    with folder.lock():
        pass


def test_what_a_killed_worker_was_at_is_done_by_another_one_and_given_up_if_that_dies_too(
    tiny: Path, tmp_path: Path
) -> None:
    run = start(tmp_path)
    wait_until(at_work(tmp_path))
    before = set(children(run.pid))
    os.kill(min(before), signal.SIGKILL)
    # Two of three replicates never end, so that the one whose worker died waits for them.
    wait_until(lambda: len(set(children(run.pid)) - before) == 1)
    assert run.returncode is None
    while run.returncode is None:
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end at any moment
            for worker in children(run.pid):
                os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 2
    assert re.search(r"replicate \d: 2 workers died of it \(killed by SIGKILL, perhaps for", err)
    assert "evosim resume run" in err
    assert "Traceback" not in err
    assert RunFolder(tmp_path / "run").generations_done(1) > 0


@pytest.mark.slow
def test_workers_stop_by_themselves_when_their_parent_is_killed(tiny: Path, tmp_path: Path) -> None:
    run = start(tmp_path)
    wait_until(at_work(tmp_path))
    workers = children(run.pid)
    run.kill()
    run.communicate(timeout=30)
    wait_until(lambda: not any(Path(f"/proc/{w}").exists() for w in workers))
    with RunFolder(tmp_path / "run").lock():
        pass


@pytest.mark.slow
def test_a_mistake_in_a_worker_is_told_in_words(tiny: Path, tmp_path: Path) -> None:
    with RunFolder.create(
        tmp_path / "run",
        evosim.load(tiny),
        {
            "seed": 1,
            "probe_seed": 1,
            "replicates": 2,
            "versions": {},
            "figures": False,
            "seeds": [{"from": 0, "seed": 1}],
        },
    ):
        pass
    (tmp_path / "run" / "replicates" / "001").rmdir()
    (tmp_path / "run" / "replicates" / "001").write_text("in the way")
    with pytest.raises(RunError, match="001"):
        evosim.resume(tmp_path / "run", workers=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates=0"),
        ({"workers": 0}, "workers=0"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**64}, "seed=18446744073709551616"),
        ({"checkpoint": -1.0}, "checkpoint=-1.0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_is_made(
    tiny: Path, tmp_path: Path, options: dict[str, int], message: str
) -> None:
    with pytest.raises(EvosimError, match=message):
        evosim.run(tiny, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
