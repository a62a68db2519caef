"""What a scenario may leave out, a folder each: what is in it, and how the rest reaches it.

A mechanism is used where the scenario has its section. Its folder has these files, as far as it
needs them:

    schema.py    the pydantic model of its section, and ``mistakes``: what of the rest of a
                 document it must agree with; ``notes``: what of it is allowed, but hardly meant
    state.py     ``MECHANISM``: its part of a run, a class of :mod:`evosim.engine.mechanism`
    kernels.py   what of it is compiled, on the stairs of :mod:`evosim.core`
    metrics.py   its metrics; ``summary``: its section of summary.json; ``describe``: that in
                 words, before all else where it is ``FIRST``; ``COMPARED``: what of its metrics
                 a comparison of runs shows
    figures.py   its figures

No other file imports one of these by name but :mod:`evosim.scenario.schema`, which names the
sections. The others ask here, and import only what is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

# In the order in which summaries, texts and figures have them.
SECTIONS: dict[str, str] = {
    "table": "agent.tabular",
    "learner": "agent.learner",
    "tool": "agent.tool",
    "novelty": "agent.drives.novelty",
    "credence": "agent.credence",
    "open_population": "evolution.open",
    "islands": "evolution.islands",
    "deception": "deception",
    "correction": "correction",
    "monitor": "monitor",
    "copies": "copies",
    "ablation": "measure.without",
    "adversary": "adversary",
}
"""The dotted key of each mechanism's section in a scenario; without it there is no mechanism."""
PACKAGES: dict[str, str] = {}
"""Where the folder of a mechanism is that is none of evosim's own, as a package."""
_IN_SUMMARIES = {"open_population": "population"}


def section(scenario: object, key: str) -> Any:
    """The part of a scenario at a dotted key, None where there is none.

    >>> from evosim import scenario
    >>> section(scenario.load("strawberry"), "agent.depth").low
    0
    """
    found: Any = scenario
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
    return found


def used(scenario: object) -> tuple[str, ...]:
    """The mechanisms that a scenario uses, by name."""
    return tuple(name for name, key in SECTIONS.items() if section(scenario, key) is not None)


def unused(scenario: object) -> tuple[str, ...]:
    """The mechanisms that a scenario does not use, by name."""
    return tuple(name for name in SECTIONS if name not in used(scenario))


def paths(part: str, names: Iterable[str] = SECTIONS) -> list[str]:
    """The files of that name in the folders of mechanisms, as names of modules.

    Args:
        part: ``schema``, ``state``, ``kernels``, ``metrics`` or ``figures``.
        names: of mechanisms; left out: all of them.
    """
    found = [f"{PACKAGES.get(name, f'{__name__}.{name}')}.{part}" for name in names]
    # find_spec alone tells a file that is not there from one that cannot be imported.
    return [path for path in found if find_spec(path) is not None]


def modules(part: str, names: Iterable[str] = SECTIONS) -> tuple[ModuleType, ...]:
    """The files of that name in the folders of mechanisms, imported; arguments of :func:`paths`."""
    return tuple(map(import_module, paths(part, names)))


def defined(part: str, attribute: str, names: Iterable[str] = SECTIONS) -> dict[str, Any]:
    """What files of that name define under one name, by mechanism; of those that define it."""
    return {
        name: getattr(module, attribute)
        for name in names
        for module in modules(part, [name])
        if hasattr(module, attribute)
    }


def add(package: str, key: str) -> None:
    """Add a mechanism from outside.

    Args:
        package: its folder, as the name of a package that can be imported; the mechanism is
            called like the last part of it.
        key: dotted, of what a scenario has that uses it.
    """
    name = package.rpartition(".")[2]
    SECTIONS[name], PACKAGES[name] = key, package


def in_summary(name: str) -> str:
    """What summary.json calls the section of a mechanism."""
    return _IN_SUMMARIES.get(name, name)
