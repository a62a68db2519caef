"""evosim: an evolutionary sandbox for inner alignment.

    >>> import evosim
    >>> run = evosim.run("contraception", seed=1)     # doctest: +SKIP
    >>> print(run.verdict)                            # doctest: +SKIP
    >>> run.data.genome, run.summary, run.plot.drift()  # doctest: +SKIP

run, resume, fork     live a scenario; go on (also with an experiment or a study); another future
                      from a past generation
open_run, Run         a run on disk: .data (xarray), .summary, .verdict, .plot, .replay()
experiment            run the arms of a scenario and settle its claim
open_experiment       an experiment on disk: .arms (runs), .summary, .verdict, .plot()
run_study, open_study live a scenario under many conditions; a study on disk: .points, .counts
analyse               an analysis of a run: .summary, .text, .plot()
export_tensors        a level as T[s,a,s'] and rewards, in a file
export_trees          who descends from whom, as a tree sequence for tskit
compare               runs or arms side by side: .summary, .text, .plot(file)
load, catalogue       read a scenario (id or path); the scenarios that ship
check                 read a scenario and check all of it
EvosimError           any mistake of a user; ScenarioError, RunError, Interrupted

Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evosim.api import (
        Analysed,
        Comparison,
        Experiment,
        Run,
        Study,
        analyse,
        check,
        compare,
        experiment,
        export_tensors,
        export_trees,
        fork,
        open_experiment,
        open_run,
        open_study,
        resume,
        run,
        run_study,
    )
    from evosim.errors import EvosimError, RunError, ScenarioError
    from evosim.execution.stop import Interrupted
    from evosim.scenario import Scenario, catalogue, load

__all__ = [
    "Analysed",
    "Comparison",
    "EvosimError",
    "Experiment",
    "Interrupted",
    "Run",
    "RunError",
    "Scenario",
    "ScenarioError",
    "Study",
    "__version__",
    "analyse",
    "catalogue",
    "check",
    "compare",
    "experiment",
    "export_tensors",
    "export_trees",
    "fork",
    "load",
    "open_experiment",
    "open_run",
    "open_study",
    "resume",
    "run",
    "run_study",
]

_HOMES = {
    "Analysed": "evosim.api",
    "analyse": "evosim.api",
    "Comparison": "evosim.api",
    "compare": "evosim.api",
    "Experiment": "evosim.api",
    "Run": "evosim.api",
    "check": "evosim.api",
    "experiment": "evosim.api",
    "export_tensors": "evosim.api",
    "export_trees": "evosim.api",
    "fork": "evosim.api",
    "open_experiment": "evosim.api",
    "open_run": "evosim.api",
    "resume": "evosim.api",
    "run": "evosim.api",
    "Study": "evosim.api",
    "open_study": "evosim.api",
    "run_study": "evosim.api",
    "EvosimError": "evosim.errors",
    "RunError": "evosim.errors",
    "ScenarioError": "evosim.errors",
    "Interrupted": "evosim.execution.stop",
    "Scenario": "evosim.scenario",
    "catalogue": "evosim.scenario",
    "load": "evosim.scenario",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("evosim")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'evosim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
