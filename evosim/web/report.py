"""``evosim report``: what a run, an experiment or a study found, as one HTML file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.api._arguments import accepting
from evosim.api.experiments import Experiment
from evosim.api.folders import complete_run, open_folder
from evosim.api.runs import Run, not_complete
from evosim.api.studies import Study
from evosim.engine.files import is_folder, or_elsewhere, put
from evosim.errors import EvosimError
from evosim.execution.progress import Progress
from evosim.process import place

if TYPE_CHECKING:
    from evosim.plot.drawing import Failed

NAME = "report.html"
SUFFIXES = (".html", ".htm")


@accepting
def report(
    source: Run | Experiment | Study | str | PathLike[str],
    out: str | Path | None = None,
) -> Path:
    """Write what a run, an experiment or a study found as one HTML file.

    The file needs nothing beside it and no network: it can be mailed, printed and put on any
    server. docs/reports.md says what is in it.

    Args:
        source: what it is of, or its folder; a run and an experiment have to be complete.
        out: the file, named ``*.html``; replaced if it exists. None: report.html in the folder.

    Returns:
        The path. A figure that cannot be drawn is left out, with a warning on stderr.

    Raises:
        RunError: none is there, or it is not complete.
        EvosimError: another suffix, a folder in place of a file, or a file that cannot be
            written.

    Example:
        >>> import evosim
        >>> evosim.report("runs/contraception-1", out="report.html").name
        'report.html'
    """
    if not isinstance(source, Run | Experiment | Study):
        source = open_folder(source)
    file = source.path / NAME if out is None else place(out)
    if file.suffix not in SUFFIXES:
        raise EvosimError(f"{out}: a report is written as .html")
    if is_folder(file):
        raise EvosimError(f"{out} is a folder; name a file in it, as {file / NAME}")
    text = page(source, failed=lambda error: Progress().warn(str(error)))
    with or_elsewhere("out"):
        put(file, text.encode("utf-8", "replace"))
    return file


def page(source: Run | Experiment | Study, *, failed: Failed | None = None) -> str:
    """The page of a run, an experiment or a study as text.

    Args:
        failed: called with the error of each figure that cannot be drawn; raised if None.

    Raises:
        RunError, EvosimError: see :func:`report`; and of a figure that cannot be drawn.
    """
    from evosim.web import of_experiment, of_run, of_study

    if isinstance(source, Run):
        return of_run.page(complete_run(source), failed=failed)
    if isinstance(source, Experiment):
        if not source.complete:
            raise not_complete(source.path, "experiment")
        return of_experiment.page_of(source, failed=failed)
    return of_study.page_of(source, failed=failed)
