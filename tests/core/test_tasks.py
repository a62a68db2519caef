"""Tasks: one pool, and a task that fails stops the others."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from evosim import core
from evosim.core._tasks import run_tasks
from evosim.errors import EvosimError


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²", "٣", " 4", "1025", "9" * 5000])
def test_a_bad_number_of_threads_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", value)
    with pytest.raises(EvosimError, match=f"EVOSIM_THREADS='{value}'"):
        core.threads()


def live_threads() -> int:
    return sum(thread.name.startswith("evosim") for thread in threading.enumerate())


def test_no_number_of_tasks_adds_threads_to_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    for n_threads in (4, 7, 3):
        monkeypatch.setenv("EVOSIM_THREADS", str(n_threads))
        for n_tasks in (20, *range(1, 20)):
            run_tasks([lambda: time.sleep(0.0005)] * n_tasks)
        assert live_threads() <= n_threads


def test_tasks_run_on_as_many_threads_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "3")
    met = threading.Barrier(3, timeout=20)
    run_tasks([lambda: met.wait() and None] * 3)


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_a_task_that_fails_stops_the_others_within_one_task(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", str(n_threads))
    began: list[int] = []
    failed = threading.Event()

    def task(i: int) -> None:
        began.append(i)
        if i == 3:
            failed.set()
            raise ZeroDivisionError("the third")
        if failed.wait(0.01):  # running while the third fails; fails a little later
            time.sleep(0.05)
            raise KeyError(i)

    with pytest.raises(ZeroDivisionError, match="the third"):
        run_tasks([lambda i=i: task(i) for i in range(200)])
    assert len(began) <= 4 + n_threads


def test_ctrl_c_stops_the_tasks_within_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOSIM_THREADS", "2")
    began: list[int] = []

    def task(i: int) -> None:
        began.append(i)
        if i == 5:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.02)

    with pytest.raises(KeyboardInterrupt):
        run_tasks([lambda i=i: task(i) for i in range(200)])
    n = len(began)
    assert n < 20
    time.sleep(0.1)
    assert len(began) == n, "tasks went on after the interrupt"
