"""The analyses by name, and the decorator that registers one.

A built-in one is a module here, and another in ``evosim/plot/analyses`` that draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from evosim.errors import EvosimError
from evosim.registry import Registry, calling, check_call

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of an analysis.

    Attributes:
        seed: of the run; what an analysis draws, it draws by keys made from it (model 5).
        probe_seed: of the run's probes, in a fork its parent's; None: the seed.
        generation: looks at this generation; None: the last, or all that were probed.
        replicate: looks at this replicate where it looks at one.
        options: what else an analysis is told, by name.
    """

    seed: int
    probe_seed: int | None = None
    generation: int | None = None
    replicate: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An analysis of a run.

    Attributes:
        name: also the stem of its files.
        description: what it tells, in a few words.
        analyse: (data, scenario, request) -> the numbers, by name.
        describe: (summary) -> the same for people, plain text.
        asked: made only where it is asked for by name, as it takes minutes.
    """

    name: str
    description: str
    analyse: Callable[[xr.Dataset, Scenario, Request], dict[str, Any]]
    describe: Callable[[dict[str, Any]], str]
    asked: bool = False

    def found(self, data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
        """The numbers, by name.

        Raises:
            EvosimError: the function fails, or returns something else.
        """
        what = f"analysis {self.name!r}"
        with calling(what, self.analyse):
            found = self.analyse(data, scenario, request)
        if not isinstance(found, dict):
            raise EvosimError(f"{what}: its function returned {found!r}, needed: a dictionary")
        if taken := sorted(OWN & found.keys()):
            raise EvosimError(
                f"{what}: its function returned {', '.join(taken)}, which evosim writes itself "
                f"({', '.join(sorted(OWN))}); rename them"
            )
        return found

    def text(self, summary: dict[str, Any]) -> str:
        """The numbers for people."""
        with calling(f"analysis {self.name!r}: describe", self.describe):
            return self.describe(summary)


OWN = frozenset({"analysis", "scenario", "title"})
"""Keys of a summary that say what it is of."""


ANALYSES: Registry[Analysis] = Registry("analysis")


def analysis(
    name: str,
    description: str,
    *,
    describe: Callable[[dict[str, Any]], str] | None = None,
    asked: bool = False,
) -> Callable[[F], F]:
    """A decorator that registers a function as an analysis of a complete run.

    The function is called with the run's data (:class:`xarray.Dataset`), its scenario and a
    :class:`Request`, and returns a dictionary of what JSON can hold: numbers, texts, lists and
    dictionaries; NaN becomes null. A figure of it is registered apart, under the same name
    (:func:`evosim.plot.registry.figure`).

    Args:
        name: of the analysis, and the stem of its files.
        description: what it tells, in a few words.
        describe: makes plain text of what the function returned; a line for each number if None.
        asked: whether it is made only where it is asked for by name, as it takes minutes.

    Raises:
        EvosimError: a name that is taken, or a function that cannot be called as it will be.

    Example:
        >>> import evosim
        >>> @evosim.analysis("longest", "the longest mean lifespan of an individual")
        ... def longest(data, scenario, request):
        ...     return {"steps": float(data["lifespan"].max())}
        >>> evosim.analyse("runs/contraception-1", "longest").summary["steps"] > 0
        True
    """
    what = f"{ANALYSES.kind} {name!r}"
    describe = describe or _lines
    check_call(f"{what}: describe", describe, "summary")

    def put(function: F) -> F:
        check_call(what, function, "data", "scenario", "request")
        one = Analysis(
            name=name, description=description, analyse=function, describe=describe, asked=asked
        )
        ANALYSES.add(name, one, function)
        return function

    return put


def _lines(summary: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in summary.items())
