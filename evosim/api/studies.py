"""Studies: one scenario under many conditions, and what was measured of every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evosim.api._arguments import (
    accepting,
    check_scheduler,
    checked_figures,
    checked_workers,
    free_path,
    new_folder,
    seed_of,
)
from evosim.api._costs import of_study
from evosim.api.collections import Collection
from evosim.engine import provenance
from evosim.engine.files import exists
from evosim.engine.lock import is_held
from evosim.errors import EvosimError, did_you_mean, whole_number
from evosim.execution.cost import refuse
from evosim.scenario.settings import as_texts
from evosim.study import driver, index, report, summary
from evosim.study import reading as studies
from evosim.study.folder import StudyFolder

if TYPE_CHECKING:
    from evosim.scenario import Settings
    from evosim.study.folder import Record
    from evosim.study.index import Counts
    from evosim.study.schema import Study as Schema


class Study(Collection[StudyFolder]):
    """A study on disk: its points, and what was measured of every run.

    Attributes:
        path: its folder.

    Raises:
        RunError: no study is there.

    Example:
        >>> import evosim
        >>> study = evosim.open_study("runs/study-small-1")
        >>> study
        <Study 'runs/study-small-1': small, 4 of 4 runs complete>
        >>> study.data["alignment"].dims
        ('patience', 'replicate')
        >>> list(study.table.columns)[:3]
        ['point', 'patience', 'replicate']
    """

    _opens = StudyFolder
    _runs = staticmethod(driver.complete_runs)
    _results = summary
    _resume = "study resume"
    _wait = 2.0

    @property
    def study(self) -> Schema:
        """The study as it was written."""
        return self._folder.study

    @property
    def counts(self) -> Counts:
        """How many runs are wanted, are done, and have failed."""
        with index.reading(self._present) as table:
            return table.counts

    @property
    def complete(self) -> bool:
        """Whether every run is done."""
        counts = self.counts
        return counts.done == counts.runs

    @property
    def failures(self) -> list[Record]:
        """The runs that failed, each with its error."""
        with index.reading(self._present) as table:
            return list(table.records("failed"))

    @property
    def digest(self) -> str:
        """A hash of all that was measured, whatever the order, the workers and the time."""
        with index.reading(self._present) as table:
            return table.digest()

    @accepting
    def status(self, note: Callable[[str], None] | None = None) -> dict[str, Any]:
        """How far it is, as plain JSON: runs, done, failed, left, digest, failures and the rest.

        ``at_work`` is None where it cannot be known whether a driver is.

        Runs whose files are ``damaged`` count as left.

        Args:
            note: called with a sentence where the index has to be made again.

        Example:
            >>> import evosim
            >>> evosim.open_study("runs/study-small-1").status()["left"]
            0
        """
        folder = self._present
        at_work = is_held(folder.path)
        damaged = folder.damaged()
        opened = index.reading(folder, note or (lambda text: None))
        with index.in_memory(folder) if damaged else opened as table:
            counts, digest, failures = table.counts, table.digest(), list(table.records("failed"))
        return {
            "study": folder.manifest["study"],
            "title": folder.study.title,
            "path": str(self.path),
            "seed": folder.seed,
            "points": len(folder.points),
            "replicates": folder.replicates,
            **asdict(counts),
            "left": counts.left,
            "at_work": at_work,
            "digest": digest,
            "damaged": [str(path) for path in damaged],
            "failures": [
                {
                    "point": failure.point,
                    "values": folder.by_key[failure.point].shown,
                    "replicate": failure.replicate,
                    "error": failure.error,
                    "command": folder.command(failure.point, failure.replicate),
                }
                for failure in failures
            ],
        }

    def reindex(self) -> Counts:
        """Make the index again from the files of the runs.

        Raises:
            RunError: a driver is at work on the study, or the index cannot be written.

        Example:
            >>> import evosim
            >>> evosim.open_study("runs/study-small-1").reindex().done
            4
        """
        return index.rebuild(self._present, wait=self._wait)

    def command(self, point: str, replicate: int) -> str:
        """The command line that does one run by itself.

        Args:
            point: its key.

        Raises:
            EvosimError: no such point or replicate.

        Example:
            >>> import evosim
            >>> study = evosim.open_study("runs/study-small-1")
            >>> study.command(study.points[0].key, 0).split()[:2]
            ['evosim', 'run']
        """
        folder = self._folder
        if str(point) not in folder.by_key:  # whatever it is
            raise EvosimError(f"no point {point!r}: {did_you_mean(point, folder.by_key)}")
        replicate = whole_number("replicate", replicate)
        if replicate >= folder.replicates:
            raise EvosimError(f"no replicate {replicate}: there are 0 to {folder.replicates - 1}")
        return folder.command(str(point), replicate)

    @property
    def summary(self) -> dict[str, Any]:
        """What the runs so far come to (:func:`evosim.study.summary.summarize`).

        Of a study that is complete it is what summary.json holds.
        """
        return summary.read(self._present) or summary.summarize(self._folder)

    @property
    def text(self) -> str:
        """The summary for people: plain text, a table a measure."""
        return report.describe(self.summary)

    @property
    def files(self) -> list[Path]:
        """What a reader may want to open: the summary and the figures."""
        return [*([self.summary_path] if exists(self.summary_path) else []), *self.figures]

    def _repr_html_(self) -> str:
        from evosim.api import _html

        return _html.of_study(self)

    def _in_words(self) -> str:
        counts = self.counts
        return f"{self.manifest['study']}, {counts.done} of {counts.runs} runs complete"

    def _drawn_from(self) -> tuple[()]:
        return ()


@accepting
def run_study(
    source: str | Path,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    settings: Settings = (),
    keep: Literal["measures", "runs"] | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    figures: bool | Sequence[str] = True,
    progress: bool | None = None,
    command: str | None = None,
    force: bool = False,
) -> Study:
    """Do every run of a study.

    Args:
        source: the id of a shipped study, or the path of a file.
        seed: of all runs; as the study says if None. Points that are drawn stay as they are.
        replicates: runs at each point; as the study says if None.
        settings: changes of the scenario at all points, see :func:`evosim.run`; they come after
            the study's own and before those of a point.
        keep: "measures" or "runs"; as the study says if None.
        out: the study's folder; runs/study-<id>-<seed> if None.
        workers: processes on this machine, as many as it has cores if None; with 1 this one.
        scheduler: address of a Dask scheduler, whose workers do the runs instead.
        figures: whether to draw the figures in the end; or the names of those to draw.
        progress: show progress on stderr; None: where it is a terminal.
        command: what to record as the command.
        force: begin it even if the machine has not enough memory or disk for it.

    Returns:
        The study; runs that failed are in its ``failures``.

    Raises:
        EvosimError: a mistake in the study or the arguments, a folder that cannot be written, a
            scheduler that does not answer.
        Interrupted: it was stopped (Ctrl-C) and can be resumed.

    Example:
        >>> import evosim
        >>> study = evosim.run_study("small.toml", seed=2, workers=1, figures=False)
        >>> study.counts.done
        4
    """
    workers = checked_workers(workers)
    check_scheduler(scheduler, workers)
    if replicates is not None:
        replicates = whole_number("replicates", replicates, 1)
    written = studies.load(source, settings)
    n = replicates or written.study.replicates
    seed = written.study.seed if seed is None else seed_of(seed)
    path = new_folder(out) if out is not None else free_path(f"study-{written.study.id}", seed)
    manifest = provenance.manifest(
        written.base,
        seed=seed,
        replicates=n,
        sets=as_texts(settings),
        keep=keep or written.study.keep,
        figures=checked_figures(figures, "study"),
        command=command or f"evosim.run_study({written.study.id!r}, ...)",
    )
    cost = of_study(written, n, keep, workers)
    refuse(cost, path, force=force)
    StudyFolder.create(path, written, manifest)
    words = f"{written.study.id}, seed {seed}, {len(written.points)} points"
    return Study(path)._complete(progress, words, cost, workers=workers, scheduler=scheduler)


def open_study(path: str | Path) -> Study:
    """A study on disk, complete or not.

    Raises:
        RunError: no study is there.

    Example:
        >>> import evosim
        >>> evosim.open_study("runs/study-small-1").complete
        True
    """
    return Study(path)
