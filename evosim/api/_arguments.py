"""What the public functions are given: scenarios, seeds, numbers, places."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from evosim import evolution
from evosim import scenario as scenarios
from evosim.errors import Argument, EvosimError
from evosim.execution.runner import CHECKPOINT
from evosim.registry import plugins

if TYPE_CHECKING:
    from evosim.scenario import Scenario, Settings
    from evosim.scenario.reading import Check

SEED_LIMIT = 2**64


def read_scenario(
    source: Scenario | str | Path, settings: Settings, further: Sequence[Check] = ()
) -> Scenario:
    """A scenario with settings applied, all of it checked.

    Args:
        source: a scenario, the id of one of the catalogue, or the path of a file.
        further: checks beside that of the operators.

    Raises:
        EvosimError: a mistake in it, or a plugin that cannot be imported.
    """
    plugins()  # a broken one is no mistake of the scenario's
    checks = [evolution.check, *further]
    if isinstance(source, str | Path):
        return scenarios.load(source, settings, checks)
    return scenarios.from_dict(source.to_dict(), name=source.id, settings=settings, checks=checks)


def seed_of(seed: int | None) -> int:
    """The seed that was given, as a plain int; drawn by the operating system if None.

    Raises:
        EvosimError: not a whole number of 64 bits.
    """
    if seed is None:
        return secrets.randbits(64)
    # A numpy integer is a seed too, but would neither fit beside 2^64 nor go into JSON.
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= int(seed) < SEED_LIMIT:
        raise EvosimError(
            Argument("seed", seed), ": not a seed (allowed a whole number from 0 to 2^64 - 1)"
        )
    return int(seed)


def check_numbers(
    *, replicates: int = 1, workers: int | None = None, checkpoint: float = CHECKPOINT
) -> None:
    """Refuse numbers that no run can be made with."""
    if replicates < 1:
        raise EvosimError(Argument("replicates", replicates), ": at least 1 is needed")
    if workers is not None and workers < 1:
        raise EvosimError(Argument("workers", workers), ": at least 1 is needed")
    if not checkpoint >= 0:
        raise EvosimError(Argument("checkpoint", checkpoint), ": seconds, at least 0")


def check_scheduler(
    scheduler: str | None, workers: int | None, scenario: Scenario | None = None
) -> None:
    """Refuse a scheduler beside workers of our own, and one for a run that nobody can share.

    Args:
        scenario: of a run, whose demes would be shared out; None where runs are.
    """
    if scheduler is None:
        return
    from evosim.execution.dask_cluster import check_address, worker_command

    check_address(scheduler)
    named = Argument("scheduler", scheduler)
    if workers is not None:
        raise EvosimError(
            Argument("workers", workers), " and ", named,
            f": to start workers of a scheduler: {worker_command(scheduler)}",
        )  # fmt: skip
    if scenario is not None and scenario.evolution.islands is None:
        raise EvosimError(
            named,
            f": in one run the workers of a scheduler share the demes, and {scenario.id!r} has no "
            "[evolution.islands]. For many runs: evosim study run",
        )


def free_path(name: str, seed: int, suffix: str = "") -> Path:
    """A folder in ``runs/`` that does not exist yet."""
    base = Path("runs") / f"{name}-{seed}{suffix}"
    path, n = base, 1
    while path.exists():
        n += 1
        path = base.with_name(f"{base.name}-{n}")
    return path
