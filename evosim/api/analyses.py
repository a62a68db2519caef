"""Analyses of complete runs: numbers, text and a figure each."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import accepting
from evosim.api.folders import complete_run
from evosim.api.runs import Run
from evosim.engine.files import as_json, exists, or_elsewhere, put
from evosim.engine.provenance import versions
from evosim.errors import EvosimError, from_here, whole_number
from evosim.execution.progress import progress as make_progress
from evosim.execution.runner import finite
from evosim.metrics.analyses import ANALYSES
from evosim.metrics.analyses.registry import Request
from evosim.metrics.stress import BUDGET, RADIUS
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
    return _analysed(complete_run(run, replicate), name, generation, replicate, out, {})


def _analysed(
    run: Run,
    name: str,
    generation: int | None,
    replicate: int,
    out: str | Path | None,
    options: Mapping[str, Any],
) -> Analysed:
    """What an analysis of a complete run found, written."""
    kind = ANALYSES[name]
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
        options=options,
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


KNOWN = "stress.jsonl"
"""Beside the numbers: what was evaluated, so that a search that was stopped goes on."""


@accepting
def stress(
    run: Run | str | Path,
    *,
    generation: int | None = None,
    environment: str | None = None,
    keys: Sequence[str] | None = None,
    payoffs: bool = False,
    unfelt: bool = False,
    budget: int = BUDGET,
    radius: float = RADIUS,
    flip: str | Path | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
) -> Analysed:
    """Search for the change of the world under which a run's minds go on for something else.

    Nothing evolves. The minds of one generation are measured exactly in worlds that differ from
    theirs: in one number at a time, and in all of them together (:mod:`evosim.metrics.stress`).
    A search that was stopped goes on where it was.

    Args:
        run: the run, complete, or its folder.
        generation: whose minds; that of the first flip if None, or the last where nothing flips.
        environment: that is changed; the one trained in before the generation if None.
        keys: only numbers at or below these dotted keys.
        payoffs: also change what is paid.
        unfelt: also stimuli that a thing does not have yet.
        budget: evaluations of the search over all numbers together, in all.
        radius: size of the worst change, in plausible ranges.
        flip: also write a scenario that meets the change that was found, to be run and replayed.
        out: another folder for the numbers and the figure.
        progress: show progress on stderr; None: where it is a terminal.

    Returns:
        The analysis, with ``summary``, ``text`` and ``plot()``.

    Raises:
        EvosimError: no such run, generation, environment or key, or minds of which nothing is
            exact, or that have nothing to lose.

    Example:
        >>> import evosim
        >>> try:
        ...     evosim.stress("runs/contraception-1", keys=["kinds.mate"], budget=0)
        ... except evosim.EvosimError as error:
        ...     print(error)  # after four generations
        in generation 3 alignment is ...
    """
    size: object = radius
    if not isinstance(size, int | float) or not 0 < size < math.inf:
        raise EvosimError(f"radius: not a size above 0 (got {radius!r}, allowed such as {RADIUS})")
    run = complete_run(run)
    folder = run.path / "analyses" if out is None else place(out)
    settings: dict[str, Any] = {
        "environment": environment,
        "keys": keys,
        "payoffs": payoffs,
        "unfelt": unfelt,
        "budget": whole_number("budget", budget),
        "radius": radius,
    }
    # All that decides which minds are measured, and how: an earlier run here may have had others.
    replicates = run.manifest["replicates"]
    of = (run.seed, run._folder.probe_seed, replicates, generation, environment, versions())
    what = [run.scenario.to_toml(), *map(str, of)]
    with or_elsewhere("out"):
        known = _Known(folder / KNOWN, hashlib.sha256("\n".join(what).encode()).hexdigest()[:16])
    with make_progress(show=progress) as shown:
        settings |= {
            "known": known,
            "begun": lambda n: shown.begin(
                "stress", size="exact evaluations, at most", total=n, done=0, counted="evaluations"
            ),
            "evaluated": lambda: shown.run(0),
        }
        try:
            found = _analysed(run, "stress", generation, 0, out, settings)
        except KeyboardInterrupt as stop:
            told = (
                f"stopped: {len(known)} evaluations are kept, and asking again goes on from there"
            )
            raise KeyboardInterrupt(told) from stop
    if flip is not None:
        if found.summary["flip"] is None:
            raise EvosimError("no change was found that collapses the minds: there is no flip")
        with or_elsewhere("flip"):
            put(place(flip), found.summary["flip"].encode())
    return found


class _Known(dict[str, list[float | None]]):
    """Evaluations by change, each written to a file as it is made.

    Each line says by a hash what it is of, so that generations and environments, and what other
    versions of evosim found, stand side by side. A damaged line counts as none.
    """

    def __init__(self, path: Path, of: str) -> None:
        super().__init__()
        self._path, self._of = path, of
        self._begun = exists(path)
        for line in path.read_text(encoding="utf-8").splitlines() if self._begun else ():
            with suppress(ValueError, TypeError):  # cut off by a kill
                whose, change, outcome = json.loads(line)
                if whose == of:
                    super().__setitem__(change, outcome)

    def __setitem__(self, change: str, outcome: list[float | None]) -> None:
        super().__setitem__(change, outcome)
        if not self._begun:
            put(self._path, b"")
            self._begun = True
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps([self._of, change, outcome])}")
