"""Processes that run evosim: copies of one that has imported it, which begin at once."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import ClassVar

import evosim

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["preloaded"])
_MAIN = str(Path(evosim.__file__).with_name("__main__.py"))


class Process:
    """evosim, or some code, at work in a process of its own; it has what tests use of a Popen.

    Args:
        folder: its working folder.
        words: its command line.
        code: run instead of evosim's command line, like that of ``python -c``.
        env: variables of its environment beside those of this process.
    """

    alive: ClassVar[list[Process]] = []
    """Those that nobody has waited for."""

    def __init__(
        self,
        folder: Path,
        *words: object,
        code: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._printed = [tempfile.NamedTemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
        _serve()
        start = (_MAIN if code is None else "-c", *map(str, words))
        self._process = _PROCESSES.Process(
            target=_begin,
            args=(
                str(folder), start, code, {**os.environ, **(env or {})},
                [file.name for file in self._printed],
            ),
        )  # fmt: skip
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.alive.append(self)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait for its end; what it printed, and what it printed to standard error."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        self.alive.remove(self)
        out, err = (file.read() for file in self._printed)
        return out, err


def call(
    folder: Path, *words: object, code: str | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run evosim, or the code, with that working folder, to its end."""
    process = Process(folder, *words, code=code, env={"SOURCE_DATE_EPOCH": "0", **(env or {})})
    out, err = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def end_all() -> None:
    """Kill what a test has left at work, which the end of this process would wait for."""
    while Process.alive:
        process = Process.alive.pop()
        process.kill()
        process._process.join()


def _serve() -> None:
    """Start the process that the others are copies of, if it is not there; it has one thread."""
    before = dict(os.environ)
    places = [str(Path(__file__).parent), before.get("PYTHONPATH", "")]
    os.environ |= {"PYTHONPATH": os.pathsep.join(filter(None, places)), "EVOSIM_THREADS": "1"}
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _begin(
    folder: str,
    start: Sequence[str],
    code: str | None,
    env: Mapping[str, str],
    printed: Sequence[str],
) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in enumerate(printed, start=1):
        os.dup2(os.open(name, os.O_WRONLY), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [folder, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[:] = start
    try:
        if code is None:
            from evosim.cli import main

            main()
        else:
            exec(compile(code, "-c", "exec"), {"__name__": "__main__"})
    finally:
        atexit._run_exitfuncs()
