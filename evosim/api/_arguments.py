"""What the public functions are given: scenarios, seeds, numbers, places."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from numbers import Real
from os import PathLike
from pathlib import Path
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from evosim import evolution
from evosim import scenario as scenarios
from evosim.engine.files import exists
from evosim.engine.folders import check_name
from evosim.engine.mechanism import parts
from evosim.errors import Argument, Command, EvosimError, seed_number, whole_number
from evosim.process import expanded, place
from evosim.registry import plugins
from evosim.scenario.shipped import Text

if TYPE_CHECKING:
    from evosim.scenario import Scenario, Settings
    from evosim.scenario.reading import Check


P = ParamSpec("P")
R = TypeVar("R")
Kind: TypeAlias = "Callable[[str, Any], Any]"
"""Takes the name of an argument and what was given; returns it as it is used, or refuses it."""


def check_switch(name: str, value: object) -> bool:
    """Refuse what is neither True nor False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise EvosimError(Argument(name, value), ": True or False is needed")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return str(value)  # and not one of numpy
    raise EvosimError(Argument(name, value), ": a text is needed")


def _texts(name: str, value: object) -> list[str]:
    # A text would be taken apart into its letters.
    if isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping):
        with suppress(TypeError):  # an array without a dimension
            found = list(value)
            if all(isinstance(one, str) for one in found):
                return [str(one) for one in found]
    raise EvosimError(Argument(name, value), ": a list of texts is needed")


def _settings(name: str, value: object) -> object:
    if isinstance(value, Mapping | Sequence):  # read, with all that is wrong, with the scenario
        return value
    raise EvosimError(
        Argument(name, value), ": a mapping of keys to values is needed, or a list of texts"
    )


def _kept(name: str, value: object) -> object:
    if isinstance(value, str) and value in ("measures", "runs"):
        return value
    raise EvosimError(Argument(name, value), ': "measures" or "runs" is needed')


def _positive(name: str, value: Any) -> Any:
    if not isinstance(value, bool) and isinstance(value, Real) and float(value) > 0:
        return value
    raise EvosimError(Argument(name, value), ": a number above 0 is needed")


def _function(name: str, value: object) -> object:
    if callable(value):
        return value
    raise EvosimError(Argument(name, value), ": a function is needed")


def _or_none(kind: Kind) -> Kind:
    return lambda name, value: None if value is None else kind(name, value)


_KINDS: dict[str, Kind] = {
    "bound": _positive,
    "command": _or_none(_text),
    "correction": _text,
    "deterministic": check_switch,
    "environment": _or_none(_text),
    "force": check_switch,
    "formats": _texts,
    "keep": _or_none(_kept),
    "keys": _or_none(_texts),
    "logits": check_switch,
    "measures": _or_none(_texts),
    "note": _or_none(_function),
    "on_generation": _or_none(_function),
    "payoffs": check_switch,
    "probes": check_switch,
    "progress": _or_none(check_switch),
    "scheduler": _or_none(_text),
    "senses": _texts,
    "settings": _settings,
    "stances": check_switch,
    "terminal": check_switch,
    "tuned": check_switch,
    "unfelt": check_switch,
}
"""What arguments must be that mean the same in all public functions, by name. Numbers, places and
names are checked where they are used."""


def accepting(function: Callable[P, R]) -> Callable[P, R]:
    """Have a public function refuse, before it begins, what its arguments cannot be.

    Example:
        >>> import evosim
        >>> try:
        ...     evosim.run("contraception", progress="no")
        ... except evosim.EvosimError as error:
        ...     print(error)
        progress="no": True or False is needed
    """
    signature = inspect.signature(function)
    kinds = {name: _KINDS[name] for name in signature.parameters if name in _KINDS}

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python tells what is wrong
        for name in given.arguments:  # in their order, so that the first mistake is told
            if name in kinds:
                given.arguments[name] = kinds[name](name, given.arguments[name])
        return function(*given.args, **given.kwargs)

    return checked


