"""Figures of a study, by name: drawn from its summary (summary.json) alone, a module each.

A new figure is a module with ``figure(summary)`` and ``lacks(summary)``, and a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError, Registry
from evosim.plot.drawing import FORMATS, write_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFigure:
    """A figure of a study.

    Attributes:
        name: also the module that draws it and the stem of its files.
        title: what it shows, in a few words.
    """

    name: str
    title: str

    def lacks(self, summary: Summary) -> str | None:
        """Why this study cannot have the figure; None where it can."""
        if not summary["runs"]["lived"]:
            return "no run was lived yet"
        reason: str | None = self._module().lacks(summary)
        return reason

    def figure(self, summary: Summary) -> Figure:
        """Draw it.

        Raises:
            EvosimError: the study does not have what the figure shows.
        """
        if reason := self.lacks(summary):
            raise EvosimError(f"figure {self.name!r}: {reason}")
        drawn: Figure = self._module().figure(summary)
        return drawn

    def _module(self) -> Any:
        return import_module(f"evosim.plot.studies.{self.name}")


FIGURES: Registry[StudyFigure] = Registry("figure of a study")
for _kind in (
    StudyFigure(name="phase", title="phase diagram"),
    StudyFigure(name="curve", title="measures against a parameter"),
    StudyFigure(name="interaction", title="what parameters do together"),
    StudyFigure(name="raincloud", title="replicates"),
):
    FIGURES.register(_kind.name)(_kind)


def names_for(summary: Summary) -> list[str]:
    """The figures that a study has."""
    return [name for name in FIGURES if FIGURES[name].lacks(summary) is None]


def figure(name: str, summary: Summary) -> Figure:
    """One figure, not written anywhere.

    Raises:
        EvosimError: no figure of that name, or the study does not have what it shows.
    """
    return FIGURES[name].figure(summary)


def draw(
    summary: Summary,
    names: Iterable[str] | None = None,
    *,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw figures of a study into a folder, one file for each name and format.

    Args:
        summary: summary.json, or of a study that is not complete what it would be.
        names: which, of ``FIGURES``; None for all that the study has.
        folder: where; made if it does not exist.
        formats: of svg, png and pdf.

    Returns:
        The files, in the order of the names.

    Raises:
        EvosimError: an unknown name or format, a figure that this study does not have, or a folder
            that cannot be written.
    """
    kinds = [FIGURES[name] for name in (names_for(summary) if names is None else names)]
    drawn = (
        (kind.name, f"{summary['title']}: {kind.title}", kind.figure(summary)) for kind in kinds
    )
    return write_all(drawn, Path(folder), formats)
