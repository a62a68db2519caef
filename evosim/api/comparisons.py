"""Comparisons: runs, or the arms of experiments, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import accepting
from evosim.api.experiments import Experiment
from evosim.api.runs import Run, not_complete
from evosim.engine.dataset import open_dataset
from evosim.errors import EvosimError, from_here
from evosim.metrics import comparison as measures
from evosim.metrics.comparison import Sample
from evosim.process import place
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Comparison:
    """Runs side by side.

    Attributes:
        summary: plain numbers (:func:`evosim.metrics.comparison.compare`).
        text: the same for people.

    Example:
        >>> import evosim
        >>> compared = evosim.compare(["runs/contraception-1", "runs/contraception-2"])
        >>> compared
        <Comparison contraception-1, contraception-2>
    """

    def __init__(self, summary: dict[str, Any]) -> None:
        self.summary = summary

    @property
    def text(self) -> str:
        """The comparison for people."""
        return measures.describe(self.summary)

    def figure(self) -> Figure:
        """The comparison drawn, in memory: nothing is written, and a notebook shows it.

        Example:
            >>> import evosim
            >>> compared = evosim.compare(["runs/contraception-1", "runs/contraception-2"])
            >>> compared.figure()
            <Drawing size ... Axes>
        """
        from evosim.plot import compare as drawing

        return drawing.figure(self.summary)

    def plot(self, path: str | Path) -> Path:
        """Draw the comparison into a file, svg, png or pdf by its suffix.

        Returns:
            The path.

        Raises:
            EvosimError: another suffix, or a place that cannot be written.

        Example:
            >>> import evosim
            >>> compared = evosim.compare(["runs/contraception-1", "runs/contraception-2"])
            >>> compared.plot("compared.svg").name
            'compared.svg'
        """
        from evosim.plot.style import check_format, write

        file = place(path)
        check_format(file.suffix.lstrip("."))
        names = ", ".join(run["name"] for run in self.summary["runs"])
        write(self.figure(), file, title=f"compared: {names}")
        return file

    def __repr__(self) -> str:
        return f"<Comparison {', '.join(run['name'] for run in self.summary['runs'])}>"


@accepting
def compare(
    runs: Sequence[Run | Experiment | str | Path], *, correction: str = "holm"
) -> Comparison:
    """Set runs side by side: what differs between their scenarios, and between their measures.

    Args:
        runs: runs or their folders; of an experiment all arms. The first is the one that the
            others are compared with.
        correction: of p-values for their number, holm or fdr_bh
            (:func:`evosim.stats.tests.corrected`).

    Returns:
        The comparison, with ``summary``, ``text`` and ``plot(file)``.

    Raises:
        EvosimError: no such folder, a run that is not complete, fewer than two runs, runs that
            have nothing in common to compare, or no such correction.

    Example:
        >>> import evosim
        >>> compared = evosim.compare(["runs/contraception-1", "runs/contraception-2"])
        >>> [run["name"] for run in compared.summary["runs"]]
        ['contraception-1', 'contraception-2']
    """
    if isinstance(runs, str | Path | Run | Experiment) or not isinstance(runs, Iterable):
        raise EvosimError(f"runs to compare: {runs!r} is not a list of runs")
    found: list[tuple[str, Run]] = []
    for one in runs:
        if not isinstance(one, Run | Experiment):
            one = Experiment(one) if ExperimentFolder.is_at(place(one)) else Run(one)
        name = one.path.resolve().name
        if isinstance(one, Experiment):
            found += [(f"{name}/{arm}", run) for arm, run in one.arms.items()]
        else:
            found.append((name, one))
    places = Counter(run.path.resolve() for _, run in found)
    if twice := [str(place) for place, n in places.items() if n > 1]:
        raise EvosimError(f"{twice[0]}: named twice; a run does not differ from itself")
    for _, run in found:
        if not run.complete:
            raise not_complete(run.path, "run")
    names = Counter(name for name, _ in found)
    with ExitStack() as held:
        samples = [
            Sample(
                name=name if names[name] == 1 else from_here(str(run.path)),
                data=held.enter_context(open_dataset(run._folder)),
                scenario=run.scenario,
                # A run and its forks began with the same replicates, whatever they went on by.
                seeds=(
                    run.manifest["seeds"][0],
                    run.manifest["probe_seed"],
                    run.manifest["replicates"],
                ),
            )
            for name, run in found
        ]
        return Comparison(measures.compare(samples, correction=correction))