def read_scenario(
    source: Scenario | str | Path | Text, settings: Settings, further: Sequence[Check] = ()
) -> Scenario:
    """A scenario with settings applied, all of it checked.

    Args:
        source: a scenario, the id of one of the catalogue, the path of a file, or the text of one.
        further: checks beside that of the operators.

    Raises:
        EvosimError: a mistake in it, or a plugin that cannot be imported.
    """
    plugins()  # a broken one is no mistake of the scenario's
    checks = [evolution.check, *further]
    if isinstance(source, Text):
        return scenarios.loads(*source, settings, checks)
    if isinstance(source, str | PathLike):
        if str(source) not in scenarios.catalogue():
            from evosim.study import reading

            if str(source) in reading.catalogue():
                raise EvosimError(
                    f"{source} is a study, not a scenario; run it with: ",
                    Command("study run", str(source)),
                )
        return scenarios.load(source, settings, checks)
    if not isinstance(source, scenarios.Scenario):
        raise EvosimError(
            f"{shorten(source)}: not a scenario (allowed one, the id of one of the catalogue, the "
            "path of a file; Scenario.from_dict takes a dictionary)"
        )
    return scenarios.from_dict(source.to_dict(), name=source.id, settings=settings, checks=checks)


def seed_of(seed: int | None) -> int:
    """The seed that was given, as a plain int; drawn by the operating system if None.

    Raises:
        EvosimError: not a whole number of 64 bits.
    """
    return secrets.randbits(64) if seed is None else seed_number(seed)


def checked_workers(workers: int | None) -> int | None:
    """The number of processes that was given, as a plain int.

    Raises:
        EvosimError: not a whole number of at least 1, and not None.
    """
    return None if workers is None else whole_number("workers", workers, 1)


def checked_seconds(checkpoint: float) -> float:
    """The seconds between writes that were given, as a plain float.

    Raises:
        EvosimError: not a number of at least 0.
    """
    number = isinstance(checkpoint, Real) and not isinstance(checkpoint, bool)
    if not (number and float(checkpoint) >= 0):
        raise EvosimError(
            Argument("checkpoint", checkpoint), ": a number of seconds of at least 0 is needed"
        )
    return float(checkpoint)


def checked_figures(figures: object, of: str) -> bool | list[str]:
    """Which figures are drawn in the end: True for all, False for none, else those of the names.

    Args:
        of: run, experiment or study.

    Raises:
        EvosimError: a name that no figure has; the nearest is told. Or something else.
    """
    if isinstance(figures, bool):
        return figures
    if isinstance(figures, str) or not isinstance(figures, Sequence):
        raise EvosimError(
            Argument("figures", figures), ": True or False is needed, or a list of names"
        )
    from evosim.plot.registry import OF

    return [OF[of][str(name)].name for name in dict.fromkeys(figures)]


def check_scheduler(
    scheduler: str | None, workers: int | None, scenario: Scenario | None = None
) -> None:
    """Refuse a scheduler beside workers of our own, and one for a run that nobody can share.

    Args:
        scenario: of a run, whose demes would be shared out; None where runs are.
    """
    if scheduler is None:
        return
    from evosim.execution.dask import check_address, worker_command

    check_address(scheduler)
    named = Argument("scheduler", scheduler)
    if workers is not None:
        raise EvosimError(
            Argument("workers", workers), " and ", named,
            f": to start workers of a scheduler: {worker_command(scheduler)}",
        )  # fmt: skip
    if scenario is not None and parts(scenario) == 1:
        raise EvosimError(
            named,
            f": in one run the workers of a scheduler share the demes, and {scenario.id!r} has no "
            "[evolution.islands]. For many runs: ",
            Command("study run"),
        )


def new_folder(out: str | PathLike[str]) -> Path:
    """The place of a new folder that was given.

    Raises:
        EvosimError: it is no path, or no name for a new folder.
    """
    path = expanded(out)
    check_name(path)
    return place(path)


def free_path(name: str, seed: int, suffix: str = "") -> Path:
    """A folder in ``runs/`` that does not exist yet."""
    base = place("runs") / f"{name}-{seed}{suffix}"
    path, n = base, 1
    while exists(path):
        n += 1
        path = base.with_name(f"{base.name}-{n}")
    return path
