"""The analyses by name. A new one is a module here, one that draws it, and a line below.

``evosim/metrics/analyses/NAME.py`` has ``analyse(data, scenario, request) -> dict``, plain numbers,
texts, lists and tables that JSON can hold (NaN becomes null), and ``describe(summary) -> str``, the
same for people. ``evosim/plot/analyses/NAME.py`` has ``figure(summary) -> Figure``. Both are
imported when they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evosim.errors import Registry

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of an analysis.

    Attributes:
        seed: of the run; what an analysis draws, it draws by keys made from it (model 5).
        probe_seed: of the run's probes, in a fork its parent's; None: the seed.
        generation: looks at this generation; None: the last, or all that were probed.
        replicate: looks at this replicate where it looks at one.
    """

    seed: int
    probe_seed: int | None = None
    generation: int | None = None
    replicate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An analysis of a run.

    Attributes:
        name: also that of the modules that make and draw it.
        says: what it tells, in a few words.
    """

    name: str
    says: str

    def analyse(self, data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
        """The numbers.

        Raises:
            EvosimError: this run does not have what the analysis needs, in words.
        """
        return dict(self._module.analyse(data, scenario, request))

    def describe(self, summary: dict[str, Any]) -> str:
        """The numbers for people, plain text."""
        return str(self._module.describe(summary))

    @property
    def _module(self) -> Any:
        return import_module(f"evosim.metrics.analyses.{self.name}")


ANALYSES: Registry[Analysis] = Registry("analysis")
_KINDS: tuple[Analysis, ...] = (
    Analysis(name="distances", says="how far the drives are from the payoffs, as rewards"),
    Analysis(name="goals", says="what minds are directed at, and what their lives tell of it"),
    Analysis(name="heredity", says="what moved the genes, and who descends from whom"),
    Analysis(name="leakage", says="which probe levels and levels of deployment have trained"),
    Analysis(name="best_of_n", says="what the best of n by the selected payoff is worth"),
)
for _kind in _KINDS:
    ANALYSES.register(_kind.name)(_kind)
