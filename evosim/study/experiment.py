"""The folder of an experiment: its arms are ordinary runs, of all replicates each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from evosim.engine._manifest import SEEDED, Entries
from evosim.engine.checksums import read_toml, sealed_text
from evosim.engine.dataset import check_data, open_arrays, open_dataset
from evosim.engine.files import exists, explain, write_text
from evosim.engine.run_folder import RunFolder
from evosim.errors import EvosimError, RunError
from evosim.metrics.hypotheses import Conditions
from evosim.metrics.leakage import check_disjoint
from evosim.stats.intervals import Bootstrap
from evosim.study.design import (
    Condition,
    conditions,
    run_inputs,
)
from evosim.study.folder import Folder, Record, hash_of
from evosim.study.measures import answers, as_study
from evosim.study.schema import Study

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


class ExperimentFolder(Folder):
    """An experiment: its arms are ordinary runs, of all replicates each."""

    WHAT, SUMMARY, SOURCE = "experiment", "verdict.json", "scenario.toml"
    ENTRIES: ClassVar[Entries] = {
        **SEEDED,
        "tuned": ("true or false", lambda value: isinstance(value, bool)),
    }

    @classmethod
    def create(cls, path: Path, scenario: Scenario, manifest: Mapping[str, Any]) -> Self:
        """A new folder with a run folder for each arm.

        Args:
            scenario: with its experiment.
            manifest: of :func:`evosim.engine.provenance.manifest`, and ``tuned`` and ``worlds``.

        Raises:
            RunError: there is something already, or the folder cannot be made.
            ScenarioError: a setting of an arm is wrong.
        """
        found = cls._conditions(scenario, manifest)
        known = {**manifest, "runs": [condition.key for condition in found]}
        with cls._making(path, {cls.SOURCE: sealed_text(scenario.to_toml())}, known) as making:
            for condition in found:
                arm = condition.scenario(scenario)
                own = {**manifest, "replicates": condition.replicates, "figures": False}
                if condition.world is not None:
                    seed = condition.seed(manifest["seed"], 0)
                    seeds = [{"from": 0, "seed": seed}]
                    own |= {"seed": seed, "probe_seed": seed, "seeds": seeds}
                check_disjoint(arm, own)
                with RunFolder.create(making / "arms" / condition.key, arm, own):
                    pass
        return cls(path)

    def text(self, name: str) -> str:
        path = self.path / name
        try:
            return read_toml(path)
        except OSError as error:
            raise RunError(explain(error, path, "read")) from error
        except ValueError as error:
            raise RunError(
                f"{path} was changed after the experiment began, or is damaged ({error}): restore "
                "it, or begin again"
            ) from error

    def damaged(self) -> list[Path]:
        return []  # data that are damaged are refused

    def check(self) -> None:
        """Check the data of all runs that are complete.

        Raises:
            RunError: some are damaged.
        """
        for condition in self.points:
            if exists((run := self.run(condition.key)).data_path):
                check_data(run)

    @property
    def identity(self) -> str:
        return hash_of(self.text("scenario.toml"), self.seed)

    @cached_property
    def points(self) -> tuple[Condition, ...]:
        return self._conditions(self.base, self.manifest)

    @staticmethod
    def _conditions(scenario: Scenario, manifest: Mapping[str, Any]) -> tuple[Condition, ...]:
        return conditions(
            scenario,
            replicates=manifest["replicates"],
            tuned=manifest["tuned"],
            worlds=manifest.get("worlds", 0),
            seed=manifest["seed"],
        )

    @cached_property
    def study(self) -> Study:
        return as_study(self.base, self.points)

    @cached_property
    def _columns(self) -> dict[str, Mapping[str, list[tuple[float, ...]]]]:
        """By arm and measure the numbers of each replicate, of the arms that were read so far."""
        return {}

    def read(self, key: str, replicate: int) -> Record | None:
        if replicate >= self.by_key[key].replicates:
            return None
        if key not in self._columns:
            run = self.run(key)
            if not exists(run.data_path):
                return None
            with open_dataset(run) as data:
                self._columns[key] = answers(self.base, run.scenario, data)
        measured = {name: found[replicate] for name, found in self._columns[key].items()}
        return Record(point=key, replicate=replicate, seed=self.seed, columns=measured, seconds=0.0)

    def run(self, key: str) -> RunFolder:
        """The run of an arm.

        Raises:
            RunError: its folder is gone.
        """
        return RunFolder(self.path / "arms" / key)

    @property
    def bootstrap(self) -> Bootstrap:
        """How the intervals of its numbers are made."""
        verdict = self.base.verdict
        return Bootstrap.of(self.seed, confidence=verdict.confidence, resamples=verdict.resamples)

    @contextmanager
    def opened(self, keys: Mapping[str, str]) -> Iterator[dict[str, Conditions]]:
        """The data of some arms, closed at the end of the block.

        Args:
            keys: of the conditions, by arm.
        """
        with ExitStack() as held:
            runs = {arm: self.run(key) for arm, key in keys.items()}
            yield {
                arm: Conditions(
                    cast("xr.Dataset", held.enter_context(open_arrays(run))), run.scenario
                )
                for arm, run in runs.items()
            }

    def holds(self, scenario: Scenario, *, tuned: bool | None = None) -> bool:
        """Whether the runs are those of a scenario's experiment, whatever its words and findings.

        Args:
            tuned: whether the values of what was tuned are to be run as well; as here if None,
                and with as many replicates.
        """
        try:
            here = [(c.key, c.replicates, run_inputs(c.scenario(self.base))) for c in self.points]
            if tuned is None:
                n, tuned = self.replicates, bool(self.manifest["tuned"])
            else:
                n = None
            wanted = conditions(
                scenario, replicates=n, tuned=tuned, worlds=self.manifest.get("worlds", 0),
                seed=self.manifest["seed"],
            )  # fmt: skip
        except EvosimError:
            return False  # nobody knows what they were
        return here == [(c.key, c.replicates, run_inputs(c.scenario(scenario))) for c in wanted]

    def invalidate(self, scenario: Scenario) -> None:
        """Take the verdict away, so that it is made again when the experiment goes on.

        Args:
            scenario: the same runs, with the findings, titles and words as they are now.

        Raises:
            RunError: the runs are others, or the folder cannot be written.
        """
        if not self.holds(scenario):
            raise RunError(
                f"{self.path}: the arms of {scenario.id!r} are others than were run here"
            )
        try:
            for file in (self.summary_path, *self.figures_path.glob("*")):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(explain(error, self.path, "change")) from error
        write_text(self.path / self.SOURCE, sealed_text(scenario.to_toml()))
