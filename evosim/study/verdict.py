"""The verdict of an experiment: its findings, contrasts of measures over its conditions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evosim.engine.checksums import sealed
from evosim.engine.files import as_json, write_text
from evosim.errors import EvosimError, ScenarioError
from evosim.execution.runner import finite
from evosim.metrics import hypotheses
from evosim.metrics.hypotheses import Conditions, WeightedTerm
from evosim.metrics.trajectories import trajectories
from evosim.scenario.timeline import stretches
from evosim.scenario.words import WORDS
from evosim.stats.intervals import Bootstrap
from evosim.study import design, families
from evosim.study.design import changed, experiment_of, moved, reference, tuned_key, value_at
from evosim.study.folder import read_result

if TYPE_CHECKING:
    from evosim.scenario import Experiment as Written
    from evosim.scenario import Finding, Scenario
    from evosim.scenario.experiment import Arm, Tuned
    from evosim.study.experiment import ExperimentFolder

FEWEST_OF_A_SWEEP = 3
"""Arms with a place on the axis that make a curve."""
_NUMBERS = re.compile(r"\[\s+((?:-?[\d.e+-]+|null)(?:,\s+(?:-?[\d.e+-]+|null))*)\s+\]")


def read(folder: ExperimentFolder) -> dict[str, Any] | None:
    """What verdict.json holds; None where there is none, or it is damaged, which is said.

    Raises:
        RunError: it may not be read.
    """
    return read_result(folder, "the claim is evaluated again")


def write(folder: ExperimentFolder) -> dict[str, Any]:
    """Evaluate the claim of an experiment whose runs are complete, and write verdict.json.

    Raises:
        WriteError: the operating system refused.
    """
    summary = found(folder)
    text = as_json(sealed(summary), indent=2)
    # Rows of numbers on one line each.
    text = _NUMBERS.sub(lambda row: f"[{' '.join(row[1].split())}]", text)
    write_text(folder.summary_path, text + "\n")
    return summary


def found(folder: ExperimentFolder) -> dict[str, Any]:
    """What verdict.json holds, of arms or of arms in worlds."""
    over_worlds = folder.manifest.get("worlds")
    return dict(finite(families.summarize(folder) if over_worlds else summarize(folder)))


def summarize(folder: ExperimentFolder) -> dict[str, Any]:
    """What verdict.json holds.

    Returns:
        verdict (supported, refuted, undecided), scenario, title, question, claim, source, control,
        expected, found, pilots, frozen, seed, replicates, confidence, axis, arms (by name: title,
        place on the axis, phases and flips), findings (see
        :func:`evosim.metrics.hypotheses.evaluate`; and ``curve``, the first term in every arm along
        the axis), courses (the headline measure over generations,
        see :func:`evosim.metrics.trajectories.trajectories`), tuned (None, or label, key, says,
        replicates,
        written (the scenario's own value) and values: each with the headline finding there, as
        ``measured`` and the rest), command, versions, machine.
    """
    scenario, manifest = folder.base, folder.manifest
    written = experiment_of(scenario)
    bootstrap, claimed = folder.bootstrap, design.claimed(folder.base)
    headline, terms = claimed[0]
    with folder.opened({arm: arm for arm in written.arms}) as data:
        findings = [
            {
                **_contrast(finding, summed, data, bootstrap),
                "curve": _curve(summed[0], written, data, bootstrap),
            }
            for finding, summed in claimed
        ]
        lines = trajectories(terms, data)
        arms = {name: _arm(arm, data[name].scenario) for name, arm in written.arms.items()}
    tuned = None
    if manifest["tuned"] and written.tuned is not None:
        values = []
        for i, value in enumerate(written.tuned.values):
            with folder.opened({t.arm: tuned_key(i, t.arm) for t in terms}) as data:
                found = _contrast(headline, terms, data, bootstrap)
            values.append({**found, "measured": found["value"], "value": value})
        tuned = {
            "label": written.tuned.label,
            "key": ", ".join(written.tuned.places),
            "says": written.tuned.says,
            "replicates": min(written.tuned.replicates, folder.replicates),
            "written": _written(written.tuned, reference(scenario)),
            "values": values,
        }
    return {
        "verdict": hypotheses.verdict_of(findings),
        "scenario": scenario.id,
        **{key: getattr(scenario, key) for key in WORDS},
        "seed": manifest["seed"],
        "replicates": manifest["replicates"],
        "confidence": bootstrap.confidence,
        "axis": written.axis,
        "arms": arms,
        "findings": findings,
        "courses": lines,
        "tuned": tuned,
        **{key: manifest[key] for key in ("command", "versions", "machine")},
    }


def _written(tuned: Tuned, scenario: Scenario) -> Any:
    """The value that a scenario has itself; None where several keys hold none of the values."""
    if tuned.key is not None:
        return value_at(scenario, tuned.key)
    for value in tuned.values:
        with contextlib.suppress(ScenarioError):  # one that only the arms' own settings make right
            if changed(scenario, moved(tuned, value)) == scenario:
                return value
    return None


def _contrast(
    finding: Finding,
    terms: Sequence[WeightedTerm],
    data: Mapping[str, Conditions],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What becomes of a finding, from the data of its arms."""
    columns = [hypotheses.columns_of(term, data) for term in terms]
    scenarios = {arm: conditions.scenario for arm, conditions in data.items()}
    return {
        **hypotheses.evaluate(finding, terms, columns, bootstrap, scenarios),
        "amounts": hypotheses.amounts_of(finding, terms, data, bootstrap),
    }


def _curve(
    term: WeightedTerm, written: Written, data: Mapping[str, Conditions], bootstrap: Bootstrap
) -> list[dict[str, Any]] | None:
    """What a term measures in every arm along the axis; None where the arms are no sweep."""
    along = {name: arm.at for name, arm in written.arms.items() if arm.at is not None}
    if len(along) < FEWEST_OF_A_SWEEP:
        return None
    found = []
    for name, at in along.items():
        here = term._replace(arm=name)
        try:
            columns = hypotheses.columns_of(here, data)
        except EvosimError:
            continue  # the finding does not look at this arm, which lacks what it measures
        found.append({"x": at, **hypotheses.measured(here, columns, bootstrap)})
    return sorted(found, key=lambda point: point["x"])


def _arm(arm: Arm, scenario: Scenario) -> dict[str, Any]:
    """What figures say of an arm: its title, its place on the axis, what trains when."""
    return {
        "title": arm.title,
        "at": arm.at,
        "generations": scenario.generations,
        "phases": [
            {
                "generation": stretch.begin,
                "world": stretch.label(lambda mixture: _named(scenario, mixture)),
                "select": stretch.phase.select,
            }
            for stretch in stretches(scenario)
        ],
        "flips": [flip.generation for flip in scenario.flips],
    }


def _named(scenario: Scenario, mixture: Mapping[str, float]) -> str:
    """A mixture of environments by their titles, with shares where there are several."""
    titles = {name: scenario.environments[name].title or name for name in mixture}
    if len(mixture) == 1:
        return next(iter(titles.values()))
    return " + ".join(f"{100 * mixture[name]:.3g} % {title}" for name, title in titles.items())
