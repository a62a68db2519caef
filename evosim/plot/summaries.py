"""Figures of experiments and studies, by name: drawn from a summary, verdict.json or summary.json.

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

    from evosim.plot.output import Output

Summary = Mapping[str, Any]


def names_for(of: str, summary: Summary) -> list[str]:
    """The figures that an experiment or a study has.

    Args:
        of: experiment or study.
    """
    return drawing.names_for(OF[of], summary) if _has_runs(summary) else []


def figure(of: str, name: str | None, summary: Summary, *more: Any) -> Figure:
    """One figure, not written anywhere; the first that there is if None.

    Args:
        of, summary, more: see :func:`draw`.

    Raises:
        EvosimError: no figure of that name, or nothing that it could show.
    """
    if name is None:
        # The last one can say best why there is none: it needs the least.
        name = [*names_for(of, summary), *list(OF[of])[::-1]][0]
    kind = OF[of][name]
    if not _has_runs(summary):
        raise EvosimError(f"figure {name!r}: no run is done yet")
    return kind.figure(summary, *more)


def draw(
    of: str,
    summary: Summary,
    *more: Any,
    names: Iterable[str] | None = None,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
    failed: Failed | None = None,
    output: Output | None = None,
) -> list[Path]:
    """Draw figures of an experiment or a study into a folder, one file for each name and format.

    Args:
        of: experiment or study.
        summary: verdict.json or summary.json; of a study that is not complete what it would be.
        more: of an experiment the scenario of its first arm.
        names: which; None for all that there are.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.
        failed, output: see :func:`evosim.plot.drawing.draw`.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, a figure that it does not have, or a folder that
            cannot be written.
    """
    kinds = [OF[of][name] for name in (names_for(of, summary) if names is None else names)]
    title = summary["title"]
    return write_kinds(
        kinds, title, lambda kind: figure(of, kind.name, summary, *more), Path(folder), formats,
        failed, output,
    )  # fmt: skip


def _has_runs(summary: Summary) -> bool:
    """Whether any run is done; an experiment has a summary only when all are."""
    return bool(summary.get("runs", {"lived": 1})["lived"])
