"""Drawing figures by name, into files or into memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from evosim.plot.registry import OF

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.run_view import Band
    from evosim.scenario import Scenario

FORMATS = ("svg", "png")
FIGURES = OF["run"]


@FIGURES.built_in
def _figures() -> Sequence[ModuleType]:
    """The modules that register a figure of a run, in the order of drawing."""
    from evosim.plot import (
        alignment,
        deception,
        drift,
        flips,
        genes,
        islands,
        level,
        mind,
        monitor,
        objective_proxy,
        population,
    )

    return (
        flips, objective_proxy, drift, alignment, population, islands, deception, monitor, mind,
        genes, level,
    )  # fmt: skip


def figure(
    name: str,
    data: xr.Dataset,
    scenario: Scenario,
    *,
    neutral: Mapping[str, Band] | None = None,
    episode: Episode | None = None,
    summary: Mapping[str, Any] | None = None,
    axes: Any = None,
) -> Figure:
    """One figure, not written anywhere; ``figure.savefig`` takes it from there.

    Args:
        name: one of ``FIGURES``.
        data: the dataset of a run (docs/architecture.md).
        scenario: the scenario that was run.
        neutral: by drive, the band of the median under chance alone (figure ``drift``).
        episode: the lifetime to draw (figure ``level``).
        summary: the run's summary (figure ``flips``).
        axes: draw into these instead of into a new figure: matplotlib Axes, one or an array as the
            figure has panels, row by row. The title and the legend go to the axes; the note and
            the names of environments are left out.

    Raises:
        EvosimError: no figure of that name, the data lacks what it needs, or the axes are not as
            many as the figure has panels.
    """
    from evosim.plot.run_view import RunView

    view = RunView(data=data, scenario=scenario, neutral=neutral, episode=episode, summary=summary)
    return FIGURES[name].figure(view, axes=axes)


def draw(
    data: xr.Dataset,
    scenario: Scenario,
    names: Iterable[str] | None = None,
    *,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
    neutral: Mapping[str, Band] | None = None,
    episode: Episode | None = None,
    summary: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Draw figures into a folder, one file for each name and format.

    A file appears whole or not at all, and is the same to the byte whenever it is drawn from
    the same run with the same versions of the libraries.

    Args:
        names: which figures, of ``FIGURES``; None draws every one that the run has the data for.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.
        data, scenario, neutral, episode, summary: see :func:`figure`.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, missing data for a figure asked for by name, or
            a folder that cannot be written.
    """
    from evosim.plot.run_view import RunView

    view = RunView(data=data, scenario=scenario, neutral=neutral, episode=episode, summary=summary)
    if names is None:
        kinds = [
            kind for kind in map(FIGURES.__getitem__, FIGURES) if kind.unsupported(view) is None
        ]
    else:
        kinds = [FIGURES[name] for name in names]
    drawn = ((kind.name, f"{scenario.title}: {kind.title}", kind.figure(view)) for kind in kinds)
    return write_all(drawn, Path(folder), formats)


def write_all(
    drawn: Iterable[tuple[str, str, Figure]], folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Write figures into a folder, each in every format.

    Args:
        drawn: of each figure the stem of its files, what it shows, and the figure. One that is
            drawn as it is asked for is written before the next one is drawn.

    Raises:
        EvosimError: an unknown format, or a folder that cannot be written.
    """
    from evosim.plot.style import check_format, write

    for suffix in formats:
        check_format(suffix)
    paths = []
    for name, title, figure in drawn:
        for suffix in formats:
            paths.append(folder / f"{name}.{suffix}")
            write(figure, paths[-1], title=title)
    return paths
