"""A process that draws beside the one that ran: the same figures, whoever draws them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import evosim
from evosim.execution import processes
from evosim.execution.processes import Processes
from evosim.plot import figure_process
from evosim.plot.figure_process import FigureProcess
from evosim.testing import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    """A run whose figures one process has drawn; to be read only."""
    path = tmp_path_factory.mktemp("alone") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVOSIM_THREADS", "1")
        return evosim.run(tiny(), seed=1, out=path, workers=1)


def contents(run: evosim.Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.figures}


def test_a_figure_is_taken_once() -> None:
    with FigureProcess([]) as process:
        assert process.take("mind")
        assert not process.take("mind")
        assert process.take("flip")


def test_two_processes_draw_the_same_figures(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    both = evosim.run(tiny(), seed=1, out=tmp_path / "run", workers=1)
    assert contents(both) == contents(run)


def test_the_process_draws_whatever_nobody_else_takes(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    bare = evosim.run(tiny(), seed=1, out=tmp_path / "run", workers=1, figures=False)
    with FigureProcess([]) as process:
        process.start()
        process.take("level")
        process.draw(bare.path)
        process.wait()
    of_run = contents(run)
    assert contents(bare) == {n: b for n, b in of_run.items() if not n.startswith("level")}


def test_the_process_draws_only_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    run = evosim.run(tiny(), seed=1, out=tmp_path / "run", workers=1, figures=["mind", "genes"])
    assert {path.stem for path in run.figures} == {"mind", "genes"}


def test_what_a_killed_process_leaves_is_drawn_all_the_same(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    monkeypatch.setattr(figure_process, "draw", die)
    warned: list[str] = []
    monkeypatch.setattr(
        "evosim.execution.progress.Progress.warn", lambda _, text: warned.append(text)
    )
    hurt = evosim.run(tiny(), seed=1, out=tmp_path / "run", workers=1)
    assert contents(hurt) == contents(run)
    assert not warned


def die(folder: str, name: str, *, tell: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_end_does_not_wait_for_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    started: list[processes._Process] = []
    begin: Callable[..., processes._Process] = Processes._begin

    def noted(self: Processes, *call: object) -> processes._Process:
        started.append(begin(self, *call))
        return started[-1]

    monkeypatch.setattr(Processes, "_begin", noted)
    with FigureProcess([]) as process:
        process.start()
        while not started:
            time.sleep(0.01)
    assert started[0]._process.poll() is not None


KILLED = """
import os, signal, sys, threading
import evosim
from evosim.plot.figure_process import FigureProcess
from evosim.testing import tiny

begin = FigureProcess.draw

def killed(process, *what):
    begin(process, *what)
    threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()

FigureProcess.draw = killed
evosim.run(tiny(), seed=1, out=sys.argv[1], workers=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0])
def test_a_run_killed_while_two_draw_is_resumed_to_the_same_figures(
    run: evosim.Run, tmp_path: Path, seconds: float
) -> None:
    path = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(seconds)],
        env=os.environ | {"EVOSIM_THREADS": "2"},
    )
    assert done.returncode in (-signal.SIGKILL, 0)
    assert contents(evosim.resume(path)) == contents(run)
    assert not list(path.glob("figures/.*"))
