"""The figures by name. A new figure is a module with ``figure(view, axes)`` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError, Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureKind:
    """A figure that can be drawn of a run.

    Attributes:
        name: also the module that draws it and the stem of its files.
        title: what it shows, in a few words.
        needs: variables of the dataset without which it cannot be drawn.
        flips: whether it is about flips, and so needs one.
        whole: why it cannot be drawn into given axes; empty where it can.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    flips: bool = False
    whole: str = ""

    def lacks(self, view: RunView) -> str | None:
        """Why this run cannot have the figure; None where it can."""
        missing = [name for name in self.needs if name not in view.data]
        if missing:
            return f"figure {self.name!r} needs {', '.join(missing)}, which this run's data lacks"
        if self.flips and not view.flips:
            return f"figure {self.name!r} needs a flip, and this run's timeline has none"
        return None

    def figure(self, view: RunView, axes: Any = None) -> Figure:
        """Draw it.

        Args:
            axes: None for a figure of its own; else matplotlib Axes, one or an array as the
                figure has panels, row by row.

        Returns:
            The figure; the one of the axes where they are given.

        Raises:
            EvosimError: the run's data lacks what the figure needs, or the axes are not as many as
                its panels.
        """
        if reason := self.lacks(view):
            raise EvosimError(reason)
        # matplotlib is imported here, not before
        draw: Callable[..., Figure] = import_module(f"evosim.plot.{self.name}").figure
        if axes is None:
            return draw(view)
        if self.whole:
            raise EvosimError(f"figure {self.name!r} cannot be drawn into given axes: {self.whole}")
        from evosim.plot import layouts

        given = layouts.flat(axes)
        with layouts.same_tick_labels(given):
            return draw(view, given)


FIGURES: Registry[FigureKind] = Registry("figure")
for _kind in (
    FigureKind(
        name="flips",
        title="capability and alignment before and after each flip",
        needs=("capability", "alignment"),
        flips=True,
    ),
    FigureKind(
        name="objective_proxy",
        title="intended payoff and internal reward",
        needs=("payoff_total", "internal_reward"),
    ),
    FigureKind(
        name="drift",
        title="population drift of the drives",
        needs=("genome",),
    ),
    FigureKind(
        name="alignment",
        title="capability and alignment in every environment",
        needs=("capability", "alignment"),
    ),
    FigureKind(
        name="population",
        title="size of an open population",
        needs=("population_size",),
    ),
    FigureKind(
        name="islands",
        title="demes and migration",
        needs=("deme", "source"),
    ),
    FigureKind(
        name="deception",
        title="conduct while watched and unwatched",
        needs=("conduct_watched",),
    ),
    FigureKind(
        name="monitor",
        title="out-of-distribution detection",
        needs=("monitor_score",),
    ),
    FigureKind(
        name="mind",
        title="minds and lifespan",
        needs=("genome", "lifespan"),
    ),
    FigureKind(
        name="genes",
        title="distribution of every gene",
        needs=("genome",),
    ),
    FigureKind(
        name="level",
        title="a level and a lifetime on it",
        needs=("genome",),
        whole="its map, legend and events have sizes of their own; leave axes out",
    ),
):
    FIGURES.register(_kind.name)(_kind)
