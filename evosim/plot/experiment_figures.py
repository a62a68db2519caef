"""Figures of an experiment, by name: drawn from its summary (verdict.json) and its scenario.

A new figure is a module with ``figure(summary, scenario)``, and a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.errors import Argument, EvosimError, Registry
from evosim.plot.drawing import FORMATS, write_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.scenario import Scenario

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFigure:
    """A figure of an experiment.

    Attributes:
        name: also the stem of its files.
        title: what it shows, in a few words.
        module: what draws it.
        needs: the key of the summary without which it cannot be drawn; empty where it always can.
        missing: what to say where that key is missing or empty.
    """

    name: str
    title: str
    module: str
    needs: str = ""
    missing: tuple[str | Argument, ...] = ()

    def lacks(self, summary: Summary) -> bool:
        """Whether this experiment cannot have the figure."""
        return bool(self.needs) and not summary.get(self.needs)

    def figure(self, summary: Summary, scenario: Scenario) -> Figure:
        """Draw it.

        Args:
            summary: verdict.json (:func:`evosim.study.experiment.summarize`).
            scenario: the scenario of the first arm.

        Raises:
            EvosimError: the experiment does not have what the figure shows.
        """
        if self.lacks(summary):
            raise EvosimError(f"figure {self.name!r}: ", *self.missing)
        # matplotlib is imported here, not before
        drawn: Figure = import_module(f"evosim.plot.{self.module}").figure(summary, scenario)
        return drawn


FIGURES: Registry[ExperimentFigure] = Registry("figure of an experiment")
for _figure in (
    ExperimentFigure(name="findings", title="findings", module="findings"),
    ExperimentFigure(
        name="course",
        title="the headline measure over generations",
        module="trajectories",
        needs="courses",
        missing=("the measure of the first finding has no values over generations",),
    ),
    ExperimentFigure(
        name="tuned",
        title="sensitivity to the tuned value",
        module="sensitivity",
        needs="tuned",
        missing=(
            "nothing was moved in this experiment; run it with ",
            Argument("tuned", True),
            ", of a scenario that has [experiment.tuned]",
        ),
    ),
    ExperimentFigure(name="maps", title="the worlds", module="maps"),
):
    FIGURES.register(_figure.name)(_figure)


def names_for(summary: Summary) -> list[str]:
    """The figures that an experiment has."""
    return [name for name in FIGURES if not FIGURES[name].lacks(summary)]


def draw(
    summary: Summary,
    scenario: Scenario,
    names: Iterable[str] | None = None,
    *,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw figures of an experiment into a folder, one file for each name and format.

    Args:
        summary: verdict.json.
        scenario: the scenario of the first arm.
        names: which, of ``FIGURES``; None for all that the experiment has.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, a figure that this experiment does not have, or
            a folder that cannot be written.
    """
    kinds = [FIGURES[name] for name in (names_for(summary) if names is None else names)]
    drawn = (
        (kind.name, f"{summary['title']}: {kind.title}", kind.figure(summary, scenario))
        for kind in kinds
    )
    return write_all(drawn, Path(folder), formats)
