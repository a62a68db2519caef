"""What threads and forks of one process share, and what errors are in another one."""

from __future__ import annotations

import os
import pickle
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import evosim
from evosim import errors, process
from evosim.core._tasks import run_tasks
from evosim.engine import files, lock
from evosim.engine.files import write_text
from evosim.errors import Argument, Command, EvosimError, Problem, RunError, ScenarioError
from evosim.evolution.breed import _LOCK
from evosim.metrics.flips import NotRecordedError
from evosim.registry import _plugins
from evosim.stats import intervals
from evosim.testing import tiny

ERRORS: list[BaseException] = [
    EvosimError(Argument("replicates", 0), ": a number is needed"),
    RunError("a: not complete; ", Command("resume", Path("a"))),
    errors.WorkError("nobody"),
    files.WriteError("cannot write a"),
    lock.HeldError("somebody"),
    NotRecordedError("the data hold no a"),
    ScenarioError([Problem(file="a.toml", line=n, key="k", message="bad") for n in (1, 2)]),
    evosim.Interrupted(Path("a"), "stopped. ", Command("resume", "a")),
    evosim.Interrupted(Path("a")),
]


def group(root: Path, **of_files: str) -> Path:
    """Files below a folder that stands for the root of the file system."""
    for name, text in of_files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw\n"
V1 = "31 30 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"


@pytest.mark.parametrize(
    ("own", "above", "quota"),
    [("150000 100000", "max 100000", 1.5), ("max 100000", "50000 100000", 0.5),
     ("400000 100000", "300000 100000", 3.0), ("max 100000", "max 100000", None),
     ("", "nonsense", None)],
)  # fmt: skip
def test_the_least_time_that_a_group_or_one_above_it_allows_counts(
    own: str, above: str, quota: float | None, tmp_path: Path
) -> None:
    group(
        tmp_path, proc__self__mountinfo=V2, proc__self__cgroup="0::/pods/mine\n",
        **{"sys__fs__cgroup__pods__mine__cpu.max": own, "sys__fs__cgroup__pods__cpu.max": above},
    )  # fmt: skip
    assert process.quota_of_cgroups(tmp_path) == quota


@pytest.mark.parametrize(
    ("top", "place", "at"),
    [("/", "/mine", "mine/"), ("/docker/1", "/docker/1", ""), ("/", "/elsewhere/1", ""),
     ("/docker/1", "/", "")],
)  # fmt: skip
@pytest.mark.parametrize(("quota", "cores"), [("250000", 2.5), ("-1", None)])
def test_cgroups_of_version_1_are_read_as_well(
    top: str, place: str, at: str, quota: str, cores: float | None, tmp_path: Path
) -> None:
    folder = f"sys/fs/cgroup/cpu,cpuacct/{at}"
    group(
        tmp_path, proc__self__mountinfo=V1.format(top=top),
        proc__self__cgroup=f"5:memory:/\n4:cpu,cpuacct:{place}\n",
        **{f"{folder}cpu.cfs_quota_us": quota, f"{folder}cpu.cfs_period_us": "100000"},
    )  # fmt: skip
    assert process.quota_of_cgroups(tmp_path) == cores


def test_without_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert process.quota_of_cgroups(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (2.0, 2), (1.2, 2), (0.1, 1), (64.0, 8)])
def test_a_process_has_the_cores_that_it_is_given_time_for(
    quota: float | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "quota_of_cgroups", lambda: quota)
    monkeypatch.setattr(process.os, "process_cpu_count", lambda: 8, raising=False)
    assert process.cores() == cores


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_in_another_process(error: BaseException) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.args == error.args
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_every_kind_of_error_is_among_them() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    kinds = {kind for kind in below(EvosimError) if kind.__module__.startswith("evosim.")}
    assert kinds | {evosim.Interrupted} == {type(error) for error in ERRORS}


@pytest.mark.parametrize(
    "name", [name for name in evosim.__all__ if name not in ("__version__", "gym", "learners")]
)
def test_public_names_are_found_from_another_process(name: str) -> None:
    public = getattr(evosim, name)
    assert pickle.loads(pickle.dumps(public)) is public


