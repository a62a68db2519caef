"""Figures of an experiment, by name: drawn from its summary (verdict.json) and its scenario.

A new figure is a module with a function that :func:`evosim.plot.registry.figure` registers, and
its name below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from evosim.plot.drawing import FORMATS, write_all
from evosim.plot.registry import OF

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Summary = Mapping[str, Any]


FIGURES = OF["experiment"]


@FIGURES.built_in
def _figures() -> Sequence[ModuleType]:
    """The modules that register a figure of an experiment, in the order of drawing."""
    from evosim.plot import findings, maps, sensitivity, trajectories

    return findings, trajectories, sensitivity, maps


def names_for(summary: Summary) -> list[str]:
    """The figures that an experiment has."""
    return [name for name in FIGURES if FIGURES[name].unsupported(summary) is None]


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
