"""Drawing figures by name, into files or into memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evosim import mechanisms
from evosim.engine.files import WriteError
from evosim.errors import EvosimError
from evosim.plot.registry import OF, FigureKind
from evosim.registry import Registry, calling

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.output import Output
    from evosim.plot.run_view import Band, RunView
    from evosim.scenario import Scenario

FORMATS = ("svg", "png")
Failed: TypeAlias = Callable[[EvosimError], None]
FIGURES = OF["run"]


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
        neutral: by drive, the band of the median under chance alone (figure ``genes``).
        episode: the lifetime to draw (figure ``level``).
        summary: the run's summary (figure ``flip``).
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
    failed: Failed | None = None,
    output: Output | None = None,
) -> list[Path]:
    """Draw figures into a folder, one file for each name and format.

    A file appears whole or not at all, and is the same to the byte whenever it is drawn from
    the same run with the same versions of the libraries.

    Args:
        names: which figures, of ``FIGURES``; None draws every one that the run has the data for.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.
        data, scenario, neutral, episode, summary: see :func:`figure`.
        failed: called with the error of each figure that cannot be drawn; raised, when the others
            are drawn, if None.
        output: how large, and with which data beside them.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, missing data for a figure asked for by name, or
            a folder that cannot be written.
    """
    from evosim.plot.run_view import RunView

    view = RunView(data=data, scenario=scenario, neutral=neutral, episode=episode, summary=summary)
    kinds = [FIGURES[name] for name in (names_of_run(view) if names is None else names)]
    return write_kinds(
        kinds, scenario.title, lambda kind: kind.figure(view), Path(folder), formats, failed,
        output,
    )  # fmt: skip


def names_of_run(view: RunView) -> list[str]:
    """As :func:`names_for`, of a run: none of a mechanism that its scenario does not use."""
    unused = mechanisms.unused(view.scenario)
    return names_for(FIGURES, view, mechanisms.paths("figures", unused))


def names_for(
    figures: Registry[FigureKind], subject: Any, without: Collection[str] = ()
) -> list[str]:
    """The figures that a run, an experiment or a study has, and those that fail to say so: they
    fail again when they are drawn.

    Args:
        without: modules whose figures it does not have.
    """

    def can_be_drawn(kind: FigureKind) -> bool:
        try:
            return kind.unsupported(subject) is None
        except EvosimError:
            return True

    return [name for name in figures.names(without) if can_be_drawn(figures[name])]


def write_kinds(
    kinds: Iterable[FigureKind],
    title: str,
    draw_one: Callable[[FigureKind], Figure],
    folder: Path,
    formats: Sequence[str],
    failed: Failed | None,
    output: Output | None = None,
) -> list[Path]:
    """Draw and write figures one by one; one that fails does not stop the others.

    Args:
        title: of what they are of.
        failed, output: see :func:`draw`.

    Raises:
        EvosimError: as :func:`write_all`, at once; and the first error of a figure, in the end.
    """
    write_all((), folder, formats)  # refuses a format
    paths: list[Path] = []
    errors: list[EvosimError] = []
    for kind in kinds:
        try:
            with calling(f"figure {kind.name!r}", kind.draw):
                drawn = (kind.name, f"{title}: {kind.title}", draw_one(kind))
                paths += write_all([drawn], folder, formats, output)
        except WriteError:
            raise
        except EvosimError as error:
            (failed or errors.append)(error)
    if errors:
        raise errors[0]
    return paths + (output.write_data() if output else [])


def write_all(
    drawn: Iterable[tuple[str, str, Figure]],
    folder: Path,
    formats: Sequence[str],
    output: Output | None = None,
) -> list[Path]:
    """Write figures into a folder, each in every format.

    Args:
        drawn: of each figure the stem of its files, what it shows, and the figure. One that is
            drawn as it is asked for is written before the next one is drawn.
        output: how large they are, and where their numbers are kept.

    Raises:
        EvosimError: an unknown format, or a folder that cannot be written.
    """
    from evosim.plot.style import check_format, write

    for suffix in formats:
        check_format(suffix)
    paths = []
    for name, title, figure in drawn:
        if output is not None:
            output.take(name, figure)
        for suffix in formats:
            paths.append(folder / f"{name}.{suffix}")
            write(figure, paths[-1], title=title)
    return paths
