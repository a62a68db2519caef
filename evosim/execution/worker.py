"""A worker process: carries out the orders on its standard input, one a line.

An order is a line of JSON: ["run", folder, replicate] to simulate a replicate; ["finish", folder,
replicate] to write the data and the summary of a run all of whose replicates are complete;
["call", "module:function", n], n bytes of arguments after it, to call a function of evosim
(:mod:`evosim.execution.process_pool`).
It answers in lines of JSON on standard output: {"ready": what it has done, or null},
{"generation": [number, score]}, {"bytes": n}, the n bytes of a result after it, {"error": text,
"unwritten": whether for want of a file that can be written}. The end of its input means stop.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

from evosim.errors import EvosimError
from evosim.registry import in_worker

_SECONDS_BETWEEN_REPORTS = 0.05


def main() -> None:
    """Serve the process that started this one (:mod:`evosim.execution.replicate_workers`)."""
    from evosim.engine.files import WriteError
    from evosim.engine.run_folder import RunFolder
    from evosim.execution.runner import finish, run_replicate

    in_worker()
    _, checkpoint = sys.argv
    outbox = _Outbox()
    try:
        outbox(ready=None)
        for line in iter(_read_line, ""):
            what, *order = json.loads(line)
            if what == "call":
                outbox.result(_called(*order))
                continue
            path, replicate = order
            folder = RunFolder(Path(path))
            if what == "finish":
                finish(folder)
            elif not run_replicate(
                folder,
                replicate,
                stop=_asked,
                report=outbox.generation,
                checkpoint=float(checkpoint),
            ):
                return
            outbox.flush()
            outbox(ready=what)
    except BrokenPipeError:
        return  # nobody listens any more; what was simulated is written
    except EvosimError as error:
        outbox(error=str(error), unwritten=isinstance(error, WriteError))
    except Exception:
        outbox(error=f"a worker process failed:\n{traceback.format_exc()}", unwritten=False)


def _called(name: str, size: int) -> bytes:
    """What a function of a module returns for arguments that are yet to be read."""
    from evosim.execution.process_pool import packed, unpacked_call

    module, _, function = name.partition(":")
    arguments = unpacked_call(_read(size))
    return packed(getattr(import_module(module), function)(*arguments))


class _Outbox:
    """Lines of JSON to the parent, on what was standard output.

    Whatever else is printed goes to standard error.
    """

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._waiting: list[tuple[int, float]] = []
        self._sent = 0.0

    def __call__(self, **message: object) -> None:
        self._file.write(json.dumps(message) + "\n")
        self._file.flush()

    def result(self, data: bytes) -> None:
        """Bytes, after a line that says how many."""
        self(bytes=len(data))
        self._file.buffer.write(data)
        self._file.flush()

    def generation(self, number: int, score: float) -> None:
        self._waiting.append((number, score))
        if time.monotonic() - self._sent >= _SECONDS_BETWEEN_REPORTS:
            self.flush()

    def flush(self) -> None:
        for generation in self._waiting:
            self(generation=generation)
        self._waiting.clear()
        self._sent = time.monotonic()


def _asked() -> bool:
    """Whether to stop. Nothing is sent to a worker at work: what can be read is the end."""
    return bool(select.select([0], [], [], 0)[0])


def _read(size: int) -> bytes:
    """So many bytes of standard input; fewer where it ends."""
    parts = []
    while size and (part := os.read(0, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read_line() -> str:
    """A line of standard input, unbuffered so that select sees what is left."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()
