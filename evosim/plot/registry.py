"""The figures by name: of a run, an experiment, a study or an analysis; and how one is registered.

A module of a built-in figure is imported when somebody first asks for a figure of its kind, and
matplotlib with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from evosim import mechanisms
from evosim.errors import EvosimError, did_you_mean
from evosim.registry import Registry, calling, check_call, check_name, origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

F = TypeVar("F", bound=Callable[..., Any])
Unsupported: TypeAlias = Callable[[Any], str | EvosimError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureKind:
    """A figure that can be drawn.

    Attributes:
        name: also the stem of its files.
        title: what it shows, in a few words.
        draw: draws it.
        needs: variables of a run's dataset without which it cannot be drawn.
        flips: whether it is about flips of a run, and so needs one.
        unless: the reason why something cannot have the figure; None where it can.
    """

    name: str
    title: str
    draw: Callable[..., Figure | None]
    needs: tuple[str, ...] = ()
    flips: bool = False
    unless: Unsupported = lambda subject: None

    def unsupported(self, subject: Any) -> EvosimError | None:
        """Why this run, experiment or study cannot have the figure; None where it can."""
        what = f"figure {self.name!r}"
        subject = self._seen(subject)
        if missing := [name for name in self.needs if name not in subject.data]:
            return EvosimError(f"{what} needs {', '.join(missing)}, missing in this run's data")
        if self.flips and not subject.flips:
            return EvosimError(f"{what} needs a flip, and this run's timeline has none")
        with calling(f"{what}: unsupported", self.unless):
            reason = self.unless(subject)
        if reason is None:
            return None
        parts = reason.parts if isinstance(reason, EvosimError) else (reason,)
        return EvosimError(f"{what}: ", *parts)

    def figure(self, subject: Any, *more: Any, axes: Any = None) -> Figure:
        """Draw it.

        Args:
            subject: what it is of: a :class:`~evosim.plot.run_view.RunView`, or the summary of an
                experiment, a study or an analysis.
            more: of an experiment, its scenario.
            axes: of a run: None for a figure of its own; else matplotlib Axes, one or an array as
                the figure has panels, row by row.

        Returns:
            The figure; the one of the axes where they are given.

        Raises:
            EvosimError: the subject lacks what the figure needs, it cannot be drawn into axes, or
                they are not as many as its panels.
        """
        if error := self.unsupported(subject):
            raise error
        subject = self._seen(subject)
        with calling(f"figure {self.name!r}", self.draw):
            drawn = self.draw(subject, *more) if axes is None else self._into(axes, subject)
        if drawn is None or not hasattr(drawn, "savefig"):
            raise EvosimError(
                f"figure {self.name!r}{origin(self.draw)}: its function returned {drawn!r}, "
                "needed: a Figure of matplotlib"
            )
        return drawn

    def _seen(self, subject: Any) -> Any:
        """What a plugin's figure is given: data as xarray has them, of which it may ask all."""
        return getattr(subject, "with_xarray", subject) if origin(self.draw) else subject

    def _into(self, axes: Any, subject: Any) -> Figure | None:
        """Draw it into axes that the caller made."""
        if "axes" not in inspect.signature(self.draw).parameters:
            raise EvosimError(
                f"figure {self.name!r} sets the sizes of its parts itself and cannot be drawn into "
                "axes; leave axes out"
            )
        from evosim.plot import layouts

        given = layouts.flat(axes)
        with layouts.same_tick_labels(given):
            return self.draw(subject, axes=given)


OF: Mapping[str, Registry[FigureKind]] = MappingProxyType(
    {
        "run": Registry("figure"),
        "experiment": Registry("figure of an experiment"),
        "study": Registry("figure of a study"),
        "analysis": Registry("figure of an analysis"),
    }
)
"""The registries, by what their figures are of."""


@OF["run"].built_in
def _of_run() -> Sequence[str]:
    """The modules that register a figure of a run, in the order of drawing."""
    first = ("flip", "objective_proxy", "genes")
    last = ("mind", "alignment", "level")
    return (
        *(f"evosim.plot.{name}" for name in first),
        *mechanisms.paths("figures"),
        *(f"evosim.plot.{name}" for name in last),
    )


@OF["experiment"].built_in
def _of_experiment() -> Sequence[str]:
    """The modules that register a figure of an experiment, in the order of drawing."""
    names = ("findings", "trajectories", "sensitivity", "maps", "world", "family")
    return [f"evosim.plot.{name}" for name in names]


@OF["study"].built_in
def _of_study() -> Sequence[str]:
    """The modules that register a figure of a study, in the order of drawing."""
    names = ("phase", "curve", "interaction", "raincloud")
    return [f"evosim.plot.studies.{name}" for name in names]


@OF["analysis"].built_in
def _of_analysis() -> Sequence[str]:
    """The modules that register a figure of an analysis."""
    names = ("best_of_n", "distances", "goals", "heredity", "leakage", "stress")
    return [f"evosim.plot.analyses.{name}" for name in names]


_CALLED = {
    "run": ("view",),
    "experiment": ("summary", "scenario"),
    "study": ("summary",),
    "analysis": ("summary",),
}


def figure(
    name: str,
    title: str = "",
    *,
    of: str = "run",
    needs: Sequence[str] = (),
    flips: bool = False,
    unsupported: Unsupported | None = None,
) -> Callable[[F], F]:
    """A decorator that registers a function which draws a figure.

    The function returns a :class:`matplotlib.figure.Figure`. Of a run it is called with a
    :class:`~evosim.plot.run_view.RunView` (and, where it has a parameter ``axes``, with the list of
    Axes to draw into, or None), of an experiment with its summary (verdict.json) and
    scenario, of a study or an analysis with its summary.

    Args:
        name: of the figure, and the stem of its files; of an analysis the analysis's.
        title: what it shows, in a few words; of an analysis its description says it.
        of: run, experiment, study or analysis.
        needs: variables of a run's dataset without which it cannot be drawn.
        flips: whether it is about flips of a run, and so needs one.
        unsupported: called with the first argument, returns why it cannot have the figure, or
            None. Only figures that nothing rules out are drawn when nobody names any.

    Raises:
        EvosimError: a name that is taken, or a function that cannot be called as it will be.

    Example:
        >>> import evosim
        >>> @evosim.figure("best_scores", "the best score of each generation", needs=("score",))
        ... def best_scores(view):
        ...     from matplotlib.figure import Figure
        ...     drawn = Figure(figsize=(4, 3))
        ...     lines = drawn.subplots().plot(view.data["score"].max("individual").T)
        ...     return drawn
        >>> evosim.open_run("runs/contraception-1").figure("best_scores")
        <Figure size ... with 1 Axes>
    """
    if of not in OF:
        raise EvosimError(f"figure {name!r} of {of!r}: {did_you_mean(of, OF)}")
    check_name(OF[of].kind, name)
    what = f"{OF[of].kind} {name!r}"
    if isinstance(needs, str):
        raise EvosimError(f"{what}: needs={needs!r} is a text, needed: names, ({needs!r},)")
    if of != "run" and (needs or flips):
        raise EvosimError(f"{what}: needs and flips are of figures of a run; give unsupported=...")

    def put(function: F) -> F:
        check_call(what, function, *_CALLED[of])
        known = {} if unsupported is None else {"unless": unsupported}
        kind = FigureKind(
            name=name, title=title, draw=function, needs=tuple(needs), flips=flips, **known
        )
        OF[of].add(name, kind, function)
        return function

    return put
