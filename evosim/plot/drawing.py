"""Drawing figures by name, into files or into memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.plot.registry import FIGURES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.run_view import Band
    from evosim.scenario import Scenario

FORMATS = ("svg", "png")


def figure(
    name: str,
    data: xr.Dataset,
    scenario: Scenario,
    *,
    neutral: Mapping[str, Band] | None = None,
    episode: Episode | None = None,
    summary: Mapping[str, Any] | None = None,
) -> Figure:
    """One figure, not written anywhere; ``figure.savefig`` takes it from there.

    Args:
        name: one of ``FIGURES``.
        data: the dataset of a run (docs/architecture.md).
        scenario: the scenario that was run.
        neutral: by drive, the band of the median under chance alone (figure ``drift``).
        episode: the lifetime to draw (figure ``level``).
        summary: the run's summary (figure ``flips``).

    Raises:
        EvosimError: no figure of that name, or the data lacks what it needs.
    """
    from evosim.plot.run_view import Subject

    seen = Subject(data=data, scenario=scenario, neutral=neutral, episode=episode, summary=summary)
    return FIGURES[name].figure(seen)


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
    from evosim.plot.run_view import Subject
    from evosim.plot.style import check_format, write

    seen = Subject(data=data, scenario=scenario, neutral=neutral, episode=episode, summary=summary)
    for suffix in formats:
        check_format(suffix)
    if names is None:
        kinds = [kind for kind in map(FIGURES.__getitem__, FIGURES) if kind.lacks(seen) is None]
    else:
        kinds = [FIGURES[name] for name in names]
    paths = []
    for kind in kinds:
        drawn = kind.figure(seen)
        for suffix in formats:
            path = Path(folder) / f"{kind.name}.{suffix}"
            write(drawn, path, title=f"{scenario.title}: {kind.title}")
            paths.append(path)
    return paths
