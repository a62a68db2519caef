"""What a scenario may leave out, a folder each: what is in it, and how the rest reaches it.

A mechanism is used where the scenario has its section. Its folder has these files, as far as it
needs them:

    schema.py    the pydantic model of its section, and ``mistakes``: what of the rest of a
                 document it must agree with
    state.py     ``MECHANISM``: its part of a run, a class of :mod:`evosim.engine.mechanism`
    kernels.py   what of it is compiled, on the stairs of :mod:`evosim.core`
    metrics.py   its metrics; ``summary``: its section of summary.json; ``describe``: it in words
    figures.py   its figures

No other file imports one of these by name but :mod:`evosim.scenario.schema`, which names the
sections. The others ask here, and import only what is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# In the order in which summaries, texts and figures have them.
SECTIONS: Mapping[str, str] = {
    "tool": "agent.tool",
    "novelty": "agent.drives.novelty",
    "deception": "deception",
}
"""The dotted key of each mechanism's section in a scenario; without it there is no mechanism."""


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


def modules(part: str, names: Iterable[str] = SECTIONS) -> tuple[ModuleType, ...]:
    """The files of that name in the folders of mechanisms, imported.

    Args:
        part: ``schema``, ``state``, ``metrics`` or ``figures``.
        names: of mechanisms; left out: all of them.
    """
    return tuple(
        import_module(f"{__name__}.{name}.{part}")
        for name in names
        if (Path(__file__).parent / name / f"{part}.py").is_file()
    )
