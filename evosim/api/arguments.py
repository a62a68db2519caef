"""What the public functions are given: scenarios, seeds, numbers, places."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evosim import evolution
from evosim import scenario as scenarios
from evosim.errors import Argument, EvosimError
from evosim.execution.dask_cluster import check_address, worker_command
from evosim.execution.runner import CHECKPOINT

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario.reading import Check

SEED_LIMIT = 2**64


Settings: TypeAlias = "Mapping[str, Any] | Sequence[str]"
"""Changes of a scenario: a mapping of dotted keys to values, or texts ``"key=value"``."""


def setting_texts(settings: Settings) -> list[str]:
    """Settings as texts ``key=value``, the value in TOML.

    Raises:
        EvosimError: a single text instead of many, or a value that TOML has no word for.
    """
    if isinstance(settings, str):
        raise EvosimError(
            f"settings={settings!r}: one text; allowed are a mapping, {{key: value}}, or a list "
            'of texts "key=value"'
        )
    if not isinstance(settings, Mapping):
        return list(settings)
    return [f"{key}={_toml(value, key)}" for key, value in settings.items()]


def _toml(value: Any, key: str) -> str:
    """A value on one line of TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, Mapping):
        items = (f"{json.dumps(str(name))} = {_toml(one, key)}" for name, one in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(_toml(one, key) for one in value) + "]"
    raise EvosimError(
        f"settings: {key}: {value!r} is no value of a scenario (allowed a number, True, False, a "
        "string, a list or a mapping)"
    )


def read_scenario(
    source: Scenario | str | Path, settings: Settings, further: Sequence[Check] = ()
) -> Scenario:
    """A scenario with settings applied, all of it checked.

    Args:
        source: a scenario, the id of one of the catalogue, or the path of a file.
        further: checks beside that of the operators.
    """
    checks = [evolution.check, *further]
    sets = setting_texts(settings)
    if isinstance(source, str | Path):
        return scenarios.load(source, sets=sets, checks=checks)
    return scenarios.loads(source.to_toml(), name=source.id, sets=sets, checks=checks)


def seed_of(seed: int | None) -> int:
    """The seed that was given; drawn by the operating system if None."""
    if seed is None:
        return secrets.randbits(64)
    if not 0 <= seed < SEED_LIMIT:
        raise EvosimError(Argument("seed", seed), ": not a seed (allowed 0 to 2^64 - 1)")
    return seed


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
    check_address(scheduler)
    named = Argument("scheduler", scheduler)
    if workers is not None:
        raise EvosimError(
            Argument("workers", workers), " and ", named,
            f": workers of a scheduler are begun with: {worker_command(scheduler)}",
        )  # fmt: skip
    if scenario is not None and scenario.evolution.islands is None:
        raise EvosimError(
            named,
            f": of one run a scheduler's workers live demes, and {scenario.id!r} has no "
            "[evolution.islands]. For many runs: evosim study run",
        )


def free_path(name: str, seed: int, suffix: str = "") -> Path:
    """Where a run, or many, of that name go that were not told where to."""
    base = Path("runs") / f"{name}-{seed}{suffix}"
    path, n = base, 1
    while path.exists():
        n += 1
        path = base.with_name(f"{base.name}-{n}")
    return path
