"""The folder of an experiment: its runs, and the verdict on its claim.

    experiment.json   what it is: scenario, seed, replicates, command, versions, machine
    scenario.toml     the scenario with its arms and findings, resolved
    arms/NAME/        the run of each arm, an ordinary run folder
    verdict.json  figures/     once all of them are complete

Nothing but the arms' own folders is needed to go on after a kill.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim import scenario as scenarios
from evosim.engine.dataset import open_dataset
from evosim.engine.files import explain, write_text
from evosim.engine.folders import appearing
from evosim.engine.run_folder import RunFolder
from evosim.errors import EvosimError, RunError
from evosim.execution.progress import Progress
from evosim.execution.runner import complete_runs, finite
from evosim.metrics import hypotheses, turns
from evosim.metrics.hypotheses import Conditions, WeightedTerm
from evosim.metrics.leakage import check_disjoint
from evosim.metrics.trajectories import trajectories
from evosim.scenario.words import WORDS
from evosim.stats.intervals import Bootstrap
from evosim.study.design import Condition, arms_of, conditions, experiment_of, reference, value_at

if TYPE_CHECKING:
    from evosim.scenario import Experiment as Written
    from evosim.scenario import Finding, Scenario
    from evosim.scenario.experiment import Arm

FORMAT = 1
FEWEST_OF_A_SWEEP = 3
"""Arms with a place on the axis that make a curve."""
FACTS = "experiment.json"


class ExperimentFolder:
    """An experiment on disk. ``ExperimentFolder(path)`` opens one, :meth:`create` makes one.

    Attributes:
        path: the folder.
        manifest: what experiment.json holds.

    Raises:
        RunError: no experiment is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = _read_manifest(path)

    @classmethod
    def create(
        cls, path: Path, scenario: Scenario, manifest: Mapping[str, Any]
    ) -> ExperimentFolder:
        """A new experiment folder with a run folder for each arm; it appears whole or not at all.

        Args:
            manifest: of :func:`evosim.engine.provenance.manifest`, and ``tuned``.

        Raises:
            RunError: there is something already, or the folder cannot be made.
            ScenarioError: a setting of an arm is wrong.
        """
        found = conditions(scenario, replicates=manifest["replicates"], tuned=manifest["tuned"])
        with appearing(path) as making:
            write_text(making / "scenario.toml", scenario.to_toml())
            known = {"format": FORMAT, **manifest, "runs": [c.name for c in found]}
            write_text(making / FACTS, json.dumps(known, indent=2, ensure_ascii=False) + "\n")
            for condition in found:
                own = {**manifest, "replicates": condition.replicates, "figures": False}
                check_disjoint(condition.scenario, own)
                arm = making / "arms" / condition.name
                with RunFolder.create(arm, condition.scenario, own):
                    pass
        return cls(path)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the folder is one of an experiment."""
        return (path / FACTS).is_file()

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario with its experiment."""
        path = self.path / "scenario.toml"
        try:
            return scenarios.loads(path.read_text(encoding="utf-8"), name=str(path))
        except OSError as error:
            raise RunError(explain(error, path, "read")) from error

    @property
    def written(self) -> Written:
        """The experiment of the scenario."""
        return experiment_of(self.scenario)

    @property
    def verdict_path(self) -> Path:
        return self.path / "verdict.json"

    @property
    def figures_path(self) -> Path:
        return self.path / "figures"

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The runs it consists of."""
        return conditions(
            self.scenario, replicates=self.manifest["replicates"], tuned=self.manifest["tuned"]
        )

    def run(self, name: str) -> RunFolder:
        """The run of a condition.

        Raises:
            RunError: its folder is gone.
        """
        return RunFolder(self.path / "arms" / name)

    def complete_runs(
        self,
        *,
        stop: Callable[[], bool],
        progress: Progress,
        wait: float,
        workers: int | None,
        checkpoint: float,
    ) -> None:
        """Complete what is left of all runs, side by side, and evaluate the claim.

        Raises:
            RunError: it cannot go on, or the scenario was changed; what is done is kept.
            Interrupted: it was stopped.
        """
        runs = {c.name: self.run(c.name) for c in self.conditions}
        for condition in self.conditions:
            there = replace(condition, scenario=runs[condition.name].scenario)
            if there.identity != condition.identity:
                raise RunError(
                    f"{self.path / 'scenario.toml'} was changed after the experiment began: arm "
                    f"{condition.name!r} ran with another one. Restore it, or start again"
                )
        with ExitStack() as held:
            locks = [
                held.enter_context(run.lock(wait=wait, announce=progress.note))
                for run in runs.values()
            ]
            complete_runs(
                runs, locks=locks, stop=stop, progress=progress, title=self.scenario.title,
                resume=self.path, workers=workers, checkpoint=checkpoint,
            )  # fmt: skip
            if not self.verdict_path.exists():
                write_text(self.verdict_path, _json(finite(summarize(self))))

    @contextlib.contextmanager
    def opened(self, names: Sequence[str]) -> Iterator[dict[str, Conditions]]:
        """The data of some runs, closed at the end of the block."""
        with ExitStack() as held:
            runs = {name: self.run(name) for name in names}
            yield {
                name: Conditions(held.enter_context(open_dataset(run)), run.scenario)
                for name, run in runs.items()
            }


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
    scenario, written, manifest = folder.scenario, folder.written, folder.manifest
    bootstrap = Bootstrap.of(
        manifest["seed"],
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    flips = turns(reference(scenario))
    with folder.opened(list(written.arms)) as data:
        findings = [_evaluated(f, written, flips, data, bootstrap) for f in written.findings]
        lines = trajectories(hypotheses.terms_of(written.findings[0], written, flips), data)
        arms = {name: _arm(arm, data[name].scenario) for name, arm in written.arms.items()}
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
        "tuned": _tuned(folder, flips, bootstrap) if manifest["tuned"] and written.tuned else None,
        **{key: manifest[key] for key in ("command", "versions", "machine")},
    }


def _evaluated(
    finding: Finding,
    written: Written,
    flips: Sequence[int],
    data: Mapping[str, Conditions],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    terms = hypotheses.terms_of(finding, written, flips)
    columns = [hypotheses.columns_of(term, data) for term in terms]
    return {
        **hypotheses.evaluate(finding, terms, columns, bootstrap),
        "curve": _curve(terms[0], written, data, bootstrap),
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
    begins = (0, *turns(scenario))
    return {
        "title": arm.title,
        "at": arm.at,
        "generations": scenario.generations,
        "phases": [
            {"generation": g, "world": _named(scenario, phase.mixture), "select": phase.select}
            for g, phase in zip(begins, scenario.timeline, strict=True)
        ],
        "flips": [flip.generation for flip in scenario.flips],
    }


def _named(scenario: Scenario, mixture: Mapping[str, float]) -> str:
    """A mixture of environments by their titles, with shares where there are several."""
    titles = {name: scenario.environments[name].title or name for name in mixture}
    if len(mixture) == 1:
        return next(iter(titles.values()))
    return " + ".join(f"{100 * mixture[name]:.3g} % {title}" for name, title in titles.items())


def _tuned(folder: ExperimentFolder, flips: Sequence[int], bootstrap: Bootstrap) -> dict[str, Any]:
    """The headline finding at each value of what was tuned."""
    written = folder.written
    tuned, headline = written.tuned, written.findings[0]
    assert tuned is not None
    terms = hypotheses.terms_of(headline, written, flips)
    values = []
    for i, value in enumerate(tuned.values):
        runs = {arm: f"tuned-{i}-{arm}" for arm in arms_of(headline, written)}
        with folder.opened(list(runs.values())) as data:
            columns = [_columns_at(term, runs, data) for term in terms]
        evaluated = hypotheses.evaluate(headline, terms, columns, bootstrap)
        values.append({**evaluated, "measured": evaluated["value"], "value": value})
    return {
        "label": tuned.label,
        "key": tuned.key,
        "says": tuned.says,
        "replicates": min(tuned.replicates, folder.manifest["replicates"]),
        "written": value_at(reference(folder.scenario), tuned.key),
        "values": values,
    }


def _columns_at(term: WeightedTerm, runs: Mapping[str, str], data: Mapping[str, Conditions]) -> Any:
    name = runs[term.arm]
    return hypotheses.columns_of(term._replace(arm=name), data)


_NUMBERS = re.compile(r"\[\s+((?:-?[\d.e+-]+|null)(?:,\s+(?:-?[\d.e+-]+|null))*)\s+\]")


def _json(summary: dict[str, Any]) -> str:
    """The summary as JSON, rows of numbers on one line each."""
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


def _read_manifest(path: Path) -> dict[str, Any]:
    source = path / FACTS
    try:
        manifest: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        wrong = {"format", "seed", "replicates", "tuned"} - set(manifest)
    except FileNotFoundError:
        raise RunError(f"{path} is not the folder of an experiment: no {FACTS}") from None
    except OSError as error:
        raise RunError(explain(error, source, "read")) from error
    except (ValueError, TypeError) as error:
        raise RunError(f"{source} is damaged: {error}. Restore it, or start again") from error
    if wrong:
        raise RunError(f"{source} is damaged: {', '.join(sorted(wrong))} is missing")
    if manifest["format"] != FORMAT:
        raise RunError(
            f"{source}: the experiment has format {manifest['format']!r}, this evosim reads "
            f"{FORMAT}; use the version of evosim that made it"
        )
    return manifest
