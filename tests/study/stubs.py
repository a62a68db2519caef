"""Tasks for workers in which something goes wrong; workers import them by name."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from evosim.study.executors import Answer, Task


class Deadly(Task):
    """Kills its worker where the first point is run."""

    def __call__(self, key: str, replicate: int) -> Answer:
        from evosim.study.folder import opened

        if (key, replicate) == next(opened(self.path, self.identity).runs()):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(key, replicate)


class Fragile(Task):
    """Kills one worker, once, while it is asked whether it is of use."""

    def obstacle(self) -> str:
        try:
            Path(self.path).with_name("died").touch(exist_ok=False)
        except FileExistsError:
            return super().obstacle()
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


class Cramped(Task):
    """Cannot write files of more than a few bytes, as on a full disk, once three are there."""

    def __call__(self, key: str, replicate: int) -> Answer:
        if len(list(Path(self.path).glob("runs/*/*.json"))) >= 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        return super().__call__(key, replicate)


class Elsewhere(Task):
    """Looks for the study under another path, as a machine that does not share the folder."""

    def __call__(self, key: str, replicate: int) -> Answer:
        object.__setattr__(self, "path", "/nowhere/at/all")
        return super().__call__(key, replicate)
