"""Analyses of complete runs: numbers, text and a figure each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import accepting
from evosim.api.folders import complete_run
from evosim.api.runs import Run
from evosim.engine.files import as_json, or_elsewhere, put
from evosim.errors import EvosimError, from_here, whole_number
from evosim.execution.runner import finite
from evosim.metrics.analyses import ANALYSES
from evosim.metrics.analyses.registry import Request
from evosim.plot.drawing import FORMATS, write_all
from evosim.plot.registry import OF
from evosim.process import place

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Analysed:
    """An analysis of a run.

    Attributes:
        name: of the analysis.
        summary: plain numbers, as in the file.
        path: the file: ``analyses/NAME.json`` of the run, or where it was to go.

    Example:
        >>> import evosim
        >>> found = evosim.analyse("runs/contraception-1", "leakage")
        >>> found.path.name
        'leakage.json'
        >>> print(found.text.splitlines()[1])
          ancestral: 3 drawn, 3 different, 9.3e+13 possible at most
    """

    def __init__(
        self, name: str, summary: dict[str, Any], path: Path, figures: Path | None = None
    ) -> None:
        self.name = name
        self.summary = summary
        self.path = path
        self._figures = figures or path.parent

    @property
    def text(self) -> str:
        """The numbers for people."""
        return ANALYSES[self.name].text(self.summary)

    def figure(self) -> Figure:
        """Its figure, in memory: nothing is written, and a notebook shows it.

        Example:
            >>> import evosim
            >>> evosim.analyse("runs/contraception-1", "heredity").figure()
            <Drawing size ... Axes>
        """
        from evosim.plot import analyses

        return analyses.figure(self.name, self.summary)

    @accepting
    def plot(
        self, *, folder: str | Path | None = None, formats: Sequence[str] = FORMATS
    ) -> list[Path]:
        """Draw its figure, if there is anything to be seen.

        Args:
            folder: where; if None the run's own ``figures``, or the folder that the numbers were
                to go to.
            formats: of svg, png, pdf.

        Returns:
            The files; none of an analysis that found nothing to draw, as of levels none of which
            has trained.

        Raises:
            EvosimError: an unknown format, or a place that cannot be written.

        Example:
            >>> import evosim
            >>> found = evosim.analyse("runs/contraception-1", "heredity")
            >>> [path.name for path in found.plot(formats=["svg"], folder="drawn")]
            ['heredity.svg']
        """
        title = f"{self.summary['title']}: {ANALYSES[self.name].description}"
        where = self._figures if folder is None else place(folder)
        if OF["analysis"][self.name].unsupported(self.summary):
            return []
        with or_elsewhere("folder"):
            return write_all([(self.name, title, self.figure())], where, formats)

    def __repr__(self) -> str:
        return from_here(f"<Analysed {self.name} {str(self.path)!r}>")


def analyse(
    run: Run | str | Path,
    name: str,
    *,
    generation: int | None = None,
    replicate: int = 0,
    out: str | Path | None = None,
) -> Analysed:
    """Analyse a complete run, and write the numbers to ``analyses/NAME.json`` in its folder.

    Args:
        run: the run, or its folder.
        name: of :data:`evosim.metrics.analyses.ANALYSES`.
        generation: looks at this generation; the last, or all that were probed, if None.
        replicate: looks at this replicate where the analysis looks at one.
        out: another folder for the numbers and the figure, of a run that one may only read.

    Returns:
        The analysis, with ``summary``, ``text`` and ``plot()``.

    Raises:
        EvosimError: no such analysis, run, generation or replicate, the run is not complete or
            does not have what the analysis needs, or the folder cannot be written.

    Example:
        >>> import evosim
        >>> found = evosim.analyse("runs/contraception-1", "distances", generation=3)
        >>> found.summary["analysis"]
        'distances'
    """
    kind = ANALYSES[name]
    run = complete_run(run, replicate)
    first, last = run._folder.history, run.scenario.generations - 1
    if generation is not None:
        generation = whole_number("generation", generation)
    if generation is not None and not first <= generation <= last:
        raise EvosimError(f"no generation {generation} to analyse: there are {first} to {last}")
    data = run.data
    if first:  # the history of a fork is of another scenario
        data = data.sel(generation=slice(first, None), probe=slice(first, None))
    request = Request(
        seed=run.seed,
        probe_seed=run._folder.probe_seed,
        generation=generation,
        replicate=replicate,
    )
    found = {
        "analysis": name,
        "scenario": run.scenario.id,
        "title": run.scenario.title,
        **kind.found(data, run.scenario, request),
    }
    path = (run.path / "analyses" if out is None else place(out)) / f"{name}.json"
    summary = finite(found)
    try:
        text = as_json(summary, indent=2)
    except TypeError as error:
        raise EvosimError(
            f"analysis {name!r} returned what JSON cannot hold: {error}. Return numbers, texts, "
            "lists and dictionaries (array.tolist())"
        ) from error
    with or_elsewhere("out"):
        put(path, f"{text}\n".encode())
    return Analysed(name, summary, path, run.path / "figures" if out is None else None)
