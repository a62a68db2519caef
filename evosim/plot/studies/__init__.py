"""Figures of a study, by name: drawn from its summary (summary.json) alone, a module each.

A new figure is a module with a function that :func:`evosim.plot.registry.figure` registers, and
its name there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError
from evosim.plot import drawing
from evosim.plot.drawing import FORMATS, Failed, write_kinds
from evosim.plot.registry import OF

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]


FIGURES = OF["study"]


def names_for(summary: Summary) -> list[str]:
    """The figures that a study has."""
    if not summary["runs"]["lived"]:
        return []
    return drawing.names_for(FIGURES, summary)


def figure(name: str | None, summary: Summary) -> Figure:
    """One figure, not written anywhere; the first that the study has if None.

    Raises:
        EvosimError: no figure of that name, or the study does not have what it shows.
    """
    if name is None:
        # The last one can say best why there is none: it needs the least.
        name = [*names_for(summary), *list(FIGURES)[::-1]][0]
    kind = FIGURES[name]
    if not summary["runs"]["lived"]:
        raise EvosimError(f"figure {name!r}: no run is done yet")
    return kind.figure(summary)


def draw(
    summary: Summary,
    names: Iterable[str] | None = None,
    *,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
    failed: Failed | None = None,
) -> list[Path]:
    """Draw figures of a study into a folder, one file for each name and format.

    Args:
        summary: summary.json, or of a study that is not complete what it would be.
        names: which, of ``FIGURES``; None for all that the study has.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.
        failed: see :func:`evosim.plot.drawing.draw`.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, a figure that this study does not have, or a folder
            that cannot be written.
    """
    kinds = [FIGURES[name] for name in (names_for(summary) if names is None else names)]
    title = summary["title"]
    return write_kinds(
        kinds, title, lambda kind: figure(kind.name, summary), Path(folder), formats, failed
    )
