"""What a record depends on: code by its meaning, runs and findings apart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from tiny_experiment import EXPERIMENT, Gallery

import evosim
from evosim import scenario
from evosim.gallery.depends import (
    _RUN_MODULES,
    METRIC_MODULES,
    RUN_INPUTS,
    VERDICT_INPUTS,
    changed,
    code,
    depends,
    imported,
    meaning,
)
from evosim.study.experiment import ExperimentFolder


def of(text: str) -> dict[str, str]:
    return depends(scenario.loads(text))


def test_comments_docstrings_and_layout_are_no_change_of_code() -> None:
    plain = 'def f(x):\n    return x + "a"\n'
    reported = (
        '"""A module."""\n\ndef f(x):  # f\n    """F."""\n    return (x\n            + "a")\n'
    )
    assert meaning(reported) == meaning(plain)
    assert meaning(plain.replace('"a"', '"b"')) != meaning(plain)


def of_the_package(files: Iterable[Path]) -> set[str]:
    return {file.relative_to(Path(evosim.__file__).parent).as_posix() for file in files}


def test_what_a_module_imports_is_found_at_any_remove_and_its_types_are_not() -> None:
    run_modules = of_the_package(imported(_RUN_MODULES))
    assert {
        "core/plan.py", "core/rng.py", "evolution/cma.py",
        "mechanisms/deception/schema.py", "mechanisms/deception/state.py",
        "mechanisms/islands/state.py", "mechanisms/monitor/state.py",
        "mind/genome.py", "rng.py", "scenario/check_placement.py", "world/tables.py",
    } <= run_modules  # fmt: skip
    assert not {
        name
        for name in run_modules
        if name.startswith(("metrics/", "plot/", "cli/", "api/"))
        or name.endswith(("/metrics.py", "/figures.py"))
    }
    assert "testing/reference.py" not in run_modules


def test_a_name_that_a_package_imports_when_asked_leads_to_its_module() -> None:
    assert "scenario/timeline.py" in of_the_package(imported(("metrics/analyses/best_of_n.py",)))
    assert "scenario/reading.py" in of_the_package(imported(("mechanisms/islands/state.py",)))


def test_whatever_metrics_are_made_of_is_code_that_a_study_depends_on() -> None:
    made_of = of_the_package(imported(METRIC_MODULES))
    assert {
        "metrics/best_of_n.py", "mechanisms/deception/metrics.py", "metrics/popgen/coalescent.py",
        "metrics/reward_distance.py", "stats/intervals.py",
    } <= made_of  # fmt: skip


def test_the_verdict_depends_on_what_settles_and_not_on_figures() -> None:
    verdict_modules = of_the_package(imported(("study/verdict.py",)))
    assert {"metrics/hypotheses.py", "metrics/summary.py", "study/design.py"} <= verdict_modules
    assert not {name for name in verdict_modules if name.startswith(("plot/", "cli/", "gallery/"))}


def test_a_hash_of_code_leaves_out_what_it_is_told_to() -> None:
    assert code(("core/plan.py",)) != code(("core/live.py",))
    assert code(("core/plan.py",), ("core/plan.py",)) == code((), ())


def test_what_is_said_or_found_is_a_reason_to_settle_again_and_not_to_live_again() -> None:
    plain = of(EXPERIMENT)
    for old, new in [("above   = 0.1", "above   = 0.2"), ("A collapse.", "A loss.")]:
        other = of(EXPERIMENT.replace(old, new))
        assert changed(plain, other, RUN_INPUTS) == ""
        assert changed(plain, other, VERDICT_INPUTS) == "its findings or its words were changed"
    assert changed(plain, of(EXPERIMENT), {**RUN_INPUTS, **VERDICT_INPUTS}) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lifetime = 20", "lifetime = 9"),
        ("replicates = 6", "replicates = 4"),
        ("replicates = 3", "replicates = 4"),
        ("[0.0, 1.0]", "[0.0, 2.0]"),
        ('set   = ["timeline.1.train=before"]', ""),
    ],
)
def test_other_worlds_arms_or_replicates_are_other_runs(old: str, new: str, whole: Gallery) -> None:
    other = scenario.loads(EXPERIMENT.replace(old, new))
    assert EXPERIMENT.count(old) == 1
    assert not ExperimentFolder(whole.work / "tiny").holds(other, tuned=True)


@pytest.mark.parametrize(
    ("old", "new"), [("A collapse.", "A loss."), ("fruit feeds on", "no"), ("Does it", "Does this")]
)
def test_other_words_are_the_same_runs(old: str, new: str, whole: Gallery) -> None:
    other = scenario.loads(EXPERIMENT.replace(old, new))
    assert EXPERIMENT.count(old) == 1
    assert ExperimentFolder(whole.work / "tiny").holds(other, tuned=True)
