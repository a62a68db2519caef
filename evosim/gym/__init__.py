"""The worlds of evosim as environments of Gymnasium; the extra ``gym`` installs that.

    >>> import evosim.gym
    >>> env = evosim.gym.make("strawberry", environment="day", obs="felt", reward="selected")

With this import each environment of each scenario of the catalogue has an id, such as
``evosim/strawberry-day-v0``; ``gymnasium.make("evosim.gym:evosim/strawberry-day-v0")`` imports it
by itself. docs/gym.md is a tour.
"""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError, install
from evosim.gym.episodes import level_seed
from evosim.gym.task import Task

if TYPE_CHECKING:
    from evosim.gym.environments import Environment, VectorEnvironment, make, make_vec

__all__ = ["Environment", "Task", "VectorEnvironment", "level_seed", "make", "make_vec", "register"]

VERSION = 0
"""Of the environments: a change of the model by which a life goes otherwise raises it."""


def register() -> tuple[str, ...]:
    """Give each environment of each scenario of the catalogue an id; done by the import.

    Returns:
        The ids.

    Raises:
        EvosimError: Gymnasium is not installed.

    >>> import evosim.gym
    >>> "evosim/strawberry-day-v0" in evosim.gym.register()
    True
    """
    _needed()
    import gymnasium

    from evosim.scenario import catalogue

    ids = []
    for name, path in catalogue().items():
        for environment in tomllib.loads(path.read_text(encoding="utf-8"))["environments"]:
            ids.append(f"evosim/{name}-{environment}-v{VERSION}")
            if ids[-1] not in gymnasium.registry:
                gymnasium.register(
                    ids[-1],
                    entry_point="evosim.gym:make",
                    vector_entry_point="evosim.gym:make_vec",
                    kwargs={"source": name, "environment": environment},
                )
    return tuple(ids)


def _needed() -> None:
    if find_spec("gymnasium") is None:
        raise EvosimError(f"environments need Gymnasium: {install('gym')}")


def __getattr__(name: str) -> Any:
    # Gymnasium takes a while to import, and need not be there.
    if name in __all__:
        _needed()
        from evosim.gym import environments

        return getattr(environments, name)
    raise AttributeError(f"module 'evosim.gym' has no attribute {name!r}")


if find_spec("gymnasium") is not None:
    register()
