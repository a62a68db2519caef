"""Runs of a study in which something goes wrong; workers import them by name."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

from evosim.study.evaluation import complete_run
from evosim.study.folder import opened


def deadly(path: str, identity: str, key: str, replicate: int, **options: Any) -> Any:
    """Kills its worker where the first point is run."""
    if (key, replicate) == next(opened(path, identity).runs()):
        os.kill(os.getpid(), signal.SIGKILL)
    return complete_run(path, identity, key, replicate, **options)


def fragile(path: str, *run: Any, **options: Any) -> Any:
    """Kills one worker, once, before it does anything."""
    try:
        Path(path).with_name("died").touch(exist_ok=False)
    except FileExistsError:
        return complete_run(path, *run, **options)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def cramped(path: str, *run: Any, **options: Any) -> Any:
    """Cannot write files of more than a few bytes, as on a full disk, once three are there."""
    if len(list(Path(path).glob("runs/*/*.json"))) >= 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    return complete_run(path, *run, **options)
