"""A run that is killed, stopped or out of disk resumes to the end it would have had."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import evosim
from evosim.engine import dataset, provenance
from evosim.engine.run_folder import RunFolder
from evosim.errors import EvosimError, RunError
from evosim.execution import runner
from evosim.testing import tiny

Command = Callable[..., subprocess.CompletedProcess[str]]

RUN = ["run", "tiny.toml", "--seed", "1", "--out", "run", "--checkpoint", "0", "--no-figures"]

KILLED_AT = """
import os, signal, sys
os.environ["EVOSIM_THREADS"] = "1"  # figures are drawn here, where the calls are counted
import evosim.api.running  # whose imports may write to the cache of compiled code
moment, seen = int(sys.argv.pop(1)), 0

def counted(function):
    def call(*args, **kwargs):
        global seen
        seen += os.path.exists("run/run.json")
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

for name in ("replace", "fsync", "unlink", "mkdir", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
from evosim.cli import main
try:
    main()
finally:
    print("moments", seen)
"""
"""Runs evosim, and kills it at its n-th call that changes the file system, once there is a run."""


def assert_same(one: Path, other: Path) -> None:
    """The runs are equal to the bit: data, attributes, summary."""
    with evosim.open_run(one).data as a, evosim.open_run(other).data as b:
        xr.testing.assert_identical(a, b)
        assert a.attrs == b.attrs
        for name in a.variables:
            assert a[name].dtype == b[name].dtype
            assert a[name].attrs == b[name].attrs
            assert a[name].values.tobytes() == b[name].values.tobytes()
    assert (one / "summary.json").read_text() == (other / "summary.json").read_text()


def assert_resumes_to(whole: Path, killed: Path) -> None:
    """Resuming ends like the run that was never interrupted, says so, and leaves nothing over."""
    done = evosim.resume(killed)
    assert_same(killed, whole)
    assert [once["versions"] for once in done.manifest["resumed"]] == [done.manifest["versions"]]
    assert {p.name for p in killed.iterdir()} == {p.name for p in whole.iterdir()}


# Three moments to a segment: at 5 one is not in place yet. At 20 run.nc is not, at 23 segments are
# being removed, and at 31 the summary is written.
@pytest.mark.parametrize("moment", [5, 20, pytest.param(23, marks=pytest.mark.slow), 31])
def test_a_run_killed_at_a_moment_ends_like_one_that_was_not(
    command: Command, tmp_path: Path, whole: Path, moment: int
) -> None:
    killed = command(moment, *RUN, code=KILLED_AT)
    assert killed.returncode == -signal.SIGKILL
    assert_resumes_to(whole, tmp_path / "run")


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_like_one_that_was_not(
    command: Command, tmp_path: Path
) -> None:
    with_figures = [word for word in RUN if word != "--no-figures"]
    counted = command(10**6, *with_figures, code=KILLED_AT)
    moments = int(counted.stdout.split()[-1])
    reference = (tmp_path / "run").rename(tmp_path / "reference")
    figures = {p.name: p.read_bytes() for p in reference.glob("figures/*")}
    assert moments > 30
    assert len(figures) > 6
    for moment in range(2, moments + 1, 5):
        killed = command(moment, *with_figures, code=KILLED_AT)
        assert killed.returncode == -signal.SIGKILL
        done = evosim.resume(tmp_path / "run")
        assert_same(done.path, reference)
        assert {p.name: p.read_bytes() for p in done.path.glob("figures/*")} == figures
        shutil.rmtree(tmp_path / "run")


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    command: Command, tmp_path: Path, whole: Path
) -> None:
    assert command(8, *RUN, code=KILLED_AT).returncode == -signal.SIGKILL
    for moment in (5, 6, 7, 8):
        resumed = command(moment, "resume", "run", "--checkpoint", 0, code=KILLED_AT)
        assert resumed.returncode == -signal.SIGKILL
    done = evosim.resume(tmp_path / "run")
    assert_same(done.path, whole)
    assert len(done.manifest["resumed"]) == 5


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_asked_to_stop_keeps_its_data_and_says_how_to_go_on(
    command: Command, tmp_path: Path, whole: Path, number: signal.Signals
) -> None:
    code = f"""
import os, signal
from evosim.engine import loop
probed = loop.generations
def generations(*args, **kwargs):
    for record in probed(*args, **kwargs):
        if record.generation == 2:
            os.kill(os.getpid(), {int(number)})
        yield record
from evosim.execution import runner
runner.generations = generations
from evosim.cli import main
main()
"""
    words = [word if word != "0" else "100" for word in RUN]
    words[words.index("--out") + 1] = "Run-1"
    stopped = command(*words, code=code)
    assert stopped.returncode == 130, stopped.stderr
    assert "stopped: 3 of 6 generations are done and kept" in stopped.stderr
    assert "Continue with: evosim resume Run-1" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    half = evosim.open_run(tmp_path / "Run-1")
    assert not half.complete
    assert half.data.sizes["generation"] == 3
    with pytest.raises(RunError, match=r"not complete; continue with: evosim\.resume"):
        _ = half.summary
    evosim.resume(tmp_path / "Run-1")
    # The command that is recorded differs in the time between checkpoints, the numbers do not.
    with half.resume().data as a, evosim.open_run(whole).data as b:
        xr.testing.assert_equal(a, b)


def test_resuming_a_complete_run_changes_nothing(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    before = {p.name: p.read_bytes() for p in whole.iterdir()}
    evosim.resume(tmp_path / "run")
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


def test_a_full_disk_is_told_with_the_path_and_loses_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal seen
        seen += 1
        if seen > 11:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"cannot write .*\.npz: No space left") as told:
        evosim.run(tiny, seed=1, out=tmp_path / "run", checkpoint=0, figures=False)
    assert f'evosim.resume("{tmp_path / "run"}")' in str(told.value)
    monkeypatch.undo()
    kept = RunFolder(tmp_path / "run").generations_done(0)
    assert 0 < kept < 6
    assert f"{kept} of 6 generations are done and kept" in str(told.value)
    assert evosim.resume(tmp_path / "run").complete


@pytest.mark.parametrize("size", [pytest.param(2_000, marks=pytest.mark.slow), 20_000])
def test_a_limit_on_file_size_in_the_middle_of_any_file_is_told_and_loses_nothing(
    command: Command, tmp_path: Path, whole: Path, size: int
) -> None:
    # 2 kB is too little for a segment, 20 kB for run.nc, in which HDF5 would end the process.
    limited = f"""
import resource
from evosim.execution import runner
warm_up = runner.warm_up
def warm_up_and_limit(*args):
    warm_up(*args)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
runner.warm_up = warm_up_and_limit
from evosim.cli import main
main()
"""
    full = command(*RUN, code=limited)
    assert full.returncode == 2, full.stderr
    assert "cannot write run/" in full.stderr
    assert "evosim resume run" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (tmp_path / "run" / "run.nc").exists()
    assert_resumes_to(whole, tmp_path / "run")


def test_a_folder_at_work_is_left_alone(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evosim.api.running.WAIT", 0.2)
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    with RunFolder(tmp_path / "run").lock():
        began = time.monotonic()
        with pytest.raises(RunError, match="another process is at work"):
            evosim.resume(tmp_path / "run")
        assert time.monotonic() - began < 10


def test_a_damaged_run_nc_is_told(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "run.nc").write_bytes(b"not a file of data")
    with pytest.raises(RunError, match=r"run\.nc cannot be read.*or delete it: evosim\.resume"):
        _ = evosim.open_run(tmp_path / "run").data
    with pytest.raises(RunError, match=r"run\.nc cannot be read.*or delete it: evosim\.resume"):
        evosim.resume(tmp_path / "run")
    (tmp_path / "run" / "run.nc").unlink()
    evosim.resume(tmp_path / "run")
    assert (tmp_path / "run" / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()
    with evosim.open_run(tmp_path / "run").data as a, evosim.open_run(whole).data as b:
        xr.testing.assert_identical(a, b)


def test_a_damaged_run_nc_of_a_fork_is_made_again_where_its_parent_is_there(
    whole: Path, tmp_path: Path
) -> None:
    parent = Path(shutil.copytree(whole, tmp_path / "parent"))
    path = evosim.fork(parent, 4, out=tmp_path / "fork", figures=False).path
    shutil.copytree(path, tmp_path / "sound")
    data = (path / "run.nc").read_bytes()
    (path / "run.nc").write_bytes(data[: len(data) // 2])
    with pytest.raises(RunError, match=r"run\.nc cannot be read.*or delete it: evosim\.resume"):
        evosim.resume(path)
    parent.rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"Restore it from a copy; .*forked again at generation 4"):
        evosim.resume(path)
    (path / "summary.json").unlink()
    with pytest.raises(RunError, match=r"Restore it from a copy; .*forked again at generation 4"):
        evosim.resume(path)
    (tmp_path / "elsewhere").rename(parent)
    (path / "run.nc").unlink()
    evosim.resume(path)
    assert_same(path, tmp_path / "sound")


def test_chunks_outlive_a_damaged_run_nc(whole: Path, tmp_path: Path) -> None:
    stopped_after(whole, 4, tmp_path / "run")
    (tmp_path / "run" / "run.nc").write_bytes(b"not a file of data")
    with pytest.raises(RunError, match="Its chunks are there: delete it"):
        evosim.resume(tmp_path / "run")
    assert RunFolder(tmp_path / "run").generations_done(0) == 5


def stopped_after(whole: Path, generation: int, out: Path) -> evosim.Run:
    """The same run, stopped after a generation."""
    return evosim.run(
        whole.parent / "tiny.toml", seed=1, out=out, figures=False, workers=1, progress=False,
        on_generation=lambda replicate, at, score: at == generation,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_the_data_of_a_run_that_a_kill_would_cost_little_are_written_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    written: list[Path] = []
    replace = os.replace

    def noted(source: Path, target: Path) -> None:
        written.append(Path(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    run = evosim.run(
        tiny, seed=1, replicates=2, out=tmp_path / "run", figures=False, workers=workers,
        checkpoint=600.0,
    )  # fmt: skip
    assert [path.name for path in written if path.suffix in (".npz", ".nc")] == ["run.nc"]
    assert run.data.sizes["replicate"] == 2


def test_what_is_complete_waits_in_memory_no_longer_than_a_kill_may_cost(
    tiny: Path, tmp_path: Path
) -> None:
    seen: list[list[str]] = []

    def look(replicate: int, generation: int, score: float) -> None:
        files = sorted((tmp_path / "run" / "replicates" / "000").glob("*.npz"))
        if replicate == 1:
            time.sleep(0.3)
            seen.append([path.name for path in files])

    evosim.run(
        tiny, seed=1, replicates=2, out=tmp_path / "run", figures=False, workers=1, progress=False,
        checkpoint=1.0, on_generation=look,
    )  # fmt: skip
    assert seen[0] == []
    assert seen[-1] == ["000000-000005.npz"]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_held_in_memory_is_written_where_the_run_is_stopped(
    tiny: Path, tmp_path: Path, workers: int
) -> None:
    stopped = evosim.run(
        tiny, seed=1, replicates=4, out=tmp_path / "run", figures=False, workers=workers,
        progress=False, on_generation=lambda replicate, generation, score: replicate == 2,
    )  # fmt: skip
    done = [stopped._folder.generations_done(replicate) for replicate in range(4)]
    # How far two workers come before they hear of the stop is a matter of time.
    assert done == [6, 6, 1, 0] if workers == 1 else any(done)
    assert sum(done) < 24
    whole = evosim.run(tiny, seed=1, replicates=4, out=tmp_path / "whole", figures=False)
    xr.testing.assert_equal(evosim.resume(stopped.path).data, whole.data)


def test_resuming_a_complete_run_needs_no_right_to_write(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(RunFolder, "lock", forbidden)
    monkeypatch.setattr(RunFolder, "sweep", forbidden)
    assert evosim.resume(whole).complete


def test_two_interrupts_at_once_still_tell_how_to_go_on(command: Command) -> None:
    code = """
import os, signal
from evosim.execution import runner
def interrupted(*args):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
runner.warm_up = interrupted
from evosim.cli import main
main()
"""
    stopped = command(*RUN, code=code)
    assert stopped.returncode == 130, stopped.stderr
    assert "evosim resume run" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_a_refused_score_is_told_with_its_replicate(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise RunError("generation 0: individual 3 has a score of -1")
        yield

    monkeypatch.setattr(runner, "generations", failing)
    with pytest.raises(RunError, match="replicate 0, generation 0: individual 3"):
        evosim.run(tiny, seed=1, out=tmp_path / "run", figures=False, replicates=2, workers=1)


def test_the_data_are_described_and_typed_as_promised(whole: Path) -> None:
    from evosim.engine.variables import COORDINATES, variables

    run = evosim.open_run(whole)
    data = run.data
    expected = variables(run.scenario)
    assert set(data.data_vars) == set(expected)
    for name, variable in expected.items():
        assert data[name].dims == ("replicate", *variable.dims)
        assert data[name].dtype == variable.dtype
        assert data[name].attrs == {"units": variable.units, "long_name": variable.long_name}
        assert data[name].encoding["zlib"]
    assert set(data.coords) == set(COORDINATES) - {"deme"}
    for name in data.coords:
        assert set(data[name].attrs) == {"units", "long_name"}
    assert list(data["environment_title"].values) == ["fruit feeds", "fruit feeds no longer"]
    assert data.attrs["seed"] == "1"
    provenance = json.loads(data.attrs["provenance"])
    assert provenance["command"].startswith("evosim run tiny.toml --seed 1")
    assert {"python", "numpy", "numba", "evosim"} <= set(provenance["versions"])
    assert provenance["created"] == "1970-01-01T00:00:00+00:00"
    assert run.scenario == evosim.load(whole / "scenario.toml")
    assert data.attrs["scenario"] == run.scenario.to_toml()


def test_a_summary_has_no_number_that_json_does_not_know(whole: Path) -> None:
    def refuse(token: str) -> Any:
        raise AssertionError(token)

    text = (whole / "summary.json").read_text()
    summary = json.loads(text, parse_constant=refuse)
    assert summary["scenario"] == "tiny"
    assert summary["seed"] == 1
    assert [flip["generation"] for flip in summary["flips"]] == [3]
    assert runner.finite({"a": [float("nan"), 1.0, (float("inf"), None)]}) == {
        "a": [None, 1.0, [None, None]]
    }


def test_an_unfinished_replicate_is_never_assembled(tiny: Path, tmp_path: Path) -> None:
    from evosim import scenario

    manifest = {
        "seed": 1, "probe_seed": 1, "replicates": 1, "versions": {}, "figures": False,
        "seeds": [{"from": 0, "seed": 1}],
    }  # fmt: skip
    with RunFolder.create(tmp_path / "run", scenario.load(tiny), manifest):
        pass
    with pytest.raises(RunError, match="replicate 0 has 0 of 6 generations"):
        dataset.assemble(RunFolder(tmp_path / "run"))
    with pytest.raises(RunError, match="no generation is done yet"):
        _ = evosim.open_run(tmp_path / "run").data


def test_a_scenario_in_which_nothing_evolves_can_be_run(tiny: Path, tmp_path: Path) -> None:
    pinned = ["agent.depth=2", "agent.drives={sweet=1.0, sour=-0.5}"]
    done = evosim.run(tiny, settings=pinned, out=tmp_path / "run", figures=False)
    assert done.data["genome"].shape == (1, 6, 20, 0)
    assert done.data["score"].values.mean() > 1


def test_the_seed_is_drawn_and_recorded_where_none_is_given(tiny: Path, tmp_path: Path) -> None:
    one = evosim.run(tiny, out=tmp_path / "one", figures=False)
    assert one.seed > 0
    assert one.data.attrs["seed"] == str(one.seed)
    again = evosim.run(tiny, seed=one.seed, out=tmp_path / "again", figures=False)
    xr.testing.assert_equal(again.data, one.data)


def test_going_on_with_other_versions_is_told_even_where_nothing_else_is(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = stopped_after(whole, 2, tmp_path / "run")
    there = provenance.versions()
    monkeypatch.setattr(provenance, "versions", lambda: there | {"numpy": "99.0"})
    evosim.resume(stopped.path, progress=False, workers=1)
    warning = f"warning: versions differ from those the run began with: numpy {there['numpy']} -> "
    assert warning in capsys.readouterr().err
    evosim.resume(stopped.path, progress=False)
    assert capsys.readouterr().err == ""
    evosim.fork(stopped.path, 4, out=tmp_path / "fork", figures=False, progress=False, workers=1)
    assert "versions differ from those the run to fork began with" in capsys.readouterr().err


def test_a_run_of_an_older_version_says_so_and_its_courses_are_written(tmp_path: Path) -> None:
    run = evosim.run(tiny(), seed=1, out=tmp_path / "old", workers=1, figures=False, progress=False)
    whole = evosim.export_courses(run, tmp_path / "whole.csv").read_text().splitlines()
    path = run.path / "run.nc"
    lacking = ["nothing_payoff", "nothing_reward", "optimal_reward"]
    with xr.open_dataset(path, engine="h5netcdf") as data:
        older = data.load().drop_vars(lacking)
    folder = run.path
    del run
    path.unlink()
    older.to_netcdf(path, engine="h5netcdf")
    old = evosim.open_run(folder)
    written = evosim.export_courses(old, tmp_path / "old.csv").read_text().splitlines()
    assert 100 < len(written) < len(whole)
    assert set(written) < set(whole)
    says = r"the data hold no \w+: an older version made this run"
    with pytest.raises(EvosimError, match=says):
        evosim.export_courses(old, tmp_path / "no.csv", measures=["nothing_payoff"])
    (folder / "summary.json").unlink()
    with pytest.raises(EvosimError, match=says):
        evosim.resume(folder, progress=False)
