"""The courses of a run or an experiment as one long table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from evosim.api._arguments import accepting
from evosim.api.experiments import Experiment
from evosim.api.folders import complete_run, open_folder
from evosim.api.runs import Run, not_complete
from evosim.errors import EvosimError
from evosim.process import place


@accepting
def export_courses(
    source: Run | Experiment | str | Path,
    path: str | Path,
    *,
    measures: Sequence[str] | None = None,
) -> Path:
    """Write how every measure goes over the generations, a row for each number, as CSV.

    The columns are ``replicate``, ``generation``, ``environment`` (empty for what belongs to none),
    ``variable`` (the name of the measure, as findings have it, and after a dot the payoff or locus
    it is of) and ``value`` (empty where it is undefined); of an experiment the first column is
    ``arm``. All is of evolved minds. Measures of probes have the generations that were probed,
    others have all.

    Args:
        source: the run or the experiment, complete, or its folder.
        path: the file, named ``*.csv``; replaced if it exists.
        measures: names of measures; None: all that have a course.

    Returns:
        The path.

    Raises:
        EvosimError: another suffix; no such measure, or one without a course; the source is not
            complete; the file cannot be written.

    Example:
        >>> import evosim
        >>> path = evosim.export_courses("runs/contraception-1", "courses.csv")
        >>> path.read_text().splitlines()[:2]
        ['replicate,generation,environment,variable,value', '0,0,ancestral,capability,...']
    """
    from evosim.engine.files import replacing
    from evosim.metrics.courses import courses

    path = place(path)
    if path.suffix != ".csv":
        raise EvosimError(f"{path}: courses are written as .csv")
    if not isinstance(source, Run | Experiment):
        found = open_folder(source)
        source = found if isinstance(found, Experiment) else place(source)
    arms: dict[str | None, Run]
    if isinstance(source, Experiment):
        if not source.complete:
            raise not_complete(source.path, "experiment")
        arms = dict(source.arms.items())
    else:
        arms = {None: complete_run(source)}
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        head = ["replicate", "generation", "environment", "variable", "value"]
        writer.writerow(["arm"] * isinstance(source, Experiment) + head)
        for arm, run in arms.items():
            for *where, value in courses(run.data, run.scenario, measures):
                own = [] if arm is None else [arm]
                number = repr(value) if math.isfinite(value) else ""
                writer.writerow([*own, *where, number])
        text.flush()
        text.detach()
    return path
