"""Experiments: the arms of a scenario, run side by side, and the verdict on its claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import (
    accepting,
    checked_figures,
    checked_seconds,
    checked_workers,
    free_path,
    new_folder,
    seed_of,
)
from evosim.api._costs import of_experiment
from evosim.api.checks import check
from evosim.api.collections import Collection
from evosim.api.running import WAIT
from evosim.api.runs import Run, not_complete
from evosim.engine import provenance
from evosim.engine.files import WriteError, exists
from evosim.errors import Argument, EvosimError, whole_number
from evosim.execution.cost import refuse
from evosim.execution.runner import CHECKPOINT
from evosim.metrics import hypotheses
from evosim.scenario.settings import as_mapping
from evosim.study import design, families, verdict
from evosim.study.driver import complete_arms
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from evosim.scenario import Scenario, Settings


class Experiment(Collection[ExperimentFolder]):
    """An experiment on disk: its arms, each a run, and the verdict on its claim.

    Attributes:
        path: its folder.

    Raises:
        RunError: no experiment is there.

    Example:
        >>> import evosim
        >>> done = evosim.open_experiment("runs/strawberry-1-arms")
        >>> done
        <Experiment 'runs/strawberry-1-arms': effect, sham, as_bright>
        >>> len(done.summary["findings"])
        4
        >>> done.arms["sham"].data["score"].dims
        ('replicate', 'generation', 'individual')
    """

    _opens = ExperimentFolder
    _runs = staticmethod(complete_arms)
    _results = verdict
    _resume = "resume"
    _wait = WAIT

    @property
    def scenario(self) -> Scenario:
        """The scenario with its arms and findings, resolved."""
        return self._folder.base

    @property
    def complete(self) -> bool:
        """Whether every arm is done and the claim is evaluated."""
        return exists(self.summary_path)

    @cached_property
    def arms(self) -> dict[str, Run]:
        """The run of each arm, by name; over worlds by the key, as world-007-effect."""
        names: Iterable[str] = design.experiment_of(self.scenario).arms
        if self._over_worlds:
            names = self._folder.by_key
        return {name: Run(self._folder.run(name).path) for name in names}

    @property
    def summary(self) -> dict[str, Any]:
        """What verdict.json holds: the findings with their arms, numbers and intervals.

        Raises:
            RunError: the experiment is not complete.
        """
        if not exists(self._present.summary_path):
            raise not_complete(self.path, "experiment")
        found = verdict.read(self._folder)
        if found is None:
            try:
                found = verdict.write(self._folder)
            except WriteError:  # in a folder that one may only read
                found = verdict.found(self._folder)
        return dict(found)

    @property
    def files(self) -> list[Path]:
        """What a reader may want to open: the verdict, the figures, the folders of the arms."""
        arms = [self.path / "arms"] if self._over_worlds else [r.path for r in self.arms.values()]
        return [self.summary_path, *self.figures, *arms]

    @property
    def verdict(self) -> str:
        """The verdict for people: plain text, a block a finding.

        Raises:
            RunError: the experiment is not complete.
        """
        of = families if self._over_worlds else hypotheses
        return of.describe(self.summary)

    @property
    def _over_worlds(self) -> bool:
        return bool(self._folder.manifest.get("worlds"))

    def _repr_html_(self) -> str:
        from evosim.api import _html

        return _html.of_experiment(self)

    def _in_words(self) -> str:
        arms = ", ".join(design.experiment_of(self.scenario).arms)
        return arms if self.complete else f"{arms}, not complete"

    def _drawn_from(self) -> tuple[Scenario]:
        return (design.reference(self.scenario),)


@accepting
def experiment(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    tuned: bool = False,
    worlds: int = 0,
    settings: Settings = (),
    out: str | Path | None = None,
    workers: int | None = None,
    figures: bool | Sequence[str] = True,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    command: str | None = None,
    force: bool = False,
) -> Experiment:
    """Run the arms of a scenario and settle its claim.

    Args:
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        replicates: of each arm; as the scenario says if None.
        tuned: also move what was tuned through its values.
        worlds: run the arms in as many worlds of the scenario's family, drawn by the seed, in place
            of the scenario as it is; the claim is then judged over worlds.
        settings: changes of the scenario, see :func:`evosim.run`; they win over those that its
            experiment makes for all arms, and not over what an arm sets itself.
        out: the experiment's folder; runs/<id>-<seed>-arms if None.
        seed, workers, figures, progress, checkpoint, command, force: see :func:`evosim.run`.

    Returns:
        The complete experiment.

    Raises:
        EvosimError: a mistake in the scenario or the arguments, a folder that cannot be written.
        Interrupted: it was stopped (Ctrl-C) and can be resumed.

    Example:
        >>> import evosim
        >>> small = {
        ...     "evolution.population": 16, "measure.sample": 16, "measure.levels": 1,
        ...     "timeline.0.generations": 3, "timeline.1.generations": 2,
        ... }
        >>> done = evosim.experiment(
        ...     "strawberry", seed=1, replicates=1, settings=small, out="runs/arms", workers=1,
        ...     figures=False,
        ... )
        >>> list(done.arms)
        ['effect', 'sham', 'as_bright']
    """
    read = _read(scenario, settings)
    if worlds := whole_number("worlds", worlds):
        if worlds == 1:
            raise EvosimError(
                Argument("worlds", 1), ": one world says nothing of others: 2 or more"
            )
        if tuned:
            raise EvosimError(Argument("tuned", True), ": a family has other values already")
        n = design.family_of(read).replicates
    else:
        n = design.experiment_of(read).replicates
    if replicates is not None:
        n = whole_number("replicates", replicates, 1)
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    seed = seed_of(seed)
    kind = "-worlds" if worlds else "-arms"
    path = new_folder(out) if out is not None else free_path(read.id, seed, kind)
    manifest = provenance.manifest(
        read,
        seed=seed,
        probe_seed=seed,
        seeds=[{"from": 0, "seed": seed}],
        replicates=n,
        tuned=tuned,
        worlds=worlds,
        figures=checked_figures(figures, "experiment"),
        command=command or f"evosim.experiment({read.id!r}, ...)",
    )
    cost = of_experiment(read, n, tuned, workers, worlds=worlds, seed=seed)
    refuse(cost, path, force=force)
    folder = ExperimentFolder.create(path, read, manifest)
    words = f"{read.id}, seed {seed}, {len(folder.points)} runs"
    return Experiment(path)._complete(progress, words, cost, workers=workers, checkpoint=checkpoint)


def open_experiment(path: str | Path) -> Experiment:
    """An experiment on disk, complete or not.

    Raises:
        RunError: no experiment is there.

    Example:
        >>> import evosim
        >>> evosim.open_experiment("runs/strawberry-1-arms").complete
        True
    """
    return Experiment(path)


def _read(scenario: Scenario | str | Path, settings: Settings) -> Scenario:
    """The scenario, all of it checked, with settings that win over those for all arms."""
    read = check(scenario, settings)
    experiment = design.experiment_of(read)
    left = design.settings_not_overridden(experiment, settings)
    if len(left) == len(experiment.set):
        return read
    return check(scenario, as_mapping(settings, {"experiment.set": left}))
