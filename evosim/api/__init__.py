"""The public functions, and the objects they return."""

from __future__ import annotations

from evosim.api.analyses import Analysed, analyse
from evosim.api.comparisons import Comparison, compare
from evosim.api.experiments import (
    Experiment,
    check,
    experiment,
    open_experiment,
    open_folder,
    open_one,
    resume,
)
from evosim.api.runs import Run, fork, open_run, run
from evosim.api.studies import Study, check_study, open_study, resume_study, run_study
from evosim.api.tensors import export_tensors
from evosim.api.trees import export_trees

__all__ = [
    "Analysed",
    "Comparison",
    "Experiment",
    "Run",
    "Study",
    "analyse",
    "check",
    "check_study",
    "compare",
    "experiment",
    "export_tensors",
    "export_trees",
    "fork",
    "open_experiment",
    "open_folder",
    "open_one",
    "open_run",
    "open_study",
    "resume",
    "resume_study",
    "run",
    "run_study",
]