def in_fork(work: Callable[[], object]) -> int:
    """The exit status of a forked child that does some work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: there are threads
        child = os.fork()
    if child == 0:
        threading.Timer(30, os._exit, [9]).start()
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    run_tasks([lambda: None] * 4)

    def meet() -> None:
        met = threading.Barrier(2, timeout=20)
        run_tasks([lambda: met.wait() and None] * 2)

    assert in_fork(meet) == 0


@pytest.mark.parametrize(
    "held", [process._filters, _LOCK, _plugins.lock], ids=["filters", "breeding", "plugins"]
)
def test_no_lock_of_a_thread_is_held_in_a_forked_child(held: Any) -> None:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with held:
            taken.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()

    def take() -> None:
        assert held.acquire(timeout=10)

    try:
        assert in_fork(take) == 0
    finally:
        done.set()
        thread.join()


def test_a_pool_of_processes_gives_back_what_a_function_raises(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        asked = pool.submit(evosim.check, "strawberry", {"world.rows": 0, "agent.depth": -1})
        with pytest.raises(ScenarioError) as raised:
            asked.result(timeout=60)
        assert [one.key for one in raised.value.problems] == ["agent.depth", "world.rows"]
        path = str(tmp_path / "gone")
        with pytest.raises(RunError, match="no such run folder"):
            pool.submit(evosim.open_run, path).result(timeout=60)


def test_temporary_names_meet_neither_in_threads_nor_in_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)  # as it is in every container
    names = {files.beside(tmp_path / "a", "tmp") for _ in range(100)}
    assert len(names) == 100
    texts = [str(n) * 100_000 for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            list(pool.map(lambda text: write_text(tmp_path / "a", text), texts))
    assert (tmp_path / "a").read_text() in texts
    assert os.listdir(tmp_path) == ["a"]


def test_of_threads_with_one_folder_one_runs_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    scenario = tiny()

    def run(n: int) -> str:
        try:
            evosim.run(scenario, seed=1, out=tmp_path / "run", figures=False, workers=1)
        except RunError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(run, range(4)))
    assert said[0] == ""
    assert all("holds a run already" in text for text in said[1:]), said
    assert evosim.open_run(tmp_path / "run").complete
    assert os.listdir(tmp_path) == ["run"]


def test_threads_that_run_and_draw_leave_the_settings_of_the_user_alone(tmp_path: Path) -> None:
    scenario = tiny(["measure.levels=1"])
    mpl.rcParams["font.size"] = 13.0
    settings, filters = dict(mpl.rcParams), list(warnings.filters)

    def run(n: int) -> evosim.Run:
        return evosim.run(scenario, seed=1, out=tmp_path / str(n), workers=1)

    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(run, range(2))
        assert dict(mpl.rcParams) == settings
        assert warnings.filters == filters
    finally:
        mpl.rcParams["font.size"] = mpl.rcParamsDefault["font.size"]
    names = sorted(path.name for path in first.figures)
    assert names
    for name in names:
        drawn = [(run.path / "figures" / name).read_bytes() for run in (first, second)]
        assert drawn[0] == drawn[1], name


def test_filters_of_warnings_are_put_back_by_threads_side_by_side() -> None:
    import_module("scipy.stats")  # which adds filters of its own
    filters = list(warnings.filters)
    sample = np.array([1.0, 2.0, 4.0])
    bootstrap = intervals.Bootstrap(key=1, resamples=50, confidence=0.9)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: intervals.mean(sample, bootstrap).interval, range(40)))
    assert len(set(found)) == 1
    assert warnings.filters == filters


def test_a_run_is_the_same_in_another_process(tmp_path: Path) -> None:
    run = evosim.run(tiny(), seed=1, out=tmp_path / "run", figures=False, workers=1)
    again = pickle.loads(pickle.dumps(run))
    assert again.path == run.path
    assert again.summary == run.summary
