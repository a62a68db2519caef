"""Conditions and their replicates on disk: what experiments and studies have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from evosim.api._arguments import accepting
from evosim.api._costs import of_conditions, out_of_memory, tell
from evosim.api.runs import figures_in, output_of, write_report
from evosim.engine import provenance
from evosim.engine.files import WriteError, exists, or_elsewhere
from evosim.engine.folders import GONE, check_there
from evosim.errors import Command, RunError, from_here
from evosim.execution.cost import refuse
from evosim.execution.progress import Progress
from evosim.execution.progress import progress as make_progress
from evosim.execution.stop import Interrupted, Stop
from evosim.plot import summaries as drawing
from evosim.plot.drawing import FORMATS
from evosim.process import place
from evosim.study import export, table
from evosim.study.folder import Folder

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from evosim.execution.cost import Cost
    from evosim.study.design import Condition

F = TypeVar("F", bound=Folder)


class Collection(ABC, Generic[F]):
    """An experiment or a study on disk.

    Attributes:
        path: its folder.

    Raises:
        RunError: none is there.
    """

    _opens: type[F]
    _runs: Callable[..., object]
    """What does its runs, see :mod:`evosim.study.driver`."""
    _results: Any
    """The module that summarizes it: ``read`` and ``write``."""
    _resume: ClassVar[str]
    """The command that goes on with it."""
    _wait: ClassVar[float]
    """Seconds for which who was stopped may still hold the folder."""

    def __init__(self, path: str | Path) -> None:
        self._folder = self._opens(place(path))
        self.path = self._folder.path

    @property
    def manifest(self) -> dict[str, Any]:
        """What experiment.json or study.json holds: seed, replicates, command, versions, machine;
        of a study the points."""
        return dict(self._folder.manifest)

    @property
    def points(self) -> tuple[Condition, ...]:
        """Its conditions, of an experiment the arms: their values by parameter, and what they set
        in the scenario."""
        return self._folder.points

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether every run is done, and of an experiment the claim evaluated."""

    @property
    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """What verdict.json or summary.json holds."""

    @property
    def summary_path(self) -> Path:
        """The file of the verdict or the summary, written once no run is left."""
        return self._folder.summary_path

    @property
    def _present(self) -> F:
        """The folder, where it is still there."""
        check_there(self.path)
        return self._folder

    @property
    def data(self) -> xr.Dataset:
        """The numbers of all runs: dimensions are the parameters (or ``point``, for a design that
        is no grid, and for arms) and ``replicate``; NaN for what was not run, or is undefined."""
        return table.dataset(self._present)

    @property
    def table(self) -> pd.DataFrame:
        """The numbers of the runs that are done, a row a run."""
        return table.frame(self._present)

    def export(self, path: str | Path) -> Path:
        """Write the numbers of the runs that are done to a file.

        Args:
            path: its suffix says how: ``.csv`` or ``.parquet``, a row a run; ``.nc``, ``data``.

        Raises:
            EvosimError: another suffix, no pyarrow for Parquet, a place that cannot be written.

        Example:
            >>> import evosim
            >>> evosim.open_study("runs/study-small-1").export("runs.csv").name
            'runs.csv'
        """
        for file in self._present.damaged():
            Progress().warn(f"{file} is damaged: its run is left out")
        return export.export(self._folder, place(path))

    @property
    def figures(self) -> list[Path]:
        """The figures drawn so far."""
        return figures_in(self._folder.figures_path)

    def figure(self, name: str | None = None) -> Figure:
        """One figure of the runs so far, in memory: nothing is written, and a notebook shows it.

        Args:
            name: of an experiment findings, course, tuned or maps; of a study phase, curve,
                interaction or raincloud; the first of them that there is if None.

        Raises:
            EvosimError: no figure of that name, one that this experiment or study does not have,
                or an experiment that is not complete.

        Example:
            >>> import evosim
            >>> evosim.open_experiment("runs/strawberry-1-arms").figure("maps")
            <Drawing size ... Axes>
            >>> evosim.open_study("runs/study-small-1").figure("curve")
            <Drawing size ... Axes>
        """
        return drawing.figure(self._folder.WHAT, name, self.summary, *self._drawn_from())

    @accepting
    def plot(
        self,
        *names: str,
        folder: str | Path | None = None,
        formats: Sequence[str] = FORMATS,
        width: float | None = None,
        style: str = "paper",
        data: str | Path | None = None,
    ) -> list[Path]:
        """Draw figures of the runs so far: those that :meth:`figure` names.

        Args:
            names: which; none for all that there are.
            folder: where; its own ``figures`` if None.
            formats: of svg, png, pdf.
            width: inches; all in a figure grows with it. None: 3.4 for one column, 7 for two.
            style: ``paper``, or ``slides``: larger, and without the note at the foot.
            data: write the numbers that are drawn to this CSV: figure, panel, series, x, y.

        Returns:
            The files.

        Raises:
            EvosimError: no figure of that name, one that this experiment or study does not have,
                or an experiment that is not complete.

        Example:
            >>> import evosim
            >>> done = evosim.open_experiment("runs/strawberry-1-arms")
            >>> [path.name for path in done.plot("findings", formats=["png"], folder="drawn")]
            ['findings.png']
            >>> study = evosim.open_study("runs/study-small-1")
            >>> [path.name for path in study.plot("curve", formats=["svg"], folder="drawn")]
            ['curve.svg']
        """
        where = self._folder.figures_path if folder is None else place(folder)
        output = output_of(width, style, data)
        with or_elsewhere("folder"):
            return self._draw(
                self.summary, names=names or None, folder=where, formats=formats, output=output
            )

    def report(self, out: str | Path | None = None) -> Path:
        """Write what was found as one HTML file: see :func:`evosim.report`.

        Example:
            >>> import evosim
            >>> evosim.open_study("runs/study-small-1").report("study.html").name
            'study.html'
        """
        return write_report(self, out)

    def resume(self, **options: Any) -> Self:
        """Go on with it: see :func:`evosim.resume`. Runs of a study that failed are tried again.

        Example:
            >>> import evosim
            >>> evosim.open_study("runs/study-small-1").resume().complete
            True
        """
        from evosim.api.folders import resume

        resume(self.path, **options)
        return type(self)(self.path)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        words = self._in_words() if isdir(self.path) else GONE
        return from_here(f"<{type(self).__name__} {str(self.path)!r}: {words}>")

    # What experiments and studies do each in their way

    @abstractmethod
    def _in_words(self) -> str:
        """What it is, and how far."""

    @abstractmethod
    def _drawn_from(self) -> tuple[Any, ...]:
        """What figures are drawn from beside the summary."""

    # Going on

    def _complete(
        self,
        progress: bool | None,
        words: str = "",
        cost: Cost | None = None,
        **options: Any,
    ) -> Self:
        """Do whatever is still lacking: runs, the summary, figures.

        Args:
            progress: see :func:`evosim.run`.
            words: what is begun; empty where it goes on.
            cost: what that takes.
            options: of what does the runs.
        """
        with make_progress(show=progress) as reporter:
            if words:
                reporter.note(f"{words}: {self.path}")
                if cost is not None:
                    tell(cost, reporter)
            elif warning := provenance.other_versions(self.manifest, self._folder.WHAT):
                reporter.warn(warning)
            try:
                with Stop() as stop:
                    self._runs(
                        self._folder, stop=stop, progress=reporter, wait=self._wait, **options
                    )
                    self._conclude(stop, reporter)
            except Interrupted:
                raise
            except MemoryError as error:
                raise out_of_memory(self.path, again=not words) from error
            except KeyboardInterrupt:
                raise Interrupted(
                    self.path,
                    "stopped at once. What was written is kept. Continue with: ",
                    Command(self._resume, self.path),
                ) from None
        return self

    def _refuse(self, workers: int | None, *, force: bool) -> None:
        """Refuse to go on where the machine has not enough for what is left.

        Raises:
            EvosimError: it has not, and it is not forced.
        """
        if not self.complete:
            folder = self._folder
            cost = of_conditions(folder.points, lambda one: folder.scenario_at(one.key), workers)
            refuse(replace(cost, disk={}), self.path, force=force)

    def _conclude(self, stop: Callable[[], bool], reporter: Progress) -> None:
        """The summary and the figures, when no run is left."""
        later = ("Summary and figures are made by: ", Command(self._resume, self.path))
        try:
            if (found := self._results.read(self._folder)) is not None:
                names = self._missing_figures(found)
            else:
                found = self._results.write(self._folder)
                names = self._figures_of(found)
            if names and stop():
                raise Interrupted(self.path, "stopped: no run is left. ", *later)
            self._draw(
                found,
                names=names,
                folder=self._folder.figures_path,
                failed=lambda error: reporter.warn(str(error)),
            )
        except WriteError as error:
            raise RunError(*error.parts, "\nNo run is left. ", *later) from error

    def _draw(self, summary: dict[str, Any], **options: Any) -> list[Path]:
        return drawing.draw(self._folder.WHAT, summary, *self._drawn_from(), **options)

    def _figures_of(self, summary: dict[str, Any]) -> list[str]:
        """The figures that are wanted and that it has."""
        if (wanted := self.manifest.get("figures", True)) is not True:
            return list(wanted or ())
        return drawing.names_for(self._folder.WHAT, summary)

    def _missing_figures(self, summary: dict[str, Any]) -> list[str]:
        """Those of which a file is missing."""
        folder = self._folder.figures_path
        return [
            name
            for name in self._figures_of(summary)
            if not all(exists(folder / f"{name}.{suffix}") for suffix in FORMATS)
        ]
