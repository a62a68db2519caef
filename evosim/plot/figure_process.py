"""A process that draws a part of a run's figures, beside the one that ran it.

It is started while the run still goes on, and imports matplotlib in that time. Once the data and
the summary are written, it draws from the front of the list of figures, and the run's own process
from the end. It draws evosim's own figures only: a script's or a plugin's are known where the run
was begun. Whatever it cannot draw is left to the other process, which tells the reason.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from evosim import core, mechanisms
from evosim.engine.files import exists
from evosim.errors import EvosimError
from evosim.execution.executor import Died
from evosim.execution.processes import Processes
from evosim.plot.drawing import FIGURES, FORMATS, write_kinds

if TYPE_CHECKING:
    import xarray as xr

    from evosim.plot.run_view import RunView


class FigureProcess:
    """The process, as its parent sees it; it ends with the block.

    Args:
        locks: descriptors of locks of the run's folder, which it holds too until it ends.
    """

    def __init__(self, locks: Sequence[int]) -> None:
        self._locks = locks
        self._threads: list[threading.Thread] = []
        self._stop: Callable[[], None] | None = None  # while there is one
        self._drawn: tuple[str, Sequence[str] | None] = ("", None)  # the folder, and what is asked
        self._ready = threading.Event()  # for drawing, or for the end
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.wait()

    def start(self) -> None:
        """Start it, unless it is or there is no core for it: there will soon be figures to draw."""
        if self._stop is None and core.threads() > 1:
            self._ready = threading.Event()
            stopped = threading.Event()
            self._threads.append(
                threading.Thread(target=self._work, args=(self._ready, stopped), daemon=True)
            )
            self._stop = stopped.set
            self._threads[-1].start()

    def stop(self) -> None:
        """Have it end soon; it may be started again."""
        if self._stop is not None:
            self._stop()
            self._stop = None
            self._ready.set()

    def draw(self, folder: Path, names: Sequence[str] | None = None) -> None:
        """Let it draw the figures that a complete run lacks, until they are all taken.

        Args:
            names: which are asked for; all that can be drawn if None.
        """
        self.start()
        self._drawn = (str(folder.absolute()), names)
        self._ready.set()

    def take(self, name: str) -> bool:
        """Whether nobody has taken that figure before; the caller then is to draw it."""
        with self._lock:
            taken = name in self._taken
            self._taken.add(name)
            return not taken

    def wait(self) -> None:
        """Until it has drawn what it has taken."""
        for thread in self._threads:
            thread.join()

    def _work(self, ready: threading.Event, stopped: threading.Event) -> None:
        # What it cannot draw is missing, which this process notices.
        with suppress(EvosimError), Processes(1, self._locks, note=lambda text: None) as workers:

            def call(function: Callable[..., Any], *item: Any) -> Any:
                results = workers.map(function, [item], stop=stopped.is_set)
                return next((one for _, one in results if not isinstance(one, Died)), None)

            call(load)
            ready.wait()
            folder, names = self._drawn
            for name in () if stopped.is_set() else call(missing, folder, names) or ():
                if not stopped.is_set() and self.take(name):
                    call(draw, folder, name)


# In the process


def load(*, tell: object) -> None:
    """Import what drawing takes."""
    import h5netcdf  # noqa: F401
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg  # noqa: F401

    import evosim.scenario  # noqa: F401
    from evosim.plot import run_view, style  # noqa: F401

    FIGURES.names(mechanisms.paths("figures"), plugins=False)


def missing(folder: str, names: Sequence[str] | None, *, tell: object) -> list[str]:
    """Evosim's own figures that a complete run has the data for and that are not all there.

    Args:
        names: of those that are asked for; all if None.
    """
    view = _view(folder)
    unused = mechanisms.paths("figures", mechanisms.unused(view.scenario))
    return [
        name
        for name in FIGURES.names(unused, plugins=False)
        if (names is None or name in names)
        and FIGURES[name].unsupported(view) is None
        and not all(exists(Path(folder) / "figures" / f"{name}.{suffix}") for suffix in FORMATS)
    ]


def draw(folder: str, name: str, *, tell: object) -> None:
    """Draw a figure of a complete run. One that cannot be drawn is missing then."""
    from evosim.plot.run_view import neutral_bands

    view = _view(folder)
    if name == "genes":
        view = replace(view, neutral=neutral_bands(view.data, view.scenario))
    with suppress(EvosimError):
        write_kinds(
            [FIGURES[name]], view.scenario.title, lambda kind: kind.figure(view),
            Path(folder) / "figures", FORMATS, failed=None,
        )  # fmt: skip


_open = ExitStack()


@cache
def _view(folder: str) -> RunView:
    """What the figures of a complete run are drawn from; its file stays open."""
    from evosim import scenario
    from evosim.engine.checksums import read_json
    from evosim.engine.run_arrays import opened
    from evosim.plot.run_view import RunView

    path = Path(folder)
    return RunView(
        data=cast("xr.Dataset", _open.enter_context(opened(path / "run.nc"))),
        scenario=scenario.load(path / "scenario.toml"),
        summary=read_json(path / "summary.json"),
    )
