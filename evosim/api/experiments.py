"""Experiments: the arms of a scenario, run side by side, and the verdict on its claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import (
    check_switch,
    checked_seconds,
    checked_workers,
    free_path,
    seed_of,
)
from evosim.api._reading import figures_in, read_summary
from evosim.api.checks import check
from evosim.api.running import WAIT
from evosim.api.runs import Run
from evosim.engine import provenance
from evosim.engine.files import WriteError
from evosim.engine.folders import GONE
from evosim.errors import Command, RunError, whole_number
from evosim.execution.progress import Progress
from evosim.execution.progress import progress as make_progress
from evosim.execution.runner import CHECKPOINT
from evosim.execution.stop import Interrupted, Stop
from evosim.metrics import hypotheses
from evosim.plot import experiment_figures as drawing
from evosim.plot.drawing import FORMATS
from evosim.scenario.settings import as_mapping
from evosim.study import design
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.scenario import Scenario, Settings


class Experiment:
    """An experiment on disk: its arms, each a run, and the verdict on its claim.

    Attributes:
        path: its folder.

    Raises:
        RunError: no experiment is there.

    Example:
        >>> import evosim
        >>> done = evosim.open_experiment("runs/strawberry-1-arms")
        >>> done
        <Experiment 'runs/strawberry-1-arms': effect, control, as_bright>
        >>> done.summary["findings"][0]["verdict"]
        'supported'
        >>> done.arms["control"].data["score"].dims
        ('replicate', 'generation', 'individual')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._folder = ExperimentFolder(self.path)

    @property
    def scenario(self) -> Scenario:
        """The scenario with its arms and findings, resolved."""
        return self._folder.scenario

    @property
    def manifest(self) -> dict[str, Any]:
        """What experiment.json holds: seed, replicates, command, versions, machine."""
        return dict(self._folder.manifest)

    @property
    def complete(self) -> bool:
        """Whether every arm is done and the claim is evaluated."""
        return self._folder.verdict_path.exists()

    @cached_property
    def arms(self) -> dict[str, Run]:
        """The run of each arm, by name."""
        names = self._folder.written.arms
        return {name: Run(self._folder.run(name).path) for name in names}

    @property
    def summary(self) -> dict[str, Any]:
        """What verdict.json holds: the findings with their arms, numbers and intervals.

        Raises:
            RunError: the experiment is not complete.
        """
        return read_summary(
            self.summary_path,
            what="experiment",
            remedy=("Delete it: ", Command("resume", self.path), " then evaluates the claim again"),
        )

    @property
    def summary_path(self) -> Path:
        """The file of the verdict."""
        return self._folder.verdict_path

    @property
    def files(self) -> list[Path]:
        """What a reader may want to open: the verdict, the figures, the folders of the arms."""
        return [self.summary_path, *self.figures, *(run.path for run in self.arms.values())]

    @property
    def figures(self) -> list[Path]:
        """The figures drawn so far."""
        return figures_in(self._folder.figures_path)

    @property
    def verdict(self) -> str:
        """The verdict for people: plain text, a block a finding.

        Raises:
            RunError: the experiment is not complete.
        """
        return hypotheses.describe(self.summary)

    def figure(self, name: str = "findings") -> Figure:
        """One figure, in memory: nothing is written, and a notebook shows it.

        Args:
            name: findings, course, tuned or maps.

        Raises:
            EvosimError: no figure of that name, one that this experiment does not have, or the
                experiment is not complete.

        Example:
            >>> import evosim
            >>> done = evosim.open_experiment("runs/strawberry-1-arms")
            >>> done.figure("maps")
            <Drawing size ... Axes>
        """
        return drawing.FIGURES[name].figure(self.summary, design.reference(self.scenario))

    def plot(
        self,
        *names: str,
        folder: str | Path | None = None,
        formats: Sequence[str] = FORMATS,
    ) -> list[Path]:
        """Draw figures of the experiment: findings, course, tuned, maps.

        Args:
            names: which; none for all that it has.
            folder: where; the experiment's own ``figures`` if None.
            formats: of svg, png, pdf.

        Returns:
            The files.

        Raises:
            EvosimError: no figure of that name, one that this experiment does not have, or the
                experiment is not complete.

        Example:
            >>> import evosim
            >>> done = evosim.open_experiment("runs/strawberry-1-arms")
            >>> [path.name for path in done.plot("findings", formats=["png"], folder="drawn")]
            ['findings.png']
        """
        return drawing.draw(
            self.summary,
            design.reference(self.scenario),
            names or None,
            folder=Path(folder) if folder else self._folder.figures_path,
            formats=formats,
        )

    def _repr_html_(self) -> str:
        from evosim.api import _html

        return _html.of_experiment(self)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        if not self.path.is_dir():
            return f"<Experiment {str(self.path)!r}: {GONE}>"
        state = "" if self.complete else ", not complete"
        return f"<Experiment {str(self.path)!r}: {', '.join(self._folder.written.arms)}{state}>"


