"""Work that is spread: what comes back, what is told, and what becomes of those who die of it."""

from __future__ import annotations

import errno
import os
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tasks
from tasks import workers_of

from evosim.errors import RunError, WorkError
from evosim.execution.executor import Died, executor

HERE = Path(__file__).parent
with_processes = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds worker processes in /proc"
)


def spread(workers: int, function: Any, items: Any, **options: Any) -> list[tuple[Any, Any]]:
    with executor(workers=workers, note=lambda text: None) as by:
        return list(by.map(function, items, **options))


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_comes_back_with_its_result(workers: int) -> None:
    found = spread(workers, tasks.square, ((n,) for n in range(20)))
    assert sorted(found) == [((n,), n**2) for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_all_messages_come_in_their_order_before_the_result(workers: int) -> None:
    told: list[tuple[int, int]] = []
    with executor(workers=workers, note=print) as by:
        for item, _ in by.map(
            tasks.count, [(n, 30) for n in range(3)],
            report=lambda item, step: told.append((item[0], step)),
        ):  # fmt: skip
            assert [step for n, step in told if n == item[0]] == list(range(30))
    assert len(told) == 90


@pytest.mark.parametrize("workers", [1, 2])
def test_items_may_be_added_while_results_come(workers: int) -> None:
    items = deque([(1,), (2,)])
    found = []
    with executor(workers=workers, note=print) as by:
        for (number,), _ in by.map(tasks.square, items):
            found.append(number)
            if number < 3:
                items.append((number + 10,))
    assert sorted(found) == [1, 2, 11, 12]


def test_items_are_taken_only_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[tuple[int]]:
        for n in range(1000):
            taken.append(n)
            yield (n,)

    with executor(workers=2, note=print) as by:
        results = by.map(tasks.square, items())
        next(results)
        results.close()  # type: ignore[attr-defined]
    assert len(taken) < 10


def test_workers_are_kept_from_one_map_to_the_next() -> None:
    with executor(workers=2, note=print) as by:
        first, second = (
            {pid for _, pid in by.map(tasks.process, [(n,) for n in range(6)])} for _ in range(2)
        )
    assert first == second
    assert os.getpid() not in first
    assert len(first) == 2


@pytest.fixture
def few_files() -> Iterator[int]:
    """As many files as are open now, and 15 more, may be open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = len(os.listdir("/dev/fd")) + 15
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, limits[1]))
    yield few
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_there_are_no_more_workers_than_files_may_be_open(few_files: int) -> None:
    told: list[str] = []
    with executor(workers=12, note=told.append) as by:
        found = list(by.map(tasks.process, [(n,) for n in range(8)]))
    assert len(found) == 8
    assert len({pid for _, pid in found}) <= 4
    assert len(told) == 1
    assert re.fullmatch(
        rf"[1-4] workers? in place of 12: only {few_files} files can be open at a time here "
        r"\(ulimit -n\)",
        told[0],
    )


def test_a_worker_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("evosim.execution.processes.Pipe", refused)
    with pytest.raises(WorkError, match=r"cannot be started here: Too many open files.*workers=1"):
        spread(2, tasks.square, [(1,), (2,)])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_reaches_what_is_under_way_and_begins_no_more(workers: int, tmp_path: Path) -> None:
    def stop() -> bool:
        return len(list(tmp_path.glob("begun-*"))) == workers

    items = [(n, str(tmp_path)) for n in range(5)]
    assert spread(workers, tasks.waited, items, stop=stop) == []
    assert len(list(tmp_path.glob("begun-*"))) == workers
    assert len(list(tmp_path.glob("stopped-*"))) == workers


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_travels_with_its_parts(workers: int) -> None:
    with pytest.raises(RunError) as told:
        spread(workers, tasks.mistaken, [(n,) for n in (1, 2, 3)])
    assert str(told.value) == "no such number: number=3"
    assert [type(part).__name__ for part in told.value.parts] == ["str", "Argument"]


def test_a_defect_in_a_worker_is_told_with_its_place() -> None:
    with pytest.raises(RunError, match=r"(?s)a worker process failed:.*tasks\.py.*a defect"):
        spread(2, tasks.mistaken, [(1,), (4,)])


def test_an_error_ends_what_is_under_way_and_its_results_are_given(tmp_path: Path) -> None:
    items = [(n, str(tmp_path)) for n in range(2)]
    with executor(workers=3, note=print) as by:
        results = by.map(tasks.either, [*items, (tmp_path,)])
        assert [next(results)[1] for _ in range(2)] == ["stopped", "stopped"]
        with pytest.raises(WorkError, match="no use"):
            next(results)


@with_processes
def test_an_item_whose_worker_dies_is_done_by_another_one_when_it_is_alone(tmp_path: Path) -> None:
    found = spread(3, tasks.deadly_once, [(n, str(tmp_path)) for n in range(6)])
    assert sorted(result[0] for _, result in found) == list(range(6))
    assert found[-1][1] == (0, [])


@with_processes
def test_an_item_that_kills_its_workers_is_given_up_and_the_others_are_done() -> None:
    said: list[str] = []
    with executor(workers=2, note=said.append) as by:
        found = list(by.map(tasks.deadly, [(n, [2, 4]) for n in range(6)]))
    results = {item[0]: result for item, result in found}
    assert {n: results[n] for n in (0, 1, 3, 5)} == {0: 0, 1: 1, 3: 3, 5: 5}
    for n in (2, 4):
        assert isinstance(results[n], Died)
        assert str(results[n]).startswith("2 workers died of it (killed by SIGKILL, perhaps for")
    assert len(said) == 2


@with_processes
def test_workers_that_are_killed_at_random_moments_change_nothing() -> None:
    draw = random.Random(7)
    ended = threading.Event()
    killed = []
    others = set(workers_of(os.getpid()))  # processes of other tests, and of multiprocessing

    def kill() -> None:
        # Rarely enough that hardly any item meets it twice.
        while not ended.wait(draw.uniform(0.3, 0.6)) and len(killed) < 4:
            if workers := sorted(set(workers_of(os.getpid())) - others):
                killed.append(draw.choice(workers))
                with suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    items = [(n, 60) for n in range(24)]
    found = spread(2, tasks.count, items)
    ended.set()
    killer.join()
    assert sorted(item for item, _ in found) == items
    gone = [result for _, result in found if isinstance(result, Died)]
    assert len(gone) <= len(killed) // 2
    assert all(result == item[0] for item, result in found if not isinstance(result, Died))


@with_processes
def test_workers_stop_when_their_parent_is_killed_and_hold_its_lock_until_then(
    tmp_path: Path,
) -> None:
    code = """
import sys; sys.path.insert(0, sys.argv[1])
import tasks
from pathlib import Path
from evosim.engine.lock import hold
from evosim.execution.executor import executor
with hold(Path(sys.argv[2]), "run") as lock, executor(workers=2, locks=[lock], note=print) as by:
    list(by.map(tasks.waited, [(n, sys.argv[2]) for n in range(2)]))
"""
    parent = subprocess.Popen([sys.executable, "-c", code, str(HERE), str(tmp_path)])
    wait_until(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    workers = workers_of(parent.pid)
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    from evosim.engine.lock import hold

    with hold(tmp_path, "run", wait=30.0):
        assert len(list(tmp_path.glob("stopped-*"))) == 2
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def wait_until(condition: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)


def test_workers_that_cannot_start_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(WorkError, match=r"worker processes cannot be started here \(exit code 1"):
        spread(2, tasks.square, [(1,), (2,)])
