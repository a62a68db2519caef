"""Figures of an experiment, by name: drawn from its summary (verdict.json) and its scenario.

A new figure is a module with a function that :func:`evosim.plot.registry.figure` registers, and
its name there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.plot import drawing
from evosim.plot.drawing import FORMATS, Failed, write_kinds
from evosim.plot.registry import OF

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Summary = Mapping[str, Any]


FIGURES = OF["experiment"]


def names_for(summary: Summary) -> list[str]:
    """The figures that an experiment has."""
    return drawing.names_for(FIGURES, summary)


def draw(
    summary: Summary,
    scenario: Scenario,
    names: Iterable[str] | None = None,
    *,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
    failed: Failed | None = None,
) -> list[Path]:
    """Draw figures of an experiment into a folder, one file for each name and format.

    Args:
        summary: verdict.json.
        scenario: the scenario of the first arm.
        names: which, of ``FIGURES``; None for all that the experiment has.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.
        failed: see :func:`evosim.plot.drawing.draw`.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, a figure that this experiment does not have, or
            a folder that cannot be written.
    """
    kinds = [FIGURES[name] for name in (names_for(summary) if names is None else names)]
    title = summary["title"]
    return write_kinds(
        kinds, title, lambda kind: kind.figure(summary, scenario), Path(folder), formats, failed
    )