def experiment(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    tuned: bool = False,
    settings: Settings = (),
    out: str | Path | None = None,
    workers: int | None = None,
    figures: bool = True,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    command: str | None = None,
) -> Experiment:
    """Run the arms of a scenario and settle its claim.

    Args:
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        replicates: of each arm; as the scenario says if None.
        tuned: also move what was tuned through its values.
        settings: changes of the scenario, see :func:`evosim.run`; they win over those that its
            experiment makes for all arms, and not over what an arm sets itself.
        out: the experiment's folder; runs/<id>-<seed>-arms if None.
        seed, workers, figures, progress, checkpoint, command: see :func:`evosim.run`.

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
        ['effect', 'control', 'as_bright']
    """
    read = _read(scenario, settings)
    n = design.experiment_of(read).replicates
    if replicates is not None:
        n = whole_number("replicates", replicates, 1)
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    check_switch("tuned", tuned)
    check_switch("figures", figures)
    seed = seed_of(seed)
    path = Path(out) if out is not None else free_path(read.id, seed, "-arms")
    manifest = provenance.manifest(
        read,
        seed=seed,
        probe_seed=seed,
        seeds=[{"from": 0, "seed": seed}],
        replicates=n,
        tuned=tuned,
        figures=figures,
        command=command or f"evosim.experiment({read.id!r}, ...)",
    )
    with make_progress(show=progress) as reporter:
        folder = ExperimentFolder.create(path, read, manifest)
        reporter.note(f"{read.id}, seed {seed}, {len(folder.conditions)} runs: {path}")
        return _complete(path, reporter, workers=workers, checkpoint=checkpoint)


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


def resume_experiment(
    path: str | Path,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
) -> Experiment:
    """Go on with an experiment that was stopped or killed, see :func:`evosim.resume`."""
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    done = Experiment(path)
    if done.complete and not _missing_figures(done):
        return done
    with make_progress(show=progress) as reporter:
        if warning := provenance.other_versions(done.manifest, "experiment"):
            reporter.warn(warning)
        return _complete(done.path, reporter, workers=workers, checkpoint=checkpoint)


def _read(scenario: Scenario | str | Path, settings: Settings) -> Scenario:
    """The scenario, all of it checked, with settings that win over those for all arms."""
    read = check(scenario, settings)
    experiment = design.experiment_of(read)
    left = design.settings_not_overridden(experiment, settings)
    if len(left) == len(experiment.set):
        return read
    return check(scenario, as_mapping(settings, {"experiment.set": left}))


def _complete(
    path: Path, reporter: Progress, *, workers: int | None, checkpoint: float
) -> Experiment:
    """Do whatever an experiment still lacks."""
    done = Experiment(path)
    try:
        with Stop() as stop:
            done._folder.complete_runs(
                stop=stop, progress=reporter, wait=WAIT, workers=workers, checkpoint=checkpoint
            )
            if missing := _missing_figures(done):
                _draw_in_the_end(done, missing, stop, reporter)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(
            path,
            "stopped at once. What was written is kept. Continue with: ",
            Command("resume", path),
        ) from None
    return done


def _missing_figures(done: Experiment) -> list[str]:
    """Figures that are wanted, that the experiment has, and that are not all there."""
    if not done.manifest.get("figures", True):
        return []
    folder = done._folder.figures_path
    return [
        name
        for name in drawing.names_for(done.summary)
        if not all((folder / f"{name}.{suffix}").exists() for suffix in FORMATS)
    ]


def _draw_in_the_end(
    done: Experiment, names: Sequence[str], stop: Callable[[], bool], reporter: Progress
) -> None:
    later = ("Figures are drawn by: ", Command("resume", done.path))
    if stop():
        raise Interrupted(done.path, "stopped: the arms and the verdict are complete. ", *later)
    try:
        drawing.draw(
            done.summary,
            design.reference(done.scenario),
            names,
            folder=done._folder.figures_path,
            failed=lambda error: reporter.warn(str(error)),
        )
    except WriteError as error:
        raise RunError(*error.parts, "\nThe arms and the verdict are complete. ", *later) from error
